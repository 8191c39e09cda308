//! The server: one simulated function, one client after another, in one thread that clocks the gateware between messages.

use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use vfio_bindings::bindings::vfio;

use super::channel::{Channel, wait};
use super::message::{
    Body, DMA_READ, DMA_WRITE, FLAG_ERROR, FLAG_NO_REPLY, FLAG_REPLY, FLAGS_KIND, Fields, Header, Message,
    VERSION_MAJOR, VERSION_MINOR, command,
};
use crate::pci::simulated::Function;

/// How long a client may take to read its replies before it is dropped.
const SEND_DEADLINE: Duration = Duration::from_secs(5);
/// How long the server sleeps at most when nothing is to be done.
const IDLE: Duration = Duration::from_secs(1);
/// Largest data of a region access: every region is smaller.
const ACCESS_BYTES_MAX: u32 = 4_096;

/// What a server saw, for its operator.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Served {
    pub clients: u64,
    pub messages: u64,
    /// Messages answered with an error.
    pub refused: u64,
}

/// A socket with a function behind it.
pub struct Server {
    listener: UnixListener,
    path: PathBuf,
    function: Function,
    served: Served,
}

impl Server {
    /// Listens at `path`. A socket that a dead server left there is taken over.
    ///
    /// # Errors
    /// If somebody listens there already, if something else is there, or if it cannot be made.
    pub fn bind(path: &Path, function: Function) -> io::Result<Self> {
        let listener = match UnixListener::bind(path) {
            Err(error) if error.kind() == ErrorKind::AddrInUse && is_stale(path) => {
                std::fs::remove_file(path)?;
                UnixListener::bind(path)?
            }
            other => other?,
        };
        listener.set_nonblocking(true)?;
        Ok(Self { listener, path: path.into(), function, served: Served::default() })
    }

    pub fn served(&self) -> Served {
        self.served
    }

    pub fn function(&self) -> &Function {
        &self.function
    }

    /// Serves clients until `stop` says so, which is asked at least once a second; `say` is told of clients that come and go.
    ///
    /// # Errors
    /// If the socket itself fails; what a client does is no error.
    pub fn run(&mut self, stop: impl Fn() -> bool, mut say: impl FnMut(&str)) -> io::Result<()> {
        while !stop() {
            let Some(stream) = self.accept()? else { continue };
            self.served.clients += 1;
            say(&format!("client {} is there", self.served.clients));
            let why = self.serve(stream, &stop);
            self.function.detach();
            say(&format!("client {} is gone: {why}", self.served.clients));
        }
        Ok(())
    }

    fn accept(&self) -> io::Result<Option<UnixStream>> {
        match self.listener.accept() {
            Ok((stream, _)) => Ok(Some(stream)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                wait([PollFd::new(&self.listener, PollFlags::IN)], IDLE)?;
                Ok(None)
            }
            // The client was gone before it was taken.
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::Interrupted) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Returns why it ended.
    fn serve(&mut self, stream: UnixStream, stop: &impl Fn() -> bool) -> String {
        let mut channel = match Channel::new(stream) {
            Ok(channel) => channel,
            Err(error) => return error.to_string(),
        };
        let mut has_work = true;
        while !stop() {
            let patience = if has_work { Duration::ZERO } else { IDLE };
            let message = match channel.receive(Instant::now() + patience) {
                Ok(Some(message)) => message,
                Ok(None) => {
                    has_work = self.function.step();
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return "it hung up".into(),
                Err(error) => {
                    self.served.refused += 1;
                    return error.to_string();
                }
            };
            has_work = true;
            if let Err(error) = self.answer(&mut channel, message) {
                return format!("it takes no reply ({error})");
            }
        }
        "the server ends".into()
    }

    fn answer(&mut self, channel: &mut Channel, message: Message) -> io::Result<()> {
        self.served.messages += 1;
        let header = message.header;
        let result = self.handle(message);
        self.served.refused += u64::from(result.is_err());
        if header.flags & FLAG_NO_REPLY != 0 {
            return Ok(());
        }
        let (flags, error, body) = match result {
            Ok(body) => (FLAG_REPLY, 0, body),
            Err(errno) => (FLAG_REPLY | FLAG_ERROR, errno.raw_os_error() as u32, Body::default()),
        };
        let reply = Header { flags, error, ..header };
        channel.send(&reply, &body.0, &[], Instant::now() + SEND_DEADLINE)
    }

    /// The reply's body. On an error nothing has changed.
    fn handle(&mut self, message: Message) -> Result<Body, Errno> {
        let Message { header, body, fds } = message;
        if header.flags & FLAGS_KIND != 0 {
            return Err(Errno::INVAL);
        }
        let mut fields = Fields(&body);
        match header.command {
            command::VERSION => version(&mut fields),
            command::DMA_MAP => self.dma_map(&mut fields, fds),
            command::DMA_UNMAP => self.dma_unmap(&mut fields),
            command::DEVICE_GET_INFO => {
                words::<4>(&mut fields)?;
                let flags = vfio::VFIO_DEVICE_FLAGS_PCI | vfio::VFIO_DEVICE_FLAGS_RESET;
                Ok(Body::default().words(&[16, flags, vfio::VFIO_PCI_NUM_REGIONS, vfio::VFIO_PCI_NUM_IRQS]))
            }
            command::DEVICE_GET_REGION_INFO => {
                let [_, _, index, _] = words(&mut fields)?;
                if index >= vfio::VFIO_PCI_NUM_REGIONS {
                    return Err(Errno::INVAL);
                }
                let bytes = Function::region_bytes(index);
                let access = vfio::VFIO_REGION_INFO_FLAG_READ | vfio::VFIO_REGION_INFO_FLAG_WRITE;
                let flags = if bytes > 0 { access } else { 0 };
                Ok(Body::default().words(&[32, flags, index, 0]).longs(&[bytes, 0]))
            }
            command::DEVICE_GET_IRQ_INFO => {
                let [_, _, index, _] = words(&mut fields)?;
                if index >= vfio::VFIO_PCI_NUM_IRQS {
                    return Err(Errno::INVAL);
                }
                let flags = vfio::VFIO_IRQ_INFO_EVENTFD | vfio::VFIO_IRQ_INFO_NORESIZE;
                Ok(Body::default().words(&[16, flags, index, vectors(index)]))
            }
            command::DEVICE_SET_IRQS => self.set_irqs(&mut fields, fds),
            command::REGION_READ => {
                let (offset, region, count) = access(&mut fields)?;
                let mut data = vec![0; count as usize];
                self.function.read(region, offset, &mut data)?;
                Ok(Body::default().longs(&[offset]).words(&[region, count]).bytes(&data))
            }
            command::REGION_WRITE => {
                let (offset, region, count) = access(&mut fields)?;
                if fields.0.len() != count as usize {
                    return Err(Errno::INVAL);
                }
                self.function.write(region, offset, fields.0)?;
                Ok(Body::default().longs(&[offset]).words(&[region, count]))
            }
            command::DEVICE_RESET => {
                self.function.reset();
                Ok(Body::default())
            }
            _ => Err(Errno::OPNOTSUPP),
        }
    }

    fn dma_map(&mut self, fields: &mut Fields, mut fds: Vec<OwnedFd>) -> Result<Body, Errno> {
        let [_, flags] = words(fields)?;
        let [offset, address, bytes] = longs(fields)?;
        if flags & !(DMA_READ | DMA_WRITE) != 0 || fds.len() > 1 {
            return Err(Errno::INVAL);
        }
        let access = (flags & DMA_READ != 0, flags & DMA_WRITE != 0);
        self.function.dma.map(address, bytes, access, fds.pop().map(|fd| (fd, offset)))?;
        Ok(Body::default())
    }

    fn dma_unmap(&mut self, fields: &mut Fields) -> Result<Body, Errno> {
        let [argsz, flags] = words(fields)?;
        let [address, bytes] = longs(fields)?;
        match flags {
            0 => self.function.dma.unmap(address, bytes)?,
            vfio::VFIO_DMA_UNMAP_FLAG_ALL if address == 0 && bytes == 0 => self.function.dma.clear(),
            _ => return Err(Errno::INVAL),
        }
        Ok(Body::default().words(&[argsz, flags]).longs(&[address, bytes]))
    }

    /// Of the one vector there is: a counter to signal, none, or a signal by hand. A count of 1 without a descriptor takes it away, as a count of 0
    /// does; masks are kept by whoever emulates the table.
    fn set_irqs(&mut self, fields: &mut Fields, mut fds: Vec<OwnedFd>) -> Result<Body, Errno> {
        let [_, flags, index, start, count] = words(fields)?;
        let is_there = index < vfio::VFIO_PCI_NUM_IRQS
            && start.checked_add(count).is_some_and(|end| end <= vectors(index));
        let takes_away = count == 0 && start == 0 && index < vfio::VFIO_PCI_NUM_IRQS;
        if !(is_there || takes_away) || fds.len() > count as usize {
            return Err(Errno::INVAL);
        }
        let data = flags & vfio::VFIO_IRQ_SET_DATA_TYPE_MASK;
        let action = flags & vfio::VFIO_IRQ_SET_ACTION_TYPE_MASK;
        if flags != data | action {
            return Err(Errno::INVAL);
        }
        match (action, data) {
            (vfio::VFIO_IRQ_SET_ACTION_TRIGGER, vfio::VFIO_IRQ_SET_DATA_EVENTFD)
            | (vfio::VFIO_IRQ_SET_ACTION_TRIGGER, vfio::VFIO_IRQ_SET_DATA_NONE)
                if index == vfio::VFIO_PCI_MSIX_IRQ_INDEX =>
            {
                if data == vfio::VFIO_IRQ_SET_DATA_NONE && count > 0 {
                    return Err(Errno::OPNOTSUPP);
                }
                self.function.set_interrupt(fds.pop());
            }
            (
                vfio::VFIO_IRQ_SET_ACTION_TRIGGER,
                vfio::VFIO_IRQ_SET_DATA_NONE | vfio::VFIO_IRQ_SET_DATA_EVENTFD,
            ) if count == 0 => {}
            (
                vfio::VFIO_IRQ_SET_ACTION_MASK | vfio::VFIO_IRQ_SET_ACTION_UNMASK,
                vfio::VFIO_IRQ_SET_DATA_NONE,
            ) => return Err(Errno::OPNOTSUPP),
            _ => return Err(Errno::INVAL),
        }
        Ok(Body::default())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Somebody may have taken it away already.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// True if it is a socket at which nobody listens.
fn is_stale(path: &Path) -> bool {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket());
    is_socket && UnixStream::connect(path).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

fn version(fields: &mut Fields) -> Result<Body, Errno> {
    let word = fields.word().ok_or(Errno::INVAL)?;
    let (major, minor) = (word as u16, (word >> 16) as u16);
    // The lesser of both: QEMU speaks 0.0 and takes no other.
    if major == VERSION_MAJOR { Ok(Body::version(minor.min(VERSION_MINOR))) } else { Err(Errno::OPNOTSUPP) }
}

/// Vectors of an interrupt index.
fn vectors(index: u32) -> u32 {
    u32::from(index == vfio::VFIO_PCI_MSIX_IRQ_INDEX)
}

fn access(fields: &mut Fields) -> Result<(u64, u32, u32), Errno> {
    let [offset] = longs(fields)?;
    let [region, count] = words(fields)?;
    if count > ACCESS_BYTES_MAX { Err(Errno::INVAL) } else { Ok((offset, region, count)) }
}

fn words<const N: usize>(fields: &mut Fields) -> Result<[u32; N], Errno> {
    let mut found = [0; N];
    for word in &mut found {
        *word = fields.word().ok_or(Errno::INVAL)?;
    }
    Ok(found)
}

fn longs<const N: usize>(fields: &mut Fields) -> Result<[u64; N], Errno> {
    let mut found = [0; N];
    for long in &mut found {
        *long = fields.long().ok_or(Errno::INVAL)?;
    }
    Ok(found)
}
