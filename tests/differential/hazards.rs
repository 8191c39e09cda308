//! Successions of records that a pipeline gets wrong, and fields at their bounds, as executed.

use super::book::Book;
use super::coverage::{Cause, Coverage, appends, notional, reads_account, sweeps};
use model::record::{self, FLAG_HOLD, FLAG_RAW, Record, input};

impl Coverage {
    pub fn observe_fields(&mut self, record: &Record, book: &Book) {
        let (op, last) = (record.op(), book.accounts.len() as u32 - 1);
        let by_account = [input::CASH.op, input::OFFSET.op, input::POSITION.op, input::LOAD.op].contains(&op);
        self.hit_if(by_account && record.account() == last, "account: last of the machine");
        self.hit_if(record.sequence() == u32::MAX, "sequence: wraps");
        if op == input::CASH.op {
            let delta = record::DELTA.get(record);
            self.hit_if(delta == i128::from(i64::MAX), "cash: largest delta");
            self.hit_if(delta == i128::from(i64::MIN), "cash: smallest delta");
        } else if op == input::OFFSET.op {
            let offset = record::OFFSET.get(record);
            self.hit_if(offset == (1 << 86) - 1, "offset: largest");
            self.hit_if(offset == -((1 << 86) - 1), "offset: smallest");
            self.hit_if(book.accounts[record.account() as usize].bad, "bad: OFFSET with hold executed");
        } else if op == input::SETTING.op {
            let value = record::VALUE.get(record);
            let sets_scale = record::INDEX.get(record) == 0;
            self.hit_if(sets_scale && value == 1, "S: 1");
            self.hit_if(sets_scale && value == 1_000_000, "S: 1,000,000");
            let walks = !sets_scale && record.flags() & FLAG_HOLD == 0;
            self.hit_if(walks && book.accounts.iter().any(|a| a.bad), "bad: skipped by a walk");
        } else if op == input::POSITION.op {
            let instrument = &book.instruments[usize::from(record.instrument())];
            let terms = instrument.live.as_ref().expect("executed");
            let (size, cash) = (record::SIZE.get(record), record::CASH_DELTA.get(record));
            let slot = record::SLOT.get(record) as usize;
            let holder = instrument.slots[book.lane_of(record.account())].get(slot);
            let old = holder.map_or(0, |holder| holder.1);
            if record.flags() & FLAG_RAW != 0 {
                let stranger = holder.is_some_and(|holder| holder.0 != record.account());
                self.hit_if(stranger, "raw: over another account's slot");
                self.hit_if(holder.is_none(), "raw: append");
                let bad = book.accounts[record.account() as usize].bad;
                self.hit_if(bad && holder.is_some(), "raw: of a bad account");
                self.hit_if(record.flags() & FLAG_HOLD != 0, "raw: with hold");
            }
            self.hit_if(cash == i128::from(i64::MAX), "position: cash_delta largest");
            self.hit_if(cash == i128::from(i64::MIN), "position: cash_delta smallest");
            self.hit_if(size == (1 << 40) - 1, "position: size 2^40 - 1");
            self.hit_if(size == -((1 << 40) - 1), "position: size -(2^40 - 1)");
            self.hit_if(i128::from(old.signum()) * size < 0, "position: sign changes");
            self.hit_if(slot + 1 == terms.capacity as usize, "segment: full");
            let place = terms.base as usize + slot + 1;
            self.hit_if(place == book.capacity.slots_per_lane, "segment: last slot of the lane");
            let notional = notional(size, instrument.mark);
            let tier = terms.tiers[terms.tiers.partition_point(|tier| i128::from(tier.0) <= notional) - 1];
            let requirement = notional * i128::from(tier.1) - tier.2 as i128;
            self.hit_if(requirement < 0, "table: requirement below zero");
        } else if op == input::INSTRUMENT.op && record.flags() & record::FLAG_COMMIT != 0 {
            let instrument = &book.instruments[usize::from(record.instrument())];
            let count = record::TIER_COUNT.get(record) as usize;
            let last = instrument.shadow[count - 1];
            self.hit_if(count == 1, "table: 1 tier");
            self.hit_if(count == 16, "table: 16 tiers");
            self.hit_if(last.0 == (1 << 59) - 1, "table: floor 2^59 - 1");
            self.hit_if(last.1 == book.scale(), "table: rate S");
            self.hit_if(last.2 == (1 << 79) - 1, "table: deduction 2^79 - 1");
            self.hit_if(instrument.live.is_some(), "table: replaced by a second commit");
        } else if op == input::LOAD.op {
            let (equity, requirement) = (record.equity(), record.requirement());
            let (low, high) = (-(1 << 87), (1 << 87) - 1);
            self.hit_if(equity == low, "load: E smallest");
            self.hit_if(equity == high, "load: E largest");
            self.hit_if(requirement == low, "load: R smallest");
            self.hit_if(requirement == high, "load: R largest");
            let bad = book.accounts[record.account() as usize].bad;
            self.hit_if(bad && record.flags() & FLAG_HOLD == 0, "load: a bad account");
            self.hit_if(bad && record.flags() & FLAG_HOLD != 0, "load: a bad account, held");
        } else if op == input::MOVE.op {
            let (from, to) = (record::FROM.get(record), record::TO.get(record));
            self.hit_if(from == to, "move: the last slot to itself");
            self.hit_if(from > 0 && to == 0, "move: the last slot to slot 0");
        }
    }

    pub fn observe_hazards(&mut self, record: &Record, book: &Book, cause: Option<Cause>) {
        let Some(before) = self.recent[0] else { return };
        let (op, last_op) = (record.op(), before.op());
        let lanes = 0..book.capacity.lanes;
        let slots = |r: &Record, lane: usize| {
            book.instruments.get(usize::from(r.instrument())).map_or(&[][..], |i| &i.slots[lane][..])
        };
        let by_account = |r: &Record| {
            [input::CASH.op, input::OFFSET.op, input::POSITION.op, input::LOAD.op].contains(&r.op())
        };
        let chain = |a: &Record, b: &Record| by_account(a) && by_account(b) && a.account() == b.account();
        let same = chain(record, &before);
        self.hit_if(same, "hazard: a record of an account right after another of it");
        let third = self.recent[1].is_some_and(|older| chain(&before, &older));
        self.hit_if(same && third, "hazard: three records of an account in a row");
        self.hit_if(
            same && last_op == input::OFFSET.op && op == input::CASH.op,
            "hazard: an offset, then cash of the account",
        );
        let reads = reads_account(&before);
        let third_read = reads && self.recent[1].is_some_and(|older| reads_account(&older));
        self.hit_if(third_read && reads_account(record), "hazard: three read-backs of accounts in a row");
        let by_slot = op == input::READBACK.op && !reads_account(record);
        self.hit_if(reads && by_slot, "hazard: a read-back, then one of a slot");
        let cash_again = op == input::CASH.op && record.account() == before.account();
        self.hit_if(reads && cash_again, "hazard: a read-back, then cash of the account");
        self.hit_if(reads && op == input::MARK.op, "hazard: a read-back, then a mark");
        self.hit_if(reads && cause == Some(Cause::Walk), "hazard: a read-back, then a walk");
        let same_instrument = record.instrument() == before.instrument();
        let (sweep, after_sweep) = (sweeps(record), sweeps(&before));
        // Last and first holder of the two sweeps, lane by lane.
        let last_of_before =
            |lane: usize| if after_sweep { slots(&before, lane).last().map(|holder| holder.0) } else { None };
        let swept = lanes.clone().any(|lane| last_of_before(lane).is_some());
        if sweep {
            let first = |lane: usize| slots(record, lane).first().map(|holder| holder.0);
            let follows = |lane: usize| first(lane).is_some() && first(lane) == last_of_before(lane);
            let follows = lanes.clone().any(follows) && !same_instrument;
            self.hit_if(follows, "hazard: last holder of a sweep is first of the next, another instrument");
            let marks = op == input::MARK.op && last_op == input::MARK.op;
            let twice = swept && same_instrument;
            self.hit_if(twice && marks, "hazard: two marks of one instrument in a row");
            self.hit_if(
                twice && op != last_op && !marks,
                "hazard: a mark and funding of one instrument in a row",
            );
            let single = lanes.clone().any(|lane| slots(record, lane).len() == 1);
            self.hit_if(twice && single, "hazard: two sweeps of one instrument with one holder");
            let any = lanes.clone().any(|lane| first(lane).is_some());
            let walked = last_op == input::SETTING.op && before.flags() & FLAG_HOLD == 0;
            self.hit_if(walked && any, "hazard: a sweep right after a walk");
            let positioned = last_op == input::POSITION.op && same_instrument;
            let slot = record::SLOT.get(&before) as usize;
            let raw = before.flags() & FLAG_RAW != 0;
            self.hit_if(positioned && slot == 0, "hazard: a position, then the sweep that meets it first");
            let is_last = slot + 1 == slots(record, book.lane_of(before.account())).len();
            self.hit_if(positioned && is_last, "hazard: a position, then the sweep that meets it last");
            self.hit_if(positioned && raw, "hazard: a raw position, then its sweep");
            let moved = last_op == input::MOVE.op && same_instrument && any;
            self.hit_if(moved, "hazard: a move, then a sweep");
            self.hit_if(last_op == input::INSTRUMENT.op && same_instrument, "hazard: a commit, then a sweep");
            let loaded =
                last_op == input::LOAD.op && first(book.lane_of(before.account())) == Some(before.account());
            self.hit_if(loaded, "hazard: a load, then the sweep that meets it first");
        }
        if cause == Some(Cause::Walk) {
            let update = by_account(&before);
            let row = before.account() as usize / book.capacity.lanes;
            self.hit_if(update && row == 0, "hazard: a walk right after an update of a lane's first account");
            self.hit_if(
                update && row + 1 == book.capacity.accounts_per_lane,
                "hazard: a walk right after an update of a lane's last account",
            );
            self.hit_if(swept, "hazard: a walk right after a sweep");
        }
        let names_account = by_account(record) || reads_account(record);
        let holder_again =
            names_account && last_of_before(book.lane_of(record.account())) == Some(record.account());
        if op == input::POSITION.op {
            self.hit_if(holder_again, "hazard: a sweep, then a position of its last holder");
            let moved = last_op == input::MOVE.op && same_instrument;
            let there = record::SLOT.get(record) == record::TO.get(&before);
            self.hit_if(moved && there, "hazard: a move, then a position of the moved slot");
            let committed = last_op == input::INSTRUMENT.op && same_instrument;
            self.hit_if(committed, "hazard: a commit, then a position");
            let same_lane = book.lane_of(record.account()) == book.lane_of(before.account());
            let positioned = last_op == input::POSITION.op && same_instrument && same_lane;
            let slot = |r: &Record| record::SLOT.get(r) as usize;
            let appended = positioned && self.appended;
            self.hit_if(appended && appends(record, book), "hazard: an append behind an append");
            self.hit_if(
                appended && slot(record) == slot(&before),
                "hazard: an append, then an overwrite of it",
            );
            let refused = self.refused_append.is_some_and(|refused| {
                refused.instrument() == record.instrument()
                    && book.lane_of(refused.account()) == book.lane_of(record.account())
                    && slot(&refused) == slot(record)
            });
            self.hit_if(
                refused && appends(record, book),
                "hazard: an append refused for its range, then one there",
            );
        } else if reads_account(record) {
            self.hit_if(holder_again, "hazard: a sweep, then a read-back of its last holder");
        } else if op == input::READBACK.op {
            let there = record::SLOT.get(record) == record::SLOT.get(&before);
            let positioned = last_op == input::POSITION.op && same_instrument;
            self.hit_if(positioned && there, "hazard: a position, then a read-back of its slot");
        } else if op == input::CASH.op {
            self.hit_if(holder_again, "hazard: a sweep, then cash of its last holder");
            let setting = last_op == input::SETTING.op;
            let scale = setting && before.instrument() == 0;
            self.hit_if(scale, "hazard: S, then cash");
            let held = before.flags() & FLAG_HOLD != 0;
            self.hit_if(setting && !scale && held, "hazard: a rung with hold, then cash");
        } else if op == input::LOAD.op {
            self.hit_if(holder_again, "hazard: a sweep, then a load of its last holder");
        } else if op == input::MOVE.op {
            let closed = last_op == input::POSITION.op && record::SIZE.get(&before) == 0;
            let there = record::TO.get(record) == record::SLOT.get(&before);
            self.hit_if(closed && there, "hazard: a position of size 0, then its move");
        } else if op == input::INSTRUMENT.op {
            let tier = last_op == input::TIER.op && same_instrument;
            self.hit_if(tier && record.flags() & record::FLAG_COMMIT != 0, "hazard: a tier, then its commit");
        }
    }
}
