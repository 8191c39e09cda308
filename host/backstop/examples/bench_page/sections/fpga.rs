//! The FPGA's clocks, and its marks beside the CPU's.

use super::super::chart::{Line, LineChart, log_ticks};
use super::super::duel::{Duel, SPREAD, ZONES, duels};
use super::super::figures::Figures;
use super::super::numbers::{count, distinct, listed, move_of, plain, time};
use super::super::section::{Section, Table};
use super::NONE;

pub fn section(figures: &Figures) -> Result<Section, String> {
    let mut section = Section::new("CPU against FPGA");
    section.machines(figures, &figures.fpgas);
    for duel in duels(figures) {
        let scaled = duel.fpga.iter().filter(|device| duel.is_scaled(device)).collect::<Vec<_>>();
        let word = if scaled.is_empty() { "" } else { ", the FPGA's times scaled" };
        section.plot(picture(&duel, word)?);
        section.quiet(format!(
            "Log scale on both axes. CPU: mean time of a mark of one instrument, all of the {} accounts taken to hold it and spread \
             unless the line says otherwise. FPGA: clocks times the period that the table states, routed for one lane where so many are not; dashed is paper, where no gateware was run.",
            count(duel.accounts)
        ));
        for (paper, holders) in distinct(scaled.iter().map(|device| (device.paper, device.holders))) {
            let same = || scaled.iter().filter(|device| (device.paper, device.holders) == (paper, holders));
            let names: Vec<String> = same()
                .map(|device| {
                    format!("{}: holders / {} + {}", device.name(), device.lanes, plain(device.overhead))
                })
                .collect();
            section.quiet(format!(
                "Scaled: {} with {} holders and drawn as it would be with {}, in clocks {}.",
                if paper { "worked out" } else { "simulated" },
                count(holders),
                count(duel.accounts),
                listed(&names)
            ));
        }
        ratios(&duel, &mut section);
    }
    let mut table = Table::new(["kind", "lanes", "what", "holders", "clocks", "MHz", "time"]);
    for line in &figures.fpgas {
        table.row([
            line.kind.clone(),
            line.lanes.to_string(),
            line.what.clone(),
            line.holders.map_or(NONE.into(), count),
            plain(line.clocks),
            plain(line.mhz),
            time(line.ns()),
        ]);
    }
    section.table(table);
    Ok(section)
}

fn picture(duel: &Duel, scaled: &str) -> Result<String, String> {
    let moves = duel.moves();
    let mut lines = Vec::new();
    for cpu in duel.cpu.iter().filter(|cpu| cpu.population == SPREAD || cpu.way == ZONES) {
        let name = format!("CPU, {}", cpu.way);
        lines.push(Line {
            name: if cpu.population == SPREAD { name } else { format!("{name}, {}", cpu.population) },
            points: cpu.marks.iter().map(|mark| (mark.move_bp.log10(), mark.mean_ns)).collect(),
            color: lines.len(),
            dashed: false,
        });
    }
    for device in &duel.fpga {
        lines.push(Line {
            name: device.name(),
            points: moves.iter().map(|&bp| (bp.log10(), device.ns(bp))).collect(),
            color: lines.len(),
            dashed: device.paper,
        });
    }
    let title = format!("A mark over {} accounts, by size of the move{scaled}", count(duel.accounts));
    let x_ticks = log_ticks(moves.into_iter(), move_of);
    LineChart { title, x_name: "size of the move".into(), x_ticks, lines }.draw()
}

/// The CPU's fastest way over each device.
fn ratios(duel: &Duel, section: &mut Section) {
    let mut table = Table::new(["move", "CPU's fastest way", "mean", "p99"]);
    table.columns.extend(duel.fpga.iter().map(|device| format!("CPU / {}", device.name())));
    for bp in duel.moves() {
        let Some(best) = duel.best(bp) else { continue };
        let mut cells = vec![move_of(bp), best.way.clone(), time(best.mean_ns), time(best.p99_ns)];
        cells.extend(duel.fpga.iter().map(|device| plain(best.mean_ns / device.ns(bp))));
        table.rows.push(cells);
    }
    section.table(table);
}
