//! Verdicts of the quick way counted against the exact sweep.

use super::super::figures::Figures;
use super::super::numbers::count;
use super::super::section::Section;

pub fn section(figures: &Figures) -> Section {
    let mut section = Section::new("Truth: missed and spurious flags");
    section.machines(figures, &figures.truths);
    for truth in &figures.truths {
        let words = format!(
            "{} checks against the exact sweep: {} flags missed, {} spurious.",
            count(truth.checks),
            count(truth.missed),
            count(truth.spurious)
        );
        if truth.missed == 0 && truth.spurious == 0 {
            section.words(words);
        } else {
            section.alarm(words);
        }
    }
    section
}
