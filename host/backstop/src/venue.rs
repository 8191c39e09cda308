//! The simulated venue: an immediate-or-cancel order walks a book of [`Depth`] around the mark. The rule is in `docs/venue.md`.
//!
//! State is two counters per instrument and depends only on the orders and their fills, so a replay of the journal restores it.

use std::collections::BTreeMap;

use engine::event::{InstrumentId, TimeMs};
use engine::rules::Depth;
use model::units::{Price, Scale};

/// An immediate-or-cancel order: change the account's position by `lots`, no worse than `limit` quanta per lot.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
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

/// Why a venue cannot take an order.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum VenueError {
    #[error("instrument {0} is not listed at the venue")]
    Unlisted(u16),
    #[error("instrument {0} is already listed at the venue")]
    ListedTwice(u16),
    #[error("order of {lots} lots at a mark of {mark} quanta per lot exceeds what the venue can count")]
    TooLarge { lots: i64, mark: u64 },
}

/// Where liquidation orders go. The simulated one answers at once; the answer is journaled as an event.
pub trait Venue {
    /// Makes the instrument tradable.
    ///
    /// # Errors
    /// [`VenueError::ListedTwice`].
    fn list(&mut self, instrument: InstrumentId, depth: &Depth) -> Result<(), VenueError>;

    /// Executes `order` at event time `time_ms` against a mark in quanta per lot. An error leaves the book as it was.
    ///
    /// # Errors
    /// [`VenueError`] if the order cannot be taken.
    fn execute(&mut self, time_ms: TimeMs, mark: Price, order: &Order) -> Result<Fill, VenueError>;
}

/// One side of a book: what was taken from it and is not refilled yet.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Side {
    consumed: u64,
    /// Refill is counted up to here; none before the first order.
    refilled_ms: Option<TimeMs>,
}

impl Side {
    fn at(self, time_ms: TimeMs, depth: &Depth) -> Self {
        let from_ms = self.refilled_ms.unwrap_or(time_ms);
        let seconds = time_ms.saturating_sub(from_ms).max(0) / 1_000;
        let refilled = depth.refill_lots.saturating_mul(seconds.unsigned_abs());
        Self {
            consumed: self.consumed.saturating_sub(refilled),
            refilled_ms: Some(from_ms + seconds * 1_000),
        }
    }
}

#[derive(Clone, Debug)]
struct Book {
    depth: Depth,
    /// Bids (hit by sells), offers (hit by buys).
    sides: [Side; 2],
}

/// The simulated venue.
#[derive(Clone, Debug)]
pub struct SimulatedVenue {
    scale: Scale,
    books: BTreeMap<InstrumentId, Book>,
}

impl SimulatedVenue {
    /// A venue without instruments; steps of books are over `scale`.
    pub fn new(scale: Scale) -> Self {
        Self { scale, books: BTreeMap::new() }
    }

    /// Lots taken from the side that an order of this sign hits and not refilled by `time_ms`.
    pub fn consumed(&self, instrument: InstrumentId, lots: i64, time_ms: TimeMs) -> Option<u64> {
        self.books.get(&instrument).map(|book| book.sides[side_of(lots)].at(time_ms, &book.depth).consumed)
    }

    /// Takes over from the journal an order of `ordered` lots that was filled with `filled`, instead of executing it.
    ///
    /// # Errors
    /// [`VenueError::Unlisted`].
    pub fn replay(
        &mut self,
        time_ms: TimeMs,
        instrument: InstrumentId,
        ordered: i64,
        filled: i64,
    ) -> Result<(), VenueError> {
        let book = self.books.get_mut(&instrument).ok_or(VenueError::Unlisted(instrument.0))?;
        let side = &mut book.sides[side_of(ordered)];
        *side = side.at(time_ms, &book.depth);
        side.consumed = side.consumed.saturating_add(filled.unsigned_abs());
        Ok(())
    }
}

impl Venue for SimulatedVenue {
    fn list(&mut self, instrument: InstrumentId, depth: &Depth) -> Result<(), VenueError> {
        if self.books.contains_key(&instrument) {
            return Err(VenueError::ListedTwice(instrument.0));
        }
        self.books.insert(instrument, Book { depth: *depth, sides: [Side::default(); 2] });
        Ok(())
    }

    fn execute(&mut self, time_ms: TimeMs, mark: Price, order: &Order) -> Result<Fill, VenueError> {
        let book = self.books.get(&order.instrument).ok_or(VenueError::Unlisted(order.instrument.0))?;
        let side = book.sides[side_of(order.lots)].at(time_ms, &book.depth);
        let (lots, quote) = walk(&book.depth, self.scale, side.consumed, mark, order);
        let too_large = VenueError::TooLarge { lots: order.lots, mark: mark.get() };
        let lots = i64::try_from(lots).map_err(|_| too_large)?;
        let quote = i64::try_from(quote).map_err(|_| too_large)?;
        let sign = order.lots.signum();
        let fill = Fill { lots: sign * lots, quote: -sign * quote };
        self.replay(time_ms, order.instrument, order.lots, fill.lots)?;
        Ok(fill)
    }
}

fn side_of(lots: i64) -> usize {
    usize::from(lots > 0)
}

/// Price of the k-th level that an order of this sign hits; none where the book ends.
fn level_price(depth: &Depth, scale: Scale, mark: Price, lots: i64, level: u32) -> Option<u64> {
    let step = u128::from(mark.get()) * u128::from(level) * u128::from(depth.step) / u128::from(scale.get());
    let offset = u64::try_from(step.max(1)).ok()?;
    if lots > 0 {
        mark.get().checked_add(offset).filter(|price| *price <= Price::MAX)
    } else {
        mark.get().checked_sub(offset).filter(|price| *price > 0)
    }
}

/// Lots and quanta filled, both as magnitudes.
fn walk(depth: &Depth, scale: Scale, consumed: u64, mark: Price, order: &Order) -> (u64, u128) {
    let mut left = order.lots.unsigned_abs();
    let (mut lots, mut quote) = (0u64, 0u128);
    let mut gone = consumed;
    for level in 1..=depth.levels {
        if left == 0 {
            break;
        }
        let Some(price) = level_price(depth, scale, mark, order.lots, level) else { break };
        if (order.lots > 0 && price > order.limit) || (order.lots < 0 && price < order.limit) {
            break;
        }
        let taken_before = gone.min(depth.level_lots);
        gone -= taken_before;
        let take = left.min(depth.level_lots - taken_before);
        left -= take;
        lots += take;
        quote += u128::from(take) * u128::from(price);
    }
    (lots, quote)
}

#[cfg(test)]
#[path = "venue_tests.rs"]
mod tests;
