//! Scale, rungs and equality.

use crate::record_check::bound;
use crate::width::{RUNG_BITS, SCALE_BITS};
use rust_hdl::prelude::*;

/// Clocks from `write` to the setting.
pub const LATENCY: u64 = 1;

/// The settings, written by index: 0 is S, 1 to 3 the rungs, 4 equality. Rungs in 256ths.
#[derive(LogicBlock)]
pub struct Settings {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub write: Signal<In, Bit>,
    pub index: Signal<In, Bits<16>>,
    pub value: Signal<In, Bits<32>>,
    pub scale: Signal<Out, Bits<SCALE_BITS>>,
    pub scale_set: Signal<Out, Bit>,
    pub rung_1: Signal<Out, Bits<RUNG_BITS>>,
    pub rung_2: Signal<Out, Bits<RUNG_BITS>>,
    pub rung_3: Signal<Out, Bits<RUNG_BITS>>,
    pub equality: Signal<Out, Bit>,
    scale_q: DFF<Bits<SCALE_BITS>>,
    set_q: DFF<Bit>,
    rung_1_q: DFF<Bits<RUNG_BITS>>,
    rung_2_q: DFF<Bits<RUNG_BITS>>,
    rung_3_q: DFF<Bits<RUNG_BITS>>,
    equality_q: DFF<Bit>,
    rung_reset: Constant<Bits<RUNG_BITS>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rung_reset: bound(model::margin::Rungs::RESET.rungs[0].into()),
            clock: Default::default(),
            reset: Default::default(),
            write: Default::default(),
            index: Default::default(),
            value: Default::default(),
            scale: Default::default(),
            scale_set: Default::default(),
            rung_1: Default::default(),
            rung_2: Default::default(),
            rung_3: Default::default(),
            equality: Default::default(),
            scale_q: Default::default(),
            set_q: Default::default(),
            rung_1_q: Default::default(),
            rung_2_q: Default::default(),
            rung_3_q: Default::default(),
            equality_q: Default::default(),
        }
    }
}

impl Logic for Settings {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, scale_q, set_q, rung_1_q, rung_2_q, rung_3_q, equality_q);

        if self.write.val() {
            if self.index.val() == 0 {
                self.scale_q.d.next = self.value.val().get_bits::<SCALE_BITS>(0);
                self.set_q.d.next = true;
            } else if self.index.val() == 1 {
                self.rung_1_q.d.next = self.value.val().get_bits::<RUNG_BITS>(0);
            } else if self.index.val() == 2 {
                self.rung_2_q.d.next = self.value.val().get_bits::<RUNG_BITS>(0);
            } else if self.index.val() == 3 {
                self.rung_3_q.d.next = self.value.val().get_bits::<RUNG_BITS>(0);
            } else {
                self.equality_q.d.next = self.value.val().get_bit(0);
            }
        }
        if self.reset.val() {
            self.set_q.d.next = false;
            self.rung_1_q.d.next = self.rung_reset.val();
            self.rung_2_q.d.next = self.rung_reset.val();
            self.rung_3_q.d.next = self.rung_reset.val();
            self.equality_q.d.next = false;
        }

        self.scale.next = self.scale_q.q.val();
        self.scale_set.next = self.set_q.q.val();
        self.rung_1.next = self.rung_1_q.q.val();
        self.rung_2.next = self.rung_2_q.q.val();
        self.rung_3.next = self.rung_3_q.q.val();
        self.equality.next = self.equality_q.q.val();
    }
}
