//! The word of a slot: who holds how much, and the requirement that R contains for it.

use crate::width::{ACCOUNT_BITS, REQUIREMENT_BITS, SIZE_BITS};
use rust_hdl::prelude::*;

/// One position of one instrument. Size in lots, requirement in quanta / S, both in two's complement.
#[derive(Clone, Copy, Debug, Default, LogicStruct, PartialEq)]
pub struct SlotWord {
    pub account: Bits<ACCOUNT_BITS>,
    pub size: Bits<SIZE_BITS>,
    pub requirement: Bits<REQUIREMENT_BITS>,
}
