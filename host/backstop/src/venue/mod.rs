//! Where liquidation orders go: the seam for a venue, and the simulated one. The whole rule is in `docs/venue.md`.
//!
//! The simulated venue's state is a few counters per instrument. They depend only on the orders and their fills, so a replay of the journal
//! restores it.

mod books;
mod config;
mod ladder;
mod mark_impact;
mod profile;
mod restored;
mod schedule;
mod simulated;
mod snapshot;

pub use books::{Books, BooksError};
pub use config::{VenueConfig, VenueConfigError};
pub use ladder::Ladder;
pub use mark_impact::{DepthImpact, IMPACT_PPM_MAX, MarkImpact};
pub use profile::{DepthProfile, GRID_PPM};
pub use restored::RestoredVenue;
pub use schedule::{Outstanding, Schedule};
pub use simulated::{SimulatedVenue, Traces};
pub use snapshot::BookSnapshot;

use borsh::{BorshDeserialize, BorshSerialize};
use engine::event::{Event, InstrumentId, OrderId, TimeMs};
use engine::rules::InstrumentSpec;
use model::units::Price;

/// Parts per million.
const PPM: u32 = 1_000_000;
/// Distance from the mark within which depth is measured.
const DEPTH_PPM: u32 = 10_000;

/// An immediate-or-cancel order: change the account's position by `lots`, no worse than `limit` quanta per lot.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, PartialEq)]
pub struct Order {
    pub instrument: InstrumentId,
    /// Above zero buys, below sells.
    pub lots: i64,
    pub limit: u64,
}

/// What was filled, as changes of the account's own balance; both 0 if nothing was.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Fill {
    pub lots: i64,
    /// Quanta: above zero for a sale.
    pub quote: i64,
}

/// How the venue ends an order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Report {
    Filled(Fill),
    /// Not taken; the book was not touched.
    Rejected,
}

impl Report {
    /// The report of order `order` as an event.
    pub fn event(self, order: OrderId) -> Event {
        match self {
            Self::Filled(Fill { lots, quote }) => Event::Filled { order, lots, quote },
            Self::Rejected => Event::Rejected { order },
        }
    }
}

/// Why a venue cannot take an order.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum VenueError {
    #[error("instrument {0} is not listed at the venue")]
    Unlisted(u16),
    #[error("instrument {0} is already listed at the venue")]
    ListedTwice(u16),
    #[error("the book of instrument {0} holds more lots than can be counted")]
    Uncountable(u16),
    #[error("order of {lots} lots at a mark of {mark} quanta per lot exceeds what the venue can count")]
    TooLarge { lots: i64, mark: u64 },
}

/// Where liquidation orders go. The simulated one answers when it is asked; the answer is journaled as an event.
pub trait Venue {
    /// Makes the instrument tradable.
    ///
    /// # Errors
    /// [`VenueError::ListedTwice`]; [`VenueError::Uncountable`] if its book is beyond all sizes.
    fn list(&mut self, instrument: InstrumentId, spec: &InstrumentSpec) -> Result<(), VenueError>;

    /// Ends order number `id` at event time `time_ms`, against a mark in quanta per lot. An error leaves the book as it was.
    ///
    /// # Errors
    /// [`VenueError`] if the order cannot be taken.
    fn execute(
        &mut self,
        time_ms: TimeMs,
        mark: Price,
        id: OrderId,
        order: &Order,
    ) -> Result<Report, VenueError>;
}

#[cfg(test)]
mod tests;
