//! The round-robin of accounts that are read back whether anything touched them or not.

use engine::event::TimeMs;

/// Which accounts are due, by event time: so many a second, in order of their opening, for ever.
#[derive(Clone, Copy, Debug)]
pub struct Patrol {
    accounts_per_second: u32,
    /// Event time up to which accounts were drawn.
    time_ms: Option<TimeMs>,
    /// Thousandths of an account that are due.
    due: u64,
    next: usize,
}

impl Patrol {
    /// Off with 0.
    pub fn new(accounts_per_second: u32) -> Self {
        Self { accounts_per_second, time_ms: None, due: 0, next: 0 }
    }

    /// The indices to compare at `time_ms`, out of so many accounts; each at most once, however much time has passed.
    pub fn draw(&mut self, time_ms: TimeMs, accounts: usize) -> impl Iterator<Item = usize> + use<> {
        let passed = self.time_ms.replace(time_ms).map_or(0, |before| time_ms.saturating_sub(before).max(0));
        let due =
            self.due.saturating_add(passed.unsigned_abs().saturating_mul(self.accounts_per_second.into()));
        self.due = due % 1_000;
        let count = usize::try_from(due / 1_000).unwrap_or(usize::MAX).min(accounts);
        let first = self.next;
        if accounts > 0 {
            self.next = (first + count) % accounts;
        }
        (0..count).map(move |at| (first + at) % accounts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_met_in_turn_at_the_stated_pace() {
        let mut patrol = Patrol::new(3);
        assert_eq!(patrol.draw(500, 5).count(), 0, "no time has passed yet");
        let drawn = |patrol: &mut Patrol, time_ms| patrol.draw(time_ms, 5).collect::<Vec<_>>();
        assert_eq!(drawn(&mut patrol, 1_500), [0, 1, 2]);
        assert_eq!(drawn(&mut patrol, 1_500), [0; 0], "several rounds of one time");
        assert_eq!(drawn(&mut patrol, 2_000), [3], "half of one stays due");
        assert_eq!(drawn(&mut patrol, 2_500), [4, 0]);
        assert_eq!(drawn(&mut patrol, 1_000_000), [1, 2, 3, 4, 0], "nobody twice in a round");
        assert_eq!(patrol.draw(2_000_000, 0).count(), 0);
        assert_eq!(Patrol::new(0).draw(i64::MAX, 5).count(), 0);
    }
}
