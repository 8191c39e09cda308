//! Profiles and triggers: by hand, against an oracle that integrates the brackets, and kept up to date through random histories.

#[allow(dead_code, reason = "it needs a part of the world only")]
mod common;

use std::collections::BTreeMap;

use common::{BTC, ETH, FAIR, World, rules, spec};
use engine::Engine;
use engine::event::{AccountId, Event, InstrumentId, Round};
use engine::exposure::{Concentration, Exposure, Profile, STEPS, Scope, Triggers};
use engine::rules::{Hedge, InstrumentSpec, Kind, Rules, VenueRules};
use model::margin::Severity;
use proptest::prelude::*;

fn place(permille: i32) -> usize {
    STEPS.iter().position(|&step| step == permille).unwrap()
}

fn at(profile: &Profile, permille: i32) -> (u64, u128) {
    (profile.accounts[place(permille)], profile.notional[place(permille)])
}

/// Shocks of the steps at which somebody falls.
fn falls(profile: &Profile) -> Vec<i32> {
    STEPS.iter().zip(&profile.accounts).filter(|(_, count)| **count > 0).map(|(step, _)| *step).collect()
}

fn down_from(permille: i32) -> Vec<i32> {
    STEPS.iter().copied().filter(|&step| step <= permille).collect()
}

fn up_from(permille: i32) -> Vec<i32> {
    STEPS.iter().copied().filter(|&step| step >= permille).collect()
}

#[test]
fn a_profile_says_who_falls_where_and_what_is_lost() {
    let mut world = World::new(0, FAIR);
    // Long at ten times: 1,000,000,000 on 100,000,000. At -x it has 100,000,000 - x and needs 5,000,000 less: from -9.6 % on.
    world.open(1, BTC, 1_000, 100_000_000);
    // Short of 100,000,000 on 4,000,000: at +3 % it has 1,000,000 and needs 515,000; at +4 % nothing.
    world.open(2, ETH, -500, 4_000_000);
    world.open(3, BTC, 1, 1_000_000_000);
    let exposure = Exposure::new(&world.engine);
    let all = exposure.correlated();
    assert_eq!(falls(&all), [down_from(-100), up_from(40)].concat());
    assert_eq!((at(&all, -100), at(&all, 40)), ((1, 1_000_000_000), (1, 100_000_000)));
    assert_eq!(falls(&exposure.single(BTC)), down_from(-100));
    assert_eq!(falls(&exposure.single(ETH)), up_from(40));
    // At -10 % nothing is left of 100,000,000; at -50 % 400,000,000 are missing. At +5 % 1,000,000 are.
    let lost = [-110, -100, 40, 50, -500]
        .map(|step| (all.insolvent[place(step)], all.shortfall_ceil(place(step), 1_000_000)));
    assert_eq!(lost, [(1, 10_000_000), (0, 0), (0, 0), (1, 1_000_000), (1, 400_000_000)]);
    // 256*E < 256*R: 100,000,000 - 1,000 d < 5,000 * (1,000,000 - d) / 1,000 for a fall of d a lot: d > 95,477.4.
    assert_eq!(world.engine.triggers(0, BTC), Triggers { below: Some(904_522), above: None });
    // 4,000,000 - 500 d < 500,000 + 2.5 d: d > 6,965.2.
    assert_eq!(world.engine.triggers(1, ETH), Triggers { below: None, above: Some(206_966) });
    assert_eq!(world.engine.triggers(2, BTC), Triggers::default());
    let concentration = Concentration { long: 1_001_000_000, short: 0, largest: 1_001_000_000, depth: None };
    assert_eq!(world.engine.concentration(BTC), concentration);
}

#[test]
fn a_spread_falls_on_both_sides_and_an_account_that_is_down_may_be_saved_by_a_rise() {
    let mut world = World::new(0, FAIR);
    // Long 1,000,000,000 and short as much: together nothing moves it, apart 10,000,000 of 12,000,000 are needed.
    world.open(1, BTC, 1_000, 6_000_000);
    world.open(1, ETH, -5_000, 6_000_000);
    let exposure = Exposure::new(&world.engine);
    // +20 %: the requirement grows to 12,000,000, and the line is safe; +25 % is beyond.
    assert_eq!(falls(&exposure.correlated()), up_from(250));
    assert_eq!(falls(&exposure.single(BTC)), down_from(-10));
    assert_eq!(falls(&exposure.single(ETH)), up_from(10));
    assert_eq!(at(&exposure.single(ETH), 10).1, 2_000_000_000, "the whole account's notional");
    // A mark that only the ledger has seen: down already, and safe again from +1 % on.
    let mut world = World::new(0, FAIR);
    world.open(1, BTC, 1_000, 10_000_000);
    world.time_ms += 1_000;
    world.apply(vec![Event::Mark { instrument: BTC, price: 994_000 }]);
    assert_eq!(falls(&Exposure::new(&world.engine).correlated()), down_from(-10));
    assert_eq!(world.engine.triggers(0, BTC), Triggers { below: Some(994_000), above: Some(994_000) });
}

/// 49,000,000,000 short. At +3 % the notional is 50,470,000,000: 250,000,000 for what lies below the edge, 1 % of the rest is 4,700,000;
/// 1,470,000,000 are lost.
#[test]
fn across_the_edge_of_a_bracket_one_quantum_decides() {
    let line = 1_470_000_000 + 250_000_000 + 4_700_000;
    for (collateral, equality, from, trigger) in [
        (line, false, 40, 1_030_001),
        (line - 1, false, 30, 1_030_000),
        (line, true, 30, 1_030_000),
        (line + 1, true, 40, 1_030_001),
    ] {
        let mut world = World::with(Rules { equality, ..rules() }, [spec("BTC"), spec("ETH")], 0, FAIR);
        world.open(1, BTC, -49_000, collateral);
        assert_eq!(
            falls(&Exposure::new(&world.engine).correlated()),
            up_from(from),
            "{collateral} {equality}"
        );
        assert_eq!(world.engine.triggers(0, BTC), Triggers { below: None, above: Some(trigger) });
    }
}

/// 1,000 d are lost and 5,000,000 - 5 d required; of 54,750,000 that is all at d = 50,000, which is still safe.
#[test]
fn a_long_is_safe_on_the_line() {
    let mut world = World::new(0, FAIR);
    world.open(1, BTC, 1_000, 54_750_000);
    assert_eq!(falls(&Exposure::new(&world.engine).correlated()), down_from(-60));
    assert_eq!(world.engine.triggers(0, BTC), Triggers { below: Some(949_999), above: None });
}

fn collateral(symbol: &str) -> InstrumentSpec {
    InstrumentSpec {
        kind: Kind::Collateral,
        weight_long: 900_000,
        weight_short: 1_100_000,
        brackets: vec![(0, 0)],
        ..spec(symbol)
    }
}

/// 200,000,000 of an asset count 180,000,000 against 1,000,000,000 long. All marks at -x: 175,000,000 < 1,175,000,000 x, from 14.9 % on; with
/// the whole value it were 16.3 %. The contract alone: 175,000,000 < 995,000,000 x, from 17.6 % on. The asset alone: at -97 %.
#[test]
fn collateral_falls_with_its_haircut() {
    let mut world = World::with(rules(), [spec("BTC"), collateral("ETH")], 0, FAIR);
    let account = AccountId(1);
    world.round(vec![
        Event::Deposited { account, quanta: 1 },
        Event::DepositedAsset { account, instrument: ETH, lots: 1_000 },
        Event::Traded { account, instrument: BTC, lots: 1_000, quote: -1_000_000_000 },
    ]);
    let exposure = Exposure::new(&world.engine);
    assert_eq!(falls(&exposure.correlated()), down_from(-150));
    assert_eq!(falls(&exposure.single(BTC)), down_from(-180));
    assert_eq!(falls(&exposure.single(ETH)), []);
}

/// 10,000,000 required of both sides, 2,500,000 given back; 9,000,000 there.
#[test]
fn a_hedge_credit_moves_with_the_marks() {
    let hedged = |symbol| InstrumentSpec { hedge: Hedge { group: 1, credit: 500_000 }, ..spec(symbol) };
    let mut world = World::with(rules(), [hedged("BTC"), hedged("ETH")], 0, FAIR);
    let account = AccountId(1);
    world.round(vec![
        Event::Deposited { account, quanta: 9_000_000 },
        Event::Traded { account, instrument: BTC, lots: 1_000, quote: -1_000_000_000 },
        Event::Traded { account, instrument: ETH, lots: -5_000, quote: 1_000_000_000 },
    ]);
    let exposure = Exposure::new(&world.engine);
    // At +20 % 7,500,000 have become 9,000,000.
    assert_eq!(falls(&exposure.correlated()), up_from(250));
    assert_eq!(falls(&exposure.single(BTC)), down_from(-10));
    // 9,000,000 + 1,000 (p - 1,000,000) < 5,000,000 + 5 p - 2.5 p: p < 998,496.2.
    assert_eq!(world.engine.triggers(0, BTC), Triggers { below: Some(998_496), above: None });
    // 9,000,000 - 5,000 (p - 200,000) < 5,000,000 + 25 p - 2,500,000, the credit is of the smaller side: p > 200,298.5.
    assert_eq!(world.engine.triggers(0, ETH), Triggers { below: None, above: Some(200_299) });
}

#[test]
fn the_largest_owners_count_with_all_their_accounts_and_depth_ends_at_the_band() {
    let mut world = World::new(0, FAIR);
    for number in 1..=12 {
        let account = AccountId(number);
        // Owner 100 has accounts 1 and 2.
        let owner = if number <= 2 { 100 } else { number };
        world.round(vec![
            Event::Opened { account, owner, isolated: None },
            Event::Deposited { account, quanta: 1_000_000_000 },
            Event::Traded {
                account,
                instrument: BTC,
                lots: number as i64,
                quote: -(number as i64) * 1_000_000,
            },
        ]);
    }
    let level = |distance, lots| engine::book::Level { distance, lots };
    // The band is 20,000 of a million.
    let book = engine::book::Book {
        bids: vec![level(500, 3), level(20_000, 4), level(20_001, 50)],
        offers: vec![level(30_000, 9)],
    };
    world.round(vec![Event::Book { instrument: BTC, book }]);
    // 78 lots by eleven owners; the smallest two hold 3 lots each: owner 100 and account 3.
    assert_eq!(
        world.engine.concentration(BTC),
        Concentration { long: 78_000_000, short: 0, largest: 75_000_000, depth: Some([7_000_000, 0]) }
    );
}

#[derive(Clone, Debug)]
enum Step {
    Mark { btc: bool, permille: u64 },
    Trade { account: u64, btc: bool, lots: i64 },
    Deposit { account: u64, quanta: i64 },
    Brackets { btc: bool, rate: u32 },
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (any::<bool>(), 900u64..1_100).prop_map(|(btc, permille)| Step::Mark { btc, permille }),
        6 => (0u64..8, any::<bool>(), -3_000i64..3_000).prop_map(|(account, btc, lots)| Step::Trade { account, btc, lots }),
        2 => (0u64..8, 1i64..80_000_000).prop_map(|(account, quanta)| Step::Deposit { account, quanta }),
        1 => (any::<bool>(), 1u32..5_000).prop_map(|(btc, rate)| Step::Brackets { btc, rate }),
    ]
}

/// An instrument of any shape that breaks or keeps what the fast way relies on.
fn any_spec(symbol: &'static str) -> impl Strategy<Value = InstrumentSpec> {
    let brackets = prop::sample::select(vec![
        vec![(0, 5_000), (500_000_000, 10_000), (2_000_000_000, 25_000)],
        vec![(0, 0), (300_000_000, 20_000)],
        // A long is safer at a lower price.
        vec![(0, 5_000), (1_000_000_000, 1_000_000)],
    ]);
    (brackets, prop::sample::select(vec![0u32, 500_000]), prop::bool::weighted(0.2)).prop_map(
        move |(brackets, credit, is_asset)| match is_asset {
            true => collateral(symbol),
            false => InstrumentSpec { brackets, hedge: Hedge { group: 1, credit }, ..spec(symbol) },
        },
    )
}

/// The profile by the definition: brackets integrated, everything in thousandths.
fn oracle(engine: &Engine, scope: Scope) -> Profile {
    let (rules, mut profile) = (engine.rules(), Profile::default());
    let scale = i128::from(rules.scale);
    for index in 0..engine.ledger().accounts() {
        let held = engine.ledger().margin(index);
        if matches!(scope, Scope::Only(instrument) if held.size(instrument) == 0) {
            continue;
        }
        for (step, &permille) in STEPS.iter().enumerate() {
            let (mut equity, mut required, mut notional) = (1_000 * scale * held.cash, 0, 0);
            let mut groups: BTreeMap<u16, ([i128; 2], u32)> = BTreeMap::new();
            for &(instrument, lots) in &held.positions {
                let market = &engine.markets()[usize::from(instrument.0)];
                let moves = scope == Scope::All || scope == Scope::Only(instrument);
                let price =
                    i128::from(market.mark.get()) * if moves { i128::from(1_000 + permille) } else { 1_000 };
                let weight = if lots > 0 { market.spec.weight_long } else { market.spec.weight_short };
                equity += i128::from(lots) * price * i128::from(weight);
                notional += u128::from(lots.unsigned_abs()) * u128::from(market.mark.get());
                let size = i128::from(lots.abs()) * price;
                let ends = market.spec.brackets[1..]
                    .iter()
                    .map(|bracket| i128::from(bracket.0) * 1_000)
                    .chain([i128::MAX]);
                let own: i128 = market
                    .spec
                    .brackets
                    .iter()
                    .zip(ends)
                    .map(|(&(floor, rate), end)| {
                        (size.min(end) - i128::from(floor) * 1_000).max(0) * i128::from(rate)
                    })
                    .sum();
                let quantum = 1_000 * scale;
                required += match rules.venue {
                    VenueRules::DydxV4 => (own + quantum - 1) / quantum * quantum,
                    VenueRules::DriftV2 => own / quantum * quantum,
                    _ => own,
                };
                if market.spec.hedge.group > 0 {
                    let group = groups.entry(market.spec.hedge.group).or_insert(([0, 0], u32::MAX));
                    group.0[usize::from(lots > 0)] += own;
                    group.1 = group.1.min(market.spec.hedge.credit);
                }
            }
            for ([short, long], credit) in groups.into_values() {
                required -= short.min(long) * i128::from(credit) / scale / 1_000 * 1_000;
            }
            let line = required * i128::from(rules.rungs[1]);
            let is_below = 256 * equity < line || rules.equality && 256 * equity == line;
            if equity < 0 || required > 0 && is_below {
                profile.accounts[step] += 1;
                profile.notional[step] += notional;
            }
            if equity < 0 {
                profile.insolvent[step] += 1;
                profile.shortfall[step] -= equity;
            }
        }
    }
    profile
}

fn check(world: &World, exposure: &Exposure) -> Result<(), TestCaseError> {
    let engine = &world.engine;
    let scopes = [
        (Scope::All, exposure.correlated()),
        (Scope::Only(BTC), exposure.single(BTC)),
        (Scope::Only(ETH), exposure.single(ETH)),
    ];
    for (scope, kept) in scopes {
        let expected = oracle(engine, scope);
        prop_assert_eq!(&kept, &expected, "kept, {:?}", scope);
        prop_assert_eq!(&engine.profile(scope), &expected, "anew, {:?}", scope);
        prop_assert_eq!(&engine.profile_by_force(scope), &expected, "by force, {:?}", scope);
    }
    for index in 0..engine.ledger().accounts() {
        // At no shock, the verdict is the engine's own.
        prop_assert_eq!(engine.shocked(index, Scope::All, 0).verdict, engine.exact(index).verdict);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// After every round of any history the kept profiles are those of the oracle, under every venue's rounding, with hedge credits, collateral,
    /// brackets that change and with the line counting.
    #[test]
    fn kept_profiles_are_those_of_brute_force(
        steps in prop::collection::vec(any_step(), 1..24),
        venue in prop::sample::select(vec![VenueRules::Native, VenueRules::Native, VenueRules::DydxV4, VenueRules::DriftV2]),
        btc in any_spec("BTC"),
        eth in any_spec("ETH"),
        equality in any::<bool>(),
        rungs in prop::sample::select(vec![[320, 256, 171], [500, 400, 171]]),
    ) {
        let rules = Rules { venue, equality, rungs, target: 500, notice_ms: 0, ..rules() };
        let mut world = World::with(rules, [btc, eth], 1_000_000_000, FAIR);
        let mut exposure = Exposure::new(&world.engine);
        for account in 0..8 {
            let event = Event::Deposited { account: AccountId(account), quanta: 20_000_000 };

            let applied = world.round(vec![event]);
            exposure.update(&world.engine, &applied);
        }
        for step in steps {
            let id = |btc: bool| if btc { BTC } else { ETH };
            let mark = |engine: &Engine, id: InstrumentId| engine.markets()[usize::from(id.0)].mark.get();
            world.time_ms += 1_000;
            let events = match step {
                Step::Mark { btc, permille } => {
                    vec![Event::Mark { instrument: id(btc), price: mark(&world.engine, id(btc)) * permille / 1_000 }]
                }
                Step::Trade { account, btc, lots } => {
                    let quote = -lots * mark(&world.engine, id(btc)) as i64;
                    vec![Event::Traded { account: AccountId(account), instrument: id(btc), lots, quote }]
                }
                Step::Deposit { account, quanta } => vec![Event::Deposited { account: AccountId(account), quanta }],
                Step::Brackets { btc, rate } => {
                    let instrument = id(btc);
                    let brackets = vec![(0, rate), (700_000_000, 30_000)];
                    vec![
                        Event::BracketsAnnounced { instrument, brackets, effective_ms: world.time_ms },
                        Event::Elapsed { instrument },
                    ]
                }
            };
            let (applied, mut commands) = world.apply(events);
            exposure.update(&world.engine, &applied);
            check(&world, &exposure)?;
            while !commands.is_empty() {
                let events = commands.iter().map(|command| world.perform(command)).collect();
                let (applied, next) = world.apply(events);
                exposure.update(&world.engine, &applied);
                check(&world, &exposure)?;
                commands = next;
            }
        }
        let (applied, _) = world.apply(vec![Event::Settled]);
        exposure.update(&world.engine, &applied);
        check(&world, &exposure)?;
    }

    /// A trigger is where the engine's own verdict changes: at that mark it falls, and a quantum nearer it does not.
    #[test]
    fn a_trigger_is_the_nearest_mark_that_falls(
        lots in prop_oneof![-90_000i64..-1, 1i64..90_000],
        leverage in 2i64..150,
        other in -20_000i64..20_000,
        venue in prop::sample::select(vec![VenueRules::Native, VenueRules::DydxV4, VenueRules::DriftV2]),
        btc in any_spec("BTC"),
        equality in any::<bool>(),
    ) {
        // A guard that lets any mark through.
        let wide = |spec| InstrumentSpec { mark_band: 999_999, ..spec };
        let rules = Rules { venue, equality, ..rules() };
        let mut world = World::with(rules, [wide(btc), wide(spec("ETH"))], 0, FAIR);
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
            let events = vec![Event::Mark { instrument: BTC, price }];
            shocked.apply(&Round { time_ms: world.time_ms, first_sequence: world.sequence, events });
            (shocked.markets()[0].mark.get() == price).then(|| shocked.exact(0).verdict >= Severity::Liquidatable)
        };
        prop_assert!(below.is_none_or(|price| price < 1_000_000) && above.is_none_or(|price| price > 1_000_000));
        for (trigger, nearer, end) in [(below, 1i64, 1), (above, -1, 1_999_999u64)] {
            let expected = match trigger {
                Some(trigger) => vec![(trigger, true), (trigger.saturating_add_signed(nearer), false)],
                None => vec![(end, false), (end.midpoint(1_000_000), false)],
            };
            for (price, falls) in expected {
                if let Some(verdict) = verdict(price) {
                    prop_assert_eq!(verdict, falls, "{} of {:?} {:?}", price, below, above);
                }
            }
        }
    }
}
