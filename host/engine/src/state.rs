//! The engine's state and its hash.

use std::collections::{BTreeMap, BTreeSet};

use borsh::BorshSerialize;
use model::margin::Rungs;
use model::units::{Price, Scale};

use crate::account::Standing;
use crate::event::{AccountId, InstrumentId, OrderId, TimeMs};
use crate::guard::GuardCounts;
use crate::ledger::{Ledger, Owner};
use crate::market::Market;
use crate::rules::{Rules, RulesErrors};

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

/// What happened since the start of the episode. Money in quanta.
#[derive(BorshSerialize, Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counters {
    /// Liquidations that ended with lots closed and positions left.
    pub liquidations_partial: u64,
    /// Liquidations that ended with every position closed on the book.
    pub liquidations_full: u64,
    pub takeovers: u64,
    pub bankruptcies: u64,
    /// Slices that the backstop took because the market's budget was used up.
    pub absorbed: u64,
    /// Accounts whose positions were closed to carry those of another, those of them of which a hedge was cut, and accounts that bore a
    /// loss without a close; each time it happened.
    pub deleveraged: u64,
    pub hedges_cut: u64,
    pub socialised: u64,
    /// What they bore, quanta.
    pub haircuts: i128,
    pub socialised_loss: i128,
    /// Lots' notional that the backstop had to take beyond its limits because nobody else was left.
    pub backstop_beyond: u128,
    /// Liquidation orders that filled at least one lot.
    pub slices: u64,
    /// What was paid into the insurance funds from outside, in fees, and by them.
    pub insurance_start: i128,
    pub insurance_in: i128,
    pub insurance_out: i128,
    /// Events that broke a rule and changed nothing.
    pub refused_events: u64,
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
            counters: Counters::default(),
        })
    }

    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
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

    /// blake3 over the canonical state: no clocks, device, lanes, audit, coverage, disagreements or wall time in it.
    pub fn state_hash(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        let mut put = |part: &dyn Fn(&mut blake3::Hasher) -> std::io::Result<()>| {
            part(&mut hasher).expect("hashing does not fail");
        };
        put(&|h| self.rules.serialize(h));
        for market in &self.markets {
            put(&|h| (&market.spec, market.guard, market.mark.get()).serialize(h));
            put(&|h| (market.edges, &market.book, market.bucket, market.fund_paid).serialize(h));
            for (&index, entry) in &market.holders {
                put(&|h| (self.ledger.id(index), entry).serialize(h));
            }
        }
        for owner in self.ledger.owners() {
            let row = self.ledger.of(owner);
            put(&|h| (row.cash, &row.positions).serialize(h));
        }
        for (id, index) in self.ledger.by_id() {
            let row = self.ledger.margin(index);
            put(&|h| (id, row.cash, &row.positions, self.standings[index]).serialize(h));
        }
        for (id, order) in &self.orders {
            let account = self.ledger.id(order.index);
            let Order { instrument, lots, limit, mark, .. } = order;
            put(&|h| (id, account, instrument, lots, limit, mark.get()).serialize(h));
        }
        put(&|h| (self.orders_placed, self.counters).serialize(h));
        hasher.finalize().into()
    }
}
