//! Marks: what they are composed of, and how much they vary. Integers, each rounding toward zero unless it is named.

pub mod composition;
pub mod decay;
pub mod volatility;
