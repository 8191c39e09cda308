//! An instrument as listed: its grid, margin, prices, budgets and limits.

use borsh::{BorshDeserialize, BorshSerialize};
use model::tier::{TierError, TierTable};
use model::units::{NOTIONAL_BITS, OutOfRange, Scale};
use serde::{Deserialize, Serialize};

use super::marks::{Composition, Volatility};
use super::mechanics::{Expiry, Funding, Unwind};
use super::stability::Breaker;

/// What a position in an instrument is.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Perpetual or future: worth its notional, weights are the scale.
    Contract,
    /// An asset that counts with a haircut when held and with a surcharge when owed.
    Collateral,
}

/// An instrument. Rates, bands and fees are over the rules' scale; money is in quanta.
#[derive(BorshDeserialize, BorshSerialize, Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct InstrumentSpec {
    pub symbol: String,
    pub kind: Kind,
    /// A lot is `10^lot_exponent` of the base asset.
    pub lot_exponent: i8,
    /// Quanta per lot of one tick.
    pub tick: u64,
    pub price_bits: u8,
    pub size_bits: u8,
    /// Value weights: the scale itself for a contract; for collateral at most the scale if held, at least if owed.
    pub weight_long: u32,
    pub weight_short: u32,
    /// Maintenance brackets: floor of notional and rate.
    pub brackets: Vec<(u64, u32)>,
    /// Initial-margin brackets; none: a trade is not checked.
    pub initial: Vec<(u64, u32)>,
    pub open_interest: OpenInterest,
    /// Liquidation fee of the insurance funds, per notional.
    pub fee: u32,
    /// Expected slippage of a slice, per notional, where the book is not known.
    pub slippage: u32,
    /// Furthest a liquidation order's limit lies from the mark, per price.
    pub limit_band: u32,
    /// Mark guard: furthest a mark may lie from the last applied one, per price.
    pub mark_band: u32,
    pub budget: Budget,
    /// Most that the market's own fund pays within the rules' window.
    pub fund_cap: u64,
    pub backstop: BackstopLimits,
    pub hedge: Hedge,
    pub depth: Depth,
    /// Of wrapped collateral.
    pub redemption: Option<Redemption>,
    /// Of a perpetual.
    pub funding: Option<Funding>,
    /// Of a dated future.
    pub expiry: Option<Expiry>,
    pub unwind: Option<Unwind>,
    pub breaker: Option<Breaker>,
    /// Without it marks come as they are.
    pub composition: Option<Composition>,
    pub volatility: Option<Volatility>,
}

/// Open interest (one side's notional) from which the initial margin rises, and at which it is the whole notional; `upper` 0: it does not.
#[derive(
    BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize,
)]
#[serde(deny_unknown_fields)]
pub struct OpenInterest {
    pub lower: u64,
    pub upper: u64,
}

/// Notional that liquidations may send to the book: a bucket of `capacity` that refills by `refill` a second; `capacity` 0: no bound.
#[derive(
    BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize,
)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    pub capacity: u64,
    pub refill: u64,
}

/// What the backstop holds of an instrument at the most, and loses on it before it takes no more.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BackstopLimits {
    pub notional: u64,
    pub loss: u64,
}

/// Instruments of one underlying share a `group` (0: none); of the requirement of opposite positions in it, `credit` is given back on the
/// smaller side.
#[derive(
    BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize,
)]
#[serde(deny_unknown_fields)]
pub struct Hedge {
    pub group: u16,
    pub credit: u32,
}

/// What one unit of wrapped collateral redeems for; its mark is believed within `band` of that.
#[derive(BorshDeserialize, BorshSerialize, Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Redemption {
    /// Instrument whose mark counts, by symbol; none: the quote currency.
    pub reference: Option<String>,
    /// Millionths of a unit of the reference.
    pub ratio: u64,
    pub band: u32,
}

/// The simulated venue's book: `levels` price levels a side, the k-th (from 1) at `floor(mark * k * step / scale)` from the mark, each of
/// `level_lots`, refilled at `refill_lots` a second of event time.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Depth {
    pub levels: u32,
    pub step: u32,
    pub level_lots: u64,
    pub refill_lots: u64,
}

/// One thing wrong with an instrument.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InstrumentError {
    #[error(transparent)]
    Range(#[from] OutOfRange),
    #[error("maintenance tiers: {0}")]
    Tiers(TierError),
    #[error("initial tiers: {0}")]
    Initial(TierError),
    #[error(
        "initial margin of {notional} quanta is {initial}, below the maintenance margin {maintenance} (quanta / scale)"
    )]
    BelowMaintenance { notional: u64, initial: i128, maintenance: i128 },
    #[error("open interest: lower {lower} must lie below upper {upper}")]
    OpenInterest { lower: u64, upper: u64 },
    #[error("fee and slippage are {0}, together they must stay below the scale")]
    Cost(u64),
    #[error("a budget of {capacity} needs a refill of at least 1 a second")]
    NoRefill { capacity: u64 },
    #[error("a credit of {credit} needs a group")]
    NoGroup { credit: u32 },
    #[error("collateral has no maintenance or initial margin, its weights are the haircut")]
    CollateralMargin,
    #[error("only contracts have funding or expire, and not both")]
    NotContract,
    #[error("only collateral redeems for something, at a ratio above 0 and in another instrument")]
    Redemption,
}

impl InstrumentSpec {
    /// A contract of one quantum ticks and the widest grid, without margin, fees, bands, budgets, limits or a book.
    pub fn plain(symbol: &str, scale: u32) -> Self {
        Self {
            symbol: symbol.into(),
            kind: Kind::Contract,
            lot_exponent: 0,
            tick: 1,
            price_bits: 32,
            size_bits: (NOTIONAL_BITS - 32) as u8,
            weight_long: scale,
            weight_short: scale,
            brackets: vec![(0, 0)],
            initial: Vec::new(),
            open_interest: OpenInterest::default(),
            fee: 0,
            slippage: 0,
            limit_band: 0,
            mark_band: scale.saturating_sub(1),
            budget: Budget::default(),
            fund_cap: u64::MAX,
            backstop: BackstopLimits { notional: u64::MAX, loss: u64::MAX },
            hedge: Hedge::default(),
            depth: Depth { levels: 0, step: 0, level_lots: 0, refill_lots: 0 },
            redemption: None,
            funding: None,
            expiry: None,
            unwind: None,
            breaker: None,
            composition: None,
            volatility: None,
        }
    }

    /// Everything that is wrong with it, in order of its fields.
    pub fn errors(&self, scale: Scale) -> Vec<InstrumentError> {
        let scale_max = u64::from(scale.get());
        let weights = match self.kind {
            Kind::Contract => [(scale_max, scale_max); 2],
            Kind::Collateral => [(0, scale_max), (scale_max, 2 * scale_max)],
        };
        let bits = u64::from(self.price_bits) + u64::from(self.size_bits);
        let mut errors: Vec<InstrumentError> = [
            ("price_bits", self.price_bits.into(), 1, 32),
            ("size_bits", self.size_bits.into(), 1, 40),
            ("price_bits + size_bits", bits, 2, NOTIONAL_BITS.into()),
            ("tick", self.tick, 1, u32::MAX.into()),
            ("weight_long", self.weight_long.into(), weights[0].0, weights[0].1),
            ("weight_short", self.weight_short.into(), weights[1].0, weights[1].1),
            ("fee", self.fee.into(), 0, scale_max - 1),
            ("slippage", self.slippage.into(), 0, scale_max - 1),
            ("limit_band", self.limit_band.into(), 0, scale_max - 1),
            ("mark_band", self.mark_band.into(), 0, scale_max - 1),
            ("credit", self.hedge.credit.into(), 0, scale_max),
            ("redemption band", self.redemption.as_ref().map_or(0, |of| of.band.into()), 0, scale_max - 1),
        ]
        .into_iter()
        .filter(|&(_, value, min, max)| !(min..=max).contains(&value))
        .map(|(what, value, min, max)| {
            OutOfRange { what, value: value.into(), min: min.into(), max: max.into() }.into()
        })
        .collect();
        self.margin_errors(scale, &mut errors);
        let OpenInterest { lower, upper } = self.open_interest;
        if upper > 0 && lower >= upper {
            errors.push(InstrumentError::OpenInterest { lower, upper });
        }
        let cost = u64::from(self.fee) + u64::from(self.slippage);
        if cost >= scale_max {
            errors.push(InstrumentError::Cost(cost));
        }
        if self.budget.capacity > 0 && self.budget.refill == 0 {
            errors.push(InstrumentError::NoRefill { capacity: self.budget.capacity });
        }
        if self.hedge.credit > 0 && self.hedge.group == 0 {
            errors.push(InstrumentError::NoGroup { credit: self.hedge.credit });
        }
        if self.redemption.as_ref().is_some_and(|of| {
            self.kind != Kind::Collateral || of.ratio == 0 || of.reference.as_ref() == Some(&self.symbol)
        }) {
            errors.push(InstrumentError::Redemption);
        }
        errors.extend(self.funding.iter().flat_map(|of| of.errors(scale)).map(Into::into));
        errors.extend(self.expiry.iter().flat_map(Expiry::errors).map(Into::into));
        errors.extend(self.unwind.iter().flat_map(|of| of.errors(scale)).map(Into::into));
        errors.extend(self.breaker.iter().flat_map(|of| of.errors(scale)).map(Into::into));
        errors.extend(self.composition.iter().flat_map(|of| of.errors(scale)).map(Into::into));
        errors.extend(self.volatility.iter().flat_map(|of| of.errors(scale)).map(Into::into));
        let dated = [self.funding.is_some(), self.expiry.is_some()];
        if dated == [true, true] || dated != [false, false] && self.kind != Kind::Contract {
            errors.push(InstrumentError::NotContract);
        }
        errors
    }

    fn margin_errors(&self, scale: Scale, errors: &mut Vec<InstrumentError>) {
        let maintenance = TierTable::new(scale, &self.brackets);
        let initial = if self.initial.is_empty() {
            None
        } else {
            TierTable::new(scale, &self.initial)
                .map_err(|error| errors.push(InstrumentError::Initial(error)))
                .ok()
        };
        match (maintenance, initial) {
            (Err(error), _) => errors.push(InstrumentError::Tiers(error)),
            (Ok(maintenance), Some(initial)) => {
                // Both are piecewise linear: where one lies below the other, it does so at an edge or beyond the last.
                let edges = self.brackets.iter().chain(&self.initial).map(|bracket| bracket.0);
                let last = (1u64 << NOTIONAL_BITS) - 1;
                errors.extend(edges.chain([last]).find_map(|notional| {
                    let [maintenance, initial] =
                        [&maintenance, &initial].map(|table| table.requirement(notional.into()));
                    (initial < maintenance).then_some(InstrumentError::BelowMaintenance {
                        notional,
                        initial,
                        maintenance,
                    })
                }));
            }
            (Ok(_), None) => {}
        }
        let margined = self.brackets.iter().any(|bracket| bracket.1 > 0) || !self.initial.is_empty();
        if self.kind == Kind::Collateral && margined {
            errors.push(InstrumentError::CollateralMargin);
        }
    }
}
