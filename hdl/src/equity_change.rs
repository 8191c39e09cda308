//! Change of an account's equity: weighted value changes and scaled cash, summed over the beats of an operation.

use crate::product::ProductOfOneClock;
use crate::width::{CASH_BITS, CHANGE_BITS, NOTIONAL_BITS, SCALE_BITS, WEIGHT_BITS};
use rust_hdl::prelude::*;

/// Clocks from `value` to `change`.
pub const LATENCY: u64 = 4;
const PRODUCT_BITS: usize = CASH_BITS + WEIGHT_BITS;

/// `change = sum of +-value * weight` since the beat marked `first`, or `+-cash * S` where a beat says `is_cash`.
///
/// Shape: one beat per clock, never stalls; prices, weights and cash stand still during an operation.
/// Units: quanta in, quanta / S out, two's complement.
#[derive(LogicBlock, Default)]
pub struct EquityChange {
    pub clock: Signal<In, Clock>,
    pub value: Signal<In, Bits<NOTIONAL_BITS>>,
    pub is_short: Signal<In, Bit>,
    pub is_cash: Signal<In, Bit>,
    pub retract: Signal<In, Bit>,
    pub first: Signal<In, Bit>,
    pub price_fell: Signal<In, Bit>,
    pub weight_long: Signal<In, Bits<WEIGHT_BITS>>,
    pub weight_short: Signal<In, Bits<WEIGHT_BITS>>,
    pub cash: Signal<In, Bits<CASH_BITS>>,
    pub cash_negative: Signal<In, Bit>,
    pub scale: Signal<In, Bits<SCALE_BITS>>,
    pub change: Signal<Out, Bits<CHANGE_BITS>>,
    weight_product: ProductOfOneClock<CASH_BITS, WEIGHT_BITS, PRODUCT_BITS>,
    factor: DFF<Bits<CASH_BITS>>,
    weight: DFF<Bits<WEIGHT_BITS>>,
    factor_negative: DFF<Bit>,
    factor_first: DFF<Bit>,
    product_negative: DFF<Bit>,
    product_first: DFF<Bit>,
    term: DFF<Bits<CHANGE_BITS>>,
    term_first: DFF<Bit>,
    sum: DFF<Bits<CHANGE_BITS>>,
    product_wide: Signal<Local, Bits<CHANGE_BITS>>,
}

impl Logic for EquityChange {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            factor,
            weight,
            factor_negative,
            factor_first,
            product_negative,
            product_first,
            term,
            term_first,
            sum
        );
        clock!(self, clock, weight_product);

        self.factor_first.d.next = self.first.val();
        if self.is_cash.val() {
            self.factor.d.next = self.cash.val();
            self.weight.d.next = bit_cast::<WEIGHT_BITS, SCALE_BITS>(self.scale.val());
            self.factor_negative.d.next = self.cash_negative.val();
        } else {
            self.factor.d.next = bit_cast::<CASH_BITS, NOTIONAL_BITS>(self.value.val());
            self.factor_negative.d.next = (self.is_short.val() ^ self.price_fell.val()) ^ self.retract.val();
            if self.is_short.val() {
                self.weight.d.next = self.weight_short.val();
            } else {
                self.weight.d.next = self.weight_long.val();
            }
        }

        self.weight_product.left.next = self.factor.q.val();
        self.weight_product.right.next = self.weight.q.val();
        self.product_negative.d.next = self.factor_negative.q.val();
        self.product_first.d.next = self.factor_first.q.val();

        self.product_wide.next = bit_cast::<CHANGE_BITS, PRODUCT_BITS>(self.weight_product.product.val());
        self.term.d.next = self.product_wide.val();
        if self.product_negative.q.val() {
            self.term.d.next = !self.product_wide.val() + 1;
        }
        self.term_first.d.next = self.product_first.q.val();

        self.sum.d.next = self.sum.q.val() + self.term.q.val();
        if self.term_first.q.val() {
            self.sum.d.next = self.term.q.val();
        }
        self.change.next = self.sum.q.val();
    }
}
