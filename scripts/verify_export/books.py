"""Who holds what."""

from verify_export.arithmetic import HEALTHY, towards_zero


class Owner:
    """Cash in quanta, lots by instrument; no row for 0 lots."""

    __slots__ = ("cash", "lots")

    def __init__(self):
        self.cash = 0
        self.lots = {}


class Account(Owner):
    """A margin account. `pending`: None, "cancel" while its resting orders are being cancelled, "outcome" while anything else decided is out."""

    __slots__ = (
        "id", "owner", "isolated", "paid_in", "resting", "reserved", "severity", "offset", "is_offset_old", "reducing", "pending",
        "cancel_ms", "short_slices", "slice_ms", "slices_at_time", "window", "entries",
    )  # fmt: skip

    def __init__(self, account_id, owner, isolated=None):
        super().__init__()
        self.id = account_id
        self.owner = owner
        self.isolated = isolated
        self.paid_in = self.resting = self.reserved = 0
        self.severity = HEALTHY
        self.offset = 0
        self.is_offset_old = False
        self.pending = self.cancel_ms = None  # when a cancellation was last decided
        self.entries = {}  # what was paid for a position, by instrument; below zero for a short
        self.window = None  # of the close factor: [start, gross notional then, closed since]
        self.end_liquidation()

    def note_entry(self, instrument, before, quote):
        after, entry = self.lots.get(instrument, 0), self.entries.pop(instrument, 0)
        if before * after < 0:
            entry = towards_zero(-quote * after, after - before)
        elif abs(after) > abs(before):
            entry -= quote
        elif after:
            entry = towards_zero(entry * after, before)
        if after:
            self.entries[instrument] = entry

    def end_liquidation(self):
        self.reducing = False
        self.short_slices = 0
        self.slice_ms = None
        self.slices_at_time = 0

    def note_slice(self, time_ms, is_whole):
        self.short_slices = 0 if is_whole else self.short_slices + 1
        self.slices_at_time = self.slices_at_time + 1 if self.slice_ms == time_ms else 1
        self.slice_ms = time_ms


class Books:
    """Every owner. Each leg of a transfer is posted alone, so a total that is not zero shows."""

    SYSTEM = ("outside", "maker", "venue", "estate", "insurance", "deficit")

    def __init__(self):
        self.system = {name: Owner() for name in self.SYSTEM}
        self.funds = []  # by instrument
        self.backstops = []
        self.accounts = {}
        self.totals = {}
        self.unbalanced = set()
        self.posted = 0

    def list(self):
        """An instrument has a fund and a backstop of its own."""
        self.funds.append(Owner())
        self.backstops.append(Owner())

    def owners(self):
        yield from self.system.items()
        yield from ((f"fund {at}", owner) for at, owner in enumerate(self.funds))
        yield from ((f"backstop {at}", owner) for at, owner in enumerate(self.backstops))
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

    def faults(self):
        """What must not be after an event: a commodity that does not sum to zero, something in the estate, a fund below zero."""
        found = {f"sum of {commodity}": self.totals[commodity] for commodity in self.unbalanced}
        self.unbalanced.clear()
        estate = self.system["estate"]
        if estate.cash or estate.lots:
            found["estate"] = (estate.cash, dict(estate.lots))
        if self.system["insurance"].cash < 0:
            found["insurance"] = self.system["insurance"].cash
        found |= {f"fund {at}": fund.cash for at, fund in enumerate(self.funds) if fund.cash < 0}
        return found

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
        system |= {"funds": [row(owner) for owner in self.funds], "backstops": [row(owner) for owner in self.backstops]}
        return system | {"accounts": {str(name): row(self.accounts[name]) for name in sorted(self.accounts)}}
