//! `backstop risk`: who would be liquidated if marks moved, at any event of a journal; how concentrated the markets are; what the funds are
//! short of; and what a shock would do, liquidations carried out.

mod picture;
mod report;
mod source;
mod what_if;

use std::path::PathBuf;

use anyhow::Context;
use engine::event::EventSequence;

pub use report::Report;

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A journal, or the folder of a run; none: the newest run under `out`, and without one the built-in scenario.
    pub journal: Option<PathBuf>,
    /// Event after which the state is looked at; none: the last before an episode's settlement, or the bottom of the scenario's crash.
    pub sequence: Option<EventSequence>,
    /// Shock to be carried out, permille of every mark.
    pub what_if: Option<i32>,
    pub svg: Option<PathBuf>,
    pub progress: bool,
}

/// The report, and the picture where one is asked for.
///
/// # Errors
/// If there is no journal, it is damaged or ends before the event; or the picture cannot be written.
pub fn risk(options: &Options) -> anyhow::Result<Report> {
    let looked = source::look(options.journal.as_deref(), options.sequence, options.progress)?;
    let mut report = Report::of(&looked);
    if let Some(permille) = options.what_if {
        report.what_if = Some(what_if::carry_out(&looked.state, permille, options.progress)?);
    }
    if let Some(path) = &options.svg {
        let picture =
            picture::draw(&report).map_err(anyhow::Error::msg).context("cannot draw the picture")?;
        std::fs::write(path, picture).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(report)
}
