//! What slows a market or the venue down: circuit breakers, the gate after an outage, withdrawals.

use borsh::{BorshDeserialize, BorshSerialize};
use model::units::{OutOfRange, Scale};
use serde::{Deserialize, Serialize};

use super::mechanics::out_of_range;

/// A market halts when an applied mark lies farther than `band` from the mark that stood when the window started. After `halt_ms` it reopens in stages: in the
/// k-th, trades lie within k times `stage_band` of the mark.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Breaker {
    pub band: u32,
    pub window_ms: i64,
    pub halt_ms: i64,
    pub stages: u32,
    pub stage_ms: i64,
    pub stage_band: u32,
}

/// A market's first mark after `gap_ms` without one opens a gate: marks only, until `marks` of them were applied or `hold_ms` has passed. If
/// the mark is then farther than `band` from the one before the gap, `release_ms` follow with slices on the book only. The gap is the longest
/// of these times, or marks that come just as slowly would keep the gate closed for ever.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Outage {
    pub gap_ms: i64,
    pub marks: u32,
    pub hold_ms: i64,
    pub band: u32,
    pub release_ms: i64,
}

/// What may be withdrawn: an account keeps its initial margin and `withdrawal_portion` of its notional; all together take out at most
/// `day_limit` of what the venue holds, a day; and nothing for `deficit_wait_ms` after an account was insolvent.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Gates {
    pub withdrawal_portion: u32,
    pub day_limit: u32,
    pub deficit_wait_ms: i64,
}

impl Breaker {
    /// Everything that is out of range, in order of its fields.
    pub fn errors(&self, scale: Scale) -> Vec<OutOfRange> {
        let (one, longest) = (i128::from(scale.get()), 1 << 40);
        out_of_range(&[
            ("breaker band", self.band.into(), 1, one - 1),
            ("breaker window_ms", self.window_ms.into(), 1, longest),
            ("breaker halt_ms", self.halt_ms.into(), 1, longest),
            ("breaker stages", self.stages.into(), 0, 1 << 10),
            ("breaker stage_ms", self.stage_ms.into(), 1, longest),
            ("breaker stage_band", self.stage_band.into(), 0, one - 1),
        ])
    }
}

impl Outage {
    /// How long a gate and its release are at the most.
    fn longest_ms(&self) -> i128 {
        i128::from(self.hold_ms) + i128::from(self.release_ms)
    }

    /// Everything that is out of range, in order of its fields.
    pub fn errors(&self, scale: Scale) -> Vec<OutOfRange> {
        let longest = 1 << 40;
        out_of_range(&[
            ("outage.gap_ms", self.gap_ms.into(), self.longest_ms() + 1, longest),
            ("outage.marks", self.marks.into(), 1, u32::MAX.into()),
            ("outage.hold_ms", self.hold_ms.into(), 0, longest),
            ("outage.band", self.band.into(), 0, i128::from(scale.get()) - 1),
            ("outage.release_ms", self.release_ms.into(), 0, longest),
        ])
    }
}

impl Gates {
    /// Everything that is out of range, in order of its fields.
    pub fn errors(&self, scale: Scale) -> Vec<OutOfRange> {
        let one = i128::from(scale.get());
        out_of_range(&[
            ("gates.withdrawal_portion", self.withdrawal_portion.into(), 0, one),
            ("gates.day_limit", self.day_limit.into(), 0, one),
            ("gates.deficit_wait_ms", self.deficit_wait_ms.into(), 0, 1 << 40),
        ])
    }
}
