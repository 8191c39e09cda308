//! Sources behind a network that loses, doubles, delays and so reorders what passes in either direction; the gateway may be restarted.

use std::collections::BTreeMap;

use engine::event::{AccountId, Event, InstrumentId, TimeMs};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::*;

const SOURCES: [SourceId; 2] = [3, CHANGES];
/// Has no snapshots: asked for one it sends its frames again.
const CHANGES: SourceId = 4;
const STEP_MS: TimeMs = 10;
/// Steps without faults that mend everything: every answer is one step away, every timeout at most 15.
const CALM_STEPS: usize = 200;

/// Frame `sequence` of a source: 1 to 3 events that no other frame has.
fn sent(source: SourceId, sequence: u64) -> Vec<Event> {
    let account = AccountId(u64::from(source) << 32 | sequence);
    (0..=(sequence % 3) as i64).map(|quanta| Event::Deposited { account, quanta }).collect()
}

fn stated(source: SourceId, sequence: u64) -> Vec<Event> {
    vec![Event::Mark { instrument: InstrumentId(source), price: sequence }]
}

/// What is under way: to the gateway, or to a source.
#[derive(Clone, Debug)]
enum Message {
    Frame(SourceId, u64),
    Heartbeat(SourceId, u64),
    Snapshot(SourceId, u64),
    Ask(Output),
}

/// Delays in steps of the copies of a message; none: it is lost.
type Fate = Vec<usize>;

#[derive(Clone, Debug)]
struct Run {
    frames: u64,
    waiting_max: usize,
    requests_max: u32,
    /// Used in turn, for every message, in the first `steps` steps; then nothing is lost.
    fates: Vec<Fate>,
    steps: usize,
    /// Steps before which the gateway is made anew.
    restarts: Vec<usize>,
}

fn any_run() -> impl Strategy<Value = Run> {
    let fate = prop_oneof![
        4 => Just(vec![0]),
        2 => Just(Vec::new()),
        2 => vec(0..12_usize, 1..3),
    ];
    (1..80_u64, 1..12_usize, 1..4_u32, vec(fate, 1..200), 0..150_usize, vec(0..200_usize, 0..3)).prop_map(
        |(frames, waiting_max, requests_max, fates, steps, restarts)| Run {
            frames,
            waiting_max,
            requests_max,
            fates,
            steps,
            restarts,
        },
    )
}

/// What the gateway gave, and how it ended.
#[derive(Debug, PartialEq)]
struct Played {
    outputs: Vec<Output>,
    positions: Vec<(SourceId, u64)>,
    states: Vec<State>,
    /// Since the last restart.
    counts: Vec<Counts>,
}

struct Network<'a> {
    run: &'a Run,
    step: usize,
    fated: usize,
    /// By step of arrival, in the order of sending.
    under_way: BTreeMap<usize, Vec<Message>>,
}

impl Network<'_> {
    fn send(&mut self, message: &Message) {
        let fate = if self.step < self.run.steps {
            self.fated += 1;
            self.run.fates[self.fated % self.run.fates.len()].clone()
        } else {
            vec![0]
        };
        for delay in fate {
            self.under_way.entry(self.step + 1 + delay).or_default().push(message.clone());
        }
    }
}

/// Plays a run, and holds every bound after every step.
fn play(run: &Run) -> Played {
    let config = Config {
        waiting_max: run.waiting_max,
        requests_max: run.requests_max,
        request_timeout_ms: 5 * STEP_MS,
        snapshot_timeout_ms: 15 * STEP_MS,
        stale_ms: 40 * STEP_MS,
        ..Config::of(SOURCES)
    };
    let mut gateway = Gateway::new(config.clone()).unwrap();
    let mut network = Network { run, step: 0, fated: 0, under_way: BTreeMap::new() };
    let mut sent_last = SOURCES.map(|source| (source, 0_u64));
    let mut outputs = Vec::new();
    let steps = run.steps.max(run.frames as usize) + CALM_STEPS;
    for step in 0..steps {
        network.step = step;
        if run.restarts.contains(&step) {
            gateway = Gateway::resume(config.clone(), &gateway.positions()).unwrap();
        }
        for (source, last) in &mut sent_last {
            if *last < run.frames {
                *last += 1;
                network.send(&Message::Frame(*source, *last));
            } else {
                network.send(&Message::Heartbeat(*source, *last));
            }
        }
        let time_ms = step as TimeMs * STEP_MS;
        let mut given = gateway.tick(time_ms);
        assert!(given.len() <= SOURCES.len() * (run.waiting_max + 1));
        for message in network.under_way.remove(&step).unwrap_or_default() {
            let out = match message {
                Message::Frame(source, sequence) => {
                    gateway.receive(Frame { source, sequence, time_ms, events: sent(source, sequence) })
                }
                Message::Heartbeat(source, sequence) => {
                    gateway.receive(Frame { source, sequence, time_ms, events: Vec::new() })
                }
                Message::Snapshot(source, sequence) => {
                    gateway.restore(Snapshot { source, sequence, time_ms, events: stated(source, sequence) })
                }
                Message::Ask(asked) => {
                    answer(&asked, &sent_last, &mut network);
                    Ok(Vec::new())
                }
            };
            let out = out.expect("nothing here is to be refused");
            assert!(out.len() <= run.waiting_max + 1);
            given.extend(out);
        }
        for output in &given {
            if matches!(output, Output::Request { .. } | Output::SnapshotRequest { .. }) {
                network.send(&Message::Ask(output.clone()));
            }
        }
        outputs.extend(given);
        for source in SOURCES {
            assert!(gateway.waiting(source).unwrap() <= run.waiting_max);
        }
    }
    let states = SOURCES.map(|source| gateway.state(source).unwrap()).to_vec();
    let counts = SOURCES.map(|source| *gateway.counts(source).unwrap()).to_vec();
    Played { outputs, positions: gateway.positions(), states, counts }
}

/// A source does what it is asked for: sends frames again, or says what is, if it can.
fn answer(asked: &Output, sent_last: &[(SourceId, u64)], network: &mut Network<'_>) {
    let last_of = |source| sent_last.iter().find(|(of, _)| *of == source).expect("a source of ours").1;
    match *asked {
        Output::Request { source, from, to } => {
            assert!(from >= 1 && from <= to && to <= last_of(source), "asked for what was never sent");
            (from..=to).for_each(|sequence| network.send(&Message::Frame(source, sequence)));
        }
        Output::SnapshotRequest { source: CHANGES, after } => {
            let missing = after + 1..=last_of(CHANGES);
            missing.for_each(|sequence| network.send(&Message::Frame(CHANGES, sequence)));
        }
        Output::SnapshotRequest { source, .. } => network.send(&Message::Snapshot(source, last_of(source))),
        _ => unreachable!("what is handed on is asked of nobody"),
    }
}

/// Each source's stream, in order, once, but for stretches that a snapshot stands for; a snapshot only after one was asked for, frames asked
/// for only beyond what was handed on, and no oftener than allowed without progress.
fn hold_to_the_streams(run: &Run, outputs: &[Output]) -> Result<(), TestCaseError> {
    let mut time_last_ms = TimeMs::MIN;
    let mut handed_on = SOURCES.map(|source| (source, 0_u64)).into_iter().collect::<BTreeMap<_, _>>();
    let mut snapshots_asked = BTreeMap::<SourceId, u32>::new();
    let mut asked = BTreeMap::<(SourceId, u64), u32>::new();
    for output in outputs {
        let (source, time_ms) = match output {
            Output::Frame(frame) => {
                let last = handed_on[&frame.source];
                prop_assert_eq!(frame.sequence, last + 1);
                prop_assert_eq!(&frame.events, &sent(frame.source, frame.sequence));
                handed_on.insert(frame.source, frame.sequence);
                (frame.source, frame.time_ms)
            }
            Output::Snapshot(snapshot) => {
                prop_assert!(snapshot.sequence >= handed_on[&snapshot.source]);
                prop_assert!(snapshots_asked.contains_key(&snapshot.source), "nobody asked");
                prop_assert_eq!(&snapshot.events, &stated(snapshot.source, snapshot.sequence));
                handed_on.insert(snapshot.source, snapshot.sequence);
                (snapshot.source, snapshot.time_ms)
            }
            Output::Request { source, from, .. } => {
                prop_assert!(*from > handed_on[source]);
                let times = asked.entry((*source, *from)).or_default();
                *times += 1;
                // A restart forgets what was asked for.
                prop_assert!(*times <= run.requests_max * (1 + run.restarts.len() as u32));
                continue;
            }
            Output::SnapshotRequest { source, after } => {
                prop_assert_eq!(*after, handed_on[source]);
                *snapshots_asked.entry(*source).or_default() += 1;
                continue;
            }
        };
        prop_assert!(time_ms >= time_last_ms, "what is journaled goes back in time");
        time_last_ms = time_ms;
        asked.retain(|(of, _), _| *of != source);
    }
    Ok(())
}

/// The runs that the property is held on come to everything that can happen.
#[test]
fn the_runs_cover_what_there_is() {
    let mut runner = TestRunner::deterministic();
    let mut of_kind = [0_u64; 11];
    for _ in 0..200 {
        let run = any_run().new_tree(&mut runner).expect("a run").current();
        for counts in play(&run).counts {
            let Counts { frames, waited, duplicates, heartbeats, requests, snapshot_requests, .. } = counts;
            let Counts { snapshots, snapshots_old, replaced, covered, evicted, .. } = counts;
            let found = [
                frames,
                waited,
                duplicates,
                heartbeats,
                requests,
                snapshot_requests,
                snapshots,
                snapshots_old,
                replaced,
                covered,
                evicted,
            ];
            of_kind.iter_mut().zip(found).for_each(|(sum, found)| *sum += found);
        }
    }
    assert!(of_kind.iter().all(|&count| count >= 20), "{of_kind:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_handed_on_is_each_sources_stream_whatever_the_network_does(run in any_run()) {
        let played = play(&run);
        hold_to_the_streams(&run, &played.outputs)?;
        prop_assert_eq!(&played.positions, &SOURCES.map(|source| (source, run.frames)).to_vec());
        prop_assert_eq!(&played.states, &vec![State::Live; SOURCES.len()]);
        prop_assert_eq!(play(&run), played, "the same run twice");
    }

    /// Reordering alone, within the buffer, costs no snapshot and no frame.
    #[test]
    fn frames_in_any_order_go_on_in_theirs(order in Just((1..=16_u64).collect::<Vec<_>>()).prop_shuffle()) {
        let mut gateway = Gateway::new(Config { waiting_max: 16, ..Config::of([3]) }).unwrap();
        let mut handed_on = Vec::new();
        for &sequence in &order {
            let frame = Frame { source: 3, sequence, time_ms: 0, events: sent(3, sequence) };
            for output in gateway.receive(frame).unwrap() {
                match output {
                    Output::Frame(frame) => handed_on.push((frame.sequence, frame.events)),
                    Output::Request { .. } => {}
                    other => prop_assert!(false, "{other:?}"),
                }
            }
        }
        prop_assert_eq!(handed_on, (1..=16).map(|sequence| (sequence, sent(3, sequence))).collect::<Vec<_>>());
    }

    /// Numbers and times that no source would send: nothing stops the gateway, and what it hands on still rises.
    #[test]
    fn noise_stops_nothing(
        inputs in vec(
            (0..6_u16, 0..4_u8, prop_oneof![0..40_u64, Just(u64::MAX), Just(u64::MAX - 1), any::<u64>()],
                prop_oneof![0..500_i64, any::<i64>()], 0..4_usize),
            0..200,
        ),
    ) {
        let config = Config { waiting_max: 4, frame_events_max: 2, jump_max: 30, ..Config::of(SOURCES) };
        let mut gateway = Gateway::new(config).unwrap();
        let mut handed_on = BTreeMap::<SourceId, u64>::new();
        let (mut refusals, mut clock_ms) = (0, TimeMs::MIN);
        for (source, kind, sequence, time_ms, events) in inputs {
            let events = vec![Event::Settled; events];
            let out = match kind {
                0 => gateway.restore(Snapshot { source, sequence, time_ms, events }),
                1 => Ok(gateway.tick(time_ms.clamp(0, 500))),
                _ => gateway.receive(Frame { source, sequence, time_ms, events }),
            };
            refusals += u64::from(out.is_err());
            for output in out.unwrap_or_default() {
                let (source, sequence, time_ms) = match output {
                    Output::Frame(Frame { source, sequence, time_ms, .. }) => {
                        prop_assert_eq!(sequence, handed_on.get(&source).copied().unwrap_or(0) + 1);
                        (source, sequence, time_ms)
                    }
                    Output::Snapshot(Snapshot { source, sequence, time_ms, .. }) => (source, sequence, time_ms),
                    _ => continue,
                };
                prop_assert!(handed_on.insert(source, sequence).unwrap_or(0) <= sequence && time_ms >= clock_ms);
                clock_ms = time_ms;
            }
            for source in SOURCES {
                prop_assert!(gateway.waiting(source).unwrap() <= 4);
            }
        }
        let counted = SOURCES.map(|source| {
            let Refused { too_long, zero, exhausted, jump, time_back, time_ahead } =
                gateway.counts(source).unwrap().refused;
            too_long + zero + exhausted + jump + time_back + time_ahead
        });
        prop_assert_eq!(counted.iter().sum::<u64>() + gateway.unknown(), refusals);
        for (source, position) in gateway.positions() {
            prop_assert_eq!(position, handed_on.get(&source).copied().unwrap_or(0));
        }
    }
}
