//! Marks on the fast machine, on the model, and a full check of every account, side by side in one run; the hash of all answers is the same.
//!
//! Small under `cargo test`. Ratios are printed, never asserted; that fast machine and model answer alike is.

mod common;

use std::io::Write;
use std::time::{Duration, Instant};

use common::{Draw, MARK, mark};
use criterion::{Criterion, criterion_group, criterion_main};
use model::machine::{Capacity, Machine as Model};
use model::record::{self, Record, input};

const INSTRUMENTS: u32 = 4;
/// How long each machine may take for a row of the table; the model, which is slower, sees the first of the marks.
const ROW: Duration = Duration::from_secs(2);
const MARKS_MAX: usize = 2_000;
/// Accounts beyond which the model is left out: its memory.
const MODEL_MAX: u32 = 1_000_000;

#[derive(Clone)]
struct Machines {
    model: Option<Model>,
    fast: fast::Machine,
    sequence: u32,
}

impl Machines {
    fn of(accounts: u32, parked: bool) -> Self {
        let capacity = Capacity {
            lanes: 1,
            accounts_per_lane: accounts as usize,
            slots_per_lane: (accounts * INSTRUMENTS) as usize,
            instruments: INSTRUMENTS as usize,
        };
        let model = (accounts <= MODEL_MAX).then(|| Model::new(capacity));
        let fast = fast::Machine::checked(capacity).expect("memory for the bench");
        let (mut machines, mut out) = (Self { model, fast, sequence: 0 }, Vec::new());
        let mut each = |record: Record| {
            let record = machines.numbered(record);
            if let Some(model) = &mut machines.model {
                model.execute(&record, &mut out);
            }
            machines.fast.execute(&record, &mut out);
            out.clear();
        };
        common::setup(INSTRUMENTS, accounts).into_iter().for_each(&mut each);
        common::accounts(accounts, INSTRUMENTS, parked, &mut each);
        machines
    }

    fn numbered(&mut self, record: Record) -> Record {
        self.sequence = self.sequence.wrapping_add(1);
        record.with(&record::SEQUENCE, (self.sequence - 1).into())
    }
}

/// A row of the table: how far the mark moves, of one instrument or of all at a time.
struct Row {
    name: &'static str,
    bp: u64,
    together: bool,
    parked: bool,
}

fn run(machines: &mut Machines, accounts: u32, row: &Row, marks_max: usize, json: &mut dyn Write) {
    let (mut model_times, mut fast_times) = (Vec::new(), Vec::new());
    let (mut model_hash, mut fast_hash) = (0, 0);
    let mut prices = [MARK; INSTRUMENTS as usize];
    let (mut draw, mut out) = (Draw(43), Vec::new());
    let (mut model_spent, mut fast_spent, mut compared) = (Duration::ZERO, Duration::ZERO, 0);
    for at in 0..marks_max {
        if fast_spent > ROW {
            break;
        }
        let up = draw.below(2) == 0;
        let first = if row.together { 0 } else { at as u32 % INSTRUMENTS };
        let mut tick = Vec::new();
        for instrument in first..if row.together { INSTRUMENTS } else { first + 1 } {
            let price = &mut prices[instrument as usize];
            let step = *price * row.bp / 10_000;
            let rises = *price < MARK * 3 / 4 || up && *price < MARK * 5 / 4;
            *price = if rises { *price + step } else { *price - step };
            tick.push(machines.numbered(mark(instrument, *price)));
        }
        out.clear();
        let start = Instant::now();
        machines.fast.execute_all(&tick, &mut out);
        fast_spent += start.elapsed();
        fast_times.push(start.elapsed().as_nanos() as u64);
        fast_hash = common::hash(fast_hash, &out);
        if let Some(model) = machines.model.as_mut().filter(|_| model_spent < ROW) {
            out.clear();
            let start = Instant::now();
            tick.iter().for_each(|record| model.execute(record, &mut out));
            model_spent += start.elapsed();
            model_times.push(start.elapsed().as_nanos() as u64);
            model_hash = common::hash(model_hash, &out);
            compared = fast_hash;
        }
    }
    assert!(machines.model.is_none() || model_hash == compared, "a flag is missed or spurious");
    // What the fast machine does for every account when asked to compare all of them: a setting that is what it was.
    let mut full_times: Vec<u64> = (0..20)
        .map(|_| {
            let setting = machines.numbered(
                Record::new(&input::SETTING, 0).with(&record::INDEX, record::SETTING_EQUALITY.into()),
            );
            out.clear();
            let start = Instant::now();
            machines.fast.execute(&setting, &mut out);
            assert_eq!(out.len(), 1, "nobody is at another severity than was flagged");
            start.elapsed().as_nanos() as u64 * if row.together { u64::from(INSTRUMENTS) } else { 1 }
        })
        .collect();
    let scope = if row.together { "all together" } else { "one instrument" };
    let population = if row.parked { "parked on the line" } else { "spread" };
    // Of the marks that both saw; of all where the model was left out.
    let fast_hash = if machines.model.is_some() { compared } else { fast_hash };
    let mut tell = |way: &str, times: &mut Vec<u64>, hash: u64| {
        if times.is_empty() {
            return [f64::NAN; 3];
        }
        let [p50, mean, p99] = common::quantiles(times);
        let line = format!(
            r#"{{"bench":"mark","accounts":{accounts},"move":"{}","move_bp":{},"scope":"{scope}","population":"{population}","way":"{way}","marks":{},"p50_ns":{p50:.0},"mean_ns":{mean:.0},"p99_ns":{p99:.0},"hash":"{hash:016x}"}}"#,
            row.name,
            row.bp,
            times.len()
        );
        writeln!(json, "{line}").expect("target is writable");
        [p50, mean, p99]
    };
    let zones = tell("zones", &mut fast_times, fast_hash);
    let full = tell("full check of every account", &mut full_times, fast_hash);
    let model = tell("model", &mut model_times, model_hash);
    let times = |of: [f64; 3]| {
        if of[0].is_nan() {
            return "not measured".to_owned();
        }
        let ratios: Vec<String> =
            of.iter().zip(zones).map(|(of, zones)| format!("{:.1}", of / zones)).collect();
        ratios.join(" / ")
    };
    println!(
        "{accounts} accounts, {}, {scope}, {population}: {:.1} us in the median; times faster than the model: {}, than a full check: {} (p50 / mean / p99); {} marks, hash {fast_hash:016x}",
        row.name,
        zones[0] / 1e3,
        times(model),
        times(full),
        fast_times.len()
    );
}

fn marks(criterion: &mut Criterion) {
    let mut json = common::figures("mark");
    let full = common::is_full();
    let sizes: &[u32] = if full { &[10_000, 100_000, 1_000_000, 10_000_000] } else { &[300] };
    let moves = [("1 bp", 1), ("10 bp", 10), ("1 %", 100), ("10 %", 1_000)];
    for &accounts in sizes {
        let loaded = Machines::of(accounts, false);
        let marks_max = if full { MARKS_MAX } else { 40 };
        for together in [false, true] {
            for (name, bp) in moves {
                if accounts > MODEL_MAX && (together || bp > 10) {
                    continue;
                }
                let mut machines = loaded.clone();
                run(
                    &mut machines,
                    accounts,
                    &Row { name, bp, together, parked: false },
                    marks_max,
                    &mut *json,
                );
            }
        }
        drop(loaded);
        if accounts <= MODEL_MAX {
            let mut parked = Machines::of(accounts, true);
            let row = Row { name: "1 bp", bp: 1, together: false, parked: true };
            run(&mut parked, accounts, &row, marks_max, &mut *json);
        }
    }
    let mut machines = Machines::of(if full { 100_000 } else { 300 }, false);
    let (mut price, mut out) = (MARK, Vec::new());
    let mut group = criterion.benchmark_group("mark of 1 bp up and down, 100,000 accounts");
    group.sample_size(10).measurement_time(Duration::from_secs(1));
    group.bench_function("zones", |bencher| {
        bencher.iter(|| {
            price = if price == MARK { MARK + MARK / 10_000 } else { MARK };
            out.clear();
            let record = machines.numbered(mark(0, price));
            machines.fast.execute(&record, &mut out);
        });
    });
    group.finish();
}

criterion_group!(benches, marks);
criterion_main!(benches);
