//! Marks of one tick: several instruments', one record behind the other, in one pass over the accounts.
//!
//! Between two of them every mark is what it was before the tick or what it is behind it. So an account whose severity is the same with the worst of all marks
//! and with the best of them changes it at none; the others are judged mark by mark.

use model::machine::check_form;
use model::margin::Rungs;
use model::record::{FLAG_HOLD, Record, input};

use crate::check::{Batch, Simd};
use crate::lane::Lane;
use crate::lines::Lines;
use crate::machine::Machine;
use crate::memory::prefetch;
use crate::segment::BLOCK;
use crate::visit::{Cause, Change, Tally, Told, WORTH, bits, is_turn};

/// Marks of a tick, at most.
const MARKS: usize = 32;

/// From so many marks on that would each go over all rows, one pass costs less: it takes two checks of every account.
const WORTH_A_PASS: usize = 3;

const SOUND: &str = "a tick's marks are sound";

impl Machine {
    /// How many of these records are one pass over the accounts; 0 if the first is no mark, or is worth none.
    pub(crate) fn tick_of(&self, records: &[Record]) -> usize {
        if self.locked || self.scale.is_none() || !self.rungs.is_ordered() {
            return 0;
        }
        let mut marks = Vec::new();
        for (at, record) in records.iter().take(MARKS).enumerate() {
            let is_mark = record.op() == input::MARK.op && record.flags() & FLAG_HOLD == 0;
            if !is_mark
                || check_form(record).is_err()
                || record.sequence() != self.expected.wrapping_add(at as u32)
            {
                break;
            }
            let Ok((index, price)) = self.marked(record) else { break };
            let mark = price.get() as u32;
            if mark > self.lines.proved(index) || marks.iter().any(|&(other, _)| other == index) {
                break;
            }
            marks.push((index, mark));
        }
        // Bounds for every instrument are worth it if there are as many accounts as tiers.
        let rows = self.capacity.accounts_per_lane * self.capacity.lanes;
        if marks.len() < WORTH_A_PASS || rows < self.lines.pieces.len() {
            return 0;
        }
        let sweeps =
            |lane: &Lane| marks.iter().filter(|&&(index, mark)| lane.sweeps_rows(index, mark)).count();
        // An eager account can become bad on the way, which every mark behind it must see.
        let is_plain = |lane: &Lane| lane.rows.iter().all(|row| lane.eager(row).is_none());
        let is_worth_it = self.lanes.iter().all(|lane| sweeps(lane) >= WORTH_A_PASS);
        if is_worth_it && self.lanes.iter().all(is_plain) { marks.len() } else { 0 }
    }

    /// Executes records of which [`Self::tick_of`] has said that they are one pass.
    pub(crate) fn tick(&mut self, records: &[Record], out: &mut Vec<Record>) {
        self.passes += 1;
        let (mut worst, mut best) = (self.lines.clone(), self.lines.clone());
        for record in records {
            let (index, after) = self.marked(record).expect(SOUND);
            let before = self.instruments[index].bank.mark;
            let (low, high) = (before.min(after).get(), before.max(after).get());
            worst.set_worst(index, &self.instruments[index], low, high);
            best.set_best(index, &self.instruments[index], low, high);
        }
        let (simd, rungs, marks) = (self.simd, self.rungs, records.len() as u32);
        let unsettled = self.by_lane(|lane| {
            lane.disarm_most();
            // Of the turn of the last mark, which alone arms.
            lane.unsettled([&worst, &best], simd, &rungs, lane.turn.wrapping_add(marks))
        });
        for (at, record) in records.iter().enumerate() {
            self.expected = record.sequence().wrapping_add(1);
            let (index, price) = self.marked(record).expect(SOUND);
            let moved = self.set_mark(index, price);
            let change = |size: i64, _: i128| moved.change(size);
            let is_last = at + 1 == records.len();
            self.sweep(record, 0, moved.least, Some(moved.mark), out, |lane, cause, tally, out| {
                let rows = &unsettled[cause.lane_index];
                lane.visit_some(rows, is_last, moved.mark, cause, &change, tally, out);
            });
        }
    }
}

impl Lane {
    /// Rows whose severity is not the one that is held with both of these lines; those that are wide or armed, and those whose turn it is to be armed.
    fn unsettled(&mut self, bounds: [&Lines; 2], simd: Simd, rungs: &Rungs, turn: u32) -> Vec<u32> {
        let (mut rows, mut batch) = (Vec::new(), Batch::new());
        for first in (0..self.rows.len()).step_by(BLOCK) {
            let count = BLOCK.min(self.rows.len() - first);
            let mut unsettled = if is_turn(first / BLOCK, turn) { u64::MAX >> (BLOCK - count) } else { 0 };
            for lines in bounds {
                self.judge(simd, (count, |at| first + at), lines, rungs, &mut batch);
                unsettled |= batch.unsettled | batch.armed;
            }
            rows.extend(bits(unsettled).map(|at| (first + at) as u32));
        }
        rows
    }

    /// As [`Self::visit_rows`], over these rows alone, which are in order.
    #[allow(clippy::too_many_arguments, reason = "what a sweep has at hand")]
    fn visit_some(
        &mut self,
        rows: &[u32],
        arms: bool,
        mark: u32,
        cause: &Cause,
        change: &impl Fn(i64, i128) -> Change,
        tally: &mut Tally,
        out: &mut Vec<Record>,
    ) {
        let cause = &Cause { least: cause.least.saturating_mul(WORTH), ..*cause };
        let (mut batch, mut told) = (Batch::new(), Told::default());
        for rows in rows.chunks(BLOCK) {
            self.judge(
                cause.simd,
                (rows.len(), |at| rows[at] as usize),
                cause.lines,
                cause.rungs,
                &mut batch,
            );
            rows.iter().for_each(|&row| prefetch(&self.slots[row as usize]));
            for (at, &row) in rows.iter().enumerate() {
                let (row, verdict) = (row as usize, (batch.severity(at), batch.word(at)));
                let arms = arms && is_turn(row / BLOCK, self.turn);
                self.visit_row(row, arms, verdict, mark, cause, change, tally, &mut told);
            }
        }
        told.end(out);
    }
}
