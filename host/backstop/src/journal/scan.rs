//! Goes through a journal's segments batch by batch and vouches for every byte of what it gives.

use std::path::{Path, PathBuf};

use super::JournalError;
use super::disk::Disk;
use super::format::{
    BATCH_HEADER_BYTES, BatchHeader, Header, HeaderFault, Kind, MARK, Place, ROOM, SECTOR, SegmentHeader,
    chain, contents, pop_record, segment_index, segment_name,
};

/// Bytes read at once where only zeros are expected.
const STRIDE: usize = 1 << 18;

/// A batch that is whole.
pub struct Batch {
    pub kind: Kind,
    /// With their frames.
    pub records: Vec<u8>,
}

/// Where the batches end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct End {
    /// Segment, and byte in it where the next batch is to be written.
    pub segment: u32,
    pub offset: u64,
    pub place: Place,
    pub closed: bool,
}

/// Reads forward only. After an error or the end it must not be asked again.
pub struct Scan<D: Disk> {
    disk: D,
    path: PathBuf,
    header: Header,
    /// Of the segments that are there, ascending.
    indices: Vec<u32>,
    /// Place in `indices`.
    current: usize,
    /// Of the current segment.
    length: u64,
    offset: u64,
    place: Place,
    closed: bool,
    /// Bytes of the segments before the current one.
    passed: u64,
}

/// Which segment a scan begins with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Start {
    /// The journal's first.
    First,
    /// The last that begins at this record or before, or else the first that is there.
    Record(u64),
    /// The last may be there without a batch, and the one before without its seal.
    LastButOne,
}

impl<D: Disk> Scan<D> {
    /// `path` names the journal in messages.
    ///
    /// # Errors
    /// If there is no journal of this version, or not its beginning where that is asked for.
    pub fn open(mut disk: D, path: &Path, start: Start) -> Result<Self, JournalError> {
        let names = disk.names().map_err(|cause| JournalError::read(path, 0, cause))?;
        let mut indices: Vec<u32> = names.iter().filter_map(|name| segment_index(name)).collect();
        indices.sort_unstable();
        let Some(&first) = indices.first() else {
            return Err(JournalError::NoSegments { path: path.to_path_buf() });
        };
        let mut scan = Self {
            disk,
            path: path.to_path_buf(),
            header: Header { instance: [0; 16], rules_hash: [0; 32] },
            indices,
            current: 0,
            length: 0,
            offset: 0,
            place: Place { batch: 0, record: 0, chain: [0; 32] },
            closed: false,
            passed: 0,
        };
        let begun = match scan.segment_header(first)? {
            Some(begun) => begun,
            None => return Err(JournalError::TornHeader { path: scan.file(first) }),
        };
        if first == 0 && begun.place != (Place { batch: 0, record: 0, chain: begun.header.chain_start() }) {
            let found = "the first segment does not start with the first record".to_string();
            return Err(JournalError::DamagedHeader { path: scan.file(first), found });
        }
        (scan.header, scan.place) = (begun.header, begun.place);
        if start == Start::First && begun.place.record > 0 {
            return Err(JournalError::Archived { path: scan.file(first), first: begun.place.record });
        }
        let count = scan.indices.len();
        for at in 1..count {
            let is_wanted = |begun: &SegmentHeader| match start {
                Start::First => false,
                Start::Record(record) => begun.place.record <= record,
                Start::LastButOne => at + 1 < count,
            };
            let Some(begun) = scan.segment_header(scan.indices[at])?.filter(is_wanted) else { break };
            (scan.current, scan.place) = (at, begun.place);
        }
        scan.enter()?;
        Ok(scan)
    }

    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Bytes gone through, in all segments from where the scan began.
    pub fn passed(&self) -> u64 {
        self.passed + self.offset
    }

    pub fn end(&self) -> End {
        let segment = self.indices[self.current];
        End { segment, offset: self.offset, place: self.place, closed: self.closed }
    }

    /// Where a segment begins; none if it is not there or was never written.
    ///
    /// # Errors
    /// If its header is damaged.
    pub fn begins(&mut self, index: u32) -> Result<Option<Place>, JournalError> {
        if !self.indices.contains(&index) {
            return Ok(None);
        }
        Ok(self.segment_header(index)?.map(|begun| begun.place))
    }

    /// Length of the current segment's file.
    pub fn length(&self) -> u64 {
        self.length
    }

    pub fn into_disk(self) -> D {
        self.disk
    }

    /// The next batch of records; none at the journal's end.
    ///
    /// # Errors
    /// [`JournalError::TornTail`] if the last batch was never finished; damage anywhere else.
    pub fn next(&mut self) -> Result<Option<Batch>, JournalError> {
        loop {
            let Some(batch) = self.batch()? else { return Ok(None) };
            match batch.kind {
                Kind::Records => return Ok(Some(batch)),
                Kind::Sealed => self.follow()?,
                // It was gone on with, unless the next segment was created and never written.
                Kind::Closed => match self.indices.get(self.current + 1).copied() {
                    Some(next) if self.segment_header(next)?.is_some() => self.follow()?,
                    _ => {
                        self.closed = true;
                        return Ok(None);
                    }
                },
            }
        }
    }

    fn batch(&mut self) -> Result<Option<Batch>, JournalError> {
        let mut sector = [0; SECTOR];
        if self.read(self.offset, &mut sector)? < SECTOR {
            return Err(
                self.damaged("the file ends here although it was not closed; its end was cut off".into())
            );
        }
        if sector == [0; SECTOR] {
            return self.nothing_more().map(|()| None);
        }
        let Some(header) = BatchHeader::decode(&sector) else {
            return Err(self.unfinished(SECTOR as u64, &[sector[ROOM]], || {
                "a batch's header that does not match its crc32c".into()
            }));
        };
        let (batch, record) = (header.place.batch, header.place.record);
        if (batch, record) != (self.place.batch, self.place.record) {
            let (batches, records) = (self.place.batch, self.place.record);
            return Err(self
                .damaged(format!("batch {batch} with record {record}, expected {batches} with {records}")));
        }
        let length = header.length();
        let mut sectors = vec![0; length];
        if self.read(self.offset, &mut sectors)? < length {
            return Err(
                self.damaged(format!("a batch of {length} bytes that would run past the end of the file"))
            );
        }
        let marks: Vec<u8> = sectors.chunks_exact(SECTOR).map(|sector| sector[ROOM]).collect();
        let bytes = contents(&sectors);
        let end = BATCH_HEADER_BYTES + header.bytes as usize;
        let records = &bytes[BATCH_HEADER_BYTES..end];
        let checked = match marks.iter().all(|&mark| mark == MARK) {
            false => Err("a sector without its mark".to_string()),
            true if bytes[end..].iter().any(|&byte| byte != 0) => Err("its filling is not zero".to_string()),
            true => self.check(&header, records),
        };
        if let Err(found) = checked {
            return Err(self.unfinished(length as u64, &marks, || found));
        }
        let records = records.to_vec();
        self.place =
            Place { batch: batch + 1, record: record + u64::from(header.records), chain: header.chain };
        self.offset += length as u64;
        Ok(Some(Batch { kind: header.kind, records }))
    }

    fn check(&self, header: &BatchHeader, mut records: &[u8]) -> Result<(), String> {
        let Place { mut record, chain: mut tip, .. } = self.place;
        while !records.is_empty() {
            let payload = pop_record(&mut records, record)?;
            tip = chain(&tip, payload);
            record += 1;
        }
        if record - self.place.record != u64::from(header.records) {
            return Err(format!(
                "{} records, its header says {}",
                record - self.place.record,
                header.records
            ));
        }
        if tip != header.chain {
            return Err("its chain hash does not follow from the batch before".into());
        }
        Ok(())
    }

    /// The batch here, of `length` bytes, is not whole. It was never finished, and nobody was told of it, if no other follows and a sector of it
    /// was not written; else it was whole once.
    fn unfinished(&mut self, length: u64, marks: &[u8], found: impl FnOnce() -> String) -> JournalError {
        let is_torn = marks.iter().all(|mark| [0, MARK].contains(mark)) && marks.contains(&0);
        match self.follows(self.offset + length) {
            Err(error) => error,
            Ok(Some(batch)) => self.damaged(format!("{}, and batch {batch} follows", found())),
            Ok(None) if is_torn => self.torn(),
            Ok(None) => self.damaged(found()),
        }
    }

    /// From here on the segment is empty, and what follows it has no batch.
    fn nothing_more(&mut self) -> Result<(), JournalError> {
        if let Some(batch) = self.follows(self.offset + SECTOR as u64)? {
            return Err(self.damaged(format!("zeros, and batch {batch} follows")));
        }
        let mut bytes = vec![0; STRIDE];
        let mut at = self.offset;
        loop {
            let read = self.read(at, &mut bytes)?;
            if bytes[..read].iter().any(|&byte| byte != 0) {
                return Err(self.torn());
            }
            if read < STRIDE {
                return Ok(());
            }
            at += read as u64;
        }
    }

    /// Number of a good batch from byte `from` of this segment on, or in a later one, if there is one.
    fn follows(&mut self, from: u64) -> Result<Option<u64>, JournalError> {
        let expected = self.place.batch;
        let good = |sector: &[u8]| {
            BatchHeader::decode(sector).map(|header| header.place.batch).filter(|&batch| batch > expected)
        };
        let mut bytes = vec![0; STRIDE];
        let mut at = from;
        loop {
            let read = self.read(at, &mut bytes)?;
            if let Some(batch) = bytes[..read].chunks_exact(SECTOR).find_map(good) {
                return Ok(Some(batch));
            }
            if read < STRIDE {
                break;
            }
            at += read as u64;
        }
        for later in self.current + 1..self.indices.len() {
            let name = segment_name(self.indices[later]);
            let mut sector = [0; SECTOR];
            let read = self.disk.read(&name, SECTOR as u64, &mut sector);
            read.map_err(|cause| JournalError::read(&self.path.join(&name), SECTOR as u64, cause))?;
            if let Some(header) = BatchHeader::decode(&sector) {
                return Ok(Some(header.place.batch));
            }
        }
        Ok(None)
    }

    /// Goes on with the next segment.
    fn follow(&mut self) -> Result<(), JournalError> {
        let index = self.indices[self.current] + 1;
        self.passed += self.offset;
        if self.indices.get(self.current + 1) != Some(&index) {
            let missing = self.file(index);
            return Err(JournalError::MissingSegment { path: missing, record: self.place.record });
        }
        let found = match self.segment_header(index)? {
            None => "it was never written, although the segment before says that it follows",
            Some(begun) if begun.header != self.header => "it belongs to another journal",
            Some(begun) if begun.place != self.place => "it does not go on where the segment before ends",
            Some(_) => {
                self.current += 1;
                return self.enter();
            }
        };
        Err(JournalError::DamagedHeader { path: self.file(index), found: found.into() })
    }

    /// Starts with the current segment's first batch.
    fn enter(&mut self) -> Result<(), JournalError> {
        let name = segment_name(self.indices[self.current]);
        let length = self.disk.length(&name);
        self.length = length.map_err(|cause| JournalError::read(&self.path.join(&name), 0, cause))?;
        self.offset = SECTOR as u64;
        Ok(())
    }

    /// None if the segment was created and its header never written.
    fn segment_header(&mut self, index: u32) -> Result<Option<SegmentHeader>, JournalError> {
        let (name, path) = (segment_name(index), self.file(index));
        let mut sector = [0; SECTOR];
        let read = self.disk.read(&name, 0, &mut sector);
        let read = read.map_err(|cause| JournalError::read(&path, 0, cause))?;
        match SegmentHeader::decode(&sector[..read]) {
            Ok(header) if header.index == index => Ok(Some(header)),
            Ok(header) => {
                let found = format!("it is segment {} under another name", header.index);
                Err(JournalError::DamagedHeader { path, found })
            }
            Err(HeaderFault::Unwritten) => Ok(None),
            Err(HeaderFault::NotAJournal(found)) => {
                Err(JournalError::NotAJournal { path, found: found.to_vec() })
            }
            Err(HeaderFault::Version(found)) => Err(JournalError::Version { path, found }),
            Err(HeaderFault::Damaged(found)) => Err(JournalError::DamagedHeader { path, found }),
        }
    }

    fn read(&mut self, offset: u64, into: &mut [u8]) -> Result<usize, JournalError> {
        let name = segment_name(self.indices[self.current]);
        let read = self.disk.read(&name, offset, into);
        read.map_err(|cause| JournalError::read(&self.path.join(name), offset, cause))
    }

    fn file(&self, index: u32) -> PathBuf {
        self.path.join(segment_name(index))
    }

    fn torn(&self) -> JournalError {
        let path = self.file(self.indices[self.current]);
        JournalError::TornTail { path, offset: self.offset, sequence: self.place.record }
    }

    fn damaged(&self, found: String) -> JournalError {
        let path = self.file(self.indices[self.current]);
        JournalError::Damaged { path, offset: self.offset, sequence: self.place.record, found }
    }
}
