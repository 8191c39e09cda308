"""Tests of the verifier's parts: books, mark guard, venue, arithmetic.

    python3 -m unittest discover -s scripts
"""

import os
import random
import sys
import unittest
from fractions import Fraction

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from export_kit import RULES, SPEC
from verify_export import arithmetic, books, market, run, venue
from verify_export.margin import Margin
from verify_export.market import Market


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
        return [guard.judge(time, price, 200, RULES, counts) for time, price in marks], counts

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
            # as far below as the band reaches is not beyond it, and 80 is not near 50; above, the same
            ([(0, 100), (1, 50), (1 + hold, 80)], [True, False, True], {"applied": 2, "held": 1, "discarded": 1}),
            ([(0, 100), (1, 50), (1 + hold, 79)], [True, False, True], {"applied": 2, "held": 1, "confirmed": 1}),
            ([(0, 100), (1, 50), (1 + hold, 1)], [True, False, True], {"applied": 2, "held": 1, "confirmed": 1}),
            ([(0, 100), (1, 300), (1 + hold, 120)], [True, False, True], {"applied": 2, "held": 1, "discarded": 1}),
            ([(0, 100), (1, 300), (1 + hold, 121)], [True, False, True], {"applied": 2, "held": 1, "confirmed": 1}),
            ([(0, 100), (1, 300), (1 + hold, 999)], [True, False, True], {"applied": 2, "held": 1, "confirmed": 1}),
            # beyond the band on the other side is another story
            ([(0, 100), (1, 300), (1 + hold, 79)], [True, False, False], {"applied": 1, "held": 2, "discarded": 1}),
            ([(0, 100), (1, 79), (1 + hold, 121)], [True, False, False], {"applied": 1, "held": 2, "discarded": 1}),
            # the band is of the price compared with: 100 is near the held 125, which was not near 100
            ([(0, 100), (1, 125), (1 + hold, 99)], [True, False, True], {"applied": 2, "held": 1, "discarded": 1}),
            ([(0, 100), (1, 125), (1 + hold, 100)], [True, False, True], {"applied": 2, "held": 1, "confirmed": 1}),
        ]:
            with self.subTest(marks):
                found, counts = self.outcomes(marks)
                self.assertEqual(found, applied)
                self.assertEqual({name: count for name, count in counts.items() if count}, nonzero)


class VenueBooks(unittest.TestCase):
    """Mark 1,005, three levels of 10 lots, 1 % apart: floor(10.05) = 10, floor(20.1) = 20, floor(30.15) = 30."""

    def setUp(self):
        depth = {"levels": 3, "step": 10, "level_lots": 10, "refill_lots": 3}
        self.book = venue.VenueBook(depth, 1000)

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
        book = venue.VenueBook({"levels": 3, "step": 400, "level_lots": 1, "refill_lots": 0}, 1000)
        self.assertEqual(book.fill(0, 10, -3, 0), (-2, 6 + 2))  # the third bid would lie at -2
        book = venue.VenueBook({"levels": 3, "step": 0, "level_lots": 1, "refill_lots": 0}, 1000)
        self.assertEqual(book.fill(0, 10, -3, 0), (-3, 27))  # at least 1 away
        book = venue.VenueBook({"levels": 3, "step": 10, "level_lots": 1, "refill_lots": 0}, 10**10)
        self.assertEqual(book.fill(0, 2**32 - 5, 3, 2**33), (1, -(2**32 - 1)))
        self.assertEqual(venue.VenueBook({"levels": 3, "step": 1, "level_lots": 0, "refill_lots": 9}, 1000).fill(0, 10, 3, 99), (0, 0))


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
        scale = 1000
        for _ in range(2000):
            price, size = self.random.randrange(1, 1500), self.random.choice((-1, 1)) * self.random.randrange(1, 60)
            market = Market(SPEC | {"brackets": self.tiers(scale)}, scale)
            margin = Margin(RULES, [market], [price])
            requirement = margin.of_position(0, size)
            account = books.Account(1, 1)
            account.lots[0] = size
            account.cash = self.random.randrange(-requirement, 2 * requirement) // scale - size * price
            equity, _ = margin.evaluate(account)
            lots = self.random.randrange(1, abs(size) + 1) * (-1 if size > 0 else 1)
            left = margin.of_position(0, size + lots)
            zero = margin.zero_quote(account, 0, lots)
            # E after an exchange at exactly the zero price would be E * left / R; Z is that rounded up, twice at most
            exact = (Fraction(equity * left, requirement) - equity) / scale - lots * price
            self.assertTrue(exact <= zero < exact + 1 + Fraction(1, scale))

    def test_shared_out_is_the_largest_remainder_of_what_the_caps_leave(self):
        """Against one lot, or quantum, after the other: the level t with sum of min(c, t w) = A is where the shares lie."""
        for _ in range(3000):
            claims = [(self.random.randrange(0, 6), self.random.choice((None, *range(12)))) for _ in range(self.random.randrange(0, 6))]
            amount = self.random.randrange(0, 40)
            shares, rest = arithmetic.shared_out(amount, claims)
            self.assertEqual(sum(shares) + rest, amount)
            able = [(weight, cap) for weight, cap in claims if weight > 0]
            room = sum(10**9 if cap is None else cap for _, cap in able)
            self.assertEqual(rest, max(0, amount - room))
            for (weight, cap), share in zip(claims, shares):
                self.assertTrue(0 <= share <= (10**9 if weight and cap is None else cap or 0) and (weight or not share))
            uncapped = [(weight, share) for (weight, cap), share in zip(claims, shares) if weight and (cap is None or share < cap)]
            for weight, share in uncapped:  # nobody who could have more lies a whole unit below another's level
                for other, more in uncapped:
                    self.assertLess(more * weight - share * other, weight + other)

    def test_shared_out_by_hand(self):
        for amount, claims, expected in [
            (10, [(1, None), (1, None), (1, None)], ([4, 3, 3], 0)),
            (11, [(1, None), (2, None), (3, None)], ([2, 4, 5], 0)),  # 1 5/6, 3 4/6, 5 3/6
            (10, [(5, 2), (1, None), (1, None)], ([2, 4, 4], 0)),
            (10, [(5, 2), (0, None), (1, 3)], ([2, 0, 3], 5)),
            (12, [(6, 7), (3, 2), (3, 9)], ([7, 2, 3], 0)),  # the second is full at once; then 10 by 6 and 3: 7 as 6.67 rounds up
            (0, [(1, None)], ([0], 0)),
            (5, [], ([], 5)),
        ]:
            with self.subTest(amount=amount, claims=claims):
                self.assertEqual(arithmetic.shared_out(amount, claims), expected)


class Buckets(unittest.TestCase):
    def test_it_refills_with_time(self):
        bucket = market.Bucket({"capacity": 1000, "refill": 100})
        self.assertEqual(bucket.room(500), 1000)
        bucket.charge(900)
        self.assertEqual([bucket.room(ms) for ms in (500, 1500, 1505, 1000, 1510)], [100, 200, 200, 200, 201])
        bucket.charge(-5000)
        self.assertEqual(bucket.room(0), 1000)
        self.assertIsNone(market.Bucket({"capacity": 0, "refill": 0}).room(0))

    def test_a_fund_pays_its_cap_a_window(self):
        window = market.FundWindow(100)
        window.pay(0, 0)
        self.assertEqual(window.room(500, 1000), 100)
        window.pay(500, 70)
        self.assertEqual([window.room(ms, 1000) for ms in (500, 1499, 0, 1500)], [30, 30, 30, 100])


if __name__ == "__main__":
    unittest.main()
