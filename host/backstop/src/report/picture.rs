//! Draws the plot: three panels over one time axis.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::axis::{Column, TimeAxis, ValueAxis, length_text, short};
use super::canvas::{Canvas, Drawn, INK, LEFT, QUIET, RIGHT, WIDTH, legend_width, steps, words};
use super::plot::{EpisodePlot, Plot};
use super::series::wider_ms;
use super::text::count;

const HEIGHT: i32 = 980;
/// Rows of the panels: top and bottom. The first's top leaves room for the legend.
const MARKS: (i32, i32) = (150, 430);
const TROUBLE: (i32, i32) = (510, 680);
const MONEY: (i32, i32) = (760, 900);
/// Bars over the whole width, at most.
const BARS_MAX: i64 = 240;
/// Pixels over which the highest count of accounts in trouble is shown.
const PEAK_PIXELS: i32 = 3;

const AT_RISK: RGBColor = RGBColor(213, 94, 0);
const ACTIONS: RGBColor = RGBColor(126, 142, 168);
const FUND: RGBColor = RGBColor(0, 114, 178);
const HALT: RGBColor = RGBColor(240, 190, 190);
const DEBT: RGBColor = RGBColor(190, 20, 40);
/// Told apart in colour-blind eyes too; a second round is dashed.
const SYMBOLS: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 76, 133),
    RGBColor(86, 180, 233),
    RGBColor(160, 82, 45),
    RGBColor(110, 70, 170),
    RGBColor(60, 60, 60),
];

pub fn draw(plot: &Plot) -> Result<String, String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH as u32, HEIGHT as u32)).into_drawing_area();
        let canvas = Canvas { area: &area };
        area.fill(&WHITE).map_err(words)?;
        canvas.text((LEFT, 24), &plot.title, 24, INK, HPos::Left)?;
        canvas.text((LEFT, 54), &plot.note, 13, QUIET, HPos::Left)?;
        let episodes: Vec<&EpisodePlot> = plot.episodes.iter().filter(|e| e.span_ms.is_some()).collect();
        if episodes.is_empty() {
            canvas.text((LEFT, MARKS.0), "Nothing happened: no episode has a mark.", 16, INK, HPos::Left)?;
        } else {
            let spans: Vec<(i64, i64)> = episodes.iter().filter_map(|episode| episode.span_ms).collect();
            let picture = Picture { canvas, episodes, time: TimeAxis::new(&spans, LEFT, RIGHT) };
            let columns: Vec<(u32, Column)> =
                picture.columns().map(|(episode, column)| (episode.index, *column)).collect();
            picture.canvas.time_axis(&columns, &[MARKS, TROUBLE, MONEY], HEIGHT)?;
            picture.marks()?;
            picture.trouble()?;
            picture.money()?;
        }
        area.present().map_err(words)?;
    }
    Ok(svg)
}

struct Picture<'a, 'b> {
    canvas: Canvas<'a, 'b>,
    episodes: Vec<&'a EpisodePlot>,
    time: TimeAxis,
}

impl Picture<'_, '_> {
    fn columns(&self) -> impl Iterator<Item = (&EpisodePlot, &Column)> {
        self.episodes.iter().copied().zip(&self.time.columns)
    }

    fn marks(&self) -> Drawn {
        let mut names: Vec<&str> = Vec::new();
        let (mut low, mut high) = (100.0_f64, 100.0_f64);
        for (name, series) in self.episodes.iter().flat_map(|episode| &episode.marks) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
            if let (Some((from, to)), Some((_, start))) =
                (series.range(), series.first().filter(|p| p.1 > 0.0))
            {
                (low, high) = (low.min(100.0 * from / start), high.max(100.0 * to / start));
            }
        }
        let axis = ValueAxis::around(low, high, MARKS.0, MARKS.1);
        for (episode, column) in self.columns() {
            let width = episode.halts.width_ms();
            let halts = episode.halts.widened(width);
            for (at, _) in (0..).zip(halts).filter(|(_, halts)| *halts > 0) {
                let from = column.x(column.start_ms + at * width);
                self.canvas.block([(from, MARKS.0), (from + 2, MARKS.1)], HALT)?;
            }
        }
        self.canvas.grid(&self.time.columns, &axis, LEFT, QUIET, true)?;
        for (episode, column) in self.columns() {
            for (name, series) in &episode.marks {
                let at = names.iter().position(|known| known == name).unwrap_or(0);
                let Some((_, start)) = series.first().filter(|point| point.1 > 0.0) else { continue };
                let points = series.points();
                let line = points.iter().map(|&(t, v)| (column.x(t), axis.row(100.0 * v / start))).collect();
                self.canvas.curve(line, SYMBOLS[at % SYMBOLS.len()], 1, at >= SYMBOLS.len())?;
            }
        }
        let scale = if axis.is_logarithmic() { ", log scale" } else { "" };
        let mut rows: Vec<Vec<(i32, usize)>> = vec![Vec::new()];
        let mut x = LEFT;
        for (at, name) in names.iter().enumerate() {
            let width = legend_width(name);
            if x + width > RIGHT {
                rows.push(Vec::new());
                x = LEFT;
            }
            rows.last_mut().expect("the first is there").push((x, at));
            x += width;
        }
        let top = MARKS.0 - 20 * rows.len() as i32;
        let halts: u64 = self.episodes.iter().map(|episode| episode.halts.total()).sum();
        let halted = if halts > 0 { format!("; {} halts shaded", count(halts)) } else { String::new() };
        let text = format!("Mark prices applied, first of each episode = 100{scale}{halted}");
        self.canvas.text((LEFT, top - 20), &text, 16, INK, HPos::Left)?;
        for (y, row) in (top..).step_by(20).zip(rows) {
            for (x, at) in row {
                self.canvas.legend(
                    (x, y + 4),
                    names[at],
                    SYMBOLS[at % SYMBOLS.len()],
                    at >= SYMBOLS.len(),
                )?;
            }
        }
        Ok(())
    }

    fn trouble(&self) -> Drawn {
        let spans = || self.time.columns.iter().map(|column| column.end_ms - column.start_ms);
        let mut width =
            self.episodes.iter().map(|episode| episode.liquidations.width_ms()).max().unwrap_or(15_000);
        while spans().map(|span| span / width + 1).sum::<i64>() > BARS_MAX.max(2 * self.episodes.len() as i64)
        {
            width = wider_ms(width);
        }
        let bars: Vec<Vec<u64>> =
            self.episodes.iter().map(|episode| episode.liquidations.widened(width)).collect();
        let most = bars.iter().flatten().max().copied().unwrap_or(0);
        let (top, bottom) = TROUBLE;
        let right_axis = ValueAxis::from_zero(most as f64, 1.0, top, bottom);
        let riskiest = self
            .episodes
            .iter()
            .filter_map(|episode| episode.at_risk.range())
            .map(|r| r.1)
            .fold(0.0, f64::max);
        let left_axis = ValueAxis::from_zero(riskiest, 1.0, top, bottom);
        self.canvas.grid(&self.time.columns, &left_axis, LEFT, AT_RISK, true)?;
        self.canvas.grid(&self.time.columns, &right_axis, RIGHT, ACTIONS, false)?;
        for ((_, column), bars) in self.columns().zip(&bars) {
            for (at, &actions) in (0..).zip(bars).filter(|(_, actions)| **actions > 0) {
                let from = column.x(column.start_ms + at * width);
                let to = column.x(column.start_ms + (at + 1) * width).max(from + 2) - 1;
                let y = right_axis.row(actions as f64).min(bottom - 1);
                self.canvas.block([(from, y), (to, bottom)], ACTIONS)?;
            }
        }
        for (episode, column) in self.columns() {
            self.canvas.curve(
                peaks(&steps(&episode.at_risk.points(), column, &left_axis)),
                AT_RISK,
                2,
                false,
            )?;
        }
        let total: u64 = self.episodes.iter().map(|episode| episode.liquidations.total()).sum();
        let x = self.canvas.heading(top, "Liquidation")?;
        let x = self.canvas.legend(
            (x, top - 22),
            &format!("accounts at severity 2 or more (left; at most {} at once)", short(riskiest)),
            AT_RISK,
            false,
        )?;
        let text = format!("liquidation actions per {} (right; {} in all)", length_text(width), count(total));
        self.canvas.legend((x, top - 22), &text, ACTIONS, false)?;
        Ok(())
    }

    fn money(&self) -> Drawn {
        let (top, bottom) = MONEY;
        let range = |pick: fn(&EpisodePlot) -> Option<(f64, f64)>| {
            let ranges = self.episodes.iter().copied().filter_map(pick);
            ranges.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or((0.0, 0.0))
        };
        let (low, high) = range(|episode| episode.fund.range());
        let (_, worst) = range(|episode| episode.bad_debt.range());
        let left_axis = ValueAxis::for_balance(low, high, top, bottom);
        let right_axis = ValueAxis::from_zero(worst, 0.01, top, bottom);
        self.canvas.grid(&self.time.columns, &left_axis, LEFT, FUND, true)?;
        self.canvas.grid(&self.time.columns, &right_axis, RIGHT, DEBT, false)?;
        for (episode, column) in self.columns() {
            self.canvas.curve(steps(&episode.bad_debt.points(), column, &right_axis), DEBT, 2, false)?;
            self.canvas.curve(steps(&episode.fund.points(), column, &left_axis), FUND, 2, false)?;
        }
        let x = self.canvas.heading(top, "Who pays (quote currency)")?;
        let text = format!("insurance fund (left; lowest {})", short(low));
        let x = self.canvas.legend((x, top - 22), &text, FUND, false)?;
        let debt = if worst == 0.0 { "none".to_string() } else { format!("most {}", short(worst)) };
        self.canvas.legend((x, top - 22), &format!("bad debt (right; {debt})"), DEBT, false)?;
        Ok(())
    }
}

/// The upper envelope of a step line, [`PEAK_PIXELS`] wide a step.
fn peaks(line: &[(i32, i32)]) -> Vec<(i32, i32)> {
    let mut envelope: Vec<(i32, i32)> = Vec::new();
    let mut put = |x: i32, y: i32| {
        let from = x.div_euclid(PEAK_PIXELS) * PEAK_PIXELS;
        match envelope.last_mut() {
            Some(last) if last.0 == from => last.1 = last.1.min(y),
            _ => envelope.push((from, y)),
        }
    };
    for pair in line.windows(2) {
        (pair[0].0..pair[1].0).for_each(|x| put(x, pair[0].1));
        put(pair[1].0, pair[1].1);
    }
    let (left, right) = (line.first().map_or(0, |p| p.0), line.last().map_or(0, |p| p.0));
    let corner = |(x, y): (i32, i32)| [(x.max(left), y), ((x + PEAK_PIXELS).min(right), y)];
    envelope.into_iter().flat_map(corner).collect()
}
