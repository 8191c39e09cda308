//! Reason 7: what the present state of the settings and of the instrument does not allow.

use crate::instrument_word::InstrumentWord;
use crate::record_check::{bound, code};
use crate::record_slicer::RecordSlicer;
use crate::settings::SettingsWord;
use crate::width::{PRICE_BITS, RECORD_BITS, RUNG_BITS, SIZE_BITS, SLOT_COUNT_BITS, TIERS};
use model::record;
use rust_hdl::prelude::*;

/// Clocks from the record and the instrument's word to `refused`.
pub const LATENCY: u64 = 1;

const END_BITS: usize = 33;
const STEPS_BITS: usize = TIERS + 1;

/// One verdict per kind of record; the control picks the one that applies. Tier steps are scanned by the control.
///
/// Shape: one record per clock. `live_steps` is the mask of the table's steps: the record's for INSTRUMENT, else the
/// live bank's.
#[derive(LogicBlock)]
pub struct StateCheck {
    pub clock: Signal<In, Clock>,
    pub settings: Signal<In, SettingsWord>,
    pub record: Signal<In, Bits<RECORD_BITS>>,
    pub word: Signal<In, InstrumentWord>,
    pub segments_end: Signal<In, Bits<SLOT_COUNT_BITS>>,
    pub setting_refused: Signal<Out, Bit>,
    pub commit_refused: Signal<Out, Bit>,
    pub mark_refused: Signal<Out, Bit>,
    pub position_refused: Signal<Out, Bit>,
    pub uncommitted: Signal<Out, Bit>,
    pub live_steps: Signal<Out, Bits<TIERS>>,
    fields: RecordSlicer,
    setting_q: DFF<Bit>,
    commit_q: DFF<Bit>,
    mark_q: DFF<Bit>,
    position_q: DFF<Bit>,
    uncommitted_q: DFF<Bit>,
    steps_q: DFF<Bits<TIERS>>,
    hold: Signal<Local, Bit>,
    commit: Signal<Local, Bit>,
    next_1: Signal<Local, Bits<RUNG_BITS>>,
    next_2: Signal<Local, Bits<RUNG_BITS>>,
    next_3: Signal<Local, Bits<RUNG_BITS>>,
    segment_end: Signal<Local, Bits<END_BITS>>,
    same_segment: Signal<Local, Bit>,
    overlaps: Signal<Local, Bit>,
    count: Signal<Local, Bits<5>>,
    beyond: Signal<Local, Bits<STEPS_BITS>>,
    steps: Signal<Local, Bits<STEPS_BITS>>,
    wanted: Signal<Local, Bits<TIERS>>,
    missing: Signal<Local, Bits<TIERS>>,
    record_price_bits: Signal<Local, Bits<6>>,
    mark_rest: Signal<Local, Bits<PRICE_BITS>>,
    price_low: Signal<Local, Bits<PRICE_BITS>>,
    price_rest: Signal<Local, Bits<PRICE_BITS>>,
    lots: Signal<Local, Bits<SIZE_BITS>>,
    magnitude: Signal<Local, Bits<SIZE_BITS>>,
    size_rest: Signal<Local, Bits<SIZE_BITS>>,
    slots: Constant<Bits<END_BITS>>,
    hold_bit: Constant<Bits<8>>,
    commit_bit: Constant<Bits<8>>,
    one: Constant<Bits<STEPS_BITS>>,
}

impl StateCheck {
    pub fn new(slots: u32) -> Self {
        Self {
            slots: bound(slots.into()),
            hold_bit: code(record::FLAG_HOLD),
            commit_bit: code(record::FLAG_COMMIT),
            one: bound(1),
            clock: Default::default(),
            settings: Default::default(),
            record: Default::default(),
            word: Default::default(),
            segments_end: Default::default(),
            setting_refused: Default::default(),
            commit_refused: Default::default(),
            mark_refused: Default::default(),
            position_refused: Default::default(),
            uncommitted: Default::default(),
            live_steps: Default::default(),
            fields: Default::default(),
            setting_q: Default::default(),
            commit_q: Default::default(),
            mark_q: Default::default(),
            position_q: Default::default(),
            uncommitted_q: Default::default(),
            steps_q: Default::default(),
            hold: Default::default(),
            commit: Default::default(),
            next_1: Default::default(),
            next_2: Default::default(),
            next_3: Default::default(),
            segment_end: Default::default(),
            same_segment: Default::default(),
            overlaps: Default::default(),
            count: Default::default(),
            beyond: Default::default(),
            steps: Default::default(),
            wanted: Default::default(),
            missing: Default::default(),
            record_price_bits: Default::default(),
            mark_rest: Default::default(),
            price_low: Default::default(),
            price_rest: Default::default(),
            lots: Default::default(),
            magnitude: Default::default(),
            size_rest: Default::default(),
        }
    }
}

impl Logic for StateCheck {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, setting_q, commit_q, mark_q, position_q, uncommitted_q, steps_q);
        self.fields.record.next = self.record.val();

        self.hold.next = (self.fields.flags.val() & self.hold_bit.val()) != 0;
        self.commit.next = (self.fields.flags.val() & self.commit_bit.val()) != 0;

        // Rungs as they would be, and their order.
        self.next_1.next = self.settings.val().rung_1;
        self.next_2.next = self.settings.val().rung_2;
        self.next_3.next = self.settings.val().rung_3;
        if self.fields.instrument.val() == 1 {
            self.next_1.next = self.fields.setting.val().get_bits::<RUNG_BITS>(0);
        }
        if self.fields.instrument.val() == 2 {
            self.next_2.next = self.fields.setting.val().get_bits::<RUNG_BITS>(0);
        }
        if self.fields.instrument.val() == 3 {
            self.next_3.next = self.fields.setting.val().get_bits::<RUNG_BITS>(0);
        }
        if self.fields.instrument.val() == 0 {
            self.setting_q.d.next = self.settings.val().scale_set;
        } else {
            self.setting_q.d.next = (!self.hold.val())
                & ((self.next_1.val() < self.next_2.val()) | (self.next_2.val() < self.next_3.val()));
        }

        // Steps of the table.
        self.count.next = self.word.val().tier_count;
        if self.commit.val() {
            self.count.next = self.fields.tier_count.val().get_bits::<5>(0);
        }
        self.beyond.next = self.one.val() << self.count.val();
        self.steps.next = self.beyond.val() - 1;
        self.wanted.next = self.steps.val().get_bits::<TIERS>(0);
        self.steps_q.d.next = self.wanted.val();

        // A commit: no live slot, all steps written, a segment of its own, a mark that still fits.
        self.missing.next = self.wanted.val() & !self.word.val().written;
        self.segment_end.next = bit_cast::<END_BITS, 32>(self.fields.base.val())
            + bit_cast::<END_BITS, 32>(self.fields.capacity.val());
        self.same_segment.next = self.word.val().committed
            & (self.fields.base.val() == bit_cast::<32, SLOT_COUNT_BITS>(self.word.val().slot_base))
            & (self.fields.capacity.val() == bit_cast::<32, SLOT_COUNT_BITS>(self.word.val().capacity));
        self.overlaps.next =
            self.fields.base.val() < bit_cast::<32, SLOT_COUNT_BITS>(self.segments_end.val());
        self.record_price_bits.next = self.fields.price_bits.val().get_bits::<6>(0);
        self.mark_rest.next = self.word.val().mark >> self.record_price_bits.val();
        self.commit_q.d.next = (self.word.val().slots != 0)
            | self.missing.val().any()
            | (self.segment_end.val() > self.slots.val())
            | (self.overlaps.val() & !self.same_segment.val())
            | self.mark_rest.val().any();

        // MARK, POSITION and the rest need a live bank, the first two one that holds them.
        self.uncommitted_q.d.next = !self.word.val().committed;
        self.price_low.next = self.fields.price.val().get_bits::<PRICE_BITS>(0);
        self.price_rest.next = self.price_low.val() >> self.word.val().price_bits;
        self.mark_q.d.next = (!self.word.val().committed) | self.price_rest.val().any();
        self.lots.next = self.fields.size.val().get_bits::<SIZE_BITS>(0);
        self.magnitude.next = self.lots.val();
        if self.lots.val().get_bit(40) {
            self.magnitude.next = !self.lots.val() + 1;
        }
        self.size_rest.next = self.magnitude.val() >> self.word.val().size_bits;
        self.position_q.d.next = (!self.word.val().committed) | self.size_rest.val().any();

        self.setting_refused.next = self.setting_q.q.val();
        self.commit_refused.next = self.commit_q.q.val();
        self.mark_refused.next = self.mark_q.q.val();
        self.position_refused.next = self.position_q.q.val();
        self.uncommitted.next = self.uncommitted_q.q.val();
        self.live_steps.next = self.steps_q.q.val();
    }
}
