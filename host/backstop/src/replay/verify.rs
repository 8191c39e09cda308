//! `backstop verify`: a journal's events once more through the engine and the model; every verdict, decision and hash compared.

use std::collections::{HashSet, VecDeque};
use std::fmt::{self, Display};
use std::path::Path;

use anyhow::{Context, bail, ensure};
use device::{CpuDevice, Driver, DriverConfig};
use engine::event::{Command, Event, Round, TimeMs};
use model::machine::Capacity;
use serde::Serialize;

use super::audit::Audit;
use super::journaled::{Journaled, JournaledRound, JournaledRounds};
use super::patrol::Patrol;
use super::session::{DECISION_ROUNDS_MAX, Session};
use crate::journal::export::hex;
use crate::journal::{Entry, JournalReader};

/// What verification went through; nothing differed.
#[derive(Debug, Default, Serialize)]
pub struct Verified {
    pub episodes: u32,
    pub rounds: u64,
    pub events: u64,
    pub verdicts: u64,
    pub decisions: u64,
    /// Of the last episode that ended, hex.
    pub state_hash: String,
    /// The journal ends before its last episode does.
    pub unfinished: bool,
    /// What the journal notes of device and audits.
    pub notes: Vec<String>,
}

impl Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        if self.unfinished {
            writeln!(f, "the journal ends before its last episode does; what there is was verified")?;
        }
        writeln!(
            f,
            "verified: {} episodes, {} rounds, {} events, {} verdicts, {} decisions recomputed and equal",
            self.episodes, self.rounds, self.events, self.verdicts, self.decisions
        )?;
        write!(f, "state hash {}", self.state_hash)
    }
}

/// Replays `path` and compares.
///
/// # Errors
/// If the journal is damaged, or anything recomputed differs from what it says; the message names the round.
pub fn verify(path: &Path) -> anyhow::Result<Verified> {
    let mut verified = Verified::default();
    let mut driver = Driver::new(CpuDevice::new(capacity(path)?), DriverConfig::default());
    let mut rounds = JournaledRounds::new(JournalReader::open(path)?);
    let mut hashes = Vec::new();
    while let Some(item) = rounds.next().transpose()? {
        match item {
            Journaled::Note(text) => verified.notes.push(text),
            Journaled::EpisodeStarted { rules, .. } => {
                let (audit, patrol) = (Audit::Off, Patrol::new(0));
                let mut session =
                    Session::start(rules, &mut driver, audit, patrol, verified.events, verified.rounds)?;
                match episode(&mut session, &mut rounds, &mut verified)? {
                    Some(hash) => hashes.push(hash),
                    None => verified.unfinished = true,
                }
                verified.episodes += 1;
            }
            other => bail!("{other:?} outside an episode"),
        }
    }
    ensure!(verified.episodes > 0, "the journal holds no episode: nothing to verify");
    verified.state_hash = hex(&super::combined_hash(&hashes));
    Ok(verified)
}

/// Room for the largest episode of the journal: every account may hold every instrument.
fn capacity(path: &Path) -> anyhow::Result<Capacity> {
    let (mut accounts, mut instruments) = (HashSet::new(), 0);
    let mut room = Capacity { lanes: 1, accounts_per_lane: 1, slots_per_lane: 1, instruments: 1 };
    for entry in JournalReader::open(path)? {
        match entry? {
            Entry::EpisodeStarted { .. } => {
                accounts.clear();
                instruments = 0;
            }
            Entry::Event { event: Event::Deposited { account, .. }, .. } => {
                accounts.insert(account);
            }
            Entry::Event { event: Event::Listed { .. }, .. } => instruments += 1,
            _ => continue,
        }
        room.accounts_per_lane = room.accounts_per_lane.max(accounts.len());
        room.instruments = room.instruments.max(instruments);
        room.slots_per_lane = room.slots_per_lane.max(accounts.len() * instruments);
    }
    Ok(room)
}

fn episode(
    session: &mut Session<CpuDevice>,
    rounds: &mut impl Iterator<Item = anyhow::Result<Journaled>>,
    verified: &mut Verified,
) -> anyhow::Result<Option<[u8; 32]>> {
    let mut due = Due::default();
    for item in rounds {
        match item? {
            Journaled::Note(text) => verified.notes.push(text),
            Journaled::Round(journaled) => {
                let number = journaled.number;
                compare_round(session, journaled, &mut due, verified)
                    .with_context(|| format!("round {number}"))?;
            }
            Journaled::EpisodeEnded { index, state_hash } => {
                ensure!(due.batches.is_empty(), "episode {index} ends before its decisions are carried out");
                let computed = session.engine().state_hash();
                if computed != state_hash {
                    bail!(
                        "episode {index} ends with state hash {}, recomputed {}",
                        hex(&state_hash),
                        hex(&computed)
                    );
                }
                return Ok(Some(computed));
            }
            Journaled::EpisodeStarted { index, .. } => {
                bail!("episode {index} starts before the one before it has ended")
            }
        }
    }
    Ok(None)
}

fn compare_round(
    session: &mut Session<CpuDevice>,
    journaled: JournaledRound,
    due: &mut Due,
    verified: &mut Verified,
) -> anyhow::Result<()> {
    let JournaledRound { number, external, round, verdicts, commands } = journaled;
    if number != verified.rounds || round.first_sequence != verified.events {
        bail!(
            "number {number} from event {}, expected {} from event {}",
            round.first_sequence,
            verified.rounds,
            verified.events
        );
    }
    due.check_cause(&round, external)?;
    let time_ms = round.time_ms;
    verified.rounds += 1;
    verified.events += round.events.len() as u64;
    let evaluated = session.evaluate(round, external, number)?;
    if let Some(verdicts) = verdicts {
        if verdicts != evaluated.answer.verdicts {
            bail!("the verdict record says {verdicts:?}, recomputed {:?}", evaluated.answer.verdicts);
        }
        verified.verdicts += verdicts.len() as u64;
    }
    if let Some(commands) = commands {
        if commands != evaluated.decided.commands {
            bail!("decided {commands:?}, recomputed {:?}", evaluated.decided.commands);
        }
        verified.decisions += commands.len() as u64;
    }
    due.decided(time_ms, evaluated.decided.commands);
    Ok(())
}

/// Decisions whose outcomes have not come back, a batch a round, with the event time of their cause.
#[derive(Default)]
struct Due {
    batches: VecDeque<(TimeMs, Vec<Command>)>,
    /// Decision rounds since the last external one.
    in_a_row: u32,
}

impl Due {
    fn decided(&mut self, time_ms: TimeMs, commands: Vec<Command>) {
        if !commands.is_empty() {
            self.batches.push_back((time_ms, commands));
        }
    }

    /// An external round comes when nothing is due, or after as many decision rounds as may pass before one; a decision round is
    /// the outcomes of the oldest batch, in its order, at its time.
    fn check_cause(&mut self, round: &Round, external: bool) -> anyhow::Result<()> {
        if external {
            ensure!(
                self.batches.is_empty() || self.in_a_row >= DECISION_ROUNDS_MAX,
                "an external round while decisions are not carried out: {:?}",
                self.batches.front()
            );
            self.in_a_row = 0;
            return Ok(());
        }
        self.in_a_row += 1;
        let (time_ms, commands) =
            self.batches.pop_front().context("a decision round, and nothing was decided")?;
        ensure!(
            time_ms == round.time_ms,
            "a decision round at {} ms, its cause is of {time_ms} ms",
            round.time_ms
        );
        let fits = commands.len() == round.events.len()
            && commands.iter().zip(&round.events).all(|(command, event)| is_outcome(event, command));
        ensure!(fits, "{:?} are not the outcomes of {commands:?}", round.events);
        Ok(())
    }
}

fn is_outcome(event: &Event, command: &Command) -> bool {
    match (command, event) {
        (Command::PlaceOrder { order, .. }, Event::Filled { order: filled, .. }) => order == filled,
        (Command::TakeOver { account }, Event::TakenOver { account: taken }) => account == taken,
        (Command::Bankrupt { account }, Event::Bankrupted { account: bankrupted }) => account == bankrupted,
        _ => false,
    }
}
