"""A host with the device on its bus: registers through an AXI4-Lite master, rings in the memory behind an AXI4 slave."""

import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiResp, AxiSlave

from clocked import hesitation, stands_until_taken
from memory import BASE, BYTES, RECORD_BYTES, Memory
from records import compare
from registers import ENABLE, OFFSETS, PUSH_WORDS, RESET, STATUS
from watch import Watch

IN_BASE = BASE + 0x1000
OUT_BASE = BASE + 0x6000
INDEX_BASE = BASE + 0xC020
WORD = 0xFFFF_FFFF
# More than anything here takes that comes at all.
PATIENCE = 400
AXI_NS = 4


class Host:
    @classmethod
    async def start(cls, dut, core_ns=5, axi_ns=AXI_NS, pause=0, sizes=(7, 7)):
        """A device after its reset, its rings set up and not yet enabled."""
        self = cls()
        self.dut, self.sizes = dut, sizes
        dut.irq_accept.value = 0
        dut.axi_rst.value = 1
        cocotb.start_soon(Clock(dut.axi_clk, axi_ns, "ns").start())
        cocotb.start_soon(Clock(dut.core_clk, core_ns, "ns").start())
        self.axil = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.axi_clk, dut.axi_rst)
        self.memory = Memory()
        self.slave = AxiSlave(AxiBus.from_prefix(dut, "m_axi"), dut.axi_clk, dut.axi_rst, target=self.memory)
        rng = random.Random(3)
        reads, writes = self.slave.read_if, self.slave.write_if
        for channel in (reads.ar_channel, reads.r_channel, writes.aw_channel, writes.w_channel, writes.b_channel):
            # Several bursts may be on their way.
            channel.queue_occupancy_limit = 64
            if pause:
                channel.set_pause_generator(hesitation(rng, pause))
        if pause:
            self.axil.write_if.b_channel.set_pause_generator(hesitation(rng, pause))
            self.axil.read_if.r_channel.set_pause_generator(hesitation(rng, pause))
        await self.power_up()
        in_size, out_size = sizes
        self.watch = Watch(
            dut, (IN_BASE, RECORD_BYTES << in_size), (OUT_BASE, RECORD_BYTES << out_size), INDEX_BASE
        )
        stable = stands_until_taken(dut.axi_clk, [channel_of(dut, *channel) for channel in CHANNELS])
        cocotb.start_soon(self.watch.run())
        cocotb.start_soon(stable)
        await self.set_up()
        return self

    async def power_up(self):
        self.dut.axi_rst.value = 1
        await self.clocks(8)
        self.dut.axi_rst.value = 0
        await self.clocks(2)
        await self.until_reset()

    async def set_up(self):
        for name, address in (("IN_BASE", IN_BASE), ("OUT_BASE", OUT_BASE), ("INDEX_BASE", INDEX_BASE)):
            await self.write(f"{name}_LOW", address & WORD)
            await self.write(f"{name}_HIGH", address >> 32)
        await self.write("IN_SIZE", self.sizes[0])
        await self.write("OUT_SIZE", self.sizes[1])
        self.start_rings()

    def start_rings(self):
        """Rings, index record and the guards around them as a host has them after a reset."""
        self.in_tail = self.out_head = 0
        self.memory.put(INDEX_BASE, bytes(RECORD_BYTES))
        self.expected_image = bytearray(self.memory.image)

    async def clocks(self, count):
        await ClockCycles(self.dut.axi_clk, count)

    # Registers.

    async def respond(self, offset, value):
        return (await self.axil.write(offset, value.to_bytes(4, "little"))).resp

    async def write(self, name, value):
        response = await self.respond(OFFSETS[name], value)
        assert response == AxiResp.OKAY, f"{name} = {value:#x}: {response.name}"

    async def read(self, name):
        answer = await self.axil.read(OFFSETS[name], 4)
        assert answer.resp == AxiResp.OKAY, f"{name}: {answer.resp.name}"
        return int.from_bytes(answer.data, "little")

    async def has_status(self, name):
        return bool(await self.read("STATUS") & STATUS[name])

    async def until_status(self, name, is_set=True):
        for _ in range(PATIENCE):
            if await self.has_status(name) == is_set:
                return
            await self.clocks(10)
        raise AssertionError(f"STATUS_{name} does not become {is_set}")

    async def until(self, condition):
        for _ in range(PATIENCE):
            if condition():
                return
            await self.clocks(10)
        raise AssertionError("what was waited for did not come")

    async def until_reads(self, name, value):
        for _ in range(PATIENCE):
            if await self.read(name) == value:
                return
            await self.clocks(10)
        raise AssertionError(f"{name} does not become {value}")

    async def until_reset(self):
        await self.until_status("RESETTING", False)

    async def soft_reset(self):
        await self.write("CONTROL", RESET)
        await self.until_reset()
        assert self.watch.is_quiet()
        self.watch.forget()
        self.start_rings()

    # Rings.

    def index(self, word):
        return self.memory.word(INDEX_BASE + 4 * word)

    def put(self, records):
        """Writes as many records to the ring in as have room; the doorbell is the caller's."""
        places = 1 << self.sizes[0]
        room = places - (self.in_tail - self.index(1))
        for record in records[:room]:
            address = IN_BASE + self.in_tail % places * RECORD_BYTES
            self.memory.put(address, record)
            place = self.memory.place(address)
            self.expected_image[place : place + RECORD_BYTES] = record
            self.in_tail += 1
        return records[room:]

    async def send(self, records):
        """Rings the doorbell for records that all have room."""
        assert not self.put(records)
        await self.write("IN_TAIL", self.in_tail)

    def take(self):
        """What the index record says is there; the head is the caller's to tell."""
        places = 1 << self.sizes[1]
        tail = self.index(0)
        assert self.out_head <= tail <= self.out_head + places
        taken = [self.memory.get(OUT_BASE + place % places * RECORD_BYTES) for place in range(self.out_head, tail)]
        self.out_head = tail
        return taken

    async def play(self, records, expected, lanes=1):
        """The records through the ring, in the pace of the device, and their answers as the model gives them."""
        found, waited = [], 0
        while len(found) < len(expected) or records:
            left = self.put(records)
            if len(left) < len(records):
                await self.write("IN_TAIL", self.in_tail)
            taken = self.take()
            if taken:
                await self.write("OUT_HEAD", self.out_head)
            waited = 0 if taken or len(left) < len(records) else waited + 1
            assert waited < PATIENCE, f"{len(found)} answers of {len(expected)}, {len(left)} records left"
            records = left
            found += taken
            await self.clocks(16)
        await self.clocks(300)
        compare(found + self.take(), expected, lanes)

    async def push(self, record):
        """Response to the last word of the record."""
        words = [record[place : place + 4] for place in range(0, RECORD_BYTES, 4)]
        assert len(words) == PUSH_WORDS
        for place, word in enumerate(words):
            answer = await self.axil.write(OFFSETS["PUSH"] + 4 * place, word)
        return answer.resp

    async def enable(self):
        await self.write("CONTROL", ENABLE)

    # At the end of every test.

    def finish(self):
        """The device wrote nothing but the ring out and the index record, and asked for nothing outside the image."""
        assert not self.memory.strays
        image = bytearray(self.memory.image)
        for base, length in ((OUT_BASE, RECORD_BYTES << self.sizes[1]), (INDEX_BASE, RECORD_BYTES)):
            place = self.memory.place(base)
            image[place : place + length] = self.expected_image[place : place + length]
        assert len(image) == BYTES and image == self.expected_image, "memory outside ring and index record was written"


CHANNELS = [
    ("m_axi_aw", "addr", "len"),
    ("m_axi_w", "data", "last"),
    ("m_axi_ar", "addr", "len"),
    ("s_axil_b", "resp"),
    ("s_axil_r", "data", "resp"),
]


def channel_of(dut, prefix, *signals):
    return [getattr(dut, prefix + signal) for signal in ("valid", "ready", *signals)]
