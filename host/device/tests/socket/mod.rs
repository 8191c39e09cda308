//! A vfio-user server in a thread of its own, and a client that says what it likes, written from the specification alone.
#![allow(dead_code, reason = "each test file uses a part")]

use std::io::{IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use device::pci::simulated::Function;
use device::pci::vfio_user::UserVfio;
use device::pci::vfio_user::server::{Served, Server};
use device::sim::Build;
use model::register::{Access, REGISTERS, Register};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

/// Long enough for a machine with other work.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Serving {
    pub path: PathBuf,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Served>,
    /// Where the socket is, if it is this server's own.
    directory: Option<tempfile::TempDir>,
}

impl Serving {
    pub fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let serving = Self::start_at(directory.path().join("device"));
        Self { directory: Some(directory), ..serving }
    }

    pub fn start_at(path: PathBuf) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let function = Function::new(Build::Small, 1, None).unwrap();
        let mut server = Server::bind(&path, function).unwrap();
        let stopping = stop.clone();
        let thread = std::thread::spawn(move || {
            server.run(|| stopping.load(Ordering::Relaxed), |_| {}).unwrap();
            assert_eq!(server.function().breaches(), 0);
            server.served()
        });
        Self { path, stop, thread, directory: None }
    }

    pub fn connect(&self) -> UserVfio {
        UserVfio::connect(&self.path, PATIENCE).unwrap()
    }

    pub fn raw(&self) -> RawClient {
        RawClient::new(UnixStream::connect(&self.path).unwrap())
    }

    /// Stops serving, whoever is served.
    pub fn end(self) -> Served {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

pub const VERSION: u16 = 1;
pub const DMA_MAP: u16 = 2;
pub const DMA_UNMAP: u16 = 3;
pub const GET_INFO: u16 = 4;
pub const GET_REGION_INFO: u16 = 5;
pub const GET_IRQ_INFO: u16 = 7;
pub const SET_IRQS: u16 = 8;
pub const REGION_READ: u16 = 9;
pub const REGION_WRITE: u16 = 10;
pub const RESET: u16 = 13;

pub const BAR0: u32 = 0;
pub const CONFIG: u32 = 7;

/// A reply: its number, errno if it is one, and body.
#[derive(Debug, Eq, PartialEq)]
pub struct Reply {
    pub id: u16,
    pub error: Option<u32>,
    pub body: Vec<u8>,
}

pub struct RawClient {
    pub stream: UnixStream,
    id: u16,
}

pub fn body(longs_first: bool, longs: &[u64], words: &[u32]) -> Vec<u8> {
    let longs = longs.iter().flat_map(|long| long.to_le_bytes());
    let words = words.iter().flat_map(|word| word.to_le_bytes());
    if longs_first { longs.chain(words).collect() } else { words.chain(longs).collect() }
}

pub fn message(id: u16, command: u16, flags: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(id.to_le_bytes());
    bytes.extend(command.to_le_bytes());
    bytes.extend((16 + body.len() as u32).to_le_bytes());
    bytes.extend(flags.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(body);
    bytes
}

impl RawClient {
    pub fn new(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream, id: 100 }
    }

    /// Sends a message with descriptors; returns its number.
    pub fn send(&mut self, command: u16, flags: u32, body: &[u8], fds: &[BorrowedFd]) -> u16 {
        self.id = self.id.wrapping_add(1);
        let bytes = message(self.id, command, flags, body);
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(16))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        assert!(fds.is_empty() || ancillary.push(SendAncillaryMessage::ScmRights(fds)));
        let sent =
            sendmsg(&self.stream, &[IoSlice::new(&bytes)], &mut ancillary, SendFlags::NOSIGNAL).unwrap();
        self.stream.write_all(&bytes[sent..]).unwrap();
        self.id
    }

    /// The next reply; none if the server hung up.
    pub fn reply(&mut self) -> Option<Reply> {
        let mut head = [0; 16];
        self.stream.read_exact(&mut head).ok()?;
        let word = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().unwrap());
        let mut body = vec![0; word(4) as usize - 16];
        self.stream.read_exact(&mut body).ok()?;
        let flags = word(8);
        assert_eq!(flags & 0xf, 1, "a reply");
        let error = (flags & 1 << 5 != 0).then(|| word(12));
        Some(Reply { id: word(0) as u16, error, body })
    }

    /// A message and its reply.
    pub fn ask(&mut self, command: u16, body: &[u8], fds: &[BorrowedFd]) -> Reply {
        let id = self.send(command, 0, body, fds);
        let reply = self.reply().expect("the server goes on");
        assert_eq!(reply.id, id);
        reply
    }

    /// All that a client can see of the function: configuration, registers that do not run, and whether memory can be reached.
    pub fn state(&mut self) -> Vec<Reply> {
        let config = body(true, &[0], &[CONFIG, 256]);
        let mut replies = vec![self.ask(REGION_READ, &config, &[])];
        // Reading others counts, or changes by itself.
        let is_still = |register: &&Register| {
            register.access != Access::WriteOnly && register.offset < 0xb4 && register.name != "HEARTBEAT"
        };
        for offset in REGISTERS.iter().filter(is_still).map(|register| register.offset.into()) {
            replies.push(self.ask(REGION_READ, &body(true, &[offset], &[BAR0, 4]), &[]));
        }
        replies.iter_mut().for_each(|reply| reply.id = 0);
        replies
    }
}
