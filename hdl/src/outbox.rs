//! Everything the lane says, in order: reports of the pipeline, answers of the control, counts of a sweep.

use crate::fifo::{self, OutputFifo};
use crate::record_writer::{self, Answer};
use crate::slot_word::SlotWord;
use crate::sweep_counter::SweepCounter;
use crate::width::{ACCOUNT_BITS, RECORD_BITS, SIZE_BITS};
use model::record::output;
use rust_hdl::prelude::*;

/// Clocks from an answer to `valid_out` of an empty queue; a report takes one less.
pub const LATENCY: u64 = record_writer::LATENCY + fifo::LATENCY;

/// Queue of records out with the writer of the control's answers before it.
///
/// Shape: one record per clock; the control answers only while no report is under way.
#[derive(LogicBlock)]
pub struct Outbox {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub report: Signal<In, Bit>,
    pub report_record: Signal<In, Bits<RECORD_BITS>>,
    pub start: Signal<In, Bit>,
    pub counted: Signal<In, Bit>,
    pub flagged: Signal<In, Bit>,
    pub asked: Signal<In, Bits<RECORD_BITS>>,
    pub slot_word: Signal<In, SlotWord>,
    pub echo: Signal<In, Bit>,
    pub is_resync: Signal<In, Bit>,
    pub error: Signal<In, Bit>,
    pub reason: Signal<In, Bits<8>>,
    pub receipt: Signal<In, Bit>,
    pub walk: Signal<In, Bit>,
    pub readback: Signal<In, Bit>,
    pub room: Signal<Out, Bit>,
    pub valid_out: Signal<Out, Bit>,
    pub record_out: Signal<Out, Bits<RECORD_BITS>>,
    pub ready_out: Signal<In, Bit>,
    counter: SweepCounter,
    answer: Answer,
    queue: OutputFifo,
    answered: DFF<Bit>,
    slot_size: Signal<Local, Bits<64>>,
    size_extension: Constant<Bits<64>>,
    fence_op: Constant<Bits<8>>,
    resync_op: Constant<Bits<8>>,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            size_extension: Constant::new(crate::sign::extension::<64>(SIZE_BITS)),
            fence_op: crate::record_check::code(output::FENCE_ECHO.op),
            resync_op: crate::record_check::code(output::RESYNC_ECHO.op),
            clock: Default::default(),
            reset: Default::default(),
            report: Default::default(),
            report_record: Default::default(),
            start: Default::default(),
            counted: Default::default(),
            flagged: Default::default(),
            asked: Default::default(),
            slot_word: Default::default(),
            echo: Default::default(),
            is_resync: Default::default(),
            error: Default::default(),
            reason: Default::default(),
            receipt: Default::default(),
            walk: Default::default(),
            readback: Default::default(),
            room: Default::default(),
            valid_out: Default::default(),
            record_out: Default::default(),
            ready_out: Default::default(),
            counter: Default::default(),
            answer: Default::default(),
            queue: Default::default(),
            answered: Default::default(),
            slot_size: Default::default(),
        }
    }
}

impl Logic for Outbox {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, answered);
        clock!(self, clock, counter, answer, queue);

        self.counter.start.next = self.start.val();
        self.counter.counted.next = self.counted.val();
        self.counter.flagged.next = self.flagged.val();

        self.slot_size.next = bit_cast::<64, SIZE_BITS>(self.slot_word.val().size);
        if self.slot_size.val().get_bit(40) {
            self.slot_size.next = self.slot_size.val() | self.size_extension.val();
        }
        self.answer.asked.next = self.asked.val();
        self.answer.echo.next = self.echo.val();
        self.answer.echo_op.next = self.fence_op.val();
        if self.is_resync.val() {
            self.answer.echo_op.next = self.resync_op.val();
        }
        self.answer.error.next = self.error.val();
        self.answer.reason.next = self.reason.val();
        self.answer.receipt.next = self.receipt.val();
        self.answer.walk.next = self.walk.val();
        self.answer.holders.next = self.counter.holders.val();
        self.answer.flag_count.next = self.counter.flag_count.val();
        self.answer.clocks.next = self.counter.clocks.val();
        self.answer.readback.next = self.readback.val();
        self.answer.account.next = bit_cast::<32, ACCOUNT_BITS>(self.slot_word.val().account);
        self.answer.size.next = self.slot_size.val();
        self.answered.d.next =
            (self.echo.val() | self.error.val()) | (self.receipt.val() | self.readback.val());
        if self.reset.val() {
            self.answered.d.next = false;
        }

        self.queue.reset.next = self.reset.val();
        self.queue.push.next = self.answered.q.val() | self.report.val();
        self.queue.record_in.next = self.report_record.val();
        if self.answered.q.val() {
            self.queue.record_in.next = self.answer.record.val();
        }
        self.queue.ready_out.next = self.ready_out.val();
        self.valid_out.next = self.queue.valid_out.val();
        self.record_out.next = self.queue.record_out.val();
        self.room.next = self.queue.room.val();
    }
}
