"""Marks composed of several prices, and the multiple of the initial margin that follows their volatility."""

from decimal import Decimal, localcontext
from math import isqrt

from verify_export.arithmetic import ceil_div, towards_zero
from verify_export.market import Guard

VENUES_MAX = 8
ONE = 10**9
PARTS = 3_600_000


def factors():
    with localcontext() as context:
        context.prec = 60
        powers = (Decimal(2) ** (i - 16) for i in range(21))
        return [int((2**32 * (-power).exp()).to_integral_value()) for power in powers]


FACTORS = factors()


def factor(dt_ms, window_ms):
    bits = (dt_ms << 16) // window_ms
    if bits >> len(FACTORS):
        return 0
    product = 1 << 32
    for i, constant in enumerate(FACTORS):
        if bits >> i & 1:
            product = product * constant >> 32
    return product


class FadingMean:
    __slots__ = ("sum", "weight", "last_ms")

    def __init__(self):
        self.sum = self.weight = 0
        self.last_ms = None

    def note(self, time_ms, window_ms, value, is_amount=False):
        dt_ms = 1 if self.last_ms is None else time_ms - self.last_ms
        if dt_ms <= 0:
            return
        self.last_ms = time_ms
        fade = factor(dt_ms, window_ms)
        faded = abs(self.sum) * fade >> 32
        self.sum = faded if self.sum >= 0 else -faded
        self.weight = self.weight * fade >> 32
        self.sum += value * (1 if is_amount else dt_ms) << 16
        self.weight += dt_ms << 16

    def mean(self, unit=1):
        return towards_zero(self.sum * unit, self.weight) if self.weight else 0


def median(values):
    values = sorted(value for value in values if value is not None)
    if not values:
        return None
    return (values[(len(values) - 1) // 2] + values[len(values) // 2]) // 2


class Uncounted(dict):
    """Counts that nobody reads."""

    def __missing__(self, name):
        return 0


class Source:
    """A source's last believed price."""

    __slots__ = ("came_ms", "price", "time_ms", "guard")

    def __init__(self):
        self.came_ms = self.price = self.time_ms = None
        self.guard = Guard()


class Prices:
    """What an instrument's marks are made of, and what they show."""

    __slots__ = ("sources", "basis", "squares", "noted", "above")

    def __init__(self):
        self.sources = {}
        self.basis, self.squares = FadingMean(), FadingMean()
        self.noted = None  # (time, mark)
        self.above = 0  # of the multiple, over scale and PARTS

    def last(self, name):
        source = self.sources.get(name)
        return source.price if source else None

    def compose(self, time_ms, rule, scale):
        def fresh(name):
            source = self.sources.get(name)
            return source.price if source and time_ms - source.time_ms <= rule["stale_ms"] else None

        index, bid, ask = fresh("index"), fresh("bid"), fresh("ask")
        if bid is not None and ask is not None and bid > ask:
            bid = ask = None
        if None not in (index, bid, ask):
            self.basis.note(time_ms, rule["ema_ms"], (bid + ask) // 2 - index)
        fair = None if index is None else max(1, index + self.basis.mean())
        venues = median(fresh(("venue", number)) for number in range(VENUES_MAX))
        mark = median([fair, median([bid, ask, fresh("last")]), venues])
        if mark is None or index is None:
            return mark
        low, high = ceil_div(index * (scale - rule["band"]), scale), index * (scale + rule["band"]) // scale
        return max(low, min(high, mark))

    def note_mark(self, time_ms, mark, rule, scale):
        if self.noted is None:
            self.noted = (time_ms, mark)
        noted_ms, noted = self.noted
        if time_ms <= noted_ms:
            return
        self.noted = (time_ms, mark)
        moved = min(ONE, abs(mark - noted) * ONE // noted)
        self.squares.note(time_ms, rule["window_ms"], moved * moved, is_amount=True)
        deviation = isqrt(self.squares.mean(60_000))
        target = deviation * scale * scale // (rule["reference"] * ONE)
        target = (max(scale, min(rule["multiple_max"], target)) - scale) * PARTS
        passed_ms = time_ms - noted_ms
        if target > self.above:
            self.above = min(target, self.above + rule["rise"] * 60 * passed_ms)
        else:
            self.above = max(target, self.above - rule["fall"] * passed_ms)

    def multiple(self, scale):
        return scale + ceil_div(self.above, PARTS)


class Marks:
    """The part of an episode that takes prices. `self` has its markets, rules and time."""

    def priced(self, instrument, source, price):
        market = self.market(instrument)
        self.check_price(market, price)
        if isinstance(source, tuple) and source[1] >= VENUES_MAX:
            self.refuse()
        row = market.inputs.sources.setdefault(source, Source())
        if row.came_ms is not None and self.time_ms < row.came_ms:
            self.refuse()
        row.came_ms = self.time_ms
        if row.guard.judge(self.time_ms, price, market.spec["mark_band"], self.rules, Uncounted()):
            row.price, row.time_ms = price, self.time_ms

    def composed(self, instrument):
        market = self.market(instrument)
        if market.spec["composition"] is None:
            self.refuse()
        price = market.inputs.compose(self.time_ms, market.spec["composition"], self.scale)
        return None if price is None else self.apply_mark(instrument, market, price)
