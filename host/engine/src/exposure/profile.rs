//! Liquidation at risk: what would be liquidated, and what would be lost, at each of a list of shocks.

use model::margin::Severity;
use serde::Serialize;

use super::line::Line;
use super::shock::{ONE, Scope, Shocked};
use crate::state::Engine;

/// Shocks of a profile, permille, ascending; none is 0.
pub const STEPS: [i32; 40] = [
    -500, -450, -400, -350, -300, -250, -200, -190, -180, -170, -160, -150, -140, -130, -120, -110, -100,
    -90, -80, -70, -60, -50, -40, -30, -20, -10, 10, 20, 30, 40, 50, 60, 80, 100, 150, 200, 250, 300, 400,
    500,
];
const _: () = assert!(STEPS[0] > -1_000 && STEPS.len() < Places::BITS as usize);

/// Bits of [`STEPS`].
pub(super) type Places = u64;

/// What a mark is multiplied with at a step, thousandths.
pub(super) fn factor(step: usize) -> i128 {
    ONE + i128::from(STEPS[step])
}

/// By step of [`STEPS`].
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Profile {
    /// Accounts with a verdict of liquidatable or worse, and their gross notional at the present marks, quanta.
    pub accounts: Vec<u64>,
    pub notional: Vec<u128>,
    /// Of them those that are insolvent, and what all of those are short of together, exact, thousandths of quanta / scale.
    pub insolvent: Vec<u64>,
    pub shortfall: Vec<i128>,
}

impl Default for Profile {
    fn default() -> Self {
        let count = STEPS.len();
        Self {
            accounts: vec![0; count],
            notional: vec![0; count],
            insolvent: vec![0; count],
            shortfall: vec![0; count],
        }
    }
}

impl Profile {
    /// What the insolvent accounts are short of at a step, quanta, rounded up.
    pub fn shortfall_ceil(&self, step: usize, scale: u32) -> u128 {
        -(-self.shortfall[step]).div_euclid(ONE * i128::from(scale)) as u128
    }
}

/// Where an account falls.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Falls {
    pub liquidated: Places,
    pub insolvent: Places,
    /// As of [`Line::equity`]; 0 if it is nowhere insolvent.
    pub equity: [i128; 2],
}

impl Falls {
    /// Of an account along a line whose variable is the factor.
    pub fn of(line: &Line) -> Self {
        let last = STEPS.len() - 1;
        let before = |y: i128| STEPS.partition_point(|&permille| ONE + i128::from(permille) < y);
        let below = |count: usize| ((1u128 << count) - 1) as Places;
        let liquidated = match line.safe(factor(0), factor(last)) {
            Some((first, last)) => below(before(first)) | below(STEPS.len()) & !below(before(last + 1)),
            None => below(STEPS.len()),
        };
        let is_insolvent = |step: &usize| liquidated >> step & 1 == 1 && line.is_insolvent(factor(*step));
        Self::new(liquidated, (0..STEPS.len()).filter(is_insolvent).map(|step| 1 << step).sum(), line.equity)
    }

    pub fn new(liquidated: Places, insolvent: Places, equity: [i128; 2]) -> Self {
        Self { liquidated, insolvent, equity: if insolvent == 0 { [0, 0] } else { equity } }
    }
}

/// What changes from one step to the next.
#[derive(Clone, Copy, Debug, Default)]
struct Change {
    accounts: i128,
    notional: i128,
    insolvent: i128,
    equity: [i128; 2],
}

/// A profile as differences: an account that falls at a run of steps costs two of them. With 2^24 accounts no sum leaves 128 bits: an
/// account's E has 98 in thousandths.
#[derive(Clone, Debug)]
pub(super) struct Differences([Change; STEPS.len() + 1]);

impl Default for Differences {
    fn default() -> Self {
        Self([Change::default(); STEPS.len() + 1])
    }
}

/// Where runs of steps begin (+1) and end (-1).
fn ends(places: Places) -> impl Iterator<Item = (usize, i128)> {
    let mut left = places ^ places << 1;
    std::iter::from_fn(move || {
        let at = left.trailing_zeros();
        left &= left.wrapping_sub(1);
        (at < Places::BITS).then(|| (at as usize, if places >> at & 1 == 1 { 1 } else { -1 }))
    })
}

impl Differences {
    /// An account falls, or with a `sign` of -1 does no more.
    pub fn add(&mut self, falls: &Falls, notional: u128, sign: i128) {
        for (at, end) in ends(falls.liquidated) {
            self.0[at].accounts += sign * end;
            self.0[at].notional += sign * end * notional as i128;
        }
        for (at, end) in ends(falls.insolvent) {
            let change = &mut self.0[at];
            change.insolvent += sign * end;
            change.equity[0] += sign * end * falls.equity[0];
            change.equity[1] += sign * end * falls.equity[1];
        }
    }

    pub fn sum(&self) -> Profile {
        let (mut profile, mut sum) = (Profile::default(), Change::default());
        for (step, change) in self.0[..STEPS.len()].iter().enumerate() {
            sum.accounts += change.accounts;
            sum.notional += change.notional;
            sum.insolvent += change.insolvent;
            sum.equity = [sum.equity[0] + change.equity[0], sum.equity[1] + change.equity[1]];
            profile.accounts[step] = sum.accounts as u64;
            profile.notional[step] = sum.notional as u128;
            profile.insolvent[step] = sum.insolvent as u64;
            profile.shortfall[step] = -(sum.equity[0] + factor(step) * sum.equity[1]);
        }
        profile
    }
}

impl Engine {
    /// The profile, each account judged at each step. For tests and benches: [`Exposure`](super::Exposure) gives the same with less work.
    pub fn profile_by_force(&self, scope: Scope) -> Profile {
        let mut profile = Profile::default();
        for index in self.exposed(scope) {
            let notional = self.notional(index);
            for (step, &permille) in STEPS.iter().enumerate() {
                let Shocked { equity, verdict } = self.shocked(index, scope, permille);
                if verdict >= Severity::Liquidatable {
                    profile.accounts[step] += 1;
                    profile.notional[step] += notional;
                }
                if verdict == Severity::Insolvent {
                    profile.insolvent[step] += 1;
                    profile.shortfall[step] -= equity;
                }
            }
        }
        profile
    }

    /// The profile, computed anew.
    pub fn profile(&self, scope: Scope) -> Profile {
        let mut differences = Differences::default();
        for index in self.exposed(scope) {
            differences.add(&self.falls(index, scope), self.notional(index), 1);
        }
        differences.sum()
    }

    /// Accounts of a profile: all, or those that hold what moves.
    fn exposed(&self, scope: Scope) -> impl Iterator<Item = usize> {
        (0..self.ledger.accounts()).filter(move |&index| match scope {
            Scope::All => true,
            Scope::Only(instrument) => self.ledger.margin(index).size(instrument) != 0,
        })
    }

    /// Where the account falls: along its line, or where that does not hold step by step.
    fn falls(&self, index: usize, scope: Scope) -> Falls {
        let moving = self.moving(index);
        if !self.is_concave(index) {
            return self.falls_by_step(index, scope, moving.equity(scope));
        }
        match scope {
            Scope::All => Falls::of(&moving.all(self)),
            Scope::Only(instrument) => {
                let place = moving.positions.iter().position(|position| position.0 == instrument);
                Falls::of(&moving.only(self, place.expect("it holds what moves")))
            }
        }
    }

    pub(super) fn falls_by_step(&self, index: usize, scope: Scope, equity: [i128; 2]) -> Falls {
        let (mut liquidated, mut insolvent) = (0, 0);
        for (step, &permille) in STEPS.iter().enumerate() {
            let verdict = self.shocked(index, scope, permille).verdict;
            liquidated |= Places::from(verdict >= Severity::Liquidatable) << step;
            insolvent |= Places::from(verdict == Severity::Insolvent) << step;
        }
        Falls::new(liquidated, insolvent, equity)
    }
}
