//! What the control sends down the pipeline each clock.

use crate::width::{ACCOUNT_BITS, SIZE_BITS, SLOT_BITS};
use rust_hdl::prelude::*;

/// One step of an operation. CASH, OFFSET, READBACK and every holder of a sweep or walk take one beat; POSITION takes
/// three: retract the old value, pay the cash, apply the new value.
#[derive(Clone, Copy, Debug, Default, LogicStruct, PartialEq)]
pub struct Beat {
    pub valid: bool,
    /// Starts the sum of the equity's changes.
    pub first: bool,
    /// Applies the sum to the account.
    pub last: bool,
    pub is_cash: bool,
    pub retract: bool,
    pub account: Bits<ACCOUNT_BITS>,
    pub slot: Bits<SLOT_BITS>,
    /// Lots, two's complement; a sweep takes them from the slot.
    pub size: Bits<SIZE_BITS>,
}
