//! Widths of the lane's buses. A build may hold less (see [`crate::LaneConfig`]), never more.

use model::units;

/// One record per beat.
pub const RECORD_BITS: usize = 8 * model::record::RECORD_BYTES;
/// Row of an account within its lane: device index / lanes.
pub const ACCOUNT_BITS: usize = 14;
/// Slot of the lane's RAM, base included.
pub const SLOT_BITS: usize = 17;
/// A number of slots, or a slot one past the end.
pub const SLOT_COUNT_BITS: usize = SLOT_BITS + 1;
/// Instrument index.
pub const INSTRUMENT_BITS: usize = 4;
/// Tier bank: instrument, then live or shadow.
pub const BANK_BITS: usize = INSTRUMENT_BITS + 1;

/// Records whose bytes are kept while their beats are in flight.
pub const TAG_BITS: usize = 5;

/// Price in quanta per lot.
pub const PRICE_BITS: usize = 32;
/// Magnitude of a position in lots.
pub const MAGNITUDE_BITS: usize = 40;
/// Position in lots, two's complement.
pub const SIZE_BITS: usize = MAGNITUDE_BITS + 1;
/// `|q| * P` in quanta; also a tier's floor.
pub const NOTIONAL_BITS: usize = units::NOTIONAL_BITS as usize;
/// The scale S and rates over it.
pub const SCALE_BITS: usize = 20;
/// Weights, up to 2S.
pub const WEIGHT_BITS: usize = SCALE_BITS + 1;
/// A tier's deduction in quanta / S.
pub const DEDUCTION_BITS: usize = units::DEDUCTION_BITS as usize;
/// A tier's rate and deduction, side by side.
pub const CHARGE_BITS: usize = SCALE_BITS + DEDUCTION_BITS;
/// `N * rate` in quanta / S.
pub const REQUIREMENT_PRODUCT_BITS: usize = NOTIONAL_BITS + SCALE_BITS;
/// Requirement of one position in quanta / S, two's complement.
pub const REQUIREMENT_BITS: usize = REQUIREMENT_PRODUCT_BITS + 1;
/// Cash in quanta, magnitude.
pub const CASH_BITS: usize = 64;
/// Accumulators E and R in quanta / S, two's complement.
pub const ACCUMULATOR_BITS: usize = units::ACCUMULATOR_BITS as usize;
/// A change of an accumulator, and the sum before its range is checked: no sum of terms leaves it.
pub const CHANGE_BITS: usize = ACCUMULATOR_BITS + 2;
/// Offset of an account in quanta / S, two's complement.
pub const OFFSET_BITS: usize = 87;
/// A rung in 256ths.
pub const RUNG_BITS: usize = 10;
/// `R' * rung` and `256 * E`.
pub const LINE_BITS: usize = ACCUMULATOR_BITS + RUNG_BITS;
/// Severity 0 to 4.
pub const SEVERITY_BITS: usize = 3;
/// Steps of a tier table, and the index of one.
pub const TIERS: usize = units::TIERS_MAX;
pub const STEP_BITS: usize = 4;
