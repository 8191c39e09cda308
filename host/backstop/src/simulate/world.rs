//! One seed: a host lives, dies and comes back in a world that breaks by plan, until the market ends and everything has come right.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::rc::Rc;

use anyhow::{Context, anyhow, bail, ensure};
use device::fault::FaultyDevice;
use device::{CpuDevice, Driver, DriverConfig};
use engine::Engine;
use engine::event::{Event, TimeMs};
use engine::rules::Rules;
use model::machine::Capacity;

use super::auditor::{Auditor, Checks, Seen};
use super::disk::{Power, SimulatedDisk};
use super::market::{ACCOUNTS_MAX, Market, OPERATORS, SOURCES, Sent};
use super::network::{Arrival, Network};
use super::plan::{Fault, FaultKind, KINDS};
use super::recorder::{Recorded, SimulatedRecorder};
use super::venue::Line;
use crate::feed::draw::Draw;
use crate::gateway::{Config, Gateway, Output};
use crate::journal::{Disk, Entry, Header, JournalReader, Log, care};
use crate::recovery::{Followed, Position, RunState, Snapshots, follow_from, follow_watched, recover};
use crate::replay::audit::Audit;
use crate::replay::patrol::Patrol;
use crate::replay::session::{Evaluated, Recorder, Session};
use crate::venue::{SimulatedVenue, Venue, VenueConfig};

/// Small, so that many are begun.
const SEGMENT_BYTES: u64 = 64 << 10;
const SNAPSHOTS_KEPT: usize = 2;
/// Until an operator attaches a lost device again.
const REATTACH_MS: TimeMs = 30_000;

/// What is played: a seed's world, or a part of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Scenario {
    pub seed: u64,
    /// Places of the faults of the seed's plan that happen; none: all.
    pub faults: Option<Vec<usize>>,
    /// Messages after which the world ends; none: at its end.
    pub messages: Option<u64>,
}

impl Scenario {
    /// All of a seed's world.
    pub fn of(seed: u64) -> Self {
        Self { seed, faults: None, messages: None }
    }
}

/// The faults of a scenario.
pub fn faults_of(scenario: &Scenario) -> Vec<Fault> {
    planned(scenario, &Market::of(scenario.seed))
}

fn planned(scenario: &Scenario, market: &Market) -> Vec<Fault> {
    let planned = Fault::plan(scenario.seed, market).into_iter().enumerate();
    let is_kept = |place: usize| scenario.faults.as_ref().is_none_or(|kept| kept.contains(&place));
    planned.filter(|(place, _)| is_kept(*place)).map(|(_, fault)| fault).collect()
}

/// How a seed went.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Outcome {
    pub faults: usize,
    /// How often each kind of fault did something.
    pub struck: [u64; KINDS.len()],
    pub checks: Checks,
    pub accounts: usize,
    pub messages: u64,
    pub records: u64,
    pub restarts: u64,
    /// Snapshots that a restart began with.
    pub snapshots_used: u64,
    pub device_losses: u64,
    /// Of the engine's state at the end.
    pub hash: [u8; 32],
}

/// What is wrong, and when it was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure {
    pub messages: u64,
    pub found: String,
}

enum End {
    Done([u8; 32]),
    Dead,
}

/// How the program died.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Death {
    Power,
    Killed,
    SnapshotBit,
    JournalBit,
}

struct World<'w> {
    market: &'w Market,
    faults: &'w [Fault],
    network: Network<'w>,
    line: Line,
    draw: Draw,
    clock: Rc<Cell<TimeMs>>,
    power: Power,
    journal: SimulatedDisk,
    snapshots: SimulatedDisk,
    header: Header,
    kept: Recorded,
    auditor: Auditor,
    /// Of the state after the last snapshot, to make the next one of.
    followed: Option<(RunState, usize)>,
    /// Faults that have begun.
    begun: usize,
    /// How it will have died when there is no power.
    death: Death,
    /// Operations after the next start in which the power goes.
    power_after: Option<u64>,
    messages: &'w Cell<u64>,
    messages_max: u64,
    outcome: Outcome,
}

/// Plays a scenario to its end.
///
/// # Errors
/// The first thing that is wrong, a broken invariant of the engine included.
pub fn play(scenario: &Scenario) -> Result<Outcome, Failure> {
    let messages = Cell::new(0);
    let played = catch_unwind(AssertUnwindSafe(|| attempt(scenario, &messages)));
    let found = match played {
        Ok(Ok(outcome)) => return Ok(outcome),
        Ok(Err(error)) => format!("{error:#}"),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
        }
    };
    Err(Failure { messages: messages.get(), found })
}

fn attempt(scenario: &Scenario, messages: &Cell<u64>) -> anyhow::Result<Outcome> {
    let mut market = Market::of(scenario.seed);
    let faults = planned(scenario, &market);
    command(&mut market, &faults);
    World::new(scenario, &market, &faults, messages)?.play()
}

/// Operators send what is planned for them.
fn command(market: &mut Market, faults: &[Fault]) {
    let sent = &mut market.frames[usize::from(OPERATORS)];
    for fault in faults {
        if let FaultKind::OperatorPauses { scope, action } = fault.kind {
            let (reason, until_ms) = ("a drill".to_owned(), fault.at_ms + 600_000);
            sent.push(Sent {
                time_ms: fault.at_ms,
                events: vec![Event::Paused { scope, action, reason, until_ms }],
            });
            sent.push(Sent { time_ms: fault.until_ms, events: vec![Event::Resumed { scope, action }] });
        }
    }
    sent.sort_by_key(|sent| sent.time_ms);
}

impl<'w> World<'w> {
    fn new(
        scenario: &Scenario,
        market: &'w Market,
        faults: &'w [Fault],
        messages: &'w Cell<u64>,
    ) -> anyhow::Result<Self> {
        let seed = scenario.seed;
        let mut draw = Draw::new(seed, "simulated world", 0);
        let config = VenueConfig { latency_ms: draw.within(1, 3_000) as u32, ..VenueConfig::default() };
        let book = SimulatedVenue::new(market.rules.validate()?.0, config, None)?;
        let power = Power::default();
        let outcome = Outcome {
            faults: faults.len(),
            struck: [0; KINDS.len()],
            checks: Checks::default(),
            accounts: 0,
            messages: 0,
            records: 0,
            restarts: 0,
            snapshots_used: 0,
            device_losses: 0,
            hash: [0; 32],
        };
        Ok(Self {
            market,
            faults,
            network: Network::new(seed, market, faults),
            line: Line::new(seed, book, faults),
            draw,
            clock: Rc::new(Cell::new(market.start_ms)),
            journal: SimulatedDisk::new(&power),
            snapshots: SimulatedDisk::new(&power),
            power,
            header: Header::new([7; 16], &market.rules),
            kept: Recorded::default(),
            auditor: Auditor::new(market.rules.clone()),
            followed: None,
            begun: 0,
            death: Death::Power,
            power_after: None,
            messages,
            messages_max: scenario.messages.unwrap_or(u64::MAX),
            outcome,
        })
    }

    fn play(&mut self) -> anyhow::Result<Outcome> {
        let mut state = None;
        let hash = loop {
            match self.live(state)? {
                End::Done(hash) => break hash,
                End::Dead => state = self.come_back()?,
            }
        };
        let entries = self.read_journal()?;
        ensure!(entries.len() == self.kept.entries.len(), "the journal at the end is not what was recorded");
        let again = follow_from(None, entries.into_iter().map(Ok), None)?;
        ensure!(again.engine.state_hash() == hash, "the journal leads to another state than the run did");
        for struck in [&self.network.struck, &self.line.floor().struck] {
            struck.iter().for_each(|(&kind, times)| self.outcome.struck[kind] += times);
        }
        self.outcome.checks = self.auditor.checks;
        self.outcome.accounts = again.engine.ledger().accounts();
        (self.outcome.messages, self.outcome.records) = (self.messages.get(), self.kept.entries.len() as u64);
        self.outcome.hash = hash;
        Ok(self.outcome.clone())
    }

    fn strike(&mut self, kind: &FaultKind) {
        self.outcome.struck[kind.number()] += 1;
    }

    /// From its start, or its coming back, to its death or the end of the world.
    fn live(&mut self, state: Option<RunState>) -> anyhow::Result<End> {
        let path = Path::new("journal");
        let positions: Vec<_> = state.iter().flat_map(|state| state.taken.clone()).collect();
        let mut gateway = Gateway::resume(Config::of(SOURCES), &positions)?;
        let capacity = Capacity {
            lanes: 1,
            accounts_per_lane: ACCOUNTS_MAX,
            slots_per_lane: 4 * ACCOUNTS_MAX,
            instruments: 4,
        };
        let device = FaultyDevice::seeded(CpuDevice::new(capacity), self.draw.below(u64::MAX));
        let config = DriverConfig { polls_max: 64, ..DriverConfig::default() };
        let mut driver = Driver::new(device, config);
        let log = match &state {
            None => Log::create(self.journal.clone(), path, self.header, SEGMENT_BYTES),
            Some(_) => Log::open(self.journal.clone(), path, SEGMENT_BYTES).map(|(log, _)| log),
        };
        let log = match log {
            Ok(log) => log,
            Err(_) if self.power.is_off() => return Ok(End::Dead),
            Err(error) => return Err(error.into()),
        };
        let mut kept = std::mem::take(&mut self.kept);
        kept.acknowledged = log.committed().records as usize;
        let mut recorder = SimulatedRecorder {
            log,
            kept: &mut kept,
            disk: self.journal.clone(),
            clock: self.clock.clone(),
            faults: self.faults,
            stalled: 0,
            slow: 0,
        };
        let ended = self.serve(state, &mut gateway, &mut driver, &mut recorder);
        let (stalled, slow) = (recorder.stalled, recorder.slow);
        drop(recorder);
        self.kept = kept;
        self.outcome.struck[FaultKind::DiskFull.number()] += stalled;
        self.outcome.struck[FaultKind::DiskSlow { ms: 0 }.number()] += slow;
        match ended {
            Err(_) if self.power.is_off() => Ok(End::Dead),
            ended => ended,
        }
    }

    fn died(&mut self, death: Death) -> End {
        self.death = death;
        End::Dead
    }

    fn serve(
        &mut self,
        state: Option<RunState>,
        gateway: &mut Gateway,
        driver: &mut Driver<FaultyDevice<CpuDevice>>,
        recorder: &mut SimulatedRecorder,
    ) -> anyhow::Result<End> {
        let auditor = RefCell::new(std::mem::replace(&mut self.auditor, Auditor::new(Rules::default())));
        let losses = Cell::new(0);
        let mut observe = |engine: &Engine, evaluated: &Evaluated| {
            let Evaluated { round, applied, answer, decided, loss, .. } = evaluated;
            losses.set(losses.get() + u64::from(loss.is_some()));
            let (_, given) = evaluated.coverage();
            let (flags, commands) = (answer.verdicts.as_slice(), decided.commands.as_slice());
            let seen = Seen { round, applied, flags, commands, given: Some(given) };
            auditor.borrow_mut().round(engine, &seen).map_err(|found| anyhow!(found))
        };
        let (audit, patrol) = (Audit::Full, Patrol::new(0));
        let venue = self.line.clone();
        let session = match state {
            Some(state) => Session::resume_at(state, venue, driver, audit, patrol, recorder, &mut observe),
            None => {
                let (rules, source) = (self.market.rules.clone(), "a made-up market".to_owned());
                let seeded = Entry::EpisodeStarted { index: 0, seed: 0, rules: rules.clone(), source };
                let note = self.config_note();
                recorder.record(seeded)?;
                recorder.record(Entry::Note { time_ms: self.market.start_ms, text: note })?;
                Session::start(rules, driver, audit, patrol, venue, 0, 0)
            }
        };
        let ended = session
            .and_then(|mut session| self.messages(&mut session, gateway, recorder, &mut observe, &auditor));
        self.auditor = auditor.into_inner();
        self.outcome.device_losses += losses.get();
        ended
    }

    fn config_note(&self) -> String {
        VenueConfig { latency_ms: self.line.latency_ms() as u32, ..VenueConfig::default() }.note()
    }

    /// Takes what arrives, until there is no more.
    fn messages(
        &mut self,
        session: &mut Session<FaultyDevice<CpuDevice>, Line>,
        gateway: &mut Gateway,
        recorder: &mut SimulatedRecorder,
        observe: &mut impl FnMut(&Engine, &Evaluated) -> anyhow::Result<()>,
        auditor: &RefCell<Auditor>,
    ) -> anyhow::Result<End> {
        let mut struck_before = session.device_mut().struck();
        let mut armed = FaultKind::DiskFull;
        let mut lost_ms = None;
        while self.messages.get() < self.messages_max {
            let Some((at_ms, arrival)) = self.network.next() else { break };
            self.messages.set(self.messages.get() + 1);
            self.clock.set(self.clock.get().max(at_ms));
            let now_ms = self.clock.get();
            while let Some(fault) = self.faults.get(self.begun).filter(|fault| fault.at_ms <= now_ms) {
                self.begun += 1;
                match fault.kind {
                    FaultKind::PowerCut { operations } => {
                        self.power.cut_at(self.power.operations() + operations)
                    }
                    FaultKind::Kill { operations, power_after } => {
                        self.power.cut_at(self.power.operations() + operations);
                        self.death = Death::Killed;
                        self.power_after = power_after;
                    }
                    FaultKind::SnapshotBit => {
                        self.power.cut();
                        return Ok(self.died(Death::SnapshotBit));
                    }
                    FaultKind::JournalBit => return Ok(self.died(Death::JournalBit)),
                    FaultKind::DiskFull => recorder.free_space(),
                    FaultKind::Device(kind) => {
                        session.device_mut().arm(kind, 16);
                        armed = fault.kind.clone();
                    }
                    FaultKind::OperatorPauses { .. } => self.strike(&fault.kind),
                    _ => {}
                }
            }
            recorder.free_space();
            for output in self.receive(gateway, arrival, now_ms) {
                match output {
                    Output::Frame(frame) => {
                        session.take(frame.source, frame.sequence);
                        session.run(frame.time_ms, frame.events, recorder, observe)?;
                    }
                    Output::Snapshot(snapshot) => {
                        session.take(snapshot.source, snapshot.sequence);
                        session.run(snapshot.time_ms, snapshot.events, recorder, observe)?;
                    }
                    Output::Request { source, from, to } => self.network.request(now_ms, source, from, to),
                    Output::SnapshotRequest { source, after } => {
                        self.network.request_snapshot(now_ms, source, after);
                    }
                }
            }
            let struck = session.device_mut().struck();
            if struck != struck_before {
                struck_before = struck;
                self.strike(&armed);
            }
            if session.is_device_lost() && now_ms - *lost_ms.get_or_insert(now_ms) >= REATTACH_MS {
                let _ = session.reattach(now_ms, recorder)?;
                lost_ms = None;
            }
            if self.draw.chance(200_000) {
                recorder.commit()?;
            }
            if self.draw.chance(3_000) {
                recorder.commit()?;
                self.snapshot(recorder)?;
            }
        }
        let is_over = self.messages.get() < self.messages_max;
        for wait in 1..=600 {
            session.report_due(self.clock.get() + 1_000 * wait, recorder, observe)?;
            if session.is_idle() {
                break;
            }
        }
        recorder.commit()?;
        let positions = gateway.positions();
        let auditor = auditor.borrow();
        if is_over {
            for (source, position) in positions {
                let sent = self.market.frames[usize::from(source)].len() as u64;
                ensure!(position == sent, "source {source} sent {sent} frames, {position} were taken");
            }
            auditor.end(session.engine()).map_err(|found| anyhow!(found))?;
            self.check_venue(&auditor, true)?;
        }
        Ok(End::Done(session.engine().state_hash()))
    }

    /// What the gateway makes of an arrival; one that it refuses is lost, and asked for again.
    fn receive(&mut self, gateway: &mut Gateway, arrival: Arrival, now_ms: TimeMs) -> Vec<Output> {
        let mut host_ms = now_ms;
        let faults = self.faults;
        for fault in faults.iter().filter(|fault| fault.is_on(now_ms)) {
            if let FaultKind::ClockStep { ms } = fault.kind {
                self.strike(&fault.kind);
                host_ms += ms;
            }
        }
        match arrival {
            Arrival::Tick => gateway.tick(host_ms),
            Arrival::Frame(mut frame) => {
                frame.time_ms = host_ms;
                gateway.receive(frame).unwrap_or_default()
            }
            Arrival::Snapshot(mut snapshot) => {
                snapshot.time_ms = host_ms;
                gateway.restore(snapshot).unwrap_or_default()
            }
        }
    }

    /// A snapshot of the state that is durable.
    fn snapshot(&mut self, recorder: &SimulatedRecorder) -> anyhow::Result<()> {
        let (entries, records) = (&recorder.kept.entries, recorder.kept.acknowledged);
        if !entries[..records].iter().any(|entry| matches!(entry, Entry::RoundEnded { .. })) {
            return Ok(());
        }
        let (state, from) = self.followed.take().map_or((None, 0), |(state, from)| (Some(state), from));
        let state = follow_from(state, entries[from..records].iter().cloned().map(Ok), None)?;
        let committed = recorder.log.committed();
        ensure!(committed.records == records as u64, "the journal counts its records otherwise");
        let position = Position { record: committed.records, chain: committed.chain };
        let written = self.snapshots_at().write(position, &state);
        self.followed = Some((state, records));
        match written {
            Ok(()) => Ok(()),
            Err(_) if self.power.is_off() => bail!("the power went in a snapshot"),
            Err(error) => Err(error.into()),
        }
    }

    fn snapshots_at(&self) -> Snapshots<SimulatedDisk> {
        Snapshots::new(self.snapshots.clone(), Path::new("snapshots"), self.header, SNAPSHOTS_KEPT)
    }

    /// The disk as the death left it, recovered, checked, and audited from the first record on.
    fn come_back(&mut self) -> anyhow::Result<Option<RunState>> {
        self.outcome.restarts += 1;
        self.followed = None;
        // Whoever starts it again sees to it that there is space.
        self.journal.set_capacity(None);
        match self.death {
            Death::Power => self.strike(&FaultKind::PowerCut { operations: 0 }),
            Death::Killed => self.strike(&FaultKind::Kill { operations: 0, power_after: None }),
            Death::SnapshotBit | Death::JournalBit => {}
        }
        match self.death {
            Death::Power | Death::SnapshotBit => {
                self.journal.restart(&mut self.draw);
                self.snapshots.restart(&mut self.draw);
            }
            Death::Killed | Death::JournalBit => self.power.restore(),
        }
        match self.death {
            Death::SnapshotBit => self.flip_snapshot(),
            Death::JournalBit => self.flip_journal()?,
            Death::Power | Death::Killed => {}
        }
        self.death = Death::Power;
        if let Some(operations) = self.power_after.take() {
            self.power.cut_at(self.power.operations() + operations);
        }
        let entries = self.read_journal()?;
        let is_prefix = entries.len() <= self.kept.entries.len() && self.kept.entries.starts_with(&entries);
        ensure!(is_prefix, "the journal holds what was never recorded");
        ensure!(
            entries.len() >= self.kept.acknowledged,
            "{} records were said to be durable, the journal has {}",
            self.kept.acknowledged,
            entries.len()
        );
        self.kept.entries.truncate(entries.len());
        let mut auditor = Auditor::new(self.market.rules.clone());
        if !entries.iter().any(|entry| matches!(entry, Entry::RoundEnded { .. })) {
            self.check_venue(&auditor, false)?;
            self.auditor = auditor;
            self.kept = Recorded::default();
            (self.journal, self.snapshots) =
                (SimulatedDisk::new(&self.power), SimulatedDisk::new(&self.power));
            return Ok(None);
        }
        let whole = follow_watched(None, entries.into_iter().map(Ok), None, &mut |followed| {
            let Followed { engine, round, applied, verdicts: flags, commands } = followed;
            let seen = Seen { round, applied, flags, commands, given: None };
            auditor.round(engine, &seen).map_err(|found| anyhow!(found))
        })?;
        let mut snapshots = self.snapshots_at();
        let recovered = recover(self.journal.clone(), Path::new("journal"), &mut snapshots, |_| {})?;
        self.outcome.snapshots_used += u64::from(recovered.snapshot.is_some());
        let hash = |state: &RunState| (state.next_round, state.taken.clone(), state.engine.state_hash());
        ensure!(
            hash(&recovered.state) == hash(&whole),
            "snapshot and journal lead to other states than the journal"
        );
        self.check_venue(&auditor, false)?;
        self.auditor = auditor;
        Ok(Some(recovered.state))
    }

    fn check_venue(&self, auditor: &Auditor, all: bool) -> anyhow::Result<()> {
        let floor = self.line.floor();
        if let Some(id) = floor.reused {
            bail!("order number {id} came to the venue with another order");
        }
        auditor.venue(&floor.reports, all).map_err(|found| anyhow!(found))
    }

    fn read_journal(&self) -> anyhow::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in JournalReader::new(self.journal.clone(), Path::new("journal"))? {
            match entry {
                Err(error) if error.is_torn_tail() => break,
                entry => entries.push(entry?),
            }
        }
        Ok(entries)
    }

    fn flip(&mut self, disk: &SimulatedDisk, name: &str) {
        let mut bytes = disk.bytes(name);
        let bit = self.draw.below(8 * bytes.len() as u64);
        bytes[bit as usize / 8] ^= 1 << (bit % 8);
        disk.replace(name, bytes);
    }

    fn flip_snapshot(&mut self) {
        let disk = self.snapshots.clone();
        let names = disk.clone().names().unwrap_or_default();
        if let Some(newest) = names.iter().filter(|name| !name.ends_with(".new")).max() {
            self.strike(&FaultKind::SnapshotBit);
            self.flip(&disk, newest);
        }
    }

    /// A flipped bit is either where nothing is, or refused, and then mended from a replica.
    fn flip_journal(&mut self) -> anyhow::Result<()> {
        let path = Path::new("journal");
        let (disk, replica) = (self.journal.clone(), self.journal.copy());
        let mut names = disk.clone().names()?;
        names.retain(|name| !name.ends_with(".damaged"));
        let name = names[self.draw.below(names.len() as u64) as usize].clone();
        self.strike(&FaultKind::JournalBit);
        self.flip(&disk, &name);
        while care::check(disk.clone(), path, |_| {}).is_err() {
            let from = Some((replica.clone(), Path::new("replica")));
            match care::repair(disk.clone(), path, from) {
                // The power may go in a repair too.
                Err(_) if self.power.is_off() => disk.restart(&mut self.draw),
                // Nothing but a header, which is the damage: nobody can say whose, and the operator puts the replica in its place.
                Err(care::RepairError::Foreign(_)) if self.kept.acknowledged == 0 => {
                    disk.replace(&name, replica.bytes(&name));
                }
                repaired => drop(repaired.context("with a replica")?),
            }
        }
        Ok(())
    }
}

/// Rules and journal of a seed's world in which nothing goes wrong.
#[cfg(test)]
pub fn journal_of(seed: u64) -> (Rules, Vec<Entry>) {
    let scenario = Scenario { seed, faults: Some(Vec::new()), messages: None };
    let (market, messages) = (Market::of(seed), Cell::new(0));
    let mut world = World::new(&scenario, &market, &[], &messages).unwrap();
    world.play().unwrap();
    (market.rules.clone(), std::mem::take(&mut world.kept.entries))
}
