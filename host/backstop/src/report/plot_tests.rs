//! A plot of made-up episodes. `BACKSTOP_PLOT_DIR` names a directory to look at them in.

use super::plot::{EpisodePlot, Plot};

const DAY_MS: i64 = 86_400_000;

/// A crash in the middle of `minutes`, then half a recovery.
fn episode(index: u32, start_ms: i64, minutes: i64, symbols: &[&str], depth: f64) -> EpisodePlot {
    let mut plot = EpisodePlot::new(index);
    let (mut fund, mut debt) = (1_000_000_000_000_i128, 0_i128);
    let mut noise = 12_345_u64;
    let mut random = || {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (noise >> 40) as f64 / (1 << 24) as f64
    };
    let mut level = vec![1.0; symbols.len()];
    for minute in 0..minutes {
        let time_ms = start_ms + minute * 60_000;
        let at = minute as f64 / minutes as f64;
        let fall = (-((at - 0.55) * 14.0).powi(2)).exp() * depth + if at > 0.55 { depth * 0.3 } else { 0.0 };
        for (n, symbol) in symbols.iter().enumerate() {
            level[n] *= 1.0 + (random() - 0.5) * 0.003;
            let beta = 0.6 + 0.1 * n as f64;
            plot.mark(time_ms, symbol, (level[n] * (1.0 - (fall * beta).min(0.97)) * 40_000_000.0) as u64);
        }
        let risk = (fall * 300.0 * random()) as usize;
        plot.at_risk(time_ms, risk);
        for _ in 0..(risk as f64 * random() * 0.2) as usize {
            plot.liquidation(time_ms);
            fund += 40_000_000;
            if random() < 0.04 {
                let deficit = (random() * 3e10) as i128;
                let paid = deficit.min(fund);
                fund -= paid;
                debt += deficit - paid;
            }
        }
        plot.money(time_ms, fund, debt);
    }
    plot
}

fn look(name: &str, plot: &Plot) -> String {
    let svg = plot.to_svg().unwrap();
    if let Some(directory) = std::env::var_os("BACKSTOP_PLOT_DIR") {
        plot.write(&std::path::Path::new(&directory).join(format!("{name}.svg"))).unwrap();
    }
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    svg
}

fn plot(episodes: Vec<EpisodePlot>) -> Plot {
    let note = "Accounts, their trades and the order book are simulated; marks are from the tape.";
    Plot { title: "Replay of crash.csv, 2,000 accounts an episode".into(), note: note.into(), episodes }
}

#[test]
fn one_episode() {
    let symbols = ["BTCUSD", "ETHUSD", "<L&T>"];
    let svg = look("one", &plot(vec![episode(0, 1_640_991_660_000, 31 * 1_440, &symbols, 0.5)]));
    for words in [
        "BTCUSD",
        "&lt;L&amp;T&gt;",
        "insurance fund",
        "liquidation actions per 6 h",
        "event time, UTC",
        "simulated",
    ] {
        assert!(svg.contains(words), "{words}");
    }
    assert!(svg.len() < 600_000, "{} bytes for a month of minutes", svg.len());
}

#[test]
fn ten_episodes() {
    let symbols =
        ["BTCUSD", "LTCUSD", "ETHUSD", "XRPUSD", "EOSUSD", "IOTUSD", "NEOUSD", "OMGUSD", "ZECUSD", "XMRUSD"];
    let lengths = [3_000, 2_800, 700, 4_400, 900, 3_600, 2_500, 1_200, 5_000, 300];
    let episodes = lengths.iter().enumerate().map(|(n, &minutes)| {
        let start_ms = 1_365_552_300_000 + n as i64 * 160 * DAY_MS;
        episode(n as u32, start_ms, minutes, &symbols[..=n], if n == 2 { 0.95 } else { 0.3 })
    });
    let svg = look("ten", &plot(episodes.collect()));
    for n in 0..10 {
        assert!(svg.contains(&format!("episode {n}")), "episode {n}");
    }
    assert!(svg.contains("log scale"));
}

#[test]
fn halts_are_shaded_and_counted() {
    let mut halted = episode(0, 1_440_000_000_000, 600, &["BTCUSD"], 0.3);
    let shaded = |svg: &str| svg.matches("#F0BEBE").count();
    let calm = look("calm", &plot(vec![halted.clone()]));
    assert!(shaded(&calm) == 0 && !calm.contains("halts"));
    halted.halts(1_440_000_000_000 + 600 * 60_000, 2);
    halted.halts(1_440_000_000_000 + 900 * 60_000, 1);
    let svg = look("halted", &plot(vec![halted]));
    assert!(shaded(&svg) == 2 && svg.contains("3 halts shaded"), "{}", shaded(&svg));
}

#[test]
fn little_or_nothing() {
    assert!(look("none", &plot(vec![])).contains("Nothing happened"));
    assert!(look("unfed", &plot(vec![EpisodePlot::new(0)])).contains("Nothing happened"));
    let mut single = EpisodePlot::new(0);
    single.mark(0, "X", 5);
    assert!(look("single", &plot(vec![single])).contains("1970-01-01"));
    let mut quiet = episode(0, 1_440_000_000_000, 600, &["BTCUSD"], 0.0);
    quiet.mark(1_440_000_000_000 + 600 * 60_000, "ZERO", 0);
    assert!(look("quiet", &plot(vec![quiet])).contains("none"));
}

#[test]
fn the_picture_does_not_grow_with_the_tape() {
    let size = |minutes| plot(vec![episode(0, 0, minutes, &["A", "B"], 0.4)]).to_svg().unwrap().len();
    assert!(size(400_000) < 2 * size(20_000));
}
