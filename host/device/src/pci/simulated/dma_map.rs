//! Which bus addresses the function may reach, and where they lie.
//!
//! Memory is read and written through its file and never mapped here: a client that cuts its file short gets an error on its bus, and the
//! server no signal that would end it.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

use rustix::fs::{FileType, fstat};
use rustix::io::Errno;
use sim::pcie::HostMemory;

use crate::pci::memory::PAGE_BYTES;

/// Areas that may be mapped at a time.
pub const MAPS_MAX: usize = 1 << 16;

#[derive(Debug)]
struct Area {
    bytes: u64,
    /// None for what is there and not memory, as a ROM of a virtual machine.
    file: Option<File>,
    offset: u64,
    is_readable: bool,
    is_writable: bool,
}

/// The areas, and whether the function may use them at all.
#[derive(Debug, Default)]
pub struct DmaMap {
    /// By bus address; no two overlap.
    areas: BTreeMap<u64, Area>,
    pub bus_master: bool,
    /// Transfers that the bus answered with an error.
    pub refused: u64,
}

impl DmaMap {
    /// # Errors
    /// The errno of what is wrong with it; nothing is mapped then.
    pub fn map(
        &mut self,
        address: u64,
        bytes: u64,
        (is_readable, is_writable): (bool, bool),
        memory: Option<(OwnedFd, u64)>,
    ) -> Result<(), Errno> {
        let end = address.checked_add(bytes).ok_or(Errno::INVAL)?;
        let is_pages = [address, bytes].iter().all(|number| number.is_multiple_of(PAGE_BYTES as u64));
        if bytes == 0 || !is_pages {
            return Err(Errno::INVAL);
        }
        if self.areas.len() >= MAPS_MAX {
            return Err(Errno::NOSPC);
        }
        let before = self.areas.range(..end).next_back();
        if before.is_some_and(|(start, area)| start + area.bytes > address) {
            return Err(Errno::EXIST);
        }
        let (file, offset) = match memory {
            Some((fd, offset)) => (Some(file(fd, offset, bytes, is_writable)?), offset),
            None => (None, 0),
        };
        self.areas.insert(address, Area { bytes, file, offset, is_readable, is_writable });
        Ok(())
    }

    /// Takes out every area within; as with the kernel, none is no error.
    ///
    /// # Errors
    /// [`Errno::INVAL`] if an area lies partly within: nothing is taken out then.
    pub fn unmap(&mut self, address: u64, bytes: u64) -> Result<(), Errno> {
        // A range may go up to the last address there is.
        let last = bytes.checked_sub(1).and_then(|more| address.checked_add(more)).ok_or(Errno::INVAL)?;
        let last_of = |(start, area): (&u64, &Area)| start + (area.bytes - 1);
        let is_cut = self.areas.range(..address).next_back().is_some_and(|area| last_of(area) >= address)
            || self.areas.range(..=last).next_back().is_some_and(|area| last_of(area) > last);
        if is_cut {
            return Err(Errno::INVAL);
        }
        let within: Vec<u64> = self.areas.range(address..=last).map(|(&start, _)| start).collect();
        for start in within {
            self.areas.remove(&start);
        }
        Ok(())
    }

    pub fn clear(&mut self) {
        self.areas.clear();
    }

    /// File and place of the bytes, if one area holds them all and allows it.
    fn find(&self, address: u64, bytes: usize, is_write: bool) -> Option<(&File, u64)> {
        if !self.bus_master {
            return None;
        }
        let (start, area) = self.areas.range(..=address).next_back()?;
        let at = address - start;
        let is_inside = at.checked_add(bytes as u64)? <= area.bytes;
        let is_allowed = if is_write { area.is_writable } else { area.is_readable };
        if is_inside && is_allowed { Some((area.file.as_ref()?, area.offset + at)) } else { None }
    }
}

impl HostMemory for DmaMap {
    fn read(&mut self, address: u64, data: &mut [u8]) -> bool {
        let found = self.find(address, data.len(), false);
        let done = found.is_some_and(|(file, at)| file.read_exact_at(data, at).is_ok());
        self.refused += u64::from(!done);
        done
    }

    fn write(&mut self, address: u64, data: &[u8]) -> bool {
        let found = self.find(address, data.len(), true);
        let done = found.is_some_and(|(file, at)| file.write_all_at(data, at).is_ok());
        self.refused += u64::from(!done);
        done
    }
}

/// The file, if it is one whose bytes can be read and written in place, and long enough. Huge pages cannot be.
fn file(fd: OwnedFd, offset: u64, bytes: u64, is_writable: bool) -> Result<File, Errno> {
    let stat = fstat(&fd)?;
    let end = offset.checked_add(bytes).ok_or(Errno::INVAL)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile || (stat.st_size as u64) < end {
        return Err(Errno::INVAL);
    }
    rustix::io::pread(&fd, &mut [0u8; 0][..], 0)?;
    if is_writable {
        rustix::io::pwrite(&fd, &[], 0)?;
    }
    Ok(fd.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pci::DmaMemory;

    const BASE: u64 = 0x7_0000_0000;

    fn map(map: &mut DmaMap, address: u64, memory: &DmaMemory, access: (bool, bool)) -> Result<(), Errno> {
        let fd = memory.file().try_clone_to_owned().unwrap();
        map.map(address, memory.bytes() as u64, access, Some((fd, 0)))
    }

    #[test]
    fn only_what_is_mapped_is_reached_and_only_as_a_bus_master() {
        let memory = DmaMemory::new(2 * PAGE_BYTES).unwrap();
        let mut dma = DmaMap::default();
        map(&mut dma, BASE, &memory, (true, true)).unwrap();
        assert!(!dma.write(BASE, &[1; 32]), "no bus master");
        dma.bus_master = true;
        assert!(dma.write(BASE + 32, &[7; 32]));
        let mut data = [0; 32];
        memory.read(32, &mut data);
        assert_eq!(data, [7; 32]);
        assert!(dma.read(BASE + 2 * PAGE_BYTES as u64 - 32, &mut data));
        for address in [BASE - 32, BASE - 1, BASE + 2 * PAGE_BYTES as u64 - 31, u64::MAX - 8, 0] {
            assert!(!dma.read(address, &mut data) && !dma.write(address, &data), "{address:#x}");
        }
        dma.unmap(BASE, memory.bytes() as u64).unwrap();
        assert!(!dma.read(BASE, &mut data));
        assert_eq!(dma.refused, 1 + 2 * 5 + 1);
    }

    #[test]
    fn maps_that_make_no_sense_are_refused_and_nothing_is_mapped() {
        let memory = DmaMemory::new(2 * PAGE_BYTES).unwrap();
        let mut dma = DmaMap { bus_master: true, ..DmaMap::default() };
        let page = PAGE_BYTES as u64;
        let fd = || memory.file().try_clone_to_owned().unwrap();
        let both = (true, true);
        for (address, bytes, offset) in [
            (BASE, 0, 0),
            (BASE + 1, page, 0),
            (BASE, page - 1, 0),
            (u64::MAX - page + 1, 2 * page, 0),
            (BASE, 3 * page, 0),
            (BASE, page, 2 * page),
            (BASE, page, u64::MAX),
        ] {
            let found = dma.map(address, bytes, both, Some((fd(), offset)));
            assert_eq!(found, Err(Errno::INVAL), "{address:#x}, {bytes}, {offset}");
        }
        let (pipe, _end) = std::io::pipe().unwrap();
        assert_eq!(dma.map(BASE, page, both, Some((pipe.into(), 0))), Err(Errno::INVAL));
        assert!(!dma.read(BASE, &mut [0; 32]));
        map(&mut dma, BASE, &memory, both).unwrap();
        for address in [BASE - page, BASE, BASE + page] {
            assert_eq!(map(&mut dma, address, &memory, both), Err(Errno::EXIST), "{address:#x}");
        }
        for (address, bytes) in [(BASE, page), (BASE + page, page), (BASE - page, 2 * page), (u64::MAX, 2)] {
            assert_eq!(dma.unmap(address, bytes), Err(Errno::INVAL), "{address:#x}, {bytes}");
        }
        assert!(dma.read(BASE, &mut [0; 32]), "it still stands");
        dma.unmap(BASE + 2 * page, page).unwrap();
        dma.unmap(1 << 63, 1 << 63).unwrap();
        assert_eq!(dma.unmap(BASE, 0), Err(Errno::INVAL));
        assert!(dma.read(BASE, &mut [0; 32]), "it still stands");
        dma.unmap(BASE - page, 4 * page).unwrap();
        assert!(!dma.read(BASE, &mut [0; 32]));
    }

    #[test]
    fn a_rom_is_no_memory_and_read_only_is_not_written() {
        let memory = DmaMemory::new(PAGE_BYTES).unwrap();
        let mut dma = DmaMap { bus_master: true, ..DmaMap::default() };
        dma.map(BASE, PAGE_BYTES as u64, (true, false), None).unwrap();
        assert!(!dma.read(BASE, &mut [0; 32]));
        map(&mut dma, 0, &memory, (true, false)).unwrap();
        assert!(dma.read(0, &mut [0; 32]));
        assert!(!dma.write(0, &[0; 32]));
    }

    #[test]
    fn a_file_that_is_cut_is_an_error_on_the_bus() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(PAGE_BYTES as u64).unwrap();
        let mut dma = DmaMap { bus_master: true, ..DmaMap::default() };
        dma.map(BASE, PAGE_BYTES as u64, (true, true), Some((file.try_clone().unwrap().into(), 0))).unwrap();
        assert!(dma.read(BASE, &mut [0; 32]));
        file.set_len(0).unwrap();
        assert!(!dma.read(BASE, &mut [0; 32]));
    }
}
