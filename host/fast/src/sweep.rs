//! Records that go over the holders of an instrument: a mark over those alone whose zone it leaves.

use model::machine::bank;
use model::margin::{self, Weights};
use model::record::{self, FLAG_HOLD, NO_INSTRUMENT, Reason, Record, output};
use model::units::{Price, Scale, bits_of};

use crate::account::size_of;
use crate::check::Batch;
use crate::lane::Lane;
use crate::machine::Machine;
use crate::memory::prefetch;
use crate::packed::Kind;
use crate::segment::BLOCK;
use crate::visit::{Cause, Change, Tally, bits};

/// Accounts that a sweep may arm besides those whose turn it is.
const ARMED_MIN: u32 = 64;

/// Slots that a sweep must go over before workers are begun for it: they take some 50 us.
const WORTH_A_WORKER: usize = 100_000;

/// How a MARK has moved its instrument.
pub(crate) struct Move {
    pub mark: u32,
    before: u32,
    bank: bank::Instrument,
    /// In 2^-32 of the mark.
    pub least: u32,
}

impl Move {
    /// Of an eager account's slot.
    pub fn change(&self, size: i64) -> Change {
        let rise = i128::from(self.mark) - i128::from(self.before);
        Change {
            equity: i128::from(size) * rise * i128::from(self.bank.live.header.weights.of(size_of(size))),
            requirement: self.bank.requirement(size_of(size), self.bank.mark),
        }
    }
}

impl Lane {
    /// True if a check of all rows, which lie one behind the other, costs less than one of the accounts that a mark leads out of their zones; and no more
    /// zones are lost by it than are left.
    pub(crate) fn sweeps_rows(&self, index: usize, mark: u32) -> bool {
        self.segments[index].leaves(mark, (self.rows.len() / 8).max(self.armed / 2))
    }
}

impl Machine {
    /// The instrument and the price of a MARK.
    pub(crate) fn marked(&self, record: &Record) -> Result<(usize, Price), Reason> {
        let index = self.instrument_index(record)?;
        let price = u64::try_from(record::PRICE.get(record)).ok().and_then(|quanta| Price::new(quanta).ok());
        let price = price.ok_or(Reason::FieldRange)?;
        let bank = &self.instruments[index].bank;
        if !bank.committed || bits_of(price.get()) > bank.live.header.price_bits {
            return Err(Reason::State);
        }
        Ok((index, price))
    }

    pub(crate) fn set_mark(&mut self, index: usize, price: Price) -> Move {
        let mark = price.get() as u32;
        if mark > self.lines.proved(index) {
            self.prove_higher(index, mark);
        }
        let before = std::mem::replace(&mut self.instruments[index].bank.mark, price);
        self.lines.set_mark(index, &self.instruments[index]);
        let rise = i128::from(price.get()) - i128::from(before.get());
        let least = (rise.unsigned_abs() << 32) / u128::from(before.get().max(1));
        let least = u32::try_from(least).unwrap_or(u32::MAX);
        Move { mark, before: before.get() as u32, bank: self.instruments[index].bank, least }
    }

    pub(crate) fn mark(&mut self, record: &Record, out: &mut Vec<Record>) -> Result<(), Reason> {
        let (index, price) = self.marked(record)?;
        let moved = self.set_mark(index, price);
        let (mark, change) = (moved.mark, |size: i64, _: i128| moved.change(size));
        let is_held = record.flags() & FLAG_HOLD != 0;
        self.sweep(record, 0, moved.least, Some(mark), out, |lane, cause, tally, out| {
            if !is_held && lane.sweeps_rows(index, mark) {
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
    pub(crate) fn prove_higher(&mut self, index: usize, mark: u32) {
        let instrument = &self.instruments[index];
        let most = u32::MAX >> (32 - instrument.bank.live.header.price_bits);
        let ceiling = u32::MAX >> mark.leading_zeros().saturating_sub(1);
        let before = self.lines.clone();
        self.lines.prove(index, instrument, ceiling.min(most));
        for lane in &mut self.lanes {
            for slot in 0..lane.segments[index].rows.len() {
                let row = lane.segments[index].rows[slot] as usize;
                if lane.rows[row].kind != Kind::Wide && !lane.repack(row, &self.lines) {
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
    pub(crate) fn sweep(
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
        let mut batch = Batch::new();
        for (lane_index, lane) in self.lanes.iter_mut().enumerate() {
            let (mut visited, mut flags) = (0, 0);
            for first in (0..lane.rows.len()).step_by(BLOCK) {
                let count = BLOCK.min(lane.rows.len() - first);
                lane.judge(self.simd, (count, |at| first + at), lines, &self.rungs, &mut batch);
                visited += count as u32;
                for at in bits(batch.unsettled) {
                    let row = first + at;
                    if lane.is_bad(row) {
                        visited -= 1;
                        continue;
                    }
                    let (new, word) = match lane.rows[row].kind {
                        Kind::Wide => lane.verdict(row, lines, instruments, &self.rungs),
                        _ => (batch.severity(at), lines.full(batch.word(at))),
                    };
                    let naming = ((row * lanes + lane_index) as u32, sequence);
                    flags += u32::from(lane.compare(row, new, naming, word, out));
                }
            }
            out.push(receipt(lane_index, NO_INSTRUMENT, sequence, visited, flags));
        }
    }
}

fn receipt(lane: usize, instrument: u16, sequence: u32, holders: u32, flags: u32) -> Record {
    Record::new(&output::RECEIPT, sequence)
        .with(&record::LANE, lane as i128)
        .with(&record::INSTRUMENT, instrument.into())
        .with(&record::HOLDERS, holders.into())
        .with(&record::FLAG_COUNT, flags.into())
}
