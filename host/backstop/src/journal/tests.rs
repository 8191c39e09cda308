//! Damage, power cuts and full disks: whatever happens to the bytes, no wrong entry is ever yielded and no committed one is lost.

use std::path::Path;
use std::time::Duration;

use engine::book::{Book, Level};
use engine::event::{AccountId, Command, Event, Flag, InstrumentId, Source};
use engine::rules::{
    Breaker, Composition, Depth, Expiry, Funding, InstrumentSpec, Rules, Unwind, Volatility,
};
use engine::stability::Pause;
use proptest::prelude::*;

use super::entry::PART_MAX;
use super::format::{MARK, ROOM, segment_name};
use super::*;
use crate::feed::draw::Draw;
use crate::simulate::disk::{Power, SimulatedDisk};

const NAME: &str = "test";
/// Of a segment: a few batches.
const SEGMENT_BYTES: u64 = 8_192;

fn rules() -> Rules {
    Rules::default()
}

fn header() -> Header {
    Header::new([1; 16], &rules())
}

pub(super) fn entries() -> Vec<Entry> {
    let depth = Depth { levels: 20, step: 500, level_lots: 1_000, refill_lots: 50 };
    let spec = InstrumentSpec {
        lot_exponent: -3,
        tick: 10,
        brackets: vec![(0, 5_000), (1 << 40, 10_000)],
        fee: 1_500,
        slippage: 1_000,
        depth,
        funding: Some(Funding {
            interval_ms: 2,
            period_ms: 3,
            sample_ms: 1,
            impact: 4,
            interest: 5,
            clamp: 6,
            cap: 7,
        }),
        expiry: Some(Expiry { time_ms: 8, window_ms: 9 }),
        composition: Some(Composition { stale_ms: 1, ema_ms: 2, band: 3 }),
        volatility: Some(Volatility {
            window_ms: 1,
            reference: 2,
            multiple_max: 1_000_000,
            rise: 3,
            fall: 4,
        }),
        breaker: Some(Breaker { band: 1, window_ms: 2, halt_ms: 3, stages: 4, stage_ms: 5, stage_band: 6 }),
        unwind: Some(Unwind { interval_ms: 1, slices: 2, participation: 3, band: 4 }),
        ..InstrumentSpec::plain("BTCUSD", 1_000_000)
    };
    let (account, instrument) = (AccountId(7), InstrumentId(0));
    let flag = Flag {
        sequence: 2,
        account,
        severity_old: 0,
        severity_new: 2,
        equity: -(1 << 90),
        requirement: i128::MAX,
    };
    let event = |sequence, event| Entry::Event { sequence, time_ms: 1_000, event };
    let order = Command::PlaceOrder { order: 1, account, instrument, lots: -5, limit: 4_100_000_000 };
    let book = Book { bids: vec![Level { distance: 500, lots: 12 }], offers: Vec::new() };
    let (owner, accounts) = (3, vec![account, AccountId(8)]);
    let commands = vec![
        Command::Bankrupt { accounts: vec![account] },
        Command::TakeOver { accounts: accounts.clone() },
        Command::CancelOrders { account },
        order,
        Command::Absorb { account, instrument, lots: -5, quote: 1 << 60 },
        Command::Unwind { order: 2, instrument, lots: -5, limit: 4_100_000_000 },
    ];
    vec![
        Entry::EpisodeStarted { index: 0, seed: 41, rules: rules(), source: "tape.csv".into() },
        Entry::Event { sequence: 0, time_ms: 1_000, event: Event::Listed { instrument, spec: spec.into() } },
        Entry::Event {
            sequence: 1,
            time_ms: 1_000,
            event: Event::FundEndowed { instrument: None, quanta: 1 << 60 },
        },
        Entry::Event { sequence: 2, time_ms: 1_000, event: Event::Mark { instrument, price: 4_200_000_000 } },
        Entry::RoundEnded { round: 0, time_ms: 1_000, first_sequence: 0, events: 3, external: true },
        Entry::Verdict { round: 0, flags: vec![flag] },
        Entry::Note { time_ms: 1_000, text: "device lost".into() },
        Entry::Decision { round: 0, commands },
        event(3, Event::Filled { order: 1, lots: -5, quote: 21 }),
        Entry::Decision { round: 1, commands: vec![Command::Bankrupt { accounts: vec![account] }] },
        event(4, Event::Deposited { account, quanta: 5 }),
        event(5, Event::Traded { account, instrument, lots: 5, quote: -21 }),
        event(6, Event::TakenOver { accounts: vec![account] }),
        event(7, Event::Bankrupted { accounts }),
        event(8, Event::Rejected { order: 1 }),
        event(9, Event::Book { instrument, book }),
        event(10, Event::Opened { account, owner, isolated: Some(instrument) }),
        event(11, Event::DepositedAsset { account, instrument, lots: 5 }),
        event(12, Event::Moved { from: account, to: AccountId(8), quanta: 5 }),
        event(13, Event::OrdersResting { account, count: 2, reserved: u64::MAX }),
        event(14, Event::Absorbed { account, instrument, lots: -5, quote: 21 }),
        event(15, Event::FundEndowed { instrument: Some(instrument), quanta: 1 }),
        event(16, Event::Settled),
        event(17, Event::Priced { instrument, source: Source::Index, price: 4_200_000_000 }),
        event(18, Event::Elapsed { instrument }),
        event(19, Event::BracketsAnnounced { instrument, brackets: vec![(0, 5)], effective_ms: i64::MAX }),
        event(20, Event::Delisted { instrument, price: Some(7) }),
        event(21, Event::Withdrawn { account, quanta: 5 }),
        event(22, Event::Ordered { account, instrument, lots: -5, limit: 7 }),
        event(
            23,
            Event::Paused { scope: None, action: Pause::Opening, reason: "index broken".into(), until_ms: 9 },
        ),
        event(24, Event::Resumed { scope: Some(instrument), action: Pause::Withdrawals }),
        event(25, Event::Composed { instrument }),
        event(26, Event::Priced { instrument, source: Source::Venue(7), price: 1 }),
        Entry::EpisodeEnded { index: 0, state_hash: [9; 32] },
        Entry::Taken { source: 3, sequence: u64::MAX },
        Entry::Restarted { next_sequence: 27 },
    ]
}

/// The journal of `entries`, a batch each; with `closed` it is closed.
pub(super) fn written(entries: &[Entry], closed: bool) -> SimulatedDisk {
    let disk = SimulatedDisk::new(&Power::default());
    let mut log = Log::create(disk.clone(), Path::new(NAME), header(), SEGMENT_BYTES).unwrap();
    for entry in entries {
        log.append(entry.clone()).unwrap();
        log.commit().unwrap();
    }
    if closed {
        log.close().unwrap();
    }
    disk
}

/// What is yielded, and the error at the end, if there is one.
fn read(disk: &SimulatedDisk) -> (Vec<Entry>, Option<JournalError>) {
    let reader = match JournalReader::new(disk.clone(), Path::new(NAME)) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let (mut entries, mut end) = (Vec::new(), None);
    for entry in reader {
        assert!(end.is_none(), "nothing follows an error");
        match entry {
            Ok(entry) => entries.push(entry),
            Err(error) => end = Some(error),
        }
    }
    (entries, end)
}

fn names(disk: &SimulatedDisk) -> Vec<String> {
    disk.clone().names().unwrap()
}

#[test]
fn what_is_written_is_read_over_several_segments() {
    for closed in [false, true] {
        let disk = written(&entries(), closed);
        assert!(names(&disk).len() > 2, "{:?}", names(&disk));
        let (read, end) = read(&disk);
        assert_eq!((read, end.is_none()), (entries(), true));
    }
}

/// Four bits of every byte of every segment, closed and open, over 100,000 in all: nothing but a prefix is yielded; what was committed goes missing only with an error that says so.
#[test]
fn a_flipped_bit_is_never_used_and_hides_nothing() {
    for closed in [false, true] {
        let all = entries();
        let good = written(&all, closed);
        let mut flips = 0;
        for name in names(&good) {
            let bytes = good.bytes(&name);
            for (at, bit) in (0..bytes.len()).flat_map(|at| [0, 2, 5, 7].map(|bit| (at, bit))) {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                let disk = good.copy();
                disk.replace(&name, flipped);
                let (read, end) = read(&disk);
                flips += 1;
                assert_eq!(read, all[..read.len()], "{name} byte {at}");
                let told = end.is_some_and(|error| !error.is_torn_tail());
                assert!(
                    told || read.len() == all.len(),
                    "{name} byte {at}: {} entries, and no word",
                    read.len()
                );
            }
        }
        assert!(flips > 60_000, "{flips}");
    }
}

/// A batch that was not finished, of every length: the records before it are whole, and the journal goes on after them.
#[test]
fn a_torn_batch_of_any_length_is_cut_off() {
    let all = entries();
    let (last, before) = all.split_last().unwrap();
    let (whole, short) = (written(&all, false), written(before, false));
    let name = segment_name(names(&whole).len() as u32 - 1);
    assert_eq!(names(&whole), names(&short));
    let (with, without) = (whole.bytes(&name), short.bytes(&name));
    let from = with.iter().zip(&without).position(|(a, b)| a != b).unwrap();
    let to = with.iter().zip(&without).rposition(|(a, b)| a != b).unwrap();
    assert_eq!((from % SECTOR, to % SECTOR, with[to]), (0, ROOM, MARK));
    for end in from + 1..to {
        let mut torn = without.clone();
        torn[from..end].copy_from_slice(&with[from..end]);
        let disk = short.copy();
        disk.replace(&name, torn);
        let (entries, error) = read(&disk);
        assert_eq!(entries, before, "torn at {end}");
        assert!(error.is_some_and(|error| error.is_torn_tail()), "torn at {end}");
        let (mut log, torn) = Log::open(disk.clone(), Path::new(NAME), SEGMENT_BYTES).unwrap();
        assert!(torn.is_some() && log.committed().records == before.len() as u64);
        log.append(last.clone()).unwrap();
        log.commit().unwrap();
        let (entries, error) = read(&disk);
        assert_eq!((entries, error.is_none()), (all.clone(), true), "torn at {end}");
    }
}

/// The power goes in every operation of a history with several segments, close and going on: what was committed is there, in order, and
/// nothing else but what was appended after it.
#[test]
fn no_power_cut_loses_what_was_committed() {
    let all = entries();
    // Entries that were committed when the power went, if it did.
    let run = |disk: &SimulatedDisk, from: usize, until: usize, close: bool| -> usize {
        let log = match from {
            0 => Log::create(disk.clone(), Path::new(NAME), header(), SEGMENT_BYTES),
            _ => Log::open(disk.clone(), Path::new(NAME), SEGMENT_BYTES).map(|(log, _)| log),
        };
        let Ok(mut log) = log else { return from };
        let mut committed = from;
        for (at, entry) in all.iter().enumerate().take(until).skip(from) {
            log.append(entry.clone()).unwrap();
            if (at + 1) % 3 == 0 || at + 1 == until {
                if log.commit().is_err() {
                    return committed;
                }
                committed = at + 1;
            }
        }
        if close {
            let _ = log.close();
        }
        committed
    };
    let (power, half) = (Power::default(), all.len() / 2);
    let disk = SimulatedDisk::new(&power);
    run(&disk, 0, half, true);
    run(&disk, half, all.len(), false);
    let operations = power.operations();
    assert!(operations > 30, "{operations}");
    for cut in 0..operations {
        for seed in 0..8 {
            let power = Power::default();
            power.cut_at(cut);
            let disk = SimulatedDisk::new(&power);
            let mut committed = run(&disk, 0, half, true);
            if !power.is_off() {
                committed = run(&disk, half, all.len(), false);
            }
            assert!(power.is_off());
            disk.restart(&mut Draw::new(seed, "cut", cut));
            let (found, error) = read(&disk);
            assert_eq!(found, all[..found.len()]);
            assert!(found.len() >= committed, "cut {cut}, seed {seed}: {} of {committed}", found.len());
            match error {
                None => {}
                Some(error) if error.is_torn_tail() => {}
                Some(JournalError::NoSegments { .. } | JournalError::TornHeader { .. }) if committed == 0 => {
                    continue;
                }
                Some(error) => panic!("cut {cut}, seed {seed}: {error}"),
            }
            // It goes on from there.
            if run(&disk, found.len().max(1), all.len(), true) == all.len() && !found.is_empty() {
                assert_eq!(read(&disk).0, all, "cut {cut}, seed {seed}");
            }
        }
    }
}

#[test]
fn swapped_missing_and_foreign_segments_are_refused() {
    let good = written(&entries(), true);
    let refusal = |change: &dyn Fn(&mut SimulatedDisk)| {
        let mut disk = good.copy();
        change(&mut disk);
        let (found, end) = read(&disk);
        assert_eq!(found, entries()[..found.len()]);
        end.expect("it is refused").to_string()
    };
    let [first, second, third] = [0, 1, 2].map(segment_name);
    assert!(refusal(&|disk| disk.remove(&second).unwrap()).contains("is missing"));
    assert!(refusal(&|disk| disk.remove(&first).unwrap()).contains("archived"));
    assert!(refusal(&|disk| disk.rename(&third, &second).unwrap()).contains("under another name"));
    let mut other = Rules { target: 300, ..rules() };
    other.pause_ms_max += 1;
    let foreign = SimulatedDisk::new(&Power::default());
    let log = Log::create(foreign.clone(), Path::new(NAME), Header::new([1; 16], &other), SEGMENT_BYTES);
    let mut log = log.unwrap();
    while names(&foreign).len() < 2 {
        log.append(entries()[0].clone()).unwrap();
        log.commit().unwrap();
    }
    assert!(refusal(&|disk| disk.replace(&second, foreign.bytes(&second))).contains("another journal"));
    // Two batches of one segment in each other's place.
    let swapped = refusal(&|disk| {
        let mut bytes = disk.bytes(&first);
        let starts: Vec<usize> = (SECTOR..bytes.len()).step_by(SECTOR).collect();
        let at = |n: usize| starts[n];
        let (left, right) = bytes.split_at_mut(at(1));
        left[at(0)..].swap_with_slice(&mut right[..SECTOR]);
        disk.replace(&first, bytes);
    });
    assert!(swapped.contains("damaged at byte 512"), "{swapped}");
}

#[test]
fn a_cut_off_file_is_refused() {
    let good = written(&entries(), true);
    let name = segment_name(names(&good).len() as u32 - 1);
    let bytes = good.bytes(&name);
    for length in 0..bytes.len() {
        let disk = good.copy();
        disk.replace(&name, bytes[..length].to_vec());
        let (found, end) = read(&disk);
        assert_eq!(found, entries()[..found.len()]);
        assert!(end.is_some_and(|error| !error.is_torn_tail()), "cut to {length}");
    }
}

#[test]
fn words_for_what_is_not_a_journal() {
    let directory = tempfile::tempdir().unwrap();
    let refusal = |bytes: &[u8]| {
        let path = directory.path().join("x");
        std::fs::write(&path, bytes).unwrap();
        JournalReader::open(&path).err().unwrap().to_string()
    };
    assert!(refusal(b"BKSTPJNL\x02\0\0\0").contains("journal version 2, this program reads version 3"));
    assert!(refusal(b"ts_ms,open,high").contains("not a journal"));
    assert!(refusal(b"").contains("not a journal"));
    let empty = JournalReader::open(directory.path()).err().unwrap().to_string();
    assert!(empty.contains("no segment of a journal"), "{empty}");

    let other = Rules { target: 300, ..rules() };
    let started = Entry::EpisodeStarted { index: 0, seed: 0, rules: other, source: String::new() };
    let error = read(&written(&[started], true)).1.unwrap().to_string();
    assert!(error.contains("other rules"), "{error}");
}

#[test]
fn a_long_list_is_one_entry_again() {
    let flags = |count| {
        let flag = |n| Flag {
            sequence: 0,
            account: AccountId(n),
            severity_old: 0,
            severity_new: 1,
            equity: 0,
            requirement: 1,
        };
        (0..count as u64).map(flag).collect()
    };
    let long = [
        Entry::Verdict { round: 3, flags: flags(PART_MAX + 5) },
        Entry::Verdict { round: 4, flags: flags(PART_MAX) },
        Entry::Decision { round: 4, commands: Vec::new() },
    ];
    let (entries, end) = read(&written(&long, false));
    assert!(entries == long && end.is_none());
}

/// The chain vouches for the records, however they were grouped.
#[test]
fn the_chain_does_not_depend_on_the_batches() {
    let one = written(&entries(), true);
    let disk = SimulatedDisk::new(&Power::default());
    let mut log = Log::create(disk.clone(), Path::new(NAME), header(), 1 << 20).unwrap();
    entries().into_iter().for_each(|entry| log.append(entry).unwrap());
    let committed = log.close().unwrap();
    for disk in [one, disk] {
        let mut reader = JournalReader::new(disk, Path::new(NAME)).unwrap();
        assert_eq!(reader.by_ref().count(), entries().len());
        assert_eq!((reader.records(), reader.chain_hash()), (committed.records, committed.chain));
        assert!(reader.is_closed());
    }
}

#[test]
fn reading_resumes_at_any_record_and_only_behind_the_one_that_is_known() {
    let disk = written(&entries(), true);
    let mut reader = JournalReader::new(disk.clone(), Path::new(NAME)).unwrap();
    let mut places = vec![(0, reader.chain_hash())];
    while reader.next().is_some() {
        places.push((reader.records(), reader.chain_hash()));
    }
    for (record, chain) in places {
        let resumed = JournalReader::resume(disk.clone(), Path::new(NAME), record, chain).unwrap();
        let rest: Vec<Entry> = resumed.map(Result::unwrap).collect();
        assert_eq!(rest, entries()[record as usize..]);
        let other = JournalReader::resume(disk.clone(), Path::new(NAME), record, [7; 32]).err().unwrap();
        assert!(other.to_string().contains("is not the one that is known"), "{other}");
    }
    let beyond = JournalReader::resume(disk, Path::new(NAME), 1_000, [7; 32]).err().unwrap().to_string();
    assert!(beyond.contains("1000 are known"), "{beyond}");
}

#[test]
fn a_real_folder_is_written_read_and_never_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run/journal");
    let writer = JournalWriter::create(&path, &header()).unwrap();
    for entry in entries() {
        writer.append(entry).unwrap();
    }
    let synced = writer.sync().unwrap();
    let (read, _): (Vec<_>, Vec<_>) = JournalReader::open(&path).unwrap().partition(Result::is_ok);
    assert_eq!(read.len(), entries().len(), "durable before it is closed");
    let closed = writer.close().unwrap();
    assert_eq!((closed.records, closed.chain), (synced.records, synced.chain));
    let mut reader = JournalReader::open(&path).unwrap();
    let read: Vec<Entry> = reader.by_ref().map(Result::unwrap).collect();
    assert_eq!(read, entries());
    assert_eq!((reader.records(), reader.offset()), (closed.records, JournalReader::bytes(&path)));
    let error = JournalWriter::create(&path, &header()).err().unwrap().to_string();
    assert!(error.contains("never overwritten") && error.contains("another name"), "{error}");
}

#[test]
fn a_full_disk_is_waited_for_and_nothing_is_lost() {
    let disk = SimulatedDisk::new(&Power::default());
    disk.set_capacity(Some(2 * SEGMENT_BYTES + 100));
    let log = Log::create(disk.clone(), Path::new(NAME), header(), SEGMENT_BYTES).unwrap();
    let group = GroupCommit {
        waiting_max: 2,
        linger: Duration::ZERO,
        full_retry: Duration::from_millis(1),
        ..GroupCommit::default()
    };
    let writer = JournalWriter::spawn(log, group);
    // More than the disk holds, however it is grouped.
    let all: Vec<Entry> = (0..40).flat_map(|_| entries()).collect();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !writer.is_full() {
                std::thread::yield_now();
            }
            disk.set_capacity(None);
        });
        all.iter().for_each(|entry| writer.append(entry.clone()).unwrap());
        writer.sync().unwrap();
    });
    assert!(!writer.is_full() && writer.stalls() > 0);
    writer.close().unwrap();
    assert_eq!(read(&disk).0, all);
}

#[test]
fn a_disk_that_stays_full_is_told_to_every_later_caller() {
    let disk = SimulatedDisk::new(&Power::default());
    disk.set_capacity(Some(SEGMENT_BYTES));
    let log = Log::create(disk.clone(), Path::new(NAME), header(), SEGMENT_BYTES).unwrap();
    let group = GroupCommit { full_wait: Duration::ZERO, waiting_max: 2, ..GroupCommit::default() };
    let writer = JournalWriter::spawn(log, group);
    let note = || Entry::Note { time_ms: 0, text: "x".repeat(2_000) };
    let error = (0..100_000).find_map(|_| writer.append(note()).and_then(|()| writer.sync()).err());
    let error = error.expect("the disk is full").to_string();
    assert!(error.contains("free space"), "{error}");
    disk.set_capacity(None);
    assert_eq!(writer.append(note()).unwrap_err().to_string(), error);
    assert_eq!(writer.sync().unwrap_err().to_string(), error);
    assert_eq!(writer.close().unwrap_err().to_string(), error);
    let (found, end) = read(&disk);
    assert!(!found.is_empty() && end.is_none());
}

fn checked(disk: &SimulatedDisk) -> Result<care::Checked, JournalError> {
    care::check(disk.clone(), Path::new(NAME), |_| {})
}

fn repaired(
    disk: &SimulatedDisk,
    replica: Option<&SimulatedDisk>,
) -> Result<care::Repaired, care::RepairError> {
    let replica = replica.map(|replica| (replica.clone(), Path::new("replica")));
    care::repair(disk.clone(), Path::new(NAME), replica)
}

/// Damage at many places of every segment, a missing segment, and headers: the replica makes it whole, byte for byte.
#[test]
fn damage_is_repaired_from_a_replica() {
    let good = written(&entries(), true);
    let whole = checked(&good).unwrap();
    assert_eq!((whole.closed, whole.records, &whole.torn), (true, entries().len() as u64, &None));
    assert!(repaired(&good, None).unwrap().replaced.is_empty());
    let all = names(&good);
    for name in &all {
        let bytes = good.bytes(name);
        for at in (0..bytes.len()).step_by(301) {
            let disk = good.copy();
            let mut damaged = bytes.clone();
            damaged[at] ^= 16;
            disk.replace(name, damaged);
            assert!(matches!(repaired(&disk, None), Err(care::RepairError::Journal(_))), "{name} byte {at}");
            let repaired = repaired(&disk, Some(&good)).unwrap();
            assert_eq!((&repaired.now, repaired.replaced.contains(name)), (&whole, true), "{name} byte {at}");
            assert!(all.iter().all(|name| disk.bytes(name) == good.bytes(name)), "{name} byte {at}");
        }
    }
    let mut disk = good.copy();
    disk.remove(&all[1]).unwrap();
    assert_eq!(repaired(&disk, Some(&good)).unwrap().now, whole);
}

/// Its only header is the damage: that its batches are the replica's says whose it is. Without a batch nothing does.
#[test]
fn a_journal_of_one_segment_is_known_by_its_batches() {
    for count in [0, 1, entries().len()] {
        let good = SimulatedDisk::new(&Power::default());
        let mut log =
            Log::create(good.clone(), Path::new(NAME), header(), Log::<SimulatedDisk>::SEGMENT_BYTES)
                .unwrap();
        for entry in &entries()[..count] {
            log.append(entry.clone()).unwrap();
            log.commit().unwrap();
        }
        let (name, disk) = (segment_name(0), good.copy());
        let mut bytes = good.bytes(&name);
        bytes[40] ^= 4;
        disk.replace(&name, bytes);
        match repaired(&disk, Some(&good)) {
            Ok(repaired) => assert_eq!((repaired.now, count > 0), (checked(&good).unwrap(), true)),
            Err(error) => assert!(count == 0 && error.to_string().contains("by hand"), "{error}"),
        }
    }
}

#[test]
fn a_replica_that_does_not_serve_changes_nothing() {
    let good = written(&entries(), true);
    let (first, last) = (segment_name(0), names(&good).pop().unwrap());
    let damaged = good.copy();
    let mut bytes = good.bytes(&first);
    bytes[SECTOR + 100] ^= 1;
    damaged.replace(&first, bytes);
    let refusal = |replica: &SimulatedDisk| {
        let before: Vec<_> = names(&damaged).iter().map(|name| damaged.bytes(name)).collect();
        let error = repaired(&damaged, Some(replica)).unwrap_err().to_string();
        assert!(names(&damaged).iter().map(|name| damaged.bytes(name)).eq(before));
        error
    };
    assert!(refusal(&damaged.copy()).contains("no good either"));
    let short = written(&entries()[..entries().len() - 3], true);
    assert!(refusal(&short).contains("take a longer one"), "{}", refusal(&short));
    let mut others = entries();
    others.swap(3, 4);
    let mut tail = good.copy();
    let mut bytes = good.bytes(&last);
    bytes[SECTOR + 100] ^= 1;
    tail.replace(&last, bytes);
    let foreign = repaired(&tail, Some(&written(&others, true))).unwrap_err().to_string();
    assert!(foreign.contains("not of this journal"), "{foreign}");
    tail = SimulatedDisk::new(&Power::default());
    let log =
        Log::create(tail.clone(), Path::new(NAME), Header::new([2; 16], &rules()), SEGMENT_BYTES).unwrap();
    log.close().unwrap();
    assert!(refusal(&tail).contains("another instance"), "{}", refusal(&tail));
}

#[test]
fn a_torn_tail_is_no_damage_and_is_cut_off() {
    let disk = written(&entries(), false);
    let last = names(&disk).pop().unwrap();
    let mut bytes = disk.bytes(&last);
    let end = bytes.iter().rposition(|&byte| byte != 0).unwrap() + 1;
    bytes[end + 3] = 7;
    disk.replace(&last, bytes);
    assert!(checked(&disk).unwrap().torn.is_some_and(|torn| torn.contains("torn tail")));
    let repaired = repaired(&disk, None).unwrap();
    assert!(repaired.cut && repaired.now.torn.is_none() && !repaired.now.closed);
    assert_eq!(read(&disk).0, entries());
}

proptest! {
    /// Any bytes after a good header: refused or torn, never a panic, never an entry of their own.
    #[test]
    fn rubbish_yields_nothing(rubbish in proptest::collection::vec(any::<u8>(), 1..2_000)) {
        let disk = written(&[], false);
        let mut bytes = disk.bytes(&segment_name(0));
        bytes[SECTOR..SECTOR + rubbish.len()].copy_from_slice(&rubbish);
        disk.replace(&segment_name(0), bytes);
        let (entries, end) = read(&disk);
        prop_assert!(entries.is_empty() && (end.is_some() || rubbish.iter().all(|&byte| byte == 0)));
    }
}
