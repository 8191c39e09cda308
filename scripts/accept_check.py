#!/usr/bin/env python3
"""Compares the acceptance replays of scripts/accept.sh: both devices, every tape.

    python3 scripts/accept_check.py DIR TAPE...

Reads DIR/TAPE.{cpu,sim}.json (what `backstop replay --json` said), DIR/TAPE.{cpu,sim}/liquidations.csv and
DIR/TAPE.cpu.verify.json (what `backstop verify --json` said). Exit 0: all holds. 1: every demand that does not is printed.
"""

import csv
import filecmp
import json
import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path

DEVICES = ("cpu", "sim")
COUNTS = (
    "disagreements",
    "verdicts_due",
    "verdicts_given",
    "audited",
    "flags",
    "liquidations_partial",
    "liquidations_full",
    "takeovers",
)
OF_THE_DEVICE = {"device", "device_clocks", "seconds", "latencies"}  # all else in a summary is the same on both
SAME_FILES = ("liquidations.csv",)
VERIFIED = ("episodes", "rounds", "events", "verdicts", "decisions")
# What a verified journal must say of the run that wrote it.
OF_THE_RUN = {
    "episodes": "episodes",
    "rounds": "rounds",
    "verdicts": "flags",
    "state_hash": "state_hash",
    "journal_chain": "journal_chain",
}

# The real tapes that acceptance is about, by a part of their names.
BITFINEX, PERPETUAL = "bitfinex", "btc_perp"
# In April 2013 BTCUSD is the only symbol of the tape, so a row of another cannot hide an account that a bad print liquidated.
# BTCUSD trades between 51 and 751 on the Bitfinex tape, but for three bad prints in April 2013: 19.9, 15.0 and 1.06.
BAD_MINUTES = {1365615360000: "19.9", 1365615420000: "19.9", 1365683640000: "15.0", 1365703920000: "1.06"}
BAD_PRINTS = {Decimal(price) for price in BAD_MINUTES.values()}
LOWEST, HIGHEST = Decimal(40), Decimal(800)
MINUTE_MS = 60_000


class Unreadable(Exception):
    """A result that is not there, or not as documented."""


def read_object(path, integers):
    """A JSON object with a state hash and these integers."""
    try:
        summary = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, ValueError) as error:
        raise Unreadable(f"{path}: {error}") from error
    if not isinstance(summary, dict):
        raise Unreadable(f"{path}: not a JSON object")
    for key in integers:
        if type(summary.get(key)) is not int:
            raise Unreadable(f"{path}: {key} is {summary.get(key)!r}, not an integer")
    if not isinstance(summary.get("state_hash"), str) or not summary["state_hash"]:
        raise Unreadable(f"{path}: state_hash is {summary.get('state_hash')!r}")
    return summary


def check_summary(name, summary):
    """The demands on one run that do not hold."""
    if summary["disagreements"] != 0:
        yield f"{name}: {summary['disagreements']} disagreements between device and ledger; there must be none"
    if summary["verdicts_due"] == 0:
        yield f"{name}: no verdict was due, so the run shows nothing"
    if summary["verdicts_given"] != summary["verdicts_due"]:
        yield f"{name}: {summary['verdicts_given']} verdicts given of {summary['verdicts_due']} due"
    if summary["audited"] <= 0:
        yield f"{name}: no account was read back, so nothing shows that the device's state is right"
    if summary.get("ledger_balanced") is not True:
        yield f"{name}: ledger_balanced is {summary.get('ledger_balanced')!r}"
    if summary["liquidations_partial"] <= 0:
        yield f"{name}: no partial liquidation"
    if summary["liquidations_full"] + summary["takeovers"] <= 0:
        yield f"{name}: neither a full liquidation nor a takeover"


def differences(cpu, sim, name=""):
    """Where two JSON values differ, by the name of the field."""
    if isinstance(cpu, dict) and isinstance(sim, dict):
        for key in sorted(cpu.keys() | sim.keys()):
            if name or key not in OF_THE_DEVICE:
                yield from differences(cpu.get(key), sim.get(key), f"{name}.{key}" if name else key)
    elif type(cpu) is not type(sim) or cpu != sim:
        yield name, cpu, sim


def check_agreement(directory, tape, cpu, sim):
    """Every field of the two summaries that is not the device's own, the journals' chain hashes among them, then liquidations byte by byte."""
    for name, on_cpu, on_sim in differences(cpu, sim):
        yield f"{tape}: {name} is {on_cpu} on the CPU and {on_sim} on the gateware"
    for file in SAME_FILES:
        paths = [directory / f"{tape}.{device}" / file for device in DEVICES]
        try:
            if paths[0].stat().st_size == 0:
                yield f"{paths[0]} is empty"
            if not filecmp.cmp(*paths, shallow=False):
                yield f"{tape}: {file} of the two devices differs: {paths[0]} and {paths[1]}"
        except OSError as error:
            yield f"{tape}: {file}: {error}"


def check_verified(path, summary):
    """The journal was recomputed to its end, and it is that of this run."""
    verified = read_object(path, VERIFIED)
    print("  verified: " + ", ".join(f"{key} {verified[key]}" for key in VERIFIED) + f"; state {verified['state_hash']}")
    for note in verified.get("notes") or ():
        print(f"  note: {note}")
    if verified.get("unfinished") is not False:
        yield f"{path}: unfinished is {verified.get('unfinished')!r}; the journal must hold the whole run"
    for key, of_run in OF_THE_RUN.items():
        if verified.get(key) is None or verified[key] != summary.get(of_run):
            yield f"{path}: {key} is {verified.get(key)}, but {of_run} of the run is {summary.get(of_run)}"


def check_bad_prints(name, path):
    """No liquidation of BTCUSD at a bad print. Prices are decimals in the quote currency."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise Unreadable(f"{path}: {error}") from error
    for row in rows:
        if None in row or None in row.values():
            raise Unreadable(f"{path}: a row has not as many fields as the header")
        if not {"time_ms", "symbol", "mark"} <= row.keys():
            raise Unreadable(f"{path}: needs the columns time_ms, symbol and mark, has {', '.join(row)}")
        if row["symbol"] != "BTCUSD":
            continue
        try:
            time, mark = int(row["time_ms"]), Decimal(row["mark"])
        except (ValueError, InvalidOperation) as error:
            raise Unreadable(f"{path}: time_ms {row['time_ms']!r}, mark {row['mark']!r}") from error
        minute = time - time % MINUTE_MS
        if mark > HIGHEST:
            raise Unreadable(f"{path}: BTCUSD at {mark}: that is no price of the tape in dollars")
        if mark in BAD_PRINTS or mark < LOWEST:
            where = f", the minute of the bad print {BAD_MINUTES[minute]}" if minute in BAD_MINUTES else ""
            yield f"{name}: a liquidation at {time} has the mark {mark}{where}; a bad print must liquidate nobody"


def marks(summary):
    """Counts of marks per symbol, as the summary has them."""
    symbols = summary.get("symbols")
    if not isinstance(symbols, dict) or not symbols:
        raise Unreadable("the summary has no `symbols`")
    for symbol, counts in sorted(symbols.items()):
        for key in ("held", "confirmed", "dropped"):
            if not isinstance(counts, dict) or type(counts.get(key)) is not int:
                raise Unreadable(f"symbols.{symbol} has no number of marks {key}")
    return symbols


def check_guard(name, symbols):
    """The mark guard drops the bad prints and lets the real crashes of December 2017 through."""
    dropped = symbols.get("BTCUSD", {}).get("dropped", 0)
    if dropped < len(BAD_PRINTS):
        yield f"{name}: {dropped} marks of BTCUSD dropped; the tape has {len(BAD_PRINTS)} bad prints"
    if not any(counts["confirmed"] for counts in symbols.values()):
        yield f"{name}: no held mark was confirmed; the tape has real crashes beyond the band"


def check_tape(directory, tape):
    summaries = {}
    for device in DEVICES:
        name = f"{tape}.{device}"
        try:
            summaries[device] = read_object(directory / f"{name}.json", COUNTS)
            yield from check_summary(name, summaries[device])
            if BITFINEX in tape:
                yield from check_bad_prints(name, directory / name / "liquidations.csv")
        except Unreadable as error:
            yield str(error)
    if len(summaries) < len(DEVICES):
        return
    yield from check_agreement(directory, tape, *(summaries[device] for device in DEVICES))
    summary = summaries["cpu"]
    print(f"{tape}: state {summary['state_hash']}, " + ", ".join(f"{key} {summary[key]}" for key in COUNTS))
    try:
        yield from check_verified(directory / f"{tape}.cpu.verify.json", summary)
    except Unreadable as error:
        yield str(error)
    try:
        symbols = marks(summary)
    except Unreadable as error:
        yield f"{tape}: {error}"
        return
    for symbol, counts in symbols.items():
        print("  {}: marks held {held}, confirmed {confirmed}, dropped {dropped}".format(symbol, **counts))
    if BITFINEX in tape:
        yield from check_guard(tape, symbols)


def main(arguments):
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    directory, tapes = Path(arguments[0]), arguments[1:]
    failures = [failure for tape in tapes for failure in check_tape(directory, tape)]
    if not any(BITFINEX in tape for tape in tapes):
        failures.append("no Bitfinex tape among the runs, so nothing shows that bad prints liquidate nobody")
    if not any(PERPETUAL in tape for tape in tapes):
        failures.append(f"no BTC perpetual tape ({PERPETUAL}) among the runs, so one of the two real tapes is missing")
    for failure in failures:
        print(f"accept: FAILED {failure}", file=sys.stderr)
    if not failures:
        print(f"accept: {len(tapes)} tapes, both devices agree, all demands hold")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
