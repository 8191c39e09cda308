//! Reads a journal back, entry by entry, and vouches for every byte of what it yields.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::entry::Entry;
use super::error::JournalError;
use super::format::{FRAME_BYTES, Frame, HEADER_BYTES, Header, PAYLOAD_MAX, chain, chain_start};

/// The entries of a journal, in order. After the first error it yields nothing more. A torn tail is the error
/// [`JournalError::TornTail`] after the last whole entry, never a silent end.
pub struct JournalReader<R: Read = BufReader<File>> {
    path: PathBuf,
    input: R,
    header: Header,
    /// Byte where the next record starts.
    offset: u64,
    records: u64,
    chain: [u8; 32],
    ended: bool,
}

impl JournalReader {
    /// # Errors
    /// If the file cannot be read or does not begin with a good header of this version.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let file = File::open(path).map_err(|cause| read_failure(path, 0, cause))?;
        Self::new(BufReader::with_capacity(1 << 18, file), path)
    }
}

impl<R: Read> JournalReader<R> {
    /// Reads the header from `input`; `path` names it in messages.
    ///
    /// # Errors
    /// As [`JournalReader::open`].
    pub fn new(mut input: R, path: &Path) -> Result<Self, JournalError> {
        let mut bytes = [0; HEADER_BYTES];
        let read = fill(&mut input, &mut bytes).map_err(|cause| read_failure(path, 0, cause))?;
        if read < HEADER_BYTES {
            return Err(JournalError::TornHeader { path: path.to_path_buf(), bytes: read });
        }
        let header = Header::decode(&bytes, path)?;
        let offset = HEADER_BYTES as u64;
        let path = path.to_path_buf();
        Ok(Self { path, input, header, offset, records: 0, chain: chain_start(&bytes), ended: false })
    }

    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Byte after the last record read: where a torn journal may be cut.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Records read so far.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Chain hash of the last record read.
    pub fn chain_hash(&self) -> [u8; 32] {
        self.chain
    }

    /// One entry, joined from its parts; none at the end of the file.
    fn entry(&mut self) -> Result<Option<Entry>, JournalError> {
        let Some(mut entry) = self.record()? else { return Ok(None) };
        let mut more = entry.continues();
        while more {
            let (offset, sequence) = (self.offset, self.records);
            let Some(part) = self.record()? else {
                return Err(JournalError::TornTail { path: self.path.clone(), offset, sequence, bytes: 0 });
            };
            more = part.continues();
            if !entry.join(part) {
                let found = "it does not go on with the list that the record before left open".to_string();
                return Err(JournalError::Damaged { path: self.path.clone(), offset, sequence, found });
            }
        }
        Ok(Some(entry))
    }

    fn record(&mut self) -> Result<Option<Entry>, JournalError> {
        let mut bytes = [0; FRAME_BYTES];
        let read = self.fill(&mut bytes)?;
        if read == 0 {
            return Ok(None);
        }
        if read < FRAME_BYTES {
            return Err(self.torn(read));
        }
        let frame = Frame::decode(&bytes);
        if frame.sequence != self.records {
            return Err(self.damaged(format!("record number {}, expected {}", frame.sequence, self.records)));
        }
        if frame.length > PAYLOAD_MAX {
            let found = format!("a payload of {} bytes, the longest allowed is {PAYLOAD_MAX}", frame.length);
            return Err(self.damaged(found));
        }
        let mut payload = vec![0; frame.length as usize];
        let read = self.fill(&mut payload)?;
        if read < payload.len() {
            // Either the file ends here, or the length is damaged and the next record lies inside what was read.
            return Err(match find_record(&payload[..read], self.records + 1) {
                Some(at) => self.damaged(format!(
                    "a payload of {} bytes that would run past the end of the file, but record {} follows at byte {}",
                    frame.length,
                    self.records + 1,
                    self.offset + (FRAME_BYTES + at) as u64
                )),
                None => self.torn(FRAME_BYTES + read),
            });
        }
        let crc = frame.crc_computed(&payload);
        if frame.crc != crc {
            return Err(self.damaged(format!("crc32c is {:#010x}, the bytes give {crc:#010x}", frame.crc)));
        }
        let chain = chain(&self.chain, &payload);
        if frame.chain != chain {
            return Err(self.damaged("its chain hash does not follow from the record before".to_string()));
        }
        let entry = borsh::from_slice(&payload).map_err(|cause| {
            self.damaged(format!("the payload is not an entry of this version ({cause})"))
        })?;
        if let Entry::EpisodeStarted { rules, .. } = &entry
            && rules.hash() != self.header.rules_hash
        {
            return Err(self.damaged("an episode under other rules than the header's rules hash".to_string()));
        }
        self.offset += (FRAME_BYTES + payload.len()) as u64;
        self.records += 1;
        self.chain = chain;
        Ok(Some(entry))
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<usize, JournalError> {
        fill(&mut self.input, bytes).map_err(|cause| read_failure(&self.path, self.offset, cause))
    }

    fn torn(&self, bytes: usize) -> JournalError {
        let path = self.path.clone();
        JournalError::TornTail { path, offset: self.offset, sequence: self.records, bytes: bytes as u64 }
    }

    fn damaged(&self, found: String) -> JournalError {
        let path = self.path.clone();
        JournalError::Damaged { path, offset: self.offset, sequence: self.records, found }
    }
}

impl<R: Read> Iterator for JournalReader<R> {
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

fn read_failure(path: &Path, offset: u64, cause: io::Error) -> JournalError {
    JournalError::Read { path: path.to_path_buf(), offset, cause: Arc::new(cause) }
}

/// Bytes read: fewer than asked for only at the end of the input.
fn fill(input: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < bytes.len() {
        match input.read(&mut bytes[read..]) {
            Ok(0) => break,
            Ok(count) => read += count,
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) => return Err(cause),
        }
    }
    Ok(read)
}

/// Where in `bytes` a good record with that number starts.
fn find_record(bytes: &[u8], sequence: u64) -> Option<usize> {
    let number = sequence.to_le_bytes();
    (0..bytes.len().saturating_sub(FRAME_BYTES - 1)).find(|&at| {
        bytes[at..at + 8] == number && {
            let (head, rest) = bytes[at..].split_at(FRAME_BYTES);
            let frame = Frame::decode(head.try_into().expect("split there"));
            rest.get(..frame.length as usize).is_some_and(|payload| frame.crc_computed(payload) == frame.crc)
        }
    })
}
