//! Sizes of a build: how many accounts, slots and instruments the lane holds.

use crate::width::{ACCOUNT_BITS, INSTRUMENT_BITS, SLOT_BITS};

/// Capacity of one lane. RAM depths and range checks follow from it; bus widths do not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LaneConfig {
    /// Dense device indices 0..accounts.
    pub accounts: u32,
    /// Slots of all segments together.
    pub slots: u32,
    pub instruments: u16,
}

impl LaneConfig {
    /// The build that is shipped.
    pub const PRODUCTION: Self = Self { accounts: 16_384, slots: 131_072, instruments: 16 };
    /// The build of the tests, where a walk is short.
    pub const SMALL: Self = Self { accounts: 64, slots: 256, instruments: 4 };

    /// Panics on a size that the buses cannot carry: a build that does not fit must not be emitted.
    pub fn assert_fits(&self) {
        assert!((1..=1 << ACCOUNT_BITS).contains(&self.accounts), "accounts {}", self.accounts);
        assert!((1..=1 << SLOT_BITS).contains(&self.slots), "slots {}", self.slots);
        assert!((1..=1 << INSTRUMENT_BITS).contains(&self.instruments), "instruments {}", self.instruments);
    }
}
