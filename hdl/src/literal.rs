//! A constant of the build as a block, so that the blocks around it can be made by default.

use crate::product::instance;
use rust_hdl::core::prelude::*;

/// Wires only.
pub const LATENCY: u64 = 0;

/// A number fixed when the block is made.
///
/// Shape: wires.
#[derive(LogicBlock, Default)]
pub struct Literal<const W: usize> {
    pub value: Signal<Out, Bits<W>>,
    _value: u64,
}

impl<const W: usize> Literal<W> {
    pub fn new(value: u64) -> Self {
        Self { value: Signal::default(), _value: value }
    }
}

impl<const W: usize> Logic for Literal<W> {
    fn update(&mut self) {
        self.value.next = self._value.into();
    }

    fn connect(&mut self) {
        self.value.connect();
    }

    fn hdl(&self) -> Verilog {
        instance(format!("assign value = {W}'d{};\n", self._value))
    }
}
