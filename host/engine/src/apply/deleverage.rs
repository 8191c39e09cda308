//! Auto-deleveraging: positions of the other side are closed at the mark against what an estate holds.

use std::collections::BTreeMap;

use super::effect::Costs;
use super::{ActionKind, Effect};
use crate::account::Pending;
use crate::event::{AccountId, InstrumentId};
use crate::insurance::adl::{Claim, capped_pro_rata};
use crate::ledger::Owner;
use crate::state::Engine;

impl Engine {
    /// Counterparties close against the estate's `lots` at the mark: by their profit, what hedges nothing first; where no loss comes with the
    /// lots, those without profit last, by size. They share `surplus`, or bear as much of the loss as their profits and margins allow.
    /// Returns the lots that they took, and the surplus (or loss, below zero) that went with them.
    pub(super) fn deleverage(
        &mut self,
        (instrument, lots, surplus): (InstrumentId, i64, i128),
        carriers: &mut BTreeMap<AccountId, usize>,
        effect: &mut Effect,
    ) -> (i64, i128) {
        let mark = u128::from(self.market(instrument).mark.get());
        let mut candidates = Vec::new();
        for &index in &self.market(instrument).holders {
            let held = self.ledger.margin(index).size(instrument);
            let profit = self.profit(index).max(0).unsigned_abs();
            let bears = surplus >= 0 || profit > 0;
            if held.signum() == -lots.signum() && bears && self.standings[index].pending != Pending::Outcome {
                let unhedged = self.unhedged_lots(index, instrument);
                candidates.push(Candidate { index, held: held.unsigned_abs(), unhedged, profit, taken: 0 });
            }
        }
        candidates.sort_unstable_by_key(|candidate| self.ledger.id(candidate.index));
        let mut left = lots.unsigned_abs();
        let by_profit = |candidate: &Candidate| candidate.profit;
        left -= share_lots(&mut candidates, left, |candidate| candidate.unhedged, by_profit);
        left -= share_lots(&mut candidates, left, |candidate| candidate.held, by_profit);
        if surplus >= 0 {
            let by_size = |candidate: &Candidate| u128::from(candidate.held);
            left -= share_lots(&mut candidates, left, |candidate| candidate.held, by_size);
        }
        candidates.retain(|candidate| candidate.taken > 0);
        let amounts = self.amounts(&candidates, surplus, mark);
        let given: u128 = amounts.iter().sum();
        for (candidate, amount) in candidates.iter().zip(amounts) {
            let Candidate { index, taken, unhedged, .. } = *candidate;
            let before = self.exact(index);
            let change = lots.signum() * taken as i64;
            let amount = surplus.signum() * amount as i128;
            let quote = amount - i128::from(change) * mark as i128;
            self.exchange(index, Owner::Estate, instrument, change, quote);
            effect.position(self, index, instrument, quote, true);
            carriers.insert(self.ledger.id(index), index);
            self.counters.deleveraged += 1;
            self.counters.hedges_cut += u64::from(taken > unhedged);
            self.counters.haircuts += (-amount).max(0);
            let costs = Costs { unpaid: -amount, ..Costs::default() };
            let legs = vec![(instrument, change, quote)];
            effect.action(self, index, ActionKind::Deleveraging, legs, costs, before);
        }
        let taken = lots.unsigned_abs() - left;
        (lots.signum() * taken as i64, surplus.signum() * given as i128)
    }

    /// What each of those who take lots is given of a surplus, or bears of a loss: a loss never takes more than its profit, its margin beyond
    /// the requirement, or the notional it closed.
    fn amounts(&self, candidates: &[Candidate], surplus: i128, mark: u128) -> Vec<u128> {
        let claims: Vec<Claim> = candidates
            .iter()
            .map(|candidate| {
                let notional = u128::from(candidate.taken) * mark;
                if surplus >= 0 {
                    return Claim { weight: notional, cap: u128::MAX };
                }
                let cap = candidate.profit.min(notional).min(self.headroom(candidate.index));
                Claim { weight: candidate.profit, cap }
            })
            .collect();
        capped_pro_rata(surplus.unsigned_abs(), &claims)
    }
}

/// Somebody on the other side of the estate's lots. Sizes are magnitudes, in lots.
struct Candidate {
    index: usize,
    held: u64,
    unhedged: u64,
    /// Quanta.
    profit: u128,
    taken: u64,
}

/// Shares `lots` out by weight, to each at most as many as its cap is above what it has taken. Returns how many were taken.
fn share_lots(
    candidates: &mut [Candidate],
    lots: u64,
    cap: impl Fn(&Candidate) -> u64,
    weight: impl Fn(&Candidate) -> u128,
) -> u64 {
    let claim = |candidate: &Candidate| Claim {
        weight: weight(candidate),
        cap: cap(candidate).saturating_sub(candidate.taken).into(),
    };
    let shares = capped_pro_rata(lots.into(), &candidates.iter().map(claim).collect::<Vec<_>>());
    let mut taken = 0;
    for (candidate, share) in candidates.iter_mut().zip(shares) {
        candidate.taken += share as u64;
        taken += share as u64;
    }
    taken
}
