//! Damage: whatever happens to the bytes, no wrong entry is ever yielded.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine::book::{Book, Level};
use engine::event::{AccountId, Command, Event, Flag, InstrumentId, Source};
use engine::rules::{
    Breaker, Composition, Depth, Expiry, Funding, InstrumentSpec, Rules, Unwind, Volatility,
};
use engine::stability::Pause;
use proptest::prelude::*;

use super::entry::PART_MAX;
use super::format::{FRAME_BYTES, Frame, HEADER_BYTES};
use super::*;

const NAME: &str = "test.journal";

fn rules() -> Rules {
    Rules::default()
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
    ]
}

/// The journal of `entries` and the byte where each record starts, its end included.
pub(super) fn written(entries: &[Entry]) -> (Vec<u8>, Vec<usize>) {
    let header = Header::new([1; 16], &rules());
    let mut journal = JournalFile::new(Memory::default(), Path::new(NAME), &header).unwrap();
    let mut starts = vec![HEADER_BYTES];
    for entry in entries {
        journal.append(entry.clone()).unwrap();
        starts.push(journal.sync().unwrap().bytes as usize);
    }
    (journal.into_sink().0, starts)
}

type ReadBack = (Vec<Entry>, Option<JournalError>);

fn read(bytes: &[u8]) -> ReadBack {
    let reader = match JournalReader::new(bytes, Path::new(NAME)) {
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

/// A sink in memory.
#[derive(Default)]
struct Memory(Vec<u8>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Memory {
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_is_written_is_read() {
    let (bytes, starts) = written(&entries());
    assert_eq!(bytes.len(), starts[starts.len() - 1]);
    let (read, end) = read(&bytes);
    assert_eq!((read, end.is_none()), (entries(), true));
}

/// Every byte, every bit of it and its complement.
#[test]
fn a_changed_byte_is_refused_where_it_stands() {
    let (good, starts) = written(&entries());
    let last = starts[starts.len() - 2];
    for at in 0..good.len() {
        for flip in [1, 2, 4, 8, 16, 32, 64, 128, 0xff_u8] {
            let mut bytes = good.clone();
            bytes[at] ^= flip;
            let (read, end) = read(&bytes);
            let whole = starts[1..].iter().filter(|&&end| end <= at).count();
            assert_eq!(read, entries()[..whole], "byte {at}");
            let end = end.unwrap_or_else(|| panic!("byte {at} ^ {flip:#x} went unseen"));
            let in_last_length = (last + 8..last + 12).contains(&at);
            assert!(!end.is_torn_tail() || in_last_length, "byte {at} ^ {flip:#x}: {end}");
            if let JournalError::Damaged { offset, sequence, .. } = end {
                assert_eq!((offset, sequence), (starts[whole] as u64, whole as u64));
            }
        }
    }
}

#[test]
fn a_cut_leaves_a_clean_prefix_and_says_where() {
    let (good, starts) = written(&entries());
    for length in 0..good.len() {
        let (read, end) = read(&good[..length]);
        let whole = starts[1..].iter().filter(|&&end| end <= length).count();
        assert_eq!(read, entries()[..whole], "cut to {length}");
        match end {
            Some(JournalError::TornHeader { bytes, .. }) => {
                assert_eq!((length < HEADER_BYTES, bytes), (true, length))
            }
            Some(JournalError::TornTail { offset, sequence, bytes, .. }) => {
                assert_eq!((offset, sequence), (starts[whole] as u64, whole as u64));
                assert_eq!(offset + bytes, length as u64);
            }
            None => assert!(starts.contains(&length), "cut to {length}"),
            Some(other) => panic!("cut to {length}: {other}"),
        }
    }
}

#[test]
fn swapped_dropped_and_repeated_records_are_refused() {
    let (good, starts) = written(&entries());
    let record = |n: usize| good[starts[n]..starts[n + 1]].to_vec();
    let with = |order: &[usize]| {
        let mut bytes = good[..HEADER_BYTES].to_vec();
        order.iter().for_each(|&n| bytes.extend(record(n)));
        read(&bytes)
    };
    for order in [[0, 2, 1], [0, 1, 1], [0, 2, 3], [1, 0, 2]] {
        let (read, end) = with(&order);
        assert_eq!(read, entries()[..read.len()]);
        assert!(end.unwrap().to_string().contains("expected"), "{order:?}");
    }
    // Renumbered, and each with a good crc: only the chain tells.
    let mut swapped = good[..starts[1]].to_vec();
    for (sequence, n) in [(1, 2), (2, 1)] {
        let payload = &good[starts[n] + FRAME_BYTES..starts[n + 1]];
        let mut frame = Frame::decode(good[starts[n]..][..FRAME_BYTES].try_into().unwrap());
        frame.sequence = sequence;
        frame.crc = frame.crc_computed(payload);
        swapped.extend(frame.encode());
        swapped.extend(payload);
    }
    let (read, end) = read(&swapped);
    assert_eq!(read, entries()[..1]);
    assert!(end.unwrap().to_string().contains("chain"));
}

#[test]
fn words_for_what_is_not_a_journal() {
    let (good, starts) = written(&entries());
    let refusal = |bytes: &[u8]| read(bytes).1.unwrap().to_string();
    let mut bytes = good.clone();
    bytes[8] = 1;
    assert!(refusal(&bytes).contains("test.journal: journal version 1, this program reads version 2"));
    bytes[0] = b'x';
    assert!(refusal(&bytes).contains("not a journal"));
    bytes = good.clone();
    bytes[starts[3] + 8..][..4].copy_from_slice(&(PAYLOAD_MAX + 1).to_le_bytes());
    assert!(refusal(&bytes).contains("the longest allowed"));

    let other = Rules { target: 300, ..rules() };
    let started = Entry::EpisodeStarted { index: 0, seed: 0, rules: other, source: String::new() };
    assert!(refusal(&written(&[started]).0).contains("other rules"));
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
    let (bytes, _) = written(&long);
    let (entries, end) = read(&bytes);
    assert!(entries == long && end.is_none());
    // Cut after the first part: the list is not taken for whole.
    let first = HEADER_BYTES + FRAME_BYTES + 13 + PART_MAX * 50;
    let (entries, end) = read(&bytes[..first]);
    assert!(entries.is_empty() && end.unwrap().is_torn_tail());
}

#[test]
fn an_existing_journal_is_never_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.journal");
    let header = Header::new([2; 16], &rules());
    std::fs::write(&path, b"").unwrap(); // an empty file is no journal
    let writer = JournalWriter::spawn(&path, &header).unwrap();
    for entry in entries() {
        writer.append(entry).unwrap();
    }
    let closed = writer.close().unwrap();
    let mut reader = JournalReader::open(&path).unwrap();
    let read: Vec<Entry> = reader.by_ref().map(Result::unwrap).collect();
    assert_eq!(read, entries());
    assert_eq!(
        (reader.records(), reader.offset(), reader.chain_hash()),
        (closed.records, closed.bytes, closed.chain)
    );
    assert_eq!(reader.header(), &header);

    let before = std::fs::read(&path).unwrap();
    let error = JournalWriter::spawn(&path, &header).err().unwrap().to_string();
    assert!(error.contains("never overwritten") && error.contains("another name"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let error = JournalWriter::spawn(&directory.path().join("none/run"), &header).err().unwrap().to_string();
    assert!(error.contains("create the directory"), "{error}");
}

/// A disk with so many bytes left.
struct Full(Arc<AtomicU64>);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = self.0.load(Ordering::Relaxed).min(bytes.len() as u64);
        self.0.fetch_sub(left, Ordering::Relaxed);
        if left == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(left as usize) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Full {
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_told_to_every_later_caller() {
    let header = Header::new([3; 16], &rules());
    let left = Arc::new(AtomicU64::new(1_000));
    let journal = JournalFile::new(Full(Arc::clone(&left)), Path::new(NAME), &header).unwrap();
    let writer = JournalWriter::spawn_on(journal, 2);
    let note = || Entry::Note { time_ms: 0, text: "x".repeat(200) };
    let error = (0..100_000).find_map(|_| writer.append(note()).err()).expect("the disk is full").to_string();
    assert!(error.contains("test.journal") && error.contains("free space"), "{error}");
    left.store(u64::MAX, Ordering::Relaxed); // space comes back: too late, records were lost
    assert_eq!(writer.append(note()).unwrap_err().to_string(), error);
    assert_eq!(writer.sync().unwrap_err().to_string(), error);
    assert_eq!(writer.close().unwrap_err().to_string(), error);

    let journal = JournalFile::new(Full(Arc::new(AtomicU64::new(70))), Path::new(NAME), &header).unwrap();
    let writer = JournalWriter::spawn_on(journal, 2);
    writer.append(note()).unwrap();
    assert!(writer.close().unwrap_err().to_string().contains("free space"), "seen at close at the latest");
}

proptest! {
    /// Any bytes after a good header: refused or torn, never a panic, never an entry of their own.
    #[test]
    fn rubbish_yields_nothing(rubbish in proptest::collection::vec(any::<u8>(), 1..400)) {
        let (mut bytes, _) = written(&[]);
        bytes.extend(&rubbish);
        let (entries, end) = read(&bytes);
        prop_assert!(entries.is_empty() && end.is_some());
    }
}
