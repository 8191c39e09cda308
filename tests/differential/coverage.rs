//! What a stream has hit: operation by outcome, severity changes, tier edges, lines, hazards and extremes by name.

use super::book::Book;
use model::record::{self, FLAG_HOLD, NO_INSTRUMENT, Reason, Record, input, output};
use std::collections::BTreeMap;

/// What made a comparison.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cause {
    Sweep,
    Walk,
    Position,
    Cash,
    Offset,
}

pub const CAUSES: [&str; 5] = ["sweep", "walk", "position", "cash", "offset"];

/// Reasons that a record of each layout can be refused for; READBACK's two forms are two rows.
const REFUSALS: [(&str, &[u8]); 15] = [
    ("SETTING", &[1, 2, 4, 5, 6, 7]),
    ("INSTRUMENT", &[1, 2, 4, 5, 6, 7]),
    ("TIER", &[1, 2, 4, 5, 6]),
    ("MARK", &[1, 2, 4, 5, 6, 7]),
    ("FUNDING", &[1, 2, 3]),
    ("POSITION", &[1, 2, 4, 5, 6, 7, 8, 9, 10]),
    ("CASH", &[1, 2, 4, 5, 6, 9, 10]),
    ("OFFSET", &[1, 2, 4, 5, 6, 9]),
    ("LOAD", &[1, 2, 3]),
    ("MOVE", &[1, 2, 4, 5, 6, 7, 8]),
    ("READBACK", &[1, 2, 4, 5, 6]),
    ("READBACK_BY_SLOT", &[1, 2, 4, 5, 6, 7, 8]),
    ("FENCE", &[1, 2, 4]),
    ("RESYNC", &[1, 2, 4]),
    ("unknown", &[1, 2, 3]),
];
/// Rows that no record executes.
const NEVER_EXECUTED: [&str; 3] = ["FUNDING", "LOAD", "unknown"];

/// Named points of the small build's stream; [`Coverage::hit`] takes no other name.
pub const POINTS: &[&str] = &[
    "account: last of the machine",
    "bad: E above in a sweep",
    "bad: E below in a sweep",
    "bad: skipped by a later sweep",
    "bad: skipped by a walk",
    "bad: twice in the sweep that marks it",
    "bad: OFFSET with hold executed",
    "cash: largest delta",
    "cash: smallest delta",
    "corner: idle",
    "corner: idle and back-pressure",
    "corner: back-pressure",
    "corner: neither",
    "E: 0 with a requirement",
    "E: 0 without a requirement, equality 1",
    "E: -1",
    "E: 1",
    "R': negative sum",
    "R': 0 from a requirement and its offset",
    "R': 1",
    "hazard: a record of an account right after another of it",
    "hazard: three records of an account in a row",
    "hazard: last holder of a sweep is first of the next, another instrument",
    "hazard: two marks of one instrument in a row",
    "hazard: two marks of one instrument with one holder",
    "hazard: a walk right after an update of account 0",
    "hazard: a walk right after an update of the last account",
    "hazard: a walk right after a sweep",
    "hazard: a sweep right after a walk",
    "hazard: a position, then the mark that sweeps it first",
    "hazard: a position, then the mark that sweeps it last",
    "hazard: a mark, then a position of its last holder",
    "hazard: a mark, then a read-back of its last holder",
    "hazard: a mark, then cash of its last holder",
    "hazard: a position, then a read-back of its slot",
    "hazard: a position of size 0, then its move",
    "hazard: a move, then a mark",
    "hazard: a move, then a position of the moved slot",
    "hazard: one account in adjacent slots of a sweep",
    "hazard: one account twice in a sweep, a few slots apart",
    "hazard: a tier, then its commit",
    "hazard: three read-backs of accounts in a row",
    "hazard: a read-back, then one that is refused",
    "hazard: a read-back, then one of a slot",
    "hazard: a read-back, then cash of the account",
    "hazard: a read-back, then a mark",
    "hazard: a read-back, then a walk",
    "hazard: a commit, then a position",
    "hazard: a commit, then a mark",
    "hazard: S, then cash",
    "hazard: a rung with hold, then cash",
    "hazard: an offset, then cash of the account",
    "mark: 0",
    "mark: 2^32 - 1",
    "mark: the same price again",
    "mark: no holders",
    "mark: hold",
    "move: the last slot to itself",
    "move: the last slot to slot 0",
    "offset: largest",
    "offset: smallest",
    "position: cash_delta largest",
    "position: cash_delta smallest",
    "position: sign changes",
    "position: size 2^40 - 1",
    "position: size -(2^40 - 1)",
    "reset: while busy",
    "rung: 1, compared",
    "rung: 1023, compared",
    "S: 1",
    "S: 1,000,000",
    "sequence: wraps",
    "segment: full",
    "segment: last slot of the lane",
    "table: 1 tier",
    "table: 16 tiers",
    "table: floor 2^59 - 1",
    "table: deduction 2^79 - 1",
    "table: rate S",
    "table: requirement below zero",
    "table: replaced by a second commit",
    "weight: 0 long, swept",
    "weight: 0 short, swept",
    "weight: 2S long, swept",
    "weight: 2S short, swept",
    "weight: long and short differ, both swept",
];

/// Named points that need the room of the production build.
pub const PRODUCTION_POINTS: &[&str] = &[
    "bad: R above in a sweep",
    "bad: R below in a sweep",
    "position: R above",
    "position: R below",
    "sweep: 10,000 holders",
    "walk: 16,384 accounts",
];

#[derive(Clone, Debug, Default)]
pub struct Coverage {
    off: bool,
    /// By row of [`REFUSALS`]: executed, then reasons 1 to 10.
    outcomes: [[u64; 11]; 15],
    /// By cause, old severity, new severity.
    changes: [[[u64; 5]; 5]; 5],
    /// By tier: one quantum below its floor, at it, one above; by POSITION and by MARK.
    edges: [[[u64; 3]; 16]; 2],
    /// By cause, rung, equality: R' one unit above the line, at it, one below.
    lines: [[[[u64; 3]; 2]; 3]; 5],
    points: BTreeMap<&'static str, u64>,
    /// Fewest and most clocks of a sweep or walk beyond its slots or accounts, driver and taker never hesitating.
    pub clocks_beyond: Option<(u64, u64)>,
    /// The last executed records, newest first.
    recent: [Option<Record>; 2],
    /// Comparison that the last record made, and the instrument of a sweep.
    compared: Option<Cause>,
}

impl Coverage {
    /// Notes nothing: for replays.
    pub fn off() -> Self {
        Self { off: true, ..Self::default() }
    }

    pub fn hit(&mut self, point: &'static str) {
        assert!(POINTS.contains(&point) || PRODUCTION_POINTS.contains(&point), "no point is called {point}");
        *self.points.entry(point).or_default() += 1;
    }

    fn hit_if(&mut self, condition: bool, point: &'static str) {
        if condition && !self.off {
            self.hit(point);
        }
    }

    /// A new episode starts from reset: nothing precedes its first record.
    pub fn start_episode(&mut self) {
        (self.recent, self.compared) = ([None; 2], None);
    }

    pub fn note_clocks(&mut self, (fewest, most): (u64, u64)) {
        let (low, high) = self.clocks_beyond.unwrap_or((fewest, most));
        self.clocks_beyond = Some((fewest.min(low), most.max(high)));
    }

    pub fn records(&self) -> u64 {
        self.outcomes.iter().flatten().sum()
    }

    pub fn executed(&self) -> u64 {
        self.outcomes.iter().map(|row| row[0]).sum()
    }

    /// Looks at a record, its answers and the book as it was before.
    pub fn observe(&mut self, record: &Record, answers: &[Record], reason: Option<Reason>, book: &Book) {
        if self.off {
            return;
        }
        self.outcomes[row(record)][reason.map_or(0, |reason| reason as usize)] += 1;
        if reason.is_some() {
            let after = self.recent[0].is_some_and(|before| reads_account(&before));
            self.hit_if(after && reads_account(record), "hazard: a read-back, then one that is refused");
            return;
        }
        let held = record.flags() & FLAG_HOLD != 0;
        let op = record.op();
        let cause = [
            (input::MARK.op, Cause::Sweep),
            (input::SETTING.op, Cause::Walk),
            (input::POSITION.op, Cause::Position),
            (input::CASH.op, Cause::Cash),
            (input::OFFSET.op, Cause::Offset),
        ];
        let scale_set = op == input::SETTING.op && record::INDEX.get(record) == 0;
        let cause =
            cause.iter().find(|(code, _)| *code == op && !held && !scale_set).map(|(_, cause)| *cause);
        for flag in answers.iter().filter(|answer| answer.op() == output::FLAG.op) {
            let [old, new] = [flag.flags() >> 4, flag.flags() & 15].map(usize::from);
            self.changes[cause.expect("only a comparison flags") as usize][old][new] += 1;
        }
        self.observe_fields(record, book);
        self.observe_hazards(record, book, cause);
        if op == input::MARK.op {
            self.observe_sweep(record, answers, book);
        }
        if op == input::POSITION.op {
            let terms = book.instruments[usize::from(record.instrument())].live.as_ref().expect("executed");
            let mark = book.instruments[usize::from(record.instrument())].mark;
            self.observe_edge(0, notional(record::SIZE.get(record), mark), &terms.tiers);
        }
        if reads_account(record) {
            self.observe_lines(&answers[0], book);
        }
        self.compared = cause;
        self.recent = [Some(*record), self.recent[0]];
    }

    fn observe_edge(&mut self, by: usize, notional: i128, tiers: &[(u64, u32, u128)]) {
        let tier = tiers.partition_point(|tier| i128::from(tier.0) <= notional) - 1;
        let above = notional - i128::from(tiers[tier].0);
        if above <= 1 {
            self.edges[by][tier][1 + above as usize] += 1;
        }
        if tiers.get(tier + 1).is_some_and(|next| i128::from(next.0) - notional == 1) {
            self.edges[by][tier + 1][0] += 1;
        }
    }

    fn observe_sweep(&mut self, record: &Record, answers: &[Record], book: &Book) {
        let instrument = &book.instruments[usize::from(record.instrument())];
        let terms = instrument.live.as_ref().expect("executed");
        let price = record::PRICE.get(record);
        let (mut long, mut short) = (false, false);
        let errors = answers.iter().filter(|answer| answer.op() == output::ERROR_ACCOUNT.op);
        for error in errors {
            let times = instrument.slots.iter().filter(|holder| holder.0 == error.account()).count();
            self.hit_if(times > 1, "bad: twice in the sweep that marks it");
        }
        for (slot, &(account, size)) in instrument.slots.iter().enumerate() {
            let again =
                |distance: usize| instrument.slots.get(slot + distance).is_some_and(|h| h.0 == account);
            self.hit_if(again(1), "hazard: one account in adjacent slots of a sweep");
            self.hit_if((2..8).any(again), "hazard: one account twice in a sweep, a few slots apart");
            if book.accounts[account as usize].bad {
                self.hit_if(true, "bad: skipped by a later sweep");
                continue;
            }
            long |= size > 0;
            short |= size < 0;
            self.observe_edge(1, notional(size.into(), price as u64), &terms.tiers);
        }
        let (weight_long, weight_short) = (terms.weight_long, terms.weight_short);
        let twice = 2 * book.scale();
        self.hit_if(long && weight_long == 0, "weight: 0 long, swept");
        self.hit_if(short && weight_short == 0, "weight: 0 short, swept");
        self.hit_if(long && weight_long == twice, "weight: 2S long, swept");
        self.hit_if(short && weight_short == twice, "weight: 2S short, swept");
        self.hit_if(
            long && short && weight_long != weight_short,
            "weight: long and short differ, both swept",
        );
        self.hit_if(price == 0 && long && short, "mark: 0");
        self.hit_if(price == (1 << 32) - 1 && long && short, "mark: 2^32 - 1");
        self.hit_if(price == i128::from(instrument.mark) && long, "mark: the same price again");
        self.hit_if(instrument.slots.is_empty(), "mark: no holders");
        self.hit_if(record.flags() & FLAG_HOLD != 0 && long, "mark: hold");
    }

    /// E and R' against the lines, if the record before made the comparison of this account.
    fn observe_lines(&mut self, answer: &Record, book: &Book) {
        let (Some(cause), Some(before)) = (self.compared, self.recent[0]) else { return };
        let account = answer.account();
        let by_sweep =
            || book.instruments[usize::from(before.instrument())].slots.iter().any(|h| h.0 == account);
        let of_account = match cause {
            Cause::Walk => true,
            Cause::Sweep => by_sweep(),
            _ => before.account() == account,
        };
        if !of_account || book.accounts[account as usize].bad {
            return;
        }
        let equity = answer.equity();
        let sum = answer.requirement() + book.accounts[account as usize].offset;
        self.hit_if(equity == 0 && sum > 0, "E: 0 with a requirement");
        self.hit_if(equity == 0 && sum <= 0 && book.equality, "E: 0 without a requirement, equality 1");
        self.hit_if(equity == -1, "E: -1");
        self.hit_if(equity == 1, "E: 1");
        self.hit_if(sum < 0, "R': negative sum");
        self.hit_if(sum == 0 && answer.requirement() > 0, "R': 0 from a requirement and its offset");
        self.hit_if(sum == 1, "R': 1");
        self.hit_if(sum > 0 && book.rungs.contains(&1), "rung: 1, compared");
        self.hit_if(sum > 0 && book.rungs.contains(&1_023), "rung: 1023, compared");
        if equity < 0 || sum <= 0 {
            return;
        }
        for (rung, value) in book.rungs.iter().enumerate() {
            for (place, requirement) in [sum - 1, sum, sum + 1].into_iter().enumerate() {
                if 256 * equity == requirement * i128::from(*value) {
                    self.lines[cause as usize][rung][usize::from(book.equality)][place] += 1;
                }
            }
        }
    }

    fn observe_fields(&mut self, record: &Record, book: &Book) {
        let (op, last) = (record.op(), book.capacity.accounts_per_lane as u32 - 1);
        let by_account = [input::CASH.op, input::OFFSET.op, input::POSITION.op].contains(&op);
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
            let old = instrument.slots.get(slot).map_or(0, |holder| holder.1);
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
        } else if op == input::MOVE.op {
            let (from, to) = (record::FROM.get(record), record::TO.get(record));
            self.hit_if(from == to, "move: the last slot to itself");
            self.hit_if(from > 0 && to == 0, "move: the last slot to slot 0");
        }
    }

    fn observe_hazards(&mut self, record: &Record, book: &Book, cause: Option<Cause>) {
        let Some(before) = self.recent[0] else { return };
        let (op, last_op) = (record.op(), before.op());
        let slots =
            |r: &Record| book.instruments.get(usize::from(r.instrument())).map_or(&[][..], |i| &i.slots[..]);
        let by_account =
            |r: &Record| [input::CASH.op, input::OFFSET.op, input::POSITION.op].contains(&r.op());
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
        let (mark, after_mark) = (op == input::MARK.op, last_op == input::MARK.op);
        let swept = if after_mark { slots(&before).last().copied() } else { None };
        if mark {
            let first = slots(record).first().copied();
            let same_instrument = record.instrument() == before.instrument();
            let follows = swept.is_some() && first.map(|h| h.0) == swept.map(|h| h.0) && !same_instrument;
            self.hit_if(follows, "hazard: last holder of a sweep is first of the next, another instrument");
            let twice = swept.is_some() && same_instrument;
            self.hit_if(twice, "hazard: two marks of one instrument in a row");
            self.hit_if(
                twice && slots(record).len() == 1,
                "hazard: two marks of one instrument with one holder",
            );
            let walked = last_op == input::SETTING.op && before.flags() & FLAG_HOLD == 0;
            self.hit_if(walked && first.is_some(), "hazard: a sweep right after a walk");
            let positioned = last_op == input::POSITION.op && same_instrument;
            let slot = record::SLOT.get(&before) as usize;
            self.hit_if(positioned && slot == 0, "hazard: a position, then the mark that sweeps it first");
            let is_last = slot + 1 == slots(record).len();
            self.hit_if(positioned && is_last, "hazard: a position, then the mark that sweeps it last");
            let moved = last_op == input::MOVE.op && same_instrument && first.is_some();
            self.hit_if(moved, "hazard: a move, then a mark");
            self.hit_if(last_op == input::INSTRUMENT.op && same_instrument, "hazard: a commit, then a mark");
        }
        if cause == Some(Cause::Walk) {
            let update = by_account(&before);
            let last = book.capacity.accounts_per_lane as u32 - 1;
            self.hit_if(update && before.account() == 0, "hazard: a walk right after an update of account 0");
            self.hit_if(
                update && before.account() == last,
                "hazard: a walk right after an update of the last account",
            );
            self.hit_if(swept.is_some(), "hazard: a walk right after a sweep");
        }
        let holder_again = swept.is_some_and(|holder| holder.0 == record.account());
        if op == input::POSITION.op {
            self.hit_if(holder_again, "hazard: a mark, then a position of its last holder");
            let moved = last_op == input::MOVE.op && record.instrument() == before.instrument();
            let there = record::SLOT.get(record) == record::TO.get(&before);
            self.hit_if(moved && there, "hazard: a move, then a position of the moved slot");
            let committed = last_op == input::INSTRUMENT.op && record.instrument() == before.instrument();
            self.hit_if(committed, "hazard: a commit, then a position");
        } else if reads_account(record) {
            self.hit_if(holder_again, "hazard: a mark, then a read-back of its last holder");
        } else if op == input::READBACK.op {
            let there = record::SLOT.get(record) == record::SLOT.get(&before);
            let positioned = last_op == input::POSITION.op && record.instrument() == before.instrument();
            self.hit_if(positioned && there, "hazard: a position, then a read-back of its slot");
        } else if op == input::CASH.op {
            self.hit_if(holder_again, "hazard: a mark, then cash of its last holder");
            let setting = last_op == input::SETTING.op;
            let scale = setting && before.instrument() == 0;
            self.hit_if(scale, "hazard: S, then cash");
            let held = before.flags() & FLAG_HOLD != 0;
            self.hit_if(setting && !scale && held, "hazard: a rung with hold, then cash");
        } else if op == input::MOVE.op {
            let closed = last_op == input::POSITION.op && record::SIZE.get(&before) == 0;
            let there = record::TO.get(record) == record::SLOT.get(&before);
            self.hit_if(closed && there, "hazard: a position of size 0, then its move");
        } else if op == input::INSTRUMENT.op {
            let tier = last_op == input::TIER.op && record.instrument() == before.instrument();
            self.hit_if(tier && record.flags() & record::FLAG_COMMIT != 0, "hazard: a tier, then its commit");
        }
    }

    /// Every cell and point that the stream should have hit and has not.
    pub fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        for ((name, reasons), counts) in REFUSALS.iter().zip(&self.outcomes) {
            if counts[0] == 0 && !NEVER_EXECUTED.contains(name) {
                missing.push(format!("{name} executed"));
            }
            let absent = reasons.iter().filter(|reason| counts[usize::from(**reason)] == 0);
            missing.extend(absent.map(|reason| format!("{name} refused for reason {reason}")));
        }
        for (cause, changes) in CAUSES.iter().zip(&self.changes) {
            for (old, news) in changes.iter().enumerate() {
                let absent = news.iter().enumerate().filter(|(new, count)| *new != old && **count == 0);
                missing.extend(absent.map(|(new, _)| format!("severity {old} to {new} by {cause}")));
            }
        }
        for (by, edges) in ["POSITION", "MARK"].iter().zip(&self.edges) {
            for (tier, places) in edges.iter().enumerate() {
                // Nothing lies below tier 0.
                let absent =
                    places.iter().enumerate().skip(usize::from(tier == 0)).filter(|(_, count)| **count == 0);
                missing.extend(
                    absent.map(|(place, _)| format!("tier {tier}: floor {:+} by {by}", place as i64 - 1)),
                );
            }
        }
        for (cause, rungs) in CAUSES.iter().zip(&self.lines) {
            for (rung, equalities) in rungs.iter().enumerate() {
                for (equality, places) in equalities.iter().enumerate() {
                    let absent = places.iter().enumerate().filter(|(_, count)| **count == 0);
                    missing.extend(absent.map(|(place, _)| {
                        format!(
                            "line of rung_{}: R' {:+}, equality {equality}, by {cause}",
                            rung + 1,
                            1 - place as i64
                        )
                    }));
                }
            }
        }
        missing.extend(self.missing_points(POINTS));
        missing
    }

    /// Those of `points` that were not hit.
    pub fn missing_points(&self, points: &[&'static str]) -> Vec<String> {
        points
            .iter()
            .filter(|point| !self.points.contains_key(*point))
            .map(|point| point.to_string())
            .collect()
    }

    /// Operation by outcome, then the counts of the rest.
    pub fn print(&self) {
        println!("{:<17}{:>9}{}", "", "executed", (1..=10).map(|r| format!("{r:>8}")).collect::<String>());
        for ((name, _), counts) in REFUSALS.iter().zip(&self.outcomes) {
            let refused: String = counts[1..].iter().map(|count| format!("{count:>8}")).collect();
            println!("{name:<17}{:>9}{refused}", counts[0]);
        }
        println!("changes of severity, from row to column:");
        for (cause, changes) in CAUSES.iter().zip(&self.changes) {
            println!("{cause:<9} {changes:?}");
        }
        println!(
            "fewest hits of a tier edge: {:?}",
            self.edges.iter().map(|by| by.iter().flatten().skip(1).min()).collect::<Vec<_>>()
        );
        println!("clocks of a sweep or walk beyond its slots or accounts: {:?}", self.clocks_beyond);
        for (point, count) in &self.points {
            println!("{count:>9}  {point}");
        }
    }
}

fn notional(size: i128, price: u64) -> i128 {
    size.abs() * i128::from(price)
}

fn reads_account(record: &Record) -> bool {
    record.op() == input::READBACK.op && record.flags() & record::FLAG_BY_SLOT == 0
}

fn row(record: &Record) -> usize {
    let by_slot = record.flags() & record::FLAG_BY_SLOT != 0;
    let position = input::LAYOUTS.iter().position(|layout| {
        layout.op == record.op()
            && (layout.op != input::READBACK.op || by_slot == (layout.flags == record::FLAG_BY_SLOT))
    });
    position.unwrap_or(REFUSALS.len() - 1)
}

const _: () = assert!(REFUSALS.len() == input::LAYOUTS.len() + 1 && NO_INSTRUMENT == u16::MAX);
