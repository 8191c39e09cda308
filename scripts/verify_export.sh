#!/bin/sh
# Recomputes runs of the built-in scenario with the Python verifier, which shares no code with Backstop: orders that are filled at once,
# orders that take time and may be rejected, and funds, budgets and a backstop so small that others bear the losses, in every order.
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

# Marks composed of index and book, halts at small moves, and a gate at every mark, which every third of them ends.
sed -e 's/^composition = .*/composition = { stale_ms = 60_000, ema_ms = 150_000, band = 0.05 }/' -e 's/gap_ms = 600_000/gap_ms = 5_000/' \
    -e 's/hold_ms = 60_000, band = 0.05, release_ms = 60_000/hold_ms = 4_000, band = 0.005, release_ms = 999/' -e 's/^breaker = { band = 0.1,/breaker = { band = 0.02,/' host/backstop/rules/default.toml >"$work/composed.toml"
recompute --accounts 200 --seed 3 --rules "$work/composed.toml"
python3 - "$work/summary.json" <<'END'
import json, sys
summary = json.load(open(sys.argv[1]))
missing = [name for name in ("halts", "gates_opened", "slices", "takeovers") if summary[name] == 0]
if missing:
    sys.exit(f"verify_export: under composed marks there were no {', '.join(missing)}, so the run shows nothing; change its rules")
END

for order in pro-rata hyperliquid bitmex binance rotation; do
    sed -e 's/^budget = .*/budget = { capacity = 20_000, refill = 2_000 }/' -e 's/^backstop = .*/backstop = { notional = 50_000, loss = 10_000 }/' \
        -e 's/^fund_cap = .*/fund_cap = 100/' -e 's/reserve = 0/reserve = 10_000_000/' -e "s/^deleveraging = .*/deleveraging = \"$order\"/" host/backstop/rules/default.toml >"$work/$order.toml"
    recompute --accounts 300 --rules "$work/$order.toml"
    borne=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["haircuts"])' "$work/summary.json")
    [ "$borne" != 0 ] || { echo "verify_export: under $order nobody bore a loss, so the run shows nothing; change its rules" >&2; exit 1; }
done
