//! Writes the machine's Verilog in every build: `cargo run -p hdl --bin emit -- OUTDIR`.

use hdl::{BuildConfig, emit};
use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let Some(directory) = std::env::args_os().nth(1).map(PathBuf::from) else {
        return Err(std::io::Error::other("usage: emit OUTDIR"));
    };
    std::fs::create_dir_all(&directory)?;
    for lanes in BuildConfig::LANES {
        for (size, config) in [("", BuildConfig::production(lanes)), ("_small", BuildConfig::small(lanes))] {
            std::fs::write(directory.join(format!("backstop_inline{size}_{lanes}.v")), emit(config))?;
        }
    }
    Ok(())
}
