//! Funding of a perpetual, rates as integers over a unit that the caller chooses: `F = P + clamp(I - P, -c, c)`.
//!
//! Source: the documents of Hyperliquid, BitMEX and Binance on funding and fair price.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::event::TimeMs;
use crate::rules::Funding;

/// Samples of a market's premium in the present interval, and what its payments left over.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Premiums {
    /// Over the scale.
    sum: i128,
    samples: u32,
    sampled_ms: Option<TimeMs>,
    /// End of the interval; none before the first sample.
    due_ms: Option<TimeMs>,
    /// Of the index price times rate times interval, over the scale times the period: what the last payment was rounded by.
    remainder: i128,
}

/// What an interval comes to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Interval {
    /// Rate for the rule's period, over the scale; `None` without a sample.
    pub rate: Option<i128>,
    /// Intervals that have passed without a sample.
    pub missed: u64,
}

impl Premiums {
    /// Event time from which the interval can be closed.
    pub fn due_ms(&self) -> Option<TimeMs> {
        self.due_ms
    }

    /// True if a sample is wanted.
    pub fn is_wanted(&self, now_ms: TimeMs, rule: &Funding) -> bool {
        self.sampled_ms.is_none_or(|last| now_ms.saturating_sub(last) >= rule.sample_ms)
    }

    /// Takes a sample, over the scale; the first one starts the intervals, which end at whole multiples of their length.
    pub fn sample(&mut self, now_ms: TimeMs, premium: i128, rule: &Funding) {
        (self.sum, self.samples, self.sampled_ms) = (self.sum + premium, self.samples + 1, Some(now_ms));
        self.due_ms.get_or_insert(end_of(now_ms, rule.interval_ms));
    }

    /// Ends the interval at or after its end: the mean of its samples toward zero, drawn to the interest and capped.
    pub fn close(&mut self, now_ms: TimeMs, rule: &Funding) -> Interval {
        let due_ms = self.due_ms.expect("an interval ends after it began");
        let rate = (self.samples > 0).then(|| {
            let cap = i128::from(rule.cap);
            clamped_rate(self.sum / i128::from(self.samples), rule.interest.into(), rule.clamp)
                .clamp(-cap, cap)
        });
        let later = now_ms.abs_diff(due_ms) / rule.interval_ms.unsigned_abs();
        (self.sum, self.samples, self.due_ms) = (0, 0, Some(end_of(now_ms, rule.interval_ms)));
        Interval { rate, missed: later + u64::from(rate.is_none()) }
    }

    /// Quanta per lot that a rate is at an index price, toward zero; what that leaves is carried into the next.
    pub fn delta_trunc(&mut self, rate: i128, index: u64, scale: u32, rule: &Funding) -> i64 {
        let unit = i128::from(scale) * i128::from(rule.period_ms);
        let due = i128::from(index) * rate * i128::from(rule.interval_ms) + self.remainder;
        self.remainder = due % unit;
        (due / unit) as i64
    }
}

/// The first whole multiple of the interval after `now_ms`.
fn end_of(now_ms: TimeMs, interval_ms: i64) -> TimeMs {
    now_ms.div_euclid(interval_ms).saturating_add(1).saturating_mul(interval_ms)
}

/// What a given notional trades at on the book, and the index, quanta per lot.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ImpactPrices {
    pub bid: u64,
    pub ask: u64,
    /// Above zero.
    pub index: u64,
}

/// `(max(0, bid - index) - max(0, index - ask)) / index` over `unit`, toward zero.
pub fn premium_trunc(ImpactPrices { bid, ask, index }: ImpactPrices, unit: u32) -> i128 {
    let premium = i128::from(bid.saturating_sub(index)) - i128::from(index.saturating_sub(ask));
    premium * i128::from(unit) / i128::from(index)
}

/// The premium, drawn towards the interest rate by at most `clamp`.
pub fn clamped_rate(premium: i128, interest: i128, clamp: u32) -> i128 {
    let clamp = i128::from(clamp);
    premium + (interest - premium).clamp(-clamp, clamp)
}

/// The price that funding makes fair before it is paid, `index * (1 + rate * left / interval)`, toward minus infinity. Times share a unit;
/// `interval` is above zero.
pub fn fair_price_floor(index: u64, rate: i64, unit: u32, left: u32, interval: u32) -> i128 {
    let carried = i128::from(index) * i128::from(rate) * i128::from(left);
    i128::from(index) + carried.div_euclid(i128::from(unit) * i128::from(interval))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_premium_is_what_the_book_lies_outside_the_index() {
        let premium = |bid, ask, index| premium_trunc(ImpactPrices { bid, ask, index }, 1_000);
        assert_eq!(premium(110, 112, 100), 100);
        assert_eq!(premium(88, 90, 100), -100);
        assert_eq!(premium(99, 101, 100), 0);
        assert_eq!(premium(100, 100, 100), 0);
        // 2/3 of a unit, toward zero on both sides; a crossed book counts both.
        assert_eq!(premium(1_501, 1_600, 1_500), 0);
        assert_eq!(premium(1_400, 1_499, 1_500), 0);
        assert_eq!(premium(1_503, 1_600, 1_500), 2);
        assert_eq!(premium(1_400, 1_497, 1_500), -2);
        assert_eq!(premium(120, 95, 100), 150);
    }

    #[test]
    fn the_rate_is_drawn_to_the_interest_but_not_far() {
        for (premium, rate) in [(-20, -15), (-5, 0), (-4, 1), (-3, 1), (0, 1), (6, 1), (7, 2), (100, 95)] {
            assert_eq!(clamped_rate(premium, 1, 5), rate, "{premium}");
        }
        assert_eq!(clamped_rate(7, 1, 0), 7);
    }

    const HOURLY: Funding = Funding {
        interval_ms: 3_600_000,
        period_ms: 8 * 3_600_000,
        sample_ms: 60_000,
        impact: 1,
        interest: 100,
        clamp: 500,
        cap: 40_000,
    };

    #[test]
    fn an_interval_pays_the_mean_of_its_samples() {
        let mut premiums = Premiums::default();
        assert_eq!(premiums.due_ms(), None);
        for (now_ms, premium) in [(3_600_000, 9_000), (3_660_000, 11_001)] {
            assert!(premiums.is_wanted(now_ms, &HOURLY));
            premiums.sample(now_ms, premium, &HOURLY);
        }
        assert!(!premiums.is_wanted(3_719_999, &HOURLY) && premiums.is_wanted(3_720_000, &HOURLY));
        assert_eq!(premiums.due_ms(), Some(7_200_000));
        // A premium of 1 % (10,000.5, toward zero) pays 0.95 %.
        assert_eq!(premiums.close(7_200_000, &HOURLY), Interval { rate: Some(9_500), missed: 0 });
        assert_eq!(premiums.due_ms(), Some(10_800_000));
        assert_eq!(premiums.close(10_800_000, &HOURLY), Interval { rate: None, missed: 1 });
        premiums.sample(14_400_001, -900_000, &HOURLY);
        // Three hours late: one is paid, at the cap.
        assert_eq!(premiums.close(25_300_000, &HOURLY), Interval { rate: Some(-40_000), missed: 3 });
        assert_eq!(premiums.due_ms(), Some(28_800_000));
    }

    #[test]
    fn what_is_rounded_off_is_paid_later() {
        // 0.01 % of 50,000 for an hour of eight is 0.625.
        for sign in [1, -1] {
            let mut premiums = Premiums::default();
            let paid: Vec<i64> =
                (0..8).map(|_| premiums.delta_trunc(sign * 100, 50_000, 1_000_000, &HOURLY)).collect();
            assert_eq!(paid, [0, 1, 0, 1, 1, 0, 1, 1].map(|lots: i64| lots * sign as i64));
            assert_eq!(premiums.remainder, 0);
        }
        let mut premiums = Premiums::default();
        assert_eq!(premiums.delta_trunc(999_999, u32::MAX.into(), 1_000_000, &HOURLY), 536_870_375);
    }

    #[test]
    fn the_fair_price_approaches_the_index() {
        let fair = |rate, left| fair_price_floor(50_000, rate, 1_000, left, 8);
        assert_eq!(fair(10, 8), 50_500);
        assert_eq!(fair(10, 4), 50_250);
        assert_eq!(fair(10, 0), 50_000);
        assert_eq!(fair(-10, 4), 49_750);
        // 7 * 1/1000 * 1/8 of 50,000 is 43.75.
        assert_eq!(fair(7, 1), 50_043);
        assert_eq!(fair(-7, 1), 49_956);
    }
}
