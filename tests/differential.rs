//! The Verilated lane against `model::machine`, bit for bit, on a stream steered to where one unit decides.
//!
//! RECEIPT.clocks apart, every answer is compared; refusals between two echoes as a multiset. What the stream hit is
//! printed, and what it should have hit and has not fails the test.

#[path = "differential/mod.rs"]
mod kit;

use kit::coverage::{Coverage, PRODUCTION_POINTS};
use kit::episode::{Plan, run};
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
