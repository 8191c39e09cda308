//! First products of a position: its value change and its notional.

use crate::product::ProductOfOneClock;
use crate::width::{MAGNITUDE_BITS, NOTIONAL_BITS, PRICE_BITS, SIZE_BITS};
use rust_hdl::prelude::*;

/// Clocks from `size` to the products.
pub const LATENCY: u64 = 2;

/// `|q| * price_change` and `|q| * price`, with the sign of `q` beside them.
///
/// Shape: one position per clock, never stalls; the two prices stand still while positions are under way.
/// Units: lots, quanta per lot, quanta. The instrument's price_bits + size_bits keep both products in width.
#[derive(LogicBlock, Default)]
pub struct PositionValue {
    pub clock: Signal<In, Clock>,
    pub size: Signal<In, Bits<SIZE_BITS>>,
    pub price_change: Signal<In, Bits<PRICE_BITS>>,
    pub price: Signal<In, Bits<PRICE_BITS>>,
    pub change: Signal<Out, Bits<NOTIONAL_BITS>>,
    pub notional: Signal<Out, Bits<NOTIONAL_BITS>>,
    pub is_short: Signal<Out, Bit>,
    change_product: ProductOfOneClock<MAGNITUDE_BITS, PRICE_BITS, NOTIONAL_BITS>,
    notional_product: ProductOfOneClock<MAGNITUDE_BITS, PRICE_BITS, NOTIONAL_BITS>,
    magnitude: DFF<Bits<MAGNITUDE_BITS>>,
    sign_factor: DFF<Bit>,
    sign_product: DFF<Bit>,
    negated: Signal<Local, Bits<SIZE_BITS>>,
}

impl Logic for PositionValue {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, magnitude, sign_factor, sign_product);
        clock!(self, clock, change_product, notional_product);

        self.negated.next = !self.size.val() + 1;
        self.sign_factor.d.next = self.size.val().get_bit(40);
        self.magnitude.d.next = self.size.val().get_bits::<MAGNITUDE_BITS>(0);
        if self.size.val().get_bit(40) {
            self.magnitude.d.next = self.negated.val().get_bits::<MAGNITUDE_BITS>(0);
        }

        self.change_product.left.next = self.magnitude.q.val();
        self.change_product.right.next = self.price_change.val();
        self.notional_product.left.next = self.magnitude.q.val();
        self.notional_product.right.next = self.price.val();
        self.sign_product.d.next = self.sign_factor.q.val();

        self.change.next = self.change_product.product.val();
        self.notional.next = self.notional_product.product.val();
        self.is_short.next = self.sign_product.q.val();
    }
}
