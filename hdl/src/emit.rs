//! From blocks to one Verilog file: the lane's modules under a top with AMBA port names.

use crate::config::LaneConfig;
use crate::lane::Lane;
use rust_hdl::core::prelude::*;

/// The top module's name, the same in every build; a build is known by its file and by the header's sizes.
pub const TOP: &str = "backstop_inline";
/// What rust-hdl's modules are called below the top.
const LANE: &str = "backstop_lane";

/// Verilog of one lane with AXI4-Stream in and out, ready for Verilator or synthesis.
///
/// Shape: module [`TOP`]; `clk`; `rst` synchronous, active high; 256-bit `s_axis` and `m_axis`. The same `config`
/// always gives the same text.
pub fn emit(config: LaneConfig) -> String {
    config.assert_fits();
    let mut lane = Lane::new(&config);
    lane.connect_all();
    let modules = generate_verilog(&lane)
        .replace("top$", "backstop_lane$")
        .replace("module top(", "module backstop_lane(");
    let LaneConfig { accounts, slots, instruments } = config;
    format!(
        "// Backstop, one margin lane: {accounts} accounts, {slots} slots, {instruments} instruments.
// Written by `cargo run -p hdl --bin emit`; do not edit. The top is `{TOP}` in every build: use one file at a time.

module {TOP}(
    input wire clk,
    input wire rst,
    input wire [255:0] s_axis_tdata,
    input wire s_axis_tvalid,
    output wire s_axis_tready,
    output wire [255:0] m_axis_tdata,
    output wire m_axis_tvalid,
    input wire m_axis_tready
);
    {LANE} lane(
        .clock(clk),
        .reset(rst),
        .in_record(s_axis_tdata),
        .in_valid(s_axis_tvalid),
        .in_ready(s_axis_tready),
        .out_record(m_axis_tdata),
        .out_valid(m_axis_tvalid),
        .out_ready(m_axis_tready)
    );
endmodule
{modules}"
    )
}
