//! Funding: the cap of the rate, the change of a perpetual's index, what a position receives.

use ethnum::I256;

use super::margin::{LiquidityTier, Market};
use super::{DydxError, ONE_MILLION};

/// Seconds over which a funding rate is stated.
pub const RATE_SECONDS: u32 = 8 * 60 * 60;

/// Largest funding rate over eight hours, ppm: `factor * (initial - maintenance)`, down.
pub fn rate_clamp_ppm_floor(clamp_factor_ppm: u32, tier: &LiquidityTier) -> u32 {
    let spread = u64::from(tier.initial_ppm() - tier.maintenance_ppm_floor());
    (u64::from(clamp_factor_ppm) * spread / u64::from(ONE_MILLION)) as u32
}

/// Change of the funding index in `seconds`, ppm of a quote quantum per base quantum: `rate * price * seconds / 28,800`, toward zero.
///
/// # Errors
/// [`DydxError::Width`].
pub fn index_delta_trunc(market: &Market, rate_8h_ppm: i32, seconds: u32) -> Result<i128, DydxError> {
    let rate = i128::from(rate_8h_ppm) * i128::from(seconds);
    Ok(market.quote_trunc(rate)? / i128::from(RATE_SECONDS))
}

/// What a position receives since its own index, ppm of a quote quantum: longs pay when the index rises.
///
/// # Errors
/// [`DydxError::Width`].
pub fn settlement_ppm(index: i128, position_index: i128, size: i128) -> Result<i128, DydxError> {
    let change = I256::from(position_index) - I256::from(index);
    let settlement = change.checked_mul(size.into()).and_then(|settled| i128::try_from(settled).ok());
    settlement.ok_or(DydxError::Width("a funding payment"))
}

/// An account's settlements together, quote quantums, toward minus infinity: value never comes from rounding.
pub fn settlement_floor(settlement_ppm: i128) -> i128 {
    settlement_ppm.div_euclid(ONE_MILLION.into())
}
