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

TAPES = ("bitfinex crashes", "btc_perp_1m")
GOOD = {
    "source": "tape.csv.zst",
    "device": "cpu",
    "journal_chain": "cd34",
    "state_hash": "ab12",
    "episodes": 2,
    "rounds": 90,
    "audited": 70,
    "flags": 12,
    "insurance_end": -5,
    "device_clocks": 0,
    "seconds": 1.5,
    "disagreements": 0,
    "verdicts_due": 500,
    "verdicts_given": 500,
    "ledger_balanced": True,
    "liquidations_partial": 3,
    "liquidations_full": 0,
    "takeovers": 2,
    "symbols": {"BTCUSD": {"held": 4, "confirmed": 1, "dropped": 3}},
}
VERIFIED = {
    "episodes": 2,
    "rounds": 90,
    "events": 300,
    "verdicts": 12,
    "decisions": 4,
    "state_hash": "ab12",
    "journal_chain": "cd34",
    "unfinished": False,
    "notes": ["audit of every account"],
}
HEADER = "time_ms,symbol,account,mark,lots\n"
ROWS = "1365615375000,BTCUSD,7,150.5,20\n1365615375000,XRPUSD,7,0.2,20\n"


class AcceptCheck(unittest.TestCase):
    def write(self, directory, tapes, rows=ROWS, header=HEADER):
        """Results of runs in which every demand holds."""
        for tape in tapes:
            for device in accept_check.DEVICES:
                own = {"device": device, "device_clocks": 7 * (device == "sim"), "seconds": len(tape) / 3}
                (directory / f"{tape}.{device}.json").write_text(json.dumps(GOOD | own))
                (directory / f"{tape}.{device}").mkdir()
                (directory / f"{tape}.{device}" / "liquidations.csv").write_text(header + rows)
            (directory / f"{tape}.cpu.verify.json").write_text(json.dumps(VERIFIED))

    def run_check(self, directory, tapes):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            code = accept_check.main([str(directory), *tapes])
        return code, printed.getvalue()

    def check(self, change=None, device="sim", tapes=TAPES, edit=None, **results):
        """Exit code and what is printed, with `change` made to one device's summary of the first tape, and `edit` to the files."""
        with tempfile.TemporaryDirectory(prefix="a b ") as name:
            directory = Path(name)
            self.write(directory, tapes, **results)
            if change:
                self.change(directory / f"{tapes[0]}.{device}.json", change)
            if edit:
                edit(directory)
            return self.run_check(directory, tapes)

    def change(self, path, change):
        path.write_text(json.dumps(json.loads(path.read_text()) | change))

    def test_good_results_pass_and_show_the_marks(self):
        code, printed = self.check()
        self.assertEqual(code, 0, printed)
        self.assertIn("BTCUSD: marks held 4, confirmed 1, dropped 3", printed)
        self.assertIn("verified: episodes 2, rounds 90, events 300, verdicts 12, decisions 4; state ab12", printed)
        self.assertIn("note: audit of every account", printed)

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
            ({"audited": 0}, "no account was read back"),
            ({"audited": None}, "audited is None"),
            ({"audited": 69}, "audited is 70 on the CPU and 69 on the gateware"),
            ({"flags": 13}, "flags is 12 on the CPU and 13"),
            ({"insurance_end": -6}, "insurance_end is -5 on the CPU and -6"),
            ({"bad_debt": 1}, "bad_debt is None on the CPU and 1"),
            ({"rounds": "90"}, "rounds is 90 on the CPU and 90"),
            ({"source": "another"}, "source is tape.csv.zst on the CPU and another"),
            ({"symbols": {"BTCUSD": {"held": 4, "confirmed": 2, "dropped": 3}}}, "symbols.BTCUSD.confirmed is 1 on the CPU and 2"),
            ({"symbols": GOOD["symbols"] | {"XRPUSD": {"held": 0}}}, "symbols.XRPUSD is None on the CPU"),
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

    def test_both_tapes_must_be_among_them(self):
        for tapes, named in [(("btc_perp", "other"), "no Bitfinex tape"), (("bitfinex", "perp"), "no BTC perpetual tape")]:
            code, printed = self.check(tapes=tapes)
            self.assertEqual(code, 1)
            self.assertEqual(printed.count("FAILED"), 1)
            self.assertIn(named, printed)

    def test_files_of_the_two_devices_must_be_the_same_bytes(self):
        for name in ("liquidations.csv",):
            paths = [f"{TAPES[1]}.{device}/{name}" for device in accept_check.DEVICES]

            def edited(directory):
                path = directory / paths[1]
                data = path.read_bytes()
                path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))

            def missing(directory):
                (directory / paths[1]).unlink()

            def empty(directory):
                for path in paths:
                    (directory / path).write_bytes(b"")

            for edit, named in [
                (edited, f"{name} of the two devices differs"),
                (missing, f"{name}: "),
                (empty, f"{name} is empty"),
            ]:
                with self.subTest(name, edit=edit.__name__):
                    code, printed = self.check(edit=edit)
                    self.assertEqual(code, 1)
                    self.assertIn(named, printed)

    def test_the_journal_must_verify_to_the_run(self):
        for change, named in [
            ({"unfinished": True}, "unfinished is True"),
            ({"unfinished": None}, "unfinished is None"),
            ({"state_hash": "ab13"}, "state_hash is ab13, but state_hash of the run is ab12"),
            ({"journal_chain": "cd35"}, "journal_chain is cd35, but journal_chain of the run is cd34"),
            ({"verdicts": 11}, "verdicts is 11, but flags of the run is 12"),
            ({"rounds": 89}, "rounds is 89, but rounds of the run is 90"),
            ({"decisions": None}, "decisions is None, not an integer"),
        ]:
            with self.subTest(named):
                code, printed = self.check(edit=lambda directory: self.change(directory / f"{TAPES[0]}.cpu.verify.json", change))
                self.assertEqual(code, 1)
                self.assertIn(named, printed)
        code, printed = self.check(edit=lambda directory: (directory / f"{TAPES[1]}.cpu.verify.json").write_text(""))
        self.assertEqual(code, 1)
        self.assertIn("verify.json", printed)


if __name__ == "__main__":
    unittest.main()
