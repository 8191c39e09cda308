//! Trigger-price ladder: for a position, the nearest marks at which its account would be liquidated, everything else as it is.

use model::margin::Severity;
use serde::Serialize;

use super::line::Leg;
use super::shock::{ONE, Scope};
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
    /// The triggers of an account in an instrument that it holds.
    ///
    /// With a hedge credit or a venue's rounding they are found by bisection, on the side on which the account loses. It is the right one and has one
    /// change only, as long as the liquidatable rung is at most 256: with a price of a contract E of a long rises by S a lot, and what is
    /// required by no more; E of a short falls by as much, and what is required falls by less than that.
    pub fn triggers(&self, index: usize, instrument: InstrumentId) -> Triggers {
        let market = self.market(instrument);
        let (mark, highest) = (market.mark.get(), (1u64 << market.spec.price_bits) - 1);
        let falls = |price: u64| {
            let shocked = self.at_prices(index, |id, other| {
                let price = if id == instrument { price } else { other.mark.get() };
                u128::from(price) * ONE.unsigned_abs()
            });
            shocked.verdict >= Severity::Liquidatable
        };
        if falls(mark) {
            return Triggers { below: Some(mark), above: Some(mark) };
        }
        if !self.is_concave(index) {
            return match self.ledger.margin(index).size(instrument) > 0 {
                true => Triggers { below: falls(1).then(|| search(1, mark, falls)), above: None },
                false => {
                    Triggers { below: None, above: falls(highest).then(|| search(highest, mark, falls)) }
                }
            };
        }
        let moving = self.moving(index);
        let place = moving.positions.iter().position(|position| position.0 == instrument);
        let place = place.expect("it holds the instrument");
        let size = self.ledger.margin(index).size(instrument);
        let holding = market.holding(size).expect("sizes are checked before they take effect");
        // The variable is the price in thousandths of a quantum.
        let per_price = i128::from(size) * i128::from(holding.weights.of(holding.size));
        let equity = [moving.equity(Scope::Only(instrument))[0], per_price];
        let legs = [Leg { notional: size.unsigned_abs().into(), ..moving.legs[place] }];
        let line = self.line(equity, moving.only(self, place).still, &legs);
        let end = ONE * i128::from(highest);
        let (first, last) = line.safe(1, end).expect("it is safe at the mark");
        let below = Some(((first - 1) / ONE) as u64).filter(|&price| price > 0);
        let above = Some((last / ONE + 1) as u64).filter(|&price| price <= highest);
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
