//! The same FPGA, Verilated: drives the emitted Verilog through its AXI4-Stream ports, never the Rust behind it.
//!
//! The build script emits, Verilates and compiles two sizes of the lane. [`Lane`] clocks one of them in batches:
//! the loop over clocks is C++ (`shim.cpp`), Rust crosses once per batch.

mod ffi;
mod lane;
pub mod verilate;

pub use lane::{Lane, POLL_CLOCKS_MAX, QUEUE_RECORDS};

use model::machine::Capacity;
use std::path::PathBuf;

/// Which emitted lane.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Build {
    /// The sizes that are shipped.
    Production,
    /// Small enough that a walk is short: for tests.
    Small,
}

/// Sizes of both builds, as emitted.
mod capacity {
    use model::machine::Capacity;
    include!(concat!(env!("OUT_DIR"), "/capacity.rs"));
}

impl Build {
    /// What the build holds.
    pub const fn capacity(self) -> Capacity {
        match self {
            Self::Production => capacity::PRODUCTION,
            Self::Small => capacity::SMALL,
        }
    }

    /// The emitted Verilog.
    pub const fn verilog(self) -> &'static str {
        match self {
            Self::Production => include_str!(concat!(env!("OUT_DIR"), "/production.v")),
            Self::Small => include_str!(concat!(env!("OUT_DIR"), "/small.v")),
        }
    }
}

/// The C++ between a Verilated class and [`Lane`].
pub const SHIM: &str = include_str!("shim.cpp");

/// Why a lane could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    #[error("cannot write the waveform {path}")]
    Trace { path: PathBuf },
    #[error("cannot load the lane {path}")]
    Load {
        path: PathBuf,
        #[source]
        source: libloading::Error,
    },
}

#[cfg(test)]
mod tests;
