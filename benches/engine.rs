//! From a flag to the first order, and a burst of bankruptcies with the closes that carry it: in one event, and account by account.
//!
//! Small under `cargo test`. Both ways must leave the same money with the same people in sum; it is compared, and the state's hash printed.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use engine::Engine;
use engine::event::{AccountId, Command, Event, Flag, InstrumentId, Round};
use engine::rules::{InstrumentSpec, Rules};

const MARKET: InstrumentId = InstrumentId(0);
const UNIT: i64 = 1_000_000;
/// Liquidations and closes of counterparties at one timestamp on 2025-10-10, as published.
const BURST: u64 = 11_279;

/// Accounts that are `short` or long by `lots` each at a price of one unit, numbered from `first`.
struct Crowd {
    first: u64,
    count: u64,
    lots: i64,
    collateral: i64,
}

fn engine(crowds: &[Crowd]) -> Engine {
    let spec = InstrumentSpec {
        brackets: vec![(0, 5_000)],
        fee: 1_500,
        slippage: 1_000,
        limit_band: 20_000,
        ..InstrumentSpec::plain("BTC", 1_000_000)
    };
    let mut rules = Rules::default();
    rules.close_factor.above = u64::MAX;
    let mut engine = Engine::new(rules).expect("sound rules");
    let mut events = vec![
        Event::Listed { instrument: MARKET, spec: spec.into() },
        Event::Mark { instrument: MARKET, price: UNIT as u64 },
    ];
    for crowd in crowds {
        for account in (crowd.first..crowd.first + crowd.count).map(AccountId) {
            events.push(Event::Deposited { account, quanta: crowd.collateral });
            events.push(Event::Traded {
                account,
                instrument: MARKET,
                lots: crowd.lots,
                quote: -crowd.lots * UNIT,
            });
        }
    }
    let applied = engine.apply(&Round { time_ms: 0, first_sequence: 0, events });
    assert_eq!(applied.refused, []);
    engine
}

fn round(engine: &mut Engine, events: Vec<Event>) {
    let applied = engine.apply(&Round { time_ms: 1_000, first_sequence: 1 << 32, events });
    assert_eq!(applied.refused, []);
}

/// Every account judged, as the device would.
fn flags(engine: &Engine) -> Vec<Flag> {
    let judged = engine.ledger().by_id().map(|(account, index)| (account, engine.exact(index)));
    judged
        .filter(|(_, exact)| exact.severity as u8 >= 2)
        .map(|(account, exact)| Flag {
            sequence: 1 << 32,
            account,
            severity_old: 0,
            severity_new: exact.severity as u8,
            equity: exact.equity,
            requirement: exact.requirement,
        })
        .collect()
}

fn first_order(c: &mut Criterion) {
    let others = Crowd { first: 1_000, count: 10_000, lots: 1_000, collateral: 1_000 * UNIT };
    let mut ready = engine(&[Crowd { first: 7, count: 1, lots: 100_000, collateral: 1_100 * UNIT }, others]);
    round(&mut ready, vec![Event::Mark { instrument: MARKET, price: 993_500 }]);
    let flags = flags(&ready);
    assert_eq!(flags.len(), 1);
    c.bench_function("flag to first order", |b| {
        b.iter_batched_ref(
            || ready.clone(),
            |engine| {
                let decided = engine.decide(black_box(&flags)).expect("flags of open accounts");
                assert!(matches!(decided.commands[..], [Command::PlaceOrder { .. }]));
                decided
            },
            BatchSize::PerIteration,
        );
    });
}

fn burst(c: &mut Criterion) {
    let is_test = !std::env::args().any(|argument| argument == "--bench");
    let count = if is_test { 64 } else { BURST };
    let mut ready = engine(&[
        Crowd { first: 1, count, lots: 1_000, collateral: 15 * UNIT },
        Crowd { first: 1 << 20, count, lots: -1_000, collateral: 1_000 * UNIT },
    ]);
    round(&mut ready, vec![Event::Mark { instrument: MARKET, price: 980_000 }]);
    let accounts: Vec<AccountId> = flags(&ready).into_iter().map(|flag| flag.account).collect();
    assert_eq!(accounts.len() as u64, count);
    let whole = |mut engine: Engine| {
        round(&mut engine, vec![Event::Bankrupted { accounts: accounts.clone() }]);
        engine
    };
    let one_by_one = |mut engine: Engine| {
        round(
            &mut engine,
            accounts.iter().map(|&account| Event::Bankrupted { accounts: vec![account] }).collect(),
        );
        engine
    };
    let [one, many] = [whole(ready.clone()), one_by_one(ready.clone())];
    assert_eq!((one.counters().haircuts, one.bad_debt()), (many.counters().haircuts, many.bad_debt()));
    println!(
        "burst of {count} bankruptcies: haircuts {}, state {}",
        one.counters().haircuts,
        hex(&one.state_hash())
    );
    println!(
        "closes of counterparties: {} in one event, {} account by account",
        one.counters().deleveraged,
        many.counters().deleveraged
    );
    let mut group = c.benchmark_group("burst of bankruptcies");
    group.sample_size(10);
    group.bench_function("in one event", |b| b.iter_batched(|| ready.clone(), whole, BatchSize::LargeInput));
    group.bench_function("account by account", |b| {
        b.iter_batched(|| ready.clone(), one_by_one, BatchSize::LargeInput)
    });
    group.finish();
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

criterion_group!(benches, first_order, burst);
criterion_main!(benches);
