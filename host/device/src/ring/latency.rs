//! Time from a record's submission to the poll that brings an answer to it.

use std::time::Instant;

use hdrhistogram::Histogram;
use model::record::Record;

/// Longest time told apart, in nanoseconds: a minute.
const NANOSECONDS_MAX: u64 = 60_000_000_000;

#[derive(Debug)]
pub struct Latency {
    start: Instant,
    /// Number and submission of the records on their way, by number; older ones are overwritten and no longer measured.
    submitted: Box<[(u32, u64)]>,
    histogram: Histogram<u64>,
}

impl Latency {
    /// For so many records on their way, a power of two.
    pub fn new(records: usize) -> Self {
        assert!(records.is_power_of_two());
        Self {
            start: Instant::now(),
            submitted: vec![(u32::MAX, u64::MAX); records].into(),
            histogram: Histogram::new_with_max(NANOSECONDS_MAX, 3).expect("bounds that make sense"),
        }
    }

    pub fn submitted(&mut self, records: &[Record]) {
        let now = self.now();
        let mask = self.submitted.len() - 1;
        for record in records {
            let sequence = record.sequence();
            self.submitted[sequence as usize & mask] = (sequence, now);
        }
    }

    pub fn answered(&mut self, answers: &[Record]) {
        let now = self.now();
        let mask = self.submitted.len() - 1;
        for answer in answers {
            let (sequence, then) = self.submitted[answer.sequence() as usize & mask];
            if sequence == answer.sequence() && then <= now {
                self.histogram.saturating_record(now - then);
            }
        }
    }

    /// Nanoseconds.
    pub fn histogram(&self) -> &Histogram<u64> {
        &self.histogram
    }

    pub fn clear(&mut self) {
        self.histogram.reset();
    }

    fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }
}
