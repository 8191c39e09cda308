//! Read-modify-write of an account: from its stored word and the changes to its new one.

use crate::account_word::AccountWord;
use crate::sign::SignExtend;
use crate::width::{ACCUMULATOR_BITS, CHANGE_BITS, OFFSET_BITS};
use rust_hdl::prelude::*;

/// Clocks from `word` to `equity`, `requirement` and `effective`; the changes are due one clock behind `word`.
pub const LATENCY: u64 = 2;

/// Adds the changes. What came of it is judged behind these sums, see [`crate::verdict`].
///
/// Shape: one account per clock, never stalls. `effective` is R + offset as it will be. LOAD starts E and R from 0,
/// and OFFSET brings its value as the change of requirement, which then changes `effective` alone.
/// Units: quanta / S, two's complement, two bits more than the accumulators so that nothing wraps.
#[derive(LogicBlock, Default)]
pub struct AccountUpdate {
    pub clock: Signal<In, Clock>,
    pub word: Signal<In, AccountWord>,
    pub loads: Signal<In, Bit>,
    pub sets_offset: Signal<In, Bit>,
    pub equity_change: Signal<In, Bits<CHANGE_BITS>>,
    pub requirement_change: Signal<In, Bits<CHANGE_BITS>>,
    pub equity: Signal<Out, Bits<CHANGE_BITS>>,
    pub requirement: Signal<Out, Bits<CHANGE_BITS>>,
    pub effective: Signal<Out, Bits<CHANGE_BITS>>,
    pub offset: Signal<Out, Bits<OFFSET_BITS>>,
    pub stored: Signal<Out, AccountWord>,
    equity_wide: SignExtend<ACCUMULATOR_BITS, CHANGE_BITS>,
    requirement_wide: SignExtend<ACCUMULATOR_BITS, CHANGE_BITS>,
    offset_wide: SignExtend<OFFSET_BITS, CHANGE_BITS>,
    equity_base: DFF<Bits<CHANGE_BITS>>,
    requirement_base: DFF<Bits<CHANGE_BITS>>,
    effective_base: DFF<Bits<CHANGE_BITS>>,
    keeps_requirement: DFF<Bit>,
    word_1: DFF<AccountWord>,
    word_2: DFF<AccountWord>,
    equity_sum: DFF<Bits<CHANGE_BITS>>,
    requirement_sum: DFF<Bits<CHANGE_BITS>>,
    effective_sum: DFF<Bits<CHANGE_BITS>>,
    offset_2: DFF<Bits<OFFSET_BITS>>,
    requirement_step: Signal<Local, Bits<CHANGE_BITS>>,
}

impl Logic for AccountUpdate {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            equity_base,
            requirement_base,
            effective_base,
            keeps_requirement,
            word_1,
            word_2,
            equity_sum,
            requirement_sum,
            effective_sum,
            offset_2
        );
        self.equity_wide.narrow.next = self.word.val().equity;
        self.requirement_wide.narrow.next = self.word.val().requirement;
        self.offset_wide.narrow.next = self.word.val().offset;
        self.equity_base.d.next = self.equity_wide.wide.val();
        self.requirement_base.d.next = self.requirement_wide.wide.val();
        self.effective_base.d.next = self.requirement_wide.wide.val() + self.offset_wide.wide.val();
        if self.loads.val() {
            self.equity_base.d.next = 0.into();
            self.requirement_base.d.next = 0.into();
            self.effective_base.d.next = self.offset_wide.wide.val();
        }
        if self.sets_offset.val() {
            self.effective_base.d.next = self.requirement_wide.wide.val();
        }
        self.keeps_requirement.d.next = self.sets_offset.val();
        self.word_1.d.next = self.word.val();

        self.requirement_step.next = self.requirement_change.val();
        if self.keeps_requirement.q.val() {
            self.requirement_step.next = 0.into();
        }
        self.equity_sum.d.next = self.equity_base.q.val() + self.equity_change.val();
        self.requirement_sum.d.next = self.requirement_base.q.val() + self.requirement_step.val();
        self.effective_sum.d.next = self.effective_base.q.val() + self.requirement_change.val();
        self.offset_2.d.next = self.word_1.q.val().offset;
        if self.keeps_requirement.q.val() {
            self.offset_2.d.next = self.requirement_change.val().get_bits::<OFFSET_BITS>(0);
        }
        self.word_2.d.next = self.word_1.q.val();

        self.equity.next = self.equity_sum.q.val();
        self.requirement.next = self.requirement_sum.q.val();
        self.effective.next = self.effective_sum.q.val();
        self.offset.next = self.offset_2.q.val();
        self.stored.next = self.word_2.q.val();
    }
}
