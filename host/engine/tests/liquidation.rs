//! Liquidation from flag to settled, with an exact judge in the device's place and venues of every temper.

mod common;

use common::{BTC, ETH, FAIR, Venue, World, rules, spec};
use engine::apply::ActionKind;
use engine::book::{Book, Level};
use engine::event::{AccountId, Command, Event, InstrumentId};
use engine::ledger::Owner;
use engine::rules::{Hedge, InstrumentSpec, Rules};
use model::margin::Severity;
use proptest::prelude::*;

#[test]
fn a_small_fall_is_met_by_a_partial_slice_up_to_the_target() {
    let mut world = World::new(0, FAIR);
    world.open(7, BTC, 100_000, 1_200_000_000);
    world.mark(994_000);
    let (_, lots) = world.holdings(7);
    assert!(0 < lots && lots < 100_000, "{lots} lots are left");
    let exact = world.engine.exact(0);
    assert!(256 * exact.equity >= 282 * exact.requirement);
    assert_eq!(world.engine.counters().liquidations_partial, 1);
    assert!(world.engine.counters().insurance_in > 0, "the fund has its fee");
    assert_eq!(world.actions.last().unwrap().kind, ActionKind::Slice);
}

#[test]
fn below_two_thirds_the_backstop_takes_the_account_at_its_zero_price() {
    let mut world = World::new(0, FAIR);
    world.open(7, BTC, 40_000, 600_000_000);
    world.mark(987_000);
    assert_eq!(world.holdings(7), (0, 0));
    assert_eq!(world.engine.counters().takeovers, 1);
    let fund = world.engine.insurance();
    assert_eq!(fund, 59_220_000, "0.15 % of the notional, less than the equity of 80");
    assert_eq!(world.engine.ledger().of(Owner::Backstop(BTC)).size(BTC), 40_000);
}

#[test]
fn a_deficit_is_paid_by_the_fund_and_the_rest_is_bad_debt() {
    let mut world = World::new(50_000_000, FAIR);
    world.open(7, BTC, 40_000, 600_000_000);
    world.mark(980_000);
    assert_eq!(world.holdings(7), (0, 0));
    assert_eq!(world.engine.ledger().of(Owner::Insurance).cash, 0);
    assert_eq!(world.engine.bad_debt(), 150_000_000);
    let last = world.actions.last().unwrap();
    assert_eq!((last.kind, last.account, last.fee), (ActionKind::Bankruptcy, AccountId(7), 0));
    assert_eq!((last.fund_paid, last.unpaid), (50_000_000, 150_000_000));
}

#[test]
fn a_book_without_room_ends_with_the_backstop_and_not_in_waiting() {
    let mut world = World::new(0, Venue { filled_percent: 0, to_limit_percent: 0 });
    world.open(7, BTC, 100_000, 1_200_000_000);
    for round in 0..3 {
        assert_eq!(world.engine.counters().takeovers, 0, "round {round}");
        world.mark(994_000);
    }
    assert_eq!(world.engine.counters().takeovers, 1);
    assert_eq!(world.severity(7), Severity::Healthy);
}

#[test]
fn a_residual_below_the_minimum_is_closed_with_the_rest() {
    let mut world = World::new(0, FAIR);
    world.open(7, BTC, 60, 400_000);
    world.mark(998_300);
    assert_eq!(world.holdings(7).1, 0, "60 lots are less than twice the minimum");
    assert_eq!(world.engine.counters().liquidations_full, 1);
    assert!(world.holdings(7).0 > 0, "what is left stays with the account");
    assert_eq!(world.actions.last().unwrap().kind, ActionKind::FullClose);
}

#[test]
fn a_residual_of_just_the_minimum_is_left_and_one_below_it_is_not() {
    // A target of twice the requirement, so that more than half is sold.
    let residual = |minimum| {
        let own = Rules { residual_min: minimum, target: 600, ..rules() };
        let mut world = World::with(own, [spec("BTC"), spec("ETH")], 0, FAIR);
        world.open(7, BTC, 100_000, 1_200_000_000);
        world.mark(994_000);
        world.holdings(7).1 as u64
    };
    let lots = residual(0);
    assert!(0 < lots && lots < 50_000, "more than half is sold, or twice the minimum decides");
    assert_eq!(residual(lots * 994_000), lots);
    assert_eq!(residual(lots * 994_000 + 1), 0);
    assert_eq!(residual(50_000 * 994_000), 0);
}

#[test]
fn a_position_below_twice_the_minimum_closes_whole_though_the_residual_would_do() {
    let left = |minimum| {
        let own = Rules { residual_min: minimum, ..rules() };
        let mut world = World::with(own, [spec("BTC"), spec("ETH")], 0, FAIR);
        world.open(7, BTC, 100_000, 1_200_000_000);
        world.mark(994_000);
        world.holdings(7).1
    };
    assert!(left(0) > 60_000);
    assert!(left(50_000 * 994_000) > 60_000, "of just twice the minimum a part may be sold");
    assert_eq!(left(50_000 * 994_000 + 1), 0);
}

#[test]
fn what_hedges_nothing_is_sliced_before_what_does() {
    // A third market asks twice the margin, so a slice of it brings more; but it is the hedge of the first.
    let sol = InstrumentId(2);
    let own = |symbol: &str, group, rate| InstrumentSpec {
        hedge: Hedge { group, credit: 0 },
        brackets: vec![(0, rate)],
        ..spec(symbol)
    };
    for (group, sliced) in [(1, ETH), (0, sol)] {
        let mut world = World::with(rules(), [own("BTC", 1, 10_000), own("ETH", 0, 10_000)], 0, FAIR);
        world.round(vec![
            Event::Listed { instrument: sol, spec: own("SOL", group, 20_000).into() },
            Event::Mark { instrument: sol, price: 1_000_000 },
        ]);
        world.open(7, BTC, 10_000, 600_000_000);
        world.open(7, sol, -10_000, 0);
        world.open(7, ETH, 50_000, 0);
        world.round(vec![Event::Mark { instrument: ETH, price: 195_800 }]);
        let first = world.actions.first().map(|action| action.legs[0].0);
        assert_eq!(first, Some(sliced), "in group {group}");
    }
}

#[test]
fn the_position_whose_own_side_of_the_book_is_near_is_sliced_first() {
    let level = |distance| vec![Level { distance, lots: 1_000_000 }];
    for (side, move_to) in [(1, 989_000), (-1, 1_011_000)] {
        let mut world = World::new(0, FAIR);
        let eth_lots = side * 200_000;
        world.open(7, BTC, side * 40_000, 800_000_000);
        world.open(7, ETH, eth_lots, 0);
        // What a liquidation of this side needs is near in ETH and far in BTC, and what the other needs the other way round.
        let (near, far) = (level(100), level(9_000));
        let book = |own: &Vec<Level>, other: &Vec<Level>| {
            let (bids, offers) = if side > 0 { (own, other) } else { (other, own) };
            Book { bids: bids.clone(), offers: offers.clone() }
        };
        world.round(vec![
            Event::Book { instrument: BTC, book: book(&far, &near) },
            Event::Book { instrument: ETH, book: book(&near, &far) },
        ]);
        world.mark(move_to);
        let first = world.actions.first().map(|action| action.legs[0].0);
        assert_eq!(first, Some(ETH), "side {side}");
    }
}

#[test]
fn events_that_break_a_rule_change_nothing_and_are_counted() {
    let mut world = World::new(1_000, FAIR);
    world.open(7, BTC, 10, 5_000_000_000);
    let account = AccountId(7);
    let before = world.engine.ledger().margin(0).clone();
    let bad = vec![
        Event::Mark { instrument: BTC, price: 0 },
        Event::Mark { instrument: BTC, price: 1 << 32 },
        Event::Mark { instrument: InstrumentId(2), price: 1 },
        Event::Listed { instrument: BTC, spec: spec("again").into() },
        Event::Listed {
            instrument: InstrumentId(2),
            spec: InstrumentSpec { size_bits: 28, ..spec("wide") }.into(),
        },
        Event::Deposited { account, quanta: -1 },
        Event::Traded { account: AccountId(8), instrument: BTC, lots: 1, quote: -1 },
        Event::Traded { account, instrument: BTC, lots: 1, quote: 1 },
        Event::Traded { account, instrument: BTC, lots: 1 << 27, quote: -1 },
        Event::Traded { account, instrument: BTC, lots: i64::MAX, quote: -1 },
        Event::Filled { order: 1, lots: 1, quote: -1 },
        Event::TakenOver { accounts: vec![account] },
        Event::Bankrupted { accounts: vec![account] },
        Event::FundEndowed { instrument: None, quanta: -1 },
    ];
    let count = bad.len();
    let applied = world.round(bad);
    assert_eq!(applied.refused.len(), count, "{:?}", applied.refused);
    assert_eq!(world.engine.counters().refused_events, count as u64);
    assert_eq!((world.engine.ledger().margin(0), applied.updates.len()), (&before, 0));
}

#[test]
fn a_report_beyond_its_order_ends_it_changes_nothing_else_and_the_account_is_decided_on_again() {
    // Lots more than ordered, the other side, and one quantum a lot beyond the limit; of a long's sale and of a short's purchase.
    for (side, mark) in [(1, 994_000), (-1, 1_006_000)] {
        for case in 0..3 {
            let mut world = World::new(0, FAIR);
            world.open(7, BTC, side * 100_000, 1_200_000_000);
            world.time_ms += 1_000;
            let (_, commands) = world.apply(vec![Event::Mark { instrument: BTC, price: mark }]);
            let [Command::PlaceOrder { order, lots, limit, .. }] = commands[..] else {
                panic!("{commands:?}")
            };
            assert_eq!(lots.signum(), -side);
            let limit = limit as i64;
            let (bad_lots, price) = [(lots - side, limit), (-lots, limit), (lots, limit - side)][case];
            let before = world.holdings(7);
            let (applied, next) =
                world.apply(vec![Event::Filled { order, lots: bad_lots, quote: -bad_lots * price }]);
            assert_eq!((applied.refused.len(), world.holdings(7)), (1, before), "case {case} of side {side}");
            assert!(
                matches!(next[..], [Command::PlaceOrder { order: again, .. }] if again == order + 1),
                "{next:?}"
            );
        }
    }
}

#[test]
fn an_account_that_goes_on_trading_still_reaches_the_backstop() {
    let mut world = World::new(0, Venue { filled_percent: 0, to_limit_percent: 0 });
    world.open(7, BTC, 100_000, 1_200_000_000);
    for _ in 0..2 {
        assert_eq!(world.engine.counters().takeovers, 0);
        world.round(vec![Event::Traded { account: AccountId(7), instrument: BTC, lots: 1, quote: -994_000 }]);
        world.mark(994_000);
    }
    assert_eq!(world.engine.counters().takeovers, 1);
}

#[derive(Clone, Debug)]
enum Step {
    Open { account: u64, eth: bool, lots: i64, permille: i64 },
    Move { eth: bool, permille: i64 },
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (1u64..12, any::<bool>(), 1i64..300_000, any::<bool>(), 8i64..200)
            .prop_map(|(account, eth, lots, long, permille)| Step::Open { account, eth, lots: if long { lots } else { -lots }, permille }),
        2 => (any::<bool>(), -80i64..80).prop_map(|(eth, permille)| Step::Move { eth, permille }),
    ]
}

fn run(steps: &[Step], venue: Venue, fund: i64) -> World {
    let mut world = World::new(fund, venue);
    for step in steps {
        match *step {
            Step::Open { account, eth, lots, permille } => {
                let instrument = InstrumentId(u16::from(eth));
                let mark = world.engine.markets()[usize::from(eth)].mark.get() as i64;
                world.open(account, instrument, lots, lots.abs() * mark / 1_000 * permille);
            }
            Step::Move { eth, permille } => {
                let mark = world.engine.markets()[usize::from(eth)].mark.get();
                let price = mark.saturating_add_signed(mark as i64 * permille / 1_000).clamp(1, 1 << 31);
                world.round(vec![Event::Mark { instrument: InstrumentId(u16::from(eth)), price }]);
            }
        }
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nobody_stays_below_the_line_and_no_quantum_is_lost(
        steps in prop::collection::vec(any_step(), 1..40),
        filled_percent in prop_oneof![Just(0i64), Just(100), 1i64..100],
        to_limit_percent in 0i64..=100,
        fund in prop_oneof![Just(0i64), 0i64..1_000_000_000_000],
    ) {
        let venue = Venue { filled_percent, to_limit_percent };
        let mut world = run(&steps, venue, fund);
        for index in 0..world.engine.ledger().accounts() {
            let exact = world.engine.exact(index);
            prop_assert!(exact.severity < Severity::Takeover, "account {index} is left at {exact:?}");
        }
        for _ in 0..64 {
            world.round(Vec::new()); // only time passes
        }
        let counters = *world.engine.counters();
        for (account, index) in world.engine.ledger().by_id() {
            let exact = world.engine.exact(index);
            prop_assert!(exact.severity < Severity::Liquidatable, "{account:?} is left at {exact:?}");
        }
        let ledger_fund = world.engine.insurance();
        prop_assert_eq!(counters.insurance_start + counters.insurance_in - counters.insurance_out, ledger_fund);
        let sum = |of: &dyn Fn(&engine::apply::Action) -> i128| world.actions.iter().map(of).sum::<i128>();
        prop_assert_eq!(sum(&|action| action.fund_paid), counters.insurance_out);
        let left = |action: &engine::apply::Action| match action.kind {
            ActionKind::Bankruptcy => action.unpaid,
            ActionKind::Deleveraging | ActionKind::SocialisedLoss => -action.unpaid.max(0),
            _ => 0,
        };
        prop_assert_eq!(sum(&left), world.engine.bad_debt());
        prop_assert_eq!(counters.refused_events, 0);
        let mut again = run(&steps, venue, fund);
        for _ in 0..64 {
            again.round(Vec::new());
        }
        prop_assert_eq!(world.engine.state_hash(), again.engine.state_hash());
        world.round(vec![Event::Settled]);
        for index in 0..world.engine.ledger().accounts() {
            prop_assert!(world.engine.ledger().margin(index).positions.is_empty());
        }
    }
}
