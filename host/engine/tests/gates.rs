//! Withdrawals and new orders: what may leave, when, and what an order reserves.

#[allow(dead_code, reason = "it needs a part of the world only")]
mod common;

use common::{BTC, ETH, FAIR, World, rules, spec};
use engine::apply::Refusal;
use engine::event::{AccountId, Event};
use engine::ledger::Owner;
use engine::rules::{Gates, InstrumentSpec, Rules};
use engine::stability::Pause;

/// BTC with an initial margin of 2 %.
fn world(gates: Gates) -> World {
    let margined = InstrumentSpec { initial: vec![(0, 20_000), (50_000_000_000, 30_000)], ..spec("BTC") };
    let rules = Rules { gates, ..rules() };
    World::with(rules, [margined, spec("ETH")], 0, FAIR)
}

const GATES: Gates = Gates { withdrawal_portion: 100_000, day_limit: 200_000, deficit_wait_ms: 60_000 };

fn withdraw(world: &mut World, account: u64, quanta: i64) -> Vec<Refusal> {
    refused(world, Event::Withdrawn { account: AccountId(account), quanta })
}

fn refused(world: &mut World, event: Event) -> Vec<Refusal> {
    world.apply(vec![event]).0.refused.into_iter().map(|(_, refusal)| refusal).collect()
}

#[test]
fn an_account_keeps_its_initial_margin_and_a_tenth_of_its_notional() {
    let mut world = world(Gates { day_limit: 1_000_000, ..GATES });
    world.open(1, BTC, 1_000, 150_000_000);
    // A tenth of 1,000,000,000; the initial margin is 20,000,000.
    assert_eq!(withdraw(&mut world, 1, 50_000_001), [Refusal::InitialMargin]);
    assert_eq!(withdraw(&mut world, 1, -1), [Refusal::Cash]);
    assert_eq!(withdraw(&mut world, 2, 0), [Refusal::Account]);
    assert_eq!(withdraw(&mut world, 1, 50_000_000), []);
    assert_eq!(
        (world.holdings(1).0, world.engine.ledger().of(Owner::Outside).cash),
        (-900_000_000, -100_000_000)
    );
    assert_eq!(world.engine.profit(0), 0, "what left is no loss");
    // Profit may leave as far as the account keeps what it must: at a fifth more it has 300,000,000 and must keep 120,000,000.
    world.mark(1_200_000);
    assert_eq!(withdraw(&mut world, 1, 180_000_001), [Refusal::InitialMargin]);
    assert_eq!(
        withdraw(&mut world, 1, 100_000_000),
        [],
        "no more than what others paid in is there, but no more is asked for"
    );
    let mut bare = World::with(
        Rules { gates: Gates { withdrawal_portion: 0, day_limit: 1_000_000, ..GATES }, ..rules() },
        [spec("BTC"), spec("ETH")],
        0,
        FAIR,
    );
    bare.open(1, BTC, 1_000, 150_000_000);
    bare.round(vec![Event::OrdersResting { account: AccountId(1), count: 1, reserved: 100_000_000 }]);
    // The maintenance margin of 5,000,000 where there is no other, and what its orders reserve.
    assert_eq!(withdraw(&mut bare, 1, 45_000_001), [Refusal::InitialMargin]);
    assert_eq!(withdraw(&mut bare, 1, 45_000_000), []);
}

#[test]
fn no_more_than_the_days_share_leaves_a_day() {
    let mut world = world(GATES);
    for account in 1..=4 {
        world.round(vec![Event::Deposited { account: AccountId(account), quanta: 100_000_000 }]);
    }
    // A fifth of 400,000,000.
    let start_ms = world.time_ms;
    assert_eq!(withdraw(&mut world, 1, 50_000_000), []);
    assert_eq!(withdraw(&mut world, 2, 30_000_001), [Refusal::DayLimit]);
    assert_eq!(withdraw(&mut world, 2, 30_000_000), []);
    // More that comes in raises nothing before the next day.
    world.round(vec![Event::Deposited { account: AccountId(4), quanta: 1_000_000_000 }]);
    assert_eq!(withdraw(&mut world, 4, 1), [Refusal::DayLimit]);
    world.time_ms = start_ms + 86_399_999;
    assert_eq!(withdraw(&mut world, 4, 1), [Refusal::DayLimit]);
    world.time_ms = start_ms + 86_400_000;
    assert_eq!(withdraw(&mut world, 4, 264_000_001), [Refusal::DayLimit], "a fifth of 1,320,000,000");
    assert_eq!(withdraw(&mut world, 4, 264_000_000), []);
}

#[test]
fn nothing_leaves_while_a_deficit_is_unresolved_and_a_while_after() {
    let mut world = world(Gates { day_limit: 1_000_000, ..GATES });
    world.open(1, ETH, 10_000, 30_000_000);
    world.round(vec![Event::Deposited { account: AccountId(2), quanta: 100_000_000 }]);
    let time_ms = world.time_ms + 1_000;
    world.time_ms = time_ms;
    let (_, commands) = world.apply(vec![Event::Mark { instrument: ETH, price: 196_000 }]);
    assert_eq!(commands.len(), 1);
    assert_eq!(withdraw(&mut world, 2, 1), [Refusal::WithdrawalsClosed], "insolvent");
    let events = commands.iter().map(|command| world.perform(command)).collect();
    world.apply(events);
    world.time_ms = time_ms + 59_999;
    assert_eq!(withdraw(&mut world, 2, 1), [Refusal::WithdrawalsClosed]);
    world.time_ms = time_ms + 60_000;
    assert_eq!(withdraw(&mut world, 2, 1), []);
}

#[test]
fn a_deficit_that_waits_keeps_withdrawals_closed_however_long_nothing_happens() {
    let mut world = world(Gates { day_limit: 1_000_000, ..GATES });
    world.open(1, ETH, 10_000, 30_000_000);
    world.round(vec![Event::Deposited { account: AccountId(2), quanta: 100_000_000 }]);
    let until_ms = world.time_ms + 600_000;
    let paused = Event::Paused { scope: None, action: Pause::Liquidation, reason: "r".into(), until_ms };
    world.round(vec![paused, Event::Mark { instrument: ETH, price: 196_000 }]);
    world.time_ms = until_ms - 1;
    assert_eq!(withdraw(&mut world, 2, 1), [Refusal::WithdrawalsClosed]);
    assert_eq!(world.engine.counters().withdrawals_refused, 1);
    world.time_ms = until_ms;
    world.round(Vec::new());
    assert_eq!(world.engine.counters().bankruptcies, 1);
    world.time_ms = until_ms + 62_000;
    assert_eq!(withdraw(&mut world, 2, 1), []);
}

#[test]
fn what_is_refused_starts_no_day() {
    let mut world = world(GATES);
    world.round(vec![Event::Deposited { account: AccountId(1), quanta: 100_000_000 }]);
    assert_eq!(withdraw(&mut world, 1, 20_000_001), [Refusal::DayLimit]);
    world.round(vec![Event::Deposited { account: AccountId(1), quanta: 100_000_000 }]);
    assert_eq!(withdraw(&mut world, 1, 40_000_000), []);
}

#[test]
fn what_goes_to_another_account_of_the_owner_leaves_the_account_too() {
    let mut world = world(Gates { day_limit: 0, ..GATES });
    world.open(1, BTC, 1_000, 150_000_000);
    let opened = Event::Opened { account: AccountId(2), owner: 1, isolated: None };
    world.round(vec![opened]);
    let moved = |quanta| Event::Moved { from: AccountId(1), to: AccountId(2), quanta };
    assert_eq!(refused(&mut world, moved(50_000_001)), [Refusal::InitialMargin]);
    assert_eq!(refused(&mut world, moved(50_000_000)), [], "the day's share is of what leaves the venue");
}

#[test]
fn who_is_being_liquidated_withdraws_nothing() {
    let mut world = world(Gates { withdrawal_portion: 0, day_limit: 1_000_000, deficit_wait_ms: 0 });
    world.open(1, ETH, 100_000, 220_000_000);
    world.time_ms += 1_000;
    let (_, commands) = world.apply(vec![Event::Mark { instrument: ETH, price: 198_700 }]);
    assert_eq!(commands.len(), 1, "{commands:?}");
    assert_eq!(withdraw(&mut world, 1, 0), [Refusal::Severity]);
    let order = Event::Ordered { account: AccountId(1), instrument: ETH, lots: -1, limit: 198_700 };
    assert_eq!(refused(&mut world, order), [Refusal::Severity], "its orders are being cancelled");
}

#[test]
fn a_new_order_reserves_its_own_initial_margin() {
    let mut world = world(GATES);
    world.open(1, BTC, 1_000, 61_000_000);
    let order = |lots, limit| Event::Ordered { account: AccountId(1), instrument: BTC, lots, limit };
    // 20,000,000 are bound; 2 % of 1,000 lots at 1,000,001 are 20,000,020, so two such orders fit into 61,000,000 and a third does not.
    assert_eq!(refused(&mut world, order(1_000, 1_000_001)), []);
    assert_eq!(refused(&mut world, order(1_000, 1_000_001)), []);
    assert_eq!(refused(&mut world, order(1_000, 1_000_001)), [Refusal::InitialMargin]);
    // What reduces needs nothing; what goes through zero does.
    assert_eq!(refused(&mut world, order(-1_000, 900_000)), []);
    assert_eq!(refused(&mut world, order(-2_001, 900_000)), [Refusal::InitialMargin]);
    for (event, refusal) in [
        (order(0, 1), Refusal::Sign),
        (order(1, 0), Refusal::Price),
        (order(1, 1 << 32), Refusal::Price),
        (order(1 << 27, 1), Refusal::Size),
        (Event::Ordered { account: AccountId(5), instrument: BTC, lots: 1, limit: 1 }, Refusal::Account),
    ] {
        assert_eq!(refused(&mut world, event.clone()), [refusal], "{event:?}");
    }
    // The reservation binds: a trade that the equity alone would allow is refused, until the orders are gone.
    let trade = Event::Traded { account: AccountId(1), instrument: BTC, lots: 100, quote: -100_000_000 };
    assert_eq!(refused(&mut world, trade.clone()), [Refusal::InitialMargin]);
    world.round(vec![Event::OrdersResting { account: AccountId(1), count: 0, reserved: 0 }]);
    assert_eq!(refused(&mut world, trade), []);
}
