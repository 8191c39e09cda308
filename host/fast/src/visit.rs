//! What a sweep does to an account: one slot, a block of slots, or all accounts in the order of their rows.

use model::margin::{self, Rungs, Severity};
use model::record::{self, FLAG_HOLD, Record, output};

use crate::check::{self, Batch, Simd, Word};
use crate::lane::Lane;
use crate::lines::Lines;
use crate::machine::Instrument;
use crate::memory::prefetch;
use crate::packed::Kind;
use crate::segment::BLOCK;

/// A sweep arms accounts of every so manieth block, in turn: beyond the break-even, arming costs more than it saves.
const TURNS: u32 = 64;

/// In a sweep over all accounts those are armed whose zone is so many times as wide as the move: others would soon be disarmed again.
pub const WORTH: u32 = 8;

/// What a sweep does to an eager account's slot: what is added to E, and the slot's requirement from now on.
pub struct Change {
    pub equity: i128,
    pub requirement: i128,
}

/// What a lane's RECEIPT says beyond the slots that it has, and how many accounts may still be armed whose turn it is not.
pub struct Tally {
    pub flags: u32,
    /// Slots gone over before another slot made their account bad.
    pub before_bad: u32,
    pub budget: u32,
}

impl Tally {
    /// An account of this block may be armed.
    pub fn arms(&self, block: usize, turn: u32) -> bool {
        self.budget > 0 || is_turn(block, turn)
    }
}

pub fn is_turn(block: usize, turn: u32) -> bool {
    (block as u32 ^ turn).is_multiple_of(TURNS)
}

/// What is answered in the order of the rows, with the slot of each answer.
#[derive(Default)]
pub struct Told {
    answers: Vec<Record>,
    order: Vec<(u32, usize)>,
}

impl Told {
    /// In the order of the slots.
    pub fn end(mut self, out: &mut Vec<Record>) {
        self.order.sort_unstable();
        out.extend(self.order.into_iter().map(|(_, at)| self.answers[at]));
    }
}

/// The places of bits that are set.
pub fn bits(mut set: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let at = set.trailing_zeros();
        set &= set.wrapping_sub(1);
        (at < u64::BITS).then_some(at as usize)
    })
}

/// What a sweep is told by its record.
pub struct Cause<'a> {
    pub record: &'a Record,
    pub instruments: &'a [Instrument],
    pub lines: &'a Lines,
    pub rungs: &'a Rungs,
    pub lanes: usize,
    pub lane_index: usize,
    /// Quanta that a lot pays.
    pub funding: i64,
    /// Narrowest zone that is worth arming, in 2^-32 of the mark: as wide as the move.
    pub least: u32,
    pub simd: Simd,
}

impl Cause<'_> {
    fn number(&self, row: usize) -> u32 {
        (row * self.lanes + self.lane_index) as u32
    }
}

impl Lane {
    /// The slots of a block whose zones the mark leaves.
    pub fn visit_block(
        &mut self,
        block: usize,
        mark: u32,
        cause: &Cause,
        change: &impl Fn(i64, i128) -> Change,
        tally: &mut Tally,
        out: &mut Vec<Record>,
    ) {
        let Cause { record, lines, rungs, .. } = *cause;
        let segment = &self.segments[usize::from(record.instrument())];
        let (mut slots, mut rows) = ([0; BLOCK], [0; BLOCK]);
        let (mut left, mut count) = (segment.left(block, mark), 0);
        while left != 0 {
            slots[count] = block * BLOCK + left.trailing_zeros() as usize;
            rows[count] = segment.rows[slots[count]];
            prefetch(&self.rows[rows[count] as usize]);
            count += 1;
            left &= left - 1;
        }
        let mut batch = Batch::new();
        self.judge(cause.simd, (count, |at| rows[at] as usize), lines, rungs, &mut batch);
        let is_held = record.flags() & FLAG_HOLD != 0;
        for at in 0..count {
            let (row, new) = (rows[at] as usize, batch.severity(at));
            let held = &self.rows[row];
            let arms = tally.arms(block, self.turn);
            if held.kind == Kind::Wide || held.armed || is_held || arms {
                self.visit(slots[at], arms, cause, change, tally, out);
            } else if held.severity != new {
                let naming = (cause.number(row), record.sequence());
                tally.flags += u32::from(self.compare(row, new, naming, lines.full(batch.word(at)), out));
            }
        }
    }

    /// Every account in the order of the rows, which memory likes better; what is answered is put in the order of the slots. Whoever's zone the mark
    /// has left has none from then on.
    pub fn visit_rows(
        &mut self,
        mark: u32,
        cause: &Cause,
        change: &impl Fn(i64, i128) -> Change,
        tally: &mut Tally,
        out: &mut Vec<Record>,
    ) {
        let Cause { lines, rungs, .. } = *cause;
        self.disarm_most();
        let cause = &Cause { least: cause.least.saturating_mul(WORTH), ..*cause };
        let (mut batch, mut told) = (Batch::new(), Told::default());
        for first in (0..self.rows.len()).step_by(BLOCK) {
            let count = BLOCK.min(self.rows.len() - first);
            self.judge(cause.simd, (count, |at| first + at), lines, rungs, &mut batch);
            let arms = is_turn(first / BLOCK, self.turn);
            let visited = if arms { u64::MAX >> (BLOCK - count) } else { batch.unsettled | batch.armed };
            bits(visited).for_each(|at| prefetch(&self.slots[first + at]));
            for at in bits(visited) {
                let verdict = (batch.severity(at), batch.word(at));
                self.visit_row(first + at, arms, verdict, mark, cause, change, tally, &mut told);
            }
        }
        told.end(out);
    }

    /// The slots of a row whose verdict, if it is compact, is this.
    #[allow(clippy::too_many_arguments, reason = "what a sweep has at hand, once for each row")]
    #[inline]
    pub fn visit_row(
        &mut self,
        row: usize,
        arms: bool,
        (new, word): (Severity, Word),
        mark: u32,
        cause: &Cause,
        change: &impl Fn(i64, i128) -> Change,
        tally: &mut Tally,
        told: &mut Told,
    ) {
        let index = usize::from(cause.record.instrument());
        if arms || self.rows[row].kind != Kind::Compact {
            let mut slots = self.slots_in(row, index);
            slots.sort_unstable();
            for slot in slots {
                let before = told.answers.len();
                self.visit(slot as usize, arms, cause, change, tally, &mut told.answers);
                told.order.extend((before..told.answers.len()).map(|at| (slot, at)));
            }
            return;
        }
        let Some(slot) = self.slot_in(row, index) else { return };
        if self.rows[row].armed && self.segments[index].is_left(slot as usize, mark) {
            self.disarm(row);
        }
        let naming = (cause.number(row), cause.record.sequence());
        if self.compare(row, new, naming, cause.lines.full(word), &mut told.answers) {
            tally.flags += 1;
            told.order.push((slot, told.answers.len() - 1));
        }
    }

    /// One slot of a sweep.
    #[inline]
    pub fn visit(
        &mut self,
        slot: usize,
        arms: bool,
        cause: &Cause,
        change: &impl Fn(i64, i128) -> Change,
        tally: &mut Tally,
        out: &mut Vec<Record>,
    ) {
        let Cause { record, instruments, lines, rungs, .. } = *cause;
        let index = usize::from(record.instrument());
        let row = self.segments[index].rows[slot] as usize;
        let number = cause.number(row);
        if cause.funding != 0 && self.rows[row].kind != Kind::Wide {
            let paid = i128::from(self.size_in(row, index)) * i128::from(cause.funding);
            if !self.change(row, -paid, None, lines) {
                self.make_eager(row, lines, instruments);
            }
        }
        let (new, word) = match self.packed_word(row, lines) {
            Some((word, offset)) => (check::severity(word, offset, rungs), lines.full(word)),
            None => match self.visit_wide(row, slot, number, cause, change, tally) {
                Ok(verdict) => verdict,
                Err(error) => return out.extend(error),
            },
        };
        if record.flags() & FLAG_HOLD != 0 {
            return self.disarm(row);
        }
        tally.flags += u32::from(self.compare(row, new, (number, record.sequence()), word, out));
        if arms {
            tally.budget = tally.budget.saturating_sub(1);
            self.settle(row, lines, instruments);
            self.arm(row, lines, instruments, rungs, cause.least);
        } else if self.rows[row].armed {
            self.disarm(row);
        }
    }

    /// Verdict on a wide account, its slot updated if it is eager; else what is answered.
    #[cold]
    fn visit_wide(
        &mut self,
        row: usize,
        slot: usize,
        number: u32,
        cause: &Cause,
        change: &impl Fn(i64, i128) -> Change,
        tally: &mut Tally,
    ) -> Result<(Severity, (i128, i128)), Option<Record>> {
        let index = usize::from(cause.record.instrument());
        let account = &mut self.wide[self.rows[row].place()];
        if account.bad {
            return Err(None);
        }
        if !account.lazy {
            let at = account.find(index, slot).expect("a slot is among its account's positions");
            let position = account.positions[at];
            let change = change(position.size, position.requirement);
            if let Err(reason) = account.add(change.equity, change.requirement - position.requirement) {
                account.bad = true;
                for position in &account.positions {
                    self.segments[usize::from(position.instrument)].bad += 1;
                    let swept = usize::from(position.instrument) == index && (position.slot as usize) < slot;
                    tally.before_bad += u32::from(swept);
                }
                return Err(Some(
                    Record::new(&output::ERROR_ACCOUNT, cause.record.sequence())
                        .with(&record::REASON, reason as i128)
                        .with(&record::INSTRUMENT, index as i128)
                        .with(&record::ACCOUNT, number.into())
                        .with(&record::SLOT, slot as i128),
                ));
            }
            account.positions[at].requirement = change.requirement;
        }
        let (equity, requirement) = account.word(cause.instruments);
        let severity = margin::severity(equity, requirement, account.offset, cause.rungs);
        Ok((severity, (equity, requirement)))
    }
}
