//! Named edits of the emitted Verilog, each of which the differential stream must catch.
//!
//! A test that no mutant fails proves nothing. Every edit must match the text of its module exactly once: when the
//! gateware changes, this file says so and the edit is chosen anew. Run by `make mutants`.

#[path = "differential/mod.rs"]
mod kit;

use kit::episode::{Failure, Plan, run};
use sim::verilate::{runtime_objects, shared_library};
use sim::{Build, Machine, SHIM};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

/// One edit: in `module`, `find` becomes `put`.
struct Mutant {
    name: &'static str,
    module: &'static str,
    find: &'static str,
    put: &'static str,
}

/// The stream of the differential test, as far as it must go.
const PLAN: Plan = Plan { build: Build::Small, lanes: 1, seed: 41, records: 1_000_000, episode: 20_000 };
/// RESYNC, S, sixteen tiers, their commit and a few records that make the verdict.
const SHRUNK_RECORDS_MAX: usize = 24;
/// How much of it the unedited text is run on.
const CONTROL_RECORDS: usize = 40_000;

const fn mutant(name: &'static str, module: &'static str, find: &'static str, put: &'static str) -> Mutant {
    Mutant { name, module, find, put }
}

#[path = "differential/edits.rs"]
mod edits;
use edits::MUTANTS;

/// The text with the edit.
fn edit(verilog: &str, mutant: &Mutant) -> Result<String, String> {
    let changed = |what: &str| format!("{}: the emitted text changed: {what}", mutant.name);
    let start =
        verilog.find(&format!("module {}(", mutant.module)).ok_or_else(|| changed("no such module"))?;
    let end = start + verilog[start..].find("endmodule").ok_or_else(|| changed("the module has no end"))?;
    let module = &verilog[start..end];
    match module.matches(mutant.find).count() {
        1 => Ok(verilog[..start].to_owned() + &module.replace(mutant.find, mutant.put) + &verilog[end..]),
        count => Err(changed(&format!("`{}` is there {count} times in {}", mutant.find, mutant.module))),
    }
}

/// How the stream catches it; `None` if it does not. With a directory for artifacts, the failure is made small.
fn fate(
    verilog: &str,
    directory: &Path,
    runtime: &[PathBuf],
    plan: Plan,
    artifacts: Option<&Path>,
) -> Option<Failure> {
    let library = shared_library(verilog, SHIM, directory, runtime).expect("the edited text is Verilog");
    let mut machine = Machine::load(&library, plan.build, plan.lanes).expect("it was just built");
    run(&mut machine, plan, artifacts).1.err()
}

#[test]
#[ignore = "verilates every mutant: make mutants"]
fn every_mutant_is_caught() {
    let started = Instant::now();
    let verilog = PLAN.build.verilog(PLAN.lanes);
    let (texts, changed): (Vec<_>, Vec<_>) =
        MUTANTS.iter().map(|mutant| edit(verilog, mutant)).partition(Result::is_ok);
    let changed: Vec<String> = changed.into_iter().filter_map(Result::err).collect();
    assert!(changed.is_empty(), "{}", changed.join("\n"));
    let texts: Vec<String> = texts.into_iter().filter_map(Result::ok).collect();

    let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("mutants");
    let runtime = runtime_objects(&root).expect("verilator and g++ are there");
    let control = Plan { records: CONTROL_RECORDS, ..PLAN };
    let unedited = fate(verilog, &root.join("unedited"), &runtime, control, None);
    assert!(unedited.is_none(), "the unedited text fails: {}", unedited.map_or(String::new(), |f| f.text));

    let next = Mutex::new(0..texts.len());
    let fates = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let Some(index) = next.lock().expect("no worker panics").next() else { break };
                    let directory = root.join(index.to_string());
                    // The first one also shows that a failure is made small.
                    let artifacts = (index == 0).then_some(directory.join("failure"));
                    let fate = fate(&texts[index], &directory, &runtime, PLAN, artifacts.as_deref());
                    fates.lock().expect("no worker panics").push((index, fate));
                }
            });
        }
    });
    let mut fates = fates.into_inner().expect("no worker panics");
    fates.sort_by_key(|(index, _)| *index);
    println!("{:<52} caught after records", "mutant");
    for (index, fate) in &fates {
        let after = fate.as_ref().map_or("NOT CAUGHT".into(), |failure| failure.records.to_string());
        println!("{:<52} {after:>9}", MUTANTS[*index].name);
    }
    println!("{} mutants in {:.0} s", fates.len(), started.elapsed().as_secs_f64());
    let survivors: Vec<&str> =
        fates.iter().filter(|(_, fate)| fate.is_none()).map(|(index, _)| MUTANTS[*index].name).collect();
    assert_eq!(fates.len(), MUTANTS.len());
    let shrunk = fates[0].1.as_ref().and_then(|failure| failure.shrunk);
    println!("{shrunk:?} records suffice for the first");
    assert!(shrunk.is_some_and(|records| records <= SHRUNK_RECORDS_MAX), "the failure was not made small");
    assert!(survivors.is_empty(), "not caught: {}", survivors.join(", "));
}
