//! The next disaster before it comes: who would be liquidated if marks moved, exactly. The figures and why they are exact: `docs/exposure.md`.
//!
//! A shock of `k` permille moves a mark `P` to the rational `P * (1000 + k) / 1000`; nothing is rounded on the way, E and R are counted in
//! thousandths of quantum / scale.

mod concentration;
mod ladder;
mod line;
mod profile;
mod shock;
mod tracker;
mod triggers;

pub use concentration::Concentration;
pub use profile::{Profile, STEPS};
pub use shock::{Scope, Shocked};
pub use tracker::Exposure;
pub use triggers::Triggers;
