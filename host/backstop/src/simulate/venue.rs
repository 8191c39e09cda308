//! A venue that rejects, fills in part, is silent and says things twice; it outlives the host.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use engine::book::Book;
use engine::event::{InstrumentId, OrderId, TimeMs};
use engine::rules::InstrumentSpec;
use model::units::Price;

use super::plan::{Fault, FaultKind};
use crate::feed::draw::Draw;
use crate::venue::{Order, Report, SimulatedVenue, Venue, VenueError};

/// What the venue knows. An order number ends once, and its report is the same however often it is asked for.
pub struct Floor {
    book: SimulatedVenue,
    faults: Vec<Fault>,
    draw: Draw,
    pub reports: BTreeMap<OrderId, (Order, Report)>,
    /// To be said unasked, by time.
    twice: BTreeMap<(TimeMs, OrderId), Report>,
    pub struck: BTreeMap<usize, u64>,
    /// An order number that came with another order.
    pub reused: Option<OrderId>,
}

/// The host's line to it.
#[derive(Clone)]
pub struct Line(Rc<RefCell<Floor>>);

impl Line {
    pub fn new(seed: u64, book: SimulatedVenue, faults: &[Fault]) -> Self {
        Self(Rc::new(RefCell::new(Floor {
            book,
            faults: faults.to_vec(),
            draw: Draw::new(seed, "simulated venue", 0),
            reports: BTreeMap::new(),
            twice: BTreeMap::new(),
            struck: BTreeMap::new(),
            reused: None,
        })))
    }

    pub fn floor(&self) -> std::cell::Ref<'_, Floor> {
        self.0.borrow()
    }
}

impl Floor {
    /// The fault of this kind that is on at the time; it strikes.
    fn strikes(&mut self, time_ms: TimeMs, kind: &FaultKind) -> bool {
        let is_on = self.faults.iter().any(|fault| fault.kind == *kind && fault.is_on(time_ms));
        if is_on {
            *self.struck.entry(kind.number()).or_default() += 1;
        }
        is_on
    }

    fn execute(
        &mut self,
        time_ms: TimeMs,
        mark: Price,
        id: OrderId,
        order: &Order,
    ) -> Result<Report, VenueError> {
        if self.strikes(time_ms, &FaultKind::VenueRejects) {
            return Ok(Report::Rejected);
        }
        let mut taken = *order;
        if self.strikes(time_ms, &FaultKind::VenueFillsInPart) {
            taken.lots = taken.lots.signum() * self.draw.below(taken.lots.unsigned_abs()) as i64;
        }
        if taken.lots == 0 {
            return Ok(Report::Filled(crate::venue::Fill::default()));
        }
        self.book.execute(time_ms, mark, id, &taken)
    }
}

impl Venue for Line {
    /// A host that has started again may list what is listed.
    fn list(&mut self, instrument: InstrumentId, spec: &InstrumentSpec) -> Result<(), VenueError> {
        match self.0.borrow_mut().book.list(instrument, spec) {
            Err(VenueError::ListedTwice(_)) => Ok(()),
            listed => listed,
        }
    }

    fn book_note(&self, instrument: InstrumentId) -> Option<String> {
        self.0.borrow().book.book_note(instrument)
    }

    fn mark(&self, instrument: InstrumentId, time_ms: TimeMs, price: u64) -> u64 {
        self.0.borrow().book.mark(instrument, time_ms, price)
    }

    fn left(&self, time_ms: TimeMs) -> impl Iterator<Item = (InstrumentId, Book)> {
        self.0.borrow().book.left(time_ms).collect::<Vec<_>>().into_iter()
    }

    fn latency_ms(&self) -> TimeMs {
        self.0.borrow().book.latency_ms()
    }

    fn send(
        &mut self,
        time_ms: TimeMs,
        mark: Price,
        id: OrderId,
        order: &Order,
    ) -> Result<Option<Report>, VenueError> {
        let mut floor = self.0.borrow_mut();
        let floor = &mut *floor;
        let is_silent = floor.strikes(time_ms, &FaultKind::VenueSilent);
        // Half of the time the order is not heard either.
        if is_silent && floor.draw.below(2) == 0 {
            return Ok(None);
        }
        if let Some((known, _)) = floor.reports.get(&id)
            && known != order
        {
            floor.reused = Some(id);
        }
        let report = match floor.reports.get(&id) {
            Some((_, report)) => *report,
            None => {
                let report = floor.execute(time_ms, mark, id, order)?;
                floor.reports.insert(id, (*order, report));
                report
            }
        };
        if floor.strikes(time_ms, &FaultKind::VenueReportsTwice) {
            let again_ms = time_ms + floor.draw.below(20_000) as TimeMs;
            floor.twice.insert((again_ms, id), report);
        }
        Ok(if is_silent { None } else { Some(report) })
    }

    fn unasked(&mut self, time_ms: TimeMs) -> Vec<(OrderId, Report)> {
        let mut floor = self.0.borrow_mut();
        let later = floor.twice.split_off(&(time_ms.saturating_add(1), 0));
        let due = std::mem::replace(&mut floor.twice, later);
        due.into_iter().map(|((_, id), report)| (id, report)).collect()
    }
}
