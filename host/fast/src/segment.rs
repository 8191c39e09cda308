//! The slots of an instrument in a lane, and their triggers with a summary of every [`BLOCK`].

/// Slots of a summary.
pub const BLOCK: usize = 64;

/// Live slots by column; `lows` and `highs` are the first and the last mark of the slot's safe zone.
#[derive(Clone, Debug, Default)]
pub struct Segment {
    pub accounts: Vec<u32>,
    pub sizes: Vec<i64>,
    /// Requirement as last applied, in quanta / S; kept only while the slot's account is eager.
    pub requirements: Vec<i128>,
    lows: Vec<u32>,
    highs: Vec<u32>,
    /// At least every low and at most every high of the block.
    low_max: Vec<u32>,
    high_min: Vec<u32>,
    /// Slots whose account is bad.
    pub bad: u32,
}

impl Segment {
    pub fn count(&self) -> u32 {
        self.accounts.len() as u32
    }

    pub fn push(&mut self, account: u32, size: i64, requirement: i128) {
        if self.accounts.len().is_multiple_of(BLOCK) {
            self.low_max.push(0);
            self.high_min.push(u32::MAX);
        }
        self.accounts.push(account);
        self.sizes.push(size);
        self.requirements.push(requirement);
        self.lows.push(0);
        self.highs.push(u32::MAX);
        self.disarm(self.accounts.len() - 1);
    }

    /// Copies the last slot over `to` and drops it.
    pub fn move_last(&mut self, to: usize) {
        let (low, high) = (self.lows[self.lows.len() - 1], self.highs[self.highs.len() - 1]);
        self.accounts.swap_remove(to);
        self.sizes.swap_remove(to);
        self.requirements.swap_remove(to);
        self.lows.swap_remove(to);
        self.highs.swap_remove(to);
        if to < self.accounts.len() {
            self.arm(to, low, high);
        }
        let blocks = self.accounts.len().div_ceil(BLOCK);
        self.low_max.truncate(blocks);
        self.high_min.truncate(blocks);
    }

    pub fn arm(&mut self, slot: usize, low: u32, high: u32) {
        (self.lows[slot], self.highs[slot]) = (low, high);
        let block = slot / BLOCK;
        self.low_max[block] = self.low_max[block].max(low);
        self.high_min[block] = self.high_min[block].min(high);
    }

    /// Every mark is outside the zone from now on.
    pub fn disarm(&mut self, slot: usize) {
        self.arm(slot, u32::MAX, 0);
    }

    pub fn is_crossed(&self, slot: usize, mark: u32) -> bool {
        mark < self.lows[slot] || mark > self.highs[slot]
    }

    /// Slots of the first block from `from` on that a mark may cross.
    pub fn next_block(&self, from: usize, mark: u32) -> Option<usize> {
        let rest = self.low_max[from..].iter().zip(&self.high_min[from..]);
        rest.into_iter().position(|(&low, &high)| mark < low || mark > high).map(|at| from + at)
    }

    pub fn slots_of(&self, block: usize) -> std::ops::Range<usize> {
        block * BLOCK..((block + 1) * BLOCK).min(self.accounts.len())
    }

    /// Makes the block's summary exact.
    pub fn summarise(&mut self, block: usize) {
        let slots = self.slots_of(block);
        self.low_max[block] = self.lows[slots.clone()].iter().copied().max().unwrap_or(0);
        self.high_min[block] = self.highs[slots].iter().copied().min().unwrap_or(u32::MAX);
    }
}
