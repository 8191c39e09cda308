//! Numbers with their unit and width. Everything is an integer; nothing here rounds.

/// A number outside the range its type states.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{what} {value} is outside {min}..={max}")]
pub struct OutOfRange {
    pub what: &'static str,
    pub value: i128,
    pub min: i128,
    pub max: i128,
}

macro_rules! bounded {
    ($(#[$doc:meta])* $name:ident($inner:ty), $what:literal, $min:expr, $max:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[repr(transparent)]
        pub struct $name($inner);

        impl $name {
            pub const MIN: $inner = $min;
            pub const MAX: $inner = $max;

            /// # Errors
            /// [`OutOfRange`] outside `MIN..=MAX`.
            pub const fn new(value: $inner) -> Result<Self, OutOfRange> {
                if value < Self::MIN || value > Self::MAX {
                    return Err(OutOfRange {
                        what: $what,
                        value: value as i128,
                        min: Self::MIN as i128,
                        max: Self::MAX as i128,
                    });
                }
                Ok(Self(value))
            }

            pub const fn get(self) -> $inner {
                self.0
            }
        }
    };
}

bounded! {
    /// Price in quote quanta per lot, 32 bits.
    Price(u64), "price", 0, u32::MAX as u64
}
bounded! {
    /// Position in lots, signed, magnitude of 40 bits.
    Size(i64), "size", -((1 << 40) - 1), (1 << 40) - 1
}
bounded! {
    /// Rates and weights are integers over this scale: 1,000,000 is parts per million.
    Scale(u32), "scale", 1, 1_000_000
}
bounded! {
    /// Cash in quote quanta.
    Cash(i64), "cash", -((1 << 62) - 1), (1 << 62) - 1
}
bounded! {
    /// Extra requirement of an account in quanta / scale; negative is a credit.
    Offset(i128), "offset", -((1 << 86) - 1), (1 << 86) - 1
}

impl Size {
    pub const ZERO: Self = Self(0);

    /// Notional at `price` in quanta: `|size| * price`, exact, at most 72 bits.
    pub const fn notional(self, price: Price) -> u128 {
        self.0.unsigned_abs() as u128 * price.0 as u128
    }
}

/// Width of the accumulators E and R, signed, in quanta / scale.
pub const ACCUMULATOR_BITS: u32 = 88;

/// True if `value` fits the signed accumulator.
pub const fn fits_accumulator(value: i128) -> bool {
    let limit = 1i128 << (ACCUMULATOR_BITS - 1);
    -limit <= value && value < limit
}

/// Bits of notional: an instrument's `price_bits + size_bits` may not exceed this.
pub const NOTIONAL_BITS: u32 = 59;
/// Bits of a tier's deduction.
pub const DEDUCTION_BITS: u32 = 79;
/// Most tiers a table may have.
pub const TIERS_MAX: usize = 16;
/// Largest rung, in 256ths of the requirement.
pub const RUNG_MAX: u32 = 1_023;

/// How many bits `value` needs; 0 for 0.
pub const fn bits_of(value: u64) -> u32 {
    u64::BITS - value.leading_zeros()
}
