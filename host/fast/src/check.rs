//! The exact check: E and R of packed accounts from their positions and the lines of the marks, in `i64` that the bound proves enough.

use model::margin::{Rungs, Severity};

use crate::lines::Lines;
use crate::packed::{Block, Row};

/// E and R, in quanta / (S / divisor).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Word {
    pub equity: i64,
    pub requirement: i64,
}

/// What positions add to E and R.
#[inline(always)]
pub fn positions<const N: usize>(sizes: [i64; N], instruments: &[u16; N], lines: &Lines) -> Word {
    let mut word = Word::default();
    let mut is_tiered = false;
    for (&size, &instrument) in sizes.iter().zip(instruments) {
        let line = &lines.lines[usize::from(instrument)];
        let lots = size.unsigned_abs();
        word.equity += size * line.value[usize::from(size < 0)];
        word.requirement += lots as i64 * line.requirement;
        is_tiered |= lots > line.first_lots;
    }
    if is_tiered {
        let requirement = |(size, instrument): (&i64, &u16)| lines.tiered(*instrument, size.unsigned_abs());
        word.requirement = sizes.iter().zip(instruments).map(requirement).sum();
    }
    word
}

/// Of a compact account.
#[inline(always)]
pub fn compact(row: &Row, lines: &Lines) -> Word {
    let mut word = positions(row.sizes.map(i64::from), &row.instruments, lines);
    word.equity += row.cash * lines.cash();
    word
}

/// Of one block of an account; `cash` of those behind the first is 0.
#[inline(always)]
pub fn block(block: &Block, lines: &Lines) -> Word {
    let mut word = positions(block.sizes, &block.instruments, lines);
    word.equity += block.cash * lines.cash();
    word
}

/// `model::margin::severity` of a packed account.
#[inline(always)]
pub fn severity(word: Word, offset: i64, rungs: &Rungs) -> Severity {
    if word.equity < 0 {
        return Severity::Insolvent;
    }
    let effective = (word.requirement + offset).max(0);
    // Four times the requirement is above every line: no rung is 1,024.
    if word.equity >> 2 >= effective {
        return Severity::Healthy;
    }
    model::margin::severity(word.equity.into(), word.requirement.into(), offset.into(), rungs)
}
