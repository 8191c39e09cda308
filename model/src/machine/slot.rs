//! The slots of an instrument's segment and the records that name one.

use alloc::vec::Vec;

use super::{Machine, Stop};
use crate::margin;
use crate::record::{self, Reason, Record, output};
use crate::units::{Scale, Size, bits_of};

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slot {
    pub account: u32,
    pub size: Size,
    pub requirement: i128,
    /// Beyond repair: nothing of it can be known.
    pub broken: bool,
}

/// Where POSITION writes.
struct Target {
    instrument: usize,
    lane: usize,
    row: usize,
    /// Slot of the lane, base included.
    place: usize,
    appends: bool,
    size: Size,
}

impl Machine {
    /// The slot of a POSITION, raw or not, by every rule but that of the account; `Err` for a broken one if it is read.
    fn target(&self, record: &Record, reads: bool) -> Result<Target, Stop> {
        let index = self.instrument_index(record)?;
        let (lane, row) = self.account_place(record)?;
        let size = i64::try_from(record::SIZE.get(record)).ok().and_then(|lots| Size::new(lots).ok());
        let size = size.ok_or(Reason::FieldRange)?;
        let instrument = &self.instruments[index];
        let header = &instrument.live.header;
        if !instrument.committed || bits_of(size.get().unsigned_abs()) > header.size_bits {
            return Err(Reason::State.into());
        }
        let slot = record::SLOT.get(record) as u32;
        let count = self.lanes[lane].counts[index];
        let place = header.base as usize + slot as usize;
        if reads && slot < count && self.lanes[lane].slots[place].broken {
            return Err(Stop::SlotLost(slot));
        }
        let appends = slot == count;
        if slot > count || appends && (size == Size::ZERO || count == header.capacity) {
            return Err(Reason::Slot.into());
        }
        Ok(Target { instrument: index, lane, row, place, appends, size })
    }

    pub(super) fn position(
        &mut self,
        record: &Record,
        scale: Scale,
        out: &mut Vec<Record>,
    ) -> Result<(), Stop> {
        let target = self.target(record, true)?;
        let instrument = &self.instruments[target.instrument];
        let lane = &mut self.lanes[target.lane];
        let old = if target.appends { Slot::default() } else { lane.slots[target.place] };
        if !target.appends && old.account != record.account() {
            return Err(Reason::Slot.into());
        }
        let account = lane.accounts[target.row].read()?;
        account.refuse_bad()?;
        let (mark, weights) = (instrument.mark, instrument.live.header.weights);
        let requirement = instrument.requirement(target.size, mark);
        account.add(
            margin::value(target.size, mark, weights) - margin::value(old.size, mark, weights)
                + record::CASH_DELTA.get(record) * i128::from(scale.get()),
            requirement - old.requirement,
        )?;
        account.compare_unless_held(record, &self.rungs, out);
        let size = target.size;
        lane.slots[target.place] = Slot { account: record.account(), size, requirement, broken: false };
        lane.counts[target.instrument] += u32::from(target.appends);
        Ok(())
    }

    /// POSITION raw: the slot is written whatever it held, and no account is looked at.
    pub(super) fn reload_slot(&mut self, record: &Record) -> Result<(), Stop> {
        let target = self.target(record, false)?;
        let size = target.size;
        if size == Size::ZERO {
            return Err(Reason::Slot.into());
        }
        let instrument = &self.instruments[target.instrument];
        let requirement = instrument.requirement(size, instrument.mark);
        let lane = &mut self.lanes[target.lane];
        lane.slots[target.place] = Slot { account: record.account(), size, requirement, broken: false };
        lane.counts[target.instrument] += u32::from(target.appends);
        Ok(())
    }

    pub(super) fn move_slot(&mut self, record: &Record) -> Result<(), Stop> {
        let index = self.instrument_index(record)?;
        let (lane, _) = self.account_place(record)?;
        if !self.instruments[index].committed {
            return Err(Reason::State.into());
        }
        let base = self.instruments[index].live.header.base as usize;
        let lane = &mut self.lanes[lane];
        let from = record::FROM.get(record) as u32;
        let to = record::TO.get(record) as u32;
        if from.checked_add(1) != Some(lane.counts[index]) || to > from {
            return Err(Reason::Slot.into());
        }
        let last = lane.slots[base + from as usize];
        let hole = &mut lane.slots[base + to as usize];
        if last.broken || hole.broken {
            return Err(Stop::SlotLost(if last.broken { from } else { to }));
        }
        if last.account != record.account() || hole.size != Size::ZERO {
            return Err(Reason::Slot.into());
        }
        *hole = last;
        lane.counts[index] = from;
        Ok(())
    }

    pub(super) fn readback_slot(&mut self, record: &Record, out: &mut Vec<Record>) -> Result<(), Stop> {
        let index = self.instrument_index(record)?;
        let (lane, _) = self.account_place(record)?;
        let (instrument, lane) = (&self.instruments[index], &self.lanes[lane]);
        if !instrument.committed {
            return Err(Reason::State.into());
        }
        let slot_index = record::SLOT.get(record) as u32;
        if slot_index >= lane.counts[index] {
            return Err(Reason::Slot.into());
        }
        let slot = &lane.slots[instrument.live.header.base as usize + slot_index as usize];
        if slot.broken {
            return Err(Stop::SlotLost(slot_index));
        }
        out.push(
            Record::new(&output::READBACK_SLOT, record.sequence())
                .with(&record::INSTRUMENT, index as i128)
                .with(&record::ACCOUNT, slot.account.into())
                .with(&record::SLOT, slot_index.into())
                .with(&record::SIZE, slot.size.get().into()),
        );
        Ok(())
    }
}
