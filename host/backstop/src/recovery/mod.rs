//! A run that was stopped: its state out of its journal, so that it goes on as if it had not been.

mod state;

pub use state::{Open, Pending, RunState, follow};
