//! The simulated venue inside a session on the model: cascades, orders that take time, orders that are rejected, and a journal that restores it.

use std::collections::{BTreeMap, BTreeSet};

use backstop::feed::scenario;
use backstop::journal::{Entry, JournalError};
use backstop::replay::audit::Audit;
use backstop::replay::patrol::Patrol;
use backstop::replay::rounds::{Input, Rounds, Seeding};
use backstop::replay::session::{Evaluated, Recorder, Session};
use backstop::venue::{RestoredVenue, SimulatedVenue, VenueConfig};
use device::{CpuDevice, Driver, DriverConfig};
use engine::Engine;
use engine::event::{AccountId, Command, Event, InstrumentId, OrderId, TimeMs};
use engine::rules::{Depth, InstrumentSpec, Rules};
use model::machine::Capacity;

const X: InstrumentId = InstrumentId(0);
const P: i64 = 1_000_000;

#[derive(Default)]
struct Kept(Vec<Entry>);

impl Recorder for Kept {
    fn record(&mut self, entry: Entry) -> Result<(), JournalError> {
        self.0.push(entry);
        Ok(())
    }
}

impl Kept {
    fn events(&self) -> impl Iterator<Item = (TimeMs, &Event)> {
        self.0.iter().filter_map(|entry| match entry {
            Entry::Event { time_ms, event, .. } => Some((*time_ms, event)),
            _ => None,
        })
    }

    fn commands(&self) -> impl Iterator<Item = &Command> {
        let commands = self.0.iter().map(|entry| match entry {
            Entry::Decision { commands, .. } => commands.as_slice(),
            _ => &[],
        });
        commands.flatten()
    }
}

fn venue(config: &VenueConfig) -> SimulatedVenue {
    SimulatedVenue::new(Rules::default().validate().unwrap().0, config.clone(), None).unwrap()
}

fn driver(accounts: usize, instruments: usize) -> Driver<CpuDevice> {
    let slots_per_lane = accounts * instruments;
    let capacity = Capacity { lanes: 1, accounts_per_lane: accounts, slots_per_lane, instruments };
    Driver::new(CpuDevice::new(capacity), DriverConfig::default())
}

/// Every command had exactly one outcome, so nobody waits for one that never comes.
fn assert_nobody_is_stuck(kept: &Kept) {
    let mut reports = BTreeMap::<OrderId, u32>::new();
    let mut ended = [0, 0];
    for (_, event) in kept.events() {
        match event {
            Event::Filled { order, .. } | Event::Rejected { order } => {
                *reports.entry(*order).or_default() += 1
            }
            Event::TakenOver { .. } => ended[0] += 1,
            Event::Bankrupted { .. } => ended[1] += 1,
            _ => {}
        }
    }
    let mut orders = BTreeMap::new();
    let mut decided = [0, 0];
    for command in kept.commands() {
        if let Some(order) = command.venue_order() {
            orders.insert(order.id, 1);
        }
        match command {
            Command::TakeOver { .. } => decided[0] += 1,
            Command::Bankrupt { .. } => decided[1] += 1,
            _ => {}
        }
    }
    assert_eq!((reports, ended), (orders, decided));
}

/// A contract with a shallow book.
fn shallow(rules: &Rules) -> InstrumentSpec {
    InstrumentSpec {
        tick: 10,
        brackets: vec![(0, 50_000)],
        fee: 1_500,
        slippage: 1_000,
        limit_band: 20_000,
        mark_band: 200_000,
        depth: Depth { levels: 20, step: 500, level_lots: 50, refill_lots: 100 },
        ..InstrumentSpec::plain("X", rules.scale)
    }
}

/// Ten longs of ten depths each, liquidatable at 1 % below the start and then every 0.3 %; the tape falls by 1.05 % and stays there.
fn ladder_of_longs(config: &VenueConfig) -> (BTreeSet<AccountId>, u64, Kept) {
    let (lots, rules) = (10_000, Rules::default());
    let spec = shallow(&rules);
    let mut opening = vec![
        Event::FundEndowed { instrument: None, quanta: 1_000_000_000_000 },
        Event::Listed { instrument: X, spec: spec.clone().into() },
        Event::Mark { instrument: X, price: P as u64 },
    ];
    for at in 0..10 {
        let (account, line) = (AccountId(at), P - 10_000 - 3_000 * at as i64);
        let quanta = lots * (P - line) + lots * line / 20;
        opening.push(Event::Deposited { account, quanta });
        opening.push(Event::Traded { account, instrument: X, lots, quote: -lots * P });
    }
    let (mut kept, mut driver) = (Kept::default(), driver(16, 1));
    let mut session =
        Session::start(rules, &mut driver, Audit::Full, Patrol::new(10), venue(config), 0, 0).unwrap();
    let (mut hit, mut lowest) = (BTreeSet::new(), u64::MAX);
    let mut observe = |engine: &Engine, evaluated: &Evaluated| {
        hit.extend(evaluated.applied.actions.iter().map(|action| action.account));
        lowest = lowest.min(engine.markets()[0].mark.get());
        for tape in &evaluated.tape {
            assert!([P as u64, 989_500].contains(&tape.price), "the tape stays as it was");
        }
        Ok(())
    };
    session.run(0, opening, &mut kept, &mut observe).unwrap();
    for step in 1..=80 {
        let mark = vec![Event::Mark { instrument: X, price: 989_500 }];
        session.run(15_000 * step, mark, &mut kept, &mut observe).unwrap();
    }
    session.settle(15_000 * 81, &mut kept, &mut observe).unwrap();
    (hit, lowest, kept)
}

#[test]
fn a_cascade_happens_with_impact_and_not_without() {
    let without = ladder_of_longs(&VenueConfig { impact_ppm: 0, ..VenueConfig::default() });
    assert_eq!(without.0, BTreeSet::from([AccountId(0)]), "the tape alone reaches one account");
    assert_eq!(without.1, 989_500);
    let with = ladder_of_longs(&VenueConfig::default());
    println!("with impact {} accounts are liquidated, the mark falls to {}", with.0.len(), with.1);
    assert_eq!(with.0.len(), 10, "one liquidation brings about the next");
    assert!(with.1 < 970_000, "{}", with.1);
    for kept in [&without.2, &with.2] {
        assert_nobody_is_stuck(kept);
    }
    // What has decayed does not come back: the last mark is nearer to the tape than the lowest.
    let last = with.2.events().filter_map(|(_, event)| match event {
        Event::Mark { price, .. } => Some(*price),
        _ => None,
    });
    assert!(last.last().unwrap() > with.1);
}

/// The built-in crash, then an hour in which nothing moves.
fn crash(config: &VenueConfig, seed: u64) -> ([u8; 32], Kept) {
    let rules = Rules::default();
    let built_in = backstop::rules::built_in();
    let seeding = Seeding {
        rules: built_in,
        accounts: 64,
        seed,
        fund: 1_000_000_000_000,
        books: None,
        no_budget: false,
    };
    let (mut kept, mut driver) = (Kept::default(), driver(64, 8));
    let mut session =
        Session::start(rules, &mut driver, Audit::Full, Patrol::new(10), venue(config), 0, 0).unwrap();
    let mut restored = RestoredVenue::new(venue(config));
    let mut observe = |_: &Engine, evaluated: &Evaluated| {
        for event in &evaluated.round.events {
            restored.happened(evaluated.round.time_ms, event).unwrap();
        }
        restored.decided(&evaluated.decided.commands);
        Ok(())
    };
    let mut last = BTreeMap::new();
    for input in Rounds::new(scenario::items(seed), seeding, None) {
        match input.unwrap() {
            Input::EpisodeStarted { .. } => {}
            Input::Round { time_ms, events, .. } => {
                for event in &events {
                    if let Event::Mark { instrument, price } = event {
                        last.insert(*instrument, *price);
                    }
                }
                session.run(time_ms, events, &mut kept, &mut observe).unwrap();
            }
            Input::EpisodeEnded { time_ms, .. } => {
                let mark = |(&instrument, &price): (&InstrumentId, &u64)| Event::Mark { instrument, price };
                for step in 1..=720 {
                    let marks = last.iter().map(mark).collect();
                    session.run(time_ms + 5_000 * step, marks, &mut kept, &mut observe).unwrap();
                }
                assert_eq!(session.engine().watched(), 0, "everybody was dealt with");
                let hash = session.settle(time_ms + 3_600_000, &mut kept, &mut observe).unwrap();
                assert!(restored.venue() == session.venue(), "the journal restores the venue");
                return (hash, kept);
            }
        }
    }
    panic!("an episode ends");
}

#[test]
fn late_and_rejected_orders_leave_nobody_waiting() {
    for (latency_ms, reject_ppm) in
        [(0, 0), (250, 100_000), (5_000, 0), (7_000, 500_000), (60_000, 1_000_000)]
    {
        let config = VenueConfig { latency_ms, reject_ppm, ..VenueConfig::default() };
        let (_, kept) = crash(&config, 3);
        assert_nobody_is_stuck(&kept);
        let settled = kept.events().filter(|(_, event)| matches!(event, Event::Settled));
        let end_ms = settled.map(|(time_ms, _)| time_ms).last().unwrap();
        let mut decided = BTreeMap::new();
        let (mut orders, mut rejections, mut time_ms) = (0, 0, 0);
        let (mut marks_at, mut external_ms) = (BTreeSet::new(), TimeMs::MIN);
        for entry in &kept.0 {
            match entry {
                Entry::Event { time_ms: at_ms, event, .. } => {
                    time_ms = *at_ms;
                    let (Event::Filled { order, .. } | Event::Rejected { order }) = event else {
                        if matches!(event, Event::Mark { .. }) {
                            marks_at.insert(time_ms);
                        }
                        continue;
                    };
                    orders += 1;
                    rejections += u32::from(matches!(event, Event::Rejected { .. }));
                    let due_ms = decided[order] + TimeMs::from(latency_ms);
                    let ends = matches!(event, Event::Rejected { .. }) && time_ms == end_ms;
                    assert!(time_ms == due_ms || ends, "order {order} is reported on when it arrives");
                    let before_marks = latency_ms == 0 || ends || !marks_at.contains(&time_ms);
                    assert!(before_marks, "order {order} is reported on before the marks of its time");
                }
                Entry::RoundEnded { external: true, .. } => {
                    assert!(external_ms <= time_ms, "event time does not fall");
                    external_ms = time_ms;
                }
                Entry::Decision { commands, .. } => {
                    for command in commands {
                        if let Some(order) = command.venue_order() {
                            decided.insert(order.id, time_ms.max(external_ms));
                        }
                    }
                }
                _ => {}
            }
        }
        println!(
            "latency {latency_ms} ms, rejections {reject_ppm} ppm: {orders} orders, {rejections} rejected"
        );
        assert!(orders > 30, "{orders} orders");
        let least = orders * reject_ppm / 1_500_000;
        assert!(rejections >= least && (reject_ppm > 0 || rejections == 0), "{rejections} of {orders}");
    }
}

/// Orders still on their way when the episode ends are rejected before it settles.
#[test]
fn the_end_of_an_episode_rejects_what_has_not_arrived() {
    let config = VenueConfig { latency_ms: 60_000, ..VenueConfig::default() };
    let (rules, account) = (Rules::default(), AccountId(7));
    let spec = shallow(&rules);
    let (mut kept, mut driver) = (Kept::default(), driver(16, 1));
    let mut session =
        Session::start(rules, &mut driver, Audit::Full, Patrol::new(10), venue(&config), 0, 0).unwrap();
    let mut observe = |_: &Engine, _: &Evaluated| Ok(());
    let events = vec![
        Event::Listed { instrument: X, spec: spec.clone().into() },
        Event::Mark { instrument: X, price: P as u64 },
        Event::Deposited { account, quanta: 100 * 55_000 },
        Event::Traded { account, instrument: X, lots: 100, quote: -100 * P },
    ];
    session.run(0, events, &mut kept, &mut observe).unwrap();
    let mark = |price| vec![Event::Mark { instrument: X, price }];
    session.run(1_000, mark(990_000), &mut kept, &mut observe).unwrap();
    session.run(2_000, mark(989_000), &mut kept, &mut observe).unwrap();
    assert_eq!(kept.commands().count(), 1, "while its order is on its way nothing else is decided");
    session.settle(3_000, &mut kept, &mut observe).unwrap();
    assert_nobody_is_stuck(&kept);
    let at_the_end = kept.events().filter(|(time_ms, _)| *time_ms == 3_000);
    let last: Vec<&Event> = at_the_end.map(|(_, event)| event).collect();
    assert_eq!(last, [&Event::Rejected { order: 1 }, &Event::Settled]);
}

#[test]
fn a_seed_repeats_and_another_rejects_other_orders() {
    let config = |seed| VenueConfig { seed, reject_ppm: 300_000, latency_ms: 250, ..VenueConfig::default() };
    let (one, same, other) = (crash(&config(1), 5), crash(&config(1), 5), crash(&config(2), 5));
    assert!(one.0 == same.0 && one.1.0 == same.1.0, "the same journal");
    assert_ne!(one.0, other.0);
}
