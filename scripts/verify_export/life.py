"""What event time does to an instrument: funding, announced brackets, expiry, the sale of what the backstop holds."""

from verify_export.arithmetic import Tiers, ceil_div, near, towards_zero
from verify_export.market import spec_fault

CASH_MAX = 1 << 61


class Life:
    """What an instrument remembers from one event to the next."""

    __slots__ = (
        "premiums", "sampled_ms", "interval_end_ms", "rest", "announced", "since_ms", "weighted", "covered_ms", "slice", "sale_ms",
        "is_settled",
    )  # fmt: skip

    def __init__(self):
        self.sampled_ms = self.interval_end_ms = self.announced = None
        self.premiums = []
        self.rest = 0  # of the index delta, over scale and period
        self.since_ms = None  # when the last mark of a dated instrument began to stand
        self.weighted = self.covered_ms = 0
        self.slice, self.sale_ms = 0, None
        self.is_settled = False


def next_multiple(time_ms, interval_ms):
    return (time_ms // interval_ms + 1) * interval_ms


class Lives:
    """The part of an episode that is about time. `self` has its books, markets, prices and time."""

    def impact_price(self, market, mark, is_sale):
        """Of the impact notional on a side of the book; None where there is nothing."""
        if market.told is None:
            return mark
        lots = ceil_div(market.spec["funding"]["impact"], mark)
        found, slippage = market.walk_within(lots, is_sale, self.scale)
        if found == 0:
            return None
        away = mark * slippage // self.scale
        return mark - away if is_sale else mark + away

    def sample_premium(self, instrument):
        market, mark = self.markets[instrument], self.prices[instrument]
        funding, life = market.spec["funding"], market.life
        index = market.inputs.last("index")
        if funding is None or index is None:
            return
        if life.sampled_ms is not None and self.time_ms - life.sampled_ms < funding["sample_ms"]:
            return
        bid, ask = (self.impact_price(market, mark, is_sale) for is_sale in (True, False))
        above = max(0, bid - index) if bid is not None else 0
        below = max(0, index - ask) if ask is not None else 0
        life.premiums.append(towards_zero((above - below) * self.scale, index))
        life.sampled_ms = self.time_ms
        if life.interval_end_ms is None:
            life.interval_end_ms = next_multiple(self.time_ms, funding["interval_ms"])

    def note_mark(self, market):
        """Before the mark of a dated instrument becomes another."""
        expiry, life = market.spec["expiry"], market.life
        if expiry is not None:
            self.count_mark(market, self.prices[self.markets.index(market)], self.time_ms)
            life.since_ms = self.time_ms if life.since_ms is None else max(life.since_ms, self.time_ms)

    @staticmethod
    def count_mark(market, price, until_ms):
        expiry, life = market.spec["expiry"], market.life
        if life.since_ms is None:
            return
        stood = min(until_ms, expiry["time_ms"]) - max(life.since_ms, expiry["time_ms"] - expiry["window_ms"])
        if stood > 0:
            life.weighted += price * stood
            life.covered_ms += stood
        life.since_ms = max(life.since_ms, until_ms)

    def elapsed(self, instrument):
        """The first of what is due; returns who is judged."""
        market, time_ms = self.market(instrument), self.time_ms
        life, expiry = market.life, market.spec["expiry"]
        if life.interval_end_ms is not None and life.interval_end_ms <= time_ms:
            return self.pay_funding(instrument, market)
        if life.announced is not None and life.announced[0] <= time_ms:
            (_, brackets), life.announced = life.announced, None
            market.spec = market.spec | {"brackets": brackets}
            market.tiers = Tiers(brackets)
            if market.spec["hedge"]["credit"] > 0:
                for account in market.holders.values():
                    account.is_offset_old = True
            return market.holders.values()
        if expiry is None or expiry["time_ms"] > time_ms:
            return None
        mark = self.prices[instrument]
        if mark is not None:
            self.count_mark(market, mark, expiry["time_ms"])
        return self.settle(instrument, life.weighted // life.covered_ms if life.covered_ms else mark)

    def pay_funding(self, instrument, market):
        funding, life = market.spec["funding"], market.life
        premiums, life.premiums = life.premiums, []
        life.interval_end_ms = next_multiple(self.time_ms, funding["interval_ms"])
        if not premiums:
            return None
        mean, clamp, cap = towards_zero(sum(premiums), len(premiums)), funding["clamp"], funding["cap"]
        rate = mean + max(-clamp, min(clamp, funding["interest"] - mean))
        rate = max(-cap, min(cap, rate))
        unit = self.scale * funding["period_ms"]
        whole = market.inputs.last("index") * rate * funding["interval_ms"] + life.rest
        delta = towards_zero(whole, unit)
        life.rest = whole - delta * unit
        if delta == 0:
            return None
        holders = market.holders.values()
        if any(abs(account.cash - account.lots[instrument] * delta) >= CASH_MAX for account in holders):
            return None
        estate = self.books.system["estate"]
        for _, owner in self.books.owners():
            if instrument in owner.lots:
                self.books.pay(owner, estate, owner.lots[instrument] * delta)
        self.counts["fundings"] += 1
        return holders

    def brackets_announced(self, instrument, brackets, effective_ms):
        market = self.market(instrument)
        if spec_fault(market.spec | {"brackets": brackets}, self.scale) is not None:
            self.refuse()
        old, new = market.tiers, Tiers(brackets)
        edges = [*old.floors, *new.floors, (1 << 59) - 1]
        is_raised = any(new.requirement(edge) > old.requirement(edge) for edge in edges)
        if is_raised and effective_ms < self.time_ms + self.rules["notice_ms"]:
            self.refuse()
        market.life.announced = (effective_ms, brackets)

    def delisted(self, instrument, price):
        market = self.market(instrument)
        mark = self.prices[instrument]
        if mark is None:
            self.refuse()
        price = mark if price is None else price
        self.check_price(market, price)
        if not near(price, market.guard.applied, market.spec["mark_band"], self.scale):
            self.refuse()
        return self.settle(instrument, price)

    def settle(self, instrument, price):
        """Everybody's lots go for the price; who held some is judged."""
        market = self.markets[instrument]
        market.life.is_settled = True
        for order, placed in list(self.orders.items()):
            if placed.instrument == instrument:
                placed.account.pending = None
                del self.orders[order]
                self.void.add(order)
        for order, placed in list(self.sales.items()):
            if placed.instrument == instrument:
                del self.sales[order]
                self.void.add(order)
        estate, holders = self.books.system["estate"], list(market.holders.values())
        for _, owner in self.books.owners():
            lots = owner.lots.get(instrument, 0)
            if lots and owner in holders:
                self.exchange(owner, estate, instrument, -lots, lots * price)
            elif lots:
                self.books.exchange(owner, estate, instrument, -lots, lots * price)
        return holders

    # -- the sale of what the backstops hold

    def unwind(self):
        """The round's expected orders of the backstops."""
        return [command for at, market in enumerate(self.markets) for command in self.sale(at, market)]

    def sale(self, instrument, market):
        rule, life = market.spec["unwind"], market.life
        if rule is None or life.is_settled or not self.is_book_open(instrument) or any(placed.instrument == instrument for placed in self.sales.values()):
            return
        held = self.books.backstops[instrument].lots.get(instrument, 0)
        if held == 0:
            life.slice, life.sale_ms = 0, None
            return
        life.slice = max(life.slice, ceil_div(abs(held), rule["slices"]))
        if life.sale_ms is None:
            life.sale_ms = self.time_ms + rule["interval_ms"]
        if self.time_ms < life.sale_ms:
            return
        life.sale_ms = self.time_ms + rule["interval_ms"]
        price, lots = self.prices[instrument], min(life.slice, abs(held))
        if market.told is not None:
            found, _ = market.walk_within((1 << 63) - 1, held > 0, rule["band"])
            lots = min(lots, found * rule["participation"] // self.scale)
        room = market.bucket.room(self.time_ms)
        if room is not None:
            lots = min(lots, room // price)
        if lots == 0:
            return
        market.bucket.charge(lots * price)
        furthest, tick = price * rule["band"] // self.scale, market.spec["tick"]
        self.orders_decided += 1
        if held > 0:
            yield ("unwind", self.orders_decided, instrument, -lots, ceil_div(price - furthest, tick) * tick)
        else:
            yield ("unwind", self.orders_decided, instrument, lots, (price + furthest) // tick * tick)

    def sale_reported(self, placed, lots, quote, is_within):
        instrument = placed.instrument
        backstop = self.books.backstops[instrument]
        fits = is_within(placed, lots, quote)
        filled = abs(lots) if fits else 0
        self.markets[instrument].bucket.charge(-(abs(placed.lots) - filled) * placed.mark)
        if not fits:
            self.refuse()
        if lots:
            self.books.exchange(backstop, self.books.system["venue"], instrument, lots, quote)
