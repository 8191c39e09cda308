//! The exact check: E and R of packed accounts from their positions and the lines of the marks, in `i64` that the bound proves enough.
#![allow(unsafe_code, reason = "code for instructions that not every processor has")]

use model::margin::{Rungs, Severity};

use crate::lines::{Code, Lines, Piece};
use crate::packed::{Block, Kind, Row};

/// E and R, in quanta / (S / divisor).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Word {
    pub equity: i64,
    pub requirement: i64,
}

/// What positions add to E and R, and whether one is in another tier than its code says, so that R is not this. No operation wraps for an
/// account within the bound; one that is not packed may give anything here.
#[inline(always)]
fn positions(sizes: impl Iterator<Item = i64>, codes: &[Code], pieces: &[Piece]) -> (Word, bool) {
    let mut word = Word::default();
    let mut is_elsewhere = false;
    for (size, code) in sizes.zip(codes) {
        let piece = &pieces[code.index()];
        let lots = size.unsigned_abs();
        word.equity = word.equity.wrapping_add(size.wrapping_mul(piece.value[usize::from(size < 0)]));
        let requirement = (lots as i64).wrapping_mul(piece.requirement).wrapping_sub(piece.deduction);
        word.requirement = word.requirement.wrapping_add(requirement);
        is_elsewhere |= lots.wrapping_sub(piece.first) > piece.more;
    }
    (word, is_elsewhere)
}

/// Of a compact account; its codes are brought up to date.
#[inline(always)]
pub fn compact(row: &mut Row, lines: &Lines) -> Word {
    let of = |row: &Row| positions(row.sizes.iter().map(|&size| size.into()), &row.codes, &lines.pieces);
    let (mut word, is_elsewhere) = of(row);
    if is_elsewhere && row.kind == Kind::Compact {
        recode_row(row, lines);
        word = of(row).0;
    }
    word.equity = word.equity.wrapping_add(row.cash.wrapping_mul(lines.cash));
    word
}

#[inline(never)]
fn recode_row(row: &mut Row, lines: &Lines) {
    for (code, size) in row.codes.iter_mut().zip(row.sizes) {
        *code = lines.code(code.instrument(), size.unsigned_abs().into());
    }
}

/// Of one block of an account; `cash` of those behind the first is 0.
#[inline(always)]
pub fn block(block: &mut Block, lines: &Lines) -> Word {
    let of = |block: &Block| positions(block.sizes.iter().copied(), &block.codes, &lines.pieces);
    let (mut word, is_elsewhere) = of(block);
    if is_elsewhere {
        recode_block(block, lines);
        word = of(block).0;
    }
    word.equity = word.equity.wrapping_add(block.cash.wrapping_mul(lines.cash));
    word
}

#[inline(never)]
fn recode_block(block: &mut Block, lines: &Lines) {
    for (code, size) in block.codes.iter_mut().zip(block.sizes) {
        *code = lines.code(code.instrument(), size.unsigned_abs());
    }
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
pub fn verdicts(simd: Simd, rows: &mut [Row], at: &[u32], lines: &Lines, rungs: &Rungs, out: &mut [Verdict]) {
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
fn each(rows: &mut [Row], at: &[u32], lines: &Lines, rungs: &Rungs, out: &mut [Verdict]) {
    for (&row, out) in at.iter().zip(out) {
        let row = &mut rows[row as usize];
        let word = compact(row, lines);
        *out = (word, severity(word, row.offset.into(), rungs));
    }
}

fn portable(rows: &mut [Row], at: &[u32], lines: &Lines, rungs: &Rungs, out: &mut [Verdict]) {
    each(rows, at, lines, rungs, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi2")]
fn avx2(rows: &mut [Row], at: &[u32], lines: &Lines, rungs: &Rungs, out: &mut [Verdict]) {
    each(rows, at, lines, rungs, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,bmi2")]
fn avx512(rows: &mut [Row], at: &[u32], lines: &Lines, rungs: &Rungs, out: &mut [Verdict]) {
    each(rows, at, lines, rungs, out);
}

/// `model::margin::severity` of a packed account.
#[inline(always)]
pub fn severity(word: Word, offset: i64, rungs: &Rungs) -> Severity {
    let effective = word.requirement.wrapping_add(offset).max(0);
    // Then no product with a rung, of 10 bits, leaves 63.
    let is_small = (word.equity.unsigned_abs() | effective as u64) >> 53 == 0;
    if !is_small || !rungs.is_ordered() {
        return in_full(word, offset, rungs);
    }
    let (scaled, equality) = (word.equity << 8, i64::from(rungs.equality));
    let [warned, liquidatable, takeover] = rungs.rungs;
    let crossed = |rung: u32| u8::from(scaled < effective * i64::from(rung) + equality);
    // Who crossed a line has crossed those above it.
    let rung = (crossed(warned) + crossed(liquidatable) + crossed(takeover)) * u8::from(effective > 0);
    let code = if word.equity < 0 { Severity::Insolvent as u8 } else { rung };
    Severity::ALL[usize::from(code)]
}

#[inline(never)]
fn in_full(word: Word, offset: i64, rungs: &Rungs) -> Severity {
    model::margin::severity(word.equity.into(), word.requirement.into(), offset.into(), rungs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_are_the_models() {
        let mut state = 9u64;
        let mut draw = |bits: u32| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> (64 - bits)) as i64
        };
        let mut seen = [0u32; 5];
        for turn in 0..500_000 {
            let rungs = [draw(10) as u32 | 1, draw(9) as u32 | 1, draw(8) as u32 | 1];
            let rungs = Rungs { rungs, equality: turn % 2 == 0 };
            let bits = 2 + (turn % 59) as u32;
            let (requirement, offset) = (draw(bits), draw(bits) - draw(bits));
            let effective = (requirement + offset).max(0);
            let on_the_line = (i128::from(effective) * i128::from(rungs.rungs[turn % 3]) / 256) as i64;
            let equity = if turn % 5 == 0 { draw(bits) - draw(bits) } else { on_the_line + draw(2) - 2 };
            let word = Word { equity, requirement };
            let expected = model::margin::severity(equity.into(), requirement.into(), offset.into(), &rungs);
            assert_eq!(severity(word, offset, &rungs), expected, "{word:?} {offset} {rungs:?}");
            seen[expected as usize] += 1;
        }
        assert!(seen.iter().all(|&times| times > 1_000), "{seen:?}");
    }
}
