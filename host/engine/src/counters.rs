//! What happened since the start of an episode.

use std::ops::AddAssign;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::Serialize;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident: $number:ty,)*) => {
        /// Counts, and sums of money in quanta.
        #[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
        pub struct Counters {
            $($(#[$doc])* pub $name: $number,)*
        }

        impl AddAssign<&Self> for Counters {
            fn add_assign(&mut self, more: &Self) {
                $(self.$name += more.$name;)*
            }
        }
    };
}

counters! {
    /// Liquidations that ended with lots closed and positions left.
    liquidations_partial: u64,
    /// Liquidations that ended with every position closed on the book.
    liquidations_full: u64,
    takeovers: u64,
    bankruptcies: u64,
    /// Slices that the backstop took because the market's budget was used up.
    absorbed: u64,
    /// Accounts whose positions were closed to carry those of another, those of them of which a hedge was cut, and accounts that bore a
    /// loss without a close; each time it happened.
    deleveraged: u64,
    hedges_cut: u64,
    socialised: u64,
    /// What they bore, quanta.
    haircuts: i128,
    socialised_loss: i128,
    /// Lots' notional that the backstop had to take beyond its limits because nobody else was left.
    backstop_beyond: u128,
    /// Liquidation orders that filled at least one lot.
    slices: u64,
    /// What was paid into the insurance funds from outside, in fees, and by them.
    insurance_start: i128,
    insurance_in: i128,
    insurance_out: i128,
    /// Funding payments, what they moved from payers to receivers, intervals without a sample, and payments that a balance had no room for.
    funding_payments: u64,
    funding_paid: i128,
    funding_missed: u64,
    funding_refused: u64,
    /// Changes of maintenance brackets, and instruments that expired or were delisted.
    brackets_changed: u64,
    settled: u64,
    /// Orders of the backstop's inventory that filled at least one lot, and the quote of their fills.
    unwound: u64,
    unwound_quote: u128,
    /// Prices that the guard of their source did not believe, and marks that nothing fresh was there to compose of.
    prices_doubted: u64,
    marks_missing: u64,
    /// Halts of markets, gates after outages, pauses, and withdrawals that were refused.
    halts: u64,
    gates_opened: u64,
    pauses: u64,
    withdrawals_refused: u64,
    /// Events that broke a rule and changed nothing.
    refused_events: u64,
}
