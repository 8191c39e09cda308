//! The lanes' answers joined into one stream.

use crate::width::RECORD_BITS;
use rust_hdl::prelude::*;

/// Clocks from a lane's answer to the output.
pub const LATENCY: u64 = 1;

/// One stream of `L` lanes' answers; the lanes' echoes of one FENCE or RESYNC become one.
///
/// Shape: ready/valid streams in and out, one record per clock, the output from registers. Among lanes whose next answer is
/// no echo the turn goes round. An echo waits until every lane's next answer is one.
#[derive(LogicBlock)]
pub struct Merge<const L: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub record: [Signal<In, Bits<RECORD_BITS>>; L],
    pub is_echo: [Signal<In, Bit>; L],
    pub valid: [Signal<In, Bit>; L],
    pub ready: [Signal<Out, Bit>; L],
    pub out_record: Signal<Out, Bits<RECORD_BITS>>,
    pub out_valid: Signal<Out, Bit>,
    pub out_ready: Signal<In, Bit>,
    held: DFF<Bits<RECORD_BITS>>,
    held_valid: DFF<Bit>,
    /// The lane that gave the last answer.
    turn: DFF<Bits<3>>,
    free: Signal<Local, Bit>,
    all_echo: Signal<Local, Bit>,
    any_report: Signal<Local, Bit>,
    chosen: Signal<Local, Bits<3>>,
}

impl<const L: usize> Default for Merge<L> {
    fn default() -> Self {
        Self {
            clock: Default::default(),
            reset: Default::default(),
            record: std::array::from_fn(|_| Default::default()),
            is_echo: std::array::from_fn(|_| Default::default()),
            valid: std::array::from_fn(|_| Default::default()),
            ready: std::array::from_fn(|_| Default::default()),
            out_record: Default::default(),
            out_valid: Default::default(),
            out_ready: Default::default(),
            held: Default::default(),
            held_valid: Default::default(),
            turn: Default::default(),
            free: Default::default(),
            all_echo: Default::default(),
            any_report: Default::default(),
            chosen: Default::default(),
        }
    }
}

impl<const L: usize> Logic for Merge<L> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, held, held_valid, turn);
        self.free.next = !self.held_valid.q.val() | self.out_ready.val();

        // The next lane below the last one's, or else the highest: of the assignments the last wins.
        self.all_echo.next = true;
        self.any_report.next = false;
        self.chosen.next = 0.into();
        for i in 0..L {
            if !(self.valid[i].val() & self.is_echo[i].val()) {
                self.all_echo.next = false;
            }
            if self.valid[i].val() & !self.is_echo[i].val() {
                self.any_report.next = true;
                self.chosen.next = i.to_bits();
            }
        }
        for i in 0..L {
            if (self.valid[i].val() & !self.is_echo[i].val()) & (self.turn.q.val() > i.to_bits()) {
                self.chosen.next = i.to_bits();
            }
        }

        if self.free.val() {
            self.held_valid.d.next = self.any_report.val() | self.all_echo.val();
            self.held.d.next = self.record[0].val();
        }
        for i in 0..L {
            self.ready[i].next = self.free.val()
                & (self.all_echo.val() | (self.any_report.val() & (self.chosen.val() == i.to_bits())));
            if (self.free.val() & self.any_report.val()) & (self.chosen.val() == i.to_bits()) {
                self.held.d.next = self.record[i].val();
                self.turn.d.next = i.to_bits();
            }
        }
        if self.reset.val() {
            self.held_valid.d.next = false;
            self.turn.d.next = 0.into();
        }
        self.out_valid.next = self.held_valid.q.val();
        self.out_record.next = self.held.q.val();
    }
}
