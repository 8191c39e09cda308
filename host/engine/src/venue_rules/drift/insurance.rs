//! Shares of the insurance fund: when they are rebased, and what a cancelled withdrawal costs.

use super::{DriftError, mul_div_floor};

/// Digits by which shares are cut when they outgrow the vault: `floor(log10(floor(floor(shares / 10) / vault)))`, 0 below 10.
///
/// # Errors
/// An empty vault.
pub fn rebase_digits(total_shares: u128, vault: u64) -> Result<u32, DriftError> {
    let ratio = (total_shares / 10).checked_div(vault.into()).ok_or(DriftError::Zero("insurance vault"))?;
    Ok(ratio.checked_ilog10().unwrap_or(0))
}

/// A request to withdraw, and the fund it stands in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct WithdrawRequest {
    pub shares: u128,
    /// What the shares were worth when it was made.
    pub value: u64,
    pub total_shares: u128,
    pub vault: u64,
}

/// Shares lost by cancelling: profit made since the request belongs to those who stayed, so the value requested buys its way back in, floored.
/// 0 if the shares are worth no more than then.
///
/// # Errors
/// [`DriftError::Shares`]: more shares than there are.
pub fn shares_lost_by_cancel(request: &WithdrawRequest) -> Result<u128, DriftError> {
    let WithdrawRequest { shares, value, total_shares, vault } = *request;
    let others =
        total_shares.checked_sub(shares).ok_or(DriftError::Shares { shares, total: total_shares })?;
    let (vault, value) = (u128::from(vault), u128::from(value));
    let worth = mul_div_floor(vault, shares, total_shares).unwrap_or(0);
    if worth <= value {
        return Ok(0);
    }
    let bought =
        mul_div_floor(value, others, vault - value).expect("less than the shares are worth buys fewer");
    Ok(shares - bought)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rebased_by_whole_digits() {
        assert_eq!(rebase_digits(99, 1), Ok(0));
        assert_eq!(rebase_digits(100, 1), Ok(1));
        assert_eq!(rebase_digits(1_999, 2), Ok(1));
        assert_eq!(rebase_digits(2_000, 2), Ok(2));
        assert_eq!(rebase_digits(5, 700), Ok(0));
        assert_eq!(rebase_digits(5, 0), Err(DriftError::Zero("insurance vault")));
    }

    #[test]
    fn a_cancelled_request_buys_back_in_at_the_price_of_those_who_stayed() {
        let request = WithdrawRequest { shares: 100, value: 50, total_shares: 400, vault: 800 };
        // Worth 200 now; 50 buys floor(50 * 300 / 750) = 20 shares.
        assert_eq!(shares_lost_by_cancel(&request), Ok(80));
        assert_eq!(shares_lost_by_cancel(&WithdrawRequest { value: 199, ..request }), Ok(100 - 99));
        assert_eq!(shares_lost_by_cancel(&WithdrawRequest { value: 200, ..request }), Ok(0));
        assert_eq!(shares_lost_by_cancel(&WithdrawRequest { value: 201, ..request }), Ok(0));
        let none = WithdrawRequest { shares: 0, value: 0, total_shares: 0, vault: 0 };
        assert_eq!(shares_lost_by_cancel(&none), Ok(0));
        // The only stake: nobody stayed, 50 buys nothing of a fund that keeps 750.
        assert_eq!(shares_lost_by_cancel(&WithdrawRequest { total_shares: 100, ..request }), Ok(100));
    }

    #[test]
    fn a_stake_that_cannot_be_is_refused() {
        let request = WithdrawRequest { shares: 5, value: 0, total_shares: 4, vault: 100 };
        assert_eq!(shares_lost_by_cancel(&request), Err(DriftError::Shares { shares: 5, total: 4 }));
    }
}
