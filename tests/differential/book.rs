//! What the generator knows of the machine, learned from the records that were executed. It steers and never judges:
//! if it is wrong, more records are refused.

use model::machine::Capacity;
use model::record::{self, Record, input, output};

/// Slots and terms of an instrument.
#[derive(Clone, Debug, Default)]
pub struct Instrument {
    /// `None` before the first commit.
    pub live: Option<Terms>,
    pub shadow: Vec<(u64, u32, u128)>,
    pub mark: u64,
    /// Account and size of every live slot, by lane.
    pub slots: Vec<Vec<(u32, i64)>>,
}

impl Instrument {
    pub fn has_live_slots(&self) -> bool {
        self.slots.iter().any(|slots| !slots.is_empty())
    }
}

#[derive(Clone, Debug)]
pub struct Terms {
    pub weight_long: u32,
    pub weight_short: u32,
    pub base: u32,
    pub capacity: u32,
    pub price_bits: u32,
    pub size_bits: u32,
    /// Floor, rate, deduction.
    pub tiers: Vec<(u64, u32, u128)>,
}

impl Terms {
    pub fn price_max(&self) -> u64 {
        (1 << self.price_bits) - 1
    }

    /// The same segment and widths: what a commit over live slots keeps.
    pub fn same_place(&self, other: &Self) -> bool {
        let place = |terms: &Self| (terms.base, terms.capacity, terms.price_bits, terms.size_bits);
        place(self) == place(other)
    }

    pub fn size_max(&self) -> i64 {
        (1 << self.size_bits) - 1
    }
}

#[derive(Clone, Debug, Default)]
pub struct Account {
    pub offset: i128,
    pub bad: bool,
}

#[derive(Clone, Debug)]
pub struct Book {
    pub capacity: Capacity,
    pub scale: Option<u32>,
    pub rungs: [u32; 3],
    pub equality: bool,
    pub instruments: Vec<Instrument>,
    pub accounts: Vec<Account>,
    pub segments_end: u32,
}

impl Book {
    pub fn new(capacity: Capacity) -> Self {
        Self {
            capacity,
            scale: None,
            rungs: [256; 3],
            equality: false,
            instruments: vec![
                Instrument {
                    shadow: vec![(0, 0, 0); 16],
                    slots: vec![Vec::new(); capacity.lanes],
                    ..Instrument::default()
                };
                capacity.instruments
            ],
            accounts: vec![Account::default(); capacity.lanes * capacity.accounts_per_lane],
            segments_end: 0,
        }
    }

    pub fn scale(&self) -> u32 {
        self.scale.unwrap_or(1)
    }

    pub fn lane_of(&self, account: u32) -> usize {
        account as usize % self.capacity.lanes
    }

    /// Slots of the account, as (instrument, slot).
    pub fn slots_of(&self, account: u32) -> Vec<(u16, u32)> {
        let mut slots = Vec::new();
        for (index, instrument) in self.instruments.iter().enumerate() {
            for (slot, holder) in instrument.slots[self.lane_of(account)].iter().enumerate() {
                if holder.0 == account {
                    slots.push((index as u16, slot as u32));
                }
            }
        }
        slots
    }

    /// Takes note of an executed record.
    pub fn apply(&mut self, record: &Record, answers: &[Record]) {
        let op = record.op();
        let lane = self.lane_of(record.account());
        for error in answers.iter().filter(|answer| answer.op() == output::ERROR_ACCOUNT.op) {
            self.accounts[error.account() as usize].bad = true;
        }
        let instrument = self.instruments.get_mut(usize::from(record.instrument()));
        if op == input::SETTING.op {
            let value = record::VALUE.get(record) as u32;
            match record::INDEX.get(record) as u16 {
                record::SETTING_SCALE => self.scale = Some(value),
                record::SETTING_EQUALITY => self.equality = value == 1,
                rung => self.rungs[usize::from(rung) - 1] = value,
            }
        } else if op == input::TIER.op {
            let step = record::STEP.get(record) as usize;
            instrument.expect("executed").shadow[step] = (
                record::FLOOR.get(record) as u64,
                record::RATE.get(record) as u32,
                record::DEDUCTION.get(record) as u128,
            );
        } else if op == input::INSTRUMENT.op && record.flags() & record::FLAG_COMMIT != 0 {
            let instrument = instrument.expect("executed");
            let tiers = instrument.shadow[..record::TIER_COUNT.get(record) as usize].to_vec();
            let before = instrument.live.replace(Terms {
                weight_long: record::WEIGHT_LONG.get(record) as u32,
                weight_short: record::WEIGHT_SHORT.get(record) as u32,
                base: record::BASE.get(record) as u32,
                capacity: record::CAPACITY.get(record) as u32,
                price_bits: record::PRICE_BITS.get(record) as u32,
                size_bits: record::SIZE_BITS.get(record) as u32,
                tiers,
            });
            if let Some(before) = before {
                instrument.shadow[..before.tiers.len()].copy_from_slice(&before.tiers);
            }
            let end = record::BASE.get(record) as u32 + record::CAPACITY.get(record) as u32;
            self.segments_end = self.segments_end.max(end);
        } else if op == input::MARK.op {
            instrument.expect("executed").mark = record::PRICE.get(record) as u64;
        } else if op == input::POSITION.op {
            let slots = &mut instrument.expect("executed").slots[lane];
            let slot = record::SLOT.get(record) as usize;
            let holder = (record.account(), record::SIZE.get(record) as i64);
            if slot == slots.len() {
                slots.push(holder);
            } else {
                slots[slot] = holder;
            }
        } else if op == input::OFFSET.op {
            self.accounts[record.account() as usize].offset = record::OFFSET.get(record);
        } else if op == input::LOAD.op {
            self.accounts[record.account() as usize].bad = false;
        } else if op == input::MOVE.op {
            instrument.expect("executed").slots[lane].swap_remove(record::TO.get(record) as usize);
        }
    }
}
