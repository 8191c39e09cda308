//! A failing stream made small: chunks of records are dropped while machine and model still disagree.

use super::compare::{Mismatch, check};
use super::subject::Subject;
use super::tape::{Step, describe, replay, to_hex};
use model::machine::Capacity;
use sim::{Build, Machine};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const BUDGET: Duration = Duration::from_secs(60);

/// How the driver hesitated.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stalls {
    pub seed: u64,
    pub idle_of_256: u8,
    pub stall_of_256: u8,
}

/// How the steps fail from reset; `None` if they do not.
fn failure(
    subject: &mut impl Subject,
    capacity: Capacity,
    steps: &[Step],
    stalls: Stalls,
) -> Option<Mismatch> {
    let tape = replay(capacity, steps);
    subject.reset();
    subject.set_stalls(stalls.seed, stalls.idle_of_256, stalls.stall_of_256);
    check(subject, &tape, 0..tape.sent.len()).err()
}

/// The fewest steps found that still fail, and how; without stalls if they fail so.
pub fn shrink(
    subject: &mut impl Subject,
    capacity: Capacity,
    steps: &[Step],
    stalls: Stalls,
) -> Option<(Vec<Step>, Stalls, Mismatch)> {
    let started = Instant::now();
    let mut found = None;
    for stalls in [Stalls::default(), stalls] {
        if let Some(mismatch) = failure(subject, capacity, steps, stalls) {
            found = Some((stalls, mismatch));
            break;
        }
    }
    let (stalls, mut mismatch) = found?;
    let mut kept = steps.to_vec();
    let mut chunk = kept.len().div_ceil(2);
    while chunk > 0 {
        let mut start = 0;
        let before = kept.len();
        while start < kept.len() && started.elapsed() < BUDGET {
            let end = (start + chunk).min(kept.len());
            let rest: Vec<Step> = kept[..start].iter().chain(&kept[end..]).copied().collect();
            if let Some(how) = failure(subject, capacity, &rest, stalls) {
                (kept, mismatch) = (rest, how);
            } else {
                start = end;
            }
        }
        // At the last size, again until nothing can go.
        chunk = if chunk == 1 && kept.len() < before && started.elapsed() < BUDGET { 1 } else { chunk / 2 };
    }
    Some((kept, stalls, mismatch))
}

/// Writes the steps with the model's answers, and the machine's waveform if it has one lane (no other build traces); returns
/// the paths.
pub fn write(
    directory: &Path,
    name: &str,
    (build, lanes): (Build, usize),
    steps: &[Step],
    stalls: Stalls,
    mismatch: &Mismatch,
) -> (PathBuf, Option<PathBuf>) {
    std::fs::create_dir_all(directory).expect("the target directory can be written");
    let tape = replay(build.capacity(lanes), steps);
    let mut text = format!("# {build:?} build, lanes: {lanes}, {stalls:?}\n");
    for line in mismatch.text.lines() {
        writeln!(text, "# {line}").expect("a String takes all");
    }
    let mut start = 0;
    for (record, end) in tape.sent.iter().zip(&tape.ends) {
        writeln!(text, "{} {}", to_hex(record), describe(record)).expect("a String takes all");
        for answer in &tape.answers[start..*end] {
            writeln!(text, "# model: {} {}", to_hex(answer), describe(answer)).expect("a String takes all");
        }
        start = *end;
    }
    let (records, waveform) = (directory.join(format!("{name}.txt")), directory.join(format!("{name}.fst")));
    std::fs::write(&records, text).expect("the target directory can be written");
    if lanes != 1 {
        return (records, None);
    }
    let mut machine =
        Machine::new(build, lanes, Some(&waveform)).expect("the target directory can be written");
    machine.set_stalls(stalls.seed, stalls.idle_of_256, stalls.stall_of_256);
    let _ = check(&mut machine, &tape, 0..tape.sent.len());
    (records, Some(waveform))
}
