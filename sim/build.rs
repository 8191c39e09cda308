//! Emits the machines, Verilates them and compiles the C++ with the shim into one static library.
//!
//! Nothing is rebuilt when the emitted text, the shim and the flags are those of the last run: emitting is cheap,
//! compiling is not.

#[allow(dead_code, reason = "the library uses the rest")]
#[path = "src/verilate.rs"]
mod verilate;

use hdl::BuildConfig;
use hdl::pcie::top as pcie;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Name of the library of all models.
const LIBRARY: &str = "backstop_machines";

/// The C++ between a Verilated top and the library.
const INLINE_SHIM: &str = "src/shim.cpp";
const PCIE_SHIM: &str = "src/pcie_shim.cpp";

/// Numbers of lanes that are built behind PCIe.
const PCIE_LANES: [u8; 2] = [1, 4];

/// One Verilated top.
struct Model {
    /// What it is called in symbols and file names.
    symbol: String,
    verilog: String,
    top: &'static str,
    shim: &'static str,
    /// It can trace: a model that could costs a quarter more time also when it does not.
    traced: bool,
}

impl Model {
    fn inline(symbol: String, verilog: String, traced: bool) -> Self {
        Self { symbol, verilog, top: hdl::emit::TOP, shim: INLINE_SHIM, traced }
    }

    fn pcie(symbol: String, verilog: String, traced: bool) -> Self {
        Self { symbol, verilog, top: pcie::TOP, shim: PCIE_SHIM, traced }
    }
}

/// Both sizes with every number of lanes and behind PCIe with some; of one lane also such that trace.
fn models() -> Vec<Model> {
    let mut models = Vec::new();
    for lanes in BuildConfig::LANES {
        for (size, config) in
            [("production", BuildConfig::production(lanes)), ("small", BuildConfig::small(lanes))]
        {
            let symbol = format!("{size}_{lanes}");
            let verilog = hdl::emit(config);
            if lanes == 1 {
                let symbol = format!("{symbol}_traced");
                models.push(Model::inline(symbol, verilog.clone(), true));
            }
            models.push(Model::inline(symbol, verilog, false));
        }
    }
    for lanes in PCIE_LANES {
        for (size, config) in
            [("production", BuildConfig::production(lanes)), ("small", BuildConfig::small(lanes))]
        {
            let symbol = format!("{size}_pcie_{lanes}");
            let verilog = pcie::emit(config);
            if lanes == 1 && size == "production" {
                let symbol = format!("{symbol}_traced");
                models.push(Model::pcie(symbol, verilog.clone(), true));
            }
            models.push(Model::pcie(symbol, verilog, false));
        }
    }
    models
}

fn main() {
    for path in ["build.rs", "src/verilate.rs", INLINE_SHIM, PCIE_SHIM] {
        println!("cargo:rerun-if-changed={path}");
    }
    for variable in ["VERILATOR", "VERILATOR_ROOT", "CXX", "CXXFLAGS"] {
        println!("cargo:rerun-if-env-changed={variable}");
    }
    if let Err(error) = build() {
        panic!("the Verilated machines cannot be built: {error}");
    }
}

fn build() -> Result<(), String> {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let models = models();
    write(&out.join("emitted.rs"), &emitted(&out, &models)?)?;

    let runtime = verilate::runtime_directory()?;
    let mut inputs: String = models.iter().map(|model| model.verilog.as_str()).collect();
    for file in ["build.rs", "src/verilate.rs", INLINE_SHIM, PCIE_SHIM] {
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
        compile(&out, &runtime, &models)?;
        write(&stamp, &inputs)?;
    }
    println!("cargo:rustc-link-lib=z");
    println!("cargo:rustc-link-lib=pthread");
    Ok(())
}

/// Constants for the library: the sizes, and the texts as they were emitted.
fn emitted(out: &Path, models: &[Model]) -> Result<String, String> {
    let mut text =
        format!("pub const LANES: [usize; {}] = {:?};\n", BuildConfig::LANES.len(), BuildConfig::LANES);
    text += &format!("pub const PCIE_LANES: [usize; {}] = {PCIE_LANES:?};\n", PCIE_LANES.len());
    for (size, config) in [("production", BuildConfig::production(1)), ("small", BuildConfig::small(1))] {
        let name = size.to_uppercase();
        let BuildConfig { accounts, slots, instruments, .. } = config;
        let mut texts = String::new();
        for lanes in BuildConfig::LANES {
            let symbol = format!("{size}_{lanes}");
            let model =
                models.iter().find(|model| model.symbol == symbol).expect("every number of lanes is built");
            write(&out.join(format!("{symbol}.v")), &model.verilog)?;
            texts += &format!("    include_str!(concat!(env!(\"OUT_DIR\"), \"/{symbol}.v\")),\n");
        }
        text += &format!(
            "pub const {name}: Capacity = Capacity {{ lanes: 1, accounts_per_lane: {accounts}, slots_per_lane: {slots}, \
             instruments: {instruments} }};\npub const {name}_VERILOG: [&str; LANES.len()] = [\n{texts}];\n"
        );
    }
    Ok(text)
}

fn compile(out: &Path, runtime: &Path, models: &[Model]) -> Result<(), String> {
    // Files of all models in one call each, so that the compilers run side by side. Constructors, tracing and the like
    // run once or slowly anyway.
    let (mut slow, mut fast) = (cc_build(runtime, 1), cc_build(runtime, 3));
    for file in ["verilated.cpp", "verilated_fst_c.cpp", "verilated_threads.cpp"] {
        slow.file(runtime.join(file));
    }
    for model in models {
        let class = format!("V{}", model.symbol);
        let directory = out.join(&model.symbol);
        let files = verilate::verilate(&model.verilog, model.top, &directory, &class, model.traced)?;
        for file in files {
            let name = file.to_string_lossy();
            let rare = name.contains("__Slow") || name.contains("__Trace") || name.contains("__Syms");
            (if rare || model.traced { &mut slow } else { &mut fast }).file(file);
        }
        let shim_file = directory.join(format!("shim_{}.cpp", model.symbol));
        let shim = std::fs::read_to_string(model.shim).map_err(|error| format!("{}: {error}", model.shim))?;
        write(&shim_file, &verilate::shim(&shim, &class, &model.symbol, model.traced))?;
        fast.file(shim_file);
        slow.include(&directory);
        fast.include(&directory);
    }
    let mut objects = intermediates(&fast)?;
    objects.extend(intermediates(&slow)?);
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
