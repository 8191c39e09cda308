//! The simulated venue: an order walks a book around the mark, what it takes comes back with time, and the mark bears what it leaves.

use std::collections::BTreeMap;
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use engine::book::Book as ToldBook;
use engine::event::{InstrumentId, OrderId, TimeMs};
use engine::rules::InstrumentSpec;
use model::units::{Price, Scale};

use super::{
    Books, DepthProfile, Fill, Ladder, MarkImpact, Order, PPM, Report, Venue, VenueConfig, VenueConfigError,
    VenueError,
};
use crate::feed::draw::Draw;

/// One side of a book: what was taken from it and is not refilled yet.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Side {
    consumed: u64,
    /// Refill is counted up to here; none before the first order.
    refilled_ms: Option<TimeMs>,
}

impl Side {
    fn at(self, time_ms: TimeMs, refill_lots: u64) -> Self {
        let from_ms = self.refilled_ms.unwrap_or(time_ms);
        let seconds = time_ms.saturating_sub(from_ms).max(0) / 1_000;
        let refilled = refill_lots.saturating_mul(seconds.unsigned_abs());
        Self {
            consumed: self.consumed.saturating_sub(refilled),
            refilled_ms: Some(from_ms + seconds * 1_000),
        }
    }
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Book {
    spec: InstrumentSpec,
    ladder: Ladder,
    /// Bids (hit by sells), offers (hit by buys).
    sides: [Side; 2],
    impact: MarkImpact,
}

/// What orders have left at a venue, by instrument.
#[derive(BorshDeserialize, BorshSerialize, Clone, Debug, Default, Eq, PartialEq)]
pub struct Traces(BTreeMap<InstrumentId, ([Side; 2], MarkImpact)>);

/// The simulated venue.
#[derive(Clone, Debug)]
pub struct SimulatedVenue {
    scale: Scale,
    config: VenueConfig,
    /// Depth of instruments, if it does not come from the depth model.
    snapshots: Option<Arc<Books>>,
    books: BTreeMap<InstrumentId, Book>,
}

/// Two venues are equal if they answer every order and every mark from now on in the same way.
impl PartialEq for SimulatedVenue {
    fn eq(&self, other: &Self) -> bool {
        (self.scale, &self.config, &self.books) == (other.scale, &other.config, &other.books)
    }
}

impl SimulatedVenue {
    /// A venue without instruments; steps of the depth model are over `scale`.
    ///
    /// # Errors
    /// [`VenueConfigError`] with everything that is wrong with the configuration.
    pub fn new(
        scale: Scale,
        config: VenueConfig,
        snapshots: Option<Arc<Books>>,
    ) -> Result<Self, VenueConfigError> {
        config.validate()?;
        Ok(Self { scale, config, snapshots, books: BTreeMap::new() })
    }

    pub fn traces(&self) -> Traces {
        Traces(self.books.iter().map(|(&instrument, book)| (instrument, (book.sides, book.impact))).collect())
    }

    /// Puts back what orders had left, in instruments that are listed; false if one is not.
    pub fn set_traces(&mut self, traces: &Traces) -> bool {
        traces.0.iter().all(|(instrument, &(sides, impact))| {
            let book = self.books.get_mut(instrument);
            book.map(|book| (book.sides, book.impact) = (sides, impact)).is_some()
        })
    }

    pub fn config(&self) -> &VenueConfig {
        &self.config
    }

    /// Event time from the decision on an order to its execution.
    pub fn latency_ms(&self) -> TimeMs {
        self.config.latency_ms.into()
    }

    /// Lots taken from the side that an order of this sign hits and not refilled by `time_ms`.
    pub fn consumed(&self, instrument: InstrumentId, lots: i64, time_ms: TimeMs) -> Option<u64> {
        let book = self.books.get(&instrument)?;
        Some(book.sides[side_of(lots)].at(time_ms, book.spec.depth.refill_lots).consumed)
    }

    /// What is left of every instrument's book at `time_ms`, in order of listing.
    pub fn left(&self, time_ms: TimeMs) -> impl Iterator<Item = (InstrumentId, ToldBook)> {
        self.books.iter().map(move |(&instrument, book)| {
            let [bids, offers] = [-1, 1].map(|lots| {
                let side = book.sides[side_of(lots)].at(time_ms, book.spec.depth.refill_lots);
                book.ladder.left(side.consumed, lots, self.scale.get())
            });
            (instrument, ToldBook { bids, offers })
        })
    }

    /// Impact on the instrument's mark at `time_ms`, parts per million of the tape's price toward zero.
    pub fn impact_ppm(&self, instrument: InstrumentId, time_ms: TimeMs) -> Option<i64> {
        self.books.get(&instrument).map(|book| book.impact.at(time_ms, self.config.impact()).ppm())
    }

    /// The mark that stands for the tape's price at `time_ms`, quanta per lot: with the impact of the fills so far. The price of an instrument that
    /// is not listed yet comes back as it is.
    pub fn mark(&self, instrument: InstrumentId, time_ms: TimeMs, price: u64) -> u64 {
        let Some(book) = self.books.get(&instrument) else { return price };
        book.impact.at(time_ms, self.config.impact()).on(price, &book.spec)
    }

    /// The book that the instrument was listed with, if it is not its depth model.
    pub fn profile(&self, instrument: InstrumentId) -> Option<&DepthProfile> {
        match &self.books.get(&instrument)?.ladder {
            Ladder::Book(profile) => Some(profile),
            Ladder::Model { .. } => None,
        }
    }

    /// Text of the journal's note on the book that the instrument was listed with, if it is not its depth model.
    pub fn book_note(&self, instrument: InstrumentId) -> Option<String> {
        let profile = serde_json::to_string(self.profile(instrument)?).expect("plain data");
        Some(format!("venue book of instrument {}: {profile}", instrument.0))
    }

    /// Takes over from the journal an order of `ordered` lots that was filled with `filled`, instead of executing it. A rejected order is not taken
    /// over: it leaves no trace.
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
        *side = side.at(time_ms, book.spec.depth.refill_lots);
        side.consumed = side.consumed.saturating_add(filled.unsigned_abs());
        let law = self.config.impact();
        book.impact = book.impact.at(time_ms, law).filled(filled, book.ladder.depth(ordered), law);
        Ok(())
    }

    /// Ends order number `id` at event time `time_ms`, against a mark in quanta per lot. An error leaves the book as it was.
    ///
    /// # Errors
    /// [`VenueError`] if the order cannot be taken.
    pub fn execute(
        &mut self,
        time_ms: TimeMs,
        mark: Price,
        id: OrderId,
        order: &Order,
    ) -> Result<Report, VenueError> {
        let book = self.books.get(&order.instrument).ok_or(VenueError::Unlisted(order.instrument.0))?;
        if self.rejects(id) {
            return Ok(Report::Rejected);
        }
        let side = book.sides[side_of(order.lots)].at(time_ms, book.spec.depth.refill_lots);
        let (lots, quote) = book.ladder.walk(side.consumed, mark, order);
        let too_large = VenueError::TooLarge { lots: order.lots, mark: mark.get() };
        let lots = i64::try_from(lots).map_err(|_| too_large)?;
        let quote = i64::try_from(quote).map_err(|_| too_large)?;
        let sign = order.lots.signum();
        let fill = Fill { lots: sign * lots, quote: -sign * quote };
        self.replay(time_ms, order.instrument, order.lots, fill.lots)?;
        Ok(Report::Filled(fill))
    }

    fn rejects(&self, id: OrderId) -> bool {
        let ppm = self.config.reject_ppm;
        ppm > 0 && (ppm == PPM || Draw::new(self.config.seed, "venue rejects", id).chance(ppm.into()))
    }
}

impl Venue for SimulatedVenue {
    fn list(&mut self, instrument: InstrumentId, spec: &InstrumentSpec) -> Result<(), VenueError> {
        if self.books.contains_key(&instrument) {
            return Err(VenueError::ListedTwice(instrument.0));
        }
        let ladder = match &self.snapshots {
            Some(snapshots) => Ladder::Book(
                snapshots
                    .profile(spec, self.scale.get())
                    .map_err(|_| VenueError::Uncountable(instrument.0))?,
            ),
            None => Ladder::Model { depth: spec.depth, scale: self.scale.get() },
        };
        let book =
            Book { spec: spec.clone(), ladder, sides: [Side::default(); 2], impact: MarkImpact::default() };
        self.books.insert(instrument, book);
        Ok(())
    }

    fn book_note(&self, instrument: InstrumentId) -> Option<String> {
        self.book_note(instrument)
    }

    fn mark(&self, instrument: InstrumentId, time_ms: TimeMs, price: u64) -> u64 {
        self.mark(instrument, time_ms, price)
    }

    fn left(&self, time_ms: TimeMs) -> impl Iterator<Item = (InstrumentId, ToldBook)> {
        self.left(time_ms)
    }

    fn latency_ms(&self) -> TimeMs {
        self.latency_ms()
    }

    fn send(
        &mut self,
        time_ms: TimeMs,
        mark: Price,
        id: OrderId,
        order: &Order,
    ) -> Result<Option<Report>, VenueError> {
        self.execute(time_ms, mark, id, order).map(Some)
    }
}

fn side_of(lots: i64) -> usize {
    usize::from(lots > 0)
}
