//! The lane: the control that takes one record after the other, and the blocks that it drives.

use crate::config::LaneConfig;
use crate::fifo::OutputFifo;
use crate::instrument_word::InstrumentWord;
use crate::operands::Operands;
use crate::pipeline::Pipeline;
use crate::ram::Ram;
use crate::record_check::{RecordCheck, bound, code};
use crate::record_slicer::RecordSlicer;
use crate::record_writer::Answer;
use crate::settings::Settings;
use crate::slot_word::SlotWord;
use crate::state_check::StateCheck;
use crate::sweep_counter::SweepCounter;
use crate::tier_scan::TierScan;
use crate::tier_step::TierWord;
use crate::tier_table::TierTable;
use crate::width::{
    ACCOUNT_BITS, BANK_BITS, DEDUCTION_BITS, INSTRUMENT_BITS, NOTIONAL_BITS, OFFSET_BITS, PRICE_BITS,
    RECORD_BITS, SCALE_BITS, SIZE_BITS, SLOT_BITS, SLOT_COUNT_BITS, TIERS, WEIGHT_BITS,
};
use crate::{fifo, pipeline};
use model::record::{self, Reason, output};
use rust_hdl::prelude::*;

/// Clocks from a beat of POSITION, CASH or MARK at the input to its flag at the output, the position of the beat in
/// its operation apart: capture, check, decide; the pipeline; the queue.
pub const LATENCY: u64 = 4 + pipeline::LATENCY + fifo::LATENCY;

const _: () = assert!(pipeline::LATENCY as usize + 2 <= fifo::RESERVE);

/// What the control does; one record goes through Check and Decide before the next one is taken.
#[derive(Clone, Copy, Debug, LogicState, PartialEq)]
pub enum State {
    Clear,
    Idle,
    Check,
    Decide,
    Sweep,
    PositionCash,
    PositionApply,
    Drain,
    MoveCheck,
    Commit,
}

/// One lane of the margin machine.
///
/// Shape: records in on a ready/valid stream, records out on another. A sweep or walk issues one beat per clock while
/// the queue has room; everything else takes a fixed number of clocks. Reset clears all RAM before the first record.
#[derive(LogicBlock)]
pub struct Lane {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub in_record: Signal<In, Bits<RECORD_BITS>>,
    pub in_valid: Signal<In, Bit>,
    pub in_ready: Signal<Out, Bit>,
    pub out_record: Signal<Out, Bits<RECORD_BITS>>,
    pub out_valid: Signal<Out, Bit>,
    pub out_ready: Signal<In, Bit>,
    fields: RecordSlicer,
    settings: Settings,
    record_check: RecordCheck,
    state_check: StateCheck,
    operands: Operands,
    tier_scan: TierScan,
    tiers: TierTable,
    instruments: Ram<InstrumentWord, INSTRUMENT_BITS>,
    slots: Ram<SlotWord, SLOT_BITS>,
    pipeline: Pipeline,
    counter: SweepCounter,
    answer: Answer,
    queue: OutputFifo,
    state: DFF<State>,
    record: DFF<Bits<RECORD_BITS>>,
    expected: DFF<Bits<32>>,
    locked: DFF<Bit>,
    segments_end: DFF<Bits<SLOT_COUNT_BITS>>,
    cursor: DFF<Bits<SLOT_COUNT_BITS>>,
    remaining: DFF<Bits<SLOT_COUNT_BITS>>,
    /// The slot that POSITION changes (zero if it appends) or that MOVE copies.
    held: DFF<SlotWord>,
    appends: DFF<Bit>,
    beat_valid: DFF<Bit>,
    beat_first: DFF<Bit>,
    beat_last: DFF<Bit>,
    beat_cash: DFF<Bit>,
    beat_retract: DFF<Bit>,
    beat_account: DFF<Bits<ACCOUNT_BITS>>,
    beat_slot: DFF<Bits<SLOT_BITS>>,
    beat_size: DFF<Bits<SIZE_BITS>>,
    found_bad: DFF<Bit>,
    found_range: DFF<Bit>,
    answered: DFF<Bit>,
    hold: Signal<Local, Bit>,
    commit: Signal<Local, Bit>,
    clearing: Signal<Local, Bit>,
    refuse: Signal<Local, Bit>,
    reason: Signal<Local, Bits<8>>,
    answer_echo: Signal<Local, Bit>,
    answer_receipt: Signal<Local, Bit>,
    answer_readback: Signal<Local, Bit>,
    walks: Signal<Local, Bit>,
    drained: Signal<Local, Bit>,
    slot_place: Signal<Local, Bits<SLOT_BITS>>,
    slot_to_place: Signal<Local, Bits<SLOT_BITS>>,
    slot_base: Signal<Local, Bits<SLOT_BITS>>,
    slot_count: Signal<Local, Bits<33>>,
    slot_next: Signal<Local, Bits<33>>,
    is_next: Signal<Local, Bit>,
    beyond: Signal<Local, Bit>,
    is_last: Signal<Local, Bit>,
    full: Signal<Local, Bit>,
    stranger: Signal<Local, Bit>,
    record_size: Signal<Local, Bits<SIZE_BITS>>,
    instrument_write: Signal<Local, Bit>,
    instrument_next: Signal<Local, InstrumentWord>,
    bank: Signal<Local, Bits<BANK_BITS>>,
    bank_read: Signal<Local, Bits<BANK_BITS>>,
    bank_write: Signal<Local, Bits<BANK_BITS>>,
    tier_word: Signal<Local, TierWord>,
    step_bit: Signal<Local, Bits<TIERS>>,
    segment_end: Signal<Local, Bits<SLOT_COUNT_BITS>>,
    slot_size: Signal<Local, Bits<64>>,
    instrument_lsb: Constant<Bits<8>>,
    hold_bit: Constant<Bits<8>>,
    commit_bit: Constant<Bits<8>>,
    locked_reason: Constant<Bits<8>>,
    sequence_reason: Constant<Bits<8>>,
    state_reason: Constant<Bits<8>>,
    slot_reason: Constant<Bits<8>>,
    bad_reason: Constant<Bits<8>>,
    range_reason: Constant<Bits<8>>,
    fence_op: Constant<Bits<8>>,
    resync_op: Constant<Bits<8>>,
    no_instrument: Constant<Bits<16>>,
    account_count: Constant<Bits<SLOT_COUNT_BITS>>,
    clear_last: Constant<Bits<SLOT_COUNT_BITS>>,
    one_step: Constant<Bits<TIERS>>,
    one_bank: Constant<Bits<BANK_BITS>>,
    one_slot: Constant<Bits<33>>,
    size_extension: Constant<Bits<64>>,
    no_slot: Constant<SlotWord>,
    no_word: Constant<InstrumentWord>,
    no_tier: Constant<TierWord>,
}

impl Lane {
    pub fn new(build: &LaneConfig) -> Self {
        let words = build.slots.max(build.accounts).max(2 * u32::from(build.instruments));
        Self {
            record_check: RecordCheck::new(build),
            state_check: StateCheck::new(build.slots),
            tiers: TierTable::new(build.instruments.into()),
            instruments: Ram::new(build.instruments.into()),
            slots: Ram::new(build.slots as usize),
            pipeline: Pipeline::new(build.accounts as usize),
            instrument_lsb: bound(record::INSTRUMENT.lsb as u64),
            hold_bit: code(record::FLAG_HOLD),
            commit_bit: code(record::FLAG_COMMIT),
            locked_reason: code(Reason::Locked as u8),
            sequence_reason: code(Reason::Sequence as u8),
            state_reason: code(Reason::State as u8),
            slot_reason: code(Reason::Slot as u8),
            bad_reason: code(Reason::BadAccount as u8),
            range_reason: code(Reason::AccumulatorRange as u8),
            fence_op: code(output::FENCE_ECHO.op),
            resync_op: code(output::RESYNC_ECHO.op),
            no_instrument: bound(record::NO_INSTRUMENT.into()),
            account_count: bound(build.accounts.into()),
            clear_last: bound(u64::from(words) - 1),
            one_step: bound(1),
            one_bank: bound(1),
            one_slot: bound(1),
            size_extension: Constant::new(crate::sign::extension::<64>(SIZE_BITS)),
            no_slot: Constant::new(SlotWord::default()),
            no_word: Constant::new(InstrumentWord::default()),
            no_tier: Constant::new(TierWord::default()),
            clock: Default::default(),
            reset: Default::default(),
            in_record: Default::default(),
            in_valid: Default::default(),
            in_ready: Default::default(),
            out_record: Default::default(),
            out_valid: Default::default(),
            out_ready: Default::default(),
            fields: Default::default(),
            settings: Default::default(),
            operands: Default::default(),
            tier_scan: Default::default(),
            counter: Default::default(),
            answer: Default::default(),
            queue: Default::default(),
            state: Default::default(),
            record: Default::default(),
            expected: Default::default(),
            locked: Default::default(),
            segments_end: Default::default(),
            cursor: Default::default(),
            remaining: Default::default(),
            held: Default::default(),
            appends: Default::default(),
            beat_valid: Default::default(),
            beat_first: Default::default(),
            beat_last: Default::default(),
            beat_cash: Default::default(),
            beat_retract: Default::default(),
            beat_account: Default::default(),
            beat_slot: Default::default(),
            beat_size: Default::default(),
            found_bad: Default::default(),
            found_range: Default::default(),
            answered: Default::default(),
            hold: Default::default(),
            commit: Default::default(),
            clearing: Default::default(),
            refuse: Default::default(),
            reason: Default::default(),
            answer_echo: Default::default(),
            answer_receipt: Default::default(),
            answer_readback: Default::default(),
            walks: Default::default(),
            drained: Default::default(),
            slot_place: Default::default(),
            slot_to_place: Default::default(),
            slot_base: Default::default(),
            slot_count: Default::default(),
            slot_next: Default::default(),
            is_next: Default::default(),
            beyond: Default::default(),
            is_last: Default::default(),
            full: Default::default(),
            stranger: Default::default(),
            record_size: Default::default(),
            instrument_write: Default::default(),
            instrument_next: Default::default(),
            bank: Default::default(),
            bank_read: Default::default(),
            bank_write: Default::default(),
            tier_word: Default::default(),
            step_bit: Default::default(),
            segment_end: Default::default(),
            slot_size: Default::default(),
        }
    }
}

impl Logic for Lane {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            state,
            record,
            expected,
            locked,
            segments_end,
            cursor,
            remaining,
            held,
            appends,
            beat_valid,
            beat_first,
            beat_last,
            beat_cash,
            beat_retract,
            beat_account,
            beat_slot,
            beat_size,
            found_bad,
            found_range,
            answered
        );
        clock!(
            self,
            clock,
            settings,
            record_check,
            state_check,
            operands,
            tier_scan,
            tiers,
            instruments,
            slots,
            pipeline,
            counter,
            answer,
            queue
        );

        // The record under way and its checks.
        self.fields.record.next = self.record.q.val();
        self.record_check.record.next = self.record.q.val();
        self.record_check.locked.next = self.locked.q.val();
        self.record_check.expected.next = self.expected.q.val();
        self.record_check.scale.next = self.settings.scale.val();
        self.record_check.scale_set.next = self.settings.scale_set.val();
        self.state_check.record.next = self.record.q.val();
        self.state_check.word.next = self.instruments.read_data.val();
        self.state_check.segments_end.next = self.segments_end.q.val();
        self.state_check.scale_set.next = self.settings.scale_set.val();
        self.state_check.rung_1.next = self.settings.rung_1.val();
        self.state_check.rung_2.next = self.settings.rung_2.val();
        self.state_check.rung_3.next = self.settings.rung_3.val();
        self.operands.record.next = self.record.q.val();
        self.operands.word.next = self.instruments.read_data.val();
        self.operands.is_mark.next = self.record_check.is_mark.val();
        self.operands.is_cash.next = self.record_check.is_cash.val();
        self.settings.reset.next = self.reset.val();
        self.settings.write.next = false;
        self.settings.index.next = self.fields.instrument.val();
        self.settings.value.next = self.fields.setting.val();
        self.hold.next = (self.fields.flags.val() & self.hold_bit.val()) != 0;
        self.commit.next = (self.fields.flags.val() & self.commit_bit.val()) != 0;
        self.walks.next = self.record_check.is_setting.val();

        // Places of the record in the slot RAM, and what its slot is.
        self.slot_base.next = self.instruments.read_data.val().slot_base.get_bits::<SLOT_BITS>(0);
        self.slot_place.next = self.slot_base.val() + self.fields.slot.val().get_bits::<SLOT_BITS>(0);
        self.slot_to_place.next = self.slot_base.val() + self.fields.slot_to.val().get_bits::<SLOT_BITS>(0);
        self.slot_count.next = bit_cast::<33, SLOT_COUNT_BITS>(self.instruments.read_data.val().slots);
        self.slot_next.next = bit_cast::<33, 32>(self.fields.slot.val());
        self.is_next.next = self.slot_next.val() == self.slot_count.val();
        self.beyond.next = self.slot_next.val() > self.slot_count.val();
        self.is_last.next = (self.slot_next.val() + self.one_slot.val()) == self.slot_count.val();
        self.full.next = self.instruments.read_data.val().slots == self.instruments.read_data.val().capacity;
        self.stranger.next =
            bit_cast::<32, ACCOUNT_BITS>(self.slots.read_data.val().account) != self.fields.account.val();
        self.record_size.next = self.fields.size.val().get_bits::<SIZE_BITS>(0);

        // RAMs and tables at rest.
        self.clearing.next = self.state.q.val() == State::Clear;
        self.instruments.read_enable.next = false;
        self.instruments.read_address.next =
            self.in_record.val().get_bits::<INSTRUMENT_BITS>(self.instrument_lsb.val().index());
        self.instrument_write.next = false;
        self.instrument_next.next = self.instruments.read_data.val();
        self.slots.read_enable.next = self.beat_valid.q.val() & self.record_check.is_mark.val();
        self.slots.read_address.next = self.beat_slot.q.val();
        self.slots.write_enable.next = self.pipeline.slot_write.val();
        self.slots.write_address.next = self.pipeline.slot_write_address.val();
        self.slots.write_data.next = self.pipeline.slot_write_word.val();
        self.bank.next = bit_cast::<BANK_BITS, INSTRUMENT_BITS>(
            self.fields.instrument.val().get_bits::<INSTRUMENT_BITS>(0),
        ) << 1;
        self.bank_read.next = self.bank.val();
        self.bank_write.next = self.bank.val();
        if self.instruments.read_data.val().bank ^ self.commit.val() {
            self.bank_read.next = self.bank.val() | self.one_bank.val();
        }
        if !self.instruments.read_data.val().bank {
            self.bank_write.next = self.bank.val() | self.one_bank.val();
        }
        self.tier_word.next.floor = self.fields.tier_floor.val().get_bits::<NOTIONAL_BITS>(0);
        self.tier_word.next.rate = self.fields.tier_rate.val().get_bits::<SCALE_BITS>(0);
        self.tier_word.next.deduction = self.fields.tier_deduction.val().get_bits::<DEDUCTION_BITS>(0);
        self.step_bit.next = self.one_step.val() << self.fields.tier_step.val();
        self.tiers.load.next = false;
        self.tiers.load_bank.next = self.bank_read.val();
        self.tiers.write.next = false;
        self.tiers.write_all.next = false;
        self.tiers.write_bank.next = self.bank_write.val();
        self.tiers.write_step.next = self.fields.tier_step.val();
        self.tiers.write_tier.next = self.tier_word.val();
        self.tiers.live_steps.next = self.state_check.live_steps.val();
        self.tiers.notional.next = self.pipeline.notional.val();
        self.tiers.scan.next = self.state.q.val() == State::Commit;
        self.tiers.scan_step.next = self.tier_scan.step.val();
        self.tier_scan.start.next = false;
        self.tier_scan.count.next = self.fields.tier_count.val().get_bits::<5>(0);
        self.tier_scan.tier.next = self.tiers.tier.val();

        // The beat and its operation.
        self.beat_valid.d.next = false;
        self.beat_first.d.next = true;
        self.beat_last.d.next = true;
        self.beat_cash.d.next = false;
        self.beat_retract.d.next = false;
        self.pipeline.reset.next = self.reset.val();
        self.pipeline.clear.next = self.clearing.val();
        self.pipeline.clear_account.next = self.cursor.q.val().get_bits::<ACCOUNT_BITS>(0);
        self.pipeline.valid.next = self.beat_valid.q.val();
        self.pipeline.first.next = self.beat_first.q.val();
        self.pipeline.last.next = self.beat_last.q.val();
        self.pipeline.is_cash.next = self.beat_cash.q.val();
        self.pipeline.retract.next = self.beat_retract.q.val();
        self.pipeline.account.next = self.beat_account.q.val();
        self.pipeline.slot.next = self.beat_slot.q.val();
        self.pipeline.size.next = self.beat_size.q.val();
        self.pipeline.slot_word.next = self.slots.read_data.val();
        self.pipeline.sweeps.next = self.record_check.is_mark.val();
        self.pipeline.has_position.next =
            self.record_check.is_mark.val() | self.record_check.is_position.val();
        self.pipeline.counts.next = self.record_check.is_mark.val() | self.walks.val();
        self.pipeline.compares.next = !(self.hold.val() | self.record_check.is_account_readback.val());
        self.pipeline.reads_back.next = self.record_check.is_account_readback.val();
        self.pipeline.sets_offset.next = self.record_check.is_offset.val();
        self.pipeline.even_bad.next = self.hold.val();
        self.pipeline.stored.next = self.held.q.val().requirement;
        self.pipeline.price.next = self.operands.price.val();
        self.pipeline.price_change.next = self.operands.price_change.val();
        self.pipeline.price_fell.next = self.operands.price_fell.val();
        self.pipeline.weight_long.next = self.instruments.read_data.val().weight_long;
        self.pipeline.weight_short.next = self.instruments.read_data.val().weight_short;
        self.pipeline.cash.next = self.operands.cash.val();
        self.pipeline.cash_negative.next = self.operands.cash_negative.val();
        self.pipeline.offset.next = self.fields.offset.val().get_bits::<OFFSET_BITS>(0);
        self.pipeline.scale.next = self.settings.scale.val();
        self.pipeline.rung_1.next = self.settings.rung_1.val();
        self.pipeline.rung_2.next = self.settings.rung_2.val();
        self.pipeline.rung_3.next = self.settings.rung_3.val();
        self.pipeline.equality.next = self.settings.equality.val();
        self.pipeline.number.next = self.fields.number.val();
        self.pipeline.instrument.next = self.fields.instrument.val();
        self.pipeline.slot_base.next = self.slot_base.val();
        self.pipeline.tier.next = self.tiers.tier.val();
        self.drained.next = !(self.pipeline.busy.val() | self.beat_valid.q.val());
        if self.pipeline.settled.val() {
            self.found_bad.d.next = self.pipeline.was_bad.val();
            self.found_range.d.next = self.pipeline.out_of_range.val();
        }

        // Answers, behind all reports of the pipeline.
        self.counter.start.next = self.state.q.val() == State::Decide;
        self.counter.counted.next = self.pipeline.counted.val();
        self.counter.flagged.next = self.pipeline.flagged.val();
        self.slot_size.next = bit_cast::<64, SIZE_BITS>(self.slots.read_data.val().size);
        if self.slots.read_data.val().size.get_bit(40) {
            self.slot_size.next = self.slot_size.val() | self.size_extension.val();
        }
        self.answer.asked.next = self.record.q.val();
        self.answer_echo.next = false;
        self.answer.echo_op.next = self.fence_op.val();
        if self.record_check.is_resync.val() {
            self.answer.echo_op.next = self.resync_op.val();
        }
        self.answer_receipt.next = false;
        self.answer_readback.next = false;
        self.answer.number.next = self.fields.number.val();
        self.answer.instrument.next = self.fields.instrument.val();
        if self.walks.val() {
            self.answer.instrument.next = self.no_instrument.val();
        }
        self.answer.holders.next = self.counter.holders.val();
        self.answer.flag_count.next = self.counter.flag_count.val();
        self.answer.clocks.next = self.counter.clocks.val();
        self.answer.account.next = bit_cast::<32, ACCOUNT_BITS>(self.slots.read_data.val().account);
        self.answer.slot.next = self.fields.slot.val();
        self.answer.size.next = self.slot_size.val();
        self.queue.reset.next = self.reset.val();
        self.queue.push.next = self.answered.q.val() | self.pipeline.report.val();
        self.queue.record_in.next = self.pipeline.report_record.val();
        if self.answered.q.val() {
            self.queue.record_in.next = self.answer.record.val();
        }
        self.queue.ready_out.next = self.out_ready.val();
        self.out_valid.next = self.queue.valid_out.val();
        self.out_record.next = self.queue.record_out.val();
        self.in_ready.next = (self.state.q.val() == State::Idle) & self.queue.room.val();

        self.segment_end.next = self.fields.base.val().get_bits::<SLOT_COUNT_BITS>(0)
            + self.fields.capacity.val().get_bits::<SLOT_COUNT_BITS>(0);
        self.refuse.next = false;
        self.reason.next = self.record_check.reason.val();
        match self.state.q.val() {
            State::Clear => {
                self.instrument_write.next = true;
                self.instrument_next.next = self.no_word.val();
                self.tiers.write_all.next = true;
                self.tiers.write_bank.next = self.cursor.q.val().get_bits::<BANK_BITS>(0);
                self.tiers.write_tier.next = self.no_tier.val();
                self.slots.write_enable.next = true;
                self.slots.write_address.next = self.cursor.q.val().get_bits::<SLOT_BITS>(0);
                self.slots.write_data.next = self.no_slot.val();
                self.cursor.d.next = self.cursor.q.val() + 1;
                if self.cursor.q.val() == self.clear_last.val() {
                    self.state.d.next = State::Idle;
                }
            }
            State::Idle => {
                if self.in_valid.val() & self.queue.room.val() {
                    self.record.d.next = self.in_record.val();
                    self.instruments.read_enable.next = true;
                    self.state.d.next = State::Check;
                }
            }
            State::Check => {
                self.tiers.load.next = true;
                self.slots.read_enable.next = true;
                self.slots.read_address.next = self.slot_place.val();
                self.state.d.next = State::Decide;
            }
            State::Decide => {
                self.state.d.next = State::Idle;
                self.held.d.next = self.slots.read_data.val();
                self.appends.d.next = false;
                self.beat_account.d.next = self.fields.account.val().get_bits::<ACCOUNT_BITS>(0);
                self.beat_slot.d.next = self.slot_place.val();
                self.beat_size.d.next = 0.into();
                self.beat_cash.d.next = self.record_check.is_cash.val();
                self.cursor.d.next = 0.into();
                self.remaining.d.next = self.account_count.val();
                if self.record_check.reason.val() == self.sequence_reason.val() {
                    self.locked.d.next = true;
                } else if self.record_check.reason.val() != self.locked_reason.val() {
                    self.expected.d.next = self.fields.number.val() + 1;
                }
                if self.record_check.reason.val() != 0 {
                    self.refuse.next = true;
                } else if self.record_check.is_mark.val() {
                    self.reason.next = self.state_reason.val();
                    if self.state_check.mark_refused.val() {
                        self.refuse.next = true;
                    } else {
                        self.instrument_write.next = true;
                        self.instrument_next.next.mark = self.fields.price.val().get_bits::<PRICE_BITS>(0);
                        self.cursor.d.next = self.instruments.read_data.val().slot_base;
                        self.remaining.d.next = self.instruments.read_data.val().slots;
                        self.state.d.next = State::Sweep;
                    }
                } else if self.record_check.is_position.val() {
                    self.reason.next = self.slot_reason.val();
                    if self.state_check.position_refused.val() {
                        self.reason.next = self.state_reason.val();
                        self.refuse.next = true;
                    } else if self.beyond.val() {
                        self.refuse.next = true;
                    } else if self.is_next.val() & (self.full.val() | !self.record_size.val().any()) {
                        self.refuse.next = true;
                    } else if !self.is_next.val() & self.stranger.val() {
                        self.refuse.next = true;
                    } else {
                        self.beat_valid.d.next = true;
                        self.beat_last.d.next = false;
                        self.beat_retract.d.next = true;
                        self.beat_size.d.next = self.slots.read_data.val().size;
                        if self.is_next.val() {
                            self.appends.d.next = true;
                            self.held.d.next = self.no_slot.val();
                            self.beat_size.d.next = 0.into();
                        }
                        self.state.d.next = State::PositionCash;
                    }
                } else if (self.record_check.is_cash.val() | self.record_check.is_offset.val())
                    | self.record_check.is_account_readback.val()
                {
                    self.beat_valid.d.next = true;
                    self.state.d.next = State::Drain;
                } else if self.record_check.is_setting.val() {
                    self.reason.next = self.state_reason.val();
                    if self.state_check.setting_refused.val() {
                        self.refuse.next = true;
                    } else {
                        self.settings.write.next = true;
                        if !self.hold.val() & (self.fields.instrument.val() != 0) {
                            self.state.d.next = State::Sweep;
                        }
                    }
                } else if self.record_check.is_instrument.val() {
                    self.tier_scan.start.next = true;
                    if self.commit.val() {
                        self.state.d.next = State::Commit;
                    }
                } else if self.record_check.is_tier.val() {
                    self.tiers.write.next = true;
                    self.instrument_write.next = true;
                    self.instrument_next.next.written =
                        self.instruments.read_data.val().written | self.step_bit.val();
                } else if self.record_check.is_move.val() {
                    self.reason.next = self.slot_reason.val();
                    if self.state_check.uncommitted.val() {
                        self.reason.next = self.state_reason.val();
                        self.refuse.next = true;
                    } else if (!self.is_last.val() | self.stranger.val())
                        | (self.fields.slot_to.val() > self.fields.slot.val())
                    {
                        self.refuse.next = true;
                    } else {
                        self.slots.read_enable.next = true;
                        self.slots.read_address.next = self.slot_to_place.val();
                        self.state.d.next = State::MoveCheck;
                    }
                } else if self.record_check.is_slot_readback.val() {
                    self.reason.next = self.slot_reason.val();
                    if self.state_check.uncommitted.val() {
                        self.reason.next = self.state_reason.val();
                        self.refuse.next = true;
                    } else if self.is_next.val() | self.beyond.val() {
                        self.refuse.next = true;
                    } else {
                        self.answer_readback.next = true;
                    }
                } else {
                    self.answer_echo.next = true;
                    self.locked.d.next = false;
                }
            }
            State::Sweep => {
                self.beat_slot.d.next = self.cursor.q.val().get_bits::<SLOT_BITS>(0);
                self.beat_account.d.next = self.cursor.q.val().get_bits::<ACCOUNT_BITS>(0);
                if self.remaining.q.val() == 0 {
                    self.state.d.next = State::Drain;
                } else if self.queue.room.val() {
                    self.beat_valid.d.next = true;
                    self.cursor.d.next = self.cursor.q.val() + 1;
                    self.remaining.d.next = self.remaining.q.val() - 1;
                }
            }
            State::PositionCash => {
                self.beat_valid.d.next = true;
                self.beat_first.d.next = false;
                self.beat_last.d.next = false;
                self.beat_cash.d.next = true;
                self.state.d.next = State::PositionApply;
            }
            State::PositionApply => {
                self.beat_valid.d.next = true;
                self.beat_first.d.next = false;
                self.beat_size.d.next = self.record_size.val();
                self.state.d.next = State::Drain;
            }
            State::Drain => {
                if self.drained.val() {
                    self.state.d.next = State::Idle;
                    if self.record_check.is_mark.val() | self.walks.val() {
                        self.answer_receipt.next = true;
                    } else if self.record_check.is_offset.val() {
                        self.reason.next = self.bad_reason.val();
                        self.refuse.next = self.found_bad.q.val() & !self.hold.val();
                    } else if self.record_check.is_position.val() | self.record_check.is_cash.val() {
                        self.reason.next = self.range_reason.val();
                        self.refuse.next = self.found_range.q.val();
                        if self.found_bad.q.val() {
                            self.reason.next = self.bad_reason.val();
                            self.refuse.next = true;
                        }
                        self.instrument_next.next.slots = self.instruments.read_data.val().slots + 1;
                        self.instrument_write.next =
                            self.appends.q.val() & !(self.found_bad.q.val() | self.found_range.q.val());
                    }
                }
            }
            State::MoveCheck => {
                self.state.d.next = State::Idle;
                self.reason.next = self.slot_reason.val();
                if self.slots.read_data.val().size != 0 {
                    self.refuse.next = true;
                } else {
                    self.slots.write_enable.next = true;
                    self.slots.write_address.next = self.slot_to_place.val();
                    self.slots.write_data.next = self.held.q.val();
                    self.instrument_write.next = true;
                    self.instrument_next.next.slots = self.instruments.read_data.val().slots - 1;
                }
            }
            State::Commit => {
                self.reason.next = self.state_reason.val();
                if self.state_check.commit_refused.val() {
                    self.refuse.next = true;
                    self.state.d.next = State::Idle;
                } else if self.tier_scan.done.val() {
                    self.state.d.next = State::Idle;
                    if self.tier_scan.ordered.val() {
                        self.answer_receipt.next = true;
                        self.instrument_write.next = true;
                        self.instrument_next.next.weight_long =
                            self.fields.weight_long.val().get_bits::<WEIGHT_BITS>(0);
                        self.instrument_next.next.weight_short =
                            self.fields.weight_short.val().get_bits::<WEIGHT_BITS>(0);
                        self.instrument_next.next.slot_base =
                            self.fields.base.val().get_bits::<SLOT_COUNT_BITS>(0);
                        self.instrument_next.next.capacity =
                            self.fields.capacity.val().get_bits::<SLOT_COUNT_BITS>(0);
                        self.instrument_next.next.price_bits = self.fields.price_bits.val().get_bits::<6>(0);
                        self.instrument_next.next.size_bits = self.fields.size_bits.val().get_bits::<6>(0);
                        self.instrument_next.next.tier_count = self.fields.tier_count.val().get_bits::<5>(0);
                        self.instrument_next.next.bank = !self.instruments.read_data.val().bank;
                        self.instrument_next.next.committed = true;
                        self.instrument_next.next.written = 0.into();
                        if self.segment_end.val() > self.segments_end.q.val() {
                            self.segments_end.d.next = self.segment_end.val();
                        }
                    } else {
                        self.refuse.next = true;
                    }
                }
            }
            _ => {}
        }
        self.answer.error.next = self.refuse.val();
        self.answer.reason.next = self.reason.val();
        self.answered.d.next = (self.refuse.val() | self.answer_echo.val())
            | (self.answer_receipt.val() | self.answer_readback.val());
        self.answer.echo.next = self.answer_echo.val();
        self.answer.receipt.next = self.answer_receipt.val();
        self.answer.readback.next = self.answer_readback.val();
        self.instruments.write_enable.next = self.instrument_write.val();
        self.instruments.write_data.next = self.instrument_next.val();
        self.instruments.write_address.next = self.fields.instrument.val().get_bits::<INSTRUMENT_BITS>(0);
        if self.clearing.val() {
            self.instruments.write_address.next = self.cursor.q.val().get_bits::<INSTRUMENT_BITS>(0);
        }
        if self.reset.val() {
            self.state.d.next = State::Clear;
            self.cursor.d.next = 0.into();
            self.expected.d.next = 0.into();
            self.locked.d.next = true;
            self.segments_end.d.next = 0.into();
            self.beat_valid.d.next = false;
            self.answered.d.next = false;
        }
    }
}
