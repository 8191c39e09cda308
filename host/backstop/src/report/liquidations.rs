//! `liquidations.csv`: every liquidation action, in order.

use std::io::Write;

use engine::event::{AccountId, EventSequence, TimeMs};

use super::amount::{average_price, money, price, scaled, time};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LiquidationAction {
    Slice,
    FullClose,
    Absorption,
    Takeover,
    Bankruptcy,
    Deleveraging,
    SocialisedLoss,
}

impl LiquidationAction {
    pub fn name(self) -> &'static str {
        match self {
            Self::Slice => "slice",
            Self::FullClose => "full_close",
            Self::Absorption => "absorption",
            Self::Takeover => "takeover",
            Self::Bankruptcy => "bankruptcy",
            Self::Deleveraging => "deleveraging",
            Self::SocialisedLoss => "socialised_loss",
        }
    }
}

/// One position of one action. An action on several positions has a row for each, with its fee and its payment by the fund on the first, so that
/// columns can be summed; one on an account without positions has a row with an empty symbol and 0 lots.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LiquidationRow {
    pub time_ms: TimeMs,
    pub sequence: EventSequence,
    pub account: AccountId,
    pub action: LiquidationAction,
    pub symbol: String,
    pub lot_exponent: i8,
    /// Change of the account's position.
    pub lots: i64,
    /// Quanta per lot when it happened.
    pub mark: u64,
    /// Change of the account's cash for the lots, quanta.
    pub quote: i128,
    /// Quanta that the book was expected to cost against the mark; positive is a cost.
    pub slippage_expected: i128,
    /// Quanta that it did cost.
    pub slippage_realised: i128,
    /// Quanta.
    pub fee_to_fund: i128,
    /// Quanta.
    pub fund_paid: i128,
    /// Of a bankruptcy: what the funds did not pay. Of a counterparty or winner: what it bears of that, or below zero is compensated with.
    pub borne: i128,
    pub severity_before: u8,
    /// Quanta / scale, as all four.
    pub equity_before: i128,
    pub requirement_before: i128,
    pub equity_after: i128,
    pub requirement_after: i128,
}

impl LiquidationRow {
    /// What `lots` for `quote` cost against `mark`, quanta; positive is a cost.
    pub fn slippage(lots: i64, mark: u64, quote: i128) -> i128 {
        -(i128::from(lots) * i128::from(mark) + quote)
    }
}

/// Why a report cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error("cannot write the report of liquidations after {rows} rows: {cause}")]
    Output {
        rows: u64,
        #[source]
        cause: csv::Error,
    },
    #[error("row {rows} of the report of liquidations, event {sequence}, comes after event {sequence_last}")]
    Order { rows: u64, sequence: EventSequence, sequence_last: EventSequence },
    #[error("event {sequence}: {column} {value} is beyond what a report can show")]
    Range { sequence: EventSequence, column: &'static str, value: i128 },
}

const COLUMNS: [&str; 20] = [
    "time_ms",
    "time",
    "event_sequence",
    "account",
    "action",
    "symbol",
    "lots",
    "mark",
    "average_price",
    "quote",
    "slippage_expected",
    "slippage_realised",
    "fee_to_fund",
    "fund_paid",
    "borne",
    "severity_before",
    "equity_before",
    "requirement_before",
    "equity_after",
    "requirement_after",
];

/// Writes rows as they come. Prices are in quote per base, amounts in the quote currency: exact, but for the average price (12 significant digits)
/// and E and R (a whole quantum), which are rounded half to even.
pub struct LiquidationWriter<W: Write> {
    csv: csv::Writer<W>,
    scale: u32,
    rows: u64,
    sequence_last: EventSequence,
}

impl<W: Write> LiquidationWriter<W> {
    /// Writes the column names. `scale` is the rules'.
    ///
    /// # Errors
    /// If the output refuses.
    pub fn new(output: W, scale: u32) -> Result<Self, ReportError> {
        let mut csv = csv::Writer::from_writer(output);
        csv.write_record(COLUMNS).map_err(|cause| ReportError::Output { rows: 0, cause })?;
        Ok(Self { csv, scale, rows: 0, sequence_last: 0 })
    }

    /// # Errors
    /// If the row is not in order of event sequence, an amount is absurd, or the output refuses.
    pub fn write(&mut self, row: &LiquidationRow) -> Result<(), ReportError> {
        let (sequence, time_ms) = (row.sequence, row.time_ms);
        let sequence_last = self.sequence_last;
        if sequence < sequence_last {
            return Err(ReportError::Order { rows: self.rows, sequence, sequence_last });
        }
        self.sequence_last = sequence;
        let range = |column, value| move || ReportError::Range { sequence, column, value };
        let money = |column, quanta| money(quanta).ok_or_else(range(column, quanta)).map(|d| d.to_string());
        let scaled = |column, amount| {
            scaled(amount, self.scale).ok_or_else(range(column, amount)).map(|d| d.to_string())
        };
        let (mark, average_price) = if row.lots == 0 {
            (String::new(), String::new())
        } else {
            let mark = price(row.mark, row.lot_exponent).ok_or_else(range("mark", row.mark.into()))?;
            let average = average_price(row.quote, row.lots, row.lot_exponent);
            (mark.to_string(), average.ok_or_else(range("average_price", row.quote))?.to_string())
        };
        let fields = [
            time_ms.to_string(),
            time(time_ms).ok_or_else(range("time_ms", time_ms.into()))?,
            sequence.to_string(),
            row.account.0.to_string(),
            row.action.name().to_string(),
            row.symbol.clone(),
            row.lots.to_string(),
            mark,
            average_price,
            money("quote", row.quote)?,
            money("slippage_expected", row.slippage_expected)?,
            money("slippage_realised", row.slippage_realised)?,
            money("fee_to_fund", row.fee_to_fund)?,
            money("fund_paid", row.fund_paid)?,
            money("borne", row.borne)?,
            row.severity_before.to_string(),
            scaled("equity_before", row.equity_before)?,
            scaled("requirement_before", row.requirement_before)?,
            scaled("equity_after", row.equity_after)?,
            scaled("requirement_after", row.requirement_after)?,
        ];
        self.csv.write_record(&fields).map_err(|cause| ReportError::Output { rows: self.rows, cause })?;
        self.rows += 1;
        Ok(())
    }

    /// Hands the last rows to the output; returns how many there were.
    ///
    /// # Errors
    /// If the output refuses.
    pub fn finish(mut self) -> Result<u64, ReportError> {
        let rows = self.rows;
        self.csv.flush().map_err(|cause| ReportError::Output { rows, cause: cause.into() })?;
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> LiquidationRow {
        let (lots, mark, quote) = (-500, 42_000_000, 20_979_000_000);
        LiquidationRow {
            time_ms: 1_642_723_215_000,
            sequence: 77,
            account: AccountId(12),
            action: LiquidationAction::Slice,
            symbol: "BTC, \"perp\"".into(),
            lot_exponent: -3,
            lots,
            mark,
            quote,
            slippage_expected: 42_000_000,
            slippage_realised: LiquidationRow::slippage(lots, mark, quote),
            fee_to_fund: 104_895_000,
            fund_paid: 0,
            borne: 0,
            severity_before: 2,
            equity_before: 123_456_789_000_000,
            requirement_before: 124_000_000_500_000,
            equity_after: -5,
            requirement_after: 0,
        }
    }

    #[test]
    fn a_row_in_decimals() {
        let mut text = Vec::new();
        let mut report = LiquidationWriter::new(&mut text, 1_000_000).unwrap();
        report.write(&row()).unwrap();
        let nothing_held = LiquidationRow {
            symbol: String::new(),
            lots: 0,
            quote: 0,
            action: LiquidationAction::Bankruptcy,
            ..row()
        };
        report.write(&nothing_held).unwrap();
        assert_eq!(report.finish().unwrap(), 2);
        let text = String::from_utf8(text).unwrap();
        let mut lines = text.lines();
        assert_eq!(lines.next().unwrap(), COLUMNS.join(","));
        assert_eq!(
            lines.next().unwrap(),
            "1642723215000,2022-01-21T00:00:15.000Z,77,12,slice,\"BTC, \"\"perp\"\"\",-500,42000,41958,20979.000000,42.000000,21.000000,\
             104.895000,0.000000,0.000000,2,123.456789,124.000000,0.000000,0.000000"
        );
        assert!(lines.next().unwrap().contains(",bankruptcy,,0,,,0.000000,"));
    }

    #[test]
    fn slippage_is_a_cost_either_way() {
        assert_eq!(LiquidationRow::slippage(-10, 100, 990), 10, "sold below the mark");
        assert_eq!(LiquidationRow::slippage(10, 100, -1_010), 10, "bought above it");
    }

    #[test]
    fn rows_out_of_order_are_refused() {
        let mut report = LiquidationWriter::new(Vec::new(), 1_000_000).unwrap();
        report.write(&row()).unwrap();
        let error = report.write(&LiquidationRow { sequence: 76, ..row() }).unwrap_err().to_string();
        assert!(error.contains("event 76"), "{error}");
        // A decision that waited for an external round keeps the time of its cause.
        report.write(&LiquidationRow { sequence: 78, time_ms: row().time_ms - 1, ..row() }).unwrap();
    }

    #[test]
    fn a_full_disk_is_told() {
        let mut full = [0_u8; 300];
        let mut report = LiquidationWriter::new(&mut full[..], 1_000_000).unwrap();
        report.write(&row()).unwrap();
        assert!(report.finish().unwrap_err().to_string().contains("after 1 rows"));
    }
}
