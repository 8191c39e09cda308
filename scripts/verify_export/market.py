"""An instrument: its brackets, mark guard and simulated book."""

from verify_export.arithmetic import Tiers, near

PRICE_MAX = (1 << 32) - 1


class Guard:
    """Mark guard of one instrument."""

    __slots__ = ("applied", "held", "held_ms")

    def __init__(self):
        self.applied = self.held = self.held_ms = None

    def judge(self, time_ms, price, rules, counts):
        """Whether the mark is applied."""
        band, scale = rules["mark_band"], rules["scale"]
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
            if near(price, held, band, scale):
                counts["confirmed"] += 1
                return self._apply(price, counts)
            counts["discarded"] += 1
        if is_near_applied:
            return self._apply(price, counts)
        self.held, self.held_ms = price, time_ms
        counts["held"] += 1
        return False

    def _apply(self, price, counts):
        self.applied = price
        counts["applied"] += 1
        return True


class VenueBook:
    """The simulated book of one instrument: the lots consumed on each side, and the time up to which they were refilled."""

    __slots__ = ("refill", "scale", "ladders", "sides")

    def __init__(self, depth, scale):
        self.refill = depth["refill_lots"]
        self.scale = scale
        levels = [(level * depth["step"], depth["level_lots"]) for level in range(1, depth["levels"] + 1)]
        self.ladders = {True: levels, False: levels}  # by "is a sale": (distance over the scale, lots) from the best on
        self.sides = {}  # by "is a sale": [consumed, refilled up to]

    def take_profile(self, profile):
        """Levels of a recorded book instead: cumulative lots by distance in parts per million."""

        def levels(points):
            lots = [0] + [cumulative for _, cumulative in points]
            if any(a >= b for a, b in zip(lots, lots[1:])):
                raise ValueError("cumulative lots do not rise")
            return [(ppm, more - less) for (ppm, more), less in zip(points, lots)]

        self.scale = 1_000_000
        self.ladders = {True: levels(profile["bids"]), False: levels(profile["offers"])}

    def fill(self, time_ms, mark, ordered, limit):
        """(lots, quote) reported on an order."""
        is_sale = ordered < 0
        side = self.sides.setdefault(is_sale, [0, time_ms])
        seconds = max(time_ms - side[1], 0) // 1000
        consumed = max(side[0] - seconds * self.refill, 0)
        left, paid, above = abs(ordered), 0, 0
        for distance, lots in self.ladders[is_sale]:
            away = max(mark * distance // self.scale, 1)
            price = mark - away if is_sale else mark + away
            if left == 0 or not 0 < price <= PRICE_MAX or (price < limit if is_sale else price > limit):
                break
            gone = min(max(consumed - above, 0), lots)
            above += lots
            taken = min(lots - gone, left)
            left -= taken
            paid += taken * price
        filled = abs(ordered) - left
        side[:] = consumed + filled, side[1] + 1000 * seconds
        return (-filled, paid) if is_sale else (filled, -paid)


class Market:
    __slots__ = ("spec", "tiers", "guard", "holders", "book")

    def __init__(self, spec, scale):
        self.spec = spec
        self.tiers = Tiers(spec["brackets"])
        self.guard = Guard()
        self.holders = {}
        self.book = VenueBook(spec["depth"], scale)


def spec_fault(spec, scale):
    """Why an instrument cannot be listed, or None."""
    brackets = spec["brackets"]
    floors = [floor for floor, _ in brackets]
    rates = [rate for _, rate in brackets]
    if not 1 <= len(brackets) <= 16 or floors[0] != 0:
        return "brackets are 1 to 16 and the first has floor 0"
    if any(a >= b for a, b in zip(floors, floors[1:])) or any(a > b for a, b in zip(rates, rates[1:])):
        return "floors rise strictly and rates do not fall"
    if floors[-1] >= 1 << 59 or rates[-1] > scale:
        return "a floor or rate is out of range"
    if not (1 <= spec["price_bits"] <= 32 and 1 <= spec["size_bits"] <= 40 and spec["price_bits"] + spec["size_bits"] <= 59):
        return "price or size bits are out of range"
    if spec["weight_long"] != scale or spec["weight_short"] != scale:
        return "weights are not the scale"
    if spec["tick"] < 1:
        return "the tick is 0"
    return None
