//! Answers edited one by one: each thing the driver checks about an answer, and the words in which it gives the device up.

mod common;

use common::*;
use device::{CpuDevice, Driver, DriverConfig, Identity, MarginDevice};
use engine::event::Update;
use model::machine::Capacity;
use model::record::{self, Field, NO_INSTRUMENT, Record, output};

type Edit = fn(&mut Vec<Record>);

/// Gives all answers at once, edited.
struct Liar {
    inner: CpuDevice,
    edit: Option<Edit>,
    answers: Vec<Record>,
}

impl MarginDevice for Liar {
    fn identity(&self) -> Identity {
        self.inner.identity()
    }

    fn capacity(&self) -> Capacity {
        self.inner.capacity()
    }

    fn reset(&mut self) {
        self.inner.reset();
    }

    fn submit(&mut self, records: &[Record]) -> usize {
        self.inner.submit(records)
    }

    fn poll(&mut self, answers: &mut [Record]) -> usize {
        let Some(edit) = self.edit else { return self.inner.poll(answers) };
        let mut fresh = [Record::default(); 64];
        let count = self.inner.poll(&mut fresh);
        self.answers.extend(&fresh[..count]);
        if self.answers.last().is_none_or(|last| last.op() != output::FENCE_ECHO.op) {
            return 0;
        }
        edit(&mut self.answers);
        let count = self.answers.len();
        answers[..count].copy_from_slice(&self.answers);
        self.answers.clear();
        count
    }

    fn clocks(&self) -> u64 {
        0
    }
}

/// Accounts 0, 2 in lane 0 and 1 in lane 1; 0 and 1 hold one lot of instrument 0 and are healthy.
fn driver() -> Driver<Liar> {
    let inner = CpuDevice::new(capacity(2));
    let config = DriverConfig { polls_max: 100, ..DriverConfig::default() };
    let mut driver = Driver::new(Liar { inner, edit: None, answers: vec![] }, config);
    driver.start(&rules()).unwrap();
    let mut setup = vec![list(0, 0), mark(1, 0, 1_000)];
    setup.extend((0..3).map(|account| cash(2, account, 100)));
    setup.extend((0..2).map(|account| position(3, account, 0, 1, -1_000)));
    assert_eq!(driver.run_round(&setup).unwrap().verdicts, vec![]);
    driver
}

/// Records: MARK, held OFFSET, CASH of account 0, CASH of account 1, FENCE.
fn round() -> Vec<Update> {
    vec![mark(10, 0, 500), held(offset(11, 0, 400)), cash(11, 0, 800), cash(12, 1, 800)]
}

/// Their answers, by place.
const FLAG_0: usize = 0;
const RECEIPT_0: usize = 1;
const FLAG_1: usize = 2;
const RECEIPT_1: usize = 3;
const CASH_FLAG_0: usize = 4;
const CASH_FLAG_1: usize = 5;
const FENCE: usize = 6;

fn add(answer: &mut Record, field: &Field, change: i128) {
    *answer = answer.with(field, field.get(answer) + change);
}

/// The account goes back to where it was.
fn back(flag: Record) -> Record {
    let (old, new) = (record::SEVERITY_OLD.get(&flag), record::SEVERITY_NEW.get(&flag));
    flag.with(&record::SEVERITY_OLD, new).with(&record::SEVERITY_NEW, old)
}

fn op(answer: &mut Record, layout: &record::Layout) {
    answer.0[0] = layout.op;
}

const ROUND: &[(Edit, &str)] = &[
    (
        |a| add(&mut a[FLAG_0], &record::SEVERITY_OLD, 1),
        "severity 1 to 4 of account index 0; expected 0 to another",
    ),
    (|a| add(&mut a[FLAG_0], &record::SEVERITY_NEW, -4), "severity 0 to 0 of account index 0"),
    (|a| add(&mut a[FLAG_0], &record::SEVERITY_NEW, 1), "severity 0 to 5 of account index 0"),
    (
        |a| add(&mut a[FLAG_0], &record::ACCOUNT, 99),
        "account index 99; expected an index the driver assigned",
    ),
    (|a| add(&mut a[FLAG_0], &record::SEQUENCE, 5), "exclusive"),
    (|a| add(&mut a[FLAG_0], &record::SEQUENCE, -1), "exclusive"),
    (
        |a| {
            let flag = a[FLAG_0];
            a.splice(..1, [flag, back(flag), flag]);
            add(&mut a[RECEIPT_0 + 2], &record::FLAG_COUNT, 2);
        },
        "at most one flag a holder",
    ),
    (|a| add(&mut a[CASH_FLAG_0], &record::SEQUENCE, -1), "on OFFSET"),
    (|a| add(&mut a[CASH_FLAG_0], &record::SEQUENCE, 1), "on CASH"),
    (|a| add(&mut a[CASH_FLAG_0], &record::SEQUENCE, 2), "on FENCE"),
    (
        |a| {
            a.swap(FLAG_0, RECEIPT_0);
            add(&mut a[0], &record::FLAG_COUNT, -1);
        },
        "lane 0 answers place 0; expected place 1",
    ),
    (
        |a| a[RECEIPT_0..=CASH_FLAG_0].rotate_right(1),
        "lane 0 answers place 2; expected place 0 to 0, its next receipt",
    ),
    (|a| a.insert(CASH_FLAG_1, back(a[CASH_FLAG_0])), "lane 0 answers place 2; expected place 3"),
    (|a| a.insert(RECEIPT_0, a[RECEIPT_0].with(&record::FLAG_COUNT, 1)), "lane 0 answers place 0"),
    (|a| a.push(a[FLAG_1]), "an answer after the FENCE's echo"),
    (|a| add(&mut a[RECEIPT_1], &record::LANE, 1), "lane 2; expected one of 2 lanes"),
    (|a| add(&mut a[RECEIPT_1], &record::LANE, -1), "lane 0 answers place 0"),
    (|a| add(&mut a[RECEIPT_1], &record::INSTRUMENT, 1), "instrument 1, 1 flags; expected instrument 0"),
    (|a| a[RECEIPT_1] = a[RECEIPT_1].with(&record::INSTRUMENT, NO_INSTRUMENT.into()), "instrument 65535"),
    (|a| add(&mut a[RECEIPT_1], &record::HOLDERS, -1), "lane 1, 1 flags of 0 holders; expected at most one"),
    (|a| add(&mut a[RECEIPT_1], &record::HOLDERS, 1), "lane 1, 2 holders; expected 1 holders, 0 bad"),
    (|a| add(&mut a[RECEIPT_1], &record::FLAG_COUNT, -1), "0 flags; expected instrument 0, 1 flags"),
    (|a| add(&mut a[RECEIPT_1], &record::SEQUENCE, 1), "lane 1 answers place 1"),
    (
        |a| {
            a.drain(FLAG_1..=RECEIPT_1);
            a.remove(CASH_FLAG_1 - 2);
        },
        "0 receipts of lane 1 before it; expected 1",
    ),
    (|a| add(&mut a[FENCE], &record::SEQUENCE, -1), "FENCE_ECHO with token"),
    (|a| add(&mut a[FENCE], &record::TOKEN, 1), "FENCE_ECHO with token"),
    (|a| op(&mut a[FENCE], &output::RESYNC_ECHO), "FENCE_ECHO with token"),
    (|a| a.swap(CASH_FLAG_1, FENCE), "an answer after the FENCE's echo"),
    (
        |a| {
            op(&mut a[CASH_FLAG_0], &output::ERROR_RECORD);
            a[CASH_FLAG_0] = a[CASH_FLAG_0].with(&record::REASON, 9);
        },
        "the device refused a CASH (record 18): account is marked bad",
    ),
    (
        |a| {
            op(&mut a[CASH_FLAG_0], &output::ERROR_ACCOUNT);
            a[CASH_FLAG_0] = a[CASH_FLAG_0].with(&record::REASON, 11).with(&record::ACCOUNT, 99);
        },
        "account index 99, instrument",
    ),
    (
        |a| {
            op(&mut a[CASH_FLAG_0], &output::ERROR_ACCOUNT);
            a[CASH_FLAG_0] = a[CASH_FLAG_0].with(&record::REASON, 9);
        },
        "account is marked bad; reload it; expected an account or slot that can fail so",
    ),
    (|a| a[CASH_FLAG_0].0[0] = 0x99, "unknown answer"),
    (|a| op(&mut a[CASH_FLAG_0], &output::READBACK_ACCOUNT), "an answer to a record of this operation"),
];

/// Accounts asked for: 0, 1, 0; then the FENCE.
const READ_BACK: &[(Edit, &str)] = &[
    (|a| add(&mut a[0], &record::ACCOUNT, 2), "account index 2; expected index Some(0)"),
    (|a| add(&mut a[0], &record::ACCOUNT, 77), "account index 77"),
    (|a| a[2] = a[0], "place 0 again or late; expected place 1"),
    (|a| a.swap(0, 2), "place 0 again or late; expected place 3"),
    (|a| a.truncate(0), "no progress in 100 polls; 4 of 4 records were taken"),
    (|a| a.rotate_left(1), "after 2 accounts; expected record 19, token"),
    (|a| *a = a[1..].to_vec(), "after 2 accounts"),
    (|a| add(&mut a[2], &record::SEQUENCE, 1), "its number; expected one of 3"),
    (|a| add(&mut a[1], &record::SEVERITY_NEW, 1), "severities 0 and 1 of account index 1; expected 0 as"),
    (|a| a[1] = a[1].with(&record::SEVERITY_NEW, 2).with(&record::SEVERITY_OLD, 2), "severities 2 and 2"),
    (|a| add(&mut a[3], &record::TOKEN, 1), "token"),
    (|a| add(&mut a[3], &record::SEQUENCE, 1), "token"),
    (|a| op(&mut a[1], &output::FLAG), "an answer to a record of this operation"),
    (|a| op(&mut a[1], &output::ERROR_RECORD), "the device refused a READBACK"),
    (|a| a.push(a[0]), "an answer to a record of this operation"),
];

#[test]
fn each_answer_is_held_against_its_record() {
    for (place, (edit, words)) in ROUND.iter().enumerate() {
        let mut driver = driver();
        driver.device_mut().edit = Some(*edit);
        let error = driver.run_round(&round()).expect_err(words);
        assert!(!error.is_refusal() && error.to_string().starts_with("round: "), "edit {place}: {error}");
        assert!(error.to_string().contains(words), "edit {place}: {error}\nexpected to contain: {words}");
    }
    for (place, (edit, words)) in READ_BACK.iter().enumerate() {
        let mut driver = driver();
        driver.device_mut().edit = Some(*edit);
        let error = driver.read_back(&[id(0), id(1), id(0)], |_, _, _, _| ()).expect_err(words);
        assert!(error.to_string().contains(words), "edit {place}: {error}\nexpected to contain: {words}");
        assert!(driver.is_lost());
    }
}

#[test]
fn the_unedited_answers_are_those_the_edits_count_on() {
    let mut driver = driver();
    driver.device_mut().edit = Some(|answers| {
        let ops: Vec<u8> = answers.iter().map(Record::op).collect();
        assert_eq!(ops, [0x81, 0x82, 0x81, 0x82, 0x81, 0x81, 0x8c]);
        let severities: Vec<i128> = answers.iter().map(|answer| record::SEVERITY_NEW.get(answer)).collect();
        assert_eq!(severities[FLAG_0], 4);
    });
    assert_eq!(driver.run_round(&round()).unwrap().verdicts.len(), 4);
}
