//! An instrument made to fit its first price of the episode: lot, tick, brackets and book; and its prices in quanta per lot.
//!
//! The lot is the power of ten that makes the first price 10^6 to 10^7 quanta per lot (one to ten units of quote currency); the tick is
//! ten quanta per lot, six significant digits of that price. In 32 bits the price may then rise 429-fold at least. Notional levels assume
//! a quote currency of about a dollar.

use engine::rules::{BackstopLimits, Budget, Depth, Hedge, InstrumentSpec, Kind, OpenInterest};
use model::tier::{TierError, TierTable};
use model::units::{OutOfRange, Scale};
use rust_decimal::Decimal;

/// Quanta of a unit of the quote currency, as a power of ten.
pub const QUOTE_PLACES: i32 = 6;
/// Quanta of a unit of the quote currency.
pub const QUOTE_UNIT: u64 = 10u64.pow(QUOTE_PLACES as u32);
/// Significant digits of a tick at the first price.
const TICK_DIGITS: u32 = 6;
/// Digits of the first price in quanta per lot.
const PRICE_DIGITS: u32 = 7;
const PRICE_BITS: u8 = 32;
const SIZE_BITS: u8 = 27;
const _: () = assert!(PRICE_BITS as u32 + SIZE_BITS as u32 <= model::units::NOTIONAL_BITS);
/// Rates below are parts per million.
const PPM: u32 = 1_000_000;
/// Liquidation fee of the insurance funds and expected slippage, per notional.
const FEE_PPM: u32 = 1_500;
const SLIPPAGE_PPM: u32 = 1_000;
/// Furthest a liquidation order's limit lies from the mark, and a mark from the last one.
const LIMIT_BAND_PPM: u32 = 20_000;
const MARK_BAND_PPM: u32 = 200_000;

/// Maintenance brackets: notional from, in units of quote currency, and rate in parts per million.
pub const BRACKETS: [(u64, u32); 9] = [
    (0, 5_000),
    (50_000, 10_000),
    (250_000, 25_000),
    (1_000_000, 50_000),
    (5_000_000, 100_000),
    (20_000_000, 125_000),
    (50_000_000, 150_000),
    (100_000_000, 250_000),
    (200_000_000, 500_000),
];

/// The simulated book: price levels a side, their distance in parts per million, units of quote currency on each, and how many seconds refill one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Book {
    pub levels: u32,
    pub step_ppm: u32,
    pub level_notional: u64,
    pub refill_seconds: u64,
}

impl Default for Book {
    /// A million a side within 1 %: liquidations of a crash exhaust it.
    fn default() -> Self {
        Self { levels: 20, step_ppm: 500, level_notional: 50_000, refill_seconds: 10 }
    }
}

/// Why an instrument cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum InstrumentError {
    #[error("first price {price} of {symbol} is not above zero")]
    NotPositive { symbol: String, price: Decimal },
    #[error(
        "{what} of {ppm} parts per million is no whole number over the scale {scale}; use a scale of 1,000,000"
    )]
    Scale { what: &'static str, ppm: u32, scale: u32 },
    #[error("first price {price} of {symbol}: {source}")]
    Price { symbol: String, price: Decimal, source: PriceError },
    #[error(transparent)]
    Tiers(#[from] TierError),
    #[error(transparent)]
    Range(#[from] OutOfRange),
}

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

/// Instrument of `symbol` whose first price is `price`; rates over `scale`.
///
/// # Errors
/// [`InstrumentError`] if the price is not above zero, does not fit, or a rate is no whole number over the scale.
pub fn derive(
    symbol: &str,
    price: Decimal,
    scale: Scale,
    book: &Book,
) -> Result<InstrumentSpec, InstrumentError> {
    let Some(grid) = Grid::at_first(price) else {
        return Err(InstrumentError::NotPositive { symbol: symbol.into(), price });
    };
    let over_scale = |what, ppm: u32| {
        let product = u64::from(ppm) * u64::from(scale.get());
        let exact = product.is_multiple_of(u64::from(PPM));
        let rate = (product / u64::from(PPM)) as u32;
        if exact { Ok(rate) } else { Err(InstrumentError::Scale { what, ppm, scale: scale.get() }) }
    };
    let mut brackets = Vec::with_capacity(BRACKETS.len());
    for (floor, ppm) in BRACKETS {
        brackets.push((floor * QUOTE_UNIT, over_scale("maintenance rate", ppm)?));
    }
    TierTable::new(scale, &brackets)?;
    let mut spec = InstrumentSpec {
        symbol: symbol.into(),
        kind: Kind::Contract,
        lot_exponent: grid.lot_exponent,
        tick: grid.tick,
        price_bits: grid.price_bits,
        size_bits: SIZE_BITS,
        weight_long: scale.get(),
        weight_short: scale.get(),
        brackets,
        initial: Vec::new(),
        open_interest: OpenInterest::default(),
        fee: over_scale("fee", FEE_PPM)?,
        slippage: over_scale("slippage", SLIPPAGE_PPM)?,
        limit_band: over_scale("limit band", LIMIT_BAND_PPM)?,
        mark_band: over_scale("mark band", MARK_BAND_PPM)?,
        budget: Budget::default(),
        fund_cap: u64::MAX,
        backstop: BackstopLimits { notional: u64::MAX, loss: u64::MAX },
        hedge: Hedge::default(),
        depth: Depth {
            levels: book.levels,
            step: over_scale("book step", book.step_ppm)?,
            level_lots: 0,
            refill_lots: 0,
        },
    };
    let failed = |source| InstrumentError::Price { symbol: symbol.into(), price, source };
    let quoted = grid.quanta(price).map_err(failed)?;
    spec.depth.level_lots = (book.level_notional * QUOTE_UNIT / quoted.quanta).max(1);
    spec.depth.refill_lots = (spec.depth.level_lots / book.refill_seconds.max(1)).max(1);
    Ok(spec)
}

/// Tiers of an instrument.
///
/// # Errors
/// [`TierError`] if the brackets are no table.
pub fn tiers(spec: &InstrumentSpec, scale: Scale) -> Result<TierTable, TierError> {
    TierTable::new(scale, &spec.brackets)
}

/// What a price needs to become an integer of its instrument.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Grid {
    pub lot_exponent: i8,
    pub tick: u64,
    pub price_bits: u8,
}

impl Grid {
    /// Grid of the instrument whose first price of the episode is `price`; none if that is not above zero.
    pub fn at_first(price: Decimal) -> Option<Self> {
        let mantissa = Some(price.mantissa()).filter(|&mantissa| mantissa > 0)?;
        let magnitude = mantissa.ilog10() as i32 - price.scale() as i32;
        let lot_exponent = PRICE_DIGITS as i32 - 1 - QUOTE_PLACES - magnitude;
        let tick = 10u64.pow(PRICE_DIGITS - TICK_DIGITS);
        Some(Self { lot_exponent: lot_exponent as i8, tick, price_bits: PRICE_BITS })
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
    Grid { lot_exponent: spec.lot_exponent, tick: spec.tick, price_bits: spec.price_bits }.quanta(price)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spec(price: &str) -> InstrumentSpec {
        derive("X", price.parse().unwrap(), Scale::new(1_000_000).unwrap(), &Book::default()).unwrap()
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
    fn the_book_holds_about_a_million_a_side() {
        let spec = spec("46319.0");
        assert_eq!(spec.depth, Depth { levels: 20, step: 500, level_lots: 10_794, refill_lots: 1_079 });
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

    #[test]
    fn a_scale_that_cannot_hold_the_rates_is_refused() {
        for scale in [1_000_000, 600_000, 10_000, 2_000] {
            derive("X", Decimal::ONE, Scale::new(scale).unwrap(), &Book::default()).unwrap();
        }
        let error = derive("X", Decimal::ONE, Scale::new(999_999).unwrap(), &Book::default()).unwrap_err();
        assert!(matches!(error, InstrumentError::Scale { .. }), "{error}");
        let scale = Scale::new(1_000_000).unwrap();
        assert!(matches!(
            derive("X", Decimal::ZERO, scale, &Book::default()),
            Err(InstrumentError::NotPositive { .. })
        ));
    }

    proptest! {
        /// Against the decimal library's own rounding.
        #[test]
        fn quanta_are_the_decimal_rounded(mantissa in 1i64..i64::MAX, places in 0u32..19, other in 1i64..1_000_000_000) {
            let first = Decimal::new(mantissa, places);
            let scale = Scale::new(1_000_000).unwrap();
            let spec = derive("X", first, scale, &Book::default()).unwrap();
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
