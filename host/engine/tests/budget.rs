//! How fast an account is reduced: market budgets with overflow to the backstop, close factors that remember, resting orders, the book.

mod common;

use common::{BTC, ETH, FAIR, Venue, World, rules, spec};
use engine::apply::{ActionKind, Refusal};
use engine::book::{Book, Level};
use engine::event::{AccountId, Command, Event};
use engine::ledger::Owner;
use engine::rules::{BackstopLimits, Budget, InstrumentSpec, Rules};
use model::margin::Severity;

const UNIT: i64 = 1_000_000;

fn with(own: Rules, btc: InstrumentSpec) -> World {
    World::with(own, [btc, spec("ETH")], 0, FAIR)
}

fn budget(capacity: i64, refill: i64) -> InstrumentSpec {
    let budget = Budget { capacity: (capacity * UNIT) as u64, refill: (refill * UNIT) as u64 };
    InstrumentSpec { budget, ..spec("BTC") }
}

/// 100,000 lots that fall below the line at 0.994 but not below two thirds of it.
fn thin(world: &mut World, account: u64) {
    world.open(account, BTC, 100_000, 1_200 * UNIT);
}

fn kinds(world: &World) -> Vec<ActionKind> {
    world.actions.iter().map(|action| action.kind).collect()
}

#[test]
fn what_a_budget_has_no_room_for_goes_to_the_backstop_and_never_waits() {
    let mut world = with(rules(), budget(10_000, 1));
    thin(&mut world, 7);
    world.mark(994_000);
    assert_eq!(kinds(&world), [ActionKind::Slice, ActionKind::Absorption]);
    let sold: i64 = world.actions[0].legs[0].1;
    assert_eq!(sold, -(10_000 * UNIT / 994_000), "as many lots as the budget has room for");
    assert!(world.severity(7) < Severity::Liquidatable);
    let (_, lots, quote) = world.actions[1].legs[0];
    let value = -i128::from(lots) * 994_000;
    assert_eq!(
        quote,
        value - (value * 1_000 + 999_999) / 1_000_000,
        "at the mark less the expected slippage"
    );
    assert_eq!(world.engine.ledger().of(Owner::Backstop(BTC)).size(BTC), -lots);
    assert_eq!(world.engine.counters().absorbed, 1);
}

#[test]
fn without_a_budget_all_of_it_goes_to_the_book() {
    let mut world = World::new(0, FAIR);
    thin(&mut world, 7);
    world.mark(994_000);
    assert_eq!(kinds(&world), [ActionKind::Slice]);
}

#[test]
fn an_order_that_is_not_filled_gives_its_budget_back_and_time_refills_it() {
    let mut world = with(rules(), budget(10_000, 100));
    world.venue = Venue { filled_percent: 0, to_limit_percent: 0 };
    thin(&mut world, 7);
    world.mark(994_000);
    world.venue = FAIR;
    world.time_ms += 1;
    world.mark(994_000);
    assert_eq!(world.actions[0].legs[0].1, -(10_000 * UNIT / 994_000), "the whole bucket");
    let slices =
        |world: &World| world.actions.iter().filter(|action| action.kind == ActionKind::Slice).count();
    assert_eq!(slices(&world), 1);
    thin(&mut world, 8);
    world.time_ms += 9_000;
    world.mark(993_000);
    let again = world.actions.iter().rfind(|action| action.kind == ActionKind::Slice).unwrap();
    assert!(again.legs[0].1.abs() * 993_000 > 1_000 * UNIT, "at least ten seconds of refill: {again:?}");
}

#[test]
fn a_full_backstop_beside_an_empty_budget_waits_for_the_refill_but_not_beyond_takeover() {
    let none = BackstopLimits { notional: 0, loss: u64::MAX };
    let mut world = with(rules(), InstrumentSpec { backstop: none, ..budget(1_000, 1) });
    thin(&mut world, 7);
    world.open(1, BTC, -200_000, 50_000 * UNIT);
    world.mark(994_000);
    assert_eq!(
        world.severity(7),
        Severity::Liquidatable,
        "a slice of 1,000 was too little, and nobody has room"
    );
    world.mark(992_000);
    assert_eq!(world.holdings(7), (0, 0), "below two thirds it is taken over, by counterparties");
    assert_eq!(world.engine.counters().deleveraged, 1);
}

#[test]
fn a_lot_beyond_the_budget_is_sent_once_and_then_paid_back() {
    let none = BackstopLimits { notional: 0, loss: u64::MAX };
    // Less than a lot of 0.994, which is paid back at 0.02 a second.
    let budget = Budget { capacity: 500_000, refill: 20_000 };
    let mut world = with(rules(), InstrumentSpec { backstop: none, budget, ..spec("BTC") });
    thin(&mut world, 7);
    world.mark(994_000);
    assert_eq!(world.holdings(7).1, 99_999);
    for _ in 0..49 {
        world.mark(994_000);
    }
    assert_eq!(world.holdings(7).1, 99_999, "0.994 at 0.02 a second: 49.7 seconds");
    world.mark(994_000);
    assert_eq!(world.holdings(7).1, 99_998);
}

#[test]
fn a_backstop_that_is_short_has_the_more_room_for_a_long() {
    let limits = BackstopLimits { notional: 1_000 * UNIT as u64, loss: u64::MAX };
    let tight = InstrumentSpec { backstop: limits, ..budget(1, 1) };
    for inventory in [-5_000, 5_000] {
        let mut world = with(rules(), tight.clone());
        // Taken over while nobody is on the other side.
        world.open(8, BTC, inventory, 1);
        assert_eq!(world.engine.ledger().of(Owner::Backstop(BTC)).size(BTC), inventory);
        thin(&mut world, 7);
        world.mark(994_000);
        let absorbed: i64 = world
            .actions
            .iter()
            .filter(|action| action.kind == ActionKind::Absorption)
            .map(|action| action.legs[0].1)
            .sum();
        let expected = if inventory < 0 { -(5_000 + 1_000 * UNIT / 994_000) } else { 0 };
        assert_eq!(absorbed, expected, "beside {inventory}");
    }
}

#[test]
fn the_fund_pays_for_a_fill_worse_than_the_zero_price_of_its_time() {
    let mut world = World::with(rules(), [spec("BTC"), spec("ETH")], 1_000 * UNIT, FAIR);
    thin(&mut world, 7);
    world.round(vec![Event::Traded { account: AccountId(7), instrument: ETH, lots: 1, quote: -200_000 }]);
    world.time_ms += 1_000;
    let (_, commands) = world.apply(vec![Event::Mark { instrument: BTC, price: 994_000 }]);
    let [Command::PlaceOrder { order, lots, limit, .. }] = commands[..] else { panic!("{commands:?}") };
    // At 0.985 the account has 300 below nothing, and its zero price lies above the mark.
    world.apply(vec![Event::Mark { instrument: BTC, price: 985_000 }]);
    let before = world.engine.ledger().of(Owner::Insurance).cash;
    world.apply(vec![Event::Filled { order, lots, quote: -lots * limit as i64 }]);
    let paid = before - world.engine.ledger().of(Owner::Insurance).cash;
    let action = world.actions.last().unwrap();
    assert_eq!((action.kind, action.fund_paid, action.fee), (ActionKind::Slice, paid, 0));
    assert!(paid > 0, "{action:?}");
}

#[test]
fn chained_small_slices_close_no_more_than_the_factor_in_a_window() {
    let mut own = rules();
    own.close_factor.above = 50_000 * UNIT as u64;
    own.close_factor.portion = 100_000;
    own.close_factor.window_ms = 30_000;
    let mut world = with(own, spec("BTC"));
    thin(&mut world, 7);
    world.mark(993_000);
    let closed = |world: &World| 100_000 - world.holdings(7).1;
    assert_eq!(closed(&world), 10_000, "a tenth of the notional");
    for _ in 0..20 {
        world.mark(993_000); // a second each
    }
    assert_eq!(closed(&world), 10_000, "the window is not over");
    // Trading between slices, or a liquidation that ended, starts no new window.
    world.round(vec![Event::Deposited { account: AccountId(7), quanta: 500 * UNIT }]);
    world.round(vec![Event::Traded {
        account: AccountId(7),
        instrument: BTC,
        lots: 1_000,
        quote: -993 * UNIT,
    }]);
    world.mark(988_500);
    assert_eq!(closed(&world), 9_000);
    world.time_ms += 30_000;
    world.mark(988_500);
    assert!(closed(&world) > 9_000, "a new window");
}

#[test]
fn resting_orders_are_cancelled_before_anything_is_sold() {
    let mut world = with(rules(), spec("BTC"));
    thin(&mut world, 7);
    let account = AccountId(7);
    world.round(vec![Event::OrdersResting { account, count: 2, reserved: 5 }]);
    world.time_ms += 1_000;
    let (_, commands) = world.apply(vec![Event::Mark { instrument: BTC, price: 994_000 }]);
    assert_eq!(commands, [Command::CancelOrders { account }]);
    let (_, commands) = world.apply(vec![Event::Mark { instrument: BTC, price: 994_000 }]);
    assert_eq!(commands, [], "the cancellation is out");
    let (_, commands) = world.apply(vec![Event::OrdersResting { account, count: 0, reserved: 0 }]);
    assert!(matches!(commands[..], [Command::PlaceOrder { .. }]), "{commands:?}");
}

#[test]
fn who_recovered_and_falls_again_has_its_orders_cancelled_anew() {
    // To no flag at all, and to one that is only warned.
    for between in [1_000_000, 996_000] {
        let mut world = with(rules(), spec("BTC"));
        thin(&mut world, 7);
        let account = AccountId(7);
        world.round(vec![Event::OrdersResting { account, count: 2, reserved: 5 }]);
        for price in [994_000, between, 994_000] {
            let (_, commands) = world.apply(vec![Event::Mark { instrument: BTC, price }]);
            let cancels = if price == between { vec![] } else { vec![Command::CancelOrders { account }] };
            assert_eq!(commands, cancels, "at {price}, by way of {between}");
        }
    }
}

#[test]
fn a_cancellation_that_is_never_confirmed_does_not_hold_up_a_takeover() {
    let mut world = with(rules(), spec("BTC"));
    thin(&mut world, 7);
    let account = AccountId(7);
    world.round(vec![Event::OrdersResting { account, count: 2, reserved: 5 }]);
    let (_, commands) = world.apply(vec![Event::Mark { instrument: BTC, price: 991_500 }]);
    assert_eq!(commands, [Command::CancelOrders { account }]);
    let (_, commands) = world.apply(vec![Event::Mark { instrument: BTC, price: 991_400 }]);
    assert_eq!(commands, [Command::TakeOver { accounts: vec![account] }]);
    let (applied, commands) = world.apply(vec![Event::TakenOver { accounts: vec![account] }]);
    assert_eq!((applied.refused, commands), (vec![], vec![]));
}

fn told(levels: &[(u32, u64)]) -> Event {
    let bids = levels.iter().map(|&(distance, lots)| Level { distance, lots }).collect();
    Event::Book { instrument: BTC, book: Book { bids, offers: Vec::new() } }
}

fn first_order(world: &mut World, price: u64) -> Option<(i64, u64)> {
    world.time_ms += 1_000;
    let (_, commands) = world.apply(vec![Event::Mark { instrument: BTC, price }]);
    match commands[..] {
        [Command::PlaceOrder { lots, limit, .. }] => Some((lots, limit)),
        [] => None,
        _ => panic!("{commands:?}"),
    }
}

#[test]
fn a_deeper_slippage_makes_a_larger_slice_and_a_shallow_book_bounds_it() {
    let order = |levels: &[(u32, u64)]| {
        let mut world = with(rules(), spec("BTC"));
        thin(&mut world, 7);
        world.round(vec![told(levels)]);
        first_order(&mut world, 994_000).map(|(lots, _)| -lots)
    };
    let near = order(&[(100, 1_000_000)]).unwrap();
    let far = order(&[(100, 1), (2_500, 1_000_000)]).unwrap();
    assert!(near < far, "{near} against {far}");
    // Exactly enough: the slice at the slippage of as many lots restores the target, one lot fewer does not.
    let restored = |lots: i128, slippage: i128| {
        let equity = (1_200_000_000 - 600_000_000) * 1_000_000 - lots * 994_000 * (1_500 + slippage);
        let notional = (100_000 - lots) * 994_000;
        256 * equity >= 282 * (notional * 10_000 - 50_000_000_000 * 5_000)
    };
    assert!(restored(near.into(), 100) && !restored(i128::from(near) - 1, 100));
    assert_eq!(order(&[(100, 300), (500, 200)]), Some(500), "no more than is there");
    assert_eq!(order(&[(100, 300), (20_001, 200_000)]), Some(300), "and inside the band");
}

#[test]
fn an_empty_book_is_tried_a_few_times_and_then_the_account_is_taken_over() {
    let mut world = with(rules(), spec("BTC"));
    thin(&mut world, 7);
    assert_eq!(world.round(vec![told(&[])]).refused, []);
    for _ in 0..3 {
        assert_eq!(first_order(&mut world, 994_000), None);
        assert_eq!(world.engine.counters().takeovers, 0);
    }
    world.mark(994_000);
    assert_eq!(world.engine.counters().takeovers, 1);
}

#[test]
fn a_book_that_makes_no_sense_is_refused() {
    let mut world = with(rules(), spec("BTC"));
    let refused = world.round(vec![told(&[(5, 1), (5, 1)]), told(&[(5, 0)])]).refused;
    assert_eq!(
        refused.into_iter().map(|(_, refusal)| refusal).collect::<Vec<_>>(),
        [Refusal::Book, Refusal::Book]
    );
}

#[test]
fn an_absorption_that_does_not_fit_is_refused_and_decided_anew() {
    let mut world = with(rules(), budget(1_000, 1));
    thin(&mut world, 7);
    world.time_ms += 1_000;
    let (_, commands) = world.apply(vec![Event::Mark { instrument: BTC, price: 994_000 }]);
    let slice = world.perform(&commands[0]);
    let (_, commands) = world.apply(vec![slice]);
    let [Command::Absorb { account, instrument, lots, quote }] = commands[..] else { panic!("{commands:?}") };
    let worst = |lots, quote| Event::Absorbed { account, instrument, lots, quote };
    let cases = [
        worst(-lots, -quote),
        worst(0, 0),
        worst(-200_000, 198_000 * UNIT),
        worst(lots, 1),
        worst(lots, -quote),
    ];
    let before = world.holdings(7);
    for case in cases {
        let (applied, again) = world.apply(vec![case.clone()]);
        assert_eq!((applied.refused.len(), world.holdings(7)), (1, before), "{case:?}");
        assert_eq!(again, commands, "it is decided anew");
    }
    assert_eq!(world.apply(vec![worst(lots, quote)]).0.refused, []);
}
