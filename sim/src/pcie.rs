//! The simulated PCIe-side top: register accesses in, transfers of host memory out.

use crate::ffi::PcieHandle;
use crate::{Build, SimError};
use model::register::Register;
use std::path::Path;

/// Host memory as the bus sees it.
pub trait HostMemory {
    /// Fills `data` from `address` on; false if the bus answers with an error.
    fn read(&mut self, address: u64, data: &mut [u8]) -> bool;
    /// Stores `data` from `address` on; false if the bus answers with an error.
    fn write(&mut self, address: u64, data: &[u8]) -> bool;
}

/// How the bus behaves; the pattern repeats with the seed.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct BusTiming {
    pub seed: u64,
    /// Clocks from an address, or a write's last beat, to the answer, at least and at most.
    pub latency_min: u64,
    pub latency_max: u64,
    /// Of 256 clocks, so many in which a channel is not ready or not valid.
    pub stall_of_256: u32,
}

/// What the bus saw since the top was made.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct BusSeen {
    pub clocks: u64,
    /// Interrupt requests taken.
    pub interrupts: u64,
    /// Breaches of AXI by the top: an offer that changed, a wrong last beat, a burst across 4 KiB. Zero for ever.
    pub breaches: u64,
    irq_request: u32,
}

/// Answer to a register access.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Response {
    Okay,
    SlaveError,
    DecodeError,
    /// None within the bound of the simulation.
    Nothing,
}

impl Response {
    fn from_bits(bits: u8) -> Self {
        match bits {
            0 => Self::Okay,
            2 => Self::SlaveError,
            3 => Self::DecodeError,
            _ => Self::Nothing,
        }
    }
}

/// One Verilated PCIe-side top, both its clocks one.
///
/// The clock runs in the calls only, and the memory is used only in them.
pub struct Pcie {
    handle: PcieHandle,
}

impl Pcie {
    /// A top after the function's reset, still clearing its RAM.
    ///
    /// # Errors
    /// [`SimError`] if so many lanes are not built, or the waveform (FST, one lane of the production build only) cannot be written.
    pub fn new(
        build: Build,
        lanes: usize,
        trace: Option<&Path>,
        memory: &mut impl HostMemory,
    ) -> Result<Self, SimError> {
        let mut pcie = Self { handle: PcieHandle::linked(build, lanes, trace)? };
        pcie.reset(memory);
        Ok(pcie)
    }

    /// The function's reset: transfers on their way are forgotten.
    pub fn reset(&mut self, memory: &mut impl HostMemory) {
        self.handle.reset(memory);
    }

    pub fn set_timing(&mut self, timing: BusTiming) {
        assert!(timing.latency_min <= timing.latency_max);
        self.handle.timing(&timing);
    }

    pub fn run(&mut self, clocks: u64, memory: &mut impl HostMemory) {
        self.handle.run(clocks, memory);
    }

    pub fn write(&mut self, register: Register, value: u32, memory: &mut impl HostMemory) -> Response {
        self.write_bytes(register.offset, value, 0xf, memory)
    }

    /// Any write, aligned or not, of the bytes of `strobe`.
    pub fn write_bytes(
        &mut self,
        offset: u16,
        value: u32,
        strobe: u8,
        memory: &mut impl HostMemory,
    ) -> Response {
        Response::from_bits(self.handle.write(offset.into(), value, strobe.into(), memory))
    }

    pub fn read(&mut self, register: Register, memory: &mut impl HostMemory) -> u32 {
        let (response, value) = self.read_at(register.offset, memory);
        assert_eq!(response, Response::Okay, "{}", register.name);
        value
    }

    /// Any read, of a register or not.
    pub fn read_at(&mut self, offset: u16, memory: &mut impl HostMemory) -> (Response, u32) {
        let (response, value) = self.handle.read(offset.into(), memory);
        (Response::from_bits(response), value)
    }

    pub fn seen(&self) -> BusSeen {
        self.handle.seen()
    }
}
