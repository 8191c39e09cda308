//! A whole run on a device whose words break: the same decisions, journal and state hash as on a sound one, and no account lost for good.

use backstop::feed::scenario;
use backstop::journal::{Entry, JournalError};
use backstop::replay::audit::Audit;
use backstop::replay::patrol::Patrol;
use backstop::replay::rounds::{Input, Rounds, Seeding};
use backstop::replay::session::{Recorder, Session};
use backstop::venue::{SimulatedVenue, VenueConfig};
use device::fault::DecayingDevice;
use device::{CpuDevice, Driver, DriverConfig, MarginDevice};
use engine::rules::Rules;
use model::machine::Capacity;

const ACCOUNTS: usize = 48;

/// Keeps what was recorded, notes apart.
#[derive(Default)]
struct Kept {
    entries: Vec<Entry>,
    notes: Vec<String>,
}

impl Recorder for Kept {
    fn record(&mut self, entry: Entry) -> Result<(), JournalError> {
        match entry {
            Entry::Note { text, .. } => self.notes.push(text),
            entry => self.entries.push(entry),
        }
        Ok(())
    }
}

/// A venue that lists nothing yet, with default configuration.
fn venue() -> SimulatedVenue {
    let scale = Rules::default().validate().unwrap().0;
    SimulatedVenue::new(scale, VenueConfig::default(), None).unwrap()
}

/// The built-in crash, with every account that a round touched read back.
fn run<D: MarginDevice>(driver: &mut Driver<D>, seed: u64) -> (Kept, [u8; 32]) {
    let rules = Rules::default();
    let seeding = Seeding {
        rules: backstop::rules::built_in(),
        accounts: ACCOUNTS,
        seed,
        fund: 1_000_000_000_000,
        books: None,
        no_budget: false,
    };
    let mut kept = Kept::default();
    let mut session = Session::start(rules, driver, Audit::Full, Patrol::new(10), venue(), 0, 0).unwrap();
    let mut observe = |_: &engine::Engine, evaluated: &backstop::replay::session::Evaluated| {
        let (due, given) = evaluated.coverage();
        assert_eq!(due, given);
        Ok(())
    };
    for input in Rounds::new(scenario::items(seed), seeding, None) {
        match input.unwrap() {
            Input::EpisodeStarted { .. } => {}
            Input::Round { time_ms, events, .. } => {
                session.run(time_ms, events, &mut kept, &mut observe).unwrap();
            }
            Input::EpisodeEnded { time_ms, .. } => {
                let hash = session.settle(time_ms, &mut kept, &mut observe).unwrap();
                return (kept, hash);
            }
        }
    }
    panic!("an episode ends");
}

#[test]
fn words_that_break_change_no_verdict_no_decision_and_no_hash() {
    let instruments = scenario::INSTRUMENTS.len();
    for (seed, lanes) in [(1, 1), (2, 2), (3, 8)] {
        let accounts_per_lane = ACCOUNTS / lanes;
        let slots_per_lane = accounts_per_lane * instruments;
        let device = CpuDevice::new(Capacity { lanes, accounts_per_lane, slots_per_lane, instruments });
        let config = || DriverConfig { instruments_expected: Some(instruments), ..DriverConfig::default() };
        let (sound, hash) = run(&mut Driver::new(device.clone(), config()), seed);
        assert!(sound.notes.is_empty());
        let mut driver = Driver::new(DecayingDevice::new(device, seed, 500), config());
        let (decayed, decayed_hash) = run(&mut driver, seed);
        let (broken, reloads) = (driver.device().broken(), driver.reloads());
        let resets = decayed.notes.iter().filter(|note| note.contains("loaded anew")).count();
        println!(
            "seed {seed}, {lanes} lanes: {broken} words broken, {reloads} accounts loaded again, {resets} resets"
        );
        assert!(broken > 100 && reloads > 100, "{broken} broken, {reloads} reloads");
        assert!(
            decayed.notes.len() as u64 >= 2 * reloads,
            "each is noted when it is lost and when it is loaded"
        );
        assert_eq!(decayed_hash, hash);
        assert!(decayed.entries == sound.entries, "seed {seed}: the journals differ in more than notes");
        assert!(
            sound
                .entries
                .iter()
                .any(|entry| matches!(entry, Entry::Decision { commands, .. } if !commands.is_empty()))
        );
    }
}
