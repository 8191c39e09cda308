//! Queues that are nearly always full or empty.

use model::machine::Capacity;
use model::record::Record;

use super::Random;
use crate::{DeviceError, Identity, MarginDevice};

/// A device whose queues take and give a few records at a time, often none.
#[derive(Clone, Debug)]
pub struct NarrowDevice<D> {
    inner: D,
    random: Random,
}

impl<D: MarginDevice> NarrowDevice<D> {
    pub fn new(inner: D, seed: u64) -> Self {
        Self { inner, random: Random(seed) }
    }
}

impl<D: MarginDevice> MarginDevice for NarrowDevice<D> {
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
        let width = records.len().min(self.random.below(3) as usize);
        self.inner.submit(&records[..width])
    }

    fn poll(&mut self, answers: &mut [Record]) -> usize {
        let width = answers.len().min(self.random.below(3) as usize);
        self.inner.poll(&mut answers[..width])
    }

    fn check(&mut self) -> Result<(), DeviceError> {
        self.inner.check()
    }

    fn clocks(&self) -> u64 {
        self.inner.clocks()
    }
}
