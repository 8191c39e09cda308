//! The Verilated PCIe side as a PCI function: what a card is to a bus, in this process.
//!
//! Configuration space, bus-master enable and the map of bus addresses are here; everything behind BAR 0 is the gateware.

mod config_space;
mod dma_map;
mod function;
mod in_process;

pub use dma_map::DmaMap;
pub use function::{Function, RegionError};
pub use in_process::InProcess;
