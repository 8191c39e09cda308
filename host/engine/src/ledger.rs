//! Double entry: every movement takes from one owner what it gives to another, so each commodity sums to zero.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::event::{AccountId, InstrumentId};

/// Who can own something. All but the margin accounts are in the ledger only, never on the device, never flagged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Owner {
    /// Where collateral and the funds' endowments come from.
    Outside,
    /// The other side of every trade the accounts make.
    Maker,
    /// The other side of liquidation orders.
    Venue,
    /// Holds what accounts that are closed out leave, within one event; empty after it.
    Estate,
    /// The insurance fund that all markets share; never below zero.
    Insurance,
    /// Losses that nobody covers; its debit is the bad debt.
    Deficit,
    /// The insurance fund of a market; never below zero.
    Fund(InstrumentId),
    /// The backstop's book of a market: what it took over, and what it paid for it.
    Backstop(InstrumentId),
    /// A margin account by its index of opening.
    Margin(usize),
}

/// Owners that no instrument or account has, in the order of their rows.
pub const SYSTEM: [Owner; 6] =
    [Owner::Outside, Owner::Maker, Owner::Venue, Owner::Estate, Owner::Insurance, Owner::Deficit];

impl Owner {
    /// The name in exports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Outside => "outside",
            Self::Maker => "maker",
            Self::Venue => "venue",
            Self::Estate => "estate",
            Self::Insurance => "insurance",
            Self::Deficit => "deficit",
            Self::Fund(_) => "fund",
            Self::Backstop(_) => "backstop",
            Self::Margin(_) => "margin",
        }
    }

    /// True for a pool that can pay no more than it has.
    fn is_fund(self) -> bool {
        matches!(self, Self::Insurance | Self::Fund(_))
    }
}

/// Quote quanta, and lots by instrument (no entry for none), in instrument order.
#[derive(BorshDeserialize, BorshSerialize, Clone, Debug, Default, Eq, PartialEq)]
pub struct Holdings {
    pub cash: i128,
    pub positions: Vec<(InstrumentId, i64)>,
}

impl Holdings {
    /// Lots of the instrument, 0 if none.
    pub fn size(&self, instrument: InstrumentId) -> i64 {
        self.positions.binary_search_by_key(&instrument, |p| p.0).map_or(0, |at| self.positions[at].1)
    }

    fn add(&mut self, instrument: InstrumentId, lots: i64) {
        match self.positions.binary_search_by_key(&instrument, |p| p.0) {
            Ok(at) => {
                self.positions[at].1 += lots;
                if self.positions[at].1 == 0 {
                    self.positions.remove(at);
                }
            }
            Err(at) => self.positions.insert(at, (instrument, lots)),
        }
    }
}

/// What moves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Amount {
    Quote(i128),
    Lots(InstrumentId, i64),
}

/// One movement; a negative amount went the other way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Transfer {
    pub from: Owner,
    pub to: Owner,
    pub amount: Amount,
}

#[derive(Clone, Debug, Default)]
struct MarketHoldings {
    fund: Holdings,
    backstop: Holdings,
}

#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Of [`SYSTEM`].
    system: [Holdings; SYSTEM.len()],
    /// By instrument.
    markets: Vec<MarketHoldings>,
    accounts: Vec<Holdings>,
    ids: Vec<AccountId>,
    index: BTreeMap<AccountId, usize>,
    moved: bool,
    /// Since they were last taken.
    transfers: Vec<Transfer>,
}

impl Ledger {
    /// Gives the next instrument a fund and a backstop.
    pub fn list(&mut self) {
        self.markets.push(MarketHoldings::default());
    }

    /// Index of the account, opening it if it is new.
    pub fn open(&mut self, id: AccountId) -> usize {
        *self.index.entry(id).or_insert_with(|| {
            self.ids.push(id);
            self.accounts.push(Holdings::default());
            self.ids.len() - 1
        })
    }

    pub fn find(&self, id: AccountId) -> Option<usize> {
        self.index.get(&id).copied()
    }

    pub fn id(&self, index: usize) -> AccountId {
        self.ids[index]
    }

    /// Account ids in ascending order with their indices.
    pub fn by_id(&self) -> impl Iterator<Item = (AccountId, usize)> + '_ {
        self.index.iter().map(|(&id, &index)| (id, index))
    }

    pub fn accounts(&self) -> usize {
        self.ids.len()
    }

    pub fn of(&self, owner: Owner) -> &Holdings {
        match owner {
            Owner::Outside => &self.system[0],
            Owner::Maker => &self.system[1],
            Owner::Venue => &self.system[2],
            Owner::Estate => &self.system[3],
            Owner::Insurance => &self.system[4],
            Owner::Deficit => &self.system[5],
            Owner::Fund(market) => &self.markets[usize::from(market.0)].fund,
            Owner::Backstop(market) => &self.markets[usize::from(market.0)].backstop,
            Owner::Margin(index) => &self.accounts[index],
        }
    }

    fn of_mut(&mut self, owner: Owner) -> &mut Holdings {
        match owner {
            Owner::Outside => &mut self.system[0],
            Owner::Maker => &mut self.system[1],
            Owner::Venue => &mut self.system[2],
            Owner::Estate => &mut self.system[3],
            Owner::Insurance => &mut self.system[4],
            Owner::Deficit => &mut self.system[5],
            Owner::Fund(market) => &mut self.markets[usize::from(market.0)].fund,
            Owner::Backstop(market) => &mut self.markets[usize::from(market.0)].backstop,
            Owner::Margin(index) => &mut self.accounts[index],
        }
    }

    pub fn margin(&self, index: usize) -> &Holdings {
        &self.accounts[index]
    }

    /// Every owner but the margin accounts: the system's, then the fund and the backstop of each market.
    pub fn owners(&self) -> impl Iterator<Item = Owner> + use<> {
        let markets = (0..self.markets.len() as u16).map(InstrumentId);
        SYSTEM.into_iter().chain(markets.flat_map(|market| [Owner::Fund(market), Owner::Backstop(market)]))
    }

    /// The only way anything moves; a negative amount moves the other way.
    ///
    /// # Panics
    /// If a fund would pay more than it has: nothing may go on.
    pub fn transfer(&mut self, from: Owner, to: Owner, amount: Amount) {
        for (owner, sign) in [(from, -1i64), (to, 1)] {
            let row = self.of_mut(owner);
            match amount {
                Amount::Quote(quanta) => {
                    row.cash += i128::from(sign) * quanta;
                    assert!(row.cash >= 0 || !owner.is_fund(), "an insurance fund is below zero: {owner:?}");
                }
                Amount::Lots(instrument, lots) => row.add(instrument, sign * lots),
            }
        }
        self.moved = true;
        self.transfers.push(Transfer { from, to, amount });
    }

    /// What was moved since the last call, in order.
    pub(crate) fn take_transfers(&mut self) -> impl Iterator<Item = Transfer> {
        self.transfers.drain(..)
    }

    /// Puts a row in place; whoever restores a ledger checks its balance after the last one.
    pub(crate) fn restore(&mut self, owner: Owner, holdings: Holdings) {
        *self.of_mut(owner) = holdings;
    }

    /// Checks an event: the estate is empty.
    ///
    /// # Panics
    /// If the books are wrong: nothing may go on.
    pub fn assert_no_estate(&self) {
        let estate = self.of(Owner::Estate);
        assert!(estate.cash == 0 && estate.positions.is_empty(), "an event leaves an estate: {estate:?}");
    }

    /// Counts every owner's holdings again, but only if anything moved since the last call.
    ///
    /// # Panics
    /// If the books are wrong: nothing may go on.
    pub fn assert_balanced(&mut self) {
        if std::mem::take(&mut self.moved) {
            assert!(self.is_balanced(), "the books do not balance");
        }
    }

    /// True if every commodity sums to zero over all owners, counted from their holdings.
    pub fn is_balanced(&self) -> bool {
        let (mut quanta, mut lots) = (0i128, vec![0i128; self.markets.len()]);
        let markets = self.markets.iter().flat_map(|market| [&market.fund, &market.backstop]);
        for row in self.system.iter().chain(markets).chain(&self.accounts) {
            quanta += row.cash;
            for &(instrument, size) in &row.positions {
                lots[usize::from(instrument.0)] += i128::from(size);
            }
        }
        quanta == 0 && lots.iter().all(|&sum| sum == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_loses_another_gains() {
        let mut ledger = Ledger::default();
        (0..4).for_each(|_| ledger.list());
        let account = Owner::Margin(ledger.open(AccountId(7)));
        ledger.transfer(Owner::Outside, account, Amount::Quote(50));
        ledger.transfer(Owner::Maker, account, Amount::Lots(InstrumentId(3), 5));
        ledger.assert_balanced();
        assert_eq!((ledger.of(account).cash, ledger.of(account).size(InstrumentId(3))), (50, 5));
        assert_eq!(
            (ledger.of(Owner::Outside).cash, ledger.of(Owner::Maker).size(InstrumentId(3))),
            (-50, -5)
        );
        ledger.transfer(account, Owner::Maker, Amount::Lots(InstrumentId(3), 5));
        assert!(ledger.of(account).positions.is_empty());
    }

    /// A ledger in which lots appeared and quanta vanished past `transfer`.
    fn tampered(lots: i64, quanta: i128) -> Ledger {
        let mut ledger = Ledger::default();
        ledger.list();
        let account = ledger.open(AccountId(7));
        ledger.transfer(Owner::Outside, Owner::Margin(account), Amount::Quote(50));
        ledger.accounts[account].positions.push((InstrumentId(0), lots));
        ledger.accounts[account].cash -= quanta;
        ledger
    }

    #[test]
    #[should_panic(expected = "the books do not balance")]
    fn books_that_do_not_balance_stop_loudly() {
        tampered(5, 0).assert_balanced();
    }

    #[test]
    fn commodities_are_counted_apart_and_only_after_a_transfer() {
        assert!(tampered(0, 0).is_balanced());
        for (lots, quanta) in [(5, 0), (0, 5), (5, 5), (-5, 5)] {
            let mut ledger = tampered(lots, quanta);
            assert!(!ledger.is_balanced(), "{lots} lots, {quanta} quanta");
            ledger.moved = false;
            ledger.assert_balanced();
        }
    }

    #[test]
    #[should_panic(expected = "an insurance fund is below zero")]
    fn a_fund_below_zero_stops_loudly_even_within_an_event() {
        let mut ledger = Ledger::default();
        ledger.list();
        ledger.transfer(Owner::Fund(InstrumentId(0)), Owner::Outside, Amount::Quote(1));
    }

    #[test]
    #[should_panic(expected = "an event leaves an estate")]
    fn an_estate_that_is_left_stops_loudly() {
        let mut ledger = Ledger::default();
        ledger.transfer(Owner::Outside, Owner::Estate, Amount::Quote(1));
        ledger.assert_no_estate();
    }
}
