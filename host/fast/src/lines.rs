//! What a mark makes of a position, by instrument and tier: products in `i64`, over the greatest common divisor of every rate.
#![allow(unsafe_code, reason = "a code is of a piece that is there")]

use model::units::{Scale, TIERS_MAX};

use crate::check::Word;
use crate::machine::Instrument;

/// No packed account's sums can leave this, whatever marks up to the ceilings come: half of what `i64` holds, for sums of both signs.
pub const BOUND: u64 = 1 << 61;
/// Nor those of a narrow one this: half of what processors multiply and add in one step.
pub const NARROW: u64 = 1 << 51;
/// A packed account has fewer lots of an instrument.
pub const LOTS: u64 = 1 << 51;

/// An instrument, a side of it and the tier that a position was last seen in: a packed account has these instead of indices.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(transparent)]
pub struct Code(u16);

/// Pieces of an instrument: the tiers of the long side, then those of the short; and one that none has, so that the same tier of many instruments does not
/// fall into the same set of a cache.
const PIECES: usize = 2 * TIERS_MAX + 1;

impl Code {
    /// Instruments beyond have no codes; who holds one is wide.
    pub const INSTRUMENTS: usize = (1 << 16) / PIECES;

    /// Of the first tier of the long side; a check finds the right one. `None` from [`Self::INSTRUMENTS`] on.
    pub fn new(instrument: u16) -> Option<Self> {
        (usize::from(instrument) < Self::INSTRUMENTS).then(|| Self(instrument * PIECES as u16))
    }

    pub const fn instrument(self) -> u16 {
        self.0 / PIECES as u16
    }

    #[inline(always)]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A tier of a side of an instrument at its mark: `by` times the size, plus `plus`, is the position's value, its requirement, and its lots less the tier's first
/// and, 2^63 - 1 more, less the tier's last; below zero in one of these it is in another. Amounts are in quanta / (S / divisor).
///
/// All holds as well if products are taken modulo 2^52, and not below zero, and the first two sums modulo 2^52: then lots of the other side are 2^51 or more.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Piece {
    pub by: [i64; 4],
    pub plus: [i64; 4],
}

const _: () = assert!(size_of::<Piece>() == 64);

impl Piece {
    /// No position is in it.
    const NONE: Self = Self { by: [0; 4], plus: [0, 0, -1, -1] };
    /// A place without a position is.
    const EMPTY: Self = Self { by: [0; 4], plus: [0; 4] };

    fn has(&self, size: i64) -> bool {
        let less = |at: usize| size.wrapping_mul(self.by[at]).wrapping_add(self.plus[at]);
        less(2) | less(3) >= 0
    }
}

/// How far a lot's value, by side, and its requirement at most move for a relative move of one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Slopes {
    pub long: u64,
    pub short: u64,
    pub requirement: u64,
}

/// What long and short positions are worth, are in their tiers, and require, each at a mark of its own.
struct Marks {
    long: u64,
    short: u64,
    tiers: u64,
    requirement: u64,
}

#[derive(Clone, Debug)]
pub struct Lines {
    /// By code.
    pub pieces: Vec<Piece>,
    /// By instrument.
    pub slopes: Vec<Slopes>,
    /// By instrument: most that E or R can change by for a lot, with the mark at its ceiling.
    pub ceilings: Vec<u64>,
    /// By instrument: highest mark that packed accounts are proved for.
    proved: Vec<u32>,
    scale: u32,
    divisor: u32,
    /// S over the divisor: what a quantum of cash is worth.
    pub cash: i64,
}

fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl Lines {
    pub fn new(instruments: usize) -> Self {
        let mut lines = Self {
            pieces: vec![Piece::NONE; instruments.clamp(1, Code::INSTRUMENTS) * PIECES],
            slopes: vec![Slopes::default(); instruments],
            ceilings: vec![u64::MAX; instruments],
            proved: vec![0; instruments],
            scale: 1,
            divisor: 1,
            cash: 1,
        };
        // A place of a row without a position names the first piece of instrument 0.
        lines.pieces.iter_mut().step_by(PIECES).for_each(|piece| *piece = Piece::EMPTY);
        lines
    }

    pub fn scale(&self) -> i128 {
        i128::from(self.scale)
    }

    /// What a unit of packed sums is worth in quanta / S.
    pub fn divisor(&self) -> i128 {
        i128::from(self.divisor)
    }

    /// E and R in quanta / S.
    #[inline]
    pub fn full(&self, word: Word) -> (i128, i128) {
        (i128::from(word.equity) * self.divisor(), i128::from(word.requirement) * self.divisor())
    }

    /// The divisor that these instruments would give.
    pub fn divisor_of(scale: Scale, instruments: &[Instrument]) -> u32 {
        let live = instruments.iter().filter(|instrument| instrument.bank.committed);
        let all = live.fold(u128::from(scale.get()), |all, instrument| {
            let weights = instrument.bank.live.header.weights;
            let all = gcd(gcd(all, weights.long.into()), weights.short.into());
            let tiers = instrument.bank.live.tiers.as_slice().iter();
            tiers.fold(all, |all, tier| gcd(gcd(all, tier.rate.into()), tier.deduction))
        });
        all as u32
    }

    /// Everything anew, with the divisor of [`Self::divisor_of`].
    pub fn rebuild(&mut self, scale: Scale, divisor: u32, instruments: &[Instrument]) {
        (self.scale, self.divisor) = (scale.get(), divisor);
        self.cash = i64::from(scale.get() / divisor);
        for (index, instrument) in instruments.iter().enumerate() {
            if instrument.bank.committed {
                self.prove(index, instrument, self.proved[index]);
                self.set_mark(index, instrument);
            }
        }
    }

    /// Highest mark that packed accounts are proved for.
    pub fn proved(&self, index: usize) -> u32 {
        self.proved[index]
    }

    /// Sets it; that they are is the caller's to see to.
    pub fn prove(&mut self, index: usize, instrument: &Instrument, mark: u32) {
        let weights = instrument.bank.live.header.weights;
        let rate = instrument.bank.live.tiers.as_slice().last().map_or(0, |tier| tier.rate);
        let most = (weights.long.max(weights.short).max(rate) / self.divisor).max(1);
        self.proved[index] = mark;
        // Tiers with a step between them are no maximum of lines: nobody who holds a lot of these is packed.
        let is_packed = instrument.rate_max.is_some() && index < Code::INSTRUMENTS;
        self.ceilings[index] = if is_packed { u64::from(mark.max(1)) * u64::from(most) } else { u64::MAX };
    }

    pub fn set_mark(&mut self, index: usize, instrument: &Instrument) {
        let mark = instrument.bank.mark.get();
        self.set(index, instrument, &Marks { long: mark, short: mark, tiers: mark, requirement: mark });
    }

    /// With marks between these two, no position is worth less, and none requires more.
    pub fn set_worst(&mut self, index: usize, instrument: &Instrument, low: u64, high: u64) {
        self.set(index, instrument, &Marks { long: low, short: high, tiers: high, requirement: high });
    }

    /// With marks between these two, no position is worth more, and none requires less: a requirement is the largest of its tiers' lines, so that none
    /// is less than the line of whichever tier at the lower mark.
    pub fn set_best(&mut self, index: usize, instrument: &Instrument, low: u64, high: u64) {
        self.set(index, instrument, &Marks { long: high, short: low, tiers: high, requirement: low });
    }

    fn set(&mut self, index: usize, instrument: &Instrument, marks: &Marks) {
        let (live, divisor) = (&instrument.bank.live, self.divisor);
        let tiers = live.tiers.as_slice();
        let a_lot = |mark: u64, rate: u32| (mark * u64::from(rate / divisor)) as i64;
        let weights = live.header.weights;
        self.slopes[index] = Slopes {
            long: a_lot(marks.long, weights.long) as u64,
            short: a_lot(marks.short, weights.short) as u64,
            requirement: tiers.last().map_or(0, |tier| a_lot(marks.requirement, tier.rate) as u64),
        };
        let Some(pieces) = self.pieces.get_mut(index * PIECES..(index + 1) * PIECES) else { return };
        let mark = marks.tiers;
        // The first number of lots whose notional is at the floor or above; at a mark of zero everything is in the first tier.
        let first = |floor: u64| if floor == 0 { 0 } else { floor.div_ceil(mark.max(1)).min(LOTS) };
        let (long, short) = pieces.split_at_mut(TIERS_MAX);
        let sides =
            [(long, a_lot(marks.long, weights.long), 1), (short, a_lot(marks.short, weights.short), -1)];
        for (pieces, value, side) in sides {
            pieces.fill(Piece::NONE);
            for (step, (tier, piece)) in
                tiers.iter().zip(pieces).enumerate().take_while(|(step, _)| *step == 0 || mark > 0)
            {
                let above = tiers.get(step + 1).filter(|_| mark > 0).map_or(LOTS, |above| first(above.floor));
                let from = first(tier.floor);
                if above <= from {
                    continue;
                }
                // One beyond i64 belongs to a tier that no packed account can reach: its floor is beyond the bound.
                let deduction = match u64::try_from(tier.deduction) {
                    Ok(deduction) => (deduction / u64::from(divisor)) as i64,
                    Err(_) => i64::try_from(tier.deduction / u128::from(divisor)).unwrap_or(i64::MAX),
                };
                *piece = Piece {
                    by: [value, side * a_lot(marks.requirement, tier.rate), side, side],
                    plus: [0, -deduction, -(from as i64), i64::MAX - (above as i64 - 1)],
                };
            }
        }
    }

    /// The code of the side and the tier that a position is in.
    pub fn code(&self, instrument: u16, size: i64) -> Code {
        let base = usize::from(instrument) * PIECES;
        let place = self.pieces[base..base + PIECES].iter().position(|piece| piece.has(size));
        Code((base + place.expect("the tiers leave no gap")) as u16)
    }

    #[inline(always)]
    pub fn four(&self, codes: &[Code; 4]) -> [&Piece; 4] {
        let [a, b, c, d] = *codes;
        [self.piece(a), self.piece(b), self.piece(c), self.piece(d)]
    }

    #[inline(always)]
    fn piece(&self, code: Code) -> &Piece {
        debug_assert!(code.index() < self.pieces.len());
        // SAFETY: a packed account's codes are of instruments that are there, and pieces never become fewer.
        unsafe { self.pieces.get_unchecked(code.index()) }
    }
}
