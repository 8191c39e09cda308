//! What a mark costs: zones beside the check of every account and the model.

use super::super::chart::{Line, LineChart, log_ticks};
use super::super::duel::ZONES;
use super::super::figures::{Figures, Measured};
use super::super::lines::Mark;
use super::super::numbers::{count, distinct, plain, short};
use super::super::section::{Section, Table};
use super::{NONE, compare_hashes};

pub fn section(figures: &Figures) -> Result<Section, String> {
    let mut section = Section::new("Marks: zones and the check of every account");
    let marks = &figures.marks;
    section.machines(figures, marks);
    if marks.is_empty() {
        return Ok(section);
    }
    for (scope, population) in distinct(marks.iter().map(|mark| (&mark.scope, &mark.population))) {
        let of_one_bp = |mark: &&Measured<Mark>| {
            mark.move_bp == 1.0 && mark.scope == *scope && mark.population == *population
        };
        let lines: Vec<&Measured<Mark>> = marks.iter().filter(of_one_bp).collect();
        if !lines.is_empty() {
            section.plot(growth(format!("A mark of 1 bp, {scope}, accounts {population}"), &lines)?);
        }
    }
    section.quiet("Log scale on both axes. Solid: mean. Dashed: 99th percentile.");
    ratios(figures, &mut section);
    Ok(section)
}

/// Cost against the number of accounts.
fn growth(title: String, marks: &[&Measured<Mark>]) -> Result<String, String> {
    let mut lines = Vec::new();
    for (color, way) in distinct(marks.iter().map(|mark| &mark.way)).into_iter().enumerate() {
        let of_way = || marks.iter().filter(|mark| mark.way == *way);
        let points = |ns: fn(&Mark) -> f64| {
            of_way().map(|mark| ((mark.accounts as f64).log10(), ns(&mark.line))).collect()
        };
        lines.push(Line { name: way.clone(), points: points(|mark| mark.mean_ns), color, dashed: false });
        lines.push(Line {
            name: format!("{way}, p99"),
            points: points(|mark| mark.p99_ns),
            color,
            dashed: true,
        });
    }
    let x_ticks = log_ticks(marks.iter().map(|mark| mark.accounts as f64), short);
    LineChart { title, x_name: "accounts".into(), x_ticks, lines }.draw()
}

/// Ratios of the other ways to the zones; the hashes of a row's ways.
fn ratios(figures: &Figures, section: &mut Section) {
    let marks = &figures.marks;
    let others: Vec<&str> = distinct(marks.iter().map(|mark| mark.way.as_str()).filter(|way| *way != ZONES))
        .into_iter()
        .collect();
    let mut table = Table::new(["accounts", "move", "scope", "accounts stand", "zones, µs"]);
    table.columns.extend(others.iter().map(|way| format!("{way} / zones")));
    let mut without_hash = 0;
    for row in distinct(marks.iter().map(|mark| mark.row())) {
        let of_row = || marks.iter().filter(|mark| mark.row() == row);
        let of_way = |way: &str| of_row().find(|mark| mark.way == way).map(|mark| figures_of(mark));
        let zones = of_way(ZONES);
        let Some(first) = of_row().next() else { continue };
        let mut cells = vec![
            count(first.accounts),
            first.move_name.clone(),
            first.scope.clone(),
            first.population.clone(),
            zones.map_or(NONE.into(), |zones| triple(zones.map(|ns| ns / 1e3))),
        ];
        for way in &others {
            let ratio = of_way(way).zip(zones).map(|(other, zones)| {
                triple([other[0] / zones[0], other[1] / zones[1], other[2] / zones[2]])
            });
            cells.push(ratio.unwrap_or(NONE.into()));
        }
        table.rows.push(cells);
        let question = format!(
            "mark of {}, {} accounts, {}, {}",
            first.move_name,
            count(first.accounts),
            first.scope,
            first.population
        );
        let answers = of_row().map(|mark| (mark.way.as_str(), mark.hash.as_ref()));
        without_hash += compare_hashes(section, &question, answers);
    }
    let rows = table.rows.len();
    section.table(table);
    section.quiet("Times and ratios are of p50 / mean / p99. A ratio above 1: the zones are faster by that much. Below 1: slower.");
    let alarms = section.alarms().count();
    section.quiet(match (alarms, without_hash) {
        (0, 0) => format!("The hashes of all ways agree in all {rows} rows."),
        (alarms, without) => {
            format!("Hashes differ in {alarms} of {rows} rows; {without} lines have none to compare.")
        }
    });
}

fn figures_of(mark: &Mark) -> [f64; 3] {
    [mark.p50_ns, mark.mean_ns, mark.p99_ns]
}

fn triple(numbers: [f64; 3]) -> String {
    numbers.map(plain).join(" / ")
}
