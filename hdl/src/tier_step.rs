//! One step of the tier tables of all instruments.

use crate::ram::Ram;
use crate::width::{BANK_BITS, NOTIONAL_BITS, STEP_BITS};
use rust_hdl::prelude::*;

/// Clocks from `notional` to `reached`.
pub const LATENCY: u64 = 1;

/// The step's floor in every bank.
///
/// Shape: one notional per clock, never stalls. `floor_bank` and `count` are due two clocks and one before the notional.
#[derive(LogicBlock, Default)]
pub struct TierStep {
    pub clock: Signal<In, Clock>,
    pub write: Signal<In, Bit>,
    pub write_bank: Signal<In, Bits<BANK_BITS>>,
    pub write_floor: Signal<In, Bits<NOTIONAL_BITS>>,
    pub floor_bank: Signal<In, Bits<BANK_BITS>>,
    pub count: Signal<In, Bits<5>>,
    pub notional: Signal<In, Bits<NOTIONAL_BITS>>,
    pub step: Signal<In, Bits<STEP_BITS>>,
    pub reached: Signal<Out, Bit>,
    floors: Ram<Bits<NOTIONAL_BITS>, BANK_BITS>,
    floor: DFF<Bits<NOTIONAL_BITS>>,
    counts: DFF<Bit>,
    is_reached: DFF<Bit>,
}

impl TierStep {
    pub fn new(banks: usize) -> Self {
        Self { floors: Ram::new(banks), ..Default::default() }
    }
}

impl Logic for TierStep {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, floor, counts, is_reached);
        clock!(self, clock, floors);
        self.floors.read_enable.next = true;
        self.floors.read_address.next = self.floor_bank.val();
        self.floors.write_enable.next = self.write.val();
        self.floors.write_address.next = self.write_bank.val();
        self.floors.write_data.next = self.write_floor.val();
        self.floor.d.next = self.floors.read_data.val();
        self.counts.d.next = self.count.val() > bit_cast::<5, STEP_BITS>(self.step.val());
        self.is_reached.d.next = self.counts.q.val() & (self.notional.val() >= self.floor.q.val());
        self.reached.next = self.is_reached.q.val();
    }
}
