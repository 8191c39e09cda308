#!/bin/sh
# Acceptance: every tape through both devices with a full audit, then scripts/accept_check.py over what they say.
# Results stay in out/accept. Tapes: ${BACKSTOP_DATA:-../shared/data}/tapes/*.csv or *.csv.zst. ACCOUNTS=n overrides 10,000.
set -eu
cd "$(dirname "$0")/.."

data=${BACKSTOP_DATA:-../shared/data}
accounts=${ACCOUNTS:-10000}
backstop=${CARGO_TARGET_DIR:-target}/release/backstop
out=out/accept

tapes=
for tape in "$data"/tapes/*.csv "$data"/tapes/*.csv.zst; do
    [ -f "$tape" ] && tapes="$tapes $tape"
done
if [ -z "$tapes" ]; then
    echo "accept: no tapes in $data/tapes; set BACKSTOP_DATA to the folder that holds tapes/" >&2
    exit 1
fi

cargo build --release -p backstop
rm -rf "$out"
mkdir -p "$out"

name_of() { basename "$1" | sed 's/\.csv\(\.zst\)\{0,1\}$//'; }

# One run, its JSON beside its directory.
replay() {
    run=$out/$(name_of "$1").$2
    start=$(date +%s)
    if "$backstop" replay --tape "$1" --accounts "$accounts" --audit full --device "$2" --out "$run" --json >"$run.json" 2>"$run.log"; then
        echo "accept: $run took $(($(date +%s) - start)) s"
    else
        code=$?
        echo "accept: $run FAILED with exit code $code; the last lines of $run.log:" >&2
        tail -n 5 "$run.log" >&2
        return 1
    fi
}

# All tapes on one device, side by side: the tapes are as many as the cores they were chosen for.
failed=0
for device in cpu sim; do
    running=
    for tape in $tapes; do
        replay "$tape" "$device" &
        running="$running $!"
    done
    for process in $running; do
        wait "$process" || failed=1
    done
done

names=
for tape in $tapes; do
    names="$names $(name_of "$tape")"
done
# The names are words, on purpose.
# shellcheck disable=SC2086
python3 scripts/accept_check.py "$out" $names || failed=1
exit "$failed"
