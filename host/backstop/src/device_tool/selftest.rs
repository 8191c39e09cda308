//! `device selftest`: whether a device does what the model does. It is reset and used; what was on it is lost.

use std::fmt::{self, Display};
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use device::pci::PciDevice;
use device::ring::{RingConfig, RingDevice, Wait};
use device::{DeviceError, MarginDevice};
use model::machine::{Capacity, Machine};
use model::record::{self, FLAG_HOLD, Record, input, output};
use model::register;
use serde::Serialize;

use super::stream::{Stream, canonical};
use crate::report::progress::Progress;
use crate::report::text::count;

/// Records of the stream between two FENCEs.
const CHUNK: usize = 1_000;
/// Holders of an instrument in a lane: a simulated device is to come to an end.
const HOLDERS_MAX: u32 = 128;
/// Accounts loaded and read back between two FENCEs.
const WORDS: usize = 512;

/// What was tried, and what came of it.
#[derive(Debug, Serialize)]
pub struct Check {
    pub name: &'static str,
    pub passed: bool,
    pub said: String,
    pub seconds: f64,
}

/// All that was tried, until something failed.
#[derive(Debug, Serialize)]
pub struct SelfTest {
    pub device: String,
    pub checks: Vec<Check>,
}

impl SelfTest {
    pub fn passed(&self) -> bool {
        self.checks.iter().all(|check| check.passed)
    }
}

impl Display for SelfTest {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(f, "{}", self.device)?;
        for Check { name, passed, said, seconds } in &self.checks {
            let verdict = if *passed { "ok  " } else { "FAIL" };
            writeln!(f, "  {verdict}  {name}: {said} ({seconds:.1} s)")?;
        }
        let failed = self.checks.iter().find(|check| !check.passed);
        match failed {
            None => writeln!(f, "selftest passed"),
            Some(check) => writeln!(f, "selftest FAILED at '{}'; nothing after it was tried", check.name),
        }
    }
}

/// Which device, and how much.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    pub config: RingConfig,
    /// Random records compared with the model.
    pub records: u64,
    pub seed: u64,
    pub progress: bool,
}

/// A check by its name, and how the rings are attached for it.
type Row = (&'static str, Wait, usize, fn(&mut Rings, &Request) -> anyhow::Result<String>);

const CHECKS: [Row; 6] = [
    ("identity, reset and rings", Wait::Poll, 0, rings),
    ("push window", Wait::Poll, 2, pushes),
    ("interrupts", Wait::Interrupt, 0, interrupts),
    ("refusals", Wait::Poll, 0, refusals),
    ("account memory", Wait::Poll, 0, words),
    ("records against the model", Wait::Poll, 0, records),
];

/// Tries everything in turn; `open` gives the function anew.
pub fn selftest(open: impl Fn() -> anyhow::Result<Box<dyn PciDevice>>, request: &Request) -> SelfTest {
    let device = open().map_or_else(|_| "a device that cannot be reached".into(), |pci| pci.name());
    let mut test = SelfTest { device, checks: Vec::new() };
    for (name, wait, push_records_max, check) in CHECKS {
        let started = Instant::now();
        let config = RingConfig { wait, push_records_max, ..request.config };
        let result = open()
            .and_then(|pci| Ok(RingDevice::attach(pci, config)?))
            .and_then(|mut device| check(&mut device, request));
        let (passed, said) = match result {
            Ok(said) => (true, said),
            Err(error) => (false, format!("{error:#}")),
        };
        test.checks.push(Check { name, passed, said, seconds: started.elapsed().as_secs_f64() });
        if !passed {
            break;
        }
    }
    test
}

type Rings = RingDevice<Box<dyn PciDevice>>;

/// Sends the records and takes `expected` answers.
pub fn exchange(
    device: &mut Rings,
    mut records: &[Record],
    expected: usize,
    answers: &mut Vec<Record>,
) -> Result<(), DeviceError> {
    let mut buffer = [Record::default(); 256];
    answers.clear();
    while !records.is_empty() || answers.len() < expected {
        let taken = device.submit(records);
        records = &records[taken..];
        let came = device.poll(&mut buffer);
        answers.extend_from_slice(&buffer[..came]);
        if taken + came == 0 {
            device.check()?;
        }
    }
    Ok(())
}

/// RESYNC and FENCE; they are echoed.
fn greet(device: &mut Rings) -> anyhow::Result<()> {
    let token = |token: u64| i128::from(token.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let greeting = [
        Record::new(&input::RESYNC, 7).with(&record::TOKEN, token(1)),
        Record::new(&input::FENCE, 8).with(&record::TOKEN, token(2)),
    ];
    let mut answers = Vec::new();
    exchange(device, &greeting, 2, &mut answers)?;
    let echoed = [output::RESYNC_ECHO.op, output::FENCE_ECHO.op].iter().zip(&greeting).zip(&answers);
    ensure!(
        echoed.clone().count() == 2
            && echoed.clone().all(|((op, sent), echo)| echo.op() == *op && echo.0[1..] == sent.0[1..]),
        "RESYNC and FENCE are not echoed as they were sent: {answers:?}"
    );
    Ok(())
}

fn rings(device: &mut Rings, _: &Request) -> anyhow::Result<String> {
    greet(device)?;
    device.pci_mut().write32(register::EPOCH.offset.into(), 0x600d_cafe)?;
    ensure!(device.register(register::EPOCH)? == 0x600d_cafe, "EPOCH does not keep what is written to it");
    device.reset();
    device.check()?;
    ensure!(device.register(register::EPOCH)? == 0, "a reset leaves EPOCH as it was");
    greet(device).context("after a reset")?;
    let Capacity { lanes, accounts_per_lane, slots_per_lane, instruments } = device.capacity();
    let all = |number: usize| count((lanes * number) as u64);
    Ok(format!(
        "{} accounts, {} slots, {instruments} instruments in {lanes} lanes",
        all(accounts_per_lane),
        all(slots_per_lane)
    ))
}

fn pushes(device: &mut Rings, _: &Request) -> anyhow::Result<String> {
    for _ in 0..16 {
        greet(device)?;
    }
    let pushed = device.counters().pushed;
    ensure!(pushed > 0, "nothing went through the window");
    Ok(format!("{pushed} records pushed and answered"))
}

fn interrupts(device: &mut Rings, _: &Request) -> anyhow::Result<String> {
    const TRIES: u64 = 16;
    let mut answers = Vec::new();
    for tried in 0..TRIES {
        let fence = Record::new(&input::FENCE, 8).with(&record::TOKEN, tried.into());
        let sent = device.submit(&[fence]);
        ensure!(
            device.interrupted()?,
            "no interrupt came for the answer to record {tried} of {TRIES}; are interrupts remapped (IOMMU), and is MSI-X enabled?"
        );
        exchange(device, &[fence][sent..], 1, &mut answers)?;
    }
    Ok(format!("{TRIES} interrupts in {TRIES} round trips"))
}

fn refusals(device: &mut Rings, _: &Request) -> anyhow::Result<String> {
    let before = device.register(register::INDEX_ERRORS)?;
    // The write may be posted, so that nobody says so at once.
    let _ = device.pci_mut().write32(register::IN_TAIL.offset.into(), 1 << 24);
    let refused = device.register(register::INDEX_ERRORS)?.wrapping_sub(before);
    ensure!(refused == 1, "a doorbell beyond its ring is counted {refused} times, not once");
    let status = device.register(register::STATUS)?;
    ensure!(
        status & register::STATUS_INDEX_FAULT != 0,
        "a doorbell beyond its ring leaves no mark in STATUS"
    );
    device.reset();
    device.check()?;
    ensure!(
        device.register(register::STATUS)? & register::STATUS_INDEX_FAULT == 0,
        "a reset leaves the mark in STATUS"
    );
    greet(device).context("after the mark")?;
    Ok("a doorbell beyond its ring is refused, counted and forgotten by a reset".into())
}

/// Every account is loaded with a word of its own, all of them are read back.
fn words(device: &mut Rings, request: &Request) -> anyhow::Result<String> {
    let capacity = device.capacity();
    let accounts = (capacity.lanes * capacity.accounts_per_lane) as u32;
    let progress = Progress::records(2 * u64::from(accounts), !request.progress);
    let mut machine = Machine::new(capacity);
    let mut sequence = 0;
    let mut answers = Vec::new();
    let mut expected = Vec::new();
    let mut next = |record: Record| {
        let record = record.with(&record::SEQUENCE, i128::from(sequence));
        sequence += 1u32;
        record
    };
    let start = [
        next(Record::new(&input::RESYNC, 0)),
        next(Record::new(&input::SETTING, 0).with(&record::VALUE, 10_000)),
    ];
    let mut batch: Vec<Record> = start.into();
    for load in [true, false] {
        for from in (0..accounts).step_by(WORDS) {
            for account in from..accounts.min(from + WORDS as u32) {
                let word = i128::from(account.wrapping_mul(0x9e37_79b9)) << 45 ^ i128::from(account);
                batch.push(next(if load {
                    let record = Record::new(&input::LOAD, 0).with(&record::ACCOUNT, account.into());
                    record
                        .with_account_word(if account % 2 == 0 { word } else { -word }, word >> 1)
                        .flagged(FLAG_HOLD)
                } else {
                    Record::new(&input::READBACK, 0).with(&record::ACCOUNT, account.into())
                }));
            }
            batch.push(next(Record::new(&input::FENCE, 0).with(&record::TOKEN, from.into())));
            expected.clear();
            batch.iter().for_each(|record| machine.execute(record, &mut expected));
            exchange(device, &batch, expected.len(), &mut answers)?;
            compare(&answers, &expected, capacity.lanes)?;
            progress.advance(batch.len() as u64);
            batch.clear();
        }
    }
    Ok(format!("{} accounts loaded and read back", count(accounts.into())))
}

fn records(device: &mut Rings, request: &Request) -> anyhow::Result<String> {
    let capacity = device.capacity();
    let progress = Progress::records(request.records, !request.progress);
    let mut stream = Stream::new(request.seed, capacity, HOLDERS_MAX);
    let (mut sent, mut expected, mut answers) = (Vec::new(), Vec::new(), Vec::new());
    let mut hash = blake3::Hasher::new();
    let (mut all, mut flags, mut refused) = (0u64, 0u64, 0u64);
    stream.set_up(&mut sent, &mut expected);
    while all < request.records {
        stream.chunk(CHUNK, &mut sent, &mut expected);
        exchange(device, &sent, expected.len(), &mut answers)
            .with_context(|| format!("after {} records", count(all)))?;
        compare(&answers, &expected, capacity.lanes)
            .with_context(|| format!("after {} records", count(all)))?;
        for answer in canonical(&answers, capacity.lanes) {
            hash.update(&answer.0);
        }
        all += sent.len() as u64;
        progress.advance(sent.len() as u64);
        let of = |op: u8| expected.iter().filter(|answer| answer.op() == op).count() as u64;
        flags += of(output::FLAG.op);
        refused += of(output::ERROR_RECORD.op);
        sent.clear();
        expected.clear();
    }
    let errors = [register::READ_ERRORS, register::WRITE_ERRORS, register::ECC_UNCORRECTED];
    for register in errors {
        let value = device.register(register)?;
        ensure!(value == 0, "{} is {value}", register.name);
    }
    Ok(format!(
        "{} records bit for bit, {} changes of severity, {} refused as they must be; hash {}",
        count(all),
        count(flags),
        count(refused),
        hash.finalize().to_hex()
    ))
}

fn compare(answers: &[Record], expected: &[Record], lanes: usize) -> anyhow::Result<()> {
    let (found, wanted) = (canonical(answers, lanes), canonical(expected, lanes));
    if let Some(at) = (0..found.len().max(wanted.len())).find(|&at| found.get(at) != wanted.get(at)) {
        let text = |record: Option<&Record>| {
            record.map_or("nothing".into(), |record| record.0.map(|byte| format!("{byte:02x}")).concat())
        };
        bail!(
            "answer {at} is {}, the model's {}; the card computes wrongly: check its timing report and its bitstream",
            text(found.get(at)),
            text(wanted.get(at))
        );
    }
    Ok(())
}
