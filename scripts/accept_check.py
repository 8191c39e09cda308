#!/usr/bin/env python3
"""Compares the acceptance replays of scripts/accept.sh: both devices, every tape.

    python3 scripts/accept_check.py DIR TAPE...

Reads DIR/TAPE.{cpu,sim}.json and DIR/TAPE.{cpu,sim}/liquidations.csv. Exit 0: all holds. 1: every demand that does not is printed.
"""

import csv
import json
import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path

DEVICES = ("cpu", "sim")
COUNTS = (
    "disagreements",
    "verdicts_due",
    "verdicts_given",
    "liquidations_partial",
    "liquidations_full",
    "takeovers",
)

# In April 2013 BTCUSD is the only symbol of the tape, so a row of another cannot hide an account that a bad print liquidated.
# BTCUSD trades between 51 and 751 on the Bitfinex tape, but for three bad prints in April 2013: 19.9, 15.0 and 1.06.
BITFINEX = "bitfinex"
BAD_MINUTES = {1365615360000: "19.9", 1365615420000: "19.9", 1365683640000: "15.0", 1365703920000: "1.06"}
BAD_PRINTS = {Decimal(price) for price in BAD_MINUTES.values()}
LOWEST, HIGHEST = Decimal(40), Decimal(800)
MINUTE_MS = 60_000


class Unreadable(Exception):
    """A result that is not there, or not as documented."""


def read_summary(path):
    try:
        summary = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, ValueError) as error:
        raise Unreadable(f"{path}: {error}") from error
    if not isinstance(summary, dict):
        raise Unreadable(f"{path}: not a JSON object")
    for key in COUNTS:
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
    if summary.get("ledger_balanced") is not True:
        yield f"{name}: ledger_balanced is {summary.get('ledger_balanced')!r}"
    if summary["liquidations_partial"] <= 0:
        yield f"{name}: no partial liquidation"
    if summary["liquidations_full"] + summary["takeovers"] <= 0:
        yield f"{name}: neither a full liquidation nor a takeover"


def check_agreement(tape, cpu, sim):
    if cpu["state_hash"] != sim["state_hash"]:
        yield f"{tape}: state_hash is {cpu['state_hash']} on the CPU and {sim['state_hash']} on the gateware"
    for key in COUNTS:
        if cpu[key] != sim[key]:
            yield f"{tape}: {key} is {cpu[key]} on the CPU and {sim[key]} on the gateware"


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
            summaries[device] = read_summary(directory / f"{name}.json")
            yield from check_summary(name, summaries[device])
            if BITFINEX in tape:
                yield from check_bad_prints(name, directory / name / "liquidations.csv")
        except Unreadable as error:
            yield str(error)
    if len(summaries) < len(DEVICES):
        return
    yield from check_agreement(tape, *(summaries[device] for device in DEVICES))
    summary = summaries["cpu"]
    print(f"{tape}: state {summary['state_hash']}, " + ", ".join(f"{key} {summary[key]}" for key in COUNTS))
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
    for failure in failures:
        print(f"accept: FAILED {failure}", file=sys.stderr)
    if not failures:
        print(f"accept: {len(tapes)} tapes, both devices agree, all demands hold")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
