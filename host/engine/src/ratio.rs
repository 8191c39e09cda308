//! Rational numbers for rankings and prices: exact, and compared without a product wider than their parts.

use std::cmp::Ordering;

use ethnum::U256;

/// A rational number, ordered by its value.
#[derive(Clone, Copy, Debug)]
pub struct Ratio {
    is_negative: bool,
    numerator: U256,
    denominator: U256,
}

impl Ratio {
    /// `None` for a denominator of zero.
    pub fn new(is_negative: bool, numerator: U256, denominator: U256) -> Option<Self> {
        let is_negative = is_negative && numerator != U256::ZERO;
        (denominator != U256::ZERO).then_some(Self { is_negative, numerator, denominator })
    }

    /// `a * b / (c * d)`; `None` for a denominator of zero.
    pub fn of_products(is_negative: bool, [a, b]: [u128; 2], [c, d]: [u128; 2]) -> Option<Self> {
        let product = |left, right| U256::from(left) * U256::from(right);
        Self::new(is_negative, product(a, b), product(c, d))
    }

    pub fn is_negative(&self) -> bool {
        self.is_negative
    }

    /// The same number in lowest terms.
    pub fn reduced(&self) -> Self {
        let (mut divisor, mut rest) = self.magnitude();
        while rest != U256::ZERO {
            (divisor, rest) = (rest, divisor % rest);
        }
        Self { numerator: self.numerator / divisor, denominator: self.denominator / divisor, ..*self }
    }

    /// Magnitude as numerator and denominator, as they were given.
    pub fn magnitude(&self) -> (U256, U256) {
        (self.numerator, self.denominator)
    }
}

impl Ord for Ratio {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.is_negative, other.is_negative) {
            (false, false) => compare(self.magnitude(), other.magnitude()),
            (true, true) => compare(other.magnitude(), self.magnitude()),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Ratio {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ratio {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ratio {}

/// Compares `left.0 / left.1` with `right.0 / right.1`, digit by digit of their continued fractions: nothing is multiplied, so every
/// width is exact. The denominators are not zero.
pub fn compare(left: (U256, U256), right: (U256, U256)) -> Ordering {
    let ((mut a, mut b), (mut c, mut d)) = (left, right);
    loop {
        let (whole_left, whole_right) = (a / b, c / d);
        if whole_left != whole_right {
            return whole_left.cmp(&whole_right);
        }
        let (rest_left, rest_right) = (a % b, c % d);
        if rest_left == U256::ZERO || rest_right == U256::ZERO {
            return rest_left.cmp(&rest_right);
        }
        // rest_left / b < rest_right / d exactly when d / rest_right < b / rest_left.
        (a, b, c, d) = (d, rest_right, b, rest_left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_bigint::BigInt;
    use num_rational::BigRational;
    use proptest::prelude::*;

    fn exact(ratio: &Ratio) -> BigRational {
        let (numerator, denominator) = ratio.magnitude();
        let big = |value: U256| BigInt::from_bytes_le(num_bigint::Sign::Plus, &value.to_le_bytes());
        let magnitude = BigRational::new(big(numerator), big(denominator));
        if ratio.is_negative() { -magnitude } else { magnitude }
    }

    fn any_factor() -> impl Strategy<Value = u128> {
        prop_oneof![0u128..6, any::<u128>(), (u128::MAX - 6)..=u128::MAX, (1u128 << 64) - 3..(1 << 64) + 3]
    }

    proptest! {
        #[test]
        fn order_is_that_of_the_exact_values(
            signs in any::<[bool; 2]>(),
            top in prop::array::uniform4(any_factor()),
            bottom in prop::array::uniform4(any_factor()),
        ) {
            let left = Ratio::of_products(signs[0], [top[0], top[1]], [bottom[0].max(1), bottom[1].max(1)]).unwrap();
            let right = Ratio::of_products(signs[1], [top[2], top[3]], [bottom[2].max(1), bottom[3].max(1)]).unwrap();
            prop_assert_eq!(left.cmp(&right), exact(&left).cmp(&exact(&right)));
            prop_assert_eq!(left == right, exact(&left) == exact(&right));
            prop_assert_eq!(left.partial_cmp(&right), Some(left.cmp(&right)));
        }
    }

    fn ratio(numerator: i32, denominator: u32) -> Ratio {
        Ratio::new(numerator < 0, numerator.unsigned_abs().into(), denominator.into()).unwrap()
    }

    #[test]
    fn values_not_forms_are_compared() {
        assert_eq!(ratio(2, 4), ratio(1, 2));
        assert_eq!(ratio(0, 4), ratio(0, 9));
        assert_eq!(Ratio::new(true, U256::ZERO, U256::ONE), Some(ratio(0, 1)));
        assert!(!Ratio::new(true, U256::ZERO, U256::ONE).unwrap().is_negative());
        assert!(ratio(-1, 2).is_negative() && !ratio(1, 2).is_negative());
        assert!(ratio(-1, 2) < ratio(-1, 3) && ratio(-1, 3) < ratio(0, 1) && ratio(0, 1) < ratio(1, 3));
        assert!(ratio(1, 2) > ratio(-9, 1));
        assert!(ratio(355, 113) > ratio(3_141_592, 1_000_000));
        assert!(Ratio::new(false, U256::ONE, U256::ZERO).is_none());
        assert!(Ratio::of_products(false, [1, 1], [0, 7]).is_none());
        let (numerator, denominator) = Ratio::of_products(false, [6, 7], [2, 3]).unwrap().magnitude();
        assert_eq!((numerator, denominator), (U256::new(42), U256::new(6)));
        assert_eq!(ratio(-42, 12).reduced().magnitude(), (U256::new(7), U256::new(2)));
        assert!(ratio(-42, 12).reduced().is_negative());
        assert_eq!(ratio(0, 12).reduced().magnitude(), (U256::ZERO, U256::ONE));
    }
}
