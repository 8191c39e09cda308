//! A word of zeros: kernels cannot write one of a struct.

use crate::product::instance;
use rust_hdl::core::prelude::*;

/// Wires only.
pub const LATENCY: u64 = 0;

/// Zeros.
///
/// Shape: wires.
#[derive(LogicBlock, Default)]
pub struct Zero<D: Synth> {
    pub value: Signal<Out, D>,
}

impl<D: Synth> Logic for Zero<D> {
    fn update(&mut self) {
        self.value.next = D::default();
    }

    fn connect(&mut self) {
        self.value.connect();
    }

    fn hdl(&self) -> Verilog {
        instance("assign value = 0;\n".into())
    }
}
