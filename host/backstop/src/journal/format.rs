//! Bytes of a journal's segments, version 3, little endian. The page is `docs/journal.md`.

use engine::rules::Rules;

pub const MAGIC: [u8; 8] = *b"BKSTPJNL";
/// Of the file format.
pub const VERSION: u32 = 3;
/// What a disk writes whole or not at all.
pub const SECTOR: usize = 512;
/// Last byte of every sector that was written. Space that was allocated and not written has 0 there.
pub const MARK: u8 = 0xb5;
/// Bytes of a sector before its mark.
pub const ROOM: usize = SECTOR - 1;
/// Longest payload of a record, bytes.
pub const PAYLOAD_MAX: u32 = 16 << 20;
/// Of a record before its payload: length 4, crc32c 4.
pub const FRAME_BYTES: usize = 8;
/// Records of a batch at the most, bytes; a longer record has a batch of its own.
pub const BATCH_BYTES_MAX: usize = 1 << 20;
/// Magic 4, kind 4, number 8, first record 8, records 4, bytes 4, chain 32, crc32c 4.
pub const BATCH_HEADER_BYTES: usize = 68;
const BATCH_MAGIC: [u8; 4] = *b"BTCH";
/// Magic 8, version 4, instance 16, rules hash 32, index 4, first record 8, first batch 8, chain 32, crc32c 4.
const SEGMENT_HEADER_BYTES: usize = 116;

/// What a journal says of itself; the same in every segment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Header {
    /// Of the run that wrote it, any 16 bytes.
    pub instance: [u8; 16],
    /// Of the rules that every episode in it runs under.
    pub rules_hash: [u8; 32],
}

impl Header {
    pub fn new(instance: [u8; 16], rules: &Rules) -> Self {
        Self { instance, rules_hash: rules.hash() }
    }

    /// What the first record chains to.
    pub fn chain_start(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&MAGIC).update(&self.instance).update(&self.rules_hash);
        hasher.finalize().into()
    }
}

/// A place between two batches.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    /// Number of the next batch and record, from 0.
    pub batch: u64,
    pub record: u64,
    /// Chain hash of the record before.
    pub chain: [u8; 32],
}

/// First sector of a segment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SegmentHeader {
    pub header: Header,
    /// Of the segment, from 0.
    pub index: u32,
    /// Where it begins.
    pub place: Place,
}

/// Why a segment's first sector is none.
pub enum HeaderFault {
    /// Never written, or not to its end.
    Unwritten,
    NotAJournal([u8; 8]),
    Version(u32),
    Damaged(String),
}

impl SegmentHeader {
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(SEGMENT_HEADER_BYTES);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(self.header.instance);
        bytes.extend(self.header.rules_hash);
        bytes.extend(self.index.to_le_bytes());
        bytes.extend(self.place.record.to_le_bytes());
        bytes.extend(self.place.batch.to_le_bytes());
        bytes.extend(self.place.chain);
        let crc = crc32c::crc32c(&bytes);
        bytes.extend(crc.to_le_bytes());
        sectors(&bytes)
    }

    /// # Errors
    /// What the sector is instead.
    pub fn decode(sector: &[u8]) -> Result<Self, HeaderFault> {
        if sector.len() < SECTOR || sector[ROOM] == 0 {
            return Err(HeaderFault::Unwritten);
        }
        let mut from = Reader(sector);
        let magic: [u8; 8] = from.array();
        if magic != MAGIC {
            return Err(HeaderFault::NotAJournal(magic));
        }
        let version = u32::from_le_bytes(from.array());
        if version != VERSION {
            return Err(HeaderFault::Version(version));
        }
        let header = Header { instance: from.array(), rules_hash: from.array() };
        let index = u32::from_le_bytes(from.array());
        let record = u64::from_le_bytes(from.array());
        let place = Place { record, batch: u64::from_le_bytes(from.array()), chain: from.array() };
        let (stored, body) = (u32::from_le_bytes(from.array()), SEGMENT_HEADER_BYTES - 4);
        let computed = crc32c::crc32c(&sector[..body]);
        if stored != computed
            || sector[ROOM] != MARK
            || sector[SEGMENT_HEADER_BYTES..ROOM].iter().any(|&b| b != 0)
        {
            let found = format!(
                "crc32c is {stored:#010x}, its bytes give {computed:#010x}, or its filling is not zero"
            );
            return Err(HeaderFault::Damaged(found));
        }
        Ok(Self { header, index, place })
    }
}

/// What a batch is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    Records,
    /// Last of its segment: another follows.
    Sealed,
    /// Last of the journal, which was closed.
    Closed,
}

/// What stands before the records of a batch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BatchHeader {
    pub kind: Kind,
    /// Before its records.
    pub place: Place,
    pub records: u32,
    /// Of its records, with their frames.
    pub bytes: u32,
    /// Chain hash of its last record.
    pub chain: [u8; 32],
}

impl BatchHeader {
    /// Bytes on the disk, records included.
    pub fn length(&self) -> usize {
        (BATCH_HEADER_BYTES + self.bytes as usize).div_ceil(ROOM) * SECTOR
    }

    /// The batch as it is written.
    pub fn encode(&self, records: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(BATCH_HEADER_BYTES + records.len());
        bytes.extend(BATCH_MAGIC);
        bytes.extend((self.kind as u32).to_le_bytes());
        bytes.extend(self.place.batch.to_le_bytes());
        bytes.extend(self.place.record.to_le_bytes());
        bytes.extend(self.records.to_le_bytes());
        bytes.extend(self.bytes.to_le_bytes());
        bytes.extend(self.chain);
        let crc = crc32c::crc32c(&bytes);
        bytes.extend(crc.to_le_bytes());
        bytes.extend(records);
        sectors(&bytes)
    }

    /// The header at the start of a sector, if there is a good one. The chain of its place is not in it.
    pub fn decode(sector: &[u8]) -> Option<Self> {
        let body = sector.get(..BATCH_HEADER_BYTES)?;
        let mut from = Reader(body);
        if from.array() != BATCH_MAGIC {
            return None;
        }
        let kind = match u32::from_le_bytes(from.array()) {
            0 => Kind::Records,
            1 => Kind::Sealed,
            2 => Kind::Closed,
            _ => return None,
        };
        let (batch, record) = (u64::from_le_bytes(from.array()), u64::from_le_bytes(from.array()));
        let (records, bytes) = (u32::from_le_bytes(from.array()), u32::from_le_bytes(from.array()));
        let chain = from.array();
        let crc = u32::from_le_bytes(from.array());
        let place = Place { batch, record, chain: [0; 32] };
        (crc == crc32c::crc32c(&body[..BATCH_HEADER_BYTES - 4])).then_some(Self {
            kind,
            place,
            records,
            bytes,
            chain,
        })
    }
}

/// `bytes` as sectors, each with its mark, the last filled with zeros.
fn sectors(bytes: &[u8]) -> Vec<u8> {
    let mut written = Vec::with_capacity(bytes.len().div_ceil(ROOM) * SECTOR);
    for part in bytes.chunks(ROOM) {
        written.extend(part);
        written.resize(written.len() + ROOM - part.len(), 0);
        written.push(MARK);
    }
    written
}

/// What stands in sectors, without their marks.
pub fn contents(sectors: &[u8]) -> Vec<u8> {
    sectors.chunks_exact(SECTOR).flat_map(|sector| &sector[..ROOM]).copied().collect()
}

/// `blake3(previous || payload)`.
pub fn chain(previous: &[u8; 32], payload: &[u8]) -> [u8; 32] {
    blake3::Hasher::new().update(previous).update(payload).finalize().into()
}

/// Appends the record to the records of a batch.
pub fn push_record(batch: &mut Vec<u8>, record: u64, payload: &[u8]) {
    let length = payload.len() as u32;
    batch.extend(length.to_le_bytes());
    batch.extend(crc(record, length, payload).to_le_bytes());
    batch.extend(payload);
}

/// Splits the first record off a batch's records.
///
/// # Errors
/// What is wrong with it.
pub fn pop_record<'a>(records: &mut &'a [u8], record: u64) -> Result<&'a [u8], String> {
    let Some((frame, rest)) = records.split_at_checked(FRAME_BYTES) else {
        return Err("its records end early".into());
    };
    let mut from = Reader(frame);
    let (length, stored) = (u32::from_le_bytes(from.array()), u32::from_le_bytes(from.array()));
    if length > PAYLOAD_MAX {
        return Err(format!("a payload of {length} bytes, the longest allowed is {PAYLOAD_MAX}"));
    }
    let Some((payload, rest)) = rest.split_at_checked(length as usize) else {
        return Err(format!("a payload of {length} bytes in a batch that ends before"));
    };
    let computed = crc(record, length, payload);
    if stored != computed {
        return Err(format!("crc32c is {stored:#010x}, the bytes give {computed:#010x}"));
    }
    *records = rest;
    Ok(payload)
}

fn crc(record: u64, length: u32, payload: &[u8]) -> u32 {
    let crc = crc32c::crc32c(&record.to_le_bytes());
    crc32c::crc32c_append(crc32c::crc32c_append(crc, &length.to_le_bytes()), payload)
}

/// Takes fields off the front of bytes that are long enough.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) = self.0.split_at(N);
        self.0 = rest;
        field.try_into().expect("split there")
    }
}

/// The segment's file.
pub fn segment_name(index: u32) -> String {
    format!("{index:010}.segment")
}

/// The segment whose file has that name.
pub fn segment_index(name: &str) -> Option<u32> {
    let index = name.strip_suffix(".segment")?;
    (index.len() == 10).then(|| index.parse().ok()).flatten()
}
