//! One account at shocked marks.

use model::margin::{self, Severity};

use crate::event::InstrumentId;
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
    fn factor(self, instrument: InstrumentId, permille: i32) -> i128 {
        match self {
            Self::Only(other) if other != instrument => ONE,
            _ => ONE + i128::from(permille),
        }
    }
}

impl Engine {
    /// The venue's verdict on the account with the marks of `scope` moved by `permille` (above -1,000).
    pub fn verdict_at(&self, index: usize, scope: Scope, permille: i32) -> Severity {
        let scale = i128::from(self.scale.get());
        let mut equity = ONE * scale * self.ledger.margin(index).cash;
        let mut required = 0;
        let mut groups: Vec<(u16, [i128; 2], u32)> = Vec::new();
        for (instrument, lots, holding) in self.holdings(index) {
            let factor = scope.factor(instrument, permille);
            equity += holding.value() * factor;
            let notional = holding.size.notional(holding.price) as i128 * factor;
            let steps = holding.tiers.as_slice();
            let tier = &steps[steps.partition_point(|step| i128::from(step.floor) * ONE <= notional) - 1];
            let own = notional * i128::from(tier.rate) - tier.deduction as i128 * ONE;
            required += match self.rules.venue {
                VenueRules::Native | VenueRules::BinanceUsdm | VenueRules::MangoV4 => own,
                VenueRules::DydxV4 => own + (-own).rem_euclid(scale * ONE),
                VenueRules::DriftV2 => own - own.rem_euclid(scale * ONE),
            };
            let hedge = self.market(instrument).spec.hedge;
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
        margin::severity(equity, required, 0, &self.rungs)
    }

    /// True if the account would be liquidated.
    pub(super) fn falls_at(&self, index: usize, scope: Scope, permille: i32) -> bool {
        self.verdict_at(index, scope, permille) >= Severity::Liquidatable
    }

    /// True if the shocks at which the account is safe are one interval. `256*E - rung*R` is concave in the shock, since E is linear in it and
    /// each requirement is convex: its rates do not fall. Hedge credits and a venue's rounding break that, and so does the line itself where
    /// it counts and a requirement can be nothing.
    pub(super) fn is_concave(&self, index: usize) -> bool {
        let is_exact = !matches!(self.rules.venue, VenueRules::DydxV4 | VenueRules::DriftV2);
        is_exact
            && self.ledger.margin(index).positions.iter().all(|&(instrument, _)| {
                let spec = &self.market(instrument).spec;
                spec.hedge.credit == 0 && !(self.rules.equality && spec.brackets[0].1 == 0)
            })
    }
}
