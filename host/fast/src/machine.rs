//! The records that set the machine up, and the way of each record; refusals as `model::machine` has them.

use model::machine::bank::{self, Header};
use model::machine::{Capacity, check_form};
use model::margin::Rungs;
use model::record::{
    self, FLAG_BY_SLOT, FLAG_COMMIT, FLAG_HOLD, FLAG_RAW, NO_INSTRUMENT, Reason, Record, input, output,
};
use model::units::{RUNG_MAX, Scale};

use crate::account::rate_max;
use crate::check::Simd;
use crate::lane::Lane;
use crate::lines::Lines;
use crate::memory;
use crate::packed::Kind;

/// A bank and the highest rate of its live table; `None` if that has a step between its tiers.
#[derive(Clone, Debug)]
pub struct Instrument {
    pub bank: bank::Instrument,
    pub rate_max: Option<u32>,
}

/// How far ahead of its execution a record's slots are prepared for.
const PREPARED: usize = 8;

/// The memory is not there.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "so many accounts and slots need {} MiB of memory, and {} MiB are free; use fewer, or a machine with more",
    need.div_ceil(1 << 20),
    there >> 20
)]
pub struct TooLarge {
    /// Bytes.
    pub need: u64,
    pub there: u64,
}

/// Accounts by layout: 40 bytes, chains of 128 bytes, and those in `i128`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Census {
    pub compact: usize,
    pub blocks: usize,
    pub wide: usize,
}

/// The machine's whole state.
#[derive(Clone, Debug)]
pub struct Machine {
    pub(crate) capacity: Capacity,
    pub(crate) expected: u32,
    pub(crate) locked: bool,
    pub(crate) scale: Option<Scale>,
    pub(crate) rungs: Rungs,
    pub(crate) instruments: Vec<Instrument>,
    pub(crate) lines: Lines,
    /// Largest base + capacity committed since reset.
    segments_end: u32,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) simd: Simd,
    pub(crate) workers: usize,
    /// Ticks of several marks that one pass over the accounts has served.
    pub(crate) passes: u64,
}

impl Machine {
    /// Bytes that a machine comes to with every row and slot in use, and every account compact.
    pub fn bytes(capacity: Capacity) -> u64 {
        let lane = capacity.accounts_per_lane as u128 * Lane::ROW_BYTES as u128
            + capacity.slots_per_lane as u128 * Lane::SLOT_BYTES as u128;
        u64::try_from(lane * capacity.lanes as u128).unwrap_or(u64::MAX)
    }

    /// As [`Self::new`], if the kernel could give that much memory now.
    ///
    /// # Errors
    /// [`TooLarge`] if it could not.
    pub fn checked(capacity: Capacity) -> Result<Self, TooLarge> {
        let (need, there) = (Self::bytes(capacity), memory::available().unwrap_or(u64::MAX));
        if need > there { Err(TooLarge { need, there }) } else { Ok(Self::new(capacity)) }
    }

    /// A machine after reset.
    ///
    /// # Panics
    /// If the capacity is not buildable: 1 to 255 lanes, indices that fit their record fields.
    pub fn new(capacity: Capacity) -> Self {
        assert!((1..=255).contains(&capacity.lanes), "1 to 255 lanes");
        assert!(capacity.accounts_per_lane * capacity.lanes < u32::MAX as usize, "account indices are u32");
        assert!(capacity.slots_per_lane < u32::MAX as usize, "slot indices are u32");
        assert!(capacity.instruments < usize::from(NO_INSTRUMENT), "all ones names no instrument");
        let instrument = Instrument { bank: bank::Instrument::default(), rate_max: None };
        Self {
            capacity,
            expected: 0,
            locked: true,
            scale: None,
            rungs: Rungs::RESET,
            instruments: vec![instrument; capacity.instruments],
            lines: Lines::new(capacity.instruments),
            segments_end: 0,
            lanes: (0..capacity.lanes)
                .map(|_| Lane::new(capacity.accounts_per_lane, capacity.instruments))
                .collect(),
            simd: Simd::best(),
            passes: 0,
            workers: std::thread::available_parallelism().map_or(1, usize::from).min(capacity.lanes),
        }
    }

    /// The same with so many threads for sweeps of many accounts, instead of one by core; each takes whole lanes.
    #[must_use]
    pub fn with_workers(mut self, workers: usize) -> Self {
        self.workers = workers.clamp(1, self.capacity.lanes);
        self
    }

    /// The same with other instructions than the best that the processor has.
    #[must_use]
    pub fn with_simd(mut self, simd: Simd) -> Self {
        self.simd = simd;
        self
    }

    /// Has brought into the cache what the records behind the one at `at` will touch: the accounts of those further off, then their slots.
    #[inline]
    fn prepare(&self, records: &[Record], at: usize) {
        let place = |record: &Record| {
            let names_an_account = record.op() == input::POSITION.op || record.op() == input::CASH.op;
            let account = record.account() as usize;
            let lanes = self.capacity.lanes;
            names_an_account.then(|| (&self.lanes[account % lanes], account / lanes))
        };
        if let Some((lane, row)) = records.get(at + 2 * PREPARED).and_then(place) {
            lane.prefetch(row);
        }
        if let Some((lane, row)) = records.get(at + PREPARED).and_then(place) {
            lane.prefetch_slots(row);
        }
    }

    /// How many accounts are in which layout.
    pub fn census(&self) -> Census {
        let mut census = Census::default();
        for row in self.lanes.iter().flat_map(|lane| &lane.rows) {
            match row.kind {
                Kind::Compact => census.compact += 1,
                Kind::Blocks | Kind::Large => census.blocks += 1,
                Kind::Wide => census.wide += 1,
            }
        }
        census
    }

    /// How many ticks of several marks one pass over the accounts has served.
    pub fn passes(&self) -> u64 {
        self.passes
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

    /// Executes records in their order, as [`Self::execute`] one by one.
    pub fn execute_all(&mut self, mut records: &[Record], out: &mut Vec<Record>) {
        while !records.is_empty() {
            records = &records[self.execute_next(records, out)..];
        }
    }

    /// Executes the first of these records, and those behind it that are done in one pass with it; gives how many. What comes behind is prepared for.
    ///
    /// # Panics
    /// If there are none.
    pub fn execute_next(&mut self, records: &[Record], out: &mut Vec<Record>) -> usize {
        self.prepare(records, 0);
        let tick = self.tick_of(records);
        if tick == 0 {
            self.execute(&records[0], out);
            return 1;
        }
        self.tick(&records[..tick], out);
        tick
    }

    /// Lock and sequence; consumes the number.
    fn admit(&mut self, record: &Record) -> Result<(), Reason> {
        if record.op() == input::RESYNC.op && check_form(record).is_ok() {
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
        check_form(record)?;
        let op = record.op();
        if op == input::FENCE.op || op == input::RESYNC.op {
            let mut echo = *record;
            echo.0[0] = if op == input::FENCE.op { output::FENCE_ECHO.op } else { output::RESYNC_ECHO.op };
            out.push(echo);
            return Ok(());
        }
        let sets_scale =
            op == input::SETTING.op && record::INDEX.get(record) == i128::from(record::SETTING_SCALE);
        let scale = match self.scale {
            Some(scale) => scale,
            None if sets_scale => Scale::default(),
            None => return Err(Reason::ScaleNotSet),
        };
        match op {
            op if op == input::SETTING.op => self.setting(record, out),
            op if op == input::INSTRUMENT.op => self.instrument(record, scale, out),
            op if op == input::TIER.op => self.tier(record, scale),
            op if op == input::MARK.op => self.mark(record, out),
            op if op == input::FUNDING.op => self.funding(record, scale, out),
            op if op == input::POSITION.op && record.flags() & FLAG_RAW != 0 => self.reload_slot(record),
            op if op == input::POSITION.op => self.position(record, scale, out),
            op if op == input::CASH.op => self.cash(record, scale, out),
            op if op == input::OFFSET.op => self.offset(record, out),
            op if op == input::LOAD.op => self.load(record, out),
            op if op == input::MOVE.op => self.move_slot(record),
            op if op == input::READBACK.op && record.flags() & FLAG_BY_SLOT != 0 => {
                self.readback_slot(record, out)
            }
            op if op == input::READBACK.op => self.readback_account(record, out),
            op => unreachable!("layout of op {op:#04x} is not executed"),
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
                self.lines.rebuild(scale, scale.get(), &[]);
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
        if self.rungs != rungs {
            // Other lines: what was safe from the old ones says nothing.
            for lane in &mut self.lanes {
                (0..lane.rows.len()).for_each(|row| lane.disarm(row));
            }
        }
        self.rungs = rungs;
        if !hold {
            self.walk(record.sequence(), out);
        }
        Ok(())
    }

    fn instrument(&mut self, record: &Record, scale: Scale, out: &mut Vec<Record>) -> Result<(), Reason> {
        let index = self.instrument_index(record)?;
        let header = Header::parse(record, scale)?;
        if record.flags() & FLAG_COMMIT == 0 {
            self.instruments[index].bank.shadow.header = header;
            return Ok(());
        }
        let end = u64::from(header.base) + u64::from(header.capacity);
        let bank = &self.instruments[index].bank;
        let live = bank.live.header;
        let same_segment = bank.committed && (live.base, live.capacity) == (header.base, header.capacity);
        let same_widths = (live.price_bits, live.size_bits) == (header.price_bits, header.size_bits);
        let has_live_slots = self.lanes.iter().any(|lane| lane.segments[index].count() != 0);
        if has_live_slots && !(same_segment && same_widths)
            || end > self.capacity.slots_per_lane as u64
            || !same_segment && header.base < self.segments_end
            || !bank.clone().commit(header)
        {
            return Err(Reason::State);
        }
        self.commit(index, header, scale);
        self.segments_end = self.segments_end.max(end as u32);
        self.revalue(record, live.weights, out);
        Ok(())
    }

    /// Flips the banks; accounts stay packed if they fit the new lines, holders are made eager if not.
    fn commit(&mut self, index: usize, header: Header, scale: Scale) {
        let mut instruments = self.instruments.clone();
        instruments[index].bank.commit(header);
        instruments[index].rate_max = rate_max(&instruments[index].bank.live.tiers);
        let mut lines = self.lines.clone();
        let divisor = Lines::divisor_of(scale, &instruments);
        lines.rebuild(scale, divisor, &instruments);
        let is_rescaled = lines.divisor() != self.lines.divisor();
        for lane in &mut self.lanes {
            for slot in 0..lane.segments[index].rows.len() {
                let row = lane.segments[index].rows[slot] as usize;
                let is_packed = lane.rows[row].kind != Kind::Wide;
                if !is_packed || !is_rescaled && !lane.repack(row, &lines) {
                    lane.make_eager(row, &self.lines, &self.instruments);
                }
            }
            if is_rescaled {
                (0..lane.rows.len())
                    .for_each(|row| lane.rescale(row, &self.lines, &lines, &self.instruments));
            }
            lane.segments[index].reserve(header.capacity as usize);
        }
        (self.instruments, self.lines) = (instruments, lines);
    }

    fn tier(&mut self, record: &Record, scale: Scale) -> Result<(), Reason> {
        let index = self.instrument_index(record)?;
        let tier = bank::parse_tier(record, scale)?;
        self.instruments[index].bank.write_step(record::STEP.get(record) as usize, tier);
        Ok(())
    }

    /// What `one` gives for each lane, lanes shared out to the workers.
    pub(crate) fn by_lane<T: Send>(&mut self, one: impl Fn(&mut Lane) -> T + Sync) -> Vec<T> {
        if self.workers < 2 {
            return self.lanes.iter_mut().map(one).collect();
        }
        let (share, one) = (self.lanes.len().div_ceil(self.workers), &one);
        std::thread::scope(|scope| {
            let parts = self.lanes.chunks_mut(share);
            let parts: Vec<_> = parts
                .map(|lanes| scope.spawn(move || lanes.iter_mut().map(one).collect::<Vec<T>>()))
                .collect();
            parts.into_iter().flat_map(|part| part.join().expect("a check does not panic")).collect()
        })
    }

    pub(crate) fn instrument_index(&self, record: &Record) -> Result<usize, Reason> {
        let index = usize::from(record.instrument());
        if index < self.capacity.instruments { Ok(index) } else { Err(Reason::FieldRange) }
    }

    /// Lane and row of the record's account.
    pub(crate) fn account_place(&self, record: &Record) -> Result<(usize, usize), Reason> {
        let account = record.account() as usize;
        let (lane, row) = (account % self.capacity.lanes, account / self.capacity.lanes);
        if row < self.capacity.accounts_per_lane { Ok((lane, row)) } else { Err(Reason::FieldRange) }
    }
}
