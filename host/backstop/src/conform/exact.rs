//! Decimals without floats: the text of a JSON number or string, read as an exact rational.

use std::fmt::Write;

use anyhow::{Context, bail, ensure};
use engine::ratio::Ratio;
use num_bigint::{BigInt, Sign};
use num_rational::BigRational;
use num_traits::{Pow, Signed, ToPrimitive, Zero};
use serde::Deserialize;
use serde::de::Error;
use serde_json::value::RawValue;

/// Most digits after the point that an input may have.
pub const DIGITS_MAX: u32 = 40;

/// A number of a case file.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Exact(pub BigRational);

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        let text = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(raw);
        parse(text).map(Self).map_err(|error| D::Error::custom(format!("{error:#}")))
    }
}

/// The value of `[-]digits[.digits][e[+-]digits]`.
fn parse(text: &str) -> anyhow::Result<BigRational> {
    let bad = || format!("{text:?} is not a decimal number");
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().with_context(bad)?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if digits.is_empty() || !is_digits(digits) || !is_digits(fraction) || mantissa.ends_with('.') {
        bail!(bad());
    }
    let places = i32::try_from(fraction.len()).with_context(bad)?.saturating_sub(exponent);
    ensure!(
        places.unsigned_abs() <= DIGITS_MAX,
        "{text:?} has more than {DIGITS_MAX} places before or after the point"
    );
    let integer: BigInt = format!("{whole}{fraction}").parse().with_context(bad)?;
    Ok(if places < 0 {
        BigRational::from(integer * ten(places.unsigned_abs()))
    } else {
        BigRational::new(integer, ten(places.unsigned_abs()))
    })
}

pub fn ten(exponent: u32) -> BigInt {
    BigInt::from(10).pow(exponent)
}

/// How many digits after the point `value` has; `None` if it is no decimal of [`DIGITS_MAX`].
pub fn places(value: &BigRational) -> Option<u32> {
    (0..=DIGITS_MAX).find(|&digits| (value * BigRational::from(ten(digits))).is_integer())
}

/// `value` in units of 10^-digits, if it is a whole number of them that fits.
pub fn units(value: &BigRational, digits: u32) -> Option<i128> {
    let scaled = value * BigRational::from(ten(digits));
    if scaled.is_integer() { scaled.to_integer().to_i128() } else { None }
}

/// An engine's ratio.
pub fn rational(ratio: &Ratio) -> BigRational {
    let (numerator, denominator) = ratio.magnitude();
    let sign = if ratio.is_negative() { Sign::Minus } else { Sign::Plus };
    BigRational::new(
        BigInt::from_bytes_le(sign, &numerator.to_le_bytes()),
        BigInt::from_bytes_le(Sign::Plus, &denominator.to_le_bytes()),
    )
}

/// `value` as a decimal of at most 18 places, for people: cut, not rounded, and marked `~` if it goes on.
pub fn show(value: &BigRational) -> String {
    const PLACES: u32 = 18;
    let scaled = value.abs() * BigRational::from(ten(PLACES));
    let cut = if scaled.is_integer() { "" } else { "~" };
    let digits = format!("{:0>19}", scaled.to_integer().to_string());
    let (whole, fraction) = digits.split_at(digits.len() - PLACES as usize);
    let mut text = String::from(cut);
    if value < &BigRational::zero() {
        text.push('-');
    }
    text.push_str(whole);
    let fraction = fraction.trim_end_matches('0');
    if !fraction.is_empty() {
        write!(text, ".{fraction}").expect("a string takes text");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(numerator: i64, denominator: i64) -> BigRational {
        BigRational::new(numerator.into(), denominator.into())
    }

    #[test]
    fn every_form_of_a_decimal_is_read_exactly() {
        for (text, value) in [
            ("0", ratio(0, 1)),
            ("-12", ratio(-12, 1)),
            ("-0.5", ratio(-1, 2)),
            ("150000000.0", ratio(150_000_000, 1)),
            ("5e-05", ratio(1, 20_000)),
            ("1.25E+3", ratio(1_250, 1)),
            ("3.3333333333333335", ratio(33_333_333_333_333_335, 10_000_000_000_000_000)),
        ] {
            assert_eq!(parse(text).unwrap(), value, "{text}");
            assert_eq!(serde_json::from_str::<Exact>(text).unwrap().0, value, "{text}");
            assert_eq!(serde_json::from_str::<Exact>(&format!("{text:?}")).unwrap().0, value, "{text}");
        }
        let above_doubles = serde_json::from_str::<Exact>("\"9007199254740993\"").unwrap();
        assert_eq!(show(&above_doubles.0), "9007199254740993");
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        for text in ["", "-", ".5", "1.", "+1", "1e", "1e99", "0x10", "1 ", "NaN", "--1", "1e-41", "1_000"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
        for json in ["null", "true", "[1]", "{}", "\"\\u0031\""] {
            assert!(serde_json::from_str::<Exact>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn numbers_are_shown_as_decimals() {
        assert_eq!(show(&ratio(-1, 4)), "-0.25");
        assert_eq!(show(&ratio(1, 3)), "~0.333333333333333333");
        assert_eq!(show(&ratio(1_200, 1)), "1200");
        assert_eq!(places(&ratio(1, 80)), Some(4));
        assert_eq!(places(&ratio(1, 3)), None);
        assert_eq!(units(&ratio(1, 80), 4), Some(125));
        assert_eq!(units(&ratio(1, 80), 3), None);
    }
}
