//! The shim and the queue; what the machine answers is tested against the model in `tests/differential.rs`.

use super::*;
use model::record::{self, Record, TOKEN, input, output};

fn resync(sequence: u32) -> Record {
    Record::new(&input::RESYNC, sequence).with(&TOKEN, 7)
}

fn fence(sequence: u32) -> Record {
    Record::new(&input::FENCE, sequence).with(&TOKEN, i128::from(sequence))
}

/// Polls until the machine is quiet.
fn drain(machine: &mut Machine) -> Vec<Record> {
    let mut all = Vec::new();
    let mut out = [Record::default(); 16];
    while !machine.is_quiet() {
        let count = machine.poll(&mut out);
        all.extend_from_slice(&out[..count]);
    }
    all
}

#[test]
fn echoes_come_back_in_order_under_every_stall_pattern() {
    for (lanes, (idle, stall)) in LANES.into_iter().zip([(0, 0), (128, 0), (0, 128), (200, 230)]) {
        let mut machine = Machine::new(Build::Small, lanes, None).unwrap();
        machine.set_stalls(41, idle, stall);
        let records: Vec<Record> = std::iter::once(resync(9)).chain((10..300).map(fence)).collect();
        assert_eq!(machine.submit(&records), records.len());
        let answers = drain(&mut machine);
        let sequences: Vec<u32> = answers.iter().map(Record::sequence).collect();
        assert_eq!(sequences, (9..300).collect::<Vec<u32>>(), "{lanes} lanes, idle {idle}, stall {stall}");
        assert_eq!(answers[0].op(), output::RESYNC_ECHO.op);
        assert!(answers[1..].iter().all(|answer| answer.op() == output::FENCE_ECHO.op));
    }
}

#[test]
fn a_reset_of_one_clock_leaves_no_answer_behind() {
    // A machine that is locked refuses every record.
    let refused = [Record::default(); 64];
    let mut out = [Record::default(); 64];
    let mut handle = ffi::Handle::linked(Build::Small, 1, None).unwrap();
    let mut answers = 0;
    for clocks in 1..60 {
        handle.reset();
        assert_eq!(handle.step(&[], &mut out, 1_000, 1_000).produced, 0, "before {clocks} clocks");
        answers += handle.step(&refused, &mut out, clocks, clocks).produced;
        handle.reset();
        assert_eq!(handle.step(&[], &mut out, 1_000, 1_000).produced, 0, "reset after {clocks} clocks");
    }
    assert!(answers > 100, "{answers}");
}

#[test]
fn the_clock_stands_still_when_there_is_nothing_to_do() {
    let mut machine = Machine::new(Build::Small, 1, None).unwrap();
    assert_eq!(machine.submit(&[resync(0), fence(1)]), 2);
    assert_eq!(drain(&mut machine).len(), 2);
    let clocks = machine.clocks();
    assert_eq!(machine.poll(&mut [Record::default(); 4]), 0);
    assert_eq!(machine.clocks(), clocks);
    assert_eq!(machine.submit(&[fence(2)]), 1);
    assert_eq!(machine.poll(&mut [Record::default(); 4]), 1);
    assert!(machine.clocks() < clocks + 100, "{} clocks for one fence", machine.clocks() - clocks);
}

#[test]
fn the_queue_is_bounded_and_nothing_is_lost_at_the_bound() {
    let mut machine = Machine::new(Build::Small, 1, None).unwrap();
    let mut records = vec![resync(0)];
    records.extend((1..=2 * QUEUE_RECORDS as u32).map(fence));
    let mut sent = machine.submit(&records);
    assert_eq!((sent, machine.room()), (QUEUE_RECORDS, 0));
    let mut answers = 0;
    let mut out = [Record::default(); 64];
    while answers < records.len() {
        let count = machine.poll(&mut out);
        assert!(
            out[..count].iter().zip(answers..).all(|(record, number)| record.sequence() == number as u32)
        );
        answers += count;
        sent += machine.submit(&records[sent..]);
    }
    assert!(machine.is_quiet());
}

#[test]
fn machines_may_go_in_any_order_and_the_others_run_on() {
    let mut machines: Vec<Machine> = (0..4).map(|_| Machine::new(Build::Small, 1, None).unwrap()).collect();
    for gone in [0, 2, 0] {
        drop(machines.remove(gone));
        for machine in &mut machines {
            machine.reset();
            assert_eq!(machine.submit(&[resync(0)]), 1);
            assert_eq!(drain(machine).len(), 1);
        }
    }
}

#[test]
fn a_waveform_is_written_and_a_bad_path_is_an_error() {
    let path = std::env::temp_dir().join(format!("backstop-sim-{}.fst", std::process::id()));
    let mut machine = Machine::new(Build::Small, 1, Some(&path)).unwrap();
    machine.submit(&[resync(0), fence(1)]);
    assert_eq!(drain(&mut machine).len(), 2);
    drop(machine);
    let bytes = std::fs::metadata(&path).unwrap().len();
    std::fs::remove_file(&path).unwrap();
    assert!(bytes > 500, "{bytes} bytes");
    let missing = std::path::Path::new("/nonexistent/lane.fst");
    assert!(matches!(Machine::new(Build::Small, 1, Some(missing)), Err(SimError::Trace { .. })));
}

#[test]
fn what_is_not_built_is_an_error() {
    assert!(matches!(Machine::new(Build::Small, 3, None), Err(SimError::Lanes { lanes: 3, .. })));
    let path = std::path::Path::new("/nonexistent/machine.fst");
    let traced = Machine::new(Build::Small, 2, Some(path));
    assert!(matches!(traced, Err(SimError::TraceLanes { lanes: 2 })));
}

/// RAM of every lane is found, and the idle walk puts a flipped bit right.
#[test]
fn a_flipped_bit_is_counted_once_the_idle_walk_has_passed() {
    for (build, lanes) in [(Build::Small, 1), (Build::Small, 8), (Build::Production, 2)] {
        let mut machine = Machine::new(build, lanes, None).unwrap();
        machine.submit(&[resync(0), fence(1)]);
        assert_eq!(drain(&mut machine).len(), 2);
        let capacity = build.capacity(lanes);
        for lane in 0..lanes {
            machine.flip_account_bits(lane, capacity.accounts_per_lane - 1, &[3]);
            machine.flip_slot_bits(lane, capacity.slots_per_lane - 1, &[SLOT_WORD_BITS - 1]);
        }
        machine.run_idle(4 * (capacity.slots_per_lane + capacity.accounts_per_lane) as u64);
        assert_eq!((machine.ecc_corrected(), machine.ecc_uncorrected()), (2 * lanes as u32, 0), "{build:?}");
        machine.flip_account_bits(lanes - 1, 5, &[0, ACCOUNT_WORD_BITS / 2 - 1]);
        machine.run_idle(4 * (capacity.slots_per_lane + capacity.accounts_per_lane) as u64);
        assert_eq!(machine.ecc_uncorrected(), 1, "{build:?}");
        let errors = drain(&mut machine);
        assert_eq!(errors.len(), 1, "{build:?}");
        assert_eq!((errors[0].op(), errors[0].account()), (output::ERROR_ACCOUNT.op, (6 * lanes - 1) as u32));
    }
}

#[test]
fn records_of_different_accounts_pass_one_a_clock() {
    const RECORDS: u32 = 1_024;
    for lanes in LANES {
        let mut machine = Machine::new(Build::Production, lanes, None).unwrap();
        let scale = Record::new(&input::SETTING, 1).with(&model::record::VALUE, 1_000);
        machine.submit(&[resync(0), scale, fence(2)]);
        drain(&mut machine);
        let before = machine.clocks();
        let cash = |account: u32| {
            Record::new(&input::CASH, 3 + account).with(&model::record::ACCOUNT, account.into())
        };
        let records: Vec<Record> = (0..RECORDS).map(cash).chain([fence(3 + RECORDS)]).collect();
        assert_eq!(machine.submit(&records), records.len());
        assert_eq!(
            drain(&mut machine),
            [records[RECORDS as usize].with(&model::record::OP, output::FENCE_ECHO.op.into())]
        );
        let clocks = machine.clocks() - before;
        assert!(clocks < u64::from(RECORDS) + 64, "{lanes} lanes: {clocks} clocks");
    }
}

#[test]
fn the_idle_walk_changes_nothing_but_flipped_bits() {
    const SCALE: i128 = 1_000;
    let of_account =
        |layout, sequence, account: u32| Record::new(layout, sequence).with(&record::ACCOUNT, account.into());
    for lanes in LANES {
        let mut machine = Machine::new(Build::Small, lanes, None).unwrap();
        let accounts = 3 * lanes as u32;
        let mut records = vec![resync(0), Record::new(&input::SETTING, 1).with(&record::VALUE, SCALE)];
        for account in 0..accounts {
            let cash = of_account(&input::CASH, 2 + account, account);
            records.push(cash.with(&record::DELTA, (account + 1).into()));
        }
        machine.submit(&records);
        drain(&mut machine);
        for account in 0..accounts as usize {
            machine.flip_account_bits(account % lanes, account / lanes, &[account]);
        }
        machine.run_idle(10_000);
        assert_eq!(machine.ecc_corrected(), accounts, "{lanes} lanes");
        let reads: Vec<Record> = (0..accounts)
            .map(|account| of_account(&input::READBACK, 2 + accounts + account, account))
            .collect();
        machine.submit(&reads);
        let mut words: Vec<(u32, i128)> =
            drain(&mut machine).iter().map(|answer| (answer.account(), answer.equity())).collect();
        words.sort_unstable();
        let due: Vec<(u32, i128)> = (0..accounts).map(|a| (a, i128::from(a + 1) * SCALE)).collect();
        assert_eq!(words, due, "{lanes} lanes");
    }
}
