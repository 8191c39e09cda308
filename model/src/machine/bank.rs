//! An instrument's two banks: the live one judges, the shadow one is written, a commit checks and swaps them.

use crate::margin::{self, Weights};
use crate::record::{self, Reason, Record};
use crate::tier::{Tier, TierSteps};
use crate::units::{DEDUCTION_BITS, NOTIONAL_BITS, Price, Scale, Size, TIERS_MAX, bits_of};

#[derive(Clone, Copy, Debug, Default)]
pub struct Header {
    pub weights: Weights,
    pub base: u32,
    pub capacity: u32,
    pub price_bits: u32,
    pub size_bits: u32,
    pub tier_count: usize,
}

impl Header {
    pub fn parse(record: &Record, scale: Scale) -> Result<Self, Reason> {
        let header = Self {
            weights: Weights {
                long: record::WEIGHT_LONG.get(record) as u32,
                short: record::WEIGHT_SHORT.get(record) as u32,
            },
            base: record::BASE.get(record) as u32,
            capacity: record::CAPACITY.get(record) as u32,
            price_bits: record::PRICE_BITS.get(record) as u32,
            size_bits: record::SIZE_BITS.get(record) as u32,
            tier_count: record::TIER_COUNT.get(record) as usize,
        };
        let in_range = header.weights.long <= 2 * scale.get()
            && header.weights.short <= 2 * scale.get()
            && (1..=32).contains(&header.price_bits)
            && (1..=40).contains(&header.size_bits)
            && header.price_bits + header.size_bits <= NOTIONAL_BITS
            && (1..=TIERS_MAX).contains(&header.tier_count);
        if in_range { Ok(header) } else { Err(Reason::FieldRange) }
    }
}

pub fn parse_tier(record: &Record, scale: Scale) -> Result<Tier, Reason> {
    let floor = record::FLOOR.get(record);
    let rate = record::RATE.get(record) as u32;
    let deduction = record::DEDUCTION.get(record);
    if floor >> NOTIONAL_BITS != 0 || rate > scale.get() || deduction >> DEDUCTION_BITS != 0 {
        return Err(Reason::FieldRange);
    }
    Ok(Tier { floor: floor as u64, rate, deduction: deduction as u128 })
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Bank {
    pub header: Header,
    pub tiers: TierSteps,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Instrument {
    pub live: Bank,
    pub shadow: Bank,
    pub committed: bool,
    pub mark: Price,
    /// Steps of the shadow bank written since the last flip, one bit each.
    written: u16,
}

impl Instrument {
    pub fn write_step(&mut self, step: usize, tier: Tier) {
        self.shadow.tiers.steps[step] = tier;
        self.written |= 1 << step;
    }

    /// Checks the shadow bank under `header` and swaps; false, and nothing changed, if a rule fails.
    pub fn commit(&mut self, header: Header) -> bool {
        let steps = TierSteps { count: header.tier_count, ..self.shadow.tiers };
        let wanted = u16::MAX >> (TIERS_MAX - header.tier_count);
        if self.written & wanted != wanted
            || !steps.is_monotone()
            || bits_of(self.mark.get()) > header.price_bits
        {
            return false;
        }
        self.shadow = core::mem::replace(&mut self.live, Bank { header, tiers: steps });
        self.written = 0;
        self.committed = true;
        true
    }

    pub fn requirement(&self, size: Size, price: Price) -> i128 {
        margin::requirement(size, price, &self.live.tiers)
    }
}
