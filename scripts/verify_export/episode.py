"""What events do, by `docs/accounting.md`."""

from verify_export.arithmetic import INSOLVENT, LIQUIDATABLE
from verify_export.books import Account, Books
from verify_export.close_out import CloseOut
from verify_export.decisions import Decisions
from verify_export.life import Life, Lives
from verify_export.margin import EXACT, Margin
from verify_export.marks import Marks, Prices
from verify_export.market import Market, book_fault, spec_fault
from verify_export.stability import Calm, Stability

POSITIONS_MAX = 64
CASH_MAX = 1 << 61
EXPOSURE_MAX = 1 << 61


class Refused(Exception):
    """The event breaks a rule and changes nothing, but that what was decided or placed is done."""


def is_within(placed, lots, quote):
    """Whether a fill is one of the order: its side, at most its lots, no worse than its limit."""
    if lots == 0:
        return quote == 0
    if lots * placed.lots <= 0 or abs(lots) > abs(placed.lots):
        return False
    return quote >= placed.limit * -lots if lots < 0 else 0 < -quote <= placed.limit * lots


class Episode(CloseOut, Decisions, Lives, Marks, Stability):
    """State of one episode: what the events did, what must be flagged, what must be decided."""

    def __init__(self, index, rules, counts, report):
        self.index = index
        self.rules = rules
        self.counts = counts
        self.report = report
        self.scale = rules["scale"]
        self.books = Books()
        self.insurance = self.books.system["insurance"]
        self.markets = []
        self.prices = []  # last applied marks, by instrument
        self.margin = Margin(rules, self.markets, self.prices)
        self.has_offsets = rules["venue"] not in EXACT
        self.orders = {}  # at the venue
        self.void = set()  # orders that ended with their instrument
        self.sales = {}  # orders of the backstops at the venue
        self.orders_placed = 0
        self.flags = []  # of the round: (sequence, account, old, new, E, R)
        self.watch = set()  # accounts with last device severity 2 or more
        self.reducing = set()
        self.cancelled = set()  # accounts of whose liquidation a cancellation was the last that was decided
        self.is_settled = False
        self.begin_stability()
        self.effects = {
            "fund_endowed": self.fund_endowed,
            "listed": self.listed,
            "mark": self.mark,
            "book": self.book,
            "opened": self.opened,
            "deposited": self.deposited,
            "deposited_asset": self.deposited_asset,
            "moved": self.moved,
            "orders_resting": self.orders_resting,
            "traded": self.traded,
            "filled": self.filled,
            "absorbed": self.absorbed,
            "taken_over": self.taken_over,
            "bankrupted": self.bankrupted,
            "settled": self.settled,
            "rejected": self.rejected,
            "priced": self.priced,
            "composed": self.composed,
            "elapsed": self.elapsed,
            "brackets_announced": self.brackets_announced,
            "delisted": self.delisted,
            "withdrawn": self.withdrawn,
            "ordered": self.ordered,
            "paused": self.paused,
            "resumed": self.resumed,
        }

    # -- events

    def apply(self, sequence, time_ms, name, event):
        self.sequence, self.time_ms = sequence, time_ms
        try:
            judged = self.effects[name](**event)
        except Refused:
            self.counts["refused"] += 1
            return
        if judged:
            self.judge(judged)
        faults = self.books.faults()
        if faults:
            self.report("books", "every commodity sums to zero, the estate holds nothing, no fund is below zero", faults)

    def refuse(self):
        raise Refused

    def judge(self, accounts):
        evaluate, severity_of, has_offsets = self.margin.evaluate, self.margin.severity, self.has_offsets
        flags = []
        judged = 0
        for account in accounts:
            judged += 1
            equity, requirement = evaluate(account)
            line = requirement
            if has_offsets:
                if account.is_offset_old:
                    account.offset, account.is_offset_old = self.margin.offset(account), False
                line = max(requirement + account.offset, 0)
            severity = severity_of(equity, line)
            if severity != account.severity:
                flags.append((self.sequence, account.id, account.severity, severity, equity, requirement))
                account.severity = severity
                if severity >= LIQUIDATABLE:
                    self.watch.add(account)
                else:
                    self.watch.discard(account)
        self.counts["judgements"] += judged
        if len(flags) > 1:
            flags.sort(key=lambda flag: (-flag[3], flag[1]))
        self.flags += flags

    def market(self, instrument):
        if instrument >= len(self.markets) or self.markets[instrument].life.is_settled:
            raise Refused
        return self.markets[instrument]

    def account(self, account):
        try:
            return self.books.accounts[account]
        except KeyError:
            raise Refused from None

    def exchange(self, account, other, instrument, lots, quote):
        before = account.lots.get(instrument, 0)
        self.books.exchange(account, other, instrument, lots, quote)
        account.note_entry(instrument, before, quote)
        holders = self.markets[instrument].holders
        if instrument in account.lots:
            holders[account.id] = account
        else:
            holders.pop(account.id, None)
        account.is_offset_old = True

    def end_liquidation(self, account):
        account.end_liquidation()
        self.reducing.discard(account)
        self.cancelled.discard(account)

    def fund_endowed(self, instrument, quanta):
        if quanta < 0:
            raise Refused
        fund = self.insurance
        if instrument is not None:
            self.market(instrument)
            fund = self.books.funds[instrument]
        self.books.pay(self.books.system["outside"], fund, quanta)

    def listed(self, instrument, spec):
        if instrument != len(self.markets) or spec_fault(spec, self.scale) is not None:
            raise Refused
        if spec["expiry"] is not None and spec["expiry"]["time_ms"] <= self.time_ms:
            raise Refused
        self.markets.append(Market(spec, self.scale))
        market = self.markets[-1]
        market.life, market.calm, market.inputs = Life(), Calm(), Prices()
        self.prices.append(None)
        self.books.list()
        self.has_offsets = self.has_offsets or spec["hedge"]["credit"] > 0

    def mark(self, instrument, price):
        market = self.market(instrument)
        if market.spec["composition"] is not None:
            raise Refused
        return self.apply_mark(instrument, market, price)

    def apply_mark(self, instrument, market, price):
        self.check_price(market, price)
        price = self.believed(market.spec, price)
        self.check_price(market, price)
        self.counts["marks"] += 1
        outage, breaker, before = self.rules["outage"], market.spec["breaker"], market.guard.applied
        if outage is not None:
            market.calm.see(self.time_ms, before, outage)
        if not market.guard.judge(self.time_ms, price, market.spec["mark_band"], self.rules, self.counts):
            return None
        if outage is not None:
            market.calm.count(self.time_ms, price, outage, self.scale)
        if market.spec["volatility"] is not None:
            market.inputs.note_mark(self.time_ms, price, market.spec["volatility"], self.scale)
        if breaker is not None:
            market.calm.note(self.time_ms, before, price, breaker, self.scale)
        self.note_mark(market)
        self.prices[instrument] = price
        self.sample_premium(instrument)
        if market.move_edges(price) and market.spec["hedge"]["credit"] > 0:
            for account in market.holders.values():
                account.is_offset_old = True
        return market.holders.values()

    @staticmethod
    def check_price(market, price):
        if price == 0 or price >> market.spec["price_bits"]:
            raise Refused

    def believed(self, spec, price):
        """The price of wrapped collateral is held near what it redeems for."""
        redemption = spec["redemption"]
        if redemption is None:
            return price
        value, exponent = redemption["ratio"], spec["lot_exponent"]
        if redemption["reference"] is not None:
            at = next((at for at, other in enumerate(self.markets) if other.spec["symbol"] == redemption["reference"]), None)
            if at is None or self.prices[at] is None:
                return price
            value, exponent = value * self.prices[at], exponent - self.markets[at].spec["lot_exponent"] - 6
        redeemed = value * 10**exponent if exponent >= 0 else value // 10**-exponent
        if redeemed >> 32:
            raise Refused
        low, high = (redeemed * (self.scale + side * redemption["band"]) // self.scale for side in (-1, 1))
        return max(low, min(high, price))

    def book(self, instrument, book):
        if book_fault(book) is not None:
            raise Refused
        self.market(instrument).told = book

    def opened(self, account, owner, isolated):
        if account in self.books.accounts or isolated is not None and not self.market(isolated).is_contract:
            raise Refused
        self.books.accounts[account] = Account(account, owner, isolated)

    def deposited(self, account, quanta):
        row = self.books.accounts.get(account)
        if quanta < 0 or abs((row.cash if row else 0) + quanta) >= CASH_MAX:
            raise Refused
        if row is None:
            row = self.books.accounts[account] = Account(account, account)
        self.books.pay(self.books.system["outside"], row, quanta)
        row.paid_in += quanta
        return (row,)

    def deposited_asset(self, account, instrument, lots):
        row = self.account(account)
        self.check_size(row, instrument, lots)
        if self.markets[instrument].is_contract or lots <= 0:
            raise Refused
        self.exchange(row, self.books.system["outside"], instrument, lots, 0)
        return (row,)

    def moved(self, **event):
        payer, payee, quanta = self.account(event["from"]), self.account(event["to"]), event["quanta"]
        if payer is payee or payer.owner != payee.owner or quanta < 0:
            raise Refused
        if abs(payer.cash - quanta) >= CASH_MAX or abs(payee.cash + quanta) >= CASH_MAX:
            raise Refused
        self.check_leaving(payer, quanta)
        self.books.pay(payer, payee, quanta)
        payer.paid_in -= quanta
        payee.paid_in += quanta
        return (payer, payee)

    def orders_resting(self, account, count, reserved):
        row = self.account(account)
        row.resting, row.reserved = count, reserved
        if count == 0 and row.pending == "cancel":
            row.pending = None

    def traded(self, account, instrument, lots, quote):
        row = self.account(account)
        if lots == 0 or lots * quote > 0 or abs(row.cash + quote) >= CASH_MAX:
            raise Refused
        held = row.lots.get(instrument, 0)
        size = self.check_size(row, instrument, lots)
        if any(placed.account is row and placed.instrument == instrument for placed in self.orders.values()):
            raise Refused
        before, _ = self.margin.evaluate(row)
        after = before + self.scale * quote + self.margin.value(instrument, size) - self.margin.value(instrument, held)
        if after < min(0, before):
            raise Refused
        market = self.markets[instrument]
        adds = size * held < 0 or abs(size) > abs(held)
        if adds and not self.takes_risk(instrument, abs(lots), abs(quote)):
            raise Refused
        if adds and (market.initial is not None or market.spec["volatility"] is not None or not market.is_contract):
            if after < self.margin.initial(row, {instrument: size}) + self.scale * row.reserved:
                raise Refused
        self.exchange(row, self.books.system["maker"], instrument, lots, quote)
        return (row,)

    def check_size(self, row, instrument, lots, is_order=False):
        """The lots that the account would hold; an order may rest beyond the exposure that a trade may reach."""
        spec, held = self.market(instrument).spec, row.lots.get(instrument, 0)
        size = held + lots
        if self.prices[instrument] is None or row.isolated not in (None, instrument):
            raise Refused
        if abs(size) >> spec["size_bits"] or held == 0 and len(row.lots) == POSITIONS_MAX:
            raise Refused
        exposure = sum(abs(lots) << self.markets[at].spec["price_bits"] for at, lots in (row.lots | {instrument: size}).items())
        if exposure >= EXPOSURE_MAX and not is_order:
            raise Refused
        return size

    # -- slices

    def report_of(self, name, order, lots, quote):
        """The venue's report ends the order, whatever it says."""
        placed = self.orders.pop(order, None)
        if placed is None and order in self.void:
            raise Refused
        if placed is None:
            self.report(name, "the report of an order at the venue", f"order {order}")
            raise Refused
        placed.account.pending = None
        held = placed.account.lots.get(placed.instrument, 0)
        fits = is_within(placed, lots, quote) and (lots == 0 or held * lots < 0 and abs(lots) <= abs(held))
        filled = abs(lots) if fits else 0
        self.markets[placed.instrument].bucket.charge(-(abs(placed.lots) - filled) * placed.mark)
        if not fits:
            raise Refused
        placed.account.note_slice(self.time_ms, lots == placed.lots)
        return placed

    def rejected(self, order):
        self.counts["rejections"] += 1
        if order in self.sales:
            self.sale_reported(self.sales.pop(order), 0, 0, is_within)
        else:
            self.report_of("rejected", order, 0, 0)

    def filled(self, order, lots, quote):
        self.counts["fills"] += 1
        placed = self.orders.get(order) or self.sales.get(order)
        if placed is not None:
            at = placed.instrument
            expected = self.markets[at].book.fill(self.time_ms, self.prices[at], placed.lots, placed.limit)
            if (lots, quote) != expected:
                show = "{} lots for {} quanta".format
                self.report(f"fill of order {order}", show(*expected), show(lots, quote))
        if order in self.sales:
            return self.sale_reported(self.sales.pop(order), lots, quote, is_within)
        placed = self.report_of("filled", order, lots, quote)
        if lots == 0:
            return None
        return self.close_slice(placed.account, self.books.system["venue"], placed.instrument, lots, quote)

    def absorbed(self, account, instrument, lots, quote):
        row = self.account(account)
        if any(placed.account is row for placed in self.orders.values()):
            raise Refused
        row.pending = None
        held = row.lots.get(instrument, 0)
        if held * lots >= 0 or abs(lots) > abs(held) or self.margin.verdict(row)[0] == INSOLVENT:
            raise Refused
        if quote < self.margin.zero_quote(row, instrument, lots) or self.backstop_room(instrument, -lots) < abs(lots):
            raise Refused
        self.counts["absorptions"] += 1
        return self.close_slice(row, self.books.backstops[instrument], instrument, lots, quote)

    def close_slice(self, row, other, instrument, lots, quote):
        surplus = quote - self.margin.zero_quote(row, instrument, lots)
        self.exchange(row, other, instrument, lots, quote)
        if surplus > 0:
            fee = abs(quote) * self.markets[instrument].spec["fee"] // self.scale
            self.pay_fee(row, instrument, min(surplus, fee))
        else:
            self.draw_funds(row, [instrument], -surplus)
        if row.window:
            row.window[2] += abs(lots) * self.prices[instrument]
        return (row,)

    def settled(self):
        books, maker = self.books, self.books.system["maker"]
        for owner in [owner for _, owner in books.owners() if owner is not maker]:
            for instrument in sorted(owner.lots):
                lots = owner.lots[instrument]
                books.exchange(owner, maker, instrument, -lots, lots * self.prices[instrument])
        for market in self.markets:
            market.holders.clear()
        for account in books.accounts.values():
            account.entries.clear()
        for name, owner in books.owners():
            if owner.lots:
                self.report("settled", "nobody holds lots", f"{name} holds {owner.lots}")
        self.is_settled = True
        for account in list(self.reducing):
            self.end_liquidation(account)
        self.watch.clear()
        self.cancelled.clear()

    # -- rounds

    def end_round(self):
        """The round's expected verdict record."""
        books = self.books
        if books.posted > len(books.accounts):  # as much work as the posts took
            self.count_books()
        flags, self.flags = self.flags, []
        return flags

    def count_books(self):
        wrong = self.books.count()
        if wrong:
            self.report("books", "every commodity sums to zero", {str(name): wrong[name] for name in wrong})

    def books_told(self, told):
        """The `book` events that a simulated venue ends a round with: books that are others than those `told` before it, by instrument."""
        books = enumerate((market.book.left(self.time_ms) for market in self.markets[: len(told)]))
        return [("book", (instrument, book)) for instrument, book in books if book != told[instrument]]
