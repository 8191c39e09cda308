//! A world around the engine: an exact judge in the device's place, and a venue of any temper.

use std::collections::BTreeMap;

use engine::apply::{Action, Applied};
use engine::event::{AccountId, Change, Command, Event, Flag, InstrumentId, Round, VenueOrder};
use engine::rules::{Depth, InstrumentSpec, Rules};
use engine::{Engine, Exact};
use model::margin::{self, Rungs, Severity};

pub const BTC: InstrumentId = InstrumentId(0);
pub const ETH: InstrumentId = InstrumentId(1);

/// Without a close factor or a gate after outages.
pub fn rules() -> Rules {
    let mut rules = Rules::default();
    (rules.close_factor.above, rules.outage) = (u64::MAX, None);
    rules
}

pub fn spec(symbol: &str) -> InstrumentSpec {
    InstrumentSpec {
        lot_exponent: -3,
        tick: 10,
        brackets: vec![(0, 5_000), (50_000_000_000, 10_000), (250_000_000_000, 25_000)],
        fee: 1_500,
        slippage: 1_000,
        limit_band: 20_000,
        mark_band: 200_000,
        depth: Depth { levels: 20, step: 500, level_lots: 1_000, refill_lots: 100 },
        ..InstrumentSpec::plain(symbol, 1_000_000)
    }
}

/// How much of an order the venue fills, and how far inside the limit: 0 at the mark, 100 at the limit.
#[derive(Clone, Copy, Debug)]
pub struct Venue {
    pub filled_percent: i64,
    pub to_limit_percent: i64,
}

pub struct World {
    pub engine: Engine,
    pub sequence: u64,
    pub time_ms: i64,
    pub venue: Venue,
    pub severities: BTreeMap<AccountId, u8>,
    pub actions: Vec<Action>,
    /// What the device was told.
    pub device: BTreeMap<AccountId, Told>,
}

/// An account as the device has it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Told {
    cash: i128,
    positions: BTreeMap<InstrumentId, i64>,
    pub offset: i128,
}

impl World {
    /// Two markets, BTC at 1.0 and ETH at 0.2 of the quote currency a lot, and a shared fund.
    pub fn new(fund: i64, venue: Venue) -> Self {
        Self::with(rules(), [spec("BTC"), spec("ETH")], fund, venue)
    }

    pub fn with(rules: Rules, specs: [InstrumentSpec; 2], fund: i64, venue: Venue) -> Self {
        let mut world = Self {
            engine: Engine::new(rules).unwrap(),
            sequence: 0,
            time_ms: 0,
            venue,
            severities: BTreeMap::new(),
            actions: Vec::new(),
            device: BTreeMap::new(),
        };
        let [btc, eth] = specs;
        let applied = world.round(vec![
            Event::FundEndowed { instrument: None, quanta: fund },
            Event::Listed { instrument: BTC, spec: btc.into() },
            Event::Listed { instrument: ETH, spec: eth.into() },
            Event::Mark { instrument: BTC, price: 1_000_000 },
            Event::Mark { instrument: ETH, price: 200_000 },
        ]);
        assert_eq!(applied.refused, []);
        world
    }

    pub fn apply(&mut self, events: Vec<Event>) -> (Applied, Vec<Command>) {
        let round = Round { time_ms: self.time_ms, first_sequence: self.sequence, events };
        self.sequence += round.events.len() as u64;
        let applied = self.engine.apply(&round);
        self.actions.extend(applied.actions.iter().cloned());
        self.tell(&applied);
        if round.events.contains(&Event::Settled) {
            self.device.clear();
        } else {
            self.check_device();
        }
        let mut flags = Vec::new();
        for (account, index) in self.engine.ledger().by_id() {
            let Exact { equity, requirement, .. } = self.engine.exact(index);
            let offset = self.device.get(&account).map_or(0, |told| told.offset);
            let rules = self.engine.rules();
            let rungs = Rungs { rungs: rules.rungs, equality: rules.equality };
            let severity = margin::severity(equity, requirement, offset, &rungs);
            let old = self.severities.insert(account, severity as u8).unwrap_or(0);
            if old != severity as u8 {
                flags.push(Flag {
                    sequence: self.sequence - 1,
                    account,
                    severity_old: old,
                    severity_new: severity as u8,
                    equity,
                    requirement,
                });
            }
        }
        let decided = self.engine.decide(&flags).unwrap();
        assert_eq!(decided.disagreements, []);
        self.restore();
        (applied, decided.commands)
    }

    /// Goes on with the engine that its bytes give, as after a restart: no round may tell the difference.
    fn restore(&mut self) {
        let mut bytes = Vec::new();
        self.engine.write_state(&mut bytes).unwrap();
        assert_eq!(self.engine.state_hash(), *blake3::hash(&bytes).as_bytes());
        let restored = Engine::read_state(&mut &bytes[..]).expect("a state reads back");
        let mut again = Vec::new();
        restored.write_state(&mut again).unwrap();
        assert_eq!(again, bytes, "the restored state's bytes");
        self.engine = restored;
    }

    /// The last update of an account in an event compares it, or a mark that it holds.
    fn tell(&mut self, applied: &Applied) {
        let mut held = BTreeMap::new();
        for update in &applied.updates {
            let (account, hold) = match update.change {
                Change::List { .. } => continue,
                Change::Funding { instrument, delta } => {
                    for told in self.device.values_mut() {
                        let size = told.positions.get(&instrument).copied().unwrap_or(0);
                        told.cash -= i128::from(size) * i128::from(delta);
                    }
                    self.compare_holders(instrument, &mut held);
                    continue;
                }
                Change::Mark { instrument, .. } | Change::Brackets { instrument, .. } => {
                    self.compare_holders(instrument, &mut held);
                    continue;
                }
                Change::Position { account, instrument, size, cash_delta, hold } => {
                    let told = self.device.entry(account).or_default();
                    told.cash += i128::from(cash_delta);
                    told.positions.insert(instrument, size);
                    (account, hold)
                }
                Change::Cash { account, delta, hold } => {
                    self.device.entry(account).or_default().cash += i128::from(delta);
                    (account, hold)
                }
                Change::Offset { account, value, hold } => {
                    self.device.entry(account).or_default().offset = value;
                    (account, hold)
                }
            };
            held.insert((update.sequence, account), hold);
        }
        let uncompared: Vec<_> = held.into_iter().filter(|(_, hold)| *hold).collect();
        assert_eq!(uncompared, [], "an event leaves accounts that the device does not compare");
    }

    fn compare_holders(&self, instrument: InstrumentId, held: &mut BTreeMap<(u64, AccountId), bool>) {
        let holds = |told: &Told| told.positions.get(&instrument).is_some_and(|size| *size != 0);
        held.retain(|(_, account), _| !holds(&self.device[account]));
    }

    /// What the device was told is what the ledger says.
    fn check_device(&self) {
        for (account, index) in self.engine.ledger().by_id() {
            let (row, mut told) =
                (self.engine.ledger().margin(index), self.device.get(&account).cloned().unwrap_or_default());
            told.positions.retain(|_, size| *size != 0);
            let positions: BTreeMap<_, _> = row.positions.iter().copied().collect();
            assert_eq!((told.cash, told.positions), (row.cash, positions), "{account:?} on the device");
        }
    }

    /// One external round and all the decision rounds that follow from it.
    pub fn round(&mut self, events: Vec<Event>) -> Applied {
        self.time_ms += 1_000;
        let (first, mut commands) = self.apply(events);
        let mut rounds = 0;
        while !commands.is_empty() {
            rounds += 1;
            assert!(rounds < 64, "decisions do not end");
            let events = commands.iter().map(|command| self.perform(command)).collect();
            let (applied, next) = self.apply(events);
            assert_eq!(applied.refused, [], "the engine refuses what it decided");
            commands = next;
        }
        first
    }

    pub fn perform(&self, command: &Command) -> Event {
        let Some(VenueOrder { id, instrument, lots, limit }) = command.venue_order() else {
            return command.outcome().unwrap();
        };
        let mark = self.engine.markets()[usize::from(instrument.0)].mark.get() as i64;
        let price = mark + (limit as i64 - mark) * self.venue.to_limit_percent / 100;
        let filled = lots * self.venue.filled_percent / 100;
        Event::Filled { order: id, lots: filled, quote: -filled * price }
    }

    pub fn open(&mut self, account: u64, instrument: InstrumentId, lots: i64, collateral: i64) {
        let account = AccountId(account);
        let quote = -lots * self.engine.markets()[usize::from(instrument.0)].mark.get() as i64;
        self.round(vec![
            Event::Deposited { account, quanta: collateral },
            Event::Traded { account, instrument, lots, quote },
        ]);
    }

    pub fn exact(&self, account: u64) -> Exact {
        self.engine.exact(self.engine.ledger().find(AccountId(account)).unwrap())
    }

    pub fn severity(&self, account: u64) -> Severity {
        self.exact(account).verdict
    }

    pub fn holdings(&self, account: u64) -> (i128, i64) {
        let row = self.engine.ledger().margin(self.engine.ledger().find(AccountId(account)).unwrap());
        (row.cash, row.size(BTC))
    }

    pub fn mark(&mut self, price: u64) -> Applied {
        self.round(vec![Event::Mark { instrument: BTC, price }])
    }
}

pub const FAIR: Venue = Venue { filled_percent: 100, to_limit_percent: 0 };
