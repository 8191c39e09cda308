//! Reason 8: where the record's slots lie, and what their state does not allow.

use crate::instrument_word::InstrumentWord;
use crate::record_check::bound;
use crate::record_slicer::RecordSlicer;
use crate::width::{ACCOUNT_BITS, RECORD_BITS, SIZE_BITS, SLOT_BITS, SLOT_COUNT_BITS};
use rust_hdl::prelude::*;

/// Clocks from the record to its places and refusals.
pub const LATENCY: u64 = 0;

const INDEX_BITS: usize = 33;

/// Places in the slot RAM, and one refusal per kind of record. That MOVE's `to` is empty is seen later.
///
/// Shape: combinational. `slot_account` is the account stored at `place`.
#[derive(LogicBlock)]
pub struct SlotCheck {
    pub record: Signal<In, Bits<RECORD_BITS>>,
    pub word: Signal<In, InstrumentWord>,
    pub slot_account: Signal<In, Bits<ACCOUNT_BITS>>,
    pub place: Signal<Out, Bits<SLOT_BITS>>,
    pub place_to: Signal<Out, Bits<SLOT_BITS>>,
    pub appends: Signal<Out, Bit>,
    pub position_refused: Signal<Out, Bit>,
    pub move_refused: Signal<Out, Bit>,
    pub readback_refused: Signal<Out, Bit>,
    fields: RecordSlicer,
    origin_count: Signal<Local, Bits<SLOT_COUNT_BITS>>,
    origin: Signal<Local, Bits<SLOT_BITS>>,
    index: Signal<Local, Bits<INDEX_BITS>>,
    following: Signal<Local, Bits<INDEX_BITS>>,
    count: Signal<Local, Bits<INDEX_BITS>>,
    is_next: Signal<Local, Bit>,
    is_beyond: Signal<Local, Bit>,
    is_last: Signal<Local, Bit>,
    is_full: Signal<Local, Bit>,
    is_empty: Signal<Local, Bit>,
    is_stranger: Signal<Local, Bit>,
    size: Signal<Local, Bits<SIZE_BITS>>,
    one: Constant<Bits<INDEX_BITS>>,
}

impl Default for SlotCheck {
    fn default() -> Self {
        Self {
            one: bound(1),
            record: Default::default(),
            word: Default::default(),
            slot_account: Default::default(),
            place: Default::default(),
            place_to: Default::default(),
            appends: Default::default(),
            position_refused: Default::default(),
            move_refused: Default::default(),
            readback_refused: Default::default(),
            fields: Default::default(),
            origin_count: Default::default(),
            origin: Default::default(),
            index: Default::default(),
            following: Default::default(),
            count: Default::default(),
            is_next: Default::default(),
            is_beyond: Default::default(),
            is_last: Default::default(),
            is_full: Default::default(),
            is_empty: Default::default(),
            is_stranger: Default::default(),
            size: Default::default(),
        }
    }
}

impl Logic for SlotCheck {
    #[hdl_gen]
    fn update(&mut self) {
        self.fields.record.next = self.record.val();
        self.origin_count.next = self.word.val().slot_base;
        self.origin.next = self.origin_count.val().get_bits::<SLOT_BITS>(0);
        self.place.next = self.origin.val() + self.fields.slot.val().get_bits::<SLOT_BITS>(0);
        self.place_to.next = self.origin.val() + self.fields.slot_to.val().get_bits::<SLOT_BITS>(0);

        self.count.next = bit_cast::<INDEX_BITS, SLOT_COUNT_BITS>(self.word.val().slots);
        self.index.next = bit_cast::<INDEX_BITS, 32>(self.fields.slot.val());
        self.following.next = self.index.val() + self.one.val();
        self.is_next.next = self.index.val() == self.count.val();
        self.is_beyond.next = self.index.val() > self.count.val();
        self.is_last.next = self.following.val() == self.count.val();
        self.is_full.next = self.word.val().slots == self.word.val().capacity;
        self.size.next = self.fields.size.val().get_bits::<SIZE_BITS>(0);
        self.is_empty.next = !self.size.val().any();
        self.is_stranger.next =
            bit_cast::<32, ACCOUNT_BITS>(self.slot_account.val()) != self.fields.account.val();

        self.appends.next = self.is_next.val();
        self.position_refused.next = self.is_beyond.val() | self.is_stranger.val();
        if self.is_next.val() {
            self.position_refused.next = self.is_full.val() | self.is_empty.val();
        }
        self.move_refused.next = (!self.is_last.val() | self.is_stranger.val())
            | (self.fields.slot_to.val() > self.fields.slot.val());
        self.readback_refused.next = self.is_next.val() | self.is_beyond.val();
    }
}
