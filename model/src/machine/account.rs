//! The account's word, what compares it, and the records that name an account alone.

use alloc::vec::Vec;

use super::{Machine, Stop};
use crate::margin::{self, Rungs, Severity};
use crate::record::{self, FLAG_HOLD, Layout, Reason, Record, output};
use crate::units::{Offset, Scale, fits_accumulator};

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Account {
    pub equity: i128,
    pub requirement: i128,
    pub offset: i128,
    pub severity: Severity,
    pub bad: bool,
    /// Beyond repair: whoever reads it first finds it so.
    pub broken: bool,
}

impl Account {
    /// True if the word was beyond repair; what it held is gone and it is bad now.
    pub fn is_lost(&mut self) -> bool {
        let lost = self.broken;
        if lost {
            *self = Self { bad: true, ..Self::default() };
        }
        lost
    }

    /// The word as a record reads it.
    pub fn read(&mut self) -> Result<&mut Self, Stop> {
        if self.is_lost() { Err(Stop::AccountLost) } else { Ok(self) }
    }

    /// Adds to both accumulators, or to neither if one would leave its 88 bits.
    pub fn add(&mut self, equity: i128, requirement: i128) -> Result<(), Reason> {
        let (equity, requirement) = (self.equity + equity, self.requirement + requirement);
        if !fits_accumulator(equity) || !fits_accumulator(requirement) {
            return Err(Reason::AccumulatorRange);
        }
        (self.equity, self.requirement) = (equity, requirement);
        Ok(())
    }

    pub fn refuse_bad(&self) -> Result<(), Reason> {
        if self.bad { Err(Reason::BadAccount) } else { Ok(()) }
    }

    /// Stores and flags a change of severity; true if there was one.
    pub fn compare(&mut self, index: u32, sequence: u32, rungs: &Rungs, out: &mut Vec<Record>) -> bool {
        let new = margin::severity(self.equity, self.requirement, self.offset, rungs);
        let old = core::mem::replace(&mut self.severity, new);
        if old != new {
            out.push(self.report(&output::FLAG, sequence, index, old));
        }
        old != new
    }

    /// Compares the account of `record`, but for a hold.
    pub fn compare_unless_held(&mut self, record: &Record, rungs: &Rungs, out: &mut Vec<Record>) {
        if record.flags() & FLAG_HOLD == 0 {
            self.compare(record.account(), record.sequence(), rungs, out);
        }
    }

    fn report(&self, layout: &Layout, sequence: u32, index: u32, old: Severity) -> Record {
        Record::new(layout, sequence)
            .with(&record::SEVERITY_OLD, old as i128)
            .with(&record::SEVERITY_NEW, self.severity as i128)
            .with(&record::ACCOUNT, index.into())
            .with_account_word(self.equity, self.requirement)
    }
}

impl Machine {
    pub(super) fn cash(&mut self, record: &Record, scale: Scale, out: &mut Vec<Record>) -> Result<(), Stop> {
        let (lane, row) = self.account_place(record)?;
        let account = self.lanes[lane].accounts[row].read()?;
        account.refuse_bad()?;
        account.add(record::DELTA.get(record) * i128::from(scale.get()), 0)?;
        account.compare_unless_held(record, &self.rungs, out);
        Ok(())
    }

    pub(super) fn offset(&mut self, record: &Record, out: &mut Vec<Record>) -> Result<(), Stop> {
        let (lane, row) = self.account_place(record)?;
        let offset = Offset::new(record::OFFSET.get(record)).map_err(|_| Reason::FieldRange)?;
        let account = self.lanes[lane].accounts[row].read()?;
        if record.flags() & FLAG_HOLD == 0 {
            account.refuse_bad()?;
        }
        account.offset = offset.get();
        account.compare_unless_held(record, &self.rungs, out);
        Ok(())
    }

    /// Gives E and R anew; offset and severity stay.
    pub(super) fn load(&mut self, record: &Record, out: &mut Vec<Record>) -> Result<(), Stop> {
        let (lane, row) = self.account_place(record)?;
        let account = self.lanes[lane].accounts[row].read()?;
        (account.equity, account.requirement) = (record.equity(), record.requirement());
        account.bad = false;
        account.compare_unless_held(record, &self.rungs, out);
        Ok(())
    }

    pub(super) fn readback_account(&mut self, record: &Record, out: &mut Vec<Record>) -> Result<(), Stop> {
        let (lane, row) = self.account_place(record)?;
        let account = self.lanes[lane].accounts[row].read()?;
        let (sequence, index) = (record.sequence(), record.account());
        out.push(account.report(&output::READBACK_ACCOUNT, sequence, index, account.severity));
        Ok(())
    }
}
