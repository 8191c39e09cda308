//! Why a journal cannot be written or read: the file, the place, what was found and what to do.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::format::{MAGIC, PAYLOAD_MAX, VERSION};

/// Cloneable, so that a failure of the writer's thread is told to every later caller.
#[derive(Clone, Debug, thiserror::Error)]
pub enum JournalError {
    #[error("{} already holds {files} files and a journal is never overwritten; give another name, or move the folder away", path.display())]
    Exists { path: PathBuf, files: usize },

    #[error("{}: cannot {operation} the journal after {records} records ({bytes} bytes): {cause}; {}", path.display(), remedy(cause))]
    Write {
        path: PathBuf,
        operation: &'static str,
        records: u64,
        bytes: u64,
        #[source]
        cause: Arc<io::Error>,
    },

    #[error("{}: an entry takes {bytes} bytes and a record holds at most {PAYLOAD_MAX}; shorten its text", path.display())]
    TooLong { path: PathBuf, bytes: usize },

    #[error("{}: the journal's thread died after a panic; what was not synced may be missing, read the journal back before relying on it", path.display())]
    WriterLost { path: PathBuf },

    #[error("{}: cannot read the journal at byte {offset}: {cause}", path.display())]
    Read {
        path: PathBuf,
        offset: u64,
        #[source]
        cause: Arc<io::Error>,
    },

    #[error("{}: not a journal: it begins with {:?}, expected {:?}; check the file name", path.display(), found.escape_ascii().to_string(), MAGIC.escape_ascii().to_string())]
    NotAJournal { path: PathBuf, found: Vec<u8> },

    #[error("{}: journal version {found}, this program reads version {VERSION}; use the program that wrote it, or a newer one", path.display())]
    Version { path: PathBuf, found: u32 },

    #[error("{}: there is no segment of a journal; name the folder with the files 0000000000.segment and on", path.display())]
    NoSegments { path: PathBuf },

    #[error("{}: the first segment was created and never written; nothing was recorded yet, so the journal can be deleted", path.display())]
    TornHeader { path: PathBuf },

    #[error("{}: record {record} is {found}, and these inputs give {given}; resume with the tape, rules and options that it was recorded with", path.display())]
    Differs { path: PathBuf, record: u64, found: String, given: String },

    #[error("{}: the journal is closed: its run has ended, and goes on no more", path.display())]
    Closed { path: PathBuf },

    #[error("{}: the segment is missing, and those before hold {record} records; bring it back from the archive or a replica: backstop journal repair --from REPLICA", path.display())]
    MissingSegment { path: PathBuf, record: u64 },

    #[error("{}: the journal begins with record {first} here, the segments before are archived; put them beside it to read it from its start", path.display())]
    Archived { path: PathBuf, first: u64 },

    #[error("{}: torn tail: the batch at byte {offset} was never finished, and nothing was told on it; the {sequence} records before it are whole: backstop journal repair cuts it off", path.display())]
    TornTail { path: PathBuf, offset: u64, sequence: u64 },

    #[error("{}: damaged at byte {offset} (record {sequence}): {found}; nothing from there on is used: backstop journal repair --from REPLICA takes the segment from a good copy", path.display())]
    Damaged { path: PathBuf, offset: u64, sequence: u64, found: String },

    #[error("{}: damaged in the header: {found}; backstop journal repair --from REPLICA takes the segment from a good copy", path.display())]
    DamagedHeader { path: PathBuf, found: String },
}

impl JournalError {
    pub(super) fn read(path: &Path, offset: u64, cause: io::Error) -> Self {
        Self::Read { path: path.to_path_buf(), offset, cause: Arc::new(cause) }
    }

    /// Whether the disk has no space left; it may have some later.
    pub fn is_full(&self) -> bool {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        matches!(self, Self::Write { cause, .. } if [StorageFull, QuotaExceeded].contains(&cause.kind()))
    }

    /// Whether the journal is whole but for a last record that was never finished.
    pub fn is_torn_tail(&self) -> bool {
        matches!(self, Self::TornTail { .. })
    }
}

fn remedy(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "free space or choose another disk, then start again: what was synced before is intact"
        }
        io::ErrorKind::NotFound => "create the directory first",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "choose a directory that this user may write"
        }
        _ => "check the disk, then start again: what was synced before is intact",
    }
}
