//! Liquidation at risk: accounts, and their notional, that would be liquidated at each of a list of shocks.

use serde::Serialize;

use super::shock::Scope;
use crate::event::InstrumentId;
use crate::state::Engine;

/// Shocks of a profile, permille, ascending; none is 0.
pub const STEPS: [i32; 40] = [
    -500, -450, -400, -350, -300, -250, -200, -190, -180, -170, -160, -150, -140, -130, -120, -110, -100,
    -90, -80, -70, -60, -50, -40, -30, -20, -10, 10, 20, 30, 40, 50, 60, 80, 100, 150, 200, 250, 300, 400,
    500,
];
/// Place of the first shock above 0.
const UP: usize = 26;
const _: () = assert!(STEPS[UP - 1] < 0 && STEPS[UP] > 0);

/// Bits of [`STEPS`] at which an account would be liquidated.
pub(super) type Falls = u64;

/// By step of [`STEPS`]: how many accounts, and their gross notional at the present marks, quanta.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Profile {
    pub accounts: Vec<u64>,
    pub notional: Vec<u128>,
}

impl Default for Profile {
    fn default() -> Self {
        Self { accounts: vec![0; STEPS.len()], notional: vec![0; STEPS.len()] }
    }
}

impl Profile {
    /// An account falls at these steps.
    pub(super) fn add(&mut self, falls: Falls, notional: u128) {
        for at in bits(falls) {
            self.accounts[at] += 1;
            self.notional[at] += notional;
        }
    }

    pub(super) fn remove(&mut self, falls: Falls, notional: u128) {
        for at in bits(falls) {
            self.accounts[at] -= 1;
            self.notional[at] -= notional;
        }
    }
}

fn bits(mut falls: Falls) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let at = falls.trailing_zeros();
        falls &= falls.wrapping_sub(1);
        (at < Falls::BITS).then_some(at as usize)
    })
}

impl Engine {
    /// The profile, each account judged at each step. For tests and benches: [`Exposure`](super::Exposure) gives the same with less work.
    pub fn profile_by_force(&self, scope: Scope) -> Profile {
        let mut profile = Profile::default();
        for index in self.exposed(scope) {
            let falls = (0..STEPS.len()).filter(|&at| self.falls_at(index, scope, STEPS[at]));
            profile.add(falls.map(|at| 1 << at).sum(), self.notional(index));
        }
        profile
    }

    /// The profile, computed anew.
    pub fn profile(&self, scope: Scope) -> Profile {
        let mut profile = Profile::default();
        for index in self.exposed(scope) {
            profile.add(self.falls(index, scope), self.notional(index));
        }
        profile
    }

    fn exposed(&self, scope: Scope) -> impl Iterator<Item = usize> {
        (0..self.ledger.accounts()).filter(move |&index| match scope {
            Scope::All => true,
            Scope::Only(instrument) => self.ledger.margin(index).size(instrument) != 0,
        })
    }

    /// Steps at which the account falls: by bisection to both sides of 0 where it is safe there and its safe shocks are one interval, else one by
    /// one.
    pub(super) fn falls(&self, index: usize, scope: Scope) -> Falls {
        if self.ledger.margin(index).positions.is_empty() && self.ledger.margin(index).cash >= 0 {
            return 0;
        }
        if !self.is_concave(index) || self.falls_at(index, scope, 0) {
            let falls = (0..STEPS.len()).filter(|&at| self.falls_at(index, scope, STEPS[at]));
            return falls.map(|at| 1 << at).sum();
        }
        let safe_from = STEPS[..UP].partition_point(|&step| self.falls_at(index, scope, step));
        let falls_from = UP + STEPS[UP..].partition_point(|&step| !self.falls_at(index, scope, step));
        let below = |at: usize| ((1u128 << at) - 1) as Falls;
        below(safe_from) | below(STEPS.len()) & !below(falls_from)
    }

    /// Notional at the mark that the book has inside the limit band: bids, offers; none before the venue has told one.
    pub fn depth(&self, instrument: InstrumentId) -> Option<[u128; 2]> {
        let market = self.market(instrument);
        let book = market.book.as_ref()?;
        let within = |lots| book.walk(lots, market.spec.limit_band).lots;
        Some([-i64::MAX, i64::MAX].map(|lots| u128::from(within(lots)) * u128::from(market.mark.get())))
    }

    /// Notional that margin accounts hold long and short at the mark, and the share of the ten largest positions in it over the scale, rounded
    /// down.
    pub fn concentration(&self, instrument: InstrumentId) -> (u128, u128, u32) {
        let market = self.market(instrument);
        let mark = u128::from(market.mark.get());
        let mut lots: Vec<u64> = market
            .holders
            .keys()
            .map(|&index| self.ledger.margin(index).size(instrument).unsigned_abs())
            .collect();
        lots.sort_unstable_by_key(|&lots| std::cmp::Reverse(lots));
        let top: u128 = lots.iter().take(10).map(|&lots| u128::from(lots)).sum();
        let all = u128::from(market.long_lots) + u128::from(market.short_lots);
        let share = (top * u128::from(self.scale.get())).checked_div(all).unwrap_or(0) as u32;
        (u128::from(market.long_lots) * mark, u128::from(market.short_lots) * mark, share)
    }
}
