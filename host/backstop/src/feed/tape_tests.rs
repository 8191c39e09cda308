use super::super::{Item, Mark};
use super::*;
use proptest::prelude::*;
use rust_decimal::Decimal;
use std::io::Write;

const T: TimeMs = 1_500_000_000_000;

fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn open(bytes: &[u8]) -> Result<(Tape, Vec<Refusal>, tempfile::NamedTempFile), TapeError> {
    let file = file(bytes);
    let mut refusals = Vec::new();
    let tape = Tape::open(file.path(), &TapeOptions::default(), |refusal| refusals.push(refusal.clone()))?;
    Ok((tape, refusals, file))
}

fn marks(tape: &Tape) -> Vec<(TimeMs, String, Decimal)> {
    tape.marks().map(|mark| mark.unwrap()).map(|m| (m.time_ms, m.symbol.to_string(), m.price)).collect()
}

fn rows(rows: &[(&str, TimeMs, i64)]) -> String {
    let mut text = String::from("symbol,ts_ms,open,high,low,close\n");
    for (symbol, time_ms, price) in rows {
        text += &format!("{symbol},{time_ms},{},{},{price},{}\n", price + 1, price + 9, price + 2);
    }
    text
}

#[test]
fn a_file_that_is_no_tape_says_so() {
    let error = |bytes: &[u8]| open(bytes).err().unwrap().to_string();
    assert!(error(b"").contains("is empty; it needs a header"));
    assert!(error(b"\n\n  \n").contains("is empty; it needs a header"));
    assert!(error(b"ts_ms,open\n1,2\n").contains("no usable column high,low,close"));
    assert!(error(b"\x1f\x8b\x08\x00abc").contains("is gzip; give it as plain CSV or zstd"));
    assert!(error(&[0xff; 100_000]).contains("no usable column"));
    assert!(error(b"ts_ms,open,high,low,close\n").contains("no acceptable row (0 refused"));
    assert!(error(b"ts_ms,open,high,low,close\n1,1,1,1,1\n").contains("no acceptable row (1 refused"));
    assert!(error(&[0x28, 0xb5, 0x2f, 0xfd]).contains("cannot open tape"));
    let missing = Tape::open(Path::new("/nonexistent/x.csv"), &TapeOptions::default(), |_| {}).unwrap_err();
    assert!(missing.to_string().contains("check the path"), "{missing}");
    let folder = tempfile::tempdir().unwrap();
    let folder = Tape::open(folder.path(), &TapeOptions::default(), |_| {}).unwrap_err();
    assert!(folder.to_string().contains("not a regular file"), "{folder}");
}

#[test]
fn strict_stops_at_the_first_refused_row() {
    let file = file(b"ts_ms,open,high,low,close\n1500000000000,1,1,1,1\n1500000060000,NaN,1,1,1\n");
    let options = TapeOptions { strict: true, ..TapeOptions::default() };
    let error = Tape::open(file.path(), &options, |_| {}).unwrap_err().to_string();
    assert!(error.contains(":3: price is not a decimal number: \"NaN\""), "{error}");
}

#[test]
fn a_symbol_that_never_occurs_is_an_error_naming_those_that_do() {
    let file = file(rows(&[("BTC", T, 5), ("ETH", T, 6)]).as_bytes());
    let options = |symbols: &[&str]| TapeOptions {
        symbols: symbols.iter().map(ToString::to_string).collect(),
        ..TapeOptions::default()
    };
    let error = Tape::open(file.path(), &options(&["ETH", "DOGE"]), |_| {}).unwrap_err().to_string();
    assert!(error.contains("no acceptable row of DOGE; it holds ETH,BTC"), "{error}");
    let tape = Tape::open(file.path(), &options(&["ETH"]), |_| {}).unwrap();
    assert_eq!((tape.report().rows, tape.report().accepted, tape.report().filtered), (2, 1, 1));
    assert_eq!(marks(&tape).len(), 4);
}

#[test]
fn a_cut_stream_keeps_what_came_before_and_says_so() {
    let text =
        rows(&(0..60_000).map(|at| ("A", T + at * 60_000, 100 + at % 977 * at % 89)).collect::<Vec<_>>());
    let whole = zstd::encode_all(text.as_bytes(), 3).unwrap();
    let (tape, refusals, _file) = open(&whole).unwrap();
    assert_eq!((tape.report().accepted, refusals.len()), (60_000, 0));
    for cut in [whole.len() - 1, whole.len() / 2] {
        let (tape, refusals, _file) = open(&whole[..cut]).unwrap();
        let report = tape.report();
        assert_eq!(refusals.len(), 1);
        let refusal = &refusals[0];
        assert_eq!(refusal.reason, Reason::StreamCut);
        assert!(refusal.found.contains(&format!("last whole line is {}", report.accepted + 1)), "{refusal}");
        assert_eq!(report.rows, report.accepted + 1);
        assert!(report.accepted > 1_000 && report.accepted <= 60_000, "{}", report.accepted);
        assert_eq!(marks(&tape).len() as u64, 4 * report.accepted);
        let options = TapeOptions { strict: true, ..TapeOptions::default() };
        let error = Tape::open(_file.path(), &options, |_| {}).unwrap_err().to_string();
        assert!(error.contains("compressed stream cut or damaged"), "{error}");
    }
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 0x55;
    damaged[whole.len() / 2 + 40] ^= 0x55;
    if let Ok((tape, refusals, _file)) = open(&damaged) {
        assert!(!refusals.is_empty());
        assert_eq!(marks(&tape).len() as u64, 4 * tape.report().accepted);
    }
}

#[test]
fn a_tape_that_changes_between_the_passes_is_an_error() {
    for shape in [
        [("A", T, 5), ("B", T, 6), ("A", T + 60_000, 7)],
        [("B", T + 60_000, 6), ("A", T, 5), ("A", T + 60_000, 7)],
    ] {
        let (tape, _, file) = open(rows(&shape).as_bytes()).unwrap();
        std::fs::write(file.path(), rows(&shape[..2])).unwrap();
        let last = tape.items().last().unwrap();
        assert!(matches!(last, Err(TapeError::Changed { .. })), "{last:?}");
        std::fs::remove_file(file.path()).unwrap();
        assert!(matches!(tape.items().next(), Some(Err(TapeError::Open { .. }))));
        std::fs::write(file.path(), "").unwrap();
    }
}

#[test]
fn too_many_symbols_are_refused_before_memory_is_spent() {
    let names: Vec<String> = (0..SYMBOLS_MAX + 1).map(|at| format!("S{at}")).collect();
    let all: Vec<_> = names.iter().map(|name| (name.as_str(), T, 5)).collect();
    assert!(matches!(open(rows(&all).as_bytes()), Err(TapeError::TooManySymbols { .. })));
    let mut few = all[..READERS_MAX + 1].to_vec();
    assert!(open(rows(&few).as_bytes()).is_ok(), "in order of time one reader does");
    few[0].1 += 1;
    assert!(matches!(open(rows(&few).as_bytes()), Err(TapeError::TooManyReaders { symbols: 257, .. })));
}

fn times(tape: &Tape, symbol: &str) -> Vec<TimeMs> {
    marks(tape).iter().filter(|mark| mark.1 == symbol).map(|mark| mark.0 - T).collect()
}

/// Quarters of a minute, but before a row that comes early, and in the last candle after one that did.
#[test]
fn a_time_off_the_grid_shortens_its_own_candle_only() {
    let minute = |at: i64| T + 60_000 * at;
    let list = [
        ("A", minute(0), 5),
        ("B", minute(0), 5),
        ("A", minute(1), 5),
        ("A", minute(1) + 4, 5),
        ("A", minute(2), 5),
        ("A", minute(5), 5),
        ("B", minute(5), 5),
        ("B", minute(5) + 8, 5),
    ];
    let by_time = rows(&list);
    let mut list = list.to_vec();
    list.sort_by_key(|row| row.0);
    for text in [by_time, rows(&list)] {
        let (tape, refusals, _file) = open(text.as_bytes()).unwrap();
        assert!(refusals.is_empty());
        let quarters = |start: i64, length: i64| (0..4).map(move |at| start + at * length / 4);
        let a = [(0, 60_000), (60_000, 4), (60_004, 59_996), (120_000, 60_000), (300_000, 60_000)];
        assert_eq!(times(&tape, "A"), a.into_iter().flat_map(|(at, l)| quarters(at, l)).collect::<Vec<_>>());
        let b = [(0, 60_000), (300_000, 8), (300_008, 8)];
        assert_eq!(times(&tape, "B"), b.into_iter().flat_map(|(at, l)| quarters(at, l)).collect::<Vec<_>>());
    }
}

/// Denser than is read ahead: a candle then ends before its symbol's next all the same.
#[test]
fn rows_of_a_minute_are_read_ahead_within_a_bound() {
    let mut list = vec![("A", T, 5)];
    list.extend((1..40_000).flat_map(|ms| [("B", T + ms, 5), ("C", T + ms, 5)]));
    list.push(("A", T + 40_000, 5));
    let (tape, _, _file) = open(rows(&list).as_bytes()).unwrap();
    let seen = times(&tape, "A");
    assert!(seen.is_sorted() && seen[3] > 20_000 && seen[3] < 40_000, "{seen:?}");
    assert_eq!(times(&tape, "B").len(), 4 * 39_999);
}

#[test]
fn a_price_beyond_the_instrument_refuses_its_row_whole() {
    let row = |at: i64, price: &str| format!("{},{price},{price},{price},{price}\n", T + 60_000 * at);
    let high = format!("{},100,100000000000,100,100\n", T + 120_000);
    let day = 1_440;
    let text = ["ts_ms,open,high,low,close\n", &row(0, "100"), &row(1, "1e-12"), &high, &row(3, "100")]
        .concat()
        + &row(day, "1e11");
    let (tape, refusals, file) = open(text.as_bytes()).unwrap();
    assert_eq!(refusals.iter().map(|refusal| refusal.line).collect::<Vec<_>>(), [3, 4]);
    assert!(refusals.iter().all(|refusal| refusal.reason == Reason::PriceUnquotable));
    assert!(refusals[1].to_string().contains("100000000000 needs more than 32 bits"), "{}", refusals[1]);
    let report = tape.report();
    assert_eq!((report.rows, report.accepted, report.refused_total(), report.episodes), (5, 3, 2, 2));
    assert_eq!(marks(&tape).len(), 12);
    assert_eq!(episodes(&tape).len(), 2);
    let options = TapeOptions { strict: true, ..TapeOptions::default() };
    let error = Tape::open(file.path(), &options, |_| {}).unwrap_err().to_string();
    assert!(error.contains(":3: price has no integer form") && error.contains("rounds to zero"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Grouped by symbol, in order of time, or in any mixture of the symbols' own orders; plain or zstd: the same marks.
    #[test]
    fn the_order_of_a_file_does_not_matter(
        steps in prop::collection::vec((0usize..3, 1i64..4, 1i64..50), 1..60),
    ) {
        const NAMES: [&str; 3] = ["AA", "B", "CUSD"];
        let mut next_ms = [T; 3];
        let mut candles: Vec<(&str, TimeMs, i64)> = Vec::new();
        for &(symbol, step, price) in &steps {
            next_ms[symbol] += step * 20_000;
            candles.push((NAMES[symbol], next_ms[symbol], price));
        }
        let mut by_time = candles.clone();
        by_time.sort_by_key(|row| (row.1, row.0));
        let mut by_symbol = by_time.clone();
        by_symbol.sort_by_key(|row| row.0);
        let expected = marks(&open(rows(&by_time).as_bytes()).unwrap().0);
        prop_assert!(expected.is_sorted_by_key(|mark| (mark.0, mark.1.clone())));
        prop_assert_eq!(expected.len(), 4 * candles.len());
        for order in [&candles, &by_symbol] {
            let (tape, refusals, _file) = open(&zstd::encode_all(rows(order).as_bytes(), 1).unwrap()).unwrap();
            prop_assert!(refusals.is_empty());
            prop_assert_eq!(marks(&tape), expected.clone());
        }
    }
}

/// The named tape of the shared data, or none with a visible note.
fn shared(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("BACKSTOP_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let path = folder.join("tapes").join(name);
    if !path.is_file() {
        // Written past the harness, which keeps what passing tests print.
        let message =
            format!("SKIPPED: {} is absent; set BACKSTOP_DATA to the data folder\n", path.display());
        std::io::stderr().write_all(message.as_bytes()).expect("stderr takes a line");
        return None;
    }
    Some(path)
}

/// Marks computed another way: everything in memory, floats nowhere, sorted once.
fn naive(path: &Path, has_symbol: bool) -> Vec<(TimeMs, String, Decimal)> {
    let text = String::from_utf8(zstd::decode_all(File::open(path).unwrap()).unwrap()).unwrap();
    let mut marks = Vec::new();
    for line in text.lines().skip(1) {
        let mut fields: Vec<&str> = line.split(',').collect();
        let symbol = if has_symbol { fields.remove(0) } else { "PERP" };
        let time_ms: TimeMs = fields[0].parse().unwrap();
        let [open, high, low, close] = [1, 2, 3, 4].map(|at| fields[at].parse::<Decimal>().unwrap());
        let middle = if high - open < open - low { [high, low] } else { [low, high] };
        for (quarter, price) in [open, middle[0], middle[1], close].into_iter().enumerate() {
            marks.push((time_ms + 15_000 * quarter as i64, symbol.to_string(), price));
        }
    }
    marks.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    marks
}

fn episodes(tape: &Tape) -> Vec<(TimeMs, TimeMs, u64)> {
    let mut start = 0;
    let mut seen = Vec::new();
    let mut count = 0;
    let mut last = None::<Mark>;
    for item in tape.items() {
        match item.unwrap() {
            Item::EpisodeStart { episode, time_ms } => {
                assert_eq!(episode as usize, seen.len());
                (start, count, last) = (time_ms, 0, None);
            }
            Item::Mark(mark) => {
                let before = last.as_ref().map_or(start, |mark| mark.time_ms);
                assert!(mark.time_ms - before <= super::super::episode::GAP_MS_MAX && mark.time_ms >= before);
                count += 1;
                last = Some(mark);
            }
            Item::EpisodeEnd { time_ms, marks, .. } => {
                assert_eq!((marks, Some(time_ms)), (count, last.as_ref().map(|mark| mark.time_ms)));
                seen.push((start, time_ms, marks));
            }
        }
    }
    seen
}

#[test]
fn the_bitfinex_tape_has_ten_episodes() {
    let Some(path) = shared("bitfinex_spot_1m_crash_windows_2013_2017.csv.zst") else { return };
    let mut refusals = Vec::new();
    let tape =
        Tape::open(&path, &TapeOptions::default(), |refusal| refusals.push(refusal.to_string())).unwrap();
    let report = tape.report();
    eprintln!("{} rows, {} accepted, refused {:?}", report.rows, report.accepted, report.refused);
    assert_eq!(report.accepted + report.refused_total(), 36_708);
    assert!(refusals.is_empty(), "{refusals:?}");
    assert_eq!(report.symbols.len(), 6);
    assert!(!report.sorted);
    assert_eq!(marks(&tape), naive(&path, true));
    let episodes = episodes(&tape);
    eprintln!("{episodes:?}");
    assert_eq!(episodes.len(), 10);
    assert_eq!(episodes.iter().map(|episode| episode.2).sum::<u64>(), 4 * 36_708);
}

#[test]
fn the_perpetual_tape_is_one_episode() {
    let Some(path) = shared("btc_perp_1m_2021-12-31_2022-02-01.csv.zst") else { return };
    let tape = Tape::open(&path, &TapeOptions::default(), |refusal| panic!("{refusal}")).unwrap();
    assert_eq!((tape.report().accepted, tape.report().sorted), (45_031, true));
    assert_eq!(marks(&tape), naive(&path, false));
    assert_eq!(episodes(&tape).len(), 1);
}
