//! The instruments' words: read with the record, changed by the operations.

use crate::instrument_word::InstrumentWord;
use crate::ram::Ram;
use crate::record_check::bound;
use crate::record_slicer::RecordSlicer;
use crate::width::{INSTRUMENT_BITS, PRICE_BITS, RECORD_BITS, SLOT_COUNT_BITS, TIERS, WEIGHT_BITS};
use rust_hdl::prelude::*;

/// Clocks from `read` to `word`, which then stands until the next read, whatever is written meanwhile.
pub const LATENCY: u64 = 1;

/// One word an instrument.
///
/// Shape: at most one change per clock, made to `word` with the fields of `record`, and stored at its instrument.
#[derive(LogicBlock)]
pub struct InstrumentTable {
    pub clock: Signal<In, Clock>,
    pub record: Signal<In, Bits<RECORD_BITS>>,
    pub clear: Signal<In, Bit>,
    pub clear_index: Signal<In, Bits<INSTRUMENT_BITS>>,
    pub read: Signal<In, Bit>,
    pub read_index: Signal<In, Bits<INSTRUMENT_BITS>>,
    pub set_mark: Signal<In, Bit>,
    pub write_step: Signal<In, Bit>,
    pub append: Signal<In, Bit>,
    pub drop_last: Signal<In, Bit>,
    pub commit: Signal<In, Bit>,
    pub word: Signal<Out, InstrumentWord>,
    fields: RecordSlicer,
    ram: Ram<InstrumentWord, INSTRUMENT_BITS>,
    updated: Signal<Local, InstrumentWord>,
    step: Signal<Local, Bits<TIERS>>,
    one: Constant<Bits<TIERS>>,
    cleared: Constant<InstrumentWord>,
}

impl InstrumentTable {
    pub fn new(instruments: usize) -> Self {
        Self {
            ram: Ram::new(instruments),
            one: bound(1),
            cleared: Constant::new(InstrumentWord::default()),
            clock: Default::default(),
            record: Default::default(),
            clear: Default::default(),
            clear_index: Default::default(),
            read: Default::default(),
            read_index: Default::default(),
            set_mark: Default::default(),
            write_step: Default::default(),
            append: Default::default(),
            drop_last: Default::default(),
            commit: Default::default(),
            word: Default::default(),
            fields: Default::default(),
            updated: Default::default(),
            step: Default::default(),
        }
    }
}

impl Logic for InstrumentTable {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, ram);
        self.fields.record.next = self.record.val();
        self.ram.read_enable.next = self.read.val();
        self.ram.read_address.next = self.read_index.val();
        self.word.next = self.ram.read_data.val();

        self.step.next = self.one.val() << self.fields.tier_step.val();
        self.updated.next = self.ram.read_data.val();
        if self.set_mark.val() {
            self.updated.next.mark = self.fields.price.val().get_bits::<PRICE_BITS>(0);
        }
        if self.write_step.val() {
            self.updated.next.written = self.ram.read_data.val().written | self.step.val();
        }
        if self.append.val() {
            self.updated.next.slots = self.ram.read_data.val().slots + 1;
        }
        if self.drop_last.val() {
            self.updated.next.slots = self.ram.read_data.val().slots - 1;
        }
        if self.commit.val() {
            self.updated.next.weight_long = self.fields.weight_long.val().get_bits::<WEIGHT_BITS>(0);
            self.updated.next.weight_short = self.fields.weight_short.val().get_bits::<WEIGHT_BITS>(0);
            self.updated.next.slot_base = self.fields.base.val().get_bits::<SLOT_COUNT_BITS>(0);
            self.updated.next.capacity = self.fields.capacity.val().get_bits::<SLOT_COUNT_BITS>(0);
            self.updated.next.price_bits = self.fields.price_bits.val().get_bits::<6>(0);
            self.updated.next.size_bits = self.fields.size_bits.val().get_bits::<6>(0);
            self.updated.next.tier_count = self.fields.tier_count.val().get_bits::<5>(0);
            self.updated.next.bank = !self.ram.read_data.val().bank;
            self.updated.next.committed = true;
            self.updated.next.written = 0.into();
        }
        self.ram.write_enable.next = (self.set_mark.val() | self.write_step.val())
            | (self.append.val() | self.drop_last.val())
            | self.commit.val();
        self.ram.write_address.next = self.fields.instrument.val().get_bits::<INSTRUMENT_BITS>(0);
        self.ram.write_data.next = self.updated.val();
        if self.clear.val() {
            self.ram.write_enable.next = true;
            self.ram.write_address.next = self.clear_index.val();
            self.ram.write_data.next = self.cleared.val();
        }
    }
}
