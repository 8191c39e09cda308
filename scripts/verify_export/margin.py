"""What an account is worth, must hold and may lose, from its cash and positions alone."""

from bisect import bisect_right

from verify_export.arithmetic import ceil_div, severity_of

EXACT = ("native", "binance-usdm", "mango-v4")  # rules of venues whose requirement is not rounded
ROUNDED_UP = "dydx-v4"
ROUNDED_DOWN = "drift-v2"


class Margin:
    """Accounts judged at the last applied marks of `markets`; `prices` are those marks."""

    def __init__(self, rules, markets, prices):
        self.scale = rules["scale"]
        self.venue = rules["venue"]
        self.rungs = rules["rungs"]
        self.equality = int(rules["equality"])
        self.markets = markets
        self.prices = prices

    def evaluate(self, account):
        """E and R."""
        worth, requirement = 0, 0
        prices, markets = self.prices, self.markets
        for instrument, lots in account.lots.items():
            market, notional = markets[instrument], lots * prices[instrument]
            if notional > 0:
                worth += notional * market.weight_long
            else:
                worth += notional * market.weight_short
                notional = -notional
            tiers = market.tiers
            tier = bisect_right(tiers.floors, notional) - 1
            requirement += notional * tiers.rates[tier] - tiers.deductions[tier]
        return self.scale * account.cash + worth, requirement

    def of_position(self, instrument, lots, price=None):
        """r of a position, at the mark if not at a price."""
        price = self.prices[instrument] if price is None else price
        return self.markets[instrument].tiers.requirement(abs(lots) * price)

    def value(self, instrument, lots):
        return lots * self.prices[instrument] * self.markets[instrument].weight(lots)

    def notional(self, account):
        return sum(abs(lots) * self.prices[instrument] for instrument, lots in account.lots.items())

    def required(self, account, requirement):
        """By the rule of the venue; `requirement` is R."""
        scale = self.scale
        if self.venue == ROUNDED_UP:
            requirement = sum(ceil_div(self.of_position(*held), scale) * scale for held in account.lots.items())
        elif self.venue == ROUNDED_DOWN:
            requirement = sum(self.of_position(*held) // scale * scale for held in account.lots.items())
        return requirement - self.credit(account, self.prices)

    def credit(self, account, prices):
        """Hedge credits at prices by instrument."""
        groups = {}  # [requirement of its longs, of its shorts, least credit]
        for instrument, lots in account.lots.items():
            hedge = self.markets[instrument].spec["hedge"]
            if hedge["group"]:
                group = groups.setdefault(hedge["group"], [0, 0, hedge["credit"]])
                group[0 if lots > 0 else 1] += self.of_position(instrument, lots, prices[instrument])
                group[2] = min(group[2], hedge["credit"])
        return sum(min(longs, shorts) * credit // self.scale for longs, shorts, credit in groups.values())

    def offset(self, account):
        rounding = (self.scale - 1) * len(account.lots) if self.venue == ROUNDED_UP else 0
        return rounding - self.credit(account, {instrument: self.markets[instrument].lower_edge for instrument in account.lots})

    def severity(self, equity, requirement):
        return severity_of(equity, requirement, self.rungs, self.equality)

    def verdict(self, account):
        """The severity that decides, with E, R and Required."""
        equity, requirement = self.evaluate(account)
        required = self.required(account, requirement)
        return self.severity(equity, required), equity, requirement, required

    def initial(self, account, changed=None):
        """The initial requirement, with the lots of the instruments in `changed` instead of the account's."""
        total = 0
        for instrument, lots in (account.lots | (changed or {})).items():
            total += self.initial_of(instrument, abs(lots) * self.prices[instrument])
        return total

    def initial_of(self, instrument, notional):
        """The initial requirement of a notional in an instrument."""
        market, scale = self.markets[instrument], self.scale
        requirement = self.initial_at_rest(instrument, notional)
        return ceil_div(requirement * market.inputs.multiple(scale), scale) if market.spec["volatility"] else requirement

    def initial_at_rest(self, instrument, notional):
        """The same without volatility."""
        market = self.markets[instrument]
        if market.initial is None:
            return market.tiers.requirement(notional)
        requirement = market.initial.requirement(notional)
        lower, upper = market.spec["open_interest"]["lower"], market.spec["open_interest"]["upper"]
        interest = market.open_lots(instrument) * self.prices[instrument]
        if upper > 0 and interest > lower:
            missing = max(0, notional * self.scale - requirement)
            requirement += ceil_div(missing * (min(interest, upper) - lower), upper - lower)
        return requirement

    def profit(self, account):
        held = sum(lots * self.prices[at] for at, lots in account.lots.items() if self.markets[at].is_contract)
        return account.cash + held - account.paid_in

    def headroom(self, account):
        _, equity, requirement, required = self.verdict(account)
        return max(0, equity - max(requirement, required)) // self.scale

    def unhedged(self, account, instrument):
        """Lots of a position that hedge no other."""
        lots, group = account.lots[instrument], self.markets[instrument].spec["hedge"]["group"]
        if group == 0:
            return abs(lots)
        held = (row for row in account.lots.items() if self.markets[row[0]].spec["hedge"]["group"] == group)
        net = sum(lots * self.prices[at] for at, lots in held)
        return min(abs(lots), max(0, net if lots > 0 else -net) // self.prices[instrument])

    def zero_quote(self, account, instrument, lots):
        """Z of `lots` towards zero: the quote at which closing them leaves E / R as it was, against the fund's favour by less than a quantum."""
        held = account.lots[instrument]
        equity, requirement = self.evaluate(account)
        released = self.of_position(instrument, held) - self.of_position(instrument, held + lots)
        released = min(max(released, 0), requirement)
        value_change = self.value(instrument, held + lots) - self.value(instrument, held)
        return ceil_div(-value_change - equity * released // max(requirement, 1), self.scale)
