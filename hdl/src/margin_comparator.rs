//! The verdict: severity of an account from its equity and its effective requirement, by cross-multiplication.

use crate::product::ProductOfOneClock;
use crate::settings::SettingsWord;
use crate::width::{ACCUMULATOR_BITS, LINE_BITS, OFFSET_BITS, RUNG_BITS, SEVERITY_BITS};
use rust_hdl::prelude::*;

/// Clocks from `equity` to `severity`.
pub const LATENCY: u64 = 3;

/// Bits of an equity that is not negative.
const EQUITY_BITS: usize = ACCUMULATOR_BITS - 1;
/// `R + offset` before it is clamped.
const SUM_BITS: usize = ACCUMULATOR_BITS + 1;

/// Severity 4 if `E < 0`; else, with `R' = max(R + offset, 0) > 0`, 3, 2 or 1 if `256*E < R'*rung_k` (`<=` with
/// `equality`); else 0.
///
/// Shape: one account per clock, never stalls. Units: quanta / S, rungs in 256ths; exact, nothing is rounded.
#[derive(LogicBlock)]
pub struct MarginComparator {
    pub clock: Signal<In, Clock>,
    pub settings: Signal<In, SettingsWord>,
    pub equity: Signal<In, Bits<ACCUMULATOR_BITS>>,
    pub requirement: Signal<In, Bits<ACCUMULATOR_BITS>>,
    pub offset: Signal<In, Bits<OFFSET_BITS>>,
    pub severity: Signal<Out, Bits<SEVERITY_BITS>>,
    line_1: ProductOfOneClock<ACCUMULATOR_BITS, RUNG_BITS, LINE_BITS>,
    line_2: ProductOfOneClock<ACCUMULATOR_BITS, RUNG_BITS, LINE_BITS>,
    line_3: ProductOfOneClock<ACCUMULATOR_BITS, RUNG_BITS, LINE_BITS>,
    effective: DFF<Bits<ACCUMULATOR_BITS>>,
    effective_equity: DFF<Bits<ACCUMULATOR_BITS>>,
    line_equity: DFF<Bits<ACCUMULATOR_BITS>>,
    line_nonzero: DFF<Bit>,
    verdict: DFF<Bits<SEVERITY_BITS>>,
    requirement_wide: Signal<Local, Bits<SUM_BITS>>,
    offset_wide: Signal<Local, Bits<SUM_BITS>>,
    sum: Signal<Local, Bits<SUM_BITS>>,
    equity_magnitude: Signal<Local, Bits<EQUITY_BITS>>,
    scaled: Signal<Local, Bits<LINE_BITS>>,
    crossed_1: Signal<Local, Bit>,
    crossed_2: Signal<Local, Bit>,
    crossed_3: Signal<Local, Bit>,
    requirement_extension: Constant<Bits<SUM_BITS>>,
    offset_extension: Constant<Bits<SUM_BITS>>,
}

impl Default for MarginComparator {
    fn default() -> Self {
        Self {
            clock: Default::default(),
            settings: Default::default(),
            equity: Default::default(),
            requirement: Default::default(),
            offset: Default::default(),
            severity: Default::default(),
            line_1: Default::default(),
            line_2: Default::default(),
            line_3: Default::default(),
            effective: Default::default(),
            effective_equity: Default::default(),
            line_equity: Default::default(),
            line_nonzero: Default::default(),
            verdict: Default::default(),
            requirement_wide: Default::default(),
            offset_wide: Default::default(),
            sum: Default::default(),
            equity_magnitude: Default::default(),
            scaled: Default::default(),
            crossed_1: Default::default(),
            crossed_2: Default::default(),
            crossed_3: Default::default(),
            requirement_extension: Constant::new(crate::sign::extension::<SUM_BITS>(ACCUMULATOR_BITS)),
            offset_extension: Constant::new(crate::sign::extension::<SUM_BITS>(OFFSET_BITS)),
        }
    }
}

impl Logic for MarginComparator {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, effective, effective_equity, line_equity, line_nonzero, verdict);
        clock!(self, clock, line_1, line_2, line_3);

        self.requirement_wide.next = bit_cast::<SUM_BITS, ACCUMULATOR_BITS>(self.requirement.val());
        if self.requirement.val().get_bit(87) {
            self.requirement_wide.next = self.requirement_wide.val() | self.requirement_extension.val();
        }
        self.offset_wide.next = bit_cast::<SUM_BITS, OFFSET_BITS>(self.offset.val());
        if self.offset.val().get_bit(86) {
            self.offset_wide.next = self.offset_wide.val() | self.offset_extension.val();
        }
        self.sum.next = self.requirement_wide.val() + self.offset_wide.val();
        self.effective.d.next = self.sum.val().get_bits::<ACCUMULATOR_BITS>(0);
        if self.sum.val().get_bit(88) {
            self.effective.d.next = 0.into();
        }
        self.effective_equity.d.next = self.equity.val();

        self.line_1.left.next = self.effective.q.val();
        self.line_1.right.next = self.settings.val().rung_1;
        self.line_2.left.next = self.effective.q.val();
        self.line_2.right.next = self.settings.val().rung_2;
        self.line_3.left.next = self.effective.q.val();
        self.line_3.right.next = self.settings.val().rung_3;
        self.line_equity.d.next = self.effective_equity.q.val();
        self.line_nonzero.d.next = self.effective.q.val().any();

        self.equity_magnitude.next = self.line_equity.q.val().get_bits::<EQUITY_BITS>(0);
        self.scaled.next = bit_cast::<LINE_BITS, EQUITY_BITS>(self.equity_magnitude.val()) << 8;
        if self.settings.val().equality {
            self.crossed_1.next = self.scaled.val() <= self.line_1.product.val();
            self.crossed_2.next = self.scaled.val() <= self.line_2.product.val();
            self.crossed_3.next = self.scaled.val() <= self.line_3.product.val();
        } else {
            self.crossed_1.next = self.scaled.val() < self.line_1.product.val();
            self.crossed_2.next = self.scaled.val() < self.line_2.product.val();
            self.crossed_3.next = self.scaled.val() < self.line_3.product.val();
        }
        self.verdict.d.next = 0.into();
        if self.line_nonzero.q.val() {
            if self.crossed_3.val() {
                self.verdict.d.next = 3.into();
            } else if self.crossed_2.val() {
                self.verdict.d.next = 2.into();
            } else if self.crossed_1.val() {
                self.verdict.d.next = 1.into();
            }
        }
        if self.line_equity.q.val().get_bit(87) {
            self.verdict.d.next = 4.into();
        }
        self.severity.next = self.verdict.q.val();
    }
}
