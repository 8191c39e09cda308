//! The fields of a record as buses, cut where `model::record` says.

use crate::width::RECORD_BITS;
use model::record;
use rust_hdl::core::prelude::*;

/// Clocks from `record` to the fields.
pub const LATENCY: u64 = 0;

macro_rules! slicer {
    ($($bus:ident: $field:ident,)*) => {
        /// Every input field of a record; which of them mean anything depends on the op.
        ///
        /// Shape: wires. The Verilog is written from the field table, so that a bit position appears only there.
        #[derive(LogicBlock, Default)]
        pub struct RecordSlicer {
            pub record: Signal<In, Bits<RECORD_BITS>>,
            $(pub $bus: Signal<Out, Bits<{ record::$field.bits }>>,)*
        }

        impl Logic for RecordSlicer {
            fn update(&mut self) {
                $(self.$bus.next = self.record.val().get_bits(record::$field.lsb);)*
            }

            fn connect(&mut self) {
                $(self.$bus.connect();)*
            }

            fn hdl(&self) -> Verilog {
                let slices = [$((stringify!($bus), record::$field)),*];
                Verilog::Custom(
                    slices
                        .iter()
                        .map(|(bus, field)| {
                            format!("always @(*) {bus} = record[{}:{}];\n", field.lsb + field.bits - 1, field.lsb)
                        })
                        .collect(),
                )
            }
        }
    };
}

slicer! {
    op: OP,
    flags: FLAGS,
    instrument: INSTRUMENT,
    number: SEQUENCE,
    setting: VALUE,
    weight_long: WEIGHT_LONG,
    weight_short: WEIGHT_SHORT,
    base: BASE,
    capacity: CAPACITY,
    price_bits: PRICE_BITS,
    size_bits: SIZE_BITS,
    tier_count: TIER_COUNT,
    tier_step: STEP,
    tier_floor: FLOOR,
    tier_rate: RATE,
    tier_deduction: DEDUCTION,
    price: PRICE,
    index_delta: INDEX_DELTA,
    account: ACCOUNT,
    slot: SLOT,
    slot_to: TO,
    size: SIZE,
    cash_delta: CASH_DELTA,
    delta: DELTA,
    offset: OFFSET,
    equity_low: EQUITY_LOW,
    equity_top: EQUITY_TOP,
    requirement_low: REQUIREMENT_LOW,
    requirement_top: REQUIREMENT_TOP,
}
