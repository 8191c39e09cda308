//! Safe zones: how far every mark may move before an account can change its severity. Integers, rounded inwards.

use model::margin::{Rungs, effective_requirement};

/// An account's verdict and how fast it can change.
#[derive(Clone, Copy, Debug)]
pub struct Stand {
    pub equity: i128,
    pub requirement: i128,
    pub offset: i128,
    /// Sum of |q| * P * w: E moves by at most this for a relative move of one.
    pub equity_slope: i128,
    /// Sum of |q| * P * the last tier's rate: the same for R.
    pub requirement_slope: i128,
}

/// Relative move of every mark, in 2^-32, within which the severity cannot change; `None` on a line.
pub fn reach(stand: &Stand, rungs: &Rungs) -> Option<u32> {
    let within = |slack: i128, slope: i128| {
        let most = slack / ((slope >> 32) + 1);
        u32::try_from(most).unwrap_or(u32::MAX)
    };
    if stand.equity < 0 {
        return Some(within(-stand.equity - 1, stand.equity_slope));
    }
    let effective = effective_requirement(stand.requirement, stand.offset);
    let mut reach = within(stand.equity, stand.equity_slope);
    for rung in rungs.rungs.map(i128::from) {
        let distance = (256 * stand.equity - effective * rung).abs();
        if distance == 0 {
            return None;
        }
        reach = reach.min(within(distance - 1, 256 * stand.equity_slope + rung * stand.requirement_slope));
    }
    Some(reach)
}

/// Lowest and highest mark of the zone around `mark`.
pub fn bounds(mark: u32, reach: u32) -> (u32, u32) {
    let step = ((u64::from(mark) * u64::from(reach)) >> 32) as u32; // less than the mark
    (mark - step, mark.saturating_add(step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_ends_before_the_nearest_line() {
        let stand = |equity| Stand {
            equity,
            requirement: 500,
            offset: 0,
            equity_slope: 10 << 32,
            requirement_slope: 0,
        };
        // (256 * 500 - 1) / (2,560 + 1), below 1,000 / 11; then 99 / 11 for an insolvent one.
        assert_eq!(reach(&stand(1_000), &Rungs::RESET), Some(49));
        assert_eq!(reach(&stand(-100), &Rungs::RESET), Some(9));
        assert_eq!(reach(&stand(500), &Rungs::RESET), None);
        assert_eq!(reach(&stand(0), &Rungs::RESET), Some(0));
        assert_eq!(bounds(1_000, 1 << 31), (500, 1_500));
        assert_eq!(bounds(u32::MAX, 1 << 31), (u32::MAX / 2 + 1, u32::MAX));
        assert_eq!(bounds(0, u32::MAX), (0, 0));
    }
}
