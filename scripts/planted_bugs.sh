#!/bin/sh
# Plants each bug of tests/planted in a copy of the sources and has the simulator look for it: scripts/planted_bugs.sh [SEEDS]
set -u
cd "$(dirname "$0")/.." || exit 2
seeds=${1:-1000}
work=target/planted
tree=$work/tree
missed=0
command -v patch >/dev/null || { echo "planted bugs: no patch here; install it: apt-get install patch" >&2; exit 2; }

rm -rf "$tree"
mkdir -p "$tree"
git ls-files -z | xargs -0 cp --parents -t "$tree" || exit 2
target=$(pwd)/$work/build
play() {
    (cd "$tree" && cargo build --quiet --release -p backstop --no-default-features --target-dir "$target") || return 2
    "$target/release/backstop" simulate --seeds "$seeds" --json >"$work/report.json"
}
tell() {
    python3 -c 'import json, sys
report = json.load(open(sys.argv[1]))
failure = report["failure"]
if failure:
    print("after {} seeds, by {} faults: {}".format(report["seeds"] + 1, len(failure["faults"]), failure["found"]))' "$work/report.json"
}

play
case $? in
0) echo "planted bugs: as it is: $seeds seeds come right" ;;
1) echo "planted bugs: as it is, a seed fails already: $(tell)" >&2; exit 1 ;;
*) exit 2 ;;
esac
for bug in tests/planted/*.patch; do
    name=$(basename "$bug" .patch)
    (cd "$tree" && patch --quiet -p0) <"$bug" || { echo "planted bugs: $bug does not fit the sources any more; make it anew" >&2; exit 2; }
    play
    case $? in
    0) echo "planted bugs: $name: NOT found in $seeds seeds" >&2; missed=1 ;;
    1) echo "planted bugs: $name: found $(tell)" ;;
    *) echo "planted bugs: $name does not build" >&2; exit 2 ;;
    esac
    (cd "$tree" && patch --quiet -R -p0) <"$bug" || exit 2
done
exit $missed
