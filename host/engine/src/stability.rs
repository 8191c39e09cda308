//! What a market allows now: circuit breaker, gate after an outage, pauses. Phases follow from event times that are kept; nothing has to
//! happen for one to end, and each has a bound.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::Serialize;

use crate::event::{InstrumentId, TimeMs};
use crate::ledger::Owner;
use crate::rules::{Breaker, Outage};
use crate::state::Engine;

/// What an operator can pause. What reduces risk is in none of them: deposits, reducing trades, cancellations.
#[derive(
    BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Pause {
    /// Trades that add to a position, and new orders.
    Opening,
    /// Orders of liquidations, and of the backstop.
    Book,
    /// Everything that liquidations do but cancel orders.
    Liquidation,
    Withdrawals,
}

/// Where a market's breaker stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    Open,
    Halted,
    /// In this stage, from 1.
    Reopening(u32),
}

/// A market's circuit breaker.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Halt {
    /// Start of the window, and the mark that stood then.
    reference: Option<(TimeMs, u64)>,
    /// When the last halt began.
    halted_ms: Option<TimeMs>,
}

impl Halt {
    /// A mark was applied after the mark `before`. True if it halts the market. A window's reference is the mark that stood when it started,
    /// so that a jump counts wherever it falls.
    pub fn note(
        &mut self,
        now_ms: TimeMs,
        before: Option<u64>,
        mark: u64,
        scale: u32,
        rule: &Breaker,
    ) -> bool {
        if self.phase(now_ms, rule) == Phase::Halted {
            return false;
        }
        let reopened_ms = self.halted_ms.map(|halted_ms| halted_ms.saturating_add(rule.halt_ms));
        let reference = self.reference.filter(|&(since_ms, _)| {
            now_ms.saturating_sub(since_ms) < rule.window_ms
                && reopened_ms.is_none_or(|reopened_ms| since_ms >= reopened_ms)
        });
        let (since_ms, first) = reference.unwrap_or((now_ms, before.unwrap_or(mark)));
        self.reference = Some((since_ms, first));
        let is_beyond =
            u128::from(mark.abs_diff(first)) * u128::from(scale) > u128::from(first) * u128::from(rule.band);
        if is_beyond {
            self.halted_ms = Some(now_ms);
        }
        is_beyond
    }

    pub fn phase(&self, now_ms: TimeMs, rule: &Breaker) -> Phase {
        let Some(halted_ms) = self.halted_ms else { return Phase::Open };
        let reopening_ms = now_ms.saturating_sub(halted_ms).saturating_sub(rule.halt_ms);
        if reopening_ms < 0 {
            return Phase::Halted;
        }
        match reopening_ms / rule.stage_ms {
            stage if stage < rule.stages.into() => Phase::Reopening(stage as u32 + 1),
            _ => Phase::Open,
        }
    }
}

/// What liquidations may do to holders of a market.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Level {
    /// Nothing but cancel orders: its mark is not believed yet, or an operator paused it.
    MarksOnly,
    /// Slices on the book, whose prices protect the account.
    BookOnly,
    All,
}

/// A market's gate after an outage.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Gate {
    /// When the last mark came.
    seen_ms: Option<TimeMs>,
    opened: Option<Opened>,
    /// When a release in stages began.
    released_ms: Option<TimeMs>,
}

#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, PartialEq)]
struct Opened {
    since_ms: TimeMs,
    /// Last mark before the outage.
    before: u64,
    marks: u32,
}

impl Gate {
    /// A mark has come; `applied` is the last one that was applied. True if it opens the gate.
    pub fn see(&mut self, now_ms: TimeMs, applied: Option<u64>, rule: &Outage) -> bool {
        let seen_ms = self.seen_ms.unwrap_or(now_ms);
        self.seen_ms = Some(seen_ms.max(now_ms));
        let Some(before) = applied.filter(|_| now_ms.saturating_sub(seen_ms) >= rule.gap_ms) else {
            return false;
        };
        // Marks so slow that each opens it anew are counted on, or nothing would ever end it.
        let (before, marks) = self.opened.map_or((before, 0), |opened| (opened.before, opened.marks));
        self.opened = Some(Opened { since_ms: now_ms, before, marks });
        true
    }

    /// A mark was applied: the last that the gate waits for ends it, in stages if it is far from the mark before.
    pub fn apply(&mut self, now_ms: TimeMs, mark: u64, scale: u32, rule: &Outage) {
        let Some(opened) = &mut self.opened else { return };
        opened.marks += 1;
        let Opened { since_ms, before, marks } = *opened;
        if marks < rule.marks && now_ms.saturating_sub(since_ms) < rule.hold_ms {
            return;
        }
        self.opened = None;
        let moved = u128::from(mark.abs_diff(before)) * u128::from(scale);
        if moved > u128::from(before) * u128::from(rule.band) {
            self.released_ms = Some(now_ms);
        }
    }

    pub fn level(&self, now_ms: TimeMs, rule: &Outage) -> Level {
        let within = |since_ms: TimeMs, length_ms: i64| now_ms.saturating_sub(since_ms) < length_ms;
        let opened_ms = self.opened.map(|opened| opened.since_ms);
        if opened_ms.is_some_and(|since_ms| within(since_ms, rule.hold_ms)) {
            Level::MarksOnly
        } else if opened_ms
            .is_some_and(|since_ms| within(since_ms, rule.hold_ms.saturating_add(rule.release_ms)))
            || self.released_ms.is_some_and(|since_ms| within(since_ms, rule.release_ms))
        {
            Level::BookOnly
        } else {
            Level::All
        }
    }
}

/// Withdrawals of the present day.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Withdrawals {
    /// Since when, and what the venue held from outside then, quanta.
    window: Option<(TimeMs, u128)>,
    taken: u128,
}

const DAY_MS: i64 = 86_400_000;

impl Withdrawals {
    /// Takes what leaves at `now_ms` of what the venue holds from outside, quanta; a day starts with its first withdrawal. False, and nothing
    /// is taken, if it is more than the day has left.
    pub fn take(&mut self, quanta: u128, now_ms: TimeMs, held: u128, limit: u32, scale: u32) -> bool {
        let is_present = |&(since_ms, _): &(TimeMs, u128)| now_ms.saturating_sub(since_ms) < DAY_MS;
        let day = match self.window.filter(is_present) {
            Some(_) => *self,
            None => Self { window: Some((now_ms, held)), taken: 0 },
        };
        let at_start = day.window.map_or(0, |(_, at_start)| at_start);
        let taken = day.taken + quanta;
        let fits = taken <= at_start * u128::from(limit) / u128::from(scale);
        if fits {
            *self = Self { taken, ..day };
        }
        fits
    }
}

impl Engine {
    pub fn is_paused(&self, instrument: Option<InstrumentId>, action: Pause) -> bool {
        [None, instrument]
            .iter()
            .any(|scope| self.pauses.get(&(*scope, action)).is_some_and(|&until_ms| self.time_ms < until_ms))
    }

    pub fn phase(&self, instrument: InstrumentId) -> Phase {
        let market = self.market(instrument);
        market.spec.breaker.map_or(Phase::Open, |rule| market.halt.phase(self.time_ms, &rule))
    }

    /// What liquidations may do to the account now: what its verdict asks for, as far as every market that it holds allows it. Its verdict
    /// rests on all of their marks.
    pub fn allowed(&self, index: usize) -> Level {
        let of = |scope: Option<InstrumentId>| {
            if self.is_paused(scope, Pause::Liquidation) {
                Level::MarksOnly
            } else {
                scope.map_or(Level::All, |instrument| self.level(instrument))
            }
        };
        let held = self.ledger.margin(index).positions.iter().map(|&(instrument, _)| of(Some(instrument)));
        held.fold(of(None), Level::min)
    }

    /// What liquidations may do to the market's holders, pauses and breaker apart.
    pub fn level(&self, instrument: InstrumentId) -> Level {
        let market = self.market(instrument);
        let gate = self.rules.outage.map_or(Level::All, |rule| market.gate.level(self.time_ms, &rule));
        if market.guard.is_in_doubt(self.time_ms, self.rules.mark_hold_ms) {
            gate.min(Level::BookOnly)
        } else {
            gate
        }
    }

    /// True if liquidations may send orders to the market's book.
    pub(crate) fn is_book_open(&self, instrument: InstrumentId) -> bool {
        let is_paused =
            [Pause::Book, Pause::Liquidation].iter().any(|&action| self.is_paused(Some(instrument), action));
        !is_paused && self.phase(instrument) != Phase::Halted && self.level(instrument) != Level::MarksOnly
    }

    /// True if a mark that the account holds is not believed, or another one is held against it.
    pub(crate) fn holds_doubt(&self, index: usize) -> bool {
        self.ledger.margin(index).positions.iter().any(|&(instrument, _)| {
            let guard = self.market(instrument).guard;
            self.level(instrument) < Level::All || guard.is_holding(self.time_ms, self.rules.mark_hold_ms)
        })
    }

    /// True if nothing may be withdrawn now, whoever asks.
    pub(crate) fn are_withdrawals_closed(&self) -> bool {
        let wait_ms = self.rules.gates.deficit_wait_ms;
        let gated = |id: u16| {
            let gate = self.market(InstrumentId(id)).gate;
            self.rules.outage.is_some_and(|rule| gate.level(self.time_ms, &rule) != Level::All)
        };
        self.is_paused(None, Pause::Withdrawals)
            || self.is_deficit_open
            || self.deficit_ms.is_some_and(|since_ms| self.time_ms.saturating_sub(since_ms) < wait_ms)
            || (0..self.markets.len() as u16).any(gated)
    }

    /// What came from outside and has not left, quanta.
    pub(crate) fn held_from_outside(&self) -> u128 {
        (-self.ledger.of(Owner::Outside).cash).max(0).unsigned_abs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BREAKER: Breaker =
        Breaker { band: 100, window_ms: 300, halt_ms: 60, stages: 3, stage_ms: 20, stage_band: 20 };
    const OUTAGE: Outage = Outage { gap_ms: 600, marks: 3, hold_ms: 60, band: 50, release_ms: 40 };

    #[test]
    fn a_mark_beyond_the_band_halts_and_the_market_reopens_in_stages() {
        let (mut halt, mut before) = (Halt::default(), None);
        let mut note = |now_ms, mark| halt.note(now_ms, before.replace(mark), mark, 1_000, &BREAKER);
        assert!(!note(0, 1_000) && !note(10, 1_100) && !note(20, 900), "the band includes its edge");
        assert!(!note(30, 800 + 100) && !note(300, 990), "a new window starts with the mark that stood: 900");
        assert!(!note(310, 810) && note(320, 991));
        assert!(!note(330, 2_000), "a halt is not extended");
        for (now_ms, phase) in [
            (320, Phase::Halted),
            (379, Phase::Halted),
            (380, Phase::Reopening(1)),
            (399, Phase::Reopening(1)),
            (400, Phase::Reopening(2)),
            (439, Phase::Reopening(3)),
            (440, Phase::Open),
            (100, Phase::Halted),
        ] {
            assert_eq!(halt.phase(now_ms, &BREAKER), phase, "{now_ms}");
        }
        // What stood when the halt ended is the reference of a window of its own; the next halt needs its band again.
        let mut note = |now_ms, before, mark| halt.note(now_ms, Some(before), mark, 1_000, &BREAKER);
        assert!(!note(385, 2_000, 1_800) && !note(390, 1_800, 2_200));
        assert!(note(395, 2_200, 2_201));
        let jump = |now_ms| Halt::default().note(now_ms, Some(1_000), 1_101, 1_000, &BREAKER);
        assert!(jump(0) && jump(7), "a jump is one wherever a window starts");
        let none = Breaker { stages: 0, ..BREAKER };
        assert_eq!([454, 455].map(|now_ms| halt.phase(now_ms, &none)), [Phase::Halted, Phase::Open]);
    }

    #[test]
    fn an_outage_is_followed_by_marks_only_and_a_far_mark_by_a_release_in_stages() {
        let mut gate = Gate::default();
        assert!(!gate.see(0, None, &OUTAGE) && !gate.see(599, Some(1_000), &OUTAGE));
        assert!(gate.see(1_199, Some(1_000), &OUTAGE));
        for (now_ms, mark) in [(1_199, 1_080), (1_200, 1_070)] {
            gate.apply(now_ms, mark, 1_000, &OUTAGE);
            assert_eq!(gate.level(now_ms, &OUTAGE), Level::MarksOnly);
        }
        let mut near = gate;
        near.apply(1_201, 1_050, 1_000, &OUTAGE);
        assert_eq!(near.level(1_201, &OUTAGE), Level::All);
        gate.apply(1_201, 1_051, 1_000, &OUTAGE);
        assert_eq!(
            [1_201, 1_240, 1_241].map(|now_ms| gate.level(now_ms, &OUTAGE)),
            [Level::BookOnly, Level::BookOnly, Level::All]
        );
    }

    #[test]
    fn marks_that_are_all_slow_end_a_gate_by_their_number() {
        let (mut gate, mut applied, mut levels) = (Gate::default(), None, Vec::new());
        for hour in 0..8i64 {
            let (now_ms, mark) = (10_000 * hour, 1_000 + hour as u64);
            gate.see(now_ms, applied.replace(mark), &OUTAGE);
            gate.apply(now_ms, mark, 1_000, &OUTAGE);
            levels.push(gate.level(now_ms, &OUTAGE));
        }
        let third = [Level::MarksOnly, Level::MarksOnly, Level::All];
        assert_eq!(
            levels,
            [vec![Level::All], third.to_vec(), third.to_vec(), vec![Level::MarksOnly]].concat()
        );
    }

    #[test]
    fn a_gate_that_opens_again_compares_with_the_mark_before_the_first_outage() {
        let mut gate = Gate::default();
        gate.see(0, None, &OUTAGE);
        // A stale mark, silence, and the same again: 200 is not near 1,000, though it is near itself.
        for now_ms in [1_000, 2_000, 3_000] {
            gate.see(now_ms, Some(if now_ms == 1_000 { 1_000 } else { 200 }), &OUTAGE);
            gate.apply(now_ms, 200, 1_000, &OUTAGE);
        }
        assert_eq!(gate.level(3_000, &OUTAGE), Level::BookOnly);
    }

    #[test]
    fn a_gate_ends_with_time_where_no_mark_comes() {
        let mut gate = Gate::default();
        gate.see(0, None, &OUTAGE);
        gate.see(700, Some(1_000), &OUTAGE);
        let levels = [700, 759, 760, 799, 800].map(|now_ms| gate.level(now_ms, &OUTAGE));
        assert_eq!(
            levels,
            [Level::MarksOnly, Level::MarksOnly, Level::BookOnly, Level::BookOnly, Level::All]
        );
        // Late, it is compared all the same.
        gate.apply(900, 2_000, 1_000, &OUTAGE);
        assert_eq!(
            [900, 939, 940].map(|now_ms| gate.level(now_ms, &OUTAGE)),
            [Level::BookOnly, Level::BookOnly, Level::All]
        );
        // A clock that went back opens nothing.
        assert!(!gate.see(5, Some(1_000), &OUTAGE) && !gate.see(1_299, Some(1_000), &OUTAGE));
        assert!(gate.see(1_899, Some(1_000), &OUTAGE));
    }

    #[test]
    fn a_day_of_withdrawals_starts_with_the_first() {
        let mut withdrawals = Withdrawals::default();
        let mut take =
            |quanta, now_ms, held| (withdrawals.take(quanta, now_ms, held, 200, 1_000), withdrawals);
        let (taken, unused) = take(202, 3, 1_005);
        assert_eq!((taken, unused), (false, Withdrawals::default()), "what is refused starts no day");
        assert!(take(150, 5, 1_005).0 && !take(52, DAY_MS + 4, 9_999).0 && take(51, DAY_MS + 4, 9_999).0);
        assert!(!take(1, DAY_MS + 4, 9_999).0 && !take(161, DAY_MS + 5, 800).0);
        assert!(take(160, DAY_MS + 5, 800).0 && !take(1, DAY_MS + 6, 9_999).0);
    }
}
