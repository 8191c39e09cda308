//! Two kinds of picture: lines over a logarithmic axis of time, and bars in groups.

use plotters::style::RGBColor;
use plotters::style::text_anchor::HPos;

use super::canvas::{Canvas, Drawn, GRID, INK, QUIET, SERIES, WIDTH, picture};
use super::numbers::{distinct, time};

const LEFT: i32 = 84;
const TOP: i32 = 44;
/// Right end of the lines; their names stand beyond it.
const RIGHT: i32 = 740;
const BOTTOM: i32 = 380;
const BELOW: i32 = 50;
const NAME_HEIGHT: i32 = 20;
const BAR_HEIGHT: i32 = 18;
const BARS_LEFT: i32 = 330;
const BARS_RIGHT: i32 = WIDTH - 110;

/// Logarithmic, in pixels. `from` is the pixel of the lowest value.
struct LogAxis {
    low: f64,
    high: f64,
    from: i32,
    to: i32,
}

impl LogAxis {
    /// Whole decades around all values, one at least.
    fn around(values: impl Iterator<Item = f64>, from: i32, to: i32) -> Self {
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
        if low > high {
            return Self { low: 1.0, high: 10.0, from, to };
        }
        let low = 10_f64.powf(low.log10().floor());
        Self { low, high: 10_f64.powf(high.log10().ceil()).max(10.0 * low), from, to }
    }

    fn at(&self, value: f64) -> i32 {
        let share = (value / self.low).ln() / (self.high / self.low).ln();
        self.from + (share.clamp(0.0, 1.0) * f64::from(self.to - self.from)).round() as i32
    }

    fn ticks(&self) -> Vec<f64> {
        let decades = (self.high / self.low).log10().round() as i32;
        (0..=decades).map(|decade| self.low * 10_f64.powi(decade)).collect()
    }
}

pub struct LineChart {
    pub title: String,
    /// Words below the axis.
    pub x_name: String,
    /// Places along the axis and their words.
    pub x_ticks: Vec<(f64, String)>,
    pub lines: Vec<Line>,
}

pub struct Line {
    pub name: String,
    /// Place along the axis in the ticks' measure, and ns.
    pub points: Vec<(f64, f64)>,
    pub color: usize,
    pub dashed: bool,
}

impl LineChart {
    pub fn draw(&self) -> Result<String, String> {
        let names_end = TOP + NAME_HEIGHT * self.lines.len() as i32;
        picture((BOTTOM + BELOW).max(names_end), |canvas| {
            let y = LogAxis::around(self.points().map(|point| point.1), BOTTOM, TOP);
            canvas.text((LEFT, 16), &self.title, 16, INK, HPos::Left)?;
            for tick in y.ticks() {
                let row = y.at(tick);
                canvas.line(vec![(LEFT, row), (RIGHT, row)], GRID, 1, false)?;
                canvas.text((LEFT - 8, row), &time(tick), 12, QUIET, HPos::Right)?;
            }
            self.x_axis(canvas)?;
            for (at, line) in (0..).zip(&self.lines) {
                let color = SERIES[line.color % SERIES.len()];
                let points: Vec<(i32, i32)> =
                    line.points.iter().map(|&(x, ns)| (self.column(x), y.at(ns))).collect();
                for &point in &points {
                    canvas.dot(point, color)?;
                }
                canvas.line(points, color, 2, line.dashed)?;
                self.name(canvas, TOP + NAME_HEIGHT * at, line, color)?;
            }
            Ok(())
        })
    }

    fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        self.lines.iter().flat_map(|line| line.points.iter().copied())
    }

    fn column(&self, x: f64) -> i32 {
        let places = || self.points().map(|point| point.0).chain(self.x_ticks.iter().map(|tick| tick.0));
        let (low, high) = (places().fold(f64::MAX, f64::min), places().fold(f64::MIN, f64::max));
        let share = if high > low { (x - low) / (high - low) } else { 0.5 };
        LEFT + 20 + (share * f64::from(RIGHT - LEFT - 40)).round() as i32
    }

    fn x_axis(&self, canvas: &Canvas) -> Drawn {
        for (place, text) in &self.x_ticks {
            let x = self.column(*place);
            canvas.line(vec![(x, TOP), (x, BOTTOM)], GRID, 1, false)?;
            canvas.text((x, BOTTOM + 14), text, 12, QUIET, HPos::Center)?;
        }
        canvas.text((RIGHT, BOTTOM + 36), &self.x_name, 12, QUIET, HPos::Right)
    }

    fn name(&self, canvas: &Canvas, y: i32, line: &Line, color: RGBColor) -> Drawn {
        canvas.line(vec![(RIGHT + 16, y), (RIGHT + 40, y)], color, 3, line.dashed)?;
        canvas.text((RIGHT + 46, y), &line.name, 13, INK, HPos::Left)
    }
}

/// Ticks at the values themselves, on a logarithmic axis.
pub fn log_ticks(values: impl Iterator<Item = f64>, text: impl Fn(f64) -> String) -> Vec<(f64, String)> {
    distinct(values).into_iter().map(|value| (value.log10(), text(value))).collect()
}

pub struct BarChart {
    pub title: String,
    /// Name of the group, and its bars.
    pub groups: Vec<(String, Vec<Bar>)>,
}

pub struct Bar {
    pub name: String,
    pub ns: f64,
    pub color: usize,
}

impl BarChart {
    pub fn draw(&self) -> Result<String, String> {
        let bars = || self.groups.iter().flat_map(|group| &group.1);
        let rows = bars().count() as i32;
        let bottom = TOP + BAR_HEIGHT * rows + 34 * self.groups.len() as i32;
        picture(bottom + 30, |canvas| {
            let x = LogAxis::around(bars().map(|bar| bar.ns), BARS_LEFT, BARS_RIGHT);
            canvas.text((10, 16), &self.title, 16, INK, HPos::Left)?;
            for tick in x.ticks() {
                let column = x.at(tick);
                canvas.line(vec![(column, TOP), (column, bottom)], GRID, 1, false)?;
                canvas.text((column, bottom + 14), &time(tick), 12, QUIET, HPos::Center)?;
            }
            let mut y = TOP;
            for (name, bars) in &self.groups {
                canvas.text((10, y + 16), name, 14, INK, HPos::Left)?;
                y += 28;
                for bar in bars {
                    let (end, middle) = (x.at(bar.ns), y + BAR_HEIGHT / 2);
                    let color = SERIES[bar.color % SERIES.len()];
                    canvas
                        .block([(BARS_LEFT, y + 2), (end.max(BARS_LEFT + 2), y + BAR_HEIGHT - 2)], color)?;
                    canvas.text((BARS_LEFT - 8, middle), &bar.name, 13, INK, HPos::Right)?;
                    canvas.text(
                        (end.max(BARS_LEFT + 2) + 6, middle),
                        &time(bar.ns),
                        12,
                        QUIET,
                        HPos::Left,
                    )?;
                    y += BAR_HEIGHT;
                }
                y += 6;
            }
            Ok(())
        })
    }
}
