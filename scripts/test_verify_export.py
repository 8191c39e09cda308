"""Tests of the verifier on small runs worked out by hand: the run passes, and every tampered copy of it fails.

    python3 -m unittest discover -s scripts
"""

import contextlib
import copy
import io
import json
import os
import random
import sys
import tempfile
import unittest
from fractions import Fraction
from unittest import mock

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from verify_export import arithmetic, books, market, program, run

RULES = {
    "scale": 1000,
    "rungs": [320, 256, 171],
    "equality": False,
    "target": 282,
    "fee": 2,
    "slippage": 1,
    "limit_band": 20,
    "exhausted_max": 3,
    "slices_at_once_max": 4,
    "residual_min": 0,
    "mark_band": 200,
    "mark_hold_ms": 60_000,
}
SPEC = {
    "symbol": "X",
    "lot_exponent": -3,
    "tick": 1,
    "price_bits": 20,
    "size_bits": 20,
    "weight_long": 1000,
    "weight_short": 1000,
    "brackets": [[0, 50]],
    "depth": {"levels": 2, "step": 1, "level_lots": 1000, "refill_lots": 1000},
}


class Run:
    """Builds an export line by line; each round's events, flags and commands as they are expected."""

    def __init__(self):
        self.lines = [{"entry": "header", "version": 1, "instance": "00" * 16, "rules_hash": "00" * 32}]
        self.sequence = self.round = self.index = 0

    def start(self, rules=RULES):
        self.lines.append(
            {"entry": "episode_started", "index": self.index, "seed": 1, "rules": rules, "source": "by hand"}
        )

    def add(self, time_ms, events, flags=(), commands=(), external=True):
        """`flags`: (event of the round from 0, account, old, new, E, R)."""
        first = self.sequence
        for event in events:
            self.lines.append({"entry": "event", "sequence": self.sequence, "time_ms": time_ms, "event": event})
            self.sequence += 1
        self.lines.append(
            {
                "entry": "round_ended",
                "round": self.round,
                "time_ms": time_ms,
                "first_sequence": first,
                "events": len(events),
                "external": external,
            }
        )
        names = ("sequence", "account", "severity_old", "severity_new", "equity", "requirement")
        rows = [(first + at, account, old, new, str(e), str(r)) for at, account, old, new, e, r in flags]
        flags = [dict(zip(names, row)) for row in rows]
        self.lines.append({"entry": "verdict", "round": self.round, "flags": flags})
        self.lines.append({"entry": "decision", "round": self.round, "commands": list(commands)})
        self.round += 1

    def end(self, time_ms):
        self.add(time_ms, [{"type": "settled"}])
        self.lines.append({"entry": "episode_ended", "index": self.index, "state_hash": "00" * 32})
        self.index += 1


def listed(instrument=0, **changes):
    return {"type": "listed", "instrument": instrument, "spec": SPEC | changes}


def mark(price, instrument=0):
    return {"type": "mark", "instrument": instrument, "price": price}


def endowed(quanta):
    return {"type": "fund_endowed", "quanta": str(quanta)}


def deposited(account, quanta):
    return {"type": "deposited", "account": account, "quanta": str(quanta)}


def traded(account, lots, quote, instrument=0):
    return {"type": "traded", "account": account, "instrument": instrument, "lots": lots, "quote": str(quote)}


def filled(order, lots, quote):
    return {"type": "filled", "order": order, "lots": lots, "quote": str(quote)}


def place(order, account, lots, limit, instrument=0):
    names = ("type", "order", "account", "instrument", "lots", "limit")
    return dict(zip(names, ("place_order", order, account, instrument, lots, limit)))


def taken_over(account):
    return {"type": "taken_over", "account": account}


def bankrupted(account):
    return {"type": "bankrupted", "account": account}


def take_over(account):
    return {"type": "take_over", "account": account}


def bankrupt(account):
    return {"type": "bankrupt", "account": account}


def hand_made():
    """One of everything; the numbers are worked out on paper beside each round.
    1: long 10 lots, 2: short 5, 3: short 1, all opened at 10,000."""
    made = Run()
    made.start()
    made.add(0, [listed(), mark(10_000), endowed(300)])
    made.add(
        0,
        [
            deposited(1, 10_000),
            traded(1, 10, -100_000),  # E 10,000,000, R 5,000,000
            deposited(2, 4_000),
            traded(2, -5, 50_000),  # E 4,000,000, R 2,500,000
            deposited(3, 5_000),
            traded(3, -1, 10_000),
        ],
    )
    # 1: 95,000 - 90,000 = 5,000; R 95,000 * 50; 1,280,000,000 is below 320 R and above 256 R
    made.add(1000, [mark(9500)], [(0, 1, 0, 1, 5_000_000, 4_750_000)])
    # 1: E 4,500,000, R 4,725,000. Slice: 125,987,400 n >= 180,450,000, so n = 2. Z = 18,900 - 900; limit 9,450 - 189
    made.add(2000, [mark(9450)], [(0, 1, 1, 2, 4_500_000, 4_725_000)], [place(1, 1, -2, 9261)])
    # at 9,450 - 9; fee min(18,882 - 18,000, floor(18,882 * 2 / 1,000) = 37); cash -90,000 + 18,882 - 37 = -71,155
    made.add(2000, [filled(1, -2, 18_882)], [(0, 1, 2, 1, 4_445_000, 3_780_000)], external=False)
    # 1: 72,800 - 71,155 = 1,645; below 171 / 256 of R
    made.add(3000, [mark(9100)], [(0, 1, 1, 3, 1_645_000, 3_640_000)], [take_over(1)])
    # fee 145 of 1,645; fund 300 + 37 + 145 = 482
    made.add(3000, [taken_over(1)], [(0, 1, 3, 0, 0, 0)], external=False)
    # 2: 54,000 - 54,500
    made.add(4000, [mark(10_900)], [(0, 2, 0, 4, -500_000, 2_725_000)], [bankrupt(2)])
    # fund pays 482, deficit 18
    made.add(4000, [bankrupted(2)], [(0, 2, 4, 0, 0, 0)], external=False)
    made.add(5000, [mark(20_000)])  # held
    made.add(6000, [mark(30_000)])  # dropped
    # confirmed; 3: 15,000 - 20,500
    made.add(65_000, [mark(20_500)], [(0, 3, 0, 4, -5_500_000, 1_025_000)], [bankrupt(3)])
    made.add(65_000, [bankrupted(3)], [(0, 3, 4, 0, 0, 0)], external=False)
    made.end(66_000)
    return made


def verify(lines):
    return run.verify([json.dumps(line) + "\n" for line in lines])


def events(lines, name):
    return [line["event"] for line in lines if line["entry"] == "event" and line["event"]["type"] == name]


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
        row = {"index": 0, "accounts": 3, "insurance": "0", "deficit": "-5518", "backstop": "44700"}
        self.assertEqual(verifier.episodes, [row])
        owners = verifier.balances[0]["owners"]
        cash = sum(int(owners[name]["cash"]) for name in books.Books.SYSTEM)
        self.assertEqual(cash + sum(int(row["cash"]) for row in owners["accounts"].values()), 0)
        self.assertFalse(any(owners[name]["lots"] for name in books.Books.SYSTEM))

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
        for tampered in ([], [bankrupt(1)], [take_over(2)], [take_over(1), take_over(3)]):
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
        event["account"] = 3
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


class Books(unittest.TestCase):
    def test_one_sided_post_shows(self):
        owners = books.Books()
        owners.exchange(owners.system["venue"], owners.system["maker"], 0, 5, -7)
        self.assertEqual((owners.unbalanced, owners.count()), (set(), {}))
        owners.post_cash(owners.system["venue"], 1)
        owners.post_lots(owners.system["venue"], 3, -2)
        self.assertEqual(owners.unbalanced, {"quote", 3})
        self.assertEqual(owners.count(), {"quote": 1, 3: -2})


class Guards(unittest.TestCase):
    def outcomes(self, marks):
        counts = dict.fromkeys(run.COUNTED, 0)
        guard = market.Guard()
        return [guard.judge(time, price, RULES, counts) for time, price in marks], counts

    def test_table(self):
        hold = 60_000
        for marks, applied, nonzero in [
            ([(0, 100), (1, 120), (2, 144)], [True, True, True], {"applied": 3}),  # the band itself is near
            ([(0, 100), (1, 121)], [True, False], {"applied": 1, "held": 1}),
            ([(0, 100), (1, 79), (2, 80)], [True, False, True], {"applied": 2, "held": 1}),
            ([(0, 100), (1, 50), (2, 50)], [True, False, False], {"applied": 1, "held": 1, "dropped": 1}),
            ([(0, 100), (1, 50), (1 + hold, 60)], [True, False, True], {"applied": 2, "held": 1, "confirmed": 1}),
            ([(0, 100), (1, 50), (hold, 60)], [True, False, False], {"applied": 1, "held": 1, "dropped": 1}),
            ([(0, 100), (1, 50), (1 + hold, 101)], [True, False, True], {"applied": 2, "held": 1, "discarded": 1}),
            ([(0, 100), (1, 50), (1 + hold, 200)], [True, False, False], {"applied": 1, "held": 2, "discarded": 1}),
            # the band is of the price compared with: 50 is near 60, 60 is not near 50 + 20 %
            ([(0, 1000), (1, 50), (1 + hold, 61)], [True, False, False], {"applied": 1, "held": 2, "discarded": 1}),
        ]:
            with self.subTest(marks):
                found, counts = self.outcomes(marks)
                self.assertEqual(found, applied)
                self.assertEqual({name: count for name, count in counts.items() if count}, nonzero)


class VenueBooks(unittest.TestCase):
    """Mark 1,005, three levels of 10 lots, 1 % apart: floor(10.05) = 10, floor(20.1) = 20, floor(30.15) = 30."""

    def setUp(self):
        depth = {"levels": 3, "step": 10, "level_lots": 10, "refill_lots": 3}
        self.book = market.VenueBook(depth, 1000)

    def test_levels_and_limits(self):
        for ordered, limit, expected in [
            (-4, 0, (-4, 4 * 995)),
            (-25, 0, (-25, 10 * 995 + 10 * 985 + 5 * 975)),
            (-31, 0, (-30, 10 * 995 + 10 * 985 + 10 * 975)),
            (-25, 985, (-20, 10 * 995 + 10 * 985)),
            (-25, 986, (-10, 10 * 995)),
            (-25, 996, (0, 0)),
            (15, 10**9, (15, -(10 * 1015 + 5 * 1025))),
            (15, 1024, (10, -10 * 1015)),
            (15, 1014, (0, 0)),
        ]:
            with self.subTest(ordered=ordered, limit=limit):
                self.setUp()
                self.assertEqual(self.book.fill(0, 1005, ordered, limit), expected)

    def test_consumed_lots_come_back_by_whole_seconds_on_each_side(self):
        book = self.book
        self.assertEqual(book.fill(5000, 1005, -12, 0), (-12, 10 * 995 + 2 * 985))
        self.assertEqual(book.fill(5000, 1005, -1, 0), (-1, 985))
        self.assertEqual(book.fill(5000, 1005, 10, 9999), (10, -10 * 1015))  # the other side is whole
        self.assertEqual(book.fill(6999, 1005, -1, 0), (-1, 985))  # 13 - 3, one taken: 11 gone
        self.assertEqual(book.fill(7000, 1005, -3, 0), (-3, 2 * 995 + 985))  # the half second was not lost: 11 - 3
        self.assertEqual(book.fill(7000, 1005, -99, 0), (-19, 9 * 985 + 10 * 975))
        self.assertEqual(book.fill(7000, 1005, -1, 0), (0, 0))
        self.assertEqual(book.fill(1_000_000, 1005, -30, 0), (-30, 10 * (995 + 985 + 975)))

    def test_where_the_book_ends(self):
        book = market.VenueBook({"levels": 3, "step": 400, "level_lots": 1, "refill_lots": 0}, 1000)
        self.assertEqual(book.fill(0, 10, -3, 0), (-2, 6 + 2))  # the third bid would lie at -2
        book = market.VenueBook({"levels": 3, "step": 0, "level_lots": 1, "refill_lots": 0}, 1000)
        self.assertEqual(book.fill(0, 10, -3, 0), (-3, 27))  # at least 1 away
        book = market.VenueBook({"levels": 3, "step": 10, "level_lots": 1, "refill_lots": 0}, 10**10)
        self.assertEqual(book.fill(0, 2**32 - 5, 3, 2**33), (1, -(2**32 - 1)))
        self.assertEqual(market.VenueBook({"levels": 3, "step": 1, "level_lots": 0, "refill_lots": 9}, 1000).fill(0, 10, 3, 99), (0, 0))


class Liquidations(unittest.TestCase):
    """Decisions that the hand-made run does not reach."""

    def assert_agrees(self, made):
        self.assertEqual(verify(made.lines).mismatches, [])

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
                made = self.begin(RULES | {"fee": fee}, specs)
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
        made.add(1000, [mark(9500)], flags, [take_over(3), take_over(2)])
        made.add(1000, [taken_over(3), taken_over(2)], [(0, 3, 3, 0, 0, 0), (1, 2, 3, 0, 0, 0)], external=False)
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


class Arithmetic(unittest.TestCase):
    def setUp(self):
        self.random = random.Random(20171222)

    def tiers(self, scale):
        floors = sorted(self.random.sample(range(1, 40_000), self.random.randrange(0, 5)))
        rates = sorted(self.random.randrange(1, scale + 1) for _ in range(len(floors) + 1))
        return [list(row) for row in zip([0, *floors], rates)]

    def test_requirement_is_the_sum_over_brackets(self):
        for _ in range(500):
            brackets = self.tiers(1000)
            tiers = arithmetic.Tiers(brackets)
            notional = self.random.randrange(0, 60_000)
            tops = [floor for floor, _ in brackets[1:]] + [10**9]
            integral = sum(rate * max(0, min(notional, top) - floor) for (floor, rate), top in zip(brackets, tops))
            self.assertEqual(tiers.requirement(notional), integral)

    def test_severity_is_the_ratio(self):
        for _ in range(5000):
            requirement = self.random.randrange(0, 600)
            equity = self.random.randrange(-50, 900)
            for equality in (0, 1):
                expected = 0
                if equity < 0:
                    expected = 4
                elif requirement > 0:
                    ratio = Fraction(256 * equity, requirement)
                    expected = sum(ratio < rung or equality and ratio == rung for rung in (320, 256, 171))
                self.assertEqual(arithmetic.severity_of(equity, requirement, (320, 256, 171), equality), expected)

    def test_fewest_lots_is_the_first_of_all(self):
        found = {"slice": 0, "whole": 0}
        for _ in range(3000):
            tiers = arithmetic.Tiers(self.tiers(1000))
            whole, price = self.random.randrange(1, 60), self.random.randrange(1, 1500)
            others = self.random.randrange(0, 3_000_000)
            requirement = others + tiers.requirement(whole * price)
            equity = requirement * self.random.randrange(171, 290) // 256
            cost, target = self.random.randrange(0, 400), 282

            def surplus(lots):
                left = tiers.requirement((whole - lots) * price)
                return 256 * (equity - lots * price * cost) - target * (others + left)

            expected = next((lots for lots in range(1, whole) if surplus(lots) >= 0), whole)
            self.assertEqual(arithmetic.fewest_lots(whole, surplus), expected)
            found["slice" if 1 < expected < whole else "whole"] += 1
        self.assertTrue(all(count > 50 for count in found.values()), found)

    def test_fewest_lots_past_a_peak(self):
        """Selling more than enough can fall below the target again: the first, not the last, is wanted."""
        surplus = lambda lots: 100 - (lots - 40) ** 2
        self.assertEqual(arithmetic.fewest_lots(1000, surplus), 30)
        self.assertEqual(arithmetic.fewest_lots(31, surplus), 30)
        self.assertEqual(arithmetic.fewest_lots(30, surplus), 30)  # only by all of it
        self.assertEqual(arithmetic.fewest_lots(1000, lambda lots: -1 - (lots - 40) ** 2), 1000)
        self.assertEqual(arithmetic.fewest_lots(1, surplus), 1)

    def test_zero_quote_keeps_the_ratio(self):
        for _ in range(2000):
            scale = 1000
            tiers = arithmetic.Tiers(self.tiers(scale))
            size = self.random.choice((-1, 1)) * self.random.randrange(1, 60)
            price = self.random.randrange(1, 1500)
            requirement = tiers.requirement(abs(size) * price) + self.random.randrange(0, 10_000)
            equity = self.random.randrange(-requirement, 2 * requirement)
            lots = self.random.randrange(1, abs(size) + 1)
            left = requirement - tiers.requirement(abs(size) * price) + tiers.requirement((abs(size) - lots) * price)
            zero = arithmetic.zero_quote(size, lots, price, tiers, equity, requirement, scale)
            # E after an exchange at exactly the zero price would be E * left / R; Z is that rounded up, twice at most
            side = 1 if size > 0 else -1
            exact = (Fraction(equity * left, requirement) - equity) / scale + side * lots * price
            self.assertTrue(exact <= zero < exact + 1 + Fraction(1, scale))


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
        self.assertIn("insurance 0, deficit -5518, backstop 44700", out)

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
            "another version": changed(0, version=2),
            "a second header": self.data(lines + lines[:1]),
            "an unknown entry": changed(3, entry="events"),
            "an unknown field": changed(3, colour="red"),
            "a float": changed(3, time_ms=1.5),
            "text for a number": changed(3, time_ms="1"),
            "an unknown event": changed(3, event={"type": "marked"}),
            "a number for text": changed(4, event={"type": "fund_endowed", "quanta": 300}),
            "not a decimal": changed(4, event={"type": "fund_endowed", "quanta": "0x10"}),
            "a missing field": changed(3, event={"type": "mark", "price": 1}),
            "cut inside a line": whole[:-10],
            "an empty line": whole + b"\n",
            "a list": whole + b"[]\n",
            "scale 0": changed(1, rules=RULES | {"scale": 0}),
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
