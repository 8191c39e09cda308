//! The whole system in one process, against a world that breaks by plan: the engine, the driver, the gateway, the journal, snapshots and recovery
//! are the real ones; clock, disk, network, device, venue and operators are made up from a seed. docs/simulation.md has the rules.

mod auditor;
mod command;
pub mod disk;
mod market;
mod network;
mod plan;
mod recorder;
mod venue;
mod world;

pub use auditor::Checks;
pub use command::{Found, Report, replay, run};
pub use plan::KINDS;
use world::faults_of;
pub use world::{Failure, Outcome, Scenario, play};

#[cfg(test)]
mod tests;
