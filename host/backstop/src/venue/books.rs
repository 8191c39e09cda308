//! Depth from a file of book snapshots: the symbol's own book, or what is usual in the file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use engine::event::TimeMs;
use engine::rules::{Depth, InstrumentSpec};
use model::units::OutOfRange;
use rust_decimal::Decimal;

use super::ladder::levels_within;
use super::profile::GRID_PPM;
use super::snapshot::{PLACES_MAX, PriceLevel, integer_of};
use super::{BookSnapshot, DEPTH_PPM, DepthProfile, PPM};
use crate::feed::field::{self, time_of, unquoted};

/// Columns that a file of books must have; others are passed over, but for `venue`.
const COLUMNS: [&str; 5] = ["symbol", "ts_ms", "side", "price", "qty"];
/// Most rows of a file.
pub const ROWS_MAX: u64 = 10_000_000;
/// Longest time that refills all that lies within 1 % of the mark, as in the depth model of the instruments.
const REFILL_SECONDS: u64 = 200;

/// Why a file of books cannot be used, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum BooksError {
    #[error("cannot read books {path}: {source}; check the path and its permissions")]
    Unreadable {
        path: String,
        #[source]
        source: io::Error,
    },
    #[error("books {path} has no column {missing}; its header is {found}: it needs {}", COLUMNS.join(","))]
    Column { path: String, missing: &'static str, found: String },
    #[error("books {path}, line {line}: {what}; correct the row")]
    Row { path: String, line: u64, what: String },
    #[error("books {path} has more than {ROWS_MAX} rows; give a file of fewer snapshots")]
    TooLong { path: String },
    #[error("books {path} has no book that can be used: {}", refused.join("; "))]
    NoneUsable { path: String, refused: Vec<String> },
    #[error(
        "the contract size {size} of {symbol} is not a decimal above zero with at most {PLACES_MAX} places"
    )]
    ContractSize { symbol: String, size: Decimal },
}

/// Snapshots by symbol, the earliest of each, and why some are not used.
#[derive(Clone, Debug)]
pub struct Books {
    snapshots: BTreeMap<String, BookSnapshot>,
    refused: BTreeMap<String, String>,
    usual: Usual,
}

/// Medians over the snapshots of a file.
#[derive(Clone, Debug)]
struct Usual {
    /// Quanta of notional a side within 1 % of the mid.
    notional: u128,
    /// Notional at every distance of the grid over that within 1 %, parts per million; bids and offers.
    shapes: [[u64; GRID_PPM.len()]; 2],
}

/// Rows of one symbol.
#[derive(Default)]
struct Rows {
    time_ms: TimeMs,
    bids: Vec<PriceLevel>,
    offers: Vec<PriceLevel>,
    refused: Option<String>,
}

impl Books {
    /// Reads a CSV file, plain or zstd. Quantities of coin-margined symbols are in contracts: `contract_sizes` gives the quote currency of one
    /// contract by symbol, and symbols without one are refused by name.
    ///
    /// # Errors
    /// [`BooksError`] names the line that cannot be read, or why no book can be used.
    pub fn open(path: &Path, contract_sizes: &BTreeMap<String, Decimal>) -> Result<Self, BooksError> {
        let name = path.display().to_string();
        let unreadable = |source| BooksError::Unreadable { path: name.clone(), source };
        let mut file = File::open(path).map_err(unreadable)?;
        let mut magic = Vec::new();
        file.by_ref().take(4).read_to_end(&mut magic).map_err(unreadable)?;
        file.rewind().map_err(unreadable)?;
        if magic == [0x28, 0xb5, 0x2f, 0xfd] {
            Self::read(zstd::Decoder::new(file).map_err(unreadable)?, &name, contract_sizes)
        } else {
            Self::read(BufReader::new(file), &name, contract_sizes)
        }
    }

    /// As [`Self::open`], of text that is named `name` in errors.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn read(
        input: impl Read,
        name: &str,
        contract_sizes: &BTreeMap<String, Decimal>,
    ) -> Result<Self, BooksError> {
        let path = || name.to_string();
        let mut sizes = BTreeMap::new();
        for (symbol, &size) in contract_sizes {
            let wrong = || BooksError::ContractSize { symbol: symbol.clone(), size };
            let size = integer_of(size).filter(|size| *size > 0).ok_or_else(wrong)?;
            sizes.insert(symbol.as_str(), size);
        }
        let failed = |error: csv::Error| {
            let line = error.position().map_or(0, csv::Position::line);
            match error.into_kind() {
                csv::ErrorKind::Io(source) => BooksError::Unreadable { path: path(), source },
                kind => BooksError::Row {
                    path: path(),
                    line,
                    what: format!("no row of the header's width: {kind:?}"),
                },
            }
        };
        let mut csv = csv::ReaderBuilder::new().has_headers(true).from_reader(input);
        let header = csv.byte_headers().map_err(failed)?.clone();
        let column = |wanted: &str| header.iter().position(|cell| cell.trim_ascii() == wanted.as_bytes());
        let mut places = [0; COLUMNS.len()];
        for (place, missing) in places.iter_mut().zip(COLUMNS) {
            let found = || field::shortened(header.as_slice());
            *place = column(missing).ok_or_else(|| BooksError::Column {
                path: path(),
                missing,
                found: found(),
            })?;
        }
        let venue = column("venue");

        let mut symbols: BTreeMap<String, Rows> = BTreeMap::new();
        let mut record = csv::ByteRecord::new();
        let mut count = 0;
        while csv.read_byte_record(&mut record).map_err(failed)? {
            count += 1;
            if count > ROWS_MAX {
                return Err(BooksError::TooLong { path: path() });
            }
            let line = record.position().map_or(0, csv::Position::line);
            let cell = |at: usize| std::str::from_utf8(&record[at]).map(unquoted).unwrap_or("\u{fffd}");
            let [symbol, time, side, price, quantity] = places.map(cell);
            let mut take = || -> Result<(), String> {
                let time_ms = time_of(time).map_err(|(_, found)| format!("ts_ms {found} is no time"))?;
                let rows =
                    symbols.entry(symbol.to_string()).or_insert_with(|| Rows { time_ms, ..Rows::default() });
                if rows.time_ms != time_ms || rows.refused.is_some() {
                    return Ok(());
                }
                let size = sizes.get(symbol).copied();
                if size.is_none() && is_coin_margined(venue.map_or("", cell), symbol) {
                    rows.refused =
                        Some("its quantities are contracts (coin-margined); give --contract-size".into());
                    return Ok(());
                }
                let level = level_of(price, quantity, size)?;
                match side {
                    "B" | "b" | "bid" | "buy" => rows.bids.push(level),
                    "A" | "a" | "S" | "s" | "ask" | "sell" => rows.offers.push(level),
                    other => return Err(format!("side {other:?} is not B or A")),
                }
                Ok(())
            };
            take().map_err(|what| BooksError::Row { path: path(), line, what })?;
        }
        Self::of_rows(symbols).map_err(|refused| BooksError::NoneUsable { path: path(), refused })
    }

    fn of_rows(symbols: BTreeMap<String, Rows>) -> Result<Self, Vec<String>> {
        let (mut snapshots, mut refused) = (BTreeMap::new(), BTreeMap::new());
        for (symbol, Rows { time_ms, bids, offers, refused: why }) in symbols {
            match why.map_or_else(|| BookSnapshot::new(time_ms, bids, offers), Err) {
                Ok(snapshot) => drop(snapshots.insert(symbol, snapshot)),
                Err(why) => drop(refused.insert(symbol, why)),
            }
        }
        if snapshots.is_empty() {
            let mut words: Vec<String> =
                refused.iter().map(|(symbol, why)| format!("{symbol}: {why}")).collect();
            if words.is_empty() {
                words.push("it has no rows".into());
            }
            return Err(words);
        }
        Ok(Self { usual: Usual::of(&snapshots), snapshots, refused })
    }

    /// Symbols that are not used, and why.
    pub fn refused(&self) -> &BTreeMap<String, String> {
        &self.refused
    }

    /// Where the depth of `symbol` comes from, in words.
    pub fn source(&self, symbol: &str) -> String {
        match self.snapshots.get(symbol) {
            Some(snapshot) => format!("its own book at {} ms", snapshot.time_ms),
            None => format!("median of {} books", self.snapshots.len()),
        }
    }

    /// The depth model nearest to the book of `spec`'s symbol: the levels of `spec` as they are, holding together what the thinner side holds within
    /// 1 % of a mark of `price` quanta per lot, refilled in the same time.
    ///
    /// # Errors
    /// If the book holds more lots than can be counted.
    pub fn depth(&self, spec: &InstrumentSpec, scale: u32, price: u64) -> Result<Depth, OutOfRange> {
        let lots = match self.snapshots.get(&spec.symbol) {
            Some(snapshot) => {
                let profile = snapshot.profile(spec.lot_exponent)?;
                profile.within(-1, DEPTH_PPM).min(profile.within(1, DEPTH_PPM))
            }
            None => (self.usual.notional / u128::from(price.max(1))).min(1 << 40) as u64,
        };
        let levels = levels_within(&spec.depth, scale);
        Ok(Depth {
            level_lots: (lots / levels).max(1),
            refill_lots: (lots / REFILL_SECONDS).max(1),
            ..spec.depth
        })
    }

    /// The book of a listed instrument: its symbol's own in lots, or the usual shape with the lots of the instrument's depth within 1 %.
    ///
    /// # Errors
    /// If the book holds more lots than can be counted.
    pub fn profile(&self, spec: &InstrumentSpec, scale: u32) -> Result<DepthProfile, OutOfRange> {
        if let Some(snapshot) = self.snapshots.get(&spec.symbol) {
            return snapshot.profile(spec.lot_exponent);
        }
        let lots = u128::from(levels_within(&spec.depth, scale)) * u128::from(spec.depth.level_lots);
        let [bids, offers] = self
            .usual
            .shapes
            .map(|shape| shape.map(|share| (u128::from(share) * lots / u128::from(PPM)) as u64));
        Ok(DepthProfile::on_grid(bids, offers))
    }
}

impl Usual {
    fn of(snapshots: &BTreeMap<String, BookSnapshot>) -> Self {
        let sides =
            snapshots.values().flat_map(|snapshot| [0, 1].map(|side| snapshot.notional(side, DEPTH_PPM)));
        let shape = |side| {
            GRID_PPM.map(|ppm| {
                let share = |snapshot: &BookSnapshot| {
                    let whole = snapshot.notional(side, DEPTH_PPM);
                    let ratio = snapshot.notional(side, ppm).saturating_mul(u128::from(PPM)) / whole;
                    ratio.min(1 << 40) as u64
                };
                median(snapshots.values().map(share))
            })
        };
        Self { notional: median(sides), shapes: [shape(0), shape(1)] }
    }
}

/// The middle one, the lower of two.
fn median<T: Ord + Copy>(values: impl Iterator<Item = T>) -> T {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values[(values.len() - 1) / 2]
}

/// Delivery and perpetual contracts on a coin, by the names that venues give them: `BTCUSD_PERP`, `ETHUSD_210924`.
fn is_coin_margined(venue: &str, symbol: &str) -> bool {
    venue.ends_with("_DELIVERY") || symbol.contains("USD_")
}

/// A level from its text; `size` is the quote currency of a contract, if quantities are contracts.
fn level_of(price: &str, quantity: &str, size: Option<u128>) -> Result<PriceLevel, String> {
    let number = |what: &str, text: &str| {
        let value = Decimal::from_str_exact(text).ok().and_then(integer_of);
        value.ok_or_else(|| {
            format!(
                "{what} {} is no decimal from 0 with at most {PLACES_MAX} places",
                field::shortened(text.as_bytes())
            )
        })
    };
    let price = number("price", price)?;
    if price == 0 {
        return Err("price is 0".into());
    }
    let quantity = number("qty", quantity)?;
    let Some(size) = size else { return Ok(PriceLevel { price, quantity }) };
    let quantity = quantity.checked_mul(size).ok_or("qty is worth more than can be counted")? / price;
    Ok(PriceLevel { price, quantity })
}

#[cfg(test)]
#[path = "books_tests.rs"]
mod tests;
