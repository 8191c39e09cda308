//! Profiles kept beside the engine. A round costs what it touched: accounts that changed, and at a mark those that hold several instruments.
//! An account of one position is liquidated at prices that no mark changes; it is filed by them, and a mark costs it nothing.

use std::collections::BTreeSet;

use super::ladder::Ladder;
use super::line::Leg;
use super::profile::{Differences, Falls, Profile, STEPS, factor};
use super::shock::{ONE, Scope};
use crate::apply::Applied;
use crate::event::{AccountId, Change, InstrumentId};
use crate::market::Market;
use crate::state::Engine;

/// What an account adds to the profiles.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
enum Row {
    /// Nothing: it holds nothing and owes nothing.
    #[default]
    Nothing,
    Alone(Alone),
    Crowded(Box<Crowded>),
}

/// One position and cash.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Alone {
    instrument: InstrumentId,
    lots: i64,
    cash: i128,
    /// First and last price at which it is safe, thousandths of a quantum per lot; within what shocks reach.
    safe: Option<(u64, u64)>,
}

/// Any other account: where it falls at the present marks.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Crowded {
    notional: u128,
    all: Falls,
    /// Of each instrument that it holds.
    single: Vec<(InstrumentId, Falls)>,
}

/// A market's part of the profiles.
#[derive(Clone, Debug, Default)]
struct Kept {
    mark: u64,
    /// Accounts with a position, and those of them that are crowded.
    holders: usize,
    crowd: BTreeSet<usize>,
    /// Of the crowd, when this mark alone moves.
    single: Differences,
    /// Of accounts alone: accounts and lots that are liquidated; accounts, cash and `lots * weight` that are insolvent.
    liquidated: Ladder<2>,
    insolvent: Ladder<3>,
}

/// The correlated profile, in which all marks move, and that of each market alone, in which accounts are that hold it.
#[derive(Clone, Debug, Default)]
pub struct Exposure {
    scale: i128,
    rows: Vec<Row>,
    /// Of the crowd, when all marks move.
    all: Differences,
    markets: Vec<Kept>,
}

impl Exposure {
    /// Of every account.
    pub fn new(engine: &Engine) -> Self {
        let mut exposure = Self { scale: engine.scale.get().into(), ..Self::default() };
        exposure.refile(engine, 0..engine.ledger.accounts(), []);
        exposure
    }

    /// Takes note of a round.
    pub fn update(&mut self, engine: &Engine, applied: &Applied) {
        let index =
            |account: AccountId| engine.ledger.find(account).expect("an update is of an open account");
        let (mut stale, mut moved) = (BTreeSet::new(), BTreeSet::new());
        for update in &applied.updates {
            match update.change {
                Change::Position { account, .. } | Change::Cash { account, .. } => {
                    stale.insert(index(account));
                }
                Change::Mark { instrument, .. } => {
                    moved.insert(instrument);
                }
                Change::Funding { instrument, .. } | Change::Brackets { instrument, .. } => {
                    stale.extend(engine.market(instrument).holders.keys());
                }
                // An offset is the device's; what it stands for is judged exactly.
                Change::List { .. } | Change::Offset { .. } => {}
            }
        }
        self.refile(engine, stale, moved);
        let holders = |(kept, market): (&Kept, &Market)| kept.holders == market.holders.len();
        if !self.markets.iter().zip(&engine.markets).all(holders) {
            *self = Self::new(engine); // an episode's settlement tells the device nothing
        }
    }

    fn refile(
        &mut self,
        engine: &Engine,
        stale: impl IntoIterator<Item = usize>,
        moved: impl IntoIterator<Item = InstrumentId>,
    ) {
        let mut stale: Vec<usize> = stale.into_iter().collect();
        for instrument in moved {
            stale.extend(&self.markets[usize::from(instrument.0)].crowd);
        }
        stale.sort_unstable();
        stale.dedup();
        self.markets.resize_with(engine.markets.len(), Kept::default);
        self.rows.resize(engine.ledger.accounts(), Row::Nothing);
        for index in stale {
            let row = Row::of(engine, index);
            let before = std::mem::replace(&mut self.rows[index], row.clone());
            if before == row {
                continue;
            }
            self.file(engine, &before, -1);
            self.file(engine, &row, 1);
            let ids = |row: &Row| row.single().iter().map(|(id, _)| usize::from(id.0)).collect::<Vec<_>>();
            let (left, joined) = (ids(&before), ids(&row));
            if left != joined {
                for id in left {
                    self.markets[id].crowd.remove(&index);
                }
                for id in joined {
                    self.markets[id].crowd.insert(index);
                }
            }
        }
        for (kept, market) in self.markets.iter_mut().zip(&engine.markets) {
            kept.mark = market.mark.get();
            kept.liquidated.sort();
            kept.insolvent.sort();
        }
    }

    /// Adds a row to what is kept, or with a `sign` of -1 takes it out.
    fn file(&mut self, engine: &Engine, row: &Row, sign: i128) {
        let count = |holders: usize| (holders as i128 + sign) as usize;
        match row {
            Row::Nothing => {}
            Row::Alone(alone) => {
                let kept = &mut self.markets[usize::from(alone.instrument.0)];
                kept.holders = count(kept.holders);
                kept.file(alone, weight(engine.market(alone.instrument), alone.lots), self.scale, sign);
            }
            Row::Crowded(row) => {
                self.all.add(&row.all, row.notional, sign);
                for (instrument, falls) in &row.single {
                    let kept = &mut self.markets[usize::from(instrument.0)];
                    kept.holders = count(kept.holders);
                    kept.single.add(falls, row.notional, sign);
                }
            }
        }
    }

    /// All marks move together.
    pub fn correlated(&self) -> Profile {
        let mut profile = self.all.sum();
        for kept in &self.markets {
            kept.add_alone(&mut profile, self.scale);
        }
        profile
    }

    /// The mark of one market moves.
    pub fn single(&self, instrument: InstrumentId) -> Profile {
        let kept = &self.markets[usize::from(instrument.0)];
        let mut profile = kept.single.sum();
        kept.add_alone(&mut profile, self.scale);
        profile
    }

    /// Bytes that are kept, but for the nodes of sets: about 12 for each position of the crowd.
    pub fn bytes(&self) -> usize {
        let row = |row: &Row| match row {
            Row::Crowded(row) => {
                size_of::<Crowded>() + row.single.capacity() * size_of::<(InstrumentId, Falls)>()
            }
            _ => 0,
        };
        let kept = |kept: &Kept| size_of::<Kept>() + kept.liquidated.bytes() + kept.insolvent.bytes();
        self.rows.capacity() * size_of::<Row>()
            + self.rows.iter().map(row).sum::<usize>()
            + self.markets.iter().map(kept).sum::<usize>()
    }
}

impl Row {
    /// Where a crowded account falls, by instrument.
    fn single(&self) -> &[(InstrumentId, Falls)] {
        match self {
            Self::Crowded(row) => &row.single,
            Self::Nothing | Self::Alone(_) => &[],
        }
    }

    fn of(engine: &Engine, index: usize) -> Self {
        let held = engine.ledger.margin(index);
        let is_concave = engine.is_concave(index);
        match held.positions[..] {
            [] if held.cash >= 0 => Self::Nothing,
            [(instrument, lots)] if is_concave => {
                let market = engine.market(instrument);
                let holding = market.holding(lots).expect("sizes are checked before they take effect");
                let leg = Leg { notional: lots.unsigned_abs().into(), tiers: holding.tiers.as_slice() };
                let equity = [ONE * held.cash * i128::from(engine.scale.get()), weight(market, lots)];
                let highest = factor(STEPS.len() - 1) << market.spec.price_bits;
                let safe = engine.line(equity, 0, &[leg]).safe(1, highest);
                let safe = safe.map(|(first, last)| {
                    let is_bounded = last < highest;
                    (first as u64, if is_bounded { last as u64 } else { u64::MAX - 1 })
                });
                Self::Alone(Alone { instrument, lots, cash: held.cash, safe })
            }
            _ => {
                let moving = engine.moving(index);
                let falls = |scope, place: Option<usize>| {
                    if !is_concave {
                        return engine.falls_by_step(index, scope, moving.equity(scope));
                    }
                    Falls::of(&place.map_or_else(|| moving.all(engine), |place| moving.only(engine, place)))
                };
                let places = moving.positions.iter().enumerate();
                let single =
                    places.map(|(place, position)| (position.0, falls(Scope::Only(position.0), Some(place))));
                let (single, all) = (single.collect(), falls(Scope::All, None));
                let notional = moving.legs.iter().map(|leg| leg.notional).sum();
                Self::Crowded(Box::new(Crowded { notional, all, single }))
            }
        }
    }
}

/// What a position is worth at a price of 1, over the scale.
fn weight(market: &Market, lots: i64) -> i128 {
    let holding = market.holding(lots).expect("sizes are checked before they take effect");
    i128::from(lots) * i128::from(holding.weights.of(holding.size))
}

impl Kept {
    fn file(&mut self, alone: &Alone, weight: i128, scale: i128, sign: i128) {
        let amounts = [sign, sign * i128::from(alone.lots.unsigned_abs())];
        let back = amounts.map(|amount| -amount);
        match alone.safe {
            None => self.liquidated.add(u64::MAX, amounts),
            Some((first, last)) => {
                if first > 1 {
                    self.liquidated.add(first, amounts);
                }
                if last < u64::MAX - 1 {
                    self.liquidated.add(u64::MAX, amounts);
                    self.liquidated.add(last + 1, back);
                }
            }
        }
        // 1000*E = 1000*S*cash + price * weight is below 0 on one side of its root.
        let amounts = [sign, sign * alone.cash, sign * weight];
        let owed = -ONE * scale * alone.cash;
        let root = |price: i128| u64::try_from(price.max(0)).unwrap_or(u64::MAX);
        if weight > 0 {
            self.insolvent.add(root(-(-owed).div_euclid(weight)), amounts);
        } else if weight < 0 {
            self.insolvent.add(u64::MAX, amounts);
            self.insolvent.add(root((-owed).div_euclid(-weight) + 1), amounts.map(|amount| -amount));
        } else if owed > 0 {
            self.insolvent.add(u64::MAX, amounts);
        }
    }

    /// Accounts of one position at the market's shocked marks.
    fn add_alone(&self, profile: &mut Profile, scale: i128) {
        let prices: Vec<u64> = (0..STEPS.len()).map(|step| self.mark * factor(step) as u64).collect();
        let amounts = self.liquidated.at(&prices).into_iter().zip(self.insolvent.at(&prices));
        for (step, ([accounts, lots], [insolvent, cash, weight])) in amounts.enumerate() {
            profile.accounts[step] += accounts as u64;
            profile.notional[step] += lots as u128 * u128::from(self.mark);
            profile.insolvent[step] += insolvent as u64;
            profile.shortfall[step] -= ONE * scale * cash + i128::from(prices[step]) * weight;
        }
    }
}
