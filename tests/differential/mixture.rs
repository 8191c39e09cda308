//! The ordinary traffic of a machine, and the successions of records that a pipeline gets wrong.

use super::coverage::{Cause, Coverage};
use super::generator::*;
use super::rng::Rng;
use super::tables;
use super::tables::all_terms;
use super::tape::{Number, Step, Tape};
use model::machine::Capacity;
use model::record::{self, FLAG_HOLD};

type Scene = fn(&mut Generator);

/// How often each scene comes.
const SCENES: &[(u64, Scene)] = &[
    (24, Generator::one_mark),
    (8, Generator::marks_in_a_row),
    (14, Generator::one_funding),
    (30, Generator::one_trade),
    (6, Generator::one_close),
    (20, Generator::one_cash),
    (6, Generator::one_offset),
    (4, Generator::one_load),
    (10, Generator::one_readback),
    (4, Generator::readbacks_in_a_row),
    (8, Generator::aim_at_severity),
    (8, Generator::same_account),
    (7, Generator::chain),
    (6, Generator::appends),
    (5, Generator::one_walk),
    (5, Generator::update_then_walk),
    (6, Generator::position_then_sweep),
    (6, Generator::sweep_then_last_holder),
    (8, Generator::line),
    (11, Generator::edge),
    (2, Generator::zeros),
    (7, Generator::adversarial),
    (6, Generator::noise),
    (1, Generator::wrong_number),
    (1, Generator::recommit),
    (2, Generator::retune),
    (4, Generator::overflow),
    (1, Generator::requirement_out_of_range),
    (4, Generator::reload_any),
    (2, Generator::rewrite),
    (2, Generator::one_fence),
];

impl Generator {
    /// A generator for one episode; nothing is sent yet.
    pub fn new(seed: u64, capacity: Capacity, coverage: Coverage) -> Self {
        let mut rng = Rng::new(seed);
        let (rows, lanes) = (capacity.accounts_per_lane as u32, capacity.lanes as u32);
        let count = rng.pick(&[2, 4, 8, 16, 48]);
        let mut accounts = vec![0, rows * lanes - 1];
        while accounts.len() < count {
            accounts.push(rng.below(u64::from(rows * lanes)) as u32);
        }
        Self { rng, tape: Tape::new(capacity, coverage), accounts, terms: Vec::new() }
    }

    /// From reset to a machine with S, rungs and instruments, everything tried too early on the way.
    pub fn set_up(&mut self, break_rules: bool) {
        let scale = self.rng.pick(&[1, 1, 1_000_000, 1_000_000, 1_000_000, 10_000, 2_000, 600_000]);
        self.set_up_with(scale, break_rules);
    }

    /// The same with a given S.
    pub fn set_up_with(&mut self, scale: u32, break_rules: bool) {
        let capacity = self.tape.book.capacity;
        let (instruments, slots) = (capacity.instruments, capacity.slots_per_lane as u32);
        self.terms = all_terms(&mut self.rng, instruments, slots, scale);
        if break_rules {
            self.send_samples();
        }
        let first =
            if self.rng.one_in(2) { u32::MAX - self.rng.below(40) as u32 } else { self.rng.draw() as u32 };
        self.unlock(first);
        if break_rules {
            self.send_samples();
            self.send(setting(0, 0));
            self.send(fence(1));
        }
        self.send(setting(0, scale));
        let (account, delta) = (self.account(), self.rng.within(0, 1_000_000));
        self.send(cash(account, delta));
        for instrument in 0..instruments as u16 {
            if break_rules {
                self.uncommitted(instrument);
            }
            let terms = self.terms[usize::from(instrument)].clone();
            let break_rules = break_rules && self.rng.one_in(2);
            self.commit_terms(instrument, &terms, break_rules);
            if self.rng.one_in(3) {
                let size = self.size(instrument);
                self.trade(instrument, account, size);
            }
            let price = self.rng.below(terms.price_max()) / 2 + 1;
            self.send(mark(instrument, price));
        }
        self.choose_rungs();
        if break_rules {
            self.unused_bits();
            self.field_ranges();
            self.states();
        }
    }

    /// New rungs and equality, held one by one, then a walk.
    pub fn choose_rungs(&mut self) {
        let mut rungs = match self.rng.below(5) {
            0 => [256, 256, 256],
            1 => [1_023, 256, 1],
            2 => [320, 256, 171],
            _ => [0; 3].map(|_| 1 + self.rng.below(1_023) as u32),
        };
        rungs.sort_unstable_by(|a, b| b.cmp(a));
        for (index, rung) in (1..).zip(rungs) {
            self.send(setting(index, rung).flagged(FLAG_HOLD));
            if self.rng.one_in(8) {
                let account = self.account();
                self.send(cash(account, 1));
            }
        }
        let equality = self.rng.below(2) as u32;
        self.send(setting(record::SETTING_EQUALITY, equality));
    }

    /// Sends one scene; the machine is unlocked before and after.
    pub fn scene(&mut self) {
        let total: u64 = SCENES.iter().map(|scene| scene.0).sum();
        let mut ticket = self.rng.below(total);
        for (weight, scene) in SCENES {
            if ticket < *weight {
                return scene(self);
            }
            ticket -= weight;
        }
    }

    fn one_mark(&mut self) {
        let instrument = self.instrument();
        let price = self.price(instrument);
        let record = mark(instrument, price);
        let record = self.maybe_held(record);
        self.send(record);
    }

    fn marks_in_a_row(&mut self) {
        let instrument = self.instrument();
        for _ in 0..2 + self.rng.below(3) {
            let instrument = if self.rng.one_in(2) { instrument } else { self.instrument() };
            let price = self.price(instrument);
            self.send(mark(instrument, price));
        }
    }

    fn one_trade(&mut self) {
        let (instrument, account) = (self.instrument(), self.account());
        let size = self.size(instrument);
        let lane = self.lane_of(account);
        if !self.trade(instrument, account, size) && !self.slots(instrument, lane).is_empty() {
            let slot = self.rng.below(self.slots(instrument, lane).len() as u64) as u32;
            self.close(instrument, lane, slot);
        }
    }

    fn one_close(&mut self) {
        let (instrument, lane) = (self.instrument(), self.lane());
        let count = self.slots(instrument, lane).len() as u64;
        if count == 0 {
            return;
        }
        let slot = if self.rng.one_in(3) { count - 1 } else { self.rng.below(count) } as u32;
        if self.close(instrument, lane, slot) && self.rng.one_in(2) {
            let next = self.slots(instrument, lane).get(slot as usize).copied();
            match next {
                Some((account, _)) if self.rng.one_in(2) => {
                    let size = self.size(instrument);
                    self.send(position(instrument, account, slot, size, 0));
                }
                _ => {
                    let price = self.price(instrument);
                    self.send(mark(instrument, price));
                }
            }
        }
    }

    fn one_cash(&mut self) {
        let account = self.account();
        let delta = self.amount();
        let record = cash(account, delta);
        let record = self.maybe_held(record);
        self.send(record);
    }

    pub fn amount(&mut self) -> i64 {
        let amount = match self.rng.below(64) {
            0 => return i64::MAX,
            1 => return i64::MIN,
            2..=12 => 0,
            _ => self.rng.of_length(44) as i64,
        };
        if self.rng.one_in(2) { amount } else { -amount }
    }

    fn one_offset(&mut self) {
        let account = self.account();
        let value = match self.rng.below(16) {
            0 => OFFSET_MAX,
            1..=6 => 0,
            _ => i128::from(self.rng.draw()) << 22 >> self.rng.below(86),
        };
        let value = if self.rng.one_in(2) { value } else { -value };
        let record = offset(account, value);
        let record = self.maybe_held(record);
        self.send(record);
        if self.rng.one_in(3) {
            let delta = self.rng.within(-3, 3);
            self.send(cash(account, delta));
        }
    }

    fn one_readback(&mut self) {
        let (instrument, account) = (self.instrument(), self.account());
        let count = self.slots(instrument, self.lane_of(account)).len() as u64;
        if count > 0 && self.rng.one_in(2) {
            let slot = self.rng.below(count) as u32;
            self.send(readback_slot(instrument, account, slot));
        } else {
            self.send(readback(account));
        }
    }

    /// Read-backs as fast as they go, some of them refused, then a record that changes what they read.
    fn readbacks_in_a_row(&mut self) {
        let accounts = self.tape.book.accounts.len() as u32;
        let account = self.account();
        for _ in 0..2 + self.rng.below(12) {
            let mut record = if self.rng.one_in(3) { readback(account) } else { readback(self.account()) };
            match self.rng.below(16) {
                0 => record = readback(accounts + self.rng.below(4) as u32),
                1 => record = record.with(&record::SLOT, 1),
                2 => record = record.flagged(FLAG_HOLD),
                _ => {}
            }
            self.send(record);
        }
        let instrument = self.instrument();
        let (price, delta) = (self.price(instrument), self.rng.within(-1_000, 1_000));
        let index = 1 + self.rng.below(4) as u16;
        match self.rng.below(5) {
            0 => self.send(mark(instrument, price)),
            1 => self.send(setting(index, self.setting_value(index))),
            2 => self.send(readback_slot(instrument, account, 0)),
            3 => self.trade(instrument, account, delta),
            _ => self.send(cash(account, delta)),
        };
        self.send(readback(account));
    }

    /// Moves an account to one side of a rung, unseen to one of another, and lets any kind of comparison see it.
    fn aim_at_severity(&mut self) {
        let account = self.account();
        let offset_now = self.tape.book.accounts[account as usize].offset;
        let sum = i128::from((1 << 20) + self.rng.of_length(60));
        let requirement = sum - offset_now;
        let [seen, unseen] = [0; 2].map(|_| {
            let rung = self.rng.pick(&self.tape.book.rungs);
            let per_mille = self.rng.pick(&[-100, -100, 0, 300, 900, 999, 1_001, 1_100, 3_000]);
            sum * i128::from(rung) * per_mille / 256_000
        });
        self.send(load(account, seen, requirement));
        self.send(load(account, unseen, requirement).flagged(FLAG_HOLD));
        let slots = self.tape.book.slots_of(account);
        let slot = if slots.is_empty() { None } else { Some(self.rng.pick(&slots)) };
        let index = record::SETTING_EQUALITY;
        match (self.rng.pick(&Cause::ALL), slot) {
            (Cause::Mark, Some((instrument, _))) => self.send(mark(instrument, self.mark_of(instrument))),
            (Cause::Funding, Some((instrument, _))) => self.send(funding(instrument, 0)),
            (Cause::Commit, Some((instrument, _))) => {
                let terms = self.live(instrument).clone();
                self.commit_held(instrument, &terms, false)
            }
            (Cause::Position, Some((instrument, slot))) => {
                let size = self.slots(instrument, self.lane_of(account))[slot as usize].1;
                self.send(position(instrument, account, slot, size, 0))
            }
            (Cause::Walk, _) => self.send(setting(index, self.setting_value(index))),
            (Cause::Offset, _) => self.send(offset(account, offset_now)),
            (Cause::Load, _) => self.send(load(account, unseen, requirement)),
            _ => self.send(cash(account, 0)),
        };
    }

    /// Several records of one account, back to back.
    fn same_account(&mut self) {
        let account = self.account();
        for _ in 0..2 + self.rng.below(6) {
            let delta = self.rng.within(-1_000, 1_000);
            match self.rng.below(6) {
                0 | 1 => self.send(cash(account, delta)),
                2 => self.send(offset(account, delta.into())),
                3 => self.send(readback(account)),
                _ => {
                    let instrument = self.instrument();
                    let size = self.size(instrument);
                    self.trade(instrument, account, size)
                }
            };
        }
    }

    fn one_walk(&mut self) {
        if self.rng.one_in(3) {
            self.choose_rungs();
        } else {
            let index = 1 + self.rng.below(4) as u16;
            let value = self.setting_value(index);
            self.send(setting(index, value));
        }
    }

    /// An update of the first account of a walk, of its last or of another, then the walk at once.
    fn update_then_walk(&mut self) {
        let last = self.tape.book.accounts.len() as u32 - 1;
        let account = self.rng.pick(&[0, 0, 1, last, last]);
        let instrument = self.instrument();
        match self.rng.below(4) {
            0 => {
                let delta = self.amount() / 1_000;
                self.send(cash(account, delta).flagged(FLAG_HOLD));
            }
            1 => {
                let value = i128::from(self.amount()) * 1_000;
                self.send(offset(account, value).flagged(FLAG_HOLD));
            }
            2 => {
                let size = self.size(instrument);
                self.trade(instrument, account, size);
            }
            _ => {
                let price = self.price(instrument);
                self.send(mark(instrument, price));
            }
        }
        let equality = self.rng.below(2) as u32;
        self.send(setting(record::SETTING_EQUALITY, equality));
        if self.rng.one_in(2) {
            let price = self.price(instrument);
            self.send(mark(instrument, price));
        }
    }

    /// A position in the first or last slot, then a sweep of its instrument.
    fn position_then_sweep(&mut self) {
        let (instrument, lane) = (self.instrument(), self.lane());
        let count = self.slots(instrument, lane).len();
        let slot = if self.rng.one_in(2) { 0 } else { count.saturating_sub(1) };
        let size = self.size(instrument);
        if count == 0 {
            let account = self.account();
            self.trade(instrument, account, size);
        } else {
            let (account, before) = self.slots(instrument, lane)[slot];
            let cost = self.cost(instrument, size - before);
            self.send(position(instrument, account, slot as u32, size, cost));
            if self.rng.one_in(4) {
                self.send(readback_slot(instrument, account, slot as u32));
            }
            if self.rng.one_in(8) {
                self.send(load(account, cost.into(), 0));
            }
        }
        let price = self.price(instrument);
        let delta = self.index_delta(instrument);
        let record = if self.rng.one_in(4) { funding(instrument, delta) } else { mark(instrument, price) };
        self.send(record);
    }

    /// A sweep, then a record of its last holder; or a sweep that begins with that holder.
    fn sweep_then_last_holder(&mut self) {
        let (instrument, lane) = (self.instrument(), self.lane());
        let Some(&(account, before)) = self.slots(instrument, lane).last() else { return };
        let slot = self.slots(instrument, lane).len() as u32 - 1;
        let begins = |i: &u16| self.slots(*i, lane).first().is_some_and(|holder| holder.0 == account);
        let next = (0..self.terms.len() as u16).find(begins);
        let (price, delta) = (self.price(instrument), self.index_delta(instrument));
        let record = if self.rng.one_in(4) { funding(instrument, delta) } else { mark(instrument, price) };
        self.send(record);
        let delta = self.rng.within(-1_000, 1_000);
        match (self.rng.below(5), next) {
            (0, _) => self.send(cash(account, delta)),
            (1, _) => self.send(readback(account)),
            (2, Some(next)) => {
                let price = self.price(next);
                self.send(mark(next, price))
            }
            (3, _) => self.send(load(account, delta.into(), 0)),
            _ => self.send(position(instrument, account, slot, before, delta)),
        };
    }

    /// Empties an instrument, if it is small enough, and gives it new terms over the same segment or a fresh one.
    fn recommit(&mut self) {
        let instrument = self.instrument();
        let lanes = self.tape.book.capacity.lanes;
        let count: usize = (0..lanes).map(|lane| self.slots(instrument, lane).len()).sum();
        if !self.is_live(instrument) || count > 12 {
            self.states();
            return;
        }
        let last = self.lane();
        if !(1..lanes).all(|step| self.empty(instrument, (last + step) % lanes)) {
            return;
        }
        if !self.slots(instrument, last).is_empty() && self.rng.one_in(2) {
            let live = self.live(instrument).clone();
            self.write_steps(instrument, &live);
            self.other_widths(instrument, &live);
            self.tape.coverage.hit("commit: other widths over live slots of one lane");
        }
        if !self.empty(instrument, last) {
            return;
        }
        let end = self.tape.book.segments_end;
        let room = self.tape.book.capacity.slots_per_lane as u32 - end;
        let (base, capacity) = if room > 0 && self.rng.one_in(3) {
            self.tape.coverage.hit("commit: a new segment");
            (end, 1 + self.rng.below(room.into()) as u32)
        } else {
            (self.live(instrument).base, self.live(instrument).capacity)
        };
        let scale = self.tape.book.scale();
        let mut terms = tables::terms(&mut self.rng, base, capacity, scale);
        if self.mark_of(instrument) > terms.price_max() {
            let small = self.rng.below(2);
            if !self.send(mark(instrument, small)) {
                terms.price_bits = 32;
                terms.size_bits = terms.size_bits.min(27);
            }
        }
        let break_rules = self.rng.one_in(3);
        self.commit_terms(instrument, &terms, break_rules);
        let account = self.account();
        if self.rng.one_in(2) {
            let price = self.price(instrument);
            self.send(mark(instrument, price));
        }
        let size = self.size(instrument);
        self.trade(instrument, account, size);
    }

    /// Closes every slot of the instrument in the lane; true if none is left.
    fn empty(&mut self, instrument: u16, lane: usize) -> bool {
        while let Some(last) = self.slots(instrument, lane).len().checked_sub(1) {
            let slot = self.rng.below(last as u64 + 1) as u32;
            let owner = self.slots(instrument, lane)[slot as usize].0;
            if self.is_bad(owner) {
                self.reload(owner);
            }
            if !self.close(instrument, lane, slot) {
                return false;
            }
        }
        true
    }

    fn one_fence(&mut self) {
        let token = self.rng.draw();
        if self.rng.one_in(4) {
            let record = resync(self.rng.draw() as u32, token);
            self.tape.send_step(Step { record, number: Number::Exactly });
        } else {
            self.send(fence(token));
        }
    }

    /// Every account and slot of a small machine, each instrument swept once more at its mark: stored requirements show too.
    pub fn read_all(&mut self) {
        let capacity = self.tape.book.capacity;
        for instrument in 0..self.terms.len() as u16 {
            self.send(mark(instrument, self.mark_of(instrument)));
            for lane in 0..capacity.lanes {
                for slot in 0..self.slots(instrument, lane).len() as u32 {
                    self.send(readback_slot(instrument, lane as u32, slot));
                }
            }
        }
        for account in 0..(capacity.lanes * capacity.accounts_per_lane) as u32 {
            self.send(readback(account));
        }
    }

    /// Reads accounts and slots back, those of the episode first: what went wrong unseen is seen here.
    pub fn read_some(&mut self) {
        for account in self.accounts.clone() {
            if self.accounts.len() <= 16 || self.rng.one_in(self.accounts.len() as u64 / 16) {
                self.send(readback(account));
            }
        }
        for instrument in 0..self.terms.len() as u16 {
            let lanes = self.tape.book.capacity.lanes;
            for lane in (0..lanes).filter(|_| self.rng.one_in(lanes as u64)).collect::<Vec<_>>() {
                for slot in 0..self.slots(instrument, lane).len().min(4) as u32 {
                    self.send(readback_slot(instrument, lane as u32, slot));
                }
            }
        }
    }
}
