//! Records out, placed where `model::record` says: one a beat at most.

use crate::width::{ACCOUNT_BITS, ACCUMULATOR_BITS, RECORD_BITS, SEVERITY_BITS, SLOT_BITS};
use model::record::{self, Field, input, output};
use rust_hdl::core::prelude::*;

/// Clocks from the buses to `record`.
pub const LATENCY: u64 = 1;

/// FLAG, ERROR, echo, RECEIPT or READBACK.
///
/// Shape: one record per clock. `flags` and the six choices below it exclude each other; `valid` follows if one is high.
#[derive(LogicBlock, Default)]
pub struct Report {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    /// The record that is answered.
    pub asked: Signal<In, Bits<RECORD_BITS>>,
    pub lane_index: Signal<In, Bits<8>>,
    pub flags: Signal<In, Bit>,
    pub refuses: Signal<In, Bit>,
    pub fails: Signal<In, Bit>,
    pub echoes: Signal<In, Bit>,
    pub receipts: Signal<In, Bit>,
    pub shows_account: Signal<In, Bit>,
    pub shows_slot: Signal<In, Bit>,
    pub reason: Signal<In, Bits<4>>,
    pub row: Signal<In, Bits<ACCOUNT_BITS>>,
    pub index: Signal<In, Bits<SLOT_BITS>>,
    /// A failure names no account, no slot; the record has no instrument (a walk).
    pub no_account: Signal<In, Bit>,
    pub no_slot: Signal<In, Bit>,
    pub no_instrument: Signal<In, Bit>,
    pub earlier: Signal<In, Bits<SEVERITY_BITS>>,
    pub later: Signal<In, Bits<SEVERITY_BITS>>,
    pub equity: Signal<In, Bits<ACCUMULATOR_BITS>>,
    pub requirement: Signal<In, Bits<ACCUMULATOR_BITS>>,
    pub size: Signal<In, Bits<64>>,
    pub slot_row: Signal<In, Bits<ACCOUNT_BITS>>,
    pub holders: Signal<In, Bits<32>>,
    pub flag_count: Signal<In, Bits<32>>,
    pub clocks: Signal<In, Bits<32>>,
    pub record: Signal<Out, Bits<RECORD_BITS>>,
    pub valid: Signal<Out, Bit>,
    _lanes: u32,
}

impl Report {
    /// Of a build with so many lanes, a power of two.
    pub fn new(lanes: u8) -> Self {
        Self { _lanes: lanes.into(), ..Default::default() }
    }

    fn account(&self, row: Bits<ACCOUNT_BITS>) -> Bits<32> {
        (u64::from(self._lanes) * row.to_u64() + self.lane_index.val().to_u64()).into()
    }

    fn chosen(&self) -> Bits<RECORD_BITS> {
        let asked = self.asked.val();
        let mut answer = Bits::default();
        if self.echoes.val() {
            let fence = asked.get_bits::<8>(record::OP.lsb).to_u64() == u64::from(input::FENCE.op);
            let op = if fence { output::FENCE_ECHO.op } else { output::RESYNC_ECHO.op };
            answer = (asked >> 8) << 8;
            put::<8>(&mut answer, &record::OP, u64::from(op).into());
            return answer;
        }
        if self.refuses.val() {
            answer = (asked >> 16) << 16;
            put::<8>(&mut answer, &record::OP, u64::from(output::ERROR_RECORD.op).into());
            put(&mut answer, &record::REASON, self.reason.val());
            return answer;
        }
        let instrument = match self.no_instrument.val() {
            true => u64::from(record::NO_INSTRUMENT).into(),
            false => asked.get_bits::<16>(record::INSTRUMENT.lsb),
        };
        put(&mut answer, &record::SEQUENCE, asked.get_bits::<32>(record::SEQUENCE.lsb));
        let mut op = output::FLAG.op;
        if self.fails.val() {
            op = output::ERROR_ACCOUNT.op;
            let all_ones = u64::from(u32::MAX);
            let account = if self.no_account.val() { all_ones.into() } else { self.account(self.row.val()) };
            let slot = if self.no_slot.val() { all_ones } else { self.index.val().to_u64() };
            put(&mut answer, &record::REASON, self.reason.val());
            put(&mut answer, &record::INSTRUMENT, instrument);
            put(&mut answer, &record::ACCOUNT, account);
            put::<32>(&mut answer, &record::SLOT, slot.into());
        } else if self.receipts.val() {
            op = output::RECEIPT.op;
            put(&mut answer, &record::LANE, self.lane_index.val());
            put(&mut answer, &record::INSTRUMENT, instrument);
            put(&mut answer, &record::HOLDERS, self.holders.val());
            put(&mut answer, &record::FLAG_COUNT, self.flag_count.val());
            put(&mut answer, &record::CLOCKS, self.clocks.val());
        } else if self.shows_slot.val() {
            op = output::READBACK_SLOT.op;
            put(&mut answer, &record::INSTRUMENT, instrument);
            put(&mut answer, &record::ACCOUNT, self.account(self.slot_row.val()));
            put(&mut answer, &record::SLOT, asked.get_bits::<32>(record::SLOT.lsb));
            put(&mut answer, &record::SIZE, self.size.val());
        } else {
            if self.shows_account.val() {
                op = output::READBACK_ACCOUNT.op;
            }
            put(&mut answer, &record::SEVERITY_OLD, self.earlier.val());
            put(&mut answer, &record::SEVERITY_NEW, self.later.val());
            put(&mut answer, &record::ACCOUNT, self.account(self.row.val()));
            put(&mut answer, &record::EQUITY_LOW, self.equity.val().get_bits::<80>(0));
            put(&mut answer, &record::EQUITY_TOP, self.equity.val().get_bits::<8>(80));
            put(&mut answer, &record::REQUIREMENT_LOW, self.requirement.val().get_bits::<80>(0));
            put(&mut answer, &record::REQUIREMENT_TOP, self.requirement.val().get_bits::<8>(80));
        }
        put::<8>(&mut answer, &record::OP, u64::from(op).into());
        answer
    }
}

impl Logic for Report {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            self.record.next = self.chosen();
            self.valid.next = ((self.flags.val() | self.refuses.val())
                | (self.fails.val() | self.echoes.val())
                | (self.receipts.val() | self.shows_account.val())
                | self.shows_slot.val())
                & !self.reset.val();
        }
    }

    fn connect(&mut self) {
        self.record.connect();
        self.valid.connect();
    }

    fn hdl(&self) -> Verilog {
        let asked = |field: &Field| format!("asked[{}:{}]", field.lsb + field.bits - 1, field.lsb);
        let op = |op: u8| place(&record::OP, &format!("8'd{op}"));
        let account = |row: &str| match self._lanes.trailing_zeros() {
            0 => row.to_string(),
            bits => format!("{{{row}, lane_index[{}:0]}}", bits - 1),
        };
        let instrument =
            format!("no_instrument ? 16'd{} : {}", record::NO_INSTRUMENT, asked(&record::INSTRUMENT));
        let number = place(&record::SEQUENCE, &asked(&record::SEQUENCE));
        let echo = [
            op(output::FENCE_ECHO.op),
            format!("      if (asked[7:0] == 8'd{})\n  {}", input::RESYNC.op, op(output::RESYNC_ECHO.op)),
        ];
        let refusal = [op(output::ERROR_RECORD.op), place(&record::REASON, "reason")];
        let failure = [
            op(output::ERROR_ACCOUNT.op),
            place(&record::REASON, "reason"),
            place(&record::INSTRUMENT, &instrument),
            place(&record::ACCOUNT, &format!("no_account ? 32'hffffffff : {}", account("row"))),
            place(&record::SLOT, "no_slot ? 32'hffffffff : index"),
        ];
        let receipt = [
            op(output::RECEIPT.op),
            place(&record::LANE, "lane_index"),
            place(&record::INSTRUMENT, &instrument),
            place(&record::HOLDERS, "holders"),
            place(&record::FLAG_COUNT, "flag_count"),
            place(&record::CLOCKS, "clocks"),
        ];
        let slot = [
            op(output::READBACK_SLOT.op),
            place(&record::INSTRUMENT, &instrument),
            place(&record::ACCOUNT, &account("slot_row")),
            place(&record::SLOT, &asked(&record::SLOT)),
            place(&record::SIZE, "size"),
        ];
        let report = [
            place(
                &record::OP,
                &format!("shows_account ? 8'd{} : 8'd{}", output::READBACK_ACCOUNT.op, output::FLAG.op),
            ),
            place(&record::SEVERITY_OLD, "earlier"),
            place(&record::SEVERITY_NEW, "later"),
            place(&record::ACCOUNT, &account("row")),
            place(&record::EQUITY_LOW, "equity[79:0]"),
            place(&record::EQUITY_TOP, "equity[87:80]"),
            place(&record::REQUIREMENT_LOW, "requirement[79:0]"),
            place(&record::REQUIREMENT_TOP, "requirement[87:80]"),
        ];
        Verilog::Custom(format!(
            "always @(posedge clock) begin
   valid <= (flags | refuses | fails | echoes | receipts | shows_account | shows_slot) & ~reset;
   record <= 0;
   if (echoes | refuses) record <= asked;
   else begin
{number}   end
   if (echoes) begin
{}   end else if (refuses) begin
{}   end else if (fails) begin
{}   end else if (receipts) begin
{}   end else if (shows_slot) begin
{}   end else begin
{}   end
end
",
            echo.concat(),
            refusal.concat(),
            failure.concat(),
            receipt.concat(),
            slot.concat(),
            report.concat(),
        ))
    }
}

/// Verilog that places `bus` at `field` of `record`.
fn place(field: &Field, bus: &str) -> String {
    format!("      record[{}:{}] <= {bus};\n", field.lsb + field.bits - 1, field.lsb)
}

/// Rust for the same.
fn put<const W: usize>(record: &mut Bits<RECORD_BITS>, field: &Field, bus: Bits<W>) {
    *record = *record | (bit_cast::<RECORD_BITS, W>(bus) << (field.lsb as LiteralType));
}
