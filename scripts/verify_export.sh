#!/bin/sh
# Recomputes runs of the built-in scenario with the Python verifier, which shares no code with Backstop: orders that are filled at once, and
# orders that take time and may be rejected.
#
#   scripts/verify_export.sh BACKSTOP
set -eu
cd "$(dirname "$0")/.."
backstop=$1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

recompute() {
    rm -rf "$work/run"
    "$backstop" replay --device cpu --out "$work/run" --json "$@" >"$work/summary.json"
    "$backstop" verify "$work/run/journal"
    "$backstop" export "$work/run/journal" >"$work/run.jsonl"
    python3 scripts/verify_export.py "$work/run.jsonl"
}

recompute --accounts 500
recompute --accounts 200 --seed 2 --venue-latency 2000 --venue-rejects 100000
