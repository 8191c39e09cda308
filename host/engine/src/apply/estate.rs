//! What closed-out accounts leave goes to the backstop inside its limits, to counterparties that are deleveraged, and to the backstop beyond
//! its limits if nobody is left; a loss to those who are deleveraged, to all other winners, and to the deficit account.

use std::collections::BTreeMap;

use super::effect::Costs;
use super::{ActionKind, Effect};
use crate::event::{AccountId, InstrumentId};
use crate::insurance::adl::{Claim, capped_pro_rata};
use crate::ledger::{Amount, Owner};
use crate::rules::Kind;
use crate::state::Engine;

/// What the accounts of an event leave behind.
#[derive(Default)]
pub(super) struct Estate {
    pub markets: BTreeMap<InstrumentId, Left>,
    /// A loss that goes with no position, quanta.
    pub loss: u128,
    /// Who carries lots or loss: compared once, at the event's end, whatever it carries.
    carriers: BTreeMap<AccountId, usize>,
}

/// Lots of a market, and what comes with them beyond their mark: above zero a compensation for whoever takes them, below zero a loss.
#[derive(Clone, Copy, Default)]
pub(super) struct Left {
    pub lots: i64,
    pub surplus: i128,
    /// What the estate paid for them.
    pub paid: i128,
}

impl Engine {
    /// The estate's lots and cash go to those who carry them, until nothing is left of it.
    pub(super) fn distribute(&mut self, mut estate: Estate, effect: &mut Effect) {
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
        let mut loss = 0;
        if surplus < 0 {
            let (taken, borne) = self.deleverage((instrument, lots, surplus), carriers, effect);
            (lots, loss, surplus) = (lots - taken, (borne - surplus).unsigned_abs(), 0);
        }
        let taken = self.backstop_room(instrument, lots).min(lots.unsigned_abs()) as i64 * lots.signum();
        let share = if lots == 0 { 0 } else { surplus * i128::from(taken) / i128::from(lots) };
        self.give_backstop(instrument, taken, i128::from(taken) * mark - share);
        (lots, surplus) = (lots - taken, surplus - share);
        if lots != 0 {
            let (taken, given) = self.deleverage((instrument, lots, surplus), carriers, effect);
            (lots, surplus) = (lots - taken, surplus - given);
        }
        let beyond = lots.unsigned_abs().saturating_sub(self.backstop_room(instrument, lots));
        self.counters.backstop_beyond += u128::from(beyond) * mark.unsigned_abs();
        self.give_backstop(instrument, lots, i128::from(lots) * mark - surplus);
        loss
    }

    /// The backstop takes lots of the estate for `quote`.
    fn give_backstop(&mut self, instrument: InstrumentId, lots: i64, quote: i128) {
        let backstop = Owner::Backstop(instrument);
        if lots != 0 {
            self.ledger.transfer(Owner::Estate, backstop, Amount::Lots(instrument, lots));
        }
        self.ledger.transfer(backstop, Owner::Estate, Amount::Quote(quote));
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
