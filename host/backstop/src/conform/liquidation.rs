//! Liquidation prices: the account around one position becomes the model's `Rest`, the position its `Holding`.
//!
//! `E_rest = S * (cash - cost of every position) + value of the others`, `R_rest = requirement of the others`. A taker fee for the close
//! adds to the rate. Bybit's maintenance margin is that of the entry notional, so there it goes to `R_rest` and the position's own
//! rate is 0. Cash, sizes and rates are exact; only the price that comes back lies on the grid of quanta per lot, which is made as
//! fine as its 32 bits allow.

use anyhow::{Context, bail, ensure};
use model::liquidation::{Holding, Rest, liquidation_price};
use model::margin::{Weights, cash_equity, requirement, value};
use model::tier::TierTable;
use model::units::{Cash, Price, Scale, Size, fits_accumulator};
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed, ToPrimitive, Zero};
use serde_json::value::RawValue;

use super::case::{Case, Fields, Outcome};
use super::exact::{places, ten, units};
use super::tiers::{bracket_with_amount, leverage_rate, money_of, scale_of, table};

/// Room above the entry price that the finest grid leaves for the price to be found.
const HEADROOM: u32 = 4;

/// Inputs that are read, or that say nothing about the price (`leverage` chose the collateral, which is given).
const INPUTS: [&str; 18] = [
    "coin",
    "collateral_at_entry_price",
    "entry",
    "leverage",
    "maintenance_amount",
    "maintenance_margin_rate",
    "margin_mode",
    "max_leverage",
    "mmr",
    "other_positions",
    "position_value",
    "qty",
    "raw_usd",
    "side",
    "szi",
    "taker_fee",
    "time",
    "wallet_balance",
];

/// Venues of linear contracts whose maintenance margin follows the mark.
const VENUES_AT_MARK: [&str; 5] = ["binance", "binance-usdm", "gate", "hyperliquid", "okx"];
/// Venues of linear contracts whose maintenance margin is that of the entry notional.
const VENUES_AT_ENTRY: [&str; 1] = ["bybit"];

/// A position as a case states it, in money and coins.
struct Position {
    /// Signed coins.
    size: BigRational,
    /// What was paid for it, signed: `size * entry`.
    cost: BigRational,
    /// What is charged of its notional.
    rate: BigRational,
    amount: BigRational,
}

struct Other {
    position: Position,
    mark: BigRational,
}

/// The account of a case, before it is brought into integers.
struct Account {
    own: Position,
    entry: BigRational,
    at_entry: bool,
    cash: BigRational,
    others: Vec<Other>,
    /// The mark of an account that states its position's value.
    mark: Option<BigRational>,
}

/// The account in the model's integers.
struct Grid {
    scale: Scale,
    /// The quantum is 10^-digits of money.
    digits: u32,
    size: Size,
    tiers: TierTable,
    rest: Rest,
    /// Quanta per lot for one unit of money per coin, as a power of ten.
    price_digits: u32,
}

/// `inputs` of one position, its collateral, and in cross margin the others; `expected`: `liquidation_price`, and `margin_used`
/// where the case gives the position's value.
pub fn price(case: &Case<'_>) -> anyhow::Result<Outcome> {
    if let Some(name) = case.unknown_key(&INPUTS, &["liquidation_price", "margin_used"]) {
        return Ok(Outcome::Unsupported(name));
    }
    let at_entry = VENUES_AT_ENTRY.contains(&case.venue);
    if !at_entry && !VENUES_AT_MARK.contains(&case.venue) {
        return Ok(Outcome::Unsupported(format!("{}/venue {}", case.kind, case.venue)));
    }
    let account = read_account(&case.inputs, at_entry)?;
    let Some(grids) = account.grids()? else {
        return Ok(Outcome::Unsupported(format!("{}/no exact grid", case.kind)));
    };
    // The finest grid that has the price in range.
    let found = grids.iter().find_map(|grid| Some((grid.liquidation_price()?, grid)));
    let got = found.map(|(price, grid)| BigRational::new(price.get().into(), ten(grid.price_digits)));
    let mut checks = vec![case.check("liquidation_price", got)?];
    if case.expected.has("margin_used") {
        let mark = account.mark.as_ref().context("expected.margin_used needs inputs.position_value")?;
        let used = grids.iter().find_map(|grid| grid.equity_at(mark));
        checks.push(case.check("margin_used", used)?);
    }
    Ok(Outcome::Judged(checks))
}

fn read_account(inputs: &Fields<'_>, at_entry: bool) -> anyhow::Result<Account> {
    let entry = inputs.positive("entry")?;
    let is_cross = match inputs.get::<&str>("margin_mode")? {
        "cross" => true,
        "isolated" => false,
        other => bail!("inputs.margin_mode is {other:?}, neither isolated nor cross"),
    };
    let mut own = if inputs.has("szi") {
        ensure!(!inputs.has("qty") && !inputs.has("side"), "inputs has szi beside qty or side");
        let size = inputs.number("szi")?;
        ensure!(!size.is_zero(), "inputs.szi is zero");
        Position::of(inputs, size, &entry)?
    } else {
        Position::of(inputs, signed_size(inputs)?, &entry)?
    };
    if inputs.has("taker_fee") {
        own.rate += inputs.magnitude("taker_fee")?;
    }
    // Collateral beside the position, or the cash that is left after paying for it.
    let cash = match ["wallet_balance", "collateral_at_entry_price", "raw_usd"].map(|key| inputs.has(key)) {
        [true, false, false] => inputs.number("wallet_balance")?,
        [false, true, false] => inputs.number("collateral_at_entry_price")?,
        [false, false, true] => inputs.number("raw_usd")? + &own.cost,
        _ => {
            bail!("inputs has not exactly one of wallet_balance, collateral_at_entry_price and raw_usd")
        }
    };
    let mark = if inputs.has("position_value") {
        Some(inputs.magnitude("position_value")? / own.size.abs())
    } else {
        None
    };
    let mut others = Vec::new();
    if inputs.has("other_positions") {
        for raw in inputs.get::<Vec<&RawValue>>("other_positions")? {
            others.push(read_other(raw)?);
        }
    }
    ensure!(is_cross || others.is_empty(), "inputs.other_positions in isolated margin");
    Ok(Account { own, entry, at_entry, cash, others, mark })
}

fn read_other(raw: &RawValue) -> anyhow::Result<Other> {
    let fields = Fields::new("inputs.other_positions", raw)?;
    let known = ["side", "qty", "entry", "mark", "mmr", "maintenance_amount"];
    if let Some(key) = fields.keys().find(|key| !known.contains(key)) {
        bail!("inputs.other_positions.{key} is not known");
    }
    let position = Position::of(&fields, signed_size(&fields)?, &fields.positive("entry")?)?;
    Ok(Other { position, mark: fields.positive("mark")? })
}

fn signed_size(fields: &Fields<'_>) -> anyhow::Result<BigRational> {
    let size = fields.positive("qty")?;
    match fields.get::<&str>("side")? {
        "long" => Ok(size),
        "short" => Ok(-size),
        other => bail!("side is {other:?}, neither long nor short"),
    }
}

impl Position {
    fn of(fields: &Fields<'_>, size: BigRational, entry: &BigRational) -> anyhow::Result<Self> {
        let mut rate = None;
        for key in ["mmr", "maintenance_margin_rate", "max_leverage"] {
            if !fields.has(key) {
                continue;
            }
            let stated = match key {
                "max_leverage" => leverage_rate(&fields.number(key)?).context("inputs.max_leverage")?,
                _ => fields.magnitude(key)?,
            };
            ensure!(rate.as_ref().is_none_or(|rate| *rate == stated), "{key} is another rate than before it");
            rate = Some(stated);
        }
        let rate = rate.context("none of mmr, maintenance_margin_rate and max_leverage is there")?;
        let amount = if fields.has("maintenance_amount") {
            fields.magnitude("maintenance_amount")?
        } else {
            BigRational::zero()
        };
        let cost = &size * entry;
        Ok(Self { size, cost, rate, amount })
    }
}

impl Account {
    /// The account on its exact grids, the finest price first; `None` if there is none.
    fn grids(&self) -> anyhow::Result<Option<Vec<Grid>>> {
        let room = &self.entry * BigRational::from(BigInt::from(HEADROOM));
        let finest = (0..=Price::MAX.ilog10()).rev().find(|&digits| {
            &room * BigRational::from(ten(digits)) <= BigRational::from(BigInt::from(Price::MAX))
        });
        let Some(finest) = finest else { return Ok(None) };
        let mut grids = Vec::new();
        for price_digits in (0..=finest).rev() {
            grids.extend(self.grid(price_digits)?);
        }
        Ok(if grids.is_empty() { None } else { Some(grids) })
    }

    fn grid(&self, price_digits: u32) -> anyhow::Result<Option<Grid>> {
        let positions = || self.others.iter().map(|other| &other.position).chain([&self.own]);
        let rates: Vec<BigRational> = positions().map(|position| position.rate.clone()).collect();
        let Some(scale) = scale_of(&rates) else { return Ok(None) };
        let cash = &self.cash - positions().map(|position| &position.cost).sum::<BigRational>();
        let Some(digits) = self.digits(&cash, price_digits) else { return Ok(None) };
        let Some((size, cash)) = lots(&self.own.size, digits - price_digits).zip(
            units(&cash, digits)
                .and_then(|quanta| i64::try_from(quanta).ok())
                .and_then(|quanta| Cash::new(quanta).ok()),
        ) else {
            return Ok(None);
        };
        let mut rest = Rest { equity: cash_equity(cash.get(), scale), requirement: 0 };
        for other in &self.others {
            let Some((size, price)) = on_grid(&other.position.size, &other.mark, digits) else {
                return Ok(None);
            };
            let tiers = other.position.tiers(scale, digits)?;
            rest.equity += value(size, price, weights(scale));
            rest.requirement += requirement(size, price, tiers.steps());
        }
        let mut tiers = self.own.tiers(scale, digits)?;
        if self.at_entry {
            let Some((size, price)) = on_grid(&self.own.size, &self.entry, digits) else { return Ok(None) };
            rest.requirement += requirement(size, price, tiers.steps());
            tiers = TierTable::new(scale, &[(0, 0)])?;
        }
        let fits = fits_accumulator(rest.equity) && fits_accumulator(rest.requirement);
        Ok(fits.then_some(Grid { scale, digits, size, tiers, rest, price_digits }))
    }

    /// Digits of the coarsest quantum in which cash, tier floors, lots and marks are whole.
    fn digits(&self, cash: &BigRational, price_digits: u32) -> Option<u32> {
        let mut digits = (price_digits + places(&self.own.size)?).max(places(cash)?);
        for position in self.others.iter().map(|other| &other.position).chain([&self.own]) {
            if !position.amount.is_zero() && !position.rate.is_zero() {
                digits = digits.max(places(&(&position.amount / &position.rate))?);
            }
        }
        for other in &self.others {
            digits = digits.max(places(&other.position.size)? + places(&other.mark)?);
        }
        if self.at_entry {
            digits = digits.max(places(&self.own.size)? + places(&self.entry)?);
        }
        Some(digits)
    }
}

impl Position {
    fn tiers(&self, scale: Scale, digits: u32) -> anyhow::Result<TierTable> {
        let (floors, rates) = bracket_with_amount(&self.rate, &self.amount)
            .context("maintenance_amount stands without a maintenance rate")?;
        table(scale, digits, &floors, &rates)
    }
}

impl Grid {
    fn holding(&self, price: Price) -> Holding<'_> {
        Holding { size: self.size, price, weights: weights(self.scale), tiers: self.tiers.steps() }
    }

    fn liquidation_price(&self) -> Option<Price> {
        liquidation_price(&self.holding(Price::default()), self.rest)
    }

    /// Equity of the account at a mark of its own position, if that mark lies on the grid.
    fn equity_at(&self, mark: &BigRational) -> Option<BigRational> {
        let price = grid_price(mark, self.price_digits)?;
        Some(money_of(self.rest.equity + self.holding(price).value(), self.scale, self.digits))
    }
}

fn weights(scale: Scale) -> Weights {
    Weights { long: scale.get(), short: scale.get() }
}

/// Size in lots of 10^-digits coins.
fn lots(coins: &BigRational, digits: u32) -> Option<Size> {
    Size::new(i64::try_from(units(coins, digits)?).ok()?).ok()
}

fn grid_price(price: &BigRational, digits: u32) -> Option<Price> {
    let scaled = price * BigRational::from(ten(digits));
    if scaled.is_integer() { Price::new(scaled.to_integer().to_u64()?).ok() } else { None }
}

/// A position at a mark, on the largest lot that holds both exactly.
fn on_grid(coins: &BigRational, mark: &BigRational, digits: u32) -> Option<(Size, Price)> {
    (0..=digits).find_map(|lot| lots(coins, lot).zip(grid_price(mark, digits - lot)))
}
