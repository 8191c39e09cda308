//! The function: regions, interrupt and reset over the Verilated PCIe-side top, which is clocked only while it has work.

use std::os::fd::OwnedFd;
use std::path::Path;

use model::register::{RECORDS_IN, RECORDS_OUT, SPACE_BYTES};
use rustix::io::Errno;
use sim::pcie::{Pcie, Response};
use sim::{Build, SimError};
use vfio_bindings::bindings::vfio;

use super::config_space::{CONFIG_BYTES, ConfigSpace, PENDING_OFFSET, Written};
use super::dma_map::DmaMap;

/// Clocks run at once.
const SLICE_CLOCKS: u64 = 128;
/// Clocks for which it goes on after the last access, or the last record in or out: more than the longest sweep or walk takes.
const WORK_CLOCKS: u64 = 1 << 18;
/// Clocks between two looks at whether records went in or out.
const LOOK_CLOCKS: u64 = 1 << 13;
/// Bytes of BAR 2: the MSI-X table and its pending bits.
const MSIX_BYTES: u64 = 4_096;
const MSIX_ENTRY_BYTES: usize = 16;

/// Why an access was refused; nothing else has changed.
pub type RegionError = Errno;

/// A PCI function in this process.
pub struct Function {
    pcie: Pcie,
    config: ConfigSpace,
    /// Who maps memory does it here; [`DmaMap::bus_master`] follows the command register.
    pub dma: DmaMap,
    msix_table: [u8; MSIX_ENTRY_BYTES],
    interrupt: Option<OwnedFd>,
    /// Requests of the gateware that were signalled, or kept back.
    interrupts_seen: u64,
    is_pending: bool,
    /// Clocks left until it stands still.
    work: u64,
    /// RECORDS_IN and RECORDS_OUT when last looked at.
    records: [u32; 2],
}

impl Function {
    /// After reset; with a path, its waveform is written there.
    ///
    /// # Errors
    /// [`SimError`] if so many lanes are not built, or the waveform cannot be written.
    pub fn new(build: Build, lanes: usize, trace: Option<&Path>) -> Result<Self, SimError> {
        let mut dma = DmaMap::default();
        let pcie = Pcie::new(build, lanes, trace, &mut dma)?;
        Ok(Self {
            pcie,
            config: ConfigSpace::new(),
            dma,
            msix_table: [0; MSIX_ENTRY_BYTES],
            interrupt: None,
            interrupts_seen: 0,
            is_pending: false,
            work: WORK_CLOCKS,
            records: [0; 2],
        })
    }

    /// Bytes of a region; 0 if there is none.
    pub fn region_bytes(region: u32) -> u64 {
        match region {
            vfio::VFIO_PCI_BAR0_REGION_INDEX => SPACE_BYTES.into(),
            vfio::VFIO_PCI_BAR2_REGION_INDEX => MSIX_BYTES,
            vfio::VFIO_PCI_CONFIG_REGION_INDEX => CONFIG_BYTES as u64,
            _ => 0,
        }
    }

    /// # Errors
    /// [`Errno::INVAL`] if it is not within a region, or of BAR 0 not an aligned word; [`Errno::IO`] if the gateware refuses it.
    pub fn read(&mut self, region: u32, offset: u64, data: &mut [u8]) -> Result<(), RegionError> {
        inside(region, offset, data.len())?;
        match region {
            vfio::VFIO_PCI_BAR0_REGION_INDEX => {
                let data: &mut [u8; 4] = data.try_into().map_err(|_| Errno::INVAL)?;
                let (response, value) = self.pcie.read_at(word(offset)?, &mut self.dma);
                self.accessed();
                if response != Response::Okay {
                    return Err(Errno::IO);
                }
                *data = value.to_le_bytes();
            }
            vfio::VFIO_PCI_BAR2_REGION_INDEX => {
                for (at, byte) in (offset..).zip(data) {
                    *byte = match at {
                        PENDING_OFFSET => self.is_pending.into(),
                        _ => self.msix_table.get(at as usize).copied().unwrap_or_default(),
                    };
                }
            }
            _ => assert!(self.config.read(offset, data), "inside"),
        }
        Ok(())
    }

    /// # Errors
    /// As [`Function::read`].
    pub fn write(&mut self, region: u32, offset: u64, data: &[u8]) -> Result<(), RegionError> {
        inside(region, offset, data.len())?;
        match region {
            vfio::VFIO_PCI_BAR0_REGION_INDEX => {
                let data: &[u8; 4] = data.try_into().map_err(|_| Errno::INVAL)?;
                let (at, value) = (word(offset)?, u32::from_le_bytes(*data));
                let response = self.pcie.write_bytes(at, value, 0xf, &mut self.dma);
                self.accessed();
                if response != Response::Okay {
                    return Err(Errno::IO);
                }
            }
            vfio::VFIO_PCI_BAR2_REGION_INDEX => {
                for (at, byte) in (offset as usize..).zip(data) {
                    if let Some(cell) = self.msix_table.get_mut(at) {
                        *cell = *byte;
                    }
                }
            }
            _ => match self.config.write(offset, data) {
                Written::Reset => self.reset(),
                _ => self.command_changed(),
            },
        }
        Ok(())
    }

    /// Vector 0 signals this event counter, or nothing.
    pub fn set_interrupt(&mut self, interrupt: Option<OwnedFd>) {
        self.interrupt = interrupt;
        self.is_pending = false;
    }

    /// Function-level reset. What is mapped stays mapped, and the interrupt stays where it is.
    pub fn reset(&mut self) {
        self.config = ConfigSpace::new();
        self.command_changed();
        self.msix_table = [0; MSIX_ENTRY_BYTES];
        self.is_pending = false;
        self.pcie.reset(&mut self.dma);
        self.work = WORK_CLOCKS;
    }

    /// Nobody drives it any more: as after power-up, and nothing of the last driver is left.
    pub fn detach(&mut self) {
        self.dma.clear();
        self.interrupt = None;
        self.reset();
    }

    /// Runs some clocks, if it has work; true if it has more.
    pub fn step(&mut self) -> bool {
        if self.work > 0 {
            self.pcie.run(SLICE_CLOCKS, &mut self.dma);
            self.work = self.work.saturating_sub(SLICE_CLOCKS);
            if self.work.is_multiple_of(LOOK_CLOCKS) {
                let records =
                    [RECORDS_IN, RECORDS_OUT].map(|register| self.pcie.read(register, &mut self.dma));
                if std::mem::replace(&mut self.records, records) != records {
                    self.work = WORK_CLOCKS;
                }
            }
            self.deliver();
        }
        self.work > 0
    }

    /// Clocks simulated so far.
    pub fn clocks(&self) -> u64 {
        self.pcie.seen().clocks
    }

    /// What the gateware did on the bus against the rules of AXI; 0 for ever.
    pub fn breaches(&self) -> u64 {
        self.pcie.seen().breaches
    }

    fn accessed(&mut self) {
        self.work = WORK_CLOCKS;
        self.deliver();
    }

    fn command_changed(&mut self) {
        self.dma.bus_master = self.config.bus_master();
        self.deliver();
    }

    /// Signals what the gateware asked for; without bus-master enable no message leaves, and it stays pending.
    fn deliver(&mut self) {
        let seen = self.pcie.seen().interrupts;
        self.is_pending |= seen != self.interrupts_seen;
        self.interrupts_seen = seen;
        if self.is_pending
            && self.dma.bus_master
            && let Some(interrupt) = &self.interrupt
        {
            // It can only fail because the counter is full, which says the same.
            let _ = rustix::io::write(interrupt, &1u64.to_ne_bytes());
            self.is_pending = false;
        }
    }
}

fn inside(region: u32, offset: u64, bytes: usize) -> Result<(), Errno> {
    let end = offset.checked_add(bytes as u64).ok_or(Errno::INVAL)?;
    if bytes > 0 && end <= Function::region_bytes(region) { Ok(()) } else { Err(Errno::INVAL) }
}

/// The offset of a register.
fn word(offset: u64) -> Result<u16, Errno> {
    if offset.is_multiple_of(4) { Ok(offset as u16) } else { Err(Errno::INVAL) }
}
