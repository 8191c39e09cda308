//! The command line: what is asked, which exit code, and nothing else.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use backstop::replay::audit::Audit;
use backstop::replay::{DeviceKind, Options, Source};
use backstop::{conform, journal, replay};
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

#[derive(Args)]
struct ReplayArgs {
    /// Candle tape, CSV, plain or zstd; without it the built-in crash scenario runs
    #[arg(long, value_name = "FILE")]
    tape: Option<PathBuf>,
    /// Only these symbols of the tape, comma-separated; names the only one of a tape without a symbol column
    #[arg(long, value_delimiter = ',', requires = "tape")]
    symbols: Vec<String>,
    /// Only this episode of the tape, from 0
    #[arg(long, requires = "tape")]
    episode: Option<u32>,
    /// Stop at the first row that is refused
    #[arg(long, requires = "tape")]
    strict: bool,
    /// Margin accounts generated for each episode
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..))]
    accounts: u32,
    /// Seed of accounts, scenario and sampled audit
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where margin is judged
    #[arg(long, value_enum, default_value_t = DeviceKind::DEFAULT)]
    device: DeviceKind,
    /// Also run the other device on the same input and say whether the two agree
    #[arg(long)]
    compare: bool,
    /// Accounts read back from the device and compared: full, sampled:N a round, off
    #[arg(long, default_value = "full")]
    audit: Audit,
    /// Directory for journal, liquidations and plot; must not hold a run yet
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Waveform of the simulated gateware (FST); large, for short runs
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
            audit: self.audit.seeded(self.seed),
            out,
            trace: self.trace.clone().filter(|_| device != DeviceKind::Cpu),
            progress: !self.json,
        }
    }
}

/// A request that cannot be carried out as it stands: exit code 2, like an unknown flag.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            let broken_pipe = error
                .chain()
                .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
                .any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe);
            if broken_pipe {
                return ExitCode::SUCCESS;
            }
            eprintln!("error: {error:#}");
            ExitCode::from(if error.is::<Usage>() { 2 } else { 1 })
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Replay(args) => run_replay(&args),
        Command::Verify { journal, json } => {
            must_exist(&journal)?;
            let verified = replay::verify::verify(&journal)?;
            if json {
                println!("{}", serde_json::to_string(&verified)?);
            } else {
                println!("{verified}");
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Export { journal } => {
            must_exist(&journal)?;
            journal::export::export(&journal, std::io::stdout().lock())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Explain { journal, account, sequence } => {
            must_exist(&journal)?;
            print!("{}", replay::explain::explain(&journal, AccountId(account), sequence)?);
            Ok(ExitCode::SUCCESS)
        }
        Command::Conform { dirs, json } => {
            for dir in &dirs {
                must_exist(dir)?;
            }
            let report = conform::run(&dirs).map_err(|error| Usage(format!("{error:#}")))?;
            if json {
                println!("{}", report.to_json());
            } else {
                print!("{report}");
            }
            Ok(if report.all_passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

fn run_replay(args: &ReplayArgs) -> anyhow::Result<ExitCode> {
    if let Some(tape) = &args.tape {
        must_exist(tape)?;
    }
    let outcome = replay::replay(&args.options(args.device, args.out.clone()))?;
    if args.json {
        println!("{}", outcome.summary.to_json());
    } else {
        print!("{outcome}");
    }
    if !args.compare {
        return Ok(outcome.exit_code());
    }
    let other = args.device.other().context("--compare needs a build with the simulated gateware")?;
    let twin = replay::replay(&args.options(other, None))?;
    let agreed = outcome.agrees_with(&twin);
    if !args.json {
        println!("{}", outcome.agreement(&twin));
    }
    Ok(if agreed { outcome.exit_code() } else { ExitCode::FAILURE })
}

fn must_exist(path: &Path) -> Result<(), Usage> {
    if path.exists() {
        Ok(())
    } else {
        Err(Usage(format!("{} does not exist; check the path", path.display())))
    }
}
