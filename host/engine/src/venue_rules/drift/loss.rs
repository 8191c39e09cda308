//! Bankruptcy: the fund pays, the fee pool pays, and the rest is spread over everybody, losers included.

use super::funding::FUNDING_BUFFER;
use super::{BASE, DriftError, mul_div_ceil, mul_div_floor, token_one};

/// Units of an unbalanced token: a balance is `1e-9 * 1e-10` of a token times the interest index.
const BALANCE_DECIMALS: u32 = 19;

/// Cumulative funding of longs and of shorts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FundingIndex {
    pub long: i128,
    pub short: i128,
}

/// A perpetual market that must resolve a loss. Magnitudes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PerpLoss {
    /// Quote the bankrupt account owes.
    pub loss: u128,
    pub insurance_vault: u64,
    /// What the market may still draw from the fund.
    pub insurance_cap: u64,
    pub fee_pool: u64,
    pub base_long: u128,
    pub base_short: u128,
    pub index: FundingIndex,
}

/// Who paid.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PerpResolution {
    pub if_payment: u128,
    pub fee_pool_payment: u128,
    pub social_loss: u128,
    pub index: FundingIndex,
}

/// Rise of the cumulative funding that collects the loss from both sides: `ceil(loss*1e9 / (long + short)) * 1000`.
///
/// # Errors
/// [`DriftError::NoOpenInterest`], [`DriftError::Overflow`].
pub fn funding_delta_ceil(loss: u128, base_long: u128, base_short: u128) -> Result<i128, DriftError> {
    let base = base_long.checked_add(base_short).ok_or(DriftError::Overflow("open interest"))?;
    if base == 0 {
        return Err(DriftError::NoOpenInterest);
    }
    mul_div_ceil(loss, BASE, base)
        .and_then(|per_base| i128::try_from(per_base).ok())
        .and_then(|per_base| per_base.checked_mul(FUNDING_BUFFER.into()))
        .ok_or(DriftError::Overflow("funding delta"))
}

/// The vault pays up to the market's cap and keeps 1, then the fee pool, then both sides of the market through their funding index.
///
/// # Errors
/// As [`funding_delta_ceil`], if something is left to spread.
pub fn resolve_perp(market: &PerpLoss) -> Result<PerpResolution, DriftError> {
    let vault = u128::from(market.insurance_vault.saturating_sub(1));
    let if_payment = market.loss.min(vault).min(market.insurance_cap.into());
    let fee_pool_payment = (market.loss - if_payment).min(market.fee_pool.into());
    let social_loss = market.loss - if_payment - fee_pool_payment;
    let delta = match social_loss {
        0 => 0,
        loss => funding_delta_ceil(loss, market.base_long, market.base_short)?,
    };
    let moved = |index: Option<i128>| index.ok_or(DriftError::Overflow("funding index"));
    let index = FundingIndex {
        long: moved(market.index.long.checked_add(delta))?,
        short: moved(market.index.short.checked_sub(delta))?,
    };
    Ok(PerpResolution { if_payment, fee_pool_payment, social_loss, index })
}

/// Deposits of a spot market.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Deposits {
    pub balance: u128,
    pub cumulative_interest: u128,
    pub decimals: u32,
}

impl Deposits {
    /// Tokens: `floor(balance * index / 10^(19 - decimals))`.
    ///
    /// # Errors
    /// [`DriftError::Decimals`], [`DriftError::Overflow`].
    pub fn tokens_floor(&self) -> Result<u128, DriftError> {
        let unit = token_one(BALANCE_DECIMALS)? / token_one(self.decimals)?;
        mul_div_floor(self.balance, self.cumulative_interest, unit).ok_or(DriftError::Overflow("deposits"))
    }

    /// Fall of the interest index that takes `loss` tokens from all deposits: `ceil(index * loss / tokens)`, at most to an index of 1, so that
    /// balances can still be converted. 0 without deposits.
    ///
    /// # Errors
    /// [`DriftError::Decimals`], [`DriftError::Overflow`].
    pub fn interest_delta_ceil(&self, loss: u128) -> Result<u128, DriftError> {
        let tokens = self.tokens_floor()?;
        if tokens == 0 {
            return Ok(0);
        }
        let delta = mul_div_ceil(self.cumulative_interest, loss, tokens);
        let delta = delta.ok_or(DriftError::Overflow("interest delta"))?;
        Ok(delta.min(self.cumulative_interest.saturating_sub(1)))
    }
}

/// Who paid for a borrow that nobody repays.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SpotResolution {
    pub if_payment: u64,
    pub social_loss: u64,
    pub deposits: Deposits,
}

/// The vault pays and keeps 1, the depositors carry the rest.
///
/// # Errors
/// As [`Deposits::interest_delta_ceil`].
pub fn resolve_spot(
    borrow: u64,
    insurance_vault: u64,
    deposits: &Deposits,
) -> Result<SpotResolution, DriftError> {
    let if_payment = borrow.min(insurance_vault.saturating_sub(1));
    let social_loss = borrow - if_payment;
    let delta = deposits.interest_delta_ceil(social_loss.into())?;
    let cumulative_interest = deposits.cumulative_interest - delta;
    Ok(SpotResolution { if_payment, social_loss, deposits: Deposits { cumulative_interest, ..*deposits } })
}

#[cfg(test)]
#[path = "loss_tests.rs"]
mod tests;
