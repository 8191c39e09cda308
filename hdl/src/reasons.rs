//! The reasons that a lane itself gives, as the contract numbers them.

use crate::product::instance;
use model::record::Reason;
use rust_hdl::core::prelude::*;

/// Wires only.
pub const LATENCY: u64 = 0;

macro_rules! reasons {
    ($($bus:ident: $reason:ident,)*) => {
        /// Reasons 8 to 12.
        ///
        /// Shape: wires.
        #[derive(LogicBlock, Default)]
        pub struct Reasons {
            $(pub $bus: Signal<Out, Bits<4>>,)*
        }

        impl Logic for Reasons {
            fn update(&mut self) {
                $(self.$bus.next = (Reason::$reason as u64).into();)*
            }

            fn connect(&mut self) {
                $(self.$bus.connect();)*
            }

            fn hdl(&self) -> Verilog {
                let reasons = [$((stringify!($bus), Reason::$reason)),*];
                let line = |(bus, reason)| format!("assign {bus} = 4'd{};\n", reason as u8);
                instance(reasons.map(line).concat())
            }
        }
    };
}

reasons! {
    slot: Slot,
    bad_account: BadAccount,
    accumulator_range: AccumulatorRange,
    uncorrectable_account: UncorrectableAccount,
    uncorrectable_slot: UncorrectableSlot,
}
