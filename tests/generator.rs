//! The differential test's own test: its stream covers what it should, and a wrong machine does not get through it.

#[path = "differential/mod.rs"]
mod kit;

use kit::coverage::Coverage;
use kit::episode::{Failure, Plan, run};
use kit::subject::Subject;
use model::machine::Machine;
use model::record::{self, FLAG_HOLD, FLAG_RAW, Record, input, output};
use sim::Build;

const PLAN: Plan = Plan { build: Build::Small, lanes: 1, seed: 41, records: 300_000, episode: 20_000 };
/// Takes so many records at a time.
const BATCH: usize = 64;

/// A model with a slip in what it takes or what it says.
struct Slipping {
    machine: Machine,
    answers: Vec<Record>,
    polled: usize,
    slip: Slip,
}

#[derive(Clone, Copy)]
struct Slip {
    name: &'static str,
    input: fn(&mut Record),
    output: fn(&mut Vec<Record>),
}

const NONE: Slip = Slip { name: "none", input: |_| {}, output: |_| {} };

const SLIPS: [Slip; 8] = [
    Slip {
        name: "a held FUNDING compares",
        input: |record| clear_if(record, record.op() == input::FUNDING.op, FLAG_HOLD),
        ..NONE
    },
    Slip {
        name: "a held commit compares",
        input: |record| clear_if(record, record.op() == input::INSTRUMENT.op, FLAG_HOLD),
        ..NONE
    },
    Slip {
        name: "LOAD loses the sign of R",
        input: |record| {
            if record.op() == input::LOAD.op && record.0[3] & 0x80 != 0 {
                record.0[3] = 0;
            }
        },
        ..NONE
    },
    Slip {
        name: "raw goes to the account, too",
        input: |record| clear_if(record, record.op() == input::POSITION.op, FLAG_RAW),
        ..NONE
    },
    Slip {
        name: "FUNDING turned round at 2^31",
        input: |record| {
            let delta = record::INDEX_DELTA.get(record);
            if record.op() == input::FUNDING.op && delta.abs() >= 1 << 31 {
                *record = record.with(&record::INDEX_DELTA, -delta);
            }
        },
        ..NONE
    },
    Slip {
        name: "the receipts of two lanes are exchanged",
        output: |answers| {
            let is_receipt = |answer: &Record| answer.op() == output::RECEIPT.op;
            for answer in answers.iter_mut().filter(|answer| is_receipt(answer)) {
                *answer = answer.with(&record::LANE, record::LANE.get(answer) ^ 1);
            }
        },
        ..NONE
    },
    Slip {
        name: "a receipt comes before the last flag of its lane",
        output: |answers| {
            for at in 1..answers.len() {
                if answers[at].op() == output::RECEIPT.op && answers[at - 1].op() == output::FLAG.op {
                    answers.swap(at - 1, at);
                }
            }
        },
        ..NONE
    },
    Slip {
        name: "an account's ERROR is lost",
        output: |answers| answers.retain(|answer| answer.op() != output::ERROR_ACCOUNT.op),
        ..NONE
    },
];

fn clear_if(record: &mut Record, condition: bool, flag: u8) {
    if condition {
        record.0[1] &= !flag;
    }
}

impl Slipping {
    fn new(plan: Plan, slip: Slip) -> Self {
        let machine = Machine::new(plan.build.capacity(plan.lanes));
        Self { machine, answers: Vec::new(), polled: 0, slip }
    }
}

impl Subject for Slipping {
    fn submit(&mut self, records: &[Record]) -> usize {
        let taken = records.len().min(BATCH);
        let mut out = Vec::new();
        for record in &records[..taken] {
            let mut record = *record;
            (self.slip.input)(&mut record);
            self.machine.execute(&record, &mut out);
            (self.slip.output)(&mut out);
            self.answers.append(&mut out);
        }
        taken
    }

    fn poll(&mut self, out: &mut [Record]) -> usize {
        let given = out.len().min(self.answers.len() - self.polled);
        out[..given].copy_from_slice(&self.answers[self.polled..self.polled + given]);
        self.polled += given;
        if self.is_quiet() {
            self.answers.clear();
            self.polled = 0;
        }
        given
    }

    fn reset(&mut self) {
        *self = Self {
            machine: Machine::new(self.machine.capacity()),
            answers: Vec::new(),
            polled: 0,
            slip: self.slip,
        };
    }

    fn set_stalls(&mut self, _seed: u64, _idle_of_256: u8, _stall_of_256: u8) {}

    fn is_quiet(&self) -> bool {
        self.polled == self.answers.len()
    }

    fn is_dead(&self) -> bool {
        false
    }
}

fn play(plan: Plan, slip: Slip) -> (Coverage, Option<Failure>) {
    let (coverage, result) = run(&mut Slipping::new(plan, slip), plan, None);
    (coverage, result.err())
}

#[test]
fn the_stream_covers_what_it_should_in_300_000_records() {
    for lanes in [1, 2, 4, 8] {
        let (coverage, failure) = play(Plan { lanes, ..PLAN }, NONE);
        assert!(failure.is_none(), "{}", failure.expect("there is one").text);
        println!("{lanes} lanes:");
        coverage.print();
        let missing = coverage.missing();
        assert!(missing.is_empty(), "{lanes} lanes, the stream has not hit:\n{}", missing.join("\n"));
        coverage.assert_useful();
    }
}

#[test]
fn every_slip_is_caught() {
    for slip in SLIPS {
        let (_, failure) = play(Plan { lanes: 2, ..PLAN }, slip);
        assert!(failure.is_some(), "not caught: {}", slip.name);
    }
}
