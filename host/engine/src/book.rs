//! A market's order book as the venue last told it: what a slice may expect of it.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::Serialize;

/// Most levels of a side.
pub const LEVELS_MAX: usize = 64;

/// A price level: `lots` at `distance` from the mark, over the scale.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Level {
    pub distance: u32,
    pub lots: u64,
}

/// Both sides, best first. A side without levels has nothing to offer.
#[derive(BorshDeserialize, BorshSerialize, Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Book {
    pub bids: Vec<Level>,
    pub offers: Vec<Level>,
}

/// What an order would find.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Walked {
    /// Lots inside the band, at most as many as asked for.
    pub lots: u64,
    /// Average distance of those lots from the mark, over the scale, rounded up.
    pub slippage: u32,
}

impl Book {
    /// True if distances rise from level to level, none is empty, and there are not too many.
    pub fn is_sound(&self) -> bool {
        [&self.bids, &self.offers].into_iter().all(|side| {
            side.len() <= LEVELS_MAX
                && side.iter().all(|level| level.lots > 0)
                && side.is_sorted_by(|one, next| one.distance < next.distance)
        })
    }

    /// What an order of `lots` (negative sells) finds no farther than `band` from the mark.
    pub(crate) fn walk(&self, lots: i64, band: u32) -> Walked {
        let side = if lots > 0 { &self.offers } else { &self.bids };
        let (mut found, mut distance) = (0u64, 0u128);
        for level in side.iter().take_while(|level| level.distance <= band) {
            let take = level.lots.min(lots.unsigned_abs() - found);
            found += take;
            distance += u128::from(take) * u128::from(level.distance);
        }
        let slippage = if found == 0 { 0 } else { distance.div_ceil(found.into()) as u32 };
        Walked { lots: found, slippage }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book() -> Book {
        let side = |lots: [u64; 3]| {
            (1..).map(|k| 500 * k).zip(lots).map(|(distance, lots)| Level { distance, lots })
        };
        Book { bids: side([10, 20, 30]).collect(), offers: side([1, 1, 1]).collect() }
    }

    #[test]
    fn a_walk_takes_the_best_levels_inside_the_band_and_rounds_their_distance_up() {
        let walk = |lots, band| {
            let Walked { lots, slippage } = book().walk(lots, band);
            (lots, slippage)
        };
        assert_eq!(walk(-10, 10_000), (10, 500));
        assert_eq!(walk(-11, 10_000), (11, 546)); // 6,000 / 11 = 545.5
        assert_eq!(walk(-60, 10_000), (60, 1_167)); // 70,000 / 60
        assert_eq!(walk(-61, 10_000), (60, 1_167));
        assert_eq!(walk(-60, 1_000), (30, 834));
        assert_eq!(walk(-60, 999), (10, 500));
        assert_eq!(walk(-60, 499), (0, 0));
        assert_eq!(walk(2, 1_500), (2, 750));
        assert_eq!(Book::default().walk(5, 1_000), Walked { lots: 0, slippage: 0 });
    }

    #[test]
    fn a_book_out_of_order_or_with_empty_levels_is_not_sound() {
        assert!(book().is_sound() && Book::default().is_sound());
        let broken: [fn(&mut Book); 4] = [
            |book| book.bids[1].distance = 500,
            |book| book.offers[2].lots = 0,
            |book| book.offers.swap(0, 1),
            |book| book.bids = (0..65).map(|distance| Level { distance, lots: 1 }).collect(),
        ];
        for change in broken {
            let mut book = book();
            change(&mut book);
            assert!(!book.is_sound(), "{book:?}");
        }
    }
}
