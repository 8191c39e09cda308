//! The same FPGA, Verilated: drives the emitted Verilog through its AXI4-Stream ports, never the Rust behind it.
//!
//! The build script emits, Verilates and compiles two sizes of the machine with 1, 2, 4 and 8 lanes. [`Machine`] clocks one of them in batches:
//! the loop over clocks is C++ (`shim.cpp`), Rust crosses once per batch.

mod ffi;
mod machine;
pub mod pcie;
pub mod verilate;

pub use machine::{ACCOUNT_WORD_BITS, Machine, POLL_CLOCKS_MAX, QUEUE_RECORDS, SLOT_WORD_BITS};

use model::machine::Capacity;
use std::path::PathBuf;

/// Sizes of an emitted machine's lanes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Build {
    /// The sizes that are shipped.
    Production,
    /// Small enough that a walk is short: for tests.
    Small,
}

/// Sizes and text of the builds, as emitted.
mod emitted {
    use model::machine::Capacity;
    include!(concat!(env!("OUT_DIR"), "/emitted.rs"));
}

/// Numbers of lanes that are built.
pub const LANES: [usize; 4] = emitted::LANES;
/// Numbers of lanes that are built behind PCIe.
pub const PCIE_LANES: [usize; 2] = emitted::PCIE_LANES;

impl Build {
    /// What the build holds with so many lanes.
    pub const fn capacity(self, lanes: usize) -> Capacity {
        let lane = match self {
            Self::Production => emitted::PRODUCTION,
            Self::Small => emitted::SMALL,
        };
        Capacity { lanes, ..lane }
    }

    /// The emitted Verilog.
    ///
    /// # Panics
    /// If so many lanes are not built.
    pub fn verilog(self, lanes: usize) -> &'static str {
        let index = LANES.iter().position(|&built| built == lanes).expect("a number of lanes that is built");
        match self {
            Self::Production => emitted::PRODUCTION_VERILOG[index],
            Self::Small => emitted::SMALL_VERILOG[index],
        }
    }
}

/// The C++ between a Verilated class and [`Machine`].
pub const SHIM: &str = include_str!("shim.cpp");

/// Why a machine could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    #[error("cannot write the waveform {path}")]
    Trace { path: PathBuf },
    #[error("no machine of {lanes} lanes is built, only of {built:?}")]
    Lanes { lanes: usize, built: &'static [usize] },
    #[error("a waveform is written of a machine of one lane, not of {lanes}")]
    TraceLanes { lanes: usize },
    #[error("cannot load the machine {path}")]
    Load {
        path: PathBuf,
        #[source]
        source: libloading::Error,
    },
}

#[cfg(test)]
mod tests;
