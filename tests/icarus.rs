//! A second simulator agrees: one episode of the differential stream under Icarus, with Verilator's answers byte for byte.
//!
//! Verilator optimizes on what Icarus takes as it is written. Registers without a reset start as X in Icarus, and RAMs with
//! random words: what Verilator starts as 0 may be anything. Run by `make lint-hdl`.

#[path = "differential/mod.rs"]
mod kit;

use kit::episode::{Plan, run};
use kit::subject::Subject;
use kit::tape::{describe, from_hex, to_hex};
use model::record::Record;
use sim::{Build, Machine};
use std::path::{Path, PathBuf};
use std::process::Command;

const RECORDS: usize = 3_000;
/// Wide enough for any word of a RAM; more than the word has is cut.
const POWER_UP: &str = "-DBACKSTOP_POWER_UP={16{$random}}";
/// Takes so many records at a time.
const BATCH: usize = 4_096;

/// A simulated machine that keeps what it was asked and does not hesitate.
struct Recorder {
    machine: Machine,
    records: Vec<Record>,
}

impl Subject for Recorder {
    fn submit(&mut self, records: &[Record]) -> usize {
        let accepted = self.machine.submit(records);
        self.records.extend(&records[..accepted]);
        accepted
    }

    fn poll(&mut self, out: &mut [Record]) -> usize {
        self.machine.poll(out)
    }

    fn reset(&mut self) {
        self.machine.reset();
    }

    fn set_stalls(&mut self, _seed: u64, _idle_of_256: u8, _stall_of_256: u8) {}

    fn is_quiet(&self) -> bool {
        self.machine.is_quiet()
    }

    fn is_dead(&self) -> bool {
        self.machine.is_dead()
    }
}

/// One episode, judged against the model on its way.
fn stream(lanes: usize) -> Vec<Record> {
    let machine = Machine::new(Build::Small, lanes, None).expect("no waveform, no error");
    let mut recorder = Recorder { machine, records: Vec::new() };
    let plan = Plan { build: Build::Small, lanes, seed: 43, records: RECORDS, episode: RECORDS };
    let (_, result) = run(&mut recorder, plan, None);
    if let Err(failure) = result {
        panic!("Verilator and the model disagree: {}", failure.text);
    }
    recorder.records
}

/// What the Verilated machine answers to the records without a pause between them.
fn verilated(lanes: usize, records: &[Record]) -> Vec<Record> {
    let mut machine = Machine::new(Build::Small, lanes, None).expect("no waveform, no error");
    let mut answers = Vec::new();
    let mut out = vec![Record::default(); BATCH];
    let mut sent = 0;
    loop {
        sent += machine.submit(&records[sent..]);
        let count = machine.poll(&mut out);
        answers.extend(&out[..count]);
        if machine.is_quiet() && sent == records.len() {
            return answers;
        }
    }
}

/// The same of the emitted text under Icarus, which stops when as many answers are out.
fn interpreted(lanes: usize, records: &[Record], answers: usize) -> Vec<Record> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("icarus-{lanes}"));
    std::fs::create_dir_all(&directory).expect("the target directory can be written");
    let path = |name: &str| directory.join(name);
    let hex = |records: &[Record]| -> String {
        // Verilog's hexadecimal has the highest byte first.
        let line = |record: &Record| -> String {
            let mut bytes = *record;
            bytes.0.reverse();
            to_hex(&bytes) + "\n"
        };
        records.iter().map(line).collect()
    };
    std::fs::write(path("backstop_inline.v"), Build::Small.verilog(lanes)).expect("just made");
    std::fs::write(path("records.hex"), hex(records)).expect("just made");
    let bench = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/icarus/bench.v");
    let compiled = path("bench.vvp");
    command(
        Command::new("iverilog")
            .args(["-g2005", POWER_UP, "-s", "bench", "-o"])
            .arg(&compiled)
            .args([&bench, &path("backstop_inline.v")]),
    );
    command(Command::new("vvp").args(["-n".as_ref(), compiled.as_os_str()]).args([
        format!("+in={}", path("records.hex").display()),
        format!("+records={}", records.len()),
        format!("+out={}", path("answers.hex").display()),
        format!("+answers={answers}"),
    ]));
    let mut answers = from_hex(&std::fs::read_to_string(path("answers.hex")).expect("the bench wrote it"));
    answers.iter_mut().for_each(|answer| answer.0.reverse());
    answers
}

fn command(command: &mut Command) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; run `scripts/setup.sh lint-hdl`"));
    assert!(
        output.status.success(),
        "{command:?}:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn agree(lanes: usize) {
    let records = stream(lanes);
    let expected = verilated(lanes, &records);
    let found = interpreted(lanes, &records, expected.len());
    for (index, (expected, found)) in expected.iter().zip(&found).enumerate() {
        assert!(
            expected == found,
            "{lanes} lanes, answer {index}:\n  verilator {}\n  icarus    {}",
            describe(expected),
            describe(found)
        );
    }
    assert_eq!(found.len(), expected.len());
    println!("icarus, {lanes} lanes: {} records, {} answers, the same bytes", records.len(), found.len());
}

#[test]
#[ignore = "needs iverilog: make lint-hdl"]
fn icarus_agrees_on_one_lane() {
    agree(1);
}

#[test]
#[ignore = "needs iverilog: make lint-hdl"]
fn icarus_agrees_on_four_lanes() {
    agree(4);
}
