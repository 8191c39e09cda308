//! The full check of an account against the ways that are usual, updates with their check, the sweep of a million accounts against a stream of memory, and
//! a count of verdicts that agree with the model's.
//!
//! Small under `cargo test`. Every way must find the same accounts below their line, but for the two in floating point, whose misses are counted.

mod common;

use std::cell::RefCell;
use std::collections::HashMap;
use std::hint::black_box;
use std::io::Write;
use std::time::{Duration, Instant};

use common::{Draw, MARK, S, TIERS, mark};
use criterion::{Criterion, criterion_group, criterion_main};
use fast::Simd;
use model::machine::{Capacity, Machine as Model};
use model::margin::{self, Rungs, Severity, Weights};
use model::record::{self, FLAG_HOLD, Record, fnv1a_64, input, output};
use model::tier::TierTable;
use model::units::{Price, Scale, Size};
use rust_decimal::Decimal;

/// Accounts of a cached check: all ways have them in the processor's caches.
const CACHED: u32 = 128;

struct Held {
    cash: i64,
    positions: Vec<(u32, i64)>,
}

/// Accounts with so many positions each, a tenth of them about at their line.
fn held(positions: u32) -> Vec<Held> {
    let mut draw = Draw(7);
    (0..CACHED)
        .map(|_| {
            let of = |draw: &mut Draw, instrument| {
                let lots = draw.lots(13) as i64;
                (instrument, if draw.below(2) == 0 { lots } else { -lots })
            };
            let positions: Vec<(u32, i64)> =
                (0..positions).map(|instrument| of(&mut draw, instrument)).collect();
            let value: i64 = positions.iter().map(|&(_, lots)| lots * MARK as i64).sum();
            let notional: i64 = positions.iter().map(|&(_, lots)| lots.abs() * MARK as i64).sum();
            let margin = notional / (5 + draw.below(400) as i64);
            Held { cash: margin - value, positions }
        })
        .collect()
}

/// The machine with these accounts; a walk over all of them is what is timed.
struct Walk {
    machine: fast::Machine,
    sequence: u32,
    out: Vec<Record>,
}

impl Walk {
    fn new(accounts: &[Held], instruments: u32, simd: Simd) -> Self {
        let capacity = Capacity {
            lanes: 1,
            accounts_per_lane: accounts.len(),
            slots_per_lane: accounts.len() * instruments as usize,
            instruments: instruments as usize,
        };
        let machine = fast::Machine::new(capacity).with_simd(simd);
        let mut walk = Self { machine, sequence: 0, out: Vec::new() };
        common::setup(instruments, accounts.len() as u32).into_iter().for_each(|record| walk.send(record));
        for (at, account) in accounts.iter().enumerate() {
            let cash = Record::new(&input::CASH, 0).with(&record::ACCOUNT, at as i128);
            walk.send(cash.with(&record::DELTA, account.cash.into()).flagged(FLAG_HOLD));
            for &(instrument, lots) in &account.positions {
                let position = Record::new(&input::POSITION, 0)
                    .with(&record::INSTRUMENT, instrument.into())
                    .with(&record::ACCOUNT, at as i128)
                    .with(&record::SLOT, at as i128)
                    .with(&record::SIZE, lots.into());
                walk.send(position);
            }
        }
        assert_eq!(walk.machine.census().wide, 0);
        walk
    }

    fn send(&mut self, record: Record) {
        self.machine.execute(&record.with(&record::SEQUENCE, self.sequence.into()), &mut self.out);
        self.sequence = self.sequence.wrapping_add(1);
    }

    /// Compares every account; a setting that is what it was asks for it.
    fn all(&mut self) {
        self.out.clear();
        self.send(Record::new(&input::SETTING, 0).with(&record::INDEX, record::SETTING_EQUALITY.into()));
    }

    /// Accounts below their line.
    fn below(&mut self, accounts: usize) -> u64 {
        let mut below = 0;
        for account in 0..accounts {
            self.out.clear();
            self.send(Record::new(&input::READBACK, 0).with(&record::ACCOUNT, account as i128));
            below += u64::from(record::SEVERITY_NEW.get(&self.out[0]) >= Severity::Liquidatable as i128);
        }
        below
    }
}

/// In integers of 128 bits, with the model's own functions.
fn exact(accounts: &[Held], marks: &[Price], tables: &[TierTable]) -> u64 {
    let weights = Weights { long: S, short: S };
    let mut below = 0;
    for account in accounts {
        let (mut equity, mut requirement) = (i128::from(account.cash) * i128::from(S), 0);
        for &(instrument, lots) in &account.positions {
            let (size, mark) = (Size::new(lots).expect("small"), marks[instrument as usize]);
            equity += margin::value(size, mark, weights);
            requirement += margin::requirement(size, mark, tables[instrument as usize].steps());
        }
        let severity = margin::severity(equity, requirement, 0, &Rungs::RESET);
        below += u64::from(severity >= Severity::Liquidatable);
    }
    below
}

/// Floor, rate and deduction, in the number that people take.
type Brackets<N> = Vec<(N, N, N)>;

macro_rules! usual {
    ($name:ident, $number:ty, $zero:expr, $of:expr) => {
        /// As an in-house engine has it: positions with a number for the size, a lookup of the mark, a search of the bracket.
        struct $name {
            cash: $number,
            positions: Vec<(u32, $number)>,
        }

        impl $name {
            fn new(account: &Held) -> Self {
                let positions = account.positions.iter().map(|&(at, lots)| (at, $of(lots))).collect();
                Self { cash: $of(account.cash), positions }
            }

            #[inline]
            fn is_below<'a>(&self, of: impl Fn(u32) -> (&'a $number, &'a Brackets<$number>)) -> bool {
                let (mut equity, mut requirement) = (self.cash, $zero);
                for (instrument, size) in &self.positions {
                    let (mark, brackets) = of(*instrument);
                    let value = *size * *mark;
                    let notional = value.abs();
                    let bracket = brackets.iter().rev().find(|bracket| bracket.0 <= notional);
                    let (_, rate, deduction) = bracket.expect("the first bracket begins at zero");
                    equity += value;
                    requirement += notional * *rate - *deduction;
                }
                equity < requirement
            }
        }
    };
}

usual!(Float, f64, 0.0, |lots: i64| lots as f64);
usual!(Exact, Decimal, Decimal::ZERO, Decimal::from);

fn brackets<N: Copy + std::ops::Add<Output = N> + std::ops::Mul<Output = N> + std::ops::Sub<Output = N>>(
    of: impl Fn(u64, u32) -> (N, N),
    zero: N,
) -> Brackets<N> {
    let mut all: Brackets<N> = Vec::new();
    for (floor, rate) in TIERS {
        let (floor, rate) = of(floor, rate);
        let deduction = all.last().map_or(zero, |below| below.2 + floor * (rate - below.1));
        all.push((floor, rate, deduction));
    }
    all
}

/// Its name, whether it is ours and exact, and a check of all accounts that gives how many are below their line.
type Way<'a> = (String, bool, bool, Box<dyn FnMut() -> u64 + 'a>);

fn full_check(criterion: &mut Criterion, json: &mut dyn Write) {
    for positions in [1, 4, 8, 16] {
        let accounts = held(positions);
        let scale = Scale::new(S).expect("in range");
        let tables = vec![TierTable::new(scale, &TIERS).expect("sound"); positions as usize];
        let marks = vec![Price::new(MARK).expect("in range"); positions as usize];
        let floats: Vec<Float> = accounts.iter().map(Float::new).collect();
        let decimals: Vec<Exact> = accounts.iter().map(Exact::new).collect();
        let float_brackets = vec![
            brackets(|floor, rate| (floor as f64, f64::from(rate) / f64::from(S)), 0.0);
            positions as usize
        ];
        let decimal_rate = |floor: u64, rate: u32| (Decimal::from(floor), Decimal::new(rate.into(), 6));
        let decimal_brackets = vec![brackets(decimal_rate, Decimal::ZERO); positions as usize];
        let float_marks = vec![MARK as f64; positions as usize];
        let decimal_marks = vec![Decimal::from(MARK); positions as usize];
        let float_map: HashMap<u32, (f64, Brackets<f64>)> =
            (0..positions).map(|at| (at, (MARK as f64, float_brackets[0].clone()))).collect();
        let decimal_map: HashMap<u32, (Decimal, Brackets<Decimal>)> =
            (0..positions).map(|at| (at, (Decimal::from(MARK), decimal_brackets[0].clone()))).collect();

        let below = exact(&accounts, &marks, &tables);
        let walks: Vec<(Simd, RefCell<Walk>)> = Simd::here()
            .into_iter()
            .map(|simd| (simd, RefCell::new(Walk::new(&accounts, positions, simd))))
            .collect();
        let float_vec = || {
            let of = |at: u32| (&float_marks[at as usize], &float_brackets[at as usize]);
            floats.iter().map(|account| u64::from(account.is_below(of))).sum::<u64>()
        };
        let float_hash = || {
            let of = |at: u32| (&float_map[&at].0, &float_map[&at].1);
            floats.iter().map(|account| u64::from(account.is_below(of))).sum::<u64>()
        };
        let decimal_vec = || {
            let of = |at: u32| (&decimal_marks[at as usize], &decimal_brackets[at as usize]);
            decimals.iter().map(|account| u64::from(account.is_below(of))).sum::<u64>()
        };
        let decimal_hash = || {
            let of = |at: u32| (&decimal_map[&at].0, &decimal_map[&at].1);
            decimals.iter().map(|account| u64::from(account.is_below(of))).sum::<u64>()
        };
        for (simd, walk) in &walks {
            assert_eq!(walk.borrow_mut().below(accounts.len()), below, "{simd:?}");
        }
        assert_eq!((decimal_vec(), decimal_hash()), (below, below));
        assert_eq!(
            float_vec().abs_diff(below) + float_hash().abs_diff(below),
            0,
            "far from the lines f64 is right"
        );

        let mut ways: Vec<Way> = Vec::new();
        for (simd, walk) in &walks {
            let way = Box::new(|| {
                walk.borrow_mut().all();
                below
            });
            ways.push((format!("packed, i64, {simd:?}"), true, true, way));
        }
        ways.push(("i128, Vec".into(), false, true, Box::new(|| exact(&accounts, &marks, &tables))));
        ways.push(("f64, Vec".into(), false, false, Box::new(float_vec)));
        ways.push(("f64, HashMap".into(), false, false, Box::new(float_hash)));
        ways.push(("rust_decimal, Vec".into(), false, true, Box::new(decimal_vec)));
        ways.push(("rust_decimal, HashMap".into(), false, true, Box::new(decimal_hash)));
        let mut group = criterion.benchmark_group(format!("full check of {positions} positions"));
        group
            .sample_size(10)
            .nresamples(1_001)
            .warm_up_time(Duration::from_millis(100))
            .measurement_time(Duration::from_millis(500));
        let mut figures = Vec::new();
        for (way, is_ours, is_exact, check) in &mut ways {
            let mut best = f64::MAX;
            group.throughput(criterion::Throughput::Elements(CACHED.into()));
            group.bench_function(way.as_str(), |bencher| {
                bencher.iter_custom(|iterations| {
                    let start = Instant::now();
                    (0..iterations).for_each(|_| assert_eq!(black_box(check()), below));
                    let time = start.elapsed();
                    best = best.min(time.as_nanos() as f64 / iterations as f64 / f64::from(CACHED));
                    time
                });
            });
            let line = format!(
                r#"{{"bench":"check","positions":{positions},"way":"{way}","ours":{is_ours},"exact":{is_exact},"ns":{best:.2},"hash":"{below}"}}"#
            );
            writeln!(json, "{line}").expect("target is writable");
            figures.push((way.clone(), best));
        }
        group.finish();
        let ours = figures.iter().map(|figure| figure.1).take(walks.len()).fold(f64::MAX, f64::min);
        for (way, ns) in figures {
            println!(
                "{positions} positions, {way}: {ns:.1} ns an account, {:.1} x ours; {below} below",
                ns / ours
            );
        }
    }
}

/// Random updates, each with its check, of many accounts.
fn updates(json: &mut dyn Write) {
    let full = common::is_full();
    let sizes: &[u32] = if full { &[10_000, 100_000, 1_000_000] } else { &[300] };
    for &accounts in sizes {
        const INSTRUMENTS: u32 = 4;
        let capacity = Capacity {
            lanes: 1,
            accounts_per_lane: accounts as usize,
            slots_per_lane: (accounts * INSTRUMENTS) as usize,
            instruments: INSTRUMENTS as usize,
        };
        let mut machine = fast::Machine::checked(capacity).expect("memory for the bench");
        let mut model = Model::new(capacity);
        let (mut sequence, mut out) = (0u32, Vec::new());
        let mut owners = vec![0; accounts as usize];
        let mut numbered = |record: Record| {
            sequence += 1;
            record.with(&record::SEQUENCE, (sequence - 1).into())
        };
        let mut load: Vec<Record> = common::setup(INSTRUMENTS, accounts);
        common::accounts(accounts, INSTRUMENTS, false, |record| {
            if record.op() == input::POSITION.op {
                owners[record::SLOT.get(&record) as usize] = record.account();
            }
            load.push(record);
        });
        for record in load {
            let record = numbered(record);
            machine.execute(&record, &mut out);
            model.execute(&record, &mut out);
            out.clear();
        }
        let mut draw = Draw(3);
        let mut updates = |count: usize| -> Vec<Record> {
            let one = |_| {
                let slot = draw.below(accounts.into());
                let size = 1 + draw.below(1_000) as i128;
                let position = Record::new(&input::POSITION, 0)
                    .with(&record::INSTRUMENT, draw.below(INSTRUMENTS.into()).into())
                    .with(&record::ACCOUNT, owners[slot as usize].into())
                    .with(&record::SLOT, slot.into());
                numbered(position.with(&record::SIZE, size))
            };
            (0..count).map(one).collect()
        };
        let count = if full { 200_000 } else { 500 };
        let (mut times, mut hashes) = ([f64::MAX; 3], [0; 2]);
        for _ in 0..5 {
            // The model gets every record, so that it stays what the machine is.
            for prefetched in [true, false] {
                let records = updates(count);
                let mut answers = Vec::new();
                let start = Instant::now();
                if prefetched {
                    machine.execute_all(&records, &mut answers);
                } else {
                    records.iter().for_each(|record| machine.execute(record, &mut answers));
                }
                let at = usize::from(!prefetched);
                times[at] = times[at].min(start.elapsed().as_nanos() as f64 / count as f64);
                let mut expected = Vec::new();
                let start = Instant::now();
                records.iter().for_each(|record| model.execute(record, &mut expected));
                times[2] = times[2].min(start.elapsed().as_nanos() as f64 / count as f64);
                hashes = [common::hash(hashes[0], &answers), common::hash(hashes[1], &expected)];
            }
        }
        assert_eq!(hashes[0], hashes[1], "a flag is missed or spurious");
        for (way, ns) in ["prefetched", "not prefetched", "model"].into_iter().zip(times) {
            println!(
                "{accounts} accounts, POSITION with its check, {way}: {ns:.1} ns; hash {:016x}",
                hashes[0]
            );
            let hash = hashes[0];
            let line = format!(
                r#"{{"bench":"update","accounts":{accounts},"way":"{way}","ns":{ns:.1},"hash":"{hash:016x}"}}"#
            );
            writeln!(json, "{line}").expect("target is writable");
        }
        sweep(accounts, &mut machine, numbered, json);
    }
}

/// Thousandths that all marks move by, of a profile of liquidation at risk.
const SHOCKS: [i32; 20] =
    [-500, -400, -300, -200, -150, -100, -80, -60, -40, -20, 20, 40, 60, 80, 100, 150, 200, 300, 400, 500];

/// A check of every account, at the marks and at shocked ones, beside reading as many bytes and adding them up.
fn sweep(
    accounts: u32,
    machine: &mut fast::Machine,
    mut numbered: impl FnMut(Record) -> Record,
    json: &mut dyn Write,
) {
    const BYTES: usize = 40;
    let words = vec![1u64; accounts as usize * BYTES / 8];
    let (mut best, mut stream) = (f64::MAX, f64::MAX);
    for _ in 0..20 {
        let setting = Record::new(&input::SETTING, 0).with(&record::INDEX, record::SETTING_EQUALITY.into());
        let (setting, mut out) = (numbered(setting), Vec::new());
        let start = Instant::now();
        machine.execute(&setting, &mut out);
        best = best.min(start.elapsed().as_nanos() as f64);
        let start = Instant::now();
        black_box(black_box(&words).iter().fold(0u64, |sum, &word| sum.wrapping_add(word)));
        stream = stream.min(start.elapsed().as_nanos() as f64);
    }
    let mut profile = f64::MAX;
    let mut at_risk = Vec::new();
    for _ in 0..5 {
        let start = Instant::now();
        at_risk = SHOCKS.map(|permille| machine.at_risk(&[permille; 4]).accounts).to_vec();
        profile = profile.min(start.elapsed().as_nanos() as f64 / SHOCKS.len() as f64);
    }
    let hash = fnv1a_64(format!("{at_risk:?}").as_bytes());
    for (what, best) in [("each checked", best), ("each at a shocked mark, of a profile", profile)] {
        let each = best / f64::from(accounts);
        let rate = |time: f64| f64::from(accounts) * BYTES as f64 / time;
        println!(
            "{accounts} accounts, {what}: {each:.1} ns an account, {:.1} GB/s; a stream of as many bytes {:.1} GB/s; hash of the profile {hash:016x}",
            rate(best),
            rate(stream)
        );
        let line = format!(
            r#"{{"bench":"sweep","accounts":{accounts},"layout":"40 bytes, {what}","ns_per_account":{each:.2},"gb_per_s":{:.2},"stream_gb_per_s":{:.2}}}"#,
            rate(best),
            rate(stream)
        );
        writeln!(json, "{line}").expect("target is writable");
    }
}

/// Verdicts of the two machines under marks of every size, until so many were given; each is compared by its FLAGs and by all read back at the end.
fn truth(json: &mut dyn Write) {
    const INSTRUMENTS: u32 = 4;
    let (accounts, checks) = if common::is_full() { (50_000u32, 1_000_000_000u64) } else { (300, 100_000) };
    let capacity = Capacity {
        lanes: 1,
        accounts_per_lane: accounts as usize,
        slots_per_lane: (accounts * INSTRUMENTS) as usize,
        instruments: INSTRUMENTS as usize,
    };
    let (mut machine, mut model) = (fast::Machine::new(capacity), Model::new(capacity));
    let (mut expected, mut found) = (Vec::new(), Vec::new());
    let (mut sequence, mut missed, mut spurious, mut given, mut hash) = (0u32, 0u64, 0u64, 0u64, 0);
    let mut moves = [[0u64; 5]; 5];
    let mut send = |record: Record| {
        let record = record.with(&record::SEQUENCE, sequence.into());
        sequence = sequence.wrapping_add(1);
        expected.clear();
        found.clear();
        model.execute(&record, &mut expected);
        machine.execute(&record, &mut found);
        if expected != found {
            missed += expected.iter().filter(|answer| !found.contains(answer)).count() as u64;
            spurious += found.iter().filter(|answer| !expected.contains(answer)).count() as u64;
        }
        for flag in expected.iter().filter(|answer| answer.op() == output::FLAG.op) {
            moves[usize::from(flag.flags() >> 4)][usize::from(flag.flags() & 15)] += 1;
        }
        hash = common::hash(hash, &found);
    };
    common::setup(INSTRUMENTS, accounts).into_iter().for_each(&mut send);
    for (rung, value) in [(1, 320), (2, 256), (3, 170)] {
        send(Record::new(&input::SETTING, 0).with(&record::INDEX, rung).with(&record::VALUE, value));
    }
    common::accounts(accounts, INSTRUMENTS, false, &mut send);
    let (mut prices, mut draw) = ([MARK; INSTRUMENTS as usize], Draw(11));
    while given < checks {
        let instrument = draw.below(INSTRUMENTS.into()) as usize;
        // Of every size from a tenth of a basis point to a tenth, small ones most.
        let step = MARK / 100_000 * draw.lots(13) % (MARK / 10);
        let rises = prices[instrument] < MARK / 2 || draw.below(2) == 0 && prices[instrument] < MARK * 3 / 2;
        prices[instrument] = if rises { prices[instrument] + step } else { prices[instrument] - step };
        send(mark(instrument as u32, prices[instrument]));
        given += u64::from(accounts);
    }
    for account in 0..accounts {
        send(Record::new(&input::READBACK, 0).with(&record::ACCOUNT, account.into()));
    }
    println!(
        "{given} verdicts: {missed} missed, {spurious} spurious; hash {hash:016x}; flags from and to {moves:?}"
    );
    assert_eq!((missed, spurious), (0, 0));
    assert!(!common::is_full() || (0..5).all(|from| (0..5).all(|to| from == to || moves[from][to] > 0)));
    let line = format!(
        r#"{{"bench":"truth","checks":{given},"missed":{missed},"spurious":{spurious},"hash":"{hash:016x}"}}"#
    );
    writeln!(json, "{line}").expect("target is writable");
}

fn checks(criterion: &mut Criterion) {
    let mut json = common::figures("check");
    full_check(criterion, &mut *json);
    updates(&mut *json);
    truth(&mut *json);
}

criterion_group!(benches, checks);
criterion_main!(benches);
