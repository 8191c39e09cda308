//! Accounts taken to the ends of the accumulators and beyond, marked bad, and brought back.

use super::generator::{
    Generator, OFFSET_MAX, cash, funding, load, mark, offset, position, raw, readback, setting,
};
use model::record::FLAG_HOLD;

/// The accumulators' ends.
const ENDS: [i128; 2] = [-(1 << 87), (1 << 87) - 1];

impl Generator {
    /// Any E and R, from the ends of the accumulators to about 0.
    pub fn one_load(&mut self) {
        let account = self.account();
        let word = [self.accumulator(), self.accumulator()];
        let record = load(account, word[0], word[1]);
        let record = self.maybe_held(record);
        self.send(record);
        // Near the ends the next records are refused: not for long.
        if word.iter().any(|value| value.abs() > 1 << 84) {
            let delta = self.amount();
            self.send(cash(account, delta));
            let instrument = self.instrument();
            let size = self.size(instrument);
            self.trade(instrument, account, size);
            self.settle(account);
        }
    }

    fn accumulator(&mut self) -> i128 {
        match self.rng.below(8) {
            0 => ENDS[0],
            1 => ENDS[1],
            2 => i128::from(self.rng.draw()) << 23 >> self.rng.below(87),
            3 => -(i128::from(self.rng.draw()) << 23) >> self.rng.below(87),
            _ => i128::from(self.rng.of_length(60)),
        }
    }

    /// Ordinary E and R for an account.
    fn settle(&mut self, account: u32) {
        let [equity, requirement] = [0; 2].map(|_| i128::from(self.rng.of_length(60)));
        self.send(load(account, equity, requirement).flagged(FLAG_HOLD));
    }

    /// One account goes bad in a sweep, in E or in R, upwards or downwards; then everything is tried on it, and most times
    /// it is reloaded.
    pub fn overflow(&mut self) {
        let account = self.account();
        let slots = self.tape.book.slots_of(account);
        if slots.is_empty() {
            let instrument = self.instrument();
            let size = self.size(instrument);
            self.trade(instrument, account, size);
            return;
        }
        let (instrument, slot) = self.rng.pick(&slots);
        if self.rng.one_in(4) {
            // A second slot of it in the same sweep.
            let (count, size) =
                (self.slots(instrument, self.lane_of(account)).len() as u32, self.size(instrument));
            self.send(raw(instrument, account, count, if size == 0 { 1 } else { size }));
        }
        let end = self.rng.pick(&ENDS);
        let in_equity = self.rng.one_in(2);
        let [equity, requirement] = if in_equity { [end, 0] } else { [0, end] };
        let held = load(account, equity, requirement).flagged(FLAG_HOLD);
        let rises = self.rng.one_in(2);
        if !in_equity && rises {
            self.send(mark(instrument, 0).flagged(FLAG_HOLD));
        }
        match self.rng.below(8) {
            0 | 1 => {
                let delta = self.index_delta(instrument);
                self.send(held);
                self.send(funding(instrument, delta));
            }
            2 => {
                let terms = self.other_terms(instrument);
                self.write_steps(instrument, &terms);
                self.send(held);
                self.send(super::generator::commit(instrument, &terms));
            }
            3 => {
                // Refused, and the account stays good; the slot that it would have appended is another's.
                self.send(held);
                let lane = self.lane_of(account);
                let append = self.rng.one_in(2);
                let count = self.slots(instrument, lane).len() as u32;
                let at = if append { count } else { slot };
                let size = self.size(instrument);
                let cash_delta = if end > 0 { i64::MAX } else { i64::MIN };
                self.send(position(instrument, account, at, if size == 0 { 1 } else { size }, cash_delta));
                if append {
                    let other = self.neighbour(account);
                    self.send(position(instrument, other, count, 1, 0));
                }
            }
            _ => {
                let price = if rises {
                    self.live(instrument).price_max()
                } else {
                    self.price(instrument).min(self.mark_of(instrument))
                };
                self.send(held);
                self.send(mark(instrument, price));
            }
        }
        if !self.is_bad(account) {
            self.settle(account);
            return;
        }
        self.tape.coverage.hit(match (in_equity, end > 0) {
            (true, true) => "bad: E above in a sweep",
            (true, false) => "bad: E below in a sweep",
            (false, true) => "bad: R above in a sweep",
            (false, false) => "bad: R below in a sweep",
        });
        self.try_everything_on(account);
        if !self.rng.one_in(8) {
            self.reload(account);
        }
    }

    /// Another account of the same lane.
    pub fn neighbour(&mut self, account: u32) -> u32 {
        let lanes = self.tape.book.capacity.lanes as u32;
        let rows = self.tape.book.capacity.accounts_per_lane as u32;
        (account + lanes * (1 + self.rng.below(3) as u32)) % (lanes * rows)
    }

    /// As the driver brings an account back: its slots, its offset, its word.
    pub fn reload(&mut self, account: u32) {
        let mut bank = self.tape.book.slots_of(account);
        if self.rng.one_in(8) {
            bank.truncate(1);
        }
        for (instrument, slot) in bank {
            let size = self.slots(instrument, self.lane_of(account))[slot as usize].1;
            let size = if size == 0 { 1 } else { size };
            let record = raw(instrument, account, slot, size);
            let record = self.maybe_held(record);
            self.send(record);
        }
        let value = i128::from(self.rng.within(-1_000, 1_000));
        self.send(offset(account, value).flagged(FLAG_HOLD));
        let [equity, requirement] = [0; 2].map(|_| i128::from(self.rng.of_length(60)));
        let record = load(account, equity, requirement);
        let record = self.maybe_held(record);
        self.send(record);
        self.send(readback(account));
    }

    /// Reloads a bad account, if there is one among the episode's.
    pub fn reload_any(&mut self) {
        if let Some(account) = self.accounts.iter().copied().find(|account| self.is_bad(*account)) {
            self.reload(account);
        } else {
            self.rewrite();
        }
    }

    /// A raw POSITION over a slot, of its owner or another account, or behind the last.
    pub fn rewrite(&mut self) {
        let (instrument, account) = (self.instrument(), self.account());
        let lane = self.lane_of(account);
        let count = self.slots(instrument, lane).len() as u64;
        let full = count == u64::from(self.live(instrument).capacity);
        let slot = match self.rng.below(3) {
            0 if !full => count,
            _ => self.rng.below(count.max(1)),
        };
        let owner = self.slots(instrument, lane).get(slot as usize).map_or(account, |holder| holder.0);
        let account = if self.rng.one_in(3) { account } else { owner };
        let size = self.size(instrument);
        let record = raw(instrument, account, slot as u32, if size == 0 { -1 } else { size });
        let record = self.maybe_held(record);
        self.send(record);
        match self.rng.below(3) {
            0 => {
                let price = self.price(instrument);
                self.send(mark(instrument, price));
            }
            1 => {
                let size = self.size(instrument);
                self.send(position(instrument, account, slot as u32, size, 0));
            }
            _ => {}
        }
    }

    fn try_everything_on(&mut self, account: u32) {
        let slots = self.tape.book.slots_of(account);
        for _ in 0..self.rng.below(10) {
            let delta = self.rng.within(-5, 5);
            let record = match self.rng.below(9) {
                0 => cash(account, delta),
                1 => cash(account, delta).flagged(FLAG_HOLD),
                2 => offset(account, delta.into()),
                3 => offset(account, OFFSET_MAX).flagged(FLAG_HOLD),
                4 => readback(account),
                5 => setting(4, self.setting_value(4)),
                _ => {
                    let (instrument, slot) = self.rng.pick(&slots);
                    match self.rng.below(3) {
                        0 => {
                            let price = self.price(instrument);
                            mark(instrument, price)
                        }
                        1 => funding(instrument, delta),
                        _ => position(instrument, account, slot, delta, 0),
                    }
                }
            };
            self.send(record);
        }
    }

    /// POSITIONs that would take R out of its 88 bits, at either end.
    pub fn requirement_out_of_range(&mut self) {
        let (instrument, account) = (self.instrument(), self.account());
        let end = self.rng.pick(&ENDS);
        self.send(load(account, 0, end).flagged(FLAG_HOLD));
        let Some(slot) = self.slot_for(instrument, account) else { return };
        let before =
            self.slots(instrument, self.lane_of(account)).get(slot as usize).map_or(1, |holder| holder.1);
        for size in [self.live(instrument).size_max(), 0, before] {
            if self.tape.refusal_of(position(instrument, account, slot, size, 0))
                == Some(model::record::Reason::AccumulatorRange)
            {
                self.tape.coverage.hit(if end > 0 { "position: R above" } else { "position: R below" });
            }
        }
        self.settle(account);
    }
}
