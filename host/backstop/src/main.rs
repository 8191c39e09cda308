//! The command line: what is asked, which exit code, and nothing else.

use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use backstop::feed::accounts::{ACCOUNTS_MAX, ACCOUNTS_MIN};
use backstop::feed::tape::TapeError;
use backstop::journal::export::{ExportError, export};
use backstop::replay::audit::Audit;
use backstop::replay::{DeviceKind, LANES, Options, Request, Source};
use backstop::{conform, replay};
use clap::{Args, Parser, Subcommand};
use engine::event::AccountId;

/// Emergency liquidation for derivatives exchanges: a verdict on every account on every mark, and books that balance.
#[derive(Parser)]
#[command(version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a tape, or the built-in crash scenario, through device, engine and ledger
    Replay(ReplayArgs),
    /// Replay a journal on the model and compare every verdict, decision and state hash
    Verify {
        journal: PathBuf,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print every event, verdict and decision of a journal as JSON lines (docs/journal.md)
    Export { journal: PathBuf },
    /// Say in plain words what was known of an account and what was done
    Explain {
        journal: PathBuf,
        account: u64,
        /// Event to look at; default: the last one that flagged the account or acted on it
        sequence: Option<u64>,
    },
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
    /// Margin accounts generated for each episode, 16 to 16777216
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(ACCOUNTS))]
    accounts: u32,
    /// Seed of accounts, scenario and sampled audit
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where margin is judged
    #[arg(long, value_enum, default_value_t = DeviceKind::DEFAULT)]
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
    /// Directory for journal, liquidations and plot; must not hold a run yet
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Waveform of the simulated gateware (FST), one lane only; large, for short runs
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Print one JSON object instead of the summary
    #[arg(long)]
    json: bool,
}

impl ReplayArgs {
    fn options(&self, device: DeviceKind, out: Option<PathBuf>) -> Options {
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
            accounts: self.accounts as usize,
            seed: self.seed,
            device,
            lanes: self.lanes,
            audit: self.audit.seeded(self.seed),
            patrol: self.patrol,
            upsets: self.upsets,
            drill: self.drill,
            out,
            trace: self.trace.clone().filter(|_| device != DeviceKind::Cpu),
            progress: !self.json,
        }
    }
}

fn lanes(text: &str) -> Result<usize, String> {
    let lanes = text.parse().ok().filter(|lanes| LANES.contains(lanes));
    lanes.ok_or_else(|| "a device has 1, 2, 4 or 8 lanes".into())
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
        Command::Explain { journal, account, sequence } => {
            must_exist(&journal)?;
            show(replay::explain::explain(&journal, AccountId(account), sequence)?)?;
            Ok(ExitCode::SUCCESS)
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
    if args.trace.is_some() && args.device == DeviceKind::Cpu && other.is_none() {
        return Err(Request("--trace needs --device sim: only gateware has a waveform".into()).into());
    }
    if args.trace.is_some() && args.lanes > 1 {
        return Err(Request("--trace needs --lanes 1: a waveform is written of one lane".into()).into());
    }
    let outcome = replay::replay(&args.options(args.device, args.out.clone()))?;
    let Some(other) = other else {
        show(if args.json { outcome.summary.to_json() } else { outcome.to_string() })?;
        return Ok(outcome.exit_code());
    };
    if !args.json {
        show(&outcome)?;
    }
    let twin = replay::replay(&args.options(other, None))?;
    show(if args.json { outcome.compared_json(&twin) } else { outcome.agreement(&twin) })?;
    Ok(if outcome.agrees_with(&twin) { outcome.exit_code() } else { ExitCode::FAILURE })
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
