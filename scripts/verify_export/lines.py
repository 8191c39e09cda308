"""The lines of an export: JSON objects with exactly the fields of `docs/journal.md`, integers only."""

import json
import re


class Unreadable(Exception):
    """The input is not an export."""


def integer(value):
    if type(value) is not int:
        raise ValueError(f"{value!r} is not an integer")
    return value


def natural(value):
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is not an integer from 0")
    return value


INTEGER_TEXT = re.compile(r"-?(0|[1-9][0-9]*)\Z", re.ASCII)


def amount(value):
    """Integers that may need more than 53 bits travel as text."""
    if type(value) is not str or not INTEGER_TEXT.match(value):
        raise ValueError(f"{value!r} is not an integer as text")
    return int(value)


def text(value):
    if type(value) is not str:
        raise ValueError(f"{value!r} is not text")
    return value


def boolean(value):
    if type(value) is not bool:
        raise ValueError(f"{value!r} is not true or false")
    return value


def sequence_of(parse, count=None):
    def parse_all(value):
        if type(value) is not list or count is not None and len(value) != count:
            raise ValueError(f"{value!r} is not a list" + (f" of {count}" if count is not None else ""))
        return [parse(item) for item in value]

    return parse_all


def fields(**parsers):
    """An object with exactly these fields; the tag (`entry` or `type`) was taken by the caller."""

    def parse(value, tag=None):
        if type(value) is not dict:
            raise ValueError(f"{value!r} is not an object")
        if len(value) != len(parsers) + (tag is not None):
            unknown = set(value) - set(parsers) - {tag}
            if unknown:
                raise ValueError(f"unknown field {min(unknown)!r}")
        parsed = {}
        for name, parser in parsers.items():
            try:
                parsed[name] = parser(value[name])
            except KeyError:
                raise ValueError(f"field {name!r} is missing") from None
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        return parsed

    return parse


def tagged(tag, **variants):
    def parse(value):
        if type(value) is not dict:
            raise ValueError(f"{value!r} is not an object")
        name = value.get(tag)
        if type(name) is not str or name not in variants:
            raise ValueError(f"unknown {tag} {name!r}")
        return name, variants[name](value, tag)

    return parse


def nullable(parse):
    return lambda value: value if value is None else parse(value)


def one_of(*names):
    def parse(value):
        if value not in names:
            raise ValueError(f"{value!r} is not one of {', '.join(names)}")
        return value

    return parse


def natural_amount(value):
    if amount(value) < 0:
        raise ValueError(f"{value!r} is below 0")
    return int(value)


VENUE_SOURCE = fields(venue=natural)


def source(value):
    """The name of a source of the venue's own, or ("venue", its number)."""
    if type(value) is dict:
        return ("venue", VENUE_SOURCE(value)["venue"])
    return one_of("index", "bid", "ask", "last")(value)


BRACKETS = sequence_of(sequence_of(natural, 2))
LEVELS = sequence_of(fields(distance=natural, lots=natural))
RULES = fields(
    venue=one_of("native", "dydx-v4", "binance-usdm", "drift-v2", "mango-v4"),
    scale=natural,
    rungs=sequence_of(natural, 3),
    equality=boolean,
    target=natural,
    exhausted_max=natural,
    slices_at_once_max=natural,
    residual_min=natural,
    mark_hold_ms=natural,
    cancel_wait_ms=natural,
    notice_ms=natural,
    close_factor=fields(above=natural, portion=natural, window_ms=natural),
    insurance=fields(market_share=natural, reserve=natural, window_ms=natural),
    deleveraging=one_of("pro-rata", "hyperliquid", "bitmex", "binance", "rotation"),
    outage=nullable(fields(gap_ms=natural, marks=natural, hold_ms=natural, band=natural, release_ms=natural)),
    gates=fields(withdrawal_portion=natural, day_limit=natural, deficit_wait_ms=natural),
    pause_ms_max=natural,
)
SPEC = fields(
    symbol=text,
    kind=one_of("contract", "collateral"),
    lot_exponent=integer,
    tick=natural,
    price_bits=natural,
    size_bits=natural,
    weight_long=natural,
    weight_short=natural,
    brackets=BRACKETS,
    initial=BRACKETS,
    open_interest=fields(lower=natural, upper=natural),
    fee=natural,
    slippage=natural,
    limit_band=natural,
    mark_band=natural,
    budget=fields(capacity=natural, refill=natural),
    fund_cap=natural,
    backstop=fields(notional=natural, loss=natural),
    hedge=fields(group=natural, credit=natural),
    depth=fields(levels=natural, step=natural, level_lots=natural, refill_lots=natural),
    redemption=nullable(fields(reference=nullable(text), ratio=natural, band=natural)),
    funding=nullable(
        fields(interval_ms=natural, period_ms=natural, sample_ms=natural, impact=natural, interest=natural, clamp=natural, cap=natural)
    ),
    expiry=nullable(fields(time_ms=integer, window_ms=natural)),
    unwind=nullable(fields(interval_ms=natural, slices=natural, participation=natural, band=natural)),
    breaker=nullable(
        fields(band=natural, window_ms=natural, halt_ms=natural, stages=natural, stage_ms=natural, stage_band=natural)
    ),
    composition=nullable(fields(stale_ms=natural, ema_ms=natural, band=natural)),
    volatility=nullable(fields(window_ms=natural, reference=natural, multiple_max=natural, rise=natural, fall=natural)),
)
ACCOUNTS = sequence_of(natural)
PAUSES = one_of("opening", "book", "liquidation", "withdrawals")
EVENT = tagged(
    "type",
    fund_endowed=fields(instrument=nullable(natural), quanta=amount),
    listed=fields(instrument=natural, spec=SPEC),
    mark=fields(instrument=natural, price=natural),
    book=fields(instrument=natural, book=fields(bids=LEVELS, offers=LEVELS)),
    opened=fields(account=natural, owner=natural, isolated=nullable(natural)),
    deposited=fields(account=natural, quanta=amount),
    deposited_asset=fields(account=natural, instrument=natural, lots=integer),
    moved=fields(**{"from": natural, "to": natural, "quanta": amount}),
    orders_resting=fields(account=natural, count=natural, reserved=natural_amount),
    traded=fields(account=natural, instrument=natural, lots=integer, quote=amount),
    filled=fields(order=natural, lots=integer, quote=amount),
    absorbed=fields(account=natural, instrument=natural, lots=integer, quote=amount),
    taken_over=fields(accounts=ACCOUNTS),
    bankrupted=fields(accounts=ACCOUNTS),
    settled=fields(),
    rejected=fields(order=natural),
    priced=fields(instrument=natural, source=source, price=natural),
    composed=fields(instrument=natural),
    elapsed=fields(instrument=natural),
    brackets_announced=fields(instrument=natural, brackets=BRACKETS, effective_ms=integer),
    delisted=fields(instrument=natural, price=nullable(natural)),
    withdrawn=fields(account=natural, quanta=amount),
    ordered=fields(account=natural, instrument=natural, lots=integer, limit=natural),
    paused=fields(scope=nullable(natural), action=PAUSES, reason=text, until_ms=integer),
    resumed=fields(scope=nullable(natural), action=PAUSES),
)
FLAG = fields(
    sequence=natural,
    account=natural,
    severity_old=natural,
    severity_new=natural,
    equity=amount,
    requirement=amount,
)
COMMAND = tagged(
    "type",
    bankrupt=fields(accounts=ACCOUNTS),
    take_over=fields(accounts=ACCOUNTS),
    cancel_orders=fields(account=natural),
    place_order=fields(order=natural, account=natural, instrument=natural, lots=integer, limit=natural),
    absorb=fields(account=natural, instrument=natural, lots=integer, quote=amount),
    unwind=fields(order=natural, instrument=natural, lots=integer, limit=natural),
)
ENTRY = tagged(
    "entry",
    header=fields(version=natural, instance=text, rules_hash=text),
    episode_started=fields(index=natural, seed=natural, rules=RULES, source=text),
    event=fields(sequence=natural, time_ms=integer, event=EVENT),
    round_ended=fields(round=natural, time_ms=integer, first_sequence=natural, events=natural, external=boolean),
    verdict=fields(round=natural, flags=sequence_of(FLAG)),
    decision=fields(round=natural, commands=sequence_of(COMMAND)),
    episode_ended=fields(index=natural, state_hash=text),
    note=fields(time_ms=integer, text=text),
    taken=fields(source=natural, sequence=natural),
    restarted=fields(next_sequence=natural),
)


VENUE = fields(
    latency_ms=natural,
    reject_ppm=natural,
    impact_ppm=natural,
    half_life_s=natural,
    books=nullable(text),
    seed=natural,
)
BOOK_SIDE = sequence_of(sequence_of(natural, 2))
BOOK = fields(bids=BOOK_SIDE, offers=BOOK_SIDE)
BOOK_NOTE = re.compile(r"venue book of instrument ([0-9]+): (.*)\Z", re.ASCII | re.DOTALL)


def refuse_number(literal):
    raise ValueError(f"{literal} is not an integer")


DECODE = json.JSONDecoder(parse_float=refuse_number, parse_constant=refuse_number).decode


def read_line(line):
    """(entry, its fields) of one JSON line."""
    return ENTRY(DECODE(line))


def read_venue(note):
    """The configuration of the venue that a note holds; None if it is another note."""
    head, _, body = note.partition(": ")
    return VENUE(DECODE(body)) if head == "venue" else None


def read_book(note):
    """(instrument, its book) that a note holds; None if it is another note."""
    match = BOOK_NOTE.match(note)
    return (int(match[1]), BOOK(DECODE(match[2]))) if match else None
