use std::io::Write;
use std::path::PathBuf;

use super::*;

/// A tree with these files, run.
fn run_files(files: &[(&str, &str)]) -> anyhow::Result<Report> {
    let dir = tempfile::tempdir()?;
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a file has a folder"))?;
        std::fs::write(path, text)?;
    }
    run(&[dir.path().to_owned()])
}

fn error_of(text: &str) -> String {
    let error = run_files(&[("bad.json", text)]).expect_err(text);
    format!("{error:#}")
}

fn passed(report: &Report, kind: &str) -> (u64, u64) {
    let tally = report.kinds.get(kind).copied().unwrap_or_default();
    (tally.passed, tally.total)
}

/// A table with thirds in it: 1/50 below 100 million, 1/30 above.
fn tiered(notional: &str, margin: &str) -> String {
    format!(
        r#"{{"cases": [{{"id": "t/0", "kind": "tiered_maintenance_margin", "label": "x",
            "inputs": {{"tiers": [{{"lower_bound": 0, "max_leverage": 25}},
                                  {{"lower_bound": 100000000.0, "max_leverage": "15"}}], "notional": {notional}}},
            "expected": {{"maintenance_margin": {margin}}}, "tolerance": 0.001}}]}}"#
    )
}

/// One vector of 10 coins' worth: E = wallet + q*(P - 10).
fn vector(venue: &str, inputs: &str, expected: &str) -> String {
    format!(
        r#"{{"count": 1, "vectors": [{{"id": "v/0", "venue": "{venue}", "inputs": {{{inputs}}},
            "expected": {{{expected}}}, "tolerance_rel": 1e-06, "verified": true}}]}}"#
    )
}

const LONG: &str = r#""margin_mode": "isolated", "side": "long", "qty": 1.0, "entry": 10, "wallet_balance": 2.0, "mmr": 0.01"#;

#[test]
fn tiers_with_thirds_are_exact_and_the_tolerance_decides() {
    for (notional, margin, is_passed) in [
        ("200000000.0", "5333333.333333", true),
        ("100000000", "2000000", true),
        ("\"0\"", "0", true),
        ("0.5", "0.01", true),
        ("200000000.0", "5333333.334334", false),
        ("200000000.0", "5333333.3323", false),
    ] {
        let report = run_files(&[("a.json", &tiered(notional, margin))]).unwrap();
        assert_eq!(
            passed(&report, "tiered_maintenance_margin"),
            (u64::from(is_passed), 1),
            "{notional} {margin}"
        );
        assert_eq!(report.all_passed(), is_passed);
    }
}

#[test]
fn a_failure_carries_both_numbers_and_the_tolerance() {
    let report = run_files(&[("a.json", &tiered("100000000", "2000001"))]).unwrap();
    assert_eq!(
        report.to_json(),
        concat!(
            r#"{"kinds":{"tiered_maintenance_margin":{"passed":0,"total":1}},"unsupported":{},"#,
            r#""failures":[{"id":"t/0","key":"maintenance_margin","expected":"2000001","got":"2000000","tolerance":"0.001"}]}"#
        )
    );
    assert!(
        report
            .to_string()
            .starts_with("FAILED t/0: maintenance_margin is 2000000, expected 2000001 within 0.001")
    );
}

#[test]
fn a_maintenance_amount_continues_the_table_below_it() {
    let case = |amount: &str| {
        format!(
            r#"{{"cases": [{{"id": "m/0", "kind": "maintenance_amount",
                "inputs": {{"bracket_floor": 50, "mmr": 0.05, "prev_mmr": 0.025, "prev_amount": 0.56}},
                "expected": {{"maintenance_amount": {amount}}}, "tolerance": 1e-09}}]}}"#
        )
    };
    assert!(run_files(&[("a.json", &case("1.81"))]).unwrap().all_passed());
    assert!(!run_files(&[("a.json", &case("1.810000002"))]).unwrap().all_passed());
}

#[test]
fn liquidation_prices_of_each_mapping() {
    let short = LONG.replace("long", "short");
    let other = r#""other_positions": [{"side": "short", "qty": 0.5, "entry": 4, "mark": 6, "mmr": 0.1}]"#;
    let cross = format!("{}, {other}", LONG.replace("isolated", "cross"));
    let spot = r#""margin_mode": "isolated", "szi": "1", "entry": 10, "raw_usd": -8, "max_leverage": 50, "position_value": 11"#;
    for (venue, inputs, price) in [
        // (10 - 2) / 0.99 and (10 + 2) / 1.01
        ("gate", LONG.to_owned(), "8.08080808"),
        ("gate", short.clone(), "11.88118812"),
        // A fee of the close adds to the rate: 8 / 0.989.
        ("okx", format!("{LONG}, \"taker_fee\": 0.001"), "8.08897877"),
        // Maintenance amount 0.01: (10 - 2 - 0.01) / 0.99.
        ("binance", format!("{LONG}, \"maintenance_amount\": 0.01"), "8.07070707"),
        // Maintenance at entry: 10 - (2 - 0.1).
        ("bybit", LONG.to_owned(), "8.1"),
        ("bybit", short, "11.9"),
        // The other position lost 1 and asks 0.3: (10 - 2 + 1 + 0.3) / 0.99.
        ("binance-usdm", cross, "9.39393939"),
        ("hyperliquid", spot.to_owned(), "8.08080808"),
        // Sixteen digits of collateral stay exact: (10 - 3.3333333333333335) / 0.99.
        ("gate", LONG.replace("2.0", "3.3333333333333335"), "6.73400673"),
        // Far above the entry: the finest grid has no room for it, a coarser one has.
        ("gate", LONG.replace("long", "short").replace("2.0", "900"), "900.9900990"),
    ] {
        let report =
            run_files(&[("a.json", &vector(venue, &inputs, &format!("\"liquidation_price\": {price}")))])
                .unwrap_or_else(|error| panic!("{venue} {inputs}: {error:#}"));
        assert_eq!(passed(&report, "liquidation_price"), (1, 1), "{venue} {inputs}: {report}");
    }
}

#[test]
fn every_expected_number_of_a_case_is_compared() {
    let inputs = r#""margin_mode": "isolated", "szi": 1, "entry": 10, "raw_usd": -8, "mmr": 0.01, "position_value": 11"#;
    for (used, is_passed) in [("3", true), ("3.1", false)] {
        let expected = format!("\"liquidation_price\": 8.08080808, \"margin_used\": {used}");
        let report = run_files(&[("a.json", &vector("hyperliquid", inputs, &expected))]).unwrap();
        assert_eq!(report.all_passed(), is_passed);
        assert_eq!(passed(&report, "liquidation_price"), (u64::from(is_passed), 1));
    }
}

#[test]
fn a_price_that_is_not_there_fails() {
    // Collateral of 20 covers a long of 10 down to zero.
    let inputs = LONG.replace("2.0", "20");
    let report = run_files(&[("a.json", &vector("gate", &inputs, "\"liquidation_price\": 1"))]).unwrap();
    assert_eq!(report.failures[0].got, None);
    assert_eq!(passed(&report, "liquidation_price"), (0, 1));
}

#[test]
fn what_the_model_cannot_say_is_counted_by_name_and_never_passed() {
    let price = "\"liquidation_price\": 8.08080808";
    let unknown = r#"{"cases": [{"id": "a", "kind": "unheard_of", "inputs": {}, "expected": {}},
                                {"id": "b", "kind": "unheard_of", "inputs": {}, "expected": {}}]}"#;
    let report = run_files(&[
        ("a.json", unknown),
        ("b.json", &vector("gate", &format!("{LONG}, \"contract\": \"inverse\""), price)),
        ("deep/er/c.json", &vector("somewhere", LONG, price)),
        ("d.json", &vector("gate", LONG, &format!("{price}, \"adl\": 1"))),
        ("e.json", &vector("gate", &LONG.replace("0.01", "0.0123456789"), price)),
        ("notes.txt", "not a case file"),
    ])
    .unwrap();
    assert!(report.kinds.is_empty() && report.all_passed());
    let names: Vec<(&str, u64)> =
        report.unsupported.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(
        names,
        [
            ("liquidation_price/contract", 1),
            ("liquidation_price/expected adl", 1),
            ("liquidation_price/no exact grid", 1),
            ("liquidation_price/venue somewhere", 1),
            ("unheard_of", 2),
        ]
    );
}

#[test]
fn bad_input_names_file_case_and_key() {
    let price = "\"liquidation_price\": 8";
    for (text, named) in [
        ("{", &["bad.json", "not a case file"][..]),
        ("{}", &["bad.json", "not a case file"]),
        (r#"{"cases": [], "vectors": []}"#, &["bad.json", "not a case file"]),
        (r#"{"cases": [{"kind": "x"}]}"#, &["bad.json", "case 0", "id"]),
        (r#"{"cases": [{"id": "a/1", "inputs": {}, "expected": {}}]}"#, &["bad.json", "a/1", "kind"]),
        (r#"{"cases": [{"id": "a/1", "kind": "maintenance_amount", "expected": {}}]}"#, &["a/1", "inputs"]),
        (
            r#"{"cases": [{"id": "a/1", "kind": "maintenance_amount", "inputs": {}, "expected": {}}]}"#,
            &["bad.json", "a/1", "inputs.bracket_floor is missing"],
        ),
        (
            r#"{"cases": [{"id": "a", "kind": "x", "inputs": {}, "expected": {}},
                          {"id": "a", "kind": "x", "inputs": {}, "expected": {}}]}"#,
            &["bad.json", "a: two cases of that id"],
        ),
        (r#"{"count": 2, "cases": []}"#, &["bad.json", "2 cases and holds 0"]),
        (&tiered("-1", "0"), &["bad.json", "t/0", "inputs.notional is negative"]),
        (&tiered("true", "0"), &["bad.json", "t/0", "inputs.notional", "no decimal|not a decimal"]),
        (&tiered("1", "0").replace("max_leverage", "leverage"), &["t/0", "inputs.tiers"]),
        (&tiered("1", "0").replace("\"15\"", "0"), &["t/0", "max_leverage", "not above zero"]),
        (&tiered("1", "0").replace("100000000.0", "0"), &["t/0", "tier 1"]),
        (&tiered("1", "0").replace("0.001", "-1"), &["t/0", "tolerance is negative"]),
        (&vector("gate", &LONG.replace("mmr", "mmr_"), price).replace("mmr_", "time"), &["v/0", "mmr"]),
        (&vector("gate", &LONG.replace("\"long\"", "\"up\""), price), &["v/0", "side", "up"]),
        (&vector("gate", &LONG.replace("\"qty\": 1.0", "\"qty\": 0"), price), &["v/0", "inputs.qty"]),
        (&vector("gate", &format!("{LONG}, \"raw_usd\": 1"), price), &["v/0", "raw_usd"]),
        (&vector("gate", &format!("{LONG}, \"max_leverage\": 3"), price), &["v/0", "max_leverage"]),
        (&vector("gate", LONG, ""), &["v/0", "expected.liquidation_price is missing"]),
    ] {
        let error = error_of(text);
        for part in named {
            assert!(part.split('|').any(|part| error.contains(part)), "{error:?} does not say {part:?}");
        }
    }
}

#[test]
fn a_folder_without_cases_is_an_error() {
    assert!(
        format!("{:#}", run(&[PathBuf::from("/nowhere/at/all")]).unwrap_err()).contains("/nowhere/at/all")
    );
    assert!(format!("{:#}", run_files(&[("a.txt", "")]).unwrap_err()).contains("no case file"));
}

/// The folder of an environment variable, or one beside the repository; `None`, said aloud, if it is not there.
fn shared(variable: &str, sibling: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..").join(sibling);
    let dir = std::env::var_os(variable).map_or(beside, PathBuf::from);
    if dir.is_dir() {
        return Some(dir);
    }
    // Written past the harness, which keeps what passing tests print.
    let message = format!("SKIPPED: no case files in {} (set {variable})\n", dir.display());
    std::io::stderr().write_all(message.as_bytes()).expect("stderr takes a line");
    None
}

#[test]
fn the_shared_cases_pass() {
    let Some(dir) = shared("BACKSTOP_VECTORS", "shared/vectors") else { return };
    let report = run(&[dir]).unwrap();
    assert!(report.all_passed(), "{report}");
    assert!(passed(&report, "tiered_maintenance_margin").0 >= 10, "{report}");
    assert!(passed(&report, "maintenance_amount").0 >= 1, "{report}");
    assert!(passed(&report, "drift_liquidate_perp").0 >= 5, "{report}");
    assert!(passed(&report, "mango_perp_liq").0 >= 20, "{report}");
    for (kind, least) in [
        ("margin_requirement", 8),
        ("bankruptcy_price", 11),
        ("fillable_price", 13),
        ("process_deleveraging", 14),
        ("risk_cmp", 9),
        ("isolated_pool_waterfall", 1),
        ("paradex_share", 1),
        ("bitmex_adl_rank", 3),
        ("clamp_only", 4),
    ] {
        assert!(passed(&report, kind).0 >= least, "{kind}: {report}");
    }
}

#[test]
fn kinds_of_venues_and_documents_are_judged_and_their_unknown_keys_counted() {
    let case = |inputs: &str, expected: &str| {
        format!(
            r#"{{"cases": [{{"id": "a", "kind": "{}", "inputs": {{{inputs}}}, "expected": {{{expected}}}}}]}}"#,
            "adjusted_imf_ppm"
        )
    };
    let inputs =
        r#""initial_margin_ppm": 200000, "oi_lower_cap": 10, "oi_upper_cap": "20", "oi_notional": 15"#;
    let right = run_files(&[("a.json", &case(inputs, "\"ppm\": 600000"))]).unwrap();
    assert_eq!(passed(&right, "adjusted_imf_ppm"), (1, 1));
    let other =
        run_files(&[("a.json", &case(&format!("{inputs}, \"custom\": 1"), "\"ppm\": 600000"))]).unwrap();
    assert_eq!(
        other.unsupported.into_iter().collect::<Vec<_>>(),
        [("adjusted_imf_ppm/custom".to_owned(), 1)]
    );
    let falling = case(&inputs.replace("10", "30"), "\"ppm\": 1");
    assert!(error_of(&falling).contains("open interest lower cap"));
    let document = r#"{"cases": [{"id": "a", "kind": "fair_price", "inputs": {"index": 1, "funding": 0.5, "hours_left": 1, "interval": 0}, "expected": {"fair": 1}}]}"#;
    assert!(error_of(document).contains("inputs.interval is zero"));
}

#[test]
fn the_shared_liquidation_prices_pass() {
    let Some(dir) = shared("BACKSTOP_DATA", "shared/data") else { return };
    let report = run(&[dir.join("vectors")]).unwrap();
    assert!(report.all_passed(), "{report}");
    assert!(passed(&report, "liquidation_price").0 >= 32, "{report}");
    assert!(report.unsupported.is_empty(), "{report}");
}

fn venue_case(kind: &str, inputs: &str, expected: &str) -> String {
    format!(
        r#"{{"cases": [{{"id": "r/0", "kind": "{kind}", "inputs": {{{inputs}}}, "expected": {{{expected}}}}}]}}"#
    )
}

#[test]
fn venue_rules_are_judged_exactly_and_what_they_do_not_know_is_counted() {
    let rebase = |inputs: &str, expected: &str| {
        run_files(&[("a.json", &venue_case("drift_if_rebase", inputs, expected))]).unwrap()
    };
    let good = rebase(r#""total_shares": 100, "vault": 1"#, r#""expo": 1"#);
    assert_eq!((passed(&good, "drift_if_rebase"), good.all_passed()), ((1, 1), true));
    let wrong = rebase(r#""total_shares": 99, "vault": 1"#, r#""expo": 1"#);
    assert_eq!((passed(&wrong, "drift_if_rebase"), wrong.all_passed()), ((0, 1), false));
    let unknown = rebase(r#""total_shares": 99, "vault": 1, "epoch": 2"#, r#""expo": 1"#);
    assert_eq!(unknown.unsupported.get("drift_if_rebase/epoch"), Some(&1));
    for kind in ["drift_moon", "mango_moon"] {
        let report = run_files(&[("a.json", &venue_case(kind, "", ""))]).unwrap();
        assert_eq!(report.unsupported.get(kind), Some(&1));
    }
    let loss = |open: u64, expected: &str| {
        let inputs = format!(r#""loss": -7, "base_long": {open}, "base_short": 0"#);
        run_files(&[("a.json", &venue_case("drift_funding_delta_bankruptcy", &inputs, expected))])
    };
    assert!(loss(0, r#""error": "no_open_interest""#).unwrap().all_passed());
    assert!(!loss(1, r#""error": "no_open_interest""#).unwrap().all_passed());
    assert!(format!("{:#}", loss(0, r#""error": "moon""#).unwrap_err()).contains("moon"));
    let fraction = venue_case("drift_if_rebase", r#""total_shares": 1.5, "vault": 1"#, r#""expo": 1"#);
    assert!(error_of(&fraction).contains("total_shares is no whole number"));
}
#[path = "perturbed_tests.rs"]
mod perturbed;
