//! The slots: a RAM of SECDED words, read and put right, encoded and written.

use crate::ram::RegisteredRam;
use crate::secded::{DATA_BITS, Decoder, Encoder, WORD_BITS};
use crate::slot_word::SlotWord;
use crate::width::{ACCOUNT_BITS, MAGNITUDE_BITS, REQUIREMENT_BITS, SLOT_BITS};
use crate::{ram, secded};
use rust_hdl::prelude::*;

/// Clocks from `read_place` to `word`. A word is due at `write_word` one clock before its `write`.
pub const LATENCY: u64 = ram::REGISTERED_LATENCY + secded::LATENCY;

/// The kernel below takes the word apart where its fields lie.
const _: () = assert!(
    ACCOUNT_BITS == 14
        && MAGNITUDE_BITS == 40
        && REQUIREMENT_BITS == 80
        && <SlotWord as Synth>::BITS == DATA_BITS
);

/// Reads and writes of slots.
///
/// Shape: a read and a write per clock; a read of the word being written gives the new one. `clear` writes zeros.
#[derive(LogicBlock, Default)]
pub struct SlotStore {
    pub clock: Signal<In, Clock>,
    pub read: Signal<In, Bit>,
    pub read_place: Signal<In, Bits<SLOT_BITS>>,
    pub word: Signal<Out, SlotWord>,
    pub corrected: Signal<Out, Bit>,
    pub uncorrectable: Signal<Out, Bit>,
    pub write_word: Signal<In, SlotWord>,
    pub write: Signal<In, Bit>,
    pub write_place: Signal<In, Bits<SLOT_BITS>>,
    pub clear: Signal<In, Bit>,
    pub clear_place: Signal<In, Bits<SLOT_BITS>>,
    slots: RegisteredRam<Bits<WORD_BITS>, SLOT_BITS>,
    decoder: Decoder,
    encoder: Encoder,
    encoded: DFF<Bits<WORD_BITS>>,
    /// The word written one and two clocks ago, and whether it was read as it was written.
    written: [DFF<Bits<WORD_BITS>>; 2],
    meets: [DFF<Bit>; 2],
    plain: Signal<Local, Bits<DATA_BITS>>,
    read_back: Signal<Local, SlotWord>,
}

impl SlotStore {
    pub fn new(slots: usize) -> Self {
        Self { slots: RegisteredRam::new(slots), ..Default::default() }
    }
}

impl Logic for SlotStore {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, encoded);
        clock!(self, clock, slots, decoder);

        self.slots.read_enable.next = self.read.val();
        self.slots.read_address.next = self.read_place.val();
        for i in 0..2 {
            self.written[i].clock.next = self.clock.val();
            self.meets[i].clock.next = self.clock.val();
        }
        self.written[0].d.next = self.encoded.q.val();
        self.written[1].d.next = self.written[0].q.val();
        self.meets[0].d.next = self.write.val() & (self.write_place.val() == self.read_place.val());
        self.meets[1].d.next = self.meets[0].q.val();
        self.decoder.word.next = self.slots.read_data.val();
        if self.meets[1].q.val() {
            self.decoder.word.next = self.written[1].q.val();
        }
        self.read_back.next.row = self.decoder.data.val().get_bits::<ACCOUNT_BITS>(0);
        self.read_back.next.magnitude = self.decoder.data.val().get_bits::<MAGNITUDE_BITS>(14);
        self.read_back.next.negative = self.decoder.data.val().get_bit(54);
        self.read_back.next.requirement = self.decoder.data.val().get_bits::<REQUIREMENT_BITS>(55);
        self.word.next = self.read_back.val();
        self.corrected.next = self.decoder.corrected.val();
        self.uncorrectable.next = self.decoder.uncorrectable.val();

        self.plain.next = self.write_word.val().into();
        self.encoder.data.next = self.plain.val();
        self.encoded.d.next = bit_cast::<WORD_BITS, DATA_BITS>(self.plain.val())
            | (bit_cast::<WORD_BITS, 9>(self.encoder.check.val()) << 135);
        self.slots.write_enable.next = self.write.val() | self.clear.val();
        self.slots.write_address.next = self.write_place.val();
        self.slots.write_data.next = self.encoded.q.val();
        if self.clear.val() {
            self.slots.write_address.next = self.clear_place.val();
            self.slots.write_data.next = 0.into();
        }
    }
}
