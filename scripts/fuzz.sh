#!/bin/sh
# libFuzzer against every parser: scripts/fuzz.sh [SECONDS] [PARSER...]; seconds are for each, 60 if nothing is said.
set -u
cd "$(dirname "$0")/.." || exit 2
seconds=${1:-60}
[ $# -gt 0 ] && shift
parsers=${*:-Tape Books Rules BinanceTiers DydxGenesis Journal Entry State Records}
work=target/fuzz

if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "fuzz: no nightly compiler here; install one: rustup toolchain install nightly --profile minimal" >&2
    exit 2
fi
host=$(rustc +nightly -vV | sed -n 's/^host: //p')
coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing"
echo "==> build with coverage"
RUSTFLAGS="$coverage" CARGO_PROFILE_RELEASE_LTO=off cargo +nightly build --quiet --release --manifest-path fuzz/Cargo.toml \
    --target "$host" --target-dir "$work/build" || exit 2
program=$work/build/$host/release/backstop-fuzz
failed=0
for parser in $parsers; do
    corpus=$work/corpus/$parser
    mkdir -p "$corpus" "$work/crashes"
    # An empty run writes the samples.
    BACKSTOP_PARSER=$parser BACKSTOP_SAMPLES=$corpus "$program" -runs=0 >"$work/$parser.log" 2>&1 ||
        { cat "$work/$parser.log" >&2; exit 2; }
    if BACKSTOP_PARSER=$parser "$program" "$corpus" -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=4096 \
        -artifact_prefix="$work/crashes/$parser-" -print_final_stats=1 >"$work/$parser.log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$parser.log")
        covered=$(sed -n 's/.*cov: \([0-9]*\) .*/\1/p' "$work/$parser.log" | tail -n 1)
        echo "fuzz: $parser: $runs inputs, $covered edges covered, $(find "$corpus" -type f | wc -l) kept, nothing found"
    else
        failed=1
        crash=$(sed -n 's/.*Test unit written to //p' "$work/$parser.log" | tail -n 1)
        grep -m 3 -e 'panicked at' -A 1 -e 'ERROR: libFuzzer' "$work/$parser.log" >&2
        echo "fuzz: $parser FAILED; again: BACKSTOP_PARSER=$parser $program ${crash:-(see $work/$parser.log)}" >&2
    fi
done
exit $failed
