"""Tests of the acceptance check: good results pass, and each demand, broken alone, is named.

    python3 -m unittest discover -s scripts
"""

import contextlib
import io
import json
import os
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import accept_check

TAPES = ("bitfinex_crashes", "perp")
GOOD = {
    "state_hash": "ab12",
    "disagreements": 0,
    "verdicts_due": 500,
    "verdicts_given": 500,
    "ledger_balanced": True,
    "liquidations_partial": 3,
    "liquidations_full": 0,
    "takeovers": 2,
    "symbols": {"BTCUSD": {"held": 4, "confirmed": 1, "dropped": 3}},
}
HEADER = "time_ms,symbol,account,mark,lots\n"
ROWS = "1365615375000,BTCUSD,7,150.5,20\n1365615375000,XRPUSD,7,0.2,20\n"


class AcceptCheck(unittest.TestCase):
    def check(self, change=None, device="sim", rows=ROWS, tapes=TAPES, header=HEADER):
        """Exit code and what is printed, with `change` made to one device's summary of the first tape."""
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name)
            for tape in tapes:
                for each in accept_check.DEVICES:
                    summary = dict(GOOD)
                    if tape == tapes[0] and each == device:
                        summary.update(change or {})
                    (directory / f"{tape}.{each}.json").write_text(json.dumps(summary))
                    (directory / f"{tape}.{each}").mkdir()
                    (directory / f"{tape}.{each}" / "liquidations.csv").write_text(header + rows)
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                code = accept_check.main([name, *tapes])
            return code, printed.getvalue()

    def test_good_results_pass_and_show_the_marks(self):
        code, printed = self.check()
        self.assertEqual(code, 0, printed)
        self.assertIn("BTCUSD: marks held 4, confirmed 1, dropped 3", printed)

    def test_each_broken_demand_is_named(self):
        for change, named in [
            ({"state_hash": "ab13"}, "state_hash is ab12 on the CPU and ab13"),
            ({"disagreements": 1}, "1 disagreements"),
            ({"verdicts_given": 499}, "499 verdicts given of 500 due"),
            ({"verdicts_due": 0, "verdicts_given": 0}, "no verdict was due"),
            ({"ledger_balanced": False}, "ledger_balanced is False"),
            ({"ledger_balanced": None}, "ledger_balanced is None"),
            ({"liquidations_partial": 0}, "no partial liquidation"),
            ({"liquidations_full": 0, "takeovers": 0}, "neither a full liquidation nor a takeover"),
            ({"takeovers": "2"}, "takeovers is '2', not an integer"),
            ({"state_hash": ""}, "state_hash is ''"),
        ]:
            with self.subTest(named):
                code, printed = self.check(change)
                self.assertEqual(code, 1)
                self.assertIn(named, printed)
        for symbols, named in [
            ({}, "no `symbols`"),
            ({"BTCUSD": {"held": 4, "dropped": 3}}, "no number of marks confirmed"),
            ({"BTCUSD": {"held": 4, "confirmed": 1, "dropped": 2}}, "2 marks of BTCUSD dropped"),
            ({"BTCUSD": {"held": 4, "confirmed": 0, "dropped": 3}}, "no held mark was confirmed"),
        ]:
            with self.subTest(named):
                code, printed = self.check({"symbols": symbols}, device="cpu")
                self.assertEqual(code, 1)
                self.assertIn(named, printed)

    def test_a_bad_print_that_liquidates_is_found(self):
        for time, mark in [(1365615390000, "19.9"), (1365615420000, "19.90"), (1365683640000, "15.0"), (1365703920000, "1.06")]:
            code, printed = self.check(rows=f"{ROWS}{time},BTCUSD,7,{mark},20\n")
            self.assertEqual(code, 1)
            self.assertIn(f"mark {mark}, the minute of the bad print", printed)

    def test_marks_in_other_units_are_refused(self):
        code, printed = self.check(rows="1365615375000,BTCUSD,7,15000,20\n")
        self.assertEqual(code, 1)
        self.assertIn("no price of the tape in dollars", printed)

    def test_missing_columns_and_results_are_refused(self):
        code, printed = self.check(header=HEADER.replace("mark", "price"))
        self.assertEqual(code, 1)
        self.assertIn("needs the columns", printed)
        with tempfile.TemporaryDirectory() as name, contextlib.redirect_stderr(io.StringIO()) as printed:
            self.assertEqual(accept_check.main([name, "bitfinex"]), 1)
        self.assertIn("bitfinex.cpu.json", printed.getvalue())

    def test_the_bitfinex_tape_must_be_among_them(self):
        code, printed = self.check(tapes=("perp", "other"))
        self.assertEqual(code, 1)
        self.assertIn("no Bitfinex tape", printed)


if __name__ == "__main__":
    unittest.main()
