//! A shock carried out: marks go there in steps that the mark guard believes, and everything that follows is done, on a copy of the engine, with
//! a book of the rules' depth and the ledger's own verdicts in place of a device's.

use anyhow::ensure;
use engine::event::{Command, Event, Flag, InstrumentId, Round, TimeMs};
use engine::{Counters, Engine};
use model::units::Scale;
use serde::Serialize;

use crate::venue::{Order, SimulatedVenue, Venue, VenueConfig};

/// Event time of a step.
const STEP_MS: TimeMs = 15_000;
/// Steps after the marks have arrived, in which liquidations come to rest.
const REST_STEPS: u32 = 240;
/// Decision rounds that may follow one step.
const ROUNDS_MAX: u32 = 4_096;

/// What the shock came to. Counts and sums since it began, money in quanta.
#[derive(Clone, Debug, Serialize)]
pub struct WhatIf {
    pub permille: i32,
    /// Event time from the first mark to the last account at rest.
    pub lasts_ms: TimeMs,
    pub liquidations: u64,
    pub takeovers: u64,
    pub bankruptcies: u64,
    pub slices: u64,
    pub deleveraged: u64,
    pub halts: u64,
    pub fund_paid: i128,
    pub borne_by_others: i128,
    pub bad_debt: i128,
    pub funds_left: i128,
    /// Accounts that were still to be liquidated when time was up.
    pub unresolved: u64,
}

struct Run {
    engine: Engine,
    venue: SimulatedVenue,
    time_ms: TimeMs,
    sequence: u64,
}

/// # Errors
/// If the shock leaves no mark, or decisions do not end.
pub fn carry_out(engine: &Engine, permille: i32) -> anyhow::Result<WhatIf> {
    ensure!(permille > -1_000, "a shock of {permille} permille leaves no mark; choose one above -1000");
    let scale = Scale::new(engine.rules().scale)?;
    let mut venue = SimulatedVenue::new(scale, VenueConfig::default(), None)?;
    let markets: Vec<InstrumentId> = (0..engine.markets().len() as u16).map(InstrumentId).collect();
    for (&instrument, market) in markets.iter().zip(engine.markets()) {
        venue.list(instrument, &market.spec)?;
    }
    let before = *engine.counters();
    let start_ms = engine.time_ms();
    let mut run = Run { engine: engine.clone(), venue, time_ms: start_ms, sequence: 0 };
    let live: Vec<(InstrumentId, u64, u64)> = markets
        .iter()
        .zip(engine.markets())
        .filter(|(_, market)| market.settled.is_none() && market.mark.get() > 0)
        .map(|(&instrument, market)| {
            let mark = market.mark.get();
            let highest = (1 << market.spec.price_bits) - 1;
            let target = (i128::from(mark) * i128::from(1_000 + permille) / 1_000).clamp(1, highest);
            (instrument, mark, target as u64)
        })
        .collect();
    let narrowest = engine
        .markets()
        .iter()
        .map(|market| u64::from(market.spec.mark_band) * 1_000 / u64::from(scale.get()));
    let step = (narrowest.min().unwrap_or(1) / 8).clamp(1, 20);
    let steps = u64::from(permille.unsigned_abs()).div_ceil(step).max(1);
    let mut rested_ms = start_ms;
    for at in 1..=steps + u64::from(REST_STEPS) {
        let done = at.min(steps);
        let marks = live.iter().map(|&(instrument, from, to)| {
            let price =
                i128::from(from) + (i128::from(to) - i128::from(from)) * i128::from(done) / i128::from(steps);
            (instrument, price as u64)
        });
        if run.step(marks.collect())? || at <= steps {
            rested_ms = run.time_ms;
        } else if run.engine.watched() == 0 {
            break;
        }
    }
    Ok(summary(permille, &before, &run.engine, rested_ms - start_ms))
}

fn summary(permille: i32, before: &Counters, engine: &Engine, lasts_ms: TimeMs) -> WhatIf {
    let after = engine.counters();
    let partial = after.liquidations_partial - before.liquidations_partial;
    WhatIf {
        permille,
        lasts_ms,
        liquidations: partial + after.liquidations_full - before.liquidations_full,
        takeovers: after.takeovers - before.takeovers,
        bankruptcies: after.bankruptcies - before.bankruptcies,
        slices: after.slices - before.slices,
        deleveraged: after.deleveraged - before.deleveraged,
        halts: after.halts - before.halts,
        fund_paid: after.insurance_out - before.insurance_out,
        borne_by_others: after.haircuts + after.socialised_loss - before.haircuts - before.socialised_loss,
        bad_debt: engine.bad_debt(),
        funds_left: engine.insurance(),
        unresolved: engine.watched() as u64,
    }
}

impl Run {
    /// Marks of the next time, impact on them, and all that follows. True if anything did.
    fn step(&mut self, marks: Vec<(InstrumentId, u64)>) -> anyhow::Result<bool> {
        self.time_ms += STEP_MS;
        let mut events = self.engine.elapsed(self.time_ms);
        for (instrument, price) in marks {
            let mark = self.venue.mark(instrument, self.time_ms, price);
            if let Some([bid, ask]) = self.engine.best_prices(instrument, mark) {
                use engine::event::Source::{Ask, Bid, Index, Last};
                let prices = [(Index, price), (Bid, bid), (Ask, ask), (Last, mark)];
                events.extend(prices.map(|(source, price)| Event::Priced { instrument, source, price }));
                events.push(Event::Composed { instrument });
            } else {
                events.push(Event::Mark { instrument, price: mark });
            }
        }
        let mut commands = self.round(events)?;
        let moved = !commands.is_empty();
        for _ in 0..ROUNDS_MAX {
            if commands.is_empty() {
                return Ok(moved);
            }
            let outcomes =
                commands.iter().map(|command| self.perform(command)).collect::<anyhow::Result<_>>()?;
            commands = self.round(outcomes)?;
        }
        anyhow::bail!("decisions do not end within {ROUNDS_MAX} rounds of a step")
    }

    fn round(&mut self, mut events: Vec<Event>) -> anyhow::Result<Vec<Command>> {
        let told = |instrument: InstrumentId| self.engine.markets()[usize::from(instrument.0)].book.as_ref();
        let books =
            self.venue.left(self.time_ms).filter(|(instrument, book)| told(*instrument) != Some(book));
        events.extend(books.map(|(instrument, book)| Event::Book { instrument, book }));
        let round = Round { time_ms: self.time_ms, first_sequence: self.sequence, events };
        self.sequence += round.events.len() as u64;
        let applied = self.engine.apply(&round);
        let flags: Vec<Flag> = applied.touched.iter().filter_map(|&index| self.judge(index)).collect();
        Ok(self.engine.decide(&flags)?.commands)
    }

    /// What a sound device would flag of the account at the round's end.
    fn judge(&self, index: usize) -> Option<Flag> {
        let account = self.engine.ledger().id(index);
        let exact = self.engine.exact(index);
        let (severity_old, severity_new) = (self.engine.device_severity(account)?, exact.severity as u8);
        (severity_old != severity_new).then_some(Flag {
            sequence: self.sequence.saturating_sub(1),
            account,
            severity_old,
            severity_new,
            equity: exact.equity,
            requirement: exact.requirement,
        })
    }

    fn perform(&mut self, command: &Command) -> anyhow::Result<Event> {
        if let Some(order) = command.venue_order() {
            let mark = self.engine.markets()[usize::from(order.instrument.0)].mark;
            let sent = Order { instrument: order.instrument, lots: order.lots, limit: order.limit };
            return Ok(self.venue.execute(self.time_ms, mark, order.id, &sent)?.event(order.id));
        }
        Ok(command.outcome().expect("what goes to no venue has its outcome"))
    }
}
