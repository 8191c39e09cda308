//! Whole runs in which the device is lost again and again: the same verdicts, decisions and state hash as without a fault, and every fault
//! noticed.

use std::path::Path;

use backstop::device_kind::DeviceKind;
use backstop::journal::{Entry, JournalError, JournalReader};
use backstop::replay::audit::Audit;
use backstop::replay::patrol::Patrol;
use backstop::replay::session::{Evaluated, Recorder, Session};
use backstop::replay::verify::verify;
use backstop::replay::{Options, Source, VenueOptions, replay};
use backstop::venue::{SimulatedVenue, VenueConfig};
use device::fault::{Fault, FaultyDevice};
use device::{CpuDevice, Driver, DriverConfig};
use engine::event::{AccountId, Event};
use engine::rules::Rules;
use model::machine::Capacity;

fn options(seed: u64, lanes: usize, drill: u32, out: &Path) -> Options {
    Options {
        rules: backstop::rules::built_in(),
        source: Source::Scenario,
        venue: VenueOptions::default(),
        no_budget: false,
        accounts: 48,
        seed,
        device: DeviceKind::Cpu,
        lanes,
        audit: Audit::Full,
        patrol: 10,
        durable: false,
        resume: false,
        snapshot_every: 0,
        upsets: 0,
        drill,
        out: Some(out.to_owned()),
        trace: None,
        deadline: None,
        progress: false,
    }
}

/// A venue that lists nothing yet, with default configuration.
fn venue() -> SimulatedVenue {
    let scale = Rules::default().validate().unwrap().0;
    SimulatedVenue::new(scale, VenueConfig::default(), None).unwrap()
}

/// What a journal says, and its notes apart.
fn read(run: &Path) -> (Vec<Entry>, Vec<String>) {
    let (mut entries, mut notes) = (Vec::new(), Vec::new());
    for entry in JournalReader::open(&run.join("journal")).unwrap() {
        match entry.unwrap() {
            Entry::Note { text, .. } => notes.push(text),
            entry => entries.push(entry),
        }
    }
    (entries, notes)
}

#[test]
fn a_thousand_faults_change_no_verdict_no_decision_and_no_hash() {
    let dir = tempfile::tempdir().unwrap();
    let mut struck = 0;
    for (seed, lanes) in (1..).zip([1, 2, 4, 8]) {
        let (sound, drilled) = (dir.path().join(format!("{seed}")), dir.path().join(format!("{seed}-drill")));
        let expected = replay(&options(seed, lanes, 0, &sound)).unwrap().summary;
        let outcome = replay(&options(seed, lanes, 400, &drilled)).unwrap();
        let summary = &outcome.summary;
        println!(
            "seed {seed}, {lanes} lanes: {} faults struck, {} losses, {} attached again, {} not; {} of {} rounds on the CPU",
            summary.faults_struck,
            summary.losses,
            summary.reattachments,
            summary.reattachments_failed,
            summary.rounds_on_cpu,
            summary.rounds
        );
        assert_eq!(summary.warnings(), Vec::<String>::new(), "a fault that strikes is noticed, once");
        assert_eq!(summary.state_hash, expected.state_hash);
        assert_eq!(summary.verdicts_given, expected.verdicts_given);
        assert!(expected.counters.takeovers + expected.counters.slices > 0, "somebody is liquidated");
        assert!(summary.reattachments > 200 && summary.reattachments_failed > 5);
        assert!(summary.rounds_on_cpu > 500 && summary.rounds_on_cpu < summary.rounds / 2);
        struck += summary.faults_struck;

        let (entries, notes) = read(&drilled);
        assert!(entries == read(&sound).0, "seed {seed}: the journals differ in more than notes");
        let count = |words| notes.iter().filter(|note| note.contains(words)).count() as u64;
        assert_eq!(count("device lost: "), summary.losses);
        assert_eq!(count("device re-attached: "), summary.reattachments);
        assert_eq!(count("device not re-attached: "), summary.reattachments_failed);
        assert!(count("disagree") > 10, "some devices lied, and the audit found them");
        assert_eq!(verify(&drilled.join("journal")).unwrap().state_hash, expected.state_hash);
    }
    assert!(struck >= 1_000, "{struck} faults struck");
}

/// Keeps the notes.
#[derive(Default)]
struct Notes(Vec<String>);

impl Recorder for Notes {
    fn record(&mut self, entry: Entry) -> Result<(), JournalError> {
        if let Entry::Note { text, .. } = entry {
            self.0.push(text);
        }
        Ok(())
    }
}

/// The device answers the first start and no later one: the second episode is judged on the CPU, and the third still is, since nobody has
/// it attached again.
#[test]
fn a_device_that_does_not_start_again_is_lost_and_stays_so_until_the_command() {
    let capacity = Capacity { lanes: 1, accounts_per_lane: 4, slots_per_lane: 4, instruments: 1 };
    let device = FaultyDevice::seeded(CpuDevice::new(capacity), 0);
    let mut driver = Driver::new(device, DriverConfig { polls_max: 100, ..DriverConfig::default() });
    let mut notes = Notes::default();
    let mut seen = Vec::new();
    for episode in 0..4 {
        let mut session =
            Session::start(Rules::default(), &mut driver, Audit::Full, Patrol::new(0), venue(), 0, 0)
                .unwrap();
        if episode == 3 {
            assert_eq!(session.reattach(0, &mut notes).unwrap().unwrap(), 0, "nobody is there yet");
        }
        let mut observe = |_: &engine::Engine, evaluated: &Evaluated| {
            seen.push((episode, evaluated.loss.is_some(), evaluated.on_cpu));
            Ok(())
        };
        let deposit = |quanta| vec![Event::Deposited { account: AccountId(7), quanta }];
        session.run(0, deposit(5), &mut notes, &mut observe).unwrap();
        session.run(1, deposit(6), &mut notes, &mut observe).unwrap();
        if episode == 0 {
            session.device_mut().arm(Fault::Gone, 1);
        }
    }
    let expected = [
        (0, false, false),
        (0, false, false),
        (1, true, true),
        (1, false, true),
        (2, false, true),
        (2, false, true),
        (3, false, false),
        (3, false, false),
    ];
    assert_eq!(seen, expected);
    let [lost, back] = &notes.0[..] else { panic!("{:?}", notes.0) };
    assert!(lost.contains("round 0: device lost: the device does not start: start: "), "{lost}");
    assert!(back.contains("round 0: device re-attached: 0 accounts"), "{back}");
}

/// The patrol finds the lie in a round of which the device was told nothing.
#[test]
fn a_loss_in_a_round_without_updates_undoes_no_earlier_one() {
    let capacity = Capacity { lanes: 1, accounts_per_lane: 4, slots_per_lane: 4, instruments: 1 };
    let device = FaultyDevice::seeded(CpuDevice::new(capacity), 0);
    let mut driver = Driver::new(device, DriverConfig { polls_max: 100, ..DriverConfig::default() });
    let mut session =
        Session::start(Rules::default(), &mut driver, Audit::Full, Patrol::new(10), venue(), 0, 0).unwrap();
    let mut notes = Notes::default();
    let mut losses = Vec::new();
    let mut observe = |_: &engine::Engine, evaluated: &Evaluated| {
        losses.push(evaluated.loss.as_ref().map(|loss| loss.disagreements));
        Ok(())
    };
    let deposit = vec![Event::Deposited { account: AccountId(7), quanta: 5 }];
    session.run(0, deposit, &mut notes, &mut observe).unwrap();
    session.device_mut().arm(Fault::EquityBit, 1);
    session
        .run(1_000, vec![Event::FundEndowed { instrument: None, quanta: 1 }], &mut notes, &mut observe)
        .unwrap();
    assert_eq!(session.reattach(1_000, &mut notes).unwrap().unwrap(), 1);
    session
        .run(2_000, vec![Event::FundEndowed { instrument: None, quanta: 1 }], &mut notes, &mut observe)
        .unwrap();
    assert_eq!(losses, [None, Some(1), None]);
}

#[test]
fn a_device_that_never_started_is_no_device_that_is_lost() {
    let capacity = Capacity { lanes: 1, accounts_per_lane: 4, slots_per_lane: 4, instruments: 1 };
    let device = FaultyDevice::new(CpuDevice::new(capacity), Fault::Stuck, 0, 1);
    let mut driver = Driver::new(device, DriverConfig { polls_max: 100, ..DriverConfig::default() });
    let started = Session::start(Rules::default(), &mut driver, Audit::Full, Patrol::new(0), venue(), 0, 0);
    let error = format!("{:#}", started.err().expect("nobody answers"));
    assert!(error.contains("the device does not start") && error.contains("no progress"), "{error}");
    assert!(!driver.is_lost());
}
