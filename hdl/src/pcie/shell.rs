//! The PCIe side without the machine: AXI4-Lite, rings, push window and interrupts around two streams of records.

use super::axi_lite::AxiLite;
use super::controller::Controller;
use super::interrupt::Interrupt;
use super::push_window::{self, PushWindow};
use super::register_file::{self, RegisterFile};
use super::ring_reader::RingReader;
use super::ring_writer::RingWriter;
use super::watchdog::Watchdog;
use super::{axi_lite, ring_reader};
use crate::config::BuildConfig;
use crate::width::RECORD_BITS;
use rust_hdl::prelude::*;

/// Clocks from a new IN_TAIL at the registers to the read's address at the bus.
pub const LATENCY: u64 = axi_lite::LATENCY + register_file::LATENCY + ring_reader::LATENCY;
/// Clocks from the acceptance of the push window's last word to the record at the machine's stream.
pub const PUSH_LATENCY: u64 = axi_lite::LATENCY + 1 + push_window::LATENCY + 1;

/// All of the bus side, in the bus clock.
///
/// Shape: `in_*` and `out_*` are the machine's streams; signals of the machine's state are synchronized outside.
#[derive(LogicBlock, Default)]
pub struct Shell {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,

    pub axil_awaddr: Signal<In, Bits<12>>,
    pub axil_awvalid: Signal<In, Bit>,
    pub axil_awready: Signal<Out, Bit>,
    pub axil_wdata: Signal<In, Bits<32>>,
    pub axil_wstrb: Signal<In, Bits<4>>,
    pub axil_wvalid: Signal<In, Bit>,
    pub axil_wready: Signal<Out, Bit>,
    pub axil_bresp: Signal<Out, Bits<2>>,
    pub axil_bvalid: Signal<Out, Bit>,
    pub axil_bready: Signal<In, Bit>,
    pub axil_araddr: Signal<In, Bits<12>>,
    pub axil_arvalid: Signal<In, Bit>,
    pub axil_arready: Signal<Out, Bit>,
    pub axil_rdata: Signal<Out, Bits<32>>,
    pub axil_rresp: Signal<Out, Bits<2>>,
    pub axil_rvalid: Signal<Out, Bit>,
    pub axil_rready: Signal<In, Bit>,

    pub axi_awaddr: Signal<Out, Bits<64>>,
    pub axi_awlen: Signal<Out, Bits<8>>,
    pub axi_awvalid: Signal<Out, Bit>,
    pub axi_awready: Signal<In, Bit>,
    pub axi_wdata: Signal<Out, Bits<RECORD_BITS>>,
    pub axi_wlast: Signal<Out, Bit>,
    pub axi_wvalid: Signal<Out, Bit>,
    pub axi_wready: Signal<In, Bit>,
    pub axi_bresp: Signal<In, Bits<2>>,
    pub axi_bvalid: Signal<In, Bit>,
    pub axi_bready: Signal<Out, Bit>,
    pub axi_araddr: Signal<Out, Bits<64>>,
    pub axi_arlen: Signal<Out, Bits<8>>,
    pub axi_arvalid: Signal<Out, Bit>,
    pub axi_arready: Signal<In, Bit>,
    pub axi_rdata: Signal<In, Bits<RECORD_BITS>>,
    pub axi_rresp: Signal<In, Bits<2>>,
    pub axi_rvalid: Signal<In, Bit>,

    pub irq_request: Signal<Out, Bit>,
    pub irq_accept: Signal<In, Bit>,

    pub in_record: Signal<Out, Bits<RECORD_BITS>>,
    pub in_valid: Signal<Out, Bit>,
    pub in_ready: Signal<In, Bit>,
    pub out_record: Signal<In, Bits<RECORD_BITS>>,
    pub out_valid: Signal<In, Bit>,
    pub out_ready: Signal<Out, Bit>,
    pub machine_reset: Signal<Out, Bit>,
    pub machine_in_reset: Signal<In, Bit>,
    pub machine_ready: Signal<In, Bit>,
    /// Changes every 1,024 clocks of the machine.
    pub machine_beat: Signal<In, Bit>,
    pub ecc_corrected: Signal<In, Bits<32>>,
    pub ecc_uncorrected: Signal<In, Bits<32>>,
    /// Resets the bus side of the crossings.
    pub clear: Signal<Out, Bit>,

    slave: AxiLite,
    registers: RegisterFile,
    controller: Controller,
    watchdog: Watchdog,
    interrupt: Interrupt,
    push_window: PushWindow,
    reader: RingReader,
    writer: RingWriter,
    held: DFF<Bits<RECORD_BITS>>,
    held_valid: DFF<Bit>,
    drained: DFF<Bit>,
    heartbeat: DFF<Bits<32>>,
    last_beat: DFF<Bit>,
    transfers: DFF<Bit>,
    runs_in: DFF<Bit>,
    runs_out: DFF<Bit>,
    takes: Signal<Local, Bit>,
    outstanding: Signal<Local, Bit>,
    shown_status: Signal<Local, Bits<32>>,
}

impl Shell {
    pub fn new(config: &BuildConfig) -> Self {
        Self { registers: RegisterFile::new(config), ..Default::default() }
    }
}

impl Logic for Shell {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, held, held_valid, drained, heartbeat, last_beat, transfers, runs_in, runs_out
        );
        clock!(self, clock, slave, registers, controller, watchdog, interrupt, push_window, reader, writer);

        self.slave.awaddr.next = self.axil_awaddr.val();
        self.slave.awvalid.next = self.axil_awvalid.val();
        self.axil_awready.next = self.slave.awready.val();
        self.slave.wdata.next = self.axil_wdata.val();
        self.slave.wstrb.next = self.axil_wstrb.val();
        self.slave.wvalid.next = self.axil_wvalid.val();
        self.axil_wready.next = self.slave.wready.val();
        self.axil_bresp.next = self.slave.bresp.val();
        self.axil_bvalid.next = self.slave.bvalid.val();
        self.slave.bready.next = self.axil_bready.val();
        self.slave.araddr.next = self.axil_araddr.val();
        self.slave.arvalid.next = self.axil_arvalid.val();
        self.axil_arready.next = self.slave.arready.val();
        self.axil_rdata.next = self.slave.rdata.val();
        self.axil_rresp.next = self.slave.rresp.val();
        self.axil_rvalid.next = self.slave.rvalid.val();
        self.slave.rready.next = self.axil_rready.val();
        self.slave.reset.next = self.reset.val();
        self.registers.write.next = self.slave.write.val();
        self.registers.write_address.next = self.slave.write_address.val();
        self.registers.write_data.next = self.slave.write_data.val();
        self.registers.write_strobe.next = self.slave.write_strobe.val();
        self.slave.write_done.next = self.registers.write_done.val();
        self.slave.write_response.next = self.registers.write_response.val();
        self.registers.read.next = self.slave.read.val();
        self.registers.read_address.next = self.slave.read_address.val();
        self.slave.read_done.next = self.registers.read_done.val();
        self.slave.read_data.next = self.registers.read_data.val();
        self.slave.read_response.next = self.registers.read_response.val();

        // Reset and who may run.
        self.outstanding.next = self.reader.outstanding.val() | self.writer.outstanding.val();
        self.controller.reset.next = self.reset.val();
        self.controller.soft_reset.next = self.registers.soft_reset.val();
        self.controller.outstanding.next = self.outstanding.val();
        self.controller.machine_in_reset.next = self.machine_in_reset.val();
        self.controller.machine_ready.next = self.machine_ready.val();
        self.machine_reset.next = self.controller.machine_reset.val();
        self.clear.next = self.controller.clear.val();
        self.watchdog.reset.next = self.controller.clear.val();
        self.watchdog.run.next = self.registers.enabled.val();
        self.watchdog.beat.next = self.registers.host_beat.val();
        self.watchdog.restart.next = self.registers.enables.val();
        self.watchdog.limit.next = self.registers.watchdog.val();
        self.runs_out.d.next =
            (self.controller.running.val() & self.registers.enabled.val()) & !self.watchdog.lost.val();
        self.runs_in.d.next = ((self.controller.running.val() & self.registers.enabled.val())
            & !self.watchdog.lost.val())
            & !self.registers.quiesced.val();

        // Records in.
        self.reader.reset.next = self.controller.clear.val();
        self.reader.run.next = self.runs_in.q.val();
        self.reader.base.next = self.registers.in_base.val();
        self.reader.mask.next = self.registers.in_mask.val();
        self.reader.tail.next = self.registers.in_tail.val();
        self.axi_araddr.next = self.reader.araddr.val();
        self.axi_arlen.next = self.reader.arlen.val();
        self.axi_arvalid.next = self.reader.arvalid.val();
        self.reader.arready.next = self.axi_arready.val();
        self.reader.rdata.next = self.axi_rdata.val();
        self.reader.rresp.next = self.axi_rresp.val();
        self.reader.rvalid.next = self.axi_rvalid.val();
        self.push_window.reset.next = self.controller.clear.val();
        self.push_window.open.next = self.runs_in.q.val() & self.drained.q.val();
        self.push_window.write.next = self.registers.push.val();
        self.push_window.place.next = self.registers.push_place.val();
        self.push_window.word.next = self.registers.push_word.val();
        self.takes.next = !self.held_valid.q.val() | self.in_ready.val();
        self.push_window.ready_out.next = self.takes.val();
        self.reader.ready_out.next = self.takes.val() & !self.push_window.valid_out.val();
        if self.takes.val() {
            self.held_valid.d.next = self.push_window.valid_out.val() | self.reader.valid_out.val();
            self.held.d.next = self.reader.record_out.val();
            if self.push_window.valid_out.val() {
                self.held.d.next = self.push_window.record_out.val();
            }
        }
        if self.controller.clear.val() {
            self.held_valid.d.next = false;
        }
        self.in_record.next = self.held.q.val();
        self.in_valid.next = self.held_valid.q.val();
        self.drained.d.next = (self.reader.empty.val() & !self.held_valid.q.val())
            & (!self.push_window.valid_out.val() & (self.reader.head.val() == self.registers.in_tail.val()));

        // Records out.
        self.writer.reset.next = self.controller.clear.val();
        self.writer.run.next = self.runs_out.q.val();
        self.writer.base.next = self.registers.out_base.val();
        self.writer.mask.next = self.registers.out_mask.val();
        self.writer.index_base.next = self.registers.index_base.val();
        // STATUS_QUIET would end with the record's own write and so ask for the next.
        self.shown_status.next = self.registers.status.val().replace_bit(2, false);
        self.writer.index_rest.next = bit_cast::<96, 32>(self.reader.head.val())
            | ((bit_cast::<96, 32>(self.shown_status.val()) << 32)
                | (bit_cast::<96, 32>(self.heartbeat.q.val()) << 64));
        self.writer.head.next = self.registers.out_head.val();
        self.writer.record_in.next = self.out_record.val();
        self.writer.valid_in.next = self.out_valid.val();
        self.out_ready.next = self.writer.ready_in.val();
        self.axi_awaddr.next = self.writer.awaddr.val();
        self.axi_awlen.next = self.writer.awlen.val();
        self.axi_awvalid.next = self.writer.awvalid.val();
        self.writer.awready.next = self.axi_awready.val();
        self.axi_wdata.next = self.writer.wdata.val();
        self.axi_wlast.next = self.writer.wlast.val();
        self.axi_wvalid.next = self.writer.wvalid.val();
        self.writer.wready.next = self.axi_wready.val();
        self.writer.bresp.next = self.axi_bresp.val();
        self.writer.bvalid.next = self.axi_bvalid.val();
        self.axi_bready.next = self.writer.bready.val();
        self.interrupt.reset.next = self.controller.clear.val();
        self.interrupt.arm.next = self.registers.arm.val();
        self.interrupt.index.next = self.registers.arm_index.val();
        self.interrupt.interval.next = self.registers.interval.val();
        self.interrupt.shown.next = self.writer.shown.val();
        self.interrupt.accept.next = self.irq_accept.val();
        self.irq_request.next = self.interrupt.request.val();

        // What the registers show.
        self.registers.reset.next = self.reset.val();
        self.registers.clear.next = self.controller.clear.val();
        self.registers.running.next = self.controller.running.val();
        self.registers.outstanding.next = self.transfers.q.val();
        self.registers.drained.next = self.drained.q.val();
        self.registers.read_fault.next = self.reader.fault.val();
        self.registers.write_fault.next = self.writer.fault.val();
        self.registers.host_lost.next = self.watchdog.lost.val();
        self.registers.full.next = self.writer.full.val();
        self.registers.heartbeat.next = self.heartbeat.q.val();
        self.registers.in_head.next = self.reader.head.val();
        self.registers.out_tail.next = self.writer.tail.val();
        self.registers.ecc_corrected.next = self.ecc_corrected.val();
        self.registers.ecc_uncorrected.next = self.ecc_uncorrected.val();
        self.registers.read_error.next = self.reader.error.val();
        self.registers.write_error.next = self.writer.error.val();
        self.registers.record_in.next = self.held_valid.q.val() & self.in_ready.val();
        self.registers.record_out.next = self.out_valid.val() & self.writer.ready_in.val();
        self.registers.push_refused.next = self.push_window.refused.val();
        self.transfers.d.next = self.outstanding.val();
        self.last_beat.d.next = self.machine_beat.val();
        if self.machine_beat.val() ^ self.last_beat.q.val() {
            self.heartbeat.d.next = self.heartbeat.q.val() + 1;
        }
        if self.reset.val() {
            self.heartbeat.d.next = 0.into();
        }
    }
}
