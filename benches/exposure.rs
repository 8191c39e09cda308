//! Liquidation-at-risk profiles of many accounts: by force, computed anew, and kept up to date at a mark. All must be the same profiles.
//!
//! Small under `cargo test`; a million accounts with `cargo bench`. Prints times, their ratio to force, memory, and a hash of the profiles.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use engine::Engine;
use engine::apply::Applied;
use engine::event::{AccountId, Event, InstrumentId, Round};
use engine::exposure::{Exposure, Profile, STEPS, Scope};
use engine::rules::{InstrumentSpec, Rules};

const MARKETS: u16 = 8;
const UNIT: i64 = 1_000_000;
/// The market whose mark moves.
const MOVED: InstrumentId = InstrumentId(3);

/// Accounts at 2 to 60 times their collateral in eight markets, made from their number alone: two in three hold one position, the others two
/// to four.
fn engine(accounts: u64) -> Engine {
    let spec = |market: u16| InstrumentSpec {
        brackets: vec![(0, 5_000), (5_000_000_000, 10_000), (25_000_000_000, 25_000)],
        mark_band: 200_000,
        ..InstrumentSpec::plain(&format!("M{market}"), 1_000_000)
    };
    let mut engine = Engine::new(Rules { outage: None, ..Rules::default() }).expect("sound rules");
    let listed = (0..MARKETS).flat_map(|market| {
        let instrument = InstrumentId(market);
        [
            Event::Listed { instrument, spec: spec(market).into() },
            Event::Mark { instrument, price: UNIT as u64 },
        ]
    });
    apply(&mut engine, listed.collect());
    for first in (0..accounts).step_by(65_536) {
        let mut events = Vec::new();
        for number in first..accounts.min(first + 65_536) {
            let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
            let (account, positions) = (AccountId(number), 1 + (mixed % 9).saturating_sub(5));
            let lots = 1 + (mixed >> 8) as i64 % 40_000;
            let collateral = lots * positions as i64 * UNIT / (2 + (mixed >> 40) as i64 % 59);
            events.push(Event::Deposited { account, quanta: collateral });
            for position in 0..positions {
                let instrument =
                    InstrumentId(((mixed >> 16) as u16 % MARKETS + 3 * position as u16) % MARKETS);
                let lots = if mixed >> (20 + position) & 1 == 0 { lots } else { -lots };
                events.push(Event::Traded { account, instrument, lots, quote: -lots * UNIT });
            }
        }
        apply(&mut engine, events);
    }
    engine
}

fn apply(engine: &mut Engine, events: Vec<Event>) -> Applied {
    let applied = engine.apply(&Round { time_ms: 1_000, first_sequence: 0, events });
    assert_eq!(applied.refused, []);
    applied
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    (work(), started.elapsed())
}

fn scopes() -> impl Iterator<Item = Scope> {
    [Scope::All].into_iter().chain((0..MARKETS).map(|market| Scope::Only(InstrumentId(market))))
}

/// The correlated profile, then each market's.
fn kept(exposure: &Exposure) -> Vec<Profile> {
    let single = (0..MARKETS).map(|market| exposure.single(InstrumentId(market)));
    [exposure.correlated()].into_iter().chain(single).collect()
}

fn profiles(c: &mut Criterion) {
    let is_test = !std::env::args().any(|argument| argument == "--bench");
    let accounts = if is_test { 2_000 } else { 1_000_000 };
    let before = engine(accounts);
    let (mut exposure, built) = timed(|| Exposure::new(&before));
    let moved = |engine: &Engine, price: i64| {
        let mut engine = engine.clone();
        let applied = apply(&mut engine, vec![Event::Mark { instrument: MOVED, price: price as u64 }]);
        (engine, applied)
    };
    let (up, to_up) = moved(&before, UNIT + UNIT / 1_000);
    let (back, to_back) = moved(&up, UNIT);
    drop(before);
    let ((), refreshed) = timed(|| exposure.update(&up, &to_up));
    let (profiles, read) = timed(|| kept(&exposure));
    let (forced, by_force) = timed(|| up.profile_by_force(Scope::All));
    let (anew, one_anew) = timed(|| up.profile(Scope::All));
    assert_eq!((&profiles[0], &profiles[0]), (&forced, &anew));
    // The markets' own: one by force, the others as the tests show them equal to it.
    let ((), all_anew) =
        timed(|| scopes().zip(&profiles).for_each(|(scope, kept)| assert_eq!(&up.profile(scope), kept)));
    let (single, single_by_force) = timed(|| up.profile_by_force(Scope::Only(MOVED)));
    assert_eq!(profiles[1 + usize::from(MOVED.0)], single);
    let hash = blake3::hash(format!("{profiles:?}").as_bytes());
    println!("{accounts} accounts, {} shocks, {MARKETS} markets; profiles {}", STEPS.len(), hash.to_hex());
    let seconds = |time: Duration| time.as_secs_f64();
    println!(
        "correlated: by force {:.3} s, anew {:.3} s (1/{:.1})",
        seconds(by_force),
        seconds(one_anew),
        seconds(by_force) / seconds(one_anew)
    );
    println!(
        "one market ({} holders) by force {:.3} s; all nine profiles anew {:.3} s, filed {:.3} s",
        to_up.touched.len(),
        seconds(single_by_force),
        seconds(all_anew),
        seconds(built)
    );
    println!(
        "all nine at a mark of one market: kept {:.4} s, read {:.6} s, together 1/{:.0} of the correlated one by force; {} bytes an account",
        seconds(refreshed),
        seconds(read),
        seconds(by_force) / seconds(refreshed + read),
        exposure.bytes() as u64 / accounts
    );
    let mut group = c.benchmark_group("liquidation at risk");
    group.sample_size(10);
    group.bench_function("two marks, all profiles kept", |b| {
        b.iter(|| {
            exposure.update(&back, black_box(&to_back));
            exposure.update(&up, black_box(&to_up));
        })
    });
    group.bench_function("all profiles read", |b| b.iter(|| kept(black_box(&exposure))));
    group.finish();
    assert_eq!(kept(&exposure), profiles);
}

criterion_group!(benches, profiles);
criterion_main!(benches);
