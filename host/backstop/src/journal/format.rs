//! Bytes of a journal file, version 2, little endian.

use engine::rules::Rules;

use super::JournalError;
use std::path::Path;

pub const MAGIC: [u8; 8] = *b"BKSTPJNL";
/// Of the file format.
pub const VERSION: u32 = 2;
/// Magic 8, version 4, instance 16, rules hash 32, crc32c 4.
pub const HEADER_BYTES: usize = 64;
/// Of a record before its payload: sequence 8, length 4, crc32c 4, chain 32.
pub const FRAME_BYTES: usize = 48;
/// Longest payload, bytes.
pub const PAYLOAD_MAX: u32 = 16 << 20;

/// What a journal says of itself.
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

    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..28].copy_from_slice(&self.instance);
        bytes[28..60].copy_from_slice(&self.rules_hash);
        let crc = crc32c::crc32c(&bytes[..60]);
        bytes[60..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// # Errors
    /// Not a journal, another version, or a wrong crc32c; `path` names the file in the message.
    pub fn decode(bytes: &[u8; HEADER_BYTES], path: &Path) -> Result<Self, JournalError> {
        let path = || path.to_path_buf();
        if bytes[..8] != MAGIC {
            return Err(JournalError::NotAJournal { path: path(), found: bytes[..8].to_vec() });
        }
        let version = u32::from_le_bytes(array(&bytes[8..12]));
        if version != VERSION {
            return Err(JournalError::Version { path: path(), found: version });
        }
        let (stored, computed) = (u32::from_le_bytes(array(&bytes[60..])), crc32c::crc32c(&bytes[..60]));
        if stored != computed {
            let found = format!("crc32c is {stored:#010x}, its bytes give {computed:#010x}");
            return Err(JournalError::DamagedHeader { path: path(), found });
        }
        Ok(Self { instance: array(&bytes[12..28]), rules_hash: array(&bytes[28..60]) })
    }
}

/// What stands before a record's payload.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Frame {
    /// Number of the record, from 0.
    pub sequence: u64,
    /// Of the payload, bytes.
    pub length: u32,
    pub crc: u32,
    pub chain: [u8; 32],
}

impl Frame {
    /// The frame of `payload` as record `sequence` after `previous`. Panics beyond [`PAYLOAD_MAX`], which callers refuse.
    pub fn new(sequence: u64, previous: &[u8; 32], payload: &[u8]) -> Self {
        assert!(payload.len() <= PAYLOAD_MAX as usize, "a payload of {} bytes", payload.len());
        let chain = chain(previous, payload);
        let length = payload.len() as u32;
        Self { sequence, length, crc: crc(sequence, length, &chain, payload), chain }
    }

    pub fn encode(&self) -> [u8; FRAME_BYTES] {
        let mut bytes = [0; FRAME_BYTES];
        bytes[..8].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.length.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.crc.to_le_bytes());
        bytes[16..].copy_from_slice(&self.chain);
        bytes
    }

    pub fn decode(bytes: &[u8; FRAME_BYTES]) -> Self {
        Self {
            sequence: u64::from_le_bytes(array(&bytes[..8])),
            length: u32::from_le_bytes(array(&bytes[8..12])),
            crc: u32::from_le_bytes(array(&bytes[12..16])),
            chain: array(&bytes[16..]),
        }
    }

    /// The crc32c that the frame should hold.
    pub fn crc_computed(&self, payload: &[u8]) -> u32 {
        crc(self.sequence, self.length, &self.chain, payload)
    }
}

/// What the first record chains to.
pub fn chain_start(header: &[u8; HEADER_BYTES]) -> [u8; 32] {
    blake3::hash(header).into()
}

/// `blake3(previous || payload)`.
pub fn chain(previous: &[u8; 32], payload: &[u8]) -> [u8; 32] {
    blake3::Hasher::new().update(previous).update(payload).finalize().into()
}

fn crc(sequence: u64, length: u32, chain: &[u8; 32], payload: &[u8]) -> u32 {
    let crc = crc32c::crc32c(&sequence.to_le_bytes());
    let crc = crc32c::crc32c_append(crc, &length.to_le_bytes());
    let crc = crc32c::crc32c_append(crc, chain);
    crc32c::crc32c_append(crc, payload)
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("a slice of that length")
}
