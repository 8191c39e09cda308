//! Places where one unit decides: the lines of the rungs, the edges of the tiers, the zeros of E and R'.

use super::coverage::Cause;
use super::generator::{
    Generator, OFFSET_MAX, cash, funding, load, mark, offset, position, readback, setting,
};
use super::tables::factor;
use model::record::{self, FLAG_HOLD};

impl Generator {
    /// Brings an account to a line of a random rung, and one unit of R' to either side, by every kind of comparison.
    pub fn line(&mut self) {
        let account = self.account();
        let rung = self.tape.book.rungs[self.rng.below(3) as usize];
        let cause = self.rng.pick(&Cause::ALL);
        let slots = self.tape.book.slots_of(account);
        let Some(&(instrument, slot)) = slots.get(self.rng.below(slots.len().max(1) as u64) as usize) else {
            let instrument = self.instrument();
            let size = self.size(instrument);
            self.trade(instrument, account, size);
            return;
        };
        // 256*E is a multiple of the rung, and the line a whole number.
        let requirement = i128::from(self.rng.of_length(60));
        let steps = 1 + i128::from(self.rng.of_length(58));
        let (equity, line) = (steps * i128::from(rung), steps * 256);
        self.send(load(account, equity, requirement).flagged(FLAG_HOLD));
        for above in [-1, 0, 1, 0] {
            let value = line + above - requirement;
            let held = offset(account, value).flagged(FLAG_HOLD);
            match cause {
                // From another price, index or table back to this one: the sweep itself arrives at the line.
                Cause::Mark => {
                    let (here, there) = (self.mark_of(instrument), self.price(instrument));
                    self.send(mark(instrument, there).flagged(FLAG_HOLD));
                    self.send(held);
                    self.send(mark(instrument, here));
                }
                Cause::Funding => {
                    let delta = self.index_delta(instrument);
                    self.send(funding(instrument, delta).flagged(FLAG_HOLD));
                    self.send(held);
                    self.send(funding(instrument, -delta));
                }
                Cause::Commit => {
                    let here = self.live(instrument).clone();
                    let there = self.other_terms(instrument);
                    self.commit_held(instrument, &there, true);
                    self.send(held);
                    self.commit_held(instrument, &here, false);
                }
                Cause::Walk => {
                    self.send(held);
                    let index = 1 + self.rng.below(4) as u16;
                    let value = self.setting_value(index);
                    self.send(setting(index, value));
                }
                Cause::Position => {
                    self.send(held);
                    let size = self.slots(instrument, self.lane_of(account))[slot as usize].1;
                    self.send(position(instrument, account, slot, size, 0));
                }
                Cause::Cash => {
                    self.send(held);
                    self.send(cash(account, 0));
                }
                Cause::Offset => {
                    self.send(offset(account, value));
                }
                Cause::Load => {
                    self.send(held);
                    let now = self.read(account);
                    self.send(load(account, now.0, now.1));
                }
            }
            self.send(readback(account));
        }
        if self.rng.one_in(2) {
            self.send(offset(account, 0));
        }
    }

    /// What the setting says now: a walk that changes nothing.
    pub fn setting_value(&self, index: u16) -> u32 {
        match index {
            record::SETTING_EQUALITY => u32::from(self.tape.book.equality),
            rung => self.tape.book.rungs[usize::from(rung) - 1],
        }
    }

    /// A notional at a floor or one quantum beside it, reached by a position or by a mark.
    pub fn edge(&mut self) {
        let instrument = self.instrument();
        if !self.is_live(instrument) {
            return;
        }
        let terms = self.live(instrument).clone();
        let floor = terms.tiers[self.rng.below(terms.tiers.len() as u64) as usize].0;
        let Some(notional) = floor.checked_add_signed(self.rng.within(-1, 1)) else { return };
        let mark_before = self.mark_of(instrument);
        let Some((size, price)) = factor(&mut self.rng, notional, &terms, mark_before) else { return };
        let account = self.account();
        let size = if self.rng.one_in(2) { size } else { -size };
        match self.rng.below(3) {
            0 => {
                self.trade(instrument, account, size);
                self.send(mark(instrument, price));
            }
            1 => {
                self.send(mark(instrument, price).flagged(FLAG_HOLD));
                self.trade(instrument, account, size);
                self.commit_at_a_notional(instrument);
            }
            _ => {
                self.send(mark(instrument, price).flagged(FLAG_HOLD));
                self.trade(instrument, account, size);
            }
        }
        if self.rng.one_in(2) {
            self.send(readback(account));
        }
    }

    /// E at -1, 0 and 1 and R' at 0, 1 and below, as near as S and the weights allow.
    pub fn zeros(&mut self) {
        let account = self.account();
        for _ in 0..3 {
            let (equity, requirement) = self.read(account);
            let scale = i128::from(self.tape.book.scale());
            let target = i128::from(self.rng.within(-1, 1)) * if self.rng.one_in(2) { 1 } else { scale };
            let delta = (target - equity).div_euclid(scale);
            let Ok(delta) = i64::try_from(delta) else {
                self.send(load(account, target, requirement));
                continue;
            };
            let value = i128::from(self.rng.within(-1, 1)) - requirement;
            if value.abs() <= OFFSET_MAX {
                self.send(offset(account, value).flagged(FLAG_HOLD));
            }
            self.send(cash(account, delta));
            self.send(readback(account));
        }
    }
}
