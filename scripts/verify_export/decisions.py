"""What must be done next: cancellations, slices, absorptions, takeovers, bankruptcies."""

from fractions import Fraction

from verify_export.arithmetic import INSOLVENT, LIQUIDATABLE, TAKEOVER, ceil_div, fewest_lots
from verify_export.close_out import ACCOUNTS_MAX
from verify_export.stability import ALL, MARKS

SEARCHES_MAX = 8
UNBOUNDED = 1 << 200  # more than any notional


class Decisions:
    """The part of an episode that decides. `self` has its books, markets, margin, rules and time."""

    def decide(self):
        """The round's expected commands."""
        queue = []
        for account in self.watch | self.reducing:
            judged = self.margin.verdict(account)
            if judged[0] > account.severity:
                self.report("verdict", f"at most the device's severity {account.severity} of account {account.id}", judged[0])
            queue.append((-judged[0], -self.margin.notional(account), account.id, judged))
        self.is_deficit_open = any(-verdict == INSOLVENT for verdict, *_ in queue)
        if self.is_deficit_open:
            self.deficit_ms = self.time_ms
        under_way = {self.books.accounts[account_id] for verdict, _, account_id, _ in queue if -verdict >= LIQUIDATABLE}
        self.cancelled &= under_way | self.reducing
        bankrupt, taken_over, others = [], [], []
        self.orders_decided = self.orders_placed
        for *_, account_id, judged in sorted(queue):
            command = self.action(self.books.accounts[account_id], *judged)
            if command == "bankrupt":
                bankrupt.append(account_id)
            elif command == "take_over":
                taken_over.append(account_id)
            elif command is not None:
                others.append(command)
        commands = []
        for name, accounts in (("bankrupt", bankrupt), ("take_over", taken_over)):
            commands += [(name, accounts[at : at + ACCOUNTS_MAX]) for at in range(0, len(accounts), ACCOUNTS_MAX)]
        return commands + others + self.unwind()

    def action(self, account, verdict, equity, requirement, required):
        if account.pending == "outcome":
            return None
        allowed = self.allowed(account)
        if self.is_cancelling(account) and (verdict < TAKEOVER or allowed != ALL):
            return None
        if verdict >= LIQUIDATABLE and account.resting > 0 and account not in self.cancelled:
            return ("cancel_orders", account.id)
        if allowed == MARKS or verdict == INSOLVENT and allowed != ALL:
            return None
        if verdict == INSOLVENT:
            return "bankrupt"
        if verdict == TAKEOVER and allowed == ALL:
            return "take_over"
        if verdict >= LIQUIDATABLE:
            account.reducing = True
            self.reducing.add(account)
        return self.reduce(account, verdict, equity, requirement, required) if account.reducing else None

    def is_cancelling(self, account):
        return account.pending == "cancel" and self.time_ms - account.cancel_ms < self.rules["cancel_wait_ms"]

    def reduce(self, account, verdict, equity, requirement, required):
        rules, short = self.rules, account.short_slices
        if 256 * equity >= rules["target"] * required:
            self.end_liquidation(account)
            return None
        if short < rules["exhausted_max"]:
            many = account.slices_at_time >= rules["slices_at_once_max"]
            if account.slice_ms == self.time_ms and (short > 0 or many):
                return None
            room = self.closing_room(account)
            best = self.best_position(account, equity, requirement)
            if best is not None:
                return self.slice(account, best, room, equity, requirement, required)
            if not all(self.is_book_open(instrument) for instrument in account.lots):
                return None
        if verdict >= LIQUIDATABLE:
            return "take_over" if self.allowed(account) == ALL else None
        self.end_liquidation(account)
        return None

    def closing_room(self, account):
        """Notional that the close factor leaves; a window starts if none is open."""
        factor = self.rules["close_factor"]
        if not account.window or account.window[1] == 0 or self.time_ms >= account.window[0] + factor["window_ms"]:
            account.window = [self.time_ms, self.margin.notional(account), 0]
        _, notional, closed = account.window
        if notional <= factor["above"]:
            return UNBOUNDED
        return max(0, notional * factor["portion"] // self.scale - closed)

    def net_cost(self, instrument, size, slippage):
        market = self.markets[instrument]
        return market.spec["fee"] + slippage - abs(market.weight(size) - self.scale)

    def best_position(self, account, equity, requirement):
        """The instrument whose closing gains most; None if none does."""
        best = None
        for instrument, size in account.lots.items():
            if not self.is_book_open(instrument):
                continue
            market, notional = self.markets[instrument], abs(size) * self.prices[instrument]
            slippage = market.walk(1, size > 0)[1]
            cost = self.net_cost(instrument, size, slippage)
            rate = market.tiers.rates[market.tiers.of(notional)]
            if equity * rate > requirement * cost:
                gain = self.rules["target"] * rate - 256 * cost
                is_unhedged = self.margin.unhedged(account, instrument) > 0
                key = (is_unhedged, Fraction(gain, max(1, market.spec["fee"] + slippage)), notional, -instrument)
                best = key if best is None else max(best, key)
        return None if best is None else -best[3]

    def lots_to_target(self, account, instrument, equity, requirement, required):
        size, price, market = account.lots[instrument], self.prices[instrument], self.markets[instrument]
        whole, requirement_of, target = abs(size), market.tiers.requirement, self.rules["target"]
        others = required - requirement_of(whole * price)
        slippage = market.walk(1, size > 0)[1]
        for _ in range(SEARCHES_MAX):
            cost = self.net_cost(instrument, size, slippage)

            def surplus(lots):
                left = others + requirement_of((whole - lots) * price)
                return 256 * (equity - lots * price * cost) - target * max(0, left)

            lots = fewest_lots(whole, surplus)
            found = market.walk(lots, size > 0)[1]
            if found <= slippage:
                break
            slippage = found
        return lots

    def slice(self, account, instrument, room, equity, requirement, required):
        size, price, market = account.lots[instrument], self.prices[instrument], self.markets[instrument]
        whole, residual_min = abs(size), self.rules["residual_min"]
        most = max(room // price, 1 if account.window[2] == 0 else 0)
        lots = min(self.lots_to_target(account, instrument, equity, requirement, required), most)
        if (whole - lots) * price < residual_min or whole * price < 2 * residual_min:
            lots = whole
        if lots == 0:
            return None
        budget = market.bucket.room(self.time_ms)
        if budget is not None:
            most = max(budget // price, 1 if market.bucket.taken == 0 else 0)
            if most == 0:
                return self.absorption(account, instrument, lots)
            lots = min(lots, most)
        lots = market.walk(lots, size > 0)[0]
        if lots == 0:
            account.note_slice(self.time_ms, False)
            return None
        self.orders_decided += 1
        return ("place_order", self.orders_decided, account.id, instrument, *self.order(account, instrument, lots))

    def order(self, account, instrument, lots):
        """Signed lots and limit; the budget is charged."""
        size, price, spec = account.lots[instrument], self.prices[instrument], self.markets[instrument].spec
        furthest, tick = price * spec["limit_band"] // self.scale, spec["tick"]
        self.markets[instrument].bucket.charge(lots * price)
        change = -lots if size > 0 else lots
        zero = self.margin.zero_quote(account, instrument, change)
        if size > 0:
            return change, ceil_div(max(ceil_div(max(zero, 0), lots), price - furthest), tick) * tick
        return change, min(max(-zero, 0) // lots, price + furthest) // tick * tick

    def absorption(self, account, instrument, lots):
        """The backstop takes what it has room for, at the mark less the expected slippage, no worse than Z."""
        size, spec = account.lots[instrument], self.markets[instrument].spec
        lots = min(lots, self.backstop_room(instrument, size)) if self.level(instrument) == ALL else 0
        if lots == 0:
            return None
        change = -lots if size > 0 else lots
        value = -change * self.prices[instrument]
        slipped = value - ceil_div(abs(value) * spec["slippage"], self.scale)
        return ("absorb", account.id, instrument, change, max(slipped, self.margin.zero_quote(account, instrument, change)))

    def adopt(self, commands):
        """The journaled commands are under way, whether or not they were the expected ones."""
        for name, *values in commands:
            if name == "unwind":
                order, instrument, lots, limit = values
                self.orders_placed = order
                if instrument < len(self.prices) and self.prices[instrument] is not None and lots != 0:
                    self.sales[order] = Placed(None, instrument, lots, limit, self.prices[instrument])
                continue
            accounts = values[0] if name in ("bankrupt", "take_over") else [values[1] if name == "place_order" else values[0]]
            rows = [self.books.accounts[at] for at in accounts if at in self.books.accounts]
            if name == "place_order" and rows:
                order, _, instrument, lots, limit = values
                self.orders_placed = order
                if instrument >= len(self.prices) or self.prices[instrument] is None or lots == 0:
                    continue
                self.orders[order] = Placed(rows[0], instrument, lots, limit, self.prices[instrument])
            for row in rows:
                if name == "cancel_orders":
                    row.pending, row.cancel_ms = "cancel", self.time_ms
                    self.cancelled.add(row)
                else:
                    row.pending = "outcome"
                    self.cancelled.discard(row)


class Placed:
    """An order at the venue, and the mark when it was placed."""

    __slots__ = ("account", "instrument", "lots", "limit", "mark")

    def __init__(self, account, instrument, lots, limit, mark):
        self.account, self.instrument, self.lots, self.limit, self.mark = account, instrument, lots, limit, mark
