"""Who holds what."""

from verify_export.arithmetic import HEALTHY


class Owner:
    """Cash in quanta, lots by instrument; no row for 0 lots."""

    __slots__ = ("cash", "lots")

    def __init__(self):
        self.cash = 0
        self.lots = {}


class Account(Owner):
    __slots__ = ("id", "severity", "reducing", "due", "short_slices", "slice_ms", "slices_at_time")

    def __init__(self, account_id):
        super().__init__()
        self.id = account_id
        self.severity = HEALTHY
        self.reducing = False
        self.due = False  # an order at the venue, or a takeover or bankruptcy decided and not yet carried out
        self.end_liquidation()

    def end_liquidation(self):
        self.reducing = False
        self.short_slices = 0
        self.slice_ms = None
        self.slices_at_time = 0


class Books:
    """Every owner. Each leg of a transfer is posted alone, so a total that is not zero shows."""

    SYSTEM = ("outside", "maker", "venue", "backstop", "insurance", "deficit")

    def __init__(self):
        self.system = {name: Owner() for name in self.SYSTEM}
        self.accounts = {}
        self.totals = {}
        self.unbalanced = set()
        self.posted = 0

    def owners(self):
        yield from self.system.items()
        yield from self.accounts.items()

    def _total(self, commodity, change):
        total = self.totals.get(commodity, 0) + change
        self.totals[commodity] = total
        self.posted += 1
        if total:
            self.unbalanced.add(commodity)
        else:
            self.unbalanced.discard(commodity)

    def post_cash(self, owner, quanta):
        owner.cash += quanta
        self._total("quote", quanta)

    def post_lots(self, owner, instrument, lots):
        held = owner.lots.get(instrument, 0) + lots
        if held:
            owner.lots[instrument] = held
        else:
            owner.lots.pop(instrument, None)
        self._total(instrument, lots)

    def pay(self, payer, payee, quanta):
        self.post_cash(payer, -quanta)
        self.post_cash(payee, quanta)

    def exchange(self, owner, other, instrument, lots, quote):
        self.post_lots(owner, instrument, lots)
        self.post_lots(other, instrument, -lots)
        self.post_cash(owner, quote)
        self.post_cash(other, -quote)

    def count(self):
        """Totals summed anew over all owners: {} when every commodity is zero."""
        totals = {"quote": 0}
        for _, owner in self.owners():
            totals["quote"] += owner.cash
            for instrument, lots in owner.lots.items():
                totals[instrument] = totals.get(instrument, 0) + lots
        self.posted = 0
        return {commodity: total for commodity, total in totals.items() if total}

    def balances(self):
        def row(owner):
            return {"cash": str(owner.cash), "lots": {str(i): str(owner.lots[i]) for i in sorted(owner.lots)}}

        system = {name: row(owner) for name, owner in self.system.items()}
        return system | {"accounts": {str(name): row(self.accounts[name]) for name in sorted(self.accounts)}}
