//! What the FPGA does: one margin lane in rust-hdl, one block a file, emitted as Verilog.
//! [`emit`] gives the text of the top module `backstop_inline`; the gate is Verilator against `model::machine`.
//! rust-hdl appears in no other crate.

pub mod config;
pub mod emit;
pub mod fifo;
pub mod lane;
pub mod ram;
pub mod width;

pub use config::LaneConfig;
pub use emit::emit;
