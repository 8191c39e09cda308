//! Who is let go, and when: accounts stop exactly at the target, and a crash beyond every band stops nobody from being closed.

use engine::apply::ActionKind;
use engine::book::{Book, Level};
use engine::event::{AccountId, Command, Event};
use model::margin::Severity;

use crate::common::{BTC, ETH, Venue, rules, spec};
use crate::scenario::{Scenario, UNIT, deposited};

/// Incident 11: Drift's accounts stayed in "being liquidated", or were let go too early, by a floor of the margin.
#[test]
fn drift_stuck_an_account_leaves_exactly_at_its_target_and_not_a_quantum_before() {
    for (short_of_target, leaves) in [(0, true), (1, false)] {
        let mut own = rules();
        own.exhausted_max = 9;
        let mut scenario = Scenario::new(own, [spec("BTC"), spec("ETH")], 0);
        scenario.world.venue = Venue { filled_percent: 0, to_limit_percent: 0 };
        scenario.open(7, BTC, 100_000, 1_200 * UNIT);
        scenario.mark(BTC, 994_000);
        assert_eq!(scenario.world.severity(7), Severity::Liquidatable);
        // R is 744, and 282/256 of it 819.5625; E is 600.
        assert_eq!(scenario.play(vec![deposited(7, 219_562_500 - short_of_target)]).len(), 0);
        let exact = scenario.world.exact(7);
        assert_eq!(256 * exact.equity >= 282 * exact.required, leaves);
        assert_eq!(exact.verdict, Severity::Warned, "above the line it was flagged at");
        scenario.world.time_ms += 1_000;
        let (_, commands) = scenario.apply(Vec::new());
        assert_eq!(commands.is_empty(), leaves, "{commands:?}");
        scenario.follow(commands);
        // Let go, it is no longer bound to the target: warned is not flagged.
        scenario.world.time_ms += 1_000;
        let (_, commands) = scenario.apply(vec![Event::Mark { instrument: BTC, price: 993_500 }]);
        assert_eq!(scenario.world.severity(7), Severity::Warned);
        assert_eq!(commands.is_empty(), leaves, "{commands:?}");
        scenario.follow(commands);
        scenario.world.venue = crate::common::FAIR;
        scenario.rest();
        assert_eq!(scenario.size(7, BTC) == 100_000, leaves);
    }
}

/// Incident 11: one that recovers by the price while its order is out is left alone after the report.
#[test]
fn drift_stuck_a_recovery_while_an_order_is_out_ends_the_liquidation_at_its_report() {
    let mut scenario = Scenario::plain();
    scenario.open(7, BTC, 100_000, 1_200 * UNIT);
    scenario.world.time_ms += 1_000;
    let (_, commands) = scenario.apply(vec![Event::Mark { instrument: BTC, price: 994_000 }]);
    let [Command::PlaceOrder { order, .. }] = commands[..] else { panic!("{commands:?}") };
    scenario.world.time_ms += 1_000;
    let (_, commands) = scenario.apply(vec![Event::Mark { instrument: BTC, price: 1_000_000 }]);
    assert_eq!(commands, []);
    let (applied, commands) = scenario.apply(vec![Event::Rejected { order }]);
    assert_eq!((applied.refused, commands), (vec![], vec![]));
    assert_eq!((scenario.size(7, BTC), scenario.world.actions.len()), (100_000, 0));
    scenario.rest();
}

/// Incident 11: stuck in "being liquidated" because a cancellation was lost.
#[test]
fn drift_stuck_a_cancellation_that_is_lost_holds_nobody_up() {
    let mut scenario = Scenario::plain();
    scenario.open(7, BTC, 100_000, 1_200 * UNIT);
    let account = AccountId(7);
    scenario.play(vec![Event::OrdersResting { account, count: 1, reserved: 0 }]);
    scenario.world.time_ms += 1_000;
    let (_, commands) = scenario.apply(vec![Event::Mark { instrument: BTC, price: 994_000 }]);
    assert_eq!(commands, [Command::CancelOrders { account }]);
    scenario.rest();
}

/// Incident 11: a price band kept liquidations from happening in the crash they were for.
#[test]
fn drift_band_a_crash_beyond_it_is_acted_on_after_the_hold_and_other_markets_never_wait() {
    let mut scenario = Scenario::plain();
    scenario.open(7, BTC, 100_000, 24_700 * UNIT);
    scenario.open(8, ETH, 500_000, 1_200 * UNIT);
    scenario.mark(BTC, 760_000);
    assert_eq!(scenario.size(7, BTC), 100_000, "held: 24 % below the last applied");
    scenario.mark(ETH, 198_800);
    assert!(scenario.size(8, ETH) < 500_000, "the other market's accounts are judged meanwhile");
    scenario.mark(BTC, 755_000);
    scenario.world.time_ms += 60_000;
    scenario.mark(BTC, 757_000);
    assert!(scenario.size(7, BTC) < 100_000, "a minute later it is real");
    scenario.rest();
}

/// Incident 11: after a gap all bids lie outside the band around the mark. The account waits for none of them.
#[test]
fn drift_band_bids_that_all_lie_outside_of_it_do_not_block_the_way_to_the_backstop() {
    let mut scenario = Scenario::plain();
    scenario.open(7, BTC, 100_000, 1_200 * UNIT);
    let bids = vec![Level { distance: spec("BTC").limit_band + 1, lots: 1_000_000 }];
    scenario.play(vec![Event::Book { instrument: BTC, book: Book { bids, offers: Vec::new() } }]);
    for _ in 0..4 {
        scenario.mark(BTC, 994_000);
    }
    assert_eq!((scenario.size(7, BTC), scenario.actions(ActionKind::Takeover).count()), (0, 1));
    scenario.rest();
}

/// Incident 11: a crash that goes on is no longer near its held mark when the hold ends, again and again.
#[test]
fn drift_band_a_crash_that_goes_on_faster_than_the_band_is_applied_within_two_holds() {
    let mut scenario = Scenario::plain();
    scenario.open(7, BTC, 40_000, 20_000 * UNIT);
    // A gap of 21 %, then a quarter a minute, a mark every 15 seconds.
    let mut price = 790_000;
    scenario.mark(BTC, price);
    for _ in 0..12 {
        scenario.world.time_ms += 14_000;
        price = price * 93 / 100;
        scenario.mark(BTC, price);
    }
    assert_eq!(scenario.size(7, BTC), 0, "at {price} after three minutes");
}
