//! The Verilated gateware behind the device seam: one lane, clocked only while it has work.

use std::path::Path;

use model::machine::Capacity;
use model::record::{ABI_HASH, Record};
pub use sim::{Build, SimError};

use crate::{Identity, MarginDevice};

/// A simulated lane. Its clock runs inside [`MarginDevice::poll`], at most [`sim::POLL_CLOCKS_MAX`] at a time.
pub struct SimDevice {
    lane: sim::Lane,
    build: Build,
}

impl SimDevice {
    /// A device after reset; with a path, its waveform is written there (FST, slower).
    ///
    /// # Errors
    /// [`SimError`] if the waveform cannot be written.
    pub fn new(build: Build, trace: Option<&Path>) -> Result<Self, SimError> {
        Ok(Self { lane: sim::Lane::new(build, trace)?, build })
    }

    /// The simulated lane, to stall its ports in tests.
    pub fn lane_mut(&mut self) -> &mut sim::Lane {
        &mut self.lane
    }
}

impl MarginDevice for SimDevice {
    /// The Verilog is emitted in the same build from the same record tables; a bare lane has no register that says so.
    fn identity(&self) -> Identity {
        Identity { name: "sim", abi_hash: ABI_HASH }
    }

    fn capacity(&self) -> Capacity {
        self.build.capacity()
    }

    fn reset(&mut self) {
        self.lane.reset();
    }

    fn submit(&mut self, records: &[Record]) -> usize {
        self.lane.submit(records)
    }

    fn poll(&mut self, answers: &mut [Record]) -> usize {
        self.lane.poll(answers)
    }

    fn clocks(&self) -> u64 {
        self.lane.clocks()
    }
}
