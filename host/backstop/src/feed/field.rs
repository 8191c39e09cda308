//! One field of a candle file: a time or a price, exact, refused with its reason.

use engine::event::TimeMs;
use rust_decimal::Decimal;

use super::row::Reason;

/// Times outside these are not UTC milliseconds of a market: 1990-01-01 and 2100-01-01.
pub const TIME_MS: std::ops::Range<TimeMs> = 631_152_000_000..4_102_444_800_000;
/// Largest price, and the reciprocal of the smallest.
pub const PRICE_MAX: i64 = 1_000_000_000_000;
/// Decimal places of the smallest price.
const PRICE_PLACES: u32 = 12;

/// UTC milliseconds; an implausible time says what it looks like.
pub fn time_of(text: &str) -> Result<TimeMs, (Reason, String)> {
    let malformed = || (Reason::TimeMalformed, shortened(text.as_bytes()));
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(malformed());
    }
    let implausible = |hint| (Reason::TimeImplausible, format!("{}{hint}", shortened(text.as_bytes())));
    let value: TimeMs = text.parse().map_err(|_| implausible(""))?;
    if TIME_MS.contains(&value) {
        return Ok(value);
    }
    let looks_like = |factor: TimeMs, divide: bool| {
        let scaled = if divide { Some(value / factor) } else { value.checked_mul(factor) };
        scaled.is_some_and(|scaled| TIME_MS.contains(&scaled))
    };
    Err(implausible(match () {
        () if looks_like(1_000, false) => " (seconds?)",
        () if looks_like(1_000, true) => " (microseconds?)",
        () if looks_like(1_000_000, true) => " (nanoseconds?)",
        () => "",
    }))
}

/// Exact value of `digits[.digits][e[+-]digits]`.
pub fn price_of(text: &str) -> Result<Decimal, (Reason, String)> {
    let found = || shortened(text.as_bytes());
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_digits = exponent.map(|text| text.strip_prefix(['+', '-']).unwrap_or(text));
    if whole.len() + part.len() == 0
        || !all_digits(whole)
        || !all_digits(part)
        || exponent_digits.is_some_and(|digits| digits.is_empty() || !all_digits(digits))
    {
        return Err((Reason::PriceMalformed, found()));
    }
    let is_zero = mantissa.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    if is_zero || text.starts_with('-') {
        return Err((Reason::PriceNotPositive, found()));
    }
    let out_of_range = || (Reason::PriceOutOfRange, found());
    let mut price = Decimal::from_str_exact(mantissa).map_err(|_| out_of_range())?;
    if let Some(exponent) = exponent {
        let exponent: i32 = exponent.parse().map_err(|_| out_of_range())?;
        price = shifted(price, exponent).ok_or_else(out_of_range)?;
    }
    if price > Decimal::from(PRICE_MAX) || price < Decimal::new(1, PRICE_PLACES) {
        return Err(out_of_range());
    }
    Ok(price)
}

/// `value * 10^exponent` if a decimal holds it exactly.
pub fn shifted(value: Decimal, exponent: i32) -> Option<Decimal> {
    let scale = i64::from(value.scale()) - i64::from(exponent);
    let (mantissa, scale) = if scale < 0 {
        (value.mantissa().checked_mul(10i128.checked_pow(u32::try_from(-scale).ok()?)?)?, 0)
    } else {
        (value.mantissa(), u32::try_from(scale).ok()?)
    };
    Decimal::try_from_i128_with_scale(mantissa, scale).ok()
}

/// Field without blanks and one pair of double quotes around it.
pub fn unquoted(field: &str) -> &str {
    let field = field.trim();
    field.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(field)
}

/// Bytes as a message may show them.
pub fn shortened(bytes: &[u8]) -> String {
    const SHOWN: usize = 48;
    let cut = &bytes[..bytes.len().min(SHOWN)];
    let dots = if bytes.len() > SHOWN { "..." } else { "" };
    format!("\"{}\"{dots}", cut.escape_ascii())
}
