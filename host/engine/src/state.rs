//! The engine's state.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use model::margin::Rungs;
use model::units::{Price, Scale};

use crate::account::Standing;
use crate::book::{Book, Level};
use crate::counters::Counters;
use crate::event::{AccountId, Event, InstrumentId, OrderId, TimeMs};
use crate::guard::GuardCounts;
use crate::ledger::{Ledger, Owner};
use crate::market::Market;
use crate::rules::{Rules, RulesErrors};
use crate::stability::{Pause, Withdrawals};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Order {
    /// The account, by index of opening.
    pub index: usize,
    pub instrument: InstrumentId,
    pub lots: i64,
    pub limit: u64,
    /// Mark at which the market's budget was charged.
    pub mark: Price,
}

/// An order of the backstop's inventory.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct UnwindOrder {
    pub instrument: InstrumentId,
    pub lots: i64,
    pub limit: u64,
    /// Notional with which the market's budget was charged, quanta.
    pub charged: u128,
}

/// State of one episode.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) rules: Rules,
    /// Event time of the round last applied.
    pub(crate) time_ms: TimeMs,
    pub(crate) scale: Scale,
    pub(crate) rungs: Rungs,
    pub(crate) markets: Vec<Market>,
    pub(crate) ledger: Ledger,
    /// By index of opening, beside the ledger's margin accounts.
    pub(crate) standings: Vec<Standing>,
    /// Accounts whose last device severity is 2 or more.
    pub(crate) watch: BTreeSet<usize>,
    /// Accounts in [`Stage::Reducing`].
    pub(crate) reducing: BTreeSet<usize>,
    /// At the venue, no final report yet.
    pub(crate) orders: BTreeMap<OrderId, Order>,
    pub(crate) orders_placed: OrderId,
    /// Of the backstop's inventory, at the venue, no final report yet.
    pub(crate) unwinding: BTreeMap<OrderId, UnwindOrder>,
    /// Until when, by what is paused.
    pub(crate) pauses: BTreeMap<(Option<InstrumentId>, Pause), TimeMs>,
    /// Event time of the last round that ended with an insolvent account.
    pub(crate) deficit_ms: Option<TimeMs>,
    /// True if that was the last round of all.
    pub(crate) is_deficit_open: bool,
    pub(crate) withdrawals: Withdrawals,
    pub(crate) counters: Counters,
}

impl Engine {
    /// An empty book under these rules.
    ///
    /// # Errors
    /// [`RulesErrors`] names every rule that makes no sense.
    pub fn new(rules: Rules) -> Result<Self, RulesErrors> {
        let (scale, rungs) = rules.validate()?;
        Ok(Self {
            rules,
            time_ms: TimeMs::MIN,
            scale,
            rungs,
            markets: Vec::new(),
            ledger: Ledger::default(),
            standings: Vec::new(),
            watch: BTreeSet::new(),
            reducing: BTreeSet::new(),
            orders: BTreeMap::new(),
            orders_placed: 0,
            unwinding: BTreeMap::new(),
            pauses: BTreeMap::new(),
            deficit_ms: None,
            is_deficit_open: false,
            withdrawals: Withdrawals::default(),
            counters: Counters::default(),
        })
    }

    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Event time of the last round.
    pub fn time_ms(&self) -> TimeMs {
        self.time_ms
    }

    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub fn markets(&self) -> &[Market] {
        &self.markets
    }

    /// Symbol and mark-guard counts of every instrument, in order of listing.
    pub fn mark_counts(&self) -> impl Iterator<Item = (&str, GuardCounts)> {
        self.markets.iter().map(|market| (market.spec.symbol.as_str(), market.guard.counts))
    }

    /// Accounts whose last device severity is 2 or more.
    pub fn watched(&self) -> usize {
        self.watch.len()
    }

    /// The device's last word on the account: a severity code; `None` for an account that is not open.
    pub fn device_severity(&self, id: AccountId) -> Option<u8> {
        self.ledger.find(id).map(|index| self.standings[index].device_severity)
    }

    /// Cash of all insurance funds, quanta.
    pub fn insurance(&self) -> i128 {
        let funds = (0..self.markets.len() as u16).map(|market| Owner::Fund(InstrumentId(market)));
        funds.chain([Owner::Insurance]).map(|fund| self.ledger.of(fund).cash).sum()
    }

    /// The [`Event::Elapsed`]s that do what is due at event time `now_ms`, in order of the markets.
    pub fn elapsed(&self, now_ms: TimeMs) -> Vec<Event> {
        let events = |(market, instrument): (&Market, u16)| {
            let elapsed = Event::Elapsed { instrument: InstrumentId(instrument) };
            vec![elapsed; market.due(now_ms).len()]
        };
        self.markets.iter().zip(0..).flat_map(events).collect()
    }

    /// True if the market's marks come as they are, it pays funding and waits for an index price to compare its next mark with.
    pub fn wants_index(&self, instrument: InstrumentId, now_ms: TimeMs) -> bool {
        let market = self.markets.get(usize::from(instrument.0));
        market.is_some_and(|market| {
            market.spec.composition.is_none()
                && market.spec.funding.is_some_and(|rule| market.premiums.is_wanted(now_ms, &rule))
        })
    }

    /// Best bid and offer of the book around a price, the price itself on a side that has none, quanta per lot; `None` if the instrument's marks
    /// come as they are.
    pub fn best_prices(&self, instrument: InstrumentId, price: u64) -> Option<[u64; 2]> {
        let market = self.markets.get(usize::from(instrument.0))?;
        market.spec.composition?;
        let away =
            |distance: u32| (u128::from(price) * u128::from(distance) / u128::from(self.scale.get())) as u64;
        let best = |side: fn(&Book) -> &Vec<Level>| {
            market.book.as_ref().and_then(|book| side(book).first()).map_or(0, |level| away(level.distance))
        };
        Some([price.saturating_sub(best(|book| &book.bids)), price + best(|book| &book.offers)])
    }

    /// Profit that the account's closes realised, and funding that it received, since it was opened; quanta.
    pub fn realised(&self, index: usize) -> (i128, i128) {
        (self.standings[index].realised, self.standings[index].funding)
    }

    pub(crate) fn market(&self, instrument: InstrumentId) -> &Market {
        &self.markets[usize::from(instrument.0)]
    }

    pub(crate) fn market_mut(&mut self, instrument: InstrumentId) -> &mut Market {
        &mut self.markets[usize::from(instrument.0)]
    }

    /// Bad debt in quanta: what no fund covered.
    pub fn bad_debt(&self) -> i128 {
        -self.ledger.of(Owner::Deficit).cash
    }
}
