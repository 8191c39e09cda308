//! One line of a candle file: read within a bound, checked, refused with its reason. Nothing a file contains can stop the reader or make it grow.
//!
//! A line is split at its commas; a field may stand in double quotes but cannot hold a comma. Blank lines are skipped. An unbalanced
//! quote therefore costs its own line and never swallows the next ones.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

use engine::event::TimeMs;
use rust_decimal::Decimal;

use super::field::{price_of, shortened, time_of, unquoted};

/// Longest line that is read, bytes.
pub const LINE_BYTES_MAX: usize = 16 << 10;
/// Longest symbol, bytes.
pub const SYMBOL_BYTES_MAX: usize = 32;

/// Why a row is refused.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Reason {
    LineTooLong,
    NotUtf8,
    TooFewColumns,
    TooManyColumns,
    Symbol,
    TimeMalformed,
    TimeImplausible,
    PriceMalformed,
    PriceNotPositive,
    PriceOutOfRange,
    HighBelowLow,
    OutsideHighLow,
    TimeRepeated,
    TimeBack,
    /// No integer of the instrument that the episode's first price of the symbol makes: it needs too many bits or rounds to zero.
    PriceUnquotable,
    /// The compressed stream ends early or is damaged: this and everything after it is lost.
    StreamCut,
}

impl Reason {
    pub fn text(self) -> &'static str {
        match self {
            Self::LineTooLong => "line too long",
            Self::NotUtf8 => "not UTF-8",
            Self::TooFewColumns => "too few columns (truncated row)",
            Self::TooManyColumns => "too many columns",
            Self::Symbol => "symbol empty, too long or with control characters",
            Self::TimeMalformed => "time is not a whole number",
            Self::TimeImplausible => "time is not plausible as UTC milliseconds",
            Self::PriceMalformed => "price is not a decimal number",
            Self::PriceNotPositive => "price is not above zero",
            Self::PriceOutOfRange => "price outside 1e-12..=1e12 or beyond 28 digits",
            Self::HighBelowLow => "high below low",
            Self::OutsideHighLow => "open or close outside low..=high",
            Self::TimeRepeated => "time repeated for the symbol",
            Self::TimeBack => "time goes back for the symbol",
            Self::PriceUnquotable => "price has no integer form beside the episode's first",
            Self::StreamCut => "compressed stream cut or damaged; the rest is lost",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.text())
    }
}

/// A refused row: where, why, and what was found (shortened, escaped).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    pub file: Arc<str>,
    pub line: u64,
    pub reason: Reason,
    pub found: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}: {}", self.file, self.line, self.reason, self.found)
    }
}

/// An accepted row.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Row {
    pub line: u64,
    pub symbol: Arc<str>,
    pub time_ms: TimeMs,
    pub open: Decimal,
    pub high: Decimal,
    pub low: Decimal,
    pub close: Decimal,
}

/// What a line turned out to be.
#[derive(Debug)]
pub enum Line {
    Row(Row),
    /// Of a symbol that was not asked for; only its columns and symbol were looked at.
    Filtered(Arc<str>),
    Refused(Refusal),
}

/// Where the needed columns are.
#[derive(Clone, Copy, Debug)]
pub struct Columns {
    count: usize,
    symbol: Option<usize>,
    time: usize,
    /// Open, high, low, close.
    prices: [usize; 4],
}

/// Columns without which a file is no candle file.
pub const REQUIRED: [&str; 5] = ["ts_ms", "open", "high", "low", "close"];

impl Columns {
    /// Columns by name, in any order and case, others ignored.
    ///
    /// # Errors
    /// Names of the columns that are missing or stand twice.
    pub fn of_header(header: &str) -> Result<Self, Vec<&'static str>> {
        let names: Vec<String> =
            header.split(',').map(|name| unquoted(name).trim().to_ascii_lowercase()).collect();
        let find = |wanted: &str| {
            let mut at = names.iter().enumerate().filter(|(_, name)| *name == wanted).map(|(index, _)| index);
            (at.next(), at.next().is_some())
        };
        let mut wrong = Vec::new();
        let mut needed = |wanted: &'static str| match find(wanted) {
            (Some(index), false) => index,
            _ => {
                wrong.push(wanted);
                0
            }
        };
        let [time, prices @ ..] = REQUIRED.map(&mut needed);
        let (symbol, twice) = find("symbol");
        if twice {
            wrong.push("symbol");
        }
        if wrong.is_empty() { Ok(Self { count: names.len(), symbol, time, prices }) } else { Err(wrong) }
    }
}

/// Lines of a candle file, header first. Memory: one line, one state per symbol asked for.
pub struct Rows {
    input: BufReader<Box<dyn Read + Send>>,
    file: Arc<str>,
    line: u64,
    buffer: Vec<u8>,
    columns: Columns,
    symbol_default: Arc<str>,
    wanted: Option<BTreeSet<Arc<str>>>,
    /// Time of the last accepted row, by symbol.
    last_ms: BTreeMap<Arc<str>, TimeMs>,
    ended: bool,
}

/// Why a file gives no rows at all.
#[derive(Debug)]
pub enum HeaderError {
    Unreadable(io::Error),
    Empty,
    Columns { missing: Vec<&'static str>, found: String },
}

impl Rows {
    /// Reads the header. `wanted` none: every symbol.
    ///
    /// # Errors
    /// [`HeaderError`] if there is no header with the needed columns.
    pub fn new(
        input: Box<dyn Read + Send>,
        file: Arc<str>,
        symbol_default: Arc<str>,
        wanted: Option<BTreeSet<Arc<str>>>,
    ) -> Result<Self, HeaderError> {
        let mut input = BufReader::with_capacity(64 << 10, input);
        let mut buffer = Vec::new();
        let mut line = 0;
        let header = loop {
            line += 1;
            match read_line(&mut input, &mut buffer) {
                Err(error) => return Err(HeaderError::Unreadable(error)),
                Ok(Found::End) => return Err(HeaderError::Empty),
                Ok(Found::TooLong) => break shortened(&buffer),
                Ok(Found::Line) if buffer.is_empty() => {}
                Ok(Found::Line) => break String::from_utf8_lossy(&buffer).into_owned(),
            }
        };
        let header = header.trim_start_matches('\u{feff}');
        let columns = Columns::of_header(header)
            .map_err(|missing| HeaderError::Columns { missing, found: shortened(header.as_bytes()) })?;
        let last_ms = BTreeMap::new();
        Ok(Self { input, file, line, buffer, columns, symbol_default, wanted, last_ms, ended: false })
    }

    /// Number of the line read last; the header's at first.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Passes over lines unread until `line` is next.
    pub fn skip_to(&mut self, line: u64) {
        while self.line + 1 < line && !self.ended {
            self.line += 1;
            self.ended =
                !matches!(read_line(&mut self.input, &mut self.buffer), Ok(Found::Line | Found::TooLong));
        }
    }

    fn refuse(&self, reason: Reason, found: impl Into<String>) -> Line {
        Line::Refused(Refusal { file: self.file.clone(), line: self.line, reason, found: found.into() })
    }

    fn parse(&self) -> Result<Line, (Reason, String)> {
        let text =
            std::str::from_utf8(&self.buffer).map_err(|_| (Reason::NotUtf8, shortened(&self.buffer)))?;
        let mut fields = [""; 6];
        let columns = &self.columns;
        let wanted = [columns.symbol.unwrap_or(usize::MAX), columns.time].into_iter().chain(columns.prices);
        let mut count = 0;
        for (index, field) in text.split(',').enumerate() {
            count += 1;
            if let Some(at) = wanted.clone().position(|column| column == index) {
                fields[at] = unquoted(field).trim();
            }
        }
        if count != columns.count {
            let reason = if count < columns.count { Reason::TooFewColumns } else { Reason::TooManyColumns };
            return Err((reason, format!("{count} of {}", columns.count)));
        }
        let symbol = match columns.symbol {
            None => self.symbol_default.as_ref(),
            Some(_) => fields[0],
        };
        if symbol.is_empty() || symbol.len() > SYMBOL_BYTES_MAX || symbol.chars().any(char::is_control) {
            return Err((Reason::Symbol, shortened(symbol.as_bytes())));
        }
        let last = self.last_ms.get_key_value(symbol);
        let interned = || last.map_or_else(|| Arc::from(symbol), |(known, _)| known.clone());
        if self.wanted.as_ref().is_some_and(|wanted| !wanted.contains(symbol)) {
            return Ok(Line::Filtered(interned()));
        }
        let time_ms = time_of(fields[1])?;
        let [open, high, low, close] =
            [price_of(fields[2])?, price_of(fields[3])?, price_of(fields[4])?, price_of(fields[5])?];
        if high < low {
            return Err((Reason::HighBelowLow, format!("high {high}, low {low}")));
        }
        if let Some(outside) = [open, close].into_iter().find(|price| *price < low || *price > high) {
            return Err((Reason::OutsideHighLow, format!("{outside} not in {low}..={high}")));
        }
        if let Some((_, &last)) = last.filter(|(_, last)| time_ms <= **last) {
            let reason = if time_ms == last { Reason::TimeRepeated } else { Reason::TimeBack };
            return Err((reason, format!("{symbol} at {time_ms} after {last}")));
        }
        Ok(Line::Row(Row { line: self.line, symbol: interned(), time_ms, open, high, low, close }))
    }
}

impl Iterator for Rows {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        if self.ended {
            return None;
        }
        loop {
            self.line += 1;
            match read_line(&mut self.input, &mut self.buffer) {
                Ok(Found::End) => {
                    self.ended = true;
                    return None;
                }
                Ok(Found::TooLong) => return Some(self.refuse(Reason::LineTooLong, shortened(&self.buffer))),
                Ok(Found::Line) if self.buffer.is_empty() => {}
                Ok(Found::Line) => {
                    let line = match self.parse() {
                        Ok(line) => line,
                        Err((reason, found)) => return Some(self.refuse(reason, found)),
                    };
                    if let Line::Row(row) = &line {
                        self.last_ms.insert(row.symbol.clone(), row.time_ms);
                    }
                    return Some(line);
                }
                Err(error) => {
                    self.ended = true;
                    return Some(self.refuse(
                        Reason::StreamCut,
                        format!("last whole line is {}: {error}", self.line - 1),
                    ));
                }
            }
        }
    }
}

enum Found {
    Line,
    TooLong,
    End,
}

/// Next line without its end and trailing blanks into `buffer`; of a line beyond the bound only the start is kept.
fn read_line(input: &mut impl BufRead, buffer: &mut Vec<u8>) -> io::Result<Found> {
    buffer.clear();
    let mut too_long = false;
    let mut any = false;
    loop {
        let available = match input.fill_buf() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if available.is_empty() {
            break;
        }
        any = true;
        let end = available.iter().position(|byte| *byte == b'\n');
        let part = &available[..end.unwrap_or(available.len())];
        let room = LINE_BYTES_MAX - buffer.len();
        buffer.extend_from_slice(&part[..part.len().min(room)]);
        too_long |= part.len() > room;
        let used = part.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            break;
        }
    }
    let kept = buffer.trim_ascii_end().len();
    buffer.truncate(kept);
    Ok(match (any, too_long) {
        (false, _) => Found::End,
        (true, true) => Found::TooLong,
        (true, false) => Found::Line,
    })
}

#[cfg(test)]
#[path = "row_tests.rs"]
mod tests;
