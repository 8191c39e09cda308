//! PCI functions as the driver sees them: registers, memory that the function may reach, an interrupt, a reset.
//!
//! What stands behind [`PciDevice`] is of no matter to the driver: a card through the kernel's VFIO ([`kernel::KernelVfio`]), a server at a
//! socket ([`vfio_user::UserVfio`]), the Verilated gateware in this process (`simulated::InProcess`, feature `sim`).

pub mod error;
pub mod fault;
pub mod kernel;
pub mod memory;
#[cfg(feature = "sim")]
pub mod simulated;
pub mod vfio_user;

use std::time::Duration;

pub use error::PciError;
pub use memory::{DmaMemory, Interrupt};

/// Offset of the command register in configuration space.
pub const CONFIG_COMMAND: u16 = 0x04;
/// The function may read and write memory by itself; without it no interrupt message leaves it either.
pub const COMMAND_BUS_MASTER: u16 = 1 << 2;

/// One PCI function with one memory BAR of 32-bit registers, one interrupt vector, and DMA.
///
/// Every call is bounded in time. After an error of which [`PciError::is_loss`] is true nothing that the function says is trusted any more.
pub trait PciDevice {
    /// What it is and where, for people.
    fn name(&self) -> String;

    /// A register of BAR 0; all ones if the function is gone. `offset` in bytes, a multiple of 4.
    ///
    /// # Errors
    /// [`PciError`]; a read that the function refuses is one.
    fn read32(&mut self, offset: u64) -> Result<u32, PciError>;

    /// As [`PciDevice::read32`]. The write may be posted: that it is refused is seen in the function's counters, and here only if the way
    /// there says so.
    ///
    /// # Errors
    /// [`PciError`].
    fn write32(&mut self, offset: u64, value: u32) -> Result<(), PciError>;

    /// Fills `data` from configuration space.
    ///
    /// # Errors
    /// [`PciError`].
    fn config_read(&mut self, offset: u16, data: &mut [u8]) -> Result<(), PciError>;

    /// # Errors
    /// [`PciError`].
    fn config_write(&mut self, offset: u16, data: &[u8]) -> Result<(), PciError>;

    /// Memory that suits this way to the function, zeroed, at least `bytes` long.
    ///
    /// # Errors
    /// [`PciError`] if there is none.
    fn dma_alloc(&mut self, bytes: usize) -> Result<DmaMemory, PciError> {
        DmaMemory::new(bytes)
    }

    /// The function may read and write all of `memory` from bus address `iova` on, until it is unmapped. The caller keeps the memory.
    ///
    /// # Errors
    /// [`PciError`]; nothing is mapped then.
    fn dma_map(&mut self, memory: &DmaMemory, iova: u64) -> Result<(), PciError>;

    /// Ends what [`PciDevice::dma_map`] of the same address and length began; a later access of the function fails on the bus.
    ///
    /// # Errors
    /// [`PciError`].
    fn dma_unmap(&mut self, iova: u64, bytes: usize) -> Result<(), PciError>;

    /// Vector 0 from now on signals the returned interrupt.
    ///
    /// # Errors
    /// [`PciError`].
    fn enable_interrupt(&mut self) -> Result<Interrupt, PciError>;

    /// # Errors
    /// [`PciError`].
    fn disable_interrupt(&mut self) -> Result<(), PciError>;

    /// Function-level reset: registers, rings and indices are as after power-up, and so is the command register. After a loss what was mapped may
    /// be gone.
    ///
    /// # Errors
    /// [`PciError`]; also if the function cannot be reset.
    fn reset(&mut self) -> Result<(), PciError>;

    /// # Errors
    /// [`PciError`]; also if the bit does not stay set.
    fn enable_bus_master(&mut self) -> Result<(), PciError> {
        let mut command = [0; 2];
        self.config_read(CONFIG_COMMAND, &mut command)?;
        let wanted = u16::from_le_bytes(command) | COMMAND_BUS_MASTER;
        self.config_write(CONFIG_COMMAND, &wanted.to_le_bytes())?;
        self.config_read(CONFIG_COMMAND, &mut command)?;
        if u16::from_le_bytes(command) & COMMAND_BUS_MASTER == 0 {
            return Err(PciError::BusMaster);
        }
        Ok(())
    }

    /// The driver looked and found nothing: a pause of the processor. What has no time of its own goes on in here.
    fn relax(&mut self) {
        std::hint::spin_loop();
    }

    /// True if `interrupt` was signalled since the last wait, or is within `timeout`.
    fn wait(&mut self, interrupt: &mut Interrupt, timeout: Duration) -> bool {
        interrupt.wait(timeout)
    }

    /// Simulated clocks since it was made; 0 for a function that does not say.
    fn clocks(&self) -> u64 {
        0
    }
}

/// A function behind a pointer is a function.
macro_rules! forward {
    ($pointer:ty) => {
        impl<P: PciDevice + ?Sized> PciDevice for $pointer {
            fn name(&self) -> String {
                (**self).name()
            }

            fn read32(&mut self, offset: u64) -> Result<u32, PciError> {
                (**self).read32(offset)
            }

            fn write32(&mut self, offset: u64, value: u32) -> Result<(), PciError> {
                (**self).write32(offset, value)
            }

            fn config_read(&mut self, offset: u16, data: &mut [u8]) -> Result<(), PciError> {
                (**self).config_read(offset, data)
            }

            fn config_write(&mut self, offset: u16, data: &[u8]) -> Result<(), PciError> {
                (**self).config_write(offset, data)
            }

            fn dma_alloc(&mut self, bytes: usize) -> Result<DmaMemory, PciError> {
                (**self).dma_alloc(bytes)
            }

            fn dma_map(&mut self, memory: &DmaMemory, iova: u64) -> Result<(), PciError> {
                (**self).dma_map(memory, iova)
            }

            fn dma_unmap(&mut self, iova: u64, bytes: usize) -> Result<(), PciError> {
                (**self).dma_unmap(iova, bytes)
            }

            fn enable_interrupt(&mut self) -> Result<Interrupt, PciError> {
                (**self).enable_interrupt()
            }

            fn disable_interrupt(&mut self) -> Result<(), PciError> {
                (**self).disable_interrupt()
            }

            fn reset(&mut self) -> Result<(), PciError> {
                (**self).reset()
            }

            fn enable_bus_master(&mut self) -> Result<(), PciError> {
                (**self).enable_bus_master()
            }

            fn relax(&mut self) {
                (**self).relax();
            }

            fn wait(&mut self, interrupt: &mut Interrupt, timeout: Duration) -> bool {
                (**self).wait(interrupt, timeout)
            }

            fn clocks(&self) -> u64 {
                (**self).clocks()
            }
        }
    };
}

forward!(Box<P>);
forward!(&mut P);
