//! A device with faults, one at a time, each at a place drawn from a seed.

use std::collections::VecDeque;

use model::machine::Capacity;
use model::record::{self, Record, input, output};

use super::{Fault, Random};
use crate::{DeviceError, Identity, MarginDevice};

/// A fault that waits for its record.
#[derive(Clone, Copy, Debug)]
struct Armed {
    fault: Fault,
    /// Records that can carry the fault and pass before it strikes.
    before: u32,
    /// Bit that flips, of those the field can spare.
    bit: u32,
}

/// Sound until a [`Fault`] is armed, and sound again after it has struck; what lasts ends with a reset.
#[derive(Clone, Debug)]
pub struct FaultyDevice<D> {
    inner: D,
    random: Random,
    armed: Option<Armed>,
    /// [`Fault::Stuck`] or [`Fault::Gone`], from the strike to the next reset.
    lasting: Option<Fault>,
    /// An answer held back; false: until the next one of its lane is out, true: until a FENCE's echo is.
    held: Option<(Record, bool)>,
    /// Answers to be given next; at most three.
    ready: VecDeque<Record>,
    struck: u64,
}

impl<D: MarginDevice> FaultyDevice<D> {
    /// The fault strikes one of the first `within` records that can carry it, which one the seed says.
    pub fn new(inner: D, fault: Fault, seed: u64, within: u32) -> Self {
        let mut device = Self::seeded(inner, seed);
        device.arm(fault, within);
        device
    }

    /// A sound device, to be armed.
    pub fn seeded(inner: D, seed: u64) -> Self {
        let (armed, lasting, held, ready) = (None, None, None, VecDeque::new());
        Self { inner, random: Random(seed), armed, lasting, held, ready, struck: 0 }
    }

    /// The fault strikes one of the next `within` records that can carry it, in the place of one that was armed before.
    pub fn arm(&mut self, fault: Fault, within: u32) {
        let before = self.random.below(within.max(1));
        self.armed = Some(Armed { fault, before, bit: self.random.below(32) });
    }

    /// As [`FaultyDevice::arm`], with a fault drawn from the seed.
    pub fn arm_any(&mut self, within: u32) {
        let fault = Fault::ALL[self.random.below(Fault::ALL.len() as u32) as usize];
        self.arm(fault, within);
    }

    /// True while a fault waits for its record.
    pub fn is_armed(&self) -> bool {
        self.armed.is_some()
    }

    /// Faults that have happened.
    pub fn struck(&self) -> u64 {
        self.struck
    }

    /// The fault that strikes this record, and its bit.
    fn strikes(&mut self, record: &Record) -> Option<(Fault, u32)> {
        let armed = self.armed.as_mut().filter(|armed| armed.fault.concerns(record))?;
        if armed.before > 0 {
            armed.before -= 1;
            return None;
        }
        let Armed { fault, bit, .. } = self.armed.take()?;
        self.struck += 1;
        Some((fault, bit))
    }

    /// Puts the answer among those to be given, spoiled or not.
    fn pass(&mut self, mut answer: Record) {
        let mut again = None;
        match self.strikes(&answer) {
            None => {}
            Some((Fault::FlagDropped | Fault::ReceiptDropped, _)) => return,
            Some((Fault::AnswerOvertaken, _)) => return self.held = Some((answer, false)),
            Some((Fault::AnswerLate, _)) => return self.held = Some((answer, true)),
            Some((fault, bit)) => match fault {
                Fault::FlagDoubled | Fault::AnswerDoubled => again = Some(answer),
                Fault::SeverityUnknown => record::SEVERITY_NEW.put(&mut answer, 5 + i128::from(bit % 11)),
                Fault::AccountUnknown => record::ACCOUNT.put(&mut answer, i128::from(u32::MAX - bit)),
                Fault::EquityBit => flip(&mut answer, record::EQUITY_LOW.lsb as u32 + bit),
                Fault::RequirementBit => flip(&mut answer, record::REQUIREMENT_LOW.lsb as u32 + bit),
                Fault::TokenBit => flip(&mut answer, record::TOKEN.lsb as u32 + bit),
                Fault::HoldersMiscounted => answer = one_more(answer, &record::HOLDERS),
                Fault::FlagsMiscounted => answer = one_more(answer, &record::FLAG_COUNT),
                Fault::SequenceUnknown => flip(&mut answer, record::SEQUENCE.lsb as u32 + 31),
                _ => unreachable!("a fault on the way in"),
            },
        }
        self.ready.push_back(answer);
        self.ready.extend(again);
        let is_echo = answer.op() == output::FENCE_ECHO.op;
        let is_overtaken = |&mut (held, late): &mut (Record, bool)| {
            is_echo || !late && held.op() == answer.op() && self.lane_of(&held) == self.lane_of(&answer)
        };
        let mut held = self.held;
        self.ready.extend(held.take_if(is_overtaken).map(|(held, _)| held));
        self.held = held;
    }

    /// Of a RECEIPT or the read-back of an account.
    fn lane_of(&self, answer: &Record) -> usize {
        if answer.op() == output::RECEIPT.op {
            return record::LANE.get(answer) as usize;
        }
        answer.account() as usize % self.inner.capacity().lanes
    }
}

impl<D: MarginDevice> MarginDevice for FaultyDevice<D> {
    fn identity(&self) -> Identity {
        self.inner.identity()
    }

    fn capacity(&self) -> Capacity {
        self.inner.capacity()
    }

    fn reset(&mut self) {
        self.inner.reset();
        (self.lasting, self.held) = (None, None);
        self.ready.clear();
    }

    fn submit(&mut self, records: &[Record]) -> usize {
        for (place, record) in records.iter().enumerate() {
            match (self.lasting, self.armed) {
                (Some(Fault::Stuck), _) => return place,
                (Some(_), _) => return records.len(),
                (None, None) => return place + self.inner.submit(&records[place..]),
                (None, Some(_)) => {}
            }
            let mut sent = *record;
            let (struck, armed) = (self.struck, self.armed);
            match self.strikes(record) {
                None => {}
                Some((Fault::RecordDropped, _)) => continue,
                Some((fault @ (Fault::Stuck | Fault::Gone), _)) => {
                    self.lasting = Some(fault);
                    return place;
                }
                Some((_, bit)) => {
                    let is_cash = record.op() == input::CASH.op;
                    let field = if is_cash { &record::DELTA } else { &record::EQUITY_LOW };
                    flip(&mut sent, field.lsb as u32 + bit);
                }
            }
            if self.inner.submit(&[sent]) == 0 {
                // Not taken: it will come again and is counted then.
                (self.struck, self.armed) = (struck, armed);
                return place;
            }
        }
        records.len()
    }

    fn poll(&mut self, answers: &mut [Record]) -> usize {
        match self.lasting {
            Some(Fault::Stuck) => return 0,
            Some(_) => {
                answers.fill(Record([0xff; 32]));
                return answers.len();
            }
            None if self.armed.is_none() && self.held.is_none() && self.ready.is_empty() => {
                return self.inner.poll(answers);
            }
            None => {}
        }
        let mut given = 0;
        while given < answers.len() {
            if let Some(answer) = self.ready.pop_front() {
                answers[given] = answer;
                given += 1;
                continue;
            }
            let mut answer = [Record::default()];
            if self.inner.poll(&mut answer) == 0 {
                break;
            }
            self.pass(answer[0]);
        }
        given
    }

    fn check(&mut self) -> Result<(), DeviceError> {
        self.inner.check()
    }

    fn clocks(&self) -> u64 {
        self.inner.clocks()
    }
}

fn flip(record: &mut Record, bit: u32) {
    record.0[bit as usize / 8] ^= 1 << (bit % 8);
}

fn one_more(answer: Record, count: &record::Field) -> Record {
    answer.with(count, count.get(&answer) + 1)
}
