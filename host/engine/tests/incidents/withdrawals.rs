//! Money that leaves ahead of a loss: what an account must keep, and limits that nobody can lift for a moment.

use engine::apply::Refusal;
use engine::event::{AccountId, Event};
use engine::ledger::Owner;
use engine::rules::{Gates, Rules};
use engine::stability::Pause;
use model::margin::Severity;

use crate::common::{BTC, ETH, rules, spec};
use crate::scenario::{Scenario, UNIT, deposited, position};

fn withdrawn(account: u64, quanta: i64) -> Event {
    Event::Withdrawn { account: AccountId(account), quanta }
}

/// Incident 4: a whale withdrew its profit until its long was liquidated at once, and the backstop inherited it 4,000,000 lower. Here it must
/// keep a tenth of its notional, so that the fall that made the loss there does not reach the line.
#[test]
fn hyperliquid_whale_profit_leaves_only_beyond_a_tenth_of_the_notional() {
    let gates = Gates { withdrawal_portion: 100_000, day_limit: 1_000_000, deficit_wait_ms: 0 };
    let mut scenario = Scenario::new(Rules { gates, ..rules() }, [spec("BTC"), spec("ETH")], 0);
    let others = position(2, BTC, -10_000, 10_000 * UNIT);
    assert_eq!(scenario.play(others.to_vec()), []);
    scenario.open(1, BTC, 10_000, 500 * UNIT);
    scenario.mark(BTC, 1_100_000);
    // Worth 11,000 with 1,500 of equity: 400 may go, and not a quantum more, in one piece or in many.
    assert_eq!(scenario.play(vec![withdrawn(1, 401 * UNIT)]), [Refusal::InitialMargin]);
    for _ in 0..4 {
        assert_eq!(scenario.play(vec![withdrawn(1, 100 * UNIT)]), []);
    }
    assert_eq!(scenario.play(vec![withdrawn(1, 1)]), [Refusal::InitialMargin]);
    // 9 % down within a second, and it still stands.
    scenario.mark(BTC, 1_001_000);
    assert_eq!(scenario.world.severity(1), Severity::Healthy);
    assert_eq!(
        (scenario.world.actions.len(), scenario.backstop(BTC), scenario.world.engine.bad_debt()),
        (0, 0, 0)
    );
    // What is left cannot go either while the account needs it.
    assert_eq!(scenario.play(vec![withdrawn(1, 1)]), [Refusal::InitialMargin]);
}

/// Incident 9, its limits: collateral of no worth was listed, the withdrawal limits were lifted, and 285,000,000 left in minutes. Here no event
/// lifts them: they are in the rules that the journal's header names, a day's share leaves a day, and a listing raises nothing.
#[test]
fn drift_drain_takes_a_days_share_and_no_event_raises_it() {
    let gates = Gates { withdrawal_portion: 100_000, day_limit: 50_000, deficit_wait_ms: 60_000 };
    let mut scenario = Scenario::new(Rules { gates, ..rules() }, [spec("BTC"), spec("ETH")], 0);
    for account in 1..=20 {
        assert_eq!(scenario.play(vec![deposited(account, 1_000 * UNIT)]), []);
    }
    let start_ms = scenario.world.time_ms;
    let mut taken = 0;
    let mut refused = 0;
    for account in 1..=20 {
        let now_ms = scenario.world.time_ms;
        // The attacker does everything that an event can do between two attempts.
        let attempts = vec![
            Event::Resumed { scope: None, action: Pause::Withdrawals },
            Event::Listed {
                instrument: engine::event::InstrumentId(scenario.world.engine.markets().len() as u16),
                spec: spec("FAKE").into(),
            },
            Event::Paused {
                scope: None,
                action: Pause::Opening,
                reason: "maintenance".into(),
                until_ms: now_ms + 2_000,
            },
            Event::FundEndowed { instrument: None, quanta: 1_000 * UNIT },
        ];
        scenario.play(attempts);
        match scenario.play(vec![withdrawn(account, 400 * UNIT)])[..] {
            [] => taken += 400,
            [Refusal::DayLimit] => refused += 1,
            ref other => panic!("{other:?}"),
        }
    }
    // 5 % of what the venue held at the first withdrawal (20,000 and one endowment of 1,000) is 1,050.
    assert_eq!((taken, refused), (800, 18));
    assert_eq!(-scenario.of(Owner::Outside), i128::from(UNIT) * (20_000 + 20_000 - 800));
    // The next day has a share of its own, of what is there then; an operator can close the gate in between, for an hour at a time.
    scenario.world.time_ms = start_ms + 90_000_000;
    let until_ms = scenario.world.time_ms + 3_601_000;
    let pause = |until_ms| Event::Paused {
        scope: None,
        action: Pause::Withdrawals,
        reason: "under attack".into(),
        until_ms,
    };
    assert_eq!(scenario.play(vec![pause(until_ms + 1)]), [Refusal::Pause]);
    scenario.world.time_ms -= 1_000;
    assert_eq!(scenario.play(vec![pause(until_ms), withdrawn(20, UNIT)]), [Refusal::WithdrawalsClosed]);
    scenario.world.time_ms = until_ms;
    assert_eq!(scenario.play_now(vec![withdrawn(20, 400 * UNIT)]), []);
    assert_eq!(scenario.size(20, ETH), 0);
}
