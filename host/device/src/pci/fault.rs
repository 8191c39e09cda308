//! A PCI function that fails on purpose, at a place that is stated: for tests and drills.

use std::os::fd::OwnedFd;
use std::time::Duration;

use model::register::{IN_TAIL, OUT_TAIL};

use super::{DmaMemory, Interrupt, PciDevice, PciError};

/// What goes wrong, for good or until a reset.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PciFault {
    /// The function is gone: reads are all ones, writes go nowhere, and it does nothing any more. A reset does not help.
    AllOnes,
    /// It does nothing any more, but its registers can be read.
    Stands,
    /// Doorbells get lost: it lives and never fetches.
    DoorbellsLost,
    /// The index record counts more records out than the ring has.
    TailBeyondRing,
    /// Every access takes longer than its deadline. A reset does not help.
    Deadline,
}

impl PciFault {
    pub const ALL: [Self; 5] =
        [Self::AllOnes, Self::Stands, Self::DoorbellsLost, Self::TailBeyondRing, Self::Deadline];
}

/// A function with one [`PciFault`].
pub struct FaultyPci<P> {
    inner: P,
    fault: PciFault,
    /// Doorbells that pass before it strikes; none once it has.
    doorbells: Option<u32>,
    /// Of the memory that holds the index record.
    memory: Option<OwnedFd>,
    is_mended: bool,
}

impl<P: PciDevice> FaultyPci<P> {
    /// The fault strikes at the doorbell after the first `doorbells`.
    pub fn new(inner: P, fault: PciFault, doorbells: u32) -> Self {
        Self { inner, fault, doorbells: Some(doorbells), memory: None, is_mended: false }
    }

    pub fn has_struck(&self) -> bool {
        self.doorbells.is_none()
    }

    fn suffers(&self, fault: PciFault) -> bool {
        self.has_struck() && !self.is_mended && self.fault == fault
    }

    /// Counts a doorbell; the fault may strike.
    fn ring(&mut self) {
        self.doorbells = self.doorbells.and_then(|left| left.checked_sub(1));
    }

    fn is_dead(&self) -> bool {
        self.suffers(PciFault::AllOnes) || self.suffers(PciFault::Stands)
    }

    fn must_answer(&self, operation: &'static str) -> Result<(), PciError> {
        match self.suffers(PciFault::Deadline) {
            true => Err(PciError::Deadline { operation, deadline: Duration::from_millis(1) }),
            false => Ok(()),
        }
    }
}

impl<P: PciDevice> PciDevice for FaultyPci<P> {
    fn name(&self) -> String {
        self.inner.name()
    }

    fn read32(&mut self, offset: u64) -> Result<u32, PciError> {
        self.must_answer("register read")?;
        if self.suffers(PciFault::AllOnes) { Ok(u32::MAX) } else { self.inner.read32(offset) }
    }

    fn write32(&mut self, offset: u64, value: u32) -> Result<(), PciError> {
        if offset == u64::from(IN_TAIL.offset) {
            self.ring();
            if self.suffers(PciFault::DoorbellsLost) {
                return Ok(());
            }
            if self.suffers(PciFault::TailBeyondRing)
                && let Some(memory) = &self.memory
            {
                let tail = self.inner.read32(OUT_TAIL.offset.into())?.wrapping_add(1 << 24);
                rustix::io::pwrite(memory, &tail.to_le_bytes(), 0).expect("memory takes a word");
                return Ok(());
            }
        }
        self.must_answer("register write")?;
        if self.is_dead() { Ok(()) } else { self.inner.write32(offset, value) }
    }

    fn config_read(&mut self, offset: u16, data: &mut [u8]) -> Result<(), PciError> {
        self.must_answer("config read")?;
        self.inner.config_read(offset, data)
    }

    fn config_write(&mut self, offset: u16, data: &[u8]) -> Result<(), PciError> {
        self.must_answer("config write")?;
        self.inner.config_write(offset, data)
    }

    fn dma_alloc(&mut self, bytes: usize) -> Result<DmaMemory, PciError> {
        self.inner.dma_alloc(bytes)
    }

    fn dma_map(&mut self, memory: &DmaMemory, iova: u64) -> Result<(), PciError> {
        self.memory = memory.file().try_clone_to_owned().ok();
        self.inner.dma_map(memory, iova)
    }

    fn dma_unmap(&mut self, iova: u64, bytes: usize) -> Result<(), PciError> {
        self.inner.dma_unmap(iova, bytes)
    }

    fn enable_interrupt(&mut self) -> Result<Interrupt, PciError> {
        self.inner.enable_interrupt()
    }

    fn disable_interrupt(&mut self) -> Result<(), PciError> {
        self.inner.disable_interrupt()
    }

    fn reset(&mut self) -> Result<(), PciError> {
        self.must_answer("reset")?;
        self.is_mended |= self.has_struck() && self.fault != PciFault::AllOnes;
        self.inner.reset()
    }

    fn relax(&mut self) {
        // A function that overwrites the spoiled index record would hide the fault.
        if !self.is_dead() && !self.suffers(PciFault::TailBeyondRing) {
            self.inner.relax();
        }
    }

    fn wait(&mut self, interrupt: &mut Interrupt, timeout: Duration) -> bool {
        if self.is_dead() { interrupt.wait(timeout) } else { self.inner.wait(interrupt, timeout) }
    }

    fn clocks(&self) -> u64 {
        self.inner.clocks()
    }
}
