//! Tier selection: the last step whose floor is at most the notional.

use crate::tier_step::{TierStep, TierWord};
use crate::width::{BANK_BITS, NOTIONAL_BITS, STEP_BITS, TIERS};
use rust_hdl::prelude::*;

/// Clocks from `notional` or `scan_step` to `tier`, and from `load` to the first valid comparison: 1.
pub const LATENCY: u64 = 2;

/// Tables of all instruments, two banks each; one bank is loaded and compared with the notional, all steps at once.
///
/// Shape: one notional per clock, never stalls. Floors of a committed bank rise strictly, so the comparisons form a
/// thermometer and its end is the tier. `live_steps` masks the steps past the table's count.
#[derive(LogicBlock)]
pub struct TierTable {
    pub clock: Signal<In, Clock>,
    pub load: Signal<In, Bit>,
    pub load_bank: Signal<In, Bits<BANK_BITS>>,
    pub write: Signal<In, Bit>,
    pub write_all: Signal<In, Bit>,
    pub write_bank: Signal<In, Bits<BANK_BITS>>,
    pub write_step: Signal<In, Bits<STEP_BITS>>,
    pub write_tier: Signal<In, TierWord>,
    pub live_steps: Signal<In, Bits<TIERS>>,
    pub notional: Signal<In, Bits<NOTIONAL_BITS>>,
    pub scan: Signal<In, Bit>,
    pub scan_step: Signal<In, Bits<STEP_BITS>>,
    pub tier: Signal<Out, TierWord>,
    steps: [TierStep; TIERS],
    selected: DFF<TierWord>,
}

impl TierTable {
    pub fn new(instruments: usize) -> Self {
        Self {
            clock: Default::default(),
            load: Default::default(),
            load_bank: Default::default(),
            write: Default::default(),
            write_all: Default::default(),
            write_bank: Default::default(),
            write_step: Default::default(),
            write_tier: Default::default(),
            live_steps: Default::default(),
            notional: Default::default(),
            scan: Default::default(),
            scan_step: Default::default(),
            tier: Default::default(),
            steps: std::array::from_fn(|step| TierStep::new(step, 2 * instruments)),
            selected: Default::default(),
        }
    }
}

impl Logic for TierTable {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, selected);
        for i in 0..16 {
            self.steps[i].clock.next = self.clock.val();
            self.steps[i].load.next = self.load.val();
            self.steps[i].load_bank.next = self.load_bank.val();
            self.steps[i].write.next =
                self.write_all.val() | (self.write.val() & (self.write_step.val() == i.to_bits()));
            self.steps[i].write_bank.next = self.write_bank.val();
            self.steps[i].write_tier.next = self.write_tier.val();
            self.steps[i].live.next = self.live_steps.val().get_bit(i);
            self.steps[i].notional.next = self.notional.val();
            self.steps[i].scan.next = self.scan.val();
            self.steps[i].scan_step.next = self.scan_step.val();
        }
        for i in 0..15 {
            if self.steps[i].reached.val() & !self.steps[i + 1].reached.val() {
                self.selected.d.next = self.steps[i].tier.val();
            }
        }
        if self.steps[15].reached.val() {
            self.selected.d.next = self.steps[15].tier.val();
        }
        self.tier.next = self.selected.q.val();
    }
}
