//! The Verilated gateware behind the device seam: clocked only while it has work.

use std::path::Path;

use model::machine::Capacity;
use model::record::{ABI_HASH, Record};
pub use sim::{Build, SimError};

use crate::{Identity, MarginDevice};

/// A simulated machine. Its clock runs inside [`MarginDevice::poll`], at most [`sim::POLL_CLOCKS_MAX`] at a time.
pub struct SimDevice {
    machine: sim::Machine,
    capacity: Capacity,
}

impl SimDevice {
    /// A device after reset; with a path, its waveform is written there (FST, slower, one lane only).
    ///
    /// # Errors
    /// [`SimError`] if so many lanes are not built, or the waveform cannot be written.
    pub fn new(build: Build, lanes: usize, trace: Option<&Path>) -> Result<Self, SimError> {
        Ok(Self { machine: sim::Machine::new(build, lanes, trace)?, capacity: build.capacity(lanes) })
    }

    /// The simulated machine, to stall its ports and flip its bits in tests.
    pub fn machine_mut(&mut self) -> &mut sim::Machine {
        &mut self.machine
    }
}

impl MarginDevice for SimDevice {
    /// The Verilog is emitted in the same build from the same record tables; a bare machine has no register that says so.
    fn identity(&self) -> Identity {
        Identity { name: "sim", abi_hash: ABI_HASH }
    }

    fn capacity(&self) -> Capacity {
        self.capacity
    }

    fn reset(&mut self) {
        self.machine.reset();
    }

    fn submit(&mut self, records: &[Record]) -> usize {
        self.machine.submit(records)
    }

    fn poll(&mut self, answers: &mut [Record]) -> usize {
        self.machine.poll(answers)
    }

    fn clocks(&self) -> u64 {
        self.machine.clocks()
    }
}
