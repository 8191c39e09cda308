//! The lane: the control that takes one record after the other, and the blocks that it drives.

use crate::beat::Beat;
use crate::config::LaneConfig;
use crate::instrument_table::InstrumentTable;
use crate::outbox::Outbox;
use crate::pipeline::Pipeline;
use crate::ram::Ram;
use crate::record_check::{RecordCheck, bound, code};
use crate::record_slicer::RecordSlicer;
use crate::settings::Settings;
use crate::slot_check::SlotCheck;
use crate::slot_word::SlotWord;
use crate::state_check::StateCheck;
use crate::tier_scan::TierScan;
use crate::tier_table::TierTable;
use crate::width::{
    ACCOUNT_BITS, BANK_BITS, INSTRUMENT_BITS, RECORD_BITS, SIZE_BITS, SLOT_BITS, SLOT_COUNT_BITS,
};
use crate::{fifo, pipeline};
use model::record::{self, Reason};
use rust_hdl::prelude::*;

/// Clocks from a record's first to its flag's first at the ports: capture, check, decide, pipeline, queue.
/// This is CASH and OFFSET. A POSITION's last beat is its third, and a sweep or walk starts one clock later.
pub const LATENCY: u64 = 3 + pipeline::LATENCY + fifo::LATENCY;
pub const POSITION_LATENCY: u64 = LATENCY + 2;
pub const MARK_LATENCY: u64 = LATENCY + 1;
/// `RECEIPT.clocks` of a sweep or walk beyond its beats, the output being ready.
pub const SWEEP_CLOCKS: u64 = pipeline::LATENCY + 1;

/// Clocks from one READBACK of an account to the next: capture, check, decide.
pub const READBACK_CLOCKS: u64 = 3;

/// Beats under way when `room` falls, the two that follow before it is seen, and the receipt.
const _: () = assert!(pipeline::LATENCY as usize + 4 <= fifo::RESERVE);

/// What the control does. A record is checked while the lane is still idle; the next one is taken when it is done.
#[derive(Clone, Copy, Debug, LogicState, PartialEq)]
pub enum State {
    Clear,
    Idle,
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
/// the queue has room; everything else takes a fixed number of clocks. READBACKs of accounts in a row follow each other every
/// [`READBACK_CLOCKS`]; any other record waits until the one before is done. Reset clears all RAM before the first record.
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
    incoming: RecordSlicer,
    fields: RecordSlicer,
    settings: Settings,
    record_check: RecordCheck,
    state_check: StateCheck,
    tier_scan: TierScan,
    tiers: TierTable,
    slot_check: SlotCheck,
    instruments: InstrumentTable,
    slots: Ram<SlotWord, SLOT_BITS>,
    pipeline: Pipeline,
    outbox: Outbox,
    state: DFF<State>,
    resetting: DFF<Bit>,
    taken: DFF<Bit>,
    record: DFF<Bits<RECORD_BITS>>,
    expected: DFF<Bits<32>>,
    locked: DFF<Bit>,
    segments_end: DFF<Bits<SLOT_COUNT_BITS>>,
    cursor: DFF<Bits<SLOT_COUNT_BITS>>,
    remaining: DFF<Bits<SLOT_COUNT_BITS>>,
    /// The slot that POSITION changes (zero if it appends) or that MOVE copies.
    held: DFF<SlotWord>,
    appends: DFF<Bit>,
    beat: DFF<Beat>,
    found_bad: DFF<Bit>,
    found_range: DFF<Bit>,
    /// The record before was READBACK of an account: it changes nothing, so the next such READBACK need not wait for it.
    reads_back: DFF<Bit>,
    follows: Signal<Local, Bit>,
    ready: Signal<Local, Bit>,
    hold: Signal<Local, Bit>,
    commit: Signal<Local, Bit>,
    clearing: Signal<Local, Bit>,
    refuse: Signal<Local, Bit>,
    reason: Signal<Local, Bits<8>>,
    walks: Signal<Local, Bit>,
    drained: Signal<Local, Bit>,
    record_size: Signal<Local, Bits<SIZE_BITS>>,
    segment_end: Signal<Local, Bits<SLOT_COUNT_BITS>>,
    instrument_lsb: Constant<Bits<8>>,
    hold_bit: Constant<Bits<8>>,
    commit_bit: Constant<Bits<8>>,
    by_slot_bit: Constant<Bits<8>>,
    readback_op: Constant<Bits<8>>,
    locked_reason: Constant<Bits<8>>,
    sequence_reason: Constant<Bits<8>>,
    state_reason: Constant<Bits<8>>,
    slot_reason: Constant<Bits<8>>,
    bad_reason: Constant<Bits<8>>,
    range_reason: Constant<Bits<8>>,
    account_count: Constant<Bits<SLOT_COUNT_BITS>>,
    clear_last: Constant<Bits<SLOT_COUNT_BITS>>,
    no_slot: Constant<SlotWord>,
}

impl Lane {
    pub fn new(build: &LaneConfig) -> Self {
        let words = build.slots.max(build.accounts).max(2 * u32::from(build.instruments));
        Self {
            record_check: RecordCheck::new(build),
            state_check: StateCheck::new(build.slots),
            tiers: TierTable::new(build.instruments.into()),
            instruments: InstrumentTable::new(build.instruments.into()),
            slots: Ram::new(build.slots as usize),
            pipeline: Pipeline::new(build.accounts as usize),
            instrument_lsb: bound(record::INSTRUMENT.lsb as u64),
            hold_bit: code(record::FLAG_HOLD),
            commit_bit: code(record::FLAG_COMMIT),
            by_slot_bit: code(record::FLAG_BY_SLOT),
            readback_op: code(record::input::READBACK.op),
            locked_reason: code(Reason::Locked as u8),
            sequence_reason: code(Reason::Sequence as u8),
            state_reason: code(Reason::State as u8),
            slot_reason: code(Reason::Slot as u8),
            bad_reason: code(Reason::BadAccount as u8),
            range_reason: code(Reason::AccumulatorRange as u8),
            account_count: bound(build.accounts.into()),
            clear_last: bound(u64::from(words) - 1),
            no_slot: Constant::new(SlotWord::default()),
            clock: Default::default(),
            reset: Default::default(),
            in_record: Default::default(),
            in_valid: Default::default(),
            in_ready: Default::default(),
            out_record: Default::default(),
            out_valid: Default::default(),
            out_ready: Default::default(),
            incoming: Default::default(),
            fields: Default::default(),
            settings: Default::default(),
            tier_scan: Default::default(),
            slot_check: Default::default(),
            outbox: Default::default(),
            state: Default::default(),
            resetting: Default::default(),
            taken: Default::default(),
            ready: Default::default(),
            record: Default::default(),
            expected: Default::default(),
            locked: Default::default(),
            segments_end: Default::default(),
            cursor: Default::default(),
            remaining: Default::default(),
            held: Default::default(),
            appends: Default::default(),
            beat: Default::default(),
            found_bad: Default::default(),
            found_range: Default::default(),
            reads_back: Default::default(),
            follows: Default::default(),
            hold: Default::default(),
            commit: Default::default(),
            clearing: Default::default(),
            refuse: Default::default(),
            reason: Default::default(),
            walks: Default::default(),
            drained: Default::default(),
            record_size: Default::default(),
            segment_end: Default::default(),
        }
    }
}

impl Logic for Lane {
    // A kernel's match becomes a case statement: it has no guards.
    #[allow(clippy::collapsible_match)]
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            state,
            resetting,
            taken,
            record,
            expected,
            locked,
            segments_end,
            cursor,
            remaining,
            held,
            appends,
            beat,
            found_bad,
            found_range,
            reads_back
        );
        clock!(
            self,
            clock,
            settings,
            record_check,
            state_check,
            outbox,
            tier_scan,
            tiers,
            instruments,
            slots,
            pipeline
        );

        // A record is taken while the lane is idle; what a stranger leaves in the registers meanwhile harms nobody.
        self.drained.next = !(self.pipeline.busy.val() | self.beat.q.val().valid);
        self.resetting.d.next = self.reset.val();
        self.incoming.record.next = self.in_record.val();
        self.follows.next = self.reads_back.q.val()
            & ((self.incoming.op.val() == self.readback_op.val())
                & ((self.incoming.flags.val() & self.by_slot_bit.val()) == 0));
        self.ready.next = (((self.state.q.val() == State::Idle) & !self.taken.q.val())
            & (self.outbox.room.val() & !self.resetting.q.val()))
            & (self.drained.val() | self.follows.val());
        self.in_ready.next = self.ready.val();
        self.taken.d.next = self.ready.val() & self.in_valid.val();
        if self.ready.val() {
            self.record.d.next = self.in_record.val();
        }
        self.instruments.read.next = self.ready.val();
        self.instruments.read_index.next =
            self.in_record.val().get_bits::<INSTRUMENT_BITS>(self.instrument_lsb.val().index());

        // The record under way and its checks.
        self.fields.record.next = self.record.q.val();
        self.record_check.record.next = self.record.q.val();
        self.record_check.settings.next = self.settings.settings.val();
        self.state_check.settings.next = self.settings.settings.val();
        self.pipeline.settings.next = self.settings.settings.val();
        self.pipeline.record.next = self.record.q.val();
        self.pipeline.word.next = self.instruments.word.val();
        self.pipeline.pays.next = self.record_check.is_cash.val();
        self.record_check.locked.next = self.locked.q.val();
        self.record_check.expected.next = self.expected.q.val();
        self.state_check.record.next = self.record.q.val();
        self.state_check.word.next = self.instruments.word.val();
        self.state_check.segments_end.next = self.segments_end.q.val();
        self.settings.reset.next = self.resetting.q.val();
        self.settings.write.next = false;
        self.settings.index.next = self.fields.instrument.val();
        self.settings.value.next = self.fields.setting.val();
        self.hold.next = (self.fields.flags.val() & self.hold_bit.val()) != 0;
        self.commit.next = (self.fields.flags.val() & self.commit_bit.val()) != 0;
        self.walks.next = self.record_check.is_setting.val();

        self.slot_check.record.next = self.record.q.val();
        self.slot_check.word.next = self.instruments.word.val();
        self.slot_check.slot_account.next = self.slots.read_data.val().account;
        self.record_size.next = self.fields.size.val().get_bits::<SIZE_BITS>(0);

        // RAMs and tables at rest.
        self.clearing.next = self.state.q.val() == State::Clear;
        self.instruments.record.next = self.record.q.val();
        self.instruments.clear.next = self.clearing.val();
        self.instruments.clear_index.next = self.cursor.q.val().get_bits::<INSTRUMENT_BITS>(0);
        self.instruments.set_mark.next = false;
        self.instruments.write_step.next = false;
        self.instruments.append.next = false;
        self.instruments.drop_last.next = false;
        self.instruments.commit.next = false;
        self.slots.read_enable.next = self.beat.q.val().valid & self.record_check.is_mark.val();
        self.slots.read_address.next = self.beat.q.val().slot;
        self.slots.write_enable.next = self.pipeline.slot_write.val();
        self.slots.write_address.next = self.pipeline.slot_write_address.val();
        self.slots.write_data.next = self.pipeline.slot_write_word.val();
        self.tiers.record.next = self.record.q.val();
        self.tiers.clear.next = self.clearing.val();
        self.tiers.clear_bank.next = self.cursor.q.val().get_bits::<BANK_BITS>(0);
        self.tiers.live_bank.next = self.instruments.word.val().bank;
        self.tiers.shadow.next = self.commit.val();
        self.tiers.load.next = false;
        self.tiers.write.next = false;
        self.tiers.live_steps.next = self.state_check.live_steps.val();
        self.tiers.notional.next = self.pipeline.notional.val();
        self.tiers.scan.next = self.state.q.val() == State::Commit;
        self.tiers.scan_step.next = self.tier_scan.step.val();
        self.tier_scan.start.next = false;
        self.tier_scan.count.next = self.fields.tier_count.val().get_bits::<5>(0);
        self.tier_scan.tier.next = self.tiers.tier.val();

        // The beat and its operation.
        self.beat.d.next.valid = false;
        self.beat.d.next.first = true;
        self.beat.d.next.last = true;
        self.beat.d.next.is_cash = false;
        self.beat.d.next.retract = false;
        self.pipeline.reset.next = self.resetting.q.val();
        self.pipeline.clear.next = self.clearing.val();
        self.pipeline.clear_account.next = self.cursor.q.val().get_bits::<ACCOUNT_BITS>(0);
        self.pipeline.beat.next = self.beat.q.val();
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
        self.pipeline.tier.next = self.tiers.tier.val();
        if self.pipeline.settled.val() {
            self.found_bad.d.next = self.pipeline.was_bad.val();
            self.found_range.d.next = self.pipeline.out_of_range.val();
        }

        // Answers, behind all reports of the pipeline.
        self.outbox.reset.next = self.resetting.q.val();
        self.outbox.report.next = self.pipeline.report.val() & !self.clearing.val();
        self.outbox.report_record.next = self.pipeline.report_record.val();
        self.outbox.start.next = self.state.q.val() == State::Decide;
        self.outbox.counted.next = self.pipeline.counted.val();
        self.outbox.flagged.next = self.pipeline.flagged.val();
        self.outbox.asked.next = self.record.q.val();
        self.outbox.slot_word.next = self.slots.read_data.val();
        self.outbox.is_resync.next = self.record_check.is_resync.val();
        self.outbox.walk.next = self.walks.val();
        self.outbox.echo.next = false;
        self.outbox.receipt.next = false;
        self.outbox.readback.next = false;
        self.outbox.ready_out.next = self.out_ready.val();
        self.out_valid.next = self.outbox.valid_out.val() & !self.resetting.q.val();
        self.out_record.next = self.outbox.record_out.val();

        self.segment_end.next = self.fields.base.val().get_bits::<SLOT_COUNT_BITS>(0)
            + self.fields.capacity.val().get_bits::<SLOT_COUNT_BITS>(0);
        self.refuse.next = false;
        self.reason.next = self.record_check.reason.val();
        match self.state.q.val() {
            State::Clear => {
                self.slots.write_enable.next = true;
                self.slots.write_address.next = self.cursor.q.val().get_bits::<SLOT_BITS>(0);
                self.slots.write_data.next = self.no_slot.val();
                self.cursor.d.next = self.cursor.q.val() + 1;
                if self.cursor.q.val() == self.clear_last.val() {
                    self.state.d.next = State::Idle;
                }
            }
            State::Idle => {
                self.tiers.load.next = true;
                self.slots.read_enable.next = true;
                self.slots.read_address.next = self.slot_check.place.val();
                if self.taken.q.val() {
                    self.state.d.next = State::Decide;
                }
            }
            State::Decide => {
                // A refusal stands behind the reports of READBACKs that are still under way.
                if self.drained.val() | (self.record_check.reason.val() == 0) {
                    self.reads_back.d.next = self.record_check.is_account_readback.val();
                    self.state.d.next = State::Idle;
                    self.held.d.next = self.slots.read_data.val();
                    self.appends.d.next = false;
                    self.beat.d.next.account = self.fields.account.val().get_bits::<ACCOUNT_BITS>(0);
                    self.beat.d.next.slot = self.slot_check.place.val();
                    self.beat.d.next.size = 0.into();
                    self.beat.d.next.is_cash = self.record_check.is_cash.val();
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
                            self.instruments.set_mark.next = true;
                            self.cursor.d.next = self.instruments.word.val().slot_base;
                            self.remaining.d.next = self.instruments.word.val().slots;
                            self.state.d.next = State::Sweep;
                        }
                    } else if self.record_check.is_position.val() {
                        self.reason.next = self.slot_reason.val();
                        if self.state_check.position_refused.val() {
                            self.reason.next = self.state_reason.val();
                            self.refuse.next = true;
                        } else if self.slot_check.position_refused.val() {
                            self.refuse.next = true;
                        } else {
                            self.beat.d.next.valid = true;
                            self.beat.d.next.last = false;
                            self.beat.d.next.retract = true;
                            self.beat.d.next.size = self.slots.read_data.val().size;
                            if self.slot_check.appends.val() {
                                self.appends.d.next = true;
                                self.held.d.next = self.no_slot.val();
                                self.beat.d.next.size = 0.into();
                            }
                            self.state.d.next = State::PositionCash;
                        }
                    } else if (self.record_check.is_cash.val() | self.record_check.is_offset.val())
                        | self.record_check.is_account_readback.val()
                    {
                        self.beat.d.next.valid = true;
                        if !self.record_check.is_account_readback.val() {
                            self.state.d.next = State::Drain;
                        }
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
                        self.instruments.write_step.next = true;
                    } else if self.record_check.is_move.val() {
                        self.reason.next = self.slot_reason.val();
                        if self.state_check.uncommitted.val() {
                            self.reason.next = self.state_reason.val();
                            self.refuse.next = true;
                        } else if self.slot_check.move_refused.val() {
                            self.refuse.next = true;
                        } else {
                            self.slots.read_enable.next = true;
                            self.slots.read_address.next = self.slot_check.place_to.val();
                            self.state.d.next = State::MoveCheck;
                        }
                    } else if self.record_check.is_slot_readback.val() {
                        self.reason.next = self.slot_reason.val();
                        if self.state_check.uncommitted.val() {
                            self.reason.next = self.state_reason.val();
                            self.refuse.next = true;
                        } else if self.slot_check.readback_refused.val() {
                            self.refuse.next = true;
                        } else {
                            self.outbox.readback.next = true;
                        }
                    } else {
                        self.outbox.echo.next = true;
                        self.locked.d.next = false;
                    }
                }
            }
            State::Sweep => {
                self.beat.d.next.slot = self.cursor.q.val().get_bits::<SLOT_BITS>(0);
                self.beat.d.next.account = self.cursor.q.val().get_bits::<ACCOUNT_BITS>(0);
                if self.remaining.q.val() == 0 {
                    self.state.d.next = State::Drain;
                } else if self.outbox.room.val() {
                    self.beat.d.next.valid = true;
                    self.cursor.d.next = self.cursor.q.val() + 1;
                    self.remaining.d.next = self.remaining.q.val() - 1;
                }
            }
            State::PositionCash => {
                self.beat.d.next.valid = true;
                self.beat.d.next.first = false;
                self.beat.d.next.last = false;
                self.beat.d.next.is_cash = true;
                self.state.d.next = State::PositionApply;
            }
            State::PositionApply => {
                self.beat.d.next.valid = true;
                self.beat.d.next.first = false;
                self.beat.d.next.size = self.record_size.val();
                self.state.d.next = State::Drain;
            }
            State::Drain => {
                if self.drained.val() {
                    self.state.d.next = State::Idle;
                    if self.record_check.is_mark.val() | self.walks.val() {
                        self.outbox.receipt.next = true;
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
                        self.instruments.append.next =
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
                    self.slots.write_address.next = self.slot_check.place_to.val();
                    self.slots.write_data.next = self.held.q.val();
                    self.instruments.drop_last.next = true;
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
                        self.outbox.receipt.next = true;
                        self.instruments.commit.next = true;
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
        self.outbox.error.next = self.refuse.val();
        self.outbox.reason.next = self.reason.val();
        if self.resetting.q.val() {
            self.taken.d.next = false;
            self.state.d.next = State::Clear;
            self.cursor.d.next = 0.into();
            self.expected.d.next = 0.into();
            self.locked.d.next = true;
            self.segments_end.d.next = 0.into();
            self.reads_back.d.next = false;
            self.beat.d.next.valid = false;
        }
    }
}
