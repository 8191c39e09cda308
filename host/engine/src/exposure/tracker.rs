//! Profiles kept beside the engine: after a round only the accounts that it touched are judged again. A mark touches its holders.

use super::profile::{Falls, Profile};
use super::shock::Scope;
use crate::event::InstrumentId;
use crate::state::Engine;

/// What an account adds to the profiles.
#[derive(Clone, Debug, Default)]
struct Row {
    notional: u128,
    all: Falls,
    /// Of each instrument that it holds.
    single: Vec<(InstrumentId, Falls)>,
}

/// The correlated profile, in which all marks move, and that of each market alone.
#[derive(Clone, Debug, Default)]
pub struct Exposure {
    rows: Vec<Row>,
    all: Profile,
    single: Vec<Profile>,
}

impl Exposure {
    /// Of every account.
    pub fn new(engine: &Engine) -> Self {
        let mut exposure = Self::default();
        exposure.update(engine, 0..engine.ledger().accounts());
        exposure
    }

    /// Takes note of accounts that changed, or whose marks did: [`Applied::touched`](crate::apply::Applied).
    pub fn update(&mut self, engine: &Engine, touched: impl IntoIterator<Item = usize>) {
        self.single.resize(engine.markets().len(), Profile::default());
        self.rows.resize(engine.ledger().accounts(), Row::default());
        for index in touched {
            let held = &engine.ledger().margin(index).positions;
            let all = engine.falls(index, Scope::All);
            let single = match held[..] {
                // Of one market, the shock of that market is the shock of all.
                [(instrument, _)] => vec![(instrument, all)],
                _ => held.iter().map(|&(id, _)| (id, engine.falls(index, Scope::Only(id)))).collect(),
            };
            let row = Row { notional: engine.notional(index), all, single };
            let before = std::mem::replace(&mut self.rows[index], row);
            self.all.remove(before.all, before.notional);
            for (instrument, falls) in before.single {
                self.single[usize::from(instrument.0)].remove(falls, before.notional);
            }
            let row = &self.rows[index];
            self.all.add(row.all, row.notional);
            for &(instrument, falls) in &row.single {
                self.single[usize::from(instrument.0)].add(falls, row.notional);
            }
        }
    }

    /// All marks move together.
    pub fn correlated(&self) -> &Profile {
        &self.all
    }

    /// The mark of one market moves.
    pub fn single(&self, instrument: InstrumentId) -> &Profile {
        &self.single[usize::from(instrument.0)]
    }

    /// Bytes that are kept.
    pub fn bytes(&self) -> usize {
        let rows: usize =
            self.rows.iter().map(|row| row.single.capacity() * size_of::<(InstrumentId, Falls)>()).sum();
        rows + self.rows.capacity() * size_of::<Row>()
    }
}
