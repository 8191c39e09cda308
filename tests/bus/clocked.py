"""What both tops' tests share: hesitation, and a watch over ready/valid channels."""

import logging
import os

from cocotb.triggers import RisingEdge

# The bus models tell of every transfer.
logging.getLogger(f"cocotb.{os.environ['TOPLEVEL']}").setLevel(logging.WARNING)


def hesitation(rng, chance):
    """A pause generator: each clock is a pause with this chance."""
    while True:
        yield rng.random() < chance


async def stands_until_taken(clock, channels):
    """Asserts that what a channel offers stays as it is until it is taken. A channel is (valid, ready, signals...)."""
    offered = [None] * len(channels)
    while True:
        await RisingEdge(clock)
        for place, (valid, ready, *signals) in enumerate(channels):
            is_valid = valid.value.binstr
            assert is_valid in "01", f"{valid._name} is {is_valid}"
            if offered[place] is not None:
                assert is_valid == "1", f"{valid._name} fell before its transfer"
                now = [signal.value.binstr for signal in signals]
                assert now == offered[place], f"{valid._name}: what is offered changed before its transfer"
            waits = is_valid == "1" and ready.value.binstr == "0"
            offered[place] = [signal.value.binstr for signal in signals] if waits else None
