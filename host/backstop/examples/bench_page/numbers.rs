//! Numbers as people read them.

pub use backstop::report::text::count;

/// Three digits, or all of a whole number's: `2.8`, `15.5`, `1,467`, `0.0213`.
pub fn plain(value: f64) -> String {
    let decimals = match value.abs() {
        v if v >= 99.95 => return count(value.abs().round() as u64),
        v if v >= 9.995 => 1,
        v if v >= 0.9995 => 2,
        v if v >= 0.09995 => 3,
        v if v >= 0.009995 => 4,
        v if v >= 0.0009995 => 5,
        0.0 => 0,
        _ => return format!("{value:.1e}"),
    };
    let digits = format!("{value:.decimals$}");
    if decimals == 0 { digits } else { digits.trim_end_matches('0').trim_end_matches('.').to_string() }
}

/// In the unit that keeps it short: `2.8 ns`, `12 µs`, `3.1 ms`.
pub fn time(ns: f64) -> String {
    let (unit, name) = match ns {
        ns if ns < 999.5 => (1.0, "ns"),
        ns if ns < 999.5e3 => (1e3, "µs"),
        ns if ns < 999.5e6 => (1e6, "ms"),
        _ => (1e9, "s"),
    };
    format!("{} {name}", plain(ns / unit))
}

/// `10 k`, `1 M`: a count on an axis.
pub fn short(value: f64) -> String {
    match value {
        v if v >= 1e9 => format!("{} bn", plain(v / 1e9)),
        v if v >= 1e6 => format!("{} M", plain(v / 1e6)),
        v if v >= 1e3 => format!("{} k", plain(v / 1e3)),
        v => plain(v),
    }
}

/// Basis points; hundreds of them as percent.
pub fn move_of(bp: f64) -> String {
    if bp >= 100.0 { format!("{} %", plain(bp / 100.0)) } else { format!("{} bp", plain(bp)) }
}

/// `a, b and c`.
pub fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [start @ .., last] => format!("{} and {last}", start.join(", ")),
    }
}

/// Different values in order of first appearance.
pub fn distinct<T: PartialEq>(values: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut found = Vec::new();
    for value in values {
        if !found.contains(&value) {
            found.push(value);
        }
    }
    found
}
