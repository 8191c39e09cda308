//! One account in two slots of an instrument: the sweep must not read it twice before it is written once.

use crate::width::ACCOUNT_BITS;
use rust_hdl::prelude::*;

/// Clocks from `row` to `repeated`.
pub const LATENCY: u64 = 1;

/// Beats behind the one asked about whose account is read before that one is written: read at stage 6, written behind 17.
pub const WINDOW: usize = 11;

const TAGGED_BITS: usize = ACCOUNT_BITS + 1;

/// Tells whether the row at the input is that of one of the last beats.
///
/// Shape: one beat per clock, never stalls.
#[derive(LogicBlock, Default)]
pub struct RepeatGuard {
    pub clock: Signal<In, Clock>,
    pub valid: Signal<In, Bit>,
    pub row: Signal<In, Bits<ACCOUNT_BITS>>,
    pub repeated: Signal<Out, Bit>,
    rows: [DFF<Bits<TAGGED_BITS>>; WINDOW],
    hit: DFF<Bit>,
    asked: Signal<Local, Bits<TAGGED_BITS>>,
    in_flight: Signal<Local, Bits<TAGGED_BITS>>,
}

impl Logic for RepeatGuard {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..11 {
            self.rows[i].clock.next = self.clock.val();
        }
        self.hit.clock.next = self.clock.val();
        self.in_flight.next = 0x4000.into();
        self.asked.next = 0.into();
        if self.valid.val() {
            self.asked.next = bit_cast::<TAGGED_BITS, ACCOUNT_BITS>(self.row.val()) | self.in_flight.val();
        }
        self.rows[0].d.next = self.asked.val();
        for i in 1..11 {
            self.rows[i].d.next = self.rows[i - 1].q.val();
        }
        self.hit.d.next = self.valid.val()
            & ((((self.rows[0].q.val() == self.asked.val()) | (self.rows[1].q.val() == self.asked.val()))
                | ((self.rows[2].q.val() == self.asked.val()) | (self.rows[3].q.val() == self.asked.val())))
                | ((((self.rows[4].q.val() == self.asked.val())
                    | (self.rows[5].q.val() == self.asked.val()))
                    | ((self.rows[6].q.val() == self.asked.val())
                        | (self.rows[7].q.val() == self.asked.val())))
                    | ((self.rows[8].q.val() == self.asked.val())
                        | ((self.rows[9].q.val() == self.asked.val())
                            | (self.rows[10].q.val() == self.asked.val())))));
        self.repeated.next = self.hit.q.val();
    }
}
