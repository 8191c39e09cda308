//! Configuration space of the simulated function: a type 0 header, MSI-X of one vector, PCI Express with function-level reset.

use crate::pci::{COMMAND_BUS_MASTER, CONFIG_COMMAND};

pub const CONFIG_BYTES: usize = 256;

/// Of an unassigned vendor: a card has those of its PCIe core. The driver asks BAR 0 what it is.
const VENDOR: u16 = 0x1234;
const DEVICE: u16 = 0xb5b5;
/// Processing accelerator.
const CLASS: u8 = 0x12;

const COMMAND: usize = CONFIG_COMMAND as usize;
const COMMAND_MEMORY: u16 = 1 << 1;
const COMMAND_NO_INTX: u16 = 1 << 10;
const STATUS: usize = 0x06;
const STATUS_CAPABILITIES: u8 = 1 << 4;
const BAR0: usize = 0x10;
const BAR2: usize = 0x18;
const CAPABILITIES: usize = 0x34;

const MSIX: usize = 0x50;
const MSIX_ID: u8 = 0x11;
/// Of the pending bits in BAR 2; the table is at 0.
pub const PENDING_OFFSET: u64 = 0x800;

const EXPRESS: usize = 0x60;
const EXPRESS_ID: u8 = 0x10;
const EXPRESS_VERSION: u8 = 2;
const CAPABLE_OF_RESET: u32 = 1 << 28;
const ROLE_BASED_ERRORS: u32 = 1 << 15;
const DEVICE_CONTROL: usize = EXPRESS + 8;
const INITIATE_RESET: u16 = 1 << 15;
/// 8 lanes of 8 GT/s; nothing depends on it.
const LINK: u32 = 8 << 4 | 3;

pub struct ConfigSpace {
    bytes: [u8; CONFIG_BYTES],
    /// Bits that a write changes.
    writable: [u8; CONFIG_BYTES],
}

impl ConfigSpace {
    /// As after reset.
    pub fn new() -> Self {
        let mut space = Self { bytes: [0; CONFIG_BYTES], writable: [0; CONFIG_BYTES] };
        space.put(0x00, &VENDOR.to_le_bytes());
        space.put(0x02, &DEVICE.to_le_bytes());
        space.put(STATUS, &[STATUS_CAPABILITIES]);
        space.put(0x08, &[1, 0, 0, CLASS]);
        space.put(CAPABILITIES, &[MSIX as u8]);
        let pending = PENDING_OFFSET as u32 | 2;
        space.put(MSIX, &[MSIX_ID, EXPRESS as u8, 0, 0, 2, 0, 0, 0]);
        space.put(MSIX + 8, &pending.to_le_bytes());
        space.put(EXPRESS, &[EXPRESS_ID, 0, EXPRESS_VERSION, 0]);
        space.put(EXPRESS + 4, &(CAPABLE_OF_RESET | ROLE_BASED_ERRORS).to_le_bytes());
        space.put(EXPRESS + 12, &LINK.to_le_bytes());
        space.put(EXPRESS + 18, &LINK.to_le_bytes()[..2]);
        space.allow(COMMAND, &(COMMAND_MEMORY | COMMAND_BUS_MASTER | COMMAND_NO_INTX).to_le_bytes());
        for bar in [BAR0, BAR2] {
            space.allow(bar, &0xffff_f000u32.to_le_bytes());
        }
        space.allow(0x3c, &[0xff]); // interrupt line: nothing but a note of the firmware
        space.allow(MSIX + 2, &[0, 0xc0]);
        space.allow(DEVICE_CONTROL, &[0xff, 0x7f]);
        space
    }

    pub fn bus_master(&self) -> bool {
        u16::from_le_bytes([self.bytes[COMMAND], self.bytes[COMMAND + 1]]) & COMMAND_BUS_MASTER != 0
    }

    /// False if it is not in the space; nothing is read then.
    #[must_use]
    pub fn read(&self, offset: u64, data: &mut [u8]) -> bool {
        let Some(found) = range(offset, data.len()).and_then(|range| self.bytes.get(range)) else {
            return false;
        };
        data.copy_from_slice(found);
        true
    }

    /// What a write did.
    pub fn write(&mut self, offset: u64, data: &[u8]) -> Written {
        let Some(range) = range(offset, data.len()).filter(|range| range.end <= CONFIG_BYTES) else {
            return Written::Outside;
        };
        let asks_for_reset = range
            .clone()
            .zip(data)
            .any(|(at, byte)| at == DEVICE_CONTROL + 1 && byte & (INITIATE_RESET >> 8) as u8 != 0);
        if asks_for_reset {
            return Written::Reset;
        }
        for (at, byte) in range.zip(data) {
            let writable = self.writable[at];
            self.bytes[at] = self.bytes[at] & !writable | byte & writable;
        }
        Written::Done
    }

    fn put(&mut self, offset: usize, bytes: &[u8]) {
        self.bytes[offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    fn allow(&mut self, offset: usize, mask: &[u8]) {
        self.writable[offset..offset + mask.len()].copy_from_slice(mask);
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Written {
    Done,
    /// It asked for a function-level reset, which is the caller's to do.
    Reset,
    Outside,
}

fn range(offset: u64, bytes: usize) -> Option<std::ops::Range<usize>> {
    let start = usize::try_from(offset).ok()?;
    Some(start..start.checked_add(bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(space: &ConfigSpace, offset: u64) -> u32 {
        let mut data = [0; 4];
        assert!(space.read(offset, &mut data));
        u32::from_le_bytes(data)
    }

    #[test]
    fn the_capabilities_are_a_list_that_ends() {
        let space = ConfigSpace::new();
        assert_ne!(read(&space, 4) >> 16 & 0x10, 0, "there is a list");
        let mut at = u64::from(read(&space, 0x34) & 0xff);
        let mut found = Vec::new();
        while at != 0 {
            let head = read(&space, at);
            found.push(head as u8);
            at = u64::from(head >> 8 & 0xff);
        }
        assert_eq!(found, [MSIX_ID, EXPRESS_ID]);
    }

    #[test]
    fn only_what_is_writable_is_written() {
        let mut space = ConfigSpace::new();
        for offset in (0..CONFIG_BYTES as u64).step_by(4).filter(|&offset| offset != DEVICE_CONTROL as u64) {
            assert_eq!(space.write(offset, &[0xff; 4]), Written::Done);
        }
        assert_eq!(read(&space, 0), u32::from(DEVICE) << 16 | u32::from(VENDOR));
        assert_eq!(read(&space, 0x10), 0xffff_f000, "a BAR of 4 KiB");
        assert_eq!(read(&space, 0x14), 0, "no BAR");
        assert_eq!(read(&space, 4) & 0xffff, 0x406);
        assert!(space.bus_master());
    }

    #[test]
    fn a_reset_is_asked_for_by_its_bit_alone() {
        let mut space = ConfigSpace::new();
        let at = DEVICE_CONTROL as u64;
        assert_eq!(space.write(at, &[0xff, 0x7f]), Written::Done);
        assert_eq!(space.write(at, &0x8000u16.to_le_bytes()), Written::Reset);
        assert_eq!(space.write(at + 1, &[0x80]), Written::Reset);
        assert_eq!(space.write(254, &[0; 4]), Written::Outside);
        assert_eq!(space.write(u64::MAX, &[0; 4]), Written::Outside);
        assert!(!space.read(253, &mut [0; 4]));
    }
}
