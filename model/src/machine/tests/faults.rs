//! Words beyond repair.

use super::*;
use crate::record::NO_INSTRUMENT;
use crate::record::Reason::{UncorrectableAccount, UncorrectableSlot};

const LOST: (i128, i128, u8) = (0, 0, 0);

/// Accounts 2 and 4 hold slots 0 and 1 of instrument 1 in lane 0, account 3 slot 0 in lane 1.
fn holders() -> Bench {
    let mut bench = Bench::ready();
    bench.send(mark(1, 100));
    for (account, slot, size) in [(2, 0, 10), (4, 1, -10), (3, 0, 20)] {
        bench.send(position(1, account, slot, size, 50));
        bench.send(cash(account, 10_000));
    }
    bench
}

#[test]
fn a_record_that_reads_a_broken_account_answers_one_error_and_leaves_it_bad() {
    for (record, instrument) in [
        (cash(2, 1), NO_INSTRUMENT),
        (offset(2, 1).flagged(HOLD), NO_INSTRUMENT),
        (load(2, -1, 1 << 80), NO_INSTRUMENT),
        (readback(2), NO_INSTRUMENT),
        (position(1, 2, 0, 7, 0), 1),
        (position(1, 2, 2, 7, 0), 1),
    ] {
        let mut bench = holders();
        bench.machine.break_account(2);
        let sequence = bench.next;
        let out = bench.send(record);
        assert_eq!(out, [error(UncorrectableAccount, instrument, sequence, 2, u32::MAX)], "{record:?}");
        assert_eq!(bench.account(2), LOST);
        assert_eq!(bench.refusal(cash(2, 1)), Reason::BadAccount);
        assert_eq!(receipts(&bench.send(mark(1, 100))), [(1, 0), (1, 0)]);
        assert!(bench.send(load(2, 5, 0)).is_empty());
        assert_eq!(bench.account(2), (5, 0, 0));
    }
}

#[test]
fn what_does_not_read_the_account_does_not_find_it() {
    let mut bench = holders();
    bench.machine.break_account(2);
    assert!(bench.send(raw(1, 2, 0, 7)).is_empty());
    assert_eq!(bench.refusal(position(1, 2, 1, 7, 0)), Reason::Slot);
    assert_eq!(bench.refusal(offset(2, 1 << 86)), Reason::FieldRange);
    assert_eq!(bench.send(readback_slot(1, 2, 0))[0].op(), output::READBACK_SLOT.op);
    let sequence = bench.next;
    assert_eq!(bench.send(readback(2)), [error(UncorrectableAccount, NO_INSTRUMENT, sequence, 2, u32::MAX)]);
}

#[test]
fn a_sweep_and_a_walk_find_a_broken_account_once() {
    for swept in [mark(1, 90), funding(1, 1)] {
        let mut bench = holders();
        bench.send(raw(1, 2, 2, 3));
        bench.machine.break_account(2);
        let sequence = bench.next;
        let out = bench.send(swept);
        assert_eq!(out[0], error(UncorrectableAccount, 1, sequence, 2, u32::MAX));
        assert_eq!(receipts(&out), [(1, 0), (1, 0)]);
        assert_eq!(out.len(), 3, "its second slot is that of a bad account");
        assert_eq!(bench.account(2), LOST);
    }
    let mut bench = holders();
    bench.machine.break_account(3);
    let sequence = bench.next;
    let out = bench.send(setting(record::SETTING_EQUALITY, 1));
    assert_eq!(out[1], error(UncorrectableAccount, NO_INSTRUMENT, sequence, 3, u32::MAX));
    assert_eq!(receipts(&out), [(8, 0), (7, 0)]);
}

#[test]
fn a_broken_slot_is_reported_by_every_sweep_until_it_is_rewritten() {
    let mut bench = holders();
    bench.machine.break_slot(0, 16);
    bench.send(tier(1, 0, 0, 100, 0));
    let terms = commit(1, 16).with(&record::TIER_COUNT, 1);
    for swept in [mark(1, 90), mark(1, 100).flagged(HOLD), funding(1, 0), terms] {
        let sequence = bench.next;
        let out = bench.send(swept);
        assert_eq!(out[0], error(UncorrectableSlot, 1, sequence, u32::MAX, 0));
        assert_eq!(receipts(&out), [(1, 0), (1, 0)]);
    }
    for (record, account) in [
        (position(1, 2, 0, 7, 0), 2),
        (position(1, 4, 0, 7, 0), 4),
        (readback_slot(1, 0, 0), 0),
        (move_slot(1, 4, 1, 0), 4),
        (move_slot(1, 2, 1, 0), 2),
    ] {
        let sequence = bench.next;
        assert_eq!(bench.send(record), [error(UncorrectableSlot, 1, sequence, account, 0)], "{record:?}");
    }
    assert_eq!(bench.refusal(move_slot(1, 4, 2, 0)), Reason::Slot, "not the last slot");
    assert_eq!(bench.account(2), (100_000_000 + 10_500_000, 1_000 * 100, 0));
    assert!(bench.send(raw(1, 2, 0, 10)).is_empty());
    assert_eq!(receipts(&bench.send(mark(1, 100))), [(2, 0), (1, 0)]);
}

#[test]
fn of_two_broken_slots_a_move_names_the_last_and_an_append_repairs_one() {
    let mut bench = holders();
    bench.machine.break_slot(0, 16);
    bench.machine.break_slot(0, 17);
    bench.machine.break_slot(0, 18);
    let sequence = bench.next;
    assert_eq!(bench.send(move_slot(1, 4, 1, 0)), [error(UncorrectableSlot, 1, sequence, 4, 1)]);
    let sequence = bench.next;
    assert_eq!(bench.send(move_slot(1, 4, 1, 1)), [error(UncorrectableSlot, 1, sequence, 4, 1)]);
    assert_eq!(bench.refusal(readback_slot(1, 4, 2)), Reason::Slot, "it is not live");
    assert!(bench.send(position(1, 6, 2, 1, 0).flagged(HOLD)).is_empty());
    assert_eq!(bench.send(readback_slot(1, 6, 2))[0].account(), 6);
}

#[test]
fn a_broken_slot_comes_before_a_broken_account() {
    let mut bench = holders();
    bench.machine.break_slot(1, 16);
    bench.machine.break_account(3);
    let sequence = bench.next;
    assert_eq!(bench.send(position(1, 3, 0, 1, 0)), [error(UncorrectableSlot, 1, sequence, 3, 0)]);
    assert_eq!(bench.refusal(position(1, 3, 1, 0, 0)), Reason::Slot);
    let sequence = bench.next;
    let found = error(UncorrectableAccount, 1, sequence, 3, u32::MAX);
    assert_eq!(bench.send(position(1, 3, 1, 1, 0)), [found]);
}
