//! Volatility of a market's marks, and the multiple of the initial margin that follows it at a bounded speed.

use borsh::{BorshDeserialize, BorshSerialize};

use super::decay::FadingMean;
use crate::event::TimeMs;
use crate::rules::Volatility;

/// Returns are parts of this, and count as at most one.
const ONE: u64 = 1_000_000_000;
const MINUTE_MS: u32 = 60_000;
/// Parts of the scale's unit that the multiple is kept in, so that no step of it is rounded.
const PARTS: u128 = 3_600_000;

#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Spike {
    /// Squared returns per millisecond.
    squares: FadingMean,
    last: Option<(TimeMs, u64)>,
    /// Of the multiple above 1, over scale and [`PARTS`].
    above: u128,
}

impl Spike {
    /// A mark was applied. The multiple moves towards volatility over the reference, for the time since the mark before.
    pub fn note(&mut self, now_ms: TimeMs, mark: u64, scale: u32, rule: &Volatility) {
        let (last_ms, last) = *self.last.get_or_insert((now_ms, mark));
        if now_ms <= last_ms {
            return;
        }
        self.last = Some((now_ms, mark));
        let moved =
            (u128::from(mark.abs_diff(last)) * u128::from(ONE) / u128::from(last)).min(ONE.into()) as u64;
        self.squares.note_amount(now_ms, rule.window_ms, moved * moved);
        let per_minute = self.squares.mean_trunc(MINUTE_MS).expect("noted").unsigned_abs();
        let deviation = per_minute.isqrt();
        let scale = u128::from(scale);
        let target = deviation * scale * scale / (u128::from(rule.reference) * u128::from(ONE));
        let target = target.clamp(scale, rule.multiple_max.into()) - scale;
        let (target, dt_ms) = (target * PARTS, u128::from(now_ms.abs_diff(last_ms)));
        self.above = if target > self.above {
            target.min(self.above + u128::from(rule.rise) * 60 * dt_ms)
        } else {
            target.max(self.above.saturating_sub(u128::from(rule.fall) * dt_ms))
        };
    }

    /// The multiple, over the scale, rounded up.
    pub fn multiple_ceil(&self, scale: u32) -> u32 {
        scale + self.above.div_ceil(PARTS) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 0.1 % a minute is normal; at most 4; up by 0.5 a minute, down by 0.6 an hour.
    const RULE: Volatility = Volatility {
        window_ms: 600_000,
        reference: 1_000,
        multiple_max: 4_000_000,
        rise: 500_000,
        fall: 600_000,
    };
    const SCALE: u32 = 1_000_000;

    #[test]
    fn quiet_marks_ask_nothing_more() {
        let mut spike = Spike::default();
        for minute in 0..600 {
            spike.note(minute * 60_000, if minute % 2 == 0 { 1_000_000 } else { 1_000_900 }, SCALE, &RULE);
        }
        assert_eq!(spike.multiple_ceil(SCALE), SCALE);
    }

    #[test]
    fn a_jump_raises_the_multiple_at_its_speed_and_quiet_lowers_it_at_its_own() {
        let mut spike = Spike::default();
        let mut note = |second: i64, mark| {
            spike.note(second * 1_000, mark, SCALE, &RULE);
            spike.multiple_ceil(SCALE)
        };
        note(0, 1_000_000);
        note(60, 1_000_000);
        // 5 % at once; a mark of the same time moves nothing.
        assert_eq!([note(61, 950_000), note(61, 500_000)], [1_008_334; 2]);
        assert_eq!(note(121, 950_000), 1_508_334);
        assert_eq!(note(301, 950_000), 3_008_334);
        assert_eq!(note(901, 950_000), 4_000_000, "no more than the most");
        // The jump is forgotten when 16 windows have passed; the multiple falls by 0.6 an hour, and not at once.
        assert_eq!(note(901 + 9_600, 950_000), 2_400_000);
        assert_eq!(note(901 + 9_600 + 36_000, 950_000), 1_000_000);
    }

    proptest! {
        #[test]
        fn it_never_moves_faster_than_allowed_and_stays_in_bounds(marks in prop::collection::vec((0i64..120_000, 1u64..1 << 32), 1..60)) {
            let mut spike = Spike::default();
            let (mut now_ms, mut before) = (0, SCALE);
            for (dt_ms, mark) in marks {
                now_ms += dt_ms;
                spike.note(now_ms, mark, SCALE, &RULE);
                let after = spike.multiple_ceil(SCALE);
                prop_assert!((SCALE..=RULE.multiple_max).contains(&after));
                prop_assert!(u64::from(after.saturating_sub(before)) <= (500_000 * dt_ms as u64).div_ceil(60_000) + 1);
                prop_assert!(u64::from(before.saturating_sub(after)) <= (600_000 * dt_ms as u64).div_ceil(3_600_000) + 1);
                before = after;
            }
        }
    }
}
