//! A market made up from a seed: what its sources send when nothing goes wrong.

use engine::event::{AccountId, Event, InstrumentId, TimeMs};
use engine::rules::{Deleveraging, InstrumentSpec, Rules};
use rust_decimal::Decimal;

use crate::feed::draw::Draw;
use crate::feed::instrument::quanta;
use crate::gateway::SourceId;
use crate::rules::built_in;

/// Marks; it keeps only its newest frames, and sends a snapshot in place of older ones.
pub const MARKS: SourceId = 0;
/// Listings, deposits, trades and orders.
pub const TRADES: SourceId = 1;
/// What operators command.
pub const OPERATORS: SourceId = 2;
pub const SOURCES: [SourceId; 3] = [MARKS, TRADES, OPERATORS];

/// Fewest accounts of a market.
pub const ACCOUNTS_MIN: usize = 64;
/// Most accounts of a market.
pub const ACCOUNTS_MAX: usize = 96;
const START_MS: TimeMs = 1_700_000_000_000;
const STEP_MS: TimeMs = 5_000;
/// Steps in which things go wrong, and those after them, in which everything has to come right.
const STEPS: usize = 500;
const QUIET_STEPS: usize = 240;
/// Prices in units of quote currency.
const LISTED: [(&str, u32); 4] =
    [("BTC-PERP", 64_250), ("ETH-PERP", 3_150), ("SOL-PERP", 152), ("XRP-PERP", 2)];
const UNIT: u64 = 1_000_000;

/// A frame of a source; its sequence is its place, from 1.
#[derive(Clone, Debug)]
pub struct Sent {
    pub time_ms: TimeMs,
    pub events: Vec<Event>,
}

#[derive(Clone, Debug)]
pub struct Market {
    pub rules: Rules,
    /// By source.
    pub frames: [Vec<Sent>; SOURCES.len()],
    pub start_ms: TimeMs,
    /// From here on nothing goes wrong any more.
    pub quiet_ms: TimeMs,
    pub end_ms: TimeMs,
}

/// How prices move: parts per million a step, in the mean and around it.
#[derive(Clone, Copy)]
struct Regime {
    steps: usize,
    drift: i64,
    swing: i64,
}

struct Maker {
    draw: Draw,
    specs: Vec<InstrumentSpec>,
    prices: Vec<u64>,
    accounts: Vec<AccountId>,
    frames: [Vec<Sent>; SOURCES.len()],
}

impl Market {
    pub fn of(seed: u64) -> Self {
        let set = built_in();
        let mut draw = Draw::new(seed, "simulated market", 0);
        let mut rules = set.rules.clone();
        use Deleveraging::{Binance, Bitmex, Hyperliquid, ProRata, Rotation};
        rules.deleveraging = [ProRata, Hyperliquid, Bitmex, Binance, Rotation][draw.below(5) as usize];
        let (mut specs, mut prices) = (Vec::new(), Vec::new());
        for (symbol, price) in LISTED {
            let price = Decimal::from(price);
            let mut spec = set.spec(symbol, price).expect("the built-in rules list anything");
            // Small limits now and then, so that losses go all the way down the waterfall.
            let backstop = [25_000_000, 200_000, 0][draw.below(3) as usize];
            spec.backstop.notional = backstop * UNIT;
            spec.fund_cap = [1_000_000, 5_000][draw.below(2) as usize] * UNIT;
            prices.push(quanta(&spec, price).expect("a price on its own grid").quanta);
            specs.push(spec);
        }
        let mut maker = Maker { draw, specs, prices, accounts: Vec::new(), frames: Default::default() };
        maker.open();
        maker.run();
        let (quiet_ms, end_ms) = (START_MS + STEPS as TimeMs * STEP_MS, maker.time(STEPS + QUIET_STEPS));
        Self { rules, frames: maker.frames, start_ms: START_MS, quiet_ms, end_ms }
    }

    /// What is, for a source that sends a snapshot in place of its frames from `after + 1` to `to`.
    pub fn snapshot(&self, source: SourceId, after: u64, to: u64) -> Vec<Event> {
        let frames = &self.frames[usize::from(source)];
        let from = if source == MARKS { to - 1 } else { after };
        frames[from as usize..to as usize].iter().flat_map(|frame| frame.events.clone()).collect()
    }
}

impl Maker {
    fn time(&self, step: usize) -> TimeMs {
        START_MS + step as TimeMs * STEP_MS
    }

    fn send(&mut self, source: SourceId, time_ms: TimeMs, events: Vec<Event>) {
        self.frames[usize::from(source)].push(Sent { time_ms, events });
    }

    fn open(&mut self) {
        let funds = [0, 20_000, 2_000_000];
        let endowment = funds[self.draw.below(3) as usize] * UNIT;
        let mut events = vec![Event::FundEndowed { instrument: None, quanta: endowment as i64 }];
        for (instrument, spec) in (0..).map(InstrumentId).zip(&self.specs) {
            events.push(Event::Listed { instrument, spec: spec.clone().into() });
            events.push(Event::Mark { instrument, price: self.prices[usize::from(instrument.0)] });
        }
        self.send(TRADES, START_MS, events);
        let accounts = self.draw.within(ACCOUNTS_MIN as u64, ACCOUNTS_MIN as u64 + 16);
        for _ in 0..accounts / 8 {
            let events = (0..8).flat_map(|_| self.newcomer()).collect();
            self.send(TRADES, START_MS + 1, events);
        }
    }

    /// An account with cash and one to three positions.
    fn newcomer(&mut self) -> Vec<Event> {
        let account = AccountId(1_000 + 7 * self.accounts.len() as u64);
        self.accounts.push(account);
        let positions = self.draw.within(1, 3);
        let (mut events, mut paid_in) = (Vec::new(), 0);
        for _ in 0..positions {
            let notional = self.draw.octave(1_000, 4_000_000) * UNIT;
            let leverage = self.draw.within(4, if notional < 100_000 * UNIT { 40 } else { 15 });
            paid_in += notional / leverage;
            events.extend(self.trade(account, notional));
        }
        events.insert(0, Event::Deposited { account, quanta: paid_in as i64 });
        events
    }

    fn trade(&mut self, account: AccountId, notional: u64) -> Option<Event> {
        let at = self.draw.below(self.specs.len() as u64) as usize;
        let price = self.prices[at];
        let lots = (notional / price).max(1) as i64 * [1, -1][self.draw.below(2) as usize];
        let instrument = InstrumentId(at as u16);
        Some(Event::Traded { account, instrument, lots, quote: -lots * price as i64 })
    }

    fn run(&mut self) {
        let mut regimes = [Regime { steps: 0, drift: 0, swing: 0 }; LISTED.len()];
        for step in 1..=STEPS + QUIET_STEPS {
            let (time_ms, quiet) = (self.time(step), step > STEPS);
            for (at, regime) in regimes.iter_mut().enumerate() {
                if quiet {
                    *regime = Regime { steps: 1, drift: 0, swing: 100 };
                } else if regime.steps == 0 {
                    *regime = self.regime();
                }
                regime.steps -= 1;
                let ppm = regime.drift + ((self.draw.normal() * regime.swing) >> 16);
                self.prices[at] = self.moved(at, ppm);
            }
            let mut marks: Vec<Event> = (0..)
                .map(InstrumentId)
                .zip(&self.prices)
                .map(|(instrument, &price)| Event::Mark { instrument, price })
                .collect();
            if !quiet && self.draw.chance(10_000) {
                let (at, factor) = (self.draw.below(4) as usize, self.draw.below(4));
                let price = self.prices[at] * factor;
                marks[at] = Event::Mark { instrument: InstrumentId(at as u16), price };
            }
            self.send(MARKS, time_ms, marks);
            if !quiet && self.draw.chance(250_000) {
                let events = self.something();
                self.send(TRADES, time_ms + 1, events);
            }
        }
    }

    fn regime(&mut self) -> Regime {
        match self.draw.below(8) {
            0 => Regime { steps: self.draw.within(10, 40) as usize, drift: -15_000, swing: 8_000 },
            1 => Regime { steps: self.draw.within(10, 40) as usize, drift: 15_000, swing: 8_000 },
            2 => Regime { steps: self.draw.within(2, 8) as usize, drift: -60_000, swing: 20_000 },
            _ => Regime { steps: self.draw.within(20, 80) as usize, drift: 0, swing: 1_500 },
        }
    }

    fn moved(&self, at: usize, ppm: i64) -> u64 {
        let (price, tick) = (self.prices[at], self.specs[at].tick);
        let (low, high) =
            (quoted(LISTED[at].1, &self.specs[at]) / 8, quoted(LISTED[at].1, &self.specs[at]) * 8);
        let moved = (i128::from(price) * i128::from(1_000_000 + ppm) / 1_000_000) as u64;
        moved.clamp(low, high).div_ceil(tick) * tick
    }

    fn something(&mut self) -> Vec<Event> {
        let account = self.accounts[self.draw.below(self.accounts.len() as u64) as usize];
        let quanta = (self.draw.octave(100, 100_000) * UNIT) as i64;
        match self.draw.below(6) {
            0 if self.accounts.len() < ACCOUNTS_MAX => self.newcomer(),
            0 | 1 => vec![Event::Deposited { account, quanta }],
            2 => vec![Event::Withdrawn { account, quanta }],
            3 => {
                let (count, reserved) = (self.draw.below(3) as u32, self.draw.below(1_000) * UNIT);
                vec![Event::OrdersResting { account, count, reserved: if count == 0 { 0 } else { reserved } }]
            }
            _ => {
                let notional = self.draw.octave(1_000, 500_000) * UNIT;
                self.trade(account, notional).into_iter().collect()
            }
        }
    }
}

fn quoted(price: u32, spec: &InstrumentSpec) -> u64 {
    quanta(spec, Decimal::from(price)).expect("a price on its own grid").quanta
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_market_has_accounts_and_marks_enough_and_is_the_seeds() {
        for seed in 0..20 {
            let market = Market::of(seed);
            let events =
                |source: SourceId| market.frames[usize::from(source)].iter().flat_map(|sent| &sent.events);
            let marks = events(MARKS).filter(|event| matches!(event, Event::Mark { .. })).count();
            let accounts = events(TRADES).filter(|event| matches!(event, Event::Deposited { .. })).count();
            assert!(marks > 2_000 && accounts >= ACCOUNTS_MIN, "{marks} {accounts}");
            assert!(market.frames.iter().all(|frames| frames.is_sorted_by_key(|sent| sent.time_ms)));
        }
        let marks = |seed| format!("{:?}", Market::of(seed).frames);
        assert_eq!(marks(3), marks(3));
        assert_ne!(marks(3), marks(4));
    }
}
