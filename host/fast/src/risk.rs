//! Liquidation at risk: what every account would be at other marks, formed as a check is.

use model::margin::{self, Severity};
use model::units::{Price, fits_accumulator};

use crate::check::Batch;
use crate::lane::Lane;
use crate::machine::Machine;
use crate::packed::Kind;
use crate::segment::BLOCK;

/// Accounts at other marks than those that are.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct AtRisk {
    /// Accounts by severity, without the bad ones and those whose E or R would not fit at such marks.
    pub accounts: [u64; Severity::ALL.len()],
    /// What the insolvent ones are short of together, quanta / S.
    pub shortfall: i128,
}

impl AtRisk {
    fn add(&mut self, severity: Severity, equity: i128) {
        self.accounts[severity as usize] += 1;
        self.shortfall -= equity.min(0);
    }

    fn and(self, other: Self) -> Self {
        let accounts = std::array::from_fn(|at| self.accounts[at] + other.accounts[at]);
        Self { accounts, shortfall: self.shortfall + other.shortfall }
    }
}

impl Machine {
    /// Every account with the mark of each instrument, by index, moved by so many thousandths: rounded down, not below zero, and not beyond the instrument's
    /// `price_bits`. Instruments that `permille` does not reach stay where they are. Nothing that a record could see changes.
    pub fn at_risk(&mut self, permille: &[i32]) -> AtRisk {
        let mut shocked = self.instruments.clone();
        for (index, (instrument, &permille)) in shocked.iter_mut().zip(permille).enumerate() {
            let bank = &mut instrument.bank;
            if !bank.committed {
                continue;
            }
            let moved = u128::from(bank.mark.get()) * (1_000 + i128::from(permille)).max(0) as u128 / 1_000;
            let most = u32::MAX >> (32 - bank.live.header.price_bits);
            let mark = u32::try_from(moved).unwrap_or(u32::MAX).min(most);
            bank.mark = Price::new(mark.into()).expect("a mark of the instrument's bits");
            if mark > self.lines.proved(index) {
                self.prove_higher(index, mark);
            }
        }
        let mut lines = self.lines.clone();
        for (index, instrument) in shocked.iter().enumerate().filter(|(_, shocked)| shocked.bank.committed) {
            lines.set_mark(index, instrument);
        }
        let (now, simd, rungs) = (self.instruments.clone(), self.simd, self.rungs);
        let one = |lane: &mut Lane| {
            let (mut all, mut batch) = (AtRisk::default(), Batch::new());
            for first in (0..lane.rows.len()).step_by(BLOCK) {
                let count = BLOCK.min(lane.rows.len() - first);
                lane.judge(simd, (count, |at| first + at), &lines, &rungs, &mut batch);
                for at in 0..count {
                    let row = &lane.rows[first + at];
                    if row.kind != Kind::Wide {
                        all.add(batch.severity(at), lines.full(batch.word(at)).0);
                        continue;
                    }
                    let account = &lane.wide[row.place()];
                    let (equity, requirement) = account.word_at(&now, &shocked);
                    if !account.bad && fits_accumulator(equity) && fits_accumulator(requirement) {
                        all.add(margin::severity(equity, requirement, account.offset, &rungs), equity);
                    }
                }
            }
            all
        };
        self.by_lane(one).into_iter().fold(AtRisk::default(), AtRisk::and)
    }
}
