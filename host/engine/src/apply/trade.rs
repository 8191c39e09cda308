//! What the outside does: listings, deposits, trades, resting orders.

use super::gates::adds;
use super::{Effect, Engine, Market, POSITIONS_MAX, Refusal};
use crate::account::{Pending, Stage, Standing};
use crate::book::Book;
use crate::event::{AccountId, Change, InstrumentId};
use crate::ledger::{Amount, Owner};
use crate::rules::{InstrumentSpec, Kind};
use crate::state::Order;

/// Furthest the ledger lets cash grow: one bit below the device's 2^62.
const CASH_MAX: i128 = 1 << 61;

/// Bound of an account's gross notional at the highest prices its instruments' bits allow, so that no mark can take a cash move out of range.
const EXPOSURE_MAX: u128 = 1 << 61;

impl Engine {
    pub(super) fn endow(&mut self, instrument: Option<InstrumentId>, quanta: i64) -> Result<(), Refusal> {
        if quanta < 0 {
            return Err(Refusal::Cash);
        }
        let fund = match instrument {
            Some(market) if usize::from(market.0) < self.markets.len() => Owner::Fund(market),
            Some(_) => return Err(Refusal::Instrument),
            None => Owner::Insurance,
        };
        self.ledger.transfer(Owner::Outside, fund, Amount::Quote(quanta.into()));
        self.counters.insurance_start += i128::from(quanta);
        Ok(())
    }

    pub(super) fn list(
        &mut self,
        instrument: InstrumentId,
        spec: &InstrumentSpec,
        effect: &mut Effect,
    ) -> Result<(), Refusal> {
        if usize::from(instrument.0) != self.markets.len() {
            return Err(Refusal::Instrument);
        }
        if spec.expiry.is_some_and(|expiry| expiry.time_ms <= self.time_ms) {
            return Err(Refusal::Settled);
        }
        self.markets.push(Market::new(spec.clone(), self.scale).map_err(|_| Refusal::Instrument)?);
        self.ledger.list();
        effect.update(Change::List { instrument, spec: Box::new(spec.clone()) });
        Ok(())
    }

    pub(super) fn tell_book(&mut self, instrument: InstrumentId, book: &Book) -> Result<(), Refusal> {
        let market = self.markets.get_mut(usize::from(instrument.0)).ok_or(Refusal::Instrument)?;
        if !book.is_sound() {
            return Err(Refusal::Book);
        }
        market.book = Some(book.clone());
        Ok(())
    }

    pub(super) fn open(
        &mut self,
        account: AccountId,
        owner: u64,
        isolated: Option<InstrumentId>,
    ) -> Result<(), Refusal> {
        let is_contract = |id: InstrumentId| {
            self.markets.get(usize::from(id.0)).is_some_and(|market| market.spec.kind == Kind::Contract)
        };
        if self.ledger.find(account).is_some() || isolated.is_some_and(|id| !is_contract(id)) {
            return Err(Refusal::Opening);
        }
        self.ledger.open(account);
        self.standings.push(Standing { owner, isolated, ..Standing::default() });
        Ok(())
    }

    pub(super) fn deposit(
        &mut self,
        account: AccountId,
        quanta: i64,
        effect: &mut Effect,
    ) -> Result<(), Refusal> {
        let cash = self.ledger.find(account).map_or(0, |index| self.ledger.margin(index).cash);
        if quanta < 0 || !cash_in_range(cash + i128::from(quanta)) {
            return Err(Refusal::Cash);
        }
        let index = self.ledger.open(account);
        if index == self.standings.len() {
            self.standings.push(Standing { owner: account.0, ..Standing::default() });
        }
        self.ledger.transfer(Owner::Outside, Owner::Margin(index), Amount::Quote(quanta.into()));
        self.standings[index].paid_in += i128::from(quanta);
        effect.cash(self, index, quanta.into(), false);
        Ok(())
    }

    pub(super) fn deposit_asset(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        lots: i64,
        effect: &mut Effect,
    ) -> Result<(), Refusal> {
        let index = self.ledger.find(account).ok_or(Refusal::Account)?;
        let size = self.size_after(index, instrument, lots)?;
        if self.market(instrument).spec.kind != Kind::Collateral {
            return Err(Refusal::NotCollateral);
        }
        if lots <= 0 {
            return Err(Refusal::Size);
        }
        self.check_exposure(index, instrument, size)?;
        self.exchange(index, Owner::Outside, instrument, lots, 0);
        effect.position(self, index, instrument, 0, false);
        Ok(())
    }

    pub(super) fn move_collateral(
        &mut self,
        from: AccountId,
        to: AccountId,
        quanta: i64,
        effect: &mut Effect,
    ) -> Result<(), Refusal> {
        let payer = self.ledger.find(from).ok_or(Refusal::Account)?;
        let payee = self.ledger.find(to).ok_or(Refusal::Account)?;
        if self.standings[payer].owner != self.standings[payee].owner {
            return Err(Refusal::OtherOwner);
        }
        let amount = i128::from(quanta);
        let [paid, received] = [payer, payee].map(|index| self.ledger.margin(index).cash);
        if quanta < 0 || payer == payee || !cash_in_range(paid - amount) || !cash_in_range(received + amount)
        {
            return Err(Refusal::Cash);
        }
        self.check_leaving(payer, amount)?;
        self.ledger.transfer(Owner::Margin(payer), Owner::Margin(payee), Amount::Quote(amount));
        for (index, delta) in [(payer, -amount), (payee, amount)] {
            self.standings[index].paid_in += delta;
            effect.cash(self, index, delta, false);
        }
        Ok(())
    }

    pub(super) fn rest(&mut self, account: AccountId, count: u32, reserved: u64) -> Result<(), Refusal> {
        let index = self.ledger.find(account).ok_or(Refusal::Account)?;
        let standing = &mut self.standings[index];
        (standing.resting, standing.reserved) = (count, reserved);
        if count == 0 && standing.pending == Pending::Cancel {
            standing.pending = Pending::Nothing;
        }
        Ok(())
    }

    pub(super) fn trade(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        lots: i64,
        quote: i64,
        effect: &mut Effect,
    ) -> Result<(), Refusal> {
        let index = self.ledger.find(account).ok_or(Refusal::Account)?;
        let size = self.size_after(index, instrument, lots)?;
        let is_out = |order: &Order| order.index == index && order.instrument == instrument;
        if self.standings[index].pending == Pending::Outcome && self.orders.values().any(is_out) {
            return Err(Refusal::OrderOut);
        }
        if lots == 0 || quote != 0 && (lots > 0) == (quote > 0) {
            return Err(Refusal::Sign);
        }
        if !cash_in_range(self.ledger.margin(index).cash + i128::from(quote)) {
            return Err(Refusal::Cash);
        }
        self.check_exposure(index, instrument, size)?;
        self.check_margin(index, instrument, size, quote)?;
        self.exchange(index, Owner::Maker, instrument, lots, quote.into());
        if self.standings[index].stage == Stage::Closed {
            self.standings[index].stage = Stage::Standing;
        }
        effect.position(self, index, instrument, quote.into(), false);
        Ok(())
    }

    /// The market, if it still trades.
    pub(super) fn trading(&self, instrument: InstrumentId) -> Result<&Market, Refusal> {
        let market = self.markets.get(usize::from(instrument.0)).ok_or(Refusal::Instrument)?;
        if market.settled.is_some() { Err(Refusal::Settled) } else { Ok(market) }
    }

    /// Lots that the account would hold.
    pub(super) fn size_after(
        &self,
        index: usize,
        instrument: InstrumentId,
        lots: i64,
    ) -> Result<i64, Refusal> {
        let market = self.trading(instrument)?;
        if market.guard.applied().is_none() {
            return Err(Refusal::NoMark);
        }
        if self.standings[index].isolated.is_some_and(|only| only != instrument) {
            return Err(Refusal::Isolated);
        }
        let holdings = self.ledger.margin(index);
        let size = holdings.size(instrument).checked_add(lots).ok_or(Refusal::Size)?;
        market.holding(size).ok_or(Refusal::Size)?;
        if holdings.size(instrument) == 0 && holdings.positions.len() == POSITIONS_MAX {
            return Err(Refusal::Positions);
        }
        Ok(size)
    }

    /// The account's gross notional at the highest representable prices stays in range with `size` lots of `instrument`.
    fn check_exposure(&self, index: usize, instrument: InstrumentId, size: i64) -> Result<(), Refusal> {
        let others = self.ledger.margin(index).positions.iter().filter(|position| position.0 != instrument);
        let notional: u128 = others
            .copied()
            .chain([(instrument, size)])
            .map(|(id, lots)| u128::from(lots.unsigned_abs()) << self.market(id).spec.price_bits)
            .sum();
        if notional >= EXPOSURE_MAX { Err(Refusal::Exposure) } else { Ok(()) }
    }

    /// A trade that adds to a position leaves the account with its initial margin, and that of its resting orders. One that reduces it is
    /// possible at any price that does not take the account below nothing, or further below.
    fn check_margin(
        &self,
        index: usize,
        instrument: InstrumentId,
        size: i64,
        quote: i64,
    ) -> Result<(), Refusal> {
        let (market, held) = (self.market(instrument), self.ledger.margin(index).size(instrument));
        let scale = i128::from(self.scale.get());
        let [before, after] =
            [held, size].map(|lots| market.holding(lots).expect("sizes are checked before").value());
        let equity_before = self.exact(index).equity;
        let equity = equity_before + scale * i128::from(quote) + after - before;
        let adds = adds(held, size);
        if adds {
            self.check_opening(instrument, size.abs_diff(held), quote.unsigned_abs().into())?;
        }
        let is_margined = market.has_initial_margin() || market.spec.kind == Kind::Collateral;
        let reserved = scale * i128::from(self.standings[index].reserved);
        if adds && is_margined && equity < self.initial_requirement(index, instrument, size) + reserved {
            return Err(Refusal::InitialMargin);
        }
        if equity < 0 && equity < equity_before { Err(Refusal::Equity) } else { Ok(()) }
    }

    /// Initial requirement of what the account holds and has resting, quanta / scale.
    pub(super) fn initial_with_orders(&self, index: usize) -> i128 {
        let reserved = i128::from(self.scale.get()) * i128::from(self.standings[index].reserved);
        let held = self.ledger.margin(index).positions.first();
        held.map_or(0, |&(instrument, lots)| self.initial_requirement(index, instrument, lots)) + reserved
    }
}

pub(super) fn cash_in_range(quanta: i128) -> bool {
    quanta.abs() < CASH_MAX
}
