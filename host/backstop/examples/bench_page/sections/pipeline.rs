//! Latency through the whole host, open loop, as distributions.

use super::super::chart::{Line, LineChart};
use super::super::figures::{Figures, Measured};
use super::super::lines::Pipeline;
use super::super::numbers::{count, distinct, plain, time};
use super::super::section::{Section, Table};
use super::NONE;

pub fn section(figures: &Figures) -> Result<Section, String> {
    let mut section = Section::new("Pipeline: latency from the feed");
    section.machines(figures, &figures.pipelines);
    for what in distinct(figures.pipelines.iter().map(|line| &line.what)) {
        let lines: Vec<&Measured<Pipeline>> =
            figures.pipelines.iter().filter(|line| line.what == *what).collect();
        let mut quantiles = distinct(lines.iter().flat_map(|line| line.quantiles()).map(|(q, _)| q));
        quantiles.sort_by(f64::total_cmp);
        section.plot(distribution(what, &lines, &quantiles)?);
        section.table(table(&lines, &quantiles));
        let behind = lines.iter().filter(|line| !line.kept_up).count();
        if behind > 0 {
            section.words(format!(
                "{what}: {behind} of {} runs did not keep up with their rate; their times grow with the length of the run.",
                lines.len()
            ));
        }
    }
    if !figures.pipelines.is_empty() {
        section.quiet("Open loop: a time counts from when its event was due. Each 9 of the quantile is as wide as the next; log scale of time.");
    }
    Ok(section)
}

fn distribution(what: &str, lines: &[&Measured<Pipeline>], quantiles: &[f64]) -> Result<String, String> {
    let nines = |quantile: f64| -(1.0 - quantile).log10();
    // The slowest of all stands one step beyond the last quantile.
    let beyond = quantiles.iter().filter(|q| **q < 1.0).map(|&q| nines(q)).fold(0.0, f64::max) + 1.0;
    let place = |quantile: f64| if quantile < 1.0 { nines(quantile) } else { beyond };
    let line = |(at, line): (usize, &&Measured<Pipeline>)| Line {
        name: format!("{}{}", name(line), if line.kept_up { "" } else { ", fell behind" }),
        points: line.quantiles().into_iter().map(|(quantile, ns)| (place(quantile), ns)).collect(),
        color: distinct(lines.iter().map(|line| line.rate))
            .iter()
            .position(|r| *r == line.rate)
            .unwrap_or(at),
        dashed: line.journal,
    };
    let chart = LineChart {
        title: format!("Latency, {what}"),
        x_name: "share of events that took no longer; dashed with a journal".into(),
        x_ticks: quantiles.iter().map(|&quantile| (place(quantile), word(quantile))).collect(),
        lines: lines.iter().enumerate().map(line).collect(),
    };
    chart.draw()
}

fn table(lines: &[&Measured<Pipeline>], quantiles: &[f64]) -> Table {
    let mut table = Table::new(["what", "events a second", "journal", "events"]);
    table.columns.extend(quantiles.iter().map(|&quantile| word(quantile)));
    table.columns.push("kept up".into());
    for line in lines {
        let yes_no = |yes: bool| if yes { "yes" } else { "no" }.to_string();
        let mut cells = vec![line.what.clone(), count(line.rate), yes_no(line.journal), count(line.events)];
        let measured = line.quantiles();
        cells.extend(quantiles.iter().map(|quantile| {
            measured.iter().find(|(q, _)| q == quantile).map_or(NONE.into(), |&(_, ns)| time(ns))
        }));
        cells.push(yes_no(line.kept_up));
        table.rows.push(cells);
    }
    table
}

fn name(line: &Pipeline) -> String {
    format!("{} a second, {}", count(line.rate), if line.journal { "journal" } else { "no journal" })
}

fn word(quantile: f64) -> String {
    if quantile >= 1.0 {
        return "slowest".into();
    }
    let percent = format!("{:.6}", 100.0 * quantile);
    let percent = percent.trim_end_matches('0').trim_end_matches('.');
    if quantile > 0.0 { format!("{percent} %") } else { format!("fastest ({})", plain(quantile)) }
}
