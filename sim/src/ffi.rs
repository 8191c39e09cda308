//! The boundary to the Verilated C++: the only unsafe code of the crate.
//!
//! The shim (`shim.cpp`) exports one table of functions per build; a mutant's table comes from a shared library.
#![allow(unsafe_code, reason = "the foreign function boundary; everything else of the crate is safe")]

use crate::pcie::{BusSeen, BusTiming, HostMemory};
use crate::{Build, LANES, PCIE_LANES, SimError};
use model::record::Record;
use std::ffi::{CString, c_char, c_void};
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

#[cfg(target_endian = "big")]
compile_error!("the shim copies little-endian beats as they are");

/// What a batch did: beats taken from the input, beats put into the output, clocks run.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Stepped {
    pub consumed: usize,
    pub produced: usize,
    pub clocks: u64,
    /// Clocks at the end in which no beat moved.
    pub silence: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Table {
    create: unsafe extern "C" fn(*const c_char) -> *mut c_void,
    free: unsafe extern "C" fn(*mut c_void),
    reset: unsafe extern "C" fn(*mut c_void),
    stalls: unsafe extern "C" fn(*mut c_void, u64, u32, u32),
    step: unsafe extern "C" fn(*mut c_void, *const u8, usize, *mut u8, usize, u64, u64, *mut Stepped),
    clocks: unsafe extern "C" fn(*mut c_void) -> u64,
    ecc_corrected: unsafe extern "C" fn(*mut c_void) -> u32,
    ecc_uncorrected: unsafe extern "C" fn(*mut c_void) -> u32,
    flip: unsafe extern "C" fn(*mut c_void, u32, usize, usize, usize) -> u32,
}

unsafe extern "C" {
    static sim_production_1: Table;
    static sim_production_2: Table;
    static sim_production_4: Table;
    static sim_production_8: Table;
    static sim_production_1_traced: Table;
    static sim_small_1: Table;
    static sim_small_2: Table;
    static sim_small_4: Table;
    static sim_small_8: Table;
    static sim_small_1_traced: Table;
    static sim_production_pcie_1: PcieTable;
    static sim_production_pcie_4: PcieTable;
    static sim_production_pcie_1_traced: PcieTable;
    static sim_small_pcie_1: PcieTable;
    static sim_small_pcie_4: PcieTable;
}

/// The RAMs of a lane whose bits can be flipped.
#[derive(Clone, Copy, Debug)]
pub enum Ram {
    Accounts,
    Slots,
}

/// One Verilated machine, owned.
pub struct Handle {
    machine: NonNull<c_void>,
    table: Table,
    /// Keeps a loaded model's code in memory as long as its machine; dropped after `free` ran.
    _library: Option<Arc<libloading::Library>>,
}

// SAFETY: the machine is owned by its handle, holds no thread-local state of its own, and is used through `&mut`.
unsafe impl Send for Handle {}

impl Handle {
    pub fn linked(build: Build, lanes: usize, trace: Option<&Path>) -> Result<Self, SimError> {
        // SAFETY: the tables are constants that the build script compiled from the shim, laid out as `Table`.
        let table = unsafe {
            match (build, lanes, trace) {
                (Build::Production, 1, None) => sim_production_1,
                (Build::Production, 2, None) => sim_production_2,
                (Build::Production, 4, None) => sim_production_4,
                (Build::Production, 8, None) => sim_production_8,
                (Build::Production, 1, Some(_)) => sim_production_1_traced,
                (Build::Small, 1, None) => sim_small_1,
                (Build::Small, 2, None) => sim_small_2,
                (Build::Small, 4, None) => sim_small_4,
                (Build::Small, 8, None) => sim_small_8,
                (Build::Small, 1, Some(_)) => sim_small_1_traced,
                (_, 2 | 4 | 8, Some(_)) => return Err(SimError::TraceLanes { lanes }),
                _ => return Err(SimError::Lanes { lanes, built: &LANES }),
            }
        };
        Self::create(table, trace, None)
    }

    /// The machine of a shared library built by [`crate::verilate::shared_library`].
    pub fn loaded(library: &Path) -> Result<Self, SimError> {
        let fail = |source| SimError::Load { path: library.into(), source };
        // SAFETY: the library is one that this crate's own shim was compiled into, under this symbol; loading it
        // runs only the static constructors of Verilator's runtime.
        let (library, table) = unsafe {
            let library = libloading::Library::new(library).map_err(fail)?;
            let table = **library.get::<*const Table>(b"sim_loaded\0").map_err(fail)?;
            (library, table)
        };
        Self::create(table, None, Some(Arc::new(library)))
    }

    fn create(
        table: Table,
        trace: Option<&Path>,
        library: Option<Arc<libloading::Library>>,
    ) -> Result<Self, SimError> {
        Ok(Self { machine: create(table.create, trace)?, table, _library: library })
    }

    pub fn reset(&mut self) {
        // SAFETY: the machine is live and not shared.
        unsafe { (self.table.reset)(self.machine.as_ptr()) }
    }

    pub fn stalls(&mut self, seed: u64, idle_of_256: u32, stall_of_256: u32) {
        // SAFETY: as above.
        unsafe { (self.table.stalls)(self.machine.as_ptr(), seed, idle_of_256, stall_of_256) }
    }

    pub fn step(&mut self, input: &[Record], output: &mut [Record], clocks_max: u64, gap: u64) -> Stepped {
        let mut stepped = Stepped::default();
        // SAFETY: `Record` is 32 bytes, `repr(transparent)`; the shim reads at most `input.len()` and writes at most
        // `output.len()` of them.
        unsafe {
            (self.table.step)(
                self.machine.as_ptr(),
                input.as_ptr().cast(),
                input.len(),
                output.as_mut_ptr().cast(),
                output.len(),
                clocks_max,
                gap,
                &mut stepped,
            );
        }
        assert!(stepped.consumed <= input.len() && stepped.produced <= output.len());
        stepped
    }

    pub fn clocks(&self) -> u64 {
        // SAFETY: as above; it reads a counter.
        unsafe { (self.table.clocks)(self.machine.as_ptr()) }
    }

    pub fn ecc_corrected(&self) -> u32 {
        // SAFETY: as above; it reads a port.
        unsafe { (self.table.ecc_corrected)(self.machine.as_ptr()) }
    }

    pub fn ecc_uncorrected(&self) -> u32 {
        // SAFETY: as above; it reads a port.
        unsafe { (self.table.ecc_uncorrected)(self.machine.as_ptr()) }
    }

    /// Flips one bit of a lane's RAM.
    pub fn flip(&mut self, ram: Ram, lane: usize, index: usize, bit: usize) {
        // SAFETY: as above; the shim checks that the cell and the bit are there.
        let done = unsafe { (self.table.flip)(self.machine.as_ptr(), ram as u32, lane, index, bit) };
        assert!(done == 1, "no bit {bit} at {index} of {ram:?} in lane {lane}");
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the machine is freed once, and its library, if any, is still loaded.
        unsafe { (self.table.free)(self.machine.as_ptr()) }
    }
}

/// A new model that writes a waveform if it has a path.
fn create(
    create: unsafe extern "C" fn(*const c_char) -> *mut c_void,
    trace: Option<&Path>,
) -> Result<NonNull<c_void>, SimError> {
    let fail = || SimError::Trace { path: trace.unwrap_or(Path::new("")).into() };
    let path = trace.map(|path| CString::new(path.as_os_str().as_encoded_bytes()).map_err(|_| fail()));
    let path = path.transpose()?;
    // SAFETY: the path is null or a C string that outlives the call.
    NonNull::new(unsafe { create(path.as_ref().map_or(std::ptr::null(), |path| path.as_ptr())) })
        .ok_or_else(fail)
}

type Transfer = unsafe extern "C" fn(*mut c_void, u32, u64, *mut u8, usize) -> u32;

#[repr(C)]
#[derive(Clone, Copy)]
struct PcieTable {
    create: unsafe extern "C" fn(*const c_char) -> *mut c_void,
    free: unsafe extern "C" fn(*mut c_void),
    reset: unsafe extern "C" fn(*mut c_void, Transfer, *mut c_void),
    timing: unsafe extern "C" fn(*mut c_void, *const BusTiming),
    run: unsafe extern "C" fn(*mut c_void, u64, Transfer, *mut c_void),
    write: unsafe extern "C" fn(*mut c_void, u32, u32, u32, Transfer, *mut c_void) -> u8,
    read: unsafe extern "C" fn(*mut c_void, u32, *mut u32, Transfer, *mut c_void) -> u8,
    seen: unsafe extern "C" fn(*mut c_void, *mut BusSeen),
}

/// One Verilated PCIe-side top, owned.
pub struct PcieHandle {
    top: NonNull<c_void>,
    table: PcieTable,
}

// SAFETY: as for `Handle`.
unsafe impl Send for PcieHandle {}

impl PcieHandle {
    pub fn linked(build: Build, lanes: usize, trace: Option<&Path>) -> Result<Self, SimError> {
        // SAFETY: the tables are constants that the build script compiled from the shim, laid out as `PcieTable`.
        let table = unsafe {
            match (build, lanes, trace) {
                (Build::Production, 1, None) => sim_production_pcie_1,
                (Build::Production, 4, None) => sim_production_pcie_4,
                (Build::Production, 1, Some(_)) => sim_production_pcie_1_traced,
                (Build::Small, 1, None) => sim_small_pcie_1,
                (Build::Small, 4, None) => sim_small_pcie_4,
                (_, 1 | 4, Some(_)) => return Err(SimError::TraceLanes { lanes }),
                _ => return Err(SimError::Lanes { lanes, built: &PCIE_LANES }),
            }
        };
        let top = create(table.create, trace)?;
        Ok(Self { top, table })
    }

    pub fn reset<M: HostMemory>(&mut self, memory: &mut M) {
        // SAFETY: the top is live and not shared; `transfer` takes the memory's type back.
        unsafe { (self.table.reset)(self.top.as_ptr(), transfer::<M>, std::ptr::from_mut(memory).cast()) }
    }

    pub fn timing(&mut self, timing: &BusTiming) {
        // SAFETY: as above.
        unsafe { (self.table.timing)(self.top.as_ptr(), timing) }
    }

    pub fn run<M: HostMemory>(&mut self, clocks: u64, memory: &mut M) {
        // SAFETY: as above.
        unsafe {
            (self.table.run)(self.top.as_ptr(), clocks, transfer::<M>, std::ptr::from_mut(memory).cast())
        }
    }

    pub fn write<M: HostMemory>(&mut self, address: u32, data: u32, strobe: u32, memory: &mut M) -> u8 {
        let memory = std::ptr::from_mut(memory).cast();
        // SAFETY: as above.
        unsafe { (self.table.write)(self.top.as_ptr(), address, data, strobe, transfer::<M>, memory) }
    }

    pub fn read<M: HostMemory>(&mut self, address: u32, memory: &mut M) -> (u8, u32) {
        let memory = std::ptr::from_mut(memory).cast();
        let mut data = 0;
        // SAFETY: as above.
        let response =
            unsafe { (self.table.read)(self.top.as_ptr(), address, &mut data, transfer::<M>, memory) };
        (response, data)
    }

    pub fn seen(&self) -> BusSeen {
        let mut seen = BusSeen::default();
        // SAFETY: as above; it copies counters.
        unsafe { (self.table.seen)(self.top.as_ptr(), &mut seen) };
        seen
    }
}

impl Drop for PcieHandle {
    fn drop(&mut self) {
        // SAFETY: the top is freed once.
        unsafe { (self.table.free)(self.top.as_ptr()) }
    }
}

unsafe extern "C" fn transfer<M: HostMemory>(
    memory: *mut c_void,
    is_write: u32,
    address: u64,
    data: *mut u8,
    bytes: usize,
) -> u32 {
    // SAFETY: the shim hands back the memory of the call that it runs in, and a buffer of so many bytes.
    let (memory, data) = unsafe { (&mut *memory.cast::<M>(), std::slice::from_raw_parts_mut(data, bytes)) };
    u32::from(if is_write == 1 { memory.write(address, data) } else { memory.read(address, data) })
}
