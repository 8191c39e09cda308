//! Words of the model that break beyond repair while it runs.

use model::machine::Capacity;
use model::record::Record;

use super::Random;
use crate::{CpuDevice, Identity, MarginDevice};

/// The model with words that break beyond repair now and then, between any two records.
#[derive(Clone, Debug)]
pub struct DecayingDevice {
    inner: CpuDevice,
    random: Random,
    one_in: Option<u32>,
    broken: u64,
}

impl DecayingDevice {
    /// Before one in `one_in` records an account or slot breaks, which one the seed says.
    pub fn new(inner: CpuDevice, seed: u64, one_in: u32) -> Self {
        Self { inner, random: Random(seed), one_in: Some(one_in), broken: 0 }
    }

    /// Words broken so far, in use or not.
    pub fn broken(&self) -> u64 {
        self.broken
    }

    /// From now on nothing breaks any more.
    pub fn stop(&mut self) {
        self.one_in = None;
    }

    fn decay(&mut self) {
        if self.one_in.is_none_or(|one_in| self.random.below(one_in) != 0) {
            return;
        }
        let Capacity { lanes, accounts_per_lane, slots_per_lane, .. } = self.capacity();
        let lane = self.random.below(lanes as u32);
        if self.random.below(2) == 0 {
            let row = self.random.below(accounts_per_lane as u32);
            self.inner.machine_mut().break_account(row * lanes as u32 + lane);
        } else {
            let place = self.random.below(slots_per_lane as u32);
            self.inner.machine_mut().break_slot(lane as usize, place as usize);
        }
        self.broken += 1;
    }
}

impl MarginDevice for DecayingDevice {
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
        let Some(first) = records.first() else { return 0 };
        self.decay();
        self.inner.submit(&[*first])
    }

    fn poll(&mut self, answers: &mut [Record]) -> usize {
        self.inner.poll(answers)
    }

    fn clocks(&self) -> u64 {
        self.inner.clocks()
    }
}
