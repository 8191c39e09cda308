//! The ring of records in: fetched from host memory in bursts, handed on in order.

use super::queue::Queue;
use crate::width::RECORD_BITS;
use rust_hdl::prelude::*;

/// Clocks from a new `tail` to the read's address at the bus; a record is at `record_out` the clock after its beat.
pub const LATENCY: u64 = 4;
/// Records of the longest burst: 512 bytes, never across a multiple of it.
pub const BURST_MAX: u64 = 16;
/// Records on their way or waiting at most.
pub const DEPTH: u64 = 1 << QUEUE_BITS;

const QUEUE_BITS: usize = 8;
const COUNT_BITS: usize = QUEUE_BITS + 1;

/// Steps of a burst.
#[derive(Copy, Clone, PartialEq, Debug, LogicState)]
pub enum Step {
    Count,
    Cut,
    Place,
    Ask,
}

/// Fetches the records between `head` and `tail` and gives them to a stream.
///
/// Shape: a record per clock in and out; as many bursts as `DEPTH` holds are outstanding, so that a memory of any latency up to
/// `DEPTH - BURST_MAX` clocks keeps it so. `rready` is always high: what is asked for has room. After a beat with an
/// error nothing is passed on or counted, and after a burst that is being put together nothing asked for, until `reset`, which must wait for `outstanding` to fall. An address
/// that is offered stands until taken, whatever `run` does.
#[derive(LogicBlock, Default)]
pub struct RingReader {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub run: Signal<In, Bit>,
    /// Bus address over 4,096.
    pub base: Signal<In, Bits<52>>,
    /// Records of the ring less one.
    pub mask: Signal<In, Bits<20>>,
    pub tail: Signal<In, Bits<32>>,
    pub head: Signal<Out, Bits<32>>,
    pub outstanding: Signal<Out, Bit>,
    pub empty: Signal<Out, Bit>,
    pub fault: Signal<Out, Bit>,
    pub error: Signal<Out, Bit>,
    pub araddr: Signal<Out, Bits<64>>,
    pub arlen: Signal<Out, Bits<8>>,
    pub arvalid: Signal<Out, Bit>,
    pub arready: Signal<In, Bit>,
    pub rdata: Signal<In, Bits<RECORD_BITS>>,
    pub rresp: Signal<In, Bits<2>>,
    pub rvalid: Signal<In, Bit>,
    pub record_out: Signal<Out, Bits<RECORD_BITS>>,
    pub valid_out: Signal<Out, Bit>,
    pub ready_out: Signal<In, Bit>,
    queue: Queue<RECORD_BITS, QUEUE_BITS, COUNT_BITS>,
    step: DFF<Step>,
    /// Records asked for and fetched since reset.
    asked: DFF<Bits<32>>,
    fetched: DFF<Bits<32>>,
    /// Asked for and not yet handed on.
    held: DFF<Bits<COUNT_BITS>>,
    /// Beats asked for and not yet come, good or bad.
    pending: DFF<Bits<COUNT_BITS>>,
    available: DFF<Bits<32>>,
    to_boundary: DFF<Bits<5>>,
    length: DFF<Bits<5>>,
    address: DFF<Bits<64>>,
    faulty: DFF<Bit>,
    erred: DFF<Bit>,
    offset: Signal<Local, Bits<64>>,
    many: Signal<Local, Bit>,
    good: Signal<Local, Bit>,
    asks: Signal<Local, Bit>,
    hands: Signal<Local, Bit>,
    grown: Signal<Local, Bits<COUNT_BITS>>,
    awaited: Signal<Local, Bits<COUNT_BITS>>,
    offers: Signal<Local, Bit>,
}

impl Logic for RingReader {
    // A kernel's match becomes a case statement: it has no guards.
    #[allow(clippy::collapsible_match)]
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            step,
            asked,
            fetched,
            held,
            pending,
            available,
            to_boundary,
            length,
            address,
            faulty,
            erred
        );
        clock!(self, clock, queue);

        self.offset.next =
            bit_cast::<64, 20>(bit_cast::<20, 32>(self.asked.q.val()) & self.mask.val()) << bits::<64>(5);
        self.many.next = self.available.q.val() > bit_cast::<32, 5>(self.to_boundary.q.val());
        self.asks.next = (self.step.q.val() == Step::Ask) & self.arready.val();

        match self.step.q.val() {
            Step::Count => {
                self.available.d.next = self.tail.val() - self.asked.q.val();
                self.to_boundary.d.next =
                    bits::<5>(16) - bit_cast::<5, 4>(self.asked.q.val().get_bits::<4>(0));
                // Room for the longest burst: DEPTH - BURST_MAX.
                if (self.run.val() & !self.faulty.q.val()) & (self.held.q.val() <= 240) {
                    self.step.d.next = Step::Cut;
                }
            }
            Step::Cut => {
                self.length.d.next = self.available.q.val().get_bits::<5>(0);
                if self.many.val() {
                    self.length.d.next = self.to_boundary.q.val();
                }
                self.step.d.next = Step::Place;
                if !self.available.q.val().any() {
                    self.step.d.next = Step::Count;
                }
            }
            Step::Place => {
                self.address.d.next =
                    (bit_cast::<64, 52>(self.base.val()) << bits::<64>(12)) + self.offset.val();
                self.step.d.next = Step::Ask;
            }
            Step::Ask => {
                if self.arready.val() {
                    self.asked.d.next = self.asked.q.val() + bit_cast::<32, 5>(self.length.q.val());
                    self.step.d.next = Step::Count;
                }
            }
            _ => {}
        }
        self.arvalid.next = self.step.q.val() == Step::Ask;
        self.araddr.next = self.address.q.val();
        self.arlen.next = bit_cast::<8, 5>(self.length.q.val()) - 1;

        self.good.next = (self.rvalid.val() & !self.rresp.val().any()) & !self.faulty.q.val();
        self.erred.d.next = self.rvalid.val() & self.rresp.val().any();
        if self.rvalid.val() & self.rresp.val().any() {
            self.faulty.d.next = true;
        }
        self.queue.push.next = self.good.val();
        self.queue.word_in.next = self.rdata.val();
        if self.good.val() {
            self.fetched.d.next = self.fetched.q.val() + 1;
        }
        self.record_out.next = self.queue.word_out.val();
        self.valid_out.next = self.queue.valid_out.val();
        self.queue.ready_out.next = self.ready_out.val();
        self.hands.next = self.queue.valid_out.val() & self.ready_out.val();

        self.grown.next = self.held.q.val();
        self.awaited.next = self.pending.q.val();
        if self.asks.val() {
            self.grown.next = self.held.q.val() + bit_cast::<COUNT_BITS, 5>(self.length.q.val());
            self.awaited.next = self.pending.q.val() + bit_cast::<COUNT_BITS, 5>(self.length.q.val());
        }
        self.pending.d.next = self.awaited.val();
        if self.rvalid.val() {
            self.pending.d.next = self.awaited.val() - 1;
        }
        self.held.d.next = self.grown.val();
        if self.hands.val() {
            self.held.d.next = self.grown.val() - 1;
        }

        if self.reset.val() {
            self.step.d.next = Step::Count;
            self.asked.d.next = 0.into();
            self.fetched.d.next = 0.into();
            self.held.d.next = 0.into();
            self.pending.d.next = 0.into();
            self.faulty.d.next = false;
        }
        self.queue.reset.next = self.reset.val();
        self.offers.next = (self.step.q.val() == Step::Place) | (self.step.q.val() == Step::Ask);
        self.outstanding.next = self.offers.val() | self.pending.q.val().any();
        self.head.next = self.fetched.q.val();
        self.empty.next = !self.held.q.val().any();
        self.fault.next = self.faulty.q.val();
        self.error.next = self.erred.q.val();
    }
}
