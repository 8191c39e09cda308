//! The host of a simulated PCIe-side top: two rings, the index record, and a driver of a page.

use crate::kit::subject::Subject;
use model::record::{Record, input, output};
use model::register::{self, CONTROL_ENABLE, CONTROL_RESET, STATUS_DRAINED, STATUS_RESETTING};
use sim::Build;
use sim::pcie::{BusSeen, BusTiming, HostMemory, Pcie, Response};

const RECORD_BYTES: usize = 32;
/// Above 4 GiB and not in order, so that a cut address shows.
const IN_BASE: u64 = 0x7_f654_3000;
const OUT_BASE: u64 = 0x1_2345_6000;
const INDEX_BASE: u64 = 0x0012_3456_789a_bce0;
/// Clocks between two looks at the index record.
const LOOK_CLOCKS: u64 = 64;
const POLL_CLOCKS_MAX: u64 = 1 << 15;
/// More than any walk or sweep of the small build takes, and its answers with the slowest bus here.
const SILENCE_MAX: u64 = 100_000;
const RESET_CLOCKS_MAX: u64 = 1_000_000;
/// Records that one `submit` pushes at most.
const PUSHES_MAX: usize = 3;

/// The host's memory: what is in no ring is answered with an error and counted.
#[derive(Default)]
struct Memory {
    into: Vec<u8>,
    out: Vec<u8>,
    index: Vec<u8>,
    strangers: u64,
    /// Transfers until one fails, of reads and of writes to the ring.
    good_reads: Option<u32>,
    good_writes: Option<u32>,
}

/// Counts down to the transfer that fails; true if this is it.
fn fails(good: &mut Option<u32>) -> bool {
    let now = *good == Some(0);
    *good = good.and_then(|left| left.checked_sub(1));
    now
}

impl Memory {
    /// The bytes at `address`, if all of them are the region's.
    fn slice(region: &mut [u8], base: u64, address: u64, bytes: usize) -> Option<&mut [u8]> {
        let from = usize::try_from(address.checked_sub(base)?).ok()?;
        region.get_mut(from..from.checked_add(bytes)?)
    }

    fn word(&self, register: register::Register) -> u32 {
        let place = register::INDEX_WORDS.iter().position(|word| word.offset == register.offset);
        let at = 4 * place.expect("a word of the index record");
        u32::from_le_bytes(self.index[at..at + 4].try_into().expect("four bytes"))
    }
}

impl HostMemory for Memory {
    fn read(&mut self, address: u64, data: &mut [u8]) -> bool {
        if fails(&mut self.good_reads) {
            return false;
        }
        let found = Self::slice(&mut self.into, IN_BASE, address, data.len());
        self.strangers += u64::from(found.is_none());
        found.map(|bytes| data.copy_from_slice(bytes)).is_some()
    }

    fn write(&mut self, address: u64, data: &[u8]) -> bool {
        if address < INDEX_BASE && fails(&mut self.good_writes) {
            return false;
        }
        let found = Self::slice(&mut self.out, OUT_BASE, address, data.len())
            .or_else(|| Self::slice(&mut self.index, INDEX_BASE, address, data.len()));
        self.strangers += u64::from(found.is_none());
        found.map(|bytes| bytes.copy_from_slice(data)).is_some()
    }
}

/// A top with its host.
pub struct Host {
    pcie: Pcie,
    memory: Memory,
    size: u32,
    in_tail: u32,
    out_head: u32,
    silence: u64,
    quiet: bool,
    last_fence: Option<Record>,
    /// Of the calls of `submit`, one in so many pushes a record when the window is open.
    push_one_in: u32,
    submits: u32,
    /// Records that went through the push window.
    pub pushed: u64,
}

impl Host {
    /// With rings of 2^`size_log` records.
    pub fn new(build: Build, size_log: u32, push_one_in: u32) -> Self {
        let bytes = RECORD_BYTES << size_log;
        let mut memory = Memory {
            into: vec![0; bytes],
            out: vec![0; bytes],
            index: vec![0; RECORD_BYTES],
            ..Memory::default()
        };
        let pcie = Pcie::new(build, 1, None, &mut memory).expect("one lane is built");
        let (silence, quiet, last_fence) = (0, false, None);
        let mut host = Self {
            pcie,
            memory,
            size: 1 << size_log,
            in_tail: 0,
            out_head: 0,
            silence,
            quiet,
            last_fence,
            push_one_in,
            submits: 0,
            pushed: 0,
        };
        host.wait_for_reset();
        for (register, value) in [
            (register::IN_BASE_LOW, IN_BASE as u32),
            (register::IN_BASE_HIGH, (IN_BASE >> 32) as u32),
            (register::IN_SIZE, size_log),
            (register::OUT_BASE_LOW, OUT_BASE as u32),
            (register::OUT_BASE_HIGH, (OUT_BASE >> 32) as u32),
            (register::OUT_SIZE, size_log),
            (register::INDEX_BASE_LOW, INDEX_BASE as u32),
            (register::INDEX_BASE_HIGH, (INDEX_BASE >> 32) as u32),
            (register::CONTROL, CONTROL_ENABLE),
        ] {
            host.set(register, value);
        }
        host
    }

    pub fn set_timing(&mut self, timing: BusTiming) {
        self.pcie.set_timing(timing);
    }

    pub fn seen(&self) -> BusSeen {
        self.pcie.seen()
    }

    pub fn read(&mut self, register: register::Register) -> u32 {
        self.pcie.read(register, &mut self.memory)
    }

    pub fn write(&mut self, register: register::Register, value: u32) -> Response {
        self.pcie.write(register, value, &mut self.memory)
    }

    pub fn write_bytes(&mut self, offset: u16, value: u32, strobe: u8) -> Response {
        self.pcie.write_bytes(offset, value, strobe, &mut self.memory)
    }

    pub fn read_at(&mut self, offset: u16) -> (Response, u32) {
        self.pcie.read_at(offset, &mut self.memory)
    }

    /// Clocks in which the host takes nothing.
    pub fn idle(&mut self, clocks: u64) {
        self.pcie.run(clocks, &mut self.memory);
    }

    /// Of the transfers to come, the one after so many good reads, or writes of records, fails.
    pub fn fail_read_after(&mut self, good: u32) {
        self.memory.good_reads = Some(good);
    }

    pub fn fail_write_after(&mut self, good: u32) {
        self.memory.good_writes = Some(good);
    }

    /// Nothing was refused, no transfer left the rings, and the top kept to AXI.
    pub fn assert_sound(&mut self) {
        assert_eq!(self.seen().breaches, 0);
        assert_eq!(self.memory.strangers, 0);
        for counter in [
            register::READ_ERRORS,
            register::WRITE_ERRORS,
            register::INDEX_ERRORS,
            register::PUSH_ERRORS,
            register::ACCESS_ERRORS,
        ] {
            assert_eq!(self.read(counter), 0, "{}", counter.name);
        }
    }

    fn set(&mut self, register: register::Register, value: u32) {
        assert_eq!(self.write(register, value), Response::Okay, "{} = {value:#x}", register.name);
    }

    fn wait_for_reset(&mut self) {
        let start = self.seen().clocks;
        while self.read(register::STATUS) & STATUS_RESETTING != 0 {
            assert!(self.seen().clocks - start < RESET_CLOCKS_MAX, "the reset does not end");
        }
    }

    /// The record through the push window, if it is open.
    fn push(&mut self, record: &Record) -> bool {
        if self.read(register::STATUS) & STATUS_DRAINED == 0 {
            return false;
        }
        for (place, word) in (0..).zip(record.0.chunks_exact(4)) {
            let word = u32::from_le_bytes(word.try_into().expect("four bytes"));
            let offset = register::PUSH.offset + 4 * place;
            let response = self.pcie.write_bytes(offset, word, 0xf, &mut self.memory);
            assert_eq!(response, Response::Okay, "the window is open");
        }
        self.pushed += 1;
        true
    }

    /// Takes what the index record shows.
    fn take(&mut self, out: &mut [Record]) -> usize {
        let waiting = self.memory.word(register::OUT_TAIL).wrapping_sub(self.out_head) as usize;
        assert!(waiting <= self.size as usize, "the tail is {waiting} records ahead");
        let count = waiting.min(out.len());
        for record in &mut out[..count] {
            let at = RECORD_BYTES * (self.out_head % self.size) as usize;
            record.0.copy_from_slice(&self.memory.out[at..at + RECORD_BYTES]);
            // What the device does not write again shows.
            self.memory.out[at..at + RECORD_BYTES].fill(0xee);
            self.out_head = self.out_head.wrapping_add(1);
        }
        if count > 0 {
            self.set(register::OUT_HEAD, self.out_head);
        }
        count
    }
}

impl Subject for Host {
    fn submit(&mut self, mut records: &[Record]) -> usize {
        let Some(last) = records.last().copied() else { return 0 };
        self.submits += 1;
        let mut accepted = 0;
        // Some in a row.
        while self.submits.is_multiple_of(self.push_one_in)
            && accepted < PUSHES_MAX
            && !records.is_empty()
            && self.push(&records[0])
        {
            accepted += 1;
            records = &records[1..];
        }
        let fetched = self.memory.word(register::IN_HEAD);
        let room = self.size - self.in_tail.wrapping_sub(fetched);
        let count = records.len().min(room as usize);
        for record in &records[..count] {
            let at = RECORD_BYTES * (self.in_tail % self.size) as usize;
            self.memory.into[at..at + RECORD_BYTES].copy_from_slice(&record.0);
            self.in_tail = self.in_tail.wrapping_add(1);
        }
        if count > 0 {
            self.set(register::IN_TAIL, self.in_tail);
        }
        let is_all = count == records.len();
        self.last_fence = Some(last).filter(|last| is_all && last.op() == input::FENCE.op);
        (self.silence, self.quiet) = (0, false);
        accepted + count
    }

    fn poll(&mut self, out: &mut [Record]) -> usize {
        let mut clocks = 0;
        while !self.quiet && clocks < POLL_CLOCKS_MAX {
            self.pcie.run(LOOK_CLOCKS, &mut self.memory);
            clocks += LOOK_CLOCKS;
            let count = self.take(out);
            self.silence = if count > 0 { 0 } else { self.silence + LOOK_CLOCKS };
            let echoed = matches!((out[..count].last(), &self.last_fence), (Some(echo), Some(fence))
                if echo.op() == output::FENCE_ECHO.op && echo.0[1..] == fence.0[1..]);
            self.quiet = echoed || self.silence > SILENCE_MAX;
            // Room in the ring in is news, too.
            if count > 0 || self.memory.word(register::IN_HEAD) == self.in_tail && self.last_fence.is_none() {
                return count;
            }
        }
        0
    }

    fn reset(&mut self) {
        self.set(register::CONTROL, CONTROL_RESET);
        self.wait_for_reset();
        self.memory.index.fill(0);
        (self.in_tail, self.out_head) = (0, 0);
        (self.silence, self.quiet, self.last_fence) = (0, false, None);
        self.set(register::CONTROL, CONTROL_ENABLE);
    }

    fn set_stalls(&mut self, seed: u64, idle_of_256: u8, stall_of_256: u8) {
        let latency_max = [1, 8, 64, 400][(seed % 4) as usize];
        let stall_of_256 = u32::from(idle_of_256.max(stall_of_256)) * 3 / 4;
        self.set_timing(BusTiming { seed, latency_min: 1, latency_max, stall_of_256 });
    }

    fn is_quiet(&self) -> bool {
        self.quiet
    }

    fn is_dead(&self) -> bool {
        self.quiet && self.memory.word(register::IN_HEAD) != self.in_tail
    }
}
