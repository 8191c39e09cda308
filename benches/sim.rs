//! Simulated clocks per second of the production machine of one lane while it sweeps, and the model doing the same marks.
//!
//! Small under `cargo test`. Both must give the same answers: their hash is printed and compared.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use model::machine::Machine;
use model::record::{self, FLAG_COMMIT, FLAG_HOLD, Record, fnv1a_64, input, output};
use sim::{Build, Machine as Simulated};
use std::hint::black_box;

const HOLDERS: u32 = 10_000;
const SCALE: u32 = 1_000_000;
const PRICE: u64 = 1_000_000;

/// The gateware and the model, fed the same records.
struct Pair {
    simulated: Simulated,
    machine: Machine,
    next: u32,
    answers: Vec<Record>,
}

impl Pair {
    /// Ten thousand holders of instrument 0, long and short, all solvent.
    fn new() -> Self {
        let simulated = Simulated::new(Build::Production, 1, None).expect("no waveform, no error");
        let machine = Machine::new(Build::Production.capacity(1));
        let mut pair = Self { simulated, machine, next: 0, answers: Vec::new() };
        let header = Record::new(&input::INSTRUMENT, 0)
            .flagged(FLAG_COMMIT)
            .with(&record::WEIGHT_LONG, SCALE.into())
            .with(&record::WEIGHT_SHORT, SCALE.into())
            .with(&record::CAPACITY, HOLDERS.into())
            .with(&record::PRICE_BITS, 32)
            .with(&record::SIZE_BITS, 27)
            .with(&record::TIER_COUNT, 2);
        let tier = Record::new(&input::TIER, 0);
        let upper = tier
            .with(&record::STEP, 1)
            .with(&record::FLOOR, 1 << 34)
            .with(&record::RATE, 10_000)
            .with(&record::DEDUCTION, (1 << 34) * 5_000);
        let mut records = vec![
            Record::new(&input::RESYNC, 0),
            Record::new(&input::SETTING, 0).with(&record::VALUE, SCALE.into()),
            tier.with(&record::RATE, 5_000),
            upper,
            header,
            mark(PRICE),
        ];
        for account in 0..HOLDERS {
            let size = i128::from(1 + account * 7 % 40_000) * if account % 2 == 0 { 1 } else { -1 };
            let margin = size.abs() * i128::from(PRICE) / 150;
            let of_account = |layout| Record::new(layout, 0).with(&record::ACCOUNT, account.into());
            records.push(of_account(&input::CASH).with(&record::DELTA, margin).flagged(FLAG_HOLD));
            let position = of_account(&input::POSITION)
                .with(&record::SLOT, account.into())
                .with(&record::SIZE, size)
                .with(&record::CASH_DELTA, -size * i128::from(PRICE));
            records.push(position);
        }
        let records = pair.number(records);
        assert_eq!(pair.ask_gateware(&records), pair.ask_model(&records));
        pair
    }

    fn number(&mut self, mut records: Vec<Record>) -> Vec<Record> {
        records.push(Record::new(&input::FENCE, 0));
        for record in &mut records {
            *record = record.with(&record::SEQUENCE, self.next.into());
            self.next = self.next.wrapping_add(1);
        }
        records
    }

    /// Hash of the gateware's answers, clocks masked.
    fn ask_gateware(&mut self, records: &[Record]) -> u64 {
        self.answers.clear();
        let mut out = [Record::default(); 1_024];
        let mut sent = 0;
        while sent < records.len() || !self.simulated.is_quiet() {
            sent += self.simulated.submit(&records[sent..]);
            let count = self.simulated.poll(&mut out);
            self.answers.extend_from_slice(&out[..count]);
        }
        hash(&self.answers)
    }

    fn ask_model(&mut self, records: &[Record]) -> u64 {
        self.answers.clear();
        records.iter().for_each(|record| self.machine.execute(record, &mut self.answers));
        hash(&self.answers)
    }
}

fn mark(price: u64) -> Record {
    Record::new(&input::MARK, 0).with(&record::PRICE, price.into())
}

fn hash(answers: &[Record]) -> u64 {
    let mut bytes = Vec::with_capacity(answers.len() * record::RECORD_BYTES);
    for answer in answers {
        let is_receipt = answer.op() == output::RECEIPT.op;
        bytes.extend(if is_receipt { answer.with(&record::CLOCKS, 0).0 } else { answer.0 });
    }
    fnv1a_64(&bytes)
}

/// Marks that move the price by 1 % and back: many holders change severity.
fn marks(pair: &mut Pair, count: u64) -> Vec<Record> {
    let marks = (0..count).map(|i| mark(PRICE + PRICE / 100 * (i % 3)));
    pair.number(marks.collect())
}

fn sweep(criterion: &mut Criterion) {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu.lines().find(|line| line.starts_with("model name")).unwrap_or_default();
    let mut pair = Pair::new();
    let proof = marks(&mut pair, 30);
    let before = pair.simulated.clocks();
    let (gateware, model) = (pair.ask_gateware(&proof), pair.ask_model(&proof));
    assert_eq!(gateware, model, "gateware and model answer alike");
    println!(
        "30 marks of {HOLDERS} holders: answers {gateware:#018x} from both, {} clocks",
        pair.simulated.clocks() - before
    );
    println!(
        "machine: {} x {}; load average: {}",
        std::thread::available_parallelism().map_or(0, usize::from),
        cpu.trim_start_matches("model name").trim(),
        load.trim()
    );

    let mut group = criterion.benchmark_group("sweep of 10,000 holders");
    group.sample_size(10);
    let records = marks(&mut pair, 3);
    let before = pair.simulated.clocks();
    pair.ask_gateware(&records);
    // The three marks again and again, with new numbers each time.
    group.throughput(Throughput::Elements(pair.simulated.clocks() - before));
    group.bench_function("gateware, elements are clocks", |bencher| {
        bencher.iter(|| {
            let records = marks(&mut pair, 3);
            black_box(pair.ask_gateware(&records))
        });
    });
    let mut pair = Pair::new();
    group.throughput(Throughput::Elements(3 * u64::from(HOLDERS)));
    group.bench_function("model, elements are verdicts", |bencher| {
        bencher.iter(|| {
            let records = marks(&mut pair, 3);
            black_box(pair.ask_model(&records))
        });
    });
    group.finish();

    let mut group = criterion.benchmark_group("read-back of 10,000 accounts");
    group.sample_size(10).throughput(Throughput::Elements(HOLDERS.into()));
    let mut pair = Pair::new();
    group.bench_function("gateware, elements are records", |bencher| {
        bencher.iter(|| {
            let reads =
                (0..HOLDERS).map(|a| Record::new(&input::READBACK, 0).with(&record::ACCOUNT, a.into()));
            let reads = pair.number(reads.collect());
            black_box(pair.ask_gateware(&reads))
        });
    });
    group.finish();
}

criterion_group!(benches, sweep);
criterion_main!(benches);
