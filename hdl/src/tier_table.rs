//! Tier selection: the last step whose floor is at most the notional.

use crate::tier_step::{self, TierStep};
use crate::width::{BANK_BITS, CHARGE_BITS, NOTIONAL_BITS, STEP_BITS, TIERS};
use rust_hdl::prelude::*;

/// Clocks from `notional` to `charge`.
pub const LATENCY: u64 = tier_step::LATENCY;

/// Tables of all instruments, two banks each, all steps compared at once.
///
/// Shape: one notional per clock, never stalls; each may be of another bank. Floors of a committed bank rise strictly, so
/// the comparisons form a thermometer and its end is the tier. `floor_bank` is due two clocks before the
/// notional, `count` (steps of the table) one before, `charge_bank` with it. `charge`: rate low, deduction above.
#[derive(LogicBlock, Default)]
pub struct TierTable {
    pub clock: Signal<In, Clock>,
    pub write: Signal<In, Bit>,
    pub write_bank: Signal<In, Bits<BANK_BITS>>,
    pub write_step: Signal<In, Bits<STEP_BITS>>,
    pub write_floor: Signal<In, Bits<NOTIONAL_BITS>>,
    pub write_charge: Signal<In, Bits<CHARGE_BITS>>,
    pub floor_bank: Signal<In, Bits<BANK_BITS>>,
    pub count: Signal<In, Bits<5>>,
    pub notional: Signal<In, Bits<NOTIONAL_BITS>>,
    pub charge_bank: Signal<In, Bits<BANK_BITS>>,
    pub charge: Signal<Out, Bits<CHARGE_BITS>>,
    steps: [TierStep; TIERS],
    chosen: [Signal<Local, Bits<CHARGE_BITS>>; TIERS],
}

impl TierTable {
    pub fn new(instruments: usize) -> Self {
        Self { steps: std::array::from_fn(|_| TierStep::new(2 * instruments)), ..Default::default() }
    }
}

impl Logic for TierTable {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..16 {
            self.steps[i].clock.next = self.clock.val();
            self.steps[i].write.next = self.write.val() & (self.write_step.val() == i.to_bits());
            self.steps[i].write_bank.next = self.write_bank.val();
            self.steps[i].write_floor.next = self.write_floor.val();
            self.steps[i].write_charge.next = self.write_charge.val();
            self.steps[i].floor_bank.next = self.floor_bank.val();
            self.steps[i].count.next = self.count.val();
            self.steps[i].notional.next = self.notional.val();
            self.steps[i].charge_bank.next = self.charge_bank.val();
            self.steps[i].step.next = i.to_bits();
            self.chosen[i].next = 0.into();
        }
        for i in 0..15 {
            if self.steps[i].reached.val() & !self.steps[i + 1].reached.val() {
                self.chosen[i].next = self.steps[i].charge.val();
            }
        }
        if self.steps[15].reached.val() {
            self.chosen[15].next = self.steps[15].charge.val();
        }
        self.charge.next = (((self.chosen[0].val() | self.chosen[1].val())
            | (self.chosen[2].val() | self.chosen[3].val()))
            | ((self.chosen[4].val() | self.chosen[5].val())
                | (self.chosen[6].val() | self.chosen[7].val())))
            | (((self.chosen[8].val() | self.chosen[9].val())
                | (self.chosen[10].val() | self.chosen[11].val()))
                | ((self.chosen[12].val() | self.chosen[13].val())
                    | (self.chosen[14].val() | self.chosen[15].val())));
    }
}
