//! What every picture is drawn with: words, lines, grids and curves over columns of time.

use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::{Column, ValueAxis, time_text};
use super::series::Point;

pub const WIDTH: i32 = 1_400;
pub const LEFT: i32 = 84;
pub const RIGHT: i32 = WIDTH - 84;

pub const INK: RGBColor = RGBColor(38, 43, 51);
pub const QUIET: RGBColor = RGBColor(110, 117, 128);
pub const GRID: RGBColor = RGBColor(222, 226, 231);
pub const GROUND: RGBColor = RGBColor(247, 248, 250);

pub type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
pub type Drawn = Result<(), String>;

pub fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

pub struct Canvas<'a, 'b> {
    pub area: &'a Area<'b>,
}

impl Canvas<'_, '_> {
    pub fn text(&self, at: (i32, i32), text: &str, size: i32, color: RGBColor, side: HPos) -> Drawn {
        let style = ("sans-serif", size).into_font().color(&color).pos(Pos::new(side, VPos::Center));
        self.area.draw_text(text, &style, at).map_err(words)
    }

    pub fn line(&self, points: Vec<(i32, i32)>, style: impl Into<ShapeStyle>) -> Drawn {
        self.area.draw(&PathElement::new(points, style)).map_err(words)
    }

    pub fn block(&self, corners: [(i32, i32); 2], color: RGBColor) -> Drawn {
        self.area.draw(&Rectangle::new(corners, color.filled())).map_err(words)
    }

    /// A swatch and its words; returns the column after them.
    pub fn legend(&self, at: (i32, i32), text: &str, color: RGBColor, dashed: bool) -> Result<i32, String> {
        let swatch = if dashed { vec![(0, 6), (10, 16)] } else { vec![(0, 16)] };
        for (from, to) in swatch {
            self.line(vec![(at.0 + from, at.1), (at.0 + to, at.1)], color.stroke_width(4))?;
        }
        self.text((at.0 + 22, at.1), text, 13, INK, HPos::Left)?;
        Ok(at.0 + legend_width(text))
    }

    /// Words above a panel; returns the column after them.
    pub fn heading(&self, top: i32, text: &str) -> Result<i32, String> {
        self.text((LEFT, top - 22), text, 16, INK, HPos::Left)?;
        Ok(LEFT + text_width(text, 16) + 30)
    }

    /// Grounds of the columns, grid lines through all panels, times below the last.
    pub fn time_axis(&self, columns: &[(u32, Column)], panels: &[(i32, i32)], height: i32) -> Drawn {
        let below = panels.iter().map(|panel| panel.1).max().unwrap_or(0);
        let mut free = [0, 0]; // first free pixel of the two lines of words
        for (episode, column) in columns {
            for &(top, bottom) in panels {
                self.block([(column.left, top), (column.right, bottom)], GROUND)?;
            }
            let ticks = column.ticks(64);
            for (time_ms, text) in &ticks {
                let x = column.x(*time_ms);
                for &(top, bottom) in panels {
                    self.line(vec![(x, top), (x, bottom)], GRID)?;
                }
                let half = text_width(text, 12) / 2;
                if x - half >= free[0].max(column.left) && x + half <= column.right + GAP_WORDS {
                    self.text((x, below + 16), text, 12, QUIET, HPos::Center)?;
                    free[0] = x + half + 6;
                }
            }
            let date = time_text(column.start_ms, "%Y-%m-%d");
            if column.left >= free[1] {
                self.text((column.left, below + 36), &date, 12, INK, HPos::Left)?;
                free[1] = column.left + text_width(&date, 12) + 4;
                let number = format!("episode {}", episode);
                self.text((column.left, below + 54), &number, 12, QUIET, HPos::Left)?;
            }
        }
        self.text((RIGHT, height - 8), "event time, UTC", 12, QUIET, HPos::Right)
    }

    pub fn grid(&self, columns: &[Column], axis: &ValueAxis, x: i32, color: RGBColor, lines: bool) -> Drawn {
        let right = x >= RIGHT;
        let mut last = i32::MAX;
        for (tick, text) in axis.ticks() {
            let y = axis.row(tick);
            if last - y < 14 {
                continue;
            }
            last = y;
            if lines {
                for column in columns {
                    self.line(vec![(column.left, y), (column.right, y)], GRID)?;
                }
            }
            let (at, side) = if right { (x + 8, HPos::Left) } else { (x - 8, HPos::Right) };
            self.text((at, y), &text, 12, color, side)?;
        }
        Ok(())
    }

    pub fn curve(&self, points: Vec<(i32, i32)>, color: RGBColor, width: u32, dashed: bool) -> Drawn {
        let points = thinned(points);
        if dashed {
            let line = DashedPathElement::new(points, 6, 4, color.stroke_width(width));
            return self.area.draw(&line).map_err(words);
        }
        self.line(points, color.stroke_width(width))
    }
}

pub fn legend_width(text: &str) -> i32 {
    22 + text_width(text, 13) + 22
}

/// About how wide the text comes out, pixels: no font is loaded to know.
pub fn text_width(text: &str, size: i32) -> i32 {
    text.chars().count() as i32 * size * 57 / 100
}

/// Words of the last tick may reach this far past their column.
const GAP_WORDS: i32 = 4;

/// A value holds until the next one, and the last to the end of the episode.
pub fn steps(points: &[Point], column: &Column, axis: &ValueAxis) -> Vec<(i32, i32)> {
    let mut line: Vec<(i32, i32)> = Vec::with_capacity(2 * points.len() + 1);
    for &(time_ms, value) in points {
        let (x, y) = (column.x(time_ms), axis.row(value));
        if let Some(&(_, before)) = line.last() {
            line.push((x, before));
        }
        line.push((x, y));
    }
    if let Some(&(_, last)) = line.last() {
        line.push((column.right, last));
    }
    line
}

/// The same picture with at most four points a pixel column: the first, highest, lowest and last in it.
fn thinned(points: Vec<(i32, i32)>) -> Vec<(i32, i32)> {
    let mut thin: Vec<(i32, i32)> = Vec::with_capacity(points.len());
    for column in points.chunk_by(|a, b| a.0 == b.0) {
        let high = column.iter().map(|point| point.1).min();
        let low = column.iter().map(|point| point.1).max();
        let (x, first) = column[0];
        for y in [Some(first), high, low, column.last().map(|point| point.1)].into_iter().flatten() {
            if thin.last() != Some(&(x, y)) {
                thin.push((x, y));
            }
        }
    }
    thin
}
