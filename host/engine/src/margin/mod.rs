//! Margin beyond the native rule: size curves as tiers, weights and haircuts of collateral.

pub mod curve;
pub mod weights;
