//! Whether an index that the host rang lies within its ring.

use rust_hdl::prelude::*;

/// Clocks from `rung` to `accepted` or `refused`.
pub const LATENCY: u64 = 2;

/// The host's index of a ring: it may go from where it is to `limit` at most, modulo 2^32.
///
/// Shape: one index at a time; `accepted` or `refused` is a pulse. `limit` may only go forward, so that an index found good stays good.
#[derive(LogicBlock, Default)]
pub struct Doorbell {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub rung: Signal<In, Bit>,
    pub value: Signal<In, Bits<32>>,
    pub limit: Signal<In, Bits<32>>,
    pub index: Signal<Out, Bits<32>>,
    pub accepted: Signal<Out, Bit>,
    pub refused: Signal<Out, Bit>,
    held: DFF<Bits<32>>,
    wanted: DFF<Bits<32>>,
    step: DFF<Bits<32>>,
    step_max: DFF<Bits<32>>,
    measured: DFF<Bit>,
    is_good: DFF<Bit>,
    judged: DFF<Bit>,
}

impl Logic for Doorbell {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, held, wanted, step, step_max, measured, is_good, judged);
        self.measured.d.next = self.rung.val();
        if self.rung.val() {
            self.wanted.d.next = self.value.val();
        }
        self.step.d.next = self.value.val() - self.held.q.val();
        self.step_max.d.next = self.limit.val() - self.held.q.val();
        self.judged.d.next = self.measured.q.val();
        self.is_good.d.next = self.step.q.val() <= self.step_max.q.val();
        self.accepted.next = self.judged.q.val() & self.is_good.q.val();
        self.refused.next = self.judged.q.val() & !self.is_good.q.val();
        if self.judged.q.val() & self.is_good.q.val() {
            self.held.d.next = self.wanted.q.val();
        }
        if self.reset.val() {
            self.held.d.next = 0.into();
            self.measured.d.next = false;
            self.judged.d.next = false;
        }
        self.index.next = self.held.q.val();
    }
}
