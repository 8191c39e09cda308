//! A run that is stopped at any place of any round, and goes on from its journal: the same records follow, and the same state hash.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use backstop::feed::draw::Draw;
use backstop::feed::scenario;
use backstop::journal::{Entry, Header, JournalError, JournalReader, Log};
use backstop::recovery::{Position, RunState, Snapshots, follow, follow_watched, recover};
use backstop::replay::audit::Audit;
use backstop::replay::journaled::{Journaled, JournaledRound, JournaledRounds};
use backstop::replay::patrol::Patrol;
use backstop::replay::rounds::{Input, Rounds, Seeding};
use backstop::replay::session::{Evaluated, Recorder, Session};
use backstop::rules::built_in;
use backstop::simulate::disk::{Power, SimulatedDisk};
use backstop::venue::{SimulatedVenue, VenueConfig};
use device::{CpuDevice, Driver, DriverConfig};
use engine::Engine;
use engine::event::{Command, Event, OrderId, TimeMs};
use model::machine::Capacity;

const ACCOUNTS: usize = 48;
/// The only source.
const SOURCE: u16 = 0;

/// Keeps what was recorded, and sees to it that no order is reported on that was decided on since the last release.
#[derive(Default)]
struct Kept {
    entries: Vec<Entry>,
    /// Orders that must not leave yet.
    held: BTreeSet<OrderId>,
    released: usize,
}

impl Recorder for Kept {
    fn record(&mut self, entry: Entry) -> Result<(), JournalError> {
        match &entry {
            Entry::Decision { commands, .. } => {
                self.held.extend(commands.iter().filter_map(Command::venue_order).map(|order| order.id));
            }
            Entry::Event { event: Event::Filled { order, .. } | Event::Rejected { order }, .. } => {
                assert!(!self.held.contains(order), "order {order} left before its cause was durable");
            }
            _ => {}
        }
        self.entries.push(entry);
        Ok(())
    }

    fn release(&mut self) -> Result<(), JournalError> {
        self.released += self.held.len();
        self.held.clear();
        Ok(())
    }
}

/// What the world says: rounds of events by sequence, and when it ends.
struct World {
    config: VenueConfig,
    inputs: Vec<(TimeMs, Vec<Event>)>,
    end_ms: TimeMs,
}

impl World {
    fn new(config: VenueConfig) -> Self {
        let seeding = Seeding {
            rules: built_in(),
            accounts: ACCOUNTS,
            seed: 1,
            fund: 10_000_000_000,
            books: None,
            no_budget: false,
        };
        let (mut inputs, mut end_ms) = (Vec::new(), 0);
        for input in Rounds::new(scenario::items(1), seeding, None) {
            match input.unwrap() {
                Input::Round { time_ms, events, .. } => inputs.push((time_ms, events)),
                Input::EpisodeEnded { time_ms, .. } => end_ms = time_ms,
                Input::EpisodeStarted { .. } => {}
            }
        }
        Self { config, inputs, end_ms }
    }

    fn driver() -> Driver<CpuDevice> {
        let capacity = Capacity {
            lanes: 1,
            accounts_per_lane: ACCOUNTS,
            slots_per_lane: 8 * ACCOUNTS,
            instruments: scenario::INSTRUMENTS.len(),
        };
        Driver::new(CpuDevice::new(capacity), DriverConfig::default())
    }

    /// Inputs `from..to`.
    fn play(&self, session: &mut Session<CpuDevice>, from: usize, to: usize, kept: &mut Kept) {
        for (sequence, (time_ms, events)) in self.inputs.iter().enumerate().take(to).skip(from) {
            session.take(SOURCE, sequence as u64);
            session.run(*time_ms, events.clone(), kept, &mut quiet).unwrap();
        }
    }

    fn settle(&self, session: &mut Session<CpuDevice>, kept: &mut Kept) -> [u8; 32] {
        session.settle(self.end_ms, kept, &mut quiet).unwrap()
    }

    /// The journal of a run that nothing stopped.
    fn whole(&self) -> (Vec<Entry>, [u8; 32]) {
        let (rules, mut driver) = (built_in().rules.clone(), Self::driver());
        let venue = SimulatedVenue::new(rules.validate().unwrap().0, self.config.clone(), None).unwrap();
        let source = "built-in scenario".to_owned();
        let mut kept = Kept::default();
        kept.entries.push(Entry::EpisodeStarted { index: 0, seed: 1, rules: rules.clone(), source });
        kept.entries.push(Entry::Note { time_ms: 0, text: self.config.note() });
        let (audit, patrol) = (Audit::Full, Patrol::new(0));
        let mut session = Session::start(rules, &mut driver, audit, patrol, venue, 0, 0).unwrap();
        self.play(&mut session, 0, self.inputs.len(), &mut kept);
        let hash = self.settle(&mut session, &mut kept);
        assert!(kept.released > 10, "{}", kept.released);
        (kept.entries, hash)
    }

    /// Goes on from a state: what is recorded behind the restart, with `more` inputs; or with all of them and the settlement, whose hash it gives.
    fn resume(&self, state: RunState, more: Option<usize>) -> (Vec<Entry>, Option<[u8; 32]>) {
        let (mut driver, mut kept) = (Self::driver(), Kept::default());
        let from = state.taken.get(&SOURCE).map_or(0, |&last| last as usize + 1);
        let (audit, patrol) = (Audit::Full, Patrol::new(0));
        let mut session = Session::resume(state, &mut driver, audit, patrol, &mut kept, &mut quiet).unwrap();
        let to = more.map_or(self.inputs.len(), |more| from + more);
        self.play(&mut session, from, to, &mut kept);
        let hash = more.is_none().then(|| self.settle(&mut session, &mut kept));
        assert!(matches!(kept.entries.remove(0), Entry::Restarted { .. }));
        (kept.entries, hash)
    }
}

fn quiet(_: &Engine, evaluated: &Evaluated) -> anyhow::Result<()> {
    let (due, given) = evaluated.coverage();
    assert_eq!(due, given);
    Ok(())
}

/// Entries of a round in the journal.
fn entries_of(journaled: &JournaledRound) -> usize {
    usize::from(journaled.taken.is_some()) + journaled.round.events.len() + 3
}

/// Stopped after a round's end, after its verdict, after its decision, and inside the next; there with the state of a snapshot: what follows is what
/// follows in the run that nothing stopped.
fn stop_everywhere(config: VenueConfig) {
    let world = World::new(config);
    let (all, hash) = world.whole();
    let rounds: Vec<JournaledRound> = JournaledRounds::new(all.iter().cloned().map(Ok))
        .filter_map(|item| match item.unwrap() {
            Journaled::Round(round) => Some(round),
            _ => None,
        })
        .collect();
    let mut at = 2 + entries_of(&rounds[0]);
    let mut state = follow(all[..at].iter().cloned().map(Ok), None).unwrap();
    assert_eq!(state.next_round, 1);
    let (mut stops, mut to_the_end) = (0, 0);
    let mut check = |state: RunState, from: usize, more: Option<usize>| {
        let number = state.next_round;
        let (entries, settled) = world.resume(state, more);
        let same = entries.iter().zip(&all[from..]).take_while(|(one, other)| one == other).count();
        assert!(same == entries.len(), "round {number}: {:?}, not {:?}", entries[same], all[from + same]);
        if more.is_none() {
            assert_eq!((settled, from + entries.len()), (Some(hash), all.len()));
            to_the_end += 1;
        }
        stops += 1;
    };
    let last_ms = world.inputs[world.inputs.len() - 1].0;
    for (number, round) in rounds.iter().enumerate().skip(1) {
        let (events, end) = (round.round.events.len(), at + entries_of(round));
        let again =
            |verdicts, commands| JournaledRound { round: round.round.clone(), verdicts, commands, ..*round };
        // After the last input only all that follows can be compared.
        let more = Some(1).filter(|_| round.round.time_ms < last_ms && number % 500 != 1);
        if round.round.events.contains(&Event::Settled) {
            break;
        }
        let bytes = state.to_bytes();
        let restored = RunState::of_bytes(&bytes).unwrap();
        assert!(restored.to_bytes() == bytes);
        check(restored, at, more);
        for verdicts in [None, round.verdicts.clone()] {
            let (mut open, said) = (state.clone(), usize::from(verdicts.is_some()));
            open.round(again(verdicts, None), events, &mut |_| Ok(())).unwrap();
            check(open, end - 2 + said, more);
        }
        let whole = again(round.verdicts.clone(), round.commands.clone());
        state.round(whole, events, &mut |_| Ok(())).unwrap();
        at = end;
    }
    assert!(stops > 9_000 && to_the_end > 20, "{stops} {to_the_end}");
}

#[test]
fn a_run_goes_on_from_any_place_of_any_round() {
    stop_everywhere(VenueConfig::default());
}

#[test]
fn so_does_one_whose_orders_are_on_their_way() {
    stop_everywhere(VenueConfig { latency_ms: 20_000, reject_ppm: 50_000, ..VenueConfig::default() });
}

/// A run's journal as a host writes it: a commit every so many records, a snapshot every so many commits. Gives how many records were durable.
fn write(
    journal: &SimulatedDisk,
    snapshots: &SimulatedDisk,
    all: &[Entry],
    states: &[(usize, RunState)],
) -> usize {
    let header = Header::new([1; 16], &built_in().rules);
    let Ok(mut log) = Log::create(journal.clone(), Path::new("journal"), header, 256 << 10) else { return 0 };
    let mut kept = Snapshots::new(snapshots.clone(), Path::new("snapshots"), header, 2);
    let mut states = states.iter().peekable();
    let mut durable = 0;
    for batch in all.chunks(COMMIT_RECORDS) {
        batch.iter().for_each(|entry| log.append(entry.clone()).unwrap());
        let Ok(committed) = log.commit() else { return durable };
        durable += batch.len();
        while let Some((_, state)) = states.next_if(|(records, _)| *records == durable) {
            let position = Position { record: committed.records, chain: committed.chain };
            if kept.write(position, state).is_err() {
                return durable;
            }
        }
    }
    durable
}

const COMMIT_RECORDS: usize = 50;
const SNAPSHOT_RECORDS: usize = 10 * COMMIT_RECORDS;

/// The power goes in every operation on the disk of a run of over 10,000 events: every record that was said to be durable is there, and snapshot and
/// journal lead to the state that the run had.
#[test]
fn no_power_cut_in_a_long_run_loses_what_was_durable() {
    let (mut all, _) = World::new(VenueConfig::default()).whole();
    let is_event = |entry: &&Entry| matches!(entry, Entry::Event { .. });
    let (past, _) = all.iter().enumerate().filter(|(_, entry)| is_event(entry)).nth(10_000).unwrap();
    let last = past + all[past..].iter().position(|entry| matches!(entry, Entry::Decision { .. })).unwrap();
    all.truncate(last + 1);
    let events = all.iter().filter(is_event).count();
    let mut hashes = BTreeMap::new();
    follow_watched(None, all.iter().cloned().map(Ok), None, &mut |followed| {
        let after = followed.round.first_sequence + followed.round.events.len() as u64;
        hashes.insert(after, followed.engine.state_hash());
        Ok(())
    })
    .unwrap();
    // A snapshot is of a state without an open round: of those commits after which none is.
    let mut states = Vec::new();
    for records in (SNAPSHOT_RECORDS..all.len()).step_by(COMMIT_RECORDS) {
        let last = states.last().map_or(0, |(records, _)| *records);
        if records < last + SNAPSHOT_RECORDS || !matches!(all[records - 1], Entry::Decision { .. }) {
            continue;
        }
        states.push((records, follow(all[..records].iter().cloned().map(Ok), None).unwrap()));
    }
    assert!(states.len() > 5, "{}", states.len());
    let power = Power::default();
    write(&SimulatedDisk::new(&power), &SimulatedDisk::new(&power), &all, &states);
    let operations = power.operations();
    let (mut from_snapshots, mut torn) = (0, 0);
    for cut in 0..operations {
        let power = Power::default();
        power.cut_at(cut);
        let (journal, snapshots) = (SimulatedDisk::new(&power), SimulatedDisk::new(&power));
        let durable = write(&journal, &snapshots, &all, &states);
        let mut draw = Draw::new(1, "cut", cut);
        journal.restart(&mut draw);
        snapshots.restart(&mut draw);
        let Ok(reader) = JournalReader::new(journal.clone(), Path::new("journal")) else {
            assert_eq!(durable, 0, "cut {cut}");
            continue;
        };
        let read: Vec<Entry> = reader.map_while(Result::ok).collect();
        assert!(read.len() >= durable && all.starts_with(&read), "cut {cut}: {} of {durable}", read.len());
        torn += u32::from(read.len() > durable);
        if !read.iter().any(|entry| matches!(entry, Entry::Decision { .. })) {
            continue;
        }
        let header = Header::new([1; 16], &built_in().rules);
        let mut kept = Snapshots::new(snapshots, Path::new("snapshots"), header, 2);
        let recovered = recover(journal, Path::new("journal"), &mut kept, |_| {}).unwrap();
        from_snapshots += u32::from(recovered.snapshot.is_some());
        let state = recovered.state;
        assert_eq!(hashes[&state.next_sequence], state.engine.state_hash(), "cut {cut}");
    }
    println!(
        "{events} events, {operations} cuts, {from_snapshots} restarts from a snapshot, {torn} with more than was durable"
    );
    assert!(operations > 300 && from_snapshots > 200 && torn > 2, "{operations} {from_snapshots} {torn}");
}
