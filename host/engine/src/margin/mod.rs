//! Margin beyond the native rule: what a position must have to be opened, size curves as tiers, weights and haircuts of collateral.

pub mod curve;
pub mod initial;
pub mod linear;
pub mod weights;
