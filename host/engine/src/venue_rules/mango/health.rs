//! Health: what an account is worth with weights, in three strengths.

use super::MangoError;
use super::fixed::Fixed;

/// Oracle price, and a slow price that follows it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Prices {
    pub oracle: Fixed,
    pub stable: Fixed,
}

/// Which question health answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HealthKind {
    /// May positions be opened: initial weights, the worse of both prices.
    Init,
    /// Does a liquidation stop: initial weights, oracle price.
    LiquidationEnd,
    /// Does a liquidation start: maintenance weights, oracle price.
    Maint,
}

/// Initial and maintenance weight of one side of a position.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SideWeights {
    pub init: Fixed,
    pub maint: Fixed,
}

impl SideWeights {
    fn of(self, kind: HealthKind) -> Fixed {
        match kind {
            HealthKind::Init | HealthKind::LiquidationEnd => self.init,
            HealthKind::Maint => self.maint,
        }
    }
}

/// Weights of a perpetual.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PerpWeights {
    pub asset: SideWeights,
    pub liability: SideWeights,
    /// Of positive unsettled profit; 0 makes the market untrusted.
    pub overall: SideWeights,
}

/// A perpetual position without orders.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PerpPosition {
    pub base: i64,
    pub quote: Fixed,
}

impl PerpPosition {
    /// Unsettled profit with the base at its weight, before the overall weight.
    ///
    /// # Errors
    /// [`MangoError::Overflow`].
    pub fn unweighted(
        &self,
        prices: Prices,
        weights: &PerpWeights,
        kind: HealthKind,
    ) -> Result<Fixed, MangoError> {
        let is_short = self.base < 0;
        let weight = if is_short { weights.liability } else { weights.asset }.of(kind);
        let price = match kind {
            HealthKind::Init if is_short => prices.oracle.max(prices.stable),
            HealthKind::Init => prices.oracle.min(prices.stable),
            HealthKind::LiquidationEnd | HealthKind::Maint => prices.oracle,
        };
        Ok(Fixed::from(self.base).mul_floor(weight)?.mul_floor(price)? + self.quote)
    }

    /// What the position adds to its settle token's balance in health: a loss in full, a profit at the overall weight.
    ///
    /// # Errors
    /// [`MangoError::Overflow`].
    pub fn health(
        &self,
        prices: Prices,
        weights: &PerpWeights,
        kind: HealthKind,
    ) -> Result<Fixed, MangoError> {
        let unweighted = self.unweighted(prices, weights, kind)?;
        if unweighted > Fixed::ZERO { unweighted.mul_floor(weights.overall.of(kind)) } else { Ok(unweighted) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixed::num;
    use super::*;

    fn side(init: &str, maint: &str) -> SideWeights {
        SideWeights { init: num(init), maint: num(maint) }
    }

    #[test]
    fn each_kind_has_its_weights_and_prices() {
        let weights = PerpWeights {
            asset: side("0.5", "0.75"),
            liability: side("1.5", "1.25"),
            overall: side("0.25", "1"),
        };
        let prices = Prices { oracle: num("4"), stable: num("2") };
        let long = PerpPosition { base: 8, quote: num("-20") };
        let short = PerpPosition { base: -8, quote: num("45") };
        let higher = Prices { oracle: num("2"), stable: num("4") };
        for (kind, unweighted, health, short_unweighted, short_health) in [
            (HealthKind::Init, "-12", "-12", "-3", "-3"),
            (HealthKind::LiquidationEnd, "-4", "-4", "-3", "-3"),
            (HealthKind::Maint, "4", "4", "5", "5"),
        ] {
            assert_eq!(long.unweighted(prices, &weights, kind), Ok(num(unweighted)));
            assert_eq!(long.health(prices, &weights, kind), Ok(num(health)));
            assert_eq!(short.unweighted(prices, &weights, kind), Ok(num(short_unweighted)));
            assert_eq!(short.health(prices, &weights, kind), Ok(num(short_health)));
        }
        // The stable price is the worse one for a short when it is higher: 45 - 48; at the oracle's 45 - 24 = 21, a quarter of it.
        assert_eq!(short.health(higher, &weights, HealthKind::Init), Ok(num("-3")));
        assert_eq!(short.health(higher, &weights, HealthKind::LiquidationEnd), Ok(num("5.25")));
        assert_eq!(long.unweighted(higher, &weights, HealthKind::Init), Ok(num("-12")));
        let flat = PerpPosition { base: 0, quote: num("0") };
        assert_eq!(flat.health(prices, &weights, HealthKind::Init), Ok(num("0")));
        let wide = PerpPosition { base: i64::MAX, quote: num("0") };
        let dear = Prices { oracle: num("512"), stable: num("512") };
        assert_eq!(wide.unweighted(dear, &weights, HealthKind::Init), Err(MangoError::Overflow));
    }
}
