"""An instrument: its brackets, mark guard, order book, budget and what its fund paid."""

from verify_export.arithmetic import Tiers, ceil_div, near
from verify_export.venue import VenueBook

LEVELS_MAX = 64
NOTIONAL_BITS = 59


class Guard:
    """Mark guard of one instrument."""

    __slots__ = ("applied", "held", "held_ms", "doubted_ms")

    def __init__(self):
        self.applied = self.held = self.held_ms = None
        self.doubted_ms = None  # when the first mark was held since one was applied

    def is_holding(self, time_ms, hold_ms):
        return self.held is not None and time_ms - self.held_ms < hold_ms

    def is_in_doubt(self, time_ms, hold_ms):
        return self.doubted_ms is not None and time_ms - self.doubted_ms < hold_ms

    def judge(self, time_ms, price, band, rules, counts):
        """Whether the mark is applied."""
        scale = rules["scale"]
        if self.applied is None:
            return self._apply(price, counts)
        is_near_applied = near(price, self.applied, band, scale)
        if self.held is not None:
            if time_ms < self.held_ms + rules["mark_hold_ms"]:
                if is_near_applied:
                    return self._apply(price, counts)
                counts["dropped"] += 1
                return False
            held, self.held = self.held, None
            is_beyond = not is_near_applied and (price > self.applied) == (held > self.applied)
            if near(price, held, band, scale) or is_beyond:
                counts["confirmed"] += 1
                return self._apply(price, counts)
            counts["discarded"] += 1
        if is_near_applied:
            return self._apply(price, counts)
        self.held, self.held_ms = price, time_ms
        if self.doubted_ms is None:
            self.doubted_ms = time_ms
        counts["held"] += 1
        return False

    def _apply(self, price, counts):
        self.applied, self.doubted_ms = price, None
        counts["applied"] += 1
        return True


class Bucket:
    """What liquidations have sent to the book and time has not given back, in thousandths of a quantum."""

    __slots__ = ("capacity", "refill", "taken", "asked_ms")

    def __init__(self, budget):
        self.capacity, self.refill = budget["capacity"], budget["refill"]
        self.taken, self.asked_ms = 0, None

    def room(self, time_ms):
        """Notional that may be sent; None without a bound."""
        if self.capacity == 0:
            return None
        if self.asked_ms is None:
            self.asked_ms = time_ms
        if time_ms > self.asked_ms:
            self.taken = max(0, self.taken - self.refill * (time_ms - self.asked_ms))
            self.asked_ms = time_ms
        return max(0, self.capacity - ceil_div(self.taken, 1000))

    def charge(self, notional):
        self.taken = max(0, self.taken + 1000 * notional)


class FundWindow:
    """What the fund of an instrument paid since its window began."""

    __slots__ = ("cap", "started_ms", "paid")

    def __init__(self, cap):
        self.cap = cap
        self.started_ms, self.paid = None, 0

    def room(self, time_ms, window_ms):
        if self.started_ms is not None and time_ms >= self.started_ms + window_ms:
            self.started_ms, self.paid = None, 0
        return self.cap - self.paid

    def pay(self, time_ms, quanta):
        if quanta > 0 and self.started_ms is None:
            self.started_ms = time_ms
        self.paid += quanta


class Market:
    __slots__ = (
        "spec", "tiers", "initial", "is_contract", "weight_long", "weight_short", "guard", "lower_edge", "upper_edge", "holders", "told",
        "bucket", "fund_window", "book", "life", "calm", "inputs",
    )  # fmt: skip

    def __init__(self, spec, scale):
        self.spec = spec
        self.tiers = Tiers(spec["brackets"])
        self.initial = Tiers(spec["initial"]) if spec["initial"] else None
        self.is_contract = spec["kind"] == "contract"
        self.weight_long, self.weight_short = spec["weight_long"], spec["weight_short"]
        self.guard = Guard()
        self.lower_edge = self.upper_edge = None
        self.holders = {}
        self.told = None  # the book as the venue last told it
        self.bucket = Bucket(spec["budget"])
        self.fund_window = FundWindow(spec["fund_cap"])
        self.book = VenueBook(spec["depth"], scale)
        self.life = self.calm = self.inputs = None  # set by who lists it

    def weight(self, lots):
        return self.weight_long if lots > 0 else self.weight_short

    def open_lots(self, instrument):
        """Open interest: the lots of all margin accounts on the larger side."""
        held = [account.lots[instrument] for account in self.holders.values()]
        return max(sum(lots for lots in held if lots > 0), -sum(lots for lots in held if lots < 0))

    def move_edges(self, price):
        """Whether the mark lies outside of the edges, which are then set anew."""
        if self.lower_edge is not None and self.lower_edge <= price <= self.upper_edge:
            return False
        self.lower_edge, self.upper_edge = price - price // 64, price + price // 64
        return True

    def walk(self, lots, is_sale):
        """Lots that a liquidation order finds inside its band, and their slippage."""
        if self.told is None:
            return lots, self.spec["slippage"]
        return self.walk_within(lots, is_sale, self.spec["limit_band"])

    def walk_within(self, lots, is_sale, band):
        """Lots that the book told has no farther than a band, and their slippage."""
        found = away = 0
        for level in self.told["bids" if is_sale else "offers"]:
            if level["distance"] > band:
                break
            taken = min(level["lots"], lots - found)
            found += taken
            away += taken * level["distance"]
        return found, ceil_div(away, found) if found else 0


def book_fault(book):
    """Why the venue cannot have told this book, or None."""
    for side in book.values():
        distances = [level["distance"] for level in side]
        if len(side) > LEVELS_MAX or any(level["lots"] == 0 for level in side):
            return "a side has at most 64 levels, none of 0 lots"
        if any(one >= next for one, next in zip(distances, distances[1:])):
            return "distances rise from level to level"
    return None


def table_fault(brackets, scale):
    floors = [floor for floor, _ in brackets]
    rates = [rate for _, rate in brackets]
    if not 1 <= len(brackets) <= 16 or floors[0] != 0:
        return "brackets are 1 to 16 and the first has floor 0"
    if any(a >= b for a, b in zip(floors, floors[1:])) or any(a > b for a, b in zip(rates, rates[1:])):
        return "floors rise strictly and rates do not fall"
    if floors[-1] >= 1 << NOTIONAL_BITS or rates[-1] > scale:
        return "a floor or rate is out of range"
    return None


def spec_fault(spec, scale):
    """Why an instrument cannot be listed, or None."""
    weights = [(scale, scale)] * 2 if spec["kind"] == "contract" else [(0, scale), (scale, 2 * scale)]
    ranges = {
        "price_bits": (1, 32), "size_bits": (1, 40), "tick": (1, (1 << 32) - 1), "weight_long": weights[0], "weight_short": weights[1],
        "fee": (0, scale - 1), "slippage": (0, scale - 1), "limit_band": (0, scale - 1), "mark_band": (0, scale - 1),
    }  # fmt: skip
    for name, (least, most) in ranges.items():
        if not least <= spec[name] <= most:
            return f"{name} is out of range"
    if spec["price_bits"] + spec["size_bits"] > NOTIONAL_BITS:
        return "price or size bits are out of range"
    fault = table_fault(spec["brackets"], scale) or (table_fault(spec["initial"], scale) if spec["initial"] else None)
    if fault:
        return fault
    if spec["initial"]:
        maintenance, initial = Tiers(spec["brackets"]), Tiers(spec["initial"])
        edges = [*maintenance.floors, *initial.floors, (1 << NOTIONAL_BITS) - 1]
        if any(initial.requirement(notional) < maintenance.requirement(notional) for notional in edges):
            return "the initial margin is below the maintenance margin"
    if spec["kind"] == "collateral" and (spec["initial"] or any(rate for _, rate in spec["brackets"])):
        return "collateral has no margin of its own"
    redemption = spec["redemption"]
    if redemption is not None and (
        spec["kind"] == "contract" or redemption["ratio"] == 0 or redemption["reference"] == spec["symbol"] or redemption["band"] >= scale
    ):
        return "a redemption of what is no collateral, for nothing, for itself, or with too wide a band"
    interest, hedge = spec["open_interest"], spec["hedge"]
    if interest["upper"] > 0 and interest["lower"] >= interest["upper"]:
        return "the lower open interest is not below the upper"
    if spec["fee"] + spec["slippage"] >= scale:
        return "fee and slippage are not below the scale"
    if spec["budget"]["capacity"] > 0 and spec["budget"]["refill"] == 0:
        return "a budget is not refilled"
    if hedge["credit"] > scale or hedge["credit"] > 0 and hedge["group"] == 0:
        return "a credit is above the scale or has no group"
    return life_fault(spec, scale)


def life_fault(spec, scale):
    """What of funding, expiry, marks, breaker and unwinding is out of range, or None."""
    funding, expiry, unwind = spec["funding"], spec["expiry"], spec["unwind"]
    ranges = []
    if funding is not None:
        ranges += [
            (funding["interval_ms"], 1, funding["period_ms"]), (funding["sample_ms"], 1, funding["interval_ms"]),
            (funding["interest"], 0, scale), (funding["clamp"], 0, scale), (funding["cap"], 0, scale - 1),
        ]  # fmt: skip
    if expiry is not None:
        ranges += [(expiry["window_ms"], 0, 1 << 40)]
    if unwind is not None:
        ranges += [(unwind["interval_ms"], 1, 1 << 63), (unwind["slices"], 1, 1 << 32)]
        ranges += [(unwind["participation"], 1, scale), (unwind["band"], 0, scale - 1)]
    breaker = spec["breaker"]
    if breaker is not None:
        ranges += [(breaker["band"], 1, scale - 1), (breaker["stage_band"], 0, scale - 1), (breaker["stages"], 0, 1 << 10)]
        ranges += [(breaker[name], 1, 1 << 40) for name in ("window_ms", "halt_ms", "stage_ms")]
    composition, volatility = spec["composition"], spec["volatility"]
    if composition is not None:
        ranges += [(composition["stale_ms"], 0, 1 << 40), (composition["ema_ms"], 1, 1 << 40), (composition["band"], 0, scale - 1)]
    if volatility is not None:
        ranges += [(volatility["window_ms"], 1, 1 << 40), (volatility["reference"], 1, scale)]
        ranges += [(volatility["multiple_max"], scale, 100 * scale)]
        ranges += [(volatility[name], 1, 100 * scale) for name in ("rise", "fall")]
    if any(not least <= value <= most for value, least, most in ranges):
        return "funding, expiry, marks, a breaker or unwinding is out of range"
    if funding is not None and expiry is not None or (funding or expiry) is not None and spec["kind"] != "contract":
        return "funding or an expiry of what is no contract, or both"
    return None
