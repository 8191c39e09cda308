//! Venue rule sets: the formulas of other venues with their own rounding, named step by step, for conformance and for hosts that must
//! reproduce a venue's verdicts. The native rule rounds nothing and does not use them.

pub mod binance;
pub mod drift;
pub mod dydx;
pub mod mango;
pub mod paradex;
