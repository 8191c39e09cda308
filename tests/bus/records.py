"""Records, what the model answers to them, and the order in which answers may be compared."""

import os
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RECORD_BYTES = 32
UNKNOWN = 0xFFFFFFFF

_TABLES = (ROOT / "docs/records.md").read_text()
OPS = {name: int(op, 16) for name, op in re.findall(r"^\| (\w+) \| (0x[0-9a-f]{2}) ", _TABLES, re.MULTILINE)}
ABI_HASH = int(re.search(r"below this line: (0x[0-9a-f]{16})", _TABLES)[1], 16)
ECHOES = (OPS["FENCE_ECHO"], OPS["RESYNC_ECHO"])
# RECEIPT's count of clocks is the machine's own.
CLOCKS = slice(16, 20)


@cache
def stream():
    """All records of the run's stream with the answers to each, as `model/examples/stream` prints them."""
    lines = Path(os.environ["BUS_STREAM"]).read_text().splitlines()
    rows = [[bytes.fromhex(word) for word in line.split()] for line in lines]
    return [(record, answers) for record, *answers in rows]


def prefix(count):
    """The first records of the stream, and all that they are answered."""
    rows = stream()[:count]
    assert len(rows) == count
    return [record for record, _ in rows], [answer for _, answers in rows for answer in answers]


def canonical(answers, lanes):
    """The answers as they may be compared: between two echoes lane by lane in order, then refusals sorted; no clocks."""
    ordered, streams, unordered = [], [[] for _ in range(lanes)], []

    def flush():
        for lane in streams:
            ordered.extend(lane)
            lane.clear()
        ordered.extend(sorted(unordered))
        unordered.clear()

    for answer in answers:
        op, account = answer[0], int.from_bytes(answer[8:12], "little")
        if op in ECHOES:
            flush()
            ordered.append(answer)
        elif op == OPS["RECEIPT"]:
            clockless = bytearray(answer)
            clockless[CLOCKS] = bytes(4)
            streams[answer[1]].append(bytes(clockless))
        elif op == OPS["ERROR_RECORD"] or account == UNKNOWN:
            unordered.append(answer)
        else:
            streams[account % lanes].append(answer)
    flush()
    return ordered


def compare(found, expected, lanes):
    """Asserts that the machine answered what the model answers."""
    found, expected = canonical(found, lanes), canonical(expected, lanes)
    for place, (one, other) in enumerate(zip(found, expected)):
        assert one == other, f"answer {place}:\n  machine {one.hex()}\n  model   {other.hex()}"
    assert len(found) == len(expected), f"{len(found)} answers, the model gives {len(expected)}"
