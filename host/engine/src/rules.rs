//! The rule set: every number that decides something, one value, hashed into the journal's header.

use borsh::{BorshDeserialize, BorshSerialize};
use model::margin::Rungs;
use model::units::{OutOfRange, RUNG_MAX, Scale};
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
    /// Slices in a row that may find too little room on the book before the backstop takes over.
    pub exhausted_max: u32,
    /// Slices of an account at one event time; then it waits for the next, as after a slice that found too little room.
    pub slices_at_once_max: u32,
    /// Smallest notional a slice may leave, quanta; a position below twice this closes whole.
    pub residual_min: u64,
    /// Mark guard: furthest a mark may lie from the last applied one, per price.
    pub mark_band: u32,
    /// Mark guard: event time after which a held mark is decided on.
    pub mark_hold_ms: i64,
}

/// Why a rule set makes no sense.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RulesError {
    #[error(transparent)]
    Scale(#[from] OutOfRange),
    #[error("rungs are 1 to 1,023 and do not rise from warned to takeover, not {0:?}")]
    Rungs([u32; 3]),
    #[error("target {target} must lie above the liquidatable rung {rung} and at most at 2,046")]
    Target { target: u32, rung: u32 },
    #[error("{what} {value} must be below the scale {scale}")]
    Rate { what: &'static str, value: u32, scale: u32 },
    #[error("{0} must be at least 1")]
    Zero(&'static str),
    #[error("a held mark waits at least 0 ms, not {0}")]
    Hold(i64),
}

impl Rules {
    /// Scale and rungs as exact types.
    ///
    /// # Errors
    /// [`RulesError`] names the first rule that makes no sense.
    pub fn validate(&self) -> Result<(Scale, Rungs), RulesError> {
        let scale = Scale::new(self.scale)?;
        let rungs = Rungs { rungs: self.rungs, equality: self.equality };
        if !rungs.is_ordered() {
            return Err(RulesError::Rungs(self.rungs));
        }
        if self.target <= self.rungs[1] || self.target > 2 * RUNG_MAX {
            return Err(RulesError::Target { target: self.target, rung: self.rungs[1] });
        }
        let rates = [
            ("fee", self.fee),
            ("slippage", self.slippage),
            ("fee + slippage", self.fee.saturating_add(self.slippage)),
            ("limit band", self.limit_band),
            ("mark band", self.mark_band),
        ];
        for (what, value) in rates {
            if value >= self.scale {
                return Err(RulesError::Rate { what, value, scale: self.scale });
            }
        }
        for (what, value) in
            [("exhausted_max", self.exhausted_max), ("slices_at_once_max", self.slices_at_once_max)]
        {
            if value == 0 {
                return Err(RulesError::Zero(what));
            }
        }
        if self.mark_hold_ms < 0 {
            return Err(RulesError::Hold(self.mark_hold_ms));
        }
        Ok((scale, rungs))
    }

    /// Hash of the rules, for the journal's header.
    pub fn hash(&self) -> [u8; 32] {
        blake3::hash(&borsh::to_vec(self).expect("writing to memory")).into()
    }
}

impl Default for Rules {
    /// Takeover below two thirds, slices to 110 %, 0.15 % fee, 20 % mark band held for a minute.
    fn default() -> Self {
        Self {
            scale: 1_000_000,
            rungs: [320, 256, 171],
            equality: false,
            target: 282,
            fee: 1_500,
            slippage: 1_000,
            limit_band: 20_000,
            exhausted_max: 3,
            slices_at_once_max: 4,
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
