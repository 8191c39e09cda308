//! What to close, at which price, and who owes what after. Pure functions over exact integers.

use ethnum::I256;

use crate::margin::{Weights, effective_requirement, requirement, value};
use crate::tier::TierSteps;
use crate::units::{Price, Scale, Size};

/// A position with the tables it is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Holding<'a> {
    pub size: Size,
    pub price: Price,
    pub weights: Weights,
    pub tiers: &'a TierSteps,
}

impl Holding<'_> {
    /// Value in quanta / scale.
    pub const fn value(&self) -> i128 {
        value(self.size, self.price, self.weights)
    }

    /// Requirement in quanta / scale.
    pub fn requirement(&self) -> i128 {
        requirement(self.size, self.price, self.tiers)
    }

    fn at(&self, price: Price) -> Self {
        Self { price, ..*self }
    }

    /// The same position, `lots` closer to zero.
    fn reduced(&self, lots: i64) -> Self {
        let size = self.size.get() - lots * self.size.get().signum();
        Self { size: Size::new(size).expect("a position closer to zero is in range"), ..*self }
    }
}

/// An account around one of its positions, in quanta / scale: everything but that position.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rest {
    pub equity: i128,
    pub requirement: i128,
}

/// The last price at which the account is not liquidatable, all other prices fixed: rounded up for a long, down
/// for a short, so that the displayed price is never later than the real one. `None` if no price in range parts the
/// two, or for no position.
///
/// Source: `E(P) = R(P)` with `E(P) = E_rest + q*P*w` and `R(P) = R_rest + |q|*P*r - d`.
pub fn liquidation_price(holding: &Holding, rest: Rest) -> Option<Price> {
    let is_safe = |quanta: u64| {
        let at = holding.at(Price::new(quanta).expect("the search stays in range"));
        rest.equity + at.value() >= rest.requirement + at.requirement()
    };
    let long = match holding.size.get() {
        0 => return None,
        size => size > 0,
    };
    // The account gets safer towards one end: `safe` holds there, and must fail at the other for a price to exist.
    let (mut safe, mut unsafe_) = if long { (Price::MAX, Price::MIN) } else { (Price::MIN, Price::MAX) };
    if !is_safe(safe) || is_safe(unsafe_) {
        return None;
    }
    while safe.abs_diff(unsafe_) > 1 {
        let middle = safe.midpoint(unsafe_);
        if is_safe(middle) {
            safe = middle;
        } else {
            unsafe_ = middle;
        }
    }
    Some(Price::new(safe).expect("the search stays in range"))
}

/// `floor(a * b / c)` over 256 bits.
fn mul_div_floor(a: i128, b: i128, c: i128) -> i128 {
    let quotient = (I256::from(a) * I256::from(b)).div_euclid(I256::from(c));
    i128::try_from(quotient).expect("a ratio of at most one keeps the width")
}

/// What a close at the zero price brings, `-dV - floor(E * |dR| / R)`, all in one unit: the account's E / R stays, but for the rounding, which
/// is up. `released` is the requirement that falls away, from 0 to the whole `maintenance`, which is above 0.
/// Source: dYdX v4 bankruptcy price, `-dNV - floor(TNC * |dMMR| / MMR)`.
pub fn zero_quote(value_change: i128, released: i128, equity: i128, maintenance: i128) -> i128 {
    assert!(maintenance > 0 && (0..=maintenance).contains(&released));
    -value_change - mul_div_floor(equity, released, maintenance)
}

/// Quote quanta for which `lots` of the holding change hands at the zero (bankruptcy) price: closing there leaves
/// E / R as it was, and closing everything leaves an account of one position with E = 0. Signed as cash of the account: positive for
/// a long that sells. Rounded up, against the liquidated account's counterparty and so never below the zero price.
///
/// `equity` and `maintenance` are the whole account's, quanta / scale, `maintenance` > 0. `lots` is at most the holding's size.
/// Source: [`zero_quote`].
pub fn zero_price_quote(holding: &Holding, lots: i64, equity: i128, maintenance: i128, scale: Scale) -> i128 {
    assert!(maintenance > 0 && lots >= 0 && lots <= holding.size.get().abs());
    let after = holding.reduced(lots);
    let value_change = after.value() - holding.value();
    let released = (holding.requirement() - after.requirement()).clamp(0, maintenance);
    let scaled = zero_quote(value_change, released, equity, maintenance);
    scaled.div_euclid(scale.get().into()) + i128::from(scaled.rem_euclid(scale.get().into()) != 0)
}

/// What a slice must reach, and what it costs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SliceTerms {
    /// Target ratio E / R in 256ths; above rung 2, so that the account stops at the target and not on the line.
    pub target: u32,
    /// What closing takes from equity per notional, over the scale; below zero if it gives back more haircut than it costs. See [`net_cost`].
    pub cost: i64,
}

/// What closing a part of the holding takes from equity per notional, over the scale: fee and slippage, less the haircut of what is sold or
/// the surcharge of what is bought back, since cash has neither.
pub fn net_cost(holding: &Holding, cost: u32, scale: Scale) -> i64 {
    let (weight, whole) = (i64::from(holding.weights.of(holding.size)), i64::from(scale.get()));
    i64::from(cost) - (weight - whole).abs()
}

/// The fewest lots to close at mark so that `256*E' >= target*R'` after paying the cost; all of the position when no
/// partial close restores it. Checked exactly after rounding up to lots.
///
/// `equity` and `maintenance` are the whole account's, quanta / scale, with the account's `offset` inside the check. Solved per tier from the present one down: `x = ceil((T*(R_rest + N*r - d) - 256*E) / (T*r - 256*p))`, accepted where `N - x >= floor`.
/// The surplus over the target is concave in the notional closed, so the first root is the smallest close, and where rounding up to
/// lots leaves the interval no number of lots restores.
pub fn slice_to_target(
    holding: &Holding,
    equity: i128,
    maintenance: i128,
    offset: i128,
    terms: SliceTerms,
) -> i64 {
    let whole = holding.size.get().abs();
    let notional = holding.size.notional(holding.price) as i128;
    let rest = maintenance - holding.requirement() + offset;
    let (target, cost) = (i128::from(terms.target), i128::from(terms.cost));
    let price = i128::from(holding.price.get()).max(1);
    if is_restored(holding, 0, equity, maintenance, offset, terms) {
        return 0;
    }
    let top = holding.tiers.tier_of(notional as u128);
    for tier in holding.tiers.as_slice()[..=top].iter().rev() {
        let (rate, deduction) = (i128::from(tier.rate), tier.deduction as i128);
        let gain = target * rate - 256 * cost;
        if gain <= 0 {
            break;
        }
        let short = target * (rest + notional * rate - deduction) - 256 * equity;
        let close = (short.div_euclid(gain) + i128::from(short.rem_euclid(gain) != 0)).max(0);
        if notional - close < i128::from(tier.floor) {
            continue;
        }
        let lots = close.div_euclid(price) + i128::from(close.rem_euclid(price) != 0);
        let lots = i64::try_from(lots).unwrap_or(whole).min(whole);
        if is_restored(holding, lots, equity, maintenance, offset, terms) {
            return lots;
        }
        break;
    }
    whole
}

/// True if closing `lots` at mark, paying the cost, brings the account to the target.
pub fn is_restored(
    holding: &Holding,
    lots: i64,
    equity: i128,
    maintenance: i128,
    offset: i128,
    terms: SliceTerms,
) -> bool {
    let closed = i128::from(lots) * i128::from(holding.price.get());
    let equity = equity - closed * i128::from(terms.cost);
    let maintenance = maintenance - holding.requirement() + holding.reduced(lots).requirement();
    256 * equity >= i128::from(terms.target) * effective_requirement(maintenance, offset)
}

/// True if closing at a [`net_cost`] of `cost` per notional raises E / R: `E * rate > cost * R`, with the rate of the holding's present tier. If
/// not, slicing only burns collateral.
pub fn slicing_improves(holding: &Holding, equity: i128, maintenance: i128, cost: i64) -> bool {
    let tier = &holding.tiers.as_slice()[holding.tiers.tier_of(holding.size.notional(holding.price))];
    equity * i128::from(tier.rate) > maintenance * i128::from(cost)
}

/// What the insurance fund receives (positive) or pays (negative) for a close, in quanta: the fee
/// `floor(|quote| * fee / S)`, never above the surplus over the zero price; a shortfall in full.
/// Source: dYdX v4 insurance fund delta.
pub fn insurance_delta(quote: i128, zero_quote: i128, fee: u32, scale: Scale) -> i128 {
    let surplus = quote - zero_quote;
    if surplus <= 0 {
        surplus
    } else {
        surplus.min(mul_div_floor(quote.abs(), fee.into(), scale.get().into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tier::TierTable;
    use proptest::prelude::*;

    const SCALE: u32 = 1_000_000;

    fn scale() -> Scale {
        Scale::new(SCALE).unwrap()
    }

    fn table() -> TierTable {
        TierTable::new(
            scale(),
            &[(0, 5_000), (3_000_000, 10_000), (40_000_000, 25_000), (900_000_000, 125_000)],
        )
        .unwrap()
    }

    prop_compose! {
        fn any_case()(lots in 1i64..20_000, long in any::<bool>(), price in 1u64..200_000, rest_r in 0i128..1 << 44, permille in 0i128..1_500, cost in -20_000i64..20_000)
            -> (i64, u64, i128, i128, i64) {
            let size = if long { lots } else { -lots };
            let table = table();
            let own = table.requirement(u128::from(price) * lots as u128);
            let maintenance = own + rest_r;
            (size, price, maintenance * permille / 1_000, maintenance, cost)
        }
    }

    fn holding(size: i64, price: u64, table: &TierTable) -> Holding<'_> {
        Holding {
            size: Size::new(size).unwrap(),
            price: Price::new(price).unwrap(),
            weights: Weights { long: SCALE, short: SCALE },
            tiers: table.steps(),
        }
    }

    #[test]
    fn haircut_and_surcharge_come_back_when_an_asset_is_turned_into_cash() {
        let table = table();
        for (size, cost) in [(5, 1_500 - 200_000), (-5, 1_500 - 250_000)] {
            let asset =
                Holding { weights: Weights { long: 800_000, short: 1_250_000 }, ..holding(size, 1, &table) };
            assert_eq!(net_cost(&asset, 1_500, scale()), cost);
        }
        assert_eq!(net_cost(&holding(5, 1, &table), 1_500, scale()), 1_500);
        assert_eq!(crate::margin::cash_equity(-7, scale()), -7_000_000);
    }

    proptest! {
        #[test]
        fn liquidation_price_parts_safe_from_unsafe((size, price, equity, maintenance, _) in any_case()) {
            let table = table();
            let held = holding(size, price, &table);
            let rest = Rest { equity: equity - held.value(), requirement: maintenance - held.requirement() };
            let safe = |p: u64| {
                let at = held.at(Price::new(p).unwrap());
                rest.equity + at.value() >= rest.requirement + at.requirement()
            };
            match liquidation_price(&held, rest) {
                Some(edge) => {
                    let edge = edge.get();
                    let beyond = edge.checked_add_signed(-size.signum()).unwrap();
                    prop_assert!(safe(edge) && !safe(beyond));
                    prop_assert_eq!(safe(price), if size > 0 { price >= edge } else { price <= edge });
                }
                None => prop_assert_eq!(safe(Price::MIN), safe(Price::MAX)),
            }
        }

        #[test]
        fn a_slice_is_the_fewest_lots_that_restore((size, price, equity, maintenance, cost) in any_case()) {
            let table = table();
            let held = holding(size, price, &table);
            let terms = SliceTerms { target: 282, cost };
            let lots = slice_to_target(&held, equity, maintenance, 0, terms);
            let restores = |n: i64| is_restored(&held, n, equity, maintenance, 0, terms);
            prop_assert!((0..=size.abs()).contains(&lots));
            if lots < size.abs() {
                prop_assert!(restores(lots));
                prop_assert!(lots == 0 || !restores(lots - 1), "one lot fewer also restores");
            } else {
                prop_assert_eq!((0..size.abs()).find(|&n| restores(n)), None, "a smaller close restores");
            }
        }

        #[test]
        fn closing_at_the_zero_price_keeps_the_ratio((size, price, equity, maintenance, _) in any_case(), part in 1i64..=100) {
            let table = table();
            let held = holding(size, price, &table);
            let lots = (size.abs() * part / 100).max(1);
            let quote = zero_price_quote(&held, lots, equity, maintenance, scale());
            let after = held.reduced(lots);
            let equity_after = equity + after.value() - held.value() + quote * i128::from(SCALE);
            let maintenance_after = maintenance - held.requirement() + after.requirement();
            // The exact ratio, and less than one quantum above it.
            let error = I256::from(equity_after) * I256::from(maintenance) - I256::from(equity) * I256::from(maintenance_after);
            prop_assert!(error >= I256::ZERO);
            prop_assert!(error < I256::from(i128::from(SCALE) + 1) * I256::from(maintenance));
        }

        #[test]
        fn slicing_improves_exactly_when_one_notional_raises_the_ratio((size, price, equity, maintenance, cost) in any_case()) {
            let table = table();
            let held = holding(size, price, &table);
            let tier = table.steps().tier_of(held.size.notional(held.price));
            let rate = i128::from(table.steps().steps[tier].rate);
            let raised = I256::from(equity - i128::from(cost)) * I256::from(maintenance) > I256::from(equity) * I256::from(maintenance - rate);
            prop_assert_eq!(slicing_improves(&held, equity, maintenance, cost), raised);
        }
    }

    /// One bracket of 1 %. 1,000 lots at 100: R = 1e9.
    #[test]
    fn slices_by_hand() {
        let table = TierTable::new(scale(), &[(0, 10_000)]).unwrap();
        let held = holding(1_000, 100, &table);
        let (requirement, equity) = (1_000_000_000, 900_000_000);
        assert_eq!(held.requirement(), requirement);
        // 256 * (9e8 - 1,500 x) >= 282 * (1e9 - 10,000 x): x >= 21,182.3.
        let terms = SliceTerms { target: 282, cost: 1_500 };
        assert_eq!(slice_to_target(&held, equity, requirement, 0, terms), 212);
        let fine = holding(100_000, 1, &table);
        assert_eq!(slice_to_target(&fine, equity, requirement, 0, terms), 21_183);
        // With 1e8 on top of what is required: x >= 32,758.6.
        assert_eq!(slice_to_target(&held, equity, requirement, 100_000_000, terms), 328);
        for (lots, offset, restored) in
            [(211, 0, false), (212, 0, true), (327, 100_000_000, false), (328, 100_000_000, true)]
        {
            let is = is_restored(&held, lots, equity, requirement, offset, terms);
            assert_eq!(is, restored, "{lots} lots, {offset}");
        }
        // On the target to the unit: 9.5e8 = 1e9 - 10,000 * 5,000.
        let terms = SliceTerms { target: 256, cost: 0 };
        assert_eq!(slice_to_target(&held, 950_000_000, requirement, 0, terms), 50);
        assert_eq!(slice_to_target(&held, 1_000_000_000, requirement, 0, terms), 0);
        // A cost of half the rate at E = R / 2 neither raises nor lowers the ratio.
        assert!(!slicing_improves(&held, 500_000_000, requirement, 5_000));
        assert!(slicing_improves(&held, 500_000_000, requirement, 4_999));
    }

    /// Ten lots at 1 %: E = 10 P + cash, R = P / 10.
    #[test]
    fn liquidation_prices_by_hand() {
        let table = TierTable::new(scale(), &[(0, 10_000)]).unwrap();
        let price = |size, cash: i128| {
            let rest = Rest { equity: cash * i128::from(SCALE), requirement: 0 };
            liquidation_price(&holding(size, 77, &table), rest).map(Price::get)
        };
        // 9.9 P >= 900, 9.9 P >= 990, 10.1 P <= 1,100; no position, no price.
        assert_eq!((price(10, -900), price(10, -990), price(-10, 1_100)), (Some(91), Some(100), Some(108)));
        assert_eq!((price(0, 5), price(10, 5), price(-10, -5)), (None, None, None));
    }

    #[test]
    fn the_fund_takes_at_most_the_surplus_and_pays_the_whole_deficit() {
        assert_eq!(insurance_delta(1_000_000, 900_000, 5_000, scale()), 5_000);
        assert_eq!(insurance_delta(1_000_000, 999_000, 5_000, scale()), 1_000);
        assert_eq!(insurance_delta(1_000_000, 1_000_000, 5_000, scale()), 0);
        assert_eq!(insurance_delta(900_000, 1_000_000, 5_000, scale()), -100_000);
        assert_eq!(insurance_delta(-1_000_000, -1_100_000, 5_000, scale()), 5_000);
    }
}
