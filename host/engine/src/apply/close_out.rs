//! Accounts that the book cannot bring back. What they hold goes to an estate, at bankruptcy prices; what the estate holds goes to the
//! backstop and to counterparties; what it lacks is borne in the order of the waterfall. One event, balanced at its end, and no pool below
//! zero at any step in it: the funds pay in before anything leaves.
//!
//! Solvent accounts leave their equity with their positions, to whoever takes these over. The deficit of insolvent ones is paid by the funds of
//! their markets, then by the shared fund. What is left is a haircut on those who are deleveraged, then a loss of all other winners, then
//! bad debt. All accounts of an event are netted first, so a burst of them costs one pass over the counterparties.

use std::collections::BTreeSet;

use model::margin::Severity;

use super::effect::Costs;
use super::estate::Estate;
use super::{ActionKind, CLOSE_OUT_MAX, Effect, Engine, Refusal};
use crate::account::{Closing, Pending, Stage};
use crate::event::{AccountId, InstrumentId};
use crate::insurance::adl::{Claim, capped_pro_rata};
use crate::judge::Exact;
use crate::ledger::{Amount, Owner};

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
        // Positions without a requirement carry nothing, so their deficit is everybody's. A solvent account has a requirement.
        let rest = equity.unsigned_abs() - shared;
        if rest > 0 {
            self.ledger.transfer(Owner::Estate, Owner::Margin(index), Amount::Quote(rest as i128));
            estate.loss += rest;
            effect.cash(self, index, rest as i128, false);
        }
        assert_eq!(self.ledger.margin(index).cash, 0, "an account that is closed out ends with nothing");
        (self.standings[index].paid_in, self.standings[index].closing) = (0, Closing::default());
        self.end_liquidation(index, Stage::Closed);
        legs
    }
}
