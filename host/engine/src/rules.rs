//! The rule set: every number that decides something, one value, hashed into the journal's header.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::Serialize;

/// Rules of a run. Rates are over `scale`; ratios of E to R are in 256ths.
#[derive(BorshDeserialize, BorshSerialize, Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Rules {
    pub scale: u32,
    /// Warned, liquidatable, takeover: severity is reached where `256*E < R * rung`.
    pub rungs: [u32; 3],
    /// True: the line itself counts.
    pub equality: bool,
    /// E / R that a slice must reach, in 256ths; above the liquidatable rung.
    pub target: u32,
    /// Liquidation fee of the insurance fund, per notional.
    pub fee: u32,
    /// Expected slippage of a slice, per notional; part of the slice's size.
    pub slippage: u32,
    /// Furthest a liquidation order's limit lies from the mark, per price.
    pub limit_band: u32,
    /// Smallest notional a slice may leave, quanta; a position below twice this closes whole.
    pub residual_min: u64,
    /// Mark guard: furthest a mark may lie from the last applied one, per price.
    pub mark_band: u32,
    /// Mark guard: event time after which a held mark is decided on.
    pub mark_hold_ms: i64,
}

impl Rules {
    /// Hash of the rules, for the journal's header.
    pub fn hash(&self) -> [u8; 32] {
        blake3::hash(&borsh::to_vec(self).expect("writing to memory")).into()
    }
}

impl Default for Rules {
    /// Takeover below two thirds, slices to 110 %, 0.5 % fee, 20 % mark band held for a minute.
    fn default() -> Self {
        Self {
            scale: 1_000_000,
            rungs: [320, 256, 171],
            equality: false,
            target: 282,
            fee: 5_000,
            slippage: 2_000,
            limit_band: 20_000,
            residual_min: 50_000_000,
            mark_band: 200_000,
            mark_hold_ms: 60_000,
        }
    }
}

/// An instrument as listed.
#[derive(BorshDeserialize, BorshSerialize, Clone, Debug, Eq, PartialEq, Serialize)]
pub struct InstrumentSpec {
    pub symbol: String,
    /// A lot is `10^lot_exponent` of the base asset.
    pub lot_exponent: i8,
    /// Quanta per lot of one tick.
    pub tick: u64,
    pub price_bits: u8,
    pub size_bits: u8,
    /// Value weights over the scale; the scale itself for a perpetual.
    pub weight_long: u32,
    pub weight_short: u32,
    /// Maintenance brackets: floor in quanta of notional, rate over the scale.
    pub brackets: Vec<(u64, u32)>,
    pub depth: Depth,
}

/// The simulated venue's book: `levels` price levels a side, the k-th (from 1) at `floor(mark * k * step / scale)` from the mark, each of
/// `level_lots`, refilled at `refill_lots` a second of event time.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Depth {
    pub levels: u32,
    pub step: u32,
    pub level_lots: u64,
    pub refill_lots: u64,
}
