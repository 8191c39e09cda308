//! Prices that stop and come back: nobody is closed at a stale one, verdicts go on, and what waits is released in stages, and bounded.

use engine::apply::{Action, ActionKind, Refusal};
use engine::event::{AccountId, Event};
use engine::rules::{Outage, Rules};
use engine::stability::Level;
use model::margin::Severity;
use proptest::prelude::*;

use crate::common::{BTC, ETH, rules, spec};
use crate::scenario::{Scenario, UNIT, deposited, traded};

const OUTAGE: Outage =
    Outage { gap_ms: 600_000, marks: 3, hold_ms: 60_000, band: 50_000, release_ms: 60_000 };

const HOUR_MS: i64 = 3_600_000;

fn scenario(fund: i64) -> Scenario {
    Scenario::new(Rules { outage: Some(OUTAGE), ..rules() }, [spec("BTC"), spec("ETH")], fund)
}

/// Incident 10: four and a half hours without a database; users could not act, and positions were liquidated on the way back.
#[test]
fn lighter_outage_accounts_act_first_and_liquidations_come_back_in_stages() {
    let mut scenario = scenario(1_000_000 * UNIT);
    scenario.open(1, BTC, 10_000, 600 * UNIT);
    scenario.open(2, BTC, 10_000, 600 * UNIT);
    scenario.open(3, ETH, 1_000, 100 * UNIT);
    scenario.world.time_ms += 16_200_000;
    // Back at 5.75 % less: both are at their end. The verdicts are there at once; nothing is done about them.
    scenario.mark(BTC, 942_500);
    assert_eq!(scenario.world.engine.level(BTC), Level::MarksOnly);
    for account in [1, 2] {
        assert_eq!(scenario.world.severity(account), Severity::Takeover);
    }
    assert_eq!((scenario.world.engine.watched(), scenario.world.actions.len()), (2, 0));
    // The first one pays in and reduces, as it could not before.
    let reduced =
        Event::Traded { account: AccountId(1), instrument: BTC, lots: -5_000, quote: 5_000 * 942_500 };
    let paid = Event::Deposited { account: AccountId(1), quanta: 100 * UNIT };
    assert_eq!(scenario.play_now(vec![paid, reduced]), []);
    // Other markets go on as if nothing had been: their marks never stopped for them.
    scenario.mark(ETH, 200_100);
    for price in [942_400, 942_300] {
        scenario.mark(BTC, price);
    }
    assert_eq!(scenario.world.engine.level(BTC), Level::BookOnly, "5.77 % is beyond the band");
    assert_eq!(scenario.actions(ActionKind::Takeover).count(), 0);
    scenario.world.time_ms += 58_000;
    scenario.mark(BTC, 942_300);
    assert_eq!(scenario.actions(ActionKind::Takeover).count(), 0);
    scenario.rest();
    let taken: Vec<u64> = scenario.actions(ActionKind::Takeover).map(|action| action.account.0).collect();
    assert_eq!((taken, scenario.size(1, BTC)), (vec![2], 5_000));
    assert_eq!(scenario.world.engine.bad_debt(), 0);
}

/// Incidents 1 and 10: stale prices at a restart liquidated accounts at marks that were gone a second later, for 462,097.79 of claims.
#[test]
fn dydx_restart_a_stale_price_liquidates_nobody() {
    let mut scenario = scenario(0);
    scenario.open(1, BTC, 10_000, 600 * UNIT);
    scenario.world.time_ms += 28_800_000;
    // The oracle's last word before the halt, told once more: it would cost the account everything.
    scenario.mark(BTC, 941_000);
    assert_eq!(scenario.world.severity(1), Severity::Takeover);
    let price = 941_000;
    let more = Event::Traded { account: AccountId(1), instrument: BTC, lots: 1, quote: -price };
    assert_eq!(scenario.play_now(vec![more]), [Refusal::Halted], "nobody adds at it either");
    for price in [999_000, 999_500] {
        scenario.mark(BTC, price);
    }
    scenario.rest();
    assert_eq!((scenario.world.actions.len(), scenario.size(1, BTC)), (0, 10_000));
}

/// Longs and shorts of 20,000 lots, of 0.6 % to 8 % of margin, and one with both markets.
fn crowd() -> Scenario {
    let mut scenario = scenario(100_000 * UNIT);
    for (account, milli) in [(1, 6), (2, 12), (3, 25), (4, 50), (5, 80)] {
        scenario.open(account, BTC, 20_000, 20 * milli * UNIT);
        scenario.open(10 + account, BTC, -20_000, 20 * milli * UNIT);
    }
    scenario.open(20, BTC, 20_000, 250 * UNIT);
    assert_eq!(scenario.play(vec![traded(20, ETH, 10_000, 200_000)]), []);
    scenario
}

/// BTC's marks stop for so long; ETH's go on.
fn stop(scenario: &mut Scenario, for_ms: i64) {
    let back_ms = scenario.world.time_ms + for_ms;
    while scenario.world.time_ms < back_ms {
        scenario.world.time_ms += 299_000;
        scenario.mark(ETH, 200_000);
    }
}

const ALL: [u64; 11] = [1, 2, 3, 4, 5, 11, 12, 13, 14, 15, 20];

/// Incident 10: with accounts of every margin. Who pays in is saved, who can be is sliced, and the others are bankrupt when all is released.
#[test]
fn lighter_outage_the_book_helps_first_and_the_funds_after_it() {
    let mut scenario = crowd();
    stop(&mut scenario, 9 * HOUR_MS / 2);
    for price in [938_000, 939_000] {
        scenario.mark(BTC, price);
    }
    let severities = [1, 2, 3, 4, 5, 11].map(|account| scenario.world.severity(account));
    let [healthy, insolvent] = [Severity::Healthy, Severity::Insolvent];
    assert_eq!(severities, [insolvent, insolvent, insolvent, insolvent, healthy, healthy]);
    assert_eq!((scenario.world.engine.watched(), scenario.world.actions.len()), (5, 0));
    // Account 4 had 1,000 and has lost 1,220: it pays in 1,000. Account 3 closes half, as far as that is possible, and new risk is not.
    assert_eq!(scenario.play_now(vec![deposited(4, 1_000 * UNIT)]), []);
    assert_eq!(scenario.play_now(vec![deposited(3, 795 * UNIT), traded(3, BTC, -10_000, 939_000)]), []);
    assert_eq!(scenario.play_now(vec![traded(5, BTC, 1, 939_000)]), [Refusal::Halted]);
    let withdrawn = Event::Withdrawn { account: AccountId(15), quanta: UNIT };
    assert_eq!(scenario.play_now(vec![withdrawn.clone()]), [Refusal::WithdrawalsClosed]);
    assert_eq!(scenario.world.actions.len(), 0);
    // The third mark is 6 % lower than the last before. Account 3 has 75 left, and at the next 45 of a required 46.8.
    scenario.mark(BTC, 940_000);
    assert_eq!(scenario.world.engine.level(BTC), Level::BookOnly);
    let released_ms = scenario.world.time_ms;
    scenario.mark(BTC, 936_000);
    assert_eq!(scenario.world.engine.level(BTC), Level::BookOnly);
    let is_slice = |action: &Action| matches!(action.kind, ActionKind::Slice | ActionKind::FullClose);
    assert!(!scenario.world.actions.is_empty() && scenario.world.actions.iter().all(is_slice));
    scenario.world.time_ms = released_ms + OUTAGE.release_ms - 1_000;
    scenario.mark(BTC, 936_000);
    let first = scenario.world.actions.iter().position(|action| !is_slice(action)).expect("then all else");
    assert_eq!(scenario.world.actions[first].time_ms, released_ms + OUTAGE.release_ms);
    let bankrupt: Vec<AccountId> =
        scenario.actions(ActionKind::Bankruptcy).map(|action| action.account).collect();
    assert_eq!(bankrupt, [20, 1, 2].map(AccountId), "4 paid in, 3 was sliced");
    assert_eq!((scenario.size(4, BTC), scenario.size(5, BTC)), (20_000, 20_000));
    scenario.world.time_ms += 60_000;
    scenario.rest();
    assert_eq!(scenario.play(vec![withdrawn]), []);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Incident 1: as above, whatever the first prices are, with accounts of every margin.
    #[test]
    fn dydx_restart_no_stale_price_liquidates_anybody(
        stale in prop::collection::vec(prop_oneof![901_000u64..1_079_000, 988_000u64..1_000_000], 2),
        truth in 999_100u64..=1_000_900,
    ) {
        let mut scenario = crowd();
        let held = |scenario: &Scenario| ALL.map(|account| (scenario.size(account, BTC), scenario.size(account, ETH)));
        let before = held(&scenario);
        stop(&mut scenario, 8 * HOUR_MS);
        for price in stale {
            scenario.world.time_ms += 1_000;
            let (applied, commands) = scenario.apply(vec![Event::Mark { instrument: BTC, price }]);
            prop_assert_eq!(commands, vec![], "not even in ETH, which account 20 holds too");
            prop_assert_eq!(applied.dues[0].holders, ALL.len() as u64, "every holder has its verdict");
            prop_assert_eq!(scenario.world.engine.level(BTC), Level::MarksOnly);
        }
        scenario.mark(BTC, truth);
        prop_assert_eq!(held(&scenario), before);
        prop_assert_eq!(scenario.world.actions.len(), 0);
        scenario.rest();
    }
}
