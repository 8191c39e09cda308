//! A build as vendors' tools take it: Verilog, file list, constraints, script.

use crate::config::BuildConfig;
use crate::emit::{TOP, design};
use crate::pcie::top;
use crate::target::Target;

/// The clock that the constraints ask for, in MHz. A wish, not a figure: docs/timing.md says what was reached.
const fn clock_mhz(target: Target) -> u32 {
    match target {
        Target::Portable | Target::Ecp5 => 150,
        Target::UltraScalePlus => 300,
    }
}

/// A text file of the package.
pub struct File {
    pub name: &'static str,
    pub text: String,
    pub is_executable: bool,
}

impl File {
    fn new(name: &'static str, text: impl Into<String>) -> Self {
        Self { name, text: text.into(), is_executable: false }
    }

    fn script(name: &'static str, text: impl Into<String>) -> Self {
        Self { is_executable: true, ..Self::new(name, text) }
    }
}

/// All files of a build. The same `config` and `target` always give the same.
pub fn package(config: BuildConfig, target: Target) -> Vec<File> {
    let mut files = vec![
        File::new("backstop_inline.v", design(config)),
        File::new("primitives.v", target.primitives()),
        File::new("files.f", "backstop_inline.v\nprimitives.v\n"),
        File::new("backstop_pcie.v", top::design(config) + top::CROSSINGS),
        File::new("files_pcie.f", "backstop_pcie.v\nbackstop_inline.v\nprimitives.v\n"),
    ];
    match target {
        Target::Portable => {}
        Target::Ecp5 => {
            files.push(File::new("backstop.lpf", constraints_ecp5(clock_mhz(target))));
            files.push(File::script("build.sh", script_ecp5()));
        }
        Target::UltraScalePlus => {
            files.push(File::new("backstop.xdc", constraints_ultrascale(clock_mhz(target))));
            files.push(File::new("build.tcl", script_ultrascale()));
        }
    }
    files
}

fn constraints_ecp5(mhz: u32) -> String {
    let clocks = ["clk", "axi_clk", "core_clk"].map(|net| format!("FREQUENCY NET \"{net}\" {mhz} MHZ;\n"));
    format!(
        "# The block is routed out of context: no pins. A board's design adds LOCATE and IOBUF lines for its own ports. The first clock is
# of the in-line top, the others are of the PCIe-side one.
{}",
        clocks.concat()
    )
}

fn script_ecp5() -> String {
    let pcie = top::TOP;
    format!(
        r#"#!/bin/sh
# Synthesizes and routes for LFE5U-85F, grade 8, out of context. Writes TOP-netlist.json, TOP-area.json, TOP-report-SEED.json.
#
#   YOSYS=yosys NEXTPNR=nextpnr-ecp5 ./build.sh [inline | pcie] [SEED | area]
#
# With `area` nothing is routed. Netlist and report are made anew only if what they are made of is newer. What `check -assert` refuses is a
# combinational loop or a net of two drivers.
set -eu

cd "$(dirname "$0")"
top=${{1:-inline}}
seed=${{2:-1}}
case $top in
    inline) module={TOP} list=files.f ;;
    pcie) module={pcie} list=files_pcie.f ;;
    *) echo "build.sh: no top '$top'; there are inline and pcie" >&2; exit 2 ;;
esac
netlist=$top-netlist.json
report=$top-report-$seed.json
stale() {{
    while read -r file; do
        [ "$netlist" -nt "$file" ] || return 0
    done <"$list"
    return 1
}}
if stale; then
    "${{YOSYS:-yosys}}" -q -l "$top-yosys.log" -p "
        read_verilog $(tr '\n' ' ' <"$list")
        synth_ecp5 -top $module -json $netlist.part
        check -assert
        tee -q -o $top-area.json stat -json"
    mv "$netlist.part" "$netlist"
fi
[ "$seed" != area ] || exit 0
[ ! "$report" -nt "$netlist" ] || exit 0
"${{NEXTPNR:-nextpnr-ecp5}}" -q -l "$top-nextpnr-$seed.log" \
    --85k --package CABGA756 --speed 8 --out-of-context \
    --lpf backstop.lpf --lpf-allow-unconstrained --json "$netlist" --seed "$seed" --placer static --router router2 \
    --report "$report.part" --timing-allow-fail
mv "$report.part" "$report"
"#
    )
}

fn constraints_ultrascale(mhz: u32) -> String {
    format!(
        "# Synthesized out of context: no pins, no input or output delays; the surrounding design registers both streams.
create_clock -name clk -period {:.3} [get_ports clk]
",
        1e3 / f64::from(mhz)
    )
}

fn script_ultrascale() -> String {
    format!(
        r#"# vivado -mode batch -source build.tcl [-tclargs PART]
#
# Synthesizes out of context and writes area.rpt, timing.rpt (before placement: an estimate) and {TOP}.dcp.
set part [expr {{$argc > 0 ? [lindex $argv 0] : "xcu50-fsvh2104-2-e"}}]
cd [file dirname [file normalize [info script]]]
set list [open files.f]
foreach name [split [string trim [read $list]] "\n"] {{ read_verilog $name }}
close $list
read_xdc -mode out_of_context backstop.xdc
synth_design -top {TOP} -part $part -mode out_of_context
report_utilization -hierarchical -file area.rpt
report_timing_summary -max_paths 10 -file timing.rpt
write_checkpoint -force {TOP}.dcp
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_file_is_in_the_package_and_a_device_has_constraints_and_a_script() {
        for target in Target::ALL {
            let files = package(BuildConfig::small(1), target);
            let text = |name: &str| files.iter().find(|file| file.name == name).map(|file| &file.text);
            for name in text("files.f").unwrap().lines() {
                assert!(text(name).is_some(), "{name}");
            }
            let others = ["backstop.lpf", "backstop.xdc", "build.sh", "build.tcl"];
            let found = others.into_iter().filter(|name| text(name).is_some()).count();
            assert_eq!(found, if target == Target::Portable { 0 } else { 2 });
        }
    }
}
