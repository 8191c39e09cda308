//! Margin that rises with the square root of the notional, compiled to brackets from above.
//!
//! Rate of a notional `N`: `max(floor_rate, base_rate + (top_rate - base_rate) * sqrt(N / to))`, as venues state it that scale the rate with
//! the size of a position. `N * rate(N)` is convex, so chords between points on it lie above it: the brackets are chords, their slopes
//! rounded up. Beyond `to` every further unit is margined in full.

use num_bigint::BigUint;
use num_integer::Integer;
use num_traits::ToPrimitive;

use model::tier::TierTable;
use model::units::{NOTIONAL_BITS, Scale, TIERS_MAX};

/// Fewest tiers of a compiled curve: its floor, one chord, and the full margin beyond.
pub const TIERS_MIN: usize = 3;
/// Notionals looked at within a tier to find the largest error.
const SAMPLES: u64 = 256;

/// A curve; rates over the scale, `to` in quanta.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Curve {
    pub floor_rate: u32,
    pub base_rate: u32,
    pub top_rate: u32,
    /// Notional at which the rate is `top_rate`.
    pub to: u64,
    pub tiers: usize,
}

/// Why a curve cannot be compiled.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CurveError {
    #[error("base_rate, floor_rate and top_rate rise in this order, the last above the second")]
    Rates,
    #[error("to is a notional above zero and below 2^{NOTIONAL_BITS} quanta")]
    To,
    #[error("tiers is {TIERS_MIN} to {TIERS_MAX}")]
    Tiers,
    #[error("the margin would rise faster than the notional below `to`; lower top_rate or base_rate")]
    TooSteep,
    #[error("too few quanta below `to` for so many tiers")]
    TooNarrow,
}

impl Curve {
    /// Brackets that ask for at least the curve's margin at every notional.
    ///
    /// # Errors
    /// [`CurveError`].
    pub fn brackets(&self, scale: u32) -> Result<Vec<(u64, u32)>, CurveError> {
        if self.base_rate > self.floor_rate || self.floor_rate >= self.top_rate || self.top_rate > scale {
            return Err(CurveError::Rates);
        }
        if self.to == 0 || self.to >> NOTIONAL_BITS != 0 {
            return Err(CurveError::To);
        }
        if !(TIERS_MIN..=TIERS_MAX).contains(&self.tiers) {
            return Err(CurveError::Tiers);
        }
        let knots = self.knots();
        if knots.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(CurveError::TooNarrow);
        }
        let mut brackets = if knots[0] > 0 { vec![(0, self.floor_rate)] } else { Vec::new() };
        let mut reached = u128::from(knots[0]) * u128::from(self.floor_rate);
        let mut below = self.floor_rate;
        for pair in knots.windows(2) {
            let width = u128::from(pair[1] - pair[0]);
            let rise = self.requirement(pair[1]).saturating_sub(reached);
            let rate = u32::try_from(rise.div_ceil(width)).unwrap_or(u32::MAX).max(below);
            if rate > scale {
                return Err(CurveError::TooSteep);
            }
            reached += width * u128::from(rate);
            below = rate;
            brackets.push((pair[0], rate));
        }
        brackets.push((self.to, scale));
        Ok(brackets)
    }

    /// Margin that the curve asks for, rounded up to quanta / scale.
    pub fn requirement(&self, notional: u64) -> u128 {
        let [span, notional_cubed] =
            [BigUint::from(self.top_rate - self.base_rate), BigUint::from(notional).pow(3)];
        let square = (span.pow(2) * notional_cubed).div_ceil(&BigUint::from(self.to));
        let floor = square.sqrt();
        let root = if floor.pow(2) == square { floor } else { floor + 1u32 };
        let notional = u128::from(notional);
        let curve = notional * u128::from(self.base_rate) + root.to_u128().unwrap_or(u128::MAX >> 1);
        curve.max(notional * u128::from(self.floor_rate))
    }

    /// How far the brackets lie above the curve, parts per million of it, rounded up: the largest at [`SAMPLES`] notionals of each tier.
    pub fn error_ppm(&self, brackets: &[(u64, u32)], scale: Scale) -> u64 {
        let Ok(table) = TierTable::new(scale, brackets) else { return u64::MAX };
        let floors = brackets.windows(2).map(|pair| (pair[0].0, pair[1].0));
        let notionals = floors.flat_map(|(from, to)| {
            let step =
                move |at: u64| from + ((u128::from(to - from) * u128::from(at)) / u128::from(SAMPLES)) as u64;
            (1..=SAMPLES).map(step)
        });
        let error = |notional: u64| {
            let [asked, exact] =
                [table.requirement(notional.into()).unsigned_abs(), self.requirement(notional)]
                    .map(BigUint::from);
            let above = if asked > exact { (asked - &exact) * 1_000_000u32 } else { BigUint::ZERO };
            if exact == BigUint::ZERO { 0 } else { above.div_ceil(&exact).to_u64().unwrap_or(u64::MAX) }
        };
        notionals.map(error).max().unwrap_or(0)
    }

    /// Points on the curve that the brackets touch, up to `to`: from where it leaves the floor in even ratios; from 0 in even steps of the
    /// square root.
    fn knots(&self) -> Vec<u64> {
        let [start, span] = [self.floor_rate, self.top_rate].map(|rate| BigUint::from(rate - self.base_rate));
        let to = BigUint::from(self.to);
        let first = (&to * start.pow(2) / span.pow(2)).max(BigUint::from(u32::from(start > BigUint::ZERO)));
        let chords = self.tiers as u32 - 1 - u32::from(first > BigUint::ZERO);
        let knot = |at: u32| {
            if first > BigUint::ZERO {
                (to.pow(at) * first.pow(chords - at)).nth_root(chords)
            } else {
                &to * at.pow(2) / chords.pow(2)
            }
        };
        (0..=chords).map(|at| knot(at).to_u64().expect("at most `to`")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_curve_is_compiled_from_above_with_a_small_error() {
        let scale = Scale::new(1_000_000).unwrap();
        // A tenth up to 390,625 of quote currency, a half at 25 million.
        let curve = Curve {
            floor_rate: 100_000,
            base_rate: 50_000,
            top_rate: 450_000,
            to: 25_000_000_000_000,
            tiers: 16,
        };
        let brackets = curve.brackets(1_000_000).unwrap();
        assert_eq!(brackets.len(), 16);
        assert_eq!(brackets[..2].iter().map(|bracket| bracket.0).collect::<Vec<_>>(), [0, 390_625_000_000]);
        assert_eq!(curve.requirement(390_625_000_000), 390_625_000_000 * 100_000);
        assert_eq!(curve.requirement(25_000_000_000_000), 25_000_000_000_000 * 450_000);
        assert_eq!(brackets[15], (25_000_000_000_000, 1_000_000));
        let error = curve.error_ppm(&brackets, scale);
        assert!((1..10_000).contains(&error), "{error} ppm");
        let coarse = Curve { tiers: 4, ..curve };
        assert!(coarse.error_ppm(&coarse.brackets(1_000_000).unwrap(), scale) > error);
    }

    #[test]
    fn what_is_no_curve_is_refused() {
        let curve = Curve { floor_rate: 100, base_rate: 50, top_rate: 500, to: 1_000_000, tiers: 8 };
        for (bad, error) in [
            (Curve { base_rate: 101, ..curve }, CurveError::Rates),
            (Curve { top_rate: 100, ..curve }, CurveError::Rates),
            (Curve { to: 0, ..curve }, CurveError::To),
            (Curve { tiers: 17, ..curve }, CurveError::Tiers),
            (Curve { tiers: 2, ..curve }, CurveError::Tiers),
            (Curve { top_rate: 1_000, ..curve }, CurveError::TooSteep),
            (Curve { to: 3, ..curve }, CurveError::TooNarrow),
        ] {
            assert_eq!(bad.brackets(1_000), Err(error), "{bad:?}");
        }
    }

    proptest! {
        /// Against the definition squared: no root is taken.
        #[test]
        fn brackets_lie_above_the_curve(base in 0u32..300, above in 0u32..200, span in 1u32..300, to in 1u64..1 << 50, tiers in TIERS_MIN..=16, part in 0u64..=1 << 20) {
            let curve = Curve { base_rate: base, floor_rate: base + above, top_rate: base + above + span, to, tiers };
            let Ok(brackets) = curve.brackets(1_000) else { return Ok(()) };
            prop_assert!(brackets.len() <= tiers);
            let table = TierTable::new(Scale::new(1_000).unwrap(), &brackets).unwrap();
            let notionals = brackets.iter().flat_map(|bracket| [bracket.0.saturating_sub(1), bracket.0, bracket.0 + 1]);
            for notional in notionals.chain([((u128::from(to) * u128::from(part)) >> 20) as u64]).filter(|&notional| notional <= to) {
                let asked = BigUint::from(table.requirement(notional.into()).unsigned_abs());
                prop_assert!(asked >= BigUint::from(notional) * curve.floor_rate);
                let line = BigUint::from(notional) * base;
                // (asked - base N)^2 to >= (top - base)^2 N^3
                let excess = if asked > line { asked - line } else { BigUint::ZERO };
                prop_assert!(excess.pow(2) * to >= BigUint::from(above + span).pow(2) * BigUint::from(notional).pow(3));
            }
        }
    }
}
