use std::collections::BTreeSet;

use engine::rules::{
    BackstopLimits, Breaker, Budget, CloseFactor, Composition, Deleveraging, Expiry, Funding, Gates,
    Insurance, Kind, OpenInterest, Outage, Redemption, Rules, Unwind, VenueRules, Volatility,
};
use model::tier::TierTable;
use model::units::Scale;
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::curve::Curve;
use super::*;
use crate::feed::instrument::Grid;

/// The default file with one piece of its text replaced.
fn altered(piece: &str, other: &str) -> String {
    assert_eq!(DEFAULT.matches(piece).count(), 1, "{piece:?} stands once in the default file");
    DEFAULT.replace(piece, other)
}

fn faults(text: &str) -> Vec<String> {
    parse(text).map_or_else(|faults| faults.0.iter().map(ToString::to_string).collect(), |_| Vec::new())
}

#[test]
fn the_built_in_rules_are_the_engines_defaults() {
    let set = built_in();
    assert_eq!(set.rules, Rules::default());
    assert!(set.instruments.is_empty() && set.collateral.is_empty() && set.defaults.is_some());
    let spec = set.spec("BTC-PERP", "46319.0".parse().unwrap()).unwrap();
    assert_eq!(
        (spec.symbol.as_str(), spec.kind, spec.lot_exponent, spec.tick),
        ("BTC-PERP", Kind::Contract, -4, 10)
    );
    let depth = engine::rules::Depth { levels: 20, step: 500, level_lots: 10_794, refill_lots: 1_079 };
    assert_eq!(spec.depth, depth, "about a million a side");
    assert_eq!(spec.brackets[3], (1_000_000_000_000, 50_000));
    assert_eq!((spec.fee, spec.slippage, spec.limit_band, spec.mark_band), (1_500, 1_000, 20_000, 200_000));
    let budget = Budget { capacity: 500_000_000_000, refill: 50_000_000_000 };
    assert_eq!((spec.budget, spec.fund_cap), (budget, 1_000_000_000_000));
    assert_eq!(spec.backstop, BackstopLimits { notional: 25_000_000_000_000, loss: 1_000_000_000_000 });
}

#[test]
fn every_example_is_good_and_says_which_venue_it_is() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let mut venues = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let set = load(&path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(path.file_stem().unwrap().to_str(), Some(set.name.as_str()));
        venues.insert(serde_json::to_string(&set.rules.venue).unwrap());
        assert_eq!(parse(&write(&set, "")).unwrap(), set);
    }
    assert_eq!(venues.len(), 5, "{venues:?}");
}

#[test]
fn each_mistake_is_named_with_its_line_and_key() {
    for (piece, other, expected) in [
        ("format = 1", "format = 2", "line 5: format: is 2, this program reads format 1"),
        ("version = 1", "version = 0", "line 7: version: 0 is outside 1 to 4294967295"),
        ("version = 1", "version = \"1\"", "line 7: version: is a TOML string, not a whole number"),
        ("equality = false", "equality = 0", "rules.equality: is a TOML integer, not true or false"),
        (
            "\"native\"",
            "\"ftx\"",
            "line 10: rules.venue: unknown variant `ftx`, expected one of `native`, `dydx-v4`",
        ),
        ("scale = 1_000_000", "scale = 1_000_001", "line 11: rules.scale: 1000001 is outside 1 to 1000000"),
        ("takeover = 171", "takeover = 300", "rules.rungs: rungs are 1 to 1,023 and do not rise"),
        ("target = 282", "target = 256", "rules.target: target 256 must lie above the liquidatable rung 256"),
        ("exhausted_max = 3\n", "", "line 9: rules.exhausted_max: missing; state it here"),
        ("exhausted_max = 3", "exhausted = 3", "rules.exhausted: unknown key; known here: venue, scale"),
        ("portion = 0.2", "portion = 1.5", "rules.close_factor.portion: 1.5 is outside 0.000001 to 1"),
        (
            "residual_min = 50",
            "residual_min = 1e12",
            "1000000000000 is larger than a position can be, 576460752303.423487",
        ),
        (
            "rate = 0.01 }",
            "rate = 0.001 }",
            "defaults.brackets[1]: its rate lies below the one before; rates do not fall",
        ),
        (
            "floor = 250_000",
            "floor = 50_000",
            "defaults.brackets[2]: its floor does not lie above the one before",
        ),
        ("floor = 0,", "floor = 1,", "defaults.brackets[0]: the first floor is 0"),
        ("rate = 0.005", "rate = -0.005", "defaults.brackets[0].rate: -0.005 is outside 0 to 1"),
        ("rate = 0.005", "rate = 0.0050001", "0.0050001 is no whole number over the scale 1000000; round it"),
        (
            "floor = 50_000,",
            "floor = 0.0000001,",
            "defaults.brackets[1].floor: 0.0000001 is no whole number of quanta",
        ),
        ("floor = 50_000,", "flor = 50_000,", "defaults.brackets[1].floor: missing; state it here"),
        ("rate = 0.5 }", "rate = nan }", "defaults.brackets[8].rate: \"nan\" is no rate"),
        (
            "initial = []",
            "initial = [{ floor = 0, rate = 0.004 }]",
            "defaults.initial: at a notional of 50000 it is 200, below the maintenance margin of 250",
        ),
        ("\"unscaled\"", "{ lower = 5, upper = 5 }", "defaults.open_interest: lower must lie below upper"),
        (
            "\"unscaled\"",
            "{ lower = 5, upper = 9 }",
            "defaults.open_interest: scales the initial margin, and there is none",
        ),
        ("fee = 0.0015", "fee = 0.9995", "defaults.slippage: fee and slippage together must stay below 1"),
        ("mark_band = 0.2", "mark_band = 1", "defaults.mark_band: 1 is outside 0 to 0.999999"),
        (
            "budget = { capacity = 500_000, refill = 50_000 }",
            "budget = { capacity = 577e9, refill = 1 }",
            "defaults.budget: capacity 577000000000 is larger than a position can be",
        ),
        (
            "budget = { capacity = 500_000, refill = 50_000 }",
            "budget = { capacity = 5, refill = 0 }",
            "defaults.budget.refill: is 0 and must be above it",
        ),
        ("fund_cap = 1_000_000", "fund_cap = \"none\"", "defaults.fund_cap: \"none\" is no amount"),
        ("\"at-first-price\"", "\"fine\"", "defaults.grid: is \"at-first-price\", or a table of lot, tick"),
        (
            "\"at-first-price\"",
            "{ lot = 0.02, tick = 1, price_bits = 32, size_bits = 27 }",
            "defaults.grid.lot: 0.02 is no power of ten",
        ),
        (
            "\"at-first-price\"",
            "{ lot = 1e-6, tick = 0.1, price_bits = 32, size_bits = 27 }",
            "defaults.grid.tick: 0.1 is no whole number of quanta per lot",
        ),
        (
            "\"at-first-price\"",
            "{ lot = 1, tick = 1, price_bits = 32, size_bits = 28 }",
            "defaults.grid: price_bits + size_bits 60 is outside 2..=59",
        ),
        ("levels = 20", "levels = 0", "defaults.book.levels: 0 is outside 1 to 1000"),
    ] {
        let found = faults(&altered(piece, other)).join("\n");
        assert!(found.contains(expected), "{other}: {found:?} lacks {expected:?}");
    }
}

#[test]
fn a_table_has_at_most_16_tiers() {
    let tiers = |count: u32| -> String {
        let tier = |at| format!("{{ floor = {at}, rate = {} }}, ", rate_of(at));
        (0..count).map(tier).collect()
    };
    fn rate_of(at: u32) -> String {
        format!("0.{:06}", 4_000 + at)
    }
    let text = |count| {
        altered("initial = []", &format!("initial = [{}]", tiers(count).trim_end_matches(", ")))
            .replace("rate = 0.01 }", "rate = 0.005 }")
    };
    assert!(
        faults(&text(17))[0].ends_with("defaults.initial: has 17 tiers; a table has 0 to 16"),
        "{:?}",
        faults(&text(17))
    );
    assert!(faults(&text(16)).iter().all(|fault| !fault.contains("tiers; a table")));
    assert!(
        faults(&altered("initial = []", "brackets = []")).iter().any(|fault| fault.contains("duplicate key"))
    );
}

/// Instruments, collateral and groups, on top of the default file.
const VENUE: &str = r#"
[instruments.BTC-PERP]
[instruments."BTC/0926"]
grid = { lot = "0.001", tick = 0.1, price_bits = 32, size_bits = 27 }
[collateral.ETH]
weight_long = 0.9
weight_short = 1.1
[collateral.wstETH]
weight_long = 0.85
weight_short = 1.15
redemption = { reference = "ETH", ratio = 1.1873, band = 0.02 }
[groups.BTC]
credit = 0.5
instruments = ["BTC-PERP", "BTC/0926"]
"#;

#[test]
fn names_must_exist_and_stand_once() {
    let venue = |piece: &str, other: &str| {
        assert!(VENUE.contains(piece), "{piece:?}");
        faults(&format!("{DEFAULT}{}", VENUE.replacen(piece, other, 1))).join("\n")
    };
    assert_eq!(venue("[", "["), "");
    for (piece, other, expected) in [
        ("[\"BTC-PERP\"", "[\"BTCPERP\"", "groups.BTC.instruments: BTCPERP is no instrument of this file"),
        ("[\"BTC-PERP\", ", "[", "groups.BTC.instruments: a group has two instruments or more"),
        (
            "[groups.BTC]",
            "[groups.A]\ncredit = 0\ninstruments = [\"BTC-PERP\", \"BTC/0926\"]\n[groups.BTC]",
            "groups.BTC.instruments: BTC-PERP is in group A already",
        ),
        (
            "\"ETH\"",
            "\"stETH\"",
            "collateral.wstETH.redemption.reference: stETH is no other collateral or instrument",
        ),
        ("\"ETH\"", "\"wstETH\"", "collateral.wstETH.redemption.reference: wstETH is no other"),
        ("weight_long = 0.9\n", "weight_long = 1.01\n", "collateral.ETH.weight_long: 1.01 is outside 0 to 1"),
        (
            "weight_short = 1.1\n",
            "weight_short = 0.9\n",
            "collateral.ETH.weight_short: 0.9 is outside 1 to 2",
        ),
        ("weight_short = 1.1\n", "", "collateral.ETH.weight_short: missing; state it here"),
        (
            "weight_short = 1.1\n",
            "weight_short = 1.1\nbrackets = []\n",
            "collateral.ETH.brackets: unknown key",
        ),
        ("[collateral.ETH]", "[collateral.BTC-PERP]", "an instrument has the same symbol"),
        ("\"BTC/0926\"]", "BTC-PERP]", "duplicate key"),
        ("\"BTC/0926\"", "\"\"", "instruments.\"\": a name has 1 to 64 bytes"),
    ] {
        let found = venue(piece, other);
        assert!(found.contains(expected), "{other}: {found:?} lacks {expected:?}");
    }
    let set = parse(&format!("{DEFAULT}{VENUE}")).unwrap();
    let price = Decimal::from(2_000);
    let eth = set.spec("ETH", price).unwrap();
    assert_eq!((eth.kind, eth.weight_long, eth.weight_short), (Kind::Collateral, 900_000, 1_100_000));
    assert!(set.contract("ETH").is_none() && set.contract("SOL").is_some());
    let [perpetual, future] = ["BTC-PERP", "BTC/0926"].map(|symbol| set.spec(symbol, price).unwrap());
    assert_eq!((perpetual.hedge, future.hedge.group), (future.hedge, 1));
    assert_eq!((perpetual.tick, future.tick, future.lot_exponent), (10, 100, -3));
}

#[test]
fn without_defaults_everything_is_stated_or_named_as_missing() {
    let text = altered("[defaults]", "[instruments.BTC-PERP]");
    let set = parse(&text).unwrap();
    assert!(set.defaults.is_none());
    let error = set.spec("ETH-PERP", Decimal::ONE).unwrap_err().to_string();
    assert!(error.contains("no rules for ETH-PERP"), "{error}");
    let found = faults(&text.replace("slippage = 0.001\n", ""));
    assert_eq!(found.len(), 1);
    assert!(
        found[0].ends_with("instruments.BTC-PERP.slippage: missing; state it here or in [defaults]"),
        "{found:?}"
    );
    // Defaults that lack a key stand for what the instruments do not state, and for no symbol without an entry.
    let partial = altered("fee = 0.0015\n", "") + "[instruments.BTC-PERP]\nfee = 0.001\n";
    let set = parse(&partial).unwrap();
    assert!(set.defaults.is_none() && set.instruments["BTC-PERP"].trading.slippage == 1_000);
    assert!(faults(&altered("fee = 0.0015\n", ""))[0].contains("nothing could be listed"));
    // What is wrong in the defaults is named there, once.
    let twice =
        altered("fee = 0.0015", "fee = 0.9995") + "[instruments.A]\n[instruments.B]\nslippage = 0.0001\n";
    let found = faults(&twice);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("defaults.slippage: fee and slippage"), "{found:?}");
}

#[test]
fn a_file_with_ten_mistakes_lists_ten() {
    let mut text = DEFAULT.to_owned();
    for (piece, other) in [
        ("version = 1", "version = one"),
        ("\"native\"", "\"nativ\""),
        ("takeover = 171", "takeover = 999"),
        ("exhausted_max = 3", "exhausted_max = 0"),
        ("portion = 0.2", "portion = 0"),
        ("reserve = 0", "reserve = -1"),
        ("rate = 0.01 }", "rate = 0.001 }"),
        ("rate = 0.1 }", "rate = 0.01 }"),
        ("limit_band = 0.02", "limit_band = 2"),
        ("step = 0.0005", "stepp = 0.0005, step = 0.0005"),
    ] {
        assert_eq!(text.matches(piece).count(), 1, "{piece}");
        text = text.replace(piece, other);
    }
    let found = faults(&text);
    assert_eq!(found.len(), 10, "{}", found.join("\n"));
    assert!(found[0].starts_with("line 7: no TOML: "), "{}", found[0]);
    assert!(found.is_sorted_by_key(|fault| fault[5..].split(':').next().unwrap().parse::<u32>().unwrap()));
}

#[test]
fn text_that_is_no_toml_is_named_line_by_line() {
    let found = faults(&altered("name = \"default\"", "name = default"));
    assert!(found.len() == 1 && found[0].starts_with("line 6: no TOML: "), "{found:?}");
    assert!(!faults("").is_empty() && !faults("[[[").is_empty() && !faults("\u{0}").is_empty());
}

/// Sets by hand, one of a kind; comments, blanks, order of keys and inheritance do not count, and every number does.
#[test]
fn the_hash_is_of_what_decides() {
    let set = parse(&format!("{DEFAULT}{VENUE}")).unwrap();
    let hash = |text: &str| parse(text).unwrap().hash();
    let mut lines: Vec<&str> = DEFAULT.lines().collect();
    let rules = lines.iter().position(|line| *line == "[rules]").unwrap() + 1;
    lines[rules..rules + 14].reverse();
    let turned = lines.join("\n\n# a comment\n");
    assert_eq!(hash(&format!("{turned}{VENUE}")), set.hash());
    let in_full = write(&set, "all\nof it");
    assert_eq!(hash(&in_full), set.hash());
    assert_eq!(RuleSet { name: "other".into(), version: 9, ..set.clone() }.hash(), set.hash());
    for (piece, other) in [
        ("0.2, window", "0.21, window"),
        ("equality = false", "equality = true"),
        ("fee = 0.0015", "fee = 0.0016"),
        ("rate = 0.5 }", "rate = 0.51 }"),
        ("credit = 0.5", "credit = 0.6"),
        ("band = 0.02 }", "band = 0.03 }"),
        ("weight_long = 0.9\n", "weight_long = 0.91\n"),
        ("\"BTC-PERP\"", "\"BTC-PERQ\""),
    ] {
        let text = format!("{DEFAULT}{VENUE}").replace(piece, other).replace(
            "instruments.BTC-PERP",
            match other {
                "\"BTC-PERQ\"" => "instruments.BTC-PERQ",
                _ => "instruments.BTC-PERP",
            },
        );
        assert_ne!(hash(&text), set.hash(), "{other}");
    }
}

#[test]
fn a_curve_is_compiled_and_its_brackets_are_hashed() {
    let curve = "initial = { curve = \"sqrt\", floor_rate = 0.5, base_rate = 0.4, top_rate = 0.6, to = 1_000_000, tiers = 8 }";
    let set = parse(&altered("initial = []", curve)).unwrap();
    let tiers = &set.defaults.as_ref().unwrap().initial;
    assert_eq!(tiers.brackets.len(), 8);
    assert_eq!(parse(&write(&set, "")).unwrap(), set);
    let mut stated = set.clone();
    stated.defaults.as_mut().unwrap().initial.curve = None;
    assert_ne!(stated, set);
    assert_eq!(stated.hash(), set.hash());
    assert!(show::table(&set).contains("compiled from a curve: at most "), "{}", show::table(&set));
    let error = faults(&altered("initial = []", &curve.replace("tiers = 8", "tiers = 2")));
    assert!(error[0].contains("defaults.initial.tiers: 2 is outside 3 to 16"), "{error:?}");
    let error = faults(&altered("initial = []", &curve.replace("0.6", "0.9")));
    assert!(
        error[0].contains("defaults.initial: the margin would rise faster than the notional"),
        "{error:?}"
    );
}

#[test]
fn the_page_names_every_key() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/rules.md");
    let page = std::fs::read_to_string(path).unwrap();
    for (table, keys) in keys::ALL {
        let (_, section) =
            page.split_once(&format!("\n### `{table}`")).unwrap_or_else(|| panic!("no section {table}"));
        let section = section.split("\n### ").next().unwrap();
        for key in keys {
            assert!(
                section.contains(&format!("\n| `{key}` |")),
                "docs/rules.md does not say what {table}.{key} is"
            );
        }
    }
}

fn any_tiers(scale: u32, fewest: usize) -> impl Strategy<Value = Tiers> {
    let table = (prop::collection::btree_set(1u64..1 << 58, 0..15), prop::collection::vec(0..=scale, 16))
        .prop_map(move |(floors, mut rates)| {
            rates.sort_unstable();
            Tiers::of(std::iter::once(0).chain(floors).zip(rates).collect())
        });
    if fewest == 0 { prop_oneof![Just(Tiers::default()), table].boxed() } else { table.boxed() }
}

fn any_grid() -> impl Strategy<Value = GridRule> {
    let stated = (-18i8..=18, 1..=u64::from(u32::MAX), 32u8..=32, 1u8..=27).prop_map(
        |(lot_exponent, tick, price_bits, size_bits)| {
            GridRule::Stated(Grid { lot_exponent, tick, price_bits, size_bits })
        },
    );
    prop_oneof![Just(GridRule::AtFirstPrice), stated]
}

fn any_trading(scale: u32) -> impl Strategy<Value = Trading> {
    let rate = 0..scale.div_ceil(2);
    let limit = || prop_oneof![Just(u64::MAX), 0u64..1 << 60];
    let budget = prop_oneof![
        Just(Budget::default()),
        (1u64..1 << 30, 1u64..1 << 60).prop_map(|(capacity, refill)| Budget { capacity, refill })
    ];
    let book = prop_oneof![
        Just(Book::default()),
        (1u32..=1_000, rate.clone(), 1u64..1 << 60, 1u64..1 << 30)
            .prop_map(|(levels, step, level, refill_seconds)| Book { levels, step, level, refill_seconds })
    ];
    let rates = (rate.clone(), 0..scale - scale.div_ceil(2) + 1, rate.clone(), rate);
    (
        rates,
        budget,
        limit(),
        (limit(), limit()),
        (any_unwind(scale), any_breaker(scale), any_composition(scale)),
        book,
    )
        .prop_map(
            |(
                (fee, slippage, limit_band, mark_band),
                budget,
                fund_cap,
                (notional, loss),
                (unwind, breaker, composition),
                book,
            )| {
                Trading {
                    fee,
                    slippage: slippage.saturating_sub(1),
                    limit_band,
                    mark_band,
                    budget,
                    fund_cap,
                    backstop: BackstopLimits { notional, loss },
                    unwind,
                    breaker,
                    composition,
                    book,
                }
            },
        )
}

fn any_composition(scale: u32) -> impl Strategy<Value = Option<Composition>> {
    let parts = (0i64..1 << 40, 1i64..1 << 40, 0..scale);
    prop::option::of(parts.prop_map(|(stale_ms, ema_ms, band)| Composition { stale_ms, ema_ms, band }))
}

fn any_volatility(scale: u32) -> impl Strategy<Value = Option<Volatility>> {
    let parts = (1i64..1 << 40, 1..=scale, scale..=100 * scale, 1..=100 * scale, 1..=100 * scale);
    prop::option::of(parts.prop_map(|(window_ms, reference, multiple_max, rise, fall)| Volatility {
        window_ms,
        reference,
        multiple_max,
        rise,
        fall,
    }))
}

fn any_breaker(scale: u32) -> impl Strategy<Value = Option<Breaker>> {
    let length = || 1i64..1 << 40;
    let parts = (1..scale, length(), length(), 0u32..1 << 10, length(), 0..scale);
    prop::option::of(parts.prop_map(|(band, window_ms, halt_ms, stages, stage_ms, stage_band)| Breaker {
        band,
        window_ms,
        halt_ms,
        stages,
        stage_ms,
        stage_band,
    }))
}

fn any_unwind(scale: u32) -> impl Strategy<Value = Option<Unwind>> {
    let parts = (1i64..1 << 40, 1..=u32::MAX, 1..=scale, 0..scale);
    prop::option::of(parts.prop_map(|(interval_ms, slices, participation, band)| Unwind {
        interval_ms,
        slices,
        participation,
        band,
    }))
}

/// Funding, an expiry or neither.
fn any_end(scale: u32) -> impl Strategy<Value = (Option<Funding>, Option<Expiry>)> {
    let parts = (1i64..1 << 30, 0i64..1 << 30, any::<u32>(), 1u64..1 << 59, 0..=scale, 0..=scale, 0..scale);
    let funding = parts.prop_map(|(interval_ms, more, sample, impact, interest, clamp, cap)| Funding {
        interval_ms,
        period_ms: interval_ms + more,
        sample_ms: 1 + i64::from(sample) % interval_ms,
        impact,
        interest,
        clamp,
        cap,
    });
    let expiry = (any::<i64>(), 0i64..1 << 40).prop_map(|(time_ms, window_ms)| Expiry { time_ms, window_ms });
    prop_oneof![
        Just((None, None)),
        funding.prop_map(|funding| (Some(funding), None)),
        expiry.prop_map(|expiry| (None, Some(expiry))),
    ]
}

fn any_contract(scale: u32) -> impl Strategy<Value = Contract> {
    let interest = (0u64..1 << 59, 1u64..1 << 59)
        .prop_map(|(lower, above)| OpenInterest { lower, upper: lower + above });
    let parts = (
        any_grid(),
        any_tiers(scale, 1),
        any_tiers(scale, 0),
        interest,
        any_end(scale),
        any_volatility(scale),
        any_trading(scale),
        any::<bool>(),
    );
    parts.prop_map(
        move |(grid, brackets, initial, interest, (funding, expiry), volatility, trading, is_scaled)| {
            // Initial margin that would lie below the maintenance margin is the whole notional instead.
            let table = |tiers: &Tiers| TierTable::new(Scale::new(scale).unwrap(), &tiers.brackets).unwrap();
            let is_below = !initial.brackets.is_empty() && {
                let (one, other) = (table(&initial), table(&brackets));
                let edges =
                    initial.brackets.iter().chain(&brackets.brackets).map(|bracket| u128::from(bracket.0));
                edges.chain([(1 << 59) - 1]).any(|edge| one.requirement(edge) < other.requirement(edge))
            };
            let initial = if is_below { Tiers::of(vec![(0, scale)]) } else { initial };
            let open_interest =
                if is_scaled && !initial.brackets.is_empty() { interest } else { OpenInterest::default() };
            Contract { grid, brackets, initial, open_interest, funding, expiry, volatility, trading }
        },
    )
}

fn any_rules() -> impl Strategy<Value = Rules> {
    let scale = prop_oneof![Just(1_000_000u32), Just(600_000), Just(2_000), 2..=1_000_000u32];
    (scale, prop::array::uniform8(any::<u64>())).prop_map(|(scale, words)| {
        let within = |at: usize, least: u64, most: u64| least + words[at] % (most - least + 1);
        let mut rungs = [0, 1, 2].map(|at| within(at, 1, 1_023) as u32);
        rungs.sort_unstable_by_key(|&rung| std::cmp::Reverse(rung));
        let venues = [
            VenueRules::Native,
            VenueRules::DydxV4,
            VenueRules::BinanceUsdm,
            VenueRules::DriftV2,
            VenueRules::MangoV4,
        ];
        let orders = [
            Deleveraging::ProRata,
            Deleveraging::Hyperliquid,
            Deleveraging::Bitmex,
            Deleveraging::Binance,
            Deleveraging::Rotation,
        ];
        Rules {
            venue: venues[within(3, 0, 4) as usize],
            scale,
            rungs,
            equality: words[3] >> 40 & 1 == 1,
            target: within(4, u64::from(rungs[1]) + 1, 2_046) as u32,
            exhausted_max: within(5, 1, u32::MAX.into()) as u32,
            slices_at_once_max: within(6, 1, 9) as u32,
            residual_min: within(7, 0, (1 << 59) - 1),
            mark_hold_ms: within(7, 0, 1 << 40) as i64,
            cancel_wait_ms: within(6, 0, 1 << 40) as i64,
            notice_ms: within(5, 0, 1 << 40) as i64,
            close_factor: CloseFactor {
                above: within(6, 0, (1 << 59) - 1),
                portion: within(5, 1, scale.into()) as u32,
                window_ms: within(4, 1, 1 << 40) as i64,
            },
            insurance: Insurance {
                market_share: within(3, 0, scale.into()) as u32,
                reserve: within(2, 0, 1 << 62),
                window_ms: within(1, 1, 1 << 40) as i64,
            },
            deleveraging: orders[within(0, 0, 4) as usize],
            outage: (words[2] >> 30 & 1 == 1).then(|| {
                let [hold_ms, release_ms] = [3, 5].map(|at| within(at, 0, 1 << 38));
                Outage {
                    gap_ms: within(1, hold_ms + release_ms + 1, 1 << 40) as i64,
                    marks: within(2, 1, u32::MAX.into()) as u32,
                    hold_ms: hold_ms as i64,
                    band: within(4, 0, u64::from(scale) - 1) as u32,
                    release_ms: release_ms as i64,
                }
            }),
            gates: Gates {
                withdrawal_portion: within(6, 0, scale.into()) as u32,
                day_limit: within(7, 0, scale.into()) as u32,
                deficit_wait_ms: within(0, 0, 1 << 40) as i64,
            },
            pause_ms_max: within(1, 0, 1 << 40) as i64,
        }
    })
}

fn any_symbol() -> impl Strategy<Value = String> {
    prop_oneof!["[A-Z]{1,8}(-PERP)?", "[A-Z0-9/:\"\\\\. é]{1,20}"]
}

prop_compose! {
    fn any_set()(rules in any_rules())(
        name in any_symbol(),
        version in 1u32..,
        defaults in prop::option::of(any_contract(rules.scale)),
        instruments in prop::collection::btree_map(any_symbol(), any_contract(rules.scale), 0..6),
        collateral in prop::collection::btree_map("c[A-Z]{1,8}", (any_grid(), any_trading(rules.scale), 0..=rules.scale, 0..=rules.scale, prop::option::of((any::<bool>(), 1u64..1 << 60, 0..rules.scale))), 0..4),
        credit in 0..=rules.scale,
        grouped in any::<bool>(),
        rules in Just(rules),
    ) -> RuleSet {
        let mut set = RuleSet {
            name,
            version,
            defaults,
            instruments,
            collateral: Default::default(),
            groups: Default::default(),
            rules,
        };
        if set.instruments.is_empty() && set.defaults.is_none() {
            set.defaults = built_in_over(set.rules.scale);
        }
        let first = set.instruments.keys().next().cloned();
        for (symbol, (grid, trading, weight_long, above, redemption)) in collateral {
            let redemption = redemption.map(|(refers, ratio, band)| Redemption {
                reference: first.clone().filter(|_| refers),
                ratio,
                band,
            });
            let weight_short = set.rules.scale + above;
            set.collateral.insert(symbol, Collateral { grid, weight_long, weight_short, redemption, trading });
        }
        if grouped && set.instruments.len() > 1 {
            let instruments = set.instruments.keys().take(2).cloned().collect();
            set.groups.insert("a group".into(), Group { credit, instruments });
        }
        set
    }
}

/// A contract without a rate, for any scale.
fn built_in_over(scale: u32) -> Option<Contract> {
    let mut contract = built_in().defaults.clone()?;
    contract.brackets = Tiers::of(vec![(0, scale)]);
    (contract.funding, contract.volatility) = (None, None);
    let trading = &mut contract.trading;
    (trading.fee, trading.slippage, trading.limit_band, trading.mark_band) = (0, 0, 0, 0);
    (trading.unwind, trading.breaker, trading.composition) = (None, None, None);
    trading.book = Book::default();
    Some(contract)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_rule_set_is_written_and_read_back_and_listed(set in any_set(), price in 1i64..1_000_000_000_000) {
        let text = write(&set, "a comment");
        let read = parse(&text).unwrap_or_else(|faults| panic!("{faults}\n{text}"));
        prop_assert_eq!(&read, &set, "{}", text);
        prop_assert_eq!(read.hash(), set.hash());
        // What is read is what the engine takes, at any price that fits.
        let scale = Scale::new(set.rules.scale).unwrap();
        for symbol in set.instruments.keys().chain(set.collateral.keys()) {
            if let Ok(spec) = read.spec(symbol, Decimal::new(price, 6)) {
                prop_assert_eq!(spec.errors(scale), vec![]);
            }
        }
        // Showing it never fails.
        prop_assert!(show::table(&read).contains(&read.hash_text()));
        prop_assert_eq!(&show::object(&read)["hash"], &read.hash_text());
    }

    /// A file cut or altered anywhere is good or refused, never a panic.
    #[test]
    fn any_text_is_read_or_refused(at in 0..DEFAULT.len(), byte in 32u8..127, cut in any::<bool>()) {
        let mut text = format!("{DEFAULT}{VENUE}").into_bytes();
        if cut { text.truncate(at) } else { text[at] = byte }
        if let Err(faults) = parse(&String::from_utf8_lossy(&text)) {
            prop_assert!(!faults.0.is_empty());
        }
    }

    #[test]
    fn curves_are_written_and_read_back(floor in 1u32..300, top in 301u32..600, to in 1_000u64..1 << 55, tiers in 3usize..=16) {
        let curve = Curve { floor_rate: floor, base_rate: floor / 2, top_rate: top, to, tiers };
        let Ok(brackets) = curve.brackets(2_000) else { return Ok(()) };
        let mut set = RuleSet { defaults: built_in_over(2_000), ..(*built_in()).clone() };
        set.rules.scale = 2_000;
        (set.rules.close_factor.portion, set.rules.insurance.market_share) = (1, 1);
        set.rules.gates = Gates { withdrawal_portion: 1, day_limit: 1, deficit_wait_ms: 1 };
        set.rules.outage = None;
        set.defaults.as_mut().unwrap().initial = Tiers::default();
        set.defaults.as_mut().unwrap().brackets = Tiers { brackets, curve: Some(curve) };
        prop_assert_eq!(parse(&write(&set, "")).unwrap(), set);
    }
}
