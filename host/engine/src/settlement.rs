//! What ends a market, and what the backstop is left with: the final settlement price of a dated future, and the schedule by which
//! inventory is sold.

use borsh::{BorshDeserialize, BorshSerialize};
use model::units::Price;

use crate::event::TimeMs;
use crate::rules::{Expiry, Unwind};

/// Mean over time of the marks in the window before an expiry.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Average {
    /// Since when the last mark has stood, and that mark in quanta per lot; none before the first.
    last: Option<(TimeMs, u64)>,
    /// Marks times milliseconds inside the window, and those milliseconds.
    sum: u128,
    covered_ms: u64,
}

impl Average {
    /// A mark of `price` stands from `time_ms` on. The clock does not go back.
    pub fn note(&mut self, time_ms: TimeMs, price: Price, expiry: Expiry) {
        self.close(time_ms, expiry);
        let since = self.last.map_or(time_ms, |(since, _)| since.max(time_ms));
        self.last = Some((since, price.get()));
    }

    /// Mean of the window, rounded down; the last mark if it stood for no time. `None` without a mark.
    pub fn settle(&mut self, expiry: Expiry) -> Option<u64> {
        self.close(expiry.time_ms, expiry);
        let (_, price) = self.last?;
        Some(match self.covered_ms {
            0 => price,
            covered => (self.sum / u128::from(covered)) as u64,
        })
    }

    /// Counts the last mark up to `until_ms`.
    fn close(&mut self, until_ms: TimeMs, Expiry { time_ms, window_ms }: Expiry) {
        let Some((since, price)) = self.last else { return };
        let (from, until) = (since.max(time_ms.saturating_sub(window_ms)), until_ms.min(time_ms));
        if until > from {
            self.sum += u128::from(price) * u128::from(until.abs_diff(from));
            self.covered_ms += until.abs_diff(from);
        }
        self.last = Some((since.max(until_ms), price));
    }
}

/// Where the sale of a market's inventory stands.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Unwinding {
    /// Lots of a slice; 0 with nothing to sell.
    slice: u64,
    /// No order before this event time.
    next_ms: Option<TimeMs>,
}

impl Unwinding {
    /// Lots that are due of an inventory of `lots` (a magnitude) at `now_ms`; 0 if none are. A slice grows with the inventory and never
    /// shrinks before all is sold, so that the last lot goes after as many intervals as there are slices.
    pub fn due(&mut self, now_ms: TimeMs, lots: u64, rule: &Unwind) -> u64 {
        if lots == 0 {
            *self = Self::default();
            return 0;
        }
        self.slice = self.slice.max(lots.div_ceil(rule.slices.into()));
        let next_ms = *self.next_ms.get_or_insert(now_ms.saturating_add(rule.interval_ms));
        if now_ms < next_ms {
            return 0;
        }
        self.next_ms = Some(now_ms.saturating_add(rule.interval_ms));
        self.slice.min(lots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPIRY: Expiry = Expiry { time_ms: 1_000, window_ms: 100 };

    fn average(marks: &[(TimeMs, u64)]) -> Option<u64> {
        let mut average = Average::default();
        for &(time_ms, price) in marks {
            average.note(time_ms, Price::new(price).unwrap(), EXPIRY);
        }
        average.settle(EXPIRY)
    }

    #[test]
    fn each_mark_counts_for_as_long_as_it_stood_in_the_window() {
        assert_eq!(average(&[]), None);
        assert_eq!(average(&[(0, 50)]), Some(50));
        assert_eq!(average(&[(1_000, 50)]), Some(50), "for no time");
        // 40 ms of 100, 60 ms of 201: 16,060 / 100, down.
        assert_eq!(average(&[(0, 7), (500, 100), (940, 201)]), Some(160));
        assert_eq!(average(&[(950, 10)]), Some(10), "the window before the first mark does not count");
        // A mark after the end changes nothing; nor does one whose clock went back before its time.
        assert_eq!(average(&[(900, 10), (1_000, 99), (1_200, 77)]), Some(10));
        assert_eq!(average(&[(900, 10), (980, 20), (940, 30)]), Some(14), "80 ms of 10, 20 ms of 30");
        let highest = Price::MAX;
        assert_eq!(average(&[(0, highest)]), Some(highest));
    }

    #[test]
    fn an_inventory_is_sold_in_equal_parts() {
        let rule = Unwind { interval_ms: 10, slices: 4, participation: 1, band: 0 };
        let mut unwinding = Unwinding::default();
        let mut left = 10;
        let mut sold = Vec::new();
        for now_ms in (0..=60).step_by(5) {
            let due = unwinding.due(now_ms, left, &rule);
            left -= due;
            sold.push(due);
        }
        assert_eq!(sold, [0, 0, 3, 0, 3, 0, 3, 0, 1, 0, 0, 0, 0]);
        // More comes in: the slice follows; less does not shrink it; anew only after all is gone.
        assert_eq!(unwinding.due(70, 8, &rule), 0);
        assert_eq!(unwinding.due(80, 40, &rule), 10);
        assert_eq!(unwinding.due(90, 30, &rule), 10);
        assert_eq!(unwinding.due(95, 0, &rule), 0);
        assert_eq!([unwinding.due(96, 4, &rule), unwinding.due(106, 4, &rule)], [0, 1]);
    }
}
