//! An account and what is known of it: eager, with E and R as they are, or lazy, with what no mark changes.

use model::margin::{self, Rungs, Severity};
use model::record::{self, Layout, Reason, Record, output};
use model::tier::TierSteps;
use model::units::{ACCUMULATOR_BITS, Price, Size, fits_accumulator};

use crate::machine::{Instrument, Lane};
use crate::zone::{self, Stand};

/// A slot of an account.
#[derive(Clone, Copy, Debug)]
pub struct Position {
    pub instrument: u16,
    pub slot: u32,
    pub size: i64,
}

#[derive(Clone, Debug, Default)]
pub struct Account {
    /// E in quanta / S; while lazy, less the value of every position.
    pub equity: i128,
    /// R in quanta / S; while lazy, less the requirement of every position.
    pub requirement: i128,
    pub offset: i128,
    pub severity: Severity,
    pub bad: bool,
    pub lazy: bool,
    /// Its zone is known, and the triggers of all its slots are its bounds. Only if lazy.
    pub armed: bool,
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

    /// Stores and flags a change of severity; true if there was one.
    pub fn compare(
        &mut self,
        index: u32,
        sequence: u32,
        (equity, requirement): (i128, i128),
        rungs: &Rungs,
        out: &mut Vec<Record>,
    ) -> bool {
        let new = margin::severity(equity, requirement, self.offset, rungs);
        let old = std::mem::replace(&mut self.severity, new);
        if old != new {
            out.push(self.report(&output::FLAG, sequence, index, old, (equity, requirement)));
        }
        old != new
    }

    pub fn report(
        &self,
        layout: &Layout,
        sequence: u32,
        index: u32,
        old: Severity,
        (equity, requirement): (i128, i128),
    ) -> Record {
        Record::new(layout, sequence)
            .with(&record::SEVERITY_OLD, old as i128)
            .with(&record::SEVERITY_NEW, self.severity as i128)
            .with(&record::ACCOUNT, index.into())
            .with_account_word(equity, requirement)
    }
}

impl Lane {
    /// Gives the account its accumulators and its slots their requirements, at the marks.
    pub fn make_eager(&mut self, row: usize, instruments: &[Instrument]) {
        self.disarm(row);
        let account = &mut self.accounts[row];
        if !account.lazy {
            return;
        }
        (account.equity, account.requirement) = account.word(instruments);
        account.lazy = false;
        for position in &account.positions {
            let bank = &instruments[usize::from(position.instrument)].bank;
            self.segments[usize::from(position.instrument)].requirements[position.slot as usize] =
                bank.requirement(size_of(position.size), bank.mark);
        }
    }

    /// No zone: every mark of an instrument that it holds looks at it.
    pub fn disarm(&mut self, row: usize) {
        let account = &mut self.accounts[row];
        if std::mem::take(&mut account.armed) {
            for position in &account.positions {
                self.segments[usize::from(position.instrument)].disarm(position.slot as usize);
            }
        }
    }

    /// Makes an eager account lazy, if nothing about it is out of the ordinary.
    pub fn make_lazy(&mut self, row: usize, instruments: &[Instrument]) {
        let account = &mut self.accounts[row];
        if account.bad || account.lazy {
            return;
        }
        let (mut equity, mut requirement) = (account.equity, account.requirement);
        let (mut value_max, mut requirement_max) = (0, 0);
        for (at, position) in account.positions.iter().enumerate() {
            let index = usize::from(position.instrument);
            let Instrument { bank, rate_max } = &instruments[index];
            let Some(rate_max) = rate_max else { return };
            let stored = self.segments[index].requirements[position.slot as usize];
            let twice = account.positions[..at].iter().any(|other| other.instrument == position.instrument);
            let size = size_of(position.size);
            if twice || stored != bank.requirement(size, bank.mark) {
                return;
            }
            let header = &bank.live.header;
            equity -= margin::value(size, bank.mark, header.weights);
            requirement -= stored;
            let notional_max = i128::from(position.size.unsigned_abs()) << header.price_bits;
            value_max += notional_max * i128::from(header.weights.of(size));
            requirement_max += notional_max * i128::from(*rate_max);
        }
        let limit = 1i128 << (ACCUMULATOR_BITS - 1);
        if equity.abs() + value_max < limit && requirement.abs() + requirement_max < limit {
            (account.equity, account.requirement, account.lazy) = (equity, requirement, true);
        }
    }

    /// Arms a lazy account that has just been compared, if it is on no line.
    pub fn arm(&mut self, row: usize, word: (i128, i128), instruments: &[Instrument], rungs: &Rungs) {
        let account = &mut self.accounts[row];
        if !account.lazy {
            return;
        }
        let (mut equity_slope, mut requirement_slope) = (0, 0);
        for position in &account.positions {
            let Instrument { bank, rate_max } = &instruments[usize::from(position.instrument)];
            let size = size_of(position.size);
            let notional = size.notional(bank.mark) as i128;
            equity_slope += notional * i128::from(bank.live.header.weights.of(size));
            requirement_slope +=
                notional * i128::from(rate_max.expect("a lazy account's tables are continuous"));
        }
        let stand = Stand {
            equity: word.0,
            requirement: word.1,
            offset: account.offset,
            equity_slope,
            requirement_slope,
        };
        let Some(reach) = zone::reach(&stand, rungs) else { return self.disarm(row) };
        account.armed = true;
        for position in &account.positions {
            let index = usize::from(position.instrument);
            let mark = instruments[index].bank.mark.get() as u32;
            let (low, high) = if position.size == 0 { (0, u32::MAX) } else { zone::bounds(mark, reach) };
            self.segments[index].arm(position.slot as usize, low, high);
        }
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
