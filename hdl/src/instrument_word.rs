//! What the lane keeps of an instrument beside its tiers.

use crate::width::{PRICE_BITS, SLOT_COUNT_BITS, TIERS, WEIGHT_BITS};
use rust_hdl::prelude::*;

/// Live header, mark, live slots and the progress of the shadow bank. All zero after reset.
///
/// The shadow bank has no header of its own: a commit brings the whole header with it, so an INSTRUMENT without
/// commit has no effect that a later record could see.
#[derive(Clone, Copy, Debug, Default, LogicStruct, PartialEq)]
pub struct InstrumentWord {
    pub weight_long: Bits<WEIGHT_BITS>,
    pub weight_short: Bits<WEIGHT_BITS>,
    pub slot_base: Bits<SLOT_COUNT_BITS>,
    pub capacity: Bits<SLOT_COUNT_BITS>,
    pub price_bits: Bits<6>,
    pub size_bits: Bits<6>,
    pub tier_count: Bits<5>,
    /// Which tier bank is live.
    pub bank: bool,
    pub committed: bool,
    /// Steps of the shadow bank written since the last flip.
    pub written: Bits<TIERS>,
    pub mark: Bits<PRICE_BITS>,
    /// Live slots of the lane.
    pub slots: Bits<SLOT_COUNT_BITS>,
}
