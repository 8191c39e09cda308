"""Tests of what the verifier allows in halts, gates, doubts and pauses, and of what may leave; by hand.

    python3 -m unittest discover -s scripts
"""

import os
import sys
import unittest
from collections import Counter

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from export_kit import RULES, SPEC, deposited, endowed, listed, mark, traded
from verify_export.episode import Episode
from verify_export.lines import EVENT

BREAKER = {"band": 50, "window_ms": 1000, "halt_ms": 500, "stages": 2, "stage_ms": 100, "stage_band": 10}
OUTAGE = {"gap_ms": 1000, "marks": 2, "hold_ms": 300, "band": 20, "release_ms": 200}
DAY_MS = 86_400_000


class Steps:
    """An episode that is told its rounds one by one; account 1 is long 10 from 10,000 with 10,000, account 2 has 40,000."""

    def __init__(self, spec=SPEC, **rules):
        self.counts = Counter()
        self.episode = Episode(0, RULES | rules, self.counts, self.fail)
        self.round(0, listed() | {"spec": spec}, mark(10_000), deposited(1, 10_000), traded(1, 10, -100_000), deposited(2, 40_000))

    def fail(self, *row):
        raise AssertionError(row)

    def round(self, time_ms, *events):
        """The commands decided after it, which are then out."""
        for event in events or [endowed(0)]:
            self.episode.apply(0, time_ms, *EVENT(event))
        self.episode.end_round()
        commands = self.episode.decide()
        self.episode.adopt(commands)
        return commands

    def is_refused(self, time_ms, event):
        before = self.counts["refused"]
        self.round(time_ms, event)
        return self.counts["refused"] > before


def withdrawn(account, quanta):
    return {"type": "withdrawn", "account": account, "quanta": str(quanta)}


def ordered(account, lots, limit):
    return {"type": "ordered", "account": account, "instrument": 0, "lots": lots, "limit": limit}


def paused(action, until_ms, scope=None, reason="why"):
    return {"type": "paused", "scope": scope, "action": action, "reason": reason, "until_ms": until_ms}


def rejected(order):
    return {"type": "rejected", "order": order}


class Stability(unittest.TestCase):
    def test_a_halt_closes_the_book_and_reopens_near_the_mark(self):
        """9,450 is the first mark of a window and 5.5 % below the one that stood. E 4,500,000, R 4,725,000."""
        steps = Steps(SPEC | {"breaker": BREAKER})
        self.assertEqual(steps.round(2000, mark(9450)), [])
        self.assertTrue(steps.is_refused(2499, traded(2, 1, -9450)))
        self.assertEqual(steps.round(2499), [])
        self.assertEqual(steps.round(2500), [("place_order", 1, 1, 0, -2, 9261)])
        # a hundredth of 9,450 is 94.5, two are 189
        for time_ms, near, far in ((2599, 9544, 9545), (2699, 9639, 9640)):
            self.assertTrue(steps.is_refused(time_ms, traded(2, 1, -far)))
            self.assertFalse(steps.is_refused(time_ms, traded(2, 1, -near)))
        self.assertFalse(steps.is_refused(2700, traded(2, 1, -20_000)))

    def test_after_a_gap_nothing_is_done_to_who_holds_the_market_not_even_elsewhere(self):
        """15,000 on 10 and 5 lots from 10,000; at 9,200 E 7,000,000 and R 7,100,000: 122,654,400 n >= 210,200,000, limit 9,200 - 184."""
        steps = Steps(outage=OUTAGE)
        steps.round(1, listed(1), mark(10_000, 1), deposited(1, 5000), traded(1, 5, -50_000, 1))
        steps.round(900, mark(10_000, 1))
        self.assertEqual(steps.round(1000, mark(9200)), [])
        self.assertTrue(steps.is_refused(1000, traded(2, 1, -9200)))
        self.assertEqual(steps.round(1299), [])
        self.assertEqual(steps.round(1300), [("place_order", 1, 1, 0, -2, 9016)])
        self.assertTrue(steps.is_refused(1499, withdrawn(2, 1)))
        self.assertFalse(steps.is_refused(1500, withdrawn(2, 1)))

    def test_a_far_mark_after_a_gap_lets_nobody_be_closed_out_for_a_while(self):
        """At 8,990 account 1 owes 100."""
        steps = Steps(outage=OUTAGE)
        self.assertEqual(steps.round(1000, mark(9500)), [])
        self.assertEqual(steps.round(1001, mark(8990)), [])
        self.assertEqual(steps.round(1200), [])
        self.assertEqual(steps.round(1201), [("bankrupt", [1])])

    def test_slow_marks_are_counted_on(self):
        """The second, another gap later, ends the gate: 9,990 is near the mark before the first."""
        steps = Steps(outage=OUTAGE | {"band": 1})
        steps.round(1000, mark(9100))
        self.assertTrue(steps.is_refused(1000, withdrawn(2, 1)))
        self.assertEqual(steps.round(2000, mark(9990)), [])
        self.assertFalse(steps.is_refused(2000, withdrawn(2, 1)))

    def test_a_held_mark_leaves_the_book_and_is_doubted_no_longer_than_its_hold(self):
        """20,000 on 10 lots each; at 8,200 E 2,000,000, R 9,100,000: verdict 3. 133,320,000 n >= 2,054,200,000: all; Z 100,000 - 1,098."""
        steps = Steps()
        steps.round(1, listed(1), mark(10_000, 1), deposited(1, 10_000), traded(1, 10, -100_000, 1))
        steps.round(1000, mark(13_000))
        self.assertEqual(steps.round(2000, mark(8200, 1)), [("place_order", 1, 1, 0, -10, 9891)])
        self.assertEqual(steps.round(3000, rejected(1)), [])
        self.assertEqual(steps.round(60_999), [("place_order", 2, 1, 0, -10, 9891)])
        # another mark is held in its place, none was applied: it is the same doubt
        self.assertEqual(steps.round(61_000, rejected(2), mark(7000)), [("take_over", [1])])

    def test_an_applied_mark_ends_a_doubt(self):
        """At 9,100 E 1,000,000, R 4,550,000."""
        steps = Steps()
        steps.round(1000, mark(13_000))
        self.assertEqual(steps.round(2000, mark(9100)), [("take_over", [1])])

    def test_nothing_leaves_who_holds_a_market_whose_guard_holds_a_mark(self):
        steps = Steps()
        steps.round(1000, mark(13_000))
        # the doubt is over, the held mark is not
        steps.round(1001, mark(10_000))
        for event in (withdrawn(1, 1), {"type": "moved", "from": 1, "to": 2, "quanta": "0"}):
            self.assertTrue(steps.is_refused(60_999, event))
        self.assertFalse(steps.is_refused(60_999, withdrawn(2, 1)))
        # the hold is over, though nothing has decided on it
        self.assertFalse(steps.is_refused(61_000, withdrawn(1, 1)))

    def test_a_pause_puts_off_and_what_waits_keeps_withdrawals_closed(self):
        steps = Steps()
        self.assertEqual(steps.round(2000, paused("liquidation", 62_000, 0), mark(8990)), [])
        self.assertTrue(steps.is_refused(61_999, withdrawn(2, 1)))
        self.assertEqual(steps.round(62_000), [("bankrupt", [1])])
        for event in (
            paused("book", 62_000),
            paused("book", 122_001),
            paused("book", 70_000, reason=""),
            paused("book", 70_000, reason="é" * 129),
            paused("book", 70_000, scope=1),
            paused("withdrawals", 70_000, scope=0),
            {"type": "resumed", "scope": None, "action": "book"},
        ):
            self.assertTrue(steps.is_refused(62_000, event), event)
        self.assertFalse(steps.is_refused(62_000, paused("book", 122_000, reason="é" * 128)))
        self.assertFalse(steps.is_refused(121_999, {"type": "resumed", "scope": None, "action": "book"}))

    def test_a_tenth_of_the_notional_stays_and_a_fifth_leaves_a_day(self):
        """Account 1 has a tenth exactly. 50,000 came in; what is refused starts no day."""
        steps = Steps(gates={"withdrawal_portion": 100, "day_limit": 200, "deficit_wait_ms": 0})
        self.assertTrue(steps.is_refused(1, withdrawn(1, 1)))
        self.assertTrue(steps.is_refused(2, withdrawn(2, 10_001)))
        steps.round(3, deposited(2, 5000))
        self.assertFalse(steps.is_refused(4, withdrawn(2, 11_000)))
        steps.round(5, deposited(2, 5000))
        self.assertTrue(steps.is_refused(DAY_MS + 3, withdrawn(2, 1)))
        # 49,000 are left
        self.assertTrue(steps.is_refused(DAY_MS + 4, withdrawn(2, 9801)))
        self.assertFalse(steps.is_refused(DAY_MS + 4, withdrawn(2, 9800)))

    def test_an_order_reserves_its_own_margin(self):
        """10 lots at 10,000 need 5,000 beside the 5,000 that bind."""
        steps = Steps()
        self.assertTrue(steps.is_refused(1, ordered(1, 10, 10_001)))
        self.assertFalse(steps.is_refused(1, ordered(1, 10, 10_000)))
        self.assertTrue(steps.is_refused(1, ordered(1, 1, 1)))
        self.assertFalse(steps.is_refused(1, ordered(1, -10, 1)))
        row = steps.episode.books.accounts[1]
        self.assertEqual((row.resting, row.reserved), (2, 5000))
        # in liquidation its orders are cancelled, and no new ones come to rest
        self.assertEqual(steps.round(2000, mark(9450)), [("cancel_orders", 1)])
        self.assertTrue(steps.is_refused(2000, ordered(1, -1, 9450)))


if __name__ == "__main__":
    unittest.main()
