//! Events take effect: transfers in the ledger, updates for the device. An event that breaks a rule changes nothing and is counted.

mod close_out;
mod deleverage;
mod effect;
mod elapse;
mod estate;
mod fill;
mod gates;
mod price;
mod trade;

use crate::account::{Attempts, Stage, Standing};
use crate::event::{AccountId, Due, Event, EventSequence, InstrumentId, Round, Update};
use crate::insurance::waterfall::{Pool, draw};
use crate::judge::Exact;
use crate::ledger::{Amount, Owner, Transfer};
use crate::market::Market;
use crate::rules::Insurance;
use crate::state::Engine;
use effect::Effect;

/// Most positions of an account.
pub const POSITIONS_MAX: usize = 64;
/// Most accounts that one event closes out.
pub const CLOSE_OUT_MAX: usize = 1 << 16;

/// What a round did.
#[derive(Debug, Default)]
pub struct Applied {
    /// For the device, in order.
    pub updates: Vec<Update>,
    /// Verdicts owed, one row an applied mark.
    pub dues: Vec<Due>,
    /// What moved in the ledger, in order, with the event that moved it.
    pub transfers: Vec<(EventSequence, Transfer)>,
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
    /// Fee to the insurance funds.
    pub fee: i128,
    /// Paid by the insurance funds.
    pub fund_paid: i128,
    /// Borne by others: counterparties that were deleveraged, winners, then bad debt.
    pub unpaid: i128,
    pub before: Exact,
    pub after: Exact,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ActionKind {
    Slice,
    FullClose,
    /// A slice that the backstop took.
    Absorption,
    Takeover,
    Bankruptcy,
    /// A counterparty's position was closed at the mark, less what it bears of a loss or plus what it is compensated with.
    Deleveraging,
    /// A winner bears a part of a loss.
    SocialisedLoss,
}

/// Why an event changed nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    #[error("instrument is not listed, or not under the next free id, or its specification is out of range")]
    Instrument,
    #[error("price is zero or beyond the instrument's bits")]
    Price,
    #[error("the book's levels are empty, out of order or too many")]
    Book,
    #[error("the instrument has been settled and trades no more")]
    Settled,
    #[error(
        "the brackets make no sense, or raise the maintenance margin before the notice period has passed"
    )]
    Brackets,
    #[error("the market is halted, reopens within a band of the mark, or takes marks only after an outage")]
    Halted,
    #[error("an operator has paused this")]
    Paused,
    #[error(
        "a pause needs a reason of 1 to {} bytes and an end within the longest time, withdrawals are paused everywhere, and only what is paused is resumed",
        gates::REASON_MAX
    )]
    Pause,
    #[error(
        "withdrawals are closed: paused, after an outage, after an account was insolvent, or while a mark that the account holds is in doubt"
    )]
    WithdrawalsClosed,
    #[error("more than may be withdrawn a day")]
    DayLimit,
    #[error("the instrument's marks are composed of its prices, or they are not and this one was to be")]
    Composition,
    #[error("there are {} other venues at most, and a price does not go back in time", price::VENUES_MAX)]
    Source,
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
    #[error("account is open already, or is to be isolated with an instrument that is no listed contract")]
    Opening,
    #[error("an isolated account trades its one instrument, and takes no other asset")]
    Isolated,
    #[error("the accounts have different owners")]
    OtherOwner,
    #[error("equity would be below the initial requirement")]
    InitialMargin,
    #[error("the trade would take equity below zero, or further below")]
    Equity,
    #[error("a liquidation order of the account is out in the instrument")]
    OrderOut,
    #[error("the instrument is no collateral asset")]
    NotCollateral,
    #[error("account is not in a state that allows this")]
    Severity,
    #[error("no such order, or the report goes beyond it")]
    Order,
    #[error(
        "the backstop takes a slice inside its limits and the account's position, at no worse than the bankruptcy price"
    )]
    Absorption,
    #[error("one event closes out 1 to {CLOSE_OUT_MAX} accounts, each once")]
    CloseOut,
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
            self.ledger.assert_no_estate();
            applied.transfers.extend(self.ledger.take_transfers().map(|transfer| (sequence, transfer)));
        }
        self.ledger.assert_balanced();
        applied.touched.sort_unstable();
        applied.touched.dedup();
        applied
    }

    fn event(&mut self, event: &Event, effect: &mut Effect) -> Result<(), Refusal> {
        match *event {
            Event::FundEndowed { instrument, quanta } => self.endow(instrument, quanta),
            Event::Listed { instrument, ref spec } => self.list(instrument, spec, effect),
            Event::Mark { instrument, price } => self.mark(instrument, price, effect),
            Event::Book { instrument, ref book } => self.tell_book(instrument, book),
            Event::Opened { account, owner, isolated } => self.open(account, owner, isolated),
            Event::Deposited { account, quanta } => self.deposit(account, quanta, effect),
            Event::DepositedAsset { account, instrument, lots } => {
                self.deposit_asset(account, instrument, lots, effect)
            }
            Event::Moved { from, to, quanta } => self.move_collateral(from, to, quanta, effect),
            Event::OrdersResting { account, count, reserved } => self.rest(account, count, reserved),
            Event::Traded { account, instrument, lots, quote } => {
                self.trade(account, instrument, lots, quote, effect)
            }
            Event::Filled { order, lots, quote } => self.fill(order, lots, quote.into(), effect),
            Event::Rejected { order } => self.fill(order, 0, 0, effect),
            Event::Absorbed { account, instrument, lots, quote } => {
                self.absorb(account, instrument, lots, quote.into(), effect)
            }
            Event::TakenOver { ref accounts } => self.take_over(accounts, effect),
            Event::Bankrupted { ref accounts } => self.bankrupt(accounts, effect),
            Event::Priced { instrument, source, price } => self.price(instrument, source, price),
            Event::Composed { instrument } => self.compose(instrument, effect),
            Event::Elapsed { instrument } => self.elapse(instrument, effect),
            Event::BracketsAnnounced { instrument, ref brackets, effective_ms } => {
                self.announce(instrument, brackets, effective_ms)
            }
            Event::Delisted { instrument, price } => self.delist(instrument, price, effect),
            Event::Withdrawn { account, quanta } => self.withdraw(account, quanta, effect),
            Event::Ordered { account, instrument, lots, limit } => {
                self.order(account, instrument, lots, limit)
            }
            Event::Paused { scope, action, ref reason, until_ms } => {
                self.pause(scope, action, reason, until_ms)
            }
            Event::Resumed { scope, action } => self.resume(scope, action),
            Event::Settled => {
                self.settle();
                Ok(())
            }
        }
    }

    /// The account's lots change by `lots` and its cash by `quote`, both against `other`.
    fn exchange(&mut self, index: usize, other: Owner, instrument: InstrumentId, lots: i64, quote: i128) {
        let before = self.ledger.margin(index).size(instrument);
        self.ledger.transfer(other, Owner::Margin(index), Amount::Lots(instrument, lots));
        self.ledger.transfer(other, Owner::Margin(index), Amount::Quote(quote));
        let after = self.ledger.margin(index).size(instrument);
        let realised = self.market_mut(instrument).hold(index, before, after, quote);
        self.standings[index].realised += realised;
    }

    /// A fee from `payer`, shared by the fund of the market and the one of all.
    fn pay_fee(&mut self, payer: Owner, instrument: InstrumentId, fee: i128) {
        let share = i128::from(self.rules.insurance.market_share);
        let own = fee * share / i128::from(self.scale.get());
        self.ledger.transfer(payer, Owner::Fund(instrument), Amount::Quote(own));
        self.ledger.transfer(payer, Owner::Insurance, Amount::Quote(fee - own));
        self.counters.insurance_in += fee;
    }

    /// The funds pay `receiver` what they can of `quanta`: those of the markets in their order, then the shared one. Returns what they paid.
    fn draw_funds(&mut self, receiver: Owner, markets: &[InstrumentId], quanta: u128) -> u128 {
        let (now_ms, Insurance { reserve, window_ms, .. }) = (self.time_ms, self.rules.insurance);
        let balance = |fund: Owner| self.ledger.of(fund).cash.unsigned_abs();
        let mut pools: Vec<Pool> = markets
            .iter()
            .map(|&instrument| {
                let market = self.market(instrument);
                let room = market.fund_paid.room(now_ms, market.spec.fund_cap, window_ms);
                Pool { balance: balance(Owner::Fund(instrument)), room }
            })
            .collect();
        let shared = balance(Owner::Insurance);
        pools.push(Pool { balance: shared, room: shared.saturating_sub(reserve.into()) });
        let (paid, remaining) = draw(quanta, &pools);
        for (&instrument, &paid) in markets.iter().zip(&paid).filter(|(_, paid)| **paid > 0) {
            self.market_mut(instrument).fund_paid.pay(paid, now_ms, window_ms);
        }
        let funds = markets.iter().map(|&instrument| Owner::Fund(instrument)).chain([Owner::Insurance]);
        for (fund, paid) in funds.zip(paid) {
            self.ledger.transfer(fund, receiver, Amount::Quote(paid as i128));
        }
        self.counters.insurance_out += (quanta - remaining) as i128;
        quanta - remaining
    }

    /// Liquidation fee of a close for `quote`, rounded down.
    fn fee(&self, instrument: InstrumentId, quote: i128) -> i128 {
        quote.abs() * i128::from(self.market(instrument).spec.fee) / i128::from(self.scale.get())
    }

    pub(crate) fn end_liquidation(&mut self, index: usize, stage: Stage) {
        let standing = &mut self.standings[index];
        (standing.stage, standing.attempts) = (stage, Attempts::default());
        self.reducing.remove(&index);
    }

    /// Everybody's positions are closed against the maker at the last applied marks. Nobody is watched or reduced any more; the device is
    /// reset after, not told.
    fn settle(&mut self) {
        let system = self.ledger.owners().filter(|owner| *owner != Owner::Maker);
        let margin = (0..self.ledger.accounts()).map(Owner::Margin);
        for owner in margin.chain(system) {
            for (instrument, lots) in self.ledger.of(owner).positions.clone() {
                let quote = i128::from(lots) * i128::from(self.market(instrument).mark.get());
                self.ledger.transfer(owner, Owner::Maker, Amount::Lots(instrument, lots));
                self.ledger.transfer(Owner::Maker, owner, Amount::Quote(quote));
            }
        }
        assert!(self.ledger.of(Owner::Maker).positions.is_empty(), "after settlement nobody holds anything");
        for market in &mut self.markets {
            market.holders.clear();
            (market.long_lots, market.short_lots) = (0, 0);
        }
        self.watch.clear();
        self.reducing.clear();
        self.orders.clear();
        self.unwinding.clear();
        for standing in &mut self.standings {
            *standing = Standing { owner: standing.owner, stage: Stage::Closed, ..Standing::default() };
        }
    }
}
