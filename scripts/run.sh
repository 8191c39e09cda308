#!/bin/sh
# The main job: builds Backstop and runs the built-in crash scenario on the simulated gateware; on the CPU device where the tools
# of the simulator cannot be had. Arguments go to `backstop replay`. Results: out/run-<time>, or $OUT.
set -eu
cd "$(dirname "$0")/.."

device=sim
features=
compare=--compare
scripts/setup.sh run || {
    [ "$?" = 2 ] || exit 1
    echo "run: no simulator, so this run judges margin on the CPU (--device cpu)." >&2
    device=cpu
    features=--no-default-features
    compare=
}
# No features is no argument.
# shellcheck disable=SC2086
cargo build --release -p backstop $features

out=${OUT:-out/run-$(date -u +%Y%m%dT%H%M%SZ)}
mkdir -p "$(dirname "$out")"
# shellcheck disable=SC2086
exec "${CARGO_TARGET_DIR:-target}/release/backstop" replay --device "$device" --out "$out" $compare "$@"
