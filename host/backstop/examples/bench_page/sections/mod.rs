//! What the page shows, a file for each section.

mod check;
mod fpga;
mod machine;
mod mark;
mod pipeline;
mod truth;
mod update;

use super::figures::Figures;
use super::numbers::distinct;
use super::section::Section;

/// In the order of the page, without the conclusion.
pub fn all(figures: &Figures) -> Result<Vec<Section>, String> {
    Ok(vec![
        check::section(figures)?,
        update::section(figures)?,
        mark::section(figures)?,
        fpga::section(figures)?,
        pipeline::section(figures)?,
        truth::section(figures),
        machine::section(figures),
    ])
}

/// Cells of a value that was not measured.
const NONE: &str = "-";

/// An alarm if ways that answer the same question have different hashes; how many had no hash to compare.
fn compare_hashes<'a>(
    section: &mut Section,
    question: &str,
    answers: impl Iterator<Item = (&'a str, Option<&'a String>)>,
) -> usize {
    let answers: Vec<_> = answers.collect();
    let hashes = distinct(answers.iter().filter_map(|answer| answer.1));
    if hashes.len() > 1 {
        let words = |&(way, hash): &(&str, Option<&String>)| Some(format!("{way} {}", hash?));
        let found: Vec<String> = answers.iter().filter_map(words).collect();
        section.alarm(format!("Hashes of the same work differ, {question}: {}.", found.join(", ")));
    }
    answers.iter().filter(|answer| answer.1.is_none()).count()
}
