//! What the CPU's benches measure, on the gateware: clocks at the ports of the Verilated machine, to be multiplied by the routed period that
//! `docs/timing.md` states. Simulated clocks, routed period; no card.
//!
//! Small under `cargo test`. Answers are compared with the model's, and their hash is printed.

#[path = "common/figures.rs"]
mod figures;

use std::io::Write;

use criterion::{Criterion, criterion_group, criterion_main};
use model::machine::Machine as Model;
use model::record::{self, FLAG_COMMIT, FLAG_HOLD, Record, fnv1a_64, input, output};
use sim::{Build, Machine};

const SCALE: u32 = 1_000_000;
const PRICE: u64 = 1_000_000;
/// Clocks to fill and drain the machine beside one for each holder of the fullest lane: the paper machine is given the same.
const PAPER_LANES: u64 = 84;
const PAPER_MHZ: f64 = 300.0;

/// The gateware and the model, fed the same records.
struct Pair {
    machine: Machine,
    model: Model,
    next: u32,
    hash: u64,
}

impl Pair {
    /// So many holders of instrument 0, long and short, all solvent and 1 % or more from their lines.
    fn new(lanes: usize, holders: u32) -> Self {
        let machine = Machine::new(Build::Production, lanes, None).expect("no waveform, no error");
        let model = Model::new(Build::Production.capacity(lanes));
        let mut pair = Self { machine, model, next: 0, hash: 0 };
        let header = Record::new(&input::INSTRUMENT, 0)
            .flagged(FLAG_COMMIT)
            .with(&record::WEIGHT_LONG, SCALE.into())
            .with(&record::WEIGHT_SHORT, SCALE.into())
            .with(&record::CAPACITY, (holders.div_ceil(lanes as u32) + 1).into())
            .with(&record::PRICE_BITS, 32)
            .with(&record::SIZE_BITS, 27)
            .with(&record::TIER_COUNT, 1);
        let mut records = vec![
            Record::new(&input::RESYNC, 0),
            Record::new(&input::SETTING, 0).with(&record::VALUE, SCALE.into()),
            Record::new(&input::TIER, 0).with(&record::RATE, 5_000),
            header,
            mark(PRICE),
        ];
        for account in 0..holders {
            let size = i128::from(1 + account * 7 % 40_000) * if account % 2 == 0 { 1 } else { -1 };
            let margin = size.abs() * i128::from(PRICE) * i128::from(15 + account % 60) / 1_000;
            let position = Record::new(&input::POSITION, 0)
                .with(&record::ACCOUNT, account.into())
                .with(&record::SLOT, (account / lanes as u32).into())
                .with(&record::SIZE, size)
                .with(&record::CASH_DELTA, margin - size * i128::from(PRICE));
            records.push(position.flagged(FLAG_HOLD));
        }
        pair.clocks(&records, u8::MAX);
        pair
    }

    /// Sends the records as fast as they are taken, and a FENCE; clocks from the first to the last answer of this op, or to the FENCE's echo.
    fn clocks(&mut self, records: &[Record], op: u8) -> u64 {
        let mut all: Vec<Record> = records.to_vec();
        all.push(Record::new(&input::FENCE, 0));
        for record in &mut all {
            *record = record.with(&record::SEQUENCE, self.next.into());
            self.next = self.next.wrapping_add(1);
        }
        let (start, mut last, mut sent) = (self.machine.clocks(), 0, 0);
        let (mut answers, mut out) = (Vec::new(), [Record::default(); 1]);
        while sent < all.len() || !self.machine.is_quiet() {
            sent += self.machine.submit(&all[sent..]);
            if self.machine.poll(&mut out) == 1 {
                if out[0].op() == op || op == u8::MAX {
                    last = self.machine.clocks() - start;
                }
                let is_receipt = out[0].op() == output::RECEIPT.op;
                answers.push(if is_receipt { out[0].with(&record::CLOCKS, 0) } else { out[0] });
            }
        }
        let mut expected = Vec::new();
        all.iter().for_each(|record| self.model.execute(record, &mut expected));
        // Lanes answer side by side: their answers are the model's, in another order.
        let sorted = |mut of: Vec<Record>| {
            of.sort_unstable_by_key(|record| record.0);
            of
        };
        assert_eq!(sorted(answers.clone()), sorted(expected), "the gateware answers as the model");
        for answer in answers {
            self.hash = self.hash.rotate_left(5) ^ fnv1a_64(&answer.0);
        }
        last
    }
}

fn mark(price: u64) -> Record {
    Record::new(&input::MARK, 0).with(&record::PRICE, price.into())
}

/// A trade that flags its account.
fn position(account: u32, lanes: usize, size: i128, cash: i128) -> Record {
    Record::new(&input::POSITION, 0)
        .with(&record::ACCOUNT, account.into())
        .with(&record::SLOT, (account / lanes as u32).into())
        .with(&record::SIZE, size)
        .with(&record::CASH_DELTA, cash)
}

/// MHz of the routed machine of so many lanes, as the timing page has it; of one lane where so many were not routed.
fn routed_mhz(lanes: usize) -> (f64, bool) {
    let page = include_str!("../docs/timing.md");
    let of = |lanes: usize| {
        let head = format!("## Routed: `backstop_inline`, {lanes} lane");
        let at = page.find(&head)?;
        let figure = page[at..].split("**").nth(1)?;
        figure.strip_suffix(" MHz")?.parse().ok()
    };
    match of(lanes) {
        Some(mhz) => (mhz, true),
        None => (of(1).expect("one lane is on the timing page"), false),
    }
}

fn gateware(criterion: &mut Criterion) {
    let mut json = figures::figures("gateware");
    let lanes_built: &[usize] = if figures::is_full() { &[1, 4, 8] } else { &[1] };
    let holders: u32 = if figures::is_full() { 8_000 } else { 200 };
    for &lanes in lanes_built {
        let mut pair =
            Pair::new(lanes, holders.min((Build::Production.capacity(lanes).slots_per_lane * lanes) as u32));
        let (mhz, is_routed) = routed_mhz(lanes);
        let kind = if is_routed {
            "simulated clocks x routed period".to_owned()
        } else {
            format!("simulated clocks x period routed for 1 lane; {lanes} lanes are not routed")
        };
        let mut tell = |what: &str, clocks: u64, hash: u64| {
            let ns = clocks as f64 * 1_000.0 / mhz;
            println!(
                "{lanes} lanes, {holders} holders, {what}: {clocks} clocks, {ns:.0} ns at {mhz} MHz ({kind}); hash {hash:016x}"
            );
            let line = format!(
                r#"{{"bench":"fpga","lanes":{lanes},"what":"{what}","holders":{holders},"clocks":{clocks},"mhz":{mhz},"kind":"{kind}"}}"#
            );
            writeln!(json, "{line}").expect("target is writable");
        };
        // Far below its line, and back.
        let sink = |account, cash: i128| position(account, lanes, 100, cash);
        let deep = -1_000_000_000_000;
        let clocks = pair.clocks(&[sink(5, deep)], output::FLAG.op);
        tell("position to flag", clocks, pair.hash);
        for (what, parts) in [("1 bp mark", 1), ("1 % mark", 100), ("10 % mark", 1_000)] {
            let clocks = pair.clocks(&[mark(PRICE + PRICE * parts / 10_000)], output::RECEIPT.op);
            tell(what, clocks, pair.hash);
            pair.clocks(&[mark(PRICE)], u8::MAX);
        }
        let clocks = pair.clocks(&[mark(PRICE + 1), sink(6, deep)], output::FLAG.op);
        tell("position behind a sweep", clocks, pair.hash);
        pair.machine.set_stalls(7, 0, 128);
        let clocks = pair.clocks(&[sink(7, deep)], output::FLAG.op);
        tell("position with output stalled", clocks, pair.hash);
        let clocks = pair.clocks(&[mark(PRICE * 9 / 10)], output::RECEIPT.op);
        tell("10 % mark with output stalled", clocks, pair.hash);
    }
    // On paper: accounts on chip, positions streamed from memory, as many lanes as the stream feeds.
    for holders in [8_000u64, 62_000, 507_000, 1_000_000] {
        let clocks = holders.div_ceil(PAPER_LANES) + 24;
        let line = format!(
            r#"{{"bench":"fpga","lanes":{PAPER_LANES},"what":"10 % mark","holders":{holders},"clocks":{clocks},"mhz":{PAPER_MHZ},"kind":"paper"}}"#
        );
        writeln!(json, "{line}").expect("target is writable");
    }
    let mut pair = Pair::new(1, 200);
    let mut group = criterion.benchmark_group("Verilated gateware");
    group.sample_size(10).nresamples(1_001).measurement_time(std::time::Duration::from_secs(1));
    group.bench_function("mark of 200 holders", |bencher| {
        bencher.iter(|| pair.clocks(&[mark(PRICE)], output::RECEIPT.op));
    });
    group.finish();
}

criterion_group!(benches, gateware);
criterion_main!(benches);
