//! Failures of other venues' liquidation engines, played again: the same kind of input, and what this engine does with it.

mod common;

#[path = "incidents/backstop.rs"]
mod backstop;
#[path = "incidents/collateral.rs"]
mod collateral;
#[path = "incidents/deleveraging.rs"]
mod deleveraging;
#[path = "incidents/dust.rs"]
mod dust;
#[path = "incidents/evasion.rs"]
mod evasion;
#[path = "incidents/funds.rs"]
mod funds;
#[path = "incidents/recovery.rs"]
mod recovery;
#[path = "incidents/scenario.rs"]
mod scenario;
#[path = "incidents/self_trade.rs"]
mod self_trade;
#[path = "incidents/window.rs"]
mod window;
