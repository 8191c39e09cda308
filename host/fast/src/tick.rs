//! Marks of one tick: several instruments', one record behind the other, in one pass over the accounts.
//!
//! Between two of them every mark is what it was before the tick or what it is behind it. So an account whose severity is the same with the worst of all marks
//! and with the best of them changes it at none; the others are judged mark by mark.

use model::machine::check_form;
use model::record::{FLAG_HOLD, Record, input};

use crate::check::Batch;
use crate::lane::Lane;
use crate::lines::Lines;
use crate::machine::{Instrument, Machine};
use crate::segment::BLOCK;
use crate::sweep::{Move, receipt};
use crate::visit::{Cause, Tally, Told, WORTH, bits, is_turn};

/// Marks of a tick, at most.
const MARKS: usize = 32;

/// From so many marks on that would each go over all rows, one pass costs less: it takes two checks of every account.
const WORTH_A_PASS: usize = 3;

/// The machine behind one of the marks.
struct Stage<'a> {
    record: &'a Record,
    moved: Move,
    instruments: Vec<Instrument>,
    lines: Lines,
}

/// What all stages of a lane have in common.
struct Pass<'a> {
    stages: &'a [Stage<'a>],
    worst: Lines,
    best: Lines,
}

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
        if marks.len() < WORTH_A_PASS {
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
        let mut stages = Vec::new();
        for record in records {
            self.expected = record.sequence().wrapping_add(1);
            let (index, price) = self.marked(record).expect("a tick's marks are sound");
            let moved = self.set_mark(index, price);
            let [low, high] = [moved.mark.min(moved.before), moved.mark.max(moved.before)].map(u64::from);
            worst.set_worst(index, &self.instruments[index], low, high);
            best.set_best(index, &self.instruments[index], low, high);
            stages.push(Stage {
                record,
                moved,
                instruments: self.instruments.clone(),
                lines: self.lines.clone(),
            });
        }
        let pass = Pass { stages: &stages, worst, best };
        let share = self.lanes.len().div_ceil(self.workers.max(1));
        let (rungs, simd, lanes) = (self.rungs, self.simd, self.capacity.lanes);
        let one = |lane_index: usize, lane: &mut Lane| {
            lane.tick(&pass, |stage, least| Cause {
                record: stage.record,
                instruments: &stage.instruments,
                lines: &stage.lines,
                rungs: &rungs,
                lanes,
                lane_index,
                funding: 0,
                least,
                simd,
            })
        };
        // By lane, and by stage.
        let mut answers: Vec<Vec<Vec<Record>>> = Vec::new();
        if self.workers < 2 {
            answers.extend(self.lanes.iter_mut().enumerate().map(|(at, lane)| one(at, lane)));
        } else {
            std::thread::scope(|scope| {
                let one = &one;
                let parts: Vec<_> = self
                    .lanes
                    .chunks_mut(share)
                    .enumerate()
                    .map(|(part, lanes)| {
                        let each = move |(at, lane)| one(part * share + at, lane);
                        scope.spawn(move || lanes.iter_mut().enumerate().map(each).collect::<Vec<_>>())
                    })
                    .collect();
                for part in parts {
                    answers.extend(part.join().expect("a check does not panic"));
                }
            });
        }
        for stage in 0..records.len() {
            answers.iter_mut().for_each(|lane| out.append(&mut lane[stage]));
        }
    }
}

impl Lane {
    fn tick<'a>(
        &mut self,
        pass: &'a Pass<'a>,
        cause_of: impl Fn(&'a Stage<'a>, u32) -> Cause<'a>,
    ) -> Vec<Vec<Record>> {
        self.disarm_most();
        self.turn = self.turn.wrapping_add(1);
        let least =
            pass.stages.iter().map(|stage| stage.moved.least).max().unwrap_or(0).saturating_mul(WORTH);
        let mut stages: Vec<(&Stage, Cause, Tally, Told)> = pass
            .stages
            .iter()
            .map(|stage| {
                (stage, cause_of(stage, least), Tally { flags: 0, before_bad: 0, budget: 0 }, Told::default())
            })
            .collect();
        let Cause { simd, rungs, .. } = stages[0].1;
        let last = stages.len() - 1;
        let mut batch = Batch::new();
        for first in (0..self.rows.len()).step_by(BLOCK) {
            let count = BLOCK.min(self.rows.len() - first);
            self.judge(simd, (count, |at| first + at), &pass.worst, rungs, &mut batch);
            let mut visited = batch.unsettled | batch.armed;
            self.judge(simd, (count, |at| first + at), &pass.best, rungs, &mut batch);
            visited |= batch.unsettled;
            let arms = is_turn(first / BLOCK, self.turn);
            if arms {
                visited = u64::MAX >> (BLOCK - count);
            }
            if visited == 0 {
                continue;
            }
            let (mut rows, mut all) = ([0; BLOCK], 0);
            for at in bits(visited) {
                (rows[all], all) = (first + at, all + 1);
            }
            for (at, (stage, cause, tally, told)) in stages.iter_mut().enumerate() {
                self.judge(simd, (all, |at| rows[at]), cause.lines, rungs, &mut batch);
                let change = |size: i64, _: i128| stage.moved.change(size);
                for (place, &row) in rows[..all].iter().enumerate() {
                    let verdict = (batch.severity(place), batch.word(place));
                    self.visit_row(
                        row,
                        arms && at == last,
                        verdict,
                        stage.moved.mark,
                        cause,
                        &change,
                        tally,
                        told,
                    );
                }
            }
        }
        let end = |(lane, (stage, cause, tally, told)): (&Self, (&Stage, Cause, Tally, Told))| {
            let mut out = Vec::new();
            told.end(&mut out);
            let (instrument, sequence) = (stage.record.instrument(), stage.record.sequence());
            let segment = &lane.segments[usize::from(instrument)];
            let holders = segment.count() - segment.bad + tally.before_bad;
            out.push(receipt(cause.lane_index, instrument, sequence, holders, tally.flags));
            out
        };
        stages.into_iter().map(|stage| end((&*self, stage))).collect()
    }
}
