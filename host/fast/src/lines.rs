//! What a mark makes of a position, by instrument: products in `i64`, over the greatest common divisor of every rate.

use model::tier::TierSteps;
use model::units::{Scale, TIERS_MAX};

use crate::check::Word;
use crate::machine::Instrument;

/// No packed account's sums can leave this, whatever marks up to the ceilings come: half of what `i64` holds, for sums of both signs.
pub const BOUND: u64 = 1 << 61;

/// An instrument at its mark. Amounts are in quanta / (S / divisor).
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
pub struct Line {
    /// Value of a lot held long and held short.
    pub value: [i64; 2],
    /// Requirement of a lot in the first tier.
    pub requirement: i64,
    /// Most lots whose notional is in the first tier.
    pub first_lots: u64,
    /// Mark, in quanta a lot.
    pub mark: u32,
    /// Steps beyond the first.
    pub steps: u32,
    /// Most that E or R can change by for a lot, with the mark at its ceiling.
    pub ceiling: u64,
    /// How fast E and R of a lot, long or short, can change for a relative move of one: value by side, last rate.
    pub slope: [u64; 3],
}

/// `N * rate - deduction` of a tier, over the divisor.
#[derive(Clone, Copy, Debug, Default)]
struct Step {
    rate: i64,
    deduction: i64,
}

#[derive(Clone, Debug)]
pub struct Lines {
    pub lines: Vec<Line>,
    steps: Vec<[Step; TIERS_MAX]>,
    /// Highest mark that packed accounts are proved for.
    ceilings: Vec<u32>,
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
        Self {
            lines: vec![Line::default(); instruments],
            steps: vec![[Step::default(); TIERS_MAX]; instruments],
            ceilings: vec![0; instruments],
            scale: 1,
            divisor: 1,
            cash: 1,
        }
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
                self.commit(index, instrument);
            }
        }
    }

    fn commit(&mut self, index: usize, instrument: &Instrument) {
        let tiers: &TierSteps = &instrument.bank.live.tiers;
        for (step, tier) in self.steps[index].iter_mut().zip(tiers.as_slice()) {
            // A deduction beyond i64 belongs to a step that no packed account can reach: its floor is beyond the bound.
            let deduction = i64::try_from(tier.deduction / u128::from(self.divisor)).unwrap_or(i64::MAX);
            *step = Step { rate: i64::from(tier.rate / self.divisor), deduction };
        }
        self.lines[index].steps = tiers.count as u32;
        self.set_ceiling(index, instrument, self.ceilings[index]);
        self.set_mark(index, instrument);
    }

    pub fn ceiling(&self, index: usize) -> u32 {
        self.ceilings[index]
    }

    pub fn set_ceiling(&mut self, index: usize, instrument: &Instrument, mark: u32) {
        let weights = instrument.bank.live.header.weights;
        let rate = instrument.bank.live.tiers.as_slice().last().map_or(0, |tier| tier.rate);
        let most = weights.long.max(weights.short).max(rate) / self.divisor;
        self.ceilings[index] = mark;
        // Tiers with a step between them are no maximum of lines: nobody who holds a lot of these is packed.
        self.lines[index].ceiling =
            if instrument.rate_max.is_some() { u64::from(mark.max(1)) * u64::from(most) } else { u64::MAX };
    }

    pub fn set_mark(&mut self, index: usize, instrument: &Instrument) {
        let header = &instrument.bank.live.header;
        let steps = &self.steps[index];
        let last = instrument.bank.live.tiers.count.saturating_sub(1);
        let mark = instrument.bank.mark.get();
        let line = &mut self.lines[index];
        line.mark = mark as u32;
        line.value = [header.weights.long, header.weights.short]
            .map(|weight| (mark * u64::from(weight / self.divisor)) as i64);
        line.requirement = mark as i64 * steps[0].rate;
        let floor = instrument.bank.live.tiers.as_slice().get(1).map(|tier| tier.floor);
        line.first_lots = match (floor, mark) {
            (Some(floor), 1..) => (floor - 1) / mark,
            _ => u64::MAX,
        };
        line.slope = [line.value[0] as u64, line.value[1] as u64, mark * steps[last].rate as u64];
    }

    /// Requirement of a position, whose tiers make a maximum of lines.
    #[inline]
    pub fn tiered(&self, instrument: u16, lots: u64) -> i64 {
        let line = &self.lines[usize::from(instrument)];
        let notional = (lots * u64::from(line.mark)) as i64;
        let steps = &self.steps[usize::from(instrument)][..line.steps as usize];
        steps.iter().map(|step| notional * step.rate - step.deduction).max().unwrap_or(0)
    }
}
