//! The PCIe-side top: the bus side and the in-line machine, each in its clock, with the crossings between them.

use super::heartbeat::Heartbeat;
use super::shell::Shell;
use crate::config::BuildConfig;
use crate::emit::{self, modules};
use rust_hdl::core::prelude::*;

/// The top module's name.
pub const TOP: &str = "backstop_pcie";
const SHELL_MODULE: &str = "backstop_pcie_shell";
const HEARTBEAT_MODULE: &str = "backstop_heartbeat";

/// The crossings between the clocks.
pub const CROSSINGS: &str = include_str!("../../verilog/crossing.v");

/// Verilog of the PCIe-side top with all that is below it, ready for Verilator.
pub fn emit(config: BuildConfig) -> String {
    design(config) + CROSSINGS + &emit::emit(config)
}

/// Verilog of the PCIe-side top without the machine ([`emit::design`]), the crossings and the primitives.
///
/// Shape: module [`TOP`] with `s_axil_*`, `m_axi_*`, an interrupt handshake, the bus clock and the machine's clock. The same `config` always gives
/// the same text.
pub fn design(config: BuildConfig) -> String {
    config.assert_fits();
    let mut shell = Shell::new(&config);
    shell.connect_all();
    let mut heartbeat = Heartbeat::default();
    heartbeat.connect_all();
    let (shell, heartbeat) = (modules(&shell, SHELL_MODULE), modules(&heartbeat, HEARTBEAT_MODULE));
    let machine = emit::TOP;
    format!(
        "// Backstop, PCIe side. Written by `make hdl`; do not edit.
/* verilator lint_off WIDTH */
/* verilator lint_off UNSIGNED */

module {TOP}(
    input wire axi_clk,
    input wire axi_rst,
    input wire core_clk,

    input wire [11:0] s_axil_awaddr,
    input wire [2:0] s_axil_awprot,
    input wire s_axil_awvalid,
    output wire s_axil_awready,
    input wire [31:0] s_axil_wdata,
    input wire [3:0] s_axil_wstrb,
    input wire s_axil_wvalid,
    output wire s_axil_wready,
    output wire [1:0] s_axil_bresp,
    output wire s_axil_bvalid,
    input wire s_axil_bready,
    input wire [11:0] s_axil_araddr,
    input wire [2:0] s_axil_arprot,
    input wire s_axil_arvalid,
    output wire s_axil_arready,
    output wire [31:0] s_axil_rdata,
    output wire [1:0] s_axil_rresp,
    output wire s_axil_rvalid,
    input wire s_axil_rready,

    output wire [0:0] m_axi_awid,
    output wire [63:0] m_axi_awaddr,
    output wire [7:0] m_axi_awlen,
    output wire [2:0] m_axi_awsize,
    output wire [1:0] m_axi_awburst,
    output wire m_axi_awlock,
    output wire [3:0] m_axi_awcache,
    output wire [2:0] m_axi_awprot,
    output wire m_axi_awvalid,
    input wire m_axi_awready,
    output wire [255:0] m_axi_wdata,
    output wire [31:0] m_axi_wstrb,
    output wire m_axi_wlast,
    output wire m_axi_wvalid,
    input wire m_axi_wready,
    input wire [0:0] m_axi_bid,
    input wire [1:0] m_axi_bresp,
    input wire m_axi_bvalid,
    output wire m_axi_bready,
    output wire [0:0] m_axi_arid,
    output wire [63:0] m_axi_araddr,
    output wire [7:0] m_axi_arlen,
    output wire [2:0] m_axi_arsize,
    output wire [1:0] m_axi_arburst,
    output wire m_axi_arlock,
    output wire [3:0] m_axi_arcache,
    output wire [2:0] m_axi_arprot,
    output wire m_axi_arvalid,
    input wire m_axi_arready,
    input wire [0:0] m_axi_rid,
    input wire [255:0] m_axi_rdata,
    input wire [1:0] m_axi_rresp,
    input wire m_axi_rlast,
    input wire m_axi_rvalid,
    output wire m_axi_rready,

    output wire irq_request,
    input wire irq_accept
);
    // Everything the master asks for is of whole, incrementing, bufferable words of 32 bytes, in order.
    assign m_axi_awid = 1'b0;
    assign m_axi_awsize = 3'd5;
    assign m_axi_awburst = 2'b01;
    assign m_axi_awlock = 1'b0;
    assign m_axi_awcache = 4'b0011;
    assign m_axi_awprot = 3'b000;
    assign m_axi_wstrb = {{32{{1'b1}}}};
    assign m_axi_arid = 1'b0;
    assign m_axi_arsize = 3'd5;
    assign m_axi_arburst = 2'b01;
    assign m_axi_arlock = 1'b0;
    assign m_axi_arcache = 4'b0011;
    assign m_axi_arprot = 3'b000;
    assign m_axi_rready = 1'b1;

    wire [255:0] in_record, out_record, core_in, core_out;
    wire in_valid, in_ready, out_valid, out_ready;
    wire core_in_valid, core_in_ready, core_out_valid, core_out_ready;
    wire machine_reset, core_reset, machine_in_reset, machine_ready, core_beat, machine_beat, clear;
    wire [31:0] core_corrected, core_uncorrected, ecc_corrected, ecc_uncorrected;

    {SHELL_MODULE} shell(
        .clock(axi_clk),
        .reset(axi_rst),
        .axil_awaddr(s_axil_awaddr),
        .axil_awvalid(s_axil_awvalid),
        .axil_awready(s_axil_awready),
        .axil_wdata(s_axil_wdata),
        .axil_wstrb(s_axil_wstrb),
        .axil_wvalid(s_axil_wvalid),
        .axil_wready(s_axil_wready),
        .axil_bresp(s_axil_bresp),
        .axil_bvalid(s_axil_bvalid),
        .axil_bready(s_axil_bready),
        .axil_araddr(s_axil_araddr),
        .axil_arvalid(s_axil_arvalid),
        .axil_arready(s_axil_arready),
        .axil_rdata(s_axil_rdata),
        .axil_rresp(s_axil_rresp),
        .axil_rvalid(s_axil_rvalid),
        .axil_rready(s_axil_rready),
        .axi_awaddr(m_axi_awaddr),
        .axi_awlen(m_axi_awlen),
        .axi_awvalid(m_axi_awvalid),
        .axi_awready(m_axi_awready),
        .axi_wdata(m_axi_wdata),
        .axi_wlast(m_axi_wlast),
        .axi_wvalid(m_axi_wvalid),
        .axi_wready(m_axi_wready),
        .axi_bresp(m_axi_bresp),
        .axi_bvalid(m_axi_bvalid),
        .axi_bready(m_axi_bready),
        .axi_araddr(m_axi_araddr),
        .axi_arlen(m_axi_arlen),
        .axi_arvalid(m_axi_arvalid),
        .axi_arready(m_axi_arready),
        .axi_rdata(m_axi_rdata),
        .axi_rresp(m_axi_rresp),
        .axi_rvalid(m_axi_rvalid),
        .irq_request(irq_request),
        .irq_accept(irq_accept),
        .in_record(in_record),
        .in_valid(in_valid),
        .in_ready(in_ready),
        .out_record(out_record),
        .out_valid(out_valid),
        .out_ready(out_ready),
        .machine_reset(machine_reset),
        .machine_in_reset(machine_in_reset),
        .machine_ready(machine_ready),
        .machine_beat(machine_beat),
        .ecc_corrected(ecc_corrected),
        .ecc_uncorrected(ecc_uncorrected),
        .clear(clear)
    );

    backstop_crossing_bit reset_there(.clock(core_clk), .level(machine_reset), .seen(core_reset));
    backstop_crossing_bit reset_back(.clock(axi_clk), .level(core_reset), .seen(machine_in_reset));
    backstop_crossing_bit ready(.clock(axi_clk), .level(core_ready), .seen(machine_ready));
    backstop_crossing_bit beat(.clock(axi_clk), .level(core_beat), .seen(machine_beat));
    backstop_crossing_word #(.WIDTH(64)) ecc(
        .from_clock(core_clk),
        .word({{core_uncorrected, core_corrected}}),
        .to_clock(axi_clk),
        .seen({{ecc_uncorrected, ecc_corrected}})
    );
    backstop_crossing_stream records_in(
        .in_clock(axi_clk),
        .in_reset(clear),
        .in_data(in_record),
        .in_valid(in_valid),
        .in_ready(in_ready),
        .out_clock(core_clk),
        .out_reset(core_reset),
        .out_data(core_in),
        .out_valid(core_in_valid),
        .out_ready(core_in_ready)
    );
    backstop_crossing_stream records_out(
        .in_clock(core_clk),
        .in_reset(core_reset),
        .in_data(core_out),
        .in_valid(core_out_valid),
        .in_ready(core_out_ready),
        .out_clock(axi_clk),
        .out_reset(clear),
        .out_data(out_record),
        .out_valid(out_valid),
        .out_ready(out_ready)
    );

    // A level that crosses comes from a register.
    reg core_ready = 1'b0;
    always @(posedge core_clk) core_ready <= core_in_ready && !core_reset;
    {HEARTBEAT_MODULE} heartbeat(.clock(core_clk), .beat(core_beat));
    {machine} core(
        .clk(core_clk),
        .rst(core_reset),
        .s_axis_tdata(core_in),
        .s_axis_tvalid(core_in_valid),
        .s_axis_tready(core_in_ready),
        .m_axis_tdata(core_out),
        .m_axis_tvalid(core_out_valid),
        .m_axis_tready(core_out_ready),
        .ecc_corrected(core_corrected),
        .ecc_uncorrected(core_uncorrected)
    );
endmodule
{shell}
{heartbeat}"
    )
}
