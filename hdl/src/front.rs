//! The front: judges the records one after the other and tells the lanes what to do with them.

use crate::command::{InstrumentWord, Kind};
use crate::config::BuildConfig;
use crate::instrument_table::InstrumentTable;
use crate::operation::{Operation, OperationDecoder};
use crate::record_check::{RecordCheck, bound, code};
use crate::record_slicer::RecordSlicer;
use crate::settings::Settings;
use crate::state_check::{self, StateCheck};
use crate::tier_rules::{self, TierRules};
use crate::unused_bits::UnusedBits;
use crate::width::{ACCOUNT_BITS, INSTRUMENT_BITS, RECORD_BITS, SCALE_BITS, SLOT_COUNT_BITS};
use model::record::{self, Reason};
use rust_hdl::prelude::*;

/// Clocks from a record at `in_valid` and `in_ready` to its command: capture, ranges, decision.
/// SETTING, INSTRUMENT and TIER take [`SLOW_CLOCKS`] more, and a commit waits until the lanes are idle.
pub const LATENCY: u64 = 3;
/// Clocks that a SETTING, INSTRUMENT or TIER stays longer before the decision.
pub const SLOW_CLOCKS: u64 = 4;

const _: () = assert!(SLOW_CLOCKS >= tier_rules::LATENCY && SLOW_CLOCKS >= state_check::SLOW_LATENCY + 2);

/// Decodes, checks reasons 1 to 7, keeps the state that they need, and commands the lanes.
///
/// Shape: records in on a ready/valid stream, commands out on another, in the same order. One record per clock; the one
/// behind a SETTING, INSTRUMENT, TIER or MARK follows two clocks later than that one left, so that it sees the effect. Each
/// record gives one command; SETTING of S and INSTRUMENT without commit, if accepted, give none. A refused record is
/// a command for lane 0.
/// `command_ready`: all lanes that the command is for are ready. `lanes_idle` falls no later than the clock after a
/// command was taken. `occupied` is right while they are idle.
#[derive(LogicBlock)]
pub struct Front {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub in_record: Signal<In, Bits<RECORD_BITS>>,
    pub in_valid: Signal<In, Bit>,
    pub in_ready: Signal<Out, Bit>,
    pub command_record: Signal<Out, Bits<RECORD_BITS>>,
    /// Row of the account in its lane.
    pub command_row: Signal<Out, Bits<ACCOUNT_BITS>>,
    pub command_kind: Signal<Out, Kind>,
    pub command_reason: Signal<Out, Bits<8>>,
    /// The record's instrument before the record's effect.
    pub command_word: Signal<Out, InstrumentWord>,
    pub command_valid: Signal<Out, Bit>,
    pub command_lane: Signal<Out, Bits<3>>,
    pub command_broadcast: Signal<Out, Bit>,
    pub command_ready: Signal<In, Bit>,
    pub scale: Signal<Out, Bits<SCALE_BITS>>,
    pub lanes_idle: Signal<In, Bit>,
    /// Instruments with live slots in some lane.
    pub occupied: Signal<In, Bits<16>>,
    decoder: OperationDecoder,
    unused_bits: UnusedBits,
    record_check: RecordCheck,
    state_check: StateCheck,
    tier_rules: TierRules,
    instruments: InstrumentTable,
    settings: Settings,
    clearing: DFF<Bit>,
    clear_index: DFF<Bits<INSTRUMENT_BITS>>,
    // The record as captured, and its operation.
    captured: DFF<Bits<RECORD_BITS>>,
    captured_operation: DFF<Operation>,
    captured_kind: DFF<Kind>,
    captured_valid: DFF<Bit>,
    // The record that is judged.
    record: DFF<Bits<RECORD_BITS>>,
    operation: DFF<Operation>,
    kind: DFF<Kind>,
    valid: DFF<Bit>,
    following: DFF<Bits<32>>,
    phase: DFF<Bits<3>>,
    // The command.
    out_record: DFF<Bits<RECORD_BITS>>,
    out_row: DFF<Bits<ACCOUNT_BITS>>,
    out_kind: DFF<Kind>,
    out_reason: DFF<Bits<8>>,
    out_word: DFF<InstrumentWord>,
    out_valid: DFF<Bit>,
    out_lane: DFF<Bits<3>>,
    out_broadcast: DFF<Bit>,
    expected: DFF<Bits<32>>,
    locked: DFF<Bit>,
    /// The judged record is to be written into what the front keeps.
    accepted: DFF<Bit>,
    segments_end: DFF<Bits<SLOT_COUNT_BITS>>,
    captured_fields: RecordSlicer,
    fields: RecordSlicer,
    ready: Signal<Local, Bit>,
    advance: Signal<Local, Bit>,
    settled: Signal<Local, Bit>,
    decide: Signal<Local, Bit>,
    accept: Signal<Local, Bit>,
    unused_set: Signal<Local, Bit>,
    out_of_range: Signal<Local, Bit>,
    free: Signal<Local, Bit>,
    out_of_order: Signal<Local, Bit>,
    shut: Signal<Local, Bit>,
    sound: Signal<Local, Bit>,
    reason: Signal<Local, Bits<8>>,
    row: Signal<Local, Bits<32>>,
    lane: Signal<Local, Bits<3>>,
    commits: Signal<Local, Bit>,
    lane_shift: Constant<Bits<2>>,
    lane_mask: Constant<Bits<3>>,
    last_instrument: Constant<Bits<INSTRUMENT_BITS>>,
    last_phase: Constant<Bits<3>>,
    locked_reason: Constant<Bits<8>>,
    sequence_reason: Constant<Bits<8>>,
    operation_reason: Constant<Bits<8>>,
    unused_reason: Constant<Bits<8>>,
    scale_reason: Constant<Bits<8>>,
    range_reason: Constant<Bits<8>>,
    state_reason: Constant<Bits<8>>,
    instrument_lsb: Constant<Bits<8>>,
}

impl Front {
    pub fn new(config: &BuildConfig) -> Self {
        Self {
            record_check: RecordCheck::new(config),
            state_check: StateCheck::new(config.slots),
            tier_rules: TierRules::new(config.instruments.into()),
            instruments: InstrumentTable::new(config.instruments.into()),
            lane_shift: bound(config.lanes.ilog2().into()),
            lane_mask: bound(u64::from(config.lanes) - 1),
            last_instrument: bound(u64::from(config.instruments) - 1),
            last_phase: bound(SLOW_CLOCKS),
            locked_reason: code(Reason::Locked as u8),
            sequence_reason: code(Reason::Sequence as u8),
            operation_reason: code(Reason::Operation as u8),
            unused_reason: code(Reason::UnusedBits as u8),
            scale_reason: code(Reason::ScaleNotSet as u8),
            range_reason: code(Reason::FieldRange as u8),
            state_reason: code(Reason::State as u8),
            instrument_lsb: bound(record::INSTRUMENT.lsb as u64),
            clock: Default::default(),
            reset: Default::default(),
            in_record: Default::default(),
            in_valid: Default::default(),
            in_ready: Default::default(),
            command_record: Default::default(),
            command_row: Default::default(),
            command_kind: Default::default(),
            command_reason: Default::default(),
            command_word: Default::default(),
            command_valid: Default::default(),
            command_lane: Default::default(),
            command_broadcast: Default::default(),
            command_ready: Default::default(),
            scale: Default::default(),
            lanes_idle: Default::default(),
            occupied: Default::default(),
            decoder: Default::default(),
            unused_bits: Default::default(),
            settings: Default::default(),
            clearing: Default::default(),
            clear_index: Default::default(),
            captured: Default::default(),
            captured_operation: Default::default(),
            captured_kind: Default::default(),
            captured_valid: Default::default(),
            record: Default::default(),
            operation: Default::default(),
            kind: Default::default(),
            valid: Default::default(),
            following: Default::default(),
            phase: Default::default(),
            out_record: Default::default(),
            out_row: Default::default(),
            out_kind: Default::default(),
            out_reason: Default::default(),
            out_word: Default::default(),
            out_valid: Default::default(),
            out_lane: Default::default(),
            out_broadcast: Default::default(),
            expected: Default::default(),
            locked: Default::default(),
            accepted: Default::default(),
            out_of_order: Default::default(),
            shut: Default::default(),
            sound: Default::default(),
            segments_end: Default::default(),
            captured_fields: Default::default(),
            fields: Default::default(),
            ready: Default::default(),
            advance: Default::default(),
            settled: Default::default(),
            decide: Default::default(),
            accept: Default::default(),
            unused_set: Default::default(),
            out_of_range: Default::default(),
            free: Default::default(),
            reason: Default::default(),
            row: Default::default(),
            lane: Default::default(),
            commits: Default::default(),
        }
    }
}

impl Logic for Front {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            clearing,
            clear_index,
            captured,
            captured_operation,
            captured_kind,
            captured_valid,
            record,
            operation,
            kind,
            valid,
            following,
            phase,
            out_record,
            out_row,
            out_kind,
            out_reason,
            out_word,
            out_valid,
            out_lane,
            out_broadcast,
            expected,
            locked,
            accepted,
            segments_end
        );
        clock!(self, clock, unused_bits, record_check, state_check, tier_rules, instruments, settings);

        // Who moves. The state is read on the way to the decision, so nobody enters while a record that may
        // write it is there.
        self.settled.next = !self.operation.q.val().slow | (self.phase.q.val() == self.last_phase.val());
        self.decide.next =
            (self.valid.q.val() & self.settled.val()) & (!self.out_valid.q.val() | self.command_ready.val());
        self.advance.next = (self.captured_valid.q.val() & !self.accepted.q.val())
            & (!self.valid.q.val() | (self.decide.val() & !self.operation.q.val().writes));
        self.ready.next = (!self.captured_valid.q.val() | self.advance.val()) & !self.clearing.q.val();
        self.in_ready.next = self.ready.val();

        // Capture.
        self.decoder.record.next = self.in_record.val();
        if self.ready.val() {
            self.captured.d.next = self.in_record.val();
            self.captured_operation.d.next = self.decoder.operation.val();
            self.captured_kind.d.next = self.decoder.kind.val();
            self.captured_valid.d.next = self.in_valid.val();
        }

        // What the record alone tells, and its instrument.
        self.captured_fields.record.next = self.captured.q.val();
        self.unused_bits.load.next = self.advance.val();
        self.unused_bits.record.next = self.captured.q.val();
        self.unused_bits.setting.next = self.captured_operation.q.val().setting;
        self.unused_bits.instrument.next = self.captured_operation.q.val().instrument;
        self.unused_bits.tier.next = self.captured_operation.q.val().tier;
        self.unused_bits.mark.next = self.captured_operation.q.val().mark;
        self.unused_bits.funding.next = self.captured_operation.q.val().funding;
        self.unused_bits.position.next = self.captured_operation.q.val().position;
        self.unused_bits.reload.next = self.captured_operation.q.val().reload;
        self.unused_bits.cash.next = self.captured_operation.q.val().cash;
        self.unused_bits.offset.next = self.captured_operation.q.val().offset;
        self.unused_bits.load_account.next = self.captured_operation.q.val().load;
        self.unused_bits.move_slot.next = self.captured_operation.q.val().move_slot;
        self.unused_bits.read_account.next = self.captured_operation.q.val().read_account;
        self.unused_bits.read_slot.next = self.captured_operation.q.val().read_slot;
        self.unused_bits.token.next =
            self.captured_operation.q.val().fence | self.captured_operation.q.val().resync;
        self.record_check.load.next = self.advance.val();
        self.record_check.record.next = self.captured.q.val();
        self.record_check.operation.next = self.captured_operation.q.val();
        self.record_check.scale.next = self.settings.settings.val().scale;
        self.state_check.load.next = self.advance.val();
        self.state_check.following.next = self.captured.q.val();
        self.instruments.read.next = self.advance.val();
        self.instruments.read_index.next =
            self.captured.q.val().get_bits::<INSTRUMENT_BITS>(self.instrument_lsb.val().index());
        if self.advance.val() {
            self.record.d.next = self.captured.q.val();
            self.operation.d.next = self.captured_operation.q.val();
            self.kind.d.next = self.captured_kind.q.val();
            self.following.d.next = self.captured_fields.number.val() + 1;
        }
        self.valid.d.next = self.advance.val() | (self.valid.q.val() & !self.decide.val());

        // A slow operation counts its clocks; a commit begins when the lanes have been idle for two.
        self.commits.next = self.operation.q.val().commits;
        if (self.valid.q.val() & self.operation.q.val().slow) & !self.settled.val() {
            self.phase.d.next = self.phase.q.val() + 1;
            if (self.commits.val() & (self.phase.q.val() <= 1))
                & (self.out_valid.q.val() | !self.lanes_idle.val())
            {
                self.phase.d.next = 0.into();
            }
        }
        if self.decide.val() {
            self.phase.d.next = 0.into();
        }

        // The decision. The last assignment wins: the first check comes last.
        self.fields.record.next = self.record.q.val();
        self.state_check.record.next = self.record.q.val();
        self.state_check.operation.next = self.operation.q.val();
        self.state_check.word.next = self.instruments.word.val();
        self.state_check.settings.next = self.settings.settings.val();
        self.state_check.segments_end.next = self.segments_end.q.val();
        self.state_check.occupied.next = self.occupied.val();
        self.unused_set.next = self.unused_bits.found.val().any();
        self.out_of_range.next = ((self.record_check.found.val().instrument
            | self.record_check.found.val().account)
            | (self.record_check.found.val().setting | self.record_check.found.val().weight_long))
            | ((self.record_check.found.val().weight_short | self.record_check.found.val().header)
                | (self.record_check.found.val().tier | self.record_check.found.val().rate))
            | ((self.record_check.found.val().price | self.record_check.found.val().index_delta)
                | (self.record_check.found.val().size | self.record_check.found.val().offset));
        self.free.next = self.operation.q.val().resync & !self.unused_set.val();
        self.reason.next = 0.into();
        if self.state_check.refused.val() {
            self.reason.next = self.state_reason.val();
        }
        if self.out_of_range.val() {
            self.reason.next = self.range_reason.val();
        }
        if (!self.settings.settings.val().scale_set) & (!self.operation.q.val().needs_no_scale) {
            self.reason.next = self.scale_reason.val();
        }
        if self.unused_set.val() {
            self.reason.next = self.unused_reason.val();
        }
        if !self.operation.q.val().known {
            self.reason.next = self.operation_reason.val();
        }
        self.out_of_order.next = !self.free.val() & (self.fields.number.val() != self.expected.q.val());
        self.shut.next = !self.free.val() & self.locked.q.val();
        if self.out_of_order.val() {
            self.reason.next = self.sequence_reason.val();
        }
        if self.shut.val() {
            self.reason.next = self.locked_reason.val();
        }
        self.sound.next = (self.operation.q.val().known & !self.unused_set.val())
            & (self.settings.settings.val().scale_set | self.operation.q.val().needs_no_scale);
        self.accept.next = ((self.decide.val() & self.sound.val())
            & !(self.out_of_range.val() | self.state_check.refused.val()))
            & !(self.out_of_order.val() | self.shut.val());

        // Its effect on what the front keeps: the number at once, the rest one clock later, while nobody enters.
        if self.decide.val() & !self.shut.val() {
            if self.out_of_order.val() {
                self.locked.d.next = true;
            } else {
                self.expected.d.next = self.following.q.val();
            }
        }
        self.accepted.d.next = self.accept.val() & self.operation.q.val().writes;
        if self.accept.val() & self.operation.q.val().resync {
            self.locked.d.next = false;
        }
        self.settings.reset.next = self.reset.val();
        self.settings.write.next = self.accepted.q.val() & self.operation.q.val().setting;
        self.settings.index.next = self.fields.instrument.val();
        self.settings.value.next = self.fields.setting.val();
        self.tier_rules.record.next = self.record.q.val();
        self.tier_rules.phase.next = self.phase.q.val();
        self.tier_rules.write.next = self.accepted.q.val() & self.operation.q.val().tier;
        self.tier_rules.rises_before.next = self.instruments.word.val().rises;
        self.tier_rules.zero_before.next = self.instruments.word.val().starts_at_zero;
        self.instruments.record.next = self.record.q.val();
        self.instruments.scale.next = self.settings.settings.val().scale;
        self.instruments.set_mark.next = self.accepted.q.val() & self.operation.q.val().mark;
        self.instruments.commit.next = self.accepted.q.val() & self.commits.val();
        self.instruments.write_step.next = self.accepted.q.val() & self.operation.q.val().tier;
        self.instruments.rises.next = self.tier_rules.rises.val();
        self.instruments.starts_at_zero.next = self.tier_rules.starts_at_zero.val();
        self.instruments.clear.next = self.clearing.q.val();
        self.instruments.clear_index.next = self.clear_index.q.val();
        if (self.accepted.q.val() & self.commits.val())
            & (self.state_check.segment_end.val() > self.segments_end.q.val())
        {
            self.segments_end.d.next = self.state_check.segment_end.val();
        }

        // The command.
        self.row.next = self.fields.account.val() >> self.lane_shift.val();
        self.lane.next = self.fields.account.val().get_bits::<3>(0) & self.lane_mask.val();
        if self.out_valid.q.val() & self.command_ready.val() {
            self.out_valid.d.next = false;
        }
        if self.decide.val() {
            self.out_valid.d.next = !(self.accept.val() & self.operation.q.val().silent);
            self.out_record.d.next = self.record.q.val();
            self.out_row.d.next = self.row.val().get_bits::<ACCOUNT_BITS>(0);
            self.out_kind.d.next = Kind::Refuse;
            self.out_reason.d.next = self.reason.val();
            self.out_lane.d.next = 0.into();
            self.out_broadcast.d.next = false;
            if self.accept.val() {
                self.out_kind.d.next = self.kind.q.val();
                self.out_broadcast.d.next = self.operation.q.val().broadcast;
                if !self.operation.q.val().broadcast {
                    self.out_lane.d.next = self.lane.val();
                }
            }
            self.out_word.d.next.weight_long = self.instruments.word.val().weight_long;
            self.out_word.d.next.weight_short = self.instruments.word.val().weight_short;
            self.out_word.d.next.slot_base = self.instruments.word.val().slot_base;
            self.out_word.d.next.capacity = self.instruments.word.val().capacity;
            self.out_word.d.next.tier_count = self.instruments.word.val().tier_count;
            self.out_word.d.next.bank = self.instruments.word.val().bank;
            self.out_word.d.next.mark = self.instruments.word.val().mark;
        }
        self.command_record.next = self.out_record.q.val();
        self.command_row.next = self.out_row.q.val();
        self.command_kind.next = self.out_kind.q.val();
        self.command_reason.next = self.out_reason.q.val();
        self.command_word.next = self.out_word.q.val();
        self.command_valid.next = self.out_valid.q.val();
        self.command_lane.next = self.out_lane.q.val();
        self.command_broadcast.next = self.out_broadcast.q.val();
        self.scale.next = self.settings.settings.val().scale;

        // The table is cleared word by word.
        self.clear_index.d.next = self.clear_index.q.val() + 1;
        if self.clear_index.q.val() == self.last_instrument.val() {
            self.clearing.d.next = false;
        }
        if self.reset.val() {
            self.clearing.d.next = true;
            self.accepted.d.next = false;
            self.clear_index.d.next = 0.into();
            self.captured_valid.d.next = false;
            self.valid.d.next = false;
            self.out_valid.d.next = false;
            self.phase.d.next = 0.into();
            self.expected.d.next = 0.into();
            self.locked.d.next = true;
            self.segments_end.d.next = 0.into();
        }
    }
}
