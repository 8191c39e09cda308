//! The engine's state at an event of a journal.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use engine::Engine;
use engine::event::{Event, EventSequence, Round};

use crate::replay::Request;
use crate::replay::journaled::walk;

/// Where the main job leaves its runs.
const RUNS: &str = "out";

pub struct State {
    pub engine: Engine,
    pub episode: u32,
    /// The event it is the state after.
    pub sequence: EventSequence,
}

/// The journal of the newest run of the main job.
///
/// # Errors
/// If there is none.
pub fn newest_run() -> anyhow::Result<PathBuf> {
    let runs = std::fs::read_dir(RUNS).into_iter().flatten().flatten();
    let journals = runs.map(|run| run.path().join("journal")).filter(|journal| journal.exists());
    let none =
        || Request(format!("no run in {RUNS}/; name a journal with --journal FILE, or do `make run` first"));
    Ok(journals.max().ok_or_else(none)?)
}

/// The state after an event, or else before the last episode's settlement.
///
/// # Errors
/// If the journal is damaged, or does not hold the event or any round.
pub fn at(journal: &Path, sequence: Option<EventSequence>) -> anyhow::Result<State> {
    let mut found: Option<State> = None;
    let mut last = None;
    walk(journal, |engine, episode, journaled| {
        let round = &journaled.round;
        let end = round.first_sequence + round.events.len() as u64;
        last = end.checked_sub(1);
        match sequence {
            Some(sequence) if sequence < end => {
                let count = (sequence + 1).saturating_sub(round.first_sequence) as usize;
                engine.apply(&Round { events: round.events[..count].to_vec(), ..*round });
                found = Some(State { engine: engine.clone(), episode, sequence });
                return Ok(false);
            }
            None if round.events.contains(&Event::Settled) => {
                let sequence = round.first_sequence.saturating_sub(1);
                found = Some(State { engine: engine.clone(), episode, sequence });
            }
            _ => {}
        }
        engine.apply(round);
        engine.decide(journaled.verdicts.as_deref().unwrap_or_default())?;
        if sequence.is_none() && found.as_ref().is_none_or(|state| state.episode != episode) {
            found = None;
        }
        Ok(true)
    })?;
    match (found, sequence, last) {
        (Some(state), ..) => Ok(state),
        (None, Some(sequence), Some(last)) => bail!("event {sequence} is beyond the journal's last, {last}"),
        (None, None, Some(_)) => {
            // The journal ends within an episode: its end is what there is.
            at(journal, last).context("the journal ends within an episode")
        }
        (None, _, None) => bail!("{} holds no round: nothing to look at", journal.display()),
    }
}
