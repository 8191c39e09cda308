//! Token bucket: notional that liquidations may still send to a market's book.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::event::TimeMs;
use crate::rules::Budget;

/// Full before its first use. Money in quanta.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Bucket {
    /// Thousandths of a quantum, so that no refill is lost.
    taken: u128,
    /// Refill is counted up to here; from the first asking.
    refilled_ms: Option<TimeMs>,
}

impl Bucket {
    /// Notional that may be sent at event time `now_ms`; `None`: no bound. The clock of a bucket does not go back.
    pub fn room(&mut self, now_ms: TimeMs, budget: &Budget) -> Option<u64> {
        if budget.capacity == 0 {
            return None;
        }
        let refilled_ms = self.refilled_ms.unwrap_or(now_ms);
        let passed_ms = now_ms.saturating_sub(refilled_ms).max(0).unsigned_abs();
        self.taken = self.taken.saturating_sub(u128::from(budget.refill) * u128::from(passed_ms));
        self.refilled_ms = Some(refilled_ms.max(now_ms));
        let taken = self.taken.div_ceil(1_000);
        Some(u128::from(budget.capacity).saturating_sub(taken) as u64)
    }

    /// True if nothing is taken.
    pub fn is_full(&self) -> bool {
        self.taken == 0
    }

    /// Notional is sent; what exceeds the room is owed.
    pub fn take(&mut self, notional: u128) {
        self.taken += 1_000 * notional;
    }

    /// Notional that was sent and not filled.
    pub fn give_back(&mut self, notional: u128) {
        self.taken = self.taken.saturating_sub(1_000 * notional);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: Budget = Budget { capacity: 1_000, refill: 100 };

    #[test]
    fn it_refills_with_time_up_to_its_capacity() {
        let mut bucket = Bucket::default();
        assert_eq!(bucket.room(-5_000, &BUDGET), Some(1_000));
        bucket.take(900);
        assert_eq!(bucket.room(-5_000, &BUDGET), Some(100));
        bucket.give_back(50);
        assert_eq!(bucket.room(-5_000, &BUDGET), Some(150));
        assert_eq!(bucket.room(-4_000, &BUDGET), Some(250));
        assert_eq!(bucket.room(-4_500, &BUDGET), Some(250));
        assert_eq!(bucket.room(60_000, &BUDGET), Some(1_000));
    }

    #[test]
    fn short_steps_of_time_refill_as_one_long_one_does() {
        let slow = Budget { capacity: 1_000, refill: 3 };
        let mut bucket = Bucket::default();
        bucket.room(0, &slow);
        bucket.take(1_000);
        for now_ms in 1..1_000 {
            bucket.room(now_ms, &slow);
        }
        assert_eq!((bucket.room(999, &slow), bucket.room(1_000, &slow)), (Some(2), Some(3)));
    }

    #[test]
    fn no_capacity_is_no_bound() {
        assert_eq!(Bucket::default().room(0, &Budget::default()), None);
    }
}
