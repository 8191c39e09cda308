//! The ring driver: a margin device behind any PCI function that speaks `docs/pcie.md`.
//!
//! It trusts nothing that it can check: identity before the first write, indices against what was written, status, heartbeat and a
//! deadline while answers are due. What does not fit is a fault; from then on nothing is taken and nothing is answered, until a reset.

mod latency;
mod shared;

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use model::machine::Capacity;
use model::record::{ABI_HASH, Record, input, output};
use model::register::{self, CONTROL_ENABLE, CONTROL_RESET, Register, STATUS_BITS, STATUS_RESETTING};

use crate::error::DeviceError;
use crate::pci::{Interrupt, PciDevice, PciError, memory};
use crate::{Identity, MarginDevice};
use latency::Latency;
use shared::SharedMemory;

/// Most records that may go through the push window one behind the other: half of what the gateware takes without waiting.
const PUSHES_MAX: usize = 8;
/// How long an interrupt is waited for in one poll.
const INTERRUPT_WAIT: Duration = Duration::from_millis(10);
/// Time without an answer after which the function itself is asked.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// What a register of a function reads as that is no longer there.
const ALL_ONES: u32 = u32::MAX;
/// Bits of STATUS after which nothing more comes.
const STATUS_FAULTS: u32 = register::STATUS_READ_FAULT
    | register::STATUS_WRITE_FAULT
    | register::STATUS_INDEX_FAULT
    | register::STATUS_PUSH_FAULT
    | register::STATUS_HOST_LOST;

/// How answers are waited for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Wait {
    /// The index record is read again and again.
    #[default]
    Poll,
    /// When there is nothing, a poll waits for an interrupt, for at most ten milliseconds.
    Interrupt,
}

/// How the rings are used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RingConfig {
    /// Binary logarithm of a ring's records, 7 to 20.
    pub size_log: u32,
    pub wait: Wait,
    /// Rings the doorbell at least every so many records.
    pub doorbell_records: usize,
    /// A submission of at most so many records goes through the push window if nothing is on its way; at most 8, 0 turns it off.
    pub push_records_max: usize,
    /// Time without an answer that is due after which the function is lost; without a heartbeat, half of it.
    pub deadline: Duration,
}

impl Default for RingConfig {
    fn default() -> Self {
        Self {
            size_log: 12,
            wait: Wait::Poll,
            doorbell_records: 256,
            push_records_max: 2,
            deadline: Duration::from_secs(2),
        }
    }
}

/// What the driver counted since it was attached.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct RingCounters {
    pub records_in: u64,
    pub records_out: u64,
    pub pushed: u64,
    pub doorbells: u64,
    /// Submissions of which the ring could not take all: back-pressure.
    pub full: u64,
    pub polls_empty: u64,
    pub interrupts: u64,
    pub resets: u64,
}

/// A [`MarginDevice`] at the other end of two rings.
pub struct RingDevice<P: PciDevice> {
    pci: P,
    config: RingConfig,
    capacity: Capacity,
    shared: SharedMemory,
    interrupt: Option<Interrupt>,
    in_tail: u32,
    out_head: u32,
    /// OUT_HEAD as the function knows it.
    out_head_told: u32,
    /// Records pushed since nothing was on its way; none if something is.
    pushed: Option<usize>,
    /// The FENCE that was submitted last, if nothing came after it.
    last_fence: Option<Record>,
    fault: Option<String>,
    /// When the function last took or answered something, when its heart last beat, and when it was last asked.
    sign: Instant,
    beat: Instant,
    look: Instant,
    heartbeat: u32,
    counters: RingCounters,
    latency: Latency,
}

impl<P: PciDevice> RingDevice<P> {
    /// Takes the function over: reset, rings mapped and running. Before its identity is known nothing is written.
    ///
    /// # Errors
    /// [`DeviceError::NotOurs`] or [`DeviceError::AbiMismatch`] for another function or another bitstream, else [`DeviceError::Pci`].
    pub fn attach(mut pci: P, config: RingConfig) -> Result<Self, DeviceError> {
        assert!(config.push_records_max <= PUSHES_MAX && config.doorbell_records > 0, "{config:?}");
        let capacity = identify(&mut pci)?;
        let shared = SharedMemory::new(&mut pci, config.size_log)?;
        let latency = Latency::new(4 << config.size_log);
        let now = Instant::now();
        let mut device = Self {
            pci,
            config,
            capacity,
            shared,
            interrupt: None,
            in_tail: 0,
            out_head: 0,
            out_head_told: 0,
            pushed: None,
            last_fence: None,
            fault: None,
            sign: now,
            beat: now,
            look: now,
            heartbeat: 0,
            counters: RingCounters::default(),
            latency,
        };
        device.set_up()?;
        Ok(device)
    }

    pub fn pci(&self) -> &P {
        &self.pci
    }

    pub fn pci_mut(&mut self) -> &mut P {
        &mut self.pci
    }

    pub fn counters(&self) -> RingCounters {
        self.counters
    }

    /// Nanoseconds from submission to answer, of every answer since the last [`RingDevice::clear_latency`].
    pub fn latency(&self) -> &Histogram<u64> {
        self.latency.histogram()
    }

    pub fn clear_latency(&mut self) {
        self.latency.clear();
    }

    /// A register of the function, for people and metrics.
    ///
    /// # Errors
    /// [`DeviceError::Pci`]; all ones are a loss.
    pub fn register(&mut self, register: Register) -> Result<u32, DeviceError> {
        read(&mut self.pci, register)
    }

    /// Waits for the interrupt of an answer that is not taken yet, until the deadline and without a look at the ring: true if it came.
    ///
    /// # Errors
    /// [`DeviceError::Pci`]
    pub fn interrupted(&mut self) -> Result<bool, DeviceError> {
        self.wait_for_interrupt(self.config.deadline)
    }

    /// From a function in any state to running rings.
    fn set_up(&mut self) -> Result<(), DeviceError> {
        self.interrupt = None;
        // After a loss these may be gone already, or not.
        let _ = self.shared.unmap(&mut self.pci);
        self.pci.reset()?;
        self.pci.enable_bus_master()?;
        self.wait_for_reset()?;
        self.shared.map(&mut self.pci)?;
        if self.config.wait == Wait::Interrupt {
            self.interrupt = Some(self.pci.enable_interrupt()?);
        }
        for (register, value) in self.shared.addresses() {
            self.write(register, value)?;
        }
        self.run()
    }

    /// From reset registers to running rings.
    fn run(&mut self) -> Result<(), DeviceError> {
        (self.in_tail, self.out_head, self.out_head_told, self.heartbeat) = (0, 0, 0, 0);
        (self.pushed, self.last_fence) = (Some(0), None);
        self.shared.clear_index();
        memory::publish();
        self.write(register::CONTROL, CONTROL_ENABLE)?;
        self.fault = None;
        (self.sign, self.beat) = (Instant::now(), Instant::now());
        Ok(())
    }

    fn wait_for_reset(&mut self) -> Result<(), DeviceError> {
        let end = Instant::now() + self.config.deadline;
        while read(&mut self.pci, register::STATUS)? & STATUS_RESETTING != 0 {
            if Instant::now() > end {
                return Err(PciError::Deadline { operation: "reset", deadline: self.config.deadline }.into());
            }
            self.pci.relax();
        }
        Ok(())
    }

    fn soft_reset(&mut self) -> Result<(), DeviceError> {
        self.write(register::CONTROL, CONTROL_RESET)?;
        self.wait_for_reset()?;
        self.run()
    }

    fn write(&mut self, register: Register, value: u32) -> Result<(), DeviceError> {
        Ok(self.pci.write32(register.offset.into(), value)?)
    }

    /// The function is not trusted any more.
    fn lose(&mut self, cause: impl Into<String>) {
        if self.fault.is_none() {
            self.fault = Some(cause.into());
        }
    }

    fn ring_doorbell(&mut self) -> Result<(), DeviceError> {
        memory::publish();
        self.counters.doorbells += 1;
        self.write(register::IN_TAIL, self.in_tail)
    }

    fn push(&mut self, record: &Record) -> Result<(), DeviceError> {
        for (place, word) in (0..).zip(record.0.chunks_exact(4)) {
            let word = u32::from_le_bytes(word.try_into().expect("four bytes"));
            self.pci.write32(u64::from(register::PUSH.offset) + 4 * place, word)?;
        }
        self.counters.pushed += 1;
        Ok(())
    }

    /// How many were taken.
    fn send(&mut self, records: &[Record]) -> Result<usize, DeviceError> {
        if records.len() <= self.config.push_records_max
            && let Some(before) = self.pushed.filter(|before| before + records.len() <= PUSHES_MAX)
        {
            for record in records {
                self.push(record)?;
            }
            self.pushed = Some(before + records.len());
            return Ok(records.len());
        }
        let index = self.shared.index();
        let waiting = self.in_tail.wrapping_sub(index.in_head);
        if waiting > self.shared.size() {
            self.lose(format!("IN_HEAD is {}, beyond IN_TAIL {}", index.in_head, self.in_tail));
            return Ok(0);
        }
        let room = (self.shared.size() - waiting) as usize;
        let count = records.len().min(room);
        self.counters.full += u64::from(count < records.len());
        for batch in records[..count].chunks(self.config.doorbell_records) {
            for record in batch {
                self.shared.put(self.in_tail, record);
                self.in_tail = self.in_tail.wrapping_add(1);
            }
            self.ring_doorbell()?;
        }
        if count > 0 {
            self.pushed = None;
        }
        Ok(count)
    }

    /// Records that wait in the ring out, if the index record makes sense.
    fn waiting(&mut self) -> usize {
        let index = self.shared.index();
        let waiting = index.out_tail.wrapping_sub(self.out_head);
        if waiting > self.shared.size() {
            self.lose(format!(
                "OUT_TAIL is {}, more than the ring beyond OUT_HEAD {}",
                index.out_tail, self.out_head
            ));
            return 0;
        }
        if index.status & STATUS_FAULTS != 0 {
            self.lose(format!("the device reports {}", status_words(index.status & STATUS_FAULTS)));
        }
        if index.heartbeat != self.heartbeat {
            (self.heartbeat, self.beat) = (index.heartbeat, Instant::now());
        }
        waiting as usize
    }

    fn receive(&mut self, answers: &mut [Record]) -> Result<usize, DeviceError> {
        let mut waiting = self.waiting();
        if waiting == 0 {
            self.pci.relax();
            waiting = self.waiting();
        }
        if waiting == 0 {
            self.counters.polls_empty += 1;
            self.wait_for_interrupt(INTERRUPT_WAIT)?;
            return Ok(0);
        }
        let count = waiting.min(answers.len());
        for answer in &mut answers[..count] {
            self.shared.take(self.out_head, answer);
            self.out_head = self.out_head.wrapping_add(1);
        }
        if self.out_head.wrapping_sub(self.out_head_told) >= self.shared.size() / 4 {
            self.write(register::OUT_HEAD, self.out_head)?;
            self.out_head_told = self.out_head;
        }
        Ok(count)
    }

    /// Arms the interrupt; true if it came in time.
    fn wait_for_interrupt(&mut self, timeout: Duration) -> Result<bool, DeviceError> {
        if self.interrupt.is_none() || self.fault.is_some() {
            return Ok(false);
        }
        self.write(register::IRQ_ARM, self.out_head)?;
        let came = self.interrupt.as_mut().is_some_and(|interrupt| self.pci.wait(interrupt, timeout));
        self.counters.interrupts += u64::from(came);
        Ok(came)
    }

    /// The function itself is asked whether it is there.
    fn ask(&mut self) -> Result<(), DeviceError> {
        let status = read(&mut self.pci, register::STATUS)?;
        if status & STATUS_FAULTS != 0 {
            self.lose(format!("the device reports {}", status_words(status & STATUS_FAULTS)));
        }
        Ok(())
    }
}

impl<P: PciDevice> MarginDevice for RingDevice<P> {
    fn identity(&self) -> Identity {
        Identity { name: "pcie", abi_hash: ABI_HASH }
    }

    fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// A soft reset; after a fault the whole function is reset and set up anew.
    fn reset(&mut self) {
        self.counters.resets += 1;
        let done = if self.fault.is_none() { self.soft_reset() } else { self.set_up() };
        if let Err(error) = done {
            self.fault = Some(error.to_string());
        }
    }

    fn submit(&mut self, records: &[Record]) -> usize {
        if self.fault.is_some() || records.is_empty() {
            return 0;
        }
        let taken = self.send(records).unwrap_or_else(|error| {
            self.lose(error.to_string());
            0
        });
        if let Some(last) = records[..taken].last() {
            self.last_fence = Some(*last).filter(|last| last.op() == input::FENCE.op);
            (self.sign, self.beat) = (Instant::now(), Instant::now());
        }
        self.counters.records_in += taken as u64;
        self.latency.submitted(&records[..taken]);
        taken
    }

    fn poll(&mut self, answers: &mut [Record]) -> usize {
        if self.fault.is_some() {
            return 0;
        }
        let count = self.receive(answers).unwrap_or_else(|error| {
            self.lose(error.to_string());
            0
        });
        if count > 0 {
            self.sign = Instant::now();
            self.counters.records_out += count as u64;
            self.latency.answered(&answers[..count]);
            let is_echo = |echo: &Record| {
                echo.op() == output::FENCE_ECHO.op
                    && self.last_fence.is_some_and(|fence| fence.0[1..] == echo.0[1..])
            };
            if answers[..count].last().is_some_and(is_echo) {
                (self.pushed, self.last_fence) = (Some(0), None);
            }
        }
        count
    }

    fn check(&mut self) -> Result<(), DeviceError> {
        let now = Instant::now();
        if self.fault.is_none() && now.duration_since(self.look) > LOOK_EVERY {
            self.look = now;
            if let Err(error) = self.ask() {
                self.lose(error.to_string());
            }
        }
        let (deadline, index) = (self.config.deadline, self.shared.index());
        if now.duration_since(self.beat) > deadline / 2 {
            self.lose(format!(
                "no heartbeat within {} ms; it stands at {}",
                (deadline / 2).as_millis(),
                index.heartbeat
            ));
        }
        if now.duration_since(self.sign) > deadline {
            let (tail, head) = (self.in_tail, self.out_head);
            self.lose(format!(
                "no answer within {} ms; IN_TAIL {tail}, OUT_HEAD {head}, the device's index record: {index:?}",
                deadline.as_millis()
            ));
        }
        match &self.fault {
            Some(cause) => Err(DeviceError::Lost { cause: cause.clone() }),
            None => Ok(()),
        }
    }

    fn clocks(&self) -> u64 {
        self.pci.clocks()
    }
}

impl<P: PciDevice> Drop for RingDevice<P> {
    /// Nothing reaches the memory any more when it is freed.
    fn drop(&mut self) {
        // A function that is gone can reach nothing either.
        let _ = self.pci.reset();
        let _ = self.shared.unmap(&mut self.pci);
    }
}

/// A register; all ones are the loss of the function, since no register of it reads so.
fn read(pci: &mut (impl PciDevice + ?Sized), register: Register) -> Result<u32, DeviceError> {
    match pci.read32(register.offset.into())? {
        ALL_ONES => {
            let cause = format!("{} reads as all ones", register.name);
            Err(PciError::Gone { operation: "register read", cause }.into())
        }
        value => Ok(value),
    }
}

/// What the function holds, if it is ours and speaks our records.
pub fn identify(pci: &mut (impl PciDevice + ?Sized)) -> Result<Capacity, DeviceError> {
    let (id, version) = (read(pci, register::ID)?, read(pci, register::VERSION)?);
    if (id, version) != (register::ID_VALUE, register::VERSION_VALUE) {
        return Err(DeviceError::NotOurs { name: pci.name(), id, version });
    }
    // Either half of a hash may be all ones.
    let [low, high] =
        [register::ABI_HASH_LOW, register::ABI_HASH_HIGH].map(|half| pci.read32(half.offset.into()));
    let found = u64::from(high?) << 32 | u64::from(low?);
    if found != ABI_HASH {
        return Err(DeviceError::AbiMismatch { expected: ABI_HASH, found });
    }
    let mut size = |register| Ok::<_, DeviceError>(read(pci, register)? as usize);
    Ok(Capacity {
        lanes: size(register::LANES)?,
        accounts_per_lane: size(register::ACCOUNTS)?,
        slots_per_lane: size(register::SLOTS)?,
        instruments: size(register::INSTRUMENTS)?,
    })
}

/// The names of STATUS's bits.
pub fn status_words(status: u32) -> String {
    let set = STATUS_BITS.iter().filter(|(_, bit, _)| status >> bit & 1 == 1);
    let names: Vec<&str> = set.map(|(name, ..)| name.trim_start_matches("STATUS_")).collect();
    if names.is_empty() { "nothing".into() } else { names.join(", ") }
}
