//! One account at shocked marks.

use model::margin::{self, Severity};
use model::tier::Tier;

use super::line::{Leg, Line};
use crate::event::InstrumentId;
use crate::market::Market;
use crate::rules::VenueRules;
use crate::state::Engine;

/// Shocks are in permille.
pub(super) const ONE: i128 = 1_000;

/// Which marks a shock moves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scope {
    All,
    Only(InstrumentId),
}

impl Scope {
    /// What a mark is multiplied with, thousandths.
    fn factor(self, instrument: InstrumentId, permille: i32) -> i128 {
        match self {
            Self::Only(other) if other != instrument => ONE,
            _ => ONE + i128::from(permille),
        }
    }
}

/// An account at shocked marks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Shocked {
    /// Thousandths of quanta / scale.
    pub equity: i128,
    pub verdict: Severity,
}

/// An account's positions as they move, with what stands beside each. Quanta / scale.
pub(super) struct Moving<'a> {
    /// Of the cash.
    pub cash: i128,
    pub legs: Vec<Leg<'a>>,
    /// By position: instrument, value and requirement at the mark.
    pub positions: Vec<(InstrumentId, i128, i128)>,
}

impl Moving<'_> {
    /// [`Line::equity`] with the factor of `scope` as the variable.
    pub fn equity(&self, scope: Scope) -> [i128; 2] {
        let moves = |id: &InstrumentId| scope == Scope::All || scope == Scope::Only(*id);
        let mut equity = [ONE * self.cash, 0];
        for (instrument, value, _) in &self.positions {
            let (place, unit) = if moves(instrument) { (1, 1) } else { (0, ONE) };
            equity[place] += unit * value;
        }
        equity
    }

    /// All marks move.
    pub fn all(&self, engine: &Engine) -> Line<'_> {
        engine.line(self.equity(Scope::All), 0, &self.legs)
    }

    /// The mark of the position at `place` moves.
    pub fn only(&self, engine: &Engine, place: usize) -> Line<'_> {
        let others = self.positions.iter().enumerate().filter(|(at, _)| *at != place);
        let still: i128 = others.map(|(_, position)| position.2).sum();
        let equity = self.equity(Scope::Only(self.positions[place].0));
        engine.line(equity, ONE * still, &self.legs[place..=place])
    }
}

impl Engine {
    pub(super) fn line<'a>(&self, equity: [i128; 2], still: i128, legs: &'a [Leg<'a>]) -> Line<'a> {
        let rung = i128::from(self.rungs.rungs[1]);
        Line { equity, still, legs, rung, edge: self.rungs.equality.into() }
    }

    /// The venue's verdict on the account with the marks of `scope` moved by `permille`, above -1,000.
    pub fn shocked(&self, index: usize, scope: Scope, permille: i32) -> Shocked {
        self.at_prices(index, |instrument, market| {
            u128::from(market.mark.get()) * scope.factor(instrument, permille).unsigned_abs()
        })
    }

    /// The same at prices in thousandths of a quantum per lot. Where they are whole quanta it is what [`Engine::exact`] says at such marks; what
    /// a venue rounds to a quantum, and a credit to quantum / scale, is rounded so here.
    pub(super) fn at_prices(&self, index: usize, price: impl Fn(InstrumentId, &Market) -> u128) -> Shocked {
        let scale = i128::from(self.scale.get());
        let mut equity = ONE * scale * self.ledger.margin(index).cash;
        let mut required = 0;
        let mut groups: Vec<(u16, [i128; 2], u32)> = Vec::new();
        for (instrument, lots, holding) in self.holdings(index) {
            let market = self.market(instrument);
            let price = price(instrument, market);
            equity += i128::from(lots) * i128::from(holding.weights.of(holding.size)) * price as i128;
            let notional = u128::from(lots.unsigned_abs()) * price;
            let steps = holding.tiers.as_slice();
            let reached = |step: &&Tier| u128::from(step.floor) * ONE.unsigned_abs() <= notional;
            let tier = steps.iter().rfind(reached).expect("the first bracket starts at 0");
            let own = notional as i128 * i128::from(tier.rate) - tier.deduction as i128 * ONE;
            required += match self.rules.venue {
                VenueRules::Native | VenueRules::BinanceUsdm | VenueRules::MangoV4 => own,
                VenueRules::DydxV4 => own + (-own).rem_euclid(scale * ONE),
                VenueRules::DriftV2 => own - own.rem_euclid(scale * ONE),
            };
            let hedge = market.spec.hedge;
            if hedge.group != 0 {
                let at = groups.iter().position(|group| group.0 == hedge.group).unwrap_or_else(|| {
                    groups.push((hedge.group, [0, 0], hedge.credit));
                    groups.len() - 1
                });
                let group = &mut groups[at];
                group.1[usize::from(lots < 0)] += own;
                group.2 = group.2.min(hedge.credit);
            }
        }
        for (_, [long, short], credit) in groups {
            required -= long.min(short) * i128::from(credit) / (ONE * scale) * ONE;
        }
        Shocked { equity, verdict: margin::severity(equity, required, 0, &self.rungs) }
    }

    /// True if [`Line`] holds for the account: no venue's rounding, no hedge credit, and where the line itself counts a
    /// requirement that is nowhere 0.
    pub(super) fn is_concave(&self, index: usize) -> bool {
        if matches!(self.rules.venue, VenueRules::DydxV4 | VenueRules::DriftV2) {
            return false;
        }
        let positions = &self.ledger.margin(index).positions;
        let group = |instrument: InstrumentId| self.market(instrument).spec.hedge.group;
        let is_hedged = positions.iter().enumerate().any(|(at, &(instrument, lots))| {
            let own = group(instrument);
            let opposes = |other: &(InstrumentId, i64)| (other.1 > 0) != (lots > 0) && group(other.0) == own;
            own != 0 && positions[at + 1..].iter().any(opposes)
        });
        let is_required = |&(instrument, _): &(InstrumentId, i64)| {
            let market = self.market(instrument);
            market.spec.brackets[0].1 > 0 && market.mark.get() > 0
        };
        !is_hedged && (!self.rules.equality || positions.iter().any(is_required))
    }

    pub(super) fn moving(&self, index: usize) -> Moving<'_> {
        let cash = self.ledger.margin(index).cash * i128::from(self.scale.get());
        let (mut legs, mut positions) = (Vec::new(), Vec::new());
        for (instrument, _, holding) in self.holdings(index) {
            legs.push(Leg {
                notional: holding.size.notional(holding.price),
                tiers: holding.tiers.as_slice(),
            });
            positions.push((instrument, holding.value(), holding.requirement()));
        }
        Moving { cash, legs, positions }
    }
}
