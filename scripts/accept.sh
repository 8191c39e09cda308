#!/bin/sh
# Acceptance: every tape through both devices with a full audit, each journal verified, then scripts/accept_check.py over what they say.
# Results stay in out/accept. Tapes: ${BACKSTOP_DATA:-../shared/data}/tapes/*.csv or *.csv.zst. ACCOUNTS=n overrides 10,000.
set -eu
cd "$(dirname "$0")/.."

data=${BACKSTOP_DATA:-../shared/data}
accounts=${ACCOUNTS:-10000}
backstop=${CARGO_TARGET_DIR:-target}/release/backstop
out=out/accept

# The tapes are the positional parameters, so that a name may hold spaces.
set --
for tape in "$data"/tapes/*.csv "$data"/tapes/*.csv.zst; do
    [ -f "$tape" ] && set -- "$@" "$tape"
done
if [ "$#" = 0 ]; then
    echo "accept: no tapes in $data/tapes; set BACKSTOP_DATA to the folder that holds tapes/" >&2
    exit 1
fi

cargo build --release -p backstop
rm -rf "$out"
mkdir -p "$out"

name_of() { basename "$1" | sed 's/\.csv\(\.zst\)\{0,1\}$//'; }

# Runs a command with its words in $1.log; says what it did and how long that took.
step() {
    step=$1
    shift
    start=$(date +%s)
    if "$@" 2>"$step.log"; then
        echo "accept: $step took $(($(date +%s) - start)) s" >&2
    else
        code=$?
        echo "accept: $step FAILED with exit code $code; the last lines of $step.log:" >&2
        tail -n 5 "$step.log" >&2
        return 1
    fi
}

# One run, its JSON beside its directory.
replay() {
    run=$out/$(name_of "$1").$2
    step "$run" "$backstop" replay --tape "$1" --accounts "$accounts" --audit full --device "$2" --out "$run" --json >"$run.json"
}

# All tapes on one device, side by side: the tapes are as many as the cores they were chosen for.
failed=0
for device in cpu sim; do
    running=
    for tape; do
        replay "$tape" "$device" &
        running="$running $!"
    done
    for process in $running; do
        wait "$process" || failed=1
    done
done

# Both devices write the same records (accept_check.py compares their chain hashes), so one of the two is recomputed.
for tape; do
    run=$out/$(name_of "$tape").cpu
    step "$run.verify" "$backstop" verify "$run/journal" --json >"$run.verify.json" || failed=1
done

# From tapes to their names, in place.
for tape; do
    shift
    set -- "$@" "$(name_of "$tape")"
done
python3 scripts/accept_check.py "$out" "$@" || failed=1
exit "$failed"
