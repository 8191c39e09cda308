//! A whole run: feed thread, engine and device here, journal thread, reports beside them.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use crossbeam::channel::{Receiver, bounded};
use device::fault::FaultyDevice;
use device::{CpuDevice, Driver, DriverConfig, MarginDevice};
use engine::rules::Rules;
use engine::stress::SHOCKS;
use model::machine::Capacity;
use rust_decimal::Decimal;
use serde::Serialize;

use super::audit::Audit;
use super::compare::Disagreement;
use super::drill::Drill;
use super::output::{Output, write_summary};
use super::patrol::Patrol;
use super::rounds::{Input, Rounds, Seeding};
use super::session::Session;
use crate::device_kind::DeviceKind;
use crate::feed::tape::{Tape, TapeOptions};
use crate::feed::{Items, scenario};
use crate::journal::JournalReader;
use crate::journal::export::hex;
use crate::recovery::snapshotter::{self, Snapshotter};
use crate::report::progress::Progress;
use crate::report::summary::{SCENARIO, SnapshotSummary, Summary};
use crate::report::text::count;
use crate::rules::RuleSet;
use crate::venue::{Books, SimulatedVenue, VenueConfig};

/// Inputs that may wait for the engine before the feed does.
const INPUTS_WAITING_MAX: usize = 64;
/// Endowment of the insurance fund at the start of an episode: a million of the quote currency, in quanta.
pub(crate) const FUND: i64 = 1_000_000_000_000;

/// Slots a CPU device is built with at the most: some 40 GB.
const CPU_SLOTS_MAX: usize = 1 << 30;

/// Numbers of lanes that a device can have.
pub const LANES: [usize; 4] = [1, 2, 4, 8];

/// What marks are replayed.
#[derive(Clone, Debug)]
pub enum Source {
    /// The built-in crash.
    Scenario,
    /// Candles of a file; `episode` picks one.
    Tape { path: PathBuf, symbols: Vec<String>, episode: Option<u32>, strict: bool },
}

/// The simulated venue as asked for.
#[derive(Clone, Debug, Default)]
pub struct VenueOptions {
    /// Its `books` is the name of the file below.
    pub config: VenueConfig,
    /// Book snapshots that depth is taken from.
    pub books: Option<PathBuf>,
    /// Quote currency of a contract, by symbol, of snapshots in contracts.
    pub contract_sizes: BTreeMap<String, Decimal>,
}

impl VenueOptions {
    /// # Errors
    /// [`Request`] with everything that is wrong with the configuration, or what is with the file.
    fn open(&self) -> Result<(VenueConfig, Option<Arc<Books>>), Request> {
        let name =
            |path: &PathBuf| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let config = VenueConfig { books: self.books.as_ref().map(name), ..self.config.clone() };
        config.validate().map_err(|error| Request(error.to_string()))?;
        let read = |path: &PathBuf| Books::open(path, &self.contract_sizes);
        let books = self.books.as_ref().map(read).transpose().map_err(|error| Request(error.to_string()))?;
        Ok((config, books.map(Arc::new)))
    }
}

/// A run as asked for.
#[derive(Clone, Debug)]
pub struct Options {
    pub source: Source,
    pub rules: Arc<RuleSet>,
    pub venue: VenueOptions,
    /// Markets have no liquidation budget.
    pub no_budget: bool,
    pub accounts: usize,
    pub seed: u64,
    pub device: DeviceKind,
    /// Of the device, one of [`LANES`].
    pub lanes: usize,
    pub audit: Audit,
    /// Accounts read back a second of event time, round-robin.
    pub patrol: u32,
    /// Stored words of the simulated gateware that get wrong bits while it runs.
    pub upsets: u32,
    /// Faults injected into the device over the run.
    pub drill: u32,
    pub out: Option<PathBuf>,
    /// Orders leave only after the commit that holds their cause; needs `out`.
    pub durable: bool,
    /// A run that was stopped goes on in `out`: its inputs are played again, and what it recorded must come again.
    pub resume: bool,
    /// Records between two snapshots of the state, made beside the run in `out`; 0: none.
    pub snapshot_every: u64,
    pub trace: Option<PathBuf>,
    /// How long a PCI function may owe an answer, if not as long as usual.
    pub deadline: Option<Duration>,
    pub progress: bool,
}

/// A request that cannot be carried out as it stands; another one could be. Nothing was written.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Request(pub String);

/// What a run came to, and where its files are.
pub struct Outcome {
    pub summary: Summary,
    pub files: Vec<PathBuf>,
    /// Let go of after everything else: to let go of a dead one may take long, or the machine with it.
    _device: Option<Box<dyn MarginDevice>>,
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("Outcome")
            .field("summary", &self.summary)
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

impl Outcome {
    /// Success if nothing that must hold was broken.
    pub fn exit_code(&self) -> ExitCode {
        if self.summary.warnings().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    /// True if both runs ended in the same state after the same verdicts.
    pub fn agrees_with(&self, other: &Self) -> bool {
        let verdicts = |outcome: &Self| (outcome.summary.verdicts_given, outcome.summary.flags);
        self.summary.state_hash == other.summary.state_hash && verdicts(self) == verdicts(other)
    }

    /// The summary as one JSON object, and in it whether the other device agreed.
    pub fn compared_json(&self, other: &Self) -> String {
        #[derive(Serialize)]
        struct Compared<'a> {
            #[serde(flatten)]
            summary: &'a Summary,
            agreed: bool,
        }
        let compared = Compared { summary: &self.summary, agreed: self.agrees_with(other) };
        serde_json::to_string_pretty(&compared).expect("a summary is plain data")
    }

    /// One line that says whether the two devices agreed.
    pub fn agreement(&self, other: &Self) -> String {
        let (one, two) = (&self.summary, &other.summary);
        if self.agrees_with(other) {
            format!(
                "AGREED: {} and {} gave the same {} verdicts, {} changes of severity and state hash",
                one.device,
                two.device,
                count(one.verdicts_given),
                count(one.flags)
            )
        } else {
            format!(
                "NOT AGREED: {} ends in {}, {} in {}",
                one.device, one.state_hash, two.device, two.state_hash
            )
        }
    }
}

impl Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(f, "{}", self.summary)?;
        for file in &self.files {
            writeln!(f, "  {}", file.display())?;
        }
        Ok(())
    }
}

/// Runs the job.
///
/// # Errors
/// [`Request`] before anything ran; or if the tape does not read, the output cannot be written, or the device fails or disagrees.
pub fn replay(options: &Options) -> anyhow::Result<Outcome> {
    match &options.out {
        Some(dir) if options.resume && !dir.join("journal").exists() => {
            let dir = dir.display();
            return Err(Request(format!("{dir} holds no run; name the --out of the one to resume")).into());
        }
        Some(dir) if !options.resume => must_be_free(dir)?,
        _ => {}
    }
    if options.drill > 0 && options.audit != Audit::Full {
        return Err(Request(format!(
            "--drill needs --audit full: with {} a device that lies is believed before it is found out",
            options.audit
        ))
        .into());
    }
    let mut summary = Summary::new(&options.device.words(), options.audit.to_string(), options.seed);
    (summary.lanes, summary.patrol) = (options.lanes, options.patrol);
    summary.no_budget = options.no_budget;
    let (config, books) = options.venue.open()?;
    summary.venue = config;
    if let Some(books) = &books {
        summary.books_refused = books.refused().clone();
    }
    let opened = open(options, books, &mut summary)?;
    match &options.device {
        DeviceKind::Cpu | DeviceKind::CpuFast => {
            let slots = options.accounts.saturating_mul(opened.instruments);
            if slots > CPU_SLOTS_MAX {
                return Err(Request(format!(
                    "{} accounts in {} instruments need more than {CPU_SLOTS_MAX} slots; use fewer of either",
                    options.accounts, opened.instruments
                ))
                .into());
            }
            let accounts_per_lane = options.accounts.div_ceil(options.lanes);
            let capacity = Capacity {
                lanes: options.lanes,
                accounts_per_lane,
                slots_per_lane: accounts_per_lane * opened.instruments,
                instruments: opened.instruments,
            };
            if options.device == DeviceKind::CpuFast {
                let device = CpuDevice::fast(capacity).map_err(|error| Request(error.to_string()))?;
                return run_on(device, opened, summary, options);
            }
            run_on(CpuDevice::new(capacity), opened, summary, options)
        }
        #[cfg(feature = "sim")]
        DeviceKind::Sim => {
            use device::sim::{Build, SimDevice, UpsetDevice};
            let build = Build::Production;
            let Capacity { lanes, accounts_per_lane, instruments, .. } = build.capacity(options.lanes);
            let accounts = lanes * accounts_per_lane;
            if options.accounts > accounts || opened.instruments > instruments {
                return Err(Request(format!(
                    "the simulated gateware holds {accounts} accounts and {instruments} instruments, not {} and {}; \
                     use fewer (--accounts, --symbols), more --lanes or --device cpu",
                    options.accounts, opened.instruments
                ))
                .into());
            }
            let device = SimDevice::new(build, lanes, options.trace.as_deref())
                .context("the simulated gateware does not start")?;
            if options.upsets == 0 {
                return run_on(device, opened, summary, options);
            }
            let rows = options.accounts.div_ceil(lanes);
            let words = lanes * rows * (1 + opened.instruments);
            if options.upsets as usize > words / 2 {
                return Err(Request(format!(
                    "no word is hit twice: of some {words} in use {} can get wrong bits, not {}; use fewer --upsets",
                    words / 2,
                    options.upsets
                ))
                .into());
            }
            let instruments = opened.instruments;
            let device = UpsetDevice::new(device, options.seed, options.upsets, rows, instruments);
            run_on(device, opened, summary, options)
        }
        function => {
            let rings = function
                .open_rings(options.lanes, options.deadline)?
                .expect("neither the model nor a bare machine");
            let Capacity { lanes, accounts_per_lane, instruments, .. } = rings.capacity();
            let accounts = lanes * accounts_per_lane;
            if options.accounts > accounts || opened.instruments > instruments {
                return Err(Request(format!(
                    "the device holds {accounts} accounts and {instruments} instruments, not {} and {}; \
                     use fewer (--accounts, --symbols), a larger build or --device cpu",
                    options.accounts, opened.instruments
                ))
                .into());
            }
            summary.lanes = lanes;
            run_on(rings, opened, summary, options)
        }
    }
}

fn run_on(
    device: impl MarginDevice + 'static,
    opened: Opened,
    summary: Summary,
    options: &Options,
) -> anyhow::Result<Outcome> {
    if options.drill == 0 {
        return run_with(device, None, opened, summary, options);
    }
    let drill = Drill::new(options.drill, options.seed, opened.marks);
    run_with(FaultyDevice::seeded(device, options.seed), Some(drill), opened, summary, options)
}

fn run_with<D: MarginDevice + 'static>(
    device: D,
    mut drill: Option<Drill<D>>,
    opened: Opened,
    mut summary: Summary,
    options: &Options,
) -> anyhow::Result<Outcome> {
    let started = Instant::now();
    let Opened { items, marks, instruments, books } = opened;
    let rules = &options.rules.rules;
    let seeding = Seeding {
        rules: options.rules.clone(),
        accounts: options.accounts,
        seed: options.seed,
        fund: FUND,
        books: books.clone(),
        no_budget: options.no_budget,
    };
    let episode = match options.source {
        Source::Tape { episode, .. } => episode,
        Source::Scenario => None,
    };
    let progress = Progress::marks(marks, !options.progress);
    let mut driver = Driver::new(
        device,
        DriverConfig {
            polls_max: options.device.polls_max(),
            instruments_expected: Some(instruments),
            ..DriverConfig::default()
        },
    );
    let beside = |name: &str| options.out.as_ref().map(|out| out.join(name));
    let folders = beside("journal").zip(beside("snapshots")).filter(|_| options.snapshot_every > 0);
    let snapshotter = folders
        .clone()
        .map(|(journal, snapshots)| Snapshotter::spawn(journal, snapshots, options.snapshot_every));
    let output = std::thread::scope(|scope| {
        let (sender, inputs) = bounded(INPUTS_WAITING_MAX);
        scope.spawn(move || {
            for input in Rounds::new(items, seeding, episode) {
                if sender.send(input).is_err() {
                    return; // the engine stopped with an error that it reports
                }
            }
        });
        consume(&inputs, &mut driver, &mut drill, options, rules, books, &mut summary, &progress)
    });
    drop(progress);
    summary.device_clocks = driver.device().clocks();
    summary.reloads = driver.reloads();
    if let Some(drill) = &drill {
        (summary.faults_asked, summary.faults_struck) = drill.faults(driver.device());
    }
    summary.seconds = started.elapsed().as_secs_f64();
    let device: Box<dyn MarginDevice> = Box::new(driver.into_device());
    let output = match output {
        Err(error) => match error.downcast_ref::<Disagreement>() {
            Some(disagreement) => {
                summary.disagreements = disagreement.accounts;
                summary.stopped = Some(disagreement.to_string());
                return Ok(Outcome { summary, files: Vec::new(), _device: Some(device) });
            }
            None => return Err(error),
        },
        Ok(output) => output.context("nothing was replayed: the feed has no mark")?,
    };
    let mut files = output.finish(&mut summary)?;
    if let Some((snapshotter, (journal, snapshots))) = snapshotter.zip(folders) {
        let made = snapshotter.end();
        let mut of =
            SnapshotSummary { made: made.snapshots, failed: made.failed, ..SnapshotSummary::default() };
        let progress = Progress::bytes(JournalReader::bytes(&journal), !options.progress);
        progress.say("checking the snapshots");
        if of.failed.is_none() {
            let checked = snapshotter::check(&journal, &snapshots, |bytes| progress.reach(bytes))?;
            of.newest_record = checked.newest.map(|position| position.record);
            (of.state_hash, of.events) = (hex(&checked.hash), checked.events);
            of.recovered_seconds = checked.from_snapshot.as_secs_f64();
            of.recovered_from_start_seconds = checked.from_start.as_secs_f64();
            files.push(snapshots);
        }
        summary.snapshots = Some(of);
        write_summary(&journal.with_file_name("summary.json"), &summary)?;
    }
    Ok(Outcome { summary, files, _device: Some(device) })
}

/// A source ready to be read.
struct Opened {
    items: Items,
    /// How many marks it holds.
    marks: u64,
    /// How many instruments it has, so that the device's slots are shared out among them.
    instruments: usize,
    /// Where depth comes from, if not from the depth model.
    books: Option<Arc<Books>>,
}

fn open(options: &Options, books: Option<Arc<Books>>, summary: &mut Summary) -> anyhow::Result<Opened> {
    let rules = &options.rules;
    match &options.source {
        Source::Scenario => {
            let unruled: Vec<&str> = (scenario::INSTRUMENTS.iter().map(|instrument| instrument.0))
                .filter(|symbol| rules.contract(symbol).is_none())
                .collect();
            if !unruled.is_empty() {
                return Err(Request(format!(
                    "the scenario has symbols without rules: {}; give them entries or complete [defaults]",
                    unruled.join(",")
                ))
                .into());
            }
            summary.source = SCENARIO.into();
            let instruments = scenario::INSTRUMENTS.len();
            let marks = instruments as u64 * u64::from(scenario::STEPS);
            Ok(Opened { items: scenario::items(summary.seed), marks, instruments, books })
        }
        Source::Tape { path, symbols, episode, strict } => {
            let mut tape_options = TapeOptions {
                symbols: symbols.clone(),
                strict: *strict,
                rules: rules.clone(),
                ..TapeOptions::default()
            };
            if let [only] = symbols.as_slice() {
                tape_options.symbol_default.clone_from(only);
            }
            let tape = Tape::open(path, &tape_options, |refusal| {
                // The run goes on where nobody reads of it.
                let _ = writeln!(std::io::stderr(), "refused: {refusal}");
            })?;
            if let Some(wanted) = episode.filter(|&wanted| wanted >= tape.report().episodes) {
                return Err(Request(format!(
                    "there is no episode {wanted}: tape {} has {}, counted from 0",
                    path.display(),
                    tape.report().episodes
                ))
                .into());
            }
            summary.source = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            summary.refused_rows = tape.report().refused_total();
            let instruments = tape.report().symbols.len();
            Ok(Opened { items: tape.items(), marks: 4 * tape.report().accepted, instruments, books })
        }
    }
}

fn must_be_free(dir: &Path) -> Result<(), Request> {
    if dir.exists() && !dir.is_dir() {
        return Err(Request(format!("{} is not a directory; name another", dir.display())));
    }
    if dir.join("journal").exists() {
        let dir = dir.display();
        return Err(Request(format!("{dir} holds a run already; remove it or name another directory")));
    }
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "the parts of one run")]
/// Runs what comes in; the output is created when there is something to run. None if nothing came.
fn consume<D: MarginDevice>(
    inputs: &Receiver<anyhow::Result<Input>>,
    driver: &mut Driver<D>,
    drill: &mut Option<Drill<D>>,
    options: &Options,
    rules: &Rules,
    books: Option<Arc<Books>>,
    summary: &mut Summary,
    progress: &Progress,
) -> anyhow::Result<Option<Output>> {
    let (mut next_sequence, mut next_round) = (0, 0);
    let mut marks_done = 0;
    // A loss that nobody asked for is told in any case.
    let tell = |line: &str| {
        if options.progress || options.drill == 0 {
            progress.tell(line);
        }
    };
    let mut inputs = inputs.iter().peekable();
    let mut output = None;
    while let Some(input) = inputs.next().transpose()? {
        let Input::EpisodeStarted { index, time_ms: started_ms } = input else { continue };
        progress.say(format!("episode {index}"));
        let patrol = Patrol::new(options.patrol);
        let venue = SimulatedVenue::new(rules.validate()?.0, summary.venue.clone(), books.clone())?;
        let (note, audit) = (summary.venue.note(), options.audit);
        let mut session =
            Session::start(rules.clone(), driver, audit, patrol, venue, next_sequence, next_round)?;
        if let Some(error) = inputs.next_if(Result::is_err) {
            error?;
        }
        let output = match &mut output {
            Some(output) => output,
            none => none.insert(Output::create(
                options.out.as_deref(),
                (options.durable, options.resume),
                rules,
                options.seed,
                &summary.source,
            )?),
        };
        output.episode_started((index, started_ms), options.seed, rules, &summary.source, note)?;
        loop {
            let (recorder, reports) = output.split();
            let mut observe = |engine: &engine::Engine, evaluated: &super::session::Evaluated| {
                let (due, given) = evaluated.coverage();
                summary.verdicts_due += due;
                summary.verdicts_given += given;
                summary.audited += evaluated.audited;
                summary.patrolled += evaluated.patrolled;
                summary.flags += evaluated.answer.verdicts.len() as u64;
                summary.cleared += evaluated.decided.cleared.len() as u64;
                summary.rounds += 1;
                summary.rounds_on_cpu += u64::from(evaluated.on_cpu);
                if let Some(loss) = &evaluated.loss {
                    summary.add_loss(loss);
                    tell(&format!("round {}: device lost: {}", summary.rounds - 1, loss.cause));
                }
                reports.round(engine, evaluated)
            };
            match inputs.next().context("the feed ended inside an episode")?? {
                Input::Round { time_ms, events, marks } => {
                    session.run(time_ms, events, recorder, &mut observe)?;
                    progress.advance(marks);
                    marks_done += marks;
                    if let Some(drill) = drill {
                        let said = drill.step(&mut session, time_ms, marks_done, recorder, summary)?;
                        said.iter().for_each(|line| tell(line));
                    }
                }
                Input::EpisodeEnded { index, time_ms, rounded } => {
                    let elapsed_ms = time_ms.saturating_sub(started_ms).max(0);
                    let cover = session.engine().cover_two(&SHOCKS);
                    let state_hash = session.settle(time_ms, recorder, &mut observe)?;
                    summary.add_cover(cover, elapsed_ms.unsigned_abs());
                    summary.marks_rounded += rounded;
                    summary.add_episode(session.engine(), state_hash);
                    if let Some(books) = &books {
                        summary.add_books(books);
                    }
                    output.episode_ended(index, state_hash)?;
                    break;
                }
                Input::EpisodeStarted { index, .. } => anyhow::bail!("episode {index} starts inside another"),
            }
        }
        (next_sequence, next_round) = (session.next_sequence, session.next_round);
    }
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comparison_is_the_summary_and_whether_they_agreed() {
        let outcome = |verdicts_given, bad_debt| {
            let mut summary = Summary::new("cpu", "full".into(), 1);
            (summary.verdicts_given, summary.bad_debt) = (verdicts_given, bad_debt);
            Outcome { summary, files: Vec::new(), _device: None }
        };
        let (one, same, other) = (outcome(1_234_567, i128::MAX), outcome(1_234_567, 0), outcome(1, 0));
        assert!(one.agreement(&same).contains("the same 1,234,567 verdicts"), "{}", one.agreement(&same));
        for (two, agreed) in [(&same, true), (&other, false)] {
            let text = one.compared_json(two);
            assert!(text.contains(&format!("\"bad_debt\": {}", i128::MAX)), "{text}");
            assert!(text.ends_with(&format!("\"agreed\": {agreed}\n}}")), "{text}");
        }
    }
}
