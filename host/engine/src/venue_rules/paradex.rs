//! Paradex: an account is reduced by the same share of every position, as small as brings it back under a margin ratio.

use std::num::NonZeroU32;

use model::units::Scale;

/// What a share must reach, and what it costs. All over the scale.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ShareTerms {
    /// Margin ratio, requirement over equity, that the account must be below.
    pub target_ratio: u32,
    /// Shares are multiples of this.
    pub step: NonZeroU32,
    /// Penalty per maintenance requirement of what is closed.
    pub penalty: u32,
}

/// An account after one share of every position was closed at its mark, in the unit of the account's equity.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reduced {
    /// Over the scale.
    pub share: u32,
    pub penalty: i128,
    pub equity: i128,
    pub requirement: i128,
}

/// Closes `share`: equity pays the penalty, the requirement falls by the share. Penalty and requirement are rounded up.
/// `equity` and `requirement` are in one unit, the requirement from 0 to 2^80.
pub fn reduce(equity: i128, requirement: i128, share: u32, penalty: u32, scale: Scale) -> Reduced {
    let whole = i128::from(scale.get());
    let ceil = |value: i128, of: i128| (value + of - 1).div_euclid(of);
    let penalty = ceil(requirement * i128::from(share) * i128::from(penalty), whole * whole);
    let requirement = ceil(requirement * (whole - i128::from(share)), whole);
    Reduced { share, penalty, equity: equity - penalty, requirement }
}

/// The account after the smallest share that brings its margin ratio below the target; after all of it if none does.
///
/// Source: Paradex's documents on liquidation, whose example takes the smallest multiple of 20 %.
pub fn smallest_share(equity: i128, requirement: i128, terms: &ShareTerms, scale: Scale) -> Reduced {
    let after = |share| reduce(equity, requirement, share, terms.penalty, scale);
    let is_below = |reduced: &Reduced| {
        reduced.requirement * i128::from(scale.get()) < reduced.equity * i128::from(terms.target_ratio)
    };
    (terms.step.get()..scale.get())
        .step_by(terms.step.get() as usize)
        .map(after)
        .find(is_below)
        .unwrap_or_else(|| after(scale.get()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: ShareTerms =
        ShareTerms { target_ratio: 90, step: NonZeroU32::new(20).unwrap(), penalty: 50 };

    fn smallest(equity: i128, requirement: i128, terms: &ShareTerms) -> Reduced {
        smallest_share(equity, requirement, terms, Scale::new(100).unwrap())
    }

    #[test]
    fn the_smallest_multiple_below_the_target_is_taken() {
        // 20 %: 7,104 over 8,000 - 888 is 99.9 %. 40 %: 5,328 over 8,000 - 1,776 is 85.6 %.
        let reduced = Reduced { share: 40, penalty: 1_776, equity: 6_224, requirement: 5_328 };
        assert_eq!(smallest(8_000, 8_880, &TERMS), reduced);
        let free = ShareTerms { penalty: 0, ..TERMS };
        // Exactly the target is not below it: 7,200 over 8,000.
        assert_eq!(smallest(8_000, 9_000, &free).share, 40);
        assert_eq!(smallest(8_001, 9_000, &free).share, 20);
        assert_eq!(smallest(8_000, 9_000, &ShareTerms { target_ratio: 91, ..free }).share, 20);
    }

    #[test]
    fn an_account_that_no_share_restores_closes_whole() {
        let reduced = Reduced { share: 100, penalty: 5_000, equity: -4_000, requirement: 0 };
        assert_eq!(smallest(1_000, 10_000, &TERMS), reduced);
        assert_eq!(smallest(-1, 10_000, &TERMS).share, 100);
        // Steps that do not divide the whole end at it.
        assert_eq!(
            smallest(1_000, 10_000, &ShareTerms { step: NonZeroU32::new(30).unwrap(), ..TERMS }).share,
            100
        );
    }

    #[test]
    fn penalty_and_requirement_are_rounded_up() {
        let scale = Scale::new(100).unwrap();
        assert_eq!(
            reduce(10, 3, 20, 50, scale),
            Reduced { share: 20, penalty: 1, equity: 9, requirement: 3 }
        );
        assert_eq!(
            reduce(10, 0, 20, 50, scale),
            Reduced { share: 20, penalty: 0, equity: 10, requirement: 0 }
        );
        assert_eq!(
            reduce(10, 100, 1, 100, scale),
            Reduced { share: 1, penalty: 1, equity: 9, requirement: 99 }
        );
        assert_eq!(
            reduce(10, 101, 1, 100, scale),
            Reduced { share: 1, penalty: 2, equity: 8, requirement: 100 }
        );
    }
}
