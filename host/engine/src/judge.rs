//! An account judged from the ledger alone: exact equity and requirement, hedge credits, what the device must be told of them, initial
//! margin, profit.

use model::liquidation::Holding;
use model::margin::{self, Severity};
use model::units::Price;

use crate::event::InstrumentId;
use crate::market::Market;
use crate::rules::{Kind, VenueRules};
use crate::state::Engine;

/// An account judged, quanta / scale.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Exact {
    pub equity: i128,
    /// Of the positions, exact, as the device has it.
    pub requirement: i128,
    /// What the device must say: the requirement with the offset that it was told.
    pub severity: Severity,
    /// The requirement by the venue's rule, less the hedge credits at the present marks.
    pub required: i128,
    /// The verdict that decides, on `required`. Never above `severity`.
    pub verdict: Severity,
}

/// Requirements of an account's positions in one hedge group, by side, and the least credit among its instruments.
struct Group {
    group: u16,
    long: i128,
    short: i128,
    credit: u32,
}

impl Engine {
    /// The account judged from its positions and cash, exact; by its index of opening.
    pub fn exact(&self, index: usize) -> Exact {
        let scale = i128::from(self.scale.get());
        let mut equity = self.ledger.margin(index).cash * scale;
        let (mut requirement, mut required) = (0, 0);
        for (_, _, holding) in self.holdings(index) {
            let own = holding.requirement();
            equity += holding.value();
            requirement += own;
            required += match self.rules.venue {
                VenueRules::Native | VenueRules::BinanceUsdm | VenueRules::MangoV4 => own,
                VenueRules::DydxV4 => own + (-own).rem_euclid(scale),
                VenueRules::DriftV2 => own - own.rem_euclid(scale),
            };
        }
        required -= self.credit(index, |market| market.mark);
        let offset = self.standings[index].offset;
        let severity = margin::severity(equity, requirement, offset, &self.rungs);
        let verdict = margin::severity(equity, required, 0, &self.rungs);
        assert!(verdict <= severity, "the device's requirement is no upper bound of the venue's");
        Exact { equity, requirement, severity, required, verdict }
    }

    /// What the device must add to the account's requirement so that it never misses one that the venue's rule flags: the most that its
    /// rounding adds, less the hedge credits at the lower edges of the bands around the marks.
    pub(crate) fn offset(&self, index: usize) -> i128 {
        let rounding = match self.rules.venue {
            VenueRules::DydxV4 => {
                self.ledger.margin(index).positions.len() as i128 * i128::from(self.scale.get() - 1)
            }
            VenueRules::Native | VenueRules::BinanceUsdm | VenueRules::DriftV2 | VenueRules::MangoV4 => 0,
        };
        let low = |market: &Market| Price::new(market.edges.low).expect("a lower edge is below a mark");
        rounding - self.credit(index, low)
    }

    /// Hedge credits of the account at these prices, quanta / scale, rounded down: in each group the credit's share of the smaller side's
    /// requirement. It never falls when a price rises.
    fn credit(&self, index: usize, price: impl Fn(&Market) -> Price) -> i128 {
        let mut groups: Vec<Group> = Vec::new();
        for &(instrument, lots) in &self.ledger.margin(index).positions {
            let market = self.market(instrument);
            let hedge = market.spec.hedge;
            if hedge.group == 0 {
                continue;
            }
            let holding =
                market.holding_at(lots, price(market)).expect("sizes are checked before they take effect");
            let at = groups.iter().position(|group| group.group == hedge.group).unwrap_or_else(|| {
                groups.push(Group { group: hedge.group, long: 0, short: 0, credit: hedge.credit });
                groups.len() - 1
            });
            let group = &mut groups[at];
            group.credit = group.credit.min(hedge.credit);
            *if lots > 0 { &mut group.long } else { &mut group.short } += holding.requirement();
        }
        let scale = i128::from(self.scale.get());
        groups.iter().map(|group| group.long.min(group.short) * i128::from(group.credit) / scale).sum()
    }

    /// Lots of the position beyond what hedges the other positions of its group, by notional at mark; a magnitude. All of it in no group.
    pub(crate) fn unhedged_lots(&self, index: usize, instrument: InstrumentId) -> u64 {
        let held = self.ledger.margin(index).size(instrument);
        let market = self.market(instrument);
        let group = market.spec.hedge.group;
        if group == 0 || held == 0 {
            return held.unsigned_abs();
        }
        let net: i128 = self
            .holdings(index)
            .filter(|(other, ..)| self.market(*other).spec.hedge.group == group)
            .map(|(_, lots, holding)| {
                holding.size.notional(holding.price) as i128 * i128::from(lots.signum())
            })
            .sum();
        let beyond =
            (net * i128::from(held.signum())).max(0).unsigned_abs() / u128::from(market.mark.get().max(1));
        beyond.min(held.unsigned_abs().into()) as u64
    }

    /// Initial requirement of the account with `size` lots of `instrument`, quanta / scale.
    pub(crate) fn initial_requirement(&self, index: usize, instrument: InstrumentId, size: i64) -> i128 {
        let others = self.ledger.margin(index).positions.iter().filter(|position| position.0 != instrument);
        others
            .copied()
            .chain([(instrument, size)])
            .map(|(id, lots)| {
                let market = self.market(id);
                let notional = u128::from(lots.unsigned_abs()) * u128::from(market.mark.get());
                market.initial_requirement(notional, self.scale)
            })
            .sum()
    }

    /// Profit of the account's whole portfolio of contracts since it was opened, quanta: what it holds at the marks less what was paid in.
    pub fn profit(&self, index: usize) -> i128 {
        let contracts = self.holdings(index).filter(|(id, ..)| self.market(*id).spec.kind == Kind::Contract);
        let value: i128 =
            contracts.map(|(_, lots, holding)| i128::from(lots) * i128::from(holding.price.get())).sum();
        self.ledger.margin(index).cash + value - self.standings[index].paid_in
    }

    /// Quanta that the account can lose and still meet its gross requirement, rounded down; 0 if it does not meet it.
    pub(crate) fn headroom(&self, index: usize) -> u128 {
        let Exact { equity, requirement, required, .. } = self.exact(index);
        (equity - requirement.max(required)).max(0).unsigned_abs() / u128::from(self.scale.get())
    }

    pub(crate) fn holdings(&self, index: usize) -> impl Iterator<Item = (InstrumentId, i64, Holding<'_>)> {
        self.ledger.margin(index).positions.iter().map(|&(instrument, lots)| {
            let holding = self.market(instrument).holding(lots);
            (instrument, lots, holding.expect("sizes are checked before they take effect"))
        })
    }

    /// Gross notional at mark, quanta.
    pub fn notional(&self, index: usize) -> u128 {
        self.holdings(index).map(|(_, _, holding)| holding.size.notional(holding.price)).sum()
    }
}
