use super::super::field::PRICE_MAX;
use super::*;
use proptest::prelude::*;

const HEADER: &str = "symbol,ts_ms,open,high,low,close,volume";
const T: TimeMs = 1_500_000_000_000;

fn read(bytes: &[u8]) -> Vec<Line> {
    let input: Box<dyn Read + Send> = Box::new(io::Cursor::new(bytes.to_vec()));
    Rows::new(input, "test.csv".into(), "PERP".into(), None).unwrap().collect()
}

fn one(row: &[u8]) -> Result<Row, (Reason, String)> {
    let mut lines = read(&[HEADER.as_bytes(), b"\n", row].concat());
    assert_eq!(lines.len(), 1, "{}", row.escape_ascii());
    match lines.remove(0) {
        Line::Row(row) => Ok(row),
        Line::Refused(refusal) => {
            assert_eq!((refusal.line, &*refusal.file), (2, "test.csv"));
            Err((refusal.reason, refusal.found))
        }
        Line::Filtered(_) => panic!("nothing is filtered"),
    }
}

fn reason(row: &str) -> Reason {
    one(row.as_bytes()).unwrap_err().0
}

#[test]
fn a_row_is_exact() {
    let row = one(b" \"BTCUSD\" ,1500000000000,0.30000000000000004,1.5e3,1E-05,+7.,x\r\n").unwrap();
    assert_eq!((&*row.symbol, row.time_ms, row.line), ("BTCUSD", T, 2));
    let expected =
        ["0.30000000000000004", "1500", "0.00001", "7"].map(|text| text.parse::<Decimal>().unwrap());
    assert_eq!([row.open, row.high, row.low, row.close], expected);
}

#[test]
fn every_bad_row_is_refused_with_its_reason() {
    let price = |text: &str| reason(&format!("A,{T},{text},2,1,1,0"));
    for text in [
        "NaN", "nan", "inf", "-inf", "", "abc", "1_000", "0x10", "1,", "1e", "1e+", ".", "--1", "1.2.3", "१",
        "null",
    ] {
        let expected = if text == "1," { Reason::TooManyColumns } else { Reason::PriceMalformed };
        assert_eq!(price(text), expected, "{text}");
    }
    for text in ["0", "0.000", "-1", "-0", "0e5", "-1e30"] {
        assert_eq!(price(text), Reason::PriceNotPositive, "{text}");
    }
    for text in [
        "1e30",
        "1e13",
        "1e-13",
        "1e-30",
        "1e99999999999",
        "100000000000000000000000000000000000000000",
        "1.00000000000000000000000000000000001",
    ] {
        assert_eq!(price(text), Reason::PriceOutOfRange, "{text}");
    }
    assert_eq!(reason(&format!("A,{T},1,2,3,1,0")), Reason::HighBelowLow);
    assert_eq!(reason(&format!("A,{T},5,2,1,1,0")), Reason::OutsideHighLow);
    assert_eq!(reason(&format!("A,{T},1,2,1,0.5,0")), Reason::OutsideHighLow);
    assert_eq!(reason(&format!("A,{T},1,2,1,1")), Reason::TooFewColumns);
    assert_eq!(reason("A"), Reason::TooFewColumns);
    assert_eq!(reason(&format!("A,{T},1,2,1,1,0,")), Reason::TooManyColumns);
    assert_eq!(reason(&format!(",{T},1,2,1,1,0")), Reason::Symbol);
    assert_eq!(reason(&format!("A\u{7}B,{T},1,2,1,1,0")), Reason::Symbol);
    assert_eq!(reason(&format!("{},{T},1,2,1,1,0", "A".repeat(33))), Reason::Symbol);
    assert_eq!(one(b"A\xff,1500000000000,1,2,1,1,0").unwrap_err().0, Reason::NotUtf8);
    let long = format!("A,{T},1,2,1,1,{}", "9".repeat(LINE_BYTES_MAX));
    assert_eq!(reason(&long), Reason::LineTooLong);
}

#[test]
fn a_time_that_is_not_utc_milliseconds_says_what_it_looks_like() {
    let time = |text: &str| one(format!("A,{text},1,2,1,1,0").as_bytes()).unwrap_err();
    for text in ["", "x", "1.5e12", "1500000000000.0", "0x5", "+-1", "--5"] {
        assert_eq!(time(text).0, Reason::TimeMalformed, "{text}");
    }
    for (text, hint) in [
        ("1500000000", "seconds?"),
        ("1500000000000000", "microseconds?"),
        ("1500000000000000000", "nanoseconds?"),
        ("0", ""),
        ("-1500000000000", ""),
        ("99999999999999999999999999", ""),
        ("4102444800000", ""),
    ] {
        let (reason, found) = time(text);
        assert_eq!(reason, Reason::TimeImplausible, "{text}");
        assert!(found.contains(hint), "{found}");
    }
}

#[test]
fn time_is_checked_per_symbol_against_the_last_accepted_row() {
    let row = |symbol, time_ms| format!("{symbol},{time_ms},1,2,1,1,0\n");
    let text = [
        format!("{HEADER}\n"),
        row("A", T),
        row("B", T - 60_000),
        row("A", T),
        row("A", T - 1),
        row("A", T + 60_000).replace(",2,", ",0,"),
        row("A", T + 60_000),
        row("B", T),
    ]
    .concat();
    let seen: Vec<_> = read(text.as_bytes())
        .iter()
        .map(|line| match line {
            Line::Row(row) => Ok(row.line),
            Line::Refused(refusal) => Err((refusal.line, refusal.reason)),
            Line::Filtered(_) => unreachable!(),
        })
        .collect();
    let expected = [
        Ok(2),
        Ok(3),
        Err((4, Reason::TimeRepeated)),
        Err((5, Reason::TimeBack)),
        Err((6, Reason::PriceNotPositive)),
        Ok(7),
        Ok(8),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn one_bad_line_costs_only_itself() {
    let text = format!(
        "\u{feff}{HEADER}\r\n\r\n\"A,{T},1,2,1,1,0\r\nA,{T},1,2,1,1,0\r\n   \n{HEADER}\n\0\0\0\nA,{},1,2,1,1,0",
        T + 1
    );
    let lines = read(text.as_bytes());
    let accepted: Vec<_> = lines
        .iter()
        .filter_map(|line| match line {
            Line::Row(row) => Some((row.line, row.time_ms)),
            _ => None,
        })
        .collect();
    // The unbalanced quote is part of a symbol of its own.
    assert_eq!(accepted, [(3, T), (4, T), (8, T + 1)]);
    assert_eq!(lines.len(), 5);
}

#[test]
fn columns_go_by_name() {
    let text = format!("close,junk,LOW, high ,\"open\",ts_ms\n4,zzz,1,9,3,{T}\n");
    let Line::Row(row) = read(text.as_bytes()).remove(0) else { panic!("refused") };
    assert_eq!([row.open, row.high, row.low, row.close], [3, 9, 1, 4].map(Decimal::from));
    assert_eq!(&*row.symbol, "PERP");
    assert_eq!(Columns::of_header("ts_ms,open,high,close").unwrap_err(), ["low"]);
    assert_eq!(
        Columns::of_header("ts_ms,open,open,high,low,close,symbol,symbol").unwrap_err(),
        ["open", "symbol"]
    );
}

proptest! {
    /// Whatever bytes come, the reader ends, stays within its buffers and every accepted row is a candle.
    #[test]
    fn noise_never_gets_through(bytes in prop::collection::vec(prop_oneof![Just(b','), Just(b'\n'), Just(b'1'), Just(b'.'), any::<u8>()], 0..2_000)) {
        let mut last = 1;
        for line in read(&[HEADER.as_bytes(), b"\n", &bytes].concat()) {
            let at = match line {
                Line::Row(row) => {
                    prop_assert!(row.low > Decimal::ZERO && row.low <= row.open.min(row.close) && row.open.max(row.close) <= row.high);
                    row.line
                }
                Line::Refused(refusal) => {
                    prop_assert!(refusal.found.len() < 300);
                    refusal.line
                }
                Line::Filtered(_) => unreachable!(),
            };
            prop_assert!(at > last);
            last = at;
        }
    }

    /// A price reads as the integer and places it was written from, plain or with an exponent.
    #[test]
    fn prices_are_exact(mantissa in 1i64..1_000_000_000_000, places in 0u32..12, exponent in -6i32..6) {
        let value = Decimal::new(mantissa, places);
        prop_assert_eq!(price_of(&value.to_string()).ok(), Some(value));
        let shifted = price_of(&format!("{value}e{exponent}"));
        let float = Decimal::new(mantissa, 0) * Decimal::from_scientific(&format!("1e{}", exponent - places as i32)).unwrap();
        if float >= Decimal::new(1, 12) && float <= Decimal::from(PRICE_MAX) {
            prop_assert_eq!(shifted.ok(), Some(float));
        } else {
            prop_assert_eq!(shifted.unwrap_err().0, Reason::PriceOutOfRange);
        }
    }
}
