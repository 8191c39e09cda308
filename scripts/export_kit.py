"""Exports made line by line for the verifier's tests, and the one that has something of everything."""

import json

from verify_export import run

RULES = {
    "venue": "native",
    "scale": 1000,
    "rungs": [320, 256, 171],
    "equality": False,
    "target": 282,
    "exhausted_max": 3,
    "slices_at_once_max": 4,
    "residual_min": 0,
    "mark_hold_ms": 60_000,
    "cancel_wait_ms": 5000,
    "notice_ms": 1000,
    "close_factor": {"above": 1 << 60, "portion": 1000, "window_ms": 30_000},
    "insurance": {"market_share": 0, "reserve": 0, "window_ms": 1000},
    "deleveraging": "pro-rata",
    "outage": None,
    "gates": {"withdrawal_portion": 0, "day_limit": 1000, "deficit_wait_ms": 0},
    "pause_ms_max": 60_000,
}
UNLIMITED = (1 << 64) - 1
SPEC = {
    "symbol": "X",
    "kind": "contract",
    "lot_exponent": -3,
    "tick": 1,
    "price_bits": 20,
    "size_bits": 20,
    "weight_long": 1000,
    "weight_short": 1000,
    "brackets": [[0, 50]],
    "initial": [],
    "open_interest": {"lower": 0, "upper": 0},
    "fee": 2,
    "slippage": 1,
    "limit_band": 20,
    "mark_band": 200,
    "budget": {"capacity": 0, "refill": 0},
    "fund_cap": UNLIMITED,
    "backstop": {"notional": UNLIMITED, "loss": UNLIMITED},
    "hedge": {"group": 0, "credit": 0},
    "depth": {"levels": 2, "step": 1, "level_lots": 1000, "refill_lots": 1000},
    "redemption": None,
    "funding": None,
    "expiry": None,
    "unwind": None,
    "breaker": None,
    "composition": None,
    "volatility": None,
}


class Run:
    """Builds an export line by line; each round's events, flags and commands as they are expected."""

    def __init__(self):
        self.lines = [{"entry": "header", "version": run.VERSION, "instance": "00" * 16, "rules_hash": "00" * 32}]
        self.sequence = self.round = self.index = 0

    def start(self, rules=RULES):
        self.lines.append(
            {"entry": "episode_started", "index": self.index, "seed": 1, "rules": rules, "source": "by hand"}
        )

    def add(self, time_ms, events, flags=(), commands=(), external=True):
        """`flags`: (event of the round from 0, account, old, new, E, R)."""
        first = self.sequence
        for event in events:
            self.lines.append({"entry": "event", "sequence": self.sequence, "time_ms": time_ms, "event": event})
            self.sequence += 1
        self.lines.append(
            {
                "entry": "round_ended",
                "round": self.round,
                "time_ms": time_ms,
                "first_sequence": first,
                "events": len(events),
                "external": external,
            }
        )
        names = ("sequence", "account", "severity_old", "severity_new", "equity", "requirement")
        rows = [(first + at, account, old, new, str(e), str(r)) for at, account, old, new, e, r in flags]
        flags = [dict(zip(names, row)) for row in rows]
        self.lines.append({"entry": "verdict", "round": self.round, "flags": flags})
        self.lines.append({"entry": "decision", "round": self.round, "commands": list(commands)})
        self.round += 1

    def end(self, time_ms):
        self.add(time_ms, [{"type": "settled"}])
        self.lines.append({"entry": "episode_ended", "index": self.index, "state_hash": "00" * 32})
        self.index += 1


def listed(instrument=0, **changes):
    return {"type": "listed", "instrument": instrument, "spec": SPEC | changes}


def mark(price, instrument=0):
    return {"type": "mark", "instrument": instrument, "price": price}


def endowed(quanta, instrument=None):
    return {"type": "fund_endowed", "instrument": instrument, "quanta": str(quanta)}


def deposited(account, quanta):
    return {"type": "deposited", "account": account, "quanta": str(quanta)}


def traded(account, lots, quote, instrument=0):
    return {"type": "traded", "account": account, "instrument": instrument, "lots": lots, "quote": str(quote)}


def filled(order, lots, quote):
    return {"type": "filled", "order": order, "lots": lots, "quote": str(quote)}


def place(order, account, lots, limit, instrument=0):
    names = ("type", "order", "account", "instrument", "lots", "limit")
    return dict(zip(names, ("place_order", order, account, instrument, lots, limit)))


def absorbed(account, lots, quote, instrument=0):
    return traded(account, lots, quote, instrument) | {"type": "absorbed"}


def absorb(account, lots, quote, instrument=0):
    return traded(account, lots, quote, instrument) | {"type": "absorb"}


def book(bids=(), offers=(), instrument=0):
    """Levels are pairs of distance and lots."""
    sides = {
        name: [{"distance": distance, "lots": lots} for distance, lots in side] for name, side in (("bids", bids), ("offers", offers))
    }
    return {"type": "book", "instrument": instrument, "book": sides}


def opened(account, owner, isolated=None):
    return {"type": "opened", "account": account, "owner": owner, "isolated": isolated}


def moved(payer, payee, quanta):
    return {"type": "moved", "from": payer, "to": payee, "quanta": str(quanta)}


def asset(account, lots, instrument):
    return {"type": "deposited_asset", "account": account, "instrument": instrument, "lots": lots}


def resting(account, count, reserved=0):
    return {"type": "orders_resting", "account": account, "count": count, "reserved": str(reserved)}


def cancel(account):
    return {"type": "cancel_orders", "account": account}


def taken_over(*accounts):
    return {"type": "taken_over", "accounts": list(accounts)}


def bankrupted(*accounts):
    return {"type": "bankrupted", "accounts": list(accounts)}


def take_over(*accounts):
    return {"type": "take_over", "accounts": list(accounts)}


def bankrupt(*accounts):
    return {"type": "bankrupt", "accounts": list(accounts)}


def hand_made():
    """One of everything; the numbers are worked out on paper beside each round.
    1: long 10 lots, 2: short 5, 3: short 1, all opened at 10,000."""
    made = Run()
    made.start()
    made.add(0, [listed(), mark(10_000), endowed(300)])
    made.add(
        0,
        [
            deposited(1, 10_000),
            traded(1, 10, -100_000),  # E 10,000,000, R 5,000,000
            deposited(2, 4_000),
            traded(2, -5, 50_000),  # E 4,000,000, R 2,500,000
            deposited(3, 5_000),
            traded(3, -1, 10_000),
        ],
    )
    # 1: 95,000 - 90,000 = 5,000; R 95,000 * 50; 1,280,000,000 is below 320 R and above 256 R
    made.add(1000, [mark(9500)], [(0, 1, 0, 1, 5_000_000, 4_750_000)])
    # 1: E 4,500,000, R 4,725,000. Slice: 125,987,400 n >= 180,450,000, so n = 2. Z = 18,900 - 900; limit 9,450 - 189
    made.add(2000, [mark(9450)], [(0, 1, 1, 2, 4_500_000, 4_725_000)], [place(1, 1, -2, 9261)])
    # at 9,450 - 9; fee min(18,882 - 18,000, floor(18,882 * 2 / 1,000) = 37); cash -90,000 + 18,882 - 37 = -71,155
    made.add(2000, [filled(1, -2, 18_882)], [(0, 1, 2, 1, 4_445_000, 3_780_000)], external=False)
    # 1: 72,800 - 71,155 = 1,645; below 171 / 256 of R
    made.add(3000, [mark(9100)], [(0, 1, 1, 3, 1_645_000, 3_640_000)], [take_over(1)])
    # fee 145 of 1,645; fund 300 + 37 + 145 = 482
    made.add(3000, [taken_over(1)], [(0, 1, 3, 0, 0, 0)], external=False)
    # 2: 54,000 - 54,500
    made.add(4000, [mark(10_900)], [(0, 2, 0, 4, -500_000, 2_725_000)], [bankrupt(2)])
    # fund pays 482, deficit 18
    made.add(4000, [bankrupted(2)], [(0, 2, 4, 0, 0, 0)], external=False)
    made.add(5000, [mark(20_000)])  # held
    made.add(6000, [mark(30_000)])  # dropped
    # confirmed; 3: 15,000 - 20,500
    made.add(65_000, [mark(20_500)], [(0, 3, 0, 4, -5_500_000, 1_025_000)], [bankrupt(3)])
    made.add(65_000, [bankrupted(3)], [(0, 3, 4, 0, 0, 0)], external=False)
    made.end(66_000)
    return made


def verify(lines):
    return run.verify([json.dumps(line) + "\n" for line in lines])


def events(lines, name):
    return [line["event"] for line in lines if line["entry"] == "event" and line["event"]["type"] == name]
