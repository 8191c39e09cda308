//! Prices that stop and come back: nobody is closed at a stale one, verdicts go on, and what waits is released in stages, and bounded.

use engine::apply::{ActionKind, Refusal};
use engine::event::{AccountId, Event};
use engine::rules::{Outage, Rules};
use engine::stability::Level;
use model::margin::Severity;

use crate::common::{BTC, ETH, rules, spec};
use crate::scenario::{Scenario, UNIT};

const OUTAGE: Outage =
    Outage { gap_ms: 600_000, marks: 3, hold_ms: 60_000, band: 50_000, release_ms: 60_000 };

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
