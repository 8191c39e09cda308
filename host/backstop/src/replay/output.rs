//! What a run leaves behind: the journal, the liquidations, the plot, the summary.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail};
use engine::Engine;
use engine::apply::{Action, ActionKind};
use engine::event::{Change, TimeMs};
use engine::rules::Rules;

use super::session::{Evaluated, Recorder};
use crate::feed::field;
use crate::journal::export::hex;
use crate::journal::{Entry, Header, JournalError, JournalReader, JournalWriter};
use crate::report::impact::{ImpactRow, ImpactWriter};
use crate::report::latency::Latencies;
use crate::report::liquidations::{LiquidationAction, LiquidationRow, LiquidationWriter};
use crate::report::plot::{EpisodePlot, Plot};
use crate::report::summary::Summary;

/// The journal, if one is kept.
pub struct Kept {
    journal: Option<JournalWriter>,
    /// Of a run that is resumed, until what it recorded before is through.
    before: Option<Before>,
    /// Orders wait until what they were decided on is durable.
    waits: Option<Waits>,
}

/// How long decisions and their release take, on the wall clock.
struct Waits {
    /// When the last round was appended, and when it was decided on.
    appended: Instant,
    decided: Instant,
    latencies: Latencies,
}

/// What a run that is resumed recorded before it was stopped: it must come again, record by record.
struct Before {
    reader: JournalReader,
    path: PathBuf,
}

impl Before {
    /// # Errors
    /// If there is no journal, or it is of another run.
    fn open(path: PathBuf, header: &Header) -> anyhow::Result<Self> {
        let reader = JournalReader::open(&path)?;
        let (found, path_name) = (reader.header(), path.display());
        if found.rules_hash != header.rules_hash {
            bail!("{path_name} was recorded with other rules; resume with those");
        }
        if found.instance != header.instance {
            bail!("{path_name} is of another tape or seed; resume with those");
        }
        Ok(Self { reader, path })
    }

    /// The run has ended again: a writer if the journal is still to be closed, and its chain hash.
    fn end(mut self) -> Result<(Option<JournalWriter>, String), JournalError> {
        let record = self.reader.records();
        match self.reader.next() {
            Some(Ok(found)) => {
                let found = field::shortened(format!("{found:?}").as_bytes());
                Err(JournalError::Differs { path: self.path, record, found, given: "nothing more".into() })
            }
            Some(Err(error)) if !error.is_torn_tail() => Err(error),
            _ if self.reader.is_closed() => Ok((None, hex(&self.reader.chain_hash()))),
            _ => Ok((Some(JournalWriter::open(&self.path)?), String::new())),
        }
    }

    /// True if the entry is the next one of before; false if there are no more.
    fn meets(&mut self, entry: &Entry) -> Result<bool, JournalError> {
        let record = self.reader.records();
        match self.reader.next() {
            Some(Ok(found)) if found == *entry => Ok(true),
            Some(Ok(found)) => {
                let [found, given] =
                    [&found, entry].map(|entry| field::shortened(format!("{entry:?}").as_bytes()));
                Err(JournalError::Differs { path: self.path.clone(), record, found, given })
            }
            Some(Err(error)) if !error.is_torn_tail() => Err(error),
            _ if self.reader.is_closed() => Err(JournalError::Closed { path: self.path.clone() }),
            _ => Ok(false),
        }
    }
}

impl Recorder for Kept {
    fn record(&mut self, entry: Entry) -> Result<(), JournalError> {
        if let Some(before) = &mut self.before {
            if before.meets(&entry)? {
                return Ok(());
            }
            self.journal = Some(JournalWriter::open(&before.path)?);
            self.before = None;
        }
        let Some(journal) = &self.journal else { return Ok(()) };
        if let Some(waits) = &mut self.waits {
            match &entry {
                Entry::RoundEnded { .. } => waits.appended = Instant::now(),
                Entry::Decision { commands, .. } => {
                    waits.decided = Instant::now();
                    if !commands.is_empty() {
                        waits.latencies.decision.note(waits.decided - waits.appended);
                    }
                }
                _ => {}
            }
        }
        journal.append(entry)
    }

    fn release(&mut self) -> Result<(), JournalError> {
        if let (Some(journal), Some(waits)) = (&self.journal, &mut self.waits) {
            journal.sync()?;
            waits.latencies.release.note(waits.decided.elapsed());
        }
        Ok(())
    }
}

/// The reports, if any are kept.
#[derive(Default)]
pub struct Reports {
    liquidations: Option<LiquidationWriter<BufWriter<File>>>,
    impact: Option<ImpactWriter<BufWriter<File>>>,
    episode: u32,
    plots: Vec<EpisodePlot>,
    /// Halts of the episode that were seen.
    halts: u64,
}

/// A run's files, all in one directory that was empty.
pub struct Output {
    dir: Option<PathBuf>,
    journal: Kept,
    reports: Reports,
}

impl Output {
    /// Opens the files; with no directory nothing is kept. With `durable`, orders leave only after the commit that holds their cause. With `resume`
    /// the journal that is there goes on; reports are written anew.
    ///
    /// # Errors
    /// If the directory holds a run already, or with `resume` none or another; or if it cannot be written.
    pub fn create(
        dir: Option<&Path>,
        (durable, resume): (bool, bool),
        rules: &Rules,
        seed: u64,
        source: &str,
    ) -> anyhow::Result<Self> {
        let Some(dir) = dir else {
            let journal = Kept { journal: None, before: None, waits: None };
            return Ok(Self { dir: None, journal, reports: Reports::default() });
        };
        fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let path = dir.join("journal");
        let instance = blake3::hash(format!("{seed} {source}").as_bytes());
        let instance = instance.as_bytes()[..16].try_into().expect("32 bytes have 16");
        let header = Header::new(instance, rules);
        let (journal, before) = match resume {
            false => (Some(JournalWriter::create(&path, &header)?), None),
            true => (None, Some(Before::open(path, &header)?)),
        };
        let csv = |name| {
            let path = dir.join(name);
            let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
            anyhow::Ok(BufWriter::new(file))
        };
        let liquidations = LiquidationWriter::new(csv("liquidations.csv")?, rules.scale)?;
        let impact = ImpactWriter::new(csv("impact.csv")?)?;
        let reports =
            Reports { liquidations: Some(liquidations), impact: Some(impact), ..Reports::default() };
        let waits = durable.then(|| {
            let now = Instant::now();
            Waits { appended: now, decided: now, latencies: Latencies::default() }
        });
        Ok(Self { dir: Some(dir.to_owned()), journal: Kept { journal, before, waits }, reports })
    }

    /// Journal and reports, to be used side by side.
    pub fn split(&mut self) -> (&mut Kept, &mut Reports) {
        (&mut self.journal, &mut self.reports)
    }

    /// `venue` is the note on the venue's configuration.
    ///
    /// # Errors
    /// If the journal fails.
    pub fn episode_started(
        &mut self,
        (index, time_ms): (u32, TimeMs),
        seed: u64,
        rules: &Rules,
        source: &str,
        venue: String,
    ) -> anyhow::Result<()> {
        let (rules, source) = (rules.clone(), source.to_owned());
        self.reports.episode = index;
        self.reports.plots.push(EpisodePlot::new(index));
        self.reports.halts = 0;
        self.journal.record(Entry::EpisodeStarted { index, seed, rules, source })?;
        Ok(self.journal.record(Entry::Note { time_ms, text: venue })?)
    }

    /// # Errors
    /// If the journal fails.
    pub fn episode_ended(&mut self, index: u32, state_hash: [u8; 32]) -> anyhow::Result<()> {
        Ok(self.journal.record(Entry::EpisodeEnded { index, state_hash })?)
    }

    /// Closes everything; the journal is durable when this returns, and the summary names its last chain hash. The files, most looked at first.
    ///
    /// # Errors
    /// If the last bytes cannot be written.
    pub fn finish(self, summary: &mut Summary) -> anyhow::Result<Vec<PathBuf>> {
        let Kept { mut journal, before, waits } = self.journal;
        summary.latencies = waits.map(|waits| waits.latencies);
        if let Some(before) = before {
            (journal, summary.journal_chain) = before.end()?;
        }
        if let Some(journal) = journal {
            summary.journal_chain = hex(&journal.close()?.chain);
        }
        if let Some(liquidations) = self.reports.liquidations {
            liquidations.finish()?;
        }
        if let Some(impact) = self.reports.impact {
            impact.finish()?;
        }
        let Some(dir) = self.dir else { return Ok(Vec::new()) };
        let plot = Plot {
            title: format!("Replay of {}", summary.source),
            note: summary.simulated(),
            episodes: self.reports.plots,
        };
        plot.write(&dir.join("plot.svg"))?;
        write_summary(&dir.join("summary.json"), summary)?;
        let names = ["plot.svg", "liquidations.csv", "impact.csv", "journal", "summary.json"];
        Ok(names.map(|name| dir.join(name)).into())
    }
}

/// # Errors
/// If the file cannot be written.
pub fn write_summary(path: &Path, summary: &Summary) -> anyhow::Result<()> {
    let mut file = File::create(path).with_context(|| format!("cannot create {}", path.display()))?;
    writeln!(file, "{}", summary.to_json()).with_context(|| format!("cannot write {}", path.display()))
}

impl Reports {
    /// Hears of a round that is done.
    ///
    /// # Errors
    /// If a report cannot be written.
    pub fn round(&mut self, engine: &Engine, evaluated: &Evaluated) -> anyhow::Result<()> {
        if let Some(plot) = self.plots.last_mut() {
            let time_ms = evaluated.round.time_ms;
            for update in &evaluated.applied.updates {
                if let Change::Mark { instrument, price } = update.change {
                    plot.mark(time_ms, &engine.markets()[usize::from(instrument.0)].spec.symbol, price);
                }
            }
            plot.at_risk(time_ms, engine.watched());
            let halts = engine.counters().halts;
            plot.halts(time_ms, halts - std::mem::replace(&mut self.halts, halts));
            evaluated.applied.actions.iter().for_each(|action| plot.liquidation(action.time_ms));
            plot.money(time_ms, engine.insurance(), engine.bad_debt());
        }
        if let Some(impact) = &mut self.impact {
            for row in impact_rows(engine, evaluated, self.episode) {
                impact.mark(&row)?;
            }
        }
        if let Some(liquidations) = &mut self.liquidations {
            for action in &evaluated.applied.actions {
                for row in rows(engine, action) {
                    liquidations.write(&row)?;
                }
            }
        }
        Ok(())
    }
}

/// The round's marks that were applied, with what the tape said.
fn impact_rows<'a>(
    engine: &'a Engine,
    evaluated: &'a Evaluated,
    episode: u32,
) -> impl Iterator<Item = ImpactRow<'a>> {
    evaluated.applied.updates.iter().filter_map(move |update| {
        let Change::Mark { instrument, price: mark } = update.change else { return None };
        let at = evaluated.tape.binary_search_by_key(&update.sequence, |tape| tape.sequence).ok()?;
        let spec = &engine.markets()[usize::from(instrument.0)].spec;
        let (time_ms, tape) = (evaluated.round.time_ms, evaluated.tape[at].price);
        Some(ImpactRow {
            episode,
            time_ms,
            symbol: &spec.symbol,
            lot_exponent: spec.lot_exponent,
            tape,
            mark,
        })
    })
}

/// A row a position; fee and payment stand on the first, so that columns can be summed.
fn rows(engine: &Engine, action: &Action) -> Vec<LiquidationRow> {
    let kind = match action.kind {
        ActionKind::Slice => LiquidationAction::Slice,
        ActionKind::FullClose => LiquidationAction::FullClose,
        ActionKind::Absorption => LiquidationAction::Absorption,
        ActionKind::Takeover => LiquidationAction::Takeover,
        ActionKind::Bankruptcy => LiquidationAction::Bankruptcy,
        ActionKind::Deleveraging => LiquidationAction::Deleveraging,
        ActionKind::SocialisedLoss => LiquidationAction::SocialisedLoss,
    };
    let on_book = matches!(action.kind, ActionKind::Slice | ActionKind::FullClose | ActionKind::Absorption);
    let base = LiquidationRow {
        time_ms: action.time_ms,
        sequence: action.sequence,
        account: action.account,
        action: kind,
        symbol: String::new(),
        lot_exponent: 0,
        lots: 0,
        mark: 0,
        quote: 0,
        slippage_expected: 0,
        slippage_realised: 0,
        fee_to_fund: 0,
        fund_paid: 0,
        borne: 0,
        severity_before: action.before.severity as u8,
        equity_before: action.before.equity,
        requirement_before: action.before.requirement,
        equity_after: action.after.equity,
        requirement_after: action.after.requirement,
    };
    let rules = engine.rules();
    let mut rows: Vec<LiquidationRow> = action
        .legs
        .iter()
        .map(|&(instrument, lots, quote)| {
            let market = &engine.markets()[usize::from(instrument.0)];
            let mark = market.mark.get();
            let notional = i128::from(lots.unsigned_abs()) * i128::from(mark);
            let expected = notional * i128::from(market.spec.slippage) / i128::from(rules.scale);
            LiquidationRow {
                symbol: market.spec.symbol.clone(),
                lot_exponent: market.spec.lot_exponent,
                lots,
                mark,
                quote,
                slippage_expected: if on_book { expected } else { 0 },
                slippage_realised: LiquidationRow::slippage(lots, mark, quote),
                ..base.clone()
            }
        })
        .collect();
    if rows.is_empty() {
        rows.push(base);
    }
    (rows[0].fee_to_fund, rows[0].fund_paid, rows[0].borne) = (action.fee, action.fund_paid, action.unpaid);
    rows
}
