//! A round as records, complete before the first one is sent: what does not fit is refused while nothing has happened yet.

use std::collections::{BTreeSet, HashSet};
use std::hash::BuildHasherDefault;

use engine::event::{AccountId, Change, EventSequence, InstrumentId, Update};
use engine::rules::{InstrumentSpec, Rules};
use model::machine::Capacity;
use model::margin::Severity;
use model::record::{self, FLAG_COMMIT, FLAG_HOLD, FLAG_RAW, NO_INSTRUMENT, Record, input};
use model::tier::TierTable;
use model::units::{NOTIONAL_BITS, Offset, OutOfRange, Price, Scale, Size};

use crate::bad;
use crate::book::Book;
use crate::error::DeviceError;
use crate::slot_map::{IdHasher, Segment, SlotError, SlotMap};

/// Longest plan: half the record numbers, so that a number always names one record of the round.
const RECORDS_MAX: usize = 1 << 31;

/// A record that every lane answers with a RECEIPT.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sweep {
    /// Place of its record in the plan.
    pub offset: u32,
    pub instrument: u16,
    /// Which row of the round's coverage it is; none for a listing or a walk.
    pub due: Option<u32>,
}

/// Records of one round, each with the event that caused it. Its memory is used again for the next round.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub records: Vec<Record>,
    pub events: Vec<EventSequence>,
    pub sweeps: Vec<Sweep>,
    /// Holders that each sweep must find: sweep by sweep, lane by lane.
    pub holders: Vec<u32>,
    pub dues: u32,
    /// Places of the POSITIONs that append a slot.
    pub appends: Vec<u32>,
    /// Number of the first record.
    pub first: u32,
    /// Accounts with a held change that nothing has compared yet.
    held: HashSet<u32, BuildHasherDefault<IdHasher>>,
}

impl Plan {
    /// Place in the plan of the record that carries `sequence`.
    pub fn offset_of(&self, sequence: u32) -> Option<u32> {
        let offset = sequence.wrapping_sub(self.first);
        ((offset as usize) < self.records.len()).then_some(offset)
    }

    /// Number of the record that follows the plan.
    pub fn end(&self) -> u32 {
        self.first.wrapping_add(self.records.len() as u32)
    }

    /// From reset to ready: RESYNC, the scale, the rungs with hold, the equality without, FENCE.
    ///
    /// An empty device has nothing to compare, so hold would do for the equality too. Its walk is asked for all the same: the receipts
    /// prove, before the first position, that the build has the lanes and accounts it claims, and the device itself checks the rungs' order.
    pub fn start(&mut self, rules: &Rules, capacity: Capacity, first: u32, tokens: [u64; 2]) {
        self.clear(first);
        self.push(0, self.record(&input::RESYNC).with(&record::TOKEN, tokens[0].into()));
        self.push(0, self.setting(record::SETTING_SCALE, rules.scale));
        for (index, rung) in (record::SETTING_RUNG_1..).zip(rules.rungs) {
            self.push(0, self.setting(index, rung).flagged(FLAG_HOLD));
        }
        let accounts = capacity.accounts_per_lane as u32;
        self.sweep(NO_INSTRUMENT, None, core::iter::repeat_n(accounts, capacity.lanes));
        self.push(0, self.setting(record::SETTING_EQUALITY, rules.equality.into()));
        self.push(0, self.record(&input::FENCE).with(&record::TOKEN, tokens[1].into()));
    }

    /// One round, ended by a FENCE with `token`; what it does to `map` can be undone. On an error `map` is as before.
    ///
    /// # Errors
    /// [`DeviceError`] for what the device would refuse: no room, a value out of range, a broken tier table.
    ///
    /// # Panics
    /// If a held change is left without a later one of the same account that compares: such an account would have no verdict.
    pub fn round(
        &mut self,
        updates: &[Update],
        map: &mut SlotMap,
        scale: Scale,
        first: u32,
        token: u64,
    ) -> Result<(), DeviceError> {
        self.clear(first);
        for update in updates {
            if let Err(error) = self.update(update, map, scale) {
                map.undo();
                return Err(error);
            }
        }
        assert!(self.held.is_empty(), "accounts (device indices) held but never compared: {:?}", self.held);
        let event = updates.last().map_or(0, |update| update.sequence);
        self.push(event, self.record(&input::FENCE).with(&record::TOKEN, token.into()));
        Ok(())
    }

    /// Loads the accounts as the book has them, then compares. On an empty device, `anew`, the instruments come before, and the marks only
    /// after slots and cash: the device arrives at E and R by itself, so that they prove sizes, weights, tiers and marks as well. What the
    /// accumulators do not hold is loaded as zeros.
    pub fn reload(
        &mut self,
        book: &Book,
        map: &SlotMap,
        (accounts, anew): (&BTreeSet<u32>, bool),
        first: u32,
        token: u64,
    ) {
        self.clear(first);
        let segment = |id| map.segment(id).expect("the book lists what the map lists");
        let mut listed: Vec<_> = book.listed().collect();
        listed.sort_unstable_by_key(|&(id, _)| segment(id).base);
        for &(id, instrument) in &listed {
            if anew {
                let nobody = std::iter::repeat_n(0, map.lanes());
                self.listing((0, id), &instrument.spec, &instrument.tiers, segment(id), None, nobody);
            }
            let slot = |&index: &u32| Some((map.slot(id, index).expect("listed")?, index));
            let mut slots: Vec<(u32, u32)> = accounts.iter().filter_map(slot).collect();
            slots.sort_unstable();
            for (slot, index) in slots {
                let record = self
                    .record(&input::POSITION)
                    .flagged(FLAG_RAW)
                    .with(&record::INSTRUMENT, id.0.into())
                    .with(&record::ACCOUNT, index.into())
                    .with(&record::SLOT, slot.into())
                    .with(&record::SIZE, book.size(id, index).into());
                self.push(0, record);
            }
        }
        for &index in accounts {
            match book.offset(index) {
                0 => self.offset(0, index, 0, true),
                offset => self.offset_proven(index, offset),
            }
            if anew {
                self.load(index, (if is_modest(book, index) { book.cash_equity(index) } else { 0 }, 0));
            }
        }
        for &(id, instrument) in listed.iter().filter(|_| anew) {
            self.sweep(id.0, None, map.counts(id).expect("listed"));
            let record = self
                .record(&input::MARK)
                .flagged(FLAG_HOLD)
                .with(&record::INSTRUMENT, id.0.into())
                .with(&record::PRICE, instrument.mark.get().into());
            self.push(0, record);
        }
        for &index in accounts {
            if !(anew && is_modest(book, index)) {
                self.load(index, if bad::fits(book, index) { book.word(index) } else { (0, 0) });
            }
            self.cash(0, index, 0, false);
        }
        self.push(0, self.record(&input::FENCE).with(&record::TOKEN, token.into()));
    }

    /// No read-back tells of an offset, so the device is made to: at E of 0 an R' of 1 is a takeover and an R' of 0 is healthy, whatever the
    /// rungs. Only from the exact offset do both come, and with them the FLAGs of [`proof`].
    fn offset_proven(&mut self, index: u32, offset: i128) {
        self.load(index, (0, 1 - offset));
        self.offset(0, index, offset, false);
        self.load(index, (0, -offset));
        self.cash(0, index, 0, false);
    }

    fn load(&mut self, index: u32, (equity, requirement): (i128, i128)) {
        let load = self.record(&input::LOAD).flagged(FLAG_HOLD).with(&record::ACCOUNT, index.into());
        self.push(0, load.with_account_word(equity, requirement));
    }

    fn clear(&mut self, first: u32) {
        self.records.clear();
        self.events.clear();
        self.sweeps.clear();
        self.holders.clear();
        self.appends.clear();
        self.held.clear();
        self.dues = 0;
        self.first = first;
    }

    fn update(&mut self, update: &Update, map: &mut SlotMap, scale: Scale) -> Result<(), DeviceError> {
        let event = update.sequence;
        match update.change {
            Change::List { instrument, ref spec } => self.list(event, instrument, spec, map, scale),
            Change::Mark { instrument, price } => self.mark(event, instrument, price, map),
            Change::Funding { instrument, delta } => self.funding(event, instrument, delta, map),
            Change::Brackets { instrument, ref spec } => self.relist(event, instrument, spec, map, scale),
            Change::Position { account, instrument, size, cash_delta, hold } => {
                self.position(event, (account, instrument), size, cash_delta, hold, map)
            }
            Change::Cash { account, delta, hold } => {
                let index = map.assign(account).map_err(room(event))?;
                self.cash(event, index, delta, hold);
                Ok(())
            }
            Change::Offset { account, value, hold } => {
                in_range(event, "offset", value, Offset::MIN, Offset::MAX)?;
                let index = map.assign(account).map_err(room(event))?;
                self.offset(event, index, value, hold);
                Ok(())
            }
        }
    }

    fn list(
        &mut self,
        event: EventSequence,
        instrument: InstrumentId,
        spec: &InstrumentSpec,
        map: &mut SlotMap,
        scale: Scale,
    ) -> Result<(), DeviceError> {
        let weight_max = 2 * i128::from(scale.get());
        in_range(event, "weight_long", spec.weight_long.into(), 0, weight_max)?;
        in_range(event, "weight_short", spec.weight_short.into(), 0, weight_max)?;
        in_range(event, "price_bits", spec.price_bits.into(), 1, 32)?;
        in_range(event, "size_bits", spec.size_bits.into(), 1, 40)?;
        let bits = i128::from(spec.price_bits) + i128::from(spec.size_bits);
        in_range(event, "price_bits + size_bits", bits, 2, NOTIONAL_BITS.into())?;
        let tiers = TierTable::new(scale, &spec.brackets)
            .map_err(|source| DeviceError::Tiers { sequence: event, source })?;
        let segment = map.list(instrument, spec.price_bits, spec.size_bits).map_err(room(event))?;
        let nobody = std::iter::repeat_n(0, map.lanes());
        self.listing((event, instrument), spec, &tiers, segment, None, nobody);
        Ok(())
    }

    /// Other tiers of a listed instrument: its holders are swept from the old to the new ones.
    fn relist(
        &mut self,
        event: EventSequence,
        instrument: InstrumentId,
        spec: &InstrumentSpec,
        map: &SlotMap,
        scale: Scale,
    ) -> Result<(), DeviceError> {
        let tiers = TierTable::new(scale, &spec.brackets)
            .map_err(|source| DeviceError::Tiers { sequence: event, source })?;
        let segment = map.segment(instrument).map_err(room(event))?;
        let due = self.next_due(instrument, map);
        let counts = map.counts(instrument).map_err(room(event))?;
        self.listing((event, instrument), spec, &tiers, segment, due, counts);
        Ok(())
    }

    /// The steps of the tiers, then the commit, which sweeps `holders`.
    fn listing(
        &mut self,
        (event, instrument): (EventSequence, InstrumentId),
        spec: &InstrumentSpec,
        tiers: &TierTable,
        segment: Segment,
        due: Option<u32>,
        holders: impl Iterator<Item = u32>,
    ) {
        let index = i128::from(instrument.0);
        for (step, tier) in tiers.steps().as_slice().iter().enumerate() {
            let record = self
                .record(&input::TIER)
                .with(&record::INSTRUMENT, index)
                .with(&record::STEP, step as i128)
                .with(&record::FLOOR, tier.floor.into())
                .with(&record::RATE, tier.rate.into())
                .with(&record::DEDUCTION, tier.deduction as i128);
            self.push(event, record);
        }
        self.sweep(instrument.0, due, holders);
        let record = self
            .record(&input::INSTRUMENT)
            .flagged(FLAG_COMMIT)
            .with(&record::INSTRUMENT, index)
            .with(&record::WEIGHT_LONG, spec.weight_long.into())
            .with(&record::WEIGHT_SHORT, spec.weight_short.into())
            .with(&record::BASE, segment.base.into())
            .with(&record::CAPACITY, segment.capacity.into())
            .with(&record::PRICE_BITS, spec.price_bits.into())
            .with(&record::SIZE_BITS, spec.size_bits.into())
            .with(&record::TIER_COUNT, tiers.steps().count as i128);
        self.push(event, record);
    }

    fn mark(
        &mut self,
        event: EventSequence,
        instrument: InstrumentId,
        price: u64,
        map: &SlotMap,
    ) -> Result<(), DeviceError> {
        let segment = map.segment(instrument).map_err(room(event))?;
        let max = Price::MAX >> (32 - u32::from(segment.price_bits));
        in_range(event, "price", price.into(), 0, max.into())?;
        let due = self.next_due(instrument, map);
        self.sweep(instrument.0, due, map.counts(instrument).map_err(room(event))?);
        let record = self
            .record(&input::MARK)
            .with(&record::INSTRUMENT, instrument.0.into())
            .with(&record::PRICE, price.into());
        self.push(event, record);
        Ok(())
    }

    fn funding(
        &mut self,
        event: EventSequence,
        instrument: InstrumentId,
        delta: i64,
        map: &SlotMap,
    ) -> Result<(), DeviceError> {
        let segment = map.segment(instrument).map_err(room(event))?;
        let max = i128::from(Price::MAX >> (32 - u32::from(segment.price_bits)));
        in_range(event, "index delta", delta.into(), -max, max)?;
        let due = self.next_due(instrument, map);
        self.sweep(instrument.0, due, map.counts(instrument).map_err(room(event))?);
        let record = self
            .record(&input::FUNDING)
            .with(&record::INSTRUMENT, instrument.0.into())
            .with(&record::INDEX_DELTA, delta.into());
        self.push(event, record);
        Ok(())
    }

    /// The next row of the coverage, of a sweep that compares every holder.
    fn next_due(&mut self, instrument: InstrumentId, map: &SlotMap) -> Option<u32> {
        self.held.retain(|&index| !matches!(map.slot(instrument, index), Ok(Some(_))));
        self.dues += 1;
        Some(self.dues - 1)
    }

    /// A position of size 0 leaves its slot at once: the last slot of the lane moves into it. Where there was none, only cash moves.
    fn position(
        &mut self,
        event: EventSequence,
        (account, instrument): (AccountId, InstrumentId),
        size: i64,
        cash_delta: i64,
        hold: bool,
        map: &mut SlotMap,
    ) -> Result<(), DeviceError> {
        let segment = map.segment(instrument).map_err(room(event))?;
        let max = i128::from(Size::MAX >> (40 - u32::from(segment.size_bits)));
        in_range(event, "size", size.into(), -max, max)?;
        let index = map.assign(account).map_err(room(event))?;
        if map.slot(instrument, index).map_err(room(event))?.is_none() {
            if size == 0 {
                self.cash(event, index, cash_delta, hold);
                return Ok(());
            }
            self.appends.push(self.records.len() as u32);
        }
        let slot = map.place(instrument, index).map_err(room(event))?;
        let record = self
            .record(&input::POSITION)
            .flagged(if hold { FLAG_HOLD } else { 0 })
            .with(&record::INSTRUMENT, instrument.0.into())
            .with(&record::ACCOUNT, index.into())
            .with(&record::SLOT, slot.into())
            .with(&record::SIZE, size.into())
            .with(&record::CASH_DELTA, cash_delta.into());
        self.push(event, record);
        self.note_hold(index, hold);
        if size == 0 {
            let removed = map.remove(instrument, index).map_err(room(event))?;
            let record = self
                .record(&input::MOVE)
                .with(&record::INSTRUMENT, instrument.0.into())
                .with(&record::ACCOUNT, removed.owner.into())
                .with(&record::FROM, removed.from.into())
                .with(&record::TO, removed.to.into());
            self.push(event, record);
        }
        Ok(())
    }

    fn cash(&mut self, event: EventSequence, index: u32, delta: i64, hold: bool) {
        let record = self
            .record(&input::CASH)
            .flagged(if hold { FLAG_HOLD } else { 0 })
            .with(&record::ACCOUNT, index.into())
            .with(&record::DELTA, delta.into());
        self.push(event, record);
        self.note_hold(index, hold);
    }

    fn offset(&mut self, event: EventSequence, index: u32, value: i128, hold: bool) {
        let record = self
            .record(&input::OFFSET)
            .flagged(if hold { FLAG_HOLD } else { 0 })
            .with(&record::ACCOUNT, index.into())
            .with(&record::OFFSET, value);
        self.push(event, record);
        self.note_hold(index, hold);
    }

    fn note_hold(&mut self, index: u32, hold: bool) {
        if hold {
            self.held.insert(index);
        } else {
            self.held.remove(&index);
        }
    }

    /// The next record of the plan.
    fn record(&self, layout: &record::Layout) -> Record {
        Record::new(layout, self.end())
    }

    fn setting(&self, index: u16, value: u32) -> Record {
        self.record(&input::SETTING).with(&record::INDEX, index.into()).with(&record::VALUE, value.into())
    }

    fn push(&mut self, event: EventSequence, record: Record) {
        assert!(self.records.len() < RECORDS_MAX, "a round of more than {RECORDS_MAX} records");
        self.records.push(record);
        self.events.push(event);
    }

    /// The record pushed next is answered by a RECEIPT of every lane.
    fn sweep(&mut self, instrument: u16, due: Option<u32>, holders: impl Iterator<Item = u32>) {
        self.sweeps.push(Sweep { offset: self.records.len() as u32, instrument, due });
        self.holders.extend(holders);
    }
}

/// New severity, E and R of the FLAGs of a reloaded account that has this offset. It may have been a takeover already; then the first does
/// not come. The second comes only after a takeover: at E of 0 there is nothing between it and healthy.
pub(crate) fn proof(offset: i128) -> [(u8, i128, i128); 2] {
    [(Severity::Takeover as u8, 0, 1 - offset), (Severity::Healthy as u8, 0, -offset)]
}

/// True if no sum of the account's cash and any 64 values or requirements leaves the accumulators on its way.
fn is_modest(book: &Book, index: u32) -> bool {
    book.cash_equity(index).unsigned_abs() < 1 << 86
}

fn room(sequence: EventSequence) -> impl Fn(SlotError) -> DeviceError {
    move |source| DeviceError::Room { sequence, source }
}

fn in_range(
    sequence: EventSequence,
    what: &'static str,
    value: i128,
    min: i128,
    max: i128,
) -> Result<(), DeviceError> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(DeviceError::Value { sequence, source: OutOfRange { what, value, min, max } })
}
