//! CPU and FPGA on the same mark: the same holders of the instrument, by size of the move.

use super::figures::{Figures, Measured};
use super::lines::{Fpga, Mark};
use super::numbers::distinct;

/// A mark of one instrument, the only kind that the FPGA's lines measure.
const SCOPE: &str = "one instrument";
/// The population that the FPGA is held against.
pub const SPREAD: &str = "spread";
pub const ZONES: &str = "zones";

pub struct Duel<'a> {
    /// Of the CPU's bench; all of them are taken to hold the instrument.
    pub accounts: u64,
    pub cpu: Vec<Cpu<'a>>,
    /// Simulated ones by lanes, then those on paper.
    pub fpga: Vec<Device>,
}

/// One way over one population.
pub struct Cpu<'a> {
    pub way: &'a str,
    pub population: &'a str,
    pub marks: Vec<&'a Measured<Mark>>,
}

pub struct Device {
    pub lanes: u32,
    pub paper: bool,
    /// Holders it was measured with; its times are scaled if they are not the duel's accounts.
    pub holders: u64,
    /// Clocks beyond holders / lanes.
    pub overhead: f64,
    /// Move in bp, and ns at the duel's accounts.
    times: Vec<(f64, f64)>,
}

impl Device {
    /// At the measured move nearest to this one: its clocks hardly know the move.
    pub fn ns(&self, bp: f64) -> f64 {
        let distance = |time: &&(f64, f64)| (time.0 / bp).ln().abs();
        self.times.iter().min_by(|a, b| distance(a).total_cmp(&distance(b))).map_or(f64::NAN, |time| time.1)
    }

    /// In a legend.
    pub fn name(&self) -> String {
        let lanes = if self.lanes == 1 { "lane" } else { "lanes" };
        let paper = if self.paper { ", on paper" } else { "" };
        format!("FPGA, {} {lanes}{paper}", self.lanes)
    }

    /// In a sentence.
    pub fn words(&self) -> String {
        format!("FPGA of {} {}", self.lanes, if self.lanes == 1 { "lane" } else { "lanes" })
    }
}

impl Duel<'_> {
    pub fn moves(&self) -> Vec<f64> {
        let mut moves = distinct(self.cpu.iter().flat_map(|cpu| &cpu.marks).map(|mark| mark.move_bp));
        moves.sort_by(f64::total_cmp);
        moves
    }

    /// The CPU's fastest way at this move, by its mean.
    pub fn best(&self, bp: f64) -> Option<&Measured<Mark>> {
        let spread = self.cpu.iter().filter(|cpu| cpu.population == SPREAD);
        let marks = spread.flat_map(|cpu| &cpu.marks).copied().filter(|mark| mark.move_bp == bp);
        marks.min_by(|a, b| a.mean_ns.total_cmp(&b.mean_ns))
    }

    /// The simulated one of most lanes.
    pub fn widest(&self) -> Option<&Device> {
        self.fpga.iter().filter(|device| !device.paper).max_by_key(|device| device.lanes)
    }

    pub fn is_scaled(&self, device: &Device) -> bool {
        device.holders != self.accounts
    }
}

/// At the greatest count that both have, and at the CPU's greatest if that is another one: scaled there.
pub fn duels(figures: &Figures) -> Vec<Duel<'_>> {
    let marks = || figures.marks.iter().filter(|mark| mark.scope == SCOPE);
    let holders =
        || device_marks(figures).filter(|(_, line)| !line.is_paper()).filter_map(|(_, l)| l.holders);
    let shared = marks().map(|mark| mark.accounts).filter(|accounts| holders().any(|h| h == *accounts)).max();
    let greatest = marks().map(|mark| mark.accounts).max();
    let counts = distinct([shared, greatest].into_iter().flatten());
    // What is on paper is for the greatest count; there is nothing to learn from it at a smaller one.
    let fpga = |accounts| {
        let mut fpga = devices(figures, accounts);
        fpga.retain(|device| !device.paper || Some(accounts) == greatest);
        fpga
    };
    let duel = |accounts| Duel { accounts, cpu: cpus(figures, accounts), fpga: fpga(accounts) };
    counts.into_iter().map(duel).filter(|duel| !duel.fpga.is_empty()).collect()
}

fn cpus(figures: &Figures, accounts: u64) -> Vec<Cpu<'_>> {
    let marks = || figures.marks.iter().filter(|mark| mark.scope == SCOPE && mark.accounts == accounts);
    let mut lines = distinct(marks().map(|mark| (mark.population.as_str(), mark.way.as_str())));
    lines.sort_by_key(|(population, _)| *population != SPREAD);
    let line = |(population, way)| {
        let of_line = |mark: &&Measured<Mark>| mark.population == population && mark.way == way;
        Cpu { way, population, marks: marks().filter(of_line).collect() }
    };
    lines.into_iter().map(line).collect()
}

fn devices(figures: &Figures, accounts: u64) -> Vec<Device> {
    let mut found: Vec<Device> = Vec::new();
    for (paper, lanes) in distinct(device_marks(figures).map(|(_, line)| (line.is_paper(), line.lanes))) {
        let of_device = || {
            let lines = device_marks(figures).filter(|(_, l)| l.is_paper() == paper && l.lanes == lanes);
            lines.filter_map(|(bp, line)| Some((bp, line, line.holders?)))
        };
        // Its own figure where it was measured with as many holders, else from the most it was measured with.
        let holders = of_device().map(|line| line.2).max_by_key(|&holders| (holders == accounts, holders));
        let Some(holders) = holders else { continue };
        let at_holders = || of_device().filter(|line| line.2 == holders);
        let further = (accounts as f64 - holders as f64) / f64::from(lanes);
        let times =
            at_holders().map(|(bp, line, _)| (bp, (line.clocks + further) * 1_000.0 / line.mhz)).collect();
        let beyond = |line: &Fpga| line.clocks - holders as f64 / f64::from(lanes);
        let overhead = at_holders().map(|(_, line, _)| beyond(line)).fold(f64::MIN, f64::max);
        found.push(Device { lanes, paper, holders, overhead, times });
    }
    found
}

/// The FPGA's lines that are marks, with their move in bp.
pub fn device_marks(figures: &Figures) -> impl Iterator<Item = (f64, &Measured<Fpga>)> {
    figures.fpgas.iter().filter_map(|line| Some((move_bp(&line.what)?, line)))
}

/// `1 bp mark`, `10 % mark`; `None` if it is no mark.
pub fn move_bp(what: &str) -> Option<f64> {
    let size = what.strip_suffix(" mark")?;
    let bp = |digits: &str, scale: f64| digits.trim().parse::<f64>().ok().map(|n| n.abs() * scale);
    match (size.strip_suffix("bp"), size.strip_suffix('%')) {
        (Some(digits), _) => bp(digits, 1.0),
        (_, Some(digits)) => bp(digits, 100.0),
        _ => None,
    }
}
