//! The shim and the queue; what the machine answers is tested against the model in `tests/differential.rs`.

use super::*;
use model::record::{Record, TOKEN, input, output};

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
    let mut machine = Machine::new(Build::Small, 1, None).unwrap();
    for (idle, stall) in [(0, 0), (128, 0), (0, 128), (200, 230)] {
        machine.reset();
        machine.set_stalls(41, idle, stall);
        let records: Vec<Record> = std::iter::once(resync(9)).chain((10..300).map(fence)).collect();
        assert_eq!(machine.submit(&records), records.len());
        let answers = drain(&mut machine);
        let sequences: Vec<u32> = answers.iter().map(Record::sequence).collect();
        assert_eq!(sequences, (9..300).collect::<Vec<u32>>(), "idle {idle}, stall {stall}");
        assert_eq!(answers[0].op(), output::RESYNC_ECHO.op);
        assert!(answers[1..].iter().all(|answer| answer.op() == output::FENCE_ECHO.op));
    }
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
