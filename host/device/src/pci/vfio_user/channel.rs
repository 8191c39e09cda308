//! One end of a connection: whole messages with their file descriptors, and no call that waits beyond its deadline.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

use super::message::{FDS_MAX, HEADER_BYTES, Header, MESSAGE_BYTES_MAX, Message};

pub struct Channel {
    stream: UnixStream,
    /// The message that is coming in, as far as it is here.
    partial: Vec<u8>,
    fds: Vec<OwnedFd>,
}

impl Channel {
    pub fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { stream, partial: Vec::with_capacity(256), fds: Vec::new() })
    }

    /// Sends a message whole.
    ///
    /// # Errors
    /// [`ErrorKind::TimedOut`] if the other side does not take it in time; part of it may be gone then, so the connection is of no more use.
    pub fn send(
        &mut self,
        header: &Header,
        body: &[u8],
        fds: &[BorrowedFd],
        deadline: Instant,
    ) -> io::Result<()> {
        let head = Header { bytes: (HEADER_BYTES + body.len()) as u32, ..*header }.encode();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() {
            assert!(ancillary.push(SendAncillaryMessage::ScmRights(fds)), "at most {FDS_MAX} descriptors");
        }
        let mut sent = 0;
        while sent < HEADER_BYTES + body.len() {
            let parts = [
                IoSlice::new(head.get(sent..).unwrap_or_default()),
                IoSlice::new(&body[sent.saturating_sub(HEADER_BYTES)..]),
            ];
            match sendmsg(&self.stream, &parts, &mut ancillary, SendFlags::NOSIGNAL) {
                Ok(bytes) => {
                    sent += bytes;
                    ancillary.clear(); // they go with the first byte
                }
                Err(Errno::AGAIN) => {
                    if !self.wait(PollFlags::OUT, deadline)? {
                        return Err(ErrorKind::TimedOut.into());
                    }
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }

    /// The next whole message; none if it is not here by the deadline, then what is here of it is kept for the next call.
    ///
    /// # Errors
    /// [`ErrorKind::UnexpectedEof`] if the other side has hung up, [`ErrorKind::InvalidData`] if the length cannot be one: nothing after it can
    /// be read.
    pub fn receive(&mut self, deadline: Instant) -> io::Result<Option<Message>> {
        loop {
            let wanted = match self.partial.first_chunk() {
                None => HEADER_BYTES,
                Some(&head) => {
                    let header = Header::decode(head);
                    let bytes = header.bytes as usize;
                    if !(HEADER_BYTES..=MESSAGE_BYTES_MAX).contains(&bytes) {
                        let text = format!("a message of {bytes} bytes (command {})", header.command);
                        return Err(io::Error::new(ErrorKind::InvalidData, text));
                    }
                    if self.partial.len() == bytes {
                        let body = self.partial[HEADER_BYTES..].to_vec();
                        self.partial.clear();
                        return Ok(Some(Message { header, body, fds: std::mem::take(&mut self.fds) }));
                    }
                    bytes
                }
            };
            if !self.fill(wanted)? && !self.wait(PollFlags::IN, deadline)? {
                return Ok(None);
            }
        }
    }

    /// Reads at most what is missing of `wanted` bytes, so that descriptors stay with their message. False if nothing is there.
    fn fill(&mut self, wanted: usize) -> io::Result<bool> {
        let have = self.partial.len();
        self.partial.resize(wanted, 0);
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [IoSliceMut::new(&mut self.partial[have..])];
        let received = recvmsg(&self.stream, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC);
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(fds) = message {
                let room = FDS_MAX - self.fds.len().min(FDS_MAX);
                self.fds.extend(fds.take(room));
            }
        }
        let result = match received {
            Ok(received) if received.bytes == 0 => Err(ErrorKind::UnexpectedEof.into()),
            Ok(received) => Ok(received.bytes),
            Err(Errno::AGAIN | Errno::INTR) => Ok(0),
            Err(errno) => Err(errno.into()),
        };
        let bytes = result.as_ref().copied().unwrap_or_default();
        self.partial.truncate(have + bytes);
        result.map(|bytes| bytes > 0)
    }

    /// True if the stream is ready, or has come to its end, by the deadline.
    fn wait(&self, flags: PollFlags, deadline: Instant) -> io::Result<bool> {
        let left = deadline.saturating_duration_since(Instant::now());
        wait([PollFd::new(&self.stream, flags)], left)
    }
}

/// True if one of `fds` is ready within `timeout`.
pub fn wait<const N: usize>(mut fds: [PollFd; N], timeout: Duration) -> io::Result<bool> {
    let timeout = Timespec {
        tv_sec: timeout.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    };
    match poll(&mut fds, Some(&timeout)) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::INTR) => Ok(true), // nothing may be there; the caller looks and comes back
        Err(errno) => Err(errno.into()),
    }
}
