//! Snapshots of a run's state, each a file that is there whole or not at all.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::journal::{Disk, Header};

use super::RunState;

const MAGIC: [u8; 8] = *b"BKSTPSNP";
const VERSION: u32 = 1;
/// Magic 8, version 4, instance 16, rules hash 32, record 8, chain 32, length 8, blake3 of the state 32, crc32c 4.
const HEADER_BYTES: usize = 144;

/// Where in its journal a state is: after which record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Position {
    /// Number of the next record.
    pub record: u64,
    /// Chain hash of the record before.
    pub chain: [u8; 32],
}

/// A state read back.
pub struct Found {
    pub position: Position,
    pub state: RunState,
}

/// Why a snapshot was passed over.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("{}: cannot {operation} the snapshot: {cause}; check the disk", path.display())]
    Disk {
        path: PathBuf,
        operation: &'static str,
        #[source]
        cause: Arc<io::Error>,
    },
    #[error("{}: damaged: {found}; it is not used, an older one or the whole journal is", path.display())]
    Damaged { path: PathBuf, found: String },
    #[error("{}: snapshot version {found}, this program reads version {VERSION}; it is not used", path.display())]
    Version { path: PathBuf, found: u32 },
    #[error("{}: it is of another journal; it is not used", path.display())]
    Foreign { path: PathBuf },
}

/// The snapshots of one journal.
pub struct Snapshots<D: Disk> {
    disk: D,
    path: PathBuf,
    header: Header,
    /// How many are kept; at least 1.
    keep: usize,
}

impl<D: Disk> Snapshots<D> {
    /// `path` names their folder in messages.
    pub fn new(disk: D, path: &Path, header: Header, keep: usize) -> Self {
        Self { disk, path: path.to_path_buf(), header, keep: keep.max(1) }
    }

    /// Writes one, durably, and then removes those that are more than are kept, the oldest first.
    ///
    /// # Errors
    /// If the disk refuses; those that were there still are.
    pub fn write(&mut self, position: Position, state: &RunState) -> Result<(), SnapshotError> {
        let body = state.to_bytes();
        let mut bytes = Vec::with_capacity(HEADER_BYTES + body.len());
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(self.header.instance);
        bytes.extend(self.header.rules_hash);
        bytes.extend(position.record.to_le_bytes());
        bytes.extend(position.chain);
        bytes.extend((body.len() as u64).to_le_bytes());
        bytes.extend(blake3::hash(&body).as_bytes());
        let crc = crc32c::crc32c(&bytes);
        bytes.extend(crc.to_le_bytes());
        bytes.extend(&body);
        let name = file_name(position.record);
        let fresh = format!("{name}.new");
        self.attempt("write", &name, |disk| {
            if disk.names()?.contains(&fresh) {
                disk.remove(&fresh)?;
            }
            disk.create(&fresh, bytes.len() as u64)?;
            disk.write(&fresh, 0, &bytes)?;
            disk.sync(&fresh)?;
            disk.rename(&fresh, &name)?;
            disk.sync_names()
        })?;
        let records = self.records()?;
        for record in records.iter().rev().skip(self.keep) {
            let old = file_name(*record);
            self.attempt("remove", &old, |disk| disk.remove(&old))?;
        }
        Ok(())
    }

    /// The newest that is good, and why newer ones were passed over.
    ///
    /// # Errors
    /// If the disk does not say which there are.
    pub fn newest(&mut self) -> Result<(Option<Found>, Vec<SnapshotError>), SnapshotError> {
        let mut passed = Vec::new();
        for record in self.records()?.into_iter().rev() {
            match self.read(record) {
                Ok(found) => return Ok((Some(found), passed)),
                Err(error) => passed.push(error),
            }
        }
        Ok((None, passed))
    }

    fn read(&mut self, record: u64) -> Result<Found, SnapshotError> {
        let name = file_name(record);
        let path = self.path.join(&name);
        let mut bytes = Vec::new();
        self.attempt("read", &name, |disk| {
            bytes.resize(disk.length(&name)? as usize, 0);
            let read = disk.read(&name, 0, &mut bytes)?;
            bytes.truncate(read);
            Ok(())
        })?;
        let damaged = |found: &str| SnapshotError::Damaged { path: path.clone(), found: found.into() };
        let (head, body) = bytes.split_at_checked(HEADER_BYTES).ok_or_else(|| damaged("it is too short"))?;
        let (head, crc) = head.split_at(HEADER_BYTES - 4);
        if crc32c::crc32c(head).to_le_bytes() != crc {
            return Err(damaged("the header does not match its crc32c"));
        }
        let mut rest = head;
        let mut take = |count: usize| {
            let (field, after) = rest.split_at(count);
            rest = after;
            field
        };
        if take(8) != MAGIC {
            return Err(damaged("it does not begin as a snapshot"));
        }
        let found = u32::from_le_bytes(take(4).try_into().expect("four bytes"));
        if found != VERSION {
            return Err(SnapshotError::Version { path, found });
        }
        if take(16) != self.header.instance || take(32) != self.header.rules_hash {
            return Err(SnapshotError::Foreign { path });
        }
        let of = u64::from_le_bytes(take(8).try_into().expect("eight bytes"));
        let chain = take(32).try_into().expect("32 bytes");
        let length = u64::from_le_bytes(take(8).try_into().expect("eight bytes"));
        if of != record || length != body.len() as u64 {
            return Err(damaged("its name or its length is not what its header says"));
        }
        if take(32) != blake3::hash(body).as_bytes() {
            return Err(damaged("the state does not match its hash"));
        }
        let state = RunState::of_bytes(body).map_err(|error| damaged(&format!("{error:#}")))?;
        Ok(Found { position: Position { record, chain }, state })
    }

    /// Of all that are there, ascending.
    fn records(&mut self) -> Result<Vec<u64>, SnapshotError> {
        let mut records = Vec::new();
        self.attempt("list", "", |disk| {
            records.extend(disk.names()?.iter().filter_map(|name| record_of(name)));
            Ok(())
        })?;
        records.sort_unstable();
        Ok(records)
    }

    fn attempt(
        &mut self,
        operation: &'static str,
        name: &str,
        action: impl FnOnce(&mut D) -> io::Result<()>,
    ) -> Result<(), SnapshotError> {
        let path = self.path.join(name);
        action(&mut self.disk).map_err(|cause| SnapshotError::Disk {
            path,
            operation,
            cause: Arc::new(cause),
        })
    }
}

fn file_name(record: u64) -> String {
    format!("{record:020}.snapshot")
}

fn record_of(name: &str) -> Option<u64> {
    let record = name.strip_suffix(".snapshot")?;
    (record.len() == 20).then(|| record.parse().ok()).flatten()
}
