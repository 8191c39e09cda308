//! What the book does not take: a squeezed illiquid short, and auctions without bids.

use engine::apply::{ActionKind, Refusal};
use engine::book::{Book, Level};
use engine::event::{Command, Event};
use engine::ledger::Owner;
use engine::rules::{BackstopLimits, Budget, InstrumentSpec, OpenInterest};

use crate::common::{BTC, ETH, Venue, rules, spec};
use crate::scenario::{Scenario, UNIT, deposited, position, traded};

const WORST: Venue = Venue { filled_percent: 100, to_limit_percent: 100 };
/// Most that the backstop holds of JELLY, and loses on it before it takes no more.
const NOTIONAL_MAX: i64 = 500_000 * UNIT;
const LOSS_MAX: i64 = 100_000 * UNIT;

fn jelly() -> InstrumentSpec {
    InstrumentSpec {
        mark_band: 999_999,
        budget: Budget { capacity: 50_000 * UNIT as u64, refill: 100 * UNIT as u64 },
        backstop: BackstopLimits { notional: NOTIONAL_MAX as u64, loss: LOSS_MAX as u64 },
        ..spec("JELLY")
    }
}

/// A short of 4.5 million against three longs, at 1.0 a lot.
fn squeezed(market: InstrumentSpec) -> Scenario {
    let mut scenario = Scenario::new(rules(), [market, spec("ETH")], 0);
    scenario.world.venue = WORST;
    let mut events: Vec<Event> = position(7, BTC, -4_500_000, 300_000 * UNIT).into();
    for account in 1..4 {
        events.extend(position(account, BTC, 1_600_000, 400_000 * UNIT));
    }
    assert_eq!(scenario.play(events), []);
    scenario
}

/// No slice costs the account its ratio: it closes at the zero price or better.
fn assert_no_slice_below_the_zero_price(scenario: &Scenario) {
    for action in scenario.actions(ActionKind::Slice).chain(scenario.actions(ActionKind::Absorption)) {
        let (before, after) = (action.before, action.after);
        let ratio = |equity, requirement| ethnum::I256::from(equity) * ethnum::I256::from(requirement);
        assert!(
            ratio(after.equity, before.requirement) >= ratio(before.equity, after.requirement),
            "{action:?}"
        );
        assert_eq!(action.fund_paid, 0);
    }
}

/// Incident 3: JELLY, 26 March 2025. The backstop inherited a whole illiquid short and the price was driven to 4.3 times.
#[test]
fn jelly_squeeze_leaves_the_backstop_its_cap_of_the_short_and_the_rest_to_the_longs() {
    let mut scenario = squeezed(jelly());
    let mut price = 1_000_000;
    while price < 4_300_000 {
        let before = scenario.backstop(BTC);
        price += price / 250;
        scenario.mark(BTC, price);
        let inventory = scenario.backstop(BTC);
        assert!(inventory <= 0);
        if inventory != before {
            assert!(-inventory * price as i64 <= NOTIONAL_MAX, "{inventory} at {price}");
        }
    }
    let counters = *scenario.world.engine.counters();
    assert_no_slice_below_the_zero_price(&scenario);
    assert!(scenario.actions(ActionKind::Slice).count() > 0 && counters.absorbed > 0);
    assert_eq!((counters.takeovers, counters.bankruptcies, counters.backstop_beyond), (1, 0, 0));
    assert_eq!(scenario.size(7, BTC), 0);
    assert!(scenario.backstop(BTC) < 0, "it has its part");
    let closed: i64 = scenario.actions(ActionKind::Deleveraging).map(|action| -action.legs[0].1).sum();
    assert!(closed > 3_500_000, "{closed} lots of 4.5 million went to the longs");
    assert_eq!(counters.haircuts, 0, "who were paid the mark or better");
    // What the squeeze costs the backstop is on its cap, not on 14.85 million.
    let book = scenario.world.engine.ledger().of(Owner::Backstop(BTC));
    let loss = -(book.cash + i128::from(book.size(BTC)) * i128::from(price));
    assert!(loss <= i128::from(NOTIONAL_MAX) * 33 / 10 + i128::from(LOSS_MAX), "{loss}");
    scenario.rest();
}

/// Incident 3: with its loss at the limit, the backstop takes nothing of the next squeezed short, though its notional would let it.
#[test]
fn jelly_backstop_that_lost_its_limit_takes_no_more() {
    let limits = BackstopLimits { notional: 10_000_000 * UNIT as u64, loss: LOSS_MAX as u64 };
    let mut scenario = squeezed(InstrumentSpec { backstop: limits, ..jelly() });
    scenario.mark(BTC, 1_050_000);
    assert_eq!((scenario.size(7, BTC), scenario.backstop(BTC)), (0, -4_500_000));
    scenario.mark(BTC, 1_100_000); // 225,000 less what it was given are lost
    let sold = traded(8, BTC, -100_000, 1_100_000);
    assert_eq!(scenario.play(vec![deposited(8, 2_600 * UNIT), sold]), []);
    scenario.mark(BTC, 1_121_000);
    assert_eq!((scenario.size(8, BTC), scenario.backstop(BTC)), (0, -4_500_000));
    let counters = scenario.world.engine.counters();
    assert_eq!((counters.takeovers, counters.backstop_beyond), (2, 0));
    scenario.rest();
}

/// Incident 3, insolvent: the one on the other side has lost elsewhere, so it bears nothing, but it can take lots at the mark.
#[test]
fn jelly_gap_with_counterparties_that_lost_elsewhere_does_not_go_beyond_the_backstops_limits() {
    let mut scenario = squeezed(jelly());
    for account in 1..4 {
        // 3 million lost in ETH, fresh collateral in its place.
        let bought = traded(account, ETH, 15_000_000, 400_000);
        assert_eq!(scenario.play(vec![deposited(account, 9_000_000 * UNIT), bought]), []);
    }
    scenario.mark(BTC, 1_100_000);
    assert_eq!(scenario.world.engine.counters().bankruptcies, 1);
    assert!(-scenario.backstop(BTC) * 1_100_000 <= NOTIONAL_MAX, "{}", scenario.backstop(BTC));
    assert_eq!(scenario.world.engine.counters().backstop_beyond, 0);
}

/// Incident 3: open interest was not capped by depth.
#[test]
fn jelly_short_cannot_be_built_beyond_the_open_interest_that_the_market_carries() {
    let open_interest = OpenInterest { lower: 1_000_000 * UNIT as u64, upper: 2_000_000 * UNIT as u64 };
    let market = InstrumentSpec { initial: vec![(0, 50_000)], open_interest, ..jelly() };
    let mut scenario = Scenario::new(rules(), [market, spec("ETH")], 0);
    assert_eq!(scenario.play(vec![deposited(7, 300_000 * UNIT)]), []);
    assert_eq!(scenario.play(vec![traded(7, BTC, -1_000_000, UNIT)]), []);
    let mut built = 1_000_000;
    while scenario.play(vec![traded(7, BTC, -10_000, UNIT)]).is_empty() {
        built += 10_000;
    }
    // At 5 % it would be 6 million; 5 % + 95 % * (o - 1) of the whole is 300,000 at o = 1.2.
    assert!((1_150_000..1_250_000).contains(&built), "{built}");
    // A second account has no fresh start: the open interest is the market's.
    let refusals = scenario.play(vec![deposited(8, 20_000 * UNIT), traded(8, BTC, -100_000, UNIT)]);
    assert_eq!(refusals, [Refusal::InitialMargin]);
    scenario.rest();
}

/// A vault's long of 100,000, 0.6 % of equity left at 0.994.
fn vault(market: InstrumentSpec) -> Scenario {
    let mut scenario = Scenario::new(rules(), [market, spec("ETH")], 0);
    scenario.open(7, BTC, 100_000, 1_200 * UNIT);
    scenario.open(1, BTC, -300_000, 50_000 * UNIT);
    scenario
}

fn bids(levels: &[(u32, u64)]) -> Event {
    let bids = levels.iter().map(|&(distance, lots)| Level { distance, lots }).collect();
    Event::Book { instrument: BTC, book: Book { bids, offers: Vec::new() } }
}

/// Incident 6: Maker, 12 March 2020. Bids of zero won 36 % of the auctions.
#[test]
fn zero_bids_buy_nothing_and_the_backstop_then_the_counterparties_take_it_at_the_bankruptcy_price() {
    // No bid at all, and one at a ten-thousandth of the mark.
    for levels in [&[][..], &[(999_900, 1_000_000)][..]] {
        let limits = BackstopLimits { notional: 10_000 * UNIT as u64, loss: u64::MAX };
        let mut scenario = vault(InstrumentSpec { backstop: limits, ..spec("BTC") });
        scenario.play(vec![bids(levels)]);
        let mut seconds = 0;
        while scenario.size(7, BTC) != 0 {
            assert_eq!(scenario.size(7, BTC), 100_000, "nothing was sold");
            seconds += 1;
            assert!(seconds <= 4, "an empty book holds nobody up");
            scenario.mark(BTC, 994_000);
        }
        assert_eq!(scenario.actions(ActionKind::Slice).count(), 0);
        let takeover = scenario.actions(ActionKind::Takeover).next().unwrap();
        // 600 of equity less the fee of 149.1: the lots changed hands at the mark less what was left.
        assert_eq!((takeover.legs[0].2, takeover.fee), (99_400_000_000 - 450_900_000, 149_100_000));
        assert_eq!(scenario.cash(7), 0);
        assert_eq!(scenario.backstop(BTC), 10_060, "10,000 at 0.994");
        assert_eq!(scenario.size(1, BTC), -300_000 + 100_000 - 10_060);
        assert_eq!(scenario.world.engine.counters().backstop_beyond, 0);
        scenario.rest();
    }
}

/// Incident 6: a report of a fill at nothing is refused, whatever the band.
#[test]
fn zero_bids_in_a_band_without_end_fill_at_the_zero_price_at_the_worst() {
    let mut scenario = vault(InstrumentSpec { limit_band: 999_999, ..spec("BTC") });
    scenario.world.time_ms += 1_000;
    let (_, commands) = scenario.apply(vec![Event::Mark { instrument: BTC, price: 994_000 }]);
    let [Command::PlaceOrder { order, lots, limit, .. }] = commands[..] else { panic!("{commands:?}") };
    assert!((980_000..994_000).contains(&limit), "{limit}");
    let bid = Event::Filled { order, lots, quote: 1 };
    let (applied, commands) = scenario.apply(vec![bid]);
    assert_eq!(applied.refused.len(), 1);
    assert_eq!(
        (scenario.size(7, BTC), scenario.cash(7)),
        (100_000, i128::from(1_200 * UNIT - 100_000 * UNIT))
    );
    scenario.world.venue = WORST;
    scenario.follow(commands);
    scenario.rest();
    assert!(scenario.actions(ActionKind::Slice).count() > 0);
    assert_no_slice_below_the_zero_price(&scenario);
}
