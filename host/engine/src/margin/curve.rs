//! Size curves compiled to tiers: a rate that grows with the position, as a table that never lies below it.
//!
//! A curve rises in steps, so its requirement is a straight line from the first to the last lot of a step. The table is a chain of chords
//! between first lots; between them it lies above the curve because both are convex up to the steps, and the rates are raised to
//! the exact maximum over the steps, so nothing is assumed. What the table asks too much is largest at an end of a step.

use std::collections::BTreeSet;

use model::tier::{TierError, TierTable};
use model::units::{NOTIONAL_BITS, Price, Scale, TIERS_MAX};

use super::weights::{WEIGHT_ONE, liability_weight_floor};

/// A margin rate by the size of the position.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SizeCurve {
    /// Drift's IMF curve: `max(w, w - floor(w/5) + floor(q*imf / 1e7))` in basis points, `q = isqrt(10*size + 1)`, size in 1e-9 of
    /// the base asset. The scale must be a multiple of 10,000.
    Root { rate_bps: u32, imf: u32, lot: u64 },
    /// Deribit, Synthetix: `rate + ceil(slope * lots / per_lots)` over the scale.
    Linear { rate: u32, slope: u32, per_lots: u64 },
}

impl SizeCurve {
    /// Rate of `lots`, over the scale.
    pub fn rate(&self, lots: u64, scale: Scale) -> u128 {
        match *self {
            Self::Root { rate_bps, imf, lot } => {
                let size = u128::from(lots) * u128::from(lot);
                u128::from(liability_weight_floor(size, imf, rate_bps)) * u128::from(scale.get() / WEIGHT_ONE)
            }
            Self::Linear { rate, slope, per_lots } => {
                u128::from(rate) + (u128::from(slope) * u128::from(lots)).div_ceil(per_lots.into())
            }
        }
    }
}

/// What a table asks above its curve, at the worst lot. Exact; ppm rounded up.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Excess {
    /// Largest difference, quanta / scale.
    pub absolute: u128,
    /// Its notional, quanta.
    pub absolute_at: u64,
    /// Largest difference over the curve's requirement.
    pub relative_ppm: u128,
    /// Its notional, quanta.
    pub relative_at: u64,
}

/// A curve as tiers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CompiledCurve {
    pub table: TierTable,
    /// `(floor in quanta, rate over the scale)`, as an instrument lists them.
    pub brackets: Vec<(u64, u32)>,
    pub excess: Excess,
}

/// Why a curve is no table.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CurveError {
    #[error("a root curve needs a scale that is a multiple of {WEIGHT_ONE}, not {0}")]
    Scale(u32),
    #[error("a linear curve rises per at least one lot: set per_lots above 0")]
    PerLots,
    #[error(
        "{lots} lots at {price} quanta: both above 0 and the notional below 2^{NOTIONAL_BITS}; coarsen the lot or lower the limit"
    )]
    Range { lots: u64, price: u64 },
    #[error("the curve asks nothing of one lot: set its rate above 0")]
    Free,
    #[error("{lots} lots need a marginal rate of {rate} over a scale of {scale}: lower the largest size")]
    Rate { lots: u64, rate: u128, scale: u32 },
    #[error(transparent)]
    Table(#[from] TierError),
}

/// An end of a step: notional in quanta, requirement in quanta / scale.
#[derive(Clone, Copy, Debug)]
struct Point {
    notional: u64,
    requirement: u128,
}

/// The table of at most 16 tiers for positions of 1 to `lots_max` lots, and its exact error at `price`.
///
/// A table is in notional, a curve in size: at a higher price the same notional is a smaller size. So the table is an upper bound for every
/// mark from `price` up, and must be compiled again, at the lower edge of the new band, before a mark falls below it.
///
/// # Errors
/// [`CurveError`] says what to change.
pub fn compile(
    curve: &SizeCurve,
    price: Price,
    lots_max: u64,
    scale: Scale,
) -> Result<CompiledCurve, CurveError> {
    let points = points(curve, price.get(), lots_max, scale)?;
    let mut knots = BTreeSet::new();
    loop {
        let brackets = brackets(&points, &floors(&points, &knots), scale)?;
        let table = TierTable::new(scale, &brackets)?;
        let worst = points
            .iter()
            .enumerate()
            .filter(|(index, _)| index % 2 == 0 && *index >= FIRST_KNOT && !knots.contains(index))
            .map(|(index, point)| (relative_ppm(&table, point), index))
            .max();
        match worst {
            Some((ppm, index)) if ppm > 0 && brackets.len() < TIERS_MAX => knots.insert(index),
            _ => return Ok(CompiledCurve { excess: excess(&points, &table), table, brackets }),
        };
    }
}

/// First lot of the third step: the first two are covered by the tier that leaves the flat part.
const FIRST_KNOT: usize = 4;

/// First and last lot of every step, in order.
fn points(curve: &SizeCurve, price: u64, lots_max: u64, scale: Scale) -> Result<Vec<Point>, CurveError> {
    match *curve {
        SizeCurve::Root { .. } if !scale.get().is_multiple_of(WEIGHT_ONE) => {
            return Err(CurveError::Scale(scale.get()));
        }
        SizeCurve::Linear { per_lots: 0, .. } => return Err(CurveError::PerLots),
        _ => {}
    }
    let notional_max = lots_max.checked_mul(price).filter(|notional| notional >> NOTIONAL_BITS == 0);
    if !notional_max.is_some_and(|notional| notional > 0) {
        return Err(CurveError::Range { lots: lots_max, price });
    }
    if curve.rate(1, scale) == 0 {
        return Err(CurveError::Free);
    }
    let top = curve.rate(lots_max, scale);
    if top > u128::from(scale.get()) {
        return Err(CurveError::Rate { lots: lots_max, rate: top, scale: scale.get() });
    }
    let mut points = Vec::new();
    let mut first = 1;
    while first <= lots_max {
        let rate = curve.rate(first, scale);
        let (mut last, mut beyond) = (first, lots_max + 1);
        while beyond - last > 1 {
            let middle = last.midpoint(beyond);
            if curve.rate(middle, scale) == rate {
                last = middle;
            } else {
                beyond = middle;
            }
        }
        points.extend([first, last].map(|lots| {
            let notional = lots * price;
            Point { notional, requirement: u128::from(notional) * rate }
        }));
        first = beyond;
    }
    Ok(points)
}

/// Tier floors in quanta: 0, the end of the flat part, and the knots. The flat part ends where the line through the second step
/// and the next knot crosses it, so that small positions pay exactly the curve.
fn floors(points: &[Point], knots: &BTreeSet<usize>) -> Vec<u64> {
    let mut floors = vec![0];
    if let [flat, _, second, .., end] = points {
        let next = knots.first().map_or(end, |&knot| &points[knot]);
        let rate = rate_between(second.notional, second.requirement, next);
        let flat_rate = flat.requirement / u128::from(flat.notional);
        let above = rate * u128::from(second.notional) - second.requirement;
        let crossing = above.checked_div(rate - flat_rate).unwrap_or(0);
        floors.extend(u64::try_from(crossing).ok().filter(|&floor| floor > 0));
    }
    floors.extend(knots.iter().map(|&knot| points[knot].notional));
    floors
}

/// The smallest whole rate that leads from here to the point or above it; of a point that is not further, its own average rate.
fn rate_between(notional: u64, requirement: u128, to: &Point) -> u128 {
    match to.notional - notional {
        0 => to.requirement.div_ceil(to.notional.into()),
        distance => to.requirement.saturating_sub(requirement).div_ceil(distance.into()),
    }
}

/// The smallest rates, none below the one before, whose chain from 0 lies on or above every point.
fn brackets(points: &[Point], floors: &[u64], scale: Scale) -> Result<Vec<(u64, u32)>, CurveError> {
    let mut brackets = Vec::with_capacity(floors.len());
    let mut rate = points[0].requirement / u128::from(points[0].notional);
    let mut reached = 0;
    for (index, &floor) in floors.iter().enumerate() {
        let end = floors.get(index + 1).copied().unwrap_or(u64::MAX);
        let [from, to] = [floor, end].map(|edge| points.partition_point(|point| point.notional <= edge));
        for point in &points[from..to] {
            rate = rate.max(rate_between(floor, reached, point));
        }
        let rate_units = u32::try_from(rate).ok().filter(|&rate| rate <= scale.get());
        let Some(rate_units) = rate_units else {
            let lots = points[to - 1].notional / points[0].notional;
            return Err(CurveError::Rate { lots, rate, scale: scale.get() });
        };
        brackets.push((floor, rate_units));
        reached += rate * u128::from(end - floor);
    }
    Ok(brackets)
}

/// What the table asks too much of the point.
fn above(table: &TierTable, point: &Point) -> u128 {
    let asked = table.requirement(point.notional.into());
    assert!(asked >= point.requirement as i128, "the table lies below its curve");
    asked.unsigned_abs() - point.requirement
}

fn relative_ppm(table: &TierTable, point: &Point) -> u128 {
    (above(table, point) * 1_000_000).div_ceil(point.requirement)
}

/// Within a step the difference is convex and its ratio rises, so both are largest at one of its ends.
fn excess(points: &[Point], table: &TierTable) -> Excess {
    let mut excess = Excess::default();
    for point in points {
        let (absolute, relative) = (above(table, point), relative_ppm(table, point));
        if absolute > excess.absolute {
            (excess.absolute, excess.absolute_at) = (absolute, point.notional);
        }
        if relative > excess.relative_ppm {
            (excess.relative_ppm, excess.relative_at) = (relative, point.notional);
        }
    }
    excess
}

#[cfg(test)]
#[path = "curve_tests.rs"]
mod tests;
