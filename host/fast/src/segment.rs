//! The slots of an instrument in a lane, and their triggers with summaries of every 64 and every 4,096.

/// Slots of a summary, and summaries of a summary above.
pub const BLOCK: usize = 64;

/// The first and the last mark of a safe zone; of a summary at least every first and at most every last.
#[derive(Clone, Copy, Debug)]
pub struct Zone {
    pub first: u32,
    pub last: u32,
}

impl Zone {
    /// No mark is in it.
    pub const NONE: Self = Self { first: u32::MAX, last: 0 };
    /// Every mark is.
    pub const ALL: Self = Self { first: 0, last: u32::MAX };

    #[inline(always)]
    fn is_left(self, mark: u32) -> bool {
        (mark < self.first) | (mark > self.last)
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Self { first: self.first.max(other.first), last: self.last.min(other.last) }
    }

    fn of_all(zones: &[Self]) -> Self {
        zones.iter().fold(Self::ALL, |all, &zone| all.and(zone))
    }
}

/// Live slots by column.
#[derive(Clone, Debug, Default)]
pub struct Segment {
    /// The lane's row of the slot's account.
    pub rows: Vec<u32>,
    zones: Vec<Zone>,
    /// Of every 64 slots, and of every 64 of these.
    blocks: Vec<Zone>,
    supers: Vec<Zone>,
    /// Slots whose account is bad.
    pub bad: u32,
}

impl Segment {
    pub fn count(&self) -> u32 {
        self.rows.len() as u32
    }

    /// Room for so many slots, in huge pages where there are some.
    pub fn reserve(&mut self, slots: usize) {
        self.rows.reserve_exact(slots.saturating_sub(self.rows.len()));
        self.zones.reserve_exact(slots.saturating_sub(self.zones.len()));
        crate::memory::huge_pages(&self.rows);
        crate::memory::huge_pages(&self.zones);
    }

    pub fn prefetch(&self, slot: usize) {
        if let (Some(row), Some(zone)) = (self.rows.get(slot), self.zones.get(slot)) {
            crate::memory::prefetch(row);
            crate::memory::prefetch(zone);
        }
    }

    pub fn push(&mut self, row: u32) {
        if self.rows.len().is_multiple_of(BLOCK) {
            self.blocks.push(Zone::ALL);
        }
        if self.rows.len().is_multiple_of(BLOCK * BLOCK) {
            self.supers.push(Zone::ALL);
        }
        self.rows.push(row);
        self.zones.push(Zone::ALL);
        self.arm(self.rows.len() - 1, Zone::NONE);
    }

    /// Copies the last slot over `to` and drops it.
    pub fn move_last(&mut self, to: usize) {
        let zone = self.zones[self.zones.len() - 1];
        self.rows.swap_remove(to);
        self.zones.swap_remove(to);
        if to < self.rows.len() {
            self.arm(to, zone);
        }
        self.blocks.truncate(self.rows.len().div_ceil(BLOCK));
        self.supers.truncate(self.blocks.len().div_ceil(BLOCK));
    }

    #[inline]
    pub fn arm(&mut self, slot: usize, zone: Zone) {
        self.zones[slot] = zone;
        let block = &mut self.blocks[slot / BLOCK];
        *block = block.and(zone);
        let all = &mut self.supers[slot / BLOCK / BLOCK];
        *all = all.and(zone);
    }

    /// Leaves no slot a zone.
    pub fn disarm(&mut self) {
        self.zones.fill(Zone::NONE);
        self.blocks.fill(Zone::NONE);
        self.supers.fill(Zone::NONE);
    }

    /// The first block from `from` on that a mark may leave; those above it that were opened for nothing become exact.
    pub fn next_block(&mut self, from: usize, mark: u32) -> Option<usize> {
        let mut block = from;
        while block < self.blocks.len() {
            let end = (block / BLOCK + 1) * BLOCK;
            if block.is_multiple_of(BLOCK) {
                let all = block / BLOCK;
                let skipped = self.supers[all..].iter().position(|zone| zone.is_left(mark))?;
                if skipped > 0 {
                    block += skipped * BLOCK;
                    continue;
                }
                let end = end.min(self.blocks.len());
                self.supers[all] = Zone::of_all(&self.blocks[block..end]);
            }
            let rest = &self.blocks[block..end.min(self.blocks.len())];
            match rest.iter().position(|zone| zone.is_left(mark)) {
                Some(at) => return Some(block + at),
                None => block = end,
            }
        }
        None
    }

    /// How many slots a mark may lead out of their zones, at most; all without a mark.
    pub fn left_at_most(&self, mark: Option<u32>) -> usize {
        match mark {
            None => self.rows.len(),
            Some(mark) => self.supers.iter().filter(|zone| zone.is_left(mark)).count() * BLOCK * BLOCK,
        }
    }

    /// True if a mark leads `enough` slots out of their zones, as far as every sixteenth block says.
    pub fn leaves(&self, mark: u32, enough: usize) -> bool {
        const EVERY: usize = 16;
        if self.left_at_most(Some(mark)) < enough {
            return false;
        }
        let left = |block: &usize| self.blocks[*block].is_left(mark);
        let sample = (0..self.blocks.len()).step_by(if self.blocks.len() < 4 * EVERY { 1 } else { EVERY });
        let (counted, all) = sample.fold((0, 0), |(counted, all), block| {
            let zones = &self.zones[self.slots_of(block)];
            let here = if left(&block) { zones.iter().filter(|zone| zone.is_left(mark)).count() } else { 0 };
            (counted + here, all + zones.len())
        });
        counted * self.zones.len() >= enough * all && all > 0
    }

    pub fn slots_of(&self, block: usize) -> std::ops::Range<usize> {
        block * BLOCK..((block + 1) * BLOCK).min(self.rows.len())
    }

    pub fn is_left(&self, slot: usize, mark: u32) -> bool {
        self.zones[slot].is_left(mark)
    }

    /// Slots of the block whose zone the mark leaves, one bit each.
    pub fn left(&self, block: usize, mark: u32) -> u64 {
        let zones = &self.zones[self.slots_of(block)];
        zones.iter().enumerate().fold(0, |left, (at, zone)| left | u64::from(zone.is_left(mark)) << at)
    }

    /// Makes the block's summary exact.
    pub fn summarise(&mut self, block: usize) {
        self.blocks[block] = Zone::of_all(&self.zones[self.slots_of(block)]);
        let all = &mut self.supers[block / BLOCK];
        *all = all.and(self.blocks[block]);
    }
}
