//! Announced brackets, expiry, delisting, realised profit, and the sale of what the backstop took.

mod common;

use common::{BTC, ETH, FAIR, Venue, World, rules, spec};
use engine::apply::Refusal;
use engine::book::{Book, Level};
use engine::event::{AccountId, Change, Command, Event};
use engine::ledger::Owner;
use engine::rules::{Expiry, Hedge, InstrumentSpec, Unwind};
use model::margin::Severity;
use proptest::prelude::*;

const ELAPSED: Event = Event::Elapsed { instrument: BTC };
const DAY_MS: i64 = 86_400_000;

fn announced(brackets: &[(u64, u32)], effective_ms: i64) -> Event {
    Event::BracketsAnnounced { instrument: BTC, brackets: brackets.to_vec(), effective_ms }
}

fn refusals(world: &mut World, event: Event) -> Vec<Refusal> {
    world.round(vec![event]).refused.into_iter().map(|(_, refusal)| refusal).collect()
}

#[test]
fn higher_brackets_wait_for_their_notice_and_lower_ones_do_not() {
    let mut world = World::new(0, FAIR);
    world.open(1, BTC, 1_000, 15_000_000);
    let now_ms = world.time_ms + 1_000;
    // Half of a percent becomes two: at 1.5 % of collateral the account is liquidatable then, and not a moment before.
    let higher = [(0, 20_000), (50_000_000_000, 25_000)];
    assert_eq!(refusals(&mut world, announced(&higher, now_ms + DAY_MS - 1)), [Refusal::Brackets]);
    world.time_ms = now_ms - 1_000;
    assert_eq!(refusals(&mut world, announced(&higher, now_ms + DAY_MS)), []);
    assert_eq!(world.engine.elapsed(now_ms + DAY_MS - 1), []);
    assert_eq!(world.engine.elapsed(now_ms + DAY_MS), [ELAPSED]);
    world.time_ms = now_ms + DAY_MS - 1_001;
    world.round(vec![ELAPSED]);
    assert_eq!((world.severity(1), world.exact(1).requirement), (Severity::Healthy, 5_000_000 * 1_000_000));
    let (applied, commands) = {
        world.time_ms = now_ms + DAY_MS;
        world.apply(vec![ELAPSED])
    };
    assert!(
        matches!(&applied.updates[..], [update] if matches!(&update.change, Change::Brackets { spec, .. } if spec.brackets == higher))
    );
    assert_eq!(applied.dues[0].holders, 1);
    assert_eq!(world.exact(1).requirement, 20_000_000 * 1_000_000);
    assert!(matches!(commands[..], [Command::PlaceOrder { .. }]), "{commands:?}");
    // Lower ones hold from the next moment on.
    let lower = [(0, 1_000)];
    let now_ms = world.time_ms;
    assert_eq!(refusals(&mut world, announced(&lower, now_ms)), []);
    world.round(vec![ELAPSED]);
    assert_eq!(world.engine.markets()[0].spec.brackets, lower);
    assert_eq!(world.engine.counters().brackets_changed, 2);
}

#[test]
fn a_rise_anywhere_is_a_rise_and_the_last_announcement_counts() {
    let mut world = World::new(0, FAIR);
    let last = spec("BTC").brackets;
    // Lower below 50,000, higher above 250,000 only.
    let mixed = [(0, 1_000), (50_000_000_000, 10_000), (250_000_000_000, 30_000)];
    assert_eq!(refusals(&mut world, announced(&mixed, 0)), [Refusal::Brackets]);
    assert_eq!(refusals(&mut world, announced(&last, 0)), [], "the same is no rise");
    for broken in [&[][..], &[(5, 1_000)], &[(0, 2_000), (10, 1_000)], &[(0, 1_000_001)]] {
        assert_eq!(refusals(&mut world, announced(broken, i64::MAX)), [Refusal::Brackets], "{broken:?}");
    }
    assert_eq!(refusals(&mut world, announced(&mixed, i64::MAX)), []);
    assert_eq!(refusals(&mut world, announced(&last, 0)), [], "which takes the other back");
    world.round(vec![ELAPSED]);
    assert_eq!(
        (world.engine.markets()[0].spec.brackets.clone(), world.engine.elapsed(i64::MAX)),
        (last, vec![])
    );
    let initial = InstrumentSpec { initial: vec![(0, 15_000), (250_000_000_000, 30_000)], ..spec("BTC") };
    let mut world = World::with(rules(), [initial, spec("ETH")], 0, FAIR);
    assert_eq!(
        refusals(&mut world, announced(&[(0, 15_001)], i64::MAX)),
        [Refusal::Brackets],
        "above the initial margin"
    );
}

#[test]
fn hedge_credits_follow_new_brackets_before_the_sweep() {
    let hedged = |symbol| InstrumentSpec { hedge: Hedge { group: 1, credit: 500_000 }, ..spec(symbol) };
    let mut world = World::with(rules(), [hedged("BTC"), hedged("ETH")], 0, FAIR);
    world.open(1, BTC, 1_000, 30_000_000);
    world.open(1, ETH, -5_000, 0);
    world.time_ms += DAY_MS;
    let effective_ms = world.time_ms + 2 * DAY_MS;
    world.round(vec![announced(&[(0, 8_000)], effective_ms)]);
    world.time_ms = effective_ms;
    let (applied, _) = world.apply(vec![ELAPSED]);
    // 0.5 % of the ETH side is the smaller one: half of 5,000,000 at edges a 64th below, as before; the account's own offset is what the
    // ledger says, which the world's device checks.
    assert!(world.exact(1).verdict <= world.exact(1).severity);
    assert!(matches!(applied.updates.last().unwrap().change, Change::Brackets { .. }));
}

fn dated() -> World {
    let expiry = Expiry { time_ms: 100_000, window_ms: 10_000 };
    let dated = InstrumentSpec { expiry: Some(expiry), ..spec("BTC") };
    World::with(rules(), [dated, spec("ETH")], 1_000_000_000, FAIR)
}

#[test]
fn a_future_expires_at_the_mean_of_its_last_marks() {
    let mut world = dated();
    world.open(1, BTC, 100, 50_000_000);
    world.open(2, BTC, -40, 50_000_000);
    world.open(2, ETH, 10, 0);
    let mark = |world: &mut World, time_ms: i64, price| {
        world.time_ms = time_ms - 1_000;
        world.mark(price);
    };
    mark(&mut world, 50_000, 1_000_000);
    mark(&mut world, 95_000, 1_020_000);
    mark(&mut world, 99_000, 1_100_010);
    assert_eq!((world.engine.elapsed(99_999), world.engine.elapsed(100_000)), (vec![], vec![ELAPSED]));
    let before = [world.holdings(1).0, world.holdings(2).0];
    world.time_ms = 119_000;
    let applied = world.round(vec![ELAPSED]);
    assert_eq!(applied.refused, []);
    // 5 s of 1,000,000, 4 s of 1,020,000, 1 s of 1,100,010.
    let price = 1_018_001;
    assert_eq!(world.engine.markets()[0].settled, Some(price));
    let price = i128::from(price);
    assert_eq!(world.holdings(1), (before[0] + 100 * price, 0));
    assert_eq!(world.holdings(2), (before[1] - 40 * price, 0));
    assert_eq!(world.engine.realised(0).0, 100 * (price - 1_000_000));
    assert!(world.engine.ledger().of(Owner::Maker).size(BTC) == 0 && world.engine.ledger().is_balanced());
    // Nothing happens in it any more, and the other market goes on.
    for event in [
        Event::Mark { instrument: BTC, price: 1_000_000 },
        Event::Traded { account: AccountId(1), instrument: BTC, lots: 1, quote: -1_000_000 },
        Event::Delisted { instrument: BTC, price: None },
        announced(&[(0, 1)], i64::MAX),
        ELAPSED,
    ] {
        assert_eq!(refusals(&mut world, event), [Refusal::Settled]);
    }
    assert_eq!(world.engine.elapsed(i64::MAX), []);
    assert_eq!(world.round(vec![Event::Mark { instrument: ETH, price: 210_000 }]).dues[0].holders, 1);
    // Not to be listed after its end.
    let late = InstrumentSpec { expiry: Some(Expiry { time_ms: 100_000, window_ms: 0 }), ..spec("LATE") };
    let listed = Event::Listed { instrument: engine::event::InstrumentId(2), spec: late.into() };
    assert_eq!(refusals(&mut world, listed), [Refusal::Settled]);
}

#[test]
fn who_is_short_of_money_at_expiry_goes_through_the_waterfall() {
    let mut world = dated();
    world.open(1, BTC, 1_000, 50_000_000);
    world.open(2, BTC, -1_000, 100_000_000);
    // The last marks fall too fast for the device to be asked: they come with the expiry in one round.
    world.time_ms = 100_000;
    let fall = Event::Mark { instrument: BTC, price: 900_000 };
    let (applied, commands) = world.apply(vec![fall, Event::Delisted { instrument: BTC, price: None }]);
    assert_eq!(applied.refused, []);
    assert_eq!(world.holdings(1), (-50_000_000, 0));
    assert_eq!(commands, [Command::Bankrupt { accounts: vec![AccountId(1)] }]);
    let events = commands.iter().map(|command| world.perform(command)).collect();
    world.apply(events);
    assert_eq!((world.holdings(1).0, world.engine.bad_debt()), (0, 0));
    assert_eq!(world.engine.counters().insurance_out, 50_000_000);
}

#[test]
fn a_delisting_voids_orders_and_takes_no_price_far_from_the_mark() {
    let mut world = World::new(0, Venue { filled_percent: 100, to_limit_percent: 0 });
    world.open(1, BTC, 100_000, 1_100_000_000);
    world.time_ms += 1_000;
    let (_, commands) = world.apply(vec![Event::Mark { instrument: BTC, price: 995_000 }]);
    let [Command::PlaceOrder { order, .. }] = commands[..] else { panic!("{commands:?}") };
    for price in [0, 700_000, 1_300_000, 1 << 33] {
        let event = Event::Delisted { instrument: BTC, price: Some(price) };
        assert_eq!(world.apply(vec![event]).0.refused[0].1, Refusal::Price, "{price}");
    }
    let (applied, _) = world.apply(vec![Event::Delisted { instrument: BTC, price: Some(1_000_000) }]);
    assert_eq!((applied.refused, world.holdings(1).1), (vec![], 0));
    // The venue's late report finds no order, and no money moves.
    let before = world.holdings(1);
    let report = Event::Filled { order, lots: -5, quote: 4_975_000 };
    assert_eq!(world.apply(vec![report]).0.refused[0].1, Refusal::Order);
    assert_eq!(world.holdings(1), before);
    world.time_ms += 1_000;
    let (_, commands) = world.apply(Vec::new());
    assert_eq!((commands, world.engine.watched()), (vec![], 0), "nobody waits for the order");
}

const UNWIND: Unwind = Unwind { interval_ms: 10_000, slices: 4, participation: 500_000, band: 10_000 };

/// The backstop holds 10,000 BTC lots that it took over from an account at 1 % of equity left.
fn with_inventory(unwind: Unwind) -> World {
    let unwound = InstrumentSpec { unwind: Some(unwind), ..spec("BTC") };
    let mut world = World::with(rules(), [unwound, spec("ETH")], 1_000_000_000, FAIR);
    world.open(1, BTC, 10_000, 60_000_000);
    world.mark(996_000);
    assert_eq!(world.engine.ledger().of(Owner::Backstop(BTC)).size(BTC), 10_000);
    world
}

/// Lots and limits of the orders of the seconds up to `until_ms`, each filled at the mark.
fn sales(world: &mut World, until_ms: i64) -> Vec<(i64, i64, u64)> {
    let mut sales = Vec::new();
    while world.time_ms < until_ms {
        world.time_ms += 1_000;
        let (_, commands) = world.apply(Vec::new());
        for command in &commands {
            let Command::Unwind { lots, limit, .. } = *command else { panic!("{command:?}") };
            sales.push((world.time_ms, lots, limit));
            let event = world.perform(command);
            let (applied, next) = world.apply(vec![event]);
            assert_eq!((applied.refused, next), (vec![], vec![]), "one order an interval");
        }
    }
    sales
}

#[test]
fn the_backstop_sells_in_equal_parts_inside_its_band() {
    let mut world = with_inventory(UNWIND);
    let taken_ms = world.time_ms;
    let sold = sales(&mut world, taken_ms + 60_000);
    let times: Vec<i64> = sold.iter().map(|sale| sale.0 - taken_ms).collect();
    assert_eq!(times, [10_000, 20_000, 30_000, 40_000]);
    // 1 % below 996,000 is 986,040.
    assert!(sold.iter().all(|sale| (sale.1, sale.2) == (-2_500, 986_040)), "{sold:?}");
    let backstop = world.engine.ledger().of(Owner::Backstop(BTC));
    // It paid the mark less the equity and fee that came with the lots, and sold at the mark.
    assert_eq!(backstop.size(BTC), 0);
    assert!(backstop.cash > 0 && world.engine.ledger().is_balanced());
    let counters = world.engine.counters();
    assert_eq!((counters.unwound, counters.unwound_quote), (4, 10_000 * 996_000));
}

#[test]
fn the_book_and_the_budget_bound_a_sale() {
    let level = |distance, lots| Level { distance, lots };
    let mut world = with_inventory(UNWIND);
    // Inside 1 % the bids hold 1,001 lots: half of them, down. What lies beyond does not count, nor does the other side.
    let bids = vec![level(500, 1_000), level(10_000, 1), level(10_001, 9_999)];
    world.round(vec![Event::Book { instrument: BTC, book: Book { bids, offers: vec![level(1, 9_999)] } }]);
    let from_ms = world.time_ms;
    let sold = sales(&mut world, from_ms + 25_000);
    assert!(sold.len() >= 2 && sold.iter().all(|sale| sale.1 == -500), "{sold:?}");
    // Nobody bids: nothing is sold, and it is tried again an interval later.
    world.round(vec![Event::Book { instrument: BTC, book: Book::default() }]);
    let from_ms = world.time_ms;
    assert_eq!(sales(&mut world, from_ms + 25_000), []);
}

#[test]
fn a_report_beyond_the_sale_is_refused_and_ends_it() {
    for (lots, quote) in [(5, -5), (-2_501, 2_501 * 996_000), (-10, 10 * 986_039), (0, 1), (-10, -1)] {
        let mut world = with_inventory(UNWIND);
        world.time_ms += 10_000;
        let (_, commands) = world.apply(Vec::new());
        let [Command::Unwind { order, .. }] = commands[..] else { panic!("{commands:?}") };
        let report = Event::Filled { order, lots, quote };
        assert_eq!(world.apply(vec![report.clone()]).0.refused[0].1, Refusal::Order, "{report:?}");
        assert_eq!(world.engine.ledger().of(Owner::Backstop(BTC)).size(BTC), 10_000);
        assert_eq!(world.apply(vec![report]).0.refused[0].1, Refusal::Order, "it has ended");
    }
    // The venue takes nothing: what was not sold is sold later, and no order is lost.
    let mut world = with_inventory(UNWIND);
    world.time_ms += 10_000;
    let (_, commands) = world.apply(Vec::new());
    let [Command::Unwind { order, .. }] = commands[..] else { panic!("{commands:?}") };
    assert_eq!(world.apply(vec![Event::Rejected { order }]).0.refused, []);
    let from_ms = world.time_ms;
    assert_eq!(sales(&mut world, from_ms + 60_000).len(), 4);
}

#[test]
fn what_the_venue_has_filled_is_booked_though_a_takeover_has_turned_the_inventory() {
    let mut world = with_inventory(UNWIND);
    world.open(2, BTC, -9_000, 60_000_000);
    world.time_ms += 10_000;
    let (_, commands) = world.apply(Vec::new());
    let [Command::Unwind { order, lots: -2_500, .. }] = commands[..] else { panic!("{commands:?}") };
    world.mark(1_000_500);
    assert_eq!(world.engine.ledger().of(Owner::Backstop(BTC)).size(BTC), 1_000);
    let report = Event::Filled { order, lots: -2_500, quote: 2_500 * 996_000 };
    assert_eq!(world.apply(vec![report]).0.refused, []);
    assert_eq!(world.engine.ledger().of(Owner::Backstop(BTC)).size(BTC), -1_500);
}

#[test]
fn a_short_inventory_is_bought_back() {
    let unwound = InstrumentSpec { unwind: Some(UNWIND), ..spec("BTC") };
    let mut world = World::with(rules(), [unwound, spec("ETH")], 1_000_000_000, FAIR);
    world.open(1, BTC, -10_000, 60_000_000);
    world.mark(1_004_000);
    assert_eq!(world.engine.ledger().of(Owner::Backstop(BTC)).size(BTC), -10_000);
    let from_ms = world.time_ms;
    let bought = sales(&mut world, from_ms + 60_000);
    // 1 % above 1,004,000 is 1,014,040.
    assert!(
        bought.len() == 4 && bought.iter().all(|sale| (sale.1, sale.2) == (2_500, 1_014_040)),
        "{bought:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Without liquidations an account's cash is what it paid in, what its closes realised and what funding gave, less what its positions
    /// cost; whatever it traded, at whatever prices.
    #[test]
    fn cash_is_paid_in_plus_realised_less_what_is_held(trades in prop::collection::vec((-40i64..40, 980_000i64..1_020_000, any::<bool>()), 1..40)) {
        let mut world = World::new(0, FAIR);
        world.round(vec![Event::Deposited { account: AccountId(1), quanta: 1_000_000_000 }]);
        for (lots, price, is_btc) in trades {
            let (instrument, price) = if is_btc { (BTC, price) } else { (ETH, price / 5) };
            world.round(vec![Event::Traded { account: AccountId(1), instrument, lots, quote: -lots * price }]);
            let entries: i128 = world.engine.markets().iter().filter_map(|market| market.holders.get(&0)).sum();
            let (realised, funding) = world.engine.realised(0);
            prop_assert_eq!(world.holdings(1).0, 1_000_000_000 + realised + funding - entries);
        }
    }
}
