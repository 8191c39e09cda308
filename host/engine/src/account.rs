//! What the engine keeps of a margin account beside its holdings.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::event::{InstrumentId, TimeMs};
use crate::rules::CloseFactor;

/// Where an account stands in its liquidation.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Stage {
    /// Healthy or warned.
    #[default]
    Standing,
    /// Being reduced on the book until it reaches the target.
    Reducing,
    /// Taken over, bankrupted or closed out.
    Closed,
}

/// A command of the account that is under way: until its outcome has come back as an event, only what cannot wait is decided.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Pending {
    #[default]
    Nothing,
    /// Resting orders are being cancelled; a takeover or a bankruptcy does not wait for it.
    Cancel,
    /// An order is at the venue, or the account is being closed out.
    Outcome,
}

#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Default)]
pub(crate) struct Standing {
    /// Who owns it; accounts of one owner fail together.
    pub owner: u64,
    /// The only instrument of an isolated account.
    pub isolated: Option<InstrumentId>,
    pub stage: Stage,
    /// The device's last word.
    pub device_severity: u8,
    pub pending: Pending,
    /// Quanta paid in, less what was paid out.
    pub paid_in: i128,
    /// Profit that closes realised, and funding received, since it was opened; losses and payments below zero. Quanta.
    pub realised: i128,
    pub funding: i128,
    /// Resting orders of the account, and the initial margin that they reserve, quanta.
    pub resting: u32,
    pub reserved: u64,
    /// What the device adds to its requirement, quanta / scale.
    pub offset: i128,
    pub attempts: Attempts,
    pub closing: Closing,
}

/// What an account's slices met since its liquidation began.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Attempts {
    /// Slices in a row that found too little room on the book inside their limit.
    pub short: u32,
    /// A lot was filled.
    pub filled: bool,
    /// When the cancellation of resting orders was decided, if nothing else was since.
    pub cancel_ms: Option<TimeMs>,
    /// Event time of the last slice, and how many there were at it.
    pub time_ms: TimeMs,
    pub at_time: u32,
}

impl Attempts {
    /// A slice's final report at event time `time_ms`.
    pub fn note(&mut self, time_ms: TimeMs, filled: bool, whole: bool) {
        self.filled |= filled;
        self.short = if whole { 0 } else { self.short + 1 };
        self.at_time = if self.at_time > 0 && self.time_ms == time_ms { self.at_time + 1 } else { 1 };
        self.time_ms = time_ms;
    }

    /// True if nothing more is to be tried at event time `now_ms`: the book refills with time only.
    pub fn rests(&self, now_ms: TimeMs, at_time_max: u32) -> bool {
        self.time_ms == now_ms && (self.at_time >= at_time_max || self.at_time > 0 && self.short > 0)
    }
}

/// The close factor's memory: what was closed of the account on the book in the present window. It outlives a liquidation, so that many
/// small ones in a row close no more than one does.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Closing {
    started_ms: TimeMs,
    /// Gross notional at the window's start, and what was closed since; quanta. No window has started at a notional of 0.
    notional: u128,
    closed: u128,
}

impl Closing {
    /// Notional that may still be closed at event time `now_ms`; starts a window of `notional` if none is open. `None`: no bound.
    pub fn room(&mut self, now_ms: TimeMs, notional: u128, factor: &CloseFactor, scale: u32) -> Option<u128> {
        if self.notional == 0 || now_ms >= self.started_ms.saturating_add(factor.window_ms) {
            *self = Self { started_ms: now_ms, notional, closed: 0 };
        }
        if self.notional <= u128::from(factor.above) {
            return None;
        }
        let portion = self.notional * u128::from(factor.portion) / u128::from(scale);
        Some(portion.saturating_sub(self.closed))
    }

    /// True if nothing was closed in the window.
    pub fn is_untouched(&self) -> bool {
        self.closed == 0
    }

    pub fn close(&mut self, notional: u128) {
        self.closed += notional;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTOR: CloseFactor = CloseFactor { above: 1_000, portion: 200_000, window_ms: 30 };

    #[test]
    fn chained_closes_share_one_window() {
        let mut closing = Closing::default();
        assert_eq!(closing.room(100, 5_000, &FACTOR, 1_000_000), Some(1_000));
        closing.close(600);
        assert_eq!(closing.room(110, 4_400, &FACTOR, 1_000_000), Some(400));
        closing.close(500);
        assert_eq!(closing.room(129, 3_900, &FACTOR, 1_000_000), Some(0));
        assert_eq!(closing.room(130, 3_900, &FACTOR, 1_000_000), Some(780));
    }

    #[test]
    fn a_small_account_is_not_bounded_and_a_large_one_stays_so_within_its_window() {
        let mut closing = Closing::default();
        assert_eq!(closing.room(0, 1_000, &FACTOR, 1_000_000), None);
        let mut closing = Closing::default();
        assert_eq!(closing.room(0, 1_001, &FACTOR, 1_000_000), Some(200));
        closing.close(200);
        assert_eq!(closing.room(29, 801, &FACTOR, 1_000_000), Some(0));
        assert_eq!(closing.room(30, 801, &FACTOR, 1_000_000), None);
    }

    #[test]
    fn a_slice_that_finds_too_little_rests_until_time_goes_on() {
        let mut attempts = Attempts::default();
        assert!(!attempts.rests(5, 2));
        attempts.note(5, true, true);
        assert!(!attempts.rests(5, 2) && attempts.filled && attempts.short == 0);
        attempts.note(5, true, true);
        assert!(attempts.rests(5, 2) && !attempts.rests(6, 2));
        attempts.note(6, false, false);
        assert!(attempts.rests(6, 2) && attempts.short == 1 && attempts.at_time == 1);
        attempts.note(7, true, true);
        assert_eq!((attempts.short, attempts.at_time), (0, 1));
    }
}
