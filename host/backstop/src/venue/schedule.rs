//! Orders on their way to the venue, by the event time at which they arrive.

use std::collections::BTreeMap;

use engine::event::{OrderId, TimeMs};

use super::Order;

/// An order on its way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Outstanding {
    pub id: OrderId,
    pub order: Order,
}

/// Orders ordered by (time due, number). No more than the bound are on their way at once.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    due: BTreeMap<(TimeMs, OrderId), Order>,
}

impl Schedule {
    /// Adds an order that arrives at `due_ms`.
    ///
    /// # Panics
    /// If more than `bound` orders are on their way then.
    pub fn push(&mut self, due_ms: TimeMs, Outstanding { id, order }: Outstanding, bound: usize) {
        self.due.insert((due_ms, id), order);
        assert!(self.due.len() <= bound, "{} orders on their way, of {bound} at the most", self.due.len());
    }

    /// The orders of the earliest time due, in order of their numbers, if that is not after `until_ms`.
    pub fn take_due(&mut self, until_ms: TimeMs) -> Option<(TimeMs, Vec<Outstanding>)> {
        let due_ms = self
            .due
            .first_key_value()
            .map(|(&(due_ms, _), _)| due_ms)
            .filter(|due_ms| *due_ms <= until_ms)?;
        let later = self.due.split_off(&(due_ms.saturating_add(1), 0));
        let due = std::mem::replace(&mut self.due, later);
        Some((due_ms, due.into_iter().map(|((_, id), order)| Outstanding { id, order }).collect()))
    }

    /// All that are left, in order.
    pub fn take_all(&mut self) -> Vec<Outstanding> {
        let due = std::mem::take(&mut self.due);
        due.into_iter().map(|((_, id), order)| Outstanding { id, order }).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.due.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use engine::event::InstrumentId;
    use proptest::prelude::*;

    use super::*;

    fn outstanding(id: OrderId) -> Outstanding {
        Outstanding { id, order: Order { instrument: InstrumentId(0), lots: id as i64, limit: 1 } }
    }

    #[test]
    #[should_panic(expected = "2 orders on their way, of 1 at the most")]
    fn more_orders_than_accounts_break_an_invariant() {
        let mut schedule = Schedule::default();
        schedule.push(0, outstanding(1), 1);
        schedule.push(0, outstanding(2), 1);
    }

    proptest! {
        /// Against a list that is sorted: every order once, by (time, number), none before its time.
        #[test]
        fn orders_come_when_they_are_due_in_order(
            dues in proptest::collection::vec(-50i64..50, 0..60),
            looks in proptest::collection::vec(-60i64..60, 0..10),
        ) {
            let mut schedule = Schedule::default();
            for (due_ms, id) in dues.iter().zip(1..) {
                schedule.push(*due_ms, outstanding(id), dues.len());
            }
            let mut expected: Vec<(i64, u64)> = dues.iter().copied().zip(1..).collect();
            expected.sort_unstable();
            let mut looks = looks;
            looks.sort_unstable();
            let mut taken = Vec::new();
            for until_ms in looks {
                while let Some((due_ms, orders)) = schedule.take_due(until_ms) {
                    prop_assert!(due_ms <= until_ms && !orders.is_empty());
                    taken.extend(orders.iter().map(|order| (due_ms, order.id)));
                }
                let due = expected.iter().take_while(|(due_ms, _)| *due_ms <= until_ms).count();
                prop_assert_eq!(&taken[..], &expected[..due]);
            }
            let left = expected.split_off(taken.len());
            prop_assert_eq!(schedule.take_all().iter().map(|o| o.id).collect::<Vec<_>>(), left.iter().map(|e| e.1).collect::<Vec<_>>());
            prop_assert!(schedule.is_empty());
        }
    }
}
