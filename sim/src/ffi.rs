//! The boundary to the Verilated C++: the only unsafe code of the crate.
//!
//! The shim (`shim.cpp`) exports one table of functions per build; a mutant's table comes from a shared library.
#![allow(unsafe_code, reason = "the foreign function boundary; everything else of the crate is safe")]

use crate::SimError;
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
}

unsafe extern "C" {
    static sim_production: Table;
    static sim_production_traced: Table;
    static sim_small: Table;
    static sim_small_traced: Table;
}

/// The Verilated models linked in.
#[derive(Clone, Copy, Debug)]
pub enum Linked {
    Production,
    ProductionTraced,
    Small,
    SmallTraced,
}

/// One Verilated lane, owned.
pub struct Handle {
    lane: NonNull<c_void>,
    table: Table,
    /// Keeps a loaded model's code in memory as long as its lane; dropped after `free` ran.
    _library: Option<Arc<libloading::Library>>,
}

// SAFETY: the lane is owned by its handle, holds no thread-local state of its own, and is used through `&mut`.
unsafe impl Send for Handle {}

impl Handle {
    pub fn linked(model: Linked, trace: Option<&Path>) -> Result<Self, SimError> {
        // SAFETY: the tables are constants that the build script compiled from the shim, laid out as `Table`.
        let table = unsafe {
            match model {
                Linked::Production => sim_production,
                Linked::ProductionTraced => sim_production_traced,
                Linked::Small => sim_small,
                Linked::SmallTraced => sim_small_traced,
            }
        };
        Self::create(table, trace, None)
    }

    /// The lane of a shared library built by [`crate::verilate::shared_library`].
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
        let fail = || SimError::Trace { path: trace.unwrap_or(Path::new("")).into() };
        let path = trace.map(|path| CString::new(path.as_os_str().as_encoded_bytes()).map_err(|_| fail()));
        let path = path.transpose()?;
        // SAFETY: the path is null or a C string that outlives the call.
        let lane = unsafe { (table.create)(path.as_ref().map_or(std::ptr::null(), |path| path.as_ptr())) };
        Ok(Self { lane: NonNull::new(lane).ok_or_else(fail)?, table, _library: library })
    }

    pub fn reset(&mut self) {
        // SAFETY: the lane is live and not shared.
        unsafe { (self.table.reset)(self.lane.as_ptr()) }
    }

    pub fn stalls(&mut self, seed: u64, idle_of_256: u32, stall_of_256: u32) {
        // SAFETY: as above.
        unsafe { (self.table.stalls)(self.lane.as_ptr(), seed, idle_of_256, stall_of_256) }
    }

    pub fn step(&mut self, input: &[Record], output: &mut [Record], clocks_max: u64, gap: u64) -> Stepped {
        let mut stepped = Stepped::default();
        // SAFETY: `Record` is 32 bytes, `repr(transparent)`; the shim reads at most `input.len()` and writes at most
        // `output.len()` of them.
        unsafe {
            (self.table.step)(
                self.lane.as_ptr(),
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
        unsafe { (self.table.clocks)(self.lane.as_ptr()) }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the lane is freed once, and its library, if any, is still loaded.
        unsafe { (self.table.free)(self.lane.as_ptr()) }
    }
}
