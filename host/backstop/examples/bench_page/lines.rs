//! The lines that benches write: one JSON object each, its kind in `bench`. Times are nanoseconds.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub trait Line: DeserializeOwned + Serialize {
    /// Its value of `bench`.
    const KIND: &'static str;

    /// What was measured, without the result: two lines of one key are two results of one thing.
    fn key(&self) -> String;

    /// Numbers that have to be above zero.
    fn positive(&self) -> Vec<f64>;
}

/// The machine, just before the bench of that name ran.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Host {
    pub name: String,
    pub cpu: String,
    pub cores: u32,
    pub load: String,
    pub date: String,
    /// `full` or `small`.
    pub mode: String,
}

/// The full check of one account, cached.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Check {
    pub positions: u32,
    pub way: String,
    pub ours: bool,
    pub exact: bool,
    pub ns: f64,
    pub hash: Option<String>,
}

/// A random update and the check after it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Update {
    pub accounts: u64,
    pub way: String,
    pub ns: f64,
    pub hash: Option<String>,
}

/// A check of every account, one after the other.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Sweep {
    pub accounts: u64,
    pub layout: String,
    pub ns_per_account: f64,
    pub gb_per_s: f64,
    pub stream_gb_per_s: f64,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Mark {
    pub accounts: u64,
    #[serde(rename = "move")]
    pub move_name: String,
    pub move_bp: f64,
    pub scope: String,
    pub population: String,
    pub way: String,
    pub p50_ns: f64,
    pub mean_ns: f64,
    pub p99_ns: f64,
    pub hash: Option<String>,
}

impl Mark {
    /// The question that several ways answer.
    pub fn row(&self) -> (u64, u64, &str, &str) {
        (self.accounts, (self.move_bp * 100.0) as u64, &self.scope, &self.population)
    }
}

/// Verdicts of the quick way against the exact sweep.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Truth {
    pub checks: u64,
    pub missed: u64,
    pub spurious: u64,
}

/// Time from an event that was due to what came of it, open loop.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Pipeline {
    pub rate: u64,
    pub journal: bool,
    pub what: String,
    pub events: u64,
    pub quantiles_ns: BTreeMap<String, f64>,
    pub kept_up: bool,
}

impl Pipeline {
    /// Ascending; a quantile is between 0 and 1.
    pub fn quantiles(&self) -> Vec<(f64, f64)> {
        let mut all: Vec<(f64, f64)> =
            self.quantiles_ns.iter().map(|(quantile, &ns)| (quantile.parse().unwrap_or(-1.0), ns)).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        all
    }
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Fpga {
    pub lanes: u32,
    pub what: String,
    /// Of the instrument that is marked.
    pub holders: Option<u64>,
    pub clocks: f64,
    pub mhz: f64,
    pub kind: String,
}

impl Fpga {
    pub fn ns(&self) -> f64 {
        self.clocks * 1_000.0 / self.mhz
    }

    pub fn is_paper(&self) -> bool {
        self.kind.contains("paper")
    }
}

macro_rules! line {
    ($name:ident, $kind:literal, $line:ident => $key:expr, $positive:expr) => {
        impl Line for $name {
            const KIND: &'static str = $kind;
            fn key(&self) -> String {
                let $line = self;
                format!("{:?}", $key)
            }
            fn positive(&self) -> Vec<f64> {
                let $line = self;
                $positive
            }
        }
    };
}

line!(Host, "host", l => (&l.name, &l.date), vec![f64::from(l.cores)]);
line!(Check, "check", l => (l.positions, &l.way), vec![f64::from(l.positions), l.ns]);
line!(Update, "update", l => (l.accounts, &l.way), vec![l.accounts as f64, l.ns]);
line!(Sweep, "sweep", l => (l.accounts, &l.layout), vec![l.accounts as f64, l.ns_per_account, l.gb_per_s, l.stream_gb_per_s]);
line!(Mark, "mark", l => (l.row(), &l.way), vec![l.accounts as f64, l.move_bp, l.p50_ns, l.mean_ns, l.p99_ns]);
line!(Truth, "truth", l => l.checks, vec![l.checks as f64]);
line!(Pipeline, "pipeline", l => (&l.what, l.rate, l.journal), {
    // A name that is no quantile comes out as -1 and is refused here.
    let quantiles = l.quantiles();
    let names = quantiles.iter().map(|&(quantile, _)| if quantile > 1.0 { -1.0 } else { quantile });
    let times = quantiles.iter().map(|quantile| quantile.1);
    names.chain(times).chain([l.rate as f64, l.events as f64, quantiles.len() as f64]).collect()
});
line!(Fpga, "fpga", l => (&l.kind, l.lanes, &l.what, l.holders), vec![f64::from(l.lanes), l.clocks, l.mhz]);
