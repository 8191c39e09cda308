//! A run that is stopped at any place of any round, and goes on from its journal: the same records follow, and the same state hash.

use std::collections::BTreeSet;

use backstop::feed::scenario;
use backstop::journal::{Entry, JournalError};
use backstop::recovery::{RunState, follow};
use backstop::replay::audit::Audit;
use backstop::replay::journaled::{Journaled, JournaledRound, JournaledRounds};
use backstop::replay::patrol::Patrol;
use backstop::replay::rounds::{Input, Rounds, Seeding};
use backstop::replay::session::{Evaluated, Recorder, Session};
use backstop::rules::built_in;
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
