//! From an event's time to the verdict of the round that holds it, and to the first order that may leave: open loop, so that a backlog is seen.
//!
//! Events are due at a steady rate whatever the host does; it takes all that are due as one round, lets it take effect, has it judged by the fast
//! machine, and decides. An event's latency runs from when it was due. Small and without a schedule under `cargo test`.

#[path = "../../../benches/common/figures.rs"]
mod figures;

use std::io::Write;
use std::time::{Duration, Instant};

use backstop::journal::{Entry, Header, JournalError, JournalWriter};
use backstop::replay::audit::Audit;
use backstop::replay::patrol::Patrol;
use backstop::replay::session::{Recorder, Session};
use backstop::venue::{SimulatedVenue, VenueConfig};
use criterion::{Criterion, criterion_group, criterion_main};
use device::cpu::CpuDevice;
use device::{Driver, DriverConfig};
use engine::event::{AccountId, Event, InstrumentId};
use engine::rules::{Depth, InstrumentSpec, Rules};
use hdrhistogram::Histogram;
use model::machine::Capacity;
use rustix::thread::{CpuSet, sched_setaffinity};

const ACCOUNTS: u64 = 10_000;
const MARKETS: u16 = 4;
const UNIT: i64 = 1_000_000;
/// Most events of a round.
const ROUND_MAX: usize = 4_096;

/// The journal, if there is one, and when the last order could leave.
struct Timed {
    journal: Option<JournalWriter>,
    released: Option<Instant>,
}

impl Recorder for Timed {
    fn record(&mut self, entry: Entry) -> Result<(), JournalError> {
        self.journal.as_ref().map_or(Ok(()), |journal| journal.append(entry))
    }

    fn release(&mut self) -> Result<(), JournalError> {
        if let Some(journal) = &self.journal {
            journal.sync()?;
        }
        self.released.get_or_insert_with(Instant::now);
        Ok(())
    }
}

struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

fn rules() -> Rules {
    Rules { outage: None, ..Rules::default() }
}

/// Markets, and accounts levered 2 to 60 times.
fn opening(draw: &mut Draw) -> Vec<Event> {
    let mut events = Vec::new();
    for market in 0..MARKETS {
        let instrument = InstrumentId(market);
        let spec = InstrumentSpec {
            brackets: vec![(0, 5_000), (5_000_000_000, 10_000)],
            fee: 1_500,
            slippage: 1_000,
            limit_band: 20_000,
            depth: Depth { levels: 20, step: 100, level_lots: 10_000, refill_lots: 10_000 },
            ..InstrumentSpec::plain(&format!("M{market}"), 1_000_000)
        };
        events.push(Event::Listed { instrument, spec: spec.into() });
        events.push(Event::Mark { instrument, price: UNIT as u64 });
    }
    for account in (1..=ACCOUNTS).map(AccountId) {
        let lots = 100 + draw.below(10_000) as i64;
        events.push(Event::Deposited { account, quanta: lots * UNIT / (2 + draw.below(59) as i64) });
        let lots = if draw.below(2) == 0 { lots } else { -lots };
        let instrument = InstrumentId(draw.below(MARKETS.into()) as u16);
        events.push(Event::Traded { account, instrument, lots, quote: -lots * UNIT });
    }
    events
}

/// One in twenty a mark that moves by up to ten basis points, the others deposits and trades of a lot.
fn stream(count: usize, draw: &mut Draw) -> Vec<Event> {
    let mut prices = [UNIT; MARKETS as usize];
    let one = |at: usize| {
        let instrument = InstrumentId(draw.below(MARKETS.into()) as u16);
        let price = &mut prices[usize::from(instrument.0)];
        let account = AccountId(1 + draw.below(ACCOUNTS));
        match at % 20 {
            0 => {
                *price = (*price + draw.below(2_001) as i64 - 1_000).clamp(UNIT * 9 / 10, UNIT * 11 / 10);
                Event::Mark { instrument, price: *price as u64 }
            }
            1..=9 => Event::Deposited { account, quanta: 1 },
            _ => {
                let lots = if draw.below(2) == 0 { 1 } else { -1 };
                Event::Traded { account, instrument, lots, quote: -lots * *price }
            }
        }
    };
    (0..count).map(one).collect()
}

struct Outcome {
    verdict: Histogram<u64>,
    order: Histogram<u64>,
    rounds: u64,
    took: Duration,
    /// Liquidation orders that filled.
    slices: u64,
    state: String,
}

/// Plays `count` events at `rate` a second.
fn play(rate: u64, count: usize, folder: Option<&std::path::Path>) -> Outcome {
    let mut draw = Draw(17);
    let rows = (ACCOUNTS + 1) as usize;
    let capacity = Capacity {
        lanes: 1,
        accounts_per_lane: rows,
        slots_per_lane: rows * usize::from(MARKETS),
        instruments: MARKETS.into(),
    };
    let device = CpuDevice::fast(capacity).expect("little memory");
    let mut driver = Driver::new(device, DriverConfig::default());
    let scale = rules().validate().expect("sound rules").0;
    let venue = SimulatedVenue::new(scale, VenueConfig::default(), None).expect("the default venue");
    let journal = folder.map(|folder| {
        JournalWriter::create(&folder.join("journal"), &Header::new([1; 16], &rules()))
            .expect("a new journal")
    });
    let mut recorder = Timed { journal, released: None };
    let start = |driver| Session::start(rules(), driver, Audit::Off, Patrol::new(0), venue, 0, 0);
    let mut session = start(&mut driver).expect("a sound device");
    let run = |session: &mut Session<_>, time_ms, events, recorder: &mut Timed| {
        session.run(time_ms, events, recorder, &mut |_, _| Ok(())).expect("a sound run");
    };
    run(&mut session, 1, opening(&mut draw), &mut recorder);
    let events = stream(count, &mut draw);
    let histogram = || Histogram::<u64>::new_with_bounds(1, 600_000_000_000, 3).expect("bounds in order");
    let (mut verdict, mut order, mut rounds) = (histogram(), histogram(), 0);
    let due = |at: usize| Duration::from_nanos((at as u64).saturating_mul(1_000_000_000) / rate);
    recorder.released = None;
    let (begun, mut next) = (Instant::now(), 0);
    while next < count {
        let now = begun.elapsed();
        let first = next;
        while next < count && next - first < ROUND_MAX && due(next) <= now {
            next += 1;
        }
        if next == first {
            std::hint::spin_loop();
            continue;
        }
        let time_ms = 2 + now.as_millis() as i64;
        run(&mut session, time_ms, events[first..next].to_vec(), &mut recorder);
        let done = begun.elapsed();
        for at in first..next {
            verdict.saturating_record((done - due(at)).as_nanos() as u64);
        }
        if let Some(released) = recorder.released.take() {
            order.saturating_record((released - begun).saturating_sub(due(first)).as_nanos() as u64);
        }
        rounds += 1;
    }
    let took = begun.elapsed();
    let state = backstop::journal::export::hex(&session.engine().state_hash());
    let slices = session.engine().counters().slices;
    drop(session);
    if let Some(journal) = recorder.journal {
        journal.close().expect("a sound disk");
    }
    Outcome { verdict, order, rounds, took, slices, state }
}

fn pipeline(criterion: &mut Criterion) {
    let mut json = figures::figures("pipeline");
    let full = figures::is_full();
    // The host on the last core; the journal's thread, which inherits nothing from it later, takes what is left.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut last = CpuSet::new();
    last.set(cores - 1);
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("space on the disk");
    for (rate, seconds) in [(10_000, 5), (100_000, 4), (1_000_000, 2)] {
        for journaled in [false, true] {
            let count = if full { (rate * seconds) as usize } else { 2_000 };
            let folder = directory.path().join(format!("{rate}-{journaled}"));
            std::fs::create_dir(&folder).expect("space on the disk");
            let Outcome { verdict, order, rounds, took, slices, state } = std::thread::scope(|scope| {
                let play = || {
                    let _ = sched_setaffinity(None, &last);
                    play(rate, count, journaled.then_some(folder.as_path()))
                };
                scope.spawn(play).join().expect("a sound run")
            });
            // What was due at the end was done soon after.
            let scheduled = Duration::from_nanos(count as u64 * 1_000_000_000 / rate);
            let kept_up = took < scheduled + scheduled / 20 + Duration::from_millis(20);
            for (what, times) in [("feed to verdict", &verdict), ("feed to first order", &order)] {
                if times.is_empty() {
                    continue;
                }
                let at = |quantile: f64| times.value_at_quantile(quantile);
                println!(
                    "{rate} events/s, {}, {what}: {:.1} us in the median, {:.1} p99, {:.1} p99.9, {:.1} at most, of {}",
                    if journaled { "journaled" } else { "no journal" },
                    at(0.5) as f64 / 1e3,
                    at(0.99) as f64 / 1e3,
                    at(0.999) as f64 / 1e3,
                    times.max() as f64 / 1e3,
                    times.len()
                );
                let line = format!(
                    r#"{{"bench":"pipeline","rate":{rate},"journal":{journaled},"what":"{what}","events":{},"quantiles_ns":{{"0.5":{},"0.9":{},"0.99":{},"0.999":{},"0.9999":{},"1":{}}},"kept_up":{kept_up}}}"#,
                    times.len(),
                    at(0.5),
                    at(0.9),
                    at(0.99),
                    at(0.999),
                    at(0.9999),
                    times.max()
                );
                writeln!(json, "{line}").expect("target is writable");
            }
            println!(
                "  {count} events in {rounds} rounds and {:.2} s, {slices} orders filled, {}; state {state}",
                took.as_secs_f64(),
                if kept_up { "kept up" } else { "NOT kept up" }
            );
        }
    }
    let mut group = criterion.benchmark_group("pipeline");
    group.sample_size(10).nresamples(1_001).measurement_time(Duration::from_secs(1));
    group.bench_function("2,000 events, as fast as it goes", |bencher| {
        bencher.iter(|| play(u64::MAX, 2_000, None).rounds);
    });
    group.finish();
}

criterion_group!(benches, pipeline);
criterion_main!(benches);
