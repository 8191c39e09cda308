"""`backstop_pcie` on AXI buses: registers, rings, push window, interrupts, and every fault that docs/pcie.md names."""

import os
from functools import wraps
from itertools import count

import cocotb
from cocotb.regression import TestFactory
from cocotb.triggers import ClockCycles, Combine, RisingEdge, with_timeout
from cocotbext.axi import AxiResp
from cocotbext.axi.axil_channels import AxiLiteAWTransaction, AxiLiteWTransaction

from host import IN_BASE, INDEX_BASE, OUT_BASE, PATIENCE, RECORD_BYTES, WORD, Host
from memory import answers_errors_with
from records import ABI_HASH, compare, prefix
from registers import ACCESS, ENABLE, OFFSETS, PUSH_WORDS, QUIESCE, RESET, SETUP, SPACE_BYTES, STATUS

LANES = int(os.environ["BUS_LANES"])
RING = 1 << 7
# Some of the stream: from its start, as the machine is after each reset.
FEW, MANY = 60, 1_500
PUSH_LATENCY = 4
KIBI = 1_024


def on_the_bus(test):
    """Starts a host, and checks its memory at the end."""

    @wraps(test)
    async def checked(dut, **options):
        host = await Host.start(dut, **options.pop("clocks", {}))
        await test(host, **options)
        host.finish()

    return checked


def bus_test(test):
    return cocotb.test()(on_the_bus(test))


async def runs_as_the_model(host):
    """After a reset, whatever was before: the device works."""
    await host.enable()
    await host.play(*prefix(FEW), LANES)


# Registers.


@bus_test
async def the_device_says_who_it_is(host):
    assert (await host.read("ID")).to_bytes(4, "little") == b"BKST"
    assert await host.read("VERSION") == 1
    assert await host.read("ABI_HASH_LOW") | await host.read("ABI_HASH_HIGH") << 32 == ABI_HASH
    sizes = [await host.read(name) for name in ("LANES", "ACCOUNTS", "SLOTS", "INSTRUMENTS")]
    assert sizes == [LANES, 64, 256, 4]


@bus_test
async def what_is_written_reads_back_and_a_reset_keeps_what_was_set_up(host):
    kept = {"IN_BASE_LOW": 0xFFFF_F000, "IN_BASE_HIGH": 0x8000_0001, "IN_SIZE": 20, "OUT_BASE_LOW": 0x1000}
    kept |= {"OUT_BASE_HIGH": WORD, "OUT_SIZE": 7, "INDEX_BASE_LOW": 0xFFFF_FFE0, "INDEX_BASE_HIGH": 7}
    kept |= {"WATCHDOG": 0xFFFF_FFFE, "HOST_HEARTBEAT": 0x1234_5678, "IRQ_INTERVAL": 0x8765_4321}
    for name, value in (kept | {"EPOCH": 99}).items():
        await host.write(name, value)
    assert await host.read("EPOCH") == 99
    assert {name: await host.read(name) for name in kept} == kept
    await host.write("CONTROL", RESET)
    await host.until_reset()
    assert await host.read("EPOCH") == 0
    assert {name: await host.read(name) for name in kept} == kept


@bus_test
async def a_bad_access_is_refused_counted_and_changes_nothing(host):
    await host.enable()
    before = {name: await host.read(name) for name in ACCESS if name not in ("HEARTBEAT", "STATUS", "ACCESS_ERRORS")}
    registers = set(OFFSETS.values()) | {OFFSETS["PUSH"] + 4 * word for word in range(PUSH_WORDS)}
    nowhere = [offset for offset in range(0, SPACE_BYTES, 4) if offset not in registers]
    # All but the last, which lie between registers or directly behind them, stand for the rest.
    nowhere = [offset for offset in nowhere if offset < 0x140] + nowhere[-1:]
    refused = [(OFFSETS[name], AxiResp.SLVERR) for name, access in ACCESS.items() if access in ("read", SETUP)]
    refused += [(offset, AxiResp.DECERR) for offset in nowhere]
    for offset, response in refused:
        assert await host.respond(offset, 0x1000) == response, hex(offset)
    for offset in nowhere:
        answer = await host.axil.read(offset, 4)
        assert (answer.resp, bytes(answer.data)) == (AxiResp.DECERR, bytes(4)), hex(offset)
    # Partial strobes, from either end of the word.
    for offset, data in ((OFFSETS["EPOCH"], bytes(2)), (OFFSETS["EPOCH"] + 3, b"\1"), (OFFSETS["PUSH"], b"\1")):
        assert (await host.axil.write(offset, data)).resp == AxiResp.SLVERR
    # Whole words where no word begins.
    for offset in (OFFSETS["EPOCH"] + 1, OFFSETS["IN_TAIL"] + 2):
        writes = host.axil.write_if
        await writes.aw_channel.send(AxiLiteAWTransaction(awaddr=offset))
        await writes.w_channel.send(AxiLiteWTransaction(wdata=1, wstrb=15))
        assert (await with_timeout(writes.b_channel.recv(), 1, "us")).bresp == AxiResp.SLVERR
    bits = await host.respond(OFFSETS["CONTROL"], 8)
    assert bits == AxiResp.SLVERR
    assert await host.read("ACCESS_ERRORS") == len(refused) + len(nowhere) + 3 + 2 + 1
    assert {name: await host.read(name) for name in before} == before


@bus_test
async def a_value_out_of_range_is_refused(host):
    bad = {"IN_BASE_LOW": [1, 0x800], "OUT_BASE_LOW": [0x10, 0xFFF], "INDEX_BASE_LOW": [16, 1]}
    bad |= {"IN_SIZE": [0, 6, 21, 39, WORD], "OUT_SIZE": [0, 6, 21, 0x1_0007]}
    for name, values in bad.items():
        before = await host.read(name)
        for value in values:
            assert await host.respond(OFFSETS[name], value) == AxiResp.SLVERR, (name, value)
        assert await host.read(name) == before
    assert await host.read("ACCESS_ERRORS") == sum(map(len, bad.values()))


@bus_test
async def a_doorbell_outside_its_ring_is_refused(host):
    await host.enable()

    async def refused(name, value):
        before = await host.read(name), await host.read("INDEX_ERRORS")
        assert await host.respond(OFFSETS[name], value) == AxiResp.SLVERR, (name, value)
        assert (await host.read(name), await host.read("INDEX_ERRORS")) == (before[0], before[1] + 1)

    assert not await host.has_status("INDEX_FAULT")
    for name, value in (("IN_TAIL", RING + 1), ("IN_TAIL", WORD), ("OUT_HEAD", 1), ("OUT_HEAD", WORD)):
        await refused(name, value)
    assert await host.has_status("INDEX_FAULT")
    records, expected = prefix(RING)
    await host.send(records[:40])
    await host.until(lambda: host.index(1) == 40)
    await refused("IN_TAIL", 39)
    await refused("IN_TAIL", 40 + RING + 1)
    await host.send(records[40:])
    await host.until(lambda: host.index(0) == len(expected))
    for head in (len(expected) + 1, 1 << 31):
        await refused("OUT_HEAD", head)
    await host.write("OUT_HEAD", len(expected) - 1)
    await refused("OUT_HEAD", 0)
    compare(host.take(), expected, LANES)
    await host.soft_reset()
    assert not await host.has_status("INDEX_FAULT")
    assert await host.read("ACCESS_ERRORS") == 0
    await runs_as_the_model(host)


@bus_test
async def while_a_reset_lasts_control_and_indices_are_refused(host):
    # A record that never comes keeps the reset waiting.
    await host.enable()
    host.slave.read_if.r_channel.pause = True
    await host.send(prefix(1)[0])
    await host.until(lambda: host.watch.pending_reads > 0)
    await host.write("CONTROL", RESET)
    for name, value in (("CONTROL", ENABLE), ("IN_TAIL", 2), ("OUT_HEAD", 0), ("IN_SIZE", 8)):
        assert await host.respond(OFFSETS[name], value) == AxiResp.SLVERR, name
    assert await host.has_status("RESETTING") and not await host.has_status("QUIET")
    host.slave.read_if.r_channel.pause = False
    await host.until_reset()
    assert await host.has_status("QUIET")
    assert [await host.read(name) for name in ("CONTROL", "IN_TAIL", "IN_HEAD", "OUT_TAIL", "OUT_HEAD")] == [0] * 5
    host.watch.forget()
    host.start_rings()
    await runs_as_the_model(host)


@bus_test
async def refused_reads_and_writes_at_once_are_both_counted(host):
    tries = 64

    async def writes():
        for _ in range(tries):
            assert await host.respond(OFFSETS["ID"], 0) == AxiResp.SLVERR

    async def reads():
        for _ in range(tries):
            assert (await host.axil.read(SPACE_BYTES - 4, 4)).resp == AxiResp.DECERR

    await Combine(cocotb.start_soon(writes()), cocotb.start_soon(reads()))
    assert await host.read("ACCESS_ERRORS") == 2 * tries


# Rings.


async def rings_carry_the_stream(host, length):
    records, expected = prefix(length)
    await host.enable()
    await host.play(records, expected, LANES)
    assert [await host.read(name) for name in ("IN_HEAD", "RECORDS_IN")] == [len(records)] * 2
    assert [await host.read(name) for name in ("OUT_TAIL", "RECORDS_OUT")] == [len(expected)] * 2
    errors = ("READ_ERRORS", "WRITE_ERRORS", "INDEX_ERRORS", "PUSH_ERRORS", "ACCESS_ERRORS")
    errors += ("ECC_CORRECTED", "ECC_UNCORRECTED")
    assert [await host.read(name) for name in errors] == [0] * len(errors)
    await host.until_status("QUIET")
    assert await host.has_status("DRAINED")


rings = TestFactory(on_the_bus(rings_carry_the_stream))
rings.add_option(
    ("clocks", "length"),
    [
        ({"axi_ns": 4, "core_ns": 4}, MANY),
        ({"axi_ns": 4, "core_ns": 4, "pause": 0.5, "sizes": (8, 7)}, 400),
        ({"axi_ns": 3, "core_ns": 7, "pause": 0.2, "sizes": (7, 9)}, 400),
        ({"axi_ns": 7, "core_ns": 3, "pause": 0.2}, 400),
        ({"axi_ns": 20, "core_ns": 3, "pause": 0.8}, 200),
        ({"axi_ns": 3, "core_ns": 20}, 200),
    ],
)
rings.generate_tests()


@bus_test
async def the_index_record_is_written_when_it_changes_and_with_the_heartbeat(host):
    await runs_as_the_model(host)
    await host.until(lambda: host.index(2) & STATUS["DRAINED"])
    assert host.index(0) == await host.read("OUT_TAIL")
    assert host.index(1) == await host.read("IN_HEAD") == FEW
    # Idle: one for a heartbeat, which comes every 1,024 clocks of the machine, 5 ns each.
    writes, beat = host.watch.index_writes, host.index(3)
    await host.clocks(10 * KIBI)
    beats = host.index(3) - beat
    assert beats in (8, 9)
    assert beats - 1 <= host.watch.index_writes - writes <= beats + 1
    assert host.memory.get(INDEX_BASE)[16:] == bytes(16)


@bus_test
async def without_an_index_base_none_is_written(host):
    await host.write("INDEX_BASE_LOW", 0)
    await host.write("INDEX_BASE_HIGH", 0)
    await host.enable()
    records, expected = prefix(FEW)
    await host.send(records)
    for _ in range(PATIENCE):
        tail = await host.read("OUT_TAIL")
        if tail == len(expected):
            break
    found = [host.memory.get(OUT_BASE + place * RECORD_BYTES) for place in range(tail)]
    compare(found, expected, LANES)
    # Quiet is quiet, also while the rings run.
    await host.until_status("DRAINED")
    assert all([await host.has_status("QUIET") for _ in range(32)])
    assert host.watch.index_writes == 0 and host.memory.get(INDEX_BASE) == bytes(RECORD_BYTES)
    # The tail itself then asks for interrupts.
    await host.write("IRQ_ARM", len(expected) - 1)
    await with_timeout(RisingEdge(host.dut.irq_request), 1, "us")


@bus_test
async def a_host_that_takes_nothing_stops_the_machine_and_loses_nothing(host):
    records, expected = prefix(900)
    assert len(expected) > 3 * RING
    await host.enable()
    left, waited = records, 0
    # Until the ring in is full too, for a long time.
    while waited < 150:
        more = host.put(left)
        waited = 0 if len(more) < len(left) else waited + 1
        if waited == 0:
            await host.write("IN_TAIL", host.in_tail)
        left = more
        await host.clocks(16)
    assert left
    assert host.index(0) == await host.read("OUT_TAIL") == RING
    assert await host.has_status("OUT_FULL") and host.index(2) & STATUS["OUT_FULL"]
    full = await host.read("FULL_CLOCKS")
    await host.clocks(500)
    assert 500 <= await host.read("FULL_CLOCKS") - full <= 600
    assert await host.read("OUT_TAIL") == RING
    await host.play(left, expected, LANES)
    assert not await host.has_status("OUT_FULL")


@bus_test
async def quiesce_finishes_what_is_inside_and_fetches_no_more(host):
    records, expected = prefix(RING)
    await host.enable()
    # Addresses are taken so slowly that some of the ring is not yet asked for.
    host.slave.read_if.r_channel.pause = True
    host.slave.read_if.ar_channel.set_pause_generator(clock % 64 != 0 for clock in count())
    await host.send(records)
    await host.until(lambda: host.watch.pending_reads > 0)
    await host.write("CONTROL", ENABLE | QUIESCE)
    host.slave.read_if.r_channel.pause = False
    await host.until_status("QUIET")
    inside, reads = await host.read("IN_HEAD"), host.watch.reads
    assert 0 < inside < RING
    await host.until_reads("RECORDS_IN", inside)
    assert not await host.has_status("DRAINED")
    assert await host.push(records[0]) == AxiResp.SLVERR
    answers = len(prefix(inside)[1])
    await host.until_reads("OUT_TAIL", answers)
    await host.until(lambda: host.index(0) == answers)
    assert host.watch.reads == reads
    await host.enable()
    await host.play([], expected, LANES)


@bus_test
async def rings_that_were_disabled_go_on_where_they_stood(host):
    records, expected = prefix(RING)
    await host.enable()
    await host.send(records)
    for pause in (50, 300, 700):
        await host.clocks(pause)
        await host.write("CONTROL", 0)
        await host.until_status("QUIET")
        asked = host.watch.reads, host.watch.writes
        await host.clocks(500)
        assert (host.watch.reads, host.watch.writes) == asked
        await host.enable()
    await host.play([], expected, LANES)


# Push window.


@bus_test
async def pushed_records_are_answered_like_those_of_the_ring(host):
    records, expected = prefix(FEW)
    assert await host.push(records[0]) == AxiResp.SLVERR
    await host.enable()
    accepted = 0
    for record in records:
        await host.until_status("DRAINED")
        assert await host.push(record) == AxiResp.OKAY
        accepted += 1
    await host.play([], expected, LANES)
    assert await host.read("RECORDS_IN") == accepted == FEW
    assert await host.read("PUSH_ERRORS") == 1 and await host.has_status("PUSH_FAULT")
    assert await host.read("ACCESS_ERRORS") == 0


@bus_test
async def a_pushed_record_is_at_the_crossing_four_clocks_after_its_last_word(host):
    dut = host.dut
    await host.enable()
    for record in prefix(8)[0]:
        await host.until_status("DRAINED")
        push = cocotb.start_soon(host.push(record))
        words = clocks = 0
        while words < PUSH_WORDS:
            await RisingEdge(dut.axi_clk)
            words += dut.s_axil_wvalid.value == 1 and dut.s_axil_wready.value == 1
        # The first clock after the transfer is counted as 1.
        while dut.in_valid.value != 1:
            await RisingEdge(dut.axi_clk)
            clocks += 1
        assert clocks == PUSH_LATENCY
        assert int(dut.in_record.value).to_bytes(RECORD_BYTES, "little") == record
        assert await push == AxiResp.OKAY


@bus_test
async def the_push_window_is_closed_until_the_ring_is_drained(host):
    records, expected = prefix(FEW)
    await host.enable()
    host.slave.read_if.r_channel.pause = True
    await host.send(records[:-1])
    assert not await host.has_status("DRAINED")
    assert await host.push(records[-1]) == AxiResp.SLVERR
    assert await host.read("PUSH_ERRORS") == 1 and await host.has_status("PUSH_FAULT")
    host.slave.read_if.r_channel.pause = False
    await host.until_status("DRAINED")
    assert await host.push(records[-1]) == AxiResp.OKAY
    await host.play([], expected, LANES)
    await host.soft_reset()
    assert not await host.has_status("PUSH_FAULT")


# Interrupts.


async def accept(host):
    """Takes the request that must be there, after a while."""
    assert host.dut.irq_request.value == 1
    await host.clocks(20)
    assert host.dut.irq_request.value == 1
    host.dut.irq_accept.value = 1
    await host.clocks(1)
    host.dut.irq_accept.value = 0
    await host.clocks(1)
    assert host.dut.irq_request.value == 0


@bus_test
async def an_interrupt_comes_once_when_the_tail_is_beyond_the_armed_index(host):
    records, expected = prefix(FEW)
    await host.enable()
    await host.write("IRQ_ARM", 0)
    await host.clocks(200)
    assert host.dut.irq_request.value == 0, "nothing is there yet"
    await host.send(records)
    await with_timeout(RisingEdge(host.dut.irq_request), 100, "us")
    assert host.index(0) > 0, "the index record came first"
    await accept(host)
    await host.until(lambda: host.index(0) == len(expected))
    await host.clocks(200)
    assert host.dut.irq_request.value == 0, "one arming is for one request"
    # Armed with what is already there: none; with one less: at once.
    await host.write("IRQ_ARM", len(expected))
    await host.clocks(200)
    assert host.dut.irq_request.value == 0
    await host.write("IRQ_ARM", len(expected) - 1)
    await host.clocks(8)
    await accept(host)
    # An arming while a request stands is for the next.
    for _ in range(2):
        await host.write("IRQ_ARM", 0)
        await host.clocks(8)
    await accept(host)
    await host.clocks(8)
    await accept(host)
    # A reset withdraws what stands.
    await host.write("IRQ_ARM", len(expected) - 1)
    await host.clocks(8)
    assert host.dut.irq_request.value == 1
    await host.soft_reset()
    assert host.dut.irq_request.value == 0


@bus_test
async def two_interrupts_are_an_interval_apart(host):
    records, expected = prefix(FEW)
    await host.enable()
    await host.send(records)
    await host.until(lambda: host.index(0) == len(expected))
    interval = 700
    await host.write("IRQ_INTERVAL", interval)
    requests = []
    for _ in range(4):
        await host.write("IRQ_ARM", 0)
        if host.dut.irq_request.value == 0:
            await with_timeout(RisingEdge(host.dut.irq_request), 10, "us")
        requests.append(host.watch.clocks)
        await accept(host)
    gaps = [later - sooner for sooner, later in zip(requests, requests[1:])]
    # The first may come late, for nothing was before it.
    assert all(interval <= gap <= interval + 5 for gap in gaps[1:]), gaps
    assert gaps[0] >= interval - 20


# Faults.


async def a_read_error_stops_the_rings_until_a_reset(host, response):
    records, bad = prefix(FEW)[0], 37
    answers_errors_with(host.slave, response)
    host.memory.refuses_read = lambda address: address == IN_BASE + bad * RECORD_BYTES
    await host.enable()
    await host.send(records)
    await host.until_status("READ_FAULT")
    reads = host.watch.reads
    # What came before it is executed and answered, and nothing behind it.
    expected = prefix(bad)[1]
    await host.until_reads("RECORDS_IN", bad)
    await host.until(lambda: host.index(0) == len(expected))
    await host.clocks(1_000)
    assert await host.read("IN_HEAD") == await host.read("RECORDS_IN") == bad
    assert await host.read("READ_ERRORS") == 1
    assert not await host.has_status("DRAINED") and host.index(2) & STATUS["READ_FAULT"]
    compare(host.take(), expected, LANES)
    assert host.watch.reads == reads and host.watch.pending_reads == 0
    host.memory.refuses_read = lambda address: False
    await host.soft_reset()
    assert not await host.has_status("READ_FAULT")
    await runs_as_the_model(host)
    assert await host.read("READ_ERRORS") == 1


async def a_write_error_stops_the_tail_until_a_reset(host, response):
    records, expected = prefix(RING)
    bad = 2
    answers_errors_with(host.slave, response)
    host.memory.refuses_write = lambda address: address == OUT_BASE + bad * RECORD_BYTES
    await host.enable()
    await host.send(records)
    # What is on its way behind the error is answered well, and does not count.
    responses = host.slave.write_if.b_channel
    responses.pause = True
    await host.until(lambda: len(host.watch.to_confirm) >= 4)
    responses.pause = False
    await host.until_status("WRITE_FAULT")
    await host.until_status("QUIET")
    writes = host.watch.writes
    await host.clocks(5_000)
    assert host.watch.writes == writes
    tail = await host.read("OUT_TAIL")
    assert tail <= bad and tail == host.watch.acknowledged and host.index(0) <= tail
    assert await host.read("WRITE_ERRORS") == 1
    found = host.take()
    compare(found, expected[: len(found)], LANES)
    host.memory.refuses_write = lambda address: False
    await host.soft_reset()
    assert not await host.has_status("WRITE_FAULT")
    await runs_as_the_model(host)


async def an_error_at_the_index_record_stops_the_tail_until_a_reset(host, response):
    answers_errors_with(host.slave, response)
    host.memory.refuses_write = lambda address: address == INDEX_BASE
    await host.enable()
    await host.until_status("WRITE_FAULT")
    assert await host.read("WRITE_ERRORS") == 1
    await host.send(prefix(FEW)[0])
    await host.until_status("QUIET")
    writes = host.watch.writes
    await host.clocks(2_000)
    assert host.watch.writes == writes and await host.read("OUT_TAIL") == 0
    assert host.memory.get(INDEX_BASE) == bytes(RECORD_BYTES)
    host.memory.refuses_write = lambda address: False
    await host.soft_reset()
    await runs_as_the_model(host)


for fault in (
    a_read_error_stops_the_rings_until_a_reset,
    a_write_error_stops_the_tail_until_a_reset,
    an_error_at_the_index_record_stops_the_tail_until_a_reset,
):
    faults = TestFactory(on_the_bus(fault))
    faults.add_option("response", [AxiResp.SLVERR, AxiResp.DECERR])
    faults.generate_tests()


@bus_test
async def a_soft_reset_waits_for_what_was_asked_for(host):
    reads, writes = host.slave.read_if, host.slave.write_if
    channels = (reads.ar_channel, reads.r_channel, writes.aw_channel, writes.w_channel, writes.b_channel)
    for channel in channels:
        channel.pause = True
        await host.enable()
        await host.send(prefix(RING)[0])
        await host.clocks(600)
        await host.write("CONTROL", RESET)
        await host.clocks(600)
        assert await host.has_status("RESETTING") and not await host.has_status("QUIET")
        channel.pause = False
        await host.until_reset()
        assert host.watch.is_quiet()
        host.watch.forget()
        host.start_rings()
    await runs_as_the_model(host)


async def a_soft_reset_may_come_at_any_moment(host):
    for moment in range(0, 480, 40):
        await host.enable()
        await host.send(prefix(RING)[0])
        await host.clocks(moment)
        await host.soft_reset()
        assert await host.read("OUT_TAIL") == await host.read("IN_HEAD") == 0
    await runs_as_the_model(host)


moments = TestFactory(on_the_bus(a_soft_reset_may_come_at_any_moment))
ratios = [{"axi_ns": 4, "core_ns": 4, "pause": 0.5}, {"axi_ns": 3, "core_ns": 7}, {"axi_ns": 7, "core_ns": 3}]
moments.add_option("clocks", ratios)
moments.generate_tests()


@bus_test
async def a_bus_that_never_answers_is_left_by_the_reset_of_the_whole_function(host):
    await host.enable()
    host.slave.read_if.r_channel.pause = True
    await host.send(prefix(FEW)[0])
    await host.clocks(100)
    await host.write("CONTROL", RESET)
    await host.clocks(2_000)
    assert await host.has_status("RESETTING") and not await host.has_status("QUIET")
    host.slave.read_if.r_channel.pause = False
    await host.power_up()
    host.watch.forget()
    await host.set_up()
    await runs_as_the_model(host)


@bus_test
async def a_silent_host_is_lost_and_may_come_back(host):
    records, expected = prefix(RING)
    ticks = 2
    await host.write("WATCHDOG", ticks)
    await host.enable()
    # Beats in time keep it.
    for _ in range(4):
        await host.clocks(KIBI)
        await host.write("HOST_HEARTBEAT", 1)
    assert not await host.has_status("HOST_LOST")
    beaten_at = host.watch.clocks
    await host.until_status("HOST_LOST")
    assert ticks * KIBI <= host.watch.clocks - beaten_at <= ticks * KIBI + 100
    await host.until_status("QUIET")
    asked = host.watch.reads, host.watch.writes
    await host.send(records)
    await host.clocks(2 * KIBI)
    assert (host.watch.reads, host.watch.writes) == asked
    # A beat alone does not bring it back: whoever was away must say so.
    await host.write("HOST_HEARTBEAT", 1)
    assert await host.has_status("HOST_LOST")
    # It has the whole time again, wherever the tick was.
    for idle in (1, 300, 700):
        await host.clocks(idle)
        await host.enable()
        enabled_at = host.watch.clocks
        await host.until_status("HOST_LOST")
        assert ticks * KIBI <= host.watch.clocks - enabled_at <= ticks * KIBI + 100
    await host.write("WATCHDOG", 0)
    await host.enable()
    assert not await host.has_status("HOST_LOST")
    await host.play([], expected, LANES)


async def the_heartbeat_counts_clocks_of_the_machine(host):
    first = await host.read("HEARTBEAT")
    beats = 4
    await ClockCycles(host.dut.core_clk, beats * KIBI)
    assert beats - 1 <= await host.read("HEARTBEAT") - first <= beats + 1


hearts = TestFactory(on_the_bus(the_heartbeat_counts_clocks_of_the_machine))
hearts.add_option("clocks", [{"axi_ns": 4, "core_ns": 4}, {"axi_ns": 20, "core_ns": 3}])
hearts.generate_tests()
