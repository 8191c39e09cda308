//! What becomes of an account's zones in the segments.

use model::margin::Rungs;

use crate::check::Word;
use crate::lane::Lane;
use crate::lines::Lines;
use crate::machine::Instrument;
use crate::packed::Kind;
use crate::segment::{Segment, Zone};
use crate::zone::{self, Stand};

impl Lane {
    /// No zone: every mark of an instrument that it holds looks at it.
    pub fn disarm(&mut self, row: usize) {
        if std::mem::take(&mut self.rows[row].armed) {
            self.armed -= 1;
            self.zone(row, |_, _| Zone::NONE);
        }
    }

    /// No zones at all, if most accounts have one: to clear memory costs less than to seek every zone.
    pub fn disarm_most(&mut self) {
        if self.armed < self.rows.len() / 64 {
            return;
        }
        self.armed = 0;
        self.rows.iter_mut().for_each(|row| row.armed = false);
        self.segments.iter_mut().for_each(Segment::disarm);
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
        let stand = match self.packed_word(row, lines) {
            Some((word, offset)) => Some(self.stand(row, word, offset, lines)),
            None => self.wide_stand(row, instruments),
        };
        match stand {
            Some(stand) => self.arm_at(row, &stand, instruments, rungs, least),
            None => self.disarm(row),
        }
    }

    /// The same of an account that stands so.
    pub fn arm_at(
        &mut self,
        row: usize,
        stand: &Stand,
        instruments: &[Instrument],
        rungs: &Rungs,
        least: u32,
    ) {
        match zone::reach(stand, rungs) {
            Some(reach) if reach >= least => {
                self.armed += usize::from(!std::mem::replace(&mut self.rows[row].armed, true));
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

    /// Of a packed account, whose word and offset these are.
    pub fn stand(&self, row: usize, word: Word, offset: i64, lines: &Lines) -> Stand {
        let (mut equity_slope, mut requirement_slope) = (0u64, 0u64);
        let mut add = |size: i64, instrument: u16| {
            let slopes = &lines.slopes[usize::from(instrument)];
            let lots = size.unsigned_abs();
            equity_slope += lots * if size < 0 { slopes.short } else { slopes.long };
            requirement_slope += lots * slopes.requirement;
        };
        let held = &self.rows[row];
        if held.kind == Kind::Compact {
            let count = usize::from(held.count);
            let positions = held.sizes.iter().zip(held.codes).take(count);
            positions.for_each(|(&size, code)| add(size.into(), code.instrument()));
        } else {
            self.each_position(row, |position| add(position.size, position.instrument));
        }
        Stand {
            equity: word.equity.into(),
            requirement: word.requirement.into(),
            offset: offset.into(),
            severity: held.severity,
            equity_slope: equity_slope.into(),
            requirement_slope: requirement_slope.into(),
        }
    }

    /// Of a wide account; `None` of an eager one.
    fn wide_stand(&self, row: usize, instruments: &[Instrument]) -> Option<Stand> {
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
        let (offset, severity) = (account.offset, self.rows[row].severity);
        Some(Stand { equity, requirement, offset, severity, equity_slope, requirement_slope })
    }
}
