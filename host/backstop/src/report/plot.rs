//! `plot.svg`: marks, accounts in trouble and the insurance fund over event time, one column an episode.

use std::path::{Path, PathBuf};

use engine::event::TimeMs;

use super::picture;
use super::series::{Counts, Series};

/// Points kept of a curve, and buckets of a count, per episode: memory does not grow with the tape.
const POINTS_MAX: usize = 2_400;
const BUCKETS_MAX: usize = 480;

/// What the picture shows of one episode; fed as the episode runs, in order of event time.
#[derive(Clone, Debug)]
pub struct EpisodePlot {
    pub(super) index: u32,
    /// Applied marks, one curve a symbol, in order of listing.
    pub(super) marks: Vec<(String, Series)>,
    pub(super) at_risk: Series,
    pub(super) liquidations: Counts,
    pub(super) halts: Counts,
    pub(super) fund: Series,
    pub(super) bad_debt: Series,
    pub(super) span_ms: Option<(TimeMs, TimeMs)>,
}

impl EpisodePlot {
    /// Of the episode with that number, from 0.
    pub fn new(index: u32) -> Self {
        let series = || Series::new(POINTS_MAX);
        Self {
            index,
            marks: Vec::new(),
            at_risk: series(),
            liquidations: Counts::new(BUCKETS_MAX),
            halts: Counts::new(BUCKETS_MAX),
            fund: series(),
            bad_debt: series(),
            span_ms: None,
        }
    }

    /// An applied mark, in any unit: the curve is of its ratio to the symbol's first.
    pub fn mark(&mut self, time_ms: TimeMs, symbol: &str, mark: u64) {
        self.reach(time_ms);
        let at = self.marks.iter().position(|(name, _)| name == symbol).unwrap_or_else(|| {
            self.marks.push((symbol.to_string(), Series::new(POINTS_MAX)));
            self.marks.len() - 1
        });
        self.marks[at].1.push(time_ms, mark as f64);
    }

    /// Accounts at severity 2 or more, at the end of a round.
    pub fn at_risk(&mut self, time_ms: TimeMs, accounts: usize) {
        self.reach(time_ms);
        self.at_risk.push(time_ms, accounts as f64);
    }

    /// One liquidation action: a slice, a full close, a takeover or a bankruptcy.
    pub fn liquidation(&mut self, time_ms: TimeMs) {
        self.reach(time_ms);
        self.liquidations.add(time_ms);
    }

    /// Halts of markets that began in a round.
    pub fn halts(&mut self, time_ms: TimeMs, halts: u64) {
        self.reach(time_ms);
        (0..halts).for_each(|_| self.halts.add(time_ms));
    }

    /// Balance of the insurance fund and bad debt so far, quanta, at the end of a round.
    pub fn money(&mut self, time_ms: TimeMs, fund: i128, bad_debt: i128) {
        self.reach(time_ms);
        self.fund.push(time_ms, fund as f64 / 1e6);
        self.bad_debt.push(time_ms, bad_debt as f64 / 1e6);
    }

    fn reach(&mut self, time_ms: TimeMs) {
        self.liquidations.start(time_ms);
        self.halts.start(time_ms);
        let (start, end) = self.span_ms.unwrap_or((time_ms, time_ms));
        self.span_ms = Some((start, end.max(time_ms)));
    }
}

/// A run's picture.
#[derive(Clone, Debug, Default)]
pub struct Plot {
    /// What was run, and on what: `Replay of tape.csv`.
    pub title: String,
    /// What is simulated in it; a line of small print.
    pub note: String,
    pub episodes: Vec<EpisodePlot>,
}

/// Why the picture cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum PlotError {
    #[error("cannot draw the plot: {0}")]
    Drawing(String),
    #[error("{}: cannot write the plot: {cause}", path.display())]
    Output {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
}

impl Plot {
    /// The picture as SVG; its words are text elements, in whatever sans-serif the reader has.
    ///
    /// # Errors
    /// Only if the drawing library refuses.
    pub fn to_svg(&self) -> Result<String, PlotError> {
        picture::draw(self).map_err(PlotError::Drawing)
    }

    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), PlotError> {
        std::fs::write(path, self.to_svg()?)
            .map_err(|cause| PlotError::Output { path: path.to_path_buf(), cause })
    }
}
