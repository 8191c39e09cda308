"""Tests of what the verifier makes of the simulated venue: orders that take time, rejections, books of snapshots.

    python3 -m unittest discover -s scripts
"""

import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from export_kit import Run, book, deposited, endowed, filled, listed, mark, place, take_over, taken_over, traded, verify
from verify_export.lines import Unreadable
from verify_export.venue import VenueBook

DEPTH = {"levels": 2, "step": 1, "level_lots": 1000, "refill_lots": 1000}


def note(text):
    return {"entry": "note", "time_ms": 0, "text": text}


def venue(latency_ms):
    fields = {"latency_ms": latency_ms, "reject_ppm": 0, "impact_ppm": 0, "half_life_s": 1, "books": None, "seed": 1}
    return note("venue: " + json.dumps(fields))


def rejected(order):
    return {"type": "rejected", "order": order}


class Told(Run):
    """A run whose venue tells its book after each round that leaves another: its best bid has `best` lots."""

    def __init__(self, profile=None):
        super().__init__()
        self.best, self.profile, self.told = 1000, profile, None

    def add(self, time_ms, events, *rest, **more):
        left = self.profile or ([(1, self.best), (2, 1000)], [(1, 1000), (2, 1000)])
        if self.round > 0 and left != self.told:
            events, self.told = [*events, book(*left)], left
        super().add(time_ms, events, *rest, **more)

    def fill(self, time_ms, external=True):
        self.best = 998
        self.add(time_ms, *FILLED, external=external)


def opened(latency_ms, profile=None):
    """Account 1 of the run by hand, long 10 lots from 10,000, is liquidatable at 9,450 after 2 s: an order of 2 lots."""
    made = Told(profile)
    made.start()
    made.lines.append(venue(latency_ms))
    made.add(0, [listed(), mark(10_000), endowed(300)])
    made.add(0, [deposited(1, 10_000), traded(1, 10, -100_000)])
    made.add(2000, [mark(9450)], [(0, 1, 0, 2, 4_500_000, 4_725_000)], [place(1, 1, -2, 9261)])
    return made


FILLED = ([filled(1, -2, 18_882)], [(0, 1, 2, 1, 4_445_000, 3_780_000)])


class Latency(unittest.TestCase):
    def found(self, made):
        return [row["what"] for row in verify(made.lines).mismatches]

    def test_a_report_comes_when_it_is_due_and_before_marks_of_that_time(self):
        made = opened(500)
        made.fill(2500)
        made.add(2500, [mark(9450)])
        made.end(3000)
        self.assertEqual(self.found(made), [])

    def test_a_report_at_another_time_is_found(self):
        for time_ms, what in ((2400, "reports"), (2600, "event time of reports")):
            made = opened(500)
            made.fill(time_ms)
            made.end(3000)
            self.assertIn(what, self.found(made))

    def test_a_report_that_is_late_or_missing_is_found(self):
        made = opened(500)
        made.add(2500, [mark(9450)])
        made.fill(2500)
        made.end(3000)
        self.assertEqual(self.found(made), ["external round"])
        made = opened(500)
        made.end(2400)
        self.assertEqual(self.found(made)[0], "external round")

    def test_no_trade_where_an_order_is_out(self):
        """Neither way in its instrument; in another, of another account, and after the report there is none out."""
        made = opened(500)
        trades = [traded(1, -1, 9450), traded(1, 1, -9450)]
        made.add(2100, [deposited(2, 10_000), *trades])
        made.add(2200, [listed(1), mark(9450, 1), traded(1, 1, -9450, 1), traded(1, -1, 9450, 1), traded(2, 1, -9450)])
        both = [(1, 1000), (2, 1000)]
        made.add(2300, [book(both, both, 1)])
        made.fill(2500)
        # 7 lots: E as it was, R 66,150 * 50
        made.add(2600, [traded(1, -1, 9450)], [(0, 1, 1, 0, 4_445_000, 3_307_500)])
        made.end(3000)
        verifier = verify(made.lines)
        self.assertEqual((verifier.mismatches, verifier.counts["refused"]), ([], len(trades)))

    def test_a_report_is_no_outcome_of_a_decision_round(self):
        made = opened(500)
        made.fill(2500, external=False)
        made.end(3000)
        self.assertIn("cause of the round", self.found(made))

    def test_a_report_without_an_order_is_found(self):
        made = opened(500)
        made.fill(2500)
        made.add(2500, [filled(1, -2, 18_882)])
        made.end(3000)
        self.assertIn("filled", self.found(made))

    def test_the_end_rejects_what_has_not_arrived(self):
        made = opened(500)
        made.add(2500, [rejected(1)])
        made.add(3000, [mark(9450)], commands=[place(2, 1, -2, 9261)])
        made.add(3400, [rejected(2)])
        made.end(3400)
        verifier = verify(made.lines)
        self.assertEqual(verifier.mismatches, [])
        self.assertEqual((verifier.counts["rejections"], verifier.counts["fills"]), (2, 0))
        made = opened(500)
        made.add(2400, [rejected(1)])
        made.add(2450, [mark(9450)], commands=[place(2, 1, -2, 9261)])
        made.end(2450)
        self.assertIn("external round", self.found(made), "marks after the end's rejections")

    def test_three_rejections_lead_to_a_takeover(self):
        made = opened(0)
        for order in (1, 2, 3):
            time_ms = 2000 + 1000 * (order - 1)
            command = take_over(1) if order == 3 else None
            made.add(time_ms, [rejected(order)], commands=[command] if command else [], external=False)
            if order < 3:
                made.add(time_ms + 1000, [mark(9450)], commands=[place(order + 1, 1, -2, 9261)])
        made.add(4000, [taken_over(1)], [(0, 1, 2, 0, 0, 0)], external=False)
        made.end(5000)
        self.assertEqual(self.found(made), [])


class Books(unittest.TestCase):
    def test_a_book_is_walked_by_its_own_levels(self):
        book = VenueBook(DEPTH, 1000)
        book.take_profile({"bids": [[100, 5], [10_000, 12]], "offers": [[50, 1]]})
        self.assertEqual(book.fill(0, 1_000_000, -8, 0), (-8, 5 * 999_900 + 3 * 990_000))
        self.assertEqual(book.fill(0, 1_000_000, -8, 0), (-4, 4 * 990_000))
        self.assertEqual(book.fill(0, 1_000_000, 8, 1_000_050), (1, -1_000_050))
        self.assertEqual(book.fill(1000, 1_000_000, -20, 990_001), (-5, 5 * 999_900))

    def test_a_note_with_a_book_changes_the_fills_expected(self):
        made = opened(0, profile=([(15, 50)], []))
        made.lines.insert(6, note('venue book of instrument 0: {"bids":[[15000,50]],"offers":[]}'))
        made.fill(2000, external=False)
        made.end(2900)
        self.assertEqual([row["what"] for row in verify(made.lines).mismatches][:1], ["fill of order 1"])

    def test_what_is_left_is_told(self):
        book = VenueBook(DEPTH, 1000)
        offers = [{"distance": 1, "lots": 1000}, {"distance": 2, "lots": 1000}]
        book.fill(0, 10_000, -1500, 0)
        self.assertEqual(book.left(999), {"bids": [{"distance": 2, "lots": 500}], "offers": offers})
        self.assertEqual(book.left(1000)["bids"], [{"distance": 1, "lots": 500}, {"distance": 2, "lots": 1000}])
        book.fill(1000, 10_000, -1500, 0)
        self.assertEqual(book.left(1000)["bids"], [])
        # parts per million over the rules' scale, rounded up; one level a distance
        book.take_profile({"bids": [[50, 5], [1000, 12], [1001, 20]], "offers": [[2001, 7]]})
        self.assertEqual(book.left(3000)["bids"], [{"distance": 1, "lots": 12}, {"distance": 2, "lots": 8}])
        self.assertEqual(book.left(3000)["offers"], [{"distance": 3, "lots": 7}])
        book = VenueBook(DEPTH | {"levels": 100}, 1000)
        self.assertEqual(len(book.left(0)["bids"]), 64)

    def test_a_book_that_is_not_what_is_left_is_found(self):
        for change in (lambda event: event["book"]["bids"].pop(), lambda event: event["book"]["offers"][1].update(lots=999)):
            made = opened(500)
            made.fill(2500)
            made.end(3000)
            told = [line["event"] for line in made.lines if line["entry"] == "event" and line["event"]["type"] == "book"]
            self.assertEqual(len(told), 2)
            self.assertEqual(verify(made.lines).mismatches, [])
            change(told[1])
            found = [row["what"] for row in verify(made.lines).mismatches]
            self.assertEqual(found[0], "books told, number 1")
        made = opened(500)
        made.best = 1000
        made.add(2500, *FILLED)
        made.end(3000)
        self.assertEqual([row["what"] for row in verify(made.lines).mismatches], ["books told, number 1"] * 2)

    def test_a_note_of_the_venue_that_cannot_be_read_is_told(self):
        for text in ("venue: {}", "venue: nothing", 'venue book of instrument 0: {"bids":[[1,2]]}', 'venue book of instrument 0: {"bids":[[1,2],[2,2]],"offers":[]}'):
            made = opened(0)
            made.lines.insert(6, note(text))
            with self.assertRaises(Unreadable, msg=text):
                verify(made.lines)
        made = opened(0)
        made.lines.insert(6, note("round 3: device lost: venue: {}"))
        made.fill(2000, external=False)
        made.end(2900)
        self.assertEqual(verify(made.lines).mismatches, [])


if __name__ == "__main__":
    unittest.main()
