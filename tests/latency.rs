//! Every latency that `docs/gateware.md` claims, measured at the ports of the Verilated gateware.

use hdl::clocks::{
    APPEND_SPACING, COMMIT_TO_RECEIPT, RECEIPT_CLOCKS, RECEIPT_TO_FLAG, RECORD_TO_ANSWER,
    SAME_ACCOUNT_SPACING, SPACING, SWEEP_TO_FLAG, SWEEP_TO_RECEIPT, WALK_TO_RECEIPT,
};
use model::record::{self, FLAG_COMMIT, FLAG_HOLD, Record, input, output};
use sim::{Build, Machine};

const SCALE: i128 = 1_000;

/// A machine with one instrument of price 100 a lot and a requirement of a tenth.
struct Bench {
    machine: Machine,
    lanes: u32,
    number: u32,
}

impl Bench {
    fn new(lanes: usize) -> Self {
        let machine = Machine::new(Build::Small, lanes, None).expect("no waveform, no error");
        let mut bench = Self { machine, lanes: lanes as u32, number: 0 };
        bench.settle(Record::new(&input::RESYNC, 0));
        bench.settle(Record::new(&input::SETTING, 0).with(&record::VALUE, SCALE));
        bench.settle(Record::new(&input::TIER, 0).with(&record::RATE, 100));
        bench.settle(bench.header());
        bench.settle(mark(100));
        bench
    }

    fn header(&self) -> Record {
        Record::new(&input::INSTRUMENT, 0)
            .with(&record::FLAGS, FLAG_COMMIT.into())
            .with(&record::WEIGHT_LONG, SCALE)
            .with(&record::WEIGHT_SHORT, SCALE)
            .with(&record::CAPACITY, 64)
            .with(&record::PRICE_BITS, 20)
            .with(&record::SIZE_BITS, 20)
            .with(&record::TIER_COUNT, 1)
    }

    fn numbered(&mut self, record: Record) -> Record {
        self.number += 1;
        record.with(&record::SEQUENCE, (self.number - 1).into())
    }

    /// Sends a record and lets the machine come to rest: behind the echo of a FENCE it has nothing more to say.
    fn settle(&mut self, record: Record) {
        self.timed(&[record, Record::new(&input::FENCE, 0)]);
    }

    /// Sends the records as fast as they are taken; each answer and the clocks from the first record to it.
    fn timed(&mut self, records: &[Record]) -> Vec<(Record, u64)> {
        let records: Vec<Record> = records.iter().map(|record| self.numbered(*record)).collect();
        let start = self.machine.clocks();
        assert_eq!(self.machine.submit(&records), records.len());
        let mut answers = Vec::new();
        let mut out = [Record::default(); 1];
        while !self.machine.is_quiet() {
            if self.machine.poll(&mut out) == 1 {
                answers.push((out[0], self.machine.clocks() - start - 1));
            }
        }
        answers
    }

    /// `count` accounts of every lane hold a lot each, with just the cash for its requirement.
    fn holders(&mut self, count: u32) {
        for slot in 0..count {
            for lane in 0..self.lanes {
                let account = slot * self.lanes + lane;
                self.settle(position(account, slot, 1, 0));
                self.settle(cash(account, -90));
            }
        }
    }
}

fn mark(price: i128) -> Record {
    Record::new(&input::MARK, 0).with(&record::PRICE, price)
}

fn funding(delta: i128) -> Record {
    Record::new(&input::FUNDING, 0).with(&record::PRICE, delta)
}

fn position(account: u32, slot: u32, size: i128, cash_delta: i128) -> Record {
    Record::new(&input::POSITION, 0)
        .with(&record::ACCOUNT, account.into())
        .with(&record::SLOT, slot.into())
        .with(&record::SIZE, size)
        .with(&record::CASH_DELTA, cash_delta)
}

fn cash(account: u32, delta: i128) -> Record {
    Record::new(&input::CASH, 0).with(&record::ACCOUNT, account.into()).with(&record::DELTA, delta)
}

fn of(answers: &[(Record, u64)], op: u8) -> Vec<u64> {
    answers.iter().filter(|(answer, _)| answer.op() == op).map(|(_, clocks)| *clocks).collect()
}

#[test]
fn a_record_of_one_account_is_answered_after_its_fixed_clocks() {
    for lanes in [1, 2, 4, 8] {
        let mut bench = Bench::new(lanes);
        let flag = output::FLAG.op;
        assert_eq!(of(&bench.timed(&[position(0, 0, 5, -600)]), flag), [RECORD_TO_ANSWER], "POSITION");
        assert_eq!(of(&bench.timed(&[cash(0, 1_000)]), flag), [RECORD_TO_ANSWER], "CASH");
        let offset = Record::new(&input::OFFSET, 0).with(&record::OFFSET, 1_000_000_000);
        assert_eq!(of(&bench.timed(&[offset]), flag), [RECORD_TO_ANSWER], "OFFSET");
        let load = Record::new(&input::LOAD, 0).with(&record::EQUITY_TOP, 0x80);
        assert_eq!(of(&bench.timed(&[load]), flag), [RECORD_TO_ANSWER], "LOAD");
        let readback = Record::new(&input::READBACK, 0);
        let read = bench.timed(&[readback]);
        assert_eq!(of(&read, output::READBACK_ACCOUNT.op), [RECORD_TO_ANSWER], "READBACK");
        let refused = bench.timed(&[position(0, 9, 1, 0)]);
        assert_eq!(of(&refused, output::ERROR_RECORD.op), [RECORD_TO_ANSWER], "ERROR");
        let fence = bench.timed(&[Record::new(&input::FENCE, 0)]);
        assert_eq!(of(&fence, output::FENCE_ECHO.op), [RECORD_TO_ANSWER], "FENCE");
    }
}

#[test]
fn a_sweep_takes_a_clock_a_holder_and_its_fixed_clocks() {
    for lanes in [1, 4] {
        for holders in [0, 1, 2, 17, 40] {
            let mut bench = Bench::new(lanes);
            bench.holders(holders);
            let swept = bench.timed(&[mark(99)]);
            let flags = of(&swept, output::FLAG.op);
            let receipts = of(&swept, output::RECEIPT.op);
            assert_eq!(flags.len(), holders as usize * lanes);
            assert_eq!(receipts.len(), lanes);
            if holders > 0 {
                assert_eq!(flags[0], SWEEP_TO_FLAG);
            }
            // One lane's receipt leaves at once; those of more lanes share the output.
            let beats = u64::from(holders).max((flags.len() + lanes - 1) as u64);
            let last = *receipts.last().expect("one a lane");
            assert!((SWEEP_TO_RECEIPT..=SWEEP_TO_RECEIPT + beats).contains(&last), "{last} clocks");
            if lanes == 1 {
                assert_eq!(last, SWEEP_TO_RECEIPT + u64::from(holders));
            }
            let clocks = swept.iter().find(|(answer, _)| answer.op() == output::RECEIPT.op);
            let clocks = record::CLOCKS.get(&clocks.expect("a receipt").0) as u64;
            assert_eq!(clocks, RECEIPT_CLOCKS + u64::from(holders), "RECEIPT.clocks");
            let paid = bench.timed(&[funding(0)]);
            let receipt = *of(&paid, output::RECEIPT.op).last().expect("one a lane");
            assert_eq!(receipt, SWEEP_TO_RECEIPT + u64::from(holders) + lanes as u64 - 1, "FUNDING");
            bench.settle(Record::new(&input::TIER, 0).with(&record::RATE, 100));
            let committed = bench.timed(&[bench.header()]);
            let receipt = *of(&committed, output::RECEIPT.op).last().expect("one a lane");
            assert_eq!(receipt, COMMIT_TO_RECEIPT + u64::from(holders) + lanes as u64 - 1, "commit");
        }
    }
}

#[test]
fn a_walk_takes_a_clock_an_account_and_its_fixed_clocks() {
    let mut bench = Bench::new(1);
    let rung = Record::new(&input::SETTING, 0).with(&record::INDEX, 1).with(&record::VALUE, 300);
    let walked = bench.timed(&[rung]);
    let accounts = Build::Small.capacity(1).accounts_per_lane as u64;
    assert_eq!(of(&walked, output::RECEIPT.op), [WALK_TO_RECEIPT + accounts]);
}

#[test]
fn records_follow_each_other_after_their_fixed_clocks() {
    let mut bench = Bench::new(1);
    let gaps = |answers: &[(Record, u64)]| -> Vec<u64> {
        answers.windows(2).map(|pair| pair[1].1 - pair[0].1).collect()
    };
    let different: Vec<Record> = (0..8).map(|account| cash(account, -1)).collect();
    assert_eq!(gaps(&bench.timed(&different)), [SPACING; 7]);
    let same: Vec<Record> = (0..6).map(|turn| cash(9, if turn % 2 == 0 { -1 } else { 1 })).collect();
    assert_eq!(gaps(&bench.timed(&same)), [SAME_ACCOUNT_SPACING; 5]);
    let appends: Vec<Record> = (0..6).map(|slot| position(20 + slot, slot, 1, -200)).collect();
    assert_eq!(gaps(&bench.timed(&appends)), [APPEND_SPACING; 5]);
}

#[test]
fn a_position_behind_a_sweep_waits_for_what_is_left_of_it() {
    let mut bench = Bench::new(1);
    bench.holders(17);
    let hold = u32::from(FLAG_HOLD);
    let held = mark(99).with(&record::FLAGS, hold.into());
    let answers = bench.timed(&[held, position(0, 0, 2, -1_000)]);
    let receipt = of(&answers, output::RECEIPT.op)[0];
    assert_eq!(receipt, SWEEP_TO_RECEIPT + 17);
    assert_eq!(of(&answers, output::FLAG.op), [receipt + RECEIPT_TO_FLAG]);
}

#[test]
fn under_an_output_stall_nothing_is_lost_and_every_answer_still_comes() {
    let mut bench = Bench::new(1);
    bench.holders(40);
    bench.machine.set_stalls(7, 0, 192);
    let answers = bench.timed(&[mark(99)]);
    assert_eq!(of(&answers, output::FLAG.op).len(), 40);
    let receipt = of(&answers, output::RECEIPT.op)[0];
    assert!(receipt > SWEEP_TO_RECEIPT + 40, "the stalls had no effect");
}
