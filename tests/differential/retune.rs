//! FUNDING, and commits over live slots.

use super::book::Terms;
use super::generator::{Generator, commit, funding, mark, position, readback, tier};
use super::tables;
use model::record::FLAG_HOLD;

impl Generator {
    pub fn one_funding(&mut self) {
        let instrument = self.perpetual();
        let delta = self.index_delta(instrument);
        let record = funding(instrument, delta);
        let record = self.maybe_held(record);
        self.send(record);
        match self.rng.below(5) {
            0 => {
                let price = self.price(instrument);
                self.send(mark(instrument, price));
            }
            1 => {
                self.send(funding(instrument, -delta));
            }
            2 => {
                let lane = self.lane();
                if let Some(&(account, _)) = self.slots(instrument, lane).last() {
                    self.send(readback(account));
                }
            }
            _ => {}
        }
    }

    /// An instrument whose weights are S, if the draw finds one.
    fn perpetual(&mut self) -> u16 {
        let scale = self.tape.book.scale();
        let mut instrument = self.instrument();
        for _ in 0..4 {
            let terms = self.live(instrument);
            if (terms.weight_long, terms.weight_short) == (scale, scale) {
                break;
            }
            instrument = self.instrument();
        }
        instrument
    }

    /// Other weights and tiers over the same segment and widths.
    pub fn other_terms(&mut self, instrument: u16) -> Terms {
        let live = self.live(instrument).clone();
        let scale = self.tape.book.scale();
        let fresh = tables::terms(&mut self.rng, live.base, live.capacity, scale);
        let [weight_long, weight_short] = [fresh.weight_long, fresh.weight_short];
        let tiers = tables::tiers(&mut self.rng, live.price_bits, live.size_bits, scale);
        Terms { weight_long, weight_short, tiers, ..live }
    }

    pub fn write_steps(&mut self, instrument: u16, terms: &Terms) {
        for (step, bracket) in terms.tiers.iter().enumerate() {
            self.send(tier(instrument, step, *bracket));
        }
    }

    /// The terms' steps and their commit, with hold or without.
    pub fn commit_held(&mut self, instrument: u16, terms: &Terms, hold: bool) -> bool {
        self.write_steps(instrument, terms);
        let record = commit(instrument, terms);
        self.send(if hold { record.flagged(FLAG_HOLD) } else { record })
    }

    /// New terms over live slots, sometimes with every rule broken on the way, and what may follow at once.
    pub fn retune(&mut self) {
        let instrument = self.instrument();
        if !self.is_live(instrument) {
            return;
        }
        let terms = self.other_terms(instrument);
        let break_rules = self.rng.one_in(6);
        self.commit_terms(instrument, &terms, break_rules);
        let lane = self.lane();
        let Some(&(account, size)) = self.slots(instrument, lane).last() else { return };
        let slot = self.slots(instrument, lane).len() as u32 - 1;
        match self.rng.below(5) {
            0 => {
                let price = self.price(instrument);
                self.send(mark(instrument, price));
            }
            1 => {
                self.send(position(instrument, account, slot, size, 0));
            }
            2 => {
                self.send(readback(account));
            }
            3 => {
                self.send(funding(instrument, 1));
            }
            _ => {}
        }
    }

    /// A commit whose table has a floor at the notional of a holder, or one quantum beside it.
    pub fn commit_at_a_notional(&mut self, instrument: u16) {
        let lane = self.lane();
        let count = self.slots(instrument, lane).len() as u64;
        if count == 0 {
            return;
        }
        let holder = self.rng.below(count) as usize;
        let size = self.slots(instrument, lane)[holder].1;
        let notional = size.unsigned_abs() * self.mark_of(instrument);
        let mut terms = self.other_terms(instrument);
        let Some(floor) = notional.checked_add_signed(self.rng.within(-1, 1)) else { return };
        tables::move_floor(&mut self.rng, &mut terms.tiers, floor);
        let hold = self.rng.one_in(8);
        self.commit_held(instrument, &terms, hold);
    }
}
