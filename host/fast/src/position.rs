//! The records that name one account or one slot.

use model::margin;
use model::record::{self, FLAG_HOLD, Reason, Record, output};
use model::units::{Offset, Scale, Size, bits_of};

use crate::account::{Position, size_of};
use crate::machine::{Lane, Machine};

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
        if !appends && lane.segments[index].accounts[slot] != record.account() {
            return Err(Reason::Slot);
        }
        if lane.accounts[row].bad {
            return Err(Reason::BadAccount);
        }
        lane.make_eager(row, &self.instruments);
        let bank = &self.instruments[index].bank;
        let segment = &lane.segments[index];
        let (old, old_requirement) =
            if appends { (0, 0) } else { (segment.sizes[slot], segment.requirements[slot]) };
        let (mark, weights) = (bank.mark, bank.live.header.weights);
        let requirement = bank.requirement(size, mark);
        lane.accounts[row].add(
            margin::value(size, mark, weights) - margin::value(size_of(old), mark, weights)
                + record::CASH_DELTA.get(record) * i128::from(scale.get()),
            requirement - old_requirement,
        )?;
        lane.write_slot(index, slot, record.account(), row, size.get(), requirement);
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
        lane.make_eager(row, &self.instruments);
        if !appends {
            let owner = lane.segments[index].accounts[slot] as usize / self.capacity.lanes;
            lane.make_eager(owner, &self.instruments);
            lane.forget_slot(index, slot, owner);
        }
        let bank = &self.instruments[index].bank;
        let requirement = bank.requirement(size, bank.mark);
        lane.write_slot(index, slot, record.account(), row, size.get(), requirement);
        Ok(())
    }

    pub(crate) fn move_slot(&mut self, record: &Record) -> Result<(), Reason> {
        let index = self.instrument_index(record)?;
        let (lane, _) = self.account_place(record)?;
        if !self.instruments[index].bank.committed {
            return Err(Reason::State);
        }
        let lane = &mut self.lanes[lane];
        let from = record::FROM.get(record) as u32;
        let to = record::TO.get(record) as u32;
        let segment = &lane.segments[index];
        if from.checked_add(1) != Some(segment.count()) || to > from {
            return Err(Reason::Slot);
        }
        let (from, to) = (from as usize, to as usize);
        if segment.accounts[from] != record.account() || segment.sizes[to] != 0 {
            return Err(Reason::Slot);
        }
        let hole = segment.accounts[to] as usize / self.capacity.lanes;
        let owner = segment.accounts[from] as usize / self.capacity.lanes;
        lane.forget_slot(index, to, hole);
        if from != to {
            let position = lane.accounts[owner]
                .positions
                .iter_mut()
                .find(|position| usize::from(position.instrument) == index && position.slot as usize == from);
            position.expect("a slot is among its account's positions").slot = to as u32;
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
        if lane.accounts[row].bad {
            return Err(Reason::BadAccount);
        }
        lane.make_eager(row, &self.instruments);
        lane.accounts[row].add(record::DELTA.get(record) * i128::from(scale.get()), 0)?;
        self.settle(record, out);
        Ok(())
    }

    pub(crate) fn offset(&mut self, record: &Record, out: &mut Vec<Record>) -> Result<(), Reason> {
        let (lane, row) = self.account_place(record)?;
        let offset = Offset::new(record::OFFSET.get(record)).map_err(|_| Reason::FieldRange)?;
        let lane = &mut self.lanes[lane];
        if record.flags() & FLAG_HOLD == 0 && lane.accounts[row].bad {
            return Err(Reason::BadAccount);
        }
        lane.make_eager(row, &self.instruments);
        lane.accounts[row].offset = offset.get();
        self.settle(record, out);
        Ok(())
    }

    /// Gives E and R anew; offset and severity stay.
    pub(crate) fn load(&mut self, record: &Record, out: &mut Vec<Record>) -> Result<(), Reason> {
        let (lane, row) = self.account_place(record)?;
        let lane = &mut self.lanes[lane];
        lane.make_eager(row, &self.instruments);
        let account = &mut lane.accounts[row];
        (account.equity, account.requirement) = (record.equity(), record.requirement());
        if std::mem::take(&mut account.bad) {
            for position in &account.positions {
                lane.segments[usize::from(position.instrument)].bad -= 1;
            }
        }
        self.settle(record, out);
        Ok(())
    }

    /// Compares and arms the account of `record`, but for a hold; what is held must be looked at again.
    fn settle(&mut self, record: &Record, out: &mut Vec<Record>) {
        if record.flags() & FLAG_HOLD != 0 {
            return;
        }
        let (lane, row) = self.account_place(record).expect("the record has been executed");
        let lane = &mut self.lanes[lane];
        let account = &mut lane.accounts[row];
        let word = (account.equity, account.requirement);
        account.compare(record.account(), record.sequence(), word, &self.rungs, out);
        lane.make_lazy(row, &self.instruments);
        lane.arm(row, word, &self.instruments, &self.rungs);
    }

    pub(crate) fn readback_account(&mut self, record: &Record, out: &mut Vec<Record>) -> Result<(), Reason> {
        let (lane, row) = self.account_place(record)?;
        let account = &self.lanes[lane].accounts[row];
        let (layout, word) = (&output::READBACK_ACCOUNT, account.word(&self.instruments));
        out.push(account.report(layout, record.sequence(), record.account(), account.severity, word));
        Ok(())
    }

    pub(crate) fn readback_slot(&mut self, record: &Record, out: &mut Vec<Record>) -> Result<(), Reason> {
        let index = self.instrument_index(record)?;
        let (lane, _) = self.account_place(record)?;
        if !self.instruments[index].bank.committed {
            return Err(Reason::State);
        }
        let segment = &self.lanes[lane].segments[index];
        let slot = record::SLOT.get(record) as u32;
        if slot >= segment.count() {
            return Err(Reason::Slot);
        }
        out.push(
            Record::new(&output::READBACK_SLOT, record.sequence())
                .with(&record::INSTRUMENT, index as i128)
                .with(&record::ACCOUNT, segment.accounts[slot as usize].into())
                .with(&record::SLOT, slot.into())
                .with(&record::SIZE, segment.sizes[slot as usize].into()),
        );
        Ok(())
    }
}

impl Lane {
    /// Writes a slot of an eager account, known to it or not.
    fn write_slot(
        &mut self,
        index: usize,
        slot: usize,
        account: u32,
        row: usize,
        size: i64,
        requirement: i128,
    ) {
        let segment = &mut self.segments[index];
        if slot == segment.accounts.len() {
            segment.push(account, size, requirement);
        } else {
            segment.accounts[slot] = account;
            segment.sizes[slot] = size;
            segment.requirements[slot] = requirement;
            segment.disarm(slot);
        }
        let owner = &mut self.accounts[row];
        let known = owner
            .positions
            .iter_mut()
            .find(|position| usize::from(position.instrument) == index && position.slot as usize == slot);
        match known {
            Some(position) => position.size = size,
            None => {
                owner.positions.push(Position { instrument: index as u16, slot: slot as u32, size });
                segment.bad += u32::from(owner.bad);
            }
        }
    }

    /// Takes a slot from the account that has it.
    fn forget_slot(&mut self, index: usize, slot: usize, row: usize) {
        let owner = &mut self.accounts[row];
        let at = owner
            .positions
            .iter()
            .position(|position| usize::from(position.instrument) == index && position.slot as usize == slot);
        owner.positions.swap_remove(at.expect("a slot is among its account's positions"));
        self.segments[index].bad -= u32::from(owner.bad);
    }
}
