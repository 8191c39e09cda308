//! Sign extension: rust-hdl's casts fill with zeros.

use rust_hdl::core::prelude::*;

/// Wires only.
pub const LATENCY: u64 = 0;

/// `narrow`, two's complement, in `W` bits.
///
/// Shape: wires.
#[derive(LogicBlock, Default)]
pub struct SignExtend<const N: usize, const W: usize> {
    pub narrow: Signal<In, Bits<N>>,
    pub wide: Signal<Out, Bits<W>>,
}

impl<const N: usize, const W: usize> Logic for SignExtend<N, W> {
    fn update(&mut self) {
        let narrow = self.narrow.val();
        let mut wide = bit_cast::<W, N>(narrow);
        if narrow.get_bit(N - 1) {
            wide = wide | (Bits::<W>::mask() << (N as LiteralType));
        }
        self.wide.next = wide;
    }

    fn connect(&mut self) {
        self.wide.connect();
    }

    fn hdl(&self) -> Verilog {
        Verilog::Custom(format!("always @(*) wide = {{{{{}{{narrow[{}]}}}}, narrow}};\n", W - N, N - 1))
    }
}
