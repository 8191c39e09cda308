//! From blocks to one Verilog file: the machine's modules and the lane's, under a top with AMBA port names.

use crate::config::BuildConfig;
use crate::lane::Lane;
use crate::machine::{LANE_MODULE, Machine};
use crate::target::Target;
use crate::wires::untie;
use rust_hdl::core::prelude::*;

/// The top module's name, the same in every build; a build is known by its file and by the header's sizes.
pub const TOP: &str = "backstop_inline";
/// The machine's module below the top.
const MACHINE_MODULE: &str = "backstop_machine";

/// Verilog of a machine, ready for Verilator: [`design`] with the portable primitives.
pub fn emit(config: BuildConfig) -> String {
    design(config) + Target::Portable.primitives()
}

/// Verilog of one block without the primitives, for a test bench of its own; the module is called `name`.
pub fn emit_block(name: &str, block: &impl Block) -> String {
    untie(&generate_verilog_unchecked(block))
        .replace("top$", &format!("{name}$"))
        .replace("module top(", &format!("module {name}("))
}

/// Verilog of a machine with AXI4-Stream in and out, without the primitives of [`Target::primitives`].
///
/// Shape: module [`TOP`]; `clk`; `rst` synchronous, active high; 256-bit `s_axis` and `m_axis`; counts of corrected and
/// uncorrectable RAM words. The same `config` always gives the same text.
pub fn design(config: BuildConfig) -> String {
    config.assert_fits();
    let mut lane = Lane::new(&config);
    lane.connect_all();
    design_with_lane(config, &modules(&lane, LANE_MODULE))
}

/// The same with the text of the module [`LANE_MODULE`] and of those below it.
pub fn design_with_lane(config: BuildConfig, lane: &str) -> String {
    config.assert_fits();
    let machine = match config.lanes {
        1 => machine::<1>(&config),
        2 => machine::<2>(&config),
        4 => machine::<4>(&config),
        _ => machine::<8>(&config),
    };
    let BuildConfig { lanes, accounts, slots, instruments } = config;
    format!(
        "// Backstop, margin machine: {lanes} lanes of {accounts} accounts and {slots} slots, {instruments} instruments.
// Written by `make hdl`; do not edit. The top is `{TOP}` in every build: use one file at a time.
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
    input wire m_axis_tready,
    output wire [31:0] ecc_corrected,
    output wire [31:0] ecc_uncorrected
);
    {MACHINE_MODULE} machine(
        .clock(clk),
        .reset(rst),
        .in_record(s_axis_tdata),
        .in_valid(s_axis_tvalid),
        .in_ready(s_axis_tready),
        .out_record(m_axis_tdata),
        .out_valid(m_axis_tvalid),
        .out_ready(m_axis_tready),
        .ecc_corrected(ecc_corrected),
        .ecc_uncorrected(ecc_uncorrected)
    );
endmodule
{machine}
{lane}"
    )
}

fn machine<const L: usize>(config: &BuildConfig) -> String {
    let mut machine = Machine::<L>::new(config);
    machine.connect_all();
    modules(&machine, MACHINE_MODULE)
}

/// The block's modules, the topmost called `name` and the others after it.
pub(crate) fn modules<B: Block>(block: &B, name: &str) -> String {
    untie(&generate_verilog(block))
        .replace("top$", &format!("{name}$"))
        .replace("module top(", &format!("module {name}("))
        .replace("// top\n", &format!("// {name}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn builds() -> impl Iterator<Item = BuildConfig> {
        BuildConfig::LANES
            .into_iter()
            .flat_map(|lanes| [BuildConfig::small(lanes), BuildConfig::production(lanes)])
    }

    #[test]
    fn the_same_build_gives_the_same_text_and_another_build_another() {
        let texts: Vec<String> = builds().map(emit).collect();
        assert_eq!(texts, builds().map(emit).collect::<Vec<String>>());
        for (index, text) in texts.iter().enumerate() {
            assert!(!texts[..index].contains(text));
        }
    }

    #[test]
    fn the_top_has_the_amba_ports() {
        let text = emit(BuildConfig::production(1));
        let top = &text[text.find("module backstop_inline(").unwrap()..text.find("endmodule").unwrap()];
        for port in [
            "input wire clk,",
            "input wire rst,",
            "input wire [255:0] s_axis_tdata,",
            "input wire s_axis_tvalid,",
            "output wire s_axis_tready,",
            "output wire [255:0] m_axis_tdata,",
            "output wire m_axis_tvalid,",
            "input wire m_axis_tready,",
            "output wire [31:0] ecc_corrected,",
            "output wire [31:0] ecc_uncorrected\n",
        ] {
            assert!(top.contains(port), "{port}");
        }
        assert!(!text.contains("top$") && !text.contains("module top("));
    }

    /// The names and widths of a module's ports, in no order.
    fn ports(text: &str, module: &str) -> Vec<String> {
        let start = text.find(&format!("module {module}(")).unwrap();
        let mut ports: Vec<String> = text[start..]
            .lines()
            .take_while(|line| !line.contains("endmodule"))
            .map(str::trim)
            .filter(|line| line.starts_with("input") || line.starts_with("output"))
            .map(|line| {
                let words = line.split_whitespace().filter(|word| !matches!(*word, "reg" | "wire"));
                words.collect::<Vec<&str>>().join(" ")
            })
            .collect();
        ports.sort();
        ports
    }

    #[test]
    fn the_lane_is_emitted_once_and_its_box_has_its_ports() {
        for config in builds() {
            let text = emit(config);
            for module in [TOP, MACHINE_MODULE, LANE_MODULE] {
                assert_eq!(text.matches(&format!("module {module}(")).count(), 1, "{module}");
            }
            let lane = ports(&text, LANE_MODULE);
            assert!(lane.len() > 15, "{lane:?}");
            for index in 0..config.lanes {
                assert_eq!(ports(&text, &format!("{MACHINE_MODULE}$lanes${index}")), lane);
            }
        }
    }

    /// rust-hdl writes `word.field.get_bit(n)` as a part-select of a part-select, which is not Verilog.
    #[test]
    fn nothing_selects_from_a_selection() {
        assert!(!emit(BuildConfig::small(2)).contains(")]["));
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
