//! One instrument's price levels around the mark, and what an order takes from them.

use engine::book::{LEVELS_MAX, Level as BookLevel};
use engine::rules::Depth;
use model::units::Price;

use super::{DEPTH_PPM, DepthProfile, Order, PPM};

/// Price levels of both sides, from the depth model or from a book.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Ladder {
    /// Levels of one size at equal steps, over the rules' scale.
    Model {
        depth: Depth,
        scale: u32,
    },
    Book(DepthProfile),
}

/// A level: how far from the mark, over `scale`, and the lots it holds when nothing is consumed.
struct Level {
    distance: u64,
    scale: u32,
    lots: u64,
}

impl Ladder {
    /// The k-th level (from 0) that an order of this sign hits; none beyond the last.
    fn level(&self, lots: i64, at: usize) -> Option<Level> {
        match self {
            Self::Model { depth, scale } => {
                let number = u32::try_from(at + 1).ok().filter(|number| *number <= depth.levels)?;
                let distance = u64::from(number) * u64::from(depth.step);
                Some(Level { distance, scale: *scale, lots: depth.level_lots })
            }
            Self::Book(profile) => {
                let points = profile.side(lots);
                let point = points.get(at)?;
                let before = at.checked_sub(1).map_or(0, |before| points[before].lots);
                Some(Level { distance: point.ppm.into(), scale: PPM, lots: point.lots - before })
            }
        }
    }

    /// Lots within 1 % of the mark on the side that an order of this sign hits, when nothing is consumed; of a model with wider steps, its first
    /// level.
    pub fn depth(&self, lots: i64) -> u64 {
        match self {
            Self::Model { depth, scale } => levels_within(depth, *scale).saturating_mul(depth.level_lots),
            Self::Book(profile) => profile.within(lots, DEPTH_PPM),
        }
    }

    /// Levels that an order of this sign would hit where `consumed` lots are missing from the best ones, as the engine takes them: distances over
    /// `scale` rounded up, the best [`LEVELS_MAX`] at the most.
    pub(super) fn left(&self, consumed: u64, lots: i64, scale: u32) -> Vec<BookLevel> {
        let mut gone = consumed;
        let mut left: Vec<BookLevel> = Vec::new();
        for level in (0..).map_while(|at| self.level(lots, at)) {
            let taken = gone.min(level.lots);
            gone -= taken;
            let away = (u128::from(level.distance) * u128::from(scale)).div_ceil(level.scale.into());
            let Ok(distance) = u32::try_from(away) else { break };
            if taken == level.lots {
                continue;
            }
            match left.last_mut().filter(|last| last.distance == distance) {
                Some(last) => last.lots += level.lots - taken,
                None => left.push(BookLevel { distance, lots: level.lots - taken }),
            }
            if left.len() == LEVELS_MAX {
                break;
            }
        }
        left
    }

    /// What `order` takes where `consumed` lots are missing from the best levels: lots and quanta, both as magnitudes.
    pub(super) fn walk(&self, consumed: u64, mark: Price, order: &Order) -> (u64, u128) {
        let mut left = order.lots.unsigned_abs();
        let (mut lots, mut quote) = (0u64, 0u128);
        let mut gone = consumed;
        for at in 0.. {
            let Some(level) = self.level(order.lots, at).filter(|_| left > 0) else { break };
            let Some(price) = level.price(mark, order.lots) else { break };
            if (order.lots > 0 && price > order.limit) || (order.lots < 0 && price < order.limit) {
                break;
            }
            let taken_before = gone.min(level.lots);
            gone -= taken_before;
            let take = left.min(level.lots - taken_before);
            left -= take;
            lots += take;
            quote += u128::from(take) * u128::from(price);
        }
        (lots, quote)
    }
}

/// How many levels of the model lie within 1 % of the mark, at least one.
pub(super) fn levels_within(depth: &Depth, scale: u32) -> u64 {
    let within = u64::from(scale) * u64::from(DEPTH_PPM) / u64::from(PPM) / u64::from(depth.step.max(1));
    within.clamp(1, u64::from(depth.levels.max(1)))
}

impl Level {
    /// At least a quantum from the mark; none where the book ends.
    fn price(&self, mark: Price, lots: i64) -> Option<u64> {
        let away = u128::from(mark.get()) * u128::from(self.distance) / u128::from(self.scale);
        let away = u64::try_from(away.max(1)).ok()?;
        if lots > 0 {
            mark.get().checked_add(away).filter(|price| *price <= Price::MAX)
        } else {
            mark.get().checked_sub(away).filter(|price| *price > 0)
        }
    }
}
