//! A sign of life from the machine's clock.

use rust_hdl::prelude::*;

/// Clocks between two changes of `beat`.
pub const LATENCY: u64 = 1 << (BITS - 1);

const BITS: usize = 11;

/// A bit that changes every 1,024 clocks: slow enough for any other clock to see each change.
///
/// Shape: a level.
#[derive(LogicBlock, Default)]
pub struct Heartbeat {
    pub clock: Signal<In, Clock>,
    pub beat: Signal<Out, Bit>,
    clocks: DFF<Bits<BITS>>,
}

impl Logic for Heartbeat {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, clocks);
        self.clocks.d.next = self.clocks.q.val() + 1;
        self.beat.next = self.clocks.q.val().get_bit(10);
    }
}
