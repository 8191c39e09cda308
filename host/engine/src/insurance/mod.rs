//! Who pays: funds, counterparties, winners.

pub mod adl;
