//! Emits the lane, Verilates it and compiles the C++ with the shim into one static library.
//!
//! Nothing is rebuilt when the emitted text, the shim and the flags are those of the last run: emitting is cheap,
//! compiling is not.

#[allow(dead_code, reason = "the library uses the rest")]
#[path = "src/verilate.rs"]
mod verilate;

use hdl::LaneConfig;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Name of the library of all models.
const LIBRARY: &str = "backstop_lanes";
/// Symbol, sizes and whether it can trace: a model that could costs a quarter more time also when it does not.
const MODELS: [(&str, LaneConfig, bool); 4] = [
    ("production", LaneConfig::PRODUCTION, false),
    ("production_traced", LaneConfig::PRODUCTION, true),
    ("small", LaneConfig::SMALL, false),
    ("small_traced", LaneConfig::SMALL, true),
];

fn main() {
    for path in ["build.rs", "src/verilate.rs", "src/shim.cpp"] {
        println!("cargo:rerun-if-changed={path}");
    }
    for variable in ["VERILATOR", "VERILATOR_ROOT", "CXX", "CXXFLAGS"] {
        println!("cargo:rerun-if-env-changed={variable}");
    }
    if let Err(error) = build() {
        panic!("the Verilated lane cannot be built: {error}");
    }
}

fn build() -> Result<(), String> {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let texts = [LaneConfig::PRODUCTION, LaneConfig::SMALL].map(hdl::emit);
    let mut capacity = String::new();
    for (name, config, text) in
        [("production", LaneConfig::PRODUCTION, &texts[0]), ("small", LaneConfig::SMALL, &texts[1])]
    {
        write(&out.join(format!("{name}.v")), text)?;
        writeln!(
            capacity,
            "pub const {}: Capacity = Capacity {{ lanes: 1, accounts_per_lane: {}, slots_per_lane: {}, instruments: {} }};",
            name.to_uppercase(),
            config.accounts,
            config.slots,
            config.instruments
        )
        .expect("a String takes all");
    }
    write(&out.join("capacity.rs"), &capacity)?;

    let runtime = verilate::runtime_directory()?;
    let mut inputs = texts.concat();
    for file in ["build.rs", "src/verilate.rs", "src/shim.cpp"] {
        inputs += &std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    }
    for variable in ["VERILATOR", "VERILATOR_ROOT", "CXX", "CXXFLAGS"] {
        writeln!(inputs, "{variable}={:?}", std::env::var_os(variable)).expect("a String takes all");
    }
    let stamp = out.join("stamp");
    if std::fs::read_to_string(&stamp).is_ok_and(|last| last == inputs) {
        println!("cargo:rustc-link-search=native={}", out.display());
        println!("cargo:rustc-link-lib=static={LIBRARY}");
        println!("cargo:rustc-link-lib=stdc++");
    } else {
        compile(&out, &runtime, &texts)?;
        write(&stamp, &inputs)?;
    }
    println!("cargo:rustc-link-lib=z");
    println!("cargo:rustc-link-lib=pthread");
    Ok(())
}

fn compile(out: &Path, runtime: &Path, texts: &[String; 2]) -> Result<(), String> {
    let mut objects = Vec::new();
    let mut runtime_files = cc_build(runtime, 2);
    for file in ["verilated.cpp", "verilated_fst_c.cpp", "verilated_threads.cpp"] {
        runtime_files.file(runtime.join(file));
    }
    objects.extend(intermediates(&runtime_files)?);
    for (symbol, config, traced) in MODELS {
        let text = &texts[usize::from(config == LaneConfig::SMALL)];
        let class = format!("V{symbol}");
        let directory = out.join(symbol);
        let files = verilate::verilate(text, &directory, &class, traced)?;
        // Constructors, tracing and the like run once or slowly anyway.
        let (slow, fast): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| {
            let name = file.to_string_lossy();
            name.contains("__Slow") || name.contains("__Trace") || name.contains("__Syms")
        });
        let fastest = if traced { 1 } else { 3 };
        for (files, optimization) in [(slow, 1), (fast, fastest)] {
            let mut build = cc_build(runtime, optimization);
            build.include(&directory).files(files);
            objects.extend(intermediates(&build)?);
        }
        // A copy each: cc names an object by its source.
        let shim_file = directory.join("shim.cpp");
        std::fs::copy("src/shim.cpp", &shim_file)
            .map_err(|error| format!("{}: {error}", shim_file.display()))?;
        let mut shim = cc_build(runtime, 3);
        shim.include(&directory).file(shim_file);
        for (name, value) in verilate::shim_defines(&class, symbol) {
            shim.define(name, value.as_str());
        }
        if traced {
            shim.define("SIM_TRACED", None);
        }
        objects.extend(intermediates(&shim)?);
    }
    let mut library = cc_build(runtime, 3);
    library.objects(objects);
    library.try_compile(LIBRARY).map_err(|error| error.to_string())
}

fn cc_build(runtime: &Path, optimization: u32) -> cc::Build {
    let mut build = cc::Build::new();
    build
        .cpp(true)
        .std("c++17")
        .opt_level(optimization)
        .debug(false)
        .warnings(false)
        .flag("-w")
        .include(runtime)
        .include(runtime.join("vltstd"))
        .define("VM_TRACE", "1")
        .define("VM_TRACE_FST", "1");
    build
}

fn intermediates(build: &cc::Build) -> Result<Vec<PathBuf>, String> {
    build.try_compile_intermediates().map_err(|error| format!("{error}; {}", verilate::REMEDY))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
