//! Whole numbers and verdicts of a case, for rule sets that compute in integers.

use anyhow::{Context, ensure};
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Zero};

use super::case::{Check, Fields};

/// The whole number of that name.
///
/// # Errors
/// It is missing, has a fraction or does not fit.
pub fn whole<T: TryFrom<BigInt>>(fields: &Fields<'_>, key: &str) -> anyhow::Result<T> {
    let value = fields.number(key)?;
    ensure!(value.is_integer(), "{key} is no whole number");
    T::try_from(value.to_integer()).ok().with_context(|| format!("{key} is out of range"))
}

/// A whole number as a result.
pub fn exact(value: impl Into<BigInt>) -> Option<BigRational> {
    Some(BigRational::from(value.into()))
}

/// Compares a yes or no, shown as 1 or 0.
pub fn verdict(key: &'static str, expected: bool, got: bool) -> Check {
    let number = |yes: bool| if yes { BigRational::one() } else { BigRational::zero() };
    Check { key, expected: number(expected), got: Some(number(got)), tolerance: BigRational::zero() }
}
