//! The commit's check of the shadow bank: step by step, each against the one before.

use crate::tier_step::TierWord;
use crate::tier_table;
use crate::width::STEP_BITS;
use rust_hdl::prelude::*;

/// Clocks from `start` to `done`, beside one for every step.
pub const LATENCY: u64 = 3;

const _: () = assert!(tier_table::LATENCY == 2);

/// `ordered` at `done`: floor and deduction of step 0 are 0, floors rise strictly, rates and deductions do not fall.
///
/// Shape: one step per clock, read through the tier table's selector.
#[derive(LogicBlock, Default)]
pub struct TierScan {
    pub clock: Signal<In, Clock>,
    pub start: Signal<In, Bit>,
    pub count: Signal<In, Bits<5>>,
    pub tier: Signal<In, TierWord>,
    pub step: Signal<Out, Bits<STEP_BITS>>,
    pub done: Signal<Out, Bit>,
    pub ordered: Signal<Out, Bit>,
    /// Clocks since `start`; the step asked for two clocks ago is at the selector.
    elapsed: DFF<Bits<5>>,
    below: DFF<TierWord>,
    broken: DFF<Bit>,
    rises: Signal<Local, Bit>,
    last_step: Signal<Local, Bits<5>>,
}

impl Logic for TierScan {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, elapsed, below, broken);

        self.elapsed.d.next = self.elapsed.q.val() + 1;
        self.below.d.next = self.tier.val();
        self.last_step.next = self.count.val() + 2;
        self.rises.next = (self.tier.val().floor > self.below.q.val().floor)
            & (self.tier.val().rate >= self.below.q.val().rate)
            & (self.tier.val().deduction >= self.below.q.val().deduction);
        if self.elapsed.q.val() == 2 {
            self.broken.d.next = (self.tier.val().floor != 0) | (self.tier.val().deduction != 0);
        } else if (self.elapsed.q.val() > 2) & !self.rises.val() {
            self.broken.d.next = true;
        }
        if self.start.val() {
            self.elapsed.d.next = 0.into();
            self.broken.d.next = false;
        }

        self.step.next = self.elapsed.q.val().get_bits::<STEP_BITS>(0);
        self.done.next = self.elapsed.q.val() == self.last_step.val();
        self.ordered.next = !self.broken.q.val();
    }
}
