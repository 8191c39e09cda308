//! Everything that reads bytes from outside, each with what must hold of whatever it accepts: for tests that throw bytes at it.

mod samples;

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;

use borsh::BorshDeserialize;
use model::machine::{Capacity, Machine};
use model::record::{self, Record, input, output};
use rust_decimal::Decimal;

use crate::feed::row::{Line, Rows};
use crate::journal::{Disk, Entry, JournalReader, Log, segment_name};
use crate::recovery::RunState;
use crate::rules::import::{Source, binance, dydx};
use crate::rules::{parse, write};
use crate::simulate::disk::{Power, SimulatedDisk};
use crate::venue::Books;

/// A reader of bytes from outside.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Parser {
    /// Candles, CSV.
    Tape,
    /// Snapshots of books, CSV.
    Books,
    /// A rules file.
    Rules,
    /// A table of Binance's tiers, CSV.
    BinanceTiers,
    /// dYdX's genesis, JSON.
    DydxGenesis,
    /// A segment of a journal.
    Journal,
    /// A record's payload.
    Entry,
    /// The state in a snapshot.
    State,
    /// Records to the device.
    Records,
}

impl Parser {
    pub const ALL: [Self; 9] = [
        Self::Tape,
        Self::Books,
        Self::Rules,
        Self::BinanceTiers,
        Self::DydxGenesis,
        Self::Journal,
        Self::Entry,
        Self::State,
        Self::Records,
    ];

    /// Reads the bytes; true if anything in them was accepted.
    ///
    /// # Panics
    /// If what was accepted is not what it must be.
    pub fn read(self, bytes: &[u8]) -> bool {
        match self {
            Self::Tape => tape(bytes),
            Self::Books => Books::read(bytes, "fuzzed", &BTreeMap::new()).is_ok(),
            Self::Rules => std::str::from_utf8(bytes).is_ok_and(rules),
            Self::BinanceTiers => imported(binance::read(bytes, &[]).ok()),
            Self::DydxGenesis => imported(dydx::read(bytes, &[]).ok()),
            Self::Journal => journal(bytes),
            Self::Entry => entry(bytes),
            Self::State => state(bytes),
            Self::Records => records(bytes),
        }
    }
}

/// Every accepted row is a candle, and lines only go up.
fn tape(bytes: &[u8]) -> bool {
    let input = Box::new(Cursor::new(bytes.to_vec()));
    let Ok(rows) = Rows::new(input, "fuzzed".into(), "PERP".into(), None) else { return false };
    let (mut last, mut accepted) = (0, false);
    for line in rows {
        let at = match line {
            Line::Row(row) => {
                accepted = true;
                assert!(row.low > Decimal::ZERO, "{row:?}");
                assert!(row.low <= row.open.min(row.close) && row.open.max(row.close) <= row.high, "{row:?}");
                row.line
            }
            Line::Refused(refusal) => refusal.line,
            Line::Filtered(_) => unreachable!("every symbol is wanted"),
        };
        assert!(at > last, "line {at} after {last}");
        last = at;
    }
    accepted
}

/// Accepted rules, written down, are the same rules.
fn rules(text: &str) -> bool {
    let Ok(set) = parse(text) else { return false };
    let written = write(&set, "fuzzed");
    let again = parse(&written).unwrap_or_else(|faults| panic!("{faults}\n{written}"));
    assert_eq!(again, set, "{written}");
    assert!(set.rules.validate().is_ok());
    true
}

fn imported(source: Option<Source>) -> bool {
    let Some(Ok((set, _))) = source.map(|source| source.rule_set("fuzzed")) else { return false };
    rules(&write(&set, "fuzzed"))
}

/// What was read of a journal, written again, is read again, and chains to the same hash.
fn journal(bytes: &[u8]) -> bool {
    let path = Path::new("fuzzed");
    let mut disk = SimulatedDisk::new(&Power::default());
    let name = segment_name(0);
    disk.create(&name, bytes.len() as u64).expect("a new disk");
    disk.write(&name, 0, bytes).expect("as long as it was created");
    let Ok(mut reader) = JournalReader::new(disk, path) else { return false };
    let (mut entries, mut chain) = (Vec::new(), reader.chain_hash());
    while let Some(Ok(entry)) = reader.next() {
        entries.push(entry);
        chain = reader.chain_hash();
    }
    let header = *reader.header();
    let copy = SimulatedDisk::new(&Power::default());
    let mut log = Log::create(copy.clone(), path, header, 1 << 16).expect("a new disk");
    entries.iter().for_each(|entry| log.append(entry.clone()).expect("it was short enough"));
    assert_eq!(log.commit().expect("a sound disk").chain, chain);
    let again: Vec<Entry> =
        JournalReader::new(copy, path).expect("it was written").map_while(Result::ok).collect();
    assert_eq!(again, entries);
    !entries.is_empty()
}

fn entry(mut bytes: &[u8]) -> bool {
    let Ok(entry) = Entry::deserialize(&mut bytes) else { return false };
    let written = borsh::to_vec(&entry).expect("writing to memory");
    assert_eq!(Entry::try_from_slice(&written).expect("it was written"), entry);
    true
}

/// An accepted state, written down, is the same state.
fn state(bytes: &[u8]) -> bool {
    let Ok(state) = RunState::of_bytes(bytes) else { return false };
    let written = state.to_bytes();
    let again = RunState::of_bytes(&written).unwrap_or_else(|error| panic!("{error:#}"));
    assert!(again.to_bytes() == written, "a state that is written otherwise when it is read again");
    true
}

/// Whatever was sent, the model answers a RESYNC and a FENCE after it, and says no more of a record than its lanes allow.
fn records(bytes: &[u8]) -> bool {
    let capacity = Capacity { lanes: 2, accounts_per_lane: 8, slots_per_lane: 32, instruments: 4 };
    let mut machine = Machine::new(capacity);
    let mut answers = Vec::new();
    let mut accepted = false;
    for bytes in bytes.chunks_exact(32) {
        let record = Record(bytes.try_into().expect("32 bytes"));
        answers.clear();
        machine.execute(&record, &mut answers);
        let holders = capacity.lanes * (capacity.slots_per_lane + 2);
        assert!(answers.len() <= holders + 2, "{} answers to {record:?}", answers.len());
        accepted |= answers.iter().all(|answer| answer.op() != output::ERROR_RECORD.op);
    }
    answers.clear();
    machine.execute(&Record::new(&input::RESYNC, 9).with(&record::TOKEN, 1), &mut answers);
    machine.execute(&Record::new(&input::FENCE, 10).with(&record::TOKEN, 2), &mut answers);
    let ops: Vec<u8> = answers.iter().map(Record::op).collect();
    assert_eq!(ops, [output::RESYNC_ECHO.op, output::FENCE_ECHO.op], "{answers:?}");
    accepted
}
