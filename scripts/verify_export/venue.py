"""The simulated book of an instrument: what it fills, and what it tells (`docs/venue.md`)."""

from verify_export.arithmetic import ceil_div

PRICE_MAX = (1 << 32) - 1
LEVELS_TOLD_MAX = 64


class VenueBook:
    """The simulated book of one instrument: the lots consumed on each side, and the time up to which they were refilled."""

    __slots__ = ("refill", "scale", "told_scale", "ladders", "sides")

    def __init__(self, depth, scale):
        self.refill = depth["refill_lots"]
        self.scale = self.told_scale = scale
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
        consumed, refilled_ms = self.consumed(side, time_ms)
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
        side[:] = consumed + filled, refilled_ms
        return (-filled, paid) if is_sale else (filled, -paid)

    def consumed(self, side, time_ms):
        """Lots missing from a side at a time, and up to when it was refilled."""
        seconds = max(time_ms - side[1], 0) // 1000
        return max(side[0] - seconds * self.refill, 0), side[1] + 1000 * seconds

    def left(self, time_ms):
        """What the venue tells of it: levels that are left, the best first."""
        return {"bids": self._left(time_ms, True), "offers": self._left(time_ms, False)}

    def _left(self, time_ms, is_sale):
        side = self.sides.get(is_sale)
        gone = self.consumed(side, time_ms)[0] if side else 0
        levels = []
        for away, lots in self.ladders[is_sale]:
            taken = min(gone, lots)
            gone -= taken
            distance = ceil_div(away * self.told_scale, self.scale)
            if distance > PRICE_MAX:
                break
            if taken == lots:
                continue
            if levels and levels[-1]["distance"] == distance:
                levels[-1]["lots"] += lots - taken
            else:
                levels.append({"distance": distance, "lots": lots - taken})
            if len(levels) == LEVELS_TOLD_MAX:
                break
        return levels
