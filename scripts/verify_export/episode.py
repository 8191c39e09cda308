"""What events do and what must be decided, by `docs/accounting.md`."""

from bisect import bisect_right

from verify_export.arithmetic import INSOLVENT, LIQUIDATABLE, TAKEOVER, ceil_div, fewest_lots, severity_of, zero_quote
from verify_export.books import Account, Books
from verify_export.market import Market, spec_fault

POSITIONS_MAX = 64
CASH_MAX = 1 << 61
EXPOSURE_MAX = 1 << 61


class Refused(Exception):
    """The event breaks a rule and changes nothing, but that the report of an order ends it."""


def is_within(ordered, limit, lots, quote):
    """Whether a fill is one of the order: its side, at most its lots, no worse than its limit."""
    if lots == 0:
        return quote == 0
    if lots * ordered <= 0 or abs(lots) > abs(ordered):
        return False
    return quote >= limit * -lots if lots < 0 else 0 < -quote <= limit * lots


class Episode:
    """State of one episode: what the events did, what must be flagged, what must be decided."""

    def __init__(self, index, rules, counts, report):
        self.index = index
        self.rules = rules
        self.counts = counts
        self.report = report
        self.scale = rules["scale"]
        self.books = Books()
        self.insurance = self.books.system["insurance"]
        self.markets = []
        self.prices = []  # last applied marks, by instrument
        self.orders = {}  # at the venue: account, instrument, lots, limit
        self.orders_placed = 0
        self.flags = []  # of the round: (sequence, account, old, new, E, R)
        self.watch = set()  # accounts with last severity 2 or more
        self.reducing = set()
        self.is_settled = False
        self.effects = {
            "fund_endowed": self.fund_endowed,
            "listed": self.listed,
            "mark": self.mark,
            "deposited": self.deposited,
            "traded": self.traded,
            "filled": self.filled,
            "taken_over": self.taken_over,
            "bankrupted": self.bankrupted,
            "settled": self.settled,
            "rejected": self.rejected,
        }

    # -- events

    def apply(self, sequence, time_ms, name, event):
        self.sequence, self.time_ms = sequence, time_ms
        try:
            judged = self.effects[name](**event)
        except Refused:
            self.counts["refused"] += 1
            return
        if judged:
            self.judge(judged)
        books = self.books
        if books.unbalanced:
            self.report("books", "every commodity sums to zero", {str(c): books.totals[c] for c in books.unbalanced})
            books.unbalanced.clear()
        if self.insurance.cash < 0:
            self.report("insurance fund", "never negative", self.insurance.cash)

    def evaluate(self, account):
        """E and R from cash and positions alone."""
        worth, requirement = account.cash, 0
        prices, markets = self.prices, self.markets
        for instrument, lots in account.lots.items():
            notional = lots * prices[instrument]
            worth += notional
            if notional < 0:
                notional = -notional
            tiers = markets[instrument].tiers
            tier = bisect_right(tiers.floors, notional) - 1
            requirement += notional * tiers.rates[tier] - tiers.deductions[tier]
        return self.scale * worth, requirement

    def judge(self, accounts):
        evaluate, rungs, equality = self.evaluate, self.rules["rungs"], int(self.rules["equality"])
        flags = []
        judged = 0
        for account in accounts:
            judged += 1
            equity, requirement = evaluate(account)
            severity = severity_of(equity, requirement, rungs, equality)
            if severity != account.severity:
                flags.append((self.sequence, account.id, account.severity, severity, equity, requirement))
                account.severity = severity
                if severity >= LIQUIDATABLE:
                    self.watch.add(account)
                else:
                    self.watch.discard(account)
        self.counts["judgements"] += judged
        if len(flags) > 1:
            flags.sort(key=lambda flag: (-flag[3], flag[1]))
        self.flags += flags

    def market(self, instrument):
        if instrument >= len(self.markets):
            raise Refused
        return self.markets[instrument]

    def account(self, account):
        try:
            return self.books.accounts[account]
        except KeyError:
            raise Refused from None

    def exchange(self, account, other, instrument, lots, quote):
        self.books.exchange(account, self.books.system[other], instrument, lots, quote)
        holders = self.markets[instrument].holders
        if instrument in account.lots:
            holders[account.id] = account
        else:
            holders.pop(account.id, None)

    def end_liquidation(self, account):
        account.end_liquidation()
        self.reducing.discard(account)

    def fund_endowed(self, quanta):
        if quanta < 0:
            raise Refused
        self.books.pay(self.books.system["outside"], self.insurance, quanta)

    def listed(self, instrument, spec):
        fault = spec_fault(spec, self.scale)
        if fault is not None or instrument != len(self.markets):
            self.report("listed", "the next instrument, within the contract's ranges", fault or f"instrument {instrument}")
        if instrument != len(self.markets):
            raise Refused
        self.markets.append(Market(spec, self.scale))
        self.prices.append(None)

    def mark(self, instrument, price):
        market = self.market(instrument)
        if price == 0 or price >> market.spec["price_bits"]:
            raise Refused
        self.counts["marks"] += 1
        if not market.guard.judge(self.time_ms, price, self.rules, self.counts):
            return None
        self.prices[instrument] = price
        return market.holders.values()

    def deposited(self, account, quanta):
        row = self.books.accounts.get(account)
        if quanta < 0 or (row.cash if row else 0) + quanta >= CASH_MAX:
            raise Refused
        if row is None:
            row = self.books.accounts[account] = Account(account)
        self.books.pay(self.books.system["outside"], row, quanta)
        return (row,)

    def traded(self, account, instrument, lots, quote):
        row = self.account(account)
        market = self.market(instrument)
        held = row.lots.get(instrument, 0)
        if self.prices[instrument] is None or lots == 0 or lots * quote > 0 or abs(row.cash + quote) >= CASH_MAX:
            raise Refused
        if abs(held + lots) >> market.spec["size_bits"] or held == 0 and len(row.lots) == POSITIONS_MAX:
            raise Refused
        if self.exposure_max(row, instrument, held + lots) >= EXPOSURE_MAX:
            raise Refused
        self.exchange(row, "maker", instrument, lots, quote)
        return (row,)

    def exposure_max(self, account, instrument, size):
        """Gross notional at the highest prices the instruments' bits allow, with `size` lots of `instrument`."""
        lots = account.lots | {instrument: size}
        return sum(abs(held) << self.markets[at].spec["price_bits"] for at, held in lots.items())

    def end_order(self, name, order):
        """The venue's report ends the order, whatever it says."""
        placed = self.orders.pop(order, None)
        if placed is None:
            self.report(name, "the report of an order at the venue", f"order {order}")
            raise Refused
        placed[0].due = False
        return placed

    def note_slice(self, account, is_whole):
        if is_whole:
            account.short_slices = 0
        else:
            account.short_slices += 1
        account.slices_at_time = account.slices_at_time + 1 if account.slice_ms == self.time_ms else 1
        account.slice_ms = self.time_ms

    def rejected(self, order):
        account, _, _, _ = self.end_order("rejected", order)
        self.counts["rejections"] += 1
        self.note_slice(account, False)

    def filled(self, order, lots, quote):
        account, instrument, ordered, limit = self.end_order("filled", order)
        market, price = self.markets[instrument], self.prices[instrument]
        expected = market.book.fill(self.time_ms, price, ordered, limit)
        self.counts["fills"] += 1
        if (lots, quote) != expected:
            self.report(f"fill of order {order}", "{} lots for {} quanta".format(*expected), f"{lots} lots for {quote} quanta")
        size = account.lots.get(instrument, 0)
        if not is_within(ordered, limit, lots, quote) or lots != 0 and (size * lots >= 0 or abs(lots) > abs(size)):
            raise Refused
        self.note_slice(account, lots == ordered)
        if lots == 0:
            return None
        equity, requirement = self.evaluate(account)
        zero = zero_quote(size, abs(lots), price, market.tiers, equity, requirement, self.scale)
        self.exchange(account, "venue", instrument, lots, quote)
        surplus = quote - zero
        if surplus > 0:
            fee = min(surplus, abs(quote) * self.rules["fee"] // self.scale)
            self.books.pay(account, self.insurance, fee)
        else:
            self.books.pay(self.insurance, account, min(-surplus, self.insurance.cash))
        return (account,)

    def hand_over(self, account):
        """Every position to the backstop at its mark; returns the notional."""
        notional = 0
        for instrument in sorted(account.lots):
            lots = account.lots[instrument]
            quote = lots * self.prices[instrument]
            notional += abs(quote)
            self.exchange(account, "backstop", instrument, -lots, quote)
        self.end_liquidation(account)
        return notional

    def outcome(self, account):
        """The account of a takeover or bankruptcy, whose command is carried out now."""
        row = self.account(account)
        if any(placed[0] is row for placed in self.orders.values()):
            raise Refused
        row.due = False
        return row

    def taken_over(self, account):
        row = self.outcome(account)
        if row.severity not in (LIQUIDATABLE, TAKEOVER):
            raise Refused
        notional = self.hand_over(row)
        left = row.cash
        fee = min(notional * self.rules["fee"] // self.scale, left)
        self.books.pay(row, self.insurance, fee)
        self.books.pay(row, self.books.system["backstop"], left - fee)
        self.counts["takeovers"] += 1
        return (row,)

    def bankrupted(self, account):
        row = self.outcome(account)
        equity, _ = self.evaluate(row)
        if equity >= 0:
            raise Refused
        deficit = -equity // self.scale
        paid = min(deficit, self.insurance.cash)
        self.books.pay(self.insurance, row, paid)
        self.books.pay(self.books.system["deficit"], row, deficit - paid)
        self.hand_over(row)
        if row.cash:
            self.report("bankrupted", f"account {account} left with nothing", f"{row.cash} quanta")
        self.counts["bankruptcies"] += 1
        return (row,)

    def settled(self):
        books = self.books
        leaving = [books.accounts[account] for account in sorted(books.accounts)]
        leaving += [books.system["venue"], books.system["backstop"]]
        for owner in leaving:
            for instrument in sorted(owner.lots):
                lots = owner.lots[instrument]
                books.exchange(owner, books.system["maker"], instrument, -lots, lots * self.prices[instrument])
        for market in self.markets:
            market.holders.clear()
        for name, owner in books.owners():
            if owner.lots:
                self.report("settled", "nobody holds lots", f"{name} holds {owner.lots}")
        self.is_settled = True

    # -- rounds

    def end_round(self):
        """The round's expected verdict record."""
        books = self.books
        if books.posted > len(books.accounts):  # as much work as the posts took
            self.count_books()
        flags, self.flags = self.flags, []
        return flags

    def count_books(self):
        wrong = self.books.count()
        if wrong:
            self.report("books", "every commodity sums to zero", {str(name): wrong[name] for name in wrong})

    def decide(self):
        """The round's expected commands."""
        queue = []
        for account in self.watch | self.reducing:
            notional = sum(abs(lots) * self.prices[instrument] for instrument, lots in account.lots.items())
            queue.append((-account.severity, -notional, account.id))
        commands = []
        order = self.orders_placed
        for _, _, account_id in sorted(queue):
            account = self.books.accounts[account_id]
            command = None if account.due else self.action(account)
            if command is not None:
                if command[0] == "place_order":
                    order += 1
                    command = ("place_order", order, *command[1:])
                commands.append(command)
        return commands

    def adopt(self, commands):
        """The journaled commands are under way, whether or not they were the expected ones."""
        for command in commands:
            account = self.books.accounts.get(command[2] if command[0] == "place_order" else command[1])
            if account is None:
                continue
            if command[0] == "place_order":
                _, order, _, instrument, lots, limit = command
                self.orders_placed = order
                if instrument >= len(self.prices) or self.prices[instrument] is None or lots == 0:
                    continue
                self.orders[order] = (account, instrument, lots, limit)
            account.due = True

    def action(self, account):
        if account.severity == INSOLVENT:
            return ("bankrupt", account.id)
        if account.severity == TAKEOVER:
            return ("take_over", account.id)
        if account.severity == LIQUIDATABLE:
            account.reducing = True
            self.reducing.add(account)
        if not account.reducing:
            return None
        rules = self.rules
        equity, requirement = self.evaluate(account)
        if 256 * equity >= rules["target"] * requirement:
            self.end_liquidation(account)
            return None
        short = account.short_slices
        gives_up = short >= rules["exhausted_max"]
        many = account.slices_at_time >= rules["slices_at_once_max"]
        if not gives_up and account.slice_ms == self.time_ms and (short > 0 or many):
            return None
        if not gives_up:
            order = self.slice(account, equity, requirement)
            if order is not None:
                return order
        if account.severity == LIQUIDATABLE:
            return ("take_over", account.id)
        self.end_liquidation(account)
        return None

    def slice(self, account, equity, requirement):
        rules, scale = self.rules, self.scale
        cost, target, band = rules["fee"] + rules["slippage"], rules["target"], rules["limit_band"]
        best = None
        for instrument, size in account.lots.items():
            tiers, notional = self.markets[instrument].tiers, abs(size) * self.prices[instrument]
            rate = tiers.rates[tiers.of(notional)]
            if equity * rate > requirement * cost:
                key = (rate, notional, -instrument)
                if best is None or key > best:
                    best = key
        if best is None:
            return None
        instrument = -best[2]
        size, price = account.lots[instrument], self.prices[instrument]
        market = self.markets[instrument]
        whole, requirement_of = abs(size), market.tiers.requirement
        others = requirement - requirement_of(whole * price)

        def surplus(lots):
            left = requirement_of((whole - lots) * price)
            return 256 * (equity - lots * price * cost) - target * (others + left)

        lots = fewest_lots(whole, surplus)
        residual_min = rules["residual_min"]
        if (whole - lots) * price < residual_min or whole * price < 2 * residual_min:
            lots = whole
        zero = zero_quote(size, lots, price, market.tiers, equity, requirement, scale)
        furthest, tick = price * band // scale, market.spec["tick"]
        if size > 0:
            limit = ceil_div(max(ceil_div(max(zero, 0), lots), price - furthest), tick) * tick
        else:
            limit = min(max(-zero, 0) // lots, price + furthest) // tick * tick
        return ("place_order", account.id, instrument, -lots if size > 0 else lots, limit)
