//! Perpetuals: margin requirement, how much to close, at which fees, and the liquidation itself.

use super::{BASE, DriftError, FEE, MARGIN, PORTION, PRICE, QUOTE, mul_div_floor};
use crate::margin::weights::liability_weight_floor;

/// A shortage below this closes at once, and a position up to this closes whole; 1e-6 quote.
const SMALL: u128 = 50 * QUOTE;

/// `floor(base * price / 1e9)` in quote.
pub fn base_value_floor(base: u64, price: u64) -> u128 {
    u128::from(base) * u128::from(price) / BASE
}

/// Margin ratio of a position in basis points, with its size premium. `imf` in 1e-6.
pub fn margin_ratio_floor(base: u64, ratio_bps: u32, imf: u32) -> u64 {
    liability_weight_floor(base.into(), imf, ratio_bps)
}

/// A position and its open orders, as margin sees them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PerpMargin {
    /// Magnitude if all open orders of the worse side fill.
    pub base: u64,
    pub price: u64,
    pub ratio_bps: u32,
    pub imf: u32,
    pub open_orders: u32,
    /// Requirement of each open order, quote.
    pub open_order_margin: u64,
}

/// Requirement in quote: `floor(floor(base * price / 1e9) * ratio / 1e4)`, and a fixed amount per open order.
pub fn perp_margin_requirement_floor(margin: &PerpMargin) -> u128 {
    let ratio = margin_ratio_floor(margin.base, margin.ratio_bps, margin.imf);
    of_value(base_value_floor(margin.base, margin.price), ratio, MARGIN)
        + u128::from(margin.open_orders) * u128::from(margin.open_order_margin)
}

/// `floor(value * rate / one)` ; of every price, value and rate of this page it fits.
fn of_value(value: u128, rate: u64, one: u32) -> u128 {
    mul_div_floor(value, rate.into(), one.into()).expect("a value times a rate fits")
}

/// What a close is priced by. The ratio includes the liquidation buffer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CloseTerms {
    pub ratio_bps: u32,
    pub liquidator_fee_ppm: u32,
    pub if_fee_ppm: u32,
    pub price: u64,
    pub quote_price: u64,
}

impl CloseTerms {
    fn ratio_ppm(&self) -> u64 {
        u64::from(self.ratio_bps) * u64::from(FEE / MARGIN)
    }

    /// `floor(price * quote_price / 1e6)`.
    fn quoted_price_floor(&self) -> u128 {
        u128::from(self.price) * u128::from(self.quote_price) / PRICE
    }
}

/// Base whose close covers the shortage: `floor(shortage*1e9 / (floor(floor(price*quote_price/1e6)*(ratio - fee)/1e6) - floor(price*if_fee/1e6)))`.
/// `None`: no part of the position does, because closing costs as much as it frees; close the whole. The caller rounds up to the step.
pub fn base_to_cover_floor(shortage: u128, terms: &CloseTerms) -> Option<u64> {
    let freed = terms.ratio_ppm().checked_sub(terms.liquidator_fee_ppm.into())?;
    let freed = of_value(terms.quoted_price_floor(), freed, FEE);
    let cost = of_value(terms.price.into(), terms.if_fee_ppm.into(), FEE);
    let gain = freed.checked_sub(cost)?;
    mul_div_floor(shortage, BASE, gain).and_then(|base| u64::try_from(base).ok())
}

/// Insurance fund fee in ppm: 95 % of what the ratio leaves after the liquidator's fee and the shortage, at most the market's.
/// `floor((ratio - fee - floor(floor(shortage*1e9/base)*1e6/price))*19/20)`; never so much that the fee itself makes bad debt.
pub fn perp_if_fee_floor(shortage: u128, base: u64, terms: &CloseTerms) -> u32 {
    let share = mul_div_floor(shortage, BASE, base.into())
        .and_then(|per_base| mul_div_floor(per_base, PRICE, terms.quoted_price_floor()));
    let spare = share.map_or(0, |share| {
        let left = terms.ratio_ppm().saturating_sub(terms.liquidator_fee_ppm.into());
        u128::from(left).saturating_sub(share) * 19 / 20
    });
    terms.if_fee_ppm.min(u32::try_from(spare).unwrap_or(u32::MAX))
}

/// How fast a liquidation may go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PortionRamp {
    /// Portion of the shortage allowed in the first slot, basis points.
    pub initial: u32,
    /// Slots in which the allowed portion grows by all of it.
    pub duration: u64,
}

/// Portion of the present shortage that may be covered now, basis points: `min(1, initial + elapsed/duration)` of shortage and freed
/// margin together, less what is freed; all of a shortage below 50.
pub fn max_portion_floor(shortage: u128, freed: u64, elapsed: u64, ramp: &PortionRamp) -> u32 {
    if shortage < SMALL {
        return PORTION;
    }
    let all = u128::from(PORTION);
    let grown = (u128::from(elapsed) * all).checked_div(ramp.duration.into()).unwrap_or(all);
    let allowed = (grown + u128::from(ramp.initial)).min(all);
    let total = shortage.saturating_add(freed.into());
    let freeable = mul_div_floor(total, allowed, all).expect("a part fits").saturating_sub(freed.into());
    let portion = mul_div_floor(freeable, all, shortage).expect("a part fits");
    u32::try_from(portion).expect("at most all of it")
}

/// The liquidator's fee as it rises while nobody comes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FeeRamp {
    pub base_ppm: u32,
    pub max_ppm: u32,
    /// Slots before it rises.
    pub grace: u64,
    pub ppm_per_slot: u32,
}

/// Liquidator fee in ppm `elapsed` slots after the account was last active: the base fee within the grace, then the base fee and the rise
/// of all slots elapsed, at most the maximum.
pub fn liquidation_fee(elapsed: u64, ramp: &FeeRamp) -> u32 {
    if elapsed < ramp.grace {
        return ramp.base_ppm;
    }
    let risen = u128::from(ramp.base_ppm) + u128::from(elapsed) * u128::from(ramp.ppm_per_slot);
    u32::try_from(risen.min(ramp.max_ppm.into())).expect("at most the maximum")
}

/// Settings of a market and of the venue that a liquidation reads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LiquidationRules {
    pub ratio_maintenance_bps: u32,
    pub imf: u32,
    /// Distance from the maintenance requirement to the point where a liquidation stops, of notional.
    pub buffer_bps: u32,
    /// With its rise, see [`liquidation_fee`].
    pub liquidator_fee_ppm: u32,
    pub if_fee_ppm: u32,
    /// Base step of orders.
    pub step: u64,
    pub ramp: PortionRamp,
}

/// An account of one perpetual and a deposit of quote, without open orders.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PerpAccount {
    /// Signed base.
    pub base: i64,
    /// Signed quote of the position: what closing it must make up for.
    pub quote: i128,
    pub deposit: u64,
}

impl PerpAccount {
    /// Requirement with buffer, less collateral with buffer, quote: the liquidation goes on while it is above 0. A loss is buffered as the
    /// notional is, its buffer toward zero.
    pub fn shortage(&self, price: u64, rules: &LiquidationRules) -> i128 {
        let size = self.base.unsigned_abs();
        let value = base_value_floor(size, price);
        let ratio = margin_ratio_floor(size, rules.ratio_maintenance_bps, rules.imf);
        let buffer = |amount: u128| of_value(amount, rules.buffer_bps.into(), MARGIN) as i128;
        let profit = value as i128 * i128::from(self.base.signum()) + self.quote;
        let loss_buffer = if profit < 0 { buffer(profit.unsigned_abs()) } else { 0 };
        of_value(value, ratio, MARGIN) as i128 + buffer(value) + loss_buffer
            - i128::from(self.deposit)
            - profit
    }
}

/// One call of a liquidator.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LiquidationCall {
    pub price: u64,
    /// Slots since the account was last active.
    pub elapsed: u64,
    /// Margin freed so far in this liquidation, quote.
    pub freed: u64,
    /// Most base the liquidator takes.
    pub base_max: u64,
}

/// What a call did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PerpLiquidation {
    pub account: PerpAccount,
    /// Base closed.
    pub closed: u64,
    pub if_fee: u128,
    /// Signed quote of the liquidator's new position, with its fee.
    pub liquidator_quote: i128,
    /// Margin freed in this liquidation, quote.
    pub freed: u64,
    /// The venue ends the liquidation here. It does so once the cover was sold, without another look: [`PerpAccount::shortage`] of the
    /// account may still be above 0.
    pub exited: bool,
}

/// The account after the liquidator took what the portion ramp allows of the cover, at the oracle's price less fees.
///
/// The account must be in liquidation; one without a shortage leaves it untouched.
///
/// # Errors
/// A step of 0; a quote of the position beyond 2^100, which is no market state.
pub fn liquidate_perp(
    account: &PerpAccount,
    call: &LiquidationCall,
    rules: &LiquidationRules,
) -> Result<PerpLiquidation, DriftError> {
    if rules.step == 0 {
        return Err(DriftError::Zero("order step"));
    }
    if account.quote.unsigned_abs() >> 100 != 0 {
        return Err(DriftError::Overflow("quote of the position"));
    }
    let size = account.base.unsigned_abs();
    let unchanged = |exited| PerpLiquidation {
        account: *account,
        closed: 0,
        if_fee: 0,
        liquidator_quote: 0,
        freed: call.freed,
        exited,
    };
    let Some(shortage) = u128::try_from(account.shortage(call.price, rules)).ok().filter(|&s| s > 0) else {
        return Ok(unchanged(true));
    };
    let ratio =
        margin_ratio_floor(size, rules.ratio_maintenance_bps, rules.imf) + u64::from(rules.buffer_bps);
    let mut terms = CloseTerms {
        ratio_bps: u32::try_from(ratio).unwrap_or(u32::MAX),
        liquidator_fee_ppm: rules.liquidator_fee_ppm,
        if_fee_ppm: rules.if_fee_ppm,
        price: call.price,
        quote_price: PRICE as u64,
    };
    terms.if_fee_ppm = perp_if_fee_floor(shortage, size, &terms);
    let cover = base_to_cover_floor(shortage, &terms).map_or(u64::MAX, |base| step_ceil(base, rules.step));
    let portion = max_portion_floor(shortage, call.freed, call.elapsed, &rules.ramp);
    let allowed = u128::from(cover) * u128::from(portion) / u128::from(PORTION);
    let allowed = u64::try_from(allowed).expect("a part fits");
    if allowed == 0 {
        return Ok(unchanged(false));
    }
    let whole_if_small = if base_value_floor(size, call.price) > SMALL { 0 } else { size };
    let closed = allowed.max(whole_if_small).min(call.base_max - call.base_max % rules.step).min(size);
    let closed = step_ceil(closed, rules.step).min(size);

    let value = base_value_floor(closed, call.price) as i128;
    let fee = |ppm: u32| of_value(value.unsigned_abs(), ppm.into(), FEE) as i128;
    let (liquidator_fee, if_fee) = (fee(terms.liquidator_fee_ppm), fee(terms.if_fee_ppm));
    let side = account.base.signum();
    let traded = i128::from(side) * value;
    let after = PerpAccount {
        base: side * i64::try_from(size - closed).expect("closer to zero"),
        quote: account.quote + traded - liquidator_fee - if_fee,
        ..*account
    };
    let freed = shortage.saturating_sub_signed(after.shortage(call.price, rules).max(0));
    Ok(PerpLiquidation {
        account: after,
        closed,
        if_fee: if_fee.unsigned_abs(),
        liquidator_quote: liquidator_fee - traded,
        freed: call.freed.saturating_add(u64::try_from(freed).unwrap_or(u64::MAX)),
        exited: closed >= cover,
    })
}

/// `base` up to a whole number of steps, or as it is if that does not fit.
fn step_ceil(base: u64, step: u64) -> u64 {
    base.checked_next_multiple_of(step).unwrap_or(base)
}

#[cfg(test)]
#[path = "perp_tests.rs"]
mod tests;
