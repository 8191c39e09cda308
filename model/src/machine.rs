//! The oracle: records in, records out, exactly as `docs/machine.md` says. Also the naive CPU device.
//!
//! Plain and sequential on purpose. Everything faster or in hardware is compared with it bit for bit.

mod bank;

use alloc::vec;
use alloc::vec::Vec;

use crate::margin::{self, Rungs, Severity};
use crate::record::{
    self, FLAG_BY_SLOT, FLAG_COMMIT, FLAG_HOLD, FLAG_RAW, NO_INSTRUMENT, Reason, Record, input, output,
};
use crate::units::{self, Price, RUNG_MAX, Scale, Size, bits_of, fits_accumulator};
use bank::Instrument;

/// What a build of the device holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Capacity {
    pub lanes: usize,
    pub accounts_per_lane: usize,
    pub slots_per_lane: usize,
    pub instruments: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Account {
    equity: i128,
    requirement: i128,
    offset: i128,
    severity: Severity,
    bad: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    account: u32,
    size: Size,
    requirement: i128,
}

#[derive(Clone, Debug)]
struct Lane {
    accounts: Vec<Account>,
    slots: Vec<Slot>,
    /// Live slots by instrument.
    counts: Vec<u32>,
}

/// The machine's whole state.
#[derive(Clone, Debug)]
pub struct Machine {
    capacity: Capacity,
    expected: u32,
    locked: bool,
    scale: Option<Scale>,
    rungs: Rungs,
    instruments: Vec<Instrument>,
    /// Largest base + capacity committed since reset.
    segments_end: u32,
    lanes: Vec<Lane>,
}

impl Machine {
    /// A machine after reset.
    ///
    /// # Panics
    /// If the capacity is not buildable: 1 to 255 lanes, indices that fit their record fields.
    pub fn new(capacity: Capacity) -> Self {
        assert!((1..=255).contains(&capacity.lanes), "1 to 255 lanes");
        assert!(capacity.accounts_per_lane * capacity.lanes < u32::MAX as usize, "account indices are u32");
        assert!(capacity.slots_per_lane < u32::MAX as usize, "slot indices are u32");
        assert!(capacity.instruments < usize::from(NO_INSTRUMENT), "all ones names no instrument");
        let lane = Lane {
            accounts: vec![Account::default(); capacity.accounts_per_lane],
            slots: vec![Slot::default(); capacity.slots_per_lane],
            counts: vec![0; capacity.instruments],
        };
        Self {
            capacity,
            expected: 0,
            locked: true,
            scale: None,
            rungs: Rungs::RESET,
            instruments: vec![Instrument::default(); capacity.instruments],
            segments_end: 0,
            lanes: vec![lane; capacity.lanes],
        }
    }

    pub fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// Executes one record; what it answers is appended to `out`, lane 0 first.
    pub fn execute(&mut self, record: &Record, out: &mut Vec<Record>) {
        if let Err(reason) = self.admit(record).and_then(|()| self.perform(record, out)) {
            let mut answer = *record;
            answer.0[0] = output::ERROR_RECORD.op;
            answer.0[1] = reason as u8;
            out.push(answer);
        }
    }

    /// Lock and sequence; consumes the number.
    fn admit(&mut self, record: &Record) -> Result<(), Reason> {
        if record.op() == input::RESYNC.op && has_no_unused_bits(record, &input::RESYNC) {
            self.locked = false;
        } else if self.locked {
            return Err(Reason::Locked);
        } else if record.sequence() != self.expected {
            self.locked = true;
            return Err(Reason::Sequence);
        }
        self.expected = record.sequence().wrapping_add(1);
        Ok(())
    }

    fn perform(&mut self, record: &Record, out: &mut Vec<Record>) -> Result<(), Reason> {
        let by_slot = record.flags() & FLAG_BY_SLOT != 0;
        let layout = input::LAYOUTS
            .iter()
            .find(|layout| {
                layout.op == record.op()
                    && (layout.op != input::READBACK.op || by_slot == (layout.flags == FLAG_BY_SLOT))
            })
            .filter(|layout| layout.op != input::FUNDING.op && layout.op != input::LOAD.op)
            .ok_or(Reason::Operation)?;
        if !has_no_unused_bits(record, layout)
            || record.op() == input::POSITION.op && record.flags() & FLAG_RAW != 0
        {
            return Err(Reason::UnusedBits);
        }
        match record.op() {
            op if op == input::FENCE.op => {
                out.push(echo(record, output::FENCE_ECHO.op));
                return Ok(());
            }
            op if op == input::RESYNC.op => {
                out.push(echo(record, output::RESYNC_ECHO.op));
                return Ok(());
            }
            _ => {}
        }
        let sets_scale = record.op() == input::SETTING.op
            && record::INDEX.get(record) == i128::from(record::SETTING_SCALE);
        let scale = match self.scale {
            Some(scale) => scale,
            None if sets_scale => Scale::default(),
            None => return Err(Reason::ScaleNotSet),
        };
        match record.op() {
            op if op == input::SETTING.op => self.setting(record, out),
            op if op == input::INSTRUMENT.op => self.instrument(record, scale, out),
            op if op == input::TIER.op => self.tier(record, scale),
            op if op == input::MARK.op => self.mark(record, out),
            op if op == input::POSITION.op => self.position(record, scale, out),
            op if op == input::CASH.op => self.cash(record, scale, out),
            op if op == input::OFFSET.op => self.offset(record, out),
            op if op == input::MOVE.op => self.move_slot(record),
            op if op == input::READBACK.op => self.readback(record, by_slot, out),
            _ => Err(Reason::Operation),
        }
    }

    fn setting(&mut self, record: &Record, out: &mut Vec<Record>) -> Result<(), Reason> {
        let index = record::INDEX.get(record) as u16;
        let value = record::VALUE.get(record) as u32;
        let mut rungs = self.rungs;
        match index {
            record::SETTING_SCALE => {
                let scale = Scale::new(value).map_err(|_| Reason::FieldRange)?;
                if self.scale.is_some() {
                    return Err(Reason::State);
                }
                self.scale = Some(scale);
                return Ok(());
            }
            record::SETTING_RUNG_1..=record::SETTING_RUNG_3 if (1..=RUNG_MAX).contains(&value) => {
                rungs.rungs[usize::from(index - record::SETTING_RUNG_1)] = value;
            }
            record::SETTING_EQUALITY if value <= 1 => rungs.equality = value == 1,
            _ => return Err(Reason::FieldRange),
        }
        let hold = record.flags() & FLAG_HOLD != 0;
        if !hold && !rungs.is_ordered() {
            return Err(Reason::State);
        }
        self.rungs = rungs;
        if !hold {
            self.walk(record.sequence(), out);
        }
        Ok(())
    }

    fn walk(&mut self, sequence: u32, out: &mut Vec<Record>) {
        let lanes = self.capacity.lanes;
        for (index, lane) in self.lanes.iter_mut().enumerate() {
            let (mut visited, mut flags) = (0, 0);
            for (row, account) in lane.accounts.iter_mut().enumerate().filter(|(_, account)| !account.bad) {
                visited += 1;
                flags +=
                    u32::from(compare(account, (row * lanes + index) as u32, sequence, &self.rungs, out));
            }
            out.push(receipt(index, NO_INSTRUMENT, sequence, visited, flags));
        }
    }

    fn instrument(&mut self, record: &Record, scale: Scale, out: &mut Vec<Record>) -> Result<(), Reason> {
        let index = self.instrument_index(record)?;
        let header = bank::Header::parse(record, scale)?;
        if record.flags() & FLAG_COMMIT == 0 {
            self.instruments[index].shadow.header = header;
            return Ok(());
        }
        let end = u64::from(header.base) + u64::from(header.capacity);
        let instrument = &mut self.instruments[index];
        let same_segment = instrument.committed
            && (instrument.live.header.base, instrument.live.header.capacity)
                == (header.base, header.capacity);
        if self.lanes.iter().any(|lane| lane.counts[index] != 0)
            || end > self.capacity.slots_per_lane as u64
            || !same_segment && header.base < self.segments_end
            || !instrument.commit(header)
        {
            return Err(Reason::State);
        }
        self.segments_end = self.segments_end.max(end as u32);
        for lane in 0..self.capacity.lanes {
            out.push(receipt(lane, index as u16, record.sequence(), 0, 0));
        }
        Ok(())
    }

    fn tier(&mut self, record: &Record, scale: Scale) -> Result<(), Reason> {
        let index = self.instrument_index(record)?;
        self.instruments[index]
            .write_step(record::STEP.get(record) as usize, bank::parse_tier(record, scale)?);
        Ok(())
    }

    fn mark(&mut self, record: &Record, out: &mut Vec<Record>) -> Result<(), Reason> {
        let index = self.instrument_index(record)?;
        let price = u64::try_from(record::PRICE.get(record)).ok().and_then(|quanta| Price::new(quanta).ok());
        let price = price.ok_or(Reason::FieldRange)?;
        let instrument = &mut self.instruments[index];
        if !instrument.committed || bits_of(price.get()) > instrument.live.header.price_bits {
            return Err(Reason::State);
        }
        let before = core::mem::replace(&mut instrument.mark, price);
        let instrument = &self.instruments[index];
        let rise = i128::from(price.get()) - i128::from(before.get());
        let hold = record.flags() & FLAG_HOLD != 0;
        for (lane_index, lane) in self.lanes.iter_mut().enumerate() {
            let base = instrument.live.header.base as usize;
            let (mut holders, mut flags) = (0, 0);
            for slot_index in 0..lane.counts[index] {
                let slot = &mut lane.slots[base + slot_index as usize];
                let account = &mut lane.accounts[slot.account as usize / self.capacity.lanes];
                if account.bad {
                    continue;
                }
                let requirement = instrument.requirement(slot.size, price);
                let gain = i128::from(slot.size.get())
                    * rise
                    * i128::from(instrument.live.header.weights.of(slot.size));
                let equity = account.equity + gain;
                let total = account.requirement + requirement - slot.requirement;
                if !fits_accumulator(equity) || !fits_accumulator(total) {
                    account.bad = true;
                    out.push(
                        Record::new(&output::ERROR_ACCOUNT, record.sequence())
                            .with(&record::REASON, Reason::AccumulatorRange as i128)
                            .with(&record::INSTRUMENT, index as i128)
                            .with(&record::ACCOUNT, slot.account.into())
                            .with(&record::SLOT, slot_index.into()),
                    );
                    continue;
                }
                holders += 1;
                slot.requirement = requirement;
                (account.equity, account.requirement) = (equity, total);
                if !hold {
                    flags += u32::from(compare(account, slot.account, record.sequence(), &self.rungs, out));
                }
            }
            out.push(receipt(lane_index, index as u16, record.sequence(), holders, flags));
        }
        Ok(())
    }

    fn position(&mut self, record: &Record, scale: Scale, out: &mut Vec<Record>) -> Result<(), Reason> {
        let index = self.instrument_index(record)?;
        let (lane, row) = self.account_place(record)?;
        let size = i64::try_from(record::SIZE.get(record)).ok().and_then(|lots| Size::new(lots).ok());
        let size = size.ok_or(Reason::FieldRange)?;
        let instrument = &self.instruments[index];
        let header = &instrument.live.header;
        if !instrument.committed || bits_of(size.get().unsigned_abs()) > header.size_bits {
            return Err(Reason::State);
        }
        let lane = &mut self.lanes[lane];
        let slot_index = record::SLOT.get(record) as u32;
        let count = lane.counts[index];
        let appends = slot_index == count;
        if slot_index > count || appends && (size == Size::ZERO || count == header.capacity) {
            return Err(Reason::Slot);
        }
        let place = header.base as usize + slot_index as usize;
        let old = if appends { Slot::default() } else { lane.slots[place] };
        if !appends && old.account != record.account() {
            return Err(Reason::Slot);
        }
        let account = &mut lane.accounts[row];
        if account.bad {
            return Err(Reason::BadAccount);
        }
        let requirement = instrument.requirement(size, instrument.mark);
        let cash = record::CASH_DELTA.get(record) * i128::from(scale.get());
        let equity = account.equity + margin::value(size, instrument.mark, header.weights)
            - margin::value(old.size, instrument.mark, header.weights)
            + cash;
        let total = account.requirement + requirement - old.requirement;
        if !fits_accumulator(equity) || !fits_accumulator(total) {
            return Err(Reason::AccumulatorRange);
        }
        (account.equity, account.requirement) = (equity, total);
        lane.slots[place] = Slot { account: record.account(), size, requirement };
        lane.counts[index] += u32::from(appends);
        compare_unless_held(account, record, &self.rungs, out);
        Ok(())
    }

    fn cash(&mut self, record: &Record, scale: Scale, out: &mut Vec<Record>) -> Result<(), Reason> {
        let (lane, row) = self.account_place(record)?;
        let account = &mut self.lanes[lane].accounts[row];
        if account.bad {
            return Err(Reason::BadAccount);
        }
        let equity = account.equity + record::DELTA.get(record) * i128::from(scale.get());
        if !fits_accumulator(equity) {
            return Err(Reason::AccumulatorRange);
        }
        account.equity = equity;
        compare_unless_held(account, record, &self.rungs, out);
        Ok(())
    }

    fn offset(&mut self, record: &Record, out: &mut Vec<Record>) -> Result<(), Reason> {
        let (lane, row) = self.account_place(record)?;
        let offset = units::Offset::new(record::OFFSET.get(record)).map_err(|_| Reason::FieldRange)?;
        let account = &mut self.lanes[lane].accounts[row];
        if account.bad && record.flags() & FLAG_HOLD == 0 {
            return Err(Reason::BadAccount);
        }
        account.offset = offset.get();
        compare_unless_held(account, record, &self.rungs, out);
        Ok(())
    }

    fn move_slot(&mut self, record: &Record) -> Result<(), Reason> {
        let index = self.instrument_index(record)?;
        let (lane, _) = self.account_place(record)?;
        if !self.instruments[index].committed {
            return Err(Reason::State);
        }
        let base = self.instruments[index].live.header.base as usize;
        let lane = &mut self.lanes[lane];
        let from = record::FROM.get(record) as u32;
        let to = record::TO.get(record) as u32;
        if from.checked_add(1) != Some(lane.counts[index])
            || to > from
            || lane.slots[base + from as usize].account != record.account()
            || lane.slots[base + to as usize].size != Size::ZERO
        {
            return Err(Reason::Slot);
        }
        lane.slots[base + to as usize] = lane.slots[base + from as usize];
        lane.counts[index] = from;
        Ok(())
    }

    fn readback(&mut self, record: &Record, by_slot: bool, out: &mut Vec<Record>) -> Result<(), Reason> {
        let instrument = if by_slot { Some(self.instrument_index(record)?) } else { None };
        let (lane, row) = self.account_place(record)?;
        let lane = &self.lanes[lane];
        let Some(index) = instrument else {
            let account = &lane.accounts[row];
            out.push(report(
                &output::READBACK_ACCOUNT,
                record.sequence(),
                record.account(),
                account.severity,
                account,
            ));
            return Ok(());
        };
        if !self.instruments[index].committed {
            return Err(Reason::State);
        }
        let slot_index = record::SLOT.get(record) as u32;
        if slot_index >= lane.counts[index] {
            return Err(Reason::Slot);
        }
        let slot = &lane.slots[self.instruments[index].live.header.base as usize + slot_index as usize];
        out.push(
            Record::new(&output::READBACK_SLOT, record.sequence())
                .with(&record::INSTRUMENT, index as i128)
                .with(&record::ACCOUNT, slot.account.into())
                .with(&record::SLOT, slot_index.into())
                .with(&record::SIZE, slot.size.get().into()),
        );
        Ok(())
    }

    fn instrument_index(&self, record: &Record) -> Result<usize, Reason> {
        let index = usize::from(record.instrument());
        if index < self.capacity.instruments { Ok(index) } else { Err(Reason::FieldRange) }
    }

    /// Lane and row of the record's account.
    fn account_place(&self, record: &Record) -> Result<(usize, usize), Reason> {
        let account = record.account() as usize;
        let (lane, row) = (account % self.capacity.lanes, account / self.capacity.lanes);
        if row < self.capacity.accounts_per_lane { Ok((lane, row)) } else { Err(Reason::FieldRange) }
    }
}

fn has_no_unused_bits(record: &Record, layout: &record::Layout) -> bool {
    record.0.iter().zip(layout.used()).all(|(byte, used)| byte & !used == 0)
}

fn echo(record: &Record, op: u8) -> Record {
    let mut echo = *record;
    echo.0[0] = op;
    echo
}

fn receipt(lane: usize, instrument: u16, sequence: u32, holders: u32, flags: u32) -> Record {
    Record::new(&output::RECEIPT, sequence)
        .with(&record::LANE, lane as i128)
        .with(&record::INSTRUMENT, instrument.into())
        .with(&record::HOLDERS, holders.into())
        .with(&record::FLAG_COUNT, flags.into())
}

fn report(layout: &record::Layout, sequence: u32, index: u32, old: Severity, account: &Account) -> Record {
    Record::new(layout, sequence)
        .with(&record::SEVERITY_OLD, old as i128)
        .with(&record::SEVERITY_NEW, account.severity as i128)
        .with(&record::ACCOUNT, index.into())
        .with_account_word(account.equity, account.requirement)
}

fn compare_unless_held(account: &mut Account, record: &Record, rungs: &Rungs, out: &mut Vec<Record>) {
    if record.flags() & FLAG_HOLD == 0 {
        compare(account, record.account(), record.sequence(), rungs, out);
    }
}

/// Stores and flags a change of severity; true if there was one.
fn compare(account: &mut Account, index: u32, sequence: u32, rungs: &Rungs, out: &mut Vec<Record>) -> bool {
    let new = margin::severity(account.equity, account.requirement, account.offset, rungs);
    let old = core::mem::replace(&mut account.severity, new);
    if old != new {
        out.push(report(&output::FLAG, sequence, index, old, account));
    }
    old != new
}

#[cfg(test)]
mod tests;
