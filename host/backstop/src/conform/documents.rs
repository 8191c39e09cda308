//! Formulas that venues state in their documents: rankings for deleveraging, drawdown of a shared pool, reduction by shares, funding.
//! Decimals become integers of [`DIGITS`] places.

use std::num::NonZeroU32;

use anyhow::{Context, ensure};
use engine::funding::{ImpactPrices, clamped_rate, fair_price_floor, premium_trunc};
use engine::insurance::drawdown::{Drawdown, DrawdownRule};
use engine::insurance::ranking::{
    Candidate, binance_profit_rate, binance_score, bitmex_rank, hyperliquid_index,
};
use engine::ratio::Ratio;
use engine::venue_rules::paradex::{ShareTerms, smallest_share};
use model::units::Scale;
use num_rational::BigRational;
use num_traits::{One, Signed, Zero};
use serde_json::value::RawValue;

use super::case::{Case, Check, Fields, Outcome};
use super::exact::{rational, ten, units};
use super::tiers::{rate_units, scale_of};
use super::whole::{verdict, whole};

/// Places of money, prices and rates.
const DIGITS: u32 = 9;

/// The inputs of a kind, its expected numbers, and who judges it.
type Kind = (&'static [&'static str], &'static [&'static str], fn(&Case<'_>) -> anyhow::Result<Vec<Check>>);

fn kind(name: &str) -> Option<Kind> {
    Some(match name {
        "bitmex_adl_rank" => (&["mark_value", "bankrupt_value", "entry_value"], &["rank"], bitmex),
        "hyperliquid_adl_index" => (&["mark", "entry", "notional", "account_value"], &["index"], hyperliquid),
        "binance_adl_score" => {
            (&["unrealized", "wallet", "margin_ratio"], &["pnl_percent", "leverage_pnl"], binance)
        }
        "bybit_drawdown_adl" => (
            &["pool_max_8h", "symbol_pnl_change", "trigger", "min_balance", "balance"],
            &["pnl_ratio", "triggered", "user_subsidy"],
            drawdown,
        ),
        "paradex_share" => (
            &["collateral", "positions", "mmf", "liquidation_fee", "target_ratio", "step", "fee_note"],
            &["account_value", "mmr", "share", "penalty", "collateral_after", "margin_ratio_after"],
            share,
        ),
        "clamped_funding" => {
            (&["impact_bid", "oracle", "interest", "clamp"], &["premium", "funding_8h"], funding)
        }
        "clamp_only" => (&["premium", "interest", "clamp"], &["funding"], clamp),
        "fair_price" => (&["index", "funding", "hours_left", "interval"], &["fair"], fair_price),
        _ => return None,
    })
}

/// True if cases of this kind are judged here.
pub fn has(name: &str) -> bool {
    kind(name).is_some()
}

/// Judges a case of a documented formula.
///
/// # Errors
/// An input that is missing or out of range.
pub fn judge(case: &Case<'_>) -> anyhow::Result<Outcome> {
    let Some((inputs, expected, judge)) = kind(case.kind) else {
        return Ok(Outcome::Unsupported(case.kind.to_owned()));
    };
    match case.unknown_key(inputs, expected) {
        Some(name) => Ok(Outcome::Unsupported(name)),
        None => judge(case).map(Outcome::Judged),
    }
}

/// A number of at most [`DIGITS`] places, as an integer.
fn read<T: TryFrom<i128>>(fields: &Fields<'_>, key: &str) -> anyhow::Result<T> {
    let units = units(&fields.number(key)?, DIGITS).and_then(|units| T::try_from(units).ok());
    units.with_context(|| format!("{key} has more than {DIGITS} places or is out of range"))
}

fn shown(units: i128) -> Option<BigRational> {
    Some(BigRational::new(units.into(), ten(DIGITS)))
}

fn value(ratio: Option<Ratio>) -> Option<BigRational> {
    ratio.as_ref().map(rational)
}

/// A long of which a case states only what its ranking reads.
const LONG: Candidate = Candidate {
    account: 0,
    is_long: true,
    mark_value: 0,
    entry_value: 0,
    bankrupt_value: 0,
    equity: 0,
    maintenance: 0,
    wallet: 0,
    profit: 0,
};

fn bitmex(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let candidate = Candidate {
        mark_value: read(&case.inputs, "mark_value")?,
        bankrupt_value: read(&case.inputs, "bankrupt_value")?,
        entry_value: read(&case.inputs, "entry_value")?,
        ..LONG
    };
    Ok(vec![case.check("rank", value(bitmex_rank(&candidate)))?])
}

fn hyperliquid(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let [mark, entry, notional, equity] =
        ["mark", "entry", "notional", "account_value"].map(|key| read::<i128>(&case.inputs, key));
    let (mark, entry, notional, equity) = (mark?, entry?, notional?, equity?);
    // Money in units of the mark, in which the entry value is whole.
    let product = |a: i128, b: i128| a.checked_mul(b).context("a value is out of range");
    let candidate = Candidate {
        mark_value: product(notional, mark)?.try_into()?,
        entry_value: product(notional, entry)?.try_into()?,
        equity: product(equity, mark)?,
        ..LONG
    };
    Ok(vec![case.check("index", value(hyperliquid_index(&candidate)))?])
}

fn binance(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let one = 10u64.pow(DIGITS);
    let candidate = Candidate {
        profit: read(&case.inputs, "unrealized")?,
        wallet: read(&case.inputs, "wallet")?,
        maintenance: read(&case.inputs, "margin_ratio")?,
        equity: one.into(),
        ..LONG
    };
    Ok(vec![
        case.check("pnl_percent", value(binance_profit_rate(&candidate, one)))?,
        case.check("leverage_pnl", value(binance_score(&candidate, one)))?,
    ])
}

fn drawdown(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let trigger = -case.inputs.number("trigger")?;
    ensure!(!trigger.is_negative(), "inputs.trigger is above zero");
    let scale = scale_of(std::slice::from_ref(&trigger)).context("inputs.trigger has no exact scale")?;
    let rule =
        DrawdownRule { trigger: rate_units(&trigger, scale)?, pool_min: read(&case.inputs, "min_balance")? };
    let drawdown = Drawdown {
        pool: read(&case.inputs, "balance")?,
        pool_peak: read(&case.inputs, "pool_max_8h")?,
        pnl_change: read(&case.inputs, "symbol_pnl_change")?,
    };
    let triggered =
        verdict("triggered", case.expected.get("triggered")?, drawdown.is_triggered(&rule, scale));
    let subsidy = i128::try_from(drawdown.user_subsidy_ceil(&rule, scale))?;
    Ok(vec![
        case.check("pnl_ratio", value(drawdown.ratio()))?,
        triggered,
        case.check("user_subsidy", shown(subsidy))?,
    ])
}

/// The document's example charges half the maintenance requirement of the share that closes, whatever fee it states beside.
const PENALTY: (i64, i64) = (1, 2);

fn share(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let penalty = BigRational::new(PENALTY.0.into(), PENALTY.1.into());
    let rates = [
        case.inputs.magnitude("mmf")?,
        case.inputs.positive("target_ratio")?,
        case.inputs.positive("step")?,
        penalty,
    ];
    let scale = scale_of(&rates).context("the rates have no exact scale")?;
    let [rate, target_ratio, step, penalty] = rates.map(|rate| rate_units(&rate, scale));
    let terms = ShareTerms {
        target_ratio: target_ratio?,
        step: NonZeroU32::new(step?).context("inputs.step is zero")?,
        penalty: penalty?,
    };
    let (profit, notional) = profit_and_notional(&case.inputs)?;
    let quanta = |value: &BigRational| units(value, DIGITS).context("an amount has too many places");
    let equity = quanta(&(case.inputs.number("collateral")? + &profit))?;
    let requirement = quanta(&(notional * over(rate?, scale)))?;
    let reduced = smallest_share(equity, requirement, &terms, scale);
    let left = BigRational::one() - over(reduced.share, scale);
    let after = shown(reduced.equity).map(|equity| equity - profit * left);
    let ratio = (!reduced.equity.is_zero())
        .then(|| BigRational::new(reduced.requirement.into(), reduced.equity.into()));
    Ok(vec![
        case.check("account_value", shown(equity))?,
        case.check("mmr", shown(requirement))?,
        case.check("share", Some(over(reduced.share, scale)))?,
        case.check("penalty", shown(reduced.penalty))?,
        case.check("collateral_after", after)?,
        case.check("margin_ratio_after", ratio)?,
    ])
}

fn over(rate: u32, scale: Scale) -> BigRational {
    BigRational::new(rate.into(), scale.get().into())
}

/// Unrealised profit and gross notional of the positions.
fn profit_and_notional(inputs: &Fields<'_>) -> anyhow::Result<(BigRational, BigRational)> {
    let (mut profit, mut notional) = (BigRational::zero(), BigRational::zero());
    for raw in inputs.get::<Vec<&RawValue>>("positions")? {
        let fields = Fields::new("inputs.positions", raw)?;
        let (size, mark) = (fields.number("size")?, fields.positive("mark")?);
        profit += &size * (&mark - fields.positive("entry")?);
        notional += size.abs() * mark;
    }
    Ok((profit, notional))
}

const UNIT: u32 = 10u32.pow(DIGITS);

fn funding(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let (bid, index) = (read(&case.inputs, "impact_bid")?, read::<u64>(&case.inputs, "oracle")?);
    ensure!(index > 0, "inputs.oracle is zero");
    // Without an ask in the case, it does not lie below the index.
    let premium = premium_trunc(ImpactPrices { bid, ask: index, index }, UNIT);
    let rate = clamped_rate(premium, read(&case.inputs, "interest")?, read(&case.inputs, "clamp")?);
    Ok(vec![case.check("premium", shown(premium))?, case.check("funding_8h", shown(rate))?])
}

fn clamp(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let [premium, interest] = ["premium", "interest"].map(|key| read(&case.inputs, key));
    let rate = clamped_rate(premium?, interest?, read(&case.inputs, "clamp")?);
    Ok(vec![case.check("funding", shown(rate))?])
}

fn fair_price(case: &Case<'_>) -> anyhow::Result<Vec<Check>> {
    let (left, interval) = (whole(&case.inputs, "hours_left")?, whole(&case.inputs, "interval")?);
    ensure!(interval > 0, "inputs.interval is zero");
    let fair =
        fair_price_floor(read(&case.inputs, "index")?, read(&case.inputs, "funding")?, UNIT, left, interval);
    Ok(vec![case.check("fair", shown(fair))?])
}
