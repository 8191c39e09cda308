//! Places where one unit decides: the lines of the rungs, the edges of the tiers, the zeros of E and R'.

use super::coverage::CAUSES;
use super::generator::{Generator, OFFSET_MAX, cash, mark, offset, position, readback, setting};
use super::tables::factor;
use model::record::{self, FLAG_HOLD};

/// Most equity that a line is drawn at: far from the accumulator's bounds and the offset's.
const EQUITY_MAX: i128 = 1 << 80;

impl Generator {
    /// Brings an account to a line of a random rung, and one unit of R' to either side, by every kind of comparison.
    pub fn line(&mut self) {
        let account = self.account();
        if self.tape.book.accounts[account as usize].bad {
            return;
        }
        let rung = self.tape.book.rungs[self.rng.below(3) as usize];
        let cause = self.rng.below(CAUSES.len() as u64);
        let slots = self.tape.book.slots_of(account);
        let Some(&(instrument, slot)) = slots.get(self.rng.below(slots.len().max(1) as u64) as usize) else {
            let (account, instrument) = (account, self.instrument());
            let size = self.size(instrument);
            self.trade(instrument, account, size);
            return;
        };
        let Some((equity, requirement)) = self.equity_divisible_by(account, rung) else { return };
        let line = equity * 256 / i128::from(rung);
        for above in [-1, 0, 1, 0] {
            let value = line + above - requirement;
            if line + above <= 0 || value.abs() > OFFSET_MAX {
                continue;
            }
            let held = offset(account, value).flagged(FLAG_HOLD);
            match CAUSES[cause as usize] {
                "sweep" => {
                    // From another price back to this one: the sweep itself arrives at the line.
                    let (here, there) = (self.mark_of(instrument), self.price(instrument));
                    self.send(mark(instrument, there).flagged(FLAG_HOLD));
                    self.send(held);
                    self.send(mark(instrument, here));
                }
                "walk" => {
                    self.send(held);
                    let index = 1 + self.rng.below(4) as u16;
                    let value = self.setting_value(index);
                    self.send(setting(index, value));
                }
                "position" => {
                    self.send(held);
                    let size = self.slots(instrument)[slot as usize].1;
                    self.send(position(instrument, account, slot, size, 0));
                }
                "cash" => {
                    self.send(held);
                    self.send(cash(account, 0));
                }
                _ => {
                    self.send(offset(account, value));
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

    /// Gives the account an E above 0 whose 256-fold is a multiple of the rung; E and R, or `None` if it cannot.
    fn equity_divisible_by(&mut self, account: u32, rung: u32) -> Option<(i128, i128)> {
        let (equity, requirement) = self.read(account);
        let scale = i128::from(self.tape.book.scale());
        let base = if (1..EQUITY_MAX).contains(&equity) {
            0
        } else {
            (i128::from(self.rng.of_length(50)) * scale + 1 - equity).div_euclid(scale)
        };
        let step = (0..i128::from(rung)).find(|step| {
            let equity = equity + (base + step) * scale;
            equity > 0 && equity * 256 % i128::from(rung) == 0
        })?;
        let target = equity + (base + step) * scale;
        (self.aim(account, target, 0) && self.read(account).0 == target).then_some((target, requirement))
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
        if self.rng.one_in(2) {
            self.send(mark(instrument, price).flagged(FLAG_HOLD));
            self.trade(instrument, account, size);
        } else {
            self.trade(instrument, account, size);
            self.send(mark(instrument, price));
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
                self.aim(account, target, 0);
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
