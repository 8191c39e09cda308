//! What becomes of a beat, once its account's sums are known.

use crate::beat::Beat;
use crate::reasons::Reasons;
use crate::width::CHANGE_BITS;
use rust_hdl::prelude::*;

/// Clocks from the sums to `outcome`.
pub const LATENCY: u64 = 1;

/// At most one of `executes`, `refuses` and `fails`; none for a bad account that a sweep or walk passes over.
#[derive(Clone, Copy, Debug, Default, LogicStruct, PartialEq)]
pub struct Outcome {
    /// The account takes its new word.
    pub executes: bool,
    /// The record is answered by ERROR.
    pub refuses: bool,
    /// The account or slot is reported by ERROR.
    pub fails: bool,
    pub reason: Bits<4>,
    /// The account's word is beyond repair.
    pub breaks: bool,
    /// The account gets the bad mark.
    pub spoils: bool,
    pub writes_slot: bool,
}

/// Checks in the contract's order: slot word, slot rule, account word, bad mark, range.
///
/// Shape: one beat per clock, never stalls.
#[derive(LogicBlock, Default)]
pub struct OutcomeCheck {
    pub clock: Signal<In, Clock>,
    pub beat: Signal<In, Beat>,
    pub equity: Signal<In, Bits<CHANGE_BITS>>,
    pub requirement: Signal<In, Bits<CHANGE_BITS>>,
    pub was_bad: Signal<In, Bit>,
    pub account_broken: Signal<In, Bit>,
    pub outcome: Signal<Out, Outcome>,
    reasons: Reasons,
    result: DFF<Outcome>,
    equity_top: Signal<Local, Bits<3>>,
    requirement_top: Signal<Local, Bits<3>>,
    out_of_range: Signal<Local, Bit>,
    slot_fails: Signal<Local, Bit>,
    account_fails: Signal<Local, Bit>,
    readable: Signal<Local, Bit>,
    stopped_bad: Signal<Local, Bit>,
    overflows: Signal<Local, Bit>,
    executes: Signal<Local, Bit>,
}

impl Logic for OutcomeCheck {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, result);
        self.equity_top.next = self.equity.val().get_bits::<3>(87);
        self.requirement_top.next = self.requirement.val().get_bits::<3>(87);
        self.out_of_range.next = ((self.equity_top.val() != 0) & (self.equity_top.val() != 7))
            | ((self.requirement_top.val() != 0) & (self.requirement_top.val() != 7));

        self.slot_fails.next = self.beat.val().slot_broken & self.beat.val().reads_slot;
        self.account_fails.next = self.beat.val().touches & self.account_broken.val();
        self.readable.next = self.beat.val().touches & !self.account_broken.val();
        self.stopped_bad.next = self.was_bad.val() & (self.beat.val().counts | self.beat.val().needs_good);
        self.overflows.next = (self.readable.val() & !self.stopped_bad.val()) & self.out_of_range.val();
        self.executes.next = (self.readable.val() & !self.stopped_bad.val()) & !self.out_of_range.val();

        self.result.d.next.executes = self.executes.val();
        self.result.d.next.refuses = self.beat.val().refused
            | ((self.readable.val() & self.stopped_bad.val()) & self.beat.val().needs_good)
            | (self.overflows.val() & !self.beat.val().counts);
        self.result.d.next.fails = (self.slot_fails.val() | self.account_fails.val())
            | (self.overflows.val() & self.beat.val().counts);
        self.result.d.next.breaks = self.account_fails.val();
        self.result.d.next.spoils =
            self.account_fails.val() | (self.overflows.val() & self.beat.val().counts);
        self.result.d.next.writes_slot = self.beat.val().writes_slot
            & (self.executes.val()
                | !((self.beat.val().touches | self.beat.val().refused) | self.beat.val().slot_broken));

        self.result.d.next.reason = self.reasons.accumulator_range.val();
        if self.readable.val() & self.stopped_bad.val() {
            self.result.d.next.reason = self.reasons.bad_account.val();
        }
        if self.account_fails.val() {
            self.result.d.next.reason = self.reasons.uncorrectable_account.val();
        }
        if self.beat.val().refused {
            self.result.d.next.reason = self.beat.val().reason;
        }
        if self.slot_fails.val() {
            self.result.d.next.reason = self.reasons.uncorrectable_slot.val();
        }
        self.outcome.next = self.result.q.val();
    }
}
