//! The PCIe-side top: the differential stream through its rings and its push window, and what the rings sustain.

#[path = "pcie/host.rs"]
mod host;
#[path = "differential/mod.rs"]
mod kit;

use host::Host;
use kit::episode::{Plan, run};
use kit::subject::Subject;
use model::record::{self, ABI_HASH, Record, input};
use model::register::{self, Access, CONTROL_ENABLE, REGISTERS};
use sim::Build;
use sim::pcie::{BusTiming, Response};

/// The smallest ring, so that it wraps all the time.
const SMALLEST: u32 = *register::RING_SIZE.start();

#[test]
fn a_million_records_through_rings_and_push_window_match_the_model() {
    let plan = Plan { build: Build::Small, lanes: 1, seed: 45, records: 1_000_000, episode: 20_000 };
    let mut host = Host::new(plan.build, SMALLEST, 4);
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
    let set_up =
        [Record::new(&input::RESYNC, 0), Record::new(&input::SETTING, 0).with(&record::VALUE, 1_000)];
    let reads = (0..RECORDS)
        .map(|index| Record::new(&input::READBACK, 0).with(&record::ACCOUNT, i128::from(index % 64)));
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

/// RESYNC and so many FENCEs: each is answered by its echo.
fn fences(count: u32) -> Vec<Record> {
    (0..count + 1)
        .map(|number| {
            let layout = if number == 0 { &input::RESYNC } else { &input::FENCE };
            Record::new(layout, number).with(&record::TOKEN, number.into())
        })
        .collect()
}

/// Submits all and takes what comes until nothing more does.
fn answers(host: &mut Host, records: &[Record]) -> Vec<Record> {
    let (mut sent, mut answers) = (0, Vec::new());
    let mut out = vec![Record::default(); 64];
    loop {
        sent += host.submit(&records[sent..]);
        let count = host.poll(&mut out);
        answers.extend_from_slice(&out[..count]);
        if host.is_quiet() {
            return answers;
        }
    }
}

fn sequences(answers: &[Record]) -> Vec<u32> {
    answers.iter().map(Record::sequence).collect()
}

#[test]
fn a_failed_read_ends_the_records_before_it_and_a_soft_reset_mends_it() {
    let mut host = Host::new(Build::Small, SMALLEST, u32::MAX);
    let records = fences(100);
    host.fail_read_after(3);
    // The fourth burst of sixteen: 48 records came whole.
    assert_eq!(sequences(&answers(&mut host, &records)), (0..48).collect::<Vec<u32>>());
    let status = host.read(register::STATUS);
    assert_eq!(status & register::STATUS_READ_FAULT, register::STATUS_READ_FAULT);
    assert_eq!(status & register::STATUS_WRITE_FAULT, 0);
    assert_eq!(host.read(register::READ_ERRORS), 16);
    assert_eq!(host.read(register::IN_HEAD), 48);
    host.reset();
    assert_eq!(host.read(register::STATUS) & register::STATUS_READ_FAULT, 0);
    assert_eq!(sequences(&answers(&mut host, &records)), (0..101).collect::<Vec<u32>>());
    assert_eq!(host.seen().breaches, 0);
}

#[test]
fn a_failed_write_holds_the_tail_and_a_soft_reset_mends_it() {
    let mut host = Host::new(Build::Small, SMALLEST, u32::MAX);
    let records = fences(100);
    host.fail_write_after(2);
    let seen = answers(&mut host, &records);
    assert!(seen.len() < records.len() && sequences(&seen).into_iter().eq(0..seen.len() as u32));
    assert_eq!(host.read(register::OUT_TAIL) as usize, seen.len());
    assert_eq!(host.read(register::STATUS) & register::STATUS_WRITE_FAULT, register::STATUS_WRITE_FAULT);
    assert_eq!(host.read(register::WRITE_ERRORS), 1);
    host.reset();
    assert_eq!(sequences(&answers(&mut host, &records)), (0..101).collect::<Vec<u32>>());
    assert_eq!(host.seen().breaches, 0);
}

#[test]
fn a_host_that_takes_nothing_stops_the_machine_and_loses_nothing() {
    let mut host = Host::new(Build::Small, SMALLEST, u32::MAX);
    let records = fences(1_000);
    let mut sent = 0;
    for _ in 0..100 {
        sent += host.submit(&records[sent..]);
        host.idle(1_000);
    }
    let size = 1 << SMALLEST;
    assert!(sent < records.len(), "everything went in");
    assert_eq!(host.read(register::OUT_TAIL), size);
    let status = host.read(register::STATUS);
    assert_eq!(status & register::STATUS_OUT_FULL, register::STATUS_OUT_FULL);
    assert!(host.read(register::FULL_CLOCKS) > 10_000);
    let mut seen = Vec::new();
    let mut out = vec![Record::default(); 64];
    while !host.is_quiet() {
        sent += host.submit(&records[sent..]);
        let count = host.poll(&mut out);
        seen.extend_from_slice(&out[..count]);
    }
    assert_eq!(sequences(&seen), (0..1_001).collect::<Vec<u32>>());
    host.assert_sound();
}

#[test]
fn a_silent_host_is_lost_and_found() {
    let mut host = Host::new(Build::Small, SMALLEST, u32::MAX);
    let records = fences(40);
    assert_eq!(host.write(register::WATCHDOG, 4), Response::Okay);
    for beat in 0..10 {
        host.idle(3_000);
        assert_eq!(host.write(register::HOST_HEARTBEAT, beat), Response::Okay);
    }
    assert_eq!(host.read(register::STATUS) & register::STATUS_HOST_LOST, 0);
    host.idle(6_000);
    assert_eq!(host.read(register::STATUS) & register::STATUS_HOST_LOST, register::STATUS_HOST_LOST);
    host.submit(&records);
    host.idle(2_000);
    assert_eq!(host.read(register::IN_HEAD), 0);
    assert_eq!(host.write(register::WATCHDOG, 0), Response::Okay);
    assert_eq!(host.write(register::CONTROL, CONTROL_ENABLE), Response::Okay);
    assert_eq!(host.read(register::STATUS) & register::STATUS_HOST_LOST, 0);
    let mut out = vec![Record::default(); 64];
    let mut seen = Vec::new();
    while !host.is_quiet() {
        let count = host.poll(&mut out);
        seen.extend_from_slice(&out[..count]);
    }
    assert_eq!(sequences(&seen), (0..41).collect::<Vec<u32>>());
    host.assert_sound();
}

#[test]
fn the_device_says_what_it_is() {
    let mut host = Host::new(Build::Small, SMALLEST, u32::MAX);
    let capacity = Build::Small.capacity(1);
    for (register, value) in [
        (register::ID, register::ID_VALUE),
        (register::VERSION, register::VERSION_VALUE),
        (register::ABI_HASH_LOW, ABI_HASH as u32),
        (register::ABI_HASH_HIGH, (ABI_HASH >> 32) as u32),
        (register::LANES, 1),
        (register::ACCOUNTS, capacity.accounts_per_lane as u32),
        (register::SLOTS, capacity.slots_per_lane as u32),
        (register::INSTRUMENTS, capacity.instruments as u32),
    ] {
        assert_eq!(host.read(register), value, "{}", register.name);
    }
    let before = host.read(register::HEARTBEAT);
    host.idle(10 * 1_024);
    assert_eq!(host.read(register::HEARTBEAT) - before, 10);
    assert_eq!(host.write(register::EPOCH, 7), Response::Okay);
    assert_eq!(host.read(register::EPOCH), 7);
    host.reset();
    assert_eq!(host.read(register::EPOCH), 0);
    host.assert_sound();
}

/// Every offset of the space, whole words and parts of them, with the rings running: what the map does not allow changes nothing and is counted.
#[test]
fn what_the_map_does_not_allow_is_refused_and_counted() {
    let mut host = Host::new(Build::Small, SMALLEST, u32::MAX);
    let mut refused = 0;
    for offset in (0..register::SPACE_BYTES).step_by(2) {
        let is_push = (register::PUSH.offset..register::PUSH.offset + register::PUSH_BYTES).contains(&offset);
        let known = REGISTERS.iter().find(|register| register.offset == offset & !3);
        let exists = known.is_some() || is_push;
        let is_aligned = offset.is_multiple_of(4);
        let expected = match (exists, is_aligned) {
            (true, true) => Response::Okay,
            (true, false) => Response::SlaveError,
            (false, _) => Response::DecodeError,
        };
        let (response, value) = host.read_at(offset);
        assert_eq!(response, expected, "read of {offset:#05x}");
        assert!(expected == Response::Okay || value == 0);
        refused += u32::from(expected != Response::Okay);

        // A part of a word, and a whole one where it may not be written.
        for strobe in [0x1, 0x3, 0xe, 0xf] {
            let is_writable = is_push
                || known.is_some_and(|register| !matches!(register.access, Access::ReadOnly | Access::Setup));
            if strobe == 0xf && is_aligned && is_writable {
                continue;
            }
            let expected = if exists { Response::SlaveError } else { Response::DecodeError };
            assert_eq!(
                host.write_bytes(offset, 0xffff_ffff, strobe),
                expected,
                "write of {offset:#05x}, {strobe:#x}"
            );
            refused += 1;
        }
    }
    assert_eq!(host.read(register::ACCESS_ERRORS), refused);
    // Doorbells beyond their ring, ahead and behind.
    let size = 1_u32 << SMALLEST;
    for (register, value) in [
        (register::IN_TAIL, size + 1),
        (register::IN_TAIL, u32::MAX),
        (register::OUT_HEAD, 1),
        (register::OUT_HEAD, u32::MAX),
    ] {
        assert_eq!(host.write(register, value), Response::SlaveError, "{} = {value}", register.name);
        assert_eq!(host.read(register), 0);
    }
    assert_eq!(host.read(register::INDEX_ERRORS), 4);
    assert_eq!(host.read(register::STATUS) & register::STATUS_INDEX_FAULT, register::STATUS_INDEX_FAULT);
    // Values out of range while the rings stand.
    assert_eq!(host.write(register::CONTROL, 0), Response::Okay);
    host.idle(100);
    for (register, value) in [
        (register::IN_BASE_LOW, 0x800),
        (register::OUT_BASE_LOW, 0x10),
        (register::INDEX_BASE_LOW, 0x10),
        (register::IN_SIZE, SMALLEST - 1),
        (register::OUT_SIZE, register::RING_SIZE.end() + 1),
        (register::CONTROL, 8),
    ] {
        let before = host.read(register);
        assert_eq!(host.write(register, value), Response::SlaveError, "{} = {value:#x}", register.name);
        assert_eq!(host.read(register), before);
    }
    // A closed window.
    let last = register::PUSH.offset + register::PUSH_BYTES - 4;
    assert_eq!(host.write_bytes(last, 0, 0xf), Response::SlaveError);
    assert_eq!(host.read(register::PUSH_ERRORS), 1);
    // And it still works.
    host.reset();
    assert_eq!(sequences(&answers(&mut host, &fences(40))), (0..41).collect::<Vec<u32>>());
    assert_eq!(host.seen().breaches, 0);
}

#[test]
fn an_interrupt_comes_once_when_asked_for_and_never_within_the_interval() {
    const INTERVAL: u32 = 5_000;
    let mut host = Host::new(Build::Small, SMALLEST, u32::MAX);
    assert_eq!(host.write(register::IRQ_INTERVAL, INTERVAL), Response::Okay);
    let records = fences(30);
    host.idle(2 * u64::from(INTERVAL));
    host.submit(&records[..10]);
    host.idle(2_000);
    assert_eq!(host.seen().interrupts, 0, "nobody asked");
    // Armed when the tail is already beyond: at once.
    assert_eq!(host.write(register::IRQ_ARM, 0), Response::Okay);
    host.idle(50);
    assert_eq!(host.seen().interrupts, 1);
    // Armed at the tail: with the next record, and not before the interval is over.
    assert_eq!(host.write(register::IRQ_ARM, 10), Response::Okay);
    host.idle(2_000);
    assert_eq!(host.seen().interrupts, 1);
    host.submit(&records[10..]);
    host.idle(2_000);
    assert_eq!(host.seen().interrupts, 1, "within the interval");
    host.idle(u64::from(INTERVAL));
    assert_eq!(host.seen().interrupts, 2);
    host.idle(3 * u64::from(INTERVAL));
    assert_eq!(host.seen().interrupts, 2, "armed once");
    host.assert_sound();
}
