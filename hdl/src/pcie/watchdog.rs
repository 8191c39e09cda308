//! The watchdog on the host's heartbeat.

use rust_hdl::prelude::*;

/// Clocks from the last missing tick to `lost`.
pub const LATENCY: u64 = 1;

/// Says that the host is lost when it was silent for `limit` ticks of 1,024 clocks.
///
/// Shape: `lost` stays until `restart`. A `limit` of 0 never ends.
#[derive(LogicBlock, Default)]
pub struct Watchdog {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub run: Signal<In, Bit>,
    pub beat: Signal<In, Bit>,
    pub restart: Signal<In, Bit>,
    pub limit: Signal<In, Bits<32>>,
    pub lost: Signal<Out, Bit>,
    clocks: DFF<Bits<10>>,
    tick: DFF<Bit>,
    ticks: DFF<Bits<32>>,
    over: DFF<Bit>,
    silent: DFF<Bit>,
}

impl Logic for Watchdog {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, clocks, tick, ticks, over, silent);
        self.clocks.d.next = self.clocks.q.val() + 1;
        self.tick.d.next = self.clocks.q.val() == 1023;
        if self.tick.q.val() & !self.over.q.val() {
            self.ticks.d.next = self.ticks.q.val() + 1;
        }
        self.over.d.next = self.limit.val().any() & (self.ticks.q.val() >= self.limit.val());
        if self.over.q.val() {
            self.silent.d.next = true;
        }
        if self.beat.val() | !self.run.val() {
            self.clocks.d.next = 0.into();
            self.tick.d.next = false;
            self.ticks.d.next = 0.into();
            self.over.d.next = false;
        }
        if self.restart.val() | self.reset.val() {
            self.clocks.d.next = 0.into();
            self.tick.d.next = false;
            self.ticks.d.next = 0.into();
            self.over.d.next = false;
            self.silent.d.next = false;
        }
        self.lost.next = self.silent.q.val();
    }
}
