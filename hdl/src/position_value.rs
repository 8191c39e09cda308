//! First products of a beat: the notional of its position and the change of its slot's value.

use crate::product::{self, Product};
use crate::width::{MAGNITUDE_BITS, NOTIONAL_BITS, PRICE_BITS};
use rust_hdl::prelude::*;

/// Clocks from the sizes to the products.
pub const LATENCY: u64 = product::LATENCY;

/// `|q| * price` of the position as it will be, and `|q| * slot_price` of the slot as it is.
///
/// Shape: one beat per clock, never stalls. Units: lots, quanta per lot, quanta.
/// The instrument's price_bits + size_bits keep both products in width.
#[derive(LogicBlock, Default)]
pub struct PositionValue {
    pub clock: Signal<In, Clock>,
    pub magnitude: Signal<In, Bits<MAGNITUDE_BITS>>,
    pub price: Signal<In, Bits<PRICE_BITS>>,
    pub slot_magnitude: Signal<In, Bits<MAGNITUDE_BITS>>,
    pub slot_price: Signal<In, Bits<PRICE_BITS>>,
    pub notional: Signal<Out, Bits<NOTIONAL_BITS>>,
    pub slot_value: Signal<Out, Bits<NOTIONAL_BITS>>,
    notional_product: Product<MAGNITUDE_BITS, PRICE_BITS, NOTIONAL_BITS>,
    slot_product: Product<MAGNITUDE_BITS, PRICE_BITS, NOTIONAL_BITS>,
}

impl Logic for PositionValue {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, notional_product, slot_product);
        self.notional_product.left.next = self.magnitude.val();
        self.notional_product.right.next = self.price.val();
        self.slot_product.left.next = self.slot_magnitude.val();
        self.slot_product.right.next = self.slot_price.val();
        self.notional.next = self.notional_product.product.val();
        self.slot_value.next = self.slot_product.product.val();
    }
}
