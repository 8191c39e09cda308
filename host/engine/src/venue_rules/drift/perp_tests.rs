use super::*;

/// 7 % ratio with buffer, 1 % to the liquidator, 1 % to the fund at most, at 100.
fn terms() -> CloseTerms {
    CloseTerms {
        ratio_bps: 700,
        liquidator_fee_ppm: 10_000,
        if_fee_ppm: 10_000,
        price: 100_000_000,
        quote_price: 1_000_000,
    }
}

#[test]
fn requirements_are_floored_twice_and_orders_added() {
    let margin = PerpMargin {
        base: 1_999_999_999,
        price: 1_500_000,
        ratio_bps: 333,
        imf: 0,
        open_orders: 0,
        open_order_margin: 10_000,
    };
    // 2,999,999.9985 -> 2,999,999; * 0.0333 = 99,899.97
    assert_eq!(base_value_floor(1_999_999_999, 1_500_000), 2_999_999);
    assert_eq!(perp_margin_requirement_floor(&margin), 99_899);
    let with_orders = PerpMargin { open_orders: 3, ..margin };
    assert_eq!(perp_margin_requirement_floor(&with_orders), 129_899);
    // The root of 10 * 1.6e9 + 1 is 126,491: 333 - 66 + floor(126,491 * 10,000 / 1e7) = 393 bps of 2.4e6.
    let large = PerpMargin { base: 1_600_000_000, imf: 10_000, ..margin };
    assert_eq!(margin_ratio_floor(1_600_000_000, 333, 10_000), 393);
    assert_eq!(perp_margin_requirement_floor(&large), 94_320);
    let widest = PerpMargin {
        base: u64::MAX,
        price: u64::MAX,
        ratio_bps: u32::MAX,
        imf: u32::MAX,
        open_orders: u32::MAX,
        open_order_margin: u64::MAX,
    };
    assert!(perp_margin_requirement_floor(&widest) > 1 << 126);
}

#[test]
fn the_cover_frees_the_ratio_less_the_fees() {
    // 100 * (7 % - 1 %) - 100 * 1 % = 5 a base.
    assert_eq!(base_to_cover_floor(9_000_000, &terms()), Some(1_800_000_000));
    assert_eq!(base_to_cover_floor(9_000_003, &terms()), Some(1_800_000_600));
    assert_eq!(base_to_cover_floor(0, &terms()), Some(0));
    // Quote at 0.5: floor(100 * 0.5) * 6 % - 1 = 2.
    let cheap = CloseTerms { quote_price: 500_000, ..terms() };
    assert_eq!(base_to_cover_floor(9_000_000, &cheap), Some(4_500_000_000));
    // Each product floored: 33 * 0.5 = 16; 16 * 0.06 = 0.96 -> 0, so nothing is freed.
    assert_eq!(base_to_cover_floor(1, &CloseTerms { price: 33, if_fee_ppm: 0, ..cheap }), None);
    // 34 * 0.5 = 17; 17 * 0.06 = 1.02 -> 1.
    assert_eq!(
        base_to_cover_floor(1, &CloseTerms { price: 34, if_fee_ppm: 0, ..cheap }),
        Some(1_000_000_000)
    );
}

#[test]
fn no_part_covers_where_closing_costs_what_it_frees() {
    assert_eq!(base_to_cover_floor(1, &CloseTerms { ratio_bps: 100, ..terms() }), None);
    assert_eq!(base_to_cover_floor(1, &CloseTerms { ratio_bps: 99, ..terms() }), None);
    assert_eq!(base_to_cover_floor(1, &CloseTerms { ratio_bps: 200, ..terms() }), None);
    assert_eq!(base_to_cover_floor(1, &CloseTerms { ratio_bps: 201, ..terms() }), Some(100_000));
    assert_eq!(base_to_cover_floor(1, &CloseTerms { price: 0, ..terms() }), None);
    assert_eq!(base_to_cover_floor(u128::MAX, &terms()), None);
}

#[test]
fn the_fund_takes_at_most_what_the_shortage_leaves() {
    let fee = |shortage, base| perp_if_fee_floor(shortage, base, &terms());
    // 7 % - 1 % - shortage of notional, times 0.95: of 200 quote, 9 is 4.5 %, 10 is 5 %, 11 is 5.5 %, 12 all.
    assert_eq!(fee(9_000_000, 2_000_000_000), 10_000);
    assert_eq!(fee(10_000_000, 2_000_000_000), 9_500);
    assert_eq!(fee(11_000_000, 2_000_000_000), 4_750);
    assert_eq!(fee(11_900_000, 2_000_000_000), 475);
    assert_eq!(fee(11_999_800, 2_000_000_000), 0);
    assert_eq!(fee(11_999_600, 2_000_000_000), 1);
    assert_eq!(fee(12_000_000, 2_000_000_000), 0);
    assert_eq!(fee(13_000_000, 2_000_000_000), 0);
    assert_eq!(fee(u128::MAX, 1), 0);
    assert_eq!(fee(0, 0), 0);
    assert_eq!(fee(0, 1), 10_000);
    assert_eq!(perp_if_fee_floor(0, 1, &CloseTerms { price: 0, ..terms() }), 0);
    assert_eq!(perp_if_fee_floor(0, 1, &CloseTerms { ratio_bps: 100, ..terms() }), 0);
    // Quote at 0.5 doubles the shortage's share: 5 of 200 counts as 5 %.
    let cheap = CloseTerms { quote_price: 500_000, ..terms() };
    assert_eq!(perp_if_fee_floor(5_000_000, 2_000_000_000, &cheap), 9_500);
    let huge = CloseTerms { ratio_bps: u32::MAX, if_fee_ppm: u32::MAX, ..terms() };
    assert_eq!(perp_if_fee_floor(0, 1, &huge), u32::MAX);
}

#[test]
fn the_portion_grows_with_the_slots_and_counts_what_was_freed() {
    let ramp = PortionRamp { initial: 1_000, duration: 150 };
    let portion = |shortage, freed, elapsed| max_portion_floor(shortage, freed, elapsed, &ramp);
    assert_eq!(portion(49_999_999, 1_000_000_000, 0), 10_000);
    assert_eq!(portion(50_000_000, 0, 0), 1_000);
    // 15 / 150 = 10 %, with the initial 10 %: 20 % of 50 and 10, less 10, is 2 of 50.
    assert_eq!(portion(50_000_000, 0, 15), 2_000);
    assert_eq!(portion(50_000_000, 10_000_000, 15), 400);
    assert_eq!(portion(50_000_000, 12_500_000, 15), 0);
    assert_eq!(portion(50_000_000, 20_000_000, 15), 0);
    // floor(1e4 / 150) = 66
    assert_eq!(portion(50_000_000, 0, 1), 1_066);
    assert_eq!(portion(50_000_000, 0, 134), 9_933);
    assert_eq!(portion(50_000_000, 7, 135), 10_000);
    assert_eq!(portion(u128::MAX, u64::MAX, u64::MAX), 9_999);
    let at_once = PortionRamp { initial: 0, duration: 0 };
    assert_eq!(max_portion_floor(60_000_000, 0, 0, &at_once), 10_000);
}

#[test]
fn the_fee_rises_after_the_grace_by_all_slots() {
    let ramp = FeeRamp { base_ppm: 10_000, max_ppm: 12_000, grace: 100, ppm_per_slot: 3 };
    assert_eq!(liquidation_fee(99, &ramp), 10_000);
    assert_eq!(liquidation_fee(100, &ramp), 10_300);
    assert_eq!(liquidation_fee(666, &ramp), 11_998);
    assert_eq!(liquidation_fee(667, &ramp), 12_000);
    assert_eq!(liquidation_fee(u64::MAX, &ramp), 12_000);
    assert_eq!(liquidation_fee(99, &FeeRamp { max_ppm: 1, ..ramp }), 10_000);
    assert_eq!(liquidation_fee(100, &FeeRamp { max_ppm: 1, ..ramp }), 1);
}

/// 5 % maintenance, stops 2 % further, 1 % fees, steps of 0.01, everything at once.
fn rules() -> LiquidationRules {
    LiquidationRules {
        ratio_maintenance_bps: 500,
        imf: 0,
        buffer_bps: 200,
        liquidator_fee_ppm: 10_000,
        if_fee_ppm: 10_000,
        step: 10_000_000,
        ramp: PortionRamp { initial: 10_000, duration: 150 },
    }
}

fn account(base: i64, quote: i128, deposit: u64) -> PerpAccount {
    PerpAccount { base, quote, deposit }
}

const CALL: LiquidationCall =
    LiquidationCall { price: 100_000_000, elapsed: 0, freed: 0, base_max: u64::MAX };

#[test]
fn a_shortage_is_the_buffered_requirement_less_the_buffered_collateral() {
    // 10 long at 100: 7 % of 1,000 is 70; profit 20, deposit 30: 20 short.
    let long = account(10_000_000_000, -980_000_000, 30_000_000);
    assert_eq!(long.shortage(100_000_000, &rules()), 20_000_000);
    // Down to 95: 66.5 - 30 + 30 * 1.02.
    assert_eq!(long.shortage(95_000_000, &rules()), 67_100_000);
    let short = account(-10_000_000_000, 1_020_000_000, 30_000_000);
    assert_eq!(short.shortage(100_000_000, &rules()), 20_000_000);
    // Up to 105: 73.5 - 30 + 30 * 1.02.
    assert_eq!(short.shortage(105_000_000, &rules()), 74_100_000);
    assert_eq!(account(0, 0, 7).shortage(100_000_000, &rules()), -7);
    // A loss of 49 has a buffer of 0.98 -> 0.
    assert_eq!(account(0, -49, 0).shortage(100_000_000, &rules()), 49);
    assert_eq!(account(0, -50, 0).shortage(100_000_000, &rules()), 51);
    // Size premium: 500 - 100 + floor(316,227 * 100,000 / 1e7) = 3,562 bps of 1,000, and the buffer of 20.
    let premium = LiquidationRules { imf: 100_000, ..rules() };
    assert_eq!(long.shortage(100_000_000, &premium), 356_200_000 + 20_000_000 - 50_000_000);
}

#[test]
fn a_long_is_sold_to_the_cover_and_pays_both_fees() {
    // 2 at 100, no profit, deposit 5: short 9; 5 a base cover it with 1.8.
    let got = liquidate_perp(&account(2_000_000_000, -200_000_000, 5_000_000), &CALL, &rules()).unwrap();
    assert_eq!(
        got,
        PerpLiquidation {
            account: account(200_000_000, -23_600_000, 5_000_000),
            closed: 1_800_000_000,
            if_fee: 1_800_000,
            liquidator_quote: -178_200_000,
            // 1.4 asked and 3.672 lost: 0.072 above the deposit are short.
            freed: 9_000_000 - 72_000,
            exited: true,
        }
    );
    assert_eq!(got.account.shortage(100_000_000, &rules()), 72_000);
}

#[test]
fn a_short_is_bought_back_likewise() {
    let got = liquidate_perp(&account(-2_000_000_000, 200_000_000, 5_000_000), &CALL, &rules()).unwrap();
    assert_eq!(got.account, account(-200_000_000, 16_400_000, 5_000_000));
    assert_eq!((got.closed, got.if_fee, got.liquidator_quote), (1_800_000_000, 1_800_000, 181_800_000));
    assert!(got.exited);
}

#[test]
fn the_cover_is_rounded_up_to_the_step_and_the_offer_down() {
    let held = account(2_000_000_000, -200_000_000, 5_000_000);
    let coarse = LiquidationRules { step: 700_000_000, ..rules() };
    let closed =
        |call: LiquidationCall| liquidate_perp(&held, &call, &coarse).map(|got| (got.closed, got.exited));
    // 1.8 -> 2.1, more than is held.
    assert_eq!(closed(CALL), Ok((2_000_000_000, false)));
    assert_eq!(closed(LiquidationCall { base_max: 1_500_000_000, ..CALL }), Ok((1_400_000_000, false)));
    assert_eq!(closed(LiquidationCall { base_max: 1_400_000_000, ..CALL }), Ok((1_400_000_000, false)));
    assert_eq!(closed(LiquidationCall { base_max: 699_999_999, ..CALL }), Ok((0, false)));
}

#[test]
fn the_ramp_allows_a_part_and_remembers_what_was_freed() {
    let ramp = LiquidationRules { ramp: PortionRamp { initial: 1_000, duration: 150 }, ..rules() };
    // 20 at 100 with 50: short 90. 10 % of the cover of 18.
    let held = account(20_000_000_000, -2_000_000_000, 50_000_000);
    let got = liquidate_perp(&held, &CALL, &ramp).unwrap();
    assert_eq!((got.closed, got.exited), (1_800_000_000, false));
    // 18.2 at 100: 127.4 asked, 3.6 * 1.02 lost: 81.072 left of 90.
    assert_eq!(got.freed, 8_928_000);
    // What was freed is beyond the part allowed: nothing happens.
    let waiting = LiquidationCall { freed: 11_000_000, ..CALL };
    let got = liquidate_perp(&held, &waiting, &ramp).unwrap();
    assert_eq!((got.account, got.closed, got.freed, got.exited), (held, 0, 11_000_000, false));
    // 5 freed: 10 % of 95 less 5 is 4.5 of 90: 5 % of 18.
    let some = liquidate_perp(&held, &LiquidationCall { freed: 5_000_000, ..CALL }, &ramp).unwrap();
    assert_eq!((some.closed, some.freed), (900_000_000, 5_000_000 + 4_464_000));
}

#[test]
fn a_small_position_closes_whole() {
    let ramp = LiquidationRules { ramp: PortionRamp { initial: 1_000, duration: 150 }, ..rules() };
    // 0.5 at 100 with a loss of 55: short 3.5 + 56.1. With 6.5 freed the ramp allows 0.11 more, 18 bps of a cover of 9.94: 0.017892.
    let held = account(500_000_000, -105_000_000, 0);
    let closed = |price| {
        let call = LiquidationCall { price, freed: 6_500_000, ..CALL };
        liquidate_perp(&held, &call, &ramp).unwrap().closed
    };
    assert_eq!(closed(100_000_000), 500_000_000);
    assert_eq!(closed(100_000_002), 20_000_000);
}

#[test]
fn where_no_part_covers_the_whole_goes_and_nothing_is_called_an_exit() {
    let greedy = LiquidationRules { liquidator_fee_ppm: 70_000, ..rules() };
    let held = account(2_000_000_000, -200_000_000, 5_000_000);
    let got = liquidate_perp(&held, &CALL, &greedy).unwrap();
    assert_eq!((got.account.base, got.closed, got.if_fee, got.exited), (0, 2_000_000_000, 0, false));
    assert_eq!(got.account.quote, -14_000_000);
}

#[test]
fn an_account_without_a_shortage_is_left_alone() {
    let safe = account(2_000_000_000, -200_000_000, 14_000_000);
    let got = liquidate_perp(&safe, &LiquidationCall { freed: 3, ..CALL }, &rules()).unwrap();
    let untouched =
        PerpLiquidation { account: safe, closed: 0, if_fee: 0, liquidator_quote: 0, freed: 3, exited: true };
    assert_eq!(got, untouched);
    let short_by_one = account(2_000_000_000, -200_000_000, 13_999_999);
    assert_eq!(liquidate_perp(&short_by_one, &CALL, &rules()).unwrap().closed, 10_000_000);
}

#[test]
fn what_is_no_market_is_refused() {
    let held = account(1, 0, 0);
    let no_step = LiquidationRules { step: 0, ..rules() };
    assert_eq!(liquidate_perp(&held, &CALL, &no_step), Err(DriftError::Zero("order step")));
    let quote = Err(DriftError::Overflow("quote of the position"));
    assert_eq!(liquidate_perp(&account(1, 1 << 100, 0), &CALL, &rules()), quote);
    assert_eq!(liquidate_perp(&account(1, -(1 << 100), 0), &CALL, &rules()), quote);
    let widest = PerpAccount { base: i64::MIN, quote: -(1 << 100) + 1, deposit: 0 };
    let call = LiquidationCall { price: u64::MAX, elapsed: u64::MAX, freed: u64::MAX, base_max: u64::MAX };
    let settings =
        LiquidationRules { imf: u32::MAX, buffer_bps: u32::MAX, ratio_maintenance_bps: u32::MAX, ..rules() };
    assert!(liquidate_perp(&widest, &call, &settings).unwrap().closed > 0);
}
