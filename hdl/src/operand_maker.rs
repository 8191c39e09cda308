//! What a record brings to the pipeline: prices, weights, cash, size and the tier bank.

use crate::beat::Operands;
use crate::command::{InstrumentWord, Kind};
use crate::record_slicer::RecordSlicer;
use crate::width::{
    BANK_BITS, CASH_BITS, INSTRUMENT_BITS, MAGNITUDE_BITS, PRICE_BITS, RECORD_BITS, SCALE_BITS, WEIGHT_BITS,
};
use crate::zero::Zero;
use rust_hdl::prelude::*;

/// Wires only: the pipeline's first register takes them.
pub const LATENCY: u64 = 0;

const STEP_BITS: usize = PRICE_BITS + 1;

/// Operands of a record of `kind` on the instrument of `word`.
///
/// Shape: combinational. What an operation does not use is zero, so that its products are.
#[derive(LogicBlock, Default)]
pub struct OperandMaker {
    pub kind: Signal<In, Kind>,
    pub record: Signal<In, Bits<RECORD_BITS>>,
    pub word: Signal<In, InstrumentWord>,
    pub scale: Signal<In, Bits<SCALE_BITS>>,
    pub operands: Signal<Out, Operands>,
    fields: RecordSlicer,
    nothing: Zero<Operands>,
    made: Signal<Local, Operands>,
    instrument: Signal<Local, Bits<INSTRUMENT_BITS>>,
    bank: Signal<Local, Bits<BANK_BITS>>,
    shadow: Signal<Local, Bit>,
    rise: Signal<Local, Bits<STEP_BITS>>,
    step: Signal<Local, Bits<STEP_BITS>>,
    step_size: Signal<Local, Bits<PRICE_BITS>>,
    lots: Signal<Local, Bits<MAGNITUDE_BITS>>,
    paid: Signal<Local, Bits<CASH_BITS>>,
}

impl Logic for OperandMaker {
    #[hdl_gen]
    fn update(&mut self) {
        self.fields.record.next = self.record.val();

        // Price change or index delta, by magnitude and sign.
        self.rise.next = bit_cast::<STEP_BITS, PRICE_BITS>(self.fields.price.val().get_bits::<PRICE_BITS>(0))
            - bit_cast::<STEP_BITS, PRICE_BITS>(self.word.val().mark);
        self.step.next = self.rise.val();
        if self.kind.val() == Kind::Funding {
            self.step.next = self.fields.price.val().get_bits::<STEP_BITS>(0);
        }
        self.step_size.next = self.step.val().get_bits::<PRICE_BITS>(0);
        if self.step.val().get_bit(32) {
            self.step_size.next = !self.step.val().get_bits::<PRICE_BITS>(0) + 1;
        }

        self.lots.next = self.fields.size.val().get_bits::<MAGNITUDE_BITS>(0);
        if self.fields.size.val().get_bit(63) {
            self.lots.next = !self.fields.size.val().get_bits::<MAGNITUDE_BITS>(0) + 1;
        }
        self.paid.next = 0.into();
        if self.kind.val() == Kind::Position {
            self.paid.next = self.fields.cash_delta.val();
        }
        if self.kind.val() == Kind::Cash {
            self.paid.next = self.fields.delta.val();
        }

        self.instrument.next = self.fields.instrument.val().get_bits::<INSTRUMENT_BITS>(0);
        self.shadow.next = self.kind.val() == Kind::Commit;
        self.bank.next = bit_cast::<BANK_BITS, INSTRUMENT_BITS>(self.instrument.val()) << 1;
        if self.word.val().bank ^ self.shadow.val() {
            self.bank.next =
                (bit_cast::<BANK_BITS, INSTRUMENT_BITS>(self.instrument.val()) << 1).replace_bit(0, true);
        }

        self.made.next = self.nothing.value.val();
        self.made.next.magnitude = self.lots.val();
        self.made.next.negative = self.fields.size.val().get_bit(63);
        self.made.next.bank = self.bank.val();
        self.made.next.tier_count = self.word.val().tier_count;
        self.made.next.cash_negative = self.paid.val().get_bit(63);
        self.made.next.cash = self.paid.val();
        if self.paid.val().get_bit(63) {
            self.made.next.cash = !self.paid.val() + 1;
        }
        if ((self.kind.val() == Kind::Position) | (self.kind.val() == Kind::Reload))
            | (self.kind.val() == Kind::Commit)
        {
            self.made.next.price = self.word.val().mark;
            self.made.next.weight_long = self.word.val().weight_long;
            self.made.next.weight_short = self.word.val().weight_short;
            self.made.next.slot_price = self.word.val().mark;
            self.made.next.slot_weight_long = self.word.val().weight_long;
            self.made.next.slot_weight_short = self.word.val().weight_short;
            self.made.next.retract = true;
        }
        if self.kind.val() == Kind::Commit {
            self.made.next.weight_long = self.fields.weight_long.val().get_bits::<WEIGHT_BITS>(0);
            self.made.next.weight_short = self.fields.weight_short.val().get_bits::<WEIGHT_BITS>(0);
            self.made.next.tier_count = self.fields.tier_count.val().get_bits::<5>(0);
        }
        if self.kind.val() == Kind::Mark {
            self.made.next.price = self.fields.price.val().get_bits::<PRICE_BITS>(0);
            self.made.next.slot_price = self.step_size.val();
            self.made.next.slot_weight_long = self.word.val().weight_long;
            self.made.next.slot_weight_short = self.word.val().weight_short;
            self.made.next.retract = self.step.val().get_bit(32);
        }
        if self.kind.val() == Kind::Funding {
            self.made.next.slot_price = self.step_size.val();
            self.made.next.slot_weight_long = bit_cast::<WEIGHT_BITS, SCALE_BITS>(self.scale.val());
            self.made.next.slot_weight_short = bit_cast::<WEIGHT_BITS, SCALE_BITS>(self.scale.val());
            self.made.next.retract = !self.step.val().get_bit(32);
        }
        self.operands.next = self.made.val();
    }
}
