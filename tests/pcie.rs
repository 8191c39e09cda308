//! The PCIe-side top: the differential stream through its rings and its push window, and what the rings sustain.

#[path = "differential/mod.rs"]
mod kit;
#[path = "pcie/host.rs"]
mod host;

use host::Host;
use kit::episode::{Plan, run};
use kit::subject::Subject;
use model::record::{self, Record, input};
use model::register;
use sim::Build;
use sim::pcie::BusTiming;

/// The smallest ring, so that it wraps all the time.
const SMALLEST: u32 = *register::RING_SIZE.start();

#[test]
fn a_million_records_through_rings_and_push_window_match_the_model() {
    let plan = Plan { build: Build::Small, lanes: 1, seed: 45, records: 1_000_000, episode: 20_000 };
    let mut host = Host::new(plan.build, SMALLEST, 7);
    let (coverage, result) = run(&mut host, plan, None);
    if let Err(failure) = result {
        panic!("the PCIe side and the model disagree after {} records\n{}", failure.records, failure.text);
    }
    println!(
        "{} records, {} of them pushed, {} executed, {} clocks of the bus",
        coverage.records(),
        host.pushed,
        coverage.executed(),
        host.seen().clocks
    );
    assert!(host.pushed > 1_000, "{}", host.pushed);
    host.assert_sound();
}

/// Reads of the whole ring are asked for while the first is on its way: 64 clocks of latency cost nothing.
#[test]
fn rings_sustain_a_record_a_clock_with_a_memory_of_64_clocks() {
    const RECORDS: u32 = 20_000;
    let mut host = Host::new(Build::Small, 12, u32::MAX);
    host.set_timing(BusTiming { seed: 1, latency_min: 64, latency_max: 64, stall_of_256: 0 });
    let set_up = [Record::new(&input::RESYNC, 0), Record::new(&input::SETTING, 0).with(&record::VALUE, 1_000)];
    let reads = (0..RECORDS).map(|index| {
        Record::new(&input::READBACK, 0).with(&record::ACCOUNT, i128::from(index % 64))
    });
    let records: Vec<Record> = (0..)
        .zip(set_up.into_iter().chain(reads))
        .map(|(number, record): (i128, Record)| record.with(&record::SEQUENCE, number))
        .collect();
    let start = host.seen().clocks;
    let (mut sent, mut answers) = (0, Vec::new());
    let mut out = vec![Record::default(); 4_096];
    while answers.len() < records.len() - 1 {
        if sent < records.len() {
            sent += host.submit(&records[sent..]);
        }
        let count = host.poll(&mut out);
        assert!(!host.is_quiet(), "{} answers", answers.len());
        answers.extend_from_slice(&out[..count]);
    }
    let clocks = host.seen().clocks - start;
    println!("{RECORDS} records in and out in {clocks} clocks");
    let numbers = answers.iter().map(|answer| record::SEQUENCE.get(answer));
    assert!(numbers.eq(std::iter::once(0).chain(2..2 + i128::from(RECORDS))));
    // Beside a clock a record: the set-up, the way through, and the index record, one beat of each round of the bus.
    assert!(clocks < u64::from(RECORDS) * 103 / 100 + 600, "{clocks} clocks");
    host.assert_sound();
}
