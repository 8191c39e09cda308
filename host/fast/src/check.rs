//! The exact check: E and R of packed accounts from their positions and the lines of the marks, in `i64` that the bound proves enough.
#![allow(unsafe_code, reason = "code for instructions that not every processor has")]

use model::margin::{Rungs, Severity};

use crate::lines::{Line, Lines};
use crate::packed::{Block, Row};

/// E and R, in quanta / (S / divisor).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Word {
    pub equity: i64,
    pub requirement: i64,
}

/// What positions add to E and R, and whether one is beyond its first tier, so that R is not this. No operation wraps for an account within
/// the bound; one that is not packed may give anything here.
#[inline(always)]
fn first_tier(sizes: impl Iterator<Item = i64>, instruments: &[u16], lines: &[Line]) -> (Word, bool) {
    let mut word = Word::default();
    let mut is_tiered = false;
    for (size, &instrument) in sizes.zip(instruments) {
        let line = &lines[usize::from(instrument)];
        let lots = size.unsigned_abs();
        word.equity = word.equity.wrapping_add(size.wrapping_mul(line.value[usize::from(size < 0)]));
        word.requirement = word.requirement.wrapping_add((lots as i64).wrapping_mul(line.requirement));
        is_tiered |= lots > line.first_lots;
    }
    (word, is_tiered)
}

/// Of a compact account.
#[inline(always)]
pub fn compact(row: &Row, lines: &Lines) -> Word {
    let (mut word, is_tiered) =
        first_tier(row.sizes.iter().map(|&size| size.into()), &row.instruments, &lines.lines);
    word.equity = word.equity.wrapping_add(row.cash.wrapping_mul(lines.cash));
    if is_tiered {
        word.requirement = compact_requirement(row, lines);
    }
    word
}

#[inline(never)]
fn compact_requirement(row: &Row, lines: &Lines) -> i64 {
    requirement(row.sizes.iter().map(|&size| size.into()), &row.instruments, lines)
}

/// Of one block of an account; `cash` of those behind the first is 0.
#[inline(always)]
pub fn block(block: &Block, lines: &Lines) -> Word {
    let (mut word, is_tiered) = first_tier(block.sizes.iter().copied(), &block.instruments, &lines.lines);
    word.equity = word.equity.wrapping_add(block.cash.wrapping_mul(lines.cash));
    if is_tiered {
        word.requirement = block_requirement(block, lines);
    }
    word
}

#[inline(never)]
fn block_requirement(block: &Block, lines: &Lines) -> i64 {
    requirement(block.sizes.iter().copied(), &block.instruments, lines)
}

#[inline(always)]
fn requirement(sizes: impl Iterator<Item = i64>, instruments: &[u16], lines: &Lines) -> i64 {
    sizes
        .zip(instruments)
        .fold(0, |sum, (size, &instrument)| sum.wrapping_add(lines.tiered(instrument, size.unsigned_abs())))
}

/// A word and the severity that it makes.
pub type Verdict = (Word, Severity);

/// Vector instructions that the check is compiled for; all give the same.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Simd {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Simd {
    /// Those that this processor has, best last.
    pub fn here() -> Vec<Self> {
        #[allow(unused_mut, reason = "other processors have no other")]
        let mut here = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi2") {
                here.push(Self::Avx2);
            }
            let wide = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq");
            if wide && is_x86_feature_detected!("avx512vl") && is_x86_feature_detected!("bmi2") {
                here.push(Self::Avx512);
            }
        }
        here
    }

    pub fn best() -> Self {
        *Self::here().last().expect("the portable one is everywhere")
    }
}

/// Verdicts on the rows at these places; of rows that are not compact they mean nothing.
pub fn verdicts(simd: Simd, rows: &[Row], at: &[u32], lines: &Lines, rungs: &Rungs, out: &mut [Verdict]) {
    match simd {
        Simd::Portable => portable(rows, at, lines, rungs, out),
        // SAFETY: `Simd::here` names what the processor has, and nothing else makes one.
        #[cfg(target_arch = "x86_64")]
        Simd::Avx2 => unsafe { avx2(rows, at, lines, rungs, out) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Simd::Avx512 => unsafe { avx512(rows, at, lines, rungs, out) },
    }
}

#[inline(always)]
fn each(rows: &[Row], at: &[u32], lines: &Lines, rungs: &Rungs, out: &mut [Verdict]) {
    for (&row, out) in at.iter().zip(out) {
        let row = &rows[row as usize];
        let word = compact(row, lines);
        *out = (word, severity(word, row.offset.into(), rungs));
    }
}

fn portable(rows: &[Row], at: &[u32], lines: &Lines, rungs: &Rungs, out: &mut [Verdict]) {
    each(rows, at, lines, rungs, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi2")]
fn avx2(rows: &[Row], at: &[u32], lines: &Lines, rungs: &Rungs, out: &mut [Verdict]) {
    each(rows, at, lines, rungs, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,bmi2")]
fn avx512(rows: &[Row], at: &[u32], lines: &Lines, rungs: &Rungs, out: &mut [Verdict]) {
    each(rows, at, lines, rungs, out);
}

/// `model::margin::severity` of a packed account.
#[inline(always)]
pub fn severity(word: Word, offset: i64, rungs: &Rungs) -> Severity {
    let effective = word.requirement.wrapping_add(offset).max(0);
    // Four times the requirement is above every line: no rung is 1,024.
    if word.equity >= 0 && word.equity >> 2 >= effective {
        return Severity::Healthy;
    }
    near_a_line(word, offset, rungs)
}

#[inline(never)]
fn near_a_line(word: Word, offset: i64, rungs: &Rungs) -> Severity {
    model::margin::severity(word.equity.into(), word.requirement.into(), offset.into(), rungs)
}
