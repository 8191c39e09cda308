//! The built-in crash: one synthetic episode of three hours, drawn from a seed. Integers only, so a seed is the same path on
//! every machine. Formulas and constants: `docs/scenario.md`.

use std::sync::Arc;

use engine::event::TimeMs;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use rust_decimal::Decimal;

use super::episode::Episodes;
use super::{Items, Mark};

/// An instrument of the scenario. Its tick is a power of ten.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Contract {
    pub symbol: &'static str,
    /// First mark, in ticks.
    pub opening_ticks: i64,
    /// Decimal places of the tick.
    pub tick_scale: u32,
    /// How it follows the common factor, in thousandths.
    pub beta: i64,
    /// Deviation of its own moves, in thousandths of the phase's.
    pub own: i64,
}

impl Contract {
    pub fn tick(&self) -> Decimal {
        Decimal::new(1, self.tick_scale)
    }

    pub fn opening(&self) -> Decimal {
        Decimal::new(self.opening_ticks, self.tick_scale)
    }

    const fn new(symbol: &'static str, opening_ticks: i64, tick_scale: u32, beta: i64, own: i64) -> Self {
        Self { symbol, opening_ticks, tick_scale, beta, own }
    }
}

/// In order of symbol; the first one's drawdown is the common factor's.
pub const CONTRACTS: [Contract; 8] = [
    Contract::new("BTC-PERP", 971_500, 1, 1_000, 150),
    Contract::new("DOGE-PERP", 31_840, 5, 1_450, 900),
    Contract::new("ETH-PERP", 342_250, 2, 1_200, 400),
    Contract::new("LINK-PERP", 22_415, 3, 1_350, 700),
    Contract::new("LTC-PERP", 10_462, 2, 1_250, 600),
    Contract::new("SOL-PERP", 189_730, 3, 1_350, 600),
    Contract::new("SUI-PERP", 41_275, 4, 1_500, 900),
    Contract::new("XRP-PERP", 23_168, 4, 1_300, 700),
];

pub const STEP_MS: TimeMs = 5_000;
/// Time of the first mark: 2025-01-01 00:00 UTC.
pub const START_MS: TimeMs = 1_735_689_600_000;

pub const STEPS_CALM: u32 = 480;
pub const STEPS_CRASH: u32 = 720;
pub const STEPS_AFTERMATH: u32 = 960;
/// Marks of each instrument.
pub const STEPS: u32 = STEPS_CALM + STEPS_CRASH + STEPS_AFTERMATH;

/// A mark that never was a price: `numerator / denominator` of the instrument's, in place of it, at one step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BadPrint {
    pub step: u32,
    /// Index into [`CONTRACTS`].
    pub contract: usize,
    pub numerator: i64,
    pub denominator: i64,
}

/// The mark guard must hold and discard both; they liquidate nobody.
pub const BAD_PRINTS: [BadPrint; 2] = [
    BadPrint { step: 300, contract: 5, numerator: 1, denominator: 100 },
    BadPrint { step: 1_800, contract: 2, numerator: 3, denominator: 1 },
];

/// The most an instrument moves in a step, over [`UNIT`]; only [`BAD_PRINTS`] lie further away.
pub const MOVE_MAX: i64 = 90_000_000;
/// One, for moves, levels and excitation.
pub const UNIT: i64 = 1_000_000_000;

/// Marks of the whole scenario, for a progress bar.
pub const fn marks_total() -> u64 {
    STEPS as u64 * CONTRACTS.len() as u64
}

/// The scenario of a seed: one episode of [`marks_total`] marks, all instruments at each step. It yields no error.
pub fn items(seed: u64) -> Items {
    Box::new(Episodes::new(Marks::new(seed).map(Ok)))
}

/// Moves per step, before excitation.
struct Phase {
    deviation: i64,
    /// Chance of a common jump, in millionths.
    jump_chance: i64,
}

const CALM: Phase = Phase { deviation: 150_000, jump_chance: 500 };
const CRASH: Phase = Phase { deviation: 600_000, jump_chance: 4_000 };
const AFTERMATH: Phase = Phase { deviation: 300_000, jump_chance: 1_500 };

/// Jumps are 8 to 24 deviations.
const JUMP_DEVIATIONS: (i64, i64) = (8, 24);
/// A common move of this many deviations is large: it excites.
const LARGE_DEVIATIONS: i64 = 3;
const EXCITED_BY_LARGE: i64 = UNIT / 5;
const EXCITED_BY_JUMP: i64 = 2 * UNIT;
/// What is left of the excitation a step later, in thousandths.
const EXCITATION_KEPT: i64 = 960;
/// A leg still unfinished is steered as if this many steps were left, at least.
const STEPS_LEFT_MIN: u32 = 6;
/// The most the common factor is steered by in a step.
const DRIFT_MAX: i64 = 6_000_000;
/// Prices are kept in ticks over this.
const TICK_PARTS: i64 = 1_000_000;

/// The common factor is steered to `target` by step `end`.
#[derive(Clone, Copy)]
struct Leg {
    end: u32,
    target: i64,
}

/// Marks of the scenario by (time, symbol).
struct Marks {
    random: ChaCha8Rng,
    symbols: [Arc<str>; CONTRACTS.len()],
    legs: [Leg; 10],
    step: u32,
    /// The next to yield of this step.
    contract: usize,
    /// Common factor; 1 at the start.
    level: i64,
    excitation: i64,
    /// In ticks over [`TICK_PARTS`].
    prices: [i64; CONTRACTS.len()],
}

impl Marks {
    fn new(seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        Self {
            legs: legs(&mut random),
            random,
            symbols: CONTRACTS.map(|contract| contract.symbol.into()),
            step: 0,
            contract: 0,
            level: UNIT,
            excitation: 0,
            prices: CONTRACTS.map(|contract| contract.opening_ticks * TICK_PARTS),
        }
    }

    /// Takes all prices to the next step.
    fn advance(&mut self) {
        let phase = match self.step {
            0..STEPS_CALM => CALM,
            step if step < STEPS_CALM + STEPS_CRASH => CRASH,
            _ => AFTERMATH,
        };
        let excited = UNIT + self.excitation;
        let deviation = times(phase.deviation, excited);
        let chance = times(phase.jump_chance, excited);

        let drift = self.drift();
        let against = self.between(0, 2) == 0;
        let direction = if (drift < 0) == against { 1 } else { -1 };
        let jump = direction * self.jump(chance, phase.deviation);
        let common = drift + times(deviation, self.normal()) + jump;
        self.level = times(self.level, UNIT + common);

        for (index, contract) in CONTRACTS.iter().enumerate() {
            let direction = 2 * self.between(0, 1) - 1;
            let jump = direction * self.jump(chance / 2, phase.deviation);
            let own = (times(deviation, self.normal()) + jump) * contract.own / 1_000;
            let change = (common * contract.beta / 1_000 + own).clamp(-MOVE_MAX, MOVE_MAX);
            self.prices[index] = times(self.prices[index], UNIT + change);
        }

        self.excitation = self.excitation * EXCITATION_KEPT / 1_000;
        if jump != 0 {
            self.excitation += EXCITED_BY_JUMP;
        } else if common.abs() >= LARGE_DEVIATIONS * phase.deviation {
            self.excitation += EXCITED_BY_LARGE;
        }
        self.step += 1;
    }

    /// What brings the common factor to the target of its leg, spread over the steps left.
    fn drift(&self) -> i64 {
        let leg = self.legs.iter().find(|leg| self.step < leg.end).expect("the last leg ends with the scenario");
        let left = (leg.end - self.step).max(STEPS_LEFT_MIN);
        let gap = i128::from(leg.target - self.level) * i128::from(UNIT) / i128::from(self.level);
        let drift = gap / i128::from(left);
        drift.clamp(-i128::from(DRIFT_MAX), i128::from(DRIFT_MAX)) as i64
    }

    /// Size of a jump, 0 for none. `chance` in millionths.
    fn jump(&mut self, chance: i64, deviation: i64) -> i64 {
        let happens = self.between(0, 999_999) < chance;
        let size = deviation * self.between(JUMP_DEVIATIONS.0, JUMP_DEVIATIONS.1);
        if happens { size } else { 0 }
    }

    /// The sum of twelve uniform draws less its mean: nearly normal, of deviation [`UNIT`], within 6 of them.
    fn normal(&mut self) -> i64 {
        let sum: i64 = (0..12).map(|_| i64::from(self.random.next_u32())).sum();
        ((i128::from(sum - (6 << 32)) * i128::from(UNIT)) >> 32) as i64
    }

    fn between(&mut self, low: i64, high: i64) -> i64 {
        between(&mut self.random, low, high)
    }

    fn price(&self, index: usize) -> Decimal {
        let mut price = self.prices[index];
        if let Some(bad) = BAD_PRINTS.iter().find(|bad| bad.step == self.step && bad.contract == index) {
            price = price * bad.numerator / bad.denominator;
        }
        let ticks = (price + TICK_PARTS / 2) / TICK_PARTS;
        Decimal::new(ticks.max(1), CONTRACTS[index].tick_scale)
    }
}

impl Iterator for Marks {
    type Item = Mark;

    fn next(&mut self) -> Option<Mark> {
        if self.contract == CONTRACTS.len() {
            self.contract = 0;
            self.advance();
        }
        if self.step == STEPS {
            self.contract = CONTRACTS.len() - 1;
            return None;
        }
        let index = self.contract;
        self.contract += 1;
        let time_ms = START_MS + TimeMs::from(self.step) * STEP_MS;
        Some(Mark { time_ms, symbol: self.symbols[index].clone(), price: self.price(index) })
    }
}

/// The way of the common factor: a squeeze ends the calm, three falls with two rebounds are the crash, then a bounce, a retest and a
/// recovery.
fn legs(random: &mut ChaCha8Rng) -> [Leg; 10] {
    let mut draw = |low, high| between(random, low, high);
    let calm = UNIT + draw(-5, 5) * UNIT / 1_000;
    let peak = UNIT + draw(40, 60) * UNIT / 1_000;
    let fall = peak / 1_000 * draw(310, 390);
    let trough = peak - fall;
    let first = peak - fall / 100 * draw(40, 50);
    let first_rebound = first + (peak - first) / 100 * draw(25, 40);
    let second = peak - fall / 100 * draw(70, 80);
    let second_rebound = second + (peak - second) / 100 * draw(25, 40);
    let bounce = trough + fall / 100 * draw(35, 45);
    let retest = trough + fall / 100 * draw(15, 25);
    let recovery = trough + fall / 100 * draw(45, 65);

    let mut end = 0;
    let mut leg = |target, steps| {
        end += steps;
        Leg { end, target }
    };
    let mut steps = |low, high| draw(low, high) as u32;
    [
        leg(calm, STEPS_CALM),
        leg(peak, steps(36, 60)),
        leg(first, steps(120, 170)),
        leg(first_rebound, steps(36, 60)),
        leg(second, steps(120, 170)),
        leg(second_rebound, steps(36, 60)),
        Leg { end: STEPS_CALM + STEPS_CRASH, target: trough },
        Leg { end: STEPS_CALM + STEPS_CRASH + steps(60, 120), target: bounce },
        Leg { end: STEPS_CALM + STEPS_CRASH + 120 + steps(180, 300), target: retest },
        Leg { end: STEPS, target: recovery },
    ]
}

/// Uniform over both ends included; the span is far below 2^32.
fn between(random: &mut ChaCha8Rng, low: i64, high: i64) -> i64 {
    low + ((i64::from(random.next_u32()) * (high - low + 1)) >> 32)
}

/// `value * factor`, `factor` over [`UNIT`], rounded down.
fn times(value: i64, factor: i64) -> i64 {
    (i128::from(value) * i128::from(factor)).div_euclid(i128::from(UNIT)) as i64
}

#[cfg(test)]
mod tests {
    use engine::guard::{Guard, GuardCounts};

    use super::super::Item;
    use super::*;

    /// Prices in ticks, by instrument and step, with the bad prints replaced by the step before.
    fn paths(seed: u64) -> Vec<Vec<i128>> {
        let mut paths = vec![Vec::new(); CONTRACTS.len()];
        for (index, mark) in Marks::new(seed).enumerate() {
            let (contract, step) = (index % CONTRACTS.len(), index / CONTRACTS.len());
            let bad = BAD_PRINTS.iter().any(|bad| (bad.contract, bad.step as usize) == (contract, step));
            let path: &mut Vec<i128> = &mut paths[contract];
            path.push(if bad { path[step - 1] } else { mark.price.mantissa() });
        }
        paths
    }

    /// Largest fall from a peak, in ten thousandths of the peak.
    fn drawdown(path: &[i128]) -> i128 {
        let fall = |(peak, worst): (i128, i128), &price: &i128| {
            let peak = peak.max(price);
            (peak, worst.max((peak - price) * 10_000 / peak))
        };
        path.iter().fold((0, 0), fall).1
    }

    /// Largest rise from a low, in ten thousandths of the low.
    fn rebound(path: &[i128]) -> i128 {
        let rise = |(low, best): (i128, i128), &price: &i128| {
            let low = low.min(price);
            (low, best.max((price - low) * 10_000 / low))
        };
        path.iter().fold((i128::MAX, 0), rise).1
    }

    #[test]
    fn one_episode_ordered_by_time_and_symbol() {
        let items: Vec<_> = items(1).map(|item| item.unwrap()).collect();
        let end_ms = START_MS + TimeMs::from(STEPS - 1) * STEP_MS;
        assert_eq!(items.first(), Some(&Item::EpisodeStart { episode: 0, time_ms: START_MS }));
        assert_eq!(
            items.last(),
            Some(&Item::EpisodeEnd { episode: 0, time_ms: end_ms, marks: marks_total() })
        );
        let marks: Vec<_> = items
            .iter()
            .filter_map(|item| match item {
                Item::Mark(mark) => Some(mark),
                _ => None,
            })
            .collect();
        assert_eq!((marks.len() as u64, marks_total()), (17_280, 17_280));
        assert!(marks.is_sorted_by_key(|mark| (mark.time_ms, mark.symbol.clone())));
        for (contract, mark) in CONTRACTS.iter().zip(&marks) {
            assert_eq!((contract.symbol, contract.opening()), (&*mark.symbol, mark.price));
        }
        assert!(marks.iter().zip(CONTRACTS.iter().cycle()).all(|(mark, contract)| {
            *mark.symbol == *contract.symbol && (mark.price % contract.tick()).is_zero()
        }));
    }

    #[test]
    fn nothing_follows_the_end() {
        let mut marks = Marks::new(3);
        assert_eq!(marks.by_ref().count() as u64, marks_total());
        assert!(marks.next().is_none());
    }

    #[test]
    fn a_seed_is_one_path() {
        let mut hash = blake3::Hasher::new();
        for mark in Marks::new(1) {
            hash.update(format!("{} {} {}\n", mark.time_ms, mark.symbol, mark.price).as_bytes());
        }
        assert_eq!(hash.finalize().to_hex().as_str(), "");
    }

    #[test]
    fn every_seed_crashes_within_bounds() {
        let mut lows = Vec::new();
        for seed in 0..200 {
            let paths = paths(seed);
            let (crash_start, crash_end) = (STEPS_CALM as usize, (STEPS_CALM + STEPS_CRASH) as usize);
            let bitcoin = drawdown(&paths[0]);
            assert!((2_500..=4_500).contains(&bitcoin), "seed {seed}: {bitcoin}");
            assert!(drawdown(&paths[0][..crash_start]) < 400, "seed {seed}: not calm");
            let others = paths[1..].iter().map(|path| drawdown(path)).sum::<i128>() / 7;
            assert!(others > bitcoin + 300, "seed {seed}: others fall by {others}, BTC by {bitcoin}");
            // After the squeeze, and before the trough: the leap of the second fall's low to its rebound.
            let crash = &paths[0][crash_start + 60..crash_end];
            assert!(rebound(crash) > 500, "seed {seed}: no rebound");
            assert!(
                paths[0].iter().max().unwrap() * 100 > paths[0][0] * 103,
                "seed {seed}: no squeeze above the opening"
            );
            lows.push(*paths[0].iter().min().unwrap());
        }
        lows.sort_unstable();
        lows.dedup();
        assert!(lows.len() > 190, "seeds look alike");
        assert!(lows[lows.len() - 1] * 100 > lows[0] * 110, "seeds look alike");
    }

    #[test]
    fn steps_are_bounded_but_for_the_bad_prints() {
        for seed in 0..50 {
            for path in paths(seed) {
                assert!(path.windows(2).all(|pair| (pair[1] - pair[0]).abs() * 10 < pair[0]), "seed {seed}");
            }
        }
    }

    #[test]
    fn the_mark_guard_discards_the_bad_prints_and_nothing_else() {
        for seed in 0..50 {
            let mut guards = [Guard::default(); CONTRACTS.len()];
            for (index, mark) in Marks::new(seed).enumerate() {
                let price = u64::try_from(mark.price.mantissa()).unwrap();
                guards[index % CONTRACTS.len()].judge(mark.time_ms, price, 200_000, 1_000_000, 60_000);
            }
            for (contract, guard) in guards.iter().enumerate() {
                let bad = BAD_PRINTS.iter().filter(|bad| bad.contract == contract).count() as u64;
                let marks = u64::from(STEPS);
                let counts = GuardCounts {
                    marks,
                    applied: marks - bad,
                    held: bad,
                    discarded: bad,
                    ..GuardCounts::default()
                };
                assert_eq!(guard.counts, counts, "seed {seed}, {}", CONTRACTS[contract].symbol);
            }
        }
    }

    /// Within the crash, so that the change of phase plays no part: sizes of moves one to ten steps apart go together.
    #[test]
    fn large_moves_follow_large_moves() {
        let (mut variance, mut covariance) = (0, 0);
        for seed in 0..50 {
            let crash = &paths(seed)[0][STEPS_CALM as usize..(STEPS_CALM + STEPS_CRASH) as usize];
            let sizes: Vec<i128> =
                crash.windows(2).map(|pair| (pair[1] - pair[0]).abs() * 10_000_000 / pair[0]).collect();
            let mean = sizes.iter().sum::<i128>() / sizes.len() as i128;
            let off: Vec<i128> = sizes.iter().map(|size| size - mean).collect();
            variance += 10 * off.iter().map(|off| off * off).sum::<i128>();
            covariance += (1..=10)
                .flat_map(|lag| off.iter().zip(&off[lag..]))
                .map(|(earlier, later)| earlier * later)
                .sum::<i128>();
        }
        assert!(covariance * 10 > variance, "autocorrelation {covariance} / {variance}");
    }
}
