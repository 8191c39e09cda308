"""Host memory behind the AXI4 master: an image that keeps what was written where, and may refuse."""

import random

from cocotbext.axi import AxiResp

# Beyond 4 GiB, and no two bytes of the address are the same, so that a lost or swapped one shows.
BASE = 0x9ABC_DEF0_1234_0000
BYTES = 0x1_0000
RECORD_BYTES = 32


class Memory:
    """The target of an AxiSlave. What lies outside the image is refused, like what `refuses` says."""

    def __init__(self):
        self.image = bytearray(random.Random(2).randbytes(BYTES))
        self.strays = []
        self.refuses_read = self.refuses_write = lambda address: False

    def place(self, address):
        return address - BASE

    def holds(self, address, length):
        return BASE <= address and address + length <= BASE + BYTES

    async def read(self, address, length):
        if not self.holds(address, length):
            self.strays.append(("read", hex(address)))
        if self.strays or self.refuses_read(address):
            raise OSError
        return bytes(self.image[self.place(address) : self.place(address) + length])

    async def write(self, address, data):
        if not self.holds(address, len(data)):
            self.strays.append(("write", hex(address)))
        if self.strays or self.refuses_write(address):
            raise OSError
        self.put(address, data)

    def put(self, address, data):
        self.image[self.place(address) : self.place(address) + len(data)] = data

    def get(self, address, length=RECORD_BYTES):
        return bytes(self.image[self.place(address) : self.place(address) + length])

    def word(self, address):
        return int.from_bytes(self.get(address, 4), "little")


def answers_errors_with(slave, response):
    """Turns the bus model's SLVERR into any other response."""
    for channel, field in ((slave.read_if.r_channel, "rresp"), (slave.write_if.b_channel, "bresp")):
        send = channel.send

        async def changed(transfer, send=send, field=field):
            if getattr(transfer, field) == AxiResp.SLVERR:
                setattr(transfer, field, response)
            await send(transfer)

        channel.send = changed
