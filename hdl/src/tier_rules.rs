//! How a step of a shadow bank stands to its neighbours: so a commit need not scan the table.

use crate::ram::Ram;
use crate::record_check::bound;
use crate::record_slicer::RecordSlicer;
use crate::width::{
    DEDUCTION_BITS, INSTRUMENT_BITS, NOTIONAL_BITS, RECORD_BITS, SCALE_BITS, STEP_BITS, TIERS,
};
use rust_hdl::prelude::*;

/// Clocks from `phase` 0 to `rises`.
pub const LATENCY: u64 = 4;

const ADDRESS_BITS: usize = INSTRUMENT_BITS + STEP_BITS;

/// A step as it was last written: floor in quanta, rate over S, deduction in quanta / S.
#[derive(Clone, Copy, Debug, Default, LogicStruct, PartialEq)]
pub struct StepWord {
    pub floor: Bits<NOTIONAL_BITS>,
    pub rate: Bits<SCALE_BITS>,
    pub deduction: Bits<DEDUCTION_BITS>,
}

/// The steps last written, one bank an instrument, and the comparison of a TIER with the steps before and after it.
///
/// Shape: a TIER stands at `record` while `phase` counts from 0; then `rises` is the instrument's mask with the pairs
/// (step - 1, step) and (step, step + 1) judged anew, and `write` stores the step. One bank is enough: a commit needs every
/// step written since the last flip, and the later write of a pair judges it.
#[derive(LogicBlock)]
pub struct TierRules {
    pub clock: Signal<In, Clock>,
    pub record: Signal<In, Bits<RECORD_BITS>>,
    pub phase: Signal<In, Bits<3>>,
    pub write: Signal<In, Bit>,
    pub rises_before: Signal<In, Bits<TIERS>>,
    pub zero_before: Signal<In, Bit>,
    pub rises: Signal<Out, Bits<TIERS>>,
    pub starts_at_zero: Signal<Out, Bit>,
    fields: RecordSlicer,
    ram: Ram<StepWord, ADDRESS_BITS>,
    lower: DFF<StepWord>,
    upper: DFF<StepWord>,
    above_lower: DFF<Bit>,
    below_upper: DFF<Bit>,
    is_zero: DFF<Bit>,
    step: Signal<Local, Bits<STEP_BITS>>,
    neighbour: Signal<Local, Bits<STEP_BITS>>,
    row: Signal<Local, Bits<ADDRESS_BITS>>,
    given: Signal<Local, StepWord>,
    mask: Signal<Local, Bits<TIERS>>,
    mask_upper: Signal<Local, Bits<TIERS>>,
    judged: Signal<Local, Bits<TIERS>>,
    kept: Signal<Local, Bits<TIERS>>,
    found: Signal<Local, Bits<TIERS>>,
    found_upper: Signal<Local, Bits<TIERS>>,
    one: Constant<Bits<TIERS>>,
}

impl TierRules {
    pub fn new(instruments: usize) -> Self {
        Self {
            ram: Ram::new(instruments * TIERS),
            one: bound(1),
            clock: Default::default(),
            record: Default::default(),
            phase: Default::default(),
            write: Default::default(),
            rises_before: Default::default(),
            zero_before: Default::default(),
            rises: Default::default(),
            starts_at_zero: Default::default(),
            fields: Default::default(),
            lower: Default::default(),
            upper: Default::default(),
            above_lower: Default::default(),
            below_upper: Default::default(),
            is_zero: Default::default(),
            step: Default::default(),
            neighbour: Default::default(),
            row: Default::default(),
            given: Default::default(),
            mask: Default::default(),
            mask_upper: Default::default(),
            judged: Default::default(),
            kept: Default::default(),
            found: Default::default(),
            found_upper: Default::default(),
        }
    }
}

impl Logic for TierRules {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, lower, upper, above_lower, below_upper, is_zero);
        clock!(self, clock, ram);
        self.fields.record.next = self.record.val();
        self.step.next = self.fields.tier_step.val();
        self.row.next = bit_cast::<ADDRESS_BITS, INSTRUMENT_BITS>(
            self.fields.instrument.val().get_bits::<INSTRUMENT_BITS>(0),
        ) << 4;
        self.given.next.floor = self.fields.tier_floor.val().get_bits::<NOTIONAL_BITS>(0);
        self.given.next.rate = self.fields.tier_rate.val().get_bits::<SCALE_BITS>(0);
        self.given.next.deduction = self.fields.tier_deduction.val().get_bits::<DEDUCTION_BITS>(0);

        // Both neighbours, one after the other. Past the ends they wrap: nothing reads what comes of that.
        if self.phase.val() == 0 {
            self.neighbour.next = self.step.val() - 1;
        } else {
            self.neighbour.next = self.step.val() + 1;
        }
        self.ram.read_enable.next = true;
        self.ram.read_address.next =
            self.row.val() | bit_cast::<ADDRESS_BITS, STEP_BITS>(self.neighbour.val());
        self.ram.write_enable.next = self.write.val();
        self.ram.write_address.next = self.row.val() | bit_cast::<ADDRESS_BITS, STEP_BITS>(self.step.val());
        self.ram.write_data.next = self.given.val();
        if self.phase.val() == 1 {
            self.lower.d.next = self.ram.read_data.val();
        }
        if self.phase.val() == 2 {
            self.upper.d.next = self.ram.read_data.val();
        }
        self.above_lower.d.next = (self.given.val().floor > self.lower.q.val().floor)
            & ((self.given.val().rate >= self.lower.q.val().rate)
                & (self.given.val().deduction >= self.lower.q.val().deduction));
        self.below_upper.d.next = (self.given.val().floor < self.upper.q.val().floor)
            & ((self.given.val().rate <= self.upper.q.val().rate)
                & (self.given.val().deduction <= self.upper.q.val().deduction));
        self.is_zero.d.next = !(self.given.val().floor.any() | self.given.val().deduction.any());

        self.mask.next = self.one.val() << self.step.val();
        self.mask_upper.next = self.mask.val() << 1;
        self.judged.next = self.mask.val() | self.mask_upper.val();
        self.kept.next = self.rises_before.val() & !self.judged.val();
        self.found.next = 0.into();
        self.found_upper.next = 0.into();
        if self.above_lower.q.val() {
            self.found.next = self.mask.val();
        }
        if self.below_upper.q.val() {
            self.found_upper.next = self.mask_upper.val();
        }
        self.rises.next = (self.kept.val() | self.found.val()) | self.found_upper.val();
        self.starts_at_zero.next = self.zero_before.val();
        if self.step.val() == 0 {
            self.starts_at_zero.next = self.is_zero.q.val();
        }
    }
}
