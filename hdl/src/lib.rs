//! What the FPGA does: the margin machine in rust-hdl, one block a file, emitted as Verilog.
//! [`emit`] gives the text of the top module `backstop_inline`; the gate is Verilator against `model::machine`.
//! rust-hdl appears in no other crate.

pub mod account_store;
pub mod account_update;
pub mod account_word;
pub mod beat;
pub mod clocks;
pub mod command;
pub mod config;
pub mod delay;
pub mod emit;
pub mod equity_change;
pub mod front;
pub mod instrument_table;
pub mod interlock;
pub mod lane;
pub mod literal;
pub mod machine;
pub mod margin_comparator;
pub mod merge;
pub mod operand_maker;
pub mod operation;
pub mod outcome;
pub mod output_fifo;
pub mod package;
pub mod pcie;
pub mod pipeline;
pub mod position_value;
pub mod product;
pub mod ram;
pub mod reasons;
pub mod record_check;
pub mod record_slicer;
pub mod repeat_guard;
pub mod report;
pub mod requirement;
pub mod secded;
pub mod settings;
pub mod sign;
pub mod slot_counts;
pub mod slot_store;
pub mod slot_word;
pub mod state_check;
pub mod target;
pub mod tier_rules;
pub mod tier_step;
pub mod tier_table;
pub mod unused_bits;
pub mod width;
pub mod wires;
pub mod zero;

pub use config::BuildConfig;
pub use emit::{design, emit, emit_block};
pub use target::Target;
