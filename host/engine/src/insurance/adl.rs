//! Who carries how much: an amount shared out by weight, to nobody more than its cap.
//!
//! The share of everybody below its cap is the same multiple of its weight: the only rule that does not reward splitting an account, does not depend
//! on the unit of money, and never gives more to one claim for less of the amount. It yields revenue to solvency and fairness: nobody outside the
//! claims pays, and an amount beyond all caps is left over. Source: capped pro-rata deleveraging, with integers by largest remainder.

use std::cmp::Reverse;

use ethnum::U256;

/// Takes part with `weight`, up to `cap`. A claim of no weight takes nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Claim {
    pub weight: u128,
    pub cap: u128,
}

/// Shares of `amount` in the order of the claims, in its unit: exact, at most the caps, in all the lesser of the amount and the caps of claims that have a
/// weight. What does not divide goes by largest remainder, one each, the earlier claim first where remainders are equal.
///
/// # Panics
/// If the weights' sum needs more than 256 bits.
pub fn capped_pro_rata(amount: u128, claims: &[Claim]) -> Vec<u128> {
    let mut shares = vec![0; claims.len()];
    let mut open: Vec<usize> =
        (0..claims.len()).filter(|&at| claims[at].weight > 0 && claims[at].cap > 0).collect();
    open.sort_by(|&one, &other| {
        let cap_per_weight = |a: usize, b: usize| U256::from(claims[a].cap) * U256::from(claims[b].weight);
        cap_per_weight(one, other).cmp(&cap_per_weight(other, one))
    });
    let mut total: U256 = open.iter().map(|&at| U256::from(claims[at].weight)).sum();
    let mut left = amount;
    let mut saturated = 0;
    for &at in &open {
        let Claim { weight, cap } = claims[at];
        if quotient(left, weight, total).0 < U256::from(cap) {
            break;
        }
        (shares[at], left, total) = (cap, left - cap, total - U256::from(weight));
        saturated += 1;
    }
    let open = &open[saturated..];
    let mut remainders: Vec<(Reverse<U256>, usize)> = Vec::with_capacity(open.len());
    let mut given = 0;
    for &at in open {
        let (share, remainder) = quotient(left, claims[at].weight, total);
        shares[at] = share.as_u128();
        given += shares[at];
        remainders.push((Reverse(remainder), at));
    }
    remainders.sort_unstable();
    let rest = if open.is_empty() { 0 } else { left - given };
    for &(_, at) in remainders.iter().take(rest as usize) {
        shares[at] += 1;
    }
    shares
}

/// `amount * weight / total` and its remainder.
fn quotient(amount: u128, weight: u128, total: U256) -> (U256, U256) {
    let product = U256::from(amount) * U256::from(weight);
    (product / total, product % total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn claims(of: &[(u128, u128)]) -> Vec<Claim> {
        of.iter().map(|&(weight, cap)| Claim { weight, cap }).collect()
    }

    /// Unit by unit: the next goes to the open claim that is furthest below its multiple of the weight, as if all shares rose together.
    fn by_units(amount: u128, of: &[(u128, u128)]) -> Vec<u128> {
        let mut shares = vec![0u128; of.len()];
        // Rise the common level until the amount is used: exact over a common denominator of all weights.
        let level_of = |level: u128, denominator: u128| -> Vec<u128> {
            of.iter().map(|&(weight, cap)| (level * weight / denominator).min(cap)).collect()
        };
        let total: u128 = of.iter().filter(|c| c.0 > 0).map(|c| c.1).sum::<u128>().min(amount);
        let denominator = 100;
        let mut level = 0;
        while level_of(level + 1, denominator).iter().sum::<u128>() <= total && level < 1 << 30 {
            level += 1;
            shares = level_of(level, denominator);
            if shares.iter().sum::<u128>() == total {
                break;
            }
        }
        shares
    }

    #[test]
    fn by_hand() {
        assert_eq!(capped_pro_rata(100, &claims(&[(1, 1_000), (3, 1_000)])), [25, 75]);
        assert_eq!(capped_pro_rata(100, &claims(&[(1, 10), (3, 1_000)])), [10, 90]);
        assert_eq!(capped_pro_rata(100, &claims(&[(1, 25), (3, 75)])), [25, 75]);
        assert_eq!(capped_pro_rata(101, &claims(&[(1, 25), (3, 75)])), [25, 75]);
        assert_eq!(capped_pro_rata(5, &claims(&[(1, 9), (1, 9)])), [3, 2]);
        assert_eq!(capped_pro_rata(10, &claims(&[(1, 9), (1, 9), (1, 9)])), [4, 3, 3]);
        assert_eq!(capped_pro_rata(10, &claims(&[(2, 9), (3, 9), (2, 9)])), [3, 4, 3]);
        assert_eq!(capped_pro_rata(10, &claims(&[(0, 9), (1, 3), (5, 0)])), [0, 3, 0]);
        assert_eq!(capped_pro_rata(7, &claims(&[])), [0; 0]);
        assert_eq!(capped_pro_rata(0, &claims(&[(1, 1)])), [0]);
        let huge = u128::MAX / 2;
        assert_eq!(
            capped_pro_rata(huge, &claims(&[(huge, u128::MAX), (huge, u128::MAX)])),
            [huge / 2 + 1, huge / 2]
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn exact_capped_and_to_weights_only(amount in 0u128..100_000, of in prop::collection::vec((0u128..50, 0u128..5_000), 0..12)) {
            let shares = capped_pro_rata(amount, &claims(&of));
            let most: u128 = of.iter().filter(|claim| claim.0 > 0).map(|claim| claim.1).sum();
            prop_assert_eq!(shares.iter().sum::<u128>(), amount.min(most));
            for (share, &(weight, cap)) in shares.iter().zip(&of) {
                prop_assert!(*share <= cap && (weight > 0 || *share == 0));
            }
            // Nobody below its cap has a unit or more less per weight than another: x_i*w_j - x_j*w_i < w_i + w_j.
            for (one, &(w, cap)) in shares.iter().zip(&of).filter(|(_, claim)| claim.0 > 0) {
                for (other, &(v, _)) in shares.iter().zip(&of).filter(|(_, claim)| claim.0 > 0) {
                    prop_assert!(*one == cap || other * w < (one + 1) * v + w, "{shares:?} of {of:?}");
                }
            }
        }

        #[test]
        fn as_if_all_shares_rose_together(amount in 0u128..2_000, of in prop::collection::vec((0u128..9, 0u128..600), 1..6)) {
            let shares = capped_pro_rata(amount, &claims(&of));
            for (share, risen) in shares.iter().zip(by_units(amount, &of)) {
                prop_assert!(share.abs_diff(risen) <= 1, "{shares:?} of {of:?}, rising gives {risen}");
            }
        }

        #[test]
        fn splitting_a_claim_gains_at_most_the_rounding(amount in 0u128..100_000, weight in 2u128..100, cap in 2u128..5_000, others in prop::collection::vec((1u128..50, 0u128..5_000), 0..8)) {
            let mut whole = vec![(2 * weight, 2 * cap)];
            whole.extend(&others);
            let mut split = vec![(weight, cap), (weight, cap)];
            split.extend(&others);
            let (one, two) = (capped_pro_rata(amount, &claims(&whole)), capped_pro_rata(amount, &claims(&split)));
            prop_assert!(one[0].abs_diff(two[0] + two[1]) <= 2, "{one:?} {two:?}");
        }

        #[test]
        fn more_to_share_takes_from_nobody_but_a_unit(amount in 0u128..100_000, more in 0u128..1_000, of in prop::collection::vec((0u128..50, 0u128..5_000), 0..12)) {
            let (less, more) = (capped_pro_rata(amount, &claims(&of)), capped_pro_rata(amount + more, &claims(&of)));
            for (less, more) in less.iter().zip(&more) {
                prop_assert!(less <= &(more + 1));
            }
        }
    }
}
