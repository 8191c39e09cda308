//! Funding: who pays whom, to the unit, and what happens when prices, time or balances do not play along.

#[allow(dead_code, reason = "it needs a part of the world only")]
mod common;

use common::{BTC, ETH, FAIR, World, rules, spec};
use engine::book::{Book, Level};
use engine::event::{AccountId, Event, Source};
use engine::ledger::Owner;
use engine::rules::{Funding, InstrumentSpec};
use proptest::prelude::*;

const HOUR_MS: i64 = 3_600_000;

const FUNDING: Funding = Funding {
    interval_ms: HOUR_MS,
    period_ms: 8 * HOUR_MS,
    sample_ms: 60_000,
    impact: 5_000_000,
    interest: 100,
    clamp: 500,
    cap: 40_000,
};

/// BTC at 1,000,000 quanta a lot, with funding.
fn world() -> World {
    let funded = InstrumentSpec { funding: Some(FUNDING), ..spec("BTC") };
    World::with(rules(), [funded, spec("ETH")], 1_000_000_000_000, FAIR)
}

fn priced(price: u64) -> Event {
    Event::Priced { instrument: BTC, source: Source::Index, price }
}

/// An index price and a mark at `time_ms`: a sample.
fn sample(world: &mut World, time_ms: i64, index: u64, mark: u64) {
    world.time_ms = time_ms - 1_000;
    assert_eq!(world.round(vec![priced(index), Event::Mark { instrument: BTC, price: mark }]).refused, []);
}

fn elapse(world: &mut World, time_ms: i64) {
    world.time_ms = time_ms - 1_000;
    assert_eq!(world.round(vec![Event::Elapsed { instrument: BTC }]).refused, []);
}

fn cash(world: &World, account: u64) -> i128 {
    world.holdings(account).0
}

#[test]
fn longs_pay_shorts_what_the_premium_says_and_the_maker_the_rest() {
    let mut world = world();
    world.open(1, BTC, 70, 100_000_000);
    world.open(2, BTC, -30, 100_000_000);
    let before = [cash(&world, 1), cash(&world, 2)];
    let maker = world.engine.ledger().of(Owner::Maker).cash;
    // The mark is 1 % above the index: 0.95 % for eight hours, an eighth of it now: 1,000,000 * 9,500 / 8 ppm = 1,187.5 a lot.
    sample(&mut world, 60_000, 1_000_000, 1_010_000);
    assert_eq!(world.engine.elapsed(HOUR_MS - 1), []);
    assert_eq!(world.engine.elapsed(HOUR_MS), [Event::Elapsed { instrument: BTC }]);
    elapse(&mut world, HOUR_MS - 1);
    assert_eq!(cash(&world, 1), before[0], "not before it is due");
    elapse(&mut world, HOUR_MS);
    assert_eq!([cash(&world, 1), cash(&world, 2)], [before[0] - 70 * 1_187, before[1] + 30 * 1_187]);
    assert_eq!(world.engine.ledger().of(Owner::Maker).cash, maker + 40 * 1_187);
    let index = |account| world.engine.ledger().find(AccountId(account)).unwrap();
    assert_eq!(world.engine.realised(index(1)), (0, -70 * 1_187));
    assert_eq!(world.engine.realised(index(2)), (0, 30 * 1_187));
    let counters = world.engine.counters();
    assert_eq!((counters.funding_payments, counters.funding_paid), (1, 70 * 1_187));
    // The half that was rounded off is paid with the next hour's.
    sample(&mut world, HOUR_MS + 60_000, 1_000_000, 1_010_000);
    elapse(&mut world, 2 * HOUR_MS);
    assert_eq!(cash(&world, 1), before[0] - 70 * (1_187 + 1_188));
}

#[test]
fn the_premium_is_that_of_the_impact_notional_on_the_book() {
    let level = |distance, lots| Level { distance, lots };
    let mut world = world();
    world.open(1, BTC, 70, 100_000_000);
    // Five lots: three at 1 %, two at 2 % are 1.4 % below the mark; offers 0.1 % above it. The index is 2 % below the mark.
    let bids = vec![level(10_000, 3), level(20_000, 9)];
    let book = Book { bids, offers: vec![level(1_000, 50)] };
    world.round(vec![Event::Book { instrument: BTC, book }]);
    let before = cash(&world, 1);
    sample(&mut world, 60_000, 980_000, 1_000_000);
    elapse(&mut world, HOUR_MS);
    // (986,000 - 980,000) / 980,000 = 6,122 ppm, less 500, of 980,000: 5,622 * 0.98 / 8 = 688.6.
    assert_eq!(cash(&world, 1), before - 70 * 688);
    // A side that offers nothing says nothing: no bids, and the offer lies above the index.
    let offers = vec![level(1_000, 50)];
    world.round(vec![Event::Book { instrument: BTC, book: Book { bids: Vec::new(), offers } }]);
    let before = cash(&world, 1);
    sample(&mut world, HOUR_MS + 60_000, 980_000, 1_000_000);
    elapse(&mut world, 2 * HOUR_MS);
    // The interest alone: 100 * 0.98 / 8 = 12.25 and the 0.695 left over.
    assert_eq!(cash(&world, 1), before - 70 * 12);
}

#[test]
fn a_rate_at_its_cap_for_days_pays_the_cap_and_takes_nothing_from_nowhere() {
    let mut world = world();
    world.open(1, BTC, 10, 2_000_000);
    world.open(2, BTC, -10, 500_000_000);
    for hour in 0..96 {
        if world.holdings(1).1 == 0 {
            break;
        }
        sample(&mut world, hour * HOUR_MS + 60_000, 500_000, 1_000_000);
        elapse(&mut world, (hour + 1) * HOUR_MS);
        assert!(world.engine.ledger().is_balanced());
    }
    // 4 % of 500,000 in eight hours is 2,500 a lot an hour: 25,000 of the 2,000,000, so it is liquidated within four days.
    assert_eq!(world.holdings(1).1, 0, "whoever pays for ever is liquidated by it");
    assert!(world.engine.realised(0).1 <= -25_000 * 70);
    assert_eq!(world.engine.bad_debt(), 0);
}

#[test]
fn hours_without_prices_are_not_paid_and_a_stopped_clock_blocks_nothing() {
    let mut world = world();
    world.open(1, BTC, 70, 100_000_000);
    sample(&mut world, 60_000, 1_000_000, 1_010_000);
    let before = cash(&world, 1);
    // Nothing for a day: one interval is paid, 23 are not.
    elapse(&mut world, 24 * HOUR_MS);
    assert_eq!(cash(&world, 1), before - 70 * 1_187);
    assert_eq!(world.engine.counters().funding_missed, 23);
    // No sample at all, no index price of its own hour: nothing is paid.
    elapse(&mut world, 25 * HOUR_MS);
    assert_eq!((cash(&world, 1), world.engine.counters().funding_missed), (before - 70 * 1_187, 24));
    // The clock goes back: nothing is due, marks are applied, nothing is paid twice.
    sample(&mut world, 2 * HOUR_MS, 1_000_000, 1_010_000);
    elapse(&mut world, 3 * HOUR_MS);
    elapse(&mut world, 3 * HOUR_MS);
    assert_eq!(cash(&world, 1), before - 70 * 1_187);
    assert_eq!(world.engine.elapsed(26 * HOUR_MS - 1), []);
    assert_eq!(world.engine.elapsed(26 * HOUR_MS).len(), 1);
}

#[test]
fn bad_index_prices_are_refused_and_change_nothing() {
    let mut world = world();
    world.open(1, BTC, 70, 100_000_000);
    sample(&mut world, 60_000, 1_000_000, 1_010_000);
    let hash = |world: &World| world.engine.state_hash();
    for (instrument, price) in [(BTC, 0), (BTC, 1 << 32), (engine::event::InstrumentId(9), 5)] {
        let refused = world.engine.counters().refused_events;
        let event = Event::Priced { instrument, source: Source::Index, price };
        assert_eq!(world.apply(vec![event]).0.refused.len(), 1);
        assert_eq!(world.engine.counters().refused_events, refused + 1);
    }
    // An instrument without funding keeps its index and pays nothing.
    let before = hash(&world);
    assert_eq!(
        world.apply(vec![Event::Priced { instrument: ETH, source: Source::Index, price: 7 }]).0.refused,
        []
    );
    assert_ne!(hash(&world), before, "an index price is part of the state");
    elapse(&mut world, HOUR_MS);
    assert_eq!(world.engine.counters().funding_payments, 1);
}

#[test]
fn an_account_that_has_no_room_for_its_payment_stops_the_payment_whole() {
    let mut world = world();
    world.open(1, BTC, 70, (1 << 61) - 70_000_000);
    world.open(2, BTC, -70, (1 << 61) - 90_000_000);
    let room = (1 << 61) - 1 - cash(&world, 2);
    world.round(vec![Event::Deposited { account: AccountId(2), quanta: room as i64 }]);
    let before = [cash(&world, 1), cash(&world, 2)];
    sample(&mut world, 60_000, 1_000_000, 1_010_000);
    elapse(&mut world, HOUR_MS);
    assert_eq!([cash(&world, 1), cash(&world, 2)], before);
    assert_eq!(world.engine.counters().funding_refused, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is paid, nothing appears or vanishes, and each side's sum is the index delta times its lots, over any number of intervals
    /// within one unit a lot of the exact rate.
    #[test]
    fn payments_sum_to_zero_and_follow_the_exact_rate(
        sizes in prop::collection::vec(-50i64..50, 1..6),
        hours in prop::collection::vec((950_000u64..1_050_000, 950_000u64..1_050_000), 1..12),
    ) {
        let mut world = world();
        for (account, &lots) in (1..).zip(&sizes) {
            if lots != 0 {
                world.open(account, BTC, lots, 1_000_000_000);
            }
        }
        let before: Vec<i128> = (1..).zip(&sizes).map(|(account, &lots)| if lots == 0 { 0 } else { cash(&world, account) }).collect();
        let mut exact = 0i128;
        for (hour, &(index, mark)) in (0..).zip(&hours) {
            sample(&mut world, hour * HOUR_MS + 60_000, index, mark);
            let mark = i128::from(world.engine.markets()[0].mark.get());
            let index = i128::from(index);
            let premium = (mark - index) * 1_000_000 / index;
            let rate = (premium + (100 - premium).clamp(-500, 500)).clamp(-40_000, 40_000);
            exact += index * rate;
            elapse(&mut world, (hour + 1) * HOUR_MS);
            prop_assert!(world.engine.ledger().is_balanced());
        }
        for ((account, &lots), before) in (1..).zip(&sizes).zip(before) {
            if lots != 0 {
                let paid = before - cash(&world, account);
                prop_assert_eq!(paid % i128::from(lots), 0);
                prop_assert!((paid / i128::from(lots) * 8_000_000 - exact).abs() < 8_000_000);
            }
        }
    }
}
