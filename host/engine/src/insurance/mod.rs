//! Who pays for a loss: the funds in their order, then the winners, and how large a fund has to be.

pub mod adl;
pub mod cover;
pub mod drawdown;
pub mod ranking;
pub mod waterfall;
