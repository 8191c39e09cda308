//! Records written from buses, placed where `model::record` says.

use crate::width::{ACCUMULATOR_BITS, RECORD_BITS, SEVERITY_BITS};
use model::record::{self, Field, output};
use rust_hdl::core::prelude::*;

/// Clocks from the buses to `record`, of both writers.
pub const LATENCY: u64 = 1;

/// Verilog that places `bus` at `field` of `record`.
fn place(field: &Field, bus: &str) -> String {
    format!("      record[{}:{}] <= {bus};\n", field.lsb + field.bits - 1, field.lsb)
}

/// Rust for the same.
fn put<const W: usize>(record: &mut Bits<RECORD_BITS>, field: &Field, bus: Bits<W>) {
    *record = *record | (bit_cast::<RECORD_BITS, W>(bus) << (field.lsb as LiteralType));
}

/// FLAG, READBACK of an account, or the ERROR of an account that left its range.
///
/// Shape: one record per clock. `readback` and `range_error` choose the op; neither is a FLAG.
#[derive(LogicBlock, Default)]
pub struct AccountReport {
    pub clock: Signal<In, Clock>,
    pub readback: Signal<In, Bit>,
    pub range_error: Signal<In, Bit>,
    pub number: Signal<In, Bits<32>>,
    pub instrument: Signal<In, Bits<16>>,
    pub account: Signal<In, Bits<32>>,
    pub slot: Signal<In, Bits<32>>,
    pub earlier: Signal<In, Bits<SEVERITY_BITS>>,
    pub later: Signal<In, Bits<SEVERITY_BITS>>,
    pub equity: Signal<In, Bits<ACCUMULATOR_BITS>>,
    pub requirement: Signal<In, Bits<ACCUMULATOR_BITS>>,
    pub record: Signal<Out, Bits<RECORD_BITS>>,
}

impl Logic for AccountReport {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let mut record = Bits::default();
            put(&mut record, &record::SEQUENCE, self.number.val());
            put(&mut record, &record::ACCOUNT, self.account.val());
            if self.range_error.val() {
                put::<8>(&mut record, &record::OP, u64::from(output::ERROR_ACCOUNT.op).into());
                put::<8>(&mut record, &record::REASON, (record::Reason::AccumulatorRange as u64).into());
                put(&mut record, &record::INSTRUMENT, self.instrument.val());
                put(&mut record, &record::SLOT, self.slot.val());
            } else {
                let layout = if self.readback.val() { &output::READBACK_ACCOUNT } else { &output::FLAG };
                put::<8>(&mut record, &record::OP, u64::from(layout.op).into());
                put(&mut record, &record::SEVERITY_OLD, self.earlier.val());
                put(&mut record, &record::SEVERITY_NEW, self.later.val());
                put(&mut record, &record::EQUITY_LOW, self.equity.val().get_bits::<80>(0));
                put(&mut record, &record::EQUITY_TOP, self.equity.val().get_bits::<8>(80));
                put(&mut record, &record::REQUIREMENT_LOW, self.requirement.val().get_bits::<80>(0));
                put(&mut record, &record::REQUIREMENT_TOP, self.requirement.val().get_bits::<8>(80));
            }
            self.record.next = record;
        }
    }

    fn connect(&mut self) {
        self.record.connect();
    }

    fn hdl(&self) -> Verilog {
        let error = [
            place(&record::OP, &format!("8'd{}", output::ERROR_ACCOUNT.op)),
            place(&record::REASON, &format!("8'd{}", record::Reason::AccumulatorRange as u8)),
            place(&record::INSTRUMENT, "instrument"),
            place(&record::SLOT, "slot"),
        ];
        let report = [
            place(
                &record::OP,
                &format!("readback ? 8'd{} : 8'd{}", output::READBACK_ACCOUNT.op, output::FLAG.op),
            ),
            place(&record::SEVERITY_OLD, "earlier"),
            place(&record::SEVERITY_NEW, "later"),
            place(&record::EQUITY_LOW, "equity[79:0]"),
            place(&record::EQUITY_TOP, "equity[87:80]"),
            place(&record::REQUIREMENT_LOW, "requirement[79:0]"),
            place(&record::REQUIREMENT_TOP, "requirement[87:80]"),
        ];
        Verilog::Custom(format!(
            "always @(posedge clock) begin
   record <= 0;
{}{}   if (range_error) begin
{}   end else begin
{}   end
end
",
            place(&record::SEQUENCE, "number"),
            place(&record::ACCOUNT, "account"),
            error.concat(),
            report.concat(),
        ))
    }
}

/// What the control answers: an echo, the ERROR of a refused record, a RECEIPT, or READBACK of a slot.
///
/// Shape: one record per clock. At most one of the four choices is high; the record is written while one is.
#[derive(LogicBlock, Default)]
pub struct Answer {
    pub clock: Signal<In, Clock>,
    pub asked: Signal<In, Bits<RECORD_BITS>>,
    pub echo: Signal<In, Bit>,
    pub echo_op: Signal<In, Bits<8>>,
    pub error: Signal<In, Bit>,
    pub reason: Signal<In, Bits<8>>,
    pub receipt: Signal<In, Bit>,
    /// The receipt is of a walk.
    pub walk: Signal<In, Bit>,
    pub readback: Signal<In, Bit>,
    pub holders: Signal<In, Bits<32>>,
    pub flag_count: Signal<In, Bits<32>>,
    pub clocks: Signal<In, Bits<32>>,
    pub account: Signal<In, Bits<32>>,
    pub size: Signal<In, Bits<64>>,
    pub record: Signal<Out, Bits<RECORD_BITS>>,
}

impl Logic for Answer {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            let mut record = Bits::default();
            let asked = self.asked.val();
            let instrument = match self.walk.val() {
                true => u64::from(record::NO_INSTRUMENT).into(),
                false => asked.get_bits::<16>(record::INSTRUMENT.lsb),
            };
            let number = asked.get_bits::<32>(record::SEQUENCE.lsb);
            if self.echo.val() {
                record = (asked >> 8) << 8;
                put(&mut record, &record::OP, self.echo_op.val());
            } else if self.error.val() {
                record = (asked >> 16) << 16;
                put::<8>(&mut record, &record::OP, u64::from(output::ERROR_RECORD.op).into());
                put(&mut record, &record::REASON, self.reason.val());
            } else if self.receipt.val() {
                put::<8>(&mut record, &record::OP, u64::from(output::RECEIPT.op).into());
                put(&mut record, &record::INSTRUMENT, instrument);
                put(&mut record, &record::SEQUENCE, number);
                put(&mut record, &record::HOLDERS, self.holders.val());
                put(&mut record, &record::FLAG_COUNT, self.flag_count.val());
                put(&mut record, &record::CLOCKS, self.clocks.val());
            } else if self.readback.val() {
                put::<8>(&mut record, &record::OP, u64::from(output::READBACK_SLOT.op).into());
                put(&mut record, &record::INSTRUMENT, instrument);
                put(&mut record, &record::SEQUENCE, number);
                put(&mut record, &record::ACCOUNT, self.account.val());
                put(&mut record, &record::SLOT, asked.get_bits::<32>(record::SLOT.lsb));
                put(&mut record, &record::SIZE, self.size.val());
            } else {
                record = self.record.val();
            }
            self.record.next = record;
        }
    }

    fn connect(&mut self) {
        self.record.connect();
    }

    fn hdl(&self) -> Verilog {
        let asked = |field: &Field| format!("asked[{}:{}]", field.lsb + field.bits - 1, field.lsb);
        let instrument = format!("walk ? 16'd{} : {}", record::NO_INSTRUMENT, asked(&record::INSTRUMENT));
        let common =
            [place(&record::INSTRUMENT, &instrument), place(&record::SEQUENCE, &asked(&record::SEQUENCE))]
                .concat();
        let receipt = [
            place(&record::OP, &format!("8'd{}", output::RECEIPT.op)),
            place(&record::HOLDERS, "holders"),
            place(&record::FLAG_COUNT, "flag_count"),
            place(&record::CLOCKS, "clocks"),
        ];
        let readback = [
            place(&record::OP, &format!("8'd{}", output::READBACK_SLOT.op)),
            place(&record::ACCOUNT, "account"),
            place(&record::SLOT, &asked(&record::SLOT)),
            place(&record::SIZE, "size"),
        ];
        Verilog::Custom(format!(
            "always @(posedge clock) begin
   if (echo | error) record <= asked;
   if (receipt | readback) record <= 0;
   if (echo) begin
{}   end
   if (error) begin
{}{}   end
   if (receipt) begin
{common}{}   end
   if (readback) begin
{common}{}   end
end
",
            place(&record::OP, "echo_op"),
            place(&record::OP, &format!("8'd{}", output::ERROR_RECORD.op)),
            place(&record::REASON, "reason"),
            receipt.concat(),
            readback.concat(),
        ))
    }
}
