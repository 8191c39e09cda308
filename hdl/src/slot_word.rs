//! The word of a slot: who holds how much, and the requirement that R contains for it.

use crate::width::{ACCOUNT_BITS, MAGNITUDE_BITS, REQUIREMENT_BITS};
use rust_hdl::prelude::*;

/// One position of one instrument. Size in lots, by magnitude and sign; requirement in quanta / S, two's complement.
#[derive(Clone, Copy, Debug, Default, LogicStruct, PartialEq)]
pub struct SlotWord {
    pub row: Bits<ACCOUNT_BITS>,
    pub magnitude: Bits<MAGNITUDE_BITS>,
    pub negative: bool,
    pub requirement: Bits<REQUIREMENT_BITS>,
}
