//! A journal being written: records gather into a batch, a commit writes it and makes it durable.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::Disk;
use super::format::{
    BatchHeader, Header, Kind, PAYLOAD_MAX, Place, SECTOR, SegmentHeader, chain, push_record, segment_index,
    segment_name,
};
use super::scan::{Scan, Start};
use super::{Entry, JournalError};

/// What a journal holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Committed {
    pub records: u64,
    /// In all segments that this process wrote to.
    pub bytes: u64,
    /// Chain hash of the last record.
    pub chain: [u8; 32],
}

/// Never more than one batch is written and not durable, so that a good batch vouches for all before it.
pub struct Log<D: Disk> {
    disk: D,
    path: PathBuf,
    header: Header,
    /// Bytes of a new segment.
    segment_bytes: u64,
    segment: u32,
    /// Of the segment's file.
    length: u64,
    /// Where the next batch goes.
    offset: u64,
    /// Bytes of the segments before.
    passed: u64,
    /// Durable.
    place: Place,
    /// With the open batch.
    tip: Place,
    /// Records of the open batch, with their frames.
    batch: Vec<u8>,
    payload: Vec<u8>,
    /// A sync failed: what the disk holds is unknown until it is read again.
    broken: Option<JournalError>,
}

impl<D: Disk> Log<D> {
    /// Bytes of a segment, if nothing else is said.
    pub const SEGMENT_BYTES: u64 = 64 << 20;

    /// A new journal; its first segment is durable. `path` names it in messages.
    ///
    /// # Errors
    /// If there is one already, or the disk refuses.
    pub fn create(
        mut disk: D,
        path: &Path,
        header: Header,
        segment_bytes: u64,
    ) -> Result<Self, JournalError> {
        let names = disk.names().map_err(|cause| JournalError::read(path, 0, cause))?;
        if !names.is_empty() {
            return Err(JournalError::Exists { path: path.to_path_buf(), files: names.len() });
        }
        let place = Place { batch: 0, record: 0, chain: header.chain_start() };
        let mut log = Self::at(disk, path, header, segment_bytes, place);
        log.begin(0, segment_bytes)?;
        log.length = segment_bytes;
        Ok(log)
    }

    /// Goes on with a journal where its last whole batch ends. A batch that was never finished is overwritten with zeros, and given back as the
    /// torn tail that it was.
    ///
    /// # Errors
    /// As [`Scan`]'s, but for a torn tail; or if the disk refuses.
    pub fn open(
        disk: D,
        path: &Path,
        segment_bytes: u64,
    ) -> Result<(Self, Option<JournalError>), JournalError> {
        let mut scan = Scan::open(disk, path, Start::LastButOne)?;
        let torn = loop {
            match scan.next() {
                Ok(Some(_)) => {}
                Ok(None) => break None,
                Err(error) if error.is_torn_tail() => break Some(error),
                Err(error) => return Err(error),
            }
        };
        let (end, length, header) = (scan.end(), scan.length(), *scan.header());
        let mut log = Self::at(scan.into_disk(), path, header, segment_bytes, end.place);
        (log.segment, log.length, log.offset) = (end.segment, length, end.offset);
        let name = segment_name(log.segment);
        if torn.is_some() {
            log.attempt("cut the torn tail of", |log| {
                let zeros = vec![0; (length - end.offset) as usize];
                log.disk.write(&name, end.offset, &zeros)
            })?;
        }
        // A program that was killed may have written its last batch, or the seal of the segment before, and not synced it.
        log.attempt("sync", |log| {
            let before = log.segment.checked_sub(1).map(segment_name);
            let names = log.disk.names()?;
            before.iter().filter(|name| names.contains(*name)).try_for_each(|name| log.disk.sync(name))?;
            log.disk.sync(&name)?;
            log.disk.sync_names()
        })?;
        log.forget_segments(log.segment + 1)?;
        if end.closed {
            log.roll(0, None)?;
        }
        Ok((log, torn))
    }

    fn at(disk: D, path: &Path, header: Header, segment_bytes: u64, place: Place) -> Self {
        let path = path.to_path_buf();
        Self {
            disk,
            path,
            header,
            segment_bytes,
            segment: 0,
            length: 0,
            offset: SECTOR as u64,
            passed: 0,
            place,
            tip: place,
            batch: Vec::new(),
            payload: Vec::new(),
            broken: None,
        }
    }

    /// Adds `entry` to the open batch as the next record, or records if its list is long.
    ///
    /// # Errors
    /// If it is too long; it is not added then.
    pub fn append(&mut self, entry: Entry) -> Result<(), JournalError> {
        for part in entry.into_parts() {
            self.payload.clear();
            borsh::to_writer(&mut self.payload, &part).expect("writing to memory");
            if self.payload.len() > PAYLOAD_MAX as usize {
                return Err(JournalError::TooLong { path: self.path.clone(), bytes: self.payload.len() });
            }
            push_record(&mut self.batch, self.tip.record, &self.payload);
            self.tip.record += 1;
            self.tip.chain = chain(&self.tip.chain, &self.payload);
        }
        Ok(())
    }

    /// Bytes of the open batch.
    pub fn waiting(&self) -> usize {
        self.batch.len()
    }

    /// What is durable.
    pub fn committed(&self) -> Committed {
        Committed { records: self.place.record, bytes: self.passed + self.offset, chain: self.place.chain }
    }

    /// Writes the open batch and returns once it is durable.
    ///
    /// # Errors
    /// If the disk refuses. While it is full ([`JournalError::is_full`]) the batch is kept, and the commit may be tried again. Anything else is final:
    /// what the disk holds is known only when it is read again.
    pub fn commit(&mut self) -> Result<Committed, JournalError> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        if self.batch.is_empty() {
            return Ok(self.committed());
        }
        let header = BatchHeader {
            kind: Kind::Records,
            place: self.place,
            records: (self.tip.record - self.place.record) as u32,
            bytes: self.batch.len() as u32,
            chain: self.tip.chain,
        };
        let needed = header.length() as u64;
        // Room for what seals the segment stays free.
        if self.offset + needed + SECTOR as u64 > self.length {
            self.roll(needed, Some(Kind::Sealed))?;
        }
        let header = BatchHeader { place: self.place, ..header };
        let bytes = header.encode(&self.batch);
        self.put(&bytes)?;
        self.place = Place { batch: self.place.batch + 1, ..self.tip };
        self.tip = self.place;
        self.batch.clear();
        Ok(self.committed())
    }

    /// Commits, says that nothing follows, and gives back the space that is left.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub fn close(mut self) -> Result<Committed, JournalError> {
        self.commit()?;
        let bytes = self.last(Kind::Closed);
        self.put(&bytes)?;
        let name = segment_name(self.segment);
        self.attempt("close", |log| {
            log.disk.truncate(&name, log.offset)?;
            log.disk.sync(&name)
        })?;
        Ok(self.committed())
    }

    pub fn into_disk(self) -> D {
        self.disk
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Goes on in a new segment with room for a batch of `needed` bytes. The old one is sealed, if it is to be, when the new one is durable.
    fn roll(&mut self, needed: u64, seal: Option<Kind>) -> Result<(), JournalError> {
        let length = self.segment_bytes.max(needed + 2 * SECTOR as u64);
        // The seal is a batch of its own, and the new segment begins after it.
        let place = self.place;
        self.place.batch += u64::from(seal.is_some());
        let begun = self.begin(self.segment + 1, length);
        let after = std::mem::replace(&mut self.place, place);
        begun?;
        if let Some(kind) = seal {
            let bytes = self.last(kind);
            self.put(&bytes)?;
        }
        (self.segment, self.length, self.place) = (self.segment + 1, length, after);
        self.passed += self.offset;
        self.offset = SECTOR as u64;
        Ok(())
    }

    /// Creates a segment that begins here.
    fn begin(&mut self, index: u32, bytes: u64) -> Result<(), JournalError> {
        let header = SegmentHeader { header: self.header, index, place: self.place }.encode();
        let name = segment_name(index);
        // An attempt that met a full disk may have left it.
        self.forget_segments(index)?;
        self.attempt("begin a segment of", |log| {
            log.disk.create(&name, bytes)?;
            log.disk.write(&name, 0, &header)?;
            log.disk.sync(&name)?;
            log.disk.sync_names()
        })
    }

    /// A batch without records.
    fn last(&self, kind: Kind) -> Vec<u8> {
        let Place { chain, .. } = self.place;
        BatchHeader { kind, place: self.place, records: 0, bytes: 0, chain }.encode(&[])
    }

    /// Writes a batch where the next one goes, durably.
    fn put(&mut self, bytes: &[u8]) -> Result<(), JournalError> {
        let (name, offset) = (segment_name(self.segment), self.offset);
        self.attempt("write", |log| log.disk.write(&name, offset, bytes))?;
        let synced = self.attempt("sync", |log| log.disk.sync(&name));
        if let Err(error) = &synced {
            self.broken = Some(error.clone());
        }
        synced?;
        self.offset += bytes.len() as u64;
        Ok(())
    }

    /// Removes segments from `first` on, which hold no batch.
    fn forget_segments(&mut self, first: u32) -> Result<(), JournalError> {
        self.attempt("tidy", |log| {
            let mut names = log.disk.names()?;
            names.retain(|name| segment_index(name).is_some_and(|index| first <= index));
            names.iter().try_for_each(|name| log.disk.remove(name))?;
            if names.is_empty() { Ok(()) } else { log.disk.sync_names() }
        })
    }

    fn attempt(
        &mut self,
        operation: &'static str,
        action: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> Result<(), JournalError> {
        let Committed { records, bytes, .. } = self.committed();
        action(self).map_err(|cause| JournalError::Write {
            path: self.path.clone(),
            operation,
            records,
            bytes,
            cause: Arc::new(cause),
        })
    }
}
