//! A lane's accounts, whichever kind they are of: what they hold, what they amount to, and what becomes of their zones.

use model::margin::{self, Rungs, Severity};
use model::record::{self, Layout, Record, output};

use crate::account::{Account, Position};
use crate::check::{self, Batch, Packed, Simd, Word};
use crate::lines::{Code, Lines};
use crate::machine::Instrument;
use crate::memory;
use crate::packed::{BLOCK, Block, COMPACT, Kind, NONE, Row, Slab};
use crate::segment::{Segment, Zone};

#[derive(Clone, Debug)]
pub struct Lane {
    pub rows: Vec<Row>,
    /// Slots of the rows' positions.
    pub slots: Vec<[u32; COMPACT]>,
    pub blocks: Slab<Block>,
    /// Slots of the blocks' positions, at the same places.
    pub block_slots: Slab<[u32; BLOCK]>,
    pub wide: Slab<Account>,
    /// By instrument.
    pub segments: Vec<Segment>,
    /// Accounts that have a zone.
    pub armed: usize,
    /// Sweeps so far: whose turn it is to be armed.
    pub turn: u32,
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
            armed: 0,
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
            Kind::Blocks | Kind::Large => {
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

    /// The account if it is wide and eager.
    pub fn eager(&self, row: &Row) -> Option<&Account> {
        let account = (row.kind == Kind::Wide).then(|| &self.wide[row.place()])?;
        (!account.lazy).then_some(account)
    }

    pub fn is_bad(&self, row: usize) -> bool {
        let held = &self.rows[row];
        held.kind == Kind::Wide && self.wide[held.place()].bad
    }

    /// E, R and offset of a packed account.
    #[inline(always)]
    pub fn packed_word(&mut self, row: usize, lines: &Lines) -> Option<(Word, i64)> {
        check::packed(&mut self.rows[row], &mut self.blocks, lines)
    }

    /// Verdicts on so many rows, of which each is at such a place; of wide ones they mean nothing.
    #[inline(always)]
    pub fn judge(
        &mut self,
        simd: Simd,
        at: (usize, impl Fn(usize) -> usize),
        lines: &Lines,
        rungs: &Rungs,
        batch: &mut Batch,
    ) {
        let packed = Packed { rows: &mut self.rows, blocks: &mut self.blocks };
        check::judge(simd, packed, at, lines, rungs, batch);
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
    pub fn place_of(&self, instrument: u16) -> Option<usize> {
        self.codes[..usize::from(self.count)].iter().position(|code| code.instrument() == instrument)
    }
}
