//! Bad accounts and how LOAD, OFFSET with hold and POSITION raw bring them back.

use super::*;
use crate::record::Reason::{BadAccount, FieldRange, Slot, State, UnusedBits};

#[test]
fn load_sets_both_accumulators_and_compares() {
    let mut bench = Bench::ready();
    assert_eq!(flag(&bench.send(load(3, 5, 6))), Some((3, 0, 3)));
    assert_eq!(bench.account(3), (5, 6, 3));
    assert_eq!(flag(&bench.send(load(3, -1, 6).flagged(HOLD))), None);
    assert_eq!(bench.account(3), (-1, 6, 3));
    assert_eq!(flag(&bench.send(cash(3, 0))), Some((3, 3, 4)));
    let (low, high) = (-(1i128 << 87), (1i128 << 87) - 1);
    assert_eq!(flag(&bench.send(load(3, high, low))), Some((3, 4, 0)));
    assert_eq!(bench.account(3), (high, low, 0));
    bench.send(offset(3, (1 << 86) - 1));
    assert_eq!(flag(&bench.send(load(3, low, high))), Some((3, 0, 4)));
    assert_eq!(flag(&bench.send(load(3, 0, -(1 << 86) + 2))), Some((3, 4, 3)), "the offset stayed");
    assert_eq!(bench.refusal(load(16, 0, 0)), FieldRange);
    assert_eq!(bench.refusal(load(3, 0, 0).flagged(FLAG_RAW)), UnusedBits);
}

#[test]
fn raw_writes_the_slot_and_no_account() {
    let mut bench = Bench::ready();
    bench.send(mark(0, 100));
    assert!(bench.send(raw(0, 2, 0, -40)).is_empty());
    assert!(bench.send(raw(0, 4, 0, 70).flagged(HOLD)).is_empty(), "whatever it held");
    assert!(bench.send(raw(0, 4, 1, 10)).is_empty(), "one account in two slots");
    for account in [2, 4] {
        assert_eq!(bench.account(account), (0, 0, 0));
    }
    // Stored were 7,000*3 % - 100 and 1,000*1 %; at 110 it is 7,700*3 % - 100 and 1,100*1 %.
    bench.send(mark(0, 110));
    assert_eq!(bench.account(4), (8_000_000, 210_000 + 10_000, 0));
    let answer = bench.send(readback_slot(0, 0, 0))[0];
    assert_eq!((answer.account(), record::SIZE.get(&answer)), (4, 70));
    assert_eq!(bench.refusal(raw(0, 4, 0, 0)), Slot, "size 0 over a live slot");
    assert_eq!(bench.refusal(raw(0, 4, 2, 0)), Slot);
    assert_eq!(bench.refusal(raw(0, 4, 3, 1)), Slot);
    assert_eq!(bench.refusal(raw(0, 4, 0, 1 << 27)), State);
    assert_eq!(bench.refusal(raw(0, 4, 0, 1 << 40)), FieldRange);
    assert_eq!(bench.refusal(raw(0, 16, 0, 1)), FieldRange);
    assert_eq!(bench.refusal(raw(0, 4, 0, 1).with(&record::CASH_DELTA, 1)), UnusedBits);
    for slot in 2..16 {
        bench.send(raw(0, 4, slot, 1));
    }
    assert_eq!(bench.refusal(raw(0, 4, 16, 1)), Slot, "the segment is full");
    let mut fresh = Bench::reset();
    fresh.send(setting(record::SETTING_SCALE, S));
    assert_eq!(fresh.refusal(raw(0, 0, 0, 1)), State);
}

/// Account 2 with a position in both instruments and so much cash.
fn holder(cash_quanta: i64) -> Bench {
    let mut bench = Bench::ready();
    for instrument in 0..2 {
        bench.send(mark(instrument, 100));
        bench.send(position(instrument, 4, 0, 5, 0));
        bench.send(position(instrument, 2, 1, 30 + i64::from(instrument), 0));
    }
    bench.send(cash(2, cash_quanta));
    bench.send(offset(2, 7));
    bench
}

#[test]
fn a_reloaded_account_is_as_if_it_had_never_been_bad() {
    let mut never = holder(1_000);
    for (instrument, price) in [(0, 3_000_000), (1, 120), (0, 90)] {
        never.send(mark(instrument, price));
    }
    let (equity, requirement, _) = never.account(2);
    assert_eq!(equity, 10_000 * (1_000 + 30 * 90 + 31 * 120), "no cost was paid");
    assert_eq!(requirement, 2_700 * 100 + 3_720 * 100);

    let mut bench = holder(1_000);
    bench.fill(2);
    let out = bench.send(mark(0, 3_000_000));
    assert_eq!(out.iter().filter(|r| r.op() == output::ERROR_ACCOUNT.op).count(), 1);
    assert_eq!(receipts(&bench.send(mark(1, 120))), [(1, 0), (0, 0)]);
    bench.send(mark(0, 90));
    for record in [cash(2, 0), cash(2, 0).flagged(HOLD), offset(2, 0), position(0, 2, 1, 30, 0)] {
        assert_eq!(bench.refusal(record), BadAccount);
    }
    assert_eq!(bench.refusal(position(0, 2, 0, 30, 0)), Slot, "the slot's rule comes first");
    assert_eq!(bench.send(readback(2)).len(), 1);
    assert_eq!(bench.send(readback_slot(0, 2, 1)).len(), 1);
    let reload =
        [raw(0, 2, 1, 30), raw(1, 2, 1, 31), offset(2, 7).flagged(HOLD), load(2, equity, requirement)];
    for record in reload {
        assert!(bench.send(record).is_empty(), "{record:?}");
    }
    assert_eq!(alloc::format!("{:?}", bench.machine.lanes), alloc::format!("{:?}", never.machine.lanes));
    assert_eq!(bench.send(cash(2, 0)), []);
}
