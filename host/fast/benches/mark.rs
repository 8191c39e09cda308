//! A mark on the fast machine against the model's sweep, side by side in one run: ratios, and a hash of every answer.
//! Under `cargo test` it runs small; ratios are printed, never asserted.

use std::time::Instant;

use model::machine::{Capacity, Machine as Model};
use model::record::{self, FLAG_COMMIT, FLAG_HOLD, Record, fnv1a_64, input};

const S: u32 = 1_000_000;
const MARK: u64 = 60_000_000;
const INSTRUMENTS: usize = 4;

/// What is measured of a machine.
struct Timed<F> {
    execute: F,
    /// By mark.
    nanoseconds: Vec<u64>,
    hash: u64,
}

impl<F: FnMut(&Record, &mut Vec<Record>)> Timed<F> {
    fn mark(&mut self, record: &Record, out: &mut Vec<Record>) {
        out.clear();
        let start = Instant::now();
        (self.execute)(record, out);
        self.nanoseconds.push(start.elapsed().as_nanos() as u64);
        for answer in out {
            self.hash = self.hash.rotate_left(5) ^ fnv1a_64(&answer.0);
        }
    }

    /// Median, mean and 99th percentile.
    fn figures(&mut self) -> [f64; 3] {
        let times = &mut self.nanoseconds;
        times.sort_unstable();
        let at = |percent: usize| times[(times.len() - 1) * percent / 100] as f64;
        [at(50), times.iter().sum::<u64>() as f64 / times.len() as f64, at(99)]
    }
}

/// Accounts of four positions each, levered 2 to 20 times; `parked` puts every one right at its line.
fn records(accounts: u32, parked: bool) -> Vec<Record> {
    let mut records = vec![Record::new(&input::RESYNC, 0)];
    let setting = Record::new(&input::SETTING, 0).with(&record::INDEX, 0).with(&record::VALUE, S.into());
    records.push(setting);
    for instrument in 0..INSTRUMENTS as i128 {
        let of = |layout| Record::new(layout, 0).with(&record::INSTRUMENT, instrument);
        records.push(of(&input::TIER).with(&record::RATE, 5_000));
        let header = of(&input::INSTRUMENT)
            .with(&record::WEIGHT_LONG, S.into())
            .with(&record::WEIGHT_SHORT, S.into())
            .with(&record::BASE, instrument * i128::from(accounts))
            .with(&record::CAPACITY, accounts.into());
        let header = header.with(&record::PRICE_BITS, 32).with(&record::SIZE_BITS, 27);
        records.push(header.with(&record::TIER_COUNT, 1).flagged(FLAG_COMMIT));
        records.push(of(&input::MARK).with(&record::PRICE, MARK.into()));
    }
    let mut state = 41u64;
    for account in 0..accounts {
        let mut notional = 0i128;
        for instrument in 0..INSTRUMENTS as i128 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let size = i128::from((state >> 33) % 20_000) - 10_000;
            let size = if size == 0 { 1 } else { size };
            notional += size.abs() * i128::from(MARK);
            let position = Record::new(&input::POSITION, 0)
                .with(&record::INSTRUMENT, instrument)
                .with(&record::ACCOUNT, account.into())
                .with(&record::SLOT, account.into())
                .with(&record::SIZE, size);
            records.push(position.with(&record::CASH_DELTA, -size * i128::from(MARK)).flagged(FLAG_HOLD));
        }
        let margin = if parked { notional / 200 } else { notional / (2 + i128::from(state >> 40) % 19) };
        let cash = Record::new(&input::CASH, 0).with(&record::ACCOUNT, account.into());
        records.push(cash.with(&record::DELTA, margin));
    }
    records
}

fn run(accounts: u32, marks: u32, name: &str, parts: u64, parked: bool, json: &mut impl std::io::Write) {
    let rows = accounts as usize;
    let capacity = Capacity {
        lanes: 1,
        accounts_per_lane: rows,
        slots_per_lane: rows * INSTRUMENTS,
        instruments: INSTRUMENTS,
    };
    let (mut model, mut fast) = (Model::new(capacity), fast::Machine::new(capacity));
    let mut out = Vec::new();
    let mut sequence = 0u32;
    for record in records(accounts, parked) {
        let record = record.with(&record::SEQUENCE, sequence.into());
        sequence += 1;
        model.execute(&record, &mut out);
        fast.execute(&record, &mut out);
        out.clear();
    }
    let mut model = Timed { execute: |r: &_, o: &mut _| model.execute(r, o), nanoseconds: vec![], hash: 0 };
    let mut fast = Timed { execute: |r: &_, o: &mut _| fast.execute(r, o), nanoseconds: vec![], hash: 0 };
    let mut prices = [MARK; INSTRUMENTS];
    let mut state = 43u64;
    for at in 0..marks {
        let instrument = at as usize % INSTRUMENTS;
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let step = prices[instrument] * parts / 10_000;
        let rises =
            prices[instrument] < MARK * 9 / 10 || state >> 63 == 0 && prices[instrument] < MARK * 11 / 10;
        prices[instrument] = if rises { prices[instrument] + step } else { prices[instrument] - step };
        let record = Record::new(&input::MARK, sequence)
            .with(&record::INSTRUMENT, instrument as i128)
            .with(&record::PRICE, prices[instrument].into());
        sequence += 1;
        model.mark(&record, &mut out);
        fast.mark(&record, &mut out);
    }
    assert_eq!(model.hash, fast.hash, "a flag is missed or spurious");
    let (hash, sweep, zones) = (fast.hash, model.figures(), fast.figures());
    let ratios: Vec<String> =
        sweep.iter().zip(&zones).map(|(sweep, zone)| format!("{:.1}", sweep / zone)).collect();
    println!(
        "{accounts} accounts, {name}: x {} faster (p50, mean, p99), hash {hash:016x}",
        ratios.join(", ")
    );
    let line = format!(
        r#"{{"bench":"mark","accounts":{accounts},"move":"{name}","model_ns":{sweep:?},"fast_ns":{zones:?}}}"#
    );
    writeln!(json, "{line}").expect("target is writable");
}

fn main() {
    let full = std::env::args().any(|argument| argument == "--bench");
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load {}", load.trim());
    let mut json: Box<dyn std::io::Write> = if full {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/bench");
        std::fs::create_dir_all(folder).expect("target is writable");
        Box::new(std::fs::File::create(format!("{folder}/fast-mark.jsonl")).expect("target is writable"))
    } else {
        Box::new(std::io::sink())
    };
    let sizes: &[(u32, u32)] =
        if full { &[(10_000, 400), (100_000, 120), (1_000_000, 40)] } else { &[(300, 40)] };
    for &(accounts, marks) in sizes {
        for (name, parts) in [("1 bp", 1), ("10 bp", 10), ("1 %", 100), ("10 %", 1_000)] {
            run(accounts, marks, name, parts, false, &mut json);
        }
        run(accounts, marks, "1 bp, every account parked at its line", 1, true, &mut json);
    }
}
