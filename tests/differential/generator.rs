//! A stream that keeps its machine busy: builders of records, and the state to choose them by.

use super::book::Terms;
use super::rng::Rng;
use super::tape::Tape;
use model::record::{self, FLAG_COMMIT, FLAG_HOLD, FLAG_RAW, Record, input};

pub fn setting(index: u16, value: u32) -> Record {
    Record::new(&input::SETTING, 0).with(&record::INDEX, index.into()).with(&record::VALUE, value.into())
}

pub fn tier(instrument: u16, step: usize, (floor, rate, deduction): (u64, u32, u128)) -> Record {
    Record::new(&input::TIER, 0)
        .with(&record::INSTRUMENT, instrument.into())
        .with(&record::STEP, step as i128)
        .with(&record::FLOOR, floor.into())
        .with(&record::RATE, rate.into())
        .with(&record::DEDUCTION, deduction as i128)
}

pub fn header(instrument: u16, terms: &Terms) -> Record {
    Record::new(&input::INSTRUMENT, 0)
        .with(&record::INSTRUMENT, instrument.into())
        .with(&record::WEIGHT_LONG, terms.weight_long.into())
        .with(&record::WEIGHT_SHORT, terms.weight_short.into())
        .with(&record::BASE, terms.base.into())
        .with(&record::CAPACITY, terms.capacity.into())
        .with(&record::PRICE_BITS, terms.price_bits.into())
        .with(&record::SIZE_BITS, terms.size_bits.into())
        .with(&record::TIER_COUNT, terms.tiers.len() as i128)
}

pub fn commit(instrument: u16, terms: &Terms) -> Record {
    header(instrument, terms).flagged(FLAG_COMMIT)
}

pub fn mark(instrument: u16, price: u64) -> Record {
    Record::new(&input::MARK, 0)
        .with(&record::INSTRUMENT, instrument.into())
        .with(&record::PRICE, price.into())
}

pub fn funding(instrument: u16, delta: i64) -> Record {
    Record::new(&input::FUNDING, 0)
        .with(&record::INSTRUMENT, instrument.into())
        .with(&record::INDEX_DELTA, delta.into())
}

pub fn position(instrument: u16, account: u32, slot: u32, size: i64, cash_delta: i64) -> Record {
    Record::new(&input::POSITION, 0)
        .with(&record::INSTRUMENT, instrument.into())
        .with(&record::ACCOUNT, account.into())
        .with(&record::SLOT, slot.into())
        .with(&record::SIZE, size.into())
        .with(&record::CASH_DELTA, cash_delta.into())
}

pub fn cash(account: u32, delta: i64) -> Record {
    Record::new(&input::CASH, 0).with(&record::ACCOUNT, account.into()).with(&record::DELTA, delta.into())
}

pub fn offset(account: u32, value: i128) -> Record {
    Record::new(&input::OFFSET, 0).with(&record::ACCOUNT, account.into()).with(&record::OFFSET, value)
}

/// POSITION raw.
pub fn raw(instrument: u16, account: u32, slot: u32, size: i64) -> Record {
    position(instrument, account, slot, size, 0).flagged(FLAG_RAW)
}

pub fn load(account: u32, equity: i128, requirement: i128) -> Record {
    Record::new(&input::LOAD, 0).with(&record::ACCOUNT, account.into()).with_account_word(equity, requirement)
}

pub fn move_slot(instrument: u16, account: u32, from: u32, to: u32) -> Record {
    Record::new(&input::MOVE, 0)
        .with(&record::INSTRUMENT, instrument.into())
        .with(&record::ACCOUNT, account.into())
        .with(&record::FROM, from.into())
        .with(&record::TO, to.into())
}

pub fn readback(account: u32) -> Record {
    Record::new(&input::READBACK, 0).with(&record::ACCOUNT, account.into())
}

pub fn readback_slot(instrument: u16, account: u32, slot: u32) -> Record {
    Record::new(&input::READBACK_BY_SLOT, 0)
        .with(&record::INSTRUMENT, instrument.into())
        .with(&record::ACCOUNT, account.into())
        .with(&record::SLOT, slot.into())
}

pub fn fence(token: u64) -> Record {
    Record::new(&input::FENCE, 0).with(&record::TOKEN, token.into())
}

pub fn resync(sequence: u32, token: u64) -> Record {
    Record::new(&input::RESYNC, sequence).with(&record::TOKEN, token.into())
}

/// Largest magnitude of an offset.
pub const OFFSET_MAX: i128 = (1 << 86) - 1;

/// Draws records for one machine from its reset on.
pub struct Generator {
    pub rng: Rng,
    pub tape: Tape,
    /// Accounts that ordinary records are about: few, so that they meet; some in every lane.
    pub accounts: Vec<u32>,
    /// Terms of every instrument, committed or not.
    pub terms: Vec<Terms>,
}

impl Generator {
    pub fn account(&mut self) -> u32 {
        for _ in 0..4 {
            let account = self.rng.pick(&self.accounts);
            if !self.is_bad(account) {
                return account;
            }
        }
        self.rng.pick(&self.accounts)
    }

    /// A committed instrument, or any at random before the first commit.
    pub fn instrument(&mut self) -> u16 {
        let live: Vec<u16> = (0..self.terms.len() as u16).filter(|i| self.is_live(*i)).collect();
        if live.is_empty() { self.rng.below(self.terms.len() as u64) as u16 } else { self.rng.pick(&live) }
    }

    pub fn is_live(&self, instrument: u16) -> bool {
        self.tape.book.instruments[usize::from(instrument)].live.is_some()
    }

    pub fn mark_of(&self, instrument: u16) -> u64 {
        self.tape.book.instruments[usize::from(instrument)].mark
    }

    pub fn live(&self, instrument: u16) -> &Terms {
        self.tape.book.instruments[usize::from(instrument)]
            .live
            .as_ref()
            .unwrap_or(&self.terms[usize::from(instrument)])
    }

    /// Live slots of the instrument in the lane.
    pub fn slots(&self, instrument: u16, lane: usize) -> &[(u32, i64)] {
        &self.tape.book.instruments[usize::from(instrument)].slots[lane]
    }

    pub fn lane_of(&self, account: u32) -> usize {
        self.tape.book.lane_of(account)
    }

    pub fn lane(&mut self) -> usize {
        self.rng.below(self.tape.book.capacity.lanes as u64) as usize
    }

    pub fn is_bad(&self, account: u32) -> bool {
        self.tape.book.accounts[account as usize].bad
    }

    /// Hold, once in a while.
    pub fn maybe_held(&mut self, record: Record) -> Record {
        if self.rng.one_in(6) { record.flagged(FLAG_HOLD) } else { record }
    }

    pub fn send(&mut self, record: Record) -> bool {
        self.tape.try_send(record)
    }

    /// E and R of the account, asked of the machine.
    pub fn read(&mut self, account: u32) -> (i128, i128) {
        let answer = self.tape.send(readback(account))[0];
        (answer.equity(), answer.requirement())
    }

    /// Slot of the account in the instrument, or the one to append; `None` if there is no room.
    pub fn slot_for(&mut self, instrument: u16, account: u32) -> Option<u32> {
        let slots = self.slots(instrument, self.lane_of(account));
        let own: Vec<u32> =
            (0..slots.len() as u32).filter(|slot| slots[*slot as usize].0 == account).collect();
        let count = slots.len() as u32;
        let full = count == self.live(instrument).capacity;
        // Sometimes a second slot of the same account.
        if own.is_empty() || (!full && self.rng.one_in(12)) {
            return (!full).then_some(count);
        }
        Some(self.rng.pick(&own))
    }

    pub fn price(&mut self, instrument: u16) -> u64 {
        let (max, mark) = (self.live(instrument).price_max(), self.mark_of(instrument));
        match self.rng.below(16) {
            0 => max,
            1 => 0,
            2 => self.rng.below(max + 1),
            3 => mark,
            4 => self.rng.of_length(max.count_ones()),
            5 => self.rng.corner(max.count_ones()),
            6 => mark.saturating_add_signed(self.rng.within(-1, 1)).min(max),
            _ => {
                // A small move, as a fraction of the price.
                let span = (mark >> self.rng.within(1, 12)).max(1) as i64;
                mark.saturating_add_signed(self.rng.within(-span, span)).min(max)
            }
        }
    }

    /// 0, small or any, of either sign, for the live price_bits.
    pub fn index_delta(&mut self, instrument: u16) -> i64 {
        let terms = self.live(instrument);
        let (bits, max) = (terms.price_bits, terms.price_max() as i64);
        let delta = match self.rng.below(16) {
            0 => max,
            1 => self.rng.of_length(bits) as i64,
            2 => 0,
            3 => self.rng.corner(bits) as i64,
            _ => self.rng.of_length(bits.min(12)) as i64,
        };
        if self.rng.one_in(2) { delta } else { -delta }
    }

    pub fn size(&mut self, instrument: u16) -> i64 {
        let (bits, max) = (self.live(instrument).size_bits, self.live(instrument).size_max());
        let size = match self.rng.below(40) {
            0 => max,
            1..=4 => self.rng.corner(bits) as i64,
            _ => self.rng.of_length(bits) as i64,
        };
        if self.rng.one_in(2) { size } else { -size }
    }

    /// The cash that a trade of the size at the mark costs, so that equity stays where it is.
    pub fn cost(&self, instrument: u16, size: i64) -> i64 {
        let value = i128::from(size) * i128::from(self.mark_of(instrument));
        i64::try_from(-value).unwrap_or(0)
    }

    /// Opens, changes or flips a position; true if executed.
    pub fn trade(&mut self, instrument: u16, account: u32, size: i64) -> bool {
        let Some(slot) = self.slot_for(instrument, account) else { return false };
        let slots = self.slots(instrument, self.lane_of(account));
        let appends = slot as usize == slots.len();
        let size = if appends && size == 0 { 1 } else { size };
        let before = slots.get(slot as usize).map_or(0, |holder| holder.1);
        let cost = match self.rng.below(200) {
            0 => i64::MAX,
            1 => i64::MIN,
            _ => self.cost(instrument, size - before),
        };
        let record = position(instrument, account, slot, size, cost);
        let record = self.maybe_held(record);
        self.send(record)
    }

    /// Closes the lane's slot and drops it, as the driver does; true if executed.
    pub fn close(&mut self, instrument: u16, lane: usize, slot: u32) -> bool {
        let (account, size) = self.slots(instrument, lane)[slot as usize];
        let cost = self.cost(instrument, -size);
        if !self.send(position(instrument, account, slot, 0, cost)) {
            return false;
        }
        let last = self.slots(instrument, lane).len() as u32 - 1;
        let owner = self.slots(instrument, lane)[last as usize].0;
        self.send(move_slot(instrument, owner, last, slot))
    }

    /// A number to lock the machine with, then refusals, then a RESYNC.
    pub fn unlock(&mut self, sequence: u32) {
        let token = self.rng.draw();
        self.tape.send_step(super::tape::Step {
            record: resync(sequence, token),
            number: super::tape::Number::Exactly,
        });
    }
}
