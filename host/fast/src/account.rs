//! Wide accounts, in `i128`: those that do not fit a packed one, lazy while nothing else about them is out of the ordinary, else eager.

use model::margin;
use model::record::Reason;
use model::tier::TierSteps;
use model::units::{Price, Size, fits_accumulator};

use crate::machine::Instrument;

/// A slot of an account.
#[derive(Clone, Copy, Debug, Default)]
pub struct Position {
    pub instrument: u16,
    pub slot: u32,
    pub size: i64,
    /// As last applied, in quanta / S; kept only while the account is eager.
    pub requirement: i128,
}

#[derive(Clone, Debug, Default)]
pub struct Account {
    /// E in quanta / S; while lazy, less the value of every position.
    pub equity: i128,
    /// R in quanta / S; while lazy, less the requirement of every position.
    pub requirement: i128,
    pub offset: i128,
    pub bad: bool,
    pub lazy: bool,
    pub positions: Vec<Position>,
}

impl Account {
    /// Adds to both accumulators, or to neither if one would leave its 88 bits. Eager accounts only.
    pub fn add(&mut self, equity: i128, requirement: i128) -> Result<(), Reason> {
        debug_assert!(!self.lazy, "a lazy account has no accumulators");
        let (equity, requirement) = (self.equity + equity, self.requirement + requirement);
        if !fits_accumulator(equity) || !fits_accumulator(requirement) {
            return Err(Reason::AccumulatorRange);
        }
        (self.equity, self.requirement) = (equity, requirement);
        Ok(())
    }

    /// E and R at the marks.
    pub fn word(&self, instruments: &[Instrument]) -> (i128, i128) {
        if !self.lazy {
            return (self.equity, self.requirement);
        }
        self.positions.iter().fold((self.equity, self.requirement), |(equity, requirement), position| {
            let instrument = &instruments[usize::from(position.instrument)];
            let size = size_of(position.size);
            let (mark, weights) = (instrument.bank.mark, instrument.bank.live.header.weights);
            (
                equity + margin::value(size, mark, weights),
                requirement + instrument.bank.requirement(size, mark),
            )
        })
    }

    /// E and R if the marks were those of `then`, with what it is at those of `now`.
    pub fn word_at(&self, now: &[Instrument], then: &[Instrument]) -> (i128, i128) {
        if self.lazy {
            return self.word(then);
        }
        self.positions.iter().fold((self.equity, self.requirement), |(equity, requirement), position| {
            let index = usize::from(position.instrument);
            let (before, after) = (&now[index].bank, &then[index].bank);
            if before.mark == after.mark {
                return (equity, requirement);
            }
            let (size, weights) = (size_of(position.size), after.live.header.weights);
            let rise = margin::value(size, after.mark, weights) - margin::value(size, before.mark, weights);
            (equity + rise, requirement + after.requirement(size, after.mark) - position.requirement)
        })
    }

    /// Gives it its accumulators and its positions their requirements, at the marks.
    pub fn make_eager(&mut self, instruments: &[Instrument]) {
        if self.lazy {
            (self.equity, self.requirement) = self.word(instruments);
            self.lazy = false;
            for position in &mut self.positions {
                let bank = &instruments[usize::from(position.instrument)].bank;
                position.requirement = bank.requirement(size_of(position.size), bank.mark);
            }
        }
    }

    /// Makes an eager account lazy, if nothing about it is out of the ordinary.
    pub fn make_lazy(&mut self, instruments: &[Instrument]) {
        if self.bad || self.lazy {
            return;
        }
        let (mut equity, mut requirement) = (self.equity, self.requirement);
        let (mut value_max, mut requirement_max) = (0, 0);
        for (at, position) in self.positions.iter().enumerate() {
            let Instrument { bank, rate_max } = &instruments[usize::from(position.instrument)];
            let Some(rate_max) = rate_max else { return };
            let twice = self.positions[..at].iter().any(|other| other.instrument == position.instrument);
            let size = size_of(position.size);
            if twice || position.requirement != bank.requirement(size, bank.mark) {
                return;
            }
            let header = &bank.live.header;
            equity -= margin::value(size, bank.mark, header.weights);
            requirement -= position.requirement;
            let notional_max = i128::from(position.size.unsigned_abs()) << header.price_bits;
            value_max += notional_max * i128::from(header.weights.of(size));
            requirement_max += notional_max * i128::from(*rate_max);
        }
        let limit = 1i128 << (model::units::ACCUMULATOR_BITS - 1);
        if equity.abs() + value_max < limit && requirement.abs() + requirement_max < limit {
            (self.equity, self.requirement, self.lazy) = (equity, requirement, true);
        }
    }

    /// Place among its positions of a slot.
    pub fn find(&self, instrument: usize, slot: usize) -> Option<usize> {
        self.positions.iter().position(|position| {
            usize::from(position.instrument) == instrument && position.slot as usize == slot
        })
    }
}

/// A size that a record has brought, so one within its range.
pub fn size_of(lots: i64) -> Size {
    Size::new(lots).expect("sizes are checked on arrival")
}

/// Highest rate of a table without a step between its tiers; `None` if it has one.
pub fn rate_max(tiers: &TierSteps) -> Option<u32> {
    let continuous = tiers.as_slice().windows(2).all(|pair| {
        pair[1].deduction
            == pair[0].deduction + u128::from(pair[1].floor) * u128::from(pair[1].rate - pair[0].rate)
    });
    continuous.then(|| tiers.as_slice().last().map_or(0, |tier| tier.rate))
}

/// A mark of 32 bits, as every price is.
const _: () = assert!(Price::MAX == u32::MAX as u64);
