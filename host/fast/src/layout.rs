//! How an account comes to be packed, wide or something else, and what a record changes of it.

use crate::account::{Account, Position};
use crate::lane::Lane;
use crate::lines::{BOUND, Code, Lines};
use crate::machine::Instrument;
use crate::packed::{BLOCK, Block, COMPACT, Kind, NONE, Row};

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

const CODES: &str = "parts that fit are of instruments that have codes";

/// No sum of such amounts leaves the bound, with every mark up to its ceiling, and every instrument has codes.
#[inline]
fn fits(cash: i64, offset: i64, sizes: impl Iterator<Item = (i64, u16)>, lines: &Lines) -> bool {
    let product = |a: u64, b: u64| a.saturating_mul(b);
    let sum = product(cash.unsigned_abs(), lines.cash as u64).saturating_add(offset.unsigned_abs());
    let (sum, has_codes) = sizes.fold((sum, true), |(sum, has_codes), (size, instrument)| {
        let index = usize::from(instrument);
        let sum = sum.saturating_add(product(size.unsigned_abs(), lines.ceilings[index]));
        (sum, has_codes & (index < Code::INSTRUMENTS))
    });
    sum < BOUND && has_codes
}

impl Lane {
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
                    match (at, i32::try_from(position.size), Code::new(position.instrument)) {
                        (Some(at), Ok(size), Some(code))
                            if at == count || self.slots[row][at] == position.slot =>
                        {
                            changed.sizes[at] = size;
                            if at == count {
                                changed.codes[at] = code;
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
