//! Spot: how much of a borrow to move against how much of a deposit, and at which fees. Amounts are in the tokens' smallest units.

use ethnum::U256;

use super::{BASE, DriftError, FEE, MARGIN, PRICE, QUOTE, mul_div_ceil, mul_div_floor, token_one};

/// Extra digit that weights get before they are multiplied.
const WEIGHT_DIGIT: u64 = 10;

/// A token amount as a size of the weight curves: `floor(amount * 1e9 / 10^decimals)`.
///
/// # Errors
/// [`DriftError::Decimals`].
pub fn token_size_floor(amount: u64, decimals: u32) -> Result<u128, DriftError> {
    Ok(u128::from(amount) * BASE / token_one(decimals)?)
}

/// Value of a token amount in quote: `floor(amount * price / 10^decimals)`.
///
/// # Errors
/// [`DriftError::Decimals`].
pub fn token_value_floor(amount: u64, decimals: u32, price: u64) -> Result<u128, DriftError> {
    Ok(u128::from(amount) * u128::from(price) / token_one(decimals)?)
}

/// One side of a transfer. A multiplier of [`FEE`] is no liquidation fee.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Side {
    pub decimals: u32,
    pub price: u64,
    pub multiplier_ppm: u32,
}

/// The weights of a transfer. `decimals` and `price` are the liability's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CoverTerms {
    pub asset_weight: u32,
    pub asset_multiplier_ppm: u32,
    pub liability_weight: u32,
    pub liability: Side,
    pub if_fee_ppm: u32,
}

/// Liability whose transfer covers the shortage: `floor(floor(shortage * 1e11 * 10^(decimals-6) / (price*(10*lw - floor(10*aw*am/lm)) - floor(price*if_fee/1e6)*10*lw)))`,
/// at least 1, so that a liquidation always moves. `None`: no amount does, because the asset weighs as much as the liability.
///
/// # Errors
/// [`DriftError::Decimals`].
pub fn liability_to_cover_floor(shortage: u128, terms: &CoverTerms) -> Result<Option<u128>, DriftError> {
    let one = token_one(terms.liability.decimals)?;
    let liability = WEIGHT_DIGIT * u64::from(terms.liability_weight);
    let asset = WEIGHT_DIGIT * u64::from(terms.asset_weight);
    let asset =
        mul_div_floor(asset.into(), terms.asset_multiplier_ppm.into(), terms.liability.multiplier_ppm.into());
    let price = terms.liability.price;
    let fee = u128::from(price) * u128::from(terms.if_fee_ppm) / u128::from(FEE);
    let gain = asset
        .filter(|_| terms.asset_weight < terms.liability_weight)
        .and_then(|asset| u128::from(liability).checked_sub(asset))
        .and_then(|weight| u128::from(price).checked_mul(weight))
        .and_then(|freed| freed.checked_sub(fee.checked_mul(liability.into())?))
        .filter(|&gain| gain > 0);
    let Some(gain) = gain else { return Ok(None) };
    // Two floors in a row where the token has fewer digits than the quote.
    let (up, down) = (one.max(QUOTE) / QUOTE, QUOTE / one.min(QUOTE));
    let scale = PRICE * u128::from(MARGIN) * u128::from(WEIGHT_DIGIT);
    let scaled =
        U256::from(shortage) * U256::from(scale) * U256::from(up) / U256::from(gain) / U256::from(down);
    Ok(u128::try_from(scaled).ok().map(|amount| amount.max(1)))
}

/// Liability paid for by `asset`: `ceil(ceil(asset * price_a * lm * 10^x / (price_l * am)))`, digits adjusted.
///
/// # Errors
/// [`DriftError::Decimals`]; a price or multiplier of 0.
pub fn liability_implied_ceil(
    asset: u64,
    asset_side: &Side,
    liability_side: &Side,
) -> Result<u128, DriftError> {
    let (numerator, divisor, down) = exchange(asset, asset_side, liability_side)?;
    let one = mul_div_ceil(numerator, liability_side.multiplier_ppm.into(), divisor);
    Ok(one.ok_or(DriftError::Overflow("liability"))?.div_ceil(down))
}

/// Asset given for `liability`, floored; all of `asset` if the two are less than 1 quote apart, so that no dust stays.
/// The venue applies the digits of that difference the wrong way round; here it is one whole quote for every token.
///
/// # Errors
/// [`DriftError::Decimals`]; a price or multiplier of 0.
pub fn asset_for_liability_floor(
    asset: u64,
    asset_side: &Side,
    liability: u64,
    liability_side: &Side,
) -> Result<u128, DriftError> {
    let (numerator, divisor, down) = exchange(liability, liability_side, asset_side)?;
    let one = mul_div_floor(numerator, asset_side.multiplier_ppm.into(), divisor);
    let transfer = one.ok_or(DriftError::Overflow("asset"))? / down;
    let difference = transfer.abs_diff(asset.into());
    let value = mul_div_floor(difference, asset_side.price.into(), token_one(asset_side.decimals)?);
    let is_dust = value.is_some_and(|value| value < QUOTE);
    Ok(if is_dust { asset.into() } else { transfer })
}

/// `from` at the price ratio of two tokens: a numerator that lacks the multiplier of `to`, its divisor, and a second divisor for a `to`
/// of fewer digits.
fn exchange(from: u64, from_side: &Side, to: &Side) -> Result<(u128, u128, u128), DriftError> {
    let (from_one, to_one) = (token_one(from_side.decimals)?, token_one(to.decimals)?);
    let divisor = u128::from(to.price) * u128::from(from_side.multiplier_ppm);
    if divisor == 0 {
        return Err(DriftError::Zero("price and multiplier"));
    }
    let (up, down) = (to_one.max(from_one) / from_one, from_one.max(to_one) / to_one);
    let value = u128::from(from) * u128::from(from_side.price);
    let numerator = value.checked_mul(up).ok_or(DriftError::Overflow("value"))?;
    Ok((numerator, divisor, down))
}

/// Insurance fund fee in ppm: what the weights leave after fees and the shortage, over the liability's weight, at most the market's.
/// `floor((lw - floor(aw*am/lm) - floor(floor(shortage*1e6*10^decimals/amount)/price)) * 1e6 / lw)`, weights in ppm.
///
/// # Errors
/// [`DriftError::Decimals`].
pub fn spot_if_fee_floor(shortage: u128, liability: u64, terms: &CoverTerms) -> Result<u32, DriftError> {
    let one = token_one(terms.liability.decimals)?;
    if terms.asset_weight >= terms.liability_weight {
        return Ok(0);
    }
    let ppm = |weight: u32| u128::from(weight) * u128::from(FEE / MARGIN);
    let (asset, weight) = (ppm(terms.asset_weight), ppm(terms.liability_weight));
    let asset =
        mul_div_floor(asset, terms.asset_multiplier_ppm.into(), terms.liability.multiplier_ppm.into());
    let scaled = U256::from(shortage) * U256::from(FEE) * U256::from(one);
    let share = scaled
        .checked_div(U256::from(liability))
        .and_then(|per_token| per_token.checked_div(U256::from(terms.liability.price)))
        .map(|share| u128::try_from(share).unwrap_or(u128::MAX));
    let spare =
        asset.zip(share).map_or(0, |(asset, share)| weight.saturating_sub(asset).saturating_sub(share));
    let fee = spare * u128::from(FEE) / weight;
    Ok(terms.if_fee_ppm.min(u32::try_from(fee).expect("a share of the weight is at most one")))
}

/// True if a swap of `asset` into `liability` is at least as good as the liquidation's worst price,
/// `floor(floor(price_a * 1e6 * lm / price_l) / am)`.
///
/// # Errors
/// [`DriftError::Decimals`]; an amount, a price or a multiplier of 0.
pub fn is_swap_within_bound(
    asset: u64,
    asset_side: &Side,
    liability: u64,
    liability_side: &Side,
) -> Result<bool, DriftError> {
    let (asset_one, liability_one) = (token_one(asset_side.decimals)?, token_one(liability_side.decimals)?);
    let whole = u128::from(liability) * PRICE / liability_one;
    let swapped = mul_div_floor(whole, asset_one, asset.into()).ok_or(DriftError::Zero("asset"))?;
    let worst = u128::from(asset_side.price) * PRICE;
    let worst = mul_div_floor(worst, liability_side.multiplier_ppm.into(), liability_side.price.into())
        .ok_or(DriftError::Zero("liability price"))?;
    let worst =
        worst.checked_div(asset_side.multiplier_ppm.into()).ok_or(DriftError::Zero("asset multiplier"))?;
    Ok(swapped >= worst)
}

#[cfg(test)]
#[path = "spot_tests.rs"]
mod tests;
