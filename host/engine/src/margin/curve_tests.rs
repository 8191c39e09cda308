use proptest::prelude::*;

use super::*;

const PPM: u32 = 1_000_000;

fn scale(of: u32) -> Scale {
    Scale::new(of).unwrap()
}

fn compiled(curve: &SizeCurve, price: u64, lots_max: u64) -> Result<CompiledCurve, CurveError> {
    compile(curve, Price::new(price).unwrap(), lots_max, scale(PPM))
}

/// The table against the curve, lot by lot.
fn scan(curve: &SizeCurve, table: &TierTable, price: u64, lots_max: u64) -> (u128, u128) {
    let (mut absolute, mut relative) = (0, 0);
    for lots in 1..=lots_max {
        let asked = table.requirement(u128::from(lots * price)) as u128;
        let due = u128::from(lots * price) * curve.rate(lots, scale(PPM));
        assert!(asked >= due, "{lots} lots: {asked} < {due}");
        absolute = absolute.max(asked - due);
        relative = relative.max(((asked - due) * u128::from(PPM)).div_ceil(due));
    }
    (absolute, relative)
}

fn any_curve() -> impl Strategy<Value = SizeCurve> {
    prop_oneof![
        (1u32..2_000, 0u32..300_000, 1u64..2_000_000_000).prop_map(|(rate_bps, imf, lot)| SizeCurve::Root {
            rate_bps,
            imf,
            lot
        }),
        (1u32..200_000, 0u32..400_000, 1u64..5_000).prop_map(|(rate, slope, per_lots)| SizeCurve::Linear {
            rate,
            slope,
            per_lots
        }),
    ]
}

proptest! {
    #[test]
    fn a_table_never_lies_below_its_curve_and_states_its_true_error(curve in any_curve(), price in 1u64..3_000, lots_max in 1u64..4_000, rise in 0u64..5_000) {
        let got = match compiled(&curve, price, lots_max) {
            Ok(got) => got,
            Err(CurveError::Rate { .. }) => return Ok(()),
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        };
        prop_assert!(got.brackets.len() <= TIERS_MAX);
        prop_assert_eq!(got.table, TierTable::new(scale(PPM), &got.brackets).unwrap());
        let (absolute, relative) = scan(&curve, &got.table, price, lots_max);
        prop_assert_eq!((got.excess.absolute, got.excess.relative_ppm), (absolute, relative));
        let at = |notional: u64| {
            let due = u128::from(notional) * curve.rate(notional / price, scale(PPM));
            (got.table.requirement(notional.into()) as u128 - due, due)
        };
        if absolute > 0 {
            prop_assert_eq!(at(got.excess.absolute_at).0, absolute);
            let (above, due) = at(got.excess.relative_at);
            prop_assert_eq!((above * 1_000_000).div_ceil(due), relative);
        }
        scan(&curve, &got.table, price + rise, lots_max);
    }
}

#[test]
fn rates_of_each_curve() {
    let root = SizeCurve::Root { rate_bps: 500, imf: 1_000, lot: 1_000_000_000 };
    // q = 1e5 * sqrt(lots): 100 bps at 100 lots, the premium that shows first is 101 at 103 (q = 1,014,889).
    for (lots, bps) in [(1, 500), (100, 500), (102, 500), (103, 501), (121, 510), (10_000, 1_400)] {
        assert_eq!(root.rate(lots, scale(PPM)), bps * 100, "{lots}");
        assert_eq!(root.rate(lots, scale(10_000)), bps, "{lots}");
    }
    let linear = SizeCurve::Linear { rate: 10_000, slope: 5, per_lots: 2 };
    for (lots, rate) in [(1, 10_003), (2, 10_005), (3, 10_008), (4, 10_010)] {
        assert_eq!(linear.rate(lots, scale(PPM)), rate, "{lots}");
    }
}

#[test]
fn a_flat_curve_is_one_exact_tier() {
    let got = compiled(&SizeCurve::Linear { rate: 20_000, slope: 0, per_lots: 1 }, 7, 1_000).unwrap();
    assert_eq!(got.brackets, [(0, 20_000)]);
    assert_eq!(got.excess, Excess::default());
}

#[test]
fn two_steps_are_one_tier_at_the_higher_rate() {
    let got = compiled(&SizeCurve::Linear { rate: 20_000, slope: 1, per_lots: 10 }, 7, 20).unwrap();
    assert_eq!(got.brackets, [(0, 20_002)]);
    // One of 20,001 too much, largest at 10 lots: 70 quanta, 1 / 20,001 = 50 ppm.
    let excess = Excess { absolute: 70, absolute_at: 70, relative_ppm: 50, relative_at: 7 };
    assert_eq!(got.excess, excess);
}

#[test]
fn a_few_steps_are_met_exactly_where_tiers_begin() {
    // 1 + lots, over 1e6, at one quantum a lot: n lots ask n*(n+1), so 2, 6, 12, 20, 30. The chord from 6 to 12 crosses 2*N at 1.5, and
    // starts at 1; there 2 lots are asked 1 too much.
    let curve = SizeCurve::Linear { rate: 1, slope: 1, per_lots: 1 };
    let got = compiled(&curve, 1, 5).unwrap();
    assert_eq!(got.brackets, [(0, 2), (1, 5), (3, 8), (4, 10)]);
    let excess = Excess { absolute: 1, absolute_at: 2, relative_ppm: 166_667, relative_at: 2 };
    assert_eq!(got.excess, excess);
    // A lot of 10 quanta leaves room for the crossing, at 15.
    let got = compiled(&curve, 10, 5).unwrap();
    assert_eq!(got.brackets, [(0, 2), (15, 6), (30, 8), (40, 10)]);
    assert_eq!(got.excess, Excess::default());
}

#[test]
fn small_positions_pay_the_flat_rate_and_large_ones_little_more_than_the_curve() {
    // Flat at 5 % up to 10,000 lots, 14 % at a million.
    let curve = SizeCurve::Root { rate_bps: 500, imf: 100, lot: 1_000_000_000 };
    let got = compiled(&curve, 100_000, 1_000_000).unwrap();
    assert_eq!((got.excess.absolute, got.excess.relative_ppm), scan(&curve, &got.table, 100_000, 1_000_000));
    let excess = Excess {
        absolute: 43_290_731_702_850,
        absolute_at: 90_820_800_000,
        relative_ppm: 6_298,
        relative_at: 1_276_800_000,
    };
    assert_eq!(got.excess, excess);
    // The premium is isqrt(lots) bps, so every knot is a square. To 127^2 at 527 bps from 101^2 at 501: 338,928,200 / 5,928 = 57,174.1; that
    // line crosses 5 % at 10,201 * 7,075 / 7,175 lots.
    let knots = [127, 157, 189, 226, 265, 309, 362, 419, 486, 553, 632, 723, 807, 902]
        .map(|root: u64| root * root * 100_000);
    let floors: Vec<u64> = [0, 1_005_882_578].into_iter().chain(knots).collect();
    assert_eq!(got.brackets.iter().map(|bracket| bracket.0).collect::<Vec<_>>(), floors);
    assert_eq!(got.brackets[..2], [(0, 50_000), (1_005_882_578, 57_175)]);
}

#[test]
fn a_curve_of_a_step_a_lot_is_thinned_out() {
    let curve = SizeCurve::Linear { rate: 10_000, slope: 1, per_lots: 1 };
    let got = compiled(&curve, 1_000, 400_000).unwrap();
    assert_eq!((got.excess.absolute, got.excess.relative_ppm), scan(&curve, &got.table, 1_000, 400_000));
    let excess = Excess {
        absolute: 3_408_924_996_118,
        absolute_at: 341_614_000,
        relative_ppm: 30_647,
        relative_at: 18_572_000,
    };
    assert_eq!((got.brackets.len(), got.excess), (TIERS_MAX, excess));
}

#[test]
fn what_is_no_table_is_refused_by_name() {
    let root = SizeCurve::Root { rate_bps: 500, imf: 1_000, lot: 1_000_000_000 };
    let one = Price::new(1).unwrap();
    assert_eq!(compile(&root, one, 1, scale(15_000)), Err(CurveError::Scale(15_000)));
    assert!(compile(&root, one, 1, scale(20_000)).is_ok());
    let linear = SizeCurve::Linear { rate: 10, slope: 1, per_lots: 1 };
    assert!(compile(&linear, one, 1, scale(15_000)).is_ok());
    let broken = SizeCurve::Linear { rate: 10, slope: 1, per_lots: 0 };
    assert_eq!(compiled(&broken, 1, 1), Err(CurveError::PerLots));
    assert_eq!(compiled(&root, 1, 0), Err(CurveError::Range { lots: 0, price: 1 }));
    assert_eq!(compiled(&root, 0, 1), Err(CurveError::Range { lots: 1, price: 0 }));
    let flat = SizeCurve::Linear { rate: 10, slope: 0, per_lots: 1 };
    assert_eq!(compiled(&flat, 1 << 20, 1 << 39), Err(CurveError::Range { lots: 1 << 39, price: 1 << 20 }));
    assert!(compiled(&flat, 1 << 20, (1 << 39) - 1).is_ok());
    assert_eq!(compiled(&flat, 3, u64::MAX), Err(CurveError::Range { lots: u64::MAX, price: 3 }));
    let free = SizeCurve::Linear { rate: 0, slope: 0, per_lots: 1 };
    assert_eq!(compiled(&free, 1, 1), Err(CurveError::Free));
}

#[test]
fn a_rate_above_the_scale_is_refused_where_it_is_needed() {
    // The rate itself, 10 + 999,991.
    let steep = SizeCurve::Linear { rate: 10, slope: 1, per_lots: 1 };
    let rate = CurveError::Rate { lots: 999_991, rate: 1_000_001, scale: PPM };
    assert_eq!(compiled(&steep, 1, 999_991), Err(rate));
    // The marginal rate: 10 + 400,000 a lot, so 2 lots ask 2 * 800,010 and the step from 1 lot to 2 more than the notional.
    let steep = SizeCurve::Linear { rate: 10, slope: 400_000, per_lots: 1 };
    assert!(matches!(compiled(&steep, 5, 2), Ok(CompiledCurve { .. })));
    let full = SizeCurve::Linear { rate: PPM, slope: 0, per_lots: 1 };
    assert_eq!(compiled(&full, 5, 2).unwrap().brackets, [(0, PPM)]);
}
