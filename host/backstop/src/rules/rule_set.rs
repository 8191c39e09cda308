//! A rule set: the engine's rules, the instruments they are for, and what turns an instrument and its first price into the engine's form.

use std::collections::{BTreeMap, BTreeSet};

use borsh::BorshSerialize;
use engine::rules::{
    BackstopLimits, Breaker, Budget, Composition, Depth, Expiry, Funding, Hedge, InstrumentSpec, Kind,
    OpenInterest, Redemption, Rules, Unwind, Volatility,
};
use rust_decimal::Decimal;

use super::curve::Curve;
use crate::feed::instrument::{Grid, PriceError};

/// Version of the file's format.
pub const FORMAT: u32 = 1;

/// Everything a rules file says; every instrument in full. Rates are over the rules' scale, money is in quanta.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RuleSet {
    pub name: String,
    pub version: u32,
    pub rules: Rules,
    pub collateral: BTreeMap<String, Collateral>,
    /// What a symbol without an entry is; none: it is refused.
    pub defaults: Option<Contract>,
    pub instruments: BTreeMap<String, Contract>,
    pub groups: BTreeMap<String, Group>,
}

/// A perpetual or a future.
#[derive(BorshSerialize, Clone, Debug, Eq, PartialEq)]
pub struct Contract {
    pub grid: GridRule,
    pub brackets: Tiers,
    pub initial: Tiers,
    pub open_interest: OpenInterest,
    pub funding: Option<Funding>,
    pub expiry: Option<Expiry>,
    pub volatility: Option<Volatility>,
    pub trading: Trading,
}

/// An asset that counts as collateral.
#[derive(BorshSerialize, Clone, Debug, Eq, PartialEq)]
pub struct Collateral {
    pub grid: GridRule,
    pub weight_long: u32,
    pub weight_short: u32,
    pub redemption: Option<Redemption>,
    pub trading: Trading,
}

/// What liquidations of an instrument cost and may do.
#[derive(BorshSerialize, Clone, Debug, Eq, PartialEq)]
pub struct Trading {
    pub fee: u32,
    pub slippage: u32,
    pub limit_band: u32,
    pub mark_band: u32,
    pub budget: Budget,
    pub fund_cap: u64,
    pub backstop: BackstopLimits,
    pub unwind: Option<Unwind>,
    pub breaker: Option<Breaker>,
    pub composition: Option<Composition>,
    pub book: Book,
}

/// The simulated book in notional: `levels` price levels a side, `step` apart, `level` quanta on each, refilled in `refill_seconds`.
#[derive(BorshSerialize, Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Book {
    pub levels: u32,
    pub step: u32,
    pub level: u64,
    pub refill_seconds: u64,
}

/// Margin brackets, stated or compiled from a curve.
#[derive(BorshSerialize, Clone, Debug, Default, Eq, PartialEq)]
pub struct Tiers {
    pub brackets: Vec<(u64, u32)>,
    /// Where they come from. The hash is of the brackets alone, since they decide.
    #[borsh(skip)]
    pub curve: Option<Curve>,
}

/// Lot and tick.
#[derive(BorshSerialize, Clone, Copy, Debug, Eq, PartialEq)]
pub enum GridRule {
    /// Made to fit the first mark: [`Grid::at_first`].
    AtFirstPrice,
    Stated(Grid),
}

/// Instruments of one underlying.
#[derive(BorshSerialize, Clone, Debug, Eq, PartialEq)]
pub struct Group {
    pub credit: u32,
    pub instruments: BTreeSet<String>,
}

/// Why a rule set has no instrument for a symbol at its first price.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SpecError {
    #[error("no rules for {symbol}: the rule set has no such instrument and no complete [defaults]; add one")]
    Unlisted { symbol: String },
    #[error("first price {price} of {symbol} is not above zero")]
    NotPositive { symbol: String, price: Decimal },
    #[error("first price {price} of {symbol}: {source}")]
    Price { symbol: String, price: Decimal, source: PriceError },
}

impl RuleSet {
    /// blake3 over what decides: rules, collateral, defaults, instruments and groups in borsh. Name, version, comments and the order of keys
    /// do not count.
    pub fn hash(&self) -> [u8; 32] {
        let Self { name: _, version: _, rules, collateral, defaults, instruments, groups } = self;
        let content = (FORMAT, rules, collateral, defaults, instruments, groups);
        blake3::hash(&borsh::to_vec(&content).expect("writing to memory")).into()
    }

    /// The hash as text.
    pub fn hash_text(&self) -> String {
        blake3::Hash::from(self.hash()).to_hex().to_string()
    }

    /// Rules of a contract; of a symbol without an entry the defaults.
    pub fn contract(&self, symbol: &str) -> Option<&Contract> {
        if self.collateral.contains_key(symbol) {
            return None;
        }
        self.instruments.get(symbol).or(self.defaults.as_ref())
    }

    /// Grid of a symbol whose first price of the episode is `first`; `None` without rules for it, or if the price is not above zero.
    pub fn grid(&self, symbol: &str, first: Decimal) -> Option<Grid> {
        let collateral = self.collateral.get(symbol).map(|collateral| collateral.grid);
        collateral.or_else(|| self.contract(symbol).map(|contract| contract.grid))?.at_first(first)
    }

    /// The engine's form of an instrument whose first price, quote currency per unit of the base asset, is `first`.
    ///
    /// # Errors
    /// [`SpecError`] without rules for the symbol, or if the price does not fit its grid.
    pub fn spec(&self, symbol: &str, first: Decimal) -> Result<InstrumentSpec, SpecError> {
        let base = InstrumentSpec::plain(symbol, self.rules.scale);
        let (grid, trading, base) = if let Some(collateral) = self.collateral.get(symbol) {
            let Collateral { grid, weight_long, weight_short, ref redemption, ref trading } = *collateral;
            let (kind, redemption) = (Kind::Collateral, redemption.clone());
            (grid, trading, InstrumentSpec { kind, weight_long, weight_short, redemption, ..base })
        } else {
            let unlisted = || SpecError::Unlisted { symbol: symbol.into() };
            let Contract { grid, brackets, initial, open_interest, funding, expiry, volatility, trading } =
                self.contract(symbol).ok_or_else(unlisted)?;
            let base = InstrumentSpec {
                brackets: brackets.brackets.clone(),
                initial: initial.brackets.clone(),
                open_interest: *open_interest,
                funding: *funding,
                expiry: *expiry,
                volatility: *volatility,
                hedge: self.hedge(symbol),
                ..base
            };
            (*grid, trading, base)
        };
        let grid = grid
            .at_first(first)
            .ok_or_else(|| SpecError::NotPositive { symbol: symbol.into(), price: first })?;
        let quoted = grid.quanta(first).map_err(|source| SpecError::Price {
            symbol: symbol.into(),
            price: first,
            source,
        })?;
        let Trading {
            fee,
            slippage,
            limit_band,
            mark_band,
            budget,
            fund_cap,
            backstop,
            unwind,
            breaker,
            composition,
            book,
        } = *trading;
        Ok(InstrumentSpec {
            lot_exponent: grid.lot_exponent,
            tick: grid.tick,
            price_bits: grid.price_bits,
            size_bits: grid.size_bits,
            fee,
            slippage,
            limit_band,
            mark_band,
            budget,
            fund_cap,
            backstop,
            unwind,
            breaker,
            composition,
            depth: book.depth(quoted.quanta),
            ..base
        })
    }

    /// Groups count from 1 in order of their names.
    fn hedge(&self, symbol: &str) -> Hedge {
        let group = (1..).zip(self.groups.values()).find(|(_, group)| group.instruments.contains(symbol));
        group.map_or_else(Hedge::default, |(id, group)| Hedge { group: id, credit: group.credit })
    }
}

impl GridRule {
    /// The grid, given the first price; `None` if that is not above zero.
    pub fn at_first(self, first: Decimal) -> Option<Grid> {
        let fitted = Grid::at_first(first)?;
        Some(match self {
            Self::AtFirstPrice => fitted,
            Self::Stated(grid) => grid,
        })
    }
}

impl Book {
    /// In lots of `quanta` each: at least one a level, and one a second of refill.
    fn depth(&self, quanta: u64) -> Depth {
        if self.levels == 0 {
            return Depth { levels: 0, step: 0, level_lots: 0, refill_lots: 0 };
        }
        let level_lots = (self.level / quanta).max(1);
        let refill_lots = (level_lots / self.refill_seconds.max(1)).max(1);
        Depth { levels: self.levels, step: self.step, level_lots, refill_lots }
    }
}

impl Tiers {
    pub fn of(brackets: Vec<(u64, u32)>) -> Self {
        Self { brackets, curve: None }
    }
}
