//! Accounts driven to the end of the accumulators: refusals for range, and accounts that a sweep marks bad.

use super::generator::{Generator, OFFSET_MAX, cash, mark, offset, position, readback, setting};
use model::record::{FLAG_HOLD, output};

impl Generator {
    /// Fills the account's E upwards or downwards until not one more S fits.
    fn fill(&mut self, account: u32, up: bool) {
        let mut delta = if up { i64::MAX } else { i64::MIN };
        while delta != 0 {
            if !self.send(cash(account, delta).flagged(FLAG_HOLD)) {
                delta /= 2;
            }
        }
    }

    /// One account goes bad in a sweep, upwards or downwards, with one slot or two; then everything is tried on it.
    pub fn overflow(&mut self, account: u32) {
        if self.tape.book.scale() < 500_000 || self.tape.book.accounts[account as usize].bad {
            return;
        }
        let up = self.rng.one_in(2);
        let long = self.rng.one_in(2);
        let instrument = self.instrument();
        let terms = self.live(instrument).clone();
        let weight = if long { terms.weight_long } else { terms.weight_short };
        let room = terms.capacity as usize - self.slots(instrument).len();
        if !self.is_live(instrument) || weight == 0 || room == 0 || terms.price_bits < 2 {
            return;
        }
        // A long gains when the price rises, a short when it falls.
        let (before, after) = if up == long { (1, terms.price_max()) } else { (terms.price_max(), 1) };
        self.send(mark(instrument, before).flagged(FLAG_HOLD));
        let size = terms.size_max();
        let size = if long { size } else { -size };
        for _ in 0..room.min(1 + self.rng.below(2) as usize) {
            let slot = self.slots(instrument).len() as u32;
            self.send(position(instrument, account, slot, size, 0).flagged(FLAG_HOLD));
        }
        self.fill(account, up);
        if let Some(&(instrument, slot)) = self.tape.book.slots_of(account).first() {
            let cash_delta = if up { i64::MAX } else { i64::MIN };
            let size = self.slots(instrument)[slot as usize].1;
            self.send(position(instrument, account, slot, size, cash_delta));
        }
        let answers = self.tape.send(mark(instrument, after));
        let bad = answers.iter().any(|a| a.op() == output::ERROR_ACCOUNT.op && a.account() == account);
        if bad {
            let point = if up { "bad: E above in a sweep" } else { "bad: E below in a sweep" };
            self.tape.coverage.hit(point);
        }
        self.try_everything_on(account);
    }

    fn try_everything_on(&mut self, account: u32) {
        let slots = self.tape.book.slots_of(account);
        for _ in 0..self.rng.below(12) {
            let delta = self.rng.within(-5, 5);
            let record = match self.rng.below(8) {
                0 => cash(account, delta),
                1 => cash(account, delta).flagged(FLAG_HOLD),
                2 => offset(account, delta.into()),
                3 => offset(account, OFFSET_MAX).flagged(FLAG_HOLD),
                4 => readback(account),
                5 => setting(4, self.setting_value(4)),
                _ => {
                    let Some(&(instrument, slot)) =
                        slots.get(self.rng.below(slots.len().max(1) as u64) as usize)
                    else {
                        continue;
                    };
                    if self.rng.one_in(2) {
                        let price = self.price(instrument);
                        mark(instrument, price)
                    } else {
                        position(instrument, account, slot, delta, 0)
                    }
                }
            };
            self.send(record);
        }
    }
}
