//! Unsigned products of any width: the only arithmetic that rust-hdl cannot write (it stops at 16 x 16).
//!
//! The Verilog is in `hdl/verilog`: `backstop_product_rows` cuts the factors into limbs that fit the multipliers of the
//! target (see [`crate::target`]), and the target's `backstop_multiplier` holds the registers.

use rust_hdl::prelude::*;

/// Clocks from the factors to the rows.
pub const ROWS_LATENCY: u64 = 2;
/// Clocks from the factors to the product.
pub const LATENCY: u64 = ROWS_LATENCY + 1;

/// Product of two unsigned factors as two rows: `sum + carry = left * right`, modulo `2^C`, and without a wrap if the right factor is one limb.
///
/// Shape: one product per clock, never stalls, [`ROWS_LATENCY`]. Behind the multipliers' registers lie at most two
/// levels of 3:2 adders; none if `right` fits one limb of the target (18 bits or fewer fit every target's). Which of
/// the many pairs of rows comes is the target's affair: use their sum only.
#[derive(LogicBlock, Default)]
pub struct ProductRows<const A: usize, const B: usize, const C: usize> {
    pub clock: Signal<In, Clock>,
    pub left: Signal<In, Bits<A>>,
    pub right: Signal<In, Bits<B>>,
    pub sum: Signal<Out, Bits<C>>,
    pub carry: Signal<Out, Bits<C>>,
    _factors: (Bits<A>, Bits<B>),
}

impl<const A: usize, const B: usize, const C: usize> Logic for ProductRows<A, B, C> {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self.sum.next = product(self._factors.0, self._factors.1);
            self.carry.next = Bits::default();
            self._factors = (self.left.val(), self.right.val());
        }
    }

    fn connect(&mut self) {
        self.sum.connect();
        self.carry.connect();
    }

    fn hdl(&self) -> Verilog {
        instance(format!(
            "backstop_product_rows #(.A({A}), .B({B}), .C({C})) product_rows(
    .clock(clock), .left(left), .right(right), .sum(sum), .carry(carry)
);
"
        ))
    }
}

/// Product of two unsigned factors, cut to `C` bits.
///
/// Shape: one product per clock, never stalls, [`LATENCY`]: the rows of [`ProductRows`], added and registered.
#[derive(LogicBlock, Default)]
pub struct Product<const A: usize, const B: usize, const C: usize> {
    pub clock: Signal<In, Clock>,
    pub left: Signal<In, Bits<A>>,
    pub right: Signal<In, Bits<B>>,
    pub product: Signal<Out, Bits<C>>,
    rows: ProductRows<A, B, C>,
    total: DFF<Bits<C>>,
}

impl<const A: usize, const B: usize, const C: usize> Logic for Product<A, B, C> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, total);
        clock!(self, clock, rows);
        self.rows.left.next = self.left.val();
        self.rows.right.next = self.right.val();
        self.total.d.next = self.rows.sum.val() + self.rows.carry.val();
        self.product.next = self.total.q.val();
    }
}

/// A body that is one instance of a module of `hdl/verilog`, whose outputs are nets.
pub(crate) fn instance(code: String) -> Verilog {
    Verilog::Wrapper(Wrapper { code, cores: String::new() })
}

fn product<const A: usize, const B: usize, const C: usize>(left: Bits<A>, right: Bits<B>) -> Bits<C> {
    (0..B)
        .filter(|bit| right.get_bit(*bit))
        .fold(Bits::default(), |sum, bit| sum + (bit_cast::<C, A>(left) << (bit as LiteralType)))
}
