//! Many seeds at once, what they add up to, and the smallest scenario that still fails.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use serde::Serialize;

use super::plan::KINDS;
use super::world::{Failure, Outcome, Scenario, play};
use super::{Checks, faults_of};
use crate::report::text::count;

/// What was played.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub first_seed: u64,
    pub seeds: u64,
    /// Planned; and how often each kind did something.
    pub faults: u64,
    pub struck: BTreeMap<&'static str, u64>,
    pub checks: Checks,
    pub restarts: u64,
    pub restarts_from_snapshots: u64,
    pub device_losses: u64,
    pub records: u64,
    /// Of a seed.
    pub events_min: u64,
    pub accounts_min: usize,
    pub faults_min: usize,
    pub seconds: f64,
    /// blake3 over every seed and its state hash.
    pub hash: String,
    pub failure: Option<Found>,
}

/// A scenario that fails, made as small as it goes.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    pub seed: u64,
    pub found: String,
    /// Faults that are needed, in words.
    pub faults: Vec<String>,
    /// Plays it again.
    pub replay: String,
}

/// Plays `seeds` seeds from `first` on, on all cores. After a failure no more are begun, and the one of the lowest seed is made small. `progress` is
/// told how many are done.
pub fn run(first: u64, seeds: u64, progress: impl Fn(u64) + Sync) -> Report {
    let started = Instant::now();
    let (next, failed, done) = (AtomicU64::new(0), AtomicBool::new(false), AtomicU64::new(0));
    let played = Mutex::new(BTreeMap::new());
    let work = || {
        while !failed.load(Ordering::Relaxed) {
            let place = next.fetch_add(1, Ordering::Relaxed);
            if place >= seeds {
                return;
            }
            let scenario = Scenario::of(first + place);
            let outcome = play(&scenario);
            failed.fetch_or(outcome.is_err(), Ordering::Relaxed);
            played.lock().expect("nobody panics with it").insert(scenario.seed, outcome);
            progress(done.fetch_add(1, Ordering::Relaxed) + 1);
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(work))));
    let played = played.into_inner().expect("nobody panics with it");
    let mut report = Report::of(first, &played);
    report.seconds = started.elapsed().as_secs_f64();
    let failure = played.iter().find_map(|(&seed, outcome)| Some((seed, outcome.as_ref().err()?)));
    report.failure = failure.map(|(seed, failure)| shrink(Scenario::of(seed), failure.clone()));
    report
}

/// Plays one scenario as it is.
pub fn replay(scenario: Scenario) -> Report {
    let started = Instant::now();
    let outcome = play(&scenario);
    let failure = outcome.as_ref().err().map(|failure| found(&scenario, failure));
    let mut report = Report::of(scenario.seed, &BTreeMap::from([(scenario.seed, outcome)]));
    (report.seconds, report.failure) = (started.elapsed().as_secs_f64(), failure);
    report
}

/// Leaves out faults one after the other, and messages at the end, as long as anything fails.
fn shrink(mut scenario: Scenario, mut failure: Failure) -> Found {
    let mut kept: Vec<usize> = (0..faults_of(&scenario).len()).collect();
    let mut at = 0;
    while at < kept.len() {
        let mut fewer = kept.clone();
        fewer.remove(at);
        let smaller = Scenario { faults: Some(fewer.clone()), ..scenario.clone() };
        match play(&smaller) {
            Err(error) => (kept, scenario, failure) = (fewer, smaller, error),
            Ok(_) => at += 1,
        }
    }
    let shorter = Scenario { messages: Some(failure.messages), ..scenario.clone() };
    if let Err(error) = play(&shorter) {
        (scenario, failure) = (shorter, error);
    }
    found(&scenario, &failure)
}

fn found(scenario: &Scenario, failure: &Failure) -> Found {
    let Scenario { seed, faults, messages } = scenario;
    let mut replay = format!("backstop simulate --seed {seed}");
    if let Some(faults) = faults {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        replay += &format!(" --faults {}", if faults.is_empty() { "none".into() } else { faults.join(",") });
    }
    if let Some(messages) = messages {
        replay += &format!(" --messages {messages}");
    }
    let faults = faults_of(scenario).iter().map(ToString::to_string).collect();
    Found { seed: *seed, found: failure.found.clone(), faults, replay }
}

impl Report {
    fn of(first_seed: u64, played: &BTreeMap<u64, Result<Outcome, Failure>>) -> Self {
        let mut hasher = blake3::Hasher::new();
        let mut report = Self {
            first_seed,
            seeds: 0,
            faults: 0,
            struck: KINDS.iter().map(|&kind| (kind, 0)).collect(),
            checks: Checks::default(),
            restarts: 0,
            restarts_from_snapshots: 0,
            device_losses: 0,
            records: 0,
            events_min: u64::MAX,
            accounts_min: usize::MAX,
            faults_min: usize::MAX,
            seconds: 0.0,
            hash: String::new(),
            failure: None,
        };
        for (seed, outcome) in played {
            let Ok(outcome) = outcome else { continue };
            hasher.update(&seed.to_le_bytes()).update(&outcome.hash);
            report.seeds += 1;
            report.faults += outcome.faults as u64;
            for (kind, times) in KINDS.iter().zip(outcome.struck) {
                *report.struck.entry(kind).or_default() += times;
            }
            report.checks.add(outcome.checks);
            report.restarts += outcome.restarts;
            report.restarts_from_snapshots += outcome.snapshots_used;
            report.device_losses += outcome.device_losses;
            report.records += outcome.records;
            report.events_min = report.events_min.min(outcome.checks.events);
            report.accounts_min = report.accounts_min.min(outcome.accounts);
            report.faults_min = report.faults_min.min(outcome.faults);
        }
        report.hash = hasher.finalize().to_hex().to_string();
        report
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if self.seeds > 0 {
            writeln!(
                f,
                "{} seeds from {} came right: hash {}",
                count(self.seeds),
                self.first_seed,
                self.hash
            )?;
            writeln!(
                f,
                "  a seed has at least {} events, {} accounts, {} faults",
                count(self.events_min),
                self.accounts_min,
                self.faults_min
            )?;
            writeln!(f, "  {} faults, and how often each kind did something:", count(self.faults))?;
            for (kind, times) in &self.struck {
                writeln!(f, "    {kind:28} {:>12}", count(*times))?;
            }
            writeln!(
                f,
                "  {} restarts, {} of them from a snapshot; the device was lost {} times",
                count(self.restarts),
                count(self.restarts_from_snapshots),
                count(self.device_losses)
            )?;
            writeln!(f, "  audited:")?;
            for (what, times) in { self.checks }.counts() {
                writeln!(f, "    {what:28} {:>12}", count(*times))?;
            }
            writeln!(
                f,
                "  an account below the line waited {} s at the most",
                self.checks.longest_ms / 1_000
            )?;
            let rate = self.checks.events as f64 / self.seconds.max(1e-9);
            writeln!(f, "  {:.1} s, {} events/s", self.seconds, count(rate as u64))?;
        }
        if let Some(Found { seed, found, faults, replay }) = &self.failure {
            writeln!(f, "seed {seed} FAILED: {found}")?;
            writeln!(f, "  with {} faults:", faults.len())?;
            faults.iter().try_for_each(|fault| writeln!(f, "    {fault}"))?;
            writeln!(f, "  again: {replay}")?;
        }
        Ok(())
    }
}
