//! Failures of other venues' liquidation engines, played again: the same kind of input, and what this engine does with it.
//!
//! | incident | what | tests |
//! |---|---|---|
//! | 1 | dYdX v4, 10 October 2025: the fund was booked after the collateral, the chain halted, a stale price at its restart | `funds`, `deleveraging`, `outage` |
//! | 2 | Hyperliquid, 10 October 2025: 34,983 deleveraging fills in 12 minutes, hedges cut | `deleveraging` |
//! | 3 | JELLY, 26 March 2025: a backstop inherited a whole illiquid short | `backstop` |
//! | 4 | Hyperliquid, 12 March 2025: profit withdrawn until the position was liquidated | `withdrawals` |
//! | 5 | Binance, 10 October 2025: wrapped collateral marked on the venue's own thin book | `collateral` |
//! | 6 | Maker, 12 March 2020: auctions won by bids of zero | `backstop` |
//! | 7 | Mango, October 2022: profit in a market that its holder moved, as collateral | `collateral` |
//! | 8 | dYdX v3, November 2023: concentration in YFI, a gap, 40 % of the fund | `funds` |
//! | 9 | Drift, 1 April 2026: limits removed, and everything withdrawn | `withdrawals` |
//! | 10 | Lighter, 11 October 2025: four and a half hours without prices, stale ones at the restart | `outage` |
//! | 11 | Drift: accounts stuck in liquidation, price bands that block it in a crash | `recovery` |
//! | 12 | Mango: dust below the line for ever | `dust` |
//! | 13 | Percolator: the clock went on without accounts, self-trade against the fund | `self_trade` |
//! | 14 | GMX, flatmoney: evasion by a size changed ahead, underflow below zero | `evasion` |
//! | 15 | Aave v3.3: the close factor bypassed by chained small liquidations | `window` |
//! | 16 | dYdX v4: deleveraging stuck at one counterparty | `deleveraging` |

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
#[path = "incidents/outage.rs"]
mod outage;
#[path = "incidents/recovery.rs"]
mod recovery;
#[path = "incidents/scenario.rs"]
mod scenario;
#[path = "incidents/self_trade.rs"]
mod self_trade;
#[path = "incidents/window.rs"]
mod window;
#[path = "incidents/withdrawals.rs"]
mod withdrawals;
