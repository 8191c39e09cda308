//! Memory that a function may reach, and the interrupt that it raises. A server wants the memory's file, the kernel its address: both are here.
#![allow(unsafe_code, reason = "memory that a device writes too")]

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use super::PciError;

/// Least page of the machines that this runs on, and of their IOMMUs.
pub const PAGE_BYTES: usize = 4_096;
/// A huge page: one map where small pages would take 512.
pub const HUGE_PAGE_BYTES: usize = 2 << 20;

/// An anonymous file in memory, mapped here; its size is sealed. Whole pages, zeroed.
#[derive(Debug)]
pub struct DmaMemory {
    file: OwnedFd,
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the mapping belongs to the value and lives as long; who may write what, and when, is between driver and device, as it is with any
// memory that a device shares.
unsafe impl Send for DmaMemory {}

impl DmaMemory {
    /// At least `bytes`, in pages of the usual size.
    ///
    /// # Errors
    /// [`PciError::Memory`].
    pub fn new(bytes: usize) -> Result<Self, PciError> {
        Self::create(bytes.next_multiple_of(PAGE_BYTES), MemfdFlags::ALLOW_SEALING)
            .map_err(|errno| PciError::Memory { bytes, source: errno.into() })
    }

    /// At least `bytes`, in huge pages; none if the machine has not set enough of them aside.
    pub fn huge(bytes: usize) -> Option<Self> {
        let flags = MemfdFlags::ALLOW_SEALING | MemfdFlags::HUGETLB | MemfdFlags::HUGE_2MB;
        Self::create(bytes.next_multiple_of(HUGE_PAGE_BYTES), flags).ok()
    }

    fn create(bytes: usize, flags: MemfdFlags) -> rustix::io::Result<Self> {
        assert!(bytes > 0, "no memory is no ring");
        let file = memfd_create("backstop-dma", flags | MemfdFlags::CLOEXEC)?;
        ftruncate(&file, bytes as u64)?;
        fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW)?;
        // SAFETY: a new mapping of a file that is `bytes` long and stays so; the kernel chooses where. Populated now, so that a machine
        // short of huge pages says so here.
        let start = unsafe {
            mmap(
                std::ptr::null_mut(),
                bytes,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED | MapFlags::POPULATE,
                &file,
                0,
            )?
        };
        let start = NonNull::new(start.cast()).expect("a mapping is nowhere but at an address");
        Ok(Self { file, start, bytes })
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Where it is mapped.
    pub fn address(&self) -> NonNull<u8> {
        self.start
    }

    /// The file behind it, from its first byte.
    pub fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Copies `data` to `offset`. That the device sees it before a doorbell is for [`publish`] to see to.
    ///
    /// # Panics
    /// If it does not fit.
    pub fn write(&self, offset: usize, data: &[u8]) {
        let to = self.place(offset, data.len());
        // SAFETY: `place` checked the range; `data` is not in the mapping, to which no reference is ever given out.
        unsafe { to.copy_from_nonoverlapping(NonNull::from(data).cast(), data.len()) }
    }

    /// Copies from `offset` into `data`, after the last [`DmaMemory::load`] in program order.
    ///
    /// # Panics
    /// If it does not fit.
    pub fn read(&self, offset: usize, data: &mut [u8]) {
        let from = self.place(offset, data.len());
        // SAFETY: as above.
        unsafe { from.copy_to_nonoverlapping(NonNull::from(&mut *data).cast(), data.len()) }
    }

    /// The word at `offset`, a multiple of 4; what the device wrote before it is seen after it.
    ///
    /// # Panics
    /// If it is not in the memory, or unaligned.
    pub fn load(&self, offset: usize) -> u32 {
        assert!(offset.is_multiple_of(4), "an aligned word");
        let at = self.place(offset, 4).cast::<u32>();
        // SAFETY: in range and aligned, since the mapping starts at a page; every access of the host to such words is atomic.
        u32::from_le(unsafe { AtomicU32::from_ptr(at.as_ptr()) }.load(Ordering::Acquire))
    }

    fn place(&self, offset: usize, bytes: usize) -> NonNull<u8> {
        let is_inside = offset.checked_add(bytes).is_some_and(|end| end <= self.bytes);
        assert!(is_inside, "{bytes} bytes at {offset} of a memory of {}", self.bytes);
        // SAFETY: inside the mapping, as asserted.
        unsafe { self.start.add(offset) }
    }
}

impl Drop for DmaMemory {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's, and nobody refers into it.
        let done = unsafe { munmap(self.start.as_ptr().cast(), self.bytes) };
        debug_assert!(done.is_ok(), "a whole mapping can be unmapped");
    }
}

/// Stores before this call are seen by the device before a register write after it.
pub fn publish() {
    std::sync::atomic::fence(Ordering::SeqCst);
}

/// An interrupt as the kernel delivers it: an event counter.
#[derive(Debug)]
pub struct Interrupt(File);

impl Interrupt {
    /// One that nobody signals yet.
    ///
    /// # Errors
    /// [`PciError::Refused`] if the process has too many open files.
    pub fn new() -> Result<Self, PciError> {
        match eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK) {
            Ok(fd) => Ok(Self(fd.into())),
            Err(errno) => Err(PciError::Refused { operation: "a new event counter", source: errno.into() }),
        }
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// True if it was signalled since the last wait, or is within `timeout`.
    pub fn wait(&mut self, timeout: Duration) -> bool {
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        let timeout = Timespec {
            tv_sec: timeout.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        };
        let ready = poll(&mut fds, Some(&timeout));
        let mut count = [0; 8];
        // A signal in between, or none: the caller looks at the ring in any case.
        ready.is_ok_and(|ready| ready > 0) && self.0.read_exact(&mut count).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_zeroed_whole_pages_and_holds_what_is_written() {
        let memory = DmaMemory::new(5_000).unwrap();
        assert_eq!(memory.bytes(), 8_192);
        let mut data = [1; 32];
        memory.read(8_160, &mut data);
        assert_eq!(data, [0; 32]);
        memory.write(4_090, &[1, 2, 3, 4, 5, 6, 7, 8]);
        memory.read(4_092, &mut data[..4]);
        assert_eq!(data[..4], [3, 4, 5, 6]);
        assert_eq!(memory.load(4_092), 0x0605_0403);
    }

    #[test]
    fn a_server_sees_the_same_bytes_through_the_file_and_cannot_cut_it() {
        let memory = DmaMemory::new(PAGE_BYTES).unwrap();
        memory.write(100, b"by memory");
        let mut seen = [0; 9];
        rustix::io::pread(memory.file(), &mut seen, 100).unwrap();
        assert_eq!(&seen, b"by memory");
        rustix::io::pwrite(memory.file(), b"by file", 200).unwrap();
        memory.read(200, &mut seen[..7]);
        assert_eq!(&seen[..7], b"by file");
        assert!(ftruncate(memory.file(), 0).is_err(), "sealed");
    }

    #[test]
    #[should_panic(expected = "32 bytes at 4080 of a memory of 4096")]
    fn nothing_beyond_its_end_is_touched() {
        DmaMemory::new(PAGE_BYTES).unwrap().write(4_080, &[0; 32]);
    }

    #[test]
    fn an_interrupt_is_seen_once() {
        let mut interrupt = Interrupt::new().unwrap();
        assert!(!interrupt.wait(Duration::ZERO));
        rustix::io::write(interrupt.fd(), &1u64.to_ne_bytes()).unwrap();
        assert!(interrupt.wait(Duration::from_secs(5)));
        assert!(!interrupt.wait(Duration::ZERO));
    }
}
