"""What must hold for every transfer that the AXI4 master asks for, whatever the test does."""

from collections import deque

from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiResp

RECORD_BYTES = 32
# No burst crosses a multiple of this.
BLOCK_BYTES = 512


class Watch:
    """Follows the five channels: where bursts go, and that the index record never says more than the bus has acknowledged."""

    def __init__(self, dut, in_ring, out_ring, index):
        self.dut = dut
        self.in_ring, self.out_ring, self.index = in_ring, out_ring, index
        self.clocks = self.reads = self.writes = self.index_writes = 0
        self.forget()

    def forget(self):
        """The device was reset: nothing is on its way, and indices start at 0."""
        self.to_send, self.to_confirm = deque(), deque()
        self.beats = self.acknowledged = self.pending_reads = 0
        self.has_failed = False

    async def run(self):
        dut = self.dut
        while True:
            await RisingEdge(dut.axi_clk)
            self.clocks += 1
            if dut.m_axi_awvalid.value == 1 and dut.m_axi_awready.value == 1:
                self.write_asked(int(dut.m_axi_awaddr.value), int(dut.m_axi_awlen.value) + 1)
            if dut.m_axi_wvalid.value == 1 and dut.m_axi_wready.value == 1:
                self.beat(int(dut.m_axi_wdata.value), dut.m_axi_wlast.value == 1)
            if dut.m_axi_bvalid.value == 1 and dut.m_axi_bready.value == 1:
                self.write_answered(int(dut.m_axi_bresp.value))
            if dut.m_axi_arvalid.value == 1 and dut.m_axi_arready.value == 1:
                self.reads += 1
                records = int(dut.m_axi_arlen.value) + 1
                self.inside(self.in_ring, int(dut.m_axi_araddr.value), records)
                self.pending_reads += records
            if dut.m_axi_rvalid.value == 1 and dut.m_axi_rready.value == 1:
                self.pending_reads -= 1

    def inside(self, ring, address, records):
        base, length = ring
        end = address + records * RECORD_BYTES
        assert base <= address and end <= base + length, f"a burst at {address:#x} outside its ring"
        assert address // BLOCK_BYTES == (end - 1) // BLOCK_BYTES, f"a burst of {records} at {address:#x}"

    def write_asked(self, address, records):
        self.writes += 1
        is_index = address == self.index
        if is_index:
            assert records == 1
            assert not any(is_index for is_index, _ in self.to_confirm), "two index records on their way"
            self.index_writes += 1
        else:
            self.inside(self.out_ring, address, records)
        self.to_send.append((is_index, records))
        self.to_confirm.append((is_index, records))

    def beat(self, data, is_last):
        is_index, records = self.to_send[0]
        self.beats += 1
        assert is_last == (self.beats == records), "wlast is not at the last beat"
        if is_index:
            tail = data & 0xFFFF_FFFF
            assert tail <= self.acknowledged, f"tail {tail}, but {self.acknowledged} records are acknowledged"
        if is_last:
            self.to_send.popleft()
            self.beats = 0

    def write_answered(self, response):
        is_index, records = self.to_confirm.popleft()
        self.has_failed |= response != AxiResp.OKAY
        if not is_index and not self.has_failed:
            self.acknowledged += records

    def is_quiet(self):
        return not self.to_confirm and not self.pending_reads
