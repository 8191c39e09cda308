"""Severity, brackets, zero quote and slice, from their definitions."""

from bisect import bisect_right

HEALTHY, WARNED, LIQUIDATABLE, TAKEOVER, INSOLVENT = range(5)


def ceil_div(dividend, divisor):
    return -(-dividend // divisor)


def near(price, other, band, scale):
    return abs(price - other) * scale <= other * band


def severity_of(equity, requirement, rungs, equality):
    """`a <= b` is `a < b + 1` among integers, so equality is one added to the line."""
    if equity < 0:
        return INSOLVENT
    if requirement > 0:
        line = 256 * equity - equality
        warned, liquidatable, takeover = rungs
        if line < requirement * takeover:
            return TAKEOVER
        if line < requirement * liquidatable:
            return LIQUIDATABLE
        if line < requirement * warned:
            return WARNED
    return HEALTHY


class Tiers:
    """The maintenance table of an instrument, deductions by their recurrence."""

    __slots__ = ("floors", "rates", "deductions")

    def __init__(self, brackets):
        self.floors = [floor for floor, _ in brackets]
        self.rates = [rate for _, rate in brackets]
        self.deductions = [0]
        for at in range(1, len(brackets)):
            step = self.floors[at] * (self.rates[at] - self.rates[at - 1])
            self.deductions.append(self.deductions[-1] + step)

    def of(self, notional):
        return bisect_right(self.floors, notional) - 1

    def requirement(self, notional):
        tier = bisect_right(self.floors, notional) - 1
        return notional * self.rates[tier] - self.deductions[tier]


def zero_quote(size, lots, price, tiers, equity, requirement, scale):
    """Z: quote change at which closing `lots` (from 0) of `size` leaves E / R as it was; it is against the fund's favour by less than a quantum."""
    left = abs(size) - lots
    released = tiers.requirement(abs(size) * price) - tiers.requirement(left * price)
    released = min(max(released, 0), requirement)
    share = equity * released // requirement if requirement > 0 else 0
    value_change = scale * price * (-lots if size > 0 else lots)
    return ceil_div(-value_change - share, scale)


def fewest_lots(whole, surplus):
    """Least n in 1..whole-1 with surplus(n) >= 0; `whole` when there is none. `surplus` is concave, so where it holds is one stretch:
    its peak is found by the sign of its steps, the stretch's start by bisection below the peak."""
    if whole <= 1:
        return whole
    low, high = 1, whole - 1
    while low < high:
        middle = (low + high) // 2
        if surplus(middle + 1) > surplus(middle):
            low = middle + 1
        else:
            high = middle
    if surplus(low) < 0:
        return whole
    low, high = 1, low
    while low < high:
        middle = (low + high) // 2
        if surplus(middle) >= 0:
            high = middle
        else:
            low = middle + 1
    return low
