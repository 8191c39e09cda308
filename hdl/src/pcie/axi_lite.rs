//! The AXI4-Lite slave: five channels into one write and one read at a time.

use rust_hdl::prelude::*;

/// Clocks from the later of address and data to `write`, and from a read's address to `read`.
pub const LATENCY: u64 = 1;

/// An AXI4-Lite slave of 4 KiB with 32-bit words.
///
/// Shape: a write is offered as a pulse of `write` and answered by a pulse of `write_done`; a read likewise. The next
/// begins when the master has taken the response. `ready` and `valid` come from registers.
#[derive(LogicBlock, Default)]
pub struct AxiLite {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub awaddr: Signal<In, Bits<12>>,
    pub awvalid: Signal<In, Bit>,
    pub awready: Signal<Out, Bit>,
    pub wdata: Signal<In, Bits<32>>,
    pub wstrb: Signal<In, Bits<4>>,
    pub wvalid: Signal<In, Bit>,
    pub wready: Signal<Out, Bit>,
    pub bresp: Signal<Out, Bits<2>>,
    pub bvalid: Signal<Out, Bit>,
    pub bready: Signal<In, Bit>,
    pub araddr: Signal<In, Bits<12>>,
    pub arvalid: Signal<In, Bit>,
    pub arready: Signal<Out, Bit>,
    pub rdata: Signal<Out, Bits<32>>,
    pub rresp: Signal<Out, Bits<2>>,
    pub rvalid: Signal<Out, Bit>,
    pub rready: Signal<In, Bit>,

    pub write: Signal<Out, Bit>,
    pub write_address: Signal<Out, Bits<12>>,
    pub write_data: Signal<Out, Bits<32>>,
    pub write_strobe: Signal<Out, Bits<4>>,
    pub write_done: Signal<In, Bit>,
    pub write_response: Signal<In, Bits<2>>,
    pub read: Signal<Out, Bit>,
    pub read_address: Signal<Out, Bits<12>>,
    pub read_done: Signal<In, Bit>,
    pub read_data: Signal<In, Bits<32>>,
    pub read_response: Signal<In, Bits<2>>,

    address_open: DFF<Bit>,
    data_open: DFF<Bit>,
    address: DFF<Bits<12>>,
    data: DFF<Bits<32>>,
    strobe: DFF<Bits<4>>,
    offered: DFF<Bit>,
    response: DFF<Bits<2>>,
    responds: DFF<Bit>,
    read_open: DFF<Bit>,
    read_offered: DFF<Bit>,
    from: DFF<Bits<12>>,
    word: DFF<Bits<32>>,
    read_answer: DFF<Bits<2>>,
    answers: DFF<Bit>,
    both: Signal<Local, Bit>,
}

impl Logic for AxiLite {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, address_open, data_open, address, data, strobe, offered, response, responds);
        dff_setup!(self, clock, read_open, read_offered, from, word, read_answer, answers);

        self.awready.next = self.address_open.q.val();
        self.wready.next = self.data_open.q.val();
        if self.address_open.q.val() & self.awvalid.val() {
            self.address_open.d.next = false;
            self.address.d.next = self.awaddr.val();
        }
        if self.data_open.q.val() & self.wvalid.val() {
            self.data_open.d.next = false;
            self.data.d.next = self.wdata.val();
            self.strobe.d.next = self.wstrb.val();
        }
        self.both.next = !self.address_open.q.val() & !self.data_open.q.val();
        self.write.next = self.both.val() & !self.offered.q.val();
        self.write_address.next = self.address.q.val();
        self.write_data.next = self.data.q.val();
        self.write_strobe.next = self.strobe.q.val();
        if self.both.val() {
            self.offered.d.next = true;
        }
        if self.write_done.val() {
            self.responds.d.next = true;
            self.response.d.next = self.write_response.val();
        }
        self.bvalid.next = self.responds.q.val();
        self.bresp.next = self.response.q.val();
        if self.responds.q.val() & self.bready.val() {
            self.responds.d.next = false;
            self.offered.d.next = false;
            self.address_open.d.next = true;
            self.data_open.d.next = true;
        }

        self.arready.next = self.read_open.q.val();
        self.read_offered.d.next = false;
        if self.read_open.q.val() & self.arvalid.val() {
            self.read_open.d.next = false;
            self.read_offered.d.next = true;
            self.from.d.next = self.araddr.val();
        }
        self.read.next = self.read_offered.q.val();
        self.read_address.next = self.from.q.val();
        if self.read_done.val() {
            self.answers.d.next = true;
            self.word.d.next = self.read_data.val();
            self.read_answer.d.next = self.read_response.val();
        }
        self.rvalid.next = self.answers.q.val();
        self.rdata.next = self.word.q.val();
        self.rresp.next = self.read_answer.q.val();
        if self.answers.q.val() & self.rready.val() {
            self.answers.d.next = false;
            self.read_open.d.next = true;
        }

        if self.reset.val() {
            self.address_open.d.next = true;
            self.data_open.d.next = true;
            self.offered.d.next = false;
            self.responds.d.next = false;
            self.read_open.d.next = true;
            self.read_offered.d.next = false;
            self.answers.d.next = false;
        }
    }
}
