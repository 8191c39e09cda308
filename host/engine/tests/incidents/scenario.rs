//! A world that is checked after every event, and at its end.

use std::collections::VecDeque;

use engine::apply::{Action, ActionKind, Applied, Refusal};
use engine::event::{AccountId, Command, Event, InstrumentId};
use engine::ledger::Owner;
use engine::rules::{InstrumentSpec, Rules};
use model::margin::Severity;

use crate::common::{BTC, ETH, FAIR, World};

/// A quote currency unit, quanta.
pub const UNIT: i64 = 1_000_000;
/// Seconds within which every flagged account must have left.
const REST_SECONDS: usize = 64;
/// Most events that may follow from one.
const FOLLOWING_MAX: usize = 256;

pub struct Scenario {
    pub world: World,
}

impl Scenario {
    /// BTC at 1.0 a lot under its specification, ETH at 0.2 under its own, and a shared fund.
    pub fn new(rules: Rules, specs: [InstrumentSpec; 2], fund: i64) -> Self {
        Self { world: World::with(rules, specs, fund, FAIR) }
    }

    /// Both markets as they are, without a fund.
    pub fn plain() -> Self {
        Self { world: World::new(0, FAIR) }
    }

    /// Opens an account of this collateral and trades at the mark.
    pub fn open(&mut self, account: u64, instrument: InstrumentId, lots: i64, quanta: i64) {
        self.world.open(account, instrument, lots, quanta);
        self.check();
    }

    /// Applies and decides, nothing more: the caller performs the commands. Checked after each event.
    pub fn apply(&mut self, events: Vec<Event>) -> (Applied, Vec<Command>) {
        let result = self.world.apply(events);
        self.check();
        result
    }

    /// Events of the next second, one after another, each with all that follows from it. Returns the refusals of these events.
    pub fn play(&mut self, events: Vec<Event>) -> Vec<Refusal> {
        self.world.time_ms += 1_000;
        self.play_now(events)
    }

    pub fn play_now(&mut self, events: Vec<Event>) -> Vec<Refusal> {
        let mut refusals = Vec::new();
        for event in events {
            let (applied, commands) = self.apply(vec![event]);
            refusals.extend(applied.refused.iter().map(|(_, refusal)| *refusal));
            self.follow(commands);
        }
        refusals
    }

    /// Performs the commands and all that follows from them, event after event. Returns how many these were.
    pub fn follow(&mut self, commands: Vec<Command>) -> usize {
        let mut queue = VecDeque::from(commands);
        let mut count = 0;
        while let Some(command) = queue.pop_front() {
            count += 1;
            assert!(count <= FOLLOWING_MAX, "decisions do not end");
            let event = self.world.perform(&command);
            let (applied, next) = self.apply(vec![event]);
            assert_eq!(applied.refused, [], "the engine refuses what it decided");
            queue.extend(next);
        }
        count
    }

    pub fn mark(&mut self, instrument: InstrumentId, price: u64) {
        assert_eq!(self.play(vec![Event::Mark { instrument, price }]), []);
    }

    fn check(&self) {
        let (engine, counters) = (&self.world.engine, self.world.engine.counters());
        let ledger = engine.ledger();
        assert!(ledger.is_balanced());
        for fund in [Owner::Insurance, Owner::Fund(BTC), Owner::Fund(ETH)] {
            assert!(ledger.of(fund).cash >= 0, "{fund:?} is below zero");
        }
        let flow = counters.insurance_start + counters.insurance_in - counters.insurance_out;
        assert_eq!(flow, engine.insurance(), "the funds have what they were paid less what they paid");
        assert!(engine.bad_debt() >= 0);
    }

    /// Lets time pass: every flagged account has left by then, and nothing is under way.
    pub fn rest(&mut self) {
        for _ in 0..REST_SECONDS {
            self.world.time_ms += 1_000;
            let (_, commands) = self.apply(Vec::new());
            self.follow(commands);
        }
        for (account, index) in self.world.engine.ledger().by_id() {
            let exact = self.world.engine.exact(index);
            assert!(exact.verdict < Severity::Liquidatable, "{account:?} is left at {exact:?}");
        }
        assert_eq!(self.world.engine.watched(), 0);
        assert_eq!(self.apply(Vec::new()).1, []);
    }

    pub fn size(&self, account: u64, instrument: InstrumentId) -> i64 {
        self.world.engine.ledger().margin(self.index(account)).size(instrument)
    }

    pub fn cash(&self, account: u64) -> i128 {
        self.world.holdings(account).0
    }

    pub fn index(&self, account: u64) -> usize {
        self.world.engine.ledger().find(AccountId(account)).unwrap()
    }

    pub fn of(&self, owner: Owner) -> i128 {
        self.world.engine.ledger().of(owner).cash
    }

    /// Lots that the backstop holds.
    pub fn backstop(&self, instrument: InstrumentId) -> i64 {
        self.world.engine.ledger().of(Owner::Backstop(instrument)).size(instrument)
    }

    pub fn actions(&self, kind: ActionKind) -> impl Iterator<Item = &Action> {
        self.world.actions.iter().filter(move |action| action.kind == kind)
    }
}

pub fn deposited(account: u64, quanta: i64) -> Event {
    Event::Deposited { account: AccountId(account), quanta }
}

/// A trade at `price` quanta a lot.
pub fn traded(account: u64, instrument: InstrumentId, lots: i64, price: i64) -> Event {
    Event::Traded { account: AccountId(account), instrument, lots, quote: -lots * price }
}

/// A deposit and a trade at the first marks.
pub fn position(account: u64, instrument: InstrumentId, lots: i64, quanta: i64) -> [Event; 2] {
    let price = if instrument == BTC { 1_000_000 } else { 200_000 };
    [deposited(account, quanta), traded(account, instrument, lots, price)]
}
