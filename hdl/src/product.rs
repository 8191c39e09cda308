//! The multiplier primitive: the only arithmetic that rust-hdl cannot write (it stops at 16 x 16).

use rust_hdl::prelude::*;

/// Clocks from the factors to the product.
pub const LATENCY: u64 = 1;

/// Product of two unsigned factors, cut to `C` bits.
///
/// Shape: one product per clock, never stalls. The body is a portable `a * b` behind one register, which every
/// synthesizer maps to its own DSP blocks; a vendor's block may replace it here and nowhere else.
#[derive(LogicBlock, Default)]
pub struct Product<const A: usize, const B: usize, const C: usize> {
    pub clock: Signal<In, Clock>,
    pub left: Signal<In, Bits<A>>,
    pub right: Signal<In, Bits<B>>,
    pub product: Signal<Out, Bits<C>>,
}

impl<const A: usize, const B: usize, const C: usize> Logic for Product<A, B, C> {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let mut sum = Bits::<C>::default();
            for bit in (0..B).filter(|bit| self.right.val().get_bit(*bit)) {
                sum = sum + (bit_cast::<C, A>(self.left.val()) << (bit as LiteralType));
            }
            self.product.next = sum;
        }
    }

    fn connect(&mut self) {
        self.product.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom("always @(posedge clock) product <= left * right;\n".into())
    }
}
