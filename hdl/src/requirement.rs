//! A position's requirement and what it changes of the account's.

use crate::product::{self, ProductRows};
use crate::tier_table::{self, TierTable};
use crate::width::{
    BANK_BITS, CHANGE_BITS, CHARGE_BITS, DEDUCTION_BITS, NOTIONAL_BITS, REQUIREMENT_BITS, SCALE_BITS,
    STEP_BITS,
};
use rust_hdl::prelude::*;

/// Clocks from `notional` to `requirement` and `change`.
pub const LATENCY: u64 = tier_table::LATENCY + product::ROWS_LATENCY + 1;

/// `requirement = notional * rate - deduction`, `change = requirement - stored`; or `change = injected` where `reprices`
/// is low.
///
/// Shape: one beat per clock, never stalls. `floor_bank` is due two clocks before the notional, `count` one before,
/// `charge_bank` one behind; `stored`, `reprices` and `injected` three clocks behind it. Where `reprices` is low the notional is 0.
/// Units: quanta in, quanta / S out, two's complement.
#[derive(LogicBlock, Default)]
pub struct Requirement {
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
    pub stored: Signal<In, Bits<CHANGE_BITS>>,
    pub reprices: Signal<In, Bit>,
    pub injected: Signal<In, Bits<CHANGE_BITS>>,
    pub requirement: Signal<Out, Bits<REQUIREMENT_BITS>>,
    pub change: Signal<Out, Bits<CHANGE_BITS>>,
    tiers: TierTable,
    rows: ProductRows<NOTIONAL_BITS, SCALE_BITS, CHANGE_BITS>,
    notionals: [DFF<Bits<NOTIONAL_BITS>>; 2],
    deduction: DFF<Bits<DEDUCTION_BITS>>,
    kept_deduction: DFF<Bits<DEDUCTION_BITS>>,
    retracted: DFF<Bits<CHANGE_BITS>>,
    negates: DFF<Bit>,
    new_requirement: DFF<Bits<CHANGE_BITS>>,
    difference: DFF<Bits<CHANGE_BITS>>,
    lowered: Signal<Local, Bits<CHANGE_BITS>>,
    inverse: Signal<Local, Bits<CHANGE_BITS>>,
    parity: Signal<Local, Bits<CHANGE_BITS>>,
    majority: Signal<Local, Bits<CHANGE_BITS>>,
    charged_parity: Signal<Local, Bits<CHANGE_BITS>>,
    charged_majority: Signal<Local, Bits<CHANGE_BITS>>,
}

impl Requirement {
    pub fn new(instruments: usize) -> Self {
        Self { tiers: TierTable::new(instruments), ..Default::default() }
    }
}

impl Logic for Requirement {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, deduction, kept_deduction, retracted, negates, new_requirement, difference);
        clock!(self, clock, tiers, rows);
        self.tiers.write.next = self.write.val();
        self.tiers.write_bank.next = self.write_bank.val();
        self.tiers.write_step.next = self.write_step.val();
        self.tiers.write_floor.next = self.write_floor.val();
        self.tiers.write_charge.next = self.write_charge.val();
        self.tiers.floor_bank.next = self.floor_bank.val();
        self.tiers.count.next = self.count.val();
        self.tiers.notional.next = self.notional.val();
        self.tiers.charge_bank.next = self.charge_bank.val();

        for i in 0..2 {
            self.notionals[i].clock.next = self.clock.val();
        }
        self.notionals[0].d.next = self.notional.val();
        self.notionals[1].d.next = self.notionals[0].q.val();
        self.rows.left.next = self.notionals[1].q.val();
        self.rows.right.next = self.tiers.charge.val().get_bits::<SCALE_BITS>(0);
        self.deduction.d.next = self.tiers.charge.val().get_bits::<DEDUCTION_BITS>(20);

        self.kept_deduction.d.next = self.deduction.q.val();
        self.lowered.next =
            self.stored.val() + bit_cast::<CHANGE_BITS, DEDUCTION_BITS>(self.deduction.q.val());
        self.retracted.d.next = self.injected.val();
        self.negates.d.next = self.reprices.val();
        if self.reprices.val() {
            self.retracted.d.next = !self.lowered.val();
        }

        self.inverse.next = !bit_cast::<CHANGE_BITS, DEDUCTION_BITS>(self.kept_deduction.q.val());
        self.charged_parity.next = (self.rows.sum.val() ^ self.rows.carry.val()) ^ self.inverse.val();
        self.charged_majority.next = ((self.rows.sum.val() & self.rows.carry.val())
            | (self.rows.sum.val() & self.inverse.val()))
            | (self.rows.carry.val() & self.inverse.val());
        self.new_requirement.d.next =
            self.charged_parity.val() + (self.charged_majority.val() << 1).replace_bit(0, true);

        self.parity.next = (self.rows.sum.val() ^ self.rows.carry.val()) ^ self.retracted.q.val();
        self.majority.next = ((self.rows.sum.val() & self.rows.carry.val())
            | (self.rows.sum.val() & self.retracted.q.val()))
            | (self.rows.carry.val() & self.retracted.q.val());
        self.difference.d.next =
            self.parity.val() + (self.majority.val() << 1).replace_bit(0, self.negates.q.val());
        self.requirement.next = self.new_requirement.q.val().get_bits::<REQUIREMENT_BITS>(0);
        self.change.next = self.difference.q.val();
    }
}
