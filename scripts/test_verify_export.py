"""Tests of the verifier as a whole: a run worked out by hand passes, every tampered copy of it fails, and unreadable input is refused.

    python3 -m unittest discover -s scripts
"""

import contextlib
import copy
import io
import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from export_kit import RULES, Run, bankrupt, bankrupted, endowed, events, filled, hand_made, listed, mark, take_over, verify
from verify_export import books, program, run


class HandMade(unittest.TestCase):
    def setUp(self):
        self.lines = copy.deepcopy(hand_made().lines)

    def assert_agrees(self, lines):
        verifier = verify(lines)
        self.assertEqual(verifier.mismatches, [])
        return verifier

    def assert_found(self, what, count=None):
        """The tampered lines fail, and the first mismatch is about `what`."""
        verifier = verify(self.lines)
        self.assertGreater(verifier.mismatch_count, 0)
        self.assertIn(what, verifier.mismatches[0]["what"])
        if count is not None:
            self.assertEqual(verifier.mismatch_count, count, verifier.mismatches)
        return verifier.mismatches[0]

    def flags(self):
        return [line["flags"] for line in self.lines if line["entry"] == "verdict" and line["flags"]]

    def commands(self):
        return [line["commands"] for line in self.lines if line["entry"] == "decision" and line["commands"]]

    def test_passes(self):
        verifier = self.assert_agrees(self.lines)
        counts = {
            "events": 21, "refused": 0, "rounds": 14, "marks": 8, "applied": 6, "held": 1, "confirmed": 1, "dropped": 1,
            "discarded": 0, "flags": 9, "decisions": 4, "fills": 1, "takeovers": 1, "bankruptcies": 2,
        }  # fmt: skip
        self.assertEqual({name: verifier.counts[name] for name in counts}, counts)
        row = {"index": 0, "accounts": 3, "insurance": "0", "deficit": "-5518", "funds": "0", "backstops": "44700"}
        self.assertEqual(verifier.episodes, [row])
        owners = verifier.balances[0]["owners"]
        rows = [owners[name] for name in books.Books.SYSTEM] + owners["funds"] + owners["backstops"] + list(owners["accounts"].values())
        self.assertEqual(sum(int(row["cash"]) for row in rows), 0)
        self.assertFalse(any(row["lots"] for row in rows))

    def test_a_restart_makes_a_round_that_has_not_ended_void(self):
        ends = [at for at, line in enumerate(self.lines) if line["entry"] == "round_ended"]
        for end in ends:
            first = self.lines[end]["first_sequence"]
            begins = end - self.lines[end]["events"]
            restarted = {"entry": "restarted", "next_sequence": first}
            for cut in range(begins, end + 1):
                lines = self.lines[:cut] + [restarted] + self.lines[begins:]
                self.assertEqual(self.assert_agrees(lines).counts, self.assert_agrees(self.lines).counts)
            # After the round's end, its verdict and its decision.
            for cut in range(end + 1, end + 4):
                later = restarted | {"next_sequence": first + self.lines[end]["events"]}
                self.assert_agrees(self.lines[:cut] + [later] + self.lines[cut:])
        self.lines.insert(ends[3], {"entry": "restarted", "next_sequence": self.lines[ends[3]]["first_sequence"]})
        self.assert_found("order of entries")

    def test_inputs_of_a_source_rise(self):
        self.lines[2:2] = [{"entry": "taken", "source": 1, "sequence": 5}]
        self.assert_agrees(self.lines)
        end = next(at for at, line in enumerate(self.lines) if line["entry"] == "decision")
        self.lines[end + 1:end + 1] = [{"entry": "taken", "source": 1, "sequence": 5}]
        self.assert_found("input of source 1", 1)

    def test_two_episodes(self):
        made = hand_made()
        made.start()
        made.add(0, [listed(), mark(10_000)])
        made.lines.append({"entry": "note", "time_ms": 0, "text": "anywhere"})
        made.end(0)
        self.assertEqual(len(self.assert_agrees(made.lines).episodes), 2)

    def test_changed_verdicts(self):
        for field, value in [
            ("severity_new", 2),
            ("severity_old", 1),
            ("account", 2),
            ("equity", "5000001"),
            ("requirement", "4749999"),
            ("sequence", 8),
        ]:
            with self.subTest(field):
                self.setUp()
                self.flags()[0][0][field] = value
                self.assert_found("verdict of round 2", count=1)

    def test_dropped_flag(self):
        self.flags()[3].clear()
        self.assertIn("nothing, 0 in all", self.assert_found("verdict of round 5", count=1)["found"])

    def test_invented_flag(self):
        self.flags()[3].append(self.flags()[3][0] | {"account": 2})
        self.assert_found("verdict of round 5", count=1)

    def test_wrong_fill(self):
        for quote in (18_881, 18_883):
            self.setUp()
            events(self.lines, "filled")[0]["quote"] = str(quote)
            self.assert_found("fill of order 1")

    def test_wrong_slice(self):
        for lots in (-1, -3):
            self.setUp()
            self.commands()[0][0]["lots"] = lots
            self.assert_found("decision after round 3")

    def test_wrong_limit(self):
        self.commands()[0][0]["limit"] = 9260
        self.assert_found("decision after round 3", count=1)

    def test_wrong_order_number(self):
        self.commands()[0][0]["order"] = 2
        self.assert_found("decision after round 3")

    def test_decision_left_out_or_changed(self):
        for tampered in ([], [bankrupt(1)], [take_over(2)], [take_over(1, 3)], [take_over(1), take_over(3)]):
            self.setUp()
            self.commands()[1][:] = tampered
            self.assert_found("decision after round 5")

    def test_missing_event(self):
        at = [i for i, line in enumerate(self.lines) if line["entry"] == "event"]
        for i in at[:-1]:
            with self.subTest(self.lines[i]["event"]["type"]):
                lines = self.lines[:i] + self.lines[i + 1 :]
                verifier = verify(lines)
                self.assertGreater(verifier.mismatch_count, 0)

    def test_wrong_sequence(self):
        self.lines[9]["sequence"] += 1
        self.assert_found("event sequence")

    def test_wrong_guard_outcome(self):
        """A run whose guard let the mark of 20,000 through at once."""
        verdicts = [line for line in self.lines if line["entry"] == "verdict"]
        verdicts[9]["flags"] = [verdicts[11]["flags"][0] | {"sequence": 15, "equity": "-5000000", "requirement": "1000000"}]
        verdicts[11]["flags"] = []
        self.assertIn("nothing", self.assert_found("verdict of round 9", count=2)["expected"])

    def test_a_guard_that_never_confirms(self):
        verdicts = [line for line in self.lines if line["entry"] == "verdict"]
        verdicts[11]["flags"] = []
        self.assert_found("verdict of round 11", count=1)

    def test_wrong_round_bounds(self):
        ends = [line for line in self.lines if line["entry"] == "round_ended"]
        for field, value in (("first_sequence", 4), ("events", 5), ("time_ms", 1), ("round", 7), ("external", False)):
            with self.subTest(field):
                copies = copy.deepcopy(self.lines)
                at = self.lines.index(ends[1])
                copies[at][field] = value
                self.assertGreater(verify(copies).mismatch_count, 0)

    def test_outcomes_that_are_not_the_decisions(self):
        self.setUp()
        event = events(self.lines, "bankrupted")[0]
        event["accounts"] = [3]
        self.assert_found("outcomes of the decision")

    def test_decision_round_called_external(self):
        line = next(line for line in self.lines if line["entry"] == "round_ended" and not line["external"])
        line["external"] = True
        self.assert_found("cause of the round")

    def test_order_of_entries(self):
        for name in ("verdict", "decision", "round_ended", "episode_ended", "episode_started"):
            with self.subTest(name):
                at = next(i for i, line in enumerate(self.lines) if line["entry"] == name)
                self.assertGreater(verify(self.lines[:at] + self.lines[at + 1 :]).mismatch_count, 0)

    def test_episode_without_settlement(self):
        at = next(i for i, line in enumerate(self.lines) if line.get("event", {}).get("type") == "settled")
        self.assertGreater(verify(self.lines[:at] + self.lines[-1:]).mismatch_count, 0)

    def test_cut_off(self):
        verifier = verify(self.lines[:-1])
        self.assertEqual(verifier.mismatches[-1]["what"], "end of the input")

    def test_every_number_counts(self):
        """Any event's amount, price or size changed by one is found, but for those that no verdict or decision depends on."""
        blind = []
        for i, line in enumerate(self.lines):
            for field in ("quanta", "price", "lots", "quote"):
                if line["entry"] != "event" or field not in line["event"]:
                    continue
                copies = copy.deepcopy(self.lines)
                event = copies[i]["event"]
                value = event[field]
                event[field] = str(int(value) + 1) if isinstance(value, str) else value + 1
                if verify(copies).mismatch_count == 0:
                    blind.append(line["event"])
        # nobody holds anything at the first mark, and nobody is judged at a held or dropped one
        self.assertEqual(blind, [mark(10_000), endowed(300), mark(20_000), mark(30_000)])


class Input(unittest.TestCase):
    def run_main(self, data, *options):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "run.jsonl")
            with open(path, "wb") as file:
                file.write(data)
            out, err = io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = program.main([path, *options])
        return code, out.getvalue(), err.getvalue()

    def data(self, lines=None):
        return b"".join(json.dumps(line).encode() + b"\n" for line in lines or hand_made().lines)

    def test_success(self):
        code, out, _ = self.run_main(self.data())
        self.assertEqual(code, 0)
        self.assertIn("agrees: 1 episodes, 14 rounds, 21 events (0 refused)", out)
        self.assertIn("insurance 0, funds 0, deficit -5518, backstops 44700", out)

    def test_json_and_balances(self):
        code, out, _ = self.run_main(self.data(), "--json", "--balances")
        result = json.loads(out)
        self.assertEqual((code, result["agrees"]), (0, True))
        self.assertEqual(result["balances"][0]["owners"]["accounts"]["1"], {"cash": "0", "lots": {}})
        code, out, err = self.run_main(self.data(), "--balances")
        self.assertEqual(json.loads(out), result["balances"])
        self.assertIn("agrees", err)

    def test_mismatches_have_their_place(self):
        lines = hand_made().lines
        at = next(i for i, line in enumerate(lines) if line["entry"] == "verdict" and line["flags"])
        lines[at]["flags"][0]["equity"] = "5000001"
        code, out, _ = self.run_main(self.data(lines))
        self.assertEqual(code, 1)
        self.assertTrue(out.startswith(f"line {at + 1}, event 9: verdict of round 2, number 1: expected account 1"), out)
        code, out, _ = self.run_main(self.data(lines), "--json")
        self.assertEqual((code, json.loads(out)["mismatches"][0]["line"]), (1, at + 1))

    def test_many_mismatches_are_counted(self):
        made = Run()
        made.start()
        for at in range(50):
            made.add(0, [listed(at)], flags=[(0, 1, 0, 1, 0, 0)])
        made.end(0)
        code, out, _ = self.run_main(self.data(made.lines))
        self.assertEqual(code, 1)
        self.assertEqual(len(out.splitlines()), run.MISMATCHES_SHOWN + 1)
        self.assertIn("50 mismatches, 30 of them not shown", out)

    def test_unreadable(self):
        lines = hand_made().lines

        def changed(at, **fields):
            copies = copy.deepcopy(lines)
            copies[at] |= fields
            return self.data(copies)

        whole = self.data()
        for name, data in {
            "empty": b"",
            "no JSON": b"BKSTPJNL\n",
            "no UTF-8": whole[:50] + b"\xff" + whole[50:],
            "no header": self.data(lines[1:]),
            "another version": changed(0, version=1),
            "a second header": self.data(lines + lines[:1]),
            "an unknown entry": changed(3, entry="events"),
            "an unknown field": changed(3, colour="red"),
            "a float": changed(3, time_ms=1.5),
            "text for a number": changed(3, time_ms="1"),
            "an unknown event": changed(3, event={"type": "marked"}),
            "a number for text": changed(4, event={"type": "fund_endowed", "instrument": None, "quanta": 300}),
            "not a decimal": changed(4, event={"type": "fund_endowed", "instrument": None, "quanta": "0x10"}),
            "a missing field": changed(3, event={"type": "mark", "price": 1}),
            "cut inside a line": whole[:-10],
            "an empty line": whole + b"\n",
            "a list": whole + b"[]\n",
            "rules without a wait for cancellations": changed(1, rules={name: RULES[name] for name in RULES if name != "cancel_wait_ms"}),
            "scale 0": changed(1, rules=RULES | {"scale": 0}),
            "a rule of deleveraging that is not defined": changed(1, rules=RULES | {"deleveraging": "by-lot"}),
        }.items():
            with self.subTest(name):
                code, out, err = self.run_main(data)
                self.assertEqual((code, out), (2, ""))
                self.assertIn("cannot be read", err)

    def test_no_such_file(self):
        err = io.StringIO()
        with contextlib.redirect_stderr(err):
            self.assertEqual(program.main(["/nonexistent/run.jsonl"]), 2)


if __name__ == "__main__":
    unittest.main()
