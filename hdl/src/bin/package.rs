//! Writes a build for a vendor's tools: `cargo run -p hdl --bin package -- OUTDIR TARGET [NAME=VALUE ...]`.

use hdl::package::package;
use hdl::{BuildConfig, Target};
use std::path::PathBuf;

const USAGE: &str =
    "usage: package OUTDIR portable|ecp5|ultrascale [lanes=N] [accounts=N] [slots=N] [instruments=N]
Sizes are those of one lane; what is not given is as shipped. Prints the directory, OUTDIR/TARGET-LANES.";

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((directory, target, config)) = parse(&arguments) else {
        return Err(std::io::Error::other(USAGE));
    };
    let directory = directory.join(format!("{}-{}", target.name(), config.lanes));
    std::fs::create_dir_all(&directory)?;
    for file in package(config, target) {
        let path = directory.join(file.name);
        // A file that stands as it is keeps its age: what was built of it is still good.
        if std::fs::read_to_string(&path).is_ok_and(|text| text == file.text) {
            continue;
        }
        std::fs::write(&path, file.text)?;
        #[cfg(unix)]
        if file.is_executable {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
        }
    }
    println!("{}", directory.display());
    Ok(())
}

fn parse(arguments: &[String]) -> Option<(PathBuf, Target, BuildConfig)> {
    let [directory, target, sizes @ ..] = arguments else { return None };
    let target = Target::ALL.into_iter().find(|known| known.name() == target)?;
    let mut config = BuildConfig::production(1);
    for size in sizes {
        let (name, value) = size.split_once('=')?;
        match name {
            "lanes" => config.lanes = value.parse().ok()?,
            "accounts" => config.accounts = value.parse().ok()?,
            "slots" => config.slots = value.parse().ok()?,
            "instruments" => config.instruments = value.parse().ok()?,
            _ => return None,
        }
    }
    Some((directory.into(), target, config))
}
