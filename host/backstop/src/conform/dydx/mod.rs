//! dYdX v4: the engine's rule set against the venue's own worked examples. All numbers are the venue's integers.

mod liquidation;
mod margin;

use anyhow::{bail, ensure};
use engine::rules::OpenInterest;
use engine::venue_rules::dydx::margin::{LiquidityTier, Market};
use engine::venue_rules::dydx::{DydxError, Perpetual, Position, Subaccount};
use num_bigint::BigInt;
use num_rational::BigRational;
use serde_json::value::RawValue;

use super::case::{Case, Check, Fields, Outcome};
use super::whole::{exact, verdict, whole};

/// The inputs of a kind, its expected numbers, and who judges it.
type Kind = (&'static [&'static str], &'static [&'static str], fn(&Case<'_>) -> anyhow::Result<Vec<Check>>);

fn kind(name: &str) -> Option<Kind> {
    margin::kind(name).or_else(|| liquidation::kind(name))
}

/// True if cases of this kind are the venue's.
pub fn has(name: &str) -> bool {
    kind(name).is_some()
}

/// Judges a case of one of the venue's kinds.
///
/// # Errors
/// An input that is missing, no whole number or out of range.
pub fn judge(case: &Case<'_>) -> anyhow::Result<Outcome> {
    let Some((inputs, expected, judge)) = kind(case.kind) else {
        return Ok(Outcome::Unsupported(case.kind.to_owned()));
    };
    match case.unknown_key(inputs, expected) {
        Some(name) => Ok(Outcome::Unsupported(name)),
        None => judge(case).map(Outcome::Judged),
    }
}

fn one(case: &Case<'_>, key: &'static str, got: impl Into<BigInt>) -> anyhow::Result<Vec<Check>> {
    Ok(vec![case.check(key, exact(got))?])
}

fn yes_or_no(case: &Case<'_>, key: &'static str, got: bool) -> anyhow::Result<Check> {
    Ok(verdict(key, case.expected.get(key)?, got))
}

/// The number of that name, or where `refusal` stands instead, the rule's refusal of that name.
fn number_or_refusal<T: Into<BigInt>>(
    case: &Case<'_>,
    key: &'static str,
    refusal: &'static str,
    got: Result<T, DydxError>,
) -> anyhow::Result<Check> {
    if case.expected.has(refusal) {
        return refused(case, refusal, got.err());
    }
    case.check(key, got.ok().map(|number| BigRational::from(number.into())))
}

fn refused(case: &Case<'_>, key: &'static str, got: Option<DydxError>) -> anyhow::Result<Check> {
    let name = match got {
        Some(DydxError::PositionSizeDelta { .. }) => "invalid_position_size_delta",
        Some(DydxError::OffsetDelta { .. }) => "invalid_delta",
        Some(DydxError::UpdateRejected(_)) => "update_rejected",
        Some(DydxError::LimitExceeded { .. }) => "limit_already_exceeded",
        _ => "",
    };
    Ok(verdict(key, true, case.expected.get::<&str>(key)? == name))
}

/// The objects of a list; each has only these keys.
fn objects<'a>(fields: &Fields<'a>, key: &'static str, known: &[&str]) -> anyhow::Result<Vec<Fields<'a>>> {
    let read = |raw| -> anyhow::Result<Fields<'a>> {
        let fields = Fields::new(key, raw)?;
        if let Some(other) = fields.keys().find(|key| !known.contains(key)) {
            bail!("{key}.{other} is not known");
        }
        Ok(fields)
    };
    fields.get::<Vec<&'a RawValue>>(key)?.into_iter().map(read).collect()
}

fn market(fields: &Fields<'_>) -> anyhow::Result<Market> {
    Ok(Market {
        atomic_resolution: whole(fields, "atomic_resolution")?,
        price: whole(fields, "price")?,
        price_exponent: whole(fields, "price_exponent")?,
    })
}

/// A tier of these fractions; open interest and a fraction that the case leaves out do not matter to it.
fn tier(fields: &Fields<'_>) -> anyhow::Result<LiquidityTier> {
    let stated = |key| if fields.has(key) { whole(fields, key) } else { Ok(0) };
    let caps = OpenInterest { lower: stated("oi_lower_cap")?, upper: stated("oi_upper_cap")? };
    let fraction =
        if fields.has("maintenance_fraction_ppm") { whole(fields, "maintenance_fraction_ppm")? } else { 0 };
    Ok(LiquidityTier::new(whole(fields, "initial_margin_ppm")?, fraction, caps)?)
}

fn perpetuals(case: &Case<'_>) -> anyhow::Result<Vec<Perpetual>> {
    let known = [
        "perpetual_id",
        "atomic_resolution",
        "price",
        "price_exponent",
        "initial_margin_ppm",
        "maintenance_fraction_ppm",
    ];
    let read = |fields: &Fields<'_>| {
        Ok(Perpetual {
            id: whole(fields, "perpetual_id")?,
            market: market(fields)?,
            tier: tier(fields)?,
            open_interest: 0,
        })
    };
    objects(&case.inputs, "perpetuals", &known)?.iter().map(read).collect()
}

/// Balance and positions, the positions by perpetual.
fn account(fields: &Fields<'_>) -> anyhow::Result<Subaccount> {
    let mut positions = Vec::new();
    for position in objects(fields, "positions", &["perpetual_id", "base_quantums"])? {
        let size = whole(&position, "base_quantums")?;
        ensure!(size != 0, "positions.base_quantums is zero");
        positions.push(Position { perpetual: whole(&position, "perpetual_id")?, size });
    }
    positions.sort_unstable_by_key(|position| position.perpetual);
    Ok(Subaccount { quote_balance: whole(fields, "quote_balance")?, positions })
}

fn inner_account(fields: &Fields<'_>, key: &'static str) -> anyhow::Result<Subaccount> {
    let fields = Fields::new(key, fields.get(key)?)?;
    if let Some(other) = fields.keys().find(|key| !["quote_balance", "positions"].contains(key)) {
        bail!("{key}.{other} is not known");
    }
    account(&fields)
}
