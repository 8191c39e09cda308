//! Records out: the queue between the pipeline and the AXI stream.

use crate::ram::Ram;
use crate::width::RECORD_BITS;
use rust_hdl::prelude::*;

/// Clocks from `push` to `valid_out` of an empty queue.
pub const LATENCY: u64 = 2;
/// Records the queue holds.
pub const DEPTH: usize = 64;
/// Records that may still be pushed after `room` fell: more than the pipeline holds, and a receipt.
pub const RESERVE: usize = 24;

const INDEX_BITS: usize = DEPTH.ilog2() as usize;
const COUNT_BITS: usize = INDEX_BITS + 1;

/// Queue of records whose producer stops at `room`, not at the last word: the pipeline has no stall.
///
/// Shape: a push and a pop per clock. `valid_out` never waits for `ready_out`, and the record stays until taken.
#[derive(LogicBlock)]
pub struct OutputFifo {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub push: Signal<In, Bit>,
    pub record_in: Signal<In, Bits<RECORD_BITS>>,
    pub room: Signal<Out, Bit>,
    pub valid_out: Signal<Out, Bit>,
    pub record_out: Signal<Out, Bits<RECORD_BITS>>,
    pub ready_out: Signal<In, Bit>,
    ram: Ram<Bits<RECORD_BITS>, INDEX_BITS>,
    /// Records in the RAM, the one at the output not included.
    count: DFF<Bits<COUNT_BITS>>,
    head: DFF<Bits<INDEX_BITS>>,
    tail: DFF<Bits<INDEX_BITS>>,
    valid: DFF<Bit>,
    below_reserve: DFF<Bit>,
    take: Signal<Local, Bit>,
    filled: Signal<Local, Bit>,
    room_max: Constant<Bits<COUNT_BITS>>,
}

impl Default for OutputFifo {
    fn default() -> Self {
        Self {
            clock: Default::default(),
            reset: Default::default(),
            push: Default::default(),
            record_in: Default::default(),
            room: Default::default(),
            valid_out: Default::default(),
            record_out: Default::default(),
            ready_out: Default::default(),
            ram: Ram::new(DEPTH),
            count: Default::default(),
            head: Default::default(),
            tail: Default::default(),
            valid: Default::default(),
            below_reserve: Default::default(),
            take: Default::default(),
            filled: Default::default(),
            room_max: Constant::new(((DEPTH - RESERVE) as u64).into()),
        }
    }
}

impl Logic for OutputFifo {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, count, head, tail, valid, below_reserve);
        clock!(self, clock, ram);

        self.filled.next = self.count.q.val().any();
        self.take.next = self.filled.val() & (!self.valid.q.val() | self.ready_out.val());

        self.ram.write_enable.next = self.push.val();
        self.ram.write_address.next = self.tail.q.val();
        self.ram.write_data.next = self.record_in.val();
        self.ram.read_enable.next = self.take.val();
        self.ram.read_address.next = self.head.q.val();

        if self.push.val() {
            self.tail.d.next = self.tail.q.val() + 1;
        }
        if self.take.val() {
            self.head.d.next = self.head.q.val() + 1;
        }
        if self.push.val() & !self.take.val() {
            self.count.d.next = self.count.q.val() + 1;
        }
        if self.take.val() & !self.push.val() {
            self.count.d.next = self.count.q.val() - 1;
        }
        self.valid.d.next = self.take.val() | (self.valid.q.val() & !self.ready_out.val());
        self.below_reserve.d.next = self.count.q.val() < self.room_max.val();
        if self.reset.val() {
            self.tail.d.next = 0.into();
            self.head.d.next = 0.into();
            self.count.d.next = 0.into();
            self.valid.d.next = false;
        }

        self.room.next = self.below_reserve.q.val();
        self.valid_out.next = self.valid.q.val();
        self.record_out.next = self.ram.read_data.val();
    }
}
