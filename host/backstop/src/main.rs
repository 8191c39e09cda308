//! The command line: what is asked, which exit code, and nothing else.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use backstop::device_kind::DeviceKind;
use backstop::device_tool::{bench, info, selftest};
use backstop::feed::accounts::{ACCOUNTS_MAX, ACCOUNTS_MIN};
use backstop::feed::tape::TapeError;
use backstop::journal::export::{ExportError, export};
use backstop::journal::{FileDisk, JournalReader, archive, care};
use backstop::recovery::{Found, Position, Snapshots};
use backstop::replay::audit::Audit;
use backstop::replay::{LANES, Options, Request, Source, VenueOptions};
use backstop::report::compare::{self, Comparison, Run};
use backstop::report::progress::Progress;
use backstop::rules::{self, RuleSet, RulesCommand};
use backstop::simulate::Scenario;
use backstop::venue::VenueConfig;
use backstop::{conform, replay, risk, simulate};
use clap::{Args, Parser, Subcommand};
use device::pci::PciDevice;
use engine::event::AccountId;
use rust_decimal::Decimal;

/// Emergency liquidation for derivatives exchanges: a verdict on every account on every mark, and books that balance.
#[derive(Parser)]
#[command(version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum JournalCommand {
    /// Go through every byte; a batch at the end that was never finished is no damage
    Check {
        journal: PathBuf,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Move segments that are written full to an archive: each is copied and read back before it is removed here
    Archive {
        journal: PathBuf,
        /// Folder of the archive; made if it is not there
        #[arg(long, value_name = "ARCHIVE")]
        to: PathBuf,
        /// Folder of the snapshots without which the rest could not be recovered; default: snapshots beside the journal
        #[arg(long, value_name = "DIR")]
        snapshots: Option<PathBuf>,
        /// Segments that stay, the last one included
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        keep: u32,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Cut off a batch at the end that was never finished; take damaged segments from a good copy
    Repair {
        journal: PathBuf,
        /// Folder of a journal that holds the same records
        #[arg(long, value_name = "REPLICA")]
        from: Option<PathBuf>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Subcommand)]
enum Command {
    /// Run a tape, or the built-in crash scenario, through device, engine and ledger
    Replay(Box<ReplayArgs>),
    /// Replay a journal on the model and compare every verdict, decision and state hash
    Verify {
        journal: PathBuf,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print every event, verdict and decision of a journal as JSON lines (docs/journal.md)
    Export { journal: PathBuf },
    /// Check a journal's bytes, or make it whole again (docs/journal.md)
    Journal {
        #[command(subcommand)]
        command: JournalCommand,
    },
    /// Say in plain words what was known of an account and what was done
    Explain {
        journal: PathBuf,
        account: u64,
        /// Event to look at; default: the last one that flagged the account or acted on it
        sequence: Option<u64>,
    },
    /// Look at a device, test it, measure it
    Device {
        #[command(subcommand)]
        command: DeviceCommand,
    },
    /// Serve the simulated gateware as a PCI function at a vfio-user socket, to one client after another
    #[cfg(feature = "sim")]
    ServeDevice {
        /// Where clients connect: `--device user:PATH`, or QEMU's vfio-user-pci
        #[arg(long, value_name = "PATH")]
        socket: PathBuf,
        /// 1 or 4
        #[arg(long, default_value_t = 1)]
        lanes: usize,
        /// Waveform of the gateware (FST), one lane only; large, for short runs
        #[arg(long, value_name = "FILE")]
        trace: Option<PathBuf>,
    },
    /// Say who would be liquidated if marks moved, and what that would do (docs/exposure.md)
    Risk {
        /// Journal, or folder of a run; default: the newest run in out/, or else the built-in crash
        #[arg(long, value_name = "FILE|DIR")]
        journal: Option<PathBuf>,
        /// Event after which to look; default: the last before an episode is settled, the bottom of the built-in crash
        #[arg(long)]
        sequence: Option<u64>,
        /// Carry out a move of all marks, in permille, with all liquidations that follow
        #[arg(long, value_name = "PERMILLE", allow_negative_numbers = true)]
        what_if: Option<i32>,
        /// Where the picture goes
        #[arg(long, value_name = "FILE")]
        svg: Option<PathBuf>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Reports on runs that are done
    Report {
        #[command(subcommand)]
        command: ReportCommand,
    },
    /// Check, show or import a rules file (docs/rules.md)
    Rules {
        #[command(subcommand)]
        command: RulesCommand,
    },
    /// Run the whole system against made-up markets in which everything that can break does (docs/simulation.md)
    Simulate(SimulateArgs),
    /// Run case files through the model
    Conform {
        /// Directory of case files, searched whole
        #[arg(required = true)]
        dirs: Vec<PathBuf>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
struct SimulateArgs {
    /// Play this seed alone
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// How many seeds to play
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first of them
    #[arg(long, value_name = "SEED", default_value_t = 0, conflicts_with = "seed")]
    from: u64,
    /// Places of the seed's faults that happen, or none; default: all
    #[arg(long, value_name = "LIST", value_parser = fault_places, requires = "seed")]
    faults: Option<FaultPlaces>,
    /// Messages after which the world ends
    #[arg(long, value_name = "COUNT", requires = "seed")]
    messages: Option<u64>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Of a seed's plan.
#[derive(Clone)]
struct FaultPlaces(Vec<usize>);

fn fault_places(text: &str) -> Result<FaultPlaces, String> {
    let places = text.split(',').filter(|_| text != "none").map(|place| place.trim().parse::<usize>());
    let places = places.collect::<Result<_, _>>();
    places.map(FaultPlaces).map_err(|_| format!("{text:?} is not `none` or places such as 0,3"))
}

#[derive(Subcommand)]
enum ReportCommand {
    /// Two runs side by side: liquidations, marks off the tape, fund and bad debt
    Compare {
        /// Folder of the first run (replay --out)
        first: PathBuf,
        /// Folder of the second
        second: PathBuf,
        /// Where the picture goes
        #[arg(long, value_name = "FILE")]
        svg: Option<PathBuf>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Subcommand)]
enum DeviceCommand {
    /// What the device says of itself; nothing is written to it
    Info(DeviceArgs),
    /// Whether it does what the model does; what was on it is lost
    Selftest {
        #[command(flatten)]
        device: DeviceArgs,
        /// Random records compared with the model
        #[arg(long, default_value_t = 100_000)]
        records: u64,
        /// Seed of the random records
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Round trips and records a second, and where the time goes; what was on it is lost
    Bench {
        #[command(flatten)]
        device: DeviceArgs,
        /// Round trips each way
        #[arg(long, default_value_t = 1_000)]
        trips: u64,
        /// Records at each size of a batch
        #[arg(long, default_value_t = 20_000)]
        records: u64,
    },
}

#[derive(Args)]
struct DeviceArgs {
    /// The device
    #[arg(long, value_name = "sim-pcie|user:SOCKET|vfio:BDF")]
    device: DeviceKind,
    /// Lanes of sim-pcie: 1 or 4
    #[arg(long, default_value_t = 1)]
    lanes: usize,
    /// Milliseconds that it may owe an answer before it is lost; default: 2,000 of a card, 60,000 of a simulation
    #[arg(long, value_name = "MS", value_parser = milliseconds)]
    deadline: Option<Duration>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl DeviceArgs {
    fn open(&self) -> anyhow::Result<Box<dyn PciDevice>> {
        let pci = self.device.open_pci(self.lanes)?;
        pci.ok_or_else(|| {
            Request(format!("{} is no PCI function; name sim-pcie, user:SOCKET or vfio:BDF", self.device))
                .into()
        })
    }
}

const ACCOUNTS: std::ops::RangeInclusive<i64> = ACCOUNTS_MIN as i64..=ACCOUNTS_MAX as i64;

#[derive(Args)]
struct ReplayArgs {
    /// Candle tape, CSV, plain or zstd; without it the built-in crash scenario runs
    #[arg(long, value_name = "FILE")]
    tape: Option<PathBuf>,
    /// Only these symbols of the tape, comma-separated; names the only one of a tape without a symbol column
    #[arg(long, value_delimiter = ',', value_parser = symbol, requires = "tape")]
    symbols: Vec<String>,
    /// Only this episode of the tape, from 0
    #[arg(long, requires = "tape")]
    episode: Option<u32>,
    /// Stop at the first row that is refused
    #[arg(long, requires = "tape")]
    strict: bool,
    /// Rules file (docs/rules.md); without it the built-in rules hold
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Margin accounts generated for each episode, 16 to 16777216
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(ACCOUNTS))]
    accounts: u32,
    /// Seed of accounts, scenario and sampled audit
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where margin is judged
    #[arg(long, default_value = DeviceKind::DEFAULT, value_name = "cpu|cpu-fast|sim|sim-pcie|user:SOCKET|vfio:BDF")]
    device: DeviceKind,
    /// Lanes that share the accounts of the device: 1, 2, 4 or 8; no result depends on it
    #[arg(long, default_value_t = 1, value_parser = lanes)]
    lanes: usize,
    /// Also run the other device on the same input and say whether the two agree
    #[arg(long)]
    compare: bool,
    /// Accounts read back from the device and compared: full, sampled:N a round, off
    #[arg(long, default_value = "full")]
    audit: Audit,
    /// Orders leave only when the journal of their cause is durable, as at a live venue; says how long decisions and their release take
    #[arg(long, requires = "out")]
    durable: bool,
    /// Snapshots of the state beside the run, one every so many records, checked against the whole journal at its end; 0 = none
    #[arg(long, value_name = "RECORDS", default_value_t = 0, requires = "out")]
    snapshot_every: u64,
    /// Go on with the run in --out that was stopped: its inputs are played again, and what it recorded must come again
    #[arg(long, requires = "out", conflicts_with = "compare")]
    resume: bool,
    /// Accounts read back and compared in turn, touched or not, a second of event time; 0 = none
    #[arg(long, value_name = "N", default_value_t = 10)]
    patrol: u32,
    /// Drill: so many stored words of the simulated gateware get one or two wrong bits while it runs; no result depends on it
    #[arg(long, value_name = "N", default_value_t = 0)]
    upsets: u32,
    /// Drill: so many faults strike the device over the run, lies among them; some rounds after each loss it is attached again, as by an
    /// operator's command; needs --audit full; no result depends on it
    #[arg(long, value_name = "FAULTS", default_value_t = 0)]
    drill: u32,
    #[command(flatten)]
    venue: VenueArgs,
    /// Markets have no liquidation budget: with a second run, `report compare` shows what the budget does
    #[arg(long)]
    no_budget: bool,
    /// Directory for journal, liquidations and plot; must not hold a run yet
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Waveform of the simulated gateware (FST), one lane only; large, for short runs
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Milliseconds that a PCI function may owe an answer before it is lost; default: 2,000 of a card, 60,000 of a simulation
    #[arg(long, value_name = "MS", value_parser = milliseconds)]
    deadline: Option<Duration>,
    /// Print one JSON object instead of the summary
    #[arg(long)]
    json: bool,
}

/// The simulated venue (docs/venue.md).
#[derive(Args)]
struct VenueArgs {
    /// Event time from the decision on an order to its execution, 0 to 60000
    #[arg(long, value_name = "MS", default_value_t = VenueConfig::default().latency_ms)]
    venue_latency: u32,
    /// Orders that the venue rejects, in a million
    #[arg(long, value_name = "PPM", default_value_t = VenueConfig::default().reject_ppm)]
    venue_rejects: u32,
    /// How far fills of all that lies within 1 % of the mark move it, in a million; 0: they leave it alone
    #[arg(long, value_name = "PPM_PER_DEPTH", default_value_t = VenueConfig::default().impact_ppm)]
    venue_impact: u32,
    /// Event time in which half of the impact on the mark is gone
    #[arg(long, value_name = "SECONDS", default_value_t = VenueConfig::default().half_life_s)]
    venue_half_life: u32,
    /// Book snapshots that depth is taken from, CSV, plain or zstd: each symbol's own, or the median of the file
    #[arg(long, value_name = "FILE")]
    books: Option<PathBuf>,
    /// Quote currency of one contract of a coin-margined symbol of the books; may be repeated
    #[arg(long, value_name = "SYMBOL=SIZE", requires = "books", value_parser = contract_size)]
    contract_size: Vec<(String, Decimal)>,
}

impl VenueArgs {
    fn options(&self, seed: u64) -> VenueOptions {
        let config = VenueConfig {
            latency_ms: self.venue_latency,
            reject_ppm: self.venue_rejects,
            impact_ppm: self.venue_impact,
            half_life_s: self.venue_half_life,
            books: None,
            seed,
        };
        let contract_sizes: BTreeMap<_, _> = self.contract_size.iter().cloned().collect();
        VenueOptions { config, books: self.books.clone(), contract_sizes }
    }
}

fn contract_size(text: &str) -> Result<(String, Decimal), String> {
    let parsed =
        text.split_once('=').and_then(|(symbol, size)| Some((symbol.to_string(), size.parse().ok()?)));
    parsed.ok_or_else(|| "a symbol and the size of its contract, as BTCUSD_PERP=100".into())
}

impl ReplayArgs {
    fn options(&self, rules: Arc<RuleSet>, device: DeviceKind, out: Option<PathBuf>) -> Options {
        Options {
            source: match &self.tape {
                None => Source::Scenario,
                Some(path) => Source::Tape {
                    path: path.clone(),
                    symbols: self.symbols.clone(),
                    episode: self.episode,
                    strict: self.strict,
                },
            },
            venue: self.venue.options(self.seed),
            no_budget: self.no_budget,
            rules,
            accounts: self.accounts as usize,
            seed: self.seed,
            lanes: self.lanes,
            audit: self.audit.seeded(self.seed),
            patrol: self.patrol,
            durable: self.durable,
            resume: self.resume,
            snapshot_every: self.snapshot_every,
            upsets: self.upsets,
            drill: self.drill,
            out,
            trace: self.trace.clone().filter(|_| !device.is_cpu()),
            device,
            deadline: self.deadline,
            progress: !self.json,
        }
    }
}

fn lanes(text: &str) -> Result<usize, String> {
    let lanes = text.parse().ok().filter(|lanes| LANES.contains(lanes));
    lanes.ok_or_else(|| "a device has 1, 2, 4 or 8 lanes".into())
}

fn milliseconds(text: &str) -> Result<Duration, String> {
    let time = text.parse().ok().filter(|&time| time > 0);
    time.map(Duration::from_millis).ok_or_else(|| "a whole number of milliseconds, not 0".into())
}

fn symbol(text: &str) -> Result<String, String> {
    if text.is_empty() {
        Err("a symbol is empty; leave the option out for all".into())
    } else {
        Ok(text.into())
    }
}

fn main() -> ExitCode {
    run(Cli::parse()).unwrap_or_else(|error| {
        // Nobody is left to complain to if this fails.
        let _ = writeln!(std::io::stderr(), "error: {error:#}");
        // A request that cannot be carried out as it stands ends like an unknown flag.
        let is_request =
            error.is::<Request>() || error.downcast_ref::<TapeError>().is_some_and(TapeError::is_request);
        ExitCode::from(if is_request { 2 } else { 1 })
    })
}

fn run_journal(command: JournalCommand) -> anyhow::Result<ExitCode> {
    match command {
        JournalCommand::Check { journal, json } => {
            must_exist(&journal)?;
            let progress = Progress::bytes(JournalReader::bytes(&journal), json);
            let checked = care::check(FileDisk::new(&journal), &journal, |bytes| progress.reach(bytes))?;
            drop(progress);
            show(if json { serde_json::to_string(&checked)? } else { checked.to_string() })?;
        }
        JournalCommand::Archive { journal, to, snapshots, keep, json } => {
            must_exist(&journal)?;
            std::fs::create_dir_all(&to).with_context(|| format!("cannot create {}", to.display()))?;
            let snapshots = snapshots.unwrap_or_else(|| journal.with_file_name("snapshots"));
            let header = *JournalReader::of_what_is_there(FileDisk::new(&journal), &journal)?.header();
            let newest = match snapshots.exists() {
                true => Snapshots::new(FileDisk::new(&snapshots), &snapshots, header, 1).newest()?.0,
                false => None,
            };
            let before = match newest {
                None => 0,
                Some(Found { position: Position { record, chain }, .. }) => {
                    JournalReader::resume(FileDisk::new(&journal), &journal, record, chain)
                        .context("the journal does not hold what its newest snapshot is after")?;
                    record
                }
            };
            let progress = Progress::bytes(JournalReader::bytes(&journal), json);
            let (live, archive) = ((FileDisk::new(&journal), &*journal), (FileDisk::new(&to), &*to));
            let archived = archive::archive(live, archive, keep, before, |bytes| progress.reach(bytes))?;
            drop(progress);
            show(if json { serde_json::to_string(&archived)? } else { archived.to_string() })?;
        }
        JournalCommand::Repair { journal, from, json } => {
            must_exist(&journal)?;
            from.iter().try_for_each(|from| must_exist(from))?;
            let replica = from.as_deref().map(|from| (FileDisk::new(from), from));
            let repaired = care::repair(FileDisk::new(&journal), &journal, replica)?;
            show(if json { serde_json::to_string(&repaired)? } else { repaired.to_string() })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Replay(args) => run_replay(&args),
        Command::Verify { journal, json } => {
            must_exist(&journal)?;
            let verified = replay::verify::verify(&journal)?;
            show(if json { serde_json::to_string(&verified)? } else { verified.to_string() })?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Export { journal } => {
            must_exist(&journal)?;
            match export(&journal, std::io::stdout().lock()) {
                Err(ExportError::Output { cause, .. }) if cause.kind() == ErrorKind::BrokenPipe => {}
                exported => drop(exported?),
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Journal { command } => run_journal(command),
        Command::Explain { journal, account, sequence } => {
            must_exist(&journal)?;
            show(replay::explain::explain(&journal, AccountId(account), sequence)?)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Risk { journal, sequence, what_if, svg, json } => {
            if let Some(journal) = &journal {
                must_exist(journal)?;
            }
            let report = risk::risk(&risk::Options { journal, sequence, what_if, svg, progress: !json })?;
            show(if json { report.to_json() } else { report.to_string() })?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Device { command } => run_device(&command),
        #[cfg(feature = "sim")]
        Command::ServeDevice { socket, lanes, trace } => {
            let say = |text: &str| drop(writeln!(std::io::stderr(), "serve-device: {text}"));
            say(&format!("{lanes} lanes at {}", socket.display()));
            let served = backstop::serve::serve(&socket, lanes, trace.as_deref(), say)?;
            say(&format!(
                "{} clients, {} messages, {} refused",
                served.clients, served.messages, served.refused
            ));
            Ok(ExitCode::SUCCESS)
        }
        Command::Report { command: ReportCommand::Compare { first, second, svg, json } } => {
            must_exist(&first)?;
            must_exist(&second)?;
            let runs = [Run::read(&first)?, Run::read(&second)?];
            if let Some(path) = svg {
                let picture = compare::to_svg(&runs)?;
                std::fs::write(&path, picture).with_context(|| format!("cannot write {}", path.display()))?;
            }
            let comparison = Comparison::of(&runs);
            show(if json { comparison.to_json() } else { comparison.to_string() })?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Rules { command } => {
            let answer = rules::run(&command)?;
            show(&answer.text)?;
            Ok(if answer.is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Simulate(args) => {
            let SimulateArgs { seed, seeds, from, faults, messages, json } = args;
            // A broken invariant is a failure like others, and told with it.
            std::panic::set_hook(Box::new(|_| {}));
            let report = match seed {
                Some(seed) => {
                    simulate::replay(Scenario { seed, faults: faults.map(|places| places.0), messages })
                }
                None => {
                    let progress = Progress::seeds(seeds, json);
                    simulate::run(from, seeds, |done| progress.reach(done))
                }
            };
            show(if json { serde_json::to_string(&report)? } else { report.to_string() })?;
            Ok(if report.failure.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Conform { dirs, json } => {
            for dir in &dirs {
                must_exist(dir)?;
            }
            let report = conform::run(&dirs).map_err(|error| Request(format!("{error:#}")))?;
            show(if json { report.to_json() } else { report.to_string() })?;
            Ok(if report.all_passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

fn run_replay(args: &ReplayArgs) -> anyhow::Result<ExitCode> {
    if let Some(tape) = &args.tape {
        must_exist(tape)?;
    }
    let other = match (args.compare, args.device.other()) {
        (false, _) => None,
        (true, None) => {
            return Err(Request("--compare needs a build with the simulated gateware".into()).into());
        }
        (true, other) => other,
    };
    if args.trace.is_some() && args.device.is_cpu() && other.is_none() {
        return Err(Request("--trace needs --device sim: only gateware has a waveform".into()).into());
    }
    if args.trace.is_some() && args.lanes > 1 {
        return Err(Request("--trace needs --lanes 1: a waveform is written of one lane".into()).into());
    }
    let rules = match &args.rules {
        None => rules::built_in(),
        Some(path) => {
            must_exist(path)?;
            Arc::new(rules::load(path).map_err(|error| Request(error.to_string()))?)
        }
    };
    let outcome = replay::replay(&args.options(rules.clone(), args.device.clone(), args.out.clone()))?;
    let Some(other) = other else {
        show(if args.json { outcome.summary.to_json() } else { outcome.to_string() })?;
        return Ok(outcome.exit_code());
    };
    if !args.json {
        show(&outcome)?;
    }
    let twin = replay::replay(&args.options(rules, other, None))?;
    show(if args.json { outcome.compared_json(&twin) } else { outcome.agreement(&twin) })?;
    Ok(if outcome.agrees_with(&twin) { outcome.exit_code() } else { ExitCode::FAILURE })
}

fn run_device(command: &DeviceCommand) -> anyhow::Result<ExitCode> {
    match command {
        DeviceCommand::Info(device) => {
            let info = info::info(&mut *device.open()?)?;
            show(if device.json { serde_json::to_string_pretty(&info)? } else { info.to_string() })?;
            Ok(if info.heart_beats { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        DeviceCommand::Selftest { device, records, seed } => {
            let config = device.device.ring_config(device.deadline);
            let request =
                selftest::Request { config, records: *records, seed: *seed, progress: !device.json };
            let result = selftest::selftest(|| device.open(), &request);
            show(if device.json { serde_json::to_string_pretty(&result)? } else { result.to_string() })?;
            Ok(if result.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        DeviceCommand::Bench { device, trips, records } => {
            let say = |text: &str| drop(writeln!(std::io::stderr(), "bench: {text}"));
            let config = device.device.ring_config(device.deadline);
            let result = bench::bench(&mut *device.open()?, config, *trips, *records, say)?;
            show(if device.json { serde_json::to_string_pretty(&result)? } else { result.to_string() })?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// A result, ended by one line feed. A reader who left early has what he wanted.
fn show(text: impl Display) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{}", text.to_string().trim_end_matches('\n')).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        shown => shown,
    }
}

fn must_exist(path: &Path) -> Result<(), Request> {
    if path.exists() {
        Ok(())
    } else {
        Err(Request(format!("{} does not exist; check the path", path.display())))
    }
}
