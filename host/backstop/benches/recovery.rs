//! A state out of a long journal, from its start and from a snapshot; and rounds that go on while snapshots of them are made, beside rounds without.
//! Prints events a second, the longest round of each, and the state's hash.
//!
//! Small under `cargo test`; ten million events with `cargo bench`.

use std::path::Path;
use std::time::{Duration, Instant};

use backstop::journal::{Entry, Header, JournalWriter};
use backstop::recovery::snapshotter::{self, Snapshotter};
use backstop::venue::VenueConfig;
use criterion::{Criterion, criterion_group, criterion_main};
use engine::Engine;
use engine::event::{AccountId, Event, InstrumentId, Round};
use engine::rules::{InstrumentSpec, Rules};
use hdrhistogram::Histogram;

const ACCOUNTS: u64 = 1_000;
const ROUND_EVENTS: u64 = 8;
const X: InstrumentId = InstrumentId(0);

fn rules() -> Rules {
    Rules::default()
}

/// Round by round: accounts that are opened and trade, then deposits and a mark that goes up and down.
fn round(number: u64, first_sequence: u64) -> Round {
    let account = |place: u64| AccountId(1 + (number * (ROUND_EVENTS - 1) + place) % ACCOUNTS);
    let events = match number {
        0 => vec![
            Event::FundEndowed { instrument: None, quanta: 1_000_000 },
            Event::Listed { instrument: X, spec: InstrumentSpec::plain("X", 1_000_000).into() },
            Event::Mark { instrument: X, price: 1_000_000 },
        ],
        _ if number <= ACCOUNTS => {
            let account = AccountId(number);
            let lots = if number.is_multiple_of(2) { 5 } else { -5 };
            vec![
                Event::Deposited { account, quanta: 10_000_000 },
                Event::Traded { account, instrument: X, lots, quote: -lots * 1_000_000 },
            ]
        }
        _ => {
            let deposits =
                (0..ROUND_EVENTS - 1).map(|place| Event::Deposited { account: account(place), quanta: 1 });
            let mark = Event::Mark { instrument: X, price: 1_000_000 + 10 * (number % 2) };
            deposits.chain([mark]).collect()
        }
    };
    Round { time_ms: number as i64, first_sequence, events }
}

/// Lets rounds take effect and journals them, until there are `events`; how long rounds took, ns, and the state's hash.
fn run(writer: &JournalWriter, events: u64) -> (Histogram<u64>, [u8; 32]) {
    let source = "a bench".to_owned();
    let append = |entry| writer.append(entry).expect("space on the disk");
    append(Entry::EpisodeStarted { index: 0, seed: 0, rules: rules(), source });
    append(Entry::Note { time_ms: 0, text: VenueConfig::default().note() });
    let mut engine = Engine::new(rules()).expect("the default rules");
    let mut took = Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("a minute in three digits");
    let (mut sequence, mut number) = (0, 0);
    while sequence < events {
        let started = Instant::now();
        let round = round(number, sequence);
        let count = round.events.len() as u32;
        for (sequence, event) in (sequence..).zip(&round.events) {
            append(Entry::Event { sequence, time_ms: round.time_ms, event: event.clone() });
        }
        let time_ms = round.time_ms;
        append(Entry::RoundEnded {
            round: number,
            time_ms,
            first_sequence: sequence,
            events: count,
            external: true,
        });
        let applied = engine.apply(&round);
        assert!(applied.refused.is_empty(), "{:?}", applied.refused);
        append(Entry::Verdict { round: number, flags: Vec::new() });
        let commands = engine.decide(&[]).expect("no flags").commands;
        append(Entry::Decision { round: number, commands });
        took.saturating_record(started.elapsed().as_nanos() as u64);
        (sequence, number) = (sequence + u64::from(count), number + 1);
    }
    (took, engine.state_hash())
}

fn journaled(folder: &Path, events: u64, every: Option<u64>) -> (Histogram<u64>, [u8; 32], Duration) {
    let journal = folder.join("journal");
    let snapshotter = every.map(|every| Snapshotter::spawn(journal.clone(), folder.join("snapshots"), every));
    let writer = JournalWriter::create(&journal, &Header::new([1; 16], &rules())).expect("a new journal");
    let started = Instant::now();
    let (took, hash) = run(&writer, events);
    let time = started.elapsed();
    writer.close().expect("a sound disk");
    if let Some(snapshotter) = snapshotter {
        let made = snapshotter.end();
        assert!(made.failed.is_none() && made.snapshots > 0, "{made:?}");
    }
    (took, hash, time)
}

fn bench(criterion: &mut Criterion) {
    let events: u64 = if std::env::args().any(|arg| arg == "--bench") { 10_000_000 } else { 20_000 };
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("space on the disk");
    let [plain, with] = ["plain", "with"].map(|name| directory.path().join(name));
    let (alone, hash, time_alone) = journaled(&plain, events, None);
    let (beside, same, time_beside) = journaled(&with, events, Some(events / 7));
    assert_eq!(hash, same);
    for (what, took, time) in [("alone", alone, time_alone), ("with snapshots beside", beside, time_beside)] {
        println!(
            "{events} events, {what}: {:.1} s; a round takes {} ns in the median, {} at p99.9, {} us at the longest",
            time.as_secs_f64(),
            took.value_at_quantile(0.5),
            took.value_at_quantile(0.999),
            took.max() / 1_000
        );
    }
    let checked =
        snapshotter::check(&with.join("journal"), &with.join("snapshots"), |_| {}).expect("a sound disk");
    assert!(checked.hash == hash && checked.events >= events);
    let newest = checked.newest.expect("snapshots were made");
    println!(
        "recovered from the whole journal in {:.2} s ({:.0} events/s), from the snapshot at record {} in {:.2} s; state hash {}",
        checked.from_start.as_secs_f64(),
        events as f64 / checked.from_start.as_secs_f64(),
        newest.record,
        checked.from_snapshot.as_secs_f64(),
        backstop::journal::export::hex(&hash)
    );
    let mut group = criterion.benchmark_group("recovery");
    group.sample_size(10);
    let small = directory.path().join("small");
    journaled(&small, 20_000, Some(5_000));
    group.bench_function("20,000 events, both ways", |bencher| {
        bencher.iter(|| {
            snapshotter::check(&small.join("journal"), &small.join("snapshots"), |_| {}).expect("sound")
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
