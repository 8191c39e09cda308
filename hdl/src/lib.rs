//! What the FPGA does: one margin lane in rust-hdl, one block a file, emitted as Verilog.
//! [`emit`] gives the text of the top module `backstop_inline`; the gate is Verilator against `model::machine`.
//! rust-hdl appears in no other crate.

pub mod account_store;
pub mod beat;
pub mod command;
pub mod config;
pub mod delay;
pub mod emit;
pub mod equity_change;
pub mod fifo;
pub mod instrument_table;
pub mod instrument_word;
pub mod lane;
pub mod margin_comparator;
pub mod operands;
pub mod outbox;
pub mod package;
pub mod pipeline;
pub mod position_value;
pub mod product;
pub mod ram;
pub mod record_check;
pub mod record_slicer;
pub mod record_writer;
pub mod requirement;
pub mod secded;
pub mod settings;
pub mod severity_store;
pub mod sign;
pub mod slot_check;
pub mod slot_word;
pub mod state_check;
pub mod sweep_counter;
pub mod target;
pub mod tier_scan;
pub mod tier_step;
pub mod tier_table;
pub mod width;

pub use config::LaneConfig;
pub use emit::{design, emit, emit_block};
pub use target::Target;
