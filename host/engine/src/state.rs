//! The engine's state, its exact judgement of an account, and its hash.

use std::collections::{BTreeMap, BTreeSet};

use borsh::BorshSerialize;
use model::margin::{self, Rungs, Severity};
use model::units::Scale;

use crate::event::{AccountId, InstrumentId, OrderId, TimeMs};
use crate::guard::GuardCounts;
use crate::ledger::{Ledger, Owner, SYSTEM};
use crate::market::Market;
use crate::rules::{Rules, RulesErrors};

/// Where an account stands in its liquidation.
#[derive(BorshSerialize, Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Stage {
    /// Healthy or warned.
    #[default]
    Standing,
    /// Being reduced on the book until it reaches the target.
    Reducing,
    /// Taken over, bankrupted or closed out.
    Closed,
}

/// What the engine keeps of a margin account beside its holdings.
#[derive(BorshSerialize, Clone, Copy, Debug, Default)]
pub(crate) struct Standing {
    pub stage: Stage,
    /// The device's last word.
    pub device_severity: u8,
    /// A command for it is under way: nothing else is decided until its outcome has come back as an event.
    pub pending: bool,
    pub attempts: Attempts,
}

/// What an account's slices met since its liquidation began.
#[derive(BorshSerialize, Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Attempts {
    /// Slices in a row that found too little room on the book inside their limit.
    pub short: u32,
    /// A lot was filled.
    pub filled: bool,
    /// Event time of the last slice, and how many there were at it.
    pub time_ms: TimeMs,
    pub at_time: u32,
}

impl Attempts {
    /// A slice's final report at event time `time_ms`.
    pub fn note(&mut self, time_ms: TimeMs, filled: bool, whole: bool) {
        self.filled |= filled;
        self.short = if whole { 0 } else { self.short + 1 };
        self.at_time = if self.at_time > 0 && self.time_ms == time_ms { self.at_time + 1 } else { 1 };
        self.time_ms = time_ms;
    }

    /// True if nothing more is to be tried at event time `now_ms`: the book refills with time only.
    pub fn rests(&self, now_ms: TimeMs, at_time_max: u32) -> bool {
        self.time_ms == now_ms && (self.at_time >= at_time_max || self.at_time > 0 && self.short > 0)
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Order {
    /// The account, by index of opening.
    pub index: usize,
    pub instrument: InstrumentId,
    pub lots: i64,
    pub limit: u64,
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
    /// Liquidation orders that filled at least one lot.
    pub slices: u64,
    pub insurance_start: i128,
    pub insurance_in: i128,
    pub insurance_out: i128,
    /// Events that broke a rule and changed nothing.
    pub refused_events: u64,
}

/// An account judged from the ledger alone, quanta / scale.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Exact {
    pub equity: i128,
    pub requirement: i128,
    pub severity: Severity,
}

/// State of one episode.
#[derive(Debug)]
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

    /// The account judged from its positions and cash, exact; by its index of opening.
    pub fn exact(&self, index: usize) -> Exact {
        let holdings = self.ledger.margin(index);
        let mut equity = holdings.cash * i128::from(self.scale.get());
        let mut requirement = 0;
        for &(instrument, lots) in &holdings.positions {
            let market = &self.markets[usize::from(instrument.0)];
            let holding = market.holding(lots).expect("sizes are checked before they take effect");
            equity += holding.value();
            requirement += holding.requirement();
        }
        Exact { equity, requirement, severity: margin::severity(equity, requirement, 0, &self.rungs) }
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
        }
        for owner in SYSTEM {
            let row = self.ledger.of(owner);
            put(&|h| (row.cash, &row.positions).serialize(h));
        }
        for (id, index) in self.ledger.by_id() {
            let row = self.ledger.margin(index);
            put(&|h| (id, row.cash, &row.positions, self.standings[index]).serialize(h));
        }
        for (id, order) in &self.orders {
            let account = self.ledger.id(order.index);
            put(&|h| (id, account, order.instrument, order.lots, order.limit).serialize(h));
        }
        put(&|h| (self.orders_placed, self.counters).serialize(h));
        hasher.finalize().into()
    }
}
