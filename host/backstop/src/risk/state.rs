//! The engine's state at an event, out of a journal, with what the venue's book lacks and what is decided and not done yet.

use std::collections::{BTreeMap, VecDeque};

use anyhow::{Context, bail};
use engine::Engine;
use engine::event::{Command, Event, EventSequence, OrderId, Round, TimeMs};
use engine::rules::Rules;

use crate::journal::{Entry, JournalError};
use crate::replay::journaled::{Journaled, JournaledRound, JournaledRounds};
use crate::venue::{RestoredVenue, SimulatedVenue, VenueConfig};

pub struct State {
    pub engine: Engine,
    pub episode: u32,
    /// The event it is the state after.
    pub sequence: EventSequence,
    /// Event time of the episode's first round.
    pub started_ms: TimeMs,
    pub venue: SimulatedVenue,
    pub outstanding: Vec<Command>,
}

/// The state after an event, or else before the last episode's settlement, or where the journal ends within it.
///
/// # Errors
/// If the journal is damaged, or does not hold the event or any round.
pub fn at(
    entries: impl Iterator<Item = Result<Entry, JournalError>>,
    sequence: Option<EventSequence>,
) -> anyhow::Result<State> {
    let mut follower: Option<Follower> = None;
    // Of an episode without a round so far.
    let mut started: Option<(u32, Rules)> = None;
    let mut config = VenueConfig::default();
    for item in JournaledRounds::new(entries) {
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
            follower = Some(Follower::new(episode, rules, config.clone(), round.time_ms)?);
        }
        let follower = follower.as_mut().context("a round outside an episode")?;
        let wanted = sequence.map_or(u64::MAX, |at| (at + 1).saturating_sub(round.first_sequence));
        let count = usize::try_from(wanted).unwrap_or(usize::MAX).min(round.events.len());
        follower.round(&journaled, count)?;
        if sequence == Some(follower.sequence) {
            break;
        }
    }
    match (follower, sequence) {
        (None, _) => {
            bail!("there is no round, so there is nothing to look at; record a run with replay --out")
        }
        (Some(follower), Some(wanted)) if follower.sequence != wanted => {
            let last = follower.sequence;
            bail!("event {wanted} is beyond the journal's last, {last}; name one up to that")
        }
        (Some(follower), _) => Ok(follower.state()),
    }
}

/// Takes verdicts as they stand (`verify` checks them) and follows the venue.
struct Follower {
    engine: Engine,
    episode: u32,
    sequence: EventSequence,
    started_ms: TimeMs,
    venue: RestoredVenue,
    /// Decisions whose outcomes are decision rounds to come, by round.
    batches: VecDeque<VecDeque<Command>>,
    /// Orders on their way to the venue, where they take time.
    sent: BTreeMap<OrderId, Command>,
}

impl Follower {
    fn new(episode: u32, rules: Rules, config: VenueConfig, started_ms: TimeMs) -> anyhow::Result<Self> {
        // Snapshots of books are not at hand: the rules' depth stands for them.
        let config = VenueConfig { books: None, ..config };
        let venue = SimulatedVenue::new(rules.validate()?.0, config, None)?;
        Ok(Self {
            engine: Engine::new(rules)?,
            episode,
            sequence: 0,
            started_ms,
            venue: RestoredVenue::new(venue),
            batches: VecDeque::new(),
            sent: BTreeMap::new(),
        })
    }

    /// The first `count` events of a round; all of them with what was decided after.
    fn round(&mut self, journaled: &JournaledRound, count: usize) -> anyhow::Result<()> {
        let round = &journaled.round;
        let events = round.events[..count].to_vec();
        // A decision round is the outcomes of the oldest decisions, in their order; books may follow.
        if !journaled.external
            && let Some(batch) = self.batches.front_mut()
        {
            batch.drain(..count.min(batch.len()));
            self.batches.retain(|batch| !batch.is_empty());
        }
        for event in &events {
            self.venue.happened(round.time_ms, event)?;
            if let Event::Filled { order, .. } | Event::Rejected { order } = event {
                self.sent.remove(order);
            }
        }
        self.engine.apply(&Round { events, ..*round });
        self.sequence = (round.first_sequence + count as u64).saturating_sub(1);
        if count < round.events.len() {
            return Ok(());
        }
        let commands = self.engine.decide(journaled.verdicts.as_deref().unwrap_or_default())?.commands;
        self.venue.decided(&commands);
        let takes_time = self.venue.venue().latency_ms() > 0;
        let (mut batch, mut orders) = (VecDeque::new(), Vec::new());
        for command in commands {
            match command.venue_order() {
                Some(order) if takes_time => orders.push((order.id, command)),
                _ => batch.push_back(command),
            }
        }
        self.sent.extend(orders);
        if !batch.is_empty() {
            self.batches.push_back(batch);
        }
        Ok(())
    }

    fn state(self) -> State {
        let waiting = self.batches.into_iter().flatten();
        State {
            engine: self.engine,
            episode: self.episode,
            sequence: self.sequence,
            started_ms: self.started_ms,
            venue: self.venue.venue().clone(),
            outstanding: waiting.chain(self.sent.into_values()).collect(),
        }
    }
}
