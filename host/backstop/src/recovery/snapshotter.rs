//! Snapshots of a run that goes on: a thread follows what its journal holds, and keeps the state beside it. The run itself never waits.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::{Position, RunState, Snapshots, follow, follow_from, recover};
use crate::journal::{Entry, FileDisk, JournalReader};

/// Between two looks at a journal that has not grown enough.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Records read at once.
const STRIDE: usize = 1 << 16;
const KEPT: usize = 2;

/// What became of a run's snapshots.
#[derive(Clone, Debug, Default)]
pub struct Made {
    pub snapshots: u64,
    /// Why the last one that failed did: the run goes on without.
    pub failed: Option<String>,
}

/// The thread.
pub struct Snapshotter {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<Made>>,
}

impl Drop for Snapshotter {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

impl Snapshotter {
    /// Follows the journal in the folder `journal`, once it is there; after every `every` records a snapshot goes to the folder `snapshots`.
    pub fn spawn(journal: PathBuf, snapshots: PathBuf, every: u64) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let is_ended = ended.clone();
        let work = move || {
            let mut made = Made::default();
            let mut follower = None;
            loop {
                let is_last = is_ended.load(Ordering::Relaxed);
                if follower.is_none() {
                    follower = Follower::open(&journal, &snapshots).ok();
                }
                let due = follower.as_mut().map(|follower| follower.step(every, &mut made));
                match due {
                    Some(Err(error)) => {
                        made.failed = Some(format!("{error:#}"));
                        return made;
                    }
                    Some(Ok(true)) => {}
                    _ if is_last => return made,
                    _ => sleep(LOOK_EVERY),
                }
            }
        };
        let thread = std::thread::Builder::new().name("snapshots".into()).spawn(work);
        Self { ended, thread: Some(thread.expect("the system refuses a thread")) }
    }

    /// Makes the snapshots that are due, and ends.
    pub fn end(mut self) -> Made {
        self.ended.store(true, Ordering::Relaxed);
        let lost = || Made { failed: Some("its thread died after a panic".into()), ..Made::default() };
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_else(lost)
    }
}

struct Follower {
    journal: PathBuf,
    snapshots: Snapshots<FileDisk>,
    state: Option<RunState>,
    /// Of the state.
    at: Position,
    /// Records at the last snapshot.
    last: u64,
}

impl Follower {
    fn open(journal: &Path, snapshots: &Path) -> anyhow::Result<Self> {
        let reader = JournalReader::open(journal)?;
        std::fs::create_dir_all(snapshots)
            .with_context(|| format!("cannot create {}", snapshots.display()))?;
        let kept = Snapshots::new(FileDisk::new(snapshots), snapshots, *reader.header(), KEPT);
        let at = Position { record: 0, chain: reader.chain_hash() };
        Ok(Self { journal: journal.to_path_buf(), snapshots: kept, state: None, at, last: 0 })
    }

    /// Goes on to the last round that was decided on, or a stride; false if there was none.
    fn step(&mut self, every: u64, made: &mut Made) -> anyhow::Result<bool> {
        let (record, chain) = (self.at.record, self.at.chain);
        let disk = FileDisk::new(&self.journal);
        let mut reader = JournalReader::resume(disk, &self.journal, record, chain)?;
        let (mut entries, mut decided) = (Vec::new(), None);
        while entries.len() < STRIDE || decided.is_none() {
            // The end of a journal that is being written looks like a torn one.
            let Some(Ok(entry)) = reader.next() else { break };
            let is_decision = matches!(entry, Entry::Decision { .. });
            entries.push(entry);
            if is_decision {
                let position = Position { record: reader.records(), chain: reader.chain_hash() };
                decided = Some((entries.len(), position));
            }
        }
        let Some((count, position)) = decided else { return Ok(false) };
        entries.truncate(count);
        self.state = Some(follow_from(self.state.take(), entries.into_iter().map(Ok), None)?);
        self.at = position;
        if position.record - self.last >= every
            && let Some(state) = &self.state
        {
            self.snapshots.write(position, state)?;
            self.last = position.record;
            made.snapshots += 1;
        }
        Ok(true)
    }
}

/// A journal recovered in two ways that lead to the same state.
#[derive(Clone, Copy, Debug)]
pub struct Checked {
    /// Of the state.
    pub hash: [u8; 32],
    /// The snapshot that was begun with.
    pub newest: Option<Position>,
    /// Events of the journal.
    pub events: u64,
    /// From the newest snapshot and the journal after it.
    pub from_snapshot: Duration,
    /// From the whole journal.
    pub from_start: Duration,
}

/// Recovers from the newest snapshot and the journal, and from the journal alone.
///
/// # Errors
/// If either fails, or they lead to other states.
pub fn check(journal: &Path, snapshots: &Path, progress: impl FnMut(u64)) -> anyhow::Result<Checked> {
    let header = *JournalReader::open(journal)?.header();
    let mut kept = Snapshots::new(FileDisk::new(snapshots), snapshots, header, KEPT);
    let started = Instant::now();
    let recovered = recover(FileDisk::new(journal), journal, &mut kept, progress)?;
    let is_whole = |entry: &Result<Entry, crate::journal::JournalError>| {
        !entry.as_ref().is_err_and(crate::journal::JournalError::is_torn_tail)
    };
    let (from_snapshot, started) = (started.elapsed(), Instant::now());
    let whole = follow(JournalReader::open(journal)?.take_while(is_whole), None)?;
    let of = |state: &RunState| (state.next_round, state.engine.state_hash());
    ensure!(
        of(&recovered.state) == of(&whole),
        "the snapshot at record {:?} and the journal after it lead to another state than the whole journal; do not use the snapshots",
        recovered.snapshot.map(|position| position.record)
    );
    let (hash, events) = (whole.engine.state_hash(), whole.next_sequence);
    Ok(Checked { hash, newest: recovered.snapshot, events, from_snapshot, from_start: started.elapsed() })
}
