//! The records that name one account or one slot.

use model::margin;
use model::record::{self, FLAG_HOLD, Reason, Record, output};
use model::units::{Offset, Scale, Size, bits_of};

use crate::account::{Position, size_of};
use crate::check;
use crate::lane::{Lane, report};
use crate::machine::Machine;
use crate::segment::Zone;

/// Where POSITION writes.
struct Target {
    instrument: usize,
    lane: usize,
    row: usize,
    slot: usize,
    appends: bool,
    size: Size,
}

impl Machine {
    /// The slot of a POSITION, raw or not, by every rule but that of the account.
    fn target(&self, record: &Record) -> Result<Target, Reason> {
        let index = self.instrument_index(record)?;
        let (lane, row) = self.account_place(record)?;
        let size = i64::try_from(record::SIZE.get(record)).ok().and_then(|lots| Size::new(lots).ok());
        let size = size.ok_or(Reason::FieldRange)?;
        let bank = &self.instruments[index].bank;
        let header = &bank.live.header;
        if !bank.committed || bits_of(size.get().unsigned_abs()) > header.size_bits {
            return Err(Reason::State);
        }
        let slot = record::SLOT.get(record) as u32;
        let count = self.lanes[lane].segments[index].count();
        let appends = slot == count;
        if slot > count || appends && (size == Size::ZERO || count == header.capacity) {
            return Err(Reason::Slot);
        }
        Ok(Target { instrument: index, lane, row, slot: slot as usize, appends, size })
    }

    pub(crate) fn position(
        &mut self,
        record: &Record,
        scale: Scale,
        out: &mut Vec<Record>,
    ) -> Result<(), Reason> {
        let Target { instrument: index, lane, row, slot, appends, size } = self.target(record)?;
        let lane = &mut self.lanes[lane];
        if !appends && lane.segments[index].rows[slot] as usize != row {
            return Err(Reason::Slot);
        }
        if lane.is_bad(row) {
            return Err(Reason::BadAccount);
        }
        let position =
            Position { instrument: index as u16, slot: slot as u32, size: size.get(), requirement: 0 };
        let cash = record::CASH_DELTA.get(record);
        if lane.change(row, cash, Some(position), &self.lines) {
            if appends {
                lane.segments[index].push(row as u32);
            }
        } else {
            let account = lane.make_eager(row, &self.lines, &self.instruments);
            let known = account.find(index, slot).map(|at| account.positions[at]).unwrap_or_default();
            let bank = &self.instruments[index].bank;
            let (mark, weights) = (bank.mark, bank.live.header.weights);
            let requirement = bank.requirement(size, mark);
            account.add(
                margin::value(size, mark, weights) - margin::value(size_of(known.size), mark, weights)
                    + cash * i128::from(scale.get()),
                requirement - known.requirement,
            )?;
            lane.write_slot(row, Position { requirement, ..position });
        }
        self.settle(record, out);
        Ok(())
    }

    /// POSITION raw: the slot is written whatever it held, and no account's E or R is looked at.
    pub(crate) fn reload_slot(&mut self, record: &Record) -> Result<(), Reason> {
        let Target { instrument: index, lane, row, slot, appends, size } = self.target(record)?;
        if size == Size::ZERO {
            return Err(Reason::Slot);
        }
        let lane = &mut self.lanes[lane];
        lane.make_eager(row, &self.lines, &self.instruments);
        if !appends {
            let owner = lane.segments[index].rows[slot] as usize;
            lane.make_eager(owner, &self.lines, &self.instruments);
            lane.renumber(owner, index, slot, None);
        }
        let bank = &self.instruments[index].bank;
        let requirement = bank.requirement(size, bank.mark);
        lane.write_slot(
            row,
            Position { instrument: index as u16, slot: slot as u32, size: size.get(), requirement },
        );
        Ok(())
    }

    pub(crate) fn move_slot(&mut self, record: &Record) -> Result<(), Reason> {
        let index = self.instrument_index(record)?;
        let (lane_index, _) = self.account_place(record)?;
        if !self.instruments[index].bank.committed {
            return Err(Reason::State);
        }
        let lane = &mut self.lanes[lane_index];
        let from = record::FROM.get(record) as u32;
        let to = record::TO.get(record) as u32;
        if from.checked_add(1) != Some(lane.segments[index].count()) || to > from {
            return Err(Reason::Slot);
        }
        let (from, to) = (from as usize, to as usize);
        let [owner, hole] = [from, to].map(|slot| lane.segments[index].rows[slot] as usize);
        if owner * self.capacity.lanes + lane_index != record.account() as usize
            || lane.size_at(index, to) != 0
        {
            return Err(Reason::Slot);
        }
        lane.renumber(hole, index, to, None);
        if from != to {
            lane.renumber(owner, index, from, Some(to));
        }
        lane.segments[index].move_last(to);
        Ok(())
    }

    pub(crate) fn cash(
        &mut self,
        record: &Record,
        scale: Scale,
        out: &mut Vec<Record>,
    ) -> Result<(), Reason> {
        let (lane, row) = self.account_place(record)?;
        let lane = &mut self.lanes[lane];
        if lane.is_bad(row) {
            return Err(Reason::BadAccount);
        }
        let delta = record::DELTA.get(record);
        if !lane.change(row, delta, None, &self.lines) {
            let account = lane.make_eager(row, &self.lines, &self.instruments);
            account.add(delta * i128::from(scale.get()), 0)?;
        }
        self.settle(record, out);
        Ok(())
    }

    pub(crate) fn offset(&mut self, record: &Record, out: &mut Vec<Record>) -> Result<(), Reason> {
        let (lane, row) = self.account_place(record)?;
        let offset = Offset::new(record::OFFSET.get(record)).map_err(|_| Reason::FieldRange)?;
        let lane = &mut self.lanes[lane];
        if record.flags() & FLAG_HOLD == 0 && lane.is_bad(row) {
            return Err(Reason::BadAccount);
        }
        if !lane.set_offset(row, offset.get(), &self.lines) {
            lane.make_eager(row, &self.lines, &self.instruments).offset = offset.get();
        }
        self.settle(record, out);
        Ok(())
    }

    /// Gives E and R anew; offset and severity stay.
    pub(crate) fn load(&mut self, record: &Record, out: &mut Vec<Record>) -> Result<(), Reason> {
        let (lane, row) = self.account_place(record)?;
        let lane = &mut self.lanes[lane];
        let mut instruments = Vec::new();
        let account = lane.make_eager(row, &self.lines, &self.instruments);
        (account.equity, account.requirement) = (record.equity(), record.requirement());
        if std::mem::take(&mut account.bad) {
            lane.each_position(row, |position| instruments.push(position.instrument));
        }
        for instrument in instruments {
            lane.segments[usize::from(instrument)].bad -= 1;
        }
        self.settle(record, out);
        Ok(())
    }

    /// Compares and arms the account of `record`, but for a hold; what is held must be looked at again.
    fn settle(&mut self, record: &Record, out: &mut Vec<Record>) {
        let (lane, row) = self.account_place(record).expect("the record has been executed");
        let lane = &mut self.lanes[lane];
        let (lines, instruments) = (&self.lines, &self.instruments[..]);
        lane.settle(row, lines, instruments);
        if record.flags() & FLAG_HOLD != 0 {
            return lane.disarm(row);
        }
        let naming = (record.account(), record.sequence());
        match lane.packed_word(row, lines) {
            Some((word, offset)) => {
                let new = check::severity(word, offset, &self.rungs);
                lane.compare(row, new, naming, lines.full(word), out);
                let stand = lane.stand(row, word, offset, lines);
                lane.arm_at(row, &stand, instruments, &self.rungs, 0);
            }
            None => {
                let (new, word) = lane.verdict(row, lines, instruments, &self.rungs);
                lane.compare(row, new, naming, word, out);
                lane.arm(row, lines, instruments, &self.rungs, 0);
            }
        }
    }

    pub(crate) fn readback_account(&mut self, record: &Record, out: &mut Vec<Record>) -> Result<(), Reason> {
        let (lane, row) = self.account_place(record)?;
        let lane = &mut self.lanes[lane];
        let (_, word) = lane.verdict(row, &self.lines, &self.instruments, &self.rungs);
        let (naming, severity) = ((record.account(), record.sequence()), lane.rows[row].severity);
        out.push(report(&output::READBACK_ACCOUNT, naming, [severity; 2], word));
        Ok(())
    }

    pub(crate) fn readback_slot(&mut self, record: &Record, out: &mut Vec<Record>) -> Result<(), Reason> {
        let index = self.instrument_index(record)?;
        let (lane_index, _) = self.account_place(record)?;
        if !self.instruments[index].bank.committed {
            return Err(Reason::State);
        }
        let lane = &self.lanes[lane_index];
        let slot = record::SLOT.get(record) as u32;
        if slot >= lane.segments[index].count() {
            return Err(Reason::Slot);
        }
        let account = lane.segments[index].rows[slot as usize] as usize * self.capacity.lanes + lane_index;
        out.push(
            Record::new(&output::READBACK_SLOT, record.sequence())
                .with(&record::INSTRUMENT, index as i128)
                .with(&record::ACCOUNT, account as i128)
                .with(&record::SLOT, slot.into())
                .with(&record::SIZE, lane.size_at(index, slot as usize).into()),
        );
        Ok(())
    }
}

impl Lane {
    /// Writes a slot of an eager account, known to it or not.
    fn write_slot(&mut self, row: usize, position: Position) {
        let (index, slot) = (usize::from(position.instrument), position.slot as usize);
        let segment = &mut self.segments[index];
        if slot == segment.rows.len() {
            segment.push(row as u32);
        } else {
            segment.rows[slot] = row as u32;
            segment.arm(slot, Zone::NONE);
        }
        let owner = self.wide_of(row).expect("an eager account is wide");
        match owner.find(index, slot) {
            Some(at) => owner.positions[at] = position,
            None => {
                owner.positions.push(position);
                let bad = owner.bad;
                self.segments[index].bad += u32::from(bad);
            }
        }
    }
}
