#!/bin/sh
# Recomputes a run of the built-in scenario with the Python verifier, which shares no code with Backstop.
#
#   scripts/verify_export.sh BACKSTOP
set -eu
cd "$(dirname "$0")/.."
backstop=$1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$backstop" replay --device cpu --accounts 500 --out "$work/run" --json >"$work/summary.json"
journal=$work/run/journal
"$backstop" verify "$journal"
"$backstop" export "$journal" >"$work/run.jsonl"
python3 scripts/verify_export.py "$work/run.jsonl"
