//! What the front tells the lanes to do.

use crate::width::{PRICE_BITS, SLOT_COUNT_BITS, WEIGHT_BITS};
use rust_hdl::prelude::*;

/// What a lane does with a record that the front has let through.
#[derive(Clone, Copy, Debug, LogicState, PartialEq)]
pub enum Kind {
    /// Answer the record with the ERROR of the reason beside it. To lane 0 only.
    Refuse,
    /// Echo of FENCE or RESYNC. To all lanes; the merge joins the echoes into one.
    Echo,
    /// A rung or equality: store it; without hold, walk. To all lanes. (S is the front's own.)
    Setting,
    /// Write a step of the shadow bank. To all lanes.
    Tier,
    /// Sweep from the live to the shadow bank, whose weights and tier count the record carries. To all lanes, which are idle.
    Commit,
    /// To all lanes.
    Mark,
    /// To all lanes.
    Funding,
    Position,
    /// POSITION with raw.
    Reload,
    Cash,
    Offset,
    Load,
    Move,
    ReadAccount,
    ReadSlot,
}

/// An instrument as the record finds it, before its own effect.
#[derive(Clone, Copy, Debug, Default, LogicStruct, PartialEq)]
pub struct InstrumentWord {
    pub weight_long: Bits<WEIGHT_BITS>,
    pub weight_short: Bits<WEIGHT_BITS>,
    pub slot_base: Bits<SLOT_COUNT_BITS>,
    pub capacity: Bits<SLOT_COUNT_BITS>,
    pub tier_count: Bits<5>,
    /// Which of the two tier banks is live.
    pub bank: bool,
    pub mark: Bits<PRICE_BITS>,
}
