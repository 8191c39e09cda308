//! The memory that host and function share: the index record and both rings, one map.

use model::record::Record;
use model::register::{self, Register};

use crate::pci::memory::PAGE_BYTES;
use crate::pci::{DmaMemory, PciDevice, PciError};

const RECORD_BYTES: usize = 32;

/// Where the function finds it. Above 4 GiB, so that an address that is cut short shows; a multiple of a huge page; within 39 bits, the
/// narrowest IOMMU.
const BUS_ADDRESS: u64 = 0x12_4000_0000;

/// Index record, ring in, ring out, in this order.
#[derive(Debug)]
pub struct SharedMemory {
    memory: DmaMemory,
    /// Records of a ring, a power of two.
    size: u32,
}

/// What the function last said in the index record.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct IndexRecord {
    pub out_tail: u32,
    pub in_head: u32,
    pub status: u32,
    pub heartbeat: u32,
}

impl SharedMemory {
    /// Rings of 2^`size_log` records each, not mapped yet.
    pub fn new(pci: &mut impl PciDevice, size_log: u32) -> Result<Self, PciError> {
        assert!(register::RING_SIZE.contains(&size_log), "rings of 2^{size_log} records");
        let size = 1 << size_log;
        let memory = pci.dma_alloc(PAGE_BYTES + 2 * RECORD_BYTES * size as usize)?;
        Ok(Self { memory, size })
    }

    pub fn map(&self, pci: &mut impl PciDevice) -> Result<(), PciError> {
        pci.dma_map(&self.memory, BUS_ADDRESS)
    }

    pub fn unmap(&self, pci: &mut impl PciDevice) -> Result<(), PciError> {
        pci.dma_unmap(BUS_ADDRESS, self.memory.bytes())
    }

    /// Records of a ring.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// Registers that tell the function where everything is, with their values.
    pub fn addresses(&self) -> [(Register, u32); 8] {
        let (into, out) = (BUS_ADDRESS + self.in_at(0) as u64, BUS_ADDRESS + self.out_at(0) as u64);
        let size_log = self.size.trailing_zeros();
        [
            (register::IN_BASE_LOW, into as u32),
            (register::IN_BASE_HIGH, (into >> 32) as u32),
            (register::IN_SIZE, size_log),
            (register::OUT_BASE_LOW, out as u32),
            (register::OUT_BASE_HIGH, (out >> 32) as u32),
            (register::OUT_SIZE, size_log),
            (register::INDEX_BASE_LOW, BUS_ADDRESS as u32),
            (register::INDEX_BASE_HIGH, (BUS_ADDRESS >> 32) as u32),
        ]
    }

    /// As after reset.
    pub fn clear_index(&self) {
        self.memory.write(0, &[0; RECORD_BYTES]);
    }

    /// The tail before anything else, so that the records it counts are there.
    pub fn index(&self) -> IndexRecord {
        let [out_tail, in_head, status, heartbeat] = std::array::from_fn(|word| self.memory.load(4 * word));
        IndexRecord { out_tail, in_head, status, heartbeat }
    }

    pub fn put(&self, index: u32, record: &Record) {
        self.memory.write(self.in_at(index), &record.0);
    }

    pub fn take(&self, index: u32, record: &mut Record) {
        self.memory.read(self.out_at(index), &mut record.0);
    }

    fn in_at(&self, index: u32) -> usize {
        PAGE_BYTES + RECORD_BYTES * (index % self.size) as usize
    }

    fn out_at(&self, index: u32) -> usize {
        self.in_at(index) + RECORD_BYTES * self.size as usize
    }
}
