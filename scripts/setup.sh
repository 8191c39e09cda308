#!/bin/sh
# Installs what building and testing need and is not there yet; says nothing if all is there.
#
#   scripts/setup.sh [test|run|lint-hdl|cocotb|route|formal|vm-test]
#
# test (default): everything that building and testing need. run: only what the simulated gateware needs; without it the
# CPU device still runs. lint-hdl and cocotb: the second simulator too. cocotb, route and formal: what their scripts install
# their own tools with. vm-test: what its guest's programs are linked with, and the keys of Debian's packages.
# Exit 0: all there. 1: no Rust. 2: packages are missing and could not be installed; the message names them.
set -eu

purpose=${1:-test}
case $purpose in
test | run | lint-hdl | cocotb | route | formal | vm-test) ;;
*)
    echo "usage: scripts/setup.sh [test|run|lint-hdl|cocotb|route|formal|vm-test]" >&2
    exit 64
    ;;
esac

has() { command -v "$1" >/dev/null 2>&1; }

has_zlib_header() {
    has g++ && printf '#include <zlib.h>\n' | g++ -E -x c++ - >/dev/null 2>&1
}

has_venv() {
    has python3 && python3 -c 'import ensurepip, venv' 2>/dev/null
}

has_static_libc() {
    has gcc && [ -f "$(gcc -print-file-name=libc.a)" ]
}

has_keyring() {
    [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || [ -e /usr/share/keyrings/debian-archive-keyring.pgp ]
}

# Debian names of what is missing.
missing() {
    has verilator || echo verilator
    has g++ || echo g++
    has_zlib_header || echo zlib1g-dev
    # Verilator calls make only for its own check-ups, but its package may come without.
    has make || echo make
    if [ "$purpose" != run ]; then
        has python3 || echo python3
    fi
    if [ "$purpose" = lint-hdl ] || [ "$purpose" = cocotb ]; then
        has iverilog || echo iverilog
    fi
    if [ "$purpose" = route ] || [ "$purpose" = formal ] || [ "$purpose" = cocotb ]; then
        has_venv || echo python3-venv
    fi
    if [ "$purpose" = vm-test ]; then
        has_static_libc || echo libc6-dev
        has_keyring || echo debian-archive-keyring
    fi
}

if ! has cargo || ! has rustc; then
    echo "setup: cargo and rustc are missing. Install Rust $(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml) with rustup, then run this again." >&2
    exit 1
fi

packages=$(missing | tr '\n' ' ')
[ -n "$packages" ] || exit 0

give_up() {
    echo "setup: $1" >&2
    echo "setup: install these packages and run this again: $packages" >&2
    exit 2
}

has apt-get || give_up "there is no apt-get here to install packages with."
as_root=
if [ "$(id -u)" != 0 ]; then
    if has sudo && sudo -n true 2>/dev/null; then
        as_root="sudo -n"
    else
        give_up "installing packages needs root."
    fi
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30 "$@" >"$log" 2>&1 </dev/null || {
        tail -n 5 "$log" >&2
        give_up "apt-get $1 failed (above are its last lines)."
    }
}

echo "setup: installing $packages"
apt update
# The list of packages is words, on purpose.
# shellcheck disable=SC2086
apt install -y --no-install-recommends $packages

packages=$(missing | tr '\n' ' ')
[ -z "$packages" ] || give_up "they are installed and still not found."
echo "setup: done"
