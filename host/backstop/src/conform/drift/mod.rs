//! Drift v2: the engine's rule set against the venue's own worked examples. All numbers are the venue's integers.

mod loss;
mod perp;
mod spot;

use num_bigint::BigInt;

use super::case::{Case, Check, Outcome};
use super::whole::exact;

/// The inputs of a kind, its expected numbers, and who judges it.
type Kind = (&'static [&'static str], &'static [&'static str], fn(&Case<'_>) -> anyhow::Result<Vec<Check>>);

/// Judges a case of a `drift_` kind.
///
/// # Errors
/// An input that is missing, no whole number or out of range; inputs that the venue would refuse.
pub fn judge(case: &Case<'_>) -> anyhow::Result<Outcome> {
    let kind = perp::kind(case.kind).or_else(|| spot::kind(case.kind)).or_else(|| loss::kind(case.kind));
    let Some((inputs, expected, judge)) = kind else {
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
