//! The check that a record sets no bit that its operation does not use.

use crate::width::RECORD_BITS;
use model::record::{self, Field, Layout, input};
use rust_hdl::core::prelude::*;

/// Clocks from `load` to `found`.
pub const LATENCY: u64 = 1;

/// Bits of the record that share a bit of `found`.
const GROUP_BITS: usize = 16;
const GROUPS: usize = RECORD_BITS / GROUP_BITS;

/// The bits of a record that `layout` does not use; `zero` is counted among them.
fn unused(layout: &Layout, zero: Option<&Field>) -> [u16; GROUPS] {
    let used = layout.used();
    let mut groups = [0; GROUPS];
    for bit in 0..RECORD_BITS {
        let is_zero = zero.is_some_and(|field| (field.lsb..field.lsb + field.bits).contains(&bit));
        if used[bit / 8] >> (bit % 8) & 1 == 0 || is_zero {
            groups[bit / GROUP_BITS] |= 1 << (bit % GROUP_BITS);
        }
    }
    groups
}

macro_rules! forms {
    ($($form:ident: $layout:ident, $zero:expr;)*) => {
        /// One bit for each 16 of the record: whether one of them is set that must be zero.
        ///
        /// Shape: one record per clock, taken while `load` is high. At most one of the forms is high; with none,
        /// nothing is found.
        #[derive(LogicBlock, Default)]
        pub struct UnusedBits {
            pub clock: Signal<In, Clock>,
            pub load: Signal<In, Bit>,
            pub record: Signal<In, Bits<RECORD_BITS>>,
            $(pub $form: Signal<In, Bit>,)*
            pub found: Signal<Out, Bits<GROUPS>>,
        }

        impl Logic for UnusedBits {
            fn update(&mut self) {
                if self.clock.pos_edge() && self.load.val() {
                    let mut masks = [0; GROUPS];
                    $(if self.$form.val() {
                        masks = unused(&input::$layout, $zero);
                    })*
                    let mut found = Bits::<GROUPS>::default();
                    for (group, mask) in masks.into_iter().enumerate() {
                        let bits = self.record.val().get_bits::<GROUP_BITS>(group * GROUP_BITS);
                        found = found.replace_bit(group, (bits & Bits::from(u64::from(mask))).any());
                    }
                    self.found.next = found;
                }
            }

            fn connect(&mut self) {
                self.found.connect();
            }

            fn hdl(&self) -> Verilog {
                let forms = [$((stringify!($form), unused(&input::$layout, $zero))),*];
                let groups = (0..GROUPS).map(|group| {
                    let masks: Vec<String> = forms
                        .iter()
                        .map(|(form, masks)| format!("({{{GROUP_BITS}{{{form}}}}} & {GROUP_BITS}'d{})", masks[group]))
                        .collect();
                    let (top, low) = ((group + 1) * GROUP_BITS - 1, group * GROUP_BITS);
                    format!("      found[{group}] <= |(record[{top}:{low}] & ({}));\n", masks.join(" | "))
                });
                Verilog::Custom(format!(
                    "always @(posedge clock) begin\n   if (load) begin\n{}   end\nend\n",
                    groups.collect::<String>()
                ))
            }
        }
    };
}

forms! {
    setting: SETTING, None;
    instrument: INSTRUMENT, None;
    tier: TIER, None;
    mark: MARK, None;
    funding: FUNDING, None;
    position: POSITION, None;
    reload: POSITION, Some(&record::CASH_DELTA);
    cash: CASH, None;
    offset: OFFSET, None;
    load_account: LOAD, None;
    move_slot: MOVE, None;
    read_account: READBACK, None;
    read_slot: READBACK_BY_SLOT, None;
    token: FENCE, None;
}
