//! Sections as text; pictures are on the page only.

use std::fmt::Write;

use super::section::{Part, Section, Table};

pub fn text(sections: &[Section]) -> String {
    let mut text = String::new();
    for section in sections {
        let _ = writeln!(text, "{}\n{}", section.title, "-".repeat(section.title.chars().count()));
        for part in &section.parts {
            let _ = match part {
                Part::Words(words) => writeln!(text, "{words}"),
                Part::Quiet(words) => writeln!(text, "  {words}"),
                Part::Alarm(words) => writeln!(text, "ERROR: {words}"),
                Part::Table(table) => write!(text, "{}", table_of(table)),
                Part::Plot(_) => Ok(()),
            };
        }
        text.push('\n');
    }
    text
}

/// Columns as wide as their widest cell.
fn table_of(table: &Table) -> String {
    let lines = || std::iter::once(&table.columns).chain(&table.rows);
    let widest = |column: usize| lines().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..table.columns.len()).map(widest).collect();
    let mut text = String::new();
    for line in lines() {
        let mut words = String::from(" ");
        for (column, (cell, &width)) in line.iter().zip(&widths).enumerate() {
            let _ = match table.is_name(column) {
                true => write!(words, " {cell:<width$} "),
                false => write!(words, " {cell:>width$} "),
            };
        }
        let _ = writeln!(text, "{}", words.trim_end());
    }
    text
}
