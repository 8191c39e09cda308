//! From a beat to its report: one position, account or answer per clock, each in the same number of clocks.
//!
//! Stage 0 is the register behind the control; the slot RAM is read as the beat enters it. The word is put right at 3,
//! the first products are there at 6, the changes of E and R at 11, the account's new sums at 12, what becomes
//! of them at 13, the severity at 15, the report at 16. Slots are written behind 13, accounts behind 17.

use crate::BuildConfig;
use crate::account_store::AccountStore;
use crate::account_update::AccountUpdate;
use crate::account_word::AccountWord;
use crate::beat::{Beat, Operands};
use crate::equity_change::EquityChange;
use crate::margin_comparator::MarginComparator;
use crate::outcome::{Outcome, OutcomeCheck};
use crate::position_value::PositionValue;
use crate::ram::Ram;
use crate::reasons::Reasons;
use crate::record_slicer::RecordSlicer;
use crate::repeat_guard::RepeatGuard;
use crate::report::Report;
use crate::requirement::Requirement;
use crate::settings::SettingsWord;
use crate::sign::SignExtend;
use crate::slot_store::SlotStore;
use crate::slot_word::SlotWord;
use crate::width::{
    ACCOUNT_BITS, ACCUMULATOR_BITS, BANK_BITS, CHANGE_BITS, CHARGE_BITS, MAGNITUDE_BITS, NOTIONAL_BITS,
    OFFSET_BITS, RECORD_BITS, REQUIREMENT_BITS, SCALE_BITS, SLOT_BITS, TAG_BITS, WEIGHT_BITS,
};
use crate::zero::Zero;
use rust_hdl::prelude::*;

/// Registers of a beat.
pub const STAGES: usize = 18;
/// Where it is known what becomes of a beat.
pub const OUTCOME_STAGE: u64 = 13;
/// Clocks from the beat at the input to its report at the output.
pub const LATENCY: u64 = 17;

/// The datapath of a lane.
///
/// Shape: one beat per clock, never stalls; the control keeps hazards apart. `repeats` takes back the beats of a sweep that
/// are younger than, or the same as, the one it points at.
#[derive(LogicBlock, Default)]
pub struct Pipeline {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub lane_index: Signal<In, Bits<8>>,
    pub scale: Signal<In, Bits<SCALE_BITS>>,
    pub settings: Signal<In, SettingsWord>,
    pub beat: Signal<In, Beat>,
    pub operands: Signal<In, Operands>,
    /// The record of the beats to come, kept under its tag.
    pub keep: Signal<In, Bit>,
    pub keep_tag: Signal<In, Bits<TAG_BITS>>,
    pub keep_record: Signal<In, Bits<RECORD_BITS>>,
    /// A sweep or walk starts: the receipt counts from here.
    pub start: Signal<In, Bit>,
    pub clear: Signal<In, Bit>,
    pub clear_row: Signal<In, Bits<ACCOUNT_BITS>>,
    pub clear_place: Signal<In, Bits<SLOT_BITS>>,
    pub write_tier: Signal<In, Bit>,
    pub write_bank: Signal<In, Bits<BANK_BITS>>,
    /// The slot now at stage 3 is written to `move_place` one clock later, when `moves` is high.
    pub copies: Signal<In, Bit>,
    pub moves: Signal<In, Bit>,
    pub move_place: Signal<In, Bits<SLOT_BITS>>,
    pub slot: Signal<Out, SlotWord>,
    pub slot_broken: Signal<Out, Bit>,
    pub empty: Signal<Out, Bit>,
    pub repeats: Signal<Out, Bit>,
    pub repeat_place: Signal<Out, Bits<SLOT_BITS>>,
    pub repeat_index: Signal<Out, Bits<SLOT_BITS>>,
    /// An append is decided, and whether it took place.
    pub append_done: Signal<Out, Bit>,
    pub appended: Signal<Out, Bit>,
    /// The idle walk has found a word to put right.
    pub account_found: Signal<Out, Bit>,
    pub found_row: Signal<Out, Bits<ACCOUNT_BITS>>,
    pub slot_found: Signal<Out, Bit>,
    pub found_place: Signal<Out, Bits<SLOT_BITS>>,
    pub corrected: Signal<Out, Bits<32>>,
    pub uncorrected: Signal<Out, Bits<32>>,
    pub report: Signal<Out, Bit>,
    pub report_record: Signal<Out, Bits<RECORD_BITS>>,
    pub report_is_echo: Signal<Out, Bit>,
    slots: SlotStore,
    accounts: AccountStore,
    position_value: PositionValue,
    equity_change: EquityChange,
    requirement: Requirement,
    update: AccountUpdate,
    outcome_check: OutcomeCheck,
    comparator: MarginComparator,
    reporter: Report,
    guard: RepeatGuard,
    reasons: Reasons,
    early_records: Ram<Bits<RECORD_BITS>, TAG_BITS>,
    late_records: Ram<Bits<RECORD_BITS>, TAG_BITS>,
    early: RecordSlicer,
    kept: RecordSlicer,
    nothing: Zero<Beat>,
    zeros: Zero<AccountWord>,
    loaded_equity: SignExtend<ACCUMULATOR_BITS, CHANGE_BITS>,
    loaded_requirement: SignExtend<ACCUMULATOR_BITS, CHANGE_BITS>,
    new_offset: SignExtend<OFFSET_BITS, CHANGE_BITS>,
    stored_wide: SignExtend<REQUIREMENT_BITS, CHANGE_BITS>,
    beats: [DFF<Beat>; STAGES],
    flying: DFF<Bits<STAGES>>,
    numbers: [DFF<Operands>; 8],
    /// The position as it will be, from stage 4 to 12.
    magnitudes: [DFF<Bits<MAGNITUDE_BITS>>; 9],
    negatives: [DFF<Bit>; 9],
    /// The stored requirement, likewise.
    stored: [DFF<Bits<CHANGE_BITS>>; 9],
    /// Weights and signs from stage 4 to 7, and what they weigh.
    weights: [DFF<Bits<WEIGHT_BITS>>; 4],
    slot_weights: [DFF<Bits<WEIGHT_BITS>>; 4],
    slot_negatives: [DFF<Bit>; 4],
    notional_7: DFF<Bits<NOTIONAL_BITS>>,
    slot_value_7: DFF<Bits<NOTIONAL_BITS>>,
    account_broken: [DFF<Bit>; 2],
    requirement_12: DFF<Bits<REQUIREMENT_BITS>>,
    equity_13: DFF<Bits<ACCUMULATOR_BITS>>,
    requirement_13: DFF<Bits<ACCUMULATOR_BITS>>,
    offset_13: DFF<Bits<OFFSET_BITS>>,
    stored_13: DFF<AccountWord>,
    final_14: DFF<AccountWord>,
    final_15: DFF<AccountWord>,
    word_16: DFF<AccountWord>,
    outcome_14: DFF<Outcome>,
    outcome_15: DFF<Outcome>,
    shown: DFF<SlotWord>,
    holders: DFF<Bits<32>>,
    flag_count: DFF<Bits<32>>,
    clocks: DFF<Bits<32>>,
    corrections: DFF<Bits<32>>,
    losses: DFF<Bits<32>>,
    slot_stops: Signal<Local, Bit>,
    foreign: Signal<Local, Bit>,
    squashes: Signal<Local, Bit>,
    entering: Signal<Local, Bits<STAGES>>,
    older: Signal<Local, Bits<STAGES>>,
    magnitude: Signal<Local, Bits<MAGNITUDE_BITS>>,
    negative: Signal<Local, Bit>,
    slot_written: Signal<Local, SlotWord>,
    changed: Signal<Local, Bit>,
    shown_size: Signal<Local, Bits<64>>,
    slot_corrected: Signal<Local, Bits<32>>,
    account_corrected: Signal<Local, Bits<32>>,
    slot_lost: Signal<Local, Bits<32>>,
    account_lost: Signal<Local, Bits<32>>,
}

impl Pipeline {
    pub fn new(build: &BuildConfig) -> Self {
        Self {
            slots: SlotStore::new(build.slots as usize),
            accounts: AccountStore::new(build.accounts as usize),
            requirement: Requirement::new(build.instruments.into()),
            reporter: Report::new(build.lanes),
            early_records: Ram::new(1 << TAG_BITS),
            late_records: Ram::new(1 << TAG_BITS),
            ..Default::default()
        }
    }
}

impl Logic for Pipeline {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            flying,
            notional_7,
            slot_value_7,
            requirement_12,
            equity_13,
            requirement_13,
            offset_13,
            stored_13,
            final_14,
            final_15,
            word_16,
            outcome_14,
            outcome_15,
            shown,
            holders,
            flag_count,
            clocks,
            corrections,
            losses
        );
        clock!(
            self,
            clock,
            slots,
            accounts,
            position_value,
            equity_change,
            requirement,
            update,
            outcome_check,
            comparator,
            reporter,
            guard,
            early_records,
            late_records
        );
        for i in 0..18 {
            self.beats[i].clock.next = self.clock.val();
        }
        for i in 0..8 {
            self.numbers[i].clock.next = self.clock.val();
        }
        for i in 0..9 {
            self.magnitudes[i].clock.next = self.clock.val();
            self.negatives[i].clock.next = self.clock.val();
            self.stored[i].clock.next = self.clock.val();
        }
        for i in 0..4 {
            self.weights[i].clock.next = self.clock.val();
            self.slot_weights[i].clock.next = self.clock.val();
            self.slot_negatives[i].clock.next = self.clock.val();
        }
        for i in 0..2 {
            self.account_broken[i].clock.next = self.clock.val();
        }

        // Beats move on. At stage 3 the slot's word is there: whose it is, and whether it stops the beat.
        self.beats[0].d.next = self.beat.val();
        for i in 1..18 {
            self.beats[i].d.next = self.beats[i - 1].q.val();
        }
        self.slot_stops.next = (self.beats[3].q.val().sweeps | self.beats[3].q.val().reads_slot)
            & self.slots.uncorrectable.val();
        self.foreign.next = self.beats[3].q.val().owns_slot
            & (!self.beats[3].q.val().appends & (self.slots.word.val().row != self.beats[3].q.val().row));
        if self.beats[3].q.val().sweeps {
            self.beats[4].d.next.row = self.slots.word.val().row;
        }
        if self.foreign.val() {
            self.beats[4].d.next.refused = true;
            self.beats[4].d.next.reason = self.reasons.slot.val();
            self.beats[4].d.next.touches = false;
        }
        if self.slot_stops.val() {
            self.beats[4].d.next.slot_broken = true;
            self.beats[4].d.next.refused = false;
            self.beats[4].d.next.touches = false;
        }
        self.guard.valid.next = self.beats[4].q.val().sweeps & self.beats[4].q.val().touches;
        self.guard.row.next = self.beats[4].q.val().row;
        self.squashes.next = self.guard.repeated.val() & self.beats[5].q.val().touches;
        self.entering.next = 0.into();
        if self.beat.val().valid {
            self.entering.next = 1.into();
        }
        self.older.next = 0x3ffc0.into();
        self.flying.d.next = (self.flying.q.val() << 1) | self.entering.val();
        if self.squashes.val() {
            self.flying.d.next = (self.flying.q.val() & self.older.val()) << 1;
            for i in 0..7 {
                self.beats[i].d.next = self.nothing.value.val();
            }
        }
        if self.reset.val() {
            self.flying.d.next = 0.into();
            for i in 0..18 {
                self.beats[i].d.next = self.nothing.value.val();
            }
        }
        self.empty.next = !self.flying.q.val().any();
        self.repeats.next = self.squashes.val();
        self.repeat_place.next = self.beats[5].q.val().place;
        self.repeat_index.next = self.beats[5].q.val().index;

        // Records kept for LOAD and OFFSET, and for the report.
        self.kept.record.next = self.keep_record.val();
        self.early_records.write_enable.next = self.keep.val();
        self.early_records.write_address.next = self.keep_tag.val();
        self.early_records.write_data.next = self.keep_record.val();
        self.early_records.read_enable.next = true;
        self.early_records.read_address.next = self.beats[8].q.val().tag;
        self.late_records.write_enable.next = self.keep.val();
        self.late_records.write_address.next = self.keep_tag.val();
        self.late_records.write_data.next = self.keep_record.val();
        self.late_records.read_enable.next = true;
        self.late_records.read_address.next = self.beats[14].q.val().tag;
        self.early.record.next = self.early_records.read_data.val();

        // Slots.
        self.slots.read.next = true;
        self.slots.read_place.next = self.beat.val().place;
        self.slots.clear.next = self.clear.val();
        self.slots.clear_place.next = self.clear_place.val();
        self.slot.next = self.slots.word.val();
        self.slot_broken.next = self.slots.uncorrectable.val();

        // Operands move on; at stage 3 the beat's position is the slot's or the record's own.
        self.numbers[0].d.next = self.operands.val();
        for i in 1..8 {
            self.numbers[i].d.next = self.numbers[i - 1].q.val();
        }
        self.magnitude.next = self.numbers[3].q.val().magnitude;
        self.negative.next = self.numbers[3].q.val().negative;
        if self.beats[3].q.val().sweeps {
            self.magnitude.next = self.slots.word.val().magnitude;
            self.negative.next = self.slots.word.val().negative;
        }
        self.position_value.magnitude.next = self.magnitude.val();
        self.position_value.price.next = self.numbers[3].q.val().price;
        self.position_value.slot_magnitude.next = self.slots.word.val().magnitude;
        self.position_value.slot_price.next = self.numbers[3].q.val().slot_price;
        self.stored_wide.narrow.next = self.slots.word.val().requirement;
        self.stored[0].d.next = self.stored_wide.wide.val();
        if self.beats[3].q.val().appends {
            self.position_value.slot_magnitude.next = 0.into();
            self.stored[0].d.next = 0.into();
        }
        self.magnitudes[0].d.next = self.magnitude.val();
        self.negatives[0].d.next = self.negative.val();
        for i in 1..9 {
            self.magnitudes[i].d.next = self.magnitudes[i - 1].q.val();
            self.negatives[i].d.next = self.negatives[i - 1].q.val();
            self.stored[i].d.next = self.stored[i - 1].q.val();
        }
        self.weights[0].d.next = self.numbers[3].q.val().weight_long;
        if self.negative.val() {
            self.weights[0].d.next = self.numbers[3].q.val().weight_short;
        }
        self.slot_weights[0].d.next = self.numbers[3].q.val().slot_weight_long;
        if self.slots.word.val().negative {
            self.slot_weights[0].d.next = self.numbers[3].q.val().slot_weight_short;
        }
        self.slot_negatives[0].d.next = self.slots.word.val().negative ^ self.numbers[3].q.val().retract;
        for i in 1..4 {
            self.weights[i].d.next = self.weights[i - 1].q.val();
            self.slot_weights[i].d.next = self.slot_weights[i - 1].q.val();
            self.slot_negatives[i].d.next = self.slot_negatives[i - 1].q.val();
        }

        // Stage 6: products become changes of E and R by stage 11.
        self.notional_7.d.next = self.position_value.notional.val();
        self.slot_value_7.d.next = self.position_value.slot_value.val();
        self.equity_change.notional.next = self.notional_7.q.val();
        self.equity_change.weight.next = self.weights[3].q.val();
        self.equity_change.negative.next = self.negatives[3].q.val();
        self.equity_change.slot_value.next = self.slot_value_7.q.val();
        self.equity_change.slot_weight.next = self.slot_weights[3].q.val();
        self.equity_change.slot_negative.next = self.slot_negatives[3].q.val();
        self.equity_change.cash.next = self.numbers[6].q.val().cash;
        self.equity_change.cash_negative.next = self.numbers[6].q.val().cash_negative;
        self.equity_change.scale.next = self.scale.val();
        self.loaded_equity.narrow.next = bit_cast::<ACCUMULATOR_BITS, 80>(self.early.equity_low.val())
            | (bit_cast::<ACCUMULATOR_BITS, 8>(self.early.equity_top.val()) << 80);
        self.loaded_requirement.narrow.next =
            bit_cast::<ACCUMULATOR_BITS, 80>(self.early.requirement_low.val())
                | (bit_cast::<ACCUMULATOR_BITS, 8>(self.early.requirement_top.val()) << 80);
        self.new_offset.narrow.next = self.early.offset.val().get_bits::<OFFSET_BITS>(0);
        self.equity_change.loads.next = self.beats[9].q.val().loads;
        self.equity_change.loaded.next = self.loaded_equity.wide.val();
        self.requirement.write.next = self.write_tier.val();
        self.requirement.write_bank.next = self.write_bank.val();
        self.requirement.write_step.next = self.kept.tier_step.val();
        self.requirement.write_floor.next = self.kept.tier_floor.val().get_bits::<NOTIONAL_BITS>(0);
        self.requirement.write_charge.next =
            bit_cast::<CHARGE_BITS, 20>(self.kept.tier_rate.val().get_bits::<20>(0))
                | (bit_cast::<CHARGE_BITS, 79>(self.kept.tier_deduction.val().get_bits::<79>(0)) << 20);
        self.requirement.floor_bank.next = self.numbers[4].q.val().bank;
        self.requirement.count.next = self.numbers[5].q.val().tier_count;
        self.requirement.notional.next = self.position_value.notional.val();
        self.requirement.charge_bank.next = self.numbers[7].q.val().bank;
        self.requirement.stored.next = self.stored[5].q.val();
        self.requirement.reprices.next = self.beats[9].q.val().reprices;
        self.requirement.injected.next = 0.into();
        if self.beats[9].q.val().loads {
            self.requirement.injected.next = self.loaded_requirement.wide.val();
        }
        if self.beats[9].q.val().sets_offset {
            self.requirement.injected.next = self.new_offset.wide.val();
        }

        // Stage 10: the account's word.
        self.accounts.read.next = true;
        self.accounts.read_row.next = self.beats[6].q.val().row;
        self.accounts.clear.next = self.clear.val();
        self.accounts.clear_row.next = self.clear_row.val();
        self.update.word.next = self.accounts.word.val();
        self.update.loads.next = self.beats[10].q.val().loads;
        self.update.sets_offset.next = self.beats[10].q.val().sets_offset;
        self.update.equity_change.next = self.equity_change.change.val();
        self.update.requirement_change.next = self.requirement.change.val();
        self.account_broken[0].d.next = self.accounts.uncorrectable.val();
        self.account_broken[1].d.next = self.account_broken[0].q.val();

        // Stage 12: the sums are judged and compared; the slot is encoded meanwhile.
        self.outcome_check.beat.next = self.beats[12].q.val();
        self.outcome_check.equity.next = self.update.equity.val();
        self.outcome_check.requirement.next = self.update.requirement.val();
        self.outcome_check.was_bad.next = self.update.stored.val().bad;
        self.outcome_check.account_broken.next = self.account_broken[1].q.val();
        self.comparator.settings.next = self.settings.val();
        self.comparator.equity.next = self.update.equity.val().get_bits::<ACCUMULATOR_BITS>(0);
        self.comparator.effective.next = self.update.effective.val();
        self.requirement_12.d.next = self.requirement.requirement.val();
        self.slot_written.next.row = self.beats[12].q.val().row;
        self.slot_written.next.magnitude = self.magnitudes[8].q.val();
        self.slot_written.next.negative = self.negatives[8].q.val();
        self.slot_written.next.requirement = self.stored[8].q.val().get_bits::<REQUIREMENT_BITS>(0);
        if self.beats[12].q.val().reprices {
            self.slot_written.next.requirement = self.requirement_12.q.val();
        }
        self.slots.write_word.next = self.slot_written.val();
        if self.copies.val() {
            self.slots.write_word.next = self.slots.word.val();
        }

        // Stage 13: what becomes of the beat.
        self.slots.write.next = self.outcome_check.outcome.val().writes_slot | self.moves.val();
        self.slots.write_place.next = self.beats[13].q.val().place;
        if self.moves.val() {
            self.slots.write_place.next = self.move_place.val();
        }
        self.append_done.next = self.beats[13].q.val().appends;
        self.appended.next = self.outcome_check.outcome.val().writes_slot;
        self.equity_13.d.next = self.update.equity.val().get_bits::<ACCUMULATOR_BITS>(0);
        self.requirement_13.d.next = self.update.requirement.val().get_bits::<ACCUMULATOR_BITS>(0);
        self.offset_13.d.next = self.update.offset.val();
        self.stored_13.d.next = self.update.stored.val();
        self.final_14.d.next = self.stored_13.q.val();
        if self.outcome_check.outcome.val().executes {
            self.final_14.d.next.equity = self.equity_13.q.val();
            self.final_14.d.next.requirement = self.requirement_13.q.val();
            self.final_14.d.next.offset = self.offset_13.q.val();
            if self.beats[13].q.val().loads {
                self.final_14.d.next.bad = false;
            }
        }
        if self.outcome_check.outcome.val().breaks {
            self.final_14.d.next = self.zeros.value.val();
        }
        if self.outcome_check.outcome.val().spoils {
            self.final_14.d.next.bad = true;
        }
        self.final_15.d.next = self.final_14.q.val();
        self.outcome_14.d.next = self.outcome_check.outcome.val();
        self.outcome_15.d.next = self.outcome_14.q.val();

        // Stage 15: the verdict meets the stored severity.
        self.changed.next = (self.outcome_15.q.val().executes & self.beats[15].q.val().compares)
            & (self.comparator.severity.val() != self.final_15.q.val().severity);
        self.word_16.d.next = self.final_15.q.val();
        if self.changed.val() {
            self.word_16.d.next.severity = self.comparator.severity.val();
        }
        self.accounts.write_word.next = self.word_16.q.val();
        self.accounts.write.next = self.beats[17].q.val().touches;
        self.accounts.write_row.next = self.beats[17].q.val().row;
        self.clocks.d.next = self.clocks.q.val() + 1;
        if self.beats[15].q.val().counts & self.outcome_15.q.val().executes {
            self.holders.d.next = self.holders.q.val() + 1;
        }
        if self.beats[15].q.val().counts & self.changed.val() {
            self.flag_count.d.next = self.flag_count.q.val() + 1;
        }
        if self.start.val() {
            self.clocks.d.next = 0.into();
            self.holders.d.next = 0.into();
            self.flag_count.d.next = 0.into();
        }
        if self.beats[3].q.val().shows_slot {
            self.shown.d.next = self.slots.word.val();
        }
        self.shown_size.next = bit_cast::<64, MAGNITUDE_BITS>(self.shown.q.val().magnitude);
        if self.shown.q.val().negative {
            self.shown_size.next = !bit_cast::<64, MAGNITUDE_BITS>(self.shown.q.val().magnitude) + 1;
        }
        // What was judged before a reset is still on its way for three clocks of the walk that clears the RAMs.
        self.reporter.reset.next = self.reset.val() | self.clear.val();
        self.reporter.asked.next = self.late_records.read_data.val();
        self.reporter.lane_index.next = self.lane_index.val();
        self.reporter.flags.next = self.changed.val();
        self.reporter.refuses.next = self.outcome_15.q.val().refuses;
        self.reporter.fails.next = self.outcome_15.q.val().fails;
        self.reporter.echoes.next = self.beats[15].q.val().echoes;
        self.reporter.receipts.next = self.beats[15].q.val().receipts;
        self.reporter.shows_account.next =
            self.beats[15].q.val().reads_account & self.outcome_15.q.val().executes;
        self.reporter.shows_slot.next =
            self.beats[15].q.val().shows_slot & !self.beats[15].q.val().slot_broken;
        self.reporter.reason.next = self.outcome_15.q.val().reason;
        self.reporter.row.next = self.beats[15].q.val().row;
        self.reporter.index.next = self.beats[15].q.val().index;
        self.reporter.no_account.next = self.beats[15].q.val().slot_broken & self.beats[15].q.val().sweeps;
        self.reporter.no_slot.next = self.outcome_15.q.val().breaks;
        self.reporter.no_instrument.next = !self.beats[15].q.val().names_instrument;
        self.reporter.earlier.next = self.final_15.q.val().severity;
        self.reporter.later.next = self.final_15.q.val().severity;
        if self.changed.val() {
            self.reporter.later.next = self.comparator.severity.val();
        }
        self.reporter.equity.next = self.final_15.q.val().equity;
        self.reporter.requirement.next = self.final_15.q.val().requirement;
        self.reporter.size.next = self.shown_size.val();
        self.reporter.slot_row.next = self.shown.q.val().row;
        self.reporter.holders.next = self.holders.q.val();
        self.reporter.flag_count.next = self.flag_count.q.val();
        self.reporter.clocks.next = self.clocks.q.val();
        self.report.next = self.reporter.valid.val();
        self.report_record.next = self.reporter.record.val();
        self.report_is_echo.next = self.beats[16].q.val().echoes;

        // Flipped bits: counted where a word decides something, looked for by the idle walk.
        self.slot_corrected.next = 0.into();
        self.account_corrected.next = 0.into();
        self.slot_lost.next = 0.into();
        self.account_lost.next = 0.into();
        if (self.beats[3].q.val().sweeps | self.beats[3].q.val().reads_slot) & self.slots.corrected.val() {
            self.slot_corrected.next = 1.into();
        }
        if self.beats[10].q.val().touches & self.accounts.corrected.val() {
            self.account_corrected.next = 1.into();
        }
        if self.beats[3].q.val().reads_slot & self.slots.uncorrectable.val() {
            self.slot_lost.next = 1.into();
        }
        if self.beats[10].q.val().touches & self.accounts.uncorrectable.val() {
            self.account_lost.next = 1.into();
        }
        self.corrections.d.next =
            (self.corrections.q.val() + self.slot_corrected.val()) + self.account_corrected.val();
        self.losses.d.next = (self.losses.q.val() + self.slot_lost.val()) + self.account_lost.val();
        if self.reset.val() {
            self.corrections.d.next = 0.into();
            self.losses.d.next = 0.into();
        }
        self.corrected.next = self.corrections.q.val();
        self.uncorrected.next = self.losses.q.val();
        self.account_found.next = self.beats[10].q.val().scrubs
            & (self.accounts.corrected.val() | self.accounts.uncorrectable.val());
        self.found_row.next = self.beats[10].q.val().row;
        self.slot_found.next = self.beats[3].q.val().scrubs & self.slots.corrected.val();
        self.found_place.next = self.beats[3].q.val().place;
    }
}
