//! The answers of a round, each checked against the record it answers. A device that answers anything else is lost.

use std::cmp::Reverse;

use engine::event::{EventSequence, Flag, InstrumentId, VerdictRecord};
use model::margin::Severity;
use model::record::{self, FLAG_HOLD, Reason, Record, input, output};

use crate::error::DeviceError;
use crate::plan::Plan;
use crate::pump::Answers;
use crate::slot_map::SlotMap;

/// Verdicts that the device gave on an applied mark, all lanes together.
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
    /// One for each mark, in the order of the marks.
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
    answer: RoundAnswer,
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
    ) -> Self {
        lanes.fill(Lane::default());
        let coverage = plan.sweeps.iter().filter(|sweep| sweep.mark.is_some()).map(|sweep| Coverage {
            sequence: plan.events[sweep.offset as usize],
            instrument: InstrumentId(sweep.instrument),
            holders: 0,
            clocks: 0,
        });
        let answer = RoundAnswer { coverage: coverage.collect(), ..RoundAnswer::default() };
        let echo = if plan.records[0].op() == input::RESYNC.op { 0 } else { plan.records.len() - 1 };
        Self { operation, plan, map, severities, lanes, answer, echo, complete: false }
    }

    /// The round's answer, its flags in the order of the verdict record.
    pub fn finish(mut self, clocks: u64) -> RoundAnswer {
        assert!(self.complete, "a round is complete with its FENCE's echo");
        self.answer.verdicts.sort_by_key(|flag| (flag.sequence, Reverse(flag.severity_new), flag.account));
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
        let holders = self.plan.holders.get(lane.sweeps * self.map.lanes() + lane_index);
        let compares = if cause.op() == input::MARK.op {
            lane.flags += 1;
            lane.next = offset;
            holders.is_some_and(|&holders| lane.flags <= holders)
        } else {
            lane.next = offset + 1;
            [input::POSITION.op, input::CASH.op].contains(&cause.op())
                && cause.flags() & FLAG_HOLD == 0
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
        let due = self.plan.holders[number * self.lanes.len() + lane_index];
        if (answer.instrument(), holders, flags) != (sweep.instrument, due, flags_seen) {
            let found = format!(
                "lane {lane_index}, instrument {}, {holders} holders, {flags} flags",
                answer.instrument()
            );
            let expected =
                format!("instrument {}, {due} holders, {flags_seen} flags as they came", sweep.instrument);
            return Err(self.unfit(answer, found, expected));
        }
        self.lanes[lane_index] = Lane { next: offset + 1, sweeps: number + 1, flags: 0 };
        if let Some(mark) = sweep.mark {
            let coverage = &mut self.answer.coverage[mark as usize];
            coverage.holders += u64::from(holders);
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
            self.complete = true;
        }
        self.echo = last;
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
        if self.complete {
            return Err(self.unfit(answer, "an answer after the FENCE's echo".into(), "none"));
        }
        match answer.op() {
            op if op == output::FLAG.op => self.flag(answer),
            op if op == output::RECEIPT.op => self.receipt(answer),
            op if op == output::FENCE_ECHO.op || op == output::RESYNC_ECHO.op => self.echo(answer),
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

/// The error for an answer that no request can have: a refusal, an account's error, or something unknown.
pub(crate) fn refused_or_unfit(operation: &'static str, answer: &Record, asked: Option<u8>) -> DeviceError {
    let code = record::REASON.get(answer) as u8;
    let reason = Reason::from_code(code)
        .ok()
        .and_then(|reason| Reason::ALL.iter().find(|(known, _)| *known == reason))
        .map_or_else(|| format!("unknown reason {code}"), |(_, words)| (*words).to_string());
    if answer.op() == output::ERROR_RECORD.op {
        let record = asked.map_or("record never sent", name);
        return DeviceError::Refused { operation, record, sequence: answer.sequence(), reason };
    }
    if answer.op() == output::ERROR_ACCOUNT.op {
        let found =
            format!("account index {}, instrument {}: {reason}", answer.account(), answer.instrument());
        return unfit(operation, answer, found, "no account to fail");
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
