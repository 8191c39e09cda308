use proptest::prelude::*;

use super::super::funding::funding_payment_tdiv;
use super::*;

#[test]
fn a_loss_moves_the_funding_index_up_by_whole_units() {
    // 7 over 3 base: ceil(7e9 / 3e9) = 3.
    assert_eq!(funding_delta_ceil(7, 1_000_000_000, 2_000_000_000), Ok(3_000));
    assert_eq!(funding_delta_ceil(6, 1_000_000_000, 2_000_000_000), Ok(2_000));
    assert_eq!(funding_delta_ceil(0, 1, 0), Ok(0));
    assert_eq!(funding_delta_ceil(1, 0, 0), Err(DriftError::NoOpenInterest));
    assert_eq!(funding_delta_ceil(1, u128::MAX, 1), Err(DriftError::Overflow("open interest")));
    assert_eq!(funding_delta_ceil(u128::MAX, 1, 0), Err(DriftError::Overflow("funding delta")));
    assert_eq!(funding_delta_ceil(i128::MAX as u128, BASE, 0), Err(DriftError::Overflow("funding delta")));
}

fn market() -> PerpLoss {
    PerpLoss {
        loss: 100,
        insurance_vault: 31,
        insurance_cap: 1_000,
        fee_pool: 20,
        base_long: 5_000_000_000,
        base_short: 5_000_000_000,
        index: FundingIndex { long: 7, short: -7 },
    }
}

#[test]
fn vault_then_fee_pool_then_both_sides_pay() {
    let got = resolve_perp(&market()).unwrap();
    // 30, 20, and 50 over 10 base: 5 * 1,000.
    let index = FundingIndex { long: 5_007, short: -5_007 };
    assert_eq!(got, PerpResolution { if_payment: 30, fee_pool_payment: 20, social_loss: 50, index });
    let capped = resolve_perp(&PerpLoss { insurance_cap: 10, ..market() }).unwrap();
    assert_eq!((capped.if_payment, capped.fee_pool_payment, capped.social_loss), (10, 20, 70));
    let empty = resolve_perp(&PerpLoss { insurance_vault: 0, fee_pool: 0, ..market() }).unwrap();
    assert_eq!((empty.if_payment, empty.fee_pool_payment, empty.social_loss), (0, 0, 100));
}

#[test]
fn a_paid_loss_needs_no_market() {
    let nobody = PerpLoss { base_long: 0, base_short: 0, ..market() };
    let paid = resolve_perp(&PerpLoss { insurance_vault: 81, ..nobody }).unwrap();
    assert_eq!((paid.if_payment, paid.fee_pool_payment, paid.social_loss), (80, 20, 0));
    assert_eq!(paid.index, market().index);
    let rich = resolve_perp(&PerpLoss { insurance_vault: 101, ..nobody }).unwrap();
    assert_eq!((rich.if_payment, rich.fee_pool_payment, rich.social_loss), (100, 0, 0));
    assert_eq!(resolve_perp(&nobody), Err(DriftError::NoOpenInterest));
    for index in [FundingIndex { long: i128::MAX, short: 0 }, FundingIndex { long: 0, short: i128::MIN }] {
        let edge = resolve_perp(&PerpLoss { index, ..market() });
        assert_eq!(edge, Err(DriftError::Overflow("funding index")));
    }
}

proptest! {
    #[test]
    fn both_sides_pay_at_least_the_loss(loss in 1u64..1 << 40, lots in prop::collection::vec(1i64..1 << 40, 1..8)) {
        // Whole units of base, so that no payment is floored.
        let bases: Vec<i64> = lots.iter().map(|lots| lots % 1_000 * 1_000_000_000).filter(|&base| base > 0).collect();
        prop_assume!(!bases.is_empty());
        let total: i64 = bases.iter().sum();
        let market = PerpLoss {
            loss: loss.into(),
            insurance_vault: 0,
            insurance_cap: 0,
            fee_pool: 0,
            base_long: total as u128,
            base_short: total as u128,
            index: FundingIndex { long: 0, short: 0 },
        };
        let index = resolve_perp(&market).unwrap().index;
        let paid: i128 = bases
            .iter()
            .map(|&base| funding_payment_tdiv(index.long, base).unwrap() + funding_payment_tdiv(index.short, -base).unwrap())
            .sum();
        prop_assert!(-paid >= i128::from(loss) && -paid < i128::from(loss) + 2 * i128::from(total / 1_000_000_000));
    }
}

fn deposits() -> Deposits {
    // 1,000 tokens of 6 decimals at an index of 1.
    Deposits { balance: 1_000_000_000_000, cumulative_interest: 10_000_000_000, decimals: 6 }
}

#[test]
fn deposits_are_floored_and_lose_rounded_up() {
    assert_eq!(deposits().tokens_floor(), Ok(1_000_000_000));
    let odd = Deposits { balance: 1_000_000_001_999, ..deposits() };
    assert_eq!(odd.tokens_floor(), Ok(1_000_000_001));
    assert_eq!(deposits().interest_delta_ceil(100_000_000), Ok(1_000_000_000));
    assert_eq!(odd.interest_delta_ceil(100_000_000), Ok(1_000_000_000));
    assert_eq!(odd.interest_delta_ceil(1), Ok(10));
    assert_eq!(Deposits { cumulative_interest: 9_999_999_999, ..deposits() }.interest_delta_ceil(1), Ok(11));
    assert_eq!(deposits().interest_delta_ceil(0), Ok(0));
    // Never down to an index of 0.
    assert_eq!(deposits().interest_delta_ceil(1_000_000_000), Ok(9_999_999_999));
    assert_eq!(deposits().interest_delta_ceil(u64::MAX.into()), Ok(9_999_999_999));
    assert_eq!(Deposits { balance: 0, ..deposits() }.interest_delta_ceil(5), Ok(0));
    assert_eq!(Deposits { decimals: 20, ..deposits() }.tokens_floor(), Err(DriftError::Decimals(20)));
    let wide = Deposits { balance: u128::MAX, ..deposits() };
    assert!(wide.tokens_floor().is_ok());
    let wide = Deposits { cumulative_interest: u128::MAX, ..wide };
    assert_eq!(wide.tokens_floor(), Err(DriftError::Overflow("deposits")));
    let thin = Deposits { balance: 10_000, ..deposits() };
    assert_eq!(thin.interest_delta_ceil(u128::MAX), Err(DriftError::Overflow("interest delta")));
}

#[test]
fn the_vault_pays_first_and_keeps_one() {
    let got = resolve_spot(100_000_000, 60_000_001, &deposits()).unwrap();
    assert_eq!((got.if_payment, got.social_loss), (60_000_000, 40_000_000));
    assert_eq!(got.deposits, Deposits { cumulative_interest: 9_600_000_000, ..deposits() });
    assert_eq!(got.deposits.tokens_floor(), Ok(960_000_000));
    let rich = resolve_spot(100, u64::MAX, &deposits()).unwrap();
    assert_eq!((rich.if_payment, rich.social_loss, rich.deposits), (100, 0, deposits()));
    let poor = resolve_spot(100_000_000, 0, &deposits()).unwrap();
    assert_eq!((poor.if_payment, poor.social_loss), (0, 100_000_000));
}
