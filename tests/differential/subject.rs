//! What the stream is played to: the simulated machine, or in the kit's own test a model.

use model::record::Record;
use sim::Machine;

/// A machine that answers records; the methods are those of [`sim::Machine`].
pub trait Subject {
    fn submit(&mut self, records: &[Record]) -> usize;
    fn poll(&mut self, out: &mut [Record]) -> usize;
    fn reset(&mut self);
    fn set_stalls(&mut self, seed: u64, idle_of_256: u8, stall_of_256: u8);
    fn is_quiet(&self) -> bool;
    fn is_dead(&self) -> bool;
}

impl Subject for Machine {
    fn submit(&mut self, records: &[Record]) -> usize {
        Machine::submit(self, records)
    }

    fn poll(&mut self, out: &mut [Record]) -> usize {
        Machine::poll(self, out)
    }

    fn reset(&mut self) {
        Machine::reset(self);
    }

    fn set_stalls(&mut self, seed: u64, idle_of_256: u8, stall_of_256: u8) {
        Machine::set_stalls(self, seed, idle_of_256, stall_of_256);
    }

    fn is_quiet(&self) -> bool {
        Machine::is_quiet(self)
    }

    fn is_dead(&self) -> bool {
        Machine::is_dead(self)
    }
}
