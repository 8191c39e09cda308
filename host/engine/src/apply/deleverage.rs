//! Auto-deleveraging: positions of the other side are closed at the mark against what an estate holds.

use std::collections::BTreeMap;

use super::effect::Costs;
use super::{ActionKind, Effect};
use crate::account::Pending;
use crate::event::{AccountId, InstrumentId};
use crate::insurance::adl::{Claim, capped_pro_rata};
use crate::insurance::ranking::{Candidate as Ranked, order};
use crate::judge::Exact;
use crate::ledger::Owner;
use crate::rules::{Deleveraging, Kind};
use crate::state::Engine;

impl Engine {
    /// Counterparties close against the estate's `lots` at the mark, as many of each as the rule says. They share `surplus`, or bear as much of
    /// the loss as their profits and margins allow. Returns the lots that they took, and the surplus (or loss, below zero) that went with them.
    pub(super) fn deleverage(
        &mut self,
        (instrument, lots, surplus): (InstrumentId, i64, i128),
        carriers: &mut BTreeMap<AccountId, usize>,
        effect: &mut Effect,
    ) -> (i64, i128) {
        let mark = u128::from(self.market(instrument).mark.get());
        let mut candidates = self.counterparties(instrument, lots, surplus >= 0);
        let taken = match self.rules.deleveraging {
            Deleveraging::ProRata => take_pro_rata(&mut candidates, lots.unsigned_abs(), surplus >= 0),
            rule => {
                let mut ranked: Vec<Ranked> =
                    candidates.iter().map(|candidate| self.ranked(candidate.index, instrument)).collect();
                order(rule, effect.sequence, &mut ranked);
                take_in_order(&mut candidates, &ranked, lots.unsigned_abs())
            }
        };
        candidates.retain(|candidate| candidate.taken > 0);
        let amounts = self.amounts(&candidates, surplus, mark);
        let given: u128 = amounts.iter().sum();
        for (candidate, amount) in candidates.iter().zip(amounts) {
            let Candidate { account, index, taken, unhedged, .. } = *candidate;
            let before = self.exact(index);
            let change = lots.signum() * taken as i64;
            let amount = surplus.signum() * amount as i128;
            let quote = amount - i128::from(change) * mark as i128;
            self.exchange(index, Owner::Estate, instrument, change, quote);
            effect.position(self, index, instrument, quote, true);
            carriers.insert(account, index);
            self.counters.deleveraged += 1;
            self.counters.hedges_cut += u64::from(taken > unhedged);
            self.counters.haircuts += (-amount).max(0);
            let costs = Costs { unpaid: -amount, ..Costs::default() };
            let legs = vec![(instrument, change, quote)];
            effect.action(self, index, ActionKind::Deleveraging, legs, costs, before);
        }
        (lots.signum() * taken as i64, surplus.signum() * given as i128)
    }

    /// Those on the other side of `lots`, by account: where a loss comes with the lots, those in profit only. Whoever waits for the outcome of
    /// something else is passed over.
    fn counterparties(&self, instrument: InstrumentId, lots: i64, losers_too: bool) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        for &index in self.market(instrument).holders.keys() {
            let held = self.ledger.margin(index).size(instrument);
            let profit = self.profit(index).max(0).unsigned_abs();
            let is_free = self.standings[index].pending != Pending::Outcome;
            if held.signum() == -lots.signum() && is_free && (losers_too || profit > 0) {
                candidates.push(Candidate {
                    account: self.ledger.id(index),
                    index,
                    held: held.unsigned_abs(),
                    unhedged: self.unhedged_lots(index, instrument),
                    profit,
                    taken: 0,
                });
            }
        }
        candidates.sort_unstable_by_key(|candidate| candidate.account);
        candidates
    }

    /// What the venues' rankings read of a position and its account.
    fn ranked(&self, index: usize, instrument: InstrumentId) -> Ranked {
        let (mut wallet, mut profit) = (self.ledger.margin(index).cash, 0);
        for (held, lots, holding) in self.holdings(index) {
            let market = self.market(held);
            if market.spec.kind == Kind::Contract {
                let entry = market.holders[&index];
                wallet += entry;
                profit += i128::from(lots) * i128::from(holding.price.get()) - entry;
            }
        }
        let (market, Exact { equity, requirement, .. }) = (self.market(instrument), self.exact(index));
        let lots = self.ledger.margin(index).size(instrument);
        let mark_value = u128::from(lots.unsigned_abs()) * u128::from(market.mark.get());
        let equity_quanta = equity.div_euclid(i128::from(self.scale.get()));
        Ranked {
            account: self.ledger.id(index).0,
            is_long: lots > 0,
            mark_value,
            entry_value: market.holders[&index].unsigned_abs(),
            bankrupt_value: mark_value as i128 - i128::from(lots.signum()) * equity_quanta,
            equity,
            maintenance: requirement.unsigned_abs(),
            wallet,
            profit,
        }
    }

    /// What each of those who take lots is given of a surplus, or bears of a loss: a loss never takes more than its profit, its margin beyond
    /// the requirement, or the notional it closed. Pro rata a loss is shared by profit; in an order every lot bears the same, as at one price.
    fn amounts(&self, candidates: &[Candidate], surplus: i128, mark: u128) -> Vec<u128> {
        let claims: Vec<Claim> = candidates
            .iter()
            .map(|candidate| {
                let notional = u128::from(candidate.taken) * mark;
                if surplus >= 0 {
                    return Claim { weight: notional, cap: u128::MAX };
                }
                let cap = candidate.profit.min(notional).min(self.headroom(candidate.index));
                match self.rules.deleveraging {
                    Deleveraging::ProRata => Claim { weight: candidate.profit, cap },
                    _ => Claim { weight: notional, cap },
                }
            })
            .collect();
        capped_pro_rata(surplus.unsigned_abs(), &claims)
    }
}

/// Somebody on the other side of the estate's lots. Sizes are magnitudes, in lots.
struct Candidate {
    account: AccountId,
    index: usize,
    held: u64,
    unhedged: u64,
    /// Quanta.
    profit: u128,
    taken: u64,
}

/// Lots by profit, what hedges nothing first; with `losers_too` those without profit last, by size. Returns how many were taken.
fn take_pro_rata(candidates: &mut [Candidate], lots: u64, losers_too: bool) -> u64 {
    let mut left = lots;
    let by_profit = |candidate: &Candidate| candidate.profit;
    left -= share_lots(candidates, left, |candidate| candidate.unhedged, by_profit);
    left -= share_lots(candidates, left, |candidate| candidate.held, by_profit);
    if losers_too {
        let by_size = |candidate: &Candidate| u128::from(candidate.held);
        left -= share_lots(candidates, left, |candidate| candidate.held, by_size);
    }
    lots - left
}

/// Whole positions one after the other, hedges like others: as the venues do whose orders these are. Returns how many lots were taken.
fn take_in_order(candidates: &mut [Candidate], ranked: &[Ranked], lots: u64) -> u64 {
    let mut left = lots;
    for ranked in ranked {
        let at = candidates
            .binary_search_by_key(&ranked.account, |candidate| candidate.account.0)
            .expect("the ranked are the candidates");
        candidates[at].taken = candidates[at].held.min(left);
        left -= candidates[at].taken;
    }
    lots - left
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
