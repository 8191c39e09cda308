//! Mango v4, in decimals of 1e-15 where the venue has 2^-48: results differ from its own in the last digits, and by a whole unit only
//! where its rounding of a decimal weight crosses a ceiling.
//!
//! Units: tokens in native units, prices in native quote per native unit, base in lots of one native unit, weights and fees as fractions.

pub mod bankruptcy;
pub mod fixed;
pub mod health;
pub mod perp;

/// Why a formula has no answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum MangoError {
    #[error("an amount is beyond 2^70 or a divisor not above 0: the inputs are no market state")]
    Overflow,
    #[error("the position has no loss to resolve: settle its profit first")]
    PnlNotNegative,
}
