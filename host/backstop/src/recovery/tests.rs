//! Snapshots that are damaged, cut off, foreign or ahead of their journal, and power cuts around them.

use std::path::Path;

use engine::event::{AccountId, Event, InstrumentId};
use engine::rules::{InstrumentSpec, Rules};

use super::*;
use crate::feed::draw::Draw;
use crate::journal::{Entry, Header, JournalError, Log};
use crate::simulate::disk::{Power, SimulatedDisk};

const JOURNAL: &str = "journal";
const SNAPSHOTS: &str = "snapshots";
const SEGMENT_BYTES: u64 = 4_096;
const X: InstrumentId = InstrumentId(0);

fn header() -> Header {
    Header::new([1; 16], &Rules::default())
}

/// Entries of rounds, the first one's with those that begin the episode; a deposit and a mark each.
pub(super) fn rounds(count: u64) -> Vec<Vec<Entry>> {
    let started = Entry::EpisodeStarted { index: 0, seed: 1, rules: Rules::default(), source: String::new() };
    let mut sequence = 0;
    (0..count)
        .map(|round| {
            let mut events = vec![
                Event::Deposited { account: AccountId(round), quanta: 1 + round as i64 },
                Event::Mark { instrument: X, price: 1_000 + round },
            ];
            let mut entries = vec![Entry::Taken { source: 0, sequence: round }];
            if round == 0 {
                let spec = InstrumentSpec::plain("X", 1_000_000).into();
                events.insert(0, Event::Listed { instrument: X, spec });
                entries.insert(0, started.clone());
            }
            let (time_ms, first_sequence) = (round as i64 * 1_000, sequence);
            for event in &events {
                entries.push(Entry::Event { sequence, time_ms, event: event.clone() });
                sequence += 1;
            }
            let events = events.len() as u32;
            entries.push(Entry::RoundEnded { round, time_ms, first_sequence, events, external: true });
            entries.push(Entry::Verdict { round, flags: Vec::new() });
            entries.push(Entry::Decision { round, commands: Vec::new() });
            entries
        })
        .collect()
}

fn log(disk: &SimulatedDisk) -> Result<Log<SimulatedDisk>, JournalError> {
    Log::create(disk.clone(), Path::new(JOURNAL), header(), SEGMENT_BYTES)
}

fn snapshots(disk: &SimulatedDisk) -> Snapshots<SimulatedDisk> {
    Snapshots::new(disk.clone(), Path::new(SNAPSHOTS), header(), 2)
}

fn recovered(journal: &SimulatedDisk, disk: &SimulatedDisk) -> anyhow::Result<Recovered> {
    recover(journal.clone(), Path::new(JOURNAL), &mut snapshots(disk), |_| {})
}

/// A round is committed; every third is followed by a snapshot. Gives how many were committed.
fn run(journal: &SimulatedDisk, disk: &SimulatedDisk, rounds: &[Vec<Entry>]) -> usize {
    let Ok(mut log) = log(journal) else { return 0 };
    let mut state: Option<RunState> = None;
    for (at, entries) in rounds.iter().enumerate() {
        entries.iter().for_each(|entry| log.append(entry.clone()).unwrap());
        let Ok(committed) = log.commit() else { return at };
        state = Some(follow_from(state.take(), entries.iter().cloned().map(Ok), None).unwrap());
        if at % 3 == 2 {
            let position = Position { record: committed.records, chain: committed.chain };
            if snapshots(disk).write(position, state.as_ref().unwrap()).is_err() {
                return at + 1;
            }
        }
    }
    rounds.len()
}

/// State after so many rounds, as bytes.
fn expected(rounds: &[Vec<Entry>]) -> Vec<u8> {
    follow(rounds.iter().flatten().cloned().map(Ok), None).unwrap().to_bytes()
}

fn stored() -> (SimulatedDisk, SimulatedDisk, Vec<Vec<Entry>>) {
    let power = Power::default();
    let (journal, disk, rounds) = (SimulatedDisk::new(&power), SimulatedDisk::new(&power), rounds(11));
    assert_eq!(run(&journal, &disk, &rounds), 11);
    (journal, disk, rounds)
}

fn names(disk: &SimulatedDisk) -> Vec<String> {
    disk.clone().names().unwrap()
}

#[test]
fn the_newest_is_taken_and_the_oldest_go() {
    let (journal, disk, rounds) = stored();
    let records = |count: usize| rounds[..count].iter().map(|round| round.len() as u64).sum::<u64>();
    let recovered = recovered(&journal, &disk).unwrap();
    assert_eq!(recovered.snapshot.unwrap().record, records(9));
    assert!(recovered.passed.is_empty() && recovered.state.to_bytes() == expected(&rounds));
    assert_eq!((recovered.state.taken[&0], recovered.state.next_round), (10, 11));
    assert_eq!(names(&disk), [6, 9].map(|count| format!("{:020}.snapshot", records(count))));
}

/// Every bit of the newest: it is passed over, and the one before gives the same state; without any the whole journal does.
#[test]
fn a_flipped_bit_in_a_snapshot_is_never_used() {
    let (journal, disk, rounds) = stored();
    let [older, newest] = names(&disk).try_into().unwrap();
    let (good, whole) = (disk.bytes(&newest), expected(&rounds));
    for bit in (0..8 * good.len()).step_by(3) {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        disk.replace(&newest, bytes);
        let recovered = recovered(&journal, &disk).unwrap();
        assert_eq!(recovered.passed.len(), 1, "bit {bit}");
        assert!(older.starts_with(&format!("{:020}", recovered.snapshot.unwrap().record)), "bit {bit}");
        assert!(recovered.state.to_bytes() == whole, "bit {bit}");
    }
    for length in 0..good.len() {
        disk.replace(&newest, good[..length].to_vec());
        assert_eq!(snapshots(&disk).newest().unwrap().1.len(), 1, "cut to {length}");
    }
    disk.replace(&older, Vec::new());
    let recovered = recovered(&journal, &disk).unwrap();
    assert!(recovered.snapshot.is_none() && recovered.passed.len() == 2);
    assert!(recovered.state.to_bytes() == whole);
}

#[test]
fn a_snapshot_of_another_journal_or_ahead_of_its_own_is_not_used() {
    let (journal, disk, rounds) = stored();
    let other =
        Snapshots::new(disk.clone(), Path::new(SNAPSHOTS), Header::new([2; 16], &Rules::default()), 2)
            .newest()
            .unwrap();
    assert!(other.0.is_none() && matches!(other.1[0], SnapshotError::Foreign { .. }));
    // The journal's end was lost with records that were durable when the snapshot was made.
    let short = SimulatedDisk::new(&Power::default());
    assert_eq!(run(&short, &SimulatedDisk::new(&Power::default()), &rounds[..8]), 8);
    let error = format!("{:#}", recovered(&short, &disk).err().unwrap());
    assert!(error.contains("does not hold what its snapshot is after"), "{error}");
    assert!(recovered(&journal, &disk).is_ok());
}

/// The power goes in every operation on journal or snapshots: what was committed comes back, and nothing else but what was being committed.
#[test]
fn no_power_cut_loses_a_committed_round() {
    let rounds = rounds(11);
    let power = Power::default();
    run(&SimulatedDisk::new(&power), &SimulatedDisk::new(&power), &rounds);
    let operations = power.operations();
    let states: Vec<Vec<u8>> = (1..=rounds.len()).map(|count| expected(&rounds[..count])).collect();
    let mut from_snapshots = 0;
    for cut in 0..operations {
        for seed in 0..8 {
            let power = Power::default();
            power.cut_at(cut);
            let (journal, disk) = (SimulatedDisk::new(&power), SimulatedDisk::new(&power));
            let committed = run(&journal, &disk, &rounds);
            let mut draw = Draw::new(seed, "cut", cut);
            journal.restart(&mut draw);
            disk.restart(&mut draw);
            match recovered(&journal, &disk) {
                Ok(Recovered { state, snapshot, .. }) => {
                    let count = state.next_round as usize;
                    assert!(
                        (committed..=committed + 1).contains(&count),
                        "cut {cut}, seed {seed}: {count}, {committed}"
                    );
                    assert!(state.to_bytes() == states[count - 1], "cut {cut}, seed {seed}");
                    from_snapshots += u32::from(snapshot.is_some());
                }
                Err(error) => assert_eq!(committed, 0, "cut {cut}, seed {seed}: {error:#}"),
            }
        }
    }
    assert!(operations > 40 && from_snapshots > 100, "{operations} {from_snapshots}");
}
