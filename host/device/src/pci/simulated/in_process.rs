//! The simulated function as a device of this process: no socket, no kernel, the same enforcement.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use sim::{Build, SimError};
use vfio_bindings::bindings::vfio;

use super::function::Function;
use crate::pci::{DmaMemory, Interrupt, PciDevice, PciError};

/// [`PciDevice`] by direct calls. Its clock runs in [`PciDevice::relax`] and in register accesses.
pub struct InProcess {
    function: Function,
}

impl InProcess {
    /// A function after reset; with a path, its waveform is written there.
    ///
    /// # Errors
    /// As [`Function::new`].
    pub fn new(build: Build, lanes: usize, trace: Option<&Path>) -> Result<Self, SimError> {
        Ok(Self { function: Function::new(build, lanes, trace)? })
    }

    pub fn function(&self) -> &Function {
        &self.function
    }
}

fn refused(operation: &'static str) -> impl Fn(Errno) -> PciError {
    move |errno| PciError::Refused { operation, source: errno.into() }
}

fn cloned(operation: &'static str, fd: BorrowedFd) -> Result<std::os::fd::OwnedFd, PciError> {
    fd.try_clone_to_owned().map_err(|source| PciError::Refused { operation, source })
}

impl PciDevice for InProcess {
    fn name(&self) -> String {
        "gateware under Verilator, PCIe side, in this process".into()
    }

    fn read32(&mut self, offset: u64) -> Result<u32, PciError> {
        let mut data = [0; 4];
        let region = vfio::VFIO_PCI_BAR0_REGION_INDEX;
        self.function.read(region, offset, &mut data).map_err(refused("register read"))?;
        Ok(u32::from_le_bytes(data))
    }

    fn write32(&mut self, offset: u64, value: u32) -> Result<(), PciError> {
        let region = vfio::VFIO_PCI_BAR0_REGION_INDEX;
        self.function.write(region, offset, &value.to_le_bytes()).map_err(refused("register write"))
    }

    fn config_read(&mut self, offset: u16, data: &mut [u8]) -> Result<(), PciError> {
        let region = vfio::VFIO_PCI_CONFIG_REGION_INDEX;
        self.function.read(region, offset.into(), data).map_err(refused("config read"))
    }

    fn config_write(&mut self, offset: u16, data: &[u8]) -> Result<(), PciError> {
        let region = vfio::VFIO_PCI_CONFIG_REGION_INDEX;
        self.function.write(region, offset.into(), data).map_err(refused("config write"))
    }

    fn dma_map(&mut self, memory: &DmaMemory, iova: u64) -> Result<(), PciError> {
        const OPERATION: &str = "DMA map";
        let fd = cloned(OPERATION, memory.file())?;
        let bytes = memory.bytes() as u64;
        self.function.dma.map(iova, bytes, (true, true), Some((fd, 0))).map_err(refused(OPERATION))
    }

    fn dma_unmap(&mut self, iova: u64, bytes: usize) -> Result<(), PciError> {
        self.function.dma.unmap(iova, bytes as u64).map_err(refused("DMA unmap"))
    }

    fn enable_interrupt(&mut self) -> Result<Interrupt, PciError> {
        let interrupt = Interrupt::new()?;
        let fd = cloned("interrupt enable", interrupt.fd().as_fd())?;
        self.function.set_interrupt(Some(fd));
        Ok(interrupt)
    }

    fn disable_interrupt(&mut self) -> Result<(), PciError> {
        self.function.set_interrupt(None);
        Ok(())
    }

    fn reset(&mut self) -> Result<(), PciError> {
        self.function.reset();
        Ok(())
    }

    fn relax(&mut self) {
        self.function.step();
    }

    fn wait(&mut self, interrupt: &mut Interrupt, timeout: Duration) -> bool {
        let end = Instant::now() + timeout;
        while !interrupt.wait(Duration::ZERO) {
            if Instant::now() > end {
                return false;
            }
            self.function.step();
        }
        true
    }

    fn clocks(&self) -> u64 {
        self.function.clocks()
    }
}
