//! Sentences about CPU and FPGA on the same marks: each the one that the figures allow.

use super::duel::{Device, Duel};
use super::figures::Measured;
use super::lines::Mark;
use super::numbers::{count, listed, move_of, plain, time};

/// Below this, a slow mark is no tail.
const TAIL: f64 = 1.5;

/// A move, the CPU's fastest way at it and the FPGA's time.
struct Round<'a> {
    bp: f64,
    cpu: &'a Measured<Mark>,
    fpga_ns: f64,
}

fn rounds<'a>(duel: &'a Duel, device: &Device) -> Vec<Round<'a>> {
    let round = |bp| Some(Round { bp, cpu: duel.best(bp)?, fpga_ns: device.ns(bp) });
    duel.moves().into_iter().filter_map(round).collect()
}

/// The moves at which the FPGA is faster, by the CPU's mean.
pub fn wins(duel: &Duel) -> Option<String> {
    let device = duel.widest()?;
    let (won, lost): (Vec<_>, Vec<_>) =
        rounds(duel, device).into_iter().partition(|round| round.cpu.mean_ns > round.fpga_ns);
    if won.is_empty() {
        let greatest = lost.last()?;
        return Some(format!(
            "Large moves: the FPGA wins at none. Even at {} over {} accounts the CPU takes {} and the {} {}{}.",
            move_of(greatest.bp),
            count(duel.accounts),
            time(greatest.cpu.mean_ns),
            device.words(),
            time(greatest.fpga_ns),
            scaled(duel, device)
        ));
    }
    let ordered = lost.iter().all(|lost| won.iter().all(|won| lost.bp < won.bp));
    let each = |round: &Round| {
        let ratio = plain(round.cpu.mean_ns / round.fpga_ns);
        format!("{} ({}, {ratio} times as long)", move_of(round.bp), time(round.cpu.mean_ns))
    };
    Some(format!(
        "{}: over {} accounts the {} answers a mark in {}{}; the CPU's fastest way takes longer at {}.",
        if ordered { "Large moves are the FPGA's" } else { "Some moves are the FPGA's" },
        count(duel.accounts),
        device.words(),
        time(won[0].fpga_ns),
        scaled(duel, device),
        listed(&won.iter().map(each).collect::<Vec<_>>())
    ))
}

/// The moves at which the CPU is.
pub fn losses(duel: &Duel) -> Option<String> {
    let device = duel.widest()?;
    let all = rounds(duel, device);
    let lost: Vec<&Round> = all.iter().filter(|round| round.cpu.mean_ns <= round.fpga_ns).collect();
    if lost.is_empty() {
        let least = all.first()?;
        return Some(format!(
            "Small moves: the CPU wins at none over {} accounts; at {} it takes {}, the {} {}.",
            count(duel.accounts),
            move_of(least.bp),
            time(least.cpu.mean_ns),
            device.words(),
            time(least.fpga_ns)
        ));
    }
    let ordered = all.iter().filter(|round| round.cpu.mean_ns > round.fpga_ns);
    let ordered = ordered.clone().all(|won| lost.iter().all(|lost| lost.bp < won.bp));
    let each = |round: &&Round| {
        let ratio = plain(round.fpga_ns / round.cpu.mean_ns);
        format!(
            "{} in {} ({ratio} times as fast, {})",
            move_of(round.bp),
            time(round.cpu.mean_ns),
            round.cpu.way
        )
    };
    Some(format!(
        "{}: over {} accounts it answers a mark of {}.",
        if ordered { "Small moves are the CPU's" } else { "Some moves are the CPU's" },
        count(duel.accounts),
        listed(&lost.iter().map(each).collect::<Vec<_>>())
    ))
}

/// The slowest marks in a hundred, where the mean is the CPU's and the tail is not.
pub fn tails(duel: &Duel) -> Option<String> {
    let device = duel.widest()?;
    let all = rounds(duel, device);
    let turned = |round: &&Round| round.cpu.mean_ns <= round.fpga_ns && round.cpu.p99_ns > round.fpga_ns;
    let each = |round: &Round| {
        format!("{} (mean {}, p99 {})", move_of(round.bp), time(round.cpu.mean_ns), time(round.cpu.p99_ns))
    };
    let turned: Vec<String> = all.iter().filter(turned).map(each).collect();
    if !turned.is_empty() {
        return Some(format!(
            "Tails are the FPGA's: over {} accounts the CPU's mean is the better one, but its slowest mark in a hundred takes longer than the {} at {}.",
            count(duel.accounts),
            device.words(),
            listed(&turned)
        ));
    }
    let spread = |round: &&Round| round.cpu.p99_ns / round.cpu.p50_ns;
    let worst = all.iter().max_by(|a, b| spread(a).total_cmp(&spread(b)))?;
    if spread(&worst) < TAIL {
        return None;
    }
    Some(format!(
        "Tails: over {} accounts the CPU's slowest mark in a hundred takes up to {} times its median (at {}); the order of the two does not change with it.",
        count(duel.accounts),
        plain(spread(&worst)),
        move_of(worst.bp)
    ))
}

/// What is worked out and not run, apart from the rest.
pub fn paper(duel: &Duel) -> Option<String> {
    let device = duel.fpga.iter().filter(|device| device.paper).max_by_key(|device| device.lanes)?;
    let all = rounds(duel, device);
    let greatest = all.last()?;
    Some(format!(
        "On paper only: {} lanes would answer a mark over {} accounts in {}{}; the CPU takes {} times that at {}.",
        device.lanes,
        count(duel.accounts),
        time(greatest.fpga_ns),
        scaled(duel, device),
        plain(greatest.cpu.mean_ns / greatest.fpga_ns),
        move_of(greatest.bp)
    ))
}

fn scaled(duel: &Duel, device: &Device) -> String {
    if !duel.is_scaled(device) {
        return String::new();
    }
    format!(" (scaled from {} holders)", count(device.holders))
}
