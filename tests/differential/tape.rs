//! The stream: records with their numbers, and what the model answers to each.

use super::book::Book;
use super::coverage::Coverage;
use model::machine::{Capacity, Machine};
use model::record::{self, Reason, Record, input, output};
use std::collections::BTreeSet;
use std::fmt::Write;

/// How a record gets its sequence number, so that a stream stays meaningful when records are dropped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Number {
    /// The expected one.
    Next,
    /// Off the expected one by so much.
    Skewed(u32),
    /// As written: RESYNC.
    Exactly,
}

#[derive(Clone, Copy, Debug)]
pub struct Step {
    pub record: Record,
    pub number: Number,
}

/// Records sent to a model since its reset, and its answers.
pub struct Tape {
    machine: Machine,
    expected: u32,
    pub locked: bool,
    pub steps: Vec<Step>,
    /// As sent, numbered.
    pub sent: Vec<Record>,
    pub answers: Vec<Record>,
    /// For each record sent, where its answers end.
    pub ends: Vec<usize>,
    /// For each RECEIPT of a sweep or walk, but those of commits: its place in `answers`, and the slots or accounts that its lane
    /// passed, bad ones included. Sweeps that meet an account twice are left out: they wait for it.
    pub beats: Vec<(usize, u64)>,
    pub book: Book,
    pub coverage: Coverage,
}

impl Tape {
    pub fn new(capacity: Capacity, coverage: Coverage) -> Self {
        Self {
            machine: Machine::new(capacity),
            expected: 0,
            locked: true,
            steps: Vec::new(),
            sent: Vec::new(),
            answers: Vec::new(),
            ends: Vec::new(),
            beats: Vec::new(),
            book: Book::new(capacity),
            coverage,
        }
    }

    /// Numbers the record, has the model answer it and returns the answers.
    pub fn send_step(&mut self, step: Step) -> &[Record] {
        let number = match step.number {
            Number::Next => self.expected,
            Number::Skewed(by) => self.expected.wrapping_add(by),
            Number::Exactly => step.record.sequence(),
        };
        let record = step.record.with(&record::SEQUENCE, number.into());
        let start = self.answers.len();
        self.machine.execute(&record, &mut self.answers);
        let reason = refusal(&self.answers[start..]);
        match reason {
            Some(Reason::Locked) => {}
            Some(Reason::Sequence) => self.locked = true,
            _ => {
                self.expected = number.wrapping_add(1);
                self.locked = false;
            }
        }
        self.steps.push(step);
        self.sent.push(record);
        self.ends.push(self.answers.len());
        self.coverage.observe(&record, &self.answers[start..], reason, &self.book);
        if reason.is_none() {
            self.note_beats(&record, start);
            self.book.apply(&record, &self.answers[start..]);
        }
        &self.answers[start..]
    }

    fn note_beats(&mut self, record: &Record, start: usize) {
        let sweeps = [input::MARK.op, input::FUNDING.op].contains(&record.op());
        if !sweeps && record.op() != input::SETTING.op {
            return;
        }
        for place in start..self.answers.len() {
            let answer = &self.answers[place];
            if answer.op() == output::RECEIPT.op {
                let lane = record::LANE.get(answer) as usize;
                let beats = if sweeps {
                    let slots = &self.book.instruments[usize::from(record.instrument())].slots[lane];
                    let owners: BTreeSet<u32> = slots.iter().map(|(owner, _)| *owner).collect();
                    if owners.len() < slots.len() {
                        continue;
                    }
                    slots.len()
                } else {
                    self.book.capacity.accounts_per_lane
                };
                self.beats.push((place, beats as u64));
            }
        }
    }

    pub fn send(&mut self, record: Record) -> &[Record] {
        self.send_step(Step { record, number: Number::Next })
    }

    /// True if the record was executed.
    pub fn try_send(&mut self, record: Record) -> bool {
        refusal(self.send(record)).is_none()
    }

    pub fn refusal_of(&mut self, record: Record) -> Option<Reason> {
        refusal(self.send(record))
    }
}

/// The reason if the answers are a refusal.
pub fn refusal(answers: &[Record]) -> Option<Reason> {
    match answers {
        [error] if error.op() == output::ERROR_RECORD.op => {
            Some(Reason::from_code(error.flags()).expect("the model gives known reasons"))
        }
        _ => None,
    }
}

/// The same steps on a fresh model.
pub fn replay(capacity: Capacity, steps: &[Step]) -> Tape {
    let mut tape = Tape::new(capacity, Coverage::off());
    for step in steps {
        tape.send_step(*step);
    }
    tape
}

/// The record in words, as the layouts name it.
pub fn describe(record: &Record) -> String {
    let layout = input::LAYOUTS.iter().chain(output::LAYOUTS).find(|layout| {
        layout.op == record.op()
            && (layout.op != input::READBACK.op
                || (layout.flags == record::FLAG_BY_SLOT) == (record.flags() & record::FLAG_BY_SLOT != 0))
    });
    let Some(layout) = layout else { return format!("unknown op {:#04x}", record.op()) };
    let mut text =
        format!("{} #{:#010x} flags {:#010b}", layout.name, record.sequence(), record.flags() & layout.flags);
    for field in layout.fields {
        write!(text, " {} {}", field.name, field.get(record)).expect("a String takes all");
    }
    text
}

/// 64 hexadecimal digits, byte 0 first.
pub fn to_hex(record: &Record) -> String {
    record.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The records of a file: the first word of each line, but for those that start with `#`.
pub fn from_hex(text: &str) -> Vec<Record> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_whitespace().next())
        .map(|word| {
            let mut record = Record::default();
            assert_eq!(word.len(), 64, "a record is 64 hexadecimal digits: {word}");
            for (i, byte) in record.0.iter_mut().enumerate() {
                *byte = u8::from_str_radix(&word[2 * i..2 * i + 2], 16).expect("hexadecimal");
            }
            record
        })
        .collect()
}
