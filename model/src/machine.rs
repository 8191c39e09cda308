//! The oracle: records in, records out, exactly as `docs/machine.md` says. Also the naive CPU device.
//!
//! Plain and sequential on purpose. Everything faster or in hardware is compared with it bit for bit.

mod account;
pub mod bank;
mod slot;
mod sweep;

use alloc::vec;
use alloc::vec::Vec;

use crate::margin::Rungs;
use crate::record::{
    self, FLAG_BY_SLOT, FLAG_COMMIT, FLAG_HOLD, FLAG_RAW, NO_INSTRUMENT, Reason, Record, UNKNOWN, input,
    output,
};
use crate::units::{RUNG_MAX, Scale};
use account::Account;
use bank::Instrument;
use slot::Slot;

/// What a build of the device holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Capacity {
    pub lanes: usize,
    pub accounts_per_lane: usize,
    pub slots_per_lane: usize,
    pub instruments: usize,
}

/// Why a record has no effect: what is answered instead.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stop {
    Refused(Reason),
    /// Its account's word was beyond repair, and is bad now.
    AccountLost,
    /// This slot's word is beyond repair.
    SlotLost(u32),
}

impl From<Reason> for Stop {
    fn from(reason: Reason) -> Self {
        Self::Refused(reason)
    }
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
        let done = self.admit(record).map_err(Stop::Refused).and_then(|()| self.perform(record, out));
        let sequence = record.sequence();
        out.extend(match done {
            Ok(()) => None,
            Err(Stop::Refused(reason)) => {
                let mut answer = *record;
                answer.0[0] = output::ERROR_RECORD.op;
                answer.0[1] = reason as u8;
                Some(answer)
            }
            Err(Stop::AccountLost) => {
                let positions = record.op() == input::POSITION.op;
                let instrument = if positions { record.instrument() } else { NO_INSTRUMENT };
                let reason = Reason::UncorrectableAccount;
                Some(account_error(reason, sequence, instrument, record.account(), UNKNOWN))
            }
            Err(Stop::SlotLost(slot)) => {
                let reason = Reason::UncorrectableSlot;
                Some(account_error(reason, sequence, record.instrument(), record.account(), slot))
            }
        });
    }

    /// The account's word is beyond repair until it is next written: for tests of faults.
    ///
    /// # Panics
    /// If there is no such account.
    pub fn break_account(&mut self, account: u32) {
        let lanes = self.capacity.lanes;
        self.lanes[account as usize % lanes].accounts[account as usize / lanes].broken = true;
    }

    /// The lane's slot at `place`, base included, is beyond repair until it is next written: for tests of faults.
    ///
    /// # Panics
    /// If there is no such slot.
    pub fn break_slot(&mut self, lane: usize, place: usize) {
        self.lanes[lane].slots[place].broken = true;
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

    fn perform(&mut self, record: &Record, out: &mut Vec<Record>) -> Result<(), Stop> {
        check_form(record)?;
        let by_slot = record.flags() & FLAG_BY_SLOT != 0;
        let raw = record.op() == input::POSITION.op && record.flags() & FLAG_RAW != 0;
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
            None => return Err(Reason::ScaleNotSet.into()),
        };
        match record.op() {
            op if op == input::SETTING.op => self.setting(record, out)?,
            op if op == input::INSTRUMENT.op => self.instrument(record, scale, out)?,
            op if op == input::TIER.op => self.tier(record, scale)?,
            op if op == input::MARK.op => self.mark(record, out)?,
            op if op == input::FUNDING.op => self.funding(record, scale, out)?,
            op if op == input::POSITION.op && raw => self.reload_slot(record)?,
            op if op == input::POSITION.op => self.position(record, scale, out)?,
            op if op == input::CASH.op => self.cash(record, scale, out)?,
            op if op == input::OFFSET.op => self.offset(record, out)?,
            op if op == input::LOAD.op => self.load(record, out)?,
            op if op == input::MOVE.op => self.move_slot(record)?,
            op if op == input::READBACK.op && by_slot => self.readback_slot(record, out)?,
            op if op == input::READBACK.op => self.readback_account(record, out)?,
            op => unreachable!("layout of op {op:#04x} is not executed"),
        }
        Ok(())
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

    fn instrument(&mut self, record: &Record, scale: Scale, out: &mut Vec<Record>) -> Result<(), Reason> {
        let index = self.instrument_index(record)?;
        let header = bank::Header::parse(record, scale)?;
        if record.flags() & FLAG_COMMIT == 0 {
            self.instruments[index].shadow.header = header;
            return Ok(());
        }
        let end = u64::from(header.base) + u64::from(header.capacity);
        let instrument = &mut self.instruments[index];
        let live = instrument.live;
        let same_segment = instrument.committed
            && (live.header.base, live.header.capacity) == (header.base, header.capacity);
        let same_widths =
            (live.header.price_bits, live.header.size_bits) == (header.price_bits, header.size_bits);
        let has_live_slots = self.lanes.iter().any(|lane| lane.counts[index] != 0);
        if has_live_slots && !(same_segment && same_widths)
            || end > self.capacity.slots_per_lane as u64
            || !same_segment && header.base < self.segments_end
            || !instrument.commit(header)
        {
            return Err(Reason::State);
        }
        self.segments_end = self.segments_end.max(end as u32);
        self.revalue(record, live.header.weights, out);
        Ok(())
    }

    fn tier(&mut self, record: &Record, scale: Scale) -> Result<(), Reason> {
        let index = self.instrument_index(record)?;
        self.instruments[index]
            .write_step(record::STEP.get(record) as usize, bank::parse_tier(record, scale)?);
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

/// The checks that need no state: a known op, no unused bit set.
///
/// # Errors
/// The first of the two that fails.
pub fn check_form(record: &Record) -> Result<(), Reason> {
    let by_slot = record.flags() & FLAG_BY_SLOT != 0;
    let layout = input::LAYOUTS
        .iter()
        .find(|layout| {
            layout.op == record.op()
                && (layout.op != input::READBACK.op || by_slot == (layout.flags == FLAG_BY_SLOT))
        })
        .ok_or(Reason::Operation)?;
    let raw = record.op() == input::POSITION.op && record.flags() & FLAG_RAW != 0;
    if !has_no_unused_bits(record, layout) || raw && record::CASH_DELTA.get(record) != 0 {
        return Err(Reason::UnusedBits);
    }
    Ok(())
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

fn account_error(reason: Reason, sequence: u32, instrument: u16, account: u32, slot: u32) -> Record {
    Record::new(&output::ERROR_ACCOUNT, sequence)
        .with(&record::REASON, reason as i128)
        .with(&record::INSTRUMENT, instrument.into())
        .with(&record::ACCOUNT, account.into())
        .with(&record::SLOT, slot.into())
}

#[cfg(test)]
mod tests;
