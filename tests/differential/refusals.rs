//! Records that must be refused, one by one for every rule, and records made wrong at random.

use super::book::Terms;
use super::generator::*;
use super::tables::{DEDUCTION_MAX, FLOOR_MAX};
use super::tape::{Number, Step};
use model::record::{self, FLAG_BY_SLOT, FLAG_COMMIT, FLAG_HOLD, Record, input};

impl Generator {
    /// A record of every layout that is, or could be, in range; and one of no layout.
    pub fn samples(&mut self) -> Vec<Record> {
        let instrument = self.rng.below(self.terms.len() as u64) as u16;
        let account = self.account();
        let last = (self.slots(instrument, self.lane_of(account)).len() as u32).saturating_sub(1);
        let (price, size) = (self.price(instrument), self.size(instrument));
        let terms = self.live(instrument).clone();
        let step = self.rng.below(terms.tiers.len() as u64) as usize;
        let token = self.rng.draw();
        let rung = 1 + self.rng.below(3) as u16;
        let unknown = self.rng.pick(&[0, 0x0e, 0x0f, 0x10, 0x44, 0x81, 0x8c, 0xff]);
        vec![
            setting(rung, self.setting_value(rung)),
            header(instrument, &terms),
            commit(instrument, &terms),
            tier(instrument, step, terms.tiers[step]),
            mark(instrument, price),
            funding(instrument, 1),
            position(instrument, account, last, size, 0),
            raw(instrument, account, last, size),
            cash(account, 1),
            offset(account, 1),
            load(account, 1, 1).flagged(FLAG_HOLD),
            move_slot(instrument, account, last, 0),
            readback(account),
            readback_slot(instrument, account, last),
            fence(token),
            resync(0, token).flagged(FLAG_HOLD),
            fence(token).with(&record::OP, unknown),
        ]
    }

    /// All samples to a locked machine or to one without S.
    pub fn send_samples(&mut self) {
        for record in self.samples() {
            self.send(record);
        }
    }

    /// One sample with a wrong number, a few records to the locked machine, and the RESYNC that ends it.
    pub fn wrong_number(&mut self) {
        let samples = self.samples();
        let skew = match self.rng.below(4) {
            0 => 1,
            1 => u32::MAX,
            2 => 1 << self.rng.below(32),
            _ => self.rng.draw() as u32 | 1,
        };
        self.tape.send_step(Step { record: self.rng.pick(&samples), number: Number::Skewed(skew) });
        for _ in 0..self.rng.below(4) {
            let record = self.rng.pick(&samples);
            self.send(record);
        }
        if self.tape.locked {
            let sequence =
                if self.rng.one_in(3) { u32::MAX - self.rng.below(6) as u32 } else { self.rng.draw() as u32 };
            self.unlock(sequence);
        }
    }

    /// A sample with one to three bits or fields made wrong; what becomes of it the model says.
    pub fn adversarial(&mut self) {
        let samples = self.samples();
        let mut record = self.rng.pick(&samples);
        let layout = input::LAYOUTS.iter().find(|layout| layout.op == record.op());
        for _ in 0..1 + self.rng.below(3) {
            match (self.rng.below(3), layout) {
                (0, _) => {
                    let bit = 8 + self.rng.below(248) as usize;
                    record.0[bit / 8] ^= 1 << (bit % 8);
                }
                (_, Some(layout)) => {
                    let fields = layout.fields;
                    let field = fields[self.rng.below(fields.len() as u64) as usize];
                    let value = match self.rng.below(5) {
                        0 => 0,
                        1 => -1,
                        2 => 1 << self.rng.below(field.bits as u64),
                        3 => !(-1 << self.rng.below(field.bits as u64)),
                        _ => field.get(&record).wrapping_add(self.rng.within(-2, 2).into()),
                    };
                    field.put(&mut record, value);
                }
                _ => {}
            }
        }
        // A commit made by chance could move the segments: only those that carry on with their own.
        if record.op() == input::INSTRUMENT.op {
            record.0[1] &= !FLAG_COMMIT;
        }
        self.send(record);
    }

    /// A bit that the op does not use, in every layout.
    pub fn unused_bits(&mut self) {
        for record in self.samples() {
            let layouts = input::LAYOUTS.iter();
            let layout = layouts.clone().find(|layout| {
                layout.op == record.op()
                    && (layout.op != input::READBACK.op || layout.flags == record.flags() & FLAG_BY_SLOT)
            });
            let Some(layout) = layout else { continue };
            let used = layout.used();
            let free: Vec<usize> = (8..256).filter(|bit| used[bit / 8] >> (bit % 8) & 1 == 0).collect();
            let bit = self.rng.pick(&free);
            let mut record = record;
            record.0[bit / 8] ^= 1 << (bit % 8);
            self.send(record);
        }
    }

    /// Every field just outside its range.
    pub fn field_ranges(&mut self) {
        let book = &self.tape.book;
        let (scale, instruments) = (book.scale(), book.capacity.instruments as u16);
        let accounts = book.accounts.len() as u32;
        let account = self.account();
        let instrument = self.instrument();
        let terms = self.live(instrument).clone();
        let weight = 2 * i128::from(scale) + 1;
        let head = if self.rng.one_in(2) { header(instrument, &terms) } else { commit(instrument, &terms) };
        let mut records = vec![
            setting(5, 1),
            setting(u16::MAX, 1),
            setting(1, 0),
            setting(2, 1_024),
            setting(3, u32::MAX),
            setting(4, 2),
            setting(0, 0),
            setting(0, 1_000_001),
            head.with(&record::WEIGHT_LONG, weight),
            head.with(&record::WEIGHT_SHORT, weight),
            head.with(&record::PRICE_BITS, 0),
            head.with(&record::PRICE_BITS, 33).with(&record::SIZE_BITS, 1),
            head.with(&record::SIZE_BITS, 0),
            head.with(&record::SIZE_BITS, 41).with(&record::PRICE_BITS, 1),
            head.with(&record::PRICE_BITS, 32).with(&record::SIZE_BITS, 28),
            head.with(&record::PRICE_BITS, 255).with(&record::SIZE_BITS, 10),
            head.with(&record::TIER_COUNT, 0),
            head.with(&record::TIER_COUNT, 17),
            tier(instrument, 3, (FLOOR_MAX + 1, 0, 0)),
            tier(instrument, 3, (1 << 63, 0, 0)),
            tier(instrument, 3, (0, scale + 1, 0)),
            tier(instrument, 3, (0, 0, DEDUCTION_MAX + 1)),
            tier(instrument, 3, (0, 0, 1 << 95)),
            mark(instrument, 1 << 32),
            mark(instrument, 1 << 63),
            funding(instrument, 1 << 32),
            funding(instrument, -(1 << 32)),
            funding(instrument, i64::MAX),
            funding(instrument, i64::MIN),
            raw(instrument, account, 0, 1 << 40),
            position(instrument, account, 0, 1 << 40, 0),
            position(instrument, account, 0, -(1 << 40), 0),
            position(instrument, account, 0, i64::MIN, 0),
            offset(account, OFFSET_MAX + 1),
            offset(account, -OFFSET_MAX - 1),
            offset(account, i128::MIN),
        ];
        for instrument in [instruments, 256, u16::MAX] {
            records.extend([
                header(instrument, &terms),
                tier(instrument, 0, (0, 0, 0)),
                commit(instrument, &terms),
                mark(instrument, 1),
                funding(instrument, 1),
                position(instrument, account, 0, 1, 0),
                raw(instrument, account, 0, 1),
                move_slot(instrument, account, 0, 0),
                readback_slot(instrument, account, 0),
            ]);
        }
        for account in [accounts, 2 * accounts, u32::MAX] {
            records.extend([
                position(instrument, account, 0, 1, 0),
                raw(instrument, account, 0, 1),
                cash(account, 1),
                offset(account, 1),
                load(account, 1, 1),
                move_slot(instrument, account, 0, 0),
                readback(account),
                readback_slot(instrument, account, 0),
            ]);
        }
        for record in records {
            self.send(record);
        }
    }

    /// Rules of state and slot, as far as the instrument's present state breaks them.
    pub fn states(&mut self) {
        let instrument = self.instrument();
        let terms = self.live(instrument).clone();
        let account = self.account();
        let lane = self.lane_of(account);
        let count = self.slots(instrument, lane).len() as u32;
        let [warned, _, takeover] = self.tape.book.rungs;
        let mut records = vec![
            setting(0, 1),
            setting(1, takeover.saturating_sub(1).max(1)),
            setting(3, (warned + 1).min(1_023)),
            commit(instrument, &terms),
            readback_slot(instrument, account, count),
            readback_slot(instrument, account, u32::MAX),
            position(instrument, account, count, 0, 0),
            position(instrument, account, count + 1, 1, 0),
            position(instrument, account, u32::MAX, 1, 0),
            raw(instrument, account, count, 0),
            raw(instrument, account, count + 1, 1),
            raw(instrument, account, u32::MAX, 1),
            move_slot(instrument, account, count, 0),
            move_slot(instrument, account, u32::MAX, 0),
        ];
        if terms.price_bits < 32 {
            records.push(mark(instrument, 1 << terms.price_bits));
            records.push(mark(instrument, u32::MAX.into()));
            records.push(funding(instrument, 1 << terms.price_bits));
            records.push(funding(instrument, -(1 << terms.price_bits)));
        }
        if terms.size_bits < 40 {
            records.push(position(instrument, account, 0, 1 << terms.size_bits, 0));
            records.push(position(instrument, account, 0, -(1 << terms.size_bits), 0));
            records.push(raw(instrument, account, 0, 1 << terms.size_bits));
        }
        if count > 0 {
            let owner = self.slots(instrument, lane)[count as usize - 1].0;
            let stranger = self.neighbour(owner);
            records.extend([
                position(instrument, stranger, count - 1, 1, 0),
                raw(instrument, owner, count - 1, 0),
                move_slot(instrument, stranger, count - 1, count - 1),
                move_slot(instrument, owner, count - 1, count),
                move_slot(instrument, owner, count - 1, 0),
                move_slot(instrument, owner, count.saturating_sub(2), 0),
            ]);
        }
        for record in records {
            self.send(record);
        }
    }

    /// Before the first commit nothing can be done with an instrument.
    pub fn uncommitted(&mut self, instrument: u16) {
        let account = self.account();
        for record in [
            mark(instrument, 1),
            funding(instrument, 1),
            position(instrument, account, 0, 1, 0),
            raw(instrument, account, 0, 1),
            move_slot(instrument, account, 0, 0),
            readback_slot(instrument, account, 0),
        ] {
            self.send(record);
        }
    }

    /// Writes the terms' steps and commits them, with every rule of a commit broken once on the way, or none.
    pub fn commit_terms(&mut self, instrument: u16, terms: &Terms, break_rules: bool) -> bool {
        let count = terms.tiers.len();
        let mut order: Vec<usize> = (0..count).collect();
        for i in (1..count).rev() {
            order.swap(i, self.rng.below(i as u64 + 1) as usize);
        }
        for step in order {
            if break_rules && step == count - 1 {
                self.send(commit(instrument, terms));
            }
            self.send(tier(instrument, step, terms.tiers[step]));
        }
        if break_rules {
            self.broken_tables(instrument, terms);
            let slots = self.tape.book.capacity.slots_per_lane as u32;
            let end = self.tape.book.segments_end;
            let long = slots - terms.base + 1;
            let mut segments =
                vec![(terms.base, long), (slots, 1), (u32::MAX, u32::MAX), (terms.base, u32::MAX)];
            if end > 0 && terms.base + terms.capacity < slots {
                segments.extend([(end - 1, terms.capacity), (0, terms.capacity + 1)]);
            }
            for (base, capacity) in segments {
                let same = self.tape.book.instruments[usize::from(instrument)]
                    .live
                    .as_ref()
                    .is_some_and(|live| (live.base, live.capacity) == (base, capacity));
                if !same {
                    self.send(commit(instrument, &Terms { base, capacity, ..terms.clone() }));
                }
            }
            self.other_widths(instrument, terms);
            let mark = self.mark_of(instrument);
            if mark > 1 {
                let price_bits = u64::BITS - mark.leading_zeros() - 1;
                self.send(commit(instrument, &Terms { price_bits, ..terms.clone() }));
            }
        }
        let record = commit(instrument, terms);
        let record = self.maybe_held(record);
        self.send(record)
    }

    /// Over live slots the widths stay.
    pub fn other_widths(&mut self, instrument: u16, terms: &Terms) {
        if !self.tape.book.instruments[usize::from(instrument)].has_live_slots() {
            return;
        }
        if terms.price_bits < 32 && terms.price_bits + terms.size_bits < 59 {
            self.send(commit(instrument, &Terms { price_bits: terms.price_bits + 1, ..terms.clone() }));
        }
        if terms.size_bits > 1 {
            self.send(commit(instrument, &Terms { size_bits: terms.size_bits - 1, ..terms.clone() }));
        }
    }

    fn broken_tables(&mut self, instrument: u16, terms: &Terms) {
        let count = terms.tiers.len();
        let step = self.rng.below(count as u64) as usize;
        let (floor, rate, deduction) = terms.tiers[step];
        let mut broken = vec![];
        if step == 0 {
            broken.extend([(1, rate, 0), (0, rate, 1), (FLOOR_MAX, rate, 0)]);
        } else {
            let below = terms.tiers[step - 1];
            broken.push((below.0, rate, deduction));
            broken.push((below.0 - below.0.min(1), rate, deduction));
            if below.1 > 0 {
                broken.push((floor, below.1 - 1, deduction));
            }
            if below.2 > 0 {
                broken.push((floor, rate, below.2 - 1));
            }
        }
        for wrong in broken {
            self.send(tier(instrument, step, wrong));
            self.send(commit(instrument, terms));
        }
        self.send(tier(instrument, step, terms.tiers[step]));
    }
}
