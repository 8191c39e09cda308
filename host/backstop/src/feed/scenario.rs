//! The built-in crash: eight perpetuals through six and a half hours of event time, no data file needed. Formulas: `docs/scenario.md`.
//!
//! A common factor with self-exciting jumps is pulled through way points down to the bottom and back; each instrument follows it by its
//! beta, with noise of its own that reverts. Two prints are plainly wrong, as on real tapes. Everything is an integer; the same seed gives
//! the same marks on any machine.

use std::sync::Arc;

use engine::event::TimeMs;
use rust_decimal::Decimal;

use super::draw::Draw;
use super::episode::Episodes;
use super::{Items, Mark};

/// Time of the first mark, 2025-01-01.
pub const START_MS: TimeMs = 1_735_689_600_000;
/// Between two marks of an instrument.
pub const STEP_MS: TimeMs = 5_000;
/// Steps before, in and after the crash: 3 h, 1 h, 2.5 h.
pub const STEPS_CALM: u32 = 2_160;
pub const STEPS_CRASH: u32 = 720;
pub const STEPS_AFTER: u32 = 1_800;
/// Marks of the first instrument; the others have one less.
pub const STEPS: u32 = STEPS_CALM + STEPS_CRASH + STEPS_AFTER;
/// Accounts that the scenario is sized for: holders times marks stay near twenty million.
pub const ACCOUNTS: usize = 2_000;
/// Fall of the common factor to the bottom, per mille, by seed.
pub const FALL_PER_MILLE: [u64; 2] = [300, 350];

/// Returns are in parts of 10^9.
const ONE: i128 = 1_000_000_000;
/// The common factor starts here.
const LEVEL_ONE: i128 = 1_000_000_000_000;
/// Prices are held in 10^-9 of the quote currency.
const PRICE_PLACES: u32 = 9;
/// Largest return of a step, either way.
const RETURN_MAX: i128 = 150_000_000;
/// Steps that a gap to a way point takes at least.
const PULL_STEPS_MIN: u32 = 12;
/// Steps in which an instrument's own deviation reverts.
const REVERT_STEPS: i128 = 360;
/// Jump intensity per step, parts per million: each jump adds to the excess, which keeps 93 % a step.
const EXCITE_PPM: u64 = 60_000;
const KEEP_PERCENT: u64 = 93;
/// Excess that adds the base volatility once more; at most five times.
const EXCESS_UNIT_PPM: u64 = 100_000;
const EXCESS_MAX_PPM: u64 = 500_000;

/// Symbol, first price as (mantissa, places), beta in thousandths, own volatility of a step in 10^-9. The first is listed a step before the others.
pub const INSTRUMENTS: [(&str, (i64, u32), i128, i128); 8] = [
    ("BTC-PERP", (642_500, 1), 900, 80_000),
    ("AVAX-PERP", (351_200, 4), 1_200, 250_000),
    ("BNB-PERP", (585_400, 3), 950, 120_000),
    ("DOGE-PERP", (145_300, 6), 1_250, 300_000),
    ("ETH-PERP", (315_020, 2), 1_000, 110_000),
    ("LINK-PERP", (145_060, 4), 1_150, 220_000),
    ("SOL-PERP", (152_340, 3), 1_150, 200_000),
    ("XRP-PERP", (620_500, 6), 1_050, 180_000),
];

/// (Step, part of the fall in percent that the common factor is pulled to by then).
const WAY: [(u32, i128); 9] = [
    (STEPS_CALM, 0),
    (STEPS_CALM + STEPS_CRASH / 5, 30),
    (STEPS_CALM + STEPS_CRASH * 3 / 10, 20),
    (STEPS_CALM + STEPS_CRASH * 3 / 5, 75),
    (STEPS_CALM + STEPS_CRASH * 7 / 10, 60),
    (STEPS_CALM + STEPS_CRASH, 100),
    (STEPS_CALM + STEPS_CRASH + 240, 55),
    (STEPS_CALM + STEPS_CRASH + 720, 80),
    (STEPS, 65),
];

/// Before, in and after the crash: common volatility of a step in 10^-9, jump intensity in ppm, jump size in 10^-9, share of jumps that fall in ppm.
struct Phase {
    volatility: i128,
    jump_ppm: u64,
    jump: [u64; 2],
    down_ppm: u64,
}

const PHASES: [Phase; 3] = [
    Phase { volatility: 200_000, jump_ppm: 1_500, jump: [500_000, 2_000_000], down_ppm: 500_000 },
    Phase { volatility: 700_000, jump_ppm: 15_000, jump: [2_000_000, 12_000_000], down_ppm: 700_000 },
    Phase { volatility: 400_000, jump_ppm: 4_000, jump: [1_000_000, 6_000_000], down_ppm: 500_000 },
];

fn phase(step: u32) -> &'static Phase {
    &PHASES[usize::from(step >= STEPS_CALM) + usize::from(step >= STEPS_CALM + STEPS_CRASH)]
}

/// A print that is plainly wrong; the path goes on as if it had not been.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BadPrint {
    pub step: u32,
    pub symbol: &'static str,
    /// Of the true price.
    pub percent: i64,
}

/// The wrong prints of a seed: 1 % of the price before the crash, 145 % within it.
pub fn bad_prints(seed: u64) -> [BadPrint; 2] {
    let mut draw = Draw::new(seed, "scenario bad prints", 0);
    let mut at = |from: u32, steps: u32, percent| BadPrint {
        step: from + draw.below(steps.into()) as u32,
        symbol: INSTRUMENTS[draw.below(INSTRUMENTS.len() as u64) as usize].0,
        percent,
    };
    [at(STEPS_CALM / 4, STEPS_CALM / 2, 1), at(STEPS_CALM + STEPS_CRASH / 4, STEPS_CRASH / 2, 145)]
}

struct Path {
    symbol: Arc<str>,
    name: &'static str,
    places: u32,
    beta: i128,
    volatility: i128,
    price: i128,
    /// Sum of its own returns.
    own: i128,
    draw: Draw,
}

/// Marks of the scenario, ordered by (time, symbol).
pub struct Scenario {
    step: u32,
    level: i128,
    bottom: i128,
    excess_ppm: u64,
    common: Draw,
    paths: Vec<Path>,
    bad_prints: [BadPrint; 2],
    /// Marks of the current step still to come, last first.
    ready: Vec<Mark>,
}

impl Scenario {
    pub fn new(seed: u64) -> Self {
        let mut common = Draw::new(seed, "scenario common", 0);
        let fall = common.within(FALL_PER_MILLE[0], FALL_PER_MILLE[1]);
        let mut paths: Vec<Path> = (INSTRUMENTS.iter().zip(0..))
            .map(|(&(name, (mantissa, places), beta, volatility), at)| Path {
                symbol: name.into(),
                name,
                places,
                beta,
                volatility,
                price: i128::from(mantissa) * 10i128.pow(PRICE_PLACES - places),
                own: 0,
                draw: Draw::new(seed, "scenario instrument", at),
            })
            .collect();
        paths.sort_by_key(|path| path.name);
        Self {
            step: 0,
            level: LEVEL_ONE,
            bottom: LEVEL_ONE * i128::from(fall) / 1_000,
            excess_ppm: 0,
            common,
            paths,
            bad_prints: bad_prints(seed),
            ready: Vec::new(),
        }
    }

    /// Common return of the step and the factor on volatility, in percent.
    fn advance_common(&mut self) -> (i128, i128) {
        let phase = phase(self.step);
        let factor = 100 + i128::from(self.excess_ppm.min(EXCESS_MAX_PPM) * 100 / EXCESS_UNIT_PPM);
        let (until, percent) =
            WAY.iter().copied().find(|(until, _)| self.step <= *until).unwrap_or(WAY[WAY.len() - 1]);
        let target = LEVEL_ONE - self.bottom * percent / 100;
        let pull = (target - self.level) * ONE
            / self.level
            / i128::from((until - self.step + 1).max(PULL_STEPS_MIN));
        let noise = scaled_normal(&mut self.common, phase.volatility * factor / 100);
        let mut jump = 0;
        if self.common.chance(phase.jump_ppm + self.excess_ppm) {
            let size = i128::from(self.common.octave(phase.jump[0], phase.jump[1]));
            jump = if self.common.chance(phase.down_ppm) { -size } else { size };
        }
        self.excess_ppm = self.excess_ppm * KEEP_PERCENT / 100 + if jump == 0 { 0 } else { EXCITE_PPM };
        let common = (pull + noise + jump).clamp(-RETURN_MAX, RETURN_MAX);
        self.level += (self.level * common).div_euclid(ONE);
        (common, factor)
    }

    fn advance(&mut self) {
        if self.step > 0 {
            let (common, factor) = self.advance_common();
            for path in &mut self.paths {
                let own =
                    scaled_normal(&mut path.draw, path.volatility * factor / 100) - path.own / REVERT_STEPS;
                path.own += own;
                let total = (path.beta * common / 1_000 + own).clamp(-RETURN_MAX, RETURN_MAX);
                path.price += (path.price * total).div_euclid(ONE);
            }
        }
        let time_ms = START_MS + TimeMs::from(self.step) * STEP_MS;
        for path in self.paths.iter().rev() {
            if self.step == 0 && path.name != INSTRUMENTS[0].0 {
                continue;
            }
            let bad = self.bad_prints.iter().find(|bad| (bad.step, bad.symbol) == (self.step, path.name));
            let percent = i128::from(bad.map_or(100, |bad| bad.percent));
            let price =
                Decimal::from_i128_with_scale(path.price * percent / 100, PRICE_PLACES).round_dp(path.places);
            self.ready.push(Mark { time_ms, symbol: path.symbol.clone(), price });
        }
        self.step += 1;
    }
}

impl Iterator for Scenario {
    type Item = Mark;

    fn next(&mut self) -> Option<Mark> {
        if self.ready.is_empty() && self.step < STEPS {
            self.advance();
        }
        self.ready.pop()
    }
}

/// The scenario as one episode.
pub fn items(seed: u64) -> Items {
    Box::new(Episodes::new(Scenario::new(seed).map(Ok)))
}

fn scaled_normal(draw: &mut Draw, deviation: i128) -> i128 {
    (i128::from(draw.normal()) * deviation).div_euclid(1 << 16)
}

#[cfg(test)]
mod tests {
    use super::super::Item;
    use super::super::accounts::Accounts;
    use super::super::instrument::quanta;
    use super::*;
    use engine::event::{Event, InstrumentId};
    use model::units::{Price, Scale};
    use std::collections::BTreeMap;

    fn clean(seed: u64) -> BTreeMap<String, Vec<(TimeMs, Decimal)>> {
        let bad = bad_prints(seed);
        let mut series = BTreeMap::<String, Vec<_>>::new();
        for mark in Scenario::new(seed) {
            let step = (mark.time_ms - START_MS) / STEP_MS;
            if !bad.iter().any(|bad| i64::from(bad.step) == step && bad.symbol == &*mark.symbol) {
                series.entry(mark.symbol.to_string()).or_default().push((mark.time_ms, mark.price));
            }
        }
        series
    }

    /// Worst fall within an hour, per mille.
    fn worst_hour(series: &[(TimeMs, Decimal)]) -> Decimal {
        let mut worst = Decimal::ZERO;
        for (at, (time_ms, price)) in series.iter().enumerate() {
            let hour = series[..at].iter().rev().take_while(|(before, _)| time_ms - before <= 3_600_000);
            let high = hour.map(|(_, price)| *price).max().unwrap_or(*price);
            worst = worst.max((high - price) * Decimal::from(1_000) / high);
        }
        worst.round_dp(0)
    }

    #[test]
    fn the_crash_is_a_crash_for_every_seed() {
        for seed in 0..12 {
            let series = clean(seed);
            assert_eq!(series.len(), 8);
            let falls: BTreeMap<_, _> = series
                .iter()
                .map(|(symbol, series)| {
                    (symbol.as_str(), worst_hour(&series.iter().copied().step_by(6).collect::<Vec<_>>()))
                })
                .collect();
            eprintln!("seed {seed}: worst hour, per mille: {falls:?}");
            assert!(falls.values().all(|fall| (250..=480).contains(&fall.mantissa())), "{falls:?}");
            for series in series.values() {
                let bottom = series.iter().map(|(_, price)| *price).min().unwrap();
                let last = series[series.len() - 1].1;
                assert!(last > bottom * Decimal::new(105, 2), "it rebounds: {last} from {bottom}");
                for pair in series.windows(2) {
                    let change = (pair[1].1 / pair[0].1 - Decimal::ONE).abs();
                    assert!(change < Decimal::new(15, 2), "the mark guard holds no true mark: {change}");
                }
            }
        }
    }

    /// The guard in the contract's words, with its default band of 20 % and hold of a minute: what it drops, as (step, symbol).
    fn dropped_by_the_guard(seed: u64) -> Vec<(i64, String)> {
        let within = |price: Decimal, of: Decimal| (price - of).abs() * Decimal::from(5) <= of;
        let mut applied = BTreeMap::<Arc<str>, Decimal>::new();
        let mut held = BTreeMap::<Arc<str>, Mark>::new();
        let mut dropped = Vec::new();
        let mut drop =
            |mark: &Mark| dropped.push(((mark.time_ms - START_MS) / STEP_MS, mark.symbol.to_string()));
        for mark in Scenario::new(seed) {
            let last = *applied.entry(mark.symbol.clone()).or_insert(mark.price);
            let waiting = held.get(&mark.symbol).cloned();
            let decided = waiting.as_ref().filter(|waiting| mark.time_ms - waiting.time_ms >= 60_000);
            if let Some(waiting) = decided {
                held.remove(&mark.symbol);
                if within(mark.price, waiting.price) {
                    applied.insert(mark.symbol.clone(), mark.price);
                    continue;
                }
                drop(waiting);
            }
            if within(mark.price, last) {
                applied.insert(mark.symbol.clone(), mark.price);
            } else if waiting.is_some() && decided.is_none() {
                drop(&mark);
            } else {
                held.insert(mark.symbol.clone(), mark);
            }
        }
        assert!(held.is_empty());
        dropped
    }

    #[test]
    fn the_mark_guard_drops_the_bad_prints_and_nothing_else() {
        for seed in 0..12 {
            let bad = bad_prints(seed).map(|bad| (i64::from(bad.step), bad.symbol.to_string()));
            assert_eq!(dropped_by_the_guard(seed), bad);
        }
    }

    #[test]
    fn volatility_clusters() {
        let series = &clean(4)["BTC-PERP"];
        let moves: Vec<Decimal> =
            series.windows(2).map(|pair| (pair[1].1 / pair[0].1 - Decimal::ONE).abs()).collect();
        let mean = |moves: &[Decimal]| moves.iter().sum::<Decimal>() / Decimal::from(moves.len());
        let (calm, crash) = (
            mean(&moves[..STEPS_CALM as usize]),
            mean(&moves[STEPS_CALM as usize..][..STEPS_CRASH as usize]),
        );
        assert!(crash > calm * Decimal::from(3), "{calm} {crash}");
    }

    #[test]
    fn marks_are_in_order_and_repeat_with_the_seed() {
        let marks: Vec<Mark> = Scenario::new(1).collect();
        assert_eq!(marks.len(), STEPS as usize * 8 - 7);
        assert!(marks.is_sorted_by_key(|mark| (mark.time_ms, mark.symbol.clone())));
        assert_eq!(&*marks[0].symbol, "BTC-PERP");
        assert_eq!(marks, Scenario::new(1).collect::<Vec<_>>());
        assert_ne!(marks, Scenario::new(2).collect::<Vec<_>>());
        let items: Vec<Item> = items(1).map(|item| item.unwrap()).collect();
        assert_eq!(items.len(), marks.len() + 2, "one episode");
        for (bad, factor) in bad_prints(1).iter().zip([Decimal::new(2, 2), Decimal::new(13, 1)]) {
            let time_ms = START_MS + i64::from(bad.step) * STEP_MS;
            let near =
                |mark: &&Mark| &*mark.symbol == bad.symbol && (mark.time_ms - time_ms).abs() <= STEP_MS;
            let near: Vec<Decimal> = marks.iter().filter(near).map(|mark| mark.price).collect();
            assert_eq!(
                (near[1] < near[0] * factor, near[1] < near[2] * factor),
                (bad.percent < 100, bad.percent < 100)
            );
        }
    }

    #[test]
    fn the_work_fits_a_simulated_device() {
        let scale = Scale::new(1_000_000).unwrap();
        let mut accounts = Accounts::new(1, 0, ACCOUNTS, scale).unwrap();
        let rules = crate::rules::built_in();
        let mut listed = BTreeMap::new();
        let (mut holders_times_marks, mut rounded) = (0u64, 0u64);
        for mark in Scenario::new(1) {
            let next = listed.len() as u16;
            let (spec, holders) = listed.entry(mark.symbol.clone()).or_insert_with(|| {
                let spec = rules.spec(&mark.symbol, mark.price).unwrap();
                let price = Price::new(quanta(&spec, mark.price).unwrap().quanta).unwrap();
                let events = accounts.seed(InstrumentId(next), &spec, price).unwrap();
                let trades = events.iter().filter(|event| matches!(event, Event::Traded { .. })).count();
                (spec, trades as u64)
            });
            holders_times_marks += *holders;
            rounded += u64::from(quanta(spec, mark.price).unwrap().rounded);
        }
        eprintln!("holders x marks: {holders_times_marks}");
        assert!((18_000_000..=40_000_000).contains(&holders_times_marks), "{holders_times_marks}");
        assert_eq!(rounded, 0, "places are ticks");
    }
}
