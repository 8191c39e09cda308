//! What a stream has hit: operation by outcome, severity changes, tier edges, lines, hazards and extremes by name.

use super::book::Book;
use super::points::{POINTS, PRODUCTION_POINTS};
use model::record::{self, FLAG_COMMIT, FLAG_HOLD, FLAG_RAW, Reason, Record, input, output};
use std::collections::BTreeMap;

/// What made a comparison.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cause {
    Mark,
    Funding,
    Commit,
    Walk,
    Position,
    Cash,
    Offset,
    Load,
}

impl Cause {
    pub const ALL: [Self; 8] = [
        Self::Mark,
        Self::Funding,
        Self::Commit,
        Self::Walk,
        Self::Position,
        Self::Cash,
        Self::Offset,
        Self::Load,
    ];

    /// What the executed record compares; `None` for a hold and for records that never compare.
    pub fn of(record: &Record) -> Option<Self> {
        let scale = || record::INDEX.get(record) == i128::from(record::SETTING_SCALE);
        let flags = record.flags();
        let cause = match record.op() {
            op if op == input::MARK.op => Self::Mark,
            op if op == input::FUNDING.op => Self::Funding,
            op if op == input::INSTRUMENT.op && flags & FLAG_COMMIT != 0 => Self::Commit,
            op if op == input::SETTING.op && !scale() => Self::Walk,
            op if op == input::POSITION.op && flags & FLAG_RAW == 0 => Self::Position,
            op if op == input::CASH.op => Self::Cash,
            op if op == input::OFFSET.op => Self::Offset,
            op if op == input::LOAD.op => Self::Load,
            _ => return None,
        };
        (flags & FLAG_HOLD == 0).then_some(cause)
    }
}

/// What a row of the table of outcomes is called, and the reasons that its records can be refused for.
const ROWS: [(&str, &[u8]); 17] = [
    ("SETTING", &[1, 2, 4, 5, 6, 7]),
    ("INSTRUMENT", &[1, 2, 4, 5, 6]),
    ("INSTRUMENT commit", &[1, 2, 4, 5, 6, 7]),
    ("TIER", &[1, 2, 4, 5, 6]),
    ("MARK", &[1, 2, 4, 5, 6, 7]),
    ("FUNDING", &[1, 2, 4, 5, 6, 7]),
    ("POSITION", &[1, 2, 4, 5, 6, 7, 8, 9, 10]),
    ("POSITION raw", &[1, 2, 4, 5, 6, 7, 8]),
    ("CASH", &[1, 2, 4, 5, 6, 9, 10]),
    ("OFFSET", &[1, 2, 4, 5, 6, 9]),
    ("LOAD", &[1, 2, 4, 5, 6]),
    ("MOVE", &[1, 2, 4, 5, 6, 7, 8]),
    ("READBACK", &[1, 2, 4, 5, 6]),
    ("READBACK by slot", &[1, 2, 4, 5, 6, 7, 8]),
    ("FENCE", &[1, 2, 4]),
    ("RESYNC", &[1, 2, 4]),
    (UNKNOWN_OP, &[1, 2, 3]),
];
const UNKNOWN_OP: &str = "unknown";

/// Records of one account whose succession is counted.
const LINKS: [&str; 5] = ["POSITION", "CASH", "OFFSET", "LOAD", "READBACK"];
/// Farthest apart that a succession is counted, in the records that a lane sees.
const DISTANCE_MAX: usize = 16;

/// The last records that a lane has seen: account and place in [`LINKS`], or none of those.
#[derive(Clone, Debug, Default)]
struct Trail {
    links: [Option<(u32, usize)>; DISTANCE_MAX],
    next: usize,
}

impl Trail {
    fn push(&mut self, link: Option<(u32, usize)>) {
        self.links[self.next] = link;
        self.next = (self.next + 1) % DISTANCE_MAX;
    }

    /// How far back the last record of the account is, and which it was.
    fn find(&self, account: u32) -> Option<(usize, usize)> {
        (1..=DISTANCE_MAX).find_map(|distance| {
            let place = (self.next + DISTANCE_MAX - distance) % DISTANCE_MAX;
            self.links[place].filter(|link| link.0 == account).map(|link| (distance, link.1))
        })
    }
}

#[derive(Clone, Debug)]
pub struct Coverage {
    off: bool,
    /// By row of [`ROWS`]: executed, then reasons 1 to 10.
    outcomes: [[u64; 11]; ROWS.len()],
    /// By cause, old severity, new severity.
    changes: [[[u64; 5]; 5]; Cause::ALL.len()],
    /// By POSITION, MARK and commit, and by tier: one quantum below its floor, at it, one above.
    edges: [[[u64; 3]; 16]; 3],
    /// By cause, rung, equality: R' one unit above the line, at it, one below.
    lines: [[[[u64; 3]; 2]; 3]; Cause::ALL.len()],
    /// By distance less one, the earlier record and the later.
    chains: [[[u64; 5]; 5]; DISTANCE_MAX],
    points: BTreeMap<&'static str, u64>,
    /// Fewest and most clocks of a sweep or walk beyond its slots or accounts, driver and taker never hesitating.
    pub clocks_beyond: Option<(u64, u64)>,
    /// The last executed records, newest first.
    pub recent: [Option<Record>; 2],
    /// True if the last executed record was a POSITION that appended.
    pub appended: bool,
    /// The last record, if it was an append refused for its range.
    pub refused_append: Option<Record>,
    /// Comparison that the last record made.
    compared: Option<Cause>,
    trails: Vec<Trail>,
}

impl Default for Coverage {
    fn default() -> Self {
        Self {
            off: false,
            outcomes: Default::default(),
            changes: Default::default(),
            edges: Default::default(),
            lines: Default::default(),
            chains: Default::default(),
            points: POINTS.iter().chain(PRODUCTION_POINTS).map(|point| (*point, 0)).collect(),
            clocks_beyond: None,
            recent: [None; 2],
            appended: false,
            refused_append: None,
            compared: None,
            trails: Vec::new(),
        }
    }
}

impl Coverage {
    /// Notes nothing: for replays.
    pub fn off() -> Self {
        Self { off: true, ..Self::default() }
    }

    pub fn hit(&mut self, point: &'static str) {
        *self.points.get_mut(point).unwrap_or_else(|| panic!("no point is called {point}")) += 1;
    }

    pub fn hit_if(&mut self, condition: bool, point: &'static str) {
        if condition && !self.off {
            self.hit(point);
        }
    }

    /// A new episode starts from reset: nothing precedes its first record.
    pub fn start_episode(&mut self, lanes: usize) {
        (self.recent, self.refused_append, self.compared) = ([None; 2], None, None);
        self.trails = vec![Trail::default(); lanes];
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

    /// The stream keeps its machine busy: right numbers in 95 % of the records, 60 % executed.
    pub fn assert_useful(&self) {
        let wrong = self.refused(Reason::Locked) + self.refused(Reason::Sequence);
        assert!(wrong * 20 <= self.records(), "{wrong} of {} records have a wrong number", self.records());
        assert!(self.executed() * 10 >= self.records() * 6, "too many records are refused");
    }

    /// How often a record was refused for the reason.
    pub fn refused(&self, reason: Reason) -> u64 {
        self.outcomes.iter().map(|row| row[reason as usize]).sum()
    }

    /// Looks at a record, its answers and the book as it was before.
    pub fn observe(&mut self, record: &Record, answers: &[Record], reason: Option<Reason>, book: &Book) {
        if self.off {
            return;
        }
        self.outcomes[row(record)][reason.map_or(0, |reason| reason as usize)] += 1;
        if let Some(reason) = reason {
            let after = self.recent[0].is_some_and(|before| reads_account(&before));
            self.hit_if(after && reads_account(record), "hazard: a read-back, then one that is refused");
            let append = record.op() == input::POSITION.op
                && reason == Reason::AccumulatorRange
                && appends(record, book);
            self.refused_append = append.then_some(*record);
            return;
        }
        let op = record.op();
        let cause = Cause::of(record);
        for flag in answers.iter().filter(|answer| answer.op() == output::FLAG.op) {
            let [old, new] = [flag.flags() >> 4, flag.flags() & 15].map(usize::from);
            self.changes[cause.expect("only a comparison flags") as usize][old][new] += 1;
        }
        self.observe_fields(record, book);
        self.observe_hazards(record, book, cause);
        self.observe_chain(record, book);
        if sweeps(record) {
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
        self.appended = op == input::POSITION.op && appends(record, book);
        self.refused_append = None;
    }

    /// Successions of records of one account, as its lane sees them.
    fn observe_chain(&mut self, record: &Record, book: &Book) {
        let link = match record.op() {
            op if op == input::POSITION.op && record.flags() & FLAG_RAW == 0 => Some(0),
            op if op == input::CASH.op => Some(1),
            op if op == input::OFFSET.op => Some(2),
            op if op == input::LOAD.op => Some(3),
            op if op == input::READBACK.op && reads_account(record) => Some(4),
            _ => None,
        };
        let by_lane =
            link.is_some() || [input::POSITION.op, input::MOVE.op, input::READBACK.op].contains(&record.op());
        if by_lane {
            let trail = &mut self.trails[book.lane_of(record.account())];
            if let (Some(link), Some((distance, before))) = (link, trail.find(record.account())) {
                self.chains[distance - 1][before][link] += 1;
            }
            trail.push(link.map(|link| (record.account(), link)));
        } else if ![input::FENCE.op, input::RESYNC.op].contains(&record.op()) {
            self.trails.iter_mut().for_each(|trail| trail.push(None));
        }
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
        let Some(live) = instrument.live.as_ref() else { return };
        let commits = record.op() == input::INSTRUMENT.op;
        let marks = record.op() == input::MARK.op;
        let price = if marks { record::PRICE.get(record) } else { instrument.mark.into() };
        let tiers = if commits {
            &instrument.shadow[..record::TIER_COUNT.get(record) as usize]
        } else {
            &live.tiers[..]
        };
        let errors = answers.iter().filter(|answer| answer.op() == output::ERROR_ACCOUNT.op);
        for error in errors {
            let account = error.account();
            let slots = &instrument.slots[book.lane_of(account)];
            let times = slots.iter().filter(|holder| holder.0 == account).count();
            self.hit_if(times > 1, "bad: twice in the sweep that marks it");
            self.hit(match record.op() {
                op if op == input::MARK.op => "bad: by a mark",
                op if op == input::FUNDING.op => "bad: by funding",
                _ => "bad: by a commit",
            });
        }
        let (mut long, mut short, mut skips, mut adjacent, mut again) = (false, false, false, false, false);
        for slots in &instrument.slots {
            for (slot, &(account, size)) in slots.iter().enumerate() {
                let same = |distance: usize| slots.get(slot + distance).is_some_and(|h| h.0 == account);
                adjacent |= same(1);
                again |= (2..8).any(same);
                if book.accounts[account as usize].bad {
                    skips = true;
                    continue;
                }
                long |= size > 0;
                short |= size < 0;
                if marks || commits {
                    self.observe_edge(1 + usize::from(commits), notional(size.into(), price as u64), tiers);
                }
            }
        }
        self.hit_if(adjacent, "hazard: one account in adjacent slots of a sweep");
        self.hit_if(again, "hazard: one account twice in a sweep, a few slots apart");
        self.hit_if(skips, "bad: skipped by a later sweep");
        let each_lane = instrument.slots.iter().all(|slots| !slots.is_empty());
        self.hit_if(each_lane, "sweep: holders in every lane");
        let held = record.flags() & FLAG_HOLD != 0;
        if commits {
            self.hit_if(long || short, "commit: over live slots");
            self.hit_if(held && long && short, "commit: over live slots, held");
            let weights = |long: i128, short: i128| {
                (i128::from(live.weight_long), i128::from(live.weight_short)) != (long, short)
            };
            let changed = weights(record::WEIGHT_LONG.get(record), record::WEIGHT_SHORT.get(record));
            self.hit_if(long && short && changed, "commit: other weights over longs and shorts");
            return;
        }
        if !marks {
            let delta = record::INDEX_DELTA.get(record);
            self.hit_if(long && short && delta > 0, "funding: longs pay shorts");
            self.hit_if(long && short && delta < 0, "funding: shorts pay longs");
            self.hit_if((long || short) && delta == 0, "funding: 0");
            self.hit_if((long || short) && delta.abs() == (1 << 32) - 1, "funding: 2^32 - 1 either way");
            self.hit_if(held && long, "funding: hold");
            return;
        }
        let (weight_long, weight_short) = (live.weight_long, live.weight_short);
        let (one, twice) = (book.scale(), 2 * book.scale());
        self.hit_if(long && weight_long == 0, "weight: 0 long, swept");
        self.hit_if(short && weight_short == 0, "weight: 0 short, swept");
        self.hit_if(long && weight_long == twice, "weight: 2S long, swept");
        self.hit_if(short && weight_short == twice, "weight: 2S short, swept");
        let collateral = 0 < weight_long && weight_long < one && weight_short > one;
        self.hit_if(long && short && collateral, "weight: collateral, swept");
        self.hit_if(
            long && short && weight_long != weight_short,
            "weight: long and short differ, both swept",
        );
        self.hit_if(price == 0 && long && short, "mark: 0");
        self.hit_if(price == (1 << 32) - 1 && long && short, "mark: 2^32 - 1");
        self.hit_if(price == i128::from(instrument.mark) && long, "mark: the same price again");
        self.hit_if(!instrument.has_live_slots(), "mark: no holders");
        self.hit_if(held && long, "mark: hold");
    }

    /// E and R' against the lines, if the record before made the comparison of this account.
    fn observe_lines(&mut self, answer: &Record, book: &Book) {
        let (Some(cause), Some(before)) = (self.compared, self.recent[0]) else { return };
        let account = answer.account();
        let lane = book.lane_of(account);
        let swept = || &book.instruments[usize::from(before.instrument())].slots[lane];
        let of_account = match cause {
            Cause::Walk => true,
            Cause::Mark | Cause::Funding | Cause::Commit => swept().iter().any(|holder| holder.0 == account),
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
        for ((name, reasons), counts) in ROWS.iter().zip(&self.outcomes) {
            if counts[0] == 0 && *name != UNKNOWN_OP {
                missing.push(format!("{name} executed"));
            }
            let absent = reasons.iter().filter(|reason| counts[usize::from(**reason)] == 0);
            missing.extend(absent.map(|reason| format!("{name} refused for reason {reason}")));
        }
        for (cause, changes) in Cause::ALL.iter().zip(&self.changes) {
            for (old, news) in changes.iter().enumerate() {
                let absent = news.iter().enumerate().filter(|(new, count)| *new != old && **count == 0);
                missing.extend(absent.map(|(new, _)| format!("severity {old} to {new} by {cause:?}")));
            }
        }
        for (distance, pairs) in self.chains.iter().enumerate() {
            for (before, counts) in LINKS.iter().zip(pairs) {
                let absent = LINKS.iter().zip(counts).filter(|(_, count)| **count == 0);
                missing.extend(absent.map(|(after, _)| {
                    format!("{after} of an account {} behind {before} of it", distance + 1)
                }));
            }
        }
        for (by, edges) in ["POSITION", "MARK", "commit"].iter().zip(&self.edges) {
            for (tier, places) in edges.iter().enumerate() {
                // Nothing lies below tier 0.
                let absent =
                    places.iter().enumerate().skip(usize::from(tier == 0)).filter(|(_, count)| **count == 0);
                missing.extend(
                    absent.map(|(place, _)| format!("tier {tier}: floor {:+} by {by}", place as i64 - 1)),
                );
            }
        }
        for (cause, rungs) in Cause::ALL.iter().zip(&self.lines) {
            for (rung, equalities) in rungs.iter().enumerate() {
                for (equality, places) in equalities.iter().enumerate() {
                    let absent = places.iter().enumerate().filter(|(_, count)| **count == 0);
                    missing.extend(absent.map(|(place, _)| {
                        format!(
                            "line of rung_{}: R' {:+}, equality {equality}, by {cause:?}",
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
        points.iter().filter(|point| self.points[*point] == 0).map(|point| point.to_string()).collect()
    }

    /// Operation by outcome, then the counts of the rest.
    pub fn print(&self) {
        println!("{:<18}{:>9}{}", "", "executed", (1..=10).map(|r| format!("{r:>8}")).collect::<String>());
        for ((name, _), counts) in ROWS.iter().zip(&self.outcomes) {
            let refused: String = counts[1..].iter().map(|count| format!("{count:>8}")).collect();
            println!("{name:<18}{:>9}{refused}", counts[0]);
        }
        println!("changes of severity, from row to column:");
        for (cause, changes) in Cause::ALL.iter().zip(&self.changes) {
            println!("{:<9} {changes:?}", format!("{cause:?}"));
        }
        let fewest = self.edges.iter().map(|by| by.iter().flatten().skip(1).min()).collect::<Vec<_>>();
        println!("fewest hits of a tier edge by POSITION, MARK and commit: {fewest:?}");
        let changes =
            self.changes.iter().flat_map(|by| (1..24).filter(|at| at % 6 != 0).map(|at| by[at / 5][at % 5]));
        println!("fewest hits of a change of severity: {:?}", changes.min());
        println!("fewest hits of a line: {:?}", self.lines.iter().flatten().flatten().flatten().min());
        println!("fewest hits of a chain: {:?}", self.chains.iter().flatten().flatten().min());
        println!("clocks of a sweep or walk beyond its slots or accounts: {:?}", self.clocks_beyond);
        for (point, count) in self.points.iter().filter(|(_, count)| **count > 0) {
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

/// True for MARK, FUNDING and commits.
pub fn sweeps(record: &Record) -> bool {
    let commits = record.op() == input::INSTRUMENT.op && record.flags() & FLAG_COMMIT != 0;
    commits || [input::MARK.op, input::FUNDING.op].contains(&record.op())
}

/// True if the POSITION names the slot behind the last.
pub fn appends(record: &Record, book: &Book) -> bool {
    let slots = &book.instruments[usize::from(record.instrument())].slots[book.lane_of(record.account())];
    record::SLOT.get(record) as usize == slots.len()
}

fn row(record: &Record) -> usize {
    let flags = record.flags();
    let name = match record.op() {
        op if op == input::INSTRUMENT.op && flags & FLAG_COMMIT != 0 => "INSTRUMENT commit",
        op if op == input::POSITION.op && flags & FLAG_RAW != 0 => "POSITION raw",
        op if op == input::READBACK.op && flags & record::FLAG_BY_SLOT != 0 => "READBACK by slot",
        op => input::LAYOUTS.iter().find(|layout| layout.op == op).map_or(UNKNOWN_OP, |layout| layout.name),
    };
    ROWS.iter().position(|row| row.0 == name).expect("every layout has a row")
}
