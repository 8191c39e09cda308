//! Reads a journal back, entry by entry, and vouches for every byte of what it yields.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::disk::{Disk, FileDisk};
use super::entry::Entry;
use super::error::JournalError;
use super::format::{Header, MAGIC, chain, pop_record};
use super::scan::{Scan, Start};

/// The entries of a journal, in order. After the first error it yields nothing more. A torn tail is the error
/// [`JournalError::TornTail`] after the last whole entry, never a silent end.
pub struct JournalReader<D: Disk = FileDisk> {
    path: PathBuf,
    scan: Scan<D>,
    /// Of the present batch, with their frames, from the next one on.
    rest: Vec<u8>,
    at: usize,
    /// Number of the next record, and what it chains to.
    record: u64,
    chain: [u8; 32],
    ended: bool,
}

impl JournalReader {
    /// The journal in the folder `path`.
    ///
    /// # Errors
    /// If it cannot be read or does not begin with a good segment of this version.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let found = fs::metadata(path).map_err(|cause| JournalError::read(path, 0, cause))?;
        if found.is_file() {
            return Err(not_a_folder(path));
        }
        Self::new(FileDisk::new(path), path)
    }

    /// Bytes of all segments, for progress.
    pub fn bytes(path: &Path) -> u64 {
        let files = fs::read_dir(path).into_iter().flatten().flatten();
        files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
    }
}

impl<D: Disk> JournalReader<D> {
    /// The journal on `disk` from its first record; `path` names it in messages.
    ///
    /// # Errors
    /// As [`JournalReader::open`].
    pub fn new(disk: D, path: &Path) -> Result<Self, JournalError> {
        Self::of(Scan::open(disk, path, Start::First)?, path)
    }

    /// The same from record `record` on, which follows one with this chain hash.
    ///
    /// # Errors
    /// As [`JournalReader::open`]; or if the journal does not hold that record's predecessor with that hash.
    pub fn resume(disk: D, path: &Path, record: u64, chain: [u8; 32]) -> Result<Self, JournalError> {
        let mut reader = Self::of(Scan::open(disk, path, Start::Record(record))?, path)?;
        while reader.record < record {
            if reader.payload()?.is_none() {
                let found = format!("it ends with {} records, and {record} are known", reader.record);
                return Err(reader.cut(found));
            }
        }
        if (reader.record, reader.chain) != (record, chain) {
            return Err(reader.cut(format!("its chain hash at record {record} is not the one that is known")));
        }
        Ok(reader)
    }

    /// From the first segment that is there, if those before are archived.
    ///
    /// # Errors
    /// As [`JournalReader::open`].
    pub fn of_what_is_there(disk: D, path: &Path) -> Result<Self, JournalError> {
        Self::of(Scan::open(disk, path, Start::Record(0))?, path)
    }

    fn of(scan: Scan<D>, path: &Path) -> Result<Self, JournalError> {
        let place = scan.end().place;
        let (record, chain) = (place.record, place.chain);
        let path = path.to_path_buf();
        Ok(Self { path, scan, rest: Vec::new(), at: 0, record, chain, ended: false })
    }

    pub fn header(&self) -> &Header {
        self.scan.header()
    }

    /// Bytes gone through.
    pub fn offset(&self) -> u64 {
        self.scan.passed()
    }

    /// Records read so far.
    pub fn records(&self) -> u64 {
        self.record
    }

    /// Chain hash of the last record read.
    pub fn chain_hash(&self) -> [u8; 32] {
        self.chain
    }

    /// Number of the batch after the one that was read last.
    pub fn batch(&self) -> u64 {
        self.scan.end().place.batch
    }

    /// Whether the journal was closed; known once it was read to its end.
    pub fn is_closed(&self) -> bool {
        self.scan.end().closed
    }

    pub fn into_disk(self) -> D {
        self.scan.into_disk()
    }

    /// One entry, joined from its parts; none at the end.
    fn entry(&mut self) -> Result<Option<Entry>, JournalError> {
        let Some(mut entry) = self.part()? else { return Ok(None) };
        let mut more = entry.continues();
        while more {
            let Some(part) = self.part()? else {
                return Err(self.cut("it ends inside a list".into()));
            };
            more = part.continues();
            if !entry.join(part) {
                return Err(
                    self.cut("a record does not go on with the list that the one before left open".into())
                );
            }
        }
        Ok(Some(entry))
    }

    fn part(&mut self) -> Result<Option<Entry>, JournalError> {
        let Some((from, to)) = self.payload()? else { return Ok(None) };
        let entry = borsh::from_slice(&self.rest[from..to])
            .map_err(|cause| self.cut(format!("a payload is not an entry of this version ({cause})")))?;
        if let Entry::EpisodeStarted { rules, .. } = &entry
            && rules.hash() != self.header().rules_hash
        {
            return Err(self.cut("an episode under other rules than the header's rules hash".into()));
        }
        Ok(Some(entry))
    }

    /// Where the next record's payload stands in `rest`.
    fn payload(&mut self) -> Result<Option<(usize, usize)>, JournalError> {
        while self.at == self.rest.len() {
            let Some(batch) = self.scan.next()? else { return Ok(None) };
            (self.rest, self.at) = (batch.records, 0);
        }
        let mut records = &self.rest[self.at..];
        let payload = pop_record(&mut records, self.record).expect("the scan has checked it");
        self.chain = chain(&self.chain, payload);
        self.record += 1;
        let to = self.rest.len() - records.len();
        self.at = to;
        Ok(Some((to - payload.len(), to)))
    }

    fn cut(&self, found: String) -> JournalError {
        let path = self.path.clone();
        JournalError::Damaged { path, offset: self.offset(), sequence: self.record, found }
    }
}

impl<D: Disk> Iterator for JournalReader<D> {
    type Item = Result<Entry, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let entry = self.entry().transpose();
        self.ended = !matches!(entry, Some(Ok(_)));
        entry
    }
}

/// What a file is where a folder was expected: perhaps a journal of an earlier version, which was a single file.
fn not_a_folder(path: &Path) -> JournalError {
    let mut found = Vec::new();
    if let Err(cause) = File::open(path).and_then(|file| file.take(12).read_to_end(&mut found)) {
        return JournalError::read(path, 0, cause);
    }
    let path = path.to_path_buf();
    match found.strip_prefix(&MAGIC).and_then(|version| version.try_into().ok()) {
        Some(version) => JournalError::Version { path, found: u32::from_le_bytes(version) },
        None => JournalError::NotAJournal { path, found },
    }
}
