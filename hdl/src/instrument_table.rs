//! What the front keeps of each instrument: read with the record, changed by the operations.

use crate::ram::Ram;
use crate::record_check::bound;
use crate::record_slicer::RecordSlicer;
use crate::width::{
    INSTRUMENT_BITS, MAGNITUDE_BITS, PRICE_BITS, RECORD_BITS, SCALE_BITS, SLOT_COUNT_BITS, TIERS, WEIGHT_BITS,
};
use rust_hdl::prelude::*;

/// Clocks from `read` to `word`, which then stands until the next read, whatever is written meanwhile.
pub const LATENCY: u64 = 1;

/// Live header, mark and the progress of the shadow bank. All zero after reset.
///
/// The shadow bank has no header of its own: a commit brings the whole header with it, so an INSTRUMENT without
/// commit has no effect that a later record could see.
#[derive(Clone, Copy, Debug, Default, LogicStruct, PartialEq)]
pub struct InstrumentState {
    pub weight_long: Bits<WEIGHT_BITS>,
    pub weight_short: Bits<WEIGHT_BITS>,
    pub slot_base: Bits<SLOT_COUNT_BITS>,
    pub capacity: Bits<SLOT_COUNT_BITS>,
    pub tier_count: Bits<5>,
    /// Which tier bank is live.
    pub bank: bool,
    pub mark: Bits<PRICE_BITS>,
    pub committed: bool,
    /// Both weights are S.
    pub pays_funding: bool,
    pub price_bits: Bits<6>,
    pub size_bits: Bits<6>,
    /// Bits of a price that lie beyond `price_bits`, and of a size.
    pub price_excess: Bits<PRICE_BITS>,
    pub size_excess: Bits<MAGNITUDE_BITS>,
    /// Steps of the shadow bank written since the last flip.
    pub written: Bits<TIERS>,
    /// Steps that follow the one before as a table must; meaningful where both are written.
    pub rises: Bits<TIERS>,
    /// Floor and deduction of step 0 are 0; meaningful if it is written.
    pub starts_at_zero: bool,
}

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
    pub scale: Signal<In, Bits<SCALE_BITS>>,
    pub set_mark: Signal<In, Bit>,
    pub commit: Signal<In, Bit>,
    pub write_step: Signal<In, Bit>,
    pub rises: Signal<In, Bits<TIERS>>,
    pub starts_at_zero: Signal<In, Bit>,
    pub word: Signal<Out, InstrumentState>,
    fields: RecordSlicer,
    ram: Ram<InstrumentState, INSTRUMENT_BITS>,
    updated: Signal<Local, InstrumentState>,
    step: Signal<Local, Bits<TIERS>>,
    weight: Signal<Local, Bits<32>>,
    price_bits: Signal<Local, Bits<6>>,
    size_bits: Signal<Local, Bits<6>>,
    price_excess: Signal<Local, Bits<PRICE_BITS>>,
    size_excess: Signal<Local, Bits<MAGNITUDE_BITS>>,
    one: Constant<Bits<TIERS>>,
    all_price: Constant<Bits<PRICE_BITS>>,
    all_size: Constant<Bits<MAGNITUDE_BITS>>,
    cleared: Constant<InstrumentState>,
}

impl InstrumentTable {
    pub fn new(instruments: usize) -> Self {
        Self {
            ram: Ram::new(instruments),
            one: bound(1),
            all_price: bound((1 << PRICE_BITS) - 1),
            all_size: bound((1 << MAGNITUDE_BITS) - 1),
            cleared: Constant::new(InstrumentState::default()),
            clock: Default::default(),
            record: Default::default(),
            clear: Default::default(),
            clear_index: Default::default(),
            read: Default::default(),
            read_index: Default::default(),
            scale: Default::default(),
            set_mark: Default::default(),
            commit: Default::default(),
            write_step: Default::default(),
            rises: Default::default(),
            starts_at_zero: Default::default(),
            word: Default::default(),
            fields: Default::default(),
            updated: Default::default(),
            step: Default::default(),
            weight: Default::default(),
            price_bits: Default::default(),
            size_bits: Default::default(),
            price_excess: Default::default(),
            size_excess: Default::default(),
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
        self.weight.next = bit_cast::<32, SCALE_BITS>(self.scale.val());
        self.price_bits.next = self.fields.price_bits.val().get_bits::<6>(0);
        self.size_bits.next = self.fields.size_bits.val().get_bits::<6>(0);
        self.price_excess.next = self.all_price.val() << self.price_bits.val();
        self.size_excess.next = self.all_size.val() << self.size_bits.val();

        self.updated.next = self.ram.read_data.val();
        if self.set_mark.val() {
            self.updated.next.mark = self.fields.price.val().get_bits::<PRICE_BITS>(0);
        }
        if self.write_step.val() {
            self.updated.next.written = self.ram.read_data.val().written | self.step.val();
            self.updated.next.rises = self.rises.val();
            self.updated.next.starts_at_zero = self.starts_at_zero.val();
        }
        if self.commit.val() {
            self.updated.next.weight_long = self.fields.weight_long.val().get_bits::<WEIGHT_BITS>(0);
            self.updated.next.weight_short = self.fields.weight_short.val().get_bits::<WEIGHT_BITS>(0);
            self.updated.next.slot_base = self.fields.base.val().get_bits::<SLOT_COUNT_BITS>(0);
            self.updated.next.capacity = self.fields.capacity.val().get_bits::<SLOT_COUNT_BITS>(0);
            self.updated.next.tier_count = self.fields.tier_count.val().get_bits::<5>(0);
            self.updated.next.bank = !self.ram.read_data.val().bank;
            self.updated.next.committed = true;
            self.updated.next.pays_funding = (self.fields.weight_long.val() == self.weight.val())
                & (self.fields.weight_short.val() == self.weight.val());
            self.updated.next.price_bits = self.price_bits.val();
            self.updated.next.size_bits = self.size_bits.val();
            self.updated.next.price_excess = self.price_excess.val();
            self.updated.next.size_excess = self.size_excess.val();
            self.updated.next.written = 0.into();
        }
        self.ram.write_enable.next = (self.set_mark.val() | self.write_step.val()) | self.commit.val();
        self.ram.write_address.next = self.fields.instrument.val().get_bits::<INSTRUMENT_BITS>(0);
        self.ram.write_data.next = self.updated.val();
        if self.clear.val() {
            self.ram.write_enable.next = true;
            self.ram.write_address.next = self.clear_index.val();
            self.ram.write_data.next = self.cleared.val();
        }
    }
}
