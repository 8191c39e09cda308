//! The client: a PCI function that somebody serves at a socket. Every request has a deadline.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use vfio_bindings::bindings::vfio;

use super::channel::Channel;
use super::message::{
    Body, DMA_READ, DMA_WRITE, FLAG_ERROR, FLAG_NO_REPLY, FLAG_REPLY, FLAGS_KIND, Fields, Header,
    VERSION_MINOR, command,
};
use crate::pci::{DmaMemory, Interrupt, PciDevice, PciError};

/// A PCI function at a vfio-user socket.
///
/// After a missed deadline or an answer that makes no sense the connection is given up: every later call fails at once, until a reset.
pub struct UserVfio {
    path: PathBuf,
    channel: Option<Channel>,
    next_id: u16,
    deadline: Duration,
    is_resettable: bool,
    vectors: u32,
}

impl UserVfio {
    /// Connects and asks what is there.
    ///
    /// # Errors
    /// [`PciError::Setup`] if nobody serves a PCI function there; else as any request.
    pub fn connect(path: &Path, deadline: Duration) -> Result<Self, PciError> {
        let path = path.into();
        let mut client = Self { path, channel: None, next_id: 0, deadline, is_resettable: false, vectors: 0 };
        client.open()?;
        Ok(client)
    }

    fn open(&mut self) -> Result<(), PciError> {
        let path = self.path.display();
        let channel =
            connect_at_once(&self.path).and_then(Channel::new).map_err(|error| PciError::Setup {
                what: format!("no vfio-user server answers at {path}: {error}"),
                remedy: format!("start one with `backstop serve-device --socket {path}`"),
            })?;
        self.channel = Some(channel);
        self.negotiate()
    }

    fn negotiate(&mut self) -> Result<(), PciError> {
        const OPERATION: &str = "negotiation";
        let reply = self.request(OPERATION, command::VERSION, Body::version(VERSION_MINOR), &[])?;
        if Fields(&reply).word().is_none_or(|version| version & 0xffff != 0) {
            return Err(self.nonsense(OPERATION, "a protocol that is not version 0"));
        }
        let reply =
            self.request(OPERATION, command::DEVICE_GET_INFO, Body::default().words(&[16, 0, 0, 0]), &[])?;
        let mut fields = Fields(&reply);
        let (Some(_), Some(flags)) = (fields.word(), fields.word()) else {
            return Err(self.nonsense(OPERATION, "a short device info"));
        };
        if flags & vfio::VFIO_DEVICE_FLAGS_PCI == 0 {
            return Err(PciError::Setup {
                what: format!("{} serves no PCI function", self.path.display()),
                remedy: "name the socket of one".into(),
            });
        }
        self.is_resettable = flags & vfio::VFIO_DEVICE_FLAGS_RESET != 0;
        for (region, name) in [
            (vfio::VFIO_PCI_BAR0_REGION_INDEX, "BAR 0"),
            (vfio::VFIO_PCI_CONFIG_REGION_INDEX, "configuration space"),
        ] {
            if self.region_bytes(region)? == 0 {
                return Err(PciError::Setup {
                    what: format!("{} has no {name}", self.name()),
                    remedy: "serve a function whose registers are in BAR 0".into(),
                });
            }
        }
        let asked = Body::default().words(&[16, 0, vfio::VFIO_PCI_MSIX_IRQ_INDEX, 0]);
        let reply = self.request(OPERATION, command::DEVICE_GET_IRQ_INFO, asked, &[])?;
        let mut fields = Fields(reply.get(12..).unwrap_or_default());
        self.vectors = fields.word().ok_or_else(|| self.nonsense(OPERATION, "a short interrupt info"))?;
        Ok(())
    }

    fn region_bytes(&mut self, index: u32) -> Result<u64, PciError> {
        const OPERATION: &str = "negotiation";
        let asked = Body::default().words(&[32, 0, index, 0]).longs(&[0, 0]);
        let reply = self.request(OPERATION, command::DEVICE_GET_REGION_INFO, asked, &[])?;
        let mut fields = Fields(reply.get(16..).unwrap_or_default());
        fields.long().ok_or_else(|| self.nonsense(OPERATION, "a short region info"))
    }

    /// The body of the reply.
    fn request(
        &mut self,
        operation: &'static str,
        command: u16,
        body: Body,
        fds: &[BorrowedFd],
    ) -> Result<Vec<u8>, PciError> {
        let deadline = Instant::now() + self.deadline;
        let id = self.send(operation, (command, 0), &body.0, fds, deadline)?;
        let received = self.channel.as_mut().map(|channel| channel.receive(deadline));
        let message = match received.expect("it was sent") {
            Ok(Some(message)) => message,
            Ok(None) => {
                self.channel = None;
                return Err(PciError::Deadline { operation, deadline: self.deadline });
            }
            Err(error) => return Err(self.gone(operation, &error)),
        };
        let Header { id: found, command: answered, flags, error, .. } = message.header;
        if (found, answered, flags & FLAGS_KIND) != (id, command, FLAG_REPLY) {
            let found = format!("message {found}, command {answered}, flags {flags:#x}");
            return Err(self.nonsense(operation, &found));
        }
        if !message.fds.is_empty() {
            return Err(self.nonsense(operation, "file descriptors that were not asked for"));
        }
        if flags & FLAG_ERROR != 0 {
            let source = io::Error::from_raw_os_error(i32::try_from(error).unwrap_or_default());
            return Err(PciError::Refused { operation, source });
        }
        Ok(message.body)
    }

    /// Returns the message's number.
    fn send(
        &mut self,
        operation: &'static str,
        (command, flags): (u16, u32),
        body: &[u8],
        fds: &[BorrowedFd],
        deadline: Instant,
    ) -> Result<u16, PciError> {
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        let Some(channel) = &mut self.channel else {
            return Err(PciError::Gone { operation, cause: "the connection was given up".into() });
        };
        let header = Header { id, command, flags, ..Header::default() };
        match channel.send(&header, body, fds, deadline) {
            Ok(()) => Ok(id),
            Err(error) => Err(self.gone(operation, &error)),
        }
    }

    fn gone(&mut self, operation: &'static str, error: &io::Error) -> PciError {
        self.channel = None;
        match error.kind() {
            io::ErrorKind::TimedOut => PciError::Deadline { operation, deadline: self.deadline },
            io::ErrorKind::InvalidData => PciError::Protocol { operation, found: error.to_string() },
            io::ErrorKind::UnexpectedEof => PciError::Gone { operation, cause: "the server hung up".into() },
            _ => PciError::Gone { operation, cause: error.to_string() },
        }
    }

    fn nonsense(&mut self, operation: &'static str, found: &str) -> PciError {
        self.channel = None;
        PciError::Protocol { operation, found: found.into() }
    }

    fn read(
        &mut self,
        operation: &'static str,
        region: u32,
        offset: u64,
        data: &mut [u8],
    ) -> Result<(), PciError> {
        let asked = Body::default().longs(&[offset]).words(&[region, data.len() as u32]);
        let reply = self.request(operation, command::REGION_READ, asked, &[])?;
        match reply.get(16..) {
            Some(found) if found.len() == data.len() => data.copy_from_slice(found),
            _ => return Err(self.nonsense(operation, "not as many bytes as asked for")),
        }
        Ok(())
    }
}

/// A connection, or an error at once: also where a queue of others waits.
fn connect_at_once(path: &Path) -> io::Result<UnixStream> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket.into())
}

impl PciDevice for UserVfio {
    fn name(&self) -> String {
        format!("vfio-user server at {}", self.path.display())
    }

    fn read32(&mut self, offset: u64) -> Result<u32, PciError> {
        let mut data = [0; 4];
        self.read("register read", vfio::VFIO_PCI_BAR0_REGION_INDEX, offset, &mut data)?;
        Ok(u32::from_le_bytes(data))
    }

    /// Posted, as on a bus: nobody waits for an answer.
    fn write32(&mut self, offset: u64, value: u32) -> Result<(), PciError> {
        let body = Body::default()
            .longs(&[offset])
            .words(&[vfio::VFIO_PCI_BAR0_REGION_INDEX, 4])
            .bytes(&value.to_le_bytes());
        let deadline = Instant::now() + self.deadline;
        self.send("register write", (command::REGION_WRITE, FLAG_NO_REPLY), &body.0, &[], deadline)?;
        Ok(())
    }

    fn config_read(&mut self, offset: u16, data: &mut [u8]) -> Result<(), PciError> {
        self.read("config read", vfio::VFIO_PCI_CONFIG_REGION_INDEX, offset.into(), data)
    }

    fn config_write(&mut self, offset: u16, data: &[u8]) -> Result<(), PciError> {
        let body = Body::default()
            .longs(&[offset.into()])
            .words(&[vfio::VFIO_PCI_CONFIG_REGION_INDEX, data.len() as u32])
            .bytes(data);
        self.request("config write", command::REGION_WRITE, body, &[]).map(drop)
    }

    fn dma_map(&mut self, memory: &DmaMemory, iova: u64) -> Result<(), PciError> {
        let body =
            Body::default().words(&[32, DMA_READ | DMA_WRITE]).longs(&[0, iova, memory.bytes() as u64]);
        self.request("DMA map", command::DMA_MAP, body, &[memory.file()]).map(drop)
    }

    fn dma_unmap(&mut self, iova: u64, bytes: usize) -> Result<(), PciError> {
        let body = Body::default().words(&[24, 0]).longs(&[iova, bytes as u64]);
        self.request("DMA unmap", command::DMA_UNMAP, body, &[]).map(drop)
    }

    fn enable_interrupt(&mut self) -> Result<Interrupt, PciError> {
        if self.vectors == 0 {
            return Err(PciError::Setup {
                what: format!("{} has no MSI-X vector", self.name()),
                remedy: "use busy polling".into(),
            });
        }
        let interrupt = Interrupt::new()?;
        let flags = vfio::VFIO_IRQ_SET_DATA_EVENTFD | vfio::VFIO_IRQ_SET_ACTION_TRIGGER;
        let body = Body::default().words(&[20, flags, vfio::VFIO_PCI_MSIX_IRQ_INDEX, 0, 1]);
        self.request("interrupt enable", command::DEVICE_SET_IRQS, body, &[interrupt.fd().as_fd()])?;
        Ok(interrupt)
    }

    fn disable_interrupt(&mut self) -> Result<(), PciError> {
        let flags = vfio::VFIO_IRQ_SET_DATA_NONE | vfio::VFIO_IRQ_SET_ACTION_TRIGGER;
        let body = Body::default().words(&[20, flags, vfio::VFIO_PCI_MSIX_IRQ_INDEX, 0, 0]);
        self.request("interrupt disable", command::DEVICE_SET_IRQS, body, &[]).map(drop)
    }

    /// A connection that was given up is made anew; nothing is mapped then.
    fn reset(&mut self) -> Result<(), PciError> {
        if self.channel.is_none() {
            self.open()?;
        }
        if !self.is_resettable {
            return Err(PciError::Setup {
                what: format!("{} cannot be reset", self.name()),
                remedy: "serve a function with function-level reset".into(),
            });
        }
        self.request("reset", command::DEVICE_RESET, Body::default(), &[]).map(drop)
    }
}
