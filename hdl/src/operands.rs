//! What an operation brings to the pipeline, made once from its record and the instrument's word.

use crate::instrument_word::InstrumentWord;
use crate::record_slicer::RecordSlicer;
use crate::width::{CASH_BITS, PRICE_BITS, RECORD_BITS};
use rust_hdl::prelude::*;

/// Clocks from the record and the instrument's word to the operands.
pub const LATENCY: u64 = 1;

/// Prices of a sweep (the new one, and how far it moved) or of a POSITION (the mark twice), and cash by magnitude.
///
/// Shape: one record per clock. Units: quanta per lot, quanta.
#[derive(LogicBlock, Default)]
pub struct Operands {
    pub clock: Signal<In, Clock>,
    pub record: Signal<In, Bits<RECORD_BITS>>,
    pub is_mark: Signal<In, Bit>,
    pub is_cash: Signal<In, Bit>,
    pub word: Signal<In, InstrumentWord>,
    pub price: Signal<Out, Bits<PRICE_BITS>>,
    pub price_change: Signal<Out, Bits<PRICE_BITS>>,
    pub price_fell: Signal<Out, Bit>,
    pub cash: Signal<Out, Bits<CASH_BITS>>,
    pub cash_negative: Signal<Out, Bit>,
    fields: RecordSlicer,
    price_q: DFF<Bits<PRICE_BITS>>,
    change_q: DFF<Bits<PRICE_BITS>>,
    fell_q: DFF<Bit>,
    cash_q: DFF<Bits<CASH_BITS>>,
    negative_q: DFF<Bit>,
    new_price: Signal<Local, Bits<PRICE_BITS>>,
    old_price: Signal<Local, Bits<PRICE_BITS>>,
    paid: Signal<Local, Bits<CASH_BITS>>,
}

impl Logic for Operands {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, price_q, change_q, fell_q, cash_q, negative_q);
        self.fields.record.next = self.record.val();

        self.old_price.next = self.word.val().mark;
        self.new_price.next = self.fields.price.val().get_bits::<PRICE_BITS>(0);
        self.price_q.d.next = self.old_price.val();
        self.change_q.d.next = self.old_price.val();
        self.fell_q.d.next = false;
        if self.is_mark.val() {
            self.price_q.d.next = self.new_price.val();
            self.change_q.d.next = self.new_price.val() - self.old_price.val();
            if self.new_price.val() < self.old_price.val() {
                self.fell_q.d.next = true;
                self.change_q.d.next = self.old_price.val() - self.new_price.val();
            }
        }

        self.paid.next = self.fields.cash_delta.val();
        if self.is_cash.val() {
            self.paid.next = self.fields.delta.val();
        }
        self.cash_q.d.next = self.paid.val();
        self.negative_q.d.next = self.paid.val().get_bit(63);
        if self.paid.val().get_bit(63) {
            self.cash_q.d.next = !self.paid.val() + 1;
        }

        self.price.next = self.price_q.q.val();
        self.price_change.next = self.change_q.q.val();
        self.price_fell.next = self.fell_q.q.val();
        self.cash.next = self.cash_q.q.val();
        self.cash_negative.next = self.negative_q.q.val();
    }
}
