//! How large a fund has to be, and how long it lasts.
//!
//! Source: Principles for Financial Market Infrastructures, principle 4: resources for the failure of the two participants and their
//! affiliates that would cause the largest loss in extreme but plausible conditions.

use std::collections::BTreeMap;

use ethnum::U256;

/// What one account is short of in a scenario once its own collateral is used, quanta.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Shortfall {
    /// Who owns the account; affiliates share an owner.
    pub owner: u64,
    pub amount: u128,
}

/// What a fund must hold to survive its two largest failures.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Cover {
    /// Quanta.
    pub target: u128,
    /// What the fund is short of the target, quanta.
    pub gap: u128,
    /// The first scenario that asks for the target; `None` if none asks for anything.
    pub scenario: Option<usize>,
}

/// The largest sum, over the scenarios, of the shortfalls of two owners.
pub fn cover_two(fund: u128, scenarios: &[Vec<Shortfall>]) -> Cover {
    let mut cover = Cover::default();
    for (index, shortfalls) in scenarios.iter().enumerate() {
        let needed = two_largest(shortfalls);
        if needed > cover.target {
            cover = Cover { target: needed, scenario: Some(index), ..cover };
        }
    }
    Cover { gap: cover.target.saturating_sub(fund), ..cover }
}

fn two_largest(shortfalls: &[Shortfall]) -> u128 {
    let mut owners: BTreeMap<u64, u128> = BTreeMap::new();
    for shortfall in shortfalls {
        *owners.entry(shortfall.owner).or_default() += shortfall.amount;
    }
    let mut amounts: Vec<u128> = owners.into_values().collect();
    amounts.sort_unstable();
    amounts.iter().rev().take(2).sum()
}

/// How long a fund lasts at what it lost over a `window`, in the window's unit of time, rounded down; `None` if it lost nothing.
pub fn runway_floor(fund: u128, burned: u128, window: u64) -> Option<u128> {
    let time = (U256::from(fund) * U256::from(window)).checked_div(burned.into())?;
    Some(u128::try_from(time).unwrap_or(u128::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scenario(of: &[(u64, u128)]) -> Vec<Shortfall> {
        of.iter().map(|&(owner, amount)| Shortfall { owner, amount }).collect()
    }

    #[test]
    fn affiliates_fail_together_and_the_worst_scenario_counts() {
        let scenarios = [
            scenario(&[(1, 40), (2, 30), (3, 20)]),
            // Owner 3 by two accounts is the second largest.
            scenario(&[(1, 40), (2, 30), (3, 20), (3, 15)]),
            scenario(&[(3, 75)]),
            scenario(&[]),
        ];
        assert_eq!(cover_two(50, &scenarios), Cover { target: 75, gap: 25, scenario: Some(1) });
        assert_eq!(cover_two(75, &scenarios).gap, 0);
        assert_eq!(cover_two(74, &scenarios).gap, 1);
        assert_eq!(cover_two(90, &scenarios[..1]), Cover { target: 70, gap: 0, scenario: Some(0) });
        assert_eq!(cover_two(9, &scenarios[3..]), Cover::default());
        assert_eq!(cover_two(9, &[scenario(&[(1, 0)])]).scenario, None);
    }

    proptest! {
        #[test]
        fn the_target_is_that_of_the_worst_pair(scenarios in prop::collection::vec(prop::collection::vec((0u64..5, 0u128..100), 0..8), 0..4)) {
            let mut worst = 0;
            for scenario in &scenarios {
                let of = |owner: u64| scenario.iter().filter(|of| of.0 == owner).map(|of| of.1).sum::<u128>();
                for first in 0..5 {
                    for second in 0..first {
                        worst = worst.max(of(first) + of(second));
                    }
                }
            }
            let scenarios: Vec<_> = scenarios.iter().map(|of| scenario(of)).collect();
            prop_assert_eq!(cover_two(0, &scenarios).target, worst);
        }
    }

    #[test]
    fn a_runway_is_rounded_down_and_endless_without_losses() {
        assert_eq!(runway_floor(1_000, 300, 24), Some(80));
        assert_eq!(runway_floor(1_000, 301, 24), Some(79));
        assert_eq!(runway_floor(1_000, 0, 24), None);
        assert_eq!(runway_floor(0, 5, 24), Some(0));
        assert_eq!(runway_floor(u128::MAX, 1, 24), Some(u128::MAX));
        assert_eq!(runway_floor(u128::MAX, 48, 24), Some(u128::MAX / 2));
    }
}
