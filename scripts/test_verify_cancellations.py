"""Tests of when the verifier expects resting orders to be cancelled, and how long it waits for that; by hand.

    python3 -m unittest discover -s scripts
"""

import os
import sys
import unittest
from collections import Counter

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from export_kit import RULES, SPEC, deposited, endowed, mark, resting, traded
from verify_export.episode import Episode
from verify_export.lines import EVENT


class Steps:
    """An episode that is told its rounds one by one, where confirmations may come late or never; account 1 is long 10 from 10,000 with 10,000."""

    def __init__(self, **rules):
        self.episode = Episode(0, RULES | rules, Counter(), self.fail)
        self.round(0, {"type": "listed", "instrument": 0, "spec": SPEC}, mark(10_000), deposited(1, 10_000), traded(1, 10, -100_000))

    def fail(self, *row):
        raise AssertionError(row)

    def round(self, time_ms, *events):
        """The commands decided after it, which are then out."""
        for event in events or [endowed(1)]:
            self.episode.apply(0, time_ms, *EVENT(event))
        self.episode.end_round()
        commands = self.episode.decide()
        self.episode.adopt(commands)
        return commands


def rejected(order):
    return {"type": "rejected", "order": order}


class Cancellations(unittest.TestCase):
    """A cancellation is waited for 5,000 ms from when it was decided."""

    CANCEL = [("cancel_orders", 1)]

    def placed(self, order, lots=-2, limit=9261):
        return [("place_order", order, 1, 0, lots, limit)]

    def waiting(self, **rules):
        """Since 2,000, not yet being reduced."""
        steps = Steps(**rules)
        self.assertEqual(steps.round(2000, resting(1, 2), mark(9450)), self.CANCEL)
        return steps

    def waiting_reduced(self):
        """Since 2,000, being reduced: orders came to rest while the first slice was at the venue, which rejects it."""
        steps = Steps()
        self.assertEqual(steps.round(2000, mark(9450)), self.placed(1))
        self.assertEqual(steps.round(2000, resting(1, 1)), [])
        self.assertEqual(steps.round(2000, rejected(1)), self.CANCEL)
        return steps

    def test_it_is_waited_for_so_long_and_decided_again_after_anything_else(self):
        steps = self.waiting()
        self.assertEqual([steps.round(ms) for ms in (2000, 6999, 7000)], [[], [], self.placed(1)])
        self.assertEqual(steps.round(7000), [])
        # the slice was decided since: a new one, and a new wait
        self.assertEqual(steps.round(8000, rejected(1)), self.CANCEL)
        self.assertEqual([steps.round(ms) for ms in (12_999, 13_000)], [[], self.placed(2)])
        steps = self.waiting(cancel_wait_ms=0)
        self.assertEqual(steps.round(2000), self.placed(1))

    def test_orders_that_come_to_rest_again_are_not_cancelled_again(self):
        steps = self.waiting()
        self.assertEqual(steps.round(2001, resting(1, 0), resting(1, 1)), self.placed(1))
        self.assertEqual(steps.round(2001, rejected(1)), self.CANCEL)
        # some of them gone is no confirmation
        self.assertEqual(steps.round(2002, resting(1, 1)), [])
        self.assertEqual(steps.round(3000, resting(1, 0)), self.placed(2))

    def test_a_takeover_and_a_bankruptcy_do_not_wait(self):
        for price, command in ((9100, "take_over"), (9000, "take_over"), (8999, "bankrupt")):
            steps = self.waiting()
            self.assertEqual(steps.round(2001, mark(price)), [(command, [1])])
            steps = Steps()
            self.assertEqual(steps.round(2000, resting(1, 1), mark(price)), self.CANCEL)
            self.assertEqual(steps.round(2000), [(command, [1])])

    def test_a_slice_of_an_account_that_is_warned_waits_too(self):
        """At 9,500 E 5,000,000 and R 4,750,000, below the target: 126,654,000 n >= 59,500,000; limit 9,500 - 190."""
        steps = self.waiting_reduced()
        self.assertEqual(steps.round(3000, mark(9500)), [])
        self.assertEqual([steps.round(ms) for ms in (6999, 7000)], [[], self.placed(2, -1, 9310)])
        # its orders are not cancelled while it is no more than warned
        steps = Steps()
        self.assertEqual(steps.round(2000, mark(9450)), self.placed(1))
        self.assertEqual(steps.round(2001, resting(1, 1), rejected(1), mark(9500)), [])
        self.assertEqual(steps.round(2002), self.placed(2, -1, 9310))

    def test_a_liquidation_that_ended_is_forgotten(self):
        """At 9,600 E 6,000,000 and R 4,800,000: above the target. It stands again only when the wait is over."""
        steps = self.waiting_reduced()
        self.assertEqual(steps.round(3000, mark(9600)), [])
        self.assertTrue(steps.episode.books.accounts[1].reducing)
        self.assertEqual(steps.round(7000), [])
        self.assertFalse(steps.episode.books.accounts[1].reducing)
        self.assertEqual(steps.round(7001, mark(9450)), self.CANCEL)
        # but it goes on while it is being reduced, whatever the verdict
        steps = self.waiting_reduced()
        self.assertEqual([steps.round(3000, mark(9500)), steps.round(7000, mark(9450))], [[], self.placed(2)])
        # one that never came to a slice: over when the verdict is below 2
        for ms, commands in ((6999, []), (7000, self.CANCEL)):
            steps = self.waiting()
            self.assertEqual(steps.round(3000, mark(9600)), [])
            self.assertEqual(steps.round(ms, mark(9450)), commands)
        # but not within a round
        steps = self.waiting()
        self.assertEqual(steps.round(7000, mark(9600), mark(9450)), self.placed(1))


if __name__ == "__main__":
    unittest.main()
