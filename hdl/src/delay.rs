//! Delay line: a value beside the pipeline, so that it arrives with the result it belongs to.

use rust_hdl::prelude::*;

/// The value `N` clocks later.
///
/// Shape: one value per clock, never stalls; `N` is at least 2.
#[derive(LogicBlock)]
pub struct Delay<D: Synth, const N: usize> {
    pub clock: Signal<In, Clock>,
    pub value_in: Signal<In, D>,
    pub value_out: Signal<Out, D>,
    stages: [DFF<D>; N],
}

impl<D: Synth, const N: usize> Delay<D, N> {
    /// Clocks from `value_in` to `value_out`.
    pub const LATENCY: u64 = N as u64;
}

impl<D: Synth, const N: usize> Default for Delay<D, N> {
    fn default() -> Self {
        Self {
            clock: Default::default(),
            value_in: Default::default(),
            value_out: Default::default(),
            stages: std::array::from_fn(|_| Default::default()),
        }
    }
}

impl<D: Synth, const N: usize> Logic for Delay<D, N> {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..N {
            self.stages[i].clock.next = self.clock.val();
        }
        self.stages[0].d.next = self.value_in.val();
        for i in 1..N {
            self.stages[i].d.next = self.stages[i - 1].q.val();
        }
        // The last assignment wins; an index may not name N.
        for i in 0..N {
            self.value_out.next = self.stages[i].q.val();
        }
    }
}
