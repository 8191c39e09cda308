"""Recomputes a run from its export: every verdict, decision, fill and balance, in exact integers.

Written from `docs/accounting.md` (rules), `docs/venue.md` (the simulated book), `docs/journal.md` (the lines) and the contract's rounds. It shares
no code with Backstop: E and R of an account are summed from its cash and positions each time it is judged, a slice is found by search, and so are
the fills and books of the simulated venue where a note names one. The hashes
are not checked (blake3 is not in the standard library), nor which orders the venue rejects, nor what caused the other events of an external round:
marks are taken as they were applied, with the impact of fills on them.
"""
