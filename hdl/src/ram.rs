//! Block RAM: one write port, one read port with enable, one clock.

use rust_hdl::core::prelude::*;
use std::collections::BTreeMap;

/// Clocks from `read_address` to `read_data`.
pub const LATENCY: u64 = 1;

/// RAM of `D`, `A` address bits wide, with as many words as the build needs.
///
/// Shape: a read and a write per clock; a read of the word being written gives the old one. `read_data` keeps its
/// value while `read_enable` is low, so it serves as the register behind the RAM. Addresses past the last word
/// are never written and read as anything.
#[derive(LogicBlock)]
pub struct Ram<D: Synth, const A: usize> {
    pub clock: Signal<In, Clock>,
    pub read_enable: Signal<In, Bit>,
    pub read_address: Signal<In, Bits<A>>,
    pub read_data: Signal<Out, D>,
    pub write_enable: Signal<In, Bit>,
    pub write_address: Signal<In, Bits<A>>,
    pub write_data: Signal<In, D>,
    _words: usize,
    _cells: BTreeMap<Bits<A>, D>,
}

impl<D: Synth, const A: usize> Ram<D, A> {
    pub fn new(words: usize) -> Self {
        assert!(words >= 1 && words <= 1 << A);
        Self {
            clock: Signal::default(),
            read_enable: Signal::default(),
            read_address: Signal::default(),
            read_data: Signal::default(),
            write_enable: Signal::default(),
            write_address: Signal::default(),
            write_data: Signal::default(),
            _words: words,
            _cells: BTreeMap::new(),
        }
    }
}

impl<D: Synth, const A: usize> Default for Ram<D, A> {
    /// As many words as the address can tell.
    fn default() -> Self {
        Self::new(1 << A)
    }
}

impl<D: Synth, const A: usize> Logic for Ram<D, A> {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            if self.read_enable.val() {
                self.read_data.next = self._cells.get(&self.read_address.val()).copied().unwrap_or_default();
            }
            if self.write_enable.val() {
                self._cells.insert(self.write_address.val(), self.write_data.val());
            }
        }
    }

    fn connect(&mut self) {
        self.read_data.connect();
    }

    fn hdl(&self) -> Verilog {
        // The index is cut to the depth's own bits: the RAM is not padded to the bus.
        let index = usize::BITS - (self._words - 1).max(1).leading_zeros();
        Verilog::Custom(format!(
            "reg [{data}:0] cells [0:{last}];

always @(posedge clock) begin
   if (write_enable) cells[write_address[{index}:0]] <= write_data;
   if (read_enable) read_data <= cells[read_address[{index}:0]];
end
",
            data = D::BITS - 1,
            last = self._words - 1,
            index = index - 1,
        ))
    }
}
