//! The messages, little endian as on every machine that this runs on. Layouts are those of the vfio-user specification; what it takes from the
//! kernel's VFIO comes from `vfio-bindings`.

use std::os::fd::OwnedFd;

pub const HEADER_BYTES: usize = 16;
/// Longest message either side takes. Nothing that Backstop sends or serves is longer than a page of data.
pub const MESSAGE_BYTES_MAX: usize = 64 << 10;
/// File descriptors that one message may carry.
pub const FDS_MAX: usize = 8;

pub const VERSION_MAJOR: u16 = 0;
pub const VERSION_MINOR: u16 = 1;
/// What both sides say of themselves; the numbers are the specification's defaults.
pub const CAPABILITIES: &str =
    r#"{"capabilities":{"max_msg_fds":8,"max_data_xfer_size":1048576,"migration":{"pgsize":4096}}}"#;

/// Commands, by their numbers.
pub mod command {
    pub const VERSION: u16 = 1;
    pub const DMA_MAP: u16 = 2;
    pub const DMA_UNMAP: u16 = 3;
    pub const DEVICE_GET_INFO: u16 = 4;
    pub const DEVICE_GET_REGION_INFO: u16 = 5;
    pub const DEVICE_GET_IRQ_INFO: u16 = 7;
    pub const DEVICE_SET_IRQS: u16 = 8;
    pub const REGION_READ: u16 = 9;
    pub const REGION_WRITE: u16 = 10;
    pub const DEVICE_RESET: u16 = 13;
}

pub const FLAG_REPLY: u32 = 1;
/// Bits of the flags that say whether it is a command or a reply.
pub const FLAGS_KIND: u32 = 0xf;
pub const FLAG_NO_REPLY: u32 = 1 << 4;
pub const FLAG_ERROR: u32 = 1 << 5;

pub const DMA_READ: u32 = 1;
pub const DMA_WRITE: u32 = 1 << 1;

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Header {
    pub id: u16,
    pub command: u16,
    /// Of the whole message, this header included.
    pub bytes: u32,
    pub flags: u32,
    /// An errno, if the flags say that there is one.
    pub error: u32,
}

impl Header {
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..2].copy_from_slice(&self.id.to_le_bytes());
        bytes[2..4].copy_from_slice(&self.command.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.bytes.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.flags.to_le_bytes());
        bytes[12..].copy_from_slice(&self.error.to_le_bytes());
        bytes
    }

    pub fn decode(bytes: [u8; HEADER_BYTES]) -> Self {
        let mut fields = Fields(&bytes);
        let low = fields.word().expect("16 bytes");
        let [bytes, flags, error] = std::array::from_fn(|_| fields.word().expect("16 bytes"));
        Self { id: low as u16, command: (low >> 16) as u16, bytes, flags, error }
    }
}

/// A message as it was received.
#[derive(Debug)]
pub struct Message {
    pub header: Header,
    pub body: Vec<u8>,
    pub fds: Vec<OwnedFd>,
}

/// Reads integers off a body, each only if it is there.
pub struct Fields<'a>(pub &'a [u8]);

impl Fields<'_> {
    pub fn word(&mut self) -> Option<u32> {
        let (word, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_le_bytes(*word))
    }

    pub fn long(&mut self) -> Option<u64> {
        let (long, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*long))
    }
}

/// A body of words and longs.
#[derive(Debug, Default)]
pub struct Body(pub Vec<u8>);

impl Body {
    pub fn words(mut self, words: &[u32]) -> Self {
        self.0.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        self
    }

    pub fn longs(mut self, longs: &[u64]) -> Self {
        self.0.extend(longs.iter().flat_map(|long| long.to_le_bytes()));
        self
    }

    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Version 0.`minor`, and capabilities.
    pub fn version(minor: u16) -> Self {
        let version = u32::from(VERSION_MAJOR) | u32::from(minor) << 16;
        Self::default().words(&[version]).bytes(CAPABILITIES.as_bytes()).bytes(&[0])
    }
}
