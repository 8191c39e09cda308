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
use engine::book::Book;
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

/// Where liquidation orders go. What it answers is journaled as events.
pub trait Venue {
    /// Makes the instrument tradable.
    ///
    /// # Errors
    /// [`VenueError::ListedTwice`]; [`VenueError::Uncountable`] if its book is beyond all sizes.
    fn list(&mut self, instrument: InstrumentId, spec: &InstrumentSpec) -> Result<(), VenueError>;

    /// What the journal should say of the book that the instrument was listed with.
    fn book_note(&self, instrument: InstrumentId) -> Option<String>;

    /// The mark that stands for the feed's price, both in quanta per lot.
    fn mark(&self, instrument: InstrumentId, time_ms: TimeMs, price: u64) -> u64;

    /// The books that there are at `time_ms`, in order of listing.
    fn left(&self, time_ms: TimeMs) -> impl Iterator<Item = (InstrumentId, Book)>;

    /// Event time from the decision on an order to its arrival.
    fn latency_ms(&self) -> TimeMs;

    /// Order number `id` has arrived, against a mark in quanta per lot: its final report, or none if the venue is silent. It is sent again with the
    /// same number then, [`Self::patience_ms`] later, and a venue that has executed it says again what it did. One without latency is never silent.
    ///
    /// # Errors
    /// [`VenueError`] if the order cannot be taken; the book is as it was.
    fn send(
        &mut self,
        time_ms: TimeMs,
        mark: Price,
        id: OrderId,
        order: &Order,
    ) -> Result<Option<Report>, VenueError>;

    /// Event time after which an order without a report is sent again; above 0.
    fn patience_ms(&self) -> TimeMs {
        1_000
    }

    /// Reports that came by `time_ms` and were not asked for, since the last call: a venue may say the same twice.
    fn unasked(&mut self, _time_ms: TimeMs) -> Vec<(OrderId, Report)> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests;
