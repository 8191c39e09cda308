//! Whether an account may be liquidated, which of two is riskier, and which updates an undercollateralized account may make.

use std::cmp::Ordering;

use ethnum::I256;

/// Net collateral and requirements of a position or account, quote quantums. Requirements are not below zero.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Risk {
    pub net_collateral: i128,
    pub initial: i128,
    pub maintenance: i128,
}

impl Risk {
    /// `None` if the sum does not fit.
    pub fn plus(&self, other: &Self) -> Option<Self> {
        Some(Self {
            net_collateral: self.net_collateral.checked_add(other.net_collateral)?,
            initial: self.initial.checked_add(other.initial)?,
            maintenance: self.maintenance.checked_add(other.maintenance)?,
        })
    }

    pub const fn is_initial_collateralized(&self) -> bool {
        self.net_collateral >= self.initial
    }

    pub const fn is_maintenance_collateralized(&self) -> bool {
        self.net_collateral >= self.maintenance
    }

    /// Strictly below a requirement above zero: an insolvent account without positions is not liquidatable.
    pub const fn is_liquidatable(&self) -> bool {
        self.maintenance > 0 && self.maintenance > self.net_collateral
    }

    /// `Greater` if this account is riskier: its net collateral per maintenance requirement is lower. Of equal ratios the higher
    /// requirement is riskier, and without requirements the lower collateral.
    pub fn compare(&self, other: &Self) -> Ordering {
        let cross = |a: &Self, b: &Self| I256::from(a.net_collateral) * I256::from(b.maintenance);
        cross(other, self).cmp(&cross(self, other)).then_with(|| {
            match (self.maintenance, other.maintenance) {
                (0, 0) => other.net_collateral.cmp(&self.net_collateral),
                (own, others) => own.cmp(&others),
            }
        })
    }

    /// True if an account of this risk may go over to `new`: to the initial requirement or above always, otherwise as
    /// [`may_stay_short_at`](Self::may_stay_short_at) says.
    pub fn may_become(&self, new: &Self) -> bool {
        new.is_initial_collateralized() || self.may_stay_short_at(new)
    }

    /// True if an account that is short of the initial requirement at `new` may go there: its maintenance requirement must not rise and it
    /// must not become riskier. Exactly as risky is allowed, but without positions collateral must rise.
    pub fn may_stay_short_at(&self, new: &Self) -> bool {
        if new.maintenance > self.maintenance {
            return false;
        }
        if new.maintenance == 0 {
            return self.maintenance == 0 && new.net_collateral > self.net_collateral;
        }
        new.compare(self).is_le()
    }
}
