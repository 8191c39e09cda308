//! The word of an account.

use crate::width::{ACCUMULATOR_BITS, OFFSET_BITS, SEVERITY_BITS};
use rust_hdl::prelude::*;

/// E, R and offset in quanta / S, two's complement; the stored severity; the bad mark.
#[derive(Clone, Copy, Debug, Default, LogicStruct, PartialEq)]
pub struct AccountWord {
    pub equity: Bits<ACCUMULATOR_BITS>,
    pub requirement: Bits<ACCUMULATOR_BITS>,
    pub offset: Bits<OFFSET_BITS>,
    pub severity: Bits<SEVERITY_BITS>,
    pub bad: bool,
}
