//! `impact.csv`: the tape's prices beside the marks that were applied in their place.

use std::collections::BTreeMap;
use std::io::Write;

use engine::event::TimeMs;

use super::amount::price;

/// A mark without impact is written when its symbol's last row is this old.
const QUIET_MS: TimeMs = 60_000;

/// Names of the columns. Prices are in quote per base, exact; the deviation is of the mark from the tape, parts per million toward zero.
pub const COLUMNS: [&str; 6] = ["episode", "time_ms", "symbol", "tape", "mark", "deviation_ppm"];

/// A mark that was applied.
#[derive(Clone, Copy, Debug)]
pub struct ImpactRow<'a> {
    pub episode: u32,
    pub time_ms: TimeMs,
    pub symbol: &'a str,
    pub lot_exponent: i8,
    /// Quanta per lot: what the tape says, and what was applied.
    pub tape: u64,
    pub mark: u64,
}

impl ImpactRow<'_> {
    /// Of the mark from the tape, parts per million toward zero.
    pub fn deviation_ppm(&self) -> i128 {
        (i128::from(self.mark) - i128::from(self.tape)) * 1_000_000 / i128::from(self.tape.max(1))
    }
}

/// Why the report cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ImpactError {
    #[error("cannot write the report of impact after {rows} rows: {cause}")]
    Output {
        rows: u64,
        #[source]
        cause: csv::Error,
    },
    #[error("a price of {symbol} at {time_ms} ms is beyond what a report can show")]
    Range { symbol: String, time_ms: TimeMs },
}

/// Writes every mark with impact, the first without after it, and in quiet times one mark a minute.
pub struct ImpactWriter<W: Write> {
    csv: csv::Writer<W>,
    rows: u64,
    episode: Option<u32>,
    /// Of each symbol's last row: time, and whether it had impact.
    last: BTreeMap<String, (TimeMs, bool)>,
}

impl<W: Write> ImpactWriter<W> {
    /// Writes the column names.
    ///
    /// # Errors
    /// If the output refuses.
    pub fn new(output: W) -> Result<Self, ImpactError> {
        let mut csv = csv::Writer::from_writer(output);
        csv.write_record(COLUMNS).map_err(|cause| ImpactError::Output { rows: 0, cause })?;
        Ok(Self { csv, rows: 0, episode: None, last: BTreeMap::new() })
    }

    /// Hears of a mark; marks come in order of time within an episode.
    ///
    /// # Errors
    /// If the output refuses, or a price is absurd.
    pub fn mark(&mut self, row: &ImpactRow) -> Result<(), ImpactError> {
        if self.episode.replace(row.episode) != Some(row.episode) {
            self.last.clear();
        }
        let is_moved = row.mark != row.tape;
        if let Some(&(last_ms, was_moved)) = self.last.get(row.symbol)
            && !is_moved
            && !was_moved
            && row.time_ms - last_ms < QUIET_MS
        {
            return Ok(());
        }
        self.last.insert(row.symbol.to_owned(), (row.time_ms, is_moved));
        let price = |quanta| {
            let range = || ImpactError::Range { symbol: row.symbol.to_owned(), time_ms: row.time_ms };
            price(quanta, row.lot_exponent).ok_or_else(range).map(|price| price.to_string())
        };
        let fields = [
            row.episode.to_string(),
            row.time_ms.to_string(),
            row.symbol.to_owned(),
            price(row.tape)?,
            price(row.mark)?,
            row.deviation_ppm().to_string(),
        ];
        self.csv.write_record(&fields).map_err(|cause| ImpactError::Output { rows: self.rows, cause })?;
        self.rows += 1;
        Ok(())
    }

    /// Hands the last rows to the output; returns how many there were.
    ///
    /// # Errors
    /// If the output refuses.
    pub fn finish(mut self) -> Result<u64, ImpactError> {
        let rows = self.rows;
        self.csv.flush().map_err(|cause| ImpactError::Output { rows, cause: cause.into() })?;
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impact_is_written_whole_and_quiet_marks_once_a_minute() {
        let mut text = Vec::new();
        let mut report = ImpactWriter::new(&mut text).unwrap();
        for (episode, time_ms, mark) in [
            (0, 0, 1_000_000),
            (0, 5_000, 1_000_000),
            (0, 10_000, 995_000),
            (0, 15_000, 995_010),
            (0, 20_000, 1_000_000),
            (0, 25_000, 1_000_000),
            (0, 80_000, 1_000_000),
            (1, 85_000, 1_000_000),
        ] {
            report
                .mark(&ImpactRow { episode, time_ms, symbol: "X", lot_exponent: -3, tape: 1_000_000, mark })
                .unwrap();
        }
        assert_eq!(report.finish().unwrap(), 6);
        let expected = "episode,time_ms,symbol,tape,mark,deviation_ppm\n\
            0,0,X,1000,1000,0\n0,10000,X,1000,995,-5000\n0,15000,X,1000,995.01,-4990\n0,20000,X,1000,1000,0\n\
            0,80000,X,1000,1000,0\n1,85000,X,1000,1000,0\n";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
}
