//! Prices in quanta per lot, and the grid (lot and tick) that an instrument's first price of the episode makes.
//!
//! The lot is the power of ten that makes the first price 10^6 to 10^7 quanta per lot (one to ten units of quote currency); the tick is
//! ten quanta per lot, six significant digits of that price. In 32 bits the price may then rise 429-fold at least.

use borsh::BorshSerialize;
use engine::rules::InstrumentSpec;
use rust_decimal::Decimal;

use super::field::shifted;

/// Quanta of a unit of the quote currency, as a power of ten.
pub const QUOTE_PLACES: i32 = 6;
/// Quanta of a unit of the quote currency.
pub const QUOTE_UNIT: u64 = 10u64.pow(QUOTE_PLACES as u32);
/// Significant digits of a tick at the first price.
const TICK_DIGITS: u32 = 6;
/// Digits of the first price in quanta per lot.
const PRICE_DIGITS: u32 = 7;
/// Bits of prices and sizes on a grid that the first price makes.
pub const PRICE_BITS: u8 = 32;
pub const SIZE_BITS: u8 = 27;
const _: () = assert!(PRICE_BITS as u32 + SIZE_BITS as u32 <= model::units::NOTIONAL_BITS);

/// Why a price has no integer form in its instrument.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PriceError {
    #[error("rounds to zero ticks")]
    Zero,
    #[error("needs more than {bits} bits of quanta per lot")]
    TooLarge { bits: u8 },
}

/// A price in quanta per lot, a whole number of ticks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Quoted {
    pub quanta: u64,
    /// True if the decimal price was not a whole number of ticks.
    pub rounded: bool,
}

/// What a price needs to become an integer of its instrument, and a size.
#[derive(BorshSerialize, Clone, Copy, Debug, Eq, PartialEq)]
pub struct Grid {
    /// A lot is `10^lot_exponent` of the base asset.
    pub lot_exponent: i8,
    /// Quanta per lot.
    pub tick: u64,
    pub price_bits: u8,
    pub size_bits: u8,
}

impl Grid {
    /// Grid of the instrument whose first price of the episode is `price`; none if that is not above zero.
    pub fn at_first(price: Decimal) -> Option<Self> {
        let mantissa = Some(price.mantissa()).filter(|&mantissa| mantissa > 0)?;
        let magnitude = mantissa.ilog10() as i32 - price.scale() as i32;
        let lot_exponent = PRICE_DIGITS as i32 - 1 - QUOTE_PLACES - magnitude;
        let tick = 10u64.pow(PRICE_DIGITS - TICK_DIGITS);
        Some(Self { lot_exponent: lot_exponent as i8, tick, price_bits: PRICE_BITS, size_bits: SIZE_BITS })
    }

    /// A tick in quote currency per unit of the base asset; `None` where no decimal holds it.
    pub fn tick_price(&self) -> Option<Decimal> {
        shifted(Decimal::from(self.tick), -QUOTE_PLACES - i32::from(self.lot_exponent))
    }

    /// A decimal price (quote currency per unit of the base asset) in quanta per lot, rounded half-even to the tick.
    ///
    /// # Errors
    /// [`PriceError`] if it rounds to zero or needs more than the instrument's `price_bits`.
    pub fn quanta(&self, price: Decimal) -> Result<Quoted, PriceError> {
        assert!(self.tick > 0, "a tick is a whole number of quanta per lot");
        let too_large = PriceError::TooLarge { bits: self.price_bits };
        let Ok(mantissa @ 1..) = u128::try_from(price.mantissa()) else { return Err(PriceError::Zero) };
        let power = i32::from(self.lot_exponent) + QUOTE_PLACES - price.scale() as i32;
        let ten = 10u128.checked_pow(power.unsigned_abs());
        let tick = u128::from(self.tick);
        // The price in ticks is numerator / denominator, exactly.
        let (numerator, denominator) = if power >= 0 {
            (ten.and_then(|ten| mantissa.checked_mul(ten)).ok_or(too_large)?, tick)
        } else {
            (mantissa, ten.and_then(|ten| tick.checked_mul(ten)).ok_or(PriceError::Zero)?)
        };
        let (floor, remainder) = (numerator / denominator, numerator % denominator);
        let up = match remainder.cmp(&(denominator - remainder)) {
            std::cmp::Ordering::Less => 0,
            std::cmp::Ordering::Equal => floor % 2,
            std::cmp::Ordering::Greater => 1,
        };
        let quanta =
            (floor + up).checked_mul(tick).and_then(|quanta| u64::try_from(quanta).ok()).ok_or(too_large)?;
        if quanta == 0 {
            return Err(PriceError::Zero);
        }
        if model::units::bits_of(quanta) > u32::from(self.price_bits) {
            return Err(too_large);
        }
        Ok(Quoted { quanta, rounded: remainder != 0 })
    }
}

/// A decimal price in quanta per lot of a listed instrument.
///
/// # Errors
/// As [`Grid::quanta`].
pub fn quanta(spec: &InstrumentSpec, price: Decimal) -> Result<Quoted, PriceError> {
    let InstrumentSpec { lot_exponent, tick, price_bits, size_bits, .. } = *spec;
    Grid { lot_exponent, tick, price_bits, size_bits }.quanta(price)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spec(price: &str) -> InstrumentSpec {
        crate::rules::built_in().spec("X", price.parse().unwrap()).unwrap()
    }

    fn quoted(spec: &InstrumentSpec, price: &str) -> Result<(u64, bool), PriceError> {
        quanta(spec, price.parse().unwrap()).map(|quoted| (quoted.quanta, quoted.rounded))
    }

    #[test]
    fn lot_and_tick_follow_the_first_price() {
        for (price, lot_exponent, quanta) in [
            ("46319.0", -4, 4_631_900),
            ("228.669", -2, 2_286_690),
            ("1.1224", 0, 1_122_400),
            ("0.5656", 1, 5_656_000),
            ("1000", -3, 1_000_000),
            ("999.9994", -2, 9_999_990),
            ("0.000000000001", 12, 1_000_000),
            ("1000000000000", -12, 1_000_000),
        ] {
            let spec = spec(price);
            assert_eq!((spec.lot_exponent, spec.tick), (lot_exponent, 10), "{price}");
            assert_eq!(quoted(&spec, price).unwrap().0, quanta, "{price}");
        }
    }

    #[test]
    fn prices_round_half_even_to_the_tick_and_stay_in_range() {
        let spec = spec("46319.0");
        assert_eq!(quoted(&spec, "46319.04"), Ok((4_631_900, true)));
        assert_eq!(quoted(&spec, "46319.05"), Ok((4_631_900, true)));
        assert_eq!(quoted(&spec, "46319.15"), Ok((4_631_920, true)));
        assert_eq!(quoted(&spec, "46319.1500000000000000000001"), Ok((4_631_920, true)));
        assert_eq!(quoted(&spec, "46319.0500000000000000000001"), Ok((4_631_910, true)));
        assert_eq!(quoted(&spec, "46319.10"), Ok((4_631_910, false)));
        assert_eq!(quoted(&spec, "0.05"), Err(PriceError::Zero));
        assert_eq!(quoted(&spec, "0.06"), Ok((10, true)));
        assert_eq!(quoted(&spec, "42949672.9"), Ok((4_294_967_290, false)));
        assert_eq!(quoted(&spec, "42949673"), Err(PriceError::TooLarge { bits: 32 }));
        assert_eq!(quoted(&spec, "79228162514264337593543950335"), Err(PriceError::TooLarge { bits: 32 }));
        assert_eq!(quoted(&spec, "-1"), Err(PriceError::Zero));
        assert_eq!(quoted(&spec, "0"), Err(PriceError::Zero));
    }

    proptest! {
        /// Against the decimal library's own rounding.
        #[test]
        fn quanta_are_the_decimal_rounded(mantissa in 1i64..i64::MAX, places in 0u32..19, other in 1i64..1_000_000_000) {
            let first = Decimal::new(mantissa, places);
            let spec = crate::rules::built_in().spec("X", first).unwrap();
            let at_first = quanta(&spec, first).unwrap().quanta;
            prop_assert!((1_000_000..=10_000_000).contains(&at_first));
            // A price near the first one, so that the library does not overflow.
            let price = Decimal::new(1_000_000 + other, 6) * first.round_sf(6).unwrap();
            let ticks = price * Decimal::from_scientific(&format!("1e{}", i32::from(spec.lot_exponent) + 5)).unwrap();
            let expected = ticks.round_dp_with_strategy(0, rust_decimal::RoundingStrategy::MidpointNearestEven);
            let exact = ticks.is_integer();
            match quanta(&spec, price) {
                Ok(quoted) => {
                    prop_assert_eq!(Decimal::from(quoted.quanta / 10), expected);
                    prop_assert_eq!(quoted.rounded, !exact);
                }
                Err(error) => {
                    prop_assert_eq!(error, PriceError::TooLarge { bits: 32 });
                    prop_assert!(expected * Decimal::TEN > Decimal::from(u32::MAX));
                }
            }
        }
    }
}
