//! The datapath: from a beat to changed accumulators, a verdict and its report, one beat per clock.

use crate::account_store::AccountStore;
use crate::beat::Beat;
use crate::delay::Delay;
use crate::equity_change::EquityChange;
use crate::instrument_word::InstrumentWord;
use crate::margin_comparator::MarginComparator;
use crate::operands::Operands;
use crate::position_value::PositionValue;
use crate::record_slicer::RecordSlicer;
use crate::record_writer::AccountReport;
use crate::requirement::Requirement;
use crate::settings::SettingsWord;
use crate::severity_store::SeverityStore;
use crate::slot_word::SlotWord;
use crate::tier_step::TierWord;
use crate::width::{
    ACCOUNT_BITS, ACCUMULATOR_BITS, NOTIONAL_BITS, OFFSET_BITS, RECORD_BITS, REQUIREMENT_BITS, SIZE_BITS,
    SLOT_BITS, SLOT_COUNT_BITS,
};
use crate::{account_store, equity_change, margin_comparator, position_value, requirement, tier_table};
use rust_hdl::prelude::*;

/// Stage in which the first products stand: 1 behind the slot RAM.
const VALUE_STAGE: u64 = 1 + position_value::LATENCY;
/// Stage in which an account's result stands.
const RESULT_STAGE: u64 = VALUE_STAGE + equity_change::LATENCY + 1;
/// Stage in which the verdict stands.
const VERDICT_STAGE: u64 = RESULT_STAGE + margin_comparator::LATENCY;
/// Clocks from a beat to its report: the verdict, the severity store's compare, the report's register.
pub const LATENCY: u64 = VERDICT_STAGE + 2;

const STAGES: usize = LATENCY as usize + 1;
const _: () = assert!(VALUE_STAGE == 3 && RESULT_STAGE == 8 && VERDICT_STAGE == 11);
const _: () = assert!(tier_table::LATENCY + requirement::LATENCY == equity_change::LATENCY);
const _: () = assert!(account_store::LATENCY == 2);

/// An operation is one beat per account, but for POSITION, whose three beats share one read-modify-write.
///
/// ```text
/// 0 beat  1 slot's word  3 products, tier compare  5 tier, weighted product  7 changes, account read
/// 8 account's result, slot written back  11 verdict, severity read  12 flag  13 report
/// ```
/// Shape: one beat per clock, never stalls: the output queue keeps room for all that is under way. Everything but
/// the beat, its slot's word and, from one READBACK to the next, the record's number stands still while beats are under way. Units as in the blocks below.
#[derive(LogicBlock)]
pub struct Pipeline {
    pub clock: Signal<In, Clock>,
    pub settings: Signal<In, SettingsWord>,
    pub reset: Signal<In, Bit>,
    pub clear: Signal<In, Bit>,
    pub clear_account: Signal<In, Bits<ACCOUNT_BITS>>,
    pub beat: Signal<In, Beat>,
    /// Word of the beat's slot, one clock after the beat.
    pub slot_word: Signal<In, SlotWord>,
    // Of the operation.
    pub record: Signal<In, Bits<RECORD_BITS>>,
    pub word: Signal<In, InstrumentWord>,
    pub sweeps: Signal<In, Bit>,
    pub pays: Signal<In, Bit>,
    pub has_position: Signal<In, Bit>,
    pub counts: Signal<In, Bit>,
    pub compares: Signal<In, Bit>,
    pub reads_back: Signal<In, Bit>,
    pub sets_offset: Signal<In, Bit>,
    pub even_bad: Signal<In, Bit>,
    pub stored: Signal<In, Bits<REQUIREMENT_BITS>>,
    // The tier table beside the pipeline.
    pub notional: Signal<Out, Bits<NOTIONAL_BITS>>,
    pub tier: Signal<In, TierWord>,
    // Results.
    pub busy: Signal<Out, Bit>,
    pub settled: Signal<Out, Bit>,
    pub was_bad: Signal<Out, Bit>,
    pub out_of_range: Signal<Out, Bit>,
    pub counted: Signal<Out, Bit>,
    pub flagged: Signal<Out, Bit>,
    pub slot_write: Signal<Out, Bit>,
    pub slot_write_address: Signal<Out, Bits<SLOT_BITS>>,
    pub slot_write_word: Signal<Out, SlotWord>,
    pub report: Signal<Out, Bit>,
    pub report_record: Signal<Out, Bits<RECORD_BITS>>,
    fields: RecordSlicer,
    operands: Operands,
    position_value: PositionValue,
    requirement: Requirement,
    equity_change: EquityChange,
    account_store: AccountStore,
    comparator: MarginComparator,
    severity_store: SeverityStore,
    account_report: AccountReport,
    // Stage n of a beat is bit n.
    valids: DFF<Bits<STAGES>>,
    lasts: DFF<Bits<STAGES>>,
    firsts: DFF<Bits<STAGES>>,
    cashes: DFF<Bits<STAGES>>,
    retracts: DFF<Bits<STAGES>>,
    account_1: DFF<Bits<ACCOUNT_BITS>>,
    size_1: DFF<Bits<SIZE_BITS>>,
    stored_delay: Delay<Bits<REQUIREMENT_BITS>, 4>,
    notional_delay: Delay<Bits<NOTIONAL_BITS>, 2>,
    size_delay: Delay<Bits<SIZE_BITS>, 7>,
    account_6_delay: Delay<Bits<ACCOUNT_BITS>, 5>,
    account_7: DFF<Bits<ACCOUNT_BITS>>,
    account_8: DFF<Bits<ACCOUNT_BITS>>,
    account_10_delay: Delay<Bits<ACCOUNT_BITS>, 2>,
    account_11: DFF<Bits<ACCOUNT_BITS>>,
    account_12: DFF<Bits<ACCOUNT_BITS>>,
    slot_8_delay: Delay<Bits<SLOT_BITS>, 8>,
    slot_12_delay: Delay<Bits<SLOT_BITS>, 4>,
    number_12_delay: Delay<Bits<32>, 12>,
    requirement_8: DFF<Bits<REQUIREMENT_BITS>>,
    equity_delay: Delay<Bits<ACCUMULATOR_BITS>, 4>,
    total_delay: Delay<Bits<ACCUMULATOR_BITS>, 4>,
    judged_delay: Delay<Bit, 3>,
    broken_delay: Delay<Bit, 4>,
    reporting: DFF<Bit>,
    valid_in: Signal<Local, Bits<STAGES>>,
    last_in: Signal<Local, Bits<STAGES>>,
    first_in: Signal<Local, Bits<STAGES>>,
    cash_in: Signal<Local, Bits<STAGES>>,
    retract_in: Signal<Local, Bits<STAGES>>,
    clean: Signal<Local, Bit>,
    broken: Signal<Local, Bit>,
    beat_account: Signal<Local, Bits<ACCOUNT_BITS>>,
    beat_size: Signal<Local, Bits<SIZE_BITS>>,
    beat_stored: Signal<Local, Bits<REQUIREMENT_BITS>>,
    slot_base: Signal<Local, Bits<SLOT_COUNT_BITS>>,
    slot_index: Signal<Local, Bits<SLOT_BITS>>,
    written: Signal<Local, SlotWord>,
}

impl Pipeline {
    pub fn new(accounts: usize) -> Self {
        Self {
            account_store: AccountStore::new(accounts),
            severity_store: SeverityStore::new(accounts),
            clock: Default::default(),
            settings: Default::default(),
            reset: Default::default(),
            clear: Default::default(),
            beat: Default::default(),
            clear_account: Default::default(),
            slot_word: Default::default(),
            record: Default::default(),
            word: Default::default(),
            sweeps: Default::default(),
            pays: Default::default(),
            fields: Default::default(),
            operands: Default::default(),
            has_position: Default::default(),
            counts: Default::default(),
            compares: Default::default(),
            reads_back: Default::default(),
            sets_offset: Default::default(),
            even_bad: Default::default(),
            stored: Default::default(),
            notional: Default::default(),
            tier: Default::default(),
            busy: Default::default(),
            settled: Default::default(),
            was_bad: Default::default(),
            out_of_range: Default::default(),
            counted: Default::default(),
            flagged: Default::default(),
            slot_write: Default::default(),
            slot_write_address: Default::default(),
            slot_write_word: Default::default(),
            report: Default::default(),
            report_record: Default::default(),
            position_value: Default::default(),
            requirement: Default::default(),
            equity_change: Default::default(),
            comparator: Default::default(),
            account_report: Default::default(),
            valids: Default::default(),
            lasts: Default::default(),
            firsts: Default::default(),
            cashes: Default::default(),
            retracts: Default::default(),
            account_1: Default::default(),
            size_1: Default::default(),
            stored_delay: Default::default(),
            notional_delay: Default::default(),
            size_delay: Default::default(),
            account_6_delay: Default::default(),
            account_7: Default::default(),
            account_8: Default::default(),
            account_10_delay: Default::default(),
            account_11: Default::default(),
            account_12: Default::default(),
            slot_8_delay: Default::default(),
            slot_12_delay: Default::default(),
            number_12_delay: Default::default(),
            requirement_8: Default::default(),
            equity_delay: Default::default(),
            total_delay: Default::default(),
            judged_delay: Default::default(),
            broken_delay: Default::default(),
            reporting: Default::default(),
            valid_in: Default::default(),
            last_in: Default::default(),
            first_in: Default::default(),
            cash_in: Default::default(),
            retract_in: Default::default(),
            clean: Default::default(),
            broken: Default::default(),
            beat_account: Default::default(),
            beat_size: Default::default(),
            beat_stored: Default::default(),
            slot_base: Default::default(),
            slot_index: Default::default(),
            written: Default::default(),
        }
    }
}

impl Logic for Pipeline {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            valids,
            lasts,
            firsts,
            cashes,
            retracts,
            account_1,
            size_1,
            account_7,
            account_8,
            account_11,
            account_12,
            requirement_8,
            reporting
        );
        clock!(
            self,
            clock,
            operands,
            position_value,
            requirement,
            equity_change,
            account_store,
            comparator,
            severity_store,
            account_report,
            stored_delay,
            notional_delay,
            size_delay,
            account_6_delay,
            account_10_delay,
            slot_8_delay,
            slot_12_delay,
            number_12_delay,
            equity_delay,
            total_delay,
            judged_delay,
            broken_delay
        );

        self.fields.record.next = self.record.val();
        self.operands.record.next = self.record.val();
        self.operands.word.next = self.word.val();
        self.operands.is_mark.next = self.sweeps.val();
        self.operands.is_cash.next = self.pays.val();

        // Stage 0: the beat. Bit 1 of a shift register is stage 1.
        self.valid_in.next = 0.into();
        self.last_in.next = 0.into();
        self.first_in.next = 0.into();
        self.cash_in.next = 0.into();
        self.retract_in.next = 0.into();
        if self.beat.val().valid {
            self.valid_in.next = 1.into();
            if self.beat.val().last {
                self.last_in.next = 1.into();
            }
            if self.beat.val().first {
                self.first_in.next = 1.into();
            }
            if self.beat.val().is_cash {
                self.cash_in.next = 1.into();
            }
            if self.beat.val().retract {
                self.retract_in.next = 1.into();
            }
        }
        self.valids.d.next = (self.valids.q.val() | self.valid_in.val()) << 1;
        self.lasts.d.next = (self.lasts.q.val() | self.last_in.val()) << 1;
        self.firsts.d.next = (self.firsts.q.val() | self.first_in.val()) << 1;
        self.cashes.d.next = (self.cashes.q.val() | self.cash_in.val()) << 1;
        self.retracts.d.next = (self.retracts.q.val() | self.retract_in.val()) << 1;
        if self.reset.val() {
            self.valids.d.next = 0.into();
            self.lasts.d.next = 0.into();
        }
        self.account_1.d.next = self.beat.val().account;
        self.size_1.d.next = self.beat.val().size;
        self.number_12_delay.value_in.next = self.fields.number.val();

        // Stage 1: the slot's word, or the operation's own position.
        self.beat_account.next = self.account_1.q.val();
        self.beat_size.next = self.size_1.q.val();
        self.beat_stored.next = self.stored.val();
        if self.sweeps.val() {
            self.beat_account.next = self.slot_word.val().account;
            self.beat_size.next = self.slot_word.val().size;
            self.beat_stored.next = self.slot_word.val().requirement;
        }
        self.position_value.size.next = self.beat_size.val();
        self.position_value.price.next = self.operands.price.val();
        self.position_value.price_change.next = self.operands.price_change.val();
        self.stored_delay.value_in.next = self.beat_stored.val();
        self.size_delay.value_in.next = self.beat_size.val();
        self.account_6_delay.value_in.next = self.beat_account.val();
        self.slot_8_delay.value_in.next = self.beat.val().slot;

        // Stage 3: products; the tier table answers in stage 5.
        self.notional.next = self.position_value.notional.val();
        self.notional_delay.value_in.next = self.position_value.notional.val();
        self.equity_change.value.next = self.position_value.change.val();
        self.equity_change.is_short.next = self.position_value.is_short.val();
        self.equity_change.is_cash.next = self.cashes.q.val().get_bit(3);
        self.equity_change.retract.next = self.retracts.q.val().get_bit(3);
        self.equity_change.first.next = self.firsts.q.val().get_bit(3);
        self.equity_change.price_fell.next = self.operands.price_fell.val();
        self.equity_change.weight_long.next = self.word.val().weight_long;
        self.equity_change.weight_short.next = self.word.val().weight_short;
        self.equity_change.cash.next = self.operands.cash.val();
        self.equity_change.cash_negative.next = self.operands.cash_negative.val();
        self.equity_change.scale.next = self.settings.val().scale;
        self.requirement.notional.next = self.notional_delay.value_out.val();
        self.requirement.tier.next = self.tier.val();
        self.requirement.stored.next = self.stored_delay.value_out.val();

        // Stages 6 and 7: the account.
        self.account_7.d.next = self.account_6_delay.value_out.val();
        self.account_store.clear.next = self.clear.val();
        self.account_store.clear_account.next = self.clear_account.val();
        self.account_store.read.next = self.lasts.q.val().get_bit(6);
        self.account_store.read_account.next = self.account_6_delay.value_out.val();
        self.account_store.apply.next = self.lasts.q.val().get_bit(7);
        self.account_store.apply_account.next = self.account_7.q.val();
        self.account_store.equity_change.next = self.equity_change.change.val();
        self.account_store.requirement_change.next = self.requirement.change.val();
        self.account_store.has_requirement.next = self.has_position.val();
        self.account_store.sets_offset.next = self.sets_offset.val();
        self.account_store.even_bad.next = self.even_bad.val();
        self.account_store.offset.next = self.fields.offset.val().get_bits::<OFFSET_BITS>(0);
        self.account_store.marks_bad.next = self.sweeps.val();
        self.account_8.d.next = self.account_7.q.val();
        self.requirement_8.d.next = self.requirement.requirement.val();

        // Stage 8: the result. A slot is written when its account was.
        self.clean.next = (self.account_store.valid_out.val() & !self.account_store.was_bad.val())
            & !self.account_store.out_of_range.val();
        self.broken.next = self.account_store.valid_out.val() & self.account_store.out_of_range.val();
        self.settled.next = self.account_store.valid_out.val();
        self.was_bad.next = self.account_store.was_bad.val();
        self.out_of_range.next = self.account_store.out_of_range.val();
        self.counted.next = self.counts.val() & self.clean.val();
        self.slot_write.next = self.has_position.val() & self.clean.val();
        self.slot_write_address.next = self.slot_8_delay.value_out.val();
        self.written.next.account = self.account_8.q.val();
        self.written.next.size = self.size_delay.value_out.val();
        self.written.next.requirement = self.requirement_8.q.val();
        self.slot_write_word.next = self.written.val();
        self.comparator.equity.next = self.account_store.word.val().equity;
        self.comparator.requirement.next = self.account_store.word.val().requirement;
        self.comparator.offset.next = self.account_store.word.val().offset;
        self.comparator.settings.next = self.settings.val();
        self.judged_delay.value_in.next = self.clean.val() & self.compares.val();
        self.broken_delay.value_in.next = self.broken.val() & self.sweeps.val();
        self.account_10_delay.value_in.next = self.account_8.q.val();
        self.slot_12_delay.value_in.next = self.slot_8_delay.value_out.val();
        self.equity_delay.value_in.next = self.account_store.word.val().equity;
        self.total_delay.value_in.next = self.account_store.word.val().requirement;

        // Stages 10 and 11: the verdict meets the stored severity.
        self.account_11.d.next = self.account_10_delay.value_out.val();
        self.account_12.d.next = self.account_11.q.val();
        self.severity_store.clear.next = self.clear.val();
        self.severity_store.clear_account.next = self.clear_account.val();
        self.severity_store.read.next = self.lasts.q.val().get_bit(10);
        self.severity_store.read_account.next = self.account_10_delay.value_out.val();
        self.severity_store.compare.next = self.judged_delay.value_out.val();
        self.severity_store.compare_account.next = self.account_11.q.val();
        self.severity_store.severity.next = self.comparator.severity.val();

        // Stage 12: the report.
        self.slot_base.next = self.word.val().slot_base;
        self.slot_index.next =
            self.slot_12_delay.value_out.val() - self.slot_base.val().get_bits::<SLOT_BITS>(0);
        self.account_report.readback.next = self.reads_back.val();
        self.account_report.range_error.next = self.broken_delay.value_out.val();
        self.account_report.number.next = self.number_12_delay.value_out.val();
        self.account_report.instrument.next = self.fields.instrument.val();
        self.account_report.account.next = bit_cast::<32, ACCOUNT_BITS>(self.account_12.q.val());
        self.account_report.slot.next = bit_cast::<32, SLOT_BITS>(self.slot_index.val());
        self.account_report.earlier.next = self.severity_store.earlier.val();
        self.account_report.later.next = self.severity_store.later.val();
        self.account_report.equity.next = self.equity_delay.value_out.val();
        self.account_report.requirement.next = self.total_delay.value_out.val();
        self.flagged.next = self.severity_store.changed.val();
        self.reporting.d.next = (self.severity_store.changed.val() | self.broken_delay.value_out.val())
            | (self.reads_back.val() & self.lasts.q.val().get_bit(12));
        self.report.next = self.reporting.q.val();
        self.report_record.next = self.account_report.record.val();

        self.busy.next = self.valids.q.val().any();
    }
}
