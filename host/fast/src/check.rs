//! The exact check: E and R of packed accounts from their positions and the lines of the marks, in `i64` that the bound proves enough.
#![allow(unsafe_code, reason = "code for instructions that not every processor has")]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

use model::margin::{Rungs, Severity};

use crate::lines::{Code, Lines, Piece};
use crate::packed::{BLOCK, Block, Kind, NONE, Row, Slab};

/// E and R, in quanta / (S / divisor).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(C)]
pub struct Word {
    pub equity: i64,
    pub requirement: i64,
}

/// What positions add to E and R. No operation wraps for an account within the bound; one that is not packed may give anything here.
trait Sums: Copy {
    /// The same for accounts that are not narrow.
    type Large: Sums;
    /// Of so much cash, at so much a quantum, and no position.
    fn cash(quanta: i64, lines: &Lines) -> Self;
    /// The positions of a row.
    fn add_small(self, sizes: &[i32; 4], pieces: [&Piece; 4]) -> Self;
    /// Half of the positions of a block.
    fn add_four(self, sizes: &[i64; 4], pieces: [&Piece; 4]) -> Self;
    /// One of the positions is in another tier, or on the other side, than its code says, so that this is not their sum.
    fn is_elsewhere(self) -> bool;
    fn word(self) -> Word;
    /// E and R of a chain of blocks, and the offset.
    fn chain(blocks: &mut Slab<Block>, place: usize, lines: &Lines) -> (Word, i64);
    /// Severities of a batch; false if an amount is too large for it, and they mean nothing.
    fn compare(batch: &mut Batch, rungs: &Rungs) -> bool;
    /// Where the severity is another than the one held, one bit each.
    fn unsettled(batch: &Batch) -> u64;
}

/// For any processor.
#[derive(Clone, Copy)]
struct Scalar {
    word: Word,
    signs: i64,
}

impl Sums for Scalar {
    type Large = Self;

    #[inline(always)]
    fn cash(quanta: i64, lines: &Lines) -> Self {
        let equity = quanta.wrapping_mul(lines.cash);
        Self { word: Word { equity, requirement: 0 }, signs: 0 }
    }

    #[inline(always)]
    fn add_small(self, sizes: &[i32; 4], pieces: [&Piece; 4]) -> Self {
        self.add_four(&sizes.map(i64::from), pieces)
    }

    #[inline(always)]
    fn add_four(mut self, sizes: &[i64; 4], pieces: [&Piece; 4]) -> Self {
        for (&size, piece) in sizes.iter().zip(pieces) {
            let by = |at: usize| size.wrapping_mul(piece.by[at]).wrapping_add(piece.plus[at]);
            self.word.equity = self.word.equity.wrapping_add(by(0));
            self.word.requirement = self.word.requirement.wrapping_add(by(1));
            self.signs |= by(2) | by(3);
        }
        self
    }

    #[inline(always)]
    fn is_elsewhere(self) -> bool {
        self.signs < 0
    }

    #[inline(always)]
    fn word(self) -> Word {
        self.word
    }

    #[inline(never)]
    fn chain(blocks: &mut Slab<Block>, place: usize, lines: &Lines) -> (Word, i64) {
        let (sums, offset) = chain_sums::<Self>(blocks, place, lines);
        (sums.word(), offset)
    }

    #[inline(always)]
    fn compare(batch: &mut Batch, rungs: &Rungs) -> bool {
        let equality = i64::from(rungs.equality);
        let [warned, liquidatable, takeover] = rungs.rungs.map(i64::from);
        let mut magnitude = 0;
        for at in 0..batch.count {
            let Word { equity, requirement } = batch.words[at];
            let effective = requirement.wrapping_add(batch.offset[at]).max(0);
            magnitude |= equity ^ equity >> 63 | effective;
            let scaled = equity << 8;
            let crossed = |rung: i64| u8::from(scaled < effective.wrapping_mul(rung).wrapping_add(equality));
            let rung = crossed(warned) + crossed(liquidatable) + crossed(takeover);
            let rung = rung * u8::from(effective > 0);
            batch.severity[at] = if equity < 0 { Severity::Insolvent as u8 } else { rung };
        }
        magnitude as u64 >> SMALL_BITS == 0
    }

    #[inline(always)]
    fn unsettled(batch: &Batch) -> u64 {
        let pairs = batch.severity.iter().zip(&batch.held).enumerate();
        pairs.fold(0, |all, (at, (new, held))| all | u64::from(new != held) << at)
    }
}

/// The four numbers of a piece side by side. Only code that AVX-512 is enabled for makes one. With `FUSED`, which takes IFMA, products and sums are modulo 2^52.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
struct Wide<const FUSED: bool> {
    sum: __m256i,
    signs: __m256i,
}

#[cfg(target_arch = "x86_64")]
impl<const FUSED: bool> Wide<FUSED> {
    #[inline(always)]
    fn add(self, sizes: __m256i, piece: &Piece) -> Self {
        // SAFETY: a piece has both arrays, aligned, and the processor these instructions.
        unsafe {
            let by = _mm256_load_si256(piece.by.as_ptr().cast());
            let plus = _mm256_load_si256(piece.plus.as_ptr().cast());
            let sum = if FUSED {
                _mm256_madd52lo_epu64(plus, sizes, by)
            } else {
                _mm256_add_epi64(_mm256_mullo_epi64(sizes, by), plus)
            };
            Self { sum: _mm256_add_epi64(self.sum, sum), signs: _mm256_or_si256(self.signs, sum) }
        }
    }

    #[inline(always)]
    fn add_all(self, sizes: __m256i, [a, b, c, d]: [&Piece; 4]) -> Self {
        // SAFETY: as above.
        unsafe {
            self.add(_mm256_permute4x64_epi64::<0x00>(sizes), a)
                .add(_mm256_permute4x64_epi64::<0x55>(sizes), b)
                .add(_mm256_permute4x64_epi64::<0xaa>(sizes), c)
                .add(_mm256_permute4x64_epi64::<0xff>(sizes), d)
        }
    }
}

#[cfg(target_arch = "x86_64")]
impl<const FUSED: bool> Sums for Wide<FUSED> {
    type Large = Wide<false>;

    #[inline(always)]
    fn cash(quanta: i64, lines: &Lines) -> Self {
        // SAFETY: as above; the same for all that follow.
        unsafe {
            let (quanta, each) = (_mm_cvtsi64_si128(quanta), _mm_cvtsi64_si128(lines.cash));
            let equity = if FUSED {
                _mm_madd52lo_epu64(_mm_setzero_si128(), quanta, each)
            } else {
                _mm_mullo_epi64(quanta, each)
            };
            Self { sum: _mm256_zextsi128_si256(equity), signs: _mm256_setzero_si256() }
        }
    }

    #[inline(always)]
    fn add_small(self, sizes: &[i32; 4], pieces: [&Piece; 4]) -> Self {
        self.add_all(unsafe { _mm256_cvtepi32_epi64(_mm_loadu_si128(sizes.as_ptr().cast())) }, pieces)
    }

    #[inline(always)]
    fn add_four(self, sizes: &[i64; 4], pieces: [&Piece; 4]) -> Self {
        self.add_all(unsafe { _mm256_loadu_si256(sizes.as_ptr().cast()) }, pieces)
    }

    #[inline(always)]
    fn is_elsewhere(self) -> bool {
        unsafe { _mm256_movemask_pd(_mm256_castsi256_pd(self.signs)) & 0b1100 != 0 }
    }

    #[inline(always)]
    fn word(self) -> Word {
        unsafe {
            let (mut word, mut sum) = (Word::default(), _mm256_castsi256_si128(self.sum));
            if FUSED {
                sum = _mm_srai_epi64::<12>(_mm_slli_epi64::<12>(sum));
            }
            _mm_storeu_si128((&raw mut word).cast(), sum);
            word
        }
    }

    #[inline(always)]
    fn chain(blocks: &mut Slab<Block>, place: usize, lines: &Lines) -> (Word, i64) {
        let (sums, offset) = chain_sums::<Self>(blocks, place, lines);
        (sums.word(), offset)
    }

    #[inline(always)]
    fn compare(batch: &mut Batch, rungs: &Rungs) -> bool {
        const GROUP: usize = 8;
        // SAFETY: every array of a batch has room for whole groups.
        unsafe {
            let even = _mm512_set_epi64(14, 12, 10, 8, 6, 4, 2, 0);
            let (one, odd) = (_mm512_set1_epi64(1), _mm512_or_si512(even, _mm512_set1_epi64(1)));
            let equality = _mm512_set1_epi64(rungs.equality.into());
            let rungs = rungs.rungs.map(|rung| _mm512_set1_epi64(rung.into()));
            let insolvent = _mm512_set1_epi64(Severity::Insolvent as i64);
            let (zero, mut magnitude) = (_mm512_setzero_si512(), _mm512_setzero_si512());
            for first in (0..batch.count).step_by(GROUP) {
                let words = batch.words.as_ptr().add(first);
                let halves = [words, words.add(GROUP / 2)].map(|half| _mm512_loadu_si512(half.cast()));
                let equity = _mm512_permutex2var_epi64(halves[0], even, halves[1]);
                let requirement = _mm512_permutex2var_epi64(halves[0], odd, halves[1]);
                let offset = _mm512_loadu_si512(batch.offset.as_ptr().add(first).cast());
                let effective = _mm512_max_epi64(_mm512_add_epi64(requirement, offset), zero);
                let size = _mm512_xor_si512(equity, _mm512_srai_epi64::<63>(equity));
                magnitude = _mm512_or_si512(magnitude, _mm512_or_si512(size, effective));
                let scaled = _mm512_slli_epi64::<8>(equity);
                let needs = _mm512_cmpgt_epi64_mask(effective, zero);
                let severity = rungs.iter().fold(zero, |severity, &rung| {
                    let line = _mm512_add_epi64(_mm512_mullo_epi64(effective, rung), equality);
                    _mm512_mask_add_epi64(
                        severity,
                        _mm512_mask_cmplt_epi64_mask(needs, scaled, line),
                        severity,
                        one,
                    )
                });
                let severity =
                    _mm512_mask_mov_epi64(severity, _mm512_cmplt_epi64_mask(equity, zero), insolvent);
                _mm_storel_epi64(
                    batch.severity.as_mut_ptr().add(first).cast(),
                    _mm512_cvtepi64_epi8(severity),
                );
            }
            _mm512_reduce_or_epi64(magnitude) as u64 >> SMALL_BITS == 0
        }
    }

    #[inline(always)]
    fn unsettled(batch: &Batch) -> u64 {
        const { assert!(BATCH == 64) };
        unsafe {
            let load = |from: &[u8; BATCH]| _mm512_loadu_si512(from.as_ptr().cast());
            _mm512_cmpneq_epi8_mask(load(&batch.severity), load(&batch.held))
        }
    }
}

#[inline(always)]
fn row_sums_of<S: Sums>(row: &Row, lines: &Lines) -> S {
    S::cash(row.cash, lines).add_small(&row.sizes, lines.four(&row.codes))
}

/// Of a compact account; its codes are brought up to date.
#[inline(always)]
fn row_sums<S: Sums>(row: &mut Row, lines: &Lines) -> S {
    let sums = row_sums_of::<S>(row, lines);
    if !sums.is_elsewhere() {
        return sums;
    }
    recode(&mut row.codes, &row.sizes.map(i64::from), lines);
    row_sums_of(row, lines)
}

#[inline(always)]
fn add_block<S: Sums>(sums: S, block: &Block, lines: &Lines) -> S {
    let (sizes, _) = block.sizes.as_chunks::<4>();
    let (codes, _) = block.codes.as_chunks::<4>();
    const { assert!(BLOCK == 8) };
    sums.add_four(&sizes[0], lines.four(&codes[0])).add_four(&sizes[1], lines.four(&codes[1]))
}

/// Of a chain of blocks; and the offset.
#[inline(always)]
fn chain_sums<S: Sums>(blocks: &mut Slab<Block>, place: usize, lines: &Lines) -> (S, i64) {
    let Block { cash, offset, .. } = blocks[place];
    let (mut all, mut next) = (S::cash(cash, lines), place as u32);
    while next != NONE {
        let block = &mut blocks[next as usize];
        let before = all;
        for _ in 0..2 {
            all = add_block(before, block, lines);
            if !all.is_elsewhere() {
                break;
            }
            recode(&mut block.codes, &block.sizes, lines);
        }
        next = block.next;
    }
    (all, offset)
}

#[cold]
#[inline(never)]
fn recode<const N: usize>(codes: &mut [Code; N], sizes: &[i64; N], lines: &Lines) {
    for (code, &size) in codes.iter_mut().zip(sizes) {
        *code = lines.code(code.instrument(), size);
    }
}

/// E, R and offset of a packed account; `None` of a wide one.
#[inline]
pub fn packed(row: &mut Row, blocks: &mut Slab<Block>, lines: &Lines) -> Option<(Word, i64)> {
    match row.kind {
        Kind::Compact => Some((row_sums::<Scalar>(row, lines).word(), row.offset.into())),
        Kind::Blocks | Kind::Large => Some(Scalar::chain(blocks, row.place(), lines)),
        Kind::Wide => None,
    }
}

/// Accounts that are judged together.
pub const BATCH: usize = 64;

/// Verdicts on accounts, one behind the other.
pub struct Batch {
    words: [Word; BATCH],
    offset: [i64; BATCH],
    severity: [u8; BATCH],
    /// The severities that the rows have.
    held: [u8; BATCH],
    count: usize,
    /// Those whose severity is another now, and those that are wide, one bit each.
    pub unsettled: u64,
    /// Those that are armed.
    pub armed: u64,
}

impl Batch {
    pub const fn new() -> Self {
        Self {
            words: [Word { equity: 0, requirement: 0 }; BATCH],
            offset: [0; BATCH],
            severity: [0; BATCH],
            held: [0; BATCH],
            count: 0,
            unsettled: 0,
            armed: 0,
        }
    }

    pub fn word(&self, at: usize) -> Word {
        self.words[at]
    }

    #[inline(always)]
    pub fn severity(&self, at: usize) -> Severity {
        Severity::ALL[usize::from(self.severity[at])]
    }

    #[inline(always)]
    fn compare<S: Sums>(&mut self, rungs: &Rungs) {
        if !rungs.is_ordered() || !S::compare(self, rungs) {
            for at in 0..self.count {
                self.severity[at] = severity(self.word(at), self.offset[at], rungs) as u8;
            }
        }
        self.unsettled |= S::unsettled(self) & (u64::MAX >> (BATCH - self.count.max(1)));
    }
}

/// Vector instructions that the check is compiled for; all give the same.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Simd {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// With products and sums in one instruction.
    #[cfg(target_arch = "x86_64")]
    Avx512Ifma,
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
            let wide = wide && is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vl");
            if wide && is_x86_feature_detected!("bmi2") {
                here.push(Self::Avx512);
                if is_x86_feature_detected!("avx512ifma") {
                    here.push(Self::Avx512Ifma);
                }
            }
        }
        here
    }

    pub fn best() -> Self {
        *Self::here().last().expect("the portable one is everywhere")
    }
}

/// Verdicts on so many rows, [`BATCH`] at most, of which each is at such a place; of rows that are wide they mean nothing.
#[inline]
pub fn judge(
    simd: Simd,
    accounts: Packed,
    (count, at): (usize, impl Fn(usize) -> usize),
    lines: &Lines,
    rungs: &Rungs,
    batch: &mut Batch,
) {
    match simd {
        Simd::Portable => portable(accounts, (count, at), lines, rungs, batch),
        // SAFETY: `Simd::here` names what the processor has, and nothing else makes one.
        #[cfg(target_arch = "x86_64")]
        Simd::Avx2 => unsafe { avx2(accounts, (count, at), lines, rungs, batch) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Simd::Avx512 => unsafe { avx512(accounts, (count, at), lines, rungs, batch) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Simd::Avx512Ifma => unsafe { avx512_ifma(accounts, (count, at), lines, rungs, batch) },
    }
}

/// A lane's rows and blocks.
pub struct Packed<'a> {
    pub rows: &'a mut [Row],
    pub blocks: &'a mut Slab<Block>,
}

#[inline(always)]
fn each<S: Sums>(
    accounts: Packed,
    (count, at): (usize, impl Fn(usize) -> usize),
    lines: &Lines,
    rungs: &Rungs,
    batch: &mut Batch,
) {
    let (mut armed, mut wide) = (0, 0);
    let count = count.min(BATCH);
    for place in 0..count {
        let row = &mut accounts.rows[at(place)];
        batch.held[place] = row.severity as u8;
        armed |= u64::from(row.armed) << place;
        (batch.words[place], batch.offset[place]) = match row.kind {
            Kind::Compact => (row_sums::<S>(row, lines).word(), row.offset.into()),
            Kind::Blocks => S::chain(accounts.blocks, row.place(), lines),
            Kind::Large => S::Large::chain(accounts.blocks, row.place(), lines),
            Kind::Wide => {
                wide |= 1 << place;
                continue;
            }
        };
    }
    (batch.count, batch.armed, batch.unsettled) = (count, armed, wide);
    batch.compare::<S>(rungs);
}

fn portable(
    accounts: Packed,
    (count, at): (usize, impl Fn(usize) -> usize),
    lines: &Lines,
    rungs: &Rungs,
    batch: &mut Batch,
) {
    each::<Scalar>(accounts, (count, at), lines, rungs, batch);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi2")]
fn avx2(
    accounts: Packed,
    (count, at): (usize, impl Fn(usize) -> usize),
    lines: &Lines,
    rungs: &Rungs,
    batch: &mut Batch,
) {
    each::<Scalar>(accounts, (count, at), lines, rungs, batch);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,bmi2")]
fn avx512(
    accounts: Packed,
    (count, at): (usize, impl Fn(usize) -> usize),
    lines: &Lines,
    rungs: &Rungs,
    batch: &mut Batch,
) {
    each::<Wide<false>>(accounts, (count, at), lines, rungs, batch);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,bmi2")]
fn avx512_ifma(
    accounts: Packed,
    (count, at): (usize, impl Fn(usize) -> usize),
    lines: &Lines,
    rungs: &Rungs,
    batch: &mut Batch,
) {
    each::<Wide<true>>(accounts, (count, at), lines, rungs, batch);
}

/// Amounts of so many bits times a rung, of 10 bits, do not leave 63.
const SMALL_BITS: u32 = 53;

/// `model::margin::severity` of a packed account.
#[inline(always)]
pub fn severity(word: Word, offset: i64, rungs: &Rungs) -> Severity {
    let effective = word.requirement.wrapping_add(offset).max(0);
    let is_small = (word.equity.unsigned_abs() | effective as u64) >> SMALL_BITS == 0;
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
    use crate::lines::NARROW;

    #[test]
    fn severities_are_the_models() {
        let mut state = 9u64;
        let mut draw = |bits: u32| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> (64 - bits)) as i64
        };
        let (mut seen, lines, mut batch) = ([0u32; 5], Lines::new(1), Batch::new());
        for turn in 0..10_000 {
            let rungs = [draw(10) as u32 | 1, draw(9) as u32 | 1, draw(8) as u32 | 1];
            let rungs = Rungs { rungs, equality: turn % 2 == 0 };
            // Accounts without positions whose offset is all that is required.
            let (mut rows, mut blocks) = (Vec::new(), Slab::<Block>::default());
            for at in 0..=turn % BATCH {
                let bits = if turn % 3 == 0 { 2 + (at % 59) as u32 } else { 2 + (turn % 51) as u32 };
                let (requirement, offset) = (draw(bits), draw(bits) - draw(bits));
                let offset = requirement + offset;
                let on_the_line = (i128::from(offset.max(0)) * i128::from(rungs.rungs[at % 3]) / 256) as i64;
                let cash = if at % 5 == 0 { draw(bits) - draw(bits) } else { on_the_line + draw(2) - 2 };
                let place = blocks.insert(Block { cash, offset, ..Block::default() }) as i64;
                let severity = Severity::ALL[(draw(16) % 5) as usize];
                let armed = draw(1) == 1;
                let is_narrow = cash.unsigned_abs().max(offset.unsigned_abs()) < NARROW;
                let kind = if is_narrow { Kind::Blocks } else { Kind::Large };
                rows.push(Row { kind, cash: place, severity, armed, ..Row::default() });
            }
            for simd in Simd::here() {
                let packed = Packed { rows: &mut rows, blocks: &mut blocks };
                judge(simd, packed, (turn % BATCH + 1, |at| at), &lines, &rungs, &mut batch);
                let (mut unsettled, mut armed) = (0, 0);
                for (at, row) in rows.iter().enumerate() {
                    let Block { cash, offset, .. } = blocks[row.place()];
                    let expected = model::margin::severity(cash.into(), 0, offset.into(), &rungs);
                    assert_eq!(batch.severity(at), expected, "{simd:?} {cash} {offset} {rungs:?}");
                    assert_eq!(severity(batch.word(at), offset, &rungs), expected);
                    unsettled |= u64::from(row.severity != expected) << at;
                    armed |= u64::from(row.armed) << at;
                    seen[expected as usize] += 1;
                }
                assert_eq!((batch.unsettled, batch.armed), (unsettled, armed), "{simd:?}");
            }
        }
        assert!(seen.iter().all(|&times| times > 1_000), "{seen:?}");
    }
}
