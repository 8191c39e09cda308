"""Tests of the verifier's decisions: small liquidations worked out by hand.

    python3 -m unittest discover -s scripts
"""

import os
import sys
import unittest
from unittest import mock

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from export_kit import RULES, Run, SPEC, bankrupted, deposited, endowed, filled, listed, mark, place, take_over, taken_over, traded, verify
from verify_export import run


class Liquidations(unittest.TestCase):
    """Decisions that the hand-made run does not reach."""

    def assert_agrees(self, made):
        verifier = verify(made.lines)
        self.assertEqual(verifier.mismatches, [])
        return verifier

    def begin(self, rules=RULES, specs=(SPEC,)):
        made = Run()
        made.start(rules)
        made.add(0, [event for i, spec in enumerate(specs) for event in (listed(i) | {"spec": spec}, mark(10_000, i))])
        return made

    def thin(self, level_lots, refill_lots):
        return SPEC | {"depth": {"levels": 1, "step": 0, "level_lots": level_lots, "refill_lots": refill_lots}}

    def test_an_exhausted_book_waits_and_ends_at_the_backstop(self):
        """The book has one lot and no refill. Twice the account waits for a later time; first it stands again, then it is taken over."""
        made = self.begin(specs=[self.thin(1, 0)])
        made.add(0, [deposited(1, 10_000), traded(1, 10, -100_000)])
        made.add(2000, [mark(9450)], [(0, 1, 0, 2, 4_500_000, 4_725_000)], [place(1, 1, -2, 9261)])
        # one lot at 1 below the mark; Z = 9,450 - 450, fee min(449, 18) = 18: cash -80,569
        made.add(2000, [filled(1, -1, 9449)], [(0, 1, 2, 1, 4_481_000, 4_252_500)], external=False)
        # still below the target: 1 short slice, waits for a later time. 256 * (4,481,000 - 28,350 n) >= 282 * (4,252,500 - 472,500 n): n = 1
        made.add(2000, [endowed(1)])
        # share floor(4,481,000 * 472,500 / 4,252,500) = 497,888, Z 8,953
        made.add(3000, [endowed(1)], commands=[place(2, 1, -1, 9261)])
        made.add(3000, [filled(2, 0, 0)], external=False)
        made.add(4000, [endowed(1)], commands=[place(3, 1, -1, 9261)])
        made.add(4000, [filled(3, 0, 0)], external=False)  # 3 in a row, severity 1: it stands again
        made.add(5000, [endowed(1)])
        # 9 lots at 9,400: 84,600 - 80,569; the count of short slices has begun anew
        # n: 256 * (4,031,000 - 28,200 n) >= 282 * (4,230,000 - 470,000 n): 125,320,800 n >= 160,924,000: 2; limit 9,400 - 188
        made.add(6000, [mark(9400)], [(0, 1, 1, 2, 4_031_000, 4_230_000)], [place(4, 1, -2, 9212)])
        made.add(6000, [filled(4, 0, 0)], external=False)
        made.add(7000, [endowed(1)], commands=[place(5, 1, -2, 9212)])
        made.add(7000, [filled(5, 0, 0)], external=False)
        made.add(8000, [endowed(1)], commands=[place(6, 1, -2, 9212)])
        made.add(8000, [filled(6, 0, 0)], commands=[take_over(1)], external=False)
        made.add(8000, [taken_over(1)], [(0, 1, 2, 0, 0, 0)], external=False)
        made.end(9000)
        self.assert_agrees(made)

    def test_an_external_round_after_so_many_decision_rounds(self):
        """With a limit of 1: slice, then the takeover waits until one external round has come."""
        rules = RULES | {"exhausted_max": 1}
        for has_external in (True, False):
            made = self.begin(rules, [self.thin(0, 0)])
            made.add(0, [deposited(1, 10_000), traded(1, 10, -100_000)])
            made.add(2000, [mark(9450)], [(0, 1, 0, 2, 4_500_000, 4_725_000)], [place(1, 1, -2, 9261)])
            made.add(2000, [filled(1, 0, 0)], commands=[take_over(1)], external=False)
            if has_external:
                made.add(2000, [endowed(1)])  # its command is out: not decided again
            made.add(2000, [taken_over(1)], [(0, 1, 2, 0, 0, 0)], external=False)
            made.end(3000)
            with mock.patch.object(run, "DECISION_ROUNDS_MAX", 1):
                found = verify(made.lines).mismatches
            self.assertEqual([row["what"] for row in found], [] if has_external else ["cause of the round"])
            found = verify(made.lines).mismatches
            self.assertEqual([row["what"] for row in found][:1], ["cause of the round"] if has_external else [])

    def test_a_late_decision_keeps_the_time_of_its_cause(self):
        """With a limit of 1: a second slice waits until an external round of a later time has come; so does what follows from it."""
        depth = {"levels": 1, "step": 20, "level_lots": 2, "refill_lots": 0}
        for late_ms in (2000, 6000):
            made = self.begin(RULES | {"exhausted_max": 1}, [SPEC | {"depth": depth}])
            made.add(0, [deposited(1, 10_000), traded(1, 10, -100_000)])
            made.add(2000, [mark(9450)], [(0, 1, 0, 2, 4_500_000, 4_725_000)], [place(1, 1, -2, 9261)])
            # at 9,450 - 189, fee 37: worth 75,600 - 71,515; 125,987,400 n >= 20,200,000: 1 lot more
            flags = [(0, 1, 2, 1, 4_085_000, 3_780_000)]
            made.add(2000, [filled(1, -2, 18_522)], flags, [place(2, 1, -1, 9261)], external=False)
            made.add(5000, [mark(9300)], [(0, 1, 1, 2, 2_885_000, 3_720_000)])
            made.add(2000, [filled(2, 0, 0)], commands=[take_over(1)], external=False)
            made.add(6000, [endowed(1)])
            made.add(late_ms, [taken_over(1)], [(0, 1, 2, 0, 0, 0)], external=False)
            made.end(7000)
            with mock.patch.object(run, "DECISION_ROUNDS_MAX", 1):
                found = [row["what"] for row in verify(made.lines).mismatches]
            self.assertEqual(found, [] if late_ms == 2000 else ["event time of a decision's outcomes"])

    def test_a_short_buys_up_to_its_limit(self):
        """Short 10 at 10,000 with 10,000; at 10,550: worth 4,500, R 5,275,000, severity 2 (171 / 256 of R is 3,523,535)."""
        tick = 7
        made = self.begin(specs=[SPEC | {"tick": tick}])
        made.add(0, [deposited(1, 10_000), traded(1, -10, 100_000)])
        # n: 256 * (4,500,000 - 31,650 n) >= 282 * (5,275,000 - 527,500 n): 140,652,600 n >= 335,550,000: 3
        # Z = ceil(-31,650 - 1,350) = -33,000: 11,000 a lot; 10,550 + 211 = 10,761, down to a tick of 7
        limit = 10_761 // tick * tick
        made.add(1000, [mark(10_550)], [(0, 1, 0, 2, 4_500_000, 5_275_000)], [place(1, 1, 3, limit)])
        # at 10,550 + floor(10.55); fee min(33,000 - 31,680, floor(63.36)) = 63: E 110,000 - 41,743 ... worth 4,407
        made.add(1000, [filled(1, 3, -31_680)], [(0, 1, 2, 1, 4_407_000, 3_692_500)], external=False)
        made.end(2000)
        self.assert_agrees(made)

    def test_dust_closes_whole(self):
        """The slice of 2 of 10 lots at 9,450 leaves 75,600; the position is worth 94,500."""
        for residual_min, lots in ((75_600, -10), (47_251, -10), (47_250, -2)):
            with self.subTest(residual_min):
                made = self.begin(RULES | {"residual_min": residual_min})
                made.add(0, [deposited(1, 10_000), traded(1, 10, -100_000)])
                made.add(2000, [mark(9450)], [(0, 1, 0, 2, 4_500_000, 4_725_000)], [place(1, 1, lots, 9261)])
                self.assertEqual([row["what"] for row in verify(made.lines).mismatches], ["end of the input"])

    def test_the_position_that_releases_most(self):
        """Two instruments at 5 % and 6 %: the dearer one first; where costs eat the relief, the backstop at once."""
        specs = [SPEC, SPEC | {"brackets": [[0, 60]]}]
        for fee, expected in ((2, "place"), (59, "take_over")):
            with self.subTest(expected):
                made = self.begin(specs=[spec | {"fee": fee} for spec in specs])
                made.add(0, [deposited(1, 11_000), traded(1, 10, -100_000), traded(1, 5, -50_000, 1)])
                # 0 at 9,450: worth 5,500; R 4,725,000 + 3,000,000
                # n: 256 * (5,500,000 - 30,000 n) >= 282 * (7,725,000 - 600,000 n): 161,520,000 n >= 770,450,000: 5 = all
                command = place(1, 1, -5, 9800, 1) if expected == "place" else take_over(1)
                made.add(2000, [mark(9450)], [(0, 1, 0, 2, 5_500_000, 7_725_000)], [command])
                self.assertEqual([row["what"] for row in verify(made.lines).mismatches], ["end of the input"])

    def test_order_of_flags_and_decisions(self):
        """One mark: 2 and 3 to be taken over, 3 first because it is larger; 1 warned. Flags by severity, then account."""
        made = self.begin()
        rows = ((1, 10_500, 10), (2, 6_900, 10), (3, 7_590, 11), (4, 4_000, 10))
        for account, quanta, lots in rows:
            made.add(0, [deposited(account, quanta), traded(account, lots, -10_000 * lots)])
        # 4 opens at E 4,000,000 and R 5,000,000: liquidatable at once, and the journal says no decision
        verdicts = [line for line in made.lines if line["entry"] == "verdict"]
        self.assertEqual(len(verdicts), 5)
        verdicts[4]["flags"] = [
            {"sequence": 9, "account": 4, "severity_old": 0, "severity_new": 2, "equity": "4000000", "requirement": "5000000"}
        ]
        found = verify(made.lines).mismatches
        self.assertEqual([row["what"] for row in found[:1]], ["decision after round 4, number 1"])
        made = self.begin()
        rows = ((1, 10_500, 10), (2, 6_900, 10), (3, 7_590, 11))
        for account, quanta, lots in rows:
            made.add(0, [deposited(account, quanta), traded(account, lots, -10_000 * lots)])
        flags = [
            (0, 2, 0, 3, 1_900_000, 4_750_000),
            (0, 3, 0, 3, 2_090_000, 5_225_000),
            (0, 1, 0, 1, 5_500_000, 4_750_000),
        ]
        made.add(1000, [mark(9500)], flags, [take_over(3, 2)])
        made.add(1000, [taken_over(3, 2)], [(0, 2, 3, 0, 0, 0), (0, 3, 3, 0, 0, 0)], external=False)
        made.end(2000)
        self.assert_agrees(made)

    def test_the_line_itself(self):
        """19 lots at 10,000 with 9,500: E and R are both 9,500,000."""
        for equality, flags in ((False, [(1, 1, 0, 1)]), (True, [(1, 1, 0, 2)])):
            with self.subTest(equality=equality):
                made = self.begin(RULES | {"equality": equality})
                flags = [(*flag, 9_500_000, 9_500_000) for flag in flags]
                # equality: n with 256 * (9,500,000 - 30,000 n) >= 282 * (9,500,000 - 500,000 n): 133,320,000 n >= 247,000,000: 2
                commands = [place(1, 1, -2, 9800)] if equality else []
                made.add(0, [deposited(1, 9_500), traded(1, 19, -190_000)], flags, commands)
                self.assertEqual([row["what"] for row in verify(made.lines).mismatches], ["end of the input"])

    def test_a_refused_report_ends_its_order_and_nothing_else(self):
        """Below the limit, beyond the order, on the wrong side, money for nothing: the next decision is the same slice anew."""
        for lots, quote in ((-2, 2 * 9261 - 1), (-3, 28_323), (2, -18_882), (0, 5)):
            with self.subTest(lots=lots, quote=quote):
                made = self.begin()
                made.add(0, [deposited(1, 10_000), traded(1, 10, -100_000)])
                made.add(2000, [mark(9450)], [(0, 1, 0, 2, 4_500_000, 4_725_000)], [place(1, 1, -2, 9261)])
                made.add(2000, [filled(1, lots, quote)], commands=[place(2, 1, -2, 9261)], external=False)
                made.add(2000, [filled(2, -2, 18_882)], [(0, 1, 2, 1, 4_445_000, 3_780_000)], external=False)
                made.end(3000)
                verifier = verify(made.lines)
                self.assertEqual(verifier.counts["refused"], 1)
                self.assertEqual([row["what"] for row in verifier.mismatches], ["fill of order 1"])

    def test_a_trade_leaves_a_liquidation_under_way(self):
        """An empty book; the second short slice in a row ends at the backstop, whatever the account traded in between."""
        made = self.begin(RULES | {"exhausted_max": 2}, [self.thin(0, 0)])
        made.add(0, [deposited(1, 10_000), traded(1, 10, -100_000)])
        made.add(2000, [mark(9450)], [(0, 1, 0, 2, 4_500_000, 4_725_000)], [place(1, 1, -2, 9261)])
        made.add(2000, [filled(1, 0, 0)], external=False)
        # E as before, R 5,197,500. n: 125,987,400 n >= 313,695,000: 3
        made.add(3000, [traded(1, 1, -9450)], commands=[place(2, 1, -3, 9261)])
        made.add(3000, [filled(2, 0, 0)], commands=[take_over(1)], external=False)
        made.add(3000, [taken_over(1)], [(0, 1, 2, 0, 0, 0)], external=False)
        made.end(4000)
        self.assert_agrees(made)

    def test_the_bound_of_gross_notional(self):
        """Five instruments of 2^27 - 1 lots at up to 2^32 are more than 2^61 together, four are not."""
        made = self.begin(specs=[SPEC | {"price_bits": 32, "size_bits": 27}] * 5)
        made.add(0, [deposited(1, 100)] + [traded(1, (1 << 27) - 1, -1, at) for at in range(5)])
        made.end(0)
        self.assertEqual(self.assert_agrees(made).counts["refused"], 1)

    def test_events_that_break_a_rule_change_nothing(self):
        made = self.begin()
        size = 1 << 20
        refused = [
            endowed(-1), deposited(1, -1), mark(0), mark(1 << 20), mark(5, instrument=9), traded(7, 1, -1), traded(1, 0, 0),
            traded(1, 5, 5), traded(1, size, -size), traded(1, 1, -1, instrument=9), taken_over(1), bankrupted(1),
        ]  # fmt: skip
        made.add(0, [deposited(1, 100)])
        made.add(0, refused)
        made.end(0)
        verifier = verify(made.lines)
        self.assertEqual(verifier.counts["refused"], len(refused))
        # but an outcome has no place in an external round
        self.assertEqual({row["what"] for row in verifier.mismatches}, {"event of an external round"})


if __name__ == "__main__":
    unittest.main()
