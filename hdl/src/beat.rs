//! What goes down the pipeline: one beat a record, or one a slot or account of a sweep or walk.

use crate::width::{
    ACCOUNT_BITS, BANK_BITS, CASH_BITS, MAGNITUDE_BITS, PRICE_BITS, SLOT_BITS, TAG_BITS, WEIGHT_BITS,
};
use rust_hdl::prelude::*;

/// Who is meant and what is to be done; it travels beside the numbers.
#[derive(Clone, Copy, Debug, Default, LogicStruct, PartialEq)]
pub struct Beat {
    /// In flight: what must find the pipeline empty waits for it. Beats that only look are not.
    pub valid: bool,
    /// Where the record's bytes are kept.
    pub tag: Bits<TAG_BITS>,
    pub row: Bits<ACCOUNT_BITS>,
    /// Slot in the RAM, and counted from the segment's base.
    pub place: Bits<SLOT_BITS>,
    pub index: Bits<SLOT_BITS>,
    /// The slot's word decides something: it must be readable.
    pub reads_slot: bool,
    /// Account, size and stored requirement are the slot's own.
    pub sweeps: bool,
    /// The slot must be of the record's account.
    pub owns_slot: bool,
    /// The slot is new: what the RAM holds there does not count.
    pub appends: bool,
    pub writes_slot: bool,
    /// The account is read, changed and written back.
    pub touches: bool,
    /// The position's requirement is computed anew.
    pub reprices: bool,
    pub compares: bool,
    /// Of a sweep or walk: counted by its receipt; a bad account is passed over.
    pub counts: bool,
    /// A bad account refuses the record.
    pub needs_good: bool,
    pub loads: bool,
    pub sets_offset: bool,
    /// Answers, whatever the account says.
    pub reads_account: bool,
    pub shows_slot: bool,
    pub echoes: bool,
    pub receipts: bool,
    /// Answered by ERROR with the reason.
    pub refused: bool,
    pub reason: Bits<4>,
    /// The record names an instrument.
    pub names_instrument: bool,
    /// Of the idle walk: looks for flipped bits.
    pub scrubs: bool,
    /// Slot beyond repair.
    pub slot_broken: bool,
}

/// The numbers that a record brings.
#[derive(Clone, Copy, Debug, Default, LogicStruct, PartialEq)]
pub struct Operands {
    pub magnitude: Bits<MAGNITUDE_BITS>,
    pub negative: bool,
    /// Price of the new value and of the requirement, quanta per lot.
    pub price: Bits<PRICE_BITS>,
    /// Price, or price change, by which the slot's own size is multiplied.
    pub slot_price: Bits<PRICE_BITS>,
    /// The slot's product counts against its sign.
    pub retract: bool,
    pub weight_long: Bits<WEIGHT_BITS>,
    pub weight_short: Bits<WEIGHT_BITS>,
    pub slot_weight_long: Bits<WEIGHT_BITS>,
    pub slot_weight_short: Bits<WEIGHT_BITS>,
    pub cash: Bits<CASH_BITS>,
    pub cash_negative: bool,
    /// Tier bank, and how many of its steps count.
    pub bank: Bits<BANK_BITS>,
    pub tier_count: Bits<5>,
}
