//! Margin beyond the native rule: what a position must have to be opened, rates that grow with size.

pub mod initial;
pub mod linear;
