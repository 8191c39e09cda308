//! Collects what an event does: updates for the device, actions for reports.

use model::units::Cash;

use super::{Action, ActionKind, Applied};
use crate::event::{Change, Due, EventSequence, InstrumentId, Update};
use crate::judge::Exact;
use crate::state::Engine;

pub(super) struct Effect<'a> {
    pub sequence: EventSequence,
    pub time_ms: i64,
    pub applied: &'a mut Applied,
}

/// What an action cost whom, quanta.
#[derive(Clone, Copy, Default)]
pub(super) struct Costs {
    pub fee: i128,
    pub fund_paid: i128,
    pub unpaid: i128,
}

impl Effect<'_> {
    pub fn update(&mut self, change: Change) {
        self.applied.updates.push(Update { sequence: self.sequence, change });
    }

    /// The account's position as it is now, and cash that moved with it; before it the account's offset, if it is another.
    pub fn position(
        &mut self,
        engine: &mut Engine,
        index: usize,
        instrument: InstrumentId,
        cash_delta: i128,
        hold: bool,
    ) {
        self.offset(engine, index);
        let account = engine.ledger.id(index);
        let size = engine.ledger.margin(index).size(instrument);
        self.update(Change::Position { account, instrument, size, cash_delta: narrow(cash_delta), hold });
        self.applied.touched.push(index);
    }

    /// Every holder of the instrument is owed a verdict on the update before.
    pub fn sweep(&mut self, engine: &Engine, instrument: InstrumentId) {
        let holders = &engine.market(instrument).holders;
        self.applied.touched.extend(holders.keys());
        self.applied.dues.push(Due { sequence: self.sequence, instrument, holders: holders.len() as u64 });
    }

    pub fn cash(&mut self, engine: &Engine, index: usize, delta: i128, hold: bool) {
        let account = engine.ledger.id(index);
        self.update(Change::Cash { account, delta: narrow(delta), hold });
        self.applied.touched.push(index);
    }

    /// The account's offset, if it is another than the device has. What comes after it compares.
    pub fn offset(&mut self, engine: &mut Engine, index: usize) {
        let value = engine.offset(index);
        if engine.standings[index].offset != value {
            engine.standings[index].offset = value;
            let account = engine.ledger.id(index);
            self.update(Change::Offset { account, value, hold: true });
            self.applied.touched.push(index);
        }
    }

    pub fn action(
        &mut self,
        engine: &Engine,
        index: usize,
        kind: ActionKind,
        legs: Vec<(InstrumentId, i64, i128)>,
        costs: Costs,
        before: Exact,
    ) {
        let Costs { fee, fund_paid, unpaid } = costs;
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

/// Cash moves of one account fit 64 bits: cash is below 2^61 and a position's value below 2^59.
fn narrow(quanta: i128) -> i64 {
    assert!(quanta.unsigned_abs() <= Cash::MAX as u128, "a cash move of {quanta} quanta");
    quanta as i64
}
