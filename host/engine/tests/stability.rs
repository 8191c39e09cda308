//! Breakers, the gate after an outage, doubtful marks, pauses: what stops, what never does, and that all of it ends.

#[allow(dead_code, reason = "it needs a part of the world only")]
mod common;

use common::{BTC, ETH, FAIR, Venue, World, rules, spec};
use engine::apply::Refusal;
use engine::event::{AccountId, Command, Event, InstrumentId};
use engine::rules::{Breaker, InstrumentSpec, Outage, Rules};
use engine::stability::{Level, Pause, Phase};
use model::margin::Severity;
use proptest::prelude::*;

const BREAKER: Breaker = Breaker {
    band: 100_000,
    window_ms: 300_000,
    halt_ms: 60_000,
    stages: 3,
    stage_ms: 20_000,
    stage_band: 20_000,
};
const OUTAGE: Outage =
    Outage { gap_ms: 600_000, marks: 3, hold_ms: 60_000, band: 50_000, release_ms: 30_000 };

fn calm_rules() -> Rules {
    Rules { outage: Some(OUTAGE), ..rules() }
}

fn world() -> World {
    let halting = InstrumentSpec { breaker: Some(BREAKER), ..spec("BTC") };
    World::with(calm_rules(), [halting, spec("ETH")], 1_000_000_000_000, FAIR)
}

fn traded(lots: i64, price: i64) -> Event {
    Event::Traded { account: AccountId(9), instrument: BTC, lots, quote: -lots * price }
}

/// Refusals of the event alone, nothing following.
fn refused(world: &mut World, event: Event) -> Vec<Refusal> {
    world.apply(vec![event]).0.refused.into_iter().map(|(_, refusal)| refusal).collect()
}

fn at(world: &mut World, time_ms: i64, events: Vec<Event>) -> Vec<Command> {
    world.time_ms = time_ms;
    let (applied, commands) = world.apply(events);
    assert_eq!(applied.refused, []);
    commands
}

fn mark(price: u64) -> Event {
    Event::Mark { instrument: BTC, price }
}

fn paused(scope: Option<InstrumentId>, action: Pause, until_ms: i64) -> Event {
    Event::Paused { scope, action, reason: "index broken".into(), until_ms }
}

#[test]
fn a_halt_stops_new_risk_and_the_book_and_nothing_else() {
    let mut world = world();
    world.open(1, BTC, 10_000, 1_150_000_000);
    world.open(2, BTC, 100, 10_100_000);
    world.open(9, BTC, 50, 1_000_000_000);
    // 11 % down: account 1 keeps 50,000,000 of a required 44,500,000, account 2 is below nothing.
    let commands = at(&mut world, 50_000, vec![mark(890_000)]);
    assert_eq!((world.engine.phase(BTC), world.engine.counters().halts), (Phase::Halted, 1));
    assert_eq!(commands, [Command::Bankrupt { accounts: vec![AccountId(2)] }], "a close-out needs no book");
    assert_eq!(refused(&mut world, traded(1, 890_000)), [Refusal::Halted]);
    assert_eq!(
        refused(
            &mut world,
            Event::Ordered { account: AccountId(9), instrument: BTC, lots: 1, limit: 890_000 }
        ),
        [Refusal::Halted]
    );
    assert_eq!(refused(&mut world, traded(-60, 890_000)), [Refusal::Halted], "through zero it is new risk");
    assert_eq!(refused(&mut world, traded(-10, 890_000)), [], "what reduces goes on");
    assert_eq!(refused(&mut world, Event::Deposited { account: AccountId(9), quanta: 5 }), []);
    // Marks and verdicts go on; an account that falls below its requirement in the halt waits for the book, and is on its way after it.
    let events = commands.iter().map(|command| world.perform(command)).collect();
    at(&mut world, 50_000, events);
    let commands = at(&mut world, 60_000, vec![mark(890_900)]);
    assert_eq!((world.severity(1), commands), (Severity::Healthy, vec![]));
    let commands = at(&mut world, 90_000, vec![mark(889_000)]);
    assert_eq!(
        (world.severity(1), commands),
        (Severity::Liquidatable, vec![]),
        "no order into a halted book"
    );
    assert_eq!(world.engine.watched(), 1);
    let commands = at(&mut world, 110_000, Vec::new());
    assert!(matches!(commands[..], [Command::PlaceOrder { account: AccountId(1), .. }]), "{commands:?}");
}

#[test]
fn a_reopening_takes_trades_near_the_mark_only() {
    let mut world = world();
    world.open(9, BTC, 50, 1_000_000_000);
    at(&mut world, 50_000, vec![mark(1_110_000)]);
    for (time_ms, near, far) in
        [(110_000, 1_132_200, 1_132_201), (130_000, 1_154_400, 1_154_401), (169_000, 1_176_600, 1_176_601)]
    {
        at(&mut world, time_ms, Vec::new());
        assert_eq!(refused(&mut world, traded(1, far)), [Refusal::Halted], "{time_ms}");
        assert_eq!(refused(&mut world, traded(1, near)), [], "{time_ms}");
        assert_eq!(refused(&mut world, traded(-1, 1_110_000 - 999_999)), [], "what reduces is not bound");
    }
    at(&mut world, 170_000, Vec::new());
    assert_eq!(world.engine.phase(BTC), Phase::Open);
    assert_eq!(refused(&mut world, traded(1, 1_300_000)), []);
}

#[test]
fn after_an_outage_marks_come_first_and_nobody_is_liquidated_at_a_stale_price() {
    let mut world = world();
    world.open(1, BTC, 10_000, 60_000_000);
    world.open(9, BTC, 50, 1_000_000_000);
    let start_ms = world.time_ms;
    let back_ms = start_ms + 700_000;
    // The first price after eleven minutes is a wrong one; it would take over account 1.
    let commands = at(&mut world, back_ms, vec![mark(995_500)]);
    assert_eq!((world.engine.level(BTC), commands), (Level::MarksOnly, vec![]));
    assert!(world.severity(1) >= Severity::Takeover, "the verdict is given all the same");
    assert_eq!(world.engine.counters().gates_opened, 1);
    assert_eq!(refused(&mut world, traded(1, 995_500)), [Refusal::Halted]);
    assert_eq!(refused(&mut world, traded(-1, 995_500)), []);
    let withdrawn = Event::Withdrawn { account: AccountId(9), quanta: 1 };
    assert_eq!(refused(&mut world, withdrawn.clone()), [Refusal::WithdrawalsClosed]);
    assert_eq!(at(&mut world, back_ms + 1_000, vec![mark(1_000_000)]), []);
    // The third mark is near the last one before: everything is released, and nobody was touched.
    assert_eq!(at(&mut world, back_ms + 2_000, vec![mark(1_000_100)]), []);
    assert_eq!((world.engine.level(BTC), world.holdings(1).1), (Level::All, 10_000));
    assert_eq!(refused(&mut world, withdrawn), []);
}

#[test]
fn a_price_that_moved_during_an_outage_is_released_in_stages() {
    let mut world = world();
    world.open(1, BTC, 10_000, 60_000_000);
    world.open(2, BTC, 1_000, 70_000_000);
    let back_ms = world.time_ms + 700_000;
    for second in 0..2 {
        assert_eq!(at(&mut world, back_ms + 1_000 * second, vec![mark(933_500 + second as u64)]), []);
    }
    // 6.6 % lower: account 1 is insolvent and waits, account 2 is sliced on the book, where its price is protected.
    let commands = at(&mut world, back_ms + 2_000, vec![mark(933_502)]);
    assert!(matches!(commands[..], [Command::PlaceOrder { account: AccountId(2), .. }]), "{commands:?}");
    assert_eq!(world.engine.level(BTC), Level::BookOnly);
    assert_eq!((world.severity(1), world.severity(2)), (Severity::Insolvent, Severity::Liquidatable));
    let released_ms = back_ms + 2_000 + OUTAGE.release_ms;
    assert_eq!(at(&mut world, released_ms - 1, Vec::new()).len(), 0);
    let commands = at(&mut world, released_ms, Vec::new());
    assert_eq!(commands[0], Command::Bankrupt { accounts: vec![AccountId(1)] });
}

/// An account of both markets, and BTC's mark in doubt from 5 s on.
fn doubtful() -> World {
    let mut world = world();
    world.open(1, BTC, 10_000, 70_000_000);
    world.open(1, ETH, 10_000, 0);
    assert_eq!(at(&mut world, 5_000, vec![mark(1_300_000)]), [], "30 % up is held");
    assert_eq!(world.engine.level(BTC), Level::BookOnly);
    world
}

fn eth(price: u64) -> Event {
    Event::Mark { instrument: ETH, price }
}

#[test]
fn a_held_mark_puts_close_outs_off_and_no_longer_than_its_hold() {
    let mut world = doubtful();
    // 50,000,000 less in ETH: 20,000,000 of a required 59,750,000.
    assert_eq!(at(&mut world, 6_000, vec![eth(195_000)]), []);
    assert_eq!(world.severity(1), Severity::Takeover);
    // No mark decides on the held one any more, and still it ends.
    assert_eq!(at(&mut world, 64_999, Vec::new()), []);
    assert_eq!(at(&mut world, 65_000, Vec::new()), [Command::TakeOver { accounts: vec![AccountId(1)] }]);
}

#[test]
fn bad_prints_now_and_then_put_nothing_off() {
    // A mark that is applied beside the held one takes the doubt away.
    let mut world = doubtful();
    assert_eq!(at(&mut world, 6_000, vec![eth(195_000)]), []);
    let commands = at(&mut world, 7_000, vec![mark(1_000_100)]);
    assert_eq!(commands, [Command::TakeOver { accounts: vec![AccountId(1)] }]);
    // Nor does doubt begin again with each of a row of marks that contradict each other.
    let mut world = doubtful();
    assert_eq!(at(&mut world, 6_000, vec![eth(195_000)]), []);
    for (time_ms, price) in [(20_000, 500_000), (40_000, 1_300_001), (64_999, 700_000)] {
        assert_eq!(at(&mut world, time_ms, vec![mark(price)]), []);
    }
    let commands = at(&mut world, 65_000, vec![mark(2_000)]);
    assert_eq!(commands, [Command::TakeOver { accounts: vec![AccountId(1)] }]);
}

#[test]
fn who_holds_a_market_that_is_not_believed_is_left_alone_in_all_of_them() {
    for pause in [false, true] {
        let mut world = world();
        // 10,000 and 4,000 of notional, 70 of required: at 995,500 it has 62 and is liquidatable, by BTC's mark.
        world.open(1, BTC, 10_000, 107_000_000);
        at(
            &mut world,
            6_000,
            vec![Event::Traded {
                account: AccountId(1),
                instrument: ETH,
                lots: 20_000,
                quote: -4_000_000_000,
            }],
        );
        let keep = Event::Mark { instrument: ETH, price: 200_000 };
        let back_ms = if pause { 300_000 } else { 700_000 };
        at(&mut world, 290_000, vec![keep.clone()]);
        at(&mut world, back_ms - 100_000, vec![keep]);
        let first = if pause {
            vec![paused(Some(BTC), Pause::Liquidation, back_ms + 60_000), mark(995_500)]
        } else {
            vec![mark(995_500)]
        };
        assert_eq!(at(&mut world, back_ms, first), []);
        assert_eq!((world.severity(1), world.engine.allowed(0)), (Severity::Liquidatable, Level::MarksOnly));
        assert_eq!(at(&mut world, back_ms + 59_999, Vec::new()), []);
        let commands = at(&mut world, back_ms + 60_000, Vec::new());
        assert!(matches!(commands[..], [Command::PlaceOrder { account: AccountId(1), .. }]), "{commands:?}");
    }
}

#[test]
fn who_may_not_be_taken_over_yet_is_sliced_where_the_book_helps() {
    let mut world = doubtful();
    // 36 less in ETH: 34 of a required 59.82, below two thirds, but what a slice frees is more than it costs.
    let commands = at(&mut world, 6_000, vec![eth(196_400)]);
    assert_eq!((world.severity(1), world.engine.allowed(0)), (Severity::Takeover, Level::BookOnly));
    let [Command::PlaceOrder { instrument: BTC, lots, limit, .. }] = commands[..] else {
        panic!("{commands:?}")
    };
    // No worse than the price that leaves the rest as it is: 1 less 0.005 * 34 / 59.82, up to a tick.
    assert!((-10_000..0).contains(&lots) && limit == 997_160, "{lots} at {limit}");
    // Where the book has nothing, it waits, and is taken over as soon as that is allowed.
    world.venue = Venue { filled_percent: 0, to_limit_percent: 0 };
    let (mut commands, mut slices) = (commands, 0);
    for second in 6..65 {
        let events: Vec<Event> = commands.iter().map(|command| world.perform(command)).collect();
        slices += events.len();
        commands = at(&mut world, 1_000 * second + 500, events);
    }
    assert_eq!((commands, slices), (vec![], 3), "it has tried as often as anybody");
    assert_eq!(at(&mut world, 65_000, Vec::new()), [Command::TakeOver { accounts: vec![AccountId(1)] }]);
}

#[test]
fn a_gap_must_be_longer_than_the_gate_and_its_release() {
    let with = |gap_ms| Rules { outage: Some(Outage { gap_ms, ..OUTAGE }), ..rules() }.validate();
    assert!(with(90_001).is_ok());
    // A mark every 90 seconds would open the gate again before anybody can be closed out.
    assert_eq!(with(90_000).unwrap_err().0.len(), 1);
}

#[test]
fn a_pause_needs_a_reason_and_an_end_and_never_stops_what_reduces_risk() {
    let mut world = world();
    world.open(1, BTC, 10_000, 60_000_000);
    world.open(9, BTC, 50, 1_000_000_000);
    let now_ms = world.time_ms;
    let longest = world.engine.rules().pause_ms_max;
    let pause = |scope, action, reason: &str, until_ms| Event::Paused {
        scope,
        action,
        reason: reason.into(),
        until_ms,
    };
    for event in [
        pause(None, Pause::Liquidation, "", now_ms + 1),
        pause(None, Pause::Liquidation, &"x".repeat(257), now_ms + 1),
        pause(None, Pause::Liquidation, "why", now_ms),
        pause(None, Pause::Liquidation, "why", now_ms + longest + 1),
        pause(Some(BTC), Pause::Withdrawals, "why", now_ms + 1),
        Event::Resumed { scope: None, action: Pause::Book },
    ] {
        assert_eq!(refused(&mut world, event.clone()), [Refusal::Pause], "{event:?}");
    }
    assert_eq!(
        refused(&mut world, pause(Some(InstrumentId(7)), Pause::Book, "why", now_ms + 1)),
        [Refusal::Instrument]
    );
    for action in [Pause::Opening, Pause::Book, Pause::Liquidation, Pause::Withdrawals] {
        assert_eq!(refused(&mut world, paused(None, action, now_ms + longest)), []);
    }
    // Everything is paused, and it can still be paid in and reduced; verdicts are given.
    assert_eq!(refused(&mut world, traded(-1, 1_000_000)), []);
    assert_eq!(refused(&mut world, Event::Deposited { account: AccountId(9), quanta: 1 }), []);
    assert_eq!(refused(&mut world, traded(1, 1_000_000)), [Refusal::Paused]);
    assert_eq!(
        refused(&mut world, Event::Withdrawn { account: AccountId(9), quanta: 1 }),
        [Refusal::WithdrawalsClosed]
    );
    assert_eq!(at(&mut world, now_ms + 1_000, vec![mark(995_500)]), []);
    assert_eq!((world.severity(1), world.engine.watched()), (Severity::Takeover, 1));
    // It ends by itself.
    assert_eq!(at(&mut world, now_ms + longest - 1, Vec::new()), []);
    assert_eq!(
        at(&mut world, now_ms + longest, Vec::new()),
        [Command::TakeOver { accounts: vec![AccountId(1)] }]
    );
    assert_eq!(refused(&mut world, Event::Resumed { scope: None, action: Pause::Book }), [Refusal::Pause]);
}

#[test]
fn a_pause_of_one_market_leaves_the_others_alone_and_is_resumed_alone() {
    let mut world = world();
    world.open(1, BTC, 10_000, 60_000_000);
    world.open(2, ETH, 50_000, 60_000_000);
    let until_ms = world.time_ms + 60_000;
    assert_eq!(refused(&mut world, paused(Some(BTC), Pause::Liquidation, until_ms)), []);
    let fall = vec![mark(995_500), Event::Mark { instrument: ETH, price: 199_100 }];
    let time_ms = world.time_ms + 1_000;
    assert_eq!(at(&mut world, time_ms, fall), [Command::TakeOver { accounts: vec![AccountId(2)] }]);
    assert_eq!(
        refused(&mut world, Event::Resumed { scope: None, action: Pause::Liquidation }),
        [Refusal::Pause]
    );
    let resumed = Event::Resumed { scope: Some(BTC), action: Pause::Liquidation };
    assert_eq!(at(&mut world, time_ms, vec![resumed]), [Command::TakeOver { accounts: vec![AccountId(1)] }]);
}

#[derive(Clone, Debug)]
enum Step {
    Mark { btc: bool, price: u64, after_ms: i64 },
    Pause { scope: Option<bool>, action: Pause, for_ms: i64 },
    Resume { scope: Option<bool>, action: Pause },
    Rest { account: u64, count: u32 },
}

fn any_step() -> impl Strategy<Value = Step> {
    let action =
        prop::sample::select(vec![Pause::Opening, Pause::Book, Pause::Liquidation, Pause::Withdrawals]);
    let after = prop_oneof![4 => 1_000i64..20_000, 1 => 600_000i64..900_000];
    prop_oneof![
        6 => (any::<bool>(), 700u64..1_350, after).prop_map(|(btc, permille, after_ms)| Step::Mark { btc, price: permille * if btc { 1_000 } else { 200 }, after_ms }),
        2 => (prop::option::of(any::<bool>()), action.clone(), 1_000i64..3_600_000).prop_map(|(scope, action, for_ms)| Step::Pause { scope, action, for_ms }),
        1 => (prop::option::of(any::<bool>()), action).prop_map(|(scope, action)| Step::Resume { scope, action }),
        1 => (0u64..6, 0u32..3).prop_map(|(account, count)| Step::Rest { account, count }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever halts, pauses, outages and doubtful marks came, once the longest of them has passed every flagged account leaves the machine.
    #[test]
    fn nobody_is_stuck_once_every_bound_has_passed(steps in prop::collection::vec(any_step(), 1..30)) {
        let mut world = world();
        for account in 0..6 {
            let side = if account % 2 == 0 { 1 } else { -1 };
            world.open(account, BTC, side * 5_000, 40_000_000 << account);
            world.open(account, ETH, -side * 9_000, 40_000_000);
        }
        let market = |btc: bool| if btc { BTC } else { ETH };
        for step in steps {
            match step {
                Step::Mark { btc, price, after_ms } => {
                    world.time_ms += after_ms;
                    world.round(vec![Event::Mark { instrument: market(btc), price }]);
                }
                Step::Pause { scope, action, for_ms } => {
                    let until_ms = world.time_ms + 1_000 + for_ms;
                    world.round(vec![paused(scope.map(market), action, until_ms)]);
                }
                Step::Rest { account, count } => {
                    world.round(vec![Event::OrdersResting { account: AccountId(account), count, reserved: 0 }]);
                }
                Step::Resume { scope, action } => {
                    world.round(vec![Event::Resumed { scope: scope.map(market), action }]);
                }
            }
            prop_assert!(world.engine.ledger().is_balanced());
        }
        world.time_ms += world.engine.rules().pause_ms_max + 600_000;
        for _ in 0..64 {
            world.round(Vec::new());
        }
        prop_assert_eq!(world.engine.watched(), 0);
        for (account, index) in world.engine.ledger().by_id() {
            prop_assert!(world.engine.exact(index).verdict < Severity::Liquidatable, "{account:?}");
        }
    }
}
