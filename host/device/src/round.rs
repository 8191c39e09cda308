//! The answers of a round, each checked against the record it answers. A device that answers anything else is lost.

use std::cmp::Reverse;

use engine::event::{EventSequence, Flag, InstrumentId, VerdictRecord};
use model::margin::Severity;
use model::record::{self, FLAG_HOLD, FLAG_RAW, Reason, Record, input, output};

use crate::bad::{BadAccounts, words};
use crate::error::DeviceError;
use crate::plan::Plan;
use crate::pump::Answers;
use crate::slot_map::SlotMap;

/// Verdicts that the device gave on an applied mark, a funding payment or new brackets, all lanes together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Coverage {
    pub sequence: EventSequence,
    pub instrument: InstrumentId,
    pub holders: u64,
    /// Clocks of the slowest lane, as its receipt says; 0 from a device that has none.
    pub clocks: u32,
}

/// What a device says on a round. But for the clocks it is the same from every device and any number of lanes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RoundAnswer {
    pub verdicts: VerdictRecord,
    /// One for each mark, funding payment and change of brackets, in their order.
    pub coverage: Vec<Coverage>,
    /// Simulated clocks from the first record to the FENCE's echo; 0 for a device that has none.
    pub clocks: u64,
}

/// How far a lane has answered. Within a lane answers keep the order of the records.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lane {
    /// First place in the plan that it may still answer.
    next: u32,
    /// Sweeps receipted.
    sweeps: usize,
    /// FLAGs of the sweep that is under way.
    flags: u32,
}

/// Reads the answers of one [`Plan`].
pub(crate) struct RoundAnswers<'a> {
    operation: &'static str,
    plan: &'a Plan,
    map: &'a SlotMap,
    severities: &'a mut [u8],
    lanes: &'a mut [Lane],
    bad: &'a mut BadAccounts,
    answer: RoundAnswer,
    /// ERRORs of refused records and RECEIPTs of other than the due holders: only bad accounts excuse them.
    refused: Vec<Record>,
    miscounted: Vec<(Record, u32)>,
    /// Place in the plan of the FENCE or RESYNC to be echoed next.
    echo: usize,
    complete: bool,
}

impl<'a> RoundAnswers<'a> {
    /// `severities` are the last known ones by account index; FLAGs change them.
    pub fn new(
        operation: &'static str,
        plan: &'a Plan,
        map: &'a SlotMap,
        severities: &'a mut [u8],
        lanes: &'a mut [Lane],
        bad: &'a mut BadAccounts,
    ) -> Self {
        lanes.fill(Lane::default());
        let coverage = plan.sweeps.iter().filter(|sweep| sweep.due.is_some()).map(|sweep| Coverage {
            sequence: plan.events[sweep.offset as usize],
            instrument: InstrumentId(sweep.instrument),
            holders: 0,
            clocks: 0,
        });
        let answer = RoundAnswer { coverage: coverage.collect(), ..RoundAnswer::default() };
        let echo = if plan.records[0].op() == input::RESYNC.op { 0 } else { plan.records.len() - 1 };
        let (refused, miscounted) = (Vec::new(), Vec::new());
        Self {
            operation,
            plan,
            map,
            severities,
            lanes,
            bad,
            answer,
            refused,
            miscounted,
            echo,
            complete: false,
        }
    }

    /// The round's answer, its flags in the order of the verdict record.
    pub fn finish(mut self, clocks: u64) -> RoundAnswer {
        assert!(self.complete, "a round is complete with its FENCE's echo");
        put_in_order(&mut self.answer.verdicts);
        self.answer.clocks = clocks;
        self.answer
    }

    fn flag(&mut self, answer: &Record) -> Result<(), DeviceError> {
        let offset = self.offset(answer)?;
        let index = answer.account();
        let Some(account) = self.map.account_of(index) else {
            return Err(self.unfit(answer, format!("account index {index}"), "an index the driver assigned"));
        };
        let lane_index = self.map.lane_of(index);
        self.in_order(answer, lane_index, offset)?;
        let cause = self.plan.records[offset as usize];
        let lane = &mut self.lanes[lane_index];
        let compares = if [input::MARK.op, input::FUNDING.op, input::INSTRUMENT.op].contains(&cause.op()) {
            lane.flags += 1;
            lane.next = offset;
            lane.sweeps < self.plan.sweeps.len()
        } else {
            lane.next = offset + 1;
            [input::POSITION.op, input::CASH.op, input::OFFSET.op].contains(&cause.op())
                && cause.flags() & (FLAG_HOLD | FLAG_RAW) == 0
                && cause.account() == index
        };
        if !compares {
            let found = format!("account index {index} on {} {:02x?}", name(cause.op()), cause.0);
            return Err(self.unfit(answer, found, "a record that compares this account, once"));
        }
        let (old, new) = severities(answer);
        let known = self.severities[index as usize];
        if Severity::from_code(new).is_none() || old != known || new == known {
            let found = format!("severity {old} to {new} of account index {index}");
            return Err(self.unfit(answer, found, format!("{known} to another of 0 to 4")));
        }
        self.severities[index as usize] = new;
        self.answer.verdicts.push(Flag {
            sequence: self.plan.events[offset as usize],
            account,
            severity_old: old,
            severity_new: new,
            equity: answer.equity(),
            requirement: answer.requirement(),
        });
        Ok(())
    }

    fn receipt(&mut self, answer: &Record) -> Result<(), DeviceError> {
        let offset = self.offset(answer)?;
        let lane_index = record::LANE.get(answer) as usize;
        if lane_index >= self.lanes.len() {
            let expected = format!("one of {} lanes", self.lanes.len());
            return Err(self.unfit(answer, format!("lane {lane_index}"), expected));
        }
        self.in_order(answer, lane_index, offset)?;
        let Lane { sweeps: number, flags: flags_seen, .. } = self.lanes[lane_index];
        let sweep = match self.plan.sweeps.get(number) {
            Some(sweep) if sweep.offset == offset => *sweep,
            _ => return Err(self.unfit(answer, format!("place {offset}"), "the next sweep of the lane")),
        };
        let holders = record::HOLDERS.get(answer) as u32;
        let flags = record::FLAG_COUNT.get(answer) as u32;
        let holders_due = self.plan.holders[number * self.lanes.len() + lane_index];
        if (answer.instrument(), flags) != (sweep.instrument, flags_seen) {
            let found = format!("lane {lane_index}, instrument {}, {flags} flags", answer.instrument());
            let expected = format!("instrument {}, {flags_seen} flags as they came", sweep.instrument);
            return Err(self.unfit(answer, found, expected));
        }
        if flags > holders {
            let found = format!("lane {lane_index}, {flags} flags of {holders} holders");
            return Err(self.unfit(answer, found, "at most one flag a holder"));
        }
        if holders != holders_due {
            self.miscounted.push((*answer, holders_due));
        }
        self.lanes[lane_index] = Lane { next: offset + 1, sweeps: number + 1, flags: 0 };
        if let Some(due) = sweep.due {
            let coverage = &mut self.answer.coverage[due as usize];
            coverage.holders += u64::from(holders_due); // the host gives what a bad account lacks
            coverage.clocks = coverage.clocks.max(record::CLOCKS.get(answer) as u32);
        }
        Ok(())
    }

    fn echo(&mut self, answer: &Record) -> Result<(), DeviceError> {
        let due = self.plan.records[self.echo];
        let token = record::TOKEN.get(answer);
        if (answer.op(), answer.sequence(), token)
            != (due.op() | 0x80, due.sequence(), record::TOKEN.get(&due))
        {
            let expected = format!(
                "{} with token {:#018x}, record {}",
                name(due.op() | 0x80),
                record::TOKEN.get(&due),
                due.sequence()
            );
            return Err(self.unfit(answer, format!("token {token:#018x}"), expected));
        }
        let last = self.plan.records.len() - 1;
        if self.echo == last {
            let sweeps = self.plan.sweeps.len();
            if let Some(lane) = self.lanes.iter().position(|lane| lane.sweeps != sweeps) {
                let found = format!("{} receipts of lane {lane} before it", self.lanes[lane].sweeps);
                return Err(self.unfit(answer, found, format!("{sweeps}")));
            }
            self.excuse_refusals()?;
            self.excuse_miscounts()?;
            self.complete = true;
        }
        self.echo = last;
        Ok(())
    }

    /// True for a refusal of which only the end of the round can tell whether a bad account is behind it.
    fn may_excuse(&self, answer: &Record) -> bool {
        let reason = Reason::from_code(record::REASON.get(answer) as u8);
        matches!(reason, Ok(Reason::BadAccount | Reason::Slot))
            && self.refused.len() < self.plan.records.len()
    }

    /// A record may be refused because its account is bad, or because a slot stayed or failed to come when another record was. Its account
    /// is bad then.
    fn excuse_refusals(&mut self) -> Result<(), DeviceError> {
        let mut refused = std::mem::take(&mut self.refused);
        let offset = |answer: &Record| self.plan.offset_of(answer.sequence());
        refused.sort_by_key(offset);
        for answer in &refused {
            let Some(offset) = offset(answer) else {
                return Err(refused_or_unfit(self.operation, answer, None));
            };
            let cause = &self.plan.records[offset as usize];
            let (index, place) = (cause.account(), self.plan.place(self.map, offset));
            let has_account =
                [input::POSITION.op, input::CASH.op, input::OFFSET.op, input::MOVE.op].contains(&cause.op());
            let reason = Reason::from_code(record::REASON.get(answer) as u8);
            let excused = match reason {
                Ok(Reason::BadAccount) => self.bad.contains(index),
                Ok(Reason::Slot) => self.bad.displaced.contains(&place),
                _ => false,
            };
            if !(has_account && excused) {
                return Err(refused_or_unfit(self.operation, answer, Some(cause.op())));
            }
            if self.plan.displaces(offset) {
                self.bad.displaced.insert(place);
            }
            self.bad.lose(index, self.map, words(reason));
        }
        Ok(())
    }

    /// A lane counts at most so many holders too few, or too many, as it has bad accounts: each has one slot of an instrument. Only too
    /// many have no bound where slots are displaced: what closed may be there still, once for each time it was opened.
    fn excuse_miscounts(&mut self) -> Result<(), DeviceError> {
        for (answer, due) in &self.miscounted {
            let holders = record::HOLDERS.get(answer) as u32;
            let lane = record::LANE.get(answer) as usize;
            let bad = self.bad.in_lane(lane, self.map);
            let is_displaced = self.bad.displaced.contains(&(answer.instrument(), lane));
            if due.saturating_sub(holders) > bad || (!is_displaced && holders.saturating_sub(*due) > bad) {
                let found = format!("lane {lane}, {holders} holders");
                return Err(self.unfit(answer, found, format!("{due} holders, {bad} bad accounts apart")));
            }
        }
        Ok(())
    }

    /// Place in the plan of the record that was answered.
    fn offset(&self, answer: &Record) -> Result<u32, DeviceError> {
        self.plan.offset_of(answer.sequence()).ok_or_else(|| {
            let (first, end) = (self.plan.first, self.plan.end());
            let found = format!("record number {}", answer.sequence());
            self.unfit(answer, found, format!("{first} up to {end}, exclusive"))
        })
    }

    /// Within a lane answers come in the order of the records, and no receipt is left out.
    fn in_order(&self, answer: &Record, lane_index: usize, offset: u32) -> Result<(), DeviceError> {
        let lane = &self.lanes[lane_index];
        let last = self.plan.sweeps.get(lane.sweeps).map_or(u32::MAX, |sweep| sweep.offset);
        if (lane.next..=last).contains(&offset) {
            return Ok(());
        }
        let expected = format!("place {} to {last}, its next receipt", lane.next);
        Err(self.unfit(answer, format!("lane {lane_index} answers place {offset}"), expected))
    }

    fn unfit(&self, answer: &Record, found: String, expected: impl Into<String>) -> DeviceError {
        unfit(self.operation, answer, found, expected)
    }
}

impl Answers for RoundAnswers<'_> {
    fn take(&mut self, answer: &Record) -> Result<(), DeviceError> {
        // A word beyond repair is found at any time, by the idle walk too.
        if self.complete && answer.op() != output::ERROR_ACCOUNT.op {
            return Err(self.unfit(answer, "an answer after the FENCE's echo".into(), "none"));
        }
        match answer.op() {
            op if op == output::FLAG.op => self.flag(answer),
            op if op == output::RECEIPT.op => self.receipt(answer),
            op if op == output::FENCE_ECHO.op || op == output::RESYNC_ECHO.op => self.echo(answer),
            op if op == output::ERROR_ACCOUNT.op => {
                self.bad.take_error(self.operation, answer, Some(self.plan), self.map, self.severities)
            }
            op if op == output::ERROR_RECORD.op && self.may_excuse(answer) => {
                self.refused.push(*answer);
                Ok(())
            }
            _ => {
                let asked =
                    self.plan.offset_of(answer.sequence()).map(|at| self.plan.records[at as usize].op());
                Err(refused_or_unfit(self.operation, answer, asked))
            }
        }
    }

    fn is_complete(&self) -> bool {
        self.complete
    }
}

/// Old and new severity of an account report.
pub(crate) fn severities(answer: &Record) -> (u8, u8) {
    (record::SEVERITY_OLD.get(answer) as u8, record::SEVERITY_NEW.get(answer) as u8)
}

/// Flags in the order of the verdict record.
pub(crate) fn put_in_order(verdicts: &mut VerdictRecord) {
    verdicts.sort_by_key(|flag| (flag.sequence, Reverse(flag.severity_new), flag.account));
}

/// The error for an answer that no request can have: a refusal, or something unknown.
pub(crate) fn refused_or_unfit(operation: &'static str, answer: &Record, asked: Option<u8>) -> DeviceError {
    if answer.op() == output::ERROR_RECORD.op {
        let reason = words(Reason::from_code(record::REASON.get(answer) as u8));
        let record = asked.map_or("record never sent", name);
        return DeviceError::Refused { operation, record, sequence: answer.sequence(), reason };
    }
    unfit(operation, answer, format!("{:02x?}", answer.0), "an answer to a record of this operation")
}

pub(crate) fn unfit(
    operation: &'static str,
    answer: &Record,
    found: String,
    expected: impl Into<String>,
) -> DeviceError {
    let found = format!("{} (record {}): {found}", name(answer.op()), answer.sequence());
    DeviceError::Answer { operation, found, expected: expected.into() }
}

fn name(op: u8) -> &'static str {
    let mut layouts = input::LAYOUTS.iter().chain(output::LAYOUTS);
    layouts.find(|layout| layout.op == op).map_or("unknown answer", |layout| layout.name)
}
