//! Why a journal cannot be written or read: the file, the place, what was found and what to do.

use std::{io, path::PathBuf, sync::Arc};

use super::format::{MAGIC, PAYLOAD_MAX, VERSION};

/// Cloneable, so that a failure of the writer's thread is told to every later caller.
#[derive(Clone, Debug, thiserror::Error)]
pub enum JournalError {
    #[error("{} already holds {bytes} bytes and a journal is never overwritten; give another name, or move the file away", path.display())]
    Exists { path: PathBuf, bytes: u64 },

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

    #[error("{}: the file ends inside the journal's header, after {bytes} of {} bytes; nothing was recorded yet, so the file can be deleted", path.display(), super::format::HEADER_BYTES)]
    TornHeader { path: PathBuf, bytes: usize },

    #[error("{}: torn tail: the file ends inside record {sequence}, which starts at byte {offset} ({bytes} bytes of it are there); the {sequence} records before it are whole: truncate the file to {offset} bytes to keep them", path.display())]
    TornTail { path: PathBuf, offset: u64, sequence: u64, bytes: u64 },

    #[error("{}: damaged at byte {offset} (record {sequence}): {found}; nothing from there on is used: restore the file from a copy, or replay its first {sequence} records and start a new journal", path.display())]
    Damaged { path: PathBuf, offset: u64, sequence: u64, found: String },

    #[error("{}: damaged in the header: {found}; restore the file from a copy", path.display())]
    DamagedHeader { path: PathBuf, found: String },
}

impl JournalError {
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
