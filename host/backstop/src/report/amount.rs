//! Integers as decimals for reports that programs read too: money, prices, times. Rounding is half to even, for display only.

use rust_decimal::{Decimal, RoundingStrategy};

/// Significant digits of an average price.
const PRICE_DIGITS: u32 = 12;

/// A quantum is `10^-6` of the quote currency.
const QUOTE_DECIMALS: u32 = 6;

/// Quanta in quote currency, exact; `None` beyond a decimal's 96 bits.
pub fn money(quanta: i128) -> Option<Decimal> {
    Decimal::try_from_i128_with_scale(quanta, QUOTE_DECIMALS).ok()
}

/// Quanta / scale in quote currency, rounded half to even to a whole quantum.
pub fn scaled(amount: i128, scale: u32) -> Option<Decimal> {
    money(divide_half_even(amount, i128::from(scale)))
}

/// Quanta per lot in quote per base, exact.
pub fn price(quanta_per_lot: u64, lot_exponent: i8) -> Option<Decimal> {
    per_base(Decimal::from(quanta_per_lot), lot_exponent)
}

/// `|quote / lots|` in quote per base, rounded half to even to 12 significant digits; `None` for 0 lots.
pub fn average_price(quote: i128, lots: i64, lot_exponent: i8) -> Option<Decimal> {
    let quote = Decimal::try_from_i128_with_scale(quote, 0).ok()?;
    let average = quote.checked_div(Decimal::from(lots))?.abs();
    per_base(
        average.round_sf_with_strategy(PRICE_DIGITS, RoundingStrategy::MidpointNearestEven)?,
        lot_exponent,
    )
}

/// `quanta_per_lot * 10^-(6 + lot_exponent)`: the exact product, or none.
fn per_base(quanta_per_lot: Decimal, lot_exponent: i8) -> Option<Decimal> {
    let decimals = QUOTE_DECIMALS as i32 + i32::from(lot_exponent);
    let power = Decimal::try_from_i128_with_scale(10_i128.checked_pow(decimals.unsigned_abs())?, 0).ok()?;
    let price =
        if decimals < 0 { quanta_per_lot.checked_mul(power)? } else { quanta_per_lot.checked_div(power)? };
    Some(price.normalize())
}

/// UTC, `2017-12-22T14:05:15.000Z`; `None` where no calendar holds it.
pub fn time(time_ms: i64) -> Option<String> {
    let time = jiff::Timestamp::from_millisecond(time_ms).ok()?;
    Some(time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}

/// `dividend / divisor` to the nearest integer, a tie to the even one. The divisor is positive.
fn divide_half_even(dividend: i128, divisor: i128) -> i128 {
    let (floor, rest) = (dividend.div_euclid(divisor), dividend.rem_euclid(divisor));
    let up = match rest.cmp(&(divisor - rest)) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => floor % 2 != 0,
        std::cmp::Ordering::Greater => true,
    };
    floor + i128::from(up)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_and_prices() {
        let text = |value: Option<Decimal>| value.unwrap().to_string();
        assert_eq!(text(money(-1_234_567)), "-1.234567");
        assert_eq!(money(i128::MAX), None);
        assert_eq!(text(scaled(2_500_000, 1_000_000)), "0.000002", "a tie goes to the even quantum");
        assert_eq!(text(scaled(-7, 2)), "-0.000004");
        assert_eq!(text(price(42_123_450, -3)), "42123.45", "a lot of a thousandth");
        assert_eq!(text(price(12, 3)), "0.000000012", "a lot of a thousand");
        assert_eq!(text(price(5, -8)), "500");
        assert_eq!(text(average_price(-100_000_001, 3, -3)), "33333.3336667");
        assert_eq!(average_price(1, 0, 0), None);
        assert_eq!(price(u64::MAX, -100), None);
    }

    #[test]
    fn times() {
        for (time_ms, iso) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (1_365_552_315_000, "2013-04-10T00:05:15.000Z"),
        ] {
            assert_eq!(time(time_ms).as_deref(), Some(iso));
        }
        assert_eq!(time(i64::MAX), None);
    }

    proptest! {
        #[test]
        fn half_even_is_nearest(dividend in -(1_i128 << 100)..1 << 100, divisor in 1..1_i128 << 40) {
            let twice = (2 * (dividend - divide_half_even(dividend, divisor) * divisor)).abs();
            prop_assert!(twice < divisor || twice == divisor && divide_half_even(dividend, divisor) % 2 == 0);
        }
    }
}
