//! FUNDING, and commits over live slots.

use super::*;
use crate::record::Reason::{FieldRange, State};

/// A long of 40 and a short of 60 in one lane, at 100, with E of 4,040 and 6,060 quanta.
fn two_holders() -> Bench {
    let mut bench = Bench::ready();
    bench.send(mark(0, 100));
    bench.send(cash(2, 4_040));
    bench.send(cash(4, 6_060));
    bench.send(position(0, 2, 0, 40, -4_000));
    bench.send(position(0, 4, 1, -60, 6_000));
    // 40*100 = 4,000 at 1 %; 60*100 = 6,000 at 3 % less 100 quanta.
    assert_eq!(bench.account(2), (40_400_000, 400_000, 0));
    assert_eq!(bench.account(4), (60_600_000, 800_000, 0));
    bench
}

#[test]
fn funding_moves_equity_by_size_and_leaves_requirements() {
    let mut bench = two_holders();
    let out = bench.send(funding(0, 100));
    assert_eq!((flag(&out), receipts(&out)), (None, vec![(2, 0), (0, 0)]));
    assert_eq!(bench.account(2), (400_000, 400_000, 0), "at the line, not below it");
    let out = bench.send(funding(0, 1));
    assert_eq!((flag(&out), receipts(&out)), (Some((2, 0, 3)), vec![(2, 1), (0, 0)]));
    assert_eq!(bench.account(2), (0, 400_000, 3));
    assert_eq!(bench.account(4), (121_200_000, 800_000, 0));
    assert_eq!(flag(&bench.send(funding(0, 1))), Some((2, 3, 4)));
    let out = bench.send(funding(0, -102).flagged(HOLD));
    assert_eq!((flag(&out), receipts(&out)), (None, vec![(2, 0), (0, 0)]));
    assert_eq!(bench.account(2), (40_400_000, 400_000, 4), "held: severity stays");
    assert_eq!(flag(&bench.send(funding(0, 0))), Some((2, 4, 0)));
    bench.send(mark(0, 101));
    assert_eq!(bench.account(2), (40_800_000, 404_000, 0), "the stored requirement was that of 100");
}

#[test]
fn funding_is_refused_out_of_range_uncommitted_or_on_collateral() {
    let mut fresh = Bench::reset();
    fresh.send(setting(record::SETTING_SCALE, S));
    assert_eq!(fresh.refusal(funding(0, 1)), State);
    let mut bench = Bench::ready();
    for delta in [1 << 32, -(1 << 32), i64::MAX, i64::MIN] {
        assert_eq!(bench.refusal(funding(0, delta)), FieldRange);
    }
    assert_eq!(bench.refusal(funding(2, 1)), FieldRange);
    let narrow = commit(0, 0).with(&record::TIER_COUNT, 1).with(&record::PRICE_BITS, 7);
    bench.send(tier(0, 0, 0, 100, 0));
    assert_eq!(receipts(&bench.send(narrow)), [(0, 0), (0, 0)]);
    for delta in [128, -128, (1 << 32) - 1] {
        assert_eq!(bench.refusal(funding(0, delta)), State);
    }
    assert_eq!(receipts(&bench.send(funding(0, -127))), [(0, 0), (0, 0)]);
    for field in [record::WEIGHT_LONG, record::WEIGHT_SHORT] {
        bench.send(tier(0, 0, 0, 100, 0));
        bench.send(narrow.with(&field, i128::from(S) - 1));
        assert_eq!(bench.refusal(funding(0, 1)), State);
    }
}

#[test]
fn funding_out_of_range_marks_bad_like_a_mark() {
    let mut bench = two_holders();
    bench.fill(2);
    let before = bench.account(2);
    let sequence = bench.next;
    let out = bench.send(funding(0, -(1 << 31)));
    assert_eq!(out[0], error(Reason::AccumulatorRange, 0, sequence, 2, 0));
    assert_eq!(flag(&out), Some((4, 0, 4)));
    assert_eq!(receipts(&out), [(1, 1), (0, 0)]);
    assert_eq!(bench.account(2), before, "E, R and severity stay");
    assert_eq!(receipts(&bench.send(funding(0, 0))), [(1, 0), (0, 0)], "skipped and not counted");
}

#[test]
fn a_commit_revalues_the_holders_at_the_mark() {
    let mut bench = two_holders();
    // A haircut of a quarter on longs, shorts count twice, 2 % and from 4,000 quanta on 5 %.
    bench.send(tier(0, 0, 0, 200, 0));
    bench.send(tier(0, 1, 4_000, 500, 1_200_000));
    let terms = commit(0, 0).with(&record::WEIGHT_LONG, 7_500).with(&record::WEIGHT_SHORT, 20_000);
    let out = bench.send(terms);
    assert_eq!(receipts(&out), [(2, 1), (0, 0)]);
    assert_eq!(flag(&out), Some((4, 0, 3)));
    // 40*100*(0.75 - 1) = -1,000 quanta; 4,000 is the floor: 200 - 120 quanta.
    assert_eq!(bench.account(2), (30_400_000, 800_000, 0));
    // -60*100*(2 - 1) = -6,000 quanta; 6,000 at 5 % less 120 quanta.
    assert_eq!(bench.account(4), (600_000, 1_800_000, 3));
}

#[test]
fn a_held_commit_revalues_without_comparing() {
    let mut bench = two_holders();
    bench.send(tier(0, 0, 0, S, 0));
    let terms = commit(0, 0).with(&record::WEIGHT_LONG, 0).with(&record::TIER_COUNT, 1);
    let out = bench.send(terms.flagged(HOLD));
    assert_eq!((flag(&out), receipts(&out)), (None, vec![(2, 0), (0, 0)]));
    assert_eq!(bench.account(2), (400_000, 40_000_000, 0));
    assert_eq!(flag(&bench.send(cash(2, 0))), Some((2, 0, 3)));
    bench.send(mark(0, 99));
    assert_eq!(bench.account(2), (400_000, 39_600_000, 3), "a weight of 0 hides the price");
}

#[test]
fn a_commit_out_of_range_marks_bad_and_keeps_the_slot() {
    let mut bench = two_holders();
    bench.fill(2);
    let (equity, ..) = bench.account(2);
    bench.send(tier(0, 0, 0, 100, 0));
    let terms = commit(0, 0).with(&record::TIER_COUNT, 1).with(&record::WEIGHT_LONG, 2 * i128::from(S));
    let sequence = bench.next;
    let out = bench.send(terms);
    assert_eq!(out[0], error(Reason::AccumulatorRange, 0, sequence, 2, 0));
    assert_eq!(receipts(&out), [(1, 0), (0, 0)]);
    assert_eq!(bench.account(2), (equity, 400_000, 0));
    assert_eq!(bench.machine.lanes[0].slots[0].requirement, 400_000);
    assert_eq!(bench.account(4).1, 600_000);
}

#[test]
fn a_commit_with_live_slots_keeps_the_segment_and_the_widths() {
    let mut bench = two_holders();
    for step in 0..2 {
        bench.send(tier(0, step, u64::from(step) * 5_000, 100, 0));
    }
    for changed in [
        commit(0, 0).with(&record::BASE, 16),
        commit(0, 0).with(&record::CAPACITY, 15),
        commit(0, 0).with(&record::PRICE_BITS, 31),
        commit(0, 0).with(&record::SIZE_BITS, 26),
    ] {
        assert_eq!(bench.refusal(changed), State);
    }
    for (slot, account) in [(0, 2), (0, 4)] {
        bench.send(position(0, account, slot, 0, 0));
        let last = 1 - u32::from(account == 4);
        let owner = 4;
        assert!(bench.send(move_slot(0, owner, last, 0)).is_empty());
    }
    let narrower = commit(0, 0).with(&record::PRICE_BITS, 31).with(&record::SIZE_BITS, 26);
    assert_eq!(receipts(&bench.send(narrower)), [(0, 0), (0, 0)], "no live slots, new widths");
}
