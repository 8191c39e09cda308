//! Drift v2. Every step floors unless its name says otherwise; products are formed in 256 bits.
//!
//! Units: base and spot balances 1e-9, prices and quote 1e-6, margin ratios, weights and portions in basis points, fees in ppm,
//! cumulative funding 1e-9, deposit interest index 1e-10, time in slots. The quote asset stands at par unless a price is given.

use ethnum::U256;

pub mod funding;
pub mod insurance;
pub mod loss;
pub mod perp;
pub mod spot;

pub const BASE: u128 = 1_000_000_000;
pub const PRICE: u128 = 1_000_000;
pub const QUOTE: u128 = 1_000_000;
pub const MARGIN: u32 = 10_000;
/// A fee or multiplier of one.
pub const FEE: u32 = 1_000_000;
/// All of a liquidation.
pub const PORTION: u32 = 10_000;
/// Cumulative funding of one quote per base.
pub const FUNDING: u128 = 1_000_000_000;
/// Most decimals of a token.
pub const DECIMALS_MAX: u32 = 19;

/// Why a formula has no answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DriftError {
    #[error("a token has at most {DECIMALS_MAX} decimals, not {0}: check the market's listing")]
    Decimals(u32),
    #[error("{0} must be above 0: check the market's settings")]
    Zero(&'static str),
    #[error("the market has no open interest to carry the loss: pay it from the fund")]
    NoOpenInterest,
    #[error("{0} does not fit 128 bits: the inputs are no market state")]
    Overflow(&'static str),
    #[error("{shares} shares of a total of {total}: check the stake")]
    Shares { shares: u128, total: u128 },
}

/// `10^decimals`.
fn token_one(decimals: u32) -> Result<u128, DriftError> {
    if decimals > DECIMALS_MAX { Err(DriftError::Decimals(decimals)) } else { Ok(10u128.pow(decimals)) }
}

/// `floor(a * b / c)`; `None` if that does not fit or `c` is 0.
fn mul_div_floor(a: u128, b: u128, c: u128) -> Option<u128> {
    (U256::from(a) * U256::from(b)).checked_div(U256::from(c)).and_then(|quotient| quotient.try_into().ok())
}

/// `ceil(a * b / c)`; `None` if that does not fit or `c` is 0.
fn mul_div_ceil(a: u128, b: u128, c: u128) -> Option<u128> {
    let (product, divisor) = (U256::from(a) * U256::from(b), U256::from(c));
    let floor = product.checked_div(divisor)?;
    (floor + U256::from(u8::from(floor * divisor != product))).try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_wide_and_rounded_by_name() {
        assert_eq!((mul_div_floor(7, 3, 2), mul_div_ceil(7, 3, 2)), (Some(10), Some(11)));
        assert_eq!((mul_div_floor(8, 3, 2), mul_div_ceil(8, 3, 2)), (Some(12), Some(12)));
        assert_eq!((mul_div_floor(7, 3, 0), mul_div_ceil(7, 3, 0)), (None, None));
        assert_eq!(mul_div_floor(u128::MAX, u128::MAX, u128::MAX), Some(u128::MAX));
        assert_eq!(mul_div_ceil(u128::MAX, u128::MAX, u128::MAX), Some(u128::MAX));
        assert_eq!(mul_div_floor(u128::MAX, 3, 2), None);
        assert_eq!(mul_div_ceil(u128::MAX, 3, 2), None);
        assert_eq!(mul_div_ceil(u128::MAX, 2, 3), Some(u128::MAX / 3 * 2));
    }

    #[test]
    fn a_token_has_at_most_nineteen_decimals() {
        assert_eq!(token_one(0), Ok(1));
        assert_eq!(token_one(6), Ok(1_000_000));
        assert_eq!(token_one(19), Ok(10_000_000_000_000_000_000));
        assert_eq!(token_one(20), Err(DriftError::Decimals(20)));
    }
}
