//! Where values and times go on a picture, and the marks and words beside the axes.

use jiff::Timestamp;

/// Steps on an axis, about.
const STEPS: f64 = 5.0;

/// A value axis in pixels: `bottom` is the row of the lowest value.
#[derive(Clone, Copy, Debug)]
pub struct ValueAxis {
    low: f64,
    high: f64,
    /// Between ticks; `None` on a logarithmic axis.
    step: Option<f64>,
    top: i32,
    bottom: i32,
}

impl ValueAxis {
    /// From 0 to above `high`, in round steps of at least `step_min`. Nothing but 0 has a tick if `high` is 0.
    pub fn from_zero(high: f64, step_min: f64, top: i32, bottom: i32) -> Self {
        if high <= 0.0 {
            return Self { low: 0.0, high: 1.0, step: Some(2.0), top, bottom };
        }
        let step = round_step(high / STEPS).max(step_min);
        Self { low: 0.0, high: (high * 1.04 / step).ceil() * step, step: Some(step), top, bottom }
    }

    /// Around `low..high`; logarithmic where that is a factor of 8 or more.
    pub fn around(low: f64, high: f64, top: i32, bottom: i32) -> Self {
        if low > 0.0 && high / low >= 8.0 {
            return Self { low: low / 1.1, high: high * 1.1, step: None, top, bottom };
        }
        let margin = ((high - low) * 0.06).max(high.abs() * 0.01).max(0.01);
        let (low, high) = (low - margin, high + margin);
        Self { low, high, step: Some(round_step((high - low) / STEPS)), top, bottom }
    }

    /// From 0 if the values come near it, else around them.
    pub fn for_balance(low: f64, high: f64, top: i32, bottom: i32) -> Self {
        if low >= 0.0 && low <= 0.7 * high {
            Self::from_zero(high, 0.01, top, bottom)
        } else {
            Self::around(low, high, top, bottom)
        }
    }

    pub fn is_logarithmic(&self) -> bool {
        self.step.is_none()
    }

    pub fn row(&self, value: f64) -> i32 {
        let share = if self.is_logarithmic() {
            (value.max(self.low) / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        self.bottom - (share.clamp(0.0, 1.0) * f64::from(self.bottom - self.top)).round() as i32
    }

    /// Round values on the axis and their words, ascending.
    pub fn ticks(&self) -> Vec<(f64, String)> {
        let Some(step) = self.step else {
            let decades = (self.low.log10().floor() as i32)..=(self.high.log10().ceil() as i32);
            let round = decades.flat_map(|decade| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(decade)));
            let inside = round.filter(|tick| (self.low..=self.high).contains(tick));
            return inside.map(|tick| (tick, short(tick))).collect();
        };
        let (divisor, suffix) = unit(self.low.abs().max(self.high.abs()));
        let decimals = (-(step / divisor).log10() - 1e-9).ceil().max(0.0) as usize;
        let first = (self.low / step).ceil() as i64;
        let inside =
            (first..).map(|at| at as f64 * step).take_while(|&tick| tick <= self.high * (1.0 + 1e-12));
        let word = |tick: f64| match tick {
            0.0 => "0".to_string(),
            tick => format!("{:.decimals$}{suffix}", tick / divisor),
        };
        inside.take(12).map(|tick| (tick, word(tick))).collect()
    }
}

/// 1, 2 or 5 times a power of ten, at least `step`.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .map(|digit| digit * power)
        .into_iter()
        .find(|&round| round >= step * (1.0 - 1e-9))
        .unwrap_or(step)
}

/// Short words for a value: `1.25 M`, `300 k`, `43.5`.
pub fn short(value: f64) -> String {
    let (divisor, suffix) = unit(value.abs());
    let digits = format!("{:.2}", value / divisor);
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    format!("{}{suffix}", if digits == "-0" { "0" } else { digits })
}

/// What values of this magnitude are divided by, and the words for it.
fn unit(magnitude: f64) -> (f64, &'static str) {
    match magnitude {
        magnitude if magnitude >= 1e9 => (1e9, " bn"),
        magnitude if magnitude >= 1e6 => (1e6, " M"),
        magnitude if magnitude >= 1e4 => (1e3, " k"),
        _ => (1.0, ""),
    }
}

/// Episodes side by side: each a column of pixels with its own run of time; the gaps between them are squeezed out.
#[derive(Clone, Debug)]
pub struct TimeAxis {
    pub columns: Vec<Column>,
}

#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub start_ms: i64,
    pub end_ms: i64,
    pub left: i32,
    pub right: i32,
}

/// Pixels between two episodes.
const GAP: i32 = 10;

impl TimeAxis {
    /// A short episode gets more than its share, so that ten can be read side by side.
    pub fn new(spans_ms: &[(i64, i64)], left: i32, right: i32) -> Self {
        let count = spans_ms.len().max(1) as f64;
        let length = |&(start, end): &(i64, i64)| (end - start).max(1) as f64;
        let total: f64 = spans_ms.iter().map(length).sum();
        let room = f64::from(right - left - GAP * (spans_ms.len().max(1) as i32 - 1));
        let mut at = f64::from(left);
        let column = |span: &(i64, i64)| {
            let width = room * (0.7 / count + 0.3 * length(span) / total);
            let column = Column {
                start_ms: span.0,
                end_ms: span.1,
                left: at.round() as i32,
                right: (at + width).round() as i32,
            };
            at += width + f64::from(GAP);
            column
        };
        Self { columns: spans_ms.iter().map(column).collect() }
    }
}

impl Column {
    pub fn x(&self, time_ms: i64) -> i32 {
        let length = (self.end_ms - self.start_ms).max(1) as f64;
        let share = ((time_ms - self.start_ms) as f64 / length).clamp(0.0, 1.0);
        self.left + (share * f64::from(self.right - self.left)).round() as i32
    }

    /// Round times inside the column at least `spacing` pixels apart, with their words: the time of day, or the day where days are the step.
    pub fn ticks(&self, spacing: i32) -> Vec<(i64, String)> {
        const STEPS_MIN: [i64; 14] =
            [1, 5, 15, 30, 60, 120, 180, 360, 720, 1_440, 2 * 1_440, 7 * 1_440, 14 * 1_440, 28 * 1_440];
        let wanted_ms = (self.end_ms - self.start_ms).max(1) * i64::from(spacing)
            / i64::from((self.right - self.left).max(1));
        let Some(step_ms) =
            STEPS_MIN.into_iter().map(|minutes| minutes * 60_000).find(|&step| step >= wanted_ms)
        else {
            return Vec::new();
        };
        let format = if step_ms < 86_400_000 { "%H:%M" } else { "%m-%d" };
        let first = self.start_ms.div_euclid(step_ms) + 1;
        let inside = (first..).map(|at| at * step_ms).take_while(|&time_ms| time_ms < self.end_ms);
        inside.map(|time_ms| (time_ms, time_text(time_ms, format))).collect()
    }
}

/// The time in UTC as `format` says; its number where no calendar holds it.
pub fn time_text(time_ms: i64, format: &str) -> String {
    Timestamp::from_millisecond(time_ms)
        .map_or_else(|_| time_ms.to_string(), |time| time.strftime(format).to_string())
}

/// A length of time in the largest unit that divides it: `15 s`, `6 h`.
pub fn length_text(ms: i64) -> String {
    let units = [(604_800_000, "week"), (86_400_000, "day"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")];
    let (unit, name) = units.into_iter().find(|(unit, _)| ms % unit == 0).unwrap_or((1, "ms"));
    match (ms / unit, name) {
        (1, "week" | "day") => name.to_string(),
        (many, "week" | "day") => format!("{many} {name}s"),
        (many, _) => format!("{many} {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_ticks() {
        assert_eq!(
            [0.0, 43.5, 9_999.0, 12_000.0, -1_250_000.0, 3e9].map(short),
            ["0", "43.5", "9999", "12 k", "-1.25 M", "3 bn"]
        );
        assert_eq!(
            [15_000, 300_000, 86_400_000, 1_209_600_000].map(length_text),
            ["15 s", "5 min", "day", "2 weeks"]
        );
        let words = |axis: ValueAxis| axis.ticks().into_iter().map(|tick| tick.1).collect::<Vec<_>>();
        let axis = ValueAxis::from_zero(0.0, 1.0, 0, 100);
        assert_eq!((axis.row(0.0), axis.row(-5.0), axis.row(1e9)), (100, 100, 0));
        assert_eq!(words(axis), ["0"]);
        assert_eq!(words(ValueAxis::from_zero(2.0, 1.0, 0, 100)), ["0", "1", "2", "3"]);
        let axis = ValueAxis::around(1.0, 300.0, 0, 100);
        assert!(axis.is_logarithmic());
        assert_eq!(words(axis), ["1", "2", "5", "10", "20", "50", "100", "200"]);
        assert_eq!(
            words(ValueAxis::around(1e6, 1.001e6, 0, 100)),
            ["0.990 M", "0.995 M", "1.000 M", "1.005 M", "1.010 M"]
        );
        for (low, high) in [(100.0, 100.0), (0.0, 0.0), (99.0, 101.5), (1e9, 1.3e9), (-5.0, 5.0)] {
            let ticks = ValueAxis::around(low, high, 0, 100).ticks();
            assert!((2..=12).contains(&ticks.len()), "{low} {high}: {ticks:?}");
        }
    }

    #[test]
    fn ten_episodes_keep_their_order_and_room() {
        let day = 86_400_000;
        let spans: Vec<(i64, i64)> =
            (0..10).map(|n| (n * 30 * day, n * 30 * day + if n == 3 { 25 * day } else { day / 4 })).collect();
        let axis = TimeAxis::new(&spans, 80, 1_320);
        assert_eq!((axis.columns[0].left, axis.columns[9].right), (80, 1_320));
        for pair in axis.columns.windows(2) {
            assert!(pair[0].right < pair[1].left && pair[0].right - pair[0].left >= 75);
        }
        let column = axis.columns[3];
        assert_eq!(
            (column.x(column.start_ms), column.x(column.end_ms), column.x(0)),
            (column.left, column.right, column.left)
        );
        let ticks = column.ticks(60);
        assert!(
            !ticks.is_empty() && ticks.windows(2).all(|pair| column.x(pair[1].0) - column.x(pair[0].0) >= 59)
        );
    }
}
