//! What an account may do and what is asked of it: initial margin, isolated accounts, collateral assets, hedge credits, venue rounding.

mod common;

use common::{BTC, ETH, FAIR, World, rules, spec};
use engine::apply::Refusal;
use engine::event::{AccountId, Change, Event, InstrumentId};
use engine::ledger::Owner;
use engine::rules::{Hedge, InstrumentSpec, Kind, OpenInterest, Redemption, VenueRules};
use model::margin::Severity;

const UNIT: i64 = 1_000_000;
const SCALE: i128 = 1_000_000;
const WBTC: InstrumentId = InstrumentId(2);

fn account(id: u64) -> AccountId {
    AccountId(id)
}

fn traded(id: u64, instrument: InstrumentId, lots: i64, price: i64) -> Event {
    Event::Traded { account: account(id), instrument, lots, quote: -lots * price }
}

fn deposited(id: u64, units: i64) -> Event {
    Event::Deposited { account: account(id), quanta: units * UNIT }
}

/// 10 % initial margin, doubled at half of the way to the upper bound of open interest.
fn with_initial(open_interest: OpenInterest) -> World {
    let btc = InstrumentSpec { initial: vec![(0, 100_000)], open_interest, ..spec("BTC") };
    World::with(rules(), [btc, spec("ETH")], 0, FAIR)
}

fn refusals(world: &mut World, events: Vec<Event>) -> Vec<Refusal> {
    world.round(events).refused.into_iter().map(|(_, refusal)| refusal).collect()
}

#[test]
fn a_trade_that_adds_needs_initial_margin_to_the_quantum_and_one_that_reduces_needs_none() {
    let mut world = with_initial(OpenInterest::default());
    world.round(vec![deposited(7, 1_000)]);
    assert_eq!(refusals(&mut world, vec![traded(7, BTC, 10_001, 1_000_000)]), [Refusal::InitialMargin]);
    assert_eq!(refusals(&mut world, vec![traded(7, BTC, 10_000, 1_000_000)]), []);
    assert_eq!(refusals(&mut world, vec![traded(7, BTC, 1, 1_000_000)]), [Refusal::InitialMargin]);
    world.mark(950_000);
    assert_eq!(refusals(&mut world, vec![traded(7, BTC, -4_000, 950_000)]), []);
    assert_eq!(
        refusals(&mut world, vec![traded(7, BTC, -12_000, 950_000)]),
        [Refusal::InitialMargin],
        "across zero"
    );
    assert_eq!(refusals(&mut world, vec![traded(7, BTC, -6_000, 950_000)]), []);
}

#[test]
fn resting_orders_reserve_margin() {
    let mut world = with_initial(OpenInterest::default());
    world.round(vec![
        deposited(7, 1_000),
        Event::OrdersResting { account: account(7), count: 3, reserved: 400 * UNIT as u64 },
    ]);
    assert_eq!(refusals(&mut world, vec![traded(7, BTC, 6_001, 1_000_000)]), [Refusal::InitialMargin]);
    assert_eq!(refusals(&mut world, vec![traded(7, BTC, 6_000, 1_000_000)]), []);
    let cancelled = Event::OrdersResting { account: account(7), count: 0, reserved: 0 };
    assert_eq!(refusals(&mut world, vec![cancelled, traded(7, BTC, 4_000, 1_000_000)]), []);
}

#[test]
fn initial_margin_rises_with_open_interest_and_maintenance_does_not() {
    let notional = |units: u64| units * UNIT as u64;
    let mut world = with_initial(OpenInterest { lower: notional(10_000), upper: notional(30_000) });
    world.open(1, BTC, 20_000, 100_000 * UNIT); // open interest of 20,000, half of the way
    world.round(vec![deposited(7, 550)]);
    assert_eq!(
        refusals(&mut world, vec![traded(7, BTC, 1_001, 1_000_000)]),
        [Refusal::InitialMargin],
        "55 %, rounded up"
    );
    assert_eq!(refusals(&mut world, vec![traded(7, BTC, 1_000, 1_000_000)]), []);
    assert_eq!(world.exact(7).requirement, 1_000 * 1_000_000 * 5_000);
    world.open(2, BTC, -50_000, 100_000 * UNIT); // the larger side counts, and there is no more than all of it
    world.round(vec![deposited(8, 500)]);
    assert_eq!(refusals(&mut world, vec![traded(8, BTC, -501, 1_000_000)]), [Refusal::InitialMargin]);
    assert_eq!(refusals(&mut world, vec![traded(8, BTC, -500, 1_000_000)]), []);
}

#[test]
fn an_isolated_account_holds_one_instrument_and_its_deficit_stays_its_own() {
    let mut world = World::new(0, FAIR);
    let opened = |id, isolated| Event::Opened { account: account(id), owner: 77, isolated };
    assert_eq!(refusals(&mut world, vec![opened(7, None), opened(8, Some(BTC))]), []);
    assert_eq!(refusals(&mut world, vec![opened(7, None)]), [Refusal::Opening]);
    assert_eq!(refusals(&mut world, vec![opened(9, Some(InstrumentId(9)))]), [Refusal::Opening]);
    world.round(vec![deposited(7, 10_000), deposited(8, 600)]);
    assert_eq!(refusals(&mut world, vec![traded(8, ETH, 1, 200_000)]), [Refusal::Isolated]);
    assert_eq!(
        refusals(&mut world, vec![traded(8, BTC, 40_000, 1_000_000), traded(7, ETH, 1_000, 200_000)]),
        []
    );
    let cross = world.exact(7);
    world.mark(980_000);
    assert_eq!(world.engine.counters().bankruptcies, 1);
    assert_eq!(world.engine.bad_debt(), 200 * 1_000_000);
    assert_eq!(world.exact(7), cross, "the owner's cross collateral is untouched");
}

#[test]
fn collateral_moves_between_accounts_of_one_owner_as_far_as_initial_margin_allows() {
    let mut world = with_initial(OpenInterest::default());
    let opened = |id, owner| Event::Opened { account: account(id), owner, isolated: None };
    world.round(vec![opened(7, 1), opened(8, 1), opened(9, 2), deposited(7, 1_000)]);
    world.round(vec![traded(7, BTC, 4_000, 1_000_000)]);
    let moved = |to, units| Event::Moved { from: account(7), to: account(to), quanta: units * UNIT };
    assert_eq!(refusals(&mut world, vec![moved(9, 1)]), [Refusal::OtherOwner]);
    assert_eq!(refusals(&mut world, vec![moved(7, 1)]), [Refusal::Cash]);
    assert_eq!(refusals(&mut world, vec![moved(8, -1)]), [Refusal::Cash]);
    assert_eq!(refusals(&mut world, vec![moved(8, 601)]), [Refusal::InitialMargin]);
    assert_eq!(refusals(&mut world, vec![moved(8, 600)]), []);
    assert_eq!(world.holdings(8).0, 600 * 1_000_000);
    assert_eq!(world.engine.profit(1), 0, "a move is no profit");
    assert_eq!(world.engine.profit(0), 0, "nor a loss");
}

/// BTC as a perpetual, ETH, and wrapped BTC that counts 80 % and is owed at 125 %.
fn with_collateral() -> World {
    with_wrapped(None)
}

fn with_wrapped(redemption: Option<Redemption>) -> World {
    let mut world = World::new(0, FAIR);
    let wbtc = InstrumentSpec {
        redemption,
        kind: Kind::Collateral,
        weight_long: 800_000,
        weight_short: 1_250_000,
        brackets: vec![(0, 0)],
        ..spec("WBTC")
    };
    let refused = refusals(
        &mut world,
        vec![
            Event::Listed { instrument: WBTC, spec: wbtc.into() },
            Event::Mark { instrument: WBTC, price: 1_000_000 },
        ],
    );
    assert_eq!(refused, []);
    world
}

#[test]
fn an_asset_counts_with_its_haircut_and_is_worth_more_sold_than_held() {
    let mut world = with_collateral();
    world.round(vec![deposited(7, 1)]);
    let asset = |instrument, lots| Event::DepositedAsset { account: account(7), instrument, lots };
    assert_eq!(refusals(&mut world, vec![asset(BTC, 10)]), [Refusal::NotCollateral]);
    assert_eq!(refusals(&mut world, vec![asset(WBTC, 0)]), [Refusal::Size]);
    assert_eq!(refusals(&mut world, vec![asset(WBTC, 1_000)]), []);
    assert_eq!(world.exact(7).equity, (1_000_000 + 800 * 1_000_000) * SCALE);
    world.round(vec![traded(7, BTC, 50_000, 1_000_000)]);
    // 50,000 long at 0.988: E = 1 + 800 - 600 = 201 below R = 247. Selling the asset brings back its haircut of 200.
    world.mark(988_000);
    let index = world.engine.ledger().find(account(7)).unwrap();
    let held = world.engine.ledger().margin(index).clone();
    assert!(held.size(WBTC) < 1_000, "the asset is sold first: {held:?}");
    assert_eq!(held.size(BTC), 50_000);
    assert!(world.severity(7) < Severity::Liquidatable);
}

#[test]
fn an_asset_of_a_bankrupt_goes_to_the_backstop_at_its_haircut_rounded_against_the_account() {
    let mut world = with_collateral();
    world.round(vec![Event::Mark { instrument: WBTC, price: 1_000_001 }]);
    world.round(vec![
        deposited(7, 1),
        Event::DepositedAsset { account: account(7), instrument: WBTC, lots: 101 },
    ]);
    world.round(vec![traded(7, BTC, 15_000, 1_000_000)]);
    world.mark(990_000); // loses 150, has 1 + floor(101 * 1.000001 * 0.8) = 81.80008
    let book = world.engine.ledger().of(Owner::Backstop(WBTC));
    assert_eq!((book.size(WBTC), book.cash), (101, -80_800_080));
    assert_eq!(world.engine.bad_debt(), 150_000_000 - 1_000_000 - 80_800_080);
    assert_eq!(world.holdings(7), (0, 0));
}

#[test]
fn a_deficit_without_a_requirement_is_the_winners() {
    let mut world = with_collateral();
    world.round(vec![deposited(7, 300), deposited(8, 300)]);
    world.round(vec![traded(7, WBTC, -1_000, 1_000_000), traded(8, ETH, 100_000, 199_000)]);
    // 7 owes 1,000 at 125 %: 300 + 1,000 - 1,250 is 50; at 1.1 it is 75 short. 8 is in profit by 100.
    world.round(vec![Event::Mark { instrument: WBTC, price: 1_100_000 }]);
    assert_eq!(world.holdings(7), (0, 0));
    let counters = world.engine.counters();
    assert_eq!((counters.socialised_loss, counters.haircuts, world.engine.bad_debt()), (75_000_000, 0, 0));
    assert_eq!(world.engine.profit(1), 25_000_000);
    let book = world.engine.ledger().of(Owner::Backstop(WBTC));
    assert_eq!((book.size(WBTC), book.cash), (-1_000, 1_375_000_000));
}

/// The venue's own book of a wrapped asset trades 35 % below what the asset redeems for, as on one venue on 10 October 2025: nobody may be
/// liquidated by it. Returns whether account 7 was, and the asset's mark.
fn wrapped_book_breaks(redemption: Option<Redemption>) -> (bool, u64) {
    let mut world = with_wrapped(redemption);
    world.round(vec![
        deposited(7, 1),
        Event::DepositedAsset { account: account(7), instrument: WBTC, lots: 1_000 },
    ]);
    // R 750, E 801; at 0.98 785, at 0.65 521.
    world.round(vec![traded(7, BTC, 100_000, 1_000_000)]);
    for _ in 0..2 {
        world.round(vec![Event::Mark { instrument: WBTC, price: 650_000 }]);
        world.time_ms += 60_000;
    }
    (!world.actions.is_empty(), world.engine.markets()[usize::from(WBTC.0)].mark.get())
}

#[test]
fn a_wrapped_assets_own_book_liquidates_nobody_far_from_what_it_redeems_for() {
    let redeems = |reference: Option<&str>, ratio| Redemption {
        reference: reference.map(Into::into),
        ratio,
        band: 20_000,
    };
    assert_eq!(wrapped_book_breaks(None), (true, 650_000));
    assert_eq!(wrapped_book_breaks(Some(redeems(Some("BTC"), 1_000_000))), (false, 980_000));
    // A thousandth of a unit a lot, so a thousand of the quote currency a unit.
    assert_eq!(wrapped_book_breaks(Some(redeems(None, 1_000_000_000))), (false, 980_000));
    // A reference without a mark bounds nothing.
    assert_eq!(wrapped_book_breaks(Some(redeems(Some("SOL"), 1))), (true, 650_000));
}

#[test]
fn the_funds_are_measured_against_the_two_owners_who_lose_most_at_once() {
    let mut world = World::new(1_000 * 1_000_000, FAIR);
    world.round(vec![Event::Opened { account: account(8), owner: 7, isolated: None }]);
    // Long 10,000, twice by one owner: short of 1,400 and 1,900 at -20 %; 9 of 900 there and 10 of nothing; 11, short, of 1,000 at +20 %.
    for (id, lots, units) in
        [(7, 10_000, 600), (8, 10_000, 100), (9, 10_000, 1_100), (10, 10_000, 2_000), (11, -10_000, 1_000)]
    {
        world.open(id, BTC, lots, units * 1_000_000);
    }
    let of = |shocks: &[i32]| {
        let cover = world.engine.cover_two(shocks);
        (cover.target / 1_000_000, cover.gap / 1_000_000, cover.scenario)
    };
    assert_eq!(of(&[-200]), (3_300 + 900, 3_200, Some(0)));
    assert_eq!(of(&[200, -200, -100]), (4_200, 3_200, Some(1)));
    assert_eq!(of(&[200]), (1_000, 0, Some(0)));
    assert_eq!(of(&[-10, 10]), (0, 0, None));
    // At nothing: 9,400 and 9,900 of one owner, 8,900 of the next.
    assert_eq!(world.engine.cover_two(&[-1_000]).target, (9_400 + 9_900 + 8_900) * 1_000_000);
}

#[test]
fn a_redemption_makes_sense_or_the_listing_is_refused() {
    let listed = |redemption, kind| {
        let mut world = World::new(0, FAIR);
        let wrapped =
            InstrumentSpec { redemption: Some(redemption), kind, brackets: vec![(0, 0)], ..spec("WBTC") };
        refusals(&mut world, vec![Event::Listed { instrument: WBTC, spec: wrapped.into() }])
    };
    let sound = Redemption { reference: Some("BTC".into()), ratio: 1_000_000, band: 999_999 };
    assert_eq!(listed(sound.clone(), Kind::Collateral), []);
    assert_eq!(listed(sound.clone(), Kind::Contract), [Refusal::Instrument]);
    for broken in [
        Redemption { ratio: 0, ..sound.clone() },
        Redemption { band: 1_000_000, ..sound.clone() },
        Redemption { reference: Some("WBTC".into()), ..sound },
    ] {
        assert_eq!(listed(broken, Kind::Collateral), [Refusal::Instrument]);
    }
}

/// Both instruments in one group, half of the smaller side given back.
fn hedged() -> World {
    let of = |symbol| InstrumentSpec {
        hedge: Hedge { group: 1, credit: 500_000 },
        brackets: vec![(0, 10_000)],
        ..spec(symbol)
    };
    World::with(rules(), [of("BTC"), of("ETH")], 0, FAIR)
}

#[test]
fn opposite_positions_give_credit_and_the_device_is_told_that_of_the_lower_edge() {
    let mut world = hedged();
    world.open(7, BTC, 10_000, 1_000 * UNIT);
    assert_eq!(world.device[&account(7)].offset, 0, "nothing to give");
    world.round(vec![traded(7, ETH, -40_000, 200_000)]);
    let exact = world.exact(7);
    assert_eq!(exact.requirement, 180 * 1_000_000 * SCALE);
    assert_eq!(exact.required, 140 * 1_000_000 * SCALE, "half of the short's 80");
    // Lower edges: 984,375 and 196,875; the short's requirement there is 78.75.
    assert_eq!(world.device[&account(7)].offset, -39_375_000 * SCALE);
    let applied = world.mark(985_000);
    assert!(
        !applied.updates.iter().any(|update| matches!(update.change, Change::Offset { .. })),
        "inside the band"
    );
    let applied = world.round(vec![Event::Mark { instrument: ETH, price: 196_874 }]);
    let [Change::Offset { value, hold: true, .. }, Change::Mark { .. }] =
        [&applied.updates[0].change, &applied.updates[1].change]
    else {
        panic!("the offset comes before the mark: {:?}", applied.updates)
    };
    assert_eq!(*value, -(40_000 * (196_874 - 3_076) * 10_000) / 2);
}

#[test]
fn a_flag_that_the_credit_clears_is_counted_and_acted_on_by_nobody() {
    let mut world = hedged();
    world.open(7, BTC, 10_000, 1_000 * UNIT);
    world.round(vec![traded(7, ETH, -50_000, 200_000)]);
    // R = 200, credit 50 at the marks, 49.21875 at the lower edges: E between both lines.
    let cash = 150_400_000;
    let out = world.holdings(7).0 + i128::from(10_000 * UNIT - 50_000 * 200_000) - cash;
    world.round(vec![Event::Opened { account: account(8), owner: 7, isolated: None }]);
    let moved = Event::Moved { from: account(7), to: account(8), quanta: out as i64 };
    assert_eq!(refusals(&mut world, vec![moved]), [Refusal::InitialMargin], "R is asked for, without credit");
    let loss = out as i64; // as a trade at a bad price
    let quote = -(200_000 + loss);
    let events = vec![Event::Traded { account: account(7), instrument: ETH, lots: 1, quote }];
    world.time_ms += 1_000;
    let (applied, commands) = world.apply(events);
    assert_eq!((applied.refused, commands), (vec![], vec![]));
    let exact = world.exact(7);
    assert_eq!((exact.severity, exact.verdict), (Severity::Liquidatable, Severity::Warned));
}

#[test]
fn dydx_rounds_each_requirement_up_and_drift_down() {
    for (venue, expected) in [
        (VenueRules::Native, 15_000_045),
        (VenueRules::DydxV4, 15_001_000),
        (VenueRules::DriftV2, 15_000_000),
    ] {
        let mut own = rules();
        own.venue = venue;
        let mut world = World::with(own, [spec("BTC"), spec("ETH")], 0, FAIR);
        world.open(7, BTC, 1, 1_000 * UNIT);
        world.round(vec![Event::Mark { instrument: BTC, price: 1_000_003 }]);
        world.round(vec![traded(7, BTC, 2, 1_000_003)]);
        assert_eq!(world.exact(7).required, i128::from(expected) * 1_000);
        let offset = world.device[&account(7)].offset;
        assert_eq!(offset, if venue == VenueRules::DydxV4 { SCALE - 1 } else { 0 });
    }
}

#[test]
fn an_account_between_the_exact_line_and_the_rounded_one_is_flagged_by_the_device_and_liquidated_by_the_rule()
{
    let mut own = rules();
    own.venue = VenueRules::DydxV4;
    let mut world = World::with(
        own,
        [InstrumentSpec { brackets: vec![(0, 10_001)], ..spec("BTC") }, spec("ETH")],
        0,
        FAIR,
    );
    // 30 lots at 1.0: R = 300,030 exactly, no rounding; at 0.999999: 300,029.69997, up to 300,030.
    world.open(7, BTC, 30, 300_030 + 30 - 1);
    world.mark(999_999);
    let equity = 300_030 + 30 - 1 - 30;
    assert!(
        world.actions.iter().any(|action| action.before.equity == i128::from(equity) * SCALE),
        "E is 300,029, between both lines"
    );
}
