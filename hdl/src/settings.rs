//! Scale, rungs and equality.

use crate::width::{RUNG_BITS, SCALE_BITS};
use model::margin::Rungs;
use rust_hdl::prelude::*;

/// Clocks from `write` to the setting.
pub const LATENCY: u64 = 1;

/// S, and in 256ths the rungs; `equality` makes the comparisons `<=`.
#[derive(Clone, Copy, Debug, Default, LogicStruct, PartialEq)]
pub struct SettingsWord {
    pub scale: Bits<SCALE_BITS>,
    pub scale_set: bool,
    pub rung_1: Bits<RUNG_BITS>,
    pub rung_2: Bits<RUNG_BITS>,
    pub rung_3: Bits<RUNG_BITS>,
    pub equality: bool,
}

/// The settings, written by index: 0 is S, 1 to 3 the rungs, 4 equality.
#[derive(LogicBlock)]
pub struct Settings {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub write: Signal<In, Bit>,
    pub index: Signal<In, Bits<16>>,
    pub value: Signal<In, Bits<32>>,
    pub settings: Signal<Out, SettingsWord>,
    word: DFF<SettingsWord>,
    reset_word: Constant<SettingsWord>,
}

impl Default for Settings {
    fn default() -> Self {
        let [rung_1, rung_2, rung_3] = Rungs::RESET.rungs.map(|rung| u64::from(rung).into());
        Self {
            clock: Default::default(),
            reset: Default::default(),
            write: Default::default(),
            index: Default::default(),
            value: Default::default(),
            settings: Default::default(),
            word: Default::default(),
            reset_word: Constant::new(SettingsWord { rung_1, rung_2, rung_3, ..SettingsWord::default() }),
        }
    }
}

impl Logic for Settings {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, word);

        if self.write.val() {
            if self.index.val() == 0 {
                self.word.d.next.scale = self.value.val().get_bits::<SCALE_BITS>(0);
                self.word.d.next.scale_set = true;
            } else if self.index.val() == 1 {
                self.word.d.next.rung_1 = self.value.val().get_bits::<RUNG_BITS>(0);
            } else if self.index.val() == 2 {
                self.word.d.next.rung_2 = self.value.val().get_bits::<RUNG_BITS>(0);
            } else if self.index.val() == 3 {
                self.word.d.next.rung_3 = self.value.val().get_bits::<RUNG_BITS>(0);
            } else {
                self.word.d.next.equality = self.value.val().get_bit(0);
            }
        }
        if self.reset.val() {
            self.word.d.next = self.reset_word.val();
        }
        self.settings.next = self.word.q.val();
    }
}
