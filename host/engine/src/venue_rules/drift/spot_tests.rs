use super::*;

fn side(decimals: u32, price: u64, multiplier_ppm: u32) -> Side {
    Side { decimals, price, multiplier_ppm }
}

/// A quote deposit at 0.8 against a borrow of 9 decimals at 100 and 1.2, no fees.
fn terms() -> CoverTerms {
    CoverTerms {
        asset_weight: 8_000,
        asset_multiplier_ppm: FEE,
        liability_weight: 12_000,
        liability: side(9, 100_000_000, FEE),
        if_fee_ppm: 0,
    }
}

#[test]
fn token_amounts_become_sizes_and_values() {
    assert_eq!(token_size_floor(1_234_567_899, 10), Ok(123_456_789));
    assert_eq!(token_size_floor(1, 6), Ok(1_000));
    assert_eq!(token_value_floor(1_999, 3, 1_500), Ok(2_998));
    assert_eq!(token_size_floor(1, 20), Err(DriftError::Decimals(20)));
    assert_eq!(token_value_floor(1, 21, 1), Err(DriftError::Decimals(21)));
}

#[test]
fn a_transfer_frees_the_difference_of_the_weights() {
    let cover = |shortage, terms: CoverTerms| liability_to_cover_floor(shortage, &terms).unwrap();
    // 0.4 of 100 a token: 10 is a quarter of one.
    assert_eq!(cover(10_000_000, terms()), Some(250_000_000));
    assert_eq!(cover(10_000_001, terms()), Some(250_000_025));
    let with_decimals = |decimals| CoverTerms { liability: side(decimals, 100_000_000, FEE), ..terms() };
    assert_eq!(cover(10_000_000, with_decimals(6)), Some(250_000));
    assert_eq!(cover(10_000_000, with_decimals(5)), Some(25_000));
    assert_eq!(cover(10_000_399, with_decimals(5)), Some(25_000));
    assert_eq!(cover(10_000_400, with_decimals(5)), Some(25_001));
    assert_eq!(cover(0, terms()), Some(1));
    // floor(80,000 * 1.1 / 0.9) = 97,777 of 120,000 leaves 22,223.
    let fees =
        CoverTerms { asset_multiplier_ppm: 1_100_000, liability: side(9, 100_000_000, 900_000), ..terms() };
    assert_eq!(cover(22_223_000, fees), Some(1_000_000_000));
    // 1 % of 1.2 to the fund: 0.4 - 0.012.
    assert_eq!(cover(38_800_000, CoverTerms { if_fee_ppm: 10_000, ..terms() }), Some(1_000_000_000));
    // floor(199 * 1 %) = 1 of a price of 199: 199 * 40,000 - 120,000 = 7,840,000; 1e14 / 7.84e6.
    let cheap = CoverTerms { liability: side(9, 199, FEE), if_fee_ppm: 10_000, ..terms() };
    assert_eq!(cover(1, cheap), Some(12_755_102));
}

#[test]
fn no_amount_covers_where_the_asset_weighs_as_much() {
    let none = |terms: CoverTerms| assert_eq!(liability_to_cover_floor(10, &terms), Ok(None), "{terms:?}");
    none(CoverTerms { asset_weight: 12_000, ..terms() });
    none(CoverTerms { asset_weight: 12_001, asset_multiplier_ppm: 1, ..terms() });
    none(CoverTerms { asset_multiplier_ppm: 1_500_000, ..terms() });
    none(CoverTerms { asset_multiplier_ppm: 1_600_000, ..terms() });
    none(CoverTerms { liability: side(9, 100_000_000, 0), ..terms() });
    none(CoverTerms { liability: side(9, 0, FEE), ..terms() });
    // A fee of a third takes all of 0.4.
    none(CoverTerms { if_fee_ppm: 333_334, ..terms() });
    let third = CoverTerms { if_fee_ppm: 333_333, ..terms() };
    // 1e8 * 40,000 - 33,333,300 * 120,000 = 4,000,000
    assert_eq!(liability_to_cover_floor(4, &third), Ok(Some(100_000_000)));
    assert_eq!(liability_to_cover_floor(u128::MAX, &third), Ok(None));
    assert_eq!(
        liability_to_cover_floor(1, &CoverTerms { liability: side(20, 1, FEE), ..terms() }),
        Err(DriftError::Decimals(20))
    );
}

#[test]
fn the_asset_pays_for_a_liability_rounded_up() {
    let implied = |asset, from: Side, to: Side| liability_implied_ceil(asset, &from, &to);
    // 10.000001 of quote for a token at 3 with 9 digits: 3.333333666..
    assert_eq!(implied(10_000_001, side(6, 1_000_000, FEE), side(9, 3_000_000, FEE)), Ok(3_333_333_667));
    assert_eq!(implied(9, side(6, 1_000_000, FEE), side(6, 3_000_000, FEE)), Ok(3));
    // Two digits fewer: 400 -> ceil(133.3) = 134 -> ceil(1.34) = 2.
    assert_eq!(implied(400, side(6, 1_000_000, FEE), side(4, 3_000_000, FEE)), Ok(2));
    // A discount of 1 % on the liability and a premium of 1 % on the asset: 1,010 * 0.99 / 1.01.
    assert_eq!(implied(1_010, side(6, 1_000_000, 1_010_000), side(6, 1_000_000, 990_000)), Ok(990));
    let zero = Err(DriftError::Zero("price and multiplier"));
    assert_eq!(implied(1, side(6, 1, FEE), side(6, 0, FEE)), zero);
    assert_eq!(implied(1, side(6, 1, 0), side(6, 1, FEE)), zero);
    assert_eq!(implied(1, side(20, 1, FEE), side(6, 1, FEE)), Err(DriftError::Decimals(20)));
    assert_eq!(implied(1, side(6, 1, FEE), side(21, 1, FEE)), Err(DriftError::Decimals(21)));
    let wide = Err(DriftError::Overflow("value"));
    assert_eq!(implied(u64::MAX, side(0, u64::MAX, FEE), side(19, 1, FEE)), wide);
    let wide = Err(DriftError::Overflow("liability"));
    assert_eq!(implied(u64::MAX, side(6, u64::MAX, 1), side(6, 1, FEE)), wide);
}

#[test]
fn the_liability_buys_an_asset_rounded_down_and_takes_dust_with_it() {
    let asset = side(6, 1_000_000, FEE);
    let given = |held, owed, to: Side| asset_for_liability_floor(held, &asset, owed, &to);
    // 1 token of 9 digits at 100: 100; of 200 held.
    assert_eq!(given(200_000_000, 1_000_000_000, side(9, 100_000_000, FEE)), Ok(100_000_000));
    assert_eq!(given(200_000_000, 1_000_000_019, side(9, 100_000_000, FEE)), Ok(100_000_001));
    // Held 0.999999 more, then 1 more; 0.999999 fewer, then 1 fewer.
    for (held, transfer) in [
        (100_999_999, 100_999_999),
        (101_000_000, 100_000_000),
        (99_000_001, 99_000_001),
        (99_000_000, 100_000_000),
    ] {
        assert_eq!(given(held, 1_000_000_000, side(9, 100_000_000, FEE)), Ok(transfer), "{held}");
    }
    // A premium of 1 % and a discount of 1 %: 102.020202.
    let premium = side(6, 1_000_000, 1_010_000);
    let discount = side(9, 100_000_000, 990_000);
    assert_eq!(asset_for_liability_floor(200_000_000, &premium, 1_000_000_000, &discount), Ok(102_020_202));
    // Two floors where the asset has fewer digits: 1.234567 at par into 4 digits.
    let coarse = side(4, 1_000_000, FEE);
    assert_eq!(asset_for_liability_floor(90_000, &coarse, 1_234_567, &asset), Ok(12_345));
    // One quote of an asset of 9 digits at 2 is half a token.
    let fine = side(9, 2_000_000, FEE);
    assert_eq!(asset_for_liability_floor(1_499_999_999, &fine, 2_000_000, &asset), Ok(1_499_999_999));
    assert_eq!(asset_for_liability_floor(1_500_000_000, &fine, 2_000_000, &asset), Ok(1_000_000_000));
    let wide = asset_for_liability_floor(1, &side(6, 1, FEE), u64::MAX, &side(6, u64::MAX, 1));
    assert_eq!(wide, Err(DriftError::Overflow("asset")));
}

#[test]
fn the_fund_takes_at_most_what_the_weights_leave() {
    let terms = CoverTerms {
        asset_weight: 10_000,
        asset_multiplier_ppm: 1_010_000,
        liability_weight: 11_000,
        liability: side(9, 100_000_000, FEE),
        if_fee_ppm: 50_000,
    };
    let fee = |shortage, amount, terms: CoverTerms| spot_if_fee_floor(shortage, amount, &terms).unwrap();
    // 110 % - 101 % - 3.5 %: floor(5.5 / 1.1) = 5 %; 5 % of 100: floor(4 / 1.1) = 3.6363 %.
    assert_eq!(fee(3_499_999, 1_000_000_000, terms), 50_000);
    assert_eq!(fee(3_500_100, 1_000_000_000, terms), 49_999);
    assert_eq!(fee(5_000_000, 1_000_000_000, terms), 36_363);
    assert_eq!(fee(9_000_000, 1_000_000_000, terms), 0);
    assert_eq!(fee(9_000_001, 1_000_000_000, terms), 0);
    assert_eq!(fee(u128::MAX, 1, terms), 0);
    assert_eq!(fee(5_000_000, 0, terms), 0);
    assert_eq!(fee(0, 1, CoverTerms { asset_weight: 11_000, asset_multiplier_ppm: 1, ..terms }), 0);
    assert_eq!(fee(0, 1, CoverTerms { asset_weight: 10_999, asset_multiplier_ppm: 1, ..terms }), 50_000);
    assert_eq!(fee(0, 1, CoverTerms { liability: side(9, 0, FEE), ..terms }), 0);
    assert_eq!(fee(0, 1, CoverTerms { liability: side(9, 1, 0), ..terms }), 0);
    // A discount of the liability weighs on the asset: floor(1e6 * 1.01 / 0.95) = 1,063,157; 36,843 / 1.1.
    assert_eq!(fee(0, 1, CoverTerms { liability: side(9, 1, 950_000), ..terms }), 33_493);
    // Six digits: 5 of 100.
    assert_eq!(
        fee(5_000_000, 1_000_000, CoverTerms { liability: side(6, 100_000_000, FEE), ..terms }),
        36_363
    );
    assert_eq!(
        spot_if_fee_floor(1, 1, &CoverTerms { liability: side(20, 1, FEE), ..terms }),
        Err(DriftError::Decimals(20))
    );
}

#[test]
fn a_swap_must_reach_the_worst_price() {
    let asset = side(9, 200_000_000, 1_010_000);
    let liability = side(6, 1_000_000, FEE);
    // 200 / 1.01 = 198.019801
    let within = |from, to| is_swap_within_bound(from, &asset, to, &liability);
    assert_eq!(within(1_000_000_000, 198_019_801), Ok(true));
    assert_eq!(within(1_000_000_000, 198_019_800), Ok(false));
    assert_eq!(within(2_000_000_000, 396_039_602), Ok(true));
    assert_eq!(within(2_000_000_000, 396_039_601), Ok(false));
    let zero = |what| Err(DriftError::Zero(what));
    assert_eq!(within(0, 1), zero("asset"));
    assert_eq!(is_swap_within_bound(1, &asset, 1, &side(6, 0, FEE)), zero("liability price"));
    assert_eq!(is_swap_within_bound(1, &side(6, 1, 0), 1, &liability), zero("asset multiplier"));
    assert_eq!(is_swap_within_bound(1, &side(20, 1, 1), 1, &liability), Err(DriftError::Decimals(20)));
    // A liability at 2 with a discount of 1 %: floor(200 * 0.99 / 2) / 1.01 = 98.019801.
    let discounted = side(6, 2_000_000, 990_000);
    assert_eq!(is_swap_within_bound(1_000_000_000, &asset, 98_019_801, &discounted), Ok(true));
    assert_eq!(is_swap_within_bound(1_000_000_000, &asset, 98_019_800, &discounted), Ok(false));
}
