//! Candle files, plain or zstd by their first bytes, as one time-ordered stream of candles.
//!
//! A file is read three times. The first pass checks every row, counts refusals and notes per symbol its first and last line; nothing else
//! is kept. The second finds the rows whose prices have no integer in their episode ([`super::fit`]), so that a run starts knowing all it
//! will refuse. The third is the replay. The latter two yield candles ordered by (time, symbol): a file in order of time needs one reader;
//! any other one (rows grouped by symbol, by window, or mixed) one reader per symbol, opened when its first candle is due and closed
//! after its last, merged by time. Memory does not grow with the tape: it is at most one reader (64 KiB, a line, and for zstd its window,
//! 8 MiB for the usual levels and never above 128 MiB), eight marks per symbol, and the rows of a minute, at most
//! [`super::ahead::AHEAD_ROWS_MAX`]. At most [`READERS_MAX`] symbols may be out of order.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::event::TimeMs;

use super::Items;
use super::ahead::Ahead;
use super::candle::{Candle, Marks};
use super::episode::Episodes;
use super::fit::Fit;
use super::row::{HeaderError, Line, REQUIRED, Reason, Refusal, Rows};
use crate::rules::{self, RuleSet};

/// Most symbols a file may name.
pub const SYMBOLS_MAX: usize = 4_096;
/// Most symbols of a file that is not in order of time.
pub const READERS_MAX: usize = 256;
/// Symbol of a file without that column.
pub const SYMBOL_DEFAULT: &str = "PERP";

/// How a file is read.
#[derive(Clone, Debug)]
pub struct TapeOptions {
    /// Symbols to replay; empty: all.
    pub symbols: Vec<String>,
    /// Symbol of a file without that column.
    pub symbol_default: String,
    /// The first refused row is an error.
    pub strict: bool,
    /// What its symbols are.
    pub rules: Arc<RuleSet>,
}

impl Default for TapeOptions {
    fn default() -> Self {
        Self {
            symbols: Vec::new(),
            symbol_default: SYMBOL_DEFAULT.into(),
            strict: false,
            rules: rules::built_in(),
        }
    }
}

/// Why a tape does not replay, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum TapeError {
    #[error("cannot open tape {path}: {source}; check the path and its permissions")]
    Open { path: String, source: io::Error },
    #[error(
        "tape {path} is not a regular file; give a candle CSV (plain or zstd), it is read more than once"
    )]
    NotAFile { path: String },
    #[error("tape {path} is {format}; give it as plain CSV or zstd (unpack it first)")]
    Format { path: String, format: &'static str },
    #[error("tape {path} is empty; it needs a header with {}", REQUIRED.join(","))]
    Empty { path: String },
    #[error("tape {path} has no usable column {}; its header is {found}: name each of {} once", missing.join(","), REQUIRED.join(","))]
    Columns { path: String, missing: Vec<&'static str>, found: String },
    #[error(
        "tape {path} has no acceptable row ({refused} refused, {filtered} of other symbols); check that it holds candles with UTC milliseconds"
    )]
    NoRows { path: String, refused: u64, filtered: u64 },
    #[error("{0}; correct the row or replay without strict")]
    Refused(Refusal),
    #[error("tape {path} has no acceptable row of {}; it holds {}", unseen.join(","), seen.join(","))]
    SymbolUnseen { path: String, unseen: Vec<String>, seen: Vec<String> },
    #[error(
        "tape {path} has symbols without rules: {}; give them entries or complete [defaults], or choose others with --symbols", unruled.join(",")
    )]
    Unruled { path: String, unruled: Vec<String> },
    #[error(
        "tape {path} names more than {SYMBOLS_MAX} symbols; choose some with --symbols or check the symbol column"
    )]
    TooManySymbols { path: String },
    #[error(
        "tape {path} is not in order of time and has {symbols} symbols, at most {READERS_MAX} can be merged; sort it by ts_ms or choose some with --symbols"
    )]
    TooManyReaders { path: String, symbols: usize },
    #[error(
        "tape {path} changed or became unreadable while it was replayed; start again from a file that stays as it is"
    )]
    Changed { path: String },
}

/// One symbol of a tape: rows that the first pass accepted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SymbolIndex {
    pub rows: u64,
    pub first_line: u64,
    pub last_line: u64,
    pub first_ms: TimeMs,
    pub last_ms: TimeMs,
}

/// What the first two passes saw: `rows` = `accepted` + refused + `filtered`, blank lines aside.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TapeReport {
    pub rows: u64,
    pub accepted: u64,
    /// Rows of symbols that were not asked for.
    pub filtered: u64,
    pub refused: BTreeMap<Reason, u64>,
    pub symbols: BTreeMap<Arc<str>, SymbolIndex>,
    pub episodes: u32,
    /// True: accepted rows are in order of time over all symbols.
    pub sorted: bool,
}

impl TapeReport {
    pub fn refused_total(&self) -> u64 {
        self.refused.values().sum()
    }
}

/// A checked candle file.
#[derive(Clone, Debug)]
pub struct Tape {
    path: PathBuf,
    symbol_default: Arc<str>,
    wanted: Option<BTreeSet<Arc<str>>>,
    rules: Arc<RuleSet>,
    report: TapeReport,
}

impl TapeError {
    /// True if another request would do: the file is not the kind that is asked for, or the options do not suit it. False if its content is
    /// at fault.
    pub fn is_request(&self) -> bool {
        !matches!(
            self,
            Self::Empty { .. }
                | Self::Columns { .. }
                | Self::NoRows { .. }
                | Self::Refused(_)
                | Self::Changed { .. }
        )
    }
}

impl Tape {
    /// First and second pass. `refused` hears of every refused row: of the first pass in order of the file, then of the second in order of
    /// time.
    ///
    /// # Errors
    /// [`TapeError`] if nothing can be replayed, a wanted symbol never occurs, or `strict` and a row is refused.
    pub fn open(
        path: &Path,
        options: &TapeOptions,
        mut refused: impl FnMut(&Refusal),
    ) -> Result<Self, TapeError> {
        let wanted: Option<BTreeSet<Arc<str>>> = (!options.symbols.is_empty())
            .then(|| options.symbols.iter().map(|symbol| Arc::from(symbol.as_str())).collect());
        let symbol_default = Arc::from(options.symbol_default.as_str());
        let rules = options.rules.clone();
        let mut tape =
            Self { path: path.into(), symbol_default, wanted, rules, report: TapeReport::default() };
        let name = || path.display().to_string();
        let mut other: BTreeSet<Arc<str>> = BTreeSet::new();
        let mut report = TapeReport { sorted: true, ..TapeReport::default() };
        let mut last_ms = TimeMs::MIN;
        for line in tape.rows(tape.wanted.clone())? {
            report.rows += 1;
            match line {
                Line::Refused(refusal) => {
                    refused(&refusal);
                    if options.strict {
                        return Err(TapeError::Refused(refusal));
                    }
                    *report.refused.entry(refusal.reason).or_default() += 1;
                }
                Line::Filtered(symbol) => {
                    report.filtered += 1;
                    other.insert(symbol);
                }
                Line::Row(row) => {
                    report.accepted += 1;
                    report.sorted &= row.time_ms >= last_ms;
                    last_ms = row.time_ms;
                    let index = report.symbols.entry(row.symbol).or_insert(SymbolIndex {
                        rows: 0,
                        first_line: row.line,
                        last_line: row.line,
                        first_ms: row.time_ms,
                        last_ms: TimeMs::MIN,
                    });
                    index.rows += 1;
                    index.last_line = row.line;
                    index.last_ms = row.time_ms;
                }
            }
            if report.symbols.len() + other.len() > SYMBOLS_MAX {
                return Err(TapeError::TooManySymbols { path: name() });
            }
        }
        let unseen: Vec<String> = (tape.wanted.iter().flatten())
            .filter(|symbol| !report.symbols.contains_key(*symbol))
            .map(ToString::to_string)
            .collect();
        let any_symbol = report.accepted + report.filtered > 0;
        if any_symbol && !unseen.is_empty() {
            let seen = report.symbols.keys().chain(&other).map(ToString::to_string).collect();
            return Err(TapeError::SymbolUnseen { path: name(), unseen, seen });
        }
        let is_any = |report: &TapeReport| match report.accepted {
            0 => {
                let (refused, filtered) = (report.refused_total(), report.filtered);
                Err(TapeError::NoRows { path: name(), refused, filtered })
            }
            _ => Ok(()),
        };
        is_any(&report)?;
        let unruled: Vec<String> = (report.symbols.keys())
            .filter(|symbol| tape.rules.contract(symbol).is_none())
            .map(ToString::to_string)
            .collect();
        if !unruled.is_empty() {
            return Err(TapeError::Unruled { path: name(), unruled });
        }
        if !report.sorted && report.symbols.len() > READERS_MAX {
            return Err(TapeError::TooManyReaders { path: name(), symbols: report.symbols.len() });
        }
        tape.report = report;
        tape.fit(options.strict, refused)?;
        is_any(&tape.report)?;
        Ok(tape)
    }

    /// Second pass: counts episodes, and refuses rows that have a place in none.
    fn fit(&mut self, strict: bool, mut refused: impl FnMut(&Refusal)) -> Result<(), TapeError> {
        let mut fit = Fit::new(self.rules.clone());
        let file: Arc<str> = self.path.display().to_string().into();
        for candle in self.candles() {
            let candle = candle?;
            let Err(misfit) = fit.take(&candle) else { continue };
            let found = format!("{} at {}: {misfit}", candle.symbol, candle.time_ms);
            let refusal =
                Refusal { file: file.clone(), line: candle.line, reason: Reason::PriceUnquotable, found };
            refused(&refusal);
            if strict {
                return Err(TapeError::Refused(refusal));
            }
            self.report.accepted -= 1;
            *self.report.refused.entry(refusal.reason).or_default() += 1;
        }
        self.report.episodes = fit.episodes();
        Ok(())
    }

    pub fn report(&self) -> &TapeReport {
        &self.report
    }

    /// Candles that the first pass accepted, by time; candles of one time are in order of symbol unless the file itself is in order of time.
    fn candles(&self) -> Candles {
        let whole = |wanted| Source {
            wanted,
            rows: self.report.symbols.values().map(|index| index.rows).sum(),
            first_line: 0,
            last_line: u64::MAX,
            state: State::Closed,
        };
        let (sources, due) = if self.report.sorted {
            let first_ms = self.report.symbols.values().map(|index| index.first_ms).min();
            (vec![whole(self.wanted.clone())], first_ms.into_iter().map(|ms| Reverse((ms, 0))).collect())
        } else {
            let source = |(symbol, index): (&Arc<str>, &SymbolIndex)| Source {
                rows: index.rows,
                first_line: index.first_line,
                last_line: index.last_line,
                ..whole(Some(BTreeSet::from([symbol.clone()])))
            };
            let first = self.report.symbols.values().map(|index| index.first_ms);
            (
                self.report.symbols.iter().map(source).collect(),
                first.enumerate().map(|(at, ms)| Reverse((ms, at))).collect(),
            )
        };
        Candles { tape: self.clone(), sources, due }
    }

    /// Marks of the accepted candles of all symbols, merged by (time, symbol).
    fn marks(&self) -> Marks<impl Iterator<Item = Result<Candle, TapeError>> + Send + use<>> {
        let mut fit = Fit::new(self.rules.clone());
        Marks::new(self.candles().filter(move |candle| {
            // What does not fit was refused by the second pass.
            candle.as_ref().map_or(true, |candle| fit.take(candle).is_ok())
        }))
    }

    /// Third pass: episodes of marks.
    pub fn items(&self) -> Items {
        Box::new(Episodes::new(self.marks()))
    }

    fn rows(&self, wanted: Option<BTreeSet<Arc<str>>>) -> Result<Rows, TapeError> {
        let path = self.path.display().to_string();
        let input = open_stream(&self.path)?;
        Rows::new(input, path.as_str().into(), self.symbol_default.clone(), wanted).map_err(|error| {
            match error {
                HeaderError::Unreadable(source) => TapeError::Open { path, source },
                HeaderError::Empty => TapeError::Empty { path },
                HeaderError::Columns { missing, found } => TapeError::Columns { path, missing, found },
            }
        })
    }

    fn changed(&self) -> TapeError {
        TapeError::Changed { path: self.path.display().to_string() }
    }
}

fn open_stream(path: &Path) -> Result<Box<dyn Read + Send>, TapeError> {
    let name = || path.display().to_string();
    let failed = |source| TapeError::Open { path: name(), source };
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        return Err(TapeError::NotAFile { path: name() });
    }
    let mut file = File::open(path).map_err(failed)?;
    let mut first = Vec::new();
    file.by_ref().take(4).read_to_end(&mut first).map_err(failed)?;
    file.rewind().map_err(failed)?;
    let format = match first.as_slice() {
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => {
            return Ok(Box::new(zstd::Decoder::new(file).map_err(failed)?));
        }
        [0x1f, 0x8b, ..] => "gzip",
        [0xfd, b'7', b'z', b'X'] => "xz",
        [b'B', b'Z', b'h', _] => "bzip2",
        [b'P', b'K', 3, 4] => "zip",
        b"PAR1" => "parquet",
        _ => return Ok(Box::new(file)),
    };
    Err(TapeError::Format { path: name(), format })
}

enum State {
    Closed,
    Open { ahead: Box<Ahead>, next: Option<Candle> },
    Done,
}

/// One reader of the later passes.
struct Source {
    wanted: Option<BTreeSet<Arc<str>>>,
    /// Rows still to come.
    rows: u64,
    first_line: u64,
    last_line: u64,
    state: State,
}

/// Candles of a tape in order of time; ends after the first error.
pub struct Candles {
    tape: Tape,
    sources: Vec<Source>,
    /// Time of each source's next candle.
    due: BinaryHeap<Reverse<(TimeMs, usize)>>,
}

impl Candles {
    /// Takes the next candle of a source and puts the one after it in line.
    fn take(&mut self, at: usize, due_ms: TimeMs) -> Result<Candle, TapeError> {
        let Self { tape, sources, due } = self;
        let source = &mut sources[at];
        if matches!(source.state, State::Closed) {
            let mut rows = tape.rows(source.wanted.clone())?;
            rows.skip_to(source.first_line);
            let mut ahead = Box::new(Ahead::new(rows, source.last_line));
            let next = ahead.next(&tape.report.symbols);
            source.state = State::Open { ahead, next };
        }
        let State::Open { ahead, next } = &mut source.state else { return Err(tape.changed()) };
        let candle = next.take().filter(|candle| candle.time_ms == due_ms).ok_or_else(|| tape.changed())?;
        *next = ahead.next(&tape.report.symbols);
        source.rows = source.rows.saturating_sub(1);
        let following = next.as_ref().map(|next| next.time_ms);
        if following.is_some() != (source.rows > 0) {
            return Err(tape.changed());
        }
        match following {
            Some(time_ms) => due.push(Reverse((time_ms, at))),
            None => source.state = State::Done,
        }
        Ok(candle)
    }
}

impl Iterator for Candles {
    type Item = Result<Candle, TapeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let Reverse((time_ms, at)) = self.due.pop()?;
        let candle = self.take(at, time_ms);
        if candle.is_err() {
            self.due.clear();
        }
        Some(candle)
    }
}

#[cfg(test)]
#[path = "tape_tests.rs"]
mod tests;
