//! A run that was stopped: its state out of its newest good snapshot and its journal, so that it goes on as if it had not been.

mod snapshot;
pub mod snapshotter;
mod state;

use std::path::Path;

use anyhow::Context;

pub use snapshot::{Found, Position, SnapshotError, Snapshots};
pub use state::{Followed, Open, Pending, RunState, follow, follow_from, follow_watched};

use crate::journal::{Disk, JournalReader};

/// A state, and what it came from.
pub struct Recovered {
    pub state: RunState,
    /// The snapshot that it began with; none: the whole journal was read.
    pub snapshot: Option<Position>,
    /// Snapshots that were passed over, newest first.
    pub passed: Vec<SnapshotError>,
}

/// The state at a journal's end: of the newest good snapshot and the records after it. A batch that was never finished counts for nothing.
/// `progress` is told how many bytes of the journal were gone through.
///
/// # Errors
/// If the journal is damaged, or does not hold what a snapshot is after: then records are missing that were durable.
pub fn recover<J: Disk + Clone, S: Disk>(
    journal: J,
    path: &Path,
    snapshots: &mut Snapshots<S>,
    mut progress: impl FnMut(u64),
) -> anyhow::Result<Recovered> {
    let (found, passed) = snapshots.newest()?;
    let (snapshot, state) = found.map(|Found { position, state }| (position, state)).unzip();
    let mut reader = match snapshot {
        Some(Position { record, chain }) => JournalReader::resume(journal, path, record, chain)
            .context("the journal does not hold what its snapshot is after; bring it back from a replica")?,
        None => JournalReader::new(journal, path)?,
    };
    let entries = std::iter::from_fn(|| {
        let entry = reader.next();
        progress(reader.offset());
        entry.filter(|entry| !entry.as_ref().is_err_and(|error| error.is_torn_tail()))
    });
    let state = follow_from(state, entries, None)?;
    Ok(Recovered { state, snapshot, passed })
}

#[cfg(test)]
mod tests;
