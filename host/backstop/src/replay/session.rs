//! One episode: rounds through engine and device, audited, with everything that happens handed to the journal first.

use std::collections::{BTreeMap, VecDeque};

use anyhow::{Context, ensure};
use device::{DeviceError, Driver, MarginDevice, RoundAnswer};
use engine::Engine;
use engine::apply::Applied;
use engine::decide::Decided;
use engine::event::{
    AccountId, Command, Event, EventSequence, InstrumentId, OrderId, Round, Source, TimeMs, VenueOrder,
    VerdictRecord,
};
use engine::rules::Rules;

use super::audit::Audit;
use super::compare::{Disagreement, compare_coverage, compare_flags};
use super::patrol::Patrol;
use crate::journal::{Entry, JournalError};
use crate::recovery::{Open, Pending, RunState};
use crate::venue::{Order, Outstanding, Schedule, SimulatedVenue, Venue};

/// Decision rounds in a row before an external one is admitted.
pub const DECISION_ROUNDS_MAX: u32 = 64;

/// Where entries go before they take effect.
pub trait Recorder {
    /// # Errors
    /// If the entry cannot be kept; the round must not take effect then.
    fn record(&mut self, entry: Entry) -> Result<(), JournalError>;

    /// Returns once all that was recorded is durable, if anything that is about to leave must wait for it.
    ///
    /// # Errors
    /// If it cannot be made durable; nothing must leave then.
    fn release(&mut self) -> Result<(), JournalError> {
        Ok(())
    }
}

/// A mark of the tape, as it was before the venue's fills left their impact on it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TapeMark {
    pub sequence: EventSequence,
    pub instrument: InstrumentId,
    /// Quanta per lot.
    pub price: u64,
}

/// What a round did, for reports.
pub struct Evaluated {
    pub round: Round,
    /// Of the round's marks, in their order; none where the journal is all there is.
    pub tape: Vec<TapeMark>,
    pub external: bool,
    pub applied: Applied,
    pub answer: RoundAnswer,
    pub decided: Decided,
    /// Accounts read back and compared: those the round touched, and those whose turn it was.
    pub audited: u64,
    pub patrolled: u64,
    /// Why the device was lost in this round, if it was.
    pub loss: Option<Loss>,
    /// The round was judged on the CPU, the device being lost.
    pub on_cpu: bool,
}

/// A device lost in a round, which was then recomputed on the CPU.
#[derive(Clone, Debug)]
pub struct Loss {
    pub cause: String,
    /// Accounts on which the device said something else than the ledger.
    pub disagreements: u64,
}

/// What the device, or the host in its place, says of a round that took effect.
struct Judged {
    answer: RoundAnswer,
    audited: u64,
    patrolled: u64,
}

impl Evaluated {
    /// Verdicts owed and given on the round's marks.
    pub fn coverage(&self) -> (u64, u64) {
        let due = self.applied.dues.iter().map(|due| due.holders).sum();
        let given = self.answer.coverage.iter().map(|given| given.holders).sum();
        (due, given)
    }
}

/// The episode's moving parts. The device is the caller's: it is started anew by each session, but for one that is lost.
pub struct Session<'d, D: MarginDevice, V: Venue = SimulatedVenue> {
    engine: Engine,
    driver: &'d mut Driver<D>,
    audit: Audit,
    patrol: Patrol,
    venue: V,
    pending: VecDeque<Pending>,
    /// Orders on their way to the venue.
    schedule: Schedule,
    /// Event time of the last external round.
    external_ms: TimeMs,
    /// Of the next event and round: they go on through all episodes of a run.
    pub next_sequence: EventSequence,
    pub next_round: u64,
    batch: Vec<AccountId>,
    /// A device lost at the start, told with the first round.
    loss: Option<Loss>,
    /// Source and sequence of the input that the next round of the world holds.
    input: Option<(u16, u64)>,
}

impl<'d, D: MarginDevice> Session<'d, D> {
    /// [`Self::resume_at`] the simulated venue as the journal has it.
    ///
    /// # Errors
    /// As there.
    pub fn resume(
        state: RunState,
        driver: &'d mut Driver<D>,
        audit: Audit,
        patrol: Patrol,
        recorder: &mut impl Recorder,
        observe: &mut impl FnMut(&Engine, &Evaluated) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let venue = state.venue.venue().clone();
        Self::resume_at(state, venue, driver, audit, patrol, recorder, observe)
    }
}

impl<'d, D: MarginDevice, V: Venue> Session<'d, D, V> {
    /// Starts the device from reset, with a venue that lists nothing yet. A device that has run before and does not start again is lost; the episode
    /// is judged on the CPU.
    ///
    /// # Errors
    /// If the rules make no sense or the device does not start the first time.
    pub fn start(
        rules: Rules,
        driver: &'d mut Driver<D>,
        audit: Audit,
        patrol: Patrol,
        venue: V,
        next_sequence: EventSequence,
        next_round: u64,
    ) -> anyhow::Result<Self> {
        let was_lost = driver.is_lost();
        let loss = match driver.start(&rules).context("the device does not start") {
            Err(error) if !was_lost && driver.is_lost() => Some(Loss::of(&error)),
            started => started.map(|()| None)?,
        };
        Ok(Self {
            loss,
            venue,
            engine: Engine::new(rules)?,
            driver,
            audit,
            patrol,
            pending: VecDeque::new(),
            schedule: Schedule::default(),
            external_ms: TimeMs::MIN,
            next_sequence,
            next_round,
            batch: Vec::new(),
            input: None,
        })
    }

    /// Goes on where a run was stopped, at the venue where its orders are: the device is loaded, a round that was not decided on is evaluated again, and
    /// orders without a report are sent again. The state says which inputs were taken.
    ///
    /// # Errors
    /// As [`Self::start`] and [`Self::run`]; or if the device, loaded, does not say what the journal says of an account.
    pub fn resume_at(
        state: RunState,
        venue: V,
        driver: &'d mut Driver<D>,
        audit: Audit,
        patrol: Patrol,
        recorder: &mut impl Recorder,
        observe: &mut impl FnMut(&Engine, &Evaluated) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let (external_ms, mut decision_rounds) = (state.external_ms, state.decision_rounds);
        let RunState { engine, pending, sent, next_sequence, next_round, open, .. } = state;
        let rules = engine.rules().clone();
        let mut session = Self::start(rules, driver, audit, patrol, venue, next_sequence, next_round)?;
        recorder.record(Entry::Restarted {
            next_sequence: open
                .as_ref()
                .map_or(next_sequence, |open| open.round.first_sequence + open.round.events.len() as u64),
        })?;
        (session.engine, session.pending, session.external_ms) = (engine, pending, external_ms);
        for ((due_ms, _), command) in sent {
            let VenueOrder { id, instrument, lots, limit } =
                command.venue_order().expect("only orders are on their way");
            let order = Order { instrument, lots, limit };
            session.schedule.push(due_ms, Outstanding { id, order }, session.orders_max());
        }
        session.load_device()?;
        if let Some(Open { round, external, verdicts }) = open {
            if external {
                session.external_ms = session.external_ms.max(round.time_ms);
                decision_rounds = 0;
            } else {
                session.pending.pop_front();
                decision_rounds += 1;
            }
            (session.next_sequence, session.next_round) =
                (round.first_sequence + round.events.len() as u64, next_round + 1);
            session.conclude(round, external.then(Vec::new), next_round, verdicts, recorder, observe)?;
        }
        session.carry_out(DECISION_ROUNDS_MAX.saturating_sub(decision_rounds), recorder, observe)?;
        Ok(session)
    }

    /// Tells a device from reset what the engine holds, and compares what it says.
    fn load_device(&mut self) -> anyhow::Result<()> {
        let updates = self.engine.device_updates(self.next_sequence.saturating_sub(1));
        if updates.is_empty() {
            return Ok(());
        }
        let answer = self.driver.run_round(&updates)?;
        self.driver.accept();
        let mut said: BTreeMap<AccountId, u8> = BTreeMap::new();
        said.extend(answer.verdicts.iter().map(|flag| (flag.account, flag.severity_new)));
        for (account, _) in self.engine.ledger().by_id() {
            let (says, known) =
                (said.get(&account).copied().unwrap_or(0), self.engine.device_severity(account));
            ensure!(
                known == Some(says),
                "the device, loaded, has account {} at severity {says}, the journal says {known:?}",
                account.0
            );
        }
        Ok(())
    }

    /// The next round of the world holds this input; the journal will say so.
    pub fn take(&mut self, source: u16, sequence: u64) {
        self.input = Some((source, sequence));
    }

    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// True if no order is on its way and nothing is decided and not done.
    pub fn is_idle(&self) -> bool {
        self.schedule.is_empty() && self.pending.is_empty()
    }

    pub fn venue(&self) -> &V {
        &self.venue
    }

    /// True from the device's loss until it is attached again.
    pub fn is_device_lost(&self) -> bool {
        self.driver.is_lost()
    }

    /// The device itself, for drills.
    pub fn device_mut(&mut self) -> &mut D {
        self.driver.device_mut()
    }

    /// Carries out the command to attach a lost device again, between two rounds: it is loaded whole and every account is read back. Gives
    /// the number of accounts that are equal, or why it stays lost. Both are noted in the journal.
    ///
    /// # Errors
    /// If the note cannot be kept.
    pub fn reattach(
        &mut self,
        time_ms: TimeMs,
        recorder: &mut impl Recorder,
    ) -> Result<Result<u64, DeviceError>, JournalError> {
        let outcome = self.driver.reattach();
        let text = match &outcome {
            Ok(accounts) => format!("device re-attached: {accounts} accounts loaded, read back and equal"),
            Err(error) => format!("device not re-attached: {error}; rounds are judged on the CPU as before"),
        };
        recorder.record(Entry::Note { time_ms, text: format!("round {}: {text}", self.next_round) })?;
        Ok(outcome)
    }

    /// The reports of orders that are due by then; an external round, its marks with the impact of the fills so far; and the decision rounds that
    /// follow each. All are handed to `observe` when they are done.
    ///
    /// # Errors
    /// If the journal fails, the round does not fit the device, or the host's own verdicts are not the ledger's. The loss of a device is no
    /// error.
    pub fn run(
        &mut self,
        time_ms: TimeMs,
        events: Vec<Event>,
        recorder: &mut impl Recorder,
        observe: &mut impl FnMut(&Engine, &Evaluated) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.report_due(time_ms, recorder, observe)?;
        let (mut round, mut tape) = (self.engine.elapsed(time_ms), Vec::new());
        let mut listed = Vec::new();
        for mut event in events {
            if let Event::Listed { instrument, spec } = &event
                && spec.composition.is_some()
            {
                listed.push(*instrument);
            }
            if let Event::Mark { instrument, ref mut price } = event {
                let tape_price = *price;
                *price = self.venue.mark(instrument, time_ms, tape_price);
                let composed = self.engine.best_prices(instrument, *price);
                let composed = composed.or_else(|| listed.contains(&instrument).then_some([*price; 2]));
                if composed.is_some() || self.engine.wants_index(instrument, time_ms) {
                    round.push(Event::Priced { instrument, source: Source::Index, price: tape_price });
                }
                if let Some([bid, ask]) = composed {
                    let sources = [(Source::Bid, bid), (Source::Ask, ask), (Source::Last, *price)];
                    round.extend(sources.map(|(source, price)| Event::Priced { instrument, source, price }));
                    event = Event::Composed { instrument };
                }
                let sequence = self.next_sequence + round.len() as u64;
                tape.push(TapeMark { sequence, instrument, price: tape_price });
            }
            round.push(event);
        }
        if let Some((source, sequence)) = self.input.take() {
            recorder.record(Entry::Taken { source, sequence })?;
        }
        self.external(time_ms, round, tape, recorder, observe)
    }

    /// Orders that have arrived at the venue by `until_ms`, a round for each time of arrival with reports; those without a report are sent again
    /// later. And what the venue says without being asked.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn report_due(
        &mut self,
        until_ms: TimeMs,
        recorder: &mut impl Recorder,
        observe: &mut impl FnMut(&Engine, &Evaluated) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        while let Some((due_ms, orders)) = self.schedule.take_due(until_ms) {
            let due_ms = due_ms.max(self.external_ms);
            let mut reports = Vec::new();
            for due in orders {
                match self.send(due_ms, due.id, &due.order)? {
                    Some(report) => reports.push(report),
                    None => {
                        let again_ms = due_ms.saturating_add(self.venue.patience_ms());
                        self.schedule.push(again_ms, due, self.orders_max());
                    }
                }
            }
            if !reports.is_empty() {
                self.reported(due_ms, reports, recorder, observe)?;
            }
        }
        let unasked: Vec<Event> =
            self.venue.unasked(until_ms).into_iter().map(|(order, report)| report.event(order)).collect();
        if !unasked.is_empty() {
            self.reported(until_ms.max(self.external_ms), unasked, recorder, observe)?;
        }
        Ok(())
    }

    fn reported(
        &mut self,
        time_ms: TimeMs,
        mut reports: Vec<Event>,
        recorder: &mut impl Recorder,
        observe: &mut impl FnMut(&Engine, &Evaluated) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut events = self.engine.elapsed(time_ms);
        events.append(&mut reports);
        self.external(time_ms, events, Vec::new(), recorder, observe)
    }

    /// An account has one order out at the most, and so has the backstop in each market.
    fn orders_max(&self) -> usize {
        self.engine.ledger().accounts() + self.engine.markets().len()
    }

    fn external(
        &mut self,
        time_ms: TimeMs,
        events: Vec<Event>,
        tape: Vec<TapeMark>,
        recorder: &mut impl Recorder,
        observe: &mut impl FnMut(&Engine, &Evaluated) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.external_ms = self.external_ms.max(time_ms);
        self.step(time_ms, events, Some(tape), recorder, observe)?;
        self.carry_out(DECISION_ROUNDS_MAX, recorder, observe)
    }

    /// Decision rounds until none waits, but no more than may still pass before an external round is admitted.
    fn carry_out(
        &mut self,
        rounds_max: u32,
        recorder: &mut impl Recorder,
        observe: &mut impl FnMut(&Engine, &Evaluated) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        for _ in 0..rounds_max {
            let Some(Pending { time_ms, commands }) = self.pending.pop_front() else { break };
            if commands.iter().any(|command| command.venue_order().is_some()) {
                recorder.release()?;
            }
            let events =
                commands.iter().map(|command| self.perform(time_ms, command)).collect::<Result<_, _>>()?;
            self.step(time_ms, events, None, recorder, observe)?;
        }
        Ok(())
    }

    /// Runs decision rounds until none is left, rejects the orders that would arrive after `time_ms`, then settles everything at the last marks.
    /// Returns the state hash.
    ///
    /// # Errors
    /// As [`Self::run`]; or if decisions go on for ever, which breaks an invariant of the engine.
    pub fn settle(
        &mut self,
        time_ms: TimeMs,
        recorder: &mut impl Recorder,
        observe: &mut impl FnMut(&Engine, &Evaluated) -> anyhow::Result<()>,
    ) -> anyhow::Result<[u8; 32]> {
        self.report_due(time_ms, recorder, observe)?;
        for _ in 0..=self.engine.ledger().accounts() {
            self.carry_out(DECISION_ROUNDS_MAX, recorder, observe)?;
            if !self.pending.is_empty() {
                continue;
            }
            if self.schedule.is_empty() {
                break;
            }
            let late = self
                .schedule
                .take_all()
                .into_iter()
                .map(|Outstanding { id, .. }| Event::Rejected { order: id });
            self.external(time_ms, late.collect(), Vec::new(), recorder, observe)?;
        }
        assert!(self.pending.is_empty() && self.schedule.is_empty(), "decisions do not end");
        self.step(time_ms, vec![Event::Settled], Some(Vec::new()), recorder, observe)?;
        Ok(self.engine.state_hash())
    }

    /// The books that are others than those that the engine was told.
    fn books_changed(&self, time_ms: TimeMs) -> Vec<Event> {
        let told = |instrument: InstrumentId| self.engine.markets()[usize::from(instrument.0)].book.as_ref();
        let books = self.venue.left(time_ms).filter(|(instrument, book)| told(*instrument) != Some(book));
        books.map(|(instrument, book)| Event::Book { instrument, book }).collect()
    }

    /// A round: external, with the tape's prices of its marks, or else the outcomes of decisions.
    fn step(
        &mut self,
        time_ms: TimeMs,
        events: Vec<Event>,
        tape: Option<Vec<TapeMark>>,
        recorder: &mut impl Recorder,
        observe: &mut impl FnMut(&Engine, &Evaluated) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let external = tape.is_some();
        let mut events = events;
        events.extend(self.books_changed(time_ms));
        let round = Round { time_ms, first_sequence: self.next_sequence, events };
        for (sequence, event) in (round.first_sequence..).zip(&round.events) {
            recorder.record(Entry::Event { sequence, time_ms, event: event.clone() })?;
        }
        let (number, first_sequence) = (self.next_round, round.first_sequence);
        let count = u32::try_from(round.events.len()).context("a round is bounded")?;
        recorder.record(Entry::RoundEnded {
            round: number,
            time_ms,
            first_sequence,
            events: count,
            external,
        })?;
        self.next_sequence += u64::from(count);
        self.next_round += 1;
        self.conclude(round, tape, number, None, recorder, observe)
    }

    /// Lets a journaled round take effect, and journals what is said and decided on it; of a round before a restart, that may have been said.
    fn conclude(
        &mut self,
        round: Round,
        tape: Option<Vec<TapeMark>>,
        number: u64,
        said: Option<VerdictRecord>,
        recorder: &mut impl Recorder,
        observe: &mut impl FnMut(&Engine, &Evaluated) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let time_ms = round.time_ms;
        let evaluated = self.evaluate(round, tape.is_some(), number);
        for text in self.driver.take_notes() {
            recorder.record(Entry::Note { time_ms, text: format!("round {number}: {text}") })?;
        }
        let evaluated = match evaluated {
            Ok(evaluated) => Evaluated { tape: tape.unwrap_or_default(), ..evaluated },
            Err(error) => {
                recorder.record(Entry::Note { time_ms, text: format!("round {number}: {error:#}") })?;
                return Err(error);
            }
        };
        if let Some(Loss { cause, .. }) = &evaluated.loss {
            let text = format!(
                "round {number}: device lost: {cause}; the round is recomputed on the CPU; rounds are judged there until re-attachment"
            );
            recorder.record(Entry::Note { time_ms, text })?;
        }
        for event in &evaluated.round.events {
            if let Event::Listed { instrument, spec } = event {
                self.venue.list(*instrument, spec)?;
                if let Some(text) = self.venue.book_note(*instrument) {
                    recorder.record(Entry::Note { time_ms, text })?;
                }
            }
        }
        match said {
            None => {
                recorder.record(Entry::Verdict { round: number, flags: evaluated.answer.verdicts.clone() })?
            }
            Some(said) => ensure!(
                said == evaluated.answer.verdicts,
                "round {number}: its verdicts were journaled and are others now; see backstop verify"
            ),
        }
        recorder.record(Entry::Decision { round: number, commands: evaluated.decided.commands.clone() })?;
        self.decided(time_ms, &evaluated.decided.commands);
        if self.venue.latency_ms() > 0
            && evaluated.decided.commands.iter().any(|command| command.venue_order().is_some())
        {
            recorder.release()?;
        }
        observe(&self.engine, &evaluated)
    }

    /// Commands wait for the next decision round, but for orders that take time to the venue: they arrive when that has passed.
    fn decided(&mut self, time_ms: TimeMs, commands: &[Command]) {
        let (latency_ms, orders_max) = (self.venue.latency_ms(), self.orders_max());
        let arrival_ms = self.external_ms.max(time_ms).saturating_add(latency_ms);
        let mut at_once = commands.to_vec();
        if latency_ms > 0 {
            at_once.retain(|command| {
                let Some(VenueOrder { id, instrument, lots, limit }) = command.venue_order() else {
                    return true;
                };
                let order = Order { instrument, lots, limit };
                self.schedule.push(arrival_ms, Outstanding { id, order }, orders_max);
                false
            });
        }
        if !at_once.is_empty() {
            self.pending.push_back(Pending { time_ms, commands: at_once.into() });
        }
    }

    /// Lets the round take effect, asks the device, audits it, decides. Used by replay and by verification alike. If the device is lost, or
    /// does not say what the ledger says, the round is judged once more on the CPU.
    ///
    /// # Errors
    /// If the round does not fit the device, or what the host itself computes is not the ledger's.
    pub fn evaluate(&mut self, round: Round, external: bool, number: u64) -> anyhow::Result<Evaluated> {
        let applied = self.engine.apply(&round);
        // A settlement closes the positions in the ledger alone: the episode's device is done with.
        let accounts = match round.events.contains(&Event::Settled) {
            true => 0,
            false => self.engine.ledger().accounts(),
        };
        let turn: Vec<usize> = self.patrol.draw(round.time_ms, accounts).collect();
        let was_lost = self.driver.is_lost();
        let mut loss = self.loss.take();
        let mut judged = self.judge(&applied, &turn, number);
        if let Err(error) = &judged {
            let refused = error.downcast_ref::<DeviceError>().is_some_and(DeviceError::is_refusal);
            if !was_lost && !refused {
                loss = Some(Loss::of(error));
                self.driver.lose();
                judged = self.judge(&applied, &turn, number);
            }
        }
        let Judged { answer, audited, patrolled } = judged?;
        self.driver.accept();
        let decided = self.engine.decide(&answer.verdicts)?;
        if let [account, ..] = decided.disagreements[..] {
            return Err(Disagreement {
                accounts: decided.disagreements.len() as u64,
                first: format!("round {number}: the severity of account {} is not the ledger's", account.0),
            }
            .into());
        }
        let on_cpu = self.driver.is_lost();
        Ok(Evaluated {
            round,
            tape: Vec::new(),
            external,
            applied,
            answer,
            decided,
            audited,
            patrolled,
            loss,
            on_cpu,
        })
    }

    /// Asks for the verdicts on a round, and compares: what they cover, what they flag, and who is read back.
    fn judge(&mut self, applied: &Applied, turn: &[usize], round: u64) -> anyhow::Result<Judged> {
        let answer = if applied.updates.is_empty() {
            RoundAnswer::default()
        } else {
            self.driver.run_round(&applied.updates)?
        };
        compare_coverage(&applied.dues, &answer.coverage)?;
        compare_flags(&self.engine, &applied.updates, &answer.verdicts, round)?;
        let audited = self.read_back(&self.audit.draw(&applied.touched, round), round)?;
        let patrolled = self.read_back(turn, round)?;
        Ok(Judged { answer, audited, patrolled })
    }

    /// Reads accounts back before anything is decided on them. One difference loses the device.
    fn read_back(&mut self, drawn: &[usize], round: u64) -> anyhow::Result<u64> {
        if drawn.is_empty() {
            return Ok(0);
        }
        let ledger = self.engine.ledger();
        self.batch.clear();
        self.batch.extend(drawn.iter().map(|&index| ledger.id(index)));
        let mut differences = 0;
        let mut first = String::new();
        let (engine, batch) = (&self.engine, &self.batch);
        let compared = self
            .driver
            .read_back(batch, |place, severity, equity, requirement| {
                let exact = engine.exact(drawn[place]);
                if (severity, equity, requirement) != (exact.severity as u8, exact.equity, exact.requirement) {
                    if differences == 0 {
                        first = format!(
                            "round {round}: the device has account {} at severity {severity}, E {equity}, R {requirement}; \
                             the ledger says {}, {}, {}",
                            batch[place].0, exact.severity as u8, exact.equity, exact.requirement
                        );
                    }
                    differences += 1;
                }
            })
            .context("while it is audited")?;
        if differences > 0 {
            return Err(Disagreement { accounts: differences, first }.into());
        }
        Ok(compared)
    }

    /// Carries a command out; its outcome is an event of the next round.
    fn perform(&mut self, time_ms: TimeMs, command: &Command) -> anyhow::Result<Event> {
        match (command.outcome(), command.venue_order()) {
            (None, Some(VenueOrder { id, instrument, lots, limit })) => {
                let report = self.send(time_ms, id, &Order { instrument, lots, limit })?;
                report.context("a venue without latency is silent; give it one")
            }
            (outcome, _) => Ok(outcome.expect("what goes to no venue has its outcome")),
        }
    }

    /// The venue's report of an order that has arrived, if it makes one.
    fn send(&mut self, time_ms: TimeMs, id: OrderId, order: &Order) -> anyhow::Result<Option<Event>> {
        let mark = self.engine.markets()[usize::from(order.instrument.0)].mark;
        Ok(self.venue.send(time_ms, mark, id, order)?.map(|report| report.event(id)))
    }
}

impl Loss {
    fn of(error: &anyhow::Error) -> Self {
        let disagreements = error.downcast_ref::<Disagreement>().map_or(0, |found| found.accounts);
        Self { cause: format!("{error:#}"), disagreements }
    }
}
