//! The machine against a recompute from scratch, and every refusal by name.

mod faults;
mod recompute;
mod reload;
mod sweeps;

use super::*;
use crate::margin::Severity;
use crate::record::{FLAG_HOLD as HOLD, OFFSET};

const CAPACITY: Capacity = Capacity { lanes: 2, accounts_per_lane: 8, slots_per_lane: 32, instruments: 2 };
const S: u32 = 10_000;

/// Numbers records and keeps what came out.
struct Bench {
    machine: Machine,
    next: u32,
}

impl Bench {
    fn reset() -> Self {
        Self::reset_with(CAPACITY)
    }

    fn reset_with(capacity: Capacity) -> Self {
        let mut bench = Self { machine: Machine::new(capacity), next: 0 };
        assert_eq!(bench.send(Record::new(&input::RESYNC, 0)).len(), 1);
        bench
    }

    fn ready() -> Self {
        Self::ready_with(CAPACITY)
    }

    /// S, and two instruments of two tiers each: 1 % and, from 5,000 quanta on, 3 %.
    fn ready_with(capacity: Capacity) -> Self {
        let mut bench = Self::reset_with(capacity);
        bench.send(setting(record::SETTING_SCALE, S));
        for instrument in 0..2 {
            bench.send(tier(instrument, 0, 0, 100, 0));
            bench.send(tier(instrument, 1, 5_000, 300, 1_000_000));
            assert_eq!(
                bench.send(commit(instrument, u32::from(instrument) * 16)).len(),
                capacity.lanes,
                "a receipt per lane"
            );
        }
        bench
    }

    fn send(&mut self, record: Record) -> Vec<Record> {
        let mut out = Vec::new();
        self.machine.execute(&record.with(&record::SEQUENCE, self.next.into()), &mut out);
        self.next = self.next.wrapping_add(1);
        out
    }

    /// Cash until not one quantum more fits.
    fn fill(&mut self, account: u32) {
        let mut step = i64::MAX;
        while step > 0 {
            if !self.send(cash(account, step).flagged(HOLD)).is_empty() {
                step /= 2;
            }
        }
    }

    /// E, R and severity as the machine says.
    fn account(&mut self, account: u32) -> (i128, i128, u8) {
        let answer = self.send(readback(account))[0];
        assert_eq!(answer.op(), output::READBACK_ACCOUNT.op);
        (answer.equity(), answer.requirement(), answer.flags() & 15)
    }

    fn refusal(&mut self, record: Record) -> Reason {
        let before = alloc::format!("{:?}{:?}", self.machine.lanes, self.machine.instruments);
        let out = self.send(record);
        assert_eq!((out.len(), out[0].op()), (1, output::ERROR_RECORD.op), "{out:?}");
        assert_eq!(before, alloc::format!("{:?}{:?}", self.machine.lanes, self.machine.instruments));
        Reason::from_code(out[0].flags()).unwrap()
    }
}

fn setting(index: u16, value: u32) -> Record {
    Record::new(&input::SETTING, 0).with(&record::INDEX, index.into()).with(&record::VALUE, value.into())
}

fn tier(instrument: u16, step: u8, floor: u64, rate: u32, deduction: u128) -> Record {
    Record::new(&input::TIER, 0)
        .with(&record::INSTRUMENT, instrument.into())
        .with(&record::STEP, step.into())
        .with(&record::FLOOR, floor.into())
        .with(&record::RATE, rate.into())
        .with(&record::DEDUCTION, deduction as i128)
}

fn commit(instrument: u16, base: u32) -> Record {
    Record::new(&input::INSTRUMENT, 0)
        .flagged(FLAG_COMMIT)
        .with(&record::INSTRUMENT, instrument.into())
        .with(&record::WEIGHT_LONG, S.into())
        .with(&record::WEIGHT_SHORT, S.into())
        .with(&record::BASE, base.into())
        .with(&record::CAPACITY, 16)
        .with(&record::PRICE_BITS, 32)
        .with(&record::SIZE_BITS, 27)
        .with(&record::TIER_COUNT, 2)
}

fn mark(instrument: u16, price: u64) -> Record {
    Record::new(&input::MARK, 0)
        .with(&record::INSTRUMENT, instrument.into())
        .with(&record::PRICE, price.into())
}

fn position(instrument: u16, account: u32, slot: u32, size: i64, cash_delta: i64) -> Record {
    Record::new(&input::POSITION, 0)
        .with(&record::INSTRUMENT, instrument.into())
        .with(&record::ACCOUNT, account.into())
        .with(&record::SLOT, slot.into())
        .with(&record::SIZE, size.into())
        .with(&record::CASH_DELTA, cash_delta.into())
}

fn cash(account: u32, delta: i64) -> Record {
    Record::new(&input::CASH, 0).with(&record::ACCOUNT, account.into()).with(&record::DELTA, delta.into())
}

fn offset(account: u32, value: i128) -> Record {
    Record::new(&input::OFFSET, 0).with(&record::ACCOUNT, account.into()).with(&OFFSET, value)
}

fn funding(instrument: u16, delta: i64) -> Record {
    Record::new(&input::FUNDING, 0)
        .with(&record::INSTRUMENT, instrument.into())
        .with(&record::INDEX_DELTA, delta.into())
}

fn load(account: u32, equity: i128, requirement: i128) -> Record {
    Record::new(&input::LOAD, 0).with(&record::ACCOUNT, account.into()).with_account_word(equity, requirement)
}

fn raw(instrument: u16, account: u32, slot: u32, size: i64) -> Record {
    position(instrument, account, slot, size, 0).flagged(FLAG_RAW)
}

/// The only record that is a FLAG, as (account, old severity, new severity).
fn flag(out: &[Record]) -> Option<(u32, u8, u8)> {
    let mut flags = out.iter().filter(|r| r.op() == output::FLAG.op);
    let flag = flags.next().map(|r| (r.account(), r.flags() >> 4, r.flags() & 15));
    assert!(flags.next().is_none());
    flag
}

/// Holders and flags of the receipts, in their order.
fn receipts(out: &[Record]) -> Vec<(i128, i128)> {
    let receipts = out.iter().filter(|r| r.op() == output::RECEIPT.op);
    receipts.map(|r| (record::HOLDERS.get(r), record::FLAG_COUNT.get(r))).collect()
}

fn error(reason: Reason, instrument: u16, sequence: u32, account: u32, slot: u32) -> Record {
    let mut bytes = [0; 32];
    bytes[..2].copy_from_slice(&[0x8f, reason as u8]);
    bytes[2..4].copy_from_slice(&instrument.to_le_bytes());
    bytes[4..8].copy_from_slice(&sequence.to_le_bytes());
    bytes[8..12].copy_from_slice(&account.to_le_bytes());
    bytes[12..16].copy_from_slice(&slot.to_le_bytes());
    Record(bytes)
}

fn readback_slot(instrument: u16, account: u32, slot: u32) -> Record {
    Record::new(&input::READBACK_BY_SLOT, 0)
        .with(&record::INSTRUMENT, instrument.into())
        .with(&record::ACCOUNT, account.into())
        .with(&record::SLOT, slot.into())
}

fn readback(account: u32) -> Record {
    Record::new(&input::READBACK, 0).with(&record::ACCOUNT, account.into())
}

fn move_slot(instrument: u16, account: u32, from: u32, to: u32) -> Record {
    Record::new(&input::MOVE, 0)
        .with(&record::INSTRUMENT, instrument.into())
        .with(&record::ACCOUNT, account.into())
        .with(&record::FROM, from.into())
        .with(&record::TO, to.into())
}

#[test]
fn a_falling_mark_takes_a_long_through_every_severity() {
    let mut bench = Bench::ready();
    for (rung, value) in [(1, 512), (3, 171)] {
        bench.send(setting(rung, value));
    }
    bench.send(mark(0, 100));
    assert!(bench.send(cash(3, 100)).is_empty());
    assert!(bench.send(position(0, 3, 0, 40, -4_000)).is_empty(), "E = 100, R = 40");
    for (price, severity) in [(99, 1), (98, 3), (97, 4), (98, 3), (99, 1), (100, 0)] {
        let out = bench.send(mark(0, price));
        let flag = out.iter().find(|r| r.op() == output::FLAG.op).expect("severity changes");
        assert_eq!(flag.flags() & 15, severity, "at {price}");
    }
}

#[test]
fn equality_decides_the_line() {
    for (equality, at_line) in [(0, Severity::Healthy), (1, Severity::Takeover)] {
        let mut bench = Bench::ready();
        bench.send(setting(record::SETTING_EQUALITY, equality));
        bench.send(mark(0, 100));
        bench.send(cash(3, 40));
        let flags = bench.send(position(0, 3, 0, 40, -4_000));
        assert_eq!(
            flags.first().map_or(0, |flag| flag.0[1] & 15),
            at_line as u8,
            "E = R = 40 at rungs of 256"
        );
        let below = bench.send(cash(3, -1));
        assert_eq!(below.len(), usize::from(equality == 0));
        let insolvent = bench.send(cash(3, -40));
        assert_eq!(insolvent[0].flags(), 3 << 4 | 4);
        assert_eq!(insolvent[0].equity(), -i128::from(S));
        assert_eq!(insolvent[0].requirement(), 40 * i128::from(S));
    }
}

#[test]
fn a_sweep_reports_every_holder_and_leaves_others_alone() {
    let mut bench = Bench::ready();
    bench.send(mark(0, 100));
    for account in 0..6 {
        bench.send(cash(account, 1_000));
        bench.send(position(0, account, account / 2, if account < 3 { 10 } else { -10 }, 0));
    }
    let out = bench.send(mark(0, 150));
    let receipts: Vec<_> = out.iter().filter(|r| r.op() == output::RECEIPT.op).collect();
    assert_eq!(receipts.len(), 2);
    assert!(receipts.iter().all(|r| record::HOLDERS.get(r) == 3));
}

#[test]
fn every_refusal_has_its_reason_and_changes_nothing() {
    let mut locked = Bench { machine: Machine::new(CAPACITY), next: 0 };
    assert_eq!(locked.refusal(cash(0, 1)), Reason::Locked);
    assert_eq!(Bench::reset().refusal(cash(0, 1)), Reason::ScaleNotSet);
    let mut bench = Bench::ready();
    bench.send(mark(0, 100));
    bench.send(position(0, 2, 0, 5, 0));
    use Reason::{AccumulatorRange, FieldRange, Operation, Slot, State, UnusedBits};
    let max_cash = i64::MAX;
    let cases = [
        (Record([0; 32]), Operation),
        (Record([14; 32]), Operation),
        (readback(0).with(&record::SLOT, 1), UnusedBits),
        (mark(0, 1).flagged(FLAG_COMMIT), UnusedBits),
        (setting(5, 1), FieldRange),
        (setting(1, 1_024), FieldRange),
        (setting(4, 2), FieldRange),
        (setting(0, 0), FieldRange),
        (setting(0, S), State),
        (setting(3, 300), State),
        (mark(2, 1), FieldRange),
        (mark(0, 1 << 32), FieldRange),
        (position(0, 2, 0, 1 << 40, 0), FieldRange),
        (position(0, 2, 0, 1 << 27, 0), State),
        (position(0, 16, 0, 5, 0), FieldRange),
        (offset(0, 1 << 86), FieldRange),
        (offset(0, -(1 << 86)), FieldRange),
        (tier(0, 0, 1 << 59, 1, 0), FieldRange),
        (tier(0, 0, 0, S + 1, 0), FieldRange),
        (commit(0, 0), State), // no step written since the flip
        (commit(1, 17), State),
        (commit(1, 16).with(&record::TIER_COUNT, 17), FieldRange),
        (commit(1, 16).with(&record::WEIGHT_LONG, 2 * i128::from(S) + 1), FieldRange),
        (position(0, 4, 0, 5, 0), Slot),
        (position(0, 2, 2, 5, 0), Slot),
        (position(0, 2, 1, 0, 0), Slot),
        (move_slot(0, 2, 0, 0), Slot),
        (move_slot(0, 2, 1, 0), Slot),
        (move_slot(0, 2, u32::MAX, 0), Slot),
        (Record::new(&input::READBACK_BY_SLOT, 0).with(&record::SLOT, 1), Slot),
    ];
    for (record, reason) in cases {
        assert_eq!(bench.refusal(record), reason, "{record:?}");
    }
    for _ in 0..(1 << 12) {
        if let Some(out) = bench.send(cash(0, max_cash).flagged(HOLD)).first() {
            assert_eq!(out.flags(), AccumulatorRange as u8);
            bench.next = bench.next.wrapping_add(5);
            assert_eq!(bench.refusal(cash(0, 1)), Reason::Sequence);
            assert_eq!(bench.refusal(cash(0, 1)), Reason::Locked);
            return;
        }
    }
    panic!("the accumulator never filled");
}

#[test]
fn a_sweep_out_of_range_marks_the_account_bad() {
    let mut bench = Bench::ready();
    bench.send(mark(0, 1));
    bench.send(position(0, 1, 0, (1 << 27) - 1, 0).flagged(HOLD));
    bench.fill(1);
    let out = bench.send(mark(0, u64::from(u32::MAX)));
    let error = out.iter().find(|r| r.op() == output::ERROR_ACCOUNT.op).expect("out of range");
    assert_eq!(
        (error.flags(), error.account(), record::SLOT.get(error)),
        (Reason::AccumulatorRange as u8, 1, 0)
    );
    assert!(out.iter().filter(|r| r.op() == output::RECEIPT.op).all(|r| record::HOLDERS.get(r) == 0));
    assert_eq!(bench.refusal(cash(1, 1)), Reason::BadAccount);
    assert_eq!(bench.refusal(position(0, 1, 0, 1, 0)), Reason::BadAccount);
    assert_eq!(bench.refusal(offset(1, 1)), Reason::BadAccount);
    assert!(bench.send(offset(1, 1).flagged(HOLD)).is_empty());
    let walk = bench.send(setting(record::SETTING_RUNG_1, 300));
    assert_eq!(
        walk.iter().map(|r| record::HOLDERS.get(r)).sum::<i128>(),
        15,
        "the bad account is not visited"
    );
}
