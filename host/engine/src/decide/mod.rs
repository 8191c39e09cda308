//! What must happen next: the watched accounts judged exactly, worst first, each given at most one action.

mod slice;
mod unwind;

use std::cmp::Reverse;

use model::margin::Severity;

use crate::account::{Pending, Stage, Standing};
use crate::apply::CLOSE_OUT_MAX;
use crate::event::{AccountId, Command, EventSequence, Flag, TimeMs};
use crate::judge::Exact;
use crate::stability::Level;
use crate::state::Engine;
use slice::Next;

/// A round's decisions and what the exact check found.
#[derive(Debug, Default)]
pub struct Decided {
    /// Bankruptcies, takeovers, then the others, each in the total order of accounts: severity descending, notional descending, id; then the
    /// backstop's own orders, by instrument.
    pub commands: Vec<Command>,
    /// Accounts whose device severity is not the exact one; must be empty for ever.
    pub disagreements: Vec<AccountId>,
    /// Accounts that the device flags rightly, and that the venue's own rule clears by a hedge credit or its rounding.
    pub cleared: Vec<AccountId>,
}

/// What one account needs.
enum Need {
    Bankrupt,
    TakeOver,
    Other(Command),
}

/// A flag that no driver gives: of an account that is not open, or with a severity that does not exist.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "event {sequence}: flag of account {account} with severity {severity}: no such account is open, or no such severity exists"
)]
pub struct BadFlag {
    sequence: EventSequence,
    account: u64,
    severity: u8,
}

impl Engine {
    /// Decides on the state at the end of the round that the flags are of.
    ///
    /// # Errors
    /// [`BadFlag`] of an account that is not open, or a severity above 4; nothing is decided then.
    pub fn decide(&mut self, verdict: &[Flag]) -> Result<Decided, BadFlag> {
        for flag in verdict {
            let bad =
                BadFlag { sequence: flag.sequence, account: flag.account.0, severity: flag.severity_new };
            let index = self.ledger.find(flag.account).ok_or(bad)?;
            Severity::from_code(flag.severity_new).ok_or(bad)?;
            self.standings[index].device_severity = flag.severity_new;
            if flag.severity_new >= Severity::Liquidatable as u8 {
                self.watch.insert(index);
            } else {
                self.watch.remove(&index);
                if self.standings[index].stage != Stage::Reducing {
                    self.standings[index].attempts.cancel_ms = None;
                }
            }
        }
        let mut decided = Decided::default();
        let mut queue: Vec<(Exact, u128, usize)> = Vec::new();
        self.is_deficit_open = false;
        for &index in self.watch.union(&self.reducing) {
            let exact = self.exact(index);
            if self.standings[index].device_severity != exact.severity as u8 {
                decided.disagreements.push(self.ledger.id(index));
            }
            if exact.verdict == Severity::Insolvent {
                (self.deficit_ms, self.is_deficit_open) = (Some(self.time_ms), true);
            }
            if exact.severity >= Severity::Liquidatable && exact.verdict < Severity::Liquidatable {
                decided.cleared.push(self.ledger.id(index));
            }
            queue.push((exact, self.notional(index), index));
        }
        queue.sort_unstable_by_key(|&(exact, notional, index)| {
            (Reverse(exact.verdict), Reverse(notional), self.ledger.id(index))
        });
        let (mut bankrupt, mut taken_over, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for (exact, _, index) in queue {
            let account = self.ledger.id(index);
            match self.need(index, exact) {
                Some(Need::Bankrupt) => bankrupt.push(account),
                Some(Need::TakeOver) => taken_over.push(account),
                Some(Need::Other(command)) => others.push(command),
                None => continue,
            }
        }
        for accounts in bankrupt.chunks(CLOSE_OUT_MAX) {
            decided.commands.push(Command::Bankrupt { accounts: accounts.to_vec() });
        }
        for accounts in taken_over.chunks(CLOSE_OUT_MAX) {
            decided.commands.push(Command::TakeOver { accounts: accounts.to_vec() });
        }
        decided.commands.append(&mut others);
        decided.commands.append(&mut self.unwind());
        Ok(decided)
    }

    /// What the account needs now, which is then under way; none if it needs nothing, or waits for what is under way.
    fn need(&mut self, index: usize, exact: Exact) -> Option<Need> {
        let Standing { stage, pending, resting, attempts, .. } = self.standings[index];
        if pending == Pending::Outcome {
            return None;
        }
        if exact.verdict < Severity::Liquidatable && stage != Stage::Reducing {
            self.standings[index].attempts.cancel_ms = None;
            return None;
        }
        if exact.verdict >= Severity::Liquidatable && resting > 0 && attempts.cancel_ms.is_none() {
            let standing = &mut self.standings[index];
            (standing.pending, standing.attempts.cancel_ms) = (Pending::Cancel, Some(self.time_ms));
            return Some(Need::Other(Command::CancelOrders { account: self.ledger.id(index) }));
        }
        let wait_ms = self.rules.cancel_wait_ms;
        let waits = |since: TimeMs| self.time_ms.saturating_sub(since) < wait_ms;
        let is_cancelling = pending == Pending::Cancel && attempts.cancel_ms.is_some_and(waits);
        let need = match (exact.verdict, self.allowed(index)) {
            (_, Level::MarksOnly) | (Severity::Insolvent, Level::BookOnly) => return None,
            (Severity::Insolvent, Level::All) => Need::Bankrupt,
            (Severity::Takeover, Level::All) => Need::TakeOver,
            _ if is_cancelling => return None,
            (Severity::Liquidatable | Severity::Takeover, _) => {
                self.standings[index].stage = Stage::Reducing;
                self.reducing.insert(index);
                self.reduce(index, exact)?
            }
            (Severity::Warned | Severity::Healthy, _) => self.reduce(index, exact)?,
        };
        let standing = &mut self.standings[index];
        (standing.pending, standing.attempts.cancel_ms) = (Pending::Outcome, None);
        Some(need)
    }

    /// The next step of an account that is being reduced; none if it has reached its target or tries again later.
    fn reduce(&mut self, index: usize, exact: Exact) -> Option<Need> {
        let reached = 256 * exact.equity >= i128::from(self.rules.target) * exact.required;
        let attempts = self.standings[index].attempts;
        let gives_up = attempts.short >= self.rules.exhausted_max;
        if !reached && !gives_up && attempts.rests(self.time_ms, self.rules.slices_at_once_max) {
            return None; // the next round of a later time tries again
        }
        let next = if reached || gives_up { Next::Nothing } else { self.slice(index, exact) };
        match next {
            Next::Order(order) => Some(Need::Other(self.place(order))),
            Next::Absorb { instrument, lots, quote } => {
                let account = self.ledger.id(index);
                Some(Need::Other(Command::Absorb { account, instrument, lots, quote }))
            }
            Next::Wait => None,
            Next::Nothing if exact.verdict >= Severity::Liquidatable => {
                (self.allowed(index) == Level::All).then_some(Need::TakeOver)
            }
            Next::Nothing => {
                self.stand(index);
                None
            }
        }
    }

    /// The liquidation is over: the account stands on its own again, or holds nothing any more.
    fn stand(&mut self, index: usize) {
        let closed = self.ledger.margin(index).positions.is_empty();
        let filled = self.standings[index].attempts.filled;
        self.end_liquidation(index, if closed { Stage::Closed } else { Stage::Standing });
        if closed {
            self.counters.liquidations_full += 1;
        } else {
            self.counters.liquidations_partial += u64::from(filled);
        }
    }
}
