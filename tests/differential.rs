//! The Verilated lane against `model::machine`, bit for bit, on a stream steered to where one unit decides.
//!
//! RECEIPT.clocks apart, every answer is compared; refusals between two echoes as a multiset. What the stream hit is
//! printed, and what it should have hit and has not fails the test.

#[path = "differential/mod.rs"]
mod kit;

use kit::compare::{Mismatch, check};
use kit::coverage::Coverage;
use kit::episode::{Plan, run};
use kit::generator::Generator;
use kit::points::PRODUCTION_POINTS;
use kit::shrink::{Stalls, write};
use kit::tape::{Number, Step, from_hex, replay};
use sim::{Build, Lane};
use std::path::PathBuf;
use std::time::Instant;

/// Clocks of a sweep or walk beyond one a slot or account, at most: the contract's figure.
const SWEEP_CLOCKS_MAX: u64 = 24;

fn artifacts() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("differential")
}

fn run_plan(name: &str, plan: Plan) -> Coverage {
    let started = Instant::now();
    let mut lane = Lane::new(plan.build, None).expect("no waveform, no error");
    let (coverage, result) = run(&mut lane, plan, Some(&artifacts()));
    let seconds = started.elapsed().as_secs_f64();
    match result {
        Ok(records) => println!(
            "{name}: {records} records, {} executed ({:.1} %), {} clocks, {seconds:.1} s",
            coverage.executed(),
            100.0 * coverage.executed() as f64 / coverage.records() as f64,
            lane.clocks()
        ),
        Err(failure) => {
            panic!("{name}: lane and model disagree after {} records\n{}", failure.records, failure.text)
        }
    }
    let (fewest, most) = coverage.clocks_beyond.expect("some sweep had its output taken at once");
    println!("{name}: a sweep or walk takes {fewest} to {most} clocks beyond one a slot or account");
    assert!(most <= SWEEP_CLOCKS_MAX, "{most} clocks");
    coverage
}

#[test]
fn small_build_matches_the_model() {
    let plan = Plan { build: Build::Small, seed: 41, records: 2_000_000, episode: 20_000 };
    let coverage = run_plan("small build", plan);
    coverage.print();
    assert!(coverage.executed() * 100 >= coverage.records() * 80, "too many records are refused");
    let missing = coverage.missing();
    assert!(missing.is_empty(), "the stream has not hit:\n{}", missing.join("\n"));
}

#[test]
fn production_build_matches_the_model() {
    let plan = Plan { build: Build::Production, seed: 43, records: 150_000, episode: 60_000 };
    let coverage = run_plan("production build", plan);
    let missing = coverage.missing_points(PRODUCTION_POINTS);
    assert!(missing.is_empty(), "the stream has not hit:\n{}", missing.join("\n"));
}

#[test]
fn a_failure_is_written_as_records_that_replay_and_a_waveform() {
    let build = Build::Small;
    let mut generator = Generator::new(7, build.capacity(), Coverage::off());
    generator.set_up(false);
    let steps = &generator.tape.steps;
    let mismatch = Mismatch { text: "nothing is wrong".into(), records: 1 };
    let (records, waveform) = write(&artifacts(), "sample", build, steps, Stalls::default(), &mismatch);
    let text = std::fs::read_to_string(records).expect("written");
    assert_eq!(from_hex(&text), generator.tape.sent);
    assert!(std::fs::metadata(waveform).expect("written").len() > 1_000);
    compare_file(&text);
}

/// Sends the file's records, numbered as they are.
fn compare_file(text: &str) {
    let production = text.lines().next().is_some_and(|line| line.contains("Production"));
    let build = if production { Build::Production } else { Build::Small };
    let steps: Vec<Step> =
        from_hex(text).into_iter().map(|record| Step { record, number: Number::Exactly }).collect();
    let tape = replay(build.capacity(), &steps);
    let mut lane = Lane::new(build, None).expect("no waveform, no error");
    if let Err(mismatch) = check(&mut lane, &tape, 0..tape.sent.len()) {
        panic!("{}", mismatch.text);
    }
}

/// `BACKSTOP_RECORDS=FILE cargo test --test differential recorded -- --ignored`: a file of an earlier failure.
#[test]
#[ignore = "wants a file in BACKSTOP_RECORDS"]
fn a_recorded_stream_matches_the_model() {
    let path = std::env::var_os("BACKSTOP_RECORDS").expect("BACKSTOP_RECORDS names a file");
    compare_file(&std::fs::read_to_string(path).expect("the file can be read"));
}
