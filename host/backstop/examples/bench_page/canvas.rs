//! What every picture is drawn with. No ground is painted: the page gives each colour its value for light and for dark.

use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

pub const WIDTH: i32 = 1_080;

pub const INK: RGBColor = RGBColor(38, 43, 51);
pub const QUIET: RGBColor = RGBColor(110, 117, 128);
pub const GRID: RGBColor = RGBColor(222, 226, 231);
/// Told apart in colour-blind eyes too.
pub const SERIES: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 76, 133),
    RGBColor(110, 70, 170),
    RGBColor(160, 82, 45),
    RGBColor(200, 150, 0),
    RGBColor(90, 100, 115),
];
/// The same on a dark ground.
const DARK: [(RGBColor, RGBColor); 11] = [
    (INK, RGBColor(226, 230, 236)),
    (QUIET, RGBColor(150, 158, 170)),
    (GRID, RGBColor(52, 58, 67)),
    (SERIES[0], RGBColor(86, 172, 236)),
    (SERIES[1], RGBColor(240, 137, 74)),
    (SERIES[2], RGBColor(44, 199, 154)),
    (SERIES[3], RGBColor(232, 127, 176)),
    (SERIES[4], RGBColor(172, 142, 228)),
    (SERIES[5], RGBColor(208, 140, 98)),
    (SERIES[6], RGBColor(230, 190, 70)),
    (SERIES[7], RGBColor(160, 172, 190)),
];

/// Style rules that turn the colours of a picture into those for a dark ground.
pub fn dark_rules() -> String {
    let hex = |c: RGBColor| format!("#{:02X}{:02X}{:02X}", c.0, c.1, c.2);
    let rule = |&(light, dark): &(RGBColor, RGBColor)| {
        let (light, dark) = (hex(light), hex(dark));
        format!("svg [fill=\"{light}\"]{{fill:{dark}}}svg [stroke=\"{light}\"]{{stroke:{dark}}}\n")
    };
    DARK.iter().map(rule).collect()
}

pub type Drawn = Result<(), String>;

pub struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, plotters::coord::Shift>,
}

/// The SVG of what `draw` puts on a canvas of that height.
pub fn picture(height: i32, draw: impl FnOnce(&Canvas) -> Drawn) -> Result<String, String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH as u32, height as u32)).into_drawing_area();
        let canvas = Canvas { area };
        draw(&canvas)?;
        canvas.area.present().map_err(words)?;
    }
    Ok(svg)
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl Canvas<'_> {
    pub fn text(&self, at: (i32, i32), text: &str, size: i32, color: RGBColor, side: HPos) -> Drawn {
        let style = ("sans-serif", size).into_font().color(&color).pos(Pos::new(side, VPos::Center));
        self.area.draw_text(text, &style, at).map_err(words)
    }

    pub fn line(&self, points: Vec<(i32, i32)>, color: RGBColor, width: u32, dashed: bool) -> Drawn {
        let style = color.stroke_width(width);
        if dashed {
            return self.area.draw(&DashedPathElement::new(points, 6, 4, style)).map_err(words);
        }
        self.area.draw(&PathElement::new(points, style)).map_err(words)
    }

    pub fn block(&self, corners: [(i32, i32); 2], color: RGBColor) -> Drawn {
        self.area.draw(&Rectangle::new(corners, color.filled())).map_err(words)
    }

    pub fn dot(&self, at: (i32, i32), color: RGBColor) -> Drawn {
        self.area.draw(&Circle::new(at, 3, color.filled())).map_err(words)
    }
}
