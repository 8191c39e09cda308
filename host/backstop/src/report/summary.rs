//! What a run came to: one object for scripts, one page for a risk officer.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use engine::guard::GuardCounts;
use engine::insurance::cover::{Cover, runway_floor};
use engine::{Counters, Engine};
use serde::Serialize;

use super::latency::Latencies;
use super::text::{cents, count};
use crate::journal::export::hex;
use crate::replay::combined_hash;
use crate::replay::session::Loss;
use crate::venue::{Books, VenueConfig};

/// Source of a run on no tape.
pub const SCENARIO: &str = "built-in scenario";

/// Counts of one symbol's marks; every mark is applied, held or dropped at once, and a held one ends confirmed, discarded, or with the episode.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct SymbolMarks {
    pub marks: u64,
    pub applied: u64,
    pub held: u64,
    /// Held, and borne out by the mark that decided.
    pub confirmed: u64,
    /// Never seen by ledger or device: dropped at once, or held and not confirmed.
    pub dropped: u64,
}

/// Snapshots made beside a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SnapshotSummary {
    pub made: u64,
    /// Record that the newest good one is after.
    pub newest_record: Option<u64>,
    /// Of the state before the last settlement: from the newest and the journal after it, and from the whole journal.
    pub state_hash: String,
    /// Up to the last settlement.
    pub events: u64,
    /// Wall time to that state: from the newest and the journal after it, and from the whole journal.
    pub recovered_seconds: f64,
    pub recovered_from_start_seconds: f64,
    /// Why there were no more.
    pub failed: Option<String>,
}

/// Sums over the episodes of a run. Money in quanta (1e-6 of the quote currency).
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    pub source: String,
    pub device: String,
    pub lanes: usize,
    pub audit: String,
    /// Accounts read back a second of event time, round-robin.
    pub patrol: u32,
    pub seed: u64,
    pub venue: VenueConfig,
    /// Where each symbol's depth comes from; empty if it is the depth model.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub books: BTreeMap<String, String>,
    /// Symbols of the file of books that were not used, and why.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub books_refused: BTreeMap<String, String>,
    /// Markets had no liquidation budget.
    pub no_budget: bool,
    pub episodes: u32,
    pub accounts: u64,
    pub rounds: u64,
    pub marks: u64,
    pub marks_applied: u64,
    pub marks_held: u64,
    pub marks_confirmed: u64,
    pub marks_dropped: u64,
    /// Marks rounded half-even to the tick at ingestion.
    pub marks_rounded: u64,
    pub symbols: BTreeMap<String, SymbolMarks>,
    pub refused_rows: u64,
    pub verdicts_due: u64,
    pub verdicts_given: u64,
    /// Accounts read back and compared because a round touched them, and because it was their turn.
    pub audited: u64,
    pub patrolled: u64,
    /// Accounts that the device lost, judged by the host and loaded again.
    pub reloads: u64,
    /// Accounts on which device and ledger did not say the same; the device was lost there.
    pub disagreements: u64,
    /// Times the device was lost; why it was the first time.
    pub losses: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_loss: Option<String>,
    /// Commands to attach it again that succeeded, and that found it not to be as the host has it.
    pub reattachments: u64,
    pub reattachments_failed: u64,
    /// Rounds judged on the CPU, the device being lost.
    pub rounds_on_cpu: u64,
    /// Of a drill: faults asked for, and those that struck.
    pub faults_asked: u64,
    pub faults_struck: u64,
    /// Why the run stopped before its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    pub flags: u64,
    #[serde(flatten)]
    pub counters: Counters,
    /// Times a watched account was cleared by a hedge credit or its venue's rounding.
    pub cleared: u64,
    pub insurance_end: i128,
    pub bad_debt: i128,
    /// What the funds must hold for their two largest failures, and what they are short of that, before settlement; of the worst episode.
    pub cover_target: u128,
    pub cover_gap: u128,
    /// Event time of all episodes, and how long what is left would last at what was paid in it; none if nothing was paid.
    pub elapsed_ms: u64,
    pub fund_runway_ms: Option<u128>,
    pub ledger_balanced: bool,
    pub device_clocks: u64,
    pub seconds: f64,
    pub state_hash: String,
    /// Of the journal's last record, hex; it vouches for all records, however they were written. Empty if none was kept.
    pub journal_chain: String,
    /// With `--durable`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latencies: Option<Latencies>,
    /// Of a run with snapshots beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshots: Option<SnapshotSummary>,
    #[serde(skip)]
    hashes: Vec<[u8; 32]>,
}

impl Summary {
    /// An empty summary of a run on `device`.
    pub fn new(device: &str, audit: String, seed: u64) -> Self {
        Self { device: device.into(), audit, seed, ..Self::default() }
    }

    /// Adds what the funds are measured against at the end of an episode of `elapsed_ms`, before it settles.
    pub fn add_cover(&mut self, cover: Cover, elapsed_ms: u64) {
        self.cover_target = self.cover_target.max(cover.target);
        self.cover_gap = self.cover_gap.max(cover.gap);
        self.elapsed_ms += elapsed_ms;
    }

    /// Adds an episode that has settled.
    pub fn add_episode(&mut self, engine: &Engine, state_hash: [u8; 32]) {
        self.episodes += 1;
        self.accounts += engine.ledger().accounts() as u64;
        self.counters += engine.counters();
        self.insurance_end += engine.insurance();
        self.bad_debt += engine.bad_debt();
        let [left, paid] =
            [self.insurance_end, self.counters.insurance_out].map(|quanta| quanta.max(0).unsigned_abs());
        self.fund_runway_ms = runway_floor(left, paid, self.elapsed_ms);
        for (symbol, counts) in engine.mark_counts() {
            self.add_marks(symbol, counts);
        }
        let balanced = engine.ledger().is_balanced();
        self.ledger_balanced = balanced && (self.episodes == 1 || self.ledger_balanced);
        self.hashes.push(state_hash);
        self.state_hash = hex(&combined_hash(&self.hashes));
    }

    /// Adds where the depth of the symbols so far came from.
    pub fn add_books(&mut self, books: &Books) {
        let symbols = self.symbols.keys().map(|symbol| (symbol.clone(), books.source(symbol)));
        self.books.extend(symbols);
    }

    /// Adds a loss of the device.
    pub fn add_loss(&mut self, loss: &Loss) {
        self.losses += 1;
        self.disagreements += loss.disagreements;
        self.first_loss.get_or_insert_with(|| loss.cause.clone());
    }

    fn add_marks(&mut self, symbol: &str, counts: GuardCounts) {
        let dropped = counts.dropped + counts.discarded;
        let row = self.symbols.entry(symbol.to_owned()).or_default();
        let sums = [
            (&mut row.marks, &mut self.marks, counts.marks),
            (&mut row.applied, &mut self.marks_applied, counts.applied),
            (&mut row.held, &mut self.marks_held, counts.held),
            (&mut row.confirmed, &mut self.marks_confirmed, counts.confirmed),
            (&mut row.dropped, &mut self.marks_dropped, dropped),
        ];
        for (of_symbol, of_run, more) in sums {
            *of_symbol += more;
            *of_run += more;
        }
    }

    /// What a reader must know before anything else; empty if all is as it must be.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(why) = &self.stopped {
            warnings.push(format!("the run stopped: {why}"));
        }
        if let Some(why) = self.snapshots.as_ref().and_then(|snapshots| snapshots.failed.as_ref()) {
            warnings.push(format!("snapshots stopped, the run did not: {why}"));
        }
        let is_drill = self.faults_asked > 0;
        if let Some(cause) = self.first_loss.as_ref().filter(|_| !is_drill) {
            warnings.push(format!(
                "the device was lost ({} times) and {} rounds were judged on the CPU; verdicts, decisions and money are right; first: {cause}",
                count(self.losses),
                count(self.rounds_on_cpu)
            ));
        }
        let noticed = self.losses + self.reattachments_failed;
        if is_drill && self.faults_struck != noticed {
            warnings.push(format!(
                "{} faults struck the device and {} were noticed",
                count(self.faults_struck),
                count(noticed)
            ));
        }
        if self.disagreements != 0 && !is_drill {
            warnings.push(format!(
                "{} disagreements: the device is not to be trusted",
                count(self.disagreements)
            ));
        }
        if self.verdicts_given != self.verdicts_due {
            warnings.push(format!(
                "{} verdicts were due and {} given",
                count(self.verdicts_due),
                count(self.verdicts_given)
            ));
        }
        if !self.ledger_balanced && self.stopped.is_none() {
            warnings.push("the ledger does not balance".into());
        }
        if self.counters.insurance_start + self.counters.insurance_in - self.counters.insurance_out
            != self.insurance_end
        {
            warnings.push("the insurance fund's flows do not add up to its balance".into());
        }
        warnings
    }

    /// What of the run is not real, in words.
    pub fn simulated(&self) -> String {
        let marks = if self.source == SCENARIO { "Marks, accounts" } else { "Accounts" };
        let device = if self.device_clocks > 0 { "; the gateware runs in a simulator" } else { "" };
        format!("{marks}, their trades, the order book and its fills are simulated{device}.")
    }

    /// One JSON object; money as integers of quanta.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a summary is plain data")
    }
}

impl Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for warning in self.warnings() {
            writeln!(f, "WARNING: {warning}")?;
        }
        let mut row = |label: &str, value: String| writeln!(f, "  {label:<34}{value:>24}");
        row("source", self.source.clone())?;
        row("device", self.device.clone())?;
        row("lanes", self.lanes.to_string())?;
        row("episodes / accounts", format!("{} / {}", count(self.episodes.into()), count(self.accounts)))?;
        let VenueConfig { latency_ms, reject_ppm, impact_ppm, half_life_s, .. } = self.venue;
        let row_of_venue = [
            ("venue: latency / rejections", format!("{latency_ms} ms / {reject_ppm} ppm")),
            ("venue: impact of a depth", format!("{impact_ppm} ppm, half in {half_life_s} s")),
            ("liquidation budget", if self.no_budget { "off".into() } else { "as the rules".into() }),
        ];
        for (label, value) in row_of_venue {
            row(label, value)?;
        }
        for (symbol, source) in &self.books {
            row(&format!("depth of {symbol}"), source.clone())?;
        }
        for (symbol, why) in &self.books_refused {
            writeln!(f, "  book of {symbol} not used: {why}")?;
        }
        writeln!(f, "\nMarks and verdicts")?;
        let mut row = |label: &str, value: String| writeln!(f, "  {label:<34}{value:>24}");
        row("marks applied", count(self.marks_applied))?;
        row(
            "marks held / confirmed / dropped",
            format!("{} / {} / {}", self.marks_held, self.marks_confirmed, self.marks_dropped),
        )?;
        row("verdicts due", count(self.verdicts_due))?;
        row("verdicts given", count(self.verdicts_given))?;
        row("accounts read back and compared", count(self.audited))?;
        row("... and in turn, on patrol", count(self.patrolled))?;
        row("disagreements", count(self.disagreements))?;
        row("accounts loaded again", count(self.reloads))?;
        if self.losses > 0 {
            row("device lost / re-attached", format!("{} / {}", self.losses, self.reattachments))?;
            row("rounds judged on the CPU", count(self.rounds_on_cpu))?;
        }
        if self.faults_asked > 0 {
            row("drill: faults asked / struck", format!("{} / {}", self.faults_asked, self.faults_struck))?;
            let noticed = self.losses + self.reattachments_failed;
            row("... noticed, some while attaching", format!("{noticed}, {}", self.reattachments_failed))?;
        }
        row("changes of severity", count(self.flags))?;
        if self.device_clocks > 0 {
            row("clocks of the simulated gateware", count(self.device_clocks))?;
        }
        writeln!(f, "\nLiquidations")?;
        let mut row = |label: &str, value: String| writeln!(f, "  {label:<34}{value:>24}");
        row("slices on the book", count(self.counters.slices))?;
        row("liquidations ended in part", count(self.counters.liquidations_partial))?;
        row("liquidations ended in full", count(self.counters.liquidations_full))?;
        row("accounts taken over", count(self.counters.takeovers))?;
        row("accounts bankrupt", count(self.counters.bankruptcies))?;
        row("slices that the backstop took", count(self.counters.absorbed))?;
        row(
            "counterparties closed / hedges cut",
            format!("{} / {}", count(self.counters.deleveraged), self.counters.hedges_cut),
        )?;
        if self.cleared > 0 {
            row("flags cleared by credit or rounding", count(self.cleared))?;
        }
        writeln!(f, "\nMarkets")?;
        let mut row = |label: &str, value: String| writeln!(f, "  {label:<34}{value:>24}");
        let Counters { halts, gates_opened, pauses, withdrawals_refused, .. } = self.counters;
        let Counters { funding_payments, funding_paid, unwound, unwound_quote, .. } = self.counters;
        row("halts / gates after outages", format!("{} / {}", count(halts), count(gates_opened)))?;
        row("pauses / withdrawals refused", format!("{} / {}", count(pauses), count(withdrawals_refused)))?;
        row("funding payments", count(funding_payments))?;
        row("... from payers to receivers", cents(funding_paid))?;
        row("sales of the backstop's inventory", count(unwound))?;
        row("... for", cents(unwound_quote as i128))?;
        writeln!(f, "\nInsurance funds, quote currency")?;
        let mut row = |label: &str, value: String| writeln!(f, "  {label:<34}{value:>24}");
        row("start", cents(self.counters.insurance_start))?;
        row("fees in", cents(self.counters.insurance_in))?;
        row("deficits paid", cents(-self.counters.insurance_out))?;
        row("end", cents(self.insurance_end))?;
        row("for the two largest failures", cents(self.cover_target as i128))?;
        row("... short of that", cents(self.cover_gap as i128))?;
        let days = |ms: u128| format!("{} days", count((ms / 86_400_000).min(u64::MAX.into()) as u64));
        row("lasts, at what was paid", self.fund_runway_ms.map_or("nothing was paid".into(), days))?;
        row("borne by counterparties", cents(self.counters.haircuts))?;
        row("borne by other winners", cents(self.counters.socialised_loss))?;
        row("bad debt", cents(self.bad_debt))?;
        row(
            "ledger balanced",
            if self.ledger_balanced { "yes, to the quantum".into() } else { "NO".into() },
        )?;
        writeln!(
            f,
            "\n  {:<14}{:>10}{:>10}{:>8}{:>11}{:>9}",
            "symbol", "marks", "applied", "held", "confirmed", "dropped"
        )?;
        for (symbol, m) in &self.symbols {
            writeln!(
                f,
                "  {symbol:<14}{:>10}{:>10}{:>8}{:>11}{:>9}",
                count(m.marks),
                count(m.applied),
                m.held,
                m.confirmed,
                m.dropped
            )?;
        }
        if self.refused_rows + self.counters.refused_events + self.marks_rounded > 0 {
            writeln!(
                f,
                "\n  rows refused {}, events refused {}, prices rounded to the tick {}",
                count(self.refused_rows),
                count(self.counters.refused_events),
                count(self.marks_rounded)
            )?;
        }
        if let Some(of) = self.snapshots.as_ref().filter(|of| of.failed.is_none()) {
            let newest = of.newest_record.map_or("none".into(), |record| format!("record {}", count(record)));
            writeln!(
                f,
                "\n{} snapshots, the newest after {newest}: the same state from it in {:.3} s and from the whole journal ({} events) in {:.3} s\n  {}",
                count(of.made),
                of.recovered_seconds,
                count(of.events),
                of.recovered_from_start_seconds,
                of.state_hash
            )?;
        }
        if let Some(latencies) = &self.latencies {
            writeln!(f, "\n{latencies}")?;
        }
        writeln!(f, "\n  {}\n  state hash  {}\n  {:.1} s", self.simulated(), self.state_hash, self.seconds)
    }
}

#[cfg(test)]
mod tests {
    use engine::event::{AccountId, Event, Round};
    use engine::rules::Rules;

    use super::*;

    fn episode(summary: &mut Summary, endowment: i64, state_hash: [u8; 32]) {
        let mut engine = Engine::new(Rules::default()).unwrap();
        let deposit = Event::Deposited { account: AccountId(1), quanta: 5 };
        let events = vec![Event::FundEndowed { instrument: None, quanta: endowment }, deposit];
        engine.apply(&Round { time_ms: 0, first_sequence: 0, events });
        summary.add_episode(&engine, state_hash);
    }

    #[test]
    fn episodes_add_up() {
        let mut summary = Summary::new("cpu", "full".into(), 1);
        episode(&mut summary, 1_000_000_000_000, [1; 32]);
        assert_eq!(summary.state_hash, "01".repeat(32), "an only episode's own");
        episode(&mut summary, 234_567_890_000, [2; 32]);
        let both = blake3::hash(&[[1; 32], [2; 32]].concat()).to_hex();
        assert_eq!(summary.state_hash, both.as_str());
        assert_eq!((summary.episodes, summary.accounts), (2, 2));
        assert!(summary.ledger_balanced && summary.warnings().is_empty());

        let json: serde_json::Value = serde_json::from_str(&summary.to_json()).unwrap();
        assert_eq!(json["insurance_end"], 1_234_567_890_000_i64);
        assert_eq!(json["state_hash"], both.as_str());

        let page = summary.to_string();
        assert!(page.contains("1,234,567.89\n") && page.contains("simulated"), "{page}");
    }

    /// What must not be missed stands first, in words.
    #[test]
    fn a_page_begins_with_its_warnings() {
        let mut summary = Summary::new("sim", "off".into(), 1);
        episode(&mut summary, 1, [0; 32]);
        summary.add_marks(
            "X",
            GuardCounts { marks: 3, applied: 1, held: 1, dropped: 1, discarded: 1, confirmed: 0 },
        );
        assert_eq!((summary.marks, summary.symbols["X"].dropped), (3, 2));
        (summary.disagreements, summary.verdicts_due, summary.ledger_balanced) = (2, 1_000, false);
        let page = summary.to_string();
        let lines: Vec<&str> = page.lines().take(3).collect();
        assert!(lines.iter().all(|line| line.starts_with("WARNING: ")), "{page}");
        for (line, words) in
            lines.iter().zip(["2 disagreements", "1,000 verdicts were due and 0 given", "balance"])
        {
            assert!(line.contains(words), "{line}");
        }
    }

    /// Nobody overlooks a loss, and a drill is passed only if it noticed what it did.
    #[test]
    fn a_loss_warns_unless_a_drill_asked_for_it() {
        let mut summary = Summary::new("cpu", "full".into(), 1);
        episode(&mut summary, 1, [0; 32]);
        for cause in ["round: silence", "round: lies"] {
            summary.add_loss(&Loss { cause: cause.into(), disagreements: 3 });
        }
        summary.rounds_on_cpu = 1_000;
        let page = summary.to_string();
        for words in [
            "WARNING: the device was lost (2 times) and 1,000 rounds",
            "first: round: silence",
            "6 disagreements",
        ] {
            assert!(page.contains(words), "{page}");
        }
        (summary.faults_asked, summary.faults_struck, summary.reattachments_failed) = (9, 3, 1);
        assert_eq!(summary.warnings(), Vec::<String>::new());
        assert!(summary.to_string().contains("2 / 0\n"), "{summary}");
        summary.faults_struck = 4;
        assert_eq!(summary.warnings(), ["4 faults struck the device and 3 were noticed"]);
        let json: serde_json::Value = serde_json::from_str(&summary.to_json()).unwrap();
        assert_eq!((json["losses"].as_u64(), json["first_loss"].as_str()), (Some(2), Some("round: silence")));
    }
}
