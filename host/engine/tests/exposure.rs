//! Profiles and triggers: by hand, against brute force, and kept up to date through random histories.

#[allow(dead_code, reason = "it needs a part of the world only")]
mod common;

use common::{BTC, ETH, FAIR, World, rules, spec};
use engine::event::{AccountId, Event};
use engine::exposure::{Exposure, Profile, STEPS, Scope, Triggers};
use engine::rules::{Hedge, InstrumentSpec, Rules, VenueRules};
use model::margin::Severity;
use proptest::prelude::*;

fn at(profile: &Profile, permille: i32) -> (u64, u128) {
    let place = STEPS.iter().position(|&step| step == permille).unwrap();
    (profile.accounts[place], profile.notional[place])
}

#[test]
fn a_profile_says_who_falls_where() {
    let mut world = World::new(0, FAIR);
    // Long at ten times: 1,000,000,000 on 100,000,000. At -x it has 100,000,000 - x and needs 5,000,000 less: from -9.6 % on.
    world.open(1, BTC, 1_000, 100_000_000);
    // Short of 100,000,000 on 4,000,000: at +3 % it has 1,000,000 and needs 515,000; at +4 % nothing.
    world.open(2, ETH, -500, 4_000_000);
    let exposure = Exposure::new(&world.engine);
    for (permille, expected) in [
        (-500, (1, 1_000_000_000)),
        (-100, (1, 1_000_000_000)),
        (-90, (0, 0)),
        (-10, (0, 0)),
        (30, (0, 0)),
        (40, (1, 100_000_000)),
        (500, (1, 100_000_000)),
    ] {
        assert_eq!(at(exposure.correlated(), permille), expected, "{permille}");
    }
    assert_eq!(at(exposure.single(BTC), 500), (0, 0));
    assert_eq!(at(exposure.single(ETH), 40), (1, 100_000_000));
    assert_eq!(at(exposure.single(ETH), -100), (0, 0));
    // 256*E < 256*R: 100,000,000 - 1,000 d < 5,000 * (1,000,000 - d) / 1,000 for a fall of d a lot: d > 95,477.4.
    assert_eq!(world.engine.triggers(0, BTC), Triggers { below: Some(904_522), above: None });
    // 4,000,000 - 500 d < 500,000 + 2.5 d: d > 6,965.2.
    assert_eq!(world.engine.triggers(1, ETH), Triggers { below: None, above: Some(206_966) });
    let (long, short, share) = world.engine.concentration(BTC);
    assert_eq!((long, short, share), (1_000_000_000, 0, 1_000_000));
}

#[test]
fn a_spread_falls_on_both_sides_and_an_account_that_is_down_may_be_saved_by_a_rise() {
    let mut world = World::new(0, FAIR);
    // Long 1,000,000,000 and short as much: together nothing moves it, apart 10,000,000 of 12,000,000 are needed.
    world.open(1, BTC, 1_000, 6_000_000);
    world.open(1, ETH, -5_000, 6_000_000);
    let exposure = Exposure::new(&world.engine);
    assert_eq!(at(exposure.correlated(), -500), (0, 0));
    // +20 %: the requirement grows to 12,000,000, and the line is safe; +25 % is beyond.
    assert_eq!((at(exposure.correlated(), 200).0, at(exposure.correlated(), 250).0), (0, 1));
    assert_eq!((at(exposure.single(BTC), -10).0, at(exposure.single(BTC), 10).0), (1, 0));
    assert_eq!((at(exposure.single(ETH), -10).0, at(exposure.single(ETH), 10).0), (0, 1));
    assert_eq!(at(exposure.single(ETH), 10).1, 2_000_000_000, "the whole account's notional");
    // A mark that only the ledger has seen: down already, and safe again from +1 % on.
    let mut world = World::new(0, FAIR);
    world.open(1, BTC, 1_000, 10_000_000);
    world.time_ms += 1_000;
    world.apply(vec![Event::Mark { instrument: BTC, price: 994_000 }]);
    let exposure = Exposure::new(&world.engine);
    assert_eq!((at(exposure.correlated(), -10).0, at(exposure.correlated(), 10).0), (1, 0));
    assert_eq!(world.engine.triggers(0, BTC), Triggers { below: Some(994_000), above: Some(994_000) });
}

#[derive(Clone, Debug)]
enum Step {
    Mark { btc: bool, permille: u64 },
    Trade { account: u64, btc: bool, lots: i64 },
    Deposit { account: u64, quanta: i64 },
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (any::<bool>(), 900u64..1_100).prop_map(|(btc, permille)| Step::Mark { btc, permille }),
        3 => (0u64..8, any::<bool>(), -3_000i64..3_000).prop_map(|(account, btc, lots)| Step::Trade { account, btc, lots }),
        1 => (0u64..8, 0i64..80_000_000).prop_map(|(account, quanta)| Step::Deposit { account, quanta }),
    ]
}

fn check(world: &World, exposure: &Exposure) -> Result<(), TestCaseError> {
    let engine = &world.engine;
    prop_assert_eq!(exposure.correlated(), &engine.profile_by_force(Scope::All));
    prop_assert_eq!(exposure.correlated(), &engine.profile(Scope::All));
    for instrument in [BTC, ETH] {
        prop_assert_eq!(exposure.single(instrument), &engine.profile_by_force(Scope::Only(instrument)));
        for &index in engine.markets()[usize::from(instrument.0)].holders.keys() {
            // At no shock, the verdict is the engine's own.
            prop_assert_eq!(engine.verdict_at(index, Scope::All, 0), engine.exact(index).verdict);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// After every round of any history the kept profiles are those of brute force, under every venue's rounding, with hedge credits and
    /// with the line counting.
    #[test]
    fn kept_profiles_are_those_of_brute_force(
        steps in prop::collection::vec(any_step(), 1..24),
        venue in prop::sample::select(vec![VenueRules::Native, VenueRules::DydxV4, VenueRules::DriftV2]),
        credit in prop::sample::select(vec![0u32, 500_000]),
        equality in any::<bool>(),
    ) {
        let hedged = |symbol| InstrumentSpec { hedge: Hedge { group: 1, credit }, ..spec(symbol) };
        let mut world = World::with(Rules { venue, equality, ..rules() }, [hedged("BTC"), hedged("ETH")], 1_000_000_000, FAIR);
        let mut exposure = Exposure::new(&world.engine);
        for account in 0..8 {
            let event = Event::Deposited { account: AccountId(account), quanta: 20_000_000 };
            let applied = world.round(vec![event]);
            exposure.update(&world.engine, applied.touched);
        }
        for step in steps {
            let event = match step {
                Step::Mark { btc, permille } => {
                    let instrument = if btc { BTC } else { ETH };
                    let mark = world.engine.markets()[usize::from(instrument.0)].mark.get();
                    Event::Mark { instrument, price: mark * permille / 1_000 }
                }
                Step::Trade { account, btc, lots } => {
                    let instrument = if btc { BTC } else { ETH };
                    let mark = world.engine.markets()[usize::from(instrument.0)].mark.get() as i64;
                    Event::Traded { account: AccountId(account), instrument, lots, quote: -lots * mark }
                }
                Step::Deposit { account, quanta } => Event::Deposited { account: AccountId(account), quanta },
            };
            world.time_ms += 1_000;
            let (applied, mut commands) = world.apply(vec![event]);
            exposure.update(&world.engine, applied.touched);
            check(&world, &exposure)?;
            while !commands.is_empty() {
                let events = commands.iter().map(|command| world.perform(command)).collect();
                let (applied, next) = world.apply(events);
                exposure.update(&world.engine, applied.touched);
                check(&world, &exposure)?;
                commands = next;
            }
        }
    }

    /// A trigger is where the verdict changes: there it falls, and a quantum nearer it does not.
    #[test]
    fn a_trigger_is_the_nearest_mark_that_falls(lots in prop_oneof![-90_000i64..-1, 1i64..90_000], leverage in 2i64..150, other in -20_000i64..20_000) {
        let mut world = World::new(0, FAIR);
        world.open(1, BTC, lots, lots.abs() * 1_000_000 / leverage + 1_000);
        if other != 0 {
            world.open(1, ETH, other, other.abs() * 200_000 / 10);
        }
        if world.holdings(1).1 == 0 || world.severity(1) >= Severity::Liquidatable {
            return Ok(());
        }
        let Triggers { below, above } = world.engine.triggers(0, BTC);
        let verdict = |price: u64| {
            let mut shocked = world.engine.clone();
            let round = engine::event::Round { time_ms: world.time_ms, first_sequence: world.sequence, events: vec![Event::Mark { instrument: BTC, price }] };
            shocked.apply(&round);
            (shocked.markets()[0].mark.get() == price).then(|| shocked.exact(0).verdict >= Severity::Liquidatable)
        };
        for (trigger, nearer) in [(below, 1i64), (above, -1)] {
            let Some(trigger) = trigger else { continue };
            // The mark guard lets marks within its band through only.
            for (price, falls) in [(trigger, true), ((trigger as i64 + nearer) as u64, false)] {
                if let Some(verdict) = verdict(price) {
                    prop_assert_eq!(verdict, falls, "{} of {:?} {:?}", price, below, above);
                }
            }
        }
    }
}
