use std::cmp::Ordering;

use ethnum::U256;
use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{Signed, ToPrimitive};
use proptest::prelude::*;

use super::deleveraging::{OffsetPrice, deleverage, offset_price};
use super::funding::{index_delta_trunc, rate_clamp_ppm_floor, settlement_floor, settlement_ppm};
use super::liquidation::*;
use super::margin::rounding_bound;
use super::*;
use crate::margin::initial::OpenInterestCaps;
use crate::ratio::Ratio;

const CAPS: OpenInterestCaps = OpenInterestCaps { lower: 1_000, upper: 4_000 };
const OFF: OpenInterestCaps = OpenInterestCaps { lower: 0, upper: 0 };

fn tier(initial_ppm: u32, fraction_ppm: u32, caps: OpenInterestCaps) -> LiquidityTier {
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
    let step = super::tests::tier(200_000, 0, OpenInterestCaps { lower: 5, upper: 5 });
    assert_eq!(
        (step.adjusted_initial_ppm_floor(5), step.adjusted_initial_ppm_floor(6)),
        (200_000, 1_000_000)
    );
}

#[test]
fn a_tier_is_checked() {
    for (initial, fraction, caps) in
        [(1_000_001, 0, OFF), (0, 1_000_001, OFF), (0, 0, OpenInterestCaps { lower: 2, upper: 1 })]
    {
        assert!(LiquidityTier::new(initial, fraction, caps).is_err());
    }
    let tier = tier(1_000_000, 1_000_000, OpenInterestCaps { lower: 1, upper: 1 });
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

fn close(perpetual: u32, delta: i128) -> Close {
    Close { perpetual, delta }
}

#[test]
fn a_close_has_the_other_sign_and_is_no_larger() {
    let (listing, held) = ([coin()], account(-4_000, &[(0, 10)]));
    for delta in [0, 1, 10, -11, i128::MIN] {
        let expected = Err(DydxError::PositionSizeDelta { size: 10, delta });
        assert_eq!(zero_price_quote(&held, &listing, close(0, delta)), expected);
        assert_eq!(fillable_price(&held, &listing, close(0, delta), &FILLABLE).map(|_| 0), expected);
    }
    let none = account(-4_000, &[]);
    let expected = Err(DydxError::PositionSizeDelta { size: 0, delta: -1 });
    assert_eq!(zero_price_quote(&none, &listing, close(0, -1)), expected);
    assert!(zero_price_quote(&held, &listing, close(0, -10)).is_ok());
    assert!(zero_price_quote(&account(0, &[(0, -10)]), &listing, close(0, 10)).is_ok());
}

#[test]
fn zero_prices_worked_by_hand() {
    let listing = [coin(), token()];
    // Closed whole, one position: the debt or the balance.
    assert_eq!(zero_price_quote(&account(-4_501, &[(0, 10)]), &listing, close(0, -10)), Ok(4_501));
    assert_eq!(zero_price_quote(&account(5_499, &[(0, -10)]), &listing, close(0, 10)), Ok(-5_499));
    // 3 of 10: 1,500 less 150/500 of 499, 149.7 down.
    assert_eq!(zero_price_quote(&account(-4_501, &[(0, 10)]), &listing, close(0, -3)), Ok(1_351));
    // Insolvent by 1: 150/500 of -1 is down to -1.
    assert_eq!(zero_price_quote(&account(-5_001, &[(0, 10)]), &listing, close(0, -3)), Ok(1_501));
    // Two positions: 21 at 3, of 503 in all; 15 * 3 / 503.
    let both = account(4_994, &[(0, -10), (1, 7)]);
    assert_eq!(both.risk(&listing), Ok(risk(15, 1_005, 503)));
    assert_eq!(zero_price_quote(&both, &listing, close(1, -7)), Ok(21));
    let richer = account(5_994, &[(0, -10), (1, 7)]);
    assert_eq!(zero_price_quote(&richer, &listing, close(1, -7)), Ok(21 - 6));
    // A position without a requirement has no zero price.
    let free = Perpetual { tier: tier(0, 0, OFF), ..coin() };
    let held = account(0, &[(0, 10)]);
    assert_eq!(zero_price_quote(&held, &[free], close(0, -1)), Err(DydxError::NoRequirement));
    assert_eq!(fillable_price(&held, &[free], close(0, -1), &FILLABLE), Err(DydxError::NoRequirement));
}

const FILLABLE: FillablePriceConfig = FillablePriceConfig {
    bankruptcy_adjustment_ppm: 1_000_000,
    spread_to_maintenance_margin_ratio_ppm: 100_000,
};

fn fillable(balance: i128, size: i128, config: &FillablePriceConfig) -> Result<Ratio, DydxError> {
    fillable_price(&account(balance, &[(0, size)]), &[coin()], close(0, -size.signum()), config)
}

fn ratio(numerator: u64, denominator: u64) -> Result<Ratio, DydxError> {
    Ok(Ratio::new(false, numerator.into(), denominator.into()).unwrap())
}

#[test]
fn fillable_prices_widen_as_collateral_falls() {
    // Requirement 500: at a collateral of 500 the oracle price, at 0 a tenth of the requirement below.
    for (balance, spread_of_500) in
        [(-4_500, 0), (-4_400, 0), (-4_501, 1), (-4_750, 250), (-5_000, 500), (-5_001, 500)]
    {
        assert_eq!(fillable(balance, 10, &FILLABLE), ratio(50_000 - spread_of_500, 100), "{balance}");
    }
    assert_eq!(fillable(5_499, -10, &FILLABLE), ratio(50_001, 100));
    assert_eq!(fillable(4_000, -10, &FILLABLE), ratio(50_500, 100));
    let steep = FillablePriceConfig { bankruptcy_adjustment_ppm: 2_000_000, ..FILLABLE };
    assert_eq!(fillable(-4_501, 10, &steep), ratio(49_998, 100));
    assert_eq!(fillable(-4_751, 10, &steep), ratio(49_500, 100));
    let wide = FillablePriceConfig { spread_to_maintenance_margin_ratio_ppm: 10_000_000, ..FILLABLE };
    assert_eq!(fillable(-5_000, 10, &wide), ratio(0, 1));
    let wider = FillablePriceConfig { spread_to_maintenance_margin_ratio_ppm: 10_000_001, ..FILLABLE };
    assert_eq!(fillable(-5_000, 10, &wider), Err(DydxError::NegativePrice));
    // Two positions: the rating is the account's, the spread the position's; (503 - 15) / 503 of a tenth of 3.
    let both = account(4_994, &[(0, -10), (1, 7)]);
    let price = fillable_price(&both, &[coin(), token()], close(1, -1), &FILLABLE);
    assert_eq!(price, ratio(21 * 5_030 - 488 * 3, 7 * 5_030));
}

fn ticks(subticks_per_tick: u32, quantum_conversion_exponent: i32) -> Ticks {
    Ticks { subticks_per_tick: subticks_per_tick.try_into().unwrap(), quantum_conversion_exponent }
}

#[test]
fn prices_go_to_the_tick_that_suits_the_fund() {
    let subticks = |numerator, denominator, ticks: Ticks, is_long| {
        ticks.subticks(&ratio(numerator, denominator).unwrap(), is_long)
    };
    for (price, up, down) in [
        (0, 100, 100),
        (7, 100, 100),
        (1_000, 100, 100),
        (1_001, 200, 100),
        (2_000, 200, 200),
        (2_999, 300, 200),
    ] {
        assert_eq!(subticks(price, 1, ticks(100, 1), true), Ok(up), "{price}");
        assert_eq!(subticks(price, 1, ticks(100, 1), false), Ok(down), "{price}");
    }
    assert_eq!(subticks(1, 3, ticks(5, -2), true), Ok(35));
    assert_eq!(subticks(1, 3, ticks(5, -2), false), Ok(30));
    assert_eq!(subticks(8, 1, ticks(5, 0), false), Ok(5));
    // The last tick of 64 bits.
    assert_eq!(subticks(u64::MAX, 1, ticks(5, -1), true), Ok(u64::MAX));
    assert_eq!(subticks(u64::MAX, 1, ticks(7, 0), true), Ok(u64::MAX / 7 * 7));
    let width = Err(DydxError::Width("a price in subticks"));
    assert_eq!(subticks(2, 1, ticks(1, -78), true), width);
    assert_eq!(subticks(2, 1, ticks(1, 78), true), width);
    let huge = Ratio::new(false, U256::MAX, U256::ONE).unwrap();
    assert_eq!(ticks(1, -1).subticks(&huge, true), width);
    assert_eq!(ticks(1, 0).subticks(&huge, true), Ok(u64::MAX));
    let tiny = Ratio::new(false, U256::ONE, U256::MAX).unwrap();
    assert_eq!(ticks(1, 1).subticks(&tiny, true), width);
    assert_eq!(ticks(2, 0).subticks(&tiny, true), width);
}

fn fill(is_buy: bool, amount: u64, subticks: u64) -> Fill {
    Fill { perpetual: 0, is_buy, amount, subticks }
}

#[test]
fn the_fund_takes_its_fee_from_the_surplus_and_pays_a_shortfall() {
    let listing = [coin()];
    let long = account(-4_500, &[(0, 10)]);
    let delta = |fill: Fill| insurance_fund_delta(&long, &listing, &fill, &ticks(1, -1), 20_000);
    // Zero price 450; 2 % of the proceeds at most.
    for (subticks, expected) in
        [(5_000, 100), (4_550, 50), (4_592, 91), (4_500, 0), (4_499, -1), (4_000, -500)]
    {
        assert_eq!(delta(fill(false, 10, subticks)), Ok(expected), "{subticks}");
    }
    // Half of it: the zero price of 5 is 2,250.
    assert_eq!(delta(fill(false, 5, 4_499)), Ok(-1));
    let short = account(5_500, &[(0, -10)]);
    let delta =
        |subticks| insurance_fund_delta(&short, &listing, &fill(true, 10, subticks), &ticks(1, -1), 20_000);
    assert_eq!((delta(5_000), delta(5_450), delta(5_501)), (Ok(100), Ok(50), Ok(-1)));
    let none = insurance_fund_delta(&long, &listing, &fill(false, 0, 5_000), &ticks(1, -1), 0);
    assert_eq!(none, Err(DydxError::EmptyFill));
    let wrong = insurance_fund_delta(&long, &listing, &fill(true, 1, 5_000), &ticks(1, -1), 0);
    assert_eq!(wrong, Err(DydxError::PositionSizeDelta { size: 10, delta: 1 }));
    let wide = insurance_fund_delta(&long, &listing, &fill(false, 1, 5_000), &ticks(1, 50), 0);
    assert_eq!(wide, Err(DydxError::Width("a fill")));
    assert_eq!(ticks(1, -1).quote_floor(3, 9), Ok(2));
    assert_eq!(ticks(1, 2).quote_floor(3, 9), Ok(2_700));
}

#[test]
fn limits_of_fund_position_and_block() {
    for (balance, delta, valid) in [(0, 0, true), (0, 1, true), (5, -5, true), (5, -6, false), (0, -1, false)]
    {
        assert_eq!(is_delta_valid(balance, delta), valid, "{balance} {delta}");
    }
    let limits = PositionLimits { min_notional: 100, max_portion_ppm: 300_000 };
    for (notional, bounds) in [
        (0, (0, 0)),
        (99, (99, 99)),
        (100, (100, 100)),
        (333, (100, 100)),
        (337, (100, 101)),
        (1_000, (100, 300)),
    ] {
        assert_eq!(limits.bounds(notional), bounds, "{notional}");
    }
    let all = PositionLimits { max_portion_ppm: 1_000_000, ..limits };
    assert_eq!(all.bounds(u128::MAX), (100, u128::MAX));
    assert_eq!(block_room(150, 100), Ok(50));
    assert_eq!(block_room(150, 150), Ok(0));
    assert_eq!(block_room(150, 151), Err(DydxError::LimitExceeded { used: 151, limit: 150 }));
    assert_eq!((insurance_lost(-7), insurance_lost(0), insurance_lost(7)), (7, 0, 0));
}

#[test]
fn orders_are_sorted_by_distance_then_notional_then_id() {
    let order = |id, price, oracle_price, notional| QueuedOrder { id, price, oracle_price, notional };
    let mut orders = vec![
        order(1, 100, 100, 50),
        order(2, 101, 100, 50),
        order(3, 98, 100, 50),
        // 1.5 %: further than 1 of 100, nearer than 2 of 100.
        order(4, 203, 200, 50),
        order(6, 100, 100, 60),
        order(5, 100, 100, 60),
        order(7, 0, 0, 1),
    ];
    sort_orders(&mut orders);
    assert_eq!(orders.iter().map(|order| order.id).collect::<Vec<_>>(), [3, 4, 2, 5, 6, 1, 7]);
}

#[test]
fn accounts_below_zero_are_deleveraged_at_the_bankruptcy_price() {
    assert_eq!(offset_price(-1, false), Some(OffsetPrice::Bankruptcy));
    assert_eq!(offset_price(-1, true), Some(OffsetPrice::Bankruptcy));
    assert_eq!(offset_price(0, true), Some(OffsetPrice::Oracle));
    assert_eq!(offset_price(0, false), None);
}

#[test]
fn deleveraging_closes_both_sides_for_one_price() {
    let listing = [coin()];
    let offset = |liquidated: i128, offsetting: i128, delta, price| {
        deleverage(
            &account(liquidated, &[(0, -10)]),
            &account(offsetting, &[(0, 10)]),
            &listing,
            close(0, delta),
            price,
        )
    };
    let bankruptcy = OffsetPrice::Bankruptcy;
    assert_eq!(offset(5_499, 0, 10, bankruptcy), Ok((account(0, &[]), account(5_499, &[]))));
    assert_eq!(offset(5_500, 0, 4, bankruptcy), Ok((account(3_300, &[(0, -6)]), account(2_200, &[(0, 6)]))));
    assert_eq!(offset(7_000, -5_000, 10, OffsetPrice::Oracle), Ok((account(2_000, &[]), account(0, &[]))));
    assert_eq!(
        offset(7_000, -5_000, 4, OffsetPrice::Oracle),
        Ok((account(5_000, &[(0, -6)]), account(-3_000, &[(0, 6)])))
    );
    // Zero prices that do not overlap: the offsetting account has less than the liquidated one lacks.
    assert_eq!(offset(4_999, -4_999, 10, bankruptcy), Ok((account(0, &[]), account(0, &[]))));
    let offsetting = Err(DydxError::UpdateRejected("offsetting"));
    assert_eq!(offset(4_999, -5_000, 10, bankruptcy), offsetting);
    let liquidated = Err(DydxError::UpdateRejected("liquidated"));
    assert_eq!(offset(4_999, 0, 10, OffsetPrice::Oracle), liquidated);
    for delta in [0, -1, -10, 11, i128::MIN] {
        let expected = Err(DydxError::OffsetDelta { liquidated: -10, offsetting: 10, delta });
        assert_eq!(offset(5_499, 0, delta, bankruptcy), expected);
    }
    // Smaller on the other side, or on the same one.
    for (size, delta) in [(3, 4), (-10, 4), (0, 4)] {
        let other = account(0, &[(0, size)]);
        let result = deleverage(&account(5_499, &[(0, -10)]), &other, &listing, close(0, delta), bankruptcy);
        assert_eq!(result, Err(DydxError::OffsetDelta { liquidated: -10, offsetting: size, delta }));
    }
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

    #[test]
    fn closing_at_the_zero_price_keeps_the_ratio(size in 1i128..1 << 30, part in 1i128..=100, long: bool, balance in -(1i128 << 40)..1 << 40, other in -(1i128 << 30)..1 << 30) {
        let listing = [coin(), token()];
        let size = if long { size } else { -size };
        let delta = -size.signum() * (size.abs() * part / 100).max(1);
        let mut held = account(balance, &[(0, size)]);
        if other != 0 {
            held = held.traded(1, other, 0).unwrap();
        }
        let before = held.risk(&listing).unwrap();
        let quote = zero_price_quote(&held, &listing, close(0, delta)).unwrap();
        let after = held.traded(0, delta, quote).unwrap().risk(&listing).unwrap();
        // Never riskier, and less than a quantum above the ratio.
        let error = after.net_collateral * before.maintenance - before.net_collateral * after.maintenance;
        prop_assert!((0..before.maintenance).contains(&error));
        prop_assert!(before.may_stay_short_at(&after) || after.maintenance == 0);
    }
}
