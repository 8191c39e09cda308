//! The fund as a counterparty: every holder is judged at every mark, and closing against oneself gains nothing from it.

use engine::apply::{ActionKind, Refusal};
use engine::event::{AccountId, Command, Event, InstrumentId};
use engine::rules::InstrumentSpec;
use ethnum::I256;
use model::margin::Severity;
use proptest::prelude::*;

use crate::common::{BTC, ETH, rules, spec};
use crate::scenario::{Scenario, UNIT, deposited, position, traded};

/// Account a command is about.
fn accounts(command: &Command) -> Vec<AccountId> {
    match command {
        Command::Bankrupt { accounts } | Command::TakeOver { accounts } => accounts.clone(),
        Command::CancelOrders { account }
        | Command::PlaceOrder { account, .. }
        | Command::Absorb { account, .. } => vec![*account],
        Command::Unwind { .. } => Vec::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// Incident 13: Percolator's clock went on without touching accounts. Here a mark owes every holder a verdict, and whoever is below the line
    /// is acted on in the same round.
    #[test]
    fn percolator_every_mark_judges_every_holder_and_acts_on_each_below_the_line(
        opened in prop::collection::vec((0u16..2, 1i64..60_000, any::<bool>(), 12i64..60), 1..24),
        marks in prop::collection::vec((0u16..2, prop_oneof![1 => Just(0i64), 4 => -25i64..25]), 1..24),
    ) {
        let mut scenario = Scenario::plain();
        for (account, (instrument, lots, is_long, permille)) in (1..).zip(opened) {
            let (price, lots) = ([UNIT, 200_000][usize::from(instrument)], if is_long { lots } else { -lots });
            scenario.open(account, InstrumentId(instrument), lots, lots.abs() * price / 1_000 * permille);
        }
        for (instrument, permille) in marks {
            let (id, ledger) = (InstrumentId(instrument), scenario.world.engine.ledger());
            let holders = ledger.by_id().filter(|&(_, index)| ledger.margin(index).size(id) != 0).count();
            let mark = scenario.world.engine.markets()[usize::from(instrument)].mark.get();
            let price = mark.saturating_add_signed(mark as i64 * permille / 1_000);
            scenario.world.time_ms += 1_000;
            let (applied, commands) = scenario.apply(vec![Event::Mark { instrument: id, price }]);
            let due: Vec<_> = applied.dues.iter().map(|due| (due.instrument, due.holders)).collect();
            prop_assert_eq!(due, [(id, holders as u64)]);
            prop_assert!(applied.touched.len() >= holders);
            let acted: Vec<AccountId> = commands.iter().flat_map(accounts).collect();
            for (account, index) in scenario.world.engine.ledger().by_id() {
                let is_below = scenario.world.engine.exact(index).verdict >= Severity::Liquidatable;
                prop_assert!(!is_below || acted.contains(&account), "{account:?} is passed over");
            }
            scenario.follow(commands);
        }
        scenario.rest();
    }

    /// Incident 13: the owner of the account that is liquidated stands on the other side, up to the worst price an order may have.
    #[test]
    fn percolator_closing_against_oneself_costs_the_owner_the_fee_and_the_fund_nothing(
        lots in 1i64..300_000,
        is_long in any::<bool>(),
        share in 10i64..999,
        fee in 0u32..5_000,
        to_limit_percent in prop_oneof![Just(100i64), 0i64..100],
    ) {
        let mut scenario = Scenario::new(rules(), [InstrumentSpec { fee, brackets: vec![(0, 5_000)], ..spec("BTC") }, spec("ETH")], 1_000_000 * UNIT);
        let side = if is_long { 1 } else { -1 };
        // At 1.0 less or more 0.8 % the equity is a share of the maintenance margin.
        let price = UNIT - side * 8_000;
        let collateral = lots * 8_000 + lots * price / 200 * share / 1_000;
        let mut events: Vec<Event> = position(7, BTC, side * lots, collateral).into();
        events.extend(position(8, BTC, -side * lots, lots * UNIT));
        let (applied, _) = scenario.apply(events);
        prop_assert_eq!(applied.refused, []);
        scenario.world.time_ms += 1_000;
        let (_, mut commands) = scenario.apply(vec![Event::Mark { instrument: BTC, price: price as u64 }]);
        prop_assert!(scenario.world.severity(7) >= Severity::Liquidatable && !commands.is_empty());
        let wealth = |scenario: &Scenario| scenario.world.exact(7).equity + scenario.world.exact(8).equity;
        let (mut before, mut fund) = (wealth(&scenario), scenario.world.engine.insurance());
        for _ in 0..16 {
            let Some(command) = commands.pop() else { break };
            let events = if let Command::PlaceOrder { order, lots, limit, .. } = command {
                let at = price + (limit as i64 - price) * to_limit_percent / 100;
                let (quote, back) = (-lots * at, traded(8, BTC, -lots, at));
                vec![Event::Filled { order, lots, quote }, back]
            } else {
                vec![scenario.world.perform(&command)]
            };
            let (applied, next) = scenario.apply(events);
            prop_assert_eq!(applied.refused, []);
            let fees: i128 = applied.actions.iter().map(|action| action.fee).sum();
            for action in applied.actions.iter().filter(|action| action.kind == ActionKind::Slice) {
                // All of the fee, or as much as leaves E / R where it was.
                let full = action.legs[0].2.abs() * i128::from(fee) / 1_000_000;
                let ratio = |equity: i128, requirement: i128| I256::from(equity) * I256::from(requirement);
                let (before, after) = (action.before, action.after);
                let gained = ratio(after.equity, before.requirement) - ratio(before.equity, after.requirement);
                let quantum = I256::from(1_000_000) * I256::from(before.requirement);
                prop_assert!(gained >= I256::ZERO && action.fee <= full && (action.fee == full || gained < 2 * quantum), "{action:?}");
            }
            let (after, now) = (wealth(&scenario), scenario.world.engine.insurance());
            prop_assert!(after <= before - fees * 1_000_000, "the owner gains {}", after - before);
            prop_assert!(now >= fund + fees, "the fund pays {}", fund - now);
            (before, fund) = (after, now);
            commands.extend(next);
        }
        prop_assert!(commands.is_empty());
        scenario.rest();
    }
}

/// Incident 13: two accounts of one owner, and a price between them that no market knows.
fn two_sides(initial: Vec<(u64, u32)>) -> Scenario {
    let market = InstrumentSpec { initial, ..spec("BTC") };
    let mut scenario = Scenario::new(rules(), [market, spec("ETH")], 100_000 * UNIT);
    let mut events: Vec<Event> = position(7, BTC, 10_000, 1_000 * UNIT).into();
    events.extend(position(8, BTC, -10_000, 1_000 * UNIT));
    assert_eq!(scenario.play(events), []);
    scenario
}

#[test]
fn percolator_a_position_that_is_opened_far_from_the_mark_cannot_lose_more_than_the_account_has() {
    let mut scenario = two_sides(vec![(0, 50_000)]);
    // 9 buys from 8 at twice the mark: 100 of collateral, 500 lost at once.
    let refused = scenario.play(vec![deposited(9, 100 * UNIT), traded(9, BTC, 500, 2 * UNIT)]);
    assert_eq!(refused, [Refusal::InitialMargin]);
    let refused = scenario.play(vec![deposited(9, 100 * UNIT), traded(9, ETH, 1, 200_000)]);
    assert_eq!((refused, scenario.world.engine.insurance()), (vec![], i128::from(100_000 * UNIT)));
    scenario.rest();
}

#[test]
fn percolator_a_position_that_is_reduced_far_from_the_mark_takes_nothing_from_the_fund() {
    let mut scenario = two_sides(vec![(0, 50_000)]);
    // 7 sells all of it to 8 at half of the mark: 7 ends at -4,000, 8 at +6,000.
    scenario.play(vec![traded(7, BTC, -10_000, UNIT / 2), traded(8, BTC, 10_000, UNIT / 2)]);
    assert_eq!(scenario.world.engine.insurance(), i128::from(100_000 * UNIT), "the owner had 2,000");
    assert_eq!(scenario.world.engine.counters().bankruptcies, 0);
}
