//! What happens to a market with time: funding, expiry, and the sale of what the backstop took.

use borsh::{BorshDeserialize, BorshSerialize};
use model::units::{OutOfRange, Scale};
use serde::{Deserialize, Serialize};

use crate::event::TimeMs;

/// Funding of a perpetual, paid at whole multiples of the interval. Rates are over the scale, for `period_ms`.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Funding {
    pub interval_ms: i64,
    pub period_ms: i64,
    /// Least event time between two samples of the premium.
    pub sample_ms: i64,
    /// Notional whose prices on the book make the premium.
    pub impact: u64,
    pub interest: u32,
    /// Furthest the interest draws the premium.
    pub clamp: u32,
    /// Largest rate, either way.
    pub cap: u32,
}

/// A dated future ends at `time_ms` at the mean of its marks over the window before.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Expiry {
    pub time_ms: TimeMs,
    pub window_ms: i64,
}

/// How the backstop's inventory goes to the book: in `slices` equal parts, one an interval.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Unwind {
    pub interval_ms: i64,
    pub slices: u32,
    /// Most of the lots that the book has inside the band, over the scale.
    pub participation: u32,
    /// Furthest an order's limit lies from the mark, per price.
    pub band: u32,
}

pub(super) type Bound = (&'static str, i128, i128, i128);

pub(super) fn out_of_range(bounds: &[Bound]) -> Vec<OutOfRange> {
    bounds
        .iter()
        .filter(|&&(_, value, min, max)| !(min..=max).contains(&value))
        .map(|&(what, value, min, max)| OutOfRange { what, value, min, max })
        .collect()
}

impl Funding {
    /// Everything that is out of range, in order of its fields.
    pub fn errors(&self, scale: Scale) -> Vec<OutOfRange> {
        let (one, longest) = (i128::from(scale.get()), i64::MAX.into());
        out_of_range(&[
            ("funding interval_ms", self.interval_ms.into(), 1, longest),
            ("funding period_ms", self.period_ms.into(), self.interval_ms.into(), longest),
            ("funding sample_ms", self.sample_ms.into(), 1, self.interval_ms.into()),
            ("funding interest", self.interest.into(), 0, one),
            ("funding clamp", self.clamp.into(), 0, one),
            ("funding cap", self.cap.into(), 0, one - 1),
        ])
    }
}

impl Expiry {
    /// Everything that is out of range.
    pub fn errors(&self) -> Vec<OutOfRange> {
        out_of_range(&[("expiry window_ms", self.window_ms.into(), 0, 1 << 40)])
    }
}

impl Unwind {
    /// Everything that is out of range, in order of its fields.
    pub fn errors(&self, scale: Scale) -> Vec<OutOfRange> {
        let one = i128::from(scale.get());
        out_of_range(&[
            ("unwind interval_ms", self.interval_ms.into(), 1, i64::MAX.into()),
            ("unwind slices", self.slices.into(), 1, u32::MAX.into()),
            ("unwind participation", self.participation.into(), 1, one),
            ("unwind band", self.band.into(), 0, one - 1),
        ])
    }
}
