//! Accounts that the book cannot bring back: the waterfall, the backstop's limits, deleveraging, socialised loss. Amounts by hand.

mod common;

use common::{BTC, ETH, FAIR, World, rules, spec};
use engine::apply::{ActionKind, CLOSE_OUT_MAX, Refusal};
use engine::event::{AccountId, Event, InstrumentId};
use engine::ledger::Owner;
use engine::rules::{BackstopLimits, Deleveraging, Hedge, InstrumentSpec, Rules};
use model::margin::Severity;
use proptest::prelude::*;

/// A quote currency unit.
const UNIT: i64 = 1_000_000;

fn fund(world: &World, instrument: InstrumentId) -> i128 {
    world.engine.ledger().of(Owner::Fund(instrument)).cash
}

fn endow(world: &mut World, instrument: InstrumentId, quanta: i64) {
    world.round(vec![Event::FundEndowed { instrument: Some(instrument), quanta }]);
}

fn backstop(notional: u64, loss: u64) -> InstrumentSpec {
    InstrumentSpec { backstop: BackstopLimits { notional, loss }, ..spec("BTC") }
}

fn with(rules: Rules, btc: InstrumentSpec) -> World {
    World::with(rules, [btc, spec("ETH")], 0, FAIR)
}

fn cash(world: &World, account: u64) -> i128 {
    world.engine.ledger().margin(world.engine.ledger().find(AccountId(account)).unwrap()).cash
}

/// 40,000 lots bought at 1.0 with 600 of collateral: at 0.98 the deficit is 200.
fn long_with_a_deficit_at_980(world: &mut World, account: u64) {
    world.open(account, BTC, 40_000, 600 * UNIT);
}

#[test]
fn the_markets_fund_pays_up_to_its_cap_then_the_shared_one_down_to_its_reserve() {
    let mut own = rules();
    own.insurance.reserve = 30 * UNIT as u64;
    let mut world = World::with(
        own,
        [InstrumentSpec { fund_cap: 70 * UNIT as u64, ..spec("BTC") }, spec("ETH")],
        100 * UNIT,
        FAIR,
    );
    endow(&mut world, BTC, 90 * UNIT);
    endow(&mut world, ETH, 500 * UNIT);
    long_with_a_deficit_at_980(&mut world, 7);
    world.mark(980_000);
    assert_eq!(fund(&world, BTC), 20 * i128::from(UNIT), "it pays its cap of 70");
    assert_eq!(fund(&world, ETH), 500 * i128::from(UNIT), "another market's fund is not asked");
    assert_eq!(world.engine.ledger().of(Owner::Insurance).cash, 30 * i128::from(UNIT), "the reserve stays");
    assert_eq!(world.engine.bad_debt(), 60 * i128::from(UNIT));
    let last = world.actions.last().unwrap();
    assert_eq!((last.fund_paid, last.unpaid), (140 * i128::from(UNIT), 60 * i128::from(UNIT)));
}

#[test]
fn a_funds_cap_holds_for_a_window_and_begins_anew_after_it() {
    let mut own = rules();
    own.insurance.window_ms = 10_000;
    let mut world = World::with(
        own,
        [InstrumentSpec { fund_cap: 150 * UNIT as u64, ..spec("BTC") }, spec("ETH")],
        0,
        FAIR,
    );
    endow(&mut world, BTC, 1_000 * UNIT);
    for (account, expected) in [(7, 850), (8, 850), (9, 700)] {
        world.mark(1_000_000);
        long_with_a_deficit_at_980(&mut world, account);
        if account == 9 {
            world.time_ms += 10_000;
        }
        world.mark(980_000);
        assert_eq!(fund(&world, BTC), expected * i128::from(UNIT), "after account {account}");
    }
}

#[test]
fn a_loss_beyond_the_funds_is_borne_by_those_who_are_deleveraged_in_proportion_to_their_profit() {
    let mut world = World::new(0, FAIR);
    long_with_a_deficit_at_980(&mut world, 7);
    world.open(1, BTC, -10_000, 1_000 * UNIT); // gains 200 at 0.98
    world.open(2, BTC, -30_000, 5_000 * UNIT); // gains 600
    world.open(3, BTC, 10_000, 5_000 * UNIT); // loses
    world.mark(980_000);
    // 200 are borne 50 to 150, and the shorts' 40,000 lots close against the bankrupt's.
    assert_eq!(cash(&world, 1), 1_000 * 1_000_000 + 200 * 1_000_000 - 50 * 1_000_000);
    assert_eq!(cash(&world, 2), 5_000 * 1_000_000 + 600 * 1_000_000 - 150 * 1_000_000);
    for account in [1, 2, 7] {
        assert_eq!(
            world.engine.ledger().margin(world.engine.ledger().find(AccountId(account)).unwrap()).size(BTC),
            0
        );
    }
    let counters = world.engine.counters();
    assert_eq!((counters.deleveraged, counters.socialised), (2, 0));
    assert_eq!((counters.haircuts, world.engine.bad_debt()), (200 * 1_000_000, 0));
    assert_eq!(world.engine.ledger().of(Owner::Backstop(BTC)).size(BTC), 0);
}

#[test]
fn what_the_deleveraged_cannot_bear_is_socialised_on_the_other_winners_and_then_bad_debt() {
    let mut world = World::new(0, FAIR);
    long_with_a_deficit_at_980(&mut world, 7);
    world.open(1, BTC, -2_000, 1_000 * UNIT); // gains 40 at 0.98, and takes 2,000 lots
    world.open(4, ETH, -20_000, 1_000 * UNIT); // gains 100 at 0.195, holds nothing of BTC
    world.round(vec![Event::Mark { instrument: ETH, price: 195_000 }]);
    world.mark(980_000);
    assert_eq!(cash(&world, 1), 1_000 * 1_000_000, "all its profit");
    let exact = world.exact(4);
    assert_eq!(exact.equity, 1_000 * 1_000_000 * 1_000_000, "all its profit");
    let counters = world.engine.counters();
    assert_eq!((counters.haircuts, counters.socialised_loss), (40 * 1_000_000, 100 * 1_000_000));
    assert_eq!(world.engine.bad_debt(), 60 * 1_000_000);
    assert_eq!(world.engine.ledger().of(Owner::Backstop(BTC)).size(BTC), 38_000, "lots that nobody takes");
}

#[test]
fn losers_bear_nothing_and_nobody_is_brought_below_the_line() {
    let mut world = World::new(0, FAIR);
    long_with_a_deficit_at_980(&mut world, 7);
    world.open(1, BTC, -20_000, 110 * UNIT); // thin: R is 98 at 0.98, E 510
    world.open(2, BTC, -20_000, 100_000 * UNIT);
    world.round(vec![Event::Traded {
        account: AccountId(2),
        instrument: ETH,
        lots: 1_000_000,
        quote: -200_000 * UNIT,
    }]);
    world.round(vec![Event::Mark { instrument: ETH, price: 190_000 }]); // 2 loses 10,000 there
    world.mark(980_000);
    assert_eq!(world.engine.counters().haircuts, 200 * 1_000_000);
    assert_eq!(
        cash(&world, 2) - 100_000 * 1_000_000 + 200_000 * 1_000_000,
        20_000 * 1_000_000,
        "2 bears nothing"
    );
    assert_eq!(world.severity(1), Severity::Healthy);
}

/// What each of accounts 1 to 3 closes of 35,000 lots with a loss of 175, and what it bears of that; `side` 1 if they are short.
///
/// At a move of 2 %, E and profit of 1: 1,030 and 200 - 170 in ETH; of 2: 5,600 and 600; of 3, in since a price 10 % away: 12,400 and 2,400.
fn deleveraged(rule: Deleveraging, side: i64) -> (u64, Vec<(u64, i64, i128)>) {
    let mut world = with(Rules { deleveraging: rule, ..rules() }, spec("BTC"));
    world.mark((1_000_000 + side * 100_000) as u64);
    world.open(3, BTC, -side * 20_000, 10_000 * UNIT);
    world.mark(1_000_000);
    world.open(7, BTC, side * 35_000, 525 * UNIT);
    world.open(2, BTC, -side * 30_000, 5_000 * UNIT);
    world.open(1, BTC, -side * 10_000, 1_000 * UNIT);
    world.open(1, ETH, 34_000, 0);
    world.round(vec![Event::Mark { instrument: ETH, price: 195_000 }]);
    world.mark((1_000_000 - side * 20_000) as u64);
    assert_eq!((world.engine.counters().haircuts, world.engine.bad_debt()), (175 * 1_000_000, 0));
    let closed: Vec<_> =
        world.actions.iter().filter(|action| action.kind == ActionKind::Deleveraging).collect();
    let rows =
        closed.iter().map(|action| (action.account.0, side * action.legs[0].1, action.unpaid / 1_000_000));
    (closed[0].sequence, rows.collect())
}

#[test]
fn a_venues_ranking_closes_whole_positions_in_its_order_at_one_price() {
    for side in [1, -1] {
        // (mark / entry) * leverage: 9.7, 5.4, 1.8 of shorts. Account 1 bears its whole profit of 30, not the 50 of its lots.
        assert_eq!(deleveraged(Deleveraging::Hyperliquid, side).1, [(1, 10_000, 30), (2, 25_000, 145)]);
        // Profit rate * leverage: 0.190, 0.105, 0.172; of longs 0.198, 0.109, 0.219.
        let bitmex = [(1, 10_000, 30), (2, 5_000, 29), (3, 20_000, 116)];
        assert_eq!(deleveraged(Deleveraging::Bitmex, side).1, bitmex);
        // Profit of the account per wallet * R / E: 0.0024, 0.0032, 0.0019.
        assert_eq!(deleveraged(Deleveraging::Binance, side).1, [(1, 5_000, 25), (2, 30_000, 150)]);
        let (sequence, rows) = deleveraged(Deleveraging::Rotation, side);
        let expected = [
            vec![(1, 10_000, 30), (2, 25_000, 145)],
            vec![(2, 30_000, 150), (3, 5_000, 25)],
            vec![(1, 10_000, 30), (2, 5_000, 29), (3, 20_000, 116)],
        ];
        assert_eq!(rows, expected[sequence as usize % 3], "from place {sequence} of the list");
        // By profit, 30 and 600 beside the third's whole position; the loss by 30, 600 and 2,400.
        let pro_rata = [(1, 714, 1), (2, 14_286, 34), (3, 20_000, 138)];
        assert_eq!(deleveraged(Deleveraging::ProRata, side).1, pro_rata);
    }
}

#[test]
fn what_a_ranking_finds_nobody_for_goes_to_the_backstop() {
    let mut world = with(Rules { deleveraging: Deleveraging::Hyperliquid, ..rules() }, spec("BTC"));
    long_with_a_deficit_at_980(&mut world, 7);
    world.open(1, BTC, -10_000, 1_000 * UNIT);
    world.mark(980_000);
    assert_eq!((world.engine.counters().deleveraged, world.holdings(1).1), (1, 0));
    assert_eq!(world.engine.ledger().of(Owner::Backstop(BTC)).size(BTC), 30_000);
}

#[test]
fn nobody_is_deleveraged_where_the_funds_paid_and_the_backstop_has_room() {
    let mut world = World::new(200 * UNIT, FAIR);
    long_with_a_deficit_at_980(&mut world, 7);
    world.open(1, BTC, -40_000, 1_000 * UNIT);
    world.mark(980_000);
    assert_eq!((world.engine.insurance(), world.engine.bad_debt()), (0, 0));
    assert_eq!((world.engine.counters().deleveraged, world.holdings(1).1), (0, -40_000));
    assert_eq!(world.engine.ledger().of(Owner::Backstop(BTC)).size(BTC), 40_000);
}

#[test]
fn an_event_closes_out_some_accounts_but_not_too_many_and_each_once() {
    let mut world = World::new(0, FAIR);
    world.open(7, BTC, 10, 5_000 * UNIT);
    let all = |count: u64| (7..7 + count).map(AccountId).collect::<Vec<_>>();
    for (accounts, refusal) in [
        (all(1), Refusal::Severity),
        (all(2), Refusal::Account),
        (all(CLOSE_OUT_MAX as u64), Refusal::Account),
        (all(0), Refusal::CloseOut),
        (vec![AccountId(7); 2], Refusal::CloseOut),
        (all(CLOSE_OUT_MAX as u64 + 1), Refusal::CloseOut),
        (all(CLOSE_OUT_MAX as u64 + 2), Refusal::CloseOut),
    ] {
        let count = accounts.len();
        let applied = world.round(vec![Event::Bankrupted { accounts }]);
        assert_eq!(applied.refused.iter().map(|row| row.1).collect::<Vec<_>>(), [refusal], "{count}");
    }
}

#[test]
fn a_counterparty_bears_no_more_than_its_margin_allows_while_it_carries_its_positions() {
    let mut world = World::new(0, FAIR);
    world.open(1, BTC, -30_000, 151 * UNIT);
    world.mark(990_000);
    world.open(1, ETH, 100_000, 0);
    world.open(7, BTC, 60_000, 400 * UNIT);
    // At 0.96: 1 has E 1,351, R 144 + 100 and a profit of 1,200; 7 is 1,400 short.
    world.mark(960_000);
    let counters = world.engine.counters();
    assert_eq!(counters.haircuts, 1_107 * 1_000_000, "E less R");
    // Its lots are closed then: R is 100, and of its profit 93 are left.
    assert_eq!((counters.socialised_loss, world.engine.bad_debt()), (93 * 1_000_000, 200 * 1_000_000));
}

#[test]
fn opposite_accounts_of_one_event_leave_their_surplus_to_the_fund() {
    let mut world = World::new(0, FAIR);
    let events = [(7, 40_000), (8, -40_000)].into_iter().flat_map(|(account, lots)| {
        let account = AccountId(account);
        let trade = Event::Traded { account, instrument: BTC, lots, quote: -lots * 1_000_000 };
        [Event::Deposited { account, quanta: 100 * UNIT }, trade]
    });
    world.round(events.collect());
    // Both at E = 100 of R = 200: fees of 60 each, and 40 with the lots of each.
    assert_eq!((cash(&world, 7), cash(&world, 8)), (0, 0));
    assert_eq!(world.engine.insurance(), 200 * 1_000_000);
    assert_eq!(fund(&world, BTC), 60 * 1_000_000);
    assert_eq!(world.engine.ledger().of(Owner::Backstop(BTC)).size(BTC), 0);
    assert_eq!((world.engine.counters().takeovers, world.engine.counters().insurance_in), (2, 200_000_000));
}

#[test]
fn an_account_whose_order_is_out_is_not_closed_out() {
    let mut world = World::new(0, FAIR);
    world.open(7, BTC, 100_000, 1_200 * UNIT);
    world.time_ms += 1_000;
    let (_, commands) = world.apply(vec![Event::Mark { instrument: BTC, price: 994_000 }]);
    assert_eq!(commands.len(), 1);
    let before = world.holdings(7);
    let (applied, more) = world.apply(vec![Event::TakenOver { accounts: vec![AccountId(7)] }]);
    assert_eq!(applied.refused.len(), 1);
    assert_eq!((world.holdings(7), more), (before, vec![]), "its order is still waited for");
}

#[test]
fn what_hedges_another_position_is_cut_last() {
    let hedged = |symbol| InstrumentSpec { hedge: Hedge { group: 1, credit: 0 }, ..spec(symbol) };
    let mut world = World::with(rules(), [hedged("BTC"), hedged("ETH")], 0, FAIR);
    world.open(7, BTC, 40_000, 600 * UNIT);
    world.open(1, BTC, -40_000, 10_000 * UNIT);
    world.round(vec![Event::Traded {
        account: AccountId(1),
        instrument: ETH,
        lots: 200_000,
        quote: -40_000 * UNIT,
    }]);
    world.open(2, BTC, -40_000, 10_000 * UNIT);
    world.mark(980_000);
    let size = |account| {
        world.engine.ledger().margin(world.engine.ledger().find(AccountId(account)).unwrap()).size(BTC)
    };
    assert_eq!((size(1), size(2)), (-40_000, 0), "the one without a hedge takes all");
    assert_eq!(world.engine.counters().hedges_cut, 0);
}

#[test]
fn a_backstop_that_is_full_leaves_a_takeover_to_counterparties_at_no_loss() {
    let mut world = with(rules(), backstop(10_000 * UNIT as u64, u64::MAX));
    world.open(7, BTC, 40_000, 600 * UNIT);
    world.open(1, BTC, -60_000, 10_000 * UNIT);
    world.mark(987_000); // equity 80, notional 39,480, fee 59.22: 20.78 is left with the lots
    let book = world.engine.ledger().of(Owner::Backstop(BTC));
    assert_eq!(book.size(BTC), 10_131, "10,000 of notional at 0.987");
    assert_eq!(world.engine.insurance(), 59_220_000);
    let given = 20_780_000 - 20_780_000 * 10_131 / 40_000;
    assert_eq!(book.cash, -(10_131 * 987_000) + 20_780_000 * 10_131 / 40_000);
    assert_eq!(cash(&world, 1), 10_000_000_000 + 60_000_000_000 - 29_869 * 987_000 + given);
    let counters = world.engine.counters();
    assert_eq!((counters.deleveraged, counters.haircuts, counters.backstop_beyond), (1, 0, 0));
    let action = world.actions.iter().find(|action| action.kind == ActionKind::Deleveraging).unwrap();
    assert_eq!((action.account, action.unpaid), (AccountId(1), -given));
}

#[test]
fn a_backstop_beyond_its_loss_takes_no_more_but_when_nobody_else_is_left() {
    let mut world = with(rules(), backstop(u64::MAX, 100 * UNIT as u64));
    world.open(7, BTC, 40_000, 600 * UNIT);
    world.mark(987_000);
    assert_eq!(world.engine.ledger().of(Owner::Backstop(BTC)).size(BTC), 40_000);
    world.mark(960_000); // its inventory loses over 1,000
    world.open(8, BTC, 40_000, 600 * UNIT);
    world.mark(947_000);
    assert_eq!(
        world.engine.ledger().of(Owner::Backstop(BTC)).size(BTC),
        80_000,
        "all counterparties are gone"
    );
    assert_eq!(world.engine.counters().backstop_beyond, 40_000 * 947_000);
    assert_eq!(world.engine.counters().takeovers, 2);
}

#[test]
fn a_burst_is_netted_first_and_costs_its_counterparties_once() {
    let mut world = World::new(0, FAIR);
    for account in 100..400 {
        world.open(account, BTC, 1_000, 15 * UNIT);
    }
    for account in 1_000..1_100 {
        world.open(account, BTC, -3_000, 1_000 * UNIT);
    }
    let before = world.engine.ledger().of(Owner::Backstop(BTC)).size(BTC);
    world.mark(980_000); // 300 deficits of 5
    let counters = world.engine.counters();
    assert_eq!((counters.bankruptcies, counters.deleveraged), (300, 100));
    assert_eq!((counters.haircuts, world.engine.bad_debt()), (1_500 * 1_000_000, 0));
    assert_eq!(world.engine.ledger().of(Owner::Backstop(BTC)).size(BTC), before);
}

#[test]
fn an_event_with_one_account_that_does_not_fit_changes_nothing() {
    let mut world = World::new(0, FAIR);
    long_with_a_deficit_at_980(&mut world, 7);
    world.open(8, BTC, 1_000, 600 * UNIT);
    world.time_ms += 1_000;
    world.apply(vec![Event::Mark { instrument: BTC, price: 980_000 }]);
    let hash = world.engine.state_hash();
    let account = |id| AccountId(id);
    for accounts in
        [vec![], vec![account(7), account(8)], vec![account(7), account(7)], vec![account(7), account(9)]]
    {
        let (applied, commands) = world.apply(vec![Event::Bankrupted { accounts }]);
        assert_eq!((applied.refused.len(), applied.updates.len(), applied.actions.len()), (1, 0, 0));
        drop(commands);
    }
    let (applied, _) = world.apply(vec![Event::TakenOver { accounts: vec![account(7)] }]);
    assert_eq!(applied.refused.len(), 1);
    assert_ne!(world.engine.state_hash(), hash, "refusals are counted");
    assert_eq!(world.holdings(7), (-39_400_000_000, 40_000));
    let (applied, _) = world.apply(vec![Event::Bankrupted { accounts: vec![account(7)] }]);
    assert_eq!(applied.refused, []);
}

#[derive(Clone, Debug)]
enum Step {
    Open { account: u64, instrument: u16, lots: i64, permille: i64 },
    Move { instrument: u16, permille: i64 },
    Endow { instrument: Option<u16>, quanta: i64 },
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1u64..30, 0u16..2, -300_000i64..300_000, 8i64..200).prop_filter_map("no lots", |(account, instrument, lots, permille)| {
            (lots != 0).then_some(Step::Open { account, instrument, lots, permille })
        }),
        3 => (0u16..2, -120i64..120).prop_map(|(instrument, permille)| Step::Move { instrument, permille }),
        1 => (prop::option::of(0u16..2), 0i64..500 * UNIT).prop_map(|(instrument, quanta)| Step::Endow { instrument, quanta }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_limits_everybody_leaves_money_is_kept_and_winners_stay_sound(
        steps in prop::collection::vec(any_step(), 1..60),
        notional in prop_oneof![Just(0u64), Just(u64::MAX), 0u64..100_000_000_000],
        loss in prop_oneof![Just(0u64), Just(u64::MAX), 0u64..1_000_000_000],
        fund_cap in prop_oneof![Just(0u64), Just(u64::MAX), 0u64..100_000_000],
        reserve in 0u64..100_000_000,
        credit in prop_oneof![Just(0u32), 0u32..1_000_000],
    ) {
        let limited = |symbol: &str| InstrumentSpec {
            backstop: BackstopLimits { notional, loss },
            fund_cap,
            hedge: Hedge { group: 1, credit },
            ..spec(symbol)
        };
        let mut own = rules();
        own.insurance.reserve = reserve;
        let mut world = World::with(own, [limited("BTC"), limited("ETH")], 0, FAIR);
        for step in &steps {
            match *step {
                Step::Open { account, instrument, lots, permille } => {
                    let mark = world.engine.markets()[usize::from(instrument)].mark.get() as i64;
                    world.open(account, InstrumentId(instrument), lots, lots.abs() * mark / 1_000 * permille);
                }
                Step::Move { instrument, permille } => {
                    let mark = world.engine.markets()[usize::from(instrument)].mark.get();
                    let price = mark.saturating_add_signed(mark as i64 * permille / 1_000).clamp(1_000, 1 << 31);
                    world.round(vec![Event::Mark { instrument: InstrumentId(instrument), price }]);
                }
                Step::Endow { instrument, quanta } => {
                    world.round(vec![Event::FundEndowed { instrument: instrument.map(InstrumentId), quanta }]);
                }
            }
            // Who carried a loss was not in danger before and is not after.
            for action in &world.actions {
                if matches!(action.kind, ActionKind::Deleveraging | ActionKind::SocialisedLoss) && action.unpaid > 0 {
                    prop_assert!(action.before.verdict < Severity::Liquidatable && action.after.verdict < Severity::Liquidatable, "{action:?}");
                }
            }
            world.actions.retain(|action| action.kind == ActionKind::Bankruptcy || action.unpaid > 0);
        }
        for _ in 0..64 {
            world.round(Vec::new());
        }
        for (account, index) in world.engine.ledger().by_id() {
            let exact = world.engine.exact(index);
            prop_assert!(exact.verdict < Severity::Liquidatable, "{account:?} is left at {exact:?}");
        }
        let counters = *world.engine.counters();
        prop_assert_eq!(counters.refused_events, 0);
        prop_assert_eq!(counters.insurance_start + counters.insurance_in - counters.insurance_out, world.engine.insurance());
        let unpaid: i128 = world.actions.iter().filter(|a| a.kind == ActionKind::Bankruptcy).map(|a| a.unpaid).sum();
        prop_assert_eq!(unpaid, counters.haircuts + counters.socialised_loss + world.engine.bad_debt());
        world.round(vec![Event::Settled]);
        prop_assert!(world.engine.ledger().is_balanced());
    }
}
