//! Slices: what the venue reports of an order, and what the backstop takes in its place.

use model::liquidation::{insurance_delta, zero_price_quote};
use model::margin::Severity;

use super::effect::Costs;
use super::{ActionKind, Effect, Engine, Refusal};
use crate::account::Pending;
use crate::event::{AccountId, InstrumentId};
use crate::ledger::{Amount, Owner};
use crate::state::{Order, UnwindOrder};

impl Engine {
    pub(super) fn fill(
        &mut self,
        order_id: u64,
        lots: i64,
        quote: i128,
        effect: &mut Effect,
    ) -> Result<(), Refusal> {
        if let Some(order) = self.unwinding.remove(&order_id) {
            return self.unwound(order, lots, quote);
        }
        // The venue's report ends the order, whatever it says.
        let order = self.orders.remove(&order_id).ok_or(Refusal::Order)?;
        let Order { index, instrument, .. } = order;
        self.standings[index].pending = Pending::Nothing;
        let fits = is_within((order.lots, order.limit), lots, quote) && self.reduces(index, instrument, lots);
        let filled = if fits { lots } else { 0 };
        let notional = |lots: i64| u128::from(lots.unsigned_abs()) * u128::from(order.mark.get());
        self.market_mut(instrument).bucket.give_back(notional(order.lots) - notional(filled));
        if !fits {
            return Err(Refusal::Order);
        }
        self.standings[index].attempts.note(effect.time_ms, lots != 0, lots == order.lots);
        if lots == 0 {
            return Ok(());
        }
        self.counters.slices += 1;
        let kind = if self.ledger.margin(index).size(instrument) + lots == 0 {
            ActionKind::FullClose
        } else {
            ActionKind::Slice
        };
        self.close_slice((index, Owner::Venue, instrument), lots, quote, kind, effect);
        Ok(())
    }

    /// The venue's report of an order of the backstop's inventory. What is filled is booked, also where a takeover has since turned the inventory:
    /// it was filled.
    fn unwound(&mut self, order: UnwindOrder, lots: i64, quote: i128) -> Result<(), Refusal> {
        let UnwindOrder { instrument, charged, .. } = order;
        let backstop = Owner::Backstop(instrument);
        let fits = is_within((order.lots, order.limit), lots, quote);
        let filled = if fits { u128::from(lots.unsigned_abs()) } else { 0 };
        let used = charged / u128::from(order.lots.unsigned_abs()) * filled;
        self.market_mut(instrument).bucket.give_back(charged - used);
        if !fits {
            return Err(Refusal::Order);
        }
        if lots != 0 {
            self.ledger.transfer(Owner::Venue, backstop, Amount::Lots(instrument, lots));
            self.ledger.transfer(Owner::Venue, backstop, Amount::Quote(quote));
            self.counters.unwound += 1;
            self.counters.unwound_quote += quote.unsigned_abs();
        }
        Ok(())
    }

    /// The backstop takes a slice that the market's budget has no room for.
    pub(super) fn absorb(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        lots: i64,
        quote: i128,
        effect: &mut Effect,
    ) -> Result<(), Refusal> {
        let index = self.ledger.find(account).ok_or(Refusal::Account)?;
        if self.orders.values().any(|order| order.index == index) {
            return Err(Refusal::Severity);
        }
        self.standings[index].pending = Pending::Nothing;
        if usize::from(instrument.0) >= self.markets.len()
            || lots == 0
            || !self.reduces(index, instrument, lots)
        {
            return Err(Refusal::Absorption);
        }
        let exact = self.exact(index);
        if exact.verdict == Severity::Insolvent {
            return Err(Refusal::Severity);
        }
        let zero = self.zero_quote(index, instrument, lots);
        if quote < zero || self.backstop_room(instrument, -lots) < lots.unsigned_abs() {
            return Err(Refusal::Absorption);
        }
        self.counters.absorbed += 1;
        self.standings[index].attempts.filled = true;
        let owner = Owner::Backstop(instrument);
        self.close_slice((index, owner, instrument), lots, quote, ActionKind::Absorption, effect);
        Ok(())
    }

    /// True if a change by `lots` brings the position closer to zero, not beyond; also of no lots.
    fn reduces(&self, index: usize, instrument: InstrumentId, lots: i64) -> bool {
        let held = self.ledger.margin(index).size(instrument);
        lots == 0 || lots.signum() != held.signum() && lots.unsigned_abs() <= held.unsigned_abs()
    }

    /// Quote of a change by `lots` at the account's zero price.
    pub(crate) fn zero_quote(&self, index: usize, instrument: InstrumentId, lots: i64) -> i128 {
        let exact = self.exact(index);
        let held = self.ledger.margin(index).size(instrument);
        let holding =
            self.market(instrument).holding(held).expect("sizes are checked before they take effect");
        zero_price_quote(&holding, lots.abs(), exact.equity, exact.requirement.max(1), self.scale)
    }

    fn close_slice(
        &mut self,
        (index, other, instrument): (usize, Owner, InstrumentId),
        lots: i64,
        quote: i128,
        kind: ActionKind,
        effect: &mut Effect,
    ) {
        let before = self.exact(index);
        let (market, zero) = (self.market(instrument), self.zero_quote(index, instrument, lots));
        let mark = market.mark;
        let delta = insurance_delta(quote, zero, market.spec.fee, self.scale);
        self.exchange(index, other, instrument, lots, quote);
        let fee = delta.max(0);
        self.pay_fee(Owner::Margin(index), instrument, fee);
        let fund_paid =
            self.draw_funds(Owner::Margin(index), &[instrument], delta.min(0).unsigned_abs()) as i128;
        let notional = u128::from(lots.unsigned_abs()) * u128::from(mark.get());
        self.standings[index].closing.close(notional);
        effect.position(self, index, instrument, quote - fee + fund_paid, false);
        let costs = Costs { fee, fund_paid, unpaid: 0 };
        effect.action(self, index, kind, vec![(instrument, lots, quote)], costs, before);
    }
}

/// True if the report is the order's own side, not more than its lots, and no worse than its limit.
fn is_within((ordered, limit): (i64, u64), lots: i64, quote: i128) -> bool {
    if lots == 0 {
        return quote == 0;
    }
    let worst = i128::from(limit) * i128::from(lots.unsigned_abs());
    let fair = if lots < 0 { quote >= worst } else { quote < 0 && -quote <= worst };
    lots.signum() == ordered.signum() && lots.abs() <= ordered.abs() && fair
}
