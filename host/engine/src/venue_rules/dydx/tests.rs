use std::cmp::Ordering;

use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{Signed, ToPrimitive};
use proptest::prelude::*;

use super::funding::{index_delta_trunc, rate_clamp_ppm_floor, settlement_floor, settlement_ppm};
use super::margin::rounding_bound;
use super::*;
use crate::rules::OpenInterest;

const CAPS: OpenInterest = OpenInterest { lower: 1_000, upper: 4_000 };
const OFF: OpenInterest = OpenInterest { lower: 0, upper: 0 };

fn tier(initial_ppm: u32, fraction_ppm: u32, caps: OpenInterest) -> LiquidityTier {
    LiquidityTier::new(initial_ppm, fraction_ppm, caps).unwrap()
}

/// 500 quote quantums a base quantum; 20 % initial and 10 % maintenance margin.
fn coin() -> Perpetual {
    let market = Market { atomic_resolution: -8, price: 5_000_000_000, price_exponent: -5 };
    Perpetual { id: 0, market, tier: tier(200_000, 500_000, OFF), open_interest: 0 }
}

/// Three quote quantums a base quantum.
fn token() -> Perpetual {
    let market = Market { atomic_resolution: -9, price: 3_000_000_000, price_exponent: -6 };
    Perpetual { id: 1, market, ..coin() }
}

fn account(quote_balance: i128, positions: &[(u32, i128)]) -> Subaccount {
    let positions = positions.iter().map(|&(perpetual, size)| Position { perpetual, size }).collect();
    Subaccount { quote_balance, positions }
}

fn risk(net_collateral: i128, initial: i128, maintenance: i128) -> Risk {
    Risk { net_collateral, initial, maintenance }
}

#[test]
fn notionals_are_cut_toward_zero() {
    let market = Market { atomic_resolution: -6, price: 7, price_exponent: -1 };
    for (base, quote) in [(0, 0), (1, 0), (2, 1), (3, 2), (-1, 0), (-2, -1), (-3, -2), (10, 7)] {
        assert_eq!(market.quote_trunc(base), Ok(quote), "{base}");
    }
    let coarse = Market { price_exponent: 2, ..market };
    assert_eq!(coarse.quote_trunc(-3), Ok(-2_100));
    // Nothing is left of it, however small the unit; something infinite is refused.
    assert_eq!(Market { price_exponent: -80, ..market }.quote_trunc(i128::MAX), Ok(0));
    assert_eq!(Market { price_exponent: i32::MIN, ..market }.quote_trunc(i128::MAX), Ok(0));
    assert_eq!(Market { price_exponent: i32::MAX, ..market }.quote_trunc(0), Ok(0));
    for price_exponent in [37, 38, 75, 80, i32::MAX] {
        let wide = Market { price_exponent, ..market };
        assert_eq!(wide.quote_trunc(12), Err(DydxError::Width("a notional")), "{price_exponent}");
    }
    assert_eq!(Market { price_exponent: 36, ..market }.quote_trunc(12), Ok(84 * 10i128.pow(36)));
}

#[test]
fn requirements_are_rounded_up_twice() {
    let tier = tier(333_333, 500_001, CAPS);
    for (notional, open, initial, maintenance) in [
        (0, 0, 0, 0),
        (1, 0, 1, 1),
        (3, 0, 1, 1),
        // 0.333333 of 4 is 1.33; half of 2 and a little more is 1.000002.
        (4, 0, 2, 2),
        (3_000_000, 0, 999_999, 500_001),
        // Open interest raises the initial requirement alone.
        (3_000_000, 4_000, 3_000_000, 500_001),
    ] {
        let requirement = tier.requirement_ceil(notional, open);
        assert_eq!(requirement, Requirement { initial, maintenance }, "{notional} {open}");
    }
    assert_eq!(tier.initial_margin_ceil(3_000_000, 2_500), 1_999_998);
    assert_eq!((rounding_bound(0), rounding_bound(3)), (0, 6));
    let whole = super::tests::tier(1_000_000, 1_000_000, OFF).requirement_ceil(u128::MAX, 0);
    assert_eq!(whole, Requirement { initial: u128::MAX, maintenance: u128::MAX });
}

#[test]
fn open_interest_raises_the_fraction_rounded_down() {
    let tier = tier(200_000, 500_000, CAPS);
    for (open, ppm) in [
        (0, 200_000),
        (1_000, 200_000),
        (1_001, 200_266),
        (2_500, 600_000),
        (3_999, 999_733),
        (4_000, 1_000_000),
        (u128::MAX, 1_000_000),
    ] {
        assert_eq!(tier.adjusted_initial_ppm_floor(open), ppm, "{open}");
    }
    assert_eq!(super::tests::tier(200_000, 0, OFF).adjusted_initial_ppm_floor(u128::MAX), 200_000);
    let step = super::tests::tier(200_000, 0, OpenInterest { lower: 5, upper: 5 });
    assert_eq!(
        (step.adjusted_initial_ppm_floor(5), step.adjusted_initial_ppm_floor(6)),
        (200_000, 1_000_000)
    );
}

#[test]
fn a_tier_is_checked() {
    for (initial, fraction, caps) in
        [(1_000_001, 0, OFF), (0, 1_000_001, OFF), (0, 0, OpenInterest { lower: 2, upper: 1 })]
    {
        assert!(LiquidityTier::new(initial, fraction, caps).is_err());
    }
    let tier = tier(1_000_000, 1_000_000, OpenInterest { lower: 1, upper: 1 });
    assert_eq!((tier.initial_ppm(), tier.maintenance_ppm_floor()), (1_000_000, 1_000_000));
    assert_eq!(super::tests::tier(637_239, 289_284, OFF).maintenance_ppm_floor(), 184_343);
}

#[test]
fn an_account_sums_its_positions() {
    let listing = [coin(), token()];
    let held = account(-1_000, &[(0, -10), (1, 7)]);
    // -5,000 at 1,000 and 500; 21 at 4.2, up to 5, and 2.5, up to 3.
    assert_eq!(held.risk(&listing), Ok(risk(-5_979, 1_005, 503)));
    assert_eq!(account(7, &[]).risk(&listing), Ok(risk(7, 0, 0)));
    assert_eq!((held.size(0), held.size(1), held.size(2)), (-10, 7, 0));
    assert_eq!(account(0, &[(9, 1)]).risk(&listing), Err(DydxError::Unlisted(9)));
    assert_eq!(account(i128::MAX, &[(0, 1)]).risk(&listing), Err(DydxError::Width("a risk")));
    // 2 * 500 and 4 * 500 of open interest against caps of 1,000 and 4,000.
    let crowded = Perpetual { tier: tier(200_000, 500_000, CAPS), open_interest: 5, ..coin() };
    assert_eq!(crowded.risk(2), Ok(risk(1_000, 600, 100)));
    // A requirement of 2^127 has no sign left.
    let market = Market { atomic_resolution: -6, price: 1, price_exponent: 0 };
    let full = Perpetual { market, tier: tier(1_000_000, 1_000_000, OFF), ..coin() };
    assert_eq!(full.risk(-i128::MAX), Ok(risk(-i128::MAX, i128::MAX, i128::MAX)));
    assert_eq!(full.risk(i128::MIN), Err(DydxError::Width("a requirement")));
    let wide = Perpetual { open_interest: u128::MAX, ..coin() };
    assert_eq!(wide.risk(2), Err(DydxError::Width("open interest")));
}

#[test]
fn a_trade_changes_one_position_and_drops_it_at_zero() {
    let held = account(100, &[(0, -10), (1, 7)]);
    assert_eq!(held.traded(0, 4, -30), Ok(account(70, &[(1, 7), (0, -6)])));
    assert_eq!(held.traded(0, 10, 5), Ok(account(105, &[(1, 7)])));
    assert_eq!(held.traded(2, 1, 0), Ok(account(100, &[(0, -10), (1, 7), (2, 1)])));
    assert_eq!(held.traded(0, 0, i128::MAX), Err(DydxError::Width("a balance")));
    assert_eq!(held.traded(1, i128::MAX, 0), Err(DydxError::Width("a balance")));
}

#[test]
fn the_lines_of_the_predicates() {
    for (net, initial, maintenance) in
        [(100, true, true), (99, false, true), (50, false, true), (49, false, false)]
    {
        let risk = risk(net, 100, 50);
        assert_eq!(risk.is_initial_collateralized(), initial, "{net}");
        assert_eq!(risk.is_maintenance_collateralized(), maintenance, "{net}");
        assert_eq!(risk.is_liquidatable(), !maintenance, "{net}");
    }
    // The blind spot: insolvent without positions.
    assert!(!risk(-1, 0, 0).is_liquidatable() && !risk(-1, 0, 0).is_maintenance_collateralized());
    assert!(risk(0, 1, 1).is_liquidatable() && !risk(0, 0, 0).is_liquidatable());
}

#[test]
fn the_lower_ratio_is_riskier_then_the_larger_requirement() {
    for (a, b, expected) in [
        ((100, 50), (100, 100), Ordering::Less),
        ((-100, 50), (-100, 100), Ordering::Greater),
        ((100, 100), (100, 100), Ordering::Equal),
        ((100, 100), (200, 200), Ordering::Less),
        ((-100, 100), (-200, 200), Ordering::Less),
        ((100, 0), (200, 100), Ordering::Less),
        ((0, 0), (200, 100), Ordering::Less),
        ((-1, 0), (200, 100), Ordering::Greater),
        ((100, 0), (200, 0), Ordering::Greater),
        ((-2, 0), (-1, 0), Ordering::Greater),
        ((5, 0), (5, 0), Ordering::Equal),
        ((i128::MAX, i128::MAX - 1), (i128::MAX, i128::MAX), Ordering::Less),
    ] {
        let (a, b) = (risk(a.0, 0, a.1), risk(b.0, 0, b.1));
        assert_eq!(a.compare(&b), expected, "{a:?} {b:?}");
        assert_eq!(b.compare(&a), expected.reverse(), "{b:?} {a:?}");
    }
}

#[test]
fn a_short_account_may_only_become_safer() {
    let old = risk(-100, 400, 200);
    for (new, may) in [
        (risk(-100, 400, 200), true),
        // Half of both: exactly as risky, with less required.
        (risk(-50, 200, 100), true),
        (risk(-51, 200, 100), false),
        (risk(-101, 400, 200), false),
        (risk(150, 402, 201), false),
        (risk(402, 402, 201), true),
        (risk(0, 0, 0), true),
        (risk(-1, 0, 0), false),
    ] {
        assert_eq!(old.may_become(&new), may, "{new:?}");
    }
    assert!(!old.may_stay_short_at(&risk(402, 402, 201)));
    let empty = risk(-2, 0, 0);
    assert!(empty.may_become(&risk(-1, 0, 0)));
    assert!(!empty.may_become(&risk(-2, 0, 0)) && !empty.may_become(&risk(-1, 1, 1)));
}

#[test]
fn funding_is_capped_and_cut_toward_zero() {
    assert_eq!(rate_clamp_ppm_floor(6_000_000, &tier(150_000, 800_000, OFF)), 180_000);
    // 15 % less 11.9999 %, down: 30,001 at 1.00005.
    assert_eq!(rate_clamp_ppm_floor(1_000_050, &tier(150_000, 799_999, OFF)), 30_002);
    assert_eq!(rate_clamp_ppm_floor(u32::MAX, &tier(1_000_000, 0, OFF)), u32::MAX);
    let market = Market { atomic_resolution: -6, price: 7, price_exponent: -1 };
    for (rate, seconds, delta) in [
        (10, 28_800, 7),
        (-10, 28_800, -7),
        (10, 14_400, 3),
        (-10, 14_400, -3),
        // The seconds come before the first cut: 0.7 of 9 * 28,799 is 181,433.7.
        (9, 28_799, 6),
        (0, 28_800, 0),
    ] {
        assert_eq!(index_delta_trunc(&market, rate, seconds), Ok(delta), "{rate} {seconds}");
    }
    let wide = Market { price_exponent: 40, ..market };
    assert_eq!(index_delta_trunc(&wide, 1, 1), Err(DydxError::Width("a notional")));
}

#[test]
fn longs_pay_when_the_index_rises() {
    assert_eq!(settlement_ppm(7, 4, 10), Ok(-30));
    assert_eq!(settlement_ppm(7, 4, -10), Ok(30));
    assert_eq!(settlement_ppm(-7, -4, 10), Ok(30));
    assert_eq!(settlement_ppm(0, i128::MAX, 2), Err(DydxError::Width("a funding payment")));
    assert_eq!(settlement_ppm(i128::MIN, i128::MAX, 0), Ok(0));
    for (ppm, quote) in [(0, 0), (999_999, 0), (1_000_000, 1), (-1, -1), (-1_000_000, -1), (-1_000_001, -2)] {
        assert_eq!(settlement_floor(ppm), quote, "{ppm}");
    }
}

prop_compose! {
    fn any_position()(atomic_resolution in -12i32..=0, price in any::<u64>(), price_exponent in -12i32..=6, size in any::<i64>(), initial in 0u32..=1_000_000, fraction in 0u32..=1_000_000)
        -> (Perpetual, i128, u32) {
        let market = Market { atomic_resolution, price, price_exponent };
        (Perpetual { id: 0, market, tier: tier(initial, fraction, OFF), open_interest: 0 }, size.into(), fraction)
    }
}

proptest! {
    #[test]
    fn requirements_are_those_of_unbounded_integers((perpetual, size, fraction) in any_position()) {
        let Market { atomic_resolution, price, price_exponent } = perpetual.market;
        let exponent = atomic_resolution + price_exponent + 6;
        let raw = BigInt::from(size) * price;
        let power = BigInt::from(10).pow(exponent.unsigned_abs());
        let notional = if exponent < 0 { raw / power } else { raw * power };
        match notional.to_i128() {
            None => prop_assert_eq!(perpetual.risk(size), Err(DydxError::Width("a notional"))),
            Some(notional) => {
                let million = BigInt::from(1_000_000);
                let ppm = |amount: BigInt, ppm: u32| (amount * ppm).div_ceil(&million);
                let initial = ppm(BigInt::from(notional.unsigned_abs()), perpetual.tier.initial_ppm());
                let found = perpetual.risk(size).unwrap();
                prop_assert_eq!(found.net_collateral, notional);
                prop_assert_eq!(BigInt::from(found.initial), initial.clone());
                prop_assert_eq!(BigInt::from(found.maintenance), ppm(initial, fraction));
                // The two roundings add less than the bound to the exact requirement, and never take away.
                let exact = BigInt::from(notional.unsigned_abs()) * perpetual.tier.initial_ppm() * fraction;
                let added = BigInt::from(found.maintenance) * &million * &million - exact;
                prop_assert!(!added.is_negative() && added < &million * &million * rounding_bound(1));
            }
        }
    }
}

#[path = "liquidation_tests.rs"]
mod liquidation;
