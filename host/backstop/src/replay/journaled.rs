//! A journal read back as episodes and rounds.

use std::path::Path;

use anyhow::{Context, bail, ensure};
use engine::Engine;
use engine::event::{Command, EventSequence, Round, VerdictRecord};
use engine::rules::Rules;

use crate::journal::{Entry, JournalError, JournalReader};

/// What a journal says, one round at a time.
#[derive(Debug)]
pub enum Journaled {
    EpisodeStarted { index: u32, rules: Rules },
    Round(JournaledRound),
    EpisodeEnded { index: u32, state_hash: [u8; 32] },
    Note(String),
}

/// A round with what was said and decided on it; `None` where the journal ends before that.
#[derive(Debug)]
pub struct JournaledRound {
    pub number: u64,
    pub external: bool,
    pub round: Round,
    pub verdicts: Option<VerdictRecord>,
    pub commands: Option<Vec<Command>>,
    /// Input that the round holds: source and sequence.
    pub taken: Option<(u16, u64)>,
}

/// Walks a journal through the engine alone: its verdicts are taken as they stand (`verify` checks them). `visit` applies each round, with its
/// episode, and says whether to go on.
///
/// # Errors
/// If the journal is damaged, or `visit` fails.
pub fn walk(
    path: &Path,
    mut visit: impl FnMut(&mut Engine, u32, &JournaledRound) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let mut episode = 0;
    let mut engine: Option<Engine> = None;
    for item in JournaledRounds::new(JournalReader::open(path)?) {
        match item? {
            Journaled::EpisodeStarted { index, rules } => {
                engine = Some(Engine::new(rules)?);
                episode = index;
            }
            Journaled::Round(round) => {
                let engine = engine.as_mut().context("a round outside an episode")?;
                if !visit(engine, episode, &round)? {
                    return Ok(());
                }
            }
            Journaled::EpisodeEnded { .. } | Journaled::Note(_) => {}
        }
    }
    Ok(())
}

/// Groups entries into rounds.
pub struct JournaledRounds<I> {
    entries: I,
    ready: Option<Journaled>,
    open: Option<JournaledRound>,
    events: Round,
    taken: Option<(u16, u64)>,
}

impl<I: Iterator<Item = Result<Entry, JournalError>>> JournaledRounds<I> {
    pub fn new(entries: I) -> Self {
        Self::after(0, entries)
    }

    /// Of a journal from a round on, whose first event has this sequence.
    pub fn after(first_sequence: EventSequence, entries: I) -> Self {
        Self {
            entries,
            ready: None,
            open: None,
            taken: None,
            events: Round { time_ms: 0, first_sequence, events: Vec::new() },
        }
    }

    fn read(&mut self) -> anyhow::Result<Option<Journaled>> {
        if let Some(ready) = self.ready.take() {
            return Ok(Some(ready));
        }
        while let Some(entry) = self.entries.next() {
            let item = match entry? {
                Entry::Event { sequence, time_ms, event } => {
                    let next = self.events.first_sequence + self.events.events.len() as u64;
                    if sequence != next || !self.events.events.is_empty() && time_ms != self.events.time_ms {
                        bail!("event {sequence} at {time_ms} ms does not follow event {next}'s place");
                    }
                    self.events.time_ms = time_ms;
                    self.events.events.push(event);
                    continue;
                }
                Entry::RoundEnded { round, time_ms, first_sequence, events, external } => {
                    let mut ended = std::mem::replace(
                        &mut self.events,
                        Round {
                            time_ms,
                            first_sequence: first_sequence + u64::from(events),
                            events: Vec::new(),
                        },
                    );
                    ended.time_ms = time_ms;
                    if (ended.first_sequence, ended.events.len()) != (first_sequence, events as usize) {
                        bail!(
                            "round {round} says events {first_sequence} and {} more; the journal has {} and {} more",
                            events,
                            ended.first_sequence,
                            ended.events.len()
                        );
                    }
                    let open = JournaledRound {
                        number: round,
                        external,
                        round: ended,
                        verdicts: None,
                        commands: None,
                        taken: self.taken.take(),
                    };
                    match self.complete()? {
                        Some(before) => {
                            self.open = Some(open);
                            Journaled::Round(before)
                        }
                        None => {
                            self.open = Some(open);
                            continue;
                        }
                    }
                }
                Entry::Verdict { round, flags } => {
                    let open = self.opened(round)?;
                    ensure!(open.verdicts.is_none(), "round {round} has two verdict records");
                    open.verdicts = Some(flags);
                    continue;
                }
                Entry::Decision { round, commands } => {
                    let open = self.opened(round)?;
                    ensure!(open.verdicts.is_some(), "round {round} is decided before its verdict record");
                    ensure!(open.commands.is_none(), "round {round} is decided twice");
                    open.commands = Some(commands);
                    continue;
                }
                Entry::EpisodeStarted { index, rules, .. } => Journaled::EpisodeStarted { index, rules },
                Entry::EpisodeEnded { index, state_hash } => Journaled::EpisodeEnded { index, state_hash },
                Entry::Taken { source, sequence } => {
                    self.taken = Some((source, sequence));
                    continue;
                }
                Entry::Restarted { next_sequence } => {
                    ensure!(
                        next_sequence == self.events.first_sequence,
                        "the restart goes on with event {next_sequence}, the last round ends before event {}",
                        self.events.first_sequence
                    );
                    (self.taken, self.events.events) = (None, Vec::new());
                    continue;
                }
                Entry::Note { text, .. } => return Ok(Some(Journaled::Note(text))),
            };
            if matches!(item, Journaled::Round(_)) {
                return Ok(Some(item));
            }
            return Ok(Some(match self.complete()? {
                Some(before) => {
                    self.ready = Some(item);
                    Journaled::Round(before)
                }
                None => item,
            }));
        }
        Ok(self.open.take().map(Journaled::Round))
    }

    /// The last round, with what was said and decided on it: only the journal's end may lack that.
    fn complete(&mut self) -> anyhow::Result<Option<JournaledRound>> {
        if let Some(open) = &self.open {
            let number = open.number;
            ensure!(open.verdicts.is_some(), "round {number} has no verdict record, and the journal goes on");
            ensure!(open.commands.is_some(), "round {number} has no decisions, and the journal goes on");
        }
        Ok(self.open.take())
    }

    fn opened(&mut self, round: u64) -> anyhow::Result<&mut JournaledRound> {
        self.open
            .as_mut()
            .filter(|open| open.number == round)
            .with_context(|| format!("verdict or decision of round {round}, which is not the last one"))
    }
}

impl<I: Iterator<Item = Result<Entry, JournalError>>> Iterator for JournaledRounds<I> {
    type Item = anyhow::Result<Journaled>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}
