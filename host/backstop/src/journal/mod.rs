//! The journal: everything that happened, in order, before it took effect. Layout and JSON lines: `docs/journal.md`.

pub mod archive;
pub mod care;
pub mod disk;
pub mod entry;
mod error;
pub mod export;
mod format;
mod log;
mod reader;
mod scan;
mod writer;

pub use disk::{Disk, FileDisk};
pub use entry::Entry;
pub use error::JournalError;
pub use format::{Header, PAYLOAD_MAX, SECTOR, VERSION, segment_name};
pub use log::{Committed, Log};
pub use reader::JournalReader;
pub use writer::{GroupCommit, JournalWriter};

#[cfg(test)]
mod tests;
