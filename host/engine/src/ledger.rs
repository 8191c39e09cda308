//! Double entry: every movement takes from one owner what it gives to another, so each commodity sums to zero.

use std::collections::BTreeMap;

use crate::event::{AccountId, InstrumentId};

/// Who can own something. System owners are in the ledger only, never on the device, never flagged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Owner {
    /// Where collateral and the fund's endowment come from.
    Outside,
    /// The other side of every trade the accounts make.
    Maker,
    /// The other side of liquidation orders.
    Venue,
    /// Takes accounts over; its inventory is settled at the end.
    Backstop,
    /// The insurance fund; never below zero.
    Insurance,
    /// Losses that no fund covers; its debit is the bad debt.
    Deficit,
    /// A margin account by its index of opening.
    Margin(usize),
}

/// System owners in the order of their codes.
pub const SYSTEM: [Owner; 6] =
    [Owner::Outside, Owner::Maker, Owner::Venue, Owner::Backstop, Owner::Insurance, Owner::Deficit];

impl Owner {
    fn row(self) -> usize {
        match self {
            Self::Outside => 0,
            Self::Maker => 1,
            Self::Venue => 2,
            Self::Backstop => 3,
            Self::Insurance => 4,
            Self::Deficit => 5,
            Self::Margin(index) => SYSTEM.len() + index,
        }
    }

    /// The name in exports.
    pub fn name(self) -> &'static str {
        ["outside", "maker", "venue", "backstop", "insurance", "deficit", "margin"]
            [self.row().min(SYSTEM.len())]
    }
}

/// Quote quanta, and lots by instrument (no entry for none), in instrument order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
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

#[derive(Clone, Debug)]
pub struct Ledger {
    rows: Vec<Holdings>,
    ids: Vec<AccountId>,
    index: BTreeMap<AccountId, usize>,
    /// Sum of all legs ever booked: of quote, then of each instrument. Zero, or the books are wrong.
    legs: Vec<i128>,
    moved: bool,
}

/// Place of an instrument in `legs`.
fn leg(instrument: InstrumentId) -> usize {
    usize::from(instrument.0) + 1
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            rows: vec![Holdings::default(); SYSTEM.len()],
            ids: Vec::new(),
            index: BTreeMap::new(),
            legs: vec![0],
            moved: false,
        }
    }
}

impl Ledger {
    /// Index of the account, opening it if it is new.
    pub fn open(&mut self, id: AccountId) -> usize {
        *self.index.entry(id).or_insert_with(|| {
            self.ids.push(id);
            self.rows.push(Holdings::default());
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
        &self.rows[owner.row()]
    }

    pub fn margin(&self, index: usize) -> &Holdings {
        &self.rows[SYSTEM.len() + index]
    }

    /// The only way anything moves; a negative amount moves the other way.
    pub fn transfer(&mut self, from: Owner, to: Owner, amount: Amount) {
        for (owner, sign) in [(from, -1i64), (to, 1)] {
            let row = &mut self.rows[owner.row()];
            match amount {
                Amount::Quote(quanta) => {
                    row.cash += i128::from(sign) * quanta;
                    self.legs[0] += i128::from(sign) * quanta;
                }
                Amount::Lots(instrument, lots) => {
                    row.add(instrument, sign * lots);
                    self.legs.resize(self.legs.len().max(leg(instrument) + 1), 0);
                    self.legs[leg(instrument)] += i128::from(sign * lots);
                }
            }
        }
        self.moved = true;
    }

    /// Checks what moved since the last call: the legs of every commodity cancel, the fund is not below zero.
    ///
    /// # Panics
    /// If the books are wrong: nothing may go on.
    pub fn assert_event_balanced(&self) {
        assert!(self.legs.iter().all(|&sum| sum == 0), "the legs of an event do not cancel: {:?}", self.legs);
        assert!(self.of(Owner::Insurance).cash >= 0, "the insurance fund is below zero");
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
        let mut sums = vec![0i128; self.legs.len()];
        for row in &self.rows {
            sums[0] += row.cash;
            for &(instrument, size) in &row.positions {
                sums[leg(instrument)] += i128::from(size);
            }
        }
        sums.iter().all(|&sum| sum == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_loses_another_gains() {
        let mut ledger = Ledger::default();
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

    #[test]
    #[should_panic(expected = "the insurance fund is below zero")]
    fn a_fund_below_zero_stops_loudly() {
        let mut ledger = Ledger::default();
        ledger.transfer(Owner::Insurance, Owner::Outside, Amount::Quote(1));
        ledger.assert_event_balanced();
    }
}
