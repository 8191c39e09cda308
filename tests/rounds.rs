//! Rounds through engine, driver and device: at the end of every round the device knows every account as the ledger does, with any
//! number of lanes, and the state hash is the same.

use backstop::journal::{Entry, JournalError};
use backstop::replay::audit::Audit;
use backstop::replay::patrol::Patrol;
use backstop::replay::session::{Recorder, Session};
use backstop::venue::{SimulatedVenue, VenueConfig};
use device::fault::{Fault, FaultyDevice};
use device::{CpuDevice, Driver, DriverConfig};
use engine::event::{AccountId, Event, InstrumentId};
use engine::rules::{Depth, InstrumentSpec, Rules};
use model::machine::Capacity;
use proptest::prelude::*;

/// Keeps what was recorded.
#[derive(Default)]
struct Kept(Vec<Entry>);

impl Recorder for Kept {
    fn record(&mut self, entry: Entry) -> Result<(), JournalError> {
        self.0.push(entry);
        Ok(())
    }
}

fn spec(symbol: &str) -> InstrumentSpec {
    InstrumentSpec {
        lot_exponent: -3,
        tick: 10,
        brackets: vec![(0, 5_000), (50_000_000_000, 10_000), (250_000_000_000, 25_000)],
        fee: 1_500,
        slippage: 1_000,
        limit_band: 20_000,
        mark_band: 200_000,
        depth: Depth { levels: 20, step: 500, level_lots: 3_000, refill_lots: 500 },
        ..InstrumentSpec::plain(symbol, 1_000_000)
    }
}

/// Events of a round, several at one event time.
fn any_round() -> impl Strategy<Value = Vec<Event>> {
    let account = (0u64..12).prop_map(|n| AccountId(1_000 + 7 * n));
    let instrument = (0u16..3).prop_map(InstrumentId);
    let event = prop_oneof![
        4 => (instrument.clone(), 70u64..130).prop_map(|(instrument, percent)| Event::Mark { instrument, price: percent * 10_000 }),
        2 => (account.clone(), 0i64..2_000_000_000).prop_map(|(account, quanta)| Event::Deposited { account, quanta }),
        3 => (account, instrument, -60_000i64..60_000, 900_000i64..1_100_000).prop_map(
            |(account, instrument, lots, price)| Event::Traded { account, instrument, lots, quote: -lots * price }
        ),
    ];
    prop::collection::vec(event, 1..12)
}

/// A venue that lists nothing yet, with default configuration.
fn venue() -> SimulatedVenue {
    let scale = Rules::default().validate().unwrap().0;
    SimulatedVenue::new(scale, VenueConfig::default(), None).unwrap()
}

/// The book before the first round: a fund and three instruments with a mark.
fn opening() -> Vec<Event> {
    let mut events = vec![Event::FundEndowed { instrument: None, quanta: 1_000_000_000 }];
    for n in 0..3u16 {
        events.push(Event::Listed { instrument: InstrumentId(n), spec: spec(&format!("I{n}")).into() });
        events.push(Event::Mark { instrument: InstrumentId(n), price: 1_000_000 });
    }
    events
}

/// Runs the rounds; checks every account after each; the state hash after settlement.
fn run(rounds: &[Vec<Event>], lanes: usize) -> [u8; 32] {
    let capacity = Capacity { lanes, accounts_per_lane: 16, slots_per_lane: 64, instruments: 3 };
    let mut driver = Driver::new(CpuDevice::new(capacity), DriverConfig::default());
    let mut session =
        Session::start(Rules::default(), &mut driver, Audit::Full, Patrol::new(10), venue(), 0, 0).unwrap();
    let mut observe = |engine: &engine::Engine, evaluated: &backstop::replay::session::Evaluated| {
        let (due, given) = evaluated.coverage();
        assert_eq!(due, given);
        if !evaluated.round.events.contains(&Event::Settled) {
            for (account, index) in engine.ledger().by_id() {
                let exact = engine.exact(index).severity as u8;
                assert_eq!(engine.device_severity(account), Some(exact), "account {}", account.0);
            }
        }
        Ok(())
    };
    let mut kept = Kept::default();
    let mut time_ms = 0;
    for events in std::iter::once(&opening()).chain(rounds) {
        session.run(time_ms, events.clone(), &mut kept, &mut observe).unwrap();
        time_ms += 15_000;
    }
    session.settle(time_ms, &mut kept, &mut observe).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn device_and_ledger_agree_on_every_account_after_every_round(
        rounds in prop::collection::vec(any_round(), 1..30)
    ) {
        let hash = run(&rounds, 1);
        prop_assert_eq!(hash, run(&rounds, 2));
        prop_assert_eq!(hash, run(&rounds, 4));
    }
}

/// A small book that a falling mark takes through slices, takeovers and bankruptcies.
fn crash() -> Vec<Vec<Event>> {
    let mut rounds = vec![opening()];
    for n in 0..12u64 {
        let (account, instrument) = (AccountId(1_000 + 7 * n), InstrumentId((n % 3) as u16));
        let lots = if n % 4 == 0 { -9_000 } else { 9_000 + 1_000 * n as i64 };
        let deposit = Event::Deposited { account, quanta: lots.abs() * 1_000_000 / (10 + 3 * n as i64) };
        rounds.push(vec![deposit, Event::Traded { account, instrument, lots, quote: -lots * 1_000_000 }]);
    }
    for step in 1..40u64 {
        let mark = |n: u16| Event::Mark {
            instrument: InstrumentId(n),
            price: 1_000_000 - 5_000 * step - u64::from(n),
        };
        rounds.push((0..3).map(mark).collect());
    }
    rounds
}

#[test]
fn a_device_that_lies_is_lost_before_anything_is_decided_on_its_word() {
    let capacity = Capacity { lanes: 2, accounts_per_lane: 16, slots_per_lane: 64, instruments: 3 };
    let run = |device: FaultyDevice<CpuDevice>| {
        let (mut kept, mut losses, mut on_cpu) = (Kept::default(), 0, 0);
        let mut driver = Driver::new(device, DriverConfig { polls_max: 1_000, ..DriverConfig::default() });
        let hash = Session::start(Rules::default(), &mut driver, Audit::Full, Patrol::new(10), venue(), 0, 0)
            .and_then(|mut session| {
                let mut observe = |_: &engine::Engine, evaluated: &backstop::replay::session::Evaluated| {
                    losses += u32::from(evaluated.loss.is_some());
                    assert_eq!(evaluated.on_cpu, losses > 0, "nothing attaches it again");
                    on_cpu += u32::from(evaluated.on_cpu);
                    Ok(())
                };
                for (at, events) in crash().into_iter().enumerate() {
                    session.run(15_000 * at as i64, events, &mut kept, &mut observe)?;
                }
                session.settle(1_000_000, &mut kept, &mut observe)
            });
        let is_note = |entry: &Entry| matches!(entry, Entry::Note { .. });
        let (notes, entries): (Vec<_>, Vec<_>) = kept.0.into_iter().partition(is_note);
        (hash, entries, notes, on_cpu, driver.device().struck())
    };
    let sound = run(FaultyDevice::seeded(CpuDevice::new(capacity), 0));
    assert!(sound.2.is_empty() && sound.3 == 0);
    let mut struck = 0;
    for (fault, seed) in Fault::ALL.into_iter().flat_map(|fault| (0..12).map(move |seed| (fault, seed))) {
        let faulty = run(FaultyDevice::new(CpuDevice::new(capacity), fault, seed, 120));
        if faulty.4 == 0 {
            continue;
        }
        let Ok(hash) = faulty.0 else {
            assert!(faulty.1.is_empty(), "{fault:?}, seed {seed}: it did start");
            continue; // what never started is no device that is lost
        };
        struck += 1;
        assert_eq!(Some(hash), sound.0.as_ref().ok().copied());
        assert!(faulty.1 == sound.1, "{fault:?}, seed {seed}: the journals differ in more than notes");
        let [Entry::Note { text, .. }] = &faulty.2[..] else {
            panic!("{fault:?}, seed {seed}: the notes are {:?}", faulty.2);
        };
        assert!(text.contains("device lost: ") && text.contains("recomputed on the CPU"), "{text}");
        assert!(faulty.3 > 0);
    }
    assert!(struck > 100, "only {struck} faults struck");
}
