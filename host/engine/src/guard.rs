//! Mark guard: a mark too far from the last applied one is held, and the first mark a minute later decides on it.
//! It never freezes: marks near the last applied one go on being applied.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::event::TimeMs;

/// What the guard says of a mark.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Judgement {
    Applied,
    /// Within the band of the held mark or as far as it on its side, after its time: applied, and the held one was real.
    Confirmed,
    /// Neither ledger nor device sees it until it is decided on.
    Held,
    Dropped,
}

/// Counts since the start of the episode. Every mark is applied, held or dropped; a held one ends confirmed, discarded, or with the episode.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct GuardCounts {
    pub marks: u64,
    pub applied: u64,
    pub held: u64,
    pub confirmed: u64,
    /// Refused at once because another mark was held.
    pub dropped: u64,
    /// Held, and not confirmed.
    pub discarded: u64,
}

#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Guard {
    applied: Option<u64>,
    held: Option<(TimeMs, u64)>,
    /// When the first mark was held since one was applied.
    doubted_ms: Option<TimeMs>,
    pub counts: GuardCounts,
}

impl Guard {
    /// The last applied mark, quanta per lot.
    pub fn applied(&self) -> Option<u64> {
        self.applied
    }

    /// True while a held mark has not been decided on, at most for `hold_ms`.
    pub fn is_holding(&self, now_ms: TimeMs, hold_ms: i64) -> bool {
        self.held.is_some_and(|(since_ms, _)| now_ms.saturating_sub(since_ms) < hold_ms)
    }

    /// True while marks are held and none is applied, at most for `hold_ms`: a bad print now and then puts nothing off.
    pub fn is_in_doubt(&self, now_ms: TimeMs, hold_ms: i64) -> bool {
        self.doubted_ms.is_some_and(|since_ms| now_ms.saturating_sub(since_ms) < hold_ms)
    }

    /// Judges a mark. `band` over `scale` is the furthest it may lie from the one it is compared with.
    pub fn judge(&mut self, time_ms: TimeMs, price: u64, band: u32, scale: u32, hold_ms: i64) -> Judgement {
        let judgement = self.decide(time_ms, price, band, scale, hold_ms);
        self.counts.marks += 1;
        match judgement {
            Judgement::Applied | Judgement::Confirmed => {
                self.applied = Some(price);
                self.doubted_ms = None;
                self.counts.applied += 1;
                self.counts.confirmed += u64::from(judgement == Judgement::Confirmed);
            }
            Judgement::Held => {
                self.held = Some((time_ms, price));
                self.doubted_ms.get_or_insert(time_ms);
                self.counts.held += 1;
            }
            Judgement::Dropped => self.counts.dropped += 1,
        }
        judgement
    }

    fn decide(&mut self, time_ms: TimeMs, price: u64, band: u32, scale: u32, hold_ms: i64) -> Judgement {
        let Some(applied) = self.applied else { return Judgement::Applied };
        let near = |other: u64| {
            u128::from(price.abs_diff(other)) * u128::from(scale) <= u128::from(other) * u128::from(band)
        };
        match self.held {
            Some((since, held)) if time_ms.saturating_sub(since) >= hold_ms => {
                self.held = None;
                let as_far = !near(applied) && (price > applied) == (held > applied);
                if near(held) || as_far {
                    return Judgement::Confirmed;
                }
                self.counts.discarded += 1;
                if near(applied) { Judgement::Applied } else { Judgement::Held }
            }
            Some(_) if near(applied) => Judgement::Applied,
            Some(_) => Judgement::Dropped,
            None if near(applied) => Judgement::Applied,
            None => Judgement::Held,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Judgement::{Applied, Confirmed, Dropped, Held};
    use super::*;

    fn judge_all(marks: &[(i64, u64, Judgement)]) -> Guard {
        let mut guard = Guard::default();
        for &(second, price, expected) in marks {
            assert_eq!(
                guard.judge(second * 1_000, price, 200_000, 1_000_000, 60_000),
                expected,
                "{price} at {second} s"
            );
        }
        guard
    }

    #[test]
    fn a_bad_print_is_held_and_discarded_while_marks_go_on() {
        let guard = judge_all(&[
            (0, 10_600, Applied),
            (15, 106, Held),
            (30, 10_600, Applied),
            (45, 10_500, Applied),
            (60, 107, Dropped),
            (75, 10_400, Applied),
        ]);
        let counts = GuardCounts { marks: 6, applied: 4, held: 1, confirmed: 0, dropped: 1, discarded: 1 };
        assert_eq!((guard.counts, guard.applied()), (counts, Some(10_400)));
    }

    #[test]
    fn a_real_crash_is_confirmed_after_a_minute() {
        let guard = judge_all(&[
            (0, 100, Applied),
            (15, 79, Held),
            (30, 78, Dropped),
            (75, 70, Confirmed),
            (90, 72, Applied),
        ]);
        assert_eq!(guard.counts.confirmed, 1);
    }

    #[test]
    fn the_deciding_mark_is_judged_in_turn() {
        judge_all(&[
            (0, 100, Applied),
            (15, 10, Held),
            (75, 150, Held),
            (135, 100, Applied),
            (150, 120, Applied),
            (165, 145, Held),
        ]);
    }

    #[test]
    fn a_crash_that_goes_on_is_confirmed_by_how_far_it_went() {
        let guard = judge_all(&[(0, 100, Applied), (15, 79, Held), (75, 40, Confirmed), (90, 33, Applied)]);
        assert_eq!((guard.counts.confirmed, guard.counts.discarded), (1, 0));
        judge_all(&[(0, 100, Applied), (15, 121, Held), (75, 200, Confirmed)]);
        judge_all(&[(0, 100, Applied), (15, 121, Held), (75, 79, Held), (135, 121, Held)]);
    }

    #[test]
    fn the_band_includes_its_edge() {
        judge_all(&[(0, 100, Applied), (1, 80, Applied), (2, 96, Applied), (3, 116, Held)]);
    }
}
