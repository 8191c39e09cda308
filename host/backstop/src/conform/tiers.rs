//! Tier tables: the requirement of a notional, the maintenance amount (deduction) of a bracket; rates that grow with size.

use anyhow::{Context, ensure};
use engine::margin::linear;
use model::margin::requirement;
use model::tier::TierTable;
use model::units::{Price, Scale, Size};
use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::{One, ToPrimitive, Zero};
use serde::Deserialize;

use super::case::{Case, Outcome};
use super::exact::{Exact, places, ten, units};
use super::whole::whole;

/// The contract's scales, tried before a case gets one of its own.
const SCALES: [u32; 2] = [1_000_000, 600_000];
/// Digits of the money quantum where the inputs do not ask for more.
const DIGITS: u32 = 6;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LeverageTier {
    lower_bound: Exact,
    max_leverage: Exact,
}

/// `inputs`: `notional`, and `tiers` of `lower_bound` and `max_leverage`; the maintenance rate is half the initial rate at the
/// largest leverage, `1 / (2 * max_leverage)`.
pub fn maintenance_margin(case: &Case<'_>) -> anyhow::Result<Outcome> {
    if let Some(name) = case.unknown_key(&["tiers", "notional"], &["maintenance_margin"]) {
        return Ok(Outcome::Unsupported(name));
    }
    let tiers: Vec<LeverageTier> = case.inputs.get("tiers")?;
    let notional = case.inputs.magnitude("notional")?;
    let mut rates = Vec::with_capacity(tiers.len());
    for tier in &tiers {
        rates.push(leverage_rate(&tier.max_leverage.0).context("inputs.tiers.max_leverage")?);
    }
    let money = tiers.iter().map(|tier| &tier.lower_bound.0).chain([&notional]);
    let Some((scale, digits)) = scale_of(&rates).zip(digits_of(money)) else {
        return Ok(Outcome::Unsupported(format!("{}/no exact scale", case.kind)));
    };
    let floors: Vec<BigRational> = tiers.into_iter().map(|tier| tier.lower_bound.0).collect();
    let table = table(scale, digits, &floors, &rates)?;
    let (size, price) = position_of(&notional, digits).context("inputs.notional")?;
    let got = money_of(requirement(size, price, table.steps()), scale, digits);
    Ok(Outcome::Judged(vec![case.check("maintenance_margin", Some(got))?]))
}

/// `inputs`: `bracket_floor` and `mmr` of a bracket, `prev_mmr` and `prev_amount` of the one below.
pub fn maintenance_amount(case: &Case<'_>) -> anyhow::Result<Outcome> {
    let inputs = ["bracket_floor", "mmr", "prev_mmr", "prev_amount"];
    if let Some(name) = case.unknown_key(&inputs, &["maintenance_amount"]) {
        return Ok(Outcome::Unsupported(name));
    }
    let [floor, rate, below_rate, below_amount] = inputs.map(|key| case.inputs.magnitude(key));
    let (floor, rate, below_rate, below_amount) = (floor?, rate?, below_rate?, below_amount?);
    let Some((mut floors, mut rates)) = bracket_with_amount(&below_rate, &below_amount) else {
        return Ok(Outcome::Unsupported(format!("{}/amount without a rate", case.kind)));
    };
    floors.push(floor);
    rates.push(rate);
    let Some((scale, digits)) = scale_of(&rates).zip(digits_of(&floors)) else {
        return Ok(Outcome::Unsupported(format!("{}/no exact scale", case.kind)));
    };
    let table = table(scale, digits, &floors, &rates)?;
    let deduction = table.steps().as_slice().last().expect("a table has a tier").deduction;
    let got = money_of(deduction as i128, scale, digits);
    Ok(Outcome::Judged(vec![case.check("maintenance_amount", Some(got))?]))
}

/// `inputs`: the other margins `mr`, a raw liquidation cost `mr7_raw`, and `tiers` of the cost up to which a factor scales it. The table's
/// rates are the factors over the largest of them. The requirement is the larger of the two.
pub fn scaled_cost(case: &Case<'_>) -> anyhow::Result<Outcome> {
    if let Some(name) = case.unknown_key(&["mr", "mr7_raw", "tiers"], &["mr7_adj", "mmr"]) {
        return Ok(Outcome::Unsupported(name));
    }
    let tiers: Vec<(Exact, Exact)> = case.inputs.get("tiers")?;
    let (margin, cost) = (case.inputs.magnitude("mr")?, case.inputs.magnitude("mr7_raw")?);
    let (mut floors, mut factors) = (vec![BigRational::zero()], Vec::new());
    for (ceiling, factor) in tiers {
        floors.push(ceiling.0);
        factors.push(factor.0);
    }
    let (ceiling, largest) =
        floors.pop().zip(factors.iter().max().cloned()).context("inputs.tiers is empty")?;
    ensure!(largest > BigRational::zero(), "inputs.tiers has no factor above zero");
    if cost > ceiling {
        return Ok(Outcome::Unsupported(format!("{}/beyond the last tier", case.kind)));
    }
    let rates: Vec<BigRational> = factors.iter().map(|factor| factor / &largest).collect();
    let Some((scale, digits)) = scale_of(&rates).zip(digits_of(floors.iter().chain([&cost]))) else {
        return Ok(Outcome::Unsupported(format!("{}/no exact scale", case.kind)));
    };
    let table = table(scale, digits, &floors, &rates)?;
    let (size, price) = position_of(&cost, digits).context("inputs.mr7_raw")?;
    let scaled = money_of(requirement(size, price, table.steps()), scale, digits) * largest;
    let larger = scaled.clone().max(margin);
    Ok(Outcome::Judged(vec![case.check("mr7_adj", Some(scaled))?, case.check("mmr", Some(larger))?]))
}

/// `inputs`: `base` rate, `factor` per coin, `size` in coins.
pub fn linear_rate(case: &Case<'_>) -> anyhow::Result<Outcome> {
    if let Some(name) = case.unknown_key(&["base", "factor", "size"], &["mm_rate"]) {
        return Ok(Outcome::Unsupported(name));
    }
    let rates = [case.inputs.magnitude("base")?, case.inputs.magnitude("factor")?];
    let Some(scale) = scale_of(&rates) else {
        return Ok(Outcome::Unsupported(format!("{}/no exact scale", case.kind)));
    };
    let [base, slope] = rates.map(|rate| rate_units(&rate, scale));
    let rate = linear::linear_rate(base?, slope?, whole(&case.inputs, "size")?, scale);
    let got = BigRational::new(rate.into(), scale.get().into());
    Ok(Outcome::Judged(vec![case.check("mm_rate", Some(got))?]))
}

/// Floors and rates of a table whose last bracket has this rate and this maintenance amount. The brackets below are not
/// in the case; one of rate 0, up to `amount / rate`, gives the same amount by the table's own recurrence.
/// `None`: an amount without a rate.
pub fn bracket_with_amount(
    rate: &BigRational,
    amount: &BigRational,
) -> Option<(Vec<BigRational>, Vec<BigRational>)> {
    if amount.is_zero() {
        return Some((vec![BigRational::zero()], vec![rate.clone()]));
    }
    if rate.is_zero() {
        return None;
    }
    Some((vec![BigRational::zero(), amount / rate], vec![BigRational::zero(), rate.clone()]))
}

/// `1 / (2 * leverage)`: the maintenance rate of a venue that asks half the initial margin.
pub fn leverage_rate(leverage: &BigRational) -> anyhow::Result<BigRational> {
    ensure!(*leverage > BigRational::zero(), "a leverage is not above zero");
    Ok((leverage * BigRational::from(BigInt::from(2))).recip())
}

/// A scale over which every rate is whole; `None` if that takes more than the largest scale.
pub fn scale_of(rates: &[BigRational]) -> Option<Scale> {
    let common = rates.iter().fold(BigInt::one(), |common, rate| common.lcm(rate.denom()));
    let known = SCALES.into_iter().find(|&scale| (BigInt::from(scale) % &common).is_zero());
    Scale::new(known.or_else(|| common.to_u32())?).ok()
}

/// A rate over the scale.
pub fn rate_units(rate: &BigRational, scale: Scale) -> anyhow::Result<u32> {
    let units = (rate * BigRational::from(BigInt::from(scale.get()))).to_integer();
    units.to_u32().with_context(|| format!("the rate {rate} is out of range"))
}

/// A table of money floors and rates, in quanta of 10^-digits.
pub fn table(
    scale: Scale,
    digits: u32,
    floors: &[BigRational],
    rates: &[BigRational],
) -> anyhow::Result<TierTable> {
    let mut brackets = Vec::with_capacity(floors.len());
    for (floor, rate) in floors.iter().zip(rates) {
        let quanta = units(floor, digits).and_then(|quanta| u64::try_from(quanta).ok());
        brackets.push((
            quanta.with_context(|| format!("the tier floor {floor} is out of range"))?,
            rate_units(rate, scale)?,
        ));
    }
    Ok(TierTable::new(scale, &brackets)?)
}

/// Quanta / scale as money.
pub fn money_of(amount: i128, scale: Scale, digits: u32) -> BigRational {
    BigRational::new(amount.into(), ten(digits) * BigInt::from(scale.get()))
}

/// Digits of a quantum that all these amounts are whole numbers of.
fn digits_of<'a>(money: impl IntoIterator<Item = &'a BigRational>) -> Option<u32> {
    money.into_iter().try_fold(DIGITS, |digits, amount| Some(digits.max(places(amount)?)))
}

/// A position of exactly this notional: as many quanta a lot as go into it, up to one unit of money.
fn position_of(notional: &BigRational, digits: u32) -> Option<(Size, Price)> {
    let quanta = units(notional, digits)?;
    let price = quanta.gcd(&10i128.pow(digits.min(9)));
    let size = Size::new(i64::try_from(quanta / price).ok()?).ok()?;
    Some((size, Price::new(u64::try_from(price).ok()?).ok()?))
}
