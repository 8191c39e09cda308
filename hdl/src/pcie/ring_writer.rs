//! The ring of records out: written to host memory in bursts, and the indices behind them.

use super::queue::Queue;
use crate::width::RECORD_BITS;
use rust_hdl::prelude::*;

/// Clocks from a record at an idle ring to its address at the bus.
pub const LATENCY: u64 = 5;
/// Records of the longest burst: 512 bytes, never across a multiple of it.
pub const BURST_MAX: u64 = 16;
/// Bursts on their way at most.
pub const BURSTS_MAX: u64 = 1 << BURST_BITS;

const QUEUE_BITS: usize = 7;
const COUNT_BITS: usize = QUEUE_BITS + 1;
const BURST_BITS: usize = 4;
const BURST_COUNT_BITS: usize = BURST_BITS + 1;
/// Length of a burst, and whether it is the index record.
const BURST_WORD_BITS: usize = 6;

/// Steps of a burst.
#[derive(Clone, Copy, Debug, LogicState, PartialEq)]
pub enum Step {
    Count,
    Room,
    Cut,
    Place,
    Ask,
}

/// Writes a stream of records to the ring, and the index record whenever what it says has changed.
///
/// Shape: a record per clock, but for one beat of the index record at a time on its way. `tail` counts records whose writes the bus has
/// acknowledged, and the index record is written after those acknowledgements: a host that reads it finds the records. After a write with an error `tail`
/// and the index record stand until `reset`, which must wait for `outstanding` to fall. What is asked for is written, whatever
/// `run` does.
#[derive(LogicBlock, Default)]
pub struct RingWriter {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub run: Signal<In, Bit>,
    /// Bus address over 4,096.
    pub base: Signal<In, Bits<52>>,
    /// Records of the ring less one.
    pub mask: Signal<In, Bits<20>>,
    /// Bus address of the index record over 32; 0: none is written.
    pub index_base: Signal<In, Bits<59>>,
    /// What the index record says beside the tail: the words 1 to 3.
    pub index_rest: Signal<In, Bits<96>>,
    pub head: Signal<In, Bits<32>>,
    pub tail: Signal<Out, Bits<32>>,
    /// Tail in the last index record that the bus has acknowledged; the tail itself if none is written.
    pub shown: Signal<Out, Bits<32>>,
    pub full: Signal<Out, Bit>,
    pub outstanding: Signal<Out, Bit>,
    pub fault: Signal<Out, Bit>,
    pub error: Signal<Out, Bit>,
    pub record_in: Signal<In, Bits<RECORD_BITS>>,
    pub valid_in: Signal<In, Bit>,
    pub ready_in: Signal<Out, Bit>,
    pub awaddr: Signal<Out, Bits<64>>,
    pub awlen: Signal<Out, Bits<8>>,
    pub awvalid: Signal<Out, Bit>,
    pub awready: Signal<In, Bit>,
    pub wdata: Signal<Out, Bits<RECORD_BITS>>,
    pub wlast: Signal<Out, Bit>,
    pub wvalid: Signal<Out, Bit>,
    pub wready: Signal<In, Bit>,
    pub bresp: Signal<In, Bits<2>>,
    pub bvalid: Signal<In, Bit>,
    pub bready: Signal<Out, Bit>,

    queue: Queue<RECORD_BITS, QUEUE_BITS, COUNT_BITS>,
    /// Bursts whose data is still to be sent, and those whose response is still to come.
    to_send: Queue<BURST_WORD_BITS, BURST_BITS, BURST_COUNT_BITS>,
    to_confirm: Queue<BURST_WORD_BITS, BURST_BITS, BURST_COUNT_BITS>,
    step: DFF<Step>,
    /// Records in the queue, and those of them that no burst has.
    held: DFF<Bits<COUNT_BITS>>,
    unasked: DFF<Bits<COUNT_BITS>>,
    open: DFF<Bit>,
    bursts: DFF<Bits<BURST_COUNT_BITS>>,
    asked: DFF<Bits<32>>,
    confirmed: DFF<Bits<32>>,
    available: DFF<Bits<COUNT_BITS>>,
    in_ring: DFF<Bits<32>>,
    room: DFF<Bits<32>>,
    to_boundary: DFF<Bits<5>>,
    length: DFF<Bits<5>>,
    is_index: DFF<Bit>,
    address: DFF<Bits<64>>,
    ring_full: DFF<Bit>,
    /// The burst being sent.
    sends: DFF<Bit>,
    left: DFF<Bits<5>>,
    sends_index: DFF<Bit>,
    /// The index record, in the clock it was put together; one at a time.
    index: DFF<Bits<128>>,
    index_differs: DFF<Bit>,
    index_out: DFF<Bit>,
    shown_tail: DFF<Bits<32>>,
    faulty: DFF<Bit>,
    erred: DFF<Bit>,
    now: Signal<Local, Bits<128>>,
    has_index: Signal<Local, Bit>,
    offset: Signal<Local, Bits<64>>,
    least: Signal<Local, Bits<32>>,
    takes: Signal<Local, Bit>,
    asks: Signal<Local, Bit>,
    asks_index: Signal<Local, Bit>,
    asked_records: Signal<Local, Bits<COUNT_BITS>>,
    sent: Signal<Local, Bit>,
    sent_record: Signal<Local, Bit>,
    sent_last: Signal<Local, Bit>,
    loads: Signal<Local, Bit>,
    responds: Signal<Local, Bit>,
    confirms: Signal<Local, Bit>,
    offers: Signal<Local, Bit>,
    burst: Signal<Local, Bits<BURST_WORD_BITS>>,
}

impl Logic for RingWriter {
    // A kernel's match becomes a case statement: it has no guards.
    #[allow(clippy::collapsible_match)]
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, step, held, unasked, open, bursts, asked, confirmed, available, in_ring, room
        );
        dff_setup!(self, clock, to_boundary, length, is_index, address, ring_full, sends, left, sends_index);
        dff_setup!(self, clock, index, index_differs, index_out, shown_tail, faulty, erred);
        clock!(self, clock, queue, to_send, to_confirm);

        // Records in.
        self.ready_in.next = self.open.q.val();
        self.takes.next = self.valid_in.val() & self.open.q.val();
        self.queue.push.next = self.takes.val();
        self.queue.word_in.next = self.record_in.val();

        // Bursts: addresses.
        self.has_index.next = self.index_base.val().any();
        self.now.next = (bit_cast::<128, 96>(self.index_rest.val()) << bits::<128>(32))
            | bit_cast::<128, 32>(self.confirmed.q.val());
        self.index_differs.d.next = self.now.val() != self.index.q.val();
        self.offset.next =
            bit_cast::<64, 20>(bit_cast::<20, 32>(self.asked.q.val()) & self.mask.val()) << bits::<64>(5);
        self.least.next = bit_cast::<32, 5>(self.to_boundary.q.val());
        if bit_cast::<32, COUNT_BITS>(self.available.q.val()) < self.least.val() {
            self.least.next = bit_cast::<32, COUNT_BITS>(self.available.q.val());
        }
        self.asks.next = (self.step.q.val() == Step::Ask) & self.awready.val();
        self.asks_index.next = self.asks.val() & self.is_index.q.val();
        match self.step.q.val() {
            Step::Count => {
                self.available.d.next = self.unasked.q.val();
                self.in_ring.d.next = self.asked.q.val() - self.head.val();
                self.to_boundary.d.next =
                    bits::<5>(16) - bit_cast::<5, 4>(self.asked.q.val().get_bits::<4>(0));
                if (self.run.val() & !self.faulty.q.val()) & (self.bursts.q.val() < 15) {
                    self.step.d.next = Step::Room;
                }
            }
            Step::Room => {
                self.room.d.next = (bit_cast::<32, 20>(self.mask.val()) + 1) - self.in_ring.q.val();
                self.step.d.next = Step::Cut;
            }
            Step::Cut => {
                self.length.d.next = self.least.val().get_bits::<5>(0);
                if self.room.q.val() < self.least.val() {
                    self.length.d.next = self.room.q.val().get_bits::<5>(0);
                }
                self.ring_full.d.next = !self.room.q.val().any();
                self.is_index.d.next = false;
                self.step.d.next = Step::Place;
                if !self.available.q.val().any() | !self.room.q.val().any() {
                    self.step.d.next = Step::Count;
                }
                // The indices first: a host that waits for room in the ring in must see it while the ring out is full.
                if (self.index_differs.q.val() & self.has_index.val()) & !self.index_out.q.val() {
                    self.length.d.next = 1.into();
                    self.is_index.d.next = true;
                    self.step.d.next = Step::Place;
                }
            }
            Step::Place => {
                self.address.d.next =
                    (bit_cast::<64, 52>(self.base.val()) << bits::<64>(12)) + self.offset.val();
                if self.is_index.q.val() {
                    self.address.d.next = bit_cast::<64, 59>(self.index_base.val()) << bits::<64>(5);
                    self.index_out.d.next = true;
                }
                self.step.d.next = Step::Ask;
            }
            Step::Ask => {
                if self.awready.val() {
                    if !self.is_index.q.val() {
                        self.asked.d.next = self.asked.q.val() + bit_cast::<32, 5>(self.length.q.val());
                    }
                    self.step.d.next = Step::Count;
                }
            }
            _ => {}
        }
        self.awvalid.next = self.step.q.val() == Step::Ask;
        self.awaddr.next = self.address.q.val();
        self.awlen.next = bit_cast::<8, 5>(self.length.q.val()) - 1;
        self.burst.next =
            bit_cast::<BURST_WORD_BITS, 5>(self.length.q.val()).replace_bit(5, self.is_index.q.val());
        self.to_send.push.next = self.asks.val();
        self.to_send.word_in.next = self.burst.val();
        self.to_confirm.push.next = self.asks.val();
        self.to_confirm.word_in.next = self.burst.val();

        // Bursts: data.
        self.wvalid.next = self.sends.q.val() & (self.sends_index.q.val() | self.queue.valid_out.val());
        self.wdata.next = self.queue.word_out.val();
        if self.sends_index.q.val() {
            self.wdata.next = bit_cast::<RECORD_BITS, 128>(self.index.q.val());
        }
        self.wlast.next = self.left.q.val() == 1;
        self.sent.next = self.wvalid.val() & self.wready.val();
        self.sent_record.next = self.sent.val() & !self.sends_index.q.val();
        self.sent_last.next = self.sent.val() & (self.left.q.val() == 1);
        self.queue.ready_out.next = self.sent_record.val();
        self.loads.next = (!self.sends.q.val() | self.sent_last.val()) & self.to_send.valid_out.val();
        self.to_send.ready_out.next = self.loads.val();
        if self.sent.val() {
            self.left.d.next = self.left.q.val() - 1;
        }
        if self.sent_last.val() {
            self.sends.d.next = false;
        }
        if self.loads.val() {
            self.sends.d.next = true;
            self.left.d.next = self.to_send.word_out.val().get_bits::<5>(0);
            self.sends_index.d.next = self.to_send.word_out.val().get_bit(5);
            if self.to_send.word_out.val().get_bit(5) {
                self.index.d.next = self.now.val();
            }
        }

        // Responses, in the order of the bursts.
        self.bready.next = self.to_confirm.valid_out.val();
        self.responds.next = self.bvalid.val() & self.to_confirm.valid_out.val();
        self.to_confirm.ready_out.next = self.responds.val();
        self.confirms.next = (self.responds.val() & !self.bresp.val().any()) & !self.faulty.q.val();
        self.erred.d.next = self.responds.val() & self.bresp.val().any();
        if self.responds.val() & self.bresp.val().any() {
            self.faulty.d.next = true;
        }
        if self.responds.val() & self.to_confirm.word_out.val().get_bit(5) {
            self.index_out.d.next = false;
        }
        if self.confirms.val() {
            if self.to_confirm.word_out.val().get_bit(5) {
                self.shown_tail.d.next = self.index.q.val().get_bits::<32>(0);
            } else {
                self.confirmed.d.next = self.confirmed.q.val()
                    + bit_cast::<32, 5>(self.to_confirm.word_out.val().get_bits::<5>(0));
            }
        }

        // Counts.
        self.asked_records.next = 0.into();
        if self.asks.val() & !self.is_index.q.val() {
            self.asked_records.next = bit_cast::<COUNT_BITS, 5>(self.length.q.val());
        }
        self.unasked.d.next = self.unasked.q.val() - self.asked_records.val();
        if self.takes.val() {
            self.unasked.d.next = (self.unasked.q.val() - self.asked_records.val()) + 1;
        }
        if self.takes.val() & !self.sent_record.val() {
            self.held.d.next = self.held.q.val() + 1;
        }
        if self.sent_record.val() & !self.takes.val() {
            self.held.d.next = self.held.q.val() - 1;
        }
        // Of the queue's 128 words at least two are free when `ready_in` falls.
        self.open.d.next = self.held.q.val() < 124;
        if self.asks.val() & !self.responds.val() {
            self.bursts.d.next = self.bursts.q.val() + 1;
        }
        if self.responds.val() & !self.asks.val() {
            self.bursts.d.next = self.bursts.q.val() - 1;
        }

        if self.reset.val() {
            self.step.d.next = Step::Count;
            self.held.d.next = 0.into();
            self.unasked.d.next = 0.into();
            self.open.d.next = false;
            self.bursts.d.next = 0.into();
            self.asked.d.next = 0.into();
            self.confirmed.d.next = 0.into();
            self.ring_full.d.next = false;
            self.sends.d.next = false;
            self.sends_index.d.next = false;
            self.index.d.next = 0.into();
            self.index_differs.d.next = false;
            self.index_out.d.next = false;
            self.shown_tail.d.next = 0.into();
            self.faulty.d.next = false;
        }
        self.queue.reset.next = self.reset.val();
        self.to_send.reset.next = self.reset.val();
        self.to_confirm.reset.next = self.reset.val();

        self.offers.next = (self.step.q.val() == Step::Place) | (self.step.q.val() == Step::Ask);
        self.outstanding.next = self.offers.val() | self.bursts.q.val().any();
        self.tail.next = self.confirmed.q.val();
        self.shown.next = self.shown_tail.q.val();
        if !self.has_index.val() {
            self.shown.next = self.confirmed.q.val();
        }
        self.full.next = self.ring_full.q.val() & self.unasked.q.val().any();
        self.fault.next = self.faulty.q.val();
        self.error.next = self.erred.q.val();
    }
}
