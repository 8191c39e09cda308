//! Deleveraging: a burst at one timestamp, hedges, and counterparties that cannot take.

use std::cmp::Ordering;

use engine::apply::ActionKind;
use engine::event::{AccountId, Command, Event};
use engine::rules::{Deleveraging, Hedge, InstrumentSpec, OpenInterest};
use engine::venue_rules::dydx::deleveraging::{OffsetPrice, deleverage};
use engine::venue_rules::dydx::liquidation::Close;
use engine::venue_rules::dydx::margin::{LiquidityTier, Market};
use engine::venue_rules::dydx::{DydxError, Perpetual, Position, Subaccount};
use model::margin::Severity;

use crate::common::{BTC, ETH, rules, spec};
use crate::scenario::{Scenario, UNIT, deposited, position, traded};

const INSOLVENT: u64 = 2_000;
const COUNTERPARTIES: u64 = 2_000;

/// Counterparties of the burst: the even ones are short BTC only, the odd ones hedge their short with ETH.
fn counterparty(index: u64) -> u64 {
    100_000 + index
}

/// 1,900 longs and 100 accounts with a hedge that does not hold, all insolvent at 0.98 and 0.198, and 2,000 counterparties.
fn burst(lots: i64) -> (Scenario, i64, i128) {
    let hedged = |symbol| InstrumentSpec { hedge: Hedge { group: 1, credit: 0 }, ..spec(symbol) };
    let mut scenario = Scenario::new(rules(), [hedged("BTC"), hedged("ETH")], 0);
    let (mut events, mut net, mut deficits) = (Vec::new(), 0, 0);
    for index in 0..INSOLVENT {
        let account = 1 + index;
        if index % 20 == 0 {
            events.extend(position(account, ETH, 100_000, 150 * UNIT));
            events.push(traded(account, BTC, -500, UNIT));
            (net, deficits) = (net - 500, deficits + i128::from(200 * UNIT - 10 * UNIT - 150 * UNIT));
        } else {
            let held = 1_000 + 10 * (index as i64 % 7);
            events.extend(position(account, BTC, held, 15 * held * UNIT / 1_000));
            (net, deficits) = (net + held, deficits + i128::from(5 * held * UNIT / 1_000));
        }
    }
    for index in 0..COUNTERPARTIES {
        let account = counterparty(index);
        events.extend(position(account, BTC, -lots, 500 * UNIT));
        if index % 2 == 1 {
            events.push(traded(account, ETH, 5 * lots, 200_000));
        }
    }
    for account in 200_000..200_010 {
        events.extend(position(account, ETH, -1_000_000, 50_000 * UNIT));
    }
    let (applied, commands) = scenario.apply(events);
    assert_eq!((applied.refused, commands), (vec![], vec![]));
    (scenario, net, deficits)
}

/// Both marks at one timestamp, and what follows: one event closes all insolvent accounts out.
fn crash(scenario: &mut Scenario) {
    scenario.world.time_ms += 1_000;
    let marks = [(BTC, 980_000), (ETH, 198_000)];
    let (applied, commands) =
        scenario.apply(marks.map(|(instrument, price)| Event::Mark { instrument, price }).into());
    assert_eq!(applied.dues.iter().map(|due| due.holders).sum::<u64>(), 2_000 + 2_000 + 100 + 1_000 + 10);
    assert!(matches!(&commands[..], [Command::Bankrupt { accounts }] if accounts.len() as u64 == INSOLVENT));
    assert_eq!(scenario.follow(commands), 1, "one pass");
}

/// Incident 2: Hyperliquid, 10 October 2025. 34,983 fills in 12 minutes, by queue, one asset at a time; hedges were cut.
#[test]
fn burst_of_2_000_is_netted_in_one_pass_and_cuts_no_hedge_that_it_need_not() {
    let (mut scenario, net, deficits) = burst(2_000);
    crash(&mut scenario);
    let counters = *scenario.world.engine.counters();
    assert_eq!((counters.bankruptcies, counters.hedges_cut), (INSOLVENT, 0));
    for index in 0..COUNTERPARTIES {
        let size = scenario.size(counterparty(index), BTC);
        assert!(if index % 2 == 1 { size == -2_000 } else { size > -2_000 }, "{index}: {size}");
    }
    // The bankrupts' own longs and shorts cancel: only the net changes hands, once an account.
    let taken = |scenario: &Scenario| -> i64 {
        let legs = scenario.actions(ActionKind::Deleveraging).flat_map(|action| &action.legs);
        legs.filter(|leg| leg.0 == BTC).map(|leg| leg.1).sum()
    };
    assert_eq!((taken(&scenario), scenario.backstop(BTC)), (net, 0));
    assert_eq!(counters.deleveraged, COUNTERPARTIES / 2 + 10);
    assert_eq!(counters.haircuts + counters.socialised_loss, deficits, "to the quantum");
    assert_eq!(scenario.world.engine.bad_debt(), 0);
    for action in scenario.actions(ActionKind::Deleveraging) {
        let index = scenario.index(action.account.0);
        assert!(scenario.world.engine.profit(index) >= 0 && action.unpaid >= 0, "{action:?}");
    }
    scenario.rest();
}

#[test]
fn burst_that_needs_hedges_cuts_exactly_what_the_others_cannot_take() {
    let (mut scenario, net, deficits) = burst(1_200);
    crash(&mut scenario);
    let unhedged = COUNTERPARTIES as i64 / 2 * 1_200;
    let (mut cut, mut accounts) = (0, 0);
    for index in 0..COUNTERPARTIES {
        let size = scenario.size(counterparty(index), BTC);
        if index % 2 == 0 {
            assert_eq!(size, 0, "those without a hedge first: {index}");
        } else {
            (cut, accounts) = (cut + 1_200 + size, accounts + u64::from(size > -1_200));
        }
    }
    assert!(cut > 0);
    assert_eq!(cut, net - unhedged);
    let counters = *scenario.world.engine.counters();
    assert_eq!(counters.hedges_cut, accounts);
    assert!(counters.deleveraged <= COUNTERPARTIES + 10);
    assert_eq!(counters.haircuts + counters.socialised_loss, deficits);
    scenario.rest();
}

/// Incident 16: dYdX v4 tried the same counterparty first each time, and the one that could not take stopped the others.
#[test]
fn stuck_deleveraging_a_counterparty_with_an_order_out_blocks_nobody() {
    let all = [
        Deleveraging::ProRata,
        Deleveraging::Hyperliquid,
        Deleveraging::Bitmex,
        Deleveraging::Binance,
        Deleveraging::Rotation,
    ];
    for deleveraging in all {
        let mut own = rules();
        own.deleveraging = deleveraging;
        let mut scenario = Scenario::new(own, [spec("BTC"), spec("ETH")], 0);
        // 1 has the largest short in BTC, and is being reduced for its ETH.
        let mut events: Vec<Event> = position(1, BTC, -90_000, 2_700 * UNIT).into();
        events.push(traded(1, ETH, 450_000, 200_000));
        for account in [2, 3] {
            events.extend(position(account, BTC, -30_000, 5_000 * UNIT));
        }
        assert_eq!(scenario.play(events), []);
        scenario.world.time_ms += 1_000;
        let (_, commands) = scenario.apply(vec![Event::Mark { instrument: ETH, price: 196_700 }]);
        assert_eq!(scenario.world.severity(1), Severity::Liquidatable);
        let [Command::PlaceOrder { account: AccountId(1), .. }] = commands[..] else {
            panic!("{commands:?}")
        };
        // Three bankruptcies, one after another, while the order stays out.
        for (account, price) in (10..13).zip([1_000_000, 980_000, 960_000]) {
            let bought = traded(account, BTC, 10_000, price);
            assert_eq!(scenario.play(vec![deposited(account, 150 * UNIT), bought]), []);
            scenario.world.time_ms += 1_000;
            let mark = Event::Mark { instrument: BTC, price: price as u64 - 20_000 };
            let (_, next) = scenario.apply(vec![mark]);
            assert!(matches!(next[..], [Command::Bankrupt { .. }]), "{deleveraging:?}: {next:?}");
            scenario.follow(next);
            assert_eq!(scenario.size(account, BTC), 0);
            assert_eq!(
                scenario.size(1, BTC),
                -90_000,
                "{deleveraging:?}: an order that is out is not crossed"
            );
        }
        assert!(scenario.actions(ActionKind::Deleveraging).all(|action| [2, 3].contains(&action.account.0)));
        assert_eq!(scenario.backstop(BTC), 0, "the others have taken everything");
        scenario.follow(commands);
        scenario.rest();
    }
}

/// Incident 1: an account that is deleveraged must not ask for more margin nor become riskier. Exactly as risky is allowed.
#[test]
fn dydx_transition_allows_equal_risk_and_not_a_quantum_more() {
    let off = OpenInterest { lower: 0, upper: 0 };
    let perpetual = Perpetual {
        id: 0,
        // BTC at 111,000: 11.1 quote quanta a base quantum of 1e-8.
        market: Market { atomic_resolution: -10, price: 11_100_000_000, price_exponent: -5 },
        tier: LiquidityTier::new(50_000, 600_000, off).unwrap(),
        open_interest: 0,
    };
    let account = |size: i128, equity: i128| {
        let value = perpetual.market.quote_trunc(size).unwrap();
        let positions = vec![Position { perpetual: 0, size }];
        Subaccount { quote_balance: equity - value, positions }
    };
    let size = 10_000_000_000;
    let listing = [perpetual];
    let half = Close { perpetual: 0, delta: -size / 2 };
    let offset = |deficit: i128, equity: i128| {
        let (long, short) = (account(size, -deficit), account(-size, equity));
        deleverage(&long, &short, &listing, half, OffsetPrice::Bankruptcy)
            .map(|(_, after)| after.risk(&listing).unwrap().compare(&short.risk(&listing).unwrap()))
    };
    // The short has what the long lacks, so half of both has the same ratio, with half the requirement.
    let deficit = 462_098;
    assert_eq!(offset(deficit, deficit), Ok(Ordering::Less), "equal per requirement, and less required");
    assert_eq!(offset(deficit, deficit - 1), Err(DydxError::UpdateRejected("offsetting")));
    assert_eq!(offset(deficit, deficit + 1), Ok(Ordering::Less));
    assert_eq!(offset(0, 0), Ok(Ordering::Less), "an account at zero takes from one at zero");
}
