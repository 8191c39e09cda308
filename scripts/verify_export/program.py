"""The command line and what it prints."""

import argparse
import json
import os
import sys

from verify_export.lines import Unreadable
from verify_export.run import verify


def summary(verifier):
    counts = verifier.counts
    if verifier.mismatch_count:
        for row in verifier.mismatches:
            place = f"line {row['line']}" + (f", event {row['event']}" if row["event"] is not None else "")
            yield f"{place}: {row['what']}: expected {row['expected']}; found {row['found']}"
        more = verifier.mismatch_count - len(verifier.mismatches)
        yield f"disagrees: {verifier.mismatch_count:,} mismatches" + (f", {more:,} of them not shown" if more else "")
        return
    yield "agrees: {:,} episodes, {:,} rounds, {:,} events ({:,} refused)".format(
        len(verifier.episodes), counts["rounds"], counts["events"], counts["refused"]
    )
    marks = ", ".join(f"{counts[name]:,} {name}" for name in ("applied", "held", "confirmed", "dropped", "discarded"))
    yield f"marks: {counts['marks']:,}: {marks}"
    yield f"verdicts: {counts['flags']:,} flags compared, from {counts['judgements']:,} judgements"
    yield "decisions: {decisions:,}; fills: {fills:,}; rejections: {rejections:,}; absorptions: {absorptions:,}".format(**counts)
    yield "takeovers: {takeovers:,}; bankruptcies: {bankruptcies:,}; deleveraged: {deleveraged:,}; bearing a loss: {socialised:,}".format(**counts)
    for row in verifier.episodes:
        yield "episode {index}: {accounts:,} accounts; quanta at its end: insurance {insurance}, funds {funds}, deficit {deficit}, backstops {backstops}".format(**row)


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Recomputes a run from the JSON lines of `backstop export`.")
    parser.add_argument("file", help="JSON lines, or - for the standard input")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    parser.add_argument("--balances", action="store_true", help="print every owner's balances at each episode's end as JSON; the rest goes to stderr")
    options = parser.parse_args(arguments)
    try:
        if options.file == "-":
            sys.stdin.reconfigure(encoding="utf-8", errors="strict")
            verifier = verify(sys.stdin)
        else:
            with open(options.file, encoding="utf-8") as lines:
                verifier = verify(lines)
    except (Unreadable, OSError, UnicodeDecodeError) as error:
        print(f"{options.file}: cannot be read as an export: {error}", file=sys.stderr)
        return 2
    try:
        show(verifier, options)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has seen enough; the exit code still counts
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0 if verifier.mismatch_count == 0 else 1


def show(verifier, options):
    if options.json:
        result = {"agrees": verifier.mismatch_count == 0, "mismatch_count": verifier.mismatch_count, "mismatches": verifier.mismatches}
        result |= {"counts": verifier.counts, "episodes": verifier.episodes}
        if options.balances:
            result["balances"] = verifier.balances
        print(json.dumps(result, indent=1))
    else:
        output = sys.stderr if options.balances else sys.stdout
        for row in summary(verifier):
            print(row, file=output)
        if options.balances:
            print(json.dumps(verifier.balances, indent=1))
