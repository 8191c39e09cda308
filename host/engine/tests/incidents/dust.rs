//! Nothing may be left that is below the line and cannot be closed.

use engine::apply::ActionKind;
use engine::event::{AccountId, Event, InstrumentId};
use engine::ledger::Owner;
use engine::rules::{BackstopLimits, Budget, InstrumentSpec, Kind, Rules};
use model::margin::Severity;
use proptest::prelude::*;

use crate::common::{BTC, Venue, rules, spec};
use crate::scenario::{Scenario, UNIT, deposited, traded};

const TOKEN: InstrumentId = InstrumentId(2);
const LOT: i64 = 4_000 * UNIT;

/// A third market whose first mark is `price`.
fn listed(scenario: &mut Scenario, spec: InstrumentSpec, price: u64) {
    let events = vec![
        Event::Listed { instrument: TOKEN, spec: spec.into() },
        Event::Mark { instrument: TOKEN, price },
    ];
    assert_eq!(scenario.play(events), []);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// Incident 12: Mango, three times: what was left of a liquidation was too small to be closed, and just below the line.
    #[test]
    fn mango_dust_no_position_is_left_below_the_line_however_small(
        start in prop_oneof![1u64..100, 1u64..1_000_000, 1u64..1 << 31],
        positions in prop::collection::vec((-300i64..300, 1i64..60, 0i64..3), 1..6),
        moves in prop::collection::vec(-60i64..60, 1..12),
        (rate, fee, slippage) in (1u32..50_000, 0u32..3_000, 0u32..3_000),
        (filled_percent, to_limit_percent) in (prop_oneof![Just(0i64), Just(100), 1i64..100], 0i64..=100),
        residual_min in prop_oneof![Just(0u64), Just(1), 1u64..1 << 34],
    ) {
        let mut own = rules();
        own.residual_min = residual_min;
        let mut scenario = Scenario::new(own, [spec("BTC"), spec("ETH")], 0);
        scenario.world.venue = Venue { filled_percent, to_limit_percent };
        let token = InstrumentSpec { tick: 1, brackets: vec![(0, rate)], fee, slippage, mark_band: 999_999, ..spec("TOKEN") };
        listed(&mut scenario, token, start);
        let mut price = start;
        for (account, (lots, permille, dust)) in (1..).zip(positions) {
            let quanta = lots.abs() * start as i64 * permille / 1_000 + dust;
            scenario.play(vec![deposited(account, quanta)]);
            if lots != 0 {
                scenario.play(vec![traded(account, TOKEN, lots, start as i64)]);
            }
        }
        let accounts: Vec<u64> = scenario.world.engine.ledger().by_id().map(|(id, _)| id.0).collect();
        let minimum = |scenario: &Scenario, price: u64| accounts.iter().all(|&account| {
            let held = scenario.size(account, TOKEN).unsigned_abs();
            let sliced = scenario.actions(ActionKind::Slice).any(|action| {
                action.account == AccountId(account) && action.time_ms == scenario.world.time_ms
            });
            !sliced || held == 0 || held * price >= residual_min
        });
        for permille in moves {
            price = price.saturating_add_signed(price as i64 * permille / 1_000).clamp(1, (1 << 32) - 1);
            scenario.mark(TOKEN, price);
            prop_assert!(filled_percent < 100 || minimum(&scenario, price), "a slice leaves dust");
        }
        scenario.rest();
        // Whoever is left can still be closed: when the market goes against it, it is.
        let up = (0..50).map(|_| true).chain((0..150).map(|_| false));
        for is_up in up {
            price = if is_up { (price + price / 4 + 1).min((1 << 32) - 1) } else { (price * 3 / 4).max(1) };
            scenario.mark(TOKEN, price);
        }
        scenario.rest();
    }
}

/// Incident 12: health of a fraction of the smallest unit below zero, for ever.
#[test]
fn mango_dust_a_fraction_of_a_quantum_below_zero_is_closed_out() {
    for (loss, remains) in [(800_000, true), (800_001, false)] {
        let unmargined = InstrumentSpec { brackets: vec![(0, 0)], mark_band: 999_999, ..spec("BTC") };
        let mut scenario = Scenario::new(rules(), [unmargined, spec("ETH")], 0);
        let token = InstrumentSpec {
            kind: Kind::Collateral,
            weight_long: 800_000,
            weight_short: 1_250_000,
            brackets: vec![(0, 0)],
            ..spec("TOKEN")
        };
        listed(&mut scenario, token, 1_000_001); // a lot counts 800,000.8
        let asset = Event::DepositedAsset { account: AccountId(7), instrument: TOKEN, lots: 1 };
        assert_eq!(scenario.play(vec![deposited(7, 0), asset, traded(7, BTC, 1, UNIT)]), []);
        scenario.mark(BTC, (UNIT - loss) as u64);
        assert_eq!(
            (scenario.size(7, TOKEN), scenario.size(7, BTC)),
            (i64::from(remains), i64::from(remains))
        );
        assert_eq!(scenario.cash(7), if remains { -i128::from(UNIT) } else { 0 });
        assert_eq!(scenario.world.engine.bad_debt(), i128::from(!remains), "rounded up");
        assert_eq!(scenario.backstop(TOKEN), i64::from(!remains));
        scenario.rest();
    }
}

/// Incident 12: at the edge, where a slice would leave a little less than the least residual.
#[test]
fn mango_dust_a_slice_leaves_nothing_or_at_least_the_least_residual() {
    let (mut whole, mut smallest) = (0, i64::MAX);
    for collateral in 0..220 {
        let mut scenario = Scenario::plain();
        // 120 lots at 0.998: R is 598,800, and E from two thirds of it to all of it.
        scenario.open(7, BTC, 120, 640_000 + 900 * collateral);
        scenario.mark(BTC, 998_000);
        let left = scenario.size(7, BTC);
        assert!(left == 0 || left * 998_000 >= 50 * UNIT, "{left} lots are left");
        whole += i64::from(left == 0);
        smallest = smallest.min(if left == 0 { i64::MAX } else { left });
        scenario.rest();
    }
    assert!(whole > 0 && smallest < 60, "{whole} were closed whole, {smallest} is the least residual");
}

/// Two lots of 4,000 each, below the line, and given time.
fn coarse(own: Rules, token: InstrumentSpec) {
    let mut scenario = Scenario::new(own, [spec("BTC"), spec("ETH")], 0);
    listed(&mut scenario, token, LOT as u64);
    assert_eq!(scenario.play(vec![deposited(7, 46 * UNIT), traded(7, TOKEN, 2, LOT)]), []);
    scenario.mark(TOKEN, (LOT - 5 * UNIT) as u64);
    scenario.rest();
}

/// Incident 12: a close factor that never has room for a lot.
#[test]
fn mango_dust_a_close_factor_below_the_price_of_a_lot_holds_nobody_up() {
    let mut own = rules();
    (own.close_factor.above, own.close_factor.portion) = (LOT as u64, 200_000);
    coarse(own, spec("COARSE"));
}

/// Incident 12: a budget that never has room for a lot, and a backstop that has none either.
#[test]
fn mango_dust_a_budget_below_the_price_of_a_lot_holds_nobody_up() {
    let budget = Budget { capacity: LOT as u64 / 2, refill: UNIT as u64 };
    let backstop = BackstopLimits { notional: 0, loss: 0 };
    coarse(rules(), InstrumentSpec { budget, backstop, ..spec("COARSE") });
}

/// Incident 12: dust that a partial fill leaves goes with the next slice, whole.
#[test]
fn mango_dust_that_a_partial_fill_leaves_is_closed_whole() {
    let mut scenario = Scenario::plain();
    scenario.world.venue = Venue { filled_percent: 99, to_limit_percent: 0 };
    // 60 is less than twice the least residual of 50.
    scenario.open(7, BTC, 60, 400_000);
    scenario.mark(BTC, 998_300);
    assert_eq!(scenario.size(7, BTC), 1, "59 of 60, the rest was not on the book");
    scenario.rest();
    assert_eq!(scenario.size(7, BTC), 1, "a lot above its line is left alone");
    let out = scenario.cash(7) as i64 + 998_300 - 6_000;
    scenario.play(vec![traded(7, BTC, 1, 998_300 + out)]); // almost all of its equity is lost
    assert_eq!(scenario.world.severity(7), Severity::Healthy);
    assert_eq!((scenario.size(7, BTC), scenario.of(Owner::Deficit)), (0, 0));
    scenario.rest();
}
