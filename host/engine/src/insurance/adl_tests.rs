use num_rational::BigRational;
use num_traits::{One, ToPrimitive, Zero};
use proptest::prelude::*;

use super::*;

fn claims(of: &[(u128, u128)]) -> Vec<Claim> {
    of.iter().map(|&(weight, cap)| Claim { weight, cap }).collect()
}

fn share(amount: u128, of: &[(u128, u128)]) -> Vec<u128> {
    capped_pro_rata(amount, &claims(of))
}

fn rational(value: u128) -> BigRational {
    BigRational::from(num_bigint::BigInt::from(value))
}

/// The real-valued shares: every ratio of cap to weight is tried as the first eta that is too large.
fn real_shares(amount: u128, claims: &[Claim]) -> Vec<BigRational> {
    let weighted: Vec<&Claim> = claims.iter().filter(|claim| claim.weight > 0).collect();
    let at = |eta: &BigRational| -> Vec<BigRational> {
        claims.iter().map(|claim| rational(claim.cap).min(eta * rational(claim.weight))).collect()
    };
    let sum = |shares: &[BigRational]| shares.iter().sum::<BigRational>();
    let mut etas: Vec<BigRational> =
        weighted.iter().map(|claim| rational(claim.cap) / rational(claim.weight)).collect();
    etas.sort();
    let Some(last) = etas.last() else { return vec![BigRational::zero(); claims.len()] };
    let target = rational(amount).min(sum(&at(last)));
    let mut below = BigRational::zero();
    for eta in etas {
        if sum(&at(&eta)) >= target {
            // Between the two, the sum is linear in eta.
            let (low, high) = (sum(&at(&below)), sum(&at(&eta)));
            let part = if high == low { BigRational::one() } else { (&target - &low) / (&high - &low) };
            return at(&(&below + (&eta - &below) * part));
        }
        below = eta;
    }
    unreachable!("the largest ratio gives the largest sum")
}

/// The real shares to whole units, by largest remainder.
fn oracle(amount: u128, claims: &[Claim]) -> Vec<u128> {
    let real = real_shares(amount, claims);
    let mut shares: Vec<u128> = real.iter().map(|share| share.to_integer().to_u128().unwrap()).collect();
    let caps = claims.iter().filter(|claim| claim.weight > 0);
    let target = caps.fold(0u128, |sum, claim| sum.saturating_add(claim.cap)).min(amount);
    while shares.iter().sum::<u128>() < target {
        let missing = |index: &usize| &real[*index] - rational(shares[*index]);
        let next = (0..shares.len()).rev().max_by(|a, b| missing(a).cmp(&missing(b))).unwrap();
        shares[next] += 1;
    }
    shares
}

fn any_number() -> impl Strategy<Value = u128> {
    prop_oneof![0u128..12, 0u128..1_000_000, (1u128 << 99)..(1 << 100)]
}

fn any_claims() -> impl Strategy<Value = Vec<Claim>> {
    let claim = (any_number(), any_number()).prop_map(|(weight, cap)| Claim { weight, cap });
    let alike = (0u128..4, 0u128..9).prop_map(|(weight, cap)| Claim { weight, cap });
    prop_oneof![prop::collection::vec(claim, 0..9), prop::collection::vec(alike, 0..9)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn shares_are_the_oracles(amount in prop_oneof![0u128..40, any_number()], claims in any_claims()) {
        prop_assert_eq!(capped_pro_rata(amount, &claims), oracle(amount, &claims));
    }

    #[test]
    fn the_sum_is_exact_caps_hold_and_only_weights_share(amount in any_number(), claims in any_claims()) {
        let shares = capped_pro_rata(amount, &claims);
        let caps: u128 = claims.iter().filter(|claim| claim.weight > 0).map(|claim| claim.cap).sum();
        prop_assert_eq!(shares.iter().sum::<u128>(), amount.min(caps));
        for (share, claim) in shares.iter().zip(&claims) {
            prop_assert!(*share <= claim.cap);
            prop_assert!(claim.weight > 0 || *share == 0);
        }
    }

    #[test]
    fn more_to_share_takes_from_nobody_less(amount in 0u128..1 << 90, more in 0u128..1 << 90, claims in any_claims()) {
        let (less, more) = (capped_pro_rata(amount, &claims), capped_pro_rata(amount + more, &claims));
        for (less, more) in less.iter().zip(more) {
            prop_assert!(more + 1 >= *less);
        }
    }

    #[test]
    fn a_larger_claim_has_no_smaller_share(amount in any_number(), claims in any_claims()) {
        let shares = capped_pro_rata(amount, &claims);
        for (large, of_large) in shares.iter().zip(&claims) {
            for (small, of_small) in shares.iter().zip(&claims) {
                if of_large.weight > of_small.weight && of_large.cap >= of_small.cap {
                    prop_assert!(large >= small);
                }
            }
        }
    }

    #[test]
    fn splitting_an_account_changes_no_share_but_by_rounding(amount in any_number(), claims in any_claims(), parts in 2u128..6, which in any::<prop::sample::Index>()) {
        prop_assume!(!claims.is_empty());
        let which = which.index(claims.len());
        // The account's claim is a whole number of parts, so that it splits in proportion.
        let mut whole = claims.clone();
        whole[which] = Claim { weight: claims[which].weight * parts, cap: claims[which].cap * parts };
        let mut split = whole.clone();
        split[which] = claims[which];
        split.extend(std::iter::repeat_n(claims[which], parts as usize - 1));
        let (before, after) = (capped_pro_rata(amount, &whole), capped_pro_rata(amount, &split));
        let together = after[which] + after[claims.len()..].iter().sum::<u128>();
        prop_assert!(together.abs_diff(before[which]) <= parts);
        for index in (0..claims.len()).filter(|&index| index != which) {
            prop_assert!(before[index].abs_diff(after[index]) <= 1);
        }
    }
}

#[test]
fn shares_worked_by_hand() {
    // Eta 10: nobody saturated.
    assert_eq!(share(60, &[(1, 99), (2, 99), (3, 99)]), [10, 20, 30]);
    // The first saturates at 4, then the rest share 56 by 2 to 3; 22.4 and 33.6.
    assert_eq!(share(60, &[(1, 4), (2, 99), (3, 99)]), [4, 22, 34]);
    // 4, then the last at 20, the rest to the second.
    assert_eq!(share(60, &[(1, 4), (2, 99), (3, 20)]), [4, 36, 20]);
    // Saturated exactly at its cap.
    assert_eq!(share(60, &[(1, 10), (2, 20), (3, 30)]), [10, 20, 30]);
    // More than all caps.
    assert_eq!(share(61, &[(1, 10), (2, 20), (3, 30)]), [10, 20, 30]);
    // Thirds: the unit goes to the earlier of equals.
    assert_eq!(share(10, &[(1, 9), (1, 9), (1, 9)]), [4, 3, 3]);
    assert_eq!(share(11, &[(1, 9), (1, 9), (1, 9)]), [4, 4, 3]);
    // 10 * 3/7 = 4.29, 10 * 4/7 = 5.71: to the larger remainder, not to the earlier.
    assert_eq!(share(10, &[(3, 9), (4, 9)]), [4, 6]);
    assert_eq!(share(10, &[(0, 9), (1, 0), (5, 9)]), [0, 0, 9]);
    assert_eq!(share(0, &[(1, 9)]), [0]);
    assert!(share(7, &[]).is_empty());
    assert_eq!(share(7, &[(0, 9)]), [0]);
}

#[test]
fn the_widest_numbers_are_exact() {
    let max = u128::MAX;
    assert_eq!(share(max, &[(max, max), (max, max)]), [max / 2 + 1, max / 2]);
    assert_eq!(share(max, &[(max, 3), (1, max), (max, 5)]), [3, max - 8, 5]);
    // A cap of all there is: no bound.
    assert_eq!(share(9, &[(1, max), (2, max)]), [3, 6]);
    let alike = vec![(max, max); 1_000];
    assert_eq!(share(1_001, &alike)[..2], [2, 1]);
}
