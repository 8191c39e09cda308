//! Accounts whose sums fit `i64`: compact ones in 40 bytes, fast ones in blocks of 128.

use model::margin::Severity;

use crate::lines::Code;

/// Positions of a compact account.
pub const COMPACT: usize = 4;
/// Positions of a block.
pub const BLOCK: usize = 8;
/// No next block.
pub const NONE: u32 = u32::MAX;

/// Where an account's amounts are.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(u8)]
pub enum Kind {
    /// In the row itself; narrow.
    #[default]
    Compact,
    /// In a chain of blocks; narrow.
    Blocks,
    /// In a chain of blocks; not narrow.
    Large,
    /// In a wide account, `i128`.
    Wide,
}

/// An account's row. Places without a position have size 0 in instrument 0, which adds nothing.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Row {
    /// Quanta, as of positions that were bought for nothing; of other kinds the place of the first block or of the wide account.
    pub cash: i64,
    pub sizes: [i32; COMPACT],
    pub codes: [Code; COMPACT],
    /// In quanta / (S / divisor).
    pub offset: i32,
    pub severity: Severity,
    pub kind: Kind,
    /// The triggers of all its slots are the bounds of its zone.
    pub armed: bool,
    /// Positions in the row.
    pub count: u8,
}

const _: () = assert!(size_of::<Row>() == 40);

/// Eight positions; cash and offset are those of the chain's first.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(128))]
pub struct Block {
    pub sizes: [i64; BLOCK],
    pub codes: [Code; BLOCK],
    pub cash: i64,
    pub offset: i64,
    pub next: u32,
    pub count: u32,
}

const _: () = assert!(size_of::<Block>() == 128);

impl Default for Block {
    fn default() -> Self {
        Self { sizes: [0; BLOCK], codes: [Code::default(); BLOCK], cash: 0, offset: 0, next: NONE, count: 0 }
    }
}

impl Row {
    pub fn place(&self) -> usize {
        self.cash as usize
    }
}

/// Things that come and go, in places that are used again.
#[derive(Clone, Debug)]
pub struct Slab<T> {
    things: Vec<T>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { things: Vec::new(), free: Vec::new() }
    }
}

impl<T: Default> Slab<T> {
    pub fn insert(&mut self, thing: T) -> usize {
        match self.free.pop() {
            Some(place) => {
                self.things[place as usize] = thing;
                place as usize
            }
            None => {
                self.things.push(thing);
                self.things.len() - 1
            }
        }
    }

    pub fn remove(&mut self, place: usize) -> T {
        self.free.push(place as u32);
        std::mem::take(&mut self.things[place])
    }
}

impl<T> std::ops::Index<usize> for Slab<T> {
    type Output = T;
    fn index(&self, place: usize) -> &T {
        &self.things[place]
    }
}

impl<T> std::ops::IndexMut<usize> for Slab<T> {
    fn index_mut(&mut self, place: usize) -> &mut T {
        &mut self.things[place]
    }
}
