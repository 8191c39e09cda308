//! The lane: one shard of the accounts, and the control that sends beats down its pipeline.

use crate::BuildConfig;
use crate::beat::Beat;
use crate::command::{InstrumentWord, Kind};
use crate::interlock::Interlock;
use crate::literal::Literal;
use crate::operand_maker::OperandMaker;
use crate::output_fifo::OutputFifo;
use crate::pipeline::Pipeline;
use crate::reasons::Reasons;
use crate::record_slicer::RecordSlicer;
use crate::settings::Settings;
use crate::slot_counts::{INSTRUMENTS, SlotCounts};
use crate::width::{
    ACCOUNT_BITS, BANK_BITS, INSTRUMENT_BITS, RECORD_BITS, SCALE_BITS, SLOT_BITS, SLOT_COUNT_BITS, TAG_BITS,
};
use crate::zero::Zero;
use crate::{output_fifo, pipeline};
use rust_hdl::prelude::*;

/// Clocks from a command's first to its report's first: gate, pipeline, queue.
pub const LATENCY: u64 = 1 + pipeline::LATENCY + output_fifo::LATENCY;
/// A sweep or walk starts one clock later than a record of one account.
pub const SWEEP_LATENCY: u64 = LATENCY + 1;

/// Beats in flight when `room` falls, and those that follow before it is seen.
const _: () = assert!(pipeline::STAGES + 4 <= output_fifo::RESERVE);

/// What the control does.
#[derive(Clone, Copy, Debug, LogicState, PartialEq)]
pub enum State {
    /// RAM is being cleared.
    Clear,
    /// Records of one account follow each other.
    Run,
    /// One beat a slot or account, then the receipt's.
    Sweep,
    /// A sweep met an account that is still in flight, and goes back to it.
    Rewind,
    /// The pipeline runs empty behind a record that nothing may overtake.
    Drain,
    MoveCheck,
    MoveTo,
    MoveFrom,
    MoveWait,
    MoveStill,
    MoveTake,
    MoveJudge,
    MoveBroken,
    MoveWrite,
    /// A word that the idle walk found is put right.
    Repair,
}

/// One lane of the margin machine.
///
/// Shape: commands in, one a clock where nothing interlocks, in order; records out on a ready/valid stream. A command of
/// one account waits for an earlier one of the same account, an append for another of its instrument; sweeps, walks, MOVE,
/// READBACK of a slot and POSITION raw wait until the pipeline is empty and leave it empty. Idle clocks walk the RAMs for flipped bits.
#[derive(LogicBlock, Default)]
pub struct Lane {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub lane_index: Signal<In, Bits<8>>,
    pub scale: Signal<In, Bits<SCALE_BITS>>,
    pub command_record: Signal<In, Bits<RECORD_BITS>>,
    pub command_row: Signal<In, Bits<ACCOUNT_BITS>>,
    pub command_kind: Signal<In, Kind>,
    pub command_reason: Signal<In, Bits<8>>,
    pub command_word: Signal<In, InstrumentWord>,
    pub command_valid: Signal<In, Bit>,
    pub command_ready: Signal<Out, Bit>,
    pub out_record: Signal<Out, Bits<RECORD_BITS>>,
    pub out_is_echo: Signal<Out, Bit>,
    pub out_valid: Signal<Out, Bit>,
    pub out_ready: Signal<In, Bit>,
    /// Instruments with live slots here.
    pub occupied: Signal<Out, Bits<INSTRUMENTS>>,
    /// Nothing is in flight.
    pub idle: Signal<Out, Bit>,
    pub ecc_corrected: Signal<Out, Bits<32>>,
    pub ecc_uncorrected: Signal<Out, Bits<32>>,
    incoming: RecordSlicer,
    fields: RecordSlicer,
    settings: Settings,
    counts: SlotCounts,
    interlock: Interlock,
    maker: OperandMaker,
    pipeline: Pipeline,
    fifo: OutputFifo,
    reasons: Reasons,
    nothing: Zero<Beat>,
    account_count: Literal<SLOT_COUNT_BITS>,
    row_last: Literal<ACCOUNT_BITS>,
    place_last: Literal<SLOT_BITS>,
    clear_last: Literal<SLOT_COUNT_BITS>,
    hold_bit: Literal<8>,
    state: DFF<State>,
    resetting: DFF<Bit>,
    // What the state says, one register each: many RAMs wait for it.
    clearing: DFF<Bit>,
    copying: DFF<Bit>,
    moving: DFF<Bit>,
    running: DFF<Bit>,
    // The command behind the one at the gate: what came when the gate was shut.
    next_valid: DFF<Bit>,
    next_kind: DFF<Kind>,
    next_record: DFF<Bits<RECORD_BITS>>,
    next_row: DFF<Bits<ACCOUNT_BITS>>,
    next_reason: DFF<Bits<4>>,
    next_word: DFF<InstrumentWord>,
    // The command at the gate, and what its kind says.
    valid: DFF<Bit>,
    kind: DFF<Kind>,
    walks: DFF<Bit>,
    sweeps: DFF<Bit>,
    places: DFF<Bit>,
    touches: DFF<Bit>,
    alone: DFF<Bit>,
    is_tier: DFF<Bit>,
    record: DFF<Bits<RECORD_BITS>>,
    row: DFF<Bits<ACCOUNT_BITS>>,
    reason: DFF<Bits<4>>,
    word: DFF<InstrumentWord>,
    tag: DFF<Bits<TAG_BITS>>,
    /// Live slots of its instrument.
    count: DFF<Bits<SLOT_COUNT_BITS>>,
    /// Its slot in the RAM and in the segment; a sweep counts them up.
    cursor: DFF<Bits<SLOT_COUNT_BITS>>,
    index: DFF<Bits<SLOT_COUNT_BITS>>,
    // The append in flight.
    appending: DFF<Bit>,
    /// The command at the gate is no append, and of another instrument.
    apart: DFF<Bit>,
    append_instrument: DFF<Bits<INSTRUMENT_BITS>>,
    append_count: DFF<Bits<SLOT_COUNT_BITS>>,
    // MOVE: what the slot it overwrites holds.
    to_broken: DFF<Bit>,
    to_empty: DFF<Bit>,
    move_to: DFF<Bits<SLOT_COUNT_BITS>>,
    refuses_move: DFF<Bit>,
    // Told to the settings and the pipeline a clock later.
    setting_write: DFF<Bit>,
    start: DFF<Bit>,
    // The idle walk.
    scrub_row: DFF<Bits<ACCOUNT_BITS>>,
    scrub_place: DFF<Bits<SLOT_BITS>>,
    /// The cursor is at the walk's next place.
    walking: DFF<Bit>,
    account_found: DFF<Bit>,
    found_row: DFF<Bits<ACCOUNT_BITS>>,
    slot_found: DFF<Bit>,
    found_place: DFF<Bits<SLOT_BITS>>,
    next_state: Signal<Local, State>,
    beat: Signal<Local, Beat>,
    hold: Signal<Local, Bit>,
    instrument: Signal<Local, Bits<INSTRUMENT_BITS>>,
    slot: Signal<Local, Bits<32>>,
    count_wide: Signal<Local, Bits<32>>,
    capacity_wide: Signal<Local, Bits<32>>,
    appends: Signal<Local, Bit>,
    no_size: Signal<Local, Bit>,
    slot_past: Signal<Local, Bit>,
    slot_refused: Signal<Local, Bit>,
    move_refused: Signal<Local, Bit>,
    waits: Signal<Local, Bit>,
    same: Signal<Local, Bit>,
    end_index: Signal<Local, Bits<SLOT_COUNT_BITS>>,
    found: Signal<Local, Bit>,
    issues: Signal<Local, Bit>,
    leaves: Signal<Local, Bit>,
    opens: Signal<Local, Bit>,
    takes: Signal<Local, Bit>,
    loads: Signal<Local, Bit>,
    coming_kind: Signal<Local, Kind>,
    coming_record: Signal<Local, Bits<RECORD_BITS>>,
    coming_row: Signal<Local, Bits<ACCOUNT_BITS>>,
    coming_reason: Signal<Local, Bits<4>>,
    coming_word: Signal<Local, InstrumentWord>,
    move_place: Signal<Local, Bits<SLOT_COUNT_BITS>>,
    write_bank: Signal<Local, Bits<BANK_BITS>>,
}

impl Lane {
    pub fn new(build: &BuildConfig) -> Self {
        let words = build.slots.max(build.accounts);
        Self {
            pipeline: Pipeline::new(build),
            fifo: OutputFifo::new(),
            account_count: Literal::new(build.accounts.into()),
            row_last: Literal::new(u64::from(build.accounts) - 1),
            place_last: Literal::new(u64::from(build.slots) - 1),
            clear_last: Literal::new(u64::from(words) - 1),
            hold_bit: Literal::new(model::record::FLAG_HOLD.into()),
            ..Default::default()
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
            clearing,
            copying,
            moving,
            running,
            move_to,
            walks,
            sweeps,
            places,
            touches,
            alone,
            is_tier,
            next_valid,
            next_kind,
            next_record,
            next_row,
            next_reason,
            next_word,
            valid,
            kind,
            record,
            row,
            reason,
            word,
            tag,
            count,
            cursor,
            index,
            appending,
            apart,
            refuses_move,
            setting_write,
            start,
            append_instrument,
            append_count,
            to_broken,
            to_empty,
            scrub_row,
            scrub_place,
            walking,
            account_found,
            found_row,
            slot_found,
            found_place
        );
        clock!(self, clock, settings, counts, interlock, pipeline, fifo);
        self.resetting.d.next = self.reset.val();
        self.next_state.next = self.state.q.val();

        // The command at the gate.
        self.fields.record.next = self.record.q.val();
        self.hold.next = (self.fields.flags.val() & self.hold_bit.value.val()) != 0;
        self.instrument.next = self.fields.instrument.val().get_bits::<INSTRUMENT_BITS>(0);
        self.slot.next = self.fields.slot.val();
        self.count_wide.next = bit_cast::<32, SLOT_COUNT_BITS>(self.count.q.val());
        self.capacity_wide.next = bit_cast::<32, SLOT_COUNT_BITS>(self.word.q.val().capacity);
        self.appends.next = self.slot.val() == self.count_wide.val();
        self.slot_past.next = self.slot.val() > self.count_wide.val();
        self.no_size.next = !self.fields.size.val().any();
        self.slot_refused.next = self.slot_past.val()
            | (self.appends.val()
                & (self.no_size.val() | (self.count_wide.val() == self.capacity_wide.val())));
        self.move_refused.next = (self.slot_past.val() | self.appends.val())
            | (((self.slot.val() + 1) != self.count_wide.val())
                | (self.fields.slot_to.val() > self.slot.val()));
        self.waits.next = (self.touches.q.val() & self.interlock.blocked.val())
            | ((self.places.q.val() & self.appending.q.val()) & !self.apart.q.val());
        self.same.next = self.append_instrument.q.val() == self.instrument.val();
        self.refuses_move.d.next = self.move_refused.val();
        self.issues.next = (self.running.q.val() & (self.valid.q.val() & !self.alone.q.val()))
            & (self.is_tier.q.val() | (self.fifo.room.val() & !self.waits.val()));
        self.found.next = self.account_found.q.val() | self.slot_found.q.val();
        self.leaves.next = self.issues.val() | !self.valid.q.val();
        self.opens.next =
            (self.running.q.val() & self.leaves.val()) & !(self.found.val() | self.resetting.q.val());
        self.command_ready.next = !self.next_valid.q.val();
        self.takes.next = self.command_valid.val() & !self.next_valid.q.val();
        self.loads.next = self.opens.val() & (self.command_valid.val() | self.next_valid.q.val());
        self.end_index.next = self.count.q.val();
        if self.walks.q.val() {
            self.end_index.next = self.account_count.value.val();
        }

        // The next one takes its place.
        self.coming_kind.next = self.command_kind.val();
        self.coming_record.next = self.command_record.val();
        self.coming_row.next = self.command_row.val();
        self.coming_reason.next = self.command_reason.val().get_bits::<4>(0);
        self.coming_word.next = self.command_word.val();
        if self.next_valid.q.val() {
            self.coming_kind.next = self.next_kind.q.val();
            self.coming_record.next = self.next_record.q.val();
            self.coming_row.next = self.next_row.q.val();
            self.coming_reason.next = self.next_reason.q.val();
            self.coming_word.next = self.next_word.q.val();
        }
        if !self.next_valid.q.val() {
            self.next_kind.d.next = self.command_kind.val();
            self.next_record.d.next = self.command_record.val();
            self.next_row.d.next = self.command_row.val();
            self.next_reason.d.next = self.command_reason.val().get_bits::<4>(0);
            self.next_word.d.next = self.command_word.val();
        }
        if self.opens.val() {
            self.next_valid.d.next = false;
        } else if self.takes.val() {
            self.next_valid.d.next = true;
        }
        self.incoming.record.next = self.coming_record.val();
        self.counts.reset.next = self.resetting.q.val();
        self.counts.instrument.next = self.instrument.val();
        self.counts.coming_instrument.next = self.incoming.instrument.val().get_bits::<INSTRUMENT_BITS>(0);
        if self.issues.val() {
            self.valid.d.next = false;
        }
        if self.loads.val() {
            self.valid.d.next = true;
            self.kind.d.next = self.coming_kind.val();
            self.walks.d.next = self.coming_kind.val() == Kind::Setting;
            self.sweeps.d.next = (self.coming_kind.val() == Kind::Mark)
                | ((self.coming_kind.val() == Kind::Funding) | (self.coming_kind.val() == Kind::Commit));
            self.places.d.next = self.coming_kind.val() == Kind::Position;
            self.touches.d.next = ((self.coming_kind.val() == Kind::Position)
                | (self.coming_kind.val() == Kind::Cash))
                | (((self.coming_kind.val() == Kind::Offset) | (self.coming_kind.val() == Kind::Load))
                    | (self.coming_kind.val() == Kind::ReadAccount));
            self.alone.d.next = (((self.coming_kind.val() == Kind::Mark)
                | ((self.coming_kind.val() == Kind::Funding) | (self.coming_kind.val() == Kind::Commit)))
                | (self.coming_kind.val() == Kind::Setting))
                | (((self.coming_kind.val() == Kind::Reload) | (self.coming_kind.val() == Kind::Move))
                    | (self.coming_kind.val() == Kind::ReadSlot));
            self.is_tier.d.next = self.coming_kind.val() == Kind::Tier;
            self.record.d.next = self.coming_record.val();
            self.row.d.next = self.coming_row.val();
            self.reason.d.next = self.coming_reason.val();
            self.word.d.next = self.coming_word.val();
            self.tag.d.next = self.tag.q.val() + 1;
            self.cursor.d.next = self.coming_word.val().slot_base;
            self.index.d.next = 0.into();
            if ((self.coming_kind.val() == Kind::Position) | (self.coming_kind.val() == Kind::Reload))
                | (self.coming_kind.val() == Kind::ReadSlot)
            {
                self.cursor.d.next = self.coming_word.val().slot_base
                    + bit_cast::<SLOT_COUNT_BITS, SLOT_BITS>(
                        self.incoming.slot.val().get_bits::<SLOT_BITS>(0),
                    );
                self.index.d.next =
                    bit_cast::<SLOT_COUNT_BITS, SLOT_BITS>(self.incoming.slot.val().get_bits::<SLOT_BITS>(0));
            }
        }
        self.count.d.next = self.counts.count.val();
        if self.loads.val() {
            self.count.d.next = self.counts.coming_count.val();
        }
        // Told from the command as it was a clock ago.
        self.apart.d.next = !(self.loads.val() | (self.appends.val() | self.same.val()));
        self.interlock.reset.next = self.resetting.q.val();
        self.interlock.issue.next = self.issues.val() & self.touches.q.val();
        self.interlock.issue_row.next = self.row.q.val();
        self.interlock.load.next = self.loads.val();
        self.interlock.load_row.next = self.coming_row.val();

        // At rest.
        self.settings.reset.next = self.resetting.q.val();
        self.setting_write.d.next = false;
        self.settings.write.next = self.setting_write.q.val();
        self.settings.index.next = self.fields.instrument.val();
        self.settings.value.next = self.fields.setting.val();
        self.maker.kind.next = self.kind.q.val();
        self.maker.record.next = self.record.q.val();
        self.maker.word.next = self.word.q.val();
        self.maker.scale.next = self.scale.val();
        self.pipeline.reset.next = self.resetting.q.val();
        self.pipeline.lane_index.next = self.lane_index.val();
        self.pipeline.scale.next = self.scale.val();
        self.pipeline.settings.next = self.settings.settings.val();
        self.pipeline.operands.next = self.maker.operands.val();
        self.pipeline.keep.next = self.valid.q.val();
        self.pipeline.keep_tag.next = self.tag.q.val();
        self.pipeline.keep_record.next = self.record.q.val();
        self.start.d.next = false;
        self.pipeline.start.next = self.start.q.val();
        self.pipeline.clear.next = self.clearing.q.val();
        self.pipeline.clear_row.next = self.cursor.q.val().get_bits::<ACCOUNT_BITS>(0);
        self.pipeline.clear_place.next = self.cursor.q.val().get_bits::<SLOT_BITS>(0);
        self.write_bank.next = bit_cast::<BANK_BITS, INSTRUMENT_BITS>(self.instrument.val()) << 1;
        if !self.word.q.val().bank {
            self.write_bank.next =
                (bit_cast::<BANK_BITS, INSTRUMENT_BITS>(self.instrument.val()) << 1).replace_bit(0, true);
        }
        self.pipeline.write_bank.next = self.write_bank.val();
        self.pipeline.write_tier.next = self.issues.val() & self.is_tier.q.val();
        self.pipeline.copies.next = self.copying.q.val();
        self.pipeline.moves.next = self.moving.q.val();
        self.copying.d.next = false;
        self.moving.d.next = false;
        self.move_place.next = self.word.q.val().slot_base
            + bit_cast::<SLOT_COUNT_BITS, SLOT_BITS>(self.fields.slot_to.val().get_bits::<SLOT_BITS>(0));
        self.move_to.d.next = self.move_place.val();
        self.pipeline.move_place.next = self.move_to.q.val().get_bits::<SLOT_BITS>(0);

        // Appends and moves change the number of live slots.
        self.counts.set.next = self.pipeline.append_done.val() & self.pipeline.appended.val();
        self.counts.set_instrument.next = self.append_instrument.q.val();
        self.counts.set_count.next = self.append_count.q.val();
        if self.pipeline.append_done.val() {
            self.appending.d.next = false;
        }

        // What the gate's command becomes.
        self.beat.next = self.nothing.value.val();
        self.beat.next.tag = self.tag.q.val();
        self.beat.next.row = self.row.q.val();
        self.beat.next.place = self.cursor.q.val().get_bits::<SLOT_BITS>(0);
        self.beat.next.index = self.index.q.val().get_bits::<SLOT_BITS>(0);
        self.walking.d.next = false;
        match self.state.q.val() {
            State::Clear => {
                self.cursor.d.next = self.cursor.q.val() + 1;
                if self.cursor.q.val() == self.clear_last.value.val() {
                    self.clearing.d.next = false;
                    self.next_state.next = State::Run;
                }
            }
            State::Run => {
                if self.issues.val() & (!self.is_tier.q.val()) {
                    self.beat.next.valid = true;
                    self.beat.next.touches = self.touches.q.val();
                    self.beat.next.compares =
                        self.touches.q.val() & !(self.hold.val() | (self.kind.q.val() == Kind::ReadAccount));
                    self.beat.next.needs_good = (self.places.q.val() | (self.kind.q.val() == Kind::Cash))
                        | ((self.kind.q.val() == Kind::Offset) & !self.hold.val());
                    self.beat.next.loads = self.kind.q.val() == Kind::Load;
                    self.beat.next.sets_offset = self.kind.q.val() == Kind::Offset;
                    self.beat.next.reads_account = self.kind.q.val() == Kind::ReadAccount;
                    self.beat.next.echoes = self.kind.q.val() == Kind::Echo;
                    self.beat.next.refused = self.kind.q.val() == Kind::Refuse;
                    self.beat.next.reason = self.reason.q.val();
                    if self.places.q.val() {
                        self.beat.next.names_instrument = true;
                        self.beat.next.reprices = true;
                        self.beat.next.writes_slot = true;
                        self.beat.next.owns_slot = true;
                        self.beat.next.appends = self.appends.val();
                        self.beat.next.reads_slot = !self.appends.val();
                        if self.slot_refused.val() {
                            self.beat.next.refused = true;
                            self.beat.next.reason = self.reasons.slot.val();
                            self.beat.next.touches = false;
                            self.beat.next.owns_slot = false;
                            self.beat.next.appends = false;
                            self.beat.next.reads_slot = false;
                        } else if self.appends.val() {
                            self.appending.d.next = true;
                            self.append_instrument.d.next = self.instrument.val();
                            self.append_count.d.next = self.count.q.val() + 1;
                        }
                    }
                }
                if (self.valid.q.val() & self.alone.q.val())
                    & (self.pipeline.empty.val() & self.fifo.room.val())
                {
                    self.next_state.next = State::Drain;
                    if self.sweeps.q.val() {
                        self.start.d.next = true;
                        self.next_state.next = State::Sweep;
                    } else if self.walks.q.val() {
                        self.setting_write.d.next = true;
                        if !self.hold.val() {
                            self.start.d.next = true;
                            self.next_state.next = State::Sweep;
                        }
                    } else if self.kind.q.val() == Kind::Reload {
                        self.beat.next.valid = true;
                        self.beat.next.names_instrument = true;
                        if self.slot_refused.val() | self.no_size.val() {
                            self.beat.next.refused = true;
                            self.beat.next.reason = self.reasons.slot.val();
                        } else {
                            self.beat.next.reprices = true;
                            self.beat.next.writes_slot = true;
                            self.beat.next.appends = self.appends.val();
                            if self.appends.val() {
                                self.appending.d.next = true;
                                self.append_instrument.d.next = self.instrument.val();
                                self.append_count.d.next = self.count.q.val() + 1;
                            }
                        }
                    } else if self.kind.q.val() == Kind::ReadSlot {
                        self.beat.next.valid = true;
                        self.beat.next.names_instrument = true;
                        if self.slot_past.val() | self.appends.val() {
                            self.beat.next.refused = true;
                            self.beat.next.reason = self.reasons.slot.val();
                        } else {
                            self.beat.next.reads_slot = true;
                            self.beat.next.shows_slot = true;
                        }
                    } else {
                        self.next_state.next = State::MoveCheck;
                    }
                }
                if !self.valid.q.val() {
                    if self.found.val() {
                        self.next_state.next = State::Repair;
                        self.cursor.d.next = bit_cast::<SLOT_COUNT_BITS, SLOT_BITS>(self.found_place.q.val());
                        // Of a kind that brings no numbers: what is put right is otherwise left alone.
                        self.kind.d.next = Kind::Refuse;
                    } else {
                        if self.walking.q.val() {
                            self.beat.next.scrubs = true;
                            self.beat.next.row = self.scrub_row.q.val();
                            self.scrub_row.d.next = self.scrub_row.q.val() + 1;
                            if self.scrub_row.q.val() == self.row_last.value.val() {
                                self.scrub_row.d.next = 0.into();
                            }
                        }
                        if !self.loads.val() {
                            self.walking.d.next = true;
                            self.cursor.d.next =
                                bit_cast::<SLOT_COUNT_BITS, SLOT_BITS>(self.scrub_place.q.val());
                            self.scrub_place.d.next = self.scrub_place.q.val() + 1;
                            if self.scrub_place.q.val() == self.place_last.value.val() {
                                self.scrub_place.d.next = 0.into();
                            }
                        }
                    }
                }
            }
            State::Sweep => {
                if self.fifo.room.val() {
                    self.beat.next.valid = true;
                    self.beat.next.names_instrument = self.sweeps.q.val();
                    if self.index.q.val() == self.end_index.val() {
                        self.beat.next.receipts = true;
                        self.next_state.next = State::Drain;
                    } else {
                        self.beat.next.touches = true;
                        self.beat.next.counts = true;
                        self.beat.next.compares = self.walks.q.val() | !self.hold.val();
                        self.beat.next.sweeps = self.sweeps.q.val();
                        self.beat.next.reads_slot = self.sweeps.q.val();
                        self.beat.next.writes_slot = self.sweeps.q.val();
                        self.beat.next.reprices = self.sweeps.q.val() & (self.kind.q.val() != Kind::Funding);
                        self.beat.next.row = self.index.q.val().get_bits::<ACCOUNT_BITS>(0);
                        self.cursor.d.next = self.cursor.q.val() + 1;
                        self.index.d.next = self.index.q.val() + 1;
                    }
                }
            }
            State::Rewind => {
                if self.pipeline.empty.val() {
                    self.next_state.next = State::Sweep;
                }
            }
            State::Drain => {
                if self.pipeline.empty.val() {
                    self.valid.d.next = false;
                    self.next_state.next = State::Run;
                }
            }
            State::MoveCheck => {
                self.next_state.next = State::MoveTo;
                self.cursor.d.next = self.move_to.q.val();
                if self.refuses_move.q.val() {
                    self.next_state.next = State::Drain;
                    self.beat.next.valid = true;
                    self.beat.next.refused = true;
                    self.beat.next.reason = self.reasons.slot.val();
                }
            }
            State::MoveTo => {
                self.cursor.d.next = self.word.q.val().slot_base
                    + bit_cast::<SLOT_COUNT_BITS, SLOT_BITS>(self.slot.val().get_bits::<SLOT_BITS>(0));
                self.next_state.next = State::MoveFrom;
            }
            State::MoveFrom => {
                self.next_state.next = State::MoveWait;
            }
            State::MoveWait => {
                self.next_state.next = State::MoveStill;
            }
            State::MoveStill => {
                self.next_state.next = State::MoveTake;
            }
            State::MoveTake => {
                self.to_broken.d.next = self.pipeline.slot_broken.val();
                self.to_empty.d.next = !self.pipeline.slot.val().magnitude.any();
                self.copying.d.next = true;
                self.next_state.next = State::MoveJudge;
            }
            State::MoveJudge => {
                // A word beyond repair is read again by a beat that reports it.
                self.next_state.next = State::Drain;
                self.beat.next.names_instrument = true;
                if self.pipeline.slot_broken.val() {
                    self.beat.next.valid = true;
                    self.beat.next.reads_slot = true;
                    self.beat.next.index = self.slot.val().get_bits::<SLOT_BITS>(0);
                } else if self.to_broken.q.val() {
                    self.cursor.d.next = self.move_to.q.val();
                    self.next_state.next = State::MoveBroken;
                } else if (self.pipeline.slot.val().row != self.row.q.val()) | !self.to_empty.q.val() {
                    self.beat.next.valid = true;
                    self.beat.next.refused = true;
                    self.beat.next.reason = self.reasons.slot.val();
                } else {
                    self.moving.d.next = true;
                    self.next_state.next = State::MoveWrite;
                }
            }
            State::MoveBroken => {
                self.next_state.next = State::Drain;
                self.beat.next.names_instrument = true;
                self.beat.next.valid = true;
                self.beat.next.reads_slot = true;
                self.beat.next.index = self.fields.slot_to.val().get_bits::<SLOT_BITS>(0);
            }
            State::MoveWrite => {
                self.counts.set.next = true;
                self.counts.set_instrument.next = self.instrument.val();
                self.counts.set_count.next = self.slot.val().get_bits::<SLOT_COUNT_BITS>(0);
                self.valid.d.next = false;
                self.next_state.next = State::Run;
            }
            State::Repair => {
                if self.pipeline.empty.val() & self.fifo.room.val() {
                    self.beat.next.valid = true;
                    if self.account_found.q.val() {
                        self.beat.next.touches = true;
                        self.beat.next.row = self.found_row.q.val();
                        self.account_found.d.next = false;
                    } else {
                        self.beat.next.sweeps = true;
                        self.beat.next.writes_slot = true;
                        self.slot_found.d.next = false;
                    }
                    self.next_state.next = State::Drain;
                }
            }
            _ => {
                self.next_state.next = State::Clear;
            }
        }
        if self.pipeline.repeats.val() {
            self.cursor.d.next = bit_cast::<SLOT_COUNT_BITS, SLOT_BITS>(self.pipeline.repeat_place.val());
            self.index.d.next = bit_cast::<SLOT_COUNT_BITS, SLOT_BITS>(self.pipeline.repeat_index.val());
            self.next_state.next = State::Rewind;
        }
        if self.pipeline.account_found.val() {
            self.account_found.d.next = true;
            self.found_row.d.next = self.pipeline.found_row.val();
        }
        if self.pipeline.slot_found.val() {
            self.slot_found.d.next = true;
            self.found_place.d.next = self.pipeline.found_place.val();
        }
        if self.resetting.q.val() {
            self.next_state.next = State::Clear;
            self.clearing.d.next = true;
            self.cursor.d.next = 0.into();
            self.valid.d.next = false;
            self.next_valid.d.next = false;
            self.appending.d.next = false;
            self.account_found.d.next = false;
            self.slot_found.d.next = false;
            self.scrub_row.d.next = 0.into();
            self.scrub_place.d.next = 0.into();
        }
        self.state.d.next = self.next_state.val();
        self.running.d.next = self.next_state.val() == State::Run;
        self.pipeline.beat.next = self.beat.val();

        self.fifo.reset.next = self.resetting.q.val();
        self.fifo.push.next = self.pipeline.report.val();
        self.fifo.record_in.next = self.pipeline.report_record.val();
        self.fifo.echo_in.next = self.pipeline.report_is_echo.val();
        self.fifo.ready_out.next = self.out_ready.val();
        self.out_record.next = self.fifo.record_out.val();
        self.out_is_echo.next = self.fifo.echo_out.val();
        self.out_valid.next = self.fifo.valid_out.val();
        self.occupied.next = self.counts.occupied.val();
        self.idle.next = (self.running.q.val() & !(self.valid.q.val() | self.next_valid.q.val()))
            & (self.pipeline.empty.val() & !self.found.val());
        self.ecc_corrected.next = self.pipeline.corrected.val();
        self.ecc_uncorrected.next = self.pipeline.uncorrected.val();
    }
}
