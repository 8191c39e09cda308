//! An instrument as the engine knows it: its rules as exact types, its mark, and who holds it.

use std::collections::BTreeSet;

use model::liquidation::Holding;
use model::margin::Weights;
use model::tier::{TierError, TierTable};
use model::units::{NOTIONAL_BITS, OutOfRange, Price, Scale, Size, bits_of};

use crate::guard::Guard;
use crate::rules::{InstrumentSpec, Rules};

/// Why an instrument cannot be listed, or a mark or size not be taken.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    #[error("{symbol}: tiers: {source}")]
    Tiers { symbol: String, source: TierError },
    #[error("{symbol}: {source}")]
    Range { symbol: String, source: OutOfRange },
}

#[derive(Clone, Debug)]
pub struct Market {
    pub spec: InstrumentSpec,
    pub guard: Guard,
    weights: Weights,
    tiers: TierTable,
    /// Last applied mark; 0 before the first.
    pub mark: Price,
    /// Indices of the margin accounts with a position.
    pub holders: BTreeSet<usize>,
}

impl Market {
    /// # Errors
    /// [`SpecError`] names the field that is out of its range.
    pub fn new(spec: InstrumentSpec, scale: Scale) -> Result<Self, SpecError> {
        let range = |what, value: u64, min: u64, max: u64| {
            if (min..=max).contains(&value) {
                return Ok(());
            }
            let source = OutOfRange { what, value: value.into(), min: min.into(), max: max.into() };
            Err(SpecError::Range { symbol: spec.symbol.clone(), source })
        };
        range("price_bits", spec.price_bits.into(), 1, 32)?;
        range("size_bits", spec.size_bits.into(), 1, 40)?;
        range(
            "price_bits + size_bits",
            u64::from(spec.price_bits) + u64::from(spec.size_bits),
            2,
            NOTIONAL_BITS.into(),
        )?;
        range("tick", spec.tick, 1, u32::MAX.into())?;
        for weight in [spec.weight_long, spec.weight_short] {
            range("weight", weight.into(), scale.get().into(), scale.get().into())?;
        }
        let tiers = TierTable::new(scale, &spec.brackets)
            .map_err(|source| SpecError::Tiers { symbol: spec.symbol.clone(), source })?;
        Ok(Self {
            weights: Weights { long: spec.weight_long, short: spec.weight_short },
            tiers,
            mark: Price::default(),
            guard: Guard::default(),
            holders: BTreeSet::new(),
            spec,
        })
    }

    /// The position of `lots` at the mark; `None` if the size is beyond the instrument's bits.
    pub fn holding(&self, lots: i64) -> Option<Holding<'_>> {
        if bits_of(lots.unsigned_abs()) > self.spec.size_bits.into() {
            return None;
        }
        let size = Size::new(lots).ok()?;
        Some(Holding { size, price: self.mark, weights: self.weights, tiers: self.tiers.steps() })
    }

    /// The price as a mark; `None` for zero or beyond the instrument's bits.
    pub fn price(&self, quanta: u64) -> Option<Price> {
        if quanta == 0 || bits_of(quanta) > self.spec.price_bits.into() {
            None
        } else {
            Price::new(quanta).ok()
        }
    }

    /// Worst price a liquidation order of `lots` (negative sells) may fill at: inside the band around the mark and no worse than
    /// the zero price, on a tick. `zero_quote` is the account's cash change at the zero price.
    pub fn limit(&self, lots: i64, zero_quote: i128, rules: &Rules) -> u64 {
        let (mark, tick) = (self.mark.get(), self.spec.tick);
        let band = (u128::from(mark) * u128::from(rules.limit_band) / u128::from(rules.scale)) as u64;
        // A zero quote of the other sign sets no limit for a sale, and lets nothing be bought.
        let paid = if lots < 0 { zero_quote } else { -zero_quote };
        let (zero, lots_abs) = (paid.max(0).unsigned_abs(), u128::from(lots.unsigned_abs()));
        if lots < 0 {
            let zero = zero.div_ceil(lots_abs).min(Price::MAX.into()) as u64;
            zero.max(mark - band).div_ceil(tick) * tick
        } else {
            let zero = (zero / lots_abs).min(Price::MAX.into()) as u64;
            zero.min(mark + band) / tick * tick
        }
    }
}
