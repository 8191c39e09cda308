//! Maintenance requirement of a position, and how it differs from the stored one.

use crate::product::ProductOfOneClock;
use crate::tier_step::TierWord;
use crate::width::{
    CHANGE_BITS, DEDUCTION_BITS, NOTIONAL_BITS, REQUIREMENT_BITS, REQUIREMENT_PRODUCT_BITS, SCALE_BITS,
};
use rust_hdl::prelude::*;

/// Clocks from `notional` and `tier` to `requirement` and `change`.
pub const LATENCY: u64 = 2;

/// `requirement = N * rate - deduction` and `change = requirement - stored`.
///
/// Shape: one position per clock, never stalls. Units: quanta, quanta / S; both results in two's complement.
#[derive(LogicBlock)]
pub struct Requirement {
    pub clock: Signal<In, Clock>,
    pub notional: Signal<In, Bits<NOTIONAL_BITS>>,
    pub tier: Signal<In, TierWord>,
    pub stored: Signal<In, Bits<REQUIREMENT_BITS>>,
    pub requirement: Signal<Out, Bits<REQUIREMENT_BITS>>,
    pub change: Signal<Out, Bits<CHANGE_BITS>>,
    rate_product: ProductOfOneClock<NOTIONAL_BITS, SCALE_BITS, REQUIREMENT_PRODUCT_BITS>,
    deduction: DFF<Bits<DEDUCTION_BITS>>,
    retracted: DFF<Bits<CHANGE_BITS>>,
    new_requirement: DFF<Bits<REQUIREMENT_BITS>>,
    difference: DFF<Bits<CHANGE_BITS>>,
    stored_wide: Signal<Local, Bits<CHANGE_BITS>>,
    deduction_wide: Signal<Local, Bits<CHANGE_BITS>>,
    product_wide: Signal<Local, Bits<CHANGE_BITS>>,
    product_signed: Signal<Local, Bits<REQUIREMENT_BITS>>,
    deduction_signed: Signal<Local, Bits<REQUIREMENT_BITS>>,
    sign_extension: Constant<Bits<CHANGE_BITS>>,
}

impl Default for Requirement {
    fn default() -> Self {
        Self {
            clock: Default::default(),
            notional: Default::default(),
            tier: Default::default(),
            stored: Default::default(),
            requirement: Default::default(),
            change: Default::default(),
            rate_product: Default::default(),
            deduction: Default::default(),
            retracted: Default::default(),
            new_requirement: Default::default(),
            difference: Default::default(),
            stored_wide: Default::default(),
            deduction_wide: Default::default(),
            product_wide: Default::default(),
            product_signed: Default::default(),
            deduction_signed: Default::default(),
            sign_extension: Constant::new(crate::sign::extension::<CHANGE_BITS>(REQUIREMENT_BITS)),
        }
    }
}

impl Logic for Requirement {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, deduction, retracted, new_requirement, difference);
        clock!(self, clock, rate_product);

        self.rate_product.left.next = self.notional.val();
        self.rate_product.right.next = self.tier.val().rate;
        self.stored_wide.next = bit_cast::<CHANGE_BITS, REQUIREMENT_BITS>(self.stored.val());
        if self.stored.val().get_bit(79) {
            self.stored_wide.next =
                bit_cast::<CHANGE_BITS, REQUIREMENT_BITS>(self.stored.val()) | self.sign_extension.val();
        }
        self.deduction.d.next = self.tier.val().deduction;
        self.deduction_wide.next = bit_cast::<CHANGE_BITS, DEDUCTION_BITS>(self.tier.val().deduction);
        self.retracted.d.next = self.stored_wide.val() + self.deduction_wide.val();

        self.product_wide.next =
            bit_cast::<CHANGE_BITS, REQUIREMENT_PRODUCT_BITS>(self.rate_product.product.val());
        self.product_signed.next =
            bit_cast::<REQUIREMENT_BITS, REQUIREMENT_PRODUCT_BITS>(self.rate_product.product.val());
        self.deduction_signed.next = bit_cast::<REQUIREMENT_BITS, DEDUCTION_BITS>(self.deduction.q.val());
        self.new_requirement.d.next = self.product_signed.val() - self.deduction_signed.val();
        self.difference.d.next = self.product_wide.val() - self.retracted.q.val();

        self.requirement.next = self.new_requirement.q.val();
        self.change.next = self.difference.q.val();
    }
}
