//! What only a large machine can do: ten thousand holders of one instrument, and enough slots of one account to take
//! R out of its 88 bits.

use super::book::Terms;
use super::generator::{Generator, cash, mark, position, readback, setting};
use super::tables::DEDUCTION_MAX;
use model::record::{self, FLAG_HOLD, Reason, output};

const SCALE: u32 = 1_000_000;
const HOLDERS: u32 = 10_000;
/// Slots of one account: the largest requirement of one is a little below 2^79, of all above 2^87.
const SLOTS_OF_ONE: u32 = 300;

impl Generator {
    /// Sets up the machine, fills it, and leaves it to the ordinary scenes.
    pub fn wide(&mut self) {
        self.set_up_with(SCALE, true);
        self.fill_widest();
        let instrument = self.widest();
        for _ in 0..8 {
            let price = self.price(instrument);
            self.send(mark(instrument, price));
            self.hit_if(self.slots(instrument).len() as u32 >= HOLDERS, "sweep: 10,000 holders");
        }
        self.choose_rungs();
        self.hit_if(self.tape.book.accounts.iter().all(|account| !account.bad), "walk: 16,384 accounts");
        for account in 0..HOLDERS {
            self.send(readback(account));
        }
        for above in [true, false] {
            self.requirement_out_of_range(above);
        }
    }

    fn hit_if(&mut self, condition: bool, point: &'static str) {
        if condition {
            self.tape.coverage.hit(point);
        }
    }

    fn widest(&self) -> u16 {
        let capacity = |i: &u16| self.live(*i).capacity;
        (0..self.terms.len() as u16).max_by_key(capacity).expect("there are instruments")
    }

    fn fill_widest(&mut self) {
        let instrument = self.widest();
        for account in 0..HOLDERS {
            let delta = self.rng.of_length(48) as i64;
            self.send(cash(account, delta));
            let size = self.size(instrument);
            let slot = self.slots(instrument).len() as u32;
            let cost = self.cost(instrument, size);
            self.send(position(instrument, account, slot, if size == 0 { 1 } else { size }, cost));
        }
    }

    /// One account in so many slots that its R leaves 88 bits, by a POSITION and by a sweep.
    fn requirement_out_of_range(&mut self, above: bool) {
        let widest = self.widest();
        let fits = |i: &u16| *i != widest && self.live(*i).capacity >= SLOTS_OF_ONE;
        let Some(instrument) = (0..self.terms.len() as u16).find(|i| fits(i) && self.slots(*i).len() < 12)
        else {
            return;
        };
        while let Some(last) = self.slots(instrument).len().checked_sub(1) {
            if !self.close(instrument, last as u32) {
                return;
            }
        }
        // Weights of 0 keep E out of it. Below: a deduction that no recurrence would give.
        let tiers = if above { vec![(0, SCALE, 0)] } else { vec![(0, 0, 0), (1, 0, DEDUCTION_MAX)] };
        let terms = Terms {
            weight_long: 0,
            weight_short: 0,
            price_bits: 32,
            size_bits: 27,
            tiers,
            ..self.live(instrument).clone()
        };
        if !self.commit_terms(instrument, &terms, false) {
            return;
        }
        let rows = self.tape.book.capacity.accounts_per_lane as u32;
        let account = rows - 2 - u32::from(above);
        let (price, size) = (terms.price_max(), terms.size_max());
        self.send(mark(instrument, price));
        let mut slot = 0;
        while slot < SLOTS_OF_ONE {
            let record = position(instrument, account, slot, size, 0).flagged(FLAG_HOLD);
            match self.tape.refusal_of(record) {
                None => slot += 1,
                Some(Reason::AccumulatorRange) => break,
                Some(other) => panic!("{other:?}"),
            }
        }
        self.hit_if(slot < SLOTS_OF_ONE, if above { "position: R above" } else { "position: R below" });
        // At a mark of 0 the rest fits; the sweep back to the price is what breaks.
        self.send(mark(instrument, 0));
        while slot < SLOTS_OF_ONE {
            let sign = if self.rng.one_in(2) { 1 } else { -1 };
            self.send(position(instrument, account, slot, sign * size, 0));
            slot += 1;
        }
        let answers = self.tape.send(mark(instrument, price));
        let bad = answers.iter().any(|a| a.op() == output::ERROR_ACCOUNT.op && a.account() == account);
        self.hit_if(bad, if above { "bad: R above in a sweep" } else { "bad: R below in a sweep" });
        self.send(readback(account));
        self.send(mark(instrument, 1));
        self.send(setting(record::SETTING_EQUALITY, 0));
    }
}
