//! What is open in a market, who holds it, and what the book has room for.

use std::collections::BTreeMap;

use crate::event::InstrumentId;
use crate::state::Engine;

/// Owners who count as the largest.
pub const LARGEST: usize = 10;

/// A market at its mark. Quanta.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Concentration {
    /// Notional that margin accounts hold long and short.
    pub long: u128,
    pub short: u128,
    /// Of it what the [`LARGEST`] owners hold; the accounts of one owner count together.
    pub largest: u128,
    /// Notional that the book has inside the limit band, bids and offers; `None` before the venue has told one.
    pub depth: Option<[u128; 2]>,
}

impl Engine {
    pub fn concentration(&self, instrument: InstrumentId) -> Concentration {
        let market = self.market(instrument);
        let notional = |lots: u64| u128::from(lots) * u128::from(market.mark.get());
        let mut owners: BTreeMap<u64, u128> = BTreeMap::new();
        for &index in market.holders.keys() {
            let held = self.ledger.margin(index).size(instrument).unsigned_abs();
            *owners.entry(self.standings[index].owner).or_default() += notional(held);
        }
        let mut owned: Vec<u128> = owners.into_values().collect();
        owned.sort_unstable();
        let depth = market.book.as_ref().map(|book| {
            [-i64::MAX, i64::MAX].map(|lots| notional(book.walk(lots, market.spec.limit_band).lots))
        });
        Concentration {
            long: notional(market.long_lots),
            short: notional(market.short_lots),
            largest: owned.iter().rev().take(LARGEST).sum(),
            depth,
        }
    }
}
