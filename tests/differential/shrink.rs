//! A failing stream made small: chunks of records are dropped while the lane and the model still disagree.

use super::compare::{Mismatch, check};
use super::tape::{Step, describe, replay, to_hex};
use sim::{Build, Lane};
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
fn failure(lane: &mut Lane, build: Build, steps: &[Step], stalls: Stalls) -> Option<Mismatch> {
    let tape = replay(build.capacity(), steps);
    lane.reset();
    lane.set_stalls(stalls.seed, stalls.idle_of_256, stalls.stall_of_256);
    check(lane, &tape, 0..tape.sent.len()).err()
}

/// The fewest steps found that still fail, and how; without stalls if they fail so.
pub fn shrink(
    lane: &mut Lane,
    build: Build,
    steps: &[Step],
    stalls: Stalls,
) -> Option<(Vec<Step>, Stalls, Mismatch)> {
    let started = Instant::now();
    let mut found = None;
    for stalls in [Stalls::default(), stalls] {
        if let Some(mismatch) = failure(lane, build, steps, stalls) {
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
            if let Some(how) = failure(lane, build, &rest, stalls) {
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

/// Writes the steps with the model's answers, and the lane's waveform; returns both paths.
pub fn write(
    directory: &Path,
    name: &str,
    build: Build,
    steps: &[Step],
    stalls: Stalls,
    mismatch: &Mismatch,
) -> (PathBuf, PathBuf) {
    std::fs::create_dir_all(directory).expect("the target directory can be written");
    let tape = replay(build.capacity(), steps);
    let mut text = format!("# {build:?} build, {stalls:?}\n");
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
    let mut lane = Lane::new(build, Some(&waveform)).expect("the target directory can be written");
    lane.set_stalls(stalls.seed, stalls.idle_of_256, stalls.stall_of_256);
    let _ = check(&mut lane, &tape, 0..tape.sent.len());
    (records, waveform)
}
