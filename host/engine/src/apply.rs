//! Events take effect: transfers in the ledger, updates for the device. An event that breaks a rule changes nothing and is counted.

use model::liquidation::{insurance_delta, zero_price_quote};
use model::margin::Severity;
use model::units::Cash;

use crate::event::{AccountId, Change, Due, Event, EventSequence, InstrumentId, Round, Update};
use crate::guard::Judgement;
use crate::ledger::{Amount, Owner};
use crate::market::Market;
use crate::state::{Attempts, Engine, Exact, Order, Stage, Standing};

/// Most positions of an account.
pub const POSITIONS_MAX: usize = 64;
/// Furthest the ledger lets cash grow: one bit below the device's 2^62.
const CASH_MAX: i128 = 1 << 61;

/// Bound of an account's gross notional at the highest prices its instruments' bits allow, so that no mark can take a cash move out of range.
const EXPOSURE_MAX: u128 = 1 << 61;

/// What a round did.
#[derive(Debug, Default)]
pub struct Applied {
    /// For the device, in order.
    pub updates: Vec<Update>,
    /// Verdicts owed, one row an applied mark.
    pub dues: Vec<Due>,
    /// Liquidation actions carried out, in order.
    pub actions: Vec<Action>,
    /// Events that changed nothing, and why.
    pub refused: Vec<(EventSequence, Refusal)>,
    /// Indices of the margin accounts that an update touched, each once, ascending.
    pub touched: Vec<usize>,
}

/// One liquidation action on one account, for reports. Money in quanta, E and R in quanta / scale.
#[derive(Clone, Debug)]
pub struct Action {
    pub sequence: EventSequence,
    pub time_ms: i64,
    pub account: AccountId,
    pub kind: ActionKind,
    /// Position closed or taken: instrument, change of the account's lots, cash for it.
    pub legs: Vec<(InstrumentId, i64, i128)>,
    /// Fee to the insurance fund.
    pub fee: i128,
    /// Paid by the insurance fund.
    pub fund_paid: i128,
    /// Left to bad debt.
    pub unpaid: i128,
    pub before: Exact,
    pub after: Exact,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ActionKind {
    Slice,
    FullClose,
    Takeover,
    Bankruptcy,
}

/// Why an event changed nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    #[error("instrument is not listed, or not under the next free id, or its specification is out of range")]
    Instrument,
    #[error("price is zero or beyond the instrument's bits")]
    Price,
    #[error("no mark has been applied yet")]
    NoMark,
    #[error("size is beyond the instrument's bits")]
    Size,
    #[error("an account holds at most {POSITIONS_MAX} positions")]
    Positions,
    #[error("cash would leave the range of the ledger")]
    Cash,
    #[error("gross notional could leave the range of the ledger")]
    Exposure,
    #[error("lots and quote of a trade must have opposite signs")]
    Sign,
    #[error("account is not open")]
    Account,
    #[error("account is not in a state that allows this")]
    Severity,
    #[error("no such order, or the report goes beyond it")]
    Order,
}

impl Engine {
    /// Lets a round take effect. The caller has journaled it.
    ///
    /// # Panics
    /// If the books stop balancing.
    pub fn apply(&mut self, round: &Round) -> Applied {
        let mut applied = Applied::default();
        self.time_ms = round.time_ms;
        for (sequence, event) in (round.first_sequence..).zip(&round.events) {
            let mut effect = Effect { sequence, time_ms: round.time_ms, applied: &mut applied };
            if let Err(refusal) = self.event(event, &mut effect) {
                self.counters.refused_events += 1;
                applied.refused.push((sequence, refusal));
            }
            self.ledger.assert_event_balanced();
        }
        self.ledger.assert_balanced();
        applied.touched.sort_unstable();
        applied.touched.dedup();
        applied
    }

    fn event(&mut self, event: &Event, effect: &mut Effect) -> Result<(), Refusal> {
        match *event {
            Event::FundEndowed { quanta } => {
                if quanta < 0 {
                    return Err(Refusal::Cash);
                }
                self.ledger.transfer(Owner::Outside, Owner::Insurance, Amount::Quote(quanta.into()));
                self.counters.insurance_start += i128::from(quanta);
                Ok(())
            }
            Event::Listed { instrument, ref spec } => {
                if usize::from(instrument.0) != self.markets.len() {
                    return Err(Refusal::Instrument);
                }
                let market = Market::new(spec.clone(), self.scale).map_err(|_| Refusal::Instrument)?;
                self.markets.push(market);
                effect.update(Change::List { instrument, spec: spec.clone() });
                Ok(())
            }
            Event::Mark { instrument, price } => self.mark(instrument, price, effect),
            Event::Deposited { account, quanta } => self.deposit(account, quanta, effect),
            Event::Traded { account, instrument, lots, quote } => {
                self.trade(account, instrument, lots, quote, effect)
            }
            Event::Filled { order, lots, quote } => self.fill(order, lots, quote.into(), effect),
            Event::Rejected { order } => self.fill(order, 0, 0, effect),
            Event::TakenOver { account } => self.take_over(account, effect),
            Event::Bankrupted { account } => self.bankrupt(account, effect),
            Event::Settled => {
                self.settle();
                Ok(())
            }
        }
    }

    fn mark(&mut self, instrument: InstrumentId, price: u64, effect: &mut Effect) -> Result<(), Refusal> {
        let market = self.markets.get_mut(usize::from(instrument.0)).ok_or(Refusal::Instrument)?;
        let mark = market.price(price).ok_or(Refusal::Price)?;
        let rules = &self.rules;
        let judgement =
            market.guard.judge(effect.time_ms, price, rules.mark_band, rules.scale, rules.mark_hold_ms);
        if matches!(judgement, Judgement::Held | Judgement::Dropped) {
            return Ok(());
        }
        market.mark = mark;
        effect.update(Change::Mark { instrument, price });
        effect.applied.touched.extend(&market.holders);
        let holders = market.holders.len() as u64;
        effect.applied.dues.push(Due { sequence: effect.sequence, instrument, holders });
        Ok(())
    }

    fn deposit(&mut self, account: AccountId, quanta: i64, effect: &mut Effect) -> Result<(), Refusal> {
        let cash = self.ledger.find(account).map_or(0, |index| self.ledger.margin(index).cash);
        if quanta < 0 || !cash_in_range(cash + i128::from(quanta)) {
            return Err(Refusal::Cash);
        }
        let index = self.ledger.open(account);
        if index == self.standings.len() {
            self.standings.push(Standing::default());
        }
        self.ledger.transfer(Owner::Outside, Owner::Margin(index), Amount::Quote(quanta.into()));
        effect.update(Change::Cash { account, delta: quanta, hold: false });
        effect.applied.touched.push(index);
        Ok(())
    }

    fn trade(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        lots: i64,
        quote: i64,
        effect: &mut Effect,
    ) -> Result<(), Refusal> {
        let index = self.ledger.find(account).ok_or(Refusal::Account)?;
        let market = self.markets.get(usize::from(instrument.0)).ok_or(Refusal::Instrument)?;
        if market.guard.applied().is_none() {
            return Err(Refusal::NoMark);
        }
        if lots == 0 || quote != 0 && (lots > 0) == (quote > 0) {
            return Err(Refusal::Sign);
        }
        let holdings = self.ledger.margin(index);
        let size = holdings.size(instrument).checked_add(lots).ok_or(Refusal::Size)?;
        market.holding(size).ok_or(Refusal::Size)?;
        if holdings.size(instrument) == 0 && holdings.positions.len() == POSITIONS_MAX {
            return Err(Refusal::Positions);
        }
        if !cash_in_range(holdings.cash + i128::from(quote)) {
            return Err(Refusal::Cash);
        }
        if self.exposure_max(index, instrument, size) >= EXPOSURE_MAX {
            return Err(Refusal::Exposure);
        }
        self.exchange(index, Owner::Maker, instrument, lots, quote.into());
        if self.standings[index].stage == Stage::Closed {
            self.standings[index].stage = Stage::Standing;
        }
        effect.position(self, index, instrument, quote.into(), false);
        Ok(())
    }

    /// The account's gross notional at the highest representable prices, quanta, with `size` lots of `instrument`.
    fn exposure_max(&self, index: usize, instrument: InstrumentId, size: i64) -> u128 {
        let others = self.ledger.margin(index).positions.iter().filter(|position| position.0 != instrument);
        others
            .copied()
            .chain([(instrument, size)])
            .map(|(id, lots)| {
                u128::from(lots.unsigned_abs()) << self.markets[usize::from(id.0)].spec.price_bits
            })
            .sum()
    }

    fn fill(&mut self, order_id: u64, lots: i64, quote: i128, effect: &mut Effect) -> Result<(), Refusal> {
        // The venue's report ends the order, whatever it says.
        let order = self.orders.remove(&order_id).ok_or(Refusal::Order)?;
        let index = order.index;
        self.standings[index].pending = false;
        if !is_within(&order, lots, quote) {
            return Err(Refusal::Order);
        }
        let before = self.exact(index);
        let market = &self.markets[usize::from(order.instrument.0)];
        let held = self.ledger.margin(index).size(order.instrument);
        if lots.abs() > held.abs() || lots != 0 && lots.signum() == held.signum() {
            return Err(Refusal::Order);
        }
        let holding = market.holding(held).expect("sizes are checked before they take effect");
        let zero =
            zero_price_quote(&holding, lots.abs(), before.equity, before.requirement.max(1), self.scale);
        let delta = if lots == 0 { 0 } else { insurance_delta(quote, zero, self.rules.fee, self.scale) };
        let fund = self.ledger.of(Owner::Insurance).cash;
        let delta = delta.max(-fund);

        self.standings[index].attempts.note(effect.time_ms, lots != 0, lots == order.lots);
        if lots == 0 {
            return Ok(());
        }
        self.counters.slices += 1;
        self.exchange(index, Owner::Venue, order.instrument, lots, quote);
        self.pay_fund(index, delta);
        effect.position(self, index, order.instrument, quote - delta, false);
        let kind = if held + lots == 0 { ActionKind::FullClose } else { ActionKind::Slice };
        let legs = vec![(order.instrument, lots, quote)];
        effect.action(self, index, kind, legs, delta.max(0), (-delta).max(0), 0, before);
        Ok(())
    }

    /// Positions go to the backstop at the zero price of the whole account: at mark, less all equity, of which the fund has its fee first.
    fn take_over(&mut self, account: AccountId, effect: &mut Effect) -> Result<(), Refusal> {
        let (index, before) = self.outcome(account)?;
        if before.severity < Severity::Liquidatable || before.severity == Severity::Insolvent {
            return Err(Refusal::Severity);
        }
        let legs = self.hand_over(index, false, effect);
        let equity = self.ledger.margin(index).cash;
        let notional: i128 = legs.iter().map(|(_, _, quote)| quote.abs()).sum();
        let fee = (notional * i128::from(self.rules.fee) / i128::from(self.scale.get())).min(equity);
        self.pay_fund(index, fee);
        self.ledger.transfer(Owner::Margin(index), Owner::Backstop, Amount::Quote(equity - fee));
        effect.update(Change::Cash { account, delta: narrow(-equity), hold: false });
        self.counters.takeovers += 1;
        self.end_liquidation(index, Stage::Closed);
        effect.action(self, index, ActionKind::Takeover, legs, fee, 0, 0, before);
        Ok(())
    }

    /// Waterfall: the fund pays the deficit first, what it cannot pay is bad debt, and only then the positions leave.
    fn bankrupt(&mut self, account: AccountId, effect: &mut Effect) -> Result<(), Refusal> {
        let (index, before) = self.outcome(account)?;
        if before.severity != Severity::Insolvent {
            return Err(Refusal::Severity);
        }
        // Weights are the scale, so equity is a whole number of quanta.
        let deficit = -before.equity / i128::from(self.scale.get());
        let paid = deficit.min(self.ledger.of(Owner::Insurance).cash);
        self.pay_fund(index, -paid);
        self.ledger.transfer(Owner::Deficit, Owner::Margin(index), Amount::Quote(deficit - paid));
        effect.update(Change::Cash {
            account,
            delta: narrow(deficit),
            hold: !self.ledger.margin(index).positions.is_empty(),
        });
        effect.applied.touched.push(index);
        let legs = self.hand_over(index, true, effect);
        assert_eq!(self.ledger.margin(index).cash, 0, "the waterfall leaves the account at zero");
        self.counters.bankruptcies += 1;
        self.end_liquidation(index, Stage::Closed);
        effect.action(self, index, ActionKind::Bankruptcy, legs, 0, paid, deficit - paid, before);
        Ok(())
    }

    /// The account of a takeover or bankruptcy, judged again: the command that led to it is no longer under way.
    fn outcome(&mut self, account: AccountId) -> Result<(usize, Exact), Refusal> {
        let index = self.ledger.find(account).ok_or(Refusal::Account)?;
        if self.orders.values().any(|order| order.index == index) {
            return Err(Refusal::Severity);
        }
        self.standings[index].pending = false;
        Ok((index, self.exact(index)))
    }

    /// Every position to the backstop at its mark; the device compares at the last one, or not at all.
    fn hand_over(
        &mut self,
        index: usize,
        last_compares: bool,
        effect: &mut Effect,
    ) -> Vec<(InstrumentId, i64, i128)> {
        let positions = self.ledger.margin(index).positions.clone();
        let mut legs = Vec::with_capacity(positions.len());
        for (at, &(instrument, lots)) in positions.iter().enumerate() {
            let quote = i128::from(lots) * i128::from(self.markets[usize::from(instrument.0)].mark.get());
            self.exchange(index, Owner::Backstop, instrument, -lots, quote);
            effect.position(self, index, instrument, quote, !(last_compares && at + 1 == positions.len()));
            legs.push((instrument, -lots, quote));
        }
        legs
    }

    /// The account's lots change by `lots` and its cash by `quote`, both against `other`.
    fn exchange(&mut self, index: usize, other: Owner, instrument: InstrumentId, lots: i64, quote: i128) {
        self.ledger.transfer(other, Owner::Margin(index), Amount::Lots(instrument, lots));
        self.ledger.transfer(other, Owner::Margin(index), Amount::Quote(quote));
        let holders = &mut self.markets[usize::from(instrument.0)].holders;
        if self.ledger.margin(index).size(instrument) == 0 {
            holders.remove(&index);
        } else {
            holders.insert(index);
        }
    }

    /// Fee to the fund, or (negative) a payment by it.
    fn pay_fund(&mut self, index: usize, delta: i128) {
        self.ledger.transfer(Owner::Margin(index), Owner::Insurance, Amount::Quote(delta));
        self.counters.insurance_in += delta.max(0);
        self.counters.insurance_out += (-delta).max(0);
    }

    pub(crate) fn end_liquidation(&mut self, index: usize, stage: Stage) {
        let standing = &mut self.standings[index];
        (standing.stage, standing.attempts) = (stage, Attempts::default());
        self.reducing.remove(&index);
    }

    /// Every position of everybody is closed against the maker at the last applied mark. Nobody is watched or reduced any more; the
    /// device is reset after, not told.
    fn settle(&mut self) {
        let margin = (0..self.ledger.accounts()).map(Owner::Margin);
        for owner in margin.chain([Owner::Venue, Owner::Backstop]) {
            for (instrument, lots) in self.ledger.of(owner).positions.clone() {
                let market = &mut self.markets[usize::from(instrument.0)];
                let quote = i128::from(lots) * i128::from(market.mark.get());
                self.ledger.transfer(owner, Owner::Maker, Amount::Lots(instrument, lots));
                self.ledger.transfer(Owner::Maker, owner, Amount::Quote(quote));
                market.holders.clear();
            }
        }
        assert!(self.ledger.of(Owner::Maker).positions.is_empty(), "after settlement nobody holds anything");
        self.watch.clear();
        self.reducing.clear();
        self.orders.clear();
        self.standings.fill(Standing { stage: Stage::Closed, ..Standing::default() });
    }
}

/// True if the report is the order's own side, not more than its lots, and no worse than its limit.
fn is_within(order: &Order, lots: i64, quote: i128) -> bool {
    if lots == 0 {
        return quote == 0;
    }
    let worst = i128::from(order.limit) * i128::from(lots.unsigned_abs());
    let fair = if lots < 0 { quote >= worst } else { quote < 0 && -quote <= worst };
    lots.signum() == order.lots.signum() && lots.abs() <= order.lots.abs() && fair
}

fn cash_in_range(quanta: i128) -> bool {
    quanta.abs() < CASH_MAX
}

/// Cash moves of one account fit 64 bits: cash is below 2^61 and a position's value below 2^59.
fn narrow(quanta: i128) -> i64 {
    assert!(quanta.unsigned_abs() <= Cash::MAX as u128, "a cash move of {quanta} quanta");
    quanta as i64
}

/// Collects what an event does.
struct Effect<'a> {
    sequence: EventSequence,
    time_ms: i64,
    applied: &'a mut Applied,
}

impl Effect<'_> {
    fn update(&mut self, change: Change) {
        self.applied.updates.push(Update { sequence: self.sequence, change });
    }

    fn position(
        &mut self,
        engine: &Engine,
        index: usize,
        instrument: InstrumentId,
        cash_delta: i128,
        hold: bool,
    ) {
        let account = engine.ledger.id(index);
        let size = engine.ledger.margin(index).size(instrument);
        self.update(Change::Position { account, instrument, size, cash_delta: narrow(cash_delta), hold });
        self.applied.touched.push(index);
    }

    #[expect(clippy::too_many_arguments, reason = "one row of the report")]
    fn action(
        &mut self,
        engine: &Engine,
        index: usize,
        kind: ActionKind,
        legs: Vec<(InstrumentId, i64, i128)>,
        fee: i128,
        fund_paid: i128,
        unpaid: i128,
        before: Exact,
    ) {
        self.applied.actions.push(Action {
            sequence: self.sequence,
            time_ms: self.time_ms,
            account: engine.ledger.id(index),
            kind,
            legs,
            fee,
            fund_paid,
            unpaid,
            before,
            after: engine.exact(index),
        });
    }
}
