//! The interlock: a record waits while an account or slot that it reads is still on its way to the RAM.

use crate::width::ACCOUNT_BITS;
use rust_hdl::prelude::*;

/// Clocks from `load` to `blocked`.
pub const LATENCY: u64 = 1;

/// Beats that may lie between a record and an earlier one of the same account: the slot RAM is read one clock
/// before stage 0 and written behind stage 13, the account RAM at 6 and behind 17. A slot may be read as it is written.
pub const WINDOW: usize = 13;

/// A row, and whether a beat of it changes the account.
const TAGGED_BITS: usize = ACCOUNT_BITS + 1;

/// Compares the account of the next record with those in flight, once, and then lets the matches move on with the beats.
///
/// Shape: one record per clock. `issue` says that the beat of `issue_row` enters stage 0.
#[derive(LogicBlock, Default)]
pub struct Interlock {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub issue: Signal<In, Bit>,
    pub issue_row: Signal<In, Bits<ACCOUNT_BITS>>,
    pub load: Signal<In, Bit>,
    pub load_row: Signal<In, Bits<ACCOUNT_BITS>>,
    pub blocked: Signal<Out, Bit>,
    rows: [DFF<Bits<TAGGED_BITS>>; WINDOW],
    hits: [DFF<Bit>; WINDOW],
    issued: Signal<Local, Bits<TAGGED_BITS>>,
    asked: Signal<Local, Bits<TAGGED_BITS>>,
    in_flight: Signal<Local, Bits<TAGGED_BITS>>,
}

impl Logic for Interlock {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..13 {
            self.rows[i].clock.next = self.clock.val();
            self.hits[i].clock.next = self.clock.val();
        }
        self.in_flight.next = 0x4000.into();
        self.asked.next = bit_cast::<TAGGED_BITS, ACCOUNT_BITS>(self.load_row.val()) | self.in_flight.val();
        self.issued.next = 0.into();
        if self.issue.val() {
            self.issued.next =
                bit_cast::<TAGGED_BITS, ACCOUNT_BITS>(self.issue_row.val()) | self.in_flight.val();
        }
        self.rows[0].d.next = self.issued.val();
        for i in 1..13 {
            self.rows[i].d.next = self.rows[i - 1].q.val();
        }
        if self.load.val() {
            self.hits[0].d.next = self.issued.val() == self.asked.val();
            for i in 1..13 {
                self.hits[i].d.next = self.rows[i - 1].q.val() == self.asked.val();
            }
        } else {
            self.hits[0].d.next = false;
            for i in 1..13 {
                self.hits[i].d.next = self.hits[i - 1].q.val();
            }
        }
        if self.reset.val() {
            for i in 0..13 {
                self.rows[i].d.next = 0.into();
                self.hits[i].d.next = false;
            }
        }
        self.blocked.next = ((self.hits[0].q.val() | self.hits[1].q.val())
            | (self.hits[2].q.val() | self.hits[3].q.val()))
            | ((self.hits[4].q.val() | self.hits[5].q.val()) | (self.hits[6].q.val() | self.hits[7].q.val()))
            | ((self.hits[8].q.val() | self.hits[9].q.val())
                | ((self.hits[10].q.val() | self.hits[11].q.val()) | self.hits[12].q.val()));
    }
}

const _: () = assert!(ACCOUNT_BITS == 14, "the in-flight bit above is bit 14");
