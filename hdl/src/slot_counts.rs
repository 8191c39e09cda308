//! Live slots of each instrument in the lane.

use crate::width::{INSTRUMENT_BITS, SLOT_COUNT_BITS};
use rust_hdl::prelude::*;

/// Clocks from `set` to `count`: the number being set is seen at once.
pub const LATENCY: u64 = 0;

/// Instruments that the record's field and the buses can name.
pub const INSTRUMENTS: usize = 1 << INSTRUMENT_BITS;

/// One number an instrument, and one bit whether it is not zero.
///
/// Shape: two questions and one change per clock.
#[derive(LogicBlock, Default)]
pub struct SlotCounts {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub set: Signal<In, Bit>,
    pub set_instrument: Signal<In, Bits<INSTRUMENT_BITS>>,
    pub set_count: Signal<In, Bits<SLOT_COUNT_BITS>>,
    pub instrument: Signal<In, Bits<INSTRUMENT_BITS>>,
    pub count: Signal<Out, Bits<SLOT_COUNT_BITS>>,
    pub coming_instrument: Signal<In, Bits<INSTRUMENT_BITS>>,
    pub coming_count: Signal<Out, Bits<SLOT_COUNT_BITS>>,
    pub occupied: Signal<Out, Bits<INSTRUMENTS>>,
    counts: [DFF<Bits<SLOT_COUNT_BITS>>; INSTRUMENTS],
    live: DFF<Bits<INSTRUMENTS>>,
    one_hot: Signal<Local, Bits<INSTRUMENTS>>,
    one: Signal<Local, Bits<INSTRUMENTS>>,
}

impl Logic for SlotCounts {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, live);
        for i in 0..16 {
            self.counts[i].clock.next = self.clock.val();
            self.counts[i].d.next = self.counts[i].q.val();
        }
        self.one.next = 1.into();
        self.one_hot.next =
            self.one.val() << bit_cast::<INSTRUMENTS, INSTRUMENT_BITS>(self.set_instrument.val());
        self.count.next = 0.into();
        self.coming_count.next = 0.into();
        for i in 0..16 {
            if self.instrument.val() == i.to_bits() {
                self.count.next = self.counts[i].q.val();
            }
            if self.coming_instrument.val() == i.to_bits() {
                self.coming_count.next = self.counts[i].q.val();
            }
        }
        if self.set.val() {
            for i in 0..16 {
                if self.set_instrument.val() == i.to_bits() {
                    self.counts[i].d.next = self.set_count.val();
                }
            }
            if self.set_count.val().any() {
                self.live.d.next = self.live.q.val() | self.one_hot.val();
            } else {
                self.live.d.next = self.live.q.val() & !self.one_hot.val();
            }
            if self.set_instrument.val() == self.instrument.val() {
                self.count.next = self.set_count.val();
            }
            if self.set_instrument.val() == self.coming_instrument.val() {
                self.coming_count.next = self.set_count.val();
            }
        }
        if self.reset.val() {
            for i in 0..16 {
                self.counts[i].d.next = 0.into();
            }
            self.live.d.next = 0.into();
        }
        self.occupied.next = self.live.q.val();
    }
}
