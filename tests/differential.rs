//! The Verilated machine against `model::machine`, bit for bit, on a stream steered to where one unit decides.
//!
//! RECEIPT.clocks apart, every answer is compared: each lane's in their order, refusals between two echoes as a
//! multiset. What the stream hit is printed, and what it should have hit and has not fails the test.

#[path = "differential/mod.rs"]
mod kit;

use kit::compare::{Mismatch, check};
use kit::coverage::Coverage;
use kit::episode::{Plan, run};
use kit::generator::Generator;
use kit::points::PRODUCTION_POINTS;
use kit::shrink::{Stalls, write};
use kit::tape::{Number, Step, from_hex, replay};
use model::record::Reason;
use sim::{Build, Machine};
use std::path::PathBuf;
use std::time::Instant;

/// Clocks of a sweep or walk beyond one a slot or account, at most: the contract's figure.
const SWEEP_CLOCKS_MAX: u64 = 24;
/// Least hits of a reason in the long run.
const REASON_HITS_MIN: u64 = 1_000;

fn artifacts() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("differential")
}

fn run_plan(plan: Plan) -> Coverage {
    let started = Instant::now();
    let name = format!("{:?} build, lanes: {}", plan.build, plan.lanes);
    let mut machine = Machine::new(plan.build, plan.lanes, None).expect("no waveform, no error");
    let (coverage, result) = run(&mut machine, plan, Some(&artifacts()));
    let seconds = started.elapsed().as_secs_f64();
    match result {
        Ok(records) => println!(
            "{name}: {records} records, {} executed ({:.1} %), {} clocks, {seconds:.1} s",
            coverage.executed(),
            100.0 * coverage.executed() as f64 / coverage.records() as f64,
            machine.clocks()
        ),
        Err(failure) => {
            panic!("{name}: machine and model disagree after {} records\n{}", failure.records, failure.text)
        }
    }
    let (fewest, most) = coverage.clocks_beyond.expect("some sweep had its output taken at once");
    println!("{name}: a sweep or walk takes {fewest} to {most} clocks beyond one a slot or account");
    // Several lanes share the output: what it takes is measured in `latency.rs`.
    assert!(plan.lanes > 1 || most <= SWEEP_CLOCKS_MAX, "{most} clocks");
    coverage.assert_useful();
    coverage
}

fn assert_complete(coverage: &Coverage) {
    coverage.print();
    let missing = coverage.missing();
    assert!(missing.is_empty(), "the stream has not hit:\n{}", missing.join("\n"));
}

#[test]
fn one_lane_matches_the_model() {
    let plan = Plan { build: Build::Small, lanes: 1, seed: 41, records: 400_000, episode: 20_000 };
    assert_complete(&run_plan(plan));
}

#[test]
fn two_lanes_match_the_model() {
    let plan = Plan { build: Build::Small, lanes: 2, seed: 42, records: 300_000, episode: 20_000 };
    assert_complete(&run_plan(plan));
}

#[test]
fn four_lanes_match_the_model() {
    let plan = Plan { build: Build::Small, lanes: 4, seed: 44, records: 300_000, episode: 20_000 };
    assert_complete(&run_plan(plan));
}

#[test]
fn production_build_matches_the_model() {
    let plan = Plan { build: Build::Production, lanes: 1, seed: 43, records: 100_000, episode: 60_000 };
    let coverage = run_plan(plan);
    let missing = coverage.missing_points(PRODUCTION_POINTS);
    assert!(missing.is_empty(), "the stream has not hit:\n{}", missing.join("\n"));
}

#[test]
#[ignore = "long: make differential-long"]
fn ten_million_records_match_the_model_on_each_count_of_lanes() {
    for lanes in [1, 2, 4] {
        let seed = 100 + lanes as u64;
        let plan = Plan { build: Build::Small, lanes, seed, records: 10_000_000, episode: 20_000 };
        let coverage = run_plan(plan);
        assert_complete(&coverage);
        // The two that only faults give come from no stream of records.
        for (reason, words) in &Reason::ALL[..10] {
            let hits = coverage.refused(*reason);
            assert!(hits >= REASON_HITS_MIN, "{words}: {hits} hits");
        }
    }
}

#[test]
fn a_failure_is_written_as_records_that_replay_and_a_waveform() {
    let of = (Build::Small, 1);
    let mut generator = Generator::new(7, of.0.capacity(of.1), Coverage::off());
    generator.set_up(false);
    let steps = &generator.tape.steps;
    let mismatch = Mismatch { text: "nothing is wrong".into(), records: 1 };
    let (records, waveform) = write(&artifacts(), "sample", of, steps, Stalls::default(), &mismatch);
    let text = std::fs::read_to_string(records).expect("written");
    assert_eq!(from_hex(&text), generator.tape.sent);
    assert!(std::fs::metadata(waveform.expect("one lane traces")).expect("written").len() > 1_000);
    compare_file(&text);
}

/// Sends the file's records, numbered as they are.
fn compare_file(text: &str) {
    let head = text.lines().next().expect("the first line says which machine");
    let build = if head.contains("Production") { Build::Production } else { Build::Small };
    let lanes = [1, 2, 4, 8].into_iter().find(|lanes| head.contains(&format!("lanes: {lanes},")));
    let lanes = lanes.expect("the first line says how many lanes");
    let steps: Vec<Step> =
        from_hex(text).into_iter().map(|record| Step { record, number: Number::Exactly }).collect();
    let tape = replay(build.capacity(lanes), &steps);
    let mut machine = Machine::new(build, lanes, None).expect("no waveform, no error");
    if let Err(mismatch) = check(&mut machine, &tape, 0..tape.sent.len()) {
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
