//! Where accounts and positions live on the device: venue ids to dense indices, positions to slots.
//!
//! Account index `i` belongs to lane `i mod L`. A segment's slots stay dense in every lane: a new position is appended, the last one
//! moves into a hole. Changes since the last [`SlotMap::keep`] can be undone, so a round that does not fit leaves no trace.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use engine::event::{AccountId, InstrumentId};
use model::machine::Capacity;

const NO_SLOT: u32 = u32::MAX;

/// What does not fit, why, and what helps.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SlotError {
    #[error(
        "Segment full: instrument {instrument} fills all {capacity} slots of its segment in lane {lane}; use a build with more slots \
         a lane, or tell the driver how many instruments to expect"
    )]
    SegmentFull { instrument: u16, lane: usize, capacity: u32 },
    #[error(
        "too many accounts for this device build: it holds {capacity}; use a build with more accounts or lanes"
    )]
    TooManyAccounts { capacity: usize },
    #[error(
        "too many instruments: instrument {instrument}, but this device build holds {capacity}; use a build with more instruments"
    )]
    TooManyInstruments { instrument: u16, capacity: usize },
    #[error(
        "too many instruments: none of the {slots} slots a lane is left for instrument {instrument}; tell the driver how many \
         instruments to expect, or use a build with more slots"
    )]
    NoSlotsLeft { instrument: u16, slots: usize },
    #[error("instrument {instrument} is listed already; an instrument is listed once between two starts")]
    ListedTwice { instrument: u16 },
    #[error("instrument {instrument} is not listed; list it first")]
    NotListed { instrument: u16 },
}

/// An instrument's part of every lane's slots, and how wide its numbers are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Segment {
    pub base: u32,
    pub capacity: u32,
    pub price_bits: u8,
    pub size_bits: u8,
}

/// How a position left: the slot `from`, owned by `owner` and the last of its lane, goes to `to`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Removed {
    pub owner: u32,
    pub from: u32,
    pub to: u32,
}

#[derive(Clone, Debug)]
struct Listing {
    segment: Segment,
    /// Owner of each live slot, by lane.
    owners: Vec<Vec<u32>>,
    /// Slot of each account index; grows as accounts take positions.
    slots: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
enum Undo {
    Assigned,
    Listed { instrument: u16 },
    Appended { instrument: u16, index: u32 },
    Removed { instrument: u16, index: u32, to: u32 },
}

/// Mirror of the device's indices and slots.
#[derive(Clone, Debug)]
pub struct SlotMap {
    capacity: Capacity,
    instruments_expected: usize,
    accounts: Vec<AccountId>,
    indices: HashMap<AccountId, u32, BuildHasherDefault<IdHasher>>,
    listings: Vec<Option<Listing>>,
    listed: usize,
    /// First slot of a lane that no segment has.
    free: u32,
    undo: Vec<Undo>,
}

impl SlotMap {
    /// An empty map. The slots are shared out evenly among `instruments_expected`, at most as many as the build holds.
    pub fn new(capacity: Capacity, instruments_expected: usize) -> Self {
        Self {
            capacity,
            instruments_expected: instruments_expected.clamp(1, capacity.instruments),
            accounts: Vec::new(),
            indices: HashMap::default(),
            listings: vec![None; capacity.instruments],
            listed: 0,
            free: 0,
            undo: Vec::new(),
        }
    }

    /// Lists an instrument and gives its segment: its share of the slots left, never more than a lane has accounts.
    ///
    /// # Errors
    /// [`SlotError`]: listed already, beyond the build, or no slots left.
    pub fn list(
        &mut self,
        instrument: InstrumentId,
        price_bits: u8,
        size_bits: u8,
    ) -> Result<Segment, SlotError> {
        let InstrumentId(instrument) = instrument;
        let Some(listing) = self.listings.get_mut(usize::from(instrument)) else {
            return Err(SlotError::TooManyInstruments { instrument, capacity: self.capacity.instruments });
        };
        if listing.is_some() {
            return Err(SlotError::ListedTwice { instrument });
        }
        let left = self.capacity.slots_per_lane - self.free as usize;
        let share = left / self.instruments_expected.saturating_sub(self.listed).max(1);
        let capacity = share.min(self.capacity.accounts_per_lane) as u32;
        if capacity == 0 {
            return Err(SlotError::NoSlotsLeft { instrument, slots: self.capacity.slots_per_lane });
        }
        let segment = Segment { base: self.free, capacity, price_bits, size_bits };
        *listing =
            Some(Listing { segment, owners: vec![Vec::new(); self.capacity.lanes], slots: Vec::new() });
        self.free += capacity;
        self.listed += 1;
        self.undo.push(Undo::Listed { instrument });
        Ok(segment)
    }

    /// # Errors
    /// [`SlotError`] if the instrument is not listed.
    pub fn segment(&self, instrument: InstrumentId) -> Result<Segment, SlotError> {
        self.listing(instrument).map(|listing| listing.segment)
    }

    /// Index of the account, a new one if it has none.
    ///
    /// # Errors
    /// [`SlotError::TooManyAccounts`].
    pub fn assign(&mut self, account: AccountId) -> Result<u32, SlotError> {
        if let Some(&index) = self.indices.get(&account) {
            return Ok(index);
        }
        let capacity = self.capacity.lanes * self.capacity.accounts_per_lane;
        if self.accounts.len() == capacity {
            return Err(SlotError::TooManyAccounts { capacity });
        }
        let index = self.accounts.len() as u32;
        self.accounts.push(account);
        self.indices.insert(account, index);
        self.undo.push(Undo::Assigned);
        Ok(index)
    }

    /// Index of the account, if it was ever assigned one.
    #[inline]
    pub fn index_of(&self, account: AccountId) -> Option<u32> {
        self.indices.get(&account).copied()
    }

    /// Account of an index, if it was ever assigned.
    #[inline]
    pub fn account_of(&self, index: u32) -> Option<AccountId> {
        self.accounts.get(index as usize).copied()
    }

    /// Accounts that have an index: those below this.
    pub fn accounts(&self) -> u32 {
        self.accounts.len() as u32
    }

    pub fn lanes(&self) -> usize {
        self.capacity.lanes
    }

    #[inline]
    pub fn lane_of(&self, index: u32) -> usize {
        index as usize % self.capacity.lanes
    }

    /// Slot of the account's position, if it has one.
    ///
    /// # Errors
    /// [`SlotError`] if the instrument is not listed.
    pub fn slot(&self, instrument: InstrumentId, index: u32) -> Result<Option<u32>, SlotError> {
        let slot = self.listing(instrument)?.slots.get(index as usize).copied();
        Ok(slot.filter(|&slot| slot != NO_SLOT))
    }

    /// Account index in a slot, if the slot is live.
    ///
    /// # Errors
    /// [`SlotError`] if the instrument is not listed.
    pub fn owner(&self, instrument: InstrumentId, lane: usize, slot: u32) -> Result<Option<u32>, SlotError> {
        Ok(self.listing(instrument)?.owners[lane].get(slot as usize).copied())
    }

    /// Live slots of the instrument in each lane.
    ///
    /// # Errors
    /// [`SlotError`] if the instrument is not listed.
    pub fn counts(&self, instrument: InstrumentId) -> Result<impl Iterator<Item = u32>, SlotError> {
        Ok(self.listing(instrument)?.owners.iter().map(|owners| owners.len() as u32))
    }

    /// Slot of the account's position; appended if it has none.
    ///
    /// # Errors
    /// [`SlotError`]: not listed, or the segment is full.
    pub fn place(&mut self, instrument: InstrumentId, index: u32) -> Result<u32, SlotError> {
        if let Some(slot) = self.slot(instrument, index)? {
            return Ok(slot);
        }
        let lane = self.lane_of(index);
        let listing = self.listing_mut(instrument)?;
        let owners = &mut listing.owners[lane];
        let slot = owners.len() as u32;
        if slot == listing.segment.capacity {
            return Err(SlotError::SegmentFull { instrument: instrument.0, lane, capacity: slot });
        }
        owners.push(index);
        if listing.slots.len() <= index as usize {
            listing.slots.resize(index as usize + 1, NO_SLOT);
        }
        listing.slots[index as usize] = slot;
        self.undo.push(Undo::Appended { instrument: instrument.0, index });
        Ok(slot)
    }

    /// Takes the account's position out; the lane's last slot moves into the hole (into itself if it is the last).
    ///
    /// # Errors
    /// [`SlotError`] if the instrument is not listed.
    ///
    /// # Panics
    /// If the account holds no slot.
    pub fn remove(&mut self, instrument: InstrumentId, index: u32) -> Result<Removed, SlotError> {
        let to = self.slot(instrument, index)?.expect("only a live slot is removed");
        let lane = self.lane_of(index);
        let listing = self.listing_mut(instrument)?;
        let owners = &mut listing.owners[lane];
        let from = owners.len() as u32 - 1;
        let owner = owners[from as usize];
        owners.swap_remove(to as usize);
        listing.slots[owner as usize] = to;
        listing.slots[index as usize] = NO_SLOT;
        self.undo.push(Undo::Removed { instrument: instrument.0, index, to });
        Ok(Removed { owner, from, to })
    }

    /// Makes all changes so far lasting.
    pub fn keep(&mut self) {
        self.undo.clear();
    }

    /// Undoes every change since the last [`SlotMap::keep`].
    pub fn undo(&mut self) {
        while let Some(step) = self.undo.pop() {
            match step {
                Undo::Assigned => {
                    let account = self.accounts.pop().expect("an assigned account");
                    self.indices.remove(&account);
                }
                Undo::Listed { instrument } => {
                    let listing = self.listings[usize::from(instrument)].take().expect("a listed instrument");
                    self.free -= listing.segment.capacity;
                    self.listed -= 1;
                }
                Undo::Appended { instrument, index } => {
                    let lane = self.lane_of(index);
                    let listing = self.listings[usize::from(instrument)].as_mut().expect("listed");
                    assert_eq!(listing.owners[lane].pop(), Some(index), "the newest slot is undone first");
                    listing.slots[index as usize] = NO_SLOT;
                }
                Undo::Removed { instrument, index, to } => {
                    let lane = self.lane_of(index);
                    let listing = self.listings[usize::from(instrument)].as_mut().expect("listed");
                    let owners = &mut listing.owners[lane];
                    owners.push(index);
                    let last = owners.len() - 1;
                    owners.swap(to as usize, last);
                    listing.slots[owners[last] as usize] = last as u32;
                    listing.slots[index as usize] = to;
                }
            }
        }
    }

    fn listing(&self, instrument: InstrumentId) -> Result<&Listing, SlotError> {
        let listing = self.listings.get(usize::from(instrument.0)).and_then(Option::as_ref);
        listing.ok_or(SlotError::NotListed { instrument: instrument.0 })
    }

    fn listing_mut(&mut self, instrument: InstrumentId) -> Result<&mut Listing, SlotError> {
        let listing = self.listings.get_mut(usize::from(instrument.0)).and_then(Option::as_mut);
        listing.ok_or(SlotError::NotListed { instrument: instrument.0 })
    }
}

/// Mixer for ids that the venue gives out (splitmix64's finalizer); nothing ever iterates over the map.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(byte.into());
        }
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(value.into());
    }

    fn write_u64(&mut self, value: u64) {
        let mut mixed = (self.0 ^ value).wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        self.0 = mixed ^ mixed >> 31;
    }
}
