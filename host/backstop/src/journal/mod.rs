//! The journal: everything that happened, in order, before it took effect. Layout and JSON lines: `docs/journal.md`.

pub mod entry;
mod error;
pub mod export;
mod format;
mod reader;
mod writer;

pub use entry::Entry;
pub use error::JournalError;
pub use format::{Header, PAYLOAD_MAX, VERSION};
pub use reader::JournalReader;
pub use writer::{Closed, JournalFile, JournalWriter, Sink};

#[cfg(test)]
mod tests;
