//! The machines that the figures come from.

use super::super::figures::Figures;
use super::super::section::{Section, Table};

pub fn section(figures: &Figures) -> Section {
    let mut section = Section::new("Machine");
    if figures.hosts.is_empty() {
        section.quiet("No file states its machine.");
    }
    let mut table = Table::new(["bench", "file", "processor", "cores", "load average", "date", "run"]);
    for host in &figures.hosts {
        table.row([
            host.name.clone(),
            host.file.clone(),
            host.cpu.clone(),
            host.cores.to_string(),
            host.load.clone(),
            host.date.clone(),
            host.mode.clone(),
        ]);
    }
    section.table(table);
    section.quiet("Times on a shared machine are approximate; read the ratios, which were measured side by side in one run.");
    section
}
