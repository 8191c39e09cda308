//! Verilog to C++: how Verilator is called. The build script includes this file, and mutants are built with it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What to do when a tool is missing.
pub const REMEDY: &str = "run `make setup` (apt packages verilator, g++ and zlib1g-dev)";

/// The tool's name, or what the environment variable `VERILATOR` / `CXX` says.
pub fn tool(variable: &str, default: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| default.into())
}

/// Standard output of the command.
///
/// # Errors
/// One text that names the command, what it said and, if it could not be started, the remedy.
pub fn run(command: &mut Command) -> Result<String, String> {
    let shown = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("cannot run {shown}: {error}; {REMEDY}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!(
        "{command:?} failed with {}:\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    ))
}

/// Verilator's own C++ runtime.
pub fn runtime_directory() -> Result<PathBuf, String> {
    let root = run(Command::new(tool("VERILATOR", "verilator")).args(["--getenv", "VERILATOR_ROOT"]))?;
    Ok(Path::new(root.trim()).join("include"))
}

/// A block of rust-hdl is one process, so a command's way to a lane and its answer's way back look like a loop, which
/// would be run until it settles. And a lane's code is shared by all lanes, as long as it does not look through the ports that are its own.
const SETTINGS: &str = r#"`verilator_config
isolate_assignments -module "backstop_lane" -var "command_ready"
no_inline -module "backstop_lane"
public_flat_rd -module "backstop_lane" -var "lane_index"
public_flat_rd -module "backstop_lane" -var "command_valid"
public_flat_rd -module "backstop_lane" -var "out_ready"
"#;

/// The C++ files that Verilator writes for `verilog` into `directory`, which is emptied first; its module `top` is the class `class`.
///
/// # Errors
/// As [`run`]; also if a file cannot be written.
pub fn verilate(
    verilog: &str,
    top: &str,
    directory: &Path,
    class: &str,
    traced: bool,
) -> Result<Vec<PathBuf>, String> {
    let fail = |error: std::io::Error| format!("{}: {error}", directory.display());
    if directory.exists() {
        std::fs::remove_dir_all(directory).map_err(fail)?;
    }
    std::fs::create_dir_all(directory).map_err(fail)?;
    let source = directory.join(top).with_extension("v");
    std::fs::write(&source, verilog).map_err(fail)?;
    let settings = directory.join("settings.vlt");
    std::fs::write(&settings, SETTINGS).map_err(fail)?;
    let mut command = Command::new(tool("VERILATOR", "verilator"));
    command
        .args(["--cc", "-O3", "--x-assign", "fast", "--x-initial", "fast", "--noassert", "--threads", "1"])
        .args(["--top-module", top, "-Wno-fatal", "-Wno-lint", "--prefix", class, "--Mdir"])
        .arg(directory)
        .args(traced.then_some("--trace-fst"))
        .arg(&settings)
        .arg(&source);
    run(&mut command)?;
    let mut files: Vec<PathBuf> = std::fs::read_dir(directory)
        .map_err(fail)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "cpp"))
        .collect();
    files.sort();
    Ok(files)
}

/// The shim with the names that tie it to a Verilated class.
pub fn shim(text: &str, class: &str, symbol: &str, traced: bool) -> String {
    let traced = if traced { "#define SIM_TRACED\n" } else { "" };
    format!(
        "#define SIM_MODEL {class}\n#define SIM_HEADER \"{class}.h\"\n#define SIM_TABLE sim_{symbol}\n{traced}{text}"
    )
}

/// Verilator's runtime, compiled once for any number of [`shared_library`].
///
/// # Errors
/// As [`run`]; also if the directory cannot be made.
pub fn runtime_objects(directory: &Path) -> Result<Vec<PathBuf>, String> {
    std::fs::create_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let runtime = runtime_directory()?;
    ["verilated", "verilated_threads"]
        .map(|name| {
            let object = directory.join(name).with_extension("o");
            let mut command = compiler(&runtime);
            command.arg("-c").arg("-o").arg(&object).arg(runtime.join(name).with_extension("cpp"));
            run(&mut command).map(|_| object)
        })
        .into_iter()
        .collect()
}

/// Builds `verilog` into a shared library that `Machine::load` takes: quick to compile, slower to run.
///
/// # Errors
/// As [`verilate`].
pub fn shared_library(
    verilog: &str,
    shim: &str,
    directory: &Path,
    runtime: &[PathBuf],
) -> Result<PathBuf, String> {
    let class = "Vloaded";
    let files = verilate(verilog, "backstop_inline", directory, class, false)?;
    let shim_file = directory.join("shim.cc");
    std::fs::write(&shim_file, self::shim(shim, class, "loaded", false))
        .map_err(|error| format!("{}: {error}", shim_file.display()))?;
    let library = directory.join("libloaded.so");
    let mut command = compiler(&runtime_directory()?);
    command.args(["-shared", "-Wl,-Bsymbolic", "-I"]).arg(directory);
    command.arg("-o").arg(&library).args(files).arg(shim_file).args(runtime).arg("-pthread");
    run(&mut command)?;
    Ok(library)
}

fn compiler(runtime: &Path) -> Command {
    let mut command = Command::new(tool("CXX", "g++"));
    command.args(["-std=c++17", "-O1", "-w", "-fPIC", "-I"]).arg(runtime);
    command.arg("-I").arg(runtime.join("vltstd"));
    command
}
