//! Prices, the insurance fund, limits and deleveraging, by hand.

use ethnum::U256;
use proptest::prelude::*;

use super::super::deleveraging::{OffsetPrice, deleverage, offset_price};
use super::super::liquidation::*;
use super::*;
use crate::ratio::Ratio;

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

proptest! {
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
