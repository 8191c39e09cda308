//! Fixed-point numbers of 15 decimals, floored: finer than the venue's 48 fraction bits, and exact for its decimal weights.

use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

use ethnum::I256;

use super::MangoError;

/// Digits after the point.
pub const DECIMALS: u32 = 15;
const ONE: i128 = 10i128.pow(DECIMALS);
/// Numbers stay below 2^70, so that every sum of these pages fits 128 bits.
const WHOLE_BITS: u32 = 70;

/// A number in units of 1e-15.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Fixed(i128);

impl Fixed {
    pub const ZERO: Self = Self(0);
    pub const ONE: Self = Self(ONE);

    /// # Errors
    /// [`MangoError::Overflow`] from 2^70 up.
    pub fn from_units(units: i128) -> Result<Self, MangoError> {
        let whole = units.unsigned_abs() / ONE.unsigned_abs();
        if whole >> WHOLE_BITS == 0 { Ok(Self(units)) } else { Err(MangoError::Overflow) }
    }

    pub fn units(self) -> i128 {
        self.0
    }

    fn narrowed(units: I256) -> Result<Self, MangoError> {
        i128::try_from(units).map_err(|_| MangoError::Overflow).and_then(Self::from_units)
    }

    /// # Errors
    /// [`MangoError::Overflow`].
    pub fn mul_floor(self, by: Self) -> Result<Self, MangoError> {
        Self::narrowed((I256::from(self.0) * I256::from(by.0)).div_euclid(I256::from(ONE)))
    }

    /// # Errors
    /// [`MangoError::Overflow`], also for a divisor that is not above 0.
    pub fn div_floor(self, by: Self) -> Result<Self, MangoError> {
        if by <= Self::ZERO {
            return Err(MangoError::Overflow);
        }
        Self::narrowed((I256::from(self.0) * I256::from(ONE)).div_euclid(I256::from(by.0)))
    }

    /// The smallest whole number that is no smaller.
    pub fn whole_ceil(self) -> i128 {
        -(-self.0).div_euclid(ONE)
    }
}

impl From<i64> for Fixed {
    fn from(whole: i64) -> Self {
        Self(i128::from(whole) * ONE)
    }
}

impl From<u64> for Fixed {
    fn from(whole: u64) -> Self {
        Self(i128::from(whole) * ONE)
    }
}

impl Add for Fixed {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Fixed {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Fixed {
    type Output = Self;

    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl AddAssign for Fixed {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Fixed {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

/// A number of a test.
#[cfg(test)]
pub fn num(text: &str) -> Fixed {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: i128 = format!("{whole}{fraction}").parse().unwrap();
    Fixed::from_units(digits * 10i128.pow(DECIMALS - fraction.len() as u32)).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_and_quotients_are_floored_at_the_last_digit() {
        let bit = Fixed::from_units(1).unwrap();
        assert_eq!(num("1.5").mul_floor(num("-2.5")), Ok(num("-3.75")));
        assert_eq!(bit.mul_floor(num("0.5")), Ok(Fixed::ZERO));
        assert_eq!((-bit).mul_floor(num("0.5")), Ok(-bit));
        assert_eq!(num("-3.75").div_floor(num("1.5")), Ok(num("-2.5")));
        assert_eq!(bit.div_floor(num("2")), Ok(Fixed::ZERO));
        assert_eq!((-bit).div_floor(num("2")), Ok(-bit));
        assert_eq!(Fixed::ONE.div_floor(Fixed::ZERO), Err(MangoError::Overflow));
        assert_eq!(Fixed::ONE.div_floor(-bit), Err(MangoError::Overflow));
        assert_eq!(Fixed::ONE.units(), 1_000_000_000_000_000);
    }

    #[test]
    fn whole_numbers_are_reached_from_below() {
        for (text, whole) in [("2", 2), ("2.25", 3), ("0", 0), ("-2.25", -2), ("-3", -3)] {
            assert_eq!(num(text).whole_ceil(), whole, "{text}");
        }
        assert_eq!((Fixed::from(-3i64), Fixed::from(7u64)), (num("-3"), num("7")));
        let mut sum = num("1.5");
        sum += num("2");
        sum -= num("0.25");
        assert_eq!(
            (sum, num("1") + num("2"), num("1") - num("2"), -num("1")),
            (num("3.25"), num("3"), num("-1"), num("-1"))
        );
    }

    #[test]
    fn what_is_too_large_is_refused() {
        let beyond = ONE << 70;
        assert!(Fixed::from_units(beyond - 1).is_ok() && Fixed::from_units(1 - beyond).is_ok());
        assert_eq!(Fixed::from_units(beyond), Err(MangoError::Overflow));
        assert_eq!(Fixed::from_units(-beyond), Err(MangoError::Overflow));
        let large = Fixed::from_units(beyond / 2).unwrap();
        assert_eq!(large.mul_floor(num("2")), Err(MangoError::Overflow));
        assert_eq!(large.mul_floor(large), Err(MangoError::Overflow));
        assert_eq!(large.div_floor(Fixed::from_units(1).unwrap()), Err(MangoError::Overflow));
    }
}
