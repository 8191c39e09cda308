//! Liquidation-at-risk profiles of many accounts: by force, computed anew, and kept up to date at a mark. All must be the same profile.
//!
//! Small under `cargo test`; a million accounts with `cargo bench`.

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use engine::Engine;
use engine::event::{AccountId, Event, InstrumentId, Round};
use engine::exposure::{Exposure, Profile, Scope};
use engine::rules::{InstrumentSpec, Rules};

const MARKETS: u16 = 8;
const UNIT: i64 = 1_000_000;

/// Accounts with one to three positions at 2 to 60 times their collateral, in eight markets; made from their number alone.
fn engine(accounts: u64) -> Engine {
    let spec = |market: u16| InstrumentSpec {
        brackets: vec![(0, 5_000), (50_000_000_000, 10_000), (250_000_000_000, 25_000)],
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
    for first in (0..accounts).step_by(4_096) {
        let mut events = Vec::new();
        for number in first..accounts.min(first + 4_096) {
            let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
            let (account, positions) = (AccountId(number), 1 + mixed % 3);
            let lots = 1 + (mixed >> 8) as i64 % 40_000;
            let collateral = lots * positions as i64 * UNIT / (2 + (mixed >> 40) as i64 % 59);
            events.push(Event::Deposited { account, quanta: collateral });
            for position in 0..positions {
                let instrument = InstrumentId(((mixed >> 16) as u16 + 3 * position as u16) % MARKETS);
                let lots = if mixed >> (20 + position) & 1 == 0 { lots } else { -lots };
                events.push(Event::Traded { account, instrument, lots, quote: -lots * UNIT });
            }
        }
        apply(&mut engine, events);
    }
    engine
}

fn apply(engine: &mut Engine, events: Vec<Event>) -> Vec<usize> {
    let applied = engine.apply(&Round { time_ms: 1_000, first_sequence: 0, events });
    assert_eq!(applied.refused, []);
    applied.touched
}

fn profiles(c: &mut Criterion) {
    let is_test = !std::env::args().any(|argument| argument == "--bench");
    let accounts = if is_test { 2_000 } else { 1_000_000 };
    let mut ready = engine(accounts);
    let started = Instant::now();
    let mut exposure = Exposure::new(&ready);
    let built = started.elapsed();
    let (instrument, price) = (InstrumentId(3), UNIT as u64 * 1_001 / 1_000);
    let touched = apply(&mut ready, vec![Event::Mark { instrument, price }]);
    let started = Instant::now();
    exposure.update(&ready, touched.iter().copied());
    let refreshed = started.elapsed();
    let started = Instant::now();
    let forced = ready.profile_by_force(Scope::All);
    let by_force = started.elapsed();
    let singles: Vec<Profile> =
        (0..MARKETS).map(|market| ready.profile_by_force(Scope::Only(InstrumentId(market)))).collect();
    let all_by_force = started.elapsed();
    assert_eq!(exposure.correlated(), &forced);
    for (market, single) in (0..MARKETS).map(InstrumentId).zip(&singles) {
        assert_eq!(exposure.single(market), single);
    }
    let text = format!("{:?}{singles:?}", exposure.correlated());
    println!(
        "{accounts} accounts, 40 shocks, {MARKETS} markets; all profiles {}",
        blake3::hash(text.as_bytes()).to_hex()
    );
    println!(
        "by force {:.3} s correlated, {:.3} s with the single ones; anew {:.3} s, all; at a mark of one market ({} holders) {:.3} s, all; kept {} bytes",
        by_force.as_secs_f64(),
        all_by_force.as_secs_f64(),
        built.as_secs_f64(),
        touched.len(),
        refreshed.as_secs_f64(),
        exposure.bytes()
    );
    let mut group = c.benchmark_group("liquidation at risk");
    group.sample_size(10);
    group
        .bench_function("correlated, by force", |b| b.iter(|| black_box(ready.profile_by_force(Scope::All))));
    group.bench_function("correlated, anew", |b| b.iter(|| black_box(ready.profile(Scope::All))));
    group.bench_function("all profiles, at a mark", |b| {
        b.iter(|| exposure.update(&ready, black_box(&touched).iter().copied()))
    });
    group.finish();
}

criterion_group!(benches, profiles);
criterion_main!(benches);
