//! Records that go over the holders of an instrument: a mark over those alone whose zone it leaves.

use model::margin::{self, Rungs, Severity, Weights};
use model::record::{self, FLAG_HOLD, NO_INSTRUMENT, Reason, Record, output};
use model::units::{Price, Scale, bits_of};

use crate::account::size_of;
use crate::check::{self, Simd, Verdict};
use crate::lane::Lane;
use crate::lines::Lines;
use crate::machine::{Instrument, Machine};
use crate::memory::prefetch;
use crate::packed::Kind;
use crate::segment::BLOCK;

/// A sweep arms accounts of every so manieth block, in turn: beyond the break-even, arming costs more than it saves.
const TURNS: u32 = 64;
/// Accounts that a sweep may arm besides.
const ARMED_MIN: u32 = 64;

/// Slots that a sweep must go over before workers are begun for it: they take some 50 us.
const WORTH_A_WORKER: usize = 100_000;

/// What a sweep does to an eager account's slot: what is added to E, and the slot's requirement from now on.
struct Change {
    equity: i128,
    requirement: i128,
}

/// What a lane's RECEIPT says beyond the slots that it has, and how many accounts may still be armed whose turn it is not.
struct Tally {
    flags: u32,
    /// Slots gone over before another slot made their account bad.
    before_bad: u32,
    budget: u32,
}

impl Tally {
    /// An account of this block may be armed.
    fn arms(&self, block: usize, turn: u32) -> bool {
        self.budget > 0 || is_turn(block, turn)
    }
}

fn is_turn(block: usize, turn: u32) -> bool {
    (block as u32 ^ turn).is_multiple_of(TURNS)
}

/// What a sweep is told by its record.
struct Cause<'a> {
    record: &'a Record,
    instruments: &'a [Instrument],
    lines: &'a Lines,
    rungs: &'a Rungs,
    lanes: usize,
    lane_index: usize,
    /// Quanta that a lot pays.
    funding: i64,
    /// Narrowest zone that is worth arming, in 2^-32 of the mark: as wide as the move.
    least: u32,
    simd: Simd,
}

impl Cause<'_> {
    fn number(&self, row: usize) -> u32 {
        (row * self.lanes + self.lane_index) as u32
    }
}

impl Machine {
    pub(crate) fn mark(&mut self, record: &Record, out: &mut Vec<Record>) -> Result<(), Reason> {
        let index = self.instrument_index(record)?;
        let price = u64::try_from(record::PRICE.get(record)).ok().and_then(|quanta| Price::new(quanta).ok());
        let price = price.ok_or(Reason::FieldRange)?;
        let bank = &self.instruments[index].bank;
        if !bank.committed || bits_of(price.get()) > bank.live.header.price_bits {
            return Err(Reason::State);
        }
        let mark = price.get() as u32;
        if mark > self.lines.proved(index) {
            self.prove_higher(index, mark);
        }
        let before = std::mem::replace(&mut self.instruments[index].bank.mark, price);
        self.lines.set_mark(index, &self.instruments[index]);
        let rise = i128::from(price.get()) - i128::from(before.get());
        let bank = self.instruments[index].bank;
        let change = |size: i64, _: i128| Change {
            equity: i128::from(size) * rise * i128::from(bank.live.header.weights.of(size_of(size))),
            requirement: bank.requirement(size_of(size), price),
        };
        let least = (rise.unsigned_abs() << 32) / u128::from(before.get().max(1));
        let least = u32::try_from(least).unwrap_or(u32::MAX);
        let is_held = record.flags() & FLAG_HOLD != 0;
        self.sweep(record, 0, least, Some(mark), out, |lane, cause, tally, out| {
            if !is_held && lane.segments[index].leaves_most(mark, lane.rows.len()) {
                return lane.visit_rows(mark, cause, &change, tally, out);
            }
            let mut next = 0;
            while let Some(block) = lane.segments[index].next_block(next, mark) {
                lane.visit_block(block, mark, cause, &change, tally, out);
                lane.segments[index].summarise(block);
                next = block + 1;
            }
        });
        Ok(())
    }

    /// Proves every packed holder for marks of twice the power of two above `mark`; whom it cannot prove becomes wide.
    fn prove_higher(&mut self, index: usize, mark: u32) {
        let instrument = &self.instruments[index];
        let most = u32::MAX >> (32 - instrument.bank.live.header.price_bits);
        let ceiling = u32::MAX >> mark.leading_zeros().saturating_sub(1);
        let before = self.lines.clone();
        self.lines.prove(index, instrument, ceiling.min(most));
        for lane in &mut self.lanes {
            for slot in 0..lane.segments[index].rows.len() {
                let row = lane.segments[index].rows[slot] as usize;
                if lane.outgrows(row, &self.lines) {
                    lane.make_eager(row, &before, &self.instruments);
                }
            }
        }
    }

    pub(crate) fn funding(
        &mut self,
        record: &Record,
        scale: Scale,
        out: &mut Vec<Record>,
    ) -> Result<(), Reason> {
        let index = self.instrument_index(record)?;
        let delta = record::INDEX_DELTA.get(record);
        let magnitude = delta.unsigned_abs() as u64;
        if Price::new(magnitude).is_err() {
            return Err(Reason::FieldRange);
        }
        let bank = &self.instruments[index].bank;
        let header = &bank.live.header;
        if !bank.committed
            || bits_of(magnitude) > header.price_bits
            || header.weights != (Weights { long: scale.get(), short: scale.get() })
        {
            return Err(Reason::State);
        }
        self.make_wide_holders_eager(index);
        self.sweep_all(record, delta as i64, out, |size, requirement| Change {
            equity: -i128::from(scale.get()) * i128::from(size) * delta,
            requirement,
        });
        Ok(())
    }

    /// The sweep of a commit, at the mark: from the weights before to those that are live now, and the same for tiers.
    pub(crate) fn revalue(&mut self, record: &Record, before: Weights, out: &mut Vec<Record>) {
        let bank = self.instruments[usize::from(record.instrument())].bank;
        self.sweep_all(record, 0, out, |size, _| {
            let size = size_of(size);
            Change {
                equity: margin::value(size, bank.mark, bank.live.header.weights)
                    - margin::value(size, bank.mark, before),
                requirement: bank.requirement(size, bank.mark),
            }
        });
    }

    /// Holders that are wide are eager from now on.
    fn make_wide_holders_eager(&mut self, index: usize) {
        for lane in &mut self.lanes {
            for slot in 0..lane.segments[index].rows.len() {
                let row = lane.segments[index].rows[slot] as usize;
                if lane.rows[row].kind == Kind::Wide {
                    lane.make_eager(row, &self.lines, &self.instruments);
                }
            }
        }
    }

    /// Over every live slot, whose accounts are eager or packed.
    fn sweep_all(
        &mut self,
        record: &Record,
        funding: i64,
        out: &mut Vec<Record>,
        change: impl Fn(i64, i128) -> Change + Sync,
    ) {
        let index = usize::from(record.instrument());
        self.sweep(record, funding, 0, None, out, |lane, cause, tally, out| {
            for slot in 0..lane.segments[index].rows.len() {
                if let Some(ahead) = lane.segments[index].rows.get(slot + 16) {
                    prefetch(&lane.rows[*ahead as usize]);
                }
                let arms = tally.arms(slot / BLOCK, lane.turn);
                lane.visit(slot, arms, cause, &change, tally, out);
            }
        });
    }

    /// Goes over the lanes, and gives each lane's RECEIPT; those that a mark leads out of many zones at once side by side, by worker.
    fn sweep(
        &mut self,
        record: &Record,
        funding: i64,
        least: u32,
        mark: Option<u32>,
        out: &mut Vec<Record>,
        over: impl Fn(&mut Lane, &Cause, &mut Tally, &mut Vec<Record>) + Sync,
    ) {
        let (instruments, lines, simd) = (&self.instruments[..], &self.lines, self.simd);
        let (rungs, lanes) = (&self.rungs, self.capacity.lanes);
        let index = usize::from(record.instrument());
        let visited: usize = self.lanes.iter().map(|lane| lane.segments[index].left_at_most(mark)).sum();
        let one = |lane_index: usize, lane: &mut Lane, out: &mut Vec<Record>| {
            let cause = Cause { record, instruments, lines, rungs, lanes, lane_index, funding, least, simd };
            let mut tally = Tally { flags: 0, before_bad: 0, budget: ARMED_MIN };
            lane.turn = lane.turn.wrapping_add(1);
            over(lane, &cause, &mut tally, out);
            let segment = &lane.segments[index];
            let holders = segment.count() - segment.bad + tally.before_bad;
            out.push(receipt(lane_index, record.instrument(), record.sequence(), holders, tally.flags));
        };
        if self.workers < 2 || visited < WORTH_A_WORKER {
            self.lanes.iter_mut().enumerate().for_each(|(lane_index, lane)| one(lane_index, lane, out));
            return;
        }
        let share = lanes.div_ceil(self.workers);
        let mut answers = vec![Vec::new(); lanes.div_ceil(share)];
        std::thread::scope(|scope| {
            let one = &one;
            for (part, (lanes, answers)) in self.lanes.chunks_mut(share).zip(&mut answers).enumerate() {
                scope.spawn(move || {
                    for (at, lane) in lanes.iter_mut().enumerate() {
                        one(part * share + at, lane, answers);
                    }
                });
            }
        });
        answers.into_iter().for_each(|answers| out.extend(answers));
    }

    /// Compares every account, lane by lane in order of its rows.
    pub(crate) fn walk(&mut self, sequence: u32, out: &mut Vec<Record>) {
        let (instruments, lines, lanes) = (&self.instruments[..], &self.lines, self.capacity.lanes);
        let mut verdicts = [Verdict::default(); BLOCK];
        for (lane_index, lane) in self.lanes.iter_mut().enumerate() {
            let (mut visited, mut flags) = (0, 0);
            for first in (0..lane.rows.len()).step_by(BLOCK) {
                let count = BLOCK.min(lane.rows.len() - first);
                let rows: [u32; BLOCK] = std::array::from_fn(|at| (first + at) as u32);
                check::verdicts(self.simd, &mut lane.rows, &rows[..count], lines, &self.rungs, &mut verdicts);
                for (row, &(word, new)) in (first..first + count).zip(&verdicts) {
                    let held = &lane.rows[row];
                    if held.kind == Kind::Compact && held.severity == new {
                        visited += 1;
                        continue;
                    }
                    if lane.is_bad(row) {
                        continue;
                    }
                    let (new, word) = match held.kind {
                        Kind::Compact => (new, lines.full(word)),
                        _ => lane.verdict(row, lines, instruments, &self.rungs),
                    };
                    let naming = ((row * lanes + lane_index) as u32, sequence);
                    visited += 1;
                    flags += u32::from(lane.compare(row, new, naming, word, out));
                }
            }
            out.push(receipt(lane_index, NO_INSTRUMENT, sequence, visited, flags));
        }
    }
}

impl Lane {
    /// The slots of a block whose zones the mark leaves.
    fn visit_block(
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
        let mut verdicts = [Verdict::default(); BLOCK];
        check::verdicts(cause.simd, &mut self.rows, &rows[..count], lines, rungs, &mut verdicts);
        let is_held = record.flags() & FLAG_HOLD != 0;
        for at in 0..count {
            let (word, new) = verdicts[at];
            let row = rows[at] as usize;
            let held = &self.rows[row];
            let arms = tally.arms(block, self.turn);
            if held.kind != Kind::Compact || held.armed || is_held || arms {
                self.visit(slots[at], arms, cause, change, tally, out);
            } else if held.severity != new {
                let naming = (cause.number(row), record.sequence());
                tally.flags += u32::from(self.compare(row, new, naming, lines.full(word), out));
            }
        }
    }

    /// Every account in the order of the rows, which memory likes better; what is answered is put in the order of the slots. Whoever's zone the mark
    /// has left has none from then on.
    fn visit_rows(
        &mut self,
        mark: u32,
        cause: &Cause,
        change: &impl Fn(i64, i128) -> Change,
        tally: &mut Tally,
        out: &mut Vec<Record>,
    ) {
        let Cause { record, lines, rungs, .. } = *cause;
        let index = usize::from(record.instrument());
        let mut verdicts = [Verdict::default(); BLOCK];
        // Answers, and the slot of each with its place among them.
        let (mut answers, mut order) = (Vec::new(), Vec::new());
        for first in (0..self.rows.len()).step_by(BLOCK) {
            let count = BLOCK.min(self.rows.len() - first);
            let rows: [u32; BLOCK] = std::array::from_fn(|at| (first + at) as u32);
            check::verdicts(cause.simd, &mut self.rows, &rows[..count], lines, rungs, &mut verdicts);
            let arms = is_turn(first / BLOCK, self.turn);
            for row in first..first + count {
                if self.rows[row].armed
                    && let Some(slot) = self.slot_in(row, index)
                {
                    self.segments[index].prefetch(slot as usize);
                }
            }
            for (row, &(word, new)) in (first..first + count).zip(&verdicts) {
                let held = &self.rows[row];
                if held.kind == Kind::Compact && held.severity == new && !arms && !held.armed {
                    continue;
                }
                if held.kind == Kind::Compact && !arms {
                    let Some(slot) = self.slot_in(row, index) else { continue };
                    if held.armed && self.segments[index].is_left(slot as usize, mark) {
                        self.disarm(row);
                    }
                    if self.compare(
                        row,
                        new,
                        (cause.number(row), record.sequence()),
                        lines.full(word),
                        &mut answers,
                    ) {
                        tally.flags += 1;
                        order.push((slot, answers.len() - 1));
                    }
                    continue;
                }
                let mut slots = self.slots_in(row, index);
                slots.sort_unstable();
                for slot in slots {
                    let before = answers.len();
                    self.visit(slot as usize, arms, cause, change, tally, &mut answers);
                    order.extend((before..answers.len()).map(|at| (slot, at)));
                }
            }
        }
        order.sort_unstable();
        out.extend(order.into_iter().map(|(_, at)| answers[at]));
    }

    /// One slot of a sweep.
    #[inline]
    fn visit(
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

fn receipt(lane: usize, instrument: u16, sequence: u32, holders: u32, flags: u32) -> Record {
    Record::new(&output::RECEIPT, sequence)
        .with(&record::LANE, lane as i128)
        .with(&record::INSTRUMENT, instrument.into())
        .with(&record::HOLDERS, holders.into())
        .with(&record::FLAG_COUNT, flags.into())
}
