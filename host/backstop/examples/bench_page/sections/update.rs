//! A random update with its check, and the sweep over all accounts.

use super::super::chart::{Bar, BarChart};
use super::super::figures::Figures;
use super::super::numbers::{count, distinct, plain};
use super::super::section::{Section, Table};
use super::{NONE, compare_hashes};

const PREFETCHED: &str = "prefetched";

pub fn section(figures: &Figures) -> Result<Section, String> {
    let mut section = Section::new("Random update and check, and the sweep of all accounts");
    section.machines(figures, &figures.updates);
    if !figures.updates.is_empty() {
        updates(figures, &mut section)?;
    }
    section.machines(figures, &figures.sweeps);
    let mut table = Table::new([
        "layout",
        "accounts",
        "ns an account",
        "whole sweep, ms",
        "GB/s",
        "stream, GB/s",
        "% of the stream",
    ]);
    for sweep in &figures.sweeps {
        table.row([
            sweep.layout.clone(),
            count(sweep.accounts),
            plain(sweep.ns_per_account),
            plain(sweep.ns_per_account * sweep.accounts as f64 / 1e6),
            plain(sweep.gb_per_s),
            plain(sweep.stream_gb_per_s),
            plain(100.0 * sweep.gb_per_s / sweep.stream_gb_per_s),
        ]);
    }
    section.table(table);
    Ok(section)
}

fn updates(figures: &Figures, section: &mut Section) -> Result<(), String> {
    let updates = &figures.updates;
    let ways: Vec<&str> = distinct(updates.iter().map(|update| update.way.as_str()));
    let mut chart =
        BarChart { title: "Time of a random update and check, log scale".into(), groups: Vec::new() };
    let mut table = Table::new(["accounts", "way", "ns", "times prefetched"]);
    for accounts in distinct(updates.iter().map(|update| update.accounts)) {
        let group = || updates.iter().filter(|update| update.accounts == accounts);
        let prefetched = group().find(|update| update.way == PREFETCHED).map(|update| update.ns);
        let mut bars = Vec::new();
        for update in group() {
            let ratio = prefetched.map_or(NONE.into(), |prefetched| plain(update.ns / prefetched));
            table.row([count(accounts), update.way.clone(), plain(update.ns), ratio]);
            let color = ways.iter().position(|way| *way == update.way).unwrap_or(0);
            bars.push(Bar { name: update.way.clone(), ns: update.ns, color });
        }
        let name = format!("{} accounts", count(accounts));
        // The others need not do the same work.
        let answers = group()
            .filter(|update| update.way.ends_with(PREFETCHED))
            .map(|update| (update.way.as_str(), update.hash.as_ref()));
        compare_hashes(section, &format!("random update of {name}"), answers);
        chart.groups.push((name, bars));
    }
    section.plot(chart.draw()?);
    section.table(table);
    Ok(())
}
