//! The funds against jumps of all marks at once.

use model::units::Price;

use crate::insurance::cover::{Cover, Shortfall, cover_two};
use crate::state::Engine;

/// Jumps that a fund is measured against, permille of every mark.
pub const SHOCKS: [i32; 10] = [-500, -300, -200, -100, -50, 50, 100, 200, 300, 500];

impl Engine {
    /// What all funds together must hold for the failure of the two owners who lose most beyond their collateral, in the worst of the shocks;
    /// each moves every mark at once, and nobody is closed on the way. Quanta.
    pub fn cover_two(&self, shocks: &[i32]) -> Cover {
        let scenarios: Vec<_> = shocks.iter().map(|&permille| self.shortfalls(permille)).collect();
        cover_two(self.insurance().max(0).unsigned_abs(), &scenarios)
    }

    /// What accounts are short of at the shocked marks, rounded up.
    fn shortfalls(&self, permille: i32) -> Vec<Shortfall> {
        let scale = i128::from(self.scale.get());
        let accounts = self.standings.iter().enumerate();
        accounts
            .filter_map(|(index, standing)| {
                let values = self.ledger.margin(index).positions.iter().map(|&(instrument, lots)| {
                    let market = self.market(instrument);
                    let price = shocked(market.mark, permille);
                    market.holding_at(lots, price).expect("sizes are checked before they take effect").value()
                });
                let equity = self.ledger.margin(index).cash * scale + values.sum::<i128>();
                let amount = (-equity.div_euclid(scale)).max(0).unsigned_abs();
                (amount > 0).then_some(Shortfall { owner: standing.owner, amount })
            })
            .collect()
    }
}

/// The mark after a jump, rounded down, inside the range of prices.
fn shocked(mark: Price, permille: i32) -> Price {
    let price = i128::from(mark.get()) * i128::from(1_000 + permille) / 1_000;
    Price::new(price.clamp(0, Price::MAX.into()) as u64).expect("clamped to the range of prices")
}
