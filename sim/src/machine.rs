//! A simulated machine: records in, records out, a clock that runs only while there is something to do.

use crate::ffi::{Handle, Ram};
use crate::{Build, SimError};
use model::machine::Capacity;
use model::record::{Record, input, output};
use std::collections::VecDeque;
use std::path::Path;

/// Records that wait to be offered to the machine.
pub const QUEUE_RECORDS: usize = 4_096;
/// Most clocks of one [`Machine::poll`]: about 10 ms a lane.
pub const POLL_CLOCKS_MAX: u64 = 1 << 15;
/// A poll returns what it has after so many clocks without another record.
const GAP_CLOCKS: u64 = 32;
/// More than any lane takes beside its sweep, walk or reset, also where a sweep of the small build meets one account again and again.
const SILENCE_MARGIN_CLOCKS: u64 = 8_192;
/// Data of a SECDED word and its check bits lie side by side in the RAM.
pub const ACCOUNT_WORD_BITS: usize = 288;
pub const SLOT_WORD_BITS: usize = 144;

/// One Verilated machine and the queue before it.
///
/// The clock runs in [`Machine::poll`] and [`Machine::run_idle`] only. It stands still when nothing is queued and the machine can say
/// nothing more: after the echo of a FENCE that nothing followed, or after a silence longer than any sweep or walk.
pub struct Machine {
    handle: Handle,
    queue: VecDeque<Record>,
    /// Clocks of silence after which nothing more can come.
    silence_max: u64,
    silence: u64,
    quiet: bool,
    /// The record that nothing has followed, if its echo means that the lane is done.
    last_fence: Option<Record>,
}

impl Machine {
    /// A machine after reset; with a path, its waveform is written there (FST, slower; one lane only).
    ///
    /// # Errors
    /// [`SimError`] if the machine was not built, not built with waveforms, or the file cannot be written.
    pub fn new(build: Build, lanes: usize, trace: Option<&Path>) -> Result<Self, SimError> {
        let handle = Handle::linked(build, lanes, trace)?;
        Ok(Self::with_handle(handle, build.capacity(lanes)))
    }

    /// A machine of `build`'s sizes from a shared library of [`crate::verilate::shared_library`].
    ///
    /// # Errors
    /// [`SimError::Load`] if the library or its table is missing.
    pub fn load(library: &Path, build: Build, lanes: usize) -> Result<Self, SimError> {
        Ok(Self::with_handle(Handle::loaded(library)?, build.capacity(lanes)))
    }

    fn with_handle(handle: Handle, capacity: Capacity) -> Self {
        let mut machine = Self {
            handle,
            queue: VecDeque::with_capacity(QUEUE_RECORDS),
            // The lanes work side by side: their number changes nothing. A commit passes over a slot twice.
            silence_max: (2 * capacity.slots_per_lane + capacity.accounts_per_lane) as u64
                + SILENCE_MARGIN_CLOCKS,
            silence: 0,
            quiet: false,
            last_fence: None,
        };
        machine.reset();
        machine
    }

    /// Resets the machine, whatever it is doing; what it had not yet answered is lost, and so is the queue.
    pub fn reset(&mut self) {
        self.handle.reset();
        self.queue.clear();
        (self.silence, self.quiet, self.last_fence) = (0, false, None);
    }

    /// Makes the driver hesitate, by `seed`: of 256 clocks, how many offer no record, and how many take none.
    pub fn set_stalls(&mut self, seed: u64, idle_of_256: u8, stall_of_256: u8) {
        self.handle.stalls(seed, idle_of_256.into(), stall_of_256.into());
    }

    /// Queues records and returns how many; the rest has no room until a poll has taken some.
    pub fn submit(&mut self, records: &[Record]) -> usize {
        let accepted = records.len().min(QUEUE_RECORDS - self.queue.len());
        if let Some(last) = records[..accepted].last() {
            self.queue.extend(&records[..accepted]);
            self.last_fence = (last.op() == input::FENCE.op).then_some(*last);
            (self.silence, self.quiet) = (0, false);
        }
        accepted
    }

    /// Runs the clock, at most [`POLL_CLOCKS_MAX`] of it, and returns how many records came out.
    ///
    /// 0 does not mean that the machine is done: see [`Machine::is_quiet`].
    pub fn poll(&mut self, out: &mut [Record]) -> usize {
        if self.quiet || out.is_empty() {
            return 0;
        }
        let (mut produced, mut clocks) = (0, 0);
        while clocks < POLL_CLOCKS_MAX && produced < out.len() {
            let front = self.queue.as_slices().0;
            let stepped = self.handle.step(front, &mut out[produced..], POLL_CLOCKS_MAX - clocks, GAP_CLOCKS);
            self.queue.drain(..stepped.consumed);
            clocks += stepped.clocks;
            let fresh = &out[produced..produced + stepped.produced];
            produced += stepped.produced;
            let moved = stepped.consumed != 0 || !fresh.is_empty();
            self.silence = if moved { stepped.silence } else { self.silence + stepped.silence };
            if self.is_done(fresh.last()) {
                self.quiet = true;
                break;
            }
            if produced > 0 && self.queue.is_empty() {
                break;
            }
        }
        produced
    }

    /// True if nothing more can come out: all is answered, or the machine is dead.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// True if the machine has not moved for longer than it may, with records queued: it needs a reset.
    pub fn is_dead(&self) -> bool {
        self.quiet && !self.queue.is_empty()
    }

    fn is_done(&self, last: Option<&Record>) -> bool {
        let echoed = matches!((last, &self.last_fence), (Some(echo), Some(fence))
            if echo.op() == output::FENCE_ECHO.op && echo.0[1..] == fence.0[1..]);
        self.queue.is_empty() && echoed || self.silence > self.silence_max
    }

    /// Clocks since construction.
    pub fn clocks(&self) -> u64 {
        self.handle.clocks()
    }

    /// Records that [`Machine::submit`] would take now.
    pub fn room(&self) -> usize {
        QUEUE_RECORDS - self.queue.len()
    }

    /// Runs the clock with nothing offered and nothing taken; what the machine finds to say comes with the next poll.
    ///
    /// # Panics
    /// If records are queued.
    pub fn run_idle(&mut self, clocks: u64) {
        assert!(self.queue.is_empty(), "the machine is not idle");
        self.handle.step(&[], &mut [], clocks, clocks);
        (self.silence, self.quiet) = (0, false);
    }

    /// RAM words put right since reset, in all lanes.
    pub fn ecc_corrected(&self) -> u32 {
        self.handle.ecc_corrected()
    }

    /// RAM words found beyond repair since reset, in all lanes.
    pub fn ecc_uncorrected(&self) -> u32 {
        self.handle.ecc_uncorrected()
    }

    /// Flips bits of an account's word as it lies in the RAM.
    ///
    /// # Panics
    /// If the machine has no such lane, row or bit.
    pub fn flip_account_bits(&mut self, lane: usize, row: usize, bits: &[usize]) {
        bits.iter().for_each(|&bit| self.handle.flip(Ram::Accounts, lane, row, bit));
    }

    /// Flips bits of a slot's word as it lies in the RAM; `place` counts from the lane's first slot.
    ///
    /// # Panics
    /// If the machine has no such lane, place or bit.
    pub fn flip_slot_bits(&mut self, lane: usize, place: usize, bits: &[usize]) {
        bits.iter().for_each(|&bit| self.handle.flip(Ram::Slots, lane, place, bit));
    }
}
