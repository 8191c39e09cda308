use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

const DEPTH: Depth = Depth { levels: 3, step: 10_000, level_lots: 100, refill_lots: 7 };
const I: InstrumentId = InstrumentId(0);

fn venue(depth: &Depth) -> SimulatedVenue {
    let mut venue = SimulatedVenue::new(Scale::new(1_000_000).unwrap());
    venue.list(I, depth).unwrap();
    venue
}

fn price(mark: u64) -> Price {
    Price::new(mark).unwrap()
}

fn order(lots: i64, limit: u64) -> Order {
    Order { instrument: I, lots, limit }
}

#[test]
fn an_order_walks_the_levels_and_what_it_takes_comes_back() {
    let mut venue = venue(&DEPTH);
    let mut execute = |ms, lots, limit| venue.execute(ms, price(1_050), &order(lots, limit)).unwrap();
    // Bids at 1040, 1029, 1019 (floors of 10.5, 21, 31.5 away), offers at 1060, 1071, 1081.
    assert_eq!(execute(5_000, -150, 0), Fill { lots: -150, quote: 100 * 1_040 + 50 * 1_029 });
    assert_eq!(execute(5_999, -10, 1_029), Fill { lots: -10, quote: 10 * 1_029 });
    assert_eq!(execute(5_999, -10, 1_030), Fill::default());
    assert_eq!(execute(5_999, 250, 1_080), Fill { lots: 200, quote: -(100 * 1_060 + 100 * 1_071) });
    // 160 are gone; two seconds bring back 14, although no look at the book came at a whole second.
    assert_eq!(execute(6_500, -1, 1_040), Fill::default());
    assert_eq!(execute(7_000, -1_000, 0), Fill { lots: -154, quote: 54 * 1_029 + 100 * 1_019 });
    assert_eq!(venue.consumed(I, -1, 7_000), Some(300));
    assert_eq!(venue.consumed(I, -1, 7_999), Some(300));
    assert_eq!(venue.consumed(I, -1, 8_000), Some(293));
    assert_eq!(venue.consumed(I, 1, 8_000), Some(186));
    assert_eq!(venue.consumed(I, -1, 900_000), Some(0));
    assert_eq!(venue.consumed(InstrumentId(1), -1, 0), None);
}

#[test]
fn the_book_ends_at_zero_and_at_the_widest_price() {
    let depth = Depth { levels: 50, step: 1_000, level_lots: 2, refill_lots: 0 };
    let sold = venue(&depth).execute(0, price(4), &order(-100, 0)).unwrap();
    assert_eq!(sold, Fill { lots: -100, quote: 300 }, "every level is the nearest one, a quantum away");
    assert_eq!(venue(&depth).execute(0, price(1), &order(-100, 0)).unwrap(), Fill::default());
    let bought = venue(&depth).execute(0, price(Price::MAX), &order(100, u64::MAX)).unwrap();
    assert_eq!(bought, Fill::default());
    assert_eq!(venue(&DEPTH).execute(0, price(9), &order(0, 0)).unwrap(), Fill::default());
}

#[test]
fn what_the_venue_cannot_take_leaves_it_as_it_was() {
    let wide = Depth { level_lots: u64::MAX, ..DEPTH };
    let mut venue = venue(&wide);
    let huge = venue.execute(0, price(1_000_000), &order(i64::MIN, 0));
    assert_eq!(huge, Err(VenueError::TooLarge { lots: i64::MIN, mark: 1_000_000 }));
    assert_eq!(venue.consumed(I, -1, 0), Some(0));
    assert_eq!(venue.list(I, &DEPTH), Err(VenueError::ListedTwice(0)));
    let unknown = Order { instrument: InstrumentId(9), lots: 1, limit: 1 };
    assert_eq!(venue.execute(0, price(1), &unknown), Err(VenueError::Unlisted(9)));
}

/// One unit at a time, in `docs/venue.md`'s words: an array of lots, each there or gone.
struct Plain {
    depth: Depth,
    gone: [Vec<bool>; 2],
    clock_ms: [Option<i64>; 2],
}

impl Plain {
    fn new(depth: Depth) -> Self {
        let lots = depth.levels as usize * depth.level_lots as usize;
        Self { depth, gone: [vec![false; lots], vec![false; lots]], clock_ms: [None; 2] }
    }

    fn execute(&mut self, ms: i64, mark: i64, lots: i64, limit: i64) -> (i64, i64) {
        let side = usize::from(lots > 0);
        let clock = self.clock_ms[side].get_or_insert(ms);
        while *clock + 1_000 <= ms {
            *clock += 1_000;
            for _ in 0..self.depth.refill_lots {
                if let Some(last) = self.gone[side].iter().rposition(|gone| *gone) {
                    self.gone[side][last] = false;
                }
            }
        }
        let (mut filled, mut cash) = (0, 0);
        for at in 0..self.gone[side].len() {
            let level = 1 + at as i64 / self.depth.level_lots as i64;
            let away = (mark * level * i64::from(self.depth.step) / 1_000_000).max(1);
            let price = mark + lots.signum() * away;
            let worse = if lots > 0 { price > limit } else { price < limit || price <= 0 };
            if worse || filled == lots {
                break;
            }
            if !self.gone[side][at] {
                self.gone[side][at] = true;
                filled += lots.signum();
                cash -= lots.signum() * price;
            }
        }
        (filled, cash)
    }
}

fn any_depth() -> impl Strategy<Value = Depth> {
    (1u32..6, 1u32..60_000, 1u64..20, 0u64..9).prop_map(|(levels, step, level_lots, refill_lots)| Depth {
        levels,
        step,
        level_lots,
        refill_lots,
    })
}

proptest! {
    #[test]
    fn the_venue_is_the_plain_book(
        depth in any_depth(),
        orders in vec((0i64..4_000, 1i64..5_000, -60i64..60, -400i64..400), 1..40),
    ) {
        let (mut venue, mut plain) = (venue(&depth), Plain::new(depth));
        let mut replayed = venue.clone();
        let mut ms = 1_600_000_000_123;
        for (step, mark, lots, away) in orders {
            ms += step;
            let limit = (mark + away).max(0);
            let fill = venue.execute(ms, price(mark as u64), &order(lots, limit as u64)).unwrap();
            prop_assert_eq!((fill.lots, fill.quote), plain.execute(ms, mark, lots, limit));
            // Never beyond the order, the limit or the book.
            prop_assert!(fill.lots.signum() * lots.signum() >= 0 && fill.lots.abs() <= lots.abs());
            let within = if lots > 0 { -fill.quote <= fill.lots * limit } else { fill.quote >= -fill.lots * limit };
            prop_assert!(within);
            let gone = venue.consumed(I, lots, ms).unwrap();
            prop_assert!(gone <= u64::from(depth.levels) * depth.level_lots);
            replayed.replay(ms, I, lots, fill.lots).unwrap();
            prop_assert_eq!(replayed.consumed(I, lots, ms + step), venue.consumed(I, lots, ms + step));
        }
    }

    /// A larger order never fills less, costs at least as much in total and at least as much per lot.
    #[test]
    fn cost_rises_with_size(depth in any_depth(), mark in 1u64..100_000, gone in 0i64..60, small in 1i64..60, more in 1i64..60, buys: bool) {
        let sign = if buys { 1 } else { -1 };
        let limit = if buys { u64::MAX } else { 0 };
        let fill = |lots: i64| {
            let mut venue = venue(&depth);
            venue.execute(0, price(mark), &order(sign * gone, limit)).unwrap();
            venue.execute(0, price(mark), &order(sign * lots, limit)).unwrap()
        };
        let (less, more) = (fill(small), fill(small + more));
        let cost = |fill: Fill| -i128::from(fill.quote) - i128::from(fill.lots) * i128::from(mark);
        prop_assert!(more.lots.abs() >= less.lots.abs());
        prop_assert!(cost(less) >= i128::from(less.lots.abs()), "a fill is at least a quantum a lot worse than the mark");
        prop_assert!(cost(more) >= cost(less));
        prop_assert!(cost(more) * i128::from(less.lots.abs()) >= cost(less) * i128::from(more.lots.abs()));
    }
}
