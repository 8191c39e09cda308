//! The rule set: every number that decides something, one value, hashed into the journal's header.

mod instrument;
mod marks;
mod mechanics;
mod stability;

use borsh::{BorshDeserialize, BorshSerialize};
use model::margin::Rungs;
use model::units::{OutOfRange, RUNG_MAX, Scale};
use serde::{Deserialize, Serialize};

pub use instrument::{
    BackstopLimits, Budget, Depth, Hedge, InstrumentError, InstrumentSpec, Kind, OpenInterest, Redemption,
};
pub use marks::{Composition, Volatility};
pub use mechanics::{Expiry, Funding, Unwind};
pub use stability::{Breaker, Gates, Outage};

/// Rules of a run. Rates are over `scale`; ratios of E to R are in 256ths; money is in quanta.
#[derive(BorshDeserialize, BorshSerialize, Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    pub venue: VenueRules,
    pub scale: u32,
    /// Warned, liquidatable, takeover: severity is reached where `256*E < R * rung`.
    pub rungs: [u32; 3],
    /// True: the line itself counts.
    pub equality: bool,
    /// E / R that a slice must reach, in 256ths; above the liquidatable rung.
    pub target: u32,
    /// Slices in a row that may find too little room on the book before the backstop takes over.
    pub exhausted_max: u32,
    /// Slices of an account at one event time; then it waits for the next, as after a slice that found too little room.
    pub slices_at_once_max: u32,
    /// Smallest notional a slice may leave; a position below twice this closes whole.
    pub residual_min: u64,
    /// Mark guard: event time after which a held mark is decided on.
    pub mark_hold_ms: i64,
    /// Event time for which a liquidation waits for the cancellation of the account's orders.
    pub cancel_wait_ms: i64,
    /// Event time between the announcement of higher maintenance brackets and their effect, at least.
    pub notice_ms: i64,
    pub close_factor: CloseFactor,
    pub insurance: Insurance,
    pub deleveraging: Deleveraging,
    pub outage: Option<Outage>,
    pub gates: Gates,
    /// Longest time for which an operator's pause holds.
    pub pause_ms_max: i64,
}

/// How the exact check rounds, which a venue states in its own rules. The device always evaluates the exact requirement.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum VenueRules {
    /// Nothing is rounded between inputs and verdict.
    Native,
    /// Requirement of each position rounded up to the quantum.
    DydxV4,
    /// Exact, as published: rate and maintenance amount.
    BinanceUsdm,
    /// Requirement of each position rounded down to the quantum.
    DriftV2,
    /// Exact: the peer's 48 fraction bits are finer than the scale.
    MangoV4,
}

/// Share of an account that may be closed on the book within a window of event time. It is kept by the account, so that many small closes
/// are bounded as one large one is.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CloseFactor {
    /// Gross notional at the start of the window above which the share is bounded.
    pub above: u64,
    pub portion: u32,
    pub window_ms: i64,
}

/// What the insurance funds may pay. Each market has its own fund, and all markets share one.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Insurance {
    /// Share of each liquidation fee that goes to the fund of its market; the rest goes to the shared fund.
    pub market_share: u32,
    /// What the shared fund keeps back for the two largest failures (Cover-2).
    pub reserve: u64,
    /// Window of event time over which a market's `fund_cap` holds.
    pub window_ms: i64,
}

/// Who is closed first when a loss is left.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deleveraging {
    /// Everybody in profit, by the profit of the whole portfolio, capped by what can be closed.
    ProRata,
    Hyperliquid,
    Bitmex,
    Binance,
    /// From a place in the list that the event's sequence draws.
    Rotation,
}

/// Why a rule set makes no sense.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RulesError {
    #[error(transparent)]
    Range(#[from] OutOfRange),
    #[error("rungs are 1 to 1,023 and do not rise from warned to takeover, not {0:?}")]
    Rungs([u32; 3]),
    #[error("target {target} must lie above the liquidatable rung {rung} and at most at 2,046")]
    Target { target: u32, rung: u32 },
    #[error("{what} {value} must be {min} to the scale {scale}")]
    Rate { what: &'static str, value: u32, min: u32, scale: u32 },
    #[error("{what} must be at least {min}, not {value}")]
    TooLow { what: &'static str, value: i64, min: i64 },
}

/// Everything that is wrong with a rule set, in order of its fields.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct RulesErrors(pub Vec<RulesError>);

impl Rules {
    /// Scale and rungs as exact types.
    ///
    /// # Errors
    /// [`RulesErrors`] names every rule that makes no sense.
    pub fn validate(&self) -> Result<(Scale, Rungs), RulesErrors> {
        let mut errors = Vec::new();
        let scale = Scale::new(self.scale).map_err(|error| errors.push(error.into())).ok();
        let rungs = Rungs { rungs: self.rungs, equality: self.equality };
        if !rungs.is_ordered() {
            errors.push(RulesError::Rungs(self.rungs));
        }
        if self.target <= self.rungs[1] || self.target > 2 * RUNG_MAX {
            errors.push(RulesError::Target { target: self.target, rung: self.rungs[1] });
        }
        for (what, value, min) in [
            ("close_factor.portion", self.close_factor.portion, 1),
            ("insurance.market_share", self.insurance.market_share, 0),
        ] {
            if !(min..=self.scale).contains(&value) {
                errors.push(RulesError::Rate { what, value, min, scale: self.scale });
            }
        }
        for (what, value, min) in [
            ("exhausted_max", self.exhausted_max.into(), 1),
            ("slices_at_once_max", self.slices_at_once_max.into(), 1),
            ("mark_hold_ms", self.mark_hold_ms, 0),
            ("cancel_wait_ms", self.cancel_wait_ms, 0),
            ("notice_ms", self.notice_ms, 0),
            ("pause_ms_max", self.pause_ms_max, 0),
            ("close_factor.window_ms", self.close_factor.window_ms, 1),
            ("insurance.window_ms", self.insurance.window_ms, 1),
        ] {
            if value < min {
                errors.push(RulesError::TooLow { what, value, min });
            }
        }
        if let Some(scale) = scale {
            let outage = self.outage.iter().flat_map(|of| of.errors(scale));
            errors.extend(outage.chain(self.gates.errors(scale)).map(RulesError::Range));
        }
        match scale {
            Some(scale) if errors.is_empty() => Ok((scale, rungs)),
            _ => Err(RulesErrors(errors)),
        }
    }

    /// Hash of the rules, for the journal's header.
    pub fn hash(&self) -> [u8; 32] {
        blake3::hash(&borsh::to_vec(self).expect("writing to memory")).into()
    }
}

impl Default for Rules {
    /// Takeover below two thirds, slices to 110 %; above 100,000 of the quote currency a fifth in half a minute.
    fn default() -> Self {
        Self {
            venue: VenueRules::Native,
            scale: 1_000_000,
            rungs: [320, 256, 171],
            equality: false,
            target: 282,
            exhausted_max: 3,
            slices_at_once_max: 4,
            residual_min: 50_000_000,
            mark_hold_ms: 60_000,
            cancel_wait_ms: 5_000,
            notice_ms: 86_400_000,
            close_factor: CloseFactor { above: 100_000_000_000, portion: 200_000, window_ms: 30_000 },
            insurance: Insurance { market_share: 500_000, reserve: 0, window_ms: 86_400_000 },
            deleveraging: Deleveraging::ProRata,
            outage: Some(Outage {
                gap_ms: 600_000,
                marks: 3,
                hold_ms: 60_000,
                band: 50_000,
                release_ms: 60_000,
            }),
            gates: Gates { withdrawal_portion: 100_000, day_limit: 200_000, deficit_wait_ms: 60_000 },
            pause_ms_max: 3_600_000,
        }
    }
}
