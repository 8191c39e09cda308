//! What a stream has hit: operation by outcome, severity changes, tier edges, lines, hazards and extremes by name.

use super::book::Book;
use super::points::{POINTS, PRODUCTION_POINTS};
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
    pub recent: [Option<Record>; 2],
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

    pub fn hit_if(&mut self, condition: bool, point: &'static str) {
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

pub fn notional(size: i128, price: u64) -> i128 {
    size.abs() * i128::from(price)
}

pub fn reads_account(record: &Record) -> bool {
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
