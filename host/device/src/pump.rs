//! Records in and answers out at the same time, so that neither full queue can stop the other. Every wait is bounded.

use model::record::Record;

use crate::MarginDevice;
use crate::error::DeviceError;

/// Answers taken from the device at once.
const ANSWERS: usize = 256;

/// Who reads the answers.
pub(crate) trait Answers {
    /// # Errors
    /// [`DeviceError`] if the answer does not fit what was asked.
    fn take(&mut self, answer: &Record) -> Result<(), DeviceError>;

    /// True once the FENCE is answered.
    fn is_complete(&self) -> bool;
}

/// One exchange with a device.
pub(crate) struct Pump<'a, D: MarginDevice + ?Sized> {
    device: &'a mut D,
    operation: &'static str,
    polls_max: u32,
    /// Polls in a row in which no record was taken and no answer came.
    idle: u32,
    taken: usize,
    total: usize,
    buffer: [Record; ANSWERS],
}

impl<'a, D: MarginDevice + ?Sized> Pump<'a, D> {
    /// Gives up after `polls_max` polls without progress.
    pub fn new(device: &'a mut D, operation: &'static str, polls_max: u32) -> Self {
        Self {
            device,
            operation,
            polls_max,
            idle: 0,
            taken: 0,
            total: 0,
            buffer: [Record::default(); ANSWERS],
        }
    }

    /// Returns when the device has taken all records; answers are read as they come.
    ///
    /// # Errors
    /// [`DeviceError::Stuck`], or what `answers` makes of an answer.
    pub fn send(&mut self, mut records: &[Record], answers: &mut impl Answers) -> Result<(), DeviceError> {
        self.total += records.len();
        while !records.is_empty() {
            let taken = self.device.submit(records);
            assert!(taken <= records.len(), "a device takes no more than it is given");
            records = &records[taken..];
            self.taken += taken;
            self.turn(taken, answers)?;
        }
        Ok(())
    }

    /// Returns when the answers are complete.
    ///
    /// # Errors
    /// As [`Pump::send`].
    pub fn finish(&mut self, answers: &mut impl Answers) -> Result<(), DeviceError> {
        while !answers.is_complete() {
            self.turn(0, answers)?;
        }
        Ok(())
    }

    fn turn(&mut self, taken: usize, answers: &mut impl Answers) -> Result<(), DeviceError> {
        let polled = self.device.poll(&mut self.buffer);
        for answer in &self.buffer[..polled] {
            answers.take(answer)?;
        }
        if taken + polled > 0 {
            self.idle = 0;
            return Ok(());
        }
        self.device.check()?;
        self.idle += 1;
        if self.idle < self.polls_max {
            return Ok(());
        }
        Err(DeviceError::Stuck {
            operation: self.operation,
            polls: self.idle,
            taken: self.taken,
            total: self.total,
        })
    }
}
