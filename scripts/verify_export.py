#!/usr/bin/env python3
"""Recomputes a run from its export and compares every verdict, decision and fill; see `verify_export/__init__.py`.

    backstop export JOURNAL > run.jsonl
    python3 scripts/verify_export.py run.jsonl [--json] [--balances]

Exit 0: all agrees. 1: the first mismatches are printed. 2: the input cannot be read.
"""

import sys

from verify_export.program import main  # the folder of this name, which Python finds before this file

if __name__ == "__main__":
    sys.exit(main())
