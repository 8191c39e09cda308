use proptest::prelude::*;

use super::*;

/// A factor under which the premium is the root itself.
const IMF_ROOT: u32 = 10_000_000;

#[test]
fn a_liability_weighs_more_by_the_root_of_its_size() {
    for (size, root) in [(0, 1), (8, 9), (9, 9), (10, 10), (99_999, 999), (100_000, 1_000)] {
        assert_eq!(liability_weight_floor(size, IMF_ROOT, 0), root, "{size}");
    }
    // floor(10,001 / 5) = 2,000: the premium shows from 2,001 up, at 2,001^2 = 4,004,001.
    assert_eq!(liability_weight_floor(0, IMF_ROOT, 10_001), 10_001);
    assert_eq!(liability_weight_floor(400_000, IMF_ROOT, 10_001), 10_001);
    assert_eq!(liability_weight_floor(400_399, IMF_ROOT, 10_001), 10_001);
    assert_eq!(liability_weight_floor(400_400, IMF_ROOT, 10_001), 10_002);
    assert_eq!(liability_weight_floor(0, IMF_ROOT - 1, 4), 4);
    assert_eq!(liability_weight_floor(0, IMF_ROOT - 1, 0), 0);
    assert_eq!(liability_weight_floor(10, 0, 77), 77);
}

#[test]
fn an_asset_weighs_less_by_the_root_of_its_size() {
    assert_eq!(asset_weight_floor(u128::MAX, 0, 12_000), 12_000);
    // 1.1e10 / 1,000,001 = 10,999.98
    assert_eq!(asset_weight_floor(0, 100_000, 12_000), 10_999);
    assert_eq!(asset_weight_floor(0, 100_000, 10_000), 10_000);
    // The root of 10 is 10: 1.1e10 / 1.1e6 = 10,000, and just below with a discount of one more.
    assert_eq!(asset_weight_floor(10, 1_000_009_999, 12_000), 10_000);
    assert_eq!(asset_weight_floor(10, 1_000_010_000, 12_000), 9_999);
}

#[test]
fn profit_of_an_untrusted_market_buys_nothing() {
    // A profit of 1e-6 is a size of 1,000 with root 100: 1.1e10 / 2e6.
    assert_eq!(profit_weight_floor(1, 1_000_000_000, 10_000, MarketTrust::Trusted), 5_500);
    // Of 2e-6 a size of 2,000 with root 141: 1.1e10 / 2.41e6.
    assert_eq!(profit_weight_floor(2, 1_000_000_000, 10_000, MarketTrust::Trusted), 4_564);
    assert_eq!(profit_weight_floor(1, 1_000_000_000, 10_000, MarketTrust::Untrusted), 0);
    assert_eq!(profit_weight_floor(u64::MAX, u32::MAX, 10_000, MarketTrust::Trusted), 0);
    assert_eq!(profit_weight_floor(7, 0, 9_000, MarketTrust::Trusted), 9_000);
}

#[test]
fn collateral_that_the_venue_holds_much_of_counts_less() {
    assert_eq!(deposit_scaled_weight_floor(9_000, 500, 499), 9_000);
    assert_eq!(deposit_scaled_weight_floor(9_000, 500, 500), 9_000);
    assert_eq!(deposit_scaled_weight_floor(9_000, 500, 501), 8_982);
    assert_eq!(deposit_scaled_weight_floor(9_000, 500, 1_000), 4_500);
    assert_eq!(deposit_scaled_weight_floor(9_000, 500, u128::MAX), 0);
    assert_eq!(deposit_scaled_weight_floor(9_000, 0, 1), 9_000);
}

fn price(quanta: u64) -> Price {
    Price::new(quanta).unwrap()
}

fn scale() -> Scale {
    Scale::new(1_000_000).unwrap()
}

fn collateral(size: i64, spot: u64, ema: u64) -> i128 {
    let prices = ReferencePrices { spot: price(spot), ema: price(ema) };
    let weights = Weights { long: 900_000, short: 1_100_000 };
    collateral_value_floor(Size::new(size).unwrap(), prices, weights, scale())
}

#[test]
fn collateral_is_valued_at_the_worse_price_and_against_the_account() {
    assert_eq!(collateral(10, 100, 90), 810);
    assert_eq!(collateral(10, 90, 100), 810);
    assert_eq!(collateral(-10, 100, 90), -1_100);
    assert_eq!(collateral(-10, 90, 100), -1_100);
    // 7 * 0.9 = 6.3 and 7 * 1.1 = 7.7
    assert_eq!(collateral(1, 7, 7), 6);
    assert_eq!(collateral(-1, 7, 7), -8);
    assert_eq!(collateral(0, 7, 7), 0);
    let prices = ReferencePrices { spot: price(8), ema: price(7) };
    assert_eq!(prices.worst_for(Size::ZERO), price(7));
}

#[test]
fn a_redemption_price_is_per_lot_and_floored() {
    let of = |ratio, lot, reference: Option<(u64, i8)>| {
        redemption_price_floor(ratio, lot, reference.map(|(mark, lot)| (price(mark), lot))).map(Price::get)
    };
    // A millionth of the quote currency is a quantum: 0.9995 a unit, in lots of a hundred, of one and of a thousandth.
    assert_eq!([2, 0, -3].map(|lot| of(999_500, lot, None)), [Some(99_950_000), Some(999_500), Some(999)]);
    // 1.1873 of a reference at 2,000.000003 a unit, 20,000 quanta a lot of 1e-5.
    assert_eq!(of(1_187_300, -3, Some((20_000, -5))), Some(2_374_600));
    assert_eq!(of(1_187_300, -5, Some((20_001, -5))), Some(23_747));
    assert_eq!(of(1, -18, Some((1, 18))), Some(0));
    assert_eq!(of(u64::MAX, 0, None), None);
    assert_eq!((of(1, 127, None), of(u64::MAX, 127, Some((5, -128)))), (None, None));
}

#[test]
fn wrapped_collateral_stays_near_its_redemption_price() {
    let bounded =
        |mid, redemption, band| redemption_bounded_price(price(mid), price(redemption), band, scale()).get();
    for (mid, held) in [(0, 950), (949, 950), (950, 950), (1_000, 1_000), (1_050, 1_050), (1_051, 1_050)] {
        assert_eq!(bounded(mid, 1_000, 50_000), held, "{mid}");
    }
    // 949.05 and 1,048.95
    assert_eq!((bounded(0, 999, 50_000), bounded(Price::MAX, 999, 50_000)), (949, 1_048));
    assert_eq!((bounded(0, 999, 1_000_001), bounded(5_000, 999, 1_000_000)), (0, 1_998));
    assert_eq!(bounded(Price::MAX, Price::MAX, u32::MAX), Price::MAX);
}

proptest! {
    #[test]
    fn the_root_is_the_largest_whose_square_fits(size in 0..=SIZE_MAX) {
        let root = u128::from(liability_weight_floor(size, IMF_ROOT, 0));
        prop_assert!(root * root <= 10 * size + 1 && 10 * size + 1 < (root + 1) * (root + 1));
    }

    #[test]
    fn weights_move_against_the_account_as_size_grows(size in 0..SIZE_MAX / 2, more in 0..SIZE_MAX / 2, imf: u32, weight in 0u32..=20_000) {
        prop_assert!(liability_weight_floor(size, imf, weight) <= liability_weight_floor(size + more, imf, weight));
        prop_assert!(asset_weight_floor(size, imf, weight) >= asset_weight_floor(size + more, imf, weight));
        prop_assert!(liability_weight_floor(size, imf, weight) >= u64::from(weight));
        prop_assert!(asset_weight_floor(size, imf, weight) <= weight);
    }
}

#[test]
fn the_largest_size_and_factor_leave_room() {
    assert!(liability_weight_floor(SIZE_MAX, u32::MAX, u32::MAX) > u64::from(u32::MAX));
}

#[test]
#[should_panic(expected = "is no token amount")]
fn a_larger_size_is_a_bug() {
    liability_weight_floor(SIZE_MAX + 1, 1, 1);
}
