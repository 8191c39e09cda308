//! Liquidation at risk as a picture: notional and accounts against the shock, all marks together and each market alone.

use engine::exposure::STEPS;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::report::{ProfileRisk, Report};
use crate::report::axis::ValueAxis;
use crate::report::canvas::{Canvas, Drawn, GRID, GROUND, INK, LEFT, QUIET, RIGHT, WIDTH, words};
use crate::report::text::time;

const HEIGHT: i32 = 860;
const NOTIONAL: (i32, i32) = (130, 460);
const ACCOUNTS: (i32, i32) = (530, 790);
const ALL: RGBColor = RGBColor(38, 43, 51);
const MARKETS: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(120, 94, 240),
    RGBColor(150, 150, 40),
];

pub fn draw(report: &Report) -> Result<String, String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH as u32, HEIGHT as u32)).into_drawing_area();
        let canvas = Canvas { area: &area };
        area.fill(&WHITE).map_err(words)?;
        canvas.text((LEFT, 24), "Liquidation at risk", 24, INK, HPos::Left)?;
        let note = format!(
            "{} accounts after event {}, {}. Exact at each shock; everything else as it is. Accounts are simulated.",
            report.accounts,
            report.sequence,
            time(report.time_ms)
        );
        canvas.text((LEFT, 54), &note, 13, QUIET, HPos::Left)?;
        panel(&canvas, report, NOTIONAL, "notional, quote currency", |profile| {
            profile.notional.iter().map(|&notional| notional as f64 / 1e6).collect()
        })?;
        panel(&canvas, report, ACCOUNTS, "accounts", |profile| {
            profile.accounts.iter().map(|&accounts| accounts as f64).collect()
        })?;
        let mut x = LEFT;
        x = canvas.legend((x, 86), "all marks together", ALL, false)?;
        for (market, color) in report.markets.iter().zip(MARKETS.iter().cycle()) {
            x = canvas.legend((x, 86), &market.symbol, *color, false)?;
        }
        canvas.text((RIGHT, HEIGHT - 16), "move of the mark", 12, QUIET, HPos::Right)?;
        area.present().map_err(words)?;
    }
    Ok(svg)
}

/// Column of a shock.
fn column(permille: i32) -> i32 {
    let (low, high) = (STEPS[0], STEPS[STEPS.len() - 1]);
    LEFT + (permille - low) * (RIGHT - LEFT) / (high - low)
}

fn panel(
    canvas: &Canvas,
    report: &Report,
    rows: (i32, i32),
    heading: &str,
    values: impl Fn(&ProfileRisk) -> Vec<f64>,
) -> Drawn {
    canvas.block([(LEFT, rows.0), (RIGHT, rows.1)], GROUND)?;
    let all = values(&report.correlated);
    let axis = ValueAxis::from_zero(all.iter().copied().fold(0.0, f64::max), 1.0, rows.0, rows.1);
    for (tick, text) in axis.ticks() {
        let y = axis.row(tick);
        canvas.line(vec![(LEFT, y), (RIGHT, y)], GRID)?;
        canvas.text((LEFT - 8, y), &text, 12, QUIET, HPos::Right)?;
    }
    for permille in (-500..=500).step_by(100) {
        let x = column(permille);
        canvas.line(vec![(x, rows.0), (x, rows.1)], GRID)?;
        canvas.text((x, rows.1 + 16), &format!("{:+} %", permille / 10), 12, QUIET, HPos::Center)?;
    }
    let lines =
        report.markets.iter().zip(MARKETS.iter().cycle()).map(|(market, color)| (&market.profile, *color, 1));
    for (profile, color, width) in lines.chain([(&report.correlated, ALL, 3)]) {
        let values = values(profile);
        let point = |at: usize| (column(STEPS[at]), axis.row(values[at]));
        let up = STEPS.iter().position(|&step| step > 0).expect("shocks go up too");
        for side in [0..up, up..STEPS.len()] {
            canvas.curve(side.map(point).collect(), color, width, false)?;
        }
    }
    canvas.heading(rows.0, heading)?;
    Ok(())
}
