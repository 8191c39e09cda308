//! Maintenance tiers: `requirement(N) = N * rate_t - deduction_t`, t the last tier whose floor is at most N.
//! Source: the bracket tables of the large venues (Binance "maintenance amount", Bybit "deduction").

use crate::units::{DEDUCTION_BITS, NOTIONAL_BITS, OutOfRange, Scale, TIERS_MAX};

/// One bracket: floor in quanta of notional, rate over the scale, deduction in quanta / scale.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tier {
    pub floor: u64,
    pub rate: u32,
    pub deduction: u128,
}

/// Steps as loaded, 1 to 16 of them; nothing is promised about their order.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TierSteps {
    pub steps: [Tier; TIERS_MAX],
    pub count: usize,
}

impl TierSteps {
    pub fn as_slice(&self) -> &[Tier] {
        &self.steps[..self.count]
    }

    /// The bracket that `notional` falls in; an exact edge belongs to the upper one.
    pub fn tier_of(&self, notional: u128) -> usize {
        self.as_slice().iter().rposition(|tier| u128::from(tier.floor) <= notional).unwrap_or(0)
    }

    /// Requirement of `notional` in quanta / scale, exact; below zero only if a deduction breaks the recurrence.
    pub fn requirement(&self, notional: u128) -> i128 {
        let tier = &self.steps[self.tier_of(notional)];
        (notional * u128::from(tier.rate)) as i128 - tier.deduction as i128
    }

    /// The rules a commit checks: first step at zero, floors strictly rising, rates and deductions not falling.
    pub fn is_monotone(&self) -> bool {
        let first = &self.steps[0];
        first.floor == 0
            && first.deduction == 0
            && self.as_slice().windows(2).all(|pair| {
                pair[0].floor < pair[1].floor
                    && pair[0].rate <= pair[1].rate
                    && pair[0].deduction <= pair[1].deduction
            })
    }
}

/// A table whose deductions make the requirement continuous: `d_t = d_{t-1} + floor_t * (rate_t - rate_{t-1})`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TierTable(TierSteps);

/// Why a tier table is not one.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TierError {
    #[error("a table has 1 to {TIERS_MAX} tiers, not {0}")]
    Count(usize),
    #[error("tier {0}: the first floor is 0 and floors rise strictly")]
    Floor(usize),
    #[error("tier {0}: rates do not fall")]
    RateFalls(usize),
    #[error("tier {index}: {source}")]
    Range { index: usize, source: OutOfRange },
}

impl TierTable {
    /// Table of `(floor in quanta, rate over scale)` brackets, deductions by the recurrence.
    ///
    /// # Errors
    /// [`TierError`] names the first bracket that breaks a rule.
    pub fn new(scale: Scale, brackets: &[(u64, u32)]) -> Result<Self, TierError> {
        if brackets.is_empty() || brackets.len() > TIERS_MAX {
            return Err(TierError::Count(brackets.len()));
        }
        let mut table = TierSteps { count: brackets.len(), ..TierSteps::default() };
        let mut below = Tier::default();
        for (index, &(floor, rate)) in brackets.iter().enumerate() {
            if (index == 0) != (floor == 0) || floor < below.floor || (index > 0 && floor == below.floor) {
                return Err(TierError::Floor(index));
            }
            let out_of_range = |what, value: i128, max| TierError::Range {
                index,
                source: OutOfRange { what, value, min: 0, max },
            };
            if floor >> NOTIONAL_BITS != 0 {
                return Err(out_of_range("floor", floor.into(), (1 << NOTIONAL_BITS) - 1));
            }
            if rate > scale.get() {
                return Err(out_of_range("rate", rate.into(), scale.get().into()));
            }
            if rate < below.rate {
                return Err(TierError::RateFalls(index));
            }
            let deduction = if index == 0 {
                0
            } else {
                below.deduction + u128::from(floor) * u128::from(rate - below.rate)
            };
            if deduction >> DEDUCTION_BITS != 0 {
                return Err(out_of_range("deduction", deduction as i128, (1 << DEDUCTION_BITS) - 1));
            }
            below = Tier { floor, rate, deduction };
            table.steps[index] = below;
        }
        Ok(Self(table))
    }

    pub fn steps(&self) -> &TierSteps {
        &self.0
    }

    /// Requirement of `notional` quanta in quanta / scale: exact, never negative.
    pub fn requirement(&self, notional: u128) -> i128 {
        self.0.requirement(notional)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn any_table() -> impl Strategy<Value = (Vec<(u64, u32)>, TierTable)> {
        (1usize..=16, any::<u64>(), 40u32..58).prop_map(|(count, seed, bits)| {
            let mut state = seed | 1;
            let mut draw = |below: u64| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 20) % below
            };
            let mut floors: Vec<u64> = (1..count).map(|_| 1 + draw(1 << bits)).collect();
            floors.sort_unstable();
            floors.dedup();
            floors.insert(0, 0);
            let mut rates: Vec<u32> = floors.iter().map(|_| draw(1_000_001) as u32).collect();
            rates.sort_unstable();
            let brackets: Vec<(u64, u32)> = floors.into_iter().zip(rates).collect();
            let table = TierTable::new(Scale::new(1_000_000).unwrap(), &brackets).unwrap();
            (brackets, table)
        })
    }

    use alloc::vec::Vec;

    proptest! {
        #[test]
        fn requirement_is_the_integral_of_the_marginal_rate((brackets, table) in any_table(), near in any::<prop::sample::Index>(), shift in -2i64..=2, free in 0u64..1 << 58) {
            let edge = brackets[near.index(brackets.len())].0.saturating_add_signed(shift);
            for notional in [edge, free] {
                let integral: i128 = brackets
                    .iter()
                    .enumerate()
                    .map(|(t, &(floor, rate))| {
                        let ceiling = brackets.get(t + 1).map_or(u64::MAX, |next| next.0);
                        i128::from(notional.min(ceiling).saturating_sub(floor)) * i128::from(rate)
                    })
                    .sum();
                prop_assert_eq!(table.requirement(notional.into()), integral);
            }
        }
    }

    #[test]
    fn steps_that_break_one_rule_are_not_monotone() {
        let table = TierTable::new(Scale::new(10_000).unwrap(), &[(0, 5), (7, 6), (9, 8)]).unwrap();
        let broken = |change: &dyn Fn(&mut TierSteps)| {
            let mut steps = *table.steps();
            change(&mut steps);
            !steps.is_monotone()
        };
        assert!(table.steps().is_monotone() && !broken(&|_| ()));
        assert!(broken(&|steps| steps.steps[0].floor = 1));
        assert!(broken(&|steps| steps.steps[0].deduction = 1));
        assert!(broken(&|steps| steps.steps[2].floor = 7));
        assert!(broken(&|steps| steps.steps[2].rate = 5));
        assert!(broken(&|steps| steps.steps[2].deduction = 0));
    }

    #[test]
    fn a_broken_table_is_refused_by_name() {
        let scale = Scale::new(10_000).unwrap();
        assert_eq!(TierTable::new(scale, &[]), Err(TierError::Count(0)));
        assert_eq!(TierTable::new(scale, &[(1, 5)]), Err(TierError::Floor(0)));
        assert_eq!(TierTable::new(scale, &[(0, 5), (7, 6), (7, 7)]), Err(TierError::Floor(2)));
        assert_eq!(TierTable::new(scale, &[(0, 5), (7, 4)]), Err(TierError::RateFalls(1)));
        assert!(matches!(TierTable::new(scale, &[(0, 10_001)]), Err(TierError::Range { index: 0, .. })));
        assert!(matches!(
            TierTable::new(scale, &[(0, 1), (1 << 59, 2)]),
            Err(TierError::Range { index: 1, .. })
        ));
    }
}
