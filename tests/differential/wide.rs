//! What only a large machine can do: ten thousand holders of one instrument in a lane, and a walk of all its accounts.

use super::generator::{Generator, cash, mark, position, readback};

const SCALE: u32 = 1_000_000;
const HOLDERS: u32 = 10_000;

impl Generator {
    /// Sets up the machine, fills it, and leaves it to the ordinary scenes.
    pub fn wide(&mut self) {
        self.set_up_with(SCALE, true);
        self.fill_widest();
        let instrument = self.widest();
        for _ in 0..8 {
            let price = self.price(instrument);
            self.send(mark(instrument, price));
            self.hit_if(self.slots(instrument, 0).len() as u32 >= HOLDERS, "sweep: 10,000 holders");
        }
        self.choose_rungs();
        let all = self.tape.book.accounts.iter().all(|account| !account.bad);
        self.hit_if(all, "walk: 16,384 accounts in each lane");
        for account in self.holders() {
            self.send(readback(account));
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

    /// So many accounts of each lane.
    fn holders(&self) -> std::ops::Range<u32> {
        0..HOLDERS * self.tape.book.capacity.lanes as u32
    }

    fn fill_widest(&mut self) {
        let instrument = self.widest();
        for account in self.holders() {
            let delta = self.rng.of_length(48) as i64;
            self.send(cash(account, delta));
            let size = self.size(instrument);
            let slot = self.slots(instrument, self.lane_of(account)).len() as u32;
            let cost = self.cost(instrument, size);
            self.send(position(instrument, account, slot, if size == 0 { 1 } else { size }, cost));
        }
    }
}
