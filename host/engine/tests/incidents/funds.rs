//! Who pays when nobody can: isolated markets, fund caps, gaps.

use engine::apply::{ActionKind, Refusal};
use engine::event::{AccountId, Change, Command, Event};
use engine::ledger::Owner;
use engine::rules::{InstrumentSpec, OpenInterest, Rules};

use crate::common::{BTC, ETH, rules, spec};
use crate::scenario::{Scenario, UNIT, deposited, position, traded};

const DEFICIT: i64 = 200 * UNIT;

fn isolated(account: u64, owner: u64) -> Event {
    Event::Opened { account: AccountId(account), owner, isolated: Some(BTC) }
}

/// Incident 1: dYdX, 10 October 2025. The fund's payment was booked after the collateral had left, and an isolated market went below zero.
#[test]
fn dydx_halt_a_fund_of_any_size_pays_before_the_collateral_of_an_isolated_market_leaves() {
    for fund in [0, 1, DEFICIT - 1, DEFICIT, DEFICIT + 1] {
        for cap in [0, 1, DEFICIT - 1, DEFICIT, i64::MAX] {
            let market = InstrumentSpec { fund_cap: cap as u64, ..spec("BTC") };
            let mut scenario = Scenario::new(rules(), [market, spec("ETH")], 0);
            let endowed = |instrument, quanta| Event::FundEndowed { instrument: Some(instrument), quanta };
            let mut events = vec![endowed(BTC, fund), endowed(ETH, 5_000 * UNIT), isolated(7, 77)];
            events.extend(position(7, BTC, 40_000, 600 * UNIT));
            events.push(deposited(77, 50_000 * UNIT));
            assert_eq!(scenario.play(events), []);
            scenario.world.time_ms += 1_000;
            let (_, commands) = scenario.apply(vec![Event::Mark { instrument: BTC, price: 980_000 }]);
            assert_eq!(commands, [Command::Bankrupt { accounts: vec![AccountId(7)] }]);
            let (applied, _) = scenario.apply(vec![scenario.world.perform(&commands[0])]);

            let paid = fund.min(cap).min(DEFICIT);
            let mut cash = 600 * UNIT - 40_000 * UNIT;
            let mut steps = applied.updates.iter().map(|update| &update.change);
            let Some(&Change::Cash { delta, hold: true, .. }) = steps.next() else {
                panic!("{:?}", applied.updates)
            };
            cash += delta;
            assert_eq!(cash + 40_000 * 980_000, paid - DEFICIT, "the fund has paid while all lots are there");
            for step in steps {
                let (Change::Position { cash_delta, .. } | Change::Cash { delta: cash_delta, .. }) = *step
                else {
                    panic!("{step:?}")
                };
                cash += cash_delta;
            }
            assert_eq!((cash, scenario.cash(7), scenario.size(7, BTC)), (0, 0, 0));
            assert_eq!(scenario.of(Owner::Fund(BTC)), i128::from(fund - paid), "fund {fund}, cap {cap}");
            assert_eq!(scenario.world.engine.bad_debt(), i128::from(DEFICIT - paid));
            assert_eq!(scenario.of(Owner::Fund(ETH)), i128::from(5_000 * UNIT), "another market's fund");
            assert_eq!(scenario.cash(77), i128::from(50_000 * UNIT), "the owner's cross account");
            scenario.rest();
        }
    }
}

/// Incident 1: after hours without marks the first one was eight hours old.
#[test]
fn dydx_halt_a_first_mark_far_off_after_an_outage_closes_nobody_before_a_second_confirms_it() {
    let mut scenario = Scenario::plain();
    scenario.open(7, BTC, 40_000, 9_000 * UNIT);
    scenario.world.time_ms += 8 * 3_600_000;
    let applied = scenario.world.mark(700_000);
    assert_eq!((applied.dues, applied.updates), (vec![], vec![]), "held: nobody is judged by it");
    assert_eq!((scenario.size(7, BTC), scenario.world.actions.len()), (40_000, 0));
    scenario.mark(BTC, 701_000); // the same old source
    assert_eq!((scenario.size(7, BTC), scenario.world.actions.len()), (40_000, 0));
    scenario.mark(BTC, 990_000); // near the last applied: the print was stale
    assert_eq!(scenario.size(7, BTC), 40_000);
    scenario.world.time_ms += 120_000;
    scenario.mark(BTC, 985_000); // and is forgotten
    scenario.mark(BTC, 690_000);
    assert_eq!((scenario.size(7, BTC), scenario.world.actions.len()), (40_000, 0));
    scenario.world.time_ms += 60_000;
    scenario.mark(BTC, 700_000);
    assert_eq!(scenario.size(7, BTC), 0, "a mark that comes twice is real");
    assert_eq!(scenario.world.engine.counters().bankruptcies, 1);
    scenario.rest();
}

/// YFI at 1.0 a lot, 20 % initial margin that rises between 20 and 80 million of open interest; its fund pays 2 million a day at the most.
fn yfi() -> (Rules, InstrumentSpec) {
    let mut own = rules();
    own.insurance.reserve = 19_000_000 * UNIT as u64;
    let open_interest = OpenInterest { lower: 20_000_000 * UNIT as u64, upper: 80_000_000 * UNIT as u64 };
    let initial = vec![(0, 200_000)];
    let fund_cap = 2_000_000 * UNIT as u64;
    (own, InstrumentSpec { initial, open_interest, fund_cap, mark_band: 999_999, ..spec("YFI") })
}

/// Incident 8: dYdX v3, November 2023. One concentrated market gapped by 43 % and took 40 % of the fund that all of them shared.
#[test]
fn yfi_gap_costs_the_funds_no_more_than_caps_and_reserve_and_the_rest_is_the_winners() {
    let (own, market) = yfi();
    let mut scenario = Scenario::new(own, [market, spec("ETH")], 20_000_000 * UNIT);
    let endowed = |instrument| Event::FundEndowed { instrument: Some(instrument), quanta: 5_000_000 * UNIT };
    let mut events = vec![endowed(BTC), endowed(ETH)];
    for account in 10..20 {
        events.extend(position(account, BTC, 2_000_000, 400_000 * UNIT + UNIT));
        events.extend(position(100 + account, BTC, -2_000_000, 5_000_000 * UNIT));
    }
    assert_eq!(scenario.play(events), []);
    // Ten longs of 2 million each lose 860,000 against 400,001.
    scenario.mark(BTC, 570_000);
    let deficit = i128::from(10 * (860_000 - 400_001) * UNIT);
    let counters = *scenario.world.engine.counters();
    assert_eq!(counters.bankruptcies, 10);
    let million = 1_000_000 * i128::from(UNIT);
    assert_eq!(scenario.of(Owner::Fund(BTC)), 3 * million, "its cap of 2 million");
    assert_eq!(scenario.of(Owner::Insurance), 19 * million, "the shared fund keeps its reserve");
    assert_eq!(scenario.of(Owner::Fund(ETH)), 5 * million);
    assert_eq!((counters.haircuts, scenario.world.engine.bad_debt()), (deficit - 3 * million, 0));
    // A second gap on the same day finds the fund's cap used.
    let bought = traded(20, BTC, 1_000_000, 570_000);
    assert_eq!(scenario.play(vec![deposited(20, 114_001 * UNIT), bought]), []);
    scenario.mark(BTC, 300_000);
    assert_eq!(scenario.actions(ActionKind::Bankruptcy).last().unwrap().fund_paid, 0);
    assert_eq!(scenario.of(Owner::Fund(BTC)), 3 * million);
    scenario.rest();
}

/// Incident 8: the position was built at the leverage of a small one.
#[test]
fn yfi_concentration_is_refused_as_open_interest_grows_and_maintenance_stays() {
    let (own, market) = yfi();
    let mut scenario = Scenario::new(own, [market, spec("ETH")], 0);
    assert_eq!(scenario.play(vec![deposited(7, 10_000_000 * UNIT)]), []);
    let mut built = 0;
    let refusals = loop {
        let refusals = scenario.play(vec![traded(7, BTC, 500_000, UNIT)]);
        if !refusals.is_empty() {
            break refusals;
        }
        built += 500_000;
    };
    assert_eq!(refusals, [Refusal::InitialMargin]);
    // At 20 % it would be 50 million.
    let allowed = |open: i64| {
        let rate = 200_000 + 800_000 * (open - 20_000_000).max(0) / 60_000_000;
        (open + 500_000) * rate / 1_000_000 <= 10_000_000
    };
    assert!(allowed(built - 500_000) && !allowed(built), "{built}");
    assert!((25_000_000..35_000_000).contains(&built), "{built}");
    // All of it is at 2.5 % above 250,000.
    let requirement = i128::from(built * 25_000 - 250_000 * 15_000 - 50_000 * 5_000) * i128::from(UNIT);
    assert_eq!(scenario.world.exact(7).requirement, requirement, "maintenance does not rise");
    scenario.rest();
}
