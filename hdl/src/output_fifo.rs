//! Records out: the queue between the pipeline, which never stalls, and whoever takes them.

use crate::ram::Ram;
use crate::width::RECORD_BITS;
use rust_hdl::prelude::*;

/// Clocks from `push` to `valid_out` of an empty queue.
pub const LATENCY: u64 = 1;
/// Records the queue holds beside the two at its output.
pub const DEPTH: usize = 64;
/// What `room` holds back: 23 records may still be pushed after it fell, and at most 19 are (proof `reserve`).
pub const RESERVE: usize = 24;

const INDEX_BITS: usize = 6;
const COUNT_BITS: usize = INDEX_BITS + 1;
const ENTRY_BITS: usize = RECORD_BITS + 1;

/// Queue whose producer stops at `room`, not at the last word.
///
/// Shape: a push and a pop per clock. `valid_out` never waits for `ready_out`, and the record stays until taken. An
/// empty queue hands a record straight to its output.
#[derive(LogicBlock, Default)]
pub struct OutputFifo {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub push: Signal<In, Bit>,
    pub record_in: Signal<In, Bits<RECORD_BITS>>,
    pub echo_in: Signal<In, Bit>,
    pub room: Signal<Out, Bit>,
    pub valid_out: Signal<Out, Bit>,
    pub record_out: Signal<Out, Bits<RECORD_BITS>>,
    pub echo_out: Signal<Out, Bit>,
    pub ready_out: Signal<In, Bit>,
    ram: Ram<Bits<ENTRY_BITS>, INDEX_BITS>,
    /// Records in the RAM; those at the output and in the RAM's register are not among them.
    count: DFF<Bits<COUNT_BITS>>,
    head: DFF<Bits<INDEX_BITS>>,
    tail: DFF<Bits<INDEX_BITS>>,
    /// The RAM's register holds the next record.
    fetched: DFF<Bit>,
    valid: DFF<Bit>,
    entry: DFF<Bits<ENTRY_BITS>>,
    below_reserve: DFF<Bit>,
    pushed: Signal<Local, Bits<ENTRY_BITS>>,
    takes: Signal<Local, Bit>,
    bypasses: Signal<Local, Bit>,
    stores: Signal<Local, Bit>,
    fetches: Signal<Local, Bit>,
}

impl OutputFifo {
    pub fn new() -> Self {
        Self { ram: Ram::new(DEPTH), ..Default::default() }
    }
}

impl Logic for OutputFifo {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, count, head, tail, fetched, valid, entry, below_reserve);
        clock!(self, clock, ram);

        self.pushed.next =
            bit_cast::<ENTRY_BITS, RECORD_BITS>(self.record_in.val()).replace_bit(256, self.echo_in.val());
        self.takes.next = !self.valid.q.val() | self.ready_out.val();
        self.bypasses.next =
            (self.push.val() & self.takes.val()) & (!self.fetched.q.val() & !self.count.q.val().any());
        self.stores.next = self.push.val() & !self.bypasses.val();
        self.fetches.next = self.count.q.val().any() & (!self.fetched.q.val() | self.takes.val());

        self.ram.write_enable.next = self.stores.val();
        self.ram.write_address.next = self.tail.q.val();
        self.ram.write_data.next = self.pushed.val();
        self.ram.read_enable.next = self.fetches.val();
        self.ram.read_address.next = self.head.q.val();

        if self.takes.val() {
            self.valid.d.next = self.fetched.q.val() | self.bypasses.val();
            self.entry.d.next = self.pushed.val();
            if self.fetched.q.val() {
                self.entry.d.next = self.ram.read_data.val();
            }
            self.fetched.d.next = false;
        }
        if self.fetches.val() {
            self.fetched.d.next = true;
            self.head.d.next = self.head.q.val() + 1;
        }
        if self.stores.val() {
            self.tail.d.next = self.tail.q.val() + 1;
        }
        if self.stores.val() & !self.fetches.val() {
            self.count.d.next = self.count.q.val() + 1;
        }
        if self.fetches.val() & !self.stores.val() {
            self.count.d.next = self.count.q.val() - 1;
        }
        // DEPTH - RESERVE.
        self.below_reserve.d.next = self.count.q.val() < 40;
        if self.reset.val() {
            self.tail.d.next = 0.into();
            self.head.d.next = 0.into();
            self.count.d.next = 0.into();
            self.fetched.d.next = false;
            self.valid.d.next = false;
        }

        self.room.next = self.below_reserve.q.val();
        self.valid_out.next = self.valid.q.val();
        self.record_out.next = self.entry.q.val().get_bits::<RECORD_BITS>(0);
        self.echo_out.next = self.entry.q.val().get_bit(256);
    }
}
