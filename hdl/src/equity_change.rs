//! Change of an account's equity: the new value, less the old one, and cash.

use crate::product::{self, Product};
use crate::width::{CASH_BITS, CHANGE_BITS, NOTIONAL_BITS, SCALE_BITS, WEIGHT_BITS};
use rust_hdl::prelude::*;

/// Clocks from the values to `change`. Cash is due one clock before them, `loaded` three behind.
pub const LATENCY: u64 = product::LATENCY + 1;

const VALUE_BITS: usize = NOTIONAL_BITS + WEIGHT_BITS;
const PAID_BITS: usize = CASH_BITS + SCALE_BITS;
/// One bit more: the lowest carries a one into the sum.
const SUM_BITS: usize = CHANGE_BITS + 1;

/// `change = +-notional * weight +- slot_value * slot_weight +- cash * S`, or `loaded` in the place of the cash.
///
/// Shape: one beat per clock, never stalls. Units: quanta in, quanta / S out, two's complement.
/// The three terms meet in one 3:2 adder: a negative one is inverted, and the ones that make it a negation ride in free places.
#[derive(LogicBlock, Default)]
pub struct EquityChange {
    pub clock: Signal<In, Clock>,
    pub notional: Signal<In, Bits<NOTIONAL_BITS>>,
    pub weight: Signal<In, Bits<WEIGHT_BITS>>,
    pub negative: Signal<In, Bit>,
    pub slot_value: Signal<In, Bits<NOTIONAL_BITS>>,
    pub slot_weight: Signal<In, Bits<WEIGHT_BITS>>,
    pub slot_negative: Signal<In, Bit>,
    pub cash: Signal<In, Bits<CASH_BITS>>,
    pub cash_negative: Signal<In, Bit>,
    pub scale: Signal<In, Bits<SCALE_BITS>>,
    pub loads: Signal<In, Bit>,
    pub loaded: Signal<In, Bits<CHANGE_BITS>>,
    pub change: Signal<Out, Bits<CHANGE_BITS>>,
    value_product: Product<NOTIONAL_BITS, WEIGHT_BITS, VALUE_BITS>,
    slot_product: Product<NOTIONAL_BITS, WEIGHT_BITS, VALUE_BITS>,
    cash_product: Product<CASH_BITS, SCALE_BITS, PAID_BITS>,
    negatives: [DFF<Bit>; 3],
    slot_negatives: [DFF<Bit>; 3],
    cash_negatives: [DFF<Bit>; 3],
    paid: DFF<Bits<CHANGE_BITS>>,
    sum: DFF<Bits<CHANGE_BITS>>,
    paid_wide: Signal<Local, Bits<CHANGE_BITS>>,
    value_wide: Signal<Local, Bits<CHANGE_BITS>>,
    slot_wide: Signal<Local, Bits<CHANGE_BITS>>,
    parity: Signal<Local, Bits<CHANGE_BITS>>,
    majority: Signal<Local, Bits<CHANGE_BITS>>,
    left: Signal<Local, Bits<SUM_BITS>>,
    right: Signal<Local, Bits<SUM_BITS>>,
    total: Signal<Local, Bits<SUM_BITS>>,
}

impl Logic for EquityChange {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, paid, sum);
        clock!(self, clock, value_product, slot_product, cash_product);
        for i in 0..3 {
            self.negatives[i].clock.next = self.clock.val();
            self.slot_negatives[i].clock.next = self.clock.val();
            self.cash_negatives[i].clock.next = self.clock.val();
        }
        self.negatives[0].d.next = self.negative.val();
        self.slot_negatives[0].d.next = self.slot_negative.val();
        self.cash_negatives[0].d.next = self.cash_negative.val();
        for i in 1..3 {
            self.negatives[i].d.next = self.negatives[i - 1].q.val();
            self.slot_negatives[i].d.next = self.slot_negatives[i - 1].q.val();
            self.cash_negatives[i].d.next = self.cash_negatives[i - 1].q.val();
        }

        self.value_product.left.next = self.notional.val();
        self.value_product.right.next = self.weight.val();
        self.slot_product.left.next = self.slot_value.val();
        self.slot_product.right.next = self.slot_weight.val();
        self.cash_product.left.next = self.cash.val();
        self.cash_product.right.next = self.scale.val();

        self.paid_wide.next = bit_cast::<CHANGE_BITS, PAID_BITS>(self.cash_product.product.val());
        self.paid.d.next = self.paid_wide.val();
        if self.cash_negatives[2].q.val() {
            self.paid.d.next = !self.paid_wide.val() + 1;
        }
        if self.loads.val() {
            self.paid.d.next = self.loaded.val();
        }

        self.value_wide.next = bit_cast::<CHANGE_BITS, VALUE_BITS>(self.value_product.product.val());
        if self.negatives[2].q.val() {
            self.value_wide.next = !bit_cast::<CHANGE_BITS, VALUE_BITS>(self.value_product.product.val());
        }
        self.slot_wide.next = bit_cast::<CHANGE_BITS, VALUE_BITS>(self.slot_product.product.val());
        if self.slot_negatives[2].q.val() {
            self.slot_wide.next = !bit_cast::<CHANGE_BITS, VALUE_BITS>(self.slot_product.product.val());
        }
        self.parity.next = (self.value_wide.val() ^ self.slot_wide.val()) ^ self.paid.q.val();
        self.majority.next = ((self.value_wide.val() & self.slot_wide.val())
            | (self.value_wide.val() & self.paid.q.val()))
            | (self.slot_wide.val() & self.paid.q.val());
        self.left.next = (bit_cast::<SUM_BITS, CHANGE_BITS>(self.parity.val()) << 1).replace_bit(0, true);
        self.right.next = (bit_cast::<SUM_BITS, CHANGE_BITS>(self.majority.val()) << 2)
            .replace_bit(0, self.negatives[2].q.val())
            .replace_bit(1, self.slot_negatives[2].q.val());
        self.total.next = self.left.val() + self.right.val();
        self.sum.d.next = self.total.val().get_bits::<CHANGE_BITS>(1);
        self.change.next = self.sum.q.val();
    }
}
