//! What we decide: events in, commands out. Pure and deterministic; time, randomness and I/O are arguments.
//!
//! [`Engine::apply`] takes a round of events and returns what the device must be told; [`Engine::decide`] takes the device's
//! verdicts on that round and returns what must happen next. The same events give the same state hash with any device.

mod account;
pub mod apply;
pub mod book;
pub mod bucket;
pub mod canonical;
mod counters;
pub mod decide;
pub mod event;
pub mod exposure;
pub mod funding;
pub mod guard;
pub mod insurance;
mod judge;
pub mod ledger;
pub mod margin;
pub mod market;
pub mod marks;
pub mod ratio;
mod reload;
pub mod rules;
pub mod settlement;
pub mod stability;
mod state;
pub mod stress;
pub mod venue_rules;

pub use counters::Counters;
pub use judge::Exact;
pub use state::Engine;
