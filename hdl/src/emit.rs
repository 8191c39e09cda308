//! From blocks to one Verilog file: the lane's modules under a top with AMBA port names.

use crate::config::LaneConfig;
use crate::lane::Lane;
use crate::target::Target;
use rust_hdl::core::prelude::*;

/// The top module's name, the same in every build; a build is known by its file and by the header's sizes.
pub const TOP: &str = "backstop_inline";
/// What rust-hdl's modules are called below the top.
const LANE: &str = "backstop_lane";

/// Verilog of one lane with AXI4-Stream in and out, ready for Verilator: [`design`] with the portable primitives.
pub fn emit(config: LaneConfig) -> String {
    design(config) + Target::Portable.primitives()
}

/// Verilog of one block without the primitives, for a test bench of its own; the module is called `name`.
pub fn emit_block(name: &str, block: &impl Block) -> String {
    generate_verilog_unchecked(block)
        .replace("top$", &format!("{name}$"))
        .replace("module top(", &format!("module {name}("))
}

/// Verilog of one lane with AXI4-Stream in and out, without the primitives of [`Target::primitives`].
///
/// Shape: module [`TOP`]; `clk`; `rst` synchronous, active high; 256-bit `s_axis` and `m_axis`. The same `config`
/// always gives the same text.
pub fn design(config: LaneConfig) -> String {
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
// rust-hdl writes every literal with 32 bits or more, so width lint says nothing here.
/* verilator lint_off WIDTH */
/* verilator lint_off UNSIGNED */

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

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_same_build_gives_the_same_text_and_another_build_another() {
        let small = emit(LaneConfig::SMALL);
        assert_eq!(small, emit(LaneConfig::SMALL));
        assert_ne!(small, emit(LaneConfig::PRODUCTION));
    }

    #[test]
    fn the_top_has_the_amba_ports() {
        let text = emit(LaneConfig::PRODUCTION);
        let top = &text[text.find("module backstop_inline(").unwrap()..text.find("endmodule").unwrap()];
        for port in [
            "input wire clk,",
            "input wire rst,",
            "input wire [255:0] s_axis_tdata,",
            "input wire s_axis_tvalid,",
            "output wire s_axis_tready,",
            "output wire [255:0] m_axis_tdata,",
            "output wire m_axis_tvalid,",
            "input wire m_axis_tready\n",
        ] {
            assert!(top.contains(port), "{port}");
        }
        assert_eq!(text.matches("module backstop_inline(").count(), 1);
        assert!(!text.contains("top$") && !text.contains("module top("));
    }

    /// rust-hdl writes `word.field.get_bit(n)` as a part-select of a part-select, which is not Verilog.
    #[test]
    fn nothing_selects_from_a_selection() {
        assert!(!emit(LaneConfig::SMALL).contains(")]["));
    }

    #[test]
    fn every_block_states_its_latency() {
        let mut blocks = 0;
        for file in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            if text.contains("\n#[derive(LogicBlock") || text.contains("        #[derive(LogicBlock") {
                blocks += 1;
                assert!(text.contains("pub const LATENCY: u64"), "{}", path.display());
            }
        }
        assert!(blocks > 20, "{blocks} blocks");
    }
}
