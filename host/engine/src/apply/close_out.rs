//! Accounts that the book cannot bring back. What they hold goes to an estate, at bankruptcy prices; what the estate holds goes to the
//! backstop and to counterparties; what it lacks is borne in the order of the waterfall. One event, balanced at its end, and no pool below
//! zero at any step in it: the funds pay in before anything leaves.
//!
//! Solvent accounts leave their equity with their positions, to whoever takes these over. The deficit of insolvent ones is paid by the funds of
//! their markets, then by the shared fund. What is left is a haircut on those who are deleveraged, then a loss of all other winners, then
//! bad debt. All accounts of an event are netted first, so a burst of them costs one pass over the counterparties.

use std::collections::{BTreeMap, BTreeSet};

use model::margin::Severity;

use super::effect::Costs;
use super::{ActionKind, CLOSE_OUT_MAX, Effect, Engine, Refusal};
use crate::account::{Closing, Pending, Stage};
use crate::event::{AccountId, InstrumentId};
use crate::insurance::adl::{Claim, capped_pro_rata};
use crate::judge::Exact;
use crate::ledger::{Amount, Owner};
use crate::rules::Kind;

/// What the accounts of an event leave behind.
#[derive(Default)]
struct Estate {
    markets: BTreeMap<InstrumentId, Left>,
    /// A loss that goes with no position, quanta.
    loss: u128,
    /// Who carries lots or loss: compared once, at the event's end, whatever it carries.
    carriers: BTreeMap<AccountId, usize>,
}

/// Lots of a market, and what comes with them beyond their mark: above zero a compensation for whoever takes them, below zero a loss.
#[derive(Clone, Copy, Default)]
struct Left {
    lots: i64,
    surplus: i128,
    /// What the estate paid for them.
    paid: i128,
}

impl Engine {
    /// Solvent accounts are closed out at their bankruptcy prices, the funds' fee first.
    pub(super) fn take_over(&mut self, accounts: &[AccountId], effect: &mut Effect) -> Result<(), Refusal> {
        let is_solvent =
            |exact: &Exact| exact.verdict >= Severity::Liquidatable && exact.verdict < Severity::Insolvent;
        let mut estate = Estate::default();
        for (index, before) in self.closable(accounts, is_solvent)? {
            let mut equity = self.equity_floor(index);
            let mut fees = 0;
            for (instrument, lots) in self.ledger.margin(index).positions.clone() {
                let notional = i128::from(lots) * i128::from(self.market(instrument).mark.get());
                let fee = self.fee(instrument, notional).min(equity).max(0);
                self.pay_fee(Owner::Margin(index), instrument, fee);
                (equity, fees) = (equity - fee, fees + fee);
            }
            effect.cash(self, index, -fees, true);
            let legs = self.hand_over(index, equity, &mut estate, effect);
            self.counters.takeovers += 1;
            let costs = Costs { fee: fees, ..Costs::default() };
            effect.action(self, index, ActionKind::Takeover, legs, costs, before);
        }
        self.distribute(estate, effect);
        Ok(())
    }

    /// Insolvent accounts are closed out: the funds pay their deficits as far as they can before anything leaves.
    pub(super) fn bankrupt(&mut self, accounts: &[AccountId], effect: &mut Effect) -> Result<(), Refusal> {
        let mut estate = Estate::default();
        for (index, before) in self.closable(accounts, |exact| exact.verdict == Severity::Insolvent)? {
            let deficit = -self.equity_floor(index);
            let paid = self.pay_deficit(index, deficit.unsigned_abs()) as i128;
            effect.cash(self, index, paid, !self.ledger.margin(index).positions.is_empty());
            let legs = self.hand_over(index, paid - deficit, &mut estate, effect);
            self.counters.bankruptcies += 1;
            let costs = Costs { fee: 0, fund_paid: paid, unpaid: deficit - paid };
            effect.action(self, index, ActionKind::Bankruptcy, legs, costs, before);
        }
        self.distribute(estate, effect);
        Ok(())
    }

    /// The accounts of an event, judged again: the command that led to it is no longer under way. One that does not fit refuses all.
    fn closable(
        &mut self,
        accounts: &[AccountId],
        fits: impl Fn(&Exact) -> bool,
    ) -> Result<Vec<(usize, Exact)>, Refusal> {
        let distinct: BTreeSet<AccountId> = accounts.iter().copied().collect();
        if accounts.is_empty() || accounts.len() > CLOSE_OUT_MAX || distinct.len() != accounts.len() {
            return Err(Refusal::CloseOut);
        }
        let ordered: BTreeSet<usize> = self.orders.values().map(|order| order.index).collect();
        let mut closable = Vec::with_capacity(accounts.len());
        let mut refusal = None;
        for &account in accounts {
            match self.ledger.find(account) {
                None => refusal = Some(Refusal::Account),
                Some(index) if ordered.contains(&index) => refusal = Some(Refusal::Severity),
                Some(index) => {
                    self.standings[index].pending = Pending::Nothing;
                    let exact = self.exact(index);
                    if !fits(&exact) {
                        refusal = Some(Refusal::Severity);
                    }
                    closable.push((index, exact));
                }
            }
        }
        refusal.map_or(Ok(closable), Err)
    }

    /// Cash and positions at their values in whole quanta, each rounded down: against the account.
    fn equity_floor(&self, index: usize) -> i128 {
        let scale = i128::from(self.scale.get());
        let values: i128 = self.holdings(index).map(|(.., holding)| holding.value().div_euclid(scale)).sum();
        self.ledger.margin(index).cash + values
    }

    /// The funds of the account's markets pay, the one with the highest requirement first, then the shared fund.
    fn pay_deficit(&mut self, index: usize, deficit: u128) -> u128 {
        let mut markets: Vec<(i128, InstrumentId)> = self
            .holdings(index)
            .map(|(instrument, _, holding)| (-holding.requirement(), instrument))
            .collect();
        markets.sort_unstable();
        let markets: Vec<InstrumentId> = markets.into_iter().map(|(_, instrument)| instrument).collect();
        self.draw_funds(Owner::Margin(index), &markets, deficit)
    }

    /// Every position goes to the estate, with `equity` (a deficit if below zero) shared out by requirement: the account ends with nothing.
    fn hand_over(
        &mut self,
        index: usize,
        equity: i128,
        estate: &mut Estate,
        effect: &mut Effect,
    ) -> Vec<(InstrumentId, i64, i128)> {
        let scale = i128::from(self.scale.get());
        let (mut held, mut claims) = (Vec::new(), Vec::new());
        for (instrument, lots, holding) in self.holdings(index) {
            held.push((instrument, lots, holding.value().div_euclid(scale)));
            claims.push(Claim { weight: holding.requirement().unsigned_abs(), cap: u128::MAX });
        }
        let shares = capped_pro_rata(equity.unsigned_abs(), &claims);
        let shared: u128 = shares.iter().sum();
        let mut legs = Vec::with_capacity(held.len());
        for (at, (&(instrument, lots, value), share)) in held.iter().zip(shares).enumerate() {
            let surplus = equity.signum() * share as i128;
            let quote = value - surplus;
            self.exchange(index, Owner::Estate, instrument, -lots, quote);
            let left = estate.markets.entry(instrument).or_default();
            left.lots += lots;
            left.surplus += surplus;
            left.paid += quote;
            effect.position(
                self,
                index,
                instrument,
                quote,
                at + 1 < held.len() || shared != equity.unsigned_abs(),
            );
            legs.push((instrument, -lots, quote));
        }
        // Positions without a requirement carry nothing: equity goes to the shared fund, a deficit is everybody's.
        let rest = equity - equity.signum() * shared as i128;
        if rest != 0 {
            if rest > 0 {
                self.ledger.transfer(Owner::Margin(index), Owner::Insurance, Amount::Quote(rest));
                self.counters.insurance_in += rest;
            } else {
                self.ledger.transfer(Owner::Estate, Owner::Margin(index), Amount::Quote(-rest));
                estate.loss += rest.unsigned_abs();
            }
            effect.cash(self, index, -rest, false);
        }
        assert_eq!(self.ledger.margin(index).cash, 0, "an account that is closed out ends with nothing");
        (self.standings[index].paid_in, self.standings[index].closing) = (0, Closing::default());
        self.end_liquidation(index, Stage::Closed);
        legs
    }

    /// The estate's lots and cash go to those who carry them, until nothing is left of it.
    fn distribute(&mut self, mut estate: Estate, effect: &mut Effect) {
        let (mut loss, carriers) = (estate.loss, &mut estate.carriers);
        for (instrument, left) in estate.markets {
            loss += match self.market(instrument).spec.kind {
                Kind::Contract => self.distribute_market(instrument, left, carriers, effect),
                Kind::Collateral => {
                    self.give_backstop(instrument, left.lots, left.paid);
                    0
                }
            };
        }
        let borne = self.socialise(loss, carriers, effect);
        self.ledger.transfer(Owner::Deficit, Owner::Estate, Amount::Quote((loss - borne) as i128));
        for &index in carriers.values() {
            effect.cash(self, index, 0, false);
        }
    }

    /// One market's lots at its mark. Returns the loss that nobody who took lots bears.
    fn distribute_market(
        &mut self,
        instrument: InstrumentId,
        left: Left,
        carriers: &mut BTreeMap<AccountId, usize>,
        effect: &mut Effect,
    ) -> u128 {
        let Left { mut lots, mut surplus, .. } = left;
        let mark = i128::from(self.market(instrument).mark.get());
        if lots == 0 && surplus > 0 {
            self.ledger.transfer(Owner::Estate, Owner::Insurance, Amount::Quote(surplus));
            self.counters.insurance_in += surplus;
            return 0;
        }
        if surplus >= 0 {
            let taken = self.backstop_room(instrument, lots).min(lots.unsigned_abs()) as i64 * lots.signum();
            let share = if lots == 0 { 0 } else { surplus * i128::from(taken) / i128::from(lots) };
            self.give_backstop(instrument, taken, i128::from(taken) * mark - share);
            (lots, surplus) = (lots - taken, surplus - share);
        }
        if lots != 0 {
            let (taken, given) = self.deleverage((instrument, lots, surplus), carriers, effect);
            (lots, surplus) = (lots - taken, surplus - given);
        }
        let beyond = lots.unsigned_abs().saturating_sub(self.backstop_room(instrument, lots));
        self.counters.backstop_beyond += u128::from(beyond) * mark.unsigned_abs();
        self.give_backstop(instrument, lots, i128::from(lots) * mark - surplus.max(0));
        surplus.min(0).unsigned_abs()
    }

    /// The backstop takes lots of the estate for `quote`.
    fn give_backstop(&mut self, instrument: InstrumentId, lots: i64, quote: i128) {
        let backstop = Owner::Backstop(instrument);
        if lots != 0 {
            self.ledger.transfer(Owner::Estate, backstop, Amount::Lots(instrument, lots));
        }
        self.ledger.transfer(backstop, Owner::Estate, Amount::Quote(quote));
    }

    /// Counterparties close against the estate's `lots` at the mark: by their profit, what hedges nothing first; where no loss comes with the
    /// lots, those without profit last, by size. They share `surplus`, or bear as much of the loss as their profits and margins allow.
    /// Returns the lots that they took, and the surplus (or loss, below zero) that went with them.
    fn deleverage(
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

    /// What is left of a loss is borne by everybody in profit, as far as their profits and margins allow. Returns what they bear.
    fn socialise(
        &mut self,
        loss: u128,
        carriers: &mut BTreeMap<AccountId, usize>,
        effect: &mut Effect,
    ) -> u128 {
        if loss == 0 {
            return 0;
        }
        let winners: Vec<usize> =
            self.ledger.by_id().map(|(_, index)| index).filter(|&index| self.profit(index) > 0).collect();
        let claim = |&index: &usize| {
            let profit = self.profit(index).unsigned_abs();
            Claim { weight: profit, cap: profit.min(self.headroom(index)) }
        };
        let shares = capped_pro_rata(loss, &winners.iter().map(claim).collect::<Vec<_>>());
        for (&index, &share) in winners.iter().zip(&shares).filter(|(_, share)| **share > 0) {
            let before = self.exact(index);
            self.ledger.transfer(Owner::Margin(index), Owner::Estate, Amount::Quote(share as i128));
            effect.cash(self, index, -(share as i128), true);
            carriers.insert(self.ledger.id(index), index);
            self.counters.socialised += 1;
            self.counters.socialised_loss += share as i128;
            let costs = Costs { unpaid: share as i128, ..Costs::default() };
            effect.action(self, index, ActionKind::SocialisedLoss, Vec::new(), costs, before);
        }
        shares.iter().sum()
    }

    /// Lots of this sign that the backstop may take: what reduces its inventory, and beyond that up to its notional, as long as the market has
    /// not cost it its limit.
    pub(crate) fn backstop_room(&self, instrument: InstrumentId, lots: i64) -> u64 {
        let market = self.market(instrument);
        let book = self.ledger.of(Owner::Backstop(instrument));
        let (inventory, mark) = (book.size(instrument), u128::from(market.mark.get().max(1)));
        let reducing = if inventory.signum() == -lots.signum() { inventory.unsigned_abs() } else { 0 };
        let loss = -(book.cash + i128::from(inventory) * mark as i128);
        if loss >= i128::from(market.spec.backstop.loss) {
            return reducing;
        }
        let same_side = if reducing == 0 { inventory.unsigned_abs() } else { 0 };
        let lots_max = (u128::from(market.spec.backstop.notional) / mark).min(i64::MAX as u128) as u64;
        reducing.saturating_add(lots_max.saturating_sub(same_side))
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
