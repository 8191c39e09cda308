//! The lane.

use crate::config::LaneConfig;
use crate::fifo::OutputFifo;
use crate::width::RECORD_BITS;
use rust_hdl::prelude::*;

/// Echo only, for now.
#[derive(LogicBlock)]
pub struct Lane {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub in_record: Signal<In, Bits<RECORD_BITS>>,
    pub in_valid: Signal<In, Bit>,
    pub in_ready: Signal<Out, Bit>,
    pub out_record: Signal<Out, Bits<RECORD_BITS>>,
    pub out_valid: Signal<Out, Bit>,
    pub out_ready: Signal<In, Bit>,
    fifo: OutputFifo,
    echo_bit: Constant<Bits<RECORD_BITS>>,
}

impl Lane {
    pub fn new(_config: &LaneConfig) -> Self {
        Self {
            clock: Default::default(),
            reset: Default::default(),
            in_record: Default::default(),
            in_valid: Default::default(),
            in_ready: Default::default(),
            out_record: Default::default(),
            out_valid: Default::default(),
            out_ready: Default::default(),
            fifo: Default::default(),
            echo_bit: Constant::new(0x80.into()),
        }
    }
}

impl Logic for Lane {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, fifo);
        self.fifo.reset.next = self.reset.val();
        self.in_ready.next = self.fifo.room.val();
        self.fifo.push.next = self.in_valid.val() & self.fifo.room.val();
        self.fifo.record_in.next = self.in_record.val() | self.echo_bit.val();
        self.out_record.next = self.fifo.record_out.val();
        self.out_valid.next = self.fifo.valid_out.val();
        self.fifo.ready_out.next = self.out_ready.val();
    }
}
