//! A shock carried out: marks go there in steps that the mark guard believes, and everything that follows is done, on a copy of the engine, with
//! the book as the run's venue left it and the ledger's own verdicts in place of a device's.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::ensure;
use engine::apply::{Action, ActionKind};
use engine::event::{AccountId, Command, Event, Flag, InstrumentId, Round, Source, TimeMs};
use engine::{Counters, Engine};
use model::margin::Severity;
use serde::Serialize;

use crate::recovery::RunState;
use crate::report::progress::Progress;
use crate::venue::{Order, SimulatedVenue};

/// Event time of a step.
const STEP_MS: TimeMs = 15_000;
/// Largest step of the marks, permille.
const STEP_PERMILLE_MAX: u64 = 20;
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
    /// Accounts that lost a position to a liquidation, a takeover or a bankruptcy.
    pub accounts: u64,
    pub liquidations: u64,
    pub takeovers: u64,
    pub bankruptcies: u64,
    pub slices: u64,
    pub deleveraged: u64,
    pub halts: u64,
    /// What insolvent accounts were short of when they were closed out, rounded up.
    pub deficits: i128,
    pub fund_paid: i128,
    /// What deleveraged counterparties and winners bore.
    pub haircuts: i128,
    pub socialised_loss: i128,
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
    /// Decided, and not carried out yet.
    waiting: Vec<Command>,
    /// The device's last word is the ledger's, of every account.
    is_judged: bool,
    closed: BTreeSet<AccountId>,
    deficits: i128,
}

/// # Errors
/// If the shock leaves no mark, or decisions do not end.
pub fn carry_out(state: &RunState, permille: i32, progress: bool) -> anyhow::Result<WhatIf> {
    ensure!(permille > -1_000, "a shock of {permille} permille leaves no mark; choose one above -1000");
    let engine = &state.engine;
    let scale = u64::from(engine.rules().scale);
    let start_ms = engine.time_ms();
    let mut run = Run {
        engine: engine.clone(),
        venue: state.venue.venue().clone(),
        time_ms: start_ms,
        sequence: state.next_sequence,
        waiting: state.outstanding(),
        is_judged: false,
        closed: BTreeSet::new(),
        deficits: 0,
    };
    let live: Vec<(InstrumentId, u64, u64)> = (0..)
        .map(InstrumentId)
        .zip(engine.markets())
        .filter(|(_, market)| market.settled.is_none() && market.mark.get() > 0)
        .map(|(instrument, market)| {
            let mark = market.mark.get();
            let highest = (1 << market.spec.price_bits) - 1;
            let target = (i128::from(mark) * i128::from(1_000 + permille) / 1_000).clamp(1, highest);
            (instrument, mark, target as u64)
        })
        .collect();
    // A part of the narrowest band: impact of fills comes on top.
    let bands = engine.markets().iter().map(|market| u64::from(market.spec.mark_band) * 1_000 / scale);
    let step = (bands.min().unwrap_or(1) / 8).clamp(1, STEP_PERMILLE_MAX);
    let steps = u64::from(permille.unsigned_abs()).div_ceil(step).max(1);
    let progress = Progress::steps(steps, !progress);
    let mut rested_ms = start_ms;
    for at in 1..=steps + u64::from(REST_STEPS) {
        let done = at.min(steps);
        progress.reach(done);
        let marks = live.iter().map(|&(instrument, from, to)| {
            let way = (i128::from(to) - i128::from(from)) * i128::from(done) / i128::from(steps);
            (instrument, (i128::from(from) + way) as u64)
        });
        if run.step(marks.collect())? || at <= steps {
            rested_ms = run.time_ms;
        } else if run.engine.watched() == 0 {
            break;
        }
    }
    Ok(run.summary(permille, engine.counters(), rested_ms - start_ms))
}

impl Run {
    fn summary(&self, permille: i32, before: &Counters, lasts_ms: TimeMs) -> WhatIf {
        let (engine, after) = (&self.engine, self.engine.counters());
        let is_due = |index: &usize| engine.exact(*index).verdict >= Severity::Liquidatable;
        let partial = after.liquidations_partial - before.liquidations_partial;
        WhatIf {
            permille,
            lasts_ms,
            accounts: self.closed.len() as u64,
            liquidations: partial + after.liquidations_full - before.liquidations_full,
            takeovers: after.takeovers - before.takeovers,
            bankruptcies: after.bankruptcies - before.bankruptcies,
            slices: after.slices - before.slices,
            deleveraged: after.deleveraged - before.deleveraged,
            halts: after.halts - before.halts,
            deficits: self.deficits,
            fund_paid: after.insurance_out - before.insurance_out,
            haircuts: after.haircuts - before.haircuts,
            socialised_loss: after.socialised_loss - before.socialised_loss,
            bad_debt: engine.bad_debt(),
            funds_left: engine.insurance(),
            unresolved: (0..engine.ledger().accounts()).filter(is_due).count() as u64,
        }
    }

    /// Marks of the next time, impact on them, and all that follows. True if anything did.
    fn step(&mut self, marks: Vec<(InstrumentId, u64)>) -> anyhow::Result<bool> {
        // What was decided before comes first, as in any run.
        let mut moved = self.carry_out()?;
        self.time_ms += STEP_MS;
        let mut events = self.engine.elapsed(self.time_ms);
        for (instrument, price) in marks {
            let mark = self.venue.mark(instrument, self.time_ms, price);
            let composed = self.engine.best_prices(instrument, mark);
            let mut priced = |source, price| events.push(Event::Priced { instrument, source, price });
            if composed.is_some() || self.engine.wants_index(instrument, self.time_ms) {
                priced(Source::Index, price);
            }
            if let Some([bid, ask]) = composed {
                priced(Source::Bid, bid);
                priced(Source::Ask, ask);
                priced(Source::Last, mark);
                events.push(Event::Composed { instrument });
            } else {
                events.push(Event::Mark { instrument, price: mark });
            }
        }
        self.round(events)?;
        moved |= self.carry_out()?;
        Ok(moved)
    }

    /// Decision rounds until nothing waits. True if there was one.
    fn carry_out(&mut self) -> anyhow::Result<bool> {
        let moved = !self.waiting.is_empty();
        for _ in 0..ROUNDS_MAX {
            if self.waiting.is_empty() {
                return Ok(moved);
            }
            let commands = std::mem::take(&mut self.waiting);
            let outcomes =
                commands.iter().map(|command| self.perform(command)).collect::<anyhow::Result<_>>()?;
            self.round(outcomes)?;
        }
        anyhow::bail!("decisions do not end within {ROUNDS_MAX} rounds of a step")
    }

    fn round(&mut self, mut events: Vec<Event>) -> anyhow::Result<()> {
        let told = |instrument: InstrumentId| self.engine.markets()[usize::from(instrument.0)].book.as_ref();
        let books =
            self.venue.left(self.time_ms).filter(|(instrument, book)| told(*instrument) != Some(book));
        events.extend(books.map(|(instrument, book)| Event::Book { instrument, book }));
        let round = Round { time_ms: self.time_ms, first_sequence: self.sequence, events };
        self.sequence += round.events.len() as u64;
        let applied = self.engine.apply(&round);
        applied.actions.iter().for_each(|action| self.note(action));
        // A state in the middle of a round has verdicts that nobody has said yet.
        let all = if self.is_judged { 0 } else { self.engine.ledger().accounts() };
        self.is_judged = true;
        let judged = applied.touched.into_iter().chain(0..all);
        let flags: BTreeMap<usize, Flag> =
            judged.filter_map(|index| Some((index, self.judge(index)?))).collect();
        let flags: Vec<Flag> = flags.into_values().collect();
        self.waiting = self.engine.decide(&flags)?.commands;
        Ok(())
    }

    fn note(&mut self, action: &Action) {
        match action.kind {
            ActionKind::Deleveraging | ActionKind::SocialisedLoss => return,
            ActionKind::Bankruptcy => {
                let scale = i128::from(self.engine.rules().scale);
                self.deficits += -action.before.equity.min(0).div_euclid(scale);
            }
            ActionKind::Slice | ActionKind::FullClose | ActionKind::Absorption | ActionKind::Takeover => {}
        }
        self.closed.insert(action.account);
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
