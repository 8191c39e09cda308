//! What the figures say in plain words. A sentence whose figures are missing is left out; one that they contradict is worded otherwise.

use super::duel::{SPREAD, ZONES, device_marks, duels};
use super::figures::{Figures, Measured};
use super::lines::{Fpga, Mark, Update};
use super::numbers::{count, distinct, move_of, plain, time};
use super::section::Section;
use super::verdict::{losses, paper, tails, wins};

/// A round trip over PCIe, from the literature; not measured here.
const PCIE_ROUND_TRIP_NS: [f64; 2] = [850.0, 1_000.0];
/// Accounts' positions in the check that the round trip is held against.
const POSITIONS: u32 = 4;

pub fn section(figures: &Figures) -> Section {
    let mut section = Section::new("Conclusion");
    let duels = duels(figures);
    let each = duels.iter().flat_map(|duel| [wins(duel), losses(duel)]);
    // Tails and paper of the most accounts only, to keep it short.
    let sentences =
        each.chain(duels.last().into_iter().flat_map(|duel| [tails(duel), paper(duel)])).flatten();
    let single = [same_clocks(figures), random_checks(figures), pcie(figures)];
    for sentence in sentences.chain(single.into_iter().flatten()) {
        section.words(sentence);
    }
    if section.parts.is_empty() {
        section.words("The figures so far do not allow a conclusion: marks on the CPU, the FPGA's clocks or the full check are missing.");
    }
    if figures.hosts.iter().any(|host| host.mode != "full") {
        section.words("Some of these figures come from small runs and are not to be quoted.");
    }
    if figures.fpgas.iter().any(|line| !line.is_paper()) {
        section.quiet("The FPGA's times are clocks counted in simulation times a routed period, without the bus to the host; its table says which numbers of lanes were routed.");
    }
    section
}

/// Whether the clocks of a mark know the size of the move, on the FPGA and on the CPU.
fn same_clocks(figures: &Figures) -> Option<String> {
    let simulated = || device_marks(figures).filter(|(_, line)| !line.is_paper());
    let pair = |(bp, line): (f64, &Measured<Fpga>)| {
        let greater = simulated().filter(|(_, l)| (l.lanes, l.holders) == (line.lanes, line.holders));
        let greater = greater.max_by(|a, b| a.0.total_cmp(&b.0))?;
        (greater.0 > bp).then(|| (bp, line.clocks, greater.0, greater.1.clocks))
    };
    let pairs: Vec<_> = simulated().filter_map(pair).collect();
    let first = pairs.first()?;
    if let Some((bp, clocks, greater, more)) = pairs.iter().find(|pair| pair.1 != pair.3) {
        return Some(format!(
            "The FPGA's clocks of a mark depend on the move: {} at {}, {} at {}.",
            plain(*clocks),
            move_of(*bp),
            plain(*more),
            move_of(*greater)
        ));
    }
    let mut words = format!(
        "Determinism is the FPGA's: in simulation a mark takes as many clocks at {} as at {}, at each count of lanes.",
        move_of(first.0),
        move_of(first.2)
    );
    if let Some((least, greatest)) = zones_span(figures).filter(|(a, b)| b.mean_ns > a.mean_ns) {
        words += &format!(
            " On the CPU's {} a mark takes {} times as long at {} as at {}.",
            greatest.way,
            plain(greatest.mean_ns / least.mean_ns),
            move_of(greatest.move_bp),
            move_of(least.move_bp)
        );
    }
    Some(words)
}

/// The smallest and the greatest move of the zones at the most accounts.
fn zones_span(figures: &Figures) -> Option<(&Mark, &Mark)> {
    let zones = || figures.marks.iter().filter(|m| m.way == ZONES && m.population == SPREAD);
    let (accounts, scope) = zones().map(|mark| (mark.accounts, &mark.scope)).max_by_key(|key| key.0)?;
    let moves = || zones().filter(|mark| mark.accounts == accounts && mark.scope == *scope);
    let least = moves().min_by(|a, b| a.move_bp.total_cmp(&b.move_bp))?;
    let greatest = moves().max_by(|a, b| a.move_bp.total_cmp(&b.move_bp))?;
    (greatest.move_bp > least.move_bp).then_some((&least.line, &greatest.line))
}

fn random_checks(figures: &Figures) -> Option<String> {
    let update = fastest_update(figures)?;
    let flags = figures.fpgas.iter().filter(|line| !line.is_paper() && line.what == "position to flag");
    let flag = flags.min_by(|a, b| a.ns().total_cmp(&b.ns()))?;
    let figures = format!(
        "among {} accounts the CPU updates and checks one in {} ({}), the FPGA takes {} clocks, {}, from a position to its flag",
        count(update.accounts),
        time(update.ns),
        update.way,
        plain(flag.clocks),
        time(flag.ns())
    );
    Some(if update.ns < flag.ns() {
        format!(
            "Random checks are the CPU's: {figures}, before any bus. The first is the time for each of many, the second for one alone."
        )
    } else {
        format!("Random checks are not the CPU's: {figures}, before any bus.")
    })
}

fn fastest_update(figures: &Figures) -> Option<&Update> {
    let ours = || figures.updates.iter().filter(|update| update.way.ends_with("prefetched"));
    let accounts = ours().map(|update| update.accounts).max()?;
    let most = ours().filter(|update| update.accounts == accounts);
    most.min_by(|a, b| a.ns.total_cmp(&b.ns)).map(|update| &update.line)
}

/// How many checks a round trip to a card buys.
fn pcie(figures: &Figures) -> Option<String> {
    let ours =
        figures.checks.iter().filter(|check| check.ours && check.exact && check.positions == POSITIONS);
    let check = ours.min_by(|a, b| a.ns.total_cmp(&b.ns))?;
    let [least, most] = PCIE_ROUND_TRIP_NS;
    let [from, to] = PCIE_ROUND_TRIP_NS.map(|ns| plain((ns / check.ns).floor()));
    let trip = format!("A round trip over PCIe takes {} to {} (not measured here)", time(least), time(most));
    if check.ns > most {
        return Some(format!(
            "{trip}; one check of an account of {POSITIONS} positions takes the CPU {}, longer than that, so the bus alone does not rule it out.",
            time(check.ns)
        ));
    }
    let buys = distinct([from, to]).join(" to ");
    let mut words = format!(
        "A single check must not cross PCIe. {trip}; in that time one core makes {buys} checks of cached accounts of {POSITIONS} positions, {} each ({}).",
        time(check.ns),
        check.way
    );
    if let Some(update) = fastest_update(figures).filter(|update| update.ns < least) {
        words += &format!(
            " Or {} to {} random updates with their checks, {} each.",
            plain((least / update.ns).floor()),
            plain((most / update.ns).floor()),
            time(update.ns)
        );
    }
    Some(words)
}
