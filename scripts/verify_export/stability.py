"""What a market, an account or the venue allows now: breakers, gates after outages, pauses, withdrawals, new orders."""

from verify_export.arithmetic import LIQUIDATABLE, ceil_div

DAY_MS = 86_400_000
REASON_MAX = 256
MARKS, BOOK, ALL = range(3)  # levels


class Calm:
    """The breaker and the gate of one instrument."""

    __slots__ = ("window", "halted_ms", "seen_ms", "opened", "released_ms")

    def __init__(self):
        self.window = self.halted_ms = None  # the window: (its start, the mark that stood then)
        self.seen_ms = self.opened = self.released_ms = None  # opened: [since, last mark before, marks applied]

    def see(self, time_ms, applied, outage):
        """A mark has come."""
        last_ms = time_ms if self.seen_ms is None else self.seen_ms
        self.seen_ms = max(last_ms, time_ms)
        if applied is not None and time_ms - last_ms >= outage["gap_ms"]:
            self.opened = [time_ms, applied, 0] if self.opened is None else [time_ms, *self.opened[1:]]

    def count(self, time_ms, mark, outage, scale):
        """A mark was applied."""
        if self.opened is None:
            return
        self.opened[2] += 1
        since_ms, before, marks = self.opened
        if marks >= outage["marks"] or time_ms - since_ms >= outage["hold_ms"]:
            self.opened = None
            if abs(mark - before) * scale > before * outage["band"]:
                self.released_ms = time_ms

    def level(self, time_ms, outage):
        if self.opened is not None:
            open_ms = time_ms - self.opened[0]
            if open_ms < outage["hold_ms"]:
                return MARKS
            if open_ms < outage["hold_ms"] + outage["release_ms"]:
                return BOOK
        if self.released_ms is not None and time_ms - self.released_ms < outage["release_ms"]:
            return BOOK
        return ALL

    def stage(self, time_ms, breaker):
        """0 in a halt, None while the market is open, else the stage of its reopening."""
        if self.halted_ms is None:
            return None
        reopening_ms = time_ms - self.halted_ms - breaker["halt_ms"]
        if reopening_ms < 0:
            return 0
        stage = reopening_ms // breaker["stage_ms"] + 1
        return stage if stage <= breaker["stages"] else None

    def note(self, time_ms, before, mark, breaker, scale):
        """A mark was applied, after the mark `before`, if there was one."""
        if self.stage(time_ms, breaker) == 0:
            return
        is_over = self.window is None or time_ms - self.window[0] >= breaker["window_ms"]
        if not is_over and self.halted_ms is not None:
            is_over = self.window[0] < self.halted_ms + breaker["halt_ms"]
        if is_over:
            self.window = (time_ms, mark if before is None else before)
        first = self.window[1]
        if abs(mark - first) * scale > first * breaker["band"]:
            self.halted_ms = time_ms


class Stability:
    """The part of an episode that slows it down. `self` has its books, markets, prices, margin and time."""

    def begin_stability(self):
        self.pauses = {}  # (instrument or None, action): until
        self.deficit_ms = None
        self.is_deficit_open = False
        self.day = None  # (start, most that leaves, what has left)

    def is_paused(self, instrument, action):
        return any(self.time_ms < self.pauses.get((scope, action), self.time_ms) for scope in {None, instrument})

    def gate_level(self, market):
        outage = self.rules["outage"]
        return ALL if outage is None else market.calm.level(self.time_ms, outage)

    def level(self, instrument):
        market = self.markets[instrument]
        level, guard = self.gate_level(market), market.guard
        if guard.is_in_doubt(self.time_ms, self.rules["mark_hold_ms"]):
            level = min(level, BOOK)
        return level

    def stage(self, instrument):
        market = self.markets[instrument]
        breaker = market.spec["breaker"]
        return None if breaker is None else market.calm.stage(self.time_ms, breaker)

    def is_book_open(self, instrument):
        if self.is_paused(instrument, "book") or self.is_paused(instrument, "liquidation"):
            return False
        return self.stage(instrument) != 0 and self.level(instrument) != MARKS

    def allowed(self, account):
        """What liquidations may do to an account."""
        if self.is_paused(None, "liquidation"):
            return MARKS
        return min((MARKS if self.is_paused(at, "liquidation") else self.level(at) for at in account.lots), default=ALL)

    def takes_risk(self, instrument, lots, value):
        """Whether the market takes `lots` more for a value, magnitudes."""
        stage = self.stage(instrument)
        if self.is_paused(instrument, "opening") or self.level(instrument) == MARKS or stage == 0:
            return False
        if stage is None:
            return True
        at_mark = lots * self.prices[instrument]
        return abs(value - at_mark) * self.scale <= at_mark * stage * self.markets[instrument].spec["breaker"]["stage_band"]

    def withdrawals_closed(self):
        wait_ms = self.rules["gates"]["deficit_wait_ms"]
        if self.is_paused(None, "withdrawals") or self.is_deficit_open:
            return True
        if self.deficit_ms is not None and self.time_ms - self.deficit_ms < wait_ms:
            return True
        return any(self.gate_level(market) != ALL for market in self.markets)

    @staticmethod
    def is_in_liquidation(row):
        return row.reducing or row.severity >= LIQUIDATABLE

    def check_leaving(self, row, quanta):
        """What leaves an account for outside or for another one."""
        hold_ms = self.rules["mark_hold_ms"]
        for at in row.lots:
            if self.level(at) != ALL or self.markets[at].guard.is_holding(self.time_ms, hold_ms):
                self.refuse()
        kept = max(
            self.margin.initial(row) + self.scale * row.reserved,
            self.margin.notional(row) * self.rules["gates"]["withdrawal_portion"],
        )
        if self.is_in_liquidation(row) or self.margin.evaluate(row)[0] - self.scale * quanta < kept:
            self.refuse()

    def withdrawn(self, account, quanta):
        row, gates = self.account(account), self.rules["gates"]
        if quanta < 0 or self.withdrawals_closed():
            self.refuse()
        self.check_leaving(row, quanta)
        outside, day = self.books.system["outside"], self.day
        if day is None or self.time_ms - day[0] >= DAY_MS:
            day = (self.time_ms, max(0, -outside.cash) * gates["day_limit"] // self.scale, 0)
        if quanta > day[1] - day[2]:
            self.refuse()
        self.day = (day[0], day[1], day[2] + quanta)
        self.books.pay(row, outside, quanta)
        row.paid_in -= quanta
        return (row,)

    def ordered(self, account, instrument, lots, limit):
        row = self.account(account)
        held = row.lots.get(instrument, 0)
        size = self.check_size(row, instrument, lots, is_order=True)
        market = self.markets[instrument]
        self.check_price(market, limit)
        if lots == 0 or self.is_in_liquidation(row):
            self.refuse()
        margin = 0
        if size * held < 0 or abs(size) > abs(held):
            value = abs(lots) * limit
            if not self.takes_risk(instrument, abs(lots), value):
                self.refuse()
            margin = ceil_div(self.margin.initial_of(instrument, value), self.scale)
            if self.margin.evaluate(row)[0] < self.margin.initial(row) + self.scale * (row.reserved + margin):
                self.refuse()
        if row.resting + 1 >= 1 << 32 or row.reserved + margin >= 1 << 64:
            self.refuse()
        row.resting += 1
        row.reserved += margin

    def paused(self, scope, action, reason, until_ms):
        if scope is not None:
            self.market(scope)
        in_time = self.time_ms < until_ms <= self.time_ms + self.rules["pause_ms_max"]
        if not 1 <= len(reason.encode()) <= REASON_MAX or not in_time or scope is not None and action == "withdrawals":
            self.refuse()
        self.pauses[scope, action] = until_ms

    def resumed(self, scope, action):
        until_ms = self.pauses.pop((scope, action), None)
        if until_ms is None or until_ms <= self.time_ms:
            self.refuse()
