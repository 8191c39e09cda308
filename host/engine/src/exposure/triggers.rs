//! Trigger-price ladder: for a position, the nearest marks at which its account would be liquidated, everything else as it is.

use model::margin::{self, Severity};
use model::units::Price;
use serde::Serialize;

use crate::event::InstrumentId;
use crate::state::Engine;

/// Quanta per lot; none where no mark of that side does it. Of an account that is liquidatable at the mark, both are the mark.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Triggers {
    /// The highest mark at or below the present one.
    pub below: Option<u64>,
    /// The lowest at or above it.
    pub above: Option<u64>,
}

impl Engine {
    /// The triggers of an account in an instrument that it holds. With hedge credits or a venue's rounding, where the safe marks need not be one
    /// interval, the gross exact requirement is used, which is never less.
    pub fn triggers(&self, index: usize, instrument: InstrumentId) -> Triggers {
        let market = self.market(instrument);
        let (mark, highest) = (market.mark.get(), (1u64 << market.spec.price_bits) - 1);
        let others = self.holdings(index).filter(|(id, ..)| *id != instrument);
        let scale = i128::from(self.scale.get());
        let (mut equity, mut requirement) = (self.ledger.margin(index).cash * scale, 0);
        for (_, _, holding) in others {
            equity += holding.value();
            requirement += holding.requirement();
        }
        let lots = self.ledger.margin(index).size(instrument);
        let falls = |price: u64| {
            let price = Price::new(price).expect("a price within the instrument's bits");
            let own = market.holding_at(lots, price).expect("sizes are checked before they take effect");
            let severity =
                margin::severity(equity + own.value(), requirement + own.requirement(), 0, &self.rungs);
            severity >= Severity::Liquidatable
        };
        if falls(mark) {
            return Triggers { below: Some(mark), above: Some(mark) };
        }
        // Safe at the mark and concave in the price: on each side there is one change.
        let below = falls(0).then(|| search(0, mark, falls));
        let above = falls(highest).then(|| search(highest, mark, falls));
        Triggers { below, above }
    }
}

/// The price nearest to `safe` at which `falls` holds; it does at `fallen`.
fn search(mut fallen: u64, mut safe: u64, falls: impl Fn(u64) -> bool) -> u64 {
    while fallen.abs_diff(safe) > 1 {
        let middle = fallen.midpoint(safe);
        if falls(middle) {
            fallen = middle;
        } else {
            safe = middle;
        }
    }
    fallen
}
