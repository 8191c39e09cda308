//! Draws two runs over one time axis: the mark that impact hit most, how far marks lay from the tape, what was liquidated, the fund.

use std::collections::BTreeMap;

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::axis::{Column, TimeAxis, ValueAxis, short};
use super::canvas::{Canvas, Drawn, INK, LEFT, QUIET, RIGHT, WIDTH, steps, words};
use super::compare::{MarkPoint, Run};
use super::series::Point;

const HEIGHT: i32 = 1_180;
/// Rows of the panels: top and bottom.
const MARKS: (i32, i32) = (130, 370);
const DEVIATION: (i32, i32) = (440, 600);
const LIQUIDATED: (i32, i32) = (670, 850);
const FUND: (i32, i32) = (920, 1_090);
/// Of the first run, and of the second.
const RUNS: [RGBColor; 2] = [RGBColor(0, 114, 178), RGBColor(213, 94, 0)];

/// Curves of both runs, one list of points an episode.
type Curves = [Vec<Vec<Point>>; 2];

pub fn draw(runs: &[Run; 2]) -> Result<String, String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH as u32, HEIGHT as u32)).into_drawing_area();
        let canvas = Canvas { area: &area };
        area.fill(&WHITE).map_err(words)?;
        let title = format!("{} and {}", runs[0].name, runs[1].name);
        canvas.text((LEFT, 24), &title, 24, INK, HPos::Left)?;
        canvas.text(
            (LEFT, 54),
            "Accounts, the order book, its fills and their impact are simulated.",
            13,
            QUIET,
            HPos::Left,
        )?;
        let spans = spans(runs);
        if spans.is_empty() {
            canvas.text((LEFT, MARKS.0), "Nothing happened: no run has a mark.", 16, INK, HPos::Left)?;
        } else {
            let time = TimeAxis::new(&spans.values().copied().collect::<Vec<_>>(), LEFT, RIGHT);
            let columns = spans.keys().copied().zip(time.columns).collect();
            let picture = Picture { canvas, runs, columns };
            picture.canvas.time_axis(&picture.columns, &[MARKS, DEVIATION, LIQUIDATED, FUND], HEIGHT)?;
            picture.marks()?;
            picture.deviation()?;
            picture.liquidated()?;
            picture.fund()?;
        }
        area.present().map_err(words)?;
    }
    Ok(svg)
}

/// First and last mark of every episode.
fn spans(runs: &[Run; 2]) -> BTreeMap<u32, (i64, i64)> {
    let mut spans = BTreeMap::new();
    for (&episode, symbols) in runs.iter().flat_map(|run| &run.marks) {
        for point in symbols.values().flatten() {
            let span = spans.entry(episode).or_insert((point.time_ms, point.time_ms));
            *span = (span.0.min(point.time_ms), span.1.max(point.time_ms));
        }
    }
    spans
}

struct Picture<'a, 'b> {
    canvas: Canvas<'a, 'b>,
    runs: &'a [Run; 2],
    columns: Vec<(u32, Column)>,
}

impl Picture<'_, '_> {
    fn panel(&self, rows: (i32, i32), heading: &str, axis: &ValueAxis, curves: &Curves) -> Drawn {
        let columns: Vec<Column> = self.columns.iter().map(|(_, column)| *column).collect();
        self.canvas.grid(&columns, axis, LEFT, QUIET, true)?;
        for (episodes, color) in curves.iter().zip(RUNS) {
            for (points, column) in episodes.iter().zip(&columns) {
                self.canvas.curve(steps(points, column, axis), color, 2, false)?;
            }
        }
        let mut x = self.canvas.heading(rows.0, heading)?;
        for (run, color) in self.runs.iter().zip(RUNS) {
            x = self.canvas.legend((x, rows.0 - 22), &run.name, color, false)?;
        }
        Ok(())
    }

    fn points<'r>(&self, run: &'r Run, episode: u32, symbol: &str) -> &'r [MarkPoint] {
        run.marks.get(&episode).and_then(|symbols| symbols.get(symbol)).map_or(&[], Vec::as_slice)
    }

    /// The symbol whose mark lay furthest from the tape in either run; any, if none did.
    fn marks(&self) -> Drawn {
        let far =
            |points: &[MarkPoint]| points.iter().map(|point| point.deviation_ppm.abs()).max().unwrap_or(0);
        let symbols = self.runs.iter().flat_map(|run| run.marks.values()).flatten();
        let symbol = symbols.max_by_key(|(_, points)| far(points)).map_or("", |(symbol, _)| symbol.as_str());
        let start = |points: &[MarkPoint]| points.first().map_or(1.0, |point| point.tape);
        let curve = |run: &Run, value: fn(&MarkPoint) -> f64| -> Vec<Vec<Point>> {
            let of = |(episode, _): &(u32, Column)| {
                let points = self.points(run, *episode, symbol);
                points.iter().map(|point| (point.time_ms, 100.0 * value(point) / start(points))).collect()
            };
            self.columns.iter().map(of).collect()
        };
        let curves = self.runs.each_ref().map(|run| curve(run, |point| point.mark));
        // The tape is the same for both; the run with more of it is taken.
        let tapes = self.runs.each_ref().map(|run| curve(run, |point| point.tape));
        let tape =
            tapes.iter().max_by_key(|tape| tape.iter().map(Vec::len).sum::<usize>()).expect("two runs");
        let values = || curves.iter().chain([tape]).flatten().flatten().map(|point| point.1);
        let (low, high) = (values().fold(100.0, f64::min), values().fold(100.0, f64::max));
        let axis = ValueAxis::around(low, high, MARKS.0, MARKS.1);
        let heading = format!("Mark of {symbol}, which impact moved most; dashed: the tape; its first = 100");
        self.panel(MARKS, &heading, &axis, &curves)?;
        for (points, (_, column)) in tape.iter().zip(&self.columns) {
            self.canvas.curve(steps(points, column, &axis), INK, 1, true)?;
        }
        Ok(())
    }

    /// Furthest of all symbols, percent of the tape, without its sign.
    fn deviation(&self) -> Drawn {
        let curves = self.runs.each_ref().map(|run| {
            let of = |(episode, _): &(u32, Column)| run.marks.get(episode).map_or(Vec::new(), furthest);
            self.columns.iter().map(of).collect()
        });
        self.amounts(DEVIATION, "Furthest mark from the tape, %", 0.01, &curves)
    }

    fn liquidated(&self) -> Drawn {
        let curves = self.sums(0, |row| row.notional);
        self.amounts(LIQUIDATED, "Notional liquidated so far in the episode (quote currency)", 0.01, &curves)
    }

    fn fund(&self) -> Drawn {
        let start = self.runs.each_ref().map(|run| run.fund_start() / self.columns.len().max(1) as i128);
        let curves = self.sums(start[0], |row| row.fund_delta);
        let values = || curves.iter().flatten().flatten().map(|point| point.1);
        let (low, high) =
            (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
        let axis = ValueAxis::for_balance(low, high, FUND.0, FUND.1);
        let heading = format!("Insurance fund (quote currency; lowest {})", short(low));
        self.panel(FUND, &heading, &axis, &curves)
    }

    fn amounts(&self, rows: (i32, i32), heading: &str, step_min: f64, curves: &Curves) -> Drawn {
        let high = curves.iter().flatten().flatten().map(|point| point.1).fold(0.0, f64::max);
        self.panel(rows, heading, &ValueAxis::from_zero(high, step_min, rows.0, rows.1), curves)
    }

    /// Running sums within each episode, in quote currency.
    fn sums(&self, start: i128, amount: fn(&super::compare::Liquidation) -> i128) -> Curves {
        self.runs.each_ref().map(|run| {
            let of = |(_, column): &(u32, Column)| {
                let mut sum = start;
                let mut points = vec![(column.start_ms, sum as f64 / 1e6)];
                let inside = |time_ms: i64| (column.start_ms..=column.end_ms).contains(&time_ms);
                for row in run.liquidations.iter().filter(|row| inside(row.time_ms)) {
                    sum += amount(row);
                    points.push((row.time_ms, sum as f64 / 1e6));
                }
                points
            };
            self.columns.iter().map(of).collect()
        })
    }
}

/// At every time of a mark, the largest deviation of the symbols' last ones, in percent.
fn furthest(symbols: &BTreeMap<String, Vec<MarkPoint>>) -> Vec<Point> {
    let mut all: Vec<(i64, usize, i64)> = Vec::new();
    for (at, points) in symbols.values().enumerate() {
        all.extend(points.iter().map(|point| (point.time_ms, at, point.deviation_ppm.abs())));
    }
    all.sort_unstable();
    let mut last = vec![0; symbols.len()];
    let mut furthest: Vec<Point> = Vec::new();
    for same in all.chunk_by(|a, b| a.0 == b.0) {
        for &(_, at, ppm) in same {
            last[at] = ppm;
        }
        let most = last.iter().copied().max().unwrap_or(0);
        furthest.push((same[0].0, most as f64 / 1e4));
    }
    furthest
}
