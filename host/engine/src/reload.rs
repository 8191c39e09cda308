//! A device that starts from reset beside a state that is there.

use crate::event::{Change, EventSequence, InstrumentId, Update};
use crate::state::Engine;

impl Engine {
    /// What a device from reset is told so that it holds this state, in order. It flags every account that it does not find healthy, and no other.
    ///
    /// # Panics
    /// If an account's cash does not fit a device, which no event leads to.
    pub fn device_updates(&self, sequence: EventSequence) -> Vec<Update> {
        let mut changes = Vec::new();
        for (instrument, market) in (0..).map(InstrumentId).zip(&self.markets) {
            changes.push(Change::List { instrument, spec: Box::new(market.spec.clone()) });
            let price = market.mark.get();
            if price > 0 {
                changes.push(Change::Mark { instrument, price });
            }
        }
        for (index, standing) in self.standings.iter().enumerate() {
            let (account, row) = (self.ledger.id(index), self.ledger.margin(index));
            let delta = i64::try_from(row.cash).expect("an account's cash fits");
            let (value, last) = (standing.offset, row.positions.len());
            changes.push(Change::Cash { account, delta, hold: value != 0 || last > 0 });
            if value != 0 {
                changes.push(Change::Offset { account, value, hold: last > 0 });
            }
            for (at, &(instrument, size)) in (1..).zip(&row.positions) {
                let hold = at < last;
                changes.push(Change::Position { account, instrument, size, cash_delta: 0, hold });
            }
        }
        changes.into_iter().map(|change| Update { sequence, change }).collect()
    }
}
