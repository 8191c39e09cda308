//! The state of a run at an event, out of its journal: the engine, what the venue's book lacks, and what is decided and not done yet.

use std::collections::{BTreeMap, VecDeque};

use anyhow::{Context, bail, ensure};
use borsh::{BorshDeserialize, BorshSerialize};
use engine::Engine;
use engine::apply::Applied;
use engine::event::{
    Command, Event, EventSequence, Flag, InstrumentId, OrderId, Round, TimeMs, VerdictRecord,
};
use engine::rules::Rules;

use crate::journal::{Entry, JournalError};
use crate::replay::journaled::{Journaled, JournaledRound, JournaledRounds};
use crate::venue::{RestoredVenue, SimulatedVenue, Traces, Venue, VenueConfig};

/// Commands whose outcomes are the next decision round, with the event time of their cause.
#[derive(BorshDeserialize, BorshSerialize, Clone, Debug, Eq, PartialEq)]
pub struct Pending {
    pub time_ms: TimeMs,
    pub commands: VecDeque<Command>,
}

/// A round that was journaled and not decided on: it is evaluated again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Open {
    pub round: Round,
    pub external: bool,
    /// If they were journaled.
    pub verdicts: Option<VerdictRecord>,
}

/// After the last round that was decided on.
#[derive(Clone, Debug)]
pub struct RunState {
    pub engine: Engine,
    pub episode: u32,
    /// Event time of the episode's first round.
    pub started_ms: TimeMs,
    /// Of the next event and round.
    pub next_sequence: EventSequence,
    pub next_round: u64,
    /// Of the last external round.
    pub external_ms: TimeMs,
    pub venue: RestoredVenue,
    /// Decision rounds since then.
    pub decision_rounds: u32,
    /// Oldest first.
    pub pending: VecDeque<Pending>,
    /// Orders on their way to the venue, by time of arrival.
    pub sent: BTreeMap<(TimeMs, OrderId), Command>,
    /// Last input taken of each source.
    pub taken: BTreeMap<u16, u64>,
    pub open: Option<Open>,
}

/// The state after an event; or else before the last episode's settlement, or where the journal ends within it.
///
/// # Errors
/// If the journal is damaged, or does not hold the event or any round.
pub fn follow(
    entries: impl Iterator<Item = Result<Entry, JournalError>>,
    sequence: Option<EventSequence>,
) -> anyhow::Result<RunState> {
    follow_from(None, entries, sequence)
}

/// The same from a state on, with the entries after it.
///
/// # Errors
/// As [`follow`].
pub fn follow_from(
    state: Option<RunState>,
    entries: impl Iterator<Item = Result<Entry, JournalError>>,
    sequence: Option<EventSequence>,
) -> anyhow::Result<RunState> {
    follow_watched(state, entries, sequence, &mut |_| Ok(()))
}

/// A round that was followed: the engine after it, what it did, what was said of it and decided.
pub struct Followed<'r> {
    pub engine: &'r Engine,
    pub round: &'r Round,
    pub applied: &'r Applied,
    pub verdicts: &'r [Flag],
    pub commands: &'r [Command],
}

/// The same, with a look at every round that was decided on.
///
/// # Errors
/// As [`follow`]; or what `watch` says.
pub fn follow_watched(
    mut state: Option<RunState>,
    entries: impl Iterator<Item = Result<Entry, JournalError>>,
    sequence: Option<EventSequence>,
    watch: &mut impl FnMut(Followed) -> anyhow::Result<()>,
) -> anyhow::Result<RunState> {
    // Of an episode without a round so far.
    let mut started: Option<(u32, Rules)> = None;
    let mut config = VenueConfig::default();
    let next_sequence = state.as_ref().map_or(0, |state| state.next_sequence);
    for item in JournaledRounds::after(next_sequence, entries) {
        let journaled = match item? {
            Journaled::EpisodeStarted { index, rules } => {
                (started, config) = (Some((index, rules)), VenueConfig::default());
                continue;
            }
            Journaled::Note(text) => {
                config = VenueConfig::of_note(&text).unwrap_or(config);
                continue;
            }
            Journaled::EpisodeEnded { .. } => continue,
            Journaled::Round(journaled) => journaled,
        };
        let round = &journaled.round;
        if sequence.is_none() && round.events.contains(&Event::Settled) {
            continue;
        }
        if let Some((episode, rules)) = started.take() {
            state = Some(RunState::new(episode, rules, config.clone(), &journaled)?);
        }
        let state = state.as_mut().context("a round outside an episode")?;
        let wanted = sequence.map_or(u64::MAX, |at| (at + 1).saturating_sub(round.first_sequence));
        let count = usize::try_from(wanted).unwrap_or(usize::MAX).min(round.events.len());
        state.round(journaled, count, watch)?;
        if sequence.is_some_and(|sequence| state.next_sequence == sequence + 1) {
            break;
        }
    }
    let Some(state) = state else {
        bail!("there is no round, so there is nothing to look at; record a run with replay --out")
    };
    let last = state.next_sequence.saturating_sub(1);
    match sequence {
        Some(wanted) if last != wanted => {
            bail!("event {wanted} is beyond the journal's last, {last}; name one up to that")
        }
        _ => Ok(state),
    }
}

impl RunState {
    fn new(episode: u32, rules: Rules, config: VenueConfig, first: &JournaledRound) -> anyhow::Result<Self> {
        // Snapshots of books are not at hand: the rules' depth stands for them.
        let config = VenueConfig { books: None, ..config };
        let venue = SimulatedVenue::new(rules.validate()?.0, config, None)?;
        Ok(Self {
            engine: Engine::new(rules)?,
            episode,
            started_ms: first.round.time_ms,
            next_sequence: first.round.first_sequence,
            next_round: first.number,
            external_ms: TimeMs::MIN,
            decision_rounds: 0,
            venue: RestoredVenue::new(venue),
            pending: VecDeque::new(),
            sent: BTreeMap::new(),
            taken: BTreeMap::new(),
            open: None,
        })
    }

    /// The first `count` events of a round; all of them with what was decided after. Verdicts are taken as they stand (`verify` checks them).
    ///
    /// # Errors
    /// If the round does not follow, or the engine decides otherwise than the journal says.
    /// What the verdicts and decisions are taken for is handed to `watch`.
    pub fn round(
        &mut self,
        journaled: JournaledRound,
        count: usize,
        watch: &mut impl FnMut(Followed) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let JournaledRound { number, external, round, verdicts, commands, taken } = journaled;
        if count == round.events.len() && commands.is_none() {
            self.taken.extend(taken);
            // Its fills have left their trace at the venue; what it lists, the venue hears when it is evaluated.
            let is_fill = |event: &&Event| !matches!(event, Event::Listed { .. });
            round.events.iter().filter(is_fill).try_for_each(|event| self.happened(round.time_ms, event))?;
            self.open = Some(Open { round, external, verdicts });
            return Ok(());
        }
        if external {
            self.external_ms = self.external_ms.max(round.time_ms);
            self.decision_rounds = 0;
            self.taken.extend(taken);
        } else if let Some(batch) = self.pending.front_mut() {
            // A decision round is the outcomes of the oldest decisions, in their order; books may follow.
            batch.commands.drain(..count.min(batch.commands.len()));
            self.pending.retain(|batch| !batch.commands.is_empty());
        }
        let events = round.events[..count].to_vec();
        for event in &events {
            self.happened(round.time_ms, event)?;
        }
        let whole = count == round.events.len();
        self.next_sequence = round.first_sequence + count as u64;
        let round = Round { events, ..round };
        let applied = self.engine.apply(&round);
        if whole {
            let verdicts = verdicts.as_deref().unwrap_or_default();
            let decided = self.engine.decide(verdicts)?.commands;
            if commands.is_some_and(|commands| commands != decided) {
                bail!(
                    "round {number}: the journal's decisions are not what the engine decides; see backstop verify"
                );
            }
            let (engine, commands) = (&self.engine, decided.as_slice());
            watch(Followed { engine, round: &round, applied: &applied, verdicts, commands })?;
            self.next_round = number + 1;
            self.decision_rounds += u32::from(!external);
            self.decided(round.time_ms, decided);
        }
        Ok(())
    }

    fn happened(&mut self, time_ms: TimeMs, event: &Event) -> anyhow::Result<()> {
        self.venue.happened(time_ms, event)?;
        if let Event::Filled { order, .. } | Event::Rejected { order } = event {
            self.sent.retain(|(_, sent), _| sent != order);
        }
        Ok(())
    }

    fn decided(&mut self, time_ms: TimeMs, decided: Vec<Command>) {
        self.venue.decided(&decided);
        let latency_ms = self.venue.venue().latency_ms();
        let arrival_ms = self.external_ms.max(time_ms).saturating_add(latency_ms);
        let mut commands = VecDeque::new();
        for command in decided {
            match command.venue_order() {
                Some(order) if latency_ms > 0 => drop(self.sent.insert((arrival_ms, order.id), command)),
                _ => commands.push_back(command),
            }
        }
        if !commands.is_empty() {
            self.pending.push_back(Pending { time_ms, commands });
        }
    }

    /// What is decided and not done, oldest first.
    pub fn outstanding(&self) -> Vec<Command> {
        let waiting = self.pending.iter().flat_map(|batch| &batch.commands);
        waiting.chain(self.sent.values()).cloned().collect()
    }

    /// As bytes, the same for the same state; of one without an open round, which is what a snapshot is of.
    ///
    /// # Panics
    /// If a round is open.
    pub fn to_bytes(&self) -> Vec<u8> {
        assert!(self.open.is_none(), "a snapshot of a round that is not decided on");
        let venue = self.venue.venue();
        let mut bytes = Vec::new();
        let written = (self.episode, self.started_ms, self.next_sequence, self.next_round)
            .serialize(&mut bytes)
            .and_then(|()| (self.external_ms, self.decision_rounds, &self.taken).serialize(&mut bytes))
            .and_then(|()| (&self.pending, &self.sent).serialize(&mut bytes))
            .and_then(|()| (venue.config().note(), venue.traces(), self.venue.orders()).serialize(&mut bytes))
            .and_then(|()| self.engine.write_state(&mut bytes));
        written.expect("writing to memory");
        bytes
    }

    /// # Errors
    /// If the bytes are no state.
    pub fn of_bytes(mut bytes: &[u8]) -> anyhow::Result<Self> {
        let from = &mut bytes;
        let (episode, started_ms, next_sequence, next_round) = BorshDeserialize::deserialize_reader(from)?;
        let (external_ms, decision_rounds, taken) = BorshDeserialize::deserialize_reader(from)?;
        let (pending, sent) = BorshDeserialize::deserialize_reader(from)?;
        let (note, traces, orders): (String, Traces, _) = BorshDeserialize::deserialize_reader(from)?;
        let engine = Engine::read_state(from)?;
        let config = VenueConfig::of_note(&note).context("the venue's configuration cannot be read")?;
        let mut venue = SimulatedVenue::new(engine.rules().validate()?.0, config, None)?;
        for (instrument, market) in (0..).map(InstrumentId).zip(engine.markets()) {
            venue.list(instrument, &market.spec)?;
        }
        ensure!(venue.set_traces(&traces), "the venue has traces in an instrument that is not listed");
        let venue = RestoredVenue::with(venue, orders);
        Ok(Self {
            engine,
            episode,
            started_ms,
            next_sequence,
            next_round,
            external_ms,
            decision_rounds,
            venue,
            pending,
            sent,
            taken,
            open: None,
        })
    }
}
