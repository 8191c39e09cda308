//! Numbers of a rules file, exact: amounts are whole quanta, rates whole parts of the scale; nothing is rounded and nothing is a float.

use engine::event::TimeMs;
use num_integer::Integer;
use rust_decimal::Decimal;

use crate::feed::field::shifted;
use crate::feed::instrument::QUOTE_PLACES;

/// Most lots or quanta that a power of ten of a grid may span.
pub const LOT_EXPONENT_MAX: i8 = 18;
/// Longest time that a rule may state: a hundred years.
/// Longest phase of a market.
pub const PHASE_MS_MAX: i64 = 1 << 40;
pub const MS_MAX: TimeMs = 100 * 366 * 86_400_000;
/// Largest scale.
const SCALE_MAX: i128 = 1_000_000;

/// Exact value of `[sign]digits[.digits][e[sign]digits]`.
pub fn decimal(text: &str) -> Option<Decimal> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse().ok()?),
        None => (text, 0),
    };
    shifted(Decimal::from_str_exact(mantissa).ok()?, exponent)
}

/// A decimal, or a fraction of whole numbers: numerator and denominator.
fn fraction(text: &str) -> Option<(i128, i128)> {
    if let Some((numerator, denominator)) = text.split_once('/') {
        let [numerator, denominator] = [numerator, denominator].map(|part| part.trim().parse::<u32>().ok());
        return Some((numerator?.into(), denominator.filter(|&part| part > 0)?.into()));
    }
    let value = decimal(text)?;
    Some((value.mantissa(), 10i128.pow(value.scale())))
}

/// A rate over `scale`, exactly.
///
/// # Errors
/// What is wrong with the text, and which scale would hold the rate.
pub fn rate(text: &str, scale: u32) -> Result<i128, String> {
    let (numerator, denominator) =
        fraction(text).ok_or_else(|| format!("{text:?} is no rate; write it as 0.025 or \"1/3\""))?;
    let product = numerator * i128::from(scale);
    if product % denominator == 0 {
        return Ok(product / denominator);
    }
    let parts = denominator / denominator.gcd(&numerator);
    let remedy = match parts.lcm(&scale.into()) {
        fitting @ ..=SCALE_MAX => format!("a scale of {fitting} holds it"),
        _ => "round it".into(),
    };
    Err(format!("{text} is no whole number over the scale {scale}; {remedy}"))
}

/// Smallest scale over which the rate is whole; `None` if that is above a million.
pub fn parts(rate: Decimal) -> Option<u32> {
    let one = 10i128.pow(rate.scale());
    let parts = one / one.gcd(&rate.mantissa());
    (parts <= SCALE_MAX).then_some(parts as u32)
}

/// The text of a rate: a decimal where one is exact, else a quoted fraction.
pub fn rate_text(rate: u32, scale: u32) -> String {
    let divisor = rate.gcd(&scale).max(1);
    let (numerator, denominator) = (rate / divisor, scale / divisor);
    let places = (0..=20).find(|&places| 10i128.pow(places) % i128::from(denominator) == 0);
    match places {
        Some(places) => {
            let mantissa = i128::from(numerator) * (10i128.pow(places) / i128::from(denominator));
            Decimal::from_i128_with_scale(mantissa, places).normalize().to_string()
        }
        None => format!("\"{numerator}/{denominator}\""),
    }
}

/// Units of `10^-places`, exactly.
pub fn units(value: Decimal, places: i32) -> Option<i128> {
    let power = places - value.scale() as i32;
    let ten = 10i128.checked_pow(power.unsigned_abs())?;
    if power >= 0 {
        value.mantissa().checked_mul(ten)
    } else {
        (value.mantissa() % ten == 0).then(|| value.mantissa() / ten)
    }
}

/// An amount of quote currency in quanta.
///
/// # Errors
/// What is wrong with the text.
pub fn amount(text: &str) -> Result<u64, String> {
    let value =
        decimal(text).ok_or_else(|| format!("{text:?} is no amount; write it as 50000 or \"0.25\""))?;
    let quanta = units(value, QUOTE_PLACES)
        .ok_or_else(|| format!("{text} is no whole number of quanta; give at most {QUOTE_PLACES} places"))?;
    u64::try_from(quanta).ok().filter(|&quanta| quanta < u64::MAX).ok_or_else(|| {
        let most = amount_text(u64::MAX - 1);
        format!("{text} is outside 0 to {most}; \"unlimited\" is a word where a limit may be left out")
    })
}

/// The text of an amount.
pub fn amount_text(quanta: u64) -> String {
    Decimal::from_i128_with_scale(quanta.into(), QUOTE_PLACES as u32).normalize().to_string()
}

/// The exponent of a power of ten.
pub fn power_of_ten(text: &str) -> Option<i8> {
    let value = decimal(text)?.normalize();
    let mantissa = value.mantissa();
    let exponent = i32::try_from(u128::try_from(mantissa).ok()?.checked_ilog10()?).ok()?;
    if 10i128.pow(exponent as u32) != mantissa {
        return None;
    }
    let exponent = i8::try_from(exponent - value.scale() as i32).ok()?;
    (-LOT_EXPONENT_MAX..=LOT_EXPONENT_MAX).contains(&exponent).then_some(exponent)
}

/// Quanta per lot of a price in quote currency per unit of the base asset, exactly.
pub fn quanta_per_lot(text: &str, lot_exponent: i8) -> Option<u64> {
    let quanta = units(decimal(text)?, QUOTE_PLACES + i32::from(lot_exponent))?;
    u64::try_from(quanta).ok().filter(|quanta| (1..=u32::MAX.into()).contains(quanta))
}

/// `mantissa * 10^exponent` as a decimal.
pub fn scientific_text(mantissa: u64, exponent: i32) -> String {
    let value = Decimal::from(mantissa);
    shifted(value, exponent).expect("a grid's exponents are bounded").normalize().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rates_are_exact_or_refused_with_the_scale_that_holds_them() {
        assert_eq!(rate("0.0125", 2_000), Ok(25));
        assert_eq!(rate("1/3", 600_000), Ok(200_000));
        assert_eq!(rate("1e-3", 1_000), Ok(1));
        assert_eq!(rate("1", 7), Ok(7));
        assert_eq!(rate("-0.5", 2), Ok(-1));
        for (text, scale, words) in [
            ("0.00125", 2_000, "a scale of 4000 holds it"),
            ("1/3", 1_000_000, "round it"),
            ("0.0000001", 10, "round it"),
            ("half", 10, "is no rate"),
            ("1/0", 10, "is no rate"),
            ("0.00000000000000000000000000001", 10, "is no rate"),
        ] {
            let error = rate(text, scale).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        let parts = |text| parts(decimal(text).unwrap());
        assert_eq!(
            [parts("0.0065"), parts("0.25"), parts("1"), parts("0")].map(Option::unwrap),
            [2_000, 4, 1, 1]
        );
        assert_eq!(parts("0.0000001"), None);
    }

    #[test]
    fn amounts_are_whole_quanta() {
        assert_eq!(amount("50000"), Ok(50_000_000_000));
        assert_eq!(amount("0.000001"), Ok(1));
        assert_eq!(amount("1.5e3"), Ok(1_500_000_000));
        assert_eq!(amount("2.5000000000"), Ok(2_500_000));
        for (text, words) in [
            ("0.0000001", "no whole number of quanta"),
            ("-1", "outside 0 to"),
            ("18446744073709.551615", "outside 0 to 18446744073709.551614"),
            ("nan", "is no amount"),
            ("", "is no amount"),
        ] {
            let error = amount(text).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn lots_and_ticks() {
        for (text, exponent) in [("0.001", Some(-3)), ("1", Some(0)), ("1000", Some(3)), ("1e-4", Some(-4))] {
            assert_eq!(power_of_ten(text), exponent);
        }
        for text in ["0.002", "0", "-1", "11", "1e19", "x"] {
            assert_eq!(power_of_ten(text), None, "{text}");
        }
        assert_eq!(quanta_per_lot("0.1", -4), Some(10));
        assert_eq!(quanta_per_lot("0.1", -6), None, "below a quantum");
        assert_eq!(quanta_per_lot("0.0000001", 7), Some(1_000_000));
        assert_eq!(quanta_per_lot("5000", 0), None, "more than 32 bits");
    }

    proptest! {
        #[test]
        fn texts_are_read_back(scale in 1u32..=1_000_000, part in 0u32..=1_000_000, quanta in 0..u64::MAX) {
            let value = part % (scale + 1);
            prop_assert_eq!(rate(rate_text(value, scale).trim_matches('"'), scale), Ok(i128::from(value)));
            prop_assert_eq!(amount(&amount_text(quanta)), Ok(quanta));
        }

        #[test]
        fn grids_are_read_back(exponent in -LOT_EXPONENT_MAX..=LOT_EXPONENT_MAX, tick in 1..=u64::from(u32::MAX)) {
            prop_assert_eq!(power_of_ten(&scientific_text(1, exponent.into())), Some(exponent));
            let price = scientific_text(tick, -QUOTE_PLACES - i32::from(exponent));
            prop_assert_eq!(quanta_per_lot(&price, exponent), Some(tick));
        }
    }
}
