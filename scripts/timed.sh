#!/bin/sh
# Runs a command and says how long it took: scripts/timed.sh LABEL COMMAND...
set -u
label=$1
shift
echo "==> $label"
start=$(date +%s)
"$@"
code=$?
took=$(($(date +%s) - start))
if [ "$code" = 0 ]; then
    echo "<== $label: $took s"
else
    echo "<== $label: FAILED with exit code $code after $took s" >&2
fi
exit "$code"
