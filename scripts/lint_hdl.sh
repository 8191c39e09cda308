#!/bin/sh
# Lints the emitted Verilog of small and large builds and the examples around it, then plays the differential stream to it under Icarus.
#
#   scripts/lint_hdl.sh
set -eu
cd "$(dirname "$0")/.."

for lanes in 1 4; do
    for sizes in "" "accounts=64 slots=256 instruments=4"; do
        # The sizes are words, on purpose.
        # shellcheck disable=SC2086
        directory=$(cargo run --quiet -p hdl --bin package -- build/lint portable "lanes=$lanes" $sizes)
        echo "lint-hdl: verilator, both tops, $lanes lanes, ${sizes:-production sizes}"
        (cd "$directory" && verilator --lint-only -Wall --top-module backstop_inline ../../../hdl/lint.vlt -f files.f)
        (cd "$directory" && verilator --lint-only -Wall --top-module backstop_pcie ../../../hdl/lint.vlt -f files_pcie.f)
    done
done
scripts/lint_integration.sh
echo "lint-hdl: iverilog against verilator and the model"
cargo test --quiet --test icarus -- --ignored --nocapture
