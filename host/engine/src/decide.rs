//! What must happen next: the watched accounts judged exactly, worst first, each given at most one action.

use std::cmp::Reverse;

use model::liquidation::{Holding, SliceTerms, slice_to_target, slicing_improves, zero_price_quote};
use model::margin::Severity;

use crate::event::{AccountId, Command, EventSequence, Flag, InstrumentId};
use crate::state::{Engine, Exact, Order, Stage, Standing};

/// A round's decisions and what the exact check found.
#[derive(Debug, Default)]
pub struct Decided {
    /// In the total order of accounts: severity descending, notional descending, id.
    pub commands: Vec<Command>,
    /// Accounts whose device severity is not the exact one; must be empty for ever.
    pub disagreements: Vec<AccountId>,
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
            }
        }
        let mut decided = Decided::default();
        let mut queue: Vec<(Exact, u128, usize)> = Vec::new();
        for &index in self.watch.union(&self.reducing) {
            let exact = self.exact(index);
            if self.standings[index].device_severity != exact.severity as u8 {
                decided.disagreements.push(self.ledger.id(index));
            }
            queue.push((exact, self.notional(index), index));
        }
        queue.sort_unstable_by_key(|&(exact, notional, index)| {
            (Reverse(exact.severity), Reverse(notional), self.ledger.id(index))
        });
        for (exact, _, index) in queue {
            if self.standings[index].pending {
                continue;
            }
            if let Some(command) = self.act(index, exact) {
                self.standings[index].pending = true;
                decided.commands.push(command);
            }
        }
        Ok(decided)
    }

    fn act(&mut self, index: usize, exact: Exact) -> Option<Command> {
        let account = self.ledger.id(index);
        match exact.severity {
            Severity::Insolvent => return Some(Command::Bankrupt { account }),
            Severity::Takeover => return Some(Command::TakeOver { account }),
            Severity::Liquidatable => {
                self.standings[index].stage = Stage::Reducing;
                self.reducing.insert(index);
            }
            Severity::Warned | Severity::Healthy => {
                if self.standings[index].stage != Stage::Reducing {
                    return None;
                }
            }
        }
        let reached = 256 * exact.equity >= i128::from(self.rules.target) * exact.requirement;
        let Standing { attempts, .. } = self.standings[index];
        let gives_up = attempts.short >= self.rules.exhausted_max;
        if !reached && !gives_up && attempts.rests(self.time_ms, self.rules.slices_at_once_max) {
            return None; // the next round of a later time tries again
        }
        let slice = if reached || gives_up { None } else { self.slice(index, exact) };
        match slice {
            Some(order) => Some(self.place(account, order)),
            None if exact.severity == Severity::Liquidatable => Some(Command::TakeOver { account }),
            None => {
                self.stand(index);
                None
            }
        }
    }

    /// The next slice: of the position with the highest marginal requirement, since all cost the same per notional; as few lots as
    /// reach the target, all of it if little would be left. `None` when slicing would only burn collateral.
    fn slice(&self, index: usize, exact: Exact) -> Option<Order> {
        let rules = &self.rules;
        let (instrument, lots, holding) = self
            .holdings(index)
            .filter(|(instrument, _, holding)| {
                slicing_improves(holding, exact.equity, exact.requirement, self.cost(*instrument))
            })
            .max_by_key(|(instrument, _, holding)| {
                let notional = holding.size.notional(holding.price);
                let tier = holding.tiers.tier_of(notional);
                (holding.tiers.steps[tier].rate, notional, Reverse(*instrument))
            })?;
        let terms = SliceTerms { target: rules.target, cost: self.cost(instrument) };
        let (whole, price) = (lots.abs(), i128::from(holding.price.get()));
        let slice = slice_to_target(&holding, exact.equity, exact.requirement, 0, terms);
        let residual = i128::from(whole - slice) * price;
        let minimum = i128::from(rules.residual_min);
        let dust = residual < minimum || i128::from(whole) * price < 2 * minimum;
        let slice = if dust { whole } else { slice };
        let change = -lots.signum() * slice;
        let zero = zero_price_quote(&holding, slice, exact.equity, exact.requirement, self.scale);
        let limit = self.markets[usize::from(instrument.0)].limit(change, zero, self.scale);
        Some(Order { index, instrument, lots: change, limit })
    }

    /// Fee and expected slippage of a slice, per notional over the scale.
    fn cost(&self, instrument: InstrumentId) -> u32 {
        let spec = &self.markets[usize::from(instrument.0)].spec;
        spec.fee + spec.slippage
    }

    fn place(&mut self, account: AccountId, order: Order) -> Command {
        self.orders_placed += 1;
        let id = self.orders_placed;
        self.orders.insert(id, order);
        let Order { instrument, lots, limit, .. } = order;
        Command::PlaceOrder { order: id, account, instrument, lots, limit }
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

    fn holdings(&self, index: usize) -> impl Iterator<Item = (InstrumentId, i64, Holding<'_>)> {
        self.ledger.margin(index).positions.iter().map(|&(instrument, lots)| {
            let market = &self.markets[usize::from(instrument.0)];
            (instrument, lots, market.holding(lots).expect("sizes are checked before they take effect"))
        })
    }

    /// Gross notional at mark, quanta.
    pub fn notional(&self, index: usize) -> u128 {
        self.holdings(index).map(|(_, _, holding)| holding.size.notional(holding.price)).sum()
    }
}
