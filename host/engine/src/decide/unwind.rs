//! The sale of what the backstop took over: slices in time, bounded by the book, the market's budget and a price.

use crate::event::{Command, InstrumentId};
use crate::ledger::Owner;
use crate::state::{Engine, UnwindOrder};

impl Engine {
    /// Orders of the backstop's inventories that are due, by instrument; one of a market at a time.
    pub(super) fn unwind(&mut self) -> Vec<Command> {
        (0..self.markets.len() as u16).filter_map(|id| self.unwind_market(InstrumentId(id))).collect()
    }

    fn unwind_market(&mut self, instrument: InstrumentId) -> Option<Command> {
        let (now_ms, scale) = (self.time_ms, u128::from(self.scale.get()));
        let inventory = self.ledger.of(Owner::Backstop(instrument)).size(instrument);
        if !self.is_book_open(instrument)
            || self.unwinding.values().any(|order| order.instrument == instrument)
        {
            return None;
        }
        let market = self.market_mut(instrument);
        let rule = market.spec.unwind?;
        let due = market.unwinding.due(now_ms, inventory.unsigned_abs(), &rule);
        if due == 0 {
            return None;
        }
        let (side, price, tick) = (-inventory.signum(), market.mark.get(), market.spec.tick);
        let open = match &market.book {
            Some(book) => {
                let found = book.walk(side * i64::MAX, rule.band).lots;
                (u128::from(found) * u128::from(rule.participation) / scale) as u64
            }
            None => due,
        };
        let budget = market.spec.budget;
        let room = market.bucket.room(now_ms, &budget).map_or(u64::MAX, |room| room / price);
        let lots = due.min(open).min(room);
        if lots == 0 {
            return None;
        }
        let charged = u128::from(lots) * u128::from(price);
        market.bucket.take(charged);
        let band = (u128::from(price) * u128::from(rule.band) / scale) as u64;
        let limit =
            if side < 0 { (price - band).div_ceil(tick) * tick } else { (price + band) / tick * tick };
        let lots = side * lots as i64;
        self.orders_placed += 1;
        let order = self.orders_placed;
        self.unwinding.insert(order, UnwindOrder { instrument, lots, limit, charged });
        Some(Command::Unwind { order, instrument, lots, limit })
    }
}
