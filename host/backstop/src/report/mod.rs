//! What people read after a run: the summary, every liquidation, a picture. Amounts are decimals here and nowhere else.

pub mod amount;
pub mod liquidations;
pub mod progress;
