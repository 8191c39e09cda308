//! The order in which funds pay a deficit, and whether an isolated pool can settle. Every amount is quanta and never below zero.

/// What may pay a deficit, after the account's own collateral.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Pools {
    /// Balance of the market's own fund.
    pub market_fund: u128,
    /// What the market may still cost that fund in the present window.
    pub market_cap: u128,
    /// Balance of the fund that all markets share.
    pub shared_fund: u128,
    /// What the shared fund keeps back for the two largest failures.
    pub shared_reserve: u128,
}

/// Who pays how much of a deficit; the sum is the deficit.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Draws {
    pub market: u128,
    pub shared: u128,
    /// For the winners: what no fund pays.
    pub remaining: u128,
}

/// Draws a deficit from the market's fund up to its cap, then from the shared fund down to its reserve.
pub fn draw(deficit: u128, pools: &Pools) -> Draws {
    let market = deficit.min(pools.market_fund).min(pools.market_cap);
    let free = pools.shared_fund.saturating_sub(pools.shared_reserve);
    let shared = (deficit - market).min(free);
    Draws { market, shared, remaining: deficit - market - shared }
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

    const POOLS: Pools = Pools { market_fund: 50, market_cap: 30, shared_fund: 100, shared_reserve: 60 };

    #[test]
    fn each_pool_pays_up_to_its_bound_and_in_its_order() {
        for (deficit, market, shared, remaining) in
            [(0, 0, 0, 0), (30, 30, 0, 0), (31, 30, 1, 0), (70, 30, 40, 0), (71, 30, 40, 1)]
        {
            assert_eq!(draw(deficit, &POOLS), Draws { market, shared, remaining }, "{deficit}");
        }
        // The balance bounds the market's fund where the cap does not.
        let capped = Pools { market_cap: 90, ..POOLS };
        assert_eq!(draw(60, &capped), Draws { market: 50, shared: 10, remaining: 0 });
        // A fund below its reserve pays nothing.
        for shared_reserve in [100, 101] {
            let draws = draw(60, &Pools { shared_reserve, ..POOLS });
            assert_eq!(draws, Draws { market: 30, shared: 0, remaining: 30 });
        }
    }

    proptest! {
        #[test]
        fn draws_sum_to_the_deficit_and_leave_no_pool_short(deficit: u128, market_fund: u128, market_cap: u128, shared_fund: u128, shared_reserve: u128) {
            let pools = Pools { market_fund, market_cap, shared_fund, shared_reserve };
            let Draws { market, shared, remaining } = draw(deficit, &pools);
            prop_assert_eq!(deficit, market + shared + remaining);
            prop_assert!(market <= market_fund && market <= market_cap && shared <= shared_fund);
            prop_assert!(shared == 0 || shared_fund - shared >= shared_reserve);
            // A later payer pays only where the earlier is at its bound.
            prop_assert!(shared + remaining == 0 || market == market_fund.min(market_cap));
            prop_assert!(remaining == 0 || shared == shared_fund.saturating_sub(shared_reserve));
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
