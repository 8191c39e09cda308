//! One step of the tier tables of all instruments.

use crate::ram::Ram;
use crate::width::{BANK_BITS, DEDUCTION_BITS, NOTIONAL_BITS, SCALE_BITS, STEP_BITS};
use rust_hdl::prelude::*;

/// Clocks from `notional` to `reached`.
pub const LATENCY: u64 = 1;

/// A tier: floor in quanta, rate over S, deduction in quanta / S.
#[derive(Clone, Copy, Debug, Default, LogicStruct, PartialEq)]
pub struct TierWord {
    pub floor: Bits<NOTIONAL_BITS>,
    pub rate: Bits<SCALE_BITS>,
    pub deduction: Bits<DEDUCTION_BITS>,
}

/// The step's RAM over all banks, and its comparison of the notional with the loaded bank's floor.
///
/// Shape: one notional per clock, never stalls. While `scan` is high, `reached` says instead whether this step is
/// at or below `scan_step`, so that the table's selector reads the steps one by one.
#[derive(LogicBlock)]
pub struct TierStep {
    pub clock: Signal<In, Clock>,
    pub load: Signal<In, Bit>,
    pub load_bank: Signal<In, Bits<BANK_BITS>>,
    pub write: Signal<In, Bit>,
    pub write_bank: Signal<In, Bits<BANK_BITS>>,
    pub write_tier: Signal<In, TierWord>,
    pub live: Signal<In, Bit>,
    pub notional: Signal<In, Bits<NOTIONAL_BITS>>,
    pub scan: Signal<In, Bit>,
    pub scan_step: Signal<In, Bits<STEP_BITS>>,
    pub reached: Signal<Out, Bit>,
    pub tier: Signal<Out, TierWord>,
    ram: Ram<TierWord, BANK_BITS>,
    is_reached: DFF<Bit>,
    step: Constant<Bits<STEP_BITS>>,
}

impl TierStep {
    pub fn new(step: usize, banks: usize) -> Self {
        Self {
            clock: Default::default(),
            load: Default::default(),
            load_bank: Default::default(),
            write: Default::default(),
            write_bank: Default::default(),
            write_tier: Default::default(),
            live: Default::default(),
            notional: Default::default(),
            scan: Default::default(),
            scan_step: Default::default(),
            reached: Default::default(),
            tier: Default::default(),
            ram: Ram::new(banks),
            is_reached: Default::default(),
            step: Constant::new((step as u64).into()),
        }
    }
}

impl Logic for TierStep {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, is_reached);
        clock!(self, clock, ram);

        self.ram.read_enable.next = self.load.val();
        self.ram.read_address.next = self.load_bank.val();
        self.ram.write_enable.next = self.write.val();
        self.ram.write_address.next = self.write_bank.val();
        self.ram.write_data.next = self.write_tier.val();

        if self.scan.val() {
            self.is_reached.d.next = self.scan_step.val() >= self.step.val();
        } else {
            self.is_reached.d.next =
                self.live.val() & (self.notional.val() >= self.ram.read_data.val().floor);
        }

        self.reached.next = self.is_reached.q.val();
        self.tier.next = self.ram.read_data.val();
    }
}
