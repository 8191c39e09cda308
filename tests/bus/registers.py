"""The register map, as `docs/registers.md` has it, which is generated from the gateware's own constants."""

import re

from records import ROOT

_TABLES = (ROOT / "docs/registers.md").read_text()
_ROWS = re.findall(r"^\| (0x[0-9a-f]{3}) \| (\w+) \| ([^|]*) \|", _TABLES, re.MULTILINE)
OFFSETS = {name: int(offset, 16) for offset, name, _ in _ROWS}
ACCESS = {name: access for _, name, access in _ROWS}
SETUP = "read, write while the rings stand"

STATUS = {name: 1 << int(bit) for bit, name in re.findall(r"^\| (\d+) \| STATUS_(\w+) ", _TABLES, re.MULTILINE)}

ENABLE, QUIESCE, RESET = 1, 2, 4
PUSH_WORDS = 8
SPACE_BYTES = 4_096
