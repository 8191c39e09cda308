//! Records that go over all holders of an instrument, and the walk over all accounts.

use alloc::vec::Vec;

use super::bank::Instrument;
use super::slot::Slot;
use super::{Machine, account_error, receipt};
use crate::margin::{self, Weights};
use crate::record::{self, FLAG_HOLD, NO_INSTRUMENT, Reason, Record, UNKNOWN};
use crate::units::{Price, Scale, bits_of};

/// What a sweep does to a slot and its account.
struct Change {
    /// Added to E.
    equity: i128,
    /// Of the slot from now on.
    requirement: i128,
}

impl Machine {
    pub(super) fn mark(&mut self, record: &Record, out: &mut Vec<Record>) -> Result<(), Reason> {
        let index = self.instrument_index(record)?;
        let price = u64::try_from(record::PRICE.get(record)).ok().and_then(|quanta| Price::new(quanta).ok());
        let price = price.ok_or(Reason::FieldRange)?;
        let instrument = &mut self.instruments[index];
        if !instrument.committed || bits_of(price.get()) > instrument.live.header.price_bits {
            return Err(Reason::State);
        }
        let before = core::mem::replace(&mut instrument.mark, price);
        let rise = i128::from(price.get()) - i128::from(before.get());
        self.sweep(record, out, |instrument, slot| Change {
            equity: i128::from(slot.size.get())
                * rise
                * i128::from(instrument.live.header.weights.of(slot.size)),
            requirement: instrument.requirement(slot.size, price),
        });
        Ok(())
    }

    pub(super) fn funding(
        &mut self,
        record: &Record,
        scale: Scale,
        out: &mut Vec<Record>,
    ) -> Result<(), Reason> {
        let index = self.instrument_index(record)?;
        let delta = record::INDEX_DELTA.get(record);
        let magnitude = delta.unsigned_abs() as u64;
        if Price::new(magnitude).is_err() {
            return Err(Reason::FieldRange);
        }
        let instrument = &self.instruments[index];
        let header = &instrument.live.header;
        if !instrument.committed
            || bits_of(magnitude) > header.price_bits
            || header.weights != (Weights { long: scale.get(), short: scale.get() })
        {
            return Err(Reason::State);
        }
        self.sweep(record, out, |_, slot| Change {
            equity: -i128::from(scale.get()) * i128::from(slot.size.get()) * delta,
            requirement: slot.requirement,
        });
        Ok(())
    }

    /// The sweep of a commit, at the mark: from the weights before to those that are live now, and the same for tiers.
    pub(super) fn revalue(&mut self, record: &Record, before: Weights, out: &mut Vec<Record>) {
        self.sweep(record, out, |instrument, slot| Change {
            equity: margin::value(slot.size, instrument.mark, instrument.live.header.weights)
                - margin::value(slot.size, instrument.mark, before),
            requirement: instrument.requirement(slot.size, instrument.mark),
        });
    }

    /// Goes over the live slots of the record's instrument in each lane, in order, and gives each lane's RECEIPT.
    fn sweep(
        &mut self,
        record: &Record,
        out: &mut Vec<Record>,
        change: impl Fn(&Instrument, &Slot) -> Change,
    ) {
        let (sequence, hold) = (record.sequence(), record.flags() & FLAG_HOLD != 0);
        let index = usize::from(record.instrument());
        let instrument = &self.instruments[index];
        let error =
            |reason, account, slot| account_error(reason, sequence, record.instrument(), account, slot);
        for (lane_index, lane) in self.lanes.iter_mut().enumerate() {
            let base = instrument.live.header.base as usize;
            let (mut holders, mut flags) = (0, 0);
            for (slot_index, slot) in (0..lane.counts[index]).zip(&mut lane.slots[base..]) {
                if slot.broken {
                    out.push(error(Reason::UncorrectableSlot, UNKNOWN, slot_index));
                    continue;
                }
                let account = &mut lane.accounts[slot.account as usize / self.capacity.lanes];
                if account.is_lost() {
                    out.push(error(Reason::UncorrectableAccount, slot.account, UNKNOWN));
                }
                if account.bad {
                    continue;
                }
                let change = change(instrument, slot);
                if let Err(reason) = account.add(change.equity, change.requirement - slot.requirement) {
                    account.bad = true;
                    out.push(error(reason, slot.account, slot_index));
                    continue;
                }
                slot.requirement = change.requirement;
                holders += 1;
                if !hold {
                    flags += u32::from(account.compare(slot.account, sequence, &self.rungs, out));
                }
            }
            out.push(receipt(lane_index, record.instrument(), sequence, holders, flags));
        }
    }

    /// Compares every account, lane by lane in order of its rows.
    pub(super) fn walk(&mut self, sequence: u32, out: &mut Vec<Record>) {
        for (lane_index, lane) in self.lanes.iter_mut().enumerate() {
            let (mut visited, mut flags) = (0, 0);
            for (row, account) in lane.accounts.iter_mut().enumerate() {
                let index = (row * self.capacity.lanes + lane_index) as u32;
                if account.is_lost() {
                    let reason = Reason::UncorrectableAccount;
                    out.push(account_error(reason, sequence, NO_INSTRUMENT, index, UNKNOWN));
                }
                if account.bad {
                    continue;
                }
                visited += 1;
                flags += u32::from(account.compare(index, sequence, &self.rungs, out));
            }
            out.push(receipt(lane_index, NO_INSTRUMENT, sequence, visited, flags));
        }
    }
}
