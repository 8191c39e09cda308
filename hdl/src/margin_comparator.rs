//! The verdict: severity of an account from its equity and its effective requirement, by cross-multiplication.

use crate::product::{self, ProductRows};
use crate::settings::SettingsWord;
use crate::width::{ACCUMULATOR_BITS, CHANGE_BITS, LINE_BITS, RUNG_BITS, SEVERITY_BITS};
use rust_hdl::prelude::*;

/// Clocks from `equity` to `severity`.
pub const LATENCY: u64 = product::ROWS_LATENCY + 1;

/// Bits of an equity that is not negative.
const EQUITY_BITS: usize = ACCUMULATOR_BITS - 1;
/// `256*E - R'*rung`, signed.
const MARGIN_BITS: usize = LINE_BITS + 2;
/// One bit more: the lowest carries a one into the sum.
const SUM_BITS: usize = MARGIN_BITS + 1;

/// Severity 4 if `E < 0`; else, with `R' = max(effective, 0) > 0`, 3, 2 or 1 if `256*E < R'*rung_k` (`<=` with
/// `equality`); else 0.
///
/// Shape: one account per clock, never stalls; the settings stand still while accounts are under way.
/// Units: quanta / S, two's complement, rungs in 256ths; exact, nothing is rounded. `effective` (R + offset) has two bits to spare.
#[derive(LogicBlock, Default)]
pub struct MarginComparator {
    pub clock: Signal<In, Clock>,
    pub settings: Signal<In, SettingsWord>,
    pub equity: Signal<In, Bits<ACCUMULATOR_BITS>>,
    pub effective: Signal<In, Bits<CHANGE_BITS>>,
    pub severity: Signal<Out, Bits<SEVERITY_BITS>>,
    line_1: ProductRows<ACCUMULATOR_BITS, RUNG_BITS, LINE_BITS>,
    line_2: ProductRows<ACCUMULATOR_BITS, RUNG_BITS, LINE_BITS>,
    line_3: ProductRows<ACCUMULATOR_BITS, RUNG_BITS, LINE_BITS>,
    equity_1: DFF<Bits<ACCUMULATOR_BITS>>,
    equity_2: DFF<Bits<ACCUMULATOR_BITS>>,
    insolvent: DFF<Bit>,
    requires_1: DFF<Bit>,
    requires_2: DFF<Bit>,
    requires_3: DFF<Bit>,
    below_1: DFF<Bit>,
    below_2: DFF<Bit>,
    below_3: DFF<Bit>,
    strict: Signal<Local, Bit>,
    clamped: Signal<Local, Bits<ACCUMULATOR_BITS>>,
    scaled: Signal<Local, Bits<MARGIN_BITS>>,
    sum_1: Signal<Local, Bits<MARGIN_BITS>>,
    sum_2: Signal<Local, Bits<MARGIN_BITS>>,
    sum_3: Signal<Local, Bits<MARGIN_BITS>>,
    carry_1: Signal<Local, Bits<MARGIN_BITS>>,
    carry_2: Signal<Local, Bits<MARGIN_BITS>>,
    carry_3: Signal<Local, Bits<MARGIN_BITS>>,
    parity_1: Signal<Local, Bits<MARGIN_BITS>>,
    parity_2: Signal<Local, Bits<MARGIN_BITS>>,
    parity_3: Signal<Local, Bits<MARGIN_BITS>>,
    majority_1: Signal<Local, Bits<MARGIN_BITS>>,
    majority_2: Signal<Local, Bits<MARGIN_BITS>>,
    majority_3: Signal<Local, Bits<MARGIN_BITS>>,
    left_1: Signal<Local, Bits<SUM_BITS>>,
    right_1: Signal<Local, Bits<SUM_BITS>>,
    margin_1: Signal<Local, Bits<SUM_BITS>>,
    left_2: Signal<Local, Bits<SUM_BITS>>,
    right_2: Signal<Local, Bits<SUM_BITS>>,
    margin_2: Signal<Local, Bits<SUM_BITS>>,
    left_3: Signal<Local, Bits<SUM_BITS>>,
    right_3: Signal<Local, Bits<SUM_BITS>>,
    margin_3: Signal<Local, Bits<SUM_BITS>>,
}

impl Logic for MarginComparator {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, equity_1, equity_2, insolvent, requires_1, requires_2, requires_3, below_1, below_2,
            below_3
        );
        clock!(self, clock, line_1, line_2, line_3);

        self.clamped.next = self.effective.val().get_bits::<ACCUMULATOR_BITS>(0);
        if self.effective.val().get_bit(89) {
            self.clamped.next = 0.into();
        }
        self.line_1.left.next = self.clamped.val();
        self.line_2.left.next = self.clamped.val();
        self.line_3.left.next = self.clamped.val();
        self.line_1.right.next = self.settings.val().rung_1;
        self.line_2.right.next = self.settings.val().rung_2;
        self.line_3.right.next = self.settings.val().rung_3;
        self.requires_1.d.next = self.clamped.val().any();
        self.requires_2.d.next = self.requires_1.q.val();
        self.requires_3.d.next = self.requires_2.q.val();
        self.equity_1.d.next = self.equity.val();
        self.equity_2.d.next = self.equity_1.q.val();
        self.insolvent.d.next = self.equity_2.q.val().get_bit(87);

        // 256*E - sum - carry, less one more with equality: below zero means crossed.
        self.scaled.next = bit_cast::<MARGIN_BITS, EQUITY_BITS>(bit_cast::<EQUITY_BITS, ACCUMULATOR_BITS>(
            self.equity_2.q.val(),
        )) << 8;
        self.strict.next = !self.settings.val().equality;
        self.sum_1.next = !bit_cast::<MARGIN_BITS, LINE_BITS>(self.line_1.sum.val());
        self.sum_2.next = !bit_cast::<MARGIN_BITS, LINE_BITS>(self.line_2.sum.val());
        self.sum_3.next = !bit_cast::<MARGIN_BITS, LINE_BITS>(self.line_3.sum.val());
        self.carry_1.next = !bit_cast::<MARGIN_BITS, LINE_BITS>(self.line_1.carry.val());
        self.carry_2.next = !bit_cast::<MARGIN_BITS, LINE_BITS>(self.line_2.carry.val());
        self.carry_3.next = !bit_cast::<MARGIN_BITS, LINE_BITS>(self.line_3.carry.val());
        self.parity_1.next = (self.scaled.val() ^ self.sum_1.val()) ^ self.carry_1.val();
        self.parity_2.next = (self.scaled.val() ^ self.sum_2.val()) ^ self.carry_2.val();
        self.parity_3.next = (self.scaled.val() ^ self.sum_3.val()) ^ self.carry_3.val();
        self.majority_1.next = ((self.scaled.val() & self.sum_1.val())
            | (self.scaled.val() & self.carry_1.val()))
            | (self.sum_1.val() & self.carry_1.val());
        self.majority_2.next = ((self.scaled.val() & self.sum_2.val())
            | (self.scaled.val() & self.carry_2.val()))
            | (self.sum_2.val() & self.carry_2.val());
        self.majority_3.next = ((self.scaled.val() & self.sum_3.val())
            | (self.scaled.val() & self.carry_3.val()))
            | (self.sum_3.val() & self.carry_3.val());
        self.left_1.next = (bit_cast::<SUM_BITS, MARGIN_BITS>(self.parity_1.val()) << 1).replace_bit(0, true);
        self.right_1.next = (bit_cast::<SUM_BITS, MARGIN_BITS>(self.majority_1.val()) << 2)
            .replace_bit(0, self.strict.val())
            .replace_bit(1, true);
        self.margin_1.next = self.left_1.val() + self.right_1.val();
        self.left_2.next = (bit_cast::<SUM_BITS, MARGIN_BITS>(self.parity_2.val()) << 1).replace_bit(0, true);
        self.right_2.next = (bit_cast::<SUM_BITS, MARGIN_BITS>(self.majority_2.val()) << 2)
            .replace_bit(0, self.strict.val())
            .replace_bit(1, true);
        self.margin_2.next = self.left_2.val() + self.right_2.val();
        self.left_3.next = (bit_cast::<SUM_BITS, MARGIN_BITS>(self.parity_3.val()) << 1).replace_bit(0, true);
        self.right_3.next = (bit_cast::<SUM_BITS, MARGIN_BITS>(self.majority_3.val()) << 2)
            .replace_bit(0, self.strict.val())
            .replace_bit(1, true);
        self.margin_3.next = self.left_3.val() + self.right_3.val();
        self.below_1.d.next = self.margin_1.val().get_bit(100);
        self.below_2.d.next = self.margin_2.val().get_bit(100);
        self.below_3.d.next = self.margin_3.val().get_bit(100);

        self.severity.next = 0.into();
        if self.insolvent.q.val() {
            self.severity.next = 4.into();
        } else if self.requires_3.q.val() {
            if self.below_3.q.val() {
                self.severity.next = 3.into();
            } else if self.below_2.q.val() {
                self.severity.next = 2.into();
            } else if self.below_1.q.val() {
                self.severity.next = 1.into();
            }
        }
    }
}
