//! Binance USDⓈ-M leverage brackets as CSV: `symbol,tier,notional_floor,notional_cap,mmr,cum_maintenance_amount`, further columns ignored.
//!
//! The table is ours, `notional * mmr - amount`, with the amounts given; each must follow from the row before by
//! `amount = amount_before + notional_floor * (mmr - mmr_before)`, or the row is wrong.

use std::collections::BTreeMap;

use engine::rules::{OpenInterest, VenueRules};
use model::units::TIERS_MAX;
use rust_decimal::Decimal;

use super::{ImportError, Source, SourceContract, unknown_symbols};
use crate::feed::instrument::QUOTE_PLACES;
use crate::rules::number;
use crate::rules::rule_set::GridRule;

const COLUMNS: [&str; 6] =
    ["symbol", "tier", "notional_floor", "notional_cap", "mmr", "cum_maintenance_amount"];
/// Places of a rate at the most.
const RATE_PLACES: i32 = 12;

struct Row {
    line: u64,
    tier: usize,
    floor: u64,
    /// In quanta; of a last tier without a cap it is astronomic.
    cap: i128,
    rate: Decimal,
    amount: u64,
}

/// Brackets of the symbols asked for; all if none is named.
///
/// # Errors
/// [`ImportError`] with every row that is wrong.
pub fn read(bytes: &[u8], symbols: &[String]) -> Result<Source, ImportError> {
    let mut errors = Vec::new();
    let mut tables = BTreeMap::<String, Vec<Row>>::new();
    let mut input = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let header = input.headers().cloned().map_err(|error| ImportError(vec![error.to_string()]))?;
    let columns = COLUMNS.map(|column| header.iter().position(|name| name.trim() == column));
    let missing: Vec<&str> =
        COLUMNS.iter().zip(columns).filter(|(_, at)| at.is_none()).map(|(name, _)| *name).collect();
    if !missing.is_empty() {
        return Err(ImportError(vec![format!("line 1: no column {}", missing.join(", "))]));
    }
    let columns = columns.map(|at| at.expect("no column is missing"));
    for record in input.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                errors.push(error.to_string());
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        let field = |at: usize| record.get(columns[at]).unwrap_or("").trim();
        if !symbols.is_empty() && !symbols.iter().any(|symbol| symbol == field(0)) {
            continue;
        }
        let rows = tables.entry(field(0).into()).or_default();
        match row(line, field) {
            Ok(row) => rows.push(row),
            Err(error) => errors.push(format!("line {line}: {}: {error}", field(0))),
        }
    }
    errors.extend(unknown_symbols(symbols, |symbol| tables.contains_key(symbol)));
    if tables.is_empty() && errors.is_empty() {
        errors.push("the table has no row".into());
    }
    if errors.is_empty() {
        tables.iter().for_each(|(symbol, rows)| check(symbol, rows, &mut errors));
    }
    if !errors.is_empty() {
        return Err(ImportError(errors));
    }
    let contract = |rows: Vec<Row>| SourceContract {
        grid: GridRule::AtFirstPrice,
        brackets: rows.iter().map(|row| (row.floor, row.rate)).collect(),
        initial: Vec::new(),
        open_interest: OpenInterest::default(),
    };
    Ok(Source {
        venue: VenueRules::BinanceUsdm,
        equality: true,
        contracts: tables.into_iter().map(|(symbol, rows)| (symbol, contract(rows))).collect(),
        fee: None,
        close_factor: None,
        notes: vec![
            "Not imported: max_leverage, an initial margin that jumps at the floors, and the cap of the last tier.".into(),
        ],
    })
}

fn row<'a>(line: u64, field: impl Fn(usize) -> &'a str) -> Result<Row, String> {
    let tier = field(1).parse().map_err(|_| format!("{:?} is no number of a tier", field(1)))?;
    let [floor, amount] = [2, 5].map(|at| number::amount(field(at)));
    let cap = number::decimal(field(3)).and_then(|cap| number::units(cap, QUOTE_PLACES));
    let cap = cap.ok_or_else(|| format!("notional_cap {:?} is no amount", field(3)))?;
    let rate = number::decimal(field(4)).filter(|rate| *rate >= Decimal::ZERO && *rate <= Decimal::ONE);
    let rate = rate.ok_or_else(|| format!("mmr {:?} is no rate from 0 to 1", field(4)))?;
    if field(0).is_empty() {
        return Err("has no symbol".into());
    }
    Ok(Row { line, tier, floor: floor?, cap, rate, amount: amount? })
}

fn check(symbol: &str, rows: &[Row], errors: &mut Vec<String>) {
    if rows.len() > TIERS_MAX {
        errors.push(format!("{symbol}: has {} tiers, at most {TIERS_MAX} fit a table", rows.len()));
    }
    let mut before: Option<&Row> = None;
    for (at, row) in rows.iter().enumerate() {
        let mut wrong = |text: String| errors.push(format!("line {}: {symbol}: {text}", row.line));
        if row.tier != at + 1 {
            wrong(format!("tier {} stands where {} is due", row.tier, at + 1));
        }
        let (floor, rate, amount) =
            before.map_or((0, Decimal::ZERO, 0), |row| (row.cap, row.rate, row.amount));
        if i128::from(row.floor) != floor {
            let found = number::amount_text(row.floor);
            wrong(format!(
                "notional_floor {found} is not the notional_cap of the tier before, or 0 of the first"
            ));
        }
        if row.cap <= i128::from(row.floor) {
            wrong("notional_cap does not lie above notional_floor".into());
        }
        if row.rate < rate {
            wrong(format!("mmr {} lies below the {rate} before", row.rate));
        }
        match followed(row, rate, amount) {
            Some(true) => {}
            Some(false) => wrong(format!(
                "cum_maintenance_amount {} is not {} + {} * ({} - {rate})",
                number::amount_text(row.amount),
                number::amount_text(amount),
                number::amount_text(row.floor),
                row.rate
            )),
            None => wrong(format!("mmr {} has more than {RATE_PLACES} places", row.rate)),
        }
        before = Some(row);
    }
}

/// True if the row's amount follows from the one before; exact integers.
fn followed(row: &Row, rate_before: Decimal, amount_before: u64) -> Option<bool> {
    let one = 10i128.pow(RATE_PLACES as u32);
    let [rate, before] = [row.rate, rate_before].map(|rate| number::units(rate, RATE_PLACES));
    let step = i128::from(row.floor) * (rate? - before?);
    Some(i128::from(row.amount) * one == i128::from(amount_before) * one + step)
}
