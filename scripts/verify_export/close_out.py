"""Fees, what the funds pay, and accounts that are closed out: estate, backstop, deleveraging, loss."""

from fractions import Fraction

from verify_export.arithmetic import INSOLVENT, LIQUIDATABLE, TAKEOVER, shared_out

ACCOUNTS_MAX = 1 << 16
WALLET_MIN = 1_000_000


def sign(value):
    return (value > 0) - (value < 0)


class Left:
    """What the estate notes of an instrument: lots, what comes with them beyond the mark, what it paid."""

    __slots__ = ("lots", "surplus", "paid")

    def __init__(self):
        self.lots = self.surplus = self.paid = 0


class CloseOut:
    """The part of an episode that moves money in liquidations. `self` has its books, markets, margin, rules and time."""

    def pay_fee(self, payer, instrument, fee):
        own = fee * self.rules["insurance"]["market_share"] // self.scale
        self.books.pay(payer, self.books.funds[instrument], own)
        self.books.pay(payer, self.insurance, fee - own)

    def draw_funds(self, receiver, instruments, quanta):
        """Returns what they paid."""
        insurance, missing = self.rules["insurance"], quanta
        for instrument in instruments:
            fund, window = self.books.funds[instrument], self.markets[instrument].fund_window
            paid = min(missing, fund.cash, max(0, window.room(self.time_ms, insurance["window_ms"])))
            window.pay(self.time_ms, paid)
            self.books.pay(fund, receiver, paid)
            missing -= paid
        paid = min(missing, max(0, self.insurance.cash - insurance["reserve"]))
        self.books.pay(self.insurance, receiver, paid)
        return quanta - missing + paid

    def backstop_room(self, instrument, lots):
        """Lots of this sign that the backstop may take."""
        limits, price = self.markets[instrument].spec["backstop"], self.prices[instrument]
        backstop = self.books.backstops[instrument]
        held = backstop.lots.get(instrument, 0)
        reducing = abs(held) if sign(held) == -sign(lots) else 0
        if -(backstop.cash + held * price) >= limits["loss"]:
            return reducing
        return reducing + max(0, limits["notional"] // price - (0 if reducing else abs(held)))

    # -- the events

    def taken_over(self, accounts):
        rows = self.closable(accounts, (LIQUIDATABLE, TAKEOVER))
        left, loss = {}, 0
        for row in rows:
            equity = self.equity_floor(row)
            for instrument in sorted(row.lots):
                notional = abs(row.lots[instrument]) * self.prices[instrument]
                fee = max(0, min(notional * self.markets[instrument].spec["fee"] // self.scale, equity))
                self.pay_fee(row, instrument, fee)
                equity -= fee
            loss += self.hand_over(row, equity, left)
            self.counts["takeovers"] += 1
        return [*rows, *self.distribute(left, loss)]

    def bankrupted(self, accounts):
        rows = self.closable(accounts, (INSOLVENT,))
        left, loss = {}, 0
        for row in rows:
            equity = self.equity_floor(row)
            by_requirement = sorted(row.lots, key=lambda at: (-self.margin.of_position(at, row.lots[at]), at))
            equity += self.draw_funds(row, by_requirement, -equity)
            loss += self.hand_over(row, equity, left)
            self.counts["bankruptcies"] += 1
        return [*rows, *self.distribute(left, loss)]

    def closable(self, accounts, verdicts):
        """The accounts of the event; what was decided for them is done, whether or not it can be carried out."""
        if not 1 <= len(accounts) <= ACCOUNTS_MAX or len(set(accounts)) != len(accounts):
            self.refuse()
        rows = [self.books.accounts.get(account) for account in accounts]
        ordered = {placed.account.id for placed in self.orders.values()}
        fits = True
        for row in rows:
            if row is None or row.id in ordered:
                fits = False
                continue
            row.pending = None
            fits = fits and self.margin.verdict(row)[0] in verdicts
        if not fits:
            self.refuse()
        return rows

    def equity_floor(self, row):
        return row.cash + sum(self.margin.value(*held) // self.scale for held in row.lots.items())

    def hand_over(self, row, equity, left):
        """Everything to the estate; returns the loss that goes with no position."""
        instruments, estate = sorted(row.lots), self.books.system["estate"]
        weights = [(self.margin.of_position(at, row.lots[at]), None) for at in instruments]
        shares, rest = shared_out(abs(equity), weights)
        for instrument, share in zip(instruments, shares):
            lots, surplus = row.lots[instrument], sign(equity) * share
            quote = self.margin.value(instrument, lots) // self.scale - surplus
            self.exchange(row, estate, instrument, -lots, quote)
            noted = left.setdefault(instrument, Left())
            noted.lots += lots
            noted.surplus += surplus
            noted.paid += quote
        self.books.pay(estate, row, rest)
        if row.cash:
            self.report("close-out", f"account {row.id} left with nothing", f"{row.cash} quanta")
        row.paid_in, row.window = 0, None
        self.end_liquidation(row)
        return rest

    # -- the estate

    def distribute(self, left, loss):
        """Until the estate holds nothing; returns the accounts that carried something."""
        carriers = {}
        for instrument in sorted(left):
            noted = left[instrument]
            if self.markets[instrument].is_contract:
                loss += self.distribute_market(instrument, noted.lots, noted.surplus, carriers)
            else:
                self.give_backstop(instrument, noted.lots, noted.paid)
        self.socialise(loss, carriers)
        return carriers.values()

    def give_backstop(self, instrument, lots, quote):
        """The backstop takes lots of the estate for `quote`."""
        self.books.exchange(self.books.backstops[instrument], self.books.system["estate"], instrument, lots, -quote)

    def distribute_market(self, instrument, lots, surplus, carriers):
        """Returns the loss that nobody bears who took lots."""
        price, loss = self.prices[instrument], 0
        if lots == 0 and surplus > 0:
            self.books.pay(self.books.system["estate"], self.insurance, surplus)
            return 0
        if surplus < 0:
            lots, surplus = self.deleverage(instrument, lots, surplus, carriers)
            loss, surplus = -surplus, 0
        if lots != 0:
            taken = min(abs(lots), self.backstop_room(instrument, lots))
            share = surplus * taken // abs(lots)
            self.give_backstop(instrument, sign(lots) * taken, sign(lots) * taken * price - share)
            lots, surplus = lots - sign(lots) * taken, surplus - share
        lots, surplus = self.deleverage(instrument, lots, surplus, carriers)
        self.give_backstop(instrument, lots, lots * price - surplus)
        return loss

    def deleverage(self, instrument, lots, surplus, carriers):
        """Counterparties close against the estate; returns the lots and the surplus that are left."""
        if lots == 0:
            return lots, surplus
        rows = [self.books.accounts[at] for at in sorted(self.markets[instrument].holders)]
        rows = [row for row in rows if row.lots[instrument] * lots < 0 and row.pending != "outcome"]
        profits = {row.id: max(0, self.margin.profit(row)) for row in rows}
        if surplus < 0:
            rows = [row for row in rows if profits[row.id] > 0]
        rule = self.rules["deleveraging"]
        if rule == "pro-rata":
            given = self.pro_rata(rows, instrument, abs(lots), profits, surplus >= 0)
        else:
            given = self.in_order(self.ranked(rows, instrument, rule), instrument, abs(lots))
        takers = [(row, given[row.id]) for row in rows if given.get(row.id)]
        price = self.prices[instrument]
        if surplus >= 0:
            claims = [(got * price, None) for _, got in takers]
        else:
            caps = [min(profits[row.id], got * price, self.margin.headroom(row)) for row, got in takers]
            weights = [profits[row.id] if rule == "pro-rata" else got * price for row, got in takers]
            claims = list(zip(weights, caps))
        amounts, rest = shared_out(abs(surplus), claims)
        for (row, got), amount in zip(takers, amounts):
            taken = sign(lots) * got
            self.exchange(row, self.books.system["estate"], instrument, taken, sign(surplus) * amount - taken * price)
            carriers[row.id] = row
            self.counts["deleveraged"] += 1
        return lots - sign(lots) * sum(got for _, got in takers), sign(surplus) * rest

    def pro_rata(self, rows, instrument, lots, profits, losers_too):
        """Lots by account: by profit, unhedged ones first, then by size where no loss comes with them."""
        by_profit = [profits[row.id] for row in rows]
        whole = [abs(row.lots[instrument]) for row in rows]
        unhedged = [self.margin.unhedged(row, instrument) for row in rows]
        passes = [(by_profit, unhedged), (by_profit, whole)] + ([(whole, whole)] if losers_too else [])
        given, left = [0] * len(rows), lots
        for weights, caps in passes:
            shares, left = shared_out(left, [(weight, cap - got) for weight, cap, got in zip(weights, caps, given)])
            given = [got + share for got, share in zip(given, shares)]
        return {row.id: got for row, got in zip(rows, given)}

    @staticmethod
    def in_order(rows, instrument, lots):
        given = {}
        for row in rows:
            given[row.id] = min(abs(row.lots[instrument]), lots)
            lots -= given[row.id]
        return given

    def ranked(self, rows, instrument, rule):
        """The first to be closed first; those without a rank last, ties to the lower account."""
        if rule == "rotation":
            start = self.sequence % len(rows) if rows else 0
            return rows[start:] + rows[:start]
        rank = {"hyperliquid": self.hyperliquid, "bitmex": self.bitmex, "binance": self.binance}[rule]
        ranks = {row.id: rank(row, instrument) for row in rows}
        return sorted(rows, key=lambda row: (ranks[row.id] is None, -(ranks[row.id] or 0), row.id))

    def hyperliquid(self, row, instrument):
        lots, entry, price = row.lots[instrument], abs(row.entries[instrument]), self.prices[instrument]
        equity, _ = self.margin.evaluate(row)
        value = abs(lots) * price
        above, below = (value, entry) if lots > 0 else (entry, value)
        return Fraction(above * value, below * equity) if equity > 0 and below else None

    def bitmex(self, row, instrument):
        lots, entry, price = row.lots[instrument], abs(row.entries[instrument]), self.prices[instrument]
        value, distance = abs(lots) * price, self.margin.evaluate(row)[0] // self.scale
        profit = sign(lots) * (value - entry)
        if distance <= 0 or not (entry and (profit >= 0 or value)):
            return None
        leverage = Fraction(value, distance)
        return Fraction(profit, entry) * leverage if profit >= 0 else Fraction(profit, entry) / leverage

    def binance(self, row, _):
        equity, requirement = self.margin.evaluate(row)
        if equity <= 0:
            return None
        contracts = [at for at in row.lots if self.markets[at].is_contract]
        entries = sum(row.entries[at] for at in contracts)
        profit = sum(row.lots[at] * self.prices[at] for at in contracts) - entries
        return Fraction(max(0, profit) * requirement, max(WALLET_MIN, row.cash + entries) * equity)

    def socialise(self, loss, carriers):
        if loss == 0:
            return
        accounts, estate = self.books.accounts, self.books.system["estate"]
        winners = [(accounts[at], self.margin.profit(accounts[at])) for at in sorted(accounts)]
        winners = [(row, profit) for row, profit in winners if profit > 0]
        shares, rest = shared_out(loss, [(profit, min(profit, self.margin.headroom(row))) for row, profit in winners])
        for (row, _), share in zip(winners, shares):
            if share > 0:
                self.books.pay(row, estate, share)
                carriers[row.id] = row
                self.counts["socialised"] += 1
        self.books.pay(self.books.system["deficit"], estate, rest)
