//! Rounds through engine, driver and device: at the end of every round the device knows every account as the ledger does, with any
//! number of lanes, and the state hash is the same.

use backstop::replay::audit::Audit;
use backstop::replay::session::{Recorder, Session};
use device::{CpuDevice, Driver, DriverConfig};
use engine::event::{AccountId, Event, InstrumentId};
use engine::rules::{Depth, InstrumentSpec, Rules};
use model::machine::Capacity;
use proptest::prelude::*;

/// Keeps nothing.
struct Nowhere;

impl Recorder for Nowhere {
    fn record(&mut self, _: backstop::journal::Entry) -> Result<(), backstop::journal::JournalError> {
        Ok(())
    }
}

fn spec(symbol: &str) -> InstrumentSpec {
    InstrumentSpec {
        symbol: symbol.into(),
        lot_exponent: -3,
        tick: 10,
        price_bits: 32,
        size_bits: 27,
        weight_long: 1_000_000,
        weight_short: 1_000_000,
        brackets: vec![(0, 5_000), (50_000_000_000, 10_000), (250_000_000_000, 25_000)],
        depth: Depth { levels: 20, step: 500, level_lots: 3_000, refill_lots: 500 },
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

/// Runs the rounds; checks every account after each; the state hash after settlement.
fn run(rounds: &[Vec<Event>], lanes: usize) -> [u8; 32] {
    let capacity = Capacity { lanes, accounts_per_lane: 16, slots_per_lane: 64, instruments: 3 };
    let mut driver = Driver::new(CpuDevice::new(capacity), DriverConfig::default());
    let mut session = Session::start(Rules::default(), &mut driver, Audit::Full, 0, 0).unwrap();
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
    let mut opening = vec![Event::FundEndowed { quanta: 1_000_000_000 }];
    for n in 0..3u16 {
        opening.push(Event::Listed { instrument: InstrumentId(n), spec: spec(&format!("I{n}")) });
        opening.push(Event::Mark { instrument: InstrumentId(n), price: 1_000_000 });
    }
    let mut time_ms = 0;
    for events in std::iter::once(&opening).chain(rounds) {
        session.run(time_ms, events.clone(), &mut Nowhere, &mut observe).unwrap();
        time_ms += 15_000;
    }
    session.settle(time_ms, &mut Nowhere, &mut observe).unwrap()
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
