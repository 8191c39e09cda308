//! The journal of a simulated host: what was recorded, what is durable, and how long the disk took.

use std::cell::Cell;
use std::rc::Rc;

use engine::event::TimeMs;

use super::disk::SimulatedDisk;
use super::plan::{Fault, FaultKind};
use crate::journal::{Entry, JournalError, Log};
use crate::replay::session::Recorder;

/// What must survive, beside the host.
#[derive(Debug, Default)]
pub struct Recorded {
    /// All that was recorded and is not lost.
    pub entries: Vec<Entry>,
    /// How many of them were said to be durable.
    pub acknowledged: usize,
}

pub struct SimulatedRecorder<'w> {
    pub log: Log<SimulatedDisk>,
    pub kept: &'w mut Recorded,
    pub disk: SimulatedDisk,
    /// The world's time.
    pub clock: Rc<Cell<TimeMs>>,
    pub faults: &'w [Fault],
    /// Commits that met a full disk, and slow ones.
    pub stalled: u64,
    pub slow: u64,
}

impl SimulatedRecorder<'_> {
    /// Makes what was recorded durable. On a full disk time passes until there is space.
    ///
    /// # Errors
    /// If the disk fails otherwise.
    pub fn commit(&mut self) -> Result<(), JournalError> {
        loop {
            match self.log.commit() {
                Ok(_) => break,
                Err(error) if error.is_full() => {
                    self.stalled += 1;
                    self.clock.set(self.clock.get() + 1_000);
                    self.free_space();
                }
                Err(error) => return Err(error),
            }
        }
        self.kept.acknowledged = self.kept.entries.len();
        let on = |fault: &&Fault| fault.is_on(self.clock.get());
        for fault in self.faults.iter().filter(on) {
            if let FaultKind::DiskSlow { ms } = fault.kind {
                self.slow += 1;
                self.clock.set(self.clock.get() + ms);
            }
        }
        Ok(())
    }

    /// Gives the disk its space back when the fault is over.
    pub fn free_space(&mut self) {
        let is_full = |fault: &Fault| fault.kind == FaultKind::DiskFull && fault.is_on(self.clock.get());
        self.disk.set_capacity(self.faults.iter().any(is_full).then_some(0));
    }
}

impl Recorder for SimulatedRecorder<'_> {
    fn record(&mut self, entry: Entry) -> Result<(), JournalError> {
        self.kept.entries.push(entry.clone());
        self.log.append(entry)
    }

    fn release(&mut self) -> Result<(), JournalError> {
        self.commit()
    }
}
