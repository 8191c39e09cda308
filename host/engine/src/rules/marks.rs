//! How a mark is composed from prices, and what a volatile one asks.

use borsh::{BorshDeserialize, BorshSerialize};
use model::units::{OutOfRange, Scale};
use serde::{Deserialize, Serialize};

use super::mechanics::out_of_range;

/// The mark of an instrument is the median of the index with the mean distance of the book from it, of the book, and of other venues.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Composition {
    /// A price older than this drops out.
    pub stale_ms: i64,
    /// Time constant of the mean distance.
    pub ema_ms: i64,
    /// Furthest the mark lies from the index, per price.
    pub band: u32,
}

/// The initial margin is multiplied by volatility over a reference, at least 1; the maintenance margin never is.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Volatility {
    /// Time constant of the mean squared return.
    pub window_ms: i64,
    /// Standard deviation of a minute's return, over the scale, up to which nothing is multiplied.
    pub reference: u32,
    /// Largest multiple, whole and over the scale.
    pub multiple_max: u32,
    /// Most that the multiple rises in a minute and falls in an hour, over the scale.
    pub rise: u32,
    pub fall: u32,
}

impl Composition {
    /// Everything that is out of range, in order of its fields.
    pub fn errors(&self, scale: Scale) -> Vec<OutOfRange> {
        out_of_range(&[
            ("composition stale_ms", self.stale_ms.into(), 0, 1 << 40),
            ("composition ema_ms", self.ema_ms.into(), 1, 1 << 40),
            ("composition band", self.band.into(), 0, i128::from(scale.get()) - 1),
        ])
    }
}

impl Volatility {
    /// Everything that is out of range, in order of its fields.
    pub fn errors(&self, scale: Scale) -> Vec<OutOfRange> {
        let one = i128::from(scale.get());
        out_of_range(&[
            ("volatility window_ms", self.window_ms.into(), 1, 1 << 40),
            ("volatility reference", self.reference.into(), 1, one),
            ("volatility multiple_max", self.multiple_max.into(), one, 100 * one),
            ("volatility rise", self.rise.into(), 1, 100 * one),
            ("volatility fall", self.fall.into(), 1, 100 * one),
        ])
    }
}
