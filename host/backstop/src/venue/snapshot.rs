//! One symbol's book at one time, in decimals as it was recorded, and what it holds at a distance from its mid.

use engine::event::TimeMs;
use model::units::OutOfRange;
use rust_decimal::Decimal;

use super::profile::GRID_PPM;
use super::{DEPTH_PPM, DepthProfile, PPM};
use crate::feed::instrument::QUOTE_PLACES;

/// Decimal places that a price may have, and that a quantity is kept with.
pub const PLACES_MAX: u32 = 12;

/// A price level: integers over `10^12`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct PriceLevel {
    pub price: u128,
    /// Units of the base asset.
    pub quantity: u128,
}

/// A two-sided book that reaches 1 % from its mid.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BookSnapshot {
    pub time_ms: TimeMs,
    /// Bids and offers in any order.
    sides: [Vec<PriceLevel>; 2],
    /// Twice the mid, over `10^12`.
    mid_twice: u128,
}

impl BookSnapshot {
    /// # Errors
    /// In words, if a side is missing, the book is crossed, or a side does not reach 1 % from the mid.
    pub(super) fn new(
        time_ms: TimeMs,
        bids: Vec<PriceLevel>,
        offers: Vec<PriceLevel>,
    ) -> Result<Self, String> {
        let best_bid = bids.iter().map(|level| level.price).max().ok_or("it has no bids")?;
        let best_offer = offers.iter().map(|level| level.price).min().ok_or("it has no offers")?;
        if best_bid >= best_offer {
            return Err("its best bid is not below its best offer".into());
        }
        let snapshot = Self { time_ms, sides: [bids, offers], mid_twice: best_bid + best_offer };
        for (side, name) in [(0, "bids"), (1, "offers")] {
            let reaches = |level: &PriceLevel| !snapshot.is_within(level.price, DEPTH_PPM);
            if !snapshot.sides[side].iter().any(reaches) {
                return Err(format!("its {name} do not reach 1 % from the mid"));
            }
            if snapshot.counted_notional(side, GRID_PPM[GRID_PPM.len() - 1]).is_none() {
                return Err(format!("its {name} are worth more than can be counted"));
            }
            if snapshot.notional(side, DEPTH_PPM) == 0 {
                return Err(format!("it has no {name} within 1 % of the mid"));
            }
        }
        Ok(snapshot)
    }

    /// Whether the price lies at most `ppm` of the mid from it. Prices are below 2^80, so nothing overflows.
    fn is_within(&self, price: u128, ppm: u32) -> bool {
        (2 * price).abs_diff(self.mid_twice) * u128::from(PPM) <= self.mid_twice * u128::from(ppm)
    }

    fn within(&self, side: usize, ppm: u32) -> impl Iterator<Item = &PriceLevel> {
        self.sides[side].iter().filter(move |level| self.is_within(level.price, ppm))
    }

    /// Quanta of notional within `ppm` of the mid, at most the grid's last; side 0 is bids, 1 offers. Rounded down once.
    pub(super) fn notional(&self, side: usize, ppm: u32) -> u128 {
        self.counted_notional(side, ppm).expect("counted when the snapshot was made")
    }

    fn counted_notional(&self, side: usize, ppm: u32) -> Option<u128> {
        let mut levels = self.within(side, ppm);
        let sum =
            levels.try_fold(0u128, |sum, level| sum.checked_add(level.price.checked_mul(level.quantity)?))?;
        Some(sum / 10u128.pow(2 * PLACES_MAX - QUOTE_PLACES as u32))
    }

    /// Cumulative lots of `10^lot_exponent` of the base asset at every distance of the grid, rounded down once each.
    ///
    /// # Errors
    /// If a side holds more lots than can be counted.
    pub fn profile(&self, lot_exponent: i8) -> Result<DepthProfile, OutOfRange> {
        let lots = |side| -> Result<[u64; GRID_PPM.len()], OutOfRange> {
            let mut row = [0; GRID_PPM.len()];
            for (lots, ppm) in row.iter_mut().zip(GRID_PPM) {
                let quantity: u128 = self.within(side, ppm).map(|level| level.quantity).sum();
                *lots = lots_of(quantity, lot_exponent)?;
            }
            Ok(row)
        };
        Ok(DepthProfile::on_grid(lots(0)?, lots(1)?))
    }
}

/// Whole lots in a quantity over `10^12`; at most 2^40, the widest size there is.
fn lots_of(quantity: u128, lot_exponent: i8) -> Result<u64, OutOfRange> {
    const LOTS_MAX: u128 = 1 << 40;
    let power = i32::from(lot_exponent) + PLACES_MAX as i32;
    let ten = 10u128.checked_pow(power.unsigned_abs());
    let lots = if power >= 0 {
        ten.map_or(0, |ten| quantity / ten)
    } else {
        ten.and_then(|ten| quantity.checked_mul(ten)).unwrap_or(u128::MAX)
    };
    let value = i128::try_from(lots).unwrap_or(i128::MAX);
    let refused = OutOfRange { what: "lots of a book", value, min: 0, max: LOTS_MAX as i128 };
    u64::try_from(lots).ok().filter(|lots| u128::from(*lots) <= LOTS_MAX).ok_or(refused)
}

/// A decimal over `10^12`: below 2^80 and with no more places than that.
pub(super) fn integer_of(value: Decimal) -> Option<u128> {
    let missing = PLACES_MAX.checked_sub(value.normalize().scale())?;
    let mantissa = u128::try_from(value.normalize().mantissa()).ok()?;
    mantissa.checked_mul(10u128.pow(missing)).filter(|integer| *integer < 1 << 80)
}
