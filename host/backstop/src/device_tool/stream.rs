//! Records that keep a machine busy, drawn by a seed, with what the model answers: for tests of a card, which must not fit a pattern.

use model::machine::{Capacity, Machine};
use model::record::{self, FLAG_COMMIT, FLAG_HOLD, Record, UNKNOWN, input, output};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

const SCALE: u32 = 10_000;
const PRICE_BITS: u32 = 20;
const SIZE_BITS: u32 = 24;
const TIERS: u32 = 4;

/// A stream without end. Most records are executed; some are refused, each for one of many reasons.
pub struct Stream {
    random: ChaCha8Rng,
    machine: Machine,
    capacity: Capacity,
    sequence: u32,
    /// Holders by instrument and lane: a slot's place is its number.
    slots: Vec<Vec<Vec<u32>>>,
    /// Slots of an instrument in a lane, and how many of them are used at most.
    segment: u32,
    holders_max: u32,
}

impl Stream {
    /// For a machine after reset. Sweeps are as long as there are holders: at most `holders_max` of an instrument in a lane.
    pub fn new(seed: u64, capacity: Capacity, holders_max: u32) -> Self {
        let random = ChaCha8Rng::seed_from_u64(seed);
        let segment = (capacity.slots_per_lane / capacity.instruments) as u32;
        Self {
            random,
            machine: Machine::new(capacity),
            capacity,
            sequence: 0,
            slots: vec![vec![Vec::new(); capacity.lanes]; capacity.instruments],
            segment,
            holders_max: holders_max.min(segment),
        }
    }

    /// From reset to listed instruments with marks.
    pub fn set_up(&mut self, sent: &mut Vec<Record>, answers: &mut Vec<Record>) {
        let token = self.random.next_u64();
        let resync = Record::new(&input::RESYNC, 0).with(&record::TOKEN, token.into());
        self.push(resync, sent, answers);
        let scale = Record::new(&input::SETTING, 0).with(&record::VALUE, SCALE.into());
        self.push(scale, sent, answers);
        for instrument in 0..self.capacity.instruments as u32 {
            let mut deduction = 0i128;
            let tier = |step: u32| (u64::from(step) << 32, 100 * (step + 1));
            for step in 0..TIERS {
                let (floor, rate) = tier(step);
                if step > 0 {
                    deduction += i128::from(floor) * i128::from(rate - tier(step - 1).1);
                }
                let record = Record::new(&input::TIER, 0)
                    .with(&record::INSTRUMENT, instrument.into())
                    .with(&record::STEP, step.into())
                    .with(&record::FLOOR, floor.into())
                    .with(&record::RATE, rate.into())
                    .with(&record::DEDUCTION, deduction);
                self.push(record, sent, answers);
            }
            let record = Record::new(&input::INSTRUMENT, 0)
                .flagged(FLAG_COMMIT)
                .with(&record::INSTRUMENT, instrument.into())
                .with(&record::WEIGHT_LONG, SCALE.into())
                .with(&record::WEIGHT_SHORT, SCALE.into())
                .with(&record::BASE, (instrument * self.segment).into())
                .with(&record::CAPACITY, self.segment.into())
                .with(&record::PRICE_BITS, PRICE_BITS.into())
                .with(&record::SIZE_BITS, SIZE_BITS.into())
                .with(&record::TIER_COUNT, TIERS.into());
            self.push(record, sent, answers);
            let mark = self.mark(instrument);
            self.push(mark, sent, answers);
        }
    }

    /// The next records, ended by a FENCE, and their answers.
    pub fn chunk(&mut self, records: usize, sent: &mut Vec<Record>, answers: &mut Vec<Record>) {
        for _ in 1..records {
            let record = self.draw();
            self.push(record, sent, answers);
        }
        let token = self.random.next_u64();
        self.push(Record::new(&input::FENCE, 0).with(&record::TOKEN, token.into()), sent, answers);
    }

    fn draw(&mut self) -> Record {
        let instrument = self.below(self.capacity.instruments as u32);
        let account = self.account();
        match self.below(64) {
            0 => self.mark(instrument),
            1 => {
                let delta = i128::from(self.below(1 << 8)) - (1 << 7);
                let record = Record::new(&input::FUNDING, 0).with(&record::INSTRUMENT, instrument.into());
                record.with(&record::INDEX_DELTA, delta)
            }
            2..=19 => {
                let delta = i128::from(self.random.next_u64() as i64 >> 24);
                Record::new(&input::CASH, 0)
                    .with(&record::ACCOUNT, account.into())
                    .with(&record::DELTA, delta)
            }
            20..=23 => {
                let offset = i128::from(self.random.next_u64() as i64);
                Record::new(&input::OFFSET, 0)
                    .with(&record::ACCOUNT, account.into())
                    .with(&record::OFFSET, offset)
            }
            24..=31 => Record::new(&input::READBACK, 0).with(&record::ACCOUNT, account.into()),
            // Anything at all, mostly refused.
            32 => {
                let mut record = Record::default();
                self.random.fill_bytes(&mut record.0);
                record
            }
            _ => self.position(instrument, account),
        }
    }

    fn mark(&mut self, instrument: u32) -> Record {
        let price = self.below(1 << PRICE_BITS);
        Record::new(&input::MARK, 0)
            .with(&record::INSTRUMENT, instrument.into())
            .with(&record::PRICE, price.into())
    }

    /// A new holder while there is room, or a holder's new size.
    fn position(&mut self, instrument: u32, account: u32) -> Record {
        let lane = account as usize % self.capacity.lanes;
        let holders = &self.slots[instrument as usize][lane];
        let appends = (holders.len() as u32) < self.holders_max && self.random.next_u32().is_multiple_of(2);
        let (slot, account) = match holders.len() as u32 {
            count if appends || count == 0 => (count, account),
            count => {
                let slot = self.random.next_u32() % count;
                (slot, self.slots[instrument as usize][lane][slot as usize])
            }
        };
        let size = i128::from(self.below(1 << (SIZE_BITS + 1))) - (1 << SIZE_BITS) + 1;
        let cash = i128::from(self.random.next_u64() as i64 >> 28);
        Record::new(&input::POSITION, 0)
            .with(&record::INSTRUMENT, instrument.into())
            .with(&record::ACCOUNT, account.into())
            .with(&record::SLOT, slot.into())
            .with(&record::SIZE, size.clamp(1 - (1 << SIZE_BITS), (1 << SIZE_BITS) - 1))
            .with(&record::CASH_DELTA, cash)
    }

    fn account(&mut self) -> u32 {
        let accounts = self.capacity.lanes * self.capacity.accounts_per_lane;
        self.below(accounts as u32)
    }

    fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.random.next_u32()) * u64::from(bound)) >> 32) as u32
    }

    /// Numbers the record, executes it on the model and keeps both sides.
    fn push(&mut self, record: Record, sent: &mut Vec<Record>, answers: &mut Vec<Record>) {
        let record = record.with(&record::SEQUENCE, self.sequence.into());
        self.sequence = self.sequence.wrapping_add(1);
        let before = answers.len();
        self.machine.execute(&record, answers);
        let refused = answers[before..].iter().any(|answer| answer.op() == output::ERROR_RECORD.op);
        if record.op() == input::POSITION.op && !refused && record.flags() & !FLAG_HOLD == 0 {
            let lane = record.account() as usize % self.capacity.lanes;
            let holders = &mut self.slots[usize::from(record.instrument())][lane];
            if record::SLOT.get(&record) as usize == holders.len() {
                holders.push(record.account());
            }
        }
        sent.push(record);
    }
}

/// Answers as they may be compared: no clocks; between two echoes each lane's in their order, then those without a lane or an order, sorted.
pub fn canonical(answers: &[Record], lanes: usize) -> Vec<Record> {
    let is_echo = |answer: &Record| [output::FENCE_ECHO.op, output::RESYNC_ECHO.op].contains(&answer.op());
    let mut all = Vec::with_capacity(answers.len());
    for part in answers.chunk_by(|left, right| !is_echo(left) && !is_echo(right)) {
        let start = all.len();
        let lane_of = |answer: &Record| match answer.op() {
            op if op == output::RECEIPT.op => record::LANE.get(answer) as usize,
            op if op == output::ERROR_RECORD.op || answer.account() == UNKNOWN => lanes,
            _ => answer.account() as usize % lanes,
        };
        all.extend(part.iter().map(|answer| match answer.op() {
            op if op == output::RECEIPT.op => answer.with(&record::CLOCKS, 0),
            _ => *answer,
        }));
        all[start..].sort_by_key(&lane_of);
        let unordered = all[start..].partition_point(|answer| lane_of(answer) < lanes);
        all[start + unordered..].sort_unstable();
    }
    all
}
