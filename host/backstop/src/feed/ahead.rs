//! Rows become candles: a candle's length is known when its symbol's next row is, so rows are read ahead, a minute at the most.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use engine::event::TimeMs;

use super::candle::{Candle, LENGTH_MS_MAX};
use super::row::{Line, Row, Rows};
use super::tape::SymbolIndex;

/// Most rows that are read ahead. In a file so dense a candle ends at the latest row read, before its symbol's next.
pub const AHEAD_ROWS_MAX: u64 = 1 << 16;

struct Waiting {
    row: Row,
    /// From the symbol's row before; a minute for its first.
    step_ms: TimeMs,
    /// Time of the symbol's next row, once read.
    next_ms: Option<TimeMs>,
}

/// Candles of rows in order of time, up to a line.
pub struct Ahead {
    rows: Rows,
    last_line: u64,
    waiting: VecDeque<Waiting>,
    /// How many rows have left `waiting`.
    taken: u64,
    /// Latest row of each symbol: its number among all, and its time.
    latest: BTreeMap<Arc<str>, (u64, TimeMs)>,
    ended: bool,
}

impl Ahead {
    pub fn new(rows: Rows, last_line: u64) -> Self {
        let (waiting, latest) = (VecDeque::new(), BTreeMap::new());
        Self { rows, last_line, waiting, taken: 0, latest, ended: false }
    }

    /// The next candle; `symbols` says which row is a symbol's last.
    pub fn next(&mut self, symbols: &BTreeMap<Arc<str>, SymbolIndex>) -> Option<Candle> {
        if self.waiting.is_empty() {
            self.read();
        }
        let first = self.waiting.front()?;
        let time_ms = first.row.time_ms;
        let is_last = symbols.get(&first.row.symbol).is_none_or(|index| index.last_line == first.row.line);
        while !is_last && self.is_open(time_ms) {
            self.read();
        }
        let latest_ms = self.waiting.back()?.row.time_ms;
        let Waiting { row, step_ms, next_ms } = self.waiting.pop_front()?;
        self.taken += 1;
        let length_ms = match next_ms {
            Some(next_ms) => next_ms - time_ms,
            None if is_last || self.ended => step_ms,
            None => latest_ms - time_ms,
        };
        let length_ms = length_ms.clamp(0, LENGTH_MS_MAX);
        let Row { line, symbol, open, high, low, close, .. } = row;
        Some(Candle { line, symbol, time_ms, length_ms, open, high, low, close })
    }

    /// True if the first waiting row's length is still to be found.
    fn is_open(&self, time_ms: TimeMs) -> bool {
        let (Some(first), Some(latest)) = (self.waiting.front(), self.waiting.back()) else { return false };
        !self.ended
            && first.next_ms.is_none()
            && latest.row.time_ms - time_ms < LENGTH_MS_MAX
            && (self.waiting.len() as u64) < AHEAD_ROWS_MAX
    }

    /// Reads up to the next accepted row.
    fn read(&mut self) {
        while self.rows.line() < self.last_line {
            match self.rows.next() {
                Some(Line::Row(row)) => return self.push(row),
                Some(Line::Filtered(_) | Line::Refused(_)) => {}
                None => break,
            }
        }
        self.ended = true;
    }

    fn push(&mut self, row: Row) {
        let number = self.taken + self.waiting.len() as u64;
        let before = self.latest.insert(row.symbol.clone(), (number, row.time_ms));
        let mut step_ms = LENGTH_MS_MAX;
        if let Some((number, time_ms)) = before {
            step_ms = row.time_ms - time_ms;
            if let Some(at) = number.checked_sub(self.taken) {
                self.waiting[at as usize].next_ms = Some(row.time_ms);
            }
        }
        self.waiting.push_back(Waiting { row, step_ms, next_ms: None });
    }
}
