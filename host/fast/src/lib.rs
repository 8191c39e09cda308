//! The fast exact CPU machine: the records of `model::machine`, bit for bit, without a full sweep for a mark.
//!
//! An account that no mark can have moved over a line is not looked at: `docs/cpu.md` has the proof.

mod account;
mod arming;
mod check;
mod lane;
mod layout;
mod lines;
mod machine;
mod memory;
mod packed;
mod position;
mod risk;
mod segment;
mod sweep;
mod tick;
mod visit;
pub mod zone;

pub use check::Simd;
pub use machine::{Census, Machine, TooLarge};
pub use risk::AtRisk;
