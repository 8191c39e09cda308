//! Means over event time in which the past fades exponentially.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::event::TimeMs;

/// `2^32 * exp(-2^(i - 16))`, to the nearest integer, for i from 0.
const FACTORS: [u64; 21] = [
    4_294_901_760,
    4_294_836_226,
    4_294_705_160,
    4_294_443_040,
    4_293_918_848,
    4_292_870_656,
    4_290_775_039,
    4_286_586_875,
    4_278_222_805,
    4_261_543_595,
    4_228_380_000,
    4_162_825_044,
    4_034_748_382,
    3_790_295_335,
    3_344_923_893,
    2_605_029_347,
    1_580_030_169,
    581_260_615,
    78_665_070,
    1_440_801,
    483,
];

/// `2^32 * exp(-dt / tau)`: the product, each step toward zero, of the factors of the bits of `dt * 2^16 / tau`; 0 from 32 time constants on.
/// `tau_ms` is above zero.
pub fn factor(dt_ms: u64, tau_ms: u64) -> u64 {
    let bits = (u128::from(dt_ms) << 16) / u128::from(tau_ms);
    if bits >> FACTORS.len() != 0 {
        return 0;
    }
    let set = FACTORS.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1);
    set.fold(1 << 32, |product, (_, &factor)| ((u128::from(product) * u128::from(factor)) >> 32) as u64)
}

/// Mean of a quantity weighted with the time that it stood for; weights are 2^-16 milliseconds.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FadingMean {
    sum: i128,
    weight: u128,
    last_ms: Option<TimeMs>,
}

impl FadingMean {
    /// Time since the last value, what came before having faded for it: a millisecond at the first; none if time has not passed.
    fn fade(&mut self, now_ms: TimeMs, tau_ms: i64) -> Option<u64> {
        let dt_ms = match self.last_ms {
            None => 1,
            Some(last_ms) if now_ms > last_ms => now_ms.abs_diff(last_ms),
            Some(_) => return None,
        };
        self.last_ms = Some(now_ms);
        let factor = factor(dt_ms, tau_ms.unsigned_abs());
        // Split, so that no product leaves 128 bits.
        let faded = |value: u128| {
            (value >> 32) * u128::from(factor) + (((value & 0xffff_ffff) * u128::from(factor)) >> 32)
        };
        self.sum = self.sum.signum() * faded(self.sum.unsigned_abs()) as i128;
        self.weight = faded(self.weight);
        Some(dt_ms)
    }

    /// A value that stands for the time since the one before: what is added is value times time.
    pub fn note_level(&mut self, now_ms: TimeMs, tau_ms: i64, value: i64) {
        if let Some(dt_ms) = self.fade(now_ms, tau_ms) {
            self.sum += i128::from(value) * i128::from(dt_ms) * (1 << 16);
            self.weight += u128::from(dt_ms) << 16;
        }
    }

    /// An amount that came in the time since the one before: the mean is per millisecond.
    pub fn note_amount(&mut self, now_ms: TimeMs, tau_ms: i64, amount: u64) {
        if let Some(dt_ms) = self.fade(now_ms, tau_ms) {
            self.sum += i128::from(amount) * (1 << 16);
            self.weight += u128::from(dt_ms) << 16;
        }
    }

    /// The mean times `unit`, toward zero; `None` before the first value.
    pub fn mean_trunc(&self, unit: u32) -> Option<i128> {
        (self.weight > 0).then(|| self.sum * i128::from(unit) / self.weight as i128)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// A report's arithmetic is good enough to see a wrong table: each of 21 products loses less than a unit.
        #[test]
        fn the_factor_is_the_exponential(dt_ms in 0u64..1 << 32, tau_ms in 1u64..1 << 32) {
            let places = (dt_ms as f64 * 65_536.0 / tau_ms as f64).floor() / 65_536.0;
            let exact = if places >= 32.0 { 0.0 } else { (-places).exp() * 4_294_967_296.0 };
            prop_assert!((factor(dt_ms, tau_ms) as f64 - exact).abs() < 24.0);
        }

        #[test]
        fn a_mean_lies_between_its_values_and_stays_there(values in prop::collection::vec((1i64..100_000, -1_000_000_000i64..1_000_000_000), 1..60), tau_ms in 1i64..10_000_000) {
            let mut mean = FadingMean::default();
            let mut now_ms = -5;
            for &(dt_ms, value) in &values {
                now_ms += dt_ms;
                mean.note_level(now_ms, tau_ms, value);
            }
            let (least, most) = (values.iter().map(|v| v.1).min().unwrap(), values.iter().map(|v| v.1).max().unwrap());
            let mean = mean.mean_trunc(1).unwrap();
            // Fading rounds sum and weight apart, by less than a 2^-16 of a millisecond's value each time.
            prop_assert!(i128::from(least.min(0)) - 2 <= mean.min(i128::from(least)) + 2 || mean >= i128::from(least) - 2);
            prop_assert!(mean >= i128::from(least) - 2 - i128::from(least.abs() / 1_000) && mean <= i128::from(most) + 2 + i128::from(most.abs() / 1_000));
        }
    }

    #[test]
    fn half_of_the_past_is_gone_after_the_logarithm_of_two() {
        // exp(-0.693147) is 1/2 to the sixth place; exp(-1) is 1,580,030,168.66 over 2^32.
        assert!(factor(693_147, 1_000_000).abs_diff(1 << 31) < 40_000);
        assert_eq!(factor(7, 7), 1_580_030_169);
        assert_eq!((factor(0, 5), factor(32, 1), factor(u64::MAX, 1)), (1 << 32, 0, 0));
        assert!(factor(31, 1) == 0);
    }

    #[test]
    fn equal_values_are_their_mean_and_time_weighs_the_others() {
        let mut mean = FadingMean::default();
        assert_eq!(mean.mean_trunc(1), None);
        mean.note_level(1_000, 150_000, 70);
        assert_eq!(mean.mean_trunc(10), Some(700));
        mean.note_level(1_000, 150_000, -9_000);
        mean.note_level(999, 150_000, -9_000);
        assert_eq!(mean.mean_trunc(1), Some(70), "time has not passed");
        // A millisecond of 70 against 99 of -30, hardly faded.
        mean.note_level(1_099, 150_000, -30);
        assert_eq!(mean.mean_trunc(1), Some(-29));
        // After 32 time constants only the last value is left.
        mean.note_level(1_099 + 32 * 150_000, 150_000, 11);
        assert_eq!(mean.mean_trunc(1), Some(11));
    }
}
