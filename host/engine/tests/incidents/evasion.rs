//! Accounts that change something right before they are acted on.

use engine::apply::Refusal;
use engine::event::{AccountId, Command, Event};
use engine::rules::InstrumentSpec;
use model::margin::Severity;

use crate::common::{BTC, rules, spec};
use crate::scenario::{Scenario, UNIT, deposited, traded};

/// Incident 14: GMX. A change of one lot ahead of the close made the submitted size wrong, and the close failed.
#[test]
fn gmx_evasion_by_a_lot_ahead_of_a_takeover_or_bankruptcy_is_none() {
    for (price, insolvent) in [(987_000, false), (980_000, true)] {
        for lots in [-1, 1, -39_999] {
            let mut scenario = Scenario::plain();
            scenario.open(7, BTC, 40_000, 600 * UNIT);
            scenario.open(1, BTC, -60_000, 10_000 * UNIT);
            scenario.world.time_ms += 1_000;
            let (_, commands) = scenario.apply(vec![Event::Mark { instrument: BTC, price }]);
            let expected = |accounts| {
                if insolvent { Command::Bankrupt { accounts } } else { Command::TakeOver { accounts } }
            };
            assert_eq!(commands, [expected(vec![AccountId(7)])]);
            let ahead = traded(7, BTC, lots, price as i64);
            let (_, next) = scenario.apply(vec![ahead, scenario.world.perform(&commands[0])]);
            // Only a solvent account that closed all but a lot by itself is above the line, and is left alone.
            let left = i64::from(!insolvent && lots == -39_999);
            assert!(scenario.size(7, BTC) <= left, "{lots} at {price}");
            scenario.follow(next);
            scenario.rest();
        }
    }
}

/// Incident 14: a report of a part of the position is good, whatever the owner did to the rest of it.
#[test]
fn gmx_evasion_by_a_lot_ahead_of_a_slices_report_is_none() {
    let mut scenario = Scenario::plain();
    scenario.open(7, BTC, 100_000, 1_200 * UNIT);
    scenario.world.time_ms += 1_000;
    let (_, commands) = scenario.apply(vec![Event::Mark { instrument: BTC, price: 994_000 }]);
    let [Command::PlaceOrder { lots, .. }] = commands[..] else { panic!("{commands:?}") };
    let ahead = traded(7, BTC, -1, 994_000);
    scenario.apply(vec![ahead, scenario.world.perform(&commands[0])]);
    assert!(scenario.size(7, BTC) <= 100_000 + lots);
    scenario.rest();
}

/// Incident 14: as above, of an order for the whole position. The owner sells a lot ahead of every report.
#[test]
fn gmx_evasion_by_a_lot_ahead_of_every_report_of_a_whole_close_is_none() {
    let mut scenario = Scenario::plain();
    scenario.open(7, BTC, 60, 327_000);
    scenario.world.time_ms += 1_000;
    let (_, mut commands) = scenario.apply(vec![Event::Mark { instrument: BTC, price: 998_300 }]);
    for _ in 0..8 {
        let Some(command) = commands.pop() else { break };
        let ahead = traded(7, BTC, -1, 998_300);
        let report = scenario.world.perform(&command);
        scenario.world.time_ms += 1_000;
        (_, commands) = scenario.apply(vec![ahead, report]);
    }
    assert_eq!(scenario.size(7, BTC), 0, "orders that were filled in full close the position");
}

/// Incident 14: the owner has a new order resting whenever its orders have been cancelled.
#[test]
fn gmx_evasion_by_orders_that_rest_again_is_none() {
    let mut scenario = Scenario::plain();
    scenario.open(7, BTC, 100_000, 1_200 * UNIT);
    let rest = |count| Event::OrdersResting { account: AccountId(7), count, reserved: 0 };
    scenario.play(vec![rest(1)]);
    scenario.world.time_ms += 1_000;
    let (_, mut commands) = scenario.apply(vec![Event::Mark { instrument: BTC, price: 994_000 }]);
    for _ in 0..8 {
        let reports = commands.iter().map(|command| scenario.world.perform(command));
        let events = reports.chain([rest(1)]).collect();
        scenario.world.time_ms += 1_000;
        (_, commands) = scenario.apply(events);
    }
    assert!(scenario.size(7, BTC) < 100_000);
}

/// Incident 14: one that pays in ahead of the event that lists it is left alone, and holds up the others for one round, not longer.
#[test]
fn gmx_evasion_by_recovering_costs_the_others_a_round_of_the_same_time() {
    let mut scenario = Scenario::plain();
    for account in 1..=5 {
        scenario.open(account, BTC, 40_000, 600 * UNIT);
    }
    scenario.world.time_ms += 1_000;
    let (_, mut commands) = scenario.apply(vec![Event::Mark { instrument: BTC, price: 987_000 }]);
    for evader in 1..=3 {
        let [Command::TakeOver { ref accounts }] = commands[..] else { panic!("{commands:?}") };
        assert_eq!(accounts.len() as u64, 6 - evader);
        let event = scenario.world.perform(&commands[0]);
        let (applied, next) = scenario.apply(vec![deposited(evader, 1_000 * UNIT), event]);
        let refusals: Vec<Refusal> = applied.refused.iter().map(|(_, refusal)| *refusal).collect();
        assert_eq!(refusals, [Refusal::Severity]);
        commands = next;
    }
    scenario.follow(commands);
    let sizes: Vec<i64> = (1..=5).map(|account| scenario.size(account, BTC)).collect();
    assert_eq!(sizes, [40_000, 40_000, 40_000, 0, 0]);
    scenario.rest();
}

/// Incident 14: flatmoney. Where margin was below zero, the liquidation underflowed and reverted.
#[test]
fn flatmoney_underflow_an_account_below_zero_is_closed_out_with_or_without_a_requirement() {
    // Without a maintenance rate R is 0: only E < 0 says it.
    for brackets in [vec![(0, 5_000)], vec![(0, 0)]] {
        let market = InstrumentSpec { brackets, mark_band: 999_999, ..spec("BTC") };
        let mut scenario = Scenario::new(rules(), [market, spec("ETH")], 0);
        scenario.open(7, BTC, 40_000, 600 * UNIT);
        scenario.open(1, BTC, -40_000, 40_000 * UNIT);
        scenario.mark(BTC, 10_000); // 600 against a loss of 39,600
        assert_eq!((scenario.size(7, BTC), scenario.cash(7)), (0, 0));
        let counters = scenario.world.engine.counters();
        let borne = counters.haircuts + counters.socialised_loss + scenario.world.engine.bad_debt();
        assert_eq!((counters.bankruptcies, borne), (1, i128::from(39_000 * UNIT)));
        scenario.rest();
    }
}

/// Incident 14: of a lost position that is sold, only the debt is left.
#[test]
fn flatmoney_underflow_a_debt_without_positions_is_settled() {
    let mut scenario = Scenario::plain();
    scenario.open(7, BTC, 40_000, 600 * UNIT);
    scenario.world.time_ms += 1_000;
    let mark = Event::Mark { instrument: BTC, price: 980_000 };
    let (_, commands) = scenario.apply(vec![mark, traded(7, BTC, -40_000, 980_000)]);
    assert_eq!(scenario.world.severity(7), Severity::Insolvent);
    assert_eq!(commands, [Command::Bankrupt { accounts: vec![AccountId(7)] }]);
    scenario.follow(commands);
    assert_eq!((scenario.size(7, BTC), scenario.cash(7)), (0, 0));
    assert_eq!(scenario.world.engine.bad_debt(), i128::from(200 * UNIT));
    scenario.rest();
}
