//! Snapshots of a run that goes on: a thread follows what its journal holds, and keeps the state beside it. The run itself never waits.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::{Position, RunState, Snapshots, follow, follow_from, recover};
use crate::journal::{Disk, Entry, FileDisk, JournalReader};

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
                let (is_last, started) = (is_ended.load(Ordering::Relaxed), Instant::now());
                let step = match &mut follower {
                    Some(follower) => Follower::step(follower, every, is_last, &mut made),
                    // Until the journal is begun.
                    none if !is_last && JournalReader::open(&journal).is_err() => Ok(none.is_some()),
                    none => {
                        Follower::create(&journal, &snapshots).map(|opened| none.insert(opened)).map(|_| true)
                    }
                };
                match step {
                    Err(error) => {
                        made.failed = Some(format!("{error:#}"));
                        return made;
                    }
                    Ok(true) => {}
                    Ok(false) if is_last => return made,
                    // A look goes through the segment again: no more than a tenth of the time.
                    Ok(false) => sleep(LOOK_EVERY.max(9 * started.elapsed())),
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

struct Follower<J, S: Disk> {
    journal: J,
    path: PathBuf,
    snapshots: Snapshots<S>,
    state: Option<RunState>,
    /// Of the state.
    at: Position,
    /// Records at the last snapshot.
    last: u64,
}

impl Follower<FileDisk, FileDisk> {
    fn create(journal: &Path, snapshots: &Path) -> anyhow::Result<Self> {
        let header = *JournalReader::open(journal)?.header();
        std::fs::create_dir_all(snapshots)
            .with_context(|| format!("cannot create {}", snapshots.display()))?;
        let kept = Snapshots::new(FileDisk::new(snapshots), snapshots, header, KEPT);
        Self::open(FileDisk::new(journal), journal, kept)
    }
}

impl<J: Disk + Clone, S: Disk> Follower<J, S> {
    fn open(journal: J, path: &Path, snapshots: Snapshots<S>) -> anyhow::Result<Self> {
        let reader = JournalReader::new(journal.clone(), path)?;
        let at = Position { record: 0, chain: reader.chain_hash() };
        Ok(Self { journal, path: path.to_path_buf(), snapshots, state: None, at, last: 0 })
    }

    /// Goes on to the last round that is known to be durable and was decided on, or a stride; false if there was none. The last batch of a journal that
    /// is not closed may be written and not synced: it counts once another follows it.
    fn step(&mut self, every: u64, is_last: bool, made: &mut Made) -> anyhow::Result<bool> {
        let (record, chain) = (self.at.record, self.at.chain);
        let mut reader = JournalReader::resume(self.journal.clone(), &self.path, record, chain)?;
        let (mut entries, mut batch) = (Vec::new(), 0);
        // The last decision: of the batch that is read, and of those before.
        let (mut decided, mut durable) = (None, None);
        while entries.len() < STRIDE || durable.is_none() {
            let entry = match reader.next() {
                Some(Ok(entry)) => entry,
                Some(Err(error)) if is_last && !error.is_torn_tail() => return Err(error.into()),
                // What is being written may look like anything.
                _ => break,
            };
            if std::mem::replace(&mut batch, reader.batch()) != reader.batch() {
                durable = decided.take().or(durable);
            }
            let is_decision = matches!(entry, Entry::Decision { .. });
            entries.push(entry);
            if is_decision {
                let position = Position { record: reader.records(), chain: reader.chain_hash() };
                decided = Some((entries.len(), position));
            }
        }
        if reader.is_closed() {
            durable = decided.or(durable);
        }
        let Some((count, position)) = durable else { return Ok(false) };
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

#[cfg(test)]
mod tests {
    use engine::rules::Rules;

    use super::*;
    use crate::feed::draw::Draw;
    use crate::journal::{Header, Log};
    use crate::recovery::tests::rounds;
    use crate::simulate::disk::{Power, SimulatedDisk};

    /// A batch that is written and not synced is in no snapshot: after a power cut the journal still holds what the snapshot is after.
    #[test]
    fn a_snapshot_is_of_what_is_durable() {
        let (power, path) = (Power::default(), Path::new("journal"));
        let (journal, kept) = (SimulatedDisk::new(&power), SimulatedDisk::new(&power));
        let header = Header::new([1; 16], &Rules::default());
        let snapshots = || Snapshots::new(kept.clone(), Path::new("snapshots"), header, 2);
        let mut log = Log::create(journal.clone(), path, header, 1 << 16).unwrap();
        let mut follower = Follower::open(journal.clone(), path, snapshots()).unwrap();
        let mut made = Made::default();
        let rounds = rounds(5);
        for (at, round) in rounds.iter().enumerate() {
            if at == 4 {
                journal.skip_syncs();
            }
            round.iter().for_each(|entry| log.append(entry.clone()).unwrap());
            log.commit().unwrap();
            while follower.step(1, false, &mut made).unwrap() {}
        }
        assert_eq!(made.snapshots, 4);
        power.cut();
        let mut draw = Draw::new(1, "cut", 0);
        journal.restart(&mut draw);
        kept.restart(&mut draw);
        let recovered = recover(journal, path, &mut snapshots(), |_| {}).unwrap();
        let records = |count: usize| rounds[..count].iter().map(|round| round.len() as u64).sum::<u64>();
        assert_eq!(recovered.snapshot.map(|position| position.record), Some(records(4)));
        assert!(recovered.state.next_round >= 4);
    }
}
