use std::fmt::Write;
use std::path::PathBuf;

use model::tier::TierTable;
use model::units::Scale;

use super::*;
use crate::feed::instrument::{QUOTE_PLACES, QUOTE_UNIT};

const HEADER: &str = "symbol,tier,notional_floor,notional_cap,mmr,max_leverage,cum_maintenance_amount\n";

fn binance(rows: &str) -> Result<Source, ImportError> {
    super::binance::read(format!("{HEADER}{rows}").as_bytes(), &[])
}

/// A file of the shared data; says so where it is absent.
fn shared(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("BACKSTOP_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let path = folder.join("params").join(name);
    if path.exists() {
        return Some(path);
    }
    // Past the test harness, which keeps the output of tests that pass.
    let message = format!("SKIPPED: {} is absent; set BACKSTOP_DATA to the data folder\n", path.display());
    io::Write::write_all(&mut io::stderr(), message.as_bytes()).unwrap();
    None
}

#[test]
fn rows_that_do_not_follow_are_named() {
    let good = "A,1,0,5000,0.01,50,0\nA,2,5000,50000,0.02,25,50\nA,3,50000,600000,0.025,20,300\n";
    assert!(binance(good).is_ok());
    for (piece, other, expected) in [
        ("25,50\n", "25,51\n", "line 3: A: cum_maintenance_amount 51 is not 0 + 5000 * (0.02 - 0.01)"),
        ("A,2,", "A,3,", "line 3: A: tier 3 stands where 2 is due"),
        ("2,5000", "2,5001", "line 3: A: notional_floor 5001 is not the notional_cap of the tier before"),
        ("600000", "50000", "line 4: A: notional_cap does not lie above notional_floor"),
        ("0.025", "0.015", "line 4: A: mmr 0.015 lies below the 0.02 before"),
        ("0.025", "1.5", "line 4: A: mmr \"1.5\" is no rate from 0 to 1"),
        ("0.025", "0.0250000000001", "line 4: A: mmr 0.0250000000001 has more than 12 places"),
        ("0.025", "five", "line 4: A: mmr \"five\" is no rate"),
        ("1,0,5000", "1,,5000", "line 2: A: \"\" is no amount"),
        ("1,0,5000", "one,0,5000", "line 2: A: \"one\" is no number of a tier"),
        ("A,1,", ",1,", "line 2: : has no symbol"),
    ] {
        assert_eq!(good.matches(piece).count(), 1, "{piece}");
        let error = binance(&good.replace(piece, other)).unwrap_err().to_string();
        assert!(error.contains(expected), "{other}: {error}");
    }
    // All of them at once.
    let ImportError(errors) =
        binance(&good.replace(",50\n", ",51\n").replace(",300", ",299").replace("A,1", "A,7")).unwrap_err();
    assert_eq!(errors.len(), 3, "{errors:?}");
    assert!(binance("").unwrap_err().to_string().contains("no row"));
    let error = super::binance::read(b"symbol,tier,mmr\n", &[]).unwrap_err().to_string();
    assert!(error.contains("no column notional_floor, notional_cap, cum_maintenance_amount"), "{error}");
    let error = super::binance::read(format!("{HEADER}{good}").as_bytes(), &["B".into()]).unwrap_err();
    assert!(error.to_string().contains("B: no such symbol in the input"), "{error}");
}

#[test]
fn more_than_16_tiers_name_their_symbol() {
    let rows = |count: u64| {
        let mut rows = String::new();
        for tier in 1..=count {
            writeln!(rows, "LONG,{tier},{},{},0.1,1,0", (tier - 1) * 1_000, tier * 1_000).unwrap();
        }
        rows
    };
    assert!(binance(&rows(16)).is_ok());
    let error = binance(&rows(17)).unwrap_err().to_string();
    assert!(error.contains("LONG: has 17 tiers, at most 16"), "{error}");
}

#[test]
fn columns_may_stand_in_any_order_and_number() {
    let table =
        "mmr,extra,cum_maintenance_amount,notional_cap,notional_floor,tier,symbol\n0.01,x,0,9.2e18,0,1,A\n";
    let (set, comment) = super::binance::read(table.as_bytes(), &[]).unwrap().rule_set("tiers.csv").unwrap();
    assert_eq!((set.name.as_str(), set.rules.scale), ("tiers", 2_000));
    assert_eq!(set.instruments["A"].brackets.brackets, [(0, 20)]);
    assert!(set.defaults.is_none() && set.rules.equality);
    assert!(comment.contains("The scale 2,000 is the smallest"), "{comment}");
}

#[test]
fn rates_that_no_scale_holds_are_refused() {
    let source = binance("A,1,0,5000,0.01234567,50,0\n").unwrap();
    assert!(source.rule_set("x").unwrap_err().to_string().contains("no scale up to 1,000,000"));
}

/// The source's own formula, `notional * mmr - amount` of the row that the notional falls in, at every edge, one quantum beside it, and far out.
#[test]
fn imported_tiers_ask_for_what_the_source_states() {
    let Some(path) = shared("binance_usdm_leverage_tiers_2024-10.csv.zst") else { return };
    let bytes = bytes(&path).unwrap();
    let (set, _) = super::binance::read(&bytes, &[]).unwrap().rule_set("tiers").unwrap();
    assert_eq!((set.instruments.len(), set.rules.scale), (349, 2_000));
    let scale = Scale::new(set.rules.scale).unwrap();
    let mut compared = 0;
    for record in csv::Reader::from_reader(&bytes[..]).records() {
        let record = record.unwrap();
        let field =
            |at: usize| Decimal::from_scientific(&record[at]).or_else(|_| record[at].parse()).unwrap();
        let (floor, cap, rate, amount) = (field(2), field(3), field(4), field(6));
        let table = TierTable::new(scale, &set.instruments[&record[0]].brackets.brackets).unwrap();
        let shown = crate::rules::show::object(&RuleSet {
            instruments: BTreeMap::from([(record[0].to_owned(), set.instruments[&record[0]].clone())]),
            ..set.clone()
        });
        let tier = record[1].parse::<usize>().unwrap() - 1;
        let row = &shown["instruments"][&record[0]]["brackets"][tier];
        let shown =
            ["floor", "rate", "deduction"].map(|key| row[key].as_str().unwrap().parse::<Decimal>().unwrap());
        assert_eq!(shown, [floor, rate, amount]);
        let quantum = Decimal::new(1, QUOTE_PLACES as u32);
        let cap = cap.min(Decimal::from(500_000_000_000u64));
        for notional in [floor, floor + quantum, cap - quantum, cap] {
            // At a cap the next row holds as well: the formula is continuous.
            let stated = notional * rate - amount;
            let quanta = u128::try_from(notional * Decimal::from(QUOTE_UNIT)).unwrap();
            let asked = Decimal::from_i128_with_scale(table.requirement(quanta), QUOTE_PLACES as u32)
                / Decimal::from(scale.get());
            assert_eq!(asked, stated, "{} at {notional}", &record[0]);
            compared += 1;
        }
    }
    assert_eq!(compared, 4 * 2_805);
}

#[test]
fn a_genesis_file_gives_margins_and_grids() {
    let Some(path) = shared("dydx_v4_mainnet_genesis_risk_params.json") else { return };
    let bytes = bytes(&path).unwrap();
    let (set, _) = super::dydx::read(&bytes, &[]).unwrap().rule_set("genesis").unwrap();
    let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!((set.instruments.len(), set.rules.venue), (33, VenueRules::DydxV4));
    let scale = i128::from(set.rules.scale);
    for perpetual in json["perpetuals"].as_array().unwrap() {
        let params = &perpetual["params"];
        let symbol = params["ticker"].as_str().unwrap();
        let tier = &json["liquidity_tiers"][params["liquidity_tier"].as_u64().unwrap() as usize];
        let [initial, fraction] = ["initial_margin_ppm", "maintenance_fraction_ppm"]
            .map(|key| i128::from(tier[key].as_u64().unwrap()));
        // The price of the genesis file, exact, as the chain forms it.
        let market = (json["market_prices"].as_array().unwrap().iter())
            .find(|market| market["id"] == params["market_id"])
            .unwrap();
        let exponent = market["exponent"].as_i64().unwrap();
        let price =
            Decimal::from_i128_with_scale(market["price"].as_i64().unwrap().into(), (-exponent) as u32);
        let spec = set.spec(symbol, price).unwrap();
        let tables = [&spec.brackets, &spec.initial]
            .map(|brackets| TierTable::new(Scale::new(set.rules.scale).unwrap(), brackets).unwrap());
        for notional in [1i128, 999_999, 1_000_000, 1_234_567_891_011] {
            let asked = tables.map(|table| table.requirement(notional as u128));
            assert_eq!(asked[1] * 1_000_000, notional * initial * scale, "{symbol}");
            assert_eq!(asked[0] * 1_000_000_000_000, notional * initial * fraction * scale, "{symbol}");
        }
        let quoted = crate::feed::instrument::quanta(&spec, price).unwrap();
        assert!((1_000..1 << 30).contains(&quoted.quanta), "{symbol}: {} quanta a lot", quoted.quanta);
    }
    let bitcoin = set.spec("BTC-USD", Decimal::from(30_000)).unwrap();
    assert_eq!((bitcoin.lot_exponent, bitcoin.tick), (-4, 100), "a ten-thousandth, in whole dollars");
    assert_eq!((bitcoin.fee, set.rules.close_factor.above), (30, 1_000 * QUOTE_UNIT));
}

const GENESIS: &str = r#"{
  "liquidity_tiers": [{ "id": 4, "initial_margin_ppm": 50000, "maintenance_fraction_ppm": 600000,
    "open_interest_lower_cap": "25000000000000", "open_interest_upper_cap": 50000000000000 }],
  "perpetuals": [{ "params": { "ticker": "A-USD", "id": 7, "atomic_resolution": -6, "liquidity_tier": 4 } }]
}"#;

#[test]
fn open_interest_caps_scale_the_initial_margin() {
    let (set, _) = super::dydx::read(GENESIS.as_bytes(), &[]).unwrap().rule_set("genesis").unwrap();
    let contract = &set.instruments["A-USD"];
    assert_eq!(contract.open_interest, OpenInterest { lower: 25_000_000_000_000, upper: 50_000_000_000_000 });
    assert_eq!(contract.grid, GridRule::AtFirstPrice);
    for (piece, other, expected) in [
        ("\"liquidity_tier\": 4", "\"liquidity_tier\": 5", "A-USD: there is no liquidity tier 5"),
        ("600000,", "1000001,", "A-USD: a rate of liquidity tier 4 is above 1,000,000 ppm"),
        ("50000, ", "50001, ", "A-USD: the maintenance rate of liquidity tier 4 is no whole number of ppm"),
        ("\"25000000000000\"", "\"x\"", "\"x\" is no whole number"),
        ("\"perpetuals\"", "\"others\"", "missing field `perpetuals`"),
        (
            "[{ \"params\"",
            "[{ \"params\": { \"ticker\": \"A-USD\", \"id\": 8, \"atomic_resolution\": -6, \"liquidity_tier\": 4 } }, { \"params\"",
            "A-USD: stands twice",
        ),
    ] {
        assert_eq!(GENESIS.matches(piece).count(), 1, "{piece}");
        let error = super::dydx::read(GENESIS.replace(piece, other).as_bytes(), &[]).unwrap_err().to_string();
        assert!(error.contains(expected), "{other}: {error}");
    }
    let error = super::dydx::read(GENESIS.as_bytes(), &["B".into()]).unwrap_err().to_string();
    assert!(error.contains("B: no such symbol"), "{error}");
}
