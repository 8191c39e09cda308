#!/usr/bin/env python3
"""Drives both tops of the emitted Verilog with the bus models of cocotbext-axi, under Icarus.

    scripts/bus_tests.py [TEST ...]

The records and the answers expected are the model's. Bus models and simulator interface are installed by name and version into
build/venv-bus; Verilog, streams and logs go to build/bus. Prints every test with its time; exit 1 if any fails. A TEST is the name of one
test, all of which are in tests/bus.
"""

import os
import subprocess
import sys
import venv
import xml.etree.ElementTree as xml
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "bus"
TOOLS = {"cocotb": "1.8.1", "cocotbext-axi": "0.1.28"}
VENV = ROOT / "build" / "venv-bus"
SIZES = ["accounts=64", "slots=256", "instruments=4"]
# Module of tests, top, list of its files, lanes, records of the stream and its seed.
RUNS = [
    ("test_pcie", "backstop_pcie", "files_pcie.f", 1, 1_500, 43),
    ("test_inline", "backstop_inline", "files.f", 1, 400, 7),
    ("test_inline", "backstop_inline", "files.f", 2, 400, 7),
]
# RAMs power up with random words, wide enough for any; what is more than the word is cut.
POWER_UP = "-DBACKSTOP_POWER_UP={16{$random}}"


def main(tests):
    install()
    started = monotonic()
    prepared = [prepare(*run) for run in RUNS]
    # As many simulators at a time as there are cores.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = sum(pool.map(lambda ready: simulate(*ready, tests), prepared), [])
    failed = [name for name, passed in results if not passed]
    print(f"bus: {len(results)} tests in {monotonic() - started:.0f} s, {len(failed)} failed", flush=True)
    if failed or not results:
        sys.exit(1)


def install():
    wanted = [f"{name}=={version}" for name, version in TOOLS.items()]
    stamp = VENV / "installed"
    if stamp.exists() and stamp.read_text().split() == wanted:
        return
    print(f"bus: installing {' and '.join(wanted)} into {VENV.relative_to(ROOT)}", flush=True)
    try:
        venv.create(VENV, with_pip=True, clear=True)
        subprocess.run([VENV / "bin" / "pip", "install", "--quiet", *wanted], check=True)
    except (subprocess.CalledProcessError, OSError) as error:
        sys.exit(
            f"bus: the bus models cannot be installed ({error}). It takes python3 with venv (Debian: python3-venv) and a"
            " package index that pip can reach."
        )
    stamp.write_text("\n".join(wanted))


def prepare(module, top, files, lanes, records, seed):
    """The stream and the compiled design."""
    directory = Path(cargo("hdl", "--bin", "package", BUILD, "portable", f"lanes={lanes}", *SIZES).strip())
    stream = directory / f"{module}.stream"
    stream.write_text(cargo("model", "--example", "stream", lanes, records, seed))
    compiled = directory / f"{top}.vvp"
    sources = [ROOT / "tests" / "bus" / "timescale.v"]
    sources += [directory / name for name in (directory / files).read_text().split()]
    run(["iverilog", "-g2005", POWER_UP, "-s", top, "-o", compiled, *sources])
    return module, top, lanes, stream, compiled


def simulate(module, top, lanes, stream, compiled, tests):
    """Name of each test and whether it passed."""
    results, log = stream.with_suffix(".xml"), stream.with_suffix(".log")
    results.unlink(missing_ok=True)
    environment = os.environ | {
        "MODULE": module,
        "TOPLEVEL": top,
        "TOPLEVEL_LANG": "verilog",
        "TESTCASE": ",".join(tests),
        "RANDOM_SEED": "1",
        "COCOTB_RESULTS_FILE": str(results),
        "LIBPYTHON_LOC": config("--libpython"),
        "VIRTUAL_ENV": str(VENV),
        "PYTHONPATH": str(ROOT / "tests" / "bus"),
        "BUS_LANES": str(lanes),
        "BUS_STREAM": str(stream),
    }
    text = run(["vvp", "-M", config("--lib-dir"), "-m", "libcocotbvpi_icarus", compiled], environment)
    log.write_text(text)
    if not results.exists():
        sys.exit(f"bus: no test ran:\n{text}")
    cases = list(xml.parse(results).iter("testcase"))
    passed = [(f"{top}, lanes={lanes}: {case.get('name')}", case.find("failure") is None) for case in cases]
    for case, (name, is_good) in zip(cases, passed):
        print(f"{'ok  ' if is_good else 'FAIL'} {float(case.get('time')):6.1f} s  {name}", flush=True)
    if not all(is_good for _, is_good in passed):
        print(text, f"bus: {log}", sep="\n", flush=True)
    return passed


def config(what):
    return run([VENV / "bin" / "cocotb-config", what]).strip()


def cargo(package, kind, name, *arguments):
    return run(["cargo", "run", "--quiet", "-p", package, kind, name, "--", *map(str, arguments)])


def run(command, environment=None):
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"bus: {' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
    return done.stdout + (done.stderr if environment else "")


if __name__ == "__main__":
    main(sys.argv[1:])
