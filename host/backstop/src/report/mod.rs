//! What people read after a run: the summary, every liquidation, a picture. Amounts are decimals here and nowhere else.

pub mod amount;
pub(crate) mod axis;
pub(crate) mod canvas;
pub mod compare;
mod compare_picture;
pub mod impact;
pub mod latency;
pub mod liquidations;
mod picture;
pub mod plot;
pub mod progress;
pub mod series;
pub mod summary;
pub mod text;

#[cfg(test)]
mod plot_tests;
