//! Size curves compiled to tiers: a rate that grows with the position, as a table that never lies below it.
//!
//! A curve rises in steps, so its requirement is a straight line from the first to the last lot of a step. The table is a chain of chords
//! between first lots; between them it lies above the curve because both are convex up to the steps, and the rates are raised to
//! the exact maximum over the steps, so nothing is assumed. What the table asks too much is largest at an end of a step.

use model::tier::{TierError, TierTable};
use model::units::{NOTIONAL_BITS, Price, Scale, TIERS_MAX};

use super::weights::{WEIGHT_ONE, liability_weight_floor};

const PPM: u128 = 1_000_000;
/// Knots beside the first tier and the one that leaves the flat part.
const KNOTS_MAX: usize = TIERS_MAX - 2;
/// Rates lie between 1 and a million, so no chord is further above its curve.
const EXCESS_PPM_MAX: u128 = PPM * PPM;

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
    let brackets = brackets(&points, &floors(&points), scale)?;
    let table = TierTable::new(scale, &brackets)?;
    Ok(CompiledCurve { excess: excess(&points, &table), table, brackets })
}

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
    if notional_max.is_none_or(|notional| notional == 0) {
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
fn floors(points: &[Point]) -> Vec<u64> {
    let [flat, _, second, .., end] = points else { return vec![0] };
    let knots = best_knots(&candidates(points));
    let next = knots.first().unwrap_or(end);
    if next.notional == second.notional {
        return vec![0];
    }
    let rate = rate_between(second.notional, second.requirement, next);
    let flat_rate = flat.requirement / u128::from(flat.notional);
    let above = rate * u128::from(second.notional) - second.requirement;
    let crossing = u64::try_from(above / (rate - flat_rate)).expect("below the second step");
    let end_of_flat = Some(crossing).filter(|&floor| floor >= flat.notional);
    [0].into_iter().chain(end_of_flat).chain(knots.iter().map(|knot| knot.notional)).collect()
}

/// First lots from the second step on, thinned out by a 32nd of their rank, and the last lot of all: what knots are chosen from. Of
/// a million steps these are 370.
fn candidates(points: &[Point]) -> Vec<Point> {
    let firsts: Vec<Point> = points.iter().step_by(2).skip(1).copied().collect();
    let ranks = std::iter::successors(Some(0), |rank| Some(rank + 1 + rank / 32));
    ranks.map_while(|rank| firsts.get(rank)).chain(points.last()).copied().collect()
}

/// The knots of the smallest relative error that 16 tiers can keep.
fn best_knots(candidates: &[Point]) -> Vec<Point> {
    let (mut low, mut high) = (0, EXCESS_PPM_MAX);
    while low < high {
        let middle = low.midpoint(high);
        if knots(candidates, middle).len() <= KNOTS_MAX {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    knots(candidates, high)
}

/// The fewest knots between the first candidate and the last whose chords keep the error: each as far as it goes.
fn knots(candidates: &[Point], ppm: u128) -> Vec<Point> {
    let mut knots = Vec::new();
    let mut rest = candidates;
    loop {
        let reach = (2..rest.len()).take_while(|&to| is_chord_close(&rest[..=to], ppm)).last().unwrap_or(1);
        if reach + 1 >= rest.len() {
            return knots;
        }
        knots.push(rest[reach]);
        rest = &rest[reach..];
    }
}

/// True if the chord from the first to the last of these points is nowhere further above them.
fn is_chord_close(points: &[Point], ppm: u128) -> bool {
    let [from, between @ .., to] = points else { return true };
    let rate = rate_between(from.notional, from.requirement, to);
    between.iter().all(|point| {
        let asked = from.requirement + rate * u128::from(point.notional - from.notional);
        asked.saturating_sub(point.requirement) * PPM <= ppm * point.requirement
    })
}

/// The smallest whole rate that leads from here to the point or above it.
fn rate_between(notional: u64, requirement: u128, to: &Point) -> u128 {
    to.requirement.saturating_sub(requirement).div_ceil((to.notional - notional).into())
}

/// The smallest rates, none below the one before, whose chain from 0 lies on or above every point.
fn brackets(points: &[Point], floors: &[u64], scale: Scale) -> Result<Vec<(u64, u32)>, CurveError> {
    let mut brackets = Vec::with_capacity(floors.len());
    let (mut rate, mut reached) = (0, 0);
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
    (above(table, point) * PPM).div_ceil(point.requirement)
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
