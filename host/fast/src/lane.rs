//! A lane's accounts, whichever kind they are of: what they hold, what they amount to, and what becomes of their zones.

use model::margin::{self, Rungs, Severity};
use model::record::{self, Layout, Record, output};

use crate::account::{Account, Position};
use crate::check::{self, Word};
use crate::lines::{BOUND, Code, Lines};
use crate::machine::Instrument;
use crate::memory;
use crate::packed::{BLOCK, Block, COMPACT, Kind, NONE, Row, Slab};
use crate::segment::{Segment, Zone};
use crate::zone::{self, Stand};

#[derive(Clone, Debug)]
pub struct Lane {
    pub rows: Vec<Row>,
    /// Slots of the rows' positions.
    slots: Vec<[u32; COMPACT]>,
    pub blocks: Slab<Block>,
    /// Slots of the blocks' positions, at the same places.
    block_slots: Slab<[u32; BLOCK]>,
    pub wide: Slab<Account>,
    /// By instrument.
    pub segments: Vec<Segment>,
    /// Sweeps so far: whose turn it is to be armed.
    pub turn: u32,
}

/// All that a packed account is.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    pub cash: i64,
    pub offset: i64,
    pub positions: Vec<Position>,
}

impl Parts {
    /// No sum of its amounts leaves the bound, with every mark up to its ceiling.
    pub fn fits(&self, lines: &Lines) -> bool {
        let sizes = self.positions.iter().map(|position| (position.size, position.instrument));
        fits(self.cash, self.offset, sizes, lines)
    }
}

/// No sum of such amounts leaves the bound, with every mark up to its ceiling.
#[inline]
fn fits(cash: i64, offset: i64, sizes: impl Iterator<Item = (i64, u16)>, lines: &Lines) -> bool {
    let product = |a: u64, b: u64| a.saturating_mul(b);
    let sum = product(cash.unsigned_abs(), lines.cash as u64).saturating_add(offset.unsigned_abs());
    let sum = sizes.fold(sum, |sum, (size, instrument)| {
        sum.saturating_add(product(size.unsigned_abs(), lines.ceilings[usize::from(instrument)]))
    });
    sum < BOUND
}

impl Lane {
    pub const ROW_BYTES: usize = size_of::<Row>() + size_of::<[u32; COMPACT]>();
    pub const SLOT_BYTES: usize = size_of::<u32>() + size_of::<Zone>();

    pub fn prefetch(&self, row: usize) {
        if let (Some(held), Some(slots)) = (self.rows.get(row), self.slots.get(row)) {
            memory::prefetch(held);
            memory::prefetch(slots);
        }
    }

    /// Of a compact account.
    pub fn prefetch_slots(&self, row: usize) {
        let (Some(held), Some(slots)) = (self.rows.get(row), self.slots.get(row)) else { return };
        for (code, &slot) in held.codes.iter().zip(slots).take(held.count.into()) {
            self.segments[usize::from(code.instrument())].prefetch(slot as usize);
        }
    }

    pub fn new(rows: usize, instruments: usize) -> Self {
        Self {
            rows: memory::filled(rows, Row::default()),
            slots: memory::filled(rows, [0; COMPACT]),
            blocks: Slab::default(),
            block_slots: Slab::default(),
            wide: Slab::default(),
            segments: vec![Segment::default(); instruments],
            turn: 0,
        }
    }

    pub fn each_position(&self, row: usize, mut each: impl FnMut(Position)) {
        let mut packed = |count: usize, sizes: &dyn Fn(usize) -> i64, codes: &[Code], slots: &[u32]| {
            for at in 0..count {
                let (instrument, slot) = (codes[at].instrument(), slots[at]);
                each(Position { instrument, slot, size: sizes(at), requirement: 0 });
            }
        };
        let held = &self.rows[row];
        match held.kind {
            Kind::Compact => {
                let sizes = |at: usize| i64::from(held.sizes[at]);
                packed(held.count.into(), &sizes, &held.codes, &self.slots[row]);
            }
            Kind::Blocks => {
                let mut place = held.place();
                loop {
                    let block = &self.blocks[place];
                    let sizes = |at: usize| block.sizes[at];
                    packed(block.count as usize, &sizes, &block.codes, &self.block_slots[place]);
                    if block.next == NONE {
                        break;
                    }
                    place = block.next as usize;
                }
            }
            Kind::Wide => self.wide[held.place()].positions.iter().copied().for_each(each),
        }
    }

    /// The account if it is wide.
    pub fn wide_of(&mut self, row: usize) -> Option<&mut Account> {
        let held = &self.rows[row];
        (held.kind == Kind::Wide).then(|| &mut self.wide[held.place()])
    }

    pub fn is_bad(&self, row: usize) -> bool {
        let held = &self.rows[row];
        held.kind == Kind::Wide && self.wide[held.place()].bad
    }

    /// E, R and offset of a packed account.
    #[inline(always)]
    pub fn packed_word(&mut self, row: usize, lines: &Lines) -> Option<(Word, i64)> {
        let held = &mut self.rows[row];
        match held.kind {
            Kind::Compact => Some((check::compact(held, lines), held.offset.into())),
            Kind::Blocks => {
                let place = held.place();
                Some(self.blocks_word(place, lines))
            }
            Kind::Wide => None,
        }
    }

    fn blocks_word(&mut self, place: usize, lines: &Lines) -> (Word, i64) {
        let first = &mut self.blocks[place];
        let (mut word, offset, mut next) = (check::block(first, lines), first.offset, first.next);
        while next != NONE {
            let block = &mut self.blocks[next as usize];
            let more = check::block(block, lines);
            word.equity += more.equity;
            word.requirement += more.requirement;
            next = block.next;
        }
        (word, offset)
    }

    /// E and R at the marks, in quanta / S, and the severity they make.
    #[inline]
    pub fn verdict(
        &mut self,
        row: usize,
        lines: &Lines,
        instruments: &[Instrument],
        rungs: &Rungs,
    ) -> (Severity, (i128, i128)) {
        match self.packed_word(row, lines) {
            Some((word, offset)) => (check::severity(word, offset, rungs), lines.full(word)),
            None => {
                let account = &self.wide[self.rows[row].place()];
                let (equity, requirement) = account.word(instruments);
                let severity = margin::severity(equity, requirement, account.offset, rungs);
                (severity, (equity, requirement))
            }
        }
    }

    /// Takes a packed account apart; its row is to be written before it is read again.
    pub fn take_parts(&mut self, row: usize) -> Parts {
        let mut parts = Parts::default();
        self.each_position(row, |position| parts.positions.push(position));
        let held = self.rows[row];
        match held.kind {
            Kind::Compact => (parts.cash, parts.offset) = (held.cash, held.offset.into()),
            Kind::Blocks => {
                let first = &self.blocks[held.place()];
                (parts.cash, parts.offset) = (first.cash, first.offset);
                let mut next = held.place() as u32;
                while next != NONE {
                    self.block_slots.remove(next as usize);
                    next = self.blocks.remove(next as usize).next;
                }
            }
            Kind::Wide => unreachable!("wide accounts are not packed"),
        }
        parts
    }

    /// Packs parts that fit: compact if they are small enough.
    pub fn put_parts(&mut self, row: usize, parts: &Parts) {
        let Row { severity, armed, .. } = self.rows[row];
        let mut held = Row { severity, armed, ..Row::default() };
        let small = parts.positions.iter().all(|position| i32::try_from(position.size).is_ok());
        match i32::try_from(parts.offset) {
            Ok(offset) if small && parts.positions.len() <= COMPACT => {
                (held.cash, held.offset, held.count) = (parts.cash, offset, parts.positions.len() as u8);
                for (at, position) in parts.positions.iter().enumerate() {
                    held.sizes[at] = position.size as i32;
                    held.codes[at] = Code::new(position.instrument, 0);
                    self.slots[row][at] = position.slot;
                }
            }
            _ => {
                let mut next = NONE;
                let chunks = parts.positions.chunks(BLOCK);
                let empty: &[Position] = &[];
                let chunks: Vec<&[Position]> =
                    if parts.positions.is_empty() { vec![empty] } else { chunks.collect() };
                for (at, chunk) in chunks.iter().enumerate().rev() {
                    let mut block = Block { next, count: chunk.len() as u32, ..Block::default() };
                    let mut slots = [0; BLOCK];
                    for (at, position) in chunk.iter().enumerate() {
                        block.sizes[at] = position.size;
                        block.codes[at] = Code::new(position.instrument, 0);
                        slots[at] = position.slot;
                    }
                    if at == 0 {
                        (block.cash, block.offset) = (parts.cash, parts.offset);
                    }
                    next = self.blocks.insert(block) as u32;
                    self.block_slots.insert(slots);
                }
                (held.kind, held.cash) = (Kind::Blocks, next.into());
            }
        }
        self.rows[row] = held;
    }

    /// Makes a packed account a wide one, lazy.
    pub fn make_wide(&mut self, row: usize, lines: &Lines) {
        if self.rows[row].kind == Kind::Wide {
            return;
        }
        let Parts { cash, offset, positions } = self.take_parts(row);
        let account = Account {
            equity: i128::from(cash) * lines.scale(),
            offset: i128::from(offset) * lines.divisor(),
            lazy: true,
            positions,
            ..Account::default()
        };
        let place = self.wide.insert(account);
        let Row { severity, armed, .. } = self.rows[row];
        self.rows[row] = Row { kind: Kind::Wide, cash: place as i64, severity, armed, ..Row::default() };
    }

    /// Makes the account wide and eager, with no zone.
    pub fn make_eager(&mut self, row: usize, lines: &Lines, instruments: &[Instrument]) -> &mut Account {
        self.disarm(row);
        self.make_wide(row, lines);
        let account = &mut self.wide[self.rows[row].place()];
        account.make_eager(instruments);
        account
    }

    /// Makes an account lazy, and packs it, if it can be.
    pub fn settle(&mut self, row: usize, lines: &Lines, instruments: &[Instrument]) {
        let held = self.rows[row];
        if held.kind != Kind::Wide {
            return;
        }
        let account = &mut self.wide[held.place()];
        account.make_lazy(instruments);
        let divides = account.lazy
            && account.requirement == 0
            && account.equity % lines.scale() == 0
            && account.offset % lines.divisor() == 0;
        if !divides {
            return;
        }
        let cash = i64::try_from(account.equity / lines.scale());
        let offset = i64::try_from(account.offset / lines.divisor());
        let (Ok(cash), Ok(offset)) = (cash, offset) else { return };
        let parts = Parts { cash, offset, positions: std::mem::take(&mut account.positions) };
        if parts.fits(lines) {
            self.wide.remove(held.place());
            self.put_parts(row, &parts);
        } else {
            account.positions = parts.positions;
        }
    }

    /// Changes a packed account by a trade or by cash alone; false, and nothing changed, if it must be made wide for it.
    pub fn change(&mut self, row: usize, cash: i128, position: Option<Position>, lines: &Lines) -> bool {
        let held = &self.rows[row];
        let add = |old: i64| i64::try_from(i128::from(old) + cash).ok();
        if held.kind == Kind::Wide {
            return false;
        }
        if held.kind == Kind::Compact {
            let mut changed = *held;
            let Some(cash) = add(held.cash) else { return false };
            changed.cash = cash;
            let is_in_place = match position {
                None => true,
                Some(position) => {
                    let count = usize::from(held.count);
                    let at = held.place_of(position.instrument).or((count < COMPACT).then_some(count));
                    match (at, i32::try_from(position.size)) {
                        (Some(at), Ok(size)) if at == count || self.slots[row][at] == position.slot => {
                            changed.sizes[at] = size;
                            if at == count {
                                changed.codes[at] = Code::new(position.instrument, 0);
                            }
                            changed.count = changed.count.max(at as u8 + 1);
                            self.slots[row][at] = position.slot;
                            true
                        }
                        _ => false,
                    }
                }
            };
            if is_in_place {
                let sizes = changed
                    .sizes
                    .iter()
                    .map(|&size| i64::from(size))
                    .zip(changed.codes.iter().map(|code| code.instrument()));
                let fits = fits(changed.cash, changed.offset.into(), sizes, lines);
                if fits {
                    self.rows[row] = changed;
                }
                return fits;
            }
        }
        let mut parts = self.take_parts(row);
        let before = (parts.cash, position.map(|_| parts.positions.clone()));
        let mut is_sound = true;
        match add(parts.cash) {
            Some(cash) => parts.cash = cash,
            None => is_sound = false,
        }
        if let Some(position) = position {
            let own = parts.positions.iter_mut().find(|own| own.instrument == position.instrument);
            match own {
                Some(own) if own.slot == position.slot => own.size = position.size,
                Some(_) => is_sound = false, // twice in an instrument
                None => parts.positions.push(position),
            }
        }
        if !is_sound || !parts.fits(lines) {
            parts.cash = before.0;
            if let Some(positions) = before.1 {
                parts.positions = positions;
            }
            self.put_parts(row, &parts);
            return false;
        }
        self.put_parts(row, &parts);
        true
    }

    /// Replaces a packed account's offset, in quanta / S; false, and nothing changed, if it must be made wide for it.
    pub fn set_offset(&mut self, row: usize, offset: i128, lines: &Lines) -> bool {
        if self.rows[row].kind == Kind::Wide || offset % lines.divisor() != 0 {
            return false;
        }
        let Ok(offset) = i64::try_from(offset / lines.divisor()) else { return false };
        let mut parts = self.take_parts(row);
        let old = std::mem::replace(&mut parts.offset, offset);
        let fits = parts.fits(lines);
        if !fits {
            parts.offset = old;
        }
        self.put_parts(row, &parts);
        fits
    }

    /// Gives a slot of the account another number, or takes it away.
    pub fn renumber(&mut self, row: usize, instrument: usize, from: usize, to: Option<usize>) {
        let edit = |positions: &mut Vec<Position>| {
            let at = positions.iter().position(|position| {
                usize::from(position.instrument) == instrument && position.slot as usize == from
            });
            let at = at.expect("a slot is among its account's positions");
            match to {
                Some(to) => positions[at].slot = to as u32,
                None => drop(positions.swap_remove(at)),
            }
        };
        match self.wide_of(row) {
            Some(account) => {
                edit(&mut account.positions);
                let bad = account.bad;
                self.segments[instrument].bad -= u32::from(bad && to.is_none());
            }
            None => {
                let mut parts = self.take_parts(row);
                edit(&mut parts.positions);
                self.put_parts(row, &parts);
            }
        }
    }

    /// A compact account's slot in an instrument.
    #[inline]
    pub fn slot_in(&self, row: usize, instrument: usize) -> Option<u32> {
        self.rows[row].place_of(instrument as u16).map(|at| self.slots[row][at])
    }

    /// The account's slots in an instrument: one, or several of a wide one.
    pub fn slots_in(&self, row: usize, instrument: usize) -> Vec<u32> {
        let mut slots = Vec::new();
        self.each_position(row, |position| {
            if usize::from(position.instrument) == instrument {
                slots.push(position.slot);
            }
        });
        slots
    }

    /// Lots that a packed account holds of an instrument.
    pub fn size_in(&self, row: usize, instrument: usize) -> i64 {
        let mut found = 0;
        self.each_position(row, |position| {
            if usize::from(position.instrument) == instrument {
                found = position.size;
            }
        });
        found
    }

    /// Size in a slot.
    pub fn size_at(&self, instrument: usize, slot: usize) -> i64 {
        let mut found = 0;
        self.each_position(self.segments[instrument].rows[slot] as usize, |position| {
            if usize::from(position.instrument) == instrument && position.slot as usize == slot {
                found = position.size;
            }
        });
        found
    }

    /// No zone: every mark of an instrument that it holds looks at it.
    pub fn disarm(&mut self, row: usize) {
        if std::mem::take(&mut self.rows[row].armed) {
            self.zone(row, |_, _| Zone::NONE);
        }
    }

    fn zone(&mut self, row: usize, zone: impl Fn(usize, i64) -> Zone) {
        let held = self.rows[row];
        if held.kind == Kind::Compact {
            for at in 0..usize::from(held.count) {
                let index = usize::from(held.codes[at].instrument());
                let zone = zone(index, held.sizes[at].into());
                self.segments[index].arm(self.slots[row][at] as usize, zone);
            }
            return;
        }
        let mut segments = std::mem::take(&mut self.segments);
        self.each_position(row, |position| {
            let index = usize::from(position.instrument);
            segments[index].arm(position.slot as usize, zone(index, position.size));
        });
        self.segments = segments;
    }

    /// Arms a lazy or packed account that has just been compared, if it is on no line and its zone is at least `least` wide.
    pub fn arm(&mut self, row: usize, lines: &Lines, instruments: &[Instrument], rungs: &Rungs, least: u32) {
        let Some(stand) = self.stand(row, lines, instruments) else { return self.disarm(row) };
        match zone::reach(&stand, rungs) {
            Some(reach) if reach >= least => {
                self.rows[row].armed = true;
                self.zone(row, |index, size| {
                    if size == 0 {
                        return Zone::ALL;
                    }
                    let mark = instruments[index].bank.mark.get() as u32;
                    let (first, last) = zone::bounds(mark, reach);
                    Zone { first, last }
                });
            }
            _ => self.disarm(row),
        }
    }

    /// `None` for an eager account.
    fn stand(&mut self, row: usize, lines: &Lines, instruments: &[Instrument]) -> Option<Stand> {
        let severity = self.rows[row].severity;
        if let Some((word, offset)) = self.packed_word(row, lines) {
            let (mut equity_slope, mut requirement_slope) = (0u64, 0u64);
            let mut add = |size: i64, code: Code| {
                let (piece, lots) = (&lines.pieces[code.index()], size.unsigned_abs());
                equity_slope += lots * piece.value[usize::from(size < 0)] as u64;
                requirement_slope += lots * piece.steepest;
            };
            let held = &self.rows[row];
            if held.kind == Kind::Compact {
                held.sizes.iter().zip(held.codes).for_each(|(&size, code)| add(size.into(), code));
            } else {
                self.each_position(row, |position| {
                    add(position.size, Code::new(position.instrument, 0));
                });
            }
            return Some(Stand {
                equity: word.equity.into(),
                requirement: word.requirement.into(),
                offset: offset.into(),
                severity,
                equity_slope: equity_slope.into(),
                requirement_slope: requirement_slope.into(),
            });
        }
        let (mut equity_slope, mut requirement_slope) = (0, 0);
        let account = &self.wide[self.rows[row].place()];
        if !account.lazy {
            return None;
        }
        let (equity, requirement) = account.word(instruments);
        for position in &account.positions {
            let Instrument { bank, rate_max } = &instruments[usize::from(position.instrument)];
            let size = crate::account::size_of(position.size);
            let notional = size.notional(bank.mark) as i128;
            equity_slope += notional * i128::from(bank.live.header.weights.of(size));
            requirement_slope +=
                notional * i128::from(rate_max.expect("a lazy account's tables are continuous"));
        }
        let offset = account.offset;
        Some(Stand { equity, requirement, offset, severity, equity_slope, requirement_slope })
    }

    /// Stores and flags a change of severity; true if there was one.
    #[inline]
    pub fn compare(
        &mut self,
        row: usize,
        new: Severity,
        naming: (u32, u32),
        word: (i128, i128),
        out: &mut Vec<Record>,
    ) -> bool {
        let old = std::mem::replace(&mut self.rows[row].severity, new);
        if old != new {
            out.push(report(&output::FLAG, naming, [old, new], word));
        }
        old != new
    }

    /// Offsets in units of another divisor; those that do not divide, or no longer fit, make their accounts wide.
    pub fn rescale(&mut self, row: usize, before: &Lines, after: &Lines, instruments: &[Instrument]) {
        let held = &self.rows[row];
        let is_untouched = held.count == 0 && held.cash == 0 && held.offset == 0;
        if held.kind == Kind::Wide || held.kind == Kind::Compact && is_untouched {
            return;
        }
        let mut parts = self.take_parts(row);
        let old = parts.offset;
        let raw = i128::from(old) * before.divisor();
        let offset = i64::try_from(raw / after.divisor()).ok().filter(|_| raw % after.divisor() == 0);
        parts.offset = offset.unwrap_or(old);
        let stays = offset.is_some() && parts.fits(after);
        if !stays {
            parts.offset = old;
        }
        self.put_parts(row, &parts);
        if !stays {
            self.make_eager(row, before, instruments);
        }
    }

    /// True if the account is packed and does not fit these lines.
    pub fn outgrows(&self, row: usize, lines: &Lines) -> bool {
        let held = &self.rows[row];
        let (cash, offset) = match held.kind {
            Kind::Compact => (held.cash, i64::from(held.offset)),
            Kind::Blocks => (self.blocks[held.place()].cash, self.blocks[held.place()].offset),
            Kind::Wide => return false,
        };
        let mut sizes = Vec::new();
        self.each_position(row, |position| sizes.push((position.size, position.instrument)));
        !fits(cash, offset, sizes.into_iter(), lines)
    }
}

/// A record on an account, of its index and the number of the record that asked; severity before and now.
pub fn report(
    layout: &Layout,
    (index, sequence): (u32, u32),
    [old, new]: [Severity; 2],
    (equity, requirement): (i128, i128),
) -> Record {
    Record::new(layout, sequence)
        .with(&record::SEVERITY_OLD, old as i128)
        .with(&record::SEVERITY_NEW, new as i128)
        .with(&record::ACCOUNT, index.into())
        .with_account_word(equity, requirement)
}

impl Row {
    fn place_of(&self, instrument: u16) -> Option<usize> {
        self.codes[..usize::from(self.count)].iter().position(|code| code.instrument() == instrument)
    }
}
