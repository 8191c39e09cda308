//! Reason 7: what the present state of the settings and of the instrument does not allow.

use crate::instrument_table::InstrumentState;
use crate::operation::Operation;
use crate::record_check::{bound, code};
use crate::record_slicer::RecordSlicer;
use crate::settings::SettingsWord;
use crate::width::{
    INSTRUMENT_BITS, MAGNITUDE_BITS, PRICE_BITS, RECORD_BITS, RUNG_BITS, SLOT_COUNT_BITS, TIERS,
};
use model::record;
use rust_hdl::prelude::*;

/// Clocks from `load` to `refused` of all but the slow operations.
pub const LATENCY: u64 = 1;
/// Clocks that the record and the state stand still before `refused` of SETTING and of a commit.
pub const SLOW_LATENCY: u64 = 2;

const END_BITS: usize = 33;
const STEPS_BITS: usize = TIERS + 1;

/// What a commit does not meet, rule by rule.
#[derive(Clone, Copy, Debug, Default, LogicStruct, PartialEq)]
pub struct CommitWord {
    /// A step below the count was not written.
    pub missing: bool,
    /// A step below the count does not follow the one before.
    pub unordered: bool,
    /// Step 0 does not begin at 0.
    pub nonzero: bool,
    /// The segment ends beyond the slots.
    pub too_long: bool,
    /// The segment begins below the end of those before.
    pub overlaps: bool,
    /// Base or capacity differ from those of the live bank, or there is none.
    pub other_segment: bool,
    /// `price_bits` or `size_bits` differ from those of the live bank.
    pub other_bits: bool,
    /// The mark does not fit.
    pub mark: bool,
    pub occupied: bool,
}

/// Whether the state refuses the record.
///
/// Shape: one record per clock. `following` is taken while `load` is high and becomes `record`, beside which `word`
/// stands. The scale is set when it is asked.
#[derive(LogicBlock)]
pub struct StateCheck {
    pub clock: Signal<In, Clock>,
    pub load: Signal<In, Bit>,
    pub following: Signal<In, Bits<RECORD_BITS>>,
    pub record: Signal<In, Bits<RECORD_BITS>>,
    pub operation: Signal<In, Operation>,
    pub word: Signal<In, InstrumentState>,
    pub settings: Signal<In, SettingsWord>,
    pub segments_end: Signal<In, Bits<SLOT_COUNT_BITS>>,
    pub occupied: Signal<In, Bits<16>>,
    pub refused: Signal<Out, Bit>,
    /// End of the record's segment.
    pub segment_end: Signal<Out, Bits<SLOT_COUNT_BITS>>,
    next_fields: RecordSlicer,
    fields: RecordSlicer,
    // Beside the record. A negative number is kept as its complement, one less than its magnitude.
    size_bits: DFF<Bits<MAGNITUDE_BITS>>,
    size_negative: DFF<Bit>,
    delta_bits: DFF<Bits<PRICE_BITS>>,
    delta_negative: DFF<Bit>,
    price_excess: DFF<Bits<PRICE_BITS>>,
    wanted: DFF<Bits<TIERS>>,
    ending: DFF<Bits<END_BITS>>,
    rules: DFF<CommitWord>,
    commit_refused: DFF<Bit>,
    setting_refused: DFF<Bit>,
    size_low: Signal<Local, Bits<MAGNITUDE_BITS>>,
    delta_low: Signal<Local, Bits<PRICE_BITS>>,
    size_over: Signal<Local, Bits<MAGNITUDE_BITS>>,
    size_inside: Signal<Local, Bits<MAGNITUDE_BITS>>,
    size_full: Signal<Local, Bits<MAGNITUDE_BITS>>,
    delta_over: Signal<Local, Bits<PRICE_BITS>>,
    delta_inside: Signal<Local, Bits<PRICE_BITS>>,
    delta_full: Signal<Local, Bits<PRICE_BITS>>,
    price_low: Signal<Local, Bits<PRICE_BITS>>,
    price_over: Signal<Local, Bits<PRICE_BITS>>,
    mark_over: Signal<Local, Bits<PRICE_BITS>>,
    excess_count: Signal<Local, Bits<6>>,
    excess: Signal<Local, Bits<PRICE_BITS>>,
    count: Signal<Local, Bits<5>>,
    beyond: Signal<Local, Bits<STEPS_BITS>>,
    steps: Signal<Local, Bits<STEPS_BITS>>,
    missing: Signal<Local, Bits<TIERS>>,
    pairs: Signal<Local, Bits<TIERS>>,
    unordered: Signal<Local, Bits<TIERS>>,
    index: Signal<Local, Bits<INSTRUMENT_BITS>>,
    occupied_rest: Signal<Local, Bits<16>>,
    base: Signal<Local, Bits<32>>,
    capacity: Signal<Local, Bits<32>>,
    floor: Signal<Local, Bits<32>>,
    hold: Signal<Local, Bit>,
    next_1: Signal<Local, Bits<RUNG_BITS>>,
    next_2: Signal<Local, Bits<RUNG_BITS>>,
    next_3: Signal<Local, Bits<RUNG_BITS>>,
    mark_refused: Signal<Local, Bit>,
    funding_refused: Signal<Local, Bit>,
    position_refused: Signal<Local, Bit>,
    slots: Constant<Bits<END_BITS>>,
    hold_bit: Constant<Bits<8>>,
    one: Constant<Bits<STEPS_BITS>>,
    first_step: Constant<Bits<TIERS>>,
    all_price: Constant<Bits<PRICE_BITS>>,
}

impl StateCheck {
    pub fn new(slots: u32) -> Self {
        Self {
            slots: bound(slots.into()),
            hold_bit: code(record::FLAG_HOLD),
            one: bound(1),
            first_step: bound(1),
            all_price: bound((1 << PRICE_BITS) - 1),
            clock: Default::default(),
            load: Default::default(),
            following: Default::default(),
            record: Default::default(),
            operation: Default::default(),
            word: Default::default(),
            settings: Default::default(),
            segments_end: Default::default(),
            occupied: Default::default(),
            refused: Default::default(),
            segment_end: Default::default(),
            next_fields: Default::default(),
            fields: Default::default(),
            size_bits: Default::default(),
            size_negative: Default::default(),
            delta_bits: Default::default(),
            delta_negative: Default::default(),
            price_excess: Default::default(),
            wanted: Default::default(),
            ending: Default::default(),
            rules: Default::default(),
            commit_refused: Default::default(),
            setting_refused: Default::default(),
            size_low: Default::default(),
            delta_low: Default::default(),
            size_over: Default::default(),
            size_inside: Default::default(),
            size_full: Default::default(),
            delta_over: Default::default(),
            delta_inside: Default::default(),
            delta_full: Default::default(),
            price_low: Default::default(),
            price_over: Default::default(),
            mark_over: Default::default(),
            excess_count: Default::default(),
            excess: Default::default(),
            count: Default::default(),
            beyond: Default::default(),
            steps: Default::default(),
            missing: Default::default(),
            pairs: Default::default(),
            unordered: Default::default(),
            index: Default::default(),
            occupied_rest: Default::default(),
            base: Default::default(),
            capacity: Default::default(),
            floor: Default::default(),
            hold: Default::default(),
            next_1: Default::default(),
            next_2: Default::default(),
            next_3: Default::default(),
            mark_refused: Default::default(),
            funding_refused: Default::default(),
            position_refused: Default::default(),
        }
    }
}

impl Logic for StateCheck {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            size_bits,
            size_negative,
            delta_bits,
            delta_negative,
            price_excess,
            wanted,
            ending,
            rules,
            commit_refused,
            setting_refused
        );
        self.next_fields.record.next = self.following.val();
        self.fields.record.next = self.record.val();

        // Made of the record alone, while it comes in.
        self.size_low.next = self.next_fields.size.val().get_bits::<MAGNITUDE_BITS>(0);
        self.delta_low.next = self.next_fields.index_delta.val().get_bits::<PRICE_BITS>(0);
        self.excess_count.next = self.next_fields.price_bits.val().get_bits::<6>(0);
        self.excess.next = self.all_price.val() << self.excess_count.val();
        self.count.next = self.next_fields.tier_count.val().get_bits::<5>(0);
        self.beyond.next = self.one.val() << self.count.val();
        self.steps.next = self.beyond.val() - 1;
        if self.load.val() {
            self.size_bits.d.next = self.size_low.val();
            self.size_negative.d.next = self.next_fields.size.val().get_bit(40);
            if self.next_fields.size.val().get_bit(40) {
                self.size_bits.d.next = !self.size_low.val();
            }
            self.delta_bits.d.next = self.delta_low.val();
            self.delta_negative.d.next = self.next_fields.index_delta.val().get_bit(32);
            if self.next_fields.index_delta.val().get_bit(32) {
                self.delta_bits.d.next = !self.delta_low.val();
            }
            self.price_excess.d.next = self.excess.val();
            self.wanted.d.next = self.steps.val().get_bits::<TIERS>(0);
            self.ending.d.next = bit_cast::<END_BITS, 32>(self.next_fields.base.val())
                + bit_cast::<END_BITS, 32>(self.next_fields.capacity.val());
        }

        // A magnitude fits n bits if no bit beyond them is set. Of a negative number the complement must fit and not
        // be all ones, for the magnitude is one more.
        self.price_low.next = self.fields.price.val().get_bits::<PRICE_BITS>(0);
        self.price_over.next = self.price_low.val() & self.word.val().price_excess;
        self.size_over.next = self.size_bits.q.val() & self.word.val().size_excess;
        self.size_inside.next = !self.word.val().size_excess;
        self.size_full.next = self.size_inside.val() & !self.size_bits.q.val();
        self.delta_over.next = self.delta_bits.q.val() & self.word.val().price_excess;
        self.delta_inside.next = !self.word.val().price_excess;
        self.delta_full.next = self.delta_inside.val() & !self.delta_bits.q.val();
        self.mark_refused.next = self.price_over.val().any();
        self.position_refused.next =
            self.size_over.val().any() | (self.size_negative.q.val() & !self.size_full.val().any());
        self.funding_refused.next = (!self.word.val().pays_funding)
            | (self.delta_over.val().any() | (self.delta_negative.q.val() & !self.delta_full.val().any()));

        // A commit.
        self.missing.next = self.wanted.q.val() & !self.word.val().written;
        self.pairs.next = self.wanted.q.val() & !self.first_step.val();
        self.unordered.next = self.pairs.val() & !self.word.val().rises;
        self.base.next = bit_cast::<32, SLOT_COUNT_BITS>(self.word.val().slot_base);
        self.capacity.next = bit_cast::<32, SLOT_COUNT_BITS>(self.word.val().capacity);
        self.floor.next = bit_cast::<32, SLOT_COUNT_BITS>(self.segments_end.val());
        self.mark_over.next = self.word.val().mark & self.price_excess.q.val();
        self.index.next = self.fields.instrument.val().get_bits::<INSTRUMENT_BITS>(0);
        self.occupied_rest.next = self.occupied.val() >> self.index.val();
        self.rules.d.next.missing = self.missing.val().any();
        self.rules.d.next.unordered = self.unordered.val().any();
        self.rules.d.next.nonzero = !self.word.val().starts_at_zero;
        self.rules.d.next.too_long = self.ending.q.val() > self.slots.val();
        self.rules.d.next.overlaps = self.fields.base.val() < self.floor.val();
        self.rules.d.next.other_segment = !(self.word.val().committed
            & ((self.fields.base.val() == self.base.val())
                & (self.fields.capacity.val() == self.capacity.val())));
        self.rules.d.next.other_bits = !((self.fields.price_bits.val()
            == bit_cast::<8, 6>(self.word.val().price_bits))
            & (self.fields.size_bits.val() == bit_cast::<8, 6>(self.word.val().size_bits)));
        self.rules.d.next.mark = self.mark_over.val().any();
        self.rules.d.next.occupied = self.occupied_rest.val().get_bit(0);
        self.commit_refused.d.next = ((self.rules.q.val().missing | self.rules.q.val().unordered)
            | (self.rules.q.val().nonzero | self.rules.q.val().too_long))
            | ((self.rules.q.val().overlaps & self.rules.q.val().other_segment)
                | (self.rules.q.val().occupied
                    & (self.rules.q.val().other_segment | self.rules.q.val().other_bits)))
            | self.rules.q.val().mark;

        // Rungs as they would be, and their order.
        self.hold.next = (self.fields.flags.val() & self.hold_bit.val()) != 0;
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
            self.setting_refused.d.next = self.settings.val().scale_set;
        } else {
            self.setting_refused.d.next = (!self.hold.val())
                & ((self.next_1.val() < self.next_2.val()) | (self.next_2.val() < self.next_3.val()));
        }

        self.segment_end.next = self.ending.q.val().get_bits::<SLOT_COUNT_BITS>(0);
        self.refused.next = false;
        if self.operation.val().setting {
            self.refused.next = self.setting_refused.q.val();
        }
        if self.operation.val().commits {
            self.refused.next = self.commit_refused.q.val();
        }
        if self.operation.val().mark {
            self.refused.next = (!self.word.val().committed) | self.mark_refused.val();
        }
        if self.operation.val().funding {
            self.refused.next = (!self.word.val().committed) | self.funding_refused.val();
        }
        if self.operation.val().position | self.operation.val().reload {
            self.refused.next = (!self.word.val().committed) | self.position_refused.val();
        }
        if self.operation.val().move_slot | self.operation.val().read_slot {
            self.refused.next = !self.word.val().committed;
        }
    }
}
