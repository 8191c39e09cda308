//! Sizes of a build: how many lanes, and how many accounts, slots and instruments.

use crate::width::{ACCOUNT_BITS, INSTRUMENT_BITS, SLOT_BITS};

/// Sizes of a machine. RAM depths and range checks follow from them; bus widths do not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BuildConfig {
    /// A power of two up to 8: the lane of an account is its index mod lanes.
    pub lanes: u8,
    /// Accounts of each lane.
    pub accounts: u32,
    /// Slots of each lane, all segments together.
    pub slots: u32,
    pub instruments: u16,
}

impl BuildConfig {
    /// Numbers of lanes that can be built.
    pub const LANES: [u8; 4] = [1, 2, 4, 8];

    /// The build that is shipped.
    pub const fn production(lanes: u8) -> Self {
        Self { lanes, accounts: 16_384, slots: 131_072, instruments: 16 }
    }

    /// The build of the tests, where a walk is short.
    pub const fn small(lanes: u8) -> Self {
        Self { lanes, accounts: 64, slots: 256, instruments: 4 }
    }

    /// Panics on a size that the buses cannot carry: a build that does not fit must not be emitted.
    pub fn assert_fits(&self) {
        assert!(Self::LANES.contains(&self.lanes), "lanes {}", self.lanes);
        assert!((1..=1 << ACCOUNT_BITS).contains(&self.accounts), "accounts {}", self.accounts);
        assert!((1..=1 << SLOT_BITS).contains(&self.slots), "slots {}", self.slots);
        assert!((1..=1 << INSTRUMENT_BITS).contains(&self.instruments), "instruments {}", self.instruments);
    }
}
