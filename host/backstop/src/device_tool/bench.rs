//! `device bench`: round trips and records a second, and where the time goes.

use std::fmt::{self, Display};
use std::time::{Duration, Instant};

use device::pci::{DmaMemory, Interrupt, PciDevice, PciError};
use device::ring::{RingConfig, RingDevice, Wait};
use device::{DeviceError, MarginDevice};
use model::record::{self, Record, input};
use serde::Serialize;

use super::stream::canonical;
use crate::report::text::count;

const BATCHES: [usize; 4] = [1, 16, 256, 4_096];
/// Accounts that the records touch in turn, far enough apart not to wait for each other.
const ACCOUNTS: u32 = 64;

/// A device whose calls are timed: what is spent in them is not the driver's.
struct Timed<P> {
    inner: P,
    spent: Duration,
}

impl<P> Timed<P> {
    fn time<T>(&mut self, call: impl FnOnce(&mut P) -> T) -> T {
        let started = Instant::now();
        let result = call(&mut self.inner);
        self.spent += started.elapsed();
        result
    }
}

impl<P: PciDevice> PciDevice for Timed<P> {
    fn name(&self) -> String {
        self.inner.name()
    }

    fn read32(&mut self, offset: u64) -> Result<u32, PciError> {
        self.time(|inner| inner.read32(offset))
    }

    fn write32(&mut self, offset: u64, value: u32) -> Result<(), PciError> {
        self.time(|inner| inner.write32(offset, value))
    }

    fn config_read(&mut self, offset: u16, data: &mut [u8]) -> Result<(), PciError> {
        self.inner.config_read(offset, data)
    }

    fn config_write(&mut self, offset: u16, data: &[u8]) -> Result<(), PciError> {
        self.inner.config_write(offset, data)
    }

    fn dma_alloc(&mut self, bytes: usize) -> Result<DmaMemory, PciError> {
        self.inner.dma_alloc(bytes)
    }

    fn dma_map(&mut self, memory: &DmaMemory, iova: u64) -> Result<(), PciError> {
        self.inner.dma_map(memory, iova)
    }

    fn dma_unmap(&mut self, iova: u64, bytes: usize) -> Result<(), PciError> {
        self.inner.dma_unmap(iova, bytes)
    }

    fn enable_interrupt(&mut self) -> Result<Interrupt, PciError> {
        self.inner.enable_interrupt()
    }

    fn disable_interrupt(&mut self) -> Result<(), PciError> {
        self.inner.disable_interrupt()
    }

    fn reset(&mut self) -> Result<(), PciError> {
        self.inner.reset()
    }

    fn relax(&mut self) {
        self.time(|inner| inner.relax());
    }

    fn wait(&mut self, interrupt: &mut Interrupt, timeout: Duration) -> bool {
        self.time(|inner| inner.wait(interrupt, timeout))
    }

    fn clocks(&self) -> u64 {
        self.inner.clocks()
    }
}

/// Round trips of one kind: a CASH and a FENCE, until the echo is here.
#[derive(Debug, Serialize)]
pub struct RoundTrips {
    pub way: &'static str,
    pub trips: u64,
    /// Nanoseconds.
    pub p50: u64,
    pub p99: u64,
    pub max: u64,
}

/// Records in batches, each ended by a FENCE that is waited for.
#[derive(Debug, Serialize)]
pub struct Throughput {
    pub batch: usize,
    pub records: u64,
    pub records_per_second: f64,
    /// Nanoseconds of a record, by who spent them. While it polls for nothing the driver's time is the device's.
    pub device: f64,
    pub waiting: f64,
    pub driver: f64,
    pub doorbells: u64,
}

#[derive(Debug, Serialize)]
pub struct Bench {
    pub device: String,
    pub machine: String,
    pub load: String,
    pub round_trips: Vec<RoundTrips>,
    pub throughput: Vec<Throughput>,
    /// blake3 over all answers, so that nothing was left out.
    pub hash: String,
}

type Rings<'a> = RingDevice<Timed<&'a mut dyn PciDevice>>;

/// What is sent and taken, with buffers that are used again.
struct Run<'a> {
    rings: Rings<'a>,
    sequence: u32,
    records: Vec<Record>,
    answers: Vec<Record>,
    /// Time in calls of the driver that moved nothing.
    waiting: Duration,
}

impl<'a> Run<'a> {
    fn start(pci: &'a mut dyn PciDevice, config: RingConfig) -> anyhow::Result<Self> {
        let rings = RingDevice::attach(Timed { inner: pci, spent: Duration::ZERO }, config)?;
        let largest = BATCHES[BATCHES.len() - 1] + 1;
        let (records, answers) = (Vec::with_capacity(largest), Vec::with_capacity(2 * largest));
        let mut run = Self { rings, sequence: 0, records, answers, waiting: Duration::ZERO };
        let resync = run.number(Record::new(&input::RESYNC, 0));
        let scale = run.number(Record::new(&input::SETTING, 0).with(&record::VALUE, 10_000));
        run.records.extend([resync, scale]);
        run.exchange(0)?;
        Ok(run)
    }

    fn number(&mut self, record: Record) -> Record {
        let record = record.with(&record::SEQUENCE, self.sequence.into());
        self.sequence = self.sequence.wrapping_add(1);
        record
    }

    /// `count` records of accounts in turn, each of which changes the severity and is answered by a FLAG, then a FENCE.
    fn exchange(&mut self, count: usize) -> Result<(), DeviceError> {
        for _ in 0..count {
            let account = self.sequence % ACCOUNTS;
            let record =
                Record::new(&input::CASH, 0).with(&record::ACCOUNT, account.into()).with(&record::DELTA, 1);
            let record = self.number(record);
            self.records.push(record);
        }
        let fence = self.number(Record::new(&input::FENCE, 0));
        self.records.push(fence);
        let mut buffer = [Record::default(); 256];
        self.answers.clear();
        let mut left = &self.records[..];
        while self.answers.last().is_none_or(|echo| echo.sequence() != fence.sequence()) {
            let (started, spent) = (Instant::now(), self.rings.pci().spent);
            let taken = self.rings.submit(left);
            left = &left[taken..];
            let came = self.rings.poll(&mut buffer);
            self.answers.extend_from_slice(&buffer[..came]);
            if taken + came == 0 {
                self.rings.check()?;
                self.waiting += started.elapsed().saturating_sub(self.rings.pci().spent - spent);
            }
        }
        self.records.clear();
        Ok(())
    }
}

/// `trips` round trips each way, and `records` at every batch.
///
/// # Errors
/// If the device does not come up, or is lost.
pub fn bench(
    pci: &mut dyn PciDevice,
    config: RingConfig,
    trips: u64,
    records: u64,
    mut say: impl FnMut(&str),
) -> anyhow::Result<Bench> {
    let device = pci.name();
    let mut hash = blake3::Hasher::new();
    let ways = [
        ("push window, polled", Wait::Poll, config.push_records_max.max(2)),
        ("ring, polled", Wait::Poll, 0),
        ("ring, interrupt", Wait::Interrupt, 0),
    ];
    let mut round_trips = Vec::new();
    for (way, wait, push_records_max) in ways {
        say(way);
        let mut run = Run::start(pci, RingConfig { wait, push_records_max, ..config })?;
        run.rings.clear_latency();
        for _ in 0..trips {
            run.exchange(1)?;
            digest(&mut hash, &run);
        }
        let latency = run.rings.latency();
        round_trips.push(RoundTrips {
            way,
            trips,
            p50: latency.value_at_quantile(0.5),
            p99: latency.value_at_quantile(0.99),
            max: latency.max(),
        });
    }
    let mut throughput = Vec::new();
    for batch in BATCHES {
        say(&format!("batches of {batch}"));
        let mut run = Run::start(pci, RingConfig { wait: Wait::Poll, push_records_max: 0, ..config })?;
        let (spent, doorbells) = (run.rings.pci().spent, run.rings.counters().doorbells);
        run.waiting = Duration::ZERO;
        let started = Instant::now();
        let mut sent = 0;
        let mut digesting = Duration::ZERO;
        while sent < records {
            run.exchange(batch)?;
            sent += batch as u64;
            let stopped = Instant::now();
            digest(&mut hash, &run);
            digesting += stopped.elapsed();
        }
        let elapsed = started.elapsed() - digesting;
        let of_record = |time: Duration| time.as_nanos() as f64 / sent as f64;
        let device = run.rings.pci().spent - spent;
        throughput.push(Throughput {
            batch,
            records: sent,
            records_per_second: sent as f64 / elapsed.as_secs_f64(),
            device: of_record(device),
            waiting: of_record(run.waiting),
            driver: of_record(elapsed.saturating_sub(device + run.waiting)),
            doorbells: run.rings.counters().doorbells - doorbells,
        });
    }
    let hash = hash.finalize().to_hex().to_string();
    Ok(Bench { device, machine: machine(), load: load(), round_trips, throughput, hash })
}

fn digest(hash: &mut blake3::Hasher, run: &Run) {
    for answer in canonical(&run.answers, run.rings.capacity().lanes) {
        hash.update(&answer.0);
    }
}

/// The processor's name and count.
fn machine() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{cores} x {}", name.map_or("unknown", |(_, name)| name.trim()))
}

/// Load averages of 1, 5 and 15 minutes.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

impl Display for Bench {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(f, "{}\n{}; load {}", self.device, self.machine, self.load)?;
        writeln!(f, "\n  submit to answer          trips        p50        p99        max  (microseconds)")?;
        for RoundTrips { way, trips, p50, p99, max } in &self.round_trips {
            let [p50, p99, max] = [p50, p99, max].map(|&time| time as f64 / 1e3);
            writeln!(f, "  {way:<22} {:>8} {p50:>10.1} {p99:>10.1} {max:>10.1}", count(*trips))?;
        }
        writeln!(
            f,
            "\n  batch  records/s   of a record, ns: device    waiting     driver   records/doorbell"
        )?;
        for Throughput { batch, records, records_per_second, device, waiting, driver, doorbells } in
            &self.throughput
        {
            let per_doorbell = *records as f64 / *doorbells as f64;
            writeln!(
                f,
                "  {batch:>5} {:>10} {device:>25.0} {waiting:>10.0} {driver:>10.0} {per_doorbell:>18.1}",
                count(*records_per_second as u64)
            )?;
        }
        writeln!(f, "\n  hash of all answers {}", self.hash)
    }
}
