//! Funding: the rate of a period, its cap, and what a position pays.

use ethnum::U256;

use super::{BASE, DriftError, FUNDING, QUOTE};

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
/// Cumulative funding, 1e-9 quote per base, over the price's 1e-6.
pub const FUNDING_BUFFER: u32 = 1_000;

/// The averages a funding rate is made of, and its settings.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FundingTerms {
    pub mark_twap: u64,
    pub oracle_twap: u64,
    /// Seconds; the rate is a day's premium spread over the day's periods, an hour at least.
    pub period: u64,
    /// The spread is clamped to this fraction of the oracle's average.
    pub clamp_divisor: u64,
    /// [`FUNDING_BUFFER`] at the venue.
    pub buffer: u32,
}

/// Largest spread that counts: `floor(oracle / divisor)`.
///
/// # Errors
/// A divisor of 0.
pub fn divergence_cap_floor(oracle_twap: u64, divisor: u64) -> Result<u64, DriftError> {
    oracle_twap.checked_div(divisor).ok_or(DriftError::Zero("clamp divisor"))
}

/// Funding rate of a period: `clamp(mark - oracle) * buffer / (86400 / period)`, toward zero. Longs pay a positive rate.
///
/// # Errors
/// A clamp divisor of 0; a period above a day.
pub fn funding_rate_tdiv(terms: &FundingTerms) -> Result<i128, DriftError> {
    let cap = i128::from(divergence_cap_floor(terms.oracle_twap, terms.clamp_divisor)?);
    let spread = (i128::from(terms.mark_twap) - i128::from(terms.oracle_twap)).clamp(-cap, cap);
    let periods = i128::from(DAY / terms.period.max(HOUR));
    (spread * i128::from(terms.buffer)).checked_div(periods).ok_or(DriftError::Zero("periods of a day"))
}

/// Quote that a position gets (below 0: pays) for a move of the cumulative rate: `-(delta * base / 1e12)`, magnitude floored.
///
/// # Errors
/// [`DriftError::Overflow`].
pub fn funding_payment_tdiv(delta: i128, base: i64) -> Result<i128, DriftError> {
    let one = BASE * FUNDING / QUOTE;
    let magnitude = U256::from(delta.unsigned_abs()) * U256::from(base.unsigned_abs()) / U256::from(one);
    let magnitude = i128::try_from(magnitude).map_err(|_| DriftError::Overflow("funding payment"))?;
    Ok(-magnitude * delta.signum() * i128::from(base.signum()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(mark_twap: u64, oracle_twap: u64) -> FundingTerms {
        FundingTerms { mark_twap, oracle_twap, period: 3_600, clamp_divisor: 10, buffer: 1_000 }
    }

    #[test]
    fn a_rate_is_the_clamped_spread_over_the_day() {
        // 50 * 1000 / 24 = 2083.3; -50: -2083.3; cap 100: 4166.6.
        assert_eq!(funding_rate_tdiv(&terms(1_050, 1_000)), Ok(2_083));
        assert_eq!(funding_rate_tdiv(&terms(950, 1_000)), Ok(-2_083));
        assert_eq!(funding_rate_tdiv(&terms(2_000, 1_009)), Ok(4_166));
        assert_eq!(funding_rate_tdiv(&terms(0, 1_009)), Ok(-4_166));
        let eight_hours = FundingTerms { period: 28_800, ..terms(1_050, 1_000) };
        assert_eq!(funding_rate_tdiv(&eight_hours), Ok(16_666));
        let minute = FundingTerms { period: 60, ..terms(1_050, 1_000) };
        assert_eq!(funding_rate_tdiv(&minute), Ok(2_083));
        let day = FundingTerms { period: 86_400, ..terms(1_050, 1_000) };
        assert_eq!(funding_rate_tdiv(&day), Ok(50_000));
    }

    #[test]
    fn settings_of_zero_are_refused_by_name() {
        let no_clamp = FundingTerms { clamp_divisor: 0, ..terms(1, 1) };
        assert_eq!(funding_rate_tdiv(&no_clamp), Err(DriftError::Zero("clamp divisor")));
        let two_days = FundingTerms { period: 172_800, ..terms(1, 1) };
        assert_eq!(funding_rate_tdiv(&two_days), Err(DriftError::Zero("periods of a day")));
        assert_eq!(divergence_cap_floor(1_009, 10), Ok(100));
    }

    #[test]
    fn longs_pay_a_rise_and_magnitudes_are_floored() {
        let one = 1_000_000_000_000;
        assert_eq!(funding_payment_tdiv(5 * one, 2), Ok(-10));
        assert_eq!(funding_payment_tdiv(5 * one, -2), Ok(10));
        assert_eq!(funding_payment_tdiv(-5 * one, 2), Ok(10));
        assert_eq!(funding_payment_tdiv(-5 * one, -2), Ok(-10));
        assert_eq!(funding_payment_tdiv(2 * one - 1, 1), Ok(-1));
        assert_eq!(funding_payment_tdiv(2 * one - 1, -1), Ok(1));
        assert_eq!(funding_payment_tdiv(one, 0), Ok(0));
        assert_eq!(funding_payment_tdiv(i128::MAX, i64::MAX), Err(DriftError::Overflow("funding payment")));
    }
}
