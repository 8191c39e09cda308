//! Where the events come from: a journal, or the built-in crash run here and now.

use std::path::{Path, PathBuf};

use device::{CpuDevice, Driver, DriverConfig};
use engine::event::{EventSequence, TimeMs};
use model::machine::Capacity;

use crate::feed::scenario::{self, INSTRUMENTS, START_MS, STEP_MS, STEPS_CALM, STEPS_CRASH};
use crate::journal::{Entry, JournalError, JournalReader};
use crate::recovery::{RunState, follow};
use crate::replay::FUND;
use crate::replay::audit::Audit;
use crate::replay::patrol::Patrol;
use crate::replay::rounds::{Input, Rounds, Seeding};
use crate::replay::session::{Recorder, Session};
use crate::report::progress::Progress;
use crate::report::summary::SCENARIO;
use crate::rules;
use crate::venue::{SimulatedVenue, VenueConfig};

/// Where the main job leaves its runs.
const RUNS: &str = "out";
/// Of the scenario and its accounts, as `replay` has it.
const SEED: u64 = 1;
/// Event time of the bottom of the crash.
const BOTTOM_MS: TimeMs = START_MS + (STEPS_CALM + STEPS_CRASH) as TimeMs * STEP_MS;

/// A state, and what it is of, in words.
pub struct Looked {
    pub source: String,
    pub state: RunState,
}

/// The state at an event of a journal, given as a file or the folder of a run; without one of the newest run of the main job; without that of the
/// built-in scenario, by default at the bottom of its crash.
///
/// # Errors
/// As [`follow`]; or if there is no journal where one is named.
pub fn look(
    journal: Option<&Path>,
    sequence: Option<EventSequence>,
    progress: bool,
) -> anyhow::Result<Looked> {
    let journal = match journal {
        Some(path) if path.join("journal").is_dir() => Some(path.join("journal")),
        Some(path) => Some(path.to_path_buf()),
        None => newest_run(),
    };
    match journal {
        Some(path) => {
            let bytes = JournalReader::bytes(&path);
            let reader = JournalReader::open(&path)?;
            let progress = Progress::bytes(bytes, !progress);
            let state = follow(Counted { reader, progress }, sequence)?;
            Ok(Looked { source: path.display().to_string(), state })
        }
        None => {
            let entries = run_scenario(sequence, progress)?;
            let state = follow(entries.into_iter().map(Ok), sequence)?;
            Ok(Looked { source: SCENARIO.into(), state })
        }
    }
}

/// The journal of the newest run of the main job.
fn newest_run() -> Option<PathBuf> {
    let runs = std::fs::read_dir(RUNS).into_iter().flatten().flatten();
    runs.map(|run| run.path().join("journal")).filter(|journal| journal.exists()).max()
}

/// A reader that says how far it is.
struct Counted {
    reader: JournalReader,
    progress: Progress,
}

impl Iterator for Counted {
    type Item = Result<Entry, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.progress.reach(self.reader.offset());
        self.reader.next()
    }
}

/// A journal in memory.
#[derive(Default)]
struct Entries(Vec<Entry>);

impl Recorder for Entries {
    fn record(&mut self, entry: Entry) -> Result<(), JournalError> {
        self.0.push(entry);
        Ok(())
    }
}

/// The scenario as `replay` runs it on the model, up to an event, or else to the bottom of its crash; not settled.
fn run_scenario(until: Option<EventSequence>, progress: bool) -> anyhow::Result<Vec<Entry>> {
    let (rules, accounts, config) = (rules::built_in(), scenario::ACCOUNTS, VenueConfig::default());
    let capacity = Capacity {
        lanes: 1,
        accounts_per_lane: accounts,
        slots_per_lane: accounts * INSTRUMENTS.len(),
        instruments: INSTRUMENTS.len(),
    };
    let mut driver = Driver::new(CpuDevice::new(capacity), DriverConfig::default());
    let venue = SimulatedVenue::new(rules.rules.validate()?.0, config.clone(), None)?;
    let mut entries = Entries::default();
    let (index, source) = (0, SCENARIO.to_owned());
    entries.record(Entry::EpisodeStarted { index, seed: SEED, rules: rules.rules.clone(), source })?;
    entries.record(Entry::Note { time_ms: START_MS, text: config.note() })?;
    let mut session =
        Session::start(rules.rules.clone(), &mut driver, Audit::Off, Patrol::new(0), venue, 0, 0)?;
    let seeding = Seeding { rules, accounts, seed: SEED, fund: FUND, books: None, no_budget: false };
    let marks = INSTRUMENTS.len() as u64 * u64::from(STEPS_CALM + STEPS_CRASH);
    let progress = Progress::marks(marks, !progress);
    for input in Rounds::new(scenario::items(SEED), seeding, None) {
        let Input::Round { time_ms, events, marks } = input? else { continue };
        if until.is_none() && time_ms > BOTTOM_MS || until.is_some_and(|until| session.next_sequence > until)
        {
            break;
        }
        session.run(time_ms, events, &mut entries, &mut |_, _| Ok(()))?;
        progress.advance(marks);
    }
    Ok(entries.0)
}
