//! An auditor that keeps its own books from the transfers, judges every account by its own arithmetic, and follows every order. It takes from
//! the engine what happened, never what it means.

use std::collections::{BTreeMap, BTreeSet};

use engine::Engine;
use engine::apply::{ActionKind, Applied};
use engine::event::{Command, Event, Flag, InstrumentId, OrderId, Round, TimeMs, VenueOrder};
use engine::ledger::{Amount, Owner, SYSTEM, Transfer};
use engine::rules::{InstrumentSpec, Rules};
use serde::Serialize;

use crate::venue::{Order, Report};

/// Event time for which nothing may happen to an account below the line: longer than every halt, gate and pause.
pub const STUCK_MS: TimeMs = 900_000;

/// One round as it was seen.
pub struct Seen<'s> {
    pub round: &'s Round,
    pub applied: &'s Applied,
    pub flags: &'s [Flag],
    pub commands: &'s [Command],
    /// Verdicts that the device gave, if they are known.
    pub given: Option<u64>,
}

/// What was checked.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Checks {
    pub rounds: u64,
    pub events: u64,
    pub transfers: u64,
    pub verdicts: u64,
    pub flags: u64,
    pub orders: u64,
    pub fills: u64,
    pub slices: u64,
    pub absorptions: u64,
    pub takeovers: u64,
    pub bankruptcies: u64,
    pub deleveragings: u64,
    pub socialised: u64,
    /// Longest time for which nothing happened to an account below the line.
    pub longest_ms: TimeMs,
}

impl Checks {
    /// All counts with their names.
    pub fn counts(&mut self) -> [(&'static str, &mut u64); 13] {
        [
            ("rounds", &mut self.rounds),
            ("events", &mut self.events),
            ("transfers", &mut self.transfers),
            ("verdicts due", &mut self.verdicts),
            ("flags", &mut self.flags),
            ("orders", &mut self.orders),
            ("fills", &mut self.fills),
            ("slices", &mut self.slices),
            ("absorptions", &mut self.absorptions),
            ("takeovers", &mut self.takeovers),
            ("bankruptcies", &mut self.bankruptcies),
            ("deleveraged", &mut self.deleveragings),
            ("losses borne by winners", &mut self.socialised),
        ]
    }

    pub fn add(&mut self, mut other: Self) {
        for ((_, sum), (_, one)) in self.counts().into_iter().zip(other.counts()) {
            *sum += *one;
        }
        self.longest_ms = self.longest_ms.max(other.longest_ms);
    }
}

#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Row {
    cash: i128,
    lots: Vec<i64>,
}

impl Row {
    fn add(&mut self, amount: Amount, sign: i64) {
        match amount {
            Amount::Quote(quanta) => self.cash += i128::from(sign) * quanta,
            Amount::Lots(instrument, lots) => {
                let at = usize::from(instrument.0);
                self.lots.resize(self.lots.len().max(at + 1), 0);
                self.lots[at] += sign * lots;
            }
        }
    }

    fn lots(&self, instrument: usize) -> i64 {
        self.lots.get(instrument).copied().unwrap_or(0)
    }
}

#[derive(Clone, Debug, Default)]
struct Account {
    row: Row,
    /// Severity of the last flag.
    said: u8,
    /// Since when it is below the line and nothing has happened to it.
    idle_ms: Option<TimeMs>,
    /// Its order that is out.
    order: Option<OrderId>,
}

#[derive(Clone, Debug)]
struct Listed {
    spec: InstrumentSpec,
    mark: u64,
    fund: Row,
    backstop: Row,
    /// Notional sent and not refilled, thousandths, as of a time.
    sent: i128,
    sent_ms: TimeMs,
}

/// A liquidation order that is out.
#[derive(Clone, Copy, Debug)]
struct Out {
    /// None: of the backstop.
    account: Option<usize>,
    order: Order,
    mark: u64,
}

#[derive(Clone, Debug)]
pub struct Auditor {
    rules: Rules,
    system: [Row; SYSTEM.len()],
    listed: Vec<Listed>,
    accounts: Vec<Account>,
    out: BTreeMap<OrderId, Out>,
    /// Lots and quote that were posted.
    ended: BTreeMap<OrderId, (i64, i128)>,
    pub checks: Checks,
}

macro_rules! require {
    ($condition:expr, $($said:tt)*) => {
        if !$condition {
            return Err(format!($($said)*));
        }
    };
}

impl Auditor {
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            system: Default::default(),
            listed: Vec::new(),
            accounts: Vec::new(),
            out: BTreeMap::new(),
            ended: BTreeMap::new(),
            checks: Checks::default(),
        }
    }

    /// Goes through a round that has taken effect and was decided on.
    ///
    /// # Errors
    /// What is wrong.
    pub fn round(&mut self, engine: &Engine, seen: &Seen) -> Result<(), String> {
        let before: Vec<u64> = self.listed.iter().map(|listed| listed.mark).collect();
        self.events(seen)?;
        self.marks(engine, seen, &before)?;
        self.books(engine)?;
        self.verdicts(engine, seen)?;
        self.decisions(engine, seen)?;
        self.nobody_is_stuck(engine, seen.round.time_ms)?;
        self.checks.rounds += 1;
        for action in &seen.applied.actions {
            let checks = &mut self.checks;
            *match action.kind {
                ActionKind::Slice | ActionKind::FullClose => &mut checks.slices,
                ActionKind::Absorption => &mut checks.absorptions,
                ActionKind::Takeover => &mut checks.takeovers,
                ActionKind::Bankruptcy => &mut checks.bankruptcies,
                ActionKind::Deleveraging => &mut checks.deleveragings,
                ActionKind::SocialisedLoss => &mut checks.socialised,
            } += 1;
        }
        Ok(())
    }

    /// Event after event: what moved, that no pool is below zero after it, and that each report is posted once, as it says.
    fn events(&mut self, seen: &Seen) -> Result<(), String> {
        let refused: BTreeSet<u64> = seen.applied.refused.iter().map(|refused| refused.0).collect();
        let mut transfers = seen.applied.transfers.iter().peekable();
        let mut dues = seen.applied.dues.iter().peekable();
        for (sequence, event) in (seen.round.first_sequence..).zip(&seen.round.events) {
            if let Event::Listed { spec, .. } = event
                && !refused.contains(&sequence)
            {
                let (fund, backstop) = (Row::default(), Row::default());
                let spec = (**spec).clone();
                self.listed.push(Listed { spec, mark: 0, fund, backstop, sent: 0, sent_ms: TimeMs::MIN });
            }
            let mut moved = Vec::new();
            while let Some((_, transfer)) = transfers.next_if(|(of, _)| *of == sequence) {
                self.post(transfer)?;
                moved.push(*transfer);
            }
            require!(
                moved.is_empty() || !refused.contains(&sequence),
                "event {sequence} was refused and moved something"
            );
            for (place, row) in self.system.iter().enumerate() {
                let is_estate = SYSTEM[place] == Owner::Estate;
                require!(
                    !is_estate || row.cash == 0 && row.lots.iter().all(|&lots| lots == 0),
                    "event {sequence} leaves an estate"
                );
            }
            if let Event::Filled { order, lots, quote } = *event {
                self.filled(sequence, order, (lots, quote.into()), refused.contains(&sequence), &moved)?;
            } else if let Event::Rejected { order } = *event {
                self.filled(sequence, order, (0, 0), refused.contains(&sequence), &moved)?;
            }
            while let Some(due) = dues.next_if(|due| due.sequence == sequence) {
                let at = usize::from(due.instrument.0);
                let holders = self.accounts.iter().filter(|account| account.row.lots(at) != 0).count() as u64;
                require!(
                    due.holders == holders,
                    "event {sequence}: {} verdicts due, of {holders} holders",
                    due.holders
                );
                self.checks.verdicts += holders;
            }
            self.checks.events += 1;
        }
        require!(transfers.next().is_none() && dues.next().is_none(), "something moved without an event");
        let due: u64 = seen.applied.dues.iter().map(|due| due.holders).sum();
        require!(seen.given.is_none_or(|given| given == due), "{due} verdicts due, {:?} given", seen.given);
        Ok(())
    }

    fn post(&mut self, &Transfer { from, to, amount }: &Transfer) -> Result<(), String> {
        for (owner, sign) in [(from, -1), (to, 1)] {
            let row = match owner {
                Owner::Margin(index) => {
                    let accounts = self.accounts.len().max(index + 1);
                    self.accounts.resize_with(accounts, Account::default);
                    self.accounts[index].idle_ms = None;
                    &mut self.accounts[index].row
                }
                Owner::Fund(market) => &mut self.listed[usize::from(market.0)].fund,
                Owner::Backstop(market) => &mut self.listed[usize::from(market.0)].backstop,
                system => {
                    let place = SYSTEM.iter().position(|&other| other == system).expect("a system owner");
                    &mut self.system[place]
                }
            };
            row.add(amount, sign);
            let is_pool = matches!(owner, Owner::Insurance | Owner::Fund(_));
            require!(!is_pool || row.cash >= 0, "{owner:?} is {} quanta below zero", -row.cash);
        }
        self.checks.transfers += 1;
        Ok(())
    }

    /// A final report of the venue.
    fn filled(
        &mut self,
        sequence: u64,
        id: OrderId,
        (lots, quote): (i64, i128),
        is_refused: bool,
        moved: &[Transfer],
    ) -> Result<(), String> {
        let Some(Out { account, order, mark }) = self.out.remove(&id) else {
            require!(is_refused, "event {sequence}: order {id} is not out and its report was taken");
            return Ok(());
        };
        let left = if is_refused { order.lots } else { order.lots - lots };
        let listed = &mut self.listed[usize::from(order.instrument.0)];
        listed.sent = (listed.sent - 1_000 * i128::from(left.abs()) * i128::from(mark)).max(0);
        if let Some(account) = account {
            self.accounts[account].order = None;
            self.accounts[account].idle_ms = None;
        }
        if is_refused {
            return Ok(());
        }
        let worst = i128::from(order.limit) * -i128::from(lots);
        require!(
            lots.signum() * order.lots.signum() >= 0 && lots.abs() <= order.lots.abs() && quote >= worst,
            "event {sequence}: order {id} of {} lots at {} was filled with {lots} for {quote}",
            order.lots,
            order.limit
        );
        let owner = account.map_or(Owner::Backstop(order.instrument), Owner::Margin);
        let sum = |of: &dyn Fn(Amount) -> i128| -> i128 {
            let share = |transfer: &Transfer| match (transfer.from, transfer.to) {
                (Owner::Venue, to) if to == owner => of(transfer.amount),
                (from, Owner::Venue) if from == owner => -of(transfer.amount),
                _ => 0,
            };
            moved.iter().map(share).sum()
        };
        let quanta = sum(&|amount| if let Amount::Quote(quanta) = amount { quanta } else { 0 });
        let moved = sum(&|amount| if let Amount::Lots(_, lots) = amount { lots.into() } else { 0 });
        require!(
            (moved, quanta) == (lots.into(), quote),
            "event {sequence}: order {id} filled {lots} lots for {quote}, {moved} for {quanta} were posted"
        );
        require!(
            self.ended.insert(id, (lots, quote)).is_none(),
            "event {sequence}: order {id} was posted twice"
        );
        self.checks.fills += 1;
        Ok(())
    }

    /// Every mark that is another than before owes verdicts.
    fn marks(&mut self, engine: &Engine, seen: &Seen, before: &[u64]) -> Result<(), String> {
        for (at, market) in engine.markets().iter().enumerate() {
            let mark = market.mark.get();
            self.listed[at].mark = mark;
            let is_due = seen.applied.dues.iter().any(|due| usize::from(due.instrument.0) == at);
            require!(
                before.get(at).is_none_or(|&before| before == mark) || is_due,
                "the mark of instrument {at} changed to {mark} and nobody was judged"
            );
        }
        Ok(())
    }

    /// Our books are the ledger's, to the quantum and the lot.
    fn books(&self, engine: &Engine) -> Result<(), String> {
        let ledger = engine.ledger();
        let same = |row: &Row, owner: Owner| {
            let of = ledger.of(owner);
            let lots = (0..self.listed.len()).all(|at| row.lots(at) == of.size(InstrumentId(at as u16)));
            require!(
                row.cash == of.cash && lots,
                "{owner:?} has {of:?} in the ledger, {row:?} by its transfers"
            );
            Ok(())
        };
        SYSTEM.iter().zip(&self.system).try_for_each(|(&owner, row)| same(row, owner))?;
        for (market, listed) in (0..).map(InstrumentId).zip(&self.listed) {
            same(&listed.fund, Owner::Fund(market))?;
            same(&listed.backstop, Owner::Backstop(market))?;
        }
        for index in 0..ledger.accounts() {
            let none = Row::default();
            let row = self.accounts.get(index).map_or(&none, |account| &account.row);
            same(row, Owner::Margin(index))?;
        }
        Ok(())
    }

    /// Severity by E and R in quanta times the scale.
    fn severity(&self, row: &Row) -> u8 {
        let scale = i128::from(self.rules.scale);
        let (mut equity, mut requirement) = (row.cash * scale, 0);
        for (listed, &lots) in self.listed.iter().zip(&row.lots) {
            let value = i128::from(lots) * i128::from(listed.mark);
            equity += value * scale;
            let brackets = &listed.spec.brackets;
            for (place, &(floor, rate)) in brackets.iter().enumerate() {
                let end = brackets.get(place + 1).map_or(i128::MAX, |next| next.0.into());
                let within = value.abs().min(end) - i128::from(floor);
                requirement += within.max(0) * i128::from(rate);
            }
        }
        let is_below = |rung: u32| 256 * equity < requirement * i128::from(rung);
        match self.rules.rungs.map(is_below) {
            _ if equity < 0 => 4,
            [_, _, true] => 3,
            [_, true, _] => 2,
            [true, ..] => 1,
            _ => 0,
        }
    }

    /// Every change of an account's severity was flagged, and nothing else.
    fn verdicts(&mut self, engine: &Engine, seen: &Seen) -> Result<(), String> {
        for flag in seen.flags {
            let index = engine.ledger().find(flag.account);
            let index =
                index.ok_or_else(|| format!("a flag names account {}, which is none", flag.account.0))?;
            let accounts = self.accounts.len().max(index + 1);
            self.accounts.resize_with(accounts, Account::default);
            self.accounts[index].said = flag.severity_new;
            self.checks.flags += 1;
        }
        if seen.round.events.contains(&Event::Settled) {
            return Ok(());
        }
        for (index, account) in self.accounts.iter().enumerate() {
            let severity = self.severity(&account.row);
            require!(
                severity == account.said,
                "account {} is at severity {severity}; the last flag said {}",
                engine.ledger().id(index).0,
                account.said
            );
        }
        Ok(())
    }

    /// Orders reduce, fit position and budget, and an account has one out at the most, and nothing else decided for it.
    fn decisions(&mut self, engine: &Engine, seen: &Seen) -> Result<(), String> {
        let now_ms = seen.round.time_ms;
        for command in seen.commands {
            let accounts: Vec<_> = match command {
                Command::Bankrupt { accounts } | Command::TakeOver { accounts } => accounts.clone(),
                Command::CancelOrders { account }
                | Command::PlaceOrder { account, .. }
                | Command::Absorb { account, .. } => vec![*account],
                Command::Unwind { .. } => Vec::new(),
            };
            let indices: Vec<usize> =
                accounts.iter().filter_map(|account| engine.ledger().find(*account)).collect();
            require!(indices.len() == accounts.len(), "a decision names an account that is none");
            for &index in &indices {
                let account = &mut self.accounts[index];
                account.idle_ms = None;
                let is_cancel = matches!(command, Command::CancelOrders { .. });
                require!(
                    is_cancel || account.order.is_none(),
                    "account {} has order {:?} out, and {command:?} was decided",
                    accounts[0].0,
                    account.order
                );
            }
            if let Some(VenueOrder { id, instrument, lots, limit }) = command.venue_order() {
                self.placed(now_ms, indices.first().copied(), id, Order { instrument, lots, limit })?;
            }
        }
        Ok(())
    }

    fn placed(
        &mut self,
        now_ms: TimeMs,
        account: Option<usize>,
        id: OrderId,
        order: Order,
    ) -> Result<(), String> {
        let at = usize::from(order.instrument.0);
        let listed = &mut self.listed[at];
        let position = account.map_or(listed.backstop.lots(at), |index| self.accounts[index].row.lots(at));
        require!(
            order.lots != 0
                && order.lots.signum() == -position.signum()
                && order.lots.abs() <= position.abs(),
            "order {id} of {} lots, of a position of {position}",
            order.lots
        );
        require!(!self.ended.contains_key(&id), "order {id} has ended before");
        let budget = listed.spec.budget;
        let passed_ms = if listed.sent_ms == TimeMs::MIN { 0 } else { (now_ms - listed.sent_ms).max(0) };
        listed.sent = (listed.sent - i128::from(budget.refill) * i128::from(passed_ms)).max(0);
        listed.sent_ms = listed.sent_ms.max(now_ms);
        let is_full = listed.sent == 0;
        listed.sent += 1_000 * i128::from(order.lots.abs()) * i128::from(listed.mark);
        // A budget of less than a lot is a lot.
        require!(
            listed.sent <= 1_000 * i128::from(budget.capacity) || is_full && order.lots.abs() == 1,
            "order {id} takes {} of a budget of {}",
            listed.sent / 1_000,
            budget.capacity
        );
        let out = Out { account, order, mark: listed.mark };
        require!(self.out.insert(id, out).is_none(), "order {id} is out twice");
        if let Some(index) = account {
            self.accounts[index].order = Some(id);
        }
        self.checks.orders += 1;
        Ok(())
    }

    /// Something happens to every account below the line: it has an order out, or waits no longer than anything may.
    fn nobody_is_stuck(&mut self, engine: &Engine, now_ms: TimeMs) -> Result<(), String> {
        for (index, account) in self.accounts.iter_mut().enumerate() {
            if account.said < 2 || account.order.is_some() {
                account.idle_ms = None;
                continue;
            }
            let idle_ms = now_ms - *account.idle_ms.get_or_insert(now_ms);
            self.checks.longest_ms = self.checks.longest_ms.max(idle_ms);
            require!(
                idle_ms <= STUCK_MS,
                "account {} is at severity {} and nothing has happened to it for {} s",
                engine.ledger().id(index).0,
                account.said,
                idle_ms / 1_000
            );
        }
        Ok(())
    }

    /// The world is quiet: nobody is below the line, and no order is out.
    ///
    /// # Errors
    /// Who is.
    pub fn end(&self, engine: &Engine) -> Result<(), String> {
        for (index, account) in self.accounts.iter().enumerate() {
            let id = engine.ledger().id(index).0;
            require!(account.said < 2, "at the end account {id} is at severity {}", account.said);
        }
        require!(self.out.is_empty(), "at the end orders {:?} are out", self.out.keys());
        Ok(())
    }

    /// What the venue did is what is decided and posted. With `all` every order has been reported on.
    ///
    /// # Errors
    /// An order that nobody decided on, or one that is not posted as it was filled.
    pub fn venue(&self, reports: &BTreeMap<OrderId, (Order, Report)>, all: bool) -> Result<(), String> {
        for (id, (order, report)) in reports {
            let out = self.out.get(id);
            require!(
                out.is_none_or(|out| out.order == *order),
                "the venue has order {id} as {order:?}, decided was {out:?}"
            );
            let Report::Filled(fill) = report else { continue };
            let posted = self.ended.get(id);
            require!(out.is_some() || posted.is_some(), "the venue has order {id}, which nobody decided on");
            require!(
                out.is_some() && !all || posted == Some(&(fill.lots, fill.quote.into())),
                "the venue filled order {id} with {fill:?}, posted is {posted:?}"
            );
        }
        Ok(())
    }
}
