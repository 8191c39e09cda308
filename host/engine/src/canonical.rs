//! The engine's state as bytes: always the same for the same state. Their blake3 is the state hash, and a snapshot holds them.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use borsh::{BorshDeserialize, BorshSerialize};
use model::units::Price;

use crate::account::{Stage, Standing};
use crate::event::{AccountId, InstrumentId, OrderId, TimeMs};
use crate::ledger::{Holdings, Owner};
use crate::market::Market;
use crate::rules::{InstrumentSpec, Rules};
use crate::state::{Engine, Order};

/// Why bytes are no state.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("the state's bytes do not decode: {0}")]
    Malformed(#[from] io::Error),
    #[error("the state contradicts itself: {0}")]
    Inconsistent(String),
}

impl StateError {
    fn inconsistent(what: impl Into<String>) -> Self {
        Self::Inconsistent(what.into())
    }
}

type OrderParts = (u64, InstrumentId, i64, u64, u64);

impl Order {
    fn parts(&self) -> OrderParts {
        (self.index as u64, self.instrument, self.lots, self.limit, self.mark.get())
    }

    fn of_parts((index, instrument, lots, limit, mark): OrderParts) -> Result<Self, StateError> {
        Ok(Self { index: index as usize, instrument, lots, limit, mark: price(mark)? })
    }
}

fn price(quanta: u64) -> Result<Price, StateError> {
    Price::new(quanta).map_err(|error| StateError::inconsistent(error.to_string()))
}

fn read_market(engine: &Engine, from: &mut impl Read) -> Result<Market, StateError> {
    let spec = InstrumentSpec::deserialize_reader(from)?;
    let symbol = spec.symbol.clone();
    let mut market = Market::new(spec, engine.scale)
        .map_err(|errors| StateError::inconsistent(format!("{symbol}: {}", errors[0])))?;
    let mark;
    (market.guard, mark, market.edges, market.book) = BorshDeserialize::deserialize_reader(from)?;
    market.mark = price(mark)?;
    (market.bucket, market.fund_paid, market.inputs, market.spike, market.premiums) =
        BorshDeserialize::deserialize_reader(from)?;
    (market.announced, market.average, market.unwinding, market.halt, market.gate) =
        BorshDeserialize::deserialize_reader(from)?;
    market.settled = BorshDeserialize::deserialize_reader(from)?;
    Ok(market)
}

/// Far beyond what the ledger allows anybody, and far below what sums of it overflow.
const QUANTA_MAX: u128 = 1 << 100;

impl Engine {
    /// blake3 of the canonical bytes: no wall clock, device, lanes, audit, coverage or disagreements in it.
    pub fn state_hash(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        self.write_state(&mut hasher).expect("hashing does not fail");
        hasher.finalize().into()
    }

    /// Writes the canonical bytes.
    ///
    /// # Errors
    /// What the writer refuses.
    pub fn write_state(&self, to: &mut impl Write) -> io::Result<()> {
        (&self.rules, self.time_ms).serialize(to)?;
        (self.markets.len() as u16).serialize(to)?;
        for market in &self.markets {
            (&market.spec, market.guard, market.mark.get(), market.edges, &market.book).serialize(to)?;
            (market.bucket, market.fund_paid, &market.inputs, market.spike, market.premiums).serialize(to)?;
            (&market.announced, market.average, market.unwinding, market.halt, market.gate).serialize(to)?;
            market.settled.serialize(to)?;
        }
        for owner in self.ledger.owners() {
            self.ledger.of(owner).serialize(to)?;
        }
        (self.ledger.accounts() as u64).serialize(to)?;
        for (index, standing) in self.standings.iter().enumerate() {
            let row = self.ledger.margin(index);
            (self.ledger.id(index), standing, row).serialize(to)?;
            for (instrument, _) in &row.positions {
                self.market(*instrument).holders[&index].serialize(to)?;
            }
        }
        let orders: BTreeMap<OrderId, _> =
            self.orders.iter().map(|(&id, order)| (id, order.parts())).collect();
        (orders, self.orders_placed, &self.unwinding, &self.pauses).serialize(to)?;
        (self.deficit_ms, self.is_deficit_open, self.withdrawals, self.counters).serialize(to)
    }

    /// The state that the bytes are of.
    ///
    /// # Errors
    /// If they are no state that [`Self::write_state`] could have written, or go on after it.
    pub fn read_state(from: &mut impl Read) -> Result<Self, StateError> {
        let (rules, time_ms) = <(Rules, TimeMs)>::deserialize_reader(from)?;
        let mut engine = Self::new(rules).map_err(|errors| StateError::inconsistent(errors.to_string()))?;
        engine.time_ms = time_ms;
        for _ in 0..u16::deserialize_reader(from)? {
            let market = read_market(&engine, from)?;
            engine.markets.push(market);
            engine.ledger.list();
        }
        for owner in engine.ledger.owners() {
            let row = Holdings::deserialize_reader(from)?;
            engine.check_row(&row)?;
            engine.ledger.restore(owner, row);
        }
        for index in 0..u64::deserialize_reader(from)? as usize {
            engine.read_account(index, from)?;
        }
        for (id, parts) in BTreeMap::<OrderId, OrderParts>::deserialize_reader(from)? {
            engine.orders.insert(id, Order::of_parts(parts)?);
        }
        (engine.orders_placed, engine.unwinding, engine.pauses) = BorshDeserialize::deserialize_reader(from)?;
        (engine.deficit_ms, engine.is_deficit_open, engine.withdrawals, engine.counters) =
            BorshDeserialize::deserialize_reader(from)?;
        if from.read(&mut [0])? != 0 {
            return Err(StateError::inconsistent("bytes follow its end"));
        }
        engine.check()?;
        Ok(engine)
    }

    fn read_account(&mut self, index: usize, from: &mut impl Read) -> Result<(), StateError> {
        let (id, standing, row) = <(AccountId, Standing, Holdings)>::deserialize_reader(from)?;
        if self.ledger.open(id) != index {
            return Err(StateError::inconsistent(format!("account {} occurs twice", id.0)));
        }
        self.check_row(&row)?;
        for &(instrument, lots) in &row.positions {
            let entry = i128::deserialize_reader(from)?;
            if entry.unsigned_abs() > QUANTA_MAX {
                return Err(StateError::inconsistent("an entry value beyond all that can be held"));
            }
            let market = self.market_mut(instrument);
            if market.holding(lots).is_none() {
                return Err(StateError::inconsistent("a position beyond its instrument's bits"));
            }
            market.hold(index, 0, lots, -entry);
        }
        if standing.device_severity >= 2 {
            self.watch.insert(index);
        }
        if standing.stage == Stage::Reducing {
            self.reducing.insert(index);
        }
        self.ledger.restore(Owner::Margin(index), row);
        self.standings.push(standing);
        Ok(())
    }

    /// Positions are in order, of instruments that are there, and none is empty.
    fn check_row(&self, row: &Holdings) -> Result<(), StateError> {
        let listed = |&(instrument, lots): &(InstrumentId, i64)| {
            usize::from(instrument.0) < self.markets.len() && lots != 0
        };
        if !row.positions.is_sorted_by(|a, b| a.0 < b.0) || !row.positions.iter().all(listed) {
            return Err(StateError::inconsistent("positions out of order or in no instrument"));
        }
        if row.cash.unsigned_abs() > QUANTA_MAX {
            return Err(StateError::inconsistent("cash beyond all that can be held"));
        }
        Ok(())
    }

    fn check(&self) -> Result<(), StateError> {
        if !self.ledger.is_balanced() {
            return Err(StateError::inconsistent("the books do not balance"));
        }
        let funds = self.ledger.owners().filter(|owner| matches!(owner, Owner::Insurance | Owner::Fund(_)));
        if funds.into_iter().any(|fund| self.ledger.of(fund).cash < 0) {
            return Err(StateError::inconsistent("an insurance fund is below zero"));
        }
        let in_book = |index: usize, instrument: InstrumentId| {
            index < self.standings.len() && usize::from(instrument.0) < self.markets.len()
        };
        if !self.orders.values().all(|order| in_book(order.index, order.instrument)) {
            return Err(StateError::inconsistent("an order of no account or in no instrument"));
        }
        if !self.unwinding.values().all(|order| usize::from(order.instrument.0) < self.markets.len()) {
            return Err(StateError::inconsistent("an order of the backstop in no instrument"));
        }
        Ok(())
    }
}
