//! The push window: eight words of a record, and the record when the last is written.

use crate::width::RECORD_BITS;
use rust_hdl::prelude::*;

/// Clocks from the last word to `valid_out`.
pub const LATENCY: u64 = 1;

/// A record put together from the words that the host writes.
///
/// Shape: one word a pulse of `write`. The last word gives the record if `open`, and is answered in the same clock by `refused` if
/// not or if the record before it still stands; `valid_out` stays until `ready_out`.
#[derive(LogicBlock, Default)]
pub struct PushWindow {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub open: Signal<In, Bit>,
    pub write: Signal<In, Bit>,
    /// Place of the word, 7 is the last.
    pub place: Signal<In, Bits<3>>,
    pub word: Signal<In, Bits<32>>,
    pub refused: Signal<Out, Bit>,
    pub record_out: Signal<Out, Bits<RECORD_BITS>>,
    pub valid_out: Signal<Out, Bit>,
    pub ready_out: Signal<In, Bit>,
    words: [DFF<Bits<32>>; 8],
    valid: DFF<Bit>,
    last: Signal<Local, Bit>,
    made: Signal<Local, Bits<RECORD_BITS>>,
}

impl Logic for PushWindow {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, valid);
        for i in 0..8 {
            self.words[i].clock.next = self.clock.val();
            self.words[i].d.next = self.words[i].q.val();
            if (self.write.val() & !self.valid.q.val()) & (self.place.val() == i.to_bits()) {
                self.words[i].d.next = self.word.val();
            }
        }
        self.last.next = self.write.val() & (self.place.val() == 7);
        self.refused.next = self.last.val() & (!self.open.val() | self.valid.q.val());
        if self.valid.q.val() & self.ready_out.val() {
            self.valid.d.next = false;
        }
        if (self.last.val() & self.open.val()) & !self.valid.q.val() {
            self.valid.d.next = true;
        }
        if self.reset.val() {
            self.valid.d.next = false;
        }
        self.made.next = bit_cast::<RECORD_BITS, 32>(self.words[0].q.val())
            | (bit_cast::<RECORD_BITS, 32>(self.words[1].q.val()) << 32);
        self.record_out.next = ((self.made.val()
            | (bit_cast::<RECORD_BITS, 32>(self.words[2].q.val()) << 64))
            | ((bit_cast::<RECORD_BITS, 32>(self.words[3].q.val()) << 96)
                | (bit_cast::<RECORD_BITS, 32>(self.words[4].q.val()) << 128)))
            | ((bit_cast::<RECORD_BITS, 32>(self.words[5].q.val()) << 160)
                | ((bit_cast::<RECORD_BITS, 32>(self.words[6].q.val()) << 192)
                    | (bit_cast::<RECORD_BITS, 32>(self.words[7].q.val()) << 224)));
        self.valid_out.next = self.valid.q.val();
    }
}
