//! How an account comes to be packed, wide or something else, and what a record changes of it.

use crate::account::{Account, Position};
use crate::lane::Lane;
use crate::lines::{BOUND, Code, LOTS, Lines, NARROW};
use crate::machine::Instrument;
use crate::packed::{BLOCK, Block, COMPACT, Kind, NONE, Row};

/// All that a packed account is.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    pub cash: i64,
    pub offset: i64,
    pub positions: Vec<Position>,
    /// Not narrow.
    pub large: bool,
}

impl Parts {
    /// No sum of its amounts leaves the bound, with every mark up to its ceiling.
    pub fn fits(&mut self, lines: &Lines) -> bool {
        let sizes = self.positions.iter().map(|position| (position.size, position.instrument));
        let most = most(self.cash, self.offset, sizes, lines);
        self.large = most >= NARROW;
        most < BOUND
    }
}

const CODES: &str = "parts that fit are of instruments that have codes";

/// Most that a sum of such amounts can be, with every mark up to its ceiling; saturated. An instrument without codes has no ceiling.
#[inline]
fn most(cash: i64, offset: i64, sizes: impl Iterator<Item = (i64, u16)>, lines: &Lines) -> u64 {
    let product = |a: u64, b: u64| a.saturating_mul(b);
    let sum = product(cash.unsigned_abs(), lines.cash as u64).saturating_add(offset.unsigned_abs());
    sizes.fold(sum, |sum, (size, instrument)| {
        let lots = size.unsigned_abs().max(1);
        let ceiling = if lots < LOTS { lines.ceilings[usize::from(instrument)] } else { u64::MAX };
        sum.saturating_add(product(lots, ceiling))
    })
}

impl Lane {
    /// Takes a packed account apart; its row is to be written before it is read again.
    pub fn take_parts(&mut self, row: usize) -> Parts {
        let mut parts = Parts::default();
        self.each_position(row, |position| parts.positions.push(position));
        let held = self.rows[row];
        match held.kind {
            Kind::Compact => (parts.cash, parts.offset) = (held.cash, held.offset.into()),
            Kind::Blocks | Kind::Large => {
                parts.large = held.kind == Kind::Large;
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

    /// Packs parts that fit: compact if they are narrow and small enough.
    pub fn put_parts(&mut self, row: usize, parts: &Parts) {
        let Row { severity, armed, .. } = self.rows[row];
        let mut held = Row { severity, armed, ..Row::default() };
        let small = parts.positions.iter().all(|position| i32::try_from(position.size).is_ok());
        match i32::try_from(parts.offset) {
            Ok(offset) if small && !parts.large && parts.positions.len() <= COMPACT => {
                (held.cash, held.offset, held.count) = (parts.cash, offset, parts.positions.len() as u8);
                for (at, position) in parts.positions.iter().enumerate() {
                    held.sizes[at] = position.size as i32;
                    held.codes[at] = Code::new(position.instrument).expect(CODES);
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
                        block.codes[at] = Code::new(position.instrument).expect(CODES);
                        slots[at] = position.slot;
                    }
                    if at == 0 {
                        (block.cash, block.offset) = (parts.cash, parts.offset);
                    }
                    next = self.blocks.insert(block) as u32;
                    self.block_slots.insert(slots);
                }
                held.kind = if parts.large { Kind::Large } else { Kind::Blocks };
                held.cash = next.into();
            }
        }
        self.rows[row] = held;
    }

    /// Makes a packed account a wide one, lazy.
    pub fn make_wide(&mut self, row: usize, lines: &Lines) {
        if self.rows[row].kind == Kind::Wide {
            return;
        }
        let Parts { cash, offset, positions, .. } = self.take_parts(row);
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
        let positions = std::mem::take(&mut account.positions);
        let mut parts = Parts { cash, offset, positions, large: false };
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
        if held.kind == Kind::Wide {
            return false;
        }
        if held.kind == Kind::Compact && self.change_in_place(row, cash, position, lines) {
            return true;
        }
        self.alter(row, lines, |parts| {
            let Ok(cash) = i64::try_from(i128::from(parts.cash) + cash) else { return false };
            parts.cash = cash;
            let Some(position) = position else { return true };
            match parts.positions.iter_mut().find(|own| own.instrument == position.instrument) {
                Some(own) if own.slot == position.slot => own.size = position.size,
                Some(_) => return false, // twice in an instrument
                None => parts.positions.push(position),
            }
            true
        })
    }

    /// Edits a packed account and packs it as these lines ask for; false, and nothing changed, if the edit says so or the account would not fit.
    fn alter(&mut self, row: usize, lines: &Lines, edit: impl FnOnce(&mut Parts) -> bool) -> bool {
        let before = self.take_parts(row);
        let mut parts = before.clone();
        let stays = edit(&mut parts) && parts.fits(lines);
        self.put_parts(row, if stays { &parts } else { &before });
        stays
    }

    /// The same of a compact account that stays one; false, and nothing changed, if it does not.
    fn change_in_place(&mut self, row: usize, cash: i128, position: Option<Position>, lines: &Lines) -> bool {
        let mut changed = self.rows[row];
        let Ok(cash) = i64::try_from(i128::from(changed.cash) + cash) else { return false };
        changed.cash = cash;
        let mut slots = self.slots[row];
        if let Some(Position { instrument, slot, size, .. }) = position {
            let count = usize::from(changed.count);
            let at = changed.place_of(instrument).unwrap_or(count);
            let (Ok(size), Some(code)) = (i32::try_from(size), Code::new(instrument)) else { return false };
            if at == COMPACT || at < count && slots[at] != slot {
                return false;
            }
            changed.sizes[at] = size;
            if at == count {
                changed.codes[at] = code;
                changed.count += 1;
            }
            slots[at] = slot;
        }
        let sizes = changed.sizes.iter().zip(changed.codes).take(changed.count.into());
        let sizes = sizes.map(|(&size, code)| (i64::from(size), code.instrument()));
        let fits = most(changed.cash, changed.offset.into(), sizes, lines) < NARROW;
        if fits {
            (self.rows[row], self.slots[row]) = (changed, slots);
        }
        fits
    }

    /// Replaces a packed account's offset, in quanta / S; false, and nothing changed, if it must be made wide for it.
    pub fn set_offset(&mut self, row: usize, offset: i128, lines: &Lines) -> bool {
        if self.rows[row].kind == Kind::Wide || offset % lines.divisor() != 0 {
            return false;
        }
        let Ok(offset) = i64::try_from(offset / lines.divisor()) else { return false };
        self.alter(row, lines, |parts| {
            parts.offset = offset;
            true
        })
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

    /// Offsets in units of another divisor; those that do not divide, or no longer fit, make their accounts wide.
    pub fn rescale(&mut self, row: usize, before: &Lines, after: &Lines, instruments: &[Instrument]) {
        let held = &self.rows[row];
        let is_untouched = held.count == 0 && held.cash == 0 && held.offset == 0;
        if held.kind == Kind::Wide || held.kind == Kind::Compact && is_untouched {
            return;
        }
        let stays = self.alter(row, after, |parts| {
            let raw = i128::from(parts.offset) * before.divisor();
            let offset = i64::try_from(raw / after.divisor()).ok().filter(|_| raw % after.divisor() == 0);
            parts.offset = offset.unwrap_or_default();
            offset.is_some()
        });
        if !stays {
            self.make_eager(row, before, instruments);
        }
    }

    /// Packs a packed account as these lines ask for; false, and nothing changed, if it does not fit them.
    pub fn repack(&mut self, row: usize, lines: &Lines) -> bool {
        self.alter(row, lines, |_| true)
    }
}
