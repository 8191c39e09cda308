//! The Verilated gateware behind the device seam: clocked only while it has work.

use std::collections::BTreeSet;
use std::path::Path;

use model::machine::Capacity;
use model::record::{ABI_HASH, Record};
use sim::SLOT_WORD_BITS;
pub use sim::{Build, SimError};

use crate::fault::Random;
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

/// Of so many calls that bring records one brings an upset, until all have come.
const CALLS_PER_UPSET: u32 = 32;
/// One upset in so many hits two bits of its word, which is then beyond repair.
const UPSETS_PER_DOUBLE: u32 = 4;

/// A simulated machine whose stored words are hit while it runs: single-event upsets, for tests and drills.
///
/// No word is hit twice: a code that corrects one bit and detects two promises nothing for three.
pub struct UpsetDevice {
    inner: SimDevice,
    random: Random,
    left: u32,
    /// Accounts in use in each lane, and instruments; each has an equal part of the slots.
    accounts: usize,
    instruments: usize,
    hit: BTreeSet<(bool, usize, usize)>,
}

impl UpsetDevice {
    /// `upsets` of words that the first `accounts` of each lane use in the first `instruments`; which ones, the seed says.
    pub fn new(inner: SimDevice, seed: u64, upsets: u32, accounts: usize, instruments: usize) -> Self {
        Self { inner, random: Random(seed), left: upsets, accounts, instruments, hit: BTreeSet::new() }
    }

    /// Words hit so far.
    pub fn upsets(&self) -> u64 {
        self.hit.len() as u64
    }

    fn upset(&mut self) {
        let Capacity { lanes, slots_per_lane, .. } = self.inner.capacity;
        let is_account = self.random.below(2) == 0;
        let lane = self.random.below(lanes as u32) as usize;
        let row = self.random.below(self.accounts as u32) as usize;
        let instrument = self.random.below(self.instruments as u32) as usize;
        let place = if is_account { row } else { instrument * (slots_per_lane / self.instruments) + row };
        if !self.hit.insert((is_account, lane, place)) {
            return;
        }
        self.left -= 1;
        // An account lies in two words of the code.
        let first = if is_account { SLOT_WORD_BITS * self.random.below(2) as usize } else { 0 };
        let bit = self.random.below(SLOT_WORD_BITS as u32) as usize;
        let other = (bit + 1 + self.random.below(SLOT_WORD_BITS as u32 - 1) as usize) % SLOT_WORD_BITS;
        let bits = [first + bit, first + other];
        let count = if self.random.below(UPSETS_PER_DOUBLE) == 0 { 2 } else { 1 };
        if is_account {
            self.inner.machine.flip_account_bits(lane, place, &bits[..count]);
        } else {
            self.inner.machine.flip_slot_bits(lane, place, &bits[..count]);
        }
    }
}

impl MarginDevice for UpsetDevice {
    fn identity(&self) -> Identity {
        self.inner.identity()
    }

    fn capacity(&self) -> Capacity {
        self.inner.capacity()
    }

    fn reset(&mut self) {
        self.inner.reset();
    }

    fn submit(&mut self, records: &[Record]) -> usize {
        if self.left > 0 && self.random.below(CALLS_PER_UPSET) == 0 {
            self.upset();
        }
        self.inner.submit(records)
    }

    fn poll(&mut self, answers: &mut [Record]) -> usize {
        self.inner.poll(answers)
    }

    fn clocks(&self) -> u64 {
        self.inner.clocks()
    }
}
