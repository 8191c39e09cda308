//! Writes the lane's Verilog: `cargo run -p hdl --bin emit -- OUTDIR`.

use hdl::{LaneConfig, emit};
use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let Some(directory) = std::env::args_os().nth(1).map(PathBuf::from) else {
        return Err(std::io::Error::other("usage: emit OUTDIR"));
    };
    std::fs::create_dir_all(&directory)?;
    for (name, config) in
        [("backstop_inline.v", LaneConfig::PRODUCTION), ("backstop_inline_small.v", LaneConfig::SMALL)]
    {
        std::fs::write(directory.join(name), emit(config))?;
    }
    Ok(())
}
