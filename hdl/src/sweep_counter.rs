//! What a RECEIPT says: holders, flags, clocks.

use rust_hdl::prelude::*;

/// Clocks from an event to its count.
pub const LATENCY: u64 = 1;

/// Counts of one sweep or walk since `start`.
///
/// Shape: one holder and one flag per clock.
#[derive(LogicBlock, Default)]
pub struct SweepCounter {
    pub clock: Signal<In, Clock>,
    pub start: Signal<In, Bit>,
    pub counted: Signal<In, Bit>,
    pub flagged: Signal<In, Bit>,
    pub holders: Signal<Out, Bits<32>>,
    pub flag_count: Signal<Out, Bits<32>>,
    pub clocks: Signal<Out, Bits<32>>,
    holder_count: DFF<Bits<32>>,
    flags: DFF<Bits<32>>,
    elapsed: DFF<Bits<32>>,
}

impl Logic for SweepCounter {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, holder_count, flags, elapsed);
        self.elapsed.d.next = self.elapsed.q.val() + 1;
        if self.counted.val() {
            self.holder_count.d.next = self.holder_count.q.val() + 1;
        }
        if self.flagged.val() {
            self.flags.d.next = self.flags.q.val() + 1;
        }
        if self.start.val() {
            self.elapsed.d.next = 0.into();
            self.holder_count.d.next = 0.into();
            self.flags.d.next = 0.into();
        }
        self.holders.next = self.holder_count.q.val();
        self.flag_count.next = self.flags.q.val();
        self.clocks.next = self.elapsed.q.val();
    }
}
