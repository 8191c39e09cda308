//! `backstop report compare`: two runs' output folders side by side, as a table and a picture.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use engine::event::TimeMs;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::compare_picture;
use super::text::{cents, count};
use crate::venue::VenueConfig;

const MINUTE_MS: TimeMs = 60_000;

/// What is read of a run's `summary.json`.
#[derive(Clone, Debug, Deserialize)]
struct Figures {
    source: String,
    seed: u64,
    venue: VenueConfig,
    no_budget: bool,
    accounts: u64,
    slices: u64,
    liquidations_partial: u64,
    liquidations_full: u64,
    takeovers: u64,
    bankruptcies: u64,
    insurance_start: i128,
    insurance_in: i128,
    insurance_out: i128,
    insurance_end: i128,
    bad_debt: i128,
}

/// A row of `liquidations.csv`, quanta.
#[derive(Clone, Copy, Debug)]
pub(super) struct Liquidation {
    pub time_ms: TimeMs,
    pub notional: i128,
    /// What the fund gained by it.
    pub fund_delta: i128,
    on_book: bool,
}

/// A row of `impact.csv`.
#[derive(Clone, Copy, Debug)]
pub(super) struct MarkPoint {
    pub time_ms: TimeMs,
    pub tape: f64,
    pub mark: f64,
    pub deviation_ppm: i64,
}

/// A run as its folder has it.
#[derive(Clone, Debug)]
pub struct Run {
    pub(super) name: String,
    figures: Figures,
    pub(super) liquidations: Vec<Liquidation>,
    /// By episode and symbol, in order of time.
    pub(super) marks: BTreeMap<u32, BTreeMap<String, Vec<MarkPoint>>>,
}

/// The mark that lay furthest from the tape.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Deviation {
    pub episode: u32,
    pub symbol: String,
    pub time_ms: TimeMs,
    pub ppm: i64,
}

/// What one run came to. Money in quanta.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    pub run: String,
    pub no_budget: bool,
    pub slices: u64,
    pub liquidations: u64,
    pub takeovers: u64,
    pub bankruptcies: u64,
    /// Notional that left the accounts, and of it on the book.
    pub liquidated: i128,
    pub liquidated_on_book: i128,
    /// Most in one minute of event time.
    pub liquidated_in_a_minute: i128,
    pub insurance_in: i128,
    pub insurance_out: i128,
    pub insurance_end: i128,
    pub bad_debt: i128,
    pub deviation: Option<Deviation>,
    /// Notional by minute of event time that had any: start of the minute, quanta.
    pub liquidated_by_minute: BTreeMap<TimeMs, i128>,
}

/// Two runs, first and second.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// What is not the same in what was asked for, but for the budget.
    pub differences: Vec<String>,
    pub sides: [Side; 2],
}

impl Run {
    /// Reads the folder that a run was written to.
    ///
    /// # Errors
    /// If a file is missing or not as a run writes it; the message names it.
    pub fn read(dir: &Path) -> anyhow::Result<Self> {
        let file = |name: &str| -> PathBuf { dir.join(name) };
        let missing = |name: &str| {
            format!("{}: give the folder of a finished run (replay --out)", file(name).display())
        };
        let summary =
            std::fs::read_to_string(file("summary.json")).with_context(|| missing("summary.json"))?;
        let figures = serde_json::from_str(&summary).with_context(|| missing("summary.json"))?;
        let liquidations = rows(
            &file("liquidations.csv"),
            &["time_ms", "action", "quote", "fee_to_fund", "fund_paid"],
            |cells| {
                let &[time_ms, action, quote, fee, paid] = cells else {
                    unreachable!("as many as asked for")
                };
                Ok(Liquidation {
                    time_ms: time_ms.parse()?,
                    notional: quanta(quote)?.abs(),
                    fund_delta: quanta(fee)? - quanta(paid)?,
                    on_book: matches!(action, "slice" | "full_close"),
                })
            },
        )?;
        let mut marks = BTreeMap::<u32, BTreeMap<String, Vec<MarkPoint>>>::new();
        for (episode, symbol, point) in rows(&file("impact.csv"), &super::impact::COLUMNS, |cells| {
            let &[episode, time_ms, symbol, tape, mark, deviation] = cells else {
                unreachable!("as many as asked for")
            };
            let (tape, mark) = (tape.parse()?, mark.parse()?);
            let point =
                MarkPoint { time_ms: time_ms.parse()?, tape, mark, deviation_ppm: deviation.parse()? };
            Ok((episode.parse()?, symbol.to_string(), point))
        })? {
            marks.entry(episode).or_default().entry(symbol).or_default().push(point);
        }
        let name = dir.file_name().unwrap_or(dir.as_os_str()).to_string_lossy().into_owned();
        Ok(Self { name, figures, liquidations, marks })
    }

    /// Quanta in the fund at the start, of all episodes together.
    pub(super) fn fund_start(&self) -> i128 {
        self.figures.insurance_start
    }

    fn side(&self) -> Side {
        let figures = &self.figures;
        let mut by_minute = BTreeMap::<TimeMs, i128>::new();
        for row in &self.liquidations {
            *by_minute.entry(row.time_ms.div_euclid(MINUTE_MS) * MINUTE_MS).or_default() += row.notional;
        }
        by_minute.retain(|_, notional| *notional > 0);
        Side {
            run: self.name.clone(),
            no_budget: figures.no_budget,
            slices: figures.slices,
            liquidations: figures.liquidations_partial + figures.liquidations_full,
            takeovers: figures.takeovers,
            bankruptcies: figures.bankruptcies,
            liquidated: self.liquidations.iter().map(|row| row.notional).sum(),
            liquidated_on_book: self
                .liquidations
                .iter()
                .filter(|row| row.on_book)
                .map(|row| row.notional)
                .sum(),
            liquidated_in_a_minute: by_minute.values().copied().max().unwrap_or(0),
            insurance_in: figures.insurance_in,
            insurance_out: figures.insurance_out,
            insurance_end: figures.insurance_end,
            bad_debt: figures.bad_debt,
            deviation: self.worst(),
            liquidated_by_minute: by_minute,
        }
    }

    /// The mark furthest from the tape, the first of several.
    fn worst(&self) -> Option<Deviation> {
        let mut worst: Option<Deviation> = None;
        for (&episode, symbols) in &self.marks {
            for (symbol, points) in symbols {
                for &MarkPoint { time_ms, deviation_ppm: ppm, .. } in points {
                    if ppm != 0 && worst.as_ref().is_none_or(|worst| ppm.abs() > worst.ppm.abs()) {
                        worst = Some(Deviation { episode, symbol: symbol.clone(), time_ms, ppm });
                    }
                }
            }
        }
        worst
    }
}

/// Rows of a CSV file, each made of the cells of the named columns.
fn rows<T>(
    path: &Path,
    columns: &[&str],
    mut make: impl FnMut(&[&str]) -> anyhow::Result<T>,
) -> anyhow::Result<Vec<T>> {
    let name = path.display();
    let mut csv = csv::Reader::from_path(path)
        .with_context(|| format!("{name}: give the folder of a finished run (replay --out)"))?;
    let header = csv.headers()?.clone();
    let place = |wanted: &&str| {
        let found = header.iter().position(|cell| cell == *wanted);
        found
            .with_context(|| format!("{name} has no column {wanted}; run the replay again with this version"))
    };
    let places = columns.iter().map(place).collect::<anyhow::Result<Vec<_>>>()?;
    let mut made = Vec::new();
    for (record, line) in csv.records().zip(2..) {
        let record = record.with_context(|| format!("{name}, line {line}"))?;
        let cells: Vec<&str> = places.iter().map(|&place| &record[place]).collect();
        made.push(make(&cells).with_context(|| format!("{name}, line {line}"))?);
    }
    Ok(made)
}

/// Quote currency with at most six places as quanta.
fn quanta(text: &str) -> anyhow::Result<i128> {
    let value: Decimal = text.parse()?;
    let scale = value.scale();
    ensure!(scale <= 6, "{text} has more than six places");
    Ok(value.mantissa() * 10i128.pow(6 - scale))
}

impl Comparison {
    /// Of two runs, the first being what the second is held against.
    pub fn of(runs: &[Run; 2]) -> Self {
        let [one, two] = runs.each_ref().map(|run| &run.figures);
        let mut differences = Vec::new();
        let mut note = |what: &str, one: String, two: String| {
            if one != two {
                differences.push(format!("{what}: {one} and {two}"));
            }
        };
        note("source", one.source.clone(), two.source.clone());
        note("seed", one.seed.to_string(), two.seed.to_string());
        note("accounts", one.accounts.to_string(), two.accounts.to_string());
        note("insurance at the start", cents(one.insurance_start), cents(two.insurance_start));
        let [one, two] = [one, two].map(|figures| serde_json::to_value(&figures.venue).expect("plain data"));
        for (field, value) in one.as_object().expect("a struct is an object") {
            note(&format!("venue's {field}"), value.to_string(), two[field].to_string());
        }
        Self { differences, sides: runs.each_ref().map(Run::side) }
    }

    /// One JSON object; money as integers of quanta.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain data")
    }
}

/// The picture of two runs as SVG.
///
/// # Errors
/// Only if the drawing library refuses.
pub fn to_svg(runs: &[Run; 2]) -> Result<String, super::plot::PlotError> {
    compare_picture::draw(runs).map_err(super::plot::PlotError::Drawing)
}

impl Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for difference in &self.differences {
            writeln!(f, "NOTE: not only the budget differs: {difference}")?;
        }
        let [one, two] = &self.sides;
        let mut row = |label: &str, cells: [String; 3]| {
            let [one, two, difference] = cells;
            writeln!(f, "  {label:<36}{one:>22}{two:>22}{difference:>22}")
        };
        row("", [one.run.clone(), two.run.clone(), "second - first".into()])?;
        let budget = |side: &Side| if side.no_budget { "off" } else { "as the rules" }.to_string();
        row("liquidation budget", [budget(one), budget(two), String::new()])?;
        for (label, [one, two]) in [
            ("slices on the book", [one.slices, two.slices]),
            ("liquidations ended on the book", [one.liquidations, two.liquidations]),
            ("accounts taken over", [one.takeovers, two.takeovers]),
            ("accounts bankrupt", [one.bankruptcies, two.bankruptcies]),
        ] {
            let difference = i128::from(two) - i128::from(one);
            row(label, [count(one), count(two), format!("{difference:+}")])?;
        }
        for (label, [one, two]) in [
            ("notional liquidated", [one.liquidated, two.liquidated]),
            ("... on the book", [one.liquidated_on_book, two.liquidated_on_book]),
            ("... most in one minute", [one.liquidated_in_a_minute, two.liquidated_in_a_minute]),
            ("insurance fund: fees in", [one.insurance_in, two.insurance_in]),
            ("insurance fund: deficits paid", [one.insurance_out, two.insurance_out]),
            ("insurance fund: end", [one.insurance_end, two.insurance_end]),
            ("bad debt", [one.bad_debt, two.bad_debt]),
        ] {
            row(label, [cents(one), cents(two), cents(two - one)])?;
        }
        let ppm = |side: &Side| side.deviation.as_ref().map_or(0, |worst| worst.ppm);
        let difference = ppm(two).abs() - ppm(one).abs();
        row(
            "worst mark off the tape, ppm",
            [ppm(one).to_string(), ppm(two).to_string(), format!("{difference:+}")],
        )?;
        let place = |side: &Side| {
            side.deviation.as_ref().map_or("none".into(), |worst| {
                format!("{} {}", worst.symbol, super::axis::time_text(worst.time_ms, "%m-%d %H:%M"))
            })
        };
        row("... of and at (UTC)", [place(one), place(two), String::new()])
    }
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
