//! The full check of one account, our way beside others.

use super::super::chart::{Bar, BarChart};
use super::super::figures::{Figures, Measured};
use super::super::lines::Check;
use super::super::numbers::{distinct, plain};
use super::super::section::{Section, Table};
use super::{NONE, compare_hashes};

pub fn section(figures: &Figures) -> Result<Section, String> {
    let mut section = Section::new("Full check of one account");
    let checks = &figures.checks;
    section.machines(figures, checks);
    if checks.is_empty() {
        return Ok(section);
    }
    let ways: Vec<&str> = distinct(checks.iter().map(|check| check.way.as_str()));
    let mut chart = BarChart { title: "Time of a check, cached, log scale".into(), groups: Vec::new() };
    let mut table = Table::new(["positions", "way", "whose", "result", "ns", "times our fastest"]);
    let mut without_hash = 0;
    for positions in distinct(checks.iter().map(|check| check.positions)) {
        let mut group: Vec<&Measured<Check>> =
            checks.iter().filter(|check| check.positions == positions).collect();
        group.sort_by(|a, b| a.ns.total_cmp(&b.ns));
        let ours = group.iter().find(|check| check.ours).map(|check| check.ns);
        let name = format!("{positions} {}", if positions == 1 { "position" } else { "positions" });
        for check in &group {
            table.row([
                positions.to_string(),
                check.way.clone(),
                if check.ours { "ours" } else { "other" }.into(),
                if check.exact { "exact" } else { "rounded" }.into(),
                plain(check.ns),
                ours.map_or(NONE.into(), |ours| plain(check.ns / ours)),
            ]);
        }
        let exact = group.iter().filter(|check| check.exact);
        let answers = exact.map(|check| (check.way.as_str(), check.hash.as_ref()));
        without_hash += compare_hashes(&mut section, &format!("full check of {name}"), answers);
        let bar = |check: &&Measured<Check>| Bar {
            name: check.way.clone(),
            ns: check.ns,
            color: ways.iter().position(|way| *way == check.way).unwrap_or(0),
        };
        chart.groups.push((name, group.iter().map(bar).collect()));
    }
    section.plot(chart.draw()?);
    section.table(table);
    if without_hash > 0 {
        section.quiet(format!("{without_hash} lines of exact ways have no hash and were not compared."));
    }
    Ok(section)
}
