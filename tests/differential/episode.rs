//! Episodes: a reset, a set-up, scenes in chunks that end in a FENCE, each chunk checked before the next is drawn.

use super::compare::check;
use super::coverage::Coverage;
use super::generator::{Generator, cash, fence, mark};
use super::rng::Rng;
use super::shrink::{Stalls, shrink, write};
use super::subject::Subject;
use sim::Build;
use std::path::Path;

/// How a stream is cut and driven.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub build: Build,
    pub lanes: usize,
    pub seed: u64,
    pub records: usize,
    /// Records of one episode.
    pub episode: usize,
}

/// A stream that failed: the records until the mismatch was seen, what was seen, and how few records suffice.
pub struct Failure {
    pub records: u64,
    pub text: String,
    pub shrunk: Option<usize>,
}

/// Runs the plan on the machine; coverage so far is kept also on failure. With a directory, a failure is made small and
/// written there.
pub fn run(
    subject: &mut impl Subject,
    plan: Plan,
    artifacts: Option<&Path>,
) -> (Coverage, Result<u64, Failure>) {
    let mut coverage = Coverage::default();
    let mut rng = Rng::new(plan.seed);
    let (mut records, mut number) = (0, 0);
    while records < plan.records as u64 {
        coverage.start_episode(plan.lanes);
        let seed = rng.draw();
        let capacity = plan.build.capacity(plan.lanes);
        let mut generator = Generator::new(seed, capacity, std::mem::take(&mut coverage));
        let stalls = corner(number, seed, &mut generator.tape.coverage);
        number += 1;
        let result = episode(subject, plan, seed, stalls, &mut generator, artifacts);
        coverage = std::mem::take(&mut generator.tape.coverage);
        match result {
            Ok(()) => records += generator.tape.sent.len() as u64,
            Err(failure) => {
                let records = records + failure.records;
                return (coverage, Err(Failure { records, ..failure }));
            }
        }
    }
    (coverage, Ok(records))
}

fn episode(
    subject: &mut impl Subject,
    plan: Plan,
    seed: u64,
    stalls: Stalls,
    generator: &mut Generator,
    artifacts: Option<&Path>,
) -> Result<(), Failure> {
    subject.reset();
    subject.set_stalls(stalls.seed, stalls.idle_of_256, stalls.stall_of_256);
    let mut checked = 0;
    match plan.build {
        Build::Small => generator.set_up(true),
        Build::Production => generator.wide(),
    }
    while checked < plan.episode {
        let until = checked + 20 + generator.rng.below(400) as usize;
        while generator.tape.sent.len() < until {
            generator.scene();
        }
        if generator.rng.one_in(10) {
            generator.states();
        }
        match plan.build {
            Build::Small if until >= plan.episode || generator.rng.one_in(32) => generator.read_all(),
            _ => generator.read_some(),
        }
        let token = generator.rng.draw();
        assert!(generator.send(fence(token)), "a chunk ends unlocked");
        let end = generator.tape.sent.len();
        let mismatch = match check(subject, &generator.tape, checked..end) {
            Ok(clocks) => {
                if let (Some(clocks), 0) = (clocks, stalls.stall_of_256) {
                    generator.tape.coverage.note_clocks(clocks);
                }
                None
            }
            Err(mismatch) => Some(mismatch),
        };
        if let Some(mismatch) = mismatch {
            let found = checked + mismatch.records;
            let mut text = format!("record {found} of the episode of seed {seed:#x}: {}", mismatch.text);
            let mut shrunk = None;
            if let Some(directory) = artifacts {
                let steps = &generator.tape.steps[..end];
                text += &match shrink(subject, plan.build.capacity(plan.lanes), steps, stalls) {
                    Some((steps, stalls, mismatch)) => {
                        shrunk = Some(steps.len());
                        let name = format!("{:?}-{}-{seed:016x}", plan.build, plan.lanes).to_lowercase();
                        let of = (plan.build, plan.lanes);
                        let (records, waveform) = write(directory, &name, of, &steps, stalls, &mismatch);
                        format!(
                            "\n{} records suffice, {stalls:?}: {}\nrecords:  {}\nwaveform: {}",
                            steps.len(),
                            mismatch.text,
                            records.display(),
                            waveform
                                .map_or("none of several lanes".into(), |path| path.display().to_string())
                        )
                    }
                    None => {
                        "\nit does not fail again from reset: it needs what an earlier episode left".into()
                    }
                };
            }
            return Err(Failure { records: found as u64, text, shrunk });
        }
        checked = end;
    }
    leave_busy(subject, generator);
    Ok(())
}

/// Driver and taker hesitate or not: the four corners in turn, by the episode's number, some of them hard.
fn corner(number: u64, seed: u64, coverage: &mut Coverage) -> Stalls {
    let mut rng = Rng::new(seed);
    let idle_of_256 = if number & 1 != 0 { rng.pick(&[40, 128, 230]) } else { 0 };
    let stall_of_256 = if number & 2 != 0 { rng.pick(&[40, 128, 240]) } else { 0 };
    coverage.hit(match (idle_of_256, stall_of_256) {
        (0, 0) => "corner: neither",
        (_, 0) => "corner: idle",
        (0, _) => "corner: back-pressure",
        _ => "corner: idle and back-pressure",
    });
    Stalls { seed: rng.draw(), idle_of_256, stall_of_256 }
}

/// Sends what the machine will not be asked about, so that the next reset meets it at work.
fn leave_busy(subject: &mut impl Subject, generator: &mut Generator) {
    let start = generator.tape.sent.len();
    for instrument in 0..generator.terms.len() as u16 {
        let price = generator.price(instrument);
        generator.send(mark(instrument, price));
        let account = generator.account();
        generator.send(cash(account, 1));
    }
    subject.submit(&generator.tape.sent[start..]);
    let mut out = [model::record::Record::default(); 1];
    subject.poll(&mut out);
    if !subject.is_quiet() {
        generator.tape.coverage.hit("reset: while busy");
    }
}
