//! A pool that many markets share is guarded against one of them: past a drawdown, the market's users bear its losses.
//!
//! Source: Bybit's documents on the ADL alert of its grouped insurance pools.

use ethnum::I256;
use model::units::Scale;

use crate::ratio::Ratio;

/// One market of a shared pool over the last window, quanta.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Drawdown {
    pub pool: i128,
    /// The most the pool held in the window; above zero.
    pub pool_peak: u128,
    /// The market's profit and loss now, less its highest in the window.
    pub pnl_change: i128,
}

/// When deleveraging starts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DrawdownRule {
    /// Share of the peak that a market may cost, over the scale.
    pub trigger: u32,
    /// The rule holds while the pool has more than this, quanta.
    pub pool_min: u128,
}

impl Drawdown {
    /// The market's change per the pool's peak; `None` for a pool that held nothing.
    pub fn ratio(&self) -> Option<Ratio> {
        Ratio::new(self.pnl_change < 0, self.pnl_change.unsigned_abs().into(), self.pool_peak.into())
    }

    /// True if the market has cost more than its share of the peak while the pool holds more than its minimum, or if the pool is used up.
    pub fn is_triggered(&self, rule: &DrawdownRule, scale: Scale) -> bool {
        self.pool <= 0 || (self.pool.unsigned_abs() > rule.pool_min && self.excess(rule, scale) > I256::ZERO)
    }

    /// What the market's users bear so that it costs the pool no more than its share: quanta, rounded up.
    pub fn user_subsidy_ceil(&self, rule: &DrawdownRule, scale: Scale) -> u128 {
        let (excess, scale) = (self.excess(rule, scale), I256::from(scale.get()));
        let subsidy = (excess.max(I256::ZERO) + scale - 1).div_euclid(scale);
        u128::try_from(subsidy).expect("a part of the loss")
    }

    /// The loss beyond the share, quanta / scale.
    fn excess(&self, rule: &DrawdownRule, scale: Scale) -> I256 {
        let share = I256::from(self.pool_peak) * I256::from(rule.trigger);
        -I256::from(self.pnl_change) * I256::from(scale.get()) - share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: DrawdownRule = DrawdownRule { trigger: 300, pool_min: 1 };

    fn drawdown(pool: i128, pnl_change: i128) -> Drawdown {
        Drawdown { pool, pool_peak: 1_001, pnl_change }
    }

    #[test]
    fn users_bear_what_is_beyond_the_share_of_the_peak() {
        let scale = Scale::new(1_000).unwrap();
        // The share of 1,001 is 300.3.
        for (pnl_change, is_triggered, subsidy) in [
            (-300, false, 0),
            (-301, true, 1),
            (-302, true, 2),
            (-350, true, 50),
            (0, false, 0),
            (400, false, 0),
        ] {
            let drawdown = drawdown(1_000, pnl_change);
            assert_eq!(drawdown.is_triggered(&RULE, scale), is_triggered, "{pnl_change}");
            assert_eq!(drawdown.user_subsidy_ceil(&RULE, scale), subsidy, "{pnl_change}");
        }
        // Exactly the share is within it.
        let even = Drawdown { pool_peak: 1_000, ..drawdown(1_000, -300) };
        assert!(!even.is_triggered(&RULE, scale));
        assert_eq!(even.user_subsidy_ceil(&RULE, scale), 0);
        assert_eq!(Drawdown { pnl_change: -301, ..even }.user_subsidy_ceil(&RULE, scale), 1);
    }

    #[test]
    fn the_ratio_is_signed() {
        let ratio = |change| drawdown(1_000, change).ratio().unwrap();
        assert_eq!(ratio(-350), Ratio::new(true, 350u16.into(), 1_001u16.into()).unwrap());
        assert_eq!(ratio(7), Ratio::new(false, 1u8.into(), 143u8.into()).unwrap());
        assert_eq!(ratio(0), Ratio::new(false, 0u8.into(), 1u8.into()).unwrap());
        assert_eq!(Drawdown { pool_peak: 0, ..drawdown(0, -1) }.ratio(), None);
    }

    #[test]
    fn a_small_pool_is_not_guarded_and_an_empty_one_always_triggers() {
        let scale = Scale::new(1_000).unwrap();
        assert!(drawdown(2, -350).is_triggered(&RULE, scale));
        assert!(!drawdown(1, -350).is_triggered(&RULE, scale));
        assert!(drawdown(0, 0).is_triggered(&RULE, scale));
        assert!(drawdown(-5, 0).is_triggered(&RULE, scale));
        assert!(!drawdown(1, 0).is_triggered(&RULE, scale));
    }
}
