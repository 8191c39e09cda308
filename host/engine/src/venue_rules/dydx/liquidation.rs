//! The price a liquidation may fill at, what the insurance fund takes or pays, how much may be liquidated, and in which order.

use std::cmp::Reverse;
use std::num::NonZeroU32;

use ethnum::{I256, U256};
use model::liquidation::{insurance_delta, zero_quote};
use model::units::Scale;

use super::margin::shifted_trunc;
use super::{DydxError, ONE_MILLION, Perpetual, Subaccount, listed};
use crate::ratio::Ratio;

/// A part of a position that closes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Close {
    pub perpetual: u32,
    /// Change of the position, of the other sign.
    pub delta: i128,
}

impl Close {
    /// Size of the position it closes a part of.
    fn checked_size(&self, account: &Subaccount) -> Result<i128, DydxError> {
        let size = account.size(self.perpetual);
        if size.signum() * self.delta.signum() != -1 || self.delta.unsigned_abs() > size.unsigned_abs() {
            return Err(DydxError::PositionSizeDelta { size, delta: self.delta });
        }
        Ok(size)
    }
}

/// Quote quantums for which the part closes at its zero (bankruptcy) price: signed as the account's quote balance, rounded up.
/// `-dNV - floor(TNC * |dMMR| / TMMR)`.
///
/// # Errors
/// [`DydxError`] for a change that is no close, or an account without a requirement.
pub fn zero_price_quote(
    account: &Subaccount,
    perpetuals: &[Perpetual],
    close: Close,
) -> Result<i128, DydxError> {
    let size = close.checked_size(account)?;
    let total = account.risk(perpetuals)?;
    if total.maintenance == 0 {
        return Err(DydxError::NoRequirement);
    }
    let perpetual = listed(perpetuals, close.perpetual)?;
    let (before, after) = (perpetual.risk(size)?, perpetual.risk(size + close.delta)?);
    let value_change = after.net_collateral - before.net_collateral;
    let released = before.maintenance - after.maintenance;
    Ok(zero_quote(value_change, released, total.net_collateral, total.maintenance))
}

/// How far below (for a sale) the oracle price a liquidation order may fill.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FillablePriceConfig {
    pub bankruptcy_adjustment_ppm: u32,
    pub spread_to_maintenance_margin_ratio_ppm: u32,
}

/// Quote quantums per base quantum at which the order may fill, exact: `(PNNV - clamp(BA * (1 - TNC/TMMR), 0, 1) * SMMR * PMMR) / PS`.
///
/// # Errors
/// [`DydxError`] for a change that is no close, an account without a requirement, a spread beyond the position's value.
pub fn fillable_price(
    account: &Subaccount,
    perpetuals: &[Perpetual],
    close: Close,
    config: &FillablePriceConfig,
) -> Result<Ratio, DydxError> {
    let size = close.checked_size(account)?;
    let position = listed(perpetuals, close.perpetual)?.risk(size)?;
    let total = account.risk(perpetuals)?;
    if total.maintenance == 0 {
        return Err(DydxError::NoRequirement);
    }
    let product = |factors: &[I256]| {
        let step = |product: I256, factor: &I256| product.checked_mul(*factor);
        factors.iter().try_fold(I256::ONE, step).ok_or(DydxError::Width("a fillable price"))
    };
    let (million, requirement) = (I256::from(ONE_MILLION), I256::from(total.maintenance));
    // Adjusted bankruptcy rating, in units of requirement / million.
    let missing = requirement - I256::from(total.net_collateral);
    let rating = product(&[missing, config.bankruptcy_adjustment_ppm.into()])?
        .clamp(I256::ZERO, product(&[requirement, million])?);
    let whole = product(&[requirement, million, million])?;
    let spread = product(&[
        rating,
        config.spread_to_maintenance_margin_ratio_ppm.into(),
        position.maintenance.into(),
    ])?;
    let quote = product(&[position.net_collateral.into(), whole])? - spread;
    let base = product(&[whole, size.into()])?;
    if quote != I256::ZERO && quote.signum() != base.signum() {
        return Err(DydxError::NegativePrice);
    }
    Ok(Ratio::new(false, quote.unsigned_abs(), base.unsigned_abs()).expect("a position has a size"))
}

/// The price grid of an order book.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ticks {
    pub subticks_per_tick: NonZeroU32,
    /// A subtick is `10^quantum_conversion_exponent` quote quantums per base quantum.
    pub quantum_conversion_exponent: i32,
}

impl Ticks {
    /// A price, not below zero, on the grid: up for a long that sells, down for a short that buys, within one tick and the last one of 64 bits.
    ///
    /// # Errors
    /// [`DydxError::Width`] for a price of more digits than 256 bits.
    pub fn subticks(&self, price: &Ratio, is_long: bool) -> Result<u64, DydxError> {
        let width = || DydxError::Width("a price in subticks");
        let (quote, base) = price.reduced().magnitude();
        let power = |digits: u32| U256::new(10).checked_pow(digits).ok_or_else(width);
        let digits = self.quantum_conversion_exponent.unsigned_abs();
        let (quote, base) = if self.quantum_conversion_exponent < 0 {
            (quote.checked_mul(power(digits)?).ok_or_else(width)?, base)
        } else {
            (quote, base.checked_mul(power(digits)?).ok_or_else(width)?)
        };
        let tick = U256::from(self.subticks_per_tick.get());
        let base = base.checked_mul(tick).ok_or_else(width)?;
        let ticks = quote / base + U256::from(u8::from(is_long && quote % base != U256::ZERO));
        let ticks_max = U256::from(u64::MAX) / tick;
        Ok((ticks.clamp(U256::ONE, ticks_max) * tick).as_u64())
    }

    /// Quote quantums of a fill of `base` quantums, down.
    ///
    /// # Errors
    /// [`DydxError::Width`].
    pub fn quote_floor(&self, base: u64, subticks: u64) -> Result<i128, DydxError> {
        let quote = shifted_trunc(I256::from(base) * I256::from(subticks), self.quantum_conversion_exponent);
        quote.and_then(|quote| i128::try_from(quote).ok()).ok_or(DydxError::Width("a fill"))
    }
}

/// A liquidation order's fill.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fill {
    pub perpetual: u32,
    pub is_buy: bool,
    /// Base quantums.
    pub amount: u64,
    pub subticks: u64,
}

/// What the insurance fund receives (below zero: pays) for the fill, quote quantums: a fee of at most `max_fee_ppm`, down, and never more than
/// the surplus over the zero price; a shortfall in full.
///
/// # Errors
/// [`DydxError`] for a fill of nothing or of what is no close.
pub fn insurance_fund_delta(
    account: &Subaccount,
    perpetuals: &[Perpetual],
    fill: &Fill,
    ticks: &Ticks,
    max_fee_ppm: u32,
) -> Result<i128, DydxError> {
    if fill.amount == 0 {
        return Err(DydxError::EmptyFill);
    }
    let side = if fill.is_buy { 1 } else { -1 };
    let quote = -side * ticks.quote_floor(fill.amount, fill.subticks)?;
    let close = Close { perpetual: fill.perpetual, delta: side * i128::from(fill.amount) };
    let zero = zero_price_quote(account, perpetuals, close)?;
    let million = Scale::new(ONE_MILLION).expect("the largest scale");
    Ok(insurance_delta(quote, zero, max_fee_ppm, million))
}

/// True if the fund can bear the delta.
pub fn is_delta_valid(balance: u128, delta: i128) -> bool {
    insurance_lost(delta) <= balance
}

/// How much of one position may be liquidated at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PositionLimits {
    /// Quote quantums.
    pub min_notional: u64,
    pub max_portion_ppm: u32,
}

impl PositionLimits {
    /// Least and most notional to liquidate of a position of `notional` quote quantums: at least the minimum or all, at most the portion,
    /// down, but not less than the least.
    pub fn bounds(&self, notional: u128) -> (u128, u128) {
        let min = notional.min(self.min_notional.into());
        let portion = U256::from(notional) * U256::from(self.max_portion_ppm) / U256::from(ONE_MILLION);
        (min, u128::try_from(portion).unwrap_or(u128::MAX).max(min))
    }
}

/// What is left of an account's limit in a block, for notional liquidated as for insurance lost.
///
/// # Errors
/// [`DydxError::LimitExceeded`] if more than the limit is used already.
pub fn block_room(limit: u64, used: u64) -> Result<u64, DydxError> {
    limit.checked_sub(used).ok_or(DydxError::LimitExceeded { used, limit })
}

/// What an insurance delta counts for against the limit of insurance lost.
pub fn insurance_lost(delta: i128) -> u128 {
    delta.min(0).unsigned_abs()
}

/// A liquidation order that waits for its turn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct QueuedOrder {
    pub id: u64,
    /// Fillable and oracle price, in one unit; the oracle's above zero.
    pub price: u64,
    pub oracle_price: u64,
    /// Quote quantums.
    pub notional: u128,
}

/// Sorts orders as they are placed: furthest from the oracle price first, per oracle price, then the largest notional, then the lowest id.
pub fn sort_orders(orders: &mut [QueuedOrder]) {
    orders.sort_by_cached_key(|order| {
        let distance = order.price.abs_diff(order.oracle_price);
        let distance = Ratio::new(false, distance.into(), order.oracle_price.into());
        (Reverse(distance), Reverse(order.notional), order.id)
    });
}
