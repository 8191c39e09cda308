//! Partial liquidation of a perpetual: the liquidator takes base, and pays for profit that cannot be settled in time.

use super::MangoError;
use super::fixed::Fixed;
use super::health::{HealthKind, PerpPosition, PerpWeights, Prices};

/// An account around one perpetual. The settle token is the quote: its price and weights are 1.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PerpAccount {
    /// Balance of the settle token.
    pub spot: Fixed,
    pub position: PerpPosition,
    /// Health of everything else.
    pub other: Fixed,
}

/// The market's settings and price. Only initial weights are read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PerpMarket {
    pub weights: PerpWeights,
    pub price: Fixed,
    /// What the liquidator and the platform get of the base's value.
    pub base_fee: Fixed,
    /// What the liquidator gets of profit it takes over.
    pub profit_fee: Fixed,
}

impl PerpMarket {
    fn prices(&self) -> Prices {
        Prices { oracle: self.price, stable: self.price }
    }
}

/// What the liquidator is willing to take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Offer {
    pub base: u64,
    pub profit: u64,
}

impl PerpAccount {
    /// Health at which a liquidation stops when it reaches 0.
    ///
    /// # Errors
    /// [`MangoError::Overflow`].
    pub fn liquidation_end_health(&self, market: &PerpMarket) -> Result<Fixed, MangoError> {
        let perp = self.position.health(market.prices(), &market.weights, HealthKind::LiquidationEnd)?;
        Ok(self.spot + self.other + perp)
    }
}

/// The account after one liquidation: as few lots as bring health to 0, counting the profit that the liquidator then takes over; lots and
/// profit are rounded up. Base is left alone where more of it would not help, and where the fee eats what the weights leave.
///
/// # Errors
/// [`MangoError`].
pub fn liquidate(
    account: &PerpAccount,
    offer: Offer,
    market: &PerpMarket,
) -> Result<PerpAccount, MangoError> {
    let mut after = *account;
    let one = Fixed::ONE;
    let side = account.position.base.signum();
    let (fee_factor, weight) = match side {
        1.. => (one - market.base_fee, market.weights.asset.init),
        _ => (one + market.base_fee, market.weights.liability.init),
    };
    let quote_per_lot = market.price.mul_floor(fee_factor)?;
    let gain_per_lot = match side {
        1.. => quote_per_lot - market.price.mul_floor(weight)?,
        _ => market.price.mul_floor(weight)? - quote_per_lot,
    };
    let gain_per_profit = one - market.profit_fee;
    let overall = market.weights.overall.init;
    let profit_max = Fixed::from(offer.profit);

    // Where unweighted profit lies below the bound, one more of it raises health by the slope.
    let stages = [(Some(Fixed::ZERO), one), (Some(profit_max), gain_per_profit), (None, overall)];
    let lots_max = account.position.base.unsigned_abs().min(offer.base);
    let mut left = if gain_per_lot > Fixed::ZERO { lots_max } else { 0 };
    for (bound, slope) in stages {
        let profit =
            after.position.unweighted(market.prices(), &market.weights, HealthKind::LiquidationEnd)?;
        let expected = after.spot
            + after.other
            + profit.min(Fixed::ZERO)
            + profit.clamp(Fixed::ZERO, profit_max).mul_floor(gain_per_profit)?
            + (profit - profit_max).max(Fixed::ZERO).mul_floor(overall)?;
        if left == 0 || expected >= Fixed::ZERO || slope <= Fixed::ZERO {
            continue;
        }
        let wanted = (-expected).div_floor(slope)?;
        let wanted = bound.map_or(wanted, |bound| wanted.min(bound - profit)).max(Fixed::ZERO);
        let lots = u64::try_from(wanted.div_floor(gain_per_lot)?.whole_ceil()).unwrap_or(left).min(left);
        left -= lots;
        let lots = side * i64::try_from(lots).map_err(|_| MangoError::Overflow)?;
        after.position.base -= lots;
        after.position.quote += Fixed::from(lots).mul_floor(quote_per_lot)?;
    }

    let health = after.liquidation_end_health(market)?;
    let profit = after.position.unweighted(market.prices(), &market.weights, HealthKind::LiquidationEnd)?;
    let gain = gain_per_profit - overall;
    if health < Fixed::ZERO && profit > Fixed::ZERO && gain > Fixed::ZERO {
        let wanted = (-health).div_floor(gain)?.whole_ceil();
        let wanted = u64::try_from(wanted).map_or(profit_max, Fixed::from);
        let taken = wanted.min(profit_max).min(profit);
        after.position.quote -= taken;
        after.spot += taken.mul_floor(gain_per_profit)?;
    }
    Ok(after)
}

#[cfg(test)]
#[path = "perp_tests.rs"]
mod tests;
