//! A PCI function through the kernel's VFIO: a card in its slot, or what a virtual machine shows its guest as one.
//!
//! The function must be bound to `vfio-pci`, alone in its IOMMU group or with others that are too; what is missing to that is said with
//! its remedy before anything is opened. Closing it ends its DMA and its interrupt: the kernel sees to that, also if the process dies.
#![allow(
    unsafe_code,
    reason = "registers are mapped memory, and some requests to the kernel have no safe form"
)]

mod setup;

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

use rustix::io::Errno;
use rustix::ioctl::{NoArg, Opcode, Setter, ioctl, opcode};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use vfio_bindings::bindings::vfio::{
    VFIO_BASE, VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_IRQ_SET_DATA_EVENTFD, VFIO_IRQ_SET_DATA_NONE,
    VFIO_PCI_BAR0_REGION_INDEX, VFIO_PCI_CONFIG_REGION_INDEX, VFIO_PCI_MSI_IRQ_INDEX,
    VFIO_PCI_MSIX_IRQ_INDEX, VFIO_REGION_INFO_FLAG_MMAP, VFIO_TYPE, vfio_irq_set,
};
use vfio_ioctls::{VfioContainer, VfioDevice, VfioError, VfioRegionInfoCap};

use super::memory::{DmaMemory, HUGE_PAGE_BYTES, Interrupt};
use super::{COMMAND_BUS_MASTER, CONFIG_COMMAND, PciDevice, PciError};

// The wrappers of these two in `vfio_ioctls` keep the kernel's answer to themselves.
const SET_IRQS: Opcode = opcode::none(VFIO_TYPE, (VFIO_BASE + 10) as u8);
const RESET: Opcode = opcode::none(VFIO_TYPE, (VFIO_BASE + 11) as u8);

/// The function answers accesses to its memory BARs.
const COMMAND_MEMORY: u16 = 1 << 1;

/// An opened function. Nobody else can open it, or any other of its IOMMU group, until this is dropped.
pub struct KernelVfio {
    // Dropped first to last: the mappings are of the device's file.
    windows: Vec<Window>,
    device: VfioDevice,
    container: Arc<VfioContainer>,
    name: String,
    address: String,
    registers: Region,
    configuration: Region,
    /// Kind of the enabled interrupt.
    interrupt: Option<u32>,
}

/// Part of the device's file.
#[derive(Clone, Copy)]
struct Region {
    offset: u64,
    bytes: u64,
}

impl KernelVfio {
    /// Opens the function at `address`, as `0000:01:00.0` or `01:00.0`. It may neither reach memory nor interrupt yet.
    ///
    /// # Errors
    /// [`PciError::Setup`] for what the server's administrator can mend; [`PciError::Gone`] if the function does not answer; else
    /// [`PciError::Refused`].
    pub fn open(address: &str) -> Result<Self, PciError> {
        let place = setup::check(Path::new("/"), address)?;
        let refused = |error| open_refused(error, &place);
        let container = Arc::new(VfioContainer::new(None).map_err(refused)?);
        let device = VfioDevice::new(&place.device, container.clone(), false).map_err(refused)?;
        let region =
            |index| Region { offset: device.get_region_offset(index), bytes: device.get_region_size(index) };
        let mut function = Self {
            registers: region(VFIO_PCI_BAR0_REGION_INDEX),
            configuration: region(VFIO_PCI_CONFIG_REGION_INDEX),
            windows: Vec::new(),
            device,
            container,
            name: String::new(),
            address: place.address,
            interrupt: None,
        };
        function.silence("opening the function")?;
        let mut identity = [0; 4];
        function.config_read(0, &mut identity)?;
        let [vendor, device] =
            [[identity[0], identity[1]], [identity[2], identity[3]]].map(u16::from_le_bytes);
        function.name = format!("PCI function {} ({vendor:04x}:{device:04x})", function.address);
        function.windows = function.map_registers();
        Ok(function)
    }

    /// Bytes of BAR 0 whose registers are reached without a call of the kernel.
    pub fn mapped_bytes(&self) -> usize {
        self.windows.iter().map(|window| window.bytes).sum()
    }

    /// What of BAR 0 the kernel lets a process map, mapped; registers outside are read and written through the kernel.
    fn map_registers(&self) -> Vec<Window> {
        if self.device.get_region_flags(VFIO_PCI_BAR0_REGION_INDEX) & VFIO_REGION_INFO_FLAG_MMAP == 0 {
            return Vec::new();
        }
        let sparse = self.device.get_region_caps(VFIO_PCI_BAR0_REGION_INDEX).into_iter().find_map(|cap| {
            let VfioRegionInfoCap::SparseMmap(sparse) = cap else { return None };
            Some(sparse.areas.iter().map(|area| (area.offset, area.size)).collect())
        });
        let areas: Vec<(u64, u64)> = sparse.unwrap_or_else(|| vec![(0, self.registers.bytes)]);
        let is_inside = |&(offset, bytes): &(u64, u64)| {
            bytes > 0 && offset.checked_add(bytes).is_some_and(|end| end <= self.registers.bytes)
        };
        // What cannot be mapped is trapped: slower, and as good.
        areas
            .into_iter()
            .filter(is_inside)
            .filter_map(|(offset, bytes)| Window::new(self.file(), self.registers.offset, offset, bytes).ok())
            .collect()
    }

    fn file(&self) -> BorrowedFd<'_> {
        // SAFETY: the device owns its file and is borrowed as long.
        unsafe { BorrowedFd::borrow_raw(self.device.as_raw_fd()) }
    }

    /// The register's place in a mapping; none if it is to be trapped.
    fn word(&self, operation: &'static str, offset: u64) -> Result<Option<NonNull<u32>>, PciError> {
        let is_register = offset.is_multiple_of(4) && offset < self.registers.bytes;
        if !is_register {
            let bytes = self.registers.bytes;
            let found = format!("{offset:#x} is no 32-bit register of a BAR 0 of {bytes} bytes");
            let source = io::Error::new(io::ErrorKind::InvalidInput, found);
            return Err(PciError::Refused { operation, source });
        }
        Ok(self.windows.iter().find_map(|window| window.word(offset)))
    }

    /// Registers answer, memory is out of reach: what a function is like after power-up and the kernel's setting up of its BARs. The
    /// kernel leaves it so when it opens a function, but restores the old command after a reset.
    fn silence(&mut self, operation: &'static str) -> Result<(), PciError> {
        let mut command = [0; 2];
        self.config_read(CONFIG_COMMAND, &mut command)?;
        let found = u16::from_le_bytes(command);
        if found == u16::MAX {
            return Err(PciError::Gone { operation, cause: "its configuration reads all ones".into() });
        }
        let wanted = (found | COMMAND_MEMORY) & !COMMAND_BUS_MASTER;
        if found != wanted {
            self.config_write(CONFIG_COMMAND, &wanted.to_le_bytes())?;
        }
        Ok(())
    }

    /// MSI-X if it has that, else MSI.
    fn interrupt_kind(&self) -> Option<u32> {
        let has = |kind: &u32| self.device.get_irq_info(*kind).is_some_and(|irq| irq.count > 0);
        [VFIO_PCI_MSIX_IRQ_INDEX, VFIO_PCI_MSI_IRQ_INDEX].into_iter().find(has)
    }

    fn set_interrupt(
        &self,
        operation: &'static str,
        kind: u32,
        signalled: Option<RawFd>,
    ) -> Result<(), PciError> {
        let data = if signalled.is_some() { VFIO_IRQ_SET_DATA_EVENTFD } else { VFIO_IRQ_SET_DATA_NONE };
        let vectors = u32::from(signalled.is_some());
        let request = SetIrqs {
            header: vfio_irq_set {
                argsz: size_of::<SetIrqs>() as u32,
                flags: data | VFIO_IRQ_SET_ACTION_TRIGGER,
                index: kind,
                start: 0,
                count: vectors,
                ..Default::default()
            },
            eventfd: signalled.unwrap_or(-1),
        };
        // SAFETY: the request is one of this structure, as long as its first field says.
        let done = unsafe { ioctl(self.file(), Setter::<SET_IRQS, SetIrqs>::new(request)) };
        done.map_err(|errno| failed(operation, errno))
    }
}

impl PciDevice for KernelVfio {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn read32(&mut self, offset: u64) -> Result<u32, PciError> {
        const OPERATION: &str = "reading a register";
        if let Some(word) = self.word(OPERATION, offset)? {
            // SAFETY: aligned and inside a mapping that lives as long as `self`.
            return Ok(u32::from_le(unsafe { word.read_volatile() }));
        }
        let mut data = [0; 4];
        self.registers.read(self.file(), OPERATION, offset, &mut data)?;
        Ok(u32::from_le_bytes(data))
    }

    fn write32(&mut self, offset: u64, value: u32) -> Result<(), PciError> {
        const OPERATION: &str = "writing a register";
        if let Some(word) = self.word(OPERATION, offset)? {
            // SAFETY: as above.
            unsafe { word.write_volatile(value.to_le()) };
            return Ok(());
        }
        self.registers.write(self.file(), OPERATION, offset, &value.to_le_bytes())
    }

    fn config_read(&mut self, offset: u16, data: &mut [u8]) -> Result<(), PciError> {
        self.configuration.read(self.file(), "reading configuration space", offset.into(), data)
    }

    /// Who switches memory decoding off here may not touch a register until it is on again: mapped registers would end the process.
    fn config_write(&mut self, offset: u16, data: &[u8]) -> Result<(), PciError> {
        self.configuration.write(self.file(), "writing configuration space", offset.into(), data)
    }

    /// In huge pages if it fills one and the server has set enough of them aside.
    fn dma_alloc(&mut self, bytes: usize) -> Result<DmaMemory, PciError> {
        let huge = if bytes >= HUGE_PAGE_BYTES { DmaMemory::huge(bytes) } else { None };
        huge.map_or_else(|| DmaMemory::new(bytes), Ok)
    }

    fn dma_map(&mut self, memory: &DmaMemory, iova: u64) -> Result<(), PciError> {
        // SAFETY: no reference into the memory is ever given out, and the kernel keeps its pages until they are unmapped here, even if
        // the memory is dropped before.
        let done = unsafe { self.container.vfio_dma_map(iova, memory.bytes(), memory.address().as_ptr()) };
        done.map_err(|error| match error {
            VfioError::IommuDmaMap(errno) => {
                setup::map_refused(errno.errno(), memory.bytes(), setup::memory_lock_limit())
            }
            other => refused("mapping memory for DMA", io::Error::other(other)),
        })
    }

    fn dma_unmap(&mut self, iova: u64, bytes: usize) -> Result<(), PciError> {
        const OPERATION: &str = "unmapping memory of DMA";
        // The kernel says how much it unmapped, and is content with none.
        self.container.vfio_dma_unmap(iova, bytes).map_err(|error| match error {
            VfioError::IommuDmaUnmap(errno) => {
                refused(OPERATION, io::Error::from_raw_os_error(errno.errno()))
            }
            VfioError::InvalidDmaUnmapSize => {
                let found = format!("no map of {bytes} bytes at {iova:#x}");
                refused(OPERATION, io::Error::new(io::ErrorKind::NotFound, found))
            }
            other => refused(OPERATION, io::Error::other(other)),
        })
    }

    fn enable_interrupt(&mut self) -> Result<Interrupt, PciError> {
        const OPERATION: &str = "enabling the interrupt";
        let Some(kind) = self.interrupt_kind() else {
            let lacks = "the function has neither MSI-X nor MSI";
            return Err(refused(OPERATION, io::Error::new(io::ErrorKind::Unsupported, lacks)));
        };
        let interrupt = Interrupt::new()?;
        self.set_interrupt(OPERATION, kind, Some(interrupt.fd().as_raw_fd()))?;
        self.interrupt = Some(kind);
        Ok(interrupt)
    }

    fn disable_interrupt(&mut self) -> Result<(), PciError> {
        if let Some(kind) = self.interrupt {
            self.set_interrupt("disabling the interrupt", kind, None)?;
            self.interrupt = None;
        }
        Ok(())
    }

    /// The kernel sets up BARs and an enabled interrupt again as they were; what was mapped for DMA stays mapped. It takes the first of the
    /// function's ways in `/sys/bus/pci/devices/ADDRESS/reset_method`; `pm` may leave the registers as they are.
    fn reset(&mut self) -> Result<(), PciError> {
        const OPERATION: &str = "resetting the function";
        // SAFETY: the request has no argument.
        let done = unsafe { ioctl(self.file(), NoArg::<RESET>::new()) };
        match done {
            Ok(()) => self.silence(OPERATION),
            // So the kernel answers where it found no way when it opened the function.
            Err(Errno::INVAL) => Err(setup::no_reset(&self.address)),
            Err(Errno::NOTTY) => {
                Err(PciError::Gone { operation: OPERATION, cause: "it did not come back".into() })
            }
            Err(errno) => Err(failed(OPERATION, errno)),
        }
    }
}

impl Region {
    fn read(
        self,
        file: BorrowedFd<'_>,
        operation: &'static str,
        offset: u64,
        data: &mut [u8],
    ) -> Result<(), PciError> {
        let bytes = data.len();
        let at = self.at(operation, offset, bytes)?;
        whole(operation, rustix::io::pread(file, data, at), bytes)
    }

    fn write(
        self,
        file: BorrowedFd<'_>,
        operation: &'static str,
        offset: u64,
        data: &[u8],
    ) -> Result<(), PciError> {
        let at = self.at(operation, offset, data.len())?;
        whole(operation, rustix::io::pwrite(file, data, at), data.len())
    }

    /// Where in the device's file `bytes` at `offset` of the region are.
    fn at(self, operation: &'static str, offset: u64, bytes: usize) -> Result<u64, PciError> {
        let is_inside = offset.checked_add(bytes as u64).is_some_and(|end| end <= self.bytes);
        if !is_inside {
            let found = format!("{bytes} bytes at {offset:#x} of a region of {}", self.bytes);
            return Err(refused(operation, io::Error::new(io::ErrorKind::InvalidInput, found)));
        }
        Ok(self.offset + offset)
    }
}

/// A request to signal vector 0 by an event counter.
#[repr(C)]
struct SetIrqs {
    header: vfio_irq_set,
    eventfd: RawFd,
}

/// Registers mapped into the process: an access is a bus access and nothing else.
struct Window {
    start: NonNull<u8>,
    /// In BAR 0.
    offset: u64,
    bytes: usize,
}

// SAFETY: the mapping belongs to the value; registers may be accessed from any thread.
unsafe impl Send for Window {}

impl Window {
    fn new(file: BorrowedFd<'_>, region: u64, offset: u64, bytes: u64) -> io::Result<Self> {
        let length = usize::try_from(bytes).map_err(io::Error::other)?;
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping, the kernel chooses where.
        let start = unsafe {
            mmap(std::ptr::null_mut(), length, protection, MapFlags::SHARED, file, region + offset)?
        };
        let start = NonNull::new(start.cast()).expect("a mapping is nowhere but at an address");
        Ok(Self { start, offset, bytes: length })
    }

    /// The word at `offset` of BAR 0, a multiple of 4, if all of it is mapped here.
    fn word(&self, offset: u64) -> Option<NonNull<u32>> {
        let inside = usize::try_from(offset.checked_sub(self.offset)?).ok()?;
        let is_mapped = inside.checked_add(4)? <= self.bytes;
        // SAFETY: inside the mapping. It starts at a page and at a multiple of 4 in the BAR, so that the word is aligned.
        is_mapped.then(|| unsafe { self.start.add(inside) }.cast())
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's, and nobody refers into it.
        let done = unsafe { munmap(self.start.as_ptr().cast(), self.bytes) };
        debug_assert!(done.is_ok(), "a whole mapping can be unmapped");
    }
}

fn refused(operation: &'static str, source: io::Error) -> PciError {
    PciError::Refused { operation, source }
}

/// A request that the kernel did not fulfil: that the function is gone is told apart.
fn failed(operation: &'static str, errno: Errno) -> PciError {
    match errno {
        Errno::NODEV | Errno::NXIO | Errno::IO => PciError::Gone { operation, cause: errno.to_string() },
        _ => refused(operation, errno.into()),
    }
}

fn whole(operation: &'static str, moved: rustix::io::Result<usize>, bytes: usize) -> Result<(), PciError> {
    match moved {
        Ok(moved) if moved == bytes => Ok(()),
        Ok(moved) => Err(PciError::Protocol { operation, found: format!("{moved} of {bytes} bytes") }),
        Err(errno) => Err(failed(operation, errno)),
    }
}

fn open_refused(error: VfioError, place: &setup::Place) -> PciError {
    match error {
        VfioError::OpenContainer(error) => setup::container_refused(error),
        VfioError::OpenGroup(error, _) => setup::group_refused(error, &place.group),
        VfioError::GroupViable => setup::group_shared(&place.group),
        VfioError::VfioExtension => setup::no_translation(),
        VfioError::ContainerSetIOMMU(errno) if errno.errno() == Errno::PERM.raw_os_error() => {
            setup::no_interrupt_remapping()
        }
        other => refused("opening the function", io::Error::other(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trapped_accesses_go_to_the_region_and_never_beyond_it() {
        // The second page of a file stands for a region.
        let memory = DmaMemory::new(0x2000).unwrap();
        let region = Region { offset: 0x1000, bytes: 0x100 };
        region.write(memory.file(), "writing", 0xfc, &[1, 2, 3, 4]).unwrap();
        assert_eq!(memory.load(0x10fc), 0x0403_0201);
        let mut data = [0; 2];
        region.read(memory.file(), "reading", 0xfe, &mut data).unwrap();
        assert_eq!(data, [3, 4]);
        for offset in [0xff, 0x100, u64::MAX] {
            let read = region.read(memory.file(), "reading", offset, &mut data).unwrap_err();
            let written = region.write(memory.file(), "writing", offset, &[9, 9]).unwrap_err();
            assert!(matches!(read, PciError::Refused { .. }) && !written.is_loss(), "{read} {written}");
        }
        assert_eq!(memory.load(0x1100), 0);
        // A file that ends inside its region is a function that answers by halves.
        let cut = Region { offset: 0x1ffe, bytes: 4 };
        assert!(cut.read(memory.file(), "reading", 0, &mut [0; 4]).unwrap_err().is_loss());
    }

    #[test]
    fn a_window_gives_the_words_that_are_mapped_whole() {
        // A BAR of 0x3000 bytes behind the first page of the file, of which the last page is mapped.
        let memory = DmaMemory::new(0x4000).unwrap();
        memory.write(0x3008, &0x1234_5678u32.to_le_bytes());
        let window = Window::new(memory.file(), 0x1000, 0x2000, 0x1000).unwrap();
        assert!(window.word(0x1ffc).is_none() && window.word(0x3000).is_none());
        let word = window.word(0x2008).unwrap();
        // SAFETY: mapped by `window`.
        assert_eq!(unsafe { word.read_volatile() }, 0x1234_5678);
        // SAFETY: as above.
        unsafe { window.word(0x2ffc).unwrap().write_volatile(7) };
        assert_eq!(memory.load(0x3ffc), 7);
    }

    #[test]
    fn a_thread_of_its_own_may_have_the_function() {
        fn is_send<T: Send>() {}
        is_send::<KernelVfio>();
    }

    #[test]
    fn half_an_access_is_a_loss_and_so_is_a_function_that_went() {
        whole("reading", Ok(4), 4).unwrap();
        for moved in [Ok(2), Err(Errno::NODEV), Err(Errno::IO)] {
            assert!(whole("reading", moved, 4).unwrap_err().is_loss(), "{moved:?}");
        }
        assert!(!whole("reading", Err(Errno::INVAL), 4).unwrap_err().is_loss());
    }
}
