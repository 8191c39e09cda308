"""Tests of the verifier's close-outs: estate, funds, backstop, deleveraging, socialised loss, worked out by hand; and every amount of them counts.

    python3 -m unittest discover -s scripts
"""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from export_kit import RULES, Run, SPEC, asset, bankrupt, bankrupted, deposited, endowed, listed, mark, take_over, taken_over, traded, verify

FULL = {"notional": 0, "loss": (1 << 64) - 1}  # a backstop that takes nothing


def begin(specs, rules=RULES):
    made = Run()
    made.start(rules)
    for at, spec in enumerate(specs):
        made.add(0, [{"type": "listed", "instrument": at, "spec": SPEC | spec}, mark(10_000, at)])
    return made


class CloseOuts(unittest.TestCase):
    def balances(self, made):
        verifier = verify(made.lines)
        self.assertEqual(verifier.mismatches, [])
        return verifier.balances[0]["owners"]

    def cash(self, owners, *accounts):
        return [int(owners["accounts"][str(account)]["cash"]) for account in accounts]

    def assert_each_amount_counts(self, make, names):
        """A run whose `make` is given another amount at one place, and where nothing else is changed, disagrees; `names` are its amounts."""
        self.assertEqual(verify(make().lines).mismatches, [])
        for name, changes in names.items():
            for change in changes:
                with self.subTest(name, change=change):
                    self.assertGreater(verify(make(**{name: change}).lines).mismatch_count, 0)

    # -- takeover

    def taken(self, **amounts):
        """1: long 10 and 2: long 5, taken over at 9,100 with 1,900 and 949 (fees 182 and 91, half to the market); 3: short 15 at 10,000, in profit.
        The backstop has room for 4 lots; the other 11 are deleveraged against 3, which gets 11/15 of the surplus."""
        made = begin([{"backstop": {"notional": 36_400 + 9_099, "loss": 10**9}}], RULES | {"insurance": RULES["insurance"] | {"market_share": 333}})
        made.add(0, [endowed(7, 0), deposited(1, 10_900), traded(1, 10, -100_000), deposited(2, 5_449), traded(2, 5, -50_000)])
        made.add(0, [deposited(3, 20_000), traded(3, -15, 150_000)])
        # 1: 91,000 - 89,100; R 4,550,000. 2: 45,500 - 44,551; R 2,275,000
        flags = [(0, 1, 0, 3, 1_900_000, 4_550_000), (0, 2, 0, 3, 949_000, 2_275_000)]
        made.add(1000, [mark(9100)], flags, [take_over(1, 2)])
        # surplus 1,718 + 858 = 2,576. The backstop: 4 lots for 36,400 - floor(2,576 * 4 / 15) = 35,714, so 686 less.
        # 3 gets 1,890, buys 11 for 100,100: cash 170,000 + 1,890 - 100,100 = 71,790; 4 short: E 35,390,000, R 1,820,000
        made.add(1000, [taken_over(1, 2)], [(0, 1, 3, 0, 0, 0), (0, 2, 3, 0, 0, 0)], external=False)
        # at 21,840: E 71,790 - 87,360 = -15,570. Held and confirmed, as it is more than a fifth away
        made.add(2000, [mark(21_840)])
        amounts = {"equity": -15_570_000} | amounts
        made.add(63_000, [mark(21_840)], [(0, 3, 0, 4, amounts["equity"], 4_368_000)], [bankrupt(3)])
        # the funds: floor(182 * 333 / 1,000) + floor(91 * 333 / 1,000) = 60 + 30, and 7 of its own; 122 + 61 shared
        # 15,570 - 97 - 183 = 15,290 is a loss with -4 lots: nobody is long, the backstop takes them at the mark, the deficit pays
        made.add(63_000, [bankrupted(3)], [(0, 3, 4, 0, 0, 0)], external=False)
        made.end(64_000)
        return made

    def test_a_takeover_fills_the_backstop_then_counterparties(self):
        owners = self.balances(self.taken())
        self.assertEqual(self.cash(owners, 1, 2, 3), [0, 0, 0])
        self.assertEqual((owners["insurance"]["cash"], owners["funds"][0]["cash"], owners["deficit"]["cash"]), ("0", "0", "-15290"))
        # it bought 4 for 35,714 and sold 4 for 87,360
        self.assertEqual(owners["backstops"][0]["cash"], str(87_360 - 35_714))
        self.assert_each_amount_counts(self.taken, {"equity": (-15_569_000, -15_571_000)})

    def test_funds_pay_in_their_order_up_to_cap_and_reserve(self):
        """1: long 10 of 0 and 2 of 1, with a deficit of 1,000: the fund of 0 pays its cap, that of 1 all it has, the shared one down to its reserve."""
        made = begin([{"fund_cap": 300}, {"brackets": [[0, 100]]}], RULES | {"insurance": {"market_share": 0, "reserve": 50, "window_ms": 1000}})
        made.add(0, [endowed(500, 0), endowed(200, 1), endowed(450)])
        made.add(0, [deposited(1, 9_000), traded(1, 10, -100_000), traded(1, 2, -20_000, 1)])
        made.add(1000, [mark(9000)], [(0, 1, 0, 4, -1_000_000, 6_500_000)], [bankrupt(1)])
        made.add(1000, [bankrupted(1)], [(0, 1, 4, 0, 0, 0)], external=False)
        # the same again within the window, and after it
        for account, time_ms, equity in ((2, 1999, -1_000_000), (3, 2000, -1_000_000)):
            made.add(time_ms, [mark(10_000), deposited(account, 9_000), traded(account, 10, -100_000)])
            made.add(time_ms, [mark(9000)], [(0, account, 0, 4, equity, 4_500_000)], [bankrupt(account)])
            made.add(time_ms, [bankrupted(account)], [(0, account, 4, 0, 0, 0)], external=False)
        made.end(3000)
        owners = self.balances(made)
        # 300 + 200 + 400, then nothing, then 200 that were left
        self.assertEqual([owners["funds"][0]["cash"], owners["funds"][1]["cash"], owners["insurance"]["cash"]], ["0", "0", "50"])
        self.assertEqual(owners["deficit"]["cash"], str(-(100 + 1000 + 800)))

    # -- deleveraging and loss

    def bankrupt(self, **amounts):
        """1: long 10 from 10,000 with 5,000, at 9,000 a deficit of 5,000. Short 4 and 8: 2 and 3, in profit by 4,000 and 8,000; short 2 is 4, without
        profit. 5 is long in another instrument, in profit by 5,000.
        10 lots by profit: floor(10 * 4,000 / 12,000) = 3 and 6, one more to 3 by the greater remainder (1/3 and 2/3).
        5,000 by profit: 1,667 and 3,333; all of it below profit, notional and headroom."""
        made = begin([{"backstop": FULL, "mark_band": 999}, {}])
        made.add(0, [deposited(1, 5_000), traded(1, 10, -100_000)], [(1, 1, 0, 1, 5_000_000, 5_000_000)])
        made.add(0, [deposited(2, 10_000), traded(2, -4, 40_000), deposited(3, 20_000), traded(3, -8, 80_000)])
        made.add(0, [deposited(4, 200_000), traded(4, -2, 17_500), deposited(5, 1_000), traded(5, 1, -5_000, 1)])
        made.add(1000, [mark(9000)], [(0, 1, 1, 4, -5_000_000, 4_500_000)], [bankrupt(1)])
        made.add(1000, [bankrupted(1)], [(0, 1, 4, 0, 0, 0)], external=False)
        # 2: cash 50,000 - 1,667 - 27,000 and short 1; 3: cash 100,000 - 3,333 - 63,000 and short 1
        made.add(2000, [mark(17_000)])
        amounts = {"second": -7_000, "third": 67_000} | amounts
        made.add(3000, [mark(21_340)], [(0, 2, 0, 4, amounts["second"], 1_067_000)], [bankrupt(2)])
        # nobody is long: the backstop takes the lot, 5 bears the 7
        made.add(3000, [bankrupted(2)], [(0, 2, 4, 0, 0, 0)], external=False)
        # 33,667 - 33,600; the fee takes all of it
        made.add(4000, [mark(33_600)], [(0, 3, 0, 3, amounts["third"], 1_680_000)], [take_over(3)])
        made.add(4000, [taken_over(3)], [(0, 3, 3, 0, 0, 0)], external=False)
        made.end(5000)
        return made

    def test_counterparties_in_profit_bear_the_loss(self):
        owners = self.balances(self.bankrupt())
        self.assertEqual(self.cash(owners, 2, 3, 4, 5), [0, 0, 150_300, 5_993])
        # short 1 from 21,340 and from 33,600, settled at 33,600
        self.assertEqual((owners["deficit"]["cash"], owners["backstops"][0]["cash"], owners["insurance"]["cash"]), ("0", "-12260", "67"))
        self.assert_each_amount_counts(self.bankrupt, {"second": (-6_000, -8_000), "third": (66_000, 68_000)})

    def capped(self, **amounts):
        """1 as above with a deficit of 5,000. 2 and 3: short 1 with profits of 1,000 that cap what they bear; 8 of the 10 lots go to the backstop.
        3,000 are left for the winners: 2 and 3 have nothing left, 4, long in 1, has 1,000 of profit and 700 of headroom; the deficit pays 2,300."""
        made = begin([{"backstop": FULL}, {}])
        made.add(0, [deposited(1, 5_000), traded(1, 10, -100_000)], [(1, 1, 0, 1, 5_000_000, 5_000_000)])
        made.add(0, [deposited(2, 10_000), traded(2, -1, 10_000), deposited(3, 1_000), traded(3, -1, 10_000)])
        made.add(0, [deposited(4, 200), traded(4, 1, -9_000, 1)])
        made.add(1000, [mark(9000)], [(0, 1, 1, 4, -5_000_000, 4_500_000)], [bankrupt(1)])
        # 4: 1,200 - 700, R 500
        flags = [(0, 4, 0, 1, amounts.get("winner", 500_000), 500_000), (0, 1, 4, 0, 0, 0)]
        made.add(1000, [bankrupted(1)], flags, external=False)
        made.end(2000)
        return made

    def test_caps_then_all_winners_then_the_deficit(self):
        owners = self.balances(self.capped())
        self.assertEqual(self.cash(owners, 2, 3, 4), [10_000, 1_000, 500])
        self.assertEqual((owners["deficit"]["cash"], owners["backstops"][0]["cash"]), ("-2300", "0"))
        self.assert_each_amount_counts(self.capped, {"winner": (499_000, 501_000)})

    def lost(self, notional, rule="pro-rata"):
        """1: long 10 from 10,000 with a deficit of 5,000 at 9,000. 2, short 3 from 10,000, takes 3 lots and 3,000, all its profit; 2,000 are left for 5,
        who won in the other instrument. Of the other 7 lots the backstop takes what it has room for; then 3 and 4, short 3 and 1 from 8,000 and so
        without profit, what they have, at the mark; the rest is the backstop's. At 9,900 each lot of it is worth 900 more.
        Returns the lots of the backstop, of 3 and of 4, and the event's sequence."""
        made = begin([{"backstop": {"notional": notional, "loss": 1}}, {}], RULES | {"deleveraging": rule})
        made.add(0, [deposited(1, 5_000), traded(1, 10, -100_000)], [(1, 1, 0, 1, 5_000_000, 5_000_000)])
        made.add(0, [deposited(2, 10_000), traded(2, -3, 30_000), deposited(5, 1_000), traded(5, 1, -5_000, 1)])
        made.add(0, [deposited(3, 20_000), traded(3, -3, 24_000), deposited(4, 20_000), traded(4, -1, 8_000)])
        made.add(1000, [mark(9000)], [(0, 1, 1, 4, -5_000_000, 4_500_000)], [bankrupt(1)])
        sequence = made.sequence
        made.add(1000, [bankrupted(1)], [(0, 1, 4, 0, 0, 0)], external=False)
        made.add(2000, [mark(9900)])
        made.end(3000)
        owners = self.balances(made)
        self.assertEqual(self.cash(owners, 1, 2, 5), [0, 10_000, 4_000])
        self.assertEqual((owners["deficit"]["cash"], owners["insurance"]["cash"], owners["funds"][0]["cash"]), ("0", "0", "0"))
        # a lot given costs 9,000, one kept 9,900
        cash = [int(owners["backstops"][0]["cash"]), *self.cash(owners, 3, 4)]
        lots = [(now - before) // 900 for now, before in zip(cash, (0, 44_000 - 3 * 9_900, 28_000 - 9_900))]
        self.assertEqual([before + 900 * got for before, got in zip((0, 14_300, 18_100), lots)], cash)
        return lots, sequence

    def test_a_loss_goes_to_winners_then_lots_to_the_backstop_losers_and_the_backstop(self):
        for notional, expected in [
            (8_999, [3, 3, 1]),  # beyond its limits, as 3 and 4 have 4
            (26_999, [3, 3, 1]),
            (27_000, [3, 3, 1]),
            (35_999, [3, 3, 1]),
            (36_000, [4, 2, 1]),  # 3 by 3 and 1: 2 1/4 and 3/4
            (45_000, [5, 2, 0]),  # 1 1/2 and 1/2: the first
            (54_000, [6, 1, 0]),
            (62_999, [6, 1, 0]),
            (63_000, [7, 0, 0]),
        ]:
            with self.subTest(notional):
                self.assertEqual(self.lost(notional)[0], expected)
        # 1.41 and 0.42; -0.08 and -0.26; 0 both: 3 is first
        for rule in ("hyperliquid", "bitmex", "binance"):
            with self.subTest(rule):
                self.assertEqual(self.lost(36_000, rule)[0], [4, 3, 0])
        lots, sequence = self.lost(36_000, "rotation")
        self.assertEqual(lots, [4, 2, 1] if sequence % 2 else [4, 3, 0])

    def test_what_comes_with_lots_goes_to_the_backstop_beyond_its_limits(self):
        """1: long 10 at 9,100 with 1,900 and a fee of 182, nobody short; the backstop, without or with room for 4, pays 91,000 less 1,718 in all."""
        for notional in (0, 36_400, 91_000):
            made = begin([{"backstop": {"notional": notional, "loss": 1}}])
            made.add(0, [deposited(1, 10_900), traded(1, 10, -100_000)])
            made.add(1000, [mark(9100)], [(0, 1, 0, 3, 1_900_000, 4_550_000)], [take_over(1)])
            made.add(1000, [taken_over(1)], [(0, 1, 3, 0, 0, 0)], external=False)
            made.end(2000)
            owners = self.balances(made)
            self.assertEqual((owners["backstops"][0]["cash"], owners["insurance"]["cash"]), ("1718", "182"))

    def test_a_loss_without_lots_is_shared_by_all_winners(self):
        """1 and 2 are long and short 5, and both long 10 of the other instrument, where nobody is short. At 8,500 each lacks 5,000, of which go by
        requirements of 50 and 85: 1,852 with the 5 lots and 3,148 with the 10. 3 won 20,000 and bears all of it."""
        made = begin([{"backstop": FULL}] * 2)
        made.add(0, [deposited(1, 10_000), traded(1, 5, -50_000), traded(1, 10, -100_000, 1)])
        made.add(0, [deposited(2, 10_000), traded(2, -5, 50_000), traded(2, 10, -100_000, 1)])
        made.add(0, [deposited(3, 1_000), traded(3, 20, -180_000)])
        flags = [(0, account, 0, 4, -5_000_000, 6_750_000) for account in (1, 2)]
        made.add(1000, [mark(8500, 1)], flags, [bankrupt(1, 2)])
        # 3: 21,000 - 10,000, R 10,000
        flags = [(0, 3, 0, 1, 11_000_000, 10_000_000), (0, 1, 4, 0, 0, 0), (0, 2, 4, 0, 0, 0)]
        made.add(1000, [bankrupted(1, 2)], flags, external=False)
        made.end(2000)
        owners = self.balances(made)
        self.assertEqual(self.cash(owners, 1, 2, 3), [0, 0, 11_000])
        self.assertEqual(([row["cash"] for row in owners["backstops"]], owners["deficit"]["cash"]), (["0", "0"], "0"))

    def ranked(self, rule):
        """7 is long 35,000 lots with a loss of 175 units. E and profit of 1, short 10,000: 1,030 and 200 - 170 in the other instrument; of 2, short
        30,000: 5,600 and 600; of 3, short 20,000 from 1.1: 12,400 and 2,400. Returns what 1 to 3 bear of the loss, and the event's sequence."""
        unit, spec = 1_000_000, SPEC | {"backstop": FULL, "brackets": [[0, 5]], "price_bits": 32}
        made = Run()
        made.start(RULES | {"deleveraging": rule})
        made.add(0, [event for at, price in ((0, 1_100_000), (1, 200_000)) for event in (listed(at, **spec), mark(price, at))])
        made.add(0, [deposited(3, 10_000 * unit), traded(3, -20_000, 22_000 * unit), mark(unit)])
        made.add(0, [deposited(7, 525 * unit), traded(7, 35_000, -35_000 * unit), deposited(2, 5_000 * unit), traded(2, -30_000, 30_000 * unit)])
        made.add(0, [deposited(1, 1_000 * unit), traded(1, -10_000, 10_000 * unit), traded(1, 34_000, -6_800 * unit, 1), mark(195_000, 1)])
        made.add(1000, [mark(980_000)], [(0, 7, 0, 4, -175_000 * unit, 171_500 * unit)], [bankrupt(7)])
        sequence = made.sequence
        made.add(1000, [bankrupted(7)], [(0, 7, 4, 0, 0, 0)], external=False)
        made.end(2000)
        cash = self.cash(self.balances(made), 1, 2, 3)
        return [before * unit - after for before, after in zip((1_030, 5_600, 12_400), cash)], sequence

    def test_rankings(self):
        """Whole positions in order: 35,000 of 10,000, 30,000 and 20,000 lots, 5 units of loss a thousand; 1 bears no more than its profit of 30."""
        million = 1_000_000
        # 9.7, 5.4, 1.8; 0.190, 0.105, 0.172; 0.0024, 0.0032, 0.0019
        for rule, expected in {"hyperliquid": (30, 145, 0), "bitmex": (30, 29, 116), "binance": (25, 150, 0)}.items():
            with self.subTest(rule):
                self.assertEqual(self.ranked(rule)[0], [amount * million for amount in expected])
        borne, sequence = self.ranked("rotation")
        expected = ((30, 145, 0), (0, 150, 25), (30, 29, 116))[sequence % 3]
        self.assertEqual(borne, [amount * million for amount in expected])
        self.assertEqual([amount // million for amount in self.ranked("pro-rata")[0]], [1, 34, 138])

    def test_hedged_lots_last(self):
        """2 and 3 are both short 4 and in profit by 4,000; 3 holds 3 lots of the other instrument of the group, so one lot is unhedged. 1 is long 4 with
        solvent 1,900: 4 and 1 lots, then none of its hedge."""
        hedge = {"hedge": {"group": 1, "credit": 0}}
        made = begin([{"backstop": FULL} | hedge, hedge])
        made.add(0, [deposited(1, 4_760), traded(1, 4, -40_000)])
        made.add(0, [deposited(2, 10_000), traded(2, -4, 40_000), deposited(3, 10_000), traded(3, -4, 40_000), traded(3, 3, -27_000, 1)])
        # 1 at 9,000: 760, R 1,800; 3: group 36,000 short, 27,000 long at 9,000: net 9,000: one lot
        made.add(1000, [mark(9000, 1)])
        made.add(1000, [mark(9000)], [(0, 1, 0, 3, 760_000, 1_800_000)], [take_over(1)])
        # fee floor(36,000 * 2 / 1,000) = 72, surplus 688. By profit 4,000 each: 2 each; 3 has 1 unhedged: 3 and 1. 688 by lots: 516 and 172
        made.add(1000, [taken_over(1)], [(0, 1, 3, 0, 0, 0)], external=False)
        made.end(2000)
        owners = self.balances(made)
        self.assertEqual(self.cash(owners, 2, 3), [14_516, 14_172])
        self.assertEqual(owners["insurance"]["cash"], "72")

    def test_collateral_goes_to_the_backstop_for_its_value(self):
        """2 lots of an asset at 10,000 with a weight of 0.9, and a long contract that lost 15,200."""
        made = begin([{}, {"kind": "collateral", "weight_long": 900, "weight_short": 1100, "brackets": [[0, 0]]}])
        made.add(0, [deposited(1, 0), asset(1, 2, 1), traded(1, 10, -100_000)])
        # 84,800 - 100,000 + 18,000; fees of 169 and, on the asset, 40: 2,591 go with the 10 lots
        made.add(1000, [mark(8480)], [(0, 1, 0, 3, 2_800_000, 4_240_000)], [take_over(1)])
        made.add(1000, [taken_over(1)], [(0, 1, 3, 0, 0, 0)], external=False)
        made.end(2000)
        owners = self.balances(made)
        self.assertEqual([row["cash"] for row in owners["backstops"]], ["2591", "2000"])

    def test_a_deficit_without_a_requirement_goes_to_all(self):
        """Only collateral owed: 1 sold 1 lot of the asset at 10,000 with a weight of 1.1 and has too little left when it rises."""
        made = begin([{"kind": "collateral", "weight_long": 900, "weight_short": 1100, "brackets": [[0, 0]]}, {}])
        made.add(0, [deposited(1, 1_500), traded(1, -1, 10_000), deposited(2, 1_000), traded(2, 1, -9_900, 1)])
        # 11,500 - 11,550 at 10,500: a loss of 50 for 2, which is in profit by 100
        made.add(1000, [mark(10_500)], [(0, 1, 0, 4, -50_000, 0)], [bankrupt(1)])
        made.add(1000, [bankrupted(1)], [(0, 1, 4, 0, 0, 0)], external=False)
        made.end(2000)
        owners = self.balances(made)
        self.assertEqual(self.cash(owners, 2), [1_050])
        # paid 11,550 for owing 10,500
        self.assertEqual([row["cash"] for row in owners["backstops"]], ["1050", "0"])

    def test_an_event_with_one_account_that_does_not_fit_is_refused(self):
        made = begin([{}])
        made.add(0, [deposited(1, 10_900), traded(1, 10, -100_000), deposited(2, 10_900), traded(2, 10, -100_000)])
        flags = [(0, 1, 0, 3, 1_900_000, 4_550_000), (0, 2, 0, 3, 1_900_000, 4_550_000)]
        made.add(1000, [mark(9100)], flags, [take_over(1, 2)])
        made.add(1000, [deposited(2, 5_000)])
        verifier = verify(made.lines)
        self.assertEqual(verifier.mismatches[0]["what"], "cause of the round")
        for accounts in ((), (1, 1), (9,)):
            made = begin([{}])
            made.add(0, [taken_over(*accounts)])
            made.end(0)
            self.assertEqual(verify(made.lines).counts["refused"], 1)


if __name__ == "__main__":
    unittest.main()
