//! Successions: one account again after so many records, appends behind appends, and noise.

use super::generator::*;
use super::tape::{Number, Step};
use model::record::{self, FLAG_COMMIT, Record, SEQUENCE, input};

impl Generator {
    /// An account three times, so many records apart, between others of its lane.
    pub fn chain(&mut self) {
        let account = self.account();
        let others = [self.neighbour(account), self.neighbour(account)];
        let instrument = self.instrument();
        let step = 1 + self.rng.below(16);
        for place in 0..=2 * step {
            let who = if place.is_multiple_of(step) { account } else { self.rng.pick(&others) };
            let delta = self.rng.within(-1_000, 1_000);
            match self.rng.below(5) {
                0 => self.send(cash(who, delta)),
                1 => self.send(offset(who, delta.into())),
                2 => {
                    let equity = self.rng.of_length(50).into();
                    let requirement = self.rng.of_length(50).into();
                    let record = load(who, equity, requirement);
                    let record = self.maybe_held(record);
                    self.send(record)
                }
                3 => self.send(readback(who)),
                _ => {
                    let size = self.size(instrument);
                    self.trade(instrument, who, size)
                }
            };
        }
    }

    /// Appends of one instrument and lane, overwritten at once, dropped again, or refused for their range.
    pub fn appends(&mut self) {
        let (instrument, account) = (self.instrument(), self.account());
        let lane = self.lane_of(account);
        for _ in 0..2 + self.rng.below(3) {
            let slot = self.slots(instrument, lane).len() as u32;
            let who = if self.rng.one_in(2) { account } else { self.neighbour(account) };
            let size = self.size(instrument);
            let size = if size == 0 { 1 } else { size };
            let again = self.size(instrument);
            match self.rng.below(6) {
                0 => {
                    self.send(load(who, (1 << 87) - 1, 0));
                    self.send(position(instrument, who, slot, size, i64::MAX));
                    self.send(load(who, 0, 0));
                    self.send(position(instrument, who, slot, size, 0));
                }
                1 => {
                    self.send(load(who, -(1 << 87), 0));
                    self.send(position(instrument, who, slot, size, i64::MIN));
                    let other = self.neighbour(who);
                    self.send(position(instrument, other, slot, size, 0));
                    self.send(load(who, 0, 0));
                }
                2 | 3 => {
                    self.send(position(instrument, who, slot, size, 0));
                    self.send(position(instrument, who, slot, again, 0));
                }
                _ => {
                    self.send(position(instrument, who, slot, size, 0));
                }
            }
        }
        if self.slots(instrument, lane).len() > 8 {
            for _ in 0..6 {
                let last = self.slots(instrument, lane).len() as u32 - 1;
                self.close(instrument, lane, last);
            }
        }
    }

    /// 256 random bits: as they are, or with an op and no unused bits; with the right number, or a wrong one and the RESYNC
    /// that ends it.
    pub fn noise(&mut self) {
        let mut record = Record::default();
        record.0.chunks_mut(8).for_each(|bytes| bytes.copy_from_slice(&self.rng.draw().to_le_bytes()));
        if !self.rng.one_in(4) {
            let layout = &input::LAYOUTS[self.rng.below(input::LAYOUTS.len() as u64) as usize];
            record.0.iter_mut().zip(layout.used()).for_each(|(byte, used)| *byte &= used);
            record.0[0] = layout.op;
            if self.rng.one_in(2) {
                let instrument = self.instrument();
                let account = self.account();
                let fields = layout.fields.iter().map(|field| field.name);
                for name in fields {
                    record = match name {
                        "instrument" => record.with(&record::INSTRUMENT, instrument.into()),
                        "account" => record.with(&record::ACCOUNT, account.into()),
                        _ => record,
                    };
                }
            }
        }
        // A commit made by chance would take the lane's slots.
        if record.op() == input::INSTRUMENT.op {
            record.0[1] &= !FLAG_COMMIT;
        }
        if !self.rng.one_in(8) {
            self.tape.coverage.hit("noise: with the right number");
            self.send(record);
            return;
        }
        self.tape.coverage.hit("noise: with a wrong number");
        let number = if record.op() == input::RESYNC.op {
            Number::Exactly
        } else {
            Number::Skewed(1 + self.rng.below(1 << 31) as u32)
        };
        self.tape.send_step(Step { record, number });
        if self.tape.locked {
            self.unlock(SEQUENCE.get(&record) as u32);
        }
    }
}
