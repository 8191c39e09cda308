//! The order in which funds pay a deficit, and whether an isolated pool can settle. Every amount is quanta and never below zero.

/// A fund, and what of it may be drawn.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Pool {
    pub balance: u128,
    /// What it may still pay: the rest of a market's cap, or what the shared fund has beyond its reserve.
    pub room: u128,
}

/// Draws a deficit from the pools in their order, from each as much as its balance and its room allow. Returns what each pays, and what none
/// pays: that is for the winners.
pub fn draw(deficit: u128, pools: &[Pool]) -> (Vec<u128>, u128) {
    let mut remaining = deficit;
    let paid = pools
        .iter()
        .map(|pool| {
            let paid = remaining.min(pool.balance).min(pool.room);
            remaining -= paid;
            paid
        })
        .collect();
    (paid, remaining)
}

/// A position of an isolated market that closes: its quote balance, and what closing it brings (below zero: costs).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ClosingLeg {
    pub quote: i128,
    pub match_quote: i128,
}

/// What closing the legs moves, and whether the pool stays at zero or above in each order of payments.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PoolSettlement {
    /// What the insurance fund pays into the pool for legs that end below zero.
    pub insurance: u128,
    /// What the pool has for the transfer if the fund has not paid yet.
    pub available_transfer_first: u128,
    /// Collateral that leaves the pool with the closed legs.
    pub transfer: u128,
    /// What the pool holds at the end.
    pub pool_after: i128,
    /// The fund can pay, and its payment enters before the collateral leaves.
    pub is_covered_insurance_first: bool,
    /// The pool can bear the transfer before the fund has paid, and the fund can pay.
    pub is_covered_transfer_first: bool,
}

/// Settles closing legs of an isolated pool. Amounts are below 2^96. Source: dYdX v4, whose chain halted where the transfer came first.
pub fn settle_isolated_pool(pool: u128, fund: u128, legs: &[ClosingLeg]) -> PoolSettlement {
    let closed = || legs.iter().map(|leg| leg.quote + leg.match_quote);
    let insurance = closed().map(|quote| quote.min(0).unsigned_abs()).sum();
    let transfer = closed().map(|quote| quote.max(0).unsigned_abs()).sum();
    let is_payable = insurance <= fund;
    PoolSettlement {
        insurance,
        available_transfer_first: pool,
        transfer,
        pool_after: pool as i128 + insurance as i128 - transfer as i128,
        is_covered_insurance_first: is_payable && transfer <= pool + insurance,
        is_covered_transfer_first: is_payable && transfer <= pool,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_pool_pays_up_to_its_bound_and_in_its_order() {
        let pools =
            [Pool { balance: 50, room: 30 }, Pool { balance: 5, room: 9 }, Pool { balance: 100, room: 40 }];
        for (deficit, paid, remaining) in [
            (0, [0, 0, 0], 0),
            (30, [30, 0, 0], 0),
            (31, [30, 1, 0], 0),
            (36, [30, 5, 1], 0),
            (75, [30, 5, 40], 0),
            (76, [30, 5, 40], 1),
        ] {
            assert_eq!(draw(deficit, &pools), (paid.to_vec(), remaining), "{deficit}");
        }
        assert_eq!(draw(7, &[]), (vec![], 7));
    }

    proptest! {
        #[test]
        fn draws_sum_to_the_deficit_and_a_later_pool_pays_only_where_the_earlier_are_at_their_bounds(deficit: u128, bounds in prop::collection::vec(any::<(u128, u128)>(), 0..4)) {
            let pools: Vec<Pool> = bounds.iter().map(|&(balance, room)| Pool { balance, room }).collect();
            let (paid, remaining) = draw(deficit, &pools);
            prop_assert_eq!(deficit, paid.iter().sum::<u128>() + remaining);
            let mut later = remaining;
            for (pool, &paid) in pools.iter().zip(&paid).rev() {
                prop_assert!(paid <= pool.balance && paid <= pool.room);
                prop_assert!(later == 0 || paid == pool.balance.min(pool.room));
                later += paid;
            }
        }
    }

    const LEGS: [ClosingLeg; 2] =
        [ClosingLeg { quote: 49, match_quote: -100 }, ClosingLeg { quote: 100, match_quote: 100 }];

    #[test]
    fn insurance_first_covers_what_transfer_first_does_not() {
        let settled = settle_isolated_pool(149, 51, &LEGS);
        assert_eq!(
            settled,
            PoolSettlement {
                insurance: 51,
                available_transfer_first: 149,
                transfer: 200,
                pool_after: 0,
                is_covered_insurance_first: true,
                is_covered_transfer_first: false
            }
        );
        // With the transfer already in the pool, either order works.
        let rich = settle_isolated_pool(200, 51, &LEGS);
        assert!(rich.is_covered_insurance_first && rich.is_covered_transfer_first);
        assert_eq!(rich.pool_after, 51);
        assert!(!settle_isolated_pool(199, 51, &LEGS).is_covered_transfer_first);
        // A pool one short is not covered, and shows it.
        let short = settle_isolated_pool(148, 51, &LEGS);
        assert_eq!((short.pool_after, short.is_covered_insurance_first), (-1, false));
        // A fund that cannot pay covers neither order.
        let unpaid = settle_isolated_pool(500, 50, &LEGS);
        assert!(!unpaid.is_covered_insurance_first && !unpaid.is_covered_transfer_first);
    }

    #[test]
    fn legs_at_zero_move_nothing() {
        let settled = settle_isolated_pool(5, 0, &[ClosingLeg { quote: -7, match_quote: 7 }]);
        assert_eq!((settled.insurance, settled.transfer, settled.pool_after), (0, 0, 5));
        assert!(settled.is_covered_insurance_first && settled.is_covered_transfer_first);
    }
}
