//! Equity, requirement and severity of one account, in quanta / scale, exact: nothing is rounded before the verdict.

use crate::tier::TierSteps;
use crate::units::{Price, RUNG_MAX, Scale, Size};

/// Weight of a position's value by its sign, over the scale. Both are S for perpetuals and futures.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Weights {
    pub long: u32,
    pub short: u32,
}

impl Weights {
    pub const fn of(self, size: Size) -> u32 {
        if size.get() < 0 { self.short } else { self.long }
    }
}

/// Value of a position in quanta / scale: `q * P * w`.
pub const fn value(size: Size, price: Price, weights: Weights) -> i128 {
    size.get() as i128 * price.get() as i128 * weights.of(size) as i128
}

/// Maintenance requirement of a position in quanta / scale.
pub fn requirement(size: Size, price: Price, tiers: &TierSteps) -> i128 {
    tiers.requirement(size.notional(price))
}

/// How bad it is. Order is meaning: later is worse.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub enum Severity {
    #[default]
    Healthy = 0,
    Warned = 1,
    Liquidatable = 2,
    Takeover = 3,
    Insolvent = 4,
}

impl Severity {
    pub const ALL: [Self; 5] =
        [Self::Healthy, Self::Warned, Self::Liquidatable, Self::Takeover, Self::Insolvent];

    /// The severity of a wire code; `None` above 4.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

/// Where the severities start, in 256ths of the effective requirement, and whether the line itself counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rungs {
    /// Warned, liquidatable, takeover.
    pub rungs: [u32; 3],
    /// True: `256*E <= R'*rung`; false: `<`.
    pub equality: bool,
}

impl Rungs {
    pub const RESET: Self = Self { rungs: [256; 3], equality: false };

    /// True if every rung is 1 to 1,023 and they do not rise from 1 to 3.
    pub const fn is_ordered(&self) -> bool {
        let [warned, liquidatable, takeover] = self.rungs;
        warned >= liquidatable && liquidatable >= takeover && takeover >= 1 && warned <= RUNG_MAX
    }
}

/// Effective requirement `R' = max(R + offset, 0)`.
pub const fn effective_requirement(requirement: i128, offset: i128) -> i128 {
    let sum = requirement + offset;
    if sum > 0 { sum } else { 0 }
}

/// Verdict on an account: equity and requirement in quanta / scale, within the accumulators' 88 bits.
pub const fn severity(equity: i128, requirement: i128, offset: i128, rungs: &Rungs) -> Severity {
    if equity < 0 {
        return Severity::Insolvent;
    }
    let effective = effective_requirement(requirement, offset);
    if effective == 0 {
        return Severity::Healthy;
    }
    let scaled = equity * 256;
    let [warned, liquidatable, takeover] = rungs.rungs;
    if crossed(scaled, effective * takeover as i128, rungs.equality) {
        Severity::Takeover
    } else if crossed(scaled, effective * liquidatable as i128, rungs.equality) {
        Severity::Liquidatable
    } else if crossed(scaled, effective * warned as i128, rungs.equality) {
        Severity::Warned
    } else {
        Severity::Healthy
    }
}

const fn crossed(equity: i128, line: i128, equality: bool) -> bool {
    equity < line || (equality && equity == line)
}

/// Equity of an account that holds only cash: `S * cash`.
pub const fn cash_equity(cash: i64, scale: Scale) -> i128 {
    cash as i128 * scale.get() as i128
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_start_at_their_rungs() {
        let rungs = |equality| Rungs { rungs: [300, 256, 200], equality };
        let at = |equity, equality| severity(equity, 900, 100, &rungs(equality));
        use Severity::{Healthy, Insolvent, Liquidatable, Takeover, Warned};
        for (equity, strict) in [
            (-1, Insolvent),
            (0, Takeover),
            (781, Takeover),
            (782, Liquidatable),
            (999, Liquidatable),
            (1_000, Warned),
            (1_171, Warned),
            (1_172, Healthy),
        ] {
            assert_eq!(at(equity, false), strict, "{equity}");
            let equal = if equity == 1_000 { Liquidatable } else { strict };
            assert_eq!(at(equity, true), equal, "{equity}, the line counts");
        }
        assert_eq!(
            (severity(0, 5, -5, &Rungs::RESET), severity(0, 5, -4, &Rungs::RESET)),
            (Healthy, Takeover)
        );
    }

    #[test]
    fn only_a_short_has_the_short_weight() {
        let weights = Weights { long: 1, short: 2 };
        let of = [-1, 0, 1].map(|lots| weights.of(Size::new(lots).unwrap()));
        assert_eq!(of, [2, 1, 1]);
    }
}
