//! A perpetual loss that its owner cannot pay: settled first, then insured, then socialised.

use super::MangoError;
use super::fixed::Fixed;

/// A token that settles a perpetual.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SettleToken {
    pub price: Fixed,
    pub asset_weight: Fixed,
    pub liability_weight: Fixed,
}

/// An account that owes a loss.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Debtor {
    /// Balance of the settle token.
    pub settle: Fixed,
    /// Unsettled profit of the perpetual; no base is left.
    pub pnl: Fixed,
    /// Health of everything else.
    pub other: Fixed,
    /// Most loss that may be settled now.
    pub settle_limit: Fixed,
}

/// The insurance fund and what the liquidator asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Relief {
    pub vault: u64,
    pub insurance_price: Fixed,
    /// Liquidator's fee on the loss it takes over from the fund.
    pub fee: Fixed,
    /// Most loss the liquidator takes.
    pub taken_max: u64,
}

/// Who carries the loss, positive amounts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Resolution {
    /// Settle token paid to the liquidator, which takes as much loss.
    pub settled: Fixed,
    /// Loss taken by the liquidator for insurance.
    pub insured: Fixed,
    /// Insurance tokens paid to the liquidator, rounded up.
    pub insurance: u64,
    /// Loss carried by the market.
    pub socialized: Fixed,
}

/// Most of a token that may leave before health of `health` falls to 0: from the balance at the asset's weighted price, below 0 at
/// the liability's. 0 without health.
fn taken_for_health_zero(
    health: Fixed,
    balance: Fixed,
    asset_price: Fixed,
    liability_price: Fixed,
) -> Result<Fixed, MangoError> {
    if health <= Fixed::ZERO {
        return Ok(Fixed::ZERO);
    }
    let held = balance.max(Fixed::ZERO);
    let held_health = held.mul_floor(asset_price)?;
    if held_health >= health {
        return health.div_floor(asset_price);
    }
    Ok(held + (health - held_health).div_floor(liability_price)?)
}

/// Resolves the loss: as much as the debtor's other collateral carries is settled; only when nothing more can be, the rest up to a health of
/// 0 is taken over by the liquidator for insurance, and socialised once the vault is empty.
///
/// # Errors
/// [`MangoError::PnlNotNegative`], [`MangoError::Overflow`].
pub fn resolve(debtor: &Debtor, token: &SettleToken, relief: &Relief) -> Result<Resolution, MangoError> {
    if debtor.pnl >= Fixed::ZERO {
        return Err(MangoError::PnlNotNegative);
    }
    let asset_price = token.price.mul_floor(token.asset_weight)?;
    let liability_price = token.price.mul_floor(token.liability_weight)?;
    let health = |balance: Fixed| {
        let price = if balance < Fixed::ZERO { liability_price } else { asset_price };
        Ok::<_, MangoError>(balance.mul_floor(price)? + debtor.other)
    };
    let room = taken_for_health_zero(health(debtor.settle)?, debtor.settle, asset_price, liability_price)?;
    let settleable = room.min(-debtor.pnl).min(debtor.settle_limit);
    let taken_max = Fixed::from(relief.taken_max);
    let settled = settleable.min(taken_max);
    let mut resolution = Resolution { settled, insured: Fixed::ZERO, insurance: 0, socialized: Fixed::ZERO };
    let owed = -debtor.pnl - settled;
    if settled < settleable || owed <= Fixed::ZERO {
        return Ok(resolution);
    }
    // Settling moves loss into the balance, so neither the balance with the loss nor health has changed.
    let balance = debtor.settle + debtor.pnl;
    let given = taken_for_health_zero(-health(balance)?, -balance, liability_price, asset_price)?;
    let resolved = owed.min(given);
    let wanted = resolved.min(taken_max - settled);
    let price = token.price.mul_floor(Fixed::ONE + relief.fee)?;
    let insurance = wanted.mul_floor(price)?.div_floor(relief.insurance_price)?.whole_ceil();
    let insurance = u64::try_from(insurance).unwrap_or(u64::MAX).min(relief.vault);
    let worth = Fixed::from(insurance).mul_floor(relief.insurance_price)?.div_floor(price)?;
    resolution.insurance = insurance;
    resolution.insured = worth.min(wanted);
    if insurance == relief.vault {
        resolution.socialized = resolved - resolution.insured;
    }
    Ok(resolution)
}

#[cfg(test)]
#[path = "bankruptcy_tests.rs"]
mod tests;
