//! Weights of collateral, profit and liabilities: by size, by how much the venue holds, by the worse of two prices.
//! Every weight is rounded against the account, except where a venue's own curve floors a liability (named so).

use ethnum::U256;
use model::margin::{Weights, value};
use model::units::{Price, Scale, Size};

/// A weight or margin ratio of one, in basis points.
pub const WEIGHT_ONE: u32 = 10_000;
/// An IMF factor of one.
const IMF_ONE: u128 = 1_000_000;
/// `size_root_floor` of a size of one, without its first digit.
const ROOT_ONE: u128 = 100_000;
/// Largest size the curves take, in 1e-9 of the asset: far above any token amount, and small enough that no product overflows.
pub const SIZE_MAX: u128 = 1 << 105;

/// `isqrt(10 * size + 1)`: the root of a size in 1e-9, in 1e-5.
fn size_root_floor(size: u128) -> u128 {
    assert!(size <= SIZE_MAX, "a size of {size} is no token amount");
    (10 * size + 1).isqrt()
}

/// Weight of a liability of `size` (1e-9 of the asset), basis points: `max(w, w - floor(w/5) + floor(q*imf / 1e7))`.
/// `imf` in 1e-6. Floored, in the account's favour, as the venue does.
/// Source: Drift v2, size premium of a liability's weight and of a perpetual's margin ratio.
pub fn liability_weight_floor(size: u128, imf: u32, weight: u32) -> u64 {
    let premium = size_root_floor(size) * u128::from(imf) / (ROOT_ONE * IMF_ONE / u128::from(WEIGHT_ONE));
    let premium = u64::try_from(premium).expect("the root of the largest size leaves room");
    u64::from(weight).max(u64::from(weight - weight / 5) + premium)
}

/// Weight of an asset of `size` (1e-9 of the asset), basis points: `min(w, floor(1.1e10 / (1e6 + floor(q*imf / 1e5))))`;
/// `w` itself without a factor.
/// Source: Drift v2, size discount of an asset's weight.
pub fn asset_weight_floor(size: u128, imf: u32, weight: u32) -> u32 {
    if imf == 0 {
        return weight;
    }
    let discount = size_root_floor(size) * u128::from(imf) / ROOT_ONE;
    let discounted = (IMF_ONE + IMF_ONE / 10) * u128::from(WEIGHT_ONE) / (IMF_ONE + discount);
    weight.min(u32::try_from(discounted).expect("at most 1.1"))
}

/// Whether a market's own price is trusted with unrealised profit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MarketTrust {
    Trusted,
    /// Thin enough for the holder to move the mark: profit there buys nothing until it is settled.
    Untrusted,
}

/// Weight of unrealised profit, basis points: 0 in an untrusted market, else the asset weight of the profit's size. A loss
/// counts in full and has no weight. `profit` in 1e-6 of the quote.
/// Source: Drift v2; Mango v4 for the untrusted market.
pub fn profit_weight_floor(profit: u64, imf: u32, weight: u32, trust: MarketTrust) -> u32 {
    match trust {
        MarketTrust::Trusted => asset_weight_floor(u128::from(profit) * 1_000, imf, weight),
        MarketTrust::Untrusted => 0,
    }
}

/// Weight of collateral of which the venue holds much: `w * min(1, start / deposits)`, floored. `start` and `deposits` in the same
/// unit of value; a `start` of 0 scales nothing.
/// Source: Drift v2 scaled initial asset weight; Mango v4 deposit weight scale.
pub fn deposit_scaled_weight_floor(weight: u32, start: u64, deposits: u128) -> u32 {
    let start = u128::from(start);
    if start == 0 || deposits <= start {
        return weight;
    }
    u32::try_from(u128::from(weight) * start / deposits).expect("scaling shrinks")
}

/// Two prices of one asset, of which an account gets the worse.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ReferencePrices {
    pub spot: Price,
    pub ema: Price,
}

impl ReferencePrices {
    /// The lower price for an asset, the higher for a liability.
    pub fn worst_for(self, size: Size) -> Price {
        if size.get() < 0 { self.spot.max(self.ema) } else { self.spot.min(self.ema) }
    }
}

/// Value of collateral in quanta, at the worse price and its weight, floored: an asset counts less, a liability costs more.
/// Source: Drift v2 strict oracle price; Mango v4 initial health.
pub fn collateral_value_floor(size: Size, prices: ReferencePrices, weights: Weights, scale: Scale) -> i128 {
    value(size, prices.worst_for(size), weights).div_euclid(scale.get().into())
}

/// Quanta per lot of `10^lot_exponent` units for which wrapped collateral redeems, floored: `ratio` millionths of a unit of the reference, given
/// as its price per lot and lot exponent, or of the quote currency. `None` beyond the range of prices.
pub fn redemption_price_floor(ratio: u64, lot_exponent: i8, reference: Option<(Price, i8)>) -> Option<Price> {
    // A millionth of the quote currency is a quantum.
    let (value, exponent) =
        reference.map_or((U256::ONE, 0), |(price, of)| (price.get().into(), -6 - i32::from(of)));
    let (value, exponent) = (value * U256::from(ratio), exponent + i32::from(lot_exponent));
    let power = U256::from(10u8).checked_pow(exponent.unsigned_abs());
    let price = if exponent < 0 {
        power.map_or(U256::ZERO, |power| value / power)
    } else {
        value.checked_mul(power?)?
    };
    Price::new(u64::try_from(price).ok()?).ok()
}

/// Price of wrapped collateral: the book's mid, held within `band` (over the scale) of what the issuer redeems it for, so that a book
/// that breaks from the redemption price neither liquidates nor enriches its holders. Both edges are floored.
pub fn redemption_bounded_price(mid: Price, redemption: Price, band: u32, scale: Scale) -> Price {
    let edge = |rate: u32| redemption.get() as u128 * u128::from(rate) / u128::from(scale.get());
    let [low, high] = [edge(scale.get().saturating_sub(band)), edge(scale.get().saturating_add(band))];
    let held = u128::from(mid.get()).clamp(low, high);
    let held = u64::try_from(held).expect("between the mid and the redemption price");
    Price::new(held).expect("between the mid and the redemption price")
}

#[cfg(test)]
#[path = "weights_tests.rs"]
mod tests;
