#!/bin/sh
# Elaborates the examples of hdl/integration/ with the emitted Verilog and the stubs of their neighbours. A port that is missing, unknown
# or of another width fails it.
#
#   scripts/lint_integration.sh
set -eu
cd "$(dirname "$0")/.."

directory=$(cargo run --quiet -p hdl --bin package -- build/lint portable lanes=1 accounts=64 slots=256 instruments=4)
for top in xdma litepcie verilog_pcie inline_mac; do
    echo "lint-hdl: verilator, hdl/integration/$top.v"
    verilator --lint-only -Wall --top-module "backstop_$top" hdl/lint.vlt hdl/integration/lint.vlt \
        "hdl/integration/$top.v" hdl/integration/stubs.v \
        "$directory/backstop_pcie.v" "$directory/backstop_inline.v" "$directory/primitives.v"
done
