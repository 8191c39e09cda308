//! Accounts on which the device's word does not count: found by its ERRORs, judged by the host, loaded again after the round.

use std::collections::BTreeSet;

use engine::event::InstrumentId;
use model::record::{self, Reason, Record, UNKNOWN, input};
use model::units::fits_accumulator;

use crate::book::Book;
use crate::error::DeviceError;
use crate::plan::Plan;
use crate::round::unfit;
use crate::slot_map::SlotMap;

/// Bad accounts, by device index.
#[derive(Clone, Debug, Default)]
pub(crate) struct BadAccounts {
    /// To be loaded before the next round.
    lost: BTreeSet<u32>,
    /// E or R is beyond the accumulators: loaded as zeros, so that its records are executed, and not trusted.
    unfit: BTreeSet<u32>,
    /// Instruments and lanes in which a slot was not appended or not moved: slots are not where the map says, and everything is loaded anew.
    pub displaced: BTreeSet<(u16, usize)>,
    /// What was found and done, for the journal.
    pub notes: Vec<String>,
}

impl BadAccounts {
    pub fn is_empty(&self) -> bool {
        self.lost.is_empty() && self.unfit.is_empty()
    }

    pub fn contains(&self, index: u32) -> bool {
        self.lost.contains(&index) || self.unfit.contains(&index)
    }

    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.lost.union(&self.unfit).copied()
    }

    /// No account is bad any more; what was found and done stays.
    pub fn forget(&mut self) {
        *self = Self { notes: std::mem::take(&mut self.notes), ..Self::default() };
    }

    /// An account that waits to be loaded, if there is one.
    pub fn first_lost(&self) -> Option<u32> {
        self.lost.first().copied()
    }

    /// How many there are in a lane.
    pub fn in_lane(&self, lane: usize, map: &SlotMap) -> u32 {
        self.iter().filter(|&index| map.lane_of(index) == lane).count() as u32
    }

    /// The account's word on the device counts no more.
    pub fn lose(&mut self, index: u32, map: &SlotMap, why: &str) {
        if self.lost.insert(index) {
            let account =
                map.account_of(index).map_or("no account yet".into(), |id| format!("account {}", id.0));
            self.notes.push(format!("the device lost account index {index} ({account}): {why}"));
        }
    }

    /// Those to load now, of which none is bad until an ERROR says so again. Who fits again is among them.
    pub fn take(&mut self, book: &Book) -> BTreeSet<u32> {
        let fitting: Vec<u32> = self.unfit.iter().copied().filter(|&index| fits(book, index)).collect();
        for index in fitting {
            self.unfit.remove(&index);
            self.lost.insert(index);
        }
        for index in &self.lost {
            self.unfit.remove(index);
        }
        std::mem::take(&mut self.lost)
    }

    /// The account was loaded; true if it is trusted again.
    pub fn loaded(&mut self, index: u32, book: &Book) -> bool {
        if self.lost.contains(&index) {
            return false;
        }
        let fits = fits(book, index);
        if !fits {
            self.unfit.insert(index);
        }
        fits
    }

    /// An ERROR of an account or slot. In a round, `plan` says who owned the slot at the record it names.
    ///
    /// # Errors
    /// [`DeviceError`] if it names nothing that the device has.
    pub fn take_error(
        &mut self,
        operation: &'static str,
        answer: &Record,
        plan: Option<&Plan>,
        map: &SlotMap,
        severities: &mut [u8],
    ) -> Result<(), DeviceError> {
        let (index, slot) = (answer.account(), record::SLOT.get(answer) as u32);
        let instrument = InstrumentId(answer.instrument());
        let reason = Reason::from_code(record::REASON.get(answer) as u8);
        let offset = plan.and_then(|plan| Some((plan, plan.offset_of(answer.sequence())?)));
        match reason {
            Ok(Reason::AccumulatorRange | Reason::UncorrectableAccount)
                if (index as usize) < severities.len() =>
            {
                if reason == Ok(Reason::UncorrectableAccount) {
                    severities[index as usize] = 0; // as the word is now
                }
                self.lose(index, map, words(reason));
            }
            Ok(Reason::UncorrectableSlot) if index == UNKNOWN || (index as usize) < severities.len() => {
                if index != UNKNOWN {
                    self.lose(index, map, words(reason));
                }
                // The ERROR names no lane: the slot's owner in each of them.
                let mut owners = Vec::new();
                for lane in 0..map.lanes() {
                    owners.extend(match offset {
                        Some((plan, offset)) => plan.owner(map, (instrument, lane, slot), offset),
                        None => map.owner(instrument, lane, slot).ok().flatten(),
                    });
                }
                if owners.is_empty() && index == UNKNOWN {
                    let found = format!("instrument {}, slot {slot}", instrument.0);
                    return Err(unfit(operation, answer, found, "a slot that somebody owns"));
                }
                owners.into_iter().for_each(|owner| self.lose(owner, map, words(reason)));
            }
            _ => {
                let found = format!("account index {index}, instrument {}: {}", instrument.0, words(reason));
                return Err(unfit(operation, answer, found, "an account or slot that can fail so"));
            }
        }
        if let Some((plan, offset)) = offset.filter(|(plan, offset)| plan.displaces(*offset)) {
            self.displaced.insert(plan.place(map, offset));
        }
        Ok(())
    }
}

/// True if the accumulators hold the account's E and R.
pub(crate) fn fits(book: &Book, index: u32) -> bool {
    let (equity, requirement) = book.word(index);
    fits_accumulator(equity) && fits_accumulator(requirement)
}

/// The reason of an ERROR in plain words.
pub(crate) fn words<E>(reason: Result<Reason, E>) -> &'static str {
    let reason = reason.ok().and_then(|reason| Reason::ALL.iter().find(|(known, _)| *known == reason));
    reason.map_or("unknown reason", |(_, words)| words)
}

impl Plan {
    /// True if slots are not where the map says when the record at `offset` is not executed.
    pub fn displaces(&self, offset: u32) -> bool {
        let record = &self.records[offset as usize];
        let is_position = record.op() == input::POSITION.op && record.flags() & record::FLAG_RAW == 0;
        record.op() == input::MOVE.op
            || is_position && (record::SIZE.get(record) == 0 || self.appends.binary_search(&offset).is_ok())
    }

    /// Instrument and lane of a POSITION or MOVE.
    pub fn place(&self, map: &SlotMap, offset: u32) -> (u16, usize) {
        let record = &self.records[offset as usize];
        (record.instrument(), map.lane_of(record.account()))
    }

    /// Who owns the slot when the record at `offset` is executed. `map` is as it is after the plan.
    fn owner(
        &self,
        map: &SlotMap,
        (instrument, lane, slot): (InstrumentId, usize, u32),
        offset: u32,
    ) -> Option<u32> {
        let of_slot = |record: &&Record| {
            let to = record::TO.get(record) as u32;
            record.instrument() == instrument.0
                && map.lane_of(record.account()) == lane
                && (record.op() == input::POSITION.op && record::SLOT.get(record) as u32 == slot
                    || record.op() == input::MOVE.op && [record::FROM.get(record) as u32, to].contains(&slot))
        };
        let (before, after) = self.records.split_at(offset as usize);
        // Who was written last, or else who is named next: until then the slot is as it was.
        let record = before.iter().rev().find(of_slot).or_else(|| after.iter().find(of_slot));
        match record {
            Some(record) => Some(record.account()),
            None => map.owner(instrument, lane, slot).ok().flatten(),
        }
    }
}
