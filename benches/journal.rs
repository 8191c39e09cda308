//! The journal under load: records of about 32 bytes through the writer's thread with group commit, beside a raw sequential write of the same bytes, and
//! read back. Prints records a second, the ratios, and the chain hash of what was written.
//!
//! Small under `cargo test`; four million records with `cargo bench`.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use backstop::journal::{Entry, Header, JournalReader, JournalWriter};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use engine::event::{AccountId, Event, InstrumentId};
use engine::rules::Rules;

/// Mean bytes of a record's payload, rounded up.
const RECORD: usize = 32;

/// Marks of 28 bytes and withdrawals of 34, in turn.
fn entry(number: u64) -> Entry {
    let event = Event::Withdrawn { account: AccountId(number), quanta: number as i64 };
    match number % 2 {
        0 => Entry::Event { sequence: number, time_ms: 1_000, event },
        _ => Entry::Event {
            sequence: number,
            time_ms: 1_000,
            event: Event::Mark { instrument: InstrumentId(7), price: number },
        },
    }
}

fn header() -> Header {
    Header::new([7; 16], &Rules::default())
}

/// Writes `records` entries; the time until all are durable, and the chain hash.
fn journal(path: &Path, records: u64) -> (Duration, [u8; 32], u64) {
    let writer = JournalWriter::create(path, &header()).expect("a new journal");
    let started = Instant::now();
    (0..records).for_each(|number| writer.append(entry(number)).expect("space on the disk"));
    let durable = writer.sync().expect("a sound disk");
    let time = started.elapsed();
    assert_eq!(durable.records, records);
    let commits = writer.commits();
    assert_eq!(writer.close().expect("a sound disk").chain, durable.chain);
    (time, durable.chain, commits)
}

/// Writes as many bytes as the journal holds, in pieces of 1 MiB, and syncs once, or after each piece.
fn raw(path: &Path, bytes: u64, each: bool) -> Duration {
    let piece = vec![0x5a; 1 << 20];
    let mut file = File::create(path).expect("space on the disk");
    let started = Instant::now();
    let mut left = bytes as usize;
    while left > 0 {
        let count = left.min(piece.len());
        file.write_all(&piece[..count]).expect("space on the disk");
        if each {
            file.sync_data().expect("a sound disk");
        }
        left -= count;
    }
    file.sync_data().expect("a sound disk");
    started.elapsed()
}

fn per_second(records: u64, time: Duration) -> u64 {
    (records as f64 / time.as_secs_f64()) as u64
}

fn bench(criterion: &mut Criterion) {
    let records: u64 = if std::env::args().any(|arg| arg == "--bench") { 4_000_000 } else { 20_000 };
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("space on the disk");
    let path = directory.path().join("journal");
    let (time, chain, commits) = journal(&path, records);
    let bytes = JournalReader::bytes(&path);
    let [once, each] = [false, true].map(|each| raw(&directory.path().join("raw"), bytes, each));
    let started = Instant::now();
    let mut reader = JournalReader::open(&path).expect("it was written");
    assert_eq!(reader.by_ref().filter(|entry| entry.is_ok()).count() as u64, records);
    assert_eq!(reader.chain_hash(), chain);
    let back = started.elapsed();
    println!(
        "{records} records of 31 bytes in the mean, {bytes} bytes in {commits} commits: {} records/s durable, 1/{:.1} of a raw write synced once, \
         1/{:.1} of one synced each MiB; read back and checked {} records/s",
        per_second(records, time),
        time.as_secs_f64() / once.as_secs_f64(),
        time.as_secs_f64() / each.as_secs_f64(),
        per_second(records, back)
    );
    println!("chain hash {}", backstop::journal::export::hex(&chain));
    let mut group = criterion.benchmark_group("journal");
    group.sample_size(10).throughput(Throughput::Bytes(20_000 * RECORD as u64));
    let mut run = 0;
    group.bench_function("20,000 records until they are durable", |bencher| {
        bencher.iter(|| {
            run += 1;
            journal(&directory.path().join(format!("run-{run}")), 20_000)
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
