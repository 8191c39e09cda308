//! Capped pro rata: how an amount is shared by weight where nobody gives more than a cap. Auto-deleveraging shares lots and losses so.
//!
//! The share of a claim is `min(cap, eta * weight)` with the one `eta` that gives the sum; the whole is shared to the last unit, by largest
//! remainder. Capped pro rata is the only rule that proportional splitting of an account does not change, that scales with the amount and
//! that takes from nobody less when more is needed.

use std::cmp::Reverse;

use ethnum::U256;

use crate::ratio::compare;

/// What somebody can give, and how much of it in proportion to the others.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Claim {
    /// A weight of 0 has no share, whatever the cap.
    pub weight: u128,
    pub cap: u128,
}

/// Shares of `amount`, in the order of the claims: `min(cap, eta * weight)` rounded by largest remainder, ties to the earlier claim, so
/// that the sum is exactly `min(amount, sum of the caps of claims with a weight)`. No share is above its cap. Any numbers are exact.
pub fn capped_pro_rata(amount: u128, claims: &[Claim]) -> Vec<u128> {
    let cap = |index: usize| claims[index].cap.min(amount);
    let weight = |index: usize| U256::from(claims[index].weight);
    let mut shares = vec![0; claims.len()];
    let mut open: Vec<usize> = (0..claims.len()).filter(|&index| claims[index].weight > 0).collect();
    // As eta grows, the claims reach their caps in this order.
    open.sort_by(|&left, &right| {
        (U256::from(cap(left)) * weight(right)).cmp(&(U256::from(cap(right)) * weight(left)))
    });
    let mut left = amount;
    let mut weights: U256 = open.iter().map(|&index| weight(index)).sum();
    let mut saturated = 0;
    for &index in &open {
        if compare((U256::from(cap(index)), weight(index)), (U256::from(left), weights)).is_gt() {
            break;
        }
        shares[index] = cap(index);
        left -= cap(index);
        weights -= weight(index);
        saturated += 1;
    }
    let mut remainders = Vec::with_capacity(open.len() - saturated);
    let mut shared = 0;
    for &index in &open[saturated..] {
        let product = U256::from(left) * weight(index);
        shares[index] = (product / weights).as_u128();
        shared += shares[index];
        remainders.push((Reverse(product % weights), index));
    }
    remainders.sort_unstable();
    let ceilings = if remainders.is_empty() { 0 } else { (left - shared) as usize };
    for &(_, index) in &remainders[..ceilings] {
        shares[index] += 1;
    }
    shares
}

#[cfg(test)]
#[path = "adl_tests.rs"]
mod tests;
