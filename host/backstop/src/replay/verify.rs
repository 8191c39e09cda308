//! `backstop verify`: a journal's events once more through the engine and the model; every verdict, decision and hash compared.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::fmt::{self, Display};
use std::path::Path;

use anyhow::{Context, bail, ensure};
use device::{CpuDevice, Driver, DriverConfig};
use engine::event::{Command, Event, OrderId, Round, TimeMs};
use model::machine::Capacity;
use serde::Serialize;

use super::audit::Audit;
use super::journaled::{Journaled, JournaledRound, JournaledRounds};
use super::patrol::Patrol;
use super::session::{DECISION_ROUNDS_MAX, Session};
use crate::journal::export::hex;
use crate::journal::{Entry, JournalReader};
use crate::venue::{SimulatedVenue, VenueConfig};

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
    /// Of the last record, hex.
    pub journal_chain: String,
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
    let mut reader = JournalReader::open(path)?;
    let capacity = capacity(&mut reader)?;
    verified.journal_chain = hex(&reader.chain_hash());
    let mut driver = Driver::new(CpuDevice::new(capacity), DriverConfig::default());
    let mut rounds = JournaledRounds::new(JournalReader::open(path)?);
    let mut hashes = Vec::new();
    while let Some(item) = rounds.next().transpose()? {
        match item {
            Journaled::Note(text) => verified.notes.push(text),
            Journaled::EpisodeStarted { rules, .. } => {
                let (audit, patrol) = (Audit::Off, Patrol::new(0));
                // Nothing is asked of it: the journal holds what it said.
                let venue = SimulatedVenue::new(rules.validate()?.0, VenueConfig::default(), None)?;
                let (events, rounds_before) = (verified.events, verified.rounds);
                let mut session =
                    Session::start(rules, &mut driver, audit, patrol, venue, events, rounds_before)?;
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
fn capacity(journal: &mut JournalReader) -> anyhow::Result<Capacity> {
    let (mut accounts, mut instruments) = (HashSet::new(), 0);
    let mut room = Capacity { lanes: 1, accounts_per_lane: 1, slots_per_lane: 1, instruments: 1 };
    for entry in journal {
        match entry? {
            Entry::EpisodeStarted { .. } => {
                accounts.clear();
                instruments = 0;
            }
            Entry::Event {
                event: Event::Deposited { account, .. } | Event::Opened { account, .. }, ..
            } => {
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
            Journaled::Note(text) => {
                if let Some(venue) = VenueConfig::of_note(&text) {
                    due.latency_ms = venue.latency_ms.into();
                }
                verified.notes.push(text);
            }
            Journaled::Round(journaled) => {
                let number = journaled.number;
                compare_round(session, journaled, &mut due, verified)
                    .with_context(|| format!("round {number}"))?;
            }
            Journaled::EpisodeEnded { index, state_hash } => {
                ensure!(due.is_empty(), "episode {index} ends before its decisions are carried out");
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
    let JournaledRound { number, external, round, verdicts, commands, .. } = journaled;
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

/// Decisions whose outcomes have not come back.
#[derive(Default)]
struct Due {
    /// A batch a round, with the event time of its cause.
    batches: VecDeque<(TimeMs, Vec<Command>)>,
    /// Decision rounds since the last external one.
    in_a_row: u32,
    /// Event time of an order's way to the venue; with none its report is an outcome like any other.
    latency_ms: TimeMs,
    /// Orders on their way, by time of arrival and number.
    orders: BTreeSet<(TimeMs, OrderId)>,
    /// Of the last external round.
    external_ms: Option<TimeMs>,
    /// Orders were rejected because the episode ends.
    is_ending: bool,
}

impl Due {
    fn is_empty(&self) -> bool {
        self.batches.is_empty() && self.orders.is_empty()
    }

    fn decided(&mut self, time_ms: TimeMs, mut commands: Vec<Command>) {
        if self.latency_ms > 0 {
            let arrival_ms =
                self.external_ms.map_or(time_ms, |last_ms| last_ms.max(time_ms)) + self.latency_ms;
            commands.retain(|command| {
                let Some(order) = command.venue_order() else { return true };
                self.orders.insert((arrival_ms, order.id));
                false
            });
        }
        if !commands.is_empty() {
            self.batches.push_back((time_ms, commands));
        }
    }

    /// An external round comes when nothing is due, or after as many decision rounds as may pass before one; a decision round is
    /// the outcomes of the oldest batch, in its order, at its time. Books may be told in any round, and time may pass in any external one.
    fn check_cause(&mut self, round: &Round, external: bool) -> anyhow::Result<()> {
        let is_cause = |event: &&Event| match event {
            Event::Book { .. } => false,
            Event::Elapsed { .. } => !external,
            _ => true,
        };
        let events = round.events.iter().filter(is_cause).cloned().collect();
        let round = &Round { events, ..*round };
        if external {
            ensure!(
                self.batches.is_empty() || self.in_a_row >= DECISION_ROUNDS_MAX,
                "an external round while decisions are not carried out: {:?}",
                self.batches.front()
            );
            self.in_a_row = 0;
            return self.check_external(round);
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

    /// The reports of the orders that arrive first, alone, at their time, before anything else of that time; or the rejection of all that would
    /// arrive after the end, before it; or a round of the world.
    fn check_external(&mut self, round: &Round) -> anyhow::Result<()> {
        let time_ms = round.time_ms;
        if let Some(last_ms) = self.external_ms.replace(time_ms) {
            ensure!(last_ms <= time_ms, "an external round at {time_ms} ms, the last was at {last_ms} ms");
        }
        let first = self.orders.first().copied();
        let reports: Vec<OrderId> = round.events.iter().filter_map(reported).collect();
        if reports.is_empty() {
            let late =
                first.filter(|(due_ms, _)| *due_ms <= time_ms || round.events.contains(&Event::Settled));
            ensure!(late.is_none(), "a round of the world while an order is not reported on: {late:?}");
            ensure!(!self.is_ending || round.events == [Event::Settled], "marks after the end's rejections");
            return Ok(());
        }
        let (due_ms, order) =
            first.with_context(|| format!("reports on {reports:?}, no order is on its way"))?;
        ensure!(due_ms >= time_ms, "order {order} is due at {due_ms} ms, its report is of {time_ms} ms");
        if due_ms > time_ms {
            let all_rejected = round.events.iter().all(|event| matches!(event, Event::Rejected { .. }));
            ensure!(all_rejected, "order {order} is reported on before it is due at {due_ms} ms");
            self.is_ending = true;
        }
        let later = if self.is_ending { BTreeSet::new() } else { self.orders.split_off(&(due_ms + 1, 0)) };
        let expected = std::mem::replace(&mut self.orders, later);
        let same =
            reports.len() == round.events.len() && reports.iter().eq(expected.iter().map(|(_, order)| order));
        ensure!(same, "{:?} are not the reports of {expected:?}", round.events);
        Ok(())
    }
}

/// The order that the event is the venue's report of.
fn reported(event: &Event) -> Option<OrderId> {
    match event {
        Event::Filled { order, .. } | Event::Rejected { order } => Some(*order),
        _ => None,
    }
}

fn is_outcome(event: &Event, command: &Command) -> bool {
    match (command, event) {
        (Command::TakeOver { accounts }, Event::TakenOver { accounts: taken }) => accounts == taken,
        (Command::Bankrupt { accounts }, Event::Bankrupted { accounts: bankrupted }) => {
            accounts == bankrupted
        }
        (Command::CancelOrders { account }, Event::OrdersResting { account: of, count: 0, .. }) => {
            account == of
        }
        (Command::Absorb { account, instrument, lots, quote }, event) => {
            let (account, instrument, lots, quote) = (*account, *instrument, *lots, *quote);
            *event == Event::Absorbed { account, instrument, lots, quote }
        }
        (command, event) => {
            let order = command.venue_order().map(|order| order.id);
            order.is_some() && reported(event) == order
        }
    }
}
