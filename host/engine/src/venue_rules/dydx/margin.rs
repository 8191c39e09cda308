//! Notional and margin requirements: notional toward zero, initial margin up, maintenance margin up from the rounded initial margin.

use ethnum::{I256, U256};
use model::units::OutOfRange;

use super::{DydxError, ONE_MILLION};
use crate::rules::OpenInterest;

/// How base quantums become quote quantums.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Market {
    /// A base quantum is `10^atomic_resolution` coins.
    pub atomic_resolution: i32,
    /// `price * 10^price_exponent` USD per coin.
    pub price: u64,
    pub price_exponent: i32,
}

impl Market {
    /// A quote quantum is `10^-6` USDC.
    const QUOTE_DIGITS: i32 = 6;

    /// Quote quantums of `base` quantums at the price, toward zero.
    ///
    /// # Errors
    /// [`DydxError::Width`] if they do not fit.
    pub fn quote_trunc(&self, base: i128) -> Result<i128, DydxError> {
        let exponent = self.atomic_resolution.saturating_add(self.price_exponent);
        let quote = shifted_trunc(
            I256::from(base) * I256::from(self.price),
            exponent.saturating_add(Self::QUOTE_DIGITS),
        );
        quote.and_then(|quote| i128::try_from(quote).ok()).ok_or(DydxError::Width("a notional"))
    }
}

/// `value * 10^exponent`, toward zero; `None` if it does not fit.
pub(super) fn shifted_trunc(value: I256, exponent: i32) -> Option<I256> {
    let power = I256::new(10).checked_pow(exponent.unsigned_abs());
    match power {
        Some(power) if exponent < 0 => Some(value / power),
        Some(power) => value.checked_mul(power),
        // Nothing of 256 bits is as large as such a power.
        None if exponent < 0 || value == I256::ZERO => Some(I256::ZERO),
        None => None,
    }
}

/// Margin fractions of a perpetual, and the open interest that raises the initial one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LiquidityTier {
    initial_ppm: u32,
    /// Maintenance margin over initial margin.
    maintenance_fraction_ppm: u32,
    caps: OpenInterest,
}

/// Initial and maintenance requirement, quote quantums.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Requirement {
    pub initial: u128,
    pub maintenance: u128,
}

impl LiquidityTier {
    /// # Errors
    /// [`OutOfRange`] for a fraction above one, or caps that fall.
    pub fn new(
        initial_ppm: u32,
        maintenance_fraction_ppm: u32,
        caps: OpenInterest,
    ) -> Result<Self, OutOfRange> {
        let bounds = [
            ("initial margin ppm", initial_ppm.into(), ONE_MILLION.into()),
            ("maintenance fraction ppm", maintenance_fraction_ppm.into(), ONE_MILLION.into()),
            ("open interest lower cap", caps.lower, caps.upper),
        ];
        for (what, value, max) in bounds {
            if value > max {
                return Err(OutOfRange { what, value: value.into(), min: 0, max: max.into() });
            }
        }
        Ok(Self { initial_ppm, maintenance_fraction_ppm, caps })
    }

    pub fn initial_ppm(&self) -> u32 {
        self.initial_ppm
    }

    /// Maintenance margin of the notional, ppm, down. Display and funding caps only: requirements round up from the initial margin.
    pub fn maintenance_ppm_floor(&self) -> u32 {
        (u64::from(self.initial_ppm) * u64::from(self.maintenance_fraction_ppm) / u64::from(ONE_MILLION))
            as u32
    }

    /// Initial margin fraction at an open interest of `open_notional` quote quantums, ppm: `base + floor((1 - base) * (OI - lower) / (upper -
    /// lower))`, the base up to the lower cap, all of the notional from the upper cap. An upper cap of 0 switches it off.
    pub fn adjusted_initial_ppm_floor(&self, open_notional: u128) -> u32 {
        let [lower, upper] = [self.caps.lower, self.caps.upper].map(u128::from);
        if upper == 0 || open_notional <= lower {
            return self.initial_ppm;
        }
        if open_notional >= upper {
            return ONE_MILLION;
        }
        let room = u128::from(ONE_MILLION - self.initial_ppm);
        self.initial_ppm + (room * (open_notional - lower) / (upper - lower)) as u32
    }

    /// Initial requirement of `notional` quote quantums, up.
    pub fn initial_margin_ceil(&self, notional: u128, open_notional: u128) -> u128 {
        ppm_ceil(notional, self.adjusted_initial_ppm_floor(open_notional))
    }

    /// Both requirements. Maintenance is a fraction of the rounded initial margin without open interest, rounded up again.
    pub fn requirement_ceil(&self, notional: u128, open_notional: u128) -> Requirement {
        let base = ppm_ceil(notional, self.initial_ppm);
        Requirement {
            initial: self.initial_margin_ceil(notional, open_notional),
            maintenance: ppm_ceil(base, self.maintenance_fraction_ppm),
        }
    }
}

/// A part of `amount` of at most a million ppm, up.
fn ppm_ceil(amount: u128, ppm: u32) -> u128 {
    let (product, million) = (U256::from(amount) * U256::from(ppm), U256::from(ONE_MILLION));
    ((product + million - 1) / million).as_u128()
}

/// More than the two roundings can add to the exact maintenance requirement of that many positions, quote quantums: what a device that
/// rounds nothing needs on top, so that it never misses an account.
pub const fn rounding_bound(positions: u32) -> u64 {
    2 * positions as u64
}
