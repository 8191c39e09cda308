//! The venue's state out of a journal.

use std::collections::BTreeMap;

use engine::event::{Command, Event, OrderId, TimeMs, VenueOrder};

use super::{Order, SimulatedVenue, Venue, VenueError};

/// Follows a journal and holds the venue as it was after what it was told.
#[derive(Clone, Debug)]
pub struct RestoredVenue {
    venue: SimulatedVenue,
    /// Decided on and not reported on.
    orders: BTreeMap<OrderId, Order>,
}

impl RestoredVenue {
    /// From a venue without instruments, made as at the start of the episode.
    pub fn new(venue: SimulatedVenue) -> Self {
        Self { venue, orders: BTreeMap::new() }
    }

    /// From a venue that is as it was, and what was decided on and not reported on.
    pub fn with(venue: SimulatedVenue, orders: BTreeMap<OrderId, Order>) -> Self {
        Self { venue, orders }
    }

    /// Decided on and not reported on.
    pub fn orders(&self) -> &BTreeMap<OrderId, Order> {
        &self.orders
    }

    pub fn venue(&self) -> &SimulatedVenue {
        &self.venue
    }

    /// Commands of a decision record.
    pub fn decided(&mut self, commands: &[Command]) {
        for command in commands {
            if let Some(VenueOrder { id, instrument, lots, limit }) = command.venue_order() {
                self.orders.insert(id, Order { instrument, lots, limit });
            }
        }
    }

    /// An event at its event time, in the order of the journal.
    ///
    /// # Errors
    /// If an instrument is listed twice, or an order is in none that is listed.
    pub fn happened(&mut self, time_ms: TimeMs, event: &Event) -> Result<(), VenueError> {
        match event {
            Event::Listed { instrument, spec } => self.venue.list(*instrument, spec)?,
            Event::Filled { order, lots, .. } => {
                if let Some(Order { instrument, lots: ordered, .. }) = self.orders.remove(order) {
                    self.venue.replay(time_ms, instrument, ordered, *lots)?;
                }
            }
            Event::Rejected { order } => drop(self.orders.remove(order)),
            _ => {}
        }
        Ok(())
    }
}
