//! Interrupt requests: one when asked for, and never two within the interval.

use rust_hdl::prelude::*;

/// Clocks from a tail that is beyond the armed index to `request`.
pub const LATENCY: u64 = 3;

/// Asks for an interrupt when `shown` is beyond the index that the host armed.
///
/// Shape: `request` stands until `accept`. Arming is for one request; arming with an index already passed asks at once, so
/// that no record is missed between the host's last look and its arming.
#[derive(LogicBlock, Default)]
pub struct Interrupt {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub arm: Signal<In, Bit>,
    pub index: Signal<In, Bits<32>>,
    pub interval: Signal<In, Bits<32>>,
    pub shown: Signal<In, Bits<32>>,
    pub request: Signal<Out, Bit>,
    pub accept: Signal<In, Bit>,
    armed: DFF<Bit>,
    armed_index: DFF<Bits<32>>,
    beyond: DFF<Bits<32>>,
    measured: DFF<Bit>,
    passed: DFF<Bit>,
    elapsed: DFF<Bits<32>>,
    rested: DFF<Bit>,
    requests: DFF<Bit>,
    fires: Signal<Local, Bit>,
}

impl Logic for Interrupt {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, armed, armed_index, beyond, measured, passed, elapsed, rested, requests);
        self.beyond.d.next = self.shown.val() - self.armed_index.q.val();
        self.measured.d.next = self.armed.q.val();
        // Beyond is within the next 2^31 records.
        self.passed.d.next =
            (self.measured.q.val() & self.beyond.q.val().any()) & !self.beyond.q.val().get_bit(31);
        if !self.rested.q.val() {
            self.elapsed.d.next = self.elapsed.q.val() + 1;
        }
        self.rested.d.next = self.elapsed.q.val() >= self.interval.val();
        self.fires.next =
            ((self.armed.q.val() & self.passed.q.val()) & self.rested.q.val()) & !self.requests.q.val();
        if self.requests.q.val() & self.accept.val() {
            self.requests.d.next = false;
        }
        if self.fires.val() {
            self.requests.d.next = true;
            self.armed.d.next = false;
            self.passed.d.next = false;
            self.measured.d.next = false;
            self.elapsed.d.next = 0.into();
            self.rested.d.next = false;
        }
        if self.arm.val() {
            self.armed.d.next = true;
            self.armed_index.d.next = self.index.val();
            self.measured.d.next = false;
            self.passed.d.next = false;
        }
        if self.reset.val() {
            self.armed.d.next = false;
            self.measured.d.next = false;
            self.passed.d.next = false;
            self.requests.d.next = false;
            self.elapsed.d.next = 0.into();
            self.rested.d.next = false;
        }
        self.request.next = self.requests.q.val();
    }
}
