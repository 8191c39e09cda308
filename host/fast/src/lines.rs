//! What a mark makes of a position, by instrument and tier: products in `i64`, over the greatest common divisor of every rate.

use model::units::{Scale, TIERS_MAX};

use crate::check::Word;
use crate::machine::Instrument;

/// No packed account's sums can leave this, whatever marks up to the ceilings come: half of what `i64` holds, for sums of both signs.
pub const BOUND: u64 = 1 << 61;

/// An instrument and the tier that a position in it was last seen in: a packed account has these instead of indices.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(transparent)]
pub struct Code(u16);

impl Code {
    /// Instruments beyond have no codes; who holds one is wide.
    pub const INSTRUMENTS: usize = 1 << 12;

    pub fn new(instrument: u16, tier: usize) -> Self {
        Self(instrument << 4 | tier as u16)
    }

    pub const fn instrument(self) -> u16 {
        self.0 >> 4
    }

    #[inline(always)]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A tier of an instrument at its mark. Amounts are in quanta / (S / divisor).
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub struct Piece {
    /// Value of a lot held long and held short: also how fast E moves for a relative move of one.
    pub value: [i64; 2],
    /// Requirement of a lot, and what is taken from all of them.
    pub requirement: i64,
    pub deduction: i64,
    /// Fewest lots whose notional is in the tier, and how many more may be.
    pub first: u64,
    pub more: u64,
    /// Requirement of a lot in the last tier: how fast R can move for a relative move of one.
    pub steepest: u64,
}

const _: () = assert!(size_of::<Piece>() == 64);

impl Piece {
    /// No position is in it.
    const NONE: Self =
        Self { value: [0; 2], requirement: 0, deduction: 0, first: u64::MAX, more: 0, steepest: 0 };
}

#[derive(Clone, Debug)]
pub struct Lines {
    /// By code.
    pub pieces: Vec<Piece>,
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
            pieces: vec![Piece::NONE; instruments.clamp(1, Code::INSTRUMENTS) * TIERS_MAX],
            ceilings: vec![u64::MAX; instruments],
            proved: vec![0; instruments],
            scale: 1,
            divisor: 1,
            cash: 1,
        };
        // A place of a row without a position is instrument 0, tier 0, size 0.
        lines
            .pieces
            .iter_mut()
            .step_by(TIERS_MAX)
            .for_each(|piece| (piece.first, piece.more) = (0, u64::MAX));
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
        let most = weights.long.max(weights.short).max(rate) / self.divisor;
        self.proved[index] = mark;
        // Tiers with a step between them are no maximum of lines: nobody who holds a lot of these is packed.
        let is_packed = instrument.rate_max.is_some() && index < Code::INSTRUMENTS;
        self.ceilings[index] = if is_packed { u64::from(mark.max(1)) * u64::from(most) } else { u64::MAX };
    }

    pub fn set_mark(&mut self, index: usize, instrument: &Instrument) {
        let base = index * TIERS_MAX;
        if base >= self.pieces.len() {
            return;
        }
        let (live, mark, divisor) = (&instrument.bank.live, instrument.bank.mark.get(), self.divisor);
        let tiers = live.tiers.as_slice();
        let a_lot = |rate: u32| mark * u64::from(rate / divisor);
        let value = [live.header.weights.long, live.header.weights.short].map(|weight| a_lot(weight) as i64);
        let steepest = tiers.last().map_or(0, |tier| a_lot(tier.rate));
        // The first number of lots whose notional is at the floor or above; at a mark of zero everything is in the first tier.
        let first = |floor: u64| if floor == 0 { 0 } else { floor.div_ceil(mark.max(1)) };
        for (step, piece) in self.pieces[base..base + TIERS_MAX].iter_mut().enumerate() {
            let Some(tier) = tiers.get(step).filter(|_| step == 0 || mark > 0) else {
                *piece = Piece::NONE;
                continue;
            };
            let above = tiers.get(step + 1).filter(|_| mark > 0).map_or(u64::MAX, |above| first(above.floor));
            let from = first(tier.floor);
            *piece = Piece {
                value,
                requirement: a_lot(tier.rate) as i64,
                // One beyond i64 belongs to a tier that no packed account can reach: its floor is beyond the bound.
                deduction: match u64::try_from(tier.deduction) {
                    Ok(deduction) => (deduction / u64::from(divisor)) as i64,
                    Err(_) => i64::try_from(tier.deduction / u128::from(divisor)).unwrap_or(i64::MAX),
                },
                first: from,
                more: above.saturating_sub(1).saturating_sub(from),
                steepest,
            };
            if above <= from {
                (piece.first, piece.more) = (u64::MAX, 0);
            }
        }
    }

    /// The code of the tier that so many lots are in.
    pub fn code(&self, instrument: u16, lots: u64) -> Code {
        let base = usize::from(instrument) * TIERS_MAX;
        let is_in = |piece: &Piece| lots.wrapping_sub(piece.first) <= piece.more;
        let tier = self.pieces[base..base + TIERS_MAX].iter().position(is_in);
        Code::new(instrument, tier.expect("the tiers leave no gap"))
    }
}
