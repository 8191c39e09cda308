//! An instrument as the engine knows it: its rules as exact types, its mark, and who holds it.

use std::collections::BTreeSet;

use model::liquidation::Holding;
use model::margin::Weights;
use model::tier::TierTable;
use model::units::{Price, Scale, Size, bits_of};

use crate::guard::Guard;
use crate::rules::{InstrumentError, InstrumentSpec};

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
    /// Everything that is wrong with the instrument.
    pub fn new(spec: InstrumentSpec, scale: Scale) -> Result<Self, Vec<InstrumentError>> {
        let errors = spec.errors(scale);
        if !errors.is_empty() {
            return Err(errors);
        }
        let tiers = TierTable::new(scale, &spec.brackets).expect("brackets without errors are a table");
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
    pub fn limit(&self, lots: i64, zero_quote: i128, scale: Scale) -> u64 {
        let (mark, tick) = (self.mark.get(), self.spec.tick);
        let band = (u128::from(mark) * u128::from(self.spec.limit_band) / u128::from(scale.get())) as u64;
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
