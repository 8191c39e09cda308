//! Safe zones: how far every mark may move before an account can change its severity. Integers, rounded inwards.

use model::margin::{Rungs, Severity, effective_requirement};

/// An account's verdict and how fast it can change. Any unit, the same for all.
#[derive(Clone, Copy, Debug)]
pub struct Stand {
    pub equity: i128,
    pub requirement: i128,
    pub offset: i128,
    pub severity: Severity,
    /// Sum of |q| * P * w: E moves by at most this for a relative move of one.
    pub equity_slope: i128,
    /// Sum of |q| * P * the last tier's rate: the same for R.
    pub requirement_slope: i128,
}

/// Relative move of every mark, in 2^-32, within which the severity cannot change; `None` on a line.
pub fn reach(stand: &Stand, rungs: &Rungs) -> Option<u32> {
    let effective = effective_requirement(stand.requirement, stand.offset);
    let to_line = |rung: u32| {
        let rung = i128::from(rung);
        let distance = (256 * stand.equity - effective * rung).abs();
        let slope = 256 * stand.equity_slope + rung * stand.requirement_slope;
        (distance != 0).then(|| within(distance - 1, slope))
    };
    let [warned, liquidatable, takeover] = rungs.rungs;
    let to_zero = within(stand.equity, stand.equity_slope);
    if !rungs.is_ordered() && stand.severity != Severity::Insolvent {
        return Some(to_line(warned)?.min(to_line(liquidatable)?).min(to_line(takeover)?).min(to_zero));
    }
    match stand.severity {
        Severity::Healthy => to_line(warned),
        Severity::Warned => Some(to_line(warned)?.min(to_line(liquidatable)?)),
        Severity::Liquidatable => Some(to_line(liquidatable)?.min(to_line(takeover)?)),
        Severity::Takeover => Some(to_line(takeover)?.min(to_zero)),
        Severity::Insolvent => Some(within(-stand.equity - 1, stand.equity_slope)),
    }
}

/// What `slack` allows, in 2^-32 of the slope, rounded down.
fn within(slack: i128, slope: i128) -> u32 {
    let slope = (slope >> 32) + 1;
    let most = match (u64::try_from(slack), u64::try_from(slope)) {
        (Ok(slack), Ok(slope)) => u128::from(slack / slope),
        _ => (slack / slope) as u128,
    };
    u32::try_from(most).unwrap_or(u32::MAX)
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
        let at = |equity, severity| {
            let stand = Stand {
                equity,
                requirement: 500,
                offset: 0,
                severity,
                equity_slope: 10 << 32,
                requirement_slope: 0,
            };
            reach(&stand, &Rungs::RESET)
        };
        // (256 * 500 - 1) / (2,560 + 1); then 99 / 11 for an insolvent one.
        assert_eq!(at(1_000, Severity::Healthy), Some(49));
        assert_eq!(at(-100, Severity::Insolvent), Some(9));
        assert_eq!(at(500, Severity::Healthy), None);
        assert_eq!(at(0, Severity::Takeover), Some(0));
        assert_eq!(bounds(1_000, 1 << 31), (500, 1_500));
        assert_eq!(bounds(u32::MAX, 1 << 31), (u32::MAX / 2 + 1, u32::MAX));
        assert_eq!(bounds(0, u32::MAX), (0, 0));
    }

    /// Whatever is tried within the reach, the severity stays; a move of every mark changes E and R by at most their slopes.
    #[test]
    fn no_severity_changes_within_the_reach() {
        let mut state = 5u64;
        let mut draw = |bits: u32| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            i128::from(state >> 20) & ((1 << bits) - 1)
        };
        let mut reached = [0u32; 5];
        for turn in 0..200_000 {
            let rungs = [300 + draw(7) as u32, 256, 100 + draw(7) as u32];
            let rungs = Rungs { rungs, equality: turn % 2 == 0 };
            let (requirement, offset) = (draw(36), draw(34) - (1 << 33));
            let effective = effective_requirement(requirement, offset);
            let equity = effective + draw(34) - (1 << 33) - draw(35) * i128::from(turn % 7 == 0);
            let severity = model::margin::severity(equity, requirement, offset, &rungs);
            let (equity_slope, requirement_slope) = (draw(42), draw(36));
            let stand = Stand { equity, requirement, offset, severity, equity_slope, requirement_slope };
            let Some(reach) = reach(&stand, &rungs) else { continue };
            reached[severity as usize] += u32::from(reach > 0);
            let most = |slope: i128| (slope * i128::from(reach)) >> 32;
            let (equity_most, requirement_most) = (most(equity_slope), most(requirement_slope));
            for (up, rise) in [(1, 1), (1, -1), (-1, 1), (-1, -1), (1, 0), (-1, 0)] {
                let (equity, requirement) =
                    (equity + up * equity_most, requirement + rise * requirement_most);
                let now = model::margin::severity(equity, requirement.max(0), offset, &rungs);
                assert_eq!(now, severity, "{stand:?} {rungs:?} {reach}");
            }
        }
        assert!(reached.iter().all(|&times| times > 100), "{reached:?}");
    }
}
