use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

const TIME: &str = "1626992741261";

fn spec(symbol: &str, lot_exponent: i8) -> InstrumentSpec {
    InstrumentSpec {
        lot_exponent,
        tick: 10,
        brackets: vec![(0, 5_000)],
        depth: Depth { levels: 20, step: 500, level_lots: 1, refill_lots: 1 },
        ..InstrumentSpec::plain(symbol, 1_000_000)
    }
}

/// One symbol's rows: side, price, quantity.
fn rows(symbol: &str, levels: &[(&str, &str, &str)]) -> String {
    levels.iter().map(|(side, price, qty)| format!("V,{symbol},{TIME},{side},0,{price},{qty}\n")).collect()
}

const TWO_SIDED: [(&str, &str, &str); 4] =
    [("B", "99.5", "5"), ("B", "90", "7.5"), ("A", "100.5", "4"), ("A", "110", "9")];

fn read(body: &str, sizes: &[(&str, &str)]) -> Result<Books, BooksError> {
    let sizes = sizes.iter().map(|(symbol, size)| (symbol.to_string(), size.parse().unwrap())).collect();
    let text = format!("venue,symbol,ts_ms,side,level,price,qty\n{body}");
    Books::read(text.as_bytes(), "books.csv", &sizes)
}

#[test]
fn a_symbols_own_book_is_used_in_its_lots_and_others_get_the_median() {
    let thick = TWO_SIDED.map(|(side, price, _)| (side, price, "50"));
    let books = read(&(rows("X", &TWO_SIDED) + &rows("Y", &thick) + &rows("Z", &thick)), &[]).unwrap();
    assert_eq!(
        (books.source("X"), books.source("W")),
        (format!("its own book at {TIME} ms"), "median of 3 books".into())
    );
    let spec_x = spec("X", -1);
    let own = books.profile(&spec_x, 1_000_000).unwrap();
    assert_eq!((own.within(-1, 10_000), own.within(-1, 100_000), own.within(1, 100_000)), (50, 125, 130));
    assert_eq!(
        books.depth(&spec_x, 1_000_000, 5).unwrap().level_lots,
        2,
        "the thinner side, 40 lots on 20 levels"
    );
    // The median of notionals within 1 %: 402, 497.5, 4,975, 4,975, 5,025, 5,025, the lower middle one.
    let spec_w = spec("W", -1);
    let depth = books.depth(&spec_w, 1_000_000, 1_000_000).unwrap();
    assert_eq!((depth.level_lots, depth.refill_lots, depth.levels), (4_975 / 20, 4_975 / 200, 20));
    let listed = InstrumentSpec { depth, ..spec_w };
    let usual = books.profile(&listed, 1_000_000).unwrap();
    assert_eq!(
        usual.within(-1, 10_000),
        20 * depth.level_lots,
        "as much within 1 % as the listed depth says"
    );
    assert_eq!(
        usual.within(-1, 100_000),
        20 * depth.level_lots * 1_904_522 / 1_000_000,
        "(99.5 + 90) / 99.5"
    );
}

#[test]
fn coin_margined_symbols_are_refused_by_name_unless_a_contract_has_a_size() {
    let body = rows("X", &TWO_SIDED) + &rows("BTCUSD_PERP", &TWO_SIDED);
    let books = read(&body, &[]).unwrap();
    assert!(books.refused()["BTCUSD_PERP"].contains("--contract-size"), "{:?}", books.refused());
    assert!(books.source("BTCUSD_PERP").starts_with("median of 1"));
    let books = read(&body, &[("BTCUSD_PERP", "100")]).unwrap();
    assert!(books.refused().is_empty());
    let own = books.profile(&spec("BTCUSD_PERP", -3), 1_000_000).unwrap();
    // 500 / 99.5 and 750 / 90 of the coin, in thousandths.
    assert_eq!((own.within(-1, 10_000), own.within(-1, 100_000)), (5_025, 5_025 + 8_333));
    let body = body.replace("V,BTCUSD_PERP", "BINANCE_DELIVERY,BTCX");
    assert!(read(&body, &[]).unwrap().refused().contains_key("BTCX"));
}

#[test]
fn a_book_that_is_none_is_refused_with_its_reason_and_the_rest_is_used() {
    for (levels, words) in [
        (&TWO_SIDED[..2], "it has no offers"),
        (&TWO_SIDED[2..], "it has no bids"),
        (&[("B", "100", "1"), ("A", "100", "1")], "not below its best offer"),
        (&[("B", "99.9", "1"), ("A", "100", "1"), ("A", "110", "1")], "bids do not reach 1 %"),
        (&[("B", "99.9", "0"), ("B", "90", "1"), ("A", "100", "1"), ("A", "110", "1")], "no bids within 1 %"),
    ] {
        let books = read(&(rows("X", &TWO_SIDED) + &rows("Y", levels)), &[]).unwrap();
        assert!(books.refused()["Y"].contains(words), "{words}: {:?}", books.refused());
        let error = read(&rows("Y", levels), &[]).unwrap_err().to_string();
        assert!(error.contains("no book that can be used: Y: ") && error.contains(words), "{error}");
    }
    assert!(read("", &[]).unwrap_err().to_string().contains("it has no rows"));
}

#[test]
fn a_row_that_cannot_be_read_is_named() {
    for (row, words) in [
        ("V,X,yesterday,B,0,1,1", "ts_ms"),
        ("V,X,1626992741261,C,0,1,1", "side \"C\""),
        ("V,X,1626992741261,B,0,-1,1", "price"),
        ("V,X,1626992741261,B,0,0,1", "price is 0"),
        ("V,X,1626992741261,B,0,1,1e400", "qty"),
        ("V,X,1626992741261,B,0,0.0000000000001,1", "at most 12 places"),
        ("V,X,1626992741261,B,0,1", "line 3"),
    ] {
        let error = read(&format!("V,X,{TIME},B,0,1,1\n{row}\n"), &[]).unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains(words), "{words}: {error}");
    }
    let error = Books::read(&b"ts_ms,type,seq,side,price,qty\n"[..], "b", &BTreeMap::new()).unwrap_err();
    assert!(error.to_string().contains("no column symbol"), "{error}");
    let error = read("", &[("X", "0")]).unwrap_err().to_string();
    assert!(error.contains("contract size 0 of X"), "{error}");
    let error = Books::open("/nowhere/books.csv".as_ref(), &BTreeMap::new()).unwrap_err().to_string();
    assert!(error.contains("check the path"), "{error}");
}

#[test]
fn later_snapshots_of_a_symbol_are_passed_over() {
    let later = rows("X", &TWO_SIDED).replace(TIME, "1626992741262");
    let books = read(&(rows("X", &TWO_SIDED) + &later), &[]).unwrap();
    assert_eq!(books.profile(&spec("X", 0), 1_000_000).unwrap().within(-1, 100_000), 12);
}

#[test]
fn the_shared_snapshots_are_read_where_they_are() {
    let folder = std::env::var_os("BACKSTOP_DATA")
        .map_or_else(|| PathBuf::from("../../../shared/data"), PathBuf::from);
    let path = folder.join("books/binance_futures_full_depth_snapshots_2021-07.csv.zst");
    if !path.exists() {
        eprintln!("skipped: {} is not there; set BACKSTOP_DATA", path.display());
        return;
    }
    let books = Books::open(&path, &BTreeMap::new()).unwrap();
    assert_eq!(books.snapshots.keys().collect::<Vec<_>>(), ["AKROUSDT", "CTKUSDT", "KEEPUSDT", "SUSHIUSDT"]);
    assert_eq!(books.refused.len(), 10);
    let sushi = books.profile(&spec("SUSHIUSDT", 0), 1_000_000).unwrap();
    // About a million of quote currency a side within 1 % of 7.6.
    assert!((120_000..150_000).contains(&sushi.within(-1, 10_000)), "{sushi:?}");
    assert!((70_000_000_000..300_000_000_000).contains(&books.usual.notional), "{}", books.usual.notional);
    let sizes = BTreeMap::from([("BTCUSD_211231".to_string(), Decimal::from(100))]);
    let books = Books::open(&path, &sizes).unwrap();
    assert!(books.source("BTCUSD_211231").starts_with("its own"));
    let bitcoin = books.profile(&spec("BTCUSD_211231", -3), 1_000_000).unwrap();
    assert!(bitcoin.within(1, 10_000) > 100_000, "{bitcoin:?}");
}

proptest! {
    /// The fit against a plain sum over the rows, in integers of a millionth.
    #[test]
    fn a_profile_holds_what_the_rows_hold(
        bids in proptest::collection::vec((1i64..999_000, 0i64..50_000_000), 1..40),
        offers in proptest::collection::vec((1i64..999_000, 0i64..50_000_000), 1..40),
        lot_exponent in -3i8..3,
    ) {
        let price = |micros: i64| Decimal::new(micros, 6).to_string();
        let mut body = format!("V,X,{TIME},B,0,0.5,0\nV,X,{TIME},A,0,2,0\nV,X,{TIME},B,0,0.999,1\nV,X,{TIME},A,0,1.001,1\n");
        let mut sides = [vec![(999_000, 1_000_000)], vec![(1_001_000, 1_000_000)]];
        for (away, micros) in &bids {
            body += &format!("V,X,{TIME},B,0,{},{}\n", price(999_000 - away + 1), price(*micros));
            sides[0].push((999_000 - away + 1, *micros));
        }
        for (away, micros) in &offers {
            body += &format!("V,X,{TIME},A,0,{},{}\n", price(1_001_000 + away - 1), price(*micros));
            sides[1].push((1_001_000 + away - 1, *micros));
        }
        let profile = read(&body, &[]).unwrap().profile(&spec("X", lot_exponent), 1_000_000).unwrap();
        // The mid is exactly 1.
        for (side, lots) in sides.iter().zip([-1, 1]) {
            for ppm in GRID_PPM {
                let micros: i64 = side.iter().filter(|(price, _)| (price - 1_000_000).abs() <= i64::from(ppm)).map(|row| row.1).sum();
                let expected = micros / 10i64.pow((6 + i32::from(lot_exponent)) as u32);
                prop_assert_eq!(profile.within(lots, ppm), expected as u64);
            }
        }
    }
}
