//! Amounts, prices and times as people read them. Display only; nothing here decides anything.

use engine::event::TimeMs;
use engine::rules::InstrumentSpec;

use super::amount;

/// Decimal places of a quantum of the quote currency.
const QUANTUM_PLACES: u32 = 6;

/// Quanta as quote currency with all six places and thousands separators.
pub fn money(quanta: i128) -> String {
    grouped(&fixed(quanta, QUANTUM_PLACES))
}

/// Quanta as whole cents, rounded down, with thousands separators.
pub fn cents(quanta: i128) -> String {
    grouped(&fixed(quanta.div_euclid(10_000), 2))
}

/// Quanta / scale as quote currency, rounded down to a quantum; `~` marks a rounded one.
pub fn scaled(amount: i128, scale: u32) -> String {
    let scale = i128::from(scale);
    let exact = if amount.rem_euclid(scale) == 0 { "" } else { "~" };
    format!("{exact}{}", money(amount.div_euclid(scale)))
}

/// Quanta per lot as quote currency per unit of the base asset; quanta per lot where no decimal holds it.
pub fn price(quanta_per_lot: u64, spec: &InstrumentSpec) -> String {
    amount::price(quanta_per_lot, spec.lot_exponent)
        .map_or_else(|| format!("{quanta_per_lot} quanta a lot"), |price| price.to_string())
}

/// UTC milliseconds as ISO 8601; the number itself where no calendar holds it.
pub fn time(time_ms: TimeMs) -> String {
    amount::time(time_ms).unwrap_or_else(|| format!("{time_ms} ms"))
}

/// A count with thousands separators.
pub fn count(number: u64) -> String {
    grouped(&number.to_string())
}

fn fixed(number: i128, places: u32) -> String {
    let unit = 10u128.pow(places);
    let sign = if number < 0 { "-" } else { "" };
    let magnitude = number.unsigned_abs();
    format!("{sign}{}.{:0width$}", magnitude / unit, magnitude % unit, width = places as usize)
}

fn grouped(number: &str) -> String {
    let (whole, rest) = number.split_at(number.find('.').unwrap_or(number.len()));
    let (sign, digits) = whole.split_at(usize::from(whole.starts_with('-')));
    let mut text = String::from(sign);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_grouped_and_keep_every_quantum() {
        assert_eq!(money(-1_234_567_000_001), "-1,234,567.000001");
        assert_eq!(money(999_999), "0.999999");
        assert_eq!(cents(-1), "-0.01", "rounded down");
        assert_eq!(scaled(2_500_001, 1_000_000), "~0.000002");
        assert_eq!(scaled(-2_000_000, 1_000_000), "-0.000002");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(count(999), "999");
    }

    #[test]
    fn a_price_is_per_unit_of_the_base_asset() {
        let spec = |lot_exponent| InstrumentSpec { lot_exponent, ..InstrumentSpec::plain("X", 1) };
        assert_eq!(price(46_319_000, &spec(-3)).to_string(), "46319");
        assert_eq!(price(1_500_000, &spec(0)).to_string(), "1.5");
        assert_eq!(price(15, &spec(2)).to_string(), "0.00000015");
        assert_eq!(time(1_640_991_660_000), "2021-12-31T23:01:00.000Z");
    }
}
