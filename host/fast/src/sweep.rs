//! Records that go over the holders of an instrument: a mark over those alone whose zone it leaves.

use model::margin::{self, Weights};
use model::record::{self, FLAG_HOLD, NO_INSTRUMENT, Reason, Record, output};
use model::units::{Price, Scale, bits_of};

use crate::account::size_of;
use crate::machine::{Instrument, Lane, Machine};

/// Accounts that a mark arms, of 64 holders: beyond the break-even, arming costs more than it saves.
const ARMED_OF_64: u32 = 2;
/// Accounts that a mark may always arm.
const ARMED_MIN: u32 = 64;

/// What a sweep does to an eager account's slot: what is added to E, and the slot's requirement from now on.
struct Change {
    equity: i128,
    requirement: i128,
}

/// What a lane's RECEIPT says beyond the slots that it has.
#[derive(Default)]
struct Tally {
    flags: u32,
    /// Slots gone over before another slot made their account bad.
    before_bad: u32,
}

/// What a sweep is told by its record.
struct Cause<'a> {
    record: &'a Record,
    instruments: &'a [Instrument],
    rungs: &'a margin::Rungs,
    lanes: usize,
}

impl Machine {
    pub(crate) fn mark(&mut self, record: &Record, out: &mut Vec<Record>) -> Result<(), Reason> {
        let index = self.instrument_index(record)?;
        let price = u64::try_from(record::PRICE.get(record)).ok().and_then(|quanta| Price::new(quanta).ok());
        let price = price.ok_or(Reason::FieldRange)?;
        let bank = &mut self.instruments[index].bank;
        if !bank.committed || bits_of(price.get()) > bank.live.header.price_bits {
            return Err(Reason::State);
        }
        let before = std::mem::replace(&mut bank.mark, price);
        let rise = i128::from(price.get()) - i128::from(before.get());
        let bank = self.instruments[index].bank;
        let change = |size: i64, _: i128| Change {
            equity: i128::from(size) * rise * i128::from(bank.live.header.weights.of(size_of(size))),
            requirement: bank.requirement(size_of(size), price),
        };
        let mark = price.get() as u32;
        self.sweep(record, out, |lane, cause, tally, out| {
            let mut budget = ARMED_MIN + lane.segments[index].count() / 64 * ARMED_OF_64;
            let mut next = 0;
            while let Some(block) = lane.segments[index].next_block(next, mark) {
                for slot in lane.segments[index].slots_of(block) {
                    if lane.segments[index].is_crossed(slot, mark) {
                        lane.visit(slot, cause, &mut budget, &change, tally, out);
                    }
                }
                lane.segments[index].summarise(block);
                next = block + 1;
            }
        });
        Ok(())
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
        self.make_holders_eager(index);
        self.sweep_all(record, out, |size, requirement| Change {
            equity: -i128::from(scale.get()) * i128::from(size) * delta,
            requirement,
        });
        Ok(())
    }

    /// The sweep of a commit, at the mark: from the weights before to those that are live now, and the same for tiers.
    pub(crate) fn revalue(&mut self, record: &Record, before: Weights, out: &mut Vec<Record>) {
        let bank = self.instruments[usize::from(record.instrument())].bank;
        self.sweep_all(record, out, |size, _| {
            let size = size_of(size);
            Change {
                equity: margin::value(size, bank.mark, bank.live.header.weights)
                    - margin::value(size, bank.mark, before),
                requirement: bank.requirement(size, bank.mark),
            }
        });
    }

    /// Every holder is eager from now on.
    pub(crate) fn make_holders_eager(&mut self, index: usize) {
        for lane in &mut self.lanes {
            for slot in 0..lane.segments[index].accounts.len() {
                let row = lane.segments[index].accounts[slot] as usize / self.capacity.lanes;
                lane.make_eager(row, &self.instruments);
            }
        }
    }

    /// Over every live slot, whose accounts are eager.
    fn sweep_all(&mut self, record: &Record, out: &mut Vec<Record>, change: impl Fn(i64, i128) -> Change) {
        let index = usize::from(record.instrument());
        self.sweep(record, out, |lane, cause, tally, out| {
            for slot in 0..lane.segments[index].accounts.len() {
                // Nobody becomes lazy in it: the instrument's other slots of the account are still to come.
                lane.visit(slot, cause, &mut 0, &change, tally, out);
            }
        });
    }

    /// Goes over the lanes, and gives each lane's RECEIPT.
    fn sweep(
        &mut self,
        record: &Record,
        out: &mut Vec<Record>,
        mut over: impl FnMut(&mut Lane, &Cause, &mut Tally, &mut Vec<Record>),
    ) {
        let (instruments, rungs, lanes) = (&self.instruments[..], &self.rungs, self.capacity.lanes);
        let cause = Cause { record, instruments, rungs, lanes };
        for (lane_index, lane) in self.lanes.iter_mut().enumerate() {
            let mut tally = Tally::default();
            over(lane, &cause, &mut tally, out);
            let segment = &lane.segments[usize::from(record.instrument())];
            let holders = segment.count() - segment.bad + tally.before_bad;
            out.push(receipt(lane_index, record.instrument(), record.sequence(), holders, tally.flags));
        }
    }

    /// Compares every account, lane by lane in order of its rows.
    pub(crate) fn walk(&mut self, sequence: u32, out: &mut Vec<Record>) {
        for (lane_index, lane) in self.lanes.iter_mut().enumerate() {
            let (mut visited, mut flags) = (0, 0);
            for (row, account) in lane.accounts.iter_mut().enumerate() {
                if !account.bad {
                    let index = (row * self.capacity.lanes + lane_index) as u32;
                    let word = account.word(&self.instruments);
                    visited += 1;
                    flags += u32::from(account.compare(index, sequence, word, &self.rungs, out));
                }
            }
            out.push(receipt(lane_index, NO_INSTRUMENT, sequence, visited, flags));
        }
    }
}

impl Lane {
    /// One slot of a sweep.
    fn visit(
        &mut self,
        slot: usize,
        cause: &Cause,
        budget: &mut u32,
        change: &impl Fn(i64, i128) -> Change,
        tally: &mut Tally,
        out: &mut Vec<Record>,
    ) {
        let Cause { record, instruments, rungs, lanes } = *cause;
        let index = usize::from(record.instrument());
        let segment = &mut self.segments[index];
        let number = segment.accounts[slot];
        let row = number as usize / lanes;
        let account = &mut self.accounts[row];
        if account.bad {
            return;
        }
        if !account.lazy {
            let change = change(segment.sizes[slot], segment.requirements[slot]);
            let rise = change.requirement - segment.requirements[slot];
            if let Err(reason) = account.add(change.equity, rise) {
                account.bad = true;
                for position in &account.positions {
                    self.segments[usize::from(position.instrument)].bad += 1;
                    let swept = usize::from(position.instrument) == index && (position.slot as usize) < slot;
                    tally.before_bad += u32::from(swept);
                }
                out.push(
                    Record::new(&output::ERROR_ACCOUNT, record.sequence())
                        .with(&record::REASON, reason as i128)
                        .with(&record::INSTRUMENT, index as i128)
                        .with(&record::ACCOUNT, number.into())
                        .with(&record::SLOT, (slot as u32).into()),
                );
                return;
            }
            segment.requirements[slot] = change.requirement;
        }
        if record.flags() & FLAG_HOLD != 0 {
            return self.disarm(row);
        }
        let word = account.word(instruments);
        tally.flags += u32::from(account.compare(number, record.sequence(), word, rungs, out));
        if *budget > 0 {
            *budget -= 1;
            self.make_lazy(row, instruments);
            self.arm(row, word, instruments, rungs);
        } else {
            // Then a slot costs what it costs in a sweep, until calmer marks arm the account again.
            self.make_eager(row, instruments);
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
