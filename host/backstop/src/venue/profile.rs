//! Depth of a real book: cumulative lots at distances from the mid price, on a grid.

use serde::{Serialize, Serializer};

/// Distances from the mid at which depth is kept, parts per million: beyond the last nothing is there.
pub const GRID_PPM: [u32; 24] = [
    50, 100, 150, 200, 300, 400, 500, 750, 1_000, 1_500, 2_000, 2_500, 3_000, 4_000, 5_000, 7_500, 10_000,
    15_000, 20_000, 30_000, 40_000, 50_000, 75_000, 100_000,
];

/// `lots` in all lie within `ppm` of the mid.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DepthPoint {
    pub ppm: u32,
    pub lots: u64,
}

impl Serialize for DepthPoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.ppm, self.lots).serialize(serializer)
    }
}

/// Cumulative lots of both sides; distance and lots rise strictly from point to point. What lies between two points is offered at the farther one:
/// never better than the book it comes from.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct DepthProfile {
    bids: Vec<DepthPoint>,
    offers: Vec<DepthPoint>,
}

impl DepthProfile {
    /// From cumulative lots at every distance of [`GRID_PPM`], bids and offers.
    ///
    /// # Panics
    /// If lots fall.
    pub fn on_grid(bids: [u64; GRID_PPM.len()], offers: [u64; GRID_PPM.len()]) -> Self {
        let points = |lots: [u64; GRID_PPM.len()]| {
            assert!(lots.is_sorted(), "cumulative lots do not fall: {lots:?}");
            let mut points: Vec<DepthPoint> = Vec::new();
            for (ppm, lots) in GRID_PPM.into_iter().zip(lots) {
                if lots > points.last().map_or(0, |point| point.lots) {
                    points.push(DepthPoint { ppm, lots });
                }
            }
            points
        };
        Self { bids: points(bids), offers: points(offers) }
    }

    /// The side that an order of `lots` hits, best first.
    pub fn side(&self, lots: i64) -> &[DepthPoint] {
        if lots > 0 { &self.offers } else { &self.bids }
    }

    /// Lots within `ppm` of the mid on the side that an order of `lots` hits.
    pub fn within(&self, lots: i64, ppm: u32) -> u64 {
        self.side(lots).iter().take_while(|point| point.ppm <= ppm).last().map_or(0, |point| point.lots)
    }
}
