//! A drill: faults are injected into the device over a run, and the operator's part is played, who has it attached again.

use device::MarginDevice;
use device::fault::FaultyDevice;
use engine::event::TimeMs;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::session::{Recorder, Session};
use crate::report::summary::Summary;

/// Records that can carry a fault, of which it strikes one.
const WITHIN: u32 = 48;
/// External rounds after which a fault that found no record gives way to another.
const PATIENCE: u32 = 4;
/// External rounds on the CPU from a loss to the command to attach the device again, exclusive.
const ABSENCE_MAX: u32 = 4;

/// So many faults, spread evenly over the marks of a run, never two at a time.
pub struct Drill<D> {
    faults: u64,
    /// Marks of the whole run.
    marks: u64,
    random: ChaCha8Rng,
    /// Faults armed so far; the last one may not have struck yet.
    armed: u64,
    /// External rounds left to the fault that is armed.
    patience: u32,
    /// External rounds left until the command, while the device is lost.
    absence: Option<u32>,
    arm: fn(&mut D),
    struck: fn(&D) -> u64,
}

impl<D: MarginDevice> Drill<FaultyDevice<D>> {
    pub fn new(faults: u32, seed: u64, marks: u64) -> Self {
        Self {
            faults: faults.into(),
            marks,
            random: ChaCha8Rng::seed_from_u64(seed),
            armed: 0,
            patience: 0,
            absence: None,
            arm: |device| device.arm_any(WITHIN),
            struck: FaultyDevice::struck,
        }
    }
}

impl<D: MarginDevice> Drill<D> {
    /// Does what is due after an external round, when `marks` of the feed are done: arms the next fault, or gives the command. What it came
    /// to goes into the summary; gives a line for the operator if there was a command.
    ///
    /// # Errors
    /// If the journal fails.
    pub fn step(
        &mut self,
        session: &mut Session<D>,
        time_ms: TimeMs,
        marks: u64,
        recorder: &mut impl Recorder,
        summary: &mut Summary,
    ) -> anyhow::Result<Option<String>> {
        let struck = (self.struck)(session.device_mut());
        // The first at once, the last while there is still time for it.
        let is_due =
            u128::from(struck) * u128::from(self.marks) < u128::from(self.faults) * u128::from(marks);
        if session.is_device_lost() {
            let random = &mut self.random;
            let left = self.absence.get_or_insert_with(|| random.next_u32() % ABSENCE_MAX);
            if *left > 0 {
                *left -= 1;
                return Ok(None);
            }
            self.absence = None;
            if is_due && self.random.next_u32().is_multiple_of(2) {
                self.arm(session, struck); // may strike while the device is loaded
            }
            let round = session.next_round;
            return Ok(Some(match session.reattach(time_ms, recorder)? {
                Ok(accounts) => {
                    summary.reattachments += 1;
                    format!(
                        "round {round}: drill: the device is attached again, {accounts} accounts are equal"
                    )
                }
                Err(error) => {
                    summary.reattachments_failed += 1;
                    format!("round {round}: drill: the device is not attached again: {error}")
                }
            }));
        }
        if struck < self.armed && self.patience > 0 {
            self.patience -= 1;
        } else if struck < self.armed || is_due {
            self.arm(session, struck);
        }
        Ok(None)
    }

    fn arm(&mut self, session: &mut Session<D>, struck: u64) {
        self.armed = struck + 1;
        self.patience = PATIENCE;
        (self.arm)(session.device_mut());
    }

    /// Faults asked for, and those that struck.
    pub fn faults(&self, device: &D) -> (u64, u64) {
        (self.faults, (self.struck)(device))
    }
}
