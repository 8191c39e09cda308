//! Initial margin: what an account must have to open or add to a position. Maintenance margin is not scaled by open interest.

use ethnum::I256;
use model::tier::TierSteps;
use model::units::Scale;

use crate::rules::OpenInterest;

/// What raises the initial requirement of a position above the table's.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct InitialTerms {
    /// Rate that the user chose, over the scale; 0: none.
    pub chosen_rate: u32,
    /// Open interest of the market, quanta of notional of one side.
    pub open_interest: u128,
    pub caps: OpenInterest,
}

/// Initial requirement of `notional` quanta, quanta / scale: the larger of the user's rate and the table's requirement as raised by open
/// interest, `R + (N*S - R) * clamp((OI - lower) / (upper - lower), 0, 1)`, rounded up. Exact without open-interest scaling.
///
/// `notional` is below 2^72, as sizes and prices are. Source: dYdX v4 open-interest scaled initial margin, carried over to tiers.
pub fn initial_requirement_ceil(
    notional: u128,
    tiers: &TierSteps,
    terms: &InitialTerms,
    scale: Scale,
) -> i128 {
    let table = tiers.requirement(notional);
    let whole = (notional * u128::from(scale.get())) as i128;
    let raised = table + raise_ceil(whole - table, terms.open_interest, terms.caps);
    raised.max((notional * u128::from(terms.chosen_rate)) as i128)
}

/// The part of `room` that open interest adds, rounded up.
fn raise_ceil(room: i128, open_interest: u128, OpenInterest { lower, upper }: OpenInterest) -> i128 {
    if upper == 0 || open_interest <= u128::from(lower) {
        return 0;
    }
    let Some(span) = upper.checked_sub(lower).filter(|&span| span > 0) else { return room };
    let above = open_interest.min(upper.into()) - u128::from(lower);
    let (product, span) = (I256::from(room) * I256::from(above), I256::from(span));
    ((product + span - 1).div_euclid(span)).as_i128()
}

/// A requirement as whole quanta, rounded up: against the account.
pub fn margin_ceil(requirement: i128, scale: Scale) -> i128 {
    let scale = i128::from(scale.get());
    requirement.div_euclid(scale) + i128::from(requirement.rem_euclid(scale) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::tier::TierTable;
    use proptest::prelude::*;

    const CAPS: OpenInterest = OpenInterest { lower: 1_000, upper: 4_000 };

    fn scale() -> Scale {
        Scale::new(1_000).unwrap()
    }

    /// 10 % below 500 quanta, 20 % above: 50 quanta at the edge.
    fn table() -> TierTable {
        TierTable::new(scale(), &[(0, 100), (500, 200)]).unwrap()
    }

    fn required(notional: u128, chosen_rate: u32, open_interest: u128, caps: OpenInterest) -> i128 {
        let terms = InitialTerms { chosen_rate, open_interest, caps };
        initial_requirement_ceil(notional, table().steps(), &terms, scale())
    }

    #[test]
    fn open_interest_raises_the_table_to_the_whole_notional() {
        // 600 quanta ask 70; the room to the whole is 530.
        for (open_interest, expected) in [
            (0, 70_000),
            (1_000, 70_000),
            // 530,000 / 3,000 = 176.67, up.
            (1_001, 70_177),
            (2_500, 335_000),
            (3_999, 599_824),
            (4_000, 600_000),
            (4_001, 600_000),
            (u128::MAX, 600_000),
        ] {
            assert_eq!(required(600, 0, open_interest, CAPS), expected, "{open_interest}");
        }
    }

    #[test]
    fn caps_of_zero_switch_it_off_and_equal_caps_are_a_step() {
        assert_eq!(required(600, 0, u128::MAX, OpenInterest::default()), 70_000);
        assert_eq!(required(600, 0, 9, OpenInterest { lower: 5, upper: 0 }), 70_000);
        for lower in [7, 8] {
            let step = OpenInterest { lower, upper: 7 };
            assert_eq!(required(600, 0, lower.into(), step), 70_000);
            assert_eq!(required(600, 0, u128::from(lower) + 1, step), 600_000);
        }
    }

    #[test]
    fn the_larger_of_the_choice_and_the_rest_counts() {
        // 70 quanta of 600 are 11.67 %.
        assert_eq!(required(600, 116, 0, CAPS), 70_000);
        assert_eq!(required(600, 117, 0, CAPS), 70_200);
        assert_eq!(required(600, 117, 1_002, CAPS), 70_354);
        assert_eq!(required(600, 1_000, 4_000, CAPS), 600_000);
        assert_eq!(required(0, 1_000, 4_000, CAPS), 0);
    }

    proptest! {
        #[test]
        fn the_requirement_rises_with_open_interest_and_stays_between_table_and_notional(notional in 0u128..1 << 72, open in 0u128..1 << 64, more in 0u128..1 << 40, lower in 0u64..1 << 50, span in 0u64..1 << 50) {
            let caps = OpenInterest { lower, upper: lower + span };
            let (less, more) = (required(notional, 0, open, caps), required(notional, 0, open + more, caps));
            prop_assert!(table().requirement(notional) <= less && less <= more);
            prop_assert!(more <= notional as i128 * 1_000);
        }
    }

    #[test]
    fn whole_quanta_are_rounded_up() {
        for (requirement, quanta) in
            [(0, 0), (1, 1), (999, 1), (1_000, 1), (1_001, 2), (-999, 0), (-1_000, -1)]
        {
            assert_eq!(margin_ceil(requirement, scale()), quanta, "{requirement}");
        }
    }
}
