"""Tests of the verifier's limits on slices, and of margin: budget, close factor, books, absorption, hedge credits, initial margin; by hand.

    python3 -m unittest discover -s scripts
"""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from export_kit import (
    RULES, Run, SPEC, absorb, absorbed, asset, bankrupt, book, cancel, deposited, endowed, filled, mark, moved, opened, place, resting,
    take_over, traded, verify,
)  # fmt: skip

E, R = 4_500_000, 4_725_000  # of account 1, long 10 from 10,000 with 10,000, at 9,450; a slice of 2 lots brings it back


def begin(*specs, rules=RULES):
    made = Run()
    made.start(rules)
    for at, spec in enumerate(specs or [{}]):
        made.add(0, [{"type": "listed", "instrument": at, "spec": SPEC | spec}, mark(10_000, at)])
    return made


def liquidatable(spec, *commands, rules=RULES, before=()):
    made = begin(spec, rules=rules)
    made.add(0, [deposited(1, 10_000), traded(1, 10, -100_000), *before])
    made.add(2000, [mark(9450)], [(0, 1, 0, 2, E, R)], commands)
    return made


def found(made):
    return [row["what"] for row in verify(made.lines).mismatches if row["what"] != "end of the input"]


class Limits(unittest.TestCase):
    def two(self, spec, *commands):
        """Account 2 is as 1, and comes after it."""
        made = begin(spec)
        made.add(0, [event for account in (1, 2) for event in (deposited(account, 10_000), traded(account, 10, -100_000))])
        made.add(2000, [mark(9450)], [(0, account, 0, 2, E, R) for account in (1, 2)], commands)
        return made

    def test_the_budget_bounds_orders_and_then_the_backstop_takes_them(self):
        absorbed_two = absorb(2, -2, 18_881)
        for capacity, lots, second in [
            (37_800, -2, place(2, 2, -2, 9261)),
            (37_799, -2, place(2, 2, -1, 9261)),
            (28_350, -2, place(2, 2, -1, 9261)),
            (28_349, -2, absorbed_two),
            (18_900, -2, absorbed_two),
            (18_899, -1, absorbed_two),
            (9_449, -1, absorbed_two),  # less than a lot: one, as nothing is taken; then more is taken than there was
            (1, -1, absorbed_two),
        ]:
            with self.subTest(capacity):
                budget, first = {"budget": {"capacity": capacity, "refill": 1}}, place(1, 1, lots, 9261)
                self.assertEqual(found(self.two(budget, first, second)), [])
                self.assertEqual(found(self.two(budget, first | {"lots": lots - 1}, second)), ["decision after round 2, number 1"])
                for change in ({"lots": second["lots"] - 1}, {"quote": "18880"} if "quote" in second else {"limit": 9262}):
                    self.assertEqual(found(self.two(budget, first, second | change)), ["decision after round 2, number 2"])

    def test_one_lot_of_a_small_budget_when_nothing_is_taken(self):
        """9,450 are taken by the first; 1 comes back a millisecond, so that nothing is at 11,450. Without a fill all comes back at once."""
        spec, rules = {"budget": {"capacity": 5_000, "refill": 1000}}, RULES | {"slices_at_once_max": 1}
        for second_ms, command in ((11_449, absorb(1, -1, 9_440)), (11_450, place(2, 1, -1, 9261))):
            with self.subTest(second_ms):
                made = liquidatable(spec, place(1, 1, -1, 9261), rules=rules)
                made.add(2000, [filled(1, -1, 9441)], [(0, 1, 2, 1, 4_473_000, 4_252_500)], external=False)
                made.add(second_ms, [endowed(1)], commands=[command])
                self.assertEqual(found(made), [])
        made = liquidatable(spec, place(1, 1, -1, 9261), rules=rules)
        made.add(2000, [{"type": "rejected", "order": 1}], external=False)
        made.add(2001, [endowed(1)], commands=[place(2, 1, -1, 9261)])
        self.assertEqual(found(made), [])

    def absorbing(self, lots=-2, quote=18_881, equity=4_444_000):
        made = self.two({"budget": {"capacity": 18_900, "refill": 1}}, place(1, 1, -2, 9261), absorb(2, lots, quote))
        # 18,900 less ceil(18.9); the fee min(881, 37): 75,600 - 90,000 + 18,844
        flags = [(0, 1, 2, 1, 4_445_000, 3_780_000), (1, 2, 2, 1, equity, 3_780_000)]
        made.add(2000, [filled(1, -2, 18_882), absorbed(2, lots, quote)], flags, external=False)
        made.end(2500)
        return made

    def test_an_absorption(self):
        self.assertEqual(found(self.absorbing()), [])
        for tampered in ({"quote": 18_880}, {"quote": 18_882}, {"lots": -1}, {"equity": 4_445_000}):
            with self.subTest(tampered):
                self.assertNotEqual(found(self.absorbing(**tampered)), [])
        # one lot of room: value 9,450 less ceil(9.45)
        limits, first = {"budget": {"capacity": 18_900, "refill": 1}}, place(1, 1, -2, 9261)
        self.assertEqual(found(self.two(limits | {"backstop": {"notional": 18_899, "loss": 1}}, first, absorb(2, -1, 9_440))), [])
        self.assertEqual(found(self.two(limits | {"backstop": {"notional": 9_449, "loss": 1}}, first)), [])  # none: it waits
        self.assertEqual(found(self.two(limits | {"backstop": {"notional": 18_900, "loss": 0}}, first)), [])

    def test_an_order_and_its_report_on_the_budget(self):
        """Capacity for 3 lots at 9,450, and next to nothing refills. 2 are ordered, 1 is filled: one comes back, at the mark of the order."""
        depth = {"levels": 1, "step": 1, "level_lots": 1, "refill_lots": 0}
        budget = {"capacity": 28_350, "refill": 1}
        made = liquidatable({"budget": budget, "depth": depth}, place(1, 1, -2, 9261))
        # 9,441 - 18: 85,050 - 80,577
        made.add(2000, [filled(1, -1, 9441)], [(0, 1, 2, 1, 4_473_000, 4_252_500)], external=False)
        # at 9,300 severity 2 again: E 3,123,000, R 4,185,000; wanted 3: 256 * (E - 27,900 n) >= 282 * (R - 465,000 n), 123,987,600 n >= 380,682,000: 4
        # 18,900 are left of the budget and 7 thousandths of it came back: 2 lots of 9,300
        made.add(2007, [mark(9300)], [(0, 1, 1, 2, 3_123_000, 4_185_000)], [place(2, 1, -2, 9114)])
        self.assertEqual(found(made), [])
        made.lines[-1]["commands"][0]["lots"] = -3
        self.assertEqual(found(made), ["decision after round 4, number 1"])

    def test_the_close_factor_over_its_window(self):
        rules = RULES | {"close_factor": {"above": 94_499, "portion": 150, "window_ms": 30_000}}
        for second_ms, commands in ((31_999, []), (32_000, [place(2, 1, -1, 9261)])):
            with self.subTest(second_ms):
                made = liquidatable({}, place(1, 1, -1, 9261), rules=rules)  # 14,175: one lot
                made.add(2000, [filled(1, -1, 9441)], [(0, 1, 2, 1, 4_473_000, 4_252_500)], external=False)
                made.add(second_ms, [endowed(1)], commands=commands)
                # in the new window 85,050 are not above the bound, and 1 lot is enough
                self.assertEqual(found(made), [])
        self.assertEqual(found(liquidatable({}, place(1, 1, -2, 9261), rules=rules)), ["decision after round 2, number 1"])
        # below the price of a lot, one lot, once a window: nothing, 9,355, 9,450, 10,489; in the next of 85,050 all are below
        for portion in (0, 99, 100, 111):
            rules = RULES | {"close_factor": {"above": 0, "portion": portion, "window_ms": 30_000}}
            for second_ms, commands in ((31_999, []), (32_000, [place(2, 1, -1, 9261)])):
                with self.subTest(portion=portion, second_ms=second_ms):
                    made = liquidatable({}, place(1, 1, -1, 9261), rules=rules)
                    made.add(2000, [filled(1, -1, 9441)], [(0, 1, 2, 1, 4_473_000, 4_252_500)], external=False)
                    made.add(second_ms, [endowed(1)], commands=commands)
                    self.assertEqual(found(made), [])
        for portion, lots in ((199, -1), (200, -2)):  # 18,805 and 18,900
            factor = {"above": 0, "portion": portion, "window_ms": 30_000}
            self.assertEqual(found(liquidatable({}, place(1, 1, lots, 9261), rules=RULES | {"close_factor": factor})), [])
        # an order of which nothing was filled closed nothing
        made = liquidatable({}, place(1, 1, -1, 9261), rules=rules | {"close_factor": rules["close_factor"] | {"portion": 99}})
        made.add(2000, [{"type": "rejected", "order": 1}], external=False)
        made.add(2001, [endowed(1)], commands=[place(2, 1, -1, 9261)])
        self.assertEqual(found(made), [])
        at_the_bound = RULES | {"close_factor": {"above": 94_500, "portion": 150, "window_ms": 30_000}}
        self.assertEqual(found(liquidatable({}, place(1, 1, -2, 9261), rules=at_the_bound)), [])

    def test_the_book_told_says_how_much_and_at_what_slippage(self):
        for bids, commands in [
            ([(1, 2)], [place(1, 1, -2, 9261)]),
            ([(1, 1), (21, 9)], [place(1, 1, -1, 9261)]),  # beyond the band
            ([(21, 9)], []),  # a slice that filled nothing
            # one lot at 1 and the rest at 20: of 2 lots 11; 256 * (E - n * 9,450 * 13) >= 282 * (R - n * 472,500): 101,795,400 n: 2
            ([(1, 1), (20, 9)], [place(1, 1, -2, 9261)]),
            # all at 20: cost 22, 80,022,600 n >= 180,450,000: 3
            ([(20, 9)], [place(1, 1, -3, 9261)]),
        ]:
            with self.subTest(bids):
                self.assertEqual(found(liquidatable({}, *commands, before=[book(bids, [(1, 1)])])), [])
        for bids in ([(1, 0)], [(2, 1), (2, 1)], [(at, 1) for at in range(65)]):
            made = begin()
            made.add(0, [book(bids)])
            made.end(0)
            self.assertEqual(verify(made.lines).counts["refused"], 1)

    def test_resting_orders_are_cancelled_first(self):
        made = liquidatable({}, cancel(1), before=[resting(1, 2, 100)])
        made.add(2000, [resting(1, 0)], commands=[place(1, 1, -2, 9261)], external=False)
        self.assertEqual(found(made), [])
        self.assertEqual(found(liquidatable({}, place(1, 1, -2, 9261), before=[resting(1, 2)])), ["decision after round 2, number 1"])
        # a takeover does not wait for the cancellation
        made = liquidatable({}, cancel(1), before=[resting(1, 2)])
        made.add(2000, [resting(1, 1)], external=False)
        self.assertEqual(found(made), ["outcomes of the decision, number 1"])


class Margins(unittest.TestCase):
    def hedged(self, rules=RULES, equity=5_050_000, second=2):
        hedge = {"hedge": {"group": 1, "credit": 1000}}
        made = begin(hedge, hedge, rules=rules)
        flags = [(1, 1, 0, 1, equity, 5_000_000), (2, 1, 1, second, equity, 10_000_000)]
        made.add(0, [deposited(1, equity // 1000), traded(1, 10, -100_000), traded(1, -10, 100_000, 1)], flags)
        return made

    def test_hedge_credits_clear_what_the_device_flags(self):
        """R 10,000,000, credit 5,000,000; at the lower edge of 9,844 it is 4,922,000, so the device sees 5,078,000: liquidatable, but not by the rule."""
        self.assertEqual(found(self.hedged()), [])
        made = self.hedged(equity=5_079_000, second=1)
        made.lines[-2]["flags"].pop()  # 1 as before
        self.assertEqual(found(made), [])
        # each of two positions rounded up to the quantum: 1,998 more
        made = self.hedged(RULES | {"venue": "dydx-v4"}, equity=5_079_000)
        self.assertEqual(found(made), [])

    def test_edges_move_when_a_mark_leaves_them(self):
        """The mark of 10,156 is at the upper edge, 10,157 beyond it: then the credit is that of the new lower edge, 9,999."""
        for price, offset in ((10_156, -4_922_000), (10_157, -4_999_500)):
            made = self.hedged(equity=6_400_000, second=1)
            made.lines[-2]["flags"].clear()
            verifier = verify(made.lines)
            self.assertEqual([row["what"] for row in verifier.mismatches], ["end of the input"])
            account = verifier.episode.books.accounts[1]
            verifier.episode.apply(99, 1, "mark", {"instrument": 0, "price": price})
            self.assertEqual(account.offset, -4_922_000)  # the short side is the smaller, at 9,844
            verifier.episode.apply(100, 1, "mark", {"instrument": 1, "price": price})
            self.assertEqual(account.offset, offset)

    def refused(self, made, count):
        verifier = verify(made.lines)
        self.assertEqual((verifier.counts["refused"], [row["what"] for row in verifier.mismatches]), (count, []))

    def test_initial_margin_of_what_is_added(self):
        spec = {"initial": [[0, 100]]}
        for reserved, lots, refused in ((0, 10, 0), (1, 10, 1), (0, 11, 1)):
            with self.subTest(reserved=reserved, lots=lots):
                made = begin(spec)
                made.add(0, [deposited(1, 10_000), resting(1, 1, reserved), traded(1, lots, -10_000 * lots)])
                made.end(0)
                self.refused(made, refused)
        # open interest of 100,000 between 0 and 200,000: half of what is missing, 1,000,000 + 4,500,000
        for quanta, refused in ((5_500, 0), (5_499, 1)):
            made = begin(spec | {"open_interest": {"lower": 0, "upper": 200_000}})
            made.add(0, [deposited(1, 10_000), traded(1, 10, -100_000), deposited(2, quanta), traded(2, -1, 10_000)])
            made.end(0)
            self.refused(made, refused)

    def test_initial_margin_of_collateral_that_is_added(self):
        """An asset at 10,000 with weights of 0.9 and 1.1. Each trade is just allowed, and refused when a quantum more is reserved."""
        collateral = {"kind": "collateral", "weight_long": 900, "weight_short": 1100, "brackets": [[0, 0]]}
        for quanta, before, trade, most in [
            (1_007, [], traded(1, -1, 10_000, 1), 7),  # 11,007 - 11,000 for a requirement of 0
            (2_000, [traded(1, 1, -10_000)], traded(1, 1, -10_000, 1), 500),  # E falls by 1,000; 500 for the contract, which has no initial brackets
            (900, [asset(1, 1, 1)], traded(1, -2, 20_000, 1), 9_900),  # from 1 to -1: 20,900 - 11,000
        ]:
            for reserved, refused in ((most, 0), (most + 1, 1)):
                with self.subTest(trade=trade, reserved=reserved):
                    made = begin({}, collateral)
                    made.add(0, [deposited(1, quanta), *before, resting(1, 1, reserved), trade])
                    made.end(0)
                    self.refused(made, refused)
        # a sale of what is held adds nothing: E may fall from 9,500 to 500 with 9,999 reserved; so may a trade in a contract without initial brackets
        made = begin({}, collateral)
        made.add(0, [deposited(1, 500), asset(1, 1, 1), resting(1, 1, 9_999), traded(1, -1, 0, 1), deposited(1, 500), traded(1, 1, -10_000)])
        made.end(0)
        self.refused(made, 0)

    def test_no_trade_leads_deeper_below_nothing(self):
        """An E of 0 is allowed, a quantum less is not; below 0 only what does not make it worse. Closing is no exception."""
        for quote, refused in ((-10_100, 0), (-10_101, 1)):
            flags, commands = ([], []) if refused else ([(1, 1, 0, 3, 0, 500_000)], [take_over(1)])
            made = begin()
            made.add(0, [deposited(1, 100), traded(1, 1, quote)], flags, commands)
            self.assertEqual((found(made), verify(made.lines).counts["refused"]), ([], refused))
        # long 10 from 10,000 with 5,100, at 9,480: E -100
        for better, refused in ((0, 0), (-1, 1), (99, 0)):
            for lots in (-2, 2):
                with self.subTest(better=better, lots=lots):
                    made = begin()
                    made.add(0, [deposited(1, 5_100), traded(1, 10, -100_000)], [(1, 1, 0, 1, 5_100_000, 5_000_000)])
                    trade = traded(1, lots, -9_480 * lots + better)
                    made.add(1000, [mark(9480), trade], [(0, 1, 1, 4, -100_000, 4_740_000)], [bankrupt(1)])
                    verifier = verify(made.lines)
                    self.assertEqual((found(made), verifier.counts["refused"]), ([], refused))
                    self.assertEqual(verifier.episode.books.accounts[1].lots, {0: 10 if refused else 10 + lots})

    def test_accounts_owners_and_assets(self):
        made = begin({}, {"kind": "collateral", "weight_long": 900, "weight_short": 1100, "brackets": [[0, 0]]})
        made.add(0, [opened(1, 7), opened(2, 7, 0), opened(3, 8), deposited(1, 1_000), asset(1, 1, 1), traded(1, 1, -10_000)])
        made.add(0, [moved(1, 2, 900), traded(2, 1, -10_000)])
        # 1: -9,900 + 10,000 + 9,000 = 9,100 above 500; 8,600 more may go
        made.add(0, [moved(1, 2, 8_600)])
        refused = [
            opened(1, 7), opened(4, 7, 1), opened(4, 7, 9), asset(2, 1, 1), asset(1, 0, 1), asset(1, 1, 0), asset(1, -1, 1), asset(9, 1, 1),
            traded(2, 1, -10_000, 1), moved(1, 3, 1), moved(1, 1, 1), moved(1, 2, -1), moved(1, 2, 1), moved(1, 9, 1), resting(9, 0), endowed(1, 9),
            book(instrument=9),
        ]  # fmt: skip
        made.add(0, refused)
        verifier = verify(made.lines)
        self.assertEqual(verifier.counts["refused"], len(refused), verifier.mismatches)
        account = verifier.episode.books.accounts[1]
        self.assertEqual((account.cash, account.paid_in, verifier.episode.books.accounts[2].paid_in), (1_000 - 10_000 - 9_500, -8_500, 9_500))


if __name__ == "__main__":
    unittest.main()
