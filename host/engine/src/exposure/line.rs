//! An account along one variable, a shock or a price: where it is safe is one interval, whose ends few evaluations find.

use model::tier::Tier;

use super::shock::ONE;

/// A position that moves: notional quanta for each unit of the variable, and its brackets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leg<'a> {
    pub notional: u128,
    pub tiers: &'a [Tier],
}

/// An account of which some positions move with a variable `y >= 1`: factors in thousandths, or prices in thousandths of a quantum per lot.
///
/// It is safe where `g(y) = 256*E - rung*R >= 0` (`> 0` where the line itself counts, and then some requirement is above 0). E is linear in
/// `y`. Each requirement is continuous, piecewise linear and convex, since its marginal rates do not fall from bracket to bracket. So `g` is
/// concave, and the safe `y` are one interval. A tangent of `g` lies nowhere below it: where it is below zero the account is not safe. From an
/// unsafe end the root of the tangent therefore skips nothing safe, and is the answer once it lies on the last piece: at most one step a piece.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    /// `1000*E = equity[0] + y * equity[1]`, quanta / scale.
    pub equity: [i128; 2],
    /// `1000*R` of the positions that stand still.
    pub still: i128,
    pub legs: &'a [Leg<'a>],
    pub rung: i128,
    /// 1 if the line itself counts: `g` is an integer.
    pub edge: i128,
}

impl Line<'_> {
    /// Value at 0 and slope of a tangent of `g` at `y`.
    fn tangent(&self, y: i128) -> (i128, i128) {
        let mut value = 256 * self.equity[0] - self.rung * self.still - self.edge;
        let mut slope = 256 * self.equity[1];
        for leg in self.legs {
            let notional = leg.notional * y.unsigned_abs();
            let is_reached = |tier: &&Tier| u128::from(tier.floor) * ONE.unsigned_abs() <= notional;
            let tier = leg.tiers.iter().rfind(is_reached).expect("the first bracket starts at 0");
            value += self.rung * ONE * tier.deduction as i128;
            slope -= self.rung * leg.notional as i128 * i128::from(tier.rate);
        }
        (value, slope)
    }

    /// The first and the last integer in `low..=high` at which the account is safe; `None` if there is none. `low` is above 0.
    pub fn safe(&self, low: i128, high: i128) -> Option<(i128, i128)> {
        let mut first = low;
        loop {
            let (value, slope) = self.tangent(first);
            if value + first * slope >= 0 {
                break;
            }
            if slope <= 0 {
                return None;
            }
            first = -value.div_euclid(slope); // the root, rounded up
            if first > high {
                return None;
            }
        }
        let mut last = high;
        loop {
            let (value, slope) = self.tangent(last);
            if value + last * slope >= 0 {
                return Some((first, last));
            }
            assert!(slope < 0, "the line falls beyond its safe interval");
            last = value.div_euclid(-slope); // the root, rounded down
        }
    }

    /// True if `E < 0`.
    pub fn is_insolvent(&self, y: i128) -> bool {
        self.equity[0] + y * self.equity[1] < 0
    }
}

#[cfg(test)]
mod tests {
    use model::tier::TierTable;
    use model::units::Scale;
    use proptest::prelude::*;

    use super::*;

    /// Brackets over a scale of 1,000; with `required` no rate is 0.
    fn any_table(required: bool) -> impl Strategy<Value = TierTable> {
        let least = u32::from(required);
        let brackets = prop::collection::btree_map(1u64..300, least..1_001, 0..5);
        (brackets, least..1_001).prop_map(|(brackets, first)| {
            let mut rates: Vec<u32> = brackets.values().copied().chain([first]).collect();
            rates.sort_unstable();
            let floors = [0].into_iter().chain(brackets.into_keys());
            let brackets: Vec<_> = floors.zip(rates).collect();
            TierTable::new(Scale::new(1_000).unwrap(), &brackets).unwrap()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// The safe places are those between the ends, each judged by the definition of the verdict.
        #[test]
        fn the_safe_places_are_one_interval(
            (edge, tables) in any::<bool>().prop_flat_map(|edge| (Just(edge), prop::collection::vec((any_table(edge), 1u128..4), 1..4))),
            cash in -600i128..600,
            gain in -4i128..5,
            still in 0i128..200,
            rung in 1i128..400,
        ) {
            let legs: Vec<Leg> =
                tables.iter().map(|(table, notional)| Leg { notional: *notional, tiers: table.steps().as_slice() }).collect();
            let line = Line {
                equity: [cash * 1_000_000, gain * 1_000],
                still: still * 1_000_000,
                legs: &legs,
                rung,
                edge: edge.into(),
            };
            // The variable is in thousandths, so that a bracket of 1 starts at 1,000.
            let is_safe = |y: i128| {
                let equity = line.equity[0] + y * line.equity[1];
                let moving: i128 = tables.iter().map(|(table, notional)| {
                    let scaled = notional * y.unsigned_abs();
                    // Marginal rates, bracket by bracket.
                    let steps = table.steps().as_slice();
                    let ends = steps[1..].iter().map(|step| u128::from(step.floor) * 1_000).chain([u128::MAX]);
                    steps.iter().zip(ends).map(|(step, end)| {
                        scaled.min(end).saturating_sub(u128::from(step.floor) * 1_000) as i128 * i128::from(step.rate)
                    }).sum::<i128>()
                }).sum();
                let required = line.still + moving;
                let below = 256 * equity < rung * required || edge && 256 * equity == rung * required;
                equity >= 0 && !(required > 0 && below)
            };
            let found = line.safe(1, 400_000);
            for y in (1..400_000).step_by(997).chain(found.iter().flat_map(|&(first, last)| [first - 1, first, last, last + 1])) {
                if !(1..=400_000).contains(&y) {
                    continue;
                }
                let is_inside = found.is_some_and(|(first, last)| (first..=last).contains(&y));
                prop_assert_eq!(is_inside, is_safe(y), "{} of {:?}", y, found);
            }
        }
    }
}
