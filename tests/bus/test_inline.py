"""`backstop_inline` between an AXI4-Stream source and sink."""

import os
import random

import cocotb
from cocotb.clock import Clock
from cocotb.regression import TestFactory
from cocotb.triggers import ClockCycles, with_timeout
from cocotbext.axi import AxiStreamBus, AxiStreamSink, AxiStreamSource

from clocked import hesitation, stands_until_taken
from records import compare, prefix

LANES = int(os.environ["BUS_LANES"])
RECORDS = 400
CLOCK_NS = 4


async def start(dut, idle, stall):
    rng = random.Random(1)
    cocotb.start_soon(Clock(dut.clk, CLOCK_NS, "ns").start())
    source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), dut.clk, dut.rst, byte_size=8)
    sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), dut.clk, dut.rst, byte_size=8)
    if idle:
        source.set_pause_generator(hesitation(rng, idle))
    if stall:
        sink.set_pause_generator(hesitation(rng, stall))
    await reset(dut)
    out = (dut.m_axis_tvalid, dut.m_axis_tready, dut.m_axis_tdata)
    watch = cocotb.start_soon(stands_until_taken(dut.clk, [out]))
    return source, sink, watch


async def reset(dut):
    dut.rst.value = 1
    await ClockCycles(dut.clk, 4)
    dut.rst.value = 0
    await ClockCycles(dut.clk, 2)


async def answers(source, sink, records, count):
    """What comes out for the records: as many answers, and then none for a while."""
    for record in records:
        source.send_nowait(record)
    found = [bytes((await with_timeout(sink.recv(), 200, "us")).tdata) for _ in range(count)]
    await ClockCycles(sink.clock, 1_000)
    return found + [bytes(sink.recv_nowait().tdata) for _ in range(sink.count())]


async def a_stream_is_answered_as_the_model_answers(dut, hesitates):
    idle, stall = hesitates
    source, sink, watch = await start(dut, idle, stall)
    records, expected = prefix(RECORDS)
    compare(await answers(source, sink, records, len(expected)), expected, LANES)


streams = TestFactory(a_stream_is_answered_as_the_model_answers)
streams.add_option("hesitates", [(0, 0), (0.6, 0), (0, 0.6), (0.3, 0.3)])
streams.generate_tests()


@cocotb.test()
async def a_reset_amid_a_stream_starts_it_anew(dut):
    source, sink, watch = await start(dut, 0, 0.5)
    records, expected = prefix(RECORDS // 2)
    for record in records:
        source.send_nowait(record)
    await with_timeout(sink.recv(), 200, "us")
    watch.kill()
    source.clear()
    await reset(dut)
    sink.clear()
    compare(await answers(source, sink, records, len(expected)), expected, LANES)
