//! Devices that misbehave on purpose: seeded faults and narrow queues over any device, for tests and drills.

use model::machine::Capacity;
use model::record::{self, Record, input, output};

use crate::{CpuDevice, Identity, MarginDevice};

/// What goes wrong, once, at a place drawn from the seed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// A FLAG never arrives.
    FlagDropped,
    /// A FLAG arrives twice.
    FlagDoubled,
    /// A FLAG names a severity that does not exist.
    SeverityUnknown,
    /// A FLAG names an account index that was never assigned.
    AccountUnknown,
    /// A bit of E flips in a FLAG or a read-back.
    EquityBit,
    /// A bit of R flips in a FLAG or a read-back.
    RequirementBit,
    /// A bit of cash flips on the way in: the device's state is wrong from then on.
    CashBit,
    /// A RECEIPT counts a holder too many.
    HoldersMiscounted,
    /// A RECEIPT counts a FLAG too many.
    FlagsMiscounted,
    /// A RECEIPT never arrives.
    ReceiptDropped,
    /// A RECEIPT names a record that was never sent.
    SequenceUnknown,
    /// A bit of a FENCE's token flips.
    TokenBit,
    /// A record is lost on the way in.
    RecordDropped,
    /// Nothing is taken or answered any more.
    Stuck,
}

impl Fault {
    pub const ALL: [Self; 14] = [
        Self::FlagDropped,
        Self::FlagDoubled,
        Self::SeverityUnknown,
        Self::AccountUnknown,
        Self::EquityBit,
        Self::RequirementBit,
        Self::CashBit,
        Self::HoldersMiscounted,
        Self::FlagsMiscounted,
        Self::ReceiptDropped,
        Self::SequenceUnknown,
        Self::TokenBit,
        Self::RecordDropped,
        Self::Stuck,
    ];

    /// Whether this record, on its way in or out, can carry the fault.
    fn concerns(self, record: &Record) -> bool {
        let op = record.op();
        let is_report = op == output::FLAG.op || op == output::READBACK_ACCOUNT.op;
        match self {
            Self::FlagDropped | Self::FlagDoubled | Self::SeverityUnknown | Self::AccountUnknown => {
                op == output::FLAG.op
            }
            Self::EquityBit | Self::RequirementBit => is_report,
            Self::CashBit => op == input::CASH.op,
            Self::HoldersMiscounted
            | Self::FlagsMiscounted
            | Self::ReceiptDropped
            | Self::SequenceUnknown => op == output::RECEIPT.op,
            Self::TokenBit => op == output::FENCE_ECHO.op,
            Self::RecordDropped => op < 0x80 && op != input::RESYNC.op,
            Self::Stuck => op < 0x80,
        }
    }
}

/// A device with one [`Fault`].
#[derive(Clone, Debug)]
pub struct FaultyDevice<D> {
    inner: D,
    fault: Fault,
    /// Records that can carry the fault and pass before it strikes.
    before: u32,
    /// Bit that flips, of those the field can spare.
    bit: u32,
    struck: bool,
    doubled: Option<Record>,
}

impl<D: MarginDevice> FaultyDevice<D> {
    /// The fault strikes one of the first `within` records that can carry it, which one the seed says.
    pub fn new(inner: D, fault: Fault, seed: u64, within: u32) -> Self {
        let mut random = Random(seed);
        let before = random.below(within.max(1));
        Self { inner, fault, before, bit: random.below(32), struck: false, doubled: None }
    }

    /// True once the fault has happened.
    pub fn has_struck(&self) -> bool {
        self.struck
    }

    fn strikes(&mut self, record: &Record) -> bool {
        if self.struck || !self.fault.concerns(record) {
            return false;
        }
        self.struck = self.before == 0;
        self.before = self.before.saturating_sub(1);
        self.struck
    }

    /// The answer as it leaves; `None` if it is lost.
    fn spoil(&mut self, mut answer: Record) -> Option<Record> {
        match self.fault {
            Fault::FlagDropped | Fault::ReceiptDropped => return None,
            Fault::FlagDoubled => self.doubled = Some(answer),
            Fault::SeverityUnknown => record::SEVERITY_NEW.put(&mut answer, 5 + i128::from(self.bit % 11)),
            Fault::AccountUnknown => record::ACCOUNT.put(&mut answer, i128::from(u32::MAX - self.bit)),
            Fault::EquityBit => flip(&mut answer, record::EQUITY_LOW.lsb as u32 + self.bit),
            Fault::RequirementBit => flip(&mut answer, record::REQUIREMENT_LOW.lsb as u32 + self.bit),
            Fault::TokenBit => flip(&mut answer, record::TOKEN.lsb as u32 + self.bit),
            Fault::HoldersMiscounted => answer = one_more(answer, &record::HOLDERS),
            Fault::FlagsMiscounted => answer = one_more(answer, &record::FLAG_COUNT),
            Fault::SequenceUnknown => flip(&mut answer, record::SEQUENCE.lsb as u32 + 31),
            Fault::CashBit | Fault::RecordDropped | Fault::Stuck => unreachable!("a fault on the way in"),
        }
        Some(answer)
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
        self.doubled = None;
    }

    fn submit(&mut self, records: &[Record]) -> usize {
        for (place, record) in records.iter().enumerate() {
            if self.fault == Fault::Stuck && self.struck {
                return place;
            }
            let mut sent = *record;
            let (struck, before) = (self.struck, self.before);
            if self.strikes(record) {
                match self.fault {
                    Fault::Stuck => return place,
                    Fault::RecordDropped => continue,
                    _ => flip(&mut sent, record::DELTA.lsb as u32 + self.bit),
                }
            }
            if self.inner.submit(&[sent]) == 0 {
                // Not taken: it will come again and is counted then.
                (self.struck, self.before) = (struck, before);
                return place;
            }
        }
        records.len()
    }

    fn poll(&mut self, answers: &mut [Record]) -> usize {
        if self.fault == Fault::Stuck && self.struck {
            return 0;
        }
        let mut kept = 0;
        while kept < answers.len() {
            if let Some(again) = self.doubled.take() {
                answers[kept] = again;
                kept += 1;
                continue;
            }
            let mut answer = [Record::default()];
            if self.inner.poll(&mut answer) == 0 {
                break;
            }
            let kept_answer = if self.strikes(&answer[0]) { self.spoil(answer[0]) } else { Some(answer[0]) };
            if let Some(answer) = kept_answer {
                answers[kept] = answer;
                kept += 1;
            }
        }
        kept
    }

    fn clocks(&self) -> u64 {
        self.inner.clocks()
    }
}

/// The model with words that break beyond repair now and then, between any two records.
#[derive(Clone, Debug)]
pub struct DecayingDevice {
    inner: CpuDevice,
    random: Random,
    one_in: Option<u32>,
    broken: u64,
}

impl DecayingDevice {
    /// Before one in `one_in` records an account or slot breaks, which one the seed says.
    pub fn new(inner: CpuDevice, seed: u64, one_in: u32) -> Self {
        Self { inner, random: Random(seed), one_in: Some(one_in), broken: 0 }
    }

    /// Words broken so far, in use or not.
    pub fn broken(&self) -> u64 {
        self.broken
    }

    /// From now on nothing breaks any more.
    pub fn stop(&mut self) {
        self.one_in = None;
    }

    fn decay(&mut self) {
        if self.one_in.is_none_or(|one_in| self.random.below(one_in) != 0) {
            return;
        }
        let Capacity { lanes, accounts_per_lane, slots_per_lane, .. } = self.capacity();
        let lane = self.random.below(lanes as u32);
        if self.random.below(2) == 0 {
            let row = self.random.below(accounts_per_lane as u32);
            self.inner.machine_mut().break_account(row * lanes as u32 + lane);
        } else {
            let place = self.random.below(slots_per_lane as u32);
            self.inner.machine_mut().break_slot(lane as usize, place as usize);
        }
        self.broken += 1;
    }
}

impl MarginDevice for DecayingDevice {
    fn identity(&self) -> Identity {
        self.inner.identity()
    }

    fn capacity(&self) -> Capacity {
        self.inner.capacity()
    }

    fn reset(&mut self) {
        self.inner.reset();
    }

    fn submit(&mut self, records: &[Record]) -> usize {
        let Some(first) = records.first() else { return 0 };
        self.decay();
        self.inner.submit(&[*first])
    }

    fn poll(&mut self, answers: &mut [Record]) -> usize {
        self.inner.poll(answers)
    }

    fn clocks(&self) -> u64 {
        self.inner.clocks()
    }
}

/// A device whose queues take and give a few records at a time, often none.
#[derive(Clone, Debug)]
pub struct NarrowDevice<D> {
    inner: D,
    random: Random,
}

impl<D: MarginDevice> NarrowDevice<D> {
    pub fn new(inner: D, seed: u64) -> Self {
        Self { inner, random: Random(seed) }
    }
}

impl<D: MarginDevice> MarginDevice for NarrowDevice<D> {
    fn identity(&self) -> Identity {
        self.inner.identity()
    }

    fn capacity(&self) -> Capacity {
        self.inner.capacity()
    }

    fn reset(&mut self) {
        self.inner.reset();
    }

    fn submit(&mut self, records: &[Record]) -> usize {
        let width = records.len().min(self.random.below(3) as usize);
        self.inner.submit(&records[..width])
    }

    fn poll(&mut self, answers: &mut [Record]) -> usize {
        let width = answers.len().min(self.random.below(3) as usize);
        self.inner.poll(&mut answers[..width])
    }

    fn clocks(&self) -> u64 {
        self.inner.clocks()
    }
}

/// splitmix64.
#[derive(Clone, Debug)]
pub(crate) struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % u64::from(bound)) as u32
    }
}

fn flip(record: &mut Record, bit: u32) {
    record.0[bit as usize / 8] ^= 1 << (bit % 8);
}

fn one_more(answer: Record, count: &record::Field) -> Record {
    answer.with(count, count.get(&answer) + 1)
}
