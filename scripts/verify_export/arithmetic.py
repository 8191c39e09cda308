"""Severity, brackets, zero quote and slice, from their definitions."""

from bisect import bisect_right

HEALTHY, WARNED, LIQUIDATABLE, TAKEOVER, INSOLVENT = range(5)


def ceil_div(dividend, divisor):
    return -(-dividend // divisor)


def towards_zero(dividend, divisor):
    quotient = abs(dividend) // abs(divisor)
    return quotient if (dividend < 0) == (divisor < 0) else -quotient


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


def shared_out(amount, claims):
    """What each claim, a weight and a cap (None: no bound), gets of the amount, and what none takes."""
    shares = [0] * len(claims)
    left = [at for at, (weight, cap) in enumerate(claims) if weight > 0 and (cap is None or cap > 0)]
    while left:
        total = sum(claims[at][0] for at in left)
        full = {at for at in left if claims[at][1] is not None and amount * claims[at][0] // total >= claims[at][1]}
        if not full:
            break
        for at in full:
            shares[at] = claims[at][1]
            amount -= shares[at]
        left = [at for at in left if at not in full]
    if not left:
        return shares, amount
    for at in left:
        shares[at] = amount * claims[at][0] // total
    rest = amount - sum(shares[at] for at in left)
    for at in sorted(left, key=lambda at: (-(amount * claims[at][0] % total), at))[:rest]:
        shares[at] += 1
    return shares, 0


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
