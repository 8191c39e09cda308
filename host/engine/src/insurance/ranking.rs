//! Who is deleveraged first, where a venue's ranking is wanted instead of pro rata. Keys are exact rationals, ties go to the lower account.
//!
//! Sources: Hyperliquid's documents on auto-deleveraging, BitMEX's support pages, Binance's LeveragePnL as its developers describe it, dYdX v4
//! (no ranking: it starts anywhere in the list).

use std::cmp::Reverse;

use ethnum::U256;

use crate::ratio::Ratio;
use crate::rules::Deleveraging;

/// What counts as the smallest wallet in Binance's ranking, quanta: one unit of the quote currency.
const WALLET_MIN: u64 = 1_000_000;

/// A position that may be deleveraged, with its account. Values are below 2^126.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Candidate {
    pub account: u64,
    pub is_long: bool,
    /// Size times mark and size times entry price, magnitudes in quanta.
    pub mark_value: u128,
    pub entry_value: u128,
    /// Value of the position at the mark where the account has no equity, quanta; below zero if no price takes a long so far.
    pub bankrupt_value: i128,
    /// Of the account, quanta / scale.
    pub equity: i128,
    pub maintenance: u128,
    /// Wallet balance and unrealised profit of the account, quanta.
    pub wallet: i128,
    pub profit: i128,
}

/// Sorts the candidates, the first to be deleveraged first. Those without a rank (no equity left) come last. The seed is the caller's, from
/// the journal; only [`Deleveraging::Rotation`] reads it. Pro rata nobody is first, and the order is that of the accounts.
pub fn order(rule: Deleveraging, seed: u64, candidates: &mut [Candidate]) {
    candidates.sort_unstable_by_key(|candidate| candidate.account);
    let rank = match rule {
        Deleveraging::ProRata => return,
        Deleveraging::Rotation => {
            let start = seed.checked_rem(candidates.len() as u64).unwrap_or(0);
            return candidates.rotate_left(start as usize);
        }
        Deleveraging::Hyperliquid => hyperliquid_index,
        Deleveraging::Bitmex => bitmex_rank,
        Deleveraging::Binance => |candidate: &Candidate| binance_score(candidate, WALLET_MIN),
    };
    candidates.sort_by_cached_key(|candidate| Reverse(rank(candidate)));
}

/// `(mark / entry) * (notional / account value)`; for a short `entry / mark`, so that profit ranks higher on both sides. `None` without
/// equity or price. In units of the scale: equity is in quanta / scale.
pub fn hyperliquid_index(candidate: &Candidate) -> Option<Ratio> {
    let &Candidate { is_long, mark_value, entry_value, .. } = candidate;
    let equity = u128::try_from(candidate.equity).ok()?;
    let (above, below) = if is_long { (mark_value, entry_value) } else { (entry_value, mark_value) };
    Ratio::of_products(false, [above, mark_value], [below, equity])
}

/// Profit per entry value times effective leverage, or a loss divided by it; effective leverage is mark value over its distance from the
/// bankrupt value. `None` for a position at or beyond its bankrupt value, or without a price.
pub fn bitmex_rank(candidate: &Candidate) -> Option<Ratio> {
    let &Candidate { is_long, mark_value, entry_value, bankrupt_value, .. } = candidate;
    let side = if is_long { 1 } else { -1 };
    let distance = side * (mark_value as i128 - bankrupt_value);
    if distance <= 0 {
        return None;
    }
    let profit = side * (mark_value as i128 - entry_value as i128);
    let (magnitude, distance) = (profit.unsigned_abs(), distance.unsigned_abs());
    if profit >= 0 {
        Ratio::of_products(false, [magnitude, mark_value], [entry_value, distance])
    } else {
        Ratio::of_products(true, [magnitude, distance], [entry_value, mark_value])
    }
}

/// Unrealised profit, never below zero, per wallet balance.
pub fn binance_profit_rate(candidate: &Candidate, wallet_min: u64) -> Option<Ratio> {
    let wallet = candidate.wallet.max(wallet_min.into()).unsigned_abs();
    Ratio::new(false, candidate.profit.max(0).unsigned_abs().into(), wallet.into())
}

/// [`binance_profit_rate`] times the margin ratio, maintenance over equity. `None` without equity.
pub fn binance_score(candidate: &Candidate, wallet_min: u64) -> Option<Ratio> {
    let equity = u128::try_from(candidate.equity).ok()?;
    let (profit, wallet) = binance_profit_rate(candidate, wallet_min)?.magnitude();
    Ratio::new(false, profit * U256::from(candidate.maintenance), wallet * U256::from(equity))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LONG: Candidate = Candidate {
        account: 7,
        is_long: true,
        mark_value: 110,
        entry_value: 100,
        bankrupt_value: 60,
        equity: 50,
        maintenance: 5,
        wallet: 40,
        profit: 10,
    };

    fn ratio(numerator: i64, denominator: u64) -> Option<Ratio> {
        Ratio::new(numerator < 0, numerator.unsigned_abs().into(), denominator.into())
    }

    #[test]
    fn hyperliquid_multiplies_price_ratio_and_leverage() {
        assert_eq!(hyperliquid_index(&LONG), ratio(110 * 110, 100 * 50));
        let short = Candidate { is_long: false, mark_value: 80, ..LONG };
        assert_eq!(hyperliquid_index(&short), ratio(100 * 80, 80 * 50));
        assert_eq!(hyperliquid_index(&Candidate { equity: 1, ..LONG }), ratio(121, 1));
        for equity in [0, -1] {
            assert_eq!(hyperliquid_index(&Candidate { equity, ..LONG }), None);
        }
    }

    #[test]
    fn bitmex_multiplies_a_profit_and_divides_a_loss_by_leverage() {
        // 10 % at 110 / 50.
        assert_eq!(bitmex_rank(&LONG), ratio(22, 100));
        // -10 % over 90 / 30.
        assert_eq!(bitmex_rank(&Candidate { mark_value: 90, ..LONG }), ratio(-1, 30));
        assert_eq!(bitmex_rank(&Candidate { mark_value: 100, ..LONG }), ratio(0, 1));
        // A short in profit of 20 %, 60 below where it is bankrupt: 80 / 60.
        let short = Candidate { is_long: false, mark_value: 80, bankrupt_value: 140, ..LONG };
        assert_eq!(bitmex_rank(&short), ratio(20 * 80, 100 * 60));
        assert_eq!(bitmex_rank(&Candidate { mark_value: 120, ..short }), ratio(-20 * 20, 100 * 120));
        // No mark takes this long to bankruptcy: leverage below one.
        assert_eq!(bitmex_rank(&Candidate { bankrupt_value: -110, ..LONG }), ratio(10 * 110, 100 * 220));
        assert_eq!(bitmex_rank(&Candidate { bankrupt_value: 109, ..LONG }), ratio(11, 1));
        for bankrupt_value in [110, 111] {
            assert_eq!(bitmex_rank(&Candidate { bankrupt_value, ..LONG }), None);
        }
        assert_eq!(bitmex_rank(&Candidate { bankrupt_value: 80, ..short }), None);
        assert_eq!(bitmex_rank(&Candidate { mark_value: 90, bankrupt_value: 90, ..LONG }), None);
    }

    #[test]
    fn binance_multiplies_profit_rate_and_margin_ratio() {
        assert_eq!(binance_profit_rate(&LONG, 1), ratio(1, 4));
        assert_eq!(binance_score(&LONG, 1), ratio(10 * 5, 40 * 50));
        assert_eq!(binance_score(&LONG, 50), ratio(10 * 5, 50 * 50));
        assert_eq!(binance_score(&Candidate { wallet: -3, ..LONG }, 1), ratio(10 * 5, 50));
        assert_eq!(binance_score(&Candidate { profit: -10, ..LONG }, 1), ratio(0, 1));
        assert_eq!(binance_score(&Candidate { equity: 1, ..LONG }, 1), ratio(50, 40));
        for equity in [0, -1] {
            assert_eq!(binance_score(&Candidate { equity, ..LONG }, 1), None);
        }
    }

    fn ordered(rule: Deleveraging, seed: u64, mut candidates: Vec<Candidate>) -> Vec<u64> {
        order(rule, seed, &mut candidates);
        candidates.iter().map(|candidate| candidate.account).collect()
    }

    /// Each ranking its own order; account 9 has no equity, 3 and 5 are alike.
    fn four() -> Vec<Candidate> {
        vec![
            Candidate { account: 9, equity: -1, bankrupt_value: 110, ..LONG },
            Candidate { account: 5, ..LONG },
            Candidate { account: 8, equity: 40, bankrupt_value: 10, wallet: 400, ..LONG },
            Candidate { account: 3, ..LONG },
            Candidate { account: 4, equity: 60, bankrupt_value: 100, profit: 9, ..LONG },
        ]
    }

    #[test]
    fn each_ranking_has_its_order_and_ties_go_to_the_lower_account() {
        assert_eq!(ordered(Deleveraging::ProRata, 3, four()), [3, 4, 5, 8, 9]);
        assert_eq!(ordered(Deleveraging::Hyperliquid, 3, four()), [8, 3, 5, 4, 9]);
        assert_eq!(ordered(Deleveraging::Bitmex, 3, four()), [4, 3, 5, 8, 9]);
        // Wallets of less than a unit count as one.
        assert_eq!(ordered(Deleveraging::Binance, 3, four()), [8, 3, 5, 4, 9]);
    }

    #[test]
    fn a_rotation_starts_where_the_seed_says() {
        assert_eq!(ordered(Deleveraging::Rotation, 0, four()), [3, 4, 5, 8, 9]);
        assert_eq!(ordered(Deleveraging::Rotation, 1, four()), [4, 5, 8, 9, 3]);
        assert_eq!(ordered(Deleveraging::Rotation, 4, four()), [9, 3, 4, 5, 8]);
        assert_eq!(ordered(Deleveraging::Rotation, 5, four()), [3, 4, 5, 8, 9]);
        assert_eq!(ordered(Deleveraging::Rotation, u64::MAX, vec![]), []);
        // Over as many seeds as accounts, everybody is first once.
        let mut firsts: Vec<u64> =
            (100..105).map(|seed| ordered(Deleveraging::Rotation, seed, four())[0]).collect();
        firsts.sort_unstable();
        assert_eq!(firsts, [3, 4, 5, 8, 9]);
    }

    fn any_candidate() -> impl Strategy<Value = Candidate> {
        let value = || prop_oneof![1u128..50, (1u128 << 125)..(1 << 126) - 1];
        let signed = || prop_oneof![-50i128..50, (1i128 << 125)..(1 << 126) - 1];
        (any::<bool>(), value(), value(), signed(), signed(), value(), signed(), signed()).prop_map(
            |(is_long, mark_value, entry_value, bankrupt_value, equity, maintenance, wallet, profit)| {
                Candidate {
                    account: 0,
                    is_long,
                    mark_value,
                    entry_value,
                    bankrupt_value,
                    equity,
                    maintenance,
                    wallet,
                    profit,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn any_order_of_the_same_candidates_gives_one_list(mut candidates in prop::collection::vec(any_candidate(), 0..12), seed in any::<u64>(), kind in 0usize..5) {
            for (account, candidate) in candidates.iter_mut().enumerate() {
                candidate.account = account as u64;
            }
            let rule = [
                Deleveraging::ProRata,
                Deleveraging::Hyperliquid,
                Deleveraging::Bitmex,
                Deleveraging::Binance,
                Deleveraging::Rotation,
            ][kind];
            let list = ordered(rule, seed, candidates.clone());
            candidates.reverse();
            prop_assert_eq!(&ordered(rule, seed, candidates.clone()), &list);
            let mut accounts = list;
            accounts.sort_unstable();
            prop_assert_eq!(accounts, (0..candidates.len() as u64).collect::<Vec<_>>());
        }
    }
}
