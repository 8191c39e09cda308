//! Widths of the lane's buses. A build may hold less (see [`crate::LaneConfig`]), never more.

/// Device index of an account within the lane.
pub const ACCOUNT_BITS: usize = 20;
/// Slot of the lane's RAM, base included.
pub const SLOT_BITS: usize = 22;
/// A number of slots, or a slot one past the end.
pub const SLOT_COUNT_BITS: usize = SLOT_BITS + 1;
/// Instrument index.
pub const INSTRUMENT_BITS: usize = 8;
/// One record per beat.
pub const RECORD_BITS: usize = 8 * model::record::RECORD_BYTES;
